//! The name of a proposal (RFC 9420 §5.2).

use crate::FramingError;
use pleach_crypto::CipherSuite;
use pleach_wire::{AuthenticatedContent, ProposalRef, encode};

/// `ProposalRef`: the hash of the AuthenticatedContent that carried the proposal (RFC 9420 §5.2, R019).
///
/// # Errors
/// [`FramingError::Encode`] if the content contradicts itself.
pub fn proposal_ref(
    suite: &CipherSuite,
    content: &AuthenticatedContent,
) -> Result<ProposalRef, FramingError> {
    let reference = suite.ref_hash(b"MLS 1.0 Proposal Reference", &encode(content)?)?;
    Ok(reference.as_bytes().into())
}
