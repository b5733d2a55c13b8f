//! What a step borrows from its caller: algorithms, randomness, time, threads, and the application's own judgement.

use crate::{GroupConfig, GroupError};
use alloc::{sync::Arc, vec::Vec};
use pleach_crypto::{CipherSuite, CryptoError, CryptoProvider, Executor, Verifier};
use pleach_wire::{Credential, GroupContext, LeafIndex, LeafNode, Proposal, ProposalType, Sender};

/// Everything a step borrows. All of it is the caller's; nothing is global.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    /// The cipher suites and the randomness.
    pub provider: &'a CryptoProvider,
    /// Who is the same client as whom.
    pub identity: &'a dyn Identity,
    /// What the application allows.
    pub rules: &'a dyn Rules,
    /// Threads for work that splits.
    pub executor: &'a dyn Executor,
    /// The configuration of the group.
    pub config: &'a GroupConfig,
    /// Where parsed signature keys come from.
    pub verifiers: &'a dyn Verifiers,
    /// Now, in seconds since 1970.
    pub now: u64,
}

/// Gives parsed signature keys. A sender's key outlives its leaves, which change with each of its Commits, so a few keys
/// that are kept serve many messages; how many may be kept depends on the algorithm, so it is the caller's to say.
pub trait Verifiers {
    /// The verifier of this public key.
    ///
    /// # Errors
    /// Those of [`Signature::load_verifier`](pleach_crypto::Signature::load_verifier).
    fn verifier(&self, suite: &CipherSuite, public: &[u8]) -> Result<Arc<dyn Verifier>, CryptoError>;
}

/// Parses each key anew.
#[derive(Debug, Clone, Copy, Default)]
pub struct LoadEach;

impl Verifiers for LoadEach {
    fn verifier(&self, suite: &CipherSuite, public: &[u8]) -> Result<Arc<dyn Verifier>, CryptoError> {
        suite.signature.load_verifier(public).map(Arc::from)
    }
}

/// Decides which credentials belong to the same client (RFC 9420 §12.2, R198, R199; RFC 9750).
pub trait Identity {
    /// Canonical bytes of the client that this credential and key stand for: equal bytes are the same client.
    fn client_id(&self, credential: &Credential, signature_key: &[u8]) -> Vec<u8>;
}

/// How a custom proposal type behaves (RFC 9420 §12.1, R192, R280).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CustomProposalRule {
    /// Whether a Commit that holds one needs a path.
    pub path_required: bool,
    /// Whether an external sender may propose it.
    pub external: bool,
}

/// The application's rules. The default of each is what the RFC asks for when the application says nothing.
pub trait Rules {
    /// Whether this sender may make this proposal, before it is kept or committed (R190, R204). `sender` is the one who
    /// proposed it; for an inline proposal that is the committer (R206).
    ///
    /// # Errors
    /// The reason for refusing, usually [`GroupError::Denied`].
    fn allow_proposal(
        &self,
        context: &GroupContext,
        sender: &Sender,
        proposal: &Proposal,
    ) -> Result<(), GroupError> {
        let _ = (context, proposal);
        match sender {
            Sender::NewMemberProposal => Err(GroupError::Denied("new members may not propose themselves")), // R190
            _ => Ok(()),
        }
    }

    /// Whether this client may join by an external Commit, removing its former leaf if `removes` is given (R214).
    ///
    /// # Errors
    /// The reason for refusing.
    fn allow_external_commit(
        &self,
        context: &GroupContext,
        joiner: &LeafNode,
        removes: Option<LeafIndex>,
    ) -> Result<(), GroupError> {
        let _ = (context, joiner, removes);
        Ok(())
    }

    /// Whether to join a group with this context, of so many members, at the invitation of this member. Asked before the
    /// O(n) checks: nothing of it is verified yet, except that the inviter knows this client's key package.
    ///
    /// # Errors
    /// The reason for refusing.
    fn allow_join(
        &self,
        context: &GroupContext,
        members: u32,
        inviter: Option<&LeafNode>,
    ) -> Result<(), GroupError> {
        let _ = (context, members, inviter);
        Ok(())
    }

    /// How a custom proposal type behaves; `None` if this application does not know it.
    fn custom_proposal(&self, proposal_type: ProposalType) -> Option<CustomProposalRule> {
        let _ = proposal_type;
        None
    }

    /// The custom proposal types that external senders may use (R188, R192).
    fn external_proposal_types(&self) -> &[ProposalType] {
        &[]
    }
}
