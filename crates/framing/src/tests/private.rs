//! PrivateMessage (RFC 9420 §6.3).

use super::*;
use core::num::NonZeroU32;
use pleach_key_schedule::{MessageKeys, RatchetKind, SecretTreeError};
use pleach_wire::{
    ContentType, DecodeError, PrivateContentAad, PrivateMessage, PrivateMessageContent, SenderData,
    SenderDataAad, decode, encode,
};

const PRIVATE: WireFormat = WireFormat::PRIVATE_MESSAGE;

fn keys(kind: RatchetKind, generation: u32) -> MessageKeys {
    tree().prepare(suite(), LeafIndex(1), kind, generation).unwrap().0
}

fn protect_with(content: &AuthenticatedContent, padding: Padding) -> Result<PrivateMessage, FramingError> {
    let keys = keys(ratchet_kind(content.content.content.content_type()), 3);
    protect_private(&epoch(), &sender_data_secret(), keys, content, padding, &SystemRandom)
}

fn protect(content: &AuthenticatedContent) -> PrivateMessage {
    protect_with(content, Padding::None).unwrap()
}

/// As a group would: the step is committed last.
fn receive(
    tree: &mut SecretTree,
    message: &PrivateMessage,
) -> Result<Verified<AuthenticatedContent>, FramingError> {
    let sender_data = open_sender_data(&epoch(), &sender_data_secret(), message)?;
    let kind = ratchet_kind(message.content_type);
    let (keys, step) = tree.prepare(suite(), sender_data.leaf_index, kind, sender_data.generation).unwrap();
    let verified = open_private(&epoch(), message, &sender_data, keys)?.verify(&epoch(), &*verifier())?;
    tree.commit(step).unwrap();
    Ok(verified)
}

/// Encrypts a plaintext as it is: what a member can do that breaks the rules.
fn seal(content_type: ContentType, keys: &MessageKeys, mut text: Vec<u8>) -> PrivateMessage {
    let suite = suite();
    let (group_id, epoch, authenticated_data) = (GROUP_ID, EPOCH, &b"authenticated"[..]);
    let aad = encode(&PrivateContentAad { group_id, epoch, content_type, authenticated_data }).unwrap();
    suite.aead.seal(keys.key(), keys.nonce().as_bytes(), &aad, &mut text).unwrap();
    let sender_data =
        SenderData { leaf_index: LeafIndex(1), generation: keys.generation(), reuse_guard: [0; 4] };
    with_sender_data(content_type, &encode(&sender_data).unwrap(), text)
}

fn with_sender_data(content_type: ContentType, sender_data: &[u8], ciphertext: Vec<u8>) -> PrivateMessage {
    let (group_id, epoch) = (GROUP_ID, EPOCH);
    let aad = encode(&SenderDataAad { group_id, epoch, content_type }).unwrap();
    let (key, nonce) = sender_data_key_and_nonce(suite(), &sender_data_secret(), &ciphertext).unwrap();
    let mut encrypted_sender_data = sender_data.to_vec();
    suite().aead.seal(&key, nonce.as_bytes(), &aad, &mut encrypted_sender_data).unwrap();
    PrivateMessage {
        group_id: group_id.into(),
        epoch,
        content_type,
        authenticated_data: Opaque::from(b"authenticated"),
        encrypted_sender_data: encrypted_sender_data.into(),
        ciphertext: ciphertext.into(),
    }
}

#[test]
fn what_is_protected_is_unprotected() {
    for body in [application(), remove(), commit(Some(path()))] {
        let content = signed(PRIVATE, MEMBER, body);
        let message: PrivateMessage = decode(&encode(&protect(&content)).unwrap()).unwrap();
        assert_eq!(receive(&mut tree(), &message).unwrap().into_inner(), content);
    }
}

// breaks: R050, R271
#[test]
fn padding_of_any_length_is_accepted() {
    let content = signed(PRIVATE, MEMBER, application());
    let unpadded = protect(&content).ciphertext.len();
    for block in [1, 2, 7, 256, 100_000] {
        let message = protect_with(&content, Padding::Block(NonZeroU32::new(block).unwrap())).unwrap();
        let len = message.ciphertext.len() - suite().aead.tag_len();
        assert_eq!(len % block as usize, 0);
        assert!(len + suite().aead.tag_len() >= unpadded);
        assert_eq!(receive(&mut tree(), &message).unwrap().into_inner(), content);
    }
    let message = protect_with(&content, Padding::Padme).unwrap();
    assert_eq!(receive(&mut tree(), &message).unwrap().into_inner(), content);
    for padding in [0, 1, 70_000] {
        let AuthenticatedContent { content: framed, auth, .. } = &content;
        let text = PrivateMessageContent::encode(&framed.content, auth, padding).unwrap();
        let message = seal(ContentType::Application, &keys(RatchetKind::Application, 0), text);
        assert_eq!(receive(&mut tree(), &message).unwrap().into_inner(), content);
    }
}

// breaks: R049, R147
#[test]
fn padding_that_is_not_zero_is_refused_and_consumes_nothing() {
    let content = signed(PRIVATE, MEMBER, application());
    let text = PrivateMessageContent::encode(&content.content.content, &content.auth, 9).unwrap();
    let mut tree = tree();
    for i in 1..=9 {
        let mut text = text.clone();
        let at = text.len() - i;
        text[at] = 1;
        let message = seal(ContentType::Application, &keys(RatchetKind::Application, 0), text);
        let refused = receive(&mut tree, &message).unwrap_err();
        assert_eq!(refused, FramingError::Malformed(DecodeError::NonZeroPadding));
    }
    // The real message of that generation still comes in.
    let message = seal(ContentType::Application, &keys(RatchetKind::Application, 0), text);
    assert!(receive(&mut tree, &message).is_ok());
}

// breaks: R050, R051, R055
#[test]
fn what_was_encrypted_must_be_what_it_says() {
    let keys = keys(RatchetKind::Application, 0);
    for text in [&b""[..], b"\x05hel", b"\x05hello", b"\x05hello\x40"] {
        let message = seal(ContentType::Application, &keys, text.to_vec());
        assert!(matches!(receive(&mut tree(), &message), Err(FramingError::Malformed(_))), "{text:?}");
    }
    // A sender data of another length.
    for sender_data in [&[0; 11][..], &[0; 13], b""] {
        let message = with_sender_data(ContentType::Application, sender_data, vec![0; 40]);
        let refused = open_sender_data(&epoch(), &sender_data_secret(), &message);
        assert!(matches!(refused, Err(FramingError::Malformed(_))));
    }
}

// breaks: R055, R044, R147
#[test]
fn a_bad_signature_is_refused_and_consumes_nothing() {
    let good = signed(PRIVATE, MEMBER, application());
    let mut bad = good.clone();
    bad.content.content = Content::Application(Opaque::from(b"Hello"));
    let mut tree = tree();
    assert_eq!(receive(&mut tree, &protect(&bad)).unwrap_err(), FramingError::InvalidSignature);
    assert!(receive(&mut tree, &protect(&good)).is_ok());
    // Now it is consumed (R060).
    let replay = tree.prepare(suite(), LeafIndex(1), RatchetKind::Application, 3).map(|_| ());
    assert_eq!(replay, Err(SecretTreeError::AlreadyReceived { generation: 3 }));
}

// breaks: R038
#[test]
fn content_signed_for_a_public_message_is_not_made_private() {
    let content = signed(WireFormat::PUBLIC_MESSAGE, MEMBER, remove());
    assert_eq!(protect_with(&content, Padding::None), Err(FramingError::WrongWireFormat));
    let message = protect(&AuthenticatedContent { wire_format: PRIVATE, ..content });
    assert_eq!(receive(&mut tree(), &message).unwrap_err(), FramingError::InvalidSignature);
}

// breaks: R037, R057
#[test]
fn only_members_have_sender_data() {
    let mut content = signed(PRIVATE, MEMBER, remove());
    for sender in [Sender::External(1), Sender::NewMemberProposal, Sender::NewMemberCommit] {
        content.content.sender = sender;
        assert_eq!(protect_with(&content, Padding::None), Err(FramingError::PrivateSenderNotMember));
    }
}

// breaks: R045
#[test]
fn a_commit_needs_its_confirmation_tag() {
    let mut content = signed(PRIVATE, MEMBER, commit(None));
    content.auth.confirmation_tag = None;
    assert_eq!(protect_with(&content, Padding::None), Err(FramingError::ConfirmationTagPresence));
}

// breaks: R054, R058
#[test]
fn the_header_is_authenticated() {
    let good = protect(&signed(PRIVATE, MEMBER, remove()));
    let secret = sender_data_secret();
    let sender_data = open_sender_data(&epoch(), &secret, &good).unwrap();
    let keys = || keys(RatchetKind::Handshake, 3);
    // Each change passes the check of group and epoch: those are changed on both sides.
    type Change = fn(&mut PrivateMessage);
    let changes: [(Change, EpochContext<'_>, bool); 4] = [
        (|m| m.group_id = Opaque::from(b"other"), EpochContext { group_id: b"other", ..epoch() }, true),
        (|m| m.epoch = 8, EpochContext { epoch: 8, ..epoch() }, true),
        (|m| m.content_type = ContentType::Commit, epoch(), true),
        (|m| m.authenticated_data = Opaque::default(), epoch(), false),
    ];
    for (change, epoch, in_sender_data) in changes {
        let mut message = good.clone();
        change(&mut message);
        let phase_1 = open_sender_data(&epoch, &secret, &message);
        let expected = if in_sender_data { Err(FramingError::SenderDataDecryption) } else { Ok(sender_data) };
        assert_eq!(phase_1, expected);
        let phase_2 = open_private(&epoch, &message, &sender_data, keys()).unwrap_err();
        assert_eq!(phase_2, FramingError::ContentDecryption);
    }
    assert!(open_private(&epoch(), &good, &sender_data, keys()).is_ok());
}

// breaks: R051
#[test]
fn each_content_type_has_its_ratchet() {
    let content = signed(PRIVATE, MEMBER, application());
    let text = PrivateMessageContent::encode(&content.content.content, &content.auth, 0).unwrap();
    let message = seal(ContentType::Application, &keys(RatchetKind::Handshake, 0), text);
    assert_eq!(receive(&mut tree(), &message).unwrap_err(), FramingError::ContentDecryption);
    assert_eq!(ratchet_kind(ContentType::Application), RatchetKind::Application);
    assert_eq!(ratchet_kind(ContentType::Proposal), RatchetKind::Handshake);
    assert_eq!(ratchet_kind(ContentType::Commit), RatchetKind::Handshake);
}

// breaks: R058
#[test]
fn sender_data_is_bound_to_secret_and_ciphertext() {
    let good = protect(&signed(PRIVATE, MEMBER, application()));
    let failed = Err(FramingError::SenderDataDecryption);
    assert_eq!(open_sender_data(&epoch(), &Secret::zero(32), &good), failed);
    type Change = fn(&mut Vec<u8>, &mut Vec<u8>);
    let changes: [Change; 4] = [
        |sender_data, _| sender_data[0] ^= 1,
        |sender_data, _| sender_data.truncate(15),
        |_, ciphertext| ciphertext[31] ^= 1,
        |_, ciphertext| ciphertext.truncate(31),
    ];
    for change in changes {
        let (mut sender_data, mut ciphertext) =
            (good.encrypted_sender_data.to_vec(), good.ciphertext.to_vec());
        change(&mut sender_data, &mut ciphertext);
        let (encrypted_sender_data, ciphertext) = (sender_data.into(), ciphertext.into());
        let message = PrivateMessage { encrypted_sender_data, ciphertext, ..good.clone() };
        assert_eq!(open_sender_data(&epoch(), &sender_data_secret(), &message), failed);
    }
    // Behind the sample, the ciphertext has its own tag.
    let mut ciphertext = good.ciphertext.to_vec();
    ciphertext[32] ^= 1;
    let message = PrivateMessage { ciphertext: ciphertext.into(), ..good };
    assert_eq!(receive(&mut tree(), &message).unwrap_err(), FramingError::ContentDecryption);
}

// breaks: R058
#[test]
fn the_sample_is_the_beginning_or_all_of_the_ciphertext() {
    let secret = sender_data_secret();
    let derive = |ciphertext: &[u8]| sender_data_key_and_nonce(suite(), &secret, ciphertext).unwrap();
    let key = |sample: &[u8]| suite().expand_with_label(&secret, b"key", sample, 16).unwrap();
    for len in [0, 1, 31, 32] {
        assert_eq!(derive(&[7; 40][..len]).0, key(&[7; 40][..len]));
    }
    assert_eq!(derive(&[7; 40]), derive(&[7; 32]));
    assert_ne!(derive(&[7; 31]), derive(&[7; 32]));
}

// breaks: R053, R141
#[test]
fn the_reuse_guard_is_fresh_and_in_the_nonce() {
    let content = signed(PRIVATE, MEMBER, application());
    // Even if a restored backup made the same keys again, nonces would differ.
    let (one, other) = (protect(&content), protect(&content));
    assert_ne!(one.ciphertext, other.ciphertext);
    let sender_data = open_sender_data(&epoch(), &sender_data_secret(), &one).unwrap();
    let other_sender_data = open_sender_data(&epoch(), &sender_data_secret(), &other).unwrap();
    assert_ne!(sender_data.reuse_guard, other_sender_data.reuse_guard);
    let wrong = SenderData { reuse_guard: other_sender_data.reuse_guard, ..sender_data };
    let refused = open_private(&epoch(), &one, &wrong, keys(RatchetKind::Application, 3)).unwrap_err();
    assert_eq!(refused, FramingError::ContentDecryption);
    // By hand: the guard is XORed into the first four octets.
    let keys = keys(RatchetKind::Application, 3);
    let mut nonce = keys.nonce().as_bytes().to_vec();
    nonce.iter_mut().zip(sender_data.reuse_guard).for_each(|(octet, guard)| *octet ^= guard);
    let aad = encode(&PrivateContentAad {
        group_id: GROUP_ID,
        epoch: EPOCH,
        content_type: ContentType::Application,
        authenticated_data: b"authenticated",
    });
    let mut text = one.ciphertext.to_vec();
    suite().aead.open(keys.key(), &nonce, &aad.unwrap(), &mut text).unwrap();
    assert!(text.starts_with(b"\x05hello"));
}

// breaks: R053
#[test]
fn without_randomness_nothing_is_encrypted() {
    let content = signed(PRIVATE, MEMBER, application());
    let keys = keys(RatchetKind::Application, 0);
    let refused = protect_private(&epoch(), &sender_data_secret(), keys, &content, Padding::None, &NoRandom);
    assert_eq!(refused, Err(FramingError::Crypto(pleach_crypto::CryptoError::RandomUnavailable)));
}

// breaks: R048, R229
#[test]
fn messages_of_other_groups_and_epochs_are_refused() {
    let message = protect(&signed(PRIVATE, MEMBER, application()));
    let sender_data = open_sender_data(&epoch(), &sender_data_secret(), &message).unwrap();
    let group = EpochContext { group_id: b"other", ..epoch() };
    let later = EpochContext { epoch: 8, ..epoch() };
    for (epoch, expected) in
        [(group, FramingError::WrongGroup), (later, FramingError::WrongEpoch { message: EPOCH, epoch: 8 })]
    {
        assert_eq!(open_sender_data(&epoch, &sender_data_secret(), &message), Err(expected.clone()));
        let keys = keys(RatchetKind::Application, 3);
        assert_eq!(open_private(&epoch, &message, &sender_data, keys).unwrap_err(), expected);
    }
}

#[test]
fn keys_of_another_generation_are_the_callers_mistake() {
    let message = protect(&signed(PRIVATE, MEMBER, application()));
    let sender_data = open_sender_data(&epoch(), &sender_data_secret(), &message).unwrap();
    let refused =
        open_private(&epoch(), &message, &sender_data, keys(RatchetKind::Application, 2)).unwrap_err();
    assert_eq!(refused, FramingError::WrongKeys);
}

// breaks: R058, R054, R059
#[test]
fn no_octet_can_be_changed() {
    let good = encode(&protect(&signed(PRIVATE, MEMBER, application()))).unwrap();
    for i in 0..good.len() {
        let mut bytes = good.clone();
        bytes[i] ^= 1;
        if let Ok(message) = decode::<PrivateMessage>(&bytes) {
            assert!(receive(&mut tree(), &message).is_err(), "octet {i}");
        }
    }
    assert!(receive(&mut tree(), &decode(&good).unwrap()).is_ok());
}
