//! The hash of a suite, and HMAC over it, which is the suite's MAC (RFC 9420 §5.1).

use crate::{Digest, Secret};
use core::fmt::Debug;

/// A hash function, SHA-256, SHA-384 or SHA-512 in today's suites.
pub trait Hash: Debug + Send + Sync {
    /// The length of the digest in bytes (`Nh`), at most [`Digest::MAX`].
    fn output_len(&self) -> usize;

    /// The hash of the concatenation of `parts`.
    fn hash(&self, parts: &[&[u8]]) -> Digest;

    /// HMAC with this hash over the concatenation of `parts`.
    fn hmac(&self, key: &Secret, parts: &[&[u8]]) -> Digest;
}
