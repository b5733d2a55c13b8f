//! The Authentication Service (RFC 9420 §5.3.1, RFC 9750 §4): the application says whose key is whose.
//!
//! The library asks for each credential that is new: of an Add or Update, of every leaf of a tree that is joined, of
//! external senders (R025 to R033). There is no permissive default, and a client cannot be built without a service.
//!
//! An answer may take its time: [`AuthDecision::Later`] leaves the join or commit staged, with the open questions
//! listed, and it cannot be accepted before they are answered.
//!
//! Not here: parsing of certificates, revocation, and any opinion about who is who.

use crate::Error;
use pleach_group::{CredentialCheck, CredentialReason, Identity, MisuseError};
use pleach_wire::{Credential, LeafIndex};
use std::{borrow::Cow, sync::Arc};

/// Decides whether credentials are genuine. Supplied by the application.
pub trait AuthService: Send + Sync {
    /// Whether this credential goes with this signature key; if it replaces another, also whether it is a valid
    /// successor (R032).
    fn validate(&self, request: &CredentialRequest<'_>) -> AuthDecision;

    /// Canonical bytes of the client that this credential and key stand for. Equal bytes are the same client, which
    /// can be in a group only once (RFC 9420 §12.2, R198, R199).
    ///
    /// A client that changes its credential or key must keep these bytes, or it appears as somebody else. So must a service
    /// from one version to the next: stored groups know their members by the hash of these bytes.
    fn client_id(&self, credential: &Credential, signature_key: &[u8]) -> Vec<u8>;
}

impl<A: AuthService + ?Sized> AuthService for Arc<A> {
    fn validate(&self, request: &CredentialRequest<'_>) -> AuthDecision {
        (**self).validate(request)
    }

    fn client_id(&self, credential: &Credential, signature_key: &[u8]) -> Vec<u8> {
        (**self).client_id(credential, signature_key)
    }
}

/// One question to the [`AuthService`].
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct CredentialRequest<'a> {
    /// The group in which the credential is used.
    pub group_id: &'a [u8],
    /// Where the credential comes from.
    pub reason: CredentialReason,
    /// The leaf, if it is known yet.
    pub leaf: Option<LeafIndex>,
    /// What the leaf had before: credential and signature key. Present when a member changes its own.
    pub old: Option<(&'a Credential, &'a [u8])>,
    /// The credential to validate.
    pub new: &'a Credential,
    /// The signature key that it must go with.
    pub signature_key: &'a [u8],
}

/// The answer to a [`CredentialRequest`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthDecision {
    /// The credential is genuine.
    Accept,
    /// It is not, for this reason. What brought it is refused as a whole.
    Deny(Cow<'static, str>),
    /// Not known yet: the application will answer the staged join or commit.
    Later,
}

impl AuthDecision {
    /// Refuses, for this reason.
    pub fn deny(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Deny(reason.into())
    }
}

/// The group's view of the service: which credentials are the same client.
pub(crate) struct ClientIds(pub(crate) Arc<dyn AuthService>);

impl Identity for ClientIds {
    fn client_id(&self, credential: &Credential, signature_key: &[u8]) -> Vec<u8> {
        self.0.client_id(credential, signature_key)
    }
}

/// The questions about a staged join or commit, and the answers so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answers {
    /// For each of the credential checks, whether it is open.
    open: Vec<bool>,
}

impl Answers {
    /// Asks the service about each of the checks. What `own`, the own leaf, says of itself is known to be true.
    ///
    /// # Errors
    /// [`Error::Denied`] at the first refusal.
    pub(crate) fn ask(
        auth: &dyn AuthService,
        group_id: &[u8],
        checks: &[CredentialCheck],
        own: Option<LeafIndex>,
    ) -> Result<Self, Error> {
        use CredentialReason::{Commit, JoinedTree, Update};
        let mut open = Vec::with_capacity(checks.len());
        for check in checks {
            if own.is_some() && check.leaf == own && matches!(check.reason, Commit | Update | JoinedTree) {
                open.push(false);
                continue;
            }
            let request = CredentialRequest {
                group_id,
                reason: check.reason,
                leaf: check.leaf,
                old: check.old.as_ref().map(|(credential, key)| (credential, key.as_bytes())),
                new: &check.new,
                signature_key: &check.signature_key,
            };
            open.push(match auth.validate(&request) {
                AuthDecision::Accept => false,
                AuthDecision::Deny(reason) => return Err(Error::Denied(reason)),
                AuthDecision::Later => true,
            });
        }
        Ok(Self { open })
    }

    /// The indices of the checks that are still open.
    pub(crate) fn pending(&self) -> impl Iterator<Item = usize> + '_ {
        self.open.iter().enumerate().filter_map(|(i, open)| open.then_some(i))
    }

    /// Records an answer that came later.
    ///
    /// # Errors
    /// [`Error::Denied`] if it is a refusal, [`Error::ApiMisuse`] if there is no such question.
    pub(crate) fn answer(&mut self, index: usize, decision: AuthDecision) -> Result<(), Error> {
        let open = self.open.get_mut(index).ok_or(Error::NotFound("credential check"))?;
        match decision {
            AuthDecision::Accept => *open = false,
            AuthDecision::Deny(reason) => {
                *open = true;
                return Err(Error::Denied(reason));
            }
            AuthDecision::Later => {}
        }
        Ok(())
    }

    /// Whether all is answered, of what is made here and now.
    ///
    /// # Errors
    /// [`Error::AwaitingAuthentication`].
    pub(crate) fn now(&self) -> Result<(), Error> {
        match self.pending().count() {
            0 => Ok(()),
            credentials => Err(Error::AwaitingAuthentication { credentials }),
        }
    }

    /// Whether all is answered, of what was received.
    ///
    /// # Errors
    /// [`MisuseError::CredentialsUnanswered`].
    pub(crate) fn settled(&self) -> Result<(), Error> {
        if self.open.iter().any(|open| *open) {
            Err(MisuseError::CredentialsUnanswered.into())
        } else {
            Ok(())
        }
    }
}
