//! One rule broken at a time.

use std::vec::Vec;

use super::samples;
use crate::*;

/// The position of `needle` in `bytes`, which must be there once.
fn find(bytes: &[u8], needle: &[u8]) -> usize {
    let found: Vec<_> =
        bytes.windows(needle.len()).enumerate().filter(|(_, w)| *w == needle).map(|(i, _)| i).collect();
    assert_eq!(found.len(), 1);
    found[0]
}

fn unknown(what: UnknownKind, value: u32) -> DecodeError {
    DecodeError::UnknownValue { what, value }
}

// breaks: R001
#[test]
fn presence_octets_are_0_or_1() {
    let commit = encode(&Commit { proposals: List::default(), path: None }).unwrap();
    assert_eq!(commit, [0, 0]);
    for octet in 2..=255 {
        assert_eq!(decode::<Commit>(&[0, octet]), Err(DecodeError::BadPresence));
        assert_eq!(decode::<RatchetTreeNodes>(&[1, octet]), Err(DecodeError::BadPresence));
        assert_eq!(decode::<GroupSecrets>(&[0, octet, 0]), Err(DecodeError::BadPresence));
    }
}

// breaks: R002, R003
#[test]
fn lengths_are_minimal() {
    for length in 0..0x40u16 {
        let [high, low] = (length | 0x4000).to_be_bytes();
        assert_eq!(decode_length(&[high, low]), Err(DecodeError::NonMinimalLength));
        assert_eq!(decode_length(&[low]), Ok((length.into(), &[][..])));
    }
    assert_eq!(decode_length(&[0x40, 0x40]), Ok((0x40, &[][..])));
    for length in [0u32, 0x3f, 0x40, 0x3fff] {
        assert_eq!(decode_length(&(length | 0x8000_0000).to_be_bytes()), Err(DecodeError::NonMinimalLength));
    }
    assert_eq!(decode_length(&[0x80, 0, 0x40, 0]), Ok((0x4000, &[][..])));
    // In the middle of a structure too.
    assert_eq!(decode::<Credential>(b"\x00\x01\x40\x05alice"), Err(DecodeError::NonMinimalLength));
}

// breaks: R004
#[test]
fn the_length_prefix_11_is_reserved() {
    for first in 0xc0..=0xff {
        assert_eq!(decode_length(&[first, 0, 0, 0, 0, 0, 0, 0, 0]), Err(DecodeError::ReservedLengthPrefix));
    }
    assert_eq!(decode::<Opaque>(&[0xc0, 0, 0, 0, 0, 0, 0, 0]), Err(DecodeError::ReservedLengthPrefix));
}

// breaks: R006
#[test]
fn elements_end_with_their_vector() {
    // Three bytes of two-byte elements, with a byte behind that could complete the second.
    assert_eq!(decode::<List<ProtocolVersion>>(&[3, 0, 1, 0, 1]), Err(DecodeError::Truncated));
    assert_eq!(decode::<List<Opaque>>(&[2, 2, 7, 7]), Err(DecodeError::Truncated));
    assert_eq!(decode::<List<LeafIndex>>(&[5, 0, 0, 0, 1, 0]), Err(DecodeError::Truncated));
    assert_eq!(decode::<Capabilities>(&[0, 1, 0, 1, 0, 0, 0]), Err(DecodeError::Truncated));
    assert_eq!(decode::<Opaque>(&[2, 7]), Err(DecodeError::Truncated));
    for cut_header in [&[][..], &[0x40], &[0x80], &[0x80, 0, 0x40]] {
        assert_eq!(decode_length(cut_header), Err(DecodeError::Truncated));
    }
}

// breaks: R007
#[test]
fn closed_enumerations_are_closed() {
    fn check<T: tls_codec::DeserializeBytes + core::fmt::Debug + PartialEq>(what: UnknownKind, last: u8) {
        assert_eq!(decode::<T>(&[0]), Err(unknown(what, 0)));
        for value in 1..=last {
            assert!(decode::<T>(&[value]).is_ok());
        }
        for value in last + 1..=255 {
            assert_eq!(decode::<T>(&[value]), Err(unknown(what, value.into())));
        }
    }
    check::<ContentType>(UnknownKind::ContentType, 3);
    check::<SenderType>(UnknownKind::SenderType, 4);
    check::<LeafNodeSourceType>(UnknownKind::LeafNodeSource, 3);
    check::<NodeType>(UnknownKind::NodeType, 2);
    check::<ProposalOrRefType>(UnknownKind::ProposalOrRefType, 2);
    check::<PskType>(UnknownKind::PskType, 2);
    check::<ResumptionPskUsage>(UnknownKind::ResumptionPskUsage, 3);
}

// breaks: R007
#[test]
fn unknown_enumerators_keep_their_name_through_the_layers() {
    let mut message = encode(&MlsMessage::from(samples::private_message())).unwrap();
    let content_type = find(&message, b"group") + 5 + 8;
    message[content_type] = 9;
    assert_eq!(decode::<MlsMessage>(&message), Err(unknown(UnknownKind::ContentType, 9)));
    // The list, its element's type.
    assert_eq!(decode::<Commit>(&[1, 7, 0]), Err(unknown(UnknownKind::ProposalOrRefType, 7)));
}

// breaks: R009
#[test]
fn only_mls10_and_known_wire_formats() {
    let good = encode(&MlsMessage::from(samples::private_message())).unwrap();
    for version in [0u16, 2, 0x0a0a, 0xffff] {
        let mut bytes = good.clone();
        bytes[..2].copy_from_slice(&version.to_be_bytes());
        assert_eq!(decode::<MlsMessage>(&bytes), Err(DecodeError::UnsupportedVersion(version)));
    }
    for wire_format in [0u16, 6, 7, 0x0a0a, 0xf000] {
        let mut bytes = good.clone();
        bytes[2..4].copy_from_slice(&wire_format.to_be_bytes());
        assert_eq!(decode::<MlsMessage>(&bytes), Err(DecodeError::UnknownWireFormat(wire_format)));
    }
    let mut message = MlsMessage::from(samples::private_message());
    message.version = ProtocolVersion(2);
    assert_eq!(encode(&message), Err(EncodeError::Inconsistent("version")));
}

// breaks: R010
#[test]
fn nothing_follows_the_value() {
    assert_eq!(decode::<Opaque>(&[0, 0]), Err(DecodeError::TrailingData));
    let mut reader = Reader::new(&[0, 0]);
    assert_eq!(reader.read_opaque(), Ok(&[][..]));
    assert_eq!(reader.finish(), Err(DecodeError::TrailingData));
    // Nor the value in an extension.
    let extension =
        Extension { extension_type: ExtensionType::APPLICATION_ID, extension_data: b"\x01a\x00".into() };
    let extensions = Extensions::from(Vec::from([extension]));
    assert_eq!(extensions.application_id(), Err(DecodeError::TrailingData));
}

// breaks: R045
#[test]
fn the_confirmation_tag_belongs_to_commits() {
    for message in samples::public_messages() {
        let mut wrong = message.clone();
        wrong.auth.confirmation_tag = match wrong.auth.confirmation_tag {
            Some(_) => None,
            None => Some(Opaque::default()),
        };
        assert_eq!(encode(&wrong), Err(EncodeError::Inconsistent("confirmation_tag")));
        let content = &message.content.content;
        let padded = PrivateMessageContent::encode(content, &wrong.auth, 0);
        assert_eq!(padded, Err(EncodeError::Inconsistent("confirmation_tag")));
    }
}

// breaks: R046
#[test]
fn the_membership_tag_belongs_to_members() {
    for message in samples::public_messages() {
        let mut wrong = message;
        wrong.membership_tag = match wrong.membership_tag {
            Some(_) => None,
            None => Some(Opaque::default()),
        };
        assert_eq!(encode(&wrong), Err(EncodeError::Inconsistent("membership_tag")));
    }
}

// breaks: R049, R050
#[test]
fn padding_is_zero() {
    for content in samples::contents() {
        let auth = samples::auth(&content);
        for padding in [0, 1, 31, 5_000] {
            let mut bytes = PrivateMessageContent::encode(&content, &auth, padding).unwrap();
            assert_eq!(bytes.len(), PrivateMessageContent::len(&content, &auth) + padding);
            let decoded = PrivateMessageContent::decode(content.content_type(), &bytes);
            assert_eq!(decoded, Ok(PrivateMessageContent { content: content.clone(), auth: auth.clone() }));
            let end = bytes.len();
            for at in [end - padding, end - padding / 2, end - 1] {
                if padding == 0 || at >= end {
                    continue;
                }
                bytes[at] = 1;
                let decoded = PrivateMessageContent::decode(content.content_type(), &bytes);
                assert_eq!(decoded, Err(DecodeError::NonZeroPadding));
                bytes[at] = 0;
            }
        }
    }
}

// breaks: R061
#[test]
fn unmerged_leaves_are_strictly_increasing() {
    for leaves in [[1, 1], [2, 1], [u32::MAX, 0]] {
        let mut parent = samples::parent();
        parent.unmerged_leaves = leaves.map(LeafIndex).into();
        assert_eq!(encode(&parent), Err(EncodeError::Inconsistent("unmerged_leaves")));
        let mut bytes = encode(&ParentNode { unmerged_leaves: List::default(), ..parent }).unwrap();
        bytes.pop();
        bytes.push(8);
        bytes.extend(leaves.iter().flat_map(|leaf| leaf.to_be_bytes()));
        assert_eq!(decode::<ParentNode>(&bytes), Err(DecodeError::UnsortedUnmergedLeaves));
        // The error survives the layers above.
        let mut tree = Vec::from([1, 0, 1, 2]);
        tree.extend_from_slice(&bytes);
        let tree = encode(&Opaque::from(tree[1..].to_vec())).unwrap();
        assert_eq!(decode::<RatchetTreeNodes>(&tree), Err(DecodeError::UnsortedUnmergedLeaves));
    }
}

// breaks: R072
#[test]
fn lifetime_and_parent_hash_follow_the_source() {
    let lifetime = Lifetime { not_before: 1, not_after: 2 };
    let key_package = encode(&LeafNodeSource::KeyPackage(lifetime)).unwrap();
    let update = encode(&LeafNodeSource::Update).unwrap();
    let commit = encode(&LeafNodeSource::Commit { parent_hash: b"ph".into() }).unwrap();
    assert_eq!((key_package.len(), update.as_slice(), commit.as_slice()), (17, &[2][..], &b"\x03\x02ph"[..]));
    // A lifetime after update or commit, none after key_package, a parent hash after update, none after commit.
    let with = |source: u8, data: &[u8]| decode::<LeafNodeSource>(&[&[source], data].concat());
    assert_eq!(with(2, &key_package[1..]), Err(DecodeError::TrailingData));
    assert_eq!(with(3, &key_package[1..]), Err(DecodeError::TrailingData));
    assert_eq!(with(1, &[]), Err(DecodeError::Truncated));
    assert_eq!(with(1, &commit[1..]), Err(DecodeError::Truncated));
    assert_eq!(with(2, &commit[1..]), Err(DecodeError::TrailingData));
    assert_eq!(with(3, &[]), Err(DecodeError::Truncated));
}

// breaks: R187
#[test]
fn duplicate_extensions_are_found() {
    let of = |types: &[u16]| -> Extensions {
        let extension = |value: &u16| Extension {
            extension_type: ExtensionType(*value),
            extension_data: Opaque::default(),
        };
        types.iter().map(extension).collect()
    };
    assert_eq!(of(&[]).first_duplicate(), None);
    assert_eq!(of(&[5]).first_duplicate(), None);
    assert_eq!(of(&[5, 1, 3]).first_duplicate(), None);
    assert_eq!(of(&[5, 1, 3, 5]).first_duplicate(), Some(ExtensionType(5)));
    assert_eq!(of(&[0x0a0a, 0x0a0a]).first_duplicate(), Some(ExtensionType(0x0a0a)));
}

// breaks: R252
#[test]
fn a_tree_ends_with_a_node() {
    assert_eq!(decode::<RatchetTreeNodes>(&[0]), Err(DecodeError::EmptyRatchetTree));
    assert_eq!(decode::<RatchetTreeNodes>(&[1, 0]), Err(DecodeError::TrailingBlankNode));
    assert_eq!(RatchetTreeNodes::new(Vec::new()), Err(DecodeError::EmptyRatchetTree));
    let mut nodes = samples::tree().into_vec();
    nodes.push(None);
    assert_eq!(RatchetTreeNodes::new(nodes.clone()), Err(DecodeError::TrailingBlankNode));
    let bytes = encode(&List::from(nodes)).unwrap();
    assert_eq!(decode::<RatchetTreeNodes>(&bytes), Err(DecodeError::TrailingBlankNode));
}

// breaks: R253
#[test]
fn leaves_are_even_and_parents_odd() {
    let leaf = || Some(Node::Leaf(samples::leaf(LeafNodeSource::Update)));
    let parent = || Some(Node::Parent(samples::parent().into()));
    for nodes in [Vec::from([leaf(), leaf()]), Vec::from([parent()]), Vec::from([None, parent(), parent()])] {
        assert_eq!(RatchetTreeNodes::new(nodes.clone()), Err(DecodeError::MisplacedNode));
        let bytes = encode(&List::from(nodes)).unwrap();
        assert_eq!(decode::<RatchetTreeNodes>(&bytes), Err(DecodeError::MisplacedNode));
    }
    let good = RatchetTreeNodes::new(Vec::from([None, parent(), leaf()])).unwrap();
    assert_eq!(decode::<RatchetTreeNodes>(&encode(&good).unwrap()), Ok(good));
}

#[test]
fn known_types_do_not_hide_as_unknown_ones() {
    let credential = Credential::Unknown { credential_type: CredentialType::BASIC, data: Opaque::default() };
    assert_eq!(encode(&credential), Err(EncodeError::Inconsistent("credential_type")));
    let proposal = Proposal::Custom { proposal_type: ProposalType::REMOVE, data: Opaque::default() };
    assert_eq!(encode(&proposal), Err(EncodeError::Inconsistent("proposal_type")));
}
