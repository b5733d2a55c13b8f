//! A step's changes as one batch of the store: guards, rows, then the differences of the ratchet tree and its indexes.
//!
//! A tree that is new to the store is encoded row by row while the engine writes, so that joining a group of a million
//! members needs no second copy of it. The difference of two trees is short, and found by comparing pointers.

use crate::Error;
use crate::keys::Place;
use pleach_group::{Change, Changes, Guard as GroupGuard, RecordKey};
use pleach_storage::{Batch, Guard, KeyBuf, KeyRangeBuf, Op, Storage, StorageError, Value, VecBatch};
use pleach_tree::{Change as TreeChange, RatchetTree, TreeError};
use pleach_wire::NodeIndex;

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
    let tree = match &changes.tree {
        None => Nodes::None,
        Some((None, tree)) => Nodes::All { tree, next: 0 },
        Some((Some(old), tree)) => Nodes::Changed(difference(old, tree)?.into_iter()),
    };
    let index = Box::new(changes.index_changes()?);
    storage.apply(&mut StepBatch { place, first, tree, index, row: Row::new(place) })?;
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
    None,
    /// All of a tree that is new to the store.
    All {
        tree: &'a RatchetTree,
        next: u32,
    },
    /// What changed.
    Changed(std::vec::IntoIter<TreeChange>),
}

impl Nodes<'_> {
    fn next(&mut self) -> Result<Option<Change>, StorageError> {
        let change = match self {
            Self::None => None,
            Self::Changed(changes) => changes.next(),
            Self::All { tree, next } => loop {
                if *next >= tree.size().node_count() {
                    break None;
                }
                let node = NodeIndex(*next);
                *next += 1;
                if let Some(row) = tree.node_row(node).map_err(StorageError::aborted)? {
                    break Some(TreeChange::Put(node, row));
                }
            },
        };
        Ok(match change {
            None => None,
            Some(TreeChange::Put(node, row)) => Some(Change::Put(RecordKey::TreeNode(node), Value::new(row))),
            Some(TreeChange::Erase(node)) => Some(Change::Erase(RecordKey::TreeNode(node))),
            Some(TreeChange::EraseFrom(node)) => {
                Some(Change::EraseRange(pleach_group::RecordRange::TreeNodesFrom(node)))
            }
            Some(_) => return Err(StorageError::aborted("a change of the tree that is not known here")),
        })
    }
}

/// The row that is handed out.
struct Row {
    key: KeyBuf,
    value: Value,
    range: Option<KeyRangeBuf>,
}

impl Row {
    fn new(place: &Place<'_>) -> Self {
        Self { key: place.key(&RecordKey::Head), value: Value::default(), range: None }
    }
}

struct StepBatch<'a> {
    place: &'a Place<'a>,
    first: VecBatch,
    tree: Nodes<'a>,
    index: Box<dyn Iterator<Item = Change> + 'a>,
    row: Row,
}

impl Batch for StepBatch<'_> {
    fn guards(&self) -> &[Guard] {
        self.first.guards()
    }

    fn next(&mut self) -> Result<Option<Op<'_>>, StorageError> {
        if self.first.remaining() > 0 {
            return self.first.next();
        }
        let change = match self.tree.next()? {
            Some(change) => Some(change),
            None => self.index.next(),
        };
        match change {
            None => Ok(None),
            Some(Change::Put(name, value)) => {
                self.row.key = self.place.key(&name);
                self.row.value = value;
                Ok(Some(Op::Put { key: self.row.key.as_key(), value: &self.row.value }))
            }
            Some(Change::Erase(name)) => {
                self.row.key = self.place.key(&name);
                Ok(Some(Op::Erase(self.row.key.as_key())))
            }
            Some(Change::EraseRange(range)) => {
                Ok(Some(Op::EraseRange(self.row.range.insert(self.place.range(&range)).as_range())))
            }
            Some(_) => Err(StorageError::aborted("a change that is not known here")),
        }
    }
}
