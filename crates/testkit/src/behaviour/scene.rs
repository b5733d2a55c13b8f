//! What cases share: groups, a delivery service that delivers to all, agreement, and an authentication service that answers
//! as told.

pub(super) use super::{Failure, World};
pub(super) use pleach::wire::{Credential, LeafIndex};
pub(super) use pleach::{Client, Error, Group, PendingCommit, Received, SigningIdentity, Status};

use pleach::{
    AuthDecision, AuthService, CredentialRequest, ExternalCommit, GroupConfig, MembershipChanges,
    StagedCommit,
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// A group of these clients; the first created it and added the others in one Commit.
pub(super) fn group_of(clients: &[&Client]) -> Result<Vec<Group>, Failure> {
    let [first, others @ ..] = clients else { return Err("a group of nobody".into()) };
    let mut creator = first.create_group(&first.random_group_id()?)?;
    if others.is_empty() {
        return Ok(vec![creator]);
    }
    let mut add = creator.commit();
    for other in others {
        add = add.add(other.key_package()?);
    }
    let add = add.build()?;
    creator.merge(&add)?;
    let mut members = vec![creator];
    for other in others {
        members.push(join(other, &add)?);
    }
    Ok(members)
}

/// Joins by the Welcome of this Commit.
pub(super) fn join(client: &Client, commit: &PendingCommit) -> Result<Group, Failure> {
    Ok(client.join(welcome(commit)?)?.accept()?)
}

/// The Welcome of a Commit that adds somebody.
pub(super) fn welcome(commit: &PendingCommit) -> Result<&[u8], Failure> {
    commit.welcome().ok_or_else(|| Failure::new("a Commit without a Welcome"))
}

/// A Commit, received and not merged.
#[track_caller]
pub(super) fn staged(group: &mut Group, message: &[u8]) -> Result<StagedCommit, Failure> {
    group.receive(message)?.into_commit().ok_or_else(|| Failure::new("no Commit of another member"))
}

/// Receives and merges a Commit.
pub(super) fn follow(group: &mut Group, message: &[u8]) -> Result<MembershipChanges, Failure> {
    let staged = staged(group, message)?;
    Ok(group.merge(staged)?)
}

/// The delivery service accepted the Commit of `members[by]`: all merge it. Returns what changed, as each active member
/// saw it.
pub(super) fn deliver(
    members: &mut [Group],
    by: usize,
    commit: &PendingCommit,
) -> Result<Vec<MembershipChanges>, Failure> {
    let mut changes = Vec::new();
    for (i, group) in members.iter_mut().enumerate().filter(|(_, group)| group.is_active()) {
        changes.push(if i == by { group.merge(commit)? } else { follow(group, commit.message())? });
    }
    agree(members)?;
    Ok(changes)
}

/// All other active members receive a proposal of `members[by]`.
pub(super) fn spread(members: &mut [Group], by: usize, proposal: &[u8]) -> Result<(), Failure> {
    for (i, group) in members.iter_mut().enumerate() {
        if i != by && group.is_active() {
            expect!(group.receive(proposal)?, Received::Proposal(_) => ());
        }
    }
    Ok(())
}

/// All take an external Commit; the joiner comes last.
pub(super) fn deliver_external(members: &mut Vec<Group>, commit: ExternalCommit) -> Result<(), Failure> {
    for member in members.iter_mut().filter(|member| member.is_active()) {
        follow(member, commit.message())?;
    }
    members.push(commit.accept()?);
    agree(members)
}

/// All active members are in one epoch, agree on it and on the roster, and the first and the last can talk to all.
pub(super) fn agree(members: &mut [Group]) -> Result<(), Failure> {
    let active: Vec<usize> =
        members.iter().enumerate().filter_map(|(i, group)| group.is_active().then_some(i)).collect();
    let [first, .., last] = active[..] else { return Ok(()) };
    let (epoch, authenticator, roster) =
        (members[first].epoch(), members[first].epoch_authenticator()?, members[first].members()?);
    for &i in &active {
        ensure_eq!(members[i].epoch(), epoch);
        ensure!(members[i].epoch_authenticator()? == authenticator);
        ensure_eq!(members[i].members()?, roster);
        ensure_eq!(members[i].context(), members[first].context());
    }
    for from in [first, last] {
        let text = format!("from {from} in {epoch}");
        let message = members[from].encrypt(text.as_bytes())?;
        for &to in active.iter().filter(|to| **to != from) {
            ensure_eq!(read(&mut members[to], &message)?, text.as_bytes());
        }
    }
    Ok(())
}

/// The text of an application message.
#[track_caller]
pub(super) fn read(group: &mut Group, message: &[u8]) -> Result<Vec<u8>, Failure> {
    let received = group.receive(message)?;
    let text = received.into_application().ok_or_else(|| Failure::new("no application message"))?;
    Ok(text.into_data())
}

/// Changes the configuration of a group.
pub(super) fn configure(group: &mut Group, change: impl FnOnce(&mut GroupConfig)) {
    let mut config = group.config().clone();
    change(&mut config);
    group.set_config(config);
}

/// A copy with one bit of the octet at `at` from the end flipped.
pub(super) fn flipped(message: &[u8], at: usize) -> Vec<u8> {
    let mut message = message.to_vec();
    let index = message.len().saturating_sub(at);
    if let Some(octet) = message.get_mut(index) {
        *octet ^= 1;
    }
    message
}

/// Answers as told, by name; a successor must keep the name (R032).
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<BTreeMap<Vec<u8>, AuthDecision>>);

impl Told {
    /// What to answer about this name from now on.
    pub(super) fn about(&self, name: &str, decision: AuthDecision) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.insert(name.as_bytes().to_vec(), decision);
    }
}

impl AuthService for Told {
    fn validate(&self, request: &CredentialRequest<'_>) -> AuthDecision {
        let name = self.client_id(request.new, request.signature_key);
        if request.old.is_some_and(|(old, key)| self.client_id(old, key) != name) {
            return AuthDecision::deny("no successor");
        }
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.get(&name).cloned().unwrap_or(AuthDecision::Accept)
    }

    fn client_id(&self, credential: &Credential, key: &[u8]) -> Vec<u8> {
        crate::TrustEveryone.client_id(credential, key)
    }
}
