//! `GroupContext` (RFC 9420 §8.1).

use pleach_crypto::CipherSuiteId;

use crate::{extension::Extensions, registry::ProtocolVersion, vector::Opaque};

/// `GroupContext`: what the members of an epoch agree on (RFC 9420 §8.1, R117).
#[derive(Clone, Debug, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct GroupContext {
    /// mls10 in any group that this library is in (R118, checked by the joiner).
    pub version: ProtocolVersion,
    /// The group's cipher suite.
    #[tls_codec(with = "crate::codec::cipher_suite")]
    pub cipher_suite: CipherSuiteId,
    /// The group.
    pub group_id: Opaque,
    /// The number of Commits since the group was created.
    pub epoch: u64,
    /// The tree hash of the root.
    pub tree_hash: Opaque,
    /// The hash over all Commits up to this epoch (§8.2).
    pub confirmed_transcript_hash: Opaque,
    /// Extensions of the group.
    pub extensions: Extensions,
}

wire_struct!(GroupContext {
    version,
    cipher_suite,
    group_id,
    epoch,
    tree_hash,
    confirmed_transcript_hash,
    extensions,
});
