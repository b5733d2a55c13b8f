//! Ed448 (RFC 8032, empty context), by `crrl`.
//!
//! The acceptance rule is that of Ed25519 (R013, R016): `crrl` demands exact lengths, `S < L` and canonical `A` and `R`, and checks the
//! cofactored equation `[4][S]B = [4]R + [4][k]A`; that `A` is not of small order is checked here. There is no batch:
//! signatures are verified one by one.
//!
//! `crrl` does not wipe its keys: the signer overwrites its copy on drop, through an optimization barrier since this crate has
//! no `unsafe`. What `crrl` leaves on the stack during a call is out of reach.

use crrl::ed448::{PrivateKey, PublicKey};
use pleach_crypto::{
    CryptoError, Secret, SecureRandom, Signature, SignatureKeyPair, SignatureScheme, Signer, Verifier,
};
use std::fmt;
use std::hint::black_box;
use std::sync::LazyLock;

/// Ed448.
#[derive(Debug, Clone, Copy)]
pub struct Ed448;

/// Ed448.
pub static ED448: Ed448 = Ed448;

/// The length of seeds, public keys and each half of a signature.
const LEN: usize = 57;

impl Signature for Ed448 {
    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ED448
    }

    fn generate_key_pair(&self, rng: &dyn SecureRandom) -> Result<SignatureKeyPair, CryptoError> {
        let private = rng.secret(LEN)?;
        let public = Ed448Signer::new(&private)?.public().to_vec();
        Ok(SignatureKeyPair { private, public })
    }

    fn load_signer(&self, private: &Secret) -> Result<Box<dyn Signer>, CryptoError> {
        Ok(Ed448Signer::new(private)?)
    }

    fn load_verifier(&self, public: &[u8]) -> Result<Box<dyn Verifier>, CryptoError> {
        let key = PublicKey::decode(public).ok_or(CryptoError::InvalidPublicKey)?;
        if key.point.has_low_order() != 0 {
            return Err(CryptoError::InvalidPublicKey);
        }
        Ok(Box::new(Ed448Verifier(key)))
    }
}

struct Ed448Signer(PrivateKey);

impl Ed448Signer {
    /// Boxed at once, so that the key is not moved about.
    fn new(private: &Secret) -> Result<Box<Self>, CryptoError> {
        PrivateKey::decode(private.as_bytes())
            .map(|key| Box::new(Self(key)))
            .ok_or(CryptoError::InvalidPrivateKey)
    }
}

impl Signer for Ed448Signer {
    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ED448
    }

    fn public(&self) -> &[u8] {
        &self.0.public_key.encoded
    }

    fn sign(&self, message: &[&[u8]]) -> Result<Vec<u8>, CryptoError> {
        Ok(self.0.sign_raw(&message.concat()).to_vec())
    }
}

impl Drop for Ed448Signer {
    fn drop(&mut self) {
        static BLANK: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::from_seed(&[0; LEN]));
        self.0 = *BLANK;
        black_box(&self.0);
    }
}

impl fmt::Debug for Ed448Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ed448Signer(redacted)")
    }
}

#[derive(Debug)]
struct Ed448Verifier(PublicKey);

impl Verifier for Ed448Verifier {
    fn verify(&self, message: &[&[u8]], signature: &[u8]) -> Result<(), CryptoError> {
        if self.0.verify_raw(signature, &message.concat()) {
            Ok(())
        } else {
            Err(CryptoError::InvalidSignature)
        }
    }
}
