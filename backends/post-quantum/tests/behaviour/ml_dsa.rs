//! ML-DSA: sizes, wrong input, messages in parts, and that it is the pure variant with an empty context.

use crate::{Rng, SIGNATURES};
use pleach_crypto::{CryptoError, Secret, SignatureScheme, Signed};

const SIZES: [(SignatureScheme, usize, usize); 3] = [
    (SignatureScheme::MLDSA44, 1312, 2420),
    (SignatureScheme::MLDSA65, 1952, 3309),
    (SignatureScheme::MLDSA87, 2592, 4627),
];

#[test]
fn sizes_are_those_of_fips_204() {
    for (scheme, (id, public_len, signature_len)) in SIGNATURES.into_iter().zip(SIZES) {
        assert_eq!(scheme.scheme(), id);
        let pair = scheme.generate_key_pair(&Rng).unwrap();
        assert_eq!((pair.private.len(), pair.public.len()), (32, public_len));
        let signer = scheme.load_signer(&pair.private).unwrap();
        assert_eq!((signer.scheme(), signer.public()), (id, pair.public.as_slice()));
        assert_eq!(signer.sign(&[b"message"]).unwrap().len(), signature_len);
    }
}

// breaks: R013, R016
#[test]
fn wrong_lengths_and_changed_bytes_are_refused() {
    for scheme in SIGNATURES {
        let pair = scheme.generate_key_pair(&Rng).unwrap();
        let signature = scheme.load_signer(&pair.private).unwrap().sign(&[b"message"]).unwrap();
        let verifier = scheme.load_verifier(&pair.public).unwrap();
        verifier.verify(&[b"message"], &signature).unwrap();
        let long = [signature.as_slice(), &[0]].concat();
        for wrong in [&[][..], &signature[1..], &signature[..signature.len() - 1], &long] {
            assert_eq!(verifier.verify(&[b"message"], wrong).unwrap_err(), CryptoError::InvalidSignature);
        }
        for at in [0, 31, 32, 700, signature.len() - 100, signature.len() - 1] {
            let mut changed = signature.clone();
            changed[at] ^= 1;
            assert_eq!(verifier.verify(&[b"message"], &changed).unwrap_err(), CryptoError::InvalidSignature);
        }
        for message in [&b""[..], b"massage", b"message."] {
            assert_eq!(verifier.verify(&[message], &signature).unwrap_err(), CryptoError::InvalidSignature);
        }
        let long = [pair.public.as_slice(), &[0]].concat();
        for wrong in [&[][..], &pair.public[1..], &long] {
            assert_eq!(scheme.load_verifier(wrong).unwrap_err(), CryptoError::InvalidPublicKey);
        }
        for len in [0, 31, 33, 2560] {
            assert_eq!(scheme.load_signer(&Secret::zero(len)).unwrap_err(), CryptoError::InvalidPrivateKey);
        }
    }
}

#[test]
fn a_message_in_parts_is_their_concatenation() {
    for scheme in SIGNATURES {
        let pair = scheme.generate_key_pair(&Rng).unwrap();
        let signer = scheme.load_signer(&pair.private).unwrap();
        let verifier = scheme.load_verifier(&pair.public).unwrap();
        let signature = signer.sign(&[b"a ", b"", b"message"]).unwrap();
        verifier.verify(&[b"a message"], &signature).unwrap();
        verifier.verify(&[b"a", b" mess", b"age"], &signature).unwrap();
        verifier.verify(&[], &signer.sign(&[b""]).unwrap()).unwrap();
    }
}

#[test]
fn a_batch_accepts_what_each_alone_does() {
    for scheme in SIGNATURES {
        let pairs = [(); 3].map(|()| scheme.generate_key_pair(&Rng).unwrap());
        let signatures = pairs
            .each_ref()
            .map(|pair| scheme.load_signer(&pair.private).unwrap().sign(&[b"message"]).unwrap());
        let message: &[&[u8]] = &[b"message"];
        let items: Vec<_> = pairs
            .iter()
            .zip(&signatures)
            .map(|(pair, signature)| Signed { public: &pair.public, message, signature })
            .collect();
        scheme.verify_batch(&items, &Rng).unwrap();
        for at in 0..3 {
            let mut bad = items.clone();
            bad[at].message = &[b"massage"];
            assert_eq!(scheme.verify_batch(&bad, &Rng).unwrap_err(), CryptoError::InvalidSignature);
        }
    }
}

/// FIPS 204 Algorithm 2: what is signed is `0 || 0 || message` for an empty context, and not the message itself.
#[test]
fn signatures_are_pure_with_an_empty_context() {
    use ::ml_dsa::{MlDsa44, Signature, SigningKey, signature::Keypair};
    let seed = Secret::copy_from(&[9; 32]);
    let key = SigningKey::<MlDsa44>::from_seed((&[9; 32]).into());
    let signature = SIGNATURES[0].load_signer(&seed).unwrap().sign(&[b"message"]).unwrap();
    let signature = Signature::<MlDsa44>::try_from(signature.as_slice()).unwrap();
    assert!(key.verifying_key().verify_with_context(b"message", b"", &signature));
    assert!(key.verifying_key().verify_internal(b"\0\0message", &signature));
    assert!(!key.verifying_key().verify_with_context(b"message", b"x", &signature));
    assert!(!key.verifying_key().verify_internal(b"message", &signature));
}

// breaks: R278
#[test]
fn no_secret_is_shown() {
    let pair = SIGNATURES[0].generate_key_pair(&Rng).unwrap();
    let shown = format!("{:?}", SIGNATURES[0].load_signer(&pair.private).unwrap());
    assert_eq!(shown, format!("MlDsaSigner({}, redacted)", SignatureScheme::MLDSA44));
}
