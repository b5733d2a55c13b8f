//! Receiving (RFC 9420 §6, §12.1, §12.4.2): from bytes to text, proposal or staged Commit.
//!
//! Nothing advances before everything about a message was checked (R147, R230). Work before authentication is linear in
//! the bytes received.

use crate::head::read_epoch;
use crate::message::{SecretTreeRows, StepBasis};
use crate::process::Basis;
use crate::received_proposal::{ReceivedProposal, external_sender_key};
use crate::{
    Changes, Env, GroupError, GroupState, Interrupt, MisbehaviorError, RecordKey, RowError, RowKind, Rows,
    StagedCommit, Status, StepResult,
};
use crate::{Effect, Step};
use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::fmt;
use pleach_crypto::Verifier;
use pleach_framing::{
    EpochContext, SignatureKey, Unverified, open_private, open_sender_data, ratchet_kind, unprotect_public,
};
use pleach_key_schedule::PastEpochSecrets;
use pleach_key_schedule::RatchetStep;
use pleach_wire::{
    AuthenticatedContent, Content, ContentType, LeafIndex, MlsMessage, MlsMessageBody, Opaque,
    PrivateMessage, PublicMessage, Sender, SenderData, decode,
};

/// What a message turned out to be.
#[derive(Debug)]
#[non_exhaustive]
pub enum Incoming {
    /// Application data.
    Application(ApplicationMessage),
    /// A proposal, now pending.
    Proposal(ReceivedProposal),
    /// A Commit, checked and ready to be merged.
    Commit(Box<StagedCommit>),
    /// A Commit made here, come back from the delivery service: by the hash under which it is pending.
    OwnCommit(Vec<u8>),
    /// A message sent by this member.
    OwnMessage,
    /// A proposal that is pending already.
    Duplicate,
    /// A message of an epoch yet to come: keep it until the Commit arrives that leads there.
    Future {
        /// Its epoch.
        epoch: u64,
    },
}

/// Application data with what authenticates it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApplicationMessage {
    /// The sender's leaf, in the epoch of the message.
    pub sender: LeafIndex,
    /// The epoch it was sent in.
    pub epoch: u64,
    /// Its place among the sender's messages of that epoch.
    pub generation: u32,
    /// The data.
    pub data: Vec<u8>,
    /// The authenticated data, which travelled in the clear.
    pub authenticated_data: Opaque,
}

impl fmt::Debug for ApplicationMessage {
    /// Without the text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ApplicationMessage(leaf {}, epoch {}, generation {}, {} bytes)",
            self.sender.0,
            self.epoch,
            self.generation,
            self.data.len()
        )
    }
}

/// A handshake message that is authentic: kept while the step reads what the rest takes.
pub(crate) struct Opened {
    /// Its bytes, and the state that it was opened in: it is no other's.
    message: Vec<u8>,
    basis: Basis,
    content: AuthenticatedContent,
    used: Option<UsedKey>,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("message", &self.message.len()).finish_non_exhaustive()
    }
}

/// Who sent a PrivateMessage: kept while the step reads the rows of that sender.
#[derive(Debug)]
pub(crate) struct OpenedSender {
    message: Vec<u8>,
    epoch: u64,
    data: SenderData,
}

/// The key that a PrivateMessage used, not used up yet.
#[derive(Debug, Clone)]
pub(crate) struct UsedKey {
    pub(crate) step: RatchetStep,
    pub(crate) basis: StepBasis,
}

impl GroupState {
    /// Processes an MLSMessage of this group. Changes of a Commit are written when it is merged.
    ///
    /// # Errors
    /// [`GroupError::Malformed`], [`GroupError::WrongGroup`] (R048), [`GroupError::WrongEpoch`] (R178, R229), and
    /// whatever the message does wrong; nothing is changed then.
    pub fn receive(&self, env: &Env<'_>, rows: &Rows, bytes: &[u8]) -> StepResult<Step<Incoming>> {
        if self.head.status == Status::Removed {
            return Err(crate::MisuseError::NotMember.into());
        }
        if let Some(opened) = rows.opened()
            && opened.message == bytes
            && opened.basis == self.basis()
        {
            return self.received(env, rows, &opened.content, opened.used.as_ref());
        }
        env.config.limits.check_message(bytes)?;
        let message: MlsMessage = decode(bytes)?;
        env.config.limits.check_decoded(&message)?;
        let (group_id, epoch, content_type) = match &message.body {
            MlsMessageBody::PublicMessage(message) => {
                let content = &message.content;
                (&content.group_id, content.epoch, content.content.content_type())
            }
            MlsMessageBody::PrivateMessage(message) => {
                (&message.group_id, message.epoch, message.content_type)
            }
            _ => return Err(MisbehaviorError::NotGroupMessage.into()),
        };
        if **group_id != *self.group_id() {
            return Err(GroupError::WrongGroup.into()); // R048
        }
        if epoch > self.epoch() {
            return Ok(unchanged(Incoming::Future { epoch }));
        }
        let handshake = content_type != ContentType::Application;
        if handshake && epoch < self.epoch() {
            return Err(self.wrong_epoch(epoch).into()); // R178, R229
        }
        if handshake {
            self.check_active()?;
        }
        match message.body {
            MlsMessageBody::PublicMessage(message) => self.receive_public(env, rows, message, bytes),
            MlsMessageBody::PrivateMessage(message) if epoch < self.epoch() => {
                self.receive_past(env, rows, &message)
            }
            MlsMessageBody::PrivateMessage(message) => self.receive_private(env, rows, &message, bytes),
            _ => Err(MisbehaviorError::NotGroupMessage.into()),
        }
    }

    fn wrong_epoch(&self, message: u64) -> GroupError {
        GroupError::WrongEpoch { current: self.epoch(), message }
    }

    /// A Commit of this member that is still pending, by its bytes.
    fn own_commit(&self, rows: &Rows, bytes: &[u8]) -> StepResult<Option<Step<Incoming>>> {
        let hash = self.suite.hash.hash(&[bytes]).as_bytes().to_vec();
        let is_pending = rows.read(RecordKey::PendingCommit(hash.clone()))?.is_some();
        Ok(is_pending.then(|| unchanged(Incoming::OwnCommit(hash))))
    }

    fn receive_public(
        &self,
        env: &Env<'_>,
        rows: &Rows,
        message: PublicMessage,
        bytes: &[u8],
    ) -> StepResult<Step<Incoming>> {
        if message.content.epoch != self.epoch() {
            return Err(self.wrong_epoch(message.content.epoch).into());
        }
        if message.content.sender == Sender::Member(self.head.own_leaf)
            && matches!(message.content.content, Content::Commit(_))
            && let Some(own) = self.own_commit(rows, bytes)?
        {
            return Ok(own);
        }
        if matches!(message.content.sender, Sender::Member(_)) && !env.config.wire.accept_public_handshake {
            return Err(MisbehaviorError::WireFormatRefused.into()); // R036
        }
        let epoch = self.epoch_context(env);
        let unverified = unprotect_public(&epoch, self.secrets()?.membership_key(), message)?;
        let verifier = self.verifier(env, rows, &unverified)?;
        let content = unverified.verify(&epoch, &*verifier)?.into_inner(); // R044
        self.received_or_kept(env, rows, bytes, content, None)
    }

    /// Goes on with an authentic handshake message, and keeps it if that takes another entry.
    fn received_or_kept(
        &self,
        env: &Env<'_>,
        rows: &Rows,
        bytes: &[u8],
        content: AuthenticatedContent,
        used: Option<UsedKey>,
    ) -> StepResult<Step<Incoming>> {
        let result = self.received(env, rows, &content, used.as_ref());
        if let Err(Interrupt::Need(_)) = result {
            rows.keep_opened(Opened { message: bytes.to_vec(), basis: self.basis(), content, used });
        }
        result
    }

    fn receive_private(
        &self,
        env: &Env<'_>,
        rows: &Rows,
        message: &PrivateMessage,
        bytes: &[u8],
    ) -> StepResult<Step<Incoming>> {
        let epoch = self.epoch_context(env);
        let known = rows.sender().filter(|known| known.message == bytes && known.epoch == message.epoch);
        let sender_data = match known {
            Some(known) => known.data,
            None => open_sender_data(&epoch, self.secrets()?.sender_data_secret(), message)?,
        };
        let leaf = sender_data.leaf_index;
        let is_own = leaf == self.head.own_leaf;
        if is_own
            && message.content_type == ContentType::Commit
            && let Some(own) = self.own_commit(rows, bytes)?
        {
            return Ok(own);
        }
        let handshake = message.content_type != ContentType::Application;
        if handshake && !env.config.wire.accept_private_handshake {
            return Err(MisbehaviorError::WireFormatRefused.into()); // R036
        }
        if is_own {
            if message.content_type == ContentType::Commit {
                return Err(MisbehaviorError::UnknownOwnCommit.into()); // R233
            }
            return Ok(unchanged(Incoming::OwnMessage));
        }
        let kind = ratchet_kind(message.content_type);
        let here = self.secret_tree();
        let sender_row = self.leaf_row(leaf);
        if let Err(need) = rows.require(sender_row.into_iter().chain(here.first_rows(leaf, kind))) {
            let (message, epoch) = (bytes.to_vec(), message.epoch);
            rows.keep_sender(OpenedSender { message, epoch, data: sender_data });
            return Err(need);
        }
        let sender = self.leaf_node(rows, leaf)?.ok_or(MisbehaviorError::SenderNotMember)?; // R059
        let (keys, step, basis) =
            here.prepare(env, &self.suite, rows, leaf, kind, Some(sender_data.generation))?;
        let unverified = open_private(&epoch, message, &sender_data, keys)?;
        let verifier = self.known_verifier(env, &sender.signature_key)?;
        let content = unverified.verify(&epoch, &*verifier)?.into_inner(); // R055
        env.config.limits.check_content(&content.content.content)?;
        let Content::Application(data) = content.content.content else {
            return self.received_or_kept(env, rows, bytes, content, Some(UsedKey { step, basis }));
        };
        let mut changes = Changes::default();
        changes.guard(self.guard_head());
        here.write(&mut changes, &step, basis);
        let output = Incoming::Application(ApplicationMessage {
            sender: leaf,
            epoch: self.epoch(),
            generation: sender_data.generation,
            data: data.into_vec(),
            authenticated_data: content.content.authenticated_data,
        });
        Ok(Step { changes, effect: Effect::None, output })
    }

    /// An application message of an epoch that is over but kept.
    fn receive_past(
        &self,
        env: &Env<'_>,
        rows: &Rows,
        message: &PrivateMessage,
    ) -> StepResult<Step<Incoming>> {
        let past = self
            .head
            .past
            .iter()
            .find(|past| past.epoch == message.epoch)
            .filter(|past| env.now.saturating_sub(past.left) <= env.config.past_epoch_age)
            .ok_or_else(|| self.wrong_epoch(message.epoch))?;
        // It may have expired, and the configuration allow more since.
        let row = rows.read(RecordKey::Epoch(past.epoch))?.ok_or_else(|| self.wrong_epoch(message.epoch))?;
        let (context_bytes, secrets) = read_epoch(row)?;
        let secrets = PastEpochSecrets::from_row(secrets)
            .map_err(|error| RowError::of_secrets(RowKind::Epoch, &error))?;
        let epoch =
            EpochContext { epoch: past.epoch, group_context: context_bytes, ..self.epoch_context(env) };
        let sender_data = open_sender_data(&epoch, secrets.sender_data_secret(), message)?;
        let leaf = sender_data.leaf_index;
        let signature_key = self.past_signature_key(rows, past.epoch, leaf)?;
        let here = SecretTreeRows { epoch: past.epoch, size: past.size, past: true };
        let kind = ratchet_kind(message.content_type);
        let (keys, step, basis) =
            here.prepare(env, &self.suite, rows, leaf, kind, Some(sender_data.generation))?;
        let unverified = open_private(&epoch, message, &sender_data, keys)?;
        let verifier = self.known_verifier(env, &signature_key)?;
        let content = unverified.verify(&epoch, &*verifier)?.into_inner(); // R055
        let Content::Application(data) = content.content.content else {
            return Err(self.wrong_epoch(message.epoch).into());
        };
        let mut changes = Changes::default();
        changes.guard(self.guard_head());
        here.write(&mut changes, &step, basis);
        let output = Incoming::Application(ApplicationMessage {
            sender: leaf,
            epoch: past.epoch,
            generation: sender_data.generation,
            data: data.into_vec(),
            authenticated_data: content.content.authenticated_data,
        });
        Ok(Step { changes, effect: Effect::None, output })
    }

    /// The signature key that a leaf had in a past epoch: that of the first replacement since, or today's.
    fn past_signature_key(&self, rows: &Rows, epoch: u64, leaf: LeafIndex) -> StepResult<Vec<u8>> {
        let later = self.head.past.iter().map(|past| past.epoch).filter(|past| *past >= epoch);
        rows.require(later.clone().map(|past| RecordKey::EpochLeaf(past, leaf)))?;
        for past in later {
            if let Some(row) = rows.read(RecordKey::EpochLeaf(past, leaf))? {
                return Ok(crate::psk::psk_from_row(RowKind::EpochLeaf, row)?.as_bytes().to_vec());
            }
        }
        let sender = self.leaf_node(rows, leaf)?.ok_or(MisbehaviorError::SenderNotMember)?; // R059
        Ok(sender.signature_key.to_vec())
    }

    fn known_verifier(&self, env: &Env<'_>, key: &[u8]) -> Result<Arc<dyn Verifier>, GroupError> {
        let verifier = env.verifiers.verifier(&self.suite, key);
        Ok(verifier.map_err(|_| MisbehaviorError::InvalidSignature)?)
    }

    /// The key that a PublicMessage must verify under (§6.1).
    fn verifier(
        &self,
        env: &Env<'_>,
        rows: &Rows,
        message: &Unverified<AuthenticatedContent>,
    ) -> StepResult<Arc<dyn Verifier>> {
        let key = match message.signature_key()? {
            SignatureKey::Member(leaf) => {
                self.leaf_node(rows, leaf)?.ok_or(MisbehaviorError::SenderNotMember)?.signature_key.clone() // R039
            }
            SignatureKey::External(index) => external_sender_key(&self.context.extensions, index)?,
            SignatureKey::Embedded(key) => key.clone(), // R042, R043
        };
        Ok(self.known_verifier(env, &key)?)
    }

    /// What follows from a handshake message that is authentic.
    fn received(
        &self,
        env: &Env<'_>,
        rows: &Rows,
        content: &AuthenticatedContent,
        used: Option<&UsedKey>,
    ) -> StepResult<Step<Incoming>> {
        match &content.content.content {
            Content::Proposal(proposal) => {
                let mut changes = Changes::default();
                if let Some(UsedKey { step, basis }) = used {
                    changes.guard(self.guard_head());
                    self.secret_tree().write(&mut changes, step, basis.clone());
                }
                self.received_proposal(env, rows, content, proposal, changes)
            }
            Content::Commit(commit) => {
                if content.content.sender == Sender::Member(self.head.own_leaf) {
                    // R233: it is not among the pending ones any more, and its secrets are gone.
                    return Err(MisbehaviorError::UnknownOwnCommit.into());
                }
                if !env.config.accept_external_commits && content.content.sender == Sender::NewMemberCommit {
                    return Err(GroupError::Denied("external commits are not accepted").into()); // R214
                }
                let mut staged = self.stage_commit(env, rows, content, commit)?;
                staged.used = used.cloned();
                Ok(unchanged(Incoming::Commit(Box::new(staged))))
            }
            Content::Application(_) => Err(MisbehaviorError::NotGroupMessage.into()), // R035
        }
    }
}

/// A step that changes nothing.
pub(crate) fn unchanged<T>(output: T) -> Step<T> {
    Step { changes: Changes::default(), effect: Effect::None, output }
}
