//! The binary `vectors`: what it prints, and its exit code.
#![expect(clippy::unwrap_used, reason = "tests")]

use pleach_conformance::{FILES, generate};
use pleach_crypto::CipherSuiteId;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn own() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-vectors")
}

/// A directory without anything of an earlier run.
fn empty(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if directory.exists() {
        fs::remove_dir_all(&directory).unwrap();
    }
    fs::create_dir_all(&directory).unwrap();
    directory
}

/// A copy of our own files, to be spoilt.
fn copy(name: &str) -> PathBuf {
    let directory = empty(name);
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
    assert!(success && text.contains("1 of 1 cases in 1 file"), "{text}");
    let (success, text) = check(&own(), &["--file", "crypto-basics", "--suite", "0xf0a1"]);
    assert!(success && text.contains("1 of 1 cases in 1 file"), "{text}");
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

#[test]
fn the_set_is_seen_by_its_files() {
    let directory = copy("two-sets");
    fs::write(directory.join("other.json"), "[]").unwrap();
    let (success, text) = check(&directory, &["--suite", "1"]);
    assert!(success && text.contains("unknown: other.json"), "{text}");
    fs::write(directory.join("membership-proofs.json"), "[]").unwrap();
    let (success, text) = check(&directory, &["--suite", "1"]);
    assert!(!success && text.contains("mls-implementations, mls-partial"), "{text}");

    let directory = empty("no-set");
    fs::write(directory.join("tree-operations.json"), "[]").unwrap();
    let (success, text) = check(&directory, &[]);
    assert!(!success && text.contains("no set of vectors"), "several sets have this file: {text}");
    let (success, text) = check(&directory.join("nowhere"), &[]);
    assert!(!success && text.contains("nowhere"), "{text}");
}

/// A directory of the other kind, made of cases of our own: classical and post-quantum.
fn partial() -> PathBuf {
    let directory = empty("partial");
    let cases = [1, 0xF0A2].map(|suite| generate::partial(CipherSuiteId(suite), 1).unwrap());
    let [classical, post_quantum] = cases;
    for ((name, classical), (_, post_quantum)) in classical.into_iter().zip(post_quantum) {
        let cases = Value::from([classical, post_quantum].concat());
        fs::write(directory.join(name), cases.to_string()).unwrap();
    }
    directory
}

#[test]
fn one_backend_runs_what_it_has() {
    let directory = partial();
    let (success, text) = check(&directory, &[]);
    assert!(success && text.contains("mls-partial") && text.contains("20 of 20 cases in 4 files"), "{text}");
    let cases = fs::read_to_string(directory.join("tree-operations.json")).unwrap();
    assert!(cases.contains("receiver_path_state"), "not the format of the other set");
    for (backend, lacks) in [("rustcrypto", "0xf0a2"), ("post-quantum", "0x0001")] {
        let (success, text) = check(&directory, &["--crypto", backend]);
        assert!(success && text.contains("10 of 20 cases"), "{backend}: {text}");
        assert!(text.contains(&format!("not in this backend: suite {lacks}")), "{backend}: {text}");
    }
    let (success, text) = check(&directory, &["--crypto", "none"]);
    assert!(!success && text.contains("post-quantum"), "{text}");
}
