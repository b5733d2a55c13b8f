//! Encodings of keys and ECDSA signatures that are nearly right. What the library underneath takes besides is refused here.
#![expect(clippy::unwrap_used, reason = "tests")]

use pleach_crypto::{CipherSuite, CryptoError, Kem, Secret, Signature, SignatureScheme};
use pleach_ring::{DHKEM_X25519, SUITES, SystemRandom};

/// The suites on a NIST curve, each with the length of a scalar and the order.
fn nist() -> impl Iterator<Item = (&'static CipherSuite, usize, Vec<u8>)> {
    SUITES.iter().filter_map(|suite| {
        let order = match suite.signature.scheme() {
            SignatureScheme::ECDSA_SECP256R1_SHA256 => {
                "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
            }
            SignatureScheme::ECDSA_SECP384R1_SHA384 => {
                "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf\
                 581a0db248b0a77aecec196accc52973"
            }
            _ => return None,
        };
        let order = hex::decode(order).unwrap();
        Some((suite, order.len(), order))
    })
}

/// A DER integer of this value, in the shortest form.
fn integer(value: &[u8]) -> Vec<u8> {
    let start = value.iter().position(|byte| *byte != 0).unwrap_or(value.len() - 1);
    let mut value = value[start..].to_vec();
    if value[0] >= 0x80 {
        value.insert(0, 0);
    }
    [&[2, value.len() as u8], &value[..]].concat()
}

fn sequence(content: &[u8]) -> Vec<u8> {
    let len = content.len() as u8;
    let head: &[u8] = if len < 0x80 { &[0x30, len] } else { &[0x30, 0x81, len] };
    [head, content].concat()
}

/// The order minus `s`, which makes another valid signature of it.
fn negated(order: &[u8], s: &[u8]) -> Vec<u8> {
    let s = [&vec![0; (order.len() + 1).saturating_sub(s.len())][..], s].concat();
    let mut borrow = 0;
    let mut out: Vec<u8> = order
        .iter()
        .rev()
        .zip(s.iter().rev())
        .map(|(order, s)| {
            let difference = i16::from(*order) - i16::from(*s) - borrow;
            borrow = i16::from(difference < 0);
            (difference & 0xFF) as u8
        })
        .collect();
    out.reverse();
    out
}

// breaks: R016
#[test]
fn only_the_shortest_der_of_values_in_range_verifies() {
    for (suite, len, order) in nist() {
        let pair = suite.signature.generate_key_pair(&SystemRandom).unwrap();
        let signer = suite.signature.load_signer(&pair.private).unwrap();
        let verifier = suite.signature.load_verifier(&pair.public).unwrap();
        let signature = signer.sign(&[b"message"]).unwrap();
        let content_at = if signature[1] == 0x81 { 3 } else { 2 };
        let content = &signature[content_at..];
        let (r, s) = content.split_at(2 + usize::from(content[1]));
        assert_eq!(sequence(&[r, s].concat()), signature);
        // High or low, both are taken.
        let other_s = integer(&negated(&order, &s[2..]));
        verifier.verify(&[b"message"], &signature).unwrap();
        verifier.verify(&[b"message"], &sequence(&[r, &other_s].concat())).unwrap();

        let padded = |integer: &[u8]| [&[2, integer[1] + 1, 0], &integer[2..]].concat();
        let fixed = |integer: &[u8]| {
            let value: Vec<u8> = integer[2..].iter().copied().skip_while(|byte| *byte == 0).collect();
            [&vec![0; len - value.len()][..], &value].concat()
        };
        let mut long_form = signature.clone();
        long_form.splice(1..content_at, [0x82, 0, content.len() as u8]);
        let mut long_integer = r.to_vec();
        long_integer.splice(1..2, [0x81, r[1]]);
        let order = integer(&order);
        let bad = [
            [&fixed(r)[..], &fixed(s)].concat(), // raw
            long_form,                           // BER length
            sequence(&[&long_integer[..], s].concat()),
            [&[0x30, 0x80][..], content, &[0, 0]].concat(), // indefinite length
            sequence(&[&padded(r)[..], s].concat()),        // leading zero
            sequence(&[r, &padded(s)[..]].concat()),
            sequence(&[r, s, &[5, 0]].concat()), // a third element
            [&signature[..], &[0]].concat(),     // a byte after the end
            sequence(r),
            sequence(&[&[2, 1, 0], s].concat()),    // r = 0
            sequence(&[r, &[2, 1, 0]].concat()),    // s = 0
            sequence(&[&[2, 0], s].concat()),       // an empty integer
            sequence(&[&[2, 1, 0x80], s].concat()), // a negative one
            sequence(&[r, &order[..]].concat()),    // s = order
            sequence(&[&order[..], s].concat()),    // r = order
            sequence(&[r, &[2, len as u8 + 1, 1][..], &vec![0; len]].concat()),
            [&[0x31], &signature[1..]].concat(), // a set
        ];
        let cut = (0..signature.len()).map(|end| signature[..end].to_vec());
        for (i, bad) in bad.into_iter().chain(cut).enumerate() {
            let verified = verifier.verify(&[b"message"], &bad);
            assert_eq!(verified, Err(CryptoError::InvalidSignature), "{i} of {len}");
        }
    }
}

/// Refused as a verification key, as an encryption key and as an encapsulated key.
fn refused(suite: &CipherSuite, public: &[u8]) {
    assert_eq!(
        suite.signature.load_verifier(public).unwrap_err(),
        CryptoError::InvalidPublicKey,
        "{public:02x?}"
    );
    refused_by_kem(suite.kem, public);
}

fn refused_by_kem(kem: &dyn Kem, public: &[u8]) {
    assert_eq!(kem.load_public(public).unwrap_err(), CryptoError::InvalidPublicKey, "{public:02x?}");
    let pair = kem.generate_key_pair(&SystemRandom).unwrap();
    let private = kem.load_private(&pair.private).unwrap();
    assert_eq!(private.decap(public), Err(CryptoError::InvalidEncapsulation), "{public:02x?}");
}

// breaks: R013, R014
#[test]
fn only_uncompressed_points_of_the_curve_are_keys() {
    for (suite, len, _) in nist() {
        let point = suite.kem.generate_key_pair(&SystemRandom).unwrap().public;
        let (x, y) = point[1..].split_at(len);
        let odd = y[len - 1] & 1;
        let mut moved = point.clone();
        moved[2 * len] ^= 1;
        for bad in [
            [&[2 + odd], x].concat(), // compressed
            [&[2 + odd], x, y].concat(),
            [&[5], x].concat(),          // compact
            [&[6 + odd], x, y].concat(), // hybrid
            [x, y].concat(),
            [&[4], y, x].concat(), // off the curve
            moved,
            [&[4][..], &vec![0; 2 * len]].concat(),
            [&[4][..], &vec![0xFF; 2 * len]].concat(), // coordinates beyond the field
            [&point[..], &[0]].concat(),
            point[..2 * len].to_vec(),
            vec![0; 1 + 2 * len],
            vec![0], // the point at infinity
            vec![],
        ] {
            refused(suite, &bad);
        }
    }
}

/// A `SubjectPublicKeyInfo` of P-256, which some libraries take wherever they take a point.
// breaks: R013
#[test]
fn x509_is_no_encoding_of_a_key() {
    let suite =
        SUITES.iter().find(|suite| suite.signature.scheme() == SignatureScheme::ECDSA_SECP256R1_SHA256);
    let suite = suite.unwrap();
    let point = suite.kem.generate_key_pair(&SystemRandom).unwrap().public;
    let head = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
    refused(suite, &[&head[..], &point].concat());
    let point = DHKEM_X25519.generate_key_pair(&SystemRandom).unwrap().public;
    let head = hex::decode("302a300506032b656e032100").unwrap();
    refused_by_kem(&DHKEM_X25519, &[&head[..], &point].concat());
}

#[test]
fn private_keys_are_scalars_in_range_and_of_full_length() {
    for (suite, len, order) in nist() {
        let load = |private: &[u8]| {
            let private = Secret::copy_from(private);
            let signer = suite.signature.load_signer(&private).map(drop);
            assert_eq!(suite.kem.load_private(&private).map(drop), signer);
            signer
        };
        let (mut one, mut below) = (vec![0; len], order.clone());
        one[len - 1] = 1;
        below[len - 1] -= 1;
        assert_eq!((load(&one), load(&below)), (Ok(()), Ok(())));
        for bad in [
            vec![0; len],
            order,
            vec![0xFF; len],
            one[1..].to_vec(),
            [&[0], &one[..]].concat(),
            [&one[..], &[0]].concat(),
            vec![],
        ] {
            assert_eq!(load(&bad), Err(CryptoError::InvalidPrivateKey), "{bad:02x?}");
        }
    }
}

#[test]
fn keys_of_x25519_and_ed25519_have_32_bytes() {
    let suite = SUITES.iter().find(|suite| suite.signature.scheme() == SignatureScheme::ED25519).unwrap();
    for bytes in (0..=70).filter(|len| *len != 32).map(|len| vec![7; len]) {
        let secret = Secret::copy_from(&bytes);
        assert_eq!(suite.kem.load_private(&secret).unwrap_err(), CryptoError::InvalidPrivateKey);
        assert_eq!(suite.signature.load_signer(&secret).unwrap_err(), CryptoError::InvalidPrivateKey);
        refused(suite, &bytes);
    }
}

#[test]
fn key_generation_samples_again_and_fails_with_its_randomness() {
    for (suite, len, _) in nist() {
        let scheme: &dyn Signature = suite.signature;
        let candidates = [vec![0; len], vec![0xFF; len], vec![1; len]].concat();
        let pair = scheme.generate_key_pair(&listed::Listed::new(&candidates)).unwrap();
        assert_eq!(pair.private.as_bytes(), vec![1; len]);
        for zeros in [0, 10, 100] {
            let generated = scheme.generate_key_pair(&listed::Listed::new(&vec![0; zeros * len]));
            assert_eq!(generated, Err(CryptoError::RandomUnavailable));
        }
    }
}

mod listed;
