//! SHA-2, HMAC (RFC 2104) and HKDF (RFC 5869), by AWS-LC.
//!
//! HMAC values that are secrets (what HKDF extracts and expands) are written into [`Secret`]s by AWS-LC itself, because the type
//! that `aws-lc-rs` otherwise returns them in cannot be wiped.

use aws_lc_rs::hkdf::{self, KeyType, Prk};
use aws_lc_rs::{digest, hmac};
use pleach_crypto::{CryptoError, Digest, Hash, Kdf, KdfId, Secret};
use zeroize::Zeroizing;

/// One of the three SHA-2 functions of RFC 9420's suites.
#[derive(Debug, Clone, Copy)]
pub struct Sha2 {
    digest: &'static digest::Algorithm,
    hmac: hmac::Algorithm,
}

/// HKDF over SHA-2.
#[derive(Debug, Clone, Copy)]
pub struct Hkdf {
    id: KdfId,
    hmac: hmac::Algorithm,
    hkdf: hkdf::Algorithm,
}

/// SHA-256.
pub static SHA256: Sha2 = Sha2 { digest: &digest::SHA256, hmac: hmac::HMAC_SHA256 };
/// SHA-384.
pub static SHA384: Sha2 = Sha2 { digest: &digest::SHA384, hmac: hmac::HMAC_SHA384 };
/// SHA-512.
pub static SHA512: Sha2 = Sha2 { digest: &digest::SHA512, hmac: hmac::HMAC_SHA512 };

/// HKDF-SHA256.
pub static HKDF_SHA256: Hkdf =
    Hkdf { id: KdfId::HKDF_SHA256, hmac: hmac::HMAC_SHA256, hkdf: hkdf::HKDF_SHA256 };
/// HKDF-SHA384.
pub static HKDF_SHA384: Hkdf =
    Hkdf { id: KdfId::HKDF_SHA384, hmac: hmac::HMAC_SHA384, hkdf: hkdf::HKDF_SHA384 };
/// HKDF-SHA512.
pub static HKDF_SHA512: Hkdf =
    Hkdf { id: KdfId::HKDF_SHA512, hmac: hmac::HMAC_SHA512, hkdf: hkdf::HKDF_SHA512 };

impl Hash for Sha2 {
    fn output_len(&self) -> usize {
        self.digest.output_len()
    }

    fn hash(&self, parts: &[&[u8]]) -> Digest {
        copy(hash(self.digest, parts).as_ref())
    }

    fn hmac(&self, key: &Secret, parts: &[&[u8]]) -> Digest {
        let key = hmac::Key::new(self.hmac, key.as_bytes());
        let mut mac = hmac::Context::with_key(&key);
        for part in parts {
            mac.update(part);
        }
        copy(mac.sign().as_ref())
    }
}

impl Kdf for Hkdf {
    fn id(&self) -> KdfId {
        self.id
    }

    fn extract_len(&self) -> usize {
        self.hmac.tag_len()
    }

    /// HMAC pads its key with zeros, so an empty salt and `Nh` zero bytes are the same.
    fn extract(&self, salt: &[u8], ikm: &[&[u8]]) -> Secret {
        let key = hmac::Key::new(self.hmac, salt);
        let ikm = Zeroizing::new(ikm.concat());
        Secret::from_fn(self.extract_len(), |out| mac_into(&key, &ikm, out))
    }

    fn expand(&self, prk: &Secret, info: &[&[u8]], len: usize) -> Result<Secret, CryptoError> {
        if len > 255 * self.extract_len() {
            return Err(CryptoError::OutputTooLong);
        }
        if prk.len() > digest::MAX_OUTPUT_LEN {
            return Ok(Secret::from_fn(len, |out| self.expand_long(prk, info, out)));
        }
        let prk = Prk::new_less_safe(self.hkdf, prk.as_bytes());
        Secret::try_from_fn(len, |out| prk.expand(info, Len(len))?.fill(out))
            .map_err(|_: aws_lc_rs::error::Unspecified| CryptoError::Backend("HKDF"))
    }
}

impl Hkdf {
    /// For pseudorandom keys that are longer than any hash, which `aws-lc-rs` does not take. No suite makes one.
    fn expand_long(&self, prk: &Secret, info: &[&[u8]], out: &mut [u8]) {
        let key = hmac::Key::new(self.hmac, prk.as_bytes());
        let info = info.concat();
        let mut block = Secret::zero(0);
        for (out, counter) in out.chunks_mut(self.extract_len()).zip(1..=u8::MAX) {
            let input = Zeroizing::new([block.as_bytes(), &info, &[counter]].concat());
            block = Secret::from_fn(self.extract_len(), |out| mac_into(&key, &input, out));
            out.copy_from_slice(block.as_bytes().split_at(out.len()).0);
        }
    }
}

struct Len(usize);

impl KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

pub(crate) fn hash(algorithm: &'static digest::Algorithm, parts: &[&[u8]]) -> digest::Digest {
    // At once, without a context on the heap: nodes of a tree are hashed like this.
    if let [all] = parts {
        return digest::digest(algorithm, all);
    }
    let mut hash = digest::Context::new(algorithm);
    for part in parts {
        hash.update(part);
    }
    hash.finish()
}

/// Straight into `out`, which has the length of the hash.
#[expect(clippy::expect_used, reason = "HMAC fails for a buffer that is too short, which this one is not")]
fn mac_into(key: &hmac::Key, input: &[u8], out: &mut [u8]) {
    hmac::sign_to_buffer(key, input, out).expect("the output has the length of the hash");
}

fn copy(bytes: &[u8]) -> Digest {
    Digest::from_fn(bytes.len(), |out| out.copy_from_slice(bytes))
}
