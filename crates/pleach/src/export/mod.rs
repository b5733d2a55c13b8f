//! Sealed exports: a whole store, or one group, in one file under a key that is derived from a passphrase. Feature `export`.
//!
//! What is exported are rows, so it does not matter which engine they came from and which one they go to. The format is
//! written down byte by byte in the project's `docs/storage-format.md`.
//!
//! ```
//! # use pleach::{MemoryStorage, crypto::Secret, export::{self, Opening, Sealing}, rustcrypto};
//! # fn main() -> Result<(), export::ExportError> {
//! # let (store, fresh) = (MemoryStorage::new(), MemoryStorage::new());
//! let provider = rustcrypto::provider();
//! let passphrase = Secret::copy_from(b"correct horse battery staple");
//! let mut file = Vec::new();
//! export::export_store(&store, &Sealing::new(&provider, &passphrase), &mut file)?;
//! let imported = export::import(&fresh, &Opening::new(&provider, &passphrase), &mut &*file)?;
//! assert_eq!(imported.groups, 0);
//! # Ok(())
//! # }
//! ```
//!
//! # What an import is
//!
//! The original may go on, or have gone on, and then the import has message keys that were used since. So an import is never
//! the same store again: it has a fresh [`InstanceId`], and all of its groups are
//! [restored](crate::Group::is_restored): they receive, and send nothing before they have joined anew by an external Commit.
//! So is a group that is joined by a key package which came with an import. External Commits that were pending are left out.
//!
//! # Invariants
//!
//! - All or nothing: an import is one batch, which fails if any chunk is altered, missing, out of order or left over.
//! - Memory does not grow with the store: both sides work chunk by chunk. (The rows of one batch are the engine's affair.)
//! - What a file asks for, above all memory for deriving the key, is bounded before it is done: [`Opening::limits`].
//!
//! Not here: signature keys, which are the application's; they are in the file only if the application keeps them in the
//! same store.

mod error;
mod header;
mod read;
mod stream;
mod write;

pub use error::ExportError;
pub use header::{Accept, Opening, PassphraseCost, Sealing};
pub use read::{Imported, import};
pub use write::{Exported, export_group, export_store};

use crate::InstanceId;
use crate::instance::STORE;
use pleach_storage::{Key, RecordKind, Scope};

/// What is in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// All rows of a store.
    Store,
    /// One group of one client.
    Group {
        /// The client's id.
        client: Vec<u8>,
        /// The group's id.
        group: Vec<u8>,
    },
}

/// What a file says of itself, before its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Manifest {
    content: Content,
    /// The store that it is of.
    origin: InstanceId,
    /// When it was made, in seconds since 1970.
    made: u64,
}

/// Whether a row belongs to the state that it is in, and not to what is exported: what the store is, what a rollback guard
/// follows, and external Commits, which cannot be accepted twice.
fn stays(key: &Key<'_>) -> bool {
    match (key.scope, key.record) {
        (Scope::Client, RecordKind::PendingExternalCommit) => true,
        (Scope::Client, RecordKind::Meta) => *key == STORE || key.suffix.starts_with(b"external"),
        (Scope::Group(_), RecordKind::Meta) => matches!(key.suffix, b"rollback" | b"restored"),
        _ => false,
    }
}

/// Whether a row is one of a group's, or one of the client's that speaks of it.
fn belongs(key: &Key<'_>, client: &[u8], group: &[u8]) -> bool {
    key.client == client
        && match (key.scope, key.record) {
            (Scope::Group(id), _) => id == group,
            (Scope::Client, RecordKind::GroupDirectory | RecordKind::Successor) => key.suffix == group,
            (Scope::Client, RecordKind::ResumptionPsk) => {
                crate::keys::split_length(key.suffix).is_some_and(|(id, _)| id == group)
            }
            _ => false,
        }
}
