//! Ed448: RFC 8032, and the acceptance rule at its edges, as in [`super::ed25519`] (R013, R016). The cases are made with `crrl`.

use crrl::ed448::{Point, Scalar};
use pleach_crypto::{Signature, SignatureScheme, Signed};
use shake::Shake256;
use shake::digest::{ExtendableOutput, Update, XofReader};

use super::Random;
use super::ed25519::{MESSAGE, Verdict, alone, known, together};
use super::inputs::hex;
use super::report::{Checks, Stop};
use super::signature::positions;

/// Private key, public key, message and signature of RFC 8032 §7.4, blank and one octet.
const KNOWN: [[&str; 4]; 2] = [
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
];

struct Case {
    name: String,
    public: [u8; 57],
    signature: Vec<u8>,
    verdict: Verdict,
}

impl Case {
    /// Solves for `S` with `A = aB` (plus torsion) written as `public` and `R = rB` (plus torsion) written as `r_bytes`.
    fn solve(
        name: impl Into<String>,
        verdict: Verdict,
        (a, public): (Scalar, [u8; 57]),
        (r, r_bytes): (Scalar, [u8; 57]),
    ) -> Self {
        let mut hash = Shake256::default();
        for part in [b"SigEd448\x00\x00", &r_bytes[..], &public, MESSAGE] {
            hash.update(part);
        }
        let mut k = [0; 114];
        hash.finalize_xof().read(&mut k);
        let s = r + Scalar::decode_reduce(&k) * a;
        let signature = [&r_bytes[..], &s.encode(), &[0]].concat();
        Self { name: name.into(), public, signature, verdict }
    }

    fn with_s(name: &str, s: &[u8]) -> Self {
        let good = honest(4);
        let signature = [good.signature.split_at(57).0, s].concat();
        Self { name: name.to_owned(), signature, verdict: Verdict::RefuseSignature, ..good }
    }

    fn signed(&self) -> Signed<'_> {
        Signed { public: &self.public, message: &[MESSAGE], signature: &self.signature }
    }
}

fn scalar(seed: u8) -> Scalar {
    Scalar::decode_reduce(&[seed; 80])
}

fn prime(a: Scalar) -> (Scalar, [u8; 57]) {
    (a, Point::mulgen(&a).encode())
}

fn honest(seed: u8) -> Case {
    Case::solve(format!("honest {seed}"), Verdict::Accept, prime(scalar(seed)), prime(scalar(seed + 100)))
}

/// The four points of small order, canonically written: (0, 1), (0, -1), (1, 0), (-1, 0).
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

/// The order, little-endian in 57 bytes.
fn order() -> Vec<u8> {
    hex(
        "f34458ab92c27823558fc58d72c26c219036d6ae49db4ec4e923ca7cffffffffffffffffffffffffffffffffffffffffffffffffffffff3f00",
    )
}

fn cases() -> Vec<Case> {
    use Verdict::{Accept, RefuseKey, RefuseSignature};
    let (a, r) = (prime(scalar(3)), prime(scalar(5)));
    let mut cases = vec![honest(1), honest(2)];
    for (i, small) in torsion().into_iter().enumerate() {
        // With a = 0, S = r satisfies the cofactored equation for every message.
        cases.push(Case::solve(format!("A of small order {i}"), RefuseKey, (Scalar::ZERO, small), r));
        cases.push(Case::solve(format!("R of small order {i}"), Accept, a, (Scalar::ZERO, small)));
        let Some(in_a) = Point::decode(&small) else { continue };
        for (j, other) in torsion().into_iter().enumerate() {
            let Some(in_r) = Point::decode(&other) else { continue };
            let mixed_a = (a.0, (Point::mulgen(&a.0) + in_a).encode());
            let mixed_r = (r.0, (Point::mulgen(&r.0) + in_r).encode());
            cases.push(Case::solve(format!("torsion {i} in A, {j} in R"), Accept, mixed_a, mixed_r));
        }
    }
    for bytes in not_canonical() {
        let name = hex::encode(bytes);
        cases.push(Case::solve(format!("R = {name}"), RefuseSignature, a, (Scalar::ZERO, bytes)));
        cases.push(Case::solve(format!("A = {name}"), RefuseKey, (Scalar::ZERO, bytes), r));
    }
    let good = honest(4);
    let (_, s) = good.signature.split_at(57);
    let mut carry = 0;
    let plus_order: Vec<u8> = s
        .iter()
        .zip(order())
        .map(|(byte, order)| {
            let sum = u16::from(*byte) + u16::from(order) + carry;
            carry = sum >> 8;
            sum as u8
        })
        .collect();
    let mut high = s.to_vec();
    if let Some(last) = high.last_mut() {
        *last = 1;
    }
    cases.extend([
        Case::with_s("S + L", &plus_order),
        Case::with_s("S = L", &order()),
        Case::with_s("S = 0", &[0; 57]),
        Case::with_s("all bits of S", &[0xFF; 57]),
        Case::with_s("S with a high bit", &high),
    ]);
    cases
}

/// All checks, if the scheme is Ed448.
pub(super) fn check(c: &mut Checks, scheme: &dyn Signature, rng: Random<'_>) -> Result<(), Stop> {
    if scheme.scheme() != SignatureScheme::ED448 {
        return Ok(());
    }
    c.part(|c| known(c, scheme, &KNOWN));
    let honest: Vec<Case> = (10..74).map(honest).collect();
    for case in cases() {
        alone(c, scheme, case.signed(), case.verdict, &case.name);
        for at in positions(3) {
            let mut batch: Vec<_> = honest.iter().take(3).map(Case::signed).collect();
            if let Some(item) = batch.get_mut(at) {
                *item = case.signed();
            }
            let result = scheme.verify_batch(&batch, rng);
            together(c, &result, case.verdict, || format!("{} at {at} of 3", case.name));
        }
        let mut batch: Vec<_> = honest.iter().map(Case::signed).collect();
        if let Some(item) = batch.get_mut(31) {
            *item = case.signed();
        }
        together(c, &scheme.verify_batch(&batch, rng), case.verdict, || format!("{} at 31 of 64", case.name));
    }
    Ok(())
}
