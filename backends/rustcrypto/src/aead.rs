//! AES-GCM and ChaCha20-Poly1305 (RFC 9180 §7.3, R020), by `aes-gcm` and `chacha20poly1305`.
//!
//! Both check the tag before they decrypt a byte. Their key schedules are zeroized on drop. Cost: one key schedule per call.

use aes_gcm::aead::{AeadInOut, KeyInit, Nonce, Tag};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use chacha20poly1305::ChaCha20Poly1305;
use pleach_crypto::{Aead, AeadId, CryptoError, Secret};

/// One of the three AEADs of RFC 9420's suites.
#[derive(Debug, Clone, Copy)]
pub struct Cipher(Algorithm);

/// AES-128-GCM.
pub static AES_128_GCM: Cipher = Cipher(Algorithm::Aes128Gcm);
/// AES-256-GCM.
pub static AES_256_GCM: Cipher = Cipher(Algorithm::Aes256Gcm);
/// ChaCha20-Poly1305.
pub static CHACHA20_POLY1305: Cipher = Cipher(Algorithm::ChaCha20Poly1305);

#[derive(Debug, Clone, Copy)]
enum Algorithm {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
}

impl Aead for Cipher {
    fn id(&self) -> AeadId {
        match self.0 {
            Algorithm::Aes128Gcm => AeadId::AES_128_GCM,
            Algorithm::Aes256Gcm => AeadId::AES_256_GCM,
            Algorithm::ChaCha20Poly1305 => AeadId::CHACHA20_POLY1305,
        }
    }

    fn key_len(&self) -> usize {
        match self.0 {
            Algorithm::Aes128Gcm => 16,
            Algorithm::Aes256Gcm | Algorithm::ChaCha20Poly1305 => 32,
        }
    }

    fn seal(&self, key: &Secret, nonce: &[u8], aad: &[u8], in_out: &mut Vec<u8>) -> Result<(), CryptoError> {
        match self.0 {
            Algorithm::Aes128Gcm => seal::<Aes128Gcm>(key, nonce, aad, in_out),
            Algorithm::Aes256Gcm => seal::<Aes256Gcm>(key, nonce, aad, in_out),
            Algorithm::ChaCha20Poly1305 => seal::<ChaCha20Poly1305>(key, nonce, aad, in_out),
        }
    }

    fn open(&self, key: &Secret, nonce: &[u8], aad: &[u8], in_out: &mut Vec<u8>) -> Result<(), CryptoError> {
        match self.0 {
            Algorithm::Aes128Gcm => open::<Aes128Gcm>(key, nonce, aad, in_out),
            Algorithm::Aes256Gcm => open::<Aes256Gcm>(key, nonce, aad, in_out),
            Algorithm::ChaCha20Poly1305 => open::<ChaCha20Poly1305>(key, nonce, aad, in_out),
        }
    }
}

fn seal<C: KeyInit + AeadInOut>(
    key: &Secret,
    nonce: &[u8],
    aad: &[u8],
    in_out: &mut Vec<u8>,
) -> Result<(), CryptoError> {
    let (cipher, nonce) = load::<C>(key, nonce)?;
    let tag = cipher
        .encrypt_inout_detached(nonce, aad, in_out.as_mut_slice().into())
        .map_err(|_| CryptoError::WrongLength)?;
    in_out.extend_from_slice(&tag);
    Ok(())
}

fn open<C: KeyInit + AeadInOut>(
    key: &Secret,
    nonce: &[u8],
    aad: &[u8],
    in_out: &mut Vec<u8>,
) -> Result<(), CryptoError> {
    let (cipher, nonce) = load::<C>(key, nonce)?;
    let (text, tag) = in_out.split_last_chunk_mut::<16>().ok_or(CryptoError::DecryptionFailed)?;
    let tag = <&Tag<C>>::try_from(tag.as_slice()).map_err(|_| CryptoError::DecryptionFailed)?;
    let len = text.len();
    cipher.decrypt_inout_detached(nonce, aad, text.into(), tag).map_err(|_| CryptoError::DecryptionFailed)?;
    in_out.truncate(len);
    Ok(())
}

fn load<'n, C: KeyInit + AeadInOut>(key: &Secret, nonce: &'n [u8]) -> Result<(C, &'n Nonce<C>), CryptoError> {
    let cipher = C::new_from_slice(key.as_bytes()).map_err(|_| CryptoError::WrongLength)?;
    let nonce = <&Nonce<C>>::try_from(nonce).map_err(|_| CryptoError::WrongLength)?;
    Ok((cipher, nonce))
}
