//! Four DHKEMs of RFC 9180 over AWS-LC's groups. The KEM itself is [`pleach_crypto::dhkem`].
//!
//! A parsed key is AWS-LC's, by reference count. A private key knows its public key from when it is parsed; the public key of a
//! peer is checked to be on its curve when it is parsed, by `EC_KEY_check_key`, and not again.

use crate::hash::{HKDF_SHA256, HKDF_SHA384, HKDF_SHA512};
use aws_lc_rs::agreement::{
    self, Algorithm, ParsedPublicKey, ParsedPublicKeyFormat, PrivateKey, UnparsedPublicKey, agree,
};
use pleach_crypto::dhkem::{Curve, DhGroup, DhKem};
use pleach_crypto::{CryptoError, Secret};

/// DHKEM(P-256, HKDF-SHA256).
pub static DHKEM_P256: DhKem<P256> = DhKem::new(P256, &HKDF_SHA256);
/// DHKEM(P-384, HKDF-SHA384).
pub static DHKEM_P384: DhKem<P384> = DhKem::new(P384, &HKDF_SHA384);
/// DHKEM(P-521, HKDF-SHA512).
pub static DHKEM_P521: DhKem<P521> = DhKem::new(P521, &HKDF_SHA512);
/// DHKEM(X25519, HKDF-SHA256).
pub static DHKEM_X25519: DhKem<X25519> = DhKem::new(X25519, &HKDF_SHA256);

macro_rules! group {
    ($(#[$doc:meta])* $name:ident, $algorithm:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl DhGroup for $name {
            const CURVE: Curve = Curve::$name;
            type Public = ParsedPublicKey;
            type Private = PrivateKey;

            fn parse_public(&self, bytes: &[u8]) -> Result<ParsedPublicKey, CryptoError> {
                parse_public(&agreement::$algorithm, bytes)
            }

            fn parse_private(&self, bytes: &Secret) -> Result<PrivateKey, CryptoError> {
                PrivateKey::from_private_key(&agreement::$algorithm, bytes.as_bytes())
                    .map_err(|_| CryptoError::InvalidPrivateKey)
            }

            fn public(&self, private: &PrivateKey) -> Result<Vec<u8>, CryptoError> {
                let public = private.compute_public_key().map_err(|_| CryptoError::Backend("public key"))?;
                Ok(public.as_ref().to_vec())
            }

            fn diffie_hellman(
                &self,
                private: &PrivateKey,
                public: &ParsedPublicKey,
            ) -> Result<Secret, CryptoError> {
                agree(private, public.clone(), Refused, |dh| Ok(Secret::copy_from(dh)))
                    .or_else(|Refused| refused(Self::CURVE, public))
            }
        }
    };
}

group! {
    /// X25519 by AWS-LC.
    X25519, X25519
}
group! {
    /// ECDH on P-256 by AWS-LC.
    P256, ECDH_P256
}
group! {
    /// ECDH on P-384 by AWS-LC.
    P384, ECDH_P384
}
group! {
    /// ECDH on P-521 by AWS-LC.
    P521, ECDH_P521
}

fn parse_public(algorithm: &'static Algorithm, bytes: &[u8]) -> Result<ParsedPublicKey, CryptoError> {
    // R013: on the curve; and only uncompressed, where `aws-lc-rs` alone takes all forms, and X.509 as well.
    ParsedPublicKey::try_from(UnparsedPublicKey::new(algorithm, bytes))
        .ok()
        .filter(|key| {
            matches!(key.format(), ParsedPublicKeyFormat::Raw | ParsedPublicKeyFormat::Uncompressed)
        })
        .ok_or(CryptoError::InvalidPublicKey)
}

struct Refused;

/// AWS-LC gives no all-zero result, but an error. [`DhGroup`] promises the result, and the KEM above it refuses it (R014): DHKEM
/// and X-Wing both have refused the key already, so only who uses the group by itself comes here.
fn refused(curve: Curve, public: &ParsedPublicKey) -> Result<Secret, CryptoError> {
    let is_low_order = matches!(curve, Curve::X25519) && curve.check_public(public.as_ref()).is_err();
    if is_low_order { Ok(Secret::zero(curve.private_len())) } else { Err(CryptoError::Backend("ECDH")) }
}
