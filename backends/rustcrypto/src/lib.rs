//! The seven cipher suites of RFC 9420 §17.1 in pure Rust: on RustCrypto's crates, dalek's and `crrl`.
//!
//! [`provider`] is all that most programs need. [`SUITES`] and the algorithms are there to mix backends: a suite is a plain
//! struct, and `CipherSuite { kem: &OTHER, ..BASE }` is another suite.
//!
//! The features other than `suites` (the default) are for backends that borrow one piece: a Diffie-Hellman group, or the
//! acceptance rule of Ed25519. Nothing else comes along then.
//!
//! ```
//! # #[cfg(feature = "suites")] {
//! use pleach_crypto::{CipherSuite, CipherSuiteId};
//! use pleach_rustcrypto::{DHKEM_P256, provider};
//!
//! # fn example() -> Result<(), pleach_crypto::CryptoError> {
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
//! # example().unwrap();
//! # }
//! ```
//!
//! Invariants: no `unsafe` in this crate; keys and scratch values are zeroized where the crates underneath allow it (the exception is
//! named in `ed448.rs`); nothing that a peer sends can panic. It deliberately holds no protocol logic, and DHKEM
//! and HPKE are `pleach-crypto`'s.

#[cfg(feature = "suites")]
mod aead;
#[cfg(feature = "suites")]
mod ecdsa;
#[cfg(feature = "suites")]
mod ed25519;
#[cfg(feature = "ed25519-rule")]
pub mod ed25519_rule;
#[cfg(feature = "suites")]
mod ed448;
#[cfg(feature = "suites")]
mod hash;
#[cfg(any(feature = "x25519", feature = "p256", feature = "p384"))]
mod kem;
#[cfg(feature = "suites")]
mod random;
#[cfg(feature = "suites")]
mod suites;

#[cfg(feature = "p256")]
pub use kem::P256;
#[cfg(feature = "p384")]
pub use kem::P384;
#[cfg(feature = "x25519")]
pub use kem::X25519;
#[cfg(feature = "suites")]
pub use {
    aead::{AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305, Cipher},
    ecdsa::{ECDSA_P256, ECDSA_P384, ECDSA_P521, EcdsaP256, EcdsaP384, EcdsaP521},
    ed448::{ED448, Ed448},
    ed25519::{ED25519, Ed25519},
    hash::{HKDF_SHA256, HKDF_SHA384, HKDF_SHA512, Hkdf, SHA256, SHA384, SHA512, Sha2},
    kem::{DHKEM_P256, DHKEM_P384, DHKEM_P521, DHKEM_X448, DHKEM_X25519, P521, X448},
    random::SystemRandom,
    suites::{SUITES, provider},
};

#[cfg(all(test, feature = "suites"))]
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
