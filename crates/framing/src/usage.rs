//! The usage limits of the AEAD (RFC 9420 §6.3.1, §15.2; R056, R272).
//!
//! Every message has a key of its own, so one key never encrypts much. What is bounded here is an epoch's total: the
//! default keeps the advantage of an attacker negligible even if all of it had been encrypted under one key.

use crate::FramingError;

/// The most that an epoch encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AeadLimit {
    /// Messages.
    pub messages: u64,
    /// Octets of AAD and ciphertext.
    pub octets: u64,
}

impl Default for AeadLimit {
    /// 2^32 messages and 2^40 octets. 2^36 blocks under one key of AES-GCM are told from random with an advantage of
    /// about 2^-57.
    fn default() -> Self {
        Self { messages: 1 << 32, octets: 1 << 40 }
    }
}

/// What an epoch has encrypted so far. A value: persist the new one together with the ratchet step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AeadUsage {
    /// Messages.
    pub messages: u64,
    /// Octets of AAD and ciphertext.
    pub octets: u64,
}

impl AeadUsage {
    /// The usage after one more message with so many octets of AAD and ciphertext.
    ///
    /// # Errors
    /// [`FramingError::AeadLimitReached`] if that is more than the limit: do not encrypt (R056, R272).
    pub fn after(self, octets: usize, limit: &AeadLimit) -> Result<Self, FramingError> {
        let messages = self.messages.checked_add(1);
        let octets = u64::try_from(octets).ok().and_then(|octets| self.octets.checked_add(octets));
        match (messages, octets) {
            (Some(messages), Some(octets)) if messages <= limit.messages && octets <= limit.octets => {
                Ok(Self { messages, octets })
            }
            _ => Err(FramingError::AeadLimitReached), // R056
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // breaks: R056, R272
    #[test]
    fn refuses_past_the_bound() {
        let limit = AeadLimit { messages: 2, octets: 100 };
        let usage = AeadUsage::default().after(60, &limit).unwrap();
        assert_eq!(usage.after(41, &limit), Err(FramingError::AeadLimitReached));
        let usage = usage.after(40, &limit).unwrap();
        assert_eq!(usage, AeadUsage { messages: 2, octets: 100 });
        assert_eq!(usage.after(0, &limit), Err(FramingError::AeadLimitReached));
        let full = AeadUsage { messages: 0, octets: u64::MAX };
        let no_limit = AeadLimit { messages: u64::MAX, octets: u64::MAX };
        assert_eq!(full.after(1, &no_limit), Err(FramingError::AeadLimitReached));
    }
}
