//! Agreement with the pure Rust backend, algorithm by algorithm, on random inputs of every length that matters to a block or a limit.
#![expect(clippy::unwrap_used, reason = "tests")]

use pleach_crypto::{CipherSuite, CryptoError, Secret, SecureRandom};
use pleach_ring::{SUITES, SystemRandom};

/// Around the blocks and outputs of SHA-2 and AES, and beyond.
const LENGTHS: [usize; 18] = [0, 1, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 111, 112, 127, 128, 129, 1000];

/// Each suite with its counterpart in the other backend.
fn pairs() -> impl Iterator<Item = (&'static CipherSuite, &'static CipherSuite)> {
    let theirs =
        |ours: &CipherSuite| pleach_rustcrypto::SUITES.iter().find(|suite| suite.id == ours.id).unwrap();
    SUITES.iter().map(move |ours| (ours, theirs(ours)))
}

fn random(len: usize) -> Vec<u8> {
    SystemRandom.bytes(len).unwrap()
}

/// The same bytes, in parts of which one is empty.
fn parts(bytes: &[u8]) -> [&[u8]; 4] {
    let (head, tail) = bytes.split_at(bytes.len() / 3);
    let (middle, end) = tail.split_at(tail.len() / 2);
    [head, &[], middle, end]
}

#[test]
fn hashes_and_macs_are_the_same() {
    for (ours, theirs) in pairs() {
        for len in LENGTHS {
            let bytes = random(len);
            assert_eq!(ours.hash.hash(&parts(&bytes)), theirs.hash.hash(&[&bytes]));
            for key_len in LENGTHS {
                let key = Secret::from(random(key_len));
                assert_eq!(ours.hash.hmac(&key, &parts(&bytes)), theirs.hash.hmac(&key, &[&bytes]));
            }
        }
        assert_eq!(ours.hash.hash(&[]), theirs.hash.hash(&[]));
        assert_eq!(ours.hash.hmac(&Secret::zero(0), &[]), theirs.hash.hmac(&Secret::zero(0), &[]));
    }
}

#[test]
fn extracted_and_expanded_keys_are_the_same() {
    for (ours, theirs) in pairs() {
        let longest = 255 * ours.kdf.extract_len();
        for len in LENGTHS {
            let (bytes, info) = (random(len), random(len / 2));
            for salt_len in LENGTHS {
                let salt = random(salt_len);
                assert_eq!(ours.kdf.extract(&salt, &parts(&bytes)), theirs.kdf.extract(&salt, &[&bytes]));
            }
            let zeros = vec![0; ours.kdf.extract_len()];
            assert_eq!(ours.kdf.extract(&[], &[&bytes]), ours.kdf.extract(&zeros, &[&bytes]));
            // Pseudorandom keys of every length, also beyond that of a hash and that of a block.
            let prk = Secret::from(bytes);
            for out in LENGTHS.into_iter().chain([longest - 1, longest]) {
                let expanded = ours.kdf.expand(&prk, &parts(&info), out).unwrap();
                assert_eq!(expanded, theirs.kdf.expand(&prk, &[&info], out).unwrap(), "{len} {out}");
                assert_eq!(expanded.len(), out);
            }
            assert_eq!(ours.kdf.expand(&prk, &[], longest + 1), Err(CryptoError::OutputTooLong));
        }
    }
}

// breaks: R020
#[test]
fn what_one_seals_the_other_opens_and_a_changed_bit_leaves_no_plaintext() {
    for (ours, theirs) in pairs() {
        for len in LENGTHS {
            let (key, nonce) = (Secret::from(random(ours.aead.key_len())), random(ours.aead.nonce_len()));
            let (text, aad) = (random(len), random(len / 2));
            let mut sealed = text.clone();
            ours.aead.seal(&key, &nonce, &aad, &mut sealed).unwrap();
            let mut expected = text.clone();
            theirs.aead.seal(&key, &nonce, &aad, &mut expected).unwrap();
            assert_eq!(sealed, expected);
            for at in 0..sealed.len() {
                let mut changed = sealed.clone();
                changed[at] ^= 0x40;
                let opened = ours.aead.open(&key, &nonce, &aad, &mut changed);
                assert_eq!(opened, Err(CryptoError::DecryptionFailed));
                assert!(!changed.windows(8).zip(text.windows(8)).any(|(changed, text)| changed == text));
            }
            for cut in 0..sealed.len() {
                let opened = ours.aead.open(&key, &nonce, &aad, &mut sealed[..cut].to_vec());
                assert_eq!(opened, Err(CryptoError::DecryptionFailed));
            }
            ours.aead.open(&key, &nonce, &aad, &mut sealed).unwrap();
            assert_eq!(sealed, text);
        }
    }
}

#[test]
fn keys_and_nonces_of_another_length_are_refused() {
    for (ours, _) in pairs() {
        let (key, nonce) = (Secret::zero(ours.aead.key_len()), vec![0; ours.aead.nonce_len()]);
        let seal = |key: &Secret, nonce: &[u8]| ours.aead.seal(key, nonce, b"", &mut vec![0; 20]);
        let open = |key: &Secret, nonce: &[u8]| ours.aead.open(key, nonce, b"", &mut vec![0; 20]);
        for key in (0..70).filter(|len| *len != key.len()).map(Secret::zero) {
            assert_eq!(seal(&key, &nonce), Err(CryptoError::WrongLength));
            assert_eq!(open(&key, &nonce), Err(CryptoError::WrongLength));
        }
        for nonce in (0..30).filter(|len| *len != nonce.len()).map(|len| vec![0; len]) {
            assert_eq!(seal(&key, &nonce), Err(CryptoError::WrongLength));
            assert_eq!(open(&key, &nonce), Err(CryptoError::WrongLength));
        }
    }
}

#[test]
fn derived_key_pairs_and_shared_secrets_are_the_same() {
    for (ours, theirs) in pairs() {
        for _ in 0..8 {
            let pair = ours.kem.generate_key_pair(&SystemRandom).unwrap();
            let ikm = pair.private.clone();
            assert_eq!(ours.kem.derive_key_pair(&ikm).unwrap(), theirs.kem.derive_key_pair(&ikm).unwrap());
            for (one, other) in [(ours, theirs), (theirs, ours)] {
                let (secret, enc) = one.kem.load_public(&pair.public).unwrap().encap(&SystemRandom).unwrap();
                for suite in [one, other] {
                    let private = suite.kem.load_private(&pair.private).unwrap();
                    assert_eq!(
                        (private.public(), private.decap(&enc).unwrap()),
                        (&pair.public[..], secret.clone())
                    );
                }
            }
        }
    }
}

// breaks: R016
#[test]
fn what_one_signs_the_other_verifies() {
    for (ours, theirs) in pairs() {
        let pair = ours.signature.generate_key_pair(&SystemRandom).unwrap();
        let other = ours.signature.generate_key_pair(&SystemRandom).unwrap();
        for len in LENGTHS {
            let message = random(len);
            for (one, other) in [(ours, theirs), (theirs, ours), (ours, ours)] {
                let signer = one.signature.load_signer(&pair.private).unwrap();
                assert_eq!((signer.public(), signer.scheme()), (&pair.public[..], one.signature.scheme()));
                let signature = signer.sign(&parts(&message)).unwrap();
                let verifier = other.signature.load_verifier(&pair.public).unwrap();
                verifier.verify(&[&message], &signature).unwrap();
                verifier.verify(&parts(&message), &signature).unwrap();
                let longer = [&message[..], &[0]].concat();
                assert_eq!(verifier.verify(&[&longer], &signature), Err(CryptoError::InvalidSignature));
            }
        }
        let signature = ours.signature.load_signer(&other.private).unwrap().sign(&[b"message"]).unwrap();
        let verifier = ours.signature.load_verifier(&pair.public).unwrap();
        assert_eq!(verifier.verify(&[b"message"], &signature), Err(CryptoError::InvalidSignature));
    }
}

#[test]
fn a_key_does_not_show_itself() {
    for suite in &SUITES {
        let (kem, signing) = (
            suite.kem.generate_key_pair(&SystemRandom).unwrap(),
            suite.signature.generate_key_pair(&SystemRandom).unwrap(),
        );
        let shown = format!(
            "{kem:?} {signing:?} {:?} {:?}",
            suite.kem.load_private(&kem.private).unwrap(),
            suite.signature.load_signer(&signing.private).unwrap()
        );
        for secret in [kem.private, signing.private] {
            assert!(!shown.to_lowercase().contains(&hex::encode(secret.as_bytes())), "{shown}");
            assert!(!shown.contains(&format!("{:?}", secret.as_bytes())), "{shown}");
        }
    }
}
