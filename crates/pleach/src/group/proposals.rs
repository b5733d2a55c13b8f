//! Proposals by themselves (RFC 9420 §12.1): sent now, committed by whoever commits next.
//!
//! A member that wants a change at once commits it instead: [`Group::commit`].

use super::Group;
use crate::auth::Answers;
use crate::decode::key_package;
use crate::trace::event;
use crate::{Error, SigningIdentity};
use pleach_group::{CredentialCheck, CredentialReason, LeafSpec, ProposalSpec};
use pleach_storage::VecBatch;
use pleach_wire::{Extensions, LeafIndex, ProposalType, Psk, ReInit, ResumptionPskUsage};

/// How the own leaf changes. What is not named stays.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct LeafUpdate {
    /// A new credential and signature key.
    pub identity: Option<SigningIdentity>,
    /// New extensions of the leaf, all of them.
    pub extensions: Option<Extensions>,
}

impl LeafUpdate {
    /// Fresh keys, and nothing else.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A new credential and signature key.
    #[must_use]
    pub fn identity(mut self, identity: SigningIdentity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// New extensions of the leaf, all of them.
    #[must_use]
    pub fn extensions(mut self, extensions: Extensions) -> Self {
        self.extensions = Some(extensions);
        self
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.identity.is_none() && self.extensions.is_none()
    }
}

impl Group {
    /// Proposes to add the owner of a key package, given as an MLSMessage (RFC 9420 §12.1.1).
    ///
    /// # Errors
    /// Whatever is wrong with the key package; [`Error::Denied`] or [`Error::AwaitingAuthentication`] for its credential;
    /// those of the signer and the store. So for the other proposals.
    pub fn propose_add(&mut self, key_package_message: &[u8]) -> Result<Vec<u8>, Error> {
        let key_package = key_package(&self.config.limits, key_package_message)?;
        let check = CredentialCheck {
            reason: CredentialReason::Add,
            leaf: None,
            old: None,
            new: key_package.leaf_node.credential.clone(),
            signature_key: key_package.leaf_node.signature_key.clone(),
        };
        Answers::ask(self.client.0.auth(), self.id(), &[check], None)?.now()?; // R025
        self.propose(&ProposalSpec::Add(key_package))
    }

    /// Proposes to replace the own leaf by one with fresh keys (RFC 9420 §12.1.2). Others commit it.
    ///
    /// # Errors
    /// As of [`Group::propose_add`].
    pub fn propose_update(&mut self, update: &LeafUpdate) -> Result<Vec<u8>, Error> {
        self.refresh()?;
        let leaf = self.leaf_spec(update)?;
        let signer = update.identity.as_ref().map(|identity| identity.signer.clone());
        let message = self.propose(&ProposalSpec::Update(leaf, signer.as_deref()))?;
        if let Some(identity) = &update.identity {
            self.client.0.identities.add(identity.clone(), false);
        }
        Ok(message)
    }

    /// Proposes to remove a member (RFC 9420 §12.1.3).
    ///
    /// # Errors
    /// As of [`Group::propose_add`].
    pub fn propose_remove(&mut self, member: LeafIndex) -> Result<Vec<u8>, Error> {
        self.propose(&ProposalSpec::Remove(member))
    }

    /// Proposes the own removal. This client is a member until another one commits it (R196).
    ///
    /// # Errors
    /// As of [`Group::propose_add`].
    pub fn leave(&mut self) -> Result<Vec<u8>, Error> {
        self.propose_remove(self.own_index())
    }

    /// Proposes to bring an external PSK into the key schedule (RFC 9420 §12.1.4). Every member must hold it.
    ///
    /// # Errors
    /// As of [`Group::propose_add`].
    pub fn propose_psk(&mut self, id: &[u8]) -> Result<Vec<u8>, Error> {
        self.propose(&ProposalSpec::PreSharedKey(external(id)))
    }

    /// Proposes to bring in the resumption PSK of an epoch, of this group or another (RFC 9420 §8.6).
    ///
    /// # Errors
    /// As of [`Group::propose_add`].
    pub fn propose_resumption_psk(&mut self, group_id: &[u8], epoch: u64) -> Result<Vec<u8>, Error> {
        self.propose(&ProposalSpec::PreSharedKey(resumption(group_id, epoch)))
    }

    /// Proposes to end the group in favour of a successor with other parameters (RFC 9420 §12.1.5).
    ///
    /// # Errors
    /// As of [`Group::propose_add`].
    pub fn propose_reinit(&mut self, successor: ReInit) -> Result<Vec<u8>, Error> {
        self.propose(&ProposalSpec::ReInit(successor))
    }

    /// Proposes other extensions of the group; those not named are dropped (RFC 9420 §12.1.7).
    ///
    /// # Errors
    /// As of [`Group::propose_add`].
    pub fn propose_extensions(&mut self, extensions: Extensions) -> Result<Vec<u8>, Error> {
        self.propose(&ProposalSpec::GroupContextExtensions(extensions))
    }

    /// Makes a proposal of the application's own type (RFC 9420 §12.1).
    ///
    /// # Errors
    /// As of [`Group::propose_add`].
    pub fn propose_custom(&mut self, proposal_type: ProposalType, data: &[u8]) -> Result<Vec<u8>, Error> {
        self.propose(&ProposalSpec::Custom(proposal_type, data.to_vec()))
    }

    /// Makes any proposal, with authenticated data; the other methods are short for this one.
    ///
    /// # Errors
    /// As of [`Group::propose_add`]. The credential of a key package is not validated here.
    pub fn propose_with(
        &mut self,
        proposal: &ProposalSpec<'_>,
        authenticated_data: &[u8],
    ) -> Result<Vec<u8>, Error> {
        self.may_send()?;
        let signer = self.identity()?.signer;
        let step =
            self.step(|state, env, rows| state.propose(env, rows, &*signer, proposal, authenticated_data))?;
        let sent = self.persist_sent(step, VecBatch::new())?;
        event!(
            debug,
            group = %crate::trace::Id(self.id()),
            epoch = self.epoch(),
            bytes = sent.message.len(),
            "proposal made"
        );
        Ok(sent.message)
    }

    /// Forgets all proposals of this epoch that wait for a Commit.
    ///
    /// A Commit of another member that refers to one of them can then not be processed: do so only if the delivery service
    /// lost them too.
    ///
    /// # Errors
    /// Those of the store.
    pub fn clear_proposals(&mut self) -> Result<(), Error> {
        self.refresh()?;
        let step = self.step(|state, _, _| state.discard_proposals())?;
        self.persist(step, VecBatch::new())
    }

    fn propose(&mut self, proposal: &ProposalSpec<'_>) -> Result<Vec<u8>, Error> {
        self.propose_with(proposal, &[])
    }

    /// The content of the own leaf after an update; `None` if it stays.
    pub(super) fn leaf_spec(&self, update: &LeafUpdate) -> Result<Option<LeafSpec>, Error> {
        if update.is_empty() {
            return Ok(None);
        }
        let own = self.own_leaf()?;
        let present = || {
            let ours = |kind: pleach_wire::ExtensionType| !kind.is_grease();
            own.leaf_node
                .extensions
                .iter()
                .filter(|extension| ours(extension.extension_type))
                .cloned()
                .collect()
        };
        Ok(Some(LeafSpec {
            credential: update
                .identity
                .as_ref()
                .map_or(own.credential.clone(), |identity| identity.credential.clone()),
            capabilities: self.client.capabilities().clone(),
            extensions: update.extensions.clone().unwrap_or_else(present),
        }))
    }
}

/// An external PSK by its id.
pub(super) fn external(id: &[u8]) -> Psk {
    Psk::External { psk_id: id.into() }
}

/// A resumption PSK for the application's own purposes.
pub(super) fn resumption(group_id: &[u8], epoch: u64) -> Psk {
    let usage = ResumptionPskUsage::Application;
    Psk::Resumption { usage, psk_group_id: group_id.into(), psk_epoch: epoch }
}
