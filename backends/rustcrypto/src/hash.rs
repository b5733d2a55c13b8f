//! SHA-2, HMAC (RFC 2104) and HKDF (RFC 5869), by `sha2` and `hmac`.
//!
//! HKDF is a dozen lines over `hmac` here and not the `hkdf` crate, whose expand leaves its last block, which may be the
//! whole of the derived secret, on the stack. The tests compare the two. Hash states are zeroized on drop.

use hmac::{Hmac, KeyInit, Mac};
use pleach_crypto::{CryptoError, Digest, Hash, Kdf, KdfId, Secret};
use sha2::digest::Output;
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroize;

/// One of the three SHA-2 functions of RFC 9420's suites.
#[derive(Debug, Clone, Copy)]
pub struct Sha2(Algorithm);

/// HKDF over SHA-2.
#[derive(Debug, Clone, Copy)]
pub struct Hkdf(Algorithm);

/// SHA-256.
pub static SHA256: Sha2 = Sha2(Algorithm::Sha256);
/// SHA-384.
pub static SHA384: Sha2 = Sha2(Algorithm::Sha384);
/// SHA-512.
pub static SHA512: Sha2 = Sha2(Algorithm::Sha512);

/// HKDF-SHA256.
pub static HKDF_SHA256: Hkdf = Hkdf(Algorithm::Sha256);
/// HKDF-SHA384.
pub static HKDF_SHA384: Hkdf = Hkdf(Algorithm::Sha384);
/// HKDF-SHA512.
pub static HKDF_SHA512: Hkdf = Hkdf(Algorithm::Sha512);

#[derive(Debug, Clone, Copy)]
enum Algorithm {
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    fn output_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

impl Hash for Sha2 {
    fn output_len(&self) -> usize {
        self.0.output_len()
    }

    fn hash(&self, parts: &[&[u8]]) -> Digest {
        match self.0 {
            Algorithm::Sha256 => hash::<Sha256>(parts),
            Algorithm::Sha384 => hash::<Sha384>(parts),
            Algorithm::Sha512 => hash::<Sha512>(parts),
        }
    }

    fn hmac(&self, key: &Secret, parts: &[&[u8]]) -> Digest {
        let len = self.output_len();
        Digest::from_fn(len, |out| hmac_into(self.0, key.as_bytes(), parts, out))
    }
}

impl Kdf for Hkdf {
    fn id(&self) -> KdfId {
        match self.0 {
            Algorithm::Sha256 => KdfId::HKDF_SHA256,
            Algorithm::Sha384 => KdfId::HKDF_SHA384,
            Algorithm::Sha512 => KdfId::HKDF_SHA512,
        }
    }

    fn extract_len(&self) -> usize {
        self.0.output_len()
    }

    /// HMAC pads its key with zeros, so an empty salt and `Nh` zero bytes are the same.
    fn extract(&self, salt: &[u8], ikm: &[&[u8]]) -> Secret {
        Secret::from_fn(self.extract_len(), |out| hmac_into(self.0, salt, ikm, out))
    }

    fn expand(&self, prk: &Secret, info: &[&[u8]], len: usize) -> Result<Secret, CryptoError> {
        if len > 255 * self.extract_len() {
            return Err(CryptoError::OutputTooLong);
        }
        Ok(Secret::from_fn(len, |out| match self.0 {
            Algorithm::Sha256 => expand_into(&keyed::<Hmac<Sha256>>(prk.as_bytes()), info, out),
            Algorithm::Sha384 => expand_into(&keyed::<Hmac<Sha384>>(prk.as_bytes()), info, out),
            Algorithm::Sha512 => expand_into(&keyed::<Hmac<Sha512>>(prk.as_bytes()), info, out),
        }))
    }
}

fn hash<D: sha2::Digest>(parts: &[&[u8]]) -> Digest {
    let mut hash = D::new();
    for part in parts {
        hash.update(part);
    }
    let output = hash.finalize();
    Digest::from_fn(output.len(), |out| out.copy_from_slice(&output))
}

fn hmac_into(algorithm: Algorithm, key: &[u8], parts: &[&[u8]], out: &mut [u8]) {
    match algorithm {
        Algorithm::Sha256 => finish(keyed::<Hmac<Sha256>>(key), parts, out),
        Algorithm::Sha384 => finish(keyed::<Hmac<Sha384>>(key), parts, out),
        Algorithm::Sha512 => finish(keyed::<Hmac<Sha512>>(key), parts, out),
    }
}

fn expand_into<M: Mac + Clone>(keyed: &M, info: &[&[u8]], out: &mut [u8]) {
    let mut previous = Output::<M>::default();
    let block_len = previous.len();
    for (block, counter) in out.chunks_mut(block_len).zip(1..=u8::MAX) {
        let mut mac = keyed.clone();
        if counter > 1 {
            mac.update(&previous);
        }
        for part in info {
            mac.update(part);
        }
        mac.update(&[counter]);
        previous = mac.finalize().into_bytes();
        block.copy_from_slice(previous.split_at(block.len()).0);
    }
    previous.as_mut_slice().zeroize();
}

fn finish<M: Mac>(mut mac: M, parts: &[&[u8]], out: &mut [u8]) {
    for part in parts {
        mac.update(part);
    }
    let mut tag = mac.finalize().into_bytes();
    out.copy_from_slice(&tag);
    tag.as_mut_slice().zeroize();
}

#[expect(
    clippy::expect_used,
    reason = "HMAC takes keys of every length; its constructor shares a fallible signature"
)]
fn keyed<M: KeyInit>(key: &[u8]) -> M {
    M::new_from_slice(key).expect("HMAC takes keys of every length")
}
