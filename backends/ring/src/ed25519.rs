//! Ed25519 (RFC 8032) by `ring`, under the acceptance rule that all backends share ([`pleach_rustcrypto::ed25519_rule`]).
//!
//! A key is parsed by the rule. What `ring` accepts then fulfils the rule: it checks `S < L` and compares the encoding of `R`,
//! which is the equation without the cofactor, and that implies the one with it. What it refuses, the rule decides; only wrong
//! signatures and those with a component of small order cost that second check.

use crate::joined;
use pleach_crypto::{
    CryptoError, Secret, SecureRandom, Signature, SignatureKeyPair, SignatureScheme, Signed, Signer, Verifier,
};
use pleach_rustcrypto::ed25519_rule::{PublicKey, verify_batch};
use ring::signature::{self, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use std::hint::black_box;

/// Ed25519.
#[derive(Debug, Clone, Copy)]
pub struct Ed25519;

/// Ed25519.
pub static ED25519: Ed25519 = Ed25519;

impl Signature for Ed25519 {
    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }

    fn generate_key_pair(&self, rng: &dyn SecureRandom) -> Result<SignatureKeyPair, CryptoError> {
        let private = rng.secret(32)?;
        let public = Ed25519Signer::new(&private)?.public().to_vec();
        Ok(SignatureKeyPair { private, public })
    }

    fn load_signer(&self, private: &Secret) -> Result<Box<dyn Signer>, CryptoError> {
        Ok(Box::new(Ed25519Signer::new(private)?))
    }

    fn load_verifier(&self, public: &[u8]) -> Result<Box<dyn Verifier>, CryptoError> {
        Ok(Box::new(Ed25519Verifier(PublicKey::parse(public)?))) // R013
    }

    fn verify_batch(&self, items: &[Signed<'_>], rng: &dyn SecureRandom) -> Result<(), CryptoError> {
        verify_batch(items, rng, &|item| {
            Ed25519Verifier(PublicKey::parse(item.public)?).verify(item.message, item.signature)
        })
    }
}

/// The seed is expanded and the public key computed once. The key pair shows its public key only.
#[derive(Debug)]
struct Ed25519Signer(Ed25519KeyPair);

impl Ed25519Signer {
    fn new(private: &Secret) -> Result<Self, CryptoError> {
        let key = Ed25519KeyPair::from_seed_unchecked(private.as_bytes());
        key.map(Self).map_err(|_| CryptoError::InvalidPrivateKey)
    }
}

impl Signer for Ed25519Signer {
    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }

    fn public(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    fn sign(&self, message: &[&[u8]]) -> Result<Vec<u8>, CryptoError> {
        Ok(self.0.sign(&joined(message)).as_ref().to_vec())
    }
}

impl Drop for Ed25519Signer {
    /// `ring` does not wipe it, so another key is written over it.
    fn drop(&mut self) {
        if let Ok(other) = Ed25519KeyPair::from_seed_unchecked(&[0; 32]) {
            self.0 = other;
            black_box(&self.0);
        }
    }
}

#[derive(Debug)]
struct Ed25519Verifier(PublicKey);

impl Verifier for Ed25519Verifier {
    fn verify(&self, message: &[&[u8]], signature: &[u8]) -> Result<(), CryptoError> {
        let native = UnparsedPublicKey::new(&signature::ED25519, self.0.bytes());
        match native.verify(&joined(message), signature) {
            Ok(()) => Ok(()),
            Err(_) => self.0.verify_cofactored(message, signature), // R016
        }
    }
}
