//! What DHKEM checks whatever the backend's group lets through.

use pleach_crypto::dhkem::{Curve, DhGroup, DhKem};
use pleach_crypto::{CryptoError, Kem, Secret};
use pleach_rustcrypto::{HKDF_SHA256, SystemRandom};

/// A group whose every Diffie-Hellman result is zero and that takes every key.
#[derive(Debug, Clone, Copy)]
struct Zero<const X25519: bool>;

impl<const X25519: bool> DhGroup for Zero<X25519> {
    const CURVE: Curve = if X25519 { Curve::X25519 } else { Curve::P256 };
    type Public = ();
    type Private = ();

    fn parse_public(&self, _: &[u8]) -> Result<(), CryptoError> {
        Ok(())
    }

    fn parse_private(&self, _: &Secret) -> Result<(), CryptoError> {
        Ok(())
    }

    fn public(&self, (): &()) -> Result<Vec<u8>, CryptoError> {
        let mut public = vec![9; Self::CURVE.public_len()];
        public[0] = 4;
        Ok(public)
    }

    fn diffie_hellman(&self, (): &(), (): &()) -> Result<Secret, CryptoError> {
        Ok(Secret::zero(32))
    }
}

// breaks: R014
#[test]
fn an_all_zero_result_of_x25519_is_refused() {
    let kem = DhKem::new(Zero::<true>, &HKDF_SHA256);
    let pair = kem.generate_key_pair(&SystemRandom).unwrap();
    let public = kem.load_public(&pair.public).unwrap();
    assert_eq!(public.encap(&SystemRandom).unwrap_err(), CryptoError::InvalidPublicKey);
    let private = kem.load_private(&pair.private).unwrap();
    assert_eq!(private.decap(&pair.public), Err(CryptoError::InvalidEncapsulation));
}

/// On a NIST curve zero is an x-coordinate like any other (RFC 9180 §7.1.4).
#[test]
fn an_all_zero_result_of_a_nist_curve_is_a_result() {
    let kem = DhKem::new(Zero::<false>, &HKDF_SHA256);
    let pair = kem.generate_key_pair(&SystemRandom).unwrap();
    let (shared, enc) = kem.load_public(&pair.public).unwrap().encap(&SystemRandom).unwrap();
    assert_eq!(kem.load_private(&pair.private).unwrap().decap(&enc).unwrap(), shared);
}

// breaks: R013, R014
#[test]
fn form_and_length_are_checked_before_the_backend_sees_the_key() {
    let kem = DhKem::new(Zero::<false>, &HKDF_SHA256);
    for bad in [vec![], vec![4; 64], vec![4; 66], vec![3; 65], vec![6; 65], vec![3; 33]] {
        assert_eq!(kem.load_public(&bad).unwrap_err(), CryptoError::InvalidPublicKey);
    }
    for len in [0, 31, 33] {
        assert_eq!(kem.load_private(&Secret::zero(len)).unwrap_err(), CryptoError::InvalidPrivateKey);
    }
}

#[test]
fn the_lengths_are_those_of_rfc9180() {
    for (curve, public, private) in [
        (Curve::P256, 65, 32),
        (Curve::P384, 97, 48),
        (Curve::P521, 133, 66),
        (Curve::X25519, 32, 32),
        (Curve::X448, 56, 56),
    ] {
        assert_eq!((curve.public_len(), curve.private_len()), (public, private));
    }
}
