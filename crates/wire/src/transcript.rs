//! What the two transcript hashes are taken over (RFC 9420 §8.2); borrowed, encoded only.

use alloc::vec::Vec;

use crate::{
    codec::{Encode, opaque_len, write_opaque},
    error::EncodeError,
    framing::{Content, FramedContent},
    registry::WireFormat,
};

/// `ConfirmedTranscriptHashInput` (RFC 9420 §8.2, R119).
#[derive(Clone, Copy, Debug)]
pub struct ConfirmedTranscriptHashInput<'a> {
    /// How the Commit travelled.
    pub wire_format: WireFormat,
    /// The Commit; no other content encodes.
    pub content: &'a FramedContent,
    /// Its signature.
    pub signature: &'a [u8],
}

impl Encode for ConfirmedTranscriptHashInput<'_> {
    fn encoded_len(&self) -> usize {
        self.content.encoded_len().saturating_add(opaque_len(self.signature.len())).saturating_add(2)
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let Self { wire_format, content, signature } = self;
        if !matches!(content.content, Content::Commit(_)) {
            return Err(EncodeError::Inconsistent("content"));
        }
        wire_format.encode_into(out)?;
        content.encode_into(out)?;
        write_opaque(signature, out)
    }
}

/// `InterimTranscriptHashInput` (RFC 9420 §8.2, R120).
#[derive(Clone, Copy, Debug)]
pub struct InterimTranscriptHashInput<'a> {
    /// The MAC over the confirmed transcript hash.
    pub confirmation_tag: &'a [u8],
}

impl Encode for InterimTranscriptHashInput<'_> {
    fn encoded_len(&self) -> usize {
        opaque_len(self.confirmation_tag.len())
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write_opaque(self.confirmation_tag, out)
    }
}
