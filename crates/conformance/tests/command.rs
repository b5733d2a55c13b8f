//! The binary `vectors`: what it prints, and its exit code.
#![expect(clippy::unwrap_used, reason = "tests")]

use pleach_conformance::FILES;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn own() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-vectors")
}

/// A copy of our own files, to be spoilt.
fn copy(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&directory).unwrap();
    for file in FILES {
        fs::copy(own().join(file.name), directory.join(file.name)).unwrap();
    }
    directory
}

/// Whether it succeeded, and what it printed.
fn check(directory: &Path, more: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vectors"));
    let output = command.arg("check").arg(directory).args(more).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn one_suite_of_one_file() {
    let (success, text) = check(&own(), &["--file", "crypto-basics", "--suite", "5"]);
    assert!(success && text.contains("1 of 1 cases in 1 files"), "{text}");
    let (success, text) = check(&own(), &["--file", "nonsense"]);
    assert!(!success && text.contains("nonsense"), "{text}");
}

#[test]
fn a_missing_file_is_an_error() {
    let directory = copy("missing");
    fs::remove_file(directory.join("welcome.json")).unwrap();
    let (success, text) = check(&directory, &["--suite", "1"]);
    assert!(!success && text.contains("welcome.json") && text.contains("missing"), "{text}");
}

#[test]
fn a_wrong_digit_is_an_error_and_is_named() {
    let directory = copy("wrong");
    let path = directory.join("psk_secret.json");
    let text = fs::read_to_string(&path).unwrap();
    let broken = text.replacen("\"psk_secret\":\"00", "\"psk_secret\":\"01", 1);
    assert_ne!(text, broken);
    fs::write(path, broken).unwrap();
    let (success, text) = check(&directory, &["--file", "psk_secret.json"]);
    assert!(!success && text.contains("failed: psk_secret.json[0].psk_secret: we have 00"), "{text}");
    assert!(text.contains("20 of 21 cases"), "{text}");
}

#[test]
fn an_unknown_suite_is_skipped_and_that_is_an_error() {
    let directory = copy("unknown");
    let path = directory.join("psk_secret.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, text.replacen("\"cipher_suite\":1", "\"cipher_suite\":61441", 1)).unwrap();
    let (success, text) = check(&directory, &["--file", "psk_secret.json"]);
    assert!(!success && text.contains("skipped: psk_secret.json[0]"), "{text}");
}
