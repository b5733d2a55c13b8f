//! `tree-math.json`: the relations of the nodes of a tree (RFC 9420 Appendix C).

use crate::fault::{At, Checked, same};
use crate::vector_file::fields;
use crate::{By, VectorFile};
use pleach_crypto::CryptoProvider;
use pleach_wire::{NodeIndex, TreeSize};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `tree-math.json`.
pub static FILE: VectorFile =
    VectorFile { name: "tree-math.json", official_cases: 10, by: By::Nothing, check };

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    n_leaves: u32,
    n_nodes: u32,
    root: u32,
    left: Vec<Option<u32>>,
    right: Vec<Option<u32>>,
    parent: Vec<Option<u32>>,
    sibling: Vec<Option<u32>>,
}

impl Case {
    fn of(size: TreeSize) -> Self {
        let each = |relation: &dyn Fn(NodeIndex) -> Option<NodeIndex>| {
            size.nodes().map(|node| relation(node).map(|related| related.0)).collect()
        };
        Self {
            n_leaves: size.leaf_count(),
            n_nodes: size.node_count(),
            root: size.root().0,
            left: each(&NodeIndex::left),
            right: each(&NodeIndex::right),
            parent: each(&|node| node.parent(size)),
            sibling: each(&|node| node.sibling(size)),
        }
    }
}

fn check(_: &CryptoProvider, case: &Value) -> Checked {
    let Case { n_leaves, n_nodes, root, left, right, parent, sibling } = fields(case)?;
    let ours = Case::of(TreeSize::from_leaf_count(n_leaves).at("n_leaves")?);
    same("n_nodes", &ours.n_nodes, &n_nodes)?;
    same("root", &ours.root, &root)?;
    same("left", &ours.left, &left)?;
    same("right", &ours.right, &right)?;
    same("parent", &ours.parent, &parent)?;
    same("sibling", &ours.sibling, &sibling)
}

/// Trees of up to 64 leaves.
pub(crate) fn generate() -> Vec<Case> {
    (0..=6).filter_map(TreeSize::from_height).map(Case::of).collect()
}
