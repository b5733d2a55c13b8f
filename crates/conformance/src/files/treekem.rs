//! `treekem.json`: UpdatePaths, given and our own, processed by every member (RFC 9420 §7.4 to §7.9).

use super::{group_context, kem_private, signer, suite, tree};
use crate::fault::{At, Bytes, Checked, Within, ensure, same, same_bytes};
use crate::vector_file::fields;
use crate::{By, Fault, VectorFile};
use pleach_crypto::{
    CipherSuite, CryptoError, CryptoProvider, KemKeyPair, Secret, SecureRandom, Serial, Signer,
};
use pleach_tree::{NewLeaf, PendingPath, RatchetTree, TreeError, TreePrivate};
use pleach_wire::{Kept, LeafIndex, LeafNode, LeafNodeSource, NodeIndex, Opaque, UpdatePath, decode, encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// `treekem.json`.
pub static FILE: VectorFile = VectorFile { name: "treekem.json", official_cases: 77, by: By::Suite, check };

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) cipher_suite: u16,
    pub(crate) group_id: Bytes,
    pub(crate) epoch: u64,
    pub(crate) confirmed_transcript_hash: Bytes,
    pub(crate) ratchet_tree: Bytes,
    pub(crate) leaves_private: Vec<LeafPrivate>,
    pub(crate) update_paths: Vec<GivenPath>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LeafPrivate {
    pub(crate) index: u32,
    pub(crate) encryption_priv: Bytes,
    pub(crate) signature_priv: Bytes,
    pub(crate) path_secrets: Vec<PathSecret>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PathSecret {
    pub(crate) node: u32,
    pub(crate) path_secret: Bytes,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GivenPath {
    pub(crate) sender: u32,
    pub(crate) update_path: Bytes,
    /// For each leaf the path secret that it decrypts; none for the sender and for blank leaves.
    pub(crate) path_secrets: Vec<Option<Bytes>>,
    pub(crate) commit_secret: Bytes,
    pub(crate) tree_hash_after: Bytes,
}

/// The group of a case, with everybody's keys.
struct Group<'a> {
    suite: &'a CipherSuite,
    case: &'a Case,
    tree: RatchetTree,
    members: BTreeMap<LeafIndex, Member>,
}

struct Member {
    private: TreePrivate,
    signer: Box<dyn Signer>,
}

fn check(provider: &CryptoProvider, case: &Value) -> Checked {
    let case: Case = fields(case)?;
    let suite = suite(provider, case.cipher_suite)?;
    let tree = tree(suite, "ratchet_tree", &case.ratchet_tree)?;
    tree.verify(&case.group_id, &Serial, &*provider.random).at("ratchet_tree")?;
    same_bytes(
        "ratchet_tree",
        encode(&tree.to_nodes().at("ratchet_tree")?).at("ratchet_tree")?,
        &case.ratchet_tree,
    )?;

    let mut members = BTreeMap::new();
    for (place, leaf) in case.leaves_private.iter().enumerate() {
        let member = leaf.load(&tree).within(format_args!("leaves_private[{place}]"))?;
        members.insert(LeafIndex(leaf.index), member);
    }
    same("leaves_private", &members.len(), &case.leaves_private.len())?;
    same("leaves_private", &members.len(), &(tree.member_count() as usize))?;

    let group = Group { suite, case: &case, tree, members };
    for (place, path) in case.update_paths.iter().enumerate() {
        let outer = format_args!("update_paths[{place}]");
        group.check_given(path).within(outer)?;
        group.check_own(LeafIndex(path.sender), &*provider.random).within(outer)?;
    }
    Ok(())
}

impl LeafPrivate {
    /// The keys, all of which match the tree.
    fn load(&self, tree: &RatchetTree) -> Checked<Member> {
        let index = LeafIndex(self.index);
        let leaf = tree.member(index).at("index")?;
        let signer = signer(tree.suite(), &self.signature_priv, ("signature_priv", &leaf.signature_key))?;
        let leaf_private =
            kem_private(tree.suite(), &self.encryption_priv, ("encryption_priv", &leaf.encryption_key))?;
        let mut private = TreePrivate::new(index, leaf_private);
        for (place, PathSecret { node, path_secret }) in self.path_secrets.iter().enumerate() {
            let imported = private.import_path_secret(tree, NodeIndex(*node), &path_secret.secret());
            imported.at("path_secret").within(format_args!("path_secrets[{place}]"))?;
        }
        private.verify(tree).at("encryption_priv")?;
        Ok(Member { private, signer })
    }
}

impl Group<'_> {
    fn check_given(&self, given: &GivenPath) -> Checked {
        let sender = LeafIndex(given.sender);
        self.tree.member(sender).at("sender")?;
        let path: UpdatePath = decode(&given.update_path).at("update_path")?;
        same_bytes("update_path", encode(&path).at("update_path")?, &given.update_path)?;
        let after = self.apply(sender, &path)?;
        same_bytes("tree_hash_after", after.tree_hash().at("tree_hash_after")?, &given.tree_hash_after)?;
        let context = self.context(&after)?;

        same("path_secrets", &given.path_secrets.len(), &(self.tree.size().leaf_count() as usize))?;
        for (leaf, path_secret) in self.tree.size().leaves().zip(&given.path_secrets) {
            let field = format!("path_secrets[{leaf}]");
            let receiver = self.members.get(&leaf).filter(|_| leaf != sender);
            let (receiver, path_secret) = match (receiver, path_secret) {
                (Some(receiver), Some(path_secret)) => (receiver, path_secret),
                (None, None) => continue,
                (Some(_), None) => return Err(Fault::new(field, "there is none for a receiver")),
                (None, Some(_)) => return Err(Fault::new(field, "there is one for nobody")),
            };
            let decrypted = after.decrypt_path(sender, &receiver.private, &path, &context, &[]);
            let (commit_secret, private) = decrypted.at(&field)?;
            same_bytes("commit_secret", commit_secret.as_bytes(), &given.commit_secret)?;
            private.verify(&after).at(&field)?;
            // The library hands out keys, no path secrets: the one given must lead to the same key.
            let ancestor = leaf.node().common_ancestor(sender.node());
            let expected = node_key_pair(self.suite, &path_secret.secret()).at(&field)?.private;
            ensure(
                private.secret(ancestor) == Some(&expected),
                &field,
                "not the path secret of the common ancestor",
            )?;
        }
        Ok(())
    }

    /// A path of our own, from the same sender.
    fn check_own(&self, sender: LeafIndex, random: &dyn SecureRandom) -> Checked {
        const OURS: &str = "our path";
        let member = self.members.get(&sender).at("sender")?;
        let pending =
            begin_path(&self.tree, &self.case.group_id, sender, &*member.signer, random).at(OURS)?;
        let context = self.context(pending.tree())?;
        let path = pending.encrypt(&context, &[], &Serial, random).at(OURS)?;
        let path: UpdatePath = decode(&encode(&path).at(OURS)?).at(OURS)?;
        let (tree, private, commit_secret) = pending.finish();
        private.verify(&tree).at(OURS)?;
        let after = self.apply(sender, &path)?;
        same_bytes(OURS, after.tree_hash().at(OURS)?, tree.tree_hash().at(OURS)?.as_bytes())?;
        for (_, receiver) in self.members.iter().filter(|(leaf, _)| **leaf != sender) {
            let decrypted = after.decrypt_path(sender, &receiver.private, &path, &context, &[]);
            let (theirs, private) = decrypted.at(OURS)?;
            ensure(theirs == commit_secret, OURS, "another commit secret")?;
            private.verify(&after).at(OURS)?;
        }
        Ok(())
    }

    /// The tree with the path merged: parent hashes and the leaf's signature verified.
    fn apply(&self, sender: LeafIndex, path: &UpdatePath) -> Checked<RatchetTree> {
        let after = self.tree.apply_update_path(sender, path, &[]).at("update_path")?;
        after.verify_parent_hashes(&Serial).at("update_path")?;
        after.verify_leaf_signature(&self.case.group_id, sender).at("update_path")?;
        Ok(after)
    }

    /// The GroupContext that a path is encrypted under: the one given, with the hash of the tree after.
    fn context(&self, after: &RatchetTree) -> Checked<Vec<u8>> {
        provisional_context(self.case, after)
    }
}

pub(crate) fn provisional_context(case: &Case, after: &RatchetTree) -> Checked<Vec<u8>> {
    let hash = after.tree_hash().at("tree_hash_after")?;
    let group = (&*case.group_id, case.epoch);
    let context = group_context(after.suite(), group, hash.as_bytes(), &case.confirmed_transcript_hash);
    encode(&context).at("group_id")
}

/// A path whose leaf is the old one with the new key.
pub(crate) fn begin_path(
    tree: &RatchetTree,
    group_id: &[u8],
    sender: LeafIndex,
    signer: &dyn Signer,
    random: &dyn SecureRandom,
) -> Result<PendingPath, TreeError> {
    let old = tree.member(sender)?.clone();
    tree.begin_path(sender, random, |NewLeaf { leaf_index, encryption_key, parent_hash }| {
        let leaf_node_source = LeafNodeSource::Commit { parent_hash };
        let signature = Opaque::default();
        let leaf = LeafNode { encryption_key, leaf_node_source, signature, ..old.into_value() };
        sign_leaf(tree.suite(), signer, leaf, (group_id, leaf_index))
    })
}

/// Signs a leaf for its place, which a leaf of a key package does not have.
pub(crate) fn sign_leaf(
    suite: &CipherSuite,
    signer: &dyn Signer,
    leaf: LeafNode,
    (group_id, index): (&[u8], LeafIndex),
) -> Result<Kept<LeafNode>, TreeError> {
    let leaf = Kept::new(leaf)?;
    let signature = suite.sign_with_label(signer, b"LeafNodeTBS", &[&leaf.tbs(group_id, index)?])?;
    Ok(leaf.with_signature(signature.into())?)
}

/// The key pair of the node with this path secret (§7.4).
pub(crate) fn node_key_pair(suite: &CipherSuite, path_secret: &Secret) -> Result<KemKeyPair, CryptoError> {
    suite.kem.derive_key_pair(&suite.derive_secret(path_secret, b"node")?)
}
