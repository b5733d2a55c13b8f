//! ML-DSA (FIPS 204) by AWS-LC: pure, with an empty context, seeds as private keys, as in [`crate::MlDsa`].
//!
//! A loaded signer holds AWS-LC's expanded key, which AWS-LC wipes when it frees it. A message in parts is copied together once.

use crate::ml_dsa::SEED_LEN;
use aws_lc_rs::signature::{
    KeyPair, ML_DSA_44 as VERIFY_44, ML_DSA_44_SIGNING, ML_DSA_65 as VERIFY_65, ML_DSA_65_SIGNING,
    ML_DSA_87 as VERIFY_87, ML_DSA_87_SIGNING, ParsedPublicKey, PqdsaKeyPair, PqdsaSigningAlgorithm,
    VerificationAlgorithm,
};
use pleach_crypto::{
    CryptoError, Secret, SecureRandom, Signature, SignatureKeyPair, SignatureScheme, Signer, Verifier,
};
use std::borrow::Cow;

/// ML-DSA by AWS-LC.
///
/// Signing is the hedged variant: AWS-LC mixes randomness of its own generator into each signature, so that a fault or a
/// measurement cannot be repeated on the same values. A [`SecureRandom`] is asked for new keys only.
#[derive(Debug, Clone, Copy)]
pub struct MlDsa {
    scheme: SignatureScheme,
    signing: &'static PqdsaSigningAlgorithm,
    verification: &'static dyn VerificationAlgorithm,
    signature_len: usize,
    public_len: usize,
}

/// ML-DSA-44.
pub static ML_DSA_44: MlDsa = MlDsa {
    scheme: SignatureScheme::MLDSA44,
    signing: &ML_DSA_44_SIGNING,
    verification: &VERIFY_44,
    signature_len: 2420,
    public_len: 1312,
};
/// ML-DSA-65.
pub static ML_DSA_65: MlDsa = MlDsa {
    scheme: SignatureScheme::MLDSA65,
    signing: &ML_DSA_65_SIGNING,
    verification: &VERIFY_65,
    signature_len: 3309,
    public_len: 1952,
};
/// ML-DSA-87.
pub static ML_DSA_87: MlDsa = MlDsa {
    scheme: SignatureScheme::MLDSA87,
    signing: &ML_DSA_87_SIGNING,
    verification: &VERIFY_87,
    signature_len: 4627,
    public_len: 2592,
};

impl MlDsa {
    fn expand(&self, private: &Secret) -> Result<PqdsaKeyPair, CryptoError> {
        if private.len() != SEED_LEN {
            return Err(CryptoError::InvalidPrivateKey);
        }
        PqdsaKeyPair::from_seed(self.signing, private.as_bytes())
            .map_err(|_| CryptoError::Backend("ML-DSA key"))
    }
}

impl Signature for MlDsa {
    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }

    fn generate_key_pair(&self, rng: &dyn SecureRandom) -> Result<SignatureKeyPair, CryptoError> {
        let private = rng.secret(SEED_LEN)?;
        let public = self.expand(&private)?.public_key().as_ref().to_vec();
        Ok(SignatureKeyPair { private, public })
    }

    fn load_signer(&self, private: &Secret) -> Result<Box<dyn Signer>, CryptoError> {
        Ok(Box::new(MlDsaSigner { of: *self, key: self.expand(private)? }))
    }

    fn load_verifier(&self, public: &[u8]) -> Result<Box<dyn Verifier>, CryptoError> {
        // R013: AWS-LC alone would take X.509 as well, which is longer.
        if public.len() != self.public_len {
            return Err(CryptoError::InvalidPublicKey);
        }
        let key =
            ParsedPublicKey::new(self.verification, public).map_err(|_| CryptoError::InvalidPublicKey)?;
        Ok(Box::new(MlDsaVerifier { of: *self, key }))
    }
}

/// AWS-LC's key pair redacts itself.
#[derive(Debug)]
struct MlDsaSigner {
    of: MlDsa,
    key: PqdsaKeyPair,
}

impl Signer for MlDsaSigner {
    fn scheme(&self) -> SignatureScheme {
        self.of.scheme
    }

    fn public(&self) -> &[u8] {
        self.key.public_key().as_ref()
    }

    fn sign(&self, message: &[&[u8]]) -> Result<Vec<u8>, CryptoError> {
        let mut signature = vec![0; self.of.signature_len];
        self.key.sign(&whole(message), &mut signature).map_err(|_| CryptoError::Backend("ML-DSA signing"))?;
        Ok(signature)
    }
}

#[derive(Debug)]
struct MlDsaVerifier {
    of: MlDsa,
    key: ParsedPublicKey,
}

impl Verifier for MlDsaVerifier {
    fn verify(&self, message: &[&[u8]], signature: &[u8]) -> Result<(), CryptoError> {
        // R016: AWS-LC checks the length as well.
        if signature.len() != self.of.signature_len {
            return Err(CryptoError::InvalidSignature);
        }
        self.key.verify_sig(&whole(message), signature).map_err(|_| CryptoError::InvalidSignature)
    }
}

/// The message in one piece; copied only if it is in several.
fn whole<'a>(message: &[&'a [u8]]) -> Cow<'a, [u8]> {
    match message {
        [] => Cow::Borrowed(&[]),
        [one] => Cow::Borrowed(one),
        parts => Cow::Owned(parts.concat()),
    }
}
