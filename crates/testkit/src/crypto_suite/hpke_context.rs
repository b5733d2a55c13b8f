//! HPKE over a suite's parts: RFC 9180's vectors, what must match on both sides, and the end of the message counter.

use pleach_crypto::hpke::{Context, setup_base_r, setup_base_s, setup_psk_r, setup_psk_s};
use pleach_crypto::{AeadId, CipherSuite, CryptoError, KdfId, KemId, KemPrivateKey, KemPublicKey, Secret};

use super::Random;
use super::inputs::{hex, secret};
use super::report::{Checks, Stop};

/// The checks of one suite.
pub(super) fn check(c: &mut Checks, suite: &CipherSuite, rng: Random<'_>) -> Result<(), Stop> {
    if (suite.kem.id(), suite.kdf.id(), suite.aead.id())
        == (KemId::DHKEM_X25519, KdfId::HKDF_SHA256, AeadId::AES_128_GCM)
    {
        c.part(|c| base_of_rfc9180(c, suite));
        c.part(|c| psk_of_rfc9180(c, suite));
    }
    let pair = c.ok("a key pair is generated", suite.kem.generate_key_pair(rng))?;
    let public = c.ok("a public key loads", suite.kem.load_public(&pair.public))?;
    let private = c.ok("a private key loads", suite.kem.load_private(&pair.private))?;
    c.part(|c| matching(c, suite, rng, &*public, &*private));
    c.part(|c| psks(c, suite, rng, &*public, &*private));
    c.part(|c| exports(c, suite, rng, &*public));
    counter(c, suite, rng, &*public, &*private)
}

const INFO: &str = "4f6465206f6e2061204772656369616e2055726e";
const TEXT: &str = "4265617574792069732074727574682c20747275746820626561757479";

/// RFC 9180 A.1.1. An encapsulation cannot be determined, but what the receiver makes of one is.
fn base_of_rfc9180(c: &mut Checks, suite: &CipherSuite) -> Result<(), Stop> {
    let ikm = secret("6db9df30aa07dd42ee5e8181afdb977e538f5e1fec8a06223f33f7013e525037");
    let enc = hex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431");
    let pair = c.ok("DeriveKeyPair gives a key pair", suite.kem.derive_key_pair(&ikm))?;
    let private = c.ok("a private key loads", suite.kem.load_private(&pair.private))?;
    let mut receiver =
        c.ok("base mode of RFC 9180 sets up", setup_base_r(suite, &*private, &enc, &hex(INFO)))?;
    let check = "ciphertexts of RFC 9180 open";
    for (sequence, sealed) in [
        (0, "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"),
        (1, "af2d7e9ac9ae7e270f46ba1f975be53c09f8d875bdc8535458c2494e8a6eab251c03d0c22a56b8ca42c2063b84"),
        (2, "498dfcabd92e8acedc281e85af1cb4e3e31c7dc394a1ca20e173cb72516491588d96a19ad4a683518973dcc180"),
        (4, "583bd32bc67a5994bb8ceaca813d369bca7b2a42408cddef5e22f880b631215a09fc0012bc69fccaa251c0246d"),
        (255, "7175db9717964058640a3a11fb9007941a5d1757fda1a6935c805c21af32505bf106deefec4a49ac38d71c9e0a"),
        (256, "957f9800542b0b8891badb026d79cc54597cb2d225b54c00c5238c25d05c30e3fbeda97d2e0e1aba483a2df9f2"),
    ] {
        c.ok("the counter goes forward", receiver.skip_to(sequence))?;
        let opened = receiver.open(format!("Count-{sequence}").as_bytes(), &hex(sealed));
        c.bytes(check, opened_or_nothing(opened).as_bytes(), &hex(TEXT));
    }
    for (context, expected) in [
        ("", "3853fe2b4035195a573ffc53856e77058e15d9ea064de3e59f4961d0095250ee"),
        ("00", "2e8f0b54673c7029649d4eb9d5e33bf1872cf76d623ff164ac185da9e88c21a5"),
        ("54657374436f6e74657874", "e9e43065102c3836401bed8c3c3c75ae46be1639869391d62c61f1ec7af54931"),
    ] {
        let exported = c.ok("a context exports", receiver.export(&hex(context), 32))?;
        c.bytes("exports are those of RFC 9180", exported.as_bytes(), &hex(expected));
    }
    Ok(())
}

/// RFC 9180 A.1.2.
fn psk_of_rfc9180(c: &mut Checks, suite: &CipherSuite) -> Result<(), Stop> {
    let ikm = secret("d4a09d09f575fef425905d2ab396c1449141463f698f8efdb7accfaff8995098");
    let enc = hex("0ad0950d9fb9588e59690b74f1237ecdf1d775cd60be2eca57af5a4b0471c91b");
    let psk = secret("0247fd33b913760fa1fa51e1892d9f307fbe65eb171e8132c2af18555a738b82");
    let psk_id = hex("456e6e796e20447572696e206172616e204d6f726961");
    let pair = c.ok("DeriveKeyPair gives a key pair", suite.kem.derive_key_pair(&ikm))?;
    let private = c.ok("a private key loads", suite.kem.load_private(&pair.private))?;
    let receiver = setup_psk_r(suite, &*private, &enc, &hex(INFO), &psk, &psk_id);
    let mut receiver = c.ok("PSK mode of RFC 9180 sets up", receiver)?;
    for (aad, sealed) in [
        (
            "Count-0",
            "e52c6fed7f758d0cf7145689f21bc1be6ec9ea097fef4e959440012f4feb73fb611b946199e681f4cfc34db8ea",
        ),
        (
            "Count-1",
            "49f3b19b28a9ea9f43e8c71204c00d4a490ee7f61387b6719db765e948123b45b61633ef059ba22cd62437c8ba",
        ),
    ] {
        let opened = receiver.open(aad.as_bytes(), &hex(sealed));
        c.bytes("ciphertexts of RFC 9180 open", opened_or_nothing(opened).as_bytes(), &hex(TEXT));
    }
    Ok(())
}

/// What was opened, or nothing.
fn opened_or_nothing(opened: Result<Secret, CryptoError>) -> Secret {
    opened.unwrap_or_else(|_| Secret::zero(0))
}

fn opens(c: &mut Checks, check: &'static str, opened: &Result<Secret, CryptoError>, text: &[u8]) {
    c.holds(check, opened.as_ref().is_ok_and(|opened| opened.as_bytes() == text), || format!("{opened:?}"));
}

fn shut(c: &mut Checks, check: &'static str, opened: Result<Secret, CryptoError>, what: &str) {
    c.refused(check, opened, &[CryptoError::DecryptionFailed], || what.to_owned());
}

fn matching(
    c: &mut Checks,
    suite: &CipherSuite,
    rng: Random<'_>,
    public: &dyn KemPublicKey,
    private: &dyn KemPrivateKey,
) -> Result<(), Stop> {
    let (enc, mut sender) = c.ok("a sender sets up", setup_base_s(suite, public, b"info", rng))?;
    let receive = |info| setup_base_r(suite, private, &enc, info);
    let mut receiver = c.ok("a receiver sets up", receive(b"info"))?;
    let first = c.ok("a context seals", sender.seal(b"", b"first"))?;
    let second = c.ok("a context seals", sender.seal(b"", b"second"))?;

    let check = "what does not match does not open";
    shut(c, check, receiver.open(b"", &second), "the second message first");
    shut(c, check, receiver.open(b"other", &first), "other associated data");
    opens(c, "a failure does not advance the counter", &receiver.open(b"", &first), b"first");
    shut(c, check, receiver.open(b"", &first), "the first message again");
    opens(c, "messages open in order", &receiver.open(b"", &second), b"second");
    for (what, info) in [("another info", &b"INFO"[..]), ("no info", b""), ("a longer info", b"info\0")] {
        let mut other = c.ok("a receiver sets up", receive(info))?;
        shut(c, check, other.open(b"", &first), what);
    }
    let (other_enc, _) = c.ok("a sender sets up", setup_base_s(suite, public, b"info", rng))?;
    let mut other = c.ok("a receiver sets up", setup_base_r(suite, private, &other_enc, b"info"))?;
    shut(c, check, other.open(b"", &first), "another encapsulated key");
    let shown = format!("{sender:?} {receiver:?}");
    c.holds("Debug shows no key of a context", shown.contains("Secret("), || shown.clone());
    Ok(())
}

fn psks(
    c: &mut Checks,
    suite: &CipherSuite,
    rng: Random<'_>,
    public: &dyn KemPublicKey,
    private: &dyn KemPrivateKey,
) -> Result<(), Stop> {
    let psk = Secret::copy_from(&[7; 32]);
    let sender = setup_psk_s(suite, public, b"info", &psk, b"id", rng);
    let (enc, mut sender) = c.ok("a sender sets up with a PSK", sender)?;
    let sealed = c.ok("a context seals", sender.seal(b"aad", b"text"))?;
    let receive = |psk: &Secret, id| setup_psk_r(suite, private, &enc, b"info", psk, id);
    let mut receiver = c.ok("a receiver sets up with a PSK", receive(&psk, b"id"))?;
    opens(c, "PSK mode opens", &receiver.open(b"aad", &sealed), b"text");
    let mut other = c.ok("a receiver sets up with a PSK", receive(&Secret::copy_from(&[8; 32]), b"id"))?;
    shut(c, "what does not match does not open", other.open(b"aad", &sealed), "another PSK");
    let mut other = c.ok("a receiver sets up with a PSK", receive(&psk, b"ID"))?;
    shut(c, "what does not match does not open", other.open(b"aad", &sealed), "another PSK id");
    let mut base = c.ok("a receiver sets up", setup_base_r(suite, private, &enc, b"info"))?;
    shut(c, "what does not match does not open", base.open(b"aad", &sealed), "base mode");
    for (len, id) in [(32, &b""[..]), (31, b"id"), (0, b"id")] {
        let input = || format!("{len} bytes, id of {}", id.len());
        let sent = setup_psk_s(suite, public, b"", &Secret::zero(len), id, rng);
        c.refused("a short PSK or one without an id is refused", sent, &[CryptoError::WrongLength], input);
        let received = receive(&Secret::zero(len), id);
        c.refused(
            "a short PSK or one without an id is refused",
            received,
            &[CryptoError::WrongLength],
            input,
        );
    }
    Ok(())
}

fn exports(
    c: &mut Checks,
    suite: &CipherSuite,
    rng: Random<'_>,
    public: &dyn KemPublicKey,
) -> Result<(), Stop> {
    let (_, context) = c.ok("a sender sets up", setup_base_s(suite, public, b"", rng))?;
    let most = 255 * suite.secret_len();
    let longest = c.ok("a context exports", context.export(b"context", most))?;
    c.equal("an export has the length that was asked for", longest.len(), most);
    let other = c.ok("a context exports", context.export(b"other", most))?;
    c.holds("exports depend on their context", longest != other, || "equal exports".into());
    for len in [most + 1, 65_536, usize::MAX] {
        let result = context.export(b"", len);
        c.refused("too long an export is refused", result, &[CryptoError::OutputTooLong], || {
            format!("{len} bytes")
        });
    }
    Ok(())
}

/// Sequence numbers in every byte of the counter, up to the last (RFC 9180 §5.2).
fn counter(
    c: &mut Checks,
    suite: &CipherSuite,
    rng: Random<'_>,
    public: &dyn KemPublicKey,
    private: &dyn KemPrivateKey,
) -> Result<(), Stop> {
    let (enc, mut sender) = c.ok("a sender sets up", setup_base_s(suite, public, b"", rng))?;
    let mut receiver = c.ok("a receiver sets up", setup_base_r(suite, private, &enc, b""))?;
    let mut seen: Vec<(u64, Vec<u8>)> = Vec::new();
    let powers = (0..64).map(|bit| 1_u64 << bit);
    for sequence in [0].into_iter().chain(powers).chain([u64::MAX - 1, u64::MAX]) {
        c.ok("the counter goes forward", sender.skip_to(sequence))?;
        c.ok("the counter goes forward", receiver.skip_to(sequence))?;
        let sealed = c.ok("a context seals", sender.seal(b"", &[0; 32]))?;
        let same = seen.iter().find(|(_, other)| *other == sealed);
        c.holds("no two messages share a nonce", same.is_none(), || format!("{sequence} and {same:?}"));
        opens(c, "messages open at every number", &receiver.open(b"", &sealed), &[0; 32]);
        seen.push((sequence, sealed));
    }
    let ended = |c: &mut Checks, sender: &mut Context<'_>, receiver: &mut Context<'_>| {
        let limit = [CryptoError::MessageLimitReached];
        let input = || "after 2^64 - 1".to_owned();
        c.refused("the counter does not wrap", sender.seal(b"", b"text"), &limit, input);
        for (_, sealed) in [seen.first(), seen.last()].into_iter().flatten() {
            c.refused("the counter does not wrap", receiver.open(b"", sealed), &limit, input);
        }
        c.refused("the counter does not go back", sender.skip_to(0), &limit, input);
    };
    ended(c, &mut sender, &mut receiver);
    ended(c, &mut sender, &mut receiver);
    Ok(())
}
