//! Credentials that the authentication service must answer for (RFC 9420 §5.3.1, R025 to R031), and what a merge changed.

use alloc::vec::Vec;
use pleach_wire::{Credential, LeafIndex, LeafNode, Opaque, PreSharedKeyId, ReInit, SignaturePublicKey};

/// Where a new credential was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum CredentialReason {
    /// In a key package to be added by this client (R025) or by another member (R027).
    Add,
    /// In an Update (R028).
    Update,
    /// In the path of a Commit (R029).
    Commit,
    /// In the path of an external Commit: somebody joins, or joins again.
    ExternalCommit,
    /// In a leaf of a joined group's tree (R026).
    JoinedTree,
    /// In `external_senders` (R030).
    ExternalSender,
}

/// A credential to be answered for: is it valid for this key, and, if it replaces another, a valid successor (R031)?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialCheck {
    /// Where it was met.
    pub reason: CredentialReason,
    /// The leaf it is for, where that is known.
    pub leaf: Option<LeafIndex>,
    /// The credential and signature key it replaces.
    pub old: Option<(Credential, SignaturePublicKey)>,
    /// The credential.
    pub new: Credential,
    /// The signature key it vouches for.
    pub signature_key: SignaturePublicKey,
}

impl CredentialCheck {
    pub(crate) fn new(reason: CredentialReason, leaf: Option<LeafIndex>, node: &LeafNode) -> Self {
        Self {
            reason,
            leaf,
            old: None,
            new: node.credential.clone(),
            signature_key: node.signature_key.clone(),
        }
    }

    /// A replacement; `None` if neither credential nor key changes, so that there is nothing to ask.
    pub(crate) fn replacing(
        reason: CredentialReason,
        leaf: LeafIndex,
        old: &LeafNode,
        new: &LeafNode,
    ) -> Option<Self> {
        (old.credential != new.credential || old.signature_key != new.signature_key).then(|| Self {
            old: Some((old.credential.clone(), old.signature_key.clone())),
            ..Self::new(reason, Some(leaf), new)
        })
    }
}

/// What a Commit changed, for the application to show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MembershipChanges {
    /// The new epoch.
    pub epoch: u64,
    /// Who committed; `None` if it joined by this very Commit.
    pub committer: Option<LeafIndex>,
    /// Members added, in the order of the proposals.
    pub added: Vec<LeafIndex>,
    /// Members removed, with the credentials they had.
    pub removed: Vec<(LeafIndex, Credential)>,
    /// Members whose leaf changed, the committer of a path included.
    pub updated: Vec<LeafIndex>,
    /// The leaf of the client that joined by an external Commit.
    pub joined: Option<LeafIndex>,
    /// Whether the GroupContext's extensions changed.
    pub extensions_changed: bool,
    /// The pre-shared keys that entered the key schedule.
    pub psks: Vec<PreSharedKeyId>,
    /// The successor that was agreed on.
    pub reinit: Option<ReInit>,
    /// Custom proposals: type, sender's leaf if it is a member, and content.
    pub custom: Vec<(pleach_wire::ProposalType, Option<LeafIndex>, Opaque)>,
    /// Whether this client was removed.
    pub removed_us: bool,
    /// The authenticated data of the Commit.
    pub authenticated_data: Opaque,
}
