//! What a step would write: the content of one atomic batch.

use crate::{GroupError, MisuseError, RecordKey, RecordRange, clients};
use alloc::vec::{self, Vec};
use core::fmt;
use pleach_crypto::Digest;
use pleach_tree::{KeyChange, KeyName, RatchetTree};
use pleach_wire::{LeafIndex, NodeIndex};
use zeroize::Zeroizing;

/// A row to write or to erase.
#[derive(Clone)]
#[non_exhaustive]
pub enum Change {
    /// Writes a row.
    Put(RecordKey, Zeroizing<Vec<u8>>),
    /// Erases a row, if it is there.
    Erase(RecordKey),
    /// Erases all rows of a range.
    EraseRange(RecordRange),
}

impl fmt::Debug for Change {
    /// Names and sizes, never values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put(key, value) => write!(f, "Put({key:?}, {} bytes)", value.len()),
            Self::Erase(key) => write!(f, "Erase({key:?})"),
            Self::EraseRange(range) => write!(f, "EraseRange({range:?})"),
        }
    }
}

/// What must hold when the batch is applied; otherwise nothing is written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Guard {
    /// No such row.
    Absent(RecordKey),
    /// There is such a row.
    Present(RecordKey),
    /// The row is there with this row version.
    Version(RecordKey, u64),
}

/// One batch: guards, rows, and the ratchet tree's difference, which is found and encoded while it is written.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// The guards.
    pub guards: Vec<Guard>,
    /// The rows, in the order in which they are to be applied.
    pub rows: Vec<Change>,
    /// The tree before (`None`: no rows of it yet) and after; its rows, and those of its index of keys, are those of
    /// [`pleach_tree`]'s difference.
    pub tree: Option<(Option<RatchetTree>, RatchetTree)>,
    /// With a tree that has no rows yet: all its clients by the hash of their id, in order.
    pub clients: Vec<(Digest, LeafIndex)>,
}

impl Changes {
    /// Puts the guards and rows of `earlier` before these.
    pub fn prepend(&mut self, mut earlier: Self) {
        earlier.guards.append(&mut self.guards);
        earlier.rows.append(&mut self.rows);
        self.guards = earlier.guards;
        self.rows = earlier.rows;
    }

    /// Adds the rows of a step that was made on a state which these changes are yet to write: its guards, which speak of
    /// rows written here, hold by themselves.
    pub fn append_rows(&mut self, later: Self) {
        self.rows.extend(later.rows);
    }

    /// The row that these changes write under this name, if they do.
    #[must_use]
    pub fn written(&self, name: &RecordKey) -> Option<&Zeroizing<Vec<u8>>> {
        self.rows.iter().rev().find_map(|change| match change {
            Change::Put(key, value) if key == name => Some(value),
            _ => None,
        })
    }

    pub(crate) fn put(&mut self, key: RecordKey, value: Zeroizing<Vec<u8>>) {
        self.rows.push(Change::Put(key, value));
    }

    pub(crate) fn erase(&mut self, key: RecordKey) {
        self.rows.push(Change::Erase(key));
    }

    pub(crate) fn erase_range(&mut self, range: RecordRange) {
        self.rows.push(Change::EraseRange(range));
    }

    /// Makes a first state replace whatever this client had of the group: instead of demanding that there is nothing,
    /// everything is erased first.
    pub(crate) fn replace_group(&mut self) {
        self.guards.retain(|guard| *guard != Guard::Absent(RecordKey::Head));
        self.rows.insert(0, Change::EraseRange(RecordRange::Group));
    }

    pub(crate) fn guard(&mut self, guard: Guard) {
        self.guards.push(guard);
    }
}

impl Changes {
    /// The tree's difference as rows. O(log n) after a Commit, O(n) for a tree that is not stored yet.
    ///
    /// # Errors
    /// Those of encoding a node.
    pub fn tree_changes(&self) -> Result<Vec<Change>, GroupError> {
        let mut rows = Vec::new();
        self.visit_tree_changes(&mut |change| {
            rows.push(change);
            Ok(())
        })?;
        Ok(rows)
    }

    /// Passes the tree's difference on row by row: the nodes, the keys, the clients. So a large tree need not be in memory
    /// twice.
    ///
    /// # Errors
    /// What `visit` returns, or those of encoding a node.
    pub fn visit_tree_changes(
        &self,
        visit: &mut dyn FnMut(Change) -> Result<(), GroupError>,
    ) -> Result<(), GroupError> {
        let Some((old, new)) = &self.tree else { return Ok(()) };
        new.changes_since(old.as_ref(), &mut |change| {
            visit(match change {
                pleach_tree::Change::Put(node, row) => {
                    Change::Put(RecordKey::TreeNode(node), Zeroizing::new(row))
                }
                pleach_tree::Change::Erase(node) => Change::Erase(RecordKey::TreeNode(node)),
                pleach_tree::Change::EraseFrom(node) => Change::EraseRange(RecordRange::TreeNodesFrom(node)),
                _ => return Err(MisuseError::TooLong.into()),
            })
        })?;
        self.index_changes()?.try_for_each(visit)
    }

    /// All rows of the indexes of a tree that is not stored yet, in the order of the store's keys; `None` for any other.
    /// O(n log n).
    #[must_use]
    pub fn founding_index(&self) -> Option<FoundingIndex<'_>> {
        match &self.tree {
            Some((None, tree)) => {
                Some(FoundingIndex { keys: tree.key_entries().into_iter(), clients: &self.clients })
            }
            _ => None,
        }
    }

    /// The difference of the indexes, in the order of the store's keys. O(log n) after a Commit; for a tree that is not
    /// stored yet O(n log n), and each row is made when it is asked for.
    ///
    /// # Errors
    /// Those of the tree.
    pub fn index_changes(&self) -> Result<impl Iterator<Item = Change> + '_, GroupError> {
        let (changed, all) = match &self.tree {
            None => (Vec::new(), Vec::new()),
            Some((Some(old), new)) => (new.key_changes_since(old)?, Vec::new()),
            Some((None, new)) => (Vec::new(), new.key_entries()),
        };
        let put = |name, node| Change::Put(RecordKey::KeyIndex(name), clients::key_row(node));
        let changed = changed.into_iter().filter_map(move |change| match change {
            KeyChange::Put(name, node) => Some(put(name, node)),
            KeyChange::Erase(name) => Some(Change::Erase(RecordKey::KeyIndex(name))),
            _ => None,
        });
        let all = all.into_iter().map(move |(name, node)| put(name, node));
        Ok(changed.chain(all).chain(clients::rows_of(&self.clients)))
    }
}

/// The rows of the indexes of a tree that is not stored yet: [`Changes::founding_index`].
#[derive(Debug)]
pub struct FoundingIndex<'a> {
    keys: vec::IntoIter<(KeyName, NodeIndex)>,
    clients: &'a [(Digest, LeafIndex)],
}

impl FoundingIndex<'_> {
    /// Appends the next row to `row`, and says whose it is; `None` after the last.
    pub fn next_row(&mut self, row: &mut Vec<u8>) -> Option<RecordKey> {
        match self.keys.next() {
            Some((name, node)) => {
                clients::write_key_row(node, row);
                Some(RecordKey::KeyIndex(name))
            }
            None => clients::write_client_row(&mut self.clients, row),
        }
    }
}
