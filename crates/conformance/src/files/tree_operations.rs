//! `tree-operations.json`: Add, Update and Remove, each applied to a tree (RFC 9420 §7.7, §12.1.1 to §12.1.3).

use super::{suite, tree, verify_key_package};
use crate::fault::{At, Bytes, Checked, same_bytes};
use crate::vector_file::fields;
use crate::{By, Fault, VectorFile};
use pleach_crypto::CryptoProvider;
use pleach_tree::RatchetTree;
use pleach_wire::{LeafIndex, Proposal, decode, encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `tree-operations.json`.
pub static FILE: VectorFile =
    VectorFile { name: "tree-operations.json", official_cases: 5, by: By::Suite, check };

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    cipher_suite: u16,
    proposal: Bytes,
    proposal_sender: u32,
    tree_after: Bytes,
    tree_before: Bytes,
    tree_hash_after: Bytes,
    tree_hash_before: Bytes,
}

fn check(provider: &CryptoProvider, case: &Value) -> Checked {
    let case: Case = fields(case)?;
    let suite = suite(provider, case.cipher_suite)?;
    let before = tree(suite, "tree_before", &case.tree_before)?;
    same_bytes("tree_hash_before", &*hash(&before)?, &case.tree_hash_before)?;
    let proposal: Proposal = decode(&case.proposal).at("proposal")?;
    let after = apply(&before, LeafIndex(case.proposal_sender), &proposal)?;
    same_bytes("tree_after", ratchet_tree(&after)?, &case.tree_after)?;
    same_bytes("tree_hash_after", &*hash(&after)?, &case.tree_hash_after)?;
    same_bytes("tree_before", ratchet_tree(&before)?, &case.tree_before)
}

fn apply(tree: &RatchetTree, sender: LeafIndex, proposal: &Proposal) -> Checked<RatchetTree> {
    tree.member(sender).at("proposal_sender")?;
    let mut tree = tree.clone();
    match proposal {
        Proposal::Add(add) => {
            verify_key_package(tree.suite(), "proposal", &add.key_package)?;
            tree.add_leaf(add.key_package.leaf_node.clone()).at("proposal")?;
        }
        Proposal::Update(update) => tree.update_leaf(sender, update.leaf_node.clone()).at("proposal")?,
        Proposal::Remove(remove) => tree.remove_leaf(remove.removed).at("proposal")?,
        _ => return Err(Fault::new("proposal", "does not change the tree")),
    }
    Ok(tree)
}

fn hash(tree: &RatchetTree) -> Checked<Bytes> {
    Ok(Bytes::from(tree.tree_hash().at("tree_hash")?))
}

/// The data of the ratchet_tree extension.
fn ratchet_tree(tree: &RatchetTree) -> Checked<Vec<u8>> {
    encode(&tree.to_nodes().at("tree")?).at("tree")
}

/// One proposal, applied to one tree.
pub(crate) fn generate(before: &RatchetTree, sender: LeafIndex, proposal: &Proposal) -> Checked<Case> {
    let after = apply(before, sender, proposal)?;
    Ok(Case {
        cipher_suite: before.suite().id.0,
        proposal: encode(proposal).at("proposal")?.into(),
        proposal_sender: sender.0,
        tree_after: ratchet_tree(&after)?.into(),
        tree_before: ratchet_tree(before)?.into(),
        tree_hash_after: hash(&after)?,
        tree_hash_before: hash(before)?,
    })
}
