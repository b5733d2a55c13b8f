//! What can be wrong with a message. One variant per requirement; none carries bytes of the message or a secret.

use pleach_crypto::CryptoError;
use pleach_wire::{DecodeError, EncodeError};

/// An error of message framing (RFC 9420 §6).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FramingError {
    /// A primitive failed for a reason that is not the message's.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// A value has no encoding: longer than the RFC allows. Never caused by received bytes.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// What was encrypted is not the encoding of what it should be; non-zero padding among it (R049, R050).
    #[error(transparent)]
    Malformed(#[from] DecodeError),
    /// The message is of another group (RFC 9420 §6, R048).
    #[error("the message belongs to another group")]
    WrongGroup,
    /// The message is of another epoch than the keys (RFC 9420 §12.4.2, R229).
    #[error("the message is of epoch {message}, not {epoch}")]
    WrongEpoch {
        /// The epoch of the message.
        message: u64,
        /// The epoch of the keys.
        epoch: u64,
    },
    /// The content's wire format is not that of the message it is framed in (RFC 9420 §6.1, R038).
    #[error("the content was signed for another wire format")]
    WrongWireFormat,
    /// Application data in a PublicMessage (RFC 9420 §6, R035).
    #[error("application data in a PublicMessage")]
    PublicApplicationData,
    /// A PrivateMessage from a sender that is not a member (RFC 9420 §6, §6.3.2; R037, R057).
    #[error("a PrivateMessage from a sender that is not a member")]
    PrivateSenderNotMember,
    /// An external sender sent something else than a proposal (RFC 9420 §6.1, R041).
    #[error("an external sender can send proposals only")]
    ExternalSenderContent,
    /// An external sender sent a proposal of a type that is not for external senders (RFC 9420 §12.1.8, R041, R188).
    #[error("a proposal type that external senders must not use")]
    ExternalSenderProposalType,
    /// A `new_member_proposal` that is not a proposal of type add (RFC 9420 §6.1, §12.1.8; R043, R188).
    #[error("a new member can propose only its own addition")]
    NewMemberProposalContent,
    /// A `new_member_commit` that is not a Commit (RFC 9420 §6.1, R042).
    #[error("a new_member_commit is not a Commit")]
    NewMemberCommitContent,
    /// An external Commit without a path, so without a key to verify it under (RFC 9420 §6.1, §12.4.3.2; R042, R211).
    #[error("an external Commit without a path")]
    NewMemberCommitWithoutPath,
    /// A Commit without a confirmation tag, or other content with one (RFC 9420 §6.1, R045).
    #[error("a confirmation tag is present iff the content is a Commit")]
    ConfirmationTagPresence,
    /// A member's PublicMessage without a membership tag, or another's with one (RFC 9420 §6.2, R046).
    #[error("a membership tag is present iff the sender is a member")]
    MembershipTagPresence,
    /// The membership tag does not verify (RFC 9420 §6.2, R047).
    #[error("the membership tag does not verify")]
    InvalidMembershipTag,
    /// A member's PublicMessage cannot be made without the membership key (RFC 9420 §6.2). The caller's mistake.
    #[error("the membership key is needed")]
    MembershipKeyNeeded,
    /// The signature does not verify under the sender's key (RFC 9420 §6.1, R044).
    #[error("the signature does not verify")]
    InvalidSignature,
    /// The encrypted sender data does not authenticate (RFC 9420 §6.3.2, R058).
    #[error("the sender data does not decrypt")]
    SenderDataDecryption,
    /// The ciphertext does not authenticate under the sender's key (RFC 9420 §6.3.1, R051, R054).
    #[error("the content does not decrypt")]
    ContentDecryption,
    /// The keys are not those of the message's generation. The caller's mistake.
    #[error("the keys are of another generation")]
    WrongKeys,
    /// The epoch encrypted as much as the AEAD allows: commit before going on (RFC 9420 §6.3.1, §15.2; R056, R272).
    #[error("the epoch reached the usage limit of its AEAD")]
    AeadLimitReached,
}
