//! Creating a group (RFC 9420 §11): one member, epoch 0. Others are added by a Commit.

use crate::auth::Answers;
use crate::directory::enter;
use crate::rollback::{Keys, restored_key};
use crate::trace::event;
use crate::{ApiMisuse, Client, Error, Group, SigningIdentity};
use pleach_crypto::CipherSuiteId;
use pleach_group::{
    Change, Changes, CommitSpec, GroupState, Guard, Interrupt, MisuseError, Need, NewGroup, RecordKey,
    RecordRange, Rows, Step, create_group,
};
use pleach_storage::{RecordKind, StorageError, VecBatch};
use pleach_wire::{
    CredentialType, Extension, ExtensionType, Extensions, ExternalSender, ExternalSenders, Lifetime,
    ProposalType, RequiredCapabilities,
};

/// The length of a group id that the client chooses.
const RANDOM_ID: usize = 32;

/// What can be chosen about a new group. Build from [`Default`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct GroupOptions {
    /// The suite; the client's own if not given.
    pub suite: Option<CipherSuiteId>,
    /// Extensions of the group, besides those that the other fields make.
    pub extensions: Extensions,
    /// What every member must support (RFC 9420 §11.1).
    pub required_capabilities: Option<RequiredCapabilities>,
    /// Who may propose from outside (RFC 9420 §12.1.8.1).
    pub external_senders: Vec<ExternalSender>,
    /// Extensions of the creator's leaf.
    pub leaf_extensions: Extensions,
    /// When the creator's leaf is valid; as a key package if not given.
    pub lifetime: Option<Lifetime>,
}

impl GroupOptions {
    /// The suite.
    #[must_use]
    pub const fn suite(mut self, suite: CipherSuiteId) -> Self {
        self.suite = Some(suite);
        self
    }

    /// Extensions of the group.
    #[must_use]
    pub fn extensions(mut self, extensions: Extensions) -> Self {
        self.extensions = extensions;
        self
    }

    /// What every member must support: extension, proposal and credential types.
    #[must_use]
    pub fn require(
        mut self,
        extensions: &[ExtensionType],
        proposals: &[ProposalType],
        credentials: &[CredentialType],
    ) -> Self {
        self.required_capabilities = Some(RequiredCapabilities {
            extension_types: extensions.iter().copied().collect(),
            proposal_types: proposals.iter().copied().collect(),
            credential_types: credentials.iter().copied().collect(),
        });
        self
    }

    /// One more that may propose from outside.
    #[must_use]
    pub fn external_sender(mut self, sender: ExternalSender) -> Self {
        self.external_senders.push(sender);
        self
    }

    /// Extensions of the creator's leaf.
    #[must_use]
    pub fn leaf_extensions(mut self, extensions: Extensions) -> Self {
        self.leaf_extensions = extensions;
        self
    }

    fn all_extensions(&self) -> Result<Extensions, Error> {
        let mut all = self.extensions.to_vec();
        if let Some(required) = &self.required_capabilities {
            all.push(Extension::new(required)?);
        }
        if !self.external_senders.is_empty() {
            all.push(Extension::new(&ExternalSenders {
                external_senders: self.external_senders.clone().into(),
            })?);
        }
        Ok(all.into())
    }
}

impl Client {
    /// Creates a group of one member. The id must be unique among all groups of all its members: [`Client::random_group_id`]
    /// (R161).
    ///
    /// # Errors
    /// [`Error::ApiMisuse`] if this client has a group with this id; those of the signer, the randomness and the store.
    pub fn create_group(&self, group_id: &[u8]) -> Result<Group, Error> {
        self.create_group_with(group_id, &GroupOptions::default())
    }

    /// As [`Client::create_group`], with choices.
    ///
    /// # Errors
    /// As of [`Client::create_group`]; [`Error::PeerIncompatible`] if the client lacks what the group asks of its members.
    pub fn create_group_with(&self, group_id: &[u8], options: &GroupOptions) -> Result<Group, Error> {
        self.create(group_id, options)
    }

    /// Creates the group that follows on `old`, with its first Commit: one batch, so that there is either both or, as
    /// before, the old group alone. The new one takes its place if it has the same id (R174).
    pub(crate) fn create_successor(
        &self,
        group_id: &[u8],
        options: &GroupOptions,
        old: &Group,
        spec: &CommitSpec<'_>,
    ) -> Result<(GroupState, bool, pleach_group::PendingCommit), Error> {
        let inner = &*self.0;
        let (mut changes, state, identity) = self.found(group_id, options)?;
        let place = inner.place(group_id);
        let env = inner.env(old.config());
        let mut rows = Rows::new();
        let first = loop {
            match state.build_commit(&env, &rows, &*identity.signer, spec) {
                Ok(step) => break step,
                Err(Interrupt::Need(Need::Rows(names))) => {
                    for name in names {
                        // Of the group there is only what is about to be written; PSKs are the client's.
                        let row = match changes.written(&name) {
                            Some(row) => Some(row.clone()),
                            None if matches!(
                                name,
                                RecordKey::ResumptionPsk(..) | RecordKey::ExternalPsk(_)
                            ) =>
                            {
                                inner.read(&place, &name)?
                            }
                            None => None,
                        };
                        rows.insert(name, row);
                    }
                }
                Err(Interrupt::Need(_)) => {
                    return Err(Error::Internal("a new group asks for more than rows"));
                }
                Err(Interrupt::Error(error)) => return Err(error.into()),
            }
        };
        Answers::ask(inner.auth(), group_id, first.output.credentials(), Some(state.own_leaf()))?.now()?; // R025
        changes.append_rows(first.changes);
        if group_id == old.id() {
            replace(&mut changes, old.head_version());
        }
        // Nobody has found the old group to be restored meanwhile.
        let mut more = VecBatch::new();
        more.guard_absent(restored_key(&inner.place(old.id())));
        let restored = self.enter_new(&state, &changes, more).map_err(|error| match error {
            Error::Storage(StorageError::Conflict { .. }) if !matches!(old.is_original(), Ok(true)) => {
                ApiMisuse::Restored.into()
            }
            other => other,
        })?;
        event!(info, group = %crate::trace::Id(group_id), "successor created");
        Ok((state, restored, first.output))
    }

    fn create(&self, group_id: &[u8], options: &GroupOptions) -> Result<Group, Error> {
        let (changes, state, _) = self.found(group_id, options)?;
        let restored = self.enter_new(&state, &changes, VecBatch::new())?;
        event!(info, group = %crate::trace::Id(group_id), suite = state.suite().id.0, "group created");
        Ok(Group::new(self.clone(), state, restored))
    }

    /// Stores a group that was made just now; whether it is restored, as where another copy of the store made it too.
    fn enter_new(&self, state: &GroupState, changes: &Changes, mut more: VecBatch) -> Result<bool, Error> {
        let inner = &*self.0;
        let place = inner.place(state.group_id());
        more.append(enter(&place, state.epoch(), &inner.config));
        let entry = inner.enter_marked(&place, Keys::Fresh, &mut more)?;
        inner.apply(&place, changes, more).map_err(group_exists)?;
        inner.entered(&place, entry)
    }

    /// The first state of a group, not stored yet.
    fn found(
        &self,
        group_id: &[u8],
        options: &GroupOptions,
    ) -> Result<(Changes, GroupState, SigningIdentity), Error> {
        let inner = &*self.0;
        let cipher_suite = options.suite.unwrap_or(inner.suite);
        let (leaf, identity) = inner.new_leaf(cipher_suite, options.leaf_extensions.clone())?;
        let env = inner.env(&inner.config);
        let new = NewGroup {
            group_id: group_id.to_vec(),
            cipher_suite,
            leaf,
            lifetime: options.lifetime.unwrap_or_else(|| crate::key_packages::default_lifetime(env.now)),
            extensions: options.all_extensions()?,
        };
        let Step { changes, output, .. } = create_group(&env, &new, &*identity.signer)?;
        Ok((changes, output, identity))
    }

    /// A group id that nobody else will choose: 32 random bytes.
    ///
    /// # Errors
    /// [`Error::Crypto`] if there is no randomness.
    pub fn random_group_id(&self) -> Result<Vec<u8>, Error> {
        Ok(self.0.provider.random.bytes(RANDOM_ID)?)
    }
}

/// Lets the first state of a group take the place of an older group of the same id, in this version.
pub(crate) fn replace(changes: &mut Changes, version: u64) {
    changes.guards.retain(|guard| *guard != Guard::Absent(RecordKey::Head));
    changes.guards.push(Guard::Version(RecordKey::Head, version));
    changes.rows.insert(0, Change::EraseRange(RecordRange::Group));
}

/// That a new group's head is there already means that the group is (R238).
pub(crate) fn group_exists(error: Error) -> Error {
    match error {
        Error::Storage(StorageError::Conflict { kind: RecordKind::Head }) => MisuseError::GroupExists.into(),
        other => other,
    }
}
