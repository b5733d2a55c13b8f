//! Questions about all members at once: what everybody supports, which credential types are in use, who has a key.
//!
//! Answered from the root's summary and the key indices, never by looking at every leaf.

use alloc::vec::Vec;

use pleach_wire::{CredentialType, ExtensionType, LeafIndex, NodeIndex, ProposalType};

use crate::{
    Capability, KeyKind, KeyName, KeyTag, RatchetTree, TreeError, key_index::KeyIndex, slot::Subtree,
};

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
    /// [`TreeError::NeedKeys`] if the tree is not wholly loaded.
    pub fn leaf_with_signature_key(&self, key: &[u8]) -> Result<Option<LeafIndex>, TreeError> {
        let name = self.key_name(KeyKind::Signature, key);
        self.need_keys([name])?;
        Ok(self.leaves_with_signature_key(name, key)?.into_iter().min())
    }

    /// The node with this encryption key (R084, R101). The lowest, if several have it.
    ///
    /// # Errors
    /// [`TreeError::NeedKeys`] if the tree is not wholly loaded.
    pub fn node_with_encryption_key(&self, key: &[u8]) -> Result<Option<NodeIndex>, TreeError> {
        let name = self.key_name(KeyKind::Encryption, key);
        self.need_keys([name])?;
        Ok(self.nodes_with_encryption_key(name, key)?.into_iter().min())
    }

    /// The leaves with this key, of whose name the index knows ([`need_keys`](Self::need_keys)).
    pub(crate) fn leaves_with_signature_key(
        &self,
        name: KeyName,
        key: &[u8],
    ) -> Result<Vec<LeafIndex>, TreeError> {
        let mut found = Vec::new();
        for node in self.signature_keys.candidates(name.tag) {
            let Some(index) = node.leaf() else { continue };
            if self.leaf(index)?.is_some_and(|leaf| leaf.view().signature_key == key) {
                found.push(index);
            }
        }
        Ok(found)
    }

    /// The nodes with this key, likewise.
    pub(crate) fn nodes_with_encryption_key(
        &self,
        name: KeyName,
        key: &[u8],
    ) -> Result<Vec<NodeIndex>, TreeError> {
        let mut found = Vec::new();
        for node in self.encryption_keys.candidates(name.tag) {
            if self.encryption_key(node)? == Some(key) {
                found.push(node);
            }
        }
        Ok(found)
    }

    /// The name of a key in the stored index.
    #[must_use]
    pub fn key_name(&self, kind: KeyKind, key: &[u8]) -> KeyName {
        KeyName { kind, tag: KeyTag::of(self.suite().hash, key) }
    }

    /// Asks at once for all of these keys that the index knows nothing of.
    pub(crate) fn need_keys(&self, names: impl IntoIterator<Item = KeyName>) -> Result<(), TreeError> {
        let unknown: Vec<_> =
            names.into_iter().filter(|name| !self.keys(name.kind).is_known(name.tag)).collect();
        if unknown.is_empty() { Ok(()) } else { Err(TreeError::NeedKeys(unknown)) }
    }

    /// Takes in what the stored index says of a key: the node that has it in the tree *as it is stored*. So before any
    /// change. Without effect on a tree that is wholly loaded.
    pub fn answer_key(&mut self, name: KeyName, node: Option<NodeIndex>) {
        match name.kind {
            KeyKind::Encryption => self.encryption_keys.answer(name.tag, node),
            KeyKind::Signature => self.signature_keys.answer(name.tag, node),
        }
    }

    /// Forgets what the stored index said: this tree is about to be stored itself.
    pub fn forget_key_answers(&mut self) {
        self.encryption_keys.forget_answers();
        self.signature_keys.forget_answers();
    }

    const fn keys(&self, kind: KeyKind) -> &KeyIndex {
        match kind {
            KeyKind::Encryption => &self.encryption_keys,
            KeyKind::Signature => &self.signature_keys,
        }
    }
}
