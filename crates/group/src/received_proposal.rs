//! Receiving a proposal (RFC 9420 §12.1): checked by itself, and pending from then on.
//!
//! What it may do beside other proposals is checked when a Commit takes it up, not here.

use crate::proposals::PendingProposal;
use crate::receive::{Incoming, unchanged};
use crate::{
    Changes, CredentialCheck, CredentialReason, Effect, Env, GroupError, GroupState, MisbehaviorError,
    RecordKey, Rows, Step, StepResult, apply, key_package, leaf,
};
use alloc::{boxed::Box, vec::Vec};
use pleach_framing::proposal_ref;
use pleach_wire::{AuthenticatedContent, Opaque, Proposal, Sender};

/// A proposal that was received, with the credentials to be answered for before it is kept.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ReceivedProposal {
    /// The proposal.
    pub proposal: PendingProposal,
    /// Its new credentials (R027, R028, R030).
    pub credentials: Vec<CredentialCheck>,
    /// The authenticated data of its message.
    pub authenticated_data: Opaque,
}

impl GroupState {
    /// What follows from a proposal that is authentic.
    pub(crate) fn received_proposal(
        &self,
        env: &Env<'_>,
        rows: &Rows,
        content: &AuthenticatedContent,
        proposal: &Proposal,
        mut changes: Changes,
    ) -> StepResult<Step<Incoming>> {
        let cache = self.need_proposals()?;
        let reference = proposal_ref(&self.suite, content)?.to_vec();
        let sender = content.content.sender;
        if cache.find(&reference).is_some() {
            return Ok(unchanged(Incoming::Duplicate));
        }
        if sender == Sender::Member(self.head.own_leaf) {
            return Ok(unchanged(Incoming::OwnMessage));
        }
        if cache.is_full_for(sender, env.config) {
            return Err(MisbehaviorError::TooManyProposals.into());
        }
        env.rules.allow_proposal(&self.context, &sender, proposal)?; // R190, R204
        let credentials = self.check_single(env, rows, sender, proposal)?;
        let pending = PendingProposal {
            reference: reference.clone(),
            sender,
            proposal: proposal.clone(),
            sequence: cache.next_sequence(),
            message: None,
        };
        if changes.guards.is_empty() {
            changes.guard(self.guard_head());
        }
        cache.change(&mut changes);
        changes.put(RecordKey::Proposal(reference), pending.to_row()?);
        let output = Incoming::Proposal(ReceivedProposal {
            proposal: pending.clone(),
            credentials,
            authenticated_data: content.content.authenticated_data.clone(),
        });
        Ok(Step { changes, effect: Effect::Proposal(Box::new(pending)), output })
    }

    /// The credentials that a pending proposal brings (R025, R027, R028, R030): what a Commit that takes it up will ask.
    ///
    /// # Errors
    /// [`crate::Need::Rows`].
    pub fn credentials_of(&self, rows: &Rows, pending: &PendingProposal) -> StepResult<Vec<CredentialCheck>> {
        Ok(match (&pending.proposal, pending.sender) {
            (Proposal::Add(add), _) => {
                let leaf = &add.key_package.leaf_node;
                alloc::vec![CredentialCheck::new(CredentialReason::Add, None, leaf)]
            }
            (Proposal::Update(update), Sender::Member(index)) => match self.leaf_node(rows, index)? {
                Some(old) => {
                    let new = &update.leaf_node;
                    CredentialCheck::replacing(CredentialReason::Update, index, &old, new)
                        .into_iter()
                        .collect()
                }
                None => Vec::new(),
            },
            (Proposal::GroupContextExtensions(proposal), _) => {
                let (new, old) = (&proposal.extensions, &self.context.extensions);
                apply::external_sender_checks(&self.suite, new, old)?
            }
            _ => Vec::new(),
        })
    }

    /// What makes a proposal invalid by itself (§12.1), so that it is not kept; returns the credentials it brings.
    fn check_single(
        &self,
        env: &Env<'_>,
        rows: &Rows,
        sender: Sender,
        proposal: &Proposal,
    ) -> StepResult<Vec<CredentialCheck>> {
        let rules = leaf::LeafRules::of(&self.context.extensions)?;
        match proposal {
            Proposal::Add(add) => {
                let check_now = env.config.lifetime.check_received;
                key_package::validate_key_package(env, &self.suite, &add.key_package, &rules, check_now)?; // R179
                Ok(alloc::vec![CredentialCheck::new(CredentialReason::Add, None, &add.key_package.leaf_node)])
            }
            Proposal::Update(update) => {
                let Sender::Member(index) = sender else {
                    return Err(MisbehaviorError::UpdateByNonMember.into()); // R181
                };
                let old = self.leaf_node(rows, index)?.ok_or(MisbehaviorError::UpdateByNonMember)?;
                let place = leaf::Place::Update(&old, index);
                leaf::check_leaf(&self.suite, &update.leaf_node, place, self.group_id(), &rules, true)?;
                let check =
                    CredentialCheck::replacing(CredentialReason::Update, index, &old, &update.leaf_node);
                Ok(check.into_iter().collect())
            }
            Proposal::Remove(remove) => {
                self.leaf_node(rows, remove.removed)?
                    .ok_or(MisbehaviorError::RemoveOfBlank(remove.removed))?; // R183
                Ok(Vec::new())
            }
            Proposal::PreSharedKey(psk) => {
                let usage = crate::psk::Usage::Application;
                crate::psk::check_psks(&self.suite, core::iter::once(&psk.psk), usage)?;
                Ok(Vec::new())
            }
            Proposal::ReInit(reinit) => {
                if reinit.version < self.context.version {
                    return Err(MisbehaviorError::ReInitVersion.into()); // R167
                }
                leaf::check_extensions(&reinit.extensions, leaf::GROUP_CONTEXT)?; // R187
                Ok(Vec::new())
            }
            Proposal::ExternalInit(_) => Err(MisbehaviorError::UnexpectedExternalInit.into()), // R185
            Proposal::GroupContextExtensions(proposal) => {
                apply::check_group_extensions(&proposal.extensions)?;
                Ok(apply::external_sender_checks(
                    &self.suite,
                    &proposal.extensions,
                    &self.context.extensions,
                )?)
            }
            Proposal::Custom { proposal_type, .. } => match env.rules.custom_proposal(*proposal_type) {
                Some(_) => Ok(Vec::new()),
                None => Err(crate::IncompatibleError::Proposal(*proposal_type).into()), // R265
            },
        }
    }
}

/// R040, R189: the key of an entry of `external_senders`.
pub(crate) fn external_sender_key(
    extensions: &pleach_wire::Extensions,
    index: u32,
) -> Result<pleach_wire::SignaturePublicKey, GroupError> {
    extensions
        .external_senders()?
        .and_then(|senders| {
            senders.external_senders.get(index as usize).map(|sender| sender.signature_key.clone())
        })
        .ok_or(MisbehaviorError::UnknownExternalSender.into())
}
