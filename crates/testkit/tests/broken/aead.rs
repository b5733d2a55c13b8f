//! AES-128-GCM with a fault.

use pleach_crypto::{Aead, AeadId, CryptoError, Secret};
use pleach_rustcrypto::AES_128_GCM;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The tag is not looked at.
    WrongTag,
    /// Twelve of its sixteen bytes are enough.
    TruncatedTag,
    /// A ciphertext without any tag opens.
    EmptyTag,
    /// What did not open is left behind decrypted.
    PlaintextLeft,
    /// The counter in the nonce wraps at 2^32: the upper eight bytes are ignored.
    CounterWraps,
    /// Only the lowest byte of the nonce is ignored.
    LastNonceByte,
    /// Associated data is not authenticated.
    NoAad,
    /// Short keys are padded with zeros.
    PaddedKey,
    /// A short input is an index out of bounds.
    Panics,
}

/// AES-128-GCM with this fault.
#[derive(Debug)]
pub(crate) struct Broken(pub(crate) Fault);

impl Broken {
    /// Encryption and decryption without a tag are one function.
    fn stream(key: &Secret, nonce: &[u8], text: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let mut in_out = text.to_vec();
        AES_128_GCM.seal(key, nonce, b"", &mut in_out)?;
        in_out.truncate(text.len());
        Ok(in_out)
    }

    fn inputs<'a>(&self, key: &Secret, nonce: &'a [u8], aad: &'a [u8]) -> (Secret, Vec<u8>, &'a [u8]) {
        let (mut key, mut nonce, mut aad) = (key.clone(), nonce.to_vec(), aad);
        match self.0 {
            Fault::CounterWraps if nonce.len() == 12 => nonce[..8].fill(0),
            Fault::LastNonceByte if nonce.len() == 12 => nonce[11] = 0,
            Fault::NoAad => aad = b"",
            Fault::PaddedKey if key.len() < 16 => {
                let mut padded = key.as_bytes().to_vec();
                padded.resize(16, 0);
                key = Secret::from(padded);
            }
            _ => {}
        }
        (key, nonce, aad)
    }

    /// Opens with a tag of this many bytes, and gives back the text.
    fn open_with(key: &Secret, nonce: &[u8], aad: &[u8], sealed: &[u8], tag_len: usize) -> Option<Vec<u8>> {
        let (body, tag) = sealed.split_at_checked(sealed.len().checked_sub(tag_len)?)?;
        let text = Self::stream(key, nonce, body).ok()?;
        let mut again = text.clone();
        AES_128_GCM.seal(key, nonce, aad, &mut again).ok()?;
        again[body.len()..].starts_with(tag).then_some(text)
    }
}

impl Aead for Broken {
    fn id(&self) -> AeadId {
        AES_128_GCM.id()
    }

    fn key_len(&self) -> usize {
        AES_128_GCM.key_len()
    }

    fn seal(&self, key: &Secret, nonce: &[u8], aad: &[u8], in_out: &mut Vec<u8>) -> Result<(), CryptoError> {
        let (key, nonce, aad) = self.inputs(key, nonce, aad);
        AES_128_GCM.seal(&key, &nonce, aad, in_out)
    }

    fn open(&self, key: &Secret, nonce: &[u8], aad: &[u8], in_out: &mut Vec<u8>) -> Result<(), CryptoError> {
        let (key, nonce, aad) = self.inputs(key, nonce, aad);
        let sealed = in_out.clone();
        if self.0 == Fault::Panics {
            let _ = sealed[sealed.len() - 16];
        }
        let result = AES_128_GCM.open(&key, &nonce, aad, in_out);
        if result != Err(CryptoError::DecryptionFailed) {
            return result;
        }
        let body = &sealed[..sealed.len().saturating_sub(16)];
        let forgiven = match self.0 {
            Fault::WrongTag if sealed.len() >= 16 => Self::stream(&key, &nonce, body).ok(),
            Fault::TruncatedTag => (12..16).find_map(|len| Self::open_with(&key, &nonce, aad, &sealed, len)),
            Fault::EmptyTag => Self::open_with(&key, &nonce, aad, &sealed, 0),
            Fault::PlaintextLeft => {
                *in_out = Self::stream(&key, &nonce, body)?;
                None
            }
            _ => None,
        };
        *in_out = forgiven.ok_or(CryptoError::DecryptionFailed)?;
        Ok(())
    }
}
