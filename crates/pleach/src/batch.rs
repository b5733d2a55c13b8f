//! A step's changes as one batch of the store: guards, rows, then the differences of the ratchet tree and its indexes.
//!
//! A tree that is new to the store is encoded row by row while the engine writes, so that joining a group of a million
//! members needs no second copy of it. The difference of two trees is short, and found by comparing pointers.

use crate::Error;
use crate::keys::Place;
use pleach_group::{Change, Changes, Guard as GroupGuard, RecordKey, RecordRange};
use pleach_storage::{
    Batch, Guard, Key, KeyBuf, KeyRangeBuf, Op, RecordKind, Storage, StorageError, VecBatch,
};
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
    first.append(more);
    let tree = match &changes.tree {
        None => Nodes::None,
        Some((None, tree)) => Nodes::All { tree, next: 0 },
        Some((Some(old), tree)) => Nodes::Changed(difference(old, tree)?.into_iter()),
    };
    let index = changes.index_changes()?;
    let rows = changes.rows.iter();
    storage.apply(&mut StepBatch { place, rows, more: first, tree, index, row: Row::new() })?;
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
    fn next(&mut self) -> Result<Option<TreeChange>, StorageError> {
        match self {
            Self::None => Ok(None),
            Self::Changed(changes) => Ok(changes.next()),
            Self::All { tree, next } => {
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
}

/// The row that is handed out. Rows of a tree and of its indexes are public: nothing is zeroized here.
struct Row {
    key: KeyBuf,
    value: Vec<u8>,
    range: Option<KeyRangeBuf>,
}

impl Row {
    fn new() -> Self {
        let none = Key::of_client(&[], RecordKind::Meta, &[]);
        Self { key: none.to_buf(), value: Vec::new(), range: None }
    }

    fn set(&mut self, place: &Place<'_>, name: &RecordKey) {
        place.with_key(name, |key| self.key.set(key));
    }

    fn erase(&mut self, place: &Place<'_>, name: &RecordKey) -> Op<'_> {
        self.set(place, name);
        Op::Erase(self.key.as_key())
    }

    fn erase_range(&mut self, place: &Place<'_>, range: &RecordRange) -> Op<'_> {
        Op::EraseRange(self.range.insert(place.range(range)).as_range())
    }
}

struct StepBatch<'a, I> {
    place: &'a Place<'a>,
    /// Handed out as they are: the row of a pending Commit that adds everybody is long.
    rows: std::slice::Iter<'a, Change>,
    more: VecBatch,
    tree: Nodes<'a>,
    index: I,
    row: Row,
}

impl<I: Iterator<Item = Change>> Batch for StepBatch<'_, I> {
    fn guards(&self) -> &[Guard] {
        self.more.guards()
    }

    fn next(&mut self) -> Result<Option<Op<'_>>, StorageError> {
        let Self { place, row, .. } = self;
        if let Some(change) = self.rows.next() {
            return Ok(Some(match change {
                Change::Put(name, value) => {
                    row.set(place, name);
                    Op::Put { key: row.key.as_key(), value }
                }
                Change::Erase(name) => row.erase(place, name),
                Change::EraseRange(range) => row.erase_range(place, range),
                _ => return Err(StorageError::aborted("a change that is not known here")),
            }));
        }
        if self.more.remaining() > 0 {
            return self.more.next();
        }
        if let Some(change) = self.tree.next()? {
            return Ok(Some(match change {
                TreeChange::Put(node, value) => {
                    row.set(place, &RecordKey::TreeNode(node));
                    row.value = value;
                    Op::Put { key: row.key.as_key(), value: &row.value }
                }
                TreeChange::Erase(node) => row.erase(place, &RecordKey::TreeNode(node)),
                TreeChange::EraseFrom(node) => row.erase_range(place, &RecordRange::TreeNodesFrom(node)),
                _ => return Err(StorageError::aborted("a change of the tree that is not known here")),
            }));
        }
        match self.index.next() {
            None => Ok(None),
            Some(Change::Put(name, value)) => {
                row.set(place, &name);
                row.value.clear();
                row.value.extend_from_slice(&value);
                Ok(Some(Op::Put { key: row.key.as_key(), value: &row.value }))
            }
            Some(Change::Erase(name)) => Ok(Some(row.erase(place, &name))),
            Some(_) => Err(StorageError::aborted("a change of an index that is not known here")),
        }
    }
}
