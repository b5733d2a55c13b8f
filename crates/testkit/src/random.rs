//! Randomness that can be repeated: a failing test prints its seed, and the seed gives the test again.
//!
//! **Not random**: anyone who sees eight bytes knows the rest (SplitMix64). For tests alone.

use std::sync::atomic::{AtomicU64, Ordering};

use pleach_crypto::{CryptoError, SecureRandom};

const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// A stream of bytes that a seed determines.
#[derive(Debug)]
pub struct SeededRandom(AtomicU64);

impl SeededRandom {
    /// The stream of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// A second stream that goes on as this one will: what two parties draw from them is the same.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self(AtomicU64::new(self.0.load(Ordering::Relaxed)))
    }

    /// The next number.
    pub fn next_u64(&self) -> u64 {
        let state = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        let mut z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not zero. (The bias is of no account in a test.)
    pub fn below(&self, bound: usize) -> usize {
        (self.next_u64() % bound.max(1) as u64) as usize
    }

    /// One of the items.
    pub fn pick<T: Copy>(&self, items: &[T]) -> Option<T> {
        items.get(self.below(items.len())).copied()
    }
}

impl SecureRandom for SeededRandom {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        for chunk in out.chunks_mut(8) {
            let bytes = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
        Ok(())
    }
}
