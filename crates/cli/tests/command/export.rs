//! Stores and groups in sealed files: there and back, and nothing half-way.

use crate::stage::Stage;

/// Alice and Bob in two groups; Bob's store is sealed.
fn sealed() -> Stage {
    let stage = Stage::new(&["alice", "bob"]);
    stage.write("words.txt", b"correct horse battery staple\n");
    for group in ["tea", "cake"] {
        stage.ok("bob", &["key-package", "-o", "bob.kp"]);
        stage.ok("alice", &["create", group]);
        stage.ok("alice", &["add", "-g", group, "bob.kp", "-o", "add.mls", "--welcome", "w.mls", "--merge"]);
        stage.ok("bob", &["join", "w.mls"]);
    }
    stage.ok("bob", &["key-package", "-o", "waiting.kp"]);
    stage.ok("bob", &["export-store", "--memory", "12", "--passphrase", "words.txt", "-o", "bob.sealed"]);
    stage
}

fn comes_back(stage: &Stage, who: &str, group: &str) {
    let refused = stage.fails(who, &["send", "-g", group, "hello"], 13);
    assert!(refused.contains("restored") && refused.contains("external-join --resync"), "{refused}");
    stage.ok("alice", &["send", "-g", group, "are you there?", "-o", "m.mls"]);
    assert_eq!(stage.ok(who, &["receive", "m.mls"]).text(), "are you there?");
    stage.ok("alice", &["group-info", "-g", group, "-o", "g.info"]);
    stage.ok(who, &["external-join", "--resync", "g.info", "-o", "back.mls"]);
    stage.ok("alice", &["receive", "back.mls"]);
    stage.ok(who, &["merge", "back.mls"]);
    stage.ok(who, &["send", "-g", group, "I am", "-o", "m.mls"]);
    assert_eq!(stage.ok("alice", &["receive", "m.mls"]).text(), "I am");
}

#[test]
fn a_store_comes_back() {
    let stage = sealed();
    let done = stage.ok("new", &["import-store", "--passphrase", "words.txt", "bob.sealed", "--json"]).json();
    assert_eq!((&done["name"], &done["groups"]), (&"bob".into(), &2.into()));
    let listed = stage.ok("new", &["groups", "--json"]).json();
    assert_eq!(listed["groups"].as_array().unwrap().len(), 2);
    assert!(listed["groups"].as_array().unwrap().iter().all(|group| group["restored"] == true));
    assert!(stage.ok("new", &["groups"]).text().contains("active, restored"));
    let waiting = stage.ok("new", &["key-package", "--list", "--json"]).json();
    assert_eq!(waiting["key_packages"][0]["imported"], true);
    assert_eq!(waiting["retired"].as_array().unwrap().len(), 2);
    comes_back(&stage, "new", "tea");
    comes_back(&stage, "new", "cake");
    let listed = stage.ok("new", &["groups", "--json"]).json();
    assert!(listed["groups"].as_array().unwrap().iter().all(|group| group["restored"] == false));
    // It goes nowhere that it would overwrite.
    stage.fails("alice", &["import-store", "--passphrase", "words.txt", "bob.sealed"], 11);
    stage.fails("bob", &["import-store", "--passphrase", "words.txt", "bob.sealed"], 11);
    stage.fails("bob", &["export-store", "--passphrase", "words.txt", "-o", "alice.db"], 2);
}

#[test]
fn a_group_comes_back() {
    let stage = sealed();
    let export =
        ["export-store", "-g", "tea", "--memory", "12", "--passphrase", "words.txt", "-o", "tea.sealed"];
    stage.ok("bob", &export);
    stage.fails("bob", &["import-store", "--passphrase", "words.txt", "tea.sealed"], 13);
    stage.fails("alice", &["import-store", "--passphrase", "words.txt", "tea.sealed"], 3);
    stage.fails("new", &["import-store", "--passphrase", "words.txt", "tea.sealed"], 3);
    stage.fails("bob", &["export-store", "-g", "nowhere", "--passphrase", "words.txt", "-o", "x.sealed"], 10);
    stage.ok("bob", &["groups", "--delete", "tea"]);
    stage.fails("bob", &["send", "-g", "tea", "gone"], 10);
    stage.ok("bob", &["import-store", "--passphrase", "words.txt", "tea.sealed"]);
    comes_back(&stage, "bob", "tea");
    // The other group was not touched.
    stage.ok("bob", &["send", "-g", "cake", "still here", "-o", "m.mls"]);
    assert_eq!(stage.ok("alice", &["receive", "m.mls"]).text(), "still here");
}

#[test]
fn what_fails_leaves_nothing() {
    let stage = sealed();
    let before = stage.files();
    stage.write("wrong.txt", b"correct horse battery stable");
    stage.fails("new", &["import-store", "--passphrase", "wrong.txt", "bob.sealed"], 9);
    let good = stage.read("bob.sealed");
    assert!(good.len() < 1 << 16, "one chunk");
    for length in [0, 30, 56, 100, good.len() / 2, good.len() - 1] {
        stage.write("short.sealed", &good[..length]);
        let done = stage.run("new", &["import-store", "--passphrase", "words.txt", "short.sealed"]);
        // Of what is shorter than a chunk nobody can say whether it was altered.
        assert_eq!(done.code, if length < 56 { 3 } else { 9 }, "{length}: {}", done.err);
        assert!(!stage.path("new.db").exists());
    }
    stage.fails("new", &["import-store", "--passphrase", "words.txt", "no-such-file"], 12);
    stage.fails("new", &["import-store", "--passphrase", "words.txt", "words.txt"], 3);
    stage.fails("new", &["import-store", "bob.sealed"], 2);
    stage.write("empty.txt", b"\n");
    stage.fails("new", &["import-store", "--passphrase", "empty.txt", "bob.sealed"], 2);
    stage.fails("new", &["import-store", "--passphrase", "-", "-"], 2);
    stage.fails("new", &["export-store", "--passphrase", "words.txt", "-o", "new.sealed"], 11);
    let mut after = stage.files();
    after.retain(|file| !["wrong.txt", "short.sealed", "empty.txt"].contains(&file.as_str()));
    assert_eq!(after, before);

    // The passphrase by other ways, the file by standard input.
    let words = [("PLEACH_PASSPHRASE", "correct horse battery staple")];
    let done = stage.run_env("one", &["import-store", "bob.sealed"], &words);
    assert_eq!(done.code, 0, "{}", done.err);
    let typed = b"correct horse battery staple\r\n";
    let done = stage.run_with("two", &["import-store", "--passphrase", "-", "bob.sealed"], typed);
    assert_eq!(done.code, 0, "{}", done.err);
    let done = stage.run_with("three", &["import-store", "--passphrase", "words.txt", "-"], &good);
    assert_eq!(done.code, 0, "{}", done.err);
}

#[test]
fn key_packages_have_states() {
    let stage = Stage::new(&["alice", "bob"]);
    stage.ok("bob", &["key-package", "-o", "one.kp"]);
    stage.ok("bob", &["key-package", "--last-resort", "-o", "last.kp"]);
    stage.ok("alice", &["create", "tea"]);
    stage.ok("alice", &["add", "last.kp", "-o", "add.mls", "--welcome", "w.mls", "--merge"]);
    stage.ok("bob", &["join", "w.mls"]);
    let listed = stage.ok("bob", &["key-package", "--list", "--json"]).json();
    let all = listed["key_packages"].as_array().unwrap();
    let once = all.iter().find(|package| package["last_resort"] == false).unwrap();
    let last = all.iter().find(|package| package["last_resort"] == true).unwrap();
    assert_eq!((&once["state"], &once["uses"], &last["uses"]), (&"published".into(), &0.into(), &1.into()));
    stage.ok("bob", &["key-package", "--delete", once["reference"].as_str().unwrap()]);
    let listed = stage.ok("bob", &["key-package", "--list"]).text();
    assert!(listed.contains("withdrawn") && listed.contains("last resort, used for 1 group"), "{listed}");
    // Who was invited by it is told why that does not work.
    stage.ok("alice", &["create", "cake"]);
    stage.ok("alice", &["add", "-g", "cake", "one.kp", "-o", "add.mls", "--welcome", "w.mls", "--merge"]);
    assert!(stage.fails("bob", &["join", "w.mls"], 8).contains("withdrawn"));
}
