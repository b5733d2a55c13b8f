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
