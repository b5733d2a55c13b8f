//! Proposals from outside the group: by a service that is listed in `external_senders` (RFC 9420 §12.1.8).

use crate::{Error, decode};
use pleach_crypto::{CipherSuiteId, CryptoProvider, Signer};
use pleach_group::{GroupConfig, IncompatibleError, external_proposal};
use pleach_wire::{
    Add, Credential, Extensions, ExternalSender as Entry, GroupContextExtensions, LeafIndex, Proposal,
    ReInit, Remove, SignaturePublicKey,
};
use std::sync::Arc;

/// Makes proposals for groups that list it. It is no client: it has no store and joins nothing.
#[derive(Debug, Clone)]
pub struct ExternalSender {
    provider: CryptoProvider,
    suite: CipherSuiteId,
    credential: Credential,
    signer: Arc<dyn Signer>,
}

impl ExternalSender {
    /// A sender for groups of one suite.
    ///
    /// # Errors
    /// [`Error::PeerIncompatible`] if the provider lacks the suite.
    pub fn new(
        provider: CryptoProvider,
        suite: CipherSuiteId,
        credential: Credential,
        signer: impl Signer + 'static,
    ) -> Result<Self, Error> {
        provider.suite(suite).map_err(IncompatibleError::CipherSuite)?;
        Ok(Self { provider, suite, credential, signer: Arc::new(signer) })
    }

    /// The entry for a group's `external_senders`: [`GroupOptions::external_sender`](crate::GroupOptions::external_sender).
    #[must_use]
    pub fn entry(&self) -> Entry {
        Entry {
            signature_key: SignaturePublicKey::from(self.signer.public()),
            credential: self.credential.clone(),
        }
    }

    /// Proposes to add the owner of a key package, given as an MLSMessage. `at` is the group and epoch, and the place of
    /// this sender among its `external_senders`; so for the others.
    ///
    /// # Errors
    /// [`Error::Malformed`] for the key package; those of the signer.
    pub fn add(&self, at: Outside<'_>, key_package: &[u8]) -> Result<Vec<u8>, Error> {
        let key_package = decode::key_package(&GroupConfig::default().limits, key_package)?;
        self.propose(at, Proposal::Add(Add { key_package }))
    }

    /// Proposes to remove a member.
    ///
    /// # Errors
    /// Those of the signer.
    pub fn remove(&self, at: Outside<'_>, member: LeafIndex) -> Result<Vec<u8>, Error> {
        self.propose(at, Proposal::Remove(Remove { removed: member }))
    }

    /// Proposes a successor of the group.
    ///
    /// # Errors
    /// Those of the signer.
    pub fn reinit(&self, at: Outside<'_>, successor: ReInit) -> Result<Vec<u8>, Error> {
        self.propose(at, Proposal::ReInit(successor))
    }

    /// Proposes other extensions of the group.
    ///
    /// # Errors
    /// Those of the signer.
    pub fn extensions(&self, at: Outside<'_>, extensions: Extensions) -> Result<Vec<u8>, Error> {
        self.propose(at, Proposal::GroupContextExtensions(GroupContextExtensions { extensions }))
    }

    /// Makes any proposal that the RFC allows to external senders (R041, R188).
    ///
    /// # Errors
    /// [`Error::PeerMisbehaved`] for a type that it does not allow; those of the signer.
    pub fn propose(&self, at: Outside<'_>, proposal: Proposal) -> Result<Vec<u8>, Error> {
        let suite = self.provider.suite(self.suite).map_err(IncompatibleError::CipherSuite)?;
        let group = (at.group_id, at.epoch);
        Ok(external_proposal(suite, group, at.sender_index, proposal, &*self.signer, &[])?)
    }
}

/// Where a proposal from outside goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outside<'a> {
    /// The group.
    pub group_id: &'a [u8],
    /// Its epoch.
    pub epoch: u64,
    /// The place of the sender in the group's `external_senders`, from 0.
    pub sender_index: u32,
}
