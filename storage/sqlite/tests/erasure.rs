//! What was erased or replaced in Secret rows is in none of the files when `apply` returns: values are made of
//! 16-byte marks that name themselves, and every whole mark in the raw bytes must belong to a live value.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use pleach_storage::{Erasure, Key, KeyRange, RecordKind, Scope, Storage, StorageError, VecBatch};
use pleach_storage_sqlite::{Journal, SqliteOptions, SqliteStorage};

const MAGIC: &[u8; 8] = b"\xf7MARKED\xf7";

/// A value of about `length` bytes, all of it marks.
fn value(mark: u32, length: usize) -> Vec<u8> {
    let unit = [&MAGIC[..], &mark.to_be_bytes(), &(!mark).to_be_bytes()].concat();
    unit.into_iter().cycle().take(length.next_multiple_of(16)).collect()
}

/// Every mark in any file of the directory.
fn marks(directory: &Path) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for (at, _) in bytes.windows(8).enumerate().filter(|(_, window)| window == MAGIC) {
            let ids = bytes.get(at + 8..at + 16).map(|ids| ids.as_chunks().0);
            let Some([mark, inverse]) = ids else { continue };
            let [mark, inverse] = [mark, inverse].map(|id: &[u8; 4]| u32::from_be_bytes(*id));
            // A mark may be cut where a slot or a page ends.
            if mark == !inverse {
                found.insert(mark);
            }
        }
    }
    found
}

fn key(suffix: &[u8]) -> Key<'_> {
    Key::of_group(b"alice", b"tea party", RecordKind::Ratchet, suffix)
}

fn put(store: &SqliteStorage, suffix: &[u8], mark: u32, length: usize) {
    let mut batch = VecBatch::new();
    batch.put(key(suffix), value(mark, length));
    store.apply(&mut batch).unwrap();
}

/// Puts, replacements and erasures at random, of all sizes, beside tree nodes that come and go.
#[test]
fn random_histories_leave_nothing_behind() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut below = |bound: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % bound
    };
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStorage::open(directory.path().join("store.db")).unwrap();
    let all = KeyRange::records(b"alice", Scope::Group(b"tea party"), RecordKind::Ratchet);
    let mut live: BTreeMap<u64, u32> = BTreeMap::new();
    let mut next = 0;
    for step in 0..150 {
        let mut batch = VecBatch::new();
        for _ in 0..=below(20) {
            let row = below(200);
            match below(10) {
                0..6 => {
                    next += 1;
                    let length = [16, 48, 64, 100, 200, 500, 900, 1500, 9000][below(9) as usize];
                    batch.put(key(&row.to_be_bytes()), value(next, length));
                    live.insert(row, next);
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
        let expected: BTreeSet<u32> = live.values().copied().collect();
        assert_eq!(marks(directory.path()), expected, "after step {step}: left dead, right alive");
    }
    let mut batch = VecBatch::new();
    batch.erase_range(KeyRange::scope(b"alice", Scope::Group(b"tea party")));
    store.apply(&mut batch).unwrap();
    assert!(marks(directory.path()).is_empty());
}

#[test]
fn a_batch_that_fails_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStorage::open(directory.path().join("store.db")).unwrap();
    assert_eq!(store.erasure(), Erasure::OnReturn);
    put(&store, b"1", 1, 100);
    let mut first = VecBatch::new();
    first.erase(key(b"1")).put(key(b"2"), value(2, 100_000));
    let mut batch = pleach_storage::StreamBatch::new(first, |_| Err(StorageError::aborted("on purpose")));
    assert!(store.apply(&mut batch).is_err());
    assert_eq!(marks(directory.path()), BTreeSet::from([1]));
}

#[test]
fn freed_slots_are_used_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = SqliteStorage::open(&path).unwrap();
    let round = |round: u32| {
        let mut batch = VecBatch::new();
        batch.erase_range(KeyRange::everything());
        for row in 0..100_u32 {
            batch.put(key(&(row + round).to_be_bytes()), value(row, 50 * row as usize));
        }
        store.apply(&mut batch).unwrap();
        std::fs::metadata(&path).unwrap().len()
    };
    let after_one = round(1);
    let after_ten = (2..=10).map(round).last().unwrap();
    assert!(after_ten <= after_one + after_one / 4, "{after_one} bytes became {after_ten}");
}

#[test]
fn a_write_ahead_log_lags_until_a_checkpoint() {
    let directory = tempfile::tempdir().unwrap();
    let options = SqliteOptions::new().journal(Journal::Wal);
    let store = SqliteStorage::open_with(directory.path().join("store.db"), &options).unwrap();
    assert!(matches!(store.erasure(), Erasure::Lagging(_)));
    put(&store, b"1", 1, 100);
    put(&store, b"1", 2, 100);
    assert_eq!(marks(directory.path()), BTreeSet::from([1, 2]), "the search finds what lags");
    store.checkpoint().unwrap();
    assert_eq!(marks(directory.path()), BTreeSet::from([2]));
    let mut batch = VecBatch::new();
    batch.erase(key(b"1"));
    store.apply(&mut batch).unwrap();
    drop(store);
    assert!(marks(directory.path()).is_empty(), "the last handle to close empties the log");
}
