//! PrivateMessage: signed and encrypted, by members (RFC 9420 §6.3).
//!
//! The content is encrypted under a key of the sender's ratchet, used once; which one is told by the sender data, which
//! is encrypted under a key that depends on a sample of the ciphertext (§6.3.2). Buffers that held plaintext are zeroized;
//! decoded content is the caller's.

use crate::public::check_confirmation_tag;
use crate::{EpochContext, FramingError, Padding, Unverified, check_sender};
use alloc::vec::Vec;
use pleach_crypto::{CipherSuite, CryptoError, Secret, SecureRandom};
use pleach_key_schedule::{MessageKeys, RatchetKind};
use pleach_wire::{
    AuthenticatedContent, ContentType, FramedContent, PrivateContentAad, PrivateMessage,
    PrivateMessageContent, Sender, SenderData, SenderDataAad, WireFormat, decode, encode,
};

/// The ratchet that encrypts content of this type (RFC 9420 §6.3.1, R051).
#[must_use]
pub fn ratchet_kind(content_type: ContentType) -> RatchetKind {
    match content_type {
        ContentType::Application => RatchetKind::Application,
        ContentType::Proposal | ContentType::Commit => RatchetKind::Handshake,
    }
}

/// Frames signed content as a PrivateMessage (RFC 9420 §6.3). `keys` are the next ones of the sender's ratchet of
/// [`ratchet_kind`], and are used up; persist the step that came with them before the message leaves (R052).
///
/// # Errors
/// [`FramingError::PrivateSenderNotMember`] (R037, R057), [`FramingError::WrongWireFormat`] if it was signed for a
/// PublicMessage, [`FramingError::ConfirmationTagPresence`] (R045), [`FramingError::WrongGroup`] or
/// [`FramingError::WrongEpoch`], those of the AEAD and of the randomness.
#[expect(clippy::needless_pass_by_value, reason = "the keys encrypt one message (R141)")]
pub fn protect_private(
    epoch: &EpochContext<'_>,
    sender_data_secret: &Secret,
    keys: MessageKeys,
    content: &AuthenticatedContent,
    padding: Padding,
    rng: &dyn SecureRandom,
) -> Result<PrivateMessage, FramingError> {
    let AuthenticatedContent { wire_format, content, auth } = content;
    if *wire_format != WireFormat::PRIVATE_MESSAGE {
        return Err(FramingError::WrongWireFormat);
    }
    epoch.check(&content.group_id, content.epoch)?;
    check_sender(epoch, *wire_format, content)?;
    check_confirmation_tag(&content.content, auth)?;
    let Sender::Member(leaf_index) = content.sender else {
        return Err(FramingError::PrivateSenderNotMember); // R057
    };
    let suite = epoch.suite;
    let content_type = content.content.content_type();

    let mut reuse_guard = [0; 4];
    rng.fill(&mut reuse_guard)?; // R053
    let pad = padding.amount(PrivateMessageContent::len(&content.content, auth));
    // With room for the tag, so that sealing in place does not move the plaintext and leave a copy behind.
    let tag_len = suite.aead.tag_len();
    let mut text = PrivateMessageContent::encode(&content.content, auth, pad.saturating_add(tag_len))?;
    text.truncate(text.len().saturating_sub(tag_len));
    let aad = content_aad(&content.group_id, content.epoch, content_type, &content.authenticated_data)?;
    let nonce = guarded_nonce(&keys, reuse_guard);
    if let Err(error) = suite.aead.seal(keys.key(), nonce.as_bytes(), &aad, &mut text) {
        drop(Secret::from(text)); // zeroized
        return Err(error.into());
    }
    let ciphertext = text;

    let sender_data = SenderData { leaf_index, generation: keys.generation(), reuse_guard };
    let (key, nonce) = sender_data_key_and_nonce(suite, sender_data_secret, &ciphertext)?;
    let aad = sender_data_aad(&content.group_id, content.epoch, content_type)?;
    let mut encrypted_sender_data = encode(&sender_data)?;
    suite.aead.seal(&key, nonce.as_bytes(), &aad, &mut encrypted_sender_data)?;

    Ok(PrivateMessage {
        group_id: content.group_id.clone(),
        epoch: content.epoch,
        content_type,
        authenticated_data: content.authenticated_data.clone(),
        encrypted_sender_data: encrypted_sender_data.into(),
        ciphertext: ciphertext.into(),
    })
}

/// The first phase of receiving: who sent the message, and with which generation (RFC 9420 §6.3.2, R058). The caller
/// checks that the leaf exists and is not blank (R059), and then prepares the keys.
///
/// # Errors
/// [`FramingError::WrongGroup`] (R048), [`FramingError::WrongEpoch`], [`FramingError::SenderDataDecryption`] (R058),
/// [`FramingError::Malformed`].
pub fn open_sender_data(
    epoch: &EpochContext<'_>,
    sender_data_secret: &Secret,
    message: &PrivateMessage,
) -> Result<SenderData, FramingError> {
    epoch.check(&message.group_id, message.epoch)?;
    let (key, nonce) = sender_data_key_and_nonce(epoch.suite, sender_data_secret, &message.ciphertext)?;
    let aad = sender_data_aad(&message.group_id, message.epoch, message.content_type)?;
    let mut text = message.encrypted_sender_data.to_vec();
    epoch
        .suite
        .aead
        .open(&key, nonce.as_bytes(), &aad, &mut text)
        .map_err(|error| decryption_error(error, FramingError::SenderDataDecryption))?; // R058
    Ok(decode(&text)?)
}

/// The second phase of receiving: decrypts the content with the keys of the sender's leaf, of the ratchet of
/// [`ratchet_kind`] and the generation that the sender data names. Checks the padding. Then verify the signature, and
/// only then commit the ratchet step (R147).
///
/// # Errors
/// [`FramingError::WrongGroup`] (R048), [`FramingError::WrongEpoch`], [`FramingError::ContentDecryption`] (R051, R054),
/// [`FramingError::Malformed`], non-zero padding among it (R049), [`FramingError::WrongKeys`].
#[expect(clippy::needless_pass_by_value, reason = "the keys decrypt one message (R060)")]
pub fn open_private(
    epoch: &EpochContext<'_>,
    message: &PrivateMessage,
    sender_data: &SenderData,
    keys: MessageKeys,
) -> Result<Unverified<AuthenticatedContent>, FramingError> {
    epoch.check(&message.group_id, message.epoch)?;
    if keys.generation() != sender_data.generation {
        return Err(FramingError::WrongKeys);
    }
    let PrivateMessage { group_id, epoch: number, content_type, authenticated_data, ciphertext, .. } =
        message;
    let aad = content_aad(group_id, *number, *content_type, authenticated_data)?;
    let nonce = guarded_nonce(&keys, sender_data.reuse_guard);
    let mut text = ciphertext.to_vec();
    epoch
        .suite
        .aead
        .open(keys.key(), nonce.as_bytes(), &aad, &mut text)
        .map_err(|error| decryption_error(error, FramingError::ContentDecryption))?; // R051, R054
    let text = Secret::from(text); // zeroized when decoded
    let PrivateMessageContent { content, auth } =
        PrivateMessageContent::decode(*content_type, text.as_bytes())?; // R049, R050
    let content = FramedContent {
        group_id: group_id.clone(),
        epoch: *number,
        sender: Sender::Member(sender_data.leaf_index),
        authenticated_data: authenticated_data.clone(),
        content,
    };
    let content = AuthenticatedContent { wire_format: WireFormat::PRIVATE_MESSAGE, content, auth };
    Ok(Unverified::new(content))
}

/// `sender_data_key` and `sender_data_nonce`, from a sample of the ciphertext: its first `Nh` octets, or all of it if it
/// is shorter (RFC 9420 §6.3.2, R058).
///
/// # Errors
/// Those of the KDF.
pub fn sender_data_key_and_nonce(
    suite: &CipherSuite,
    sender_data_secret: &Secret,
    ciphertext: &[u8],
) -> Result<(Secret, Secret), FramingError> {
    let sample = ciphertext.get(..suite.secret_len()).unwrap_or(ciphertext); // R058
    let key = suite.expand_with_label(sender_data_secret, b"key", sample, suite.aead.key_len())?;
    let nonce = suite.expand_with_label(sender_data_secret, b"nonce", sample, suite.aead.nonce_len())?;
    Ok((key, nonce))
}

/// The nonce of the key schedule with the reuse guard XORed into its first four octets (RFC 9420 §6.3.1, R053).
fn guarded_nonce(keys: &MessageKeys, reuse_guard: [u8; 4]) -> Secret {
    let mut nonce = keys.nonce().clone();
    nonce.as_mut_bytes().iter_mut().zip(reuse_guard).for_each(|(octet, guard)| *octet ^= guard);
    nonce
}

fn content_aad(
    group_id: &[u8],
    epoch: u64,
    content_type: ContentType,
    authenticated_data: &[u8],
) -> Result<Vec<u8>, FramingError> {
    Ok(encode(&PrivateContentAad { group_id, epoch, content_type, authenticated_data })?) // R054
}

fn sender_data_aad(group_id: &[u8], epoch: u64, content_type: ContentType) -> Result<Vec<u8>, FramingError> {
    Ok(encode(&SenderDataAad { group_id, epoch, content_type })?) // R058
}

fn decryption_error(error: CryptoError, failed: FramingError) -> FramingError {
    match error {
        CryptoError::DecryptionFailed => failed,
        other => other.into(),
    }
}
