//! SHA-2, HMAC and HKDF: published vectors, and HKDF against the `hkdf` crate.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{hex, secret};
use pleach_crypto::{CryptoError, Hash, Kdf, Secret};
use pleach_rustcrypto::{HKDF_SHA256, HKDF_SHA384, HKDF_SHA512, SHA256, SHA384, SHA512};

#[test]
fn vectors_of_fips180_and_rfc4231() {
    let cases: [(&dyn Hash, &str, &str); 3] = [
        (
            &SHA256,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        (
            &SHA384,
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
        ),
        (
            &SHA512,
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a
             2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554
             9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
    ];
    for (hash, abc, mac) in cases {
        assert_eq!(hash.output_len(), hex(abc).len());
        assert_eq!(hash.hash(&[b"abc"]).as_bytes(), hex(abc));
        assert_eq!(hash.hash(&[b"", b"a", b"bc"]).as_bytes(), hex(abc));
        let key = secret("4a656665");
        assert_eq!(hash.hmac(&key, &[b"what do ya want for nothing?"]).as_bytes(), hex(mac));
        assert_eq!(hash.hmac(&key, &[b"what do ya want", b" for nothing?"]).as_bytes(), hex(mac));
    }
}

macro_rules! compare {
    ($ours:expr, $hash:ty) => {
        for len in [0, 1, 31, 32, 33, 48, 64, 65, 130, 1000, 255 * $ours.extract_len()] {
            let (salt, ikm): (Vec<u8>, Vec<u8>) = ((0..(len % 150) as u8).collect(), vec![7; len % 201]);
            let (prk, theirs) = hkdf::Hkdf::<$hash>::extract((!salt.is_empty()).then_some(&salt[..]), &ikm);
            let (head, tail) = ikm.split_at(ikm.len() / 3);
            let ours = $ours.extract(&salt, &[head, b"", tail]);
            assert_eq!(ours.as_bytes(), prk.as_slice());
            let mut expected = vec![0; len];
            theirs.expand(b"some info", &mut expected).unwrap();
            assert_eq!($ours.expand(&ours, &[b"some", b" info"], len).unwrap().as_bytes(), expected);
        }
        let too_long = 255 * $ours.extract_len() + 1;
        assert_eq!($ours.expand(&Secret::zero(64), &[], too_long), Err(CryptoError::OutputTooLong));
    };
}

#[test]
fn hkdf_agrees_with_the_hkdf_crate() {
    compare!(HKDF_SHA256, sha2::Sha256);
    compare!(HKDF_SHA384, sha2::Sha384);
    compare!(HKDF_SHA512, sha2::Sha512);
}
