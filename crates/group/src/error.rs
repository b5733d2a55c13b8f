//! Errors, sorted by whose fault they are. None holds a secret.

use crate::RowError;
use pleach_crypto::{CryptoError, UnsupportedCipherSuite};
use pleach_framing::FramingError;
use pleach_key_schedule::{KeyScheduleError, SecretTreeError};
use pleach_tree::TreeError;
use pleach_wire::{
    CipherSuiteId, CredentialType, DecodeError, EncodeError, ExtensionType, LeafIndex, ProposalType,
    ProtocolVersion,
};

/// Why a step failed. It changed nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// The bytes are no message of the protocol.
    #[error("malformed: {0}")]
    Malformed(#[from] DecodeError),
    /// A peer broke a rule of the protocol.
    #[error("a peer broke the protocol: {0}")]
    Misbehavior(#[from] MisbehaviorError),
    /// A peer lacks something that the group, or this client, needs.
    #[error("incompatible: {0}")]
    Incompatible(#[from] IncompatibleError),
    /// The ratchet tree, an UpdatePath or a node breaks a rule.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A message cannot be unprotected.
    #[error(transparent)]
    Framing(#[from] FramingError),
    /// A secret cannot be derived, or its message key is gone.
    #[error(transparent)]
    KeySchedule(#[from] KeyScheduleError),
    /// A message key is used up, too far ahead, or gone.
    #[error(transparent)]
    SecretTree(#[from] SecretTreeError),
    /// The message is of another group (R048).
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
    /// The application, its authentication service or its rules said no.
    #[error("denied: {0}")]
    Denied(&'static str),
    /// The caller asked for something that cannot be. Never caused by received bytes.
    #[error("misuse: {0}")]
    Misuse(#[from] MisuseError),
    /// A cryptographic operation failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// A stored row cannot be read.
    #[error(transparent)]
    Row(#[from] RowError),
}

impl From<EncodeError> for GroupError {
    /// Only an over-long field cannot be encoded, and only the caller's own input is that long.
    fn from(_: EncodeError) -> Self {
        Self::Misuse(MisuseError::TooLong)
    }
}

/// A rule that a peer broke. One variant for each; the section and requirement are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MisbehaviorError {
    /// §12.4.2, R230: the signature does not verify.
    #[error("invalid signature")]
    InvalidSignature,
    /// §6.1, R039, §6.3.2, R059: the sender's leaf is blank or outside the tree.
    #[error("the sender is not a member")]
    SenderNotMember,
    /// §6.1, R040, R189: there is no such external sender.
    #[error("unknown external sender")]
    UnknownExternalSender,
    /// §6.1, R041, R188: this proposal is not for external senders.
    #[error("proposal type {0} not allowed for an external sender")]
    ExternalProposalType(ProposalType),
    /// §6: an MLSMessage that is no PublicMessage or PrivateMessage, or has content that its framing forbids.
    #[error("not a message to a group")]
    NotGroupMessage,
    /// §12.4.3: an MLSMessage that is no GroupInfo.
    #[error("not a group info")]
    NotGroupInfo,
    /// §12.4.3: an MLSMessage that is no Welcome.
    #[error("not a welcome")]
    NotWelcome,
    /// §6, R036: the message travels in a way that this group does not accept.
    #[error("wire format not accepted")]
    WireFormatRefused,
    /// §12.4.2, R231: the confirmation tag does not match.
    #[error("wrong confirmation tag")]
    ConfirmationTag,
    /// §12.4, R220: these proposals need a path.
    #[error("missing path")]
    MissingPath,
    /// §12.4.3.2, R211: an external Commit has a path.
    #[error("external commit without a path")]
    ExternalCommitWithoutPath,
    /// §12.2, R205, R222: a reference does not resolve to a proposal of this epoch.
    #[error("unknown proposal reference")]
    UnknownProposal,
    /// §12.4.3.2, R210: an external Commit refers to a proposal.
    #[error("external commit with a proposal by reference")]
    ReferenceInExternalCommit,
    /// §12.2, R195: an Update by the committer.
    #[error("the committer updates itself by a proposal")]
    CommitterUpdate,
    /// §12.2, R196: a Remove of the committer.
    #[error("the committer removes itself")]
    CommitterRemove,
    /// §12.2, R197: several Updates or Removes of one leaf.
    #[error("several proposals change leaf {0:?}")]
    DuplicateLeafChange(LeafIndex),
    /// §12.2, R198: two Adds of one client.
    #[error("a client is added twice")]
    DuplicateAdd,
    /// §12.2, R199: an Add of a member.
    #[error("a member is added again")]
    AddOfMember,
    /// §12.2, R200: two GroupContextExtensions.
    #[error("two group_context_extensions proposals")]
    DuplicateGroupContextExtensions,
    /// §12.1.6, §12.2, R185, R201: ExternalInit outside an external Commit.
    #[error("external_init in a regular commit")]
    UnexpectedExternalInit,
    /// §12.2, R207: not exactly one ExternalInit in an external Commit.
    #[error("an external commit needs exactly one external_init")]
    ExternalInitCount,
    /// §12.2, R208: more than one Remove in an external Commit.
    #[error("an external commit removes at most one leaf")]
    ExternalCommitRemoves,
    /// §12.2, R208: the leaf removed is not the joiner's own former one.
    #[error("an external commit removes another client's leaf")]
    ExternalCommitRemovesOther,
    /// §12.2, R209: a proposal type that an external Commit cannot hold.
    #[error("proposal type {0} not allowed in an external commit")]
    ExternalCommitProposal(ProposalType),
    /// §12.2, R168: ReInit is not alone.
    #[error("reinit together with other proposals")]
    ReInitNotAlone,
    /// §12.1.5, R167: ReInit to an older version.
    #[error("reinit to an older protocol version")]
    ReInitVersion,
    /// §12.2, R131: one PSK twice.
    #[error("a pre-shared key is proposed twice")]
    DuplicatePsk,
    /// §12.1.4, R130, R173, R177: usage `reinit` or `branch` where it cannot be.
    #[error("pre-shared key usage not allowed here")]
    PskUsage,
    /// §8.4: more pre-shared keys than a Commit can name.
    #[error("too many pre-shared keys")]
    TooManyPsks,
    /// §8.4, R127: a PSK nonce of the wrong length.
    #[error("pre-shared key nonce of the wrong length")]
    PskNonce,
    /// §12.4.3.1, R135: several resumption PSKs of usage `reinit` or `branch` in one Welcome.
    #[error("several resumption keys in one welcome")]
    SeveralResumptionPsks,
    /// §12.1.2, R181: an Update by somebody who is no member.
    #[error("update by a non-member")]
    UpdateByNonMember,
    /// §12.1.3, R183: a Remove of a blank leaf, or one outside the tree.
    #[error("remove of leaf {0:?}, which is blank")]
    RemoveOfBlank(LeafIndex),
    /// §13.4, R187: two extensions of one type.
    #[error("two extensions of type {0}")]
    DuplicateExtension(ExtensionType),
    /// §13.4, R255, R261: a known extension where it cannot be.
    #[error("extension {0} in the wrong place")]
    MisplacedExtension(ExtensionType),
    /// §7.3, R080: the leaf's source does not fit its place.
    #[error("leaf node source does not fit its place")]
    LeafNodeSource,
    /// §7.3, R074: the leaf's signature does not verify.
    #[error("invalid leaf node signature")]
    LeafNodeSignature,
    /// §7.3, R064, R079: an extension of the leaf is not among its capabilities.
    #[error("leaf node extension {0} not in its capabilities")]
    LeafExtensionNotListed(ExtensionType),
    /// §7.2, R065: the leaf's own credential type is not among its capabilities.
    #[error("leaf node credential {0} not in its capabilities")]
    LeafCredentialNotListed(CredentialType),
    /// §7.3, R081, R082: the encryption key did not change.
    #[error("the encryption key did not change")]
    EncryptionKeyUnchanged,
    /// §7.3, R083: a signature key is used by two members.
    #[error("signature key used twice")]
    DuplicateSignatureKey,
    /// §7.3, R084: an encryption key is used twice.
    #[error("encryption key used twice")]
    DuplicateEncryptionKey,
    /// §5.3, R021, R022: an x509 credential that does not parse, or whose key is not the leaf's.
    #[error("x509 credential does not fit the leaf")]
    X509Credential,
    /// §7.2, R068: a lifetime longer than the application accepts.
    #[error("lifetime too long")]
    LifetimeTooLong,
    /// §7.3, R077, R078: not valid now.
    #[error("lifetime does not include now")]
    LifetimeExpired,
    /// §10, R150, R156: the key package's signature does not verify.
    #[error("invalid key package signature")]
    KeyPackageSignature,
    /// §10.1, R157: the init key is the leaf's encryption key.
    #[error("init key equals encryption key")]
    InitKeyReused,
    /// §10.1, R149, R154: a key of the key package is not valid for its suite.
    #[error("invalid key in a key package")]
    KeyPackageKey,
    /// §12.4.3.1, R235: the group secrets of a Welcome do not decrypt.
    #[error("the welcome cannot be decrypted")]
    WelcomeDecryption,
    /// §12.4.3, R238: a Welcome to a group with the id of one that this client is in.
    #[error("a welcome to a group that is known already")]
    KnownGroup,
    /// §12.4.2, R233: a Commit in this client's name that is not pending here: it was discarded. Only joining again leads on.
    #[error("an own commit that is not pending here")]
    UnknownOwnCommit,
    /// §12.4.3.1, R237: the GroupInfo's signature does not verify, or its signer's leaf is blank.
    #[error("invalid group info signature")]
    GroupInfoSignature,
    /// §12.4.3.1, R105, R240, R254: the tree's hash is not the GroupContext's.
    #[error("ratchet tree does not match the tree hash")]
    TreeHash,
    /// §12.4.3.1, R242: no leaf is the key package's.
    #[error("own leaf not in the ratchet tree")]
    OwnLeafMissing,
    /// §12.4.3.1, R243, R244: the path secret does not fit the tree.
    #[error("path secret does not match the ratchet tree")]
    PathSecret,
    /// §12.4.3.2, R250: no external_pub.
    #[error("group info without external_pub")]
    MissingExternalPub,
    /// §11.2, §11.3, R171, R176: the epoch of the new group is not 1.
    #[error("a successor group starts in epoch 1")]
    SuccessorEpoch,
    /// §11.2, R171: the new group is not what the ReInit said.
    #[error("the new group is not the one that was agreed on")]
    ReInitMismatch,
    /// §11.2, R171: an old member is missing, or a new one was added.
    #[error("the new group does not have the old group's members")]
    ReInitMembers,
    /// §11.3, R176: version or suite differ from the old group's.
    #[error("the branch differs from its group in version or suite")]
    BranchMismatch,
    /// §11.3, R176: somebody in the branch is no member of the group.
    #[error("the branch has a member that its group does not have")]
    BranchMembers,
    /// §8.1, R117: the epoch counter is at its end.
    #[error("the group has reached its last epoch")]
    EpochOverflow,
    /// §8.1, R118: the version of the GroupContext is unknown.
    #[error("unknown protocol version {0:?}")]
    Version(ProtocolVersion),
    /// §12.4.3.1, R239: suites of Welcome, key package and GroupInfo differ.
    #[error("cipher suites differ")]
    SuiteMismatch,
    /// §8.3, R125: the ExternalInit cannot be decapsulated.
    #[error("external_init cannot be decapsulated")]
    ExternalInit,
    /// §7.5, R096, R097: the path cannot be decrypted, or does not give its public keys.
    #[error("update path cannot be decrypted")]
    UpdatePath,
    /// More proposals than are kept at a time.
    #[error("too many proposals pending")]
    TooManyProposals,
}

/// Something that a peer, or this client, lacks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IncompatibleError {
    /// §5.1, R012: a cipher suite that the provider does not have.
    #[error(transparent)]
    CipherSuite(UnsupportedCipherSuite),
    /// §10.1, R154: the key package is of another suite than the group.
    #[error("key package of suite {0}")]
    KeyPackageSuite(CipherSuiteId),
    /// §7.3, R075, R165, R166: a required capability is missing.
    #[error("a required capability is missing")]
    RequiredCapability,
    /// §13.4, R085: a GroupContext extension is not among a leaf's capabilities.
    #[error("group context extension {0} not supported by a member")]
    GroupContextExtension(ExtensionType),
    /// §13.4, R260: a GroupContext extension that this client does not know.
    #[error("group context extension {0} not supported here")]
    OwnExtension(ExtensionType),
    /// §12.2, R202, R256: a proposal type that a member does not support.
    #[error("proposal type {0} not supported by a member")]
    Proposal(ProposalType),
    /// §7.3, R024, R076, R257: a credential type that a member does not support.
    #[error("credential type {0} not supported by a member")]
    Credential(CredentialType),
    /// §12.4.2, §12.4.3.1, R132, R134: a PSK that is not held here.
    #[error("a pre-shared key is not available")]
    MissingPsk,
    /// §12.4.3.1, R234: the Welcome names no key package of this client.
    #[error("the welcome is not for this client")]
    NoKeyPackage,
    /// §12.4.3.1, R248: the ratchet tree is not in the Welcome and was not given.
    #[error("the ratchet tree is missing")]
    MissingRatchetTree,
    /// §11.2, §11.3: the group that this one follows on is not at hand, or not in the epoch that the Welcome names.
    #[error("the predecessor of the group is not at hand")]
    MissingPredecessor,
    /// The tree was given for a group that is larger than the limits allow.
    #[error("the group is too large")]
    GroupTooLarge,
}

/// A mistake of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MisuseError {
    /// A field is longer than the protocol can carry.
    #[error("a field is too long")]
    TooLong,
    /// The group was left: nothing can be sent or committed any more (R232).
    #[error("this client is no longer a member")]
    NotMember,
    /// The group was re-initialized: it is frozen (§12.4.2, R169).
    #[error("the group was reinitialized")]
    ReInitialized,
    /// The group was not re-initialized.
    #[error("the group has no reinit to continue")]
    NotReInitialized,
    /// Proposals are pending: they are committed before application data is sent (§12.4, R217).
    #[error("proposals are pending: commit them first")]
    PendingProposals,
    /// The signer is not the one of the own leaf (R015).
    #[error("the signer does not match the own leaf")]
    WrongSigner,
    /// A credential was not answered for yet.
    #[error("a credential still awaits its answer")]
    CredentialsUnanswered,
    /// The commit belongs to an epoch that is over.
    #[error("the commit belongs to another epoch")]
    Stale,
    /// No such pending commit.
    #[error("no such pending commit")]
    NoSuchCommit,
    /// The group exists already (§12.4.3, R238).
    #[error("there is already a group with this id")]
    GroupExists,
    /// Messages of the epoch are used up (§15.2, R056).
    #[error("the message limit of this epoch is reached: commit first")]
    MessageLimit,
    /// A committer cannot remove itself: it proposes to leave (§12.2, R196).
    #[error("a member cannot commit its own removal: propose it")]
    SelfRemove,
    /// There is no such member.
    #[error("no such member")]
    NoSuchMember,
    /// The proposal cannot be made, or not by this sender.
    #[error("this proposal cannot be made here")]
    Proposal,
    /// Application data cannot be in a PublicMessage (§6, R035), and only members send PrivateMessages (R057).
    #[error("this content cannot travel this way")]
    WireFormat,
    /// As many own proposals are pending as other members keep.
    #[error("too many own proposals pending: commit them first")]
    TooManyProposals,
    /// A private key does not fit its public key.
    #[error("private and public key do not match")]
    KeyMismatch,
    /// A GREASE value where the RFC forbids one (§13.5, R264).
    #[error("GREASE is not allowed here")]
    Grease,
}
