//! `MLSMessage`: what a delivery service carries (RFC 9420 §6, §17.10).

use alloc::vec::Vec;

use crate::{
    codec::{Encode, Reader},
    error::{DecodeError, EncodeError},
    kept::Kept,
    key_package::KeyPackage,
    private_message::PrivateMessage,
    public_message::PublicMessage,
    registry::{ProtocolVersion, WireFormat},
    welcome::{GroupInfo, Welcome},
};

/// The media type of an encoded [`MlsMessage`] (RFC 9420 §17.10, R281).
pub const MEDIA_TYPE: &str = "message/mls";

/// The value of the media type's parameter `version`; the message's own `version` wins (R281).
pub const MEDIA_TYPE_VERSION: &str = "1.0";

/// `MLSMessage` (RFC 9420 §6).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MlsMessage {
    /// mls10: no other version decodes (R009).
    pub version: ProtocolVersion,
    /// What the message is.
    pub body: MlsMessageBody,
}

/// The part of `MLSMessage` that depends on its `wire_format` (RFC 9420 §6).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MlsMessageBody {
    /// `mls_public_message`.
    PublicMessage(PublicMessage),
    /// `mls_private_message`.
    PrivateMessage(PrivateMessage),
    /// `mls_welcome`.
    Welcome(Welcome),
    /// `mls_group_info`.
    GroupInfo(Kept<GroupInfo>),
    /// `mls_key_package`.
    KeyPackage(Kept<KeyPackage>),
}

impl MlsMessageBody {
    /// The value on the wire.
    #[must_use]
    pub const fn wire_format(&self) -> WireFormat {
        match self {
            Self::PublicMessage(_) => WireFormat::PUBLIC_MESSAGE,
            Self::PrivateMessage(_) => WireFormat::PRIVATE_MESSAGE,
            Self::Welcome(_) => WireFormat::WELCOME,
            Self::GroupInfo(_) => WireFormat::GROUP_INFO,
            Self::KeyPackage(_) => WireFormat::KEY_PACKAGE,
        }
    }

    fn body(&self) -> &dyn Encode {
        match self {
            Self::PublicMessage(body) => body,
            Self::PrivateMessage(body) => body,
            Self::Welcome(body) => body,
            Self::GroupInfo(body) => body,
            Self::KeyPackage(body) => body,
        }
    }
}

impl MlsMessage {
    /// What the message is, on the wire.
    #[must_use]
    pub const fn wire_format(&self) -> WireFormat {
        self.body.wire_format()
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let version: ProtocolVersion = reader.read()?;
        if version != ProtocolVersion::MLS10 {
            return Err(DecodeError::UnsupportedVersion(version.0)); // R009
        }
        let body = match reader.read()? {
            WireFormat::PUBLIC_MESSAGE => MlsMessageBody::PublicMessage(reader.read()?),
            WireFormat::PRIVATE_MESSAGE => MlsMessageBody::PrivateMessage(reader.read()?),
            WireFormat::WELCOME => MlsMessageBody::Welcome(reader.read()?),
            WireFormat::GROUP_INFO => MlsMessageBody::GroupInfo(reader.read()?),
            WireFormat::KEY_PACKAGE => MlsMessageBody::KeyPackage(reader.read()?),
            unknown => return Err(DecodeError::UnknownWireFormat(unknown.0)), // R009
        };
        Ok(Self { version, body })
    }
}

impl From<MlsMessageBody> for MlsMessage {
    fn from(body: MlsMessageBody) -> Self {
        Self { version: ProtocolVersion::MLS10, body }
    }
}

macro_rules! from_body {
    ($($variant:ident($body:ty)),*) => {$(
        impl From<$body> for MlsMessage {
            fn from(body: $body) -> Self {
                MlsMessageBody::$variant(body).into()
            }
        }
    )*};
}
from_body!(
    PublicMessage(PublicMessage),
    PrivateMessage(PrivateMessage),
    Welcome(Welcome),
    GroupInfo(Kept<GroupInfo>),
    KeyPackage(Kept<KeyPackage>)
);

impl Encode for MlsMessage {
    fn encoded_len(&self) -> usize {
        self.body.body().encoded_len().saturating_add(4)
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.version != ProtocolVersion::MLS10 {
            return Err(EncodeError::Inconsistent("version")); // R009
        }
        self.version.encode_into(out)?;
        self.wire_format().encode_into(out)?;
        self.body.body().encode_into(out)
    }
}

tls_encode!(MlsMessage);
tls_decode!(MlsMessage);
