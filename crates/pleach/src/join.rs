//! Joining by a Welcome (RFC 9420 §12.4.3.1): everything about the group is checked, the roster can be looked at, and
//! only [`StagedJoin::accept`] writes: the group is stored and the key package erased in one batch.

use crate::auth::Answers;
use crate::client::Inner;
use crate::create::{group_exists, replace};
use crate::directory::enter;
use crate::rollback::{Entry, Keys, imported_row, restored_key};
use crate::trace::event;
use crate::{AuthDecision, Client, Error, Group, KeyPackageState, decode};
use pleach_crypto::CipherSuiteId;
use pleach_group::{
    Changes, CredentialCheck, GroupState, Guard, IncompatibleError, JoinKind, KeyPackageRecord, Member,
    MisbehaviorError, RecordKey, Status, Step, open_welcome,
};
use pleach_storage::{Storage as _, Value};
use pleach_wire::{GroupContext, LeafIndex, Welcome};

/// Up to so many recipients, a Welcome is looked up row by row; above, the client's key packages are listed.
const LOOKUPS: usize = 32;

impl Client {
    /// Checks a Welcome, given as an MLSMessage, and everything about the group that it leads to. O(n).
    ///
    /// [`Rules::allow_join`](crate::Rules::allow_join) sees the group's id, size and inviter before the O(n) checks.
    ///
    /// # Errors
    /// [`Error::PeerIncompatible`] if no key package of this client is named (R234) or the ratchet tree is missing;
    /// [`Error::KeyPackageRetired`] if it is one that was used up, expired or withdrawn; [`Error::GroupDeleted`] if the key
    /// package is a last resort (or was imported), and this client deleted a group of this id since it was made, in this
    /// epoch or a later one: it may be the group that this very Welcome led to; whatever is wrong with the Welcome, the tree or a leaf; [`Error::Denied`]; those of the
    /// store.
    pub fn join(&self, welcome: &[u8]) -> Result<StagedJoin, Error> {
        self.join_from(welcome, None)
    }

    /// As [`Client::join`], with the ratchet tree from elsewhere: what [`Group::ratchet_tree`] gives.
    ///
    /// # Errors
    /// As of [`Client::join`].
    pub fn join_with_tree(&self, welcome: &[u8], ratchet_tree: &[u8]) -> Result<StagedJoin, Error> {
        self.join_from(welcome, Some(ratchet_tree))
    }

    fn join_from(&self, welcome: &[u8], ratchet_tree: Option<&[u8]>) -> Result<StagedJoin, Error> {
        let inner = &*self.0;
        let welcome = decode::welcome(&inner.config.limits, welcome)?;
        let (reference, row) = match inner.find_key_package(&welcome)? {
            Some(found) => found,
            None => return Err(inner.no_key_package(&welcome)?), // R234
        };
        let record = KeyPackageRecord::from_row(&row)?;
        let KeyPackageRecord { last_resort, imported, made, .. } = record;
        let key_package = Used { reference, last_resort, imported, made };
        let opened = open_welcome(&inner.env(&inner.config), welcome, record)?;
        let predecessor = match opened.kind() {
            JoinKind::ReInit(group_id, epoch) | JoinKind::Branch(group_id, epoch) => {
                Some(inner.predecessor(&group_id, epoch)?)
            }
            _ => None,
        };
        let staged = inner.run_without_group(&inner.config, &inner.place(&[]), |env, rows| {
            opened.stage(env, rows, ratchet_tree, predecessor.as_ref())
        })?;
        let group_id = &staged.context().group_id;
        inner.check_not_deleted(group_id, staged.context().epoch, &key_package)?;
        let answers = Answers::ask(inner.auth(), group_id, staged.credentials(), Some(staged.own_leaf()))?; // R026
        Ok(StagedJoin { client: self.clone(), staged, key_package, answers })
    }
}

/// A join that passed every check. Dropping it changes nothing: the same Welcome can be opened again.
#[derive(Debug)]
pub struct StagedJoin {
    client: Client,
    staged: pleach_group::StagedJoin,
    key_package: Used,
    answers: Answers,
}

/// The key package that a Welcome is for.
#[derive(Debug)]
struct Used {
    reference: Vec<u8>,
    last_resort: bool,
    imported: bool,
    made: u64,
}

impl StagedJoin {
    /// The reference of the key package that the Welcome is for (RFC 9420 §5.2). Where the join has to wait,
    /// [`Client::claim_key_package`] notes that it was handed out.
    #[must_use]
    pub fn key_package(&self) -> &[u8] {
        &self.key_package.reference
    }

    /// The group's id.
    #[must_use]
    pub fn group_id(&self) -> &[u8] {
        &self.staged.context().group_id
    }

    /// The epoch that is joined.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.staged.context().epoch
    }

    /// The cipher suite.
    #[must_use]
    pub fn suite(&self) -> CipherSuiteId {
        self.staged.context().cipher_suite
    }

    /// The GroupContext, extensions included.
    #[must_use]
    pub fn context(&self) -> &GroupContext {
        self.staged.context()
    }

    /// The members, this client among them. O(n).
    ///
    /// # Errors
    /// None that can be expected: the tree is there.
    pub fn members(&self) -> Result<Vec<Member>, Error> {
        Ok(self.staged.members()?)
    }

    /// The leaf of the member that sent the Welcome.
    #[must_use]
    pub fn inviter(&self) -> LeafIndex {
        self.staged.signer()
    }

    /// The own leaf.
    #[must_use]
    pub fn own_index(&self) -> LeafIndex {
        self.staged.own_leaf()
    }

    /// What the group follows on: nothing, a reinitialized group, or one that it branches from (RFC 9420 §11.2, §11.3).
    #[must_use]
    pub fn kind(&self) -> &JoinKind {
        self.staged.kind()
    }

    /// All credentials of the group, answered for or not.
    #[must_use]
    pub fn credentials(&self) -> &[CredentialCheck] {
        self.staged.credentials()
    }

    /// The credentials that the authentication service answered with [`AuthDecision::Later`], by their place in
    /// [`StagedJoin::credentials`]. While there is one, the group cannot be joined.
    pub fn pending_credentials(&self) -> impl Iterator<Item = (usize, &CredentialCheck)> {
        let all = self.staged.credentials();
        self.answers.pending().filter_map(|index| all.get(index).map(|check| (index, check)))
    }

    /// Answers for a credential, by its place in [`StagedJoin::credentials`].
    ///
    /// # Errors
    /// [`Error::Denied`] if the answer is a refusal: drop the join.
    pub fn answer(&mut self, index: usize, decision: AuthDecision) -> Result<(), Error> {
        self.answers.answer(index, decision)
    }

    /// Joins: stores the group, and erases the key package unless it is a last resort (R158). Where this client was in the
    /// group before and was removed, the new state takes the old one's place.
    ///
    /// That a key package was consumed is remembered, and how often a last resort was used (RFC 9420 §16.8). A group that
    /// is joined by a key package that came with an import is [restored](Group::is_restored).
    ///
    /// # Errors
    /// [`Error::ApiMisuse`] if a credential still awaits its answer, or this client is in the group already (R238); those of
    /// the store.
    pub fn accept(self) -> Result<Group, Error> {
        let Self { client, staged, key_package, answers } = self;
        answers.settled()?;
        let inner = &*client.0;
        let Step { mut changes, output, .. } = staged.into_step(&inner.env(&inner.config))?;
        let place = inner.place(output.group_id());
        inner.replace_removed(output.group_id(), output.epoch(), &mut changes)?;
        inner.check_not_deleted(output.group_id(), output.epoch(), &key_package)?;
        let mut more = enter(&place, output.epoch(), &inner.config);
        let Used { reference, last_resort, imported, made } = key_package;
        if last_resort {
            // Not one that was withdrawn meanwhile.
            more.guard_present(place.key(&RecordKey::KeyPackage(reference.clone())));
            inner.use_last_resort(&reference, &mut more)?;
        } else {
            inner.bury_key_packages(&[(&reference, KeyPackageState::Consumed, false)], &mut more)?;
        }
        let entry = if imported {
            more.put(restored_key(&place), imported_row(inner.clock.now()));
            Entry::Restored
        } else {
            inner.enter_marked(&place, Keys::KeyPackage(made), &mut more)?
        };
        inner.apply(&place, &changes, more).map_err(group_exists)?;
        let restored = inner.entered(&place, entry)?;
        event!(
            info,
            group = %crate::trace::Id(output.group_id()),
            epoch = output.epoch(),
            members = output.tree().map(pleach_tree::RatchetTree::member_count),
            "group joined"
        );
        Ok(Group::new(client.clone(), output, restored))
    }
}

impl Inner {
    /// The key package that a Welcome is for: its reference and its row.
    fn find_key_package(&self, welcome: &Welcome) -> Result<Option<(Vec<u8>, Value)>, Error> {
        let mut found: Option<(Vec<u8>, Value)> = None;
        if welcome.secrets.len() <= LOOKUPS {
            let place = self.place(&[]);
            for entry in &welcome.secrets {
                let reference = entry.new_member.to_vec();
                let row = self.read(&place, &RecordKey::KeyPackage(reference.clone()))?;
                if let Some(row) = row {
                    found = Some((reference, row));
                    break;
                }
            }
        } else {
            let named: std::collections::BTreeSet<&[u8]> =
                welcome.secrets.iter().map(|entry| &*entry.new_member).collect();
            self.storage.scan(&self.key_package_rows(), &mut |row| {
                if found.is_none() && named.contains(row.key.suffix) {
                    found = Some((row.key.suffix.to_vec(), Value::new(row.value.to_vec())));
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    /// Why no key package of a Welcome is there: it was, or none is this client's (R234).
    fn no_key_package(&self, welcome: &Welcome) -> Result<Error, Error> {
        // What is remembered is bounded; so are these look-ups.
        for entry in welcome.secrets.iter().take(LOOKUPS) {
            if let Some(retired) = self.retired(&entry.new_member)? {
                return Ok(Error::KeyPackageRetired(retired.state));
            }
        }
        Ok(IncompatibleError::NoKeyPackage.into())
    }

    /// Refuses the Welcome of a group that was deleted in that epoch or later: it would bring used message keys back. So it
    /// is for a key package that outlasts a join, or may have been used elsewhere, and was there when the group was deleted.
    /// Any other leads into this group, or one of the same id, for the first time.
    fn check_not_deleted(&self, group_id: &[u8], epoch: u64, by: &Used) -> Result<(), Error> {
        match self.tombstone(group_id)? {
            Some(deleted)
                if epoch <= deleted.epoch && (by.last_resort || by.imported) && by.made <= deleted.when =>
            {
                Err(Error::GroupDeleted { epoch: deleted.epoch })
            }
            _ => Ok(()),
        }
    }

    /// The group that another one follows on, in this epoch, with its tree.
    pub(crate) fn predecessor(&self, group_id: &[u8], epoch: u64) -> Result<GroupState, Error> {
        let mut state = match self.open(group_id) {
            Ok(state) if state.epoch() == epoch => state,
            Ok(_) | Err(Error::NotFound(_)) => return Err(IncompatibleError::MissingPredecessor.into()),
            Err(error) => return Err(error),
        };
        self.attach_tree(&mut state)?;
        Ok(state)
    }

    /// A group that this client was removed from gives way to a new state of the same group.
    fn replace_removed(&self, group_id: &[u8], epoch: u64, changes: &mut Changes) -> Result<(), Error> {
        if !changes.guards.contains(&Guard::Absent(RecordKey::Head)) {
            return Ok(());
        }
        match self.open(group_id) {
            // A Welcome from before the removal would bring used message keys back.
            Ok(old) if *old.status() == Status::Removed && old.epoch() < epoch => {
                replace(changes, old.head_version());
                Ok(())
            }
            Ok(_) => Err(pleach_group::GroupError::from(MisbehaviorError::KnownGroup).into()), // R238
            Err(Error::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
