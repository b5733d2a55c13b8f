//! The operating system's randomness.

use pleach_crypto::{CryptoError, SecureRandom};

/// Randomness from the operating system, on every call: no state, nothing to fork or to reseed.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl SecureRandom for SystemRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        getrandom::fill(out).map_err(|_| CryptoError::RandomUnavailable)
    }
}
