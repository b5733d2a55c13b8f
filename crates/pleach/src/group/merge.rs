//! Merging: the one way into the next epoch (RFC 9420 §12.4.2, §14).
//!
//! Which Commit of an epoch counts is the delivery service's to say (R268). Nothing of a Commit is in the state before it
//! is merged, so a lost race needs no undoing: merge the winner. All other commits of that epoch end with it.

use super::{Group, PendingCommit};
use crate::auth::Answers;
use crate::trace::event;
use crate::{AuthDecision, Error};
use pleach_group::{CredentialCheck, MembershipChanges, MisuseError};
use pleach_storage::{RecordKind, StorageError, VecBatch};
use pleach_wire::{LeafIndex, ReInit};

/// A Commit that was received and checked, and changes nothing until it is merged.
#[derive(Debug)]
pub struct StagedCommit {
    staged: Box<pleach_group::StagedCommit>,
    answers: Answers,
}

impl StagedCommit {
    pub(super) fn new(group: &Group, staged: pleach_group::StagedCommit) -> Result<Self, Error> {
        let answers =
            Answers::ask(group.client.0.auth(), group.id(), staged.credentials(), Some(group.own_index()))?;
        Ok(Self { staged: Box::new(staged), answers })
    }

    /// The epoch that it leads to.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.staged.epoch()
    }

    /// What merging it will change.
    #[must_use]
    pub fn changes(&self) -> &MembershipChanges {
        self.staged.summary()
    }

    /// The member that committed; `None` if it joins by this very Commit.
    #[must_use]
    pub fn committer(&self) -> Option<LeafIndex> {
        self.staged.summary().committer
    }

    /// Whether it removes this client.
    #[must_use]
    pub fn removes_us(&self) -> bool {
        self.staged.removes_us()
    }

    /// The successor that it agrees on (RFC 9420 §11.2).
    #[must_use]
    pub fn reinit(&self) -> Option<&ReInit> {
        self.staged.summary().reinit.as_ref()
    }

    /// All credentials that it brings in, answered for or not.
    #[must_use]
    pub fn credentials(&self) -> &[CredentialCheck] {
        self.staged.credentials()
    }

    /// The credentials that the authentication service answered with [`AuthDecision::Later`], by their place in
    /// [`StagedCommit::credentials`]. While there is one, the Commit cannot be merged.
    pub fn pending_credentials(&self) -> impl Iterator<Item = (usize, &CredentialCheck)> {
        let all = self.staged.credentials();
        self.answers.pending().filter_map(|index| all.get(index).map(|check| (index, check)))
    }

    /// Answers for a credential, by its place in [`StagedCommit::credentials`].
    ///
    /// # Errors
    /// [`Error::Denied`] if the answer is a refusal: drop the Commit, as every member must.
    pub fn answer(&mut self, index: usize, decision: AuthDecision) -> Result<(), Error> {
        self.answers.answer(index, decision)
    }
}

/// A Commit that can be merged: received or own.
#[derive(Debug)]
#[non_exhaustive]
pub enum Mergeable {
    /// Of another member.
    Staged(StagedCommit),
    /// Of this one.
    Pending(PendingCommit),
}

impl From<StagedCommit> for Mergeable {
    fn from(staged: StagedCommit) -> Self {
        Self::Staged(staged)
    }
}

impl From<PendingCommit> for Mergeable {
    fn from(pending: PendingCommit) -> Self {
        Self::Pending(pending)
    }
}

impl From<&PendingCommit> for Mergeable {
    fn from(pending: &PendingCommit) -> Self {
        Self::Pending(pending.clone())
    }
}

impl Group {
    /// Enters the next epoch by this Commit: one that was received, or an own one that the delivery service accepted.
    ///
    /// One batch: new epoch, changed nodes of the tree, the end of what belonged to the old epoch. O(log n) rows.
    ///
    /// # Errors
    /// [`Error::ApiMisuse`] if the Commit is of another epoch, is not pending any more, or a credential still awaits its
    /// answer; those of the store.
    pub fn merge(&mut self, commit: impl Into<Mergeable>) -> Result<MembershipChanges, Error> {
        let changes = match commit.into() {
            Mergeable::Staged(StagedCommit { staged, answers }) => {
                answers.settled()?;
                let used_up = self.step(|state, env, rows| state.use_up(env, rows, &staged))?;
                let mut step = self.state.merge(*staged)?;
                step.changes.prepend(used_up);
                self.persist_marked(step, VecBatch::new())
            }
            Mergeable::Pending(pending) => {
                self.refresh()?;
                let still_pending = pending.still_pending(&self.client.0.place(self.id()));
                let step = self.state.merge_pending(pending.into_inner())?;
                self.persist_marked(step, still_pending).map_err(|error| match error {
                    Error::Storage(StorageError::Conflict { kind: RecordKind::PendingCommit }) => {
                        MisuseError::NoSuchCommit.into()
                    }
                    other => other,
                })
            }
        };
        // A guard that could not follow catches up before anything is sent: the epoch is entered all the same.
        let (changes, _) = changes?;
        event!(
            info,
            group = %crate::trace::Id(self.id()),
            epoch = self.epoch(),
            added = changes.added.len(),
            removed = changes.removed.len(),
            updated = changes.updated.len(),
            "commit merged"
        );
        Ok(changes)
    }
}
