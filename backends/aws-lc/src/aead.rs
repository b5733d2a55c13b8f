//! AES-GCM and ChaCha20-Poly1305 (RFC 9180 §7.3, R020), by AWS-LC.
//!
//! AWS-LC clears the text if the tag is wrong, and wipes its key schedules. Cost: one key schedule per call, on the heap.

use aws_lc_rs::aead::{self, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use pleach_crypto::{Aead, AeadId, CryptoError, Secret};

/// One of the three AEADs of RFC 9420's suites.
#[derive(Debug, Clone, Copy)]
pub struct Cipher {
    id: AeadId,
    algorithm: &'static Algorithm,
}

/// AES-128-GCM.
pub static AES_128_GCM: Cipher = Cipher { id: AeadId::AES_128_GCM, algorithm: &aead::AES_128_GCM };
/// AES-256-GCM.
pub static AES_256_GCM: Cipher = Cipher { id: AeadId::AES_256_GCM, algorithm: &aead::AES_256_GCM };
/// ChaCha20-Poly1305.
pub static CHACHA20_POLY1305: Cipher =
    Cipher { id: AeadId::CHACHA20_POLY1305, algorithm: &aead::CHACHA20_POLY1305 };

impl Cipher {
    fn load(&self, key: &Secret, nonce: &[u8]) -> Result<(LessSafeKey, Nonce), CryptoError> {
        let key = UnboundKey::new(self.algorithm, key.as_bytes()).map_err(|_| CryptoError::WrongLength)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CryptoError::WrongLength)?;
        Ok((LessSafeKey::new(key), nonce))
    }
}

impl Aead for Cipher {
    fn id(&self) -> AeadId {
        self.id
    }

    fn key_len(&self) -> usize {
        self.algorithm.key_len()
    }

    fn seal(&self, key: &Secret, nonce: &[u8], aad: &[u8], in_out: &mut Vec<u8>) -> Result<(), CryptoError> {
        let (key, nonce) = self.load(key, nonce)?;
        key.seal_in_place_append_tag(nonce, Aad::from(aad), in_out).map_err(|_| CryptoError::WrongLength)
    }

    fn open(&self, key: &Secret, nonce: &[u8], aad: &[u8], in_out: &mut Vec<u8>) -> Result<(), CryptoError> {
        let (key, nonce) = self.load(key, nonce)?;
        let text = key.open_in_place(nonce, Aad::from(aad), in_out);
        let len = text.map_err(|_| CryptoError::DecryptionFailed)?.len();
        in_out.truncate(len);
        Ok(())
    }
}
