//! The operating system's randomness, by `ring`.

use pleach_crypto::{CryptoError, SecureRandom};
use ring::rand::SecureRandom as _;

/// Randomness from the operating system, on every call: no state, nothing to fork or to reseed.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl SecureRandom for SystemRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        ring::rand::SystemRandom::new().fill(out).map_err(|_| CryptoError::RandomUnavailable)
    }
}
