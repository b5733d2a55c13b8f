//! SHA-2, HMAC (RFC 2104) and HKDF (RFC 5869), by `ring`.
//!
//! `ring` returns HMAC values in a type that cannot be wiped, so a copy of what HKDF extracts and expands stays on the stack.

use pleach_crypto::{CryptoError, Digest, Hash, Kdf, KdfId, Secret};
use ring::hkdf::{self, KeyType, Prk};
use ring::{digest, hmac};

/// One of the three SHA-2 functions of RFC 9420's suites.
#[derive(Debug, Clone, Copy)]
pub struct Sha2 {
    digest: &'static digest::Algorithm,
    hmac: &'static hmac::Algorithm,
}

/// HKDF over SHA-2.
#[derive(Debug, Clone, Copy)]
pub struct Hkdf {
    id: KdfId,
    hmac: &'static hmac::Algorithm,
    hkdf: &'static hkdf::Algorithm,
}

/// SHA-256.
pub static SHA256: Sha2 = Sha2 { digest: &digest::SHA256, hmac: &hmac::HMAC_SHA256 };
/// SHA-384.
pub static SHA384: Sha2 = Sha2 { digest: &digest::SHA384, hmac: &hmac::HMAC_SHA384 };
/// SHA-512.
pub static SHA512: Sha2 = Sha2 { digest: &digest::SHA512, hmac: &hmac::HMAC_SHA512 };

/// HKDF-SHA256.
pub static HKDF_SHA256: Hkdf =
    Hkdf { id: KdfId::HKDF_SHA256, hmac: &hmac::HMAC_SHA256, hkdf: &hkdf::HKDF_SHA256 };
/// HKDF-SHA384.
pub static HKDF_SHA384: Hkdf =
    Hkdf { id: KdfId::HKDF_SHA384, hmac: &hmac::HMAC_SHA384, hkdf: &hkdf::HKDF_SHA384 };
/// HKDF-SHA512.
pub static HKDF_SHA512: Hkdf =
    Hkdf { id: KdfId::HKDF_SHA512, hmac: &hmac::HMAC_SHA512, hkdf: &hkdf::HKDF_SHA512 };

impl Hash for Sha2 {
    fn output_len(&self) -> usize {
        self.digest.output_len()
    }

    fn hash(&self, parts: &[&[u8]]) -> Digest {
        let mut hash = digest::Context::new(self.digest);
        for part in parts {
            hash.update(part);
        }
        copy(hash.finish().as_ref())
    }

    fn hmac(&self, key: &Secret, parts: &[&[u8]]) -> Digest {
        copy(mac(self.hmac, key.as_bytes(), parts).as_ref())
    }
}

impl Kdf for Hkdf {
    fn id(&self) -> KdfId {
        self.id
    }

    fn extract_len(&self) -> usize {
        self.hmac.digest_algorithm().output_len()
    }

    /// HMAC pads its key with zeros, so an empty salt and `Nh` zero bytes are the same.
    fn extract(&self, salt: &[u8], ikm: &[&[u8]]) -> Secret {
        Secret::copy_from(mac(self.hmac, salt, ikm).as_ref())
    }

    fn expand(&self, prk: &Secret, info: &[&[u8]], len: usize) -> Result<Secret, CryptoError> {
        if len > 255 * self.extract_len() {
            return Err(CryptoError::OutputTooLong);
        }
        let prk = Prk::new_less_safe(*self.hkdf, prk.as_bytes());
        Secret::try_from_fn(len, |out| prk.expand(info, Len(len))?.fill(out))
            .map_err(|_: ring::error::Unspecified| CryptoError::Backend("HKDF"))
    }
}

struct Len(usize);

impl KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

fn mac(algorithm: &hmac::Algorithm, key: &[u8], parts: &[&[u8]]) -> hmac::Tag {
    let mut mac = hmac::Context::with_key(&hmac::Key::new(*algorithm, key));
    for part in parts {
        mac.update(part);
    }
    mac.sign()
}

fn copy(bytes: &[u8]) -> Digest {
    Digest::from_fn(bytes.len(), |out| out.copy_from_slice(bytes))
}
