//! Looking at a group: its members, what is pending, its tree and GroupInfo. Nothing here changes anything.

use super::Group;
use crate::Error;
use pleach_group::{GroupInfoSpec, Interrupt, Member, PendingProposal, Status};
use pleach_wire::{Credential, LeafIndex};

impl Group {
    /// The members, in the order of their leaves. O(n); the first call reads the tree.
    ///
    /// # Errors
    /// Those of the store; [`Error::ApiMisuse`] after this client was removed.
    pub fn members(&self) -> Result<Vec<Member>, Error> {
        self.with_tree()?.members().map_err(looking)
    }

    /// The member with this leaf. One row.
    ///
    /// # Errors
    /// [`Error::ApiMisuse`] if there is none; as of [`Group::members`].
    pub fn member(&self, index: LeafIndex) -> Result<Member, Error> {
        self.client.0.look(&self.state, |state, rows| state.member(rows, index))
    }

    /// This member.
    ///
    /// # Errors
    /// As of [`Group::members`].
    pub fn own_leaf(&self) -> Result<Member, Error> {
        self.member(self.own_index())
    }

    /// The first member whose client has this id from the authentication service. Two rows.
    ///
    /// # Errors
    /// As of [`Group::members`].
    pub fn find_client(&self, client_id: &[u8]) -> Result<Option<Member>, Error> {
        let inner = &self.client.0;
        let leaves = inner.look(&self.state, |state, rows| state.leaves_of(rows, client_id))?;
        leaves.first().map(|index| self.member(*index)).transpose()
    }

    /// The proposals of this epoch that wait for a Commit, in the order in which they came. An own one has its message, to be
    /// sent again after a crash; not if this is an [old copy](Group::is_restored) of the group.
    ///
    /// # Errors
    /// Those of the store and of the rollback guard.
    pub fn pending_proposals(&self) -> Result<Vec<PendingProposal>, Error> {
        let mut proposals: Vec<PendingProposal> = if let Some(cache) = self.state.proposals() {
            cache.in_order().into_iter().cloned().collect()
        } else {
            let mut state = self.state.clone();
            self.client.0.attach_proposals(&mut state)?;
            let proposals = state.proposals().map(|cache| cache.in_order().into_iter().cloned().collect());
            proposals.unwrap_or_default()
        };
        if proposals.iter().any(|proposal| proposal.message.is_some()) && !self.is_original()? {
            // It may use a key that the original used for something else.
            proposals.iter_mut().for_each(|proposal| proposal.message = None);
        }
        Ok(proposals)
    }

    /// The ratchet tree, as the data of a `ratchet_tree` extension: to travel beside a Welcome or GroupInfo that does not
    /// hold it (RFC 9420 §12.4.3.3). O(n).
    ///
    /// # Errors
    /// As of [`Group::members`].
    pub fn ratchet_tree(&self) -> Result<Vec<u8>, Error> {
        self.with_tree()?.ratchet_tree().map_err(looking)
    }

    /// A signed GroupInfo with `external_pub`, as an MLSMessage: with it, others can join by an external Commit
    /// (RFC 9420 §12.4.3). The ratchet tree is in it unless it is above the configured size.
    ///
    /// # Errors
    /// Those of the signer and the store; [`Error::ApiMisuse`] if the group is over.
    pub fn group_info(&self) -> Result<Vec<u8>, Error> {
        self.group_info_with(GroupInfoSpec { external_pub: true, ..GroupInfoSpec::default() })
    }

    /// As [`Group::group_info`], with choices.
    ///
    /// # Errors
    /// As of [`Group::group_info`].
    pub fn group_info_with(&self, spec: GroupInfoSpec) -> Result<Vec<u8>, Error> {
        let signer = self.identity()?.signer;
        // The tree is loaded only if it may have to go in.
        let mut state = self.loaded.get().map_or_else(|| self.state.clone(), |loaded| (**loaded).clone());
        self.client.0.run(&self.config, &mut state, |state, env, _| state.group_info(env, &*signer, spec))
    }

    /// Everything worth showing about the group, without a secret. With the feature `serde` it serializes.
    ///
    /// # Errors
    /// As of [`Group::members`].
    pub fn report(&self) -> Result<GroupReport, Error> {
        Ok(GroupReport {
            group_id: self.id().to_vec(),
            epoch: self.epoch(),
            suite: self.suite().0,
            suite_name: self.suite().name(),
            algorithms: self.state.suite().algorithms().to_string(),
            status: match self.status() {
                Status::Active => "active",
                Status::ReInitialized(_) => "reinitialized",
                Status::Removed => "removed",
                _ => "unknown",
            },
            own_index: self.own_index().0,
            tree_hash: self.context().tree_hash.to_vec(),
            confirmed_transcript_hash: self.context().confirmed_transcript_hash.to_vec(),
            extensions: self.extensions().iter().map(|extension| extension.extension_type.0).collect(),
            members: self.members()?.iter().map(MemberReport::new).collect(),
            pending_proposals: self.pending_proposals()?.len(),
            pending_commits: self.stored_commits()?.len(),
            restored: self.is_restored(),
        })
    }
}

/// What [`Group::report`] shows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct GroupReport {
    /// The group's id.
    pub group_id: Vec<u8>,
    /// Its epoch.
    pub epoch: u64,
    /// The number of its cipher suite.
    pub suite: u16,
    /// The name of its cipher suite, if it is registered.
    #[cfg_attr(feature = "serde", serde(skip_deserializing))]
    pub suite_name: Option<&'static str>,
    /// What its cipher suite is made of: KEM, KDF, AEAD and signature scheme.
    pub algorithms: String,
    /// "active", "reinitialized" or "removed".
    #[cfg_attr(feature = "serde", serde(skip_deserializing))]
    pub status: &'static str,
    /// The index of the own leaf.
    pub own_index: u32,
    /// The hash of the ratchet tree.
    pub tree_hash: Vec<u8>,
    /// The hash over all Commits so far.
    pub confirmed_transcript_hash: Vec<u8>,
    /// The types of the group's extensions.
    pub extensions: Vec<u16>,
    /// The members.
    pub members: Vec<MemberReport>,
    /// How many proposals wait for a Commit.
    pub pending_proposals: usize,
    /// How many own Commits wait to be merged.
    pub pending_commits: usize,
    /// Whether it is an old copy, which does not send: [`Group::is_restored`].
    pub restored: bool,
}

/// A member in a [`GroupReport`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct MemberReport {
    /// Its leaf.
    pub index: u32,
    /// The type of its credential.
    pub credential_type: u16,
    /// The name in its basic credential, or the encoded credential of another type.
    pub identity: Vec<u8>,
    /// Its public signature key.
    pub signature_key: Vec<u8>,
}

impl MemberReport {
    fn new(member: &Member) -> Self {
        Self {
            index: member.index.0,
            credential_type: member.credential.credential_type().0,
            identity: match &member.credential {
                Credential::Basic { identity } => identity.to_vec(),
                other => pleach_wire::encode(other).unwrap_or_default(),
            },
            signature_key: member.signature_key.to_vec(),
        }
    }
}

/// A state that has its tree asks for nothing else.
fn looking(interrupt: Interrupt) -> Error {
    match interrupt {
        Interrupt::Error(error) => error.into(),
        Interrupt::Need(_) => Error::Internal("a group that is loaded asks for rows"),
    }
}
