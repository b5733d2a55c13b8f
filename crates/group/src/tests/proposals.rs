//! Proposals by themselves (RFC 9420 §12.1), from members and from outside (§12.1.8), and the PSKs among them (§8.4).

use super::{driver::*, evil::*};
use crate::psk::psk_row;
use crate::{CredentialReason, CustomProposalRule};
use pleach_framing::FramingError;
use pleach_wire::{
    ExternalSender, ExternalSenders, GroupContext, Psk, ResumptionPskUsage, SignaturePublicKey,
};

fn dave() -> Client {
    Client::new("dave", SUITE_1, &in_public())
}

/// Alice, Bob and Carol, and a server that may propose.
fn with_server() -> (Client, Client, Client) {
    let mut server = Client::new("server", SUITE_1, &in_public());
    let senders = external_senders(&[&server]);
    let (alice, bob, _) = trio_with(SUITE_1, &in_public(), Extensions::from(vec![senders]), &|_| ());
    server.state = bob.state.clone();
    (alice, bob, server)
}

fn external_senders(servers: &[&Client]) -> Extension {
    let entry = |server: &&Client| ExternalSender {
        signature_key: SignaturePublicKey::from(server.signer.public()),
        credential: server.leaf.credential.clone(),
    };
    let external_senders = servers.iter().map(entry).collect();
    Extension::new(&ExternalSenders { external_senders }).unwrap()
}

// breaks: R178
#[test]
fn refuses_a_proposal_of_another_epoch() {
    let (mut alice, mut bob, mut carol) = trio();
    let (late, _) = carol.own_proposal(remove(0));
    let mut earlier = bob.clone();
    earlier.notes(&late);
    assert!(matches!(earlier.receive(&late), Ok(Incoming::Duplicate)));
    bob.follow(&alice.commit_and_merge(&CommitSpec { force_path: true, ..CommitSpec::default() }));
    bob.must_refuse(&late, GroupError::WrongEpoch { current: 2, message: 1 });
}

// breaks: R178, R044, R047, R039
#[test]
fn refuses_a_proposal_that_is_not_authentic() {
    let (_, bob, mut carol) = trio();
    let content = |carol: &mut Client, sender| {
        carol.evil_content(Sender::Member(LeafIndex(sender)), proposal(remove(0)), &|_| ()).0
    };
    bob.must_refuse(&content(&mut carol, 0), FramingError::InvalidSignature);
    bob.must_refuse(&content(&mut carol, 3), MisbehaviorError::SenderNotMember);
    let good = content(&mut carol, 2);
    bob.would_note(&good);
    for at in [good.len() - 1, good.len() - 40] {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        bob.must_refuse(&flipped, FramingError::InvalidMembershipTag);
    }
}

fn proposal(proposal: Proposal) -> pleach_wire::Content {
    pleach_wire::Content::Proposal(proposal)
}

// breaks: R179, R027
#[test]
fn refuses_a_proposal_to_add_an_invalid_key_package() {
    let (_, bob, mut carol) = trio();
    let key_package = dave().key_package();
    let forged = key_package.clone().with_signature(Opaque::from(&[0; 64])).unwrap();
    let (bad, _) = carol.own_proposal(add(forged));
    bob.must_refuse(&bad, MisbehaviorError::KeyPackageSignature);
    let (good, _) = carol.own_proposal(add(key_package));
    let received = bob.would_note(&good);
    assert_eq!(received.credentials[0].reason, CredentialReason::Add);
    assert_eq!(received.credentials[0].new, Credential::basic(b"dave"));
}

// breaks: R181, R080, R081
#[test]
fn refuses_a_proposal_to_update_to_an_invalid_leaf() {
    let (_, bob, mut carol) = trio();
    let old = bob.member(LeafIndex(2)).leaf_node;
    let cases: Vec<LeafCase<MisbehaviorError>> = vec![
        (
            Box::new(move |leaf| leaf.encryption_key = old.encryption_key.clone()),
            MisbehaviorError::EncryptionKeyUnchanged,
        ),
        (
            Box::new(|leaf| {
                leaf.leaf_node_source = LeafNodeSource::Commit { parent_hash: Opaque::default() };
            }),
            MisbehaviorError::LeafNodeSource,
        ),
        (
            Box::new(|leaf| {
                leaf.leaf_node_source =
                    LeafNodeSource::KeyPackage(Lifetime { not_before: 0, not_after: 2 * NOW });
            }),
            MisbehaviorError::LeafNodeSource,
        ),
    ];
    for (change, error) in cases {
        let update = Proposal::Update(carol.evil_update(|leaf| change(leaf)));
        let (bad, _) = carol.own_proposal(update);
        bob.must_refuse(&bad, error);
    }
    let (good, _) = {
        let update = Proposal::Update(carol.evil_update(|_| ()));
        carol.own_proposal(update)
    };
    bob.would_note(&good);
}

// breaks: R074
#[test]
fn refuses_an_update_whose_leaf_is_signed_with_another_key() {
    let (alice, bob, mut carol) = trio();
    let own = Arc::clone(&carol.signer);
    let mut update = |signer: &Arc<dyn Signer>| {
        let leaf = carol.evil_update(|_| ()).leaf_node.into_value();
        let place = (&b"group"[..], LeafIndex(2));
        let leaf_node = crate::leaf::sign_leaf(&carol.suite, &**signer, leaf, place).unwrap();
        carol.own_proposal(Proposal::Update(Update { leaf_node })).0
    };
    bob.must_refuse(&update(&alice.signer), MisbehaviorError::LeafNodeSignature);
    bob.would_note(&update(&own));
}

// breaks: R070
#[test]
fn refuses_an_update_signed_for_another_group_or_leaf() {
    let (_, bob, mut carol) = trio();
    let mut update = |group_id: &[u8], index: u32| {
        let leaf = carol.evil_update(|_| ()).leaf_node.into_value();
        let place = (group_id, LeafIndex(index));
        let leaf_node = crate::leaf::sign_leaf(&carol.suite, &*carol.signer, leaf, place).unwrap();
        carol.own_proposal(Proposal::Update(Update { leaf_node })).0
    };
    bob.must_refuse(&update(b"other", 2), MisbehaviorError::LeafNodeSignature);
    bob.must_refuse(&update(b"group", 1), MisbehaviorError::LeafNodeSignature);
    bob.would_note(&update(b"group", 2));
}

// breaks: R028, R029, R031, R032
#[test]
fn a_new_credential_is_to_be_answered_for_together_with_the_old_one() {
    let (mut alice, mut bob, mut carol) = trio();
    let same = Proposal::Update(carol.evil_update(|_| ()));
    let (message, _) = carol.own_proposal(same);
    assert!(bob.would_note(&message).credentials.is_empty(), "there is nothing new");
    let new = Credential::basic(b"carol of the new house");
    let replaces = |check: &crate::CredentialCheck, reason, old: &[u8]| {
        let (old_credential, _) = check.old.clone().unwrap();
        assert_eq!((check.reason, old_credential, &check.new), (reason, Credential::basic(old), &new));
    };
    let credential = new.clone();
    let update = Proposal::Update(carol.evil_update(|leaf| leaf.credential = credential));
    let (message, reference) = carol.own_proposal(update);
    let received = bob.notes(&message);
    replaces(&received.credentials[0], CredentialReason::Update, b"carol");
    // The Commit asks again: whoever merges it answers for what it holds.
    alice.notes(&message);
    let commit = alice.clone().evil_commit(&Evil { proposals: vec![reference], ..Evil::default() });
    let staged = match bob.clone().receive(&commit.message).unwrap() {
        Incoming::Commit(staged) => staged,
        other => panic!("{other:?}"),
    };
    replaces(&staged.credentials()[0], CredentialReason::Update, b"carol");
    let credential = new.clone();
    let commit = alice.evil_commit(&Evil {
        leaf: Box::new(move |leaf| leaf.credential = credential.clone()),
        ..Evil::default()
    });
    let staged = match bob.receive(&commit.message).unwrap() {
        Incoming::Commit(staged) => staged,
        other => panic!("{other:?}"),
    };
    replaces(&staged.credentials()[0], CredentialReason::Commit, b"alice");
}

// breaks: R183
#[test]
fn refuses_a_proposal_to_remove_nobody() {
    let (_, bob, mut carol) = trio();
    let (blank, _) = carol.own_proposal(remove(3));
    bob.must_refuse(&blank, MisbehaviorError::RemoveOfBlank(LeafIndex(3)));
    for outside in [4, 1 << 31, u32::MAX] {
        let (message, _) = carol.own_proposal(remove(outside));
        assert!(matches!(bob.would_refuse(&message), GroupError::Misbehavior(_) | GroupError::Tree(_)));
    }
    let (good, _) = carol.own_proposal(remove(0));
    bob.would_note(&good);
}

// breaks: R185
#[test]
fn refuses_an_external_init_by_itself() {
    let (_, bob, mut carol) = trio();
    let (message, _) = carol.own_proposal(external_init(vec![1; 32]));
    bob.must_refuse(&message, MisbehaviorError::UnexpectedExternalInit);
}

// breaks: R186
#[test]
fn a_list_of_extensions_replaces_the_old_one() {
    let senders = external_senders(&[&dave()]);
    let (mut alice, mut bob, _) = trio_with(SUITE_1, &in_public(), Extensions::from(vec![senders]), &|_| ());
    let required = Extension::new(&pleach_wire::RequiredCapabilities::default()).unwrap();
    let commit = alice.evil_commit(&Evil::of([extensions(vec![required.clone()])]));
    bob.must_follow(&commit);
    bob.follow(&commit.message);
    assert_eq!(bob.state().context().extensions.to_vec(), [required]);
}

// breaks: R187
#[test]
fn refuses_two_extensions_of_one_type_wherever_they_are() {
    let both = |client: &mut Client| {
        client.leaf.capabilities = supporting(&client.leaf.capabilities, &[UNKNOWN], &[], &[]);
    };
    let (_, bob, mut carol) = trio_with(SUITE_1, &in_public(), Extensions::default(), &both);
    let mut dave = dave();
    both(&mut dave);
    let lists = |twice: bool| {
        let list = vec![unknown_extension(UNKNOWN); if twice { 2 } else { 1 }];
        let mut client = dave.clone();
        let (in_leaf, in_package) = (list.clone(), list.clone());
        let leaf = client.changed_key_package(|leaf| leaf.extensions = in_leaf.into(), |_| ());
        let package = client.changed_key_package(|_| (), |package| package.extensions = in_package.into());
        let update = carol.evil_update(|leaf| leaf.extensions = list.clone().into());
        vec![
            add(leaf),
            add(package),
            Proposal::Update(update),
            extensions(list.clone()),
            reinit(ProtocolVersion::MLS10, list),
        ]
    };
    let (bad, good) = (lists(true), lists(false));
    for (bad, good) in bad.into_iter().zip(good) {
        let (message, _) = carol.own_proposal(bad);
        bob.must_refuse(&message, MisbehaviorError::DuplicateExtension(ExtensionType(UNKNOWN)));
        let (message, _) = carol.own_proposal(good);
        bob.would_note(&message);
    }
}

// breaks: R167
#[test]
fn refuses_a_reinit_to_an_older_version() {
    let (mut alice, bob, mut carol) = trio();
    let (older, same) = (reinit(ProtocolVersion(0), vec![]), reinit(ProtocolVersion::MLS10, vec![]));
    let (message, _) = carol.own_proposal(older.clone());
    bob.must_refuse(&message, MisbehaviorError::ReInitVersion);
    let (message, _) = carol.own_proposal(same.clone());
    bob.would_note(&message);
    alice.bad_and_good(&bob, (Evil::of([older]), MisbehaviorError::ReInitVersion), Evil::of([same]));
}

// breaks: R189, R040
#[test]
fn refuses_an_external_sender_that_the_group_does_not_know() {
    let (mut alice, mut bob, mut server) = with_server();
    let (good, _) = server.evil_proposal(Sender::External(0), remove(2));
    bob.would_note(&good);
    for index in [1, u32::MAX] {
        let (message, _) = server.evil_proposal(Sender::External(index), remove(2));
        bob.must_refuse(&message, MisbehaviorError::UnknownExternalSender);
    }
    // Once the list is gone, so is the right.
    let commit = alice.commit_and_merge(&CommitSpec {
        proposals: vec![ProposalSpec::GroupContextExtensions(Extensions::default())],
        ..CommitSpec::default()
    });
    bob.follow(&commit);
    server.state = bob.state.clone();
    let (message, _) = server.evil_proposal(Sender::External(0), remove(2));
    bob.must_refuse(&message, MisbehaviorError::UnknownExternalSender);
}

// breaks: R041, R188
#[test]
fn refuses_what_an_external_sender_may_not_propose() {
    let (_, bob, mut server) = with_server();
    let update = Update { leaf_node: dave().key_package().leaf_node.clone() };
    for bad in [Proposal::Update(update), external_init(vec![1]), custom(b"data")] {
        let (message, _) = server.evil_proposal(Sender::External(0), bad);
        bob.must_refuse(&message, FramingError::ExternalSenderProposalType);
    }
    let good = [
        add(dave().key_package()),
        remove(2),
        external_psk(b"id", 32),
        reinit(ProtocolVersion::MLS10, vec![]),
        extensions(vec![]),
    ];
    for good in good {
        let (message, _) = server.evil_proposal(Sender::External(0), good);
        bob.would_note(&message);
    }
    let (commit, _) = server.evil_content(
        Sender::External(0),
        pleach_wire::Content::Commit(pleach_wire::Commit { proposals: vec![].into(), path: None }),
        &|_| (),
    );
    bob.must_refuse(&commit, FramingError::ExternalSenderContent);
}

struct Open;

impl Rules for Open {
    fn allow_proposal(&self, _: &GroupContext, _: &Sender, _: &Proposal) -> Result<(), GroupError> {
        Ok(())
    }
}

// breaks: R190, R043
#[test]
fn a_new_member_may_propose_itself_only_if_the_application_says_so() {
    let (_, bob, _) = trio();
    let mut dave = dave();
    dave.state = bob.state.clone();
    let key_package = dave.key_package();
    let (message, _) = dave.evil_proposal(Sender::NewMemberProposal, add(key_package));
    bob.must_refuse(&message, GroupError::Denied("new members may not propose themselves"));
    let mut open = bob;
    open.rules = &Open;
    open.would_note(&message);
    // Nothing but its own addition, signed with its own key.
    let (other, _) = dave.evil_proposal(Sender::NewMemberProposal, remove(2));
    open.must_refuse(&other, FramingError::NewMemberProposalContent);
    let other = Client::new("erin", SUITE_1, &in_public()).key_package();
    let (other, _) = dave.evil_proposal(Sender::NewMemberProposal, add(other));
    open.must_refuse(&other, FramingError::InvalidSignature);
}

#[test]
fn a_flood_of_proposals_is_bounded() {
    let (_, mut bob, mut carol) = trio();
    bob.config.member_proposals = 2;
    for id in [b"1", b"2"] {
        let (message, _) = carol.own_proposal(external_psk(id, 32));
        bob.notes(&message);
    }
    let (message, _) = carol.own_proposal(external_psk(b"3", 32));
    bob.must_refuse(&message, MisbehaviorError::TooManyProposals);
}

struct KnowsCustom;

impl Rules for KnowsCustom {
    fn custom_proposal(&self, _: ProposalType) -> Option<CustomProposalRule> {
        Some(CustomProposalRule { path_required: false, external: false })
    }
}

// breaks: R264, R265
#[test]
fn grease_is_never_proposed() {
    let (mut alice, bob, mut carol) = trio();
    let spec = ProposalSpec::Custom(ProposalType(0x1A1A), Vec::new());
    assert_eq!(alice.try_propose(&spec).unwrap_err(), MisuseError::Grease.into());
    let grease = Extensions::from(vec![unknown_extension(0x1A1A)]);
    let error = GroupError::from(IncompatibleError::OwnExtension(ExtensionType(0x1A1A)));
    let spec = ProposalSpec::GroupContextExtensions(grease.clone());
    assert_eq!(alice.try_propose(&spec).unwrap_err(), error);
    assert_eq!(dave().try_create(b"own", grease).unwrap_err(), error);
    // Received, it is what any unsupported type is.
    let (message, _) = carol.own_proposal(extensions(vec![unknown_extension(0x1A1A)]));
    bob.must_refuse(&message, error);
    let (message, _) = carol.own_proposal(custom(b"data"));
    bob.must_refuse(&message, IncompatibleError::Proposal(ProposalType(UNKNOWN)));
    let mut knows = bob;
    knows.rules = &KnowsCustom;
    knows.notes(&message);
}

// Pre-shared keys.

fn resumption(usage: ResumptionPskUsage, epoch: u64) -> Psk {
    Psk::Resumption { usage, psk_group_id: b"group".into(), psk_epoch: epoch }
}

// breaks: R127
#[test]
fn refuses_a_psk_with_a_nonce_of_another_length() {
    let (mut alice, mut bob, mut carol) = trio();
    for client in [&mut alice, &mut bob] {
        client.rows.insert(RecordKey::ExternalPsk(b"id".to_vec()), psk_row(&Secret::copy_from(b"shared")));
    }
    for nonce in [0, 31, 33] {
        let (message, _) = carol.own_proposal(external_psk(b"id", nonce));
        bob.must_refuse(&message, MisbehaviorError::PskNonce);
        let bad = (Evil::of([external_psk(b"id", nonce)]), MisbehaviorError::PskNonce);
        alice.bad_and_good(&bob, bad, Evil::of([external_psk(b"id", 32)]));
    }
}

// breaks: R130, R173, R177
#[test]
fn refuses_a_psk_of_a_usage_that_is_not_for_proposals() {
    let (mut alice, bob, mut carol) = trio();
    for usage in [ResumptionPskUsage::Reinit, ResumptionPskUsage::Branch] {
        let bad = psk(resumption(usage, 1), 32);
        let (message, _) = carol.own_proposal(bad.clone());
        bob.must_refuse(&message, MisbehaviorError::PskUsage);
        let good = psk(resumption(ResumptionPskUsage::Application, 1), 32);
        alice.bad_and_good(&bob, (Evil::of([bad]), MisbehaviorError::PskUsage), Evil::of([good]));
    }
}

// breaks: R131
#[test]
fn refuses_one_psk_twice() {
    let (mut alice, mut bob, _) = trio();
    for client in [&mut alice, &mut bob] {
        client.rows.insert(RecordKey::ExternalPsk(b"id".to_vec()), psk_row(&Secret::copy_from(b"shared")));
    }
    let psk = || external_psk(b"id", 32);
    let mut other = psk();
    if let Proposal::PreSharedKey(psk) = &mut other {
        psk.psk.psk_nonce = Opaque::from(&[8; 32]);
    }
    let bad = (Evil::of([psk(), psk()]), MisbehaviorError::DuplicatePsk);
    alice.bad_and_good(&bob, bad, Evil::of([psk(), other]));
}

// breaks: R132
#[test]
fn refuses_a_commit_with_a_psk_that_is_not_held() {
    let (mut alice, mut bob, _) = trio();
    let commit = alice.clone().evil_commit(&Evil::of([external_psk(b"id", 32)]));
    bob.must_refuse(&commit.message, IncompatibleError::MissingPsk);
    let secret = psk_row(&Secret::zero(32));
    bob.rows.insert(RecordKey::ExternalPsk(b"id".to_vec()), secret);
    bob.must_follow(&commit);
    // A wrong value is as good as none.
    let wrong = psk_row(&Secret::copy_from(b"wrong"));
    bob.rows.insert(RecordKey::ExternalPsk(b"id".to_vec()), wrong);
    bob.must_refuse(&commit.message, MisbehaviorError::ConfirmationTag);
    let future = psk(resumption(ResumptionPskUsage::Application, 9), 32);
    let commit = alice.evil_commit(&Evil::of([future]));
    bob.must_refuse(&commit.message, IncompatibleError::MissingPsk);
}

// breaks: R129, R133
#[test]
fn resumption_psks_of_old_epochs_are_evicted() {
    let config = GroupConfig { resumption_psks: 2, ..in_public() };
    let (mut alice, mut bob, _) = trio_with(SUITE_1, &config, Extensions::default(), &|_| ());
    let psk_of = |client: &Client, epoch| {
        client.rows.get(&RecordKey::ResumptionPsk(b"group".to_vec(), epoch)).map(|row| row.to_vec())
    };
    let first = psk_of(&bob, 1).unwrap();
    let own = bob.state().secrets().unwrap().resumption_psk().clone();
    assert_eq!((psk_row(&own).to_vec(), &first), (first.clone(), &psk_of(&alice, 1).unwrap()));
    for _ in 0..2 {
        bob.follow(&alice.commit_and_merge(&CommitSpec { force_path: true, ..CommitSpec::default() }));
    }
    assert_eq!([1, 2, 3].map(|epoch| psk_of(&bob, epoch).is_some()), [false, true, true]);
    for (epoch, held) in [(2, true), (3, true), (1, false)] {
        let psk = psk(resumption(ResumptionPskUsage::Application, epoch), 32);
        let commit = alice.clone().evil_commit(&Evil::of([psk]));
        if held {
            bob.must_follow(&commit);
        } else {
            bob.must_refuse(&commit.message, IncompatibleError::MissingPsk);
        }
    }
}
