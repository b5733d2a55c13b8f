//! The five DHKEMs: derivation against published values, and every kind of bad key.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;
mod listed;

use common::{hex, secret};
use listed::Listed;
use pleach_crypto::dhkem::{DhGroup, DhKem};
use pleach_crypto::hpke::{labeled_expand, labeled_extract};
use pleach_crypto::{CryptoError, Kem, Secret};
use pleach_rustcrypto::{
    DHKEM_P256, DHKEM_P384, DHKEM_P521, DHKEM_X448, DHKEM_X25519, HKDF_SHA256, SystemRandom, X448, X25519,
};

const NIST: [&dyn Kem; 3] = [&DHKEM_P256, &DHKEM_P384, &DHKEM_P521];
const ALL: [&dyn Kem; 5] = [&DHKEM_P256, &DHKEM_P384, &DHKEM_P521, &DHKEM_X25519, &DHKEM_X448];

#[test]
fn both_sides_get_the_same_secret_and_nobody_else() {
    for kem in ALL {
        let pair = kem.generate_key_pair(&SystemRandom).unwrap();
        let other = kem.generate_key_pair(&SystemRandom).unwrap();
        assert_eq!((pair.public.len(), pair.private.len()), (kem.public_len(), kem.private_len()));
        let private = kem.load_private(&pair.private).unwrap();
        assert_eq!(private.public(), pair.public);
        let (shared, enc) = kem.load_public(&pair.public).unwrap().encap(&SystemRandom).unwrap();
        assert_eq!(enc.len(), kem.enc_len());
        assert_eq!(private.decap(&enc).unwrap(), shared);
        assert_ne!(kem.load_private(&other.private).unwrap().decap(&enc).unwrap(), shared);
        let (again, _) = kem.load_public(&pair.public).unwrap().encap(&SystemRandom).unwrap();
        assert_ne!(again, shared);
    }
}

#[test]
fn a_key_does_not_show_itself() {
    for kem in ALL {
        let pair = kem.generate_key_pair(&SystemRandom).unwrap();
        let shown = format!("{:?} {pair:?}", kem.load_private(&pair.private).unwrap());
        assert!(!shown.contains(&hex::encode(pair.private.as_bytes())), "{shown}");
        assert!(!shown.contains(&format!("{:?}", pair.private.as_bytes())), "{shown}");
    }
}

#[test]
fn no_key_without_randomness() {
    for kem in ALL {
        let pair = kem.generate_key_pair(&SystemRandom).unwrap();
        let none = Listed::new(&[]);
        assert_eq!(kem.generate_key_pair(&none), Err(CryptoError::RandomUnavailable));
        let encapsulated = kem.load_public(&pair.public).unwrap().encap(&none);
        assert_eq!(encapsulated.unwrap_err(), CryptoError::RandomUnavailable);
    }
}

/// RFC 9180 A.1.1.
#[test]
fn derives_the_keys_of_rfc9180() {
    let ikm = secret("7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234");
    let pair = DHKEM_X25519.derive_key_pair(&ikm).unwrap();
    let private = hex("52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736");
    assert_eq!(pair.private.as_bytes(), private);
    assert_eq!(pair.public, hex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"));
}

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

// breaks: R013, R014
#[test]
fn only_uncompressed_points_of_the_curve_are_keys() {
    for kem in NIST {
        let point = kem.generate_key_pair(&SystemRandom).unwrap().public;
        let (x, y) = point[1..].split_at((kem.public_len() - 1) / 2);
        let odd = y.last().unwrap() & 1;
        refused(kem, &[&[2 + odd], x].concat()); // compressed
        refused(kem, &[&[2 + odd], x, y].concat());
        refused(kem, &[&[5], x].concat()); // compact
        refused(kem, &[&[6 + odd], x, y].concat()); // hybrid
        refused(kem, &[x, y].concat()); // no prefix
        refused(kem, &[0]); // the point at infinity
        refused(kem, &[&[4], y, x].concat()); // off the curve
        let mut moved = point.clone();
        *moved.last_mut().unwrap() ^= 1;
        refused(kem, &moved);
        refused(kem, &[&[4][..], &vec![0; 2 * x.len()]].concat());
        refused(kem, &[&[4][..], &vec![0xFF; 2 * x.len()]].concat()); // coordinates beyond the field
    }
}

// breaks: R013, R014
#[test]
fn keys_of_another_length_are_refused() {
    for kem in ALL {
        let pair = kem.generate_key_pair(&SystemRandom).unwrap();
        for len in (0..kem.public_len()).chain([kem.public_len() + 1, kem.public_len() * 2]) {
            let mut public = pair.public.clone();
            public.resize(len, 1);
            refused(kem, &public);
        }
        for len in (0..kem.private_len()).chain([kem.private_len() + 1, kem.private_len() * 2]) {
            let mut private = pair.private.as_bytes().to_vec();
            private.resize(len, 1);
            let loaded = kem.load_private(&Secret::from(private));
            assert_eq!(loaded.unwrap_err(), CryptoError::InvalidPrivateKey, "{len}");
        }
    }
}

#[test]
fn scalars_are_at_least_one_and_below_the_order() {
    let orders = [
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
        "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa
         51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
    ];
    for (kem, order) in NIST.into_iter().zip(orders) {
        let mut below = hex(order);
        *below.last_mut().unwrap() -= 1;
        assert!(kem.load_private(&Secret::from(below)).is_ok());
        for bad in [vec![0; kem.private_len()], hex(order), vec![0xFF; kem.private_len()]] {
            assert_eq!(kem.load_private(&Secret::from(bad)).unwrap_err(), CryptoError::InvalidPrivateKey);
        }
    }
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

/// Points next to those of low order are keys: the refusal is exact.
#[test]
fn neighbours_of_low_order_points_are_keys() {
    for byte in [2, 3, 9] {
        let mut bytes = [0; 56];
        bytes[0] = byte;
        for (kem, len) in [(&DHKEM_X25519 as &dyn Kem, 32), (&DHKEM_X448, 56)] {
            kem.load_public(&bytes[..len]).unwrap().encap(&SystemRandom).unwrap();
            bytes[len - 1] = 1;
            bytes[0] = 0;
            kem.load_public(&bytes[..len]).unwrap().encap(&SystemRandom).unwrap();
            (bytes[0], bytes[len - 1]) = (byte, 0);
        }
    }
}
