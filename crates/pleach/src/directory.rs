//! The groups of a client: one small row each, written in the batch that creates or joins the group.

use crate::client::Inner;
use crate::external::forget_external;
use crate::keys::{Place, pending_external, resumption_psks};
use crate::rollback::restored_key;
use crate::tombstones::group_key;
use crate::{Client, Error, Group};
use pleach_crypto::{CipherSuiteId, SuiteAlgorithms};
use pleach_group::{Changes, GroupConfig, GroupError, HeadSummary, RecordKey, RowError, RowKind, Status};
use pleach_storage::{Key, KeyRange, RecordKind, Scope, Storage as _, VecBatch};
use pleach_wire::LeafIndex;

/// The value of a directory row: a row version and a format number. All that matters is in its key and in the head.
const DIRECTORY_ROW: [u8; 9] = [0, 0, 0, 0, 0, 0, 0, 0, 1];

/// A group in the list of a client's groups.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupSummary {
    /// Its id.
    pub group_id: Vec<u8>,
    /// Its epoch.
    pub epoch: u64,
    /// Its cipher suite.
    pub suite: CipherSuiteId,
    /// What the suite's number stood for when the group was stored.
    pub algorithms: SuiteAlgorithms,
    /// The own leaf.
    pub own_leaf: LeafIndex,
    /// Whether it can be used.
    pub status: Status,
    /// Whether it is known to be [restored](Group::is_restored), as its rows say: it was imported, or some handle found that
    /// the store was put back. Here the [`RollbackGuard`](crate::RollbackGuard) is not asked, so a group that is restored
    /// and was not loaded since is not known to be so yet.
    pub restored: bool,
}

impl Client {
    /// The client's groups, by length of their ids and then bytewise, those included whose suite the
    /// provider lacks. Reads three rows a group.
    ///
    /// # Errors
    /// Those of the store.
    pub fn groups(&self) -> Result<Vec<GroupSummary>, Error> {
        self.0
            .group_ids()?
            .into_iter()
            .map(|group_id| {
                let place = self.0.place(&group_id);
                let head = self.0.read(&place, &RecordKey::Head)?.ok_or(RowError::missing(RowKind::Head));
                let restored = self.0.storage.get(&restored_key(&place))?.is_some();
                let HeadSummary { suite, algorithms, epoch, own_leaf, status, .. } =
                    HeadSummary::from_row(&head.map_err(GroupError::from)?)?;
                Ok(GroupSummary { group_id, epoch, suite, algorithms, own_leaf, status, restored })
            })
            .collect()
    }

    /// Opens a group. Reads three rows, whatever its size; the ratchet tree is read when an operation first needs it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if this client has no such group, [`Error::GroupDeleted`] if it deleted it; those of the store and
    /// of the rollback guard.
    pub fn load(&self, group_id: &[u8]) -> Result<Group, Error> {
        let state = self.0.open(group_id).map_err(|error| self.0.deleted_or(group_id, error))?;
        let restored = self.0.is_restored(&self.0.place(group_id))?;
        Ok(Group::new(self.clone(), state, restored))
    }

    /// Erases all rows of a group, pending commits and application records among them. Its resumption PSKs stay
    /// ([`Client::delete_resumption_psks`]). That there is no such group is no error.
    ///
    /// That it was there is remembered: see [`Client::deleted_groups`].
    ///
    /// Other members do not notice: leave first, with [`Group::leave`].
    ///
    /// # Errors
    /// Those of the store: [`StorageError::Conflict`](pleach_storage::StorageError::Conflict) if another handle used the group
    /// meanwhile, and then nothing is erased.
    pub fn delete_group(&self, group_id: &[u8]) -> Result<(), Error> {
        let place = self.0.place(group_id);
        let mut batch = VecBatch::new();
        self.0.bury_group(group_id, &mut batch)?;
        let external = pending_external(place.client, place.group);
        forget_external(&place, &mut batch);
        batch.erase_range(place.whole()).erase(directory_key(&place));
        batch.erase_range(KeyRange::suffixes(external.as_key()));
        self.0.apply(&place, &Changes::default(), batch)
    }

    /// Whether this client has a group with this id.
    ///
    /// # Errors
    /// Those of the store.
    pub fn has_group(&self, group_id: &[u8]) -> Result<bool, Error> {
        Ok(self.0.read(&self.0.place(group_id), &RecordKey::Head)?.is_some())
    }
}

impl Inner {
    /// The ids of the client's groups, by length and then bytewise.
    pub(crate) fn group_ids(&self) -> Result<Vec<Vec<u8>>, Error> {
        let mut ids = Vec::new();
        let range = KeyRange::records(&self.id, Scope::Client, RecordKind::GroupDirectory);
        self.storage.scan(&range, &mut |row| {
            ids.push(row.key.suffix.to_vec());
            Ok(())
        })?;
        ids.sort_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
        Ok(ids)
    }
}

/// What the batch that creates or joins a group writes beside the group's own rows: the directory row, the end of all
/// external commits that would have joined it, of its tombstone, and of the resumption PSKs that an earlier stay or an
/// earlier group of this id left beyond the bound (R133).
pub(crate) fn enter(place: &Place<'_>, epoch: u64, config: &GroupConfig) -> VecBatch {
    let mut batch = VecBatch::new();
    let psks = resumption_psks(place.client, place.group);
    let psks = KeyRange::suffixes(psks.as_key());
    let [first, now] = [config.first_resumption_psk(epoch), epoch]
        .map(|epoch| place.key(&RecordKey::ResumptionPsk(place.group.to_vec(), epoch)));
    batch.erase_range(psks.before(first.as_key())).erase_range(psks.after(now.as_key()));
    batch.erase(group_key(place.client, place.group));
    forget_external(place, &mut batch);
    batch.put(directory_key(place), DIRECTORY_ROW.to_vec());
    let pending = pending_external(place.client, place.group);
    batch.erase_range(KeyRange::suffixes(pending.as_key()));
    batch
}

fn directory_key<'a>(place: &Place<'a>) -> Key<'a> {
    Key::of_client(place.client, RecordKind::GroupDirectory, place.group)
}
