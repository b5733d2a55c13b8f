//! Every backend by itself: on our own vectors, and on the published ones if they are there (see `published.rs`).
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use pleach_conformance::{Backend, Column, Filter, HPKE, PARTIAL, Summary, check_directory};
use std::path::Path;

/// All that the backend has the algorithms for passes; nothing else is left out.
fn run(backend: Backend, directory: &Path) -> Summary {
    let filter = Filter { one_backend: true, ..Filter::default() };
    let provider = backend.provider();
    let summary = check_directory(directory, &provider, filter).unwrap();
    assert!(summary.is_success(), "{backend:?}: {summary}");
    for (column, tally) in summary.reports.iter().flat_map(|report| &report.columns) {
        let is_here = match column {
            Column::Suite(id) => provider.suites.iter().any(|suite| suite.id == *id),
            Column::Nothing | Column::Kem(_) => continue,
        };
        let passed = if is_here { tally.total() } else { 0 };
        assert_eq!(tally.passed, passed, "{backend:?}: {column}: {summary}");
    }
    summary
}

/// Our own vectors, and how many of each published set: `mls-implementations`, `mls-partial`, `hpke`.
fn check(backend: Backend, own: usize, published: [usize; 3]) {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-vectors");
    assert_eq!(run(backend, &ours).total().passed, own, "{backend:?}");
    let (official, is_official) = common::directory();
    if !is_official {
        println!("PLEACH_VECTORS is not set: skipped {published:?} published cases on {backend:?}");
        return;
    }
    let parent = official.parent().unwrap();
    let sets = [official.clone(), parent.join(PARTIAL.name), parent.join(HPKE.name)];
    for (directory, cases) in sets.iter().zip(published).filter(|(_, cases)| *cases > 0) {
        if directory.is_dir() {
            assert_eq!(run(backend, directory).total().passed, cases, "{backend:?}: {}", directory.display());
        } else {
            println!("{} is not there: skipped its {cases} cases on {backend:?}", directory.display());
        }
    }
}

/// The working group's 785 are in `official.rs`.
#[test]
fn rustcrypto() {
    check(Backend::RustCrypto, 236, [0, 98, 0]);
}

#[test]
fn aws_lc() {
    check(Backend::AwsLc, 176, [655, 70, 0]);
}

#[test]
fn ring() {
    check(Backend::Ring, 146, [590, 56, 0]);
}

#[test]
fn post_quantum() {
    check(Backend::PostQuantum, 59, [324, 42, 8]);
}

#[test]
fn post_quantum_fast() {
    check(Backend::PostQuantumFast, 59, [324, 42, 8]);
}

#[test]
fn every_backend_has_a_name_and_suites() {
    let tested: Vec<usize> = Backend::ALL.iter().map(|backend| backend.provider().suites.len()).collect();
    // Those of post-quantum are three under mlspp's numbers and eleven under ours.
    assert_eq!(tested, [7, 5, 4, 14, 14]);
}
