//! A ratchet tree as RFC 9420 writes it down: an array of optional nodes, and everything computed anew each time it is
//! asked for.
//!
//! It is slow and plain, so that it can be compared with the text by eye, and the library's tree with it by machine.
//! Nothing of `pleach-tree` is used: indices are those of Appendix C, written here once more; encodings are
//! `pleach-wire`'s and labelled functions `pleach-crypto`'s, which have tests of their own.
//!
//! The oracle knows everything: it keeps the private key of every node. Who holds which of them follows from the tree
//! invariant (§4.2): a member knows the keys of its leaf and of the nodes above it that do not list it as unmerged.
//!
//! [`Wrong`] breaks one rule on purpose, to show that a comparison would notice. It panics where it is asked for what
//! makes no sense (an update of a blank leaf): this is a tool for tests.

mod hash;
pub mod math;
mod path;

pub use path::{OraclePath, OracleStep};

use pleach_crypto::{CipherSuite, Secret};
use pleach_wire::{
    HpkePublicKey, Kept, LeafIndex, LeafNode, List, Node, Opaque, ParentNode, RatchetTreeNodes,
};
use std::collections::BTreeMap;

/// A rule that an oracle gets wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// A new member is not entered into `unmerged_leaves` (R180).
    ForgetsUnmergedLeaves,
    /// An Update leaves the direct path as it was (R182).
    ForgetsToBlankOnUpdate,
    /// A Remove leaves the direct path as it was (R184).
    ForgetsToBlankOnRemove,
    /// The tree never shrinks (R184).
    NeverTruncates,
    /// The tree is halved once at most (R184).
    TruncatesOnce,
    /// A new member goes behind the last leaf, not into the leftmost blank one (R180).
    AddsAtTheEnd,
    /// A path does not empty `unmerged_leaves` (R098).
    KeepsUnmergedOnPath,
    /// The direct path is not filtered (R088).
    DoesNotFilter,
    /// Unmerged leaves are not in a resolution (R087).
    ResolutionWithoutUnmerged,
    /// The right child is resolved before the left one (R087).
    ResolutionFromTheRight,
    /// A parent hash covers the sibling on the path instead of the one on the copath (R106).
    WrongSiblingInParentHash,
    /// A node holds its parent's parent hash, as if it covered nothing above (R108).
    ParentHashWithoutChain,
    /// The sibling's hash is taken with the unmerged leaves in it (R107).
    CurrentSiblingHash,
    /// The hash of a blank leaf does not depend on where it is (R103).
    BlankLeavesAlike,
    /// Path secrets are encrypted to members of the same Commit, too (R092).
    EncryptsToNewLeaves,
    /// The node key is derived from the path secret itself (R089).
    NodeKeyFromPathSecret,
}

/// A parent node that is not blank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OracleParent {
    /// Its HPKE key.
    pub encryption_key: HpkePublicKey,
    /// Its parent hash.
    pub parent_hash: Vec<u8>,
    /// Its unmerged leaves, ascending.
    pub unmerged_leaves: Vec<u32>,
}

impl OracleParent {
    pub(crate) fn to_wire(&self, without: &[u32]) -> ParentNode {
        let kept = self.unmerged_leaves.iter().filter(|leaf| !without.contains(leaf));
        ParentNode {
            encryption_key: self.encryption_key.clone(),
            parent_hash: Opaque::from(self.parent_hash.as_slice()),
            unmerged_leaves: kept.map(|leaf| LeafIndex(*leaf)).collect::<List<_>>(),
        }
    }
}

/// A node of the array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OracleNode {
    /// At an even index.
    Leaf(Kept<LeafNode>),
    /// At an odd index.
    Parent(OracleParent),
}

/// The naive tree.
#[derive(Debug, Clone)]
pub struct Oracle {
    suite: CipherSuite,
    nodes: Vec<Option<OracleNode>>,
    /// The private keys of the nodes that are not blank.
    private: Vec<Option<Secret>>,
    wrong: Option<Wrong>,
}

impl Oracle {
    /// A tree of one member.
    #[must_use]
    pub fn new(suite: &CipherSuite, leaf: Kept<LeafNode>, private: Secret) -> Self {
        Self {
            suite: *suite,
            nodes: vec![Some(OracleNode::Leaf(leaf))],
            private: vec![Some(private)],
            wrong: None,
        }
    }

    /// A tree from its nodes, with private keys for some of them.
    #[must_use]
    pub fn from_nodes(suite: &CipherSuite, nodes: RatchetTreeNodes, private: &BTreeMap<u32, Secret>) -> Self {
        let mut leaves = 1;
        while math::node_width(leaves) < nodes.len() {
            leaves *= 2;
        }
        let mut array: Vec<Option<OracleNode>> = Vec::new();
        for node in nodes.into_vec() {
            array.push(node.map(|node| match node {
                Node::Leaf(leaf) => OracleNode::Leaf(leaf),
                Node::Parent(parent) => OracleNode::Parent(OracleParent {
                    encryption_key: parent.encryption_key.clone(),
                    parent_hash: parent.parent_hash.to_vec(),
                    unmerged_leaves: parent.unmerged_leaves.iter().map(|leaf| leaf.0).collect(),
                }),
            }));
        }
        array.resize(math::node_width(leaves), None);
        let private = (0..array.len()).map(|node| private.get(&(node as u32)).cloned()).collect();
        Self { suite: *suite, nodes: array, private, wrong: None }
    }

    /// The same tree with a mistake from here on.
    #[must_use]
    pub fn with_mistake(mut self, wrong: Option<Wrong>) -> Self {
        self.wrong = wrong;
        self
    }

    pub(crate) fn is_wrong(&self, wrong: Wrong) -> bool {
        self.wrong == Some(wrong)
    }

    /// The number of leaves, blank ones included.
    #[must_use]
    pub fn leaf_count(&self) -> usize {
        self.nodes.len().div_ceil(2)
    }

    /// All nodes, to the full width.
    #[must_use]
    pub fn nodes(&self) -> &[Option<OracleNode>] {
        &self.nodes
    }

    /// The leaf, if it is not blank.
    #[must_use]
    pub fn leaf(&self, index: u32) -> Option<&Kept<LeafNode>> {
        match self.nodes.get(2 * index as usize) {
            Some(Some(OracleNode::Leaf(leaf))) => Some(leaf),
            _ => None,
        }
    }

    /// The parent node, if it is not blank.
    #[must_use]
    pub fn parent(&self, node: usize) -> Option<&OracleParent> {
        match self.nodes.get(node) {
            Some(Some(OracleNode::Parent(parent))) => Some(parent),
            _ => None,
        }
    }

    /// The leaves that are not blank.
    #[must_use]
    pub fn members(&self) -> Vec<u32> {
        (0..self.leaf_count() as u32).filter(|leaf| self.leaf(*leaf).is_some()).collect()
    }

    /// The HPKE key of a node that is not blank.
    #[must_use]
    pub fn encryption_key(&self, node: usize) -> Option<&[u8]> {
        match self.nodes.get(node) {
            Some(Some(OracleNode::Leaf(leaf))) => Some(&leaf.encryption_key),
            Some(Some(OracleNode::Parent(parent))) => Some(&parent.encryption_key),
            _ => None,
        }
    }

    /// The private keys that a member holds (§4.2).
    #[must_use]
    pub fn private_keys_of(&self, member: u32) -> BTreeMap<usize, Secret> {
        let leaf = 2 * member as usize;
        let mut held = BTreeMap::new();
        held.extend(self.private[leaf].clone().map(|key| (leaf, key)));
        for node in math::direct_path(leaf, self.leaf_count()) {
            if let Some(parent) = self.parent(node)
                && !parent.unmerged_leaves.contains(&member)
            {
                held.extend(self.private[node].clone().map(|key| (node, key)));
            }
        }
        held
    }

    /// Where the next member goes: the leftmost blank leaf, or behind the last (§7.7).
    #[must_use]
    pub fn next_leaf(&self) -> u32 {
        let count = self.leaf_count() as u32;
        if self.is_wrong(Wrong::AddsAtTheEnd) {
            return self.members().last().map_or(0, |last| last + 1);
        }
        (0..count).find(|leaf| self.leaf(*leaf).is_none()).unwrap_or(count)
    }

    /// Applies an Add (§12.1.1).
    pub fn add(&mut self, leaf: Kept<LeafNode>, private: Secret) -> u32 {
        let index = self.next_leaf();
        self.extend_to(index);
        self.set_leaf(index, leaf, private);
        for node in math::direct_path(2 * index as usize, self.leaf_count()) {
            if let Some(OracleNode::Parent(parent)) = &mut self.nodes[node]
                && self.wrong != Some(Wrong::ForgetsUnmergedLeaves)
            {
                parent.unmerged_leaves.push(index);
                parent.unmerged_leaves.sort_unstable();
            }
        }
        index
    }

    /// Applies an Update (§12.1.2).
    pub fn update(&mut self, index: u32, leaf: Kept<LeafNode>, private: Secret) {
        assert!(self.leaf(index).is_some(), "an update of a blank leaf");
        self.set_leaf(index, leaf, private);
        if !self.is_wrong(Wrong::ForgetsToBlankOnUpdate) {
            self.blank_direct_path(index);
        }
    }

    /// Applies a Remove (§12.1.3).
    pub fn remove(&mut self, index: u32) {
        assert!(self.leaf(index).is_some(), "a removal of a blank leaf");
        self.nodes[2 * index as usize] = None;
        self.private[2 * index as usize] = None;
        if !self.is_wrong(Wrong::ForgetsToBlankOnRemove) {
            self.blank_direct_path(index);
        }
        self.truncate();
    }

    fn set_leaf(&mut self, index: u32, leaf: Kept<LeafNode>, private: Secret) {
        self.nodes[2 * index as usize] = Some(OracleNode::Leaf(leaf));
        self.private[2 * index as usize] = Some(private);
    }

    pub(crate) fn blank_direct_path(&mut self, index: u32) {
        for node in math::direct_path(2 * index as usize, self.leaf_count()) {
            self.nodes[node] = None;
            self.private[node] = None;
        }
    }

    /// Doubles the tree until it has the leaf (§7.7).
    pub(crate) fn extend_to(&mut self, index: u32) {
        while index as usize >= self.leaf_count() {
            let width = math::node_width(2 * self.leaf_count());
            self.nodes.resize(width, None);
            self.private.resize(width, None);
        }
    }

    /// Halves the tree while its right half is blank (§7.7).
    fn truncate(&mut self) {
        let mut halvings = 0;
        while self.leaf_count() > 1 && !self.is_wrong(Wrong::NeverTruncates) {
            let root = math::root(self.leaf_count());
            if self.nodes[root + 1..].iter().any(Option::is_some) {
                return;
            }
            if halvings == 1 && self.is_wrong(Wrong::TruncatesOnce) {
                return;
            }
            self.nodes.truncate(root);
            self.private.truncate(root);
            halvings += 1;
        }
    }
}
