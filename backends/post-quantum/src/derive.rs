//! The symmetric parts of the post-quantum KEMs: SHAKE256 for seeds, SHA3-256 for the hybrids' combiner.
//!
//! Sponge states are wiped on drop by the crates underneath (their `zeroize` feature); outputs are written in place into
//! [`Secret`]s. Cost: one permutation for each 136 bytes in or out, so two or three for a seed, two for the combiner.

use pleach_crypto::{KemId, Secret};
use sha3::{Digest, Sha3_256};
use shake::{ExtendableOutput, Shake256, Update, XofReader};
use zeroize::Zeroize;

/// `SHAKE256(parts, len)`.
pub(crate) fn shake256(parts: &[&[u8]], len: usize) -> Secret {
    let mut hash = Shake256::default();
    for part in parts {
        hash.update(part);
    }
    Secret::from_fn(len, |out| hash.finalize_xof().read(out))
}

/// `SHAKE256.LabeledDerive(ikm, "DeriveKeyPair", "", len)` (draft-ietf-hpke-pq-05 §3 and §4): how every post-quantum KEM of HPKE
/// makes its seed of input keying material.
pub(crate) fn labeled_seed(id: KemId, ikm: &Secret, len: u16) -> Secret {
    const LABEL: &[u8] = b"DeriveKeyPair";
    const LABEL_LEN: [u8; 2] = (LABEL.len() as u16).to_be_bytes();
    let parts: [&[u8]; 7] =
        [ikm.as_bytes(), b"HPKE-v1", b"KEM", &id.0.to_be_bytes(), &LABEL_LEN, LABEL, &len.to_be_bytes()];
    shake256(&parts, usize::from(len))
}

/// The C2PRI combiner: `SHA3-256(ss_PQ || ss_T || ct_T || ek_T || label)` (draft-irtf-cfrg-hybrid-kems).
pub(crate) fn combine(pq: &Secret, traditional: &Secret, ct: &[u8], ek: &[u8], label: &[u8]) -> Secret {
    let mut hash = Sha3_256::new();
    for part in [pq.as_bytes(), traditional.as_bytes(), ct, ek, label] {
        Digest::update(&mut hash, part);
    }
    let mut output = hash.finalize();
    let secret = Secret::copy_from(&output);
    output.as_mut_slice().zeroize();
    secret
}
