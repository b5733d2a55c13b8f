//! The suite of `pleach-testkit`, over memory and over SQLite with either journal.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use pleach_crypto::Secret;
use pleach_storage::{Checked, Storage};
use pleach_storage_encrypted::{EncryptedStorage, KeyRing};
use pleach_storage_memory::MemoryStorage;
use pleach_storage_sqlite::{Journal, SqliteOptions, SqliteStorage};
use pleach_testkit::storage_suite;

/// Suites whose AEADs and hashes differ.
const SUITES: [usize; 3] = [0, 2, 6];

fn encrypted<S: Storage + 'static>(inner: S, suite: usize) -> EncryptedStorage<S> {
    let provider = pleach_rustcrypto::provider();
    let ring = KeyRing::new(Secret::copy_from(&[7; 32]));
    EncryptedStorage::open(inner, &provider.suites[suite], Arc::clone(&provider.random), &ring).unwrap()
}

#[test]
fn over_memory() {
    for suite in SUITES {
        storage_suite::run_shared(|| {
            let store = MemoryStorage::new();
            move || Box::new(encrypted(store.clone(), suite)) as Box<dyn Storage>
        });
    }
}

#[test]
fn under_checksums() {
    storage_suite::run_shared(|| {
        let store = MemoryStorage::new();
        move || Box::new(Checked::new(encrypted(store.clone(), 0))) as Box<dyn Storage>
    });
}

fn over_files(journal: Journal) {
    let directory = tempfile::tempdir().unwrap();
    let count = std::cell::Cell::new(0);
    let options = SqliteOptions::new().journal(journal).busy_timeout(Duration::from_secs(30));
    storage_suite::run_shared(|| {
        count.set(count.get() + 1);
        let path = directory.path().join(format!("{}.db", count.get()));
        let options = options.clone();
        move || Box::new(encrypted(SqliteStorage::open_with(&path, &options).unwrap(), 0)) as Box<dyn Storage>
    });
}

#[test]
fn over_sqlite_with_a_truncated_journal() {
    over_files(Journal::Truncate);
}

#[test]
fn over_sqlite_with_a_write_ahead_log() {
    over_files(Journal::Wal);
}
