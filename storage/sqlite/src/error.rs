//! SQLite's errors as storage errors.
//!
//! Invariant: SQLite's messages name files and SQL, and all values are bound as parameters, so no message holds one.

use pleach_storage::StorageError;
use rusqlite::{Error, ErrorCode};

pub(crate) fn sql(error: Error) -> StorageError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StorageError::Busy,
        // A transaction that finds the disk full is rolled back by SQLite.
        Some(ErrorCode::DiskFull) => StorageError::Full,
        Some(ErrorCode::ReadOnly) => StorageError::ReadOnly,
        Some(ErrorCode::DatabaseCorrupt) => {
            StorageError::Corrupt { kind: None, what: "SQLite finds the file malformed" }
        }
        Some(ErrorCode::NotADatabase) => StorageError::Unsupported("the file is not an SQLite database"),
        Some(ErrorCode::TooBig) => StorageError::Unsupported("a value is larger than SQLite takes"),
        _ => StorageError::engine(error),
    }
}
