//! What can go wrong in a store.
//!
//! Invariant: no variant holds a value, or any byte of a key; kinds and fixed texts only. An engine's own error is
//! passed on as it is, and the engine sees to it that it holds no value either.

use alloc::boxed::Box;

use crate::RecordKind;

/// An error of a storage engine, or of a batch or a scan that stopped itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// A guard did not hold: another handle wrote first. Nothing was applied.
    #[error("another handle changed the {kind} row first")]
    Conflict {
        /// The kind of the guarded row.
        kind: RecordKind,
    },
    /// The store holds something no version of this library wrote. Nothing was applied.
    #[error("corrupt store: {what}{}", At(*.kind))]
    Corrupt {
        /// The kind of the row at fault, if known.
        kind: Option<RecordKind>,
        /// What is wrong.
        what: &'static str,
    },
    /// Another process or thread holds the store, and waiting for it took too long. Nothing was applied.
    #[error("the store is in use by another process or thread")]
    Busy,
    /// No space left. Nothing was applied.
    #[error("no space left in the store")]
    Full,
    /// The store cannot be written. Nothing was applied.
    #[error("the store is read-only")]
    ReadOnly,
    /// A scan's row function or a batch called back into the handle that is calling it. Nothing was applied.
    #[error("storage was called from within its own scan or batch")]
    Reentrant,
    /// This is not a store of this library, or it needs what this engine does not have.
    #[error("unsupported store: {0}")]
    Unsupported(&'static str),
    /// A later version of this library wrote the store.
    #[error("the store has format {found}, this version knows formats up to {known}")]
    NewerFormat {
        /// The format found.
        found: u32,
        /// The newest format this version knows.
        known: u32,
    },
    /// A later version of this library wrote the row.
    #[error("the {kind} row has format {found}, this version knows formats up to {known}")]
    NewerRow {
        /// The kind of the row.
        kind: RecordKind,
        /// The format found.
        found: u8,
        /// The newest format this version knows.
        known: u8,
    },
    /// The batch or the scan's row function stopped for a reason of its own. Nothing was applied.
    #[error("stopped by the caller: {0}")]
    Aborted(#[source] Box<dyn core::error::Error + Send + Sync>),
    /// The engine failed. A batch being applied was applied in full or not at all, and which is not known.
    #[error("storage engine: {0}")]
    Engine(#[source] Box<dyn core::error::Error + Send + Sync>),
}

impl StorageError {
    /// The engine failed, for this reason.
    pub fn engine(source: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> Self {
        Self::Engine(source.into())
    }

    /// A batch or row function stops, for this reason.
    pub fn aborted(source: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> Self {
        Self::Aborted(source.into())
    }

    /// A row of this kind is not what it should be.
    #[must_use]
    pub const fn corrupt(kind: RecordKind, what: &'static str) -> Self {
        Self::Corrupt { kind: Some(kind), what }
    }

    pub(crate) const fn corrupt_key(what: &'static str) -> Self {
        Self::Corrupt { kind: None, what }
    }

    /// Whether the operation may succeed if done again: at once after [`Busy`](Self::Busy), after reading the state
    /// anew and computing again after [`Conflict`](Self::Conflict).
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy | Self::Conflict { .. })
    }

    /// Whether a batch that failed with this error may have been applied nonetheless.
    #[must_use]
    pub const fn outcome_unknown(&self) -> bool {
        matches!(self, Self::Engine(_))
    }
}

/// " (Kind row)", or nothing.
struct At(Option<RecordKind>);
impl core::fmt::Display for At {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.map_or(Ok(()), |kind| write!(f, " ({kind} row)"))
    }
}

#[cfg(test)]
mod tests {
    use super::StorageError;
    use crate::RecordKind;
    use std::string::ToString;

    #[test]
    fn texts_and_predicates() {
        let conflict = StorageError::Conflict { kind: RecordKind::Head };
        assert_eq!(conflict.to_string(), "another handle changed the Head row first");
        assert!(conflict.is_retryable() && !conflict.outcome_unknown());
        assert_eq!(
            StorageError::corrupt(RecordKind::Ratchet, "too short").to_string(),
            "corrupt store: too short (Ratchet row)"
        );
        assert_eq!(StorageError::corrupt_key("truncated key").to_string(), "corrupt store: truncated key");
        assert!(StorageError::Busy.is_retryable());
        let engine = StorageError::engine("disk on fire");
        assert!(engine.outcome_unknown() && !engine.is_retryable());
        assert_eq!(engine.to_string(), "storage engine: disk on fire");
    }
}
