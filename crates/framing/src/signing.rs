//! The signature over a FramedContent (RFC 9420 §6.1).

use crate::{EpochContext, FramingError, check_sender};
use alloc::vec::Vec;
use pleach_crypto::{CryptoError, Signer, Verifier};
use pleach_wire::{
    AuthenticatedContent, FramedContent, FramedContentAuthData, FramedContentTbs, WireFormat, encode,
};

const LABEL: &[u8] = b"FramedContentTBS";

/// Signs content for a wire format (RFC 9420 §6.1, R038). A Commit still needs its `confirmation_tag`, which depends on
/// this signature: set `auth.confirmation_tag` before protecting it (R045).
///
/// # Errors
/// That of [`check_sender`]; [`FramingError::WrongGroup`] or [`FramingError::WrongEpoch`] if the content is not of this
/// epoch; those of the signer.
pub fn sign_content(
    epoch: &EpochContext<'_>,
    signer: &dyn Signer,
    wire_format: WireFormat,
    content: FramedContent,
) -> Result<AuthenticatedContent, FramingError> {
    epoch.check(&content.group_id, content.epoch)?;
    check_sender(epoch, wire_format, &content)?;
    let tbs = framed_content_tbs(epoch, wire_format, &content)?;
    let signature = epoch.suite.sign_with_label(signer, LABEL, &[&tbs])?.into();
    let auth = FramedContentAuthData { signature, confirmation_tag: None };
    Ok(AuthenticatedContent { wire_format, content, auth })
}

/// Verifies the signature of content under a key that the caller found with [`signature_key`](crate::signature_key)
/// (RFC 9420 §6.1, R044). It does not check anything else: received messages go through
/// [`Unverified::verify`](crate::Unverified::verify).
///
/// # Errors
/// [`FramingError::InvalidSignature`].
pub fn verify_signature(
    epoch: &EpochContext<'_>,
    verifier: &dyn Verifier,
    content: &AuthenticatedContent,
) -> Result<(), FramingError> {
    let tbs = framed_content_tbs(epoch, content.wire_format, &content.content)?;
    epoch.suite.verify_with_label(verifier, LABEL, &[&tbs], &content.auth.signature).map_err(|error| {
        match error {
            CryptoError::InvalidSignature => FramingError::InvalidSignature, // R044, R055
            other => other.into(),
        }
    })
}

/// `FramedContentTBS`, with the GroupContext iff the sender is a member or a new_member_commit (RFC 9420 §6.1, R038).
pub(crate) fn framed_content_tbs(
    epoch: &EpochContext<'_>,
    wire_format: WireFormat,
    content: &FramedContent,
) -> Result<Vec<u8>, FramingError> {
    let group_context = Some(epoch.group_context);
    Ok(encode(&FramedContentTbs { wire_format, content, group_context })?)
}
