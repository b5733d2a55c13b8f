//! Every golden store opens, holds what it held, and goes on: messages that were under way arrive, what was pending is
//! merged, and its members talk to each other. For each engine, on a copy.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use pleach::crypto::Secret;
use pleach::storage::{Checked, Key, KeyBuf, KeyRange, RecordKind, Storage, StorageError, VecBatch};
use pleach::{ApiMisuse, Client, Error, Group, KeyPackageState, MisuseError, Received, Status};
use pleach_storage_encrypted::{EncryptedStorage, KeyRing, OpenError};
use pleach_storage_memory::MemoryStorage;
use pleach_storage_redb::RedbStorage;
use pleach_storage_sqlite::SqliteStorage;
use pleach_testkit::golden::{CLASSICAL, Golden, POST_QUANTUM, STORE_KEY, files, provider, scene};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A directory for each format, of the store or of a row, this version's last.
const FORMATS: [&str; 2] = ["v1", "v1.1"];

fn directory(format: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-vectors/storage").join(format)
}

/// A copy of a golden store's files.
fn copy(format: &str, names: &[&str]) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in names {
        fs::copy(directory(format).join(name), copy.path().join(name)).unwrap();
    }
    copy
}

fn key_ring() -> KeyRing {
    KeyRing::new(Secret::copy_from(&STORE_KEY))
}

#[test]
fn dump() {
    for format in FORMATS {
        let golden = Golden::read(&directory(format)).unwrap();
        let storage = MemoryStorage::new();
        golden.fill(&storage).unwrap();
        goes_on(&golden, &Arc::new(storage));
    }
}

#[test]
fn sqlite() {
    for format in FORMATS {
        let golden = Golden::read(&directory(format)).unwrap();
        let copy = copy(format, &[files::SQLITE]);
        let storage = SqliteStorage::open(copy.path().join(files::SQLITE)).unwrap();
        holds(&golden, &storage);
        goes_on(&golden, &Arc::new(storage));
    }
}

#[test]
fn redb() {
    for format in FORMATS {
        let golden = Golden::read(&directory(format)).unwrap();
        let copy = copy(format, &[files::REDB, "store.redb-keys"]);
        let storage = RedbStorage::open(copy.path().join(files::REDB)).unwrap();
        holds(&golden, &storage);
        goes_on(&golden, &Arc::new(storage));
    }
}

#[test]
fn encrypted() {
    for format in FORMATS {
        let golden = Golden::read(&directory(format)).unwrap();
        let copy = copy(format, &[files::ENCRYPTED]);
        let open = || SqliteStorage::open(copy.path().join(files::ENCRYPTED)).unwrap();
        let provider = provider(1);
        let suite = provider.suite(CLASSICAL).unwrap();
        let wrong = KeyRing::new(Secret::copy_from(&[0x2b; 32]));
        let refused = EncryptedStorage::open(open(), suite, provider.random.clone(), &wrong);
        assert!(matches!(refused, Err(OpenError::WrongKey)));
        let storage = EncryptedStorage::open(open(), suite, provider.random.clone(), &key_ring()).unwrap();
        holds(&golden, &storage);
        goes_on(&golden, &Arc::new(storage));
    }
}

/// The rows are those of the dump. Index rows may be in another order, and are not listed by suffix.
fn holds(golden: &Golden, storage: &dyn Storage) {
    let mut expected: BTreeSet<_> = golden.rows.iter().cloned().collect();
    storage
        .scan(&KeyRange::everything(), &mut |row| {
            assert!(expected.remove(&(row.key.to_bytes(), row.value.to_vec())), "{:?}", row.key);
            Ok(())
        })
        .unwrap();
    assert!(expected.is_empty());
}

/// A row of every kind that this version writes.
#[test]
fn every_kind_is_there() {
    let newest = FORMATS[FORMATS.len() - 1];
    let golden = Golden::read(&directory(newest)).unwrap();
    let kinds: BTreeSet<_> =
        golden.rows.iter().map(|(key, _)| KeyBuf::decode(key).unwrap().record()).collect();
    // The command's own; not written yet; nobody stores observers.
    let absent = [
        RecordKind::SignerReference,
        RecordKind::Successor,
        RecordKind::PendingWelcome,
        RecordKind::ObserverHead,
    ];
    for kind in RecordKind::ALL {
        assert_eq!(kinds.contains(kind), !absent.contains(kind), "{kind}");
    }
}

/// What a first use leaves of the secret tree is a row of version 2, where none was yet there is one of version 1; in the first
/// stores there are those alone.
#[test]
fn both_forms_of_a_first_use_are_there() {
    // The row's version, its format and the length of what is in it stand before.
    const AT: usize = 8 + 1 + 4;
    let versions = FORMATS.map(|format| {
        let golden = Golden::read(&directory(format)).unwrap();
        let is_node = |key: &[u8]| KeyBuf::decode(key).unwrap().record() == RecordKind::SecretNode;
        let nodes = golden.rows.iter().filter(|(key, _)| is_node(key));
        nodes.map(|(_, value)| value[AT]).collect::<BTreeSet<u8>>()
    });
    assert_eq!(versions, [BTreeSet::from([1]), BTreeSet::from([1, 2])]);
}

/// The files are small, and the scene can be made again: what it holds is not an accident.
#[test]
fn the_scene_repeats() {
    let made = tempfile::tempdir().unwrap();
    let files = files::generate(made.path(), 3).unwrap();
    assert!(files.iter().map(|(_, bytes)| bytes).sum::<u64>() < 600_000, "{files:?}");
    let golden = Golden::read(made.path()).unwrap();
    assert_eq!(golden.rows, scene::build(3).unwrap().rows);
    assert_ne!(golden.rows, scene::build(4).unwrap().rows);
    files::generate(made.path(), 3).unwrap_err();
    let storage = MemoryStorage::new();
    golden.fill(&storage).unwrap();
    goes_on(&golden, &Arc::new(storage));
}

fn goes_on<S: Storage + 'static>(golden: &Golden, storage: &Arc<S>) {
    let client = |name: &str| golden.client(name, storage.clone()).unwrap();
    let (alice, bob, dora) = (client("alice"), client("bob"), client("dora"));
    lists(&alice, &bob);
    tea(golden, &alice, &bob);
    solo(&alice, &bob);
    quantum(&alice, &bob);
    old(&alice, &bob);

    // Bob was removed from one group, deleted another, and waits for a third.
    let mut left = bob.load(b"left").unwrap();
    assert_eq!(*left.status(), Status::Removed);
    left.encrypt(b"still here?").unwrap_err();
    assert!(matches!(left.members(), Err(Error::ApiMisuse(ApiMisuse::Group(MisuseError::NotMember)))));
    assert!(matches!(bob.load(b"gone"), Err(Error::GroupDeleted { epoch: 1 })));
    let knock = bob.pending_external().unwrap().pop().unwrap();
    let mut open = alice.load(b"open").unwrap();
    follow(&mut open, knock.message());
    let mut joined = knock.accept().unwrap();
    talk(&mut open, &mut joined);
    talk(&mut joined, &mut open);

    let mut kept = dora.load(b"kept").unwrap();
    assert!(kept.is_restored());
    assert!(matches!(kept.encrypt(b"again"), Err(Error::ApiMisuse(ApiMisuse::Restored))));
}

fn lists(alice: &Client, bob: &Client) {
    let ids = |client: &Client| -> Vec<_> {
        let groups = client.groups().unwrap().into_iter();
        groups.map(|group| (String::from_utf8(group.group_id).unwrap(), group.epoch)).collect()
    };
    let expected =
        |groups: &[(&str, u64)]| groups.iter().map(|(id, epoch)| ((*id).into(), *epoch)).collect::<Vec<_>>();
    let of_alice =
        [("old", 2), ("tea", 3), ("gone", 1), ("left", 2), ("open", 0), ("solo", 0), ("quantum", 1)];
    assert_eq!(ids(alice), expected(&of_alice));
    assert_eq!(ids(bob), expected(&[("old", 2), ("tea", 3), ("left", 1), ("quantum", 1)]));
    assert_eq!(
        (alice.psks().unwrap(), bob.psks().unwrap()),
        (vec![scene::PSK.to_vec()], vec![scene::PSK.to_vec()])
    );

    let mut states: Vec<_> = bob
        .key_packages()
        .unwrap()
        .into_iter()
        .map(|stored| (stored.state, stored.last_resort, stored.uses, stored.suite))
        .collect();
    states.sort_by_key(|(state, last_resort, ..)| (*state as u8, *last_resort));
    use KeyPackageState::{Claimed, Consumed, Published, Withdrawn};
    assert_eq!(
        states,
        [
            (Published, false, 0, CLASSICAL),
            (Published, false, 0, CLASSICAL),
            (Published, true, 1, CLASSICAL),
            (Claimed, false, 0, CLASSICAL),
        ]
    );
    let retired: Vec<_> =
        bob.retired_key_packages().unwrap().into_iter().map(|retired| retired.state).collect();
    let count = |state| retired.iter().filter(|found| **found == state).count();
    assert_eq!((count(Consumed), count(Withdrawn), retired.len()), (4, 1, 5));
}

fn tea(golden: &Golden, alice: &Client, bob: &Client) {
    let (mut at_alice, mut at_bob) = (alice.load(b"tea").unwrap(), bob.load(b"tea").unwrap());
    assert!(at_alice.epoch_authenticator().unwrap() == at_bob.epoch_authenticator().unwrap());
    assert_eq!(at_alice.members().unwrap(), at_bob.members().unwrap());
    assert_eq!(at_alice.members().unwrap().len(), 3);
    for name in ["tea early 2", "tea early 0", "tea late", "tea next"] {
        let message = golden.message(name).unwrap();
        assert_eq!(read(&mut at_alice, message), name.as_bytes());
        assert!(matches!(at_alice.receive(message), Err(Error::AlreadyReceived)), "{name}");
    }
    assert_eq!(read(&mut at_bob, golden.message("tea late").unwrap()), b"tea late");
    assert_eq!(at_alice.record(b"sent/1").unwrap().unwrap().as_slice(), b"at nine");
    assert_eq!(at_bob.records_from(b"inbox/").unwrap().len(), 1);
    assert_eq!(at_alice.pending_proposals().unwrap().len(), 2);
    assert_eq!(at_bob.pending_proposals().unwrap().len(), 2);

    // The Commit takes up the PSK and bob's Update, whose private key is a row; its path updates alice.
    let pending = at_alice.pending().unwrap().pop().unwrap();
    let changes = follow(&mut at_bob, pending.message());
    assert_eq!((changes.updated.len(), changes.psks.len()), (2, 1));
    at_alice.merge(&pending).unwrap();
    talk(&mut at_alice, &mut at_bob);
    commit(&mut at_bob, &mut at_alice);
    commit(&mut at_alice, &mut at_bob);
}

fn solo(alice: &Client, bob: &Client) {
    let mut solo = alice.load(b"solo").unwrap();
    let pending = solo.pending().unwrap().pop().unwrap();
    solo.merge(&pending).unwrap();
    let mut invited = bob.join(pending.welcome().unwrap()).unwrap().accept().unwrap();
    talk(&mut solo, &mut invited);
    commit(&mut invited, &mut solo);
}

fn quantum(alice: &Client, bob: &Client) {
    let (mut at_alice, mut at_bob) = (alice.load(b"quantum").unwrap(), bob.load(b"quantum").unwrap());
    assert_eq!(at_alice.suite(), POST_QUANTUM);
    talk(&mut at_alice, &mut at_bob);
    commit(&mut at_bob, &mut at_alice);
    commit(&mut at_alice, &mut at_bob);
}

fn old(alice: &Client, bob: &Client) {
    let old = alice.load(b"old").unwrap();
    assert!(matches!(old.status(), Status::ReInitialized(_)));
    let (mut new, invitation) = old.reinitialize(&[bob.key_package().unwrap()]).unwrap();
    new.merge(&invitation).unwrap();
    let mut joined = bob.join(invitation.welcome().unwrap()).unwrap().accept().unwrap();
    assert_eq!(joined.id(), b"new");
    talk(&mut new, &mut joined);
}

/// A store of a later version, or with a row of one, is refused as such.
#[test]
fn later_formats_are_refused() {
    let golden = Golden::read(&directory("v1")).unwrap();
    let opened = |kind: RecordKind, at: usize, operation: &dyn Fn(&Client) -> Result<(), Error>| {
        let storage = Arc::new(MemoryStorage::new());
        golden.fill(&*storage).unwrap();
        let checked = Checked::new(storage.clone());
        let mut later = VecBatch::new();
        let mut rows = Vec::new();
        let all = KeyRange::everything();
        checked
            .scan(&all, &mut |row| {
                if row.key.record == kind && (kind != RecordKind::Meta || row.key.suffix == b"store") {
                    rows.push((row.key.to_buf(), row.value.to_vec()));
                }
                Ok(())
            })
            .unwrap();
        for (key, mut value) in rows {
            value[at] = 9;
            later.put(key, value);
        }
        checked.apply(&mut later).unwrap();
        let built = golden.builder("alice", storage).unwrap().build();
        let outcome = built.and_then(|client| operation(&client));
        outcome.err().unwrap_or_else(|| panic!("{kind} {at}: taken"))
    };
    let load = |client: &Client| client.load(b"tea").map(drop);
    // The format of the whole store, behind that of its row.
    let error = opened(RecordKind::Meta, 12, &load);
    assert!(matches!(error, Error::Storage(StorageError::NewerFormat { found: 9, known: 1 })), "{error:?}");
    assert_eq!(error.code(), "storage-newer");

    let commit = |client: &Client| client.load(b"tea")?.commit().build().map(drop);
    let receive =
        |client: &Client| client.load(b"tea")?.receive(golden.message("tea late").unwrap()).map(drop);
    let skipped =
        |client: &Client| client.load(b"tea")?.receive(golden.message("tea early 1").unwrap()).map(drop);
    let pending = |client: &Client| client.load(b"tea")?.pending().map(drop);
    let send = |client: &Client| client.load(b"quantum")?.encrypt(b"x").map(drop);
    let bare = |client: &Client| client.load(b"quantum")?.commit().build().map(drop);
    // A version of 8 bytes is in front of the format, except of nodes and of index rows; where the secrets of the key
    // schedule and the private keys have a version of their own, it is behind a length.
    type Operation<'a> = &'a dyn Fn(&Client) -> Result<(), Error>;
    let rows: [(RecordKind, usize, Operation<'_>); 16] = [
        (RecordKind::Head, 8, &load),
        (RecordKind::Epoch, 8, &load),
        (RecordKind::TreeNode, 0, &bare),
        (RecordKind::KeyIndex, 0, &commit),
        (RecordKind::PathKeys, 8, &bare),
        (RecordKind::PathKeys, 13, &bare),
        (RecordKind::Ratchet, 8, &send),
        (RecordKind::Ratchet, 13, &send),
        (RecordKind::SecretNode, 8, &|client: &Client| client.load(b"gone")?.encrypt(b"x").map(drop)),
        (RecordKind::SecretNode, 13, &|client: &Client| client.load(b"gone")?.encrypt(b"x").map(drop)),
        (RecordKind::SkippedKey, 8, &skipped),
        (RecordKind::SkippedKey, 13, &skipped),
        (RecordKind::EpochLeaf, 8, &receive),
        (RecordKind::Proposal, 8, &commit),
        (RecordKind::PendingCommit, 8, &pending),
        (RecordKind::ExternalPsk, 8, &commit),
    ];
    for (kind, at, operation) in rows {
        let error = opened(kind, at, operation);
        // What the secret tree keeps of a node has had two.
        let newest = if (kind, at) == (RecordKind::SecretNode, 13) { 2 } else { 1 };
        let named = matches!(
            &error,
            Error::Storage(StorageError::NewerRow { kind: found, found: 9, known }) if *found == kind && *known == newest
        );
        assert!(named, "{kind} {at}: {error:?}");
        assert_eq!(error.code(), "storage-newer");
    }
}

/// The example of docs/storage-format.md is what is stored.
#[test]
fn the_documents_example() {
    let text = include_str!("../../../docs/storage-format.md");
    let (_, example) = text.split_once("<!-- example -->").unwrap();
    let (_, example) = example.split_once("```text\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    // A field to a line, in hex, and after two spaces what it is; `key` and `value` begin the two parts.
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for line in example.lines() {
        match line.trim() {
            "key" | "value" => parts.push(Vec::new()),
            line => {
                let digits: String = line.split("  ").next().unwrap().split_whitespace().collect();
                parts.last_mut().unwrap().extend(hex::decode(digits).unwrap());
            }
        }
    }
    let [key, value] = parts.try_into().unwrap();
    let name = KeyBuf::decode(&key).unwrap();
    let Key { client, record, .. } = name.as_key();
    assert_eq!(
        (client, name.as_key().group(), record),
        (&b"alice"[..], Some(&b"tea"[..]), RecordKind::Ratchet)
    );
    // The row is of the golden store, so this is what the library wrote, not what the test thinks of it.
    let golden = Golden::read(&directory("v1")).unwrap();
    assert!(golden.rows.contains(&(key, value.clone())), "the example is not a row of the golden store");
    // And that is what it writes today.
    let storage = MemoryStorage::new();
    let mut batch = VecBatch::new();
    batch.put(name.clone(), value[..value.len() - 4].to_vec());
    Checked::new(storage.clone()).apply(&mut batch).unwrap();
    assert_eq!(storage.get(&name.as_key()).unwrap().unwrap().as_slice(), value);
}

fn read(group: &mut Group, message: &[u8]) -> Vec<u8> {
    group.receive(message).unwrap().into_application().unwrap().into_data()
}

fn talk(from: &mut Group, to: &mut Group) {
    let message = from.encrypt(b"one of many").unwrap();
    assert_eq!(read(to, &message), b"one of many");
}

fn follow(group: &mut Group, message: &[u8]) -> pleach::MembershipChanges {
    let Received::Commit(staged) = group.receive(message).unwrap() else { panic!("not a Commit") };
    group.merge(staged).unwrap()
}

fn commit(by: &mut Group, other: &mut Group) {
    let pending = by.commit().force_path().build().unwrap();
    follow(other, pending.message());
    by.merge(&pending).unwrap();
    assert!(by.epoch_authenticator().unwrap() == other.epoch_authenticator().unwrap());
    talk(by, other);
    talk(other, by);
}
