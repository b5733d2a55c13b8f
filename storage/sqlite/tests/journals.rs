//! Journals: what each handle promises when another changes them, and what a crash leaves of them.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use pleach_storage::{Erasure, Key, RecordKind, Storage, StorageError, StreamBatch, VecBatch};
use pleach_storage_sqlite::{Journal, SqliteOptions, SqliteStorage};
use pleach_testkit::recording::{History, Recording};
use rusqlite::Connection;
use tempfile::TempDir;

fn file() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    (directory, path)
}

fn key(suffix: &[u8]) -> Key<'_> {
    Key::of_group(b"alice", b"tea party", RecordKind::Ratchet, suffix)
}

/// A value that no other has.
fn value(mark: u32, length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ (u64::from(mark) << 20);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}

fn put(store: &dyn Storage, suffix: &[u8], mark: u32, length: usize) -> Result<(), StorageError> {
    let mut batch = VecBatch::new();
    batch.put(key(suffix), value(mark, length));
    store.apply(&mut batch)
}

fn open(path: &Path, journal: Journal) -> Result<SqliteStorage, StorageError> {
    let options = SqliteOptions::new().journal(journal).busy_timeout(Duration::from_millis(50));
    SqliteStorage::open_with(path, &options)
}

fn clean(store: &dyn Storage, history: &History, directory: &Path) {
    let left = history.leftovers(store, directory);
    assert!(left.is_empty(), "{} windows: {:?}", left.len(), left.first());
}

/// A handle that promised to leave nothing behind does not write to a log that another brought in.
#[test]
fn a_log_does_not_come_in_behind_a_handle_s_back() {
    let (directory, path) = file();
    let recording = Recording::new(open(&path, Journal::Truncate).unwrap());
    assert_eq!(recording.erasure(), Erasure::OnReturn);
    put(&recording, b"1", 1, 100).unwrap();
    let other = open(&path, Journal::Wal).unwrap();
    assert!(matches!(other.erasure(), Erasure::Lagging(_)));
    assert!(matches!(recording.erasure(), Erasure::Lagging(_)), "what is true now");
    assert!(matches!(put(&recording, b"1", 2, 100), Err(StorageError::Busy)));
    assert_eq!(recording.get(&key(b"1")).unwrap().unwrap().as_slice(), value(1, 100), "reading goes on");
    drop(other);
    put(&recording, b"1", 3, 100).unwrap();
    assert_eq!(recording.erasure(), Erasure::OnReturn);
    clean(&recording, recording.history(), directory.path());
    // The other way round, the log is in use and stays.
    let log = open(&path, Journal::Wal).unwrap();
    assert!(matches!(open(&path, Journal::Truncate), Err(StorageError::Busy)));
    assert!(matches!(log.erasure(), Erasure::Lagging(_)));
    put(&log, b"1", 4, 100).unwrap();
}

/// A writer has the store for itself from its guards on: another waits, as long as it was told.
#[test]
fn writers_wait_for_each_other() {
    for journal in [Journal::Truncate, Journal::Wal] {
        let (_directory, path) = file();
        let first = open(&path, journal).unwrap();
        put(&first, b"n", 0, 16).unwrap();
        let impatient = open(&path, journal).unwrap();
        let options = SqliteOptions::new().journal(journal).busy_timeout(Duration::from_secs(30));
        let patient = SqliteStorage::open_with(&path, &options).unwrap();
        let (start, started) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            started.recv().unwrap();
            let begin = Instant::now();
            put(&patient, b"n", 2, 16).unwrap();
            begin.elapsed()
        });
        let mut guarded = VecBatch::new();
        guarded.guard_present(key(b"n"));
        let mut rows = 0;
        let mut batch = StreamBatch::new(guarded, |row| {
            if rows == 0 {
                start.send(()).unwrap();
                assert!(matches!(put(&impatient, b"n", 3, 16), Err(StorageError::Busy)));
                std::thread::sleep(Duration::from_millis(150));
            }
            rows += 1;
            row.key.set(key(b"n"));
            row.value.extend(value(1, 16));
            Ok(rows < 3)
        });
        first.apply(&mut batch).unwrap();
        assert!(thread.join().unwrap() >= Duration::from_millis(100));
        assert_eq!(first.get(&key(b"n")).unwrap().unwrap().as_slice(), value(2, 16), "{journal:?}");
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// The files as a process leaves them that dies in the middle of a batch larger than SQLite's cache, and so on its way
/// into the file already.
#[test]
fn a_crash_after_a_spill_is_rolled_back_and_leaves_nothing() {
    for journal in [Journal::Truncate, Journal::Wal] {
        let (directory, path) = file();
        let crashed = tempfile::tempdir().unwrap();
        let recording = Recording::new(open(&path, journal).unwrap());
        let mut batch = VecBatch::new();
        for row in 0..100_u32 {
            batch.put(key(&row.to_be_bytes()), value(row, 3_000));
        }
        recording.apply(&mut batch).unwrap();
        let mut rows = 0_u32;
        let mut first = VecBatch::new();
        first.erase(key(&99_u32.to_be_bytes()));
        let mut batch = StreamBatch::new(first, |row| {
            rows += 1;
            // Old rows are overwritten, then come new ones, 2.8 MiB of them: more than the cache.
            row.key.set(key(&(rows % 98).to_be_bytes()));
            if rows > 98 {
                row.key.set(key(&rows.to_be_bytes()));
            }
            row.value.extend(value(1_000 + rows, 3_000));
            if rows == 600 {
                copy(directory.path(), crashed.path());
            }
            Ok(rows < 700)
        });
        recording.apply(&mut batch).unwrap();
        clean_if(journal, &recording, directory.path());

        let beside = if journal == Journal::Wal { "store.db-wal" } else { "store.db-journal" };
        let beside = std::fs::metadata(crashed.path().join(beside)).unwrap();
        assert!(beside.len() > 0, "{journal:?}: nothing to recover");
        let reopened = open(&crashed.path().join("store.db"), journal).unwrap();
        assert_eq!(reopened.get(&key(&5_u32.to_be_bytes())).unwrap().unwrap().as_slice(), value(5, 3_000));
        assert_eq!(reopened.get(&key(&99_u32.to_be_bytes())).unwrap().unwrap().as_slice(), value(99, 3_000));
        assert!(reopened.get(&key(&500_u32.to_be_bytes())).unwrap().is_none());
        clean(&reopened, recording.history(), crashed.path());
    }
}

fn clean_if(journal: Journal, recording: &Recording<SqliteStorage>, directory: &Path) {
    if journal == Journal::Truncate {
        clean(recording, recording.history(), directory);
    }
}

/// A log that nobody closed: the next to open it empties it, whichever journal it wants.
#[test]
fn a_log_that_a_crash_left_is_emptied() {
    for next in [Journal::Wal, Journal::Truncate] {
        let (directory, path) = file();
        let crashed = tempfile::tempdir().unwrap();
        let recording = Recording::new(open(&path, Journal::Wal).unwrap());
        for mark in 1..20 {
            put(&recording, b"1", mark, 500).unwrap();
        }
        copy(directory.path(), crashed.path());
        assert!(!recording.history().leftovers(&recording, crashed.path()).is_empty());
        let reopened = open(&crashed.path().join("store.db"), next).unwrap();
        assert_eq!(reopened.get(&key(b"1")).unwrap().unwrap().as_slice(), value(19, 500));
        clean(&reopened, recording.history(), crashed.path());
    }
}

/// Another program may have chosen a journal that stays, with old pages in it.
#[test]
fn a_journal_that_stayed_behind_goes() {
    let (directory, path) = file();
    let recording = Recording::new(open(&path, Journal::Truncate).unwrap());
    put(&recording, b"1", 1, 500).unwrap();
    let history = recording.history().clone();
    drop(recording);
    let theirs = Connection::open(&path).unwrap();
    theirs.query_row("PRAGMA journal_mode = PERSIST", [], |_| Ok(())).unwrap();
    theirs.execute_batch("UPDATE slots SET value = zeroblob(length(value))").unwrap();
    drop(theirs);
    let empty = SqliteStorage::in_memory().unwrap();
    assert!(!history.leftovers(&empty, directory.path()).is_empty(), "their journal has the old page");
    let reopened = open(&path, Journal::Truncate).unwrap();
    clean(&empty, &history, directory.path());
    put(&reopened, b"1", 2, 500).unwrap();
    clean(&reopened, &history, directory.path());
}
