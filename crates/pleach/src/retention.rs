//! Forgetting what was kept long enough. Counts are enforced when something is added; ages here, when the application asks.
//!
//! | what | bound | enforced |
//! |---|---|---|
//! | past epochs, with their skipped keys | `past_epochs`, `past_epoch_age` | by merging; here; refused at once when too old |
//! | skipped keys of a ratchet | `ratchet` | by receiving; they end with their epoch |
//! | proposals | `member_proposals`, `external_proposals` | by receiving; they end with the epoch |
//! | own Commits | `pending_commits` | by building; they end with the epoch |
//! | resumption PSKs | `resumption_psks` | by merging and joining; here |
//! | key packages | `key_packages`, their lifetime and `key_package_grace` | by making; here |
//! | what is remembered of key packages and deleted groups | `retired_key_packages`, `deleted_groups`, `remembered` | by adding; here |
//! | external Commits | `external_commits`, `external_commit_age` | by building; here |
//!
//! What has no bound: groups, external PSKs, the last resort key packages that are within their lifetime, and the
//! application's records, all of which are the application's to delete.
//!
//! Invariant: nothing that a message of the protocol may still need within the bounds is erased.
//!
//! Cost: a batch for each group that has something to erase and one for the client; a few rows read for each group.

use crate::client::Inner;
use crate::keys::resumption_psks;
use crate::{Client, Error, Group};
use pleach_group::{Changes, GroupConfig, GroupState, HeadSummary, RecordKey};
use pleach_storage::{KeyRange, Storage as _, StorageError, VecBatch};

/// What was erased because it was too old, or more than the configuration allows.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Expired {
    /// Past epochs of groups, with all their keys.
    pub past_epochs: usize,
    /// Resumption PSKs.
    pub resumption_psks: usize,
    /// Key packages with their private keys.
    pub key_packages: usize,
    /// External Commits.
    pub external_commits: usize,
    /// What was remembered of key packages and deleted groups.
    pub tombstones: usize,
    /// Groups that were left out: another handle used them just now, or the provider lacks their suite.
    pub skipped: usize,
    /// Groups that could not be gone through, with the reason. Nothing of them was erased.
    pub failed: Vec<(Vec<u8>, Error)>,
}

impl Expired {
    /// Whether nothing was erased, and nothing failed.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        let Self { past_epochs, resumption_psks, key_packages, external_commits, tombstones, .. } = self;
        *past_epochs == 0
            && *resumption_psks == 0
            && *key_packages == 0
            && *external_commits == 0
            && *tombstones == 0
            && self.failed.is_empty()
    }
}

impl Client {
    /// Erases what is too old, of the client and of all its groups: to be called now and then, say once a day. Groups whose
    /// suite the provider lacks, and those that another handle uses just then, are left out and counted; one that fails does
    /// not keep the others from it ([`Expired::failed`]).
    ///
    /// The bounds are those of the client's own configuration, [`GroupConfig`] and [`ClientConfig`](crate::ClientConfig) as it
    /// was built with; what a handle was given by [`Group::set_config`] counts for [`Group::expire`] only.
    ///
    /// Handles on the groups can be used on.
    ///
    /// # Errors
    /// Those of the store, for the client's own rows and the list of its groups. The groups were gone through all the same, if
    /// there is a list.
    pub fn expire(&self) -> Result<Expired, Error> {
        let inner = &*self.0;
        let mut expired = Expired::default();
        let own = inner.expire_own(&mut expired);
        for group_id in inner.group_ids()? {
            match inner.expire_stored(&group_id, &mut expired) {
                Ok(()) => {}
                Err(Error::Storage(StorageError::Conflict { .. })) => expired.skipped += 1,
                Err(error) => expired.failed.push((group_id, error)),
            }
        }
        own.map(|()| expired)
    }
}

impl Group {
    /// Erases what is too old of this group: past epochs, and resumption PSKs beyond their number. Merging a Commit does so too;
    /// this is for groups in which nobody commits.
    ///
    /// # Errors
    /// Those of the store.
    pub fn expire(&mut self) -> Result<Expired, Error> {
        let mut expired = Expired::default();
        let inner = std::sync::Arc::clone(&self.client().0);
        let config = self.config().clone();
        self.with_state(|state| inner.expire_group(&config, state, &mut expired))?;
        Ok(expired)
    }
}

impl Inner {
    /// The client's own rows.
    fn expire_own(&self, expired: &mut Expired) -> Result<(), Error> {
        let now = self.clock.now();
        let mut batch = VecBatch::new();
        let key_packages = self.expire_key_packages(now, &mut batch)?;
        let external_commits = self.expire_external(now, &mut batch)?;
        let tombstones = self.expire_tombstones(now, &mut batch)?;
        if !batch.is_empty() {
            self.apply(&self.place(&[]), &Changes::default(), batch)?;
        }
        *expired = Expired { key_packages, external_commits, tombstones, ..Expired::default() };
        Ok(())
    }

    /// One group of the list.
    fn expire_stored(&self, group_id: &[u8], expired: &mut Expired) -> Result<(), Error> {
        // Deleted meanwhile.
        let Some(head) = self.read(&self.place(group_id), &RecordKey::Head)? else { return Ok(()) };
        let HeadSummary { suite, algorithms, .. } = HeadSummary::from_row(&head)?;
        let suite = self.provider.suite(suite);
        if !suite.is_ok_and(|suite| suite.check_stored(algorithms).is_ok()) {
            expired.skipped += 1;
            return Ok(());
        }
        match self.open(group_id) {
            Ok(mut state) => self.expire_group(&self.config, &mut state, expired),
            Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn expire_group(
        &self,
        config: &GroupConfig,
        state: &mut GroupState,
        expired: &mut Expired,
    ) -> Result<(), Error> {
        let group_id = state.group_id().to_vec();
        let place = self.place(&group_id);
        let step = self.run(config, state, |state, env, rows| state.expire(env, rows))?;
        let mut batch = VecBatch::new();
        let first = config.first_resumption_psk(state.epoch());
        let first = place.key(&RecordKey::ResumptionPsk(group_id.clone(), first));
        let prefix = resumption_psks(&self.id, &group_id);
        let surplus = KeyRange::suffixes(prefix.as_key()).before(first.as_key());
        let mut psks = 0;
        self.storage.scan(&surplus, &mut |_| {
            psks += 1;
            Ok(())
        })?;
        if psks > 0 {
            batch.erase_range(surplus);
        }
        if !(step.output.is_empty() && batch.is_empty()) {
            self.apply(&place, &step.changes, batch)?;
        }
        expired.past_epochs += step.output.len();
        expired.resumption_psks += psks;
        Ok(())
    }
}
