//! Where things are in the ratchet tree: [`LeafIndex`], [`NodeIndex`] and [`TreeSize`] (RFC 9420 §4, Appendix C).
//!
//! Nodes are numbered in order, so that leaves have the even numbers. The relations between nodes are arithmetic on
//! these numbers, in `tree_math.rs`. Indices come from the network unchecked: any 32 bits are a value, and what has
//! no answer is `None`. Nothing here allocates.

use alloc::vec::Vec;
use core::fmt;

use crate::{codec::Encode, error::EncodeError};

/// The index of a leaf, from 0 at the left; on the wire as `uint32`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, tls_codec::TlsDeserializeBytes,
)]
pub struct LeafIndex(pub u32);

/// The index of a node, from 0 at the left; leaves are even (RFC 9420 Appendix C).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, tls_codec::TlsDeserializeBytes,
)]
pub struct NodeIndex(pub u32);

/// The number of leaves of a ratchet tree: a power of two, at most [`TreeSize::MAX`] (RFC 9420 §4.1, Appendix C).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeSize {
    height: u8,
}

macro_rules! encode_u32 {
    ($($name:ident),*) => {$(
        impl Encode for $name {
            fn encoded_len(&self) -> usize {
                4
            }

            fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
                self.0.encode_into(out)
            }
        }

        tls_encode!($name);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}
encode_u32!(LeafIndex, NodeIndex);

impl LeafIndex {
    /// The node that the leaf is.
    ///
    /// An index that no [`TreeSize`] contains gives a node that no [`TreeSize`] contains.
    #[must_use]
    pub const fn node(self) -> NodeIndex {
        NodeIndex(self.0.saturating_mul(2))
    }
}

impl From<LeafIndex> for NodeIndex {
    fn from(leaf: LeafIndex) -> Self {
        leaf.node()
    }
}

impl TreeSize {
    /// One leaf: the smallest tree.
    pub const ONE: Self = Self { height: 0 };

    /// 2^30 leaves: more than fit into any message, and all node indices fit into 31 bits.
    pub const MAX: Self = Self { height: 30 };

    /// The size with exactly this number of leaves, if that is a power of two and not more than the maximum.
    #[must_use]
    pub const fn from_leaf_count(leaves: u32) -> Option<Self> {
        if leaves.is_power_of_two() { Self::from_height(leaves.trailing_zeros()) } else { None }
    }

    /// The size of the tree whose root is at this level: 2^height leaves.
    #[must_use]
    pub const fn from_height(height: u32) -> Option<Self> {
        if height <= Self::MAX.height() { Some(Self { height: height as u8 }) } else { None }
    }

    /// The smallest tree that has this leaf.
    #[must_use]
    pub const fn with_leaf(leaf: LeafIndex) -> Option<Self> {
        match leaf.0.checked_add(1) {
            Some(leaves) => match leaves.checked_next_power_of_two() {
                Some(leaves) => Self::from_leaf_count(leaves),
                None => None,
            },
            None => None,
        }
    }

    /// The smallest tree that has this node.
    #[must_use]
    pub const fn with_node(node: NodeIndex) -> Option<Self> {
        // A tree of 2^h leaves has the nodes 0 to 2^(h+1) - 2.
        match node.0.checked_add(2) {
            Some(above) => match above.checked_next_power_of_two() {
                Some(width) => Self::from_leaf_count(width >> 1),
                None => None,
            },
            None => None,
        }
    }

    /// The number of leaves.
    #[must_use]
    pub const fn leaf_count(self) -> u32 {
        1 << self.height
    }

    /// The number of nodes: `node_width` of Appendix C.
    #[must_use]
    pub const fn node_count(self) -> u32 {
        (2 << self.height) - 1
    }

    /// The level of the root: the length of a leaf's direct path.
    #[must_use]
    pub const fn height(self) -> u32 {
        self.height as u32
    }

    /// The root.
    #[must_use]
    pub const fn root(self) -> NodeIndex {
        NodeIndex((1 << self.height) - 1)
    }

    /// Whether the tree has this leaf.
    #[must_use]
    pub const fn contains_leaf(self, leaf: LeafIndex) -> bool {
        leaf.0 < self.leaf_count()
    }

    /// Whether the tree has this node.
    #[must_use]
    pub const fn contains(self, node: NodeIndex) -> bool {
        node.0 < self.node_count()
    }

    /// The tree after an extension (§7.7): twice the leaves.
    #[must_use]
    pub const fn doubled(self) -> Option<Self> {
        Self::from_height(self.height() + 1)
    }

    /// The tree after a truncation (§7.7): half the leaves.
    #[must_use]
    pub const fn halved(self) -> Option<Self> {
        match self.height.checked_sub(1) {
            Some(height) => Some(Self { height }),
            None => None,
        }
    }

    /// All leaves, from left to right.
    pub fn leaves(self) -> impl DoubleEndedIterator<Item = LeafIndex> + ExactSizeIterator {
        (0..self.leaf_count()).map(LeafIndex)
    }

    /// All nodes, in order.
    pub fn nodes(self) -> impl DoubleEndedIterator<Item = NodeIndex> + ExactSizeIterator {
        (0..self.node_count()).map(NodeIndex)
    }
}

impl fmt::Debug for TreeSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TreeSize({} leaves)", self.leaf_count())
    }
}
