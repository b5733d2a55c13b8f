//! What can go wrong in the key schedule and the secret tree. No variant carries a secret: an error can be logged.

use pleach_crypto::CryptoError;
use pleach_wire::{EncodeError, LeafIndex};

/// An error of the key schedule (RFC 9420 §8).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyScheduleError {
    /// A primitive failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// A value has no encoding: longer than the RFC allows. Never caused by received bytes.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The `confirmation_tag` is not the MAC of the confirmed transcript hash (RFC 9420 §6.1, §12.4.2; R045, R231, R245).
    #[error("the confirmation tag does not verify")]
    InvalidConfirmationTag,
    /// The `membership_tag` does not verify (RFC 9420 §6.2, R047).
    #[error("the membership tag does not verify")]
    InvalidMembershipTag,
    /// A `psk_nonce` is not `KDF.Nh` bytes long (RFC 9420 §8.4, R127).
    #[error("a PSK nonce is {actual} bytes long, not {expected}")]
    PskNonceLength {
        /// `KDF.Nh` of the group's suite.
        expected: usize,
        /// The length found.
        actual: usize,
    },
    /// More pre-shared keys than `PSKLabel.count` can express: 65,535 (RFC 9420 §8.4).
    #[error("more pre-shared keys than 65,535")]
    TooManyPsks,
    /// The content hashed into the transcript is not a Commit (RFC 9420 §8.2).
    #[error("only a Commit enters the transcript")]
    NotACommit,
    /// An AEAD opened or sealed under keys of the Welcome failed (RFC 9420 §12.4.3.1, R236).
    #[error("the encrypted GroupInfo does not decrypt")]
    GroupInfoDecryption,
    /// A stored row cannot be read.
    #[error(transparent)]
    Row(#[from] RowError),
}

/// An error of the secret tree (RFC 9420 §9).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretTreeError {
    /// A primitive failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The leaf lies outside of the tree (RFC 9420 §6.3.2, R059).
    #[error("leaf {0} is not in the tree")]
    LeafOutOfRange(LeafIndex),
    /// This generation was used before, or its key was dropped because too many were kept (RFC 9420 §9.2, R060, R144).
    #[error("generation {generation} was already received")]
    AlreadyReceived {
        /// The generation of the message.
        generation: u32,
    },
    /// The generation is further ahead than the limit; nothing was derived (RFC 9420 §15.3, R145).
    #[error("generation {generation} is too far ahead of {next}")]
    TooFarAhead {
        /// The generation of the message.
        generation: u32,
        /// The next generation that was expected.
        next: u32,
    },
    /// The ratchet has no generation left: the epoch must end (RFC 9420 §9.1, R141).
    #[error("the ratchet is exhausted")]
    GenerationsExhausted,
    /// Past epochs keep no handshake ratchets: nothing but application data is received late.
    #[error("handshake keys of a past epoch are deleted")]
    HandshakeKeysDeleted,
    /// No secret for this leaf is left, or none was ever stored.
    #[error("no secret is left for leaf {0}")]
    NoSecret(LeafIndex),
    /// Rows that [`SecretTree::needs`](crate::SecretTree::needs) names were not supplied. The caller's mistake.
    #[error("rows of the secret tree have not been loaded")]
    NotLoaded,
    /// The step was prepared before another one was committed: prepare it again. The caller's mistake.
    #[error("the secret tree moved on since the step was prepared")]
    StaleStep,
    /// A stored row cannot be read.
    #[error(transparent)]
    Row(#[from] RowError),
}

/// Why a stored row cannot be read: it was damaged, or written by a later version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// The row ends before its content does, or goes on after it.
    #[error("the row has the wrong length")]
    Length,
    /// The row has a version that is not known here.
    #[error("unknown row version {0}")]
    Version(u8),
    /// The row contradicts itself.
    #[error("the row is inconsistent")]
    Inconsistent,
}
