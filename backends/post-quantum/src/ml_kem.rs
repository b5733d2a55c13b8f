//! ML-KEM as a KEM of HPKE (draft-ietf-hpke-pq-05 §3), written once for every implementation of FIPS 203: an implementation is
//! a [`MlKem`], and [`PureKem`] or a [`HybridKem`](crate::HybridKem) is made of it.
//!
//! Private keys are seeds, `d || z`, 64 bytes. A loaded private key keeps its expanded form, so that decapsulation does not expand it again.
//!
//! Invariants: a public key that is loaded has passed the encapsulation key check of FIPS 203 §7.2 (length and modulus);
//! ciphertexts are checked for their length, all others decapsulate, wrong ones to the implicitly rejected secret.

use crate::derive::labeled_seed;
use pleach_crypto::{CryptoError, Kem, KemId, KemKeyPair, KemPrivateKey, KemPublicKey, Secret, SecureRandom};
use std::fmt;

/// The length of a seed `d || z` in bytes.
pub(crate) const SEED_LEN: usize = 64;

/// An implementation of one parameter set of ML-KEM (FIPS 203).
pub trait MlKem: fmt::Debug + Copy + Send + Sync + 'static {
    /// The KEM identifier of the parameter set in HPKE.
    const ID: KemId;

    /// The length of an encapsulation key in bytes.
    const PUBLIC_LEN: usize;

    /// The length of a ciphertext in bytes.
    const CIPHERTEXT_LEN: usize;

    /// An encapsulation key that has passed its check.
    type Public: Send + Sync + 'static;

    /// An expanded decapsulation key, zeroized on drop.
    type Private: Send + Sync + 'static;

    /// Parses an encapsulation key, with the check of FIPS 203 §7.2: its length, and that every coefficient is reduced.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPublicKey`].
    fn parse_public(&self, bytes: &[u8]) -> Result<Self::Public, CryptoError>;

    /// The check of [`MlKem::parse_public`] without what comes after it: no matrix is expanded, no key hashed.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPublicKey`].
    fn check_public(&self, bytes: &[u8]) -> Result<(), CryptoError> {
        if bytes.len() == Self::PUBLIC_LEN && is_reduced(bytes) {
            Ok(())
        } else {
            Err(CryptoError::InvalidPublicKey)
        }
    }

    /// `KeyGen_internal(d, z)` of a seed `d || z` (FIPS 203 §6.1): the expanded key and the encoded encapsulation key.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPrivateKey`] if the seed is not 64 bytes long.
    fn expand(&self, seed: &[u8]) -> Result<(Self::Private, Vec<u8>), CryptoError>;

    /// `Encaps` (FIPS 203 §7.2): the shared secret and the ciphertext.
    ///
    /// # Errors
    /// Those of the randomness.
    fn encapsulate(
        &self,
        public: &Self::Public,
        rng: &dyn SecureRandom,
    ) -> Result<(Secret, Vec<u8>), CryptoError>;

    /// `Decaps` (FIPS 203 §7.3).
    ///
    /// # Errors
    /// [`CryptoError::InvalidEncapsulation`] if the ciphertext has the wrong length, and for no other ciphertext.
    fn decapsulate(&self, private: &Self::Private, ciphertext: &[u8]) -> Result<Secret, CryptoError>;
}

/// The modulus check of FIPS 203 §7.2: the vector in front of the last 32 bytes is of coefficients of 12 bits, the least
/// significant first, each below q.
fn is_reduced(public: &[u8]) -> bool {
    const Q: u16 = 3329;
    let (pairs, _) = public.split_last_chunk::<32>().map_or(public, |(vector, _)| vector).as_chunks::<3>();
    pairs.iter().all(|[low, middle, high]| {
        let (low, middle, high) = (u16::from(*low), u16::from(*middle), u16::from(*high));
        (low | (middle & 0xF) << 8) < Q && (middle >> 4 | high << 4) < Q
    })
}

/// ML-KEM without a classical half, as a KEM of HPKE.
#[derive(Debug, Clone, Copy)]
pub struct PureKem<M>(M);

impl<M: MlKem> PureKem<M> {
    /// The KEM over this implementation.
    pub const fn new(ml_kem: M) -> Self {
        Self(ml_kem)
    }

    fn key_pair(&self, seed: Secret) -> Result<KemKeyPair, CryptoError> {
        let (_, public) = self.0.expand(seed.as_bytes())?;
        Ok(KemKeyPair { private: seed, public })
    }
}

impl<M: MlKem> Kem for PureKem<M> {
    fn id(&self) -> KemId {
        M::ID
    }

    fn public_len(&self) -> usize {
        M::PUBLIC_LEN
    }

    fn private_len(&self) -> usize {
        SEED_LEN
    }

    fn enc_len(&self) -> usize {
        M::CIPHERTEXT_LEN
    }

    fn derive_key_pair(&self, ikm: &Secret) -> Result<KemKeyPair, CryptoError> {
        self.key_pair(labeled_seed(M::ID, ikm, SEED_LEN as u16))
    }

    fn generate_key_pair(&self, rng: &dyn SecureRandom) -> Result<KemKeyPair, CryptoError> {
        self.key_pair(rng.secret(SEED_LEN)?)
    }

    fn load_public(&self, bytes: &[u8]) -> Result<Box<dyn KemPublicKey>, CryptoError> {
        Ok(Box::new(PublicKey { ml_kem: self.0, key: self.0.parse_public(bytes)? }))
    }

    fn check_public(&self, bytes: &[u8]) -> Result<(), CryptoError> {
        self.0.check_public(bytes)
    }

    fn load_private(&self, bytes: &Secret) -> Result<Box<dyn KemPrivateKey>, CryptoError> {
        let (key, public) = self.0.expand(bytes.as_bytes())?;
        Ok(Box::new(PrivateKey { ml_kem: self.0, key, public }))
    }
}

struct PublicKey<M: MlKem> {
    ml_kem: M,
    key: M::Public,
}

impl<M: MlKem> KemPublicKey for PublicKey<M> {
    fn encap(&self, rng: &dyn SecureRandom) -> Result<(Secret, Vec<u8>), CryptoError> {
        self.ml_kem.encapsulate(&self.key, rng)
    }
}

impl<M: MlKem> fmt::Debug for PublicKey<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", M::ID)
    }
}

struct PrivateKey<M: MlKem> {
    ml_kem: M,
    key: M::Private,
    public: Vec<u8>,
}

impl<M: MlKem> KemPrivateKey for PrivateKey<M> {
    fn public(&self) -> &[u8] {
        &self.public
    }

    fn decap(&self, enc: &[u8]) -> Result<Secret, CryptoError> {
        self.ml_kem.decapsulate(&self.key, enc)
    }
}

impl<M: MlKem> fmt::Debug for PrivateKey<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({}, redacted)", M::ID)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portable::{MlKem768, MlKem1024};

    /// One coefficient at a time at the edge of the modulus, and lengths: the same answer as the implementation's own parsing.
    fn agrees<M: MlKem>(ml_kem: M) {
        let (_, public) = ml_kem.expand(&[7; SEED_LEN]).unwrap();
        let same = |key: &[u8], expected: bool| {
            assert_eq!(ml_kem.check_public(key).is_ok(), expected);
            assert_eq!(ml_kem.parse_public(key).is_ok(), expected);
        };
        same(&public, true);
        same(&public[1..], false);
        same(&[&public[..], &[0]].concat(), false);
        same(&[], false);
        for at in [0, 1, 255, 256, 511, 2 * (M::PUBLIC_LEN - 32) / 3 - 1] {
            for value in [0_u16, 3328, 3329, 4095] {
                let mut key = public.clone();
                let place = at / 2 * 3;
                if at % 2 == 0 {
                    key[place] = value as u8;
                    key[place + 1] = key[place + 1] & 0xF0 | (value >> 8) as u8;
                } else {
                    key[place + 1] = key[place + 1] & 0x0F | (value << 4) as u8;
                    key[place + 2] = (value >> 4) as u8;
                }
                same(&key, value < 3329);
            }
        }
        // What follows the vector is a seed: any 32 bytes.
        let end = public.len() - 32;
        same(&[&public[..end], &[0xFF; 32]].concat(), true);
    }

    #[test]
    fn a_key_is_checked_as_it_is_parsed() {
        agrees(MlKem768);
        agrees(MlKem1024);
        #[cfg(feature = "fast")]
        {
            agrees(crate::fast::MlKem768);
            agrees(crate::fast::MlKem1024);
        }
    }
}
