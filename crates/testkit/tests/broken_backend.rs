//! The suite of crypto backends finds what is wrong with a backend: one test per kind of fault, by the name of the check.
#![expect(clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod broken;

use std::any::Any;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use broken::{aead, ecdsa, ed25519, kdf, kem, leak};
use pleach_crypto::{Aead, CipherSuite, CryptoProvider, Hash, Kdf, Kem, Signature};
use pleach_post_quantum::{PostQuantumNumbering, PostQuantumSuite};
use pleach_rustcrypto::{DHKEM_P256, DHKEM_X25519, SHA384, SUITES, SystemRandom};
use pleach_testkit::crypto_suite;

/// The suite panics and names these checks.
#[track_caller]
fn found(suite: CipherSuite, checks: &[&str]) {
    let provider = CryptoProvider { suites: Cow::Owned(vec![suite]), random: Arc::new(SystemRandom) };
    let run = catch_unwind(AssertUnwindSafe(|| crypto_suite::run("broken", &provider)));
    let Err(panic) = run else { panic!("nothing found, {checks:?} should have been") };
    let text = text_of(&*panic);
    for check in checks {
        let failed = text.lines().filter(|line| line.starts_with("FAILED"));
        let named = failed.filter(|line| line.contains(&format!("] {check}: "))).count() > 0;
        assert!(named, "`{check}` was not found, but\n{text}");
    }
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

fn with_aead(fault: aead::Fault) -> CipherSuite {
    let aead: &'static dyn Aead = leak(aead::Broken(fault));
    CipherSuite { aead, ..SUITES[1] }
}

fn with_kdf(fault: kdf::Fault) -> CipherSuite {
    let kdf: &'static dyn Kdf = leak(kdf::BrokenKdf(fault));
    CipherSuite { kdf, ..SUITES[1] }
}

fn with_hash(fault: kdf::Fault) -> CipherSuite {
    let hash: &'static dyn Hash = leak(kdf::BrokenHash(fault));
    CipherSuite { hash, ..SUITES[1] }
}

fn with_kem(inner: &'static dyn Kem, fault: kem::Fault) -> CipherSuite {
    let kem: &'static dyn Kem = leak(kem::Broken(inner, fault));
    CipherSuite { kem, id: 0xF00D.into(), ..SUITES[1] }
}

fn with_ed25519(fault: ed25519::Fault) -> CipherSuite {
    let signature: &'static dyn Signature = leak(ed25519::Broken(fault));
    CipherSuite { signature, ..SUITES[0] }
}

fn with_ecdsa(fault: ecdsa::Fault) -> CipherSuite {
    let signature: &'static dyn Signature = leak(ecdsa::Broken(fault));
    CipherSuite { signature, ..SUITES[1] }
}

/// Nothing is found where nothing is wrong: X25519 takes any scalar, and a KEM keeps its own KDF whatever the suite's is.
#[test]
fn nothing_is_found_in_a_good_backend() {
    let suite = CipherSuite { signature: SUITES[1].signature, id: 0xF00E.into(), ..SUITES[6] };
    let suite = CipherSuite { kem: with_kem(&DHKEM_X25519, kem::Fault::AnyScalar).kem, ..suite };
    let provider = CryptoProvider { suites: Cow::Owned(vec![suite]), random: Arc::new(SystemRandom) };
    crypto_suite::run("good", &provider);
}

// breaks: R020
#[test]
fn a_wrong_tag() {
    found(with_aead(aead::Fault::WrongTag), &["a changed tag does not open"]);
}

// breaks: R020
#[test]
fn a_truncated_tag() {
    found(with_aead(aead::Fault::TruncatedTag), &["a truncated tag does not open"]);
}

// breaks: R020
#[test]
fn no_tag_at_all() {
    found(with_aead(aead::Fault::EmptyTag), &["no tag at all does not open"]);
}

#[test]
fn plaintext_left_behind() {
    found(with_aead(aead::Fault::PlaintextLeft), &["what does not open leaves no plaintext behind"]);
}

#[test]
fn a_counter_that_wraps() {
    found(
        with_aead(aead::Fault::CounterWraps),
        &["no two messages share a nonce", "nonces that differ in one byte give other ciphertexts"],
    );
}

#[test]
fn a_byte_of_the_nonce_that_is_ignored() {
    found(with_aead(aead::Fault::LastNonceByte), &["nonces that differ in one byte give other ciphertexts"]);
}

#[test]
fn associated_data_that_is_ignored() {
    found(with_aead(aead::Fault::NoAad), &["other associated data does not open"]);
}

#[test]
fn a_key_that_is_padded() {
    found(with_aead(aead::Fault::PaddedKey), &["a key of another length is refused"]);
}

#[test]
fn a_panic() {
    found(with_aead(aead::Fault::Panics), &["nothing panics"]);
}

#[test]
fn a_kdf_that_ignores_the_second_part() {
    found(
        with_kdf(kdf::Fault::FirstPartOnly),
        &["expanding with parts is expanding with their concatenation"],
    );
}

#[test]
fn a_kdf_that_gives_too_much() {
    found(with_kdf(kdf::Fault::TooLong), &["more than 255 Nh bytes are refused"]);
}

#[test]
fn a_kdf_with_an_empty_salt_of_its_own() {
    found(with_kdf(kdf::Fault::EmptySalt), &["an empty salt means Nh zero bytes"]);
}

#[test]
fn a_kdf_that_truncates_its_key() {
    found(with_kdf(kdf::Fault::TruncatedKey), &["expanding begins with the MAC of the info"]);
}

#[test]
fn a_hash_that_ignores_the_second_part() {
    found(with_hash(kdf::Fault::FirstPartOnly), &["the hash of parts is that of their concatenation"]);
}

#[test]
fn a_mac_without_a_key() {
    found(with_hash(kdf::Fault::NoKey), &["the MAC depends on the key"]);
}

// breaks: R012
#[test]
fn a_hash_that_is_not_the_kdfs() {
    found(CipherSuite { hash: &SHA384, ..SUITES[1] }, &["the parts of a suite fit together"]);
}

// breaks: R012
#[test]
fn another_kem_under_a_registered_number() {
    found(CipherSuite { kem: &DHKEM_X25519, ..SUITES[1] }, &["the parts of a suite fit together"]);
}

// breaks: R013, R014
#[test]
fn a_point_that_is_not_checked() {
    let check = "only uncompressed points of the curve are public keys";
    found(with_kem(&DHKEM_P256, kem::Fault::PublicNotChecked), &[check]);
    let check = "only uncompressed points of the curve are encapsulated keys";
    found(with_kem(&DHKEM_P256, kem::Fault::EncapsulatedNotChecked), &[check]);
}

// breaks: R013
#[test]
fn other_forms_of_a_point() {
    let check = "only uncompressed points of the curve are public keys";
    found(with_kem(&DHKEM_P256, kem::Fault::Compressed), &[check]);
    found(with_kem(&DHKEM_P256, kem::Fault::HybridForm), &[check]);
}

// breaks: R013, R014
#[test]
fn a_key_wrapped_as_in_x509() {
    let check = "a SubjectPublicKeyInfo is no public key";
    found(with_kem(&DHKEM_P256, kem::Fault::X509), &[check, "a SubjectPublicKeyInfo is no encapsulated key"]);
    found(with_ecdsa(ecdsa::Fault::X509), &[check]);
}

// breaks: R014
#[test]
fn an_all_zero_shared_secret() {
    found(with_kem(&DHKEM_X25519, kem::Fault::AllZero), &["an all-zero shared secret is refused"]);
}

#[test]
fn any_scalar() {
    let check = "private keys are at least one and below the order";
    found(with_kem(&DHKEM_P256, kem::Fault::AnyScalar), &[check]);
    found(with_ecdsa(ecdsa::Fault::AnyScalar), &[check]);
}

#[test]
fn a_candidate_that_is_no_scalar() {
    let check = "key generation samples again after a candidate that is no key";
    found(with_ecdsa(ecdsa::Fault::OneCandidate), &[check, "no key without randomness"]);
    found(with_ecdsa(ecdsa::Fault::AnyCandidate), &["a generated private key is one"]);
}

#[test]
fn a_derivation_without_labels() {
    let check = "DeriveKeyPair gives the keys of the crate `hpke`";
    found(with_kem(&DHKEM_X25519, kem::Fault::Unlabelled), &[check]);
    let x_wing = post_quantum(PostQuantumSuite::Mlkem768X25519Aes128GcmSha256Ed25519);
    found(
        CipherSuite {
            kem: &pleach_post_quantum::X_WING_UNLABELLED,
            signature: SUITES[1].signature,
            ..x_wing
        },
        &[check],
    );
}

fn post_quantum(suite: PostQuantumSuite) -> CipherSuite {
    let numbering = PostQuantumNumbering::PLEACH;
    let suites = pleach_post_quantum::suites(&SUITES, &numbering);
    let found = suites.into_iter().find(|made| Some(made.id) == numbering.number(suite));
    found.unwrap_or_else(|| panic!("no {suite:?}"))
}

// breaks: R013
#[test]
fn an_encapsulation_key_that_is_reduced() {
    let check = "an encapsulation key with a coefficient of q or more is refused";
    let fault = kem::Fault::NoModulusCheck;
    found(
        with_kem(&pleach_post_quantum::ML_KEM_768, fault),
        &[check, "Wycheproof: bad public keys do not load"],
    );
}

#[test]
fn an_encapsulation_without_randomness() {
    found(
        with_kem(&DHKEM_P256, kem::Fault::SameEncapsulation),
        &["encapsulations differ", "no encapsulation without randomness"],
    );
}

// breaks: R278
#[test]
fn a_key_that_shows_itself() {
    found(with_kem(&DHKEM_P256, kem::Fault::Shown), &["Debug shows no private key"]);
    found(with_ed25519(ed25519::Fault::Shown), &["Debug shows no private key"]);
}

#[test]
fn a_private_key_of_any_length() {
    let check = "a private key of another length is refused";
    found(with_kem(&DHKEM_P256, kem::Fault::PaddedPrivate), &[check]);
}

// breaks: R013
#[test]
fn a_signature_key_of_small_order() {
    found(with_ed25519(ed25519::Fault::SmallOrder), &["a key that the rule refuses does not load"]);
}

// breaks: R013, R016
#[test]
fn encodings_that_are_not_canonical() {
    let fault = ed25519::Fault::NotCanonical;
    found(
        with_ed25519(fault),
        &["a key that the rule refuses does not load", "a signature that the rule refuses does not verify"],
    );
}

// breaks: R016
#[test]
fn an_s_that_is_reduced() {
    let fault = ed25519::Fault::LargeS;
    found(
        with_ed25519(fault),
        &["a signature that the rule refuses does not verify", "Wycheproof: bad signatures do not verify"],
    );
}

#[test]
fn an_equation_without_the_cofactor() {
    found(with_ed25519(ed25519::Fault::Cofactorless), &["what the rule accepts verifies"]);
}

/// The edge cases hold both: what a library by itself would refuse, and what it would take.
// breaks: R013
#[test]
fn an_ed25519_that_is_only_a_librarys() {
    let checks = ["what the rule accepts verifies", "a key that the rule refuses does not load"];
    found(with_ed25519(ed25519::Fault::Native), &checks);
}

// breaks: R016
#[test]
fn a_batch_that_accepts_what_single_verification_refuses() {
    let check = "a batch does not accept what single verification refuses";
    found(with_ed25519(ed25519::Fault::SmallOrderInBatches), &[check]);
    found(with_ed25519(ed25519::Fault::SumInBatches), &[check]);
    found(with_ed25519(ed25519::Fault::BatchSkipsLast), &[check]);
}

#[test]
fn a_batch_that_refuses_what_single_verification_accepts() {
    let check = "a batch accepts what single verification accepts";
    found(with_ed25519(ed25519::Fault::CofactorlessBatches), &[check]);
}

// breaks: R016
#[test]
fn bytes_behind_a_signature() {
    let check = "a signature with bytes behind it does not verify";
    found(with_ed25519(ed25519::Fault::BytesBehind), &[check]);
}

#[test]
fn a_verifier_that_ignores_the_second_part() {
    let check = "a signature verifies over parts of its message";
    found(with_ed25519(ed25519::Fault::FirstPartOnly), &[check]);
}

#[test]
fn keys_without_randomness() {
    found(with_ed25519(ed25519::Fault::ConstantKey), &["no key without randomness"]);
}

// breaks: R016
#[test]
fn lax_der() {
    found(
        with_ecdsa(ecdsa::Fault::LaxDer),
        &["only strict DER of values in range verifies", "Wycheproof: bad signatures do not verify"],
    );
}

#[test]
fn a_refusal_of_the_larger_s() {
    found(with_ecdsa(ecdsa::Fault::LowS), &["Wycheproof: good signatures verify"]);
}

// breaks: R013
#[test]
fn a_hybrid_point_as_a_signature_key() {
    let check = "only uncompressed points of the curve are public keys";
    found(with_ecdsa(ecdsa::Fault::HybridForm), &[check]);
}
