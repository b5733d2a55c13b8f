//! Lists of proposals in the Commit of a member (RFC 9420 §12.2).

use super::{driver::*, evil::*};
use crate::CustomProposalRule;
use pleach_wire::{GroupContext, RequiredCapabilities};

fn dave() -> Client {
    Client::new("dave", SUITE_1, &in_public())
}

// breaks: R194, R179
#[test]
fn refuses_a_list_with_one_invalid_proposal() {
    let (mut alice, bob, _) = trio();
    let good = dave().key_package();
    let forged = good.clone().with_signature(Opaque::from(&[1; 64])).unwrap();
    alice.bad_and_good(
        &bob,
        (Evil::of([add(forged)]), MisbehaviorError::KeyPackageSignature),
        Evil::of([add(good)]),
    );
}

// breaks: R193
#[test]
fn a_committer_refuses_what_a_receiver_would() {
    let (mut alice, bob, _) = trio();
    let twice = [extensions(vec![]), extensions(vec![])];
    let evil = alice.clone().evil_commit(&Evil::of(twice));
    let received = bob.would_refuse(&evil.message);
    let one = || ProposalSpec::GroupContextExtensions(Extensions::default());
    alice.attach();
    let before = (alice.rows.clone(), alice.fingerprint());
    let spec = CommitSpec { proposals: vec![one(), one()], ..CommitSpec::default() };
    assert_eq!(alice.try_commit(&spec).unwrap_err(), received);
    assert_eq!(before, (alice.rows.clone(), alice.fingerprint()));
    let spec = CommitSpec { proposals: vec![one()], ..CommitSpec::default() };
    let commit = alice.commit(&spec);
    bob.would_follow(commit.message());
}

// breaks: R195
#[test]
fn refuses_an_update_by_the_committer() {
    let (mut alice, mut bob, _) = trio();
    let update = Proposal::Update(alice.evil_update(|_| ()));
    alice.bad_and_good(&bob, (Evil::of([update.clone()]), MisbehaviorError::CommitterUpdate), Evil::of([]));
    // By reference, too.
    let (message, reference) = alice.own_proposal(update);
    bob.notes(&message);
    let evil = Evil { proposals: vec![reference], ..Evil::default() };
    let commit = alice.evil_commit(&evil);
    bob.must_refuse(&commit.message, MisbehaviorError::CommitterUpdate);
}

// breaks: R195, R196
#[test]
fn a_committer_neither_updates_nor_removes_itself_by_a_proposal() {
    let (mut alice, bob, _) = trio();
    let spec = CommitSpec { proposals: vec![ProposalSpec::Update(None, None)], ..CommitSpec::default() };
    assert_eq!(alice.try_commit(&spec).unwrap_err(), MisuseError::Proposal.into());
    let spec = CommitSpec { proposals: vec![ProposalSpec::Remove(LeafIndex(0))], ..CommitSpec::default() };
    assert_eq!(alice.try_commit(&spec).unwrap_err(), MisuseError::SelfRemove.into());
    // Pending ones of its own are left out.
    alice.propose(&ProposalSpec::Update(None, None));
    alice.propose(&ProposalSpec::Remove(LeafIndex(0)));
    let commit = alice.commit(&CommitSpec::default());
    assert!(bob.would_follow(commit.message()).removed.is_empty());
}

// breaks: R196
#[test]
fn refuses_a_remove_of_the_committer() {
    let (mut alice, bob, _) = trio();
    let error = MisbehaviorError::CommitterRemove;
    alice.bad_and_good(&bob, (Evil::of([remove(0)]), error), Evil::of([remove(2)]));
    // Somebody else's proposal to do so cannot be taken up either.
    let (mut alice, mut bob, mut carol) = trio();
    let (message, reference) = carol.own_proposal(remove(0));
    alice.notes(&message);
    bob.notes(&message);
    let commit = alice.evil_commit(&Evil { proposals: vec![reference], ..Evil::default() });
    bob.must_refuse(&commit.message, error);
}

// breaks: R197
#[test]
fn refuses_two_changes_of_one_leaf() {
    let (mut alice, mut bob, mut carol) = trio();
    let error = MisbehaviorError::DuplicateLeafChange(LeafIndex(2));
    alice.bad_and_good(&bob, (Evil::of([remove(2), remove(2)]), error), Evil::of([remove(2)]));

    let mut references = Vec::new();
    for _ in 0..2 {
        let update = Proposal::Update(carol.evil_update(|_| ()));
        let (message, reference) = carol.own_proposal(update);
        alice.notes(&message);
        bob.notes(&message);
        references.push(reference);
    }
    let both = Evil { proposals: references.clone(), ..Evil::default() };
    bob.must_refuse(&alice.clone().evil_commit(&both).message, error);
    references[1] = ProposalOrRef::Proposal(remove(2));
    let both = Evil { proposals: references.clone(), ..Evil::default() };
    bob.must_refuse(&alice.clone().evil_commit(&both).message, error);
    references.truncate(1);
    let one = Evil { proposals: references, ..Evil::default() };
    assert_eq!(bob.must_follow(&alice.evil_commit(&one)).updated, [LeafIndex(2), LeafIndex(0)]);
}

// breaks: R197
#[test]
fn a_committer_prefers_a_remove_and_else_the_latest_update() {
    let (mut alice, mut bob, mut carol) = trio();
    let mut last = Vec::new();
    for _ in 0..2 {
        let sent = carol.propose(&ProposalSpec::Update(None, None));
        alice.notes(&sent.message);
        bob.notes(&sent.message);
        last = sent.reference.unwrap();
    }
    let commit = alice.clone().commit(&CommitSpec::default());
    let summary = bob.would_follow(commit.message());
    assert_eq!(summary.updated, [LeafIndex(2), LeafIndex(0)]);
    bob.attach();
    let latest = bob.state().proposals().unwrap().find(&last).unwrap().proposal.clone();
    let Proposal::Update(latest) = latest else { panic!("{latest:?}") };
    let mut follower = bob.clone();
    follower.follow(commit.message());
    let leaf = follower.member(LeafIndex(2)).leaf_node;
    assert_eq!(leaf, latest.leaf_node);

    let sent = bob.propose(&ProposalSpec::Remove(LeafIndex(2)));
    alice.notes(&sent.message);
    let commit = alice.commit(&CommitSpec::default());
    let summary = bob.follow(commit.message());
    assert_eq!((summary.removed[0].0, summary.updated), (LeafIndex(2), vec![LeafIndex(0)]));
}

// breaks: R198
#[test]
fn refuses_two_adds_of_one_client() {
    let (mut alice, bob, _) = trio();
    let (first, second) = (dave().key_package(), dave().key_package());
    alice.bad_and_good(
        &bob,
        (Evil::of([add(first.clone()), add(second)]), MisbehaviorError::DuplicateAdd),
        Evil::of([add(first)]),
    );
}

// breaks: R198, R083
#[test]
fn refuses_two_adds_with_one_signature_key() {
    let (mut alice, bob, _) = trio();
    let mut dave = dave();
    let mut other = Client { signer: Arc::clone(&dave.signer), ..Client::new("erin", SUITE_1, &in_public()) };
    let (first, second) = (dave.key_package(), other.key_package());
    let twin = Client::new("erin", SUITE_1, &in_public()).key_package();
    alice.bad_and_good(
        &bob,
        (Evil::of([add(first.clone()), add(second)]), MisbehaviorError::DuplicateSignatureKey),
        Evil::of([add(first), add(twin)]),
    );
}

// breaks: R199
#[test]
fn refuses_an_add_of_a_member_unless_it_is_removed() {
    let (mut alice, bob, mut carol) = trio();
    let again = Client::new("carol", SUITE_1, &in_public()).key_package();
    let summary = alice.bad_and_good(
        &bob,
        (Evil::of([add(again.clone())]), MisbehaviorError::AddOfMember),
        Evil::of([add(again), remove(2)]),
    );
    assert_eq!(summary.added, [LeafIndex(2)]);
    // With the very same key, the tree tells, too.
    let same_key = carol.key_package();
    let commit = alice.evil_commit(&Evil::of([add(same_key)]));
    bob.must_refuse(&commit.message, MisbehaviorError::AddOfMember);
}

// breaks: R084
#[test]
fn refuses_an_add_with_an_encryption_key_of_a_member() {
    let (mut alice, bob, _) = trio();
    let taken = bob.member(LeafIndex(2)).leaf_node.encryption_key.clone();
    let key_package = dave().changed_key_package(|leaf| leaf.encryption_key = taken, |_| ());
    alice.bad_and_good(
        &bob,
        (Evil::of([add(key_package)]), MisbehaviorError::DuplicateEncryptionKey),
        Evil::of([add(dave().key_package())]),
    );
}

// breaks: R200
#[test]
fn refuses_two_lists_of_extensions() {
    let (mut alice, bob, _) = trio();
    alice.bad_and_good(
        &bob,
        (
            Evil::of([extensions(vec![]), extensions(vec![])]),
            MisbehaviorError::DuplicateGroupContextExtensions,
        ),
        Evil::of([extensions(vec![])]),
    );
}

// breaks: R185, R201
#[test]
fn refuses_an_external_init_in_a_regular_commit() {
    let (mut alice, bob, _) = trio();
    let pair = bob.state().secrets().unwrap().external_key_pair(&bob.suite).unwrap();
    let public = bob.suite.kem.load_public(&pair.public).unwrap();
    let (kem_output, init_secret) = bob.suite.external_init_send(&*public, &*bob.provider.random).unwrap();
    let evil = Evil { init_secret: Some(init_secret), ..Evil::of([external_init(kem_output)]) };
    alice.bad_and_good(&bob, (evil, MisbehaviorError::UnexpectedExternalInit), Evil::of([]));
}

struct Custom;

impl Rules for Custom {
    fn custom_proposal(&self, proposal_type: ProposalType) -> Option<CustomProposalRule> {
        (proposal_type.0 == UNKNOWN).then_some(CustomProposalRule { path_required: true, external: false })
    }
}

fn supports_custom(client: &mut Client) {
    client.rules = &Custom;
    client.leaf.capabilities = supporting(&client.leaf.capabilities, &[], &[UNKNOWN], &[]);
}

// breaks: R202, R256, R192
#[test]
fn refuses_a_custom_proposal_that_a_member_does_not_support() {
    let unsupported = IncompatibleError::Proposal(ProposalType(UNKNOWN));
    let (mut alice, bob, _) =
        trio_with(SUITE_1, &in_public(), Extensions::default(), &|client| match client.name {
            "carol" => client.rules = &Custom,
            _ => supports_custom(client),
        });
    bob.must_refuse(&alice.evil_commit(&Evil::of([custom(b"data")])).message, unsupported.clone());
    let spec = CommitSpec {
        proposals: vec![ProposalSpec::Custom(ProposalType(UNKNOWN), b"data".to_vec())],
        ..CommitSpec::default()
    };
    assert_eq!(alice.try_commit(&spec).unwrap_err(), unsupported.into());
    // Neither one that is removed nor one that is added has to.
    let changes = [custom(b"data"), remove(2), add(dave().key_package())];
    let summary = bob.must_follow(&alice.evil_commit(&Evil::of(changes)));
    assert_eq!(summary.custom[0].1, Some(LeafIndex(0)));
    // This type demands a path.
    let (mut alice, bob, _) = trio_with(SUITE_1, &in_public(), Extensions::default(), &supports_custom);
    let without = alice.evil_commit(&Evil::of([custom(b"data")]).without_path());
    bob.must_refuse(&without.message, MisbehaviorError::MissingPath);
    bob.must_follow(&alice.evil_commit(&Evil::of([custom(b"data")])));
}

// breaks: R265
#[test]
fn refuses_a_proposal_of_an_unknown_type() {
    let (mut alice, bob, _) = trio_with(SUITE_1, &in_public(), Extensions::default(), &|client| {
        client.leaf.capabilities = supporting(&client.leaf.capabilities, &[], &[UNKNOWN], &[]);
    });
    let commit = alice.evil_commit(&Evil::of([custom(b"data")]));
    bob.must_refuse(&commit.message, IncompatibleError::Proposal(ProposalType(UNKNOWN)));
    let grease = Proposal::Custom { proposal_type: ProposalType(0x0A0A), data: b"data".into() };
    let commit = alice.evil_commit(&Evil::of([grease]));
    bob.must_refuse(&commit.message, IncompatibleError::Proposal(ProposalType(0x0A0A)));
}

// breaks: R202, R085
#[test]
fn refuses_an_extension_that_a_remaining_member_does_not_support() {
    let supports = |client: &mut Client| {
        if client.name != "carol" {
            client.leaf.capabilities = supporting(&client.leaf.capabilities, &[UNKNOWN], &[], &[]);
        }
    };
    let (mut alice, bob, _) = trio_with(SUITE_1, &in_public(), Extensions::default(), &supports);
    let unknown = || extensions(vec![unknown_extension(UNKNOWN)]);
    let summary = alice.bad_and_good(
        &bob,
        (Evil::of([unknown()]), IncompatibleError::GroupContextExtension(ExtensionType(UNKNOWN))),
        Evil::of([unknown(), remove(2)]),
    );
    assert!(summary.extensions_changed);
}

// breaks: R203, R076, R024, R257
#[test]
fn refuses_a_credential_type_that_a_member_does_not_support() {
    let (mut alice, bob, _) = trio();
    let unknown = CredentialType(UNKNOWN);
    let credential = Credential::Unknown { credential_type: unknown, data: b"data".into() };
    let key_package = dave().changed_key_package(
        |leaf| {
            leaf.credential = credential;
            leaf.capabilities = supporting(&leaf.capabilities, &[], &[], &[UNKNOWN]);
        },
        |_| (),
    );
    let evil = Evil::of([add(key_package)]);
    alice.bad_and_good(
        &bob,
        (evil, IncompatibleError::Credential(unknown)),
        Evil::of([add(dave().key_package())]),
    );
}

// breaks: R076
#[test]
fn refuses_a_member_that_does_not_support_the_credentials_in_use() {
    let everyone = |client: &mut Client| {
        client.leaf.capabilities = supporting(&client.leaf.capabilities, &[], &[], &[UNKNOWN, UNKNOWN + 1]);
    };
    let (mut alice, bob, _) = trio_with(SUITE_1, &in_public(), Extensions::default(), &everyone);
    let change = |capabilities: &[u16]| {
        let credentials = capabilities.iter().map(|value| CredentialType(*value)).collect();
        dave().changed_key_package(
            |leaf| {
                let credential_type = CredentialType(UNKNOWN);
                leaf.credential = Credential::Unknown { credential_type, data: b"dave".into() };
                leaf.capabilities.credentials = credentials;
            },
            |_| (),
        )
    };
    alice.bad_and_good(
        &bob,
        (Evil::of([add(change(&[UNKNOWN]))]), IncompatibleError::Credential(CredentialType::BASIC)),
        Evil::of([add(change(&[UNKNOWN, CredentialType::BASIC.0]))]),
    );
}

struct AliceRemovesNobody;

impl Rules for AliceRemovesNobody {
    fn allow_proposal(
        &self,
        _: &GroupContext,
        sender: &Sender,
        proposal: &Proposal,
    ) -> Result<(), GroupError> {
        match (sender, proposal) {
            (Sender::Member(LeafIndex(0)), Proposal::Remove(_)) => Err(GroupError::Denied("not you")),
            _ => Ok(()),
        }
    }
}

// breaks: R204, R206
#[test]
fn the_applications_rules_see_who_proposed() {
    let (mut alice, mut bob, mut carol) = trio();
    bob.rules = &AliceRemovesNobody;
    // By value it is the committer's.
    let commit = alice.clone().evil_commit(&Evil::of([remove(1)]));
    bob.must_refuse(&commit.message, GroupError::Denied("not you"));
    let (message, _) = alice.own_proposal(remove(2));
    bob.must_refuse(&message, GroupError::Denied("not you"));
    // By reference it is the proposer's.
    let (message, reference) = carol.own_proposal(remove(1));
    alice.notes(&message);
    bob.notes(&message);
    let commit = alice.evil_commit(&Evil { proposals: vec![reference], ..Evil::default() });
    assert!(bob.would_follow(&commit.message).removed_us);
}

// breaks: R205, R222
#[test]
fn refuses_a_reference_to_an_unknown_proposal() {
    let (mut alice, mut bob, mut carol) = trio();
    let (message, reference) = carol.own_proposal(external_psk(b"none", 32));
    alice.notes(&message);
    let evil = Evil { proposals: vec![reference], ..Evil::default() };
    let commit = alice.clone().evil_commit(&evil);
    bob.must_refuse(&commit.message, MisbehaviorError::UnknownProposal);
    bob.notes(&message);
    bob.must_refuse(&commit.message, IncompatibleError::MissingPsk);
    // In the next epoch it is forgotten.
    let update = alice.commit_and_merge(&CommitSpec {
        pending: crate::PendingSelection::None,
        force_path: true,
        ..CommitSpec::default()
    });
    bob.follow(&update);
    assert!(bob.state().proposals().unwrap().is_empty());
    assert!(!bob.rows.keys().any(|key| matches!(key, RecordKey::Proposal(_))));
    let commit = alice.evil_commit(&evil);
    bob.must_refuse(&commit.message, MisbehaviorError::UnknownProposal);
    bob.must_follow(&alice.evil_commit(&Evil::default()));
}

// breaks: R215, R216
#[test]
fn new_extensions_govern_the_rest_of_the_list() {
    let supports = |client: &mut Client| {
        client.leaf.capabilities = supporting(&client.leaf.capabilities, &[UNKNOWN], &[], &[]);
    };
    let (mut alice, bob, _) = trio_with(SUITE_1, &in_public(), Extensions::default(), &supports);
    let required =
        RequiredCapabilities { extension_types: [ExtensionType(UNKNOWN)].into(), ..Default::default() };
    let required = || extensions(vec![Extension::new(&required).unwrap()]);
    let lacks = add(dave().key_package());
    let mut able = dave();
    supports(&mut able);
    let has = add(able.key_package());
    let error = IncompatibleError::RequiredCapability;
    // Whatever their order in the list.
    alice.bad_and_good(
        &bob,
        (Evil::of([lacks.clone(), required()]), error.clone()),
        Evil::of([has.clone(), required()]),
    );
    alice.bad_and_good(&bob, (Evil::of([required(), lacks]), error), Evil::of([required(), has]));
}

// breaks: R215
#[test]
fn applies_removes_before_adds_whatever_their_order() {
    let (mut alice, bob, _) = trio();
    let proposals = [add(dave().key_package()), remove(2)];
    assert_eq!(bob.must_follow(&alice.evil_commit(&Evil::of(proposals))).added, [LeafIndex(2)]);
}
