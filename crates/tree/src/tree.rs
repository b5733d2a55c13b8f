//! [`RatchetTree`] and how to look into it (RFC 9420 §4).
//!
//! Invariants: `root` covers exactly `size`; the key indices hold the keys of all loaded nodes and no others. Looking
//! costs O(log n) unless a method says otherwise; none of them changes anything but caches.

use alloc::{sync::Arc, vec::Vec};
use core::fmt;

use pleach_crypto::{CipherSuite, Digest, Executor, KemPublicKey};
use pleach_wire::{Kept, LeafIndex, LeafNode, NodeIndex, TreeSize};

use crate::{
    Parent, TreeError,
    blank::BlankHashes,
    features::Features,
    hash::Hasher,
    key_index::{Entries, KeyIndex},
    position::Position,
    slot::{LeafSlot, ParentSlot, Subtree},
};

/// The ratchet tree of one epoch (RFC 9420 §4): a value.
///
/// A clone takes constant time and shares all nodes (it copies some kilobytes of the index of keys at most); a change copies the nodes on one path. Hashes and parsed keys are
/// computed once and shared by all trees that have the node. A tree belongs to one cipher suite.
#[derive(Clone)]
pub struct RatchetTree {
    pub(crate) root: Subtree,
    pub(crate) size: TreeSize,
    /// How many subtrees are not loaded.
    pub(crate) stubs: usize,
    pub(crate) encryption_keys: KeyIndex,
    pub(crate) signature_keys: KeyIndex,
    pub(crate) shared: Arc<Shared>,
}

/// What all trees of a group's history have in common.
pub(crate) struct Shared {
    pub(crate) suite: CipherSuite,
    pub(crate) blank: BlankHashes,
}

/// One step of a filtered direct path (RFC 9420 §4.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathStep {
    /// The node on the path.
    pub node: NodeIndex,
    /// Its child that is not on the path, whose resolution is not empty.
    pub copath: NodeIndex,
}

/// A parent on the way from the root to a leaf.
pub(crate) struct Level {
    pub(crate) position: Position,
    pub(crate) sibling: Subtree,
}

impl RatchetTree {
    /// The tree of a group of one member, whose leaf has index 0 (RFC 9420 §11). The suite is the group's.
    #[must_use]
    pub fn new(suite: &CipherSuite, leaf: Kept<LeafNode>) -> Self {
        let mut tree = Self::blank(suite);
        let features = Arc::new(Features::of_leaf(&leaf));
        tree.set_root(
            Subtree::Leaf(Arc::new(LeafSlot::new(LeafIndex(0), leaf, features, suite.hash))),
            TreeSize::ONE,
        );
        tree
    }

    /// One blank leaf, to start from.
    pub(crate) fn blank(suite: &CipherSuite) -> Self {
        Self {
            root: Subtree::Blank(Position { height: 0, first: 0 }),
            size: TreeSize::ONE,
            stubs: 0,
            encryption_keys: KeyIndex::default(),
            signature_keys: KeyIndex::default(),
            shared: Arc::new(Shared { suite: *suite, blank: BlankHashes::default() }),
        }
    }

    /// Replaces everything, and indexes all keys. O(n).
    pub(crate) fn set_root(&mut self, root: Subtree, size: TreeSize) {
        let leaves = root.occupied() as usize;
        let mut encryption = Entries::with_capacity(leaves.saturating_mul(2));
        let mut signature = Entries::with_capacity(leaves);
        all_keys(&root, &mut encryption, &mut signature);
        self.encryption_keys = encryption.into();
        self.signature_keys = signature.into();
        self.root = root;
        self.size = size;
    }

    pub(crate) fn index_keys(&mut self, subtree: &Subtree) {
        match subtree {
            Subtree::Blank(_) | Subtree::Stub(_) => {}
            Subtree::Leaf(leaf) => {
                self.encryption_keys.insert(leaf.encryption_tag, leaf.index.node());
                self.signature_keys.insert(leaf.signature_tag, leaf.index.node());
            }
            Subtree::Parent(slot) => {
                self.index_keys(&slot.left);
                self.index_keys(&slot.right);
                if let Some(node) = &slot.node {
                    self.encryption_keys.insert(node.tag, slot.position.node());
                }
            }
        }
    }

    /// Takes what changed into the index of keys: to be called when the tree before a change is no longer needed, and dropped.
    /// While a clone from before the change is there, this does nothing, and what changed waits: O(1) then, otherwise O(log n)
    /// for each Commit that waited, which are never more than some.
    pub fn settle(&mut self) {
        self.encryption_keys.settle();
        self.signature_keys.settle();
    }

    /// The cipher suite of the tree.
    #[must_use]
    pub fn suite(&self) -> &CipherSuite {
        &self.shared.suite
    }

    /// The number of leaves, blank ones included.
    #[must_use]
    pub const fn size(&self) -> TreeSize {
        self.size
    }

    /// The number of members: leaves that are not blank. O(1).
    #[must_use]
    pub fn member_count(&self) -> u32 {
        self.root.occupied()
    }

    /// Whether some nodes are not loaded.
    #[must_use]
    pub const fn is_partial(&self) -> bool {
        self.stubs > 0
    }

    /// The leaf, or `None` if it is blank or outside of the tree.
    ///
    /// # Errors
    /// [`TreeError::Need`].
    pub fn leaf(&self, leaf: LeafIndex) -> Result<Option<&Kept<LeafNode>>, TreeError> {
        Ok(self.leaf_slot(leaf)?.map(|slot| &slot.node))
    }

    /// The leaf of a member.
    ///
    /// # Errors
    /// [`TreeError::LeafOutOfRange`] or [`TreeError::BlankLeaf`] (R039, R059, R183), [`TreeError::Need`].
    pub fn member(&self, leaf: LeafIndex) -> Result<&Kept<LeafNode>, TreeError> {
        Ok(&self.member_slot(leaf)?.node)
    }

    /// The content of a parent, or `None` if it is blank, a leaf, or outside of the tree.
    ///
    /// # Errors
    /// [`TreeError::Need`].
    pub fn parent(&self, node: NodeIndex) -> Result<Option<&Parent>, TreeError> {
        if node.is_leaf() || !self.size.contains(node) {
            return Ok(None);
        }
        Ok(self.parent_slot(Position::of_node(node))?.and_then(|slot| slot.node.as_deref()))
    }

    /// The serialized HPKE key of a node, leaf or parent, that is not blank.
    ///
    /// # Errors
    /// [`TreeError::Need`].
    pub fn encryption_key(&self, node: NodeIndex) -> Result<Option<&[u8]>, TreeError> {
        Ok(match node.leaf() {
            Some(leaf) => self.leaf(leaf)?.map(|leaf| leaf.view().encryption_key),
            None => self.parent(node)?.map(Parent::encryption_key),
        })
    }

    /// The parsed HPKE key of a node that is not blank; parsed once in the life of the node.
    ///
    /// # Errors
    /// [`TreeError::NodeOutOfRange`] if there is no key, [`TreeError::Need`], or those of the backend.
    pub fn parsed_encryption_key(&self, node: NodeIndex) -> Result<&dyn KemPublicKey, TreeError> {
        let absent = TreeError::NodeOutOfRange(node);
        match node.leaf() {
            Some(leaf) => Ok(self.leaf_slot(leaf)?.ok_or(absent)?.encryption_key(self.suite())?),
            None => Ok(self.parent(node)?.ok_or(absent)?.parsed(self.suite())?),
        }
    }

    /// All members in the order of their leaves. O(n) for all.
    ///
    /// An item is an error, [`TreeError::Need`], for each subtree that is not loaded.
    pub fn leaves(&self) -> Leaves<'_> {
        Leaves { stack: Vec::from([&self.root]) }
    }

    /// The resolution of a node (RFC 9420 §4.1.1, R087). O(length of the resolution).
    ///
    /// # Errors
    /// [`TreeError::NodeOutOfRange`], [`TreeError::Need`].
    pub fn resolution(&self, node: NodeIndex) -> Result<Vec<NodeIndex>, TreeError> {
        let mut out = Vec::new();
        if let Some(subtree) = self.subtree_of(node)? {
            push_resolution(subtree, &mut out)?;
        }
        Ok(out)
    }

    /// The length of the resolution of a node (RFC 9420 §4.1.1).
    ///
    /// # Errors
    /// [`TreeError::NodeOutOfRange`], [`TreeError::Need`].
    pub fn resolution_len(&self, node: NodeIndex) -> Result<u32, TreeError> {
        Ok(self.subtree_of(node)?.map_or(0, Subtree::resolution_len))
    }

    /// The filtered direct path of a leaf, blank or not, from the leaf up (RFC 9420 §4.1.2, R088).
    ///
    /// # Errors
    /// [`TreeError::LeafOutOfRange`], [`TreeError::Need`].
    pub fn filtered_direct_path(&self, leaf: LeafIndex) -> Result<Vec<PathStep>, TreeError> {
        let levels = self.levels(leaf)?;
        let filtered = levels.iter().rev().filter(|level| level.sibling.resolution_len() > 0); // R088
        Ok(filtered
            .map(|level| PathStep { node: level.position.node(), copath: level.sibling.node_index() })
            .collect())
    }

    /// The tree hash of the root (RFC 9420 §7.8, R103). Hashes what was never hashed; then O(1).
    ///
    /// # Errors
    /// [`TreeError::Encode`] for a node that was built here with a field of 2^30 bytes or more.
    pub fn tree_hash(&self) -> Result<Digest, TreeError> {
        self.hasher().tree_hash(&self.root)
    }

    /// As [`tree_hash`](Self::tree_hash), on several threads: worth it after a join. O(n) the first time.
    ///
    /// # Errors
    /// As of [`tree_hash`](Self::tree_hash).
    pub fn tree_hash_with(&self, executor: &dyn Executor) -> Result<Digest, TreeError> {
        let mut parts = Vec::from([&self.root]);
        while parts.len() < executor.width().saturating_mul(4).min(256) {
            let halves = parts.iter().flat_map(|part| match part {
                Subtree::Parent(slot) => Vec::from([&slot.left, &slot.right]),
                _ => Vec::new(),
            });
            let halves: Vec<_> = halves.collect();
            if halves.is_empty() {
                break;
            }
            parts = halves;
        }
        // An error comes up again below; here only the caches are filled.
        executor.for_each(parts.len(), &|i| {
            if let Some(part) = parts.get(i) {
                let _in_the_cache = self.hasher().tree_hash(part);
            }
        });
        self.tree_hash()
    }

    /// The tree hash of any node (RFC 9420 §7.8).
    ///
    /// # Errors
    /// [`TreeError::NodeOutOfRange`], [`TreeError::Need`] for a node below one that is not loaded.
    pub fn node_hash(&self, node: NodeIndex) -> Result<Digest, TreeError> {
        match self.subtree_of(node)? {
            Some(subtree) => self.hasher().tree_hash(subtree),
            None => Ok(self.shared.blank.of(self.suite().hash, Position::of_node(node))),
        }
    }

    /// The leftmost leaf that is blank, if there is one (RFC 9420 §7.7, R180). O(1), loaded or not.
    #[must_use]
    pub fn leftmost_blank_leaf(&self) -> Option<LeafIndex> {
        self.root.first_blank()
    }

    /// Where the next member is placed: the leftmost blank leaf, or the first behind the last (R180, R213).
    #[must_use]
    pub fn next_leaf_index(&self) -> LeafIndex {
        self.leftmost_blank_leaf().unwrap_or(LeafIndex(self.size.leaf_count()))
    }

    pub(crate) fn hasher(&self) -> Hasher<'_> {
        Hasher::new(self.shared.suite.hash, &self.shared.blank)
    }

    pub(crate) fn leaf_slot(&self, leaf: LeafIndex) -> Result<Option<&LeafSlot>, TreeError> {
        if !self.size.contains_leaf(leaf) {
            return Ok(None);
        }
        Ok(match self.locate(Position::leaf(leaf))? {
            Some(Subtree::Leaf(slot)) => Some(slot),
            _ => None,
        })
    }

    pub(crate) fn member_slot(&self, leaf: LeafIndex) -> Result<&LeafSlot, TreeError> {
        if !self.size.contains_leaf(leaf) {
            return Err(TreeError::LeafOutOfRange(leaf)); // R039, R059, R183
        }
        self.leaf_slot(leaf)?.ok_or(TreeError::BlankLeaf(leaf)) // R039, R059, R183
    }

    fn parent_slot(&self, position: Position) -> Result<Option<&ParentSlot>, TreeError> {
        match self.locate(position)? {
            Some(Subtree::Parent(slot)) => Ok(Some(slot)),
            Some(Subtree::Stub(stub)) => Err(TreeError::Need(Vec::from([stub.position.node()]))),
            _ => Ok(None),
        }
    }

    fn subtree_of(&self, node: NodeIndex) -> Result<Option<&Subtree>, TreeError> {
        if self.size.contains(node) {
            self.locate(Position::of_node(node))
        } else {
            Err(TreeError::NodeOutOfRange(node))
        }
    }

    /// The subtree at `position`, which must be in the tree; `None` inside of a blank one.
    pub(crate) fn locate(&self, position: Position) -> Result<Option<&Subtree>, TreeError> {
        let mut subtree = &self.root;
        let leaf = LeafIndex(position.first);
        loop {
            let here = subtree.position();
            if here.height <= position.height {
                return match subtree {
                    // A leaf cannot be a stub for who wants its content.
                    Subtree::Stub(_) if here.height == 0 => Err(TreeError::Need(Vec::from([here.node()]))),
                    _ => Ok(Some(subtree)),
                };
            }
            subtree = match subtree {
                Subtree::Parent(slot) => slot.towards(leaf).0,
                Subtree::Blank(_) => return Ok(None),
                Subtree::Stub(_) => return Err(TreeError::Need(here.nodes_down_to(position))),
                Subtree::Leaf(_) => return Err(TreeError::Corrupt(here.node())),
            };
        }
    }

    /// The direct path of `leaf` with its copath, from the root down.
    pub(crate) fn levels(&self, leaf: LeafIndex) -> Result<Vec<Level>, TreeError> {
        if !self.size.contains_leaf(leaf) {
            return Err(TreeError::LeafOutOfRange(leaf));
        }
        let mut levels = Vec::with_capacity(self.size.height() as usize);
        let mut subtree = &self.root;
        let target = Position::leaf(leaf);
        loop {
            match subtree {
                Subtree::Parent(slot) => {
                    let (next, sibling) = slot.towards(leaf);
                    levels.push(Level { position: slot.position, sibling: sibling.clone() });
                    subtree = next;
                }
                Subtree::Blank(position) => {
                    let mut position = *position;
                    while position.height > 0 {
                        let (left, right) = (position.left(), position.right());
                        let (next, sibling) = if left.contains(leaf) { (left, right) } else { (right, left) };
                        levels.push(Level { position, sibling: Subtree::Blank(sibling) });
                        position = next;
                    }
                    return Ok(levels);
                }
                Subtree::Leaf(_) => return Ok(levels),
                Subtree::Stub(stub) => return Err(TreeError::Need(stub.position.nodes_down_to(target))),
            }
        }
    }
}

fn all_keys(subtree: &Subtree, encryption: &mut Entries, signature: &mut Entries) {
    match subtree {
        Subtree::Blank(_) | Subtree::Stub(_) => {}
        Subtree::Leaf(leaf) => {
            encryption.push(leaf.encryption_tag, leaf.index.node());
            signature.push(leaf.signature_tag, leaf.index.node());
        }
        Subtree::Parent(slot) => {
            all_keys(&slot.left, encryption, signature);
            all_keys(&slot.right, encryption, signature);
            if let Some(node) = &slot.node {
                encryption.push(node.tag, slot.position.node());
            }
        }
    }
}

impl fmt::Debug for RatchetTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RatchetTree")
            .field("suite", &self.shared.suite.id)
            .field("size", &self.size)
            .field("members", &self.member_count())
            .field("stubs", &self.stubs)
            .finish_non_exhaustive()
    }
}

fn push_resolution(subtree: &Subtree, out: &mut Vec<NodeIndex>) -> Result<(), TreeError> {
    match subtree {
        Subtree::Blank(_) => Ok(()),
        Subtree::Leaf(leaf) => {
            out.push(leaf.index.node());
            Ok(())
        }
        Subtree::Parent(slot) => {
            if let Some(node) = &slot.node {
                out.push(slot.position.node());
                out.extend(node.unmerged_leaves().iter().map(|leaf| leaf.node()));
                return Ok(());
            }
            push_resolution(&slot.left, out)?;
            push_resolution(&slot.right, out)
        }
        Subtree::Stub(stub) => Err(TreeError::Need(Vec::from([stub.position.node()]))),
    }
}

/// The members of a tree in the order of their leaves: [`RatchetTree::leaves`].
#[derive(Debug)]
pub struct Leaves<'a> {
    stack: Vec<&'a Subtree>,
}

impl<'a> Leaves<'a> {
    pub(crate) fn next_slot(&mut self) -> Option<Result<&'a LeafSlot, TreeError>> {
        loop {
            match self.stack.pop()? {
                Subtree::Blank(_) => {}
                Subtree::Leaf(slot) => return Some(Ok(slot)),
                Subtree::Parent(slot) => self.stack.extend([&slot.right, &slot.left]),
                Subtree::Stub(stub) => return Some(Err(TreeError::Need(Vec::from([stub.position.node()])))),
            }
        }
    }
}

impl<'a> Iterator for Leaves<'a> {
    type Item = Result<(LeafIndex, &'a Kept<LeafNode>), TreeError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_slot().map(|slot| slot.map(|slot| (slot.index, &slot.node)))
    }
}
