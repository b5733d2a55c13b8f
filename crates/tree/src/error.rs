//! What can go wrong with a ratchet tree: one variant per requirement, none of which carries key material.

use alloc::vec::Vec;

use pleach_crypto::CryptoError;
use pleach_wire::{DecodeError, EncodeError, LeafIndex, NodeIndex};

use crate::KeyName;

/// An error of a tree operation. The tree that the operation started from is unchanged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TreeError {
    /// These nodes are not loaded: read their rows, give them to [`RatchetTree::load`](crate::RatchetTree::load) and
    /// try again. A node of the list without a row is blank.
    #[error("{} nodes are not loaded", .0.len())]
    Need(Vec<NodeIndex>),
    /// Whether a node that is not loaded has one of these keys is not known: look them up in the stored index, give the
    /// answers to [`RatchetTree::answer_key`](crate::RatchetTree::answer_key) and try again.
    #[error("{} keys are to be looked up", .0.len())]
    NeedKeys(Vec<KeyName>),
    /// A stored row is damaged, or is not the one that its parent's hash names.
    #[error("corrupt row of node {0}")]
    Corrupt(NodeIndex),
    /// A later version of this library wrote the row of this node.
    #[error("the row of node {node} has format {found}, formats up to {known} are known")]
    NewerRow {
        /// The node.
        node: NodeIndex,
        /// The format of the row.
        found: u8,
        /// The newest format that this version knows.
        known: u8,
    },
    /// A later version of this library wrote the private keys.
    #[error("the private keys of the tree have format {found}, formats up to {known} are known")]
    NewerPrivate {
        /// The format of the row.
        found: u8,
        /// The newest format that this version knows.
        known: u8,
    },
    /// The leaf is outside of the tree (RFC 9420 §6.1, §12.1.3; R039, R183).
    #[error("leaf {0} is outside of the tree")]
    LeafOutOfRange(LeafIndex),
    /// The node is outside of the tree.
    #[error("node {0} is outside of the tree")]
    NodeOutOfRange(NodeIndex),
    /// The leaf is blank: nobody to update, remove or send (RFC 9420 §12.1.2, §12.1.3; R181, R183).
    #[error("leaf {0} is blank")]
    BlankLeaf(LeafIndex),
    /// The path comes from a blank leaf that is not the place of an external joiner (RFC 9420 §12.4.3.2, R213).
    #[error("leaf {0} is not the leftmost blank leaf")]
    NotLeftmostBlank(LeafIndex),
    /// No more leaves fit into the tree.
    #[error("the tree is full")]
    TreeFull,
    /// The last node of a `ratchet_tree` is a parent: the tree was not truncated (RFC 9420 §7.7, §12.4.3.3; R100, R253).
    #[error("the last node of the ratchet tree is not a leaf")]
    TrailingParent,
    /// Two members have this signature key (RFC 9420 §7.3, R083).
    #[error("the signature key of leaf {0} is not unique")]
    DuplicateSignatureKey(LeafIndex),
    /// Two nodes have this encryption key (RFC 9420 §7.3, §12.4.3.1; R084, R241).
    #[error("the encryption key of node {0} is not unique")]
    DuplicateEncryptionKey(NodeIndex),
    /// The new leaf has the encryption key of the leaf that it replaces (RFC 9420 §7.3, §12.4.2; R081, R082).
    #[error("leaf {0} keeps its encryption key")]
    UnchangedEncryptionKey(LeafIndex),
    /// The leaf of an UpdatePath does not have the source `commit` (RFC 9420 §7.3, R080).
    #[error("the leaf of an UpdatePath has another source than commit")]
    WrongLeafSource,
    /// An UpdatePath does not have one node per node of the filtered direct path (RFC 9420 §7.6, R093).
    #[error("the UpdatePath has {found} nodes, not {expected}")]
    PathLength {
        /// Nodes of the filtered direct path.
        expected: usize,
        /// Nodes of the UpdatePath.
        found: usize,
    },
    /// A node of an UpdatePath does not have one ciphertext per node of the copath resolution (RFC 9420 §7.6, R094).
    #[error("node {node} has {found} encrypted path secrets, not {expected}")]
    CiphertextCount {
        /// The node of the filtered direct path.
        node: NodeIndex,
        /// Nodes of the resolution without new leaves.
        expected: usize,
        /// Ciphertexts found.
        found: usize,
    },
    /// A public key of an UpdatePath is in the tree already, or twice in the path (RFC 9420 §12.4.2, R101).
    #[error("a key of the UpdatePath is used more than once")]
    PathKeyReused,
    /// The `parent_hash` of an UpdatePath's leaf is not that of the path (RFC 9420 §7.9.2, R110).
    #[error("the parent hash of the UpdatePath's leaf is wrong")]
    ParentHashMismatch,
    /// The path comes from ourselves: there is nothing encrypted to us in it.
    #[error("the UpdatePath is our own")]
    OwnPath,
    /// No private key for any node that the path secret was encrypted to (RFC 9420 §7.5, R096).
    #[error("no private key for the path secret")]
    NoDecryptionKey,
    /// The encrypted path secret does not decrypt to one (RFC 9420 §7.5, R096).
    #[error("the path secret does not decrypt")]
    PathSecretDecryption,
    /// A path secret gives another public key than the UpdatePath has (RFC 9420 §7.5, R097).
    #[error("the path secret does not match the key of node {0}")]
    PathKeyMismatch(NodeIndex),
    /// A parent node is not covered by exactly one parent-hash chain (RFC 9420 §7.9.2, R109).
    #[error("the parent hash of node {0} is not valid")]
    ParentHashInvalid(NodeIndex),
    /// `unmerged_leaves` of a node are not strictly increasing (RFC 9420 §7.1, R061).
    #[error("the unmerged leaves of node {0} are not in order")]
    UnmergedNotSorted(NodeIndex),
    /// An entry of a node's `unmerged_leaves` is a blank leaf (RFC 9420 §12.4.3.1, R241).
    #[error("an unmerged leaf of node {0} is blank")]
    UnmergedBlank(NodeIndex),
    /// An entry of a node's `unmerged_leaves` is no descendant of it (RFC 9420 §12.4.3.1, R241).
    #[error("an unmerged leaf of node {0} is not below it")]
    UnmergedNotDescendant(NodeIndex),
    /// A node between a parent and its unmerged leaf does not list the leaf (RFC 9420 §12.4.3.1, R241).
    #[error("an unmerged leaf above is missing from node {0}")]
    UnmergedMissing(NodeIndex),
    /// The signature of a leaf does not verify (RFC 9420 §7.3, R074).
    #[error("the signature of leaf {0} does not verify")]
    LeafSignature(LeafIndex),
    /// A private key does not belong to the public key in the tree (RFC 9420 §12.4.3.1, R242, R244).
    #[error("the private key of node {0} does not match the tree")]
    PrivateKeyMismatch(NodeIndex),
    /// A stored private state does not decode.
    #[error("corrupt private tree state")]
    CorruptPrivate,
    /// The caller broke a contract; never caused by a peer.
    #[error("misuse of the tree: {0}")]
    Misuse(&'static str),
    /// A primitive failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// A structure has no encoding.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// Bytes do not decode.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}
