//! The [`Storage`] trait: four methods, and what an engine promises by having them.
//!
//! Invariants: see the list on [`Storage`]. Not here: any engine; retrying; asynchronous engines (a facade that
//! wants one drives the same records itself).

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;

use crate::{Batch, Key, KeyRange, StorageError, Value};

/// A row handed to the function of a scan, valid during the call.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    /// Its key.
    pub key: Key<'a>,
    /// Its value.
    pub value: &'a [u8],
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Row({:?}, {} bytes)", self.key, self.value.len())
    }
}

/// What it means in this engine that the value of a [`Secret`](crate::RecordClass::Secret) row is gone: one that was
/// erased or replaced by a batch that was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Erasure {
    /// Nothing reaches a disk by this engine; its memory is zeroized.
    InMemory,
    /// No file holds it when `apply` returns.
    OnReturn,
    /// A file may hold it for some time; the text says which, and until when.
    Lagging(&'static str),
    /// Nothing is promised.
    Never,
}

/// A store: an ordered map of rows, read by key or by range and written by atomic batches.
///
/// # What an engine promises
///
/// 1. **Order.** Rows are ordered by the bytes of their encoded keys. A scan hands over the rows of its range in
///    that order, each once, as they were at one moment.
/// 2. **All or nothing.** `apply` checks every guard against the store as it was before the batch, runs all changes
///    in order, and makes them visible at once; or it changes nothing. This holds too if the batch itself fails
///    half-way, if the process dies, and between processes that share the store. No other write comes between the
///    guards and the changes. After [`StorageError::Engine`] alone the outcome may be unknown, never partial.
/// 3. **Durable.** When `apply` returns `Ok`, a crash of process or machine does not undo it (engines whose
///    [`Erasure`] is `InMemory` excepted).
/// 4. **Erased.** A value of a [`Secret`](crate::RecordClass::Secret) row that was erased or replaced is gone as
///    [`erasure`](Self::erasure) says. (Beware of engines that move rows within a file and leave the old bytes
///    behind.) Values are opaque: they are not logged and not put into errors; buffers that held
///    those of `Secret` rows are zeroized.
/// 5. **No retry.** A `Conflict` is returned, not resolved. Waiting for a lock is bounded, then `Busy`.
/// 6. **No panic**, whatever the file holds: `Corrupt` or `Engine`.
/// 7. **No deadlock on itself.** A row function or a batch that calls the same handle is served or gets
///    [`StorageError::Reentrant`].
///
/// Values of many megabytes can occur, and batches of millions of rows, so a batch is consumed as a stream.
pub trait Storage: fmt::Debug + Send + Sync {
    /// Reads a row.
    ///
    /// # Errors
    /// Those of the engine.
    fn get(&self, key: &Key<'_>) -> Result<Option<Value>, StorageError>;

    /// Hands the rows of a range to `row`, in ascending order, until it fails.
    ///
    /// # Errors
    /// The first error of `row`, as it is; those of the engine.
    fn scan(
        &self,
        range: &KeyRange<'_>,
        row: &mut dyn FnMut(Row<'_>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError>;

    /// Applies a batch: all or nothing, durable on return.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] if a guard does not hold; the batch's own error, as it is; those of the engine.
    fn apply(&self, batch: &mut dyn Batch) -> Result<(), StorageError>;

    /// What "gone" means here.
    fn erasure(&self) -> Erasure;
}

macro_rules! delegate {
    ($($pointer:ty),*) => {$(
        impl<S: Storage + ?Sized> Storage for $pointer {
            fn get(&self, key: &Key<'_>) -> Result<Option<Value>, StorageError> {
                (**self).get(key)
            }

            fn scan(
                &self,
                range: &KeyRange<'_>,
                row: &mut dyn FnMut(Row<'_>) -> Result<(), StorageError>,
            ) -> Result<(), StorageError> {
                (**self).scan(range, row)
            }

            fn apply(&self, batch: &mut dyn Batch) -> Result<(), StorageError> {
                (**self).apply(batch)
            }

            fn erasure(&self) -> Erasure {
                (**self).erasure()
            }
        }
    )*};
}

delegate!(&S, Box<S>, Arc<S>);
