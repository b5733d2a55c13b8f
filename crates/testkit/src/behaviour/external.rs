//! External Commits: joining without an invitation, and coming back in.

use super::scene::*;
use pleach::{AuthDecision, AuthService, CredentialRequest, GroupInfoSpec, TreeDelivery};

/// breaks: R214
pub(super) fn external_join(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob"])?;
    let info = members[1].group_info()?;
    let carol = world.client("carol")?;
    let lost = carol.external_join(&info).build()?;
    let commit = carol.external_join(&info).authenticated_data(b"knock").build()?;
    let tampered = flipped(commit.message(), 1);
    let before = members[0].epoch();
    ensure!(members[0].receive(&tampered).is_err_and(|error| error.is_peer_fault()));
    ensure_eq!(members[0].epoch(), before);
    configure(&mut members[0], |config| config.accept_external_commits = false);
    refuses_unchanged!(members[0], members[0].receive(commit.message()), Error::Denied(_));
    configure(&mut members[0], |config| config.accept_external_commits = true);

    let seen = staged(&mut members[0], commit.message())?;
    ensure_eq!((seen.committer(), seen.changes().joined), (None, Some(LeafIndex(2))));
    ensure_eq!(seen.changes().authenticated_data.as_bytes(), b"knock");
    drop(seen);
    deliver_external(&mut members, commit)?;
    refuses!(lost.accept(), misuse!(NoSuchCommit) | misuse!(Stale));
    let update = members[2].commit().build()?;
    deliver(&mut members, 2, &update)?;
    // The GroupInfo is of an epoch that is over: what it leads to comes too late.
    let late = world.client("dave")?.external_join(&info).build()?;
    refuses_unchanged!(members[0], members[0].receive(late.message()), Error::WrongEpoch { .. });
    late.discard()?;
    Ok(())
}

/// breaks: R248, R250
pub(super) fn group_info(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob"])?;
    let carol = world.client("carol")?;
    let inline = GroupInfoSpec { external_pub: true, tree: TreeDelivery::Inline };
    let without_key = members[0].group_info_with(GroupInfoSpec { external_pub: false, ..inline })?;
    refuses!(carol.external_join(&without_key).build(), broke!(MissingExternalPub));
    let without_tree =
        members[0].group_info_with(GroupInfoSpec { tree: TreeDelivery::OutOfBand, ..inline })?;
    refuses!(carol.external_join(&without_tree).build(), lacks!(MissingRatchetTree));
    let old_tree = members[0].ratchet_tree()?;
    let tampered = flipped(&without_tree, 1);
    refuses!(
        carol.external_join(&tampered).ratchet_tree(&old_tree).build(),
        broke!(GroupInfoSignature) | Error::PeerMisbehaved(_)
    );
    let key_package = carol.key_package()?;
    refuses!(carol.external_join(&key_package).build(), broke!(NotGroupInfo) | Error::UnexpectedMessage(_));

    // A Commit can bring the GroupInfo of the epoch that it leads to.
    let update = members[0].commit().group_info(inline).build()?;
    let info = update.group_info().ok_or("no GroupInfo")?.to_vec();
    deliver(&mut members, 0, &update)?;
    let without_tree =
        members[0].group_info_with(GroupInfoSpec { tree: TreeDelivery::OutOfBand, ..inline })?;
    refuses!(carol.external_join(&without_tree).ratchet_tree(&old_tree).build(), broke!(TreeHash));
    ensure!(carol.pending_external()?.is_empty());
    let tree = members[0].ratchet_tree()?;
    let apart = carol.external_join(&without_tree).ratchet_tree(&tree).build()?;
    apart.discard()?;
    let commit = carol.external_join(&info).build()?;
    deliver_external(&mut members, commit)
}

/// Takes Bob for the client it serves: so that its external Commit removes Bob's leaf.
struct Confused;

impl AuthService for Confused {
    fn validate(&self, _: &CredentialRequest<'_>) -> AuthDecision {
        AuthDecision::Accept
    }

    fn client_id(&self, credential: &Credential, _: &[u8]) -> Vec<u8> {
        match credential {
            Credential::Basic { identity } if identity.as_bytes() == b"bob" => b"mallory".to_vec(),
            Credential::Basic { identity } => identity.to_vec(),
            _ => Vec::new(),
        }
    }
}

/// breaks: R199, R208
pub(super) fn resync(world: &World) -> Result<(), Failure> {
    let (alice, bob) = (world.client("alice")?, world.client("bob")?);
    let mut members = group_of(&[&alice, &bob])?;
    // Bob misses two Commits.
    for _ in 0..2 {
        let update = members[0].commit().build()?;
        members[0].merge(&update)?;
    }
    drop(members.remove(1));
    let info = members[0].group_info()?;
    refuses!(bob.external_join(&info).build(), broke!(AddOfMember) | Error::PeerMisbehaved(_));
    let commit = bob.external_join(&info).resync(true).build()?;
    ensure_eq!(commit.changes().removed.len(), 1);
    deliver_external(&mut members, commit)?;
    ensure_eq!(members[0].members()?.len(), 2);
    ensure_eq!(bob.load(members[0].id())?.epoch(), members[0].epoch());

    // Nobody else's leaf can be removed so.
    let mallory = world.builder("mallory")?.auth(Confused).build()?;
    let robbery = mallory.external_join(&members[0].group_info()?).resync(true).build()?;
    ensure_eq!(robbery.changes().removed.len(), 1);
    for member in &mut members {
        refuses_unchanged!(*member, member.receive(robbery.message()), broke!(ExternalCommitRemovesOther));
    }
    // Where there is no former leaf, none is removed.
    let carol = world.client("carol")?;
    let commit = carol.external_join(&members[0].group_info()?).resync(true).build()?;
    ensure!(commit.changes().removed.is_empty());
    deliver_external(&mut members, commit)
}

/// breaks: R132
pub(super) fn external_join_with_psk(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob"])?;
    let carol = world.client("carol")?;
    let info = members[0].group_info()?;
    let psk = pleach::crypto::Secret::copy_from(&[9; 32]);
    refuses!(carol.external_join(&info).psk(b"door code").build(), lacks!(MissingPsk));
    carol.store_psk(b"door code", &psk)?;
    let commit = carol.external_join(&info).psk(b"door code").build()?;
    refuses_unchanged!(members[0], members[0].receive(commit.message()), lacks!(MissingPsk));
    for member in &members {
        member.client().store_psk(b"door code", &psk)?;
    }
    deliver_external(&mut members, commit)
}
