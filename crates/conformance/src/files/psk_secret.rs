//! `psk_secret.json`: external pre-shared keys, chained (RFC 9420 §8.4).

use super::suite;
use crate::fault::{At, Bytes, Checked, same_bytes};
use crate::vector_file::fields;
use crate::{By, VectorFile};
use pleach_crypto::{CipherSuite, CryptoProvider, Secret, SecureRandom};
use pleach_key_schedule::psk_secret;
use pleach_wire::{Opaque, PreSharedKeyId, Psk};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `psk_secret.json`.
pub static FILE: VectorFile =
    VectorFile { name: "psk_secret.json", official_cases: 77, by: By::Suite, check };

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    cipher_suite: u16,
    psks: Vec<ExternalPsk>,
    psk_secret: Bytes,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExternalPsk {
    psk_id: Bytes,
    psk: Bytes,
    psk_nonce: Bytes,
}

impl ExternalPsk {
    fn to_input(&self) -> (PreSharedKeyId, Secret) {
        let psk = Psk::External { psk_id: Opaque::from(&*self.psk_id) };
        (PreSharedKeyId { psk, psk_nonce: Opaque::from(&*self.psk_nonce) }, self.psk.secret())
    }
}

fn chain(suite: &CipherSuite, psks: &[ExternalPsk]) -> Checked<Secret> {
    let psks: Vec<_> = psks.iter().map(ExternalPsk::to_input).collect();
    psk_secret(suite, &psks).at("psks")
}

fn check(provider: &CryptoProvider, case: &Value) -> Checked {
    let Case { cipher_suite, psks, psk_secret } = fields(case)?;
    let ours = chain(suite(provider, cipher_suite)?, &psks)?;
    same_bytes("psk_secret", ours.as_bytes(), &psk_secret)
}

/// A case with so many random keys.
pub(crate) fn generate(suite: &CipherSuite, random: &dyn SecureRandom, count: usize) -> Checked<Case> {
    let bytes = |len| random.bytes(len).map(Bytes).at("random");
    let psk =
        |_| Ok(ExternalPsk { psk_id: bytes(8)?, psk: bytes(32)?, psk_nonce: bytes(suite.secret_len())? });
    let psks: Vec<_> = (0..count).map(psk).collect::<Checked<_>>()?;
    Ok(Case { cipher_suite: suite.id.0, psk_secret: chain(suite, &psks)?.as_bytes().into(), psks })
}
