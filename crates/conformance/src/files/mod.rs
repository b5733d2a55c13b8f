//! One module per kind of vector file: the fields of a case, the check of a case, and a generator of our own.

pub mod crypto_basics;
pub mod deserialization;
pub mod key_schedule;
pub mod message_protection;
pub mod messages;
pub mod passive_client;
pub mod psk_secret;
pub mod secret_tree;
pub mod transcript_hashes;
pub mod tree_math;
pub mod tree_operations;
pub mod tree_validation;
pub mod treekem;
pub mod welcome;

use crate::fault::{At, Checked, same_bytes};
use pleach_crypto::{CipherSuite, CipherSuiteId, CryptoProvider, Secret, SignatureScheme, Signer};
use pleach_tree::RatchetTree;
use pleach_wire::{
    Extensions, GroupContext, Kept, KeyPackage, MlsMessage, MlsMessageBody, ProtocolVersion, decode,
};

/// The suite of a case.
pub(crate) fn suite(provider: &CryptoProvider, id: u16) -> Checked<&CipherSuite> {
    provider.suite(CipherSuiteId(id)).at("cipher_suite")
}

/// A GroupContext without extensions, as the vectors have it.
pub(crate) fn group_context(
    suite: &CipherSuite,
    (group_id, epoch): (&[u8], u64),
    tree_hash: &[u8],
    confirmed_transcript_hash: &[u8],
) -> GroupContext {
    GroupContext {
        version: ProtocolVersion::MLS10,
        cipher_suite: suite.id,
        group_id: group_id.into(),
        epoch,
        tree_hash: tree_hash.into(),
        confirmed_transcript_hash: confirmed_transcript_hash.into(),
        extensions: Extensions::default(),
    }
}

/// The key package in an MLSMessage, its signature verified (R150).
pub(crate) fn key_package(suite: &CipherSuite, field: &str, message: &[u8]) -> Checked<Kept<KeyPackage>> {
    let message: MlsMessage = decode(message).at(field)?;
    let MlsMessageBody::KeyPackage(key_package) = message.body else {
        return Err(crate::Fault::new(field, "not a key package"));
    };
    verify_key_package(suite, field, &key_package)?;
    Ok(key_package)
}

/// Verifies a key package's own signature and that of its leaf.
pub(crate) fn verify_key_package(
    suite: &CipherSuite,
    field: &str,
    key_package: &Kept<KeyPackage>,
) -> Checked {
    let leaf = &key_package.leaf_node;
    let verifier = suite.signature.load_verifier(&leaf.signature_key).at(field)?;
    let tbs = key_package.bytes_before_signature();
    suite.verify_with_label(&*verifier, b"KeyPackageTBS", &[tbs], &key_package.signature).at(field)?;
    let tbs = leaf.bytes_before_signature();
    suite.verify_with_label(&*verifier, b"LeafNodeTBS", &[tbs], &leaf.signature).at(field)
}

/// A private key as the vectors have it: those of suite 5 without the zero octets that they begin with, which are put back
/// here, because the library takes private keys of the right length only.
pub(crate) fn fill_up(private: &[u8], len: usize) -> Secret {
    let zeros = len.saturating_sub(private.len());
    Secret::from([&vec![0; zeros], private].concat())
}

/// The signer with this private key, which must belong to this public key.
pub(crate) fn signer(suite: &CipherSuite, private: &[u8], public: (&str, &[u8])) -> Checked<Box<dyn Signer>> {
    let (field, public) = public;
    let len = match suite.signature.scheme() {
        SignatureScheme::ECDSA_SECP521R1_SHA512 => 66,
        _ => private.len(),
    };
    let signer = suite.signature.load_signer(&fill_up(private, len)).at(field)?;
    same_bytes(field, signer.public(), public)?;
    Ok(signer)
}

/// An HPKE private key, which must belong to this public key.
pub(crate) fn kem_private(suite: &CipherSuite, private: &[u8], public: (&str, &[u8])) -> Checked<Secret> {
    let (field, public) = public;
    let private = fill_up(private, suite.kem.private_len());
    let loaded = suite.kem.load_private(&private).at(field)?;
    same_bytes(field, loaded.public(), public)?;
    Ok(private)
}

/// The tree of a ratchet_tree extension's data.
pub(crate) fn tree(suite: &CipherSuite, field: &str, bytes: &[u8]) -> Checked<RatchetTree> {
    RatchetTree::from_nodes(suite, decode(bytes).at(field)?).at(field)
}
