//! [`Error`]: what went wrong, sorted by whose fault it is.
//!
//! Whoever gets an error wants to know what to do: drop the message, tell the peer to upgrade, wait, fix the program,
//! or look at the disk. So errors of all floors are sorted here by blame. None holds a secret or a byte of a message.
//!
//! Invariant: received bytes never cause [`Error::ApiMisuse`] or [`Error::Internal`], and an operation that failed
//! changed nothing, with two exceptions: [`StorageError::Engine`] may leave the outcome unknown (the handle then reloads), and
//! after [`Error::RollbackGuard`] the batch may stand, the application's records in it included, though nothing of it left.

use crate::keys::record_kind;
use crate::{KeyPackageState, RollbackGuardError};
use pleach_crypto::{CryptoError, UnsupportedCipherSuite};
use pleach_framing::FramingError;
use pleach_group::{GroupError, IncompatibleError, MisbehaviorError, MisuseError, RowError, RowProblem};
use pleach_key_schedule::{KeyScheduleError, SecretTreeError};
use pleach_storage::{RecordKind, StorageError};
use pleach_tree::TreeError;
use pleach_wire::{DecodeError, EncodeError};
use std::borrow::Cow;

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no message of the protocol: drop them.
    #[error("malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// The bytes are an MLS message of another kind than this function takes.
    #[error("the message is not a {0}")]
    UnexpectedMessage(&'static str),
    /// A peer broke a rule of the protocol, or somebody tampered: drop the message.
    #[error("a peer broke the protocol: {0}")]
    PeerMisbehaved(PeerMisbehavior),
    /// A peer, or this client, lacks something that the other needs.
    #[error("incompatible: {0}")]
    PeerIncompatible(#[from] IncompatibleError),
    /// The message is of another group than the one it was given to (R048).
    #[error("the message belongs to another group")]
    WrongGroup,
    /// The message is of an epoch that is not, or no longer, readable (R178, R229).
    #[error("the message is of epoch {message}, the group is in epoch {current}")]
    WrongEpoch {
        /// The group's epoch.
        current: u64,
        /// The message's epoch.
        message: u64,
    },
    /// The message was read before, or its keys are deleted: it cannot be read again (RFC 9420 §9.2).
    #[error("the message was received before, or its keys are gone")]
    AlreadyReceived,
    /// The authentication service or the application's rules said no.
    #[error("denied: {0}")]
    Denied(Cow<'static, str>),
    /// The authentication service does not know a credential yet. Try again when it does; nothing was written.
    #[error("the authentication service has not answered for {credentials} credentials yet")]
    AwaitingAuthentication {
        /// How many are open.
        credentials: usize,
    },
    /// This client had the group and deleted it. A late message can be dropped, and so can a Welcome of that time; to be let
    /// in by that very Welcome again takes [`Client::forget_deleted`](crate::Client::forget_deleted).
    #[error("the group was deleted in epoch {epoch}")]
    GroupDeleted {
        /// The epoch in which it was deleted.
        epoch: u64,
    },
    /// The Welcome is for a key package that this client had, and whose private keys are gone (RFC 9420 §10, §16.8).
    #[error("the key package is {0}")]
    KeyPackageRetired(KeyPackageState),
    /// What was asked for is not in the store.
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The caller asked for something that cannot be.
    #[error("misuse: {0}")]
    ApiMisuse(#[from] ApiMisuse),
    /// A cryptographic operation, the signer or the randomness failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The store failed, or another handle was faster ([`StorageError::Conflict`]).
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The rollback guard could not be asked or moved. If it could not be moved, the batch was applied before: a generation is
    /// used up, a Commit pending, a group created or joined, and the records of
    /// [`encrypt_with`](crate::Group::encrypt_with) are written; but nothing was returned that could be sent. If it could not be
    /// asked, nothing changed. Look before the call is repeated where that matters.
    #[error(transparent)]
    RollbackGuard(#[from] RollbackGuardError),
    /// This library broke its own rules. Please report it.
    #[error("internal error: {0}")]
    Internal(&'static str),
}

/// A broken rule, by the part of the protocol that it belongs to. Each variant within names section and requirement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerMisbehavior {
    /// Of proposals, commits, joins and key packages (RFC 9420 §7.3, §10 to §12).
    #[error(transparent)]
    Group(#[from] MisbehaviorError),
    /// Of the ratchet tree and its paths (RFC 9420 §4, §7).
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// Of message framing (RFC 9420 §6).
    #[error(transparent)]
    Framing(#[from] FramingError),
    /// Of the key schedule (RFC 9420 §8).
    #[error(transparent)]
    KeySchedule(#[from] KeyScheduleError),
    /// Of the secret tree (RFC 9420 §9).
    #[error(transparent)]
    SecretTree(#[from] SecretTreeError),
    /// A key, signature or ciphertext that is none.
    #[error(transparent)]
    Crypto(CryptoError),
}

/// A mistake of the program that uses the library.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiMisuse {
    /// The group cannot do this, or not now.
    #[error(transparent)]
    Group(#[from] MisuseError),
    /// A client was built without an [`AuthService`](crate::AuthService).
    #[error("a client needs an authentication service")]
    NoAuthService,
    /// A client was built without an identity, or has none whose signature scheme is that of the suite.
    #[error("the client has no identity for this cipher suite")]
    NoIdentity,
    /// No suite of the provider goes with an identity of the client.
    #[error("the client has no cipher suite that goes with an identity")]
    NoCipherSuite,
    /// The provider lacks this cipher suite.
    #[error(transparent)]
    CipherSuite(UnsupportedCipherSuite),
    /// No identity of the client has the signature key of the group's own leaf.
    #[error("the client has no identity with the signature key of the own leaf")]
    NoSignerForLeaf,
    /// The group is an old copy, or was imported: it may have sent since, so it sends nothing and gives out no pending Commit
    /// before it has joined anew by an external Commit ([`ExternalJoin::resync`](crate::ExternalJoin::resync)). It still receives.
    #[error(
        "the group was restored from a copy: it sends nothing before it has joined anew by an external commit"
    )]
    Restored,
    /// As many key packages wait as the client's configuration allows.
    #[error("there are {most} key packages already: withdraw some, or expire old ones")]
    TooManyKeyPackages {
        /// How many are allowed.
        most: usize,
    },
    /// As many own Commits are pending as the configuration allows.
    #[error("{most} commits are pending already: merge or discard them")]
    TooManyPendingCommits {
        /// How many are allowed.
        most: usize,
    },
    /// Two rows of an application's batch have one key.
    #[error("an application record is written twice in one batch")]
    DuplicateRecord,
}

impl Error {
    /// A name of the error's kind that never changes, for logs, metrics and tests.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::UnexpectedMessage(_) => "unexpected-message",
            Self::PeerMisbehaved(_) => "peer-misbehaved",
            Self::PeerIncompatible(_) => "peer-incompatible",
            Self::WrongGroup => "wrong-group",
            Self::WrongEpoch { .. } => "wrong-epoch",
            Self::AlreadyReceived => "already-received",
            Self::Denied(_) => "denied",
            Self::AwaitingAuthentication { .. } => "awaiting-authentication",
            Self::GroupDeleted { .. } => "group-deleted",
            Self::KeyPackageRetired(_) => "key-package-retired",
            Self::NotFound(_) => "not-found",
            Self::ApiMisuse(_) => "api-misuse",
            Self::Crypto(_) => "crypto",
            Self::Storage(StorageError::Conflict { .. }) => "storage-conflict",
            Self::Storage(StorageError::Corrupt { .. }) => "storage-corrupt",
            Self::Storage(StorageError::Busy) => "storage-busy",
            Self::Storage(StorageError::NewerFormat { .. } | StorageError::NewerRow { .. }) => {
                "storage-newer"
            }
            Self::Storage(_) => "storage",
            Self::RollbackGuard(_) => "rollback-guard",
            Self::Internal(_) => "internal",
        }
    }

    /// Whether the same call may succeed later without any change by the caller: another handle was faster, the store
    /// was busy, the signer, the authentication service or the rollback guard did not answer.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::AwaitingAuthentication { .. } | Self::RollbackGuard(_) => true,
            Self::Crypto(error) => {
                matches!(error, CryptoError::SignerFailed(_) | CryptoError::RandomUnavailable)
            }
            Self::Storage(error) => error.is_retryable(),
            _ => false,
        }
    }

    /// Whether what was received is at fault: it can be dropped, and the peer told.
    #[must_use]
    pub const fn is_peer_fault(&self) -> bool {
        matches!(
            self,
            Self::Malformed(_)
                | Self::UnexpectedMessage(_)
                | Self::PeerMisbehaved(_)
                | Self::PeerIncompatible(_)
                | Self::WrongGroup
        )
    }
}

/// What the store's own error says of a row that cannot be read.
impl From<RowError> for Error {
    fn from(RowError { row, problem, .. }: RowError) -> Self {
        let kind = record_kind(row);
        let what = match problem {
            RowProblem::Newer { found, known } => {
                return StorageError::NewerRow { kind, found, known }.into();
            }
            RowProblem::Length => "a row has the wrong length",
            RowProblem::Value => "a row holds an impossible value",
            RowProblem::Missing => "the row is missing",
            _ => "a row cannot be read",
        };
        StorageError::corrupt(kind, what).into()
    }
}

/// A row of the secret tree: which, the group says where it reads one.
const CORRUPT: Error = Error::Storage(StorageError::Corrupt { kind: None, what: "a row cannot be read" });

const fn corrupt(kind: RecordKind, what: &'static str) -> Error {
    Error::Storage(StorageError::corrupt(kind, what))
}

/// Asking a provider for a suite is the application's doing.
impl From<UnsupportedCipherSuite> for Error {
    fn from(error: UnsupportedCipherSuite) -> Self {
        ApiMisuse::CipherSuite(error).into()
    }
}

impl From<GroupError> for Error {
    fn from(error: GroupError) -> Self {
        match error {
            GroupError::Malformed(error) => error.into(),
            GroupError::Misbehavior(error) => Self::PeerMisbehaved(error.into()),
            GroupError::Incompatible(error) => error.into(),
            GroupError::Tree(error) => error.into(),
            GroupError::Framing(error) => error.into(),
            GroupError::KeySchedule(error) => error.into(),
            GroupError::SecretTree(error) => error.into(),
            GroupError::WrongGroup => Self::WrongGroup,
            GroupError::WrongEpoch { current, message } => Self::WrongEpoch { current, message },
            GroupError::Denied(reason) => Self::Denied(Cow::Borrowed(reason)),
            GroupError::Misuse(error) => error.into(),
            GroupError::Crypto(error) if of_peer(&error) => {
                Self::PeerMisbehaved(PeerMisbehavior::Crypto(error))
            }
            GroupError::Crypto(error) => error.into(),
            GroupError::Row(error) => error.into(),
            _ => Self::Internal("an unknown error of the group"),
        }
    }
}

impl From<MisuseError> for Error {
    fn from(error: MisuseError) -> Self {
        Self::ApiMisuse(error.into())
    }
}

impl From<EncodeError> for Error {
    /// Only an over-long field has no encoding, and only the caller's own input is that long.
    fn from(_: EncodeError) -> Self {
        MisuseError::TooLong.into()
    }
}

impl From<TreeError> for Error {
    fn from(error: TreeError) -> Self {
        match error {
            TreeError::Need(_) | TreeError::NeedKeys(_) => Self::Internal("a tree that is not loaded"),
            TreeError::Misuse(what) => Self::Internal(what),
            TreeError::Corrupt(_) => {
                corrupt(RecordKind::TreeNode, "a node is not the one that its hash names")
            }
            TreeError::CorruptPrivate => corrupt(RecordKind::PathKeys, "a row holds an impossible value"),
            TreeError::NewerRow { found, known, .. } => {
                StorageError::NewerRow { kind: RecordKind::TreeNode, found, known }.into()
            }
            TreeError::NewerPrivate { found, known } => {
                StorageError::NewerRow { kind: RecordKind::PathKeys, found, known }.into()
            }
            TreeError::TreeFull => IncompatibleError::GroupTooLarge.into(),
            TreeError::Encode(error) => error.into(),
            TreeError::Decode(error) => error.into(),
            TreeError::Crypto(error) if !of_peer(&error) => error.into(),
            broken => Self::PeerMisbehaved(broken.into()),
        }
    }
}

impl From<FramingError> for Error {
    fn from(error: FramingError) -> Self {
        match error {
            FramingError::Encode(error) => error.into(),
            FramingError::Malformed(error) => error.into(),
            FramingError::WrongGroup => Self::WrongGroup,
            FramingError::WrongEpoch { message, epoch } => Self::WrongEpoch { current: epoch, message },
            FramingError::MembershipKeyNeeded | FramingError::WrongKeys => {
                Self::Internal("a message was framed with the wrong keys")
            }
            FramingError::AeadLimitReached => MisuseError::MessageLimit.into(),
            FramingError::Crypto(error) if !of_peer(&error) => error.into(),
            broken => Self::PeerMisbehaved(broken.into()),
        }
    }
}

impl From<KeyScheduleError> for Error {
    fn from(error: KeyScheduleError) -> Self {
        match error {
            KeyScheduleError::Encode(error) => error.into(),
            KeyScheduleError::Row(_) => CORRUPT,
            KeyScheduleError::NotACommit => Self::Internal("a transcript of something else than a Commit"),
            KeyScheduleError::Crypto(error) if !of_peer(&error) => error.into(),
            broken => Self::PeerMisbehaved(broken.into()),
        }
    }
}

impl From<SecretTreeError> for Error {
    fn from(error: SecretTreeError) -> Self {
        match error {
            SecretTreeError::Row(_) => CORRUPT,
            SecretTreeError::AlreadyReceived { .. }
            | SecretTreeError::HandshakeKeysDeleted
            | SecretTreeError::NoSecret(_) => Self::AlreadyReceived,
            SecretTreeError::GenerationsExhausted => MisuseError::MessageLimit.into(),
            SecretTreeError::NotLoaded | SecretTreeError::StaleStep => {
                Self::Internal("a secret tree that is not loaded")
            }
            SecretTreeError::Crypto(error) if !of_peer(&error) => error.into(),
            broken => Self::PeerMisbehaved(broken.into()),
        }
    }
}

/// Whether a cryptographic error says something about the input, rather than about the machine.
const fn of_peer(error: &CryptoError) -> bool {
    matches!(
        error,
        CryptoError::InvalidPublicKey
            | CryptoError::InvalidEncapsulation
            | CryptoError::InvalidSignature
            | CryptoError::DecryptionFailed
            | CryptoError::DeriveKeyPair
            | CryptoError::WrongLength
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use pleach_wire::LeafIndex;

    #[test]
    fn errors_are_sorted_by_blame() {
        let cases: [(Error, &str, bool, bool); 16] = [
            (DecodeError::Truncated.into(), "malformed", false, true),
            (GroupError::from(TreeError::BlankLeaf(LeafIndex(1))).into(), "peer-misbehaved", false, true),
            (
                GroupError::from(TreeError::Crypto(CryptoError::InvalidPublicKey)).into(),
                "peer-misbehaved",
                false,
                true,
            ),
            (
                GroupError::from(TreeError::Crypto(CryptoError::RandomUnavailable)).into(),
                "crypto",
                true,
                false,
            ),
            (GroupError::from(TreeError::CorruptPrivate).into(), "storage-corrupt", false, false),
            (FramingError::WrongGroup.into(), "wrong-group", false, true),
            (FramingError::AeadLimitReached.into(), "api-misuse", false, false),
            (SecretTreeError::AlreadyReceived { generation: 3 }.into(), "already-received", false, false),
            (KeyScheduleError::InvalidConfirmationTag.into(), "peer-misbehaved", false, true),
            (StorageError::Conflict { kind: RecordKind::Head }.into(), "storage-conflict", true, false),
            (StorageError::Full.into(), "storage", false, false),
            (Error::AwaitingAuthentication { credentials: 1 }, "awaiting-authentication", true, false),
            (Error::GroupDeleted { epoch: 7 }, "group-deleted", false, false),
            (Error::KeyPackageRetired(KeyPackageState::Consumed), "key-package-retired", false, false),
            (ApiMisuse::Restored.into(), "api-misuse", false, false),
            (RollbackGuardError::new("unreachable").into(), "rollback-guard", true, false),
        ];
        for (error, code, retryable, peer) in cases {
            assert_eq!(
                (error.code(), error.is_retryable(), error.is_peer_fault()),
                (code, retryable, peer),
                "{error}"
            );
        }
    }
}
