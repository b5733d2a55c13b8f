//! Storage in memory: an ordered map behind a lock, for tests, for short-lived clients, and as the smallest example
//! of an engine.
//!
//! ```
//! use pleach_storage::{Key, RecordKind, Storage, VecBatch};
//! use pleach_storage_memory::MemoryStorage;
//!
//! # fn main() -> Result<(), pleach_storage::StorageError> {
//! let store = MemoryStorage::new();
//! let key = Key::of_client(b"alice", RecordKind::Application, b"draft");
//! let mut batch = VecBatch::new();
//! batch.guard_absent(key).put(key, b"hello".to_vec());
//! store.apply(&mut batch)?;
//! assert_eq!(store.get(&key)?.as_deref().map(Vec::as_slice), Some(&b"hello"[..]));
//! # Ok(())
//! # }
//! ```
//!
//! Invariants: a batch is staged in full before the map changes, so what fails changes nothing. Values are zeroized
//! when the last reader is done with them. No lock is held while a batch or a row function runs, so both may call
//! back into the store.
//!
//! Rows of one client, scope and kind are a table of their own, ordered by suffix: a group has some ten tables, most of them
//! tiny however large the group is. Short suffixes stand in the nodes of the table, so a search follows few pointers.
//!
//! Cost: O(log rows of the table) per row read or written; a scan collects the keys and a pointer per row of its range;
//! memory is the values and about 100 bytes per row.
//!
//! Not here: durability. Dropping the last clone is the end of the store.

#![forbid(unsafe_code)]

mod suffix;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use pleach_storage::{
    Batch, EncodedRange, Erasure, Guard, Key, KeyRange, Op, Row, Storage, StorageError, Value,
};
use suffix::Suffix;

/// A store in memory. Clones share it.
#[derive(Clone, Default)]
pub struct MemoryStorage {
    rows: Arc<RwLock<Rows>>,
}

/// The tables by what their keys begin with: client, scope and kind, encoded. No such beginning is that of another, so the
/// order of the tables and of the suffixes in them is that of the encoded keys. No table is empty.
///
/// Values are shared with scans in progress; a value is zeroized when the last of them drops it.
#[derive(Clone, Default)]
struct Rows(BTreeMap<Vec<u8>, Table>);

type Table = BTreeMap<Suffix, Arc<Value>>;

impl Rows {
    fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    fn get(&self, key: &Key<'_>) -> Option<&Arc<Value>> {
        self.0.get(&beginning(key))?.get(key.suffix)
    }

    fn insert(&mut self, beginning: Vec<u8>, suffix: Suffix, value: Arc<Value>) -> Option<Arc<Value>> {
        self.0.entry(beginning).or_default().insert(suffix, value)
    }

    fn remove(&mut self, beginning: &[u8], suffix: &[u8]) -> Option<Arc<Value>> {
        let table = self.0.get_mut(beginning)?;
        let value = table.remove(suffix);
        if table.is_empty() {
            self.0.remove(beginning);
        }
        value
    }

    /// The rows of a range, in order.
    fn in_range<'r>(
        &'r self,
        range: &'r EncodedRange,
    ) -> impl Iterator<Item = (&'r [u8], &'r Suffix, &'r Arc<Value>)> {
        let lower = range.lower.as_slice();
        // The range may begin within a table: then the keys of that table begin as the bound does.
        let first = self
            .0
            .range::<[u8], _>((Bound::Unbounded, Bound::Included(lower)))
            .next_back()
            .filter(|(head, _)| lower.starts_with(head));
        let rest = self.0.range::<[u8], _>((Bound::Included(lower), Bound::Unbounded));
        let first = first.filter(|(head, _)| head.as_slice() != lower);
        let tables = first.into_iter().chain(rest).map_while(move |(head, table)| {
            let from = lower.strip_prefix(head.as_slice()).unwrap_or_default();
            let to = match &range.upper {
                None => Bound::Unbounded,
                Some(upper) => match upper.strip_prefix(head.as_slice()) {
                    Some(rest) => Bound::Excluded(rest),
                    None if head < upper => Bound::Unbounded,
                    None => return None,
                },
            };
            // BTreeMap panics on bounds that cross.
            let is_empty = matches!(to, Bound::Excluded(to) if to <= from);
            let rows = (!is_empty).then(|| table.range::<[u8], _>((Bound::Included(from), to)));
            Some(rows.into_iter().flatten().map(move |(suffix, value)| (head.as_slice(), suffix, value)))
        });
        let limit = if range.is_empty() { 0 } else { range.limit.unwrap_or(usize::MAX) };
        tables.flatten().take(limit)
    }
}

/// The encoding of a key without its suffix: the name of its table.
fn beginning(key: &Key<'_>) -> Vec<u8> {
    Key { suffix: &[], ..*key }.to_bytes()
}

impl MemoryStorage {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.read().len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.read().0.is_empty()
    }

    /// A copy that shares nothing with this store from here on: what a backup is to a file. O(rows) pointers.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        let rows = self.read().clone();
        Self { rows: Arc::new(RwLock::new(rows)) }
    }

    // A thread that panicked while it held the lock was dropping or inserting rows, not checking guards: the map is
    // a valid map, and the panic is that thread's to report.
    fn read(&self) -> RwLockReadGuard<'_, Rows> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Rows> {
        self.rows.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStorage").field("rows", &self.len()).finish()
    }
}

impl Storage for MemoryStorage {
    fn get(&self, key: &Key<'_>) -> Result<Option<Value>, StorageError> {
        let value = self.read().get(key).cloned();
        Ok(value.map(|value| Value::clone(&value)))
    }

    fn scan(
        &self,
        range: &KeyRange<'_>,
        row: &mut dyn FnMut(Row<'_>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let range = range.encoded();
        // The keys of all rows in one buffer, and where each ends.
        let mut keys = Vec::new();
        let mut found = Vec::new();
        for (head, suffix, value) in self.read().in_range(&range) {
            keys.extend_from_slice(head);
            keys.extend_from_slice(suffix.as_slice());
            found.push((keys.len(), Arc::clone(value)));
        }
        let mut rest = keys.as_slice();
        let mut start = 0;
        for (end, value) in found {
            let (key, after) = rest.split_at(end - start);
            (rest, start) = (after, end);
            row(Row { key: Key::decode(key)?, value: &value })?;
        }
        Ok(())
    }

    fn apply(&self, batch: &mut dyn Batch) -> Result<(), StorageError> {
        // Once now, to fail before the work; once more under the lock that makes it true.
        check(&self.read(), batch.guards())?;
        let staged = stage(batch)?;
        let mut replaced = Vec::new();
        let mut rows = self.write();
        check(&rows, batch.guards())?;
        for op in staged {
            match op {
                Staged::Put(head, suffix, value) => replaced.extend(rows.insert(head, suffix, value)),
                Staged::Erase(head, suffix) => replaced.extend(rows.remove(&head, suffix.as_slice())),
                Staged::EraseRange(range) => {
                    let found = rows.in_range(&range);
                    let keys: Vec<_> =
                        found.map(|(head, suffix, _)| (head.to_vec(), suffix.clone())).collect();
                    for (head, suffix) in keys {
                        replaced.extend(rows.remove(&head, suffix.as_slice()));
                    }
                }
            }
        }
        drop(rows);
        // Zeroizing takes time in proportion to the bytes: not under the lock.
        drop(replaced);
        Ok(())
    }

    fn erasure(&self) -> Erasure {
        Erasure::InMemory
    }
}

enum Staged {
    Put(Vec<u8>, Suffix, Arc<Value>),
    Erase(Vec<u8>, Suffix),
    EraseRange(EncodedRange),
}

fn stage(batch: &mut dyn Batch) -> Result<Vec<Staged>, StorageError> {
    let mut staged = Vec::new();
    while let Some(op) = batch.next()? {
        staged.push(match op {
            Op::Put { key, value } => {
                let value = Arc::new(Value::new(value.to_vec()));
                Staged::Put(beginning(&key), Suffix::new(key.suffix), value)
            }
            Op::Erase(key) => Staged::Erase(beginning(&key), Suffix::new(key.suffix)),
            Op::EraseRange(range) => Staged::EraseRange(range.encoded()),
        });
    }
    Ok(staged)
}

fn check(rows: &Rows, guards: &[Guard]) -> Result<(), StorageError> {
    guards.iter().try_for_each(|guard| {
        let row = rows.get(&guard.key().as_key());
        guard.check(row.map(|value| value.as_slice()))
    })
}
