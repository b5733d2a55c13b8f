//! AWS-LC's randomness.

use aws_lc_rs::rand;
use pleach_crypto::{CryptoError, SecureRandom};

/// AWS-LC's generator: one per thread, seeded and reseeded from the operating system and the processor, safe across `fork`.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl SecureRandom for SystemRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        rand::fill(out).map_err(|_| CryptoError::RandomUnavailable)
    }
}
