//! ECDSA on the NIST curves, each with the SHA-2 of its suite, by AWS-LC.
//!
//! Signatures are DER `ECDSA-Sig-Value`s, strictly (R016): AWS-LC encodes what it has parsed again and compares. Public keys are
//! uncompressed points (R013), private keys big-endian scalars in the length of a field element. High and low `s` are both
//! accepted, as the RFC has it. Messages are hashed part by part.

use crate::hash::hash;
use aws_lc_rs::digest::{self, Algorithm};
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, KeyPair, ParsedPublicKey,
};
use pleach_crypto::dhkem::Curve;
use pleach_crypto::{
    CryptoError, Secret, SecureRandom, Signature, SignatureKeyPair, SignatureScheme, Signer, Verifier,
};
use zeroize::Zeroizing;

/// A random candidate is no valid scalar with a probability of at most 2^-32 (P-256) if the randomness is good.
const ATTEMPTS: usize = 64;

/// ECDSA on one curve.
#[derive(Debug, Clone, Copy)]
pub struct Ecdsa {
    scheme: SignatureScheme,
    curve: Curve,
    /// Of the first byte of a random candidate for a scalar.
    mask: u8,
    digest: &'static Algorithm,
    signing: &'static EcdsaSigningAlgorithm,
    verification: &'static EcdsaVerificationAlgorithm,
}

/// ECDSA on P-256 with SHA-256.
pub static ECDSA_P256: Ecdsa = Ecdsa {
    scheme: SignatureScheme::ECDSA_SECP256R1_SHA256,
    curve: Curve::P256,
    mask: 0xFF,
    digest: &digest::SHA256,
    signing: &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
    verification: &signature::ECDSA_P256_SHA256_ASN1,
};
/// ECDSA on P-384 with SHA-384.
pub static ECDSA_P384: Ecdsa = Ecdsa {
    scheme: SignatureScheme::ECDSA_SECP384R1_SHA384,
    curve: Curve::P384,
    mask: 0xFF,
    digest: &digest::SHA384,
    signing: &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
    verification: &signature::ECDSA_P384_SHA384_ASN1,
};
/// ECDSA on P-521 with SHA-512.
pub static ECDSA_P521: Ecdsa = Ecdsa {
    scheme: SignatureScheme::ECDSA_SECP521R1_SHA512,
    curve: Curve::P521,
    mask: 0x01,
    digest: &digest::SHA512,
    signing: &signature::ECDSA_P521_SHA512_ASN1_SIGNING,
    verification: &signature::ECDSA_P521_SHA512_ASN1,
};

impl Ecdsa {
    fn expand(&self, private: &Secret) -> Result<EcdsaKeyPair, CryptoError> {
        if private.len() != self.curve.private_len() {
            return Err(CryptoError::InvalidPrivateKey);
        }
        EcdsaKeyPair::from_private_key_der(self.signing, &ec_private_key(private.as_bytes()))
            .map_err(|_| CryptoError::InvalidPrivateKey)
    }
}

impl Signature for Ecdsa {
    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }

    fn generate_key_pair(&self, rng: &dyn SecureRandom) -> Result<SignatureKeyPair, CryptoError> {
        for _ in 0..ATTEMPTS {
            let mut private = rng.secret(self.curve.private_len())?;
            if let Some(first) = private.as_mut_bytes().first_mut() {
                *first &= self.mask;
            }
            if let Ok(key) = self.expand(&private) {
                return Ok(SignatureKeyPair { private, public: key.public_key().as_ref().to_vec() });
            }
        }
        Err(CryptoError::RandomUnavailable)
    }

    fn load_signer(&self, private: &Secret) -> Result<Box<dyn Signer>, CryptoError> {
        Ok(Box::new(EcdsaSigner { algorithm: *self, key: self.expand(private)? }))
    }

    fn load_verifier(&self, public: &[u8]) -> Result<Box<dyn Verifier>, CryptoError> {
        self.curve.check_public(public)?; // R013: `aws-lc-rs` alone would take other forms as well.
        let key = ParsedPublicKey::new(self.verification, public);
        let key = key.map_err(|_| CryptoError::InvalidPublicKey)?;
        Ok(Box::new(EcdsaVerifier { digest: self.digest, key }))
    }
}

/// The one way in for a scalar without its public key: an `ECPrivateKey` of RFC 5915 that has nothing optional.
fn ec_private_key(scalar: &[u8]) -> Zeroizing<Vec<u8>> {
    // A scalar has at most 66 bytes, so all lengths are below 128 and take one byte.
    let len = scalar.len() as u8;
    Zeroizing::new([&[0x30, len + 5, 0x02, 1, 1, 0x04, len], scalar].concat())
}

/// The key pair shows its public key only, and AWS-LC wipes the rest.
#[derive(Debug)]
struct EcdsaSigner {
    algorithm: Ecdsa,
    key: EcdsaKeyPair,
}

impl Signer for EcdsaSigner {
    fn scheme(&self) -> SignatureScheme {
        self.algorithm.scheme
    }

    fn public(&self) -> &[u8] {
        self.key.public_key().as_ref()
    }

    fn sign(&self, message: &[&[u8]]) -> Result<Vec<u8>, CryptoError> {
        let signature = self.key.sign_digest(&hash(self.algorithm.digest, message));
        Ok(signature.map_err(|_| CryptoError::Backend("ECDSA signing"))?.as_ref().to_vec())
    }
}

#[derive(Debug)]
struct EcdsaVerifier {
    digest: &'static Algorithm,
    key: ParsedPublicKey,
}

impl Verifier for EcdsaVerifier {
    fn verify(&self, message: &[&[u8]], signature: &[u8]) -> Result<(), CryptoError> {
        self.key
            .verify_digest_sig(&hash(self.digest, message), signature)
            .map_err(|_| CryptoError::InvalidSignature) // R016
    }
}
