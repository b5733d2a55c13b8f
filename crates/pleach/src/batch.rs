//! A step's changes as one batch of the store: guards, rows, then the ratchet tree's difference.
//!
//! A tree that is new to the store is encoded row by row while the engine writes, so that joining a group of a million
//! members needs no second copy of it. The difference of two trees is short, and found by comparing pointers.

use crate::Error;
use crate::keys::Place;
use pleach_group::{Change, Changes, Guard as GroupGuard, RecordKey};
use pleach_storage::{
    Batch, Guard, Key, KeyBuf, KeyRangeBuf, Op, RecordKind, Storage, StorageError, Value, VecBatch,
};
use pleach_tree::{Change as TreeChange, RatchetTree, TreeError};
use pleach_wire::NodeIndex;
use zeroize::Zeroize;

/// Applies the changes of a step, then `more`, as one batch.
///
/// # Errors
/// Those of the store; [`Error::Internal`] if the tree cannot be encoded, and then nothing is written.
pub(crate) fn write(
    storage: &dyn Storage,
    place: &Place<'_>,
    changes: &Changes,
    more: VecBatch,
) -> Result<(), Error> {
    let mut first = VecBatch::new();
    for guard in &changes.guards {
        match guard {
            GroupGuard::Absent(name) => first.guard_absent(place.key(name)),
            GroupGuard::Present(name) => first.guard_present(place.key(name)),
            GroupGuard::Version(name, version) => first.guard_version(place.key(name), *version),
            _ => return Err(Error::Internal("a guard that is not known here")),
        };
    }
    for row in &changes.rows {
        match row {
            Change::Put(name, value) => first.put(place.key(name), value.clone()),
            Change::Erase(name) => first.erase(place.key(name)),
            Change::EraseRange(range) => first.erase_range(place.range(range)),
            _ => return Err(Error::Internal("a change that is not known here")),
        };
    }
    first.append(more);
    let nodes = match &changes.tree {
        None => Nodes::List(Vec::new().into_iter()),
        Some((None, tree)) => Nodes::All { tree, next: 0 },
        Some((Some(old), tree)) => Nodes::List(difference(old, tree)?.into_iter()),
    };
    storage.apply(&mut StepBatch { place, first, nodes, row: Row::new(place) })?;
    Ok(())
}

fn difference(old: &RatchetTree, tree: &RatchetTree) -> Result<Vec<TreeChange>, TreeError> {
    let mut changes = Vec::new();
    tree.changes_since(Some(old), &mut |change| {
        changes.push(change);
        Ok::<_, TreeError>(())
    })?;
    Ok(changes)
}

/// The nodes to write.
enum Nodes<'a> {
    /// All of a tree that is new to the store.
    All { tree: &'a RatchetTree, next: u32 },
    /// What changed.
    List(std::vec::IntoIter<TreeChange>),
}

/// The row that is handed out; its memory is used again.
struct Row {
    key: KeyBuf,
    value: Value,
    range: Option<KeyRangeBuf>,
}

impl Row {
    fn new(place: &Place<'_>) -> Self {
        Self { key: place.key(&RecordKey::TreeNode(NodeIndex(0))), value: Value::default(), range: None }
    }
}

struct StepBatch<'a> {
    place: &'a Place<'a>,
    first: VecBatch,
    nodes: Nodes<'a>,
    row: Row,
}

impl StepBatch<'_> {
    fn next_node(&mut self) -> Result<Option<TreeChange>, StorageError> {
        match &mut self.nodes {
            Nodes::List(changes) => Ok(changes.next()),
            Nodes::All { tree, next } => {
                while *next < tree.size().node_count() {
                    let node = NodeIndex(*next);
                    *next += 1;
                    if let Some(row) = tree.node_row(node).map_err(StorageError::aborted)? {
                        return Ok(Some(TreeChange::Put(node, row)));
                    }
                }
                Ok(None)
            }
        }
    }

    fn set_key(&mut self, node: NodeIndex) {
        let suffix = node.0.to_be_bytes();
        self.row.key.set(Key::of_group(self.place.client, self.place.group, RecordKind::TreeNode, &suffix));
    }
}

impl Batch for StepBatch<'_> {
    fn guards(&self) -> &[Guard] {
        self.first.guards()
    }

    fn next(&mut self) -> Result<Option<Op<'_>>, StorageError> {
        if self.first.remaining() > 0 {
            return self.first.next();
        }
        self.row.value.zeroize();
        match self.next_node()? {
            None => Ok(None),
            Some(TreeChange::Put(node, row)) => {
                self.set_key(node);
                self.row.value = Value::new(row);
                Ok(Some(Op::Put { key: self.row.key.as_key(), value: &self.row.value }))
            }
            Some(TreeChange::Erase(node)) => {
                self.set_key(node);
                Ok(Some(Op::Erase(self.row.key.as_key())))
            }
            Some(TreeChange::EraseFrom(node)) => {
                let range = self.place.range(&pleach_group::RecordRange::TreeNodesFrom(node));
                Ok(Some(Op::EraseRange(self.row.range.insert(range).as_range())))
            }
            Some(_) => Err(StorageError::aborted("a change of the tree that is not known here")),
        }
    }
}
