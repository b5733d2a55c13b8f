//! One use of a key of the secret tree, as a value: what it changes, before it changes it.
//!
//! The order is the caller's: prepare, open or seal the message, check everything, persist [`RatchetStep::rows`] in the
//! batch of the operation, commit. A step that is dropped on the way changed nothing (R147).

use crate::RatchetKind;
use crate::node_secrets::NodeSecrets;
use crate::ratchet::Ratchet;
use alloc::vec::Vec;
use pleach_crypto::Secret;
use pleach_wire::{LeafIndex, NodeIndex};

/// The name of a row of the secret tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretTreeKey {
    /// The secret of a node that nobody below has used yet; or what the first use left of those below it.
    Node(NodeIndex),
    /// A ratchet.
    Ratchet(LeafIndex, RatchetKind),
    /// The key of a generation that a ratchet passed, and keeps because its message has not arrived.
    Skipped(LeafIndex, RatchetKind, u32),
}

/// A row to write, or to erase where there is no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretTreeRow {
    /// Which row.
    pub key: SecretTreeKey,
    /// Its new bytes; `None` to erase it.
    pub value: Option<Secret>,
}

/// The use of one generation of one ratchet, prepared and not yet committed.
///
/// A message writes one row, and one for each generation that it skips; a late one erases its skipped key. The first
/// message of a leaf writes its two ratchets, and one or two rows of nodes: where the secret was that it consumes, and the
/// O(log n) secrets beside its path from there.
#[derive(Debug, Clone)]
pub struct RatchetStep {
    pub(crate) leaf: LeafIndex,
    pub(crate) kind: RatchetKind,
    pub(crate) generation: u32,
    /// The state of the tree that it was prepared on.
    pub(crate) revision: u64,
    pub(crate) ratchet: Ratchet,
    pub(crate) skipped_changed: Vec<u32>,
    pub(crate) first_use: Option<FirstUse>,
}

/// What the first use of a leaf changes besides the ratchet that it uses (RFC 9420 §9.2, R142).
#[derive(Debug, Clone)]
pub(crate) struct FirstUse {
    /// The leaf's other ratchet; `None` in a past epoch, which keeps no handshake ratchets.
    pub(crate) other: Option<(RatchetKind, Ratchet)>,
    /// First the node in whose row the secret was that is consumed, without it; then, if the node consumed is another one, that one.
    pub(crate) nodes: Vec<(NodeIndex, Option<NodeSecrets>)>,
}

impl RatchetStep {
    /// The leaf whose ratchet is used.
    #[must_use]
    pub fn leaf(&self) -> LeafIndex {
        self.leaf
    }

    /// Which ratchet.
    #[must_use]
    pub fn kind(&self) -> RatchetKind {
        self.kind
    }

    /// The generation that is used.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// The node whose row loses the secret that it consumes, if it is the first use of its leaf. Other first uses change the
    /// same row: the step holds only while that is as it was read.
    #[must_use]
    pub fn holder(&self) -> Option<NodeIndex> {
        self.first_use.as_ref()?.nodes.first().map(|(holder, _)| *holder)
    }

    /// What to write and erase so that the stored tree has made this step.
    #[must_use]
    pub fn rows(&self) -> Vec<SecretTreeRow> {
        let mut rows = Vec::new();
        let mut put = |key, value| rows.push(SecretTreeRow { key, value });
        put(SecretTreeKey::Ratchet(self.leaf, self.kind), Some(self.ratchet.to_row()));
        for &generation in &self.skipped_changed {
            let key = SecretTreeKey::Skipped(self.leaf, self.kind, generation);
            put(key, self.ratchet.skipped_row(generation));
        }
        if let Some(FirstUse { other, nodes }) = &self.first_use {
            if let Some((kind, ratchet)) = other {
                put(SecretTreeKey::Ratchet(self.leaf, *kind), Some(ratchet.to_row()));
            }
            for (node, secrets) in nodes {
                put(SecretTreeKey::Node(*node), secrets.as_ref().map(NodeSecrets::to_row));
            }
        }
        rows
    }
}
