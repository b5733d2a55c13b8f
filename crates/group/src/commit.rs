//! Creating a Commit (RFC 9420 §12.4.1): a value that can be merged later, or never.
//!
//! The state is not touched (R223, R228): the Commit's epoch, its keys and its Welcomes are in the [`PendingCommit`], and
//! in the row that keeps it over a crash. What is used up at once is the handshake generation.

use crate::apply::{Applied, Base, Committer, Resolved, check_members};
use crate::group_info::{make_group_info, may_be_inline};
use crate::message::{ProposalSpec, fresh_psk, handshake_format};
use crate::process::{clients_after, path_sender, replaced_leaves, status_after, summary};
use crate::psk::{Usage, psk_secret_of};
use crate::schedule::{Schedule, provisional_context};
use crate::state::Attached;
use crate::{
    Changes, Env, GroupError, GroupInfoSpec, GroupState, LeafSpec, MisuseError, PendingCommit,
    PendingSelection, RecordKey, Rows, StepResult, TreeDelivery, key_package,
};
use crate::{Effect, Step};
use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};
use pleach_crypto::{
    CipherSuite, Executor, LabeledEncryption, SealedPart, Secret, SecureRandom, Signer, in_chunks,
};
use pleach_key_schedule::RatchetKind;
use pleach_tree::{NewLeaf, PendingPath};
use pleach_wire::{
    Commit, Content, EncryptedGroupSecrets, GroupInfo, GroupSecrets, HpkeCiphertext, Kept, KeyPackage,
    LeafIndex, LeafNode, LeafNodeSource, List, MlsMessage, MlsMessageBody, Opaque, PreSharedKey,
    PreSharedKeyId, Proposal, ProposalOrRef, ProposalRef, Psk, ResumptionPskUsage, Sender, Welcome, encode,
};

/// How the own leaf changes with a path.
#[derive(Debug, Default)]
pub struct LeafChanges<'s> {
    /// Its new content; the old one's if `None`.
    pub leaf: Option<LeafSpec>,
    /// The signer of the new leaf and of everything after it; the old one if `None`.
    pub signer: Option<&'s dyn Signer>,
}

/// A Commit to create.
#[derive(Debug, Default)]
pub struct CommitSpec<'s> {
    /// Proposals by value, in order. Not Updates: a committer updates by the path.
    pub proposals: Vec<ProposalSpec<'s>>,
    /// Proposals by reference.
    pub pending: PendingSelection,
    /// A path even where none is required (R221).
    pub force_path: bool,
    /// Changes of the own leaf; any of them makes a path.
    pub own_leaf: LeafChanges<'s>,
    /// Authenticated data.
    pub authenticated_data: Vec<u8>,
    /// Where new members get the tree from.
    pub tree: TreeDelivery,
    /// A GroupInfo of the new epoch, for whoever publishes it.
    pub group_info: Option<GroupInfoSpec>,
    /// At most so many new members per Welcome; `None` for one Welcome for all (R249).
    pub welcome_size: Option<usize>,
    /// The PSK that ties a new group to its predecessor: in its first Commit only (R170, R175).
    pub predecessor: Option<(ResumptionPskUsage, Vec<u8>, u64)>,
}

/// A Welcome with those it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WelcomePart {
    /// The MLSMessage.
    pub message: Vec<u8>,
    /// The KeyPackageRefs of its recipients.
    pub recipients: Vec<Vec<u8>>,
}

impl GroupState {
    /// Creates a Commit. The batch holds the pending Commit and the handshake generation it used.
    ///
    /// Cost: O(log n) and one HPKE seal per node of the copath, and per new member; O(n) more if the tree goes into the
    /// Welcome.
    ///
    /// # Errors
    /// The same that processing it would give (R193); [`MisuseError::WrongSigner`], [`MisuseError::ReInitialized`],
    /// [`MisuseError::NotMember`], [`MisuseError::SelfRemove`].
    pub fn build_commit(
        &self,
        env: &Env<'_>,
        rows: &Rows,
        signer: &dyn Signer,
        spec: &CommitSpec<'_>,
    ) -> StepResult<Step<PendingCommit>> {
        self.check_active()?;
        self.check_signer(signer)?;
        let attached = self.need_tree()?;
        let proposals_known = self.need_proposals()?;
        self.ready_to_send(env, rows, handshake_format(env), RatchetKind::Handshake)?;
        let own = self.head.own_leaf;
        let committer = Committer::Member(own);
        self.foresee(env, spec)?;
        let base = Base {
            env,
            rows,
            suite: &self.suite,
            context: &self.context,
            attached,
            psk_usage: if spec.predecessor.is_some() { Usage::Successor } else { Usage::Application },
            check_lifetimes: true, // R077
        };
        let by_value = self.by_value(env, rows, signer, spec)?;
        let (proposals, mut applied) = self.choose(rows, &base, &by_value, &spec.pending)?;
        // Before anything is sealed: it may still ask for rows.
        let psk_secret = psk_secret_of(&self.suite, rows, &applied.psks, Some(self))?;

        let new_signer = spec.own_leaf.signer.unwrap_or(signer);
        let wants_path = applied.path_required
            || spec.force_path
            || spec.own_leaf.leaf.is_some()
            || spec.own_leaf.signer.is_some();
        let added: Vec<LeafIndex> = applied.added.iter().map(|(index, _)| *index).collect();
        let path = if wants_path {
            applied.tree.need_resolutions(own)?;
            applied.tree.need_signature_key(new_signer.public())?;
            let old = applied.tree.member(own)?.clone();
            let leaf = spec.own_leaf.leaf.clone().unwrap_or_else(|| LeafSpec::of(&old));
            Some(begin_path(env, &self.suite, &applied, (self.group_id(), own), &leaf, new_signer)?)
        } else {
            None
        };
        let tree = path.as_ref().map_or(&applied.tree, PendingPath::tree).clone();
        let sender =
            path.as_ref().map(|path| path_sender(committer, &applied, path.leaf_node())).transpose()?;
        if let Some(path) = &path {
            applied.rules.check(path.leaf_node())?;
        }
        check_members(&tree, &applied.rules, applied.extensions_changed)?;
        let provisional = provisional_context(&self.context, tree.tree_hash()?, &applied.extensions)?;
        let update_path = path
            .as_ref()
            .map(|path| {
                let context = encode(&provisional)?;
                Ok::<_, GroupError>(path.encrypt(&context, &added, env.executor, &*env.provider.random)?)
            })
            .transpose()?;

        let commit = Commit { proposals: entries(proposals), path: update_path };
        let authenticated_data = Opaque::from(spec.authenticated_data.as_slice());
        let mut signed =
            self.sign(env, signer, handshake_format(env), Content::Commit(commit), &spec.authenticated_data)?;
        let path_secrets = PathSecrets::of(path.as_ref(), &added);
        let (private, commit_secret) = match path {
            Some(path) => {
                let (_, private, commit_secret) = path.finish();
                (private, commit_secret)
            }
            None => {
                let mut private = attached.private.clone();
                private.retain(&tree)?;
                (private, Secret::zero(self.suite.secret_len())) // R224
            }
        };
        let schedule = Schedule::new(
            &self.suite,
            provisional,
            &self.head.interim_transcript_hash,
            &signed,
            (self.secrets()?.init_secret(), commit_secret, psk_secret),
        )?;
        let confirmed = schedule.confirmed_transcript_hash;
        let tag = schedule.secrets.confirmation_tag(&self.suite, confirmed.as_bytes());
        signed.auth.confirmation_tag = Some(Opaque::from(tag.as_bytes())); // R045

        let mut changes = Changes::default();
        let (message, _) = self.protect(env, rows, signed, &mut changes)?;
        proposals_known.guard(&mut changes);
        let mut credentials = core::mem::take(&mut applied.checks);
        credentials.extend(sender.as_ref().and_then(|sender| sender.check.clone()));
        let summary =
            summary(&applied, schedule.context.epoch, committer, sender.as_ref(), &authenticated_data);
        let replaced = replaced_leaves(&applied, &tree, sender.as_ref())?;
        let joiner_secret = schedule.joiner_secret.clone();
        let welcome_secret = schedule.welcome_secret.clone();
        let (clients, index) = clients_after((env, &self.suite, rows), &mut applied, sender.as_ref(), &tree)?;
        let next = self.next_epoch(
            schedule,
            tag.as_bytes(),
            (Attached { tree, private, clients }, index),
            status_after(applied.reinit.as_ref()),
        )?;
        let (state, merge) = next.advance(env, self, &replaced)?;

        let welcomes = if applied.added.is_empty() {
            Vec::new()
        } else {
            let spec_of_info = GroupInfoSpec { external_pub: false, tree: spec.tree };
            let group_info = make_group_info(env, &state, new_signer, spec_of_info)?; // R227
            let sealing = Sealing {
                executor: env.executor,
                random: &*env.provider.random,
                suite: &self.suite,
                joiner_secret: &joiner_secret,
                psks: &applied.psks,
                path_secrets: &path_secrets,
            };
            sealing.welcomes(&welcome_secret, &group_info, &applied.added, spec.welcome_size)?
        };
        let group_info = match spec.group_info {
            None => None,
            Some(spec) => {
                let group_info = make_group_info(env, &state, new_signer, spec)?;
                Some(encode(&MlsMessage::from(MlsMessageBody::GroupInfo(group_info)))?)
            }
        };
        let hash = self.suite.hash.hash(&[&message]).as_bytes().to_vec();
        let pending = PendingCommit {
            hash: hash.clone(),
            epoch: self.epoch(),
            message,
            welcomes,
            group_info,
            summary,
            credentials,
            merge,
            next: Some(Box::new(state)),
        };
        changes.put(RecordKey::PendingCommit(hash), pending.to_row()?);
        Ok(Step { changes, effect: Effect::None, output: pending })
    }

    /// Asks for what the Commit will surely want of the tree, before the dear part begins.
    fn foresee(&self, env: &Env<'_>, spec: &CommitSpec<'_>) -> StepResult<()> {
        let tree = &self.need_tree()?.tree;
        let mut inline = self.may_add(spec)? && may_be_inline(env, self, spec.tree)?;
        if let Some(spec) = spec.group_info {
            inline |= may_be_inline(env, self, spec.tree)?;
        }
        if inline {
            self.whole_tree()?;
        }
        let removed: Vec<LeafIndex> = spec
            .proposals
            .iter()
            .filter_map(|proposal| match proposal {
                ProposalSpec::Remove(leaf) => Some(*leaf),
                _ => None,
            })
            .collect();
        let is_path_sure = spec.force_path
            || spec.own_leaf.leaf.is_some()
            || spec.own_leaf.signer.is_some()
            || !removed.is_empty()
            || (spec.proposals.is_empty() && self.need_proposals()?.in_order().is_empty());
        if is_path_sure {
            tree.need_leaves(removed.iter().copied())?;
            tree.need_copaths(removed)?;
            tree.need_resolutions(self.head.own_leaf)?;
        }
        Ok(())
    }

    /// The proposals by value.
    fn by_value(
        &self,
        env: &Env<'_>,
        rows: &Rows,
        signer: &dyn Signer,
        spec: &CommitSpec<'_>,
    ) -> StepResult<Vec<Resolved>> {
        let sender = Sender::Member(self.head.own_leaf);
        let mut resolved = Vec::with_capacity(spec.proposals.len() + 1);
        for proposal in &spec.proposals {
            if matches!(proposal, ProposalSpec::Update(..)) {
                return Err(MisuseError::Proposal.into()); // R195
            }
            if matches!(proposal, ProposalSpec::Remove(leaf) if *leaf == self.head.own_leaf) {
                return Err(MisuseError::SelfRemove.into()); // R196
            }
            // Key packages are validated once, when the list is applied.
            let proposal = match proposal {
                ProposalSpec::Add(key_package) => {
                    Proposal::Add(pleach_wire::Add { key_package: key_package.clone() })
                }
                other => self.proposal(env, rows, signer, other)?.0,
            };
            resolved.push(Resolved { proposal, sender, reference: None });
        }
        if let Some((usage, group_id, epoch)) = &spec.predecessor {
            if self.epoch() != 0 {
                return Err(MisuseError::Proposal.into());
            }
            let psk = Psk::Resumption {
                usage: *usage,
                psk_group_id: group_id.as_slice().into(),
                psk_epoch: *epoch,
            };
            let psk = fresh_psk(env, &self.suite, &psk)?; // R170, R175
            resolved.push(Resolved {
                proposal: Proposal::PreSharedKey(PreSharedKey { psk }),
                sender,
                reference: None,
            });
        }
        Ok(resolved)
    }
}

fn entries(proposals: Vec<Resolved>) -> List<ProposalOrRef> {
    proposals
        .into_iter()
        .map(|resolved| match resolved.reference {
            Some(reference) => ProposalOrRef::Reference(ProposalRef::from(reference)),
            None => ProposalOrRef::Proposal(resolved.proposal),
        })
        .collect()
}

/// Makes the path, its leaf signed for its place.
pub(crate) fn begin_path(
    env: &Env<'_>,
    suite: &CipherSuite,
    applied: &Applied,
    place: (&[u8], LeafIndex),
    leaf: &LeafSpec,
    signer: &dyn Signer,
) -> Result<PendingPath, GroupError> {
    applied.tree.begin_path(
        place.1,
        &*env.provider.random,
        |new: NewLeaf| -> Result<Kept<LeafNode>, GroupError> {
            let source = LeafNodeSource::Commit { parent_hash: new.parent_hash };
            leaf.sign(env, suite, signer, &new.encryption_key, source, place)
        },
    )
}

/// The path secret of each new member (R226).
pub(crate) struct PathSecrets(BTreeMap<LeafIndex, Option<Secret>>);

impl PathSecrets {
    pub(crate) fn of(path: Option<&PendingPath>, added: &[LeafIndex]) -> Self {
        let secret = |index: &LeafIndex| path.and_then(|path| path.path_secret_for(*index)).cloned();
        Self(added.iter().map(|index| (*index, secret(index))).collect())
    }

    fn of_leaf(&self, index: LeafIndex) -> Option<Secret> {
        self.0.get(&index).cloned().flatten()
    }
}

/// What goes into every Welcome of a Commit.
struct Sealing<'a> {
    executor: &'a dyn Executor,
    random: &'a dyn SecureRandom,
    suite: &'a CipherSuite,
    joiner_secret: &'a Secret,
    psks: &'a [PreSharedKeyId],
    path_secrets: &'a PathSecrets,
}

impl Sealing<'_> {
    /// The Welcomes (§12.4.3.1): together they cover every new member (R225, R235, R236). Sealed on the executor's threads,
    /// in the order of the proposals.
    fn welcomes(
        &self,
        welcome_secret: &pleach_key_schedule::WelcomeSecret,
        group_info: &Kept<GroupInfo>,
        added: &[(LeafIndex, Kept<KeyPackage>)],
        size: Option<usize>,
    ) -> StepResult<Vec<WelcomePart>> {
        let encrypted_group_info = welcome_secret.seal_group_info(self.suite, group_info.bytes().to_vec())?;
        // Of all recipients the same: hashed once.
        let encryption = self.suite.encryption_with_label(b"Welcome", &encrypted_group_info)?;
        let encrypted_group_info = Opaque::from(encrypted_group_info);
        let sealed = in_chunks(self.executor, added, 8..=128, &|chunk| {
            chunk
                .iter()
                .map(|(index, key_package)| self.seal(&encryption, *index, key_package))
                .collect::<Result<Vec<_>, _>>()
        })?;
        let mut sealed = sealed.into_iter().flat_map(Vec::into_iter);
        let mut welcomes = Vec::new();
        for group in added.chunks(size.unwrap_or(added.len()).max(1)) {
            let secrets: Vec<EncryptedGroupSecrets> = sealed.by_ref().take(group.len()).collect();
            let recipients = secrets.iter().map(|secrets| secrets.new_member.to_vec()).collect();
            let welcome = Welcome {
                cipher_suite: self.suite.id,
                secrets: secrets.into(),
                encrypted_group_info: encrypted_group_info.clone(),
            };
            welcomes.push(WelcomePart { message: encode(&MlsMessage::from(welcome))?, recipients });
        }
        Ok(welcomes)
    }

    /// The secrets of one new member.
    fn seal(
        &self,
        encryption: &LabeledEncryption<'_>,
        index: LeafIndex,
        key_package: &Kept<KeyPackage>,
    ) -> Result<EncryptedGroupSecrets, GroupError> {
        let new_member = key_package::reference(self.suite, key_package)?.into();
        let group_secrets = GroupSecrets {
            joiner_secret: self.joiner_secret.clone(),
            path_secret: self.path_secrets.of_leaf(index),
            psks: self.psks.to_vec().into(), // R126
        }
        .encode()?;
        let public = self.suite.kem.load_public(&key_package.init_key)?;
        let SealedPart { kem_output, ciphertext } =
            encryption.seal(&*public, group_secrets.as_bytes(), self.random)?;
        let encrypted_group_secrets =
            HpkeCiphertext { kem_output: kem_output.into(), ciphertext: ciphertext.into() };
        Ok(EncryptedGroupSecrets { new_member, encrypted_group_secrets })
    }
}
