//! An observer: follows a group from outside by its public handshake messages, as a delivery service may (RFC 9420 §6,
//! §12.4.3; RFC 9750).
//!
//! It knows no secret. It verifies signatures, lists of proposals, the tree and its parent hashes, but neither membership
//! tags nor confirmation tags; so a member that colludes with the delivery service can show it a Commit that members
//! refuse. It re-anchors by starting anew from a fresh GroupInfo. Private handshake messages it cannot follow.

use crate::apply::{Base, Committer, check_members};
use crate::clients::Clients;
use crate::leaf::{Place, check_leaf};
use crate::process::{clients_after, path_error, path_sender, resolve, summary};
use crate::psk::Usage;
use crate::received_proposal::external_sender_key;
use crate::schedule::provisional_context;
use crate::state::Attached;
use crate::{
    CredentialCheck, Env, GroupError, Interrupt, MembershipChanges, MisbehaviorError, MisuseError,
    PendingProposal, ProposalCache, Rows, VerifiedGroupInfo,
};
use alloc::{boxed::Box, vec::Vec};
use pleach_crypto::{CipherSuite, Secret};
use pleach_framing::{EpochContext, SignatureKey, observe_public, proposal_ref};
use pleach_key_schedule::{confirmed_transcript_hash, interim_transcript_hash};
use pleach_tree::{RatchetTree, TreePrivate};
use pleach_wire::{
    AuthenticatedContent, Commit, Content, GroupContext, LeafIndex, MlsMessage, MlsMessageBody, Opaque,
    Sender, decode, encode,
};

/// The public state of a group.
#[derive(Debug, Clone)]
pub struct Observer {
    suite: CipherSuite,
    context: GroupContext,
    interim_transcript_hash: Vec<u8>,
    attached: Attached,
    proposals: ProposalCache,
}

/// What an observed message was.
#[derive(Debug)]
#[non_exhaustive]
pub enum Observed {
    /// A proposal, now pending.
    Proposal(Box<PendingProposal>),
    /// A Commit, to be given to [`Observer::merge`].
    Commit(Box<ObservedCommit>),
    /// An encrypted message: application data, or a handshake that cannot be followed.
    Private {
        /// Its epoch.
        epoch: u64,
    },
}

/// A Commit that an observer could verify.
#[derive(Debug)]
pub struct ObservedCommit {
    /// The GroupContext of the epoch that it ends: no other group's, and no fork's.
    basis: GroupContext,
    next: Observer,
    summary: MembershipChanges,
    credentials: Vec<CredentialCheck>,
}

impl ObservedCommit {
    /// What it changes.
    #[must_use]
    pub fn summary(&self) -> &MembershipChanges {
        &self.summary
    }

    /// The new credentials.
    #[must_use]
    pub fn credentials(&self) -> &[CredentialCheck] {
        &self.credentials
    }
}

impl Observer {
    /// Starts from a GroupInfo.
    ///
    /// # Errors
    /// Those of the hash.
    pub fn new(group_info: &VerifiedGroupInfo) -> Result<Self, GroupError> {
        let context = group_info.context().clone();
        let tag = &group_info.group_info.confirmation_tag;
        let interim = interim_transcript_hash(&group_info.suite, &context.confirmed_transcript_hash, tag)?;
        Ok(Self {
            suite: group_info.suite,
            context,
            interim_transcript_hash: interim.as_bytes().to_vec(),
            attached: public(group_info.tree.clone()),
            proposals: ProposalCache::default(),
        })
    }

    /// The GroupContext.
    #[must_use]
    pub fn context(&self) -> &GroupContext {
        &self.context
    }

    /// The ratchet tree.
    #[must_use]
    pub fn tree(&self) -> &RatchetTree {
        &self.attached.tree
    }

    /// The pending proposals.
    #[must_use]
    pub fn proposals(&self) -> &ProposalCache {
        &self.proposals
    }

    /// Looks at a message of the group. A proposal is kept; a Commit is merged apart.
    ///
    /// # Errors
    /// As for a member, as far as an observer can tell.
    pub fn receive(&mut self, env: &Env<'_>, bytes: &[u8]) -> Result<Observed, GroupError> {
        env.config.limits.check_message(bytes)?;
        let message: MlsMessage = decode(bytes)?;
        env.config.limits.check_decoded(&message)?;
        let message = match message.body {
            MlsMessageBody::PublicMessage(message) => message,
            MlsMessageBody::PrivateMessage(message) if message.group_id == self.context.group_id => {
                return Ok(Observed::Private { epoch: message.epoch });
            }
            MlsMessageBody::PrivateMessage(_) => return Err(GroupError::WrongGroup),
            _ => return Err(MisbehaviorError::NotGroupMessage.into()),
        };
        let content = &message.content;
        if content.group_id != self.context.group_id {
            return Err(GroupError::WrongGroup); // R048
        }
        if content.epoch != self.context.epoch {
            return Err(GroupError::WrongEpoch { current: self.context.epoch, message: content.epoch });
        }
        let context_bytes = encode(&self.context)?;
        let epoch = EpochContext {
            suite: &self.suite,
            group_id: &self.context.group_id,
            epoch: self.context.epoch,
            group_context: &context_bytes,
            external_proposal_types: env.rules.external_proposal_types(),
        };
        let observed = observe_public(&epoch, message)?;
        let key = match observed.signature_key()? {
            SignatureKey::Member(leaf) => match self.attached.tree.leaf(leaf) {
                Ok(Some(leaf)) => leaf.signature_key.clone(),
                _ => return Err(MisbehaviorError::SenderNotMember.into()), // R039
            },
            SignatureKey::External(index) => external_sender_key(&self.context.extensions, index)?,
            SignatureKey::Embedded(key) => key.clone(),
        };
        let verifier =
            self.suite.signature.load_verifier(&key).map_err(|_| MisbehaviorError::InvalidSignature)?;
        let content = observed.verify(&epoch, &*verifier)?.into_inner();
        match &content.content.content {
            Content::Proposal(proposal) => {
                env.rules.allow_proposal(&self.context, &content.content.sender, proposal)?;
                if self.proposals.is_full_for(content.content.sender, env.config) {
                    return Err(MisbehaviorError::TooManyProposals.into());
                }
                let pending = PendingProposal {
                    reference: proposal_ref(&self.suite, &content)?.to_vec(),
                    sender: content.content.sender,
                    proposal: proposal.clone(),
                    sequence: self.proposals.next_sequence(),
                    message: None,
                };
                self.proposals.insert(pending.clone());
                Ok(Observed::Proposal(Box::new(pending)))
            }
            Content::Commit(commit) => {
                let staged = self.stage(env, &content, commit).map_err(|interrupt| match interrupt {
                    Interrupt::Error(error) => error,
                    Interrupt::Need(_) => MisuseError::Stale.into(),
                })?;
                Ok(Observed::Commit(Box::new(staged)))
            }
            Content::Application(_) => Err(MisbehaviorError::NotGroupMessage.into()),
        }
    }

    /// Follows a Commit.
    ///
    /// # Errors
    /// [`MisuseError::Stale`] if the observer moved on.
    pub fn merge(&mut self, commit: ObservedCommit) -> Result<MembershipChanges, GroupError> {
        if commit.basis != self.context {
            return Err(MisuseError::Stale.into());
        }
        *self = commit.next;
        Ok(commit.summary)
    }

    fn stage(
        &self,
        env: &Env<'_>,
        content: &AuthenticatedContent,
        commit: &Commit,
    ) -> Result<ObservedCommit, Interrupt> {
        let sender = content.content.sender;
        let committer = match sender {
            Sender::Member(index) => Committer::Member(index),
            Sender::NewMemberCommit => match &commit.path {
                Some(path) => Committer::External(&path.leaf_node),
                None => return Err(MisbehaviorError::ExternalCommitWithoutPath.into()), // R211
            },
            _ => return Err(MisbehaviorError::SenderNotMember.into()),
        };
        if sender == Sender::NewMemberCommit && !env.config.accept_external_commits {
            return Err(GroupError::Denied("external commits are not accepted").into()); // R214
        }
        let proposals = resolve(commit, sender, &self.proposals, None)?;
        let rows = Rows::new(); // all is in memory
        let base = Base {
            env,
            rows: &rows,
            suite: &self.suite,
            context: &self.context,
            attached: &self.attached,
            psk_usage: Usage::Application,
            check_lifetimes: env.config.lifetime.check_committed,
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
        let added: Vec<LeafIndex> = applied.added.iter().map(|(index, _)| *index).collect();
        let (tree, path_sender) = match &commit.path {
            None => (applied.tree.clone(), None),
            Some(path) => {
                let sender = path_sender(committer, &applied, &path.leaf_node)?;
                let place = Place::Commit(sender.old.as_deref(), sender.index);
                let group_id = &self.context.group_id;
                check_leaf(&self.suite, &path.leaf_node, place, group_id, &applied.rules, true)?;
                let tree = applied.tree.apply_update_path(sender.index, path, &added).map_err(path_error)?;
                credentials.extend(sender.check.clone());
                (tree, Some(sender))
            }
        };
        check_members(&tree, &applied.rules, applied.extensions_changed)?;
        let mut context = provisional_context(&self.context, tree.tree_hash()?, &applied.extensions)?;
        let confirmed = confirmed_transcript_hash(
            &self.suite,
            &self.interim_transcript_hash,
            content.wire_format,
            &content.content,
            &content.auth.signature,
        )?;
        context.confirmed_transcript_hash = Opaque::from(confirmed.as_bytes());
        let tag = content.auth.confirmation_tag.as_deref().unwrap_or_default();
        let interim = interim_transcript_hash(&self.suite, confirmed.as_bytes(), tag)?;
        let summary = summary(
            &applied,
            context.epoch,
            committer,
            path_sender.as_ref(),
            &content.content.authenticated_data,
        );
        let (clients, _) =
            clients_after((env, &self.suite, &rows), &mut applied, path_sender.as_ref(), &tree)?;
        let next = Self {
            suite: self.suite,
            context,
            interim_transcript_hash: interim.as_bytes().to_vec(),
            attached: Attached { clients, ..public(tree) },
            proposals: ProposalCache::default(),
        };
        Ok(ObservedCommit { basis: self.context.clone(), next, summary, credentials })
    }
}

/// A tree without private keys.
fn public(tree: RatchetTree) -> Attached {
    Attached { tree, private: TreePrivate::new(LeafIndex(0), Secret::zero(0)), clients: Clients::NotMade }
}
