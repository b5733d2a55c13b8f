//! Ed25519: the acceptance rule at its edges, where the native verification alone would decide otherwise. The verdict is that of the
//! pure Rust backend, single and in batches of 64.
#![expect(clippy::unwrap_used, reason = "tests")]

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT as B, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use pleach_crypto::{Secret, Signature, Signed};
use pleach_ring::{ED25519, SystemRandom};
use sha2::{Digest, Sha512};

const MESSAGE: &[&[u8]] = &[b"mess", b"age"];

/// A public key and a signature over [`MESSAGE`] as bytes.
struct Case {
    public: [u8; 32],
    signature: [u8; 64],
}

impl Case {
    /// Solves for `S` with the key `aB` (plus torsion) encoded as `public`, and `R = rB` (plus torsion) encoded as `r_bytes`.
    fn solve(a: Scalar, public: [u8; 32], r: Scalar, r_bytes: [u8; 32]) -> Self {
        let k = Sha512::new().chain_update(r_bytes).chain_update(public).chain_update(b"message").finalize();
        let s = r + Scalar::from_bytes_mod_order_wide(&k.into()) * a;
        Self { public, signature: [r_bytes, s.to_bytes()].concat().try_into().unwrap() }
    }

    fn honest(seed: u8) -> Self {
        let signer = ED25519.load_signer(&Secret::from_fn(32, |out| out.fill(seed))).unwrap();
        let signature = signer.sign(MESSAGE).unwrap().try_into().unwrap();
        Self { public: signer.public().try_into().unwrap(), signature }
    }

    fn signed(&self) -> Signed<'_> {
        Signed { public: &self.public, message: MESSAGE, signature: &self.signature }
    }
}

fn encode(point: EdwardsPoint) -> [u8; 32] {
    point.compress().to_bytes()
}

/// The encodings that dalek reads as a point though they are not canonical: `y >= p`, and a sign for `x = 0`.
fn not_canonical() -> Vec<([u8; 32], EdwardsPoint)> {
    let ends = [0x7F, 0xFF];
    let beyond = (0xED..=0xFF).flat_map(|low| {
        ends.map(|high| {
            let mut bytes = [0xFF; 32];
            (bytes[0], bytes[31]) = (low, high);
            bytes
        })
    });
    let (mut one, mut minus_one) = ([0; 32], [0xFF; 32]);
    (one[0], one[31], minus_one[0]) = (1, 0x80, 0xEC);
    beyond
        .chain([one, minus_one])
        .filter_map(|bytes| Some((bytes, CompressedEdwardsY(bytes).decompress()?)))
        .collect()
}

fn edges() -> Vec<Case> {
    let (a, r) = (Scalar::from(0xDEAD_BEEF_1234_5678_u64), Scalar::from(0xFEED_1234_4321_u64));
    let (public, honest_r) = (encode(B * a), encode(B * r));
    let mut cases: Vec<_> = (0..4).map(Case::honest).collect();
    for torsion in EIGHT_TORSION {
        // A of small order, for which S = r fulfils the cofactored equation.
        cases.push(Case::solve(Scalar::ZERO, encode(torsion), r, honest_r));
        cases.push(Case::solve(Scalar::ZERO, encode(torsion), Scalar::ZERO, encode(torsion)));
        // R of small order.
        cases.push(Case::solve(a, public, Scalar::ZERO, encode(torsion)));
        // Mixed torsion in A, in R, in both.
        for other in EIGHT_TORSION {
            cases.push(Case::solve(a, encode(B * a + torsion), r, encode(B * r + other)));
        }
    }
    for (bytes, point) in not_canonical() {
        cases.push(Case::solve(Scalar::ZERO, bytes, r, honest_r));
        cases.push(Case::solve(a, public, Scalar::ZERO, bytes));
        if !point.is_small_order() {
            cases.push(Case::solve(a, public, r, bytes));
        }
    }
    // S + L, and S far beyond.
    let order = hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
    let mut case = Case::honest(1);
    let mut carry = 0;
    for (byte, order) in case.signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    cases.push(case);
    let mut case = Case::honest(1);
    case.signature[32..].fill(0xFF);
    cases.push(case);
    for bit in (0..512).step_by(19) {
        let mut case = Case::honest(2);
        case.signature[bit / 8] ^= 1 << (bit % 8);
        cases.push(case);
    }
    cases
}

fn accepted_natively(case: &Case) -> bool {
    use ring::signature::{ED25519, UnparsedPublicKey};
    UnparsedPublicKey::new(&ED25519, &case.public).verify(&MESSAGE.concat(), &case.signature).is_ok()
}

// breaks: R013, R016
#[test]
fn the_verdict_at_the_edges_is_that_of_the_rule_alone_and_in_a_batch() {
    let honest: Vec<_> = (0..64).map(Case::honest).collect();
    let (mut accepted, mut refused, mut accepted_against_native, mut refused_against_native) = (0, 0, 0, 0);
    for (i, case) in edges().iter().enumerate() {
        let verify = |scheme: &dyn Signature| {
            scheme.load_verifier(&case.public).and_then(|key| key.verify(MESSAGE, &case.signature))
        };
        let verdict = verify(&ED25519);
        assert_eq!(verdict, verify(&pleach_rustcrypto::ED25519), "{i}");
        for (size, at) in [(1, 0), (2, 1), (64, 0), (64, 63), (64, i % 64)] {
            let mut batch: Vec<_> = honest[..size].iter().map(Case::signed).collect();
            batch[at] = case.signed();
            assert_eq!(ED25519.verify_batch(&batch, &SystemRandom), verdict, "{i} in a batch of {size}");
        }
        // Often the same: torsion must not cancel out.
        assert_eq!(ED25519.verify_batch(&[case.signed(); 8], &SystemRandom), verdict, "{i} eight times");
        match (verdict.is_ok(), accepted_natively(case)) {
            (true, false) => accepted_against_native += 1,
            (false, true) => refused_against_native += 1,
            _ => (),
        }
        accepted += usize::from(verdict.is_ok());
        refused += usize::from(verdict.is_err());
    }
    // 4 honest ones, 8 times R of small order, 64 of mixed torsion.
    assert_eq!(accepted, 4 + 8 + 64);
    assert!(refused > 50, "{refused}");
    assert!(accepted_against_native > 40, "these are the cases that the cofactor decides");
    assert!(refused_against_native > 0, "these are the keys that the library would take");
}

#[test]
fn the_vector_of_rfc8032() {
    let seed = hex::decode("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7").unwrap();
    let signer = ED25519.load_signer(&Secret::from(seed)).unwrap();
    let public = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025";
    assert_eq!(hex::encode(signer.public()), public);
    let signature = "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
                     18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a";
    assert_eq!(hex::encode(signer.sign(&[&[0xAF], &[], &[0x82]]).unwrap()), signature);
}
