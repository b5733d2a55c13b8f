//! The cryptographic floor of Pleach: what MLS needs of cryptography, and nothing of how it is done.
//!
//! - primitive traits ([`Hash`], [`Kdf`], [`Aead`], [`Kem`], [`Signature`], [`SecureRandom`]), implemented by
//!   backend crates;
//! - [`CipherSuite`], a plain struct of references to them (RFC 9420 §5.1), and [`CryptoProvider`], a list of suites:
//!   suites are data, chosen and mixed at run time;
//! - [`Secret`] and [`Digest`], the two kinds of bytes that the protocol passes around;
//! - HPKE (RFC 9180) in [`hpke`], written once over the traits, and DHKEM in [`dhkem`], once over a group;
//! - the labelled functions of RFC 9420 §5.1.2, §5.1.3, §5.2 and §8 as methods of [`CipherSuite`].
//!
//! Invariants: no `unsafe`, no global state, no I/O; randomness always comes in as a [`SecureRandom`]. Secrets are
//! zeroized on drop, compared in constant time and redacted in `Debug`.
//!
//! It deliberately knows no structure of the protocol: those are in `pleach-wire`, one floor up.
#![no_std]
#![warn(clippy::indexing_slicing)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod aead;
pub mod dhkem;
mod digest;
mod encode;
mod error;
mod executor;
mod hash;
pub mod hpke;
mod ids;
mod kdf;
mod kem;
mod labeled;
mod random;
mod secret;
mod signature;
mod suite;

pub use aead::Aead;
pub use digest::Digest;
pub use encode::write_vector;
pub use error::{CryptoError, UnsupportedCipherSuite};
pub use executor::{Executor, Serial, in_chunks, map_each};
pub use hash::Hash;
pub use ids::{AeadId, CipherSuiteId, KdfId, KemId, SignatureScheme};
pub use kdf::Kdf;
pub use kem::{Kem, KemKeyPair, KemPrivateKey, KemPublicKey};
pub use labeled::{LabeledEncryption, SealedPart};
pub use random::SecureRandom;
pub use secret::Secret;
pub use signature::{Signature, SignatureKeyPair, Signed, Signer, Verifier};
pub use suite::{CipherSuite, CryptoProvider, SuiteAlgorithms};
