//! Who may send what (RFC 9420 §6.1, §12.1.8), and what is signed.

use super::*;
use pleach_wire::{
    ExternalInit, GroupContextExtensions, PreSharedKey, PreSharedKeyId, ProposalType, Psk, ReInit, Update,
};

const PUBLIC: WireFormat = WireFormat::PUBLIC_MESSAGE;
const PRIVATE: WireFormat = WireFormat::PRIVATE_MESSAGE;

fn check(wire_format: WireFormat, sender: Sender, body: Content) -> Result<(), FramingError> {
    let content = content(sender, body);
    let result = check_sender(&epoch(), wire_format, &content);
    // Signing refuses the same.
    let signed = sign_content(&epoch(), &*signer(), wire_format, content);
    assert_eq!(signed.map(|_| ()), result);
    result
}

fn custom(proposal_type: u16) -> Content {
    Content::Proposal(Proposal::Custom {
        proposal_type: ProposalType(proposal_type),
        data: Opaque::default(),
    })
}

// breaks: R035
#[test]
fn application_data_is_private() {
    assert_eq!(check(PUBLIC, MEMBER, application()), Err(FramingError::PublicApplicationData));
    assert_eq!(check(PRIVATE, MEMBER, application()), Ok(()));
}

// breaks: R037, R057, R188
#[test]
fn only_members_send_private_messages() {
    for (sender, body) in [
        (Sender::External(0), remove()),
        (Sender::NewMemberProposal, add()),
        (Sender::NewMemberCommit, commit(Some(path()))),
    ] {
        assert_eq!(check(PUBLIC, sender, body.clone()), Ok(()));
        assert_eq!(check(PRIVATE, sender, body), Err(FramingError::PrivateSenderNotMember));
    }
    assert_eq!(check(WireFormat::WELCOME, MEMBER, remove()), Err(FramingError::WrongWireFormat));
}

// breaks: R041, R188
#[test]
fn external_senders_propose_and_only_what_is_for_them() {
    let external = Sender::External(3);
    assert_eq!(check(PUBLIC, external, commit(Some(path()))), Err(FramingError::ExternalSenderContent));
    assert_eq!(check(PUBLIC, external, application()), Err(FramingError::PublicApplicationData));
    let psk =
        PreSharedKeyId { psk: Psk::External { psk_id: Opaque::default() }, psk_nonce: Opaque::default() };
    let reinit = ReInit {
        group_id: Opaque::default(),
        version: ProtocolVersion::MLS10,
        cipher_suite: suite().id,
        extensions: Extensions::default(),
    };
    for allowed in [
        add(),
        remove(),
        Content::Proposal(Proposal::PreSharedKey(PreSharedKey { psk })),
        Content::Proposal(Proposal::ReInit(reinit)),
        Content::Proposal(Proposal::GroupContextExtensions(GroupContextExtensions {
            extensions: Extensions::default(),
        })),
    ] {
        assert_eq!(check(PUBLIC, external, allowed), Ok(()));
    }
    for refused in [
        Content::Proposal(Proposal::Update(Update { leaf_node: leaf_node() })),
        Content::Proposal(Proposal::ExternalInit(ExternalInit { kem_output: Opaque::default() })),
        custom(0xF001),
    ] {
        assert_eq!(check(PUBLIC, external, refused), Err(FramingError::ExternalSenderProposalType));
    }
}

// breaks: R192
#[test]
fn a_custom_proposal_type_is_for_external_senders_if_it_says_so() {
    let epoch = EpochContext { external_proposal_types: &[ProposalType(0xF001)], ..epoch() };
    let check = |body| check_sender(&epoch, PUBLIC, &content(Sender::External(0), body));
    assert_eq!(check(custom(0xF001)), Ok(()));
    assert_eq!(check(custom(0xF002)), Err(FramingError::ExternalSenderProposalType));
}

// breaks: R043, R188
#[test]
fn a_new_member_proposes_its_own_addition() {
    let new = Sender::NewMemberProposal;
    assert_eq!(check(PUBLIC, new, add()), Ok(()));
    for refused in [remove(), commit(Some(path())), custom(0xF001)] {
        assert_eq!(check(PUBLIC, new, refused), Err(FramingError::NewMemberProposalContent));
    }
}

// breaks: R042, R211
#[test]
fn a_new_member_commits_with_a_path() {
    let new = Sender::NewMemberCommit;
    assert_eq!(check(PUBLIC, new, commit(Some(path()))), Ok(()));
    assert_eq!(check(PUBLIC, new, commit(None)), Err(FramingError::NewMemberCommitWithoutPath));
    assert_eq!(check(PUBLIC, new, add()), Err(FramingError::NewMemberCommitContent));
}

// breaks: R039, R040, R042, R043, R212
#[test]
fn the_key_is_that_of_the_sender() {
    let embedded = signer().public().to_vec().into();
    for (sender, body, expected) in [
        (MEMBER, remove(), SignatureKey::Member(LeafIndex(1))),
        (Sender::Member(LeafIndex(u32::MAX)), application(), SignatureKey::Member(LeafIndex(u32::MAX))),
        (Sender::External(u32::MAX), remove(), SignatureKey::External(u32::MAX)),
        (Sender::NewMemberProposal, add(), SignatureKey::Embedded(&embedded)),
        (Sender::NewMemberCommit, commit(Some(path())), SignatureKey::Embedded(&embedded)),
    ] {
        assert_eq!(signature_key(&content(sender, body)), Ok(expected));
    }
    let refused = signature_key(&content(Sender::NewMemberCommit, commit(None))).unwrap_err();
    assert_eq!(refused, FramingError::NewMemberCommitWithoutPath);
    let refused = signature_key(&content(Sender::NewMemberProposal, remove())).unwrap_err();
    assert_eq!(refused, FramingError::NewMemberProposalContent);
}

// breaks: R038, R044
#[test]
fn the_signature_covers_the_context_of_members_and_external_commits() {
    let other = EpochContext { group_context: b"another GroupContext", ..epoch() };
    let none = EpochContext { group_context: b"", ..epoch() };
    for (sender, body, covered) in [
        (MEMBER, remove(), true),
        (Sender::NewMemberCommit, commit(Some(path())), true),
        (Sender::External(0), remove(), false),
        (Sender::NewMemberProposal, add(), false),
    ] {
        let content = signed(PUBLIC, sender, body);
        assert_eq!(verify_signature(&epoch(), &*verifier(), &content), Ok(()));
        let expected = if covered { Err(FramingError::InvalidSignature) } else { Ok(()) };
        assert_eq!(verify_signature(&other, &*verifier(), &content), expected);
        assert_eq!(verify_signature(&none, &*verifier(), &content), expected);
    }
}

// breaks: R038, R044
#[test]
fn the_signature_covers_everything_else() {
    let good = signed(PUBLIC, MEMBER, commit(None));
    let changes: [fn(&mut AuthenticatedContent); 8] = [
        |content| content.wire_format = PRIVATE,
        |content| content.content.group_id = Opaque::from(b"another"),
        |content| content.content.epoch += 1,
        |content| content.content.sender = Sender::Member(LeafIndex(0)),
        |content| content.content.authenticated_data = Opaque::default(),
        |content| content.content.content = remove(),
        |content| content.auth.signature = content.auth.signature[1..].into(),
        |content| content.auth.signature = Opaque::default(),
    ];
    for change in changes {
        let mut content = good.clone();
        change(&mut content);
        let verified = verify_signature(&epoch(), &*verifier(), &content);
        assert_eq!(verified, Err(FramingError::InvalidSignature), "{content:?}");
    }
    let another = suite().signature.load_signer(&Secret::from(vec![5; 32])).unwrap();
    let another = suite().signature.load_verifier(another.public()).unwrap();
    assert_eq!(verify_signature(&epoch(), &*another, &good), Err(FramingError::InvalidSignature));
}

// breaks: R048, R229
#[test]
fn content_of_another_epoch_is_not_signed() {
    let mut of_another_group = content(MEMBER, remove());
    of_another_group.group_id = Opaque::from(b"another");
    let refused = sign_content(&epoch(), &*signer(), PUBLIC, of_another_group);
    assert_eq!(refused, Err(FramingError::WrongGroup));
    let mut of_another_epoch = content(MEMBER, remove());
    of_another_epoch.epoch = 6;
    let refused = sign_content(&epoch(), &*signer(), PUBLIC, of_another_epoch);
    assert_eq!(refused, Err(FramingError::WrongEpoch { message: 6, epoch: EPOCH }));
}

// breaks: R019
#[test]
fn a_proposal_ref_is_of_the_authenticated_content() {
    let proposal = signed(PUBLIC, MEMBER, remove());
    let reference = proposal_ref(suite(), &proposal).unwrap();
    let encoded = pleach_wire::encode(&proposal).unwrap();
    let expected = suite().ref_hash(b"MLS 1.0 Proposal Reference", &encoded).unwrap();
    assert_eq!(reference.as_bytes(), expected.as_bytes());
    // The same proposal in the other wire format is another one.
    let private = signed(PRIVATE, MEMBER, remove());
    assert_ne!(proposal_ref(suite(), &private).unwrap(), reference);
}
