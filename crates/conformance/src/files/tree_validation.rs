//! `tree-validation.json`: resolutions, hashes and the checks of a joiner (RFC 9420 §4.1.1, §7.8, §7.9, §12.4.3.1).
//!
//! All key packages of the working group's file expired in 2024; lifetimes are no part of this check.

use super::{suite, tree};
use crate::fault::{At, Bytes, Checked, same, same_bytes};
use crate::vector_file::fields;
use crate::{By, VectorFile};
use pleach_crypto::{CryptoProvider, Serial};
use pleach_tree::RatchetTree;
use pleach_wire::encode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `tree-validation.json`.
pub static FILE: VectorFile =
    VectorFile { name: "tree-validation.json", official_cases: 98, by: By::Suite, check };

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    cipher_suite: u16,
    tree: Bytes,
    group_id: Bytes,
    resolutions: Vec<Vec<u32>>,
    tree_hashes: Vec<Bytes>,
}

fn check(provider: &CryptoProvider, case: &Value) -> Checked {
    let case: Case = fields(case)?;
    let tree = tree(suite(provider, case.cipher_suite)?, "tree", &case.tree)?;
    let ours = Case::of(&tree, &case.group_id)?;
    same_bytes("tree", &*ours.tree, &case.tree)?;
    same("tree_hashes", &ours.tree_hashes, &case.tree_hashes)?;
    same("resolutions", &ours.resolutions, &case.resolutions)?;
    tree.verify(&case.group_id, &Serial, &*provider.random).at("tree")
}

impl Case {
    fn of(tree: &RatchetTree, group_id: &[u8]) -> Checked<Self> {
        let (mut resolutions, mut tree_hashes) = (Vec::new(), Vec::new());
        for node in tree.size().nodes() {
            resolutions.push(tree.resolution(node).at("resolutions")?.iter().map(|node| node.0).collect());
            tree_hashes.push(Bytes::from(tree.node_hash(node).at("tree_hashes")?));
        }
        let cipher_suite = tree.suite().id.0;
        let tree = encode(&tree.to_nodes().at("tree")?).at("tree")?.into();
        Ok(Self { cipher_suite, tree, group_id: group_id.into(), resolutions, tree_hashes })
    }
}

/// The case of a tree.
pub(crate) fn generate(tree: &RatchetTree, group_id: &[u8]) -> Checked<Case> {
    Case::of(tree, group_id)
}
