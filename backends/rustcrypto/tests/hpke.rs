//! HPKE of `pleach-crypto` on these algorithms: vectors of RFC 9180, and both directions against the crate `hpke`.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;
mod listed;

use common::{hex, secret};
use hpke::aead::{AesGcm128, AesGcm256, ChaCha20Poly1305};
use hpke::kdf::{HkdfSha256, HkdfSha384, HkdfSha512};
use hpke::kem::{DhP256HkdfSha256, DhP384HkdfSha384, DhP521HkdfSha512, X25519HkdfSha256};
use hpke::{Deserializable, OpModeR, OpModeS, PskBundle, Serializable};
use listed::Listed;
use pleach_crypto::hpke::{setup_base_r, setup_base_s, setup_psk_r, setup_psk_s};
use pleach_crypto::{CipherSuite, CryptoError, Secret};
use pleach_rustcrypto::{SUITES, SystemRandom};

const INFO: &str = "4f6465206f6e2061204772656369616e2055726e";
const TEXT: &str = "4265617574792069732074727574682c20747275746820626561757479";
const PSK: &str = "0247fd33b913760fa1fa51e1892d9f307fbe65eb171e8132c2af18555a738b82";
const PSK_ID: &str = "456e6e796e20447572696e206172616e204d6f726961";

/// RFC 9180 A.1.1: base mode.
#[test]
fn base_mode_of_rfc9180() {
    let [suite, ..] = &SUITES;
    let ikm_r = secret("6db9df30aa07dd42ee5e8181afdb977e538f5e1fec8a06223f33f7013e525037");
    let ikm_e = hex("7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234");
    let pair = suite.kem.derive_key_pair(&ikm_r).unwrap();
    let public = suite.kem.load_public(&pair.public).unwrap();
    let private = suite.kem.load_private(&pair.private).unwrap();
    let (enc, mut sender) = setup_base_s(suite, &*public, &hex(INFO), &Listed::new(&ikm_e)).unwrap();
    let mut receiver = setup_base_r(suite, &*private, &enc, &hex(INFO)).unwrap();
    assert_eq!(enc, hex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431"));
    let known = [
        (0, "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"),
        (1, "af2d7e9ac9ae7e270f46ba1f975be53c09f8d875bdc8535458c2494e8a6eab251c03d0c22a56b8ca42c2063b84"),
        (2, "498dfcabd92e8acedc281e85af1cb4e3e31c7dc394a1ca20e173cb72516491588d96a19ad4a683518973dcc180"),
        (4, "583bd32bc67a5994bb8ceaca813d369bca7b2a42408cddef5e22f880b631215a09fc0012bc69fccaa251c0246d"),
        (255, "7175db9717964058640a3a11fb9007941a5d1757fda1a6935c805c21af32505bf106deefec4a49ac38d71c9e0a"),
        (256, "957f9800542b0b8891badb026d79cc54597cb2d225b54c00c5238c25d05c30e3fbeda97d2e0e1aba483a2df9f2"),
    ];
    for sequence in 0..=256 {
        let aad = format!("Count-{sequence}");
        let sealed = sender.seal(aad.as_bytes(), &hex(TEXT)).unwrap();
        assert_eq!(receiver.open(aad.as_bytes(), &sealed).unwrap().as_bytes(), hex(TEXT));
        if let Some((_, expected)) = known.iter().find(|(known, _)| *known == sequence) {
            assert_eq!(sealed, hex(expected));
        }
    }
    for (context, expected) in [
        ("", "3853fe2b4035195a573ffc53856e77058e15d9ea064de3e59f4961d0095250ee"),
        ("00", "2e8f0b54673c7029649d4eb9d5e33bf1872cf76d623ff164ac185da9e88c21a5"),
        ("54657374436f6e74657874", "e9e43065102c3836401bed8c3c3c75ae46be1639869391d62c61f1ec7af54931"),
    ] {
        assert_eq!(receiver.export(&hex(context), 32).unwrap().as_bytes(), hex(expected));
        assert_eq!(sender.export(&hex(context), 32).unwrap().as_bytes(), hex(expected));
    }
}

/// RFC 9180 A.1.2: PSK mode.
#[test]
fn psk_mode_of_rfc9180() {
    let [suite, ..] = &SUITES;
    let ikm_r = secret("d4a09d09f575fef425905d2ab396c1449141463f698f8efdb7accfaff8995098");
    let ikm_e = hex("78628c354e46f3e169bd231be7b2ff1c77aa302460a26dbfa15515684c00130b");
    let public = suite.kem.load_public(&suite.kem.derive_key_pair(&ikm_r).unwrap().public).unwrap();
    let (enc, mut sender) =
        setup_psk_s(suite, &*public, &hex(INFO), &secret(PSK), &hex(PSK_ID), &Listed::new(&ikm_e)).unwrap();
    assert_eq!(enc, hex("0ad0950d9fb9588e59690b74f1237ecdf1d775cd60be2eca57af5a4b0471c91b"));
    for (aad, expected) in [
        (
            "Count-0",
            "e52c6fed7f758d0cf7145689f21bc1be6ec9ea097fef4e959440012f4feb73fb611b946199e681f4cfc34db8ea",
        ),
        (
            "Count-1",
            "49f3b19b28a9ea9f43e8c71204c00d4a490ee7f61387b6719db765e948123b45b61633ef059ba22cd62437c8ba",
        ),
    ] {
        assert_eq!(sender.seal(aad.as_bytes(), &hex(TEXT)).unwrap(), hex(expected));
    }
}

/// Seals, opens and exports in base and PSK mode, once with us as the sender and once as the receiver.
fn agrees_with_oracle<A, K, M>(suite: &CipherSuite)
where
    A: hpke::aead::Aead,
    K: hpke::kdf::Kdf,
    M: hpke::Kem,
{
    let (psk, psk_id) = (secret(PSK), hex(PSK_ID));
    for round in 0..4 {
        let info = vec![round; 40 * usize::from(round)];
        let ikm = Secret::from_fn(suite.kem.private_len(), |ikm| ikm.fill(round + 1));
        let pair = suite.kem.derive_key_pair(&ikm).unwrap();
        let public = suite.kem.load_public(&pair.public).unwrap();
        let private = suite.kem.load_private(&pair.private).unwrap();
        let (their_private, their_public) = M::derive_keypair(ikm.as_bytes());
        assert_eq!(their_public.to_bytes().as_slice(), pair.public);

        for with_psk in [false, true] {
            let bundle = || PskBundle::new(psk.as_bytes(), &psk_id).unwrap();

            let (enc, mut ours) = if with_psk {
                setup_psk_s(suite, &*public, &info, &psk, &psk_id, &SystemRandom).unwrap()
            } else {
                setup_base_s(suite, &*public, &info, &SystemRandom).unwrap()
            };
            let mode = if with_psk { OpModeR::Psk(bundle()) } else { OpModeR::Base };
            let enc = M::EncappedKey::from_bytes(&enc).unwrap();
            let mut theirs = hpke::setup_receiver::<A, K, M>(&mode, &their_private, &enc, &info).unwrap();
            for i in 0..3 {
                let text = vec![i; 50 * usize::from(i)];
                assert_eq!(theirs.open(&ours.seal(&[i], &text).unwrap(), &[i]).unwrap(), text);
            }
            let mut exported = [0; 77];
            theirs.export(b"context", &mut exported).unwrap();
            assert_eq!(ours.export(b"context", 77).unwrap().as_bytes(), exported);

            let mode = if with_psk { OpModeS::Psk(bundle()) } else { OpModeS::Base };
            let (enc, mut theirs) = hpke::setup_sender::<A, K, M>(&mode, &their_public, &info).unwrap();
            let enc = enc.to_bytes();
            let mut ours = if with_psk {
                setup_psk_r(suite, &*private, &enc, &info, &psk, &psk_id).unwrap()
            } else {
                setup_base_r(suite, &*private, &enc, &info).unwrap()
            };
            for i in 0..3 {
                let text = vec![i; 50 * usize::from(i)];
                assert_eq!(ours.open(&[i], &theirs.seal(&text, &[i]).unwrap()).unwrap().as_bytes(), text);
            }
            theirs.export(b"", &mut exported).unwrap();
            assert_eq!(ours.export(b"", 77).unwrap().as_bytes(), exported);
        }
    }
}

#[test]
fn agrees_with_the_hpke_crate_in_both_directions() {
    let [suite_1, suite_2, suite_3, _, suite_5, _, suite_7] = &SUITES;
    agrees_with_oracle::<AesGcm128, HkdfSha256, X25519HkdfSha256>(suite_1);
    agrees_with_oracle::<AesGcm128, HkdfSha256, DhP256HkdfSha256>(suite_2);
    agrees_with_oracle::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(suite_3);
    agrees_with_oracle::<AesGcm256, HkdfSha512, DhP521HkdfSha512>(suite_5);
    agrees_with_oracle::<AesGcm256, HkdfSha384, DhP384HkdfSha384>(suite_7);
    // A KEM keeps its own KDF whatever the suite's is.
    let mixed = CipherSuite { kem: suite_1.kem, ..*suite_7 };
    agrees_with_oracle::<AesGcm256, HkdfSha384, X25519HkdfSha256>(&mixed);
}

#[test]
fn what_does_not_open_does_not_advance_the_counter() {
    for suite in &SUITES {
        let pair = suite.kem.generate_key_pair(&SystemRandom).unwrap();
        let public = suite.kem.load_public(&pair.public).unwrap();
        let private = suite.kem.load_private(&pair.private).unwrap();
        let (enc, mut sender) = setup_base_s(suite, &*public, b"info", &SystemRandom).unwrap();
        let mut receiver = setup_base_r(suite, &*private, &enc, b"info").unwrap();
        let first = sender.seal(b"", b"first").unwrap();
        let second = sender.seal(b"", b"second").unwrap();
        assert_eq!(receiver.open(b"", &second), Err(CryptoError::DecryptionFailed));
        assert_eq!(receiver.open(b"other", &first), Err(CryptoError::DecryptionFailed));
        assert_eq!(receiver.open(b"", &first).unwrap().as_bytes(), b"first");
        assert_eq!(receiver.open(b"", &first), Err(CryptoError::DecryptionFailed));
        assert_eq!(receiver.open(b"", &second).unwrap().as_bytes(), b"second");
        let mut other = setup_base_r(suite, &*private, &enc, b"INFO").unwrap();
        assert_eq!(other.open(b"", &first), Err(CryptoError::DecryptionFailed));
    }
}

#[test]
fn psks_without_an_id_or_too_short_are_refused() {
    let [suite, ..] = &SUITES;
    let pair = suite.kem.generate_key_pair(&SystemRandom).unwrap();
    let public = suite.kem.load_public(&pair.public).unwrap();
    let private = suite.kem.load_private(&pair.private).unwrap();
    let (enc, _) = setup_base_s(suite, &*public, b"", &SystemRandom).unwrap();
    for (psk, id) in [(Secret::zero(32), &b""[..]), (Secret::zero(31), b"id"), (Secret::zero(0), b"id")] {
        let sender = setup_psk_s(suite, &*public, b"", &psk, id, &SystemRandom);
        assert_eq!(sender.unwrap_err(), CryptoError::WrongLength);
        let receiver = setup_psk_r(suite, &*private, &enc, b"", &psk, id);
        assert_eq!(receiver.unwrap_err(), CryptoError::WrongLength);
    }
}

#[test]
fn exports_are_bounded() {
    let [suite, ..] = &SUITES;
    let pair = suite.kem.generate_key_pair(&SystemRandom).unwrap();
    let public = suite.kem.load_public(&pair.public).unwrap();
    let (_, context) = setup_base_s(suite, &*public, b"", &SystemRandom).unwrap();
    assert_eq!(context.export(b"", 255 * 32).unwrap().len(), 255 * 32);
    for len in [255 * 32 + 1, 65_536, usize::MAX] {
        assert_eq!(context.export(b"", len), Err(CryptoError::OutputTooLong));
    }
}
