//! Joining by Welcome (RFC 9420 §12.4.3, §12.4.3.1), and GroupInfos and trees from outside (§12.4.3.2, §12.4.3.3).

use super::{driver::*, evil::*, invitation::Invitation};
use crate::CredentialReason;
use pleach_key_schedule::KeyScheduleError;
use pleach_wire::{MlsMessage, NodeIndex, RatchetTreeNodes};

/// Alice, Bob and Carol, with a path of Alice's, and Dave, who has an invitation of hers: with a path or without.
pub(super) fn invited(force_path: bool) -> (Client, Client, Client, Client, Vec<u8>) {
    invited_in(SUITE_1, force_path)
}

pub(super) fn invited_in(
    suite: CipherSuiteId,
    force_path: bool,
) -> (Client, Client, Client, Client, Vec<u8>) {
    let (mut alice, mut bob, mut carol) = trio_with(suite, &in_public(), Extensions::default(), &|_| ());
    let update = alice.commit_and_merge(&CommitSpec { force_path: true, ..CommitSpec::default() });
    bob.follow(&update);
    carol.follow(&update);
    let mut dave = Client::new("dave", suite, &in_public());
    let add = alice.commit(&CommitSpec {
        proposals: vec![ProposalSpec::Add(dave.key_package())],
        force_path,
        ..CommitSpec::default()
    });
    alice.merge(&add);
    bob.follow(add.message());
    carol.follow(add.message());
    (alice, bob, carol, dave, add.welcomes()[0].message.clone())
}

/// The Welcome as it is, and sealed again, are good; and changed so, it is refused.
#[track_caller]
pub(super) fn refuses(change: impl Fn(Invitation) -> Invitation, error: impl Into<GroupError>) {
    let error = error.into();
    for suite in [SUITE_1, SUITE_2] {
        let (alice, _, _, dave, welcome) = invited_in(suite, true);
        let invitation = Invitation::open(&dave, &welcome);
        dave.would_join(&invitation.seal(&alice)).unwrap();
        let rows = dave.rows.clone();
        assert_eq!(dave.refuses_welcome(&change(invitation).seal(&alice)), error, "{suite:?}");
        assert_eq!(rows, dave.rows);
    }
}

// breaks: R234
#[test]
fn refuses_a_welcome_for_somebody_else() {
    let (_, _, _, dave, welcome) = invited(true);
    let mut other = Client::new("erin", SUITE_1, &in_public());
    other.key_package();
    assert_eq!(other.refuses_welcome(&welcome), IncompatibleError::NoKeyPackage.into());
    dave.would_join(&welcome).unwrap();
    // A key package that the Welcome does not name.
    let env = other.env();
    let record = crate::new_key_package(&env, &other.key_package_spec(), &*other.signer).unwrap();
    let read = crate::read_welcome(&env, &welcome).unwrap();
    let refused = crate::open_welcome(&env, read, record).unwrap_err();
    assert_eq!(refused, IncompatibleError::NoKeyPackage.into());
}

// breaks: R234, R239
#[test]
fn refuses_a_welcome_of_another_suite() {
    let suite_3 = CipherSuiteId::X25519_CHACHA20POLY1305_SHA256_ED25519;
    refuses(|it| it.change(|it| it.cipher_suite = suite_3), MisbehaviorError::SuiteMismatch);
    let other = |it: Invitation| it.change(|it| it.group_info.group_context.cipher_suite = suite_3);
    refuses(other, MisbehaviorError::SuiteMismatch);
    let unknown = CipherSuiteId(0xF001);
    refuses(
        |it| it.change(|it| it.cipher_suite = unknown),
        IncompatibleError::CipherSuite(no_suite(unknown)),
    );
}

// breaks: R235, R236
#[test]
fn refuses_a_welcome_that_does_not_decrypt() {
    let (alice, _, _, dave, welcome) = invited(true);
    let invitation = Invitation::open(&dave, &welcome).confirmed();
    dave.would_join(&invitation.seal_as_is(&alice, |_| (), b"Welcome")).unwrap();
    let label = invitation.seal_as_is(&alice, |_| (), b"Welcom");
    assert_eq!(dave.refuses_welcome(&label), MisbehaviorError::WelcomeDecryption.into());
    let spoiled = invitation.seal_as_is(&alice, |bytes| bytes[0] ^= 1, b"Welcome");
    assert_eq!(dave.refuses_welcome(&spoiled), KeyScheduleError::GroupInfoDecryption.into());
    // What is encrypted for the group is the context of what is encrypted for one.
    let MlsMessage { body: pleach_wire::MlsMessageBody::Welcome(mut parts), .. } = decode(&welcome).unwrap()
    else {
        panic!("a Welcome")
    };
    let mut bytes = parts.encrypted_group_info.to_vec();
    bytes[0] ^= 1;
    parts.encrypted_group_info = bytes.into();
    let swapped = encode(&MlsMessage::from(parts)).unwrap();
    assert_eq!(dave.refuses_welcome(&swapped), MisbehaviorError::WelcomeDecryption.into());
}

// breaks: R237
#[test]
fn refuses_a_group_info_that_its_signer_did_not_sign() {
    let (alice, bob, _, dave, welcome) = invited(true);
    let invitation = Invitation::open(&dave, &welcome);
    let error = GroupError::from(MisbehaviorError::GroupInfoSignature);
    assert_eq!(dave.refuses_welcome(&invitation.seal(&bob)), error);
    for signer in [1, 3, 4, 1 << 31] {
        let other = invitation.clone().change(|it| it.group_info.signer = LeafIndex(signer));
        assert_eq!(dave.refuses_welcome(&other.seal(&alice)), error);
    }
    dave.would_join(&invitation.seal(&alice)).unwrap();
    // A blank signer.
    let (mut alice, mut bob, _) = trio();
    bob.follow(&alice.commit_and_merge(&CommitSpec {
        proposals: vec![ProposalSpec::Remove(LeafIndex(2))],
        ..CommitSpec::default()
    }));
    let mut dave = Client::new("dave", SUITE_1, &in_public());
    let spec = CommitSpec { proposals: vec![ProposalSpec::Add(dave.key_package())], ..CommitSpec::default() };
    let welcome = alice.commit_and_merge(&spec);
    let blank = Invitation::open(&dave, &welcome).change(|it| it.group_info.signer = LeafIndex(3));
    assert_eq!(dave.refuses_welcome(&blank.seal(&alice)), error);
}

// breaks: R238
#[test]
fn a_group_of_the_same_id_is_not_replaced() {
    let (_, _, _, mut dave, welcome) = invited(true);
    let staged = dave.stage_join(&welcome, None, None).unwrap();
    let step = staged.into_step(&dave.env()).unwrap();
    assert!(step.changes.guards.contains(&Guard::Absent(RecordKey::Head)));
    assert!(dave.guards_hold(&step.changes));
    dave.create(b"group", Extensions::default());
    assert!(!dave.guards_hold(&step.changes), "the batch is refused as a whole");
}

// breaks: R243, R244
#[test]
fn refuses_a_path_secret_that_does_not_fit_the_tree() {
    let secret = |it: Invitation| it.change(|it| it.group_secrets.path_secret = Some(Secret::zero(32)));
    refuses(secret, MisbehaviorError::PathSecret);
    // The path secret is for the common ancestor of Dave and the signer: as if Carol had signed.
    let (_, _, carol, dave, welcome) = invited(true);
    let invitation = Invitation::open(&dave, &welcome).change(|it| it.group_info.signer = LeafIndex(2));
    assert_eq!(dave.refuses_welcome(&invitation.seal(&carol)), MisbehaviorError::PathSecret.into());
}

// breaks: R245
#[test]
fn refuses_a_welcome_with_a_wrong_confirmation_tag() {
    let (alice, _, _, dave, welcome) = invited(true);
    let invitation = Invitation::open(&dave, &welcome);
    let tags = [Opaque::default(), Opaque::from(&[0; 32]), Opaque::from(&[0; 33])];
    for tag in tags {
        let changed = invitation.clone().change(|it| it.group_info.confirmation_tag = tag);
        let welcome = changed.seal_as_is(&alice, |_| (), b"Welcome");
        assert_eq!(dave.refuses_welcome(&welcome), MisbehaviorError::ConfirmationTag.into());
    }
    dave.stage_join(&invitation.seal(&alice), None, None).unwrap();
}

// breaks: R246, R122
#[test]
fn a_joiner_without_a_path_secret_is_unmerged_and_can_commit() {
    let (mut alice, mut bob, _, mut dave, welcome) = invited(false);
    let path_secret = Invitation::open(&dave, &welcome).group_secrets.path_secret;
    assert_eq!(path_secret, None);
    dave.join(&welcome).unwrap();
    let root = dave.state().tree().unwrap().parent(NodeIndex(3)).unwrap().unwrap();
    assert_eq!(root.unmerged_leaves(), [LeafIndex(3)]);
    assert_eq!(alice.authenticator(), dave.authenticator());
    // The transcript of a joiner is that of the members.
    let commit = dave.commit_and_merge(&CommitSpec { force_path: true, ..CommitSpec::default() });
    alice.follow(&commit);
    bob.follow(&commit);
    assert_eq!(alice.authenticator(), dave.authenticator());
    let commit = alice.commit_and_merge(&CommitSpec { force_path: true, ..CommitSpec::default() });
    dave.follow(&commit);
    assert_eq!(alice.authenticator(), dave.authenticator());
}

// breaks: R118
#[test]
fn refuses_a_group_of_another_version() {
    let version = ProtocolVersion(2);
    let other = |it: Invitation| it.change(|it| it.group_info.group_context.version = version);
    refuses(other, MisbehaviorError::Version(version));
}

// breaks: R247, R259
#[test]
fn unknown_extensions_of_a_group_info_are_ignored() {
    let (alice, _, _, dave, welcome) = invited(true);
    let invitation = Invitation::open(&dave, &welcome);
    let more = invitation.change(|it| it.set_extension(unknown_extension(UNKNOWN)));
    dave.would_join(&more.seal(&alice)).unwrap();
    // Known ones in a wrong place are not.
    for wrong in [1, 3, 5] {
        let more = more.clone().change(|it| it.set_extension(unknown_extension(wrong)));
        let refused = dave.refuses_welcome(&more.seal(&alice));
        assert_eq!(refused, MisbehaviorError::MisplacedExtension(ExtensionType(wrong)).into());
    }
}

// breaks: R187
#[test]
fn refuses_two_extensions_of_one_type_in_a_group_info() {
    let twice = |it: Invitation| {
        it.change(|it| {
            let mut list = it.group_info.extensions.to_vec();
            list.extend([unknown_extension(UNKNOWN), unknown_extension(UNKNOWN)]);
            it.group_info.extensions = list.into();
        })
    };
    refuses(twice, MisbehaviorError::DuplicateExtension(ExtensionType(UNKNOWN)));
}

// breaks: R247, R260, R264, R265
#[test]
fn refuses_a_group_with_an_extension_that_is_not_supported() {
    let with = |extension: u16| {
        move |it: Invitation| {
            it.change(|it| {
                it.group_info.group_context.extensions = vec![unknown_extension(extension)].into();
            })
        }
    };
    refuses(with(UNKNOWN), IncompatibleError::GroupContextExtension(ExtensionType(UNKNOWN)));
    // GREASE is no exception, listed or not.
    refuses(with(0x0A0A), IncompatibleError::OwnExtension(ExtensionType(0x0A0A)));
}

// breaks: R255, R261
#[test]
fn refuses_an_extension_in_the_group_context_that_has_no_place_there() {
    for wrong in [ExtensionType::APPLICATION_ID, ExtensionType::RATCHET_TREE, ExtensionType::EXTERNAL_PUB] {
        let with = |it: Invitation| {
            it.change(|it| {
                it.group_info.group_context.extensions = vec![unknown_extension(wrong.0)].into();
            })
        };
        refuses(with, MisbehaviorError::MisplacedExtension(wrong));
    }
}

// breaks: R249, R225
#[test]
fn one_welcome_or_several_serve_all_who_were_added() {
    let (mut alice, mut bob, _) = trio();
    let names = ["dave", "erin", "frank"];
    let mut joiners = names.map(|name| Client::new(name, SUITE_1, &in_public()));
    let adds = joiners.iter_mut().map(|joiner| ProposalSpec::Add(joiner.key_package())).collect();
    let commit =
        alice.commit(&CommitSpec { proposals: adds, welcome_size: Some(2), ..CommitSpec::default() });
    assert_eq!(commit.welcomes().iter().map(|part| part.recipients.len()).collect::<Vec<_>>(), [2, 1]);
    alice.merge(&commit);
    bob.follow(commit.message());
    for (joiner, welcome) in joiners.iter_mut().zip([0, 0, 1]) {
        let [first, second] = commit.welcomes() else { panic!("two Welcomes") };
        let (mine, other) = if welcome == 0 { (first, second) } else { (second, first) };
        assert_eq!(joiner.refuses_welcome(&other.message), IncompatibleError::NoKeyPackage.into());
        joiner.join(&mine.message).unwrap();
        assert_eq!(joiner.authenticator(), bob.authenticator());
    }
}

// breaks: R249, R234
#[test]
fn a_welcome_is_cut_up_for_those_who_were_added() {
    for size in [None, Some(2)] {
        let (mut alice, mut bob, _) = trio();
        let names = ["dave", "erin", "frank", "grace", "heidi"];
        let mut joiners = names.map(|name| Client::new(name, SUITE_1, &in_public()));
        let adds = joiners.iter_mut().map(|joiner| ProposalSpec::Add(joiner.key_package())).collect();
        let spec = CommitSpec { proposals: adds, welcome_size: size, ..CommitSpec::default() };
        let commit = alice.commit(&spec);
        let all: Vec<_> = commit.welcomes().iter().flat_map(|part| part.recipients.clone()).collect();
        // As many as fit, in order, and nobody twice. What is stored is cut up as what was made.
        let row = commit.to_row().unwrap();
        let stored = PendingCommit::from_row(crate::RowKind::PendingCommit, &row).unwrap();
        for members in [0, 1, 2, 3, 10] {
            let parts: Vec<_> = commit.split_welcomes(members).unwrap().collect();
            assert_eq!(stored.split_welcomes(members).unwrap().collect::<Vec<_>>(), parts);
            assert_eq!(parts.iter().flat_map(|part| part.recipients.clone()).collect::<Vec<_>>(), all);
            assert!(parts.iter().all(|part| (1..=members.max(1)).contains(&part.recipients.len())));
        }
        alice.merge(&commit);
        bob.follow(commit.message());
        let parts: Vec<_> = commit.split_welcomes(1).unwrap().collect();
        assert_eq!(parts.len(), 5);
        let whole = commit.welcomes()[0].message.len();
        for (at, joiner) in joiners.iter_mut().enumerate() {
            let own = commit.welcome_for(&all[at]).unwrap().unwrap();
            assert_eq!(own, parts[at].message);
            assert!(own.len() < whole);
            for other in parts.iter().filter(|part| part.recipients != [all[at].clone()]) {
                assert_eq!(joiner.refuses_welcome(&other.message), IncompatibleError::NoKeyPackage.into());
            }
            joiner.join(&own).unwrap();
            assert_eq!(joiner.authenticator(), bob.authenticator());
        }
        assert_eq!(commit.welcome_for(b"nobody"), Ok(None));
    }
}

// breaks: R158
#[test]
fn a_key_package_is_used_once_unless_it_is_a_last_resort() {
    let (_, _, _, mut dave, welcome) = invited(true);
    let key_packages =
        |client: &Client| client.rows.keys().filter(|key| matches!(key, RecordKey::KeyPackage(_))).count();
    assert_eq!(key_packages(&dave), 1);
    let mut again = dave.clone();
    for row in again.rows.values_mut() {
        let mut record = crate::KeyPackageRecord::from_row(row).unwrap();
        record.last_resort = true;
        *row = record.to_row();
    }
    again.join(&welcome).unwrap();
    assert_eq!(key_packages(&again), 1);
    dave.join(&welcome).unwrap();
    assert_eq!(key_packages(&dave), 0);
    assert_eq!(dave.refuses_welcome(&welcome), IncompatibleError::NoKeyPackage.into());
}

// breaks: R026, R030, R073
#[test]
fn all_credentials_of_a_joined_tree_are_to_be_answered_for() {
    let sender = pleach_wire::ExternalSender {
        signature_key: Client::new("server", SUITE_1, &in_public()).signer.public().into(),
        credential: Credential::basic(b"server"),
    };
    let senders = pleach_wire::ExternalSenders { external_senders: vec![sender].into() };
    let extensions = Extensions::from(vec![Extension::new(&senders).unwrap()]);
    let (mut alice, ..) = trio_with(SUITE_1, &in_public(), extensions, &|_| ());
    let mut dave = Client::new("dave", SUITE_1, &in_public());
    let proposals = vec![ProposalSpec::Add(dave.key_package())];
    let welcome = alice.commit_and_merge(&CommitSpec { proposals, ..CommitSpec::default() });
    let staged = dave.stage_join(&welcome, None, None).unwrap();
    let checks: Vec<_> =
        staged.credentials().iter().map(|check| (check.reason, check.leaf, check.new.clone())).collect();
    let member = |leaf, name: &str| {
        (CredentialReason::JoinedTree, Some(LeafIndex(leaf)), Credential::basic(name.as_bytes()))
    };
    let external = (CredentialReason::ExternalSender, None, Credential::basic(b"server"));
    assert_eq!(checks, [member(0, "alice"), member(1, "bob"), member(2, "carol"), external]);
}

struct NotWithAlice;

impl Rules for NotWithAlice {
    fn allow_join(
        &self,
        _: &pleach_wire::GroupContext,
        members: u32,
        inviter: Option<&LeafNode>,
    ) -> Result<(), GroupError> {
        assert_eq!((members, inviter.unwrap().credential.clone()), (4, Credential::basic(b"alice")));
        Err(GroupError::Denied("not with her"))
    }
}

#[test]
fn the_application_can_decline_an_invitation() {
    let (_, _, _, mut dave, welcome) = invited(true);
    dave.rules = &NotWithAlice;
    assert_eq!(dave.refuses_welcome(&welcome), GroupError::Denied("not with her"));
}

// breaks: R250
#[test]
fn refuses_to_join_without_the_key_for_external_commits() {
    let (mut alice, bob, _) = trio();
    let dave = Client::new("dave", SUITE_1, &in_public());
    let external = |group_info: &[u8]| {
        let env = dave.env();
        let verified = crate::verify_group_info(&env, group_info, None).unwrap();
        let spec = crate::ExternalCommitSpec {
            leaf: dave.leaf.clone(),
            resync: false,
            psks: Vec::new(),
            authenticated_data: Vec::new(),
        };
        match crate::external_commit(&env, &Rows::new(), &verified, &spec, &*dave.signer) {
            Ok(step) => Ok(step.output.message().to_vec()),
            Err(Interrupt::Error(error)) => Err(error),
            Err(Interrupt::Need(need)) => panic!("{need:?}"),
        }
    };
    let without = alice.group_info(false, TreeDelivery::Inline);
    assert_eq!(external(&without).unwrap_err(), MisbehaviorError::MissingExternalPub.into());
    let with = alice.group_info(true, TreeDelivery::Inline);
    bob.would_follow(&external(&with).unwrap());
}

// breaks: R251, R237, R240, R252
#[test]
fn a_group_info_is_verified_before_an_external_commit() {
    let (mut alice, bob, _) = trio();
    let dave = Client::new("dave", SUITE_1, &in_public());
    let verify = |message: &[u8]| {
        crate::verify_group_info(&dave.env(), message, None).map(|verified| verified.signer())
    };
    let good = alice.group_info(true, TreeDelivery::Inline);
    assert_eq!(verify(&good), Ok(LeafIndex(0)));
    let forged = bob.changed_group_info(&good, |_| ());
    assert_eq!(verify(&forged), Err(MisbehaviorError::GroupInfoSignature.into()));
    let hash = |group_info: &mut pleach_wire::GroupInfo| {
        group_info.group_context.tree_hash = Opaque::from(&[1; 32]);
    };
    assert_eq!(verify(&alice.changed_group_info(&good, hash)), Err(MisbehaviorError::TreeHash.into()));
    let version = |group_info: &mut pleach_wire::GroupInfo| {
        group_info.group_context.version = ProtocolVersion(9);
    };
    let refused = verify(&alice.changed_group_info(&good, version));
    assert_eq!(refused, Err(MisbehaviorError::Version(ProtocolVersion(9)).into()));
    let bare = alice.group_info(true, TreeDelivery::OutOfBand);
    assert_eq!(verify(&bare), Err(IncompatibleError::MissingRatchetTree.into()));
    let trailing = alice.changed_group_info(&good, |group_info| {
        let tree = group_info.extensions.find(ExtensionType::RATCHET_TREE).unwrap().extension_data.to_vec();
        let nodes: RatchetTreeNodes = decode(&tree).unwrap();
        let mut body: Vec<u8> = nodes
            .iter()
            .flat_map(|node| match node {
                None => vec![0],
                Some(node) => [vec![1], encode(node).unwrap()].concat(),
            })
            .collect();
        body.push(0);
        let extension_data = Opaque::from(encode(&Opaque::from(body)).unwrap());
        let extension = Extension { extension_type: ExtensionType::RATCHET_TREE, extension_data };
        group_info.extensions = vec![extension].into();
    });
    let refused = verify(&trailing);
    assert_eq!(refused, Err(pleach_wire::DecodeError::TrailingBlankNode.into()));
    let commit = alice.commit(&CommitSpec { force_path: true, ..CommitSpec::default() });
    assert_eq!(verify(commit.message()), Err(MisbehaviorError::NotGroupInfo.into()));
    assert_eq!(dave.refuses_welcome(&good), MisbehaviorError::NotWelcome.into());
    assert_eq!(alice.would_refuse(&good), MisbehaviorError::NotGroupMessage.into());
    let _joins = bob.must_follow(&alice.evil_commit(&Evil::default()));
}
