//! Signatures (RFC 9420 §5.1.1, §5.1.2). The application supplies a [`Signer`]; the library holds no signature key.

use crate::{CryptoError, Secret, SecureRandom, SignatureScheme};
use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::fmt::Debug;

/// A signature key pair in the encodings of RFC 9420: EdDSA seed, ECDSA fixed-length big-endian scalar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureKeyPair {
    /// The private key.
    pub private: Secret,
    /// The public key: raw for EdDSA, uncompressed point for ECDSA (R013).
    pub public: Vec<u8>,
}

/// One signature to verify in a batch.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// The public key as bytes.
    pub public: &'a [u8],
    /// The parts of the signed message; their concatenation was signed.
    pub message: &'a [&'a [u8]],
    /// The signature.
    pub signature: &'a [u8],
}

/// A signature scheme.
pub trait Signature: Debug + Send + Sync {
    /// The scheme.
    fn scheme(&self) -> SignatureScheme;

    /// A fresh key pair.
    ///
    /// # Errors
    /// Those of the randomness.
    fn generate_key_pair(&self, rng: &dyn SecureRandom) -> Result<SignatureKeyPair, CryptoError>;

    /// A signer in memory for a private key as in [`SignatureKeyPair`]. Expands the key once.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPrivateKey`].
    fn load_signer(&self, private: &Secret) -> Result<Box<dyn Signer>, CryptoError>;

    /// Parses and validates a public key (R013).
    ///
    /// # Errors
    /// [`CryptoError::InvalidPublicKey`].
    fn load_verifier(&self, public: &[u8]) -> Result<Box<dyn Verifier>, CryptoError>;

    /// Verifies many signatures; accepts exactly when each one alone verifies. The default does them one by one. Signatures of
    /// one key cost less side by side: it is parsed once.
    ///
    /// # Errors
    /// [`CryptoError::InvalidSignature`] or [`CryptoError::InvalidPublicKey`] if any of them does not verify.
    fn verify_batch(&self, items: &[Signed<'_>], rng: &dyn SecureRandom) -> Result<(), CryptoError> {
        let _ = rng;
        items.chunk_by(|one, next| one.public == next.public).try_for_each(|of_one_key| {
            let Some(first) = of_one_key.first() else { return Ok(()) };
            let verifier = self.load_verifier(first.public)?;
            of_one_key.iter().try_for_each(|item| verifier.verify(item.message, item.signature))
        })
    }
}

/// Signs for one key. Supplied by the application, so that the key can live in hardware; may fail.
pub trait Signer: Debug + Send + Sync {
    /// The scheme, which must be that of the suite it is used with.
    fn scheme(&self) -> SignatureScheme;

    /// The public key as it stands in the leaf node.
    fn public(&self) -> &[u8];

    /// Signs the concatenation of `message`.
    ///
    /// # Errors
    /// [`CryptoError::SignerFailed`] or what the backend reports.
    fn sign(&self, message: &[&[u8]]) -> Result<Vec<u8>, CryptoError>;
}

impl<S: Signer + ?Sized> Signer for Arc<S> {
    fn scheme(&self) -> SignatureScheme {
        (**self).scheme()
    }

    fn public(&self) -> &[u8] {
        (**self).public()
    }

    fn sign(&self, message: &[&[u8]]) -> Result<Vec<u8>, CryptoError> {
        (**self).sign(message)
    }
}

impl<S: Signer + ?Sized> Signer for Box<S> {
    fn scheme(&self) -> SignatureScheme {
        (**self).scheme()
    }

    fn public(&self) -> &[u8] {
        (**self).public()
    }

    fn sign(&self, message: &[&[u8]]) -> Result<Vec<u8>, CryptoError> {
        (**self).sign(message)
    }
}

/// A parsed, valid public signature key.
pub trait Verifier: Debug + Send + Sync {
    /// Verifies a signature over the concatenation of `message`.
    ///
    /// # Errors
    /// [`CryptoError::InvalidSignature`].
    fn verify(&self, message: &[&[u8]], signature: &[u8]) -> Result<(), CryptoError>;
}
