//! What must not happen, whatever comes in: a panic, a second encoding of a value, memory out of proportion.

use std::{vec, vec::Vec};

use super::samples;
use crate::*;

// breaks: R008
#[test]
fn every_sample_encodes_to_itself() {
    for sample in samples::all() {
        assert_eq!((sample.recode)(&sample.bytes).as_ref(), Ok(&sample.bytes), "{}", sample.name);
    }
}

#[test]
fn tls_codec_encodes_alike() {
    use tls_codec::{SerializeBytes, Size};
    let message = MlsMessage::from(samples::group_info());
    assert_eq!(message.tls_serialize_bytes().unwrap(), encode(&message).unwrap());
    assert_eq!(message.tls_serialized_len(), encode(&message).unwrap().len());
    assert_eq!(samples::key_package().tls_serialize_bytes().unwrap(), samples::key_package().bytes());
    let secrets = samples::group_secrets();
    assert!(secrets.iter().all(|s| s.tls_serialized_len() == s.encode().unwrap().as_bytes().len()));
}

// breaks: R006
#[test]
fn every_prefix_is_an_error() {
    for sample in samples::all() {
        for end in 0..sample.bytes.len() {
            assert!((sample.recode)(&sample.bytes[..end]).is_err(), "{} cut at {end}", sample.name);
        }
    }
}

// breaks: R010
#[test]
fn every_suffix_is_an_error() {
    for sample in samples::all() {
        for extra in [0u8, 1, 0xff] {
            let mut bytes = sample.bytes.clone();
            bytes.push(extra);
            assert_eq!((sample.recode)(&bytes), Err(DecodeError::TrailingData), "{}", sample.name);
        }
    }
}

// breaks: R008
#[test]
fn flipped_bits_are_an_error_or_another_value() {
    for sample in samples::all() {
        // Every bit of the small samples, a bit of every byte of the large ones.
        let step = if sample.bytes.len() < 600 { 1 } else { 7 };
        for bit in (0..sample.bytes.len() * 8).step_by(step) {
            let mut bytes = sample.bytes.clone();
            bytes[bit / 8] ^= 0x80 >> (bit % 8);
            if let Ok(again) = (sample.recode)(&bytes) {
                assert_eq!(again, bytes, "{} bit {bit}", sample.name);
            }
        }
    }
}

#[test]
fn noise_is_an_error_or_a_value() {
    // xorshift64: the same noise each time.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let samples = samples::all();
    for _ in 0..2_000 {
        let mut bytes: Vec<u8> = (0..noise() % 64).map(|_| noise() as u8).collect();
        for sample in &samples {
            if let Ok(again) = (sample.recode)(&bytes) {
                assert_eq!(again, bytes);
            }
        }
        // As a message, so that it gets past the header.
        bytes.splice(0..0, [0, 1, 0, (noise() % 6) as u8]);
        if let Ok(message) = decode::<MlsMessage>(&bytes) {
            assert_eq!(encode(&message).unwrap(), bytes);
        }
    }
}

// breaks: R005
#[test]
fn a_declared_gigabyte_is_refused_at_once() {
    let header = [0xbf, 0xff, 0xff, 0xff];
    assert_eq!(decode_length(&header), Ok((MAX_VECTOR_LEN, &[][..])));
    assert_eq!(decode::<Opaque>(&header), Err(DecodeError::Truncated));
    assert_eq!(decode::<List<ProtocolVersion>>(&header), Err(DecodeError::Truncated));
    assert_eq!(decode::<RatchetTreeNodes>(&header), Err(DecodeError::Truncated));
    let mut reader = Reader::new(&header);
    assert_eq!(reader.read_opaque(), Err(DecodeError::Truncated));
    assert!(Limits::default().check_message(&[0; 16]).is_ok());
    let limits = Limits { message_bytes: 15, ..Limits::default() };
    assert_eq!(limits.check_message(&[0; 16]), Err(DecodeError::TooLong));
}

/// The elements that hostile input can make most of for a byte are small.
#[test]
fn a_byte_of_input_costs_little_memory() {
    assert!(size_of::<Option<Node>>() <= 16); // a blank node is 1 byte
    assert!(size_of::<Opaque>() <= 16); // an empty one is 1 byte
    assert!(size_of::<Extension>() <= 3 * 16); // 3 bytes
    assert!(size_of::<ProposalOrRef>() <= 2 * 32); // 2 bytes
    assert!(size_of::<UpdatePathNode>() <= 2 * 16); // 2 bytes
}

/// A list of elements without bytes would never end.
#[test]
fn empty_elements_do_not_loop() {
    #[derive(Debug, PartialEq)]
    struct Nothing;
    impl Encode for Nothing {
        fn encoded_len(&self) -> usize {
            0
        }
        fn encode_into(&self, _: &mut Vec<u8>) -> Result<(), EncodeError> {
            Ok(())
        }
    }
    impl tls_codec::Size for Nothing {
        fn tls_serialized_len(&self) -> usize {
            0
        }
    }
    impl tls_codec::DeserializeBytes for Nothing {
        fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), tls_codec::Error> {
            Ok((Self, bytes))
        }
    }
    assert_eq!(decode::<List<Nothing>>(&[1, 0]), Err(DecodeError::Malformed));
    assert_eq!(decode::<List<Nothing>>(&[0]), Ok(List::default()));
}

#[test]
fn too_long_is_an_encoding_error() {
    let mut out = Vec::new();
    assert_eq!(write_length(MAX_VECTOR_LEN, &mut out), Ok(()));
    assert_eq!(out, [0xbf, 0xff, 0xff, 0xff]);
    assert_eq!(write_length(MAX_VECTOR_LEN + 1, &mut out), Err(EncodeError::TooLong));
    let auth = samples::auth(&Content::Application(Opaque::default()));
    let content = Content::Application(Opaque::default());
    assert_eq!(PrivateMessageContent::encode(&content, &auth, MAX_VECTOR_LEN), Err(EncodeError::TooLong));
    assert_eq!(PrivateMessageContent::encode(&content, &auth, usize::MAX), Err(EncodeError::TooLong));
}

#[test]
fn limits_count() {
    let commit = || MlsMessage::from(samples::public_messages().swap_remove(1));
    assert_eq!(Limits::default().check_decoded(&commit()), Ok(()));
    let limits = Limits { proposals_per_commit: 9, ..Limits::default() };
    assert_eq!(limits.check_decoded(&commit()), Err(DecodeError::TooMany { what: "proposals" }));
    let limits = Limits { extensions: 1, ..Limits::default() };
    for message in [
        commit(),
        samples::key_package().into(),
        samples::group_info().into(),
        samples::public_messages().swap_remove(4).into(),
    ] {
        assert_eq!(limits.check_decoded(&message), Err(DecodeError::TooMany { what: "extensions" }));
    }
    assert_eq!(limits.check_ratchet_tree(&samples::tree()), Err(DecodeError::TooMany { what: "extensions" }));
    assert_eq!(limits.check_decoded(&samples::private_message().into()), Ok(()));
    let limits = Limits { extension_bytes: 69, ..Limits::default() };
    assert_eq!(limits.check_decoded(&samples::key_package().into()), Err(DecodeError::TooLong));
    let limits = Limits { leaves: 2, ..Limits::default() };
    assert_eq!(limits.check_ratchet_tree(&samples::tree()), Err(DecodeError::TooMany { what: "leaves" }));
    assert_eq!(Limits::default().check_ratchet_tree(&samples::tree()), Ok(()));
    // The tree in a GroupInfo is not held to the size of other extensions.
    let limits = Limits { extension_bytes: 200, ..Limits::default() };
    assert_eq!(limits.check_decoded(&samples::group_info().into()), Ok(()));
}

#[test]
fn long_vectors_have_long_headers() {
    for (len, header) in
        [(63, vec![63]), (64, vec![0x40, 64]), (16383, vec![0x7f, 0xff]), (16384, vec![0x80, 0, 0x40, 0])]
    {
        let bytes = encode(&Opaque::from(vec![7; len])).unwrap();
        assert_eq!(bytes.len(), len + header.len());
        assert!(bytes.starts_with(&header));
        assert_eq!(decode::<Opaque>(&bytes).unwrap().len(), len);
    }
}

/// The walk over a leaf's lengths and the decoder agree, whatever a leaf's bytes are.
// breaks: R001, R003, R004, R006, R007, R072
#[test]
fn a_view_of_a_leaf_accepts_what_decoding_accepts() {
    let lifetime = Lifetime { not_before: 1, not_after: u64::MAX };
    let sources = [
        LeafNodeSource::KeyPackage(lifetime),
        LeafNodeSource::Update,
        LeafNodeSource::Commit { parent_hash: Opaque::from(&[7; 32]) },
    ];
    let credentials = [
        Credential::basic(b"alice"),
        Credential::X509 {
            certificates: vec![
                Certificate { cert_data: Opaque::from(&[1, 2, 3]) },
                Certificate { cert_data: Opaque::default() },
            ]
            .into(),
        },
        Credential::Unknown { credential_type: CredentialType(0xF000), data: Opaque::from(&[9; 80]) },
    ];
    let mut decoded = 0;
    let mut compare = |bytes: &[u8]| {
        let value = <LeafNode as tls_codec::DeserializeBytes>::tls_deserialize_bytes(bytes);
        let view = LeafView::read(bytes);
        let (Ok((value, rest)), Ok((view, view_rest))) = (&value, &view) else {
            return assert_eq!(value.is_ok(), view.is_ok(), "{bytes:02x?}");
        };
        decoded += 1;
        assert_eq!(rest, view_rest);
        assert_eq!(view.encryption_key, value.encryption_key.as_bytes());
        assert_eq!(view.signature_key, value.signature_key.as_bytes());
        assert_eq!(view.credential_type, value.credential.credential_type());
        assert_eq!(view.to_credential().as_ref(), Ok(&value.credential));
        assert_eq!(view.to_capabilities().as_ref(), Ok(&value.capabilities));
        match (view.source, &value.leaf_node_source) {
            (LeafViewSource::KeyPackage(view), LeafNodeSource::KeyPackage(value)) => assert_eq!(view, *value),
            (LeafViewSource::Update, LeafNodeSource::Update) => {}
            (LeafViewSource::Commit(view), LeafNodeSource::Commit { parent_hash }) => {
                assert_eq!(view, parent_hash.as_bytes());
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(view.extensions.is_empty(), value.extensions.is_empty());
        assert_eq!(view.signature, value.signature.as_bytes());
        assert_eq!(view.before_signature, Kept::new(value.clone()).unwrap().bytes_before_signature());
    };
    for source in sources {
        for credential in &credentials {
            let leaf =
                LeafNode { credential: credential.clone(), ..samples::leaf(source.clone()).into_value() };
            let bytes = encode(&leaf).unwrap();
            compare(&[bytes.as_slice(), b"more"].concat());
            for at in 0..bytes.len() {
                compare(&bytes[..at]);
                for flip in [1, 2, 3, 0x3f, 0x40, 0x80, 0xc0, 0xff] {
                    let mut damaged = bytes.clone();
                    damaged[at] ^= flip;
                    compare(&damaged);
                }
            }
        }
    }
    assert!(decoded > 1_000, "{decoded} leaves decode");
}

#[test]
fn a_leaf_is_the_same_before_and_after_it_is_looked_at() {
    let made = samples::leaf(LeafNodeSource::Update);
    let read: Kept<LeafNode> = decode(made.bytes()).unwrap();
    assert_eq!(read.tbs(b"group", LeafIndex(3)), made.tbs(b"group", LeafIndex(3)));
    assert_eq!(read.to_value(), *made);
    assert_eq!(*read, *made);
    assert_eq!(read.bytes_before_signature(), read.view().before_signature);
    assert_eq!(read.into_value(), made.into_value());
}

/// The first element says for how many there is room; it need not be right.
#[test]
fn lists_of_any_elements_decode() {
    let long = || Opaque::from(vec![7; 300]);
    let lists: [Vec<Opaque>; 6] = [
        vec![long()],
        vec![Opaque::from(vec![]); 1_000],
        [vec![Opaque::from(vec![])], vec![long(); 200]].concat(),
        [vec![long()], vec![Opaque::from(vec![]); 1_000]].concat(),
        vec![long(); 64],
        vec![long(); 65],
    ];
    for list in lists {
        let list = List::from(list);
        let encoded = encode(&list).unwrap();
        assert_eq!(decode::<List<Opaque>>(&encoded), Ok(list));
    }
}

/// An element that gives back more than it was given.
#[derive(Debug, PartialEq)]
struct Backwards;

impl tls_codec::Size for Backwards {
    fn tls_serialized_len(&self) -> usize {
        0
    }
}

impl Encode for Backwards {
    fn encoded_len(&self) -> usize {
        0
    }
    fn encode_into(&self, _: &mut Vec<u8>) -> Result<(), EncodeError> {
        Ok(())
    }
}

impl tls_codec::DeserializeBytes for Backwards {
    fn tls_deserialize_bytes(_: &[u8]) -> Result<(Self, &[u8]), tls_codec::Error> {
        Ok((Self, b"longer than before"))
    }
}

#[test]
fn an_element_that_goes_backwards_is_refused() {
    assert_eq!(decode::<List<Backwards>>(&[2, 0, 0]), Err(DecodeError::Malformed));
}
