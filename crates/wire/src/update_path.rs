//! `UpdatePath` and what it is made of (RFC 9420 §7.6).

use crate::{
    kept::Kept,
    leaf_node::LeafNode,
    vector::{HpkePublicKey, List, Opaque},
};

/// `HPKECiphertext` (RFC 9420 §7.6).
#[derive(Clone, Debug, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct HpkeCiphertext {
    /// The KEM's encapsulated key.
    pub kem_output: Opaque,
    /// The AEAD ciphertext with its tag.
    pub ciphertext: Opaque,
}

wire_struct!(HpkeCiphertext { kem_output, ciphertext });

/// `UpdatePathNode`: a new key on the path, and its path secret for the other side (RFC 9420 §7.6).
#[derive(Clone, Debug, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct UpdatePathNode {
    /// The node's new key.
    pub encryption_key: HpkePublicKey,
    /// One for each node of the copath child's resolution, without leaves added in the same Commit (R094).
    pub encrypted_path_secret: List<HpkeCiphertext>,
}

wire_struct!(UpdatePathNode { encryption_key, encrypted_path_secret });

/// `UpdatePath`: the committer's new leaf and the new keys above it (RFC 9420 §7.6).
#[derive(Clone, Debug, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct UpdatePath {
    /// The committer's new leaf.
    pub leaf_node: Kept<LeafNode>,
    /// One for each node of the filtered direct path, from the leaf up (R093).
    pub nodes: List<UpdatePathNode>,
}

wire_struct!(UpdatePath { leaf_node, nodes });
