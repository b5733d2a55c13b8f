//! `tree-operations.json`: an UpdatePath, processed by a member that does not have the tree.
//!
//! The vectors give no GroupContext. Theirs are encrypted under the bare `tree_hash_after` in its place, which the
//! documentation of the vectors does not say.

use super::MembershipProof;
use super::path::{check_merged, climb, common_ancestor, decryption_node, sealed_for};
use super::proof::Path;
use crate::fault::{At, Bytes, Checked, Within, ensure, same, same_bytes};
use crate::files::{suite, treekem::node_key_pair};
use crate::vector_file::fields;
use crate::{By, VectorFile};
use pleach_crypto::{CipherSuite, CryptoProvider, Secret};
use pleach_wire::{NodeIndex, UpdatePath, decode, encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// `tree-operations.json`.
pub static FILE: VectorFile =
    VectorFile { name: "tree-operations.json", official_cases: 40, by: By::Suite, check };

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) cipher_suite: u16,
    pub(crate) update_path: Bytes,
    pub(crate) tree_hash_after: Bytes,
    pub(crate) resolution_index: u32,
    pub(crate) sender_membership_proof_after: Bytes,
    pub(crate) receiver_membership_proof_after: Bytes,
    pub(crate) receiver_path_state: Vec<NodeState>,
    pub(crate) commit_secret: Bytes,
}

/// What the receiver held before: a key on its path, the own leaf's first.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NodeState {
    pub(crate) node: u32,
    pub(crate) encryption_priv: Bytes,
    /// Empty for a leaf whose key comes from no path secret.
    pub(crate) path_secret: Bytes,
}

fn check(provider: &CryptoProvider, case: &Value) -> Checked {
    let case: Case = fields(case)?;
    let suite = suite(provider, case.cipher_suite)?;
    let sender = proof("sender_membership_proof_after", &case.sender_membership_proof_after)?;
    let sender = sender.path_in(suite, &case.tree_hash_after).within("sender_membership_proof_after")?;
    let receiver = proof("receiver_membership_proof_after", &case.receiver_membership_proof_after)?;
    let receiver =
        receiver.path_in(suite, &case.tree_hash_after).within("receiver_membership_proof_after")?;
    ensure(sender.size == receiver.size, "receiver_membership_proof_after", "a tree of another size")?;
    ensure(sender.leaf_index() != receiver.leaf_index(), "receiver_membership_proof_after", "the sender's")?;

    let path: UpdatePath = decode(&case.update_path).at("update_path")?;
    same_bytes("update_path", encode(&path).at("update_path")?, &case.update_path)?;
    check_merged(suite, &path, &sender)?;
    let ancestor = common_ancestor(&sender, &receiver);
    let keys = keys(suite, &case.receiver_path_state, &receiver, ancestor)?;

    let private = keys.get(&decryption_node(&receiver, ancestor)).at("receiver_path_state")?;
    let private = suite.kem.load_private(private).at("receiver_path_state")?;
    let sealed = sealed_for(&path, &sender, &receiver, case.resolution_index)?;
    let opened = suite
        .encryption_with_label(b"UpdatePathNode", &case.tree_hash_after)
        .at("tree_hash_after")?
        .open(&*private, (&sealed.kem_output, &sealed.ciphertext))
        .at("update_path")?;
    let commit_secret = climb(suite, &receiver, ancestor, opened)?;
    same_bytes("commit_secret", commit_secret.as_bytes(), &case.commit_secret)
}

fn proof(field: &str, bytes: &[u8]) -> Checked<MembershipProof> {
    let proof = decode(bytes).at(field)?;
    same_bytes(field, encode(&proof).at(field)?, bytes)?;
    Ok(proof)
}

/// The private keys of the receiver: its own leaf's and those of ancestors, from the bottom up; each that of its path
/// secret, and under the common ancestor that of the tree.
fn keys(
    suite: &CipherSuite,
    state: &[NodeState],
    receiver: &Path<'_>,
    ancestor: NodeIndex,
) -> Checked<BTreeMap<NodeIndex, Secret>> {
    let own = receiver.leaf_index().node();
    let mut keys: BTreeMap<NodeIndex, Secret> = BTreeMap::new();
    let mut level = None;
    for (place, NodeState { node, encryption_priv, path_secret }) in state.iter().enumerate() {
        let outer = format!("receiver_path_state[{place}]");
        let node = NodeIndex(*node);
        let is_next = match level {
            None => node == own,
            Some(level) => node.level() > level && own.is_in_subtree(node) && receiver.size.contains(node),
        };
        ensure(is_next, "node", "not the next on the receiver's path").within(&outer)?;
        level = Some(node.level());
        let private =
            suite.kem.load_private(&encryption_priv.secret()).at("encryption_priv").within(&outer)?;
        if !path_secret.is_empty() {
            same("path_secret", &path_secret.len(), &suite.secret_len()).within(&outer)?;
            let derived = node_key_pair(suite, &path_secret.secret()).at("path_secret").within(&outer)?;
            same_bytes("path_secret", derived.private.as_bytes(), encryption_priv).within(&outer)?;
        }
        let steps = receiver.parents().iter().find(|step| step.index == node);
        let public = match steps {
            None => Some(&receiver.leaf().encryption_key),
            Some(step) if step.index.level() >= ancestor.level() => None,
            Some(step) => Some(&step.node.at("node").within(&outer)?.encryption_key),
        };
        if let Some(public) = public {
            same_bytes("encryption_priv", private.public(), public).within(&outer)?;
        }
        keys.insert(node, encryption_priv.secret());
    }
    Ok(keys)
}
