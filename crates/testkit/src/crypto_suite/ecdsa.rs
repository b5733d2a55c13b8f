//! ECDSA: RFC 6979's signatures, strict DER (R016), uncompressed points (R013), scalars in range, drawn and loaded.

use pleach_crypto::{CryptoError, Signature, SignatureKeyPair, SignatureScheme};

use super::Random;
use super::inputs::{Listed, der, hex, secret, short};
use super::nist::NistCurve;
use super::report::{Checks, Stop};

/// RFC 6979 A.2.5, A.2.6 and A.2.7, message "sample" with the hash of the scheme: private key, `r`, `s`; and the length of
/// a scalar.
fn vector(scheme: SignatureScheme) -> Option<(usize, [&'static str; 3])> {
    Some(match scheme {
        SignatureScheme::ECDSA_SECP256R1_SHA256 => (
            32,
            [
                "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
                "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
                "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
            ],
        ),
        SignatureScheme::ECDSA_SECP384R1_SHA384 => (
            48,
            [
                "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5",
                "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46",
                "99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8",
            ],
        ),
        SignatureScheme::ECDSA_SECP521R1_SHA512 => (
            66,
            [
                "00FAD06DAA62BA3B25D2FB40133DA757205DE67F5BB0018FEE8C86E1B68C7E75
                 CAA896EB32F1F47C70855836A6D16FCC1466F6D8FBEC67DB89EC0C08B0E996B83538",
                "00C328FAFCBD79DD77850370C46325D987CB525569FB63C5D3BC53950E6D4C5F
                 174E25A1EE9017B5D450606ADD152B534931D7D4E8455CC91F9B15BF05EC36E377FA",
                "00617CCE7CF5064806C467F678D3B4080D6F1CC50AF26CA209417308281B68AF
                 282623EAA63E5B5C0723D8B8C37FF0777B1A20F8CCB1DCCC43997F1EE0E44DA4A67A",
            ],
        ),
        _ => return None,
    })
}

/// A DER integer of this value, in the shortest form.
fn integer(value: &[u8]) -> Vec<u8> {
    let zeros = value.iter().take_while(|byte| **byte == 0).count().min(value.len().saturating_sub(1));
    let (_, value) = value.split_at(zeros);
    let sign: &[u8] = if value.first().is_some_and(|byte| *byte >= 0x80) { &[0] } else { &[] };
    [&[2, (value.len() + sign.len()) as u8], sign, value].concat()
}

fn sequence(content: &[u8]) -> Vec<u8> {
    der(0x30, content)
}

/// The two integers of a signature in strict DER, with their tags.
fn integers(signature: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let content = match signature {
        [0x30, 0x81, _, content @ ..] | [0x30, _, content @ ..] => content,
        _ => return None,
    };
    let [2, len, ..] = content else { return None };
    let (r, s) = content.split_at_checked(2 + usize::from(*len))?;
    (sequence(content) == signature).then(|| (r.to_vec(), s.to_vec()))
}

/// All checks, if the scheme is ECDSA.
pub(super) fn check(c: &mut Checks, scheme: &dyn Signature, rng: Random<'_>) -> Result<(), Stop> {
    let Some((len, [private, r, s])) = vector(scheme.scheme()) else { return Ok(()) };
    let signer = c.ok("a private key loads", scheme.load_signer(&secret(private)))?;
    let verifier = c.ok("a public key loads", scheme.load_verifier(signer.public()))?;
    let known = sequence(&[integer(&hex(r)), integer(&hex(s))].concat());
    c.equal("the signature of RFC 6979 verifies", verifier.verify(&[b"sam", b"", b"ple"], &known), Ok(()));
    let signature = c.ok("a signer signs", signer.sign(&[b"sample"]))?;
    c.note(if signature == known { "signs as RFC 6979 does" } else { "signs with random nonces" });

    c.part(|c| generation(c, scheme, len));
    let Some(curve) = NistCurve::of_len(len) else { return Ok(()) };
    c.part(|c| encodings(c, scheme, rng, &curve));
    let point = c.ok("a key pair is generated", scheme.generate_key_pair(rng))?.public;
    for (what, bad) in curve.bad_points(&point) {
        let loaded = scheme.load_verifier(&bad);
        let input = || format!("{what}: {}", short(&bad));
        c.refused(
            "only uncompressed points of the curve are public keys",
            loaded,
            &[CryptoError::InvalidPublicKey],
            input,
        );
    }
    c.ok("a point with small coordinates is a public key", scheme.load_verifier(&curve.small_point()))?;
    for (what, bad) in curve.bad_scalars() {
        let loaded = scheme.load_signer(&bad);
        let input = || what.to_owned();
        c.refused(
            "private keys are at least one and below the order",
            loaded,
            &[CryptoError::InvalidPrivateKey],
            input,
        );
    }
    for scalar in curve.edge_scalars() {
        let signer =
            c.ok("the smallest and the largest scalar are private keys", scheme.load_signer(&scalar))?;
        let signature = c.ok("a signer signs", signer.sign(&[b"message"]))?;
        let verifier = c.ok("a public key loads", scheme.load_verifier(signer.public()))?;
        c.equal(
            "the smallest and the largest scalar sign",
            verifier.verify(&[b"message"], &signature),
            Ok(()),
        );
    }
    Ok(())
}

/// Randomness that is no scalar makes no key: it takes more, or fails.
fn generation(c: &mut Checks, scheme: &dyn Signature, len: usize) -> Result<(), Stop> {
    let is_one = |c: &mut Checks, pair: &SignatureKeyPair| {
        let signer = c.ok("a generated private key is one", scheme.load_signer(&pair.private))?;
        c.bytes("a signer knows its public key", signer.public(), &pair.public);
        Ok(())
    };
    // More than one candidate's worth of the last, for who draws more bits and reduces them.
    let drawn = Listed::new(&[vec![0; len], vec![0xFF; len], vec![1; 4 * len]].concat());
    let check = "key generation samples again after a candidate that is no key";
    c.part(|c| {
        let pair = c.ok(check, scheme.generate_key_pair(&drawn))?;
        is_one(c, &pair)
    });
    for zeros in [1, 10, 100] {
        match scheme.generate_key_pair(&Listed::new(&vec![0; zeros * len])) {
            Ok(pair) => is_one(c, &pair)?,
            failed => {
                let input = || format!("{zeros} zeros");
                c.refused("no key without randomness", failed, &[CryptoError::RandomUnavailable], input);
            }
        }
    }
    Ok(())
}

/// Every way but one to write two integers.
fn encodings(c: &mut Checks, scheme: &dyn Signature, rng: Random<'_>, curve: &NistCurve) -> Result<(), Stop> {
    let pair = c.ok("a key pair is generated", scheme.generate_key_pair(rng))?;
    let signer = c.ok("a private key loads", scheme.load_signer(&pair.private))?;
    let verifier = c.ok("a public key loads", scheme.load_verifier(&pair.public))?;
    let signature = c.ok("a signer signs", signer.sign(&[b"message"]))?;
    let split = integers(&signature);
    c.holds("signatures are written in DER", split.is_some(), || short(&signature));
    let (Some((r, s)), [first, rest @ ..]) = (split, &signature[..]) else { return Ok(()) };

    let len = curve.order.len();
    let content = [&r[..], &s].concat();
    let padded = |integer: &[u8]| match integer {
        [tag, len, value @ ..] => [&[*tag, len + 1, 0], value].concat(),
        _ => Vec::new(),
    };
    let fixed = |integer: &[u8]| {
        let value: Vec<u8> = integer.iter().skip(2).copied().skip_while(|byte| *byte == 0).collect();
        [&vec![0; len.saturating_sub(value.len())][..], &value].concat()
    };
    let long = |integer: &[u8]| match integer {
        [tag, rest @ ..] => [&[*tag, 0x81], rest].concat(),
        [] => Vec::new(),
    };
    let order = integer(&curve.order);
    let zero: &[u8] = &[2, 1, 0];
    let content_len = content.len() as u8;
    let bad: Vec<(&'static str, Vec<u8>)> = vec![
        ("fixed lengths", [fixed(&r), fixed(&s)].concat()),
        ("a longer length", [&[0x30, 0x82, 0, content_len][..], &content].concat()),
        ("an indefinite length", [&[0x30, 0x80][..], &content, &[0, 0]].concat()),
        ("a zero before r", sequence(&[&padded(&r)[..], &s].concat())),
        ("a zero before s", sequence(&[&r[..], &padded(&s)].concat())),
        ("a longer length of r", sequence(&[&long(&r)[..], &s].concat())),
        ("a longer length of s", sequence(&[&r[..], &long(&s)].concat())),
        ("a third element", sequence(&[&r[..], &s, &[5, 0]].concat())),
        ("a byte after the end", [&signature[..], &[0]].concat()),
        ("a byte after the end, within", sequence(&[&content[..], &[0]].concat())),
        ("no s", sequence(&r)),
        ("nothing", sequence(&[])),
        ("r = 0", sequence(&[zero, &s].concat())),
        ("s = 0", sequence(&[&r[..], zero].concat())),
        ("both zero", sequence(&[zero, zero].concat())),
        ("an empty r", sequence(&[&[2, 0], &s[..]].concat())),
        ("an empty s", sequence(&[&r[..], &[2, 0]].concat())),
        ("a negative r", sequence(&[&[2, 1, 0x80], &s[..]].concat())),
        ("s = n", sequence(&[&r[..], &order].concat())),
        ("r = n", sequence(&[&order[..], &s].concat())),
        ("an s longer than the field", sequence(&[&r[..], &[2, len as u8 + 1, 1], &vec![0; len]].concat())),
        ("a set", [&[first ^ 1], rest].concat()),
        ("r as an octet string", sequence(&[&[4][..], r.split_at(1).1, &s].concat())),
        ("r and s swapped", sequence(&[&s[..], &r].concat())),
    ];
    for (what, bad) in bad {
        let result = verifier.verify(&[b"message"], &bad);
        c.refused(
            "only strict DER of values in range verifies",
            result,
            &[CryptoError::InvalidSignature],
            || format!("{what}: {}", short(&bad)),
        );
    }
    // If the content is short, the length in two bytes is not the shortest form.
    if content_len < 0x80 {
        let long = [&[0x30, 0x81, content_len][..], &content].concat();
        let result = verifier.verify(&[b"message"], &long);
        c.refused(
            "only strict DER of values in range verifies",
            result,
            &[CryptoError::InvalidSignature],
            || short(&long),
        );
    }
    // RFC 9420 has no rule against the larger s.
    let other_s = sequence(&[&r[..], &integer(&subtract(&curve.order, &fixed(&s)))].concat());
    c.equal("both values of s verify", verifier.verify(&[b"message"], &other_s), Ok(()));
    Ok(())
}

/// The difference of two numbers of the same length, the first of which is larger.
fn subtract(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut borrow = 0_i16;
    let mut difference: Vec<u8> = a
        .iter()
        .rev()
        .zip(b.iter().rev())
        .map(|(a, b)| {
            let digit = i16::from(*a) - i16::from(*b) - borrow;
            borrow = i16::from(digit < 0);
            digit.rem_euclid(256) as u8
        })
        .collect();
    difference.reverse();
    difference
}
