//! HPKE (RFC 9180): base and PSK mode, single-shot and context, export. Written once over [`Kem`](crate::Kem),
//! [`Kdf`](crate::Kdf) and [`Aead`](crate::Aead), for every suite.
//!
//! The `info` of MLS is the same for all recipients of an UpdatePath node list or a Welcome and can be long, so what the key
//! schedule hashes of it is kept in a [`KeyScheduleInfo`] and computed once. Not here: the Auth modes, which MLS does not use.

use crate::{CipherSuite, CryptoError, KemPrivateKey, KemPublicKey, Secret, SecureRandom};
use alloc::vec::Vec;

const VERSION: &[u8] = b"HPKE-v1";
const MODE_BASE: u8 = 0;
const MODE_PSK: u8 = 1;

/// `LabeledExtract(salt, label, ikm)` with the given `suite_id` (RFC 9180 §4). `ikm` is given in parts.
pub fn labeled_extract(
    kdf: &dyn crate::Kdf,
    suite_id: &[u8],
    salt: &[u8],
    label: &[u8],
    ikm: &[&[u8]],
) -> Secret {
    let mut parts = Vec::with_capacity(3 + ikm.len());
    parts.extend_from_slice(&[VERSION, suite_id, label]);
    parts.extend_from_slice(ikm);
    kdf.extract(salt, &parts)
}

/// `LabeledExpand(prk, label, info, L)` with the given `suite_id` (RFC 9180 §4). `info` is given in parts.
///
/// # Errors
/// [`CryptoError::OutputTooLong`].
pub fn labeled_expand(
    kdf: &dyn crate::Kdf,
    suite_id: &[u8],
    prk: &Secret,
    label: &[u8],
    info: &[&[u8]],
    len: usize,
) -> Result<Secret, CryptoError> {
    let length = u16::try_from(len).map_err(|_| CryptoError::OutputTooLong)?.to_be_bytes();
    let mut parts = Vec::with_capacity(4 + info.len());
    parts.extend_from_slice(&[&length, VERSION, suite_id, label]);
    parts.extend_from_slice(info);
    kdf.expand(prk, &parts, len)
}

/// What the key schedule needs of mode, `info` and `psk_id`: `key_schedule_context` (RFC 9180 §5.1). Reusable.
#[derive(Debug, Clone)]
pub struct KeyScheduleInfo {
    suite_id: [u8; 10],
    key_schedule_context: Vec<u8>,
}

impl KeyScheduleInfo {
    /// For base mode. `info` is given in parts.
    #[must_use]
    pub fn base(suite: &CipherSuite, info: &[&[u8]]) -> Self {
        Self::new(suite, MODE_BASE, info, b"")
    }

    fn new(suite: &CipherSuite, mode: u8, info: &[&[u8]], psk_id: &[u8]) -> Self {
        let suite_id = suite_id(suite);
        let psk_id_hash = labeled_extract(suite.kdf, &suite_id, b"", b"psk_id_hash", &[psk_id]);
        let info_hash = labeled_extract(suite.kdf, &suite_id, b"", b"info_hash", info);
        let mut key_schedule_context = Vec::with_capacity(1 + 2 * suite.secret_len());
        key_schedule_context.push(mode);
        key_schedule_context.extend_from_slice(psk_id_hash.as_bytes());
        key_schedule_context.extend_from_slice(info_hash.as_bytes());
        Self { suite_id, key_schedule_context }
    }

    /// The context of base mode for a shared secret.
    ///
    /// # Errors
    /// Those of the KDF.
    pub fn context<'s>(
        &self,
        suite: &'s CipherSuite,
        shared_secret: &Secret,
    ) -> Result<Context<'s>, CryptoError> {
        self.context_with_psk(suite, shared_secret, &Secret::zero(0))
    }

    fn context_with_psk<'s>(
        &self,
        suite: &'s CipherSuite,
        shared_secret: &Secret,
        psk: &Secret,
    ) -> Result<Context<'s>, CryptoError> {
        let id = &self.suite_id;
        let secret = labeled_extract(suite.kdf, id, shared_secret.as_bytes(), b"secret", &[psk.as_bytes()]);
        let expand = |label: &[u8], len| {
            labeled_expand(suite.kdf, id, &secret, label, &[&self.key_schedule_context], len)
        };
        Ok(Context {
            suite,
            suite_id: self.suite_id,
            key: expand(b"key", suite.aead.key_len())?,
            base_nonce: expand(b"base_nonce", suite.aead.nonce_len())?,
            exporter_secret: expand(b"exp", suite.secret_len())?,
            sequence: Sequence(Some(0)),
        })
    }
}

/// An encryption context (RFC 9180 §5.2): the sender seals, the receiver opens, both may export.
#[derive(Debug)]
pub struct Context<'s> {
    suite: &'s CipherSuite,
    suite_id: [u8; 10],
    key: Secret,
    base_nonce: Secret,
    exporter_secret: Secret,
    sequence: Sequence,
}

impl Context<'_> {
    /// Encrypts the next message.
    ///
    /// # Errors
    /// [`CryptoError::MessageLimitReached`] after 2^64 messages, or those of the AEAD.
    pub fn seal(&mut self, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let nonce = self.sequence.nonce(&self.base_nonce)?;
        let mut text = Vec::with_capacity(plaintext.len() + self.suite.aead.tag_len());
        text.extend_from_slice(plaintext);
        self.suite.aead.seal(&self.key, nonce.as_bytes(), aad, &mut text)?;
        self.sequence.advance();
        Ok(text)
    }

    /// Decrypts the next message; a failure does not advance.
    ///
    /// # Errors
    /// [`CryptoError::DecryptionFailed`], or [`CryptoError::MessageLimitReached`].
    pub fn open(&mut self, aad: &[u8], ciphertext: &[u8]) -> Result<Secret, CryptoError> {
        let nonce = self.sequence.nonce(&self.base_nonce)?;
        let mut text = ciphertext.to_vec();
        self.suite.aead.open(&self.key, nonce.as_bytes(), aad, &mut text)?;
        self.sequence.advance();
        Ok(Secret::from(text))
    }

    /// Exports `len` bytes (RFC 9180 §5.3).
    ///
    /// # Errors
    /// [`CryptoError::OutputTooLong`].
    pub fn export(&self, exporter_context: &[u8], len: usize) -> Result<Secret, CryptoError> {
        labeled_expand(
            self.suite.kdf,
            &self.suite_id,
            &self.exporter_secret,
            b"sec",
            &[exporter_context],
            len,
        )
    }

    /// Leaves out the numbers before `sequence`. Only forward, so that no nonce is used twice; for tests of what happens at
    /// the end of the counter, which nobody reaches otherwise.
    ///
    /// # Errors
    /// [`CryptoError::MessageLimitReached`] if that number, or the last one, was used already.
    #[doc(hidden)]
    pub fn skip_to(&mut self, sequence: u64) -> Result<(), CryptoError> {
        match self.sequence.0 {
            Some(next) if next <= sequence => {
                self.sequence = Sequence(Some(sequence));
                Ok(())
            }
            _ => Err(CryptoError::MessageLimitReached),
        }
    }
}

/// `SetupBaseS`: the encapsulated key and the sender's context.
///
/// # Errors
/// Those of the KEM.
pub fn setup_base_s<'s>(
    suite: &'s CipherSuite,
    public: &dyn KemPublicKey,
    info: &[u8],
    rng: &dyn SecureRandom,
) -> Result<(Vec<u8>, Context<'s>), CryptoError> {
    let (shared_secret, enc) = public.encap(rng)?;
    Ok((enc, KeyScheduleInfo::base(suite, &[info]).context(suite, &shared_secret)?))
}

/// `SetupBaseR`: the receiver's context.
///
/// # Errors
/// [`CryptoError::InvalidEncapsulation`].
pub fn setup_base_r<'s>(
    suite: &'s CipherSuite,
    private: &dyn KemPrivateKey,
    enc: &[u8],
    info: &[u8],
) -> Result<Context<'s>, CryptoError> {
    let shared_secret = private.decap(enc)?;
    KeyScheduleInfo::base(suite, &[info]).context(suite, &shared_secret)
}

/// `SetupPSKS`. Both `psk` and `psk_id` must be non-empty (RFC 9180 §5.1).
///
/// # Errors
/// [`CryptoError::WrongLength`] for an empty or short (below 32 bytes) PSK or an empty id, or those of the KEM.
pub fn setup_psk_s<'s>(
    suite: &'s CipherSuite,
    public: &dyn KemPublicKey,
    info: &[u8],
    psk: &Secret,
    psk_id: &[u8],
    rng: &dyn SecureRandom,
) -> Result<(Vec<u8>, Context<'s>), CryptoError> {
    check_psk(psk, psk_id)?;
    let (shared_secret, enc) = public.encap(rng)?;
    let info = KeyScheduleInfo::new(suite, MODE_PSK, &[info], psk_id);
    Ok((enc, info.context_with_psk(suite, &shared_secret, psk)?))
}

/// `SetupPSKR`.
///
/// # Errors
/// [`CryptoError::WrongLength`] as for [`setup_psk_s`], or [`CryptoError::InvalidEncapsulation`].
pub fn setup_psk_r<'s>(
    suite: &'s CipherSuite,
    private: &dyn KemPrivateKey,
    enc: &[u8],
    info: &[u8],
    psk: &Secret,
    psk_id: &[u8],
) -> Result<Context<'s>, CryptoError> {
    check_psk(psk, psk_id)?;
    let shared_secret = private.decap(enc)?;
    KeyScheduleInfo::new(suite, MODE_PSK, &[info], psk_id).context_with_psk(suite, &shared_secret, psk)
}

/// A PSK of less than 32 bytes would not have the entropy that RFC 9180 §9.5 asks for.
fn check_psk(psk: &Secret, psk_id: &[u8]) -> Result<(), CryptoError> {
    if psk.len() < 32 || psk_id.is_empty() { Err(CryptoError::WrongLength) } else { Ok(()) }
}

fn suite_id(suite: &CipherSuite) -> [u8; 10] {
    let [k0, k1] = suite.kem.id().0.to_be_bytes();
    let [d0, d1] = suite.kdf.id().0.to_be_bytes();
    let [a0, a1] = suite.aead.id().0.to_be_bytes();
    [b'H', b'P', b'K', b'E', k0, k1, d0, d1, a0, a1]
}

/// The message counter: a nonce is never used twice. `None` once the last number was used.
#[derive(Debug)]
struct Sequence(Option<u64>);

impl Sequence {
    /// `ComputeNonce` (RFC 9180 §5.2).
    fn nonce(&self, base_nonce: &Secret) -> Result<Secret, CryptoError> {
        let sequence = self.0.ok_or(CryptoError::MessageLimitReached)?.to_be_bytes();
        let mut nonce = base_nonce.clone();
        for (byte, number) in nonce.as_mut_bytes().iter_mut().rev().zip(sequence.iter().rev()) {
            *byte ^= number;
        }
        Ok(nonce)
    }

    fn advance(&mut self) {
        self.0 = self.0.and_then(|sequence| sequence.checked_add(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_number_is_used_once_and_then_no_more() {
        let base = Secret::copy_from(&[0xFF; 12]);
        let mut sequence = Sequence(Some(u64::MAX - 1));
        assert_eq!(sequence.nonce(&base).unwrap().as_bytes()[4..], [0, 0, 0, 0, 0, 0, 0, 1]);
        sequence.advance();
        assert_eq!(sequence.nonce(&base).unwrap().as_bytes()[4..], [0; 8]);
        sequence.advance();
        assert_eq!(sequence.nonce(&base), Err(CryptoError::MessageLimitReached));
        sequence.advance();
        assert_eq!(sequence.nonce(&base), Err(CryptoError::MessageLimitReached));
    }
}
