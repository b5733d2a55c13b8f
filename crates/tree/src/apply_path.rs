//! Processing a received UpdatePath (RFC 9420 §7.5, §12.4.2): merge first, then decrypt under the provisional
//! GroupContext, which holds the hash of the merged tree.
//!
//! Cost of both: O(log n) hashes, one decryption, and a key derivation per level above the common ancestor.

use pleach_crypto::Secret;
use pleach_wire::{LeafIndex, LeafNodeSource, UpdatePath};

use crate::{
    RatchetTree, TreeError, TreePrivate,
    create_path::UPDATE_PATH_NODE,
    path::{Origin, recipient, recipients_len, sorted},
    private::{next_path_secret, node_key_pair},
    slot::Subtree,
};

impl RatchetTree {
    /// The tree with a received path merged. The tree is the one after the proposals, `excluded` the leaves that they
    /// added. A `sender` without a leaf is an external joiner and takes [`next_leaf_index`](Self::next_leaf_index).
    ///
    /// Not checked here: the leaf's signature and content (§7.3), which are the group's.
    ///
    /// # Errors
    /// [`TreeError::WrongLeafSource`] (R080), [`TreeError::PathLength`] (R093), [`TreeError::CiphertextCount`] (R094),
    /// [`TreeError::UnchangedEncryptionKey`] (R082), [`TreeError::DuplicateSignatureKey`] (R083),
    /// [`TreeError::PathKeyReused`] (R084, R101), [`TreeError::ParentHashMismatch`] (R110),
    /// [`TreeError::NotLeftmostBlank`] (R213), [`TreeError::Need`], and [`TreeError::Crypto`] for a key that is none
    /// (R014).
    pub fn apply_update_path(
        &self,
        sender: LeafIndex,
        path: &UpdatePath,
        excluded: &[LeafIndex],
    ) -> Result<Self, TreeError> {
        let base = self.with_sender(sender)?;
        let LeafNodeSource::Commit { parent_hash } = &path.leaf_node.leaf_node_source else {
            return Err(TreeError::WrongLeafSource); // R080
        };
        let filtered = base.filtered_levels(sender)?;
        if filtered.len() != path.nodes.len() {
            return Err(TreeError::PathLength { expected: filtered.len(), found: path.nodes.len() }); // R093
        }
        let excluded = sorted(excluded);
        for (level, node) in filtered.iter().zip(&path.nodes) {
            let expected = recipients_len(&level.sibling, &excluded);
            let found = node.encrypted_path_secret.len();
            if found != expected {
                return Err(TreeError::CiphertextCount { node: level.position.node(), expected, found }); // R094
            }
        }
        let keys = base.path_keys(path.nodes.iter().map(|node| &node.encryption_key));
        base.verify_new_keys(sender, &path.leaf_node, &keys, Origin::Received)?; // R082, R083, R084, R101
        let new_path = base.new_path(&filtered, &keys)?;
        if new_path.parent_hash != *parent_hash {
            return Err(TreeError::ParentHashMismatch); // R110
        }
        // Checked, not kept: who receives path after path encrypts to few of their keys.
        for key in keys.iter().map(|key| key.key).chain([&path.leaf_node.encryption_key]) {
            base.suite().kem.check_public(key)?; // R014
        }
        base.merge_path(sender, path.leaf_node.clone(), &new_path)
    }

    /// Decrypts a member's part of a path that was merged into this tree: the commit secret, and the member's private
    /// keys in the new tree (RFC 9420 §7.5). `private` is what the member held before; if its own leaf was updated in
    /// the same Commit, with the new leaf key already set.
    ///
    /// `group_context` is the encoded provisional GroupContext (R095), `excluded` as in
    /// [`apply_update_path`](Self::apply_update_path). Path secrets are zeroized; keys that the path replaced are not
    /// in the result (R099).
    ///
    /// # Errors
    /// [`TreeError::OwnPath`], [`TreeError::NoDecryptionKey`] and [`TreeError::PathSecretDecryption`] (R096),
    /// [`TreeError::PathKeyMismatch`] (R097), [`TreeError::Need`], or those of the backend.
    pub fn decrypt_path(
        &self,
        sender: LeafIndex,
        private: &TreePrivate,
        path: &UpdatePath,
        group_context: &[u8],
        excluded: &[LeafIndex],
    ) -> Result<(Secret, TreePrivate), TreeError> {
        let suite = self.suite();
        let own = private.own();
        if own == sender {
            return Err(TreeError::OwnPath);
        }
        // What the Commit's proposals and the path itself took out of the tree opens nothing.
        let mut private = private.clone();
        private.retain(self)?;

        let filtered = self.filtered_levels(sender)?;
        let covers_own = |sibling: &Subtree| sibling.position().contains(own);
        let at =
            filtered.iter().position(|level| covers_own(&level.sibling)).ok_or(TreeError::NoDecryptionKey)?; // R096
        let (level, node) = filtered.get(at).zip(path.nodes.get(at)).ok_or(TreeError::NoDecryptionKey)?;
        let (place, recipient) =
            recipient(&level.sibling, own, &sorted(excluded))?.ok_or(TreeError::NoDecryptionKey)?; // R096
        let key = private.parsed(recipient, suite)?.ok_or(TreeError::NoDecryptionKey)?; // R096
        let sealed = node.encrypted_path_secret.get(place).ok_or(TreeError::NoDecryptionKey)?;
        let opened = suite
            .encryption_with_label(UPDATE_PATH_NODE, group_context)?
            .open(key, (&sealed.kem_output, &sealed.ciphertext));
        let mut path_secret = opened.map_err(|_| TreeError::PathSecretDecryption)?; // R096
        if path_secret.len() != suite.secret_len() {
            return Err(TreeError::PathSecretDecryption); // R096
        }

        for (level, node) in filtered.iter().zip(&path.nodes).skip(at) {
            let pair = node_key_pair(suite, &path_secret)?;
            if pair.public != node.encryption_key.as_bytes() {
                return Err(TreeError::PathKeyMismatch(level.position.node())); // R097
            }
            private.insert(level.position.node(), pair);
            path_secret = next_path_secret(suite, &path_secret)?;
        }
        Ok((path_secret, private))
    }
}
