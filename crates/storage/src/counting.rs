//! A store that counts what passes through it: how the cost rules are tested, and how users can watch theirs.
//!
//! Invariants: only what succeeded is counted as read or written, rows of scans included; counters are shared by
//! clones and hold numbers only.
//!
//! Cost: a few relaxed atomic additions per row. Not here: time.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::{Add, Sub};
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::{Batch, Erasure, Guard, Key, KeyRange, Op, RecordKind, Row, Storage, StorageError, Value};

/// What was counted. Counts subtract, to see what one operation did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls of `get`, whether there was a row or not.
    pub gets: usize,
    /// Calls of `scan`.
    pub scans: usize,
    /// Rows returned by gets and scans.
    pub rows_read: usize,
    /// Bytes of the keys and values of those rows.
    pub bytes_read: usize,
    /// Batches applied.
    pub applies: usize,
    /// Batches that failed; what they would have written is not counted.
    pub failed_applies: usize,
    /// Guards of the batches applied.
    pub guards: usize,
    /// Rows written.
    pub rows_written: usize,
    /// Bytes of the keys and values of those rows.
    pub bytes_written: usize,
    /// Erasures of single rows.
    pub erases: usize,
    /// Erasures of ranges.
    pub range_erases: usize,
}

impl Counts {
    fn zip(self, other: Self, f: impl Fn(usize, usize) -> usize) -> Self {
        Self {
            gets: f(self.gets, other.gets),
            scans: f(self.scans, other.scans),
            rows_read: f(self.rows_read, other.rows_read),
            bytes_read: f(self.bytes_read, other.bytes_read),
            applies: f(self.applies, other.applies),
            failed_applies: f(self.failed_applies, other.failed_applies),
            guards: f(self.guards, other.guards),
            rows_written: f(self.rows_written, other.rows_written),
            bytes_written: f(self.bytes_written, other.bytes_written),
            erases: f(self.erases, other.erases),
            range_erases: f(self.range_erases, other.range_erases),
        }
    }
}

impl Add for Counts {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        self.zip(other, usize::wrapping_add)
    }
}

impl Sub for Counts {
    type Output = Self;
    fn sub(self, earlier: Self) -> Self {
        self.zip(earlier, usize::wrapping_sub)
    }
}

/// Counts what passes through to `S`. Clones share their counters.
#[derive(Clone)]
pub struct CountingStorage<S> {
    inner: S,
    counters: Arc<Counters>,
}

impl<S> CountingStorage<S> {
    /// Counts what passes through to `inner`.
    pub fn new(inner: S) -> Self {
        Self { inner, counters: Arc::new(Counters::new()) }
    }

    /// The store within, to use it uncounted.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let rows = self.counters.kinds.iter().map(KindCounters::load).fold(Counts::default(), Add::add);
        rows + self.counters.calls.load()
    }

    /// What was counted for rows of one kind: rows and bytes read and written, gets, and erasures of single rows.
    #[must_use]
    pub fn counts_of(&self, kind: RecordKind) -> Counts {
        self.counters.kind(kind).map_or_else(Counts::default, KindCounters::load)
    }

    /// Runs `operation` and tells what was counted meanwhile, by any clone.
    pub fn during<T>(&self, operation: impl FnOnce() -> T) -> (T, Counts) {
        let before = self.counts();
        let result = operation();
        (result, self.counts() - before)
    }
}

impl<S: fmt::Debug> fmt::Debug for CountingStorage<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CountingStorage").field("inner", &self.inner).field("counts", &self.counts()).finish()
    }
}

impl<S: Storage> Storage for CountingStorage<S> {
    fn get(&self, key: &Key<'_>) -> Result<Option<Value>, StorageError> {
        let value = self.inner.get(key)?;
        if let Some(kind) = self.counters.kind(key.record) {
            kind.gets.fetch_add(1, Relaxed);
            if let Some(value) = &value {
                kind.read(key, value);
            }
        }
        Ok(value)
    }

    fn scan(
        &self,
        range: &KeyRange<'_>,
        row: &mut dyn FnMut(Row<'_>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        self.counters.calls.scans.fetch_add(1, Relaxed);
        self.inner.scan(range, &mut |found| {
            if let Some(kind) = self.counters.kind(found.key.record) {
                kind.read(&found.key, found.value);
            }
            row(found)
        })
    }

    fn apply(&self, batch: &mut dyn Batch) -> Result<(), StorageError> {
        let calls = &self.counters.calls;
        let guards = batch.guards().len();
        let mut counted = CountingBatch { inner: batch, seen: Vec::new(), range_erases: 0 };
        let result = self.inner.apply(&mut counted);
        if result.is_err() {
            calls.failed_applies.fetch_add(1, Relaxed);
            return result;
        }
        let CountingBatch { inner: _, seen, range_erases } = counted;
        for (kind, counts) in seen {
            if let Some(kind) = self.counters.kind(kind) {
                kind.rows_written.fetch_add(counts.rows_written, Relaxed);
                kind.bytes_written.fetch_add(counts.bytes_written, Relaxed);
                kind.erases.fetch_add(counts.erases, Relaxed);
            }
        }
        calls.applies.fetch_add(1, Relaxed);
        calls.guards.fetch_add(guards, Relaxed);
        calls.range_erases.fetch_add(range_erases, Relaxed);
        result
    }

    fn erasure(&self) -> Erasure {
        self.inner.erasure()
    }
}

/// Counts the changes of a batch aside, since they count only if it is applied.
struct CountingBatch<'a> {
    inner: &'a mut dyn Batch,
    /// A batch has few kinds: a list is a map.
    seen: Vec<(RecordKind, Counts)>,
    range_erases: usize,
}

impl Batch for CountingBatch<'_> {
    fn guards(&self) -> &[Guard] {
        self.inner.guards()
    }

    fn next(&mut self) -> Result<Option<Op<'_>>, StorageError> {
        let Self { inner, seen, range_erases } = self;
        let op = inner.next()?;
        let (kind, counts) = match &op {
            None => return Ok(None),
            Some(Op::Put { key, value }) => {
                let bytes_written = key.encoded_len() + value.len();
                (key.record, Counts { rows_written: 1, bytes_written, ..Counts::default() })
            }
            Some(Op::Erase(key)) => (key.record, Counts { erases: 1, ..Counts::default() }),
            Some(Op::EraseRange(_)) => {
                *range_erases += 1;
                return Ok(op);
            }
        };
        match seen.iter_mut().find(|(seen, _)| *seen == kind) {
            Some((_, sum)) => *sum = *sum + counts,
            None => seen.push((kind, counts)),
        }
        Ok(op)
    }
}

struct Counters {
    calls: CallCounters,
    /// One for each of [`RecordKind::ALL`], in that order.
    kinds: Vec<KindCounters>,
}

impl Counters {
    fn new() -> Self {
        let kinds = RecordKind::ALL.iter().map(|_| KindCounters::default()).collect();
        Self { calls: CallCounters::default(), kinds }
    }

    fn kind(&self, kind: RecordKind) -> Option<&KindCounters> {
        self.kinds.get(RecordKind::ALL.binary_search(&kind).ok()?)
    }
}

#[derive(Default)]
struct CallCounters {
    scans: AtomicUsize,
    applies: AtomicUsize,
    failed_applies: AtomicUsize,
    guards: AtomicUsize,
    range_erases: AtomicUsize,
}

impl CallCounters {
    fn load(&self) -> Counts {
        Counts {
            scans: self.scans.load(Relaxed),
            applies: self.applies.load(Relaxed),
            failed_applies: self.failed_applies.load(Relaxed),
            guards: self.guards.load(Relaxed),
            range_erases: self.range_erases.load(Relaxed),
            ..Counts::default()
        }
    }
}

#[derive(Default)]
struct KindCounters {
    gets: AtomicUsize,
    rows_read: AtomicUsize,
    bytes_read: AtomicUsize,
    rows_written: AtomicUsize,
    bytes_written: AtomicUsize,
    erases: AtomicUsize,
}

impl KindCounters {
    fn read(&self, key: &Key<'_>, value: &[u8]) {
        self.rows_read.fetch_add(1, Relaxed);
        self.bytes_read.fetch_add(key.encoded_len() + value.len(), Relaxed);
    }

    fn load(&self) -> Counts {
        Counts {
            gets: self.gets.load(Relaxed),
            rows_read: self.rows_read.load(Relaxed),
            bytes_read: self.bytes_read.load(Relaxed),
            rows_written: self.rows_written.load(Relaxed),
            bytes_written: self.bytes_written.load(Relaxed),
            erases: self.erases.load(Relaxed),
            ..Counts::default()
        }
    }
}
