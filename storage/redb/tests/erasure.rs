//! What was erased or replaced in Secret rows is in neither file when `apply` returns.
//!
//! No value is ever there in the clear, so that a search for its bytes alone would show little. What must be gone is the
//! key: every 16-byte window of every key that was retired is searched for in both files, and was found before. That the
//! sealed value is still there, and would open with that key, is shown in `src/keys.rs` and by `ciphertexts_linger` here.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use pleach_storage::{Erasure, Key, KeyRange, RecordKind, Scope, Storage, StorageError, VecBatch};
use pleach_storage_redb::RedbStorage;

const SLOTS_AT: usize = 64;
type Window = [u8; 16];

/// The keys in the file of keys.
fn keys(directory: &Path) -> BTreeSet<[u8; 32]> {
    let bytes = std::fs::read(directory.join("store.redb-keys")).unwrap();
    let (slots, rest) = bytes[SLOTS_AT..].as_chunks::<32>();
    assert!(rest.is_empty());
    slots.iter().filter(|slot| **slot != [0; 32]).copied().collect()
}

/// Every 16-byte window of any file of the directory.
fn windows(directory: &Path) -> HashSet<Window> {
    let mut all = HashSet::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        all.extend(bytes.windows(16).map(|window| Window::try_from(window).unwrap()));
    }
    all.remove(&[0; 16]);
    all
}

fn has(all: &HashSet<Window>, secret: &[u8]) -> bool {
    secret.windows(16).any(|window| all.contains(window))
}

fn key(suffix: &[u8]) -> Key<'_> {
    Key::of_group(b"alice", b"tea party", RecordKind::Ratchet, suffix)
}

/// Puts, replacements and erasures at random, of all sizes, beside tree nodes that come and go.
#[test]
fn random_histories_leave_nothing_behind() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut below = |bound: u64| next() % bound;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.redb");
    let mut store = RedbStorage::open(&path).unwrap();
    assert_eq!(store.erasure(), Erasure::OnReturn);
    let all = KeyRange::records(b"alice", Scope::Group(b"tea party"), RecordKind::Ratchet);
    let mut live: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    let (mut values, mut retired): (Vec<Vec<u8>>, BTreeSet<[u8; 32]>) = Default::default();
    for step in 0..40 {
        let before = keys(directory.path());
        assert_eq!(before.len(), live.len(), "a key for each row, and no other");
        let mut batch = VecBatch::new();
        for _ in 0..=below(15) {
            let row = below(100);
            match below(10) {
                0..6 => {
                    let length = [16, 48, 64, 100, 200, 500, 900, 1500, 9000][below(9) as usize];
                    let value: Vec<u8> = (0..length).map(|_| below(256) as u8).collect();
                    batch.put(key(&row.to_be_bytes()), value.clone());
                    live.insert(row, value.clone());
                    values.push(value);
                }
                6..9 => {
                    batch.erase(key(&row.to_be_bytes()));
                    live.remove(&row);
                }
                _ => {
                    let (from, to) = (row.to_be_bytes(), (row + 10).to_be_bytes());
                    batch.erase_range(all.starting_at(key(&from)).before(key(&to)));
                    live.retain(|other, _| !(row..row + 10).contains(other));
                }
            }
            let node = [row as u8];
            let node = Key { record: RecordKind::TreeNode, ..key(&node) };
            batch.put(node, vec![1; below(600) as usize]);
        }
        store.apply(&mut batch).unwrap();
        let after = keys(directory.path());
        assert_eq!(after.len(), live.len());
        retired.extend(before.difference(&after));
        let found = windows(directory.path());
        assert!(after.iter().all(|key| has(&found, key)), "the search finds keys that are in use");
        assert!(!retired.iter().any(|key| has(&found, key)), "after step {step}: a retired key is there");
        assert!(!values.iter().any(|value| has(&found, value)), "after step {step}: a value in the clear");
        if step % 10 == 9 {
            // Closing and opening moves nothing, and finds everything.
            drop(store);
            assert_eq!(keys(directory.path()), after);
            store = RedbStorage::open(&path).unwrap();
            assert_eq!(keys(directory.path()), after);
        }
        for (row, value) in &live {
            assert_eq!(store.get(&key(&row.to_be_bytes())).unwrap().unwrap().as_slice(), value);
        }
    }
    assert!(retired.len() > 60);
    let mut batch = VecBatch::new();
    batch.erase_range(KeyRange::scope(b"alice", Scope::Group(b"tea party")));
    store.apply(&mut batch).unwrap();
    assert!(keys(directory.path()).is_empty());
}

/// What redb itself leaves behind: the reason for the keys.
#[test]
fn ciphertexts_linger() {
    let directory = tempfile::tempdir().unwrap();
    let store = RedbStorage::open(directory.path().join("store.redb")).unwrap();
    let public = Key { record: RecordKind::TreeNode, ..key(b"1") };
    let value: Vec<u8> = (0..100).collect();
    let mut batch = VecBatch::new();
    batch.put(public, value.clone()).put(key(b"1"), value.clone());
    store.apply(&mut batch).unwrap();
    assert!(has(&windows(directory.path()), &value), "a public value is there in the clear");
    let mut batch = VecBatch::new();
    batch.erase(public).erase(key(b"1"));
    store.apply(&mut batch).unwrap();
    assert!(has(&windows(directory.path()), &value), "and lingers when it is erased");
    assert!(keys(directory.path()).is_empty());
}

#[test]
fn a_batch_that_fails_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let store = RedbStorage::open(directory.path().join("store.redb")).unwrap();
    let mut batch = VecBatch::new();
    batch.put(key(b"1"), vec![1; 100]);
    store.apply(&mut batch).unwrap();
    let before = keys(directory.path());
    let mut first = VecBatch::new();
    first.erase(key(b"1")).put(key(b"2"), vec![2; 100_000]);
    let mut batch = pleach_storage::StreamBatch::new(first, |_| Err(StorageError::aborted("on purpose")));
    assert!(store.apply(&mut batch).is_err());
    assert_eq!(keys(directory.path()), before);
    assert_eq!(before.len(), 1);
}

/// A crash between the commit and the overwriting of keys, or between the writing of keys and the commit, leaves keys
/// that belong to nothing: an image of the files at such a moment is made from those before and after.
#[test]
fn opening_removes_what_a_crash_left() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.redb");
    let keys_path = directory.path().join("store.redb-keys");
    let read = || [&path, &keys_path].map(|path| std::fs::read(path).unwrap());
    let store = RedbStorage::open(&path).unwrap();
    let mut batch = VecBatch::new();
    for row in 0..10_u8 {
        batch.put(key(&[row]), vec![row; 100]);
    }
    store.apply(&mut batch).unwrap();
    drop(store);
    let before = read();
    let store = RedbStorage::open(&path).unwrap();
    let mut batch = VecBatch::new();
    batch.put(key(&[3]), vec![33; 100]).erase(key(&[4])).put(key(&[77]), vec![77; 100]);
    store.apply(&mut batch).unwrap();
    drop(store);
    let after = read();

    // Keys of both: those of the new rows are written already, those of the old ones are still there.
    let mut both = after[1].clone();
    both[..before[1].len()].copy_from_slice(&before[1]);
    for (main, expected) in [(&before[0], &before[1]), (&after[0], &after[1])] {
        std::fs::write(&path, main).unwrap();
        std::fs::write(&keys_path, &both).unwrap();
        let left = keys(directory.path());
        assert_eq!(left.len(), 12);
        let store = RedbStorage::open(&path).unwrap();
        assert_eq!(&std::fs::read(&keys_path).unwrap(), expected);
        let found = windows(directory.path());
        let live = keys(directory.path());
        assert!(left.difference(&live).all(|gone| !has(&found, gone)));
        let mut rows = 0;
        let scan = store.scan(&KeyRange::everything(), &mut |_| {
            rows += 1;
            Ok(())
        });
        scan.unwrap();
        assert_eq!(rows, 10);
        assert_eq!(live.len(), 10);
    }
}

#[test]
fn freed_slots_are_used_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.redb");
    let store = RedbStorage::open(&path).unwrap();
    let round = |round: u32| {
        let mut batch = VecBatch::new();
        batch.erase_range(KeyRange::everything());
        for row in 0..100_u32 {
            batch.put(key(&(row + round).to_be_bytes()), vec![1; 50 * row as usize]);
        }
        store.apply(&mut batch).unwrap();
        [&path, &directory.path().join("store.redb-keys")].map(|path| std::fs::metadata(path).unwrap().len())
    };
    let after_two = [round(1), round(2)][1];
    let after_ten = (3..=10).map(round).fold(after_two, |_, next| next);
    assert_eq!(after_ten[1], after_two[1], "two sets of slots, in turn");
    assert!(after_ten[0] <= 3 * after_two[0], "{after_two:?} bytes became {after_ten:?}");
}
