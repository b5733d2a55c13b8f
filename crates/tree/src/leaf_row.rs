//! One leaf from its row alone: for reading a message, which needs the sender's leaf and nothing else of the tree.

use pleach_wire::{Kept, LeafIndex, LeafNode};

use crate::{RatchetTree, TreeError, position::Position, row::Row};

impl RatchetTree {
    /// The leaf node in a row that was written for the leaf at `index`, in a group with this `hash`. It is not checked
    /// against a tree hash.
    ///
    /// # Errors
    /// [`TreeError::Corrupt`].
    pub fn leaf_from_row(
        hash: &dyn pleach_crypto::Hash,
        index: LeafIndex,
        row: &[u8],
    ) -> Result<Kept<LeafNode>, TreeError> {
        match Row::decode(row, Position::leaf(index), hash)? {
            Row::Leaf(leaf) => Ok(leaf),
            Row::Parent { .. } => Err(TreeError::Corrupt(index.node())),
        }
    }
}
