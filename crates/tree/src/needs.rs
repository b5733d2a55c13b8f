//! Asking for all at once: what an operation on a tree that is loaded in part will want, before it begins.
//!
//! Every operation says what it lacks, but one thing at a time. Where it works through many leaves, or is dear to begin
//! anew, these methods ask for everything that can be known beforehand. They are never needed for correctness, only so that
//! an operation is entered a few times and not once per leaf.
//!
//! Cost: O(log n) per leaf.

use alloc::{collections::BTreeSet, vec::Vec};

use pleach_wire::{LeafIndex, LeafNode, NodeIndex, UpdatePath};

use crate::{KeyKind, RatchetTree, TreeError, position::Position, slot::Subtree};

impl RatchetTree {
    /// The paths of these leaves; those outside of the tree are passed over.
    ///
    /// # Errors
    /// [`TreeError::Need`].
    pub fn need_leaves(&self, leaves: impl IntoIterator<Item = LeafIndex>) -> Result<(), TreeError> {
        let mut needed = BTreeSet::new();
        for leaf in leaves.into_iter().filter(|leaf| self.size.contains_leaf(*leaf)) {
            note(self.locate(Position::leaf(leaf)), &mut needed)?;
        }
        finish(needed)
    }

    /// The paths of the next `count` leaves to be added.
    ///
    /// # Errors
    /// [`TreeError::Need`]: of each subtree that is not loaded, the path to its first blank leaf. So asking again may
    /// want more.
    pub fn need_blank_leaves(&self, count: usize) -> Result<(), TreeError> {
        let mut needed = BTreeSet::new();
        let mut left = count;
        let mut stack = Vec::from([&self.root]);
        while let (true, Some(subtree)) = (left > 0, stack.pop()) {
            match subtree {
                Subtree::Leaf(_) => {}
                Subtree::Blank(position) => left = left.saturating_sub(position.leaves() as usize),
                Subtree::Parent(slot) if slot.summary.first_blank.is_some() => {
                    stack.extend([&slot.right, &slot.left]);
                }
                Subtree::Parent(_) => {}
                Subtree::Stub(stub) => {
                    if let Some(leaf) = stub.summary.first_blank {
                        needed.extend(stub.position.nodes_down_to(Position::leaf(leaf)));
                        left = left.saturating_sub(1);
                    }
                }
            }
        }
        finish(needed)
    }

    /// The nodes that a path of this leaf is encrypted to (RFC 9420 §7.5): the resolutions of its copath.
    ///
    /// # Errors
    /// [`TreeError::Need`]: one level of what is not loaded. So asking again may want more, at most once per level.
    pub fn need_resolutions(&self, leaf: LeafIndex) -> Result<(), TreeError> {
        let mut needed = BTreeSet::new();
        if self.size.contains_leaf(leaf) {
            for level in self.levels(leaf)? {
                self.resolution_needs(&level.sibling, &mut needed)?;
            }
        }
        finish(needed)
    }

    /// What the index says of a signature key.
    ///
    /// # Errors
    /// [`TreeError::NeedKeys`].
    pub fn need_signature_key(&self, key: &[u8]) -> Result<(), TreeError> {
        self.need_keys([self.key_name(KeyKind::Signature, key)])
    }

    /// What the index says of the keys of these leaves.
    ///
    /// # Errors
    /// [`TreeError::NeedKeys`].
    pub fn need_keys_of<'l>(&self, leaves: impl IntoIterator<Item = &'l LeafNode>) -> Result<(), TreeError> {
        let names = leaves.into_iter().flat_map(|leaf| {
            let signature = self.key_name(KeyKind::Signature, &leaf.signature_key);
            [signature, self.key_name(KeyKind::Encryption, &leaf.encryption_key)]
        });
        if self.is_partial() { self.need_keys(names) } else { Ok(()) }
    }

    /// What the index says of the keys of a received path. To be asked for before the path is merged, which is a lot to do
    /// twice.
    ///
    /// # Errors
    /// [`TreeError::NeedKeys`].
    pub fn need_keys_of_path(&self, path: &UpdatePath) -> Result<(), TreeError> {
        // A path that is longer than any leaf's is refused when it is merged (R093), however many keys somebody put into it.
        let is_too_long = path.nodes.len() > self.size.height() as usize + 1;
        if !self.is_partial() || is_too_long {
            return Ok(());
        }
        let nodes = path.nodes.iter().map(|node| &node.encryption_key);
        let keys = nodes.chain([&path.leaf_node.encryption_key]);
        let names = keys.map(|key| self.key_name(KeyKind::Encryption, key));
        self.need_keys(names.chain([self.key_name(KeyKind::Signature, &path.leaf_node.signature_key)]))
    }

    /// The nodes beside the paths of these leaves: when a path is blanked, they come into resolutions.
    ///
    /// # Errors
    /// [`TreeError::Need`].
    pub fn need_copaths(&self, leaves: impl IntoIterator<Item = LeafIndex>) -> Result<(), TreeError> {
        let mut needed = BTreeSet::new();
        for leaf in leaves.into_iter().filter(|leaf| self.size.contains_leaf(*leaf)) {
            for level in self.levels(leaf)? {
                self.resolution_needs(&level.sibling, &mut needed)?;
            }
        }
        finish(needed)
    }

    fn resolution_needs(&self, subtree: &Subtree, needed: &mut BTreeSet<NodeIndex>) -> Result<(), TreeError> {
        match subtree {
            Subtree::Blank(_) | Subtree::Leaf(_) => Ok(()),
            Subtree::Stub(stub) => {
                needed.insert(stub.position.node());
                Ok(())
            }
            Subtree::Parent(slot) => match &slot.node {
                Some(node) => node
                    .unmerged_leaves()
                    .iter()
                    .try_for_each(|leaf| note(self.locate(Position::leaf(*leaf)), needed)),
                None => {
                    self.resolution_needs(&slot.left, needed)?;
                    self.resolution_needs(&slot.right, needed)
                }
            },
        }
    }
}

fn note<T>(found: Result<T, TreeError>, needed: &mut BTreeSet<NodeIndex>) -> Result<(), TreeError> {
    match found {
        Ok(_) => Ok(()),
        Err(TreeError::Need(nodes)) => {
            needed.extend(nodes);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn finish(needed: BTreeSet<NodeIndex>) -> Result<(), TreeError> {
    if needed.is_empty() { Ok(()) } else { Err(TreeError::Need(needed.into_iter().collect())) }
}
