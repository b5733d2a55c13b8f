//! Following a group from outside, as a delivery service may (RFC 9750 §6): by its public handshake messages alone.
//!
//! An [`Observer`] knows no secret and joins nothing. It verifies signatures, proposals and the tree, but it cannot check
//! MACs, so a member that lies to it can lead it astray: it starts anew from a fresh GroupInfo then. It lives in memory.

use crate::auth::Answers;
use crate::{AuthDecision, Client, Error};
use pleach_group::{
    CredentialCheck, CredentialReason, MembershipChanges, PendingProposal, verify_group_info,
};
use pleach_tree::RatchetTree;
use pleach_wire::GroupContext;

impl Client {
    /// Begins to observe the group of a GroupInfo, given as an MLSMessage; the ratchet tree may be apart. O(n).
    ///
    /// The client lends its provider, authentication service, rules and configuration, and nothing of its store.
    ///
    /// # Errors
    /// Whatever is wrong with the GroupInfo or the tree; [`Error::Denied`] or [`Error::AwaitingAuthentication`].
    pub fn observe(&self, group_info: &[u8], ratchet_tree: Option<&[u8]>) -> Result<Observer, Error> {
        let inner = &*self.0;
        let verified = verify_group_info(&inner.env(&inner.config), group_info, ratchet_tree)?;
        let checks: Vec<CredentialCheck> = verified
            .tree()
            .leaves()
            .map(|member| {
                let (index, leaf) = member?;
                Ok(CredentialCheck {
                    reason: CredentialReason::JoinedTree,
                    leaf: Some(index),
                    old: None,
                    new: leaf.credential.clone(),
                    signature_key: leaf.signature_key.clone(),
                })
            })
            .collect::<Result<_, Error>>()?;
        Answers::ask(inner.auth(), &verified.context().group_id, &checks, None)?.now()?;
        Ok(Observer { client: self.clone(), observer: pleach_group::Observer::new(&verified)? })
    }
}

/// The public state of a group, as far as its public messages tell it.
#[derive(Debug, Clone)]
pub struct Observer {
    client: Client,
    observer: pleach_group::Observer,
}

/// What a message was, as far as an observer can tell.
#[derive(Debug)]
#[non_exhaustive]
pub enum Observed {
    /// A proposal. It is kept until the epoch ends.
    Proposal(Box<PendingProposal>),
    /// A Commit, to be given to [`Observer::merge`] once it is the one that counts.
    Commit(ObservedCommit),
    /// An encrypted message. A handshake among them cannot be followed.
    Private {
        /// Its epoch.
        epoch: u64,
    },
}

/// A Commit that an observer verified.
#[derive(Debug)]
pub struct ObservedCommit {
    commit: Box<pleach_group::ObservedCommit>,
    answers: Answers,
}

impl ObservedCommit {
    /// What merging it will change.
    #[must_use]
    pub fn changes(&self) -> &MembershipChanges {
        self.commit.summary()
    }

    /// All credentials that it brings in.
    #[must_use]
    pub fn credentials(&self) -> &[CredentialCheck] {
        self.commit.credentials()
    }

    /// Answers for a credential that the authentication service answered with [`AuthDecision::Later`], by its place in
    /// [`ObservedCommit::credentials`].
    ///
    /// # Errors
    /// [`Error::Denied`] if the answer is a refusal.
    pub fn answer(&mut self, index: usize, decision: AuthDecision) -> Result<(), Error> {
        self.answers.answer(index, decision)
    }
}

impl Observer {
    /// The GroupContext of the epoch that was reached.
    #[must_use]
    pub fn context(&self) -> &GroupContext {
        self.observer.context()
    }

    /// The epoch that was reached.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.observer.context().epoch
    }

    /// The ratchet tree.
    #[must_use]
    pub fn tree(&self) -> &RatchetTree {
        self.observer.tree()
    }

    /// Looks at a message of the group.
    ///
    /// # Errors
    /// Whatever is wrong with it; [`Error::Denied`] for a credential.
    pub fn receive(&mut self, message: &[u8]) -> Result<Observed, Error> {
        let inner = &*self.client.0;
        Ok(match self.observer.receive(&inner.env(&inner.config), message)? {
            pleach_group::Observed::Proposal(proposal) => Observed::Proposal(proposal),
            pleach_group::Observed::Commit(commit) => {
                let group_id = &self.observer.context().group_id;
                let answers = Answers::ask(inner.auth(), group_id, commit.credentials(), None)?;
                Observed::Commit(ObservedCommit { commit, answers })
            }
            pleach_group::Observed::Private { epoch } => Observed::Private { epoch },
            _ => return Err(Error::Internal("a kind of message that is not known here")),
        })
    }

    /// Follows a Commit into its epoch.
    ///
    /// # Errors
    /// [`Error::ApiMisuse`] if the Commit is of another epoch, or a credential awaits its answer.
    pub fn merge(&mut self, commit: ObservedCommit) -> Result<MembershipChanges, Error> {
        commit.answers.settled()?;
        Ok(self.observer.merge(*commit.commit)?)
    }
}
