//! The whole tree as the `ratchet_tree` extension carries it (RFC 9420 §12.4.3.3).
//!
//! Cost: O(n), most of it across threads. Parents are moved and leaves shared, not copied, into the tree; hashing and checking are separate
//! steps.

use alloc::{sync::Arc, vec, vec::Vec};
use core::ops::RangeInclusive;

use pleach_crypto::{CipherSuite, Executor, Serial, in_chunks};
use pleach_wire::{LeafIndex, Node, NodeIndex, RatchetTreeNodes, TreeSize};

use crate::{
    Parent, RatchetTree, TreeError,
    features::Interner,
    key_index::KeyTag,
    position::Position,
    slot::{LeafSlot, Subtree},
};

/// Nodes that one thread prepares at once.
const SHARE: RangeInclusive<usize> = 128..=16_384;

impl RatchetTree {
    /// Builds the tree of a `ratchet_tree` extension, extended with blank nodes to its full size (R253).
    ///
    /// It is not to be trusted before its [`tree_hash`](Self::tree_hash) is compared and [`verify`](Self::verify)
    /// has passed.
    ///
    /// # Errors
    /// [`TreeError::TrailingParent`] if the vector ends with a parent: no tree that was truncated does (R100).
    pub fn from_nodes(suite: &CipherSuite, nodes: RatchetTreeNodes) -> Result<Self, TreeError> {
        Self::from_nodes_with(suite, nodes, &Serial)
    }

    /// As [`from_nodes`](Self::from_nodes), on several threads.
    ///
    /// # Errors
    /// As of [`from_nodes`](Self::from_nodes).
    pub fn from_nodes_with(
        suite: &CipherSuite,
        nodes: RatchetTreeNodes,
        executor: &dyn Executor,
    ) -> Result<Self, TreeError> {
        let mut nodes = nodes.into_vec();
        if !matches!(nodes.last(), Some(Some(Node::Leaf(_)))) {
            return Err(TreeError::TrailingParent);
        }
        let last = u32::try_from(nodes.len()).map_err(|_| TreeError::TreeFull)?.saturating_sub(1);
        let size = TreeSize::with_node(NodeIndex(last)).ok_or(TreeError::TreeFull)?;
        // All that can be made of a node by itself.
        let prepared = in_chunks::<_, _, TreeError>(executor, &nodes, SHARE, &|chunk| {
            let mut interner = Interner::default();
            Ok(chunk
                .iter()
                .map(|node| Prepared::new(suite, node.as_ref(), &mut interner))
                .collect::<Vec<_>>())
        })?;
        let mut prepared = prepared.into_iter().flatten();
        let mut build = Build { nodes: &mut nodes, prepared: &mut prepared, interner: Interner::default() };
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

/// What is made of a node without its neighbours.
enum Prepared {
    Blank,
    Leaf(Arc<LeafSlot>),
    /// The tag of its key.
    Parent(KeyTag),
}

impl Prepared {
    fn new(suite: &CipherSuite, node: Option<&Node>, interner: &mut Interner) -> Self {
        match node {
            None => Self::Blank,
            Some(Node::Leaf(leaf)) => {
                let features = interner.of_leaf(leaf);
                // Its index follows.
                Self::Leaf(Arc::new(LeafSlot::new(LeafIndex(0), leaf.clone(), features, suite.hash)))
            }
            Some(Node::Parent(parent)) => Self::Parent(KeyTag::of(suite.hash, &parent.encryption_key)),
        }
    }
}

struct Build<'a, I> {
    nodes: &'a mut [Option<Node>],
    /// As long as the nodes.
    prepared: I,
    interner: Interner,
}

impl<I: Iterator<Item = Prepared>> Build<'_, I> {
    /// At most as deep as the tree is high, 30. Takes what is prepared in the order of the nodes.
    fn subtree(&mut self, position: Position) -> Subtree {
        if self.nodes.len() <= (position.first as usize) << 1 {
            return Subtree::Blank(position);
        }
        if position.height == 0 {
            return match self.prepared.next() {
                Some(Prepared::Leaf(mut leaf)) => {
                    // Nobody else has it.
                    if let Some(leaf) = Arc::get_mut(&mut leaf) {
                        leaf.index = LeafIndex(position.first);
                        leaf.features = self.interner.share(Arc::clone(&leaf.features));
                    }
                    Subtree::Leaf(leaf)
                }
                _ => Subtree::Blank(position), // RatchetTreeNodes has no parent at a leaf's position (R253)
            };
        }
        let left = self.subtree(position.left());
        // Beyond the last of the nodes, nothing is prepared.
        let node = match (self.prepared.next(), self.nodes.get_mut(position.node().0 as usize)) {
            (Some(Prepared::Parent(tag)), Some(node)) => match node.take() {
                Some(Node::Parent(parent)) => Some(Arc::new(Parent::tagged(&parent, tag))),
                _ => None,
            },
            _ => None,
        };
        let right = self.subtree(position.right());
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
