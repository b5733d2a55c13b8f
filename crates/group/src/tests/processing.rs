//! A member's Commit as it is received (RFC 9420 §12.4, §12.4.2), and the paths in it (§7.5, §7.6).

use super::{driver::*, evil::*};
use crate::leaf::sign_leaf;
use crate::psk::psk_row;
use pleach_framing::FramingError;
use pleach_tree::TreeError;
use pleach_wire::{HpkeCiphertext, MlsMessage, NodeIndex, UpdatePathNode, WireFormat};

type LeafChange = Box<dyn Fn(&mut LeafNode)>;

fn leaf(change: impl Fn(&mut LeafNode) + 'static) -> Evil {
    let leaf: LeafChange = Box::new(change);
    Evil { leaf, ..Evil::default() }
}

fn path_nodes(change: impl Fn(&mut Vec<UpdatePathNode>) + 'static) -> Evil {
    let update_path: Box<dyn Fn(&mut pleach_wire::UpdatePath)> = Box::new(move |path| {
        let mut nodes = path.nodes.to_vec();
        change(&mut nodes);
        path.nodes = nodes.into();
    });
    Evil { update_path, ..Evil::default() }
}

// breaks: R219, R220
#[test]
fn refuses_an_empty_commit_without_a_path() {
    let (mut alice, bob, _) = trio();
    let bad = (Evil::of([]).without_path(), MisbehaviorError::MissingPath);
    alice.bad_and_good(&bob, bad, Evil::of([]));
}

// breaks: R220
#[test]
fn refuses_a_commit_whose_proposals_demand_a_path() {
    let (mut alice, mut bob, mut carol) = trio();
    for proposal in [remove(2), extensions(vec![])] {
        let bad = (Evil::of([proposal.clone()]).without_path(), MisbehaviorError::MissingPath);
        alice.bad_and_good(&bob, bad, Evil::of([proposal]));
    }
    let update = Proposal::Update(carol.evil_update(|_| ()));
    let (message, reference) = carol.own_proposal(update);
    alice.notes(&message);
    bob.notes(&message);
    let by_reference = |path| Evil { proposals: vec![reference.clone()], path, ..Evil::default() };
    alice.bad_and_good(&bob, (by_reference(false), MisbehaviorError::MissingPath), by_reference(true));
}

// breaks: R221, R224
#[test]
fn a_path_is_optional_with_adds_psks_and_reinit() {
    let (mut alice, mut bob, _) = trio();
    for client in [&mut alice, &mut bob] {
        client.rows.insert(RecordKey::ExternalPsk(b"id".to_vec()), psk_row(&Secret::copy_from(b"shared")));
    }
    let dave = Client::new("dave", SUITE_1, &in_public()).key_package();
    let lists =
        [vec![add(dave)], vec![external_psk(b"id", 32)], vec![reinit(ProtocolVersion::MLS10, vec![])]];
    for list in lists {
        bob.must_follow(&alice.clone().evil_commit(&Evil::of(list.clone())));
        bob.must_follow(&alice.clone().evil_commit(&Evil::of(list.clone()).without_path()));
    }
    // Without a path, the commit secret is zero, and nothing else.
    let (message, other) = {
        let list = [external_psk(b"id", 32)];
        let made = alice.clone().evil_commit(&Evil::of(list.clone()).without_path());
        (
            made.message,
            alice.evil_commit(&Evil { init_secret: Some(Secret::zero(32)), ..Evil::of(list).without_path() }),
        )
    };
    bob.would_follow(&message);
    bob.must_refuse(&other.message, MisbehaviorError::ConfirmationTag);
}

// breaks: R229, R178
#[test]
fn refuses_a_commit_of_another_epoch() {
    let (mut alice, mut bob, _) = trio();
    let late = alice.clone().evil_commit(&Evil::default());
    let update = alice.commit_and_merge(&CommitSpec { force_path: true, ..CommitSpec::default() });
    bob.follow(&update);
    bob.must_refuse(&late.message, GroupError::WrongEpoch { current: 2, message: 1 });
    // One of the future is not for now: it is neither refused for good nor processed.
    let future =
        alice.evil_commit(&Evil { content: Box::new(|content| content.epoch = 3), ..Evil::default() });
    let before = bob.rows.clone();
    assert!(matches!(bob.receive(&future.message), Ok(Incoming::Future { epoch: 3 })));
    assert_eq!(before, bob.rows);
    bob.must_follow(&alice.evil_commit(&Evil::default()));
}

// breaks: R048
#[test]
fn refuses_a_commit_of_another_group() {
    let (mut alice, bob, _) = trio();
    let content: Box<dyn Fn(&mut pleach_wire::FramedContent)> =
        Box::new(|content| content.group_id = b"other".into());
    alice.bad_and_good(&bob, (Evil { content, ..Evil::default() }, GroupError::WrongGroup), Evil::default());
}

// breaks: R230, R231
#[test]
fn a_commit_that_fails_at_any_step_changes_nothing() {
    fails_at_any_step(SUITE_1);
}

// breaks: R230, R231
#[test]
fn a_commit_that_fails_at_any_step_changes_nothing_in_suite_2() {
    fails_at_any_step(SUITE_2);
}

fn fails_at_any_step(suite: CipherSuiteId) {
    let (mut alice, bob, carol) = trio_with(suite, &in_public(), Extensions::default(), &|_| ());
    let carols = Arc::clone(&carol.signer);
    let flip: fn(&Opaque) -> Opaque = |bytes| {
        let mut bytes = bytes.to_vec();
        bytes[0] ^= 1;
        bytes.into()
    };
    let evils: Vec<(Evil, GroupError)> = vec![
        (
            Evil { auth: Box::new(move |auth| auth.signature = flip(&auth.signature)), ..Evil::default() },
            FramingError::InvalidSignature.into(),
        ),
        (Evil { signer: Some(carols), ..leaf(|_| ()) }, FramingError::InvalidSignature.into()),
        (Evil::of([remove(9)]), MisbehaviorError::RemoveOfBlank(LeafIndex(9)).into()),
        (Evil::of([external_psk(b"none", 32)]), IncompatibleError::MissingPsk.into()),
        (Evil::of([]).without_path(), MisbehaviorError::MissingPath.into()),
        (
            leaf(|leaf| leaf.leaf_node_source = LeafNodeSource::Update),
            MisbehaviorError::LeafNodeSource.into(),
        ),
        (
            leaf(|leaf| {
                leaf.leaf_node_source = LeafNodeSource::Commit { parent_hash: Opaque::from(&[0; 32]) };
            }),
            TreeError::ParentHashMismatch.into(),
        ),
        (
            path_nodes(|nodes| {
                nodes.pop();
            }),
            TreeError::PathLength { expected: 2, found: 1 }.into(),
        ),
        (
            path_nodes(|nodes| {
                let mut sealed = nodes[0].encrypted_path_secret.to_vec();
                sealed[0].ciphertext = Opaque::from(&[0; 48]);
                nodes[0].encrypted_path_secret = sealed.into();
            }),
            TreeError::PathSecretDecryption.into(),
        ),
        (
            Evil { context: Box::new(|context| context.epoch += 1), ..Evil::default() },
            TreeError::PathSecretDecryption.into(),
        ),
        (
            Evil { init_secret: Some(Secret::zero(32)), ..Evil::default() },
            MisbehaviorError::ConfirmationTag.into(),
        ),
        (
            Evil {
                auth: Box::new(move |auth| auth.confirmation_tag = auth.confirmation_tag.as_ref().map(flip)),
                ..Evil::default()
            },
            MisbehaviorError::ConfirmationTag.into(),
        ),
    ];
    for (evil, error) in evils {
        bob.must_refuse(&alice.clone().evil_commit(&evil).message, error);
    }
    // The confirmation tag is neither too short nor too long.
    for len in [0, 31, 33] {
        let evil = Evil {
            auth: Box::new(move |auth| {
                let tag = auth.confirmation_tag.as_ref().unwrap();
                let tag: Vec<u8> = tag.iter().copied().chain([0]).take(len).collect();
                auth.confirmation_tag = Some(tag.into());
            }),
            ..Evil::default()
        };
        bob.must_refuse(&alice.clone().evil_commit(&evil).message, MisbehaviorError::ConfirmationTag);
    }
    bob.must_follow(&alice.evil_commit(&Evil::default()));
}

// breaks: R230, R055, R147
#[test]
fn a_private_commit_that_fails_uses_up_no_key() {
    let (mut alice, bob, _) = trio();
    let private = |evil: Evil| Evil { wire_format: WireFormat::PRIVATE_MESSAGE, ..evil };
    let mut before = alice.clone();
    let bad = alice.evil_commit(&private(Evil { init_secret: Some(Secret::zero(32)), ..Evil::default() }));
    let mut bob = bob;
    assert_eq!(bob.refuses(&bad.message), MisbehaviorError::ConfirmationTag.into());
    let unsigned = Evil { auth: Box::new(|auth| auth.signature = Opaque::from(&[0; 64])), ..Evil::default() };
    let bad = before.clone().evil_commit(&private(unsigned));
    assert_eq!(bob.refuses(&bad.message), FramingError::InvalidSignature.into());
    // The same generation, by the honest one.
    bob.must_follow(&before.evil_commit(&private(Evil::default())));
}

// breaks: R233, R039
#[test]
fn refuses_a_commit_of_a_leaf_that_is_blank() {
    let (mut alice, mut bob, mut carol) = trio();
    let removal = alice.clone().commit_and_merge(&CommitSpec {
        proposals: vec![ProposalSpec::Remove(LeafIndex(2))],
        ..CommitSpec::default()
    });
    bob.follow(&removal);
    // Carol knows the new epoch's secrets by treason; her leaf is gone all the same.
    carol.state = bob.state.clone();
    carol.rows = bob.rows.clone();
    for sender in [2, 3, 1 << 20, u32::MAX] {
        let content: Box<dyn Fn(&mut pleach_wire::FramedContent)> =
            Box::new(move |content| content.sender = Sender::Member(LeafIndex(sender)));
        let commit = carol.evil_commit(&Evil { content, ..Evil::default() });
        let refused = bob.would_refuse(&commit.message);
        assert!(
            refused == MisbehaviorError::SenderNotMember.into()
                || matches!(refused, GroupError::Tree(TreeError::LeafOutOfRange(_))),
            "{refused}"
        );
    }
    let merged = alice.commit_and_merge(&CommitSpec { force_path: true, ..CommitSpec::default() });
    assert!(matches!(bob.receive(&merged), Err(GroupError::WrongEpoch { .. })));
}

// breaks: R233
#[test]
fn an_own_commit_is_merged_from_its_row_and_never_processed() {
    let (mut alice, mut bob, _) = trio();
    let pending = alice.commit(&CommitSpec { force_path: true, ..CommitSpec::default() });
    let before = alice.rows.clone();
    let received = alice.receive(pending.message()).unwrap();
    assert!(matches!(received, Incoming::OwnCommit(hash) if hash == pending.hash()));
    assert_eq!(before, alice.rows);
    let mut forgetful = alice.clone();
    forgetful.run(|state, _, _, _| Ok(state.discard_pending(pending.hash()))).unwrap();
    forgetful.must_refuse(pending.message(), MisbehaviorError::UnknownOwnCommit);
    alice.merge(&pending);
    bob.follow(pending.message());
    assert_eq!(alice.authenticator(), bob.authenticator());
}

// breaks: R232
#[test]
fn one_who_is_removed_keeps_nothing_and_can_do_nothing() {
    let (mut alice, mut bob, mut carol) = trio();
    carol.send(b"before").unwrap();
    let removal = alice.commit_and_merge(&CommitSpec {
        proposals: vec![ProposalSpec::Remove(LeafIndex(2))],
        ..CommitSpec::default()
    });
    let summary = carol.follow(&removal);
    assert!(summary.removed_us);
    assert_eq!(carol.state().status(), &Status::Removed);
    let left: Vec<_> = carol.rows.keys().filter(|key| !matches!(key, RecordKey::ResumptionPsk(..))).collect();
    assert_eq!(left, [&RecordKey::Head, &RecordKey::Epoch(1)]);
    carol.reopen();
    let gone = || GroupError::from(MisuseError::NotMember);
    assert_eq!(carol.send(b"after").unwrap_err(), gone());
    assert_eq!(carol.try_propose(&ProposalSpec::Remove(LeafIndex(0))).unwrap_err(), gone());
    assert_eq!(carol.try_commit(&CommitSpec::default()).unwrap_err(), gone());
    assert_eq!(carol.state().epoch_authenticator().unwrap_err(), gone());
    assert_eq!(carol.receive(&removal).unwrap_err(), gone());
    assert!(!bob.follow(&removal).removed_us);
}

// breaks: R082
#[test]
fn refuses_a_path_that_keeps_the_committers_encryption_key() {
    let (mut alice, bob, _) = trio();
    let old = bob.member(LeafIndex(0)).leaf_node.encryption_key.clone();
    let evil = leaf(move |leaf| leaf.encryption_key = old.clone());
    alice.bad_and_good(&bob, (evil, MisbehaviorError::EncryptionKeyUnchanged), Evil::default());
}

// breaks: R083, R101
#[test]
fn refuses_a_path_with_a_key_of_another_member() {
    let (mut alice, bob, carol) = trio();
    let taken = carol.member(LeafIndex(2)).leaf_node.encryption_key.clone();
    let evil = leaf(move |leaf| leaf.encryption_key = taken.clone());
    alice.bad_and_good(&bob, (evil, TreeError::PathKeyReused), Evil::default());
    // Carol lends Alice her signature key.
    let (signer, suite) = (Arc::clone(&carol.signer), bob.suite);
    let signed_leaf: Box<dyn Fn(Kept<LeafNode>) -> Kept<LeafNode>> = Box::new(move |leaf| {
        let mut leaf = leaf.into_value();
        leaf.signature_key = signer.public().into();
        sign_leaf(&suite, &*signer, leaf, (b"group", LeafIndex(0))).unwrap()
    });
    let evil = Evil { signed_leaf, ..Evil::default() };
    alice.bad_and_good(&bob, (evil, MisbehaviorError::DuplicateSignatureKey), Evil::default());
}

// breaks: R080, R090
#[test]
fn refuses_a_path_whose_leaf_is_of_another_source() {
    let (mut alice, bob, _) = trio();
    let lifetime = Lifetime { not_before: 0, not_after: 2 * NOW };
    for source in [LeafNodeSource::Update, LeafNodeSource::KeyPackage(lifetime)] {
        let evil = leaf(move |leaf| leaf.leaf_node_source = source.clone());
        alice.bad_and_good(&bob, (evil, MisbehaviorError::LeafNodeSource), Evil::default());
    }
}

// breaks: R093, R094
#[test]
fn refuses_a_path_of_another_shape() {
    let (mut alice, bob, _) = trio();
    let none = path_nodes(Vec::clear);
    let error = TreeError::PathLength { expected: 2, found: 0 };
    alice.bad_and_good(&bob, (none, error), Evil::default());
    let longer = path_nodes(|nodes| {
        let key = pleach_wire::HpkePublicKey::from(&[3; 32]);
        nodes.push(UpdatePathNode { encryption_key: key, encrypted_path_secret: vec![].into() });
    });
    alice.bad_and_good(&bob, (longer, TreeError::PathLength { expected: 2, found: 3 }), Evil::default());
    // Of the entry that is not addressed to Bob, too.
    for (entry, node) in [(0, NodeIndex(1)), (1, NodeIndex(3))] {
        let fewer = path_nodes(move |nodes| nodes[entry].encrypted_path_secret = vec![].into());
        let error = TreeError::CiphertextCount { node, expected: 1, found: 0 };
        alice.bad_and_good(&bob, (fewer, error), Evil::default());
    }
    let more = path_nodes(|nodes| {
        let mut sealed: Vec<HpkeCiphertext> = nodes[1].encrypted_path_secret.to_vec();
        sealed.push(sealed[0].clone());
        nodes[1].encrypted_path_secret = sealed.into();
    });
    let error = TreeError::CiphertextCount { node: NodeIndex(3), expected: 1, found: 2 };
    alice.bad_and_good(&bob, (more, error), Evil::default());
}

// breaks: R096, R097, R101
#[test]
fn refuses_a_path_that_does_not_decrypt_to_its_keys() {
    let (mut alice, bob, _) = trio();
    let broken = path_nodes(|nodes| {
        let mut sealed = nodes[0].encrypted_path_secret.to_vec();
        sealed[0].kem_output = Opaque::from(&[1; 5]);
        nodes[0].encrypted_path_secret = sealed.into();
    });
    alice.bad_and_good(&bob, (broken, TreeError::PathSecretDecryption), Evil::default());
    let twice = path_nodes(|nodes| nodes[1].encryption_key = nodes[0].encryption_key.clone());
    alice.bad_and_good(&bob, (twice, TreeError::PathKeyReused), Evil::default());
    let invalid = path_nodes(|nodes| nodes[1].encryption_key = pleach_wire::HpkePublicKey::from(&[1; 4]));
    let commit = alice.clone().evil_commit(&invalid);
    assert!(matches!(bob.would_refuse(&commit.message), GroupError::Tree(_)));
}

// breaks: R095
#[test]
fn path_secrets_are_encrypted_for_the_next_epochs_context() {
    let (mut alice, bob, _) = trio();
    let context: Box<dyn Fn(&mut pleach_wire::GroupContext)> =
        Box::new(|context| context.confirmed_transcript_hash = Opaque::from(&[1; 32]));
    let evil = Evil { context, ..Evil::default() };
    alice.bad_and_good(&bob, (evil, TreeError::PathSecretDecryption), Evil::default());
}

// breaks: R110
#[test]
fn refuses_a_path_with_another_parent_hash() {
    let (mut alice, bob, _) = trio();
    for parent_hash in [Opaque::default(), Opaque::from(&[1; 32])] {
        let evil = leaf(move |leaf| {
            leaf.leaf_node_source = LeafNodeSource::Commit { parent_hash: parent_hash.clone() };
        });
        alice.bad_and_good(&bob, (evil, TreeError::ParentHashMismatch), Evil::default());
    }
}

/// The client, as if the group were in this epoch already.
fn moved_to(client: &Client, epoch: u64) -> Client {
    let mut client = client.clone();
    client.attach();
    let mut state = client.state.clone().unwrap();
    let context = pleach_wire::GroupContext { epoch, ..(*state.context).clone() };
    state.context_bytes = encode(&context).unwrap().into();
    state.context = context.into();
    state.head.first_psk = epoch;
    client.state = Some(state);
    client
}

// breaks: R117
#[test]
fn the_last_epoch_does_not_wrap() {
    let (alice, bob, _) = trio();
    let spec = CommitSpec { force_path: true, ..CommitSpec::default() };
    let refused = moved_to(&alice, u64::MAX).try_commit(&spec).unwrap_err();
    assert_eq!(refused, MisbehaviorError::EpochOverflow.into());
    let earlier = moved_to(&alice, u64::MAX - 1).evil_commit(&Evil::default());
    moved_to(&bob, u64::MAX - 1).must_follow(&earlier);
    // Made for the epoch before, signed and tagged for the last.
    let mut last = moved_to(&alice, u64::MAX);
    let (message, _) = last.evil_content(
        Sender::Member(LeafIndex(0)),
        pleach_wire::Content::Commit(pleach_wire::Commit {
            proposals: vec![ProposalOrRef::Proposal(external_psk(b"id", 32))].into(),
            path: None,
        }),
        &|_| (),
    );
    // Its rows are not of that epoch.
    let refused = moved_to(&bob, u64::MAX).would_refuse(&message);
    assert_eq!(refused, MisbehaviorError::EpochOverflow.into());
}

// breaks: R035
#[test]
fn refuses_application_data_in_public() {
    let (mut alice, mut bob, _) = trio();
    let content = pleach_wire::Content::Application(b"in the open".into());
    let (message, _) = alice.evil_content(Sender::Member(LeafIndex(0)), content, &|_| ());
    bob.must_refuse(&message, FramingError::PublicApplicationData);
    let private = alice.send(b"in private").unwrap();
    bob.hears(&private, b"in private");
}

// breaks: R036
#[test]
fn wire_formats_are_accepted_by_policy() {
    let (mut alice, bob, _) = trio();
    let public = alice.clone().evil_commit(&Evil::default());
    let private = alice.evil_commit(&Evil { wire_format: WireFormat::PRIVATE_MESSAGE, ..Evil::default() });
    let with = |wire| {
        let mut client = bob.clone();
        client.config.wire = wire;
        client
    };
    with(WirePolicy::PRIVATE).must_refuse(&public.message, MisbehaviorError::WireFormatRefused);
    with(WirePolicy::PRIVATE).must_follow(&private);
    with(WirePolicy::PUBLIC).must_refuse(&private.message, MisbehaviorError::WireFormatRefused);
    with(WirePolicy::PUBLIC).must_follow(&public);
    with(WirePolicy::MIXED).must_follow(&private);
    // What is sent by default is private.
    let mut carol = Client::new("carol", SUITE_1, &GroupConfig::default());
    carol.create(b"own", Extensions::default());
    let sent = carol.commit(&CommitSpec { force_path: true, ..CommitSpec::default() });
    let message: MlsMessage = decode(sent.message()).unwrap();
    assert_eq!(message.wire_format(), WireFormat::PRIVATE_MESSAGE);
}
