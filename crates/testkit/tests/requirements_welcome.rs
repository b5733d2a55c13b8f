//! Welcomes and GroupInfos that break one rule each (RFC 9420 §12.4.3), given to a client of the library.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![expect(dead_code, reason = "each test file uses a part of what they share")]

mod victim;

use pleach::{Error, IncompatibleError, KeyPackageState, MisbehaviorError};
use pleach_crypto::Secret;
use pleach_testkit::malform::{Tamper, resign_key_package, resign_leaf};
use pleach_wire::{
    Capabilities, CredentialType, Extension, ExtensionType, Extensions, GroupInfo, GroupSecrets,
    HpkePublicKey, KeyPackageRef, LeafIndex, LeafNode, Opaque, PreSharedKey, PreSharedKeyId, Proposal,
    ProposalType, ProtocolVersion, Psk, RequiredCapabilities, ResumptionPskUsage, Welcome, encode,
};
use victim::{Forged, NOW, OTHER_SUITE, Victim, add, by_value, incompatible, rule};

/// The error for the changed Welcome; the Welcome as it should be is accepted.
fn refused(tamper: Tamper<'_>) -> Error {
    let forged = Forged::new();
    let victim = Victim::new(b"victim");
    let commit = forged.invite(&victim);
    let error = victim.join_error(&commit.welcome(tamper));
    victim.join(&commit.welcome(Tamper::default()));
    error
}

fn group_info(change: impl FnOnce(&mut GroupInfo) + 'static) -> Tamper<'static> {
    Tamper { group_info: Some(Box::new(change)), ..Tamper::default() }
}

fn welcome(change: impl FnOnce(&mut Welcome) + 'static) -> Tamper<'static> {
    Tamper { welcome: Some(Box::new(change)), ..Tamper::default() }
}

fn flip(bytes: &Opaque) -> Opaque {
    let mut bytes = bytes.to_vec();
    bytes[0] ^= 1;
    bytes.into()
}

fn unknown(extension_type: u16) -> Extension {
    Extension { extension_type: ExtensionType(extension_type), extension_data: Opaque::from(b"?") }
}

// breaks: R234
#[test]
fn a_welcome_for_somebody_else_is_refused() {
    let error = refused(welcome(|welcome| {
        let mut secrets = welcome.secrets.to_vec();
        secrets[0].new_member = KeyPackageRef::from([9; 32].as_slice());
        welcome.secrets = secrets.into();
    }));
    assert_eq!(incompatible(error), IncompatibleError::NoKeyPackage);
    let error = refused(welcome(|welcome| welcome.secrets = Vec::new().into()));
    assert_eq!(incompatible(error), IncompatibleError::NoKeyPackage);
}

// breaks: R234, R012
#[test]
fn a_welcome_of_another_suite_than_the_key_package_is_refused() {
    let error = refused(welcome(|welcome| welcome.cipher_suite = OTHER_SUITE));
    assert_eq!(rule(error), MisbehaviorError::SuiteMismatch);
}

/// The context of the encryption is the encrypted group info: it cannot be exchanged.
// breaks: R235, R236
#[test]
fn group_secrets_belong_to_one_group_info() {
    let error =
        refused(welcome(|welcome| welcome.encrypted_group_info = flip(&welcome.encrypted_group_info)));
    assert_eq!(rule(error), MisbehaviorError::WelcomeDecryption);
}

// breaks: R237
#[test]
fn the_group_info_is_signed_by_a_member() {
    let change = |info: &mut GroupInfo| info.signature = flip(&info.signature);
    let error = refused(Tamper { signed_group_info: Some(Box::new(change)), ..Tamper::default() });
    assert_eq!(rule(error), MisbehaviorError::GroupInfoSignature);
    // Another member's signature, a blank leaf, and no leaf at all.
    for signer in [1, 5, 7, 100] {
        let error = refused(group_info(move |info| info.signer = LeafIndex(signer)));
        assert_eq!(rule(error), MisbehaviorError::GroupInfoSignature, "{signer}");
    }
}

// breaks: R238
#[test]
fn a_group_id_is_joined_once() {
    let forged = Forged::new();
    let victim = Victim::new(b"victim");
    let first = forged.invite(&victim);
    let second = forged.invite(&victim);
    let group = victim.join(&first.welcome(Tamper::default())).accept().unwrap();
    let error = victim.join(&second.welcome(Tamper::default())).accept().map(drop).unwrap_err();
    assert_eq!(rule(error), MisbehaviorError::KnownGroup);
    assert_eq!(group.epoch_authenticator().unwrap(), *first.next.secrets.epoch_authenticator());
}

// breaks: R239
#[test]
fn the_group_info_is_of_the_key_packages_suite() {
    let error = refused(group_info(|info| info.group_context.cipher_suite = OTHER_SUITE));
    assert_eq!(rule(error), MisbehaviorError::SuiteMismatch);
}

// breaks: R105, R240, R254
#[test]
fn the_tree_has_the_hash_of_the_group_context() {
    let error = refused(group_info(|info| {
        info.group_context.tree_hash = flip(&info.group_context.tree_hash);
    }));
    assert_eq!(rule(error), MisbehaviorError::TreeHash);
}

/// The whole epoch agrees on a wrong tree hash: everything but the hash itself is right.
// breaks: R105, R254
#[test]
fn a_group_that_agrees_on_a_wrong_tree_hash_is_not_joined() {
    let forged = Forged::new();
    let victim = Victim::new(b"victim");
    let tamper = Tamper {
        context: Some(Box::new(|context| context.tree_hash = flip(&context.tree_hash))),
        ..Tamper::default()
    };
    let commit = forged.forger.commit(&by_value([add(&victim.key_package())]), true, tamper);
    let error = victim.join_error(&commit.welcome(Tamper::default()));
    assert_eq!(rule(error), MisbehaviorError::TreeHash);
}

// breaks: R118
#[test]
fn a_group_of_another_version_is_not_joined() {
    let forged = Forged::new();
    let victim = Victim::new(b"victim");
    let tamper = Tamper {
        context: Some(Box::new(|context| context.version = ProtocolVersion(2))),
        ..Tamper::default()
    };
    let commit = forged.forger.commit(&by_value([add(&victim.key_package())]), true, tamper);
    let error = victim.join_error(&commit.welcome(Tamper::default()));
    assert_eq!(rule(error), MisbehaviorError::Version(ProtocolVersion(2)));
}

// breaks: R242
#[test]
fn the_own_leaf_is_that_of_the_key_package() {
    let forged = Forged::new();
    let victim = Victim::new(b"victim");
    let key_package = victim.key_package();
    let signer = &*victim.member.signer;
    let other = |change: fn(&mut LeafNode)| {
        resign_key_package(&forged.forger.suite, signer, &key_package, change, |_| ())
    };
    let another_key = forged.forger.client(b"nobody", NOW).1.leaf_node.encryption_key.clone();
    let mut leaf = key_package.leaf_node.value().clone();
    leaf.encryption_key = another_key;
    let mut third = key_package.value().clone();
    third.leaf_node = resign_leaf(&forged.forger.suite, signer, leaf, b"", 0);
    let third = resign_key_package(&forged.forger.suite, signer, &third, |_| (), |_| ());
    let capabilities = other(|leaf| {
        let more = leaf.capabilities.extensions.iter().copied().chain([ExtensionType(0xF123)]);
        leaf.capabilities.extensions = more.collect();
    });
    for added in [capabilities, third] {
        let mut commit = forged.forger.commit(&by_value([add(&added)]), true, Tamper::default());
        commit.added[0].1 = key_package.clone(); // the Welcome names the client's own
        let error = victim.join_error(&commit.welcome(Tamper::default()));
        assert_eq!(rule(error), MisbehaviorError::OwnLeafMissing);
    }
}

// breaks: R243, R244
#[test]
fn the_path_secret_gives_the_keys_of_the_tree() {
    let secret = |change: &dyn Fn(&mut GroupSecrets)| {
        rule(refused(Tamper { group_secrets: Some(change), ..Tamper::default() }))
    };
    let other = |secrets: &mut GroupSecrets| secrets.path_secret = Some(Secret::copy_from(&[3; 32]));
    assert_eq!(secret(&other), MisbehaviorError::PathSecret);
}

// breaks: R245
#[test]
fn the_confirmation_tag_of_the_group_info_is_checked() {
    let error = refused(group_info(|info| info.confirmation_tag = flip(&info.confirmation_tag)));
    assert_eq!(rule(error), MisbehaviorError::ConfirmationTag);
}

// breaks: R246
#[test]
fn a_member_added_without_a_path_can_join_and_follow() {
    let forged = Forged::new();
    let victim = Victim::new(b"victim");
    let commit = forged.forger.commit(&by_value([add(&victim.key_package())]), false, Tamper::default());
    let group = victim.join(&commit.welcome(Tamper::default())).accept().unwrap();
    let mut world = victim::InGroup { forged: Forged { forger: commit.next, ..forged }, victim, group };
    let next = world.forger().commit(&[], true, Tamper::default());
    world.accept(next);
}

// breaks: R247, R259
#[test]
fn unknown_extensions_of_a_group_info_are_ignored() {
    let forged = Forged::new();
    let victim = Victim::new(b"victim");
    let commit = forged.invite(&victim);
    let with = |extension: Extension| {
        group_info(move |info| {
            let mut all = info.extensions.to_vec();
            all.push(extension);
            info.extensions = all.into();
        })
    };
    victim.join(&commit.welcome(with(unknown(0xF123))));
    victim.join(&commit.welcome(with(unknown(0x3A3A))));
}

// breaks: R187, R255, R261
#[test]
fn extensions_of_a_group_info_are_in_their_place_and_once() {
    let push = |kind: ExtensionType| {
        group_info(move |info| {
            let mut all = info.extensions.to_vec();
            all.push(Extension { extension_type: kind, extension_data: Opaque::default() });
            info.extensions = all.into();
        })
    };
    let kind = ExtensionType::RATCHET_TREE;
    assert_eq!(rule(refused(push(kind))), MisbehaviorError::DuplicateExtension(kind));
    let kind = ExtensionType::EXTERNAL_SENDERS;
    assert_eq!(rule(refused(push(kind))), MisbehaviorError::MisplacedExtension(kind));
    // A ratchet tree is no extension of the GroupContext.
    let kind = ExtensionType::RATCHET_TREE;
    let extension = Extension { extension_type: kind, extension_data: Opaque::default() };
    let forged = Forged::with_extensions(Extensions::from(vec![extension]));
    let victim = Victim::new(b"victim");
    let error = victim.join_error(&forged.invite(&victim).welcome(Tamper::default()));
    assert_eq!(rule(error), MisbehaviorError::MisplacedExtension(kind));
}

// breaks: R248
#[test]
fn the_tree_can_come_from_elsewhere_but_must_come() {
    let forged = Forged::new();
    let victim = Victim::new(b"victim");
    let commit = forged.invite(&victim);
    let without_tree = commit.welcome(group_info(|info| {
        let others = info.extensions.iter().filter(|e| e.extension_type != ExtensionType::RATCHET_TREE);
        info.extensions = others.cloned().collect();
    }));
    assert_eq!(incompatible(victim.join_error(&without_tree)), IncompatibleError::MissingRatchetTree);
    let tree = encode(&commit.next.tree.to_nodes().unwrap()).unwrap();
    let older = encode(&forged.forger.tree.to_nodes().unwrap()).unwrap();
    let error = victim.client.join_with_tree(&without_tree, &older).map(drop).unwrap_err();
    assert_eq!(rule(error), MisbehaviorError::TreeHash);
    victim.client.join_with_tree(&without_tree, &tree).unwrap().accept().unwrap();
}

// breaks: R225, R249
#[test]
fn one_welcome_or_several_for_several_members() {
    let forged = Forged::new();
    let (one, two) = (Victim::new(b"one"), Victim::new(b"two"));
    let proposals = [add(&one.key_package()), add(&two.key_package())];
    let commit = forged.forger.commit(&by_value(proposals), true, Tamper::default());
    let together = commit.welcome(Tamper::default());
    let apart = |which: usize| {
        commit.welcome(welcome(move |welcome| {
            let secrets = welcome.secrets.to_vec();
            welcome.secrets = vec![secrets[which].clone()].into();
        }))
    };
    assert_eq!(incompatible(one.join_error(&apart(1))), IncompatibleError::NoKeyPackage);
    two.join(&together);
    let a = one.join(&apart(0)).accept().unwrap();
    let b = two.join(&apart(1)).accept().unwrap();
    assert_eq!(a.epoch_authenticator().unwrap(), b.epoch_authenticator().unwrap());
    assert_eq!(a.epoch_authenticator().unwrap(), *commit.next.secrets.epoch_authenticator());
}

// breaks: R158
#[test]
fn a_key_package_is_used_once() {
    let forged = Forged::new();
    let victim = Victim::new(b"victim");
    let commit = forged.invite(&victim);
    let welcome = commit.welcome(Tamper::default());
    victim.join(&welcome).accept().unwrap();
    let again = victim.join_error(&welcome);
    assert!(matches!(again, Error::KeyPackageRetired(KeyPackageState::Consumed)), "{again}");
    assert_eq!(victim.client.key_packages().unwrap(), []);
}

// breaks: R260
#[test]
fn a_group_with_an_extension_that_we_lack_is_not_joined() {
    let forged = Forged::with_extensions(Extensions::from(vec![unknown(0xF0F0)]));
    let victim = Victim::new(b"victim");
    let error = incompatible(victim.join_error(&forged.invite(&victim).welcome(Tamper::default())));
    let kind = ExtensionType(0xF0F0);
    let named = [IncompatibleError::OwnExtension(kind), IncompatibleError::GroupContextExtension(kind)];
    assert!(named.contains(&error), "{error}");
}

// breaks: R264, R265
#[test]
fn grease_in_a_group_context_is_an_unsupported_extension() {
    let forged = Forged::with_extensions(Extensions::from(vec![unknown(0x5A5A)]));
    let victim = Victim::new(b"victim");
    let error = incompatible(victim.join_error(&forged.invite(&victim).welcome(Tamper::default())));
    let kind = ExtensionType(0x5A5A);
    let named = [IncompatibleError::OwnExtension(kind), IncompatibleError::GroupContextExtension(kind)];
    assert!(named.contains(&error), "{error}");
}

// breaks: R075, R165, R240
#[test]
fn all_leaves_of_a_joined_tree_have_the_required_capabilities() {
    let required = RequiredCapabilities {
        proposal_types: vec![ProposalType(0xF00A)].into(),
        ..RequiredCapabilities::default()
    };
    let forged = Forged::with_extensions(Extensions::from(vec![Extension::new(&required).unwrap()]));
    let victim = Victim::new(b"victim");
    let error = victim.join_error(&forged.invite(&victim).welcome(Tamper::default()));
    assert_eq!(incompatible(error), IncompatibleError::RequiredCapability);
}

/// The forger's own leaf breaks a rule; its signature, and all that depends on it, is right.
fn with_leaf(change: impl FnOnce(&mut LeafNode) + 'static) -> Error {
    let forged = Forged::new();
    let victim = Victim::new(b"victim");
    let tamper = Tamper { leaf: Some(Box::new(change)), ..Tamper::default() };
    let commit = forged.forger.commit(&by_value([add(&victim.key_package())]), true, tamper);
    victim.join_error(&commit.welcome(Tamper::default()))
}

// breaks: R065, R240
#[test]
fn leaves_of_a_joined_tree_list_their_credential_type() {
    let error = with_leaf(|leaf| {
        leaf.capabilities =
            Capabilities { credentials: vec![CredentialType(0xF001)].into(), ..leaf.capabilities.clone() };
    });
    assert_eq!(rule(error), MisbehaviorError::LeafCredentialNotListed(CredentialType::BASIC));
}

// breaks: R064, R079, R240, R259
#[test]
fn leaves_of_a_joined_tree_list_their_extensions() {
    let error = with_leaf(|leaf| leaf.extensions = vec![unknown(0xF123)].into());
    assert_eq!(rule(error), MisbehaviorError::LeafExtensionNotListed(ExtensionType(0xF123)));
}

// breaks: R261
#[test]
fn leaves_of_a_joined_tree_have_no_extension_of_a_group_info() {
    let kind = ExtensionType::EXTERNAL_PUB;
    let error = with_leaf(move |leaf| {
        leaf.extensions = vec![Extension { extension_type: kind, extension_data: Opaque::default() }].into();
    });
    assert_eq!(rule(error), MisbehaviorError::MisplacedExtension(kind));
}

// breaks: R187, R240
#[test]
fn leaves_of_a_joined_tree_have_no_extension_twice() {
    let error = with_leaf(|leaf| {
        leaf.capabilities.extensions = vec![ExtensionType(0xF123)].into();
        leaf.extensions = vec![unknown(0xF123), unknown(0xF123)].into();
    });
    assert_eq!(rule(error), MisbehaviorError::DuplicateExtension(ExtensionType(0xF123)));
}

// breaks: R066, R259, R266
#[test]
fn unknown_capabilities_of_others_are_ignored() {
    let forged = Forged::new();
    let victim = Victim::new(b"victim");
    let change = |leaf: &mut LeafNode| {
        leaf.capabilities.proposals = vec![ProposalType(0x2A2A), ProposalType(0xF0AA)].into();
        leaf.capabilities.extensions = vec![ExtensionType(0x2A2A), ExtensionType(0xF0AA)].into();
        leaf.capabilities.versions = vec![ProtocolVersion(0xF0), ProtocolVersion::MLS10].into();
    };
    let tamper = Tamper { leaf: Some(Box::new(change)), ..Tamper::default() };
    let commit = forged.forger.commit(&by_value([add(&victim.key_package())]), true, tamper);
    victim.join(&commit.welcome(Tamper::default())).accept().unwrap();
}

fn psk_id(psk: Psk, nonce: u8, len: usize) -> PreSharedKeyId {
    PreSharedKeyId { psk, psk_nonce: Opaque::from(vec![nonce; len]) }
}

fn external(name: &[u8]) -> Psk {
    Psk::External { psk_id: Opaque::from(name) }
}

fn resumption(usage: ResumptionPskUsage) -> Psk {
    Psk::Resumption { usage, psk_group_id: Opaque::from(b"old"), psk_epoch: 4 }
}

// breaks: R126, R134
#[test]
fn the_psks_of_a_welcome_must_be_held() {
    let forged = Forged::new();
    let victim = Victim::new(b"victim");
    let psk = Proposal::PreSharedKey(PreSharedKey { psk: psk_id(external(b"shared"), 1, 32) });
    let list = by_value([add(&victim.key_package()), psk]);
    let commit = forged.forger.commit(&list, true, Tamper::default());
    let welcome = commit.welcome(Tamper::default());
    assert_eq!(incompatible(victim.join_error(&welcome)), IncompatibleError::MissingPsk);
    victim.client.store_psk(b"shared", &Secret::copy_from(&[8; 32])).unwrap();
    victim.join_error(&welcome); // the wrong value opens nothing
    victim.client.store_psk(b"shared", &Secret::copy_from(&[7; 32])).unwrap();
    victim.join(&welcome).accept().unwrap();
}

// breaks: R127, R131, R135
#[test]
fn the_psks_of_a_welcome_are_well_formed() {
    let psks = |ids: Vec<PreSharedKeyId>| {
        let change = move |secrets: &mut GroupSecrets| secrets.psks = ids.clone().into();
        rule(refused(Tamper { group_secrets: Some(&change), ..Tamper::default() }))
    };
    assert_eq!(psks(vec![psk_id(external(b"shared"), 1, 31)]), MisbehaviorError::PskNonce);
    let twice = psk_id(external(b"shared"), 1, 32);
    assert_eq!(psks(vec![twice.clone(), twice]), MisbehaviorError::DuplicatePsk);
    let (reinit, branch) = (ResumptionPskUsage::Reinit, ResumptionPskUsage::Branch);
    for (first, second) in [(reinit, branch), (reinit, reinit), (branch, branch)] {
        let ids = vec![psk_id(resumption(first), 1, 32), psk_id(resumption(second), 2, 32)];
        assert_eq!(psks(ids), MisbehaviorError::SeveralResumptionPsks);
    }
}

/// The error for a changed GroupInfo given to a client that wants to join from outside.
fn external_join_refused(tamper: Tamper<'_>) -> Error {
    let forged = Forged::new();
    let victim = Victim::new(b"victim");
    let error = victim.client.external_join(&forged.forger.group_info_message(tamper)).build();
    let error = error.map(drop).expect_err("the group info was accepted");
    let good = forged.forger.group_info_message(Tamper::default());
    victim.client.external_join(&good).build().unwrap();
    error
}

// breaks: R250
#[test]
fn an_external_join_needs_external_pub() {
    let error = external_join_refused(group_info(|info| {
        let others = info.extensions.iter().filter(|e| e.extension_type != ExtensionType::EXTERNAL_PUB);
        info.extensions = others.cloned().collect();
    }));
    assert_eq!(rule(error), MisbehaviorError::MissingExternalPub);
}

// breaks: R251
#[test]
fn an_external_joiner_checks_the_group_info_as_any_joiner() {
    let change = |info: &mut GroupInfo| info.signature = flip(&info.signature);
    let error =
        external_join_refused(Tamper { signed_group_info: Some(Box::new(change)), ..Tamper::default() });
    assert_eq!(rule(error), MisbehaviorError::GroupInfoSignature);
    let error = external_join_refused(group_info(|info| info.signer = LeafIndex(3)));
    assert_eq!(rule(error), MisbehaviorError::GroupInfoSignature);
    let error = external_join_refused(group_info(|info| {
        info.group_context.tree_hash = flip(&info.group_context.tree_hash);
    }));
    assert_eq!(rule(error), MisbehaviorError::TreeHash);
    let error = external_join_refused(group_info(|info| info.group_context.version = ProtocolVersion(2)));
    assert_eq!(rule(error), MisbehaviorError::Version(ProtocolVersion(2)));
    let error = external_join_refused(group_info(|info| {
        info.group_context.extensions = vec![unknown(0xF0F0)].into();
    }));
    assert!(matches!(
        incompatible(error),
        IncompatibleError::GroupContextExtension(_) | IncompatibleError::OwnExtension(_)
    ));
}

// breaks: R014, R250
#[test]
fn an_external_key_that_is_none_is_refused() {
    let error = external_join_refused(group_info(|info| {
        let key = pleach_wire::ExternalPub { external_pub: HpkePublicKey::from([0; 16].as_slice()) };
        let others = info.extensions.iter().filter(|e| e.extension_type != ExtensionType::EXTERNAL_PUB);
        info.extensions = others.cloned().chain([Extension::new(&key).unwrap()]).collect();
    }));
    assert!(!matches!(error, Error::ApiMisuse(_) | Error::Internal(_)), "{error:?}");
}
