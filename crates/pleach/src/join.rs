//! Joining by a Welcome (RFC 9420 §12.4.3.1): everything about the group is checked, the roster can be looked at, and
//! only [`StagedJoin::accept`] writes: the group is stored and the key package erased in one batch.

use crate::auth::Answers;
use crate::client::Inner;
use crate::create::{group_exists, replace};
use crate::directory::enter;
use crate::trace::event;
use crate::{AuthDecision, Client, Error, Group, decode};
use pleach_crypto::CipherSuiteId;
use pleach_group::{
    Changes, CredentialCheck, GroupState, Guard, IncompatibleError, JoinKind, KeyPackageRecord, Member,
    MisbehaviorError, RecordKey, Status, Step, open_welcome,
};
use pleach_storage::{KeyRange, RecordKind, Scope, Value};
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
    /// whatever is wrong with the Welcome, the tree or a leaf; [`Error::Denied`]; those of the store.
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
        let record = inner.find_key_package(&welcome)?.ok_or(IncompatibleError::NoKeyPackage)?; // R234
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
        let answers = Answers::ask(inner.auth(), group_id, staged.credentials(), Some(staged.own_leaf()))?; // R026
        Ok(StagedJoin { client: self.clone(), staged, answers })
    }
}

/// A join that passed every check. Dropping it changes nothing: the same Welcome can be opened again.
#[derive(Debug)]
pub struct StagedJoin {
    client: Client,
    staged: pleach_group::StagedJoin,
    answers: Answers,
}

impl StagedJoin {
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
    /// # Errors
    /// [`Error::ApiMisuse`] if a credential still awaits its answer, or this client is in the group already (R238); those of
    /// the store.
    pub fn accept(self) -> Result<Group, Error> {
        let Self { client, staged, answers } = self;
        answers.settled()?;
        let inner = &*client.0;
        let Step { mut changes, output, .. } = staged.into_step(&inner.env(&inner.config))?;
        let place = inner.place(output.group_id());
        inner.replace_removed(output.group_id(), output.epoch(), &mut changes)?;
        inner.apply(&place, &changes, enter(&place)).map_err(group_exists)?;
        event!(
            info,
            group = %crate::trace::Id(output.group_id()),
            epoch = output.epoch(),
            members = output.tree().map(pleach_tree::RatchetTree::member_count),
            "group joined"
        );
        Ok(Group::new(client.clone(), output))
    }
}

impl Inner {
    /// The key package that a Welcome is for.
    fn find_key_package(&self, welcome: &Welcome) -> Result<Option<KeyPackageRecord>, Error> {
        let mut found: Option<Value> = None;
        if welcome.secrets.len() <= LOOKUPS {
            let place = self.place(&[]);
            for entry in &welcome.secrets {
                found = self.read(&place, &RecordKey::KeyPackage(entry.new_member.to_vec()))?;
                if found.is_some() {
                    break;
                }
            }
        } else {
            let named: std::collections::BTreeSet<&[u8]> =
                welcome.secrets.iter().map(|entry| &*entry.new_member).collect();
            let range = KeyRange::records(&self.id, Scope::Client, RecordKind::KeyPackage);
            self.storage.scan(&range, &mut |row| {
                if found.is_none() && named.contains(row.key.suffix) {
                    found = Some(Value::new(row.value.to_vec()));
                }
                Ok(())
            })?;
        }
        Ok(found.map(|row| KeyPackageRecord::from_row(&row)).transpose()?)
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
