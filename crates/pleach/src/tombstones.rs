//! What is remembered of groups that were deleted and of key packages that are no more: enough to say so when a late
//! message or a Welcome comes.
//!
//! | row | suffix | value |
//! |---|---|---|
//! | Tombstone, of the client | 0; group id | version: when, in seconds since 1970; format 1; epoch (8 bytes); marks of the rollback guard |
//! | Tombstone, of the client | 1; KeyPackageRef | version: when; format 1; state (1 byte); whether it was a last resort (1 byte) |
//!
//! Both are bounded in number and age ([`ClientConfig`](crate::ClientConfig)), and can be taken back
//! ([`Client::forget_deleted`]).

use crate::client::Inner;
use crate::key_packages::KeyPackageState;
use crate::rollback::{History, Source};
use crate::row::{Reader, Writer};
use crate::{Client, Error};
use pleach_group::{Changes, HeadSummary, RecordKey};
use pleach_storage::{Key, KeyBuf, KeyRange, RecordKind, Storage as _, StorageError, VecBatch, row_version};
use pleach_wire::KeyPackageRef;

/// Takes the id and the row of a tombstone.
type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<(), StorageError> + 'a;

const GROUP: u8 = 0;
const KEY_PACKAGE: u8 = 1;

/// A group that this client had and deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeletedGroup {
    /// Its id.
    pub group_id: Vec<u8>,
    /// The epoch that it was in; the greatest number if its rows could not be read.
    pub epoch: u64,
    /// When it was deleted, in seconds since 1970; not before the newest key package that was there was made.
    pub deleted: u64,
}

/// A key package whose private keys are gone.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetiredKeyPackage {
    /// Its reference (RFC 9420 §5.2).
    pub reference: KeyPackageRef,
    /// Why they are gone: consumed, expired or withdrawn.
    pub state: KeyPackageState,
    /// Whether it was a last resort.
    pub last_resort: bool,
    /// Since when, in seconds since 1970.
    pub since: u64,
}

/// What the row of a deleted group says.
#[derive(Debug)]
pub(crate) struct Tombstone {
    pub(crate) when: u64,
    pub(crate) epoch: u64,
    pub(crate) history: Option<History>,
}

impl Tombstone {
    fn from_row(row: &[u8]) -> Result<Self, StorageError> {
        let (when, mut reader) = Reader::new(row, RecordKind::Tombstone)?;
        let epoch = reader.u64()?;
        let history = History::read(&mut reader)?;
        reader.end()?;
        Ok(Self { when, epoch, history })
    }
}

impl Client {
    /// The groups that this client deleted and remembers, in no order.
    ///
    /// That a group is remembered keeps out the Welcomes of its time for last resort key packages that were there when it was
    /// deleted (they could bring used message keys back), and nothing else: neither a Welcome for a key package that was made
    /// later, nor one of another group that happens to have the same id.
    ///
    /// # Errors
    /// Those of the store.
    pub fn deleted_groups(&self) -> Result<Vec<DeletedGroup>, Error> {
        let mut groups = Vec::new();
        self.0.tombstones(GROUP, &mut |group_id, row| {
            let Tombstone { when, epoch, .. } = Tombstone::from_row(row)?;
            groups.push(DeletedGroup { group_id: group_id.to_vec(), epoch, deleted: when });
            Ok(())
        })?;
        Ok(groups)
    }

    /// Forgets that a group was deleted, so that a Welcome of that time is taken again. That nothing is remembered is no
    /// error.
    ///
    /// A [`RollbackGuard`](crate::RollbackGuard) does not forget: where it knows the group, and nothing else is left to tell,
    /// a group that is joined by a Welcome is [restored](crate::Group::is_restored), as after forgetting by age or number.
    ///
    /// A Welcome of a later epoch, an external Commit, and creating a group with this id need nothing of the kind.
    ///
    /// # Errors
    /// Those of the store.
    pub fn forget_deleted(&self, group_id: &[u8]) -> Result<(), Error> {
        let mut batch = VecBatch::new();
        batch.erase(group_key(&self.0.id, group_id));
        self.0.apply(&self.0.place(&[]), &Changes::default(), batch)
    }

    /// The key packages that are remembered though their private keys are gone, in no order.
    ///
    /// # Errors
    /// Those of the store.
    pub fn retired_key_packages(&self) -> Result<Vec<RetiredKeyPackage>, Error> {
        let mut retired = Vec::new();
        self.0.tombstones(KEY_PACKAGE, &mut |reference, row| {
            retired.push(read_key_package(reference, row)?);
            Ok(())
        })?;
        Ok(retired)
    }
}

impl Inner {
    /// What is remembered of a group that was deleted.
    pub(crate) fn tombstone(&self, group_id: &[u8]) -> Result<Option<Tombstone>, Error> {
        let row = self.storage.get(&group_key(&self.id, group_id).as_key())?;
        Ok(row.map(|row| Tombstone::from_row(&row)).transpose()?)
    }

    /// [`Error::GroupDeleted`] instead of [`Error::NotFound`] for a group that was deleted.
    pub(crate) fn deleted_or(&self, group_id: &[u8], error: Error) -> Error {
        if !matches!(error, Error::NotFound(_)) {
            return error;
        }
        match self.tombstone(group_id) {
            Ok(Some(Tombstone { epoch, .. })) => Error::GroupDeleted { epoch },
            Ok(None) => error,
            Err(unreadable) => unreadable,
        }
    }

    /// Remembers that a group is deleted, if there is one; what must be forgotten for that.
    pub(crate) fn bury_group(&self, group_id: &[u8], batch: &mut VecBatch) -> Result<(), Error> {
        let place = self.place(group_id);
        let key = place.key(&RecordKey::Head);
        // What cannot be read must still be deletable; no Welcome is then known to be later.
        let epoch = match self.read(&place, &RecordKey::Head) {
            Ok(None) => {
                batch.guard_absent(key);
                return Ok(());
            }
            Ok(Some(head)) => {
                match row_version(&head) {
                    Some(version) => batch.guard_version(key, version),
                    None => batch.guard_present(key),
                };
                HeadSummary::from_row(&head).map_or(u64::MAX, |head| head.epoch)
            }
            Err(StorageError::Corrupt { .. }) => {
                batch.guard_present(key);
                u64::MAX
            }
            Err(error) => return Err(error.into()),
        };
        let history = self.history_in(&place, Source::Group).unwrap_or(None);
        // Not before the key packages that are there, whatever the clock says: by them the group may have been joined.
        let mut row = Writer::new(self.clock.now().max(self.newest_key_package()?));
        row.u64(epoch);
        match history {
            Some(history) => history.write(&mut row),
            None => {
                row.u8(0);
            }
        }
        self.make_room(GROUP, self.limits.deleted_groups, 1, batch)?;
        if self.limits.deleted_groups > 0 {
            batch.put(group_key(&self.id, group_id), row.finish());
        }
        Ok(())
    }

    /// Remembers that a key package's private keys are gone.
    pub(crate) fn bury_key_packages(
        &self,
        gone: &[(&[u8], KeyPackageState, bool)],
        batch: &mut VecBatch,
    ) -> Result<(), Error> {
        let most = self.limits.retired_key_packages;
        self.make_room(KEY_PACKAGE, most, gone.len(), batch)?;
        for (reference, state, last_resort) in gone.iter().take(most) {
            let mut row = Writer::new(self.clock.now());
            row.u8(*state as u8).u8((*last_resort).into());
            batch.put(key(&self.id, KEY_PACKAGE, reference), row.finish());
        }
        Ok(())
    }

    /// What became of a key package that is not there.
    pub(crate) fn retired(&self, reference: &[u8]) -> Result<Option<RetiredKeyPackage>, Error> {
        let row = self.storage.get(&key(&self.id, KEY_PACKAGE, reference).as_key())?;
        Ok(row.map(|row| read_key_package(reference, &row)).transpose()?)
    }

    /// Erases what is remembered for too long; how many rows.
    pub(crate) fn expire_tombstones(&self, now: u64, batch: &mut VecBatch) -> Result<usize, Error> {
        let mut expired = 0;
        for sort in [GROUP, KEY_PACKAGE] {
            self.tombstones(sort, &mut |id, row| {
                let since = row_version(row).unwrap_or_default();
                if now.saturating_sub(since) > self.limits.remembered {
                    batch.erase(key(&self.id, sort, id));
                    expired += 1;
                }
                Ok(())
            })?;
        }
        Ok(expired)
    }

    /// Forgets the oldest of a sort, so that `more` can be added.
    fn make_room(&self, sort: u8, most: usize, more: usize, batch: &mut VecBatch) -> Result<(), Error> {
        let mut all: Vec<(u64, KeyBuf)> = Vec::new();
        self.tombstones(sort, &mut |id, row| {
            all.push((row_version(row).unwrap_or_default(), key(&self.id, sort, id)));
            Ok(())
        })?;
        let surplus = all.len().saturating_add(more).saturating_sub(most);
        if surplus > 0 {
            all.sort_by_key(|(since, _)| *since);
            for (_, oldest) in all.into_iter().take(surplus) {
                batch.erase(oldest);
            }
        }
        Ok(())
    }

    fn tombstones(&self, sort: u8, row: &mut Visit<'_>) -> Result<(), StorageError> {
        let first = key(&self.id, sort, &[]);
        self.storage.scan(&KeyRange::suffixes(first.as_key()), &mut |found| {
            row(found.key.suffix.get(1..).unwrap_or_default(), found.value)
        })
    }
}

/// The key of a deleted group's row.
pub(crate) fn group_key(client: &[u8], group_id: &[u8]) -> KeyBuf {
    key(client, GROUP, group_id)
}

/// The key of a retired key package's row.
pub(crate) fn key_package_key(client: &[u8], reference: &[u8]) -> KeyBuf {
    key(client, KEY_PACKAGE, reference)
}

fn key(client: &[u8], sort: u8, id: &[u8]) -> KeyBuf {
    let mut key = Key::of_client(client, RecordKind::Tombstone, &[sort]).to_buf();
    key.push_suffix(id);
    key
}

fn read_key_package(reference: &[u8], row: &[u8]) -> Result<RetiredKeyPackage, StorageError> {
    let (since, mut reader) = Reader::new(row, RecordKind::Tombstone)?;
    let state = KeyPackageState::retired(reader.u8()?).ok_or_else(|| reader.impossible())?;
    let last_resort = match reader.u8()? {
        0 => false,
        1 => true,
        _ => return Err(reader.impossible()),
    };
    reader.end()?;
    Ok(RetiredKeyPackage { reference: KeyPackageRef::from(reference), state, last_resort, since })
}
