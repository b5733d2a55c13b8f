//! Reinitialization and branching (RFC 9420 §11.2, §11.3).

use super::{driver::*, evil::*, invitation::Invitation};
use crate::JoinKind;
use crate::psk::psk_row;
use pleach_wire::{Psk, ReInit, ResumptionPskUsage};

/// The same client, about to found or join another group: with its resumption PSKs.
fn anew(client: &Client) -> Client {
    let kept = client.rows.iter().filter(|(key, _)| matches!(key, RecordKey::ResumptionPsk(..)));
    let rows = kept.map(|(key, row)| (key.clone(), row.clone())).collect();
    Client { rows, state: None, ..client.clone() }
}

/// What Alice's group agreed to become.
fn agreed() -> ReInit {
    ReInit {
        group_id: b"successor".into(),
        version: ProtocolVersion::MLS10,
        cipher_suite: SUITE_1,
        extensions: Extensions::default(),
    }
}

/// Alice, Bob and Carol after a ReInit was committed, in epoch 2.
fn reinitialized(reinit: ReInit) -> (Client, Client, Client) {
    let (mut alice, mut bob, mut carol) = trio();
    let proposals = vec![ProposalSpec::ReInit(reinit)];
    let commit = alice.commit_and_merge(&CommitSpec { proposals, ..CommitSpec::default() });
    bob.follow(&commit);
    carol.follow(&commit);
    // A predecessor is given with its tree.
    for client in [&mut alice, &mut bob, &mut carol] {
        client.attach();
    }
    (alice, bob, carol)
}

/// The founder's first Commit in a group that follows on epoch 2 or 1, and the Welcome of it.
fn found(
    founder: &mut Client,
    others: &mut [&mut Client],
    usage: ResumptionPskUsage,
    (group_id, epoch): (&[u8], u64),
) -> Vec<u8> {
    founder.create(group_id, Extensions::default());
    let proposals = others.iter_mut().map(|other| ProposalSpec::Add(other.key_package())).collect();
    let predecessor = Some((usage, b"group".to_vec(), epoch));
    founder.commit_and_merge(&CommitSpec { proposals, predecessor, ..CommitSpec::default() })
}

const REINIT: ResumptionPskUsage = ResumptionPskUsage::Reinit;
const BRANCH: ResumptionPskUsage = ResumptionPskUsage::Branch;

// breaks: R168
#[test]
fn refuses_a_reinit_beside_other_proposals() {
    let (mut alice, bob, _) = trio();
    let successor = || reinit(ProtocolVersion::MLS10, vec![]);
    let error = MisbehaviorError::ReInitNotAlone;
    for other in [remove(2), successor()] {
        let bad = Evil::of([successor(), other]);
        alice.bad_and_good(&bob, (bad, error), Evil::of([successor()]));
    }
    // A committer prefers the others.
    let mut bob = bob;
    for proposal in [successor(), remove(2)] {
        let (message, _) = bob.own_proposal(proposal);
        alice.notes(&message);
    }
    let commit = alice.commit(&CommitSpec::default());
    assert!(commit.summary().reinit.is_none() && commit.summary().removed.len() == 1);
}

// breaks: R169
#[test]
fn a_group_that_was_reinitialized_is_frozen() {
    let (mut alice, mut bob, mut carol) = reinitialized(agreed());
    let frozen = || GroupError::from(MisuseError::ReInitialized);
    for client in [&mut alice, &mut bob] {
        assert_eq!(client.send(b"more").unwrap_err(), frozen());
        assert_eq!(client.try_propose(&ProposalSpec::Remove(LeafIndex(2))).unwrap_err(), frozen());
        assert_eq!(client.try_commit(&CommitSpec::default()).unwrap_err(), frozen());
        client.reopen();
        assert_eq!(client.state().status(), &Status::ReInitialized(agreed()));
        assert_eq!(client.send(b"more").unwrap_err(), frozen());
    }
    let commit = carol.evil_commit(&Evil::default());
    bob.must_refuse(&commit.message, frozen());
}

// breaks: R170, R172, R126
#[test]
fn any_member_continues_a_group_that_was_reinitialized() {
    let (alice, bob, carol) = reinitialized(agreed());
    // Bob, who did not commit the ReInit, founds the new group.
    let (mut next_alice, mut next_bob, mut next_carol) = (anew(&alice), anew(&bob), anew(&carol));
    let joiners = &mut [&mut next_alice, &mut next_carol];
    let welcome = found(&mut next_bob, joiners, REINIT, (b"successor", 2));
    let invitation = Invitation::open(&next_alice, &welcome);
    let [psk] = &*invitation.group_secrets.psks else { panic!("one PSK") };
    let wanted = Psk::Resumption { usage: REINIT, psk_group_id: b"group".into(), psk_epoch: 2 };
    assert_eq!((&psk.psk, psk.psk_nonce.len()), (&wanted, 32));
    for (joiner, old) in [(&next_alice, &alice), (&next_carol, &carol)] {
        let staged = joiner.stage_join(&welcome, None, old.state.as_ref()).unwrap();
        assert_eq!(staged.kind(), &JoinKind::ReInit(b"group".to_vec(), 2));
        let step = staged.into_step(&joiner.env()).unwrap();
        let authenticator = step.output.epoch_authenticator().unwrap().as_bytes().to_vec();
        assert_eq!(authenticator, next_bob.authenticator());
    }
    // After its first Commit, the group takes no such PSK any more.
    let spec = CommitSpec { predecessor: Some((REINIT, b"group".to_vec(), 2)), ..CommitSpec::default() };
    assert_eq!(next_bob.try_commit(&spec).unwrap_err(), MisuseError::Proposal.into());
}

// breaks: R171
#[test]
fn refuses_a_successor_that_is_not_the_one_agreed_on() {
    let other_id = ReInit { group_id: b"another".into(), ..agreed() };
    let other_suite = ReInit { cipher_suite: SUITE_2, ..agreed() };
    let required = Extension::new(&pleach_wire::RequiredCapabilities::default()).unwrap();
    let other_extensions = ReInit { extensions: vec![required].into(), ..agreed() };
    let other_version = ReInit { version: ProtocolVersion(2), ..agreed() };
    for (reinit, good) in [
        (agreed(), true),
        (other_id, false),
        (other_suite, false),
        (other_extensions, false),
        (other_version, false),
    ] {
        let (alice, bob, carol) = reinitialized(reinit);
        let (mut next_alice, mut next_bob, mut next_carol) = (anew(&alice), anew(&bob), anew(&carol));
        let joiners = &mut [&mut next_bob, &mut next_carol];
        let welcome = found(&mut next_alice, joiners, REINIT, (b"successor", 2));
        let staged = next_bob.stage_join(&welcome, None, bob.state.as_ref());
        match good {
            true => drop(staged.unwrap()),
            false => assert_eq!(staged.unwrap_err(), MisbehaviorError::ReInitMismatch.into()),
        }
    }
}

// breaks: R171, R134, R135
#[test]
fn refuses_a_successor_that_does_not_follow_on() {
    let (alice, mut bob, carol) = reinitialized(agreed());
    bob.attach();
    let (mut next_alice, mut next_bob, mut next_carol) = (anew(&alice), anew(&bob), anew(&carol));
    let joiners = &mut [&mut next_bob, &mut next_carol];
    let welcome = found(&mut next_alice, joiners, REINIT, (b"successor", 2));
    let old = bob.state.as_ref();
    let invitation = Invitation::open(&next_bob, &welcome);
    // Not in its first epoch.
    let later = invitation.clone().change(|it| it.group_info.group_context.epoch = 2).seal(&next_alice);
    let refused = next_bob.stage_join(&later, None, old).unwrap_err();
    assert_eq!(refused, MisbehaviorError::SuccessorEpoch.into());
    // The group that it names was not reinitialized, is at another epoch, or is not at hand.
    let mut active = bob.state.clone().unwrap();
    active.head.status = Status::Active;
    let refused = next_bob.stage_join(&welcome, None, Some(&active)).unwrap_err();
    assert_eq!(refused, MisbehaviorError::ReInitMismatch.into());
    let (_, mut earlier, _) = trio();
    earlier.attach();
    let refused = next_bob.stage_join(&welcome, None, earlier.state.as_ref()).unwrap_err();
    assert_eq!(refused, IncompatibleError::MissingPredecessor.into());
    let refused = next_bob.stage_join(&welcome, None, None).unwrap_err();
    assert_eq!(refused, IncompatibleError::MissingPredecessor.into());
    // Its PSK is not held.
    let mut forgetful = next_bob.clone();
    forgetful.rows.retain(|key, _| !matches!(key, RecordKey::ResumptionPsk(..)));
    let refused = forgetful.stage_join(&welcome, None, old).unwrap_err();
    assert_eq!(refused, IncompatibleError::MissingPsk.into());
    // There is more than one of that kind, or one with a nonce of another length, or one twice.
    let mut named = invitation.group_secrets.psks.to_vec();
    let mut second = named[0].clone();
    second.psk_nonce = Opaque::from(&[5; 32]);
    named.push(second.clone());
    let with =
        |psks: Vec<_>| invitation.clone().change(|it| it.group_secrets.psks = psks.into()).seal(&next_alice);
    let refused = next_bob.stage_join(&with(named.clone()), None, old).unwrap_err();
    assert_eq!(refused, MisbehaviorError::SeveralResumptionPsks.into());
    second.psk_nonce = Opaque::from(&[5; 31]);
    let refused = next_bob.stage_join(&with(vec![second]), None, old).unwrap_err();
    assert_eq!(refused, MisbehaviorError::PskNonce.into());
    let refused = next_bob.stage_join(&with(vec![named[0].clone(); 2]), None, old).unwrap_err();
    assert_eq!(refused, MisbehaviorError::DuplicatePsk.into());
    next_bob.stage_join(&with(vec![named[0].clone()]), None, old).unwrap();
}

// breaks: R171
#[test]
fn refuses_a_successor_with_other_members() {
    let (alice, bob, carol) = reinitialized(agreed());
    let mut dave = Client::new("dave", SUITE_1, &in_public());
    let join = |more: &mut [&mut Client]| {
        let (mut next_alice, mut next_bob) = (anew(&alice), anew(&bob));
        let mut joiners = vec![&mut next_bob];
        joiners.extend(more.iter_mut().map(|client| &mut **client));
        let welcome = found(&mut next_alice, &mut joiners, REINIT, (b"successor", 2));
        next_bob.stage_join(&welcome, None, bob.state.as_ref()).map(drop)
    };
    let error = GroupError::from(MisbehaviorError::ReInitMembers);
    assert_eq!(join(&mut []), Err(error.clone()));
    assert_eq!(join(&mut [&mut anew(&carol), &mut dave]), Err(error.clone()));
    assert_eq!(join(&mut [&mut dave]), Err(error));
    assert_eq!(join(&mut [&mut anew(&carol)]), Ok(()));
}

// breaks: R174, R238
#[test]
fn a_successor_may_have_the_id_of_the_frozen_group() {
    let (alice, bob, carol) = reinitialized(ReInit { group_id: b"group".into(), ..agreed() });
    let (mut next_alice, mut next_bob, mut next_carol) = (anew(&alice), anew(&bob), anew(&carol));
    let joiners = &mut [&mut next_bob, &mut next_carol];
    let welcome = found(&mut next_alice, joiners, REINIT, (b"group", 2));
    let staged = next_bob.stage_join(&welcome, None, bob.state.as_ref()).unwrap();
    let step = staged.into_step(&next_bob.env()).unwrap();
    let mut replaced = bob;
    replaced.rows.extend(next_bob.rows.clone());
    replaced.write(&step.changes);
    replaced.state = Some(step.output);
    replaced.reopen();
    assert_eq!((replaced.state().epoch(), replaced.authenticator()), (1, next_alice.authenticator()));
    assert!(!replaced.rows.contains_key(&RecordKey::Epoch(2)));
}

// breaks: R175, R176
#[test]
fn a_branch_has_some_of_the_members() {
    let (alice, mut bob, carol) = trio();
    bob.attach();
    let mut dave = Client::new("dave", SUITE_1, &in_public());
    let (mut next_alice, mut next_bob) = (anew(&alice), anew(&bob));
    let welcome = found(&mut next_alice, &mut [&mut next_bob], BRANCH, (b"branch", 1));
    let invitation = Invitation::open(&next_bob, &welcome);
    let [psk] = &*invitation.group_secrets.psks else { panic!("one PSK") };
    assert_eq!(psk.psk_nonce.len(), 32);
    let staged = next_bob.stage_join(&welcome, None, bob.state.as_ref()).unwrap();
    assert_eq!(staged.kind(), &JoinKind::Branch(b"group".to_vec(), 1));
    // Not in its first epoch.
    let later = invitation.change(|it| it.group_info.group_context.epoch = 7).seal(&next_alice);
    let refused = next_bob.stage_join(&later, None, bob.state.as_ref()).unwrap_err();
    assert_eq!(refused, MisbehaviorError::SuccessorEpoch.into());
    // With somebody else.
    let (mut next_alice, mut next_bob, mut next_carol) = (anew(&alice), anew(&bob), anew(&carol));
    let joiners = &mut [&mut next_bob, &mut next_carol, &mut dave];
    let welcome = found(&mut next_alice, joiners, BRANCH, (b"branch", 1));
    let refused = next_bob.stage_join(&welcome, None, bob.state.as_ref()).unwrap_err();
    assert_eq!(refused, MisbehaviorError::BranchMembers.into());
}

// breaks: R176
#[test]
fn refuses_a_branch_of_another_suite() {
    let (alice, mut bob, _) = trio();
    bob.attach();
    let of_suite_2 = |client: &Client| {
        let mut other = Client::new(client.name, SUITE_2, &in_public());
        other.rows = anew(client).rows;
        other
    };
    let (mut next_alice, mut next_bob) = (of_suite_2(&alice), of_suite_2(&bob));
    let welcome = found(&mut next_alice, &mut [&mut next_bob], BRANCH, (b"branch", 1));
    let refused = next_bob.stage_join(&welcome, None, bob.state.as_ref()).unwrap_err();
    assert_eq!(refused, MisbehaviorError::BranchMismatch.into());
}

// breaks: R134
#[test]
fn refuses_a_welcome_with_a_psk_that_is_not_held() {
    let (mut alice, ..) = trio();
    let mut dave = Client::new("dave", SUITE_1, &in_public());
    let key = RecordKey::ExternalPsk(b"id".to_vec());
    alice.rows.insert(key.clone(), psk_row(&Secret::copy_from(b"shared")));
    let proposals = vec![
        ProposalSpec::Add(dave.key_package()),
        ProposalSpec::PreSharedKey(Psk::External { psk_id: b"id".into() }),
    ];
    let welcome = alice.commit_and_merge(&CommitSpec { proposals, ..CommitSpec::default() });
    assert_eq!(dave.refuses_welcome(&welcome), IncompatibleError::MissingPsk.into());
    dave.rows.insert(key.clone(), psk_row(&Secret::copy_from(b"other")));
    let refused = dave.refuses_welcome(&welcome);
    assert_eq!(refused, pleach_key_schedule::KeyScheduleError::GroupInfoDecryption.into());
    dave.rows.insert(key, psk_row(&Secret::copy_from(b"shared")));
    dave.join(&welcome).unwrap();
    assert_eq!(dave.authenticator(), alice.authenticator());
}
