//! The two transcript hashes (RFC 9420 §8.2).
//!
//! Epoch 0 has the empty string as confirmed hash, and its interim hash is computed from the confirmation tag of
//! epoch 0 like that of any other epoch (§11, R121). A joiner takes that tag from the GroupInfo (R122).

use crate::KeyScheduleError;
use pleach_crypto::{CipherSuite, Digest};
use pleach_wire::{
    ConfirmedTranscriptHashInput, Content, FramedContent, InterimTranscriptHashInput, WireFormat, encode,
};

/// `confirmed_transcript_hash_[n] = Hash(interim_transcript_hash_[n-1] || ConfirmedTranscriptHashInput_[n])`
/// (RFC 9420 §8.2, R119).
///
/// # Errors
/// [`KeyScheduleError::NotACommit`] if the content is another than a Commit; [`KeyScheduleError::Encode`].
pub fn confirmed_transcript_hash(
    suite: &CipherSuite,
    interim_transcript_hash_before: &[u8],
    wire_format: WireFormat,
    content: &FramedContent,
    signature: &[u8],
) -> Result<Digest, KeyScheduleError> {
    if !matches!(content.content, Content::Commit(_)) {
        return Err(KeyScheduleError::NotACommit); // R119
    }
    let input = encode(&ConfirmedTranscriptHashInput { wire_format, content, signature })?;
    Ok(suite.hash.hash(&[interim_transcript_hash_before, &input]))
}

/// `interim_transcript_hash_[n] = Hash(confirmed_transcript_hash_[n] || InterimTranscriptHashInput_[n])`
/// (RFC 9420 §8.2, R120, R121, R122).
///
/// # Errors
/// [`KeyScheduleError::Encode`] for a tag of 2^30 bytes or more.
pub fn interim_transcript_hash(
    suite: &CipherSuite,
    confirmed_transcript_hash: &[u8],
    confirmation_tag: &[u8],
) -> Result<Digest, KeyScheduleError> {
    let input = encode(&InterimTranscriptHashInput { confirmation_tag })?;
    Ok(suite.hash.hash(&[confirmed_transcript_hash, &input]))
}
