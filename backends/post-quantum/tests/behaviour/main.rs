//! The behaviour of this backend: sizes, wrong input, numbering, composition; against an oracle, and the fast implementation against
//! the portable one.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

#[cfg(feature = "fast")]
mod differential;
mod kem;
mod ml_dsa;
mod numbering;
mod oracle;
mod provider;

use pleach_crypto::{Kem, Signature};
use pleach_post_quantum as pq;
use pleach_rustcrypto::SystemRandom as Rng;

/// The portable KEMs.
const KEMS: [&dyn Kem; 5] =
    [&pq::ML_KEM_768, &pq::ML_KEM_1024, &pq::X_WING, &pq::MLKEM768_P256, &pq::MLKEM1024_P384];

/// The portable signature schemes.
const SIGNATURES: [&dyn Signature; 3] = [&pq::ML_DSA_44, &pq::ML_DSA_65, &pq::ML_DSA_87];
