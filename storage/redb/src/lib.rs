//! Storage in a redb file: pure Rust, no C compiler.
//!
//! ```no_run
//! use pleach_storage_redb::RedbStorage;
//!
//! # fn main() -> Result<(), pleach_storage::StorageError> {
//! let store = RedbStorage::open("alice.redb")?;
//! # Ok(())
//! # }
//! ```
//!
//! A store is two files, `alice.redb` and `alice.redb-keys`, which belong together: neither is of use without the
//! other, and a copy is a copy of both, made while no process has them open. The first holds redb's copy-on-write tree
//! of rows, the second the keys under which the values of Secret rows are sealed.
//!
//! One process at a time has a store open; another one gets [`StorageError::Busy`] after [`RedbOptions::busy_timeout`].
//! In this process, opening the same file again gives another handle on the same database. Readers never wait; batches
//! wait for each other, as long.
//!
//! Invariants: a batch is one transaction of redb, flushed before `apply` returns. Files are created readable by their
//! owner alone. A file that is not ours is never changed. A row function may call the store; a batch may read it, and
//! sees it as it was before.
//!
//! Erasing: each value of a Secret row is sealed under a key of its own, drawn at random, which lies in the file of
//! keys and is overwritten in place before the `apply` that erases or replaces the value returns (`keys.rs` says in
//! which order, and what a crash may leave until the next opening). What redb keeps of the value in pages that are free
//! is unreadable from then on. What this does not reach: copies that a file system or a flash disk keeps of overwritten
//! blocks, and backups. Erased Public and Index rows, and keys of rows, remain in free pages until these are used again.
//!
//! Damaged files: every page has a checksum, which is looked at before redb gets the page, since redb may panic, or ask
//! for terabytes of memory, over one that it did not write. A wrong byte is [`StorageError::Corrupt`] when it is read.
//! Files that somebody forged, checksums and all, are another matter: a panic of redb is caught (unless panics abort),
//! and the rest is not.
//!
//! Cost: per batch two flushes of the store, one of the keys if the batch puts secrets and one if it erases or replaces
//! some; 24 bytes and a key of 32 per Secret row beside the row; 4 bytes of memory per page of 4096. The files do not shrink to what is stored.
//!
//! Not here: encryption at rest. Who has both files has the rows.

#![forbid(unsafe_code)]

mod disk;
mod engine;
mod error;
mod gate;
mod keys;
mod open;
mod region;
mod seal;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use pleach_storage::{Batch, Erasure, Key, KeyRange, Row, Storage, StorageError, Value};

use crate::engine::Engine;
pub use crate::open::RedbOptions;

/// A store in a redb file. Clones share it, and so do handles on the same file.
#[derive(Clone)]
pub struct RedbStorage {
    engine: Arc<Engine>,
    busy_timeout: Duration,
}

impl RedbStorage {
    /// Opens the store in this file, or makes one, with the default options.
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with).
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StorageError> {
        Self::open_with(path, &RedbOptions::default())
    }

    /// Opens the store in this file, or makes one. The keys are in a second file beside it, whose name ends with
    /// `-keys`.
    ///
    /// # Errors
    /// [`StorageError::Unsupported`] if the file is not a store of this library, [`StorageError::NewerFormat`] if a
    /// later version wrote it: then it is not changed. [`StorageError::Busy`] if another process has it open all the
    /// time. [`StorageError::Corrupt`] if the file of keys is missing or another store's, or is there with keys in it
    /// while the store's file is missing: then neither is changed. [`StorageError::Engine`] if it cannot be opened.
    pub fn open_with(path: impl AsRef<Path>, options: &RedbOptions) -> Result<Self, StorageError> {
        let engine = open::engine(path.as_ref(), options)?;
        Ok(Self { engine, busy_timeout: options.busy_timeout })
    }
}

impl fmt::Debug for RedbStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStorage").field("busy_timeout", &self.busy_timeout).finish_non_exhaustive()
    }
}

impl Storage for RedbStorage {
    fn get(&self, key: &Key<'_>) -> Result<Option<Value>, StorageError> {
        self.engine.view()?.get(&key.to_bytes(), key.record)
    }

    fn scan(
        &self,
        range: &KeyRange<'_>,
        row: &mut dyn FnMut(Row<'_>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        self.engine.view()?.scan(&range.encoded(), row)
    }

    fn apply(&self, batch: &mut dyn Batch) -> Result<(), StorageError> {
        self.engine.apply(batch, self.busy_timeout)
    }

    fn erasure(&self) -> Erasure {
        Erasure::OnReturn
    }
}
