//! `secret-tree.json`: keys of the secret tree and of sender data (RFC 9420 §9, §6.3.2).

use super::suite;
use crate::fault::{At, Bytes, Checked, Within, same_bytes};
use crate::vector_file::fields;
use crate::{By, Fault, VectorFile};
use pleach_crypto::{CipherSuite, CryptoProvider, SecureRandom};
use pleach_framing::sender_data_key_and_nonce;
use pleach_key_schedule::{EncryptionSecret, MessageKeys, RatchetKind, RatchetLimits, SecretTree};
use pleach_wire::{LeafIndex, TreeSize};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `secret-tree.json`.
pub static FILE: VectorFile =
    VectorFile { name: "secret-tree.json", official_cases: 21, by: By::Suite, check };

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    cipher_suite: u16,
    encryption_secret: Bytes,
    sender_data: SenderData,
    leaves: Vec<Vec<Generation>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SenderData {
    sender_data_secret: Bytes,
    ciphertext: Bytes,
    key: Bytes,
    nonce: Bytes,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Generation {
    generation: u32,
    application_key: Bytes,
    application_nonce: Bytes,
    handshake_key: Bytes,
    handshake_nonce: Bytes,
}

/// The tree, and each leaf's ratchets used and advanced as messages would.
struct Ratchets<'a> {
    suite: &'a CipherSuite,
    tree: SecretTree,
}

impl Ratchets<'_> {
    fn use_keys(&mut self, leaf: LeafIndex, kind: RatchetKind, generation: u32) -> Checked<MessageKeys> {
        let (keys, step) = self.tree.prepare(self.suite, leaf, kind, generation).at("generation")?;
        self.tree.commit(step).at("generation")?;
        Ok(keys)
    }

    fn generation(&mut self, leaf: LeafIndex, generation: u32) -> Checked<Generation> {
        let handshake = self.use_keys(leaf, RatchetKind::Handshake, generation)?;
        let application = self.use_keys(leaf, RatchetKind::Application, generation)?;
        Ok(Generation {
            generation,
            application_key: application.key().as_bytes().into(),
            application_nonce: application.nonce().as_bytes().into(),
            handshake_key: handshake.key().as_bytes().into(),
            handshake_nonce: handshake.nonce().as_bytes().into(),
        })
    }
}

fn ratchets<'a>(suite: &'a CipherSuite, encryption_secret: &Bytes, leaves: usize) -> Checked<Ratchets<'a>> {
    let size = u32::try_from(leaves).ok().and_then(TreeSize::from_leaf_count).at("leaves")?;
    let secret = EncryptionSecret::from_secret(encryption_secret.secret());
    Ok(Ratchets { suite, tree: SecretTree::new(size, secret, RatchetLimits::default()) })
}

fn check(provider: &CryptoProvider, case: &Value) -> Checked {
    let Case { cipher_suite, encryption_secret, sender_data, leaves } = fields(case)?;
    let suite = suite(provider, cipher_suite)?;
    let SenderData { sender_data_secret, ciphertext, key, nonce } = sender_data;
    let ours =
        sender_data_key_and_nonce(suite, &sender_data_secret.secret(), &ciphertext).at("sender_data")?;
    same_bytes("sender_data.key", ours.0.as_bytes(), &key)?;
    same_bytes("sender_data.nonce", ours.1.as_bytes(), &nonce)?;

    let mut ratchets = ratchets(suite, &encryption_secret, leaves.len())?;
    for (leaf, generations) in (0..).zip(&leaves) {
        for (place, given) in generations.iter().enumerate() {
            let outer = format_args!("leaves[{leaf}][{place}]");
            let ours = ratchets.generation(LeafIndex(leaf), given.generation).within(outer)?;
            given.compare(&ours).within(outer)?;
        }
    }
    Ok(())
}

impl Generation {
    fn compare(&self, ours: &Self) -> Result<(), Fault> {
        same_bytes("application_key", &*ours.application_key, &self.application_key)?;
        same_bytes("application_nonce", &*ours.application_nonce, &self.application_nonce)?;
        same_bytes("handshake_key", &*ours.handshake_key, &self.handshake_key)?;
        same_bytes("handshake_nonce", &*ours.handshake_nonce, &self.handshake_nonce)
    }
}

/// A tree of so many leaves: the generations 0 and 15 of each.
pub(crate) fn generate(suite: &CipherSuite, random: &dyn SecureRandom, leaves: u32) -> Checked<Case> {
    let bytes = |len| random.bytes(len).map(Bytes).at("random");
    let (sender_data_secret, encryption_secret) = (bytes(suite.secret_len())?, bytes(suite.secret_len())?);
    let ciphertext = bytes(77)?;
    let (key, nonce) =
        sender_data_key_and_nonce(suite, &sender_data_secret.secret(), &ciphertext).at("sender_data")?;
    let mut ratchets = ratchets(suite, &encryption_secret, leaves as usize)?;
    let mut leaf = |leaf| {
        let generations = [0, 15].into_iter();
        generations.map(|generation| ratchets.generation(LeafIndex(leaf), generation)).collect()
    };
    Ok(Case {
        cipher_suite: suite.id.0,
        encryption_secret,
        sender_data: SenderData {
            sender_data_secret,
            ciphertext,
            key: key.as_bytes().into(),
            nonce: nonce.as_bytes().into(),
        },
        leaves: (0..leaves).map(&mut leaf).collect::<Checked<_>>()?,
    })
}
