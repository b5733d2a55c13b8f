//! The groups of a client: one small row each, written in the batch that creates or joins the group.

use crate::keys::{Place, pending_external};
use crate::{Client, Error, Group};
use pleach_crypto::{CipherSuiteId, SuiteAlgorithms};
use pleach_group::{Changes, GroupError, HeadSummary, RecordKey, RowError, Status};
use pleach_storage::{Key, KeyRange, RecordKind, Scope, VecBatch};
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
}

impl Client {
    /// The client's groups, by length of their ids and then bytewise, those included whose suite the
    /// provider lacks. Reads two rows a group.
    ///
    /// # Errors
    /// Those of the store.
    pub fn groups(&self) -> Result<Vec<GroupSummary>, Error> {
        let mut ids = Vec::new();
        let range = KeyRange::records(&self.0.id, Scope::Client, RecordKind::GroupDirectory);
        self.0.storage.scan(&range, &mut |row| {
            ids.push(row.key.suffix.to_vec());
            Ok(())
        })?;
        ids.sort_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
        ids.into_iter()
            .map(|group_id| {
                let head = self.0.read(&self.0.place(&group_id), &RecordKey::Head)?.ok_or(RowError::Missing);
                let HeadSummary { suite, algorithms, epoch, own_leaf, status, .. } =
                    HeadSummary::from_row(&head.map_err(GroupError::from)?)?;
                Ok(GroupSummary { group_id, epoch, suite, algorithms, own_leaf, status })
            })
            .collect()
    }

    /// Opens a group. Reads two rows, whatever its size; the ratchet tree is read when an operation first needs it.
    ///
    /// # Errors
    /// [`Error::NotFound`] if this client has no such group; those of the store.
    pub fn load(&self, group_id: &[u8]) -> Result<Group, Error> {
        Ok(Group::new(self.clone(), self.0.open(group_id)?))
    }

    /// Erases all rows of a group, pending commits and application records among them. Its resumption PSKs stay
    /// ([`Client::delete_resumption_psks`]). That there is no such group is no error.
    ///
    /// Other members do not notice: leave first, with [`Group::leave`].
    ///
    /// # Errors
    /// Those of the store.
    pub fn delete_group(&self, group_id: &[u8]) -> Result<(), Error> {
        let place = self.0.place(group_id);
        let mut batch = VecBatch::new();
        let external = pending_external(place.client, place.group);
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

/// What the batch that creates or joins a group writes beside the group's own rows: the directory row, and the end of
/// all external commits that would have joined it.
pub(crate) fn enter(place: &Place<'_>) -> VecBatch {
    let mut batch = VecBatch::new();
    batch.put(directory_key(place), DIRECTORY_ROW.to_vec());
    let pending = pending_external(place.client, place.group);
    batch.erase_range(KeyRange::suffixes(pending.as_key()));
    batch
}

fn directory_key<'a>(place: &Place<'a>) -> Key<'a> {
    Key::of_client(place.client, RecordKind::GroupDirectory, place.group)
}
