//! The table of suites: which ones there are, what RFC 9420 §17.1 registers under their numbers, and how suites are mixed.
#![expect(clippy::unwrap_used, reason = "tests")]

use pleach_crypto::{CipherSuite, CipherSuiteId, CryptoProvider, SuiteAlgorithms, UnsupportedCipherSuite};
use pleach_ring::{AES_128_GCM, SUITES, provider};

/// The numbers of the suites that this crate claims.
const CLAIMED: [u16; 4] = [1, 2, 3, 7];

#[test]
fn the_claimed_suites_are_the_registered_ones() {
    assert_eq!(SUITES.map(|suite| suite.id.0), CLAIMED);
    assert_eq!(provider().suites.iter().map(|suite| suite.id.0).collect::<Vec<_>>(), CLAIMED);
    for suite in SUITES {
        assert_eq!(SuiteAlgorithms::registered(suite.id), Some(suite.algorithms()));
        suite.check().unwrap();
    }
}

// breaks: R012
#[test]
fn a_number_without_a_suite_is_refused() {
    for id in (0..=8).chain([0x0A0A, 0xF000, 0xFFFF]).filter(|id| !CLAIMED.contains(id)).map(CipherSuiteId) {
        let available = CLAIMED.map(CipherSuiteId).into();
        let error = provider().suite(id).unwrap_err();
        assert_eq!(error, UnsupportedCipherSuite { wanted: id, available });
    }
}

/// Seals by one suite and opens by the other.
fn seal_and_open(provider: &CryptoProvider, one: &CipherSuite, other: &CipherSuite) {
    let pair = other.kem.generate_key_pair(&*provider.random).unwrap();
    let public = one.kem.load_public(&pair.public).unwrap();
    let private = other.kem.load_private(&pair.private).unwrap();
    let sealed = one.encrypt_with_label(&*public, b"label", b"context", b"text", &*provider.random).unwrap();
    let opened =
        other.decrypt_with_label(&*private, b"label", b"context", &sealed.kem_output, &sealed.ciphertext);
    assert_eq!(opened.unwrap().as_bytes(), b"text");
}

#[test]
fn suites_are_mixed_by_struct_update() {
    let [base, .., other] = &SUITES;
    let mixed = CipherSuite { id: CipherSuiteId(0xF00D), kem: other.kem, ..*base };
    seal_and_open(&provider(), &mixed, &mixed);
}

#[test]
fn algorithms_of_two_backends_make_one_suite() {
    for ours in &SUITES {
        let theirs = pleach_rustcrypto::SUITES.iter().find(|suite| suite.id == ours.id).unwrap();
        seal_and_open(&provider(), ours, theirs);
        seal_and_open(&provider(), theirs, ours);
        let mixed = CipherSuite { kem: theirs.kem, hash: theirs.hash, ..*ours };
        mixed.check().unwrap();
        seal_and_open(&provider(), &mixed, ours);
        let wrong =
            CipherSuite { id: CipherSuiteId::X448_AES256GCM_SHA512_ED448, aead: &AES_128_GCM, ..*ours };
        assert!(wrong.check().is_err());
    }
}

#[test]
fn system_randomness_is_not_constant() {
    let random = provider().random;
    assert_ne!(random.secret(32).unwrap(), random.secret(32).unwrap());
    assert_ne!(random.bytes(32).unwrap(), [0; 32]);
    assert_eq!(random.bytes(0).unwrap(), []);
}
