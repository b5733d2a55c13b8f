//! Key packages, leaves and proposals that break one rule each (RFC 9420 §7.2, §7.3, §10, §12.1), in Commits and
//! proposals of a forger, and in what the victim itself is asked to commit.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![expect(dead_code, reason = "each test file uses a part of what they share")]

mod victim;

use pleach::{
    ApiMisuse, Error, IncompatibleError, MisbehaviorError, MisuseError, Received, Rules, Status,
    state::GroupError,
};
use pleach_crypto::Secret;
use pleach_testkit::malform::{Listed, Tamper, resign_key_package, resign_leaf};
use pleach_wire::{
    Capabilities, Certificate, Credential, CredentialType, Extension, ExtensionType, Extensions,
    ExternalInit, GroupContext, GroupContextExtensions, HpkePublicKey, Kept, KeyPackage, LeafIndex, LeafNode,
    LeafNodeSource, Lifetime, Opaque, PreSharedKey, PreSharedKeyId, Proposal, ProposalType, ProtocolVersion,
    Psk, ReInit, RequiredCapabilities, ResumptionPskUsage, Sender, Update,
};
use victim::{
    Forged, InGroup, NOW, OTHER_SUITE, Victim, add, by_value, incompatible, key_package_message, rule,
};

/// A key package that was changed and signed again.
fn changed(
    world: &InGroup,
    leaf: impl FnOnce(&mut LeafNode),
    change: impl FnOnce(&mut KeyPackage),
) -> Kept<KeyPackage> {
    let (member, key_package, _) = world.forger().client(b"eve", NOW);
    resign_key_package(&world.forger().suite, &*member.signer, &key_package, leaf, change)
}

/// The error of the victim for an Add of this key package: in a Commit by somebody else, as a proposal, and when the
/// victim itself is asked to add it. All three are the same.
fn add_error(leaf: impl FnOnce(&mut LeafNode), change: impl FnOnce(&mut KeyPackage)) -> Error {
    let mut world = InGroup::new();
    let bad = changed(&world, leaf, change);
    error_of(&mut world, &bad)
}

fn error_of(world: &mut InGroup, bad: &Kept<KeyPackage>) -> Error {
    let in_commit = world.commit_error(&by_value([add(bad)]));
    let carol = world.forged.carol.clone();
    let from = Sender::Member(LeafIndex(1));
    let (message, _) = world.forger().propose(from, &carol, add(bad), Tamper::default());
    let as_proposal = world.error(&message);
    let own = world.group.commit().add(key_package_message(bad)).build().map(drop).unwrap_err();
    assert_eq!(format!("{in_commit:?}"), format!("{as_proposal:?}"));
    assert_eq!(format!("{in_commit:?}"), format!("{own:?}"));
    in_commit
}

fn unknown(extension_type: u16) -> Extension {
    Extension { extension_type: ExtensionType(extension_type), extension_data: Opaque::from(b"?") }
}

// breaks: R148
#[test]
fn the_init_key_is_a_key_of_the_suite() {
    let error = add_error(|_| (), |bad| bad.init_key = HpkePublicKey::from([0; 16].as_slice()));
    assert_eq!(rule(error), MisbehaviorError::KeyPackageKey);
}

// breaks: R149
#[test]
fn the_leafs_key_is_a_key_of_the_suite() {
    let error = add_error(|leaf| leaf.encryption_key = HpkePublicKey::from([0; 16].as_slice()), |_| ());
    assert_eq!(rule(error), MisbehaviorError::KeyPackageKey);
}

// breaks: R149, R080, R155
#[test]
fn the_leaf_of_a_key_package_comes_from_one() {
    let error = add_error(|leaf| leaf.leaf_node_source = LeafNodeSource::Update, |_| ());
    assert_eq!(rule(error), MisbehaviorError::LeafNodeSource);
    let source = LeafNodeSource::Commit { parent_hash: Opaque::default() };
    let error = add_error(|leaf| leaf.leaf_node_source = source, |_| ());
    assert_eq!(rule(error), MisbehaviorError::LeafNodeSource);
}

// breaks: R150, R156, R179, R194
#[test]
fn a_key_package_is_signed_by_its_leafs_key() {
    let mut world = InGroup::new();
    let good = changed(&world, |_| (), |_| ());
    let mut bad = good.value().clone();
    bad.signature = Opaque::from([1; 32].as_slice());
    let error = error_of(&mut world, &Kept::new(bad).unwrap());
    assert_eq!(rule(error), MisbehaviorError::KeyPackageSignature);
    // Another client's signature.
    let dave = world.forged.dave.clone();
    let leaf = good.leaf_node.clone();
    let signed =
        resign_key_package(&world.forger().suite, &*dave.signer, &good, |_| (), |bad| bad.leaf_node = leaf);
    let error = error_of(&mut world, &signed);
    assert_eq!(rule(error), MisbehaviorError::KeyPackageSignature);
}

// breaks: R155, R074
#[test]
fn the_leaf_of_a_key_package_is_signed() {
    let mut world = InGroup::new();
    let (member, good, _) = world.forger().client(b"eve", NOW);
    let bad = resign_key_package(
        &world.forger().suite,
        &*member.signer,
        &good,
        |_| (),
        |bad| {
            let mut leaf = bad.leaf_node.value().clone();
            leaf.signature = Opaque::from([1; 32].as_slice());
            bad.leaf_node = Kept::new(leaf).unwrap();
        },
    );
    assert_eq!(rule(error_of(&mut world, &bad)), MisbehaviorError::LeafNodeSignature);
}

// breaks: R151, R154
#[test]
fn version_and_suite_of_a_key_package_are_the_groups() {
    let error = add_error(|_| (), |bad| bad.version = ProtocolVersion(2));
    assert_eq!(rule(error), MisbehaviorError::Version(ProtocolVersion(2)));
    let error = add_error(|_| (), |bad| bad.cipher_suite = OTHER_SUITE);
    assert_eq!(incompatible(error), IncompatibleError::KeyPackageSuite(OTHER_SUITE));
}

// breaks: R157
#[test]
fn the_init_key_is_not_the_leafs_key() {
    let error = add_error(|_| (), |bad| bad.init_key = bad.leaf_node.encryption_key.clone());
    assert_eq!(rule(error), MisbehaviorError::InitKeyReused);
}

// breaks: R153, R152, R259
#[test]
fn unknown_extensions_of_a_key_package_are_ignored() {
    let mut world = InGroup::new();
    let odd = changed(&world, |_| (), |odd| odd.extensions = vec![unknown(0xF321), unknown(0x6A6A)].into());
    let commit = world.forger().commit(&by_value([add(&odd)]), true, Tamper::default());
    world.accept(commit);
}

// breaks: R187, R261
#[test]
fn extensions_of_a_key_package_are_in_their_place_and_once() {
    let twice = vec![unknown(0xF321), unknown(0xF321)];
    let error = add_error(|_| (), |bad| bad.extensions = twice.clone().into());
    assert_eq!(rule(error), MisbehaviorError::DuplicateExtension(ExtensionType(0xF321)));
    let error = add_error(
        |leaf| {
            leaf.capabilities.extensions = vec![ExtensionType(0xF321)].into();
            leaf.extensions = twice.clone().into();
        },
        |_| (),
    );
    assert_eq!(rule(error), MisbehaviorError::DuplicateExtension(ExtensionType(0xF321)));
    for kind in
        [ExtensionType::RATCHET_TREE, ExtensionType::EXTERNAL_PUB, ExtensionType::REQUIRED_CAPABILITIES]
    {
        let misplaced = vec![Extension { extension_type: kind, extension_data: Opaque::default() }];
        let error = add_error(|_| (), |bad| bad.extensions = misplaced.clone().into());
        assert_eq!(rule(error), MisbehaviorError::MisplacedExtension(kind));
        let error = add_error(|leaf| leaf.extensions = misplaced.into(), |_| ());
        assert_eq!(rule(error), MisbehaviorError::MisplacedExtension(kind));
    }
}

// breaks: R064, R079
#[test]
fn a_new_leaf_lists_its_extensions() {
    let error = add_error(|leaf| leaf.extensions = vec![unknown(0xF321)].into(), |_| ());
    assert_eq!(rule(error), MisbehaviorError::LeafExtensionNotListed(ExtensionType(0xF321)));
}

// breaks: R065
#[test]
fn a_new_leaf_lists_its_credential_type() {
    let error = add_error(|leaf| leaf.capabilities.credentials = Vec::new().into(), |_| ());
    assert_eq!(rule(error), MisbehaviorError::LeafCredentialNotListed(CredentialType::BASIC));
}

/// The receiver's side: a peer that lists what it should leave out is not refused.
// breaks: R062
#[test]
fn default_types_among_capabilities_are_tolerated() {
    let mut world = InGroup::new();
    let odd = changed(
        &world,
        |leaf| {
            leaf.capabilities.proposals = vec![ProposalType::ADD, ProposalType::REMOVE].into();
            leaf.capabilities.extensions = vec![ExtensionType::APPLICATION_ID].into();
        },
        |_| (),
    );
    let commit = world.forger().commit(&by_value([add(&odd)]), true, Tamper::default());
    world.accept(commit);
}

fn lifetime(not_before: u64, not_after: u64) -> LeafNodeSource {
    LeafNodeSource::KeyPackage(Lifetime { not_before, not_after })
}

// breaks: R068
#[test]
fn lifetimes_have_a_maximum() {
    let error = add_error(|leaf| leaf.leaf_node_source = lifetime(NOW - 10, NOW + 1_000 * 86_400), |_| ());
    assert_eq!(rule(error), MisbehaviorError::LifetimeTooLong);
    let error = add_error(|leaf| leaf.leaf_node_source = lifetime(0, u64::MAX), |_| ());
    assert_eq!(rule(error), MisbehaviorError::LifetimeTooLong);
}

// breaks: R077, R078
#[test]
fn lifetimes_include_now() {
    for (from, to) in
        [(NOW + 10_000, NOW + 20_000), (NOW - 20_000, NOW - 10_000), (NOW + 20_000, NOW + 10_000)]
    {
        let error = add_error(|leaf| leaf.leaf_node_source = lifetime(from, to), |_| ());
        assert_eq!(rule(error), MisbehaviorError::LifetimeExpired, "{from} {to}");
    }
}

// breaks: R021, R022
#[test]
fn an_x509_credential_is_a_chain_that_fits_the_leaf() {
    let chains: [&[&[u8]]; 3] = [&[], &[b""], &[b"\x30\x03\x02\x01\x00"]];
    for chain in chains {
        let certificates = chain.iter().map(|der| Certificate { cert_data: Opaque::from(*der) }).collect();
        let error = add_error(
            |leaf| {
                leaf.credential = Credential::X509 { certificates };
                leaf.capabilities.credentials = vec![CredentialType::X509].into();
            },
            |_| (),
        );
        assert_eq!(rule(error), MisbehaviorError::X509Credential);
    }
}

/// A GroupContextExtensions with one extension.
fn extensions(extension: Extension) -> Proposal {
    Proposal::GroupContextExtensions(GroupContextExtensions { extensions: Extensions::from(vec![extension]) })
}

fn required(proposal_type: u16) -> Extension {
    let required = RequiredCapabilities {
        proposal_types: vec![ProposalType(proposal_type)].into(),
        ..RequiredCapabilities::default()
    };
    Extension::new(&required).unwrap()
}

// breaks: R165
#[test]
fn requirements_that_a_member_does_not_meet_are_refused() {
    let mut world = InGroup::new();
    let error = world.commit_error(&by_value([extensions(required(0xF00A))]));
    assert_eq!(incompatible(error), IncompatibleError::RequiredCapability);
}

/// In the same Commit, where the new extensions already count (R216), and by itself.
// breaks: R075, R166, R216
#[test]
fn a_new_member_meets_the_requirements() {
    let credentials = RequiredCapabilities {
        credential_types: vec![CredentialType::BASIC].into(),
        ..RequiredCapabilities::default()
    };
    let requirement = Extension::new(&credentials).unwrap();
    let mut world = InGroup::new();
    let x509 = |leaf: &mut LeafNode| {
        leaf.credential =
            Credential::Unknown { credential_type: CredentialType(0xF001), data: Opaque::default() };
        leaf.capabilities.credentials = vec![CredentialType(0xF001)].into();
    };
    let bad = changed(&world, x509, |_| ());
    let error = world.commit_error(&by_value([add(&bad), extensions(requirement.clone())]));
    assert_eq!(incompatible(error), IncompatibleError::RequiredCapability);
    let commit = world.forger().commit(&by_value([extensions(requirement)]), true, Tamper::default());
    world.accept(commit);
    let bad = changed(&world, x509, |_| ());
    assert_eq!(incompatible(error_of(&mut world, &bad)), IncompatibleError::RequiredCapability);
}

// breaks: R186
#[test]
fn group_context_extensions_replace_all_that_was_there() {
    let mut world = InGroup::new();
    let none = RequiredCapabilities::default();
    let one = extensions(Extension::new(&none).unwrap());
    let commit = world.forger().commit(&by_value([one]), true, Tamper::default());
    world.accept(commit);
    assert_eq!(world.group.extensions().len(), 1);
    let none = Proposal::GroupContextExtensions(GroupContextExtensions { extensions: Extensions::default() });
    let commit = world.forger().commit(&by_value([none]), true, Tamper::default());
    world.accept(commit);
    assert_eq!(world.group.extensions().len(), 0);
}

// breaks: R255, R261, R264
#[test]
fn a_group_context_has_no_extension_of_another_place() {
    for kind in [ExtensionType::RATCHET_TREE, ExtensionType::EXTERNAL_PUB, ExtensionType::APPLICATION_ID] {
        let mut world = InGroup::new();
        let extension = Extension { extension_type: kind, extension_data: Opaque::default() };
        let error = world.commit_error(&by_value([extensions(extension)]));
        assert_eq!(rule(error), MisbehaviorError::MisplacedExtension(kind));
    }
    let mut world = InGroup::new();
    let error = incompatible(world.commit_error(&by_value([extensions(unknown(0x7A7A))])));
    assert!(matches!(
        error,
        IncompatibleError::OwnExtension(_) | IncompatibleError::GroupContextExtension(_)
    ));
}

fn reinit(world: &InGroup) -> ReInit {
    ReInit {
        group_id: Opaque::from(b"successor"),
        version: ProtocolVersion::MLS10,
        cipher_suite: world.forger().suite.id,
        extensions: Extensions::default(),
    }
}

// breaks: R167, R187
#[test]
fn a_reinit_is_not_to_an_older_version_and_well_formed() {
    let mut world = InGroup::new();
    let older = ReInit { version: ProtocolVersion(0), ..reinit(&world) };
    let error = world.commit_error(&by_value([Proposal::ReInit(older)]));
    assert_eq!(rule(error), MisbehaviorError::ReInitVersion);
    let twice = Extensions::from(vec![unknown(0xF0F0), unknown(0xF0F0)]);
    let twice = ReInit { extensions: twice, ..reinit(&world) };
    let error = world.commit_error(&by_value([Proposal::ReInit(twice)]));
    assert_eq!(rule(error), MisbehaviorError::DuplicateExtension(ExtensionType(0xF0F0)));
}

// breaks: R168
#[test]
fn a_reinit_is_alone() {
    let mut world = InGroup::new();
    let reinit = Proposal::ReInit(reinit(&world));
    let other = extensions(Extension::new(&RequiredCapabilities::default()).unwrap());
    for list in [[reinit.clone(), other.clone()], [other, reinit.clone()], [reinit.clone(), reinit]] {
        let error = world.commit_error(&by_value(list));
        assert_eq!(rule(error), MisbehaviorError::ReInitNotAlone);
    }
}

// breaks: R169
#[test]
fn after_a_reinit_nothing_is_sent() {
    let mut world = InGroup::new();
    let agreed = reinit(&world);
    let list = by_value([Proposal::ReInit(agreed.clone())]);
    let commit = world.forger().commit(&list, false, Tamper::default());
    world.accept(commit);
    assert_eq!(*world.group.status(), Status::ReInitialized(agreed));
    let frozen = |error: Error| {
        assert!(matches!(error, Error::ApiMisuse(ApiMisuse::Group(MisuseError::ReInitialized))), "{error:?}");
    };
    frozen(world.group.encrypt(b"more").unwrap_err());
    frozen(world.group.commit().build().map(drop).unwrap_err());
    frozen(world.group.propose_remove(LeafIndex(1)).unwrap_err());
}

fn psk(psk: Psk, nonce: u8, len: usize) -> Proposal {
    let psk_nonce = Opaque::from(vec![nonce; len]);
    Proposal::PreSharedKey(PreSharedKey { psk: PreSharedKeyId { psk, psk_nonce } })
}

fn shared() -> Psk {
    Psk::External { psk_id: Opaque::from(b"shared") }
}

fn resumption(usage: ResumptionPskUsage, epoch: u64) -> Psk {
    Psk::Resumption { usage, psk_group_id: Opaque::from(victim::GROUP_ID), psk_epoch: epoch }
}

// breaks: R130, R173, R177
#[test]
fn psks_for_successors_are_not_proposed() {
    for usage in [ResumptionPskUsage::Reinit, ResumptionPskUsage::Branch] {
        let mut world = InGroup::new();
        let epoch = world.group.epoch();
        let error = world.commit_error(&by_value([psk(resumption(usage, epoch), 1, 32)]));
        assert_eq!(rule(error), MisbehaviorError::PskUsage);
    }
}

// breaks: R127, R131
#[test]
fn psk_nonces_have_the_hashs_length_and_names_are_used_once() {
    let mut world = InGroup::new();
    world.victim.client.store_psk(b"shared", &Secret::copy_from(&[7; 32])).unwrap();
    for len in [0, 31, 33] {
        let error = world.commit_error(&by_value([psk(shared(), 1, len)]));
        assert_eq!(rule(error), MisbehaviorError::PskNonce);
    }
    let error = world.commit_error(&by_value([psk(shared(), 1, 32), psk(shared(), 1, 32)]));
    assert_eq!(rule(error), MisbehaviorError::DuplicatePsk);
    // With another nonce it is another name (R131).
    let list = by_value([psk(shared(), 1, 32), psk(shared(), 2, 32)]);
    let commit = world.forger().commit(&list, true, Tamper::default());
    world.accept(commit);
}

// breaks: R129, R132
#[test]
fn a_commit_with_a_psk_that_is_not_held_is_refused() {
    let mut world = InGroup::new();
    let error = world.commit_error(&by_value([psk(shared(), 1, 32)]));
    assert_eq!(incompatible(error), IncompatibleError::MissingPsk);
    let usage = ResumptionPskUsage::Application;
    let error = world.commit_error(&by_value([psk(resumption(usage, 0), 1, 32)])); // before the victim joined
    assert_eq!(incompatible(error), IncompatibleError::MissingPsk);
    world.victim.client.store_psk(b"shared", &Secret::copy_from(&[6; 32])).unwrap();
    let error = world.commit_error(&by_value([psk(shared(), 1, 32)])); // held, with another value
    assert_eq!(rule(error), MisbehaviorError::ConfirmationTag);
    world.victim.client.store_psk(b"shared", &Secret::copy_from(&[7; 32])).unwrap();
    let now = psk(resumption(usage, world.group.epoch()), 2, 32);
    let commit = world.forger().commit(&by_value([psk(shared(), 1, 32), now]), true, Tamper::default());
    world.accept(commit);
}

// breaks: R040, R189
#[test]
fn an_external_sender_is_listed_in_the_group_context() {
    let mut world = InGroup::new();
    let carol = world.forged.carol.clone();
    let remove = Proposal::Remove(pleach_wire::Remove { removed: LeafIndex(2) });
    let (message, _) = world.forger().propose(Sender::External(0), &carol, remove, Tamper::default());
    assert_eq!(rule(world.error(&message)), MisbehaviorError::UnknownExternalSender);
}

/// Who may propose to join.
struct Doorkeeper;

impl Rules for Doorkeeper {
    fn allow_proposal(
        &self,
        _: &GroupContext,
        sender: &Sender,
        proposal: &Proposal,
    ) -> Result<(), GroupError> {
        match (sender, proposal) {
            (Sender::NewMemberProposal, _) => Ok(()),
            (_, Proposal::Remove(_)) => Err(GroupError::Denied("nobody is removed here")),
            _ => Ok(()),
        }
    }
}

// breaks: R190
#[test]
fn new_members_propose_themselves_only_where_they_may() {
    let mut closed = InGroup::new();
    let (eve, hers, _) = closed.forger().client(b"eve", NOW);
    let ask = |world: &InGroup| {
        let sender = Sender::NewMemberProposal;
        world.forger().propose(sender, &eve, add(&hers), Tamper::default()).0
    };
    let message = ask(&closed);
    assert!(matches!(closed.error(&message), Error::Denied(_)));
    assert_eq!(closed.group.pending_proposals().unwrap().len(), 0);

    let mut open =
        Forged::new().with_this_victim(Victim::with(b"victim", |builder| builder.rules(Doorkeeper)));
    let message = ask(&open);
    assert!(matches!(open.group.receive(&message).unwrap(), Received::Proposal(_)));
}

// breaks: R204, R206
#[test]
fn the_applications_rules_see_every_proposal_of_a_commit() {
    let mut world =
        Forged::new().with_this_victim(Victim::with(b"victim", |builder| builder.rules(Doorkeeper)));
    let remove = Proposal::Remove(pleach_wire::Remove { removed: LeafIndex(2) });
    assert!(matches!(world.commit_error(&by_value([remove])), Error::Denied(_)));
}

// breaks: R185
#[test]
fn external_init_is_no_proposal_of_a_member() {
    let mut world = InGroup::new();
    let init = Proposal::ExternalInit(ExternalInit { kem_output: world.forger().external_init().0 });
    let carol = world.forged.carol.clone();
    let from = Sender::Member(LeafIndex(1));
    let (message, _) = world.forger().propose(from, &carol, init, Tamper::default());
    assert_eq!(rule(world.error(&message)), MisbehaviorError::UnexpectedExternalInit);
}

/// An Update of carol's that was changed and signed again, as a proposal.
fn update_error(change: impl FnOnce(&mut LeafNode)) -> Error {
    let mut world = InGroup::new();
    let carol = world.forged.carol.clone();
    let (suite, rng) = (world.forger().suite, world.forger().rng.clone());
    let (good, _) = carol.update_leaf(&suite, victim::GROUP_ID, 1, &*rng);
    let mut leaf = good.value().clone();
    change(&mut leaf);
    let bad = resign_leaf(&suite, &*carol.signer, leaf, victim::GROUP_ID, 1);
    let from = Sender::Member(LeafIndex(1));
    let propose = |world: &InGroup, leaf_node| {
        let update = Proposal::Update(Update { leaf_node });
        world.forger().propose(from, &carol, update, Tamper::default()).0
    };
    let message = propose(&world, bad);
    let error = world.error(&message);
    let message = propose(&world, good);
    assert!(matches!(world.group.receive(&message).unwrap(), Received::Proposal(_)));
    error
}

// breaks: R080, R181
#[test]
fn the_leaf_of_an_update_says_so() {
    let error = update_error(|leaf| leaf.leaf_node_source = lifetime(NOW - 10, NOW + 10));
    assert_eq!(rule(error), MisbehaviorError::LeafNodeSource);
}

// breaks: R064, R065, R079, R181
#[test]
fn the_leaf_of_an_update_is_valid() {
    let error = update_error(|leaf| leaf.extensions = vec![unknown(0xF321)].into());
    assert_eq!(rule(error), MisbehaviorError::LeafExtensionNotListed(ExtensionType(0xF321)));
    let error = update_error(|leaf| leaf.capabilities.credentials = Vec::new().into());
    assert_eq!(rule(error), MisbehaviorError::LeafCredentialNotListed(CredentialType::BASIC));
    let error = update_error(|leaf| leaf.encryption_key = HpkePublicKey::from([0; 16].as_slice()));
    assert_eq!(rule(error), MisbehaviorError::KeyPackageKey);
}

// breaks: R182, R218
#[test]
fn proposals_of_others_are_committed_or_left_out() {
    let mut world = InGroup::new();
    let carol = world.forged.carol.clone();
    let (suite, rng) = (world.forger().suite, world.forger().rng.clone());
    let (leaf_node, _) = carol.update_leaf(&suite, victim::GROUP_ID, 1, &*rng);
    let update = world.proposed(1, Proposal::Update(Update { leaf_node: leaf_node.clone() }));
    let remove = world.proposed(1, Proposal::Remove(pleach_wire::Remove { removed: LeafIndex(2) }));
    // The Remove is left out, which receivers do not mind.
    let commit = world.forger().commit(&[update], true, Tamper::default());
    world.accept(commit);
    assert_eq!(world.group.member(LeafIndex(1)).unwrap().leaf_node, leaf_node);
    // And it went with its epoch.
    let Listed::Reference(reference, ..) = remove else { panic!("a reference") };
    let gone = Listed::Reference(
        reference,
        Sender::Member(LeafIndex(1)),
        Proposal::Remove(pleach_wire::Remove { removed: LeafIndex(2) }),
    );
    assert_eq!(rule(world.commit_error(&[gone])), MisbehaviorError::UnknownProposal);
}

// breaks: R217, R273
#[test]
fn no_application_data_while_proposals_are_pending() {
    let mut world = InGroup::new();
    let _pending = world.proposed(1, Proposal::Remove(pleach_wire::Remove { removed: LeafIndex(2) }));
    let error = world.group.encrypt(b"not yet").unwrap_err();
    assert!(matches!(error, Error::ApiMisuse(ApiMisuse::Group(MisuseError::PendingProposals))), "{error:?}");
    let own = world.group.commit().build().unwrap();
    world.group.merge(own).unwrap();
    world.group.encrypt(b"now").unwrap();
}

// breaks: R062, R063, R067, R152, R262, R263, R264, R267
#[test]
fn own_key_packages_list_what_is_supported_and_some_grease() {
    let victim = Victim::new(b"victim");
    let mut greased = 0;
    for _ in 0..20 {
        let key_package = victim.key_package();
        let leaf = &key_package.leaf_node;
        let Capabilities { versions, cipher_suites, extensions, proposals, credentials } = &leaf.capabilities;
        assert!(versions.contains(&ProtocolVersion::MLS10));
        assert!(
            cipher_suites.contains(&pleach_testkit::null_crypto::NULL_SUITE)
                && cipher_suites.contains(&OTHER_SUITE)
        );
        assert!(credentials.contains(&CredentialType::BASIC));
        assert!(!extensions.iter().any(|kind| kind.is_default()));
        assert!(!proposals.iter().any(|kind| kind.is_default()));
        assert!(!leaf.credential.credential_type().is_grease());
        for extension in leaf.extensions.iter().chain(key_package.extensions.iter()) {
            let kind = extension.extension_type;
            assert!(kind.is_default() || extensions.contains(&kind), "{kind} is not listed");
        }
        greased += usize::from(extensions.iter().any(|kind| kind.is_grease()));
    }
    assert!(greased > 0);
}
