//! Why an export or import failed.

use pleach_crypto::{AeadId, CryptoError};
use pleach_group::GroupError;
use pleach_storage::StorageError;

/// Why an export or import failed. An import that failed has written nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The file cannot be read or written.
    #[error("the file cannot be read or written: {0}")]
    Io(#[from] std::io::Error),
    /// The store failed, or a later version made it.
    #[error(transparent)]
    Storage(StorageError),
    /// The cryptography or the randomness failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The file does not begin as an export does.
    #[error("this is not a sealed export")]
    NotAnExport,
    /// A later version made the file.
    #[error("the export has format {found}, this version knows format {known}")]
    NewerFormat {
        /// The format found.
        found: u8,
        /// The newest format that this version knows.
        known: u8,
    },
    /// Deriving the key would take more memory or time than the caller allows, or the cost is none Argon2 has, or below
    /// [`PassphraseCost::FLOOR`](super::PassphraseCost::FLOOR).
    #[error("deriving the key costs more than is allowed, or too little")]
    Cost,
    /// The passphrase to seal by is empty, or the random key has less than 32 bytes.
    #[error("the passphrase is empty, or the key too short")]
    TooShort,
    /// The provider lacks the file's AEAD.
    #[error("the export is sealed by {0}, which the provider lacks")]
    Aead(AeadId),
    /// The passphrase is wrong, or the beginning of the file was altered.
    #[error("the passphrase is wrong, or the export was altered")]
    Passphrase,
    /// The file was altered, cut short or lengthened.
    #[error("the export was altered or is incomplete")]
    Altered,
    /// The file is whole, but holds what no version writes.
    #[error("the export holds what cannot be: {0}")]
    Content(&'static str),
    /// It holds something else than the caller accepts: [`Opening::accept`](super::Opening::accept).
    #[error("the export holds {0}")]
    Unexpected(&'static str),
    /// A whole store is imported into an empty one only.
    #[error("the store is not empty")]
    NotEmpty,
    /// The client has the group already.
    #[error("there is already a group with this id")]
    GroupExists,
    /// There is no such group to export.
    #[error("no such group")]
    NoSuchGroup,
}

impl From<StorageError> for ExportError {
    /// What stopped a batch or a scan from within comes out as it went in.
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Aborted(source) => match source.downcast::<Self>() {
                Ok(own) => *own,
                Err(source) => Self::Storage(StorageError::Aborted(source)),
            },
            other => Self::Storage(other),
        }
    }
}

impl From<crate::Error> for ExportError {
    fn from(error: crate::Error) -> Self {
        match error {
            crate::Error::Storage(error) => error.into(),
            crate::Error::Crypto(error) => error.into(),
            _ => Self::Content("what the store is"),
        }
    }
}

impl From<GroupError> for ExportError {
    fn from(_: GroupError) -> Self {
        Self::Content("a row that cannot be read")
    }
}

/// Stops a batch or a scan.
pub(super) fn stop(error: impl Into<ExportError>) -> StorageError {
    match error.into() {
        ExportError::Storage(error) => error,
        other => StorageError::aborted(other),
    }
}
