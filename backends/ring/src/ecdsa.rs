//! ECDSA on P-256 and P-384, each with the SHA-2 of its suite, by `ring`.
//!
//! Signatures are DER `ECDSA-Sig-Value`s, strictly (R016). Public keys are uncompressed points (R013), private keys big-endian
//! scalars in the length of a field element. High and low `s` are both accepted, as the RFC has it.
//!
//! `ring` wants a private key together with its public key, which the borrowed groups compute; `ring` then computes it again and
//! compares. It has no parsed form of a public key: the borrowed group checks the point when a verifier is loaded, `ring` with
//! every signature.

use crate::{P256, P384, joined};
use pleach_crypto::dhkem::DhGroup;
use pleach_crypto::{
    CryptoError, Secret, SecureRandom, Signature, SignatureKeyPair, SignatureScheme, Signer, Verifier,
};
use ring::rand::SystemRandom;
use ring::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, KeyPair, UnparsedPublicKey,
};
use std::hint::black_box;

/// A random candidate is no valid scalar with a probability of at most 2^-32 (P-256) if the randomness is good.
const ATTEMPTS: usize = 64;

/// ECDSA on the curve of a group.
#[derive(Debug, Clone, Copy)]
pub struct Ecdsa<G> {
    group: G,
    scheme: SignatureScheme,
    signing: &'static EcdsaSigningAlgorithm,
    verification: &'static EcdsaVerificationAlgorithm,
}

/// ECDSA on P-256 with SHA-256.
pub static ECDSA_P256: Ecdsa<P256> = Ecdsa {
    group: P256,
    scheme: SignatureScheme::ECDSA_SECP256R1_SHA256,
    signing: &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
    verification: &signature::ECDSA_P256_SHA256_ASN1,
};
/// ECDSA on P-384 with SHA-384.
pub static ECDSA_P384: Ecdsa<P384> = Ecdsa {
    group: P384,
    scheme: SignatureScheme::ECDSA_SECP384R1_SHA384,
    signing: &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
    verification: &signature::ECDSA_P384_SHA384_ASN1,
};

impl<G: DhGroup> Ecdsa<G> {
    /// `private` has been parsed by the group, so `ring` has nothing to refuse.
    fn expand(&self, private: &Secret, public: &[u8]) -> Result<EcdsaKeyPair, CryptoError> {
        let (private, rng) = (private.as_bytes(), SystemRandom::new());
        EcdsaKeyPair::from_private_key_and_public_key(self.signing, private, public, &rng)
            .map_err(|_| CryptoError::InvalidPrivateKey)
    }

    fn public(&self, private: &Secret) -> Result<Vec<u8>, CryptoError> {
        if private.len() != G::CURVE.private_len() {
            return Err(CryptoError::InvalidPrivateKey);
        }
        self.group.public(&self.group.parse_private(private)?)
    }
}

impl<G: DhGroup> Signature for Ecdsa<G> {
    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }

    fn generate_key_pair(&self, rng: &dyn SecureRandom) -> Result<SignatureKeyPair, CryptoError> {
        for _ in 0..ATTEMPTS {
            let private = rng.secret(G::CURVE.private_len())?;
            if let Ok(public) = self.public(&private) {
                return Ok(SignatureKeyPair { private, public });
            }
        }
        Err(CryptoError::RandomUnavailable)
    }

    fn load_signer(&self, private: &Secret) -> Result<Box<dyn Signer>, CryptoError> {
        let key = self.expand(private, &self.public(private)?)?;
        Ok(Box::new(EcdsaSigner { algorithm: *self, key, rng: SystemRandom::new() }))
    }

    fn load_verifier(&self, public: &[u8]) -> Result<Box<dyn Verifier>, CryptoError> {
        G::CURVE.check_public(public)?; // R013
        self.group.parse_public(public)?;
        Ok(Box::new(EcdsaVerifier(UnparsedPublicKey::new(self.verification, public.into()))))
    }
}

/// The key pair shows its public key only.
#[derive(Debug)]
struct EcdsaSigner<G: DhGroup> {
    algorithm: Ecdsa<G>,
    key: EcdsaKeyPair,
    rng: SystemRandom,
}

impl<G: DhGroup> Signer for EcdsaSigner<G> {
    fn scheme(&self) -> SignatureScheme {
        self.algorithm.scheme
    }

    fn public(&self) -> &[u8] {
        self.key.public_key().as_ref()
    }

    fn sign(&self, message: &[&[u8]]) -> Result<Vec<u8>, CryptoError> {
        let signature = self.key.sign(&self.rng, &joined(message));
        Ok(signature.map_err(|_| CryptoError::Backend("ECDSA signing"))?.as_ref().to_vec())
    }
}

impl<G: DhGroup> Drop for EcdsaSigner<G> {
    /// `ring` does not wipe it, so the key of the scalar 1 is written over it.
    fn drop(&mut self) {
        let one = Secret::from_fn(G::CURVE.private_len(), |out| {
            if let Some(last) = out.last_mut() {
                *last = 1;
            }
        });
        let other = self.algorithm.public(&one).and_then(|public| self.algorithm.expand(&one, &public));
        if let Ok(other) = other {
            self.key = other;
            black_box(&self.key);
        }
    }
}

#[derive(Debug)]
struct EcdsaVerifier(UnparsedPublicKey<Box<[u8]>>);

impl Verifier for EcdsaVerifier {
    fn verify(&self, message: &[&[u8]], signature: &[u8]) -> Result<(), CryptoError> {
        self.0.verify(&joined(message), signature).map_err(|_| CryptoError::InvalidSignature) // R016
    }
}
