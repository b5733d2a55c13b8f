//! `transcript-hashes.json`: what one Commit does to the transcript (RFC 9420 §8.2).

use super::suite;
use crate::fault::{At, Bytes, Checked, ensure, same_bytes};
use crate::vector_file::fields;
use crate::{By, VectorFile};
use pleach_crypto::{CipherSuite, CryptoProvider, SecureRandom};
use pleach_key_schedule::{confirmed_transcript_hash, interim_transcript_hash};
use pleach_wire::{
    AuthenticatedContent, Commit, Content, FramedContent, FramedContentAuthData, LeafIndex, List, Opaque,
    Sender, WireFormat, decode, encode,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `transcript-hashes.json`.
pub static FILE: VectorFile =
    VectorFile { name: "transcript-hashes.json", official_cases: 7, by: By::Suite, check };

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    cipher_suite: u16,
    confirmation_key: Bytes,
    authenticated_content: Bytes,
    interim_transcript_hash_before: Bytes,
    confirmed_transcript_hash_after: Bytes,
    interim_transcript_hash_after: Bytes,
}

fn check(provider: &CryptoProvider, case: &Value) -> Checked {
    let case: Case = fields(case)?;
    let suite = suite(provider, case.cipher_suite)?;
    let commit: AuthenticatedContent = decode(&case.authenticated_content).at("authenticated_content")?;
    let tag = commit.auth.confirmation_tag.as_ref().at("authenticated_content")?;
    let confirmed = confirmed_transcript_hash(
        suite,
        &case.interim_transcript_hash_before,
        commit.wire_format,
        &commit.content,
        &commit.auth.signature,
    );
    let confirmed = confirmed.at("authenticated_content")?;
    same_bytes("confirmed_transcript_hash_after", confirmed, &case.confirmed_transcript_hash_after)?;
    let interim = interim_transcript_hash(suite, confirmed.as_bytes(), tag).at("authenticated_content")?;
    same_bytes("interim_transcript_hash_after", interim, &case.interim_transcript_hash_after)?;
    let mac = suite.hash.hmac(&case.confirmation_key.secret(), &[confirmed.as_bytes()]);
    ensure(mac.ct_eq(tag), "confirmation_key", "the confirmation tag does not verify")
}

/// An empty Commit with a random signature.
pub(crate) fn generate(suite: &CipherSuite, random: &dyn SecureRandom) -> Checked<Case> {
    let bytes = |len| random.bytes(len).map(Bytes).at("random");
    let (confirmation_key, before) = (bytes(suite.secret_len())?, bytes(suite.secret_len())?);
    let content = FramedContent {
        group_id: b"group".into(),
        epoch: 7,
        sender: Sender::Member(LeafIndex(3)),
        authenticated_data: Opaque::default(),
        content: Content::Commit(Commit { proposals: List::default(), path: None }),
    };
    let (wire_format, signature) = (WireFormat::PUBLIC_MESSAGE, Opaque::from(bytes(64)?.0));
    let confirmed =
        confirmed_transcript_hash(suite, &before, wire_format, &content, &signature).at("confirmed")?;
    let tag = suite.hash.hmac(&confirmation_key.secret(), &[confirmed.as_bytes()]);
    let interim = interim_transcript_hash(suite, confirmed.as_bytes(), tag.as_bytes()).at("interim")?;
    let auth = FramedContentAuthData { signature, confirmation_tag: Some(tag.as_bytes().into()) };
    let commit = encode(&AuthenticatedContent { wire_format, content, auth }).at("authenticated_content")?;
    Ok(Case {
        cipher_suite: suite.id.0,
        confirmation_key,
        authenticated_content: commit.into(),
        interim_transcript_hash_before: before,
        confirmed_transcript_hash_after: confirmed.into(),
        interim_transcript_hash_after: interim.into(),
    })
}
