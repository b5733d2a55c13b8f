//! SHA-256 and HKDF-SHA256 with a fault.

use pleach_crypto::{CryptoError, Digest, Hash, Kdf, KdfId, Secret};
use pleach_rustcrypto::{HKDF_SHA256, SHA256};

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Only the first part of `info`, or of a message, counts.
    FirstPartOnly,
    /// More than 255 blocks are zero bytes instead of an error.
    TooLong,
    /// An empty salt is another one than `Nh` zero bytes.
    EmptySalt,
    /// Of a longer key, the first `Nh` bytes count.
    TruncatedKey,
    /// MACs ignore their key.
    NoKey,
}

/// HKDF-SHA256 with this fault.
#[derive(Debug)]
pub(crate) struct BrokenKdf(pub(crate) Fault);

impl Kdf for BrokenKdf {
    fn id(&self) -> KdfId {
        KdfId::HKDF_SHA256
    }

    fn extract_len(&self) -> usize {
        32
    }

    fn extract(&self, salt: &[u8], ikm: &[&[u8]]) -> Secret {
        let salt = if self.0 == Fault::EmptySalt && salt.is_empty() { b"\x01" } else { salt };
        HKDF_SHA256.extract(salt, ikm)
    }

    fn expand(&self, prk: &Secret, info: &[&[u8]], len: usize) -> Result<Secret, CryptoError> {
        match self.0 {
            Fault::FirstPartOnly => HKDF_SHA256.expand(prk, &info[..info.len().min(1)], len),
            Fault::TruncatedKey => {
                let (prk, _) = prk.as_bytes().split_at(prk.len().min(32));
                HKDF_SHA256.expand(&Secret::copy_from(prk), info, len)
            }
            Fault::TooLong if len > 255 * 32 => Ok(Secret::zero(len.min(100_000))),
            _ => HKDF_SHA256.expand(prk, info, len),
        }
    }
}

/// SHA-256 with this fault.
#[derive(Debug)]
pub(crate) struct BrokenHash(pub(crate) Fault);

impl Hash for BrokenHash {
    fn output_len(&self) -> usize {
        32
    }

    fn hash(&self, parts: &[&[u8]]) -> Digest {
        let parts = if self.0 == Fault::FirstPartOnly { &parts[..parts.len().min(1)] } else { parts };
        SHA256.hash(parts)
    }

    fn hmac(&self, key: &Secret, parts: &[&[u8]]) -> Digest {
        let key = if self.0 == Fault::NoKey { Secret::zero(0) } else { key.clone() };
        SHA256.hmac(&key, parts)
    }
}
