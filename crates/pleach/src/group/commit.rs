//! Own Commits as values (RFC 9420 §12.4.1): built, sent, and merged when the delivery service accepted them; or never.
//!
//! [`CommitBuilder::build`] returns after everything that merging needs is in the store: a crash between sending and
//! merging loses nothing. Any number of Commits may be pending; the one that wins is merged, and the others end with the
//! epoch.

use super::Group;
use super::proposals::{LeafUpdate, external, resumption};
use crate::auth::Answers;
use crate::decode::key_package;
use crate::keys::Place;
use crate::trace::event;
use crate::{ApiMisuse, Error, SigningIdentity};
use pleach_crypto::Signer;
use pleach_group::{
    CommitSpec, GroupInfoSpec, MembershipChanges, MisuseError, PendingSelection, ProposalSpec, RecordKey,
    RecordRange, RowKind, Step, TreeDelivery, WelcomePart,
};
use pleach_storage::VecBatch;
use pleach_wire::{Extensions, LeafIndex, ProposalType, ReInit};
use std::sync::Arc;

/// Builds a Commit. Pending proposals are taken up unless told otherwise; what is named here is added by value.
#[must_use = "a builder does nothing until it is built"]
#[derive(Debug)]
pub struct CommitBuilder<'g> {
    group: &'g mut Group,
    spec: CommitSpec<'static>,
    update: LeafUpdate,
    /// The first thing that was wrong with an argument.
    error: Option<Error>,
}

impl Group {
    /// Begins a Commit. An empty one gives this member fresh keys and the group a fresh epoch.
    pub fn commit(&mut self) -> CommitBuilder<'_> {
        CommitBuilder { group: self, spec: CommitSpec::default(), update: LeafUpdate::new(), error: None }
    }

    /// The own Commits of this epoch that are neither merged nor discarded, in no order.
    ///
    /// # Errors
    /// [`ApiMisuse::Restored`] if this is an old copy of the group: they may use keys that the original used since. Where one of
    /// them was accepted, [`Group::receive`] finds it. Those of the store.
    pub fn pending(&self) -> Result<Vec<PendingCommit>, Error> {
        if !self.is_original()? {
            return Err(ApiMisuse::Restored.into());
        }
        self.stored_commits()
    }

    /// All that are pending, to be looked at.
    pub(super) fn stored_commits(&self) -> Result<Vec<PendingCommit>, Error> {
        let inner = &*self.client.0;
        let mut rows = Vec::new();
        let range = inner.place(self.id()).range(&RecordRange::PendingCommits);
        inner.storage.scan(&range.as_range(), &mut |row| {
            rows.push(pleach_storage::Value::new(row.value.to_vec()));
            Ok(())
        })?;
        rows.iter()
            .map(|row| {
                Ok(PendingCommit::new(pleach_group::PendingCommit::from_row(RowKind::PendingCommit, row)?))
            })
            .collect()
    }

    /// The pending Commit with this hash.
    ///
    /// # Errors
    /// [`Error::ApiMisuse`] if there is none, or this is an old copy of the group; those of the store.
    pub fn pending_commit(&self, hash: &[u8]) -> Result<PendingCommit, Error> {
        if !self.is_original()? {
            return Err(ApiMisuse::Restored.into());
        }
        self.stored_commit(hash)
    }

    /// A pending Commit that the delivery service accepted, or that is asked for.
    pub(super) fn stored_commit(&self, hash: &[u8]) -> Result<PendingCommit, Error> {
        let inner = &*self.client.0;
        let row = inner.read(&inner.place(self.id()), &RecordKey::PendingCommit(hash.to_vec()))?;
        let row = row.ok_or(MisuseError::NoSuchCommit)?;
        Ok(PendingCommit::new(pleach_group::PendingCommit::from_row(RowKind::PendingCommit, &row)?))
    }

    /// Gives up a pending Commit, by its hash: its keys are erased. Do so when the delivery service refused it. That there
    /// is none is no error.
    ///
    /// # Errors
    /// Those of the store.
    pub fn discard(&mut self, hash: &[u8]) -> Result<(), Error> {
        self.refresh()?;
        let step = self.state.discard_pending(hash);
        self.persist(step, VecBatch::new())
    }
}

impl Group {
    /// Whether what is stored may be sent: a copy's must not, whoever found that it is one. A guard that is behind catches
    /// up.
    pub(crate) fn is_original(&self) -> Result<bool, Error> {
        let inner = &*self.client.0;
        Ok(!self.restored && !inner.is_restored(&inner.place(self.id()))?)
    }

    /// Refuses what would be more pending Commits than the configuration allows.
    fn check_pending_room(&self) -> Result<(), Error> {
        let inner = &*self.client.0;
        let most = self.config.pending_commits;
        let mut pending = 0;
        let range = inner.place(self.id()).range(&RecordRange::PendingCommits);
        inner.storage.scan(&range.as_range().limit(most), &mut |_| {
            pending += 1;
            Ok(())
        })?;
        if pending < most { Ok(()) } else { Err(ApiMisuse::TooManyPendingCommits { most }.into()) }
    }

    /// Computes a Commit, and asks the authentication service about all credentials that it brings (R025).
    fn build_commit(
        &mut self,
        signer: &dyn Signer,
        spec: &CommitSpec<'_>,
    ) -> Result<Step<pleach_group::PendingCommit>, Error> {
        let step = self.step(|state, env, rows| state.build_commit(env, rows, signer, spec))?;
        let own = Some(self.own_index());
        Answers::ask(self.client.0.auth(), self.id(), step.output.credentials(), own)?.now()?;
        Ok(step)
    }

    /// The pending proposals whose credentials the authentication service accepts now.
    fn authenticated_proposals(&mut self) -> Result<Vec<Vec<u8>>, Error> {
        let own = Some(self.own_index());
        let mut accepted = Vec::new();
        for pending in self.pending_proposals()? {
            let credentials = self.step(|state, _, rows| state.credentials_of(rows, &pending))?;
            let answered = Answers::ask(self.client.0.auth(), self.id(), &credentials, own);
            if answered.and_then(|answers| answers.now()).is_ok() {
                accepted.push(pending.reference);
            }
        }
        Ok(accepted)
    }
}

impl CommitBuilder<'_> {
    /// Adds the owner of a key package, given as an MLSMessage.
    #[expect(clippy::should_implement_trait, reason = "the RFC's word; a Commit is not a sum")]
    pub fn add(mut self, key_package_message: impl AsRef<[u8]>) -> Self {
        match key_package(&self.group.config.limits, key_package_message.as_ref()) {
            Ok(key_package) => self.spec.proposals.push(ProposalSpec::Add(key_package)),
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
        self
    }

    /// Removes a member. Not oneself: [`Group::leave`].
    pub fn remove(self, member: LeafIndex) -> Self {
        self.proposal(ProposalSpec::Remove(member))
    }

    /// Brings an external PSK into the key schedule.
    pub fn psk(self, id: &[u8]) -> Self {
        self.proposal(ProposalSpec::PreSharedKey(external(id)))
    }

    /// Brings in the resumption PSK of an epoch, of this group or another.
    pub fn resumption_psk(self, group_id: &[u8], epoch: u64) -> Self {
        self.proposal(ProposalSpec::PreSharedKey(resumption(group_id, epoch)))
    }

    /// Ends the group in favour of a successor. Stands alone: pending proposals are left out (R168).
    pub fn reinit(self, successor: ReInit) -> Self {
        self.proposal(ProposalSpec::ReInit(successor))
    }

    /// Replaces the extensions of the group; those not named are dropped (R186).
    pub fn extensions(self, extensions: Extensions) -> Self {
        self.proposal(ProposalSpec::GroupContextExtensions(extensions))
    }

    /// Commits a proposal of the application's own type.
    pub fn custom(self, proposal_type: ProposalType, data: &[u8]) -> Self {
        self.proposal(ProposalSpec::Custom(proposal_type, data.to_vec()))
    }

    /// Replaces credential and signature key of the own leaf. The client knows the new identity from here on.
    pub fn rotate(mut self, identity: SigningIdentity) -> Self {
        self.update.identity = Some(identity);
        self
    }

    /// Replaces the extensions of the own leaf.
    pub fn leaf_extensions(mut self, extensions: Extensions) -> Self {
        self.update.extensions = Some(extensions);
        self
    }

    /// Gives this member fresh keys even where the RFC does not ask for it (R221).
    pub fn force_path(mut self) -> Self {
        self.spec.force_path = true;
        self
    }

    /// Authenticated data, which travels in the clear.
    pub fn authenticated_data(mut self, data: &[u8]) -> Self {
        self.spec.authenticated_data = data.to_vec();
        self
    }

    /// Where new members get the ratchet tree from. By default from the Welcome, unless the tree is above the configured
    /// size ([`Group::ratchet_tree`] gives it then).
    pub fn tree(mut self, delivery: TreeDelivery) -> Self {
        self.spec.tree = delivery;
        self
    }

    /// Leaves all pending proposals out.
    pub fn skip_pending(mut self) -> Self {
        self.spec.pending = PendingSelection::None;
        self
    }

    /// Takes up these pending proposals and no others, by their ProposalRefs.
    pub fn only_pending(mut self, references: Vec<Vec<u8>>) -> Self {
        self.spec.pending = PendingSelection::Only(references);
        self
    }

    /// Also makes a GroupInfo of the new epoch, for whoever publishes it: [`PendingCommit::group_info`].
    pub fn group_info(mut self, spec: GroupInfoSpec) -> Self {
        self.spec.group_info = Some(spec);
        self
    }

    /// Makes several Welcomes at once: at most so many new members in each (R249). All are stored with the Commit, and each has
    /// the encrypted GroupInfo; [`PendingCommit::split_welcomes`] does the same when they are sent.
    pub fn welcome_size(mut self, members: usize) -> Self {
        self.spec.welcome_size = Some(members);
        self
    }

    /// Any proposal by value.
    pub fn proposal(mut self, proposal: ProposalSpec<'static>) -> Self {
        self.spec.proposals.push(proposal);
        self
    }

    /// Builds the Commit and stores it, with all that merging needs. The group stays in its epoch until the Commit is
    /// given to [`Group::merge`].
    ///
    /// Cost: O(log n) and a seal for each node of the copath and each new member.
    ///
    /// # Errors
    /// Whatever is wrong with an argument or a key package; [`Error::Denied`] or [`Error::AwaitingAuthentication`] for a
    /// credential that it would bring in; [`Error::ApiMisuse`] for what the group cannot do; those of the signer and the
    /// store. Nothing is stored then.
    pub fn build(self) -> Result<PendingCommit, Error> {
        let Self { group, mut spec, update, error } = self;
        if let Some(error) = error {
            return Err(error);
        }
        group.may_send()?;
        group.check_pending_room()?;
        // Whoever merged an own Commit held it then, and has dropped it by now, as a rule.
        group.state.settle();
        let signer = group.identity()?.signer;
        spec.own_leaf.leaf = group.leaf_spec(&update)?;
        // From here on it borrows the new signer.
        let mut spec: CommitSpec<'_> = spec;
        spec.own_leaf.signer = update.identity.as_ref().map(|identity| &*identity.signer);
        let mut attempt = group.build_commit(&*signer, &spec);
        if matches!(attempt, Err(Error::Denied(_) | Error::AwaitingAuthentication { .. }))
            && spec.pending == PendingSelection::All
        {
            // A pending proposal whose credential is not answered for must not hold everybody up: leave it out.
            spec.pending = PendingSelection::Only(group.authenticated_proposals()?);
            attempt = group.build_commit(&*signer, &spec);
        }
        let step = attempt?;
        let pending = group.persist_sent(step, VecBatch::new())?;
        if let Some(identity) = update.identity {
            group.client.0.identities.add(identity, false);
        }
        event!(
            info,
            group = %crate::trace::Id(group.id()),
            epoch = group.epoch(),
            bytes = pending.message().len(),
            added = pending.summary().added.len(),
            removed = pending.summary().removed.len(),
            "commit built"
        );
        Ok(PendingCommit::new(pending))
    }
}

/// An own Commit that is neither merged nor discarded. Cheap to clone; dropping it discards nothing.
#[derive(Debug, Clone)]
pub struct PendingCommit(Arc<pleach_group::PendingCommit>);

impl PendingCommit {
    pub(crate) fn new(pending: pleach_group::PendingCommit) -> Self {
        Self(Arc::new(pending))
    }

    pub(crate) fn into_inner(self) -> pleach_group::PendingCommit {
        Arc::unwrap_or_clone(self.0)
    }

    /// What merging writes beside: nothing, but only while the Commit is still pending.
    pub(crate) fn still_pending(&self, place: &Place<'_>) -> VecBatch {
        let mut batch = VecBatch::new();
        batch.guard_present(place.key(&RecordKey::PendingCommit(self.hash().to_vec())));
        batch
    }

    /// The MLSMessage to send to the group.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        self.0.message()
    }

    /// The Welcome for the members that it adds, as an MLSMessage; the first, if it was split. Send it when the Commit was
    /// accepted (R228).
    #[must_use]
    pub fn welcome(&self) -> Option<&[u8]> {
        self.0.welcomes().first().map(|part| part.message.as_slice())
    }

    /// The Welcomes, with those that each is for.
    #[must_use]
    pub fn welcomes(&self) -> &[WelcomePart] {
        self.0.welcomes()
    }

    /// The Welcome for one new member alone, by its KeyPackageRef ([`Client::key_package_ref`](crate::Client::key_package_ref)),
    /// as an MLSMessage: `None` if the Commit adds no such member. So nobody downloads the secrets of n members to read one.
    ///
    /// It is cut out of [`PendingCommit::welcome`], and holds the encrypted GroupInfo as that does. Where there are many, let
    /// that not hold the tree ([`TreeDelivery::OutOfBand`], the default above a configured size): then, in suite 1, it takes some
    /// 600 bytes. O(n) to find the member; for all of them, [`PendingCommit::split_welcomes`].
    ///
    /// # Errors
    /// [`Error::Storage`] if what was stored is no Welcome.
    pub fn welcome_for(&self, key_package_ref: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.0.welcome_for(key_package_ref)?)
    }

    /// The Welcomes cut into such for at most so many new members each (R249), in the order in which they were added: `1` for one
    /// each. Made one after the other, without cryptography; the encrypted GroupInfo is in each of them.
    ///
    /// A delivery service that is given the one Welcome can do the same: [`WelcomeParts`](crate::wire::WelcomeParts).
    ///
    /// # Errors
    /// [`Error::Storage`] if what was stored is no Welcome.
    pub fn split_welcomes(&self, members: usize) -> Result<impl Iterator<Item = WelcomePart> + '_, Error> {
        Ok(self.0.split_welcomes(members)?)
    }

    /// The GroupInfo of the new epoch, if it was asked for, as an MLSMessage.
    #[must_use]
    pub fn group_info(&self) -> Option<&[u8]> {
        self.0.group_info()
    }

    /// The hash of the message, which is the name of the pending Commit.
    #[must_use]
    pub fn hash(&self) -> &[u8] {
        self.0.hash()
    }

    /// The epoch that it was made in, and ends.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.0.epoch()
    }

    /// What merging it will change.
    #[must_use]
    pub fn changes(&self) -> &MembershipChanges {
        self.0.summary()
    }
}
