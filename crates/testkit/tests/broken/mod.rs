//! Algorithms with one fault each, around good ones: what the suite of crypto backends has to find.

pub(crate) mod aead;
pub(crate) mod ecdsa;
pub(crate) mod ed25519;
pub(crate) mod kdf;
pub(crate) mod kem;

/// What suites are made of has to live for ever.
pub(crate) fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}
