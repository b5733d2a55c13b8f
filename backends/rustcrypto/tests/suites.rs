//! The table of suites: what RFC 9420 §17.1 registers under each number, and how suites are mixed.

use pleach_crypto::{
    AeadId, CipherSuite, CipherSuiteId, KdfId, KemId, SignatureScheme, UnsupportedCipherSuite,
};
use pleach_rustcrypto::{SUITES, provider};

#[test]
fn the_registered_algorithms_and_lengths() {
    let registered = [
        (1, 0x0020, 0x0001, 0x0001, 0x0807, [32, 32, 32, 16]),
        (2, 0x0010, 0x0001, 0x0001, 0x0403, [32, 65, 32, 16]),
        (3, 0x0020, 0x0001, 0x0003, 0x0807, [32, 32, 32, 32]),
        (4, 0x0021, 0x0003, 0x0002, 0x0808, [64, 56, 56, 32]),
        (5, 0x0012, 0x0003, 0x0002, 0x0603, [64, 133, 66, 32]),
        (6, 0x0021, 0x0003, 0x0003, 0x0808, [64, 56, 56, 32]),
        (7, 0x0011, 0x0002, 0x0002, 0x0503, [48, 97, 48, 32]),
    ];
    for (id, kem, kdf, aead, scheme, [hash_len, public_len, private_len, key_len]) in registered {
        let provider = provider();
        let suite = provider.suite(CipherSuiteId(id)).unwrap();
        assert_eq!(suite.kem.id(), KemId(kem));
        assert_eq!(suite.kdf.id(), KdfId(kdf));
        assert_eq!(suite.aead.id(), AeadId(aead));
        assert_eq!(suite.signature.scheme(), SignatureScheme(scheme));
        assert_eq!(
            (suite.hash.output_len(), suite.kdf.extract_len(), suite.secret_len()),
            (hash_len, hash_len, hash_len)
        );
        assert_eq!(
            (suite.kem.public_len(), suite.kem.enc_len(), suite.kem.private_len()),
            (public_len, public_len, private_len)
        );
        assert_eq!((suite.aead.key_len(), suite.aead.nonce_len(), suite.aead.tag_len()), (key_len, 12, 16));
        // The hash, its HMAC and the KDF are the same function.
        let mac = suite.hash.hmac(&pleach_crypto::Secret::copy_from(b"salt"), &[b"ikm"]);
        assert_eq!(mac.as_bytes(), suite.kdf.extract(b"salt", &[b"ikm"]).as_bytes());
    }
}

// breaks: R012
#[test]
fn a_number_without_a_suite_is_refused() {
    for id in [0, 8, 0x0A0A, 0xF000, 0xFFFF].map(CipherSuiteId) {
        let available = SUITES.map(|suite| suite.id).into();
        let error = provider().suite(id).unwrap_err();
        assert_eq!(error, UnsupportedCipherSuite { wanted: id, available });
        assert!(error.to_string().ends_with("MLS_256_DHKEMP384_AES256GCM_SHA384_P384"), "{error}");
    }
}

#[test]
fn suites_are_mixed_by_struct_update() {
    let [base, .., other] = &SUITES;
    let mixed = CipherSuite { id: CipherSuiteId(0xF00D), kem: other.kem, ..*base };
    let random = provider().random;
    let pair = mixed.kem.generate_key_pair(&*random).unwrap();
    let public = mixed.kem.load_public(&pair.public).unwrap();
    let private = mixed.kem.load_private(&pair.private).unwrap();
    let sealed = mixed.encrypt_with_label(&*public, b"label", b"context", b"text", &*random).unwrap();
    let opened =
        mixed.decrypt_with_label(&*private, b"label", b"context", &sealed.kem_output, &sealed.ciphertext);
    assert_eq!(opened.unwrap().as_bytes(), b"text");
}

#[test]
fn system_randomness_is_not_constant() {
    let random = provider().random;
    assert_ne!(random.secret(32).unwrap(), random.secret(32).unwrap());
    assert_ne!(random.bytes(32).unwrap(), [0; 32]);
}
