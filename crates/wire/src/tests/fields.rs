//! The bytes of what is signed, MACed and hashed, against their definitions written out by hand.

use std::{vec, vec::Vec};

use super::samples;
use crate::*;

// breaks: R070
#[test]
fn leaf_node_tbs_names_the_place_of_the_leaf() {
    let place = b"\x05group\x00\x00\x00\x07";
    let lifetime = LeafNodeSource::KeyPackage(Lifetime { not_before: 0, not_after: 1 });
    for (source, suffix) in [
        (lifetime, &[][..]),
        (LeafNodeSource::Update, &place[..]),
        (LeafNodeSource::Commit { parent_hash: b"hash".into() }, &place[..]),
    ] {
        let leaf = samples::leaf(source);
        // The signature of 64 bytes has a header of 2.
        let before = &leaf.bytes()[..leaf.bytes().len() - 66];
        assert_eq!(leaf.bytes_before_signature(), before);
        assert_eq!(leaf.tbs(b"group", LeafIndex(7)).unwrap(), [before, suffix].concat());
    }
}

#[test]
fn kept_values_are_signed_in_place() {
    for signature in [vec![], vec![1; 63], vec![2; 64], vec![3; 0x4000]] {
        let signature = Opaque::from(signature);
        let package = samples::key_package();
        let before = package.bytes_before_signature().to_vec();
        let shared = package.clone();
        let signed = package.with_signature(signature.clone()).unwrap();
        assert_eq!(signed.bytes_before_signature(), before);
        assert_eq!(signed.signature, signature);
        assert_eq!(signed.bytes(), encode(signed.value()).unwrap());
        assert_eq!(decode::<Kept<KeyPackage>>(signed.bytes()).unwrap(), signed);
        assert_eq!(shared, samples::key_package());
        assert_ne!(shared, signed);
        assert_eq!(signed.clone().into_value(), *signed);
    }
    let info = samples::group_info();
    assert_eq!(info.tbs().unwrap(), info.bytes_before_signature());
    assert_eq!(info.bytes().len() - 66, info.tbs().unwrap().len());
}

#[test]
fn decoded_leaves_keep_their_bytes() {
    let bytes = encode(&samples::tree()).unwrap();
    let tree: RatchetTreeNodes = decode(&bytes).unwrap();
    let Some(Some(Node::Leaf(leaf))) = tree.first() else { panic!("a leaf") };
    assert_eq!(*leaf, samples::leaf(LeafNodeSource::Update));
    assert_eq!(leaf.bytes(), encode(leaf.value()).unwrap());
}

// breaks: R038
#[test]
fn framed_content_tbs_has_the_context_of_members_and_joiners() {
    for message in samples::public_messages() {
        let content = encode(&message.content).unwrap();
        let with = matches!(message.content.sender, Sender::Member(_) | Sender::NewMemberCommit);
        let tbs = |group_context| FramedContentTbs {
            wire_format: WireFormat::PUBLIC_MESSAGE,
            content: &message.content,
            group_context,
        };
        let mut want = [&[0, 1, 0, 1], content.as_slice()].concat();
        if with {
            want.extend_from_slice(b"context");
            assert_eq!(encode(&tbs(None)), Err(EncodeError::Inconsistent("group_context")));
        } else {
            assert_eq!(encode(&tbs(None)).as_ref(), Ok(&want));
        }
        assert_eq!(encode(&tbs(Some(b"context"))).as_ref(), Ok(&want));
        let tbm = AuthenticatedContentTbm { content_tbs: tbs(Some(b"context")), auth: &message.auth };
        want.extend(encode(&message.auth).unwrap());
        assert_eq!(encode(&tbm), Ok(want));
    }
}

// breaks: R119, R120
#[test]
fn transcript_hash_inputs() {
    for message in samples::public_messages() {
        let input = ConfirmedTranscriptHashInput {
            wire_format: WireFormat::PRIVATE_MESSAGE,
            content: &message.content,
            signature: b"sig",
        };
        if matches!(message.content.content, Content::Commit(_)) {
            let content = encode(&message.content).unwrap();
            assert_eq!(encode(&input).unwrap(), [&[0, 2], content.as_slice(), b"\x03sig"].concat());
        } else {
            assert_eq!(encode(&input), Err(EncodeError::Inconsistent("content")));
        }
    }
    assert_eq!(encode(&InterimTranscriptHashInput { confirmation_tag: b"tag" }).unwrap(), b"\x03tag");
}

// breaks: R103, R104, R106
#[test]
fn tree_and_parent_hash_inputs() {
    let leaf = samples::leaf(LeafNodeSource::Update);
    let parent = samples::parent();
    let leaf_input = |leaf_node| {
        encode(&TreeHashInput::Leaf(LeafNodeHashInput { leaf_index: LeafIndex(258), leaf_node })).unwrap()
    };
    assert_eq!(leaf_input(None), [1, 0, 0, 1, 2, 0]);
    assert_eq!(leaf_input(Some(&leaf)), [&[1, 0, 0, 1, 2, 1], leaf.bytes()].concat());
    let parent_input = |parent_node| {
        encode(&TreeHashInput::Parent(ParentNodeHashInput {
            parent_node,
            left_hash: b"L",
            right_hash: b"RR",
        }))
        .unwrap()
    };
    assert_eq!(parent_input(None), b"\x02\x00\x01L\x02RR");
    let node = encode(&parent).unwrap();
    assert_eq!(parent_input(Some(&parent)), [b"\x02\x01", node.as_slice(), b"\x01L\x02RR"].concat());
    let input =
        ParentHashInput { encryption_key: b"key", parent_hash: b"", original_sibling_tree_hash: b"hash" };
    assert_eq!(encode(&input).unwrap(), b"\x03key\x00\x04hash");
}

// breaks: R054, R058
#[test]
fn additional_data() {
    let content = PrivateContentAad {
        group_id: b"g",
        epoch: 0x0102,
        content_type: ContentType::Commit,
        authenticated_data: b"aad",
    };
    assert_eq!(encode(&content).unwrap(), b"\x01g\0\0\0\0\0\0\x01\x02\x03\x03aad");
    let sender = SenderDataAad { group_id: b"g", epoch: 0x0102, content_type: ContentType::Application };
    assert_eq!(encode(&sender).unwrap(), b"\x01g\0\0\0\0\0\0\x01\x02\x01");
    let data = SenderData { leaf_index: LeafIndex(1), generation: 2, reuse_guard: [3, 4, 5, 6] };
    assert_eq!(encode(&data).unwrap(), [0, 0, 0, 1, 0, 0, 0, 2, 3, 4, 5, 6]);
}

// breaks: R128
#[test]
fn psk_label() {
    let [external, _] = samples::psk_ids();
    let label = encode(&PskLabel { id: &external, index: 1, count: 0x0203 }).unwrap();
    assert_eq!(label, [b"\x01\x03psk\x20", [11u8; 32].as_slice(), &[0, 1, 2, 3]].concat());
}

// breaks: R164, R191
#[test]
fn extensions_by_type() {
    let info = samples::group_info();
    assert_eq!(info.extensions.ratchet_tree().unwrap().unwrap(), samples::tree());
    assert_eq!(info.extensions.external_pub().unwrap().unwrap().external_pub.len(), 32);
    assert_eq!(info.extensions.required_capabilities(), Ok(None));
    let required = info.group_context.extensions.required_capabilities().unwrap().unwrap();
    assert_eq!(*required.proposal_types, [ProposalType(8)]);
    let senders = info.group_context.extensions.external_senders().unwrap().unwrap();
    assert_eq!(senders.external_senders[0].credential, Credential::basic(b"server"));
    let id = samples::extensions().application_id().unwrap().unwrap();
    assert_eq!(&*id.application_id, b"app");
}

// breaks: R278
#[test]
fn group_secrets_do_not_print() {
    for secrets in samples::group_secrets() {
        let text = std::format!("{secrets:?}");
        assert!(!text.contains("1a1a") && !text.contains("26, 26") && !text.contains("27, 27"), "{text}");
    }
}

// breaks: R024, R066
#[test]
fn unknown_types_are_data() {
    let mut bytes: Vec<u8> = vec![0xf0, 0x03, 2, 1, 2];
    let proposal: Proposal = decode(&bytes).unwrap();
    assert_eq!(proposal, Proposal::Custom { proposal_type: ProposalType(0xf003), data: (&[1, 2]).into() });
    bytes[0] = 0x0a;
    bytes[1] = 0x0a;
    let credential: Credential = decode(&bytes).unwrap();
    assert_eq!(credential.credential_type(), CredentialType(0x0a0a));
    assert!(credential.credential_type().is_grease());
    let capabilities: Capabilities = decode(&encode(&samples::capabilities()).unwrap()).unwrap();
    assert_eq!(capabilities, samples::capabilities()); // unknown values among them
}
