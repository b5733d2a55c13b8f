//! `LeafNode` and its parts (RFC 9420 §7.2).
//!
//! A leaf is held as [`Kept<LeafNode>`] everywhere. What is signed is then a slice of the kept bytes, followed
//! by the leaf's place if it has one ([`Kept::<LeafNode>::tbs`], R070).

use alloc::vec::Vec;

use pleach_crypto::CipherSuiteId;

use crate::{
    codec::{Encode, Reader, opaque_len, write_opaque},
    credential::Credential,
    enums::LeafNodeSourceType,
    error::{DecodeError, EncodeError},
    extension::Extensions,
    index::LeafIndex,
    kept::{Kept, SignatureLast},
    leaf_view::LeafViewSource,
    registry::{CredentialType, ExtensionType, ProposalType, ProtocolVersion},
    vector::{HpkePublicKey, List, Opaque, SignaturePublicKey},
};

/// `LeafNode`: what a member tells the group about itself (RFC 9420 §7.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct LeafNode {
    /// The leaf's HPKE key in the ratchet tree.
    pub encryption_key: HpkePublicKey,
    /// The key that the member's signatures verify under.
    pub signature_key: SignaturePublicKey,
    /// Who the member is.
    pub credential: Credential,
    /// What the member supports.
    pub capabilities: Capabilities,
    /// Where the leaf came from.
    pub leaf_node_source: LeafNodeSource,
    /// Extensions of the leaf.
    pub extensions: Extensions,
    /// `SignWithLabel(., "LeafNodeTBS", LeafNodeTBS)`.
    pub signature: Opaque,
}

wire_struct!(LeafNode {
    encryption_key,
    signature_key,
    credential,
    capabilities,
    leaf_node_source,
    extensions,
    signature,
});

impl SignatureLast for LeafNode {
    fn signature(&self) -> &Opaque {
        &self.signature
    }

    fn set_signature(&mut self, signature: Opaque) {
        self.signature = signature;
    }
}

impl Kept<LeafNode> {
    /// `LeafNodeTBS`: the leaf up to its signature, and for the sources update and commit the group and the
    /// index of the leaf (RFC 9420 §7.2, R070). For the source key_package both arguments are ignored.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] if `group_id` is no vector.
    pub fn tbs(&self, group_id: &[u8], leaf_index: LeafIndex) -> Result<Vec<u8>, EncodeError> {
        let view = self.view();
        let leaf = view.before_signature;
        if matches!(view.source, LeafViewSource::KeyPackage(_)) {
            return Ok(leaf.to_vec());
        }
        let place = opaque_len(group_id.len()).saturating_add(4);
        let mut out = Vec::with_capacity(leaf.len().saturating_add(place));
        out.extend_from_slice(leaf);
        write_opaque(group_id, &mut out)?;
        leaf_index.encode_into(&mut out)?;
        Ok(out)
    }
}

/// `leaf_node_source` and what comes with it (RFC 9420 §7.2, R072).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LeafNodeSource {
    /// `key_package`, with its `lifetime`.
    KeyPackage(Lifetime),
    /// `update`.
    Update,
    /// `commit`.
    Commit {
        /// The parent hash of the leaf (§7.9).
        parent_hash: Opaque,
    },
}

impl LeafNodeSource {
    /// The value on the wire.
    #[must_use]
    pub const fn source_type(&self) -> LeafNodeSourceType {
        match self {
            Self::KeyPackage(_) => LeafNodeSourceType::KeyPackage,
            Self::Update => LeafNodeSourceType::Update,
            Self::Commit { .. } => LeafNodeSourceType::Commit,
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        // R072: the data follows from the source; there is no other way to say it.
        Ok(match reader.read()? {
            LeafNodeSourceType::KeyPackage => Self::KeyPackage(reader.read()?),
            LeafNodeSourceType::Update => Self::Update,
            LeafNodeSourceType::Commit => Self::Commit { parent_hash: reader.read()? },
        })
    }
}

impl Encode for LeafNodeSource {
    fn encoded_len(&self) -> usize {
        let data = match self {
            Self::KeyPackage(lifetime) => lifetime.encoded_len(),
            Self::Update => 0,
            Self::Commit { parent_hash } => parent_hash.encoded_len(),
        };
        data.saturating_add(1)
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.source_type().encode_into(out)?;
        match self {
            Self::KeyPackage(lifetime) => lifetime.encode_into(out),
            Self::Update => Ok(()),
            Self::Commit { parent_hash } => parent_hash.encode_into(out),
        }
    }
}

tls_encode!(LeafNodeSource);
tls_decode!(LeafNodeSource);

/// `Capabilities`: what a client supports, default proposal and extension types left out (RFC 9420 §7.2).
///
/// Unknown values are kept and match nothing (R066).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct Capabilities {
    /// Protocol versions.
    pub versions: List<ProtocolVersion>,
    /// Cipher suites.
    #[tls_codec(with = "crate::vector::cipher_suites")]
    pub cipher_suites: List<CipherSuiteId>,
    /// Extension types that are not default.
    pub extensions: List<ExtensionType>,
    /// Proposal types that are not default.
    pub proposals: List<ProposalType>,
    /// Credential types, all of them.
    pub credentials: List<CredentialType>,
}

wire_struct!(Capabilities { versions, cipher_suites, extensions, proposals, credentials });

/// `Lifetime`: when a KeyPackage may be used, in seconds since 1970, both ends included (RFC 9420 §7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct Lifetime {
    /// The first second.
    pub not_before: u64,
    /// The last second.
    pub not_after: u64,
}

wire_struct!(Lifetime { not_before, not_after });
