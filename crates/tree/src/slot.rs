//! The nodes in memory: [`Subtree`], its slots, and what each of them computes at most once.
//!
//! Invariants: a subtree without any node is always [`Subtree::Blank`], never a slot with two blank children; a slot's
//! summary follows from its node and its children's summaries; a slot's cached hash follows from its content. So a
//! slot that is changed through `Arc::make_mut` must be refreshed before it is seen again.

use alloc::{boxed::Box, sync::Arc, vec::Vec};

use once_cell::race::OnceBox;
use pleach_crypto::{CipherSuite, CryptoError, Digest, Hash, KemPublicKey};
use pleach_wire::{Kept, LeafIndex, LeafNode, List, NodeIndex, ParentNode};

use crate::{
    KeyKind, KeyName, features::Features, hash_cell::HashCell, key_index::KeyTag, position::Position,
};

/// A subtree, as cheap to clone as a pointer.
#[derive(Debug, Clone)]
pub(crate) enum Subtree {
    /// No node in it.
    Blank(Position),
    /// A leaf that is not blank.
    Leaf(Arc<LeafSlot>),
    /// A parent, blank or not, with something in its subtree.
    Parent(Arc<ParentSlot>),
    /// Not loaded: known by its hash and summary.
    Stub(Arc<Stub>),
}

/// A leaf that is not blank. Immutable.
#[derive(Debug)]
pub(crate) struct LeafSlot {
    pub(crate) index: LeafIndex,
    pub(crate) node: Kept<LeafNode>,
    pub(crate) features: Arc<Features>,
    pub(crate) encryption_tag: KeyTag,
    pub(crate) signature_tag: KeyTag,
    pub(crate) hash: HashCell,
    /// If it was used: of few leaves. The signature key is not kept here: parsed, it may be large, and every sender's is used
    /// some day.
    parsed: OnceBox<Box<dyn KemPublicKey>>,
}

impl LeafSlot {
    pub(crate) fn new(
        index: LeafIndex,
        node: Kept<LeafNode>,
        features: Arc<Features>,
        hash: &dyn Hash,
    ) -> Self {
        let view = node.view();
        Self {
            index,
            features,
            encryption_tag: KeyTag::of(hash, view.encryption_key),
            signature_tag: KeyTag::of(hash, view.signature_key),
            node,
            hash: HashCell::default(),
            parsed: OnceBox::new(),
        }
    }

    /// The names of its signature key and its encryption key.
    pub(crate) const fn key_names(&self) -> [KeyName; 2] {
        [
            KeyName { kind: KeyKind::Signature, tag: self.signature_tag },
            KeyName { kind: KeyKind::Encryption, tag: self.encryption_tag },
        ]
    }

    /// The HPKE key, parsed once.
    pub(crate) fn encryption_key(&self, suite: &CipherSuite) -> Result<&dyn KemPublicKey, CryptoError> {
        let load = || suite.kem.load_public(self.node.view().encryption_key).map(Box::new);
        self.parsed.get_or_try_init(load).map(|key| &**key)
    }
}

/// The content of a parent node that is not blank (RFC 9420 §7.1), and its parsed key.
///
/// A group has one for each member, and a Commit makes one per level: so it is one piece of memory with most suites.
#[derive(Debug)]
pub struct Parent {
    octets: Octets,
    /// `None` if there are none, as in nearly all nodes.
    unmerged_leaves: Option<Box<Unmerged>>,
    pub(crate) tag: KeyTag,
    parsed: OnceBox<Arc<dyn KemPublicKey>>,
}

/// A vector, so that adding many members one after the other does not copy it each time.
#[derive(Debug, Clone)]
struct Unmerged(Vec<LeafIndex>);

/// The key and the parent hash, one after the other, and where each ends.
#[derive(Debug, Clone)]
enum Octets {
    /// As with Curve25519 and SHA-256.
    Short {
        octets: [u8; Octets::ROOM],
        key: u8,
        both: u8,
    },
    Long {
        octets: Box<[u8]>,
        key: usize,
    },
}

impl Octets {
    const ROOM: usize = 64;

    fn new(key: &[u8], parent_hash: &[u8]) -> Self {
        let both = key.len().saturating_add(parent_hash.len());
        if both > Self::ROOM {
            return Self::Long { octets: [key, parent_hash].concat().into(), key: key.len() };
        }
        let mut octets = [0; Self::ROOM];
        if let Some((first, rest)) = octets.split_at_mut_checked(key.len())
            && let Some(second) = rest.get_mut(..parent_hash.len())
        {
            first.copy_from_slice(key);
            second.copy_from_slice(parent_hash);
        }
        Self::Short { octets, key: key.len() as u8, both: both as u8 }
    }

    fn parts(&self) -> (&[u8], &[u8]) {
        let (octets, key) = match self {
            Self::Short { octets, key, both } => {
                (octets.get(..usize::from(*both)).unwrap_or_default(), usize::from(*key))
            }
            Self::Long { octets, key } => (&**octets, *key),
        };
        octets.split_at_checked(key).unwrap_or_default()
    }
}

impl Parent {
    pub(crate) fn new(node: &ParentNode, hash: &dyn Hash) -> Self {
        Self::tagged(node, KeyTag::of(hash, &node.encryption_key))
    }

    /// With the tag of its key.
    pub(crate) fn tagged(node: &ParentNode, tag: KeyTag) -> Self {
        let mut this = Self::merged(&node.encryption_key, &node.parent_hash, tag);
        if !node.unmerged_leaves.is_empty() {
            this.unmerged_leaves = Some(Box::new(Unmerged(node.unmerged_leaves.to_vec())));
        }
        this
    }

    /// Without unmerged leaves, as in a path.
    pub(crate) fn merged(key: &[u8], parent_hash: &[u8], tag: KeyTag) -> Self {
        Self { octets: Octets::new(key, parent_hash), unmerged_leaves: None, tag, parsed: OnceBox::new() }
    }

    /// The node's HPKE key.
    #[must_use]
    pub fn encryption_key(&self) -> &[u8] {
        self.octets.parts().0
    }

    /// The parent hash of the next node that is not blank above this one (R108).
    #[must_use]
    pub fn parent_hash(&self) -> &[u8] {
        self.octets.parts().1
    }

    /// The leaves below that do not know the private key, strictly increasing (R061).
    #[must_use]
    pub fn unmerged_leaves(&self) -> &[LeafIndex] {
        self.unmerged_leaves.as_deref().map_or(&[], |unmerged| &unmerged.0)
    }

    /// The structure of the RFC. Copies.
    #[must_use]
    pub fn to_wire(&self) -> ParentNode {
        ParentNode {
            encryption_key: self.encryption_key().into(),
            parent_hash: self.parent_hash().into(),
            unmerged_leaves: List::from(self.unmerged_leaves().to_vec()),
        }
    }

    /// Enters a new leaf below (RFC 9420 §12.1.1, R180).
    pub(crate) fn add_unmerged(&mut self, leaf: LeafIndex) {
        let Unmerged(leaves) =
            &mut **self.unmerged_leaves.get_or_insert_with(|| Box::new(Unmerged(Vec::new())));
        if let Err(at) = leaves.binary_search(&leaf) {
            leaves.insert(at, leaf);
        }
    }

    /// The entries that are leaves of the subtree at `position`.
    pub(crate) fn unmerged_below(&self, position: Position) -> &[LeafIndex] {
        leaves_below(self.unmerged_leaves(), position)
    }

    /// The HPKE key, parsed once.
    pub(crate) fn parsed(&self, suite: &CipherSuite) -> Result<&dyn KemPublicKey, CryptoError> {
        let load = || suite.kem.load_public(self.encryption_key()).map(|key| Box::new(Arc::from(key)));
        self.parsed.get_or_try_init(load).map(|key| &**key)
    }
}

impl Clone for Parent {
    fn clone(&self) -> Self {
        let parsed = OnceBox::new();
        if let Some(key) = self.parsed.get() {
            let _is_new = parsed.set(Box::new(Arc::clone(key)));
        }
        Self {
            octets: self.octets.clone(),
            unmerged_leaves: self.unmerged_leaves.clone(),
            tag: self.tag,
            parsed,
        }
    }
}

/// The part of a sorted list of leaves that is below `position`.
pub(crate) fn leaves_below(leaves: &[LeafIndex], position: Position) -> &[LeafIndex] {
    let start = leaves.partition_point(|leaf| leaf.0 < position.first);
    let end = leaves.partition_point(|leaf| leaf.0 < position.end());
    leaves.get(start..end).unwrap_or_default()
}

/// A parent with something in its subtree; the node itself may be blank.
#[derive(Debug)]
pub(crate) struct ParentSlot {
    pub(crate) position: Position,
    pub(crate) left: Subtree,
    pub(crate) right: Subtree,
    pub(crate) node: Option<Arc<Parent>>,
    pub(crate) summary: Summary,
    pub(crate) hash: HashCell,
}

impl ParentSlot {
    pub(crate) fn new(position: Position, left: Subtree, right: Subtree, node: Option<Arc<Parent>>) -> Self {
        let hash = HashCell::default();
        let mut slot = Self { position, left, right, node, summary: Summary::default(), hash };
        slot.refresh();
        slot
    }

    /// After a change: the summary anew, and no hash yet.
    pub(crate) fn refresh(&mut self) {
        self.hash = HashCell::default();
        self.summary = Summary::of_parent(self.node.as_deref(), &self.left, &self.right);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.node.is_none() && matches!((&self.left, &self.right), (Subtree::Blank(_), Subtree::Blank(_)))
    }

    /// The child towards `leaf`, and the other one.
    pub(crate) fn towards(&self, leaf: LeafIndex) -> (&Subtree, &Subtree) {
        if leaf.0 < self.position.middle() { (&self.left, &self.right) } else { (&self.right, &self.left) }
    }
}

impl Clone for ParentSlot {
    /// For a change to follow: the hash stays behind.
    fn clone(&self) -> Self {
        let Self { position, left, right, node, summary, hash: _ } = self;
        Self {
            position: *position,
            left: left.clone(),
            right: right.clone(),
            node: node.clone(),
            summary: summary.clone(),
            hash: HashCell::default(),
        }
    }
}

/// What is known of a subtree without looking into it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Leaves that are not blank.
    pub(crate) occupied: u32,
    /// Nodes of the resolution (RFC 9420 §4.1.1).
    pub(crate) resolution_len: u32,
    /// The leftmost blank leaf.
    pub(crate) first_blank: Option<LeafIndex>,
    /// What all those leaves support; `None` if there are none.
    pub(crate) features: Option<Arc<Features>>,
}

impl Summary {
    fn of_parent(node: Option<&Parent>, left: &Subtree, right: &Subtree) -> Self {
        let resolution_len = match node {
            Some(node) => u32::try_from(node.unmerged_leaves().len()).unwrap_or(u32::MAX).saturating_add(1),
            None => left.resolution_len().saturating_add(right.resolution_len()),
        };
        Self {
            occupied: left.occupied().saturating_add(right.occupied()),
            resolution_len,
            first_blank: left.first_blank().or_else(|| right.first_blank()),
            features: Features::merge(left.features(), right.features()),
        }
    }
}

/// A subtree that is not loaded.
#[derive(Debug)]
pub(crate) struct Stub {
    pub(crate) position: Position,
    pub(crate) hash: Digest,
    pub(crate) summary: Summary,
}

impl Subtree {
    /// A parent, or a blank subtree if it would be empty.
    pub(crate) fn parent(position: Position, left: Self, right: Self, node: Option<Arc<Parent>>) -> Self {
        if node.is_none() && matches!((&left, &right), (Self::Blank(_), Self::Blank(_))) {
            return Self::Blank(position);
        }
        Self::Parent(Arc::new(ParentSlot::new(position, left, right, node)))
    }

    pub(crate) fn position(&self) -> Position {
        match self {
            Self::Blank(position) => *position,
            Self::Leaf(leaf) => Position::leaf(leaf.index),
            Self::Parent(parent) => parent.position,
            Self::Stub(stub) => stub.position,
        }
    }

    pub(crate) fn node_index(&self) -> NodeIndex {
        self.position().node()
    }

    pub(crate) fn occupied(&self) -> u32 {
        match self {
            Self::Blank(_) => 0,
            Self::Leaf(_) => 1,
            Self::Parent(parent) => parent.summary.occupied,
            Self::Stub(stub) => stub.summary.occupied,
        }
    }

    pub(crate) fn resolution_len(&self) -> u32 {
        match self {
            Self::Blank(_) => 0,
            Self::Leaf(_) => 1,
            Self::Parent(parent) => parent.summary.resolution_len,
            Self::Stub(stub) => stub.summary.resolution_len,
        }
    }

    pub(crate) fn first_blank(&self) -> Option<LeafIndex> {
        match self {
            Self::Blank(position) => Some(LeafIndex(position.first)),
            Self::Leaf(_) => None,
            Self::Parent(parent) => parent.summary.first_blank,
            Self::Stub(stub) => stub.summary.first_blank,
        }
    }

    pub(crate) fn features(&self) -> Option<&Arc<Features>> {
        match self {
            Self::Blank(_) => None,
            Self::Leaf(leaf) => Some(&leaf.features),
            Self::Parent(parent) => parent.summary.features.as_ref(),
            Self::Stub(stub) => stub.summary.features.as_ref(),
        }
    }

    pub(crate) fn summary(&self) -> Summary {
        Summary {
            occupied: self.occupied(),
            resolution_len: self.resolution_len(),
            first_blank: self.first_blank(),
            features: self.features().cloned(),
        }
    }

    /// Whether both are the same object: then they are equal. The converse does not hold.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Blank(a), Self::Blank(b)) => a == b,
            (Self::Leaf(a), Self::Leaf(b)) => Arc::ptr_eq(a, b),
            (Self::Parent(a), Self::Parent(b)) => Arc::ptr_eq(a, b),
            (Self::Stub(a), Self::Stub(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// Whether both have been hashed, to the same hash: then they are equal, too.
    pub(crate) fn has_same_known_hash(&self, other: &Self) -> bool {
        self.known_hash().is_some_and(|hash| Some(hash) == other.known_hash())
    }

    fn known_hash(&self) -> Option<Digest> {
        match self {
            Self::Blank(_) => None,
            Self::Leaf(leaf) => leaf.hash.get(),
            Self::Parent(parent) => parent.hash.get(),
            Self::Stub(stub) => Some(stub.hash),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn keys_and_hashes_of_any_length_are_kept() {
        for (key, hash) in
            [(0, 0), (32, 0), (32, 32), (64, 0), (65, 0), (0, 65), (65, 32), (133, 64), (1216, 32)]
        {
            let (key, hash) = (vec![1; key], vec![2; hash]);
            let parent = Parent::merged(&key, &hash, KeyTag([0; 16]));
            assert_eq!((parent.encryption_key(), parent.parent_hash()), (&key[..], &hash[..]));
            let short = matches!(parent.octets, Octets::Short { .. });
            assert_eq!(short, key.len() + hash.len() <= 64);
        }
        // There is one for each member.
        assert!(size_of::<Parent>() <= 104);
    }
}
