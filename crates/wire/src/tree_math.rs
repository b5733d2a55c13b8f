//! The relations between the nodes of a complete binary tree (RFC 9420 Appendix C).
//!
//! A node's level is the number of its trailing one bits; a subtree is a contiguous range of indices around its
//! root. Every function is total, O(1) (the iterators: O(1) a step, one step a level) and allocates nothing.

use core::iter::FusedIterator;

use crate::index::{LeafIndex, NodeIndex, TreeSize};

impl NodeIndex {
    /// The height of the node above the leaves, which are at level 0.
    #[must_use]
    pub const fn level(self) -> u32 {
        self.0.trailing_ones()
    }

    /// Whether the node is a leaf.
    #[must_use]
    pub const fn is_leaf(self) -> bool {
        self.0.is_multiple_of(2)
    }

    /// The leaf that the node is, unless it is a parent.
    #[must_use]
    pub const fn leaf(self) -> Option<LeafIndex> {
        if self.is_leaf() { Some(LeafIndex(self.0 >> 1)) } else { None }
    }

    /// The left child; none of a leaf.
    #[must_use]
    pub const fn left(self) -> Option<Self> {
        match self.half_step() {
            Some(step) => Some(Self(self.0 ^ step)),
            None => None,
        }
    }

    /// The right child; none of a leaf.
    #[must_use]
    pub const fn right(self) -> Option<Self> {
        match self.half_step() {
            // In no tree is the sum too large; the index 2^32 - 1 is in no tree.
            Some(step) => match self.0.checked_add(step) {
                Some(right) => Some(Self(right)),
                None => None,
            },
            None => None,
        }
    }

    /// Both children; none of a leaf.
    #[must_use]
    pub const fn children(self) -> Option<(Self, Self)> {
        match (self.left(), self.right()) {
            (Some(left), Some(right)) => Some((left, right)),
            _ => None,
        }
    }

    /// The parent in a tree of this size; none of its root, and of nodes that it does not have.
    #[must_use]
    pub const fn parent(self, size: TreeSize) -> Option<Self> {
        if !size.contains(self) || self.0 == size.root().0 {
            return None;
        }
        let level = self.level(); // below the height of the tree, 30
        Some(Self((self.0 | 1 << level) & !(2 << level)))
    }

    /// The other child of the parent; none where there is no [`parent`](Self::parent).
    #[must_use]
    pub const fn sibling(self, size: TreeSize) -> Option<Self> {
        match self.parent(size) {
            Some(_) => Some(Self(self.0 ^ (2 << self.level()))),
            None => None,
        }
    }

    /// The ancestors in a tree of this size, from the parent to the root (RFC 9420 §4.1.2): empty for the root, and
    /// for nodes that the tree does not have.
    #[must_use]
    pub const fn direct_path(self, size: TreeSize) -> DirectPath {
        DirectPath { node: self, size }
    }

    /// The siblings of the node and of its ancestors, from the bottom to below the root (RFC 9420 §4.1.2): the i-th is
    /// a child of the i-th node of the direct path.
    #[must_use]
    pub const fn copath(self, size: TreeSize) -> Copath {
        Copath { node: self, size }
    }

    /// The lowest node that has both in its subtree; a node is in its own subtree.
    #[must_use]
    pub const fn common_ancestor(self, other: Self) -> Self {
        if self.is_in_subtree(other) {
            return other;
        }
        if other.is_in_subtree(self) {
            return self;
        }
        // Neither contains the other: the highest bit in which they differ says which child of the ancestor each is under.
        let above = (self.0 ^ other.0).leading_zeros(); // at most 31: they differ
        let left_half = u32::MAX >> 1 >> above; // the bits below that one
        Self(self.0 & !(left_half << 1 | 1) | left_half)
    }

    /// Whether the node is in the subtree of `root`, itself included.
    #[must_use]
    pub const fn is_in_subtree(self, root: Self) -> bool {
        let reach = root.reach();
        self.0 >= root.0.saturating_sub(reach) && self.0 <= root.0.saturating_add(reach)
    }

    /// The leftmost leaf of the subtree.
    #[must_use]
    pub const fn first_leaf(self) -> LeafIndex {
        LeafIndex(self.0.saturating_sub(self.reach()) >> 1)
    }

    /// The rightmost leaf of the subtree.
    #[must_use]
    pub const fn last_leaf(self) -> LeafIndex {
        LeafIndex(self.0.saturating_add(self.reach()) >> 1)
    }

    /// The leaves of the subtree, from left to right.
    pub fn subtree_leaves(self) -> impl DoubleEndedIterator<Item = LeafIndex> {
        (self.first_leaf().0..=self.last_leaf().0).map(LeafIndex)
    }

    /// The distance from a parent to its children; none of a leaf.
    const fn half_step(self) -> Option<u32> {
        match self.level().checked_sub(1) {
            Some(level) => Some(1 << level),
            None => None,
        }
    }

    /// The distance from the root of a subtree to its outermost leaves.
    const fn reach(self) -> u32 {
        match 1u32.checked_shl(self.level()) {
            Some(size) => size - 1,
            None => u32::MAX,
        }
    }
}

/// The ancestors of a node: [`NodeIndex::direct_path`].
#[derive(Clone, Debug)]
pub struct DirectPath {
    node: NodeIndex,
    size: TreeSize,
}

impl Iterator for DirectPath {
    type Item = NodeIndex;

    fn next(&mut self) -> Option<NodeIndex> {
        self.node = self.node.parent(self.size)?;
        Some(self.node)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let steps = steps(self.node, self.size);
        (steps, Some(steps))
    }
}

impl ExactSizeIterator for DirectPath {}
impl FusedIterator for DirectPath {}

/// The siblings along a direct path: [`NodeIndex::copath`].
#[derive(Clone, Debug)]
pub struct Copath {
    node: NodeIndex,
    size: TreeSize,
}

impl Iterator for Copath {
    type Item = NodeIndex;

    fn next(&mut self) -> Option<NodeIndex> {
        let sibling = self.node.sibling(self.size)?;
        self.node = self.node.parent(self.size)?;
        Some(sibling)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let steps = steps(self.node, self.size);
        (steps, Some(steps))
    }
}

impl ExactSizeIterator for Copath {}
impl FusedIterator for Copath {}

/// The number of ancestors of a node.
const fn steps(node: NodeIndex, size: TreeSize) -> usize {
    if size.contains(node) { size.height().saturating_sub(node.level()) as usize } else { 0 }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// The relations by following pointers of a tree that was built by halving ranges.
    fn walk(low: u32, high: u32, parent: Option<u32>, out: &mut Vec<(u32, Option<u32>, u32, u32)>) -> u32 {
        let root = low.midpoint(high);
        if low < high {
            walk(low, root - 1, Some(root), out);
            walk(root + 1, high, Some(root), out);
        }
        out.push((root, parent, low, high));
        root
    }

    #[test]
    fn relations_agree_with_a_tree_of_ranges() {
        for height in 0..8 {
            let size = TreeSize::from_height(height).unwrap();
            let mut nodes = Vec::new();
            let root = walk(0, size.node_count() - 1, None, &mut nodes);
            assert_eq!(size.root(), NodeIndex(root));
            assert_eq!(nodes.len(), size.node_count() as usize);
            for &(node, parent, low, high) in &nodes {
                let x = NodeIndex(node);
                assert_eq!(x.parent(size), parent.map(NodeIndex));
                assert_eq!((x.first_leaf().0, x.last_leaf().0), (low / 2, high / 2));
                assert_eq!(x.is_leaf(), low == high);
                assert_eq!(x.leaf(), (low == high).then_some(LeafIndex(node / 2)));
                let children: Vec<_> =
                    nodes.iter().filter(|n| n.1 == Some(node)).map(|n| NodeIndex(n.0)).collect();
                assert_eq!(x.left(), children.first().copied());
                assert_eq!(x.right(), children.get(1).copied());
                let sibling = nodes.iter().find(|n| n.0 != node && n.1 == parent && parent.is_some());
                assert_eq!(x.sibling(size), sibling.map(|n| NodeIndex(n.0)));
                assert_eq!(x.direct_path(size).len(), x.direct_path(size).count());
                assert_eq!(x.copath(size).len(), x.copath(size).count());
                for &(other, _, other_low, other_high) in &nodes {
                    let y = NodeIndex(other);
                    assert_eq!(y.is_in_subtree(x), low <= other && other <= high);
                    let ancestor = nodes
                        .iter()
                        .filter(|n| n.2 <= low.min(other_low) && high.max(other_high) <= n.3)
                        .min_by_key(|n| n.3 - n.2)
                        .unwrap();
                    assert_eq!(x.common_ancestor(y), NodeIndex(ancestor.0), "{node} {other}");
                }
            }
        }
    }

    #[test]
    fn figure_of_the_rfc() {
        // Four leaves: the root 3 over 1 and 5.
        let size = TreeSize::from_leaf_count(4).unwrap();
        let path: Vec<_> = LeafIndex(2).node().direct_path(size).map(|n| n.0).collect();
        let copath: Vec<_> = LeafIndex(2).node().copath(size).map(|n| n.0).collect();
        assert_eq!((path, copath), (Vec::from([5, 3]), Vec::from([6, 1])));
    }

    #[test]
    fn extreme_indices_are_answered() {
        for index in [u32::MAX, u32::MAX - 1, 1 << 31, (1 << 31) - 1, (1 << 30) - 1] {
            let node = NodeIndex(index);
            for size in [TreeSize::ONE, TreeSize::MAX] {
                assert_eq!(
                    node.parent(size).is_some(),
                    index < (1 << 31) - 1 && size != TreeSize::ONE && index != size.root().0
                );
                assert_eq!(node.sibling(size).is_some(), node.parent(size).is_some());
                assert!(node.direct_path(size).count() <= 30);
            }
            assert!(node.is_in_subtree(node));
            assert_eq!(node.common_ancestor(node), node);
            for other in [0, 1, 1 << 30, u32::MAX] {
                let ancestor = node.common_ancestor(NodeIndex(other));
                assert!(node.is_in_subtree(ancestor) && NodeIndex(other).is_in_subtree(ancestor));
            }
            let _ = (node.left(), node.right(), node.first_leaf(), node.last_leaf());
            assert!(!TreeSize::MAX.contains(LeafIndex(index).node()) || index < 1 << 30);
        }
        assert_eq!(NodeIndex(u32::MAX).right(), None);
        assert_eq!(TreeSize::MAX.doubled(), None);
        assert_eq!(TreeSize::ONE.halved(), None);
        assert_eq!(TreeSize::MAX.node_count(), (1 << 31) - 1);
    }

    #[test]
    fn sizes() {
        let leaves = |size: Option<TreeSize>| size.map(TreeSize::leaf_count);
        assert_eq!(leaves(TreeSize::from_leaf_count(0)), None);
        assert_eq!(leaves(TreeSize::from_leaf_count(3)), None);
        assert_eq!(leaves(TreeSize::from_leaf_count(1 << 31)), None);
        assert_eq!(leaves(TreeSize::with_leaf(LeafIndex(0))), Some(1));
        assert_eq!(leaves(TreeSize::with_leaf(LeafIndex(4))), Some(8));
        assert_eq!(leaves(TreeSize::with_leaf(LeafIndex((1 << 30) - 1))), Some(1 << 30));
        assert_eq!(leaves(TreeSize::with_leaf(LeafIndex(1 << 30))), None);
        assert_eq!(leaves(TreeSize::with_leaf(LeafIndex(u32::MAX))), None);
        for (node, want) in [(0, 1), (1, 2), (2, 2), (3, 4), (6, 4), (7, 8)] {
            assert_eq!(leaves(TreeSize::with_node(NodeIndex(node))), Some(want), "{node}");
        }
        assert_eq!(leaves(TreeSize::with_node(NodeIndex((1 << 31) - 2))), Some(1 << 30));
        assert_eq!(leaves(TreeSize::with_node(NodeIndex((1 << 31) - 1))), None);
        assert_eq!(leaves(TreeSize::with_node(NodeIndex(u32::MAX))), None);
    }
}
