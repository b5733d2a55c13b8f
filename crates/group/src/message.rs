//! Sending: application messages and proposals (RFC 9420 §6, §12.1, §15), and the use of the secret tree by rows.
//!
//! A message reads and writes O(1) rows: head guard, one ratchet. A leaf's first message of an epoch also writes
//! one or two rows of O(log n) bytes, the secrets beside its path (§9.2), and reads O(log n) at most. A generation that was
//! used is persisted before the ciphertext leaves.

use crate::leaf::{LeafRules, Place, check_leaf};
use crate::proposals::PendingProposal;
use crate::psk::{Usage, check_psks};
use crate::row::{Reader, Writer};
use crate::{
    Change, Changes, Env, GroupError, GroupState, Guard, LeafSpec, MisuseError, RecordKey, RowError, RowKind,
    Rows, StepResult, apply, key_package,
};
use crate::{Effect, Step};
use alloc::{boxed::Box, vec::Vec};
use pleach_crypto::{KemKeyPair, Secret, Signer};
use pleach_framing::{
    EpochContext, proposal_ref, protect_private, protect_public, ratchet_kind, sign_content,
};
use pleach_key_schedule::{MessageKeys, RatchetKind, RatchetStep, SecretTree, SecretTreeKey, SecretTreeRow};
use pleach_wire::{
    Add, AuthenticatedContent, Content, Extensions, FramedContent, GroupContextExtensions, Kept, KeyPackage,
    LeafIndex, LeafNodeSource, MlsMessage, Opaque, PreSharedKey, PreSharedKeyId, Proposal, ProposalType, Psk,
    ReInit, Remove, Sender, TreeSize, Update, WireFormat, encode,
};

const FORMAT: u8 = 1;

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// The MLSMessage.
    pub message: Vec<u8>,
    /// For a proposal: its ProposalRef.
    pub reference: Option<Vec<u8>>,
    /// For a PrivateMessage: the generation that it used.
    pub generation: Option<u32>,
}

/// A proposal to make.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProposalSpec<'s> {
    /// Adds the owner of a key package (§12.1.1).
    Add(Kept<KeyPackage>),
    /// Replaces the own leaf (§12.1.2): with another content, and another signer, if given.
    Update(Option<LeafSpec>, Option<&'s dyn Signer>),
    /// Removes a member; oneself, to leave (§12.1.3).
    Remove(LeafIndex),
    /// Brings in a PSK under a fresh nonce (§12.1.4).
    PreSharedKey(Psk),
    /// Ends the group in favour of a successor (§12.1.5).
    ReInit(ReInit),
    /// Replaces the GroupContext's extensions (§12.1.7).
    GroupContextExtensions(Extensions),
    /// A proposal of the application's own type.
    Custom(ProposalType, Vec<u8>),
}

impl GroupState {
    /// The secret tree of this epoch.
    pub(crate) fn secret_tree(&self) -> SecretTreeRows {
        SecretTreeRows { epoch: self.epoch(), size: self.head.size, past: false }
    }

    pub(crate) fn epoch_context<'a>(&'a self, env: &Env<'a>) -> EpochContext<'a> {
        EpochContext {
            suite: &self.suite,
            group_id: &self.context.group_id,
            epoch: self.context.epoch,
            group_context: &self.context_bytes,
            external_proposal_types: env.rules.external_proposal_types(),
        }
    }

    /// Encrypts application data (§15). Rows written: one, after the leaf's first message of the epoch.
    ///
    /// # Errors
    /// [`MisuseError::PendingProposals`] while proposals wait to be committed (R217, R273); [`MisuseError::MessageLimit`]
    /// (R056); [`MisuseError::ReInitialized`] or [`MisuseError::NotMember`]; [`MisuseError::WrongSigner`].
    pub fn send_application(
        &self,
        env: &Env<'_>,
        rows: &Rows,
        signer: &dyn Signer,
        data: &[u8],
        authenticated_data: &[u8],
    ) -> StepResult<Step<Sent>> {
        self.check_active()?;
        self.check_signer(signer)?;
        if data.len() > env.config.limits.message_bytes {
            return Err(MisuseError::TooLong.into()); // R056: no peer with these limits would read it
        }
        let proposals = self.need_proposals()?;
        if !proposals.is_empty() {
            return Err(MisuseError::PendingProposals.into()); // R217, R273
        }
        self.ready_to_send(env, rows, WireFormat::PRIVATE_MESSAGE, RatchetKind::Application)?;
        let content = Content::Application(data.into());
        let signed = self.sign(env, signer, WireFormat::PRIVATE_MESSAGE, content, authenticated_data)?;
        let mut changes = Changes::default();
        let (message, generation) = self.protect(env, rows, signed, &mut changes)?;
        proposals.guard(&mut changes); // R217: nor one that another handle stored
        let output = Sent { message, reference: None, generation };
        Ok(Step { changes, effect: Effect::None, output })
    }

    /// Makes a proposal and keeps it among the pending ones (§12.1, R178).
    ///
    /// # Errors
    /// Those of the proposal's own rules (§12.1), of [`crate::Rules`], and as for
    /// [`GroupState::send_application`].
    pub fn propose(
        &self,
        env: &Env<'_>,
        rows: &Rows,
        signer: &dyn Signer,
        spec: &ProposalSpec<'_>,
        authenticated_data: &[u8],
    ) -> StepResult<Step<Sent>> {
        self.check_active()?;
        self.check_signer(signer)?;
        let cache = self.need_proposals()?;
        if cache.is_full_for(Sender::Member(self.head.own_leaf), env.config) {
            return Err(MisuseError::TooManyProposals.into());
        }
        let sequence = cache.next_sequence();
        self.ready_to_send(env, rows, handshake_format(env), RatchetKind::Handshake)?;
        let (proposal, private) = self.proposal(env, rows, signer, spec)?;
        let sender = Sender::Member(self.head.own_leaf);
        env.rules.allow_proposal(&self.context, &sender, &proposal)?;

        let content = Content::Proposal(proposal.clone());
        let signed = self.sign(env, signer, handshake_format(env), content, authenticated_data)?;
        let reference = proposal_ref(&self.suite, &signed)?.to_vec();
        let mut changes = Changes::default();
        let (message, generation) = self.protect(env, rows, signed, &mut changes)?;
        cache.change(&mut changes);
        let pending = PendingProposal {
            reference: reference.clone(),
            sender,
            proposal,
            sequence,
            message: Some(message.clone()),
        };
        changes.put(RecordKey::Proposal(reference.clone()), pending.to_row()?);
        if let Some(private) = private {
            let mut row = Writer::new(0, FORMAT);
            row.bytes(private.as_bytes());
            changes.put(RecordKey::OwnUpdateKey(reference.clone()), row.finish());
        }
        let output = Sent { message, reference: Some(reference), generation };
        Ok(Step { changes, effect: Effect::Proposal(Box::new(pending)), output })
    }

    /// Forgets all pending proposals of this epoch, with the keys of own Updates.
    ///
    /// # Errors
    /// [`crate::Need::Proposals`].
    pub fn discard_proposals(&self) -> StepResult<Step<()>> {
        let mut changes = Changes::default();
        changes.guard(self.guard_head());
        changes.erase_range(crate::RecordRange::Proposals);
        changes.erase_range(crate::RecordRange::OwnUpdateKeys);
        self.need_proposals()?.change(&mut changes);
        Ok(Step { changes, effect: Effect::NoProposals, output: () })
    }

    /// Builds the proposal, checks what can be checked alone, and returns the private key of an Update.
    pub(crate) fn proposal(
        &self,
        env: &Env<'_>,
        rows: &Rows,
        signer: &dyn Signer,
        spec: &ProposalSpec<'_>,
    ) -> StepResult<(Proposal, Option<Secret>)> {
        let proposal = match spec {
            ProposalSpec::Add(key_package) => {
                let rules = LeafRules::of(&self.context.extensions)?;
                key_package::validate_key_package(env, &self.suite, key_package, &rules, true)?; // R077, R179
                Proposal::Add(Add { key_package: key_package.clone() })
            }
            ProposalSpec::Update(leaf, new_signer) => {
                let own =
                    self.leaf_node(rows, self.head.own_leaf)?.ok_or(RowError::missing(RowKind::TreeNode))?;
                let leaf = leaf.clone().unwrap_or_else(|| LeafSpec::of(&own));
                let KemKeyPair { private, public } =
                    self.suite.kem.generate_key_pair(&*env.provider.random)?;
                let place = (self.group_id(), self.head.own_leaf);
                let signer = new_signer.unwrap_or(signer);
                let leaf_node =
                    leaf.sign(env, &self.suite, signer, &public, LeafNodeSource::Update, place)?;
                let rules = LeafRules::of(&self.context.extensions)?;
                let place = Place::Update(&own, self.head.own_leaf);
                check_leaf(&self.suite, &leaf_node, place, self.group_id(), &rules, false)?;
                return Ok((Proposal::Update(Update { leaf_node }), Some(private)));
            }
            ProposalSpec::Remove(removed) => {
                self.leaf_node(rows, *removed)?.ok_or(MisuseError::NoSuchMember)?; // R183
                Proposal::Remove(Remove { removed: *removed })
            }
            ProposalSpec::PreSharedKey(psk) => {
                let psk = fresh_psk(env, &self.suite, psk)?;
                check_psks(&self.suite, core::iter::once(&psk), Usage::Application)?;
                Proposal::PreSharedKey(PreSharedKey { psk })
            }
            ProposalSpec::ReInit(reinit) => Proposal::ReInit(reinit.clone()),
            ProposalSpec::GroupContextExtensions(extensions) => {
                apply::check_group_extensions(extensions)?;
                Proposal::GroupContextExtensions(GroupContextExtensions { extensions: extensions.clone() })
            }
            ProposalSpec::Custom(proposal_type, data) => {
                if proposal_type.is_default() || proposal_type.is_grease() {
                    return Err(MisuseError::Grease.into()); // R264
                }
                Proposal::Custom { proposal_type: *proposal_type, data: data.as_slice().into() }
            }
        };
        Ok((proposal, None))
    }

    /// Asks for the rows of the own ratchet first, so that signing and sealing are done once and not again after each
    /// [`crate::Need`].
    pub(crate) fn ready_to_send(
        &self,
        env: &Env<'_>,
        rows: &Rows,
        wire_format: WireFormat,
        kind: RatchetKind,
    ) -> StepResult<()> {
        if wire_format == WireFormat::PRIVATE_MESSAGE
            && !matches!(rows.read(self.row_to_send(kind)), Ok(Some(_)))
        {
            self.secret_tree().load(env, rows, self.head.own_leaf, kind, None)?;
        }
        Ok(())
    }

    /// The row that sending a PrivateMessage begins with, that of the own ratchet: to be read before the step is entered, so
    /// that it need not be entered twice.
    #[must_use]
    pub fn row_to_send(&self, kind: RatchetKind) -> RecordKey {
        RecordKey::Ratchet(self.epoch(), kind, self.head.own_leaf)
    }

    /// Signs content of this epoch as this member (R038).
    pub(crate) fn sign(
        &self,
        env: &Env<'_>,
        signer: &dyn Signer,
        wire_format: WireFormat,
        content: Content,
        authenticated_data: &[u8],
    ) -> Result<AuthenticatedContent, GroupError> {
        let content = FramedContent {
            group_id: self.context.group_id.clone(),
            epoch: self.context.epoch,
            sender: Sender::Member(self.head.own_leaf),
            authenticated_data: authenticated_data.into(),
            content,
        };
        Ok(sign_content(&self.epoch_context(env), signer, wire_format, content)?)
    }

    /// Frames signed content; a PrivateMessage takes the next generation, which goes into `changes` (R052).
    pub(crate) fn protect(
        &self,
        env: &Env<'_>,
        rows: &Rows,
        content: AuthenticatedContent,
        changes: &mut Changes,
    ) -> StepResult<(Vec<u8>, Option<u32>)> {
        let epoch = self.epoch_context(env);
        changes.guard(self.guard_head());
        if content.wire_format == WireFormat::PUBLIC_MESSAGE {
            let message = protect_public(&epoch, Some(self.secrets()?.membership_key()), content)?;
            return Ok((encode(&MlsMessage::from(message))?, None));
        }
        let kind = ratchet_kind(content.content.content.content_type());
        let here = self.secret_tree();
        let own = self.head.own_leaf;
        let (keys, step, basis) = here.prepare(env, &self.suite, rows, own, kind, None)?;
        if step.generation() >= env.config.messages_per_epoch {
            return Err(MisuseError::MessageLimit.into()); // R056, R272
        }
        here.write(changes, &step, basis);
        let sender_data_secret = self.secrets()?.sender_data_secret();
        let random = &*env.provider.random;
        let message =
            protect_private(&epoch, sender_data_secret, keys, &content, env.config.padding, random)?;
        Ok((encode(&MlsMessage::from(message))?, Some(step.generation())))
    }
}

/// The wire format of own handshake messages.
pub(crate) fn handshake_format(env: &Env<'_>) -> WireFormat {
    if env.config.wire.send_private_handshake {
        WireFormat::PRIVATE_MESSAGE
    } else {
        WireFormat::PUBLIC_MESSAGE
    }
}

/// A PreSharedKeyID with a fresh nonce of `Nh` bytes (R127).
pub(crate) fn fresh_psk(
    env: &Env<'_>,
    suite: &pleach_crypto::CipherSuite,
    psk: &Psk,
) -> Result<PreSharedKeyId, GroupError> {
    let psk_nonce = Opaque::from(env.provider.random.bytes(suite.secret_len())?);
    Ok(PreSharedKeyId { psk: psk.clone(), psk_nonce })
}

/// The private key in the row of an own Update.
pub(crate) fn own_update_key(row: &[u8]) -> Result<Secret, RowError> {
    let (_, mut row) = Reader::new(RowKind::OwnUpdateKey, row, FORMAT)?;
    let private = Secret::copy_from(row.bytes()?);
    row.end()?;
    Ok(private)
}

/// The secret tree of one epoch, as far as rows of it were read.
#[derive(Clone, Copy)]
pub(crate) struct SecretTreeRows {
    pub(crate) epoch: u64,
    pub(crate) size: TreeSize,
    pub(crate) past: bool,
}

/// The rows that a step of the secret tree was prepared on, and holds only while they are as they were read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StepBasis {
    /// The ratchet's version and bytes; `None` before its first use.
    ratchet: Option<(u64, Secret)>,
    /// The version of the node's row that loses a secret, at a leaf's first use.
    holder: Option<u64>,
}

impl SecretTreeRows {
    /// Prepares the use of a generation, or of the next one.
    pub(crate) fn prepare(
        self,
        env: &Env<'_>,
        suite: &pleach_crypto::CipherSuite,
        rows: &Rows,
        leaf: LeafIndex,
        kind: RatchetKind,
        generation: Option<u32>,
    ) -> StepResult<(MessageKeys, RatchetStep, StepBasis)> {
        let tree = self.load(env, rows, leaf, kind, generation)?;
        let (keys, step) = match generation {
            Some(generation) => tree.prepare(suite, leaf, kind, generation),
            None => tree.prepare_next(suite, leaf, kind),
        }?;
        let basis = self.basis(rows, &step)?;
        Ok((keys, step, basis))
    }

    /// The rows that the use of a ratchet begins with. A handshake message is its sender's first of the epoch as a rule, so what
    /// the ratchet's row would say is not awaited.
    pub(crate) fn first_rows(self, leaf: LeafIndex, kind: RatchetKind) -> impl Iterator<Item = RecordKey> {
        let root =
            (kind == RatchetKind::Handshake).then(|| self.record(SecretTreeKey::Node(self.size.root())));
        core::iter::once(self.record(SecretTreeKey::Ratchet(leaf, kind))).chain(root)
    }

    /// What the use of a generation, or of the next one, takes of the secret tree.
    fn load(
        self,
        env: &Env<'_>,
        rows: &Rows,
        leaf: LeafIndex,
        kind: RatchetKind,
        generation: Option<u32>,
    ) -> StepResult<SecretTree> {
        let limits = env.config.ratchet;
        let mut tree = if self.past {
            SecretTree::stored_past(self.size, limits)
        } else {
            SecretTree::stored(self.size, limits)
        };
        rows.require(self.first_rows(leaf, kind))?;
        loop {
            let missing = match generation {
                Some(generation) => tree.needs(leaf, kind, generation),
                None => tree.needs_to_send(leaf, kind),
            };
            if missing.is_empty() {
                break;
            }
            rows.require(missing.iter().map(|key| self.record(*key)))?;
            for key in missing {
                let name = self.record(key);
                let kind = name.kind();
                let row = rows.read(name)?.map(|row| unwrap(kind, row)).transpose()?;
                tree.load(key, row.map(|(_, bytes)| bytes))
                    .map_err(|error| RowError::of_secrets(kind, &error))?;
            }
        }
        Ok(tree)
    }

    /// The rows that a step stands on, as they are now. Asks for them.
    fn basis(self, rows: &Rows, step: &RatchetStep) -> StepResult<StepBasis> {
        let ratchet = self.record(SecretTreeKey::Ratchet(step.leaf(), step.kind()));
        let holder = step.holder().map(|node| self.record(SecretTreeKey::Node(node)));
        rows.require(holder.iter().cloned().chain([ratchet.clone()]))?;
        let ratchet = rows.read(ratchet)?.map(|row| unwrap(RowKind::Ratchet, row)).transpose()?;
        let holder = match holder {
            Some(holder) => rows.read(holder)?.map(|row| unwrap(RowKind::SecretNode, row)).transpose()?,
            None => None,
        };
        Ok(StepBasis {
            ratchet: ratchet.map(|(version, bytes)| (version, Secret::copy_from(bytes))),
            holder: holder.map(|(version, _)| version),
        })
    }

    /// Guards what the step stands on, and writes it. The ratchet's row is written each time: its version is what shows a
    /// second handle that it is late, even where only a skipped key was used.
    pub(crate) fn write(self, changes: &mut Changes, step: &RatchetStep, basis: StepBasis) {
        let key = SecretTreeKey::Ratchet(step.leaf(), step.kind());
        let version = basis.ratchet.as_ref().map_or(0, |(version, _)| *version);
        changes.guard(match &basis.ratchet {
            Some((version, _)) => Guard::Version(self.record(key), *version),
            None => Guard::Absent(self.record(key)),
        });
        let rows = step.rows();
        if let Some((_, bytes)) = basis.ratchet
            && !rows.iter().any(|row| row.key == key)
        {
            let row = SecretTreeRow { key, value: Some(bytes) };
            changes.rows.push(secret_tree_change(self.epoch, version.saturating_add(1), row));
        }
        let holder = step.holder().map(SecretTreeKey::Node);
        for row in rows {
            let mut version = version;
            if holder == Some(row.key) {
                // Another leaf's first use may have taken a secret out of it meanwhile: that one must not come back. A holder
                // without a row there cannot be; its guard would never hold.
                version = basis.holder.unwrap_or(u64::MAX);
                changes.guard(Guard::Version(self.record(row.key), version));
            }
            changes.rows.push(secret_tree_change(self.epoch, version.saturating_add(1), row));
        }
    }

    /// Whether a step that was prepared before can still be made: its ratchet and the row that loses a secret are as they
    /// were. Asks for the rows that tell.
    pub(crate) fn still_holds(self, rows: &Rows, step: &RatchetStep, before: &StepBasis) -> StepResult<bool> {
        Ok(self.basis(rows, step)? == *before)
    }

    fn record(self, key: SecretTreeKey) -> RecordKey {
        record(self.epoch, key)
    }
}

fn record(epoch: u64, key: SecretTreeKey) -> RecordKey {
    match key {
        SecretTreeKey::Node(node) => RecordKey::SecretNode(epoch, node),
        SecretTreeKey::Ratchet(leaf, kind) => RecordKey::Ratchet(epoch, kind, leaf),
        SecretTreeKey::Skipped(leaf, kind, generation) => RecordKey::Skipped(epoch, kind, leaf, generation),
    }
}

/// A row of the secret tree as a change.
pub(crate) fn secret_tree_change(epoch: u64, version: u64, row: SecretTreeRow) -> Change {
    let key = record(epoch, row.key);
    match row.value {
        None => Change::Erase(key),
        Some(value) => {
            let mut row = Writer::new(version, FORMAT);
            row.bytes(value.as_bytes());
            Change::Put(key, row.finish())
        }
    }
}

fn unwrap(kind: RowKind, row: &[u8]) -> Result<(u64, &[u8]), RowError> {
    let (version, mut row) = Reader::new(kind, row, FORMAT)?;
    let bytes = row.bytes()?;
    row.end()?;
    Ok((version, bytes))
}
