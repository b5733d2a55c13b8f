//! Changing the tree along one path: adding, updating and removing leaves (RFC 9420 §7.7, §12.1.1 to §12.1.3).
//!
//! Every change goes through `edit_path`, which copies what it shares with other trees, keeps the key indices true, and
//! refreshes summaries. It is only reached when the whole path is loaded, so a failed operation has changed nothing.
//!
//! Not here: whether a proposal is allowed, and whether keys are unique. Within a Commit a key may pass from one leaf to
//! another, so uniqueness is asked for afterwards, per new leaf: [`RatchetTree::verify_unique_keys_of`].

use alloc::{sync::Arc, vec::Vec};
use core::mem;

use pleach_crypto::Hash;
use pleach_wire::{Kept, LeafIndex, LeafNode, NodeIndex};

use crate::{
    Parent, RatchetTree, TreeError,
    features::Features,
    key_index::KeyIndex,
    position::Position,
    slot::{LeafSlot, ParentSlot, Subtree},
};

impl RatchetTree {
    /// Places a new member in the leftmost blank leaf, extending the tree if there is none, and enters it into
    /// `unmerged_leaves` of its ancestors that are not blank (RFC 9420 §12.1.1, R180). O(log n).
    ///
    /// # Errors
    /// [`TreeError::TreeFull`], [`TreeError::Need`].
    pub fn add_leaf(&mut self, leaf: Kept<LeafNode>) -> Result<LeafIndex, TreeError> {
        let index = self.next_leaf_index();
        let extended = if self.size.contains_leaf(index) { None } else { Some(self.extended_to(index)?) };
        let next = extended.as_ref().unwrap_or(self);
        // The path is loaded, and its leaf blank, or this says what is needed.
        if next.leaf_slot(index)?.is_some() {
            return Err(TreeError::Corrupt(index.node()));
        }
        let slot = next.leaf_slot_for(index, leaf)?;
        // Let go of the old tree first: then what only it held is changed in place, not copied.
        if let Some(extended) = extended {
            *self = extended;
        }
        self.edit_path(index, Some(slot), &mut |_, node| {
            if let Some(node) = node {
                Arc::make_mut(node).add_unmerged(index);
            }
        })?;
        Ok(index)
    }

    /// Replaces the leaf of a member and blanks its direct path (RFC 9420 §12.1.2, R182). O(log n).
    ///
    /// # Errors
    /// [`TreeError::LeafOutOfRange`] or [`TreeError::BlankLeaf`] (R181), [`TreeError::UnchangedEncryptionKey`] (R081),
    /// [`TreeError::Need`].
    pub fn update_leaf(&mut self, index: LeafIndex, leaf: Kept<LeafNode>) -> Result<(), TreeError> {
        if self.member(index)?.encryption_key == leaf.encryption_key {
            return Err(TreeError::UnchangedEncryptionKey(index)); // R081
        }
        let slot = self.leaf_slot_for(index, leaf)?;
        self.edit_path(index, Some(slot), &mut |_, node| *node = None)
    }

    /// Blanks the leaf of a member and its direct path, and truncates the tree (RFC 9420 §12.1.3, R184). O(log n).
    ///
    /// The last member of a tree can be removed, too: an external joiner may replace itself.
    ///
    /// # Errors
    /// [`TreeError::LeafOutOfRange`] or [`TreeError::BlankLeaf`] (R183), [`TreeError::Need`].
    pub fn remove_leaf(&mut self, index: LeafIndex) -> Result<(), TreeError> {
        self.member(index)?; // R183
        let mut tree = self.clone();
        tree.edit_path(index, None, &mut |_, node| *node = None)?;
        tree.truncate();
        // What is not loaded may have a blank right half, and then it is to be halved, too.
        if let Subtree::Stub(stub) = &tree.root
            && stub.position.height > 0
        {
            return Err(TreeError::Need(Vec::from([stub.position.node()])));
        }
        *self = tree;
        Ok(())
    }

    /// That no other member has the signature key of this one, and no other node its encryption key (RFC 9420 §7.3).
    /// For each new leaf, when all proposals of a list are applied. O(log n).
    ///
    /// # Errors
    /// [`TreeError::DuplicateSignatureKey`] (R083), [`TreeError::DuplicateEncryptionKey`] (R084), or as of
    /// [`member`](Self::member).
    pub fn verify_unique_keys_of(&self, index: LeafIndex) -> Result<(), TreeError> {
        let slot = self.member_slot(index)?;
        let [signature, encryption] = slot.key_names();
        self.need_keys([signature, encryption])?;
        if self.leaves_with_signature_key(signature, &slot.node.signature_key)?.len() != 1 {
            return Err(TreeError::DuplicateSignatureKey(index)); // R083
        }
        if self.nodes_with_encryption_key(encryption, &slot.node.encryption_key)?.len() != 1 {
            return Err(TreeError::DuplicateEncryptionKey(index.node())); // R084
        }
        Ok(())
    }

    /// Asks at once for whatever [`verify_unique_keys_of`](Self::verify_unique_keys_of) will ask for these leaves.
    ///
    /// # Errors
    /// [`TreeError::NeedKeys`], or as of [`member`](Self::member).
    pub fn need_unique_keys_of(&self, leaves: impl IntoIterator<Item = LeafIndex>) -> Result<(), TreeError> {
        let mut names = Vec::new();
        for index in leaves {
            names.extend(self.member_slot(index)?.key_names());
        }
        self.need_keys(names)
    }

    /// This tree, doubled until it has the leaf (RFC 9420 §7.7, R100).
    pub(crate) fn extended_to(&self, leaf: LeafIndex) -> Result<Self, TreeError> {
        let mut tree = self.clone();
        while !tree.size.contains_leaf(leaf) {
            let position = Position { height: tree.root.position().height + 1, first: 0 };
            tree.size = tree.size.doubled().ok_or(TreeError::TreeFull)?;
            let left = mem::replace(&mut tree.root, Subtree::Blank(position));
            tree.root = Subtree::parent(position, left, Subtree::Blank(position.right()), None);
        }
        Ok(tree)
    }

    /// Halves the tree while its right half is blank (RFC 9420 §7.7, R100, R184).
    fn truncate(&mut self) {
        while let Some(size) = self.size.halved() {
            let left = match &self.root {
                Subtree::Blank(position) => Subtree::Blank(position.left()),
                Subtree::Parent(slot) if matches!(slot.right, Subtree::Blank(_)) => {
                    if let Some(node) = &slot.node {
                        self.encryption_keys.remove(node.tag, slot.position.node());
                    }
                    slot.left.clone()
                }
                _ => return,
            };
            self.root = left;
            self.size = size;
        }
    }

    /// A slot for a leaf, its features shared with an equal set if one is at hand.
    pub(crate) fn leaf_slot_for(
        &self,
        index: LeafIndex,
        leaf: Kept<LeafNode>,
    ) -> Result<Arc<LeafSlot>, TreeError> {
        let features = Features::of_leaf(&leaf);
        let old = self.leaf_slot(index)?.map(|slot| &slot.features);
        let known = [self.root.features(), old].into_iter().flatten().find(|known| ***known == features);
        let features = known.map_or_else(|| Arc::new(features.clone()), Arc::clone);
        Ok(Arc::new(LeafSlot::new(index, leaf, features, self.suite().hash)))
    }

    /// Puts `leaf` (or a blank one) at `index` and passes every parent above to `change`, from the bottom up.
    /// The leaf must be in the tree.
    pub(crate) fn edit_path(
        &mut self,
        index: LeafIndex,
        leaf: Option<Arc<LeafSlot>>,
        change: &mut dyn FnMut(NodeIndex, &mut Option<Arc<Parent>>),
    ) -> Result<(), TreeError> {
        self.locate(Position::leaf(index))?; // all of the path is loaded: from here on nothing fails
        let Self { root, encryption_keys, signature_keys, .. } = self;
        let mut edit = Edit { index, leaf, encryption_keys, signature_keys, change };
        edit.apply(root)
    }

    /// The hash function of the suite.
    pub(crate) fn hash_function(&self) -> &'static dyn Hash {
        self.shared.suite.hash
    }
}

struct Edit<'a> {
    index: LeafIndex,
    leaf: Option<Arc<LeafSlot>>,
    encryption_keys: &'a mut KeyIndex,
    signature_keys: &'a mut KeyIndex,
    change: &'a mut dyn FnMut(NodeIndex, &mut Option<Arc<Parent>>),
}

impl Edit<'_> {
    fn apply(&mut self, subtree: &mut Subtree) -> Result<(), TreeError> {
        let position = subtree.position();
        if position.height == 0 {
            self.replace_leaf(subtree);
            return Ok(());
        }
        if matches!(subtree, Subtree::Blank(_)) {
            let (left, right) = (Subtree::Blank(position.left()), Subtree::Blank(position.right()));
            *subtree = Subtree::Parent(Arc::new(ParentSlot::new(position, left, right, None)));
        }
        let Subtree::Parent(shared) = subtree else { return Err(TreeError::Corrupt(position.node())) };
        let slot = Arc::make_mut(shared);
        let is_left = self.index.0 < position.middle();
        self.apply(if is_left { &mut slot.left } else { &mut slot.right })?;
        let before = slot.node.as_ref().map(|node| node.tag);
        (self.change)(position.node(), &mut slot.node);
        let after = slot.node.as_ref().map(|node| node.tag);
        if before != after {
            if let Some(tag) = before {
                self.encryption_keys.remove(tag, position.node());
            }
            if let Some(tag) = after {
                self.encryption_keys.insert(tag, position.node());
            }
        }
        slot.refresh();
        if slot.is_empty() {
            *subtree = Subtree::Blank(position);
        }
        Ok(())
    }

    fn replace_leaf(&mut self, subtree: &mut Subtree) {
        let node = self.index.node();
        if let Subtree::Leaf(old) = &*subtree {
            self.encryption_keys.remove(old.encryption_tag, node);
            self.signature_keys.remove(old.signature_tag, node);
        }
        *subtree = match self.leaf.take() {
            Some(new) => {
                self.encryption_keys.insert(new.encryption_tag, node);
                self.signature_keys.insert(new.signature_tag, node);
                Subtree::Leaf(new)
            }
            None => Subtree::Blank(Position::leaf(self.index)),
        };
    }
}
