//! Ed25519: RFC 8032, and the acceptance rule at its edges, alone and in batches (R013, R016).
//!
//! The rule: exact lengths, `S < L`, `A` and `R` canonical, `A` not of small order, and then
//! `[8][S]B = [8]R + [8][k]A`. [`cases`] are made with `curve25519-dalek` from known discrete logarithms, so that the equation is
//! known to hold where nothing else decides; each case says what the rule has to say of it.

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT as B, EIGHT_TORSION};
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use pleach_crypto::{CryptoError, Signature, SignatureScheme, Signed};
use sha2::{Digest, Sha512};

use super::Random;
use super::inputs::{hex, secret, short};
use super::report::{Checks, Stop};
use super::signature::positions;

/// Private key, public key, message and signature of RFC 8032 §7.1, tests 1 to 3 and SHA(abc).
const KNOWN: [[&str; 4]; 4] = [
    [
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555
         fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ],
    [
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da
         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ],
    [
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac
         18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ],
    [
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a
         2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589
         09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ],
];

/// What the rule says of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The signature verifies.
    Accept,
    /// The key is none.
    RefuseKey,
    /// The key is one, the signature does not verify.
    RefuseSignature,
}

/// A public key and a signature over [`MESSAGE`].
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) public: Vec<u8>,
    pub(super) signature: Vec<u8>,
    pub(super) verdict: Verdict,
}

/// What is signed in all [`cases`].
pub(super) const MESSAGE: &[u8] = b"message";

impl Case {
    fn new(name: impl Into<String>, verdict: Verdict, public: &[u8], signature: &[u8]) -> Self {
        Self { name: name.into(), public: public.to_vec(), signature: signature.to_vec(), verdict }
    }

    /// Solves for `S` with `A = aB` (plus torsion) written as `public` and `R = rB` (plus torsion) written as `r_bytes`, so that the
    /// cofactored equation holds.
    fn solve(
        name: impl Into<String>,
        verdict: Verdict,
        (a, public): (Scalar, [u8; 32]),
        (r, r_bytes): (Scalar, [u8; 32]),
    ) -> Self {
        let k = Sha512::new().chain_update(r_bytes).chain_update(public).chain_update(MESSAGE).finalize();
        let s = r + Scalar::from_bytes_mod_order_wide(&k.into()) * a;
        Self::new(name, verdict, &public, &[r_bytes, s.to_bytes()].concat())
    }

    pub(super) fn signed(&self) -> Signed<'_> {
        Signed { public: &self.public, message: &[MESSAGE], signature: &self.signature }
    }
}

fn scalar(seed: u64) -> Scalar {
    Scalar::from(seed) * Scalar::from(0xDEAD_BEEF_1234_5678_u64) * Scalar::from(u64::MAX)
}

fn encode(point: EdwardsPoint) -> [u8; 32] {
    point.compress().to_bytes()
}

fn prime(a: Scalar) -> (Scalar, [u8; 32]) {
    (a, encode(B * a))
}

fn honest(seed: u64) -> Case {
    Case::solve(format!("honest {seed}"), Verdict::Accept, prime(scalar(seed)), prime(scalar(seed + 1000)))
}

/// The encodings with `y >= p` that are read as a point by who does not look, with both signs.
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

/// `x = 0` with the sign bit set: y = 1 and y = -1.
fn minus_zero() -> [[u8; 32]; 2] {
    let (mut one, mut minus_one) = ([0; 32], [0xFF; 32]);
    (one[0], one[31], minus_one[0]) = (1, 0x80, 0xEC);
    [one, minus_one]
}

/// The order `L`, little-endian.
fn order() -> Vec<u8> {
    hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
}

/// The edge cases, with the verdict of the rule.
pub(super) fn cases() -> Vec<Case> {
    use Verdict::{Accept, RefuseKey, RefuseSignature};
    let (a, r) = (prime(scalar(9)), prime(scalar(10)));
    let mut cases = vec![honest(1), honest(2), Case::solve("solved", Accept, a, r)];

    for (i, torsion) in EIGHT_TORSION.into_iter().enumerate() {
        let small = (Scalar::ZERO, encode(torsion));
        // S = r satisfies the cofactored equation for every message.
        cases.push(Case::solve(format!("A of small order {i}"), RefuseKey, small, r));
        cases.push(Case::solve(format!("A and R of small order {i}, S = 0"), RefuseKey, small, small));
        // R of small order is no reason to refuse.
        cases.push(Case::solve(format!("R of small order {i}"), Accept, a, small));
        // Cofactored accepts where S B = R + k A fails, unless the torsion happens to cancel.
        let mixed_a = (a.0, encode(B * a.0 + torsion));
        let mixed_r = (r.0, encode(B * r.0 + torsion));
        cases.push(Case::solve(format!("torsion {i} in A"), Accept, mixed_a, r));
        cases.push(Case::solve(format!("torsion {i} in R"), Accept, a, mixed_r));
        for (j, other) in [(1, EIGHT_TORSION[1]), (4, EIGHT_TORSION[4])] {
            let mixed_r = (r.0, encode(B * r.0 + other));
            cases.push(Case::solve(format!("torsion {i} in A, {j} in R"), Accept, mixed_a, mixed_r));
        }
        let small_r = (Scalar::ZERO, encode(torsion));
        cases.push(Case::solve(
            format!("torsion 1 in A, R of small order {i}"),
            Accept,
            (a.0, encode(B * a.0 + EIGHT_TORSION[1])),
            small_r,
        ));
    }

    // Other encodings of a point: the equation holds for those of small order; of the others only the key can be tried.
    for (bytes, point) in beyond_the_field() {
        let name = hex::encode(bytes);
        if point.is_small_order() {
            cases.push(Case::solve(format!("R = {name}"), RefuseSignature, a, (Scalar::ZERO, bytes)));
        }
        cases.push(Case::solve(format!("A = {name}"), RefuseKey, (Scalar::ZERO, bytes), r));
    }
    for bytes in minus_zero() {
        let name = hex::encode(bytes);
        cases.push(Case::solve(format!("R = {name}"), RefuseSignature, a, (Scalar::ZERO, bytes)));
        cases.push(Case::solve(format!("A = {name}"), RefuseKey, (Scalar::ZERO, bytes), r));
    }
    cases.extend(off_the_curve());
    cases.extend(bad_s());
    cases
}

/// No point has this `y`.
fn off_the_curve() -> Vec<Case> {
    let encodings = (2..30).map(|low| {
        let mut bytes = [0; 32];
        bytes[0] = low;
        bytes
    });
    let off = encodings.filter(|bytes| CompressedEdwardsY(*bytes).decompress().is_none());
    off.flat_map(|bytes| {
        let good = honest(3);
        let signature = [&bytes[..], good.signature.split_at(32).1].concat();
        [
            Case::new(
                format!("A off the curve, y = {}", bytes[0]),
                Verdict::RefuseKey,
                &bytes,
                &good.signature,
            ),
            Case::new(
                format!("R off the curve, y = {}", bytes[0]),
                Verdict::RefuseSignature,
                &good.public,
                &signature,
            ),
        ]
    })
    .collect()
}

fn bad_s() -> Vec<Case> {
    let good = honest(4);
    let (r, s) = good.signature.split_at(32);
    let with_s =
        |name: &str, s: &[u8]| Case::new(name, Verdict::RefuseSignature, &good.public, &[r, s].concat());
    let add = |s: &[u8], times: u8| {
        let mut carry = 0;
        s.iter()
            .zip(order())
            .map(|(byte, order)| {
                let sum = u16::from(*byte) + u16::from(order) * u16::from(times) + carry;
                carry = sum >> 8;
                sum as u8
            })
            .collect::<Vec<_>>()
    };
    let mut high = s.to_vec();
    if let Some(last) = high.last_mut() {
        *last |= 0x20;
    }
    vec![
        with_s("S + L", &add(s, 1)),
        with_s("S + 2 L", &add(s, 2)),
        with_s("S + 7 L", &add(s, 7)),
        with_s("S = 0", &[0; 32]),
        with_s("S = L", &order()),
        with_s("S = 2^256 - 1", &[0xFF; 32]),
        with_s("S with a high bit", &high),
        // For R of small order and A = -R's multiple nothing else would be wrong with S = L.
        Case::new(
            "S + 1",
            Verdict::RefuseSignature,
            &good.public,
            &[r, (Scalar::ONE + canonical(s)).as_bytes()].concat(),
        ),
    ]
}

fn canonical(s: &[u8]) -> Scalar {
    Scalar::from_bytes_mod_order(s.try_into().unwrap_or_default())
}

/// All checks, if the scheme is Ed25519.
pub(super) fn check(c: &mut Checks, scheme: &dyn Signature, rng: Random<'_>) -> Result<(), Stop> {
    if scheme.scheme() != SignatureScheme::ED25519 {
        return Ok(());
    }
    c.part(|c| known(c, scheme, &KNOWN));
    let cases = cases();
    let honest: Vec<Case> = (100..164).map(honest).collect();
    for case in &cases {
        alone(c, scheme, case.signed(), case.verdict, &case.name);
        for size in [1, 2, 3, 64] {
            for at in positions(size) {
                let mut batch: Vec<_> = honest.iter().take(size).map(Case::signed).collect();
                if let Some(item) = batch.get_mut(at) {
                    *item = case.signed();
                }
                let result = scheme.verify_batch(&batch, rng);
                together(c, &result, case.verdict, || format!("{} at {at} of {size}", case.name));
            }
        }
        // The same case again and again: torsion must not add up, or cancel out.
        let [good, ..] = &honest[..] else { return Ok(()) };
        for times in [2, 4, 8] {
            let mut batch = vec![case.signed(); times];
            batch.insert(1, good.signed());
            together(c, &scheme.verify_batch(&batch, rng), case.verdict, || {
                format!("{}, {times} times", case.name)
            });
        }
    }
    // All that is accepted, in one batch.
    let good: Vec<_> =
        cases.iter().filter(|case| case.verdict == Verdict::Accept).map(Case::signed).collect();
    together(c, &scheme.verify_batch(&good, rng), Verdict::Accept, || "all accepted cases together".into());
    errors_do_not_cancel(c, scheme, rng, &honest);
    Ok(())
}

/// The signatures of RFC 8032, which determines them.
pub(super) fn known(c: &mut Checks, scheme: &dyn Signature, vectors: &[[&str; 4]]) -> Result<(), Stop> {
    for [private, public, message, signature] in vectors {
        let signer = c.ok("a private key loads", scheme.load_signer(&secret(private)))?;
        c.bytes("keys are those of RFC 8032", signer.public(), &hex(public));
        let message = hex(message);
        let (head, tail) = message.split_at(message.len() / 2);
        let got = c.ok("a signer signs", signer.sign(&[head, tail]))?;
        c.bytes("signatures are those of RFC 8032", &got, &hex(signature));
        let verifier = c.ok("a public key loads", scheme.load_verifier(&hex(public)))?;
        let result = verifier.verify(&[&message], &hex(signature));
        c.equal("the signatures of RFC 8032 verify", result, Ok(()));
    }
    Ok(())
}

/// The verdict of a single verification.
pub(super) fn alone(c: &mut Checks, scheme: &dyn Signature, item: Signed<'_>, verdict: Verdict, name: &str) {
    let result = scheme.load_verifier(item.public).and_then(|key| key.verify(item.message, item.signature));
    let (check, expected) = match verdict {
        Verdict::Accept => ("what the rule accepts verifies", Ok(())),
        Verdict::RefuseKey => {
            ("a key that the rule refuses does not load", Err(CryptoError::InvalidPublicKey))
        }
        Verdict::RefuseSignature => {
            ("a signature that the rule refuses does not verify", Err(CryptoError::InvalidSignature))
        }
    };
    c.holds(check, result == expected, || {
        format!("{name}: {result:?}; key {}, signature {}", short(item.public), short(item.signature))
    });
}

/// The verdict of a batch, all other items of which are good.
pub(super) fn together(
    c: &mut Checks,
    result: &Result<(), CryptoError>,
    verdict: Verdict,
    name: impl FnOnce() -> String,
) {
    let (check, expected) = match verdict {
        Verdict::Accept => ("a batch accepts what single verification accepts", Ok(())),
        Verdict::RefuseKey => {
            ("a batch does not accept what single verification refuses", Err(CryptoError::InvalidPublicKey))
        }
        Verdict::RefuseSignature => {
            ("a batch does not accept what single verification refuses", Err(CryptoError::InvalidSignature))
        }
    };
    c.holds(check, *result == expected, || format!("{}: {result:?}", name()));
}

/// Two wrong signatures whose errors cancel if the coefficients are equal.
fn errors_do_not_cancel(c: &mut Checks, scheme: &dyn Signature, rng: Random<'_>, honest: &[Case]) {
    let shifted = |case: &Case, by: Scalar| {
        let (r, s) = case.signature.split_at(32);
        let signature = [r, (canonical(s) + by).as_bytes()].concat();
        Case { signature, verdict: Verdict::RefuseSignature, ..case.clone() }
    };
    for size in [3, 64] {
        let mut batch: Vec<Case> = honest.iter().take(size).cloned().collect();
        if let [first, .., last] = &mut batch[..] {
            (*first, *last) = (shifted(first, Scalar::ONE), shifted(last, -Scalar::ONE));
        }
        let batch: Vec<_> = batch.iter().map(Case::signed).collect();
        let result = scheme.verify_batch(&batch, rng);
        together(c, &result, Verdict::RefuseSignature, || {
            format!("errors of opposite sign in a batch of {size}")
        });
    }
}
