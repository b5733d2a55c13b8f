//! Lists of proposals in an external Commit, and the Commit itself (RFC 9420 §12.2, §12.4.3.2).

use super::{driver::*, evil::*};
use crate::leaf::sign_leaf;
use crate::psk::psk_row;
use pleach_framing::FramingError;
use pleach_tree::TreeError;
use pleach_wire::{Content, GroupContext};

/// A group of three with a GroupInfo for those who want to join, and Dave, who does.
fn open_group() -> (Client, Client, Client, Vec<u8>, Client) {
    let (mut alice, bob, carol) = trio();
    let group_info = alice.group_info(true, TreeDelivery::Inline);
    (alice, bob, carol, group_info, Client::new("dave", SUITE_1, &in_public()))
}

/// Another device of a member, under another key.
fn again(name: &'static str) -> Client {
    Client::new(name, SUITE_1, &in_public())
}

// breaks: R207
#[test]
fn refuses_an_external_commit_without_exactly_one_external_init() {
    let (_, bob, _, group_info, mut dave) = open_group();
    let none = dave.evil_join(&group_info, |_| vec![], Evil::default());
    bob.must_refuse(&none.message, MisbehaviorError::ExternalInitCount);
    let two = dave.evil_join(&group_info, |init| vec![init.clone(), init], Evil::default());
    bob.must_refuse(&two.message, MisbehaviorError::ExternalInitCount);
    let one = dave.joins_with(&group_info, vec![]);
    assert_eq!(bob.must_follow(&one).joined, Some(LeafIndex(3)));
}

// breaks: R208
#[test]
fn refuses_an_external_commit_that_removes_somebody_else() {
    let (_, bob, _, group_info, mut dave) = open_group();
    let other = dave.joins_with(&group_info, vec![remove(2)]);
    bob.must_refuse(&other.message, MisbehaviorError::ExternalCommitRemovesOther);
    let blank = dave.joins_with(&group_info, vec![remove(3)]);
    bob.must_refuse(&blank.message, MisbehaviorError::RemoveOfBlank(LeafIndex(3)));
    let mut carol = again("carol");
    let summary = bob.must_follow(&carol.joins_with(&group_info, vec![remove(2)]));
    assert_eq!((summary.joined, summary.removed[0].0), (Some(LeafIndex(2)), LeafIndex(2)));
}

// breaks: R208
#[test]
fn refuses_an_external_commit_with_two_removes() {
    let (_, bob, _, group_info, _) = open_group();
    let mut carol = again("carol");
    let two = carol.joins_with(&group_info, vec![remove(2), remove(0)]);
    bob.must_refuse(&two.message, MisbehaviorError::ExternalCommitRemoves);
    bob.must_follow(&carol.joins_with(&group_info, vec![remove(2)]));
}

// breaks: R208, R090
#[test]
fn refuses_a_resync_that_keeps_the_old_encryption_key() {
    let (_, bob, _, group_info, _) = open_group();
    let old = bob.member(LeafIndex(2)).leaf_node.encryption_key.clone();
    let mut carol = again("carol");
    let leaf: Box<dyn Fn(&mut LeafNode)> = Box::new(move |leaf| leaf.encryption_key = old.clone());
    let evil = Evil { leaf, ..Evil::default() };
    let kept = carol.evil_join(&group_info, |init| vec![init, remove(2)], evil);
    bob.must_refuse(&kept.message, MisbehaviorError::EncryptionKeyUnchanged);
    bob.must_follow(&carol.joins_with(&group_info, vec![remove(2)]));
}

// breaks: R199, R208
#[test]
fn a_member_that_joins_again_with_its_own_key_takes_its_old_leaf_away() {
    let (_, bob, carol, group_info, _) = open_group();
    let mut same = carol;
    let twice = same.joins_with(&group_info, vec![]);
    bob.must_refuse(&twice.message, MisbehaviorError::DuplicateSignatureKey);
    bob.must_follow(&same.joins_with(&group_info, vec![remove(2)]));
}

// breaks: R209
#[test]
fn refuses_other_proposals_in_an_external_commit() {
    let (_, bob, _, group_info, mut dave) = open_group();
    let key_package = again("erin").key_package();
    let update = Update { leaf_node: key_package.leaf_node.clone() };
    let others = [
        (add(key_package), ProposalType::ADD),
        (Proposal::Update(update), ProposalType::UPDATE),
        (extensions(vec![]), ProposalType::GROUP_CONTEXT_EXTENSIONS),
        (custom(b"data"), ProposalType(UNKNOWN)),
    ];
    for (proposal, kind) in others {
        let commit = dave.joins_with(&group_info, vec![proposal]);
        bob.must_refuse(&commit.message, MisbehaviorError::ExternalCommitProposal(kind));
    }
    // ReInit is refused already because it is not alone.
    let commit = dave.joins_with(&group_info, vec![reinit(ProtocolVersion::MLS10, vec![])]);
    bob.must_refuse(&commit.message, MisbehaviorError::ReInitNotAlone);
    // Any number of PSKs may be.
    let (mut holder, secret) = (bob, Secret::copy_from(b"shared"));
    for id in [b"one", b"two"] {
        for client in [&mut holder, &mut dave] {
            client.rows.insert(RecordKey::ExternalPsk(id.to_vec()), psk_row(&secret));
        }
    }
    let psks = vec![external_psk(b"one", 32), external_psk(b"two", 32)];
    assert_eq!(holder.must_follow(&dave.joins_with(&group_info, psks)).psks.len(), 2);
}

// breaks: R210
#[test]
fn refuses_a_reference_in_an_external_commit() {
    let (mut alice, mut bob, _, group_info, mut dave) = open_group();
    let (message, reference) = alice.own_proposal(external_psk(b"id", 32));
    bob.notes(&message);
    let evil = Evil { proposals: vec![reference], ..Evil::default() };
    let commit = dave.evil_join(&group_info, |init| vec![init], evil);
    bob.must_refuse(&commit.message, MisbehaviorError::ReferenceInExternalCommit);
    bob.must_follow(&dave.joins_with(&group_info, vec![]));
}

// breaks: R211, R042
#[test]
fn refuses_an_external_commit_without_a_path() {
    let (_, bob, _, group_info, mut dave) = open_group();
    let commit = dave.evil_join(&group_info, |init| vec![init], Evil::default().without_path());
    bob.must_refuse(&commit.message, FramingError::NewMemberCommitWithoutPath);
    bob.must_follow(&dave.joins_with(&group_info, vec![]));
}

// breaks: R212, R042
#[test]
fn refuses_an_external_commit_signed_with_another_key() {
    let (_, bob, carol, group_info, mut dave) = open_group();
    // The leaf is Dave's and says so; the content is signed by somebody else.
    let (signer, suite) = (Arc::clone(&dave.signer), dave.suite);
    let signed_leaf: Box<dyn Fn(Kept<LeafNode>) -> Kept<LeafNode>> = Box::new(move |leaf| {
        let mut leaf = leaf.into_value();
        leaf.signature_key = signer.public().into();
        sign_leaf(&suite, &*signer, leaf, (b"group", LeafIndex(3))).unwrap()
    });
    let evil = Evil { signed_leaf, signer: Some(carol.signer), ..Evil::default() };
    let commit = dave.evil_join(&group_info, |init| vec![init], evil);
    bob.must_refuse(&commit.message, FramingError::InvalidSignature);
    bob.must_follow(&dave.joins_with(&group_info, vec![]));
}

// breaks: R212
#[test]
fn refuses_a_proposal_that_says_it_is_an_external_commit() {
    let (_, bob, mut carol, group_info, mut dave) = open_group();
    let (message, _) =
        carol.evil_content(Sender::NewMemberCommit, Content::Proposal(external_init(vec![1])), &|_| ());
    bob.must_refuse(&message, FramingError::NewMemberCommitContent);
    bob.must_follow(&dave.joins_with(&group_info, vec![]));
}

// breaks: R213, R070
#[test]
fn a_joiner_takes_the_leftmost_blank_leaf() {
    let (mut alice, mut bob, mut carol, ..) = open_group();
    let removal = alice.commit_and_merge(&CommitSpec {
        proposals: vec![ProposalSpec::Remove(LeafIndex(1))],
        ..CommitSpec::default()
    });
    carol.follow(&removal);
    bob.follow(&removal);
    let group_info = alice.group_info(true, TreeDelivery::Inline);
    let mut dave = again("dave");
    // Signed for the place at the end.
    let (signer, suite) = (Arc::clone(&dave.signer), dave.suite);
    let signed_leaf: Box<dyn Fn(Kept<LeafNode>) -> Kept<LeafNode>> = Box::new(move |leaf| {
        sign_leaf(&suite, &*signer, leaf.into_value(), (b"group", LeafIndex(3))).unwrap()
    });
    let evil = Evil { signed_leaf, ..Evil::default() };
    let commit = dave.evil_join(&group_info, |init| vec![init], evil);
    carol.must_refuse(&commit.message, MisbehaviorError::LeafNodeSignature);
    let summary = carol.must_follow(&dave.joins_with(&group_info, vec![]));
    assert_eq!(summary.joined, Some(LeafIndex(1)));
}

struct NoResync;

impl Rules for NoResync {
    fn allow_external_commit(
        &self,
        _: &GroupContext,
        _: &LeafNode,
        removes: Option<LeafIndex>,
    ) -> Result<(), GroupError> {
        removes.map_or(Ok(()), |_| Err(GroupError::Denied("no resync")))
    }
}

// breaks: R214
#[test]
fn policy_forbids_external_commits_or_resyncs() {
    let (_, bob, _, group_info, mut dave) = open_group();
    let commit = dave.joins_with(&group_info, vec![]);
    let mut closed = bob.clone();
    closed.config.accept_external_commits = false;
    closed.must_refuse(&commit.message, GroupError::Denied("external commits are not accepted"));
    let mut strict = bob.clone();
    strict.rules = &NoResync;
    let resync = again("carol").joins_with(&group_info, vec![remove(2)]);
    strict.must_refuse(&resync.message, GroupError::Denied("no resync"));
    strict.must_follow(&commit);
    bob.must_follow(&resync);
}

// breaks: R123, R124, R125
#[test]
fn refuses_an_external_init_that_does_not_give_the_init_secret() {
    let (_, bob, _, group_info, mut dave) = open_group();
    let short = dave.evil_join(&group_info, |_| vec![external_init(vec![1; 5])], Evil::default());
    bob.must_refuse(&short.message, MisbehaviorError::ExternalInit);
    // The init secret of the old epoch instead of the one that was exchanged.
    let old = bob.state().secrets().unwrap().init_secret().secret().clone();
    let evil = Evil { init_secret: Some(old), ..Evil::default() };
    let commit = dave.evil_join(&group_info, |init| vec![init], evil);
    bob.must_refuse(&commit.message, MisbehaviorError::ConfirmationTag);
    bob.must_follow(&dave.joins_with(&group_info, vec![]));
}

// breaks: R101, R110, R093
#[test]
fn refuses_a_joiners_path_that_does_not_fit() {
    let (_, bob, _, group_info, mut dave) = open_group();
    let taken = bob.member(LeafIndex(1)).leaf_node.encryption_key.clone();
    let leaf: Box<dyn Fn(&mut LeafNode)> = Box::new(move |leaf| leaf.encryption_key = taken.clone());
    let commit = dave.evil_join(&group_info, |init| vec![init], Evil { leaf, ..Evil::default() });
    bob.must_refuse(&commit.message, TreeError::PathKeyReused);
    let leaf: Box<dyn Fn(&mut LeafNode)> = Box::new(|leaf| {
        leaf.leaf_node_source = LeafNodeSource::Commit { parent_hash: Opaque::from(&[1; 32]) };
    });
    let commit = dave.evil_join(&group_info, |init| vec![init], Evil { leaf, ..Evil::default() });
    bob.must_refuse(&commit.message, TreeError::ParentHashMismatch);
    bob.must_follow(&dave.joins_with(&group_info, vec![]));
}

// breaks: R199
#[test]
fn a_client_with_two_leaves_is_a_member_until_both_are_gone() {
    let (mut alice, mut bob, ..) = open_group();
    // From here on Bob keeps an index of clients.
    let dave = again("dave").key_package();
    let proposals = vec![ProposalSpec::Add(dave)];
    let commit = alice.commit(&CommitSpec { proposals, ..CommitSpec::default() });
    alice.merge(&commit);
    bob.follow(commit.message());
    let group_info = alice.group_info(true, TreeDelivery::Inline);
    let second = again("carol").joins_with(&group_info, vec![]);
    assert_eq!(alice.follow(&second.message).joined, Some(LeafIndex(4)));
    bob.follow(&second.message);
    let removal = alice.evil_commit(&Evil::of([remove(4)]));
    bob.follow(&removal.message);
    alice.state = bob.state.clone();
    alice.rows = bob.rows.clone();
    alice.state.as_mut().unwrap().head.own_leaf = LeafIndex(0);
    let third = alice.evil_commit(&Evil::of([add(again("carol").key_package())]));
    let mut reopened = bob.clone();
    reopened.reopen();
    reopened.must_refuse(&third.message, MisbehaviorError::AddOfMember);
    bob.must_refuse(&third.message, MisbehaviorError::AddOfMember);
}

// breaks: R199
#[test]
fn two_members_that_exchange_their_names_stay_members() {
    let (mut alice, mut bob, mut carol) = trio();
    let dave = again("dave").key_package();
    let commit =
        alice.commit(&CommitSpec { proposals: vec![ProposalSpec::Add(dave)], ..CommitSpec::default() });
    alice.merge(&commit);
    bob.follow(commit.message());
    carol.follow(commit.message());
    let mut renamed = |client: &mut Client, name: &[u8]| {
        client.leaf.credential = Credential::basic(name);
        let sent = client.propose(&ProposalSpec::Update(Some(client.leaf.clone()), None));
        alice.notes(&sent.message);
        sent
    };
    let of_carol = renamed(&mut carol, b"bob");
    let of_bob = renamed(&mut bob, b"carol");
    bob.notes(&of_carol.message);
    carol.notes(&of_bob.message);
    let commit = alice.commit_and_merge(&CommitSpec::default());
    bob.follow(&commit);
    for name in ["bob", "carol"] {
        let commit = alice.evil_commit(&Evil::of([add(again(name).key_package())]));
        bob.must_refuse(&commit.message, MisbehaviorError::AddOfMember);
    }
}
