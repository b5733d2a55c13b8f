//! Key packages (RFC 9420 §10) and the leaves in them (§7.2, §7.3), as a member meets them in an Add.

use super::{driver::*, evil::*};
use pleach_wire::{ApplicationId, HpkePublicKey, RequiredCapabilities};

fn dave() -> Client {
    Client::new("dave", SUITE_1, &in_public())
}

/// That a Commit which adds this key package of Dave's is refused, and that of the twin accepted.
#[track_caller]
fn refuses(
    (leaf, change): (impl FnOnce(&mut LeafNode), impl FnOnce(&mut KeyPackage)),
    error: impl Into<GroupError>,
) {
    let (mut alice, bob, _) = trio();
    let error = error.into();
    let mut dave = dave();
    let bad = dave.changed_key_package(leaf, change);
    let good = dave.changed_key_package(|_| (), |_| ());
    alice.bad_and_good(&bob, (Evil::of([add(bad.clone())]), error.clone()), Evil::of([add(good)]));
    // Nor does an honest member add it.
    let spec = CommitSpec { proposals: vec![ProposalSpec::Add(bad.clone())], ..CommitSpec::default() };
    assert_eq!(alice.try_commit(&spec).unwrap_err(), error);
    assert_eq!(alice.try_propose(&ProposalSpec::Add(bad)).unwrap_err(), error);
}

fn nothing<T>(_: &mut T) {}

// breaks: R148, R149
#[test]
fn refuses_a_key_that_is_none_of_the_suites() {
    let short = || HpkePublicKey::from(&[1; 31]);
    refuses(
        (nothing, |package: &mut KeyPackage| package.init_key = short()),
        MisbehaviorError::KeyPackageKey,
    );
    refuses((|leaf: &mut LeafNode| leaf.encryption_key = short(), nothing), MisbehaviorError::KeyPackageKey);
}

// breaks: R149, R155, R080
#[test]
fn refuses_a_key_package_with_a_leaf_of_another_source() {
    let update = |leaf: &mut LeafNode| leaf.leaf_node_source = LeafNodeSource::Update;
    refuses((update, nothing), MisbehaviorError::LeafNodeSource);
    let commit = |leaf: &mut LeafNode| {
        leaf.leaf_node_source = LeafNodeSource::Commit { parent_hash: Opaque::default() };
    };
    refuses((commit, nothing), MisbehaviorError::LeafNodeSource);
}

// breaks: R150, R156
#[test]
fn refuses_a_key_package_signed_by_another_or_for_something_else() {
    let (mut alice, bob, _) = trio();
    let good = dave().key_package();
    let tbs = good.bytes_before_signature();
    for (signer, label) in [(&bob.signer, &b"KeyPackageTBS"[..]), (&dave().signer, b"LeafNodeTBS")] {
        let signature = bob.suite.sign_with_label(&**signer, label, &[tbs]).unwrap();
        let bad = good.clone().with_signature(signature.into()).unwrap();
        let error = MisbehaviorError::KeyPackageSignature;
        alice.bad_and_good(&bob, (Evil::of([add(bad)]), error), Evil::of([add(good.clone())]));
    }
}

// breaks: R151, R154
#[test]
fn refuses_a_key_package_of_another_version_or_suite() {
    let version = ProtocolVersion(2);
    refuses((nothing, |it: &mut KeyPackage| it.version = version), MisbehaviorError::Version(version));
    let suite = |it: &mut KeyPackage| it.cipher_suite = SUITE_2;
    refuses((nothing, suite), IncompatibleError::KeyPackageSuite(SUITE_2));
}

// breaks: R157
#[test]
fn refuses_an_init_key_that_is_the_encryption_key() {
    let reuse = |it: &mut KeyPackage| it.init_key = it.leaf_node.encryption_key.clone();
    refuses((nothing, reuse), MisbehaviorError::InitKeyReused);
}

// breaks: R152, R153, R259
#[test]
fn unknown_extensions_of_a_key_package_are_ignored_and_known_ones_misplaced() {
    let (mut alice, bob, _) = trio();
    let more = |package: &mut KeyPackage| package.extensions = vec![unknown_extension(UNKNOWN)].into();
    let unlisted = dave().changed_key_package(|_| (), more);
    bob.must_follow(&alice.evil_commit(&Evil::of([add(unlisted)])));
    let wrong = ExtensionType::EXTERNAL_PUB;
    let misplaced = |package: &mut KeyPackage| package.extensions = vec![unknown_extension(wrong.0)].into();
    refuses((nothing, misplaced), MisbehaviorError::MisplacedExtension(wrong));
}

// breaks: R064, R079, R155
#[test]
fn refuses_a_leaf_extension_that_the_leaf_does_not_list() {
    let unlisted = |leaf: &mut LeafNode| leaf.extensions = vec![unknown_extension(UNKNOWN)].into();
    let error = MisbehaviorError::LeafExtensionNotListed(ExtensionType(UNKNOWN));
    refuses((unlisted, nothing), error);
    let (mut alice, bob, _) = trio();
    let listed = dave().changed_key_package(
        |leaf| {
            leaf.extensions = vec![unknown_extension(UNKNOWN)].into();
            leaf.capabilities = supporting(&leaf.capabilities, &[UNKNOWN], &[], &[]);
        },
        |_| (),
    );
    bob.must_follow(&alice.evil_commit(&Evil::of([add(listed)])));
}

// breaks: R065
#[test]
fn refuses_a_leaf_that_does_not_list_its_credential() {
    let narrow = |leaf: &mut LeafNode| leaf.capabilities.credentials = [CredentialType::X509].into();
    refuses((narrow, nothing), MisbehaviorError::LeafCredentialNotListed(CredentialType::BASIC));
}

// breaks: R261
#[test]
fn refuses_an_extension_in_a_leaf_that_belongs_elsewhere() {
    for wrong in 2..=5 {
        let misplaced = move |leaf: &mut LeafNode| leaf.extensions = vec![unknown_extension(wrong)].into();
        refuses((misplaced, nothing), MisbehaviorError::MisplacedExtension(ExtensionType(wrong)));
    }
}

// breaks: R034
#[test]
fn an_application_id_identifies_nobody() {
    let (mut alice, bob, _) = trio();
    let extension = Extension::new(&ApplicationId { application_id: b"same".into() }).unwrap();
    let same = |name| {
        let list = vec![extension.clone()];
        Client::new(name, SUITE_1, &in_public())
            .changed_key_package(|leaf| leaf.extensions = list.into(), |_| ())
    };
    let both = [add(same("dave")), add(same("erin"))];
    assert_eq!(bob.must_follow(&alice.evil_commit(&Evil::of(both))).added.len(), 2);
}

// breaks: R066, R086, R259
#[test]
fn unknown_and_unusual_capabilities_are_ignored() {
    let (mut alice, bob, _) = trio();
    let unusual = dave().changed_key_package(
        |leaf| {
            leaf.capabilities =
                supporting(&leaf.capabilities, &[UNKNOWN, 0x0A0A, 1], &[UNKNOWN, 2], &[UNKNOWN]);
            leaf.capabilities.versions = [ProtocolVersion(0xFFFF)].into();
            leaf.capabilities.cipher_suites = [CipherSuiteId(0xFFFF)].into();
        },
        |_| (),
    );
    bob.must_follow(&alice.evil_commit(&Evil::of([add(unusual)])));
}

// breaks: R068
#[test]
fn refuses_a_lifetime_that_is_too_long() {
    let lifetime = |not_after| {
        move |leaf: &mut LeafNode| {
            leaf.leaf_node_source = LeafNodeSource::KeyPackage(Lifetime { not_before: 0, not_after });
        }
    };
    refuses((lifetime(u64::MAX), nothing), MisbehaviorError::LifetimeTooLong);
    let (mut alice, mut bob, _) = trio();
    let eternal = dave().changed_key_package(lifetime(u64::MAX), |_| ());
    let commit = alice.evil_commit(&Evil::of([add(eternal)]));
    bob.must_refuse(&commit.message, MisbehaviorError::LifetimeTooLong);
    bob.config.lifetime.maximum_total = None;
    bob.must_follow(&commit);
}

// breaks: R077, R078
#[test]
fn refuses_a_lifetime_that_does_not_include_now() {
    let (mut alice, mut bob, _) = trio();
    let lifetime = |not_before, not_after| {
        dave().changed_key_package(
            |leaf| leaf.leaf_node_source = LeafNodeSource::KeyPackage(Lifetime { not_before, not_after }),
            |_| (),
        )
    };
    let expired = GroupError::from(MisbehaviorError::LifetimeExpired);
    let tolerance = bob.config.lifetime.tolerance;
    // By default a Commit is followed though a key package has expired since it was proposed: see `check_committed`.
    bob.config.lifetime.check_committed = true;
    let cases = [
        (lifetime(0, NOW - tolerance - 1), false),
        (lifetime(NOW + tolerance + 1, 2 * NOW), false),
        (lifetime(0, NOW - tolerance), true),
        (lifetime(NOW + tolerance, 2 * NOW), true),
    ];
    for (key_package, valid) in cases {
        let commit = alice.clone().evil_commit(&Evil::of([add(key_package.clone())]));
        let spec = CommitSpec { proposals: vec![ProposalSpec::Add(key_package)], ..CommitSpec::default() };
        alice.config.lifetime.check_committed = false;
        if valid {
            bob.must_follow(&commit);
            alice.clone().commit(&spec);
        } else {
            bob.must_refuse(&commit.message, expired.clone());
            // Receiving may be lenient; sending is not.
            assert_eq!(alice.try_commit(&spec).unwrap_err(), expired);
            bob.config.lifetime.check_committed = false;
            bob.must_follow(&commit);
            bob.config.lifetime.check_committed = true;
        }
    }
}

// breaks: R166, R075, R165
#[test]
fn refuses_a_client_without_a_required_capability() {
    let lists: [fn() -> RequiredCapabilities; 3] = [
        || RequiredCapabilities { extension_types: [ExtensionType(UNKNOWN)].into(), ..Default::default() },
        || RequiredCapabilities { proposal_types: [ProposalType(UNKNOWN)].into(), ..Default::default() },
        || RequiredCapabilities { credential_types: [CredentialType(UNKNOWN)].into(), ..Default::default() },
    ];
    let able = |client: &mut Client| {
        client.leaf.capabilities = supporting(&client.leaf.capabilities, &[UNKNOWN], &[UNKNOWN], &[UNKNOWN]);
    };
    for required in lists {
        let extensions_of_group = Extensions::from(vec![Extension::new(&required()).unwrap()]);
        let (mut alice, bob, _) = trio_with(SUITE_1, &in_public(), extensions_of_group.clone(), &able);
        let mut has = dave();
        able(&mut has);
        let error = IncompatibleError::RequiredCapability;
        alice.bad_and_good(
            &bob,
            (Evil::of([add(dave().key_package())]), error.clone()),
            Evil::of([add(has.key_package())]),
        );
        // Nor may such a one found a group that asks for it.
        assert_eq!(dave().try_create(b"own", extensions_of_group).err(), Some(error.clone().into()));
        // Nor may a list be demanded that a remaining member does not meet.
        let (mut alice, bob, _) = trio_with(SUITE_1, &in_public(), Extensions::default(), &|client| {
            if client.name != "carol" {
                able(client);
            }
        });
        let demand = || extensions(vec![Extension::new(&required()).unwrap()]);
        alice.bad_and_good(&bob, (Evil::of([demand()]), error), Evil::of([demand(), remove(2)]));
    }
}

// breaks: R075, R085
#[test]
fn refuses_an_update_or_path_that_gives_up_what_the_group_needs() {
    let able = |client: &mut Client| {
        client.leaf.capabilities = supporting(&client.leaf.capabilities, &[UNKNOWN], &[UNKNOWN], &[]);
    };
    let required =
        RequiredCapabilities { proposal_types: [ProposalType(UNKNOWN)].into(), ..Default::default() };
    let list = vec![unknown_extension(UNKNOWN), Extension::new(&required).unwrap()];
    let (mut alice, bob, mut carol) = trio_with(SUITE_1, &in_public(), list.into(), &able);
    let cases = [
        leaf_case(
            |leaf| leaf.capabilities.extensions = vec![].into(),
            IncompatibleError::GroupContextExtension(ExtensionType(UNKNOWN)),
        ),
        leaf_case(|leaf| leaf.capabilities.proposals = vec![].into(), IncompatibleError::RequiredCapability),
    ];
    for (give_up, error) in cases {
        let bare = move |leaf: &mut LeafNode| {
            leaf.extensions = Extensions::default();
            give_up(leaf);
        };
        let update = Proposal::Update(carol.evil_update(&bare));
        let (bad, _) = carol.own_proposal(update);
        bob.must_refuse(&bad, error.clone());
        let evil = Evil { leaf: Box::new(bare), ..Evil::default() };
        alice.bad_and_good(&bob, (evil, error), Evil::default());
    }
}

// breaks: R062, R063, R067, R152, R258, R262, R263, R266, R267
#[test]
fn an_own_key_package_lists_what_it_should_and_some_grease() {
    let mut dave = dave();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..8 {
        let package = dave.key_package();
        let leaf = &package.leaf_node;
        let capabilities = &leaf.capabilities;
        for wanted in &dave.leaf.capabilities.credentials {
            assert!(capabilities.credentials.contains(wanted));
        }
        assert!(capabilities.versions.contains(&ProtocolVersion::MLS10));
        assert!(capabilities.cipher_suites.contains(&SUITE_1));
        assert!(!capabilities.extensions.iter().any(|value| value.is_default()));
        assert!(!capabilities.proposals.iter().any(|value| value.is_default()));
        assert!(capabilities.proposals.iter().any(|value| value.is_grease()));
        assert!(capabilities.credentials.iter().any(|value| value.is_grease()));
        assert!(capabilities.cipher_suites.iter().any(|value| pleach_wire::is_grease_value(value.0)));
        let sent = leaf.extensions.iter().chain(&package.extensions);
        for extension in sent {
            assert!(extension.extension_type.is_grease());
            assert!(capabilities.extensions.contains(&extension.extension_type));
            seen.insert((extension.extension_type, extension.extension_data.len()));
        }
        // What it is remembered by has none: two clients never agree on a GREASE value.
        let remembered = LeafSpec::of(leaf);
        assert_eq!(remembered, dave.leaf);
    }
    assert!(seen.len() > 2, "types and lengths differ: {seen:?}");
    dave.config.grease = false;
    assert_eq!(
        LeafSpec::of(&dave.key_package().leaf_node).capabilities,
        dave.key_package().leaf_node.capabilities
    );
    // A GroupInfo has some, too; a GroupContext and its extensions never.
    let (mut alice, ..) = trio();
    let group_info = alice.group_info(true, TreeDelivery::Inline);
    let group_info = super::outsider::read_group_info(&group_info);
    assert!(group_info.extensions.iter().any(|extension| extension.extension_type.is_grease()));
    assert!(group_info.group_context.extensions.is_empty());
}
