//! Every subcommand against every fault: one clear line, an exit code other than 0, and a store whose rows are what they
//! were, compared one by one.

use crate::stage::{Done, Stage, assert_one_line, assert_same_rows};
use std::fs::File;

/// Alice has a group with bob, a second group, and a commit that is pending; carol is in neither.
fn world() -> Stage {
    let stage = Stage::new(&["alice", "bob", "carol"]);
    stage.ok("bob", &["key-package", "-o", "bob.kp"]);
    stage.ok("bob", &["key-package", "-o", "spare.kp"]);
    stage.ok("carol", &["key-package", "-o", "carol.kp"]);
    stage.ok("bob", &["key-package", "--suite", "2", "-o", "bob2.kp"]);
    stage.ok("carol", &["key-package", "--suite", "2", "-o", "carol2.kp"]);
    stage.ok("alice", &["create", "tea-party"]);
    stage.ok("alice", &["add", "bob.kp", "-o", "add.mls", "--welcome", "welcome.mls", "--merge"]);
    stage.ok("bob", &["join", "welcome.mls"]);
    stage.ok("carol", &["create", "other"]);
    stage.ok("carol", &["send", "elsewhere", "-o", "elsewhere.mls"]);
    stage.ok("carol", &["update", "-o", "elsewhere-commit.mls"]);
    stage.ok("carol", &["group-info", "-o", "other.info"]);
    stage.ok("bob", &["send", "read already", "-o", "read.mls"]);
    stage.ok("alice", &["receive", "read.mls"]);
    stage.ok("bob", &["group-info", "-o", "stale.info"]);
    stage.ok("carol", &["external-join", "stale.info", "-o", "stale.mls"]);
    stage.ok("carol", &["discard", "stale.mls"]);
    stage.ok("bob", &["update", "-o", "merged.mls", "--merge"]);
    stage.ok("alice", &["receive", "merged.mls"]);
    stage.ok("bob", &["send", "hello", "-o", "message.mls"]);
    stage.ok("bob", &["update", "-o", "commit.mls"]);
    stage.ok("bob", &["update", "--public", "-o", "public.mls"]);
    stage.ok("bob", &["propose", "update", "-o", "proposal.mls"]);
    stage.ok("alice", &["group-info", "-o", "group.info"]);
    stage.ok("alice", &["update", "-o", "pending.mls"]);
    // A Welcome for carol, still unused.
    stage.ok("alice", &["create", "kitchen"]);
    let add =
        ["add", "-g", "kitchen", "carol.kp", "-o", "k.mls", "--welcome", "carol-welcome.mls", "--merge"];
    stage.ok("alice", &add);
    stage.write("gate.key", &[1; 32]);
    stage
}

/// A subcommand that reads a file, and a good file for it.
struct Reads {
    name: &'static str,
    args: &'static [&'static str],
    good: &'static str,
    /// Whether one flipped bit must be noticed: not by those that look without checking.
    checks: bool,
}

const FILE: &str = "FILE";

const READERS: &[Reads] = &[
    Reads {
        name: "alice",
        args: &["add", FILE, "-g", "tea-party", "-o", "out"],
        good: "carol.kp",
        checks: true,
    },
    Reads {
        name: "alice",
        args: &["commit", "--add", FILE, "-g", "tea-party", "-o", "out"],
        good: "carol.kp",
        checks: true,
    },
    Reads {
        name: "alice",
        args: &["propose", "add", FILE, "-g", "tea-party", "-o", "out"],
        good: "carol.kp",
        checks: true,
    },
    Reads {
        name: "alice",
        args: &["branch", "cellar", FILE, "-g", "tea-party", "-o", "out"],
        good: "spare.kp",
        checks: true,
    },
    Reads { name: "carol", args: &["join", FILE], good: "carol-welcome.mls", checks: true },
    Reads { name: "carol", args: &["external-join", FILE, "-o", "out"], good: "group.info", checks: true },
    Reads { name: "carol", args: &["propose", "join", FILE, "-o", "out"], good: "group.info", checks: false },
    Reads { name: "alice", args: &["receive", FILE, "-o", "out"], good: "message.mls", checks: true },
    Reads { name: "alice", args: &["receive", FILE], good: "commit.mls", checks: true },
    Reads { name: "alice", args: &["receive", FILE], good: "public.mls", checks: true },
    Reads { name: "alice", args: &["receive", FILE], good: "proposal.mls", checks: true },
    Reads { name: "alice", args: &["receive", FILE, "--dry-run"], good: "commit.mls", checks: true },
    Reads { name: "alice", args: &["merge", FILE], good: "pending.mls", checks: true },
    Reads { name: "alice", args: &["discard", FILE], good: "pending.mls", checks: true },
    Reads { name: "alice", args: &["inspect", FILE], good: "group.info", checks: false },
];

/// Runs, and asserts all that a failure promises.
fn fails(stage: &Stage, name: &str, args: &[&str], what: &str) -> Done {
    // A new group is created in one batch and filled in another: undone, its rows are gone, but not the room they had.
    let rows_of = |name| match args.first() {
        Some(&"branch" | &"reinit") => stage.records(name),
        _ => stage.rows(name),
    };
    let (rows, files) = (rows_of(name), stage.files());
    let done = stage.run(name, args);
    let what = format!("{what}: {name}: pleach {}", args.join(" "));
    assert!(done.code > 0, "{what}: exit code {}", done.code);
    assert!(done.code < 14, "{what}: exit code {}, {}", done.code, done.err);
    assert_ne!(done.code, 1, "{what}: {}", done.err);
    assert_one_line(&done, &what);
    assert!(done.out.is_empty(), "{what}");
    assert_same_rows(&rows_of(name), &rows, &what);
    assert_eq!(stage.files(), files, "{what}");
    done
}

#[test]
fn every_reader_refuses_every_bad_file() {
    let stage = world();
    stage.write("empty", b"");
    stage.write("garbage", &(0..2000u32).map(|i| (i * i / 7 + 200) as u8).collect::<Vec<_>>());
    stage.write("text", b"Dear alice, tea is at five.\n");
    File::create(stage.path("huge")).unwrap().set_len(3 << 30).unwrap();
    for reader in READERS {
        let good = stage.read(reader.good);
        let run = |file: &str, what: &str| {
            let args: Vec<&str> =
                reader.args.iter().map(|arg| if *arg == FILE { file } else { arg }).collect();
            fails(&stage, reader.name, &args, what).code
        };
        for file in ["empty", "garbage", "text", "huge"] {
            assert_eq!(run(file, file), 3, "{:?} {file}", reader.args);
        }
        assert_eq!(run("no-such-file", "missing"), 12);
        for end in [1, 3, 4, good.len() / 3, good.len() - 1] {
            stage.write("bad", &good[..end]);
            assert_eq!(run("bad", &format!("truncated to {end}")), 3);
        }
        stage.write("bad", &[&good[..], b"\0"].concat());
        assert_eq!(run("bad", "one byte more"), 3);
        if reader.checks {
            // The ends, and places between: header, keys, ciphertext, signature.
            for at in (0..8).map(|eighth| eighth * (good.len() - 1) / 7) {
                let mut bad = good.clone();
                bad[at] ^= 0x10;
                stage.write("bad", &bad);
                run("bad", &format!("flipped at {at} of {}", good.len()));
            }
        }
        std::fs::remove_file(stage.path("bad")).unwrap();
    }
    // None of these was used up.
    assert_eq!(stage.ok("alice", &["receive", "message.mls"]).text(), "hello");
    stage.ok("alice", &["discard", "pending.mls"]);
    stage.ok("alice", &["receive", "proposal.mls"]);
    stage.ok("alice", &["receive", "commit.mls"]);
    stage.ok("carol", &["join", "carol-welcome.mls"]);
    stage.ok("carol", &["external-join", "other.info", "--resync", "-o", "out"]);
}

/// Well-formed messages in the wrong place: name, arguments, exit code.
const MISPLACED: &[(&str, &[&str], i32)] = &[
    // Replayed.
    ("alice", &["receive", "read.mls"], 8),
    ("alice", &["receive", "merged.mls"], 7),
    ("alice", &["receive", "stale.mls"], 7),
    ("bob", &["join", "welcome.mls"], 8),
    ("alice", &["merge", "add.mls"], 10),
    ("alice", &["discard", "add.mls"], 10),
    ("alice", &["add", "bob.kp", "-g", "tea-party", "-o", "out"], 4),
    // Of another group, or for somebody else.
    ("alice", &["receive", "elsewhere.mls"], 6),
    ("alice", &["receive", "elsewhere-commit.mls"], 6),
    ("alice", &["receive", "message.mls", "-g", "kitchen"], 6),
    ("bob", &["join", "carol-welcome.mls"], 5),
    ("alice", &["merge", "elsewhere-commit.mls"], 10),
    ("alice", &["merge", "pending.mls", "-g", "kitchen"], 10),
    ("bob", &["receive", "pending.mls", "-g", "nowhere"], 10),
    ("alice", &["external-join", "group.info", "-o", "out"], 4),
    // Of another kind.
    ("alice", &["receive", "welcome.mls"], 3),
    ("alice", &["receive", "carol.kp"], 3),
    ("alice", &["receive", "group.info"], 3),
    ("carol", &["join", "message.mls"], 3),
    ("carol", &["external-join", "welcome.mls", "-o", "out"], 3),
    ("alice", &["add", "welcome.mls", "-g", "tea-party", "-o", "out"], 3),
    ("alice", &["branch", "cellar", "welcome.mls", "-g", "tea-party", "-o", "out"], 3),
    ("alice", &["inspect", "message.mls", "--tree"], 3),
    // Of another suite.
    ("alice", &["add", "carol2.kp", "-g", "tea-party", "-o", "out"], 5),
    ("alice", &["branch", "cellar", "bob2.kp", "-g", "tea-party", "-o", "out"], 5),
    // Of somebody who is not a member of the group that is branched from (R176).
    ("alice", &["branch", "cellar", "carol.kp", "-g", "tea-party", "-o", "out"], 13),
    // Without a file: what is not there, or not now.
    ("alice", &["create", "tea-party"], 13),
    ("alice", &["branch", "kitchen", "spare.kp", "-g", "tea-party", "-o", "out"], 13),
    ("alice", &["remove", "nobody", "-g", "tea-party", "-o", "out"], 10),
    ("alice", &["remove", "@9", "-g", "tea-party", "-o", "out"], 10),
    ("alice", &["remove", "alice", "-g", "tea-party", "-o", "out"], 13),
    ("alice", &["propose", "remove", "nobody", "-g", "tea-party", "-o", "out"], 10),
    ("alice", &["propose", "psk", "nothing", "-g", "tea-party", "-o", "out"], 10),
    ("alice", &["commit", "--psk", "nothing", "-g", "tea-party", "-o", "out"], 5),
    ("alice", &["update", "-g", "nowhere", "-o", "out"], 10),
    ("alice", &["update", "--rotate", "-g", "nowhere", "-o", "out"], 10),
    ("alice", &["update", "--rotate", "-g", "tea-party", "-o", "no/where"], 12),
    ("alice", &["leave", "-g", "nowhere", "-o", "out"], 10),
    ("alice", &["send", "x", "-g", "nowhere", "-o", "out"], 10),
    ("alice", &["send", "x", "-o", "out"], 2),
    ("alice", &["send", "--input", "huge-file", "-g", "tea-party", "-o", "out"], 3),
    ("alice", &["send", "x", "-g", "tea-party", "-o", "no/where"], 12),
    ("alice", &["group-info", "-g", "nowhere", "-o", "out"], 10),
    ("alice", &["members", "-g", "nowhere"], 10),
    ("alice", &["exporter", "x", "-g", "nowhere"], 10),
    ("alice", &["groups", "--delete", "nowhere"], 10),
    ("alice", &["groups", "--delete", "0xzz"], 2),
    ("alice", &["reinit", "--id", "tea-party", "-g", "tea-party", "-o", "out"], 2),
    ("alice", &["reinit", "--finish", "spare.kp", "-g", "tea-party", "-o", "out"], 13),
    ("alice", &["psk", "add", "gate", "--secret", "empty-file"], 3),
    ("alice", &["psk", "add", "gate", "--secret", "huge-file"], 3),
    ("alice", &["psk", "remove", "gate"], 10),
    ("alice", &["trust", "--forget", "nobody"], 10),
    ("alice", &["key-package", "--delete", "00"], 10),
    ("alice", &["key-package", "--delete", "no hex"], 2),
    ("alice", &["init", "--name", "alice"], 11),
    ("alice", &["merge", "--welcome", "out", "pending.mls"], 13),
];

#[test]
fn what_is_well_formed_but_misplaced_changes_nothing() {
    let stage = world();
    stage.write("empty-file", b"");
    File::create(stage.path("huge-file")).unwrap().set_len(3 << 30).unwrap();
    let mut wrong = Vec::new();
    for (name, args, code) in MISPLACED {
        let done = fails(&stage, name, args, "misplaced");
        if done.code != *code {
            wrong.push(format!("{name}: pleach {}: {}, not {code}: {}", args.join(" "), done.code, done.err));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

/// Every subcommand that has a store, with arguments that would do.
const WITH_STORE: &[&[&str]] = &[
    &["export-store", "--passphrase", "welcome.mls", "-o", "out"],
    &["key-package"],
    &["create", "x"],
    &["add", "bob.kp"],
    &["remove", "bob"],
    &["update"],
    &["leave"],
    &["propose", "update"],
    &["commit"],
    &["merge"],
    &["discard"],
    &["join", "welcome.mls"],
    &["send", "x"],
    &["receive", "message.mls"],
    &["group-info"],
    &["external-join", "group.info"],
    &["psk", "list"],
    &["reinit"],
    &["branch", "x", "bob.kp"],
    &["members"],
    &["groups"],
    &["exporter", "x"],
    &["trust"],
];

#[test]
fn every_subcommand_refuses_a_store_that_is_none() {
    let stage = Stage::new(&["alice"]);
    let database = stage.read("alice.db");
    stage.write("empty.db", b"");
    stage.write("garbage.db", &[0xa5; 5000]);
    stage.write("cut.db", &database[..database.len() / 2]);
    let mut bad = database;
    bad[..16].copy_from_slice(b"SQLite format 4\0");
    stage.write("flipped.db", &bad);
    rusqlite::Connection::open(stage.path("foreign.db"))
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    std::fs::create_dir(stage.path("directory.db")).unwrap();
    for args in WITH_STORE {
        for store in ["missing", "empty", "garbage", "cut", "flipped", "foreign", "directory"] {
            let path = stage.path(&format!("{store}.db"));
            let before = std::fs::read(&path).ok();
            let done = stage.run(store, args);
            let what = format!("{store}: pleach {}", args.join(" "));
            assert_eq!(done.code, 11, "{what}: {}", done.err);
            assert_one_line(&done, &what);
            assert!(std::fs::read(&path).ok() == before, "{what}: the file changed");
        }
    }
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_pleach"))
        .arg("groups")
        .env_remove("PLEACH_STORE")
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(2));
}
