//! The labelled functions on all seven suites: the bytes that go in, built by hand, and that nothing crosses from one label or
//! context to another.

use pleach_crypto::hpke::setup_base_r;
use pleach_crypto::{CipherSuite, CryptoError, Secret};
use pleach_rustcrypto::{SUITES, SystemRandom};

fn secret(suite: &CipherSuite) -> Secret {
    Secret::from_fn(suite.secret_len(), |out| out.fill(9))
}

// breaks: R112
#[test]
fn expand_with_label_takes_length_label_and_context() {
    for suite in &SUITES {
        let secret = secret(suite);
        // uint16 length, opaque label<V> with its prefix, opaque context<V>.
        let info = b"\x00\x14\x0dMLS 1.0 label\x07context";
        let expected = suite.kdf.expand(&secret, &[info], 20).unwrap();
        assert_eq!(suite.expand_with_label(&secret, b"label", b"context", 20).unwrap(), expected);
        let others = [
            suite.expand_with_label(&secret, b"labe", b"lcontext", 20).unwrap(),
            suite.expand_with_label(&secret, b"Label", b"context", 20).unwrap(),
            suite.expand_with_label(&secret, b"label", b"", 20).unwrap(),
            suite.expand_with_label(&Secret::zero(secret.len()), b"label", b"context", 20).unwrap(),
        ];
        for other in &others {
            assert_ne!(*other, expected);
        }
        // The length is an input, so a longer output does not begin with the shorter one.
        let longer = suite.expand_with_label(&secret, b"label", b"context", 21).unwrap();
        assert_ne!(longer.as_bytes()[..20], *expected.as_bytes());
        assert_eq!(suite.expand_with_label(&secret, b"label", b"context", 0).unwrap().len(), 0);
    }
}

#[test]
fn long_contexts_have_long_lengths() {
    let [suite, ..] = &SUITES;
    let secret = secret(suite);
    for (len, header) in
        [(63, &b"\x3f"[..]), (64, b"\x40\x40"), (16_383, b"\x7f\xff"), (16_384, b"\x80\x00\x40\x00")]
    {
        let context = vec![3; len];
        let info = [&b"\x00\x20\x09MLS 1.0 x"[..], header, &context].concat();
        let expected = suite.kdf.expand(&secret, &[&info], 32).unwrap();
        assert_eq!(suite.expand_with_label(&secret, b"x", &context, 32).unwrap(), expected);
    }
}

#[test]
fn outputs_that_do_not_fit_are_refused() {
    for suite in &SUITES {
        let most = 255 * suite.secret_len();
        assert_eq!(suite.expand_with_label(&secret(suite), b"", b"", most).unwrap().len(), most);
        for len in [most + 1, 65_536, 65_536 + 32, usize::MAX] {
            let output = suite.expand_with_label(&secret(suite), b"", b"", len);
            assert_eq!(output, Err(CryptoError::OutputTooLong));
        }
    }
}

// breaks: R112, R140
#[test]
fn derived_secrets_are_expansions_with_fixed_contexts() {
    for suite in &SUITES {
        let (secret, len) = (secret(suite), suite.secret_len());
        assert_eq!(
            suite.derive_secret(&secret, b"exporter").unwrap(),
            suite.expand_with_label(&secret, b"exporter", b"", len).unwrap(),
        );
        assert_eq!(
            suite.derive_tree_secret(&secret, b"nonce", 0x0102_0304, 12).unwrap(),
            suite.expand_with_label(&secret, b"nonce", b"\x01\x02\x03\x04", 12).unwrap(),
        );
        let zero = suite.derive_tree_secret(&secret, b"key", 0, 16).unwrap();
        assert_ne!(suite.derive_tree_secret(&secret, b"key", 1, 16).unwrap(), zero);
        assert_ne!(suite.derive_tree_secret(&secret, b"nonce", 0, 16).unwrap(), zero);
        assert_ne!(suite.expand_with_label(&secret, b"key", b"", 16).unwrap(), zero);
        let secrets =
            [&b"sender data"[..], b"encryption", b"exporter", b"external", b"confirm", b"membership"]
                .map(|label| suite.derive_secret(&secret, label).unwrap());
        for (i, one) in secrets.iter().enumerate() {
            assert!(secrets[..i].iter().all(|other| other != one));
        }
    }
}

// breaks: R019
#[test]
fn ref_hash_hashes_label_and_value_with_their_lengths() {
    for suite in &SUITES {
        let label = b"MLS 1.0 KeyPackage Reference";
        let expected = suite.hash.hash(&[&[label.len() as u8], label, b"\x05value"]);
        assert_eq!(suite.ref_hash(label, b"value").unwrap(), expected);
        assert_ne!(suite.ref_hash(b"MLS 1.0 Proposal Reference", b"value").unwrap(), expected);
        assert_ne!(suite.ref_hash(b"MLS 1.0 KeyPackage Referenc", b"evalue").unwrap(), expected);
        let long = vec![1; 70_000];
        let expected = suite.hash.hash(&[b"\x01x\x80\x01\x11\x70", &long]);
        assert_eq!(suite.ref_hash(b"x", &long).unwrap(), expected);
    }
}

// breaks: R017
#[test]
fn a_signature_counts_for_one_label_and_content() {
    for suite in &SUITES {
        let pair = suite.signature.generate_key_pair(&SystemRandom).unwrap();
        let signer = suite.signature.load_signer(&pair.private).unwrap();
        let verifier = suite.signature.load_verifier(&pair.public).unwrap();
        let signature = suite.sign_with_label(&*signer, b"LeafNodeTBS", &[b"con", b"tent"]).unwrap();
        let verify =
            |label: &[u8], content: &[&[u8]]| suite.verify_with_label(&*verifier, label, content, &signature);
        assert_eq!(verify(b"LeafNodeTBS", &[b"", b"content"]), Ok(()));
        verifier.verify(&[b"\x13MLS 1.0 LeafNodeTBS\x07content"], &signature).unwrap();
        let refused = Err(CryptoError::InvalidSignature);
        assert_eq!(verify(b"KeyPackageTBS", &[b"content"]), refused);
        assert_eq!(verify(b"LeafNodeTB", &[b"Scontent"]), refused);
        assert_eq!(verify(b"MLS 1.0 LeafNodeTBS", &[b"content"]), refused);
        assert_eq!(verify(b"", &[b"content"]), refused);
        assert_eq!(verify(b"LeafNodeTBS", &[b"Content"]), refused);
        assert_eq!(verify(b"LeafNodeTBS", &[]), refused);
        // Nor does a signature over the bare content.
        let bare = signer.sign(&[b"content"]).unwrap();
        assert_eq!(suite.verify_with_label(&*verifier, b"LeafNodeTBS", &[b"content"], &bare), refused);
        // The head of SignContent, for batches.
        let head = suite.sign_content_head(b"LeafNodeTBS", 7).unwrap();
        verifier.verify(&[&head, b"content"], &signature).unwrap();
    }
}

// breaks: R015
#[test]
fn a_signer_of_another_scheme_is_refused() {
    for suite in &SUITES {
        for other in SUITES.iter().filter(|other| other.signature.scheme() != suite.signature.scheme()) {
            let pair = other.signature.generate_key_pair(&SystemRandom).unwrap();
            let signer = other.signature.load_signer(&pair.private).unwrap();
            let signed = suite.sign_with_label(&*signer, b"label", &[b"content"]);
            assert!(matches!(signed, Err(CryptoError::SignerFailed(_))), "{signed:?}");
        }
    }
}

// breaks: R018
#[test]
fn a_ciphertext_counts_for_one_label_context_and_recipient() {
    for suite in &SUITES {
        let pair = suite.kem.generate_key_pair(&SystemRandom).unwrap();
        let public = suite.kem.load_public(&pair.public).unwrap();
        let private = suite.kem.load_private(&pair.private).unwrap();
        let sealed = suite
            .encrypt_with_label(&*public, b"UpdatePathNode", b"context", b"text", &SystemRandom)
            .unwrap();
        let open = |label: &[u8], context: &[u8]| {
            suite.decrypt_with_label(&*private, label, context, &sealed.kem_output, &sealed.ciphertext)
        };
        assert_eq!(open(b"UpdatePathNode", b"context").unwrap().as_bytes(), b"text");
        // HPKE's base mode with EncryptContext as info and no associated data.
        let info = b"\x16MLS 1.0 UpdatePathNode\x07context";
        let mut context = setup_base_r(suite, &*private, &sealed.kem_output, info).unwrap();
        assert_eq!(context.open(b"", &sealed.ciphertext).unwrap().as_bytes(), b"text");

        let refused = Err(CryptoError::DecryptionFailed);
        assert_eq!(open(b"Welcome", b"context"), refused);
        assert_eq!(open(b"UpdatePathNod", b"econtext"), refused);
        assert_eq!(open(b"UpdatePathNode", b""), refused);
        assert_eq!(open(b"UpdatePathNode", b"Context"), refused);
        let other = suite.kem.generate_key_pair(&SystemRandom).unwrap();
        let other = suite.kem.load_private(&other.private).unwrap();
        let (label, context) = (b"UpdatePathNode", b"context");
        let (kem_output, ciphertext) = (&sealed.kem_output, &sealed.ciphertext);
        assert_eq!(suite.decrypt_with_label(&*other, label, context, kem_output, ciphertext), refused);
        for len in 0..ciphertext.len() {
            let cut = suite.decrypt_with_label(&*private, label, context, kem_output, &ciphertext[..len]);
            assert_eq!(cut, refused);
        }
        for len in [0, kem_output.len() - 1] {
            let cut = suite.decrypt_with_label(&*private, label, context, &kem_output[..len], ciphertext);
            assert_eq!(cut, Err(CryptoError::InvalidEncapsulation));
        }
    }
}

#[test]
fn one_prepared_encryption_serves_many_recipients() {
    for suite in &SUITES {
        let encryption = suite.encryption_with_label(b"Welcome", b"encrypted group info").unwrap();
        for _ in 0..3 {
            let pair = suite.kem.generate_key_pair(&SystemRandom).unwrap();
            let public = suite.kem.load_public(&pair.public).unwrap();
            let private = suite.kem.load_private(&pair.private).unwrap();
            let sealed = encryption.seal(&*public, b"secrets", &SystemRandom).unwrap();
            let opened = encryption.open(&*private, (&sealed.kem_output, &sealed.ciphertext)).unwrap();
            assert_eq!(opened.as_bytes(), b"secrets");
        }
    }
}

#[test]
fn external_init_gives_both_sides_the_init_secret() {
    for suite in &SUITES {
        let pair = suite.kem.derive_key_pair(&secret(suite)).unwrap();
        let public = suite.kem.load_public(&pair.public).unwrap();
        let private = suite.kem.load_private(&pair.private).unwrap();
        let (kem_output, sent) = suite.external_init_send(&*public, &SystemRandom).unwrap();
        assert_eq!(sent.len(), suite.secret_len());
        assert_eq!(suite.external_init_receive(&*private, &kem_output).unwrap(), sent);
        let context = setup_base_r(suite, &*private, &kem_output, b"").unwrap();
        let exported = context.export(b"MLS 1.0 external init secret", suite.secret_len()).unwrap();
        assert_eq!(exported, sent);
        let bad = suite.external_init_receive(&*private, b"");
        assert_eq!(bad, Err(CryptoError::InvalidEncapsulation));
    }
}
