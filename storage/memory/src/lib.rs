//! Storage in memory: ordered tables behind a lock, for tests, for short-lived clients, and as the smallest example
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
//! Invariants: a batch is staged in full before the map changes, so what fails changes nothing. Values of secret rows are
//! zeroized when they are replaced, erased or dropped; those of public rows and of indexes are not. No lock is held while a
//! batch or a row function runs, so both may call back into the store.
//!
//! Rows of one client, scope and kind are a table of their own, ordered by suffix: a group has some ten tables, most of them
//! tiny however large the group is. A table is a directory of small pages, so one row of a million is found with few looks
//! at memory that no cache has; a batch looks a table up once for all rows of it that come together. Of a batch of
//! the size of a Commit's, all rows that change are looked at before the first is changed: then what is far away is read for
//! several of them at once.
//!
//! Cost: O(log rows of the table) per row read or written, amortized (O(1) where rows come in order into a table that was
//! empty), and one allocation per row written; a scan copies the rows of
//! its range; memory is the values and about 70 bytes per row.
//!
//! Not here: durability. Dropping the last clone is the end of the store.

#![forbid(unsafe_code)]

mod directory;
mod suffix;
mod table;
mod value;

use std::collections::BTreeMap;
use std::fmt;
use std::hint::black_box;
use std::iter::{Peekable, from_fn};
use std::ops::{Bound, RangeInclusive};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use pleach_storage::{
    Batch, EncodedRange, Erasure, Guard, Key, KeyRange, Op, Row, Storage, StorageError, Value,
};
use suffix::Suffix;
use table::Table;
use value::{Kept, Octets};

/// A store in memory. Clones share it.
#[derive(Clone, Default)]
pub struct MemoryStorage {
    rows: Arc<RwLock<Rows>>,
}

/// The tables by what their keys begin with: client, scope and kind, encoded. No such beginning is that of another, so the
/// order of the tables and of the suffixes in them is that of the encoded keys. No table is empty.
#[derive(Clone, Default)]
struct Rows {
    tables: BTreeMap<Vec<u8>, Table>,
    /// How many batches were applied.
    applied: u64,
}

/// Operations that are staged without growing: those of a message.
const OF_A_MESSAGE: usize = 12;
/// And when there are more, room for so many.
const OF_A_COMMIT: usize = 64;

/// Batches of so many operations are looked at ahead: fewer are a message's, which has just read what it changes; what more of them look
/// at may be gone from the caches before it is changed.
const LOOKED_AT: RangeInclusive<usize> = OF_A_MESSAGE + 1..=512;

impl Rows {
    fn len(&self) -> usize {
        self.tables.values().map(Table::len).sum()
    }

    /// The row of a table, by the table's name and the rest of the key.
    fn get(&self, name: &[u8], suffix: &[u8]) -> Option<&Kept> {
        self.tables.get(name)?.get(&Suffix::new(suffix))
    }

    /// Applies operations in order. What they replace goes to `replaced`.
    fn apply(&mut self, staged: StagedBatch, replaced: &mut Vec<Kept>) {
        self.look(&staged);
        let StagedBatch { tables, ops } = staged;
        let mut ops = ops.into_iter().peekable();
        while let Some(op) = ops.next() {
            let (Staged::Put(index, ..) | Staged::Erase(index, _)) = &op else {
                if let Staged::EraseRange(range) = op {
                    self.erase_range(&range, replaced);
                }
                continue;
            };
            let index = *index;
            let Some(beginning) = tables.get(index) else { continue };
            if !self.tables.contains_key(beginning) {
                self.tables.insert(beginning.clone(), Table::default());
            }
            let Some(table) = self.tables.get_mut(beginning) else { continue };
            let mut next = Some(op);
            if table.is_empty() {
                next = fill(table, next, &mut ops, index);
            }
            while let Some(op) = next {
                match op {
                    Staged::Put(_, suffix, value) => replaced.extend(table.insert(suffix, value)),
                    Staged::Erase(_, suffix) => replaced.extend(table.remove(&suffix)),
                    Staged::EraseRange(_) => {}
                }
                next = ops.next_if(|op| op.table() == Some(index));
            }
            if table.is_empty() {
                self.tables.remove(beginning);
            }
        }
    }

    /// Reads into the caches what a batch will change: first the pages of all rows, then the rows. Nothing waits for what is
    /// found, so a processor reads what is far away for several rows at once; one that changes them waits for each.
    fn look(&self, StagedBatch { tables, ops }: &StagedBatch) {
        if !LOOKED_AT.contains(&ops.len()) {
            return;
        }
        let tables: Vec<Option<&Table>> = tables.iter().map(|name| self.tables.get(name)).collect();
        let mut seen = 0;
        let mut pages = Vec::with_capacity(ops.len());
        for op in ops {
            let (Staged::Put(table, suffix, _) | Staged::Erase(table, suffix)) = op else { continue };
            let Some(page) = tables.get(*table).copied().flatten().and_then(|table| table.page(suffix))
            else {
                continue;
            };
            seen ^= page.look();
            pages.push((page, suffix));
        }
        seen = pages.into_iter().fold(seen, |seen, (page, suffix)| seen ^ page.look_at_row(suffix));
        black_box(seen);
    }

    fn erase_range(&mut self, range: &EncodedRange, replaced: &mut Vec<Kept>) {
        let keys: Vec<_> =
            self.in_range(range).map(|(head, suffix, _)| (head.to_vec(), suffix.clone())).collect();
        for (head, suffix) in keys {
            let Some(table) = self.tables.get_mut(&head) else { continue };
            replaced.extend(table.remove(&suffix));
            if table.is_empty() {
                self.tables.remove(&head);
            }
        }
    }

    /// The rows of a range, in order.
    fn in_range<'r>(
        &'r self,
        range: &'r EncodedRange,
    ) -> impl Iterator<Item = (&'r [u8], &'r Suffix, &'r Kept)> {
        let lower = range.lower.as_slice();
        // The range may begin within a table: then the keys of that table begin as the bound does.
        let first = self
            .tables
            .range::<[u8], _>((Bound::Unbounded, Bound::Included(lower)))
            .next_back()
            .filter(|(head, _)| lower.starts_with(head));
        let rest = self.tables.range::<[u8], _>((Bound::Included(lower), Bound::Unbounded));
        let first = first.filter(|(head, _)| head.as_slice() != lower);
        let tables = first.into_iter().chain(rest).map_while(move |(head, table)| {
            let from = lower.strip_prefix(head.as_slice()).unwrap_or_default();
            let to = match &range.upper {
                None => None,
                Some(upper) => match upper.strip_prefix(head.as_slice()) {
                    Some(rest) => Some(rest),
                    None if head < upper => None,
                    None => return None,
                },
            };
            let rows = table.range(from, to);
            Some(rows.map(move |(suffix, value)| (head.as_slice(), suffix, value)))
        });
        let limit = if range.is_empty() { 0 } else { range.limit.unwrap_or(usize::MAX) };
        tables.flatten().take(limit)
    }
}

/// Puts rows into an empty table while they come in order, as when a group is joined: without a search for each. Returns the first operation of the table that is another.
fn fill(
    table: &mut Table,
    first: Option<Staged>,
    ops: &mut Peekable<impl Iterator<Item = Staged>>,
    index: usize,
) -> Option<Staged> {
    let mut last: Option<Suffix> = None;
    let (mut next, mut rest) = (first, None);
    let rows = from_fn(|| match next.take()? {
        Staged::Put(_, suffix, value) if last.as_ref().is_none_or(|last| *last < suffix) => {
            last = Some(suffix.clone());
            next = ops.next_if(|op| op.table() == Some(index));
            Some((suffix, value))
        }
        other => {
            rest = Some(other);
            None
        }
    });
    table.fill(rows);
    rest
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
        self.read().tables.is_empty()
    }

    /// A copy that shares nothing with this store from here on: what a backup is to a file. O(rows).
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
        let rows = self.read();
        let row = Key { suffix: &[], ..*key }.with_encoded(|name| rows.get(name, key.suffix));
        Ok(row.map(|value| Value::new(value.as_slice().to_vec())))
    }

    fn scan(
        &self,
        range: &KeyRange<'_>,
        row: &mut dyn FnMut(Row<'_>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let range = range.encoded();
        // All rows in one buffer that does not grow, and how long each key and value is.
        let (mut lengths, mut total) = (Vec::new(), 0);
        let rows = self.read();
        for (head, suffix, value) in rows.in_range(&range) {
            let (key, value) = (head.len() + suffix.as_slice().len(), value.as_slice().len());
            lengths.push((key, value));
            total += key + value;
        }
        let mut copy = Vec::with_capacity(total);
        for (head, suffix, value) in rows.in_range(&range) {
            copy.extend_from_slice(head);
            copy.extend_from_slice(suffix.as_slice());
            copy.extend_from_slice(value.as_slice());
        }
        drop(rows);
        let copy = Octets::from(copy);
        let mut rest = copy.as_slice();
        for (key, value) in lengths {
            let (encoded, after) = rest.split_at(key);
            let (value, after) = after.split_at(value);
            rest = after;
            row(Row { key: Key::decode(encoded)?, value })?;
        }
        Ok(())
    }

    fn apply(&self, batch: &mut dyn Batch) -> Result<(), StorageError> {
        // Now, to fail before the work; and under the lock that makes it true, if there was another batch meanwhile.
        let applied = {
            let rows = self.read();
            check(&rows, batch.guards())?;
            rows.applied
        };
        let staged = stage(batch)?;
        let mut replaced = Vec::with_capacity(staged.ops.len());
        let mut rows = self.write();
        if rows.applied != applied {
            check(&rows, batch.guards())?;
        }
        rows.applied = rows.applied.wrapping_add(1);
        rows.apply(staged, &mut replaced);
        drop(rows);
        // Zeroizing takes time in proportion to the bytes: not under the lock.
        drop(replaced);
        Ok(())
    }

    fn erasure(&self) -> Erasure {
        Erasure::InMemory
    }
}

/// Operations, each with the place of its table in `tables`.
#[derive(Default)]
struct StagedBatch {
    tables: Vec<Vec<u8>>,
    ops: Vec<Staged>,
}

enum Staged {
    Put(usize, Suffix, Kept),
    Erase(usize, Suffix),
    EraseRange(EncodedRange),
}

impl Staged {
    const fn table(&self) -> Option<usize> {
        match self {
            Self::Put(table, ..) | Self::Erase(table, _) => Some(*table),
            Self::EraseRange(_) => None,
        }
    }
}

impl StagedBatch {
    /// The place of a key's table. Rows of a table come together as a rule, so the last one is looked at first.
    fn table(&mut self, key: &Key<'_>) -> usize {
        Key { suffix: &[], ..*key }.with_encoded(|name| {
            if self.tables.last().is_none_or(|last| last != name) {
                self.tables.push(name.to_vec());
            }
        });
        self.tables.len().saturating_sub(1)
    }
}

fn stage(batch: &mut dyn Batch) -> Result<StagedBatch, StorageError> {
    let mut staged = StagedBatch { ops: Vec::with_capacity(OF_A_MESSAGE), ..StagedBatch::default() };
    while let Some(op) = batch.next()? {
        let op = match op {
            Op::Put { key, value } => {
                Staged::Put(staged.table(&key), Suffix::new(key.suffix), Kept::new(key.record.class(), value))
            }
            Op::Erase(key) => Staged::Erase(staged.table(&key), Suffix::new(key.suffix)),
            Op::EraseRange(range) => Staged::EraseRange(range.encoded()),
        };
        if staged.ops.len() == OF_A_MESSAGE {
            staged.ops.reserve(OF_A_COMMIT);
        }
        staged.ops.push(op);
    }
    Ok(staged)
}

fn check(rows: &Rows, guards: &[Guard]) -> Result<(), StorageError> {
    guards.iter().try_for_each(|guard| {
        let (name, suffix) = guard.key().split_suffix();
        let row = rows.get(name, suffix);
        guard.check(row.map(Kept::as_slice))
    })
}
