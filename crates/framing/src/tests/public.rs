//! PublicMessage (RFC 9420 §6.2).

use super::*;
use pleach_wire::{PublicMessage, decode, encode};

const PUBLIC: WireFormat = WireFormat::PUBLIC_MESSAGE;

fn protect(content: AuthenticatedContent) -> Result<PublicMessage, FramingError> {
    protect_public(&epoch(), Some(&membership_key()), content)
}

fn unprotect(message: PublicMessage) -> Result<Unverified<AuthenticatedContent>, FramingError> {
    unprotect_public(&epoch(), &membership_key(), message)
}

fn all() -> [AuthenticatedContent; 5] {
    [
        signed(PUBLIC, MEMBER, remove()),
        signed(PUBLIC, MEMBER, commit(None)),
        signed(PUBLIC, Sender::External(0), remove()),
        signed(PUBLIC, Sender::NewMemberProposal, add()),
        signed(PUBLIC, Sender::NewMemberCommit, commit(Some(path()))),
    ]
}

#[test]
fn what_is_protected_is_unprotected() {
    for content in all() {
        let message = protect(content.clone()).unwrap();
        assert_eq!(message.membership_tag.is_some(), content.content.sender == MEMBER);
        let message: PublicMessage = decode(&encode(&message).unwrap()).unwrap();
        let unverified = unprotect(message.clone()).unwrap();
        assert_eq!(unverified.sender(), content.content.sender);
        assert_eq!(unverified.content_type(), content.content.content.content_type());
        assert_eq!(unverified.signature_key(), signature_key(&content.content));
        assert_eq!(unverified.verify(&epoch(), &*verifier()).unwrap().into_inner(), content);
        let observed = observe_public(&epoch(), message).unwrap();
        assert_eq!(observed.verify(&epoch(), &*verifier()).unwrap().into_inner(), content);
    }
}

/// Someone outside of the group has no membership key, and needs none.
#[test]
fn only_members_need_the_membership_key() {
    for content in all() {
        let member = content.content.sender == MEMBER;
        let result = protect_public(&epoch(), None, content).map(|_| ());
        assert_eq!(result, if member { Err(FramingError::MembershipKeyNeeded) } else { Ok(()) });
    }
}

// breaks: R035
#[test]
fn application_data_is_refused_both_ways() {
    let private = signed(WireFormat::PRIVATE_MESSAGE, MEMBER, application());
    let content = AuthenticatedContent { wire_format: PUBLIC, ..private };
    assert_eq!(protect(content.clone()), Err(FramingError::PublicApplicationData));
    // It decodes, and is refused whatever its tag.
    let message = PublicMessage {
        content: content.content,
        auth: content.auth,
        membership_tag: Some(Opaque::default()),
    };
    let message: PublicMessage = decode(&encode(&message).unwrap()).unwrap();
    assert_eq!(unprotect(message.clone()).unwrap_err(), FramingError::PublicApplicationData);
    assert_eq!(observe_public(&epoch(), message).unwrap_err(), FramingError::PublicApplicationData);
}

// breaks: R046, R047
#[test]
fn the_membership_tag_covers_everything() {
    let good = protect(signed(PUBLIC, MEMBER, commit(None))).unwrap();
    let changes: [fn(&mut PublicMessage); 7] = [
        |message| message.membership_tag = Some(Opaque::default()),
        |message| message.membership_tag = message.membership_tag.as_ref().map(|tag| tag[1..].into()),
        |message| message.content.sender = Sender::Member(LeafIndex(0)),
        |message| message.content.authenticated_data = Opaque::from(b"other"),
        |message| message.content.content = commit(Some(path())),
        |message| message.auth.signature = Opaque::from(b"other"),
        |message| message.auth.confirmation_tag = Some(Opaque::from(b"other")),
    ];
    for change in changes {
        let mut message = good.clone();
        change(&mut message);
        assert_eq!(unprotect(message).unwrap_err(), FramingError::InvalidMembershipTag);
    }
    let key = Secret::from(vec![9; 32]);
    let refused = unprotect_public(&epoch(), &key, good.clone()).unwrap_err();
    assert_eq!(refused, FramingError::InvalidMembershipTag);
    let other = EpochContext { group_context: b"another", ..epoch() };
    let refused = unprotect_public(&other, &membership_key(), good).unwrap_err();
    assert_eq!(refused, FramingError::InvalidMembershipTag);
}

// breaks: R046, R047
#[test]
fn every_octet_of_the_encoding_counts() {
    let good = encode(&protect(signed(PUBLIC, MEMBER, remove())).unwrap()).unwrap();
    for i in 0..good.len() {
        for bit in [0x01, 0x80] {
            let mut bytes = good.clone();
            bytes[i] ^= bit;
            if let Ok(message) = decode::<PublicMessage>(&bytes) {
                let accepted = unprotect(message).and_then(|content| content.verify(&epoch(), &*verifier()));
                assert!(accepted.is_err(), "octet {i}");
            }
        }
    }
}

// breaks: R046
#[test]
fn the_tag_is_there_iff_the_sender_is_a_member() {
    let mut without = protect(signed(PUBLIC, MEMBER, remove())).unwrap();
    without.membership_tag = None;
    let mut with = protect(signed(PUBLIC, Sender::External(0), remove())).unwrap();
    with.membership_tag = Some(Opaque::from(b"tag"));
    for message in [without, with] {
        assert_eq!(unprotect(message.clone()).unwrap_err(), FramingError::MembershipTagPresence);
        assert_eq!(observe_public(&epoch(), message).unwrap_err(), FramingError::MembershipTagPresence);
    }
}

// breaks: R045
#[test]
fn the_confirmation_tag_is_there_iff_it_is_a_commit() {
    let mut without = signed(PUBLIC, MEMBER, commit(None));
    without.auth.confirmation_tag = None;
    let mut with = signed(PUBLIC, MEMBER, remove());
    with.auth.confirmation_tag = Some(Opaque::from(b"tag"));
    for content in [without, with] {
        assert_eq!(protect(content.clone()), Err(FramingError::ConfirmationTagPresence));
        let AuthenticatedContent { content, auth, .. } = content;
        let message = PublicMessage { content, auth, membership_tag: Some(Opaque::default()) };
        assert_eq!(unprotect(message).unwrap_err(), FramingError::ConfirmationTagPresence);
    }
}

// breaks: R044, R047
#[test]
fn a_member_cannot_sign_for_another() {
    // The tag proves membership of somebody; the signature is made with another key than that of leaf 1.
    let other = suite().signature.load_signer(&Secret::from(vec![5; 32])).unwrap();
    let content = sign_content(&epoch(), &*other, PUBLIC, content(MEMBER, remove())).unwrap();
    let unverified = unprotect(protect(content).unwrap()).unwrap();
    assert_eq!(unverified.verify(&epoch(), &*verifier()).unwrap_err(), FramingError::InvalidSignature);
}

// breaks: R038
#[test]
fn content_signed_for_a_private_message_is_not_made_public() {
    let content = signed(WireFormat::PRIVATE_MESSAGE, MEMBER, remove());
    assert_eq!(protect(content.clone()), Err(FramingError::WrongWireFormat));
    // A member that strips the encryption: it can make the tag, and not the signature.
    let content = AuthenticatedContent { wire_format: PUBLIC, ..content };
    let unverified = unprotect(protect(content).unwrap()).unwrap();
    assert_eq!(unverified.verify(&epoch(), &*verifier()).unwrap_err(), FramingError::InvalidSignature);
}

// breaks: R048, R229
#[test]
fn messages_of_other_groups_and_epochs_are_refused_before_any_mac() {
    let message = protect(signed(PUBLIC, MEMBER, remove())).unwrap();
    let key = Secret::zero(32);
    let other = EpochContext { group_id: b"other", ..epoch() };
    assert_eq!(unprotect_public(&other, &key, message.clone()).unwrap_err(), FramingError::WrongGroup);
    for number in [0, 6, 8, u64::MAX] {
        let other = EpochContext { epoch: number, ..epoch() };
        let refused = unprotect_public(&other, &key, message.clone()).unwrap_err();
        assert_eq!(refused, FramingError::WrongEpoch { message: EPOCH, epoch: number });
    }
}

// breaks: R037, R041, R042, R043
#[test]
fn sender_rules_are_checked_on_receipt() {
    let refuse = |sender, body, expected| {
        let signed = signed(PUBLIC, MEMBER, body);
        let content = FramedContent { sender, ..signed.content };
        let message = PublicMessage { content, auth: signed.auth, membership_tag: None };
        assert_eq!(unprotect(message.clone()).unwrap_err(), expected);
        assert_eq!(observe_public(&epoch(), message).unwrap_err(), expected);
    };
    refuse(Sender::External(0), commit(None), FramingError::ExternalSenderContent);
    refuse(Sender::NewMemberCommit, commit(None), FramingError::NewMemberCommitWithoutPath);
    refuse(Sender::NewMemberCommit, remove(), FramingError::NewMemberCommitContent);
    refuse(Sender::NewMemberProposal, remove(), FramingError::NewMemberProposalContent);
}
