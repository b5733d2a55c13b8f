//! Backends, suites and numberings: chosen, stored, shown, and explained when they are lacking.

use crate::stage::Stage;
use pleach::storage::{Key, RecordKind, Storage, VecBatch};
use pleach::wire::Credential;
use pleach::{AuthDecision, AuthService, CredentialRequest};
use serde_json::{Value, json};

fn suites(stage: &Stage, more: &[&str]) -> Vec<Value> {
    let args = [&["suites", "--json"][..], more].concat();
    stage.ok("nobody", &args).json()["suites"].as_array().unwrap().clone()
}

fn numbers(suites: &[Value]) -> Vec<u64> {
    suites.iter().map(|suite| suite["number"].as_u64().unwrap()).collect()
}

#[test]
fn suites_by_backend_and_numbering() {
    let stage = Stage::new(&[]);
    let all = suites(&stage, &[]);
    assert_eq!(numbers(&all), (1..=7).chain(0xf0a1..=0xf0ab).collect::<Vec<_>>());
    let of = |number: u64| all.iter().find(|suite| suite["number"] == number).unwrap();
    assert_eq!(of(1)["backends"], json!(["aws-lc", "rustcrypto", "ring"]));
    assert_eq!(of(4)["backends"], json!(["rustcrypto"]));
    assert_eq!(of(5)["backends"], json!(["aws-lc", "rustcrypto"]));
    let hybrid = of(0xf0a2);
    assert_eq!(hybrid["backends"], json!(["post-quantum-fast", "post-quantum"]));
    assert_eq!(hybrid["name"], "MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519");
    assert_eq!((&hybrid["kind"], &hybrid["numbering"]), (&json!("hybrid"), &json!("pleach")));
    let parts = json!({
        "kem": "MLKEM768-X25519", "kdf": "HKDF-SHA384", "aead": "AES-256-GCM", "signature": "ed25519"
    });
    assert_eq!(hybrid["algorithms"], parts);

    assert_eq!(numbers(&suites(&stage, &["--crypto", "ring"])), [1, 2, 3, 7]);
    assert_eq!(numbers(&suites(&stage, &["--crypto", "post-quantum", "--numbering", "mlspp"])), [8, 9, 10]);
    let openmls = suites(&stage, &["--crypto", "post-quantum-fast,ring", "--numbering", "openmls"]);
    assert_eq!(openmls.len(), 4 + 8);
    assert!(numbers(&openmls).contains(&0x004e));
    stage.fails_any("nobody", &["suites", "--crypto", "openssl"], 2);
    stage.fails_any("nobody", &["suites", "--numbering", "iana"], 2);
}

#[test]
fn the_environment_chooses_too() {
    let stage = Stage::new(&[]);
    let run = |crypto: &str, numbering: &str, args: &[&str]| {
        stage.run_env("nobody", args, &[("PLEACH_CRYPTO", crypto), ("PLEACH_NUMBERING", numbering)])
    };
    let found = run("ring, post-quantum", "mlspp", &["suites", "--json"]).json();
    assert_eq!(numbers(found["suites"].as_array().unwrap()), [1, 2, 3, 7, 8, 9, 10]);
    // The command line has the last word; what is empty is not said.
    let found = run("ring", "mlspp", &["suites", "--json", "--crypto", "rustcrypto"]).json();
    assert_eq!(found["suites"].as_array().unwrap().len(), 7);
    assert_eq!(run("", "", &["suites", "--json"]).json()["suites"].as_array().unwrap().len(), 18);
    for (crypto, numbering) in [("openssl", ""), ("", "iana")] {
        let done = run(crypto, numbering, &["suites"]);
        assert_eq!(done.code, 2);
        assert!(done.err.contains("PLEACH_") && done.err.contains("there are"), "{}", done.err);
    }
}

// breaks: R012
#[test]
fn a_lacking_suite_is_explained() {
    let stage = Stage::new(&["alice", "bob"]);
    let why = |name: &str, args: &[&str]| stage.fails(name, args, 5);
    let told = why("alice", &["create", "x", "--suite", "4", "--crypto", "ring"]);
    assert!(
        told.contains("there are 1, 2, 3 and 7") && told.contains("with --crypto it is there by rustcrypto"),
        "{told}"
    );
    let told = why("alice", &["key-package", "--suite", "0xf0a9", "--crypto", "rustcrypto,ring"]);
    assert!(
        told.contains("rustcrypto and ring") && told.contains("by post-quantum-fast and post-quantum"),
        "{told}"
    );
    let told = why("alice", &["create", "x", "--suite", "0x004e"]);
    assert!(told.contains("a number of openmls") && told.contains("0xf0ab"), "{told}");
    let told = why("alice", &["create", "x", "--suite", "0x1234"]);
    assert!(told.contains("0x1234 (unknown)") && told.contains("no backend of this build has it"), "{told}");
    let told = why("carol", &["init", "--name", "carol", "--suite", "4", "--crypto", "aws-lc"]);
    assert!(told.contains("rustcrypto"), "{told}");
    assert!(!stage.path("carol.db").exists());
    stage.ok("alice", &["create", "here"]);
    why("alice", &["reinit", "--suite", "4", "--crypto", "ring"]);

    // What arrives may ask for it as well.
    stage.ok("bob", &["key-package", "--suite", "4", "-o", "bob4.kp"]);
    stage.ok("alice", &["create", "far", "--suite", "4"]);
    stage.ok(
        "alice",
        &["add", "-g", "far", "bob4.kp", "-o", "add.mls", "--welcome", "welcome.mls", "--merge"],
    );
    for args in
        [&["join", "welcome.mls", "--crypto", "ring"][..], &["send", "-g", "far", "x", "--crypto", "aws-lc"]]
    {
        let name = if args[0] == "join" { "bob" } else { "alice" };
        let told = why(name, args);
        assert!(told.contains("with --crypto it is there by rustcrypto"), "{told}");
    }
    // A default that they lack matters only where it is used.
    stage.ok("dora", &["init", "--name", "dora", "--suite", "0xf0a2"]);
    let told = why("dora", &["create", "x", "--crypto", "ring"]);
    assert!(told.contains("0xf0a2"), "{told}");
    stage.ok("dora", &["create", "x", "--suite", "1", "--crypto", "ring"]);
    // Groups that the backends lack are listed, and keep nobody from the others.
    let listed = stage.ok("alice", &["groups", "--crypto", "ring"]).text();
    assert!(
        listed.contains("far: epoch 1, suite 4, active\n  the backends in use do not have the suite"),
        "{listed}"
    );
    stage.ok("alice", &["send", "-g", "here", "hello", "--crypto", "ring"]);
    stage.ok("bob", &["join", "welcome.mls"]);
}

/// Every call with other backends than the one before.
#[test]
fn backends_share_an_identity_and_a_group() {
    for (suite, backends) in [
        ("2", ["aws-lc", "rustcrypto", "ring"]),
        ("0xf0a2", ["post-quantum", "post-quantum-fast", "post-quantum"]),
    ] {
        let stage = Stage::new(&["alice", "bob"]);
        let [one, two, three] = backends.map(|name| format!("{name},aws-lc"));
        let with = |name: &str, crypto: &str, args: &[&str]| {
            stage.ok(name, &[args, &["--crypto", crypto]].concat());
        };
        with("alice", &one, &["create", "mixed", "--suite", suite]);
        with("bob", &two, &["key-package", "--suite", suite, "-o", "bob.kp"]);
        with("alice", &three, &["add", "bob.kp", "-o", "add.mls", "--welcome", "welcome.mls", "--merge"]);
        with("bob", &one, &["join", "welcome.mls"]);
        with("bob", &two, &["update", "--rotate", "-o", "update.mls", "--merge"]);
        with("alice", &three, &["receive", "update.mls"]);
        with("alice", &one, &["send", "hello", "-o", "message.mls"]);
        with("bob", &three, &["receive", "message.mls"]);
        with("alice", &two, &["update", "-o", "update.mls", "--merge"]);
        with("bob", &one, &["receive", "update.mls"]);
        stage.agree(&["alice", "bob"]);
        stage.talk("bob", &["alice"], "and back");
    }
}

#[test]
fn the_numbering_is_the_store_s() {
    let stage = Stage::new(&["carol"]);
    for name in ["alice", "bob"] {
        let made = stage
            .ok(name, &["init", "--name", name, "--numbering", "openmls", "--suite", "0x004e", "--json"]);
        assert_eq!(made.json()["numbering"], "openmls");
    }
    stage.ok("bob", &["key-package", "-o", "bob.kp"]);
    stage.ok("alice", &["create", "x"]);
    stage.ok("alice", &["add", "bob.kp", "-o", "add.mls", "--welcome", "welcome.mls", "--merge"]);
    stage.ok("bob", &["join", "welcome.mls", "--numbering", "openmls"]);
    stage.talk("alice", &["bob"], "hello");
    let told = stage.fails("bob", &["groups", "--numbering", "mlspp"], 2);
    assert!(told.contains("was made with the numbering openmls"), "{told}");
    let done = stage.run_env("bob", &["groups"], &[("PLEACH_NUMBERING", "pleach")]);
    assert_eq!(done.code, 2, "{}", done.err);
    // Its suites are listed by its numbers, unless others are asked for.
    assert_eq!(stage.ok("alice", &["suites", "--json"]).json()["numbering"], "openmls");
    let named = ["suites", "--json", "--store", "alice.db"];
    assert!(numbers(stage.ok("nobody", &named).json()["suites"].as_array().unwrap()).contains(&0x004e));
    let others = ["suites", "--json", "--numbering", "mlspp"];
    assert_eq!(stage.ok("alice", &others).json()["numbering"], "mlspp");
    assert_eq!(stage.ok("carol", &["suites", "--json"]).json()["numbering"], "pleach");
    stage.fails("alice", &["suites", "--store", "nowhere.db"], 11);
    // Somebody with other numbers is told whose these are.
    stage.ok("carol", &["create", "y", "--suite", "0xf0a2"]);
    stage.ok("alice", &["group-info", "-o", "group.info"]);
    let told = stage.fails("carol", &["external-join", "group.info", "-o", "join.mls"], 5);
    assert!(told.contains("it is a number of openmls") && told.contains("as by pleach here"), "{told}");

    // What is stored says what the number stood for.
    let groups = stage.ok("alice", &["groups", "--json"]).json();
    assert_eq!(groups["groups"][0]["algorithms"]["kem"], "MLKEM768-X25519");
    stage.ok("bob", &["key-package", "-o", "more.kp"]);
    let waiting = stage.ok("bob", &["key-package", "--list", "--json"]).json();
    assert_eq!(waiting["key_packages"][0]["algorithms"]["kdf"], "HKDF-SHA384");
    let listed = stage.ok("bob", &["key-package", "--list"]).text();
    assert!(
        listed.contains("suite 0x004e") && listed.contains("made with MLKEM768-X25519, HKDF-SHA384"),
        "{listed}"
    );
}

#[test]
fn inspect_says_what_a_number_stands_for() {
    let stage = Stage::new(&["alice"]);
    stage.ok("alice", &["key-package", "--suite", "0xf0ab", "-o", "kp"]);
    let shown = stage.ok("nobody", &["inspect", "kp"]).text();
    for line in [
        "  cipher_suite: 0xf0ab (MLS_256_MLKEM1024_AES256GCM_SHA384_MLDSA87)",
        "  cipher_suite_algorithms: ML-KEM-1024, HKDF-SHA384, AES-256-GCM, mldsa87",
        "  cipher_suite_numbering: pleach",
        "0xf0a1, 0xf0a2",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    // In another numbering, and in none: the number is the fourth pair of bytes.
    let mut bytes = stage.read("kp");
    bytes[6..8].copy_from_slice(&[0x09, 0x07]);
    stage.write("openmls", &bytes);
    let shown = stage.ok("nobody", &["inspect", "openmls"]).text();
    assert!(shown.contains("0x0907 (MLS_256_MLKEM1024_AES256GCM_SHA384_MLDSA87)"), "{shown}");
    assert!(shown.contains("cipher_suite_numbering: openmls"), "{shown}");
    bytes[6..8].copy_from_slice(&[0x12, 0x34]);
    stage.write("unknown", &bytes);
    let shown = stage.ok("nobody", &["inspect", "unknown"]).text();
    assert!(
        shown.contains("cipher_suite: 0x1234 (unknown)") && !shown.contains("cipher_suite_numbering"),
        "{shown}"
    );
}

#[test]
fn a_store_is_never_written_over() {
    let stage = Stage::new(&["alice", "bob"]);
    stage.ok("alice", &["create", "x"]);
    stage.ok("bob", &["key-package", "-o", "bob.kp"]);
    let before = (stage.rows("alice"), stage.rows("bob"), stage.files());
    for path in ["alice.db", "./alice.db", "bob.db", "alice.db-journal", "bob.db-wal", "bob.db-shm"] {
        stage.fails("alice", &["update", "-o", path], 2);
        stage.fails("alice", &["add", "bob.kp", "-o", "add.mls", "--welcome", path], 2);
        stage.fails("alice", &["key-package", "-o", path], 2);
        stage.fails("alice", &["groups", &format!("--json={path}")], 2);
    }
    // Nor over one that is still to be made.
    for path in ["carol.db", "./carol.db", "carol.db-journal"] {
        stage.fails("carol", &["init", "--name", "carol", &format!("--json={path}")], 2);
    }
    assert!((stage.rows("alice"), stage.rows("bob"), stage.files()) == before);
}

#[test]
fn no_merge_loses_a_welcome() {
    let stage = Stage::new(&["alice", "bob", "carol"]);
    for name in ["bob", "carol"] {
        stage.ok(name, &["key-package", "-o", &format!("{name}.kp")]);
    }
    stage.ok("alice", &["create", "x"]);
    stage.ok("alice", &["add", "bob.kp", "-o", "add.mls"]);
    let rows = stage.rows("alice");
    let told = stage.fails("alice", &["merge"], 13);
    assert!(told.contains("--welcome FILE"), "{told}");
    let told = stage.fails("alice", &["receive", "add.mls"], 13);
    assert!(told.contains("`pleach merge --no-welcome`"), "{told}");
    assert_eq!(stage.rows("alice"), rows);
    stage.ok("alice", &["merge", "--welcome", "welcome.mls"]);
    stage.ok("bob", &["join", "welcome.mls"]);
    // Written before, so nothing is lost; and whoever insists may lose it.
    stage.ok("alice", &["add", "carol.kp", "-o", "add.mls", "--welcome", "carol.welcome"]);
    stage.ok("alice", &["receive", "add.mls"]);
    stage.ok("bob", &["receive", "add.mls"]);
    stage.ok("carol", &["join", "carol.welcome"]);
    stage.ok("alice", &["remove", "carol", "-o", "remove.mls", "--merge"]);
    stage.ok("bob", &["receive", "remove.mls"]);
    stage.ok("carol", &["key-package", "-o", "carol.kp"]);
    stage.ok("alice", &["add", "carol.kp", "-o", "add.mls"]);
    stage.ok("alice", &["merge", "--no-welcome"]);
    stage.ok("bob", &["receive", "add.mls"]);
    stage.agree(&["alice", "bob"]);
}

#[test]
fn the_document_can_go_to_a_file() {
    let stage = Stage::new(&["alice"]);
    let text = stage.ok("alice", &["create", "x", "--json=made.json"]).text();
    assert!(text.starts_with("created x"), "{text}");
    let document: Value = serde_json::from_slice(&stage.read("made.json")).unwrap();
    assert_eq!((&document["group_id"], &document["suite"]), (&json!("x"), &json!(1)));
    // Nothing is done if it cannot.
    let rows = stage.rows("alice");
    stage.fails("alice", &["create", "y", "--json=no/where"], 12);
    assert_eq!(stage.rows("alice"), rows);
    stage.fails("nobody", &["demo", "--json=demo.json"], 2);
}

/// A device cannot be reserved; what was done is not denied.
#[cfg(target_os = "linux")]
#[test]
fn a_document_that_is_not_written_does_not_deny_what_was_done() {
    let stage = Stage::new(&["alice"]);
    let done = stage.run("alice", &["create", "y", "--json=/dev/full"]);
    assert_eq!(done.code, 12);
    assert!(done.err.contains("all is done, but not the document"), "{}", done.err);
    assert!(done.text().starts_with("created y"));
    assert_eq!(stage.ok("alice", &["groups", "--json"]).json()["groups"][0]["group_id"], "y");
}

struct Everybody;

impl AuthService for Everybody {
    fn validate(&self, _: &CredentialRequest<'_>) -> AuthDecision {
        AuthDecision::Accept
    }

    fn client_id(&self, _: &Credential, signature_key: &[u8]) -> Vec<u8> {
        signature_key.to_vec()
    }
}

/// A number that is not registered can come to stand for something else; the groups of the old meaning stay where they are.
#[test]
fn a_group_whose_number_has_another_meaning_is_listed() {
    use pleach::crypto::{CipherSuite, CipherSuiteId, CryptoProvider};
    let stage = Stage::new(&["alice"]);
    stage.ok("alice", &["create", "new", "--suite", "0xf0a2"]);
    stage.ok("alice", &["update", "-o", "update.mls"]);
    {
        let number = CipherSuiteId(0xf0a2);
        let provider = pleach::rustcrypto::provider();
        let suite = CipherSuite { id: number, ..provider.suites[0] };
        let keys = suite.signature.generate_key_pair(&*provider.random).unwrap();
        let signer = suite.signature.load_signer(&keys.private).unwrap();
        let storage = std::sync::Arc::new(pleach::SqliteStorage::open(stage.path("alice.db")).unwrap());
        let provider = CryptoProvider { suites: vec![suite].into(), ..provider };
        let builder = pleach::Client::builder(provider, storage).id(b"alice".to_vec());
        builder
            .auth(Everybody)
            .basic("alice", signer)
            .suite(number)
            .build()
            .unwrap()
            .create_group(b"old")
            .unwrap();
    }
    let listed = stage.ok("alice", &["groups"]).text();
    let why = "the suite's number stands for other algorithms now";
    let shown = format!(
        "old: epoch 0, suite 0xf0a2, active\n  made with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM, ed25519\n  {why}\n"
    );
    assert!(listed.contains(&shown), "{listed}");
    let document = stage.ok("alice", &["groups", "--json"]).json();
    let groups: Vec<(&Value, &Value)> = document["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| (&group["group_id"], &group["unusable"]))
        .collect();
    assert_eq!(groups, [(&json!("new"), &Value::Null), (&json!("old"), &json!(why))]);
    // It keeps nobody from the others, and cannot be used itself.
    stage.fails("alice", &["send", "-g", "old", "x"], 11);
    stage.ok("alice", &["merge", "update.mls"]);
}

#[test]
fn a_store_of_another_build_is_named_as_such() {
    let stage = Stage::new(&["alice"]);
    for (format, age) in [(1_u8, "an earlier build"), (3, "a later build")] {
        let row = [&[0, 0, 0, 0, 0, 0, 0, 0, format, 0, 1][..], b"alice"].concat();
        let mut batch = VecBatch::new();
        batch.put(Key::of_client(b"", RecordKind::Application, b"pleach-cli"), row);
        let storage = pleach::SqliteStorage::open(stage.path("alice.db")).unwrap();
        pleach::storage::Checked::new(storage).apply(&mut batch).unwrap();
        let told = stage.fails("alice", &["groups"], 11);
        assert!(told.contains(age) && told.contains("alice.db"), "{told}");
    }
}

#[test]
fn who_will_be_added_is_named() {
    let stage = Stage::new(&["alice", "bob", "carol"]);
    for name in ["bob", "carol"] {
        stage.ok(name, &["key-package", "-o", &format!("{name}.kp")]);
    }
    stage.ok("alice", &["create", "x"]);
    let done = stage.ok("alice", &["add", "bob.kp", "--welcome", "w", "-o", "add.mls", "--json"]).json();
    assert_eq!(done["changes"]["added"], json!(["bob"]));
    stage.ok("alice", &["merge"]);
    stage.ok("bob", &["join", "w"]);
    let done = stage.ok("alice", &["add", "carol.kp", "-o", "add.mls", "--json"]).json();
    assert_eq!(done["changes"]["added"], json!(["carol"]));
    let told = stage.ok("bob", &["receive", "add.mls", "--dry-run"]).text();
    assert!(told.contains("added carol"), "{told}");
    stage.ok("alice", &["discard", "add.mls"]);
    // In a group that is still to be, too.
    stage.ok("bob", &["key-package", "-o", "bob2.kp"]);
    let done = stage.ok("alice", &["branch", "y", "bob2.kp", "-o", "first.mls", "--json"]).json();
    assert_eq!(done["changes"]["added"], json!(["bob"]));
}
