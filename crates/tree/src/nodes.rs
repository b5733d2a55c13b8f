//! The whole tree as the `ratchet_tree` extension carries it (RFC 9420 §12.4.3.3).
//!
//! Cost: O(n). The nodes are moved, not copied, into the tree; hashing and checking are separate steps.

use alloc::{sync::Arc, vec, vec::Vec};

use pleach_crypto::CipherSuite;
use pleach_wire::{LeafIndex, Node, NodeIndex, RatchetTreeNodes, TreeSize};

use crate::{
    Parent, RatchetTree, TreeError,
    features::Interner,
    position::Position,
    slot::{LeafSlot, Subtree},
};

impl RatchetTree {
    /// Builds the tree of a `ratchet_tree` extension, extended with blank nodes to its full size (R253).
    ///
    /// It is not to be trusted before its [`tree_hash`](Self::tree_hash) is compared and [`verify`](Self::verify)
    /// has passed.
    ///
    /// # Errors
    /// [`TreeError::TrailingParent`] if the vector ends with a parent: no tree that was truncated does (R100).
    pub fn from_nodes(suite: &CipherSuite, nodes: RatchetTreeNodes) -> Result<Self, TreeError> {
        let mut nodes = nodes.into_vec();
        if !matches!(nodes.last(), Some(Some(Node::Leaf(_)))) {
            return Err(TreeError::TrailingParent);
        }
        let last = u32::try_from(nodes.len()).map_err(|_| TreeError::TreeFull)?.saturating_sub(1);
        let size = TreeSize::with_node(NodeIndex(last)).ok_or(TreeError::TreeFull)?;
        let mut build = Build { suite, nodes: &mut nodes, interner: Interner::default() };
        let root = build.subtree(Position { height: size.height() as u8, first: 0 });
        let mut tree = Self::blank(suite);
        tree.set_root(root, size);
        Ok(tree)
    }

    /// The nodes for a `ratchet_tree` extension, without the blank ones at the end (R252).
    ///
    /// # Errors
    /// [`TreeError::Need`], or [`TreeError::Decode`] if the tree has no member.
    pub fn to_nodes(&self) -> Result<RatchetTreeNodes, TreeError> {
        let mut nodes = vec![None; self.size.node_count() as usize];
        let mut needed = Vec::new();
        export(&self.root, &mut nodes, &mut needed);
        if !needed.is_empty() {
            return Err(TreeError::Need(needed));
        }
        let len = nodes.iter().rposition(Option::is_some).map_or(0, |last| last + 1); // R252
        nodes.truncate(len);
        Ok(RatchetTreeNodes::new(nodes)?)
    }
}

struct Build<'a> {
    suite: &'a CipherSuite,
    nodes: &'a mut [Option<Node>],
    interner: Interner,
}

impl Build<'_> {
    /// At most as deep as the tree is high, 30.
    fn subtree(&mut self, position: Position) -> Subtree {
        if self.nodes.len() <= (position.first as usize) << 1 {
            return Subtree::Blank(position);
        }
        let node = self.nodes.get_mut(position.node().0 as usize).and_then(Option::take);
        if position.height == 0 {
            return match node {
                Some(Node::Leaf(leaf)) => {
                    let features = self.interner.of_leaf(&leaf);
                    let index = LeafIndex(position.first);
                    Subtree::Leaf(Arc::new(LeafSlot::new(index, leaf, features, self.suite.hash)))
                }
                _ => Subtree::Blank(position), // RatchetTreeNodes has no parent at a leaf's position (R253)
            };
        }
        let left = self.subtree(position.left());
        let right = self.subtree(position.right());
        let node = match node {
            Some(Node::Parent(parent)) => Some(Arc::new(Parent::new(*parent, self.suite.hash))),
            _ => None,
        };
        Subtree::parent(position, left, right, node)
    }
}

fn export(subtree: &Subtree, nodes: &mut [Option<Node>], needed: &mut Vec<NodeIndex>) {
    let node = match subtree {
        Subtree::Blank(_) => None,
        Subtree::Leaf(leaf) => Some(Node::Leaf(leaf.node.clone())),
        Subtree::Parent(slot) => {
            export(&slot.left, nodes, needed);
            export(&slot.right, nodes, needed);
            slot.node.as_ref().map(|node| Node::Parent(node.to_wire().into()))
        }
        Subtree::Stub(stub) => {
            needed.push(stub.position.node());
            None
        }
    };
    if let Some(place) = nodes.get_mut(subtree.node_index().0 as usize) {
        *place = node;
    }
}
