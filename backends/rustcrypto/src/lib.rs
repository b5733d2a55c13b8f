//! The seven cipher suites of RFC 9420 §17.1 in pure Rust: on RustCrypto's crates, dalek's and `crrl`.
//!
//! [`provider`] is all that most programs need. [`SUITES`] and the algorithms are there to mix backends: a suite is a plain
//! struct, and `CipherSuite { kem: &OTHER, ..SUITES[0] }` is another suite.
//!
//! Invariants: no `unsafe` in this crate; keys and scratch values are zeroized where the crates underneath allow it (the exception is
//! named in `ed448.rs`); nothing that a peer sends can panic. It deliberately holds no protocol logic, and DHKEM
//! and HPKE are `pleach-crypto`'s.

mod aead;
mod ecdsa;
mod ed25519;
mod ed448;
mod hash;
mod kem;
mod random;

pub use aead::{AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305, Cipher};
pub use ecdsa::{ECDSA_P256, ECDSA_P384, ECDSA_P521, EcdsaP256, EcdsaP384, EcdsaP521};
pub use ed448::{ED448, Ed448};
pub use ed25519::{ED25519, Ed25519};
pub use hash::{HKDF_SHA256, HKDF_SHA384, HKDF_SHA512, Hkdf, SHA256, SHA384, SHA512, Sha2};
pub use kem::{DHKEM_P256, DHKEM_P384, DHKEM_P521, DHKEM_X448, DHKEM_X25519, P256, P384, P521, X448, X25519};
pub use random::SystemRandom;

use pleach_crypto::{CipherSuite, CipherSuiteId, CryptoProvider};
use std::{borrow::Cow, sync::Arc};

/// All seven suites and the system's randomness. Suite 1, which every implementation must have (R011), is preferred.
#[must_use]
pub fn provider() -> CryptoProvider {
    CryptoProvider { suites: Cow::Borrowed(&SUITES), random: Arc::new(SystemRandom) }
}

/// The cipher suites of RFC 9420 §17.1, by number (R012).
pub static SUITES: [CipherSuite; 7] = [
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
        id: CipherSuiteId::X448_AES256GCM_SHA512_ED448,
        hash: &SHA512,
        kdf: &HKDF_SHA512,
        aead: &AES_256_GCM,
        kem: &DHKEM_X448,
        signature: &ED448,
    },
    CipherSuite {
        id: CipherSuiteId::P521_AES256GCM_SHA512_P521,
        hash: &SHA512,
        kdf: &HKDF_SHA512,
        aead: &AES_256_GCM,
        kem: &DHKEM_P521,
        signature: &ECDSA_P521,
    },
    CipherSuite {
        id: CipherSuiteId::X448_CHACHA20POLY1305_SHA512_ED448,
        hash: &SHA512,
        kdf: &HKDF_SHA512,
        aead: &CHACHA20_POLY1305,
        kem: &DHKEM_X448,
        signature: &ED448,
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
