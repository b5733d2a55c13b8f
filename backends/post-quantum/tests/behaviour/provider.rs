//! Composition over a base: what comes of it, and what is left out and why.

use crate::Rng;
use pleach_crypto::{AeadId, CipherSuite, CipherSuiteId, CryptoProvider, KdfId, SignatureScheme};
use pleach_post_quantum::{Lack, PostQuantumNumbering, PostQuantumSuite, left_out, provider, suites};
use std::borrow::Cow;

const OURS: PostQuantumNumbering = PostQuantumNumbering::PLEACH;

fn base() -> CryptoProvider {
    pleach_rustcrypto::provider()
}

// breaks: R012
#[test]
fn all_eleven_over_a_whole_base() {
    let provider = provider(base(), &OURS);
    assert_eq!(provider.suites.len(), 7 + 11);
    for (number, suite) in (1..).zip(&provider.suites[..7]) {
        assert_eq!(suite.id, CipherSuiteId(number));
    }
    for suite in PostQuantumSuite::ALL {
        let made = provider.suite(OURS.number(suite).unwrap()).unwrap();
        assert_eq!(made.algorithms(), suite.algorithms());
        made.check().unwrap();
    }
    assert_eq!(left_out(&base().suites, &OURS), []);
}

/// Each of them seals, opens, signs and verifies.
#[test]
fn the_suites_work() {
    for suite in suites(&base().suites, &OURS) {
        let pair = suite.kem.generate_key_pair(&Rng).unwrap();
        let (public, private) =
            (suite.kem.load_public(&pair.public).unwrap(), suite.kem.load_private(&pair.private).unwrap());
        let sealed =
            suite.encrypt_with_label(&*public, b"UpdatePathNode", b"context", b"secret", &Rng).unwrap();
        // The path secret of MLS is Nh long, and so the ciphertext is Nh + 16.
        assert_eq!(sealed.ciphertext.len(), 6 + 16);
        let parts = (sealed.kem_output.as_slice(), sealed.ciphertext.as_slice());
        let encryption = suite.encryption_with_label(b"UpdatePathNode", b"context").unwrap();
        assert_eq!(encryption.open(&*private, parts).unwrap().as_bytes(), b"secret");
        let other = suite.encryption_with_label(b"Welcome", b"context").unwrap();
        assert!(other.open(&*private, parts).is_err());

        let pair = suite.signature.generate_key_pair(&Rng).unwrap();
        let signer = suite.signature.load_signer(&pair.private).unwrap();
        let signature = suite.sign_with_label(&*signer, b"Label", &[b"content"]).unwrap();
        let verifier = suite.signature.load_verifier(&pair.public).unwrap();
        suite.verify_with_label(&*verifier, b"Label", &[b"content"], &signature).unwrap();
        assert!(suite.verify_with_label(&*verifier, b"Other", &[b"content"], &signature).is_err());
    }
}

#[test]
fn what_the_base_cannot_complete_is_left_out_and_named() {
    let keep = |ids: &[u16]| -> Vec<CipherSuite> {
        base().suites.iter().filter(|suite| ids.contains(&suite.id.0)).copied().collect()
    };
    let ids = |base: &[CipherSuite]| -> Vec<u8> {
        suites(base, &OURS).iter().map(|suite| OURS.suite(suite.id).unwrap().draft_id()).collect()
    };
    assert_eq!(ids(&[]), [0; 0]);
    assert_eq!(ids(&keep(&[1])), [1]);
    assert_eq!(ids(&keep(&[2])), [3]);
    assert_eq!(ids(&keep(&[7])), [5, 8, 10, 11]);
    assert_eq!(ids(&keep(&[1, 2, 3, 7])), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    let lacks = left_out(&keep(&[7]), &OURS);
    let [first, second, third, ..] = PostQuantumSuite::ALL;
    assert_eq!(
        lacks[..3],
        [
            (first, Lack::Kdf(KdfId::HKDF_SHA256)),
            (second, Lack::Signature(SignatureScheme::ED25519)),
            (third, Lack::Kdf(KdfId::HKDF_SHA256)),
        ]
    );
    assert!(lacks.contains(&(PostQuantumSuite::ALL[8], Lack::Aead(AeadId::CHACHA20_POLY1305))));
    assert_eq!(lacks.len() + 4, 11);
    // A provider over it is the base and those four.
    let small = CryptoProvider { suites: Cow::Owned(keep(&[7])), ..base() };
    assert_eq!(provider(small, &OURS).suites.len(), 5);
}

#[test]
fn suites_without_a_number_or_with_a_taken_one_are_left_out() {
    let mlspp = PostQuantumNumbering::MLSPP;
    assert_eq!(suites(&base().suites, &mlspp).len(), 3);
    assert_eq!(left_out(&base().suites, &mlspp)[0], (PostQuantumSuite::ALL[0], Lack::Number));
    // A provider that has them already is not given them twice.
    let twice = provider(provider(base(), &OURS), &OURS);
    assert_eq!(twice.suites.len(), 18);
    let taken = left_out(&twice.suites, &OURS);
    assert_eq!(taken.len(), 11);
    assert_eq!(taken[0].1, Lack::FreeNumber(CipherSuiteId(0xF0A1)));
}
