//! Randomness is an input. There is no global generator.

use crate::{CryptoError, Secret};
use alloc::vec::Vec;
use core::fmt::Debug;

/// A cryptographically secure source of random bytes.
pub trait SecureRandom: Debug + Send + Sync {
    /// Fills `out`.
    ///
    /// # Errors
    /// [`CryptoError::RandomUnavailable`].
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError>;

    /// A fresh secret of `len` bytes.
    ///
    /// # Errors
    /// Those of [`SecureRandom::fill`].
    fn secret(&self, len: usize) -> Result<Secret, CryptoError> {
        Secret::try_from_fn(len, |out| self.fill(out))
    }

    /// `len` fresh public bytes, such as a nonce or a group id.
    ///
    /// # Errors
    /// Those of [`SecureRandom::fill`].
    fn bytes(&self, len: usize) -> Result<Vec<u8>, CryptoError> {
        let mut out = alloc::vec![0; len];
        self.fill(&mut out)?;
        Ok(out)
    }
}
