//! Batches: what one operation writes, and the guards under which it may.
//!
//! Guards are checked against the store as it was before the batch; then the operations run in order, a later one
//! winning over an earlier. An engine applies all of it or nothing.
//!
//! Versions: a row that is guarded by version begins with that version, 8 bytes big-endian. The engine compares just
//! these bytes ([`row_version`]); who writes the row moves them on.
//!
//! Cost: an [`Op`] is handed over by reference, so a batch of a million rows need not exist at once
//! ([`StreamBatch`]).

use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroize;

use crate::{Key, KeyBuf, KeyRange, KeyRangeBuf, RecordKind, StorageError, Value};

/// A condition on the store before the batch. If any does not hold, nothing is applied and the answer is
/// [`StorageError::Conflict`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// No row has this key.
    Absent(KeyBuf),
    /// A row has this key.
    Present(KeyBuf),
    /// A row has this key, and this version. (A row too short to have a version is
    /// [`Corrupt`](StorageError::Corrupt).)
    Version(KeyBuf, u64),
}

impl Guard {
    /// The guarded key.
    #[must_use]
    pub const fn key(&self) -> &KeyBuf {
        match self {
            Self::Absent(key) | Self::Present(key) | Self::Version(key, _) => key,
        }
    }

    /// Checks the guard, given the row that has its key. Of the value only the first 8 bytes matter.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] if it does not hold, [`StorageError::Corrupt`] if the row has no version.
    pub fn check(&self, row: Option<&[u8]>) -> Result<(), StorageError> {
        let holds = match (self, row) {
            (Self::Absent(_), row) => row.is_none(),
            (Self::Present(_), row) => row.is_some(),
            (Self::Version(..), None) => false,
            (Self::Version(key, expected), Some(value)) => {
                let found = row_version(value)
                    .ok_or(StorageError::corrupt(key.record(), "a guarded row has no version"))?;
                found == *expected
            }
        };
        if holds { Ok(()) } else { Err(StorageError::Conflict { kind: self.key().record() }) }
    }
}

/// The version with which a guarded row begins; `None` if the value is too short to have one.
#[must_use]
pub fn row_version(value: &[u8]) -> Option<u64> {
    value.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

/// One change of the store.
#[derive(Clone, Copy)]
pub enum Op<'a> {
    /// Writes a row, replacing the one that has this key.
    Put {
        /// Which row.
        key: Key<'a>,
        /// Its value.
        value: &'a [u8],
    },
    /// Removes a row; that there is none is no error.
    Erase(Key<'a>),
    /// Removes all rows of a range.
    EraseRange(KeyRange<'a>),
}

impl fmt::Debug for Op<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put { key, value } => write!(f, "Put({key:?}, {} bytes)", value.len()),
            Self::Erase(key) => write!(f, "Erase({key:?})"),
            Self::EraseRange(range) => write!(f, "EraseRange({range:?})"),
        }
    }
}

/// What an operation writes: guards, then a stream of changes, read once.
///
/// An engine may ask for the guards more than once, but for each change once only, and stops at the first error.
/// After a failed [`apply`](crate::Storage::apply) a batch is spent unless its type says otherwise.
pub trait Batch {
    /// What must hold for the batch to be applied.
    fn guards(&self) -> &[Guard];

    /// The next change; `None` after the last.
    ///
    /// # Errors
    /// Whatever stops the batch from being made: the engine then applies nothing and returns this error.
    fn next(&mut self) -> Result<Option<Op<'_>>, StorageError>;
}

/// A batch in memory. Values are zeroized when it is dropped.
#[derive(Default)]
pub struct VecBatch {
    guards: Vec<Guard>,
    ops: Vec<OwnedOp>,
    position: usize,
    rows: usize,
    bytes: usize,
}

enum OwnedOp {
    Put(KeyBuf, Value),
    Erase(KeyBuf),
    EraseRange(KeyRangeBuf),
}

impl VecBatch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a guard.
    pub fn guard(&mut self, guard: Guard) -> &mut Self {
        self.guards.push(guard);
        self
    }

    /// Guards that no row has this key.
    pub fn guard_absent(&mut self, key: impl Into<KeyBuf>) -> &mut Self {
        self.guard(Guard::Absent(key.into()))
    }

    /// Guards that a row has this key.
    pub fn guard_present(&mut self, key: impl Into<KeyBuf>) -> &mut Self {
        self.guard(Guard::Present(key.into()))
    }

    /// Guards that a row has this key and this version.
    pub fn guard_version(&mut self, key: impl Into<KeyBuf>, version: u64) -> &mut Self {
        self.guard(Guard::Version(key.into(), version))
    }

    /// Writes a row.
    pub fn put(&mut self, key: impl Into<KeyBuf>, value: impl Into<Value>) -> &mut Self {
        let (key, value) = (key.into(), value.into());
        self.rows += 1;
        self.bytes += key.as_bytes().len() + value.len();
        self.ops.push(OwnedOp::Put(key, value));
        self
    }

    /// Removes a row.
    pub fn erase(&mut self, key: impl Into<KeyBuf>) -> &mut Self {
        self.ops.push(OwnedOp::Erase(key.into()));
        self
    }

    /// Removes a range of rows.
    pub fn erase_range(&mut self, range: impl Into<KeyRangeBuf>) -> &mut Self {
        self.ops.push(OwnedOp::EraseRange(range.into()));
        self
    }

    /// Adds the guards and the changes of `other` after those already here.
    pub fn append(&mut self, other: Self) -> &mut Self {
        let Self { guards, ops, position: _, rows, bytes } = other;
        self.guards.extend(guards);
        self.ops.extend(ops);
        self.rows += rows;
        self.bytes += bytes;
        self
    }

    /// Starts anew from the first change, to apply the batch again after [`StorageError::Busy`].
    pub const fn rewind(&mut self) {
        self.position = 0;
    }

    /// How many changes are still to be handed over.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.ops.len().saturating_sub(self.position)
    }

    /// How many rows it writes; erasures do not count.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// How many bytes it writes: keys and values.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether there is neither a change nor a guard.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ops.is_empty() && self.guards.is_empty()
    }
}

impl Batch for VecBatch {
    fn guards(&self) -> &[Guard] {
        &self.guards
    }

    fn next(&mut self) -> Result<Option<Op<'_>>, StorageError> {
        let Some(op) = self.ops.get(self.position) else { return Ok(None) };
        self.position += 1;
        Ok(Some(match op {
            OwnedOp::Put(key, value) => Op::Put { key: key.as_key(), value },
            OwnedOp::Erase(key) => Op::Erase(key.as_key()),
            OwnedOp::EraseRange(range) => Op::EraseRange(range.as_range()),
        }))
    }
}

impl fmt::Debug for VecBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { guards, ops, position: _, rows, bytes } = self;
        f.debug_struct("VecBatch")
            .field("guards", guards)
            .field("ops", &ops.len())
            .field("rows", rows)
            .field("bytes", bytes)
            .finish()
    }
}

/// A row under construction, reused from one row to the next.
pub struct RowBuf {
    /// Its key.
    pub key: KeyBuf,
    /// Its value; zeroized and empty when the source is asked for the next row.
    pub value: Value,
}

impl fmt::Debug for RowBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowBuf({:?}, {} bytes)", self.key, self.value.len())
    }
}

/// A batch that begins with a [`VecBatch`] and goes on with rows from a source, made one at a time: what a join
/// needs, which writes a row per node of the tree.
pub struct StreamBatch<F> {
    first: VecBatch,
    row: RowBuf,
    source: F,
    done: bool,
}

impl<F: FnMut(&mut RowBuf) -> Result<bool, StorageError>> StreamBatch<F> {
    /// A batch of `first`, then of the rows that `source` fills in until it returns `false`.
    pub fn new(first: VecBatch, source: F) -> Self {
        let key = KeyBuf::new(Key::of_client(&[], RecordKind::Meta, &[]));
        Self { first, row: RowBuf { key, value: Value::default() }, source, done: false }
    }
}

impl<F: FnMut(&mut RowBuf) -> Result<bool, StorageError>> Batch for StreamBatch<F> {
    fn guards(&self) -> &[Guard] {
        &self.first.guards
    }

    fn next(&mut self) -> Result<Option<Op<'_>>, StorageError> {
        if self.first.position < self.first.ops.len() {
            return self.first.next();
        }
        if self.done {
            return Ok(None);
        }
        // Zeroizing a vector also empties it, and keeps its memory.
        self.row.value.zeroize();
        // A source that failed is not asked again.
        self.done = true;
        if !(self.source)(&mut self.row)? {
            return Ok(None);
        }
        self.done = false;
        Ok(Some(Op::Put { key: self.row.key.as_key(), value: &self.row.value }))
    }
}

impl<F> fmt::Debug for StreamBatch<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamBatch").field("first", &self.first).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    fn key(suffix: &[u8]) -> Key<'_> {
        Key::of_group(b"c", b"g", RecordKind::TreeNode, suffix)
    }

    #[test]
    fn versions_are_the_first_eight_bytes() {
        assert_eq!(row_version(&[0; 7]), None);
        assert_eq!(row_version(&[0, 0, 0, 0, 0, 0, 1, 2, 9]), Some(258));
        let guard = Guard::Version(key(b"").to_buf(), 258);
        assert!(guard.check(Some(&[0, 0, 0, 0, 0, 0, 1, 2])).is_ok());
        assert!(matches!(guard.check(Some(&[0; 8])), Err(StorageError::Conflict { .. })));
        assert!(matches!(guard.check(Some(&[0; 7])), Err(StorageError::Corrupt { .. })));
        assert!(matches!(guard.check(None), Err(StorageError::Conflict { .. })));
    }

    #[test]
    fn a_batch_counts_and_hides_what_it_holds() {
        let mut batch = VecBatch::new();
        batch.put(key(b"1"), b"secret".to_vec()).erase(key(b"2")).guard_absent(key(b"1"));
        assert_eq!((batch.rows(), batch.bytes()), (1, key(b"1").to_bytes().len() + 6));
        let mut more = VecBatch::new();
        more.put(key(b"3"), b"x".to_vec());
        batch.append(more);
        assert_eq!(batch.rows(), 2);
        assert!(!format!("{batch:?}").contains("secret"));
        assert!(!format!("{:?}", batch.next().unwrap()).contains("secret"));
    }

    #[test]
    fn a_stream_follows_its_first_part() {
        let mut first = VecBatch::new();
        first.put(key(b"first"), b"1".to_vec()).guard_absent(key(b"first"));
        let mut left = 3_u8;
        let mut batch = StreamBatch::new(first, |row| {
            assert!(row.value.is_empty());
            left -= 1;
            row.key.set(key(&[left]));
            row.value.push(left);
            if left == 0 { Err(StorageError::aborted("source failed")) } else { Ok(true) }
        });
        assert_eq!(batch.guards().len(), 1);
        for expected in [&b"1"[..], &[2], &[1]] {
            assert!(matches!(batch.next(), Ok(Some(Op::Put { value, .. })) if value == expected));
        }
        assert!(matches!(batch.next(), Err(StorageError::Aborted(_))));
        assert!(matches!(batch.next(), Ok(None)));
    }
}
