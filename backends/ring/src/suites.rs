//! Those cipher suites of RFC 9420 §17.1 as values that `ring` has all algorithms of but the Diffie-Hellman groups.

use crate::{
    AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305, DHKEM_P256, DHKEM_P384, DHKEM_X25519, ECDSA_P256,
    ECDSA_P384, ED25519, HKDF_SHA256, HKDF_SHA384, SHA256, SHA384, SystemRandom,
};
use pleach_crypto::{CipherSuite, CipherSuiteId, CryptoProvider};
use std::{borrow::Cow, sync::Arc};

/// The four suites and the system's randomness. Suite 1, which every implementation must have (R011), is preferred.
#[must_use]
pub fn provider() -> CryptoProvider {
    CryptoProvider { suites: Cow::Borrowed(&SUITES), random: Arc::new(SystemRandom) }
}

/// Cipher suites 1, 2, 3 and 7 of RFC 9420 §17.1 (R012).
pub static SUITES: [CipherSuite; 4] = [
    CipherSuite {
        id: CipherSuiteId::X25519_AES128GCM_SHA256_ED25519,
        hash: &SHA256,
        kdf: &HKDF_SHA256,
        aead: &AES_128_GCM,
        kem: &DHKEM_X25519,
        signature: &ED25519,
    },
    CipherSuite {
        id: CipherSuiteId::P256_AES128GCM_SHA256_P256,
        hash: &SHA256,
        kdf: &HKDF_SHA256,
        aead: &AES_128_GCM,
        kem: &DHKEM_P256,
        signature: &ECDSA_P256,
    },
    CipherSuite {
        id: CipherSuiteId::X25519_CHACHA20POLY1305_SHA256_ED25519,
        hash: &SHA256,
        kdf: &HKDF_SHA256,
        aead: &CHACHA20_POLY1305,
        kem: &DHKEM_X25519,
        signature: &ED25519,
    },
    CipherSuite {
        id: CipherSuiteId::P384_AES256GCM_SHA384_P384,
        hash: &SHA384,
        kdf: &HKDF_SHA384,
        aead: &AES_256_GCM,
        kem: &DHKEM_P384,
        signature: &ECDSA_P384,
    },
];
