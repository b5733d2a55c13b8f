//! Values that are mixed up, races, floods, and removals that only their victim would believe: what a review of this crate
//! found, each with a test that it stays away.

use super::{driver::*, evil::*};
use crate::psk::{Usage, check_psks, psk_row};
use crate::{CredentialReason, Observed, Observer, StagedCommit};
use pleach_key_schedule::RatchetKind;
use pleach_tree::TreeError;
use pleach_wire::{Commit, Content, PreSharedKeyId, Psk};

fn staged(client: &mut Client, commit: &[u8]) -> Box<StagedCommit> {
    match client.receive(commit).unwrap() {
        Incoming::Commit(staged) => staged,
        other => panic!("{other:?}"),
    }
}

fn broken_parent_hash(leaf: &mut LeafNode) {
    leaf.leaf_node_source = LeafNodeSource::Commit { parent_hash: Opaque::from(&[1; 32]) };
}

/// Two clients in a group that `alice` creates, both in epoch 1.
fn pair(alice: &mut Client, bob: &mut Client, group_id: &[u8]) {
    alice.create(group_id, Extensions::default());
    let proposals = vec![ProposalSpec::Add(bob.key_package())];
    let welcome = alice.commit_and_merge(&CommitSpec { proposals, ..CommitSpec::default() });
    bob.join(&welcome).unwrap();
}

fn new(name: &'static str) -> Client {
    Client::new(name, SUITE_1, &in_public())
}

// breaks: R093, R110, R232
#[test]
fn an_outsider_that_takes_a_members_place_must_answer_for_it_to_the_member_too() {
    let (mut alice, mut bob, carol) = trio();
    let group_info = alice.group_info(true, TreeDelivery::Inline);
    let mut outsider = new("bob");
    let mut joins = |evil| outsider.evil_join(&group_info, |init| vec![init, remove(1)], evil);
    // What all others would refuse removes nobody.
    let broken = joins(Evil { leaf: Box::new(broken_parent_hash), ..Evil::default() });
    let short = joins(Evil { update_path: Box::new(|path| path.nodes = vec![].into()), ..Evil::default() });
    for client in [&bob, &carol] {
        client.must_refuse(&broken.message, TreeError::ParentHashMismatch);
        client.must_refuse(&short.message, TreeError::PathLength { expected: 2, found: 0 });
    }
    let good = joins(Evil::default());
    let staged = staged(&mut bob, &good.message);
    assert!(staged.removes_us());
    let [question] = staged.credentials() else { panic!("{:?}", staged.credentials()) };
    let old = (Credential::basic(b"bob"), bob.signer.public().into());
    assert_eq!((question.reason, question.leaf), (CredentialReason::ExternalCommit, Some(LeafIndex(1))));
    assert_eq!(question.old, Some(old));
    assert_eq!(question.new, Credential::basic(b"bob"));
    assert_eq!(&*question.signature_key, outsider.signer.public());
    assert_ne!(outsider.signer.public(), bob.signer.public());
    // The others are asked the same.
    let mut carol = carol;
    let of_carol = self::staged(&mut carol, &good.message);
    assert!(!of_carol.removes_us());
    assert_eq!(of_carol.credentials(), staged.credentials());
    assert_eq!(of_carol.summary().joined, staged.summary().joined);
}

// breaks: R090, R093, R110, R232
#[test]
fn a_removed_member_refuses_what_the_others_refuse() {
    let (alice, mut bob, carol) = trio();
    let removal = |change: &dyn Fn(&mut Evil)| {
        let mut evil = Evil::of([remove(1)]);
        change(&mut evil);
        alice.clone().evil_commit(&evil)
    };
    let old = alice.state().own_leaf();
    let old_key = bob.member(old).leaf_node.encryption_key.clone();
    let bad: [(Made, GroupError); 4] = [
        (removal(&|evil| evil.leaf = Box::new(broken_parent_hash)), TreeError::ParentHashMismatch.into()),
        (
            removal(&|evil| evil.update_path = Box::new(|path| path.nodes = vec![].into())),
            TreeError::PathLength { expected: 1, found: 0 }.into(),
        ),
        (
            removal(&|evil| {
                let old_key = old_key.clone();
                evil.leaf = Box::new(move |leaf| leaf.encryption_key = old_key.clone());
            }),
            MisbehaviorError::EncryptionKeyUnchanged.into(),
        ),
        (
            removal(&|evil| {
                evil.leaf = Box::new(|leaf| leaf.leaf_node_source = LeafNodeSource::Update);
            }),
            MisbehaviorError::LeafNodeSource.into(),
        ),
    ];
    for (made, error) in bad {
        for client in [&bob, &carol] {
            client.must_refuse(&made.message, error.clone());
        }
    }
    let good = removal(&|_| ());
    carol.must_follow(&good);
    assert!(bob.follow(&good.message).removed_us);
    assert_eq!(bob.state().status(), &Status::Removed);
}

// breaks: R238
#[test]
fn two_stays_in_one_group_are_told_apart() {
    let (mut alice, mut bob) = (new("alice"), new("bob"));
    alice.create(b"group", Extensions::default());
    let proposals = vec![ProposalSpec::Add(bob.key_package())];
    let welcome = alice.commit_and_merge(&CommitSpec { proposals, ..CommitSpec::default() });
    // The same leaf in the same epoch, twice.
    let (mut first, mut second) = (bob.clone(), bob);
    first.join(&welcome).unwrap();
    second.join(&welcome).unwrap();
    assert_eq!(first.authenticator(), second.authenticator());
    assert_ne!(first.state().head_version(), second.state().head_version());

    let commit = alice.commit(&CommitSpec::default());
    let of_first = staged(&mut first, commit.message());
    assert_eq!(second.state().merge(*of_first).unwrap_err(), MisuseError::Stale.into());
    // Other batches of the first stay do not pass the guards of the second, nor does its own Commit.
    let signer = Arc::clone(&first.signer);
    let proposal = first
        .stage(|state, env, rows| state.propose(env, rows, &*signer, &ProposalSpec::Update(None, None), b""))
        .unwrap();
    assert!(first.guards_hold(&proposal.changes) && !second.guards_hold(&proposal.changes));
    let pending = first.commit(&CommitSpec::default());
    let merge = second.state().merge_pending(pending).unwrap();
    assert!(!second.guards_hold(&merge.changes));
    let of_second = staged(&mut second, commit.message());
    let merge = second.state().merge(*of_second).unwrap();
    second.finish(merge);
    assert_eq!(second.state().epoch(), 2);
}

// breaks: R131
#[test]
fn a_list_of_psks_is_as_long_as_its_counter() {
    let (mut alice, bob, _) = trio();
    let ids: Vec<PreSharedKeyId> = (0..65_536u32)
        .map(|n| {
            let psk_id = Opaque::from(&n.to_be_bytes());
            PreSharedKeyId { psk: Psk::External { psk_id }, psk_nonce: Opaque::from(&[7; 32]) }
        })
        .collect();
    let check = |ids: &[PreSharedKeyId]| check_psks(&bob.suite, ids.iter(), Usage::Application);
    // Comparing each with each would take minutes.
    assert_eq!(check(&ids[..65_535]), Ok(()));
    assert_eq!(check(&ids), Err(MisbehaviorError::TooManyPsks.into()));
    let mut twice = ids[..60_000].to_vec();
    twice.push(ids[0].clone());
    assert_eq!(check(&twice), Err(MisbehaviorError::DuplicatePsk.into()));

    let psks = ids.into_iter().map(|psk| Proposal::PreSharedKey(pleach_wire::PreSharedKey { psk }));
    let proposals: Vec<_> = psks.map(ProposalOrRef::Proposal).collect();
    let content = Content::Commit(Commit { proposals: proposals.into(), path: None });
    let (message, _) = alice.evil_content(Sender::Member(LeafIndex(0)), content, &|_| ());
    bob.must_refuse(&message, MisbehaviorError::TooManyPsks);
}

// breaks: R232
#[test]
fn a_staged_commit_is_merged_nowhere_else() {
    let (mut alice, mut bob, mut carol) = trio();
    let (mut other_alice, mut other_bob) = (new("alice"), new("bob"));
    pair(&mut other_alice, &mut other_bob, b"other");
    let commit = alice.commit(&CommitSpec::default());
    // The versions of the head are random; let chance do its worst.
    let version = bob.state().head_version();
    for elsewhere in [&mut other_bob, &mut carol] {
        elsewhere.attach();
        elsewhere.state.as_mut().unwrap().head.version = version;
        let of_bob = staged(&mut bob, commit.message());
        assert_eq!(elsewhere.state().epoch(), bob.state().epoch());
        let before = (elsewhere.rows.clone(), elsewhere.fingerprint());
        let used_up = elsewhere.stage(|state, env, rows| state.use_up(env, rows, &of_bob));
        assert_eq!(used_up.unwrap_err(), MisuseError::Stale.into());
        assert_eq!(elsewhere.state().merge(*of_bob).unwrap_err(), MisuseError::Stale.into());
        assert_eq!(before, (elsewhere.rows.clone(), elsewhere.fingerprint()));
    }
    // Nor by the observer of another group.
    let observe = |client: &mut Client| {
        let group_info = client.group_info(false, TreeDelivery::Inline);
        Observer::new(&crate::verify_group_info(&client.env(), &group_info, None).unwrap()).unwrap()
    };
    let (mut here, mut elsewhere) = (observe(&mut alice), observe(&mut other_alice));
    let mut seen = || match here.receive(&bob.env(), commit.message()).unwrap() {
        Observed::Commit(seen) => *seen,
        other => panic!("{other:?}"),
    };
    let before = elsewhere.context().clone();
    assert_eq!(elsewhere.merge(seen()).unwrap_err(), MisuseError::Stale.into());
    assert_eq!(elsewhere.context(), &before);
    let seen = seen();
    let of_observer = here.merge(seen).unwrap();
    assert_eq!(bob.follow(commit.message()), of_observer);
}

// breaks: R205, R206
#[test]
fn a_proposal_that_another_handle_received_is_known() {
    let (mut alice, mut bob, mut carol) = trio();
    bob.attach();
    let mut second = bob.clone();
    let foreign = carol.propose(&ProposalSpec::Update(None, None));
    alice.notes(&foreign.message);
    second.notes(&foreign.message);
    // Bob's own, made with the other handle: its private key is in the rows.
    let own = second.propose(&ProposalSpec::Update(None, None));
    alice.notes(&own.message);
    carol.notes(&own.message);
    let commit = alice.commit(&CommitSpec::default());
    assert_eq!(commit.summary().updated.len(), 3);
    bob.must_refuse(commit.message(), MisbehaviorError::UnknownProposal);
    bob.rows = second.rows.clone();
    assert!(bob.state().proposals().unwrap().in_order().is_empty());
    assert_eq!(bob.follow(commit.message()), second.follow(commit.message()));
    assert_eq!(bob.authenticator(), second.authenticator());
    // The key of the Update is in use.
    alice.merge(&commit);
    let next = alice.commit(&CommitSpec::default());
    bob.follow(next.message());
}

// breaks: R142, R147
#[test]
fn of_two_first_uses_of_one_secret_node_the_second_starts_again() {
    let (mut alice, mut bob, mut carol) = trio();
    let [of_alice, of_carol] = [alice.send(b"first").unwrap(), carol.send(b"second").unwrap()];
    // Both are read before one is written.
    let first = bob.stage(|state, env, rows| state.receive(env, rows, &of_alice)).unwrap();
    let second = bob.stage(|state, env, rows| state.receive(env, rows, &of_carol)).unwrap();
    assert!(bob.guards_hold(&first.changes) && bob.guards_hold(&second.changes));
    bob.finish(first);
    assert!(!bob.guards_hold(&second.changes));
    let root = RecordKey::SecretNode(1, bob.state().head.size.root());
    let of_root = |guard: &&Guard| matches!(guard, Guard::Version(key, _) if *key == root);
    assert_eq!(second.changes.guards.iter().filter(of_root).count(), 1);
    // The guard sees it even where the row is still there, with what the first use left in it.
    assert!(bob.rows.contains_key(&root));
    bob.hears(&of_carol, b"second");
}

/// Whether a leaf that has no ratchet for application messages in an epoch could still get one.
fn has_secret(client: &Client, epoch: u64, leaf: LeafIndex) -> bool {
    use pleach_key_schedule::{RatchetLimits, SecretTree, SecretTreeError, SecretTreeKey};
    let mut tree = SecretTree::stored(client.state().head.size, RatchetLimits::default());
    loop {
        let needs = tree.needs(leaf, RatchetKind::Application, 0);
        if needs.is_empty() {
            break;
        }
        for key in needs {
            let name = match key {
                SecretTreeKey::Node(node) => RecordKey::SecretNode(epoch, node),
                // As if there were none.
                SecretTreeKey::Ratchet(..) | SecretTreeKey::Skipped(..) => RecordKey::Head,
            };
            let row = client.rows.get(&name).filter(|_| name != RecordKey::Head);
            // Version, format, length.
            tree.load(key, row.map(|row| &row[13..])).unwrap();
        }
    }
    match tree.prepare(client.state().suite(), leaf, RatchetKind::Application, 0) {
        Ok(_) => true,
        Err(SecretTreeError::NoSecret(_)) => false,
        Err(error) => panic!("{error}"),
    }
}

// breaks: R142, R147
#[test]
fn a_private_commit_uses_up_its_senders_secrets() {
    let (mut alice, mut bob, mut carol) =
        trio_with(SUITE_1, &GroupConfig::default(), Extensions::default(), &|_| ());
    let late = carol.send(b"late").unwrap();
    assert!(has_secret(&bob, 1, LeafIndex(0)));
    let commit = alice.commit(&CommitSpec::default());
    assert_eq!(
        decode::<pleach_wire::MlsMessage>(commit.message()).unwrap().body.wire_format(),
        pleach_wire::WireFormat::PRIVATE_MESSAGE
    );
    // Being received uses nothing up: the Commit may lose its race.
    let rows = bob.rows.clone();
    let staged = staged(&mut bob, commit.message());
    assert_eq!(bob.rows, rows);
    let used_up = bob.stage(|state, env, rows| state.use_up(env, rows, &staged)).unwrap();
    let mut merge = bob.state().merge(*staged).unwrap();
    merge.changes.prepend(used_up);
    bob.finish(merge);
    alice.merge(&commit);
    for client in [&bob, &alice] {
        assert!(!has_secret(client, 1, LeafIndex(0)), "{}", client.name);
        let handshake = |key: &&RecordKey| {
            matches!(
                key,
                RecordKey::Ratchet(1, RatchetKind::Handshake, _)
                    | RecordKey::Skipped(1, RatchetKind::Handshake, ..)
            )
        };
        assert_eq!(client.rows.keys().find(handshake), None, "{}", client.name);
        // What is left of the epoch is for the messages of others that may still come.
        assert!(has_secret(client, 1, LeafIndex(2)), "{}", client.name);
    }
    bob.hears(&late, b"late");
    alice.hears(&late, b"late");
}

// breaks: R078
#[test]
fn a_late_member_follows_an_add_whose_key_package_has_expired() {
    let (mut alice, mut bob, _) = trio();
    let key_package = new("dave").key_package();
    let (proposal, _) = alice.clone().own_proposal(add(key_package.clone()));
    let proposals = vec![ProposalSpec::Add(key_package)];
    let commit = alice.commit(&CommitSpec { proposals, ..CommitSpec::default() });
    alice.merge(&commit);
    bob.now = 2 * NOW + GroupConfig::default().lifetime.tolerance + 1;
    bob.must_refuse(&proposal, MisbehaviorError::LifetimeExpired);
    assert_eq!(bob.follow(commit.message()).added, [LeafIndex(3)]);
    assert_eq!(bob.authenticator(), alice.authenticator());
}

// breaks: R204
#[test]
fn no_member_uses_up_the_share_of_another() {
    let (mut alice, mut bob, mut carol) = trio();
    let quota = GroupConfig::default().member_proposals;
    for n in 0..quota {
        let (message, _) = alice.own_proposal(external_psk(&n.to_be_bytes(), 32));
        bob.notes(&message);
    }
    let (message, _) = alice.own_proposal(external_psk(b"one more", 32));
    bob.must_refuse(&message, MisbehaviorError::TooManyProposals);
    let (message, _) = carol.own_proposal(external_psk(b"of Carol", 32));
    bob.notes(&message);
    // Nor does Alice keep Bob from proposing; his own share is as large.
    bob.rows.insert(RecordKey::ExternalPsk(b"id".to_vec()), psk_row(&Secret::copy_from(b"shared")));
    let of_bob = || ProposalSpec::PreSharedKey(Psk::External { psk_id: b"id".into() });
    for _ in 0..quota {
        bob.propose(&of_bob());
    }
    bob.attach();
    assert_eq!(bob.state().proposals().unwrap().in_order().len(), 2 * quota + 1);
    let before = (bob.rows.clone(), bob.fingerprint());
    assert_eq!(bob.try_propose(&of_bob()).unwrap_err(), MisuseError::TooManyProposals.into());
    assert_eq!(before, (bob.rows.clone(), bob.fingerprint()));
}

// breaks: R233
#[test]
fn an_own_commit_that_was_discarded_is_told_from_a_message() {
    let (_, mut bob, _) = trio_with(SUITE_1, &GroupConfig::default(), Extensions::default(), &|_| ());
    let commit = bob.commit(&CommitSpec::default());
    let kept = bob.commit(&CommitSpec::default());
    let step = bob.state().discard_pending(commit.hash());
    bob.finish(step);
    bob.must_refuse(commit.message(), MisbehaviorError::UnknownOwnCommit);
    assert!(matches!(bob.receive(kept.message()), Ok(Incoming::OwnCommit(hash)) if hash == kept.hash()));
    let mut sender = bob.clone();
    let text = sender.send(b"text").unwrap();
    assert!(matches!(bob.receive(&text), Ok(Incoming::OwnMessage)));
}
