//! [`Group`]: a member's handle on one group.
//!
//! Invariants: what a method returns was persisted before; one call is at most one batch; a call that failed changed
//! nothing, unless its batch was applied and only the [`RollbackGuard`](crate::RollbackGuard) could not follow
//! ([`Error::RollbackGuard`](crate::Error::RollbackGuard)). After a storage error the handle reads its state anew before it does anything else.
//!
//! Several handles on one group, in one process or many, are safe: each write is guarded by the version of the group's
//! head, and the slower handle gets [`StorageError::Conflict`](pleach_storage::StorageError::Conflict). It then continues from
//! what the faster one wrote. Nothing is retried silently.
//!
//! Not here: transport. Messages are bytes that the application carries.

mod commit;
mod inspect;
mod merge;
mod messages;
mod proposals;
mod received;
mod successor;

pub use commit::{CommitBuilder, PendingCommit};
pub use inspect::{GroupReport, MemberReport};
pub use merge::{Mergeable, StagedCommit};
pub use messages::Records;
pub use proposals::LeafUpdate;
pub use received::{ApplicationMessage, Received, ReceivedProposal};

use crate::rollback::{Settled, restored_key};
use crate::{ApiMisuse, Client, Error, SigningIdentity};
use pleach_crypto::{CipherSuiteId, Secret};
use pleach_group::{Changes, Env, GroupConfig, GroupState, MisuseError, Rows, Status, Step, StepResult};
use pleach_storage::{RecordKind, Storage as _, StorageError, VecBatch};
use pleach_wire::{Extensions, GroupContext, LeafIndex};
use std::{
    fmt,
    sync::{Arc, OnceLock},
};

/// A group that this client is, or was, a member of (RFC 9420 §2).
pub struct Group {
    client: Client,
    state: GroupState,
    config: Arc<GroupConfig>,
    /// The state with its ratchet tree, if a method that only looks had to load it.
    loaded: OnceLock<Box<GroupState>>,
    /// A storage error left it open what is in the store.
    stale: bool,
    /// It is an old copy, or was imported.
    restored: bool,
}

impl Group {
    pub(crate) fn new(client: Client, state: GroupState, restored: bool) -> Self {
        let config = Arc::new(client.config().clone());
        Self { client, state, config, loaded: OnceLock::new(), stale: false, restored }
    }

    /// The client that is the member.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The group's id.
    #[must_use]
    pub fn id(&self) -> &[u8] {
        self.state.group_id()
    }

    /// The epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.state.epoch()
    }

    /// The cipher suite.
    #[must_use]
    pub fn suite(&self) -> CipherSuiteId {
        self.state.suite().id
    }

    /// The index of the own leaf.
    #[must_use]
    pub fn own_index(&self) -> LeafIndex {
        self.state.own_leaf()
    }

    /// The public signature key of the own leaf.
    #[must_use]
    pub fn own_signature_key(&self) -> &[u8] {
        self.state.own_signature_key()
    }

    /// The GroupContext of this epoch (RFC 9420 §8.1).
    #[must_use]
    pub fn context(&self) -> &GroupContext {
        self.state.context()
    }

    /// The extensions of the group (RFC 9420 §13.4).
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.state.context().extensions
    }

    /// Whether the group can be used, was re-initialized, or this client was removed.
    #[must_use]
    pub fn status(&self) -> &Status {
        self.state.status()
    }

    /// Whether the group can be used.
    #[must_use]
    pub fn is_active(&self) -> bool {
        *self.state.status() == Status::Active
    }

    /// Whether this is an old copy of the group, as the [`RollbackGuard`](crate::RollbackGuard) found, or was imported. Message
    /// keys may have been used since. So it receives, and merges Commits, but sends nothing and gives out no pending
    /// Commit: [`ApiMisuse::Restored`](crate::ApiMisuse::Restored). It is itself again when an external Commit was
    /// [accepted](crate::ExternalCommit::accept), best one that [removes](crate::ExternalJoin::resync) the former leaf; or
    /// when the others removed it and it [joined](crate::Client::join) by a key package that was made since.
    ///
    /// This is what the handle knows. What another handle found since is heeded when anything is sent.
    #[must_use]
    pub const fn is_restored(&self) -> bool {
        self.restored
    }

    /// A secret that members can compare to see that they are in the same epoch of the same group (RFC 9420 §8.7, R138).
    ///
    /// # Errors
    /// [`Error::ApiMisuse`] after this client was removed.
    pub fn epoch_authenticator(&self) -> Result<Secret, Error> {
        Ok(self.state.epoch_authenticator()?.clone())
    }

    /// `MLS-Exporter(label, context, len)`: a secret for other uses, known to the members of this epoch alone
    /// (RFC 9420 §8.5, R136).
    ///
    /// # Errors
    /// [`Error::ApiMisuse`] after this client was removed; [`Error::Crypto`] if `len` is more than the KDF gives.
    pub fn export(&self, label: &[u8], context: &[u8], len: usize) -> Result<Secret, Error> {
        Ok(self.state.export(label, context, len)?)
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &GroupConfig {
        &self.config
    }

    /// Sets the configuration of this handle. It is not stored: a group that is loaded begins with its client's.
    pub fn set_config(&mut self, config: GroupConfig) {
        self.config = Arc::new(config);
    }

    /// Reads the state anew, after another handle wrote. Three rows.
    ///
    /// # Errors
    /// [`Error::GroupDeleted`] if the group was deleted; those of the store and of the rollback guard.
    pub fn reload(&mut self) -> Result<(), Error> {
        self.stale = true;
        self.refresh()
    }

    /// Erases the group: see [`Client::delete_group`].
    ///
    /// # Errors
    /// Those of the store.
    pub fn delete(self) -> Result<(), Error> {
        self.client.delete_group(self.state.group_id())
    }

    /// The version of the head row that this state belongs to.
    pub(crate) fn head_version(&self) -> u64 {
        self.state.head_version()
    }

    /// Reads the state anew if a storage error made it doubtful, and takes over a tree that was loaded meanwhile.
    fn refresh(&mut self) -> Result<(), Error> {
        if self.stale {
            let inner = &*self.client.0;
            let group_id = self.state.group_id();
            let state = inner.open(group_id).map_err(|error| inner.deleted_or(group_id, error))?;
            self.restored = inner.is_restored(&inner.place(group_id))?;
            self.state = state;
            self.loaded = OnceLock::new();
            self.stale = false;
        }
        if let Some(loaded) = self.loaded.take() {
            self.state = *loaded;
        }
        Ok(())
    }

    /// Works on a state that is up to date; what goes wrong makes it doubtful.
    pub(crate) fn with_state<T>(
        &mut self,
        work: impl FnOnce(&mut GroupState) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.refresh()?;
        let result = work(&mut self.state);
        self.stale |= result.is_err();
        result
    }

    /// Computes a step.
    fn step<T>(&mut self, step: impl Fn(&GroupState, &Env<'_>, &Rows) -> StepResult<T>) -> Result<T, Error> {
        self.refresh()?;
        self.client.0.run(&self.config, &mut self.state, step)
    }

    /// Persists a step, lets the state follow, and releases the output.
    fn persist<T>(&mut self, step: Step<T>, more: VecBatch) -> Result<T, Error> {
        let Step { changes, effect, output } = step;
        let inner = &*self.client.0;
        if !(is_nothing(&changes) && more.is_empty()) {
            let place = inner.place(self.state.group_id());
            if let Err(error) = inner.apply(&place, &changes, more) {
                // Follow the store now, so that what the handle shows is true; else before its next use.
                self.stale = true;
                let _unreadable = self.refresh();
                return Err(error);
            }
        }
        let reopen = matches!(effect, pleach_group::Effect::Reopen);
        self.state.apply(effect);
        let enters_epoch = changes.tree.is_some();
        // The tree before goes with them.
        drop(changes);
        // Messages do not pay for it: what an own Commit, still held by whoever merges it, left to do is done before the next.
        if enters_epoch {
            self.state.settle();
        }
        if reopen {
            // What was written is durable, whether or not it can be read back now.
            self.stale = true;
            self.refresh()?;
        }
        Ok(output)
    }

    /// As [`Group::persist`], for a step that uses up an own generation, or enters an epoch: the rollback guard follows. An
    /// error of the guard leaves what was written, and releases nothing.
    fn persist_marked<T>(&mut self, step: Step<T>, more: VecBatch) -> Result<(T, Guarded), Error> {
        let inner = Arc::clone(&self.client.0);
        let group_id = self.state.group_id().to_vec();
        let place = inner.place(&group_id);
        let mut more = more;
        if self.restored {
            // The Commit that removes this client erases the group's rows; that it is restored outlasts it.
            if let Some(row) = inner.storage.get(&restored_key(&place))? {
                more.put(restored_key(&place), row);
            }
            return Ok((self.persist(step, more)?, Guarded::Restored));
        }
        let moved = inner.next_mark(&place, &mut more)?;
        let output = self.persist(step, more)?;
        match inner.settle(&place, moved) {
            Ok(Settled::Followed) => Ok((output, Guarded::Followed)),
            Ok(Settled::Restored) => {
                self.restored = true;
                Ok((output, Guarded::Restored))
            }
            // The handle goes on from what is there now.
            Ok(Settled::Replaced) => {
                self.stale = true;
                Err(StorageError::Conflict { kind: RecordKind::Head }.into())
            }
            Err(error) => {
                // The guard is behind: it catches up when the state is read anew.
                self.stale = true;
                Ok((output, Guarded::Failed(error)))
            }
        }
    }

    /// As [`Group::persist_marked`], for what is to be sent: it leaves only if the guard followed, and nobody has found the
    /// group to be restored since this handle looked.
    fn persist_sent<T>(&mut self, step: Step<T>, mut more: VecBatch) -> Result<T, Error> {
        more.guard_absent(restored_key(&self.client.0.place(self.state.group_id())));
        match self.persist_marked(step, more) {
            Ok((output, Guarded::Followed)) => Ok(output),
            Ok((_, Guarded::Restored)) => Err(ApiMisuse::Restored.into()),
            Ok((_, Guarded::Failed(error))) => Err(error),
            // The state was read anew, and so it is.
            Err(Error::Storage(StorageError::Conflict { .. })) if self.restored => {
                Err(ApiMisuse::Restored.into())
            }
            Err(error) => Err(error),
        }
    }

    /// Reads the state anew if it is doubtful, and refuses to send from a copy.
    fn may_send(&mut self) -> Result<(), Error> {
        self.refresh()?;
        if self.restored { Err(ApiMisuse::Restored.into()) } else { Ok(()) }
    }

    /// The state with its ratchet tree. O(n) rows the first time, unless an operation has loaded it.
    fn with_tree(&self) -> Result<&GroupState, Error> {
        if self.state.tree().is_some_and(|tree| !tree.is_partial()) {
            return Ok(&self.state);
        }
        if matches!(self.status(), Status::Removed) {
            // Its tree is erased, not damaged.
            return Err(MisuseError::NotMember.into());
        }
        if self.loaded.get().is_none() {
            let mut state = self.state.clone();
            self.client.0.attach_tree(&mut state)?;
            // Another thread may have been faster; its state is as good.
            let _ = self.loaded.set(Box::new(state));
        }
        self.loaded.get().map(|state| &**state).ok_or(Error::Internal("a tree that was loaded is gone"))
    }

    /// Who signs for the own leaf.
    fn identity(&self) -> Result<SigningIdentity, Error> {
        self.client.0.identities.of_key(self.state.own_signature_key())
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group")
            .field("state", &self.state)
            .field("stale", &self.stale)
            .finish_non_exhaustive()
    }
}

/// Whether the rollback guard followed a batch.
enum Guarded {
    /// It did, or there is none.
    Followed,
    /// The group is restored.
    Restored,
    /// It could not be moved.
    Failed(Error),
}

fn is_nothing(changes: &Changes) -> bool {
    changes.guards.is_empty() && changes.rows.is_empty() && changes.tree.is_none()
}
