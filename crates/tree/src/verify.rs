//! Checking a tree that somebody else made, when joining (RFC 9420 §12.4.3.1, §7.9.2).
//!
//! Cost: O(n) signatures (in batches, across threads) and at most two parent hashes per parent node; of the tree
//! hashes, only the paths of unmerged leaves are computed again (R107). Where all nodes of many levels list the same
//! unmerged leaves, that is O(n log n).
//!
//! Not here: the tree hash's comparison with the GroupContext (R105), and the content of leaves (§7.3), which are the
//! group's.

use alloc::vec::Vec;
use core::ops::RangeInclusive;

use pleach_crypto::{Digest, Executor, SecureRandom, Signed, in_chunks};
use pleach_wire::{LeafIndex, LeafViewSource};

use crate::{
    Parent, RatchetTree, TreeError,
    hash::Hasher,
    position::Position,
    slot::{LeafSlot, ParentSlot, Subtree, leaves_below},
};

/// Signatures of a batch: the fewest that are worth a thread more, and from where on more gain nothing.
const BATCH: RangeInclusive<usize> = 32..=4096;
/// Nodes that one thread checks for less than their signatures.
const SHARE: RangeInclusive<usize> = 64..=4096;

/// The label of a leaf's signature (RFC 9420 §7.2).
const LEAF_NODE_TBS: &[u8] = b"LeafNodeTBS";

impl RatchetTree {
    /// Everything about a received tree that this crate can check: keys are unique and valid, unmerged leaves and parent
    /// hashes are right, and all leaves are signed. The tree hash comes first, and is the caller's to compare (R105).
    ///
    /// # Errors
    /// Those of the `verify_` methods, which it calls from the cheapest to the dearest.
    pub fn verify(
        &self,
        group_id: &[u8],
        executor: &dyn Executor,
        rng: &dyn SecureRandom,
    ) -> Result<(), TreeError> {
        self.verify_unique_keys()?;
        self.verify_unmerged_leaves()?;
        self.verify_parent_hashes(executor)?;
        self.verify_encryption_keys(executor)?;
        self.verify_leaf_signatures(group_id, executor, rng)
    }

    /// That all signature keys and all encryption keys are unique, each kind by itself (RFC 9420 §7.3, §12.4.3.1; R083,
    /// R084, R241, R277). O(n), and few comparisons.
    ///
    /// # Errors
    /// [`TreeError::DuplicateSignatureKey`], [`TreeError::DuplicateEncryptionKey`], [`TreeError::Need`].
    pub fn verify_unique_keys(&self) -> Result<(), TreeError> {
        if self.is_partial() {
            self.visit(&mut |_| Ok(()))?; // says what is missing
        }
        // Equal keys have equal tags, so they stand under one prefix of the index.
        self.signature_keys.shared_prefixes(&mut |nodes| {
            let keys = nodes.iter().filter_map(|node| node.leaf());
            let keys = keys.map(|leaf| Ok((self.member_slot(leaf)?.node.view().signature_key, leaf)));
            match first_duplicate(keys.collect::<Result<_, TreeError>>()?) {
                Some(leaf) => Err(TreeError::DuplicateSignatureKey(leaf)), // R083
                None => Ok(()),
            }
        })?;
        self.encryption_keys.shared_prefixes(&mut |nodes| {
            let keys = nodes.iter().map(|node| Ok((self.encryption_key(*node)?.unwrap_or_default(), *node)));
            match first_duplicate(keys.collect::<Result<_, TreeError>>()?) {
                Some(node) => Err(TreeError::DuplicateEncryptionKey(node)), // R084, R241
                None => Ok(()),
            }
        })
    }

    /// That every entry of an `unmerged_leaves` is a leaf below that is not blank, and that every node in between that is
    /// not blank lists it, too (RFC 9420 §12.4.3.1, R061, R241).
    ///
    /// # Errors
    /// [`TreeError::UnmergedNotSorted`], [`TreeError::UnmergedNotDescendant`], [`TreeError::UnmergedBlank`],
    /// [`TreeError::UnmergedMissing`], [`TreeError::Need`].
    pub fn verify_unmerged_leaves(&self) -> Result<(), TreeError> {
        self.visit(&mut |node| {
            let Visited::Parent(slot, node) = node else { return Ok(()) };
            let index = slot.position.node();
            if !node.unmerged_leaves().is_sorted_by(|a, b| a < b) {
                return Err(TreeError::UnmergedNotSorted(index)); // R061
            }
            for leaf in node.unmerged_leaves().iter().copied() {
                if !slot.position.contains(leaf) {
                    return Err(TreeError::UnmergedNotDescendant(index)); // R241
                }
                verify_unmerged_leaf(slot, leaf)?;
            }
            Ok(())
        })
    }

    /// That every parent node that is not blank is covered by exactly one parent-hash chain from a leaf (RFC 9420 §7.9.2,
    /// R109): it has exactly one descendant whose parent hash is valid for it. Other links may be stale (R111). Across
    /// threads.
    ///
    /// # Errors
    /// [`TreeError::ParentHashInvalid`], [`TreeError::Need`].
    pub fn verify_parent_hashes(&self, executor: &dyn Executor) -> Result<(), TreeError> {
        let mut parents = Vec::new();
        self.visit(&mut |node| {
            if let Visited::Parent(slot, node) = node {
                parents.push((slot, node));
            }
            Ok(())
        })?;
        in_chunks(executor, &parents, SHARE, &|chunk| {
            let mut hasher = self.hasher();
            chunk.iter().try_for_each(|(slot, node)| {
                let by_left = is_parent_of(&mut hasher, node, &slot.left, &slot.right)?;
                let by_right = is_parent_of(&mut hasher, node, &slot.right, &slot.left)?;
                if by_left == by_right {
                    return Err(TreeError::ParentHashInvalid(slot.position.node())); // R109
                }
                Ok(())
            })
        })
        .map(drop)
    }

    /// That every encryption key is one of the suite's KEM (RFC 9420 §5.1.1, R014). O(n), across threads. The parsed
    /// keys are not kept: a member uses few of them.
    ///
    /// # Errors
    /// [`TreeError::Crypto`], [`TreeError::Need`].
    pub fn verify_encryption_keys(&self, executor: &dyn Executor) -> Result<(), TreeError> {
        let mut keys: Vec<&[u8]> = Vec::new();
        self.visit(&mut |node| {
            keys.push(match node {
                Visited::Leaf(leaf) => leaf.node.view().encryption_key,
                Visited::Parent(_, node) => node.encryption_key(),
            });
            Ok(())
        })?;
        in_chunks(executor, &keys, SHARE, &|chunk| {
            chunk.iter().try_for_each(|key| self.suite().kem.check_public(key).map_err(TreeError::from))
        })
        .map(drop)
    }

    /// That every leaf is signed by its own key, for this group and place unless it comes from a KeyPackage
    /// (RFC 9420 §7.2, §7.3; R070, R071, R074). In batches, across threads.
    ///
    /// # Errors
    /// [`TreeError::LeafSignature`] with the first bad leaf of a batch, [`TreeError::Need`].
    pub fn verify_leaf_signatures(
        &self,
        group_id: &[u8],
        executor: &dyn Executor,
        rng: &dyn SecureRandom,
    ) -> Result<(), TreeError> {
        let mut slots = Vec::with_capacity(self.member_count() as usize);
        let mut leaves = self.leaves();
        while let Some(slot) = leaves.next_slot() {
            slots.push(slot?);
        }
        in_chunks(executor, &slots, BATCH, &|chunk| self.verify_batch(group_id, chunk, rng)).map(drop)
    }

    /// That the leaf of a member is signed by its own key (R070, R074): for one leaf.
    ///
    /// # Errors
    /// [`TreeError::LeafSignature`], or as of [`member`](Self::member).
    pub fn verify_leaf_signature(&self, group_id: &[u8], index: LeafIndex) -> Result<(), TreeError> {
        let slot = self.member_slot(index)?;
        let bad = |_| TreeError::LeafSignature(index);
        let verifier = self.suite().signature.load_verifier(slot.node.view().signature_key).map_err(bad)?;
        let tbs = slot.node.tbs(group_id, index)?;
        let signature = &slot.node.signature;
        self.suite().verify_with_label(&*verifier, LEAF_NODE_TBS, &[&tbs], signature).map_err(bad) // R074
    }

    fn verify_batch(
        &self,
        group_id: &[u8],
        slots: &[&LeafSlot],
        rng: &dyn SecureRandom,
    ) -> Result<(), TreeError> {
        let mut messages = Vec::with_capacity(slots.len());
        for slot in slots {
            let tbs = slot.node.tbs(group_id, slot.index)?;
            messages.push((self.suite().sign_content_head(LEAF_NODE_TBS, tbs.len())?, tbs));
        }
        let parts: Vec<[&[u8]; 2]> = messages.iter().map(|(head, tbs)| [&**head, &**tbs]).collect();
        let signed: Vec<Signed<'_>> = slots
            .iter()
            .zip(&parts)
            .map(|(slot, message)| {
                let view = slot.node.view();
                Signed { public: view.signature_key, message, signature: view.signature }
            })
            .collect();
        let signature = self.suite().signature;
        if signature.verify_batch(&signed, rng).is_ok() {
            return Ok(());
        }
        // Somewhere in here is a bad one: say which.
        for (slot, signed) in slots.iter().zip(&signed) {
            if signature.verify_batch(core::slice::from_ref(signed), rng).is_err() {
                return Err(TreeError::LeafSignature(slot.index)); // R074
            }
        }
        Ok(())
    }

    /// Calls `visit` for every node that is not blank.
    fn visit<'a>(
        &'a self,
        visit: &mut dyn FnMut(Visited<'a>) -> Result<(), TreeError>,
    ) -> Result<(), TreeError> {
        let mut stack = Vec::from([&self.root]);
        while let Some(subtree) = stack.pop() {
            match subtree {
                Subtree::Blank(_) => {}
                Subtree::Leaf(leaf) => visit(Visited::Leaf(leaf))?,
                Subtree::Parent(slot) => {
                    if let Some(node) = &slot.node {
                        visit(Visited::Parent(slot, node))?;
                    }
                    stack.extend([&slot.right, &slot.left]);
                }
                Subtree::Stub(stub) => return Err(TreeError::Need(Vec::from([stub.position.node()]))),
            }
        }
        Ok(())
    }
}

/// A node that is not blank.
enum Visited<'a> {
    Leaf(&'a LeafSlot),
    Parent(&'a ParentSlot, &'a Parent),
}

/// The place of a key that occurs a second time.
fn first_duplicate<T: Copy + Ord>(mut keys: Vec<(&[u8], T)>) -> Option<T> {
    keys.sort_unstable();
    keys.iter().zip(keys.iter().skip(1)).find(|(a, b)| a.0 == b.0).map(|(_, second)| second.1)
}

/// From the parent `slot` down to `leaf`: the next node that is not blank lists the leaf, too. That the ones below it do
/// is checked when it is that node's turn.
fn verify_unmerged_leaf(slot: &ParentSlot, leaf: LeafIndex) -> Result<(), TreeError> {
    let owner = slot.position.node();
    let mut slot = slot;
    loop {
        slot = match slot.towards(leaf).0 {
            Subtree::Blank(_) => return Err(TreeError::UnmergedBlank(owner)), // R241
            Subtree::Leaf(_) => return Ok(()),
            Subtree::Parent(next) => next,
            Subtree::Stub(stub) => {
                return Err(TreeError::Need(stub.position.nodes_down_to(Position::leaf(leaf))));
            }
        };
        if let Some(node) = &slot.node {
            return match node.unmerged_leaves().binary_search(&leaf) {
                Ok(_) => Ok(()),
                Err(_) => Err(TreeError::UnmergedMissing(slot.position.node())), // R241
            };
        }
    }
}

/// Whether `parent` has its parent hash in a node D below its child `child`, with the other child `sibling` (§7.9.2).
fn is_parent_of(
    hasher: &mut Hasher<'_>,
    parent: &Parent,
    child: &Subtree,
    sibling: &Subtree,
) -> Result<bool, TreeError> {
    // D is in the resolution of the child, and the rest of that is the parent's unmerged leaves below the child. Counted
    // first: a resolution is only listed if the parent's own list is as long, so all work is linear in the tree.
    let unmerged = parent.unmerged_below(child.position());
    if child.resolution_len() as usize != unmerged.len() + 1 {
        return Ok(false);
    }
    let Some(candidate) = only_other(child, unmerged)? else { return Ok(false) };
    let found: &[u8] = match &candidate {
        Candidate::Leaf(leaf) => match leaf.node.view().source {
            LeafViewSource::Commit(parent_hash) => parent_hash,
            _ => return Ok(false),
        },
        Candidate::Parent(node) => node.parent_hash(),
    };
    let original: Digest =
        hasher.original(sibling, leaves_below(parent.unmerged_leaves(), sibling.position()))?;
    let expected = hasher.parent_hash(parent.encryption_key(), parent.parent_hash(), &original)?;
    Ok(found == expected.as_bytes())
}

enum Candidate<'a> {
    Leaf(&'a LeafSlot),
    Parent(&'a Parent),
}

/// The one node of the resolution of `subtree` that is not in `unmerged`; `None` unless there is exactly one.
fn only_other<'a>(subtree: &'a Subtree, unmerged: &[LeafIndex]) -> Result<Option<Candidate<'a>>, TreeError> {
    let mut others = Vec::new();
    let mut stack = Vec::from([subtree]);
    while let Some(subtree) = stack.pop() {
        match subtree {
            Subtree::Blank(_) => {}
            Subtree::Leaf(leaf) => {
                if unmerged.binary_search(&leaf.index).is_err() {
                    others.push(Candidate::Leaf(leaf));
                }
            }
            Subtree::Parent(slot) => match &slot.node {
                Some(node) => {
                    if node.unmerged_leaves().iter().any(|leaf| unmerged.binary_search(leaf).is_err()) {
                        return Ok(None);
                    }
                    others.push(Candidate::Parent(node));
                }
                None => stack.extend([&slot.right, &slot.left]),
            },
            Subtree::Stub(stub) => return Err(TreeError::Need(Vec::from([stub.position.node()]))),
        }
        if others.len() > 1 {
            return Ok(None);
        }
    }
    Ok(others.pop())
}
