//! Storage in an SQLite file.
//!
//! ```no_run
//! use pleach_storage_sqlite::SqliteStorage;
//!
//! # fn main() -> Result<(), pleach_storage::StorageError> {
//! let store = SqliteStorage::open("alice.db")?;
//! # Ok(())
//! # }
//! ```
//!
//! One table of keys and values, ordered by key, and a second one for the values of Secret rows (`slots.rs` says
//! why). Several processes, and several handles in one process, may share a
//! file: a batch runs in a `BEGIN IMMEDIATE` transaction, so between its guards and its changes nobody else writes,
//! and who waits longer than [`SqliteOptions::busy_timeout`] gets [`StorageError::Busy`].
//!
//! Invariants: a batch is one transaction, flushed before `apply` returns (`synchronous = FULL`). The file is
//! created readable by its owner alone. A file that is not ours is never changed. A handle that was opened with
//! [`Journal::Truncate`] never writes to a write-ahead log.
//!
//! Erasing: values of Secret rows are overwritten in place and never moved; beside that `secure_delete = ON`, and by
//! default a rollback journal that is truncated at each commit, with nothing in temporary files. With
//! [`Journal::Wal`] the `-wal` file lags behind ([`SqliteStorage::checkpoint`]). After a crash the next opening rolls
//! back and empties whichever journal was left. What this does not reach: SQLite's own page cache in memory, copies
//! that a file system or a flash disk keeps of overwritten blocks, and backups. Bytes of erased Public and Index rows,
//! and of keys, may remain in unused parts of a page.
//!
//! Cost: one flush of journal, file and journal again per batch; a few microseconds per row beside that
//! (`cargo bench -p pleach-benches --bench storage`). SQLite is built in.
//!
//! Not here: encryption at rest.

#![forbid(unsafe_code)]

mod error;
mod lock;
mod open;
mod slots;
mod write;

use std::fmt;
use std::path::Path;

use pleach_storage::{
    Batch, EncodedRange, Erasure, Key, KeyRange, RecordKind, Row, Storage, StorageError, Value,
};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::error::sql;
use crate::lock::Lock;
pub use crate::open::{Journal, SqliteOptions};

/// A store in an SQLite file. Open the file again for another handle; share one handle by `Arc`.
pub struct SqliteStorage {
    connection: Lock<Connection>,
    /// As it was opened; none in memory. What the file has now is asked of SQLite.
    journal: Option<Journal>,
}

const LAGS: Erasure = Erasure::Lagging("the -wal file, until a checkpoint or the last handle closes");

impl SqliteStorage {
    /// Opens the store in this file, or makes one, with the default options.
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with).
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StorageError> {
        Self::open_with(path, &SqliteOptions::default())
    }

    /// Opens the store in this file, or makes one.
    ///
    /// # Errors
    /// [`StorageError::Unsupported`] if the file is not a store of this library, [`StorageError::NewerFormat`] if a
    /// later version wrote it: then it is not changed. [`StorageError::Busy`] if another process holds it all the
    /// time, or has it open with a write-ahead log where this one wants none. [`StorageError::ReadOnly`] if it cannot
    /// be written. [`StorageError::Engine`] if it cannot be opened.
    pub fn open_with(path: impl AsRef<Path>, options: &SqliteOptions) -> Result<Self, StorageError> {
        let connection = open::file(path.as_ref(), options)?;
        Ok(Self { connection: Lock::new(connection), journal: Some(options.journal) })
    }

    /// A store in SQLite's memory, gone when dropped; for tests. `pleach-storage-memory` also zeroizes its values.
    ///
    /// # Errors
    /// [`StorageError::Engine`] if SQLite cannot.
    pub fn in_memory() -> Result<Self, StorageError> {
        Ok(Self { connection: Lock::new(open::memory()?), journal: None })
    }

    /// With [`Journal::Wal`]: copies the `-wal` file into the store and empties it, so that what was erased is gone
    /// from both. Otherwise does nothing.
    ///
    /// # Errors
    /// [`StorageError::Busy`] if a reader keeps the `-wal` file from being emptied.
    pub fn checkpoint(&self) -> Result<(), StorageError> {
        open::checkpoint(&*self.connection.lock()?)
    }

    /// What "gone" means in the file as it is now.
    fn erasure_now(&self) -> Result<Erasure, StorageError> {
        if self.journal.is_none() {
            return Ok(Erasure::InMemory);
        }
        let connection = self.connection.lock()?;
        // SQLite learns of another handle's change of the journal when it reads.
        open::touch(&connection)?;
        Ok(if open::has_log(&connection)? { LAGS } else { Erasure::OnReturn })
    }
}

impl fmt::Debug for SqliteStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStorage").field("journal", &self.journal).finish_non_exhaustive()
    }
}

impl Storage for SqliteStorage {
    fn get(&self, key: &Key<'_>) -> Result<Option<Value>, StorageError> {
        read(&*self.connection.lock()?, &key.to_bytes(), key.record, false)
    }

    fn scan(
        &self,
        range: &KeyRange<'_>,
        row: &mut dyn FnMut(Row<'_>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let EncodedRange { lower, upper, limit } = range.encoded();
        let limit = limit_or_none(limit);
        let connection = self.connection.lock()?;
        let select = match upper {
            Some(_) => {
                "SELECT key, value, slots FROM rows WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3"
            }
            None => "SELECT key, value, slots FROM rows WHERE key >= ?1 AND ?2 IS NULL ORDER BY key LIMIT ?3",
        };
        let mut statement = connection.prepare_cached(select).map_err(sql)?;
        let mut rows = statement.query((lower, upper, limit)).map_err(sql)?;
        while let Some(found) = rows.next().map_err(sql)? {
            let key = decode_key(found.get_ref(0).map_err(sql)?)?;
            match found.get_ref(2).map_err(sql)? {
                ValueRef::Null => row(Row { key, value: blob(found.get_ref(1).map_err(sql)?, key.record)? })?,
                slots => {
                    let value = slots::read(&connection, blob(slots, key.record)?, key.record, false)?;
                    row(Row { key, value: &value })?;
                }
            }
        }
        Ok(())
    }

    fn apply(&self, batch: &mut dyn Batch) -> Result<(), StorageError> {
        let connection = self.connection.lock()?;
        // Dropped on every early return, which rolls back. The lock sees to it that there is one at a time.
        let begin = || Transaction::new_unchecked(&connection, TransactionBehavior::Immediate).map_err(sql);
        let mut transaction = begin()?;
        if self.journal == Some(Journal::Truncate) && open::has_log(&transaction)? {
            // While this handle was idle, another brought in a write-ahead log, where what is erased stays for a time.
            // The owner of this handle chose otherwise: the log goes, or if it is in use, nothing is written.
            drop(transaction);
            open::set_up_journal(&connection, Journal::Truncate)?;
            transaction = begin()?;
            if open::has_log(&transaction)? {
                return Err(StorageError::Busy);
            }
        }
        for guard in batch.guards() {
            let key = guard.key();
            let row = read(&transaction, key.as_bytes(), key.record(), true)?;
            guard.check(row.as_ref().map(|value| value.as_slice()))?;
        }
        write::write(&transaction, batch)?;
        transaction.commit().map_err(sql)
    }

    fn erasure(&self) -> Erasure {
        // A file that cannot be read promises nothing for now.
        self.erasure_now().unwrap_or(Erasure::Never)
    }
}

/// Reads a value, or for a guard its beginning.
fn read(
    connection: &Connection,
    key: &[u8],
    kind: RecordKind,
    first_only: bool,
) -> Result<Option<Value>, StorageError> {
    let select = "SELECT value, slots FROM rows WHERE key = ?1";
    let mut statement = connection.prepare_cached(select).map_err(sql)?;
    // While this query is open, what other queries read is of the same moment.
    let mut rows = statement.query([key]).map_err(sql)?;
    let Some(row) = rows.next().map_err(sql)? else { return Ok(None) };
    match row.get_ref(1).map_err(sql)? {
        ValueRef::Null => Ok(Some(Value::new(blob(row.get_ref(0).map_err(sql)?, kind)?.to_vec()))),
        slots => slots::read(connection, blob(slots, kind)?, kind, first_only).map(Some),
    }
}

fn decode_key(key: ValueRef<'_>) -> Result<Key<'_>, StorageError> {
    let bytes =
        key.as_blob().map_err(|_| StorageError::Corrupt { kind: None, what: "a key is not a blob" })?;
    Key::decode(bytes)
}

fn blob(value: ValueRef<'_>, kind: RecordKind) -> Result<&[u8], StorageError> {
    value.as_blob().map_err(|_| StorageError::corrupt(kind, "the value is not a blob"))
}

/// SQLite reads a negative limit as none.
fn limit_or_none(limit: Option<usize>) -> i64 {
    limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX))
}
