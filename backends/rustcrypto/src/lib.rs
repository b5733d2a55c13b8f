//! The seven cipher suites of RFC 9420 §17.1 in pure Rust: on RustCrypto's crates, dalek's and `crrl`.
//!
//! [`provider`] is all that most programs need. [`SUITES`] and the algorithms are there to mix backends: a suite is a plain
//! struct, and `CipherSuite { kem: &OTHER, ..BASE }` is another suite.
//!
//! ```
//! use pleach_crypto::{CipherSuite, CipherSuiteId};
//! use pleach_rustcrypto::{DHKEM_P256, provider};
//!
//! # fn main() -> Result<(), pleach_crypto::CryptoError> {
//! let provider = provider();
//! let suite = provider.suite(CipherSuiteId::X25519_AES128GCM_SHA256_ED25519)?;
//! let pair = suite.signature.generate_key_pair(&*provider.random)?;
//! let signer = suite.signature.load_signer(&pair.private)?;
//! let signature = suite.sign_with_label(&*signer, b"Example", &[b"content"])?;
//! let verifier = suite.signature.load_verifier(&pair.public)?;
//! suite.verify_with_label(&*verifier, b"Example", &[b"content"], &signature)?;
//!
//! // A suite of one's own, under a number for private use.
//! let mixed = CipherSuite { id: CipherSuiteId(0xF001), kem: &DHKEM_P256, ..*suite };
//! # Ok(())
//! # }
//! ```
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

#[cfg(test)]
mod tests {
    use zeroize::ZeroizeOnDrop;

    fn wiped<T: ZeroizeOnDrop>() {}

    /// The crates underneath do this only with their `zeroize` feature, which this test holds on to.
    // breaks: R278
    #[test]
    fn what_holds_a_secret_wipes_it_on_drop() {
        wiped::<x25519_dalek::StaticSecret>();
        wiped::<x25519_dalek::SharedSecret>();
        wiped::<ed25519_dalek::SigningKey>();
        wiped::<p256::SecretKey>();
        wiped::<p384::SecretKey>();
        wiped::<p521::SecretKey>();
        wiped::<p256::ecdh::SharedSecret>();
        wiped::<p384::ecdh::SharedSecret>();
        wiped::<p521::ecdh::SharedSecret>();
        wiped::<p256::ecdsa::SigningKey>();
        wiped::<p384::ecdsa::SigningKey>();
        wiped::<p521::ecdsa::SigningKey>();
        wiped::<aes_gcm::Aes128Gcm>();
        wiped::<aes_gcm::Aes256Gcm>();
        wiped::<chacha20poly1305::ChaCha20Poly1305>();
        // HMAC is two of these and says nothing of itself.
        wiped::<sha2::Sha256>();
        wiped::<sha2::Sha384>();
        wiped::<sha2::Sha512>();
    }
}
