//! Cipher suites 1, 2, 3 and 7 of RFC 9420 §17.1 on `ring`, with borrowed Diffie-Hellman groups.
//!
//! [`provider`] is all that most programs need. [`SUITES`] and the algorithms are there to mix backends: a suite is a plain
//! struct, and `CipherSuite { kem: &OTHER, ..BASE }` is another suite.
//!
//! | algorithm | suites | by |
//! |---|---|---|
//! | AES-128-GCM, AES-256-GCM, ChaCha20-Poly1305 | 1 and 2, 7, 3 | `ring` |
//! | SHA-256, SHA-384, SHA-512, and HMAC and HKDF over them | all | `ring` |
//! | Ed25519: signing, verification of honest signatures | 1, 3 | `ring` |
//! | Ed25519: which keys are taken, what `ring` refuses, batches | 1, 3 | borrowed: `pleach_rustcrypto::ed25519_rule`, over `curve25519-dalek` and `sha2` |
//! | ECDSA P-256, P-384: signing and verification | 2, 7 | `ring` |
//! | ECDSA P-256, P-384: the public key of a private one, and whether a public key is on its curve | 2, 7 | borrowed: `pleach_rustcrypto`, over `p256` and `p384` |
//! | DHKEM(X25519), DHKEM(P-256), DHKEM(P-384) | 1 and 3, 2, 7 | borrowed groups: `pleach_rustcrypto`, over `x25519-dalek`, `p256` and `p384`; HKDF in them by `ring` |
//! | randomness | | `ring` |
//!
//! The groups are borrowed because `ring` does not import private keys for Diffie-Hellman, which HPKE needs. Suites 4, 5 and 6
//! are missing: `ring` has neither P-521 nor X448 nor Ed448.
//!
//! ```
//! use pleach_crypto::{CipherSuite, CipherSuiteId};
//! use pleach_ring::{AES_256_GCM, provider};
//!
//! # fn example() -> Result<(), pleach_crypto::CryptoError> {
//! let provider = provider();
//! let suite = provider.suite(CipherSuiteId::P256_AES128GCM_SHA256_P256)?;
//! let pair = suite.signature.generate_key_pair(&*provider.random)?;
//! let signer = suite.signature.load_signer(&pair.private)?;
//! let signature = suite.sign_with_label(&*signer, b"Example", &[b"content"])?;
//! let verifier = suite.signature.load_verifier(&pair.public)?;
//! suite.verify_with_label(&*verifier, b"Example", &[b"content"], &signature)?;
//!
//! // A suite of one's own, under a number for private use.
//! let mixed = CipherSuite { id: CipherSuiteId(0xF001), aead: &AES_256_GCM, ..*suite };
//! # Ok(())
//! # }
//! # example().unwrap();
//! ```
//!
//! Invariants: no `unsafe` in this crate; nothing that a peer sends can panic; keys are parsed and expanded once, when they are
//! loaded, but for the points of ECDSA public keys, which `ring` decodes for every signature.
//!
//! Constant time: whatever touches a secret is `ring`'s, or that of the borrowed crates. Verification is not and need not be.
//!
//! Zeroized: what this crate and the borrowed ones hold. `ring` wipes nothing: AEAD and HMAC keys, and the outputs of HMAC, stay
//! where they were on the stack until something else is written there. A signature key is overwritten with another when its
//! signer is dropped, but not where it stood before it was moved into the signer.
//!
//! ECDSA nonces are random and mixed with the key and the message, not those of RFC 6979: signing the same message twice gives
//! two signatures. They come from [`SystemRandom`], whatever [`SecureRandom`] a program passes elsewhere.
//!
//! Cost: an AEAD call is one key schedule. Suites 2 and 7 pay the borrowed groups, in pure Rust, for each DHKEM operation and for
//! loading an ECDSA key; dropping a signer costs as much as loading it, for the key that is written over. `ring`'s P-384 is
//! portable code, and signs more slowly than pure Rust elsewhere. Signatures take a message as one slice, so one in parts is
//! copied once; everything else is streamed.
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
pub use ecdsa::{ECDSA_P256, ECDSA_P384, Ecdsa};
pub use ed25519::{ED25519, Ed25519};
pub use hash::{HKDF_SHA256, HKDF_SHA384, HKDF_SHA512, Hkdf, SHA256, SHA384, SHA512, Sha2};
pub use kem::{DHKEM_P256, DHKEM_P384, DHKEM_X25519, P256, P384, X25519};
pub use random::SystemRandom;
pub use suites::{SUITES, provider};

use std::borrow::Cow;

/// The message as one slice, which is how `ring` takes it.
fn joined<'a>(message: &[&'a [u8]]) -> Cow<'a, [u8]> {
    match message {
        [one] => Cow::Borrowed(one),
        parts => Cow::Owned(parts.concat()),
    }
}
