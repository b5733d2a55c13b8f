//! Ed448: vectors of RFC 8032, and the acceptance rule at its edges.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{hex, secret};
use crrl::ed448::{Point, Scalar};
use pleach_crypto::{CryptoError, Secret, Signature, Signed};
use pleach_rustcrypto::{ED448, SystemRandom};
use shake::Shake256;
use shake::digest::{ExtendableOutput, Update, XofReader};

#[test]
fn vectors_of_rfc8032() {
    for [private, public, message, signature] in [
        [
            "6c82a562cb808d10d632be89c8513ebf6c929f34ddfa8c9f63c9960ef6e348a3528c8a3fcc2f044e39a3fc5b94492f8f032e7549a20098f95b",
            "5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778edf124769b46c7061bd6783df1e50f6cd1fa1abeafe8256180",
            "",
            "533a37f6bbe457251f023c0d88f976ae2dfb504a843e34d2074fd823d41a591f2b233f034f628281f2fd7a22ddd47d7828c59bd0a21bfd3980
             ff0d2028d4b18a9df63e006c5d1c2d345b925d8dc00b4104852db99ac5c7cdda8530a113a0f4dbb61149f05a7363268c71d95808ff2e652600",
        ],
        [
            "c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463afbea67c5e8d2877c5e3bc397a659949ef8021e954e0a12274e",
            "43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c0866aea01eb00742802b8438ea4cb82169c235160627b4c3a9480",
            "03",
            "26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f4352541b143c4b981b7e18f62de8ccdf633fc1bf037ab7cd77980
             5e0dbcc0aae1cbcee1afb2e027df36bc04dcecbf154336c19f0af7e0a6472905e799f1953d2a0ff3348ab21aa4adafd1d234441cf807c03a00",
        ],
    ] {
        let signer = ED448.load_signer(&secret(private)).unwrap();
        assert_eq!(signer.public(), hex(public));
        assert_eq!(signer.sign(&[b"", &hex(message)]).unwrap(), hex(signature));
        ED448.load_verifier(&hex(public)).unwrap().verify(&[&hex(message), b""], &hex(signature)).unwrap();
    }
}

const MESSAGE: &[u8] = b"message";

/// A public key and a signature over [`MESSAGE`], solving for `S` with the key `aB` (plus torsion) encoded as `public`, and
/// `R = rB` (plus torsion) encoded as `r_bytes`.
fn solve(a: Scalar, public: [u8; 57], r: Scalar, r_bytes: [u8; 57]) -> ([u8; 57], Vec<u8>) {
    let mut hash = Shake256::default();
    for part in [b"SigEd448\x00\x00", &r_bytes[..], &public, MESSAGE] {
        hash.update(part);
    }
    let mut k = [0; 114];
    hash.finalize_xof().read(&mut k);
    let s = r + Scalar::decode_reduce(&k) * a;
    (public, [&r_bytes[..], &s.encode(), &[0]].concat())
}

/// The verdict alone and in a batch, which must agree.
fn accepted((public, signature): &([u8; 57], Vec<u8>)) -> bool {
    let alone = ED448.load_verifier(public).and_then(|key| key.verify(&[MESSAGE], signature)).is_ok();
    let (good_public, good_signature) = honest();
    let good = Signed { public: &good_public, message: &[MESSAGE], signature: &good_signature };
    let batch = [good, Signed { public, message: &[MESSAGE], signature }, good];
    assert_eq!(ED448.verify_batch(&batch, &SystemRandom).is_ok(), alone);
    alone
}

fn honest() -> ([u8; 57], Vec<u8>) {
    let signer = ED448.load_signer(&Secret::from_fn(57, |out| out.fill(7))).unwrap();
    (signer.public().try_into().unwrap(), signer.sign(&[MESSAGE]).unwrap())
}

fn scalar(seed: u8) -> Scalar {
    Scalar::decode_reduce(&[seed; 80])
}

/// The four points of small order, canonically encoded: (0, 1), (0, -1), (1, 0), (-1, 0).
fn torsion() -> [[u8; 57]; 4] {
    let mut minus_one = [0xFF; 57];
    (minus_one[0], minus_one[28], minus_one[56]) = (0xFE, 0xFE, 0);
    let mut one = [0; 57];
    one[0] = 1;
    let mut negative = [0; 57];
    negative[56] = 0x80;
    [one, minus_one, [0; 57], negative]
}

/// Other encodings of points of small order: y beyond the field, a sign for x = 0, unused bits.
fn not_canonical() -> Vec<[u8; 57]> {
    let [one, minus_one, zero, _] = torsion();
    let with = |mut bytes: [u8; 57], at: usize, value| {
        bytes[at] = value;
        bytes
    };
    let p = with(minus_one, 0, 0xFF);
    let mut p_plus_one = [0; 57];
    p_plus_one[28..56].fill(0xFF);
    let last = [0x01, 0x40, 0x7F].into_iter().flat_map(|bits| [with(one, 56, bits), with(zero, 56, bits)]);
    [p, with(p, 56, 0x80), p_plus_one, with(one, 56, 0x80), with(minus_one, 56, 0x80)]
        .into_iter()
        .chain(last)
        .collect()
}

#[test]
fn honest_signatures_are_accepted_and_changed_ones_are_not() {
    let honest = honest();
    assert!(accepted(&honest));
    let (a, r) = (scalar(3), scalar(5));
    assert!(accepted(&solve(a, Point::mulgen(&a).encode(), r, Point::mulgen(&r).encode())));
    for bit in (0..honest.1.len() * 8).step_by(29) {
        let (public, mut signature) = honest.clone();
        signature[bit / 8] ^= 1 << (bit % 8);
        assert!(!accepted(&(public, signature)), "bit {bit}");
    }
    let verifier = ED448.load_verifier(&honest.0).unwrap();
    assert_eq!(verifier.verify(&[b"massage"], &honest.1), Err(CryptoError::InvalidSignature));
}

// breaks: R013
#[test]
fn keys_of_small_order_or_not_canonical_are_refused() {
    let r = scalar(5);
    for public in torsion() {
        assert!(Point::decode(&public).is_some());
        // With a = 0, S = r satisfies the cofactored equation for every message.
        assert!(!accepted(&solve(Scalar::ZERO, public, r, Point::mulgen(&r).encode())));
    }
    for public in torsion().into_iter().chain(not_canonical()) {
        assert_eq!(ED448.load_verifier(&public).unwrap_err(), CryptoError::InvalidPublicKey, "{public:02x?}");
    }
}

// breaks: R016
#[test]
fn an_r_of_small_order_is_accepted_only_if_canonical() {
    let a = scalar(3);
    let public = Point::mulgen(&a).encode();
    for r_bytes in torsion() {
        assert!(accepted(&solve(a, public, Scalar::ZERO, r_bytes)));
    }
    for r_bytes in not_canonical() {
        assert!(!accepted(&solve(a, public, Scalar::ZERO, r_bytes)), "{r_bytes:02x?}");
    }
}

#[test]
fn torsion_in_a_or_r_does_not_matter() {
    let (a, r) = (scalar(3), scalar(5));
    for in_a in torsion() {
        for in_r in torsion() {
            let public = Point::mulgen(&a) + Point::decode(&in_a).unwrap();
            let r_point = Point::mulgen(&r) + Point::decode(&in_r).unwrap();
            assert!(accepted(&solve(a, public.encode(), r, r_point.encode())));
        }
    }
}

// breaks: R016
#[test]
fn an_s_of_the_order_or_more_is_refused() {
    let order = hex(
        "f34458ab92c27823558fc58d72c26c219036d6ae49db4ec4e923ca7cffffffffffffffffffffffffffffffffffffffffffffffffffffff3f00",
    );
    let (public, mut signature) = honest();
    let mut carry = 0;
    for (byte, order) in signature[57..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    assert!(!accepted(&(public, signature.clone())));
    signature[57..].fill(0xFF);
    assert!(!accepted(&(public, signature)));
    let (public, mut signature) = honest();
    signature[113] = 1;
    assert!(!accepted(&(public, signature)));
}

// breaks: R013, R016
#[test]
fn other_lengths_are_refused() {
    let (public, signature) = honest();
    let key = ED448.load_verifier(&public).unwrap();
    for len in (0..114).chain([115, 228]) {
        let mut signature = signature.clone();
        signature.resize(len, 0);
        assert_eq!(key.verify(&[MESSAGE], &signature), Err(CryptoError::InvalidSignature));
    }
    for len in (0..57).chain([58, 114]) {
        let mut public = public.to_vec();
        public.resize(len, 0);
        assert_eq!(ED448.load_verifier(&public).unwrap_err(), CryptoError::InvalidPublicKey);
        assert_eq!(ED448.load_signer(&Secret::zero(len)).unwrap_err(), CryptoError::InvalidPrivateKey);
    }
}

#[test]
fn a_key_does_not_show_itself() {
    let pair = ED448.generate_key_pair(&SystemRandom).unwrap();
    let shown = format!("{pair:?} {:?}", ED448.load_signer(&pair.private).unwrap());
    assert!(!shown.to_lowercase().contains(&hex::encode(pair.private.as_bytes())));
    assert!(!shown.contains(&format!("{:?}", pair.private.as_bytes())));
}
