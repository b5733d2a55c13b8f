//! The vectors are checked in every field: one digit changed anywhere, and the case fails.
//!
//! A few cases of suite 1 of each file, all of their fields: strings in their first, middle and last digit, numbers by one,
//! values that are absent made present. What a check cannot notice is in [`UNNOTICED`], with the reason.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;
mod mutants;

use mutants::{change, fields};
use pleach_conformance::file;
use serde_json::Value;

/// Fields whose change a case may survive: file, field, and why.
const UNNOTICED: [(&str, &str, &str); 3] = [
    (
        "secret-tree.json",
        "sender_data.ciphertext",
        "only its first Nh octets are a sample for the key (R058); that those are noticed is tested apart",
    ),
    (
        "tree-operations.json",
        "proposal_sender",
        "the sender of an Add or a Remove leaves no trace in the tree; that an Update's is noticed is tested apart",
    ),
    (
        "passive-client-handling-commit.json",
        "external_psks",
        "every client has the PSK, most cases do not use it; that it is noticed in others is tested apart",
    ),
];

/// How many epochs of a case are kept: the check of each mutant walks through all of them.
const EPOCHS: usize = 2;

fn cases(name: &str) -> Vec<Value> {
    let (directory, _) = common::directory();
    let mut cases = file(name).unwrap().read(&directory).unwrap();
    cases.retain(|case| case.get("cipher_suite").is_none_or(|suite| *suite == 1));
    for case in &mut cases {
        if let Some(Value::Array(epochs)) = case.get_mut("epochs") {
            epochs.truncate(EPOCHS);
        }
    }
    cases
}

/// Whether the case passes.
fn passes(name: &str, case: &Value) -> bool {
    file(name).unwrap().check_case(&pleach_rustcrypto::provider(), case).is_ok()
}

/// The mutants of a case that pass all the same.
fn survivors(name: &str, case: &Value) -> Vec<String> {
    assert!(passes(name, case), "{name}: the case itself fails");
    mutants::survivors(case, |mutant| passes(name, mutant))
}

/// Every change is noticed in these cases of the file's suite 1 or without suite.
fn every_change_is_noticed(name: &str, places: &[usize]) {
    let cases = cases(name);
    for place in places {
        let mut survivors = survivors(name, &cases[*place]);
        let is_listed = |field: &str| {
            let path = field.trim_start_matches('/').replace('/', ".");
            UNNOTICED.iter().any(|(file, listed, _)| *file == name && path.starts_with(listed))
        };
        survivors.retain(|field| !is_listed(field));
        assert!(survivors.is_empty(), "{name}[{place}]: unnoticed changes of {survivors:?}");
    }
}

macro_rules! files {
    ($($test:ident: $name:literal [$($place:literal),*],)*) => {$(
        #[test]
        fn $test() {
            every_change_is_noticed($name, &[$($place),*]);
        }
    )*};
}

files! {
    tree_math: "tree-math.json" [0, 3],
    deserialization: "deserialization.json" [0, 3, 7, 10],
    crypto_basics: "crypto-basics.json" [0],
    key_schedule: "key-schedule.json" [0],
    psk_secret: "psk_secret.json" [0, 1, 2],
    secret_tree: "secret-tree.json" [0, 1],
    transcript_hashes: "transcript-hashes.json" [0],
    message_protection: "message-protection.json" [0],
    welcome: "welcome.json" [0],
    tree_operations: "tree-operations.json" [0, 1, 2, 3, 4],
    tree_validation: "tree-validation.json" [1, 2, 3, 4],
    treekem: "treekem.json" [0, 1, 2],
    passive_client_welcome: "passive-client-welcome.json" [0, 1, 2, 3],
    passive_client_handling_commit: "passive-client-handling-commit.json" [0, 1],
    passive_client_random: "passive-client-random.json" [0],
}

/// `messages.json` has random values, and a check of the codec alone: another value decodes as well as the one given. What
/// is noticed there is that something is cut off, or added.
#[test]
fn messages() {
    let name = "messages.json";
    let case = &cases(name)[0];
    let mut all = Vec::new();
    fields(case, "", &mut all);
    for field in all {
        let text = case.pointer(&field).unwrap().as_str().unwrap();
        for mutant in
            [&text[..text.len() - 2], &format!("{text}00"), &text[..text.len() - 1], &format!("{text}g0")]
        {
            let mut changed = case.clone();
            *changed.pointer_mut(&field).unwrap() = Value::from(mutant);
            assert!(!passes(name, &changed), "{field}");
        }
    }
}

/// The fields of [`UNNOTICED`] are noticed where they can be.
#[test]
fn what_is_listed_is_noticed_elsewhere() {
    let noticed =
        |name, case: &Value, field: &str| survivors(name, case).iter().all(|found| !found.starts_with(field));
    let name = "tree-operations.json";
    let update = cases(name).into_iter().find(|case| case["proposal"].as_str().unwrap().starts_with("0002"));
    assert!(noticed(name, &update.unwrap(), "/proposal_sender"));

    let name = "passive-client-handling-commit.json";
    assert!(cases(name).iter().any(|case| {
        let mut changed = case.clone();
        let psk = changed.pointer_mut("/external_psks/0/psk").unwrap();
        *psk = Value::from(change(psk.as_str().unwrap(), 0));
        !passes(name, &changed)
    }));

    let name = "secret-tree.json";
    let mut changed = cases(name).swap_remove(0);
    let sample = changed.pointer_mut("/sender_data/ciphertext").unwrap();
    *sample = Value::from(change(sample.as_str().unwrap(), 63));
    assert!(!passes(name, &changed));
}

/// A field that is not known, or not there, is an error.
#[test]
fn fields_are_neither_ignored_nor_assumed() {
    for file in pleach_conformance::FILES {
        let case = &cases(file.name)[0];
        let mut more = case.clone();
        more["another"] = Value::from(1);
        assert!(!passes(file.name, &more), "{}", file.name);
        for field in case.as_object().unwrap().keys() {
            // serde reads a missing Option as none.
            if case[field].is_null() {
                continue;
            }
            let mut less = case.clone();
            less.as_object_mut().unwrap().remove(field);
            assert!(!passes(file.name, &less), "{} without {field}", file.name);
        }
    }
}
