//! The `uint16` registries of RFC 9420 §17: open sets of values, each a newtype with named constants.
//!
//! An unknown value is data, not an error: what to do with it is decided where it is used. Cipher suites are
//! `pleach_crypto::CipherSuiteId`.

use alloc::vec::Vec;
use core::fmt;

use crate::{codec::Encode, error::EncodeError};

/// The values that are never assigned, to keep implementations tolerant (RFC 9420 §13.5, R262).
///
/// For cipher suites, extension types, proposal types and credential types.
pub const GREASE: [u16; 15] = [
    0x0a0a, 0x1a1a, 0x2a2a, 0x3a3a, 0x4a4a, 0x5a5a, 0x6a6a, 0x7a7a, 0x8a8a, 0x9a9a, 0xaaaa, 0xbaba, 0xcaca,
    0xdada, 0xeaea,
];

/// Whether `value` is one of [`GREASE`].
#[must_use]
pub const fn is_grease_value(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a && low != 0xfa
}

macro_rules! registry {
    ($(#[$doc:meta])* $name:ident { $($(#[$item_doc:meta])* $constant:ident = $value:literal, $text:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, tls_codec::TlsDeserializeBytes)]
        pub struct $name(pub u16);

        impl $name {
            $($(#[$item_doc])* pub const $constant: Self = Self($value);)*

            /// The name in the registry, of the values known here.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($text),)*
                    _ => None,
                }
            }

            /// Whether the value is for private use, 0xF000 to 0xFFFF (R279).
            #[must_use]
            pub const fn is_private_use(self) -> bool {
                self.0 >= 0xf000
            }

            /// Whether the value is one of [`GREASE`] (RFC 9420 §13.5). No registry assigns those.
            #[must_use]
            pub const fn is_grease(self) -> bool {
                is_grease_value(self.0)
            }
        }

        impl From<u16> for $name {
            fn from(value: u16) -> Self {
                Self(value)
            }
        }

        impl From<$name> for u16 {
            fn from(value: $name) -> Self {
                value.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None if self.is_grease() => write!(f, "grease({:#06x})", self.0),
                    None => write!(f, "{:#06x}", self.0),
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl Encode for $name {
            fn encoded_len(&self) -> usize {
                2
            }

            fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
                self.0.encode_into(out)
            }
        }

        tls_encode!($name);
    };
}

registry! {
    /// `ProtocolVersion` (RFC 9420 §6).
    ProtocolVersion {
        /// MLS 1.0: RFC 9420.
        MLS10 = 1, "mls10";
    }
}

registry! {
    /// `WireFormat`: what an `MLSMessage` holds (RFC 9420 §6, §17.2).
    WireFormat {
        /// [`PublicMessage`](crate::PublicMessage).
        PUBLIC_MESSAGE = 1, "mls_public_message";
        /// [`PrivateMessage`](crate::PrivateMessage).
        PRIVATE_MESSAGE = 2, "mls_private_message";
        /// [`Welcome`](crate::Welcome).
        WELCOME = 3, "mls_welcome";
        /// [`GroupInfo`](crate::GroupInfo).
        GROUP_INFO = 4, "mls_group_info";
        /// [`KeyPackage`](crate::KeyPackage).
        KEY_PACKAGE = 5, "mls_key_package";
    }
}

registry! {
    /// `ProposalType` (RFC 9420 §12.1, §17.4).
    ProposalType {
        /// [`Add`](crate::Add).
        ADD = 1, "add";
        /// [`Update`](crate::Update).
        UPDATE = 2, "update";
        /// [`Remove`](crate::Remove).
        REMOVE = 3, "remove";
        /// [`PreSharedKey`](crate::PreSharedKey).
        PSK = 4, "psk";
        /// [`ReInit`](crate::ReInit).
        REINIT = 5, "reinit";
        /// [`ExternalInit`](crate::ExternalInit).
        EXTERNAL_INIT = 6, "external_init";
        /// [`GroupContextExtensions`](crate::GroupContextExtensions).
        GROUP_CONTEXT_EXTENSIONS = 7, "group_context_extensions";
    }
}

impl ProposalType {
    /// Whether every client supports this type, so that it is not listed in capabilities (RFC 9420 §7.2, R062).
    #[must_use]
    pub const fn is_default(self) -> bool {
        matches!(self.0, 1..=7)
    }
}

registry! {
    /// `ExtensionType` (RFC 9420 §13, §17.3).
    ExtensionType {
        /// [`ApplicationId`](crate::ApplicationId), in a leaf.
        APPLICATION_ID = 1, "application_id";
        /// [`RatchetTreeNodes`](crate::RatchetTreeNodes), in a GroupInfo.
        RATCHET_TREE = 2, "ratchet_tree";
        /// [`RequiredCapabilities`](crate::RequiredCapabilities), in a GroupContext.
        REQUIRED_CAPABILITIES = 3, "required_capabilities";
        /// [`ExternalPub`](crate::ExternalPub), in a GroupInfo.
        EXTERNAL_PUB = 4, "external_pub";
        /// [`ExternalSenders`](crate::ExternalSenders), in a GroupContext.
        EXTERNAL_SENDERS = 5, "external_senders";
    }
}

impl ExtensionType {
    /// Whether every client supports this type, so that it is not listed in capabilities (RFC 9420 §7.2, R062).
    #[must_use]
    pub const fn is_default(self) -> bool {
        matches!(self.0, 1..=5)
    }
}

registry! {
    /// `CredentialType` (RFC 9420 §5.3, §17.5).
    CredentialType {
        /// [`Credential::Basic`](crate::Credential::Basic).
        BASIC = 1, "basic";
        /// [`Credential::X509`](crate::Credential::X509).
        X509 = 2, "x509";
    }
}

#[cfg(test)]
mod tests {
    use std::format;

    use super::*;

    #[test]
    fn grease_is_exactly_the_table() {
        let found: Vec<u16> = (0..=u16::MAX).filter(|value| is_grease_value(*value)).collect();
        assert_eq!(found, GREASE);
    }

    // breaks: R279
    #[test]
    fn names() {
        assert_eq!(format!("{:?} {}", ProposalType::ADD, ProposalType(0xf003)), "ProposalType(add) 0xf003");
        assert_eq!(format!("{}", ExtensionType(0x0a0a)), "grease(0x0a0a)");
        assert!(ExtensionType(0xf000).is_private_use() && !ExtensionType(0xefff).is_private_use());
        assert!(!ExtensionType(6).is_default() && !ExtensionType(0).is_default());
        assert!(ProposalType(7).is_default() && !ProposalType(8).is_default());
    }
}
