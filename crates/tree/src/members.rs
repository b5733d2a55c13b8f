//! Questions about all members at once: what everybody supports, which credential types are in use, who has a key.
//!
//! Answered from the root's summary and the key indices, never by looking at every leaf.

use alloc::vec::Vec;

use pleach_wire::{CredentialType, ExtensionType, LeafIndex, NodeIndex, ProposalType};

use crate::{Capability, RatchetTree, TreeError, key_index::tag, slot::Subtree};

impl RatchetTree {
    /// Whether every member supports it (R075, R076, R085, R202). True of the default types, and of an empty tree.
    /// O(log m) for m types.
    #[must_use]
    pub fn every_member_supports(&self, capability: Capability) -> bool {
        self.root.features().is_none_or(|features| features.supports(capability))
    }

    /// Whether every member supports this extension type.
    #[must_use]
    pub fn every_member_supports_extension(&self, extension: ExtensionType) -> bool {
        self.every_member_supports(Capability::Extension(extension))
    }

    /// Whether every member supports this proposal type.
    #[must_use]
    pub fn every_member_supports_proposal(&self, proposal: ProposalType) -> bool {
        self.every_member_supports(Capability::Proposal(proposal))
    }

    /// Whether every member supports this credential type.
    #[must_use]
    pub fn every_member_supports_credential(&self, credential: CredentialType) -> bool {
        self.every_member_supports(Capability::Credential(credential))
    }

    /// The first member that does not support it and is not among `except`, if there is one: for lists that remove
    /// those who do not (R202). O(log n) for each member found.
    ///
    /// # Errors
    /// [`TreeError::Need`].
    pub fn first_without(
        &self,
        capability: Capability,
        except: &[LeafIndex],
    ) -> Result<Option<LeafIndex>, TreeError> {
        let mut stack = Vec::from([&self.root]);
        while let Some(subtree) = stack.pop() {
            if subtree.features().is_none_or(|features| features.supports(capability)) {
                continue;
            }
            match subtree {
                Subtree::Blank(_) => {}
                Subtree::Leaf(leaf) if except.contains(&leaf.index) => {}
                Subtree::Leaf(leaf) => return Ok(Some(leaf.index)),
                Subtree::Parent(slot) => stack.extend([&slot.right, &slot.left]),
                Subtree::Stub(stub) => return Err(TreeError::Need(Vec::from([stub.position.node()]))),
            }
        }
        Ok(None)
    }

    /// The types of all members' credentials, sorted (R076). O(1).
    #[must_use]
    pub fn credential_types_in_use(&self) -> &[CredentialType] {
        self.root.features().map_or(&[], |features| &features.in_use)
    }

    /// The member with this signature key (R083). The lowest, if several have it.
    ///
    /// # Errors
    /// [`TreeError::PartialIndex`] if none is found and the tree is not wholly loaded.
    pub fn leaf_with_signature_key(&self, key: &[u8]) -> Result<Option<LeafIndex>, TreeError> {
        let found = self.leaves_with_signature_key(key)?;
        Ok(found.into_iter().min())
    }

    /// The node with this encryption key (R084, R101). The lowest, if several have it.
    ///
    /// # Errors
    /// [`TreeError::PartialIndex`] if none is found and the tree is not wholly loaded.
    pub fn node_with_encryption_key(&self, key: &[u8]) -> Result<Option<NodeIndex>, TreeError> {
        Ok(self.nodes_with_encryption_key(key)?.into_iter().min())
    }

    pub(crate) fn leaves_with_signature_key(&self, key: &[u8]) -> Result<Vec<LeafIndex>, TreeError> {
        let mut found = Vec::new();
        for node in self.signature_keys.candidates(tag(self.suite().hash, key)) {
            let Some(index) = node.leaf() else { continue };
            if self.leaf(index)?.is_some_and(|leaf| leaf.signature_key.as_bytes() == key) {
                found.push(index);
            }
        }
        self.known_absence(found)
    }

    pub(crate) fn nodes_with_encryption_key(&self, key: &[u8]) -> Result<Vec<NodeIndex>, TreeError> {
        let mut found = Vec::new();
        for node in self.encryption_keys.candidates(tag(self.suite().hash, key)) {
            if self.encryption_key(node)? == Some(key) {
                found.push(node);
            }
        }
        self.known_absence(found)
    }

    fn known_absence<T>(&self, found: Vec<T>) -> Result<Vec<T>, TreeError> {
        if found.is_empty() && self.is_partial() { Err(TreeError::PartialIndex) } else { Ok(found) }
    }
}
