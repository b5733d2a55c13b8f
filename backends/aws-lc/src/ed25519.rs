//! Ed25519 (RFC 8032) by AWS-LC, under the acceptance rule that all backends share ([`pleach_rustcrypto::ed25519_rule`]).
//!
//! A key is parsed by the rule. What AWS-LC accepts then fulfils the rule: it checks `S < L` and compares the encoding of `R`,
//! which is the equation without the cofactor, and that implies the one with it. What it refuses, the rule decides; only wrong
//! signatures and those with a component of small order cost that second check.

use aws_lc_rs::signature::{self, Ed25519KeyPair, KeyPair, ParsedPublicKey};
use pleach_crypto::{
    CryptoError, Secret, SecureRandom, Signature, SignatureKeyPair, SignatureScheme, Signed, Signer, Verifier,
};
use pleach_rustcrypto::ed25519_rule::{PublicKey, verify_batch};
use std::borrow::Cow;

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
        let public = expand(&private)?.public_key().as_ref().to_vec();
        Ok(SignatureKeyPair { private, public })
    }

    fn load_signer(&self, private: &Secret) -> Result<Box<dyn Signer>, CryptoError> {
        Ok(Box::new(Ed25519Signer(expand(private)?)))
    }

    fn load_verifier(&self, public: &[u8]) -> Result<Box<dyn Verifier>, CryptoError> {
        Ok(Box::new(Ed25519Verifier::parse(public)?))
    }

    fn verify_batch(&self, items: &[Signed<'_>], rng: &dyn SecureRandom) -> Result<(), CryptoError> {
        verify_batch(items, rng, &|item| {
            Ed25519Verifier::parse(item.public)?.verify(item.message, item.signature)
        })
    }
}

fn expand(private: &Secret) -> Result<Ed25519KeyPair, CryptoError> {
    if private.len() != 32 {
        return Err(CryptoError::InvalidPrivateKey); // AWS-LC takes the first 32 bytes of more
    }
    Ed25519KeyPair::from_seed_unchecked(private.as_bytes()).map_err(|_| CryptoError::InvalidPrivateKey)
}

/// The seed is expanded and the public key computed once. The key pair shows its public key only, and AWS-LC wipes the rest.
#[derive(Debug)]
struct Ed25519Signer(Ed25519KeyPair);

impl Signer for Ed25519Signer {
    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }

    fn public(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    fn sign(&self, message: &[&[u8]]) -> Result<Vec<u8>, CryptoError> {
        let signature =
            self.0.try_sign(&joined(message)).map_err(|_| CryptoError::Backend("Ed25519 signing"))?;
        Ok(signature.as_ref().to_vec())
    }
}

#[derive(Debug)]
struct Ed25519Verifier {
    rule: PublicKey,
    native: ParsedPublicKey,
}

impl Ed25519Verifier {
    fn parse(public: &[u8]) -> Result<Self, CryptoError> {
        let rule = PublicKey::parse(public)?; // R013
        let native = ParsedPublicKey::new(&signature::ED25519, public);
        Ok(Self { rule, native: native.map_err(|_| CryptoError::InvalidPublicKey)? })
    }
}

impl Verifier for Ed25519Verifier {
    fn verify(&self, message: &[&[u8]], signature: &[u8]) -> Result<(), CryptoError> {
        match self.native.verify_sig(&joined(message), signature) {
            Ok(()) => Ok(()),
            Err(_) => self.rule.verify_cofactored(message, signature), // R016
        }
    }
}

fn joined<'a>(message: &[&'a [u8]]) -> Cow<'a, [u8]> {
    match message {
        [one] => Cow::Borrowed(one),
        parts => Cow::Owned(parts.concat()),
    }
}
