//! From one epoch to the next: the new state, and the rows that make it so (RFC 9420 §8, §9.2, R099, R142).
//!
//! The rows are few whatever the group's size: head, two epochs, path keys, the secret tree's root, a resumption PSK, the
//! replaced leaves, and the tree's changed nodes. What the old epoch must not leave behind is erased by ranges.

use crate::clients::{Clients, clients_of};
use crate::head::{Head, PastEpoch, path_keys_row};
use crate::state::Attached;
use crate::{
    Change, Changes, Env, GroupConfig, GroupError, GroupState, Guard, RecordKey, RecordRange, Status, psk,
};
use alloc::{sync::Arc, vec::Vec};
use pleach_crypto::{CipherSuite, Digest, Secret};
use pleach_key_schedule::{EncryptionSecret, EpochSecrets, RatchetKind, SecretTree};
use pleach_wire::{GroupContext, Kept, LeafIndex, LeafNode};

/// How many resumption PSKs one Commit erases at most.
const PSKS_AT_ONCE: u64 = 64;

/// Everything that a new epoch consists of.
pub(crate) struct NewEpoch {
    pub(crate) suite: CipherSuite,
    pub(crate) context: GroupContext,
    pub(crate) context_bytes: Vec<u8>,
    pub(crate) interim_transcript_hash: Digest,
    pub(crate) confirmation_tag: Vec<u8>,
    pub(crate) secrets: EpochSecrets,
    pub(crate) encryption_secret: EncryptionSecret,
    pub(crate) attached: Attached,
    /// Rows of the index of clients that change with it.
    pub(crate) index: Vec<Change>,
    pub(crate) own_leaf: LeafIndex,
    pub(crate) own_signature_key: Vec<u8>,
    pub(crate) status: Status,
}

impl NewEpoch {
    /// The first state of this client in a group: created or joined. All rows are new.
    pub(crate) fn found(self, env: &Env<'_>) -> Result<(GroupState, Changes), GroupError> {
        let epoch = self.context.epoch;
        let mut changes = Changes::default();
        changes.guard(Guard::Absent(RecordKey::Head)); // R238
        // Those of an earlier stay in the group are within the same bounds.
        let first_psk = env.config.first_resumption_psk(epoch);
        let mut state = self.write(env, &mut changes, first_version(env)?, Vec::new(), first_psk)?;
        if let Some(attached) = &mut state.attached {
            changes.clients = clients_of(env, &state.suite, &attached.tree)?;
            changes.tree = Some((None, attached.tree.clone()));
            // A founder may commit before anything is stored.
            if attached.tree.member_count() == 1 {
                attached.clients = Clients::Known(changes.clients.iter().copied().collect());
            }
        }
        Ok((state, changes))
    }

    /// The next state of a member. `replaced` are leaves that are gone or have another key now.
    pub(crate) fn advance(
        self,
        env: &Env<'_>,
        old: &GroupState,
        replaced: &[(LeafIndex, Kept<LeafNode>)],
    ) -> Result<(GroupState, Changes), GroupError> {
        let mut changes = Changes::default();
        changes.guard(old.guard_head());
        leave_epoch(&mut changes, old.epoch());

        let (mut past, gone) = retained(env.config, env.now, &old.head.past);
        gone.iter().for_each(|epoch| forget_epoch(&mut changes, *epoch));
        if env.config.past_epochs == 0 {
            forget_epoch(&mut changes, old.epoch());
        } else {
            past.push(PastEpoch { epoch: old.epoch(), left: env.now, size: old.head.size });
            changes.put(RecordKey::Epoch(old.epoch()), old.past_epoch_row()?);
            for (index, leaf) in replaced {
                let key = RecordKey::EpochLeaf(old.epoch(), *index);
                changes.put(key, psk::psk_row(&Secret::copy_from(&leaf.signature_key)));
            }
        }
        let oldest = env.config.first_resumption_psk(self.context.epoch);
        // A few at a time, where the configuration allowed many more before.
        let first_psk = old.head.first_psk.max(oldest).min(old.head.first_psk.saturating_add(PSKS_AT_ONCE)); // R133
        for epoch in old.head.first_psk..first_psk.min(old.epoch().saturating_add(1)) {
            changes.erase(RecordKey::ResumptionPsk(old.group_id().to_vec(), epoch));
        }
        let old_tree = old.attached.as_ref().map(|attached| attached.tree.clone());
        let state = self.write(env, &mut changes, old.head.version.saturating_add(1), past, first_psk)?;
        changes.tree = state.attached.as_ref().map(|attached| (old_tree, attached.tree.clone()));
        Ok((state, changes))
    }

    fn write(
        mut self,
        env: &Env<'_>,
        changes: &mut Changes,
        version: u64,
        past: Vec<PastEpoch>,
        first_psk: u64,
    ) -> Result<GroupState, GroupError> {
        let epoch = self.context.epoch;
        let size = self.attached.tree.size();
        // From here on the rows know.
        self.attached.tree.forget_key_answers();
        self.attached.clients = Clients::Stored;
        changes.rows.append(&mut self.index);
        let state = GroupState {
            suite: self.suite,
            context: Arc::new(self.context),
            context_bytes: self.context_bytes.into(),
            secrets: Some(Arc::new(self.secrets)),
            head: Head {
                version,
                interim_transcript_hash: self.interim_transcript_hash.as_bytes().to_vec(),
                confirmation_tag: self.confirmation_tag,
                own_leaf: self.own_leaf,
                own_signature_key: self.own_signature_key,
                size,
                status: self.status,
                past,
                first_psk,
            },
            attached: Some(self.attached),
            proposals: Some(Arc::default()),
        };
        changes.put(RecordKey::Head, state.head_row()?);
        changes.put(RecordKey::Epoch(epoch), state.epoch_row());
        for row in SecretTree::new(size, self.encryption_secret, env.config.ratchet).rows() {
            changes.rows.push(crate::message::secret_tree_change(epoch, 0, row));
        }
        if let Some(attached) = &state.attached {
            changes.put(RecordKey::PathKeys, path_keys_row(&attached.private));
        }
        if env.config.resumption_psks > 0 {
            let key = RecordKey::ResumptionPsk(state.group_id().to_vec(), epoch);
            changes.put(key, psk::psk_row(state.secrets()?.resumption_psk()));
        }
        Ok(state)
    }
}

/// A row version that no earlier or later stay of this client in the group begins with, so that a handle from one stay
/// never passes the guards of another. With room to count up.
fn first_version(env: &Env<'_>) -> Result<u64, GroupError> {
    let mut bytes = [0; 8];
    env.provider.random.fill(&mut bytes)?;
    Ok(u64::from_be_bytes(bytes) >> 1)
}

/// What cannot outlast its epoch: handshake ratchets, proposals, own Updates, pending commits (R142, R222, R270).
fn leave_epoch(changes: &mut Changes, epoch: u64) {
    changes.erase_range(RecordRange::Ratchets(epoch, RatchetKind::Handshake));
    changes.erase_range(RecordRange::SkippedKeys(epoch, RatchetKind::Handshake));
    changes.erase_range(RecordRange::Proposals);
    changes.erase_range(RecordRange::OwnUpdateKeys);
    changes.erase_range(RecordRange::PendingCommits);
}

pub(crate) fn forget_epoch(changes: &mut Changes, epoch: u64) {
    changes.erase(RecordKey::Epoch(epoch));
    changes.erase_range(RecordRange::EpochLeaves(epoch));
    changes.erase_range(RecordRange::SecretNodes(epoch));
    changes.erase_range(RecordRange::Ratchets(epoch, RatchetKind::Application));
    changes.erase_range(RecordRange::SkippedKeys(epoch, RatchetKind::Application));
}

/// The past epochs to keep besides the one that is left now, and those to forget: by count and by age (R144, R269).
fn retained(config: &GroupConfig, now: u64, past: &[PastEpoch]) -> (Vec<PastEpoch>, Vec<u64>) {
    let surplus = (past.len() + 1).saturating_sub(config.past_epochs);
    let mut kept = Vec::new();
    let mut gone = Vec::new();
    for (position, epoch) in past.iter().enumerate() {
        if position < surplus || now.saturating_sub(epoch.left) > config.past_epoch_age {
            gone.push(epoch.epoch);
        } else {
            kept.push(*epoch);
        }
    }
    (kept, gone)
}

impl GroupState {
    /// This client was removed: what it may no longer use is erased (R232). The group stays listed.
    pub(crate) fn removed(&self) -> Result<(Self, Changes), GroupError> {
        let mut state = self.clone();
        state.secrets = None;
        state.attached = None;
        state.proposals = Some(Arc::default());
        state.head.version = self.head.version.saturating_add(1);
        state.head.status = Status::Removed;
        state.head.past = Vec::new();
        let mut changes = Changes::default();
        changes.guard(self.guard_head());
        changes.erase_range(RecordRange::Group);
        changes.put(RecordKey::Head, state.head_row()?);
        changes.put(RecordKey::Epoch(state.epoch()), state.epoch_row());
        Ok((state, changes))
    }
}
