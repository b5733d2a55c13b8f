//! Groups that follow on another: the successor of a ReInit (RFC 9420 §11.2) and branches (§11.3). The resumption PSK of
//! the old group proves to all that it is the same people.
//!
//! The new group and its first Commit, which adds the others, are stored in one batch: a failure leaves nothing of either.

use super::{Group, PendingCommit};
use crate::{ApiMisuse, Error, GroupOptions};
use pleach_group::{CommitSpec, MisuseError, ProposalSpec, Status};
use pleach_wire::ResumptionPskUsage;
use std::collections::BTreeSet;

impl Group {
    /// Creates the group that a ReInit agreed on, and the Commit that adds all members of this one, given by fresh key
    /// packages of theirs for the new suite (R170, R171). One of the members does so; the others join by the Welcome.
    ///
    /// Merge the Commit into the new group once its Welcome was sent. The new group may have this one's id: then it takes
    /// its place.
    ///
    /// # Errors
    /// [`Error::ApiMisuse`] if no ReInit was committed, or the key packages are not those of exactly the other members;
    /// otherwise as of creating a group and committing. [`ApiMisuse::Restored`] if this is an old copy of the group.
    pub fn reinitialize<K: AsRef<[u8]>>(&self, key_packages: &[K]) -> Result<(Self, PendingCommit), Error> {
        let mut anew = None;
        let this = self.original(&mut anew)?;
        let Status::ReInitialized(agreed) = this.status() else {
            return Err(MisuseError::NotReInitialized.into());
        };
        let auth = this.client.0.auth();
        let mut expected = BTreeSet::new();
        for member in this.members()? {
            if member.index != this.own_index() {
                expected.insert(auth.client_id(&member.credential, &member.signature_key));
            }
        }
        let mut given = BTreeSet::new();
        for bytes in key_packages {
            let key_package = crate::decode::key_package(&self.config.limits, bytes.as_ref())?;
            let leaf = &key_package.leaf_node;
            given.insert(auth.client_id(&leaf.credential, &leaf.signature_key));
        }
        if given != expected {
            return Err(MisuseError::NotReInitialized.into()); // R171
        }
        let options = GroupOptions {
            suite: Some(agreed.cipher_suite),
            extensions: agreed.extensions.clone(),
            ..GroupOptions::default()
        };
        this.follow(ResumptionPskUsage::Reinit, &agreed.group_id, &options, key_packages)
    }

    /// Creates a group of some of the members of this one, given by fresh key packages of theirs, in the same suite (R175,
    /// R176). This group goes on.
    ///
    /// Merge the Commit into the new group once its Welcome was sent.
    ///
    /// # Errors
    /// [`Error::ApiMisuse`] for a key package of somebody who is no member (R176); otherwise as of creating a group and
    /// committing. [`ApiMisuse::Restored`] if this is an old copy of the group.
    pub fn branch<K: AsRef<[u8]>>(
        &self,
        new_group_id: &[u8],
        key_packages: &[K],
    ) -> Result<(Self, PendingCommit), Error> {
        let mut anew = None;
        let this = self.original(&mut anew)?;
        let auth = this.client.0.auth();
        let members: BTreeSet<_> = this
            .members()?
            .iter()
            .map(|member| auth.client_id(&member.credential, &member.signature_key))
            .collect();
        for bytes in key_packages {
            let key_package = crate::decode::key_package(&self.config.limits, bytes.as_ref())?;
            let leaf = &key_package.leaf_node;
            if !members.contains(&auth.client_id(&leaf.credential, &leaf.signature_key)) {
                return Err(MisuseError::NoSuchMember.into()); // R176
            }
        }
        let options = GroupOptions::default().suite(this.suite());
        this.follow(ResumptionPskUsage::Branch, new_group_id, &options, key_packages)
    }

    /// This group, read anew into `anew` if a storage error made its state doubtful; not if it is restored.
    fn original<'a>(&'a self, anew: &'a mut Option<Self>) -> Result<&'a Self, Error> {
        let this = if self.stale {
            let mut loaded = self.client.load(self.id())?;
            loaded.config = std::sync::Arc::clone(&self.config);
            anew.insert(loaded)
        } else {
            self
        };
        if this.is_original()? { Ok(this) } else { Err(ApiMisuse::Restored.into()) }
    }

    fn follow<K: AsRef<[u8]>>(
        &self,
        usage: ResumptionPskUsage,
        group_id: &[u8],
        options: &GroupOptions,
        key_packages: &[K],
    ) -> Result<(Self, PendingCommit), Error> {
        let mut proposals = Vec::with_capacity(key_packages.len());
        for bytes in key_packages {
            let key_package = crate::decode::key_package(&self.config.limits, bytes.as_ref())?;
            proposals.push(ProposalSpec::Add(key_package));
        }
        let predecessor = Some((usage, self.id().to_vec(), self.epoch()));
        let spec = CommitSpec { proposals, predecessor, ..CommitSpec::default() };
        let (state, restored, commit) = self.client.create_successor(group_id, options, self, &spec)?;
        let mut group = Self::new(self.client.clone(), state, restored);
        group.set_config(self.config().clone());
        Ok((group, PendingCommit::new(commit)))
    }
}
