//! HPKE of `pleach-crypto` on these algorithms: encapsulation is determined by its randomness as RFC 9180 has it, so that its
//! vectors come out byte for byte on the sender's side too. The rest is in the suite.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;
mod listed;

use common::{hex, secret};
use listed::Listed;
use pleach_crypto::hpke::{setup_base_r, setup_base_s, setup_psk_s};
use pleach_rustcrypto::SUITES;

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
