//! `PublicMessage` (RFC 9420 §6.2).

use alloc::vec::Vec;

use crate::{
    codec::{Encode, Reader},
    error::{DecodeError, EncodeError},
    framing::{FramedContent, FramedContentAuthData, Sender},
    vector::Opaque,
};

/// `PublicMessage`: content in the clear, signed, and MACed if from a member (RFC 9420 §6.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PublicMessage {
    /// The content.
    pub content: FramedContent,
    /// What authenticates it.
    pub auth: FramedContentAuthData,
    /// Present iff the sender is a member (R046).
    pub membership_tag: Option<Opaque>,
}

impl PublicMessage {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let content: FramedContent = reader.read()?;
        let auth = FramedContentAuthData::read(content.content.content_type(), reader)?;
        let membership_tag = match content.sender {
            Sender::Member(_) => Some(reader.read()?), // R046
            Sender::External(_) | Sender::NewMemberProposal | Sender::NewMemberCommit => None,
        };
        Ok(Self { content, auth, membership_tag })
    }
}

impl Encode for PublicMessage {
    fn encoded_len(&self) -> usize {
        let Self { content, auth, membership_tag } = self;
        let tag = membership_tag.as_ref().map_or(0, Encode::encoded_len);
        content.encoded_len().saturating_add(auth.encoded_len()).saturating_add(tag)
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let Self { content, auth, membership_tag } = self;
        auth.check(content.content.content_type())?;
        if membership_tag.is_some() != matches!(content.sender, Sender::Member(_)) {
            return Err(EncodeError::Inconsistent("membership_tag")); // R046
        }
        content.encode_into(out)?;
        auth.encode_into(out)?;
        membership_tag.as_ref().map_or(Ok(()), |tag| tag.encode_into(out))
    }
}

tls_encode!(PublicMessage);
tls_decode!(PublicMessage);
