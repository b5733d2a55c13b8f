//! Randomness that is a list of bytes.

use pleach_crypto::{CryptoError, SecureRandom};
use std::sync::Mutex;

/// Gives out the listed bytes, then fails.
#[derive(Debug)]
pub(crate) struct Listed(Mutex<Vec<u8>>);

impl Listed {
    /// Randomness that is these bytes.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(Mutex::new(bytes.to_vec()))
    }
}

impl SecureRandom for Listed {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        let mut bytes = self.0.lock().unwrap();
        if bytes.len() < out.len() {
            return Err(CryptoError::RandomUnavailable);
        }
        out.copy_from_slice(&bytes.drain(..out.len()).collect::<Vec<_>>());
        Ok(())
    }
}
