//! The five DHKEMs of RFC 9180 over `x25519-dalek`, `crrl` (X448) and `p256`, `p384`, `p521`. The KEM itself is
//! [`pleach_crypto::dhkem`]; here are the groups.
//!
//! Constant time: dalek and RustCrypto are by their documentation, crrl's X448 is. Private keys are zeroized on drop.

use pleach_crypto::dhkem::{Curve, DhGroup};
use pleach_crypto::{CryptoError, Secret};

#[cfg(feature = "suites")]
mod kems {
    use super::{P256, P384, P521, X448, X25519};
    use crate::hash::{HKDF_SHA256, HKDF_SHA384, HKDF_SHA512};
    use pleach_crypto::dhkem::DhKem;

    /// DHKEM(P-256, HKDF-SHA256).
    pub static DHKEM_P256: DhKem<P256> = DhKem::new(P256, &HKDF_SHA256);
    /// DHKEM(P-384, HKDF-SHA384).
    pub static DHKEM_P384: DhKem<P384> = DhKem::new(P384, &HKDF_SHA384);
    /// DHKEM(P-521, HKDF-SHA512).
    pub static DHKEM_P521: DhKem<P521> = DhKem::new(P521, &HKDF_SHA512);
    /// DHKEM(X25519, HKDF-SHA256).
    pub static DHKEM_X25519: DhKem<X25519> = DhKem::new(X25519, &HKDF_SHA256);
    /// DHKEM(X448, HKDF-SHA512).
    pub static DHKEM_X448: DhKem<X448> = DhKem::new(X448, &HKDF_SHA512);
}
#[cfg(feature = "suites")]
pub use kems::{DHKEM_P256, DHKEM_P384, DHKEM_P521, DHKEM_X448, DHKEM_X25519};

/// X25519 by `x25519-dalek`.
#[cfg(feature = "x25519")]
#[derive(Debug, Clone, Copy)]
pub struct X25519;

#[cfg(feature = "x25519")]
impl DhGroup for X25519 {
    const CURVE: Curve = Curve::X25519;
    type Public = x25519_dalek::PublicKey;
    type Private = x25519_dalek::StaticSecret;

    fn parse_public(&self, bytes: &[u8]) -> Result<Self::Public, CryptoError> {
        <[u8; 32]>::try_from(bytes).map(Into::into).map_err(|_| CryptoError::InvalidPublicKey)
    }

    fn parse_private(&self, bytes: &Secret) -> Result<Self::Private, CryptoError> {
        let bytes = zeroize::Zeroizing::new(private_array::<32>(bytes)?);
        Ok(x25519_dalek::StaticSecret::from(*bytes))
    }

    fn public(&self, private: &Self::Private) -> Result<Vec<u8>, CryptoError> {
        Ok(x25519_dalek::PublicKey::from(private).as_bytes().to_vec())
    }

    fn diffie_hellman(&self, private: &Self::Private, public: &Self::Public) -> Result<Secret, CryptoError> {
        Ok(Secret::copy_from(private.diffie_hellman(public).as_bytes()))
    }
}

/// X448 by `crrl`.
#[cfg(feature = "suites")]
#[derive(Debug, Clone, Copy)]
pub struct X448;

#[cfg(feature = "suites")]
impl DhGroup for X448 {
    const CURVE: Curve = Curve::X448;
    type Public = [u8; 56];
    type Private = zeroize::Zeroizing<[u8; 56]>;

    fn parse_public(&self, bytes: &[u8]) -> Result<Self::Public, CryptoError> {
        bytes.try_into().map_err(|_| CryptoError::InvalidPublicKey)
    }

    fn parse_private(&self, bytes: &Secret) -> Result<Self::Private, CryptoError> {
        private_array(bytes).map(zeroize::Zeroizing::new)
    }

    fn public(&self, private: &Self::Private) -> Result<Vec<u8>, CryptoError> {
        Ok(crrl::x448::x448_base(private).to_vec())
    }

    fn diffie_hellman(&self, private: &Self::Private, public: &Self::Public) -> Result<Secret, CryptoError> {
        let shared = zeroize::Zeroizing::new(crrl::x448::x448(public, private));
        Ok(Secret::copy_from(shared.as_slice()))
    }
}

#[cfg(feature = "x25519")]
fn private_array<const N: usize>(bytes: &Secret) -> Result<[u8; N], CryptoError> {
    bytes.as_bytes().try_into().map_err(|_| CryptoError::InvalidPrivateKey)
}

#[cfg(any(feature = "p256", feature = "p384"))]
macro_rules! nist {
    ($(#[$doc:meta])* $name:ident, $krate:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl DhGroup for $name {
            const CURVE: Curve = Curve::$name;
            type Public = $krate::PublicKey;
            type Private = $krate::SecretKey;

            fn parse_public(&self, bytes: &[u8]) -> Result<Self::Public, CryptoError> {
                $krate::PublicKey::from_sec1_bytes(bytes).map_err(|_| CryptoError::InvalidPublicKey) // R013
            }

            fn parse_private(&self, bytes: &Secret) -> Result<Self::Private, CryptoError> {
                $krate::SecretKey::from_slice(bytes.as_bytes()).map_err(|_| CryptoError::InvalidPrivateKey)
            }

            fn public(&self, private: &Self::Private) -> Result<Vec<u8>, CryptoError> {
                use $krate::elliptic_curve::sec1::ToSec1Point;
                Ok(private.public_key().to_sec1_point(false).as_bytes().to_vec())
            }

            fn diffie_hellman(
                &self,
                private: &Self::Private,
                public: &Self::Public,
            ) -> Result<Secret, CryptoError> {
                let mut scalar = private.to_nonzero_scalar();
                let shared = $krate::ecdh::diffie_hellman(&scalar, public.as_affine());
                zeroize::Zeroize::zeroize(&mut scalar);
                Ok(Secret::copy_from(shared.raw_secret_bytes()))
            }
        }
    };
}

#[cfg(feature = "p256")]
nist! {
    /// ECDH on P-256 by `p256`.
    P256, p256
}
#[cfg(feature = "p384")]
nist! {
    /// ECDH on P-384 by `p384`.
    P384, p384
}
#[cfg(feature = "suites")]
nist! {
    /// ECDH on P-521 by `p521`.
    P521, p521
}
