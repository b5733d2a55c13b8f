//! A list of proposals: its validity (RFC 9420 §12.2) and its application to the tree and the extensions (§12.3).
//!
//! One function serves sender and receiver (R193), regular and external Commits. It works on a clone of the tree, which
//! is O(1); nothing is changed until the caller takes the result.
//!
//! Cost: O(log n) per proposal, in time and in rows.

use crate::clients::{ClientEdits, Clients, client_key};
use crate::key_package::Validation;
use crate::leaf::{GROUP_CONTEXT, LeafRules, Place, check_credential, check_extensions, check_leaf};
use crate::psk::{Usage, check_psks};
use crate::state::Attached;
use crate::{
    CredentialCheck, CredentialReason, Env, GroupError, IncompatibleError, MisbehaviorError, Rows, StepResult,
};
use alloc::{collections::BTreeSet, vec::Vec};
use pleach_crypto::CipherSuite;
use pleach_tree::RatchetTree;
use pleach_wire::{
    Credential, ExtensionType, Extensions, GroupContext, Kept, KeyPackage, LeafIndex, LeafNode, Opaque,
    PreSharedKeyId, Proposal, ProposalType, ReInit, Sender, SignaturePublicKey,
};

/// A member, as an application shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// Its leaf.
    pub index: LeafIndex,
    /// Its credential.
    pub credential: Credential,
    /// Its signature key.
    pub signature_key: SignaturePublicKey,
    /// Its leaf node, for everything else.
    pub leaf_node: Kept<LeafNode>,
}

impl Member {
    pub(crate) fn new(index: LeafIndex, leaf: &Kept<LeafNode>) -> Self {
        // Not by decoding the leaf, which the tree would then hold decoded as long as it holds it.
        let view = leaf.view();
        Self {
            index,
            credential: view.to_credential().unwrap_or_else(|_| leaf.credential.clone()),
            signature_key: SignaturePublicKey::from(view.signature_key),
            leaf_node: leaf.clone(),
        }
    }

    /// All members of a tree. O(n).
    pub(crate) fn all(tree: &RatchetTree) -> Result<Vec<Self>, GroupError> {
        tree.leaves()
            .map(|member| member.map(|(index, leaf)| Self::new(index, leaf)).map_err(Into::into))
            .collect()
    }
}

/// A proposal with the one it is attributed to (R206).
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(crate) proposal: Proposal,
    pub(crate) sender: Sender,
    pub(crate) reference: Option<Vec<u8>>,
}

/// Who commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Committer<'a> {
    Member(LeafIndex),
    /// A client that joins with this leaf.
    External(&'a LeafNode),
}

/// A leaf that a list replaced.
#[derive(Debug, Clone)]
pub(crate) struct Updated {
    pub(crate) index: LeafIndex,
    pub(crate) old: Kept<LeafNode>,
    pub(crate) reference: Option<Vec<u8>>,
}

/// What a list of proposals amounts to.
#[derive(Debug, Clone)]
pub(crate) struct Applied {
    pub(crate) tree: RatchetTree,
    pub(crate) clients: ClientEdits,
    pub(crate) extensions: Extensions,
    pub(crate) extensions_changed: bool,
    pub(crate) rules: LeafRules,
    pub(crate) added: Vec<(LeafIndex, Kept<KeyPackage>)>,
    pub(crate) removed: Vec<(LeafIndex, Kept<LeafNode>)>,
    pub(crate) updated: Vec<Updated>,
    pub(crate) psks: Vec<PreSharedKeyId>,
    pub(crate) external_init: Option<Opaque>,
    pub(crate) reinit: Option<ReInit>,
    pub(crate) custom: Vec<(ProposalType, Option<LeafIndex>, Opaque)>,
    pub(crate) path_required: bool,
    pub(crate) checks: Vec<CredentialCheck>,
}

/// What a list is applied to.
pub(crate) struct Base<'a> {
    pub(crate) env: &'a Env<'a>,
    /// What was read of the indexes.
    pub(crate) rows: &'a Rows,
    pub(crate) suite: &'a CipherSuite,
    pub(crate) context: &'a GroupContext,
    pub(crate) attached: &'a Attached,
    pub(crate) psk_usage: Usage,
    /// Whether lifetimes must include now.
    pub(crate) check_lifetimes: bool,
}

impl Base<'_> {
    /// Validates and applies a list.
    pub(crate) fn apply(&self, proposals: &[Resolved], committer: Committer<'_>) -> StepResult<Applied> {
        self.check_list(proposals, committer)?;
        let tree = self.rows.indexed(&self.attached.tree)?;
        let clients = self.prepare(&tree, proposals, committer)?;
        let mut applied = Applied {
            tree,
            clients,
            extensions: self.context.extensions.clone(),
            extensions_changed: false,
            rules: LeafRules::default(),
            added: Vec::new(),
            removed: Vec::new(),
            updated: Vec::new(),
            psks: Vec::new(),
            external_init: None,
            reinit: None,
            custom: Vec::new(),
            path_required: proposals.is_empty(), // R220
            checks: Vec::new(),
        };
        // R215: extensions, Updates, Removes, Adds, PSKs; R216: the new extensions govern what follows.
        for resolved in proposals {
            if let Proposal::GroupContextExtensions(proposal) = &resolved.proposal {
                self.apply_extensions(&mut applied, &proposal.extensions)?;
            }
        }
        applied.rules = LeafRules::of(&applied.extensions)?;
        for resolved in proposals {
            if let (Proposal::Update(update), Sender::Member(leaf)) = (&resolved.proposal, resolved.sender) {
                self.apply_update(&mut applied, leaf, &update.leaf_node, resolved.reference.clone())?;
            }
        }
        for resolved in proposals {
            if let Proposal::Remove(remove) = &resolved.proposal {
                self.apply_remove(&mut applied, remove.removed, committer)?;
            }
        }
        self.check_custom(&mut applied, proposals)?;
        let added: Vec<_> = proposals
            .iter()
            .filter_map(|resolved| match &resolved.proposal {
                Proposal::Add(add) => Some(&add.key_package),
                _ => None,
            })
            .collect();
        Validation::new(self.env, self.suite, &applied.rules, self.check_lifetimes)
            .validate_all(self.env.executor, &added)?; // R179
        for resolved in proposals {
            if let Proposal::Add(add) = &resolved.proposal {
                self.apply_add(&mut applied, &add.key_package)?;
            }
        }
        for resolved in proposals {
            match &resolved.proposal {
                Proposal::PreSharedKey(psk) => applied.psks.push(psk.psk.clone()),
                Proposal::ExternalInit(init) => {
                    applied.path_required = true; // R220
                    applied.external_init = Some(init.kem_output.clone());
                }
                Proposal::ReInit(reinit) => applied.reinit = Some(reinit.clone()),
                _ => {}
            }
        }
        check_psks(self.suite, applied.psks.iter(), self.psk_usage)?;
        let added = applied.added.iter().map(|(index, _)| *index);
        let new: Vec<_> = added.chain(applied.updated.iter().map(|updated| updated.index)).collect();
        applied.tree.need_unique_keys_of(new.iter().copied())?;
        for index in new {
            applied.tree.verify_unique_keys_of(index).map_err(unique_keys)?; // R083, R084
        }
        Ok(applied)
    }

    /// Asks at once for what the lists made of these proposals will touch: nodes, and rows of keys and clients.
    pub(crate) fn foresee(&self, proposals: &[Resolved], committer: Committer<'_>) -> StepResult<()> {
        self.prepare(&self.rows.indexed(&self.attached.tree)?, proposals, committer).map(drop)
    }

    fn prepare(
        &self,
        tree: &RatchetTree,
        proposals: &[Resolved],
        committer: Committer<'_>,
    ) -> StepResult<ClientEdits> {
        let mut leaves: Vec<LeafIndex> = Vec::new();
        let mut new: Vec<&LeafNode> = Vec::new();
        let mut changed: Vec<&LeafNode> = Vec::new();
        let mut adds = 0;
        match committer {
            Committer::Member(index) => leaves.push(index),
            Committer::External(_) => adds += 1,
        }
        for resolved in proposals {
            match (&resolved.proposal, resolved.sender) {
                (Proposal::Add(add), _) => {
                    adds += 1;
                    new.push(&add.key_package.leaf_node);
                }
                (Proposal::Remove(remove), _) => leaves.push(remove.removed),
                (Proposal::Update(update), Sender::Member(leaf)) => {
                    leaves.push(leaf);
                    changed.push(&update.leaf_node);
                }
                _ => {}
            }
        }
        tree.need_leaves(leaves.iter().copied())?;
        tree.need_blank_leaves(adds)?;
        tree.need_keys_of(new.iter().chain(&changed).copied())?;
        let clients = match (&self.attached.clients, new.is_empty()) {
            (Clients::NotMade, false) => Clients::known(self.env, self.suite, tree)?,
            (clients, _) => clients.clone(),
        };
        let edits = ClientEdits::new(clients);
        // A committer's own path seldom changes its client; whose leaf is replaced or removed is looked up.
        let mut gone = Vec::new();
        for leaf in leaves.iter().skip(usize::from(matches!(committer, Committer::Member(_)))) {
            if let Ok(Some(old)) = tree.leaf(*leaf) {
                gone.push(&**old);
            }
        }
        let all = new.into_iter().chain(changed).chain(gone);
        edits.require(self.rows, all.map(|leaf| client_key(self.env, self.suite, leaf)))?;
        Ok(edits)
    }

    /// The rules of §12.2 that concern the list as a whole.
    fn check_list(&self, proposals: &[Resolved], committer: Committer<'_>) -> Result<(), GroupError> {
        let count = |wanted: ProposalType| {
            proposals.iter().filter(|resolved| resolved.proposal.proposal_type() == wanted).count()
        };
        match committer {
            Committer::Member(_) => {
                if count(ProposalType::EXTERNAL_INIT) > 0 {
                    return Err(MisbehaviorError::UnexpectedExternalInit.into()); // R185, R201
                }
            }
            Committer::External(_) => {
                if count(ProposalType::EXTERNAL_INIT) != 1 {
                    return Err(MisbehaviorError::ExternalInitCount.into()); // R207
                }
                if count(ProposalType::REMOVE) > 1 {
                    return Err(MisbehaviorError::ExternalCommitRemoves.into()); // R208
                }
            }
        }
        if count(ProposalType::GROUP_CONTEXT_EXTENSIONS) > 1 {
            return Err(MisbehaviorError::DuplicateGroupContextExtensions.into()); // R200
        }
        if count(ProposalType::REINIT) > 0 && proposals.len() > 1 {
            return Err(MisbehaviorError::ReInitNotAlone.into()); // R168
        }
        let mut changed = BTreeSet::new();
        for resolved in proposals {
            self.check_proposal(resolved, committer, &mut changed)?;
        }
        Ok(())
    }

    fn check_proposal(
        &self,
        resolved: &Resolved,
        committer: Committer<'_>,
        changed: &mut BTreeSet<LeafIndex>,
    ) -> Result<(), GroupError> {
        if let Committer::External(_) = committer {
            let kind = resolved.proposal.proposal_type();
            if !matches!(kind, ProposalType::EXTERNAL_INIT | ProposalType::REMOVE | ProposalType::PSK) {
                return Err(MisbehaviorError::ExternalCommitProposal(kind).into()); // R209
            }
            if resolved.reference.is_some() {
                return Err(MisbehaviorError::ReferenceInExternalCommit.into()); // R210
            }
        }
        let leaf = match (&resolved.proposal, resolved.sender) {
            (Proposal::Update(_), Sender::Member(leaf)) => {
                if committer == Committer::Member(leaf) {
                    return Err(MisbehaviorError::CommitterUpdate.into()); // R195
                }
                Some(leaf)
            }
            (Proposal::Update(_), _) => return Err(MisbehaviorError::UpdateByNonMember.into()), // R181
            (Proposal::Remove(remove), _) => {
                if committer == Committer::Member(remove.removed) {
                    return Err(MisbehaviorError::CommitterRemove.into()); // R196
                }
                Some(remove.removed)
            }
            (Proposal::ReInit(reinit), _) if reinit.version < self.context.version => {
                return Err(MisbehaviorError::ReInitVersion.into()); // R167
            }
            (Proposal::ReInit(reinit), _) => {
                check_extensions(&reinit.extensions, GROUP_CONTEXT)?; // R187
                None
            }
            _ => None,
        };
        if let Some(leaf) = leaf
            && !changed.insert(leaf)
        {
            return Err(MisbehaviorError::DuplicateLeafChange(leaf).into()); // R197
        }
        self.env.rules.allow_proposal(self.context, &resolved.sender, &resolved.proposal) // R190, R204
    }

    /// R186: replaces the whole list.
    fn apply_extensions(&self, applied: &mut Applied, extensions: &Extensions) -> Result<(), GroupError> {
        check_group_extensions(extensions)?;
        applied.path_required = true; // R220
        applied.extensions_changed = true;
        applied.checks.extend(external_sender_checks(self.suite, extensions, &applied.extensions)?);
        applied.extensions = extensions.clone();
        Ok(())
    }

    fn apply_update(
        &self,
        applied: &mut Applied,
        index: LeafIndex,
        leaf: &Kept<LeafNode>,
        reference: Option<Vec<u8>>,
    ) -> Result<(), GroupError> {
        let old = applied.tree.leaf(index)?.ok_or(MisbehaviorError::UpdateByNonMember)?.clone(); // R181
        let place = Place::Update(&old, index);
        check_leaf(self.suite, leaf, place, &self.context.group_id, &applied.rules, true)?;
        applied.path_required = true; // R220
        applied.checks.extend(CredentialCheck::replacing(CredentialReason::Update, index, &old, leaf));
        self.replace_client(applied, index, Some(&old), Some(leaf));
        applied.tree.update_leaf(index, leaf.clone())?; // R182
        applied.updated.push(Updated { index, old, reference });
        Ok(())
    }

    fn apply_remove(
        &self,
        applied: &mut Applied,
        index: LeafIndex,
        committer: Committer<'_>,
    ) -> Result<(), GroupError> {
        let old = applied.tree.leaf(index)?.ok_or(MisbehaviorError::RemoveOfBlank(index))?.clone(); // R183
        if let Committer::External(joiner) = committer {
            // R208: the former leaf of the joiner, or of one that the authentication service calls its successor.
            if client_key(self.env, self.suite, &old) != client_key(self.env, self.suite, joiner) {
                return Err(MisbehaviorError::ExternalCommitRemovesOther.into());
            }
        }
        applied.path_required = true; // R220
        self.replace_client(applied, index, Some(&old), None);
        applied.tree.remove_leaf(index)?; // R184
        applied.removed.push((index, old));
        Ok(())
    }

    /// The key package is validated already.
    fn apply_add(&self, applied: &mut Applied, key_package: &Kept<KeyPackage>) -> StepResult<()> {
        let leaf = &key_package.leaf_node;
        let key = client_key(self.env, self.suite, leaf);
        if let Some(member) = applied.clients.first_leaf(self.rows, &key)? {
            let twice = applied.added.iter().any(|(index, _)| *index == member);
            let error = if twice { MisbehaviorError::DuplicateAdd } else { MisbehaviorError::AddOfMember };
            return Err(error.into()); // R198, R199
        }
        let index = applied.tree.add_leaf(leaf.clone())?; // R180
        self.replace_client(applied, index, None, Some(leaf));
        applied.checks.push(CredentialCheck::new(CredentialReason::Add, Some(index), leaf));
        applied.added.push((index, key_package.clone()));
        Ok(())
    }

    /// R202, R256: before the Adds, so that added and removed members do not count.
    fn check_custom(&self, applied: &mut Applied, proposals: &[Resolved]) -> Result<(), GroupError> {
        for resolved in proposals {
            let Proposal::Custom { proposal_type, data } = &resolved.proposal else { continue };
            let Some(rule) = self.env.rules.custom_proposal(*proposal_type) else {
                return Err(IncompatibleError::Proposal(*proposal_type).into()); // R265
            };
            if !applied.tree.every_member_supports_proposal(*proposal_type) {
                return Err(IncompatibleError::Proposal(*proposal_type).into());
            }
            applied.path_required |= rule.path_required; // R192
            let sender = match resolved.sender {
                Sender::Member(leaf) => Some(leaf),
                _ => None,
            };
            applied.custom.push((*proposal_type, sender, data.clone()));
        }
        Ok(())
    }

    fn replace_client(
        &self,
        applied: &mut Applied,
        index: LeafIndex,
        old: Option<&LeafNode>,
        new: Option<&LeafNode>,
    ) {
        let key = |leaf: &LeafNode| client_key(self.env, self.suite, leaf);
        applied.clients.replace(index, old.map(key), new.map(key));
    }
}

/// What the whole new tree must satisfy (R076, R165, R202, R203): by summaries, not by a walk.
pub(crate) fn check_members(
    tree: &RatchetTree,
    rules: &LeafRules,
    extensions_changed: bool,
) -> Result<(), GroupError> {
    for credential in tree.credential_types_in_use() {
        if !tree.every_member_supports_credential(*credential) {
            return Err(IncompatibleError::Credential(*credential).into()); // R024, R076, R257
        }
    }
    if !extensions_changed {
        return Ok(());
    }
    if let Some(extension) =
        rules.extension_types.iter().find(|extension| !tree.every_member_supports_extension(**extension))
    {
        return Err(IncompatibleError::GroupContextExtension(*extension).into()); // R202
    }
    let Some(required) = &rules.required else { return Ok(()) };
    let extensions =
        required.extension_types.iter().all(|value| tree.every_member_supports_extension(*value));
    let proposals = required.proposal_types.iter().all(|value| tree.every_member_supports_proposal(*value));
    let credentials =
        required.credential_types.iter().all(|value| tree.every_member_supports_credential(*value));
    if extensions && proposals && credentials {
        Ok(())
    } else {
        Err(IncompatibleError::RequiredCapability.into()) // R165
    }
}

/// The form of the extensions of a GroupContext.
pub(crate) fn check_group_extensions(extensions: &Extensions) -> Result<(), GroupError> {
    check_extensions(extensions, GROUP_CONTEXT)?; // R187, R255, R261
    extensions.required_capabilities()?;
    extensions.external_senders()?;
    match extensions.iter().map(|extension| extension.extension_type).find(|kind| kind.is_grease()) {
        Some(grease) => Err(IncompatibleError::OwnExtension(grease).into()), // R264, R265
        None => Ok(()),
    }
}

/// R030: the entries of `external_senders` that were not there before.
pub(crate) fn external_sender_checks(
    suite: &CipherSuite,
    new: &Extensions,
    old: &Extensions,
) -> Result<Vec<CredentialCheck>, GroupError> {
    if new.find(ExtensionType::EXTERNAL_SENDERS) == old.find(ExtensionType::EXTERNAL_SENDERS) {
        return Ok(Vec::new());
    }
    let Some(senders) = new.external_senders()? else { return Ok(Vec::new()) };
    senders
        .external_senders
        .iter()
        .map(|sender| {
            check_credential(suite, &sender.credential, &sender.signature_key)?;
            Ok(CredentialCheck {
                reason: CredentialReason::ExternalSender,
                leaf: None,
                old: None,
                new: sender.credential.clone(),
                signature_key: sender.signature_key.clone(),
            })
        })
        .collect()
}

/// A key used twice is the peer's fault, with the leaf left out.
pub(crate) fn unique_keys(error: pleach_tree::TreeError) -> GroupError {
    match error {
        pleach_tree::TreeError::DuplicateSignatureKey(_) => MisbehaviorError::DuplicateSignatureKey.into(),
        pleach_tree::TreeError::DuplicateEncryptionKey(_) => MisbehaviorError::DuplicateEncryptionKey.into(),
        other => other.into(),
    }
}
