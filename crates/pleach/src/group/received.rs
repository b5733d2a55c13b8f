//! [`Received`]: what a message turned out to be.

use super::{Group, PendingCommit, StagedCommit};
use crate::Error;
use crate::auth::Answers;
use pleach_group::Incoming;
use pleach_wire::{LeafIndex, Opaque, Proposal, Sender};
use std::fmt;

/// What [`Group::receive`] returns. What was received is persisted, except for a Commit, which waits to be merged.
#[derive(Debug)]
#[non_exhaustive]
pub enum Received {
    /// Application data.
    Application(ApplicationMessage),
    /// A proposal. It is kept and enters the next Commit of whoever has it.
    Proposal(ReceivedProposal),
    /// A Commit of another member, checked. Look at it, then give it to [`Group::merge`].
    Commit(StagedCommit),
    /// A Commit that removes this client (R232). Merging it ends the group.
    Removed(StagedCommit),
    /// An own Commit: the delivery service accepted it. Give it to [`Group::merge`].
    OwnCommit(PendingCommit),
    /// An application message or proposal that this member sent itself.
    OwnMessage,
    /// A proposal that was received before.
    Duplicate,
    /// A message of an epoch that is yet to come: keep it until the Commit that leads there was merged.
    Future {
        /// The message's epoch.
        epoch: u64,
    },
}

/// Application data with what authenticates it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApplicationMessage(pleach_group::ApplicationMessage);

impl ApplicationMessage {
    /// The data.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.0.data
    }

    /// The data, without copying.
    #[must_use]
    pub fn into_data(self) -> Vec<u8> {
        self.0.data
    }

    /// The sender's leaf, in the epoch of the message.
    #[must_use]
    pub const fn sender(&self) -> LeafIndex {
        self.0.sender
    }

    /// The epoch that the message was sent in: the current one, or one of the last few.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.0.epoch
    }

    /// Its place among the sender's messages of that epoch.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.0.generation
    }

    /// The authenticated data, which travelled in the clear (RFC 9420 §6.3.1).
    #[must_use]
    pub fn authenticated_data(&self) -> &[u8] {
        &self.0.authenticated_data
    }
}

impl fmt::Debug for ApplicationMessage {
    /// Without the text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A proposal that was received, authentic and allowed.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedProposal(pleach_group::ReceivedProposal);

impl ReceivedProposal {
    /// What it proposes.
    #[must_use]
    pub const fn proposal(&self) -> &Proposal {
        &self.0.proposal.proposal
    }

    /// Who proposed it.
    #[must_use]
    pub const fn sender(&self) -> Sender {
        self.0.proposal.sender
    }

    /// Its ProposalRef (RFC 9420 §5.2).
    #[must_use]
    pub fn reference(&self) -> &[u8] {
        &self.0.proposal.reference
    }

    /// The authenticated data of its message.
    #[must_use]
    pub const fn authenticated_data(&self) -> &Opaque {
        &self.0.authenticated_data
    }
}

impl Received {
    /// Sorts out what came in, and asks the authentication service. An own Commit is read from its row.
    pub(super) fn new(group: &Group, incoming: Incoming) -> Result<Self, Error> {
        let auth = group.client.0.auth();
        Ok(match incoming {
            Incoming::Application(message) => Self::Application(ApplicationMessage(message)),
            Incoming::Proposal(proposal) => {
                // R027, R028: what is refused is not kept. "Later" is kept: a Commit that holds it asks again.
                Answers::ask(auth, group.id(), &proposal.credentials, None)?;
                Self::Proposal(ReceivedProposal(proposal))
            }
            Incoming::Commit(staged) => {
                let staged = StagedCommit::new(group, *staged)?;
                if staged.removes_us() { Self::Removed(staged) } else { Self::Commit(staged) }
            }
            Incoming::OwnCommit(hash) => Self::OwnCommit(group.stored_commit(&hash)?),
            Incoming::OwnMessage => Self::OwnMessage,
            Incoming::Duplicate => Self::Duplicate,
            Incoming::Future { epoch } => Self::Future { epoch },
            _ => return Err(Error::Internal("a kind of message that is not known here")),
        })
    }

    /// The name of the kind, for logs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Application(_) => "application",
            Self::Proposal(_) => "proposal",
            Self::Commit(_) => "commit",
            Self::Removed(_) => "removed",
            Self::OwnCommit(_) => "own commit",
            Self::OwnMessage => "own message",
            Self::Duplicate => "duplicate",
            Self::Future { .. } => "future",
        }
    }

    /// The application data, if it is that.
    #[must_use]
    pub fn into_application(self) -> Option<ApplicationMessage> {
        match self {
            Self::Application(message) => Some(message),
            _ => None,
        }
    }

    /// The Commit of another member, if it is that, whether it removes this client or not.
    #[must_use]
    pub fn into_commit(self) -> Option<StagedCommit> {
        match self {
            Self::Commit(staged) | Self::Removed(staged) => Some(staged),
            _ => None,
        }
    }
}
