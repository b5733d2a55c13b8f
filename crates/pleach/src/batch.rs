//! A step's changes as one batch of the store: guards, rows, then the differences of the ratchet tree and its indexes.
//!
//! A tree that is new to the store is encoded row by row while the engine writes, so that joining a group of a million
//! members needs no second copy of it. The difference of two trees is short, and found by comparing pointers.

use crate::Error;
use crate::keys::Place;
use pleach_group::{Change, Changes, FoundingIndex, Guard as GroupGuard, RecordKey, RecordRange};
use pleach_storage::{
    Batch, Guard, Key, KeyBuf, KeyRangeBuf, Op, RecordKind, Storage, StorageError, VecBatch,
};
use pleach_tree::{Change as TreeChange, NodeRows, RatchetTree, TreeError};

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
        Some((None, tree)) => {
            Nodes::All(Founding { nodes: tree.node_rows(), index: changes.founding_index() })
        }
        Some((Some(old), tree)) => Nodes::Changed(difference(old, tree)?.into_iter()),
    };
    let index = match &tree {
        Nodes::All(_) => None,
        Nodes::None | Nodes::Changed(_) => Some(changes.index_changes()?),
    };
    let index = index.into_iter().flatten();
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
    /// All of a tree that is new to the store, with its indexes.
    All(Founding<'a>),
    /// What changed.
    Changed(std::vec::IntoIter<TreeChange>),
}

/// Up to a million rows: each is made where the one before it was.
struct Founding<'a> {
    nodes: NodeRows<'a>,
    index: Option<FoundingIndex<'a>>,
}

impl Founding<'_> {
    fn next<'r>(&mut self, place: &Place<'_>, row: &'r mut Row) -> Result<Option<Op<'r>>, StorageError> {
        row.value.clear();
        let name = match self.nodes.next_row(&mut row.value).map_err(StorageError::aborted)? {
            Some(node) => RecordKey::TreeNode(node),
            None => match self.index.as_mut().and_then(|index| index.next_row(&mut row.value)) {
                Some(name) => name,
                None => return Ok(None),
            },
        };
        row.set(place, &name);
        Ok(Some(Op::Put { key: row.key.as_key(), value: &row.value }))
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
        if let Nodes::All(founding) = &mut self.tree {
            return founding.next(place, row);
        }
        if let Nodes::Changed(changes) = &mut self.tree
            && let Some(change) = changes.next()
        {
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
