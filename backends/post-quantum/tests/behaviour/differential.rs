//! The fast implementation against the portable one: the same keys of the same seeds, each opens and verifies what the other
//! made, and both refuse the same.

use crate::kem::{Counting, pq_rank, set_coefficient, small_order};
use crate::{KEMS, Rng, SIGNATURES};
use pleach_crypto::{Kem, KemPrivateKey, Secret, SecureRandom, Signature};
use pleach_post_quantum::{self as pq, PostQuantumNumbering, PostQuantumSuite, fast};

const FAST_KEMS: [&dyn Kem; 5] =
    [&fast::ML_KEM_768, &fast::ML_KEM_1024, &fast::X_WING, &fast::MLKEM768_P256, &fast::MLKEM1024_P384];

const FAST_SIGNATURES: [&dyn Signature; 3] = [&fast::ML_DSA_44, &fast::ML_DSA_65, &fast::ML_DSA_87];

/// The two implementations of each KEM, either way round.
fn kem_pairs() -> impl Iterator<Item = [&'static dyn Kem; 2]> {
    let pairs: Vec<_> = KEMS.into_iter().zip(FAST_KEMS).map(|(portable, fast)| [portable, fast]).collect();
    let back: Vec<_> = pairs.iter().map(|[portable, fast]| [*fast, *portable]).collect();
    pairs.into_iter().chain(back)
}

fn signature_pairs() -> impl Iterator<Item = [&'static dyn Signature; 2]> {
    SIGNATURES
        .into_iter()
        .zip(FAST_SIGNATURES)
        .flat_map(|(portable, fast)| [[portable, fast], [fast, portable]])
}

#[test]
fn sizes_and_numbers_agree() {
    for [one, other] in kem_pairs() {
        assert_eq!(
            (one.id(), one.public_len(), one.private_len(), one.enc_len()),
            (other.id(), other.public_len(), other.private_len(), other.enc_len())
        );
    }
    let base = pleach_rustcrypto::provider();
    let provider = fast::provider(base, &PostQuantumNumbering::PLEACH);
    for suite in PostQuantumSuite::ALL {
        let made = provider.suite(PostQuantumNumbering::PLEACH.number(suite).unwrap()).unwrap();
        assert_eq!(made.algorithms(), suite.algorithms());
    }
}

#[test]
fn key_pairs_are_equal_byte_for_byte() {
    for [one, other] in kem_pairs() {
        for _ in 0..16 {
            let ikm = Rng.secret(48).unwrap();
            assert_eq!(one.derive_key_pair(&ikm).unwrap(), other.derive_key_pair(&ikm).unwrap());
            let pair = one.generate_key_pair(&Rng).unwrap();
            assert_eq!(other.load_private(&pair.private).unwrap().public(), pair.public);
        }
    }
    let ikm = Rng.secret(32).unwrap();
    assert_eq!(
        fast::X_WING_UNLABELLED.derive_key_pair(&ikm).unwrap(),
        pq::X_WING_UNLABELLED.derive_key_pair(&ikm).unwrap()
    );
}

/// Of the same randomness both make the same ciphertext, and of every ciphertext the same secret, changed or not.
#[test]
fn each_decapsulates_what_the_other_encapsulated() {
    for [one, other] in kem_pairs() {
        for round in 0..16 {
            let pair = one.generate_key_pair(&Rng).unwrap();
            let keys = [one, other].map(|kem| kem.load_public(&pair.public).unwrap());
            let [first, second] = keys.each_ref().map(|key| key.encap(&Counting(round)).unwrap());
            assert_eq!(first, second);
            let keys = [one, other].map(|kem| kem.load_private(&pair.private).unwrap());
            let (secret, enc) = one.load_public(&pair.public).unwrap().encap(&Rng).unwrap();
            assert!(keys.iter().all(|key| key.decap(&enc).unwrap() == secret));
            for at in [0, 1, 319, 320, 639, 640, 959, 960, 1087] {
                let mut changed = enc.clone();
                changed[at] ^= 1 << (round % 8);
                let [first, second] = keys.each_ref().map(|key| key.decap(&changed).unwrap());
                assert_eq!(first, second);
                assert_ne!(first, secret);
            }
        }
    }
}

/// Ciphertexts that no encapsulation makes: all zeros, all ones, random bytes.
#[test]
fn arbitrary_ciphertexts_give_the_same_secret() {
    for (portable, fast) in KEMS.into_iter().zip(FAST_KEMS) {
        let pair = portable.generate_key_pair(&Rng).unwrap();
        let keys = [portable, fast].map(|kem| kem.load_private(&pair.private).unwrap());
        let valid = portable.load_public(&pair.public).unwrap().encap(&Rng).unwrap().1;
        let ml_kem_len = if pq_rank(portable) == 4 { 1568 } else { 1088 };
        let random = Rng.bytes(ml_kem_len).unwrap();
        for start in [vec![0; ml_kem_len], vec![0xFF; ml_kem_len], random] {
            let enc = [&start, &valid[ml_kem_len..]].concat();
            let [first, second] = keys.each_ref().map(|key| key.decap(&enc).unwrap());
            assert_eq!(first, second);
        }
    }
}

/// The two implementations of one KEM and a key pair of it, asked the same things.
struct Both {
    kems: [&'static dyn Kem; 2],
    keys: [Box<dyn KemPrivateKey>; 2],
    public: Vec<u8>,
    enc: Vec<u8>,
    /// The length of ML-KEM's part of a public key.
    public_split: usize,
}

impl Both {
    fn all() -> impl Iterator<Item = Self> {
        KEMS.into_iter().zip(FAST_KEMS).map(|(portable, fast)| {
            let pair = portable.generate_key_pair(&Rng).unwrap();
            let enc = portable.load_public(&pair.public).unwrap().encap(&Rng).unwrap().1;
            Self {
                kems: [portable, fast],
                keys: [portable, fast].map(|kem| kem.load_private(&pair.private).unwrap()),
                public_split: pq_rank(portable) * 384 + 32,
                public: pair.public,
                enc,
            }
        })
    }

    /// Whether they load this public key.
    fn load(&self, bytes: &[u8]) -> bool {
        let [first, second] = self.kems.map(|kem| kem.load_public(bytes).map(drop));
        assert_eq!(first, second);
        first.is_ok()
    }

    /// Whether they decapsulate this.
    fn decap(&self, enc: &[u8]) -> bool {
        let [first, second] = self.keys.each_ref().map(|key| key.decap(enc));
        assert_eq!(first, second);
        first.is_ok()
    }
}

/// Both places of every triple of bytes: a vectorized check has no blind lane.
// breaks: R014
#[test]
fn both_refuse_coefficients_that_are_not_reduced() {
    for both in Both::all() {
        for at in (0..both.public_split - 32).step_by(3) {
            for second in [false, true] {
                let mut public = both.public.clone();
                for (value, valid) in [(3328, true), (3329, false), (4095, false)] {
                    set_coefficient(&mut public[at..at + 3], second, value);
                    assert_eq!(both.load(&public), valid);
                }
            }
        }
    }
}

// breaks: R014
#[test]
fn both_refuse_wrong_lengths() {
    for both in Both::all() {
        let [portable, _] = both.kems;
        for len in (0..both.public.len()).step_by(41).chain([both.public.len() - 1]) {
            assert!(!both.load(&both.public[..len]));
        }
        for len in (0..both.enc.len()).step_by(41).chain([both.enc.len() - 1]) {
            assert!(!both.decap(&both.enc[..len]));
        }
        assert!(!both.load(&[&*both.public, &[0]].concat()));
        assert!(!both.decap(&[&*both.enc, &[0]].concat()));
        for len in [0, 31, 32, 33, 63, 64, 65, 2400, 3168] {
            let [first, second] = both.kems.map(|kem| kem.load_private(&Secret::zero(len)).map(drop));
            assert_eq!(first, second);
            assert_eq!(first.is_ok(), len == portable.private_len());
        }
    }
}

/// The classical half: all forms of points, points off the curve and of small order, values above the field.
// breaks: R013, R014
#[test]
fn both_refuse_the_same_classical_halves() {
    for both in Both::all() {
        let half_len = both.public.len() - both.public_split;
        let nist = half_len > 32;
        if half_len == 0 {
            continue;
        }
        for (bytes, public) in [(&both.public, true), (&both.enc, false)] {
            let (pq, half) = bytes.split_at(bytes.len() - half_len);
            let accepted = |half: &[u8]| {
                let changed = [pq, half].concat();
                if public { both.load(&changed) } else { both.decap(&changed) }
            };
            assert!(accepted(half));
            for form in 0..=9 {
                let changed = [&[form], &half[1..]].concat();
                // The first byte of an X25519 key is as good as any.
                assert_eq!(accepted(&changed), !nist || form == 4);
            }
            let mut off_curve = half.to_vec();
            off_curve[half_len - 1] ^= 1;
            assert_eq!(accepted(&off_curve), !nist);
            assert!(!accepted(&vec![0; half_len]));
            // 2^255 - 1 is 18 modulo p: not canonical, and as RFC 7748 has it, accepted.
            assert_eq!(accepted(&vec![0xFF; half_len]), !nist);
            if !nist {
                assert!(small_order().iter().all(|point| !accepted(point)));
            }
        }
    }
}

#[test]
fn each_verifies_what_the_other_signed() {
    for [one, other] in signature_pairs() {
        for len in [0, 1, 300, 5000] {
            let pair = one.generate_key_pair(&Rng).unwrap();
            let signers = [one, other].map(|scheme| scheme.load_signer(&pair.private).unwrap());
            assert!(signers.iter().all(|signer| signer.public() == pair.public));
            let message = Rng.bytes(len).unwrap();
            let (start, end) = message.split_at(len / 3);
            let signature = signers[0].sign(&[start, end]).unwrap();
            let verifiers = [one, other].map(|scheme| scheme.load_verifier(&pair.public).unwrap());
            for verifier in &verifiers {
                verifier.verify(&[&message], &signature).unwrap();
                verifier.verify(&[start, end], &signature).unwrap();
            }
            // Every byte of the signature counts, and to both alike: the challenge, the response, the hint and its padding.
            for at in (0..signature.len()).step_by(97).chain([signature.len() - 1]) {
                let mut changed = signature.clone();
                changed[at] ^= 0x10;
                let [first, second] =
                    verifiers.each_ref().map(|verifier| verifier.verify(&[&message], &changed));
                assert!(first.is_err());
                assert_eq!(first, second);
            }
            for changed in [&signature[1..], &[&*signature, &[0]].concat()] {
                let [first, second] =
                    verifiers.each_ref().map(|verifier| verifier.verify(&[&message], changed));
                assert!(first.is_err());
                assert_eq!(first, second);
            }
        }
        let keys = [vec![], vec![0; 1312], vec![0xFF; 1952], vec![7; 2592], vec![0; 1334]];
        for key in keys {
            let [first, second] = [one, other].map(|scheme| scheme.load_verifier(&key).map(drop));
            assert_eq!(first, second);
        }
        for len in [0, 31, 32, 33, 64] {
            let [first, second] = [one, other].map(|scheme| scheme.load_signer(&Secret::zero(len)).map(drop));
            assert_eq!(first, second);
            assert_eq!(first.is_ok(), len == 32);
        }
    }
}

/// The portable signer is deterministic, the fast one hedges: both are allowed, and neither is the other by accident.
#[test]
fn portable_signing_is_deterministic_and_fast_signing_is_hedged() {
    let pair = pq::ML_DSA_44.generate_key_pair(&Rng).unwrap();
    let twice = |scheme: &dyn Signature| {
        let signer = scheme.load_signer(&pair.private).unwrap();
        [(); 2].map(|()| signer.sign(&[b"message"]).unwrap())
    };
    let [first, second] = twice(&pq::ML_DSA_44);
    assert_eq!(first, second);
    let [first, second] = twice(&fast::ML_DSA_44);
    assert_ne!(first, second);
}

// breaks: R278
#[test]
fn no_secret_is_shown() {
    let pair = FAST_KEMS[0].generate_key_pair(&Rng).unwrap();
    let shown = format!("{:?}", FAST_KEMS[0].load_private(&pair.private).unwrap());
    assert!(shown.ends_with("redacted)"), "{shown}");
    let pair = FAST_SIGNATURES[0].generate_key_pair(&Rng).unwrap();
    let shown = format!("{:?}", FAST_SIGNATURES[0].load_signer(&pair.private).unwrap());
    let dump = |bytes: &[u8]| (format!("{bytes:?}"), hex::encode(bytes));
    let (numbers, digits) = dump(pair.private.as_bytes());
    assert!(!shown.contains(&numbers) && !shown.contains(&digits), "{shown}");
}
