//! What can go wrong in cryptography. No variant carries bytes: an error can be logged anywhere.

use crate::{CipherSuiteId, SuiteAlgorithms};
use alloc::boxed::Box;
use core::fmt;

/// An error of a cryptographic operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// The public key is not a valid encoding of a key of this algorithm.
    #[error("invalid public key")]
    InvalidPublicKey,
    /// The private key is not a valid encoding of a key of this algorithm.
    #[error("invalid private key")]
    InvalidPrivateKey,
    /// The encapsulated key could not be decapsulated (wrong length, bad point, or an all-zero DH result).
    #[error("invalid encapsulated key")]
    InvalidEncapsulation,
    /// The signature does not verify, or is not a valid encoding of a signature.
    #[error("invalid signature")]
    InvalidSignature,
    /// The ciphertext does not authenticate under this key, nonce and associated data.
    #[error("decryption failed")]
    DecryptionFailed,
    /// A key, nonce or other input has the wrong length for the algorithm.
    #[error("input of the wrong length")]
    WrongLength,
    /// More output was asked of the KDF than it can give, or more than its label structure can express.
    #[error("derived output too long")]
    OutputTooLong,
    /// A message counter reached its end (RFC 9180 §5.2).
    #[error("message limit reached")]
    MessageLimitReached,
    /// No private key could be derived (RFC 9180 §7.1.3: all candidates rejected).
    #[error("key derivation failed")]
    DeriveKeyPair,
    /// The provider has no such cipher suite.
    #[error(transparent)]
    UnsupportedCipherSuite(#[from] UnsupportedCipherSuite),
    /// The signer could not sign: for instance, the hardware that holds the key did not answer.
    #[error("the signer failed: {0}")]
    SignerFailed(&'static str),
    /// The source of randomness failed.
    #[error("no randomness available")]
    RandomUnavailable,
    /// The algorithms of a cipher suite do not fit together, or are not those that its number stands for.
    #[error("cipher suite {id} cannot be {algorithms}")]
    InconsistentSuite {
        /// The suite.
        id: CipherSuiteId,
        /// Its algorithms.
        algorithms: SuiteAlgorithms,
    },
    /// What was stored under this suite number was made with other algorithms: the numbering has changed in between.
    #[error("cipher suite {id} is {now} here, but what is stored was made with {stored}")]
    SuiteChanged {
        /// The suite.
        id: CipherSuiteId,
        /// The algorithms that the provider has for it.
        now: SuiteAlgorithms,
        /// Those that the stored keys belong to.
        stored: SuiteAlgorithms,
    },
    /// The backend reported a failure that has nothing to do with the input.
    #[error("backend failure: {0}")]
    Backend(&'static str),
}

/// A provider lacks a cipher suite; says what it has instead (R012).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct UnsupportedCipherSuite {
    /// The suite that was asked for.
    pub wanted: CipherSuiteId,
    /// Those that the provider has.
    pub available: Box<[CipherSuiteId]>,
}

impl fmt::Display for UnsupportedCipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no cipher suite {} here; there are", self.wanted)?;
        let Some((last, others)) = self.available.split_last() else { return f.write_str(" none") };
        others.iter().try_for_each(|id| write!(f, " {id},"))?;
        write!(f, " {last}")
    }
}
