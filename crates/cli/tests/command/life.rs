//! A group's life with three stores and the command alone, one process per step.

use crate::stage::{Stage, assert_same_rows};

const ALL: [&str; 3] = ["alice", "bob", "carol"];

/// Alice creates a group and adds bob and carol, each by a commit of its own.
fn three() -> Stage {
    let stage = Stage::new(&ALL);
    stage.ok("alice", &["create", "tea-party"]);
    stage.ok("bob", &["key-package", "-o", "bob.kp"]);
    stage.ok("carol", &["key-package", "-o", "carol.kp"]);
    stage.ok("alice", &["add", "bob.kp", "-o", "add.mls", "--welcome", "welcome.mls"]);
    stage.ok("alice", &["merge", "add.mls"]);
    stage.ok("bob", &["join", "welcome.mls"]);
    stage.ok("bob", &["add", "carol.kp", "-o", "add2.mls", "--welcome", "welcome2.mls"]);
    stage.ok("alice", &["receive", "add2.mls"]);
    stage.ok("bob", &["receive", "add2.mls"]); // the delivery service's echo
    stage.ok("carol", &["join", "welcome2.mls"]);
    stage
}

/// All three talk to all.
fn everybody_talks(stage: &Stage) {
    for from in ALL {
        let to: Vec<&str> = ALL.into_iter().filter(|name| *name != from).collect();
        stage.talk(from, &to, &format!("{from} says hello"));
    }
}

#[test]
fn from_creation_to_another_suite() {
    let stage = three();
    assert_eq!(stage.agree(&ALL)["epoch"], 2);
    everybody_talks(&stage);

    stage.ok("carol", &["update", "-o", "update.mls"]);
    stage.ok("alice", &["receive", "update.mls"]);
    stage.ok("bob", &["receive", "update.mls"]);
    stage.ok("carol", &["merge", "update.mls"]);
    assert_eq!(stage.agree(&ALL)["epoch"], 3);
    everybody_talks(&stage);

    stage.ok("alice", &["remove", "bob", "-o", "remove.mls", "--merge"]);
    let removed = stage.ok("bob", &["receive", "remove.mls", "--json"]).json();
    assert_eq!(removed["changes"]["removed_us"], true);
    stage.ok("carol", &["receive", "remove.mls"]);
    assert_eq!(stage.agree(&["alice", "carol"])["members"].as_array().unwrap().len(), 2);
    stage.ok("carol", &["send", "without bob", "-o", "secret.mls"]);
    assert_eq!(stage.ok("alice", &["receive", "secret.mls"]).text(), "without bob");
    let before = stage.rows("bob");
    stage.fails("bob", &["receive", "secret.mls"], 13);
    stage.fails("bob", &["send", "still here?"], 13);
    assert_same_rows(&stage.rows("bob"), &before, "bob");
    assert_eq!(stage.ok("bob", &["groups", "--json"]).json()["groups"][0]["status"], "removed");

    // Bob comes back by himself.
    stage.ok("carol", &["group-info", "-o", "group.info"]);
    stage.ok("bob", &["groups", "--delete", "tea-party"]);
    stage.ok("bob", &["external-join", "group.info", "-o", "back.mls"]);
    stage.ok("alice", &["receive", "back.mls"]);
    let joined = stage.ok("carol", &["receive", "back.mls", "--json"]).json();
    assert_eq!(joined["changes"]["joined"], "bob");
    stage.ok("bob", &["merge", "back.mls"]);
    assert_eq!(stage.agree(&ALL)["epoch"], 5);
    everybody_talks(&stage);

    stage.ok("bob", &["reinit", "--suite", "2", "--id", "supper", "-o", "reinit.mls"]);
    stage.ok("alice", &["receive", "reinit.mls"]);
    stage.ok("carol", &["receive", "reinit.mls"]);
    stage.ok("bob", &["merge"]);
    stage.fails("alice", &["send", "too late"], 13);
    stage.ok("alice", &["key-package", "--suite", "2", "-o", "alice2.kp"]);
    stage.ok("carol", &["key-package", "--suite", "2", "-o", "carol2.kp"]);
    let before = stage.records("bob");
    stage.fails("bob", &["reinit", "--finish", "alice2.kp", "--welcome", "w"], 13); // carol is missing (R171)
    assert_same_rows(&stage.records("bob"), &before, "bob");
    let finish =
        ["reinit", "--finish", "alice2.kp", "carol2.kp", "-o", "first.mls", "--welcome", "w2.mls", "--merge"];
    stage.ok("bob", &finish);
    stage.ok("alice", &["join", "w2.mls"]);
    assert_eq!(stage.ok("carol", &["join", "w2.mls", "--json"]).json()["follows"], "tea-party");
    let supper = stage.agree(&ALL);
    assert_eq!((&supper["suite"], &supper["group_id"]), (&2.into(), &"supper".into()));
    everybody_talks(&stage);
    let groups = stage.ok("carol", &["groups", "--json"]).json();
    assert_eq!(groups["groups"][0]["epoch_authenticator"], supper["epoch_authenticator"]);
}

#[test]
fn proposals_leaving_and_races() {
    let stage = three();
    stage.ok("bob", &["propose", "update", "-o", "update.mls"]);
    stage.ok("carol", &["leave", "-o", "leave.mls"]);
    for name in ["alice", "bob"] {
        stage.ok(name, &["receive", "leave.mls"]);
    }
    assert!(stage.ok("alice", &["receive", "update.mls"]).text().contains("bob proposes: fresh keys"));
    stage.ok("carol", &["receive", "update.mls"]);
    stage.fails("alice", &["receive", "update.mls"], 8);
    stage.fails("alice", &["send", "not now"], 13); // R217
    let commit = stage.ok("alice", &["commit", "-o", "commit.mls", "--json"]).json();
    assert_eq!(commit["changes"]["removed"][0], "carol");
    assert_eq!(commit["changes"]["updated"].as_array().unwrap().len(), 2);
    for name in ["bob", "carol"] {
        stage.ok(name, &["receive", "commit.mls"]);
    }
    stage.ok("alice", &["merge"]);
    stage.talk("alice", &["bob"], "just us");
    stage.talk("bob", &["alice"], "so it is");

    // Both commit; alice's arrives first.
    stage.ok("alice", &["update", "-o", "a.mls"]);
    stage.ok("bob", &["update", "-o", "b.mls"]);
    stage.ok("bob", &["update", "-o", "b2.mls"]);
    stage.fails("bob", &["merge"], 2); // which one?
    stage.ok("bob", &["discard", "b2.mls"]);
    let checked = stage.ok("bob", &["receive", "a.mls", "--dry-run", "--json"]).json();
    assert_eq!(checked["changes"]["committer"], "alice");
    stage.ok("bob", &["receive", "a.mls"]);
    stage.ok("alice", &["receive", "a.mls"]);
    stage.fails("bob", &["merge", "b.mls"], 10);
    stage.fails("alice", &["receive", "b.mls"], 7);
    stage.agree(&["alice", "bob"]);

    // A message that overtakes its commit.
    stage.ok("alice", &["update", "-o", "c.mls", "--merge"]);
    stage.ok("alice", &["send", "early", "-o", "early.mls"]);
    assert!(stage.fails("bob", &["receive", "early.mls"], 7).contains("keep it"));
    stage.ok("bob", &["receive", "c.mls"]);
    assert_eq!(stage.ok("bob", &["receive", "early.mls"]).text(), "early");
}

#[test]
fn keys_are_pinned_and_only_their_owner_replaces_them() {
    let stage = three();
    stage.ok("bob", &["update", "--rotate", "-o", "rotate.mls"]);
    for name in ALL {
        stage.ok(name, &["receive", "rotate.mls"]);
    }
    everybody_talks(&stage);
    let pins = stage.ok("alice", &["trust", "--json"]).json();
    let of_bob: Vec<bool> = pins["pins"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|pin| pin["name"] == "bob")
        .map(|pin| pin["current"].as_bool().unwrap())
        .collect();
    assert_eq!(of_bob.iter().filter(|current| **current).count(), 1);
    assert_eq!(of_bob.len(), 2);
    // New key packages have the new key; the old one is no longer taken.
    stage.ok("alice", &["create", "kitchen"]);
    stage.ok("bob", &["key-package", "-o", "new.kp"]);
    stage.ok("bob", &["key-package", "-o", "spare.kp"]);
    stage.ok("alice", &["add", "-g", "kitchen", "new.kp", "-o", "add.mls", "--welcome", "w.mls", "--merge"]);
    stage.ok("bob", &["join", "w.mls"]);

    // Somebody else by the name of bob.
    let other = Stage::new(&["bob"]);
    other.ok("bob", &["key-package", "-o", "false.kp"]);
    stage.write("false.kp", &other.read("false.kp"));
    stage.ok("alice", &["create", "cellar"]);
    let before = stage.rows("alice");
    let line = stage.fails("alice", &["add", "-g", "cellar", "false.kp", "-o", "x"], 9);
    assert!(line.contains("the key of bob is") && line.contains("pleach trust --forget bob"), "{line}");
    stage.fails("alice", &["propose", "add", "-g", "cellar", "false.kp", "-o", "x"], 9);
    assert_same_rows(&stage.rows("alice"), &before, "alice");
    assert!(!stage.files().contains(&"x".to_owned()));
    stage.ok("alice", &["trust", "--forget", "bob"]);
    stage.ok("alice", &["add", "-g", "cellar", "false.kp", "-o", "x", "--welcome", "wx"]);
}

#[test]
fn the_rest_of_the_subcommands() {
    let stage = three();
    // Exporter: the same for all, another for another label.
    let export = |name: &str, label: &str| stage.ok(name, &["exporter", label, "--length", "16"]).text();
    assert_eq!(export("alice", "call"), export("carol", "call"));
    assert_ne!(export("alice", "call"), export("alice", "chat"));
    assert_eq!(export("alice", "call").trim().len(), 32);

    // A pre-shared key, which all must have.
    stage.write("gate.key", &[7; 32]);
    for name in ["alice", "bob"] {
        stage.ok(name, &["psk", "add", "gate", "--secret", "gate.key"]);
    }
    stage.ok("alice", &["commit", "--psk", "gate", "-o", "psk.mls", "--merge"]);
    stage.ok("bob", &["receive", "psk.mls"]);
    let before = stage.rows("carol");
    stage.fails("carol", &["receive", "psk.mls"], 5);
    assert_same_rows(&stage.rows("carol"), &before, "carol");
    stage.ok("carol", &["psk", "add", "gate", "--secret", "gate.key"]);
    stage.ok("carol", &["receive", "psk.mls"]);
    assert_eq!(stage.ok("carol", &["psk", "list"]).text(), "gate\n");
    stage.ok("carol", &["psk", "remove", "gate"]);
    stage.agree(&ALL);

    // A branch of two, in public.
    stage.ok("bob", &["key-package", "-o", "branch.kp"]);
    let branch =
        ["branch", "kitchen", "branch.kp", "-o", "b.mls", "--welcome", "bw.mls", "--merge", "--public"];
    stage.ok("alice", &branch);
    assert_eq!(stage.ok("bob", &["join", "bw.mls", "--json"]).json()["follows"], "tea-party");
    stage.ok("bob", &["update", "-g", "kitchen", "--public", "-o", "u.mls", "--merge"]);
    assert_eq!(
        stage.ok("bob", &["inspect", "u.mls", "--json"]).json()["content"]["sender"],
        "member, leaf 1"
    );
    stage.ok("alice", &["receive", "u.mls"]);

    // The tree out of band, for a Welcome and for a GroupInfo.
    let dave = "dave";
    stage.ok(dave, &["init", "--name", dave]);
    stage.ok(dave, &["key-package", "-o", "dave.kp"]);
    let add =
        ["add", "-g", "kitchen", "dave.kp", "-o", "d.mls", "--welcome", "dw.mls", "--no-tree", "--merge"];
    stage.ok("alice", &add);
    stage.ok("bob", &["receive", "d.mls"]);
    stage.ok("alice", &["group-info", "-g", "kitchen", "-o", "k.info", "--tree", "k.tree"]);
    stage.fails(dave, &["join", "dw.mls"], 5);
    stage.ok(dave, &["join", "dw.mls", "--tree", "k.tree"]);
    stage.ok("carol", &["external-join", "k.info", "--tree", "k.tree", "-o", "c.mls", "--merge"]);
    for name in ["alice", "bob", dave] {
        stage.ok(name, &["receive", "c.mls"]);
    }
    // Somebody who lost the state comes back in place of the former self.
    stage.ok(dave, &["group-info", "-o", "k2.info"]);
    stage.ok(dave, &["groups", "--delete", "kitchen"]);
    stage.ok(dave, &["external-join", "k2.info", "--resync", "-o", "d2.mls", "--merge"]);
    for name in ["alice", "bob", "carol"] {
        stage.ok(name, &["receive", "d2.mls"]);
    }
    let members = stage.ok(dave, &["members", "--json"]).json();
    assert_eq!(members["members"].as_array().unwrap().len(), 4);

    // Asking to be added.
    let eve = "eve";
    stage.ok(eve, &["init", "--name", eve]);
    stage.ok("alice", &["group-info", "-g", "tea-party", "-o", "t.info"]);
    stage.ok(eve, &["propose", "join", "t.info", "-o", "ask.mls"]);
    for name in ALL {
        stage.ok(name, &["receive", "ask.mls"]);
    }
    stage.fails("alice", &["commit", "-g", "tea-party", "--merge", "-o", "c2.mls"], 2);
    stage.ok("alice", &["commit", "-g", "tea-party", "--merge", "-o", "c2.mls", "--welcome", "we.mls"]);
    stage.ok("bob", &["receive", "c2.mls"]);
    stage.ok("carol", &["receive", "c2.mls"]);
    stage.ok(eve, &["join", "we.mls"]);
    stage.ok("alice", &["send", "-g", "tea-party", "welcome", "-o", "m.mls"]);
    assert_eq!(stage.ok(eve, &["receive", "m.mls"]).text(), "welcome");
    stage.ok("alice", &["discard", "-g", "tea-party", "--proposals"]);
    stage.ok("alice", &["key-package", "--list"]);
}

#[test]
fn streams_and_armour() {
    let stage = three();
    // Through standard input and output; what people read goes to standard error.
    let sent = stage.run_with("alice", &["send"], b"piped\n");
    assert_eq!(sent.code, 0);
    assert!(sent.err.starts_with("message of 6 bytes"), "{}", sent.err);
    let received = stage.run_with("bob", &["receive", "-"], &sent.out);
    assert_eq!((received.out.as_slice(), received.err.as_str()), (&b"piped\n"[..], "alice, 6 bytes\n"));
    // Armoured, and in JSON.
    let hexadecimal = hex::encode(&sent.out);
    assert_eq!(stage.run_with("carol", &["receive", "-"], hexadecimal.as_bytes()).out, b"piped\n");
    let json = stage.ok("carol", &["send", "in base64", "--aad", "label", "--json"]).json();
    let armoured = json["message"]["base64"].as_str().unwrap();
    let received = stage.run_with("bob", &["receive", "-", "--json"], armoured.as_bytes()).json();
    assert_eq!((&received["text"], &received["authenticated_data"]), (&"in base64".into(), &"label".into()));
    let failed = stage.run_with("bob", &["receive", "-", "--json"], armoured.as_bytes());
    let error: serde_json::Value = serde_json::from_str(&failed.err).unwrap();
    assert_eq!((&error["error"]["code"], &error["error"]["exit"]), (&"already-received".into(), &8.into()));
    // Somebody who does not read what is printed.
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_pleach"))
        .args(["suites", "--json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(done.stderr).unwrap(), "");
    assert!(done.status.code().is_some());
}

#[test]
fn the_demo_plays() {
    let stage = Stage::new(&[]);
    let text = stage.ok("nobody", &["demo"]).text();
    assert!(text.contains("Did he take the cake?") && text.contains("supper is in epoch 1"), "{text}");
    assert!(stage.files().is_empty());
    let json = stage.ok("nobody", &["demo", "--keep", "kept", "--json"]).json();
    assert!(json["steps"].as_array().unwrap().iter().any(|step| step["exit"] == 13));
    assert!(stage.path("kept/alice.db").exists());
    stage.fails("nobody", &["demo", "--keep", "kept"], 12);
}
