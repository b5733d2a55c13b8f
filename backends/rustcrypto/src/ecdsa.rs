//! ECDSA on the NIST curves, each with the SHA-2 of its suite, by `p256`, `p384` and `p521`.
//!
//! Signatures are DER `ECDSA-Sig-Value`s, strictly (R016), public keys uncompressed points (R013), private keys big-endian scalars in
//! the length of a field element. Nonces are deterministic (RFC 6979). High and low `s` are both accepted, as the RFC has it.

use pleach_crypto::{
    CryptoError, Secret, SecureRandom, Signature, SignatureKeyPair, SignatureScheme, Signer, Verifier,
};

/// A random candidate is no valid scalar with a probability of at most 2^-32 (P-256) if the randomness is good.
const ATTEMPTS: usize = 64;

macro_rules! ecdsa {
    ($(#[$doc:meta])* $name:ident, $konst:ident, $krate:ident, $scheme:ident, len $len:literal, mask $mask:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        $(#[$doc])*
        pub static $konst: $name = $name;

        const _: () = {
            use $krate::ecdsa::signature::{MultipartSigner, MultipartVerifier};
            use $krate::ecdsa::{Signature as EcdsaSignature, SigningKey, VerifyingKey};

            impl Signature for $name {
                fn scheme(&self) -> SignatureScheme {
                    SignatureScheme::$scheme
                }

                fn generate_key_pair(&self, rng: &dyn SecureRandom) -> Result<SignatureKeyPair, CryptoError> {
                    for _ in 0..ATTEMPTS {
                        let mut private = rng.secret($len)?;
                        if let Some(first) = private.as_mut_bytes().first_mut() {
                            *first &= $mask;
                        }
                        if let Ok(signer) = EcdsaSigner::new(&private) {
                            return Ok(SignatureKeyPair { private, public: signer.public });
                        }
                    }
                    Err(CryptoError::RandomUnavailable)
                }

                fn load_signer(&self, private: &Secret) -> Result<Box<dyn Signer>, CryptoError> {
                    Ok(Box::new(EcdsaSigner::new(private)?))
                }

                fn load_verifier(&self, public: &[u8]) -> Result<Box<dyn Verifier>, CryptoError> {
                    // R013: only uncompressed; the crate alone would take other forms as well.
                    if public.len() != 1 + 2 * $len || public.first() != Some(&4) {
                        return Err(CryptoError::InvalidPublicKey);
                    }
                    VerifyingKey::from_sec1_bytes(public)
                        .map(|key| Box::new(EcdsaVerifier(key)) as _)
                        .map_err(|_| CryptoError::InvalidPublicKey)
                }
            }

            /// The crate wipes the scalar on drop and redacts it.
            #[derive(Debug)]
            struct EcdsaSigner {
                key: SigningKey,
                public: Vec<u8>,
            }

            impl EcdsaSigner {
                fn new(private: &Secret) -> Result<Self, CryptoError> {
                    if private.len() != $len {
                        return Err(CryptoError::InvalidPrivateKey);
                    }
                    let key = SigningKey::from_slice(private.as_bytes())
                        .map_err(|_| CryptoError::InvalidPrivateKey)?;
                    let public = key.verifying_key().to_sec1_point(false).as_bytes().to_vec();
                    Ok(Self { key, public })
                }
            }

            impl Signer for EcdsaSigner {
                fn scheme(&self) -> SignatureScheme {
                    SignatureScheme::$scheme
                }

                fn public(&self) -> &[u8] {
                    &self.public
                }

                fn sign(&self, message: &[&[u8]]) -> Result<Vec<u8>, CryptoError> {
                    let signature: EcdsaSignature = self
                        .key
                        .try_multipart_sign(message)
                        .map_err(|_| CryptoError::Backend("ECDSA signing"))?;
                    Ok(signature.to_der().as_bytes().to_vec())
                }
            }

            #[derive(Debug)]
            struct EcdsaVerifier(VerifyingKey);

            impl Verifier for EcdsaVerifier {
                fn verify(&self, message: &[&[u8]], signature: &[u8]) -> Result<(), CryptoError> {
                    let signature =
                        EcdsaSignature::from_der(signature).map_err(|_| CryptoError::InvalidSignature)?; // R016
                    self.0.multipart_verify(message, &signature).map_err(|_| CryptoError::InvalidSignature)
                }
            }
        };
    };
}

ecdsa! {
    /// ECDSA on P-256 with SHA-256.
    EcdsaP256, ECDSA_P256, p256, ECDSA_SECP256R1_SHA256, len 32, mask 0xFF
}
ecdsa! {
    /// ECDSA on P-384 with SHA-384.
    EcdsaP384, ECDSA_P384, p384, ECDSA_SECP384R1_SHA384, len 48, mask 0xFF
}
ecdsa! {
    /// ECDSA on P-521 with SHA-512.
    EcdsaP521, ECDSA_P521, p521, ECDSA_SECP521R1_SHA512, len 66, mask 0x01
}
