//! redb's errors and panics as storage errors.
//!
//! Invariant: redb's messages name tables, lengths and places in its source, never a value.

use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};

use pleach_storage::StorageError;

pub(crate) const fn corrupt(what: &'static str) -> StorageError {
    StorageError::Corrupt { kind: None, what }
}

/// An error of redb before a commit: nothing was applied.
pub(crate) fn redb(error: impl Into<redb::Error>) -> StorageError {
    match error.into() {
        redb::Error::Io(error) => io(error),
        redb::Error::Corrupted(_) | redb::Error::RepairAborted => corrupt("redb finds the file malformed"),
        redb::Error::TableTypeMismatch { .. }
        | redb::Error::TableIsMultimap(_)
        | redb::Error::TableIsNotMultimap(_)
        | redb::Error::TypeDefinitionChanged { .. }
        | redb::Error::TableDoesNotExist(_) => corrupt("the tables are not those of the format"),
        // The caller's, and the only one that is `Unsupported`: `Engine::on` relies on it.
        redb::Error::ValueTooLarge(_) => StorageError::Unsupported("a value is larger than redb takes"),
        redb::Error::UpgradeRequired(_) => corrupt("redb does not know this file format"),
        error => StorageError::engine(error),
    }
}

/// An error of a file.
pub(crate) fn io(error: io::Error) -> StorageError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => StorageError::Full,
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => StorageError::ReadOnly,
        ErrorKind::InvalidData => corrupt("a page of the file is not as it was written"),
        ErrorKind::UnexpectedEof => corrupt("the file is too short"),
        _ => StorageError::engine(error),
    }
}

/// Calls redb, which may panic over a malformed file. Its state is not to be trusted afterwards.
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T, StorageError>) -> Result<T, StorageError> {
    catch_unwind(AssertUnwindSafe(call))
        .unwrap_or(Err(corrupt("redb stopped at something that it never wrote")))
}
