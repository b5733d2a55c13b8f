//! External commits, resync, observers, successors and branches.

use crate::common::{
    assert_in_agreement, builder, client, code, deliver_commit, deliver_proposal, group, group_of, key,
};
use pleach::wire::{Extension, ExtensionType, Extensions, LeafIndex, ProtocolVersion, ReInit};
use pleach::{
    Error, Group, MemoryStorage, MisuseError, Observed, Received, Status, WirePolicy, crypto::CipherSuiteId,
};

/// All of them take an external Commit; the joiner comes last.
fn deliver_external(members: &mut Vec<Group>, commit: pleach::ExternalCommit) {
    for member in members.iter_mut().filter(|member| member.is_active()) {
        let staged = member.receive(commit.message()).unwrap().into_commit().unwrap();
        assert_eq!(staged.committer(), None);
        member.merge(staged).unwrap();
    }
    members.push(commit.accept().unwrap());
    assert_in_agreement(members);
}

#[test]
fn an_external_commit_joins() {
    let mut members = group(&["alice", "bob"]);
    let carol = client("carol");
    let info = members[0].group_info().unwrap();
    let lost = carol.external_join(&info).build().unwrap();
    let commit = carol.external_join(&info).authenticated_data(b"knock").build().unwrap();
    assert_eq!(carol.pending_external().unwrap().len(), 2);
    drop(commit);

    // After a restart, it is found among the pending ones.
    let pending = carol.pending_external().unwrap();
    let commit = pending.into_iter().find(|commit| commit.hash() != lost.hash()).unwrap();
    assert_eq!((commit.group_id(), commit.epoch()), (members[0].id(), 1));
    deliver_external(&mut members, commit);
    assert!(carol.pending_external().unwrap().is_empty());
    assert!(matches!(
        lost.accept(),
        Err(Error::ApiMisuse(pleach::ApiMisuse::Group(MisuseError::NoSuchCommit)))
    ));
    assert_eq!(carol.groups().unwrap().len(), 1);
    let update = members[2].commit().build().unwrap();
    deliver_commit(&mut members, 2, &update);

    let dave = client("dave");
    dave.external_join(&members[0].group_info().unwrap()).build().unwrap().discard().unwrap();
    assert!(dave.pending_external().unwrap().is_empty() && dave.groups().unwrap().is_empty());
}

#[test]
fn a_member_that_fell_behind_resyncs() {
    let (alice, bob) = (client("alice"), client("bob"));
    let mut members = group_of(&[&alice, &bob]);
    // Bob misses two Commits.
    for _ in 0..2 {
        let update = members[0].commit().build().unwrap();
        members[0].merge(update).unwrap();
    }
    let stale = members.remove(1);
    let info = members[0].group_info().unwrap();
    // R199 for an external Commit: the client is in the group already, unless its old leaf goes.
    let commit = bob.external_join(&info).resync(true).build().unwrap();
    assert_eq!(commit.changes().removed.len(), 1);
    deliver_external(&mut members, commit);
    assert_eq!(members[0].members().unwrap().len(), 2);
    drop(stale);
    assert_eq!(bob.load(members[0].id()).unwrap().epoch(), members[0].epoch());
}

/// breaks: R214
#[test]
fn external_commits_can_be_refused() {
    let mut members = group(&["alice", "bob"]);
    let mut config = members[1].config().clone();
    config.accept_external_commits = false;
    members[1].set_config(config);
    let commit = client("carol").external_join(&members[0].group_info().unwrap()).build().unwrap();
    assert_eq!(code(members[1].receive(commit.message())), "denied");
    assert!(members[0].receive(commit.message()).is_ok());
}

#[test]
fn an_observer_follows_public_handshakes() {
    let mut members = group(&["alice", "bob"]);
    for member in &mut members {
        let mut config = member.config().clone();
        config.wire = WirePolicy::PUBLIC;
        member.set_config(config);
    }
    let mut observer = client("server").observe(&members[0].group_info().unwrap(), None).unwrap();
    let text = members[0].encrypt(b"hidden").unwrap();
    assert!(matches!(observer.receive(&text).unwrap(), Observed::Private { epoch: 1 }));

    let proposal = members[1].propose_update(&pleach::LeafUpdate::new()).unwrap();
    members[0].receive(&proposal).unwrap();
    assert!(matches!(observer.receive(&proposal).unwrap(), Observed::Proposal(_)));
    let commit = members[0].commit().add(client("carol").key_package().unwrap()).build().unwrap();
    let Observed::Commit(seen) = observer.receive(commit.message()).unwrap() else { panic!("not a Commit") };
    assert_eq!(seen.changes().added, [LeafIndex(2)]);
    deliver_commit(&mut members, 0, &commit);
    let changes = observer.merge(seen).unwrap();
    assert_eq!(changes.epoch, 2);
    assert_eq!(observer.context(), members[0].context());
    assert_eq!(observer.tree().member_count(), 3);

    let update = members[1].commit().build().unwrap();
    let mut tampered = update.message().to_vec();
    let last = tampered.len() - 80;
    tampered[last] ^= 1;
    assert!(observer.receive(&tampered).unwrap_err().is_peer_fault());
    assert!(matches!(observer.receive(update.message()).unwrap(), Observed::Commit(_)));
}

#[test]
fn a_group_is_reinitialized_in_another_suite() {
    let p256 = CipherSuiteId::P256_AES128GCM_SHA256_P256;
    let both = |name: &str| {
        let suite = *pleach::rustcrypto::provider().suite(p256).unwrap();
        let keys = suite.signature.generate_key_pair(&pleach::rustcrypto::SystemRandom).unwrap();
        let second = suite.signature.load_signer(&keys.private).unwrap();
        builder(name, &key(), MemoryStorage::new()).basic(name, second).build().unwrap()
    };
    let (alice, bob) = (both("alice"), both("bob"));
    for same_id in [false, true] {
        let mut members = group_of(&[&alice, &bob]);
        let id = if same_id { members[0].id().to_vec() } else { b"successor".to_vec() };
        let agreed = ReInit {
            group_id: id.as_slice().into(),
            version: ProtocolVersion::MLS10,
            cipher_suite: p256,
            extensions: Extensions::default(),
        };
        assert!(matches!(
            members[0].reinitialize(&[bob.key_package().unwrap()]),
            Err(Error::ApiMisuse(pleach::ApiMisuse::Group(MisuseError::NotReInitialized)))
        ));
        let reinit = members[0].commit().reinit(agreed.clone()).build().unwrap();
        members[0].merge(&reinit).unwrap();
        let staged = members[1].receive(reinit.message()).unwrap().into_commit().unwrap();
        assert_eq!(staged.reinit(), Some(&agreed));
        members[1].merge(staged).unwrap();
        // R169: the old group is frozen.
        assert_eq!(*members[0].status(), Status::ReInitialized(agreed));
        assert_eq!(code(members[0].commit().build()), "api-misuse");
        assert_eq!(code(members[1].encrypt(b"frozen")), "api-misuse");

        let options = || pleach::KeyPackageOptions::default().suite(p256);
        let of_bob = bob.key_package_with(options()).unwrap();
        let none: [Vec<u8>; 0] = [];
        assert_eq!(code(members[0].reinitialize(&none)), "api-misuse");
        // A key package that the new group cannot take: nothing has happened, and the next try works.
        let of_the_old_suite = bob.key_package().unwrap();
        assert_eq!(code(members[0].reinitialize(&[of_the_old_suite])), "peer-incompatible");
        assert!(matches!(alice.load(members[0].id()).unwrap().status(), Status::ReInitialized(_)));
        assert!(same_id || !alice.has_group(&id).unwrap());
        let (mut a, first) = members[0].reinitialize(&[of_bob]).unwrap();
        let b = bob.join(first.welcome().unwrap()).unwrap();
        assert!(matches!(b.kind(), pleach::JoinKind::ReInit(old, _) if old == members[0].id()));
        let b = b.accept().unwrap();
        a.merge(first).unwrap();
        assert_eq!((a.suite(), a.id()), (p256, &id[..]));
        assert_in_agreement(&mut [a, b]);
        alice.delete_group(&id).unwrap();
        bob.delete_group(&id).unwrap();
    }
}

#[test]
fn some_members_branch_off() {
    let (alice, bob, carol) = (client("alice"), client("bob"), client("carol"));
    let mut members = group_of(&[&alice, &bob, &carol]);
    let (mut a, first) = members[0].branch(b"two of us", &[bob.key_package().unwrap()]).unwrap();
    let b = bob.join(first.welcome().unwrap()).unwrap().accept().unwrap();
    a.merge(first).unwrap();
    assert_in_agreement(&mut [a, b]);
    assert_in_agreement(&mut members);

    // R176: only with members of the group.
    let stranger = client("stranger");
    let both = [bob.key_package().unwrap(), stranger.key_package().unwrap()];
    assert!(matches!(
        members[0].branch(b"with strangers", &both),
        Err(Error::ApiMisuse(pleach::ApiMisuse::Group(MisuseError::NoSuchMember)))
    ));
    assert!(!alice.has_group(b"with strangers").unwrap());
    let text = members[1].encrypt(b"x").unwrap();
    assert!(matches!(members[0].receive(&text).unwrap(), Received::Application(_)));
}

#[test]
fn a_deleted_group_takes_its_external_commits_along() {
    let members = group(&["alice", "bob"]);
    let carol = client("carol");
    let info = members[0].group_info().unwrap();
    let commit = carol.external_join(&info).build().unwrap();
    let other = client("dave").create_group(b"other").unwrap();
    let kept = carol.external_join(&other.group_info().unwrap()).build().unwrap();
    carol.delete_group(members[0].id()).unwrap();
    let left: Vec<_> =
        carol.pending_external().unwrap().iter().map(|commit| commit.hash().to_vec()).collect();
    assert_eq!(left, [kept.hash()]);
    assert!(matches!(
        commit.accept(),
        Err(Error::ApiMisuse(pleach::ApiMisuse::Group(MisuseError::NoSuchCommit)))
    ));
    assert!(carol.groups().unwrap().is_empty());
}

#[test]
fn an_external_commit_never_turns_a_group_back() {
    let stale = |result: Result<Group, Error>| {
        assert!(matches!(result, Err(Error::ApiMisuse(pleach::ApiMisuse::Group(MisuseError::Stale)))));
    };
    let (alice, bob) = (client("alice"), client("bob"));
    let mut members = vec![alice.create_group(b"group").unwrap()];
    // Begun from outside, and then a Welcome was faster.
    let from_outside = bob.external_join(&members[0].group_info().unwrap()).build().unwrap();
    let add = members[0].commit().add(bob.key_package().unwrap()).build().unwrap();
    members[0].merge(&add).unwrap();
    members.push(bob.join(add.welcome().unwrap()).unwrap().accept().unwrap());
    assert!(matches!(
        from_outside.accept(),
        Err(Error::ApiMisuse(pleach::ApiMisuse::Group(MisuseError::NoSuchCommit)))
    ));
    // Begun from inside, and then the group went on; the restart does not matter.
    let resync = bob.external_join(&members[0].group_info().unwrap()).resync(true).build().unwrap();
    let update = members[0].commit().build().unwrap();
    deliver_commit(&mut members, 0, &update);
    let listed = bob.pending_external().unwrap();
    assert!(listed.iter().any(|commit| commit.hash() == resync.hash()));
    stale(resync.accept());
    for commit in listed {
        stale(commit.accept());
    }
    assert_eq!((members[1].epoch(), bob.load(b"group").unwrap().epoch()), (2, 2));
    assert_in_agreement(&mut members);
}

/// breaks: R238
#[test]
fn a_welcome_from_before_a_removal_leads_nowhere() {
    let (alice, bob) = (client("alice"), client("bob"));
    let last = bob.key_package_with(pleach::KeyPackageOptions::default().last_resort()).unwrap();
    let mut a = alice.create_group(b"group").unwrap();
    let add = a.commit().add(&last).build().unwrap();
    a.merge(&add).unwrap();
    let mut b = bob.join(add.welcome().unwrap()).unwrap().accept().unwrap();
    let removal = a.commit().remove(b.own_index()).build().unwrap();
    a.merge(&removal).unwrap();
    let staged = b.receive(removal.message()).unwrap().into_commit().unwrap();
    assert!(b.merge(staged).unwrap().removed_us);
    let again = bob.join(add.welcome().unwrap()).and_then(pleach::StagedJoin::accept);
    assert!(matches!(
        again,
        Err(Error::PeerMisbehaved(pleach::PeerMisbehavior::Group(pleach::MisbehaviorError::KnownGroup)))
    ));
    assert_eq!(*bob.load(b"group").unwrap().status(), Status::Removed);
    // A new invitation does lead back.
    let add = a.commit().add(&last).build().unwrap();
    a.merge(&add).unwrap();
    let b = bob.join(add.welcome().unwrap()).unwrap().accept().unwrap();
    assert_in_agreement(&mut [a, b]);
}

/// breaks: R132, R218
#[test]
fn a_proposal_that_nobody_can_commit_holds_nobody_up() {
    let mut members = group(&["alice", "bob", "carol"]);
    // A PSK that only bob has.
    members[1].client().store_psk(b"of bob", &pleach::crypto::Secret::copy_from(&[7; 32])).unwrap();
    let psk = members[1].propose_psk(b"of bob").unwrap();
    deliver_proposal(&mut members, 1, &psk);
    // An extension that nobody supports.
    let unknown = Extension { extension_type: ExtensionType(0xF123), extension_data: b"x".as_slice().into() };
    let extensions = members[2].propose_extensions(Extensions::from(vec![unknown])).unwrap();
    deliver_proposal(&mut members, 2, &extensions);
    assert_eq!(code(members[0].encrypt(b"not now")), "api-misuse");
    let commit = members[0].commit().build().unwrap();
    assert!(commit.changes().psks.is_empty() && !commit.changes().extensions_changed);
    deliver_commit(&mut members, 0, &commit);
    assert_in_agreement(&mut members);
}
