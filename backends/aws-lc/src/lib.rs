//! Cipher suites 1, 2, 3, 5 and 7 of RFC 9420 §17.1 on AWS-LC, through `aws-lc-rs`: the fastest backend.
//!
//! [`provider`] is all that most programs need. [`SUITES`] and the algorithms are there to mix backends: a suite is a plain
//! struct, and `CipherSuite { kem: &OTHER, ..BASE }` is another suite.
//!
//! | algorithm | suites | by |
//! |---|---|---|
//! | DHKEM(X25519), DHKEM(P-256), DHKEM(P-384), DHKEM(P-521) | 1 and 3, 2, 7, 5 | AWS-LC's groups under [`pleach_crypto::dhkem`] |
//! | AES-128-GCM, AES-256-GCM, ChaCha20-Poly1305 | 1 and 2, 5 and 7, 3 | AWS-LC |
//! | SHA-256, SHA-384, SHA-512, and HMAC and HKDF over them | all | AWS-LC |
//! | Ed25519: signing, verification of honest signatures | 1, 3 | AWS-LC |
//! | Ed25519: which keys are taken, what AWS-LC refuses, batches | 1, 3 | borrowed: `pleach_rustcrypto::ed25519_rule`, over `curve25519-dalek` and `sha2` |
//! | ECDSA P-256, P-384, P-521 | 2, 7, 5 | AWS-LC |
//! | randomness | | AWS-LC |
//!
//! Suites 4 and 6 are missing: AWS-LC has neither X448 nor Ed448; with `CipherSuite { aead: &AES_256_GCM, ..THEIRS }`, another
//! backend's suite 4 gets its AEAD from here.
//!
//! ```
//! use pleach_aws_lc::{AES_256_GCM, provider};
//! use pleach_crypto::{CipherSuite, CipherSuiteId};
//!
//! # fn example() -> Result<(), pleach_crypto::CryptoError> {
//! let provider = provider();
//! let suite = provider.suite(CipherSuiteId::X25519_AES128GCM_SHA256_ED25519)?;
//! let pair = suite.kem.generate_key_pair(&*provider.random)?;
//! let (public, private) = (suite.kem.load_public(&pair.public)?, suite.kem.load_private(&pair.private)?);
//! let sealed = suite.encrypt_with_label(&*public, b"Example", b"context", b"text", &*provider.random)?;
//! let opened =
//!     suite.decrypt_with_label(&*private, b"Example", b"context", &sealed.kem_output, &sealed.ciphertext)?;
//! assert_eq!(opened.as_bytes(), b"text");
//!
//! // A suite of one's own, under a number for private use.
//! let mixed = CipherSuite { id: CipherSuiteId(0xF001), aead: &AES_256_GCM, ..*suite };
//! # Ok(())
//! # }
//! # example().unwrap();
//! ```
//!
//! Invariants: no `unsafe` in this crate; nothing that a peer sends can panic; keys are parsed, checked and expanded once, when
//! they are loaded.
//!
//! Constant time: whatever touches a secret is AWS-LC's. Verification, here as there, is not and need not be.
//!
//! Zeroized: AWS-LC wipes what it frees, and what this crate holds is wiped. What is left behind: values that Rust moves, as a key
//! is on its way into a box, and copies of HMAC's state for the same reason.
//!
//! ECDSA nonces are random and mixed with the key and the message, not those of RFC 6979: signing the same message twice gives
//! two signatures. They, and blinding, come from AWS-LC's own generator, whatever [`SecureRandom`] a program passes elsewhere.
//!
//! Cost: an AEAD call is one key schedule and one heap allocation. Loading a P-256, P-384 or P-521 private key is two
//! multiplications of the base point, since AWS-LC computes the public key and then checks it. Ed25519 and HKDF take
//! their input as one slice, so one in parts is copied once; hashes, HMAC and ECDSA are streamed. The first random byte of a process takes as long as
//! thousands of key agreements, because AWS-LC gathers entropy from the processor's jitter; later ones take about a microsecond.
//!
//! It deliberately holds no protocol logic, and DHKEM and HPKE are `pleach-crypto`'s.
//!
//! [`SecureRandom`]: pleach_crypto::SecureRandom

mod aead;
mod ecdsa;
mod ed25519;
mod hash;
mod kem;
mod random;
mod suites;

pub use aead::{AES_128_GCM, AES_256_GCM, CHACHA20_POLY1305, Cipher};
pub use ecdsa::{ECDSA_P256, ECDSA_P384, ECDSA_P521, Ecdsa};
pub use ed25519::{ED25519, Ed25519};
pub use hash::{HKDF_SHA256, HKDF_SHA384, HKDF_SHA512, Hkdf, SHA256, SHA384, SHA512, Sha2};
pub use kem::{DHKEM_P256, DHKEM_P384, DHKEM_P521, DHKEM_X25519, P256, P384, P521, X25519};
pub use random::SystemRandom;
pub use suites::{SUITES, provider};
