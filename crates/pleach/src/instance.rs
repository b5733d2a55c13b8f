//! The row that says what a store is: its format, and an id that no other store has.
//!
//! | row | value |
//! |---|---|
//! | Meta, of the whole store, `store` | version 0, format of the row 1, format of the store (4 bytes), instance id (16 bytes) |
//!
//! The first client that is built in a store writes it. A copy of a store has the id of the original, which is how a
//! [`RollbackGuard`](crate::RollbackGuard) finds the two out; an import has a fresh one.

use crate::Error;
use crate::row::Writer;
use pleach_crypto::SecureRandom;
use pleach_storage::{Key, RecordKind, Storage, StorageError, VecBatch};
use std::fmt;

/// The newest format of a store that this version knows, and the one that it writes.
pub const STORE_FORMAT: u32 = 1;

/// The key of the row.
pub(crate) const STORE: Key<'static> = Key::of_client(b"", RecordKind::Meta, b"store");

/// Which store it is: random, the same in every copy.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(pub [u8; 16]);

impl InstanceId {
    pub(crate) fn random(random: &dyn SecureRandom) -> Result<Self, Error> {
        let mut id = [0; 16];
        random.fill(&mut id)?;
        Ok(Self(id))
    }

    /// The row with this id.
    pub(crate) fn row(self) -> Vec<u8> {
        Writer::new(0).u32(STORE_FORMAT).raw(&self.0).finish()
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InstanceId({self})")
    }
}

/// Reads which store it is.
///
/// # Errors
/// [`StorageError::NewerFormat`] if a later version made it; those of the store.
pub(crate) fn read(storage: &dyn Storage) -> Result<Option<InstanceId>, StorageError> {
    let Some(row) = storage.get(&STORE)? else { return Ok(None) };
    let corrupt = || StorageError::corrupt(RecordKind::Meta, "what the store is cannot be read");
    // In every format of the row, the format of the store stands here.
    let found = row.get(9..13).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    match found.ok_or_else(corrupt)? {
        STORE_FORMAT => {}
        0 => return Err(corrupt()),
        found => return Err(StorageError::NewerFormat { found, known: STORE_FORMAT }),
    }
    let (version, mut reader) = crate::row::Reader::new(&row, RecordKind::Meta)?;
    let _format = reader.u32()?;
    let id = reader.array()?;
    reader.end()?;
    if version == 0 { Ok(Some(InstanceId(id))) } else { Err(corrupt()) }
}

/// Reads which store it is, and makes it one if it is new.
///
/// # Errors
/// As of [`read`]; those of the randomness.
pub(crate) fn open(storage: &dyn Storage, random: &dyn SecureRandom) -> Result<InstanceId, Error> {
    if let Some(instance) = read(storage)? {
        return Ok(instance);
    }
    let instance = InstanceId::random(random)?;
    let mut batch = VecBatch::new();
    batch.guard_absent(STORE).put(STORE, instance.row());
    match storage.apply(&mut batch) {
        Ok(()) => Ok(instance),
        // Another client was faster.
        Err(StorageError::Conflict { .. }) => {
            Ok(read(storage)?.ok_or(Error::Internal("a store that came and went"))?)
        }
        Err(error) => Err(error.into()),
    }
}
