//! KEMs with a fault.

use std::fmt;

use pleach_crypto::hpke::{labeled_expand, labeled_extract};
use pleach_crypto::{CryptoError, Kem, KemId, KemKeyPair, KemPrivateKey, KemPublicKey, Secret, SecureRandom};
use pleach_rustcrypto::HKDF_SHA256;
use pleach_testkit::random::SeededRandom;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A public key that is no point is taken for some point.
    PublicNotChecked,
    /// So is an encapsulated key.
    EncapsulatedNotChecked,
    /// A compressed point is a public key.
    Compressed,
    /// Hybrid points, with first byte 6 or 7, are read as uncompressed ones.
    HybridForm,
    /// A key may be wrapped as in X.509.
    X509,
    /// The secret of an all-zero X25519 result is given out.
    AllZero,
    /// Zero and the order are scalars.
    AnyScalar,
    /// ML-KEM reduces the coefficients of a public key instead of refusing it.
    NoModulusCheck,
    /// `DeriveKeyPair` has no labels.
    Unlabelled,
    /// Encapsulation does not use its randomness.
    SameEncapsulation,
    /// `Debug` of a private key shows it.
    Shown,
    /// Private keys may have any length.
    PaddedPrivate,
}

/// A KEM with this fault.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Broken(pub(crate) &'static dyn Kem, pub(crate) Fault);

impl Broken {
    /// Some key pair, always the same.
    fn some(self) -> Result<KemKeyPair, CryptoError> {
        self.0.derive_key_pair(&Secret::copy_from(&[1; 66]))
    }

    /// The point at the end of a longer DER sequence.
    fn unwrapped(self, bytes: &[u8]) -> Option<&[u8]> {
        let head = bytes.len().checked_sub(self.0.public_len()).filter(|head| *head > 1)?;
        (bytes.first() == Some(&0x30)).then(|| &bytes[head..])
    }

    /// What is loaded in the place of a bad public key, if this fault lets it pass.
    fn replacement(self, bytes: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let passes = match self.1 {
            Fault::PublicNotChecked => bytes.len() == self.0.public_len() && bytes.first() == Some(&4),
            Fault::Compressed => bytes.len() == self.0.public_len() / 2 + 1 && matches!(bytes, [2 | 3, ..]),
            Fault::HybridForm if matches!(bytes, [6 | 7, ..]) => return Ok([&[4], &bytes[1..]].concat()),
            Fault::X509 => {
                return self.unwrapped(bytes).ok_or(CryptoError::InvalidPublicKey).map(<[u8]>::to_vec);
            }
            Fault::NoModulusCheck if bytes.len() == self.0.public_len() => return Ok(reduced(bytes)),
            _ => false,
        };
        if passes { Ok(self.some()?.public) } else { Err(CryptoError::InvalidPublicKey) }
    }
}

/// An encapsulation key of ML-KEM with all coefficients below q.
fn reduced(public: &[u8]) -> Vec<u8> {
    let (coefficients, rho) = public.split_at(public.len() - 32);
    let mut out = Vec::with_capacity(public.len());
    for bytes in coefficients.chunks(3) {
        let [a, b, c] = [bytes[0], bytes[1], bytes[2]].map(u16::from);
        let (low, high) = ((a | (b & 0xF) << 8) % 3329, (b >> 4 | c << 4) % 3329);
        out.extend([low as u8, (low >> 8 | (high & 0xF) << 4) as u8, (high >> 4) as u8]);
    }
    out.extend_from_slice(rho);
    out
}

impl Kem for Broken {
    fn id(&self) -> KemId {
        self.0.id()
    }

    fn public_len(&self) -> usize {
        self.0.public_len()
    }

    fn private_len(&self) -> usize {
        self.0.private_len()
    }

    fn enc_len(&self) -> usize {
        self.0.enc_len()
    }

    fn derive_key_pair(&self, ikm: &Secret) -> Result<KemKeyPair, CryptoError> {
        use pleach_crypto::Kdf;
        if self.1 != Fault::Unlabelled {
            return self.0.derive_key_pair(ikm);
        }
        let private = HKDF_SHA256.extract(b"", &[ikm.as_bytes()]);
        Ok(KemKeyPair { public: self.0.load_private(&private)?.public().to_vec(), private })
    }

    fn load_public(&self, bytes: &[u8]) -> Result<Box<dyn KemPublicKey>, CryptoError> {
        let key = self.0.load_public(bytes).or_else(|_| self.0.load_public(&self.replacement(bytes)?))?;
        Ok(if self.1 == Fault::SameEncapsulation { Box::new(SamePublic(key)) } else { key })
    }

    fn load_private(&self, bytes: &Secret) -> Result<Box<dyn KemPrivateKey>, CryptoError> {
        let mut bytes = bytes.clone();
        if self.1 == Fault::PaddedPrivate && !bytes.is_empty() {
            let mut padded = bytes.as_bytes().to_vec();
            padded.resize(self.0.private_len(), 0);
            bytes = Secret::from(padded);
        }
        let key = match self.0.load_private(&bytes) {
            Err(_) if self.1 == Fault::AnyScalar && bytes.len() == self.0.private_len() => {
                self.0.load_private(&self.some()?.private)?
            }
            key => key?,
        };
        Ok(Box::new(Private { kem: *self, key, bytes }))
    }
}

#[derive(Debug)]
struct SamePublic(Box<dyn KemPublicKey>);

impl KemPublicKey for SamePublic {
    fn encap(&self, _: &dyn SecureRandom) -> Result<(Secret, Vec<u8>), CryptoError> {
        self.0.encap(&SeededRandom::new(7))
    }
}

struct Private {
    kem: Broken,
    key: Box<dyn KemPrivateKey>,
    bytes: Secret,
}

impl fmt::Debug for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kem.1 {
            Fault::Shown => write!(f, "Private({:?})", self.bytes.as_bytes()),
            _ => f.write_str("Private"),
        }
    }
}

impl KemPrivateKey for Private {
    fn public(&self) -> &[u8] {
        self.key.public()
    }

    fn decap(&self, enc: &[u8]) -> Result<Secret, CryptoError> {
        let enc = match self.kem.1 {
            Fault::X509 => self.kem.unwrapped(enc).unwrap_or(enc),
            _ => enc,
        };
        let result = self.key.decap(enc);
        if result.is_ok() || enc.len() != self.kem.enc_len() {
            return result;
        }
        match self.kem.1 {
            Fault::EncapsulatedNotChecked => self.key.decap(&self.kem.some()?.public),
            Fault::AllZero => {
                let id = [b"KEM", &self.kem.id().0.to_be_bytes()[..]].concat();
                let prk = labeled_extract(&HKDF_SHA256, &id, b"", b"eae_prk", &[&[0; 32]]);
                labeled_expand(&HKDF_SHA256, &id, &prk, b"shared_secret", &[enc, self.public()], 32)
            }
            _ => result,
        }
    }
}
