//! Every vector file, every case: the working group's if `PLEACH_VECTORS` names their directory, else our own.
//!
//! One test per file, so that they run side by side.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use pleach_conformance::{By, FILES, Report, Tally, every_suite, file};

/// Runs all cases of a file. None may be missing, skipped or wrong.
fn run(name: &str) {
    let (directory, is_official) = common::directory();
    let provider = every_suite();
    let file = file(name).unwrap();
    let report = match file.check(&directory, &provider) {
        Ok(report) => report,
        Err(error) => panic!("{error}"),
    };
    let Report { failures, skipped, .. } = &report;
    let total = report.total();
    assert!(failures.is_empty() && skipped.is_empty(), "{name}: {failures:#?} {skipped:#?}");
    assert!(total.passed > 0, "{name} has no cases");
    if is_official {
        assert!(
            total.passed >= file.official_cases,
            "{name} has {} cases, not {}",
            total.passed,
            file.official_cases
        );
    } else {
        println!("PLEACH_VECTORS is not set: skipped the {} official cases of {name}", file.official_cases);
        if matches!(file.by, By::Suite) {
            let post_quantum = ["crypto-basics.json", "treekem.json", "passive-client-welcome.json"];
            let suites = if post_quantum.contains(&name) { 7 + 11 } else { 7 };
            assert_eq!(report.columns.len(), suites, "{name}: not every suite");
        }
    }
    println!("{name}: {} cases passed", total.passed);
}

#[test]
fn the_counts_of_the_working_group() {
    assert_eq!(FILES.iter().map(|file| file.official_cases).sum::<usize>(), 785);
    assert_eq!(Tally::default().total(), 0);
}

macro_rules! files {
    ($($test:ident: $name:literal,)*) => {
        $(
            #[test]
            fn $test() {
                run($name);
            }
        )*

        #[test]
        fn there_is_a_test_for_every_file() {
            let mut tested = [$($name),*];
            tested.sort_unstable();
            let mut files = FILES.map(|file| file.name);
            files.sort_unstable();
            assert_eq!(tested, files);
        }
    };
}

files! {
    tree_math: "tree-math.json",
    deserialization: "deserialization.json",
    messages: "messages.json",
    crypto_basics: "crypto-basics.json",
    key_schedule: "key-schedule.json",
    psk_secret: "psk_secret.json",
    secret_tree: "secret-tree.json",
    transcript_hashes: "transcript-hashes.json",
    message_protection: "message-protection.json",
    welcome: "welcome.json",
    tree_operations: "tree-operations.json",
    tree_validation: "tree-validation.json",
    treekem: "treekem.json",
    passive_client_welcome: "passive-client-welcome.json",
    passive_client_handling_commit: "passive-client-handling-commit.json",
    passive_client_random: "passive-client-random.json",
}
