//! X25519 with points of low order by the group itself: AWS-LC has an error for what [`DhGroup`] promises to give out. That a KEM
//! refuses them is in the suite.

use pleach_aws_lc::X25519;
use pleach_crypto::Secret;
use pleach_crypto::dhkem::DhGroup;

/// One of the two points of order 8.
const ORDER_8: [u8; 32] = [
    0xE0, 0xEB, 0x7A, 0x7C, 0x3B, 0x41, 0xB8, 0xAE, 0x16, 0x56, 0xE3, 0xFA, 0xF1, 0x9F, 0xC4, 0x6A, 0xDA,
    0x09, 0x8D, 0xEB, 0x9C, 0x32, 0xB1, 0xFD, 0x86, 0x62, 0x05, 0x16, 0x5F, 0x49, 0xB8, 0x00,
];

// breaks: R014
#[test]
fn the_group_gives_the_all_zero_result() {
    let private = X25519.parse_private(&Secret::copy_from(&[7; 32])).unwrap();
    for mut point in [[0; 32], ORDER_8] {
        for top_bit in [0, 0x80] {
            point[31] |= top_bit; // X25519 ignores it
            let public = X25519.parse_public(&point).unwrap();
            assert_eq!(X25519.diffie_hellman(&private, &public).unwrap().as_bytes(), [0; 32]);
        }
    }
}
