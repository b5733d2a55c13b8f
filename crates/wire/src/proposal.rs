//! Proposals (RFC 9420 §12.1).
//!
//! A `Proposal` has no length of its own. A type that is not known here is read as one `<V>` vector, the form
//! that an application's own proposals must have; whether it is acceptable is for others to say (R202).

use alloc::vec::Vec;

use pleach_crypto::CipherSuiteId;

use crate::{
    codec::{Encode, Reader},
    error::{DecodeError, EncodeError},
    extension::Extensions,
    index::LeafIndex,
    kept::Kept,
    key_package::KeyPackage,
    leaf_node::LeafNode,
    psk::PreSharedKeyId,
    registry::{ProposalType, ProtocolVersion},
    vector::Opaque,
};

/// `Proposal` (RFC 9420 §12.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Proposal {
    /// `add`.
    Add(Add),
    /// `update`.
    Update(Update),
    /// `remove`.
    Remove(Remove),
    /// `psk`.
    PreSharedKey(PreSharedKey),
    /// `reinit`.
    ReInit(ReInit),
    /// `external_init`.
    ExternalInit(ExternalInit),
    /// `group_context_extensions`.
    GroupContextExtensions(GroupContextExtensions),
    /// Another type, whose body is one `<V>` vector.
    Custom {
        /// The type; never one of the above.
        proposal_type: ProposalType,
        /// What the vector holds.
        data: Opaque,
    },
}

impl Proposal {
    /// The type on the wire.
    #[must_use]
    pub const fn proposal_type(&self) -> ProposalType {
        match self {
            Self::Add(_) => ProposalType::ADD,
            Self::Update(_) => ProposalType::UPDATE,
            Self::Remove(_) => ProposalType::REMOVE,
            Self::PreSharedKey(_) => ProposalType::PSK,
            Self::ReInit(_) => ProposalType::REINIT,
            Self::ExternalInit(_) => ProposalType::EXTERNAL_INIT,
            Self::GroupContextExtensions(_) => ProposalType::GROUP_CONTEXT_EXTENSIONS,
            Self::Custom { proposal_type, .. } => *proposal_type,
        }
    }

    fn body(&self) -> &dyn Encode {
        match self {
            Self::Add(body) => body,
            Self::Update(body) => body,
            Self::Remove(body) => body,
            Self::PreSharedKey(body) => body,
            Self::ReInit(body) => body,
            Self::ExternalInit(body) => body,
            Self::GroupContextExtensions(body) => body,
            Self::Custom { data, .. } => data,
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.read()? {
            ProposalType::ADD => Self::Add(reader.read()?),
            ProposalType::UPDATE => Self::Update(reader.read()?),
            ProposalType::REMOVE => Self::Remove(reader.read()?),
            ProposalType::PSK => Self::PreSharedKey(reader.read()?),
            ProposalType::REINIT => Self::ReInit(reader.read()?),
            ProposalType::EXTERNAL_INIT => Self::ExternalInit(reader.read()?),
            ProposalType::GROUP_CONTEXT_EXTENSIONS => Self::GroupContextExtensions(reader.read()?),
            proposal_type => Self::Custom { proposal_type, data: reader.read()? },
        })
    }
}

impl Encode for Proposal {
    fn encoded_len(&self) -> usize {
        self.body().encoded_len().saturating_add(2)
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if let Self::Custom { proposal_type, .. } = self
            && proposal_type.is_default()
        {
            return Err(EncodeError::Inconsistent("proposal_type"));
        }
        self.proposal_type().encode_into(out)?;
        self.body().encode_into(out)
    }
}

tls_encode!(Proposal);
tls_decode!(Proposal);

/// `Add` (RFC 9420 §12.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct Add {
    /// Of the client to add.
    pub key_package: Kept<KeyPackage>,
}

wire_struct!(Add { key_package });

/// `Update` (RFC 9420 §12.1.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct Update {
    /// The sender's new leaf.
    pub leaf_node: Kept<LeafNode>,
}

wire_struct!(Update { leaf_node });

/// `Remove` (RFC 9420 §12.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct Remove {
    /// The leaf to remove; any 32 bits.
    pub removed: LeafIndex,
}

wire_struct!(Remove { removed });

/// `PreSharedKey` (RFC 9420 §12.1.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct PreSharedKey {
    /// Which key.
    pub psk: PreSharedKeyId,
}

wire_struct!(PreSharedKey { psk });

/// `ReInit` (RFC 9420 §12.1.5).
#[derive(Clone, Debug, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct ReInit {
    /// Of the new group.
    pub group_id: Opaque,
    /// Of the new group.
    pub version: ProtocolVersion,
    /// Of the new group.
    #[tls_codec(with = "crate::codec::cipher_suite")]
    pub cipher_suite: CipherSuiteId,
    /// Of the new group's GroupContext.
    pub extensions: Extensions,
}

wire_struct!(ReInit { group_id, version, cipher_suite, extensions });

/// `ExternalInit` (RFC 9420 §12.1.6).
#[derive(Clone, Debug, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct ExternalInit {
    /// To the group's `external_pub`.
    pub kem_output: Opaque,
}

wire_struct!(ExternalInit { kem_output });

/// `GroupContextExtensions` (RFC 9420 §12.1.7).
#[derive(Clone, Debug, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct GroupContextExtensions {
    /// All of the new ones (R186).
    pub extensions: Extensions,
}

wire_struct!(GroupContextExtensions { extensions });
