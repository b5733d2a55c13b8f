//! Authenticated encryption with associated data (RFC 9180 §7.3). Keys are used once or a few times in MLS, so they are
//! passed as bytes, not parsed into an object first.

use crate::{AeadId, CryptoError, Secret};
use alloc::vec::Vec;
use core::fmt::Debug;

/// An AEAD. Every one of a suite must be secure in the sense of AE1 (RFC 9420 §16.3, R020).
pub trait Aead: Debug + Send + Sync {
    /// The HPKE identifier.
    fn id(&self) -> AeadId;

    /// Key length in bytes (`Nk`).
    fn key_len(&self) -> usize;

    /// Nonce length in bytes (`Nn`).
    fn nonce_len(&self) -> usize {
        12
    }

    /// Tag length in bytes (`Nt`).
    fn tag_len(&self) -> usize {
        16
    }

    /// Encrypts `in_out` in place and appends the tag.
    ///
    /// # Errors
    /// [`CryptoError::WrongLength`] if the key or nonce has another length or the text is too long for the algorithm.
    fn seal(&self, key: &Secret, nonce: &[u8], aad: &[u8], in_out: &mut Vec<u8>) -> Result<(), CryptoError>;

    /// Checks the tag at the end of `in_out`, decrypts in place and cuts the tag off.
    ///
    /// # Errors
    /// [`CryptoError::DecryptionFailed`] if it does not authenticate or is shorter than a tag (the content of `in_out` is
    /// then unspecified, but never plaintext); [`CryptoError::WrongLength`] as above.
    fn open(&self, key: &Secret, nonce: &[u8], aad: &[u8], in_out: &mut Vec<u8>) -> Result<(), CryptoError>;
}
