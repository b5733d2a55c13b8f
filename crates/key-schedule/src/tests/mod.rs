//! The rules that this crate enforces, each broken once, and the secret tree against a naive one. Official vectors are
//! in the conformance crate.

mod schedule;
mod secret_tree;
mod storage;

use pleach_crypto::CipherSuite;
use pleach_rustcrypto::SUITES;

/// Suite 1.
fn suite() -> &'static CipherSuite {
    &SUITES[0]
}
