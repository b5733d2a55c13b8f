//! Groups that follow on another one (RFC 9420 §11.2, §11.3), as a forger makes them: each breaks one of the rules that
//! a joiner checks. And the first epochs of groups of the library's own (§11, §12.4.1).
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![expect(dead_code, reason = "each test file uses a part of what they share")]

mod victim;

use pleach::{Error, GroupConfig, GroupInfoSpec, KeyPackageOptions, MisbehaviorError, Received, WirePolicy};
use pleach_crypto::{CipherSuite, CipherSuiteId};
use pleach_testkit::{
    malform::{Forger, Tamper, resign_key_package},
    null_crypto::{NULL_SUITE, NullSuite},
};
use pleach_tree::RatchetTree;
use pleach_wire::{
    ApplicationId, Content, Extension, Extensions, LeafIndex, MlsMessage, MlsMessageBody, Opaque,
    PreSharedKey, PreSharedKeyId, Proposal, ProtocolVersion, Psk, ReInit, RequiredCapabilities,
    ResumptionPskUsage, decode,
};
use victim::{GROUP_ID, InGroup, NOW, OTHER_SUITE, Victim, add, by_value, key_package, rule};

/// A successor to be forged; as it stands it is right for a ReInit.
struct Successor {
    usage: ResumptionPskUsage,
    group_id: &'static [u8],
    suite: CipherSuiteId,
    extensions: Extensions,
    members: Vec<&'static [u8]>,
    commits_before: usize,
}

impl Successor {
    fn of_reinit() -> Self {
        Self {
            usage: ResumptionPskUsage::Reinit,
            group_id: b"successor",
            suite: NULL_SUITE,
            extensions: Extensions::default(),
            members: vec![b"carol", b"dave"],
            commits_before: 0,
        }
    }

    fn of_branch() -> Self {
        Self {
            usage: ResumptionPskUsage::Branch,
            group_id: b"branch",
            members: vec![b"carol"],
            ..Self::of_reinit()
        }
    }

    /// The Welcome of the successor of the group that `world` is in.
    fn welcome(self, world: &InGroup) -> Vec<u8> {
        let suite: CipherSuite = *NullSuite::with_id(self.suite).suite();
        let old = world.forger();
        let mut forger = Forger::create(&suite, self.group_id, self.extensions, NOW, 77);
        for _ in 0..self.commits_before {
            forger = forger.commit(&[], true, Tamper::default()).next;
        }
        let (group_id, epoch) = (old.context.group_id.clone(), old.context.epoch);
        forger.resumption_psks.insert((group_id.to_vec(), epoch), old.secrets.resumption_psk().clone());
        let psk = Psk::Resumption { usage: self.usage, psk_group_id: group_id, psk_epoch: epoch };
        let psk = PreSharedKeyId { psk, psk_nonce: Opaque::from([4; 32].as_slice()) };
        let options = KeyPackageOptions::default().suite(self.suite);
        let victims = key_package(&world.victim.client.key_package_with(options).unwrap());
        let mut list = vec![add(&victims), Proposal::PreSharedKey(PreSharedKey { psk })];
        for name in self.members {
            list.push(add(&forger.client(name, NOW).1));
        }
        forger.commit(&by_value(list), true, Tamper::default()).welcome(Tamper::default())
    }
}

fn agreed(group_id: &[u8]) -> ReInit {
    ReInit {
        group_id: Opaque::from(group_id),
        version: ProtocolVersion::MLS10,
        cipher_suite: NULL_SUITE,
        extensions: Extensions::default(),
    }
}

/// The victim in a group whose last Commit was this ReInit.
fn reinitialized(group_id: &[u8]) -> InGroup {
    let mut world = InGroup::new();
    let list = by_value([Proposal::ReInit(agreed(group_id))]);
    let commit = world.forger().commit(&list, false, Tamper::default());
    world.accept(commit);
    world
}

fn refused(world: &InGroup, successor: Successor) -> Error {
    world.victim.join_error(&successor.welcome(world))
}

// breaks: R170, R171
#[test]
fn the_successor_that_was_agreed_on_is_joined() {
    let world = reinitialized(b"successor");
    let welcome = Successor::of_reinit().welcome(&world);
    let group = world.victim.join(&welcome).accept().unwrap();
    assert_eq!((group.id(), group.epoch()), (b"successor".as_slice(), 1));
}

// breaks: R171
#[test]
fn a_successor_is_what_the_reinit_says() {
    let world = reinitialized(b"successor");
    let required = Extension::new(&RequiredCapabilities::default()).unwrap();
    let wrong = [
        Successor { group_id: b"another", ..Successor::of_reinit() },
        Successor { extensions: Extensions::from(vec![required]), ..Successor::of_reinit() },
        Successor { suite: OTHER_SUITE, ..Successor::of_reinit() },
    ];
    for successor in wrong {
        assert_eq!(rule(refused(&world, successor)), MisbehaviorError::ReInitMismatch);
    }
}

// breaks: R171
#[test]
fn a_successor_starts_in_epoch_1() {
    let world = reinitialized(b"successor");
    let late = Successor { commits_before: 1, ..Successor::of_reinit() };
    assert_eq!(rule(refused(&world, late)), MisbehaviorError::SuccessorEpoch);
}

// breaks: R171
#[test]
fn a_successor_has_the_members_of_its_predecessor() {
    let world = reinitialized(b"successor");
    for members in [vec![b"carol".as_slice()], vec![b"carol", b"dave", b"eve"], vec![b"carol", b"eve"]] {
        let successor = Successor { members, ..Successor::of_reinit() };
        assert_eq!(rule(refused(&world, successor)), MisbehaviorError::ReInitMembers);
    }
}

// breaks: R171
#[test]
fn a_group_that_was_not_reinitialized_has_no_successor() {
    let world = InGroup::new();
    assert_eq!(rule(refused(&world, Successor::of_reinit())), MisbehaviorError::ReInitMismatch);
}

// breaks: R174
#[test]
fn a_successor_may_keep_the_group_id() {
    let world = reinitialized(GROUP_ID);
    let welcome = Successor { group_id: GROUP_ID, ..Successor::of_reinit() }.welcome(&world);
    let group = world.victim.join(&welcome).accept().unwrap();
    assert_eq!((group.id(), group.epoch()), (GROUP_ID, 1));
    assert!(group.is_active());
}

// breaks: R175, R176
#[test]
fn a_branch_has_members_of_its_group_and_its_suite() {
    let world = InGroup::new();
    let welcome = Successor::of_branch().welcome(&world);
    let branch = world.victim.join(&welcome).accept().unwrap();
    assert_eq!(branch.epoch(), 1);

    let world = InGroup::new();
    let stranger = Successor { members: vec![b"carol", b"eve"], ..Successor::of_branch() };
    assert_eq!(rule(refused(&world, stranger)), MisbehaviorError::BranchMembers);
    let suite = Successor { suite: OTHER_SUITE, ..Successor::of_branch() };
    assert_eq!(rule(refused(&world, suite)), MisbehaviorError::BranchMismatch);
    let late = Successor { commits_before: 2, ..Successor::of_branch() };
    assert_eq!(rule(refused(&world, late)), MisbehaviorError::SuccessorEpoch);
}

// breaks: R161
#[test]
fn group_ids_do_not_collide() {
    let client = Victim::new(b"creator").client;
    let ids: std::collections::BTreeSet<Vec<u8>> =
        (0..100).map(|_| client.random_group_id().unwrap()).collect();
    assert_eq!(ids.len(), 100);
    assert!(ids.iter().all(|id| id.len() == 32));
}

// breaks: R121, R162
#[test]
fn a_new_group_is_one_leaf_in_epoch_0() {
    let client = Victim::new(b"creator").client;
    let group = client.create_group(b"new").unwrap();
    let context = group.context();
    assert_eq!((context.epoch, group.members().unwrap().len()), (0, 1));
    assert_eq!(context.confirmed_transcript_hash, Opaque::default());
    assert_eq!((&*context.group_id, context.cipher_suite), (b"new".as_slice(), NULL_SUITE));
    let suite = *NullSuite::new().suite();
    let tree = RatchetTree::new(&suite, group.own_leaf().unwrap().leaf_node);
    assert_eq!(&*context.tree_hash, tree.tree_hash().unwrap().as_bytes());
    // Two groups of one id have nothing in common: the first epoch secret is random.
    let other = Victim::new(b"another").client.create_group(b"new").unwrap();
    assert_ne!(group.epoch_authenticator().unwrap(), other.epoch_authenticator().unwrap());
}

// breaks: R163, R123, R213
#[test]
fn epoch_0_can_be_joined_from_outside() {
    let (creator, joiner) = (Victim::new(b"creator"), Victim::new(b"joiner"));
    let mut group = creator.client.create_group(b"open").unwrap();
    let join = joiner.client.external_join(&group.group_info().unwrap()).build().unwrap();
    let staged = group.receive(join.message()).unwrap().into_commit().unwrap();
    group.merge(staged).unwrap();
    let theirs = join.accept().unwrap();
    assert_eq!((theirs.epoch(), theirs.own_index()), (1, LeafIndex(1)));
    assert_eq!(theirs.epoch_authenticator().unwrap(), group.epoch_authenticator().unwrap());
}

/// Alone there is nobody to encrypt to; with a new member there is a path and still no ciphertext (R092).
// breaks: R091
#[test]
fn a_lone_member_can_commit() {
    let (creator, joiner) = (Victim::new(b"creator"), Victim::new(b"joiner"));
    let mut group = creator.client.create_group(b"lonely").unwrap();
    let before = group.epoch_authenticator().unwrap();
    let alone = group.commit().build().unwrap();
    group.merge(alone).unwrap();
    assert_ne!(group.epoch_authenticator().unwrap(), before);
    let key_package = joiner.client.key_package().unwrap();
    let invite = group.commit().add(key_package).force_path().build().unwrap();
    let welcome = invite.welcome().unwrap().to_vec();
    group.merge(invite).unwrap();
    let joined = joiner.join(&welcome).accept().unwrap();
    assert_eq!(joined.epoch_authenticator().unwrap(), group.epoch_authenticator().unwrap());

    // So it is for a forger, whose paths are not the library's.
    let forger = Forger::create(NullSuite::new().suite(), b"lonely too", Extensions::default(), NOW, 3);
    let forger = forger.commit(&[], true, Tamper::default()).next;
    let invite = forger.commit(&by_value([add(&joiner.key_package())]), true, Tamper::default());
    joiner.join(&invite.welcome(Tamper::default())).accept().unwrap();
}

// breaks: R223, R228, R270
#[test]
fn a_commit_changes_nothing_until_it_is_merged() {
    let mut world = InGroup::new();
    let before = (world.group.epoch(), world.group.epoch_authenticator().unwrap());
    let tree = world.group.ratchet_tree().unwrap();
    let own = world.group.commit().remove(LeafIndex(1)).build().unwrap();
    let other = world.group.commit().build().unwrap();
    assert!(before == (world.group.epoch(), world.group.epoch_authenticator().unwrap()));
    assert_eq!(world.group.ratchet_tree().unwrap(), tree);
    world.group.discard(other.hash()).unwrap();
    assert!(before == (world.group.epoch(), world.group.epoch_authenticator().unwrap()));
    assert_eq!(world.group.pending().unwrap().len(), 1);
    // Somebody else was faster: the pending one is gone, and cannot be merged any more.
    let winner = world.forger().commit(&[], true, Tamper::default());
    world.accept(winner);
    assert_eq!(world.group.pending().unwrap().len(), 0);
    assert!(world.group.merge(own).is_err());
}

// breaks: R227
#[test]
fn the_group_info_has_the_commits_confirmation_tag() {
    let mut config = GroupConfig::default();
    config.wire = WirePolicy::MIXED_SEND_PUBLIC;
    let creator = Victim::with(b"creator", |builder| builder.config(config));
    let mut group = creator.client.create_group(b"group").unwrap();
    let commit = group.commit().group_info(GroupInfoSpec::default()).build().unwrap();
    let MlsMessageBody::PublicMessage(message) = decode::<MlsMessage>(commit.message()).unwrap().body else {
        panic!("a public message")
    };
    let MlsMessageBody::GroupInfo(info) = decode::<MlsMessage>(commit.group_info().unwrap()).unwrap().body
    else {
        panic!("a group info")
    };
    assert!(matches!(message.content.content, Content::Commit(_)));
    assert_eq!(message.auth.confirmation_tag.as_ref(), Some(&info.confirmation_tag));
    assert_eq!(info.group_context.epoch, message.content.epoch + 1);
}

// breaks: R086
#[test]
fn versions_and_suites_of_a_leaf_are_not_checked_by_receivers() {
    let mut world = InGroup::new();
    let (member, good, _) = world.forger().client(b"eve", NOW);
    let odd = resign_key_package(
        &world.forger().suite,
        &*member.signer,
        &good,
        |leaf| {
            leaf.capabilities.versions = Vec::new().into();
            leaf.capabilities.cipher_suites = Vec::new().into();
        },
        |_| (),
    );
    let commit = world.forger().commit(&by_value([add(&odd)]), true, Tamper::default());
    world.accept(commit);
}

// breaks: R034
#[test]
fn application_ids_may_occur_twice() {
    let mut world = InGroup::new();
    let id = ApplicationId { application_id: Opaque::from(b"the same") };
    let mut adds = Vec::new();
    for name in [b"eve", b"fay"] {
        let (member, good, _) = world.forger().client(name, NOW);
        let extension = Extension::new(&id).unwrap();
        let leaf = |leaf: &mut pleach_wire::LeafNode| leaf.extensions = vec![extension].into();
        adds.push(add(&resign_key_package(&world.forger().suite, &*member.signer, &good, leaf, |_| ())));
    }
    let commit = world.forger().commit(&by_value(adds), true, Tamper::default());
    world.accept(commit);
}

/// A message from a state that is no more: what the error says can be told to the others (R276).
// breaks: R276
#[test]
fn a_commit_that_fails_says_why_in_a_stable_way() {
    let mut world = InGroup::new();
    let tamper = Tamper { confirmation_tag: Some(Box::new(|tag| tag[0] ^= 1)), ..Tamper::default() };
    let message = world.forger().commit(&[], true, tamper).message;
    let error = world.error(&message);
    assert_eq!((error.code(), error.is_peer_fault(), error.is_retryable()), ("peer-misbehaved", true, false));
    assert_eq!(rule(error), MisbehaviorError::ConfirmationTag);
    // And the way back is another member's GroupInfo.
    let info = world.forger().group_info_message(Tamper::default());
    let resync = world.victim.client.external_join(&info).resync(true).build();
    assert!(resync.is_ok(), "{resync:?}");
    let received = world.group.receive(&world.forger().commit(&[], true, Tamper::default()).message);
    assert!(matches!(received, Ok(Received::Commit(_))));
}
