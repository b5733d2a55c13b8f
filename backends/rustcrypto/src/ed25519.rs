//! Ed25519 (RFC 8032): signing by `ed25519-dalek`, verification by [`crate::ed25519_rule`].

use crate::ed25519_rule::{PublicKey, verify_batch};
use ed25519_dalek::SigningKey;
use ed25519_dalek::ed25519::signature::MultipartSigner;
use pleach_crypto::{
    CryptoError, Secret, SecureRandom, Signature, SignatureKeyPair, SignatureScheme, Signed, Signer, Verifier,
};
use zeroize::Zeroizing;

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
        let public = expand(&private)?.verifying_key().to_bytes().to_vec();
        Ok(SignatureKeyPair { private, public })
    }

    fn load_signer(&self, private: &Secret) -> Result<Box<dyn Signer>, CryptoError> {
        Ok(Box::new(Ed25519Signer(expand(private)?)))
    }

    fn load_verifier(&self, public: &[u8]) -> Result<Box<dyn Verifier>, CryptoError> {
        Ok(Box::new(PublicKey::parse(public)?))
    }

    fn verify_batch(&self, items: &[Signed<'_>], rng: &dyn SecureRandom) -> Result<(), CryptoError> {
        verify_batch(items, rng, &|item| PublicKey::parse(item.public)?.verify(item.message, item.signature))
    }
}

fn expand(private: &Secret) -> Result<SigningKey, CryptoError> {
    let seed = <[u8; 32]>::try_from(private.as_bytes()).map_err(|_| CryptoError::InvalidPrivateKey)?;
    Ok(SigningKey::from_bytes(&Zeroizing::new(seed)))
}

/// The public key is computed once; dalek wipes the seed on drop.
#[derive(Debug)]
struct Ed25519Signer(SigningKey);

impl Signer for Ed25519Signer {
    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }

    fn public(&self) -> &[u8] {
        self.0.as_ref().as_bytes()
    }

    fn sign(&self, message: &[&[u8]]) -> Result<Vec<u8>, CryptoError> {
        let signature =
            self.0.try_multipart_sign(message).map_err(|_| CryptoError::Backend("Ed25519 signing"))?;
        Ok(signature.to_bytes().to_vec())
    }
}
