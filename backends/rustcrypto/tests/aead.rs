//! The AEADs: published vectors, and every way to get input wrong.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{hex, secret};
use pleach_crypto::{Aead, CryptoError, Secret};
use pleach_rustcrypto::{AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305};

const ALL: [&dyn Aead; 3] = [&AES_128_GCM, &AES_256_GCM, &CHACHA20_POLY1305];

fn check(aead: &dyn Aead, [key, nonce, aad, text, sealed]: [&str; 5]) {
    let (key, nonce, aad) = (secret(key), hex(nonce), hex(aad));
    let mut in_out = hex(text);
    aead.seal(&key, &nonce, &aad, &mut in_out).unwrap();
    assert_eq!(in_out, hex(sealed));
    aead.open(&key, &nonce, &aad, &mut in_out).unwrap();
    assert_eq!(in_out, hex(text));
}

const GCM_TEXT: &str = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72
    1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";

#[test]
fn vectors_of_gcm_and_rfc8439() {
    check(
        &AES_128_GCM,
        [
            "feffe9928665731c6d6a8f9467308308",
            "cafebabefacedbaddecaf888",
            "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            GCM_TEXT,
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa05
             1ba30b396a0aac973d58e091 5bc94fbc3221a5db94fae95ae7121a47",
        ],
    );
    check(
        &AES_256_GCM,
        [
            "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
            "cafebabefacedbaddecaf888",
            "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            GCM_TEXT,
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838
             c5f61e6393ba7a0abcc9f662 76fc6ece0f4e1768cddf8853bb2d551b",
        ],
    );
    let text =
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
        sunscreen would be it.";
    let key = Secret::copy_from(&(0x80..=0x9F).collect::<Vec<_>>());
    let mut in_out = text.to_vec();
    CHACHA20_POLY1305
        .seal(&key, &hex("070000004041424344454647"), &hex("50515253c0c1c2c3c4c5c6c7"), &mut in_out)
        .unwrap();
    assert_eq!(in_out[..16], hex("d31a8d34648e60db7b86afbc53ef7ec2"));
    assert_eq!(in_out[text.len()..], hex("1ae10b594f09e26a7e902ecbd0600691"));
}

#[test]
fn the_empty_text_is_a_tag() {
    for aead in ALL {
        let (key, nonce) = (Secret::zero(aead.key_len()), vec![0; aead.nonce_len()]);
        let mut in_out = vec![];
        aead.seal(&key, &nonce, b"", &mut in_out).unwrap();
        assert_eq!(in_out.len(), aead.tag_len());
        aead.open(&key, &nonce, b"", &mut in_out).unwrap();
        assert_eq!(in_out, b"");
    }
}

// breaks: R020
#[test]
fn a_changed_bit_anywhere_does_not_open_and_leaves_no_plaintext() {
    for aead in ALL {
        let (key, nonce, text) =
            (Secret::zero(aead.key_len()), vec![0; aead.nonce_len()], b"text of a message");
        let mut sealed = text.to_vec();
        aead.seal(&key, &nonce, b"aad", &mut sealed).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(aead.open(&key, &nonce, b"aad", &mut changed), Err(CryptoError::DecryptionFailed));
            assert!(!changed.windows(4).any(|window| text.windows(4).any(|part| part == window)));
        }
        let mut other_nonce = nonce.clone();
        other_nonce[0] = 1;
        let other_key = Secret::from_fn(aead.key_len(), |key| key.fill(1));
        for (key, nonce, aad) in
            [(&other_key, &nonce, b"aad"), (&key, &other_nonce, b"aad"), (&key, &nonce, b"AAD")]
        {
            let opened = aead.open(key, nonce, aad, &mut sealed.clone());
            assert_eq!(opened, Err(CryptoError::DecryptionFailed));
        }
    }
}

// breaks: R020
#[test]
fn a_truncated_or_missing_tag_does_not_open() {
    for aead in ALL {
        let (key, nonce) = (Secret::zero(aead.key_len()), vec![0; aead.nonce_len()]);
        let mut sealed = b"text".to_vec();
        aead.seal(&key, &nonce, b"", &mut sealed).unwrap();
        for len in 0..sealed.len() {
            let mut cut = sealed[..len].to_vec();
            assert_eq!(aead.open(&key, &nonce, b"", &mut cut), Err(CryptoError::DecryptionFailed), "{len}");
        }
    }
}

#[test]
fn keys_and_nonces_of_another_length_are_refused() {
    for aead in ALL {
        let (key, nonce) = (Secret::zero(aead.key_len()), vec![0; aead.nonce_len()]);
        for len in [0, 15, 17, 24, 31, 33] {
            let key = Secret::zero(len);
            assert_eq!(aead.seal(&key, &nonce, b"", &mut vec![]), Err(CryptoError::WrongLength));
            assert_eq!(aead.open(&key, &nonce, b"", &mut vec![0; 20]), Err(CryptoError::WrongLength));
        }
        for len in [0, 8, 11, 13, 16, 24] {
            let nonce = vec![0; len];
            assert_eq!(aead.seal(&key, &nonce, b"", &mut vec![]), Err(CryptoError::WrongLength));
            assert_eq!(aead.open(&key, &nonce, b"", &mut vec![0; 20]), Err(CryptoError::WrongLength));
        }
    }
}
