//! Processing a received Commit (RFC 9420 §12.4.2): everything is checked on clones, and the result is staged.

use crate::apply::{Applied, Base, Committer, Resolved, check_members};
use crate::clients::{ClientEdits, Clients, client_key};
use crate::epoch::NewEpoch;
use crate::leaf::{Place, check_leaf, check_leaf_signature};
use crate::message::own_update_key;
use crate::psk::{Usage, psk_secret_of};
use crate::receive::UsedKey;
use crate::schedule::{Schedule, provisional_context};
use crate::state::Attached;
use crate::{
    Change, Changes, CredentialCheck, CredentialReason, Env, GroupError, GroupState, Interrupt,
    MembershipChanges, MisbehaviorError, MisuseError, PendingProposal, ProposalCache, RecordKey, RowError,
    RowKind, Rows, Status, StepResult,
};
use crate::{Effect, Step};
use alloc::{boxed::Box, collections::BTreeSet, vec::Vec};
use pleach_crypto::{CipherSuite, Secret};
use pleach_key_schedule::{InitSecret, RatchetKind, interim_transcript_hash};
use pleach_wire::{
    AuthenticatedContent, Commit, Kept, LeafIndex, LeafNode, Opaque, ProposalOrRef, ReInit, Sender,
    UpdatePath, encode,
};

/// A Commit of another member that passed every check, and what merging it will do. Dropping it changes nothing: the
/// same bytes can be received again.
#[derive(Debug)]
pub struct StagedCommit {
    pub(crate) basis: Basis,
    /// The key that it used, if it came as a PrivateMessage: used up by the merge (R142).
    pub(crate) used: Option<UsedKey>,
    pub(crate) outcome: Outcome,
    pub(crate) summary: MembershipChanges,
    pub(crate) credentials: Vec<CredentialCheck>,
}

/// What a staged Commit belongs to. A member of two groups, or two members in one process, may mix values up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Basis {
    group_id: Opaque,
    epoch: u64,
    own_leaf: LeafIndex,
    head_version: u64,
}

#[derive(Debug)]
pub(crate) enum Outcome {
    Next(Box<(GroupState, Changes)>),
    Removed,
}

impl StagedCommit {
    /// The epoch it leads to.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.summary.epoch
    }

    /// The new credentials that must be answered for before it is merged (R027 to R031).
    #[must_use]
    pub fn credentials(&self) -> &[CredentialCheck] {
        &self.credentials
    }

    /// What merging will change.
    #[must_use]
    pub fn summary(&self) -> &MembershipChanges {
        &self.summary
    }

    /// Whether it removes this client.
    #[must_use]
    pub fn removes_us(&self) -> bool {
        self.summary.removed_us
    }
}

/// The proposals of a Commit, each with its sender (R205, R206, R222).
pub(crate) fn resolve(
    commit: &Commit,
    committer: Sender,
    cache: &ProposalCache,
    rows: Option<&Rows>,
) -> StepResult<Vec<Resolved>> {
    // Another handle may have received what this one has not: the rows know.
    if let Some(rows) = rows {
        rows.require(commit.proposals.iter().filter_map(|entry| match entry {
            ProposalOrRef::Reference(reference)
                if !reference.is_empty() && cache.find(reference).is_none() =>
            {
                Some(RecordKey::Proposal(reference.to_vec()))
            }
            _ => None,
        }))?;
    }
    commit
        .proposals
        .iter()
        .map(|entry| match entry {
            ProposalOrRef::Proposal(proposal) => {
                Ok(Resolved { proposal: proposal.clone(), sender: committer, reference: None })
            }
            ProposalOrRef::Reference(_) if committer == Sender::NewMemberCommit => {
                Err(MisbehaviorError::ReferenceInExternalCommit.into()) // R210
            }
            ProposalOrRef::Reference(reference) => {
                let pending = match (cache.find(reference), rows) {
                    (Some(pending), _) => pending.clone(),
                    // Under the empty reference there is a row, but no proposal.
                    _ if reference.is_empty() => return Err(MisbehaviorError::UnknownProposal.into()), // R205
                    (None, Some(rows)) => {
                        let row = rows.read(RecordKey::Proposal(reference.to_vec()))?;
                        let row = row.ok_or(MisbehaviorError::UnknownProposal)?; // R205
                        PendingProposal::from_row(reference.to_vec(), row)?
                    }
                    (None, None) => return Err(MisbehaviorError::UnknownProposal.into()), // R205
                };
                Ok(Resolved {
                    proposal: pending.proposal,
                    sender: pending.sender,
                    reference: Some(pending.reference),
                })
            }
        })
        .collect()
}

/// The committer of a path: its place, the leaf it replaces, and the credential question.
pub(crate) struct PathSender {
    pub(crate) index: LeafIndex,
    pub(crate) old: Option<Kept<LeafNode>>,
    pub(crate) check: Option<CredentialCheck>,
}

/// Who commits, and what its new leaf must satisfy (R082, R090, R208, R213).
pub(crate) fn path_sender(
    committer: Committer<'_>,
    applied: &Applied,
    new: &LeafNode,
) -> Result<PathSender, GroupError> {
    match committer {
        Committer::Member(index) => {
            let old = applied.tree.member(index)?.clone();
            let check = CredentialCheck::replacing(CredentialReason::Commit, index, &old, new);
            Ok(PathSender { index, old: Some(old), check })
        }
        Committer::External(_) => {
            let index = applied.tree.next_leaf_index(); // R213
            let old = applied.removed.first().map(|(_, old)| old.clone());
            let check = match &old {
                Some(old) => CredentialCheck::replacing(CredentialReason::ExternalCommit, index, old, new),
                None => Some(CredentialCheck::new(CredentialReason::ExternalCommit, Some(index), new)),
            };
            Ok(PathSender { index, old, check })
        }
    }
}

/// The leaves whose signature key in the epoch that ends is not the one in the next.
pub(crate) fn replaced_leaves(
    applied: &Applied,
    new_tree: &pleach_tree::RatchetTree,
    sender: Option<&PathSender>,
) -> Result<Vec<(LeafIndex, Kept<LeafNode>)>, GroupError> {
    let mut replaced = applied.removed.clone();
    let mut seen: BTreeSet<LeafIndex> = replaced.iter().map(|(index, _)| *index).collect();
    let updated = applied.updated.iter().map(|updated| (updated.index, &updated.old));
    let committer = sender.and_then(|sender| Some((sender.index, sender.old.as_ref()?)));
    for (index, old) in updated.chain(committer) {
        let changed = new_tree.leaf(index)?.is_none_or(|new| new.signature_key != old.signature_key);
        if changed && seen.insert(index) {
            replaced.push((index, old.clone()));
        }
    }
    Ok(replaced)
}

/// What a Commit changes, for the application.
pub(crate) fn summary(
    applied: &Applied,
    epoch: u64,
    committer: Committer<'_>,
    sender: Option<&PathSender>,
    authenticated_data: &Opaque,
) -> MembershipChanges {
    let mut updated: Vec<_> = applied.updated.iter().map(|updated| updated.index).collect();
    let mut joined = None;
    match (committer, sender) {
        (Committer::Member(index), Some(_)) => updated.push(index),
        (Committer::External(_), Some(sender)) => joined = Some(sender.index),
        _ => {}
    }
    MembershipChanges {
        epoch,
        committer: match committer {
            Committer::Member(index) => Some(index),
            Committer::External(_) => None,
        },
        added: applied.added.iter().map(|(index, _)| *index).collect(),
        removed: applied.removed.iter().map(|(index, leaf)| (*index, leaf.credential.clone())).collect(),
        updated,
        joined,
        extensions_changed: applied.extensions_changed,
        psks: applied.psks.clone(),
        reinit: applied.reinit.clone(),
        custom: applied.custom.clone(),
        removed_us: false,
        authenticated_data: authenticated_data.clone(),
    }
}

/// The status that follows from a list of proposals (R169).
pub(crate) fn status_after(reinit: Option<&ReInit>) -> Status {
    reinit.cloned().map_or(Status::Active, Status::ReInitialized)
}

impl GroupState {
    /// Checks a Commit whose signature is verified, and computes what merging it does.
    pub(crate) fn stage_commit(
        &self,
        env: &Env<'_>,
        rows: &Rows,
        content: &AuthenticatedContent,
        commit: &Commit,
    ) -> StepResult<StagedCommit> {
        let sender = content.content.sender;
        let attached = self.need_tree_with(match sender {
            Sender::Member(index) => Some(index),
            _ => None,
        })?;
        let committer = match sender {
            Sender::Member(index) => Committer::Member(index),
            Sender::NewMemberCommit => match &commit.path {
                Some(path) => Committer::External(&path.leaf_node),
                None => return Err(MisbehaviorError::ExternalCommitWithoutPath.into()), // R211
            },
            _ => return Err(MisbehaviorError::SenderNotMember.into()),
        };
        if let Some(path) = &commit.path
            && !rows.has_keys()
        {
            attached.tree.need_keys_of_path(path)?; // else the first entry would do most of the work in vain
        }
        let proposals = resolve(commit, sender, self.need_proposals()?, Some(rows))?;
        let base = Base {
            env,
            rows,
            suite: &self.suite,
            context: &self.context,
            attached,
            psk_usage: Usage::Application,
            check_lifetimes: env.config.lifetime.check_committed, // R078
        };
        let mut applied = base.apply(&proposals, committer)?;
        if applied.path_required && commit.path.is_none() {
            return Err(MisbehaviorError::MissingPath.into()); // R220
        }
        if let Committer::External(joiner) = committer {
            let removes = applied.removed.first().map(|(index, _)| *index);
            env.rules.allow_external_commit(&self.context, joiner, removes)?; // R214
        }
        let mut credentials = core::mem::take(&mut applied.checks);
        let authenticated_data = &content.content.authenticated_data;
        let mut private = attached.private.clone();
        for updated in applied.updated.iter().filter(|updated| updated.index == self.head.own_leaf) {
            let reference = updated.reference.clone().unwrap_or_default();
            let row = rows
                .read(RecordKey::OwnUpdateKey(reference))?
                .ok_or(RowError::missing(RowKind::OwnUpdateKey))?;
            private.set_leaf_private(own_update_key(row)?);
        }
        let path_sender = match &commit.path {
            None => None,
            Some(path) => {
                let sender = path_sender(committer, &applied, &path.leaf_node)?;
                self.check_path_leaf(&applied, &sender, path)?;
                Some(sender)
            }
        };
        credentials.extend(path_sender.as_ref().and_then(|sender| sender.check.clone()));
        let added: Vec<_> = applied.added.iter().map(|(index, _)| *index).collect();
        let tree = match (&commit.path, &path_sender) {
            (Some(path), Some(sender)) => {
                applied.tree.apply_update_path(sender.index, path, &added).map_err(path_error)?
            }
            _ => applied.tree.clone(),
        };
        // The dear check last: until here rows may be missing, and then all of this is done again.
        if let (Some(path), Some(sender)) = (&commit.path, &path_sender) {
            let verifier = env.verifiers.verifier(&self.suite, &path.leaf_node.signature_key);
            let verifier = verifier.map_err(|_| MisbehaviorError::LeafNodeSignature)?;
            let group = self.group_id();
            check_leaf_signature(&self.suite, &*verifier, &path.leaf_node, group, sender.index)?;
        }
        check_members(&tree, &applied.rules, applied.extensions_changed)?;
        let provisional = provisional_context(&self.context, tree.tree_hash()?, &applied.extensions)?;
        if applied.removed.iter().any(|(index, _)| *index == self.head.own_leaf) {
            // R232: the secrets are not for us, so the tag cannot be checked; everything that is public was. Otherwise a
            // Commit that all others refuse could still remove its victim in the victim's own eyes.
            let sender = path_sender.as_ref();
            let mut summary = summary(&applied, provisional.epoch, committer, sender, authenticated_data);
            summary.removed_us = true;
            return Ok(self.staged(Outcome::Removed, summary, credentials));
        }
        // What these ask for comes before the decryption, so that it is done once.
        let psk_secret = psk_secret_of(&self.suite, rows, &applied.psks, Some(self))?;
        let (clients, index) =
            clients_after((env, &self.suite, rows), &mut applied, path_sender.as_ref(), &tree)?;
        let commit_secret = match (&commit.path, &path_sender) {
            (Some(path), Some(sender)) => {
                let context = encode(&provisional)?;
                let (secret, new_private) =
                    tree.decrypt_path(sender.index, &private, path, &context, &added).map_err(path_error)?;
                private = new_private;
                secret
            }
            _ => Secret::zero(self.suite.secret_len()), // R224
        };
        private.retain(&tree)?; // R099

        let init_secret = match &applied.external_init {
            Some(kem_output) => self.external_init(kem_output)?,
            None => self.secrets()?.init_secret(),
        };
        let schedule = Schedule::new(
            &self.suite,
            provisional,
            &self.head.interim_transcript_hash,
            content,
            (init_secret, commit_secret, psk_secret),
        )?;
        let tag = content.auth.confirmation_tag.as_deref().unwrap_or_default();
        schedule
            .secrets
            .verify_confirmation_tag(&self.suite, schedule.confirmed_transcript_hash.as_bytes(), tag)
            .map_err(|_| MisbehaviorError::ConfirmationTag)?; // R231

        let summary =
            summary(&applied, schedule.context.epoch, committer, path_sender.as_ref(), authenticated_data);
        let replaced = replaced_leaves(&applied, &tree, path_sender.as_ref())?;
        let next = self.next_epoch(
            schedule,
            tag,
            (Attached { tree, private, clients }, index),
            status_after(applied.reinit.as_ref()),
        )?;
        let (state, changes) = next.advance(env, self, &replaced)?;
        Ok(self.staged(Outcome::Next(Box::new((state, changes))), summary, credentials))
    }

    /// Merges a staged Commit: the batch that makes its epoch the group's. Prepend what [`GroupState::use_up`] gives.
    ///
    /// # Errors
    /// [`MisuseError::Stale`] if the group moved on since it was staged.
    pub fn merge(&self, staged: StagedCommit) -> Result<Step<MembershipChanges>, GroupError> {
        if staged.basis != self.basis() {
            return Err(MisuseError::Stale.into());
        }
        let (state, changes) = match staged.outcome {
            Outcome::Next(next) => *next,
            Outcome::Removed => self.removed()?,
        };
        Ok(Step { changes, effect: Effect::Next(Box::new(state)), output: staged.summary })
    }

    fn staged(
        &self,
        outcome: Outcome,
        summary: MembershipChanges,
        credentials: Vec<CredentialCheck>,
    ) -> StagedCommit {
        StagedCommit { basis: self.basis(), used: None, outcome, summary, credentials }
    }

    pub(crate) fn basis(&self) -> Basis {
        Basis {
            group_id: self.context.group_id.clone(),
            epoch: self.epoch(),
            own_leaf: self.head.own_leaf,
            head_version: self.head.version,
        }
    }

    /// What merging a Commit uses up of the secret tree: rows to put before those of [`GroupState::merge`] (R142).
    ///
    /// # Errors
    /// [`MisuseError::Stale`] if the group moved on; [`crate::Need::Rows`].
    pub fn use_up(&self, env: &Env<'_>, rows: &Rows, staged: &StagedCommit) -> StepResult<Changes> {
        if staged.basis != self.basis() {
            return Err(MisuseError::Stale.into());
        }
        let mut changes = Changes::default();
        if let Some(UsedKey { step, basis }) = &staged.used {
            let here = self.secret_tree();
            if here.still_holds(rows, step, basis)? {
                here.write(&mut changes, step, basis.clone());
                return Ok(changes);
            }
            // Another message of this epoch was received meanwhile.
            let (leaf, generation) = (step.leaf(), Some(step.generation()));
            let (_, step, basis) =
                here.prepare(env, &self.suite, rows, leaf, RatchetKind::Handshake, generation)?;
            here.write(&mut changes, &step, basis);
        }
        Ok(changes)
    }

    /// R082, R090: the path's leaf is as valid as an Update's. Its signature is checked when the path is merged.
    fn check_path_leaf(
        &self,
        applied: &Applied,
        sender: &PathSender,
        path: &UpdatePath,
    ) -> Result<(), GroupError> {
        let place = Place::Commit(sender.old.as_deref(), sender.index);
        check_leaf(&self.suite, &path.leaf_node, place, self.group_id(), &applied.rules, false)
    }

    /// R123, R124, R125: the init secret that an external joiner chose.
    fn external_init(&self, kem_output: &[u8]) -> Result<InitSecret, GroupError> {
        let pair = self.secrets()?.external_key_pair(&self.suite)?;
        let private = self.suite.kem.load_private(&pair.private)?;
        let secret = self
            .suite
            .external_init_receive(&*private, kem_output)
            .map_err(|_| MisbehaviorError::ExternalInit)?; // R125
        Ok(InitSecret::external(secret))
    }

    /// The next epoch of this member.
    pub(crate) fn next_epoch(
        &self,
        schedule: Schedule,
        confirmation_tag: &[u8],
        (attached, index): (Attached, Vec<Change>),
        status: Status,
    ) -> Result<NewEpoch, GroupError> {
        let interim = interim_transcript_hash(
            &self.suite,
            schedule.confirmed_transcript_hash.as_bytes(),
            confirmation_tag,
        )?;
        let own_signature_key = attached.tree.member(self.head.own_leaf)?.signature_key.to_vec();
        Ok(NewEpoch {
            suite: self.suite,
            context: schedule.context,
            context_bytes: schedule.context_bytes,
            interim_transcript_hash: interim,
            confirmation_tag: confirmation_tag.to_vec(),
            secrets: schedule.secrets,
            encryption_secret: schedule.encryption_secret,
            attached,
            index,
            own_leaf: self.head.own_leaf,
            own_signature_key,
            status,
        })
    }
}

/// The index of clients after a Commit, and its rows that change.
pub(crate) fn clients_after(
    (env, suite, rows): (&Env<'_>, &CipherSuite, &Rows),
    applied: &mut Applied,
    sender: Option<&PathSender>,
    tree: &pleach_tree::RatchetTree,
) -> StepResult<(Clients, Vec<Change>)> {
    let mut clients = core::mem::replace(&mut applied.clients, ClientEdits::new(Clients::NotMade));
    if let Some(sender) = sender {
        // A resync's old leaf was taken out when it was removed.
        let old = sender.old.as_deref().filter(|_| applied.external_init.is_none());
        let new = tree.leaf(sender.index)?.map(|leaf| &**leaf);
        let key = |leaf: &LeafNode| client_key(env, suite, leaf);
        clients.replace(sender.index, old.map(key), new.map(key));
    }
    clients.finish(rows)
}

/// Faults of a path are the committer's; a missing node is ours to load.
pub(crate) fn path_error(error: pleach_tree::TreeError) -> Interrupt {
    use pleach_tree::TreeError;
    match error {
        TreeError::UnchangedEncryptionKey(_) => MisbehaviorError::EncryptionKeyUnchanged.into(), // R082
        TreeError::DuplicateSignatureKey(_) => MisbehaviorError::DuplicateSignatureKey.into(),   // R083
        other => other.into(),
    }
}
