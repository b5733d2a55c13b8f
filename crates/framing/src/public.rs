//! PublicMessage: signed, and MACed by members; not encrypted (RFC 9420 §6.2).

use crate::signing::framed_content_tbs;
use crate::{EpochContext, FramingError, Observed, Unverified, check_sender};
use pleach_crypto::{Digest, Secret};
use pleach_wire::{
    AuthenticatedContent, Content, FramedContent, FramedContentAuthData, PublicMessage, Sender, WireFormat,
    encode,
};

/// Frames signed content as a PublicMessage (RFC 9420 §6.2). `membership_key` is needed if the sender is a member, and
/// not used otherwise.
///
/// # Errors
/// That of [`check_sender`], among them application data (R035); [`FramingError::WrongWireFormat`] if it was signed for
/// a PrivateMessage; [`FramingError::ConfirmationTagPresence`] (R045); [`FramingError::MembershipKeyNeeded`].
pub fn protect_public(
    epoch: &EpochContext<'_>,
    membership_key: Option<&Secret>,
    content: AuthenticatedContent,
) -> Result<PublicMessage, FramingError> {
    let AuthenticatedContent { wire_format, content, auth } = content;
    if wire_format != WireFormat::PUBLIC_MESSAGE {
        return Err(FramingError::WrongWireFormat);
    }
    check(epoch, &content, &auth)?;
    let membership_tag = match content.sender {
        Sender::Member(_) => {
            let key = membership_key.ok_or(FramingError::MembershipKeyNeeded)?;
            Some(membership_tag(epoch, key, &content, &auth)?.as_bytes().into()) // R046
        }
        Sender::External(_) | Sender::NewMemberProposal | Sender::NewMemberCommit => None,
    };
    Ok(PublicMessage { content, auth, membership_tag })
}

/// Checks everything about a PublicMessage but its signature: group, epoch, sender rules and membership tag, which is
/// compared in constant time (RFC 9420 §6.2).
///
/// # Errors
/// [`FramingError::WrongGroup`] (R048), [`FramingError::WrongEpoch`], that of [`check_sender`] (R035, R041 to R043),
/// [`FramingError::MembershipTagPresence`] (R046), [`FramingError::InvalidMembershipTag`] (R047),
/// [`FramingError::ConfirmationTagPresence`] (R045).
pub fn unprotect_public(
    epoch: &EpochContext<'_>,
    membership_key: &Secret,
    message: PublicMessage,
) -> Result<Unverified<AuthenticatedContent>, FramingError> {
    let PublicMessage { content, auth, membership_tag: tag } = message;
    check(epoch, &content, &auth)?;
    match (content.sender, tag) {
        (Sender::Member(_), Some(tag)) => {
            if !membership_tag(epoch, membership_key, &content, &auth)?.ct_eq(&tag) {
                return Err(FramingError::InvalidMembershipTag); // R047
            }
        }
        (Sender::External(_) | Sender::NewMemberProposal | Sender::NewMemberCommit, None) => {}
        _ => return Err(FramingError::MembershipTagPresence), // R046
    }
    Ok(Unverified::new(AuthenticatedContent { wire_format: WireFormat::PUBLIC_MESSAGE, content, auth }))
}

/// As [`unprotect_public`], for an observer who does not know the membership key: the tag must be there, and is not
/// checked.
///
/// # Errors
/// As [`unprotect_public`], without [`FramingError::InvalidMembershipTag`].
pub fn observe_public(
    epoch: &EpochContext<'_>,
    message: PublicMessage,
) -> Result<Observed<AuthenticatedContent>, FramingError> {
    let PublicMessage { content, auth, membership_tag } = message;
    check(epoch, &content, &auth)?;
    if membership_tag.is_some() != matches!(content.sender, Sender::Member(_)) {
        return Err(FramingError::MembershipTagPresence); // R046
    }
    Ok(Observed::new(AuthenticatedContent { wire_format: WireFormat::PUBLIC_MESSAGE, content, auth }))
}

fn check(
    epoch: &EpochContext<'_>,
    content: &FramedContent,
    auth: &FramedContentAuthData,
) -> Result<(), FramingError> {
    epoch.check(&content.group_id, content.epoch)?;
    check_sender(epoch, WireFormat::PUBLIC_MESSAGE, content)?;
    check_confirmation_tag(&content.content, auth)
}

/// The tag is there iff the content is a Commit; the decoder cannot make another value, a caller can.
pub(crate) fn check_confirmation_tag(
    content: &Content,
    auth: &FramedContentAuthData,
) -> Result<(), FramingError> {
    if auth.confirmation_tag.is_some() == matches!(content, Content::Commit(_)) {
        Ok(())
    } else {
        Err(FramingError::ConfirmationTagPresence) // R045
    }
}

/// `MAC(membership_key, AuthenticatedContentTBM)` (RFC 9420 §6.2, R046).
fn membership_tag(
    epoch: &EpochContext<'_>,
    membership_key: &Secret,
    content: &FramedContent,
    auth: &FramedContentAuthData,
) -> Result<Digest, FramingError> {
    let tbs = framed_content_tbs(epoch, WireFormat::PUBLIC_MESSAGE, content)?;
    let auth = encode(auth)?;
    Ok(epoch.suite.hash.hmac(membership_key, &[&tbs, &auth]))
}
