//! Merging a path into the tree (RFC 9420 §7.5): what the sender and the receivers of an UpdatePath do alike.
//!
//! Cost: per level one tree hash, one parent hash and one index tag. The siblings' hashes are in the tree.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};

use pleach_crypto::Digest;
use pleach_wire::{HpkePublicKey, Kept, LeafIndex, LeafNode, NodeIndex, Opaque};

use crate::{
    KeyKind, KeyName, KeyTag, Parent, RatchetTree, TreeError,
    position::Position,
    slot::{Subtree, leaves_below},
    tree::Level,
};

/// A sender's path before its new leaf is known: the new parents and the leaf's parent hash.
pub(crate) struct NewPath {
    pub(crate) parents: BTreeMap<NodeIndex, Arc<Parent>>,
    /// The leaf's; empty if the filtered direct path is.
    pub(crate) parent_hash: Opaque,
}

/// The new key of a parent, with the tag that is computed once of it.
pub(crate) struct PathKey<'k> {
    pub(crate) key: &'k HpkePublicKey,
    pub(crate) tag: KeyTag,
}

/// Where the keys of a path come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From another member, who may have chosen them.
    Received,
    /// Made here at random, just now. So a stored index has none of them and is not asked: asked for rows and entered once
    /// more, the path would have others.
    Own,
}

impl RatchetTree {
    /// The keys of a path, from the leaf up.
    pub(crate) fn path_keys<'k>(&self, keys: impl Iterator<Item = &'k HpkePublicKey>) -> Vec<PathKey<'k>> {
        keys.map(|key| PathKey { tag: KeyTag::of(self.hash_function(), key), key }).collect()
    }

    /// This tree with room for the sender of a path: a member, or an external joiner who takes the leftmost blank leaf
    /// or extends the tree (RFC 9420 §12.4.3.2, R213).
    pub(crate) fn with_sender(&self, sender: LeafIndex) -> Result<Self, TreeError> {
        if self.leaf(sender)?.is_some() {
            return Ok(self.clone());
        }
        if sender != self.next_leaf_index() {
            return Err(TreeError::NotLeftmostBlank(sender)); // R213
        }
        self.extended_to(sender)
    }

    /// The nodes of the filtered direct path with their siblings, from the leaf up (R088).
    pub(crate) fn filtered_levels(&self, leaf: LeafIndex) -> Result<Vec<Level>, TreeError> {
        let mut levels = self.levels(leaf)?;
        levels.retain(|level| level.sibling.resolution_len() > 0);
        levels.reverse();
        Ok(levels)
    }

    /// The new parents of a path with these keys, and the parent hashes from the top down (R098, R106, R108).
    ///
    /// `unmerged_leaves` of the new nodes are empty, so the original sibling hashes are the current ones (R107).
    pub(crate) fn new_path(&self, filtered: &[Level], keys: &[PathKey<'_>]) -> Result<NewPath, TreeError> {
        let mut hasher = self.hasher();
        let mut parents = BTreeMap::new();
        let mut above: Option<Digest> = None; // none above the last node of the filtered direct path
        for (level, PathKey { key, tag }) in filtered.iter().zip(keys).rev() {
            let parent_hash = above.as_ref().map_or(&[][..], Digest::as_bytes);
            let node = Parent::merged(key, parent_hash, *tag);
            let sibling = hasher.tree_hash(&level.sibling)?;
            let hash = hasher.parent_hash(key, parent_hash, &sibling)?;
            parents.insert(level.position.node(), Arc::new(node));
            above = Some(hash);
        }
        Ok(NewPath { parents, parent_hash: Opaque::from(above.as_ref().map_or(&[][..], Digest::as_bytes)) })
    }

    /// The tree with the path in it: filtered nodes set, all others of the direct path blank (R098, R102).
    pub(crate) fn merge_path(
        &self,
        sender: LeafIndex,
        leaf: Kept<LeafNode>,
        path: &NewPath,
    ) -> Result<Self, TreeError> {
        let mut tree = self.clone();
        let slot = tree.leaf_slot_for(sender, leaf)?;
        tree.edit_path(sender, Some(slot), &mut |index, node| *node = path.parents.get(&index).cloned())?;
        Ok(tree)
    }

    /// That nobody but the sender itself has the new leaf's signature key (R083), and no node a key of the path,
    /// which holds none twice (R082, R084, R101). Against the tree before the path is merged, as §12.4.2 says.
    pub(crate) fn verify_new_keys(
        &self,
        sender: LeafIndex,
        leaf: &LeafNode,
        keys: &[PathKey<'_>],
        origin: Origin,
    ) -> Result<(), TreeError> {
        if self.leaf(sender)?.is_some_and(|old| old.encryption_key == leaf.encryption_key) {
            return Err(TreeError::UnchangedEncryptionKey(sender)); // R082
        }
        let signature = self.key_name(KeyKind::Signature, &leaf.signature_key);
        let name = |tag: &KeyTag| KeyName { kind: KeyKind::Encryption, tag: *tag };
        let mut all: Vec<_> = keys.iter().map(|PathKey { key, tag }| (name(tag), *key)).collect();
        all.push((self.key_name(KeyKind::Encryption, &leaf.encryption_key), &leaf.encryption_key));
        let asked = all.iter().map(|(name, _)| *name).filter(|_| origin == Origin::Received);
        self.need_keys(asked.chain([signature]))?;
        let owners = self.leaves_with_signature_key(signature, &leaf.signature_key)?;
        if let Some(other) = owners.into_iter().find(|owner| *owner != sender) {
            return Err(TreeError::DuplicateSignatureKey(other)); // R083
        }
        self.encryption_keys.look(all.iter().map(|(name, _)| name.tag));
        for (name, key) in &all {
            if !self.nodes_with_encryption_key(*name, key)?.is_empty() {
                return Err(TreeError::PathKeyReused); // R101
            }
        }
        all.sort_unstable_by_key(|(_, key)| *key);
        if all.is_sorted_by(|(_, a), (_, b)| a < b) { Ok(()) } else { Err(TreeError::PathKeyReused) } // R101
    }
}

/// The length of a copath node's resolution without new leaves (`excluded`, sorted; R092).
///
/// A leaf added in this Commit is in the resolution of every subtree that has it: as itself, or as an unmerged leaf.
pub(crate) fn recipients_len(sibling: &Subtree, excluded: &[LeafIndex]) -> usize {
    let new = leaves_below(excluded, sibling.position()).len();
    (sibling.resolution_len() as usize).saturating_sub(new)
}

/// The resolution of a copath node without new leaves (`excluded`, sorted; R092).
pub(crate) fn recipients(
    tree: &RatchetTree,
    sibling: &Subtree,
    excluded: &[LeafIndex],
) -> Result<Vec<NodeIndex>, TreeError> {
    let mut resolution = tree.resolution(sibling.node_index())?;
    if !leaves_below(excluded, sibling.position()).is_empty() {
        resolution.retain(|node| node.leaf().is_none_or(|leaf| excluded.binary_search(&leaf).is_err()));
    }
    Ok(resolution)
}

/// Where in the resolution of a copath node, without new leaves (`excluded`, sorted; R092), the secret for this member
/// is, and the node whose key opens it; `None` if there is none for it. Only the member's own path is looked at.
pub(crate) fn recipient(
    sibling: &Subtree,
    member: LeafIndex,
    excluded: &[LeafIndex],
) -> Result<Option<(usize, NodeIndex)>, TreeError> {
    let mut subtree = sibling;
    let mut place = 0;
    loop {
        match subtree {
            Subtree::Blank(_) => return Ok(None),
            Subtree::Leaf(leaf) => {
                let is_old = excluded.binary_search(&leaf.index).is_err();
                return Ok((leaf.index == member && is_old).then(|| (place, member.node())));
            }
            Subtree::Stub(stub) => {
                return Err(TreeError::Need(stub.position.nodes_down_to(Position::leaf(member))));
            }
            Subtree::Parent(slot) => {
                let Some(node) = &slot.node else {
                    if member.0 >= slot.position.middle() {
                        place += recipients_len(&slot.left, excluded);
                    }
                    subtree = slot.towards(member).0;
                    continue;
                };
                let Ok(at) = node.unmerged_leaves().binary_search(&member) else {
                    return Ok(Some((place, slot.position.node())));
                };
                let before = node.unmerged_leaves().get(..at).unwrap_or_default();
                let old = before.iter().filter(|leaf| excluded.binary_search(leaf).is_err()).count();
                let is_old = excluded.binary_search(&member).is_err();
                return Ok(is_old.then(|| (place + 1 + old, member.node())));
            }
        }
    }
}

/// Sorted, as the functions here want it.
pub(crate) fn sorted(leaves: &[LeafIndex]) -> Vec<LeafIndex> {
    let mut leaves = leaves.to_vec();
    leaves.sort_unstable();
    leaves.dedup();
    leaves
}
