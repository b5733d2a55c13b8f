//! Making groups, Commits and Welcomes (RFC 9420 §11, §12.4, §12.4.1), and sequencing (§14).

use super::{driver::*, evil::*, invitation::Invitation};
use crate::psk::psk_row;
use pleach_wire::{Commit, MlsMessage, MlsMessageBody, NodeIndex};

fn force_path() -> CommitSpec<'static> {
    CommitSpec { force_path: true, ..CommitSpec::default() }
}

/// A Commit in public, as it was sent.
fn read_commit(message: &[u8]) -> Commit {
    match decode::<MlsMessage>(message).unwrap().body {
        MlsMessageBody::PublicMessage(message) => match message.content.content {
            pleach_wire::Content::Commit(commit) => commit,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

// breaks: R162, R163, R121
#[test]
fn a_group_begins_with_one_member_in_epoch_0() {
    let mut alice = Client::new("alice", SUITE_1, &in_public());
    let mut twin = alice.clone();
    alice.create(b"group", Extensions::default());
    let state = alice.state();
    let context = state.context();
    assert_eq!((context.epoch, context.confirmed_transcript_hash.len()), (0, 0));
    let tree = state.tree().unwrap();
    assert_eq!(tree.member_count(), 1);
    assert_eq!(tree.tree_hash().unwrap().as_bytes(), &*context.tree_hash);
    let leaf = tree.member(LeafIndex(0)).unwrap();
    assert!(matches!(leaf.leaf_node_source, LeafNodeSource::KeyPackage(_)));
    state.secrets().unwrap().verify_confirmation_tag(&alice.suite, b"", state.confirmation_tag()).unwrap();
    twin.create(b"group", Extensions::default());
    assert_ne!(alice.authenticator(), twin.authenticator(), "the epoch secret is fresh");
    // It is open to external Commits from the start.
    let group_info = alice.group_info(true, TreeDelivery::Inline);
    let made = Client::new("bob", SUITE_1, &in_public()).joins_with(&group_info, vec![]);
    assert_eq!(alice.must_follow(&made).joined, Some(LeafIndex(1)));
}

// breaks: R160, R012
#[test]
fn a_client_of_another_suite_is_not_added() {
    let (mut alice, ..) = trio();
    let other = Client::new("dave", SUITE_2, &in_public()).key_package();
    let spec = CommitSpec { proposals: vec![ProposalSpec::Add(other)], ..CommitSpec::default() };
    assert_eq!(alice.try_commit(&spec).unwrap_err(), IncompatibleError::KeyPackageSuite(SUITE_2).into());
    let mut dave = Client::new("dave", SUITE_1, &in_public());
    dave.suite.id = CipherSuiteId(0xF001);
    let refused = dave.try_create(b"own", Extensions::default()).err();
    assert_eq!(refused, Some(IncompatibleError::CipherSuite(no_suite(CipherSuiteId(0xF001))).into()));
}

// breaks: R015
#[test]
fn only_the_signer_of_the_own_leaf_signs() {
    let (mut alice, bob, _) = trio();
    let mut other = Client { signer: bob.signer, ..alice.clone() };
    let refused = other.try_commit(&force_path()).unwrap_err();
    assert_eq!(refused, MisuseError::WrongSigner.into());
    assert_eq!(other.send(b"text").unwrap_err(), MisuseError::WrongSigner.into());
    alice.send(b"text").unwrap();
}

// breaks: R091
#[test]
fn a_lone_member_commits() {
    let mut alice = Client::new("alice", SUITE_1, &in_public());
    alice.create(b"group", Extensions::default());
    let before = alice.authenticator();
    let commit = alice.commit(&force_path());
    assert_eq!(read_commit(commit.message()).path.unwrap().nodes.len(), 0);
    alice.merge(&commit);
    assert_ne!(alice.authenticator(), before);
    // With an Add, the root is in the path, and nothing is encrypted to it but the Welcome's path secret.
    let mut bob = Client::new("bob", SUITE_1, &in_public());
    let commit =
        alice.commit(&CommitSpec { proposals: vec![ProposalSpec::Add(bob.key_package())], ..force_path() });
    let path = read_commit(commit.message()).path.unwrap();
    assert_eq!(path.nodes.iter().map(|node| node.encrypted_path_secret.len()).collect::<Vec<_>>(), [0]);
    alice.merge(&commit);
    let welcome = &commit.welcomes()[0].message;
    assert!(Invitation::open(&bob, welcome).group_secrets.path_secret.is_some());
    bob.join(welcome).unwrap();
    alice.follow(&bob.commit_and_merge(&force_path()));
    assert_eq!(alice.authenticator(), bob.authenticator());
}

// breaks: R217, R273
#[test]
fn application_data_waits_for_proposals_to_be_committed() {
    let (mut alice, mut bob, mut carol) = trio();
    let (message, _) = carol.own_proposal(remove(2));
    bob.notes(&message);
    alice.notes(&message);
    bob.attach();
    let before = (bob.rows.clone(), bob.fingerprint());
    assert_eq!(bob.send(b"too early").unwrap_err(), MisuseError::PendingProposals.into());
    assert_eq!(before, (bob.rows.clone(), bob.fingerprint()));
    bob.follow(&alice.commit_and_merge(&CommitSpec::default()));
    let message = bob.send(b"now").unwrap();
    alice.hears(&message, b"now");
}

// breaks: R218
#[test]
fn a_committer_takes_up_all_that_is_valid_and_receivers_do_not_insist() {
    let (mut alice, mut bob, mut carol) = trio();
    let mut dave = Client::new("dave", SUITE_1, &in_public());
    let unheld = external_psk(b"unheld", 32);
    for proposal in [add(dave.key_package()), add(dave.key_package())] {
        let (message, _) = carol.own_proposal(proposal);
        alice.notes(&message);
        bob.notes(&message);
    }
    let sent = bob.propose(&ProposalSpec::Update(None, None));
    alice.notes(&sent.message);
    let commit = alice.clone().commit(&CommitSpec::default());
    let summary = bob.would_follow(commit.message());
    assert_eq!((summary.added.len(), summary.updated), (1, vec![LeafIndex(1), LeafIndex(0)]));
    let none = CommitSpec { pending: crate::PendingSelection::None, ..force_path() };
    let commit = alice.clone().commit(&none);
    assert!(bob.would_follow(commit.message()).added.is_empty());
    let only = crate::PendingSelection::Only(vec![sent.reference.unwrap()]);
    let commit = alice.commit(&CommitSpec { pending: only, ..CommitSpec::default() });
    assert_eq!(bob.follow(commit.message()).updated, [LeafIndex(1), LeafIndex(0)]);
    let spec = CommitSpec { proposals: vec![ProposalSpec::PreSharedKey(psk_of(&unheld))], ..force_path() };
    assert_eq!(alice.try_commit(&spec).unwrap_err(), IncompatibleError::MissingPsk.into());
}

fn psk_of(proposal: &Proposal) -> pleach_wire::Psk {
    match proposal {
        Proposal::PreSharedKey(psk) => psk.psk.psk.clone(),
        other => panic!("{other:?}"),
    }
}

// breaks: R223, R228, R270, R052
#[test]
fn a_commit_that_is_not_merged_leaves_only_a_used_generation() {
    let config = GroupConfig::default();
    let (mut alice, mut bob, _) = trio_with(SUITE_1, &config, Extensions::default(), &|_| ());
    alice.attach();
    alice.reopens = false;
    let (rows, state) = (alice.rows.clone(), alice.fingerprint());
    let first = alice.commit(&force_path());
    assert_eq!(alice.fingerprint(), state);
    alice.run(|state, _, _, _| Ok(state.discard_pending(first.hash()))).unwrap();
    assert_eq!(alice.fingerprint(), state);
    let changed: Vec<_> = alice.rows.iter().filter(|(key, row)| rows.get(*key) != Some(*row)).collect();
    let of_handshake = |key: &RecordKey| {
        matches!(key, RecordKey::SecretNode(1, _) | RecordKey::Ratchet(1, crate::RatchetKind::Handshake, _))
            || matches!(key, RecordKey::Ratchet(1, _, LeafIndex(0)))
    };
    assert!(changed.iter().all(|(key, _)| of_handshake(key)), "{changed:?}");
    assert!(changed.iter().any(|(key, _)| matches!(key, RecordKey::Ratchet(..))));
    // The next one uses another generation: both can be read.
    let second = alice.commit(&force_path());
    bob.would_follow(first.message());
    bob.follow(second.message());
    alice.merge(&second);
    assert_eq!(alice.authenticator(), bob.authenticator());
}

// breaks: R268, R270
#[test]
fn the_commit_that_is_accepted_first_wins() {
    let (mut alice, mut bob, mut carol) = trio();
    let mut dave = Client::new("dave", SUITE_1, &in_public());
    let losing =
        alice.commit(&CommitSpec { proposals: vec![ProposalSpec::Add(dave.key_package())], ..force_path() });
    let winning = bob.commit(&force_path());
    alice.follow(winning.message());
    carol.follow(winning.message());
    bob.merge(&winning);
    // The loser is gone, and cannot be merged any more.
    assert!(!alice.rows.contains_key(&RecordKey::PendingCommit(losing.hash().to_vec())));
    assert_eq!(alice.state().merge_pending(losing.clone()).unwrap_err(), MisuseError::Stale.into());
    assert!(matches!(carol.refuses(losing.message()), GroupError::WrongEpoch { .. }));
    assert_eq!(alice.authenticator(), carol.authenticator());
}

// breaks: R225, R226, R227, R126
#[test]
fn a_welcome_holds_what_a_joiner_needs() {
    let (mut alice, mut bob, _) = trio();
    let psks = [b"one", b"two"];
    let mut dave = Client::new("dave", SUITE_1, &in_public());
    for client in [&mut alice, &mut bob, &mut dave] {
        for id in psks {
            client.rows.insert(RecordKey::ExternalPsk(id.to_vec()), psk_row(&Secret::copy_from(id)));
        }
    }
    let psk = |id: &[u8]| ProposalSpec::PreSharedKey(pleach_wire::Psk::External { psk_id: id.into() });
    for with_path in [true, false] {
        let mut alice = alice.clone();
        let mut joiner = dave.clone();
        let proposals = vec![psk(psks[0]), ProposalSpec::Add(joiner.key_package()), psk(psks[1])];
        let spec = CommitSpec { proposals, force_path: with_path, ..CommitSpec::default() };
        let commit = alice.commit(&spec);
        let invitation = Invitation::open(&joiner, &commit.welcomes()[0].message);
        let named: Vec<_> = invitation.group_secrets.psks.iter().map(|id| id.psk.clone()).collect();
        assert_eq!(named, psks.map(|id| pleach_wire::Psk::External { psk_id: id.into() }));
        let in_commit: Vec<_> = read_commit(commit.message())
            .proposals
            .iter()
            .filter_map(|entry| match entry {
                ProposalOrRef::Proposal(Proposal::PreSharedKey(psk)) => Some(psk.psk.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(in_commit, invitation.group_secrets.psks.to_vec());
        assert_eq!(invitation.group_secrets.path_secret.is_some(), with_path);
        alice.merge(&commit);
        bob.would_follow(commit.message());
        // The tag in the GroupInfo is that of the Commit.
        assert_eq!(&*invitation.group_info.confirmation_tag, alice.state().confirmation_tag());
        joiner.join(&commit.welcomes()[0].message).unwrap();
        assert_eq!(joiner.authenticator(), alice.authenticator());
        let has_root = joiner.state().attached.as_ref().unwrap().private.secret(NodeIndex(3)).is_some();
        assert_eq!(has_root, with_path);
    }
}

// breaks: R276
#[test]
fn a_commit_that_fails_says_why_in_words_and_in_type() {
    let (mut alice, mut bob, _) = trio();
    let commit = alice.evil_commit(&Evil { init_secret: Some(Secret::zero(32)), ..Evil::default() });
    let error = bob.refuses(&commit.message);
    assert!(matches!(error, GroupError::Misbehavior(MisbehaviorError::ConfirmationTag)));
    assert_eq!(std::string::ToString::to_string(&error), "a peer broke the protocol: wrong confirmation tag");
}

// breaks: R143, R144, R146, R033, R269
#[test]
fn late_messages_are_read_for_so_many_epochs_and_so_long() {
    let config = GroupConfig { past_epochs: 2, past_epoch_age: 100, ..in_public() };
    let (mut alice, mut bob, mut carol) = trio_with(SUITE_1, &config, Extensions::default(), &|_| ());
    let first = carol.send(b"first").unwrap();
    bob.follow(&alice.commit_and_merge(&force_path()));
    // Carol's credential, and key, may be others by now; her message is read with what she had.
    let removal = alice.commit_and_merge(&CommitSpec {
        proposals: vec![ProposalSpec::Remove(LeafIndex(2))],
        ..CommitSpec::default()
    });
    bob.follow(&removal);
    let mut in_time = bob.clone();
    in_time.now = NOW + 100;
    in_time.hears(&first, b"first");
    in_time
        .clone()
        .must_refuse(&first, pleach_key_schedule::SecretTreeError::AlreadyReceived { generation: 0 });
    let mut late = bob.clone();
    late.now = NOW + 101;
    late.must_refuse(&first, GroupError::WrongEpoch { current: 3, message: 1 });
    bob.follow(&alice.commit_and_merge(&force_path()));
    bob.must_refuse(&first, GroupError::WrongEpoch { current: 4, message: 1 });
    let left = |key: &&RecordKey| match key {
        RecordKey::Epoch(epoch) | RecordKey::EpochLeaf(epoch, _) | RecordKey::SecretNode(epoch, _) => {
            *epoch < 2
        }
        RecordKey::Ratchet(epoch, ..) | RecordKey::Skipped(epoch, ..) => *epoch < 2,
        _ => false,
    };
    assert_eq!(bob.rows.keys().filter(left).count(), 0);
}

// breaks: R145, R060, R147
#[test]
fn a_message_is_read_once_and_not_from_too_far_ahead() {
    let mut config = in_public();
    config.ratchet.forward_distance = 2;
    let (mut alice, mut bob, _) = trio_with(SUITE_1, &config, Extensions::default(), &|_| ());
    let messages: Vec<_> = (0..5u8).map(|n| alice.send(&[n]).unwrap()).collect();
    let too_far = pleach_key_schedule::SecretTreeError::TooFarAhead { generation: 4, next: 0 };
    bob.must_refuse(&messages[4], too_far);
    bob.hears(&messages[2], &[2]);
    let mut forged = messages[0].clone();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    assert!(matches!(bob.refuses(&forged), GroupError::Framing(_)));
    bob.hears(&messages[0], &[0]);
    for read in [0, 2] {
        let generation = read as u32;
        let error = pleach_key_schedule::SecretTreeError::AlreadyReceived { generation };
        bob.must_refuse(&messages[read], error);
    }
    bob.hears(&messages[4], &[4]);
    bob.hears(&messages[1], &[1]);
}

// breaks: R056, R272
#[test]
fn messages_of_an_epoch_are_counted() {
    let config = GroupConfig { messages_per_epoch: 2, ..in_public() };
    let (mut alice, mut bob, _) = trio_with(SUITE_1, &config, Extensions::default(), &|_| ());
    alice.send(b"one").unwrap();
    alice.send(b"two").unwrap();
    let before = alice.rows.clone();
    assert_eq!(alice.send(b"three").unwrap_err(), MisuseError::MessageLimit.into());
    assert_eq!(before, alice.rows);
    bob.follow(&alice.commit_and_merge(&force_path()));
    alice.send(b"three").unwrap();
}

/// Whether any row of a client has these bytes.
fn holds(client: &Client, secret: &Secret) -> bool {
    client.rows.values().any(|row| row.windows(secret.len()).any(|part| part == secret.as_bytes()))
}

// breaks: R142, R099
#[test]
fn what_an_epoch_used_is_gone_when_it_is_over() {
    let config = GroupConfig { past_epochs: 0, ..GroupConfig::default() };
    let (mut alice, mut bob, _) = trio_with(SUITE_1, &config, Extensions::default(), &|_| ());
    let root = RecordKey::SecretNode(1, NodeIndex(3));
    // Behind version, format, length, version and length.
    let encryption_secret = Secret::copy_from(&alice.rows[&root][16..]);
    assert_eq!(encryption_secret.len(), 32);
    assert!(holds(&alice, &encryption_secret));
    alice.send(b"text").unwrap();
    assert!(!holds(&alice, &encryption_secret), "the encryption secret goes first");
    alice.attach();
    let old_leaf = alice.state().attached.as_ref().unwrap().private.secret(NodeIndex(0)).unwrap().clone();
    let old_init = alice.state().secrets().unwrap().init_secret().secret().clone();
    bob.follow(&alice.commit_and_merge(&force_path()));
    assert!(!holds(&alice, &old_leaf) && !holds(&alice, &old_init));
    assert!(!holds(&bob, &old_init));
    for client in [&alice, &bob] {
        let old = client.rows.keys().filter(|key| match key {
            RecordKey::Epoch(epoch) | RecordKey::SecretNode(epoch, _) | RecordKey::Ratchet(epoch, ..) => {
                *epoch == 1
            }
            _ => false,
        });
        assert_eq!(old.count(), 0);
    }
    assert!(holds(&alice, alice.state().secrets().unwrap().init_secret().secret()), "the search finds");
}
