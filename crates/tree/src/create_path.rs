//! Creating an UpdatePath (RFC 9420 §7.4 to §7.6), in two steps: the HPKE context is the provisional GroupContext, which
//! holds the hash of the tree that the first step makes.

use alloc::vec::Vec;
use core::{fmt, ops::RangeInclusive};

use pleach_crypto::{
    CryptoError, Executor, KemKeyPair, KemPublicKey, SealedPart, Secret, SecureRandom, in_chunks,
};
use pleach_wire::{
    HpkeCiphertext, HpkePublicKey, Kept, LeafIndex, LeafNode, LeafNodeSource, NodeIndex, Opaque, UpdatePath,
    UpdatePathNode,
};

use crate::{
    RatchetTree, TreeError, TreePrivate,
    path::{Origin, recipients, sorted},
    position::Position,
    private::{next_path_secret, node_key_pair},
};

/// The label of `EncryptWithLabel` for path secrets (RFC 9420 §7.6, R095).
pub(crate) const UPDATE_PATH_NODE: &[u8] = b"UpdatePathNode";

/// Ciphertexts that one thread makes. Those of a full tree's path are few, and waking a thread takes longer than they do.
const SHARE: RangeInclusive<usize> = 32..=1_024;

/// What the new leaf of a committer has to hold (RFC 9420 §7.5): given to the callback that builds and signs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLeaf {
    /// The committer's index, for `LeafNodeTBS` (R070).
    pub leaf_index: LeafIndex,
    /// The fresh `encryption_key`.
    pub encryption_key: HpkePublicKey,
    /// For `LeafNodeSource::Commit`.
    pub parent_hash: Opaque,
}

/// A path that is made but not yet encrypted: the new tree, the committer's new private keys and the path secrets.
pub struct PendingPath {
    tree: RatchetTree,
    private: TreePrivate,
    leaf_node: Kept<LeafNode>,
    steps: Vec<Step>,
    commit_secret: Secret,
}

/// A node of the filtered direct path.
struct Step {
    node: NodeIndex,
    copath: NodeIndex,
    encryption_key: HpkePublicKey,
    path_secret: Secret,
}

impl RatchetTree {
    /// Makes a committer's new path: fresh leaf key, path secrets and node keys along the filtered direct path (R089),
    /// parent hashes, and the leaf that `sign_leaf` builds from them (RFC 9420 §7.4, §7.5).
    ///
    /// The tree is the one after the proposals. A `committer` without a leaf is an external joiner and takes
    /// [`next_leaf_index`](Self::next_leaf_index). O(log n).
    ///
    /// # Errors
    /// What `sign_leaf` returns; [`TreeError::Misuse`] if its leaf is not what was asked for;
    /// [`TreeError::DuplicateSignatureKey`] (R083); [`TreeError::NotLeftmostBlank`]; [`TreeError::Need`]; those of the
    /// backend.
    pub fn begin_path<E: From<TreeError>>(
        &self,
        committer: LeafIndex,
        rng: &dyn SecureRandom,
        sign_leaf: impl FnOnce(NewLeaf) -> Result<Kept<LeafNode>, E>,
    ) -> Result<PendingPath, E> {
        let base = self.with_sender(committer)?;
        let suite = *base.suite();
        let filtered = base.filtered_levels(committer)?;
        let leaf_key = suite.kem.generate_key_pair(rng).map_err(TreeError::from)?;
        let mut private = TreePrivate::new(committer, leaf_key.private);

        let mut steps: Vec<Step> = Vec::with_capacity(filtered.len());
        for level in &filtered {
            let path_secret = match steps.last() {
                None => rng.secret(suite.secret_len()),
                Some(below) => next_path_secret(&suite, &below.path_secret),
            };
            let path_secret = path_secret.map_err(TreeError::from)?;
            let pair = node_key_pair(&suite, &path_secret).map_err(TreeError::from)?;
            let KemKeyPair { public, .. } = &pair;
            let encryption_key = HpkePublicKey::from(public.as_slice());
            let (node, copath) = (level.position.node(), level.sibling.node_index());
            private.insert(node, pair);
            steps.push(Step { node, copath, encryption_key, path_secret });
        }
        // R091: behind the last path secret; without any, nobody else has to know it.
        let commit_secret = match steps.last() {
            Some(last) => next_path_secret(&suite, &last.path_secret),
            None => rng.secret(suite.secret_len()),
        };
        let commit_secret = commit_secret.map_err(TreeError::from)?;

        let keys = base.path_keys(steps.iter().map(|step| &step.encryption_key));
        let path = base.new_path(&filtered, &keys)?;
        let encryption_key = HpkePublicKey::from(leaf_key.public);
        let leaf_node = sign_leaf(NewLeaf {
            leaf_index: committer,
            encryption_key: encryption_key.clone(),
            parent_hash: path.parent_hash.clone(),
        })?;
        let source = LeafNodeSource::Commit { parent_hash: path.parent_hash.clone() };
        if leaf_node.encryption_key != encryption_key || leaf_node.leaf_node_source != source {
            return Err(TreeError::Misuse("the signed leaf does not hold the new key and parent hash").into());
        }
        base.verify_new_keys(committer, &leaf_node, &keys, Origin::Own)?;
        let tree = base.merge_path(committer, leaf_node.clone(), &path)?;
        Ok(PendingPath { tree, private, leaf_node, steps, commit_secret })
    }
}

impl PendingPath {
    /// The tree with the path merged.
    #[must_use]
    pub const fn tree(&self) -> &RatchetTree {
        &self.tree
    }

    /// The committer's new leaf.
    #[must_use]
    pub const fn leaf_node(&self) -> &Kept<LeafNode> {
        &self.leaf_node
    }

    /// The secret that the path gives to the new epoch (RFC 9420 §7.4, §8; R091).
    #[must_use]
    pub const fn commit_secret(&self) -> &Secret {
        &self.commit_secret
    }

    /// The committer's private keys in the new tree.
    #[must_use]
    pub const fn private(&self) -> &TreePrivate {
        &self.private
    }

    /// The path secret for a new member's Welcome: that of the lowest common ancestor with the committer
    /// (RFC 9420 §12.4.1, R226).
    #[must_use]
    pub fn path_secret_for(&self, new_member: LeafIndex) -> Option<&Secret> {
        let member = new_member.node();
        if new_member == self.private.own() {
            return None;
        }
        self.steps.iter().find(|step| member.is_in_subtree(step.node)).map(|step| &step.path_secret)
    }

    /// Encrypts each path secret to the resolution of its copath node without the leaves added in the same Commit
    /// (RFC 9420 §7.5, §7.6; R092, R094, R095). `group_context` is the encoded provisional GroupContext.
    ///
    /// The ciphertexts are in the order of the resolutions, whatever the executor does. Cost: one encapsulation each,
    /// log n in a full tree.
    ///
    /// # Errors
    /// [`TreeError::Need`], or those of the backend.
    pub fn encrypt(
        &self,
        group_context: &[u8],
        excluded: &[LeafIndex],
        executor: &dyn Executor,
        rng: &dyn SecureRandom,
    ) -> Result<UpdatePath, TreeError> {
        let tree = &self.tree;
        let excluded = sorted(excluded);
        let encryption = tree.suite().encryption_with_label(UPDATE_PATH_NODE, group_context)?;
        let mut counts = Vec::with_capacity(self.steps.len());
        let mut work = Vec::new();
        for step in &self.steps {
            let before = work.len();
            if let Some(copath) = tree.locate(Position::of_node(step.copath))? {
                for node in recipients(tree, copath, &excluded)? {
                    work.push((tree.parsed_encryption_key(node)?, &step.path_secret));
                }
            }
            counts.push(work.len() - before);
        }
        let sealed = in_chunks(executor, &work, SHARE, &|chunk| {
            let seal =
                |(key, secret): &(&dyn KemPublicKey, &Secret)| encryption.seal(*key, secret.as_bytes(), rng);
            chunk.iter().map(seal).collect::<Result<Vec<SealedPart>, CryptoError>>()
        })?;
        let mut sealed = sealed.into_iter().flatten().map(|SealedPart { kem_output, ciphertext }| {
            HpkeCiphertext { kem_output: kem_output.into(), ciphertext: ciphertext.into() }
        });
        let mut nodes = Vec::with_capacity(self.steps.len());
        for (step, count) in self.steps.iter().zip(counts) {
            let encrypted: Vec<_> = sealed.by_ref().take(count).collect();
            nodes.push(UpdatePathNode {
                encryption_key: step.encryption_key.clone(),
                encrypted_path_secret: encrypted.into(),
            });
        }
        Ok(UpdatePath { leaf_node: self.leaf_node.clone(), nodes: nodes.into() })
    }

    /// The tree, the private keys and the commit secret of the new epoch; the path secrets are zeroized (R099).
    #[must_use]
    pub fn finish(self) -> (RatchetTree, TreePrivate, Secret) {
        let Self { tree, private, leaf_node: _, steps: _, commit_secret } = self;
        (tree, private, commit_secret)
    }
}

impl fmt::Debug for PendingPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes: Vec<u32> = self.steps.iter().map(|step| step.node.0).collect();
        f.debug_struct("PendingPath").field("tree", &self.tree).field("nodes", &nodes).finish_non_exhaustive()
    }
}
