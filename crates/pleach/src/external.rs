//! Joining by an external Commit (RFC 9420 §12.4.3.2): with a GroupInfo and without an invitation. The same way leads a
//! member back that lost its state.
//!
//! The Commit is pending without a group: it is stored before it is sent, listed after a restart, and accepted when the
//! delivery service took it. Beside it is a small row:
//!
//! | row | suffix | value |
//! |---|---|---|
//! | Meta, of the client | `external`, length and group id, hash of the message | version: when it was built; format 1; 1 and the rollback guard's mark then, or 0 |

use crate::auth::Answers;
use crate::client::Inner;
use crate::create::group_exists;
use crate::directory::enter;
use crate::keys::{Place, split_length};
use crate::rollback::{Keys, RollbackMark};
use crate::row::{Reader, Writer};
use crate::trace::event;
use crate::{ApiMisuse, Client, Error, Group};
use pleach_group::{
    Changes, ExternalCommitSpec, MembershipChanges, MisuseError, RecordKey, RowKind, Status, external_commit,
    new_member_proposal, verify_group_info,
};
use pleach_storage::{
    Key, KeyBuf, KeyRange, RecordKind, Scope, Storage as _, StorageError, Value, VecBatch, row_version,
};
use pleach_wire::{Extensions, Psk, ResumptionPskUsage};
use std::sync::Arc;

impl Client {
    /// Begins to join by an external Commit to the group of this GroupInfo, given as an MLSMessage.
    pub fn external_join<'a>(&self, group_info: &'a [u8]) -> ExternalJoin<'a> {
        ExternalJoin {
            client: self.clone(),
            group_info,
            ratchet_tree: None,
            resync: false,
            psks: Vec::new(),
            leaf_extensions: Extensions::default(),
            authenticated_data: Vec::new(),
        }
    }

    /// The external Commits that are neither accepted nor discarded.
    ///
    /// # Errors
    /// Those of the store.
    pub fn pending_external(&self) -> Result<Vec<ExternalCommit>, Error> {
        let mut rows = Vec::new();
        let range = KeyRange::records(&self.0.id, Scope::Client, RecordKind::PendingExternalCommit);
        self.0.storage.scan(&range, &mut |row| {
            let (group_id, _) = split_length(row.key.suffix)
                .ok_or(StorageError::corrupt(RecordKind::PendingExternalCommit, "its key is too short"))?;
            rows.push((group_id.to_vec(), Value::new(row.value.to_vec())));
            Ok(())
        })?;
        rows.into_iter()
            .map(|(group_id, row)| {
                let pending =
                    Arc::new(pleach_group::PendingCommit::from_row(RowKind::PendingExternalCommit, &row)?);
                Ok(ExternalCommit { client: self.clone(), group_id, pending })
            })
            .collect()
    }

    /// Proposes to be added to the group of this GroupInfo (RFC 9420 §12.1.8, R043): makes a key package, and the proposal
    /// that holds it. A member must allow it and commit it; the Welcome then leads into the group.
    ///
    /// # Errors
    /// Whatever is wrong with the GroupInfo; those of the signer, the randomness and the store.
    pub fn propose_join(&self, group_info: &[u8]) -> Result<Vec<u8>, Error> {
        let inner = &*self.0;
        let group_info = crate::decode::group_info(&inner.config.limits, group_info)?;
        let context = &group_info.group_context;
        let suite = inner.cipher_suite(context.cipher_suite)?;
        let options = crate::KeyPackageOptions::default().suite(suite.id);
        let key_package = crate::decode::key_package(&inner.config.limits, &self.key_package_with(options)?)?;
        let identity = inner.identities.of_key(&key_package.leaf_node.signature_key)?;
        let group = (&*context.group_id, context.epoch);
        Ok(new_member_proposal(suite, group, key_package, &*identity.signer, &[])?)
    }
}

/// An external Commit that is being put together.
#[must_use = "a builder does nothing until it is built"]
#[derive(Debug)]
pub struct ExternalJoin<'a> {
    client: Client,
    group_info: &'a [u8],
    ratchet_tree: Option<&'a [u8]>,
    resync: bool,
    psks: Vec<Psk>,
    leaf_extensions: Extensions,
    authenticated_data: Vec<u8>,
}

impl<'a> ExternalJoin<'a> {
    /// The ratchet tree, if it is not in the GroupInfo: what [`Group::ratchet_tree`] gives.
    pub const fn ratchet_tree(mut self, ratchet_tree: &'a [u8]) -> Self {
        self.ratchet_tree = Some(ratchet_tree);
        self
    }

    /// Removes the former leaf of this client, if there is one (R208): for a member that lost its state. What this client
    /// still has of the group is replaced when the Commit is accepted.
    pub const fn resync(mut self, resync: bool) -> Self {
        self.resync = resync;
        self
    }

    /// Brings in an external PSK.
    pub fn psk(mut self, id: &[u8]) -> Self {
        self.psks.push(Psk::External { psk_id: id.into() });
        self
    }

    /// Brings in a resumption PSK: to prove former membership.
    pub fn resumption_psk(mut self, group_id: &[u8], epoch: u64) -> Self {
        let usage = ResumptionPskUsage::Application;
        self.psks.push(Psk::Resumption { usage, psk_group_id: group_id.into(), psk_epoch: epoch });
        self
    }

    /// Extensions of the own leaf.
    pub fn leaf_extensions(mut self, extensions: Extensions) -> Self {
        self.leaf_extensions = extensions;
        self
    }

    /// Authenticated data, which travels in the clear.
    pub fn authenticated_data(mut self, data: &[u8]) -> Self {
        self.authenticated_data = data.to_vec();
        self
    }

    /// Checks the GroupInfo and its tree, builds the Commit, and stores it. O(n).
    ///
    /// # Errors
    /// Whatever is wrong with the GroupInfo or the tree; [`Error::Denied`] or [`Error::AwaitingAuthentication`] for a
    /// member's credential; those of the signer and the store. Nothing is stored then.
    pub fn build(self) -> Result<ExternalCommit, Error> {
        let Self { client, group_info, ratchet_tree, resync, psks, leaf_extensions, authenticated_data } =
            self;
        let inner = &*client.0;
        inner.check_external_room()?;
        let group_info = verify_group_info(&inner.env(&inner.config), group_info, ratchet_tree)?;
        let context = group_info.context();
        let group_id = context.group_id.to_vec();
        let (leaf, identity) = inner.new_leaf(context.cipher_suite, leaf_extensions)?;
        let spec = ExternalCommitSpec { leaf, resync, psks, authenticated_data };
        let place = inner.place(&group_id);
        let step = inner.run_without_group(&inner.config, &place, |env, rows| {
            external_commit(env, rows, &group_info, &spec, &*identity.signer)
        })?;
        Answers::ask(inner.auth(), &group_id, step.output.credentials(), None)?.now()?; // R026
        let mut row = Writer::new(inner.clock.now());
        match inner.guard_mark(&place)? {
            Some(mark) => row.u8(1).raw(&mark.to_bytes()),
            None => row.u8(0),
        };
        let mut more = VecBatch::new();
        more.put(external_key(&place, step.output.hash()), row.finish());
        inner.apply(&place, &step.changes, more)?;
        event!(
            info,
            group = %crate::trace::Id(&group_id),
            epoch = step.output.epoch(),
            bytes = step.output.message().len(),
            resync,
            "external commit built"
        );
        Ok(ExternalCommit { client: client.clone(), group_id, pending: Arc::new(step.output) })
    }
}

/// An external Commit that is neither accepted nor discarded. Dropping it discards nothing.
#[derive(Debug, Clone)]
pub struct ExternalCommit {
    client: Client,
    group_id: Vec<u8>,
    pending: Arc<pleach_group::PendingCommit>,
}

impl ExternalCommit {
    /// The group that it joins.
    #[must_use]
    pub fn group_id(&self) -> &[u8] {
        &self.group_id
    }

    /// The MLSMessage to send to the group.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        self.pending.message()
    }

    /// The hash of the message, which is the name of the pending Commit.
    #[must_use]
    pub fn hash(&self) -> &[u8] {
        self.pending.hash()
    }

    /// The epoch that it ends.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.pending.epoch()
    }

    /// What it changes.
    #[must_use]
    pub fn changes(&self) -> &MembershipChanges {
        self.pending.summary()
    }

    /// Joins: the delivery service accepted the Commit. Other external Commits to the group end with it. A group that was
    /// [restored](Group::is_restored) is so no longer.
    ///
    /// # Errors
    /// [`Error::ApiMisuse`] if it is not pending any more; [`CryptoError::SuiteChanged`](pleach_crypto::CryptoError::SuiteChanged)
    /// if it was made under another numbering; those of the store.
    pub fn accept(self) -> Result<Group, Error> {
        let Self { client, group_id, pending } = self;
        let inner = &*client.0;
        let place = inner.place(&group_id);
        let own = RecordKey::PendingExternalCommit(pending.hash().to_vec());
        if inner.read(&place, &own)?.is_none() {
            return Err(MisuseError::NoSuchCommit.into());
        }
        match inner.open(&group_id) {
            Ok(state) if *state.status() == Status::Active && state.epoch() > pending.epoch() => {
                return Err(MisuseError::Stale.into()); // joined by other means, and further on
            }
            Ok(_) | Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error),
        }
        pending.check_suite(&inner.provider)?; // or the group could not be opened once it is written
        let mut more = enter(&place, pending.epoch().saturating_add(1), &inner.config);
        // Its keys are new, unless this is an old copy of a store in which it was accepted since.
        let keys = Keys::SinceMark(inner.external_mark(&place, pending.hash())?);
        let entry = inner.enter_marked(&place, keys, &mut more)?;
        more.guard_present(place.key(&RecordKey::PendingExternalCommit(pending.hash().to_vec())));
        let step = Arc::unwrap_or_clone(pending).join();
        inner.apply(&place, &step.changes, more).map_err(|error| match error {
            Error::Storage(StorageError::Conflict { kind: RecordKind::PendingExternalCommit }) => {
                MisuseError::NoSuchCommit.into()
            }
            other => group_exists(other),
        })?;
        let restored = inner.entered(&place, entry)?;
        let state = match step.output {
            Some(state) => state,
            None => inner.open(&group_id)?,
        };
        event!(info, group = %crate::trace::Id(&group_id), epoch = state.epoch(), "group joined by external commit");
        Ok(Group::new(client.clone(), state, restored))
    }

    /// Gives it up: its keys are erased.
    ///
    /// # Errors
    /// Those of the store.
    pub fn discard(self) -> Result<(), Error> {
        let inner = &*self.client.0;
        let place = inner.place(&self.group_id);
        let mut batch = VecBatch::new();
        batch.erase(place.key(&RecordKey::PendingExternalCommit(self.hash().to_vec())));
        batch.erase(external_key(&place, self.hash()));
        inner.apply(&place, &Changes::default(), batch)
    }
}

impl Inner {
    /// Refuses what would be more external Commits than the configuration allows. The small rows are counted: the Commits
    /// themselves hold whole groups.
    fn check_external_room(&self) -> Result<(), Error> {
        let most = self.limits.external_commits;
        let mut pending = 0;
        self.storage.scan(&KeyRange::suffixes(external_rows(&self.id)).limit(most), &mut |_| {
            pending += 1;
            Ok(())
        })?;
        if pending < most { Ok(()) } else { Err(ApiMisuse::TooManyPendingCommits { most }.into()) }
    }

    /// The guard's mark when an external Commit was built.
    fn external_mark(&self, place: &Place<'_>, hash: &[u8]) -> Result<Option<RollbackMark>, Error> {
        let Some(row) = self.storage.get(&external_key(place, hash).as_key())? else { return Ok(None) };
        let (_, mut reader) = Reader::new(&row, RecordKind::Meta)?;
        let mark = match reader.u8()? {
            0 => None,
            1 => Some(RollbackMark::from_bytes(reader.array()?)),
            _ => return Err(reader.impossible().into()),
        };
        reader.end()?;
        Ok(mark)
    }

    /// Erases external Commits that have been pending for too long; how many.
    pub(crate) fn expire_external(&self, now: u64, batch: &mut VecBatch) -> Result<usize, Error> {
        let mut expired = 0;
        self.storage.scan(&KeyRange::suffixes(external_rows(&self.id)), &mut |row| {
            let built = row_version(row.value).unwrap_or_default();
            if now.saturating_sub(built) > self.limits.external_commit_age {
                let name = row.key.suffix.get(EXTERNAL.len()..).unwrap_or_default();
                batch.erase(row.key).erase(Key::of_client(&self.id, RecordKind::PendingExternalCommit, name));
                expired += 1;
            }
            Ok(())
        })?;
        Ok(expired)
    }
}

const EXTERNAL: &[u8] = b"external";

const fn external_rows(client: &[u8]) -> Key<'_> {
    Key::of_client(client, RecordKind::Meta, EXTERNAL)
}

/// The small row beside an external Commit; without a hash, the beginning of all of a group's.
fn external_key(place: &Place<'_>, hash: &[u8]) -> KeyBuf {
    let mut key = external_rows(place.client).to_buf();
    key.push_suffix(crate::keys::pending_external(place.client, place.group).as_key().suffix);
    key.push_suffix(hash);
    key
}

/// Erases the small rows of all external Commits to a group.
pub(crate) fn forget_external(place: &Place<'_>, batch: &mut VecBatch) {
    batch.erase_range(KeyRange::suffixes(external_key(place, &[]).as_key()));
}
