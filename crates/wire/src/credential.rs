//! Credentials (RFC 9420 §5.3).
//!
//! A `Credential` has no length of its own, so a type that is not known here cannot be skipped in general: it is
//! read as one `<V>` vector (R024), kept byte for byte, and left to policy to refuse. Certificates are not parsed.

use alloc::vec::Vec;

use crate::{
    codec::{Encode, Reader},
    error::{DecodeError, EncodeError},
    registry::CredentialType,
    vector::{List, Opaque},
};

/// `Credential`: who a client says it is (RFC 9420 §5.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// `basic`: a bare identity.
    Basic {
        /// In the application's own format.
        identity: Opaque,
    },
    /// `x509`: a certificate chain.
    X509 {
        /// The end entity's certificate first (R022, not checked here).
        certificates: List<Certificate>,
    },
    /// Another type, whose data is one `<V>` vector.
    Unknown {
        /// The type; never `basic` or `x509`.
        credential_type: CredentialType,
        /// What the vector holds.
        data: Opaque,
    },
}

/// `Certificate`: one DER certificate, not parsed (RFC 9420 §5.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct Certificate {
    /// DER, as the sender wrote it.
    pub cert_data: Opaque,
}

wire_struct!(Certificate { cert_data });

impl Credential {
    /// A basic credential.
    #[must_use]
    pub fn basic(identity: &[u8]) -> Self {
        Self::Basic { identity: identity.into() }
    }

    /// The type on the wire.
    #[must_use]
    pub const fn credential_type(&self) -> CredentialType {
        match self {
            Self::Basic { .. } => CredentialType::BASIC,
            Self::X509 { .. } => CredentialType::X509,
            Self::Unknown { credential_type, .. } => *credential_type,
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.read()? {
            CredentialType::BASIC => Self::Basic { identity: reader.read()? },
            CredentialType::X509 => Self::X509 { certificates: reader.read()? },
            credential_type => Self::Unknown { credential_type, data: reader.read()? },
        })
    }
}

impl Encode for Credential {
    fn encoded_len(&self) -> usize {
        let data = match self {
            Self::Basic { identity } => identity.encoded_len(),
            Self::X509 { certificates } => certificates.encoded_len(),
            Self::Unknown { data, .. } => data.encoded_len(),
        };
        data.saturating_add(2)
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.credential_type().encode_into(out)?;
        match self {
            Self::Basic { identity } => identity.encode_into(out),
            Self::X509 { certificates } => certificates.encode_into(out),
            Self::Unknown { credential_type: CredentialType::BASIC | CredentialType::X509, .. } => {
                Err(EncodeError::Inconsistent("credential_type"))
            }
            Self::Unknown { data, .. } => data.encode_into(out),
        }
    }
}

tls_encode!(Credential);
tls_decode!(Credential);
