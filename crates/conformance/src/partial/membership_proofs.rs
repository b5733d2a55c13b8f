//! `membership-proofs.json`: several members of one tree, each with the proof that it is in it.

use super::MembershipProof;
use crate::fault::{At, Bytes, Checked, Within, ensure, same, same_bytes};
use crate::files::suite;
use crate::vector_file::fields;
use crate::{By, VectorFile};
use pleach_crypto::CryptoProvider;
use pleach_wire::{decode, encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `membership-proofs.json`.
pub static FILE: VectorFile =
    VectorFile { name: "membership-proofs.json", official_cases: 80, by: By::Suite, check };

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) cipher_suite: u16,
    pub(crate) tree_hash: Bytes,
    pub(crate) proofs: Vec<Bytes>,
}

fn check(provider: &CryptoProvider, case: &Value) -> Checked {
    let case: Case = fields(case)?;
    let suite = suite(provider, case.cipher_suite)?;
    ensure(!case.proofs.is_empty(), "proofs", "there are none")?;
    let mut n_leaves = None;
    for (place, bytes) in case.proofs.iter().enumerate() {
        let field = format!("proofs[{place}]");
        let proof: MembershipProof = decode(bytes).at(&field)?;
        same_bytes(&field, encode(&proof).at(&field)?, bytes)?;
        proof.path_in(suite, &case.tree_hash).within(&field)?;
        same(&field, &proof.n_leaves, n_leaves.get_or_insert(proof.n_leaves))?;
    }
    Ok(())
}
