//! Who may send what, and which key signs it (RFC 9420 §6.1, §12.1.8).

use crate::{EpochContext, FramingError};
use pleach_wire::{
    Content, FramedContent, LeafIndex, Proposal, ProposalType, Sender, SignaturePublicKey, WireFormat,
};

/// The key that a message's signature must verify under (RFC 9420 §6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureKey<'a> {
    /// `signature_key` of the leaf at this index; the message is refused if the leaf is blank or out of range (R039).
    Member(LeafIndex),
    /// `signature_key` of this entry of `external_senders`; refused if there is none (R040, R189).
    External(u32),
    /// The key in the message itself: of the Commit's `path.leaf_node` (R042) or of the Add's KeyPackage (R043).
    Embedded(&'a SignaturePublicKey),
}

/// The key that a message's signature must verify under (RFC 9420 §6.1, R044).
///
/// # Errors
/// That of [`check_sender`], if the content has no key where its sender type wants one (R042, R043).
pub fn signature_key(content: &FramedContent) -> Result<SignatureKey<'_>, FramingError> {
    match (content.sender, &content.content) {
        (Sender::Member(leaf_index), _) => Ok(SignatureKey::Member(leaf_index)), // R039
        (Sender::External(sender_index), _) => Ok(SignatureKey::External(sender_index)), // R040
        (Sender::NewMemberCommit, Content::Commit(commit)) => match &commit.path {
            Some(path) => Ok(SignatureKey::Embedded(&path.leaf_node.signature_key)), // R042, R212
            None => Err(FramingError::NewMemberCommitWithoutPath),                   // R042, R211
        },
        (Sender::NewMemberCommit, _) => Err(FramingError::NewMemberCommitContent), // R042
        (Sender::NewMemberProposal, Content::Proposal(Proposal::Add(add))) => {
            Ok(SignatureKey::Embedded(&add.key_package.leaf_node.signature_key)) // R043
        }
        (Sender::NewMemberProposal, _) => Err(FramingError::NewMemberProposalContent), // R043
    }
}

/// Checks that this sender may send this content in this wire format (RFC 9420 §6, §6.1, §12.1.8). Sending and
/// receiving both go through here.
///
/// # Errors
/// [`FramingError::PublicApplicationData`] (R035), [`FramingError::PrivateSenderNotMember`] (R037, R057),
/// [`FramingError::ExternalSenderContent`] (R041), [`FramingError::ExternalSenderProposalType`] (R041, R188),
/// [`FramingError::NewMemberProposalContent`] (R043), [`FramingError::NewMemberCommitContent`] and
/// [`FramingError::NewMemberCommitWithoutPath`] (R042), [`FramingError::WrongWireFormat`] for a wire format that frames
/// no content.
pub fn check_sender(
    epoch: &EpochContext<'_>,
    wire_format: WireFormat,
    content: &FramedContent,
) -> Result<(), FramingError> {
    match wire_format {
        WireFormat::PUBLIC_MESSAGE if matches!(content.content, Content::Application(_)) => {
            return Err(FramingError::PublicApplicationData); // R035
        }
        WireFormat::PRIVATE_MESSAGE if !matches!(content.sender, Sender::Member(_)) => {
            return Err(FramingError::PrivateSenderNotMember); // R037, R057
        }
        WireFormat::PUBLIC_MESSAGE | WireFormat::PRIVATE_MESSAGE => {}
        _ => return Err(FramingError::WrongWireFormat),
    }
    match (content.sender, &content.content) {
        (Sender::External(_), Content::Proposal(proposal)) => {
            let proposal_type = proposal.proposal_type();
            if external_senders_may_use(proposal_type)
                || epoch.external_proposal_types.contains(&proposal_type)
            {
                Ok(())
            } else {
                Err(FramingError::ExternalSenderProposalType) // R041, R188
            }
        }
        (Sender::External(_), _) => Err(FramingError::ExternalSenderContent), // R041
        (Sender::Member(_), _) => Ok(()),
        (Sender::NewMemberProposal | Sender::NewMemberCommit, _) => signature_key(content).map(|_| ()),
    }
}

/// The "External" column of the registry of RFC 9420 (§17.4), R188.
fn external_senders_may_use(proposal_type: ProposalType) -> bool {
    matches!(
        proposal_type,
        ProposalType::ADD
            | ProposalType::REMOVE
            | ProposalType::PSK
            | ProposalType::REINIT
            | ProposalType::GROUP_CONTEXT_EXTENSIONS
    )
}
