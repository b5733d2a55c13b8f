//! Paths (§7.4 to §7.6): created, merged, encrypted and decrypted.
#![expect(clippy::unwrap_used, reason = "what a test put into the tree is valid; a panic is a failed test")]

use pleach_crypto::{CryptoError, KemKeyPair, Secret, SecureRandom};
use pleach_wire::{HpkeCiphertext, HpkePublicKey, Kept, LeafNode, UpdatePath, UpdatePathNode};

use super::{Oracle, OracleNode, OracleParent, Wrong, math};

/// A node of a new path.
#[derive(Debug, Clone)]
pub struct OracleStep {
    /// The node of the filtered direct path.
    pub node: usize,
    /// Its child on the copath.
    pub copath: usize,
    /// Its new key pair.
    pub keys: KemKeyPair,
    /// What the keys come from.
    pub path_secret: Secret,
}

/// A path: the tree with it, and its secrets.
#[derive(Debug, Clone)]
pub struct OraclePath {
    /// The tree with the path merged.
    pub tree: Oracle,
    /// The committer.
    pub committer: u32,
    /// From the leaf up.
    pub steps: Vec<OracleStep>,
    /// The committer's new leaf.
    pub leaf_node: Kept<LeafNode>,
    /// `path_secret[n+1]`, or fresh if there is no path secret.
    pub commit_secret: Secret,
}

impl Oracle {
    /// A new path of `committer` (§7.4, §7.5). A committer without a leaf takes the leftmost blank one.
    ///
    /// Draws from `rng`: the leaf's key, the first path secret.
    #[must_use]
    pub fn create_path(
        &self,
        committer: u32,
        rng: &dyn SecureRandom,
        sign_leaf: impl FnOnce(&[u8], &[u8]) -> Kept<LeafNode>,
    ) -> OraclePath {
        let suite = self.suite;
        let mut tree = self.clone();
        if tree.leaf(committer).is_none() {
            assert_eq!(committer, tree.next_leaf(), "an external joiner takes the leftmost blank leaf");
            tree.extend_to(committer);
        }
        let leaf_keys = suite.kem.generate_key_pair(rng).unwrap();
        let mut steps: Vec<OracleStep> = Vec::new();
        for (node, copath) in tree.filtered_direct_path(committer) {
            let path_secret = match steps.last() {
                None => rng.secret(suite.secret_len()).unwrap(),
                Some(below) => suite.derive_secret(&below.path_secret, b"path").unwrap(),
            };
            let keys = tree.node_keys(&path_secret);
            steps.push(OracleStep { node, copath, keys, path_secret });
        }
        let commit_secret = match steps.last() {
            None => rng.secret(suite.secret_len()).unwrap(),
            Some(last) => suite.derive_secret(&last.path_secret, b"path").unwrap(),
        };

        let keys: Vec<HpkePublicKey> =
            steps.iter().map(|step| HpkePublicKey::from(step.keys.public.as_slice())).collect();
        let parent_hash = tree.merge_parents(committer, &keys);
        let leaf_node = sign_leaf(&leaf_keys.public, &parent_hash);
        tree.set_leaf(committer, leaf_node.clone(), leaf_keys.private);
        for step in &steps {
            tree.private[step.node] = Some(step.keys.private.clone());
        }
        OraclePath { tree, committer, steps, leaf_node, commit_secret }
    }

    fn node_keys(&self, path_secret: &Secret) -> KemKeyPair {
        if self.is_wrong(Wrong::NodeKeyFromPathSecret) {
            return self.suite.kem.derive_key_pair(path_secret).unwrap();
        }
        let node_secret = self.suite.derive_secret(path_secret, b"node").unwrap();
        self.suite.kem.derive_key_pair(&node_secret).unwrap()
    }

    /// Puts new keys on the filtered direct path and blanks the rest; returns the leaf's parent hash (§7.5).
    fn merge_parents(&mut self, sender: u32, keys: &[HpkePublicKey]) -> Vec<u8> {
        let filtered = self.filtered_direct_path(sender);
        assert_eq!(filtered.len(), keys.len(), "the path has one node per node of the filtered direct path");
        let before = self.nodes.clone();
        self.blank_direct_path(sender);
        for ((node, _), key) in filtered.iter().zip(keys) {
            let unmerged_leaves = match &before[*node] {
                Some(OracleNode::Parent(old)) if self.is_wrong(Wrong::KeepsUnmergedOnPath) => {
                    old.unmerged_leaves.clone()
                }
                _ => Vec::new(),
            };
            let parent_hash = Vec::new();
            let parent = OracleParent { encryption_key: key.clone(), parent_hash, unmerged_leaves };
            self.nodes[*node] = Some(OracleNode::Parent(parent));
        }
        // From the top down: each holds the hash of the next one above it (§7.9.1).
        let mut above: Vec<u8> = Vec::new();
        for (node, copath) in filtered.iter().rev() {
            let hash = {
                if let Some(OracleNode::Parent(parent)) = &mut self.nodes[*node] {
                    parent.parent_hash = above.clone();
                }
                self.parent_hash(*node, *copath)
            };
            above = if self.is_wrong(Wrong::ParentHashWithoutChain) && *node != filtered[0].0 {
                Vec::new()
            } else {
                hash.as_bytes().to_vec()
            };
        }
        above
    }

    /// The tree with a received path merged; it knows none of the new private keys.
    #[must_use]
    pub fn merge_path(&self, sender: u32, path: &UpdatePath) -> Self {
        let mut tree = self.clone();
        tree.extend_to(sender);
        let keys: Vec<HpkePublicKey> = path.nodes.iter().map(|node| node.encryption_key.clone()).collect();
        let _leaf_holds_it = tree.merge_parents(sender, &keys);
        tree.nodes[2 * sender as usize] = Some(OracleNode::Leaf(path.leaf_node.clone()));
        tree.private[2 * sender as usize] = None;
        tree
    }

    /// The nodes that a path secret for `copath` is encrypted to (§7.5).
    #[must_use]
    pub fn recipients(&self, copath: usize, excluded: &[u32]) -> Vec<usize> {
        let mut resolution = self.resolution(copath);
        if !self.is_wrong(Wrong::EncryptsToNewLeaves) {
            resolution.retain(|node| node % 2 == 1 || !excluded.contains(&((node / 2) as u32)));
        }
        resolution
    }

    /// Decrypts what a path holds for `member` and gives the commit secret (§7.5). This is the tree with the path merged;
    /// `before` is the one that had the member's keys.
    ///
    /// # Errors
    /// Those of decryption.
    pub fn decrypt_path(
        &self,
        before: &Self,
        member: u32,
        sender: u32,
        path: &UpdatePath,
        context: &[u8],
        excluded: &[u32],
    ) -> Result<Secret, CryptoError> {
        let suite = &self.suite;
        let held = before.private_keys_of(member);
        let filtered = self.filtered_direct_path(sender);
        let at =
            filtered.iter().position(|(_, copath)| math::is_below(2 * member as usize, *copath)).unwrap();
        let recipients = self.recipients(filtered[at].1, excluded);
        let place = recipients.iter().position(|node| held.contains_key(node)).unwrap();
        let sealed = &path.nodes[at].encrypted_path_secret[place];
        let private = suite.kem.load_private(&held[&recipients[place]])?;
        let mut path_secret = suite.decrypt_with_label(
            &*private,
            b"UpdatePathNode",
            context,
            &sealed.kem_output,
            &sealed.ciphertext,
        )?;
        for (node, _) in &filtered[at..] {
            assert_eq!(self.encryption_key(*node), Some(self.node_keys(&path_secret).public.as_slice()));
            path_secret = suite.derive_secret(&path_secret, b"path")?;
        }
        Ok(path_secret)
    }
}

impl OraclePath {
    /// The UpdatePath for the others (§7.6).
    #[must_use]
    pub fn encrypt(&self, context: &[u8], excluded: &[u32], rng: &dyn SecureRandom) -> UpdatePath {
        let suite = &self.tree.suite;
        let mut nodes = Vec::new();
        for step in &self.steps {
            let mut encrypted = Vec::new();
            for recipient in self.tree.recipients(step.copath, excluded) {
                let public = suite.kem.load_public(self.tree.encryption_key(recipient).unwrap()).unwrap();
                let secret = step.path_secret.as_bytes();
                let sealed =
                    suite.encrypt_with_label(&*public, b"UpdatePathNode", context, secret, rng).unwrap();
                encrypted.push(HpkeCiphertext {
                    kem_output: sealed.kem_output.into(),
                    ciphertext: sealed.ciphertext.into(),
                });
            }
            nodes.push(UpdatePathNode {
                encryption_key: HpkePublicKey::from(step.keys.public.as_slice()),
                encrypted_path_secret: encrypted.into(),
            });
        }
        UpdatePath { leaf_node: self.leaf_node.clone(), nodes: nodes.into() }
    }

    /// The path secret that a new member gets in its Welcome (§12.4.1).
    #[must_use]
    pub fn path_secret_for(&self, member: u32) -> Option<&Secret> {
        let ancestor = math::common_ancestor(2 * member as usize, 2 * self.committer as usize);
        self.steps.iter().find(|step| math::is_below(ancestor, step.node)).map(|step| &step.path_secret)
    }
}
