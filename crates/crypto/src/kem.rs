//! Key encapsulation (RFC 9180 §4). To parse a key is to validate it; a parsed key is kept and used many times.

use crate::{CryptoError, KemId, Secret, SecureRandom};
use alloc::{boxed::Box, vec::Vec};
use core::fmt::Debug;

/// A KEM key pair: the serialized private key and the serialized public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KemKeyPair {
    /// `SerializePrivateKey(skR)`; a seed for the post-quantum KEMs.
    pub private: Secret,
    /// `SerializePublicKey(pkR)`.
    pub public: Vec<u8>,
}

/// A key encapsulation mechanism.
pub trait Kem: Debug + Send + Sync {
    /// The HPKE identifier.
    fn id(&self) -> KemId;

    /// Length of a serialized public key in bytes (`Npk`).
    fn public_len(&self) -> usize;

    /// Length of a serialized private key in bytes (`Nsk`).
    fn private_len(&self) -> usize;

    /// Length of an encapsulated key in bytes (`Nenc`).
    fn enc_len(&self) -> usize;

    /// `DeriveKeyPair(ikm)` (RFC 9180 §7.1.3).
    ///
    /// # Errors
    /// [`CryptoError::DeriveKeyPair`] if no candidate is a valid key (probability below 2^-2000).
    fn derive_key_pair(&self, ikm: &Secret) -> Result<KemKeyPair, CryptoError>;

    /// A fresh key pair.
    ///
    /// # Errors
    /// Those of the randomness and of [`Kem::derive_key_pair`].
    fn generate_key_pair(&self, rng: &dyn SecureRandom) -> Result<KemKeyPair, CryptoError> {
        self.derive_key_pair(&rng.secret(self.private_len())?)
    }

    /// Parses and validates a public key (R014).
    ///
    /// # Errors
    /// [`CryptoError::InvalidPublicKey`].
    fn load_public(&self, bytes: &[u8]) -> Result<Box<dyn KemPublicKey>, CryptoError>;

    /// Validates a public key that need not be used now (R014): refuses exactly what [`Kem::load_public`] refuses. The default
    /// parses it; a KEM whose parsed keys are large, or dear to make, checks the bytes alone.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPublicKey`].
    fn check_public(&self, bytes: &[u8]) -> Result<(), CryptoError> {
        self.load_public(bytes).map(drop)
    }

    /// Parses and validates a private key.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPrivateKey`].
    fn load_private(&self, bytes: &Secret) -> Result<Box<dyn KemPrivateKey>, CryptoError>;
}

/// A parsed, valid public key.
pub trait KemPublicKey: Debug + Send + Sync {
    /// Encapsulates: the shared secret and the encapsulated key.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPublicKey`] if the DH result is all zero (RFC 9180 §7.1.4), or those of the randomness.
    fn encap(&self, rng: &dyn SecureRandom) -> Result<(Secret, Vec<u8>), CryptoError>;
}

/// A parsed private key.
pub trait KemPrivateKey: Debug + Send + Sync {
    /// The serialized public key.
    fn public(&self) -> &[u8];

    /// Recovers the shared secret from an encapsulated key.
    ///
    /// # Errors
    /// [`CryptoError::InvalidEncapsulation`] if it is not valid or the DH result is all zero.
    fn decap(&self, enc: &[u8]) -> Result<Secret, CryptoError>;
}
