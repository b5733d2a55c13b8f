//! What a membership proof proves: the root's tree hash, computed from it as RFC 9420 §7.8 says.
//!
//! Cost: one hash per level.

use super::{MembershipProof, PathNode};
use crate::Fault;
use crate::fault::{At, Checked, ensure, same, same_bytes};
use pleach_crypto::{CipherSuite, Digest};
use pleach_wire::{
    Kept, LeafNode, LeafNodeHashInput, Node, NodeIndex, ParentNode, ParentNodeHashInput, TreeHashInput,
    TreeSize, encode,
};

/// The path that a membership proof consists of, of the right shape: every node of the kind that its place wants.
pub(super) struct Path<'a> {
    pub(super) size: TreeSize,
    proof: &'a MembershipProof,
    leaf: &'a Kept<LeafNode>,
    parents: Vec<Step<'a>>,
}

/// A node above the leaf.
#[derive(Clone, Copy)]
pub(super) struct Step<'a> {
    pub(super) index: NodeIndex,
    /// None if it is blank.
    pub(super) node: Option<&'a ParentNode>,
    /// The tree hash of the child that is not on the path.
    pub(super) sibling_hash: &'a [u8],
    /// Whether that child is the left one.
    sibling_is_left: bool,
}

impl MembershipProof {
    /// The path, if the proof has the shape of one.
    pub(super) fn path(&self, suite: &CipherSuite) -> Checked<Path<'_>> {
        let Self { leaf_index, n_leaves, direct_path_nodes, copath_hashes } = self;
        let size = TreeSize::from_leaf_count(*n_leaves).at("n_leaves")?;
        ensure(size.contains_leaf(*leaf_index), "leaf_index", "not in the tree")?;
        let height = size.height() as usize;
        same("direct_path_nodes", &direct_path_nodes.len(), &(height + 1))?;
        same("copath_hashes", &copath_hashes.len(), &height)?;
        let mut nodes = direct_path_nodes.iter();
        let leaf = match nodes.next() {
            Some(PathNode { node: Some(Node::Leaf(leaf)) }) => leaf,
            _ => return Err(Fault::new("direct_path_nodes", "its first is no leaf")),
        };
        let node = leaf_index.node();
        let mut parents = Vec::with_capacity(height);
        for (((index, sibling), node), hash) in
            node.direct_path(size).zip(node.copath(size)).zip(nodes).zip(copath_hashes)
        {
            let node = match &node.node {
                None => None,
                Some(Node::Parent(parent)) => Some(&**parent),
                Some(Node::Leaf(_)) => return Err(Fault::new("direct_path_nodes", "a leaf above the first")),
            };
            let sibling_hash = &*hash.hash_value;
            same("copath_hashes", &sibling_hash.len(), &suite.hash.output_len())?;
            parents.push(Step { index, node, sibling_hash, sibling_is_left: sibling < index });
        }
        Ok(Path { size, proof: self, leaf, parents })
    }

    /// The path, if it is one in the tree with this hash.
    pub(super) fn path_in(&self, suite: &CipherSuite, tree_hash: &[u8]) -> Checked<Path<'_>> {
        let path = self.path(suite)?;
        same_bytes("root", path.root_hash(suite)?, tree_hash)?;
        Ok(path)
    }
}

impl<'a> Path<'a> {
    pub(super) fn leaf_index(&self) -> pleach_wire::LeafIndex {
        self.proof.leaf_index
    }

    pub(super) fn leaf(&self) -> &'a Kept<LeafNode> {
        self.leaf
    }

    /// The nodes above the leaf, the root last.
    pub(super) fn parents(&self) -> &[Step<'a>] {
        &self.parents
    }

    /// Those that are not blank, with their index.
    pub(super) fn filled(&self) -> impl Iterator<Item = (&Step<'a>, &'a ParentNode)> {
        self.parents.iter().filter_map(|step| Some((step, step.node?)))
    }

    /// The tree hash of the root (R103, R104).
    pub(super) fn root_hash(&self, suite: &CipherSuite) -> Checked<Digest> {
        fn hash(suite: &CipherSuite, input: &TreeHashInput<'_>) -> Checked<Digest> {
            Ok(suite.hash.hash(&[&encode(input).at("direct_path_nodes")?]))
        }
        let leaf = LeafNodeHashInput { leaf_index: self.leaf_index(), leaf_node: Some(self.leaf) };
        self.parents.iter().try_fold(hash(suite, &TreeHashInput::Leaf(leaf))?, |below, step| {
            let (left_hash, right_hash) = if step.sibling_is_left {
                (step.sibling_hash, below.as_bytes())
            } else {
                (below.as_bytes(), step.sibling_hash)
            };
            let parent = ParentNodeHashInput { parent_node: step.node, left_hash, right_hash };
            hash(suite, &TreeHashInput::Parent(parent))
        })
    }
}
