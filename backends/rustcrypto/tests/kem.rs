//! The DHKEMs: rejection sampling, and that the points of low order are those. The rest is in the suite.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{hex, secret};
use pleach_crypto::dhkem::{DhGroup, DhKem};
use pleach_crypto::hpke::{labeled_expand, labeled_extract};
use pleach_crypto::{CryptoError, Kem};
use pleach_rustcrypto::{DHKEM_P256, DHKEM_X448, DHKEM_X25519, HKDF_SHA256, SystemRandom, X448, X25519};

/// An input whose first candidate for P-256 is not below the group's order, so that the second is taken.
#[test]
fn derivation_samples_again_after_a_rejection() {
    let ikm = secret("68706b652d656467652d703235362d72656a656374696f6e00000001c6be4ce7");
    let id = *b"KEM\x00\x10";
    let prk = labeled_extract(&HKDF_SHA256, &id, b"", b"dkp_prk", &[ikm.as_bytes()]);
    let candidate = |n| labeled_expand(&HKDF_SHA256, &id, &prk, b"candidate", &[&[n]], 32).unwrap();
    assert_eq!(DHKEM_P256.load_private(&candidate(0)).unwrap_err(), CryptoError::InvalidPrivateKey);
    assert_eq!(DHKEM_P256.derive_key_pair(&ikm).unwrap().private, candidate(1));
}

/// Public keys are refused when loaded, and as an encapsulated key.
fn refused(kem: &dyn Kem, public: &[u8]) {
    assert_eq!(kem.load_public(public).unwrap_err(), CryptoError::InvalidPublicKey, "{public:02x?}");
    let pair = kem.generate_key_pair(&SystemRandom).unwrap();
    let private = kem.load_private(&pair.private).unwrap();
    assert_eq!(private.decap(public), Err(CryptoError::InvalidEncapsulation), "{public:02x?}");
}

fn low_order_is_zero_and_refused<G: DhGroup>(group: G, kem: &DhKem<G>, points: &[Vec<u8>]) {
    let private = kem.generate_key_pair(&SystemRandom).unwrap().private;
    for point in points {
        let (private, public) = (group.parse_private(&private).unwrap(), group.parse_public(point).unwrap());
        let dh = group.diffie_hellman(&private, &public).unwrap();
        assert_eq!(dh.as_bytes(), vec![0; dh.len()], "{point:02x?} is not of low order");
        refused(kem, point);
    }
}

// breaks: R014
#[test]
fn low_order_points_of_x25519_are_refused() {
    let mut points = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ]
    .map(hex)
    .to_vec();
    for mut point in points.clone() {
        point[31] |= 0x80; // X25519 ignores the top bit
        points.push(point);
    }
    low_order_is_zero_and_refused(X25519, &DHKEM_X25519, &points);
}

// breaks: R014
#[test]
fn low_order_points_of_x448_are_refused() {
    let ends =
        [("00", "00", "00"), ("01", "00", "00"), ("fe", "ff", "fe"), ("ff", "ff", "fe"), ("00", "00", "ff")];
    let points = ends.map(|(first, low, middle)| {
        let high = if middle == "00" { "00" } else { "ff" };
        hex(&format!("{first}{}{middle}{}", low.repeat(27), high.repeat(27)))
    });
    low_order_is_zero_and_refused(X448, &DHKEM_X448, &points);
}
