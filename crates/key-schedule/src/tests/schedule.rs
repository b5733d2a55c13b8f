//! The key schedule, its MACs, PSKs and transcript hashes (RFC 9420 §8).

use super::suite;
use crate::*;
use alloc::{format, vec, vec::Vec};
use pleach_crypto::{CryptoError, Secret};
use pleach_wire::{
    Commit, Content, FramedContent, LeafIndex, Opaque, PreSharedKeyId, Psk, Sender, WireFormat,
};

const CONTEXT: &[u8] = b"an encoded GroupContext";

fn secret(byte: u8) -> Secret {
    Secret::from(vec![byte; suite().secret_len()])
}

fn joiner(init: u8, commit: u8, context: &[u8]) -> JoinerSecret {
    InitSecret::external(secret(init)).joiner_secret(suite(), secret(commit), context).unwrap()
}

fn epoch(init: u8) -> EpochSecrets {
    let member = joiner(init, 2, CONTEXT).member_secret(suite(), secret(3));
    member.epoch_secret(suite(), CONTEXT).unwrap().derive(suite()).unwrap().0
}

fn psk(id: &[u8], nonce_len: usize) -> PreSharedKeyId {
    PreSharedKeyId { psk: Psk::External { psk_id: id.into() }, psk_nonce: vec![9; nonce_len].into() }
}

/// Written with the labelled functions alone, in the order of the diagram of §8.
// breaks: R113, R114, R115, R116, R136
#[test]
fn the_chain_is_that_of_the_diagram() {
    let suite = suite();
    let extracted = suite.kdf.extract(secret(1).as_bytes(), &[secret(2).as_bytes()]);
    let expected = suite.expand_with_label(&extracted, b"joiner", CONTEXT, 32).unwrap();
    assert_eq!(joiner(1, 2, CONTEXT).secret(), &expected);

    let member = suite.kdf.extract(expected.as_bytes(), &[secret(3).as_bytes()]);
    let epoch_secret = suite.expand_with_label(&member, b"epoch", CONTEXT, 32).unwrap();
    let joined = JoinerSecret::from_welcome(expected).member_secret(suite, secret(3));
    let welcome = joined.welcome_secret(suite).unwrap();
    assert_eq!(welcome.secret(), &suite.derive_secret(&member, b"welcome").unwrap());
    let (secrets, encryption) = joined.epoch_secret(suite, CONTEXT).unwrap().derive(suite).unwrap();
    for (label, derived) in [
        (&b"sender data"[..], secrets.sender_data_secret()),
        (b"encryption", encryption.secret()),
        (b"exporter", secrets.exporter_secret()),
        (b"external", secrets.external_secret()),
        (b"confirm", secrets.confirmation_key()),
        (b"membership", secrets.membership_key()),
        (b"resumption", secrets.resumption_psk()),
        (b"authentication", secrets.epoch_authenticator()),
        (b"init", secrets.init_secret().secret()),
    ] {
        assert_eq!(derived, &suite.derive_secret(&epoch_secret, label).unwrap());
    }
    let exported = suite.derive_secret(secrets.exporter_secret(), b"label").unwrap();
    let hash = suite.hash.hash(&[b"context"]);
    assert_eq!(
        secrets.export(suite, b"label", b"context", 40).unwrap(),
        suite.expand_with_label(&exported, b"exported", hash.as_bytes(), 40).unwrap()
    );
    let pair = suite.kem.derive_key_pair(secrets.external_secret()).unwrap();
    assert_eq!(secrets.external_key_pair(suite).unwrap(), pair);
}

// breaks: R113, R114, R124
#[test]
fn every_input_changes_the_epoch() {
    let suite = suite();
    let member = |joiner: JoinerSecret, psk: u8| joiner.member_secret(suite, secret(psk));
    let epochs = [
        member(joiner(1, 2, CONTEXT), 3).epoch_secret(suite, CONTEXT).unwrap(),
        member(joiner(7, 2, CONTEXT), 3).epoch_secret(suite, CONTEXT).unwrap(),
        member(joiner(1, 7, CONTEXT), 3).epoch_secret(suite, CONTEXT).unwrap(),
        member(joiner(1, 2, b"other"), 3).epoch_secret(suite, CONTEXT).unwrap(),
        member(joiner(1, 2, CONTEXT), 7).epoch_secret(suite, CONTEXT).unwrap(),
        member(joiner(1, 2, CONTEXT), 3).epoch_secret(suite, b"other").unwrap(),
    ];
    for (i, one) in epochs.iter().enumerate() {
        for other in &epochs[i + 1..] {
            assert_ne!(one, other);
        }
    }
}

#[test]
fn epoch_0_is_fresh() {
    let provider = pleach_rustcrypto::provider();
    let new = || EpochSecret::random(suite(), &*provider.random).unwrap();
    assert_ne!(new(), new());
}

// breaks: R236
#[test]
fn a_group_info_opens_only_under_its_own_secrets() {
    let welcome =
        |psk| joiner(1, 2, CONTEXT).member_secret(suite(), secret(psk)).welcome_secret(suite()).unwrap();
    let sealed = welcome(3).seal_group_info(suite(), b"group info".to_vec()).unwrap();
    assert_eq!(welcome(3).open_group_info(suite(), &sealed).unwrap(), b"group info");
    assert_eq!(welcome(4).open_group_info(suite(), &sealed), Err(KeyScheduleError::GroupInfoDecryption));
    for i in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[i] ^= 1;
        assert_eq!(welcome(3).open_group_info(suite(), &changed), Err(KeyScheduleError::GroupInfoDecryption));
        assert!(welcome(3).open_group_info(suite(), &sealed[..i]).is_err());
    }
}

// breaks: R045, R231, R245
#[test]
fn a_confirmation_tag_is_for_one_transcript_and_epoch() {
    let (one, other) = (epoch(1), epoch(2));
    let tag = one.confirmation_tag(suite(), b"transcript");
    assert_eq!(one.verify_confirmation_tag(suite(), b"transcript", tag.as_bytes()), Ok(()));
    let bad = Err(KeyScheduleError::InvalidConfirmationTag);
    assert_eq!(other.verify_confirmation_tag(suite(), b"transcript", tag.as_bytes()), bad);
    assert_eq!(one.verify_confirmation_tag(suite(), b"another", tag.as_bytes()), bad);
    for len in 0..32 {
        assert_eq!(one.verify_confirmation_tag(suite(), b"transcript", &tag.as_bytes()[..len]), bad);
        let mut changed = tag.as_bytes().to_vec();
        changed[len] ^= 0x80;
        assert_eq!(one.verify_confirmation_tag(suite(), b"transcript", &changed), bad);
    }
}

// breaks: R046, R047
#[test]
fn a_membership_tag_is_for_one_content_and_epoch() {
    let (one, other) = (epoch(1), epoch(2));
    let tag = one.membership_tag(suite(), &[b"con", b"tent"]);
    assert_eq!(one.verify_membership_tag(suite(), &[b"content"], tag.as_bytes()), Ok(()));
    let bad = Err(KeyScheduleError::InvalidMembershipTag);
    assert_eq!(other.verify_membership_tag(suite(), &[b"content"], tag.as_bytes()), bad);
    assert_eq!(one.verify_membership_tag(suite(), &[b"content."], tag.as_bytes()), bad);
    assert_eq!(one.verify_membership_tag(suite(), &[b"content"], b""), bad);
}

// breaks: R138
#[test]
fn epoch_authenticators_differ() {
    assert_ne!(epoch(1).epoch_authenticator(), epoch(2).epoch_authenticator());
    assert_eq!(epoch(1).epoch_authenticator(), epoch(1).epoch_authenticator());
}

// breaks: R136
#[test]
fn exports_depend_on_label_context_and_length() {
    let epoch = epoch(1);
    let export = |label: &[u8], context: &[u8], len| epoch.export(suite(), label, context, len).unwrap();
    assert_ne!(export(b"a", b"c", 32), export(b"b", b"c", 32));
    assert_ne!(export(b"a", b"c", 32), export(b"a", b"d", 32));
    assert_ne!(export(b"a", b"c", 32).as_bytes(), &export(b"a", b"c", 33).as_bytes()[..32]);
    let too_long = epoch.export(suite(), b"a", b"", 255 * 32 + 1);
    assert_eq!(too_long, Err(KeyScheduleError::Crypto(CryptoError::OutputTooLong)));
}

// breaks: R126, R128
#[test]
fn psks_are_chained_in_order_with_index_and_count() {
    let (a, b) = ((psk(b"a", 32), secret(1)), (psk(b"b", 32), secret(2)));
    assert_eq!(psk_secret(suite(), &[]).unwrap(), secret(0));
    let (a2, b2) = ((psk(b"a", 32), secret(2)), (psk(b"a", 31), secret(1)));
    let lists: [&[&(PreSharedKeyId, Secret)]; 7] =
        [&[], &[&a], &[&a, &b], &[&b, &a], &[&a, &a], &[&a2], &[&b2]];
    let all = lists.map(|list| {
        let list: Vec<_> = list.iter().map(|&psk| psk.clone()).collect();
        psk_secret(suite(), &list).unwrap()
    });
    for (i, one) in all.iter().enumerate() {
        assert!(all[i + 1..].iter().all(|other| other != one));
    }
}

// breaks: R127
#[test]
fn a_psk_nonce_is_as_long_as_the_hash() {
    assert_eq!(check_psk_nonce(suite(), &psk(b"id", 32)), Ok(()));
    for actual in [0, 31, 33, 64] {
        let bad = Err(KeyScheduleError::PskNonceLength { expected: 32, actual });
        assert_eq!(check_psk_nonce(suite(), &psk(b"id", actual)), bad);
    }
}

#[test]
fn more_psks_than_a_label_can_count_are_refused() {
    let psks = vec![(psk(b"", 0), Secret::zero(0)); 65_536];
    assert_eq!(psk_secret(suite(), &psks), Err(KeyScheduleError::TooManyPsks));
    assert!(psk_secret(suite(), &psks[1..]).is_ok());
}

fn commit() -> FramedContent {
    let content = Content::Commit(Commit { proposals: Vec::new().into(), path: None });
    let sender = Sender::Member(LeafIndex(0));
    FramedContent {
        group_id: Opaque::from(b"g"),
        epoch: 5,
        sender,
        authenticated_data: Opaque::default(),
        content,
    }
}

// breaks: R119, R120, R121, R122
#[test]
fn transcript_hashes_cover_everything_but_the_tag_and_then_the_tag() {
    let confirmed = |before: &[u8], wire_format, content: &FramedContent, signature: &[u8]| {
        confirmed_transcript_hash(suite(), before, wire_format, content, signature).unwrap()
    };
    let public = WireFormat::PUBLIC_MESSAGE;
    let base = confirmed(b"", public, &commit(), b"signature");
    assert_ne!(base, confirmed(b"before", public, &commit(), b"signature"));
    assert_ne!(base, confirmed(b"", WireFormat::PRIVATE_MESSAGE, &commit(), b"signature"));
    assert_ne!(base, confirmed(b"", public, &FramedContent { epoch: 6, ..commit() }, b"signature"));
    assert_ne!(base, confirmed(b"", public, &commit(), b"Signature"));
    let interim = |tag| interim_transcript_hash(suite(), base.as_bytes(), tag).unwrap();
    assert_ne!(interim(b"tag"), interim(b"Tag"));
    // Spelled out: the hash, then the tag as a vector.
    assert_eq!(interim(b"tag"), suite().hash.hash(&[base.as_bytes(), b"\x03tag"]));
    // Epoch 0: an empty confirmed hash, and a tag nonetheless.
    let first = interim_transcript_hash(suite(), b"", b"tag").unwrap();
    assert_eq!(first, suite().hash.hash(&[b"\x03tag"]));
}

// breaks: R119
#[test]
fn only_commits_enter_the_transcript() {
    let content = FramedContent { content: Content::Application(Opaque::default()), ..commit() };
    let hash = confirmed_transcript_hash(suite(), b"", WireFormat::PRIVATE_MESSAGE, &content, b"");
    assert_eq!(hash, Err(KeyScheduleError::NotACommit));
}

#[test]
fn rows_of_epochs_come_back_and_damaged_ones_do_not() {
    let epoch = epoch(1);
    let row = epoch.to_row();
    assert_eq!(row.len(), 1 + 8 * 34);
    assert_eq!(EpochSecrets::from_row(row.as_bytes()), Ok(epoch.clone()));
    let sender_data_secret = epoch.sender_data_secret().clone();
    let past = epoch.into_past();
    assert_eq!(past.sender_data_secret(), &sender_data_secret);
    let past_row = past.to_row();
    assert_eq!(PastEpochSecrets::from_row(past_row.as_bytes()), Ok(past));

    for cut in 0..row.len() {
        assert!(EpochSecrets::from_row(&row.as_bytes()[..cut]).is_err());
        assert!(PastEpochSecrets::from_row(&row.as_bytes()[..cut]).is_err() || cut == past_row.len());
    }
    let longer = [row.as_bytes(), b"\0"].concat();
    assert_eq!(EpochSecrets::from_row(&longer), Err(RowError::Length));
    assert_eq!(EpochSecrets::from_row(b"\x02"), Err(RowError::Version(2)));
    assert_eq!(EpochSecrets::from_row(&[&[1][..], &[0; 16]].concat()), Err(RowError::Inconsistent));
    assert_eq!(PastEpochSecrets::from_row(b"\x01\0\0"), Err(RowError::Inconsistent));
}

// breaks: R278
#[test]
fn debug_tells_no_secret() {
    let epoch = epoch(1);
    assert_eq!(format!("{epoch:?}"), "EpochSecrets { .. }");
    assert_eq!(
        format!("{:?}", epoch.into_past()),
        "PastEpochSecrets { sender_data_secret: Secret(32 bytes) }"
    );
    assert_eq!(format!("{:?}", joiner(1, 2, CONTEXT)), "JoinerSecret(Secret(32 bytes))");
}
