//! The sets of vectors beside the working group's: `mls-partial` and `hpke`, in the directory beside the one that
//! `PLEACH_VECTORS` names. Of `mls-partial` there are also cases of our own, made here.
//!
//! A digit of every field is changed to see the check fail. What a check cannot notice is in [`UNNOTICED`].
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;
mod mutants;

use mutants::{change, survivors};
use pleach_conformance::partial::SenderAuthenticatedMessage;
use pleach_conformance::{
    Column, Filter, HPKE, PARTIAL, Reason, Report, VectorFile, VectorSet, check_directory, every_suite,
    generate,
};
use pleach_crypto::{CipherSuiteId, KemId};
use pleach_wire::{PrivateMessage, PublicMessage, UpdatePath, decode};
use serde_json::Value;
use std::path::PathBuf;
use tls_codec::DeserializeBytes;

/// The directory of a set: beside the one that `PLEACH_VECTORS` names. If there is none, says so.
fn directory(set: &VectorSet) -> Option<PathBuf> {
    let cases: usize = set.files.iter().map(|file| file.official_cases).sum();
    let (directory, is_official) = common::directory();
    if !is_official {
        println!("PLEACH_VECTORS is not set: skipped the {cases} published cases of {}", set.name);
        return None;
    }
    let directory = directory.parent().unwrap().join(set.name);
    if !directory.is_dir() {
        println!("{} is not there: skipped its {cases} published cases", directory.display());
        return None;
    }
    Some(directory)
}

#[test]
fn partial_clients_in_ten_suites() {
    let Some(directory) = directory(&PARTIAL) else { return };
    let summary = check_directory(&directory, &every_suite(), Filter::default()).unwrap();
    assert!(summary.is_success(), "{summary}");
    assert_eq!(summary.total().passed, 140);
    for (report, each) in summary.reports.iter().zip([1, 8, 4, 1]) {
        let suites: Vec<_> = (1..=10).map(|id| (Column::Suite(CipherSuiteId(id)), each)).collect();
        let counts: Vec<_> = report.columns.iter().map(|(column, tally)| (*column, tally.passed)).collect();
        assert_eq!(counts, suites, "{}", report.file);
    }
}

#[test]
fn hpke_with_post_quantum_kems() {
    let Some(directory) = directory(&HPKE) else { return };
    let summary = check_directory(&directory, &every_suite(), Filter::default()).unwrap();
    assert!(summary.is_success(), "{summary}");
    let [Report { skipped, in_part, .. }] = &summary.reports[..] else { panic!("one file") };
    assert_eq!((summary.total().passed, summary.total().excused), (8, 5));
    assert_eq!(in_part.iter().map(|part| part.case).collect::<Vec<_>>(), [10, 11, 12]);
    assert_eq!(skipped.iter().map(|skip| skip.case).collect::<Vec<_>>(), [0, 6, 7, 8, 9]);
    assert!(skipped.iter().all(|skip| matches!(skip.reason, Reason::UsedByNoSuite(_))));
}

/// A backend without a KEM or a suite: an error, unless that one backend was asked for.
#[test]
fn what_a_backend_lacks_is_named() {
    let classical = pleach_rustcrypto::provider();
    let run = |set: &VectorSet, one_backend| {
        let filter = Filter { one_backend, ..Filter::default() };
        directory(set).map(|directory| check_directory(&directory, &classical, filter).unwrap())
    };
    let Some((all, one)) = run(&PARTIAL, false).zip(run(&PARTIAL, true)) else { return };
    assert!(!all.is_success() && all.total().skipped == 42, "{all}");
    assert!(one.is_success() && one.total().passed == 98 && one.total().excused == 42, "{one}");
    assert!(one.to_string().contains("not in this backend: suite 0x0008: 14 cases"), "{one}");
    let Some(all) = run(&HPKE, false) else { return };
    assert!(!all.is_success() && all.total().skipped == 8, "{all}");
    let missing = Reason::NoImplementation(Column::Kem(KemId::MLKEM768_X25519));
    assert!(all.reports[0].skipped.iter().any(|skip| skip.reason == missing), "{all}");
}

/// Fields in which a change may go unnoticed: file, field, and why.
const UNNOTICED: [(&str, &str, &str); 4] = [
    (
        "message-syntax.json",
        "/sender_authenticated_private_message",
        "without the epoch's secrets a ciphertext is any octets",
    ),
    (
        "message-syntax.json",
        "/sender_authenticated_public_message",
        "nor is there a key for its membership tag",
    ),
    ("tree-operations.json", "/update_path", "the ciphertexts for others are any octets"),
    ("hpke-pq.json", "/ikmE", "candidates for a P-256 scalar behind the one that is taken"),
];

/// In the fields of [`UNNOTICED`], every third digit that is not in one of the `holes` is changed, and noticed.
fn noticed_outside(name: &str, case: &Value, field: &str, holes: &[&[u8]]) {
    let provider = every_suite();
    let text = case[field].as_str().unwrap();
    let holes = holes.iter().map(hex::encode);
    let holes: Vec<_> = holes.map(|hole| text.find(&hole).map(|at| at..at + hole.len()).unwrap()).collect();
    for place in (0..text.len()).step_by(3).filter(|place| !holes.iter().any(|hole| hole.contains(place))) {
        let mut changed = case.clone();
        changed[field] = Value::from(change(text, place));
        let checked = PARTIAL.file(name).unwrap().check_case(&provider, &changed);
        assert!(checked.is_err(), "{name}: {field}: digit {place} of {}", text.len());
    }
}

fn own(name: &str) -> Vec<Value> {
    let mut files = generate::partial(CipherSuiteId(1), 1).unwrap();
    files.swap_remove(files.iter().position(|(file, _)| *file == name).unwrap()).1
}

fn value<T: DeserializeBytes>(case: &Value, field: &str) -> T {
    decode(&hex::decode(case[field].as_str().unwrap()).unwrap()).unwrap()
}

#[test]
fn all_but_the_ciphertexts_for_others_is_noticed() {
    let name = "tree-operations.json";
    assert!(own(name).iter().any(|case| case["resolution_index"] != 0), "also for others than the first");
    for case in own(name) {
        let path: UpdatePath = value(&case, "update_path");
        let sealed = path.nodes.iter().flat_map(|node| node.encrypted_path_secret.iter());
        let all: Vec<&[u8]> = sealed.flat_map(|sealed| [&*sealed.kem_output, &*sealed.ciphertext]).collect();
        let is_noticed = |part: &&[u8]| {
            let (text, part) = (case["update_path"].as_str().unwrap(), hex::encode(part));
            let mut changed = case.clone();
            changed["update_path"] = Value::from(change(text, text.find(&part).unwrap() + part.len() / 2));
            PARTIAL.file(name).unwrap().check_case(&every_suite(), &changed).is_err()
        };
        let (own, others): (Vec<&[u8]>, Vec<&[u8]>) = all.into_iter().partition(is_noticed);
        assert_eq!(own.len(), 2, "a kem_output and a ciphertext");
        noticed_outside(name, &case, "update_path", &others);
    }
}

#[test]
fn all_but_what_only_members_can_read_is_noticed() {
    let name = "message-syntax.json";
    let [case] = &own(name)[..] else { panic!("one case") };
    let field = "sender_authenticated_public_message";
    let message: SenderAuthenticatedMessage<PublicMessage> = value(case, field);
    noticed_outside(name, case, field, &[message.message.membership_tag.as_ref().unwrap()]);
    let field = "sender_authenticated_private_message";
    let message: SenderAuthenticatedMessage<PrivateMessage> = value(case, field);
    let PrivateMessage { group_id, epoch, encrypted_sender_data, ciphertext, .. } = &message.message;
    // Between the epoch and the encrypted sender data: the content type and the authenticated data.
    let head = [&epoch.to_be_bytes()[..], &[1, 0]].concat();
    assert!(!group_id.is_empty());
    noticed_outside(name, case, field, &[&head, encrypted_sender_data, ciphertext]);
}

/// Too many octets and too few, in every structure.
#[test]
fn structures_end_where_they_end() {
    let name = "message-syntax.json";
    let [case] = &own(name)[..] else { panic!("one case") };
    for (field, value) in case.as_object().unwrap() {
        let Some(text) = value.as_str() else { continue };
        for mutant in [&text[..text.len() - 2], &format!("{text}00")] {
            let mut changed = case.clone();
            changed[field] = Value::from(mutant);
            assert!(PARTIAL.file(name).unwrap().check_case(&every_suite(), &changed).is_err(), "{field}");
        }
    }
}

/// Every change of a case is noticed, or listed in [`UNNOTICED`]: returns how many fields were.
fn every_change_is_noticed(file: &VectorFile, case: &Value) -> usize {
    let provider = every_suite();
    let check = |case: &Value| file.check_case(&provider, case);
    check(case).unwrap_or_else(|fault| panic!("{}: {fault}", file.name));
    let mut survivors = survivors(case, |mutant| check(mutant).is_ok());
    let all = survivors.len();
    survivors
        .retain(|field| !UNNOTICED.iter().any(|(name, listed, _)| *name == file.name && field == listed));
    assert!(survivors.is_empty(), "{}: unnoticed changes of {survivors:?}", file.name);
    for field in case.as_object().unwrap().keys() {
        let mut less = case.clone();
        less.as_object_mut().unwrap().remove(field);
        assert!(check(&less).is_err(), "{} without {field}", file.name);
    }
    let mut more = case.clone();
    more["another"] = Value::from(1);
    assert!(check(&more).is_err(), "{}", file.name);
    all
}

#[test]
fn own_cases_of_partial_clients() {
    for suite in [2, 5, 0xF0A2, 0xF0A5, 0xF0AA] {
        for (name, cases) in generate::partial(CipherSuiteId(suite), 1).unwrap() {
            for case in cases {
                PARTIAL.file(name).unwrap().check_case(&every_suite(), &case).unwrap();
            }
        }
    }
    assert!(generate::partial(CipherSuiteId(0), 1).is_err());
}

#[test]
fn every_change_of_an_own_case_is_noticed() {
    for (name, cases) in generate::partial(CipherSuiteId(1), 1).unwrap() {
        for case in &cases {
            every_change_is_noticed(PARTIAL.file(name).unwrap(), case);
        }
    }
}

/// The first case of a file with this number in this field.
fn published(set: &VectorSet, file: &VectorFile, field: &str, number: u16) -> Option<Value> {
    let cases = file.read(&directory(set)?).unwrap();
    Some(cases.into_iter().find(|case| case[field] == number).unwrap())
}

#[test]
fn every_change_of_a_published_case_is_noticed() {
    for file in PARTIAL.files {
        for suite in [1, 10] {
            let Some(case) = published(&PARTIAL, file, "cipher_suite", suite) else { return };
            every_change_is_noticed(file, &case);
        }
    }
    for kem in [0x0041, 0x0050, 0x647A] {
        let Some(case) = published(&HPKE, HPKE.files[0], "kem_id", kem) else { return };
        let unnoticed = every_change_is_noticed(HPKE.files[0], &case);
        assert_eq!(unnoticed, usize::from(kem == 0x0050), "{kem:#06x}: only P-256 has such candidates");
    }
}
