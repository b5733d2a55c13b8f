//! `PrivateMessage`, what is encrypted in it, and the additional data of both encryptions (RFC 9420 §6.3).

use alloc::vec::Vec;

use crate::{
    codec::{Encode, Reader, opaque_len, write_opaque},
    enums::ContentType,
    error::{DecodeError, EncodeError},
    framing::{Content, FramedContentAuthData},
    index::LeafIndex,
    vector::Opaque,
};

/// `PrivateMessage` (RFC 9420 §6.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct PrivateMessage {
    /// The group that it is for.
    pub group_id: Opaque,
    /// The epoch that it is for.
    pub epoch: u64,
    /// What the ciphertext holds.
    pub content_type: ContentType,
    /// Authenticated with the content, not encrypted.
    pub authenticated_data: Opaque,
    /// [`SenderData`], encrypted.
    pub encrypted_sender_data: Opaque,
    /// [`PrivateMessageContent`], encrypted.
    pub ciphertext: Opaque,
}

wire_struct!(PrivateMessage {
    group_id,
    epoch,
    content_type,
    authenticated_data,
    encrypted_sender_data,
    ciphertext,
});

/// `PrivateMessageContent` without its padding (RFC 9420 §6.3.1).
///
/// It has no length fields around it, so it decodes and encodes by functions of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PrivateMessageContent {
    /// The content.
    pub content: Content,
    /// What authenticates it.
    pub auth: FramedContentAuthData,
}

impl PrivateMessageContent {
    /// Decodes a decrypted `PrivateMessage` of this content type. What follows `auth` is padding (R050).
    ///
    /// # Errors
    /// [`DecodeError`]; [`DecodeError::NonZeroPadding`] if the padding has any other octet than 0 (R049).
    pub fn decode(content_type: ContentType, bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let content = Content::read_body(content_type, &mut reader)?;
        let auth = FramedContentAuthData::read(content_type, &mut reader)?;
        // R049. All of it is looked at, wherever the first other octet is.
        if reader.remaining().iter().fold(0, |all, octet| all | octet) != 0 {
            return Err(DecodeError::NonZeroPadding);
        }
        Ok(Self { content, auth })
    }

    /// Encodes content and authentication, followed by `padding` octets of 0. The result is plaintext: whoever
    /// encrypts it erases it.
    ///
    /// # Errors
    /// [`EncodeError`] if a vector is too long, or the confirmation tag contradicts the content type.
    pub fn encode(
        content: &Content,
        auth: &FramedContentAuthData,
        padding: usize,
    ) -> Result<Vec<u8>, EncodeError> {
        auth.check(content.content_type())?;
        let len = Self::len(content, auth).checked_add(padding).ok_or(EncodeError::TooLong)?;
        if len > crate::MAX_VECTOR_LEN {
            return Err(EncodeError::TooLong); // it is to become PrivateMessage.ciphertext
        }
        let mut out = Vec::with_capacity(len);
        content.body().encode_into(&mut out)?;
        auth.encode_into(&mut out)?;
        out.resize(len, 0);
        Ok(out)
    }

    /// The number of bytes before the padding: what a padding policy starts from.
    #[must_use]
    pub fn len(content: &Content, auth: &FramedContentAuthData) -> usize {
        content.body().encoded_len().saturating_add(auth.encoded_len())
    }
}

/// `PrivateContentAAD` (RFC 9420 §6.3.1, R054); borrowed, encoded only.
#[derive(Clone, Copy, Debug)]
pub struct PrivateContentAad<'a> {
    /// As in the message.
    pub group_id: &'a [u8],
    /// As in the message.
    pub epoch: u64,
    /// As in the message.
    pub content_type: ContentType,
    /// As in the message.
    pub authenticated_data: &'a [u8],
}

impl Encode for PrivateContentAad<'_> {
    fn encoded_len(&self) -> usize {
        opaque_len(self.group_id.len())
            .saturating_add(opaque_len(self.authenticated_data.len()))
            .saturating_add(9)
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let Self { group_id, epoch, content_type, authenticated_data } = self;
        write_opaque(group_id, out)?;
        epoch.encode_into(out)?;
        content_type.encode_into(out)?;
        write_opaque(authenticated_data, out)
    }
}

/// `SenderData` (RFC 9420 §6.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SenderData {
    /// The sender's leaf; any 32 bits.
    pub leaf_index: LeafIndex,
    /// Of the sender's ratchet.
    pub generation: u32,
    /// Random, XORed into the nonce (R053).
    pub reuse_guard: [u8; 4],
}

impl SenderData {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            leaf_index: reader.read()?,
            generation: reader.read()?,
            reuse_guard: reader.read::<u32>()?.to_be_bytes(),
        })
    }
}

wire_struct!(SenderData { leaf_index, generation, reuse_guard });
tls_decode!(SenderData);

/// `SenderDataAAD` (RFC 9420 §6.3.2, R058); borrowed, encoded only.
#[derive(Clone, Copy, Debug)]
pub struct SenderDataAad<'a> {
    /// As in the message.
    pub group_id: &'a [u8],
    /// As in the message.
    pub epoch: u64,
    /// As in the message.
    pub content_type: ContentType,
}

impl Encode for SenderDataAad<'_> {
    fn encoded_len(&self) -> usize {
        opaque_len(self.group_id.len()).saturating_add(9)
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let Self { group_id, epoch, content_type } = self;
        write_opaque(group_id, out)?;
        epoch.encode_into(out)?;
        content_type.encode_into(out)
    }
}
