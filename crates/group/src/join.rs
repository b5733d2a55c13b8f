//! Joining by Welcome (RFC 9420 §12.4.3, §12.4.3.1), also into the successor of a ReInit (§11.2) or a branch (§11.3).
//!
//! Two stages: [`open_welcome`] decrypts what the Welcome says about the group, cheaply, for the application to look at;
//! [`OpenedWelcome::stage`] does the O(n) checks. Nothing is stored before [`StagedJoin::into_step`].

use crate::clients::Clients;
use crate::epoch::NewEpoch;
use crate::group_info;
use crate::key_package::{reference, suite};
use crate::psk::{Usage, check_psks, psk_secret_of};
use crate::state::Attached;
use crate::{
    CredentialCheck, CredentialReason, Env, GroupError, GroupState, Guard, IncompatibleError,
    KeyPackageRecord, Member, MisbehaviorError, RecordKey, Rows, Status, StepResult, apply,
};
use crate::{Effect, Step};
use alloc::vec::Vec;
use pleach_crypto::CipherSuite;
use pleach_key_schedule::{JoinerSecret, interim_transcript_hash};
use pleach_tree::{RatchetTree, TreePrivate};
use pleach_wire::{
    GroupContext, GroupInfo, GroupSecrets, Kept, LeafIndex, LeafNode, MlsMessage, MlsMessageBody,
    PreSharedKeyId, Psk, ResumptionPskUsage, Welcome, decode, encode,
};

/// What a joined group follows on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JoinKind {
    /// Nothing: a group of its own.
    Plain,
    /// The group with this id, reinitialized (§11.2): its last epoch is named.
    ReInit(Vec<u8>, u64),
    /// A branch of the group with this id, at this epoch (§11.3).
    Branch(Vec<u8>, u64),
}

/// Decodes a Welcome.
///
/// # Errors
/// [`GroupError::Malformed`]; [`MisbehaviorError::NotWelcome`].
pub fn read_welcome(env: &Env<'_>, message: &[u8]) -> Result<Welcome, GroupError> {
    env.config.limits.check_message(message)?;
    let message: MlsMessage = decode(message)?;
    env.config.limits.check_decoded(&message)?;
    match message.body {
        MlsMessageBody::Welcome(welcome) => Ok(welcome),
        _ => Err(MisbehaviorError::NotWelcome.into()),
    }
}

/// A Welcome whose group secrets were decrypted.
#[derive(Debug)]
pub struct OpenedWelcome {
    suite: CipherSuite,
    welcome: Welcome,
    record: KeyPackageRecord,
    reference: Vec<u8>,
    group_secrets: GroupSecrets,
}

/// Opens the group secrets of a Welcome with one of the client's key packages (R234, R235).
///
/// # Errors
/// [`IncompatibleError::NoKeyPackage`] if the Welcome is not for this key package; [`MisbehaviorError::SuiteMismatch`];
/// [`MisbehaviorError::WelcomeDecryption`] if it does not decrypt; the rules of PSKs (R127, R131, R135).
pub fn open_welcome(
    env: &Env<'_>,
    welcome: Welcome,
    record: KeyPackageRecord,
) -> Result<OpenedWelcome, GroupError> {
    let suite = *suite(env, welcome.cipher_suite)?;
    if record.key_package.cipher_suite != welcome.cipher_suite {
        return Err(MisbehaviorError::SuiteMismatch.into()); // R234
    }
    suite.check_stored(record.algorithms)?;
    let reference = reference(&suite, &record.key_package)?;
    let entry = welcome
        .secrets
        .iter()
        .find(|entry| *entry.new_member == *reference)
        .ok_or(IncompatibleError::NoKeyPackage)?; // R234
    let private = suite.kem.load_private(&record.init_private)?;
    let sealed = &entry.encrypted_group_secrets;
    let opened = suite
        .decrypt_with_label(
            &*private,
            b"Welcome",
            &welcome.encrypted_group_info,
            &sealed.kem_output,
            &sealed.ciphertext,
        )
        .map_err(|_| MisbehaviorError::WelcomeDecryption)?; // R235
    let group_secrets: GroupSecrets = decode(opened.as_bytes())?;
    check_psks(&suite, group_secrets.psks.iter(), Usage::Successor)?; // R135
    Ok(OpenedWelcome { suite, welcome, record, reference, group_secrets })
}

impl OpenedWelcome {
    /// What the group follows on, as its PSKs say.
    #[must_use]
    pub fn kind(&self) -> JoinKind {
        self.group_secrets
            .psks
            .iter()
            .find_map(|id| match &id.psk {
                Psk::Resumption { usage: ResumptionPskUsage::Reinit, psk_group_id, psk_epoch } => {
                    Some(JoinKind::ReInit(psk_group_id.to_vec(), *psk_epoch))
                }
                Psk::Resumption { usage: ResumptionPskUsage::Branch, psk_group_id, psk_epoch } => {
                    Some(JoinKind::Branch(psk_group_id.to_vec(), *psk_epoch))
                }
                _ => None,
            })
            .unwrap_or(JoinKind::Plain)
    }

    /// The PSKs that must be held (R134).
    #[must_use]
    pub fn psks(&self) -> &[PreSharedKeyId] {
        &self.group_secrets.psks
    }

    /// Does all checks of a joiner, and derives the state.
    ///
    /// `predecessor` is the group that [`OpenedWelcome::kind`] names, in the epoch that it names, with its tree.
    ///
    /// # Errors
    /// Whatever the Welcome, its GroupInfo or its tree does wrong (R237 to R245, R171, R176);
    /// [`IncompatibleError::MissingPsk`], [`IncompatibleError::MissingRatchetTree`];
    /// [`IncompatibleError::MissingPredecessor`] if it is not given.
    pub fn stage(
        &self,
        env: &Env<'_>,
        rows: &Rows,
        ratchet_tree: Option<&[u8]>,
        predecessor: Option<&GroupState>,
    ) -> StepResult<StagedJoin> {
        let suite = &self.suite;
        let psks = &self.group_secrets.psks;
        let psk_secret = psk_secret_of(suite, rows, psks, None)?; // R134
        let joiner = JoinerSecret::from_welcome(self.group_secrets.joiner_secret.clone());
        let member = joiner.member_secret(suite, psk_secret);
        let group_info =
            member.welcome_secret(suite)?.open_group_info(suite, &self.welcome.encrypted_group_info)?; // R236
        let group_info: Kept<GroupInfo> = decode(&group_info)?;
        let context = &group_info.group_context;
        if context.cipher_suite != self.record.key_package.cipher_suite {
            return Err(MisbehaviorError::SuiteMismatch.into()); // R239
        }
        let tree = group_info::read_tree(env, suite, &group_info, ratchet_tree)?;
        env.rules.allow_join(
            context,
            tree.member_count(),
            tree.leaf(group_info.signer).ok().flatten().map(|leaf| &**leaf),
        )?;
        group_info::verify(env, suite, &group_info, &tree)?; // R237, R240, R241
        let leaf = &self.record.key_package.leaf_node;
        let own_leaf = tree
            .leaf_with_signature_key(&leaf.signature_key)?
            .filter(|index| tree.leaf(*index).ok().flatten() == Some(leaf))
            .ok_or(MisbehaviorError::OwnLeafMissing)?; // R242
        if let Some(unsupported) = unsupported_extension(leaf, context) {
            return Err(IncompatibleError::OwnExtension(unsupported).into()); // R260
        }
        self.check_predecessor(env, predecessor, context, &tree)?;

        let private = TreePrivate::from_join(
            &tree,
            own_leaf,
            self.record.leaf_private.clone(),
            self.group_secrets.path_secret.as_ref(),
            group_info.signer,
        )
        .map_err(|_| MisbehaviorError::PathSecret)?; // R243, R244
        let context_bytes = encode(context)?;
        let (secrets, encryption_secret) = member.epoch_secret(suite, &context_bytes)?.derive(suite)?;
        let tag = &group_info.confirmation_tag;
        secrets
            .verify_confirmation_tag(suite, &context.confirmed_transcript_hash, tag)
            .map_err(|_| MisbehaviorError::ConfirmationTag)?; // R245
        let interim = interim_transcript_hash(suite, &context.confirmed_transcript_hash, tag)?; // R122
        let credentials = joined_credentials(suite, context, &tree, own_leaf)?;
        Ok(StagedJoin {
            epoch: NewEpoch {
                suite: *suite,
                context: context.clone(),
                context_bytes,
                interim_transcript_hash: interim,
                confirmation_tag: tag.to_vec(),
                secrets,
                encryption_secret,
                attached: Attached { tree, private, clients: Clients::Stored },
                index: Vec::new(),
                own_leaf,
                own_signature_key: leaf.signature_key.to_vec(),
                status: Status::Active,
            },
            signer: group_info.signer,
            kind: self.kind(),
            credentials,
            key_package: (!self.record.last_resort).then(|| self.reference.clone()),
        })
    }

    /// §11.2 and §11.3 from the joiner's side.
    fn check_predecessor(
        &self,
        env: &Env<'_>,
        predecessor: Option<&GroupState>,
        context: &GroupContext,
        tree: &RatchetTree,
    ) -> StepResult<()> {
        let (epoch, reinit) = match self.kind() {
            JoinKind::Plain => return Ok(()),
            JoinKind::ReInit(_, epoch) => (epoch, true),
            JoinKind::Branch(_, epoch) => (epoch, false),
        };
        if context.epoch != 1 {
            return Err(MisbehaviorError::SuccessorEpoch.into()); // R171, R176
        }
        let old =
            predecessor.filter(|old| old.epoch() == epoch).ok_or(IncompatibleError::MissingPredecessor)?;
        let old_members = clients(env, &old.whole_tree()?.tree)?;
        let new_members = clients(env, tree)?;
        if reinit {
            let Status::ReInitialized(agreed) = old.status() else {
                return Err(MisbehaviorError::ReInitMismatch.into()); // R171
            };
            if agreed.version != context.version
                || agreed.cipher_suite != context.cipher_suite
                || agreed.group_id != context.group_id
                || agreed.extensions != context.extensions
            {
                return Err(MisbehaviorError::ReInitMismatch.into()); // R171
            }
            if old_members != new_members {
                return Err(MisbehaviorError::ReInitMembers.into()); // R171
            }
        } else {
            if context.version != old.context.version || context.cipher_suite != old.suite.id {
                return Err(MisbehaviorError::BranchMismatch.into()); // R176
            }
            if !new_members.iter().all(|member| old_members.binary_search(member).is_ok()) {
                return Err(MisbehaviorError::BranchMembers.into()); // R176
            }
        }
        Ok(())
    }
}

/// The clients of a tree, sorted.
fn clients(env: &Env<'_>, tree: &RatchetTree) -> Result<Vec<Vec<u8>>, GroupError> {
    let mut clients = Vec::new();
    for member in tree.leaves() {
        let view = member?.1.view();
        clients.push(env.identity.client_id(&view.to_credential()?, view.signature_key));
    }
    clients.sort_unstable();
    Ok(clients)
}

/// R260: a GroupContext extension that the own leaf does not claim to support.
pub(crate) fn unsupported_extension(
    leaf: &LeafNode,
    context: &GroupContext,
) -> Option<pleach_wire::ExtensionType> {
    context
        .extensions
        .iter()
        .map(|extension| extension.extension_type)
        .find(|kind| !kind.is_default() && !leaf.capabilities.extensions.contains(kind))
}

/// R026, R030: all leaves but the own one, and the external senders.
pub(crate) fn joined_credentials(
    suite: &CipherSuite,
    context: &GroupContext,
    tree: &RatchetTree,
    own: LeafIndex,
) -> Result<Vec<CredentialCheck>, GroupError> {
    let mut checks = Vec::new();
    for member in tree.leaves() {
        let (index, leaf) = member?;
        if index != own {
            let view = leaf.view();
            checks.push(CredentialCheck {
                reason: CredentialReason::JoinedTree,
                leaf: Some(index),
                old: None,
                new: view.to_credential()?,
                signature_key: view.signature_key.into(),
            });
        }
    }
    checks.extend(apply::external_sender_checks(suite, &context.extensions, &Default::default())?);
    Ok(checks)
}

/// A join that passed every check. Dropping it changes nothing: the Welcome can be opened again.
pub struct StagedJoin {
    epoch: NewEpoch,
    signer: LeafIndex,
    kind: JoinKind,
    credentials: Vec<CredentialCheck>,
    key_package: Option<Vec<u8>>,
}

impl core::fmt::Debug for StagedJoin {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("StagedJoin").field("context", &self.epoch.context).finish_non_exhaustive()
    }
}

impl StagedJoin {
    /// The GroupContext.
    #[must_use]
    pub fn context(&self) -> &GroupContext {
        &self.epoch.context
    }

    /// The leaf of the member that sent the Welcome.
    #[must_use]
    pub fn signer(&self) -> LeafIndex {
        self.signer
    }

    /// The own leaf.
    #[must_use]
    pub fn own_leaf(&self) -> LeafIndex {
        self.epoch.own_leaf
    }

    /// What the group follows on.
    #[must_use]
    pub fn kind(&self) -> &JoinKind {
        &self.kind
    }

    /// All members. O(n).
    ///
    /// # Errors
    /// None for a tree that was joined.
    pub fn members(&self) -> Result<Vec<Member>, GroupError> {
        Member::all(&self.epoch.attached.tree)
    }

    /// The credentials that must be answered for before the group is joined (R026).
    #[must_use]
    pub fn credentials(&self) -> &[CredentialCheck] {
        &self.credentials
    }

    /// The batch that makes the group this client's. The key package is erased with it, unless it is a last resort
    /// (R158). A frozen predecessor of the same id gives way (R174).
    ///
    /// # Errors
    /// Those of encoding.
    pub fn into_step(self, env: &Env<'_>) -> Result<Step<GroupState>, GroupError> {
        let replaces_itself =
            matches!(&self.kind, JoinKind::ReInit(old, _) if **old == *self.epoch.context.group_id);
        let (state, mut changes) = self.epoch.found(env)?;
        if replaces_itself {
            changes.replace_group();
        }
        if let Some(reference) = self.key_package {
            changes.guard(Guard::Present(RecordKey::KeyPackage(reference.clone())));
            changes.erase(RecordKey::KeyPackage(reference));
        }
        Ok(Step { changes, effect: Effect::None, output: state })
    }
}
