//! The ratchet tree as text (RFC 9420 §4.1, §7.8): who sits where, what is blank, who is unmerged.
//!
//! Cost: O(nodes x height), and a line for each node that is not in a wholly blank subtree. A blank subtree is one
//! line, so that a hostile tree of blanks prints little.

use pleach::wire::{LeafNodeSource, Node, NodeIndex, RatchetTreeNodes, TreeSize};
use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::keys;
use crate::output::Item;
use crate::text;

/// The nodes that are not blank.
pub(super) fn nodes(nodes: &RatchetTreeNodes) -> Item {
    let leaves = size(nodes).map_or(0, TreeSize::leaf_count);
    let members = nodes.iter().flatten().filter(|node| matches!(node, Node::Leaf(_))).count();
    let list = nodes.iter().enumerate().filter_map(|(index, node)| {
        let item = Item::object().with("index", index);
        Some(match node.as_ref()? {
            Node::Leaf(leaf) => item
                .with("node_type", "leaf")
                .with("leaf_index", index / 2)
                .with("leaf_node", keys::leaf_node(leaf)),
            Node::Parent(parent) => item
                .with("node_type", "parent")
                .with("encryption_key", Item::bytes(&parent.encryption_key))
                .with("parent_hash", Item::bytes(&parent.parent_hash))
                .with("unmerged_leaves", Item::list(parent.unmerged_leaves.iter().map(|leaf| leaf.0.into()))),
        })
    });
    Item::object().with("leaves", leaves).with("members", members).with("nodes", Item::list(list))
}

fn size(nodes: &RatchetTreeNodes) -> Option<TreeSize> {
    let last = u32::try_from(nodes.len().checked_sub(1)?).ok()?;
    TreeSize::with_node(NodeIndex(last))
}

/// Draws the tree, root first, with the node index in brackets.
pub(crate) fn draw(nodes: &RatchetTreeNodes) -> String {
    let Some(size) = size(nodes) else { return String::new() };
    let mut drawing = Drawing::new(nodes, size);
    drawing.node(size.root(), "", "");
    drawing.summary();
    drawing.out
}

struct Drawing<'a> {
    nodes: &'a RatchetTreeNodes,
    size: TreeSize,
    /// For each unmerged leaf, the parents that say so.
    unmerged: BTreeMap<u32, Vec<u32>>,
    /// How many nodes before each index are not blank: whether a subtree is empty is one subtraction.
    occupied: Vec<u32>,
    out: String,
}

impl<'a> Drawing<'a> {
    fn new(nodes: &'a RatchetTreeNodes, size: TreeSize) -> Self {
        let mut unmerged: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let mut occupied = vec![0];
        let mut sum = 0;
        for (index, node) in (0u32..).zip(nodes.iter()) {
            sum += u32::from(node.is_some());
            occupied.push(sum);
            if let Some(Node::Parent(parent)) = node {
                for leaf in &parent.unmerged_leaves {
                    unmerged.entry(leaf.0).or_default().push(index);
                }
            }
        }
        Self { nodes, size, unmerged, occupied, out: String::new() }
    }

    /// One node and what is below it. The recursion is as deep as the tree is high: at most 30.
    fn node(&mut self, node: NodeIndex, before: &str, below: &str) {
        let (first, last) = (node.first_leaf(), node.last_leaf());
        let label = match self.nodes.get(node.0 as usize).and_then(Option::as_ref) {
            Some(Node::Leaf(leaf)) => {
                let source = match leaf.leaf_node_source {
                    LeafNodeSource::KeyPackage(_) => "key package",
                    LeafNodeSource::Update => "update",
                    LeafNodeSource::Commit { .. } => "commit",
                };
                let key = short(&leaf.encryption_key);
                let mut label =
                    format!("leaf {} {}, key {key}, by {source}", first.0, text::name(&leaf.credential));
                if let Some(parents) = self.unmerged.get(&first.0) {
                    let _ = write!(label, ", unmerged at {}", bracketed(parents));
                }
                label
            }
            Some(Node::Parent(parent)) => {
                let mut label = format!("parent, key {}", short(&parent.encryption_key));
                if !parent.unmerged_leaves.is_empty() {
                    let leaves: Vec<String> =
                        parent.unmerged_leaves.iter().map(|leaf| leaf.0.to_string()).collect();
                    let word = if leaves.len() == 1 { "leaf" } else { "leaves" };
                    let _ = write!(label, ", unmerged {word} {}", leaves.join(", "));
                }
                label
            }
            None if node.is_leaf() => format!("leaf {} blank", first.0),
            None if self.is_empty(first.node(), last.node()) => {
                format!("blank, with leaves {} to {}", first.0, last.0)
            }
            None => "blank".to_owned(),
        };
        let _ = writeln!(self.out, "{before}[{}] {label}", node.0);
        if self.is_empty(first.node(), last.node()) {
            return;
        }
        if let Some((left, right)) = node.children() {
            self.node(left, &format!("{below}|- "), &format!("{below}|  "));
            self.node(right, &format!("{below}`- "), &format!("{below}   "));
        }
    }

    /// Whether all nodes from `first` to `last` are blank. Those beyond the end of the vector are.
    fn is_empty(&self, first: NodeIndex, last: NodeIndex) -> bool {
        let before = |index: u32| self.occupied.get(index as usize).or(self.occupied.last()).copied();
        before(first.0) == before(last.0.saturating_add(1))
    }

    fn summary(&mut self) {
        let count = |leaves: bool| {
            let nodes = self.nodes.iter().flatten();
            nodes.filter(|node| matches!(node, Node::Leaf(_)) == leaves).count() as u64
        };
        let (members, parents) = (count(true), count(false));
        let leaves = u64::from(self.size.leaf_count());
        let _ = writeln!(
            self.out,
            "{members} of {leaves} leaves are members, {} of {} parents are blank, {} unmerged",
            (leaves - 1).saturating_sub(parents),
            leaves - 1,
            text::count(self.unmerged.len(), "leaf").replace("leafs", "leaves"),
        );
    }
}

fn short(key: &[u8]) -> String {
    hex::encode(key.get(..4).unwrap_or(key))
}

fn bracketed(indices: &[u32]) -> String {
    indices.iter().map(|index| format!("[{index}]")).collect::<Vec<_>>().join(" ")
}
