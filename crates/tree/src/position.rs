//! Where a subtree is: its height and its first leaf. A [`NodeIndex`] follows from the two and does not depend on the
//! size of the tree (RFC 9420 Appendix C), so nothing moves when the tree is extended or truncated.

use alloc::vec::Vec;

use pleach_wire::{LeafIndex, NodeIndex};

/// The height of the largest tree: 2^30 leaves. Node indices then fit 31 bits.
pub(crate) const MAX_HEIGHT: u8 = 30;

/// The place of a subtree. Invariant: `first` is a multiple of `1 << height`, and `height <= MAX_HEIGHT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) height: u8,
    pub(crate) first: u32,
}

impl Position {
    pub(crate) fn leaf(leaf: LeafIndex) -> Self {
        Self { height: 0, first: leaf.0 }
    }

    /// The ancestor of `leaf` at `height`.
    pub(crate) fn above(leaf: LeafIndex, height: u8) -> Self {
        Self { height, first: (leaf.0 >> height) << height }
    }

    pub(crate) fn of_node(node: NodeIndex) -> Self {
        let height = node.0.trailing_ones().min(u32::from(MAX_HEIGHT)) as u8;
        Self { height, first: (node.0 >> (height + 1)) << height }
    }

    /// `2 * first + 2^height - 1`.
    pub(crate) fn node(self) -> NodeIndex {
        NodeIndex((self.first << 1) + (self.leaves() - 1))
    }

    /// How many leaves the subtree has room for.
    pub(crate) fn leaves(self) -> u32 {
        1 << self.height
    }

    /// One behind the last leaf.
    pub(crate) fn end(self) -> u32 {
        self.first + self.leaves()
    }

    pub(crate) fn contains(self, leaf: LeafIndex) -> bool {
        (self.first..self.end()).contains(&leaf.0)
    }

    /// The first leaf of the right half.
    pub(crate) fn middle(self) -> u32 {
        self.first + (self.leaves() >> 1)
    }

    pub(crate) fn left(self) -> Self {
        Self { height: self.height.saturating_sub(1), first: self.first }
    }

    pub(crate) fn right(self) -> Self {
        Self { height: self.height.saturating_sub(1), first: self.middle() }
    }

    /// The nodes from here down to `target`, both included.
    pub(crate) fn nodes_down_to(self, target: Self) -> Vec<NodeIndex> {
        let leaf = LeafIndex(target.first);
        (target.height..=self.height).rev().map(|height| Self::above(leaf, height).node()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_and_positions_are_in_order_and_one_to_one() {
        for index in 0..127 {
            let position = Position::of_node(NodeIndex(index));
            assert_eq!(position.node(), NodeIndex(index));
            assert_eq!(position.height == 0, index % 2 == 0);
            if position.height > 0 {
                assert!(
                    position.left().node() < position.node() && position.node() < position.right().node()
                );
            }
        }
        assert_eq!(Position { height: 2, first: 4 }.node(), NodeIndex(11));
    }
}
