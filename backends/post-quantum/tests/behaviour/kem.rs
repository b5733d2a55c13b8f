//! Sizes, wrong lengths, keys and points that are not, and what decapsulation makes of a ciphertext that was changed.

use crate::{KEMS, Rng};
use pleach_crypto::{CryptoError, Kem, KemId, Secret, SecureRandom};
use pleach_post_quantum as pq;

/// `Nenc`, `Npk` and `Nsk` of draft-ietf-hpke-pq-05.
const SIZES: [(KemId, usize, usize, usize); 5] = [
    (KemId::ML_KEM_768, 1088, 1184, 64),
    (KemId::ML_KEM_1024, 1568, 1568, 64),
    (KemId::MLKEM768_X25519, 1120, 1216, 32),
    (KemId::MLKEM768_P256, 1153, 1249, 32),
    (KemId::MLKEM1024_P384, 1665, 1665, 32),
];

#[test]
fn sizes_are_those_of_the_draft() {
    for (kem, (id, enc_len, public_len, private_len)) in KEMS.into_iter().zip(SIZES) {
        assert_eq!(
            (kem.id(), kem.enc_len(), kem.public_len(), kem.private_len()),
            (id, enc_len, public_len, private_len)
        );
        let pair = kem.generate_key_pair(&Rng).unwrap();
        assert_eq!((pair.public.len(), pair.private.len()), (public_len, private_len));
        let (secret, enc) = kem.load_public(&pair.public).unwrap().encap(&Rng).unwrap();
        assert_eq!((secret.len(), enc.len()), (32, enc_len));
    }
}

/// A fresh key pair is a random seed and what it expands to; derivation is a function of its input.
#[test]
fn a_private_key_is_a_seed() {
    for kem in KEMS {
        let pair = kem.generate_key_pair(&Rng).unwrap();
        assert_ne!(pair, kem.generate_key_pair(&Rng).unwrap());
        let key = kem.load_private(&pair.private).unwrap();
        assert_eq!(key.public(), pair.public);
        let (secret, enc) = kem.load_public(&pair.public).unwrap().encap(&Rng).unwrap();
        assert_eq!(key.decap(&enc).unwrap(), secret);
        // An expanded key serves more than once.
        assert_eq!(key.decap(&enc).unwrap(), secret);
        let ikm = Rng.secret(48).unwrap();
        assert_eq!(kem.derive_key_pair(&ikm).unwrap(), kem.derive_key_pair(&ikm).unwrap());
    }
}

// breaks: R014
#[test]
fn wrong_lengths_are_typed_errors() {
    for kem in KEMS {
        let pair = kem.generate_key_pair(&Rng).unwrap();
        let key = kem.load_private(&pair.private).unwrap();
        let enc = kem.load_public(&pair.public).unwrap().encap(&Rng).unwrap().1;
        for (bytes, what) in [(&pair.public, "public"), (&enc, "enc")] {
            let long = [bytes.as_slice(), &[0]].concat();
            let halves = [0, 1, 32, 1088, 1184, bytes.len() - 1].into_iter().filter(|len| *len < bytes.len());
            for wrong in halves.map(|len| &bytes[..len]).chain([long.as_slice()]) {
                if what == "public" {
                    assert_eq!(kem.load_public(wrong).unwrap_err(), CryptoError::InvalidPublicKey);
                } else {
                    assert_eq!(key.decap(wrong).unwrap_err(), CryptoError::InvalidEncapsulation);
                }
            }
        }
        for len in [0, 31, 32, 33, 63, 64, 65, 96, 2400] {
            let loaded = kem.load_private(&Secret::zero(len));
            if len == kem.private_len() {
                assert!(loaded.is_ok());
            } else {
                assert_eq!(loaded.unwrap_err(), CryptoError::InvalidPrivateKey);
            }
        }
    }
}

/// FIPS 203 §7.2: a coefficient of q or more, in the first and the second place of a triple of bytes, in every polynomial.
// breaks: R014
#[test]
fn coefficients_that_are_not_reduced_are_refused() {
    for kem in KEMS {
        let pair = kem.generate_key_pair(&Rng).unwrap();
        for polynomial in 0..pq_rank(kem) {
            for pair_of_coefficients in [0, 1, 63, 127] {
                for second in [false, true] {
                    let at = polynomial * 384 + pair_of_coefficients * 3;
                    for (value, valid) in [(3328, true), (3329, false), (3330, false), (4095, false)] {
                        let mut public = pair.public.clone();
                        set_coefficient(&mut public[at..at + 3], second, value);
                        assert_eq!(
                            kem.load_public(&public).is_ok(),
                            valid,
                            "{} {at} {second} {value}",
                            kem.id()
                        );
                    }
                }
            }
        }
        // Every value of the seed of the matrix is valid.
        let mut public = pair.public.clone();
        public[pq_rank(kem) * 384..][..32].fill(0xFF);
        kem.load_public(&public).unwrap();
    }
}

/// The rank of the module.
pub(crate) fn pq_rank(kem: &dyn Kem) -> usize {
    if matches!(kem.id(), KemId::ML_KEM_1024 | KemId::MLKEM1024_P384) { 4 } else { 3 }
}

/// Two coefficients of 12 bits are three bytes.
pub(crate) fn set_coefficient(triple: &mut [u8], second: bool, value: u16) {
    let [low, high] = value.to_le_bytes();
    if second {
        triple[1] = (triple[1] & 0x0F) | (low << 4);
        triple[2] = (low >> 4) | (high << 4);
    } else {
        triple[0] = low;
        triple[1] = (triple[1] & 0xF0) | high;
    }
}

/// A changed ciphertext of ML-KEM is decapsulated, to another secret, always the same one.
#[test]
fn rejection_is_implicit() {
    for kem in KEMS {
        let pair = kem.generate_key_pair(&Rng).unwrap();
        let key = kem.load_private(&pair.private).unwrap();
        let (secret, enc) = kem.load_public(&pair.public).unwrap().encap(&Rng).unwrap();
        for at in [0, 500, 1087] {
            let mut changed = enc.clone();
            changed[at] ^= 1;
            let rejected = key.decap(&changed).unwrap();
            assert_ne!(rejected, secret);
            assert_eq!(rejected, key.decap(&changed).unwrap());
            let again = kem.load_private(&pair.private).unwrap();
            assert_eq!(rejected, again.decap(&changed).unwrap());
        }
    }
}

/// Small-order points on Curve25519 or its twist, with either top bit.
pub(crate) fn small_order() -> Vec<[u8; 32]> {
    let mut zero = [0; 32];
    let mut one = zero;
    one[0] = 1;
    let mut points = vec![zero, one];
    for low in [0xEC, 0xED, 0xEE] {
        let mut point = [0xFF; 32];
        (point[0], point[31]) = (low, 0x7F);
        points.push(point);
    }
    for hex in [
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    ] {
        hex::decode_to_slice(hex, &mut zero).unwrap();
        points.push(zero);
    }
    let with_top_bit: Vec<_> = points
        .iter()
        .map(|point| {
            let mut point = *point;
            point[31] |= 0x80;
            point
        })
        .collect();
    points.into_iter().chain(with_top_bit).collect()
}

// breaks: R014
#[test]
fn a_degenerate_x25519_half_is_refused() {
    let kem: &dyn Kem = &pq::X_WING;
    let pair = kem.generate_key_pair(&Rng).unwrap();
    let key = kem.load_private(&pair.private).unwrap();
    let enc = kem.load_public(&pair.public).unwrap().encap(&Rng).unwrap().1;
    for point in small_order() {
        let public = [&pair.public[..1184], &point].concat();
        assert_eq!(kem.load_public(&public).unwrap_err(), CryptoError::InvalidPublicKey);
        let enc = [&enc[..1088], &point].concat();
        assert_eq!(key.decap(&enc).unwrap_err(), CryptoError::InvalidEncapsulation);
    }
}

// breaks: R013, R014
#[test]
fn a_nist_half_that_is_no_uncompressed_point_is_refused() {
    let hybrids: [(&dyn Kem, usize, usize); 2] =
        [(&pq::MLKEM768_P256, 1184, 1088), (&pq::MLKEM1024_P384, 1568, 1568)];
    for (kem, pq_public, pq_enc) in hybrids {
        let pair = kem.generate_key_pair(&Rng).unwrap();
        let key = kem.load_private(&pair.private).unwrap();
        let enc = kem.load_public(&pair.public).unwrap().encap(&Rng).unwrap().1;
        let last = pair.public.len() - 1;
        for change in [
            // Hybrid and compressed forms, infinity, and off the curve.
            &(|bytes: &mut Vec<u8>, at: usize| bytes[at] = 6) as &dyn Fn(&mut Vec<u8>, usize),
            &|bytes, at| bytes[at] = 7,
            &|bytes, at| bytes[at] = 2,
            &|bytes, at| bytes[at] = 0,
            &|bytes, at| bytes[at + 1..].fill(0),
            &|bytes, at| bytes[at + 1..].fill(0xFF),
            &|bytes, at| bytes[at + 1] ^= 1,
        ] {
            let (mut public, mut enc) = (pair.public.clone(), enc.clone());
            change(&mut public, pq_public);
            assert_eq!(kem.load_public(&public).unwrap_err(), CryptoError::InvalidPublicKey);
            change(&mut enc, pq_enc);
            assert_eq!(key.decap(&enc).unwrap_err(), CryptoError::InvalidEncapsulation);
        }
        let mut compressed = pair.public[..pq_public + 1 + (last - pq_public) / 2].to_vec();
        compressed[pq_public] = 2;
        assert_eq!(kem.load_public(&compressed).unwrap_err(), CryptoError::InvalidPublicKey);
    }
}

/// Everything that encapsulation needs comes from the randomness that it is given.
#[test]
fn encapsulation_is_a_function_of_its_randomness() {
    for kem in KEMS {
        let pair = kem.derive_key_pair(&Secret::zero(32)).unwrap();
        let public = kem.load_public(&pair.public).unwrap();
        assert_eq!(public.encap(&Counting(7)).unwrap(), public.encap(&Counting(7)).unwrap());
        assert_ne!(public.encap(&Counting(7)).unwrap(), public.encap(&Counting(8)).unwrap());
        assert_eq!(public.encap(&Broken).unwrap_err(), CryptoError::RandomUnavailable);
        assert_eq!(kem.generate_key_pair(&Broken).unwrap_err(), CryptoError::RandomUnavailable);
    }
}

/// Predictable "randomness".
#[derive(Debug)]
pub(crate) struct Counting(pub(crate) u8);

impl SecureRandom for Counting {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        for (at, byte) in out.iter_mut().enumerate() {
            *byte = (at as u8).wrapping_mul(31).wrapping_add(self.0);
        }
        Ok(())
    }
}

/// None at all.
#[derive(Debug)]
struct Broken;

impl SecureRandom for Broken {
    fn fill(&self, _: &mut [u8]) -> Result<(), CryptoError> {
        Err(CryptoError::RandomUnavailable)
    }
}

/// `RandomScalar`: chunks that are no scalar are passed over, and a seed without any is an error, not a weak key.
#[test]
fn scalars_are_sampled_by_rejection() {
    #[derive(Debug)]
    struct Chunks(Vec<u8>);
    impl SecureRandom for Chunks {
        fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
            let message = out.len() == 32;
            out.copy_from_slice(if message { &[1; 32] } else { &self.0 });
            Ok(())
        }
    }
    let pair = pq::MLKEM768_P256.generate_key_pair(&Rng).unwrap();
    let public = pq::MLKEM768_P256.load_public(&pair.public).unwrap();
    let (zero, large, scalar, other) = ([0; 32], [0xFF; 32], [7; 32], [8; 32]);
    let first = public.encap(&Chunks([scalar, other, other, other].concat())).unwrap();
    for late in [[zero, scalar, other, other], [zero, large, scalar, other], [large, large, zero, scalar]] {
        assert_eq!(public.encap(&Chunks(late.concat())).unwrap(), first);
    }
    assert_eq!(
        public.encap(&Chunks([zero, large, zero, large].concat())).unwrap_err(),
        CryptoError::RandomUnavailable
    );
}
// breaks: R278
#[test]
fn no_secret_is_shown() {
    for kem in KEMS {
        let pair = kem.generate_key_pair(&Rng).unwrap();
        let shown = format!("{:?}", kem.load_private(&pair.private).unwrap());
        assert_eq!(shown, format!("PrivateKey({}, redacted)", kem.id()));
    }
}

/// draft-connolly-cfrg-xwing-kem, Appendix C, the first vector. Its `eseed` is the randomness of ML-KEM and the seed of the
/// ephemeral key, in this order.
#[test]
fn the_vector_of_the_x_wing_draft() {
    #[derive(Debug)]
    struct Listed(std::sync::Mutex<Vec<u8>>);
    impl SecureRandom for Listed {
        fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
            let mut rest = self.0.lock().unwrap();
            let tail = rest.split_off(out.len());
            out.copy_from_slice(&std::mem::replace(&mut *rest, tail));
            Ok(())
        }
    }
    let seed = hex::decode("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26").unwrap();
    let key = pq::X_WING.load_private(&Secret::from(seed)).unwrap();
    let eseed = hex::decode(
        "3cb1eea988004b93103cfb0aeefd2a686e01fa4a58e8a3639ca8a1e3f9ae57e2\
         35b8cc873c23dc62b8d260169afa2f75ab916a58d974918835d25e6a435085b2",
    );
    let public = pq::X_WING.load_public(key.public()).unwrap();
    let (secret, enc) = public.encap(&Listed(eseed.unwrap().into())).unwrap();
    assert_eq!(
        hex::encode(secret.as_bytes()),
        "d2df0522128f09dd8e2c92b1e905c793d8f57a54c3da25861f10bf4ca613e384"
    );
    assert_eq!(key.decap(&enc).unwrap(), secret);
    assert_eq!(hex::encode(&key.public()[..16]), "e2236b35a8c24b39b10aa1323a96a919");
    assert_eq!(hex::encode(&enc[..16]), "b83aa828d4d62b9a83ceffe1d3d3bb1e");
}
