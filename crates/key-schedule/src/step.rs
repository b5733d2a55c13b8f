//! One use of a key of the secret tree, as a value: what it changes, before it changes it.
//!
//! The order is the caller's: prepare, open or seal the message, check everything, persist [`RatchetStep::rows`] in the
//! batch of the operation, commit. A step that is dropped on the way changed nothing (R147).

use crate::ratchet::Ratchet;
use crate::row::{Reader, Writer, secret_len};
use crate::{RatchetKind, RowError};
use alloc::vec::Vec;
use pleach_crypto::Secret;
use pleach_wire::{LeafIndex, NodeIndex};

const VERSION: u8 = crate::ROW_VERSION;

/// The name of a row of the secret tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretTreeKey {
    /// The secret of a node that nobody below has used yet.
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
/// message of a leaf writes its two ratchets and the O(log n) secrets beside its path, and erases one on the path.
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
    /// The node whose secret was the nearest: consumed.
    pub(crate) consumed: NodeIndex,
    /// The secrets beside the path from there to the leaf.
    pub(crate) copath: Vec<(NodeIndex, Secret)>,
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

    /// The node whose secret it consumes, if it is the first use of its leaf.
    #[must_use]
    pub fn consumed(&self) -> Option<NodeIndex> {
        self.first_use.as_ref().map(|first_use| first_use.consumed)
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
        if let Some(FirstUse { other, consumed, copath }) = &self.first_use {
            if let Some((kind, ratchet)) = other {
                put(SecretTreeKey::Ratchet(self.leaf, *kind), Some(ratchet.to_row()));
            }
            put(SecretTreeKey::Node(*consumed), None);
            for (node, secret) in copath {
                put(SecretTreeKey::Node(*node), Some(node_row(secret)));
            }
        }
        rows
    }
}

/// The row of a node's secret: the octet 1, then the secret after a `u16` length.
pub(crate) fn node_row(secret: &Secret) -> Secret {
    let mut row = Writer::new(VERSION, secret_len(secret));
    row.secret(secret);
    row.finish()
}

pub(crate) fn node_from_row(row: &[u8]) -> Result<Secret, RowError> {
    let mut row = Reader::new(VERSION, row)?;
    let secret = row.secret()?;
    row.finish()?;
    if secret.is_empty() { Err(RowError::Inconsistent) } else { Ok(secret) }
}
