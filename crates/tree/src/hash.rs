//! Tree hashes (RFC 9420 §7.8) and parent hashes (§7.9).
//!
//! Cost: a tree hash is computed once per slot and kept there; a parent hash is one hash when the sibling's is known.

use alloc::vec::Vec;

use pleach_crypto::{Digest, Hash};
use pleach_wire::{Encode, LeafIndex, ParentHashInput, write_length, write_opaque};

use crate::{
    TreeError,
    blank::BlankHashes,
    position::Position,
    slot::{Parent, Subtree, leaves_below},
};

pub(crate) const NODE_TYPE_LEAF: u8 = 1;
pub(crate) const NODE_TYPE_PARENT: u8 = 2;

/// What hashing needs: the suite's hash, the blank subtrees, and a buffer.
pub(crate) struct Hasher<'a> {
    hash: &'a dyn Hash,
    blank: &'a BlankHashes,
    buffer: Vec<u8>,
}

impl<'a> Hasher<'a> {
    pub(crate) fn new(hash: &'a dyn Hash, blank: &'a BlankHashes) -> Self {
        Self { hash, blank, buffer: Vec::new() }
    }

    /// The tree hash of a subtree (R103, R104), from its cache if it is there.
    pub(crate) fn tree_hash(&mut self, subtree: &Subtree) -> Result<Digest, TreeError> {
        match subtree {
            Subtree::Blank(position) => Ok(self.blank.of(self.hash, *position)),
            Subtree::Stub(stub) => Ok(stub.hash),
            Subtree::Leaf(slot) => {
                if let Some(known) = slot.hash.get() {
                    return Ok(known);
                }
                let hash = self.leaf(slot.index, slot.node.bytes());
                slot.hash.set(&hash);
                Ok(hash)
            }
            Subtree::Parent(slot) => {
                if let Some(known) = slot.hash.get() {
                    return Ok(known);
                }
                let left = self.tree_hash(&slot.left)?;
                let right = self.tree_hash(&slot.right)?;
                let hash = self.parent(slot.node.as_deref(), &[], &left, &right)?;
                slot.hash.set(&hash);
                Ok(hash)
            }
        }
    }

    /// The tree hash of a leaf that is not blank.
    pub(crate) fn leaf(&self, index: LeafIndex, leaf_node: &[u8]) -> Digest {
        self.hash.hash(&[&[NODE_TYPE_LEAF], &index.0.to_be_bytes(), &[1], leaf_node])
    }

    /// The tree hash of a parent, its unmerged leaves taken without those in `removed` (sorted).
    pub(crate) fn parent(
        &mut self,
        node: Option<&Parent>,
        removed: &[LeafIndex],
        left: &Digest,
        right: &Digest,
    ) -> Result<Digest, TreeError> {
        self.buffer.clear();
        self.buffer.push(NODE_TYPE_PARENT);
        self.buffer.push(u8::from(node.is_some()));
        if let Some(node) = node {
            encode_parent(node, removed, &mut self.buffer)?;
        }
        push_digest(&mut self.buffer, left);
        push_digest(&mut self.buffer, right);
        Ok(self.hash.hash(&[&self.buffer]))
    }

    /// `original_sibling_tree_hash` (RFC 9420 §7.9, R107): the tree hash of `sibling` with the leaves in `unmerged`
    /// blanked and taken out of all lists. Only the paths to those leaves are hashed again.
    pub(crate) fn original(
        &mut self,
        sibling: &Subtree,
        unmerged: &[LeafIndex],
    ) -> Result<Digest, TreeError> {
        let removed = leaves_below(unmerged, sibling.position());
        if removed.is_empty() {
            return self.tree_hash(sibling);
        }
        match sibling {
            Subtree::Blank(position) => Ok(self.blank.of(self.hash, *position)),
            Subtree::Leaf(slot) => Ok(self.blank.of(self.hash, Position::leaf(slot.index))),
            Subtree::Stub(stub) => Err(TreeError::Need(Vec::from([stub.position.node()]))),
            Subtree::Parent(slot) => {
                let left = self.original(&slot.left, removed)?;
                let right = self.original(&slot.right, removed)?;
                self.parent(slot.node.as_deref(), removed, &left, &right)
            }
        }
    }

    /// The parent hash of a node with this key and `parent_hash` field (RFC 9420 §7.9, R106).
    pub(crate) fn parent_hash(
        &mut self,
        encryption_key: &[u8],
        parent_hash: &[u8],
        original_sibling_tree_hash: &Digest,
    ) -> Result<Digest, TreeError> {
        self.buffer.clear();
        let original_sibling_tree_hash = original_sibling_tree_hash.as_bytes();
        ParentHashInput { encryption_key, parent_hash, original_sibling_tree_hash }
            .encode_into(&mut self.buffer)?;
        Ok(self.hash.hash(&[&self.buffer]))
    }
}

/// Appends the `ParentNode` of `node`, its unmerged leaves without those in `removed` (sorted).
pub(crate) fn encode_parent(
    node: &Parent,
    removed: &[LeafIndex],
    out: &mut Vec<u8>,
) -> Result<(), TreeError> {
    for octets in [node.encryption_key(), node.parent_hash()] {
        write_opaque(octets, out)?;
    }
    let unmerged = node.unmerged_leaves();
    let kept = || unmerged.iter().filter(|leaf| removed.binary_search(leaf).is_err());
    let count = if removed.is_empty() { unmerged.len() } else { kept().count() };
    write_length(count.saturating_mul(4), out)?;
    for leaf in kept() {
        out.extend_from_slice(&leaf.0.to_be_bytes());
    }
    Ok(())
}

/// Appends a digest as `opaque<V>` (R002): at most 64 bytes, so the header has one or two.
pub(crate) fn push_digest(out: &mut Vec<u8>, digest: &Digest) {
    let bytes = digest.as_bytes();
    match u8::try_from(bytes.len()) {
        Ok(len @ 0..0x40) => out.push(len),
        _ => out.extend_from_slice(&(bytes.len() as u16 | 0x4000).to_be_bytes()),
    }
    out.extend_from_slice(bytes);
}
