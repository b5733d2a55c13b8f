//! What framing must know of an epoch, borrowed from whoever holds it.

use crate::FramingError;
use pleach_crypto::CipherSuite;
use pleach_wire::ProposalType;

/// The public half of an epoch. Secrets are arguments of the functions that need them.
#[derive(Debug, Clone, Copy)]
pub struct EpochContext<'a> {
    /// The group's suite.
    pub suite: &'a CipherSuite,
    /// The group.
    pub group_id: &'a [u8],
    /// The epoch.
    pub epoch: u64,
    /// The encoded GroupContext of the epoch, which members' signatures cover (RFC 9420 §6.1, R038). A sender outside of
    /// the group that only proposes does not need it: it may be empty then.
    pub group_context: &'a [u8],
    /// Proposal types beyond RFC 9420's that external senders may use (§12.1.8, R188, R192).
    pub external_proposal_types: &'a [ProposalType],
}

impl EpochContext<'_> {
    /// Checks that a message is of this group and epoch, before any secret is touched.
    pub(crate) fn check(&self, group_id: &[u8], epoch: u64) -> Result<(), FramingError> {
        if group_id != self.group_id {
            return Err(FramingError::WrongGroup); // R048
        }
        if epoch != self.epoch {
            return Err(FramingError::WrongEpoch { message: epoch, epoch: self.epoch }); // R229
        }
        Ok(())
    }
}
