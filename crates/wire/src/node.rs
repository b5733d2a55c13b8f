//! Nodes of the ratchet tree on the wire (RFC 9420 §7.1, §12.4.3.3), and what their hashes are taken over (§7.8, §7.9).
//!
//! [`RatchetTreeNodes`] is checked for shape while it is decoded (R252, R253) and nothing else. The hash inputs
//! borrow and only encode: a caller appends them to one buffer that it reuses.

use alloc::{boxed::Box, vec::Vec};
use core::ops::Deref;

use crate::{
    codec::{Encode, Reader, opaque_len, write_opaque},
    enums::NodeType,
    error::{DecodeError, EncodeError},
    index::LeafIndex,
    kept::Kept,
    leaf_node::LeafNode,
    vector::{HpkePublicKey, List, Opaque},
};

/// `ParentNode` (RFC 9420 §7.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ParentNode {
    /// The node's HPKE key.
    pub encryption_key: HpkePublicKey,
    /// The parent hash of the node (§7.9).
    pub parent_hash: Opaque,
    /// The leaves below that do not know the node's private key, strictly increasing (R061).
    pub unmerged_leaves: List<LeafIndex>,
}

impl ParentNode {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let node = Self {
            encryption_key: reader.read()?,
            parent_hash: reader.read()?,
            unmerged_leaves: reader.read()?,
        };
        // R061
        if node.unmerged_leaves.is_sorted_by(|a, b| a < b) {
            Ok(node)
        } else {
            Err(DecodeError::UnsortedUnmergedLeaves)
        }
    }
}

impl Encode for ParentNode {
    fn encoded_len(&self) -> usize {
        let Self { encryption_key, parent_hash, unmerged_leaves } = self;
        let keys = encryption_key.encoded_len().saturating_add(parent_hash.encoded_len());
        keys.saturating_add(opaque_len(unmerged_leaves.len().saturating_mul(4)))
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let Self { encryption_key, parent_hash, unmerged_leaves } = self;
        if !unmerged_leaves.is_sorted_by(|a, b| a < b) {
            return Err(EncodeError::Inconsistent("unmerged_leaves")); // R061
        }
        encryption_key.encode_into(out)?;
        parent_hash.encode_into(out)?;
        unmerged_leaves.encode_into(out)
    }
}

tls_encode!(ParentNode);
tls_decode!(ParentNode);

/// `Node`: one node of a `ratchet_tree` extension (RFC 9420 §12.4.3.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// At an even position.
    Leaf(Kept<LeafNode>),
    /// At an odd position. Boxed: a hostile vector of blank nodes costs memory for the largest kind of node.
    Parent(Box<ParentNode>),
}

impl Node {
    /// Which of the two it is.
    #[must_use]
    pub const fn node_type(&self) -> NodeType {
        match self {
            Self::Leaf(_) => NodeType::Leaf,
            Self::Parent(_) => NodeType::Parent,
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.read()? {
            NodeType::Leaf => Self::Leaf(reader.read()?),
            NodeType::Parent => Self::Parent(Box::new(reader.read()?)),
        })
    }
}

impl Encode for Node {
    fn encoded_len(&self) -> usize {
        let node = match self {
            Self::Leaf(leaf) => leaf.encoded_len(),
            Self::Parent(parent) => parent.encoded_len(),
        };
        node.saturating_add(1)
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.node_type().encode_into(out)?;
        match self {
            Self::Leaf(leaf) => leaf.encode_into(out),
            Self::Parent(parent) => parent.encode_into(out),
        }
    }
}

tls_encode!(Node);
tls_decode!(Node);

/// `optional<Node> ratchet_tree<V>`: the body of the `ratchet_tree` extension (RFC 9420 §12.4.3.3).
///
/// Nodes in the order of their index; the blank ones after the last other one are left out. Invariant: not
/// empty, the last node is not blank (R252), leaves are at even and parents at odd positions (R253).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RatchetTreeNodes(List<Option<Node>>);

impl RatchetTreeNodes {
    /// Checks the shape of `nodes`.
    ///
    /// # Errors
    /// [`DecodeError::EmptyRatchetTree`] or [`DecodeError::TrailingBlankNode`] (R252),
    /// [`DecodeError::MisplacedNode`] (R253).
    pub fn new(nodes: impl Into<List<Option<Node>>>) -> Result<Self, DecodeError> {
        let nodes = nodes.into();
        match nodes.last() {
            None => return Err(DecodeError::EmptyRatchetTree), // R252
            Some(None) => return Err(DecodeError::TrailingBlankNode), // R252
            Some(Some(_)) => {}
        }
        for (position, node) in nodes.iter().enumerate() {
            check_position(position, node.as_ref())?;
        }
        Ok(Self(nodes))
    }

    /// The nodes, without copying.
    #[must_use]
    pub fn into_vec(self) -> Vec<Option<Node>> {
        self.0.into_vec()
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut position = 0usize;
        let mut last_is_blank = false;
        // A misplaced node ends the decoding at once: nothing behind it is read.
        let nodes = List::read_with(reader, |content| {
            let node: Option<Node> = content.read_optional()?;
            check_position(position, node.as_ref())?;
            last_is_blank = node.is_none();
            position = position.wrapping_add(1);
            Ok(node)
        })?;
        if nodes.is_empty() {
            return Err(DecodeError::EmptyRatchetTree); // R252
        }
        if last_is_blank {
            return Err(DecodeError::TrailingBlankNode); // R252
        }
        Ok(Self(nodes))
    }
}

/// R253: leaves at even positions, parents at odd ones.
fn check_position(position: usize, node: Option<&Node>) -> Result<(), DecodeError> {
    match node {
        Some(Node::Leaf(_)) if position % 2 == 1 => Err(DecodeError::MisplacedNode),
        Some(Node::Parent(_)) if position.is_multiple_of(2) => Err(DecodeError::MisplacedNode),
        _ => Ok(()),
    }
}

impl Deref for RatchetTreeNodes {
    type Target = [Option<Node>];

    fn deref(&self) -> &[Option<Node>] {
        &self.0
    }
}

impl Encode for RatchetTreeNodes {
    fn encoded_len(&self) -> usize {
        self.0.encoded_len()
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.0.encode_into(out)
    }
}

tls_encode!(RatchetTreeNodes);
tls_decode!(RatchetTreeNodes);

/// `TreeHashInput` (RFC 9420 §7.8, R103); borrowed, encoded only.
#[derive(Clone, Copy, Debug)]
pub enum TreeHashInput<'a> {
    /// Of a leaf.
    Leaf(LeafNodeHashInput<'a>),
    /// Of a parent.
    Parent(ParentNodeHashInput<'a>),
}

/// `LeafNodeHashInput` (RFC 9420 §7.8).
#[derive(Clone, Copy, Debug)]
pub struct LeafNodeHashInput<'a> {
    /// The leaf's index, blank or not.
    pub leaf_index: LeafIndex,
    /// Absent iff the leaf is blank (R104).
    pub leaf_node: Option<&'a Kept<LeafNode>>,
}

/// `ParentNodeHashInput` (RFC 9420 §7.8).
#[derive(Clone, Copy, Debug)]
pub struct ParentNodeHashInput<'a> {
    /// Absent iff the node is blank (R104).
    pub parent_node: Option<&'a ParentNode>,
    /// The tree hash of the left child.
    pub left_hash: &'a [u8],
    /// The tree hash of the right child.
    pub right_hash: &'a [u8],
}

impl Encode for TreeHashInput<'_> {
    fn encoded_len(&self) -> usize {
        let input = match self {
            Self::Leaf(input) => input.leaf_node.encoded_len().saturating_add(4),
            Self::Parent(ParentNodeHashInput { parent_node, left_hash, right_hash }) => parent_node
                .encoded_len()
                .saturating_add(opaque_len(left_hash.len()))
                .saturating_add(opaque_len(right_hash.len())),
        };
        input.saturating_add(1)
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Leaf(LeafNodeHashInput { leaf_index, leaf_node }) => {
                NodeType::Leaf.encode_into(out)?;
                leaf_index.encode_into(out)?;
                leaf_node.encode_into(out)
            }
            Self::Parent(ParentNodeHashInput { parent_node, left_hash, right_hash }) => {
                NodeType::Parent.encode_into(out)?;
                parent_node.encode_into(out)?;
                write_opaque(left_hash, out)?;
                write_opaque(right_hash, out)
            }
        }
    }
}

/// `ParentHashInput` (RFC 9420 §7.9, R106); borrowed, encoded only.
#[derive(Clone, Copy, Debug)]
pub struct ParentHashInput<'a> {
    /// The parent's key.
    pub encryption_key: &'a [u8],
    /// The parent's own parent hash; empty at the end of the filtered direct path.
    pub parent_hash: &'a [u8],
    /// The tree hash of the sibling, without the parent's unmerged leaves (R107).
    pub original_sibling_tree_hash: &'a [u8],
}

impl Encode for ParentHashInput<'_> {
    fn encoded_len(&self) -> usize {
        let Self { encryption_key, parent_hash, original_sibling_tree_hash } = self;
        [encryption_key, parent_hash, original_sibling_tree_hash]
            .into_iter()
            .fold(0, |sum, octets| sum.saturating_add(opaque_len(octets.len())))
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let Self { encryption_key, parent_hash, original_sibling_tree_hash } = self;
        [encryption_key, parent_hash, original_sibling_tree_hash]
            .into_iter()
            .try_for_each(|octets| write_opaque(octets, out))
    }
}
