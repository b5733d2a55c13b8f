//! What can go wrong in cryptography. No variant carries bytes: an error can be logged anywhere.

use crate::{AeadId, CipherSuiteId, KdfId, KemId, SignatureScheme};

/// An error of a cryptographic operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
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
    #[error("unsupported cipher suite {0}")]
    UnsupportedCipherSuite(CipherSuiteId),
    /// The signer could not sign: for instance, the hardware that holds the key did not answer.
    #[error("the signer failed: {0}")]
    SignerFailed(&'static str),
    /// The source of randomness failed.
    #[error("no randomness available")]
    RandomUnavailable,
    /// Parts of a cipher suite do not fit together.
    #[error("inconsistent cipher suite: {kem}, {kdf}, {aead}, {signature}")]
    InconsistentSuite {
        /// The KEM of the suite.
        kem: KemId,
        /// Its KDF.
        kdf: KdfId,
        /// Its AEAD.
        aead: AeadId,
        /// Its signature scheme.
        signature: SignatureScheme,
    },
    /// The backend reported a failure that has nothing to do with the input.
    #[error("backend failure: {0}")]
    Backend(&'static str),
}
