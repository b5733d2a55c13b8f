//! The rows a group consists of, by name. The facade maps these names to storage keys; their order is that of the keys.

use alloc::vec::Vec;
use pleach_key_schedule::RatchetKind;
use pleach_tree::KeyName;
use pleach_wire::{LeafIndex, NodeIndex};

/// The name of a row. Where no other is named, it is a row of one group of one client.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RecordKey {
    /// What opening a group reads first: suite, epoch, own leaf, transcript, retained epochs.
    Head,
    /// A node of the ratchet tree.
    TreeNode(NodeIndex),
    /// Which node has a key of the ratchet tree.
    KeyIndex(KeyName),
    /// Which leaves a client has, by the hash of its id.
    ClientIndex(Vec<u8>),
    /// The private keys that this member holds of the ratchet tree: one row.
    PathKeys,
    /// The GroupContext and the secrets of an epoch.
    Epoch(u64),
    /// The signature key that a leaf had in a past epoch, if it has another now.
    EpochLeaf(u64, LeafIndex),
    /// A node of an epoch's secret tree.
    SecretNode(u64, NodeIndex),
    /// A ratchet of an epoch's secret tree.
    Ratchet(u64, RatchetKind, LeafIndex),
    /// The key of a generation that a ratchet passed, for a message that may still come.
    Skipped(u64, RatchetKind, LeafIndex, u32),
    /// A proposal received or sent in the current epoch, by its ProposalRef.
    Proposal(Vec<u8>),
    /// The private key of an own Update proposal, by its ProposalRef.
    OwnUpdateKey(Vec<u8>),
    /// A commit made here and not merged yet, by the hash of its message.
    PendingCommit(Vec<u8>),
    /// An external commit made here and not accepted yet, by the hash of its message.
    PendingExternalCommit(Vec<u8>),
    /// A row of the client: the resumption PSK of a group's epoch. It outlives the group.
    ResumptionPsk(Vec<u8>, u64),
    /// A row of the client: an external PSK, by its id.
    ExternalPsk(Vec<u8>),
    /// A row of the client: a key package with its private keys, by its KeyPackageRef.
    KeyPackage(Vec<u8>),
}

/// What kind of row a [`RecordKey`] names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "as the variants of RecordKey")]
pub enum RowKind {
    Head,
    TreeNode,
    KeyIndex,
    ClientIndex,
    PathKeys,
    Epoch,
    EpochLeaf,
    SecretNode,
    Ratchet,
    SkippedKey,
    Proposal,
    OwnUpdateKey,
    PendingCommit,
    PendingExternalCommit,
    ResumptionPsk,
    ExternalPsk,
    KeyPackage,
}

impl RecordKey {
    /// What kind of row it is.
    #[must_use]
    pub const fn kind(&self) -> RowKind {
        match self {
            Self::Head => RowKind::Head,
            Self::TreeNode(_) => RowKind::TreeNode,
            Self::KeyIndex(_) => RowKind::KeyIndex,
            Self::ClientIndex(_) => RowKind::ClientIndex,
            Self::PathKeys => RowKind::PathKeys,
            Self::Epoch(_) => RowKind::Epoch,
            Self::EpochLeaf(..) => RowKind::EpochLeaf,
            Self::SecretNode(..) => RowKind::SecretNode,
            Self::Ratchet(..) => RowKind::Ratchet,
            Self::Skipped(..) => RowKind::SkippedKey,
            Self::Proposal(_) => RowKind::Proposal,
            Self::OwnUpdateKey(_) => RowKind::OwnUpdateKey,
            Self::PendingCommit(_) => RowKind::PendingCommit,
            Self::PendingExternalCommit(_) => RowKind::PendingExternalCommit,
            Self::ResumptionPsk(..) => RowKind::ResumptionPsk,
            Self::ExternalPsk(_) => RowKind::ExternalPsk,
            Self::KeyPackage(_) => RowKind::KeyPackage,
        }
    }
}

/// A range of rows of one group of one client.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RecordRange {
    /// All nodes of the ratchet tree.
    TreeNodes,
    /// The nodes of the ratchet tree from this one on.
    TreeNodesFrom(NodeIndex),
    /// The pending proposals.
    Proposals,
    /// The private keys of own Update proposals.
    OwnUpdateKeys,
    /// The commits made here and not merged.
    PendingCommits,
    /// The replaced signature keys of one past epoch.
    EpochLeaves(u64),
    /// The secret tree of one epoch.
    SecretNodes(u64),
    /// The ratchets of one kind of one epoch.
    Ratchets(u64, RatchetKind),
    /// The skipped keys of one kind of one epoch.
    SkippedKeys(u64, RatchetKind),
    /// All rows of the group.
    Group,
}
