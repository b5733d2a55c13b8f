//! X25519 and the points of low order: refused as keys (R014), and an all-zero result for whoever uses the group itself.

use pleach_crypto::dhkem::DhGroup;
use pleach_crypto::{CryptoError, Kem};
use pleach_ring::{DHKEM_X25519, SystemRandom, X25519};

// breaks: R014
#[test]
fn low_order_points_are_refused() {
    let points = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    let pair = DHKEM_X25519.generate_key_pair(&SystemRandom).unwrap();
    for point in points {
        for top_bit in [0, 0x80] {
            let mut point = hex::decode(point).unwrap();
            point[31] |= top_bit; // X25519 ignores it
            assert_eq!(DHKEM_X25519.load_public(&point).unwrap_err(), CryptoError::InvalidPublicKey);
            let decapsulated = DHKEM_X25519.load_private(&pair.private).unwrap().decap(&point);
            assert_eq!(decapsulated, Err(CryptoError::InvalidEncapsulation));
            let (private, public) =
                (X25519.parse_private(&pair.private).unwrap(), X25519.parse_public(&point).unwrap());
            assert_eq!(X25519.diffie_hellman(&private, &public).unwrap().as_bytes(), [0; 32]);
        }
    }
}

/// Points next to those of low order are keys: the refusal is exact.
#[test]
fn neighbours_of_low_order_points_are_keys() {
    for byte in [2, 3, 9] {
        for at in [0, 31] {
            let mut point = [0; 32];
            point[at] = byte;
            DHKEM_X25519.load_public(&point).unwrap().encap(&SystemRandom).unwrap();
        }
    }
}
