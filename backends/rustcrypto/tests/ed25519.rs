//! Ed25519: vectors of RFC 8032, and the acceptance rule at its edges, single and in a batch.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;
mod listed;

use common::{hex, secret};
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT as B, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use listed::Listed;
use pleach_crypto::{CryptoError, Secret, Signature, Signed};
use pleach_rustcrypto::{ED25519, SystemRandom};
use sha2::{Digest, Sha512};
use std::sync::LazyLock;

#[test]
fn vectors_of_rfc8032() {
    for [private, public, message, signature] in [
        [
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555
             fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ],
        [
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac
             18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ],
    ] {
        let signer = ED25519.load_signer(&secret(private)).unwrap();
        assert_eq!(signer.public(), hex(public));
        let message = hex(message);
        let (head, tail) = message.split_at(message.len() / 2);
        assert_eq!(signer.sign(&[head, tail]).unwrap(), hex(signature));
        ED25519.load_verifier(&hex(public)).unwrap().verify(&[&message], &hex(signature)).unwrap();
    }
}

const MESSAGE: &[u8] = b"message";

/// A public key and a signature over [`MESSAGE`] as bytes.
#[derive(Clone)]
struct Case {
    public: [u8; 32],
    signature: [u8; 64],
}

impl Case {
    /// Solves for `S` with the key `aB` (plus torsion) encoded as `public`, and `R = rB` (plus torsion) encoded as `r_bytes`.
    fn solve(a: Scalar, public: [u8; 32], r: Scalar, r_bytes: [u8; 32]) -> Self {
        let k = Sha512::new().chain_update(r_bytes).chain_update(public).chain_update(MESSAGE).finalize();
        let s = r + Scalar::from_bytes_mod_order_wide(&k.into()) * a;
        Self { public, signature: [r_bytes, s.to_bytes()].concat().try_into().unwrap() }
    }

    fn honest(seed: u8) -> Self {
        let signer = ED25519.load_signer(&Secret::from_fn(32, |out| out.fill(seed))).unwrap();
        let signature = signer.sign(&[MESSAGE]).unwrap().try_into().unwrap();
        Self { public: signer.public().try_into().unwrap(), signature }
    }

    fn signed(&self) -> Signed<'_> {
        Signed { public: &self.public, message: &[MESSAGE], signature: &self.signature }
    }

    /// The verdict alone; every batch with this case must agree.
    fn accepted(&self) -> bool {
        let alone = ED25519
            .load_verifier(&self.public)
            .and_then(|key| key.verify(&[MESSAGE], &self.signature))
            .is_ok();
        static HONEST: LazyLock<Vec<Case>> =
            LazyLock::new(|| (0..=255).chain(0..=0).map(Case::honest).collect());
        for size in [1, 2, 3, 5, 257] {
            let honest = &HONEST[..size];
            for at in [0, size / 2, size - 1] {
                let mut batch: Vec<_> = honest.iter().map(Case::signed).collect();
                batch[at] = self.signed();
                let together = ED25519.verify_batch(&batch, &SystemRandom).is_ok();
                assert_eq!(together, alone, "alone and in a batch of {size} differ");
            }
        }
        // Twice the same: torsion must not cancel out.
        let honest = Self::honest(1);
        let twice = [self.signed(), self.signed(), honest.signed(), self.signed()];
        assert_eq!(ED25519.verify_batch(&twice, &SystemRandom).is_ok(), alone);
        alone
    }
}

fn scalar(seed: u64) -> Scalar {
    Scalar::from(seed) * Scalar::from(0xDEAD_BEEF_1234_5678_u64) * Scalar::from(u64::MAX)
}

fn encode(point: EdwardsPoint) -> [u8; 32] {
    point.compress().to_bytes()
}

#[test]
fn honest_signatures_are_accepted() {
    for seed in 1..4 {
        assert!(Case::honest(seed).accepted());
        let (a, r) = (scalar(seed.into()), scalar(77));
        assert!(Case::solve(a, encode(B * a), r, encode(B * r)).accepted());
    }
    assert_eq!(ED25519.verify_batch(&[], &SystemRandom), Ok(()));
}

// breaks: R016
#[test]
fn a_changed_bit_is_refused() {
    for bit in (0..512).step_by(37) {
        let mut case = Case::honest(1);
        case.signature[bit / 8] ^= 1 << (bit % 8);
        assert!(!case.accepted(), "bit {bit}");
    }
    let mut case = Case::honest(1);
    case.public = Case::honest(2).public;
    assert!(!case.accepted());
}

// breaks: R013
#[test]
fn keys_of_small_order_are_refused() {
    for (i, torsion) in EIGHT_TORSION.iter().enumerate() {
        let public = encode(*torsion);
        assert_eq!(ED25519.load_verifier(&public).unwrap_err(), CryptoError::InvalidPublicKey, "{i}");
        // With a = 0, S = r satisfies the cofactored equation for every message.
        let r = scalar(5);
        assert!(!Case::solve(Scalar::ZERO, public, r, encode(B * r)).accepted());
    }
}

/// The encodings with `y >= p` that dalek reads as a point, with both signs.
fn beyond_the_field() -> Vec<([u8; 32], EdwardsPoint)> {
    let encodings = (0xED..=0xFF).flat_map(|low| {
        [0x7F, 0xFF].map(|high| {
            let mut bytes = [0xFF; 32];
            (bytes[0], bytes[31]) = (low, high);
            bytes
        })
    });
    encodings.filter_map(|bytes| Some((bytes, CompressedEdwardsY(bytes).decompress()?))).collect()
}

/// `x = 0` with the sign bit set.
fn minus_zero() -> [[u8; 32]; 2] {
    let (mut one, mut minus_one) = ([0; 32], [0xFF; 32]);
    (one[0], one[31], minus_one[0]) = (1, 0x80, 0xEC);
    [one, minus_one]
}

// breaks: R013
#[test]
fn keys_that_are_not_canonical_are_refused() {
    let points = beyond_the_field();
    assert!(points.iter().any(|(_, point)| !point.is_small_order()), "a case beside small order");
    for bytes in points.into_iter().map(|(bytes, _)| bytes).chain(minus_zero()) {
        assert_eq!(ED25519.load_verifier(&bytes).unwrap_err(), CryptoError::InvalidPublicKey, "{bytes:02x?}");
    }
}

#[test]
fn points_off_the_curve_are_refused() {
    let off = (2..40).map(|low| {
        let mut bytes = [0; 32];
        bytes[0] = low;
        bytes
    });
    let off: Vec<_> = off.filter(|bytes| CompressedEdwardsY(*bytes).decompress().is_none()).collect();
    assert!(!off.is_empty());
    for bytes in off {
        assert_eq!(ED25519.load_verifier(&bytes).unwrap_err(), CryptoError::InvalidPublicKey);
        let mut case = Case::honest(1);
        case.signature[..32].copy_from_slice(&bytes);
        assert!(!case.accepted());
    }
}

// breaks: R016
#[test]
fn an_r_that_is_not_canonical_is_refused() {
    let a = scalar(3);
    let public = encode(B * a);
    // R of small order is no reason to refuse, written as it should be ...
    for torsion in EIGHT_TORSION {
        assert!(Case::solve(a, public, Scalar::ZERO, encode(torsion)).accepted());
    }
    // ... but written otherwise, it is: the equation holds for each of these.
    let small = beyond_the_field().into_iter().filter(|(_, point)| point.is_small_order());
    let small: Vec<_> = small.map(|(bytes, _)| bytes).chain(minus_zero()).collect();
    assert!(small.len() >= 4);
    for bytes in small {
        assert!(!Case::solve(a, public, Scalar::ZERO, bytes).accepted(), "{bytes:02x?}");
    }
}

// breaks: R016
#[test]
fn an_s_of_the_order_or_more_is_refused() {
    let order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut case = Case::honest(1);
    let mut carry = 0;
    for (byte, order) in case.signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    assert!(!case.accepted());
    case.signature[32..].fill(0xFF);
    assert!(!case.accepted());
}

#[test]
fn torsion_in_a_or_r_does_not_matter() {
    let (a, r) = (scalar(9), scalar(10));
    let mut refused_without_cofactor = 0;
    for in_a in EIGHT_TORSION {
        for in_r in [EIGHT_TORSION[0], EIGHT_TORSION[1], EIGHT_TORSION[4]] {
            let case = Case::solve(a, encode(B * a + in_a), r, encode(B * r + in_r));
            assert!(case.accepted());
            let strict = ed25519_dalek::VerifyingKey::from_bytes(&case.public).unwrap();
            let signature = ed25519_dalek::Signature::from_bytes(&case.signature);
            refused_without_cofactor += u8::from(strict.verify_strict(MESSAGE, &signature).is_err());
        }
    }
    assert!(refused_without_cofactor > 10, "these are the cases that tell the two equations apart");
}

// breaks: R013, R016
#[test]
fn other_lengths_are_refused() {
    let case = Case::honest(1);
    let key = ED25519.load_verifier(&case.public).unwrap();
    for len in (0..64).chain([65, 128]) {
        let mut signature = case.signature.to_vec();
        signature.resize(len, 0);
        assert_eq!(key.verify(&[MESSAGE], &signature), Err(CryptoError::InvalidSignature));
        let item = Signed { signature: &signature, ..case.signed() };
        let batch = ED25519.verify_batch(&[case.signed(), item, case.signed()], &SystemRandom);
        assert_eq!(batch, Err(CryptoError::InvalidSignature));
    }
    for len in (0..32).chain([33, 64]) {
        let mut public = case.public.to_vec();
        public.resize(len, 0);
        assert_eq!(ED25519.load_verifier(&public).unwrap_err(), CryptoError::InvalidPublicKey);
        let item = Signed { public: &public, ..case.signed() };
        let batch = ED25519.verify_batch(&[case.signed(), item, case.signed()], &SystemRandom);
        assert_eq!(batch, Err(CryptoError::InvalidPublicKey));
        let private = Secret::zero(len);
        assert_eq!(ED25519.load_signer(&private).unwrap_err(), CryptoError::InvalidPrivateKey);
    }
}

#[test]
fn a_batch_without_randomness_falls_back_to_single_checks() {
    let (good, mut bad) = (Case::honest(1), Case::honest(2));
    bad.signature[0] ^= 1;
    let none = Listed::new(&[]);
    assert_eq!(ED25519.verify_batch(&[good.signed(); 5], &none), Ok(()));
    let mixed = [good.signed(), good.signed(), bad.signed(), good.signed()];
    assert_eq!(ED25519.verify_batch(&mixed, &none), Err(CryptoError::InvalidSignature));
}

/// Two wrong signatures whose errors cancel if the coefficients are equal.
#[test]
fn errors_do_not_cancel_in_a_batch() {
    let (mut one, mut other) = (Case::honest(1), Case::honest(2));
    let shift = |case: &mut Case, by: Scalar| {
        let s: [u8; 32] = case.signature[32..].try_into().unwrap();
        case.signature[32..].copy_from_slice((Scalar::from_bytes_mod_order(s) + by).as_bytes());
    };
    shift(&mut one, Scalar::ONE);
    shift(&mut other, -Scalar::ONE);
    let honest = Case::honest(3);
    let batch = [one.signed(), other.signed(), honest.signed()];
    assert_eq!(ED25519.verify_batch(&batch, &SystemRandom), Err(CryptoError::InvalidSignature));
}

#[test]
fn a_key_does_not_show_itself() {
    let pair = ED25519.generate_key_pair(&SystemRandom).unwrap();
    let shown = format!("{pair:?} {:?}", ED25519.load_signer(&pair.private).unwrap());
    assert!(!shown.to_lowercase().contains(&hex::encode(pair.private.as_bytes())));
    assert!(!shown.contains(&format!("{:?}", pair.private.as_bytes())));
}
