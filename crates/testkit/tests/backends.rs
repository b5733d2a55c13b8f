//! Every backend claims the suites that it should, and each agrees with each other. Each runs the suite of crypto backends in
//! its own tests; here it is run twice more, to see that the table of Wycheproof cases has no idle entry.

use std::borrow::Cow;

use pleach_crypto::{CipherSuiteId, CryptoProvider};
use pleach_post_quantum::PostQuantumNumbering;
use pleach_testkit::crypto_suite;

const NUMBERING: PostQuantumNumbering = PostQuantumNumbering::PLEACH;

/// The portable post-quantum suites alone, over RustCrypto.
fn portable() -> CryptoProvider {
    let base = pleach_rustcrypto::provider();
    let suites = pleach_post_quantum::suites(&base.suites, &NUMBERING);
    CryptoProvider { suites: Cow::Owned(suites), ..base }
}

/// The fast ones, over AWS-LC.
fn fast() -> CryptoProvider {
    let base = pleach_aws_lc::provider();
    let suites = pleach_post_quantum::fast::suites(&base.suites, &NUMBERING);
    CryptoProvider { suites: Cow::Owned(suites), ..base }
}

fn claims(provider: &CryptoProvider, suites: impl IntoIterator<Item = u16>) {
    let claimed: Vec<CipherSuiteId> = provider.suites.iter().map(|suite| suite.id).collect();
    assert_eq!(claimed, suites.into_iter().map(CipherSuiteId).collect::<Vec<_>>());
}

/// Every entry of the table of Wycheproof cases, post-quantum or not, belongs to a file that was run.
fn no_entry_is_idle(report: &crypto_suite::Report, post_quantum: bool) {
    for pinned in crypto_suite::WYCHEPROOF {
        if pinned.file.starts_with("ml") == post_quantum {
            let mut files = report.files();
            let run = files.any(|(file, algorithm, _)| (file, algorithm) == (pinned.file, pinned.algorithm));
            assert!(run, "{pinned:?}");
        }
    }
}

#[test]
fn each_claims_its_suites() {
    claims(&pleach_rustcrypto::provider(), 1..=7);
    claims(&pleach_aws_lc::provider(), [1, 2, 3, 5, 7]);
    claims(&pleach_ring::provider(), [1, 2, 3, 7]);
    claims(&portable(), 0xF0A1..=0xF0AB);
    claims(&fast(), 0xF0A1..=0xF0AB);
}

#[test]
fn rustcrypto_runs_the_classical_files() {
    let report = crypto_suite::run("rustcrypto", &pleach_rustcrypto::provider());
    no_entry_is_idle(&report, false);
}

#[test]
fn post_quantum_runs_the_post_quantum_files() {
    let report = crypto_suite::run("post-quantum", &portable());
    no_entry_is_idle(&report, true);
}

/// Every pair: the classical ones by all of their suites, the post-quantum ones by theirs, and across by what they borrow.
#[test]
fn each_agrees_with_each_other() {
    let backends = [
        ("rustcrypto", pleach_rustcrypto::provider()),
        ("aws-lc", pleach_aws_lc::provider()),
        ("ring", pleach_ring::provider()),
        ("post-quantum", portable()),
        ("post-quantum-fast", fast()),
    ];
    for (i, (one_name, one)) in backends.iter().enumerate() {
        for (other_name, other) in backends.iter().skip(i + 1) {
            let report = crypto_suite::agree((one_name, other_name), one, other);
            assert!(report.checks() > 500, "{report}");
        }
    }
}
