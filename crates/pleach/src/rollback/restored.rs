//! The row that says that a group is restored, and what was known when that was found.
//!
//! | row | value |
//! |---|---|
//! | Meta, of the group, `restored` | version 0; format 1; why (1 byte); when (8 bytes); if the guard found it: when the newest key package was made (8 bytes), and 1 and the guard's mark, or 0 |
//!
//! A key package that is newer than all that the store had then cannot have been used by another copy of the store; and
//! where the guard still has that mark, no copy has joined since. A join by such a key package is no repetition.

use super::RollbackMark;
use crate::client::Inner;
use crate::keys::Place;
use crate::row::{Reader, Writer};
use pleach_group::KeyPackageRecord;
use pleach_storage::{Key, RecordKind, Storage as _, StorageError};

/// Why a group is restored, in its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// The guard does not know the store's mark.
    RolledBack = 1,
    /// It was imported.
    Imported = 2,
}

/// What was known when the guard was found to have another mark than the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    /// When the newest key package of the store was made.
    pub(super) newest_key_package: u64,
    /// The guard's mark.
    pub(super) mark: Option<RollbackMark>,
}

/// The row that says that the group is restored.
pub(crate) fn restored_key<'a>(place: &Place<'a>) -> Key<'a> {
    Key::of_group(place.client, place.group, RecordKind::Meta, b"restored")
}

/// The row of a group that was imported.
pub(crate) fn imported_row(now: u64) -> Vec<u8> {
    Writer::new(0).u8(Why::Imported as u8).u64(now).finish()
}

impl Inner {
    /// The row of a group whose mark the guard does not have, but this one.
    pub(super) fn rolled_back_row(&self, mark: Option<RollbackMark>) -> Result<Vec<u8>, StorageError> {
        let mut row = Writer::new(0);
        row.u8(Why::RolledBack as u8).u64(self.clock.now()).u64(self.newest_key_package()?);
        match mark {
            Some(mark) => row.u8(1).raw(&mark.to_bytes()),
            None => row.u8(0),
        };
        Ok(row.finish())
    }

    /// What was known when the group was found to be restored; `None` if it is not, or was imported.
    pub(super) fn found(&self, place: &Place<'_>) -> Result<Option<Found>, StorageError> {
        let Some(row) = self.storage.get(&restored_key(place))? else { return Ok(None) };
        let (_, mut reader) = Reader::new(&row, RecordKind::Meta)?;
        let why = reader.u8()?;
        let _when = reader.u64()?;
        match why {
            why if why == Why::RolledBack as u8 => {}
            why if why == Why::Imported as u8 => return Ok(None),
            _ => return Err(reader.impossible()),
        }
        let newest_key_package = reader.u64()?;
        let mark = match reader.u8()? {
            0 => None,
            1 => Some(RollbackMark::from_bytes(reader.array()?)),
            _ => return Err(reader.impossible()),
        };
        reader.end()?;
        Ok(Some(Found { newest_key_package, mark }))
    }

    /// When the newest key package that is stored was made; 0 if there is none. O(key packages).
    pub(crate) fn newest_key_package(&self) -> Result<u64, StorageError> {
        let mut newest = 0;
        self.storage.scan(&self.key_package_rows(), &mut |row| {
            // By one that cannot be read, nothing is joined.
            if let Ok(record) = KeyPackageRecord::from_row(row.value) {
                newest = newest.max(record.made);
            }
            Ok(())
        })?;
        Ok(newest)
    }
}
