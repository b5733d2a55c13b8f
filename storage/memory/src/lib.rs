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
//! Cost: O(log rows) per row read or written; a scan collects two pointers per row of its range; memory is the keys,
//! the values and about 100 bytes per row.
//!
//! Not here: durability. Dropping the last clone is the end of the store.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use pleach_storage::{
    Batch, EncodedRange, Erasure, Guard, Key, KeyRange, Op, Row, Storage, StorageError, Value,
};

/// A store in memory. Clones share it.
#[derive(Clone, Default)]
pub struct MemoryStorage {
    rows: Arc<RwLock<Rows>>,
}

/// Keys and values are shared with scans in progress; a value is zeroized when the last of them drops it.
type Rows = BTreeMap<Arc<[u8]>, Arc<Value>>;

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
        self.read().is_empty()
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
        let value = self.read().get(key.to_bytes().as_slice()).cloned();
        Ok(value.map(|value| Value::clone(&value)))
    }

    fn scan(
        &self,
        range: &KeyRange<'_>,
        row: &mut dyn FnMut(Row<'_>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let found = in_range(&self.read(), &range.encoded());
        for (key, value) in found {
            row(Row { key: Key::decode(&key)?, value: &value })?;
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
                Staged::Put(key, value) => replaced.extend(rows.insert(key, value)),
                Staged::Erase(key) => replaced.extend(rows.remove(key.as_slice())),
                Staged::EraseRange(range) => {
                    for (key, value) in in_range(&rows, &range) {
                        rows.remove(&key);
                        replaced.push(value);
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
    Put(Arc<[u8]>, Arc<Value>),
    Erase(Vec<u8>),
    EraseRange(EncodedRange),
}

fn stage(batch: &mut dyn Batch) -> Result<Vec<Staged>, StorageError> {
    let mut staged = Vec::new();
    while let Some(op) = batch.next()? {
        staged.push(match op {
            Op::Put { key, value } => {
                Staged::Put(key.to_bytes().into(), Arc::new(Value::new(value.to_vec())))
            }
            Op::Erase(key) => Staged::Erase(key.to_bytes()),
            Op::EraseRange(range) => Staged::EraseRange(range.encoded()),
        });
    }
    Ok(staged)
}

fn check(rows: &Rows, guards: &[Guard]) -> Result<(), StorageError> {
    guards.iter().try_for_each(|guard| {
        let row = rows.get(guard.key().as_bytes());
        guard.check(row.map(|value| value.as_slice()))
    })
}

fn in_range(rows: &Rows, range: &EncodedRange) -> Vec<(Arc<[u8]>, Arc<Value>)> {
    // BTreeMap panics on bounds that cross.
    if range.is_empty() {
        return Vec::new();
    }
    let lower = Bound::Included(range.lower.as_slice());
    let upper = range.upper.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    let found = rows.range::<[u8], _>((lower, upper));
    let limit = range.limit.unwrap_or(usize::MAX);
    found.take(limit).map(|(key, value)| (Arc::clone(key), Arc::clone(value))).collect()
}
