//! The conformance suite of crypto backends, over the post-quantum suites alone: their base passes it in its own crate.

use pleach_crypto::CryptoProvider;
use pleach_post_quantum::{PostQuantumNumbering, suites};
use std::borrow::Cow;

const NUMBERING: PostQuantumNumbering = PostQuantumNumbering::PLEACH;

#[test]
fn portable() {
    let base = pleach_rustcrypto::provider();
    let suites = Cow::Owned(suites(&base.suites, &NUMBERING));
    pleach_testkit::crypto_suite::run("post-quantum", &CryptoProvider { suites, ..base });
}

#[cfg(feature = "fast")]
#[test]
fn fast() {
    let base = pleach_aws_lc::provider();
    let suites = Cow::Owned(pleach_post_quantum::fast::suites(&base.suites, &NUMBERING));
    pleach_testkit::crypto_suite::run("post-quantum-fast", &CryptoProvider { suites, ..base });
}
