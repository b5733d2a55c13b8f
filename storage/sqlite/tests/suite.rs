//! The suite of `pleach-testkit` on files with either journal, and in SQLite's memory.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use pleach_storage::Storage;
use pleach_storage_sqlite::{Journal, SqliteOptions, SqliteStorage};
use pleach_testkit::storage_suite;

fn on_files(journal: Journal) {
    let directory = tempfile::tempdir().unwrap();
    let count = std::cell::Cell::new(0);
    let options = SqliteOptions::new().journal(journal).busy_timeout(Duration::from_secs(30));
    storage_suite::run_shared(|| {
        count.set(count.get() + 1);
        let path = directory.path().join(format!("{}.db", count.get()));
        let options = options.clone();
        move || Box::new(SqliteStorage::open_with(&path, &options).unwrap()) as Box<dyn Storage>
    });
}

#[test]
fn suite_with_a_truncated_journal() {
    on_files(Journal::Truncate);
}

#[test]
fn suite_with_a_write_ahead_log() {
    on_files(Journal::Wal);
}

#[test]
fn suite_in_memory() {
    storage_suite::run(|| Box::new(SqliteStorage::in_memory().unwrap()));
}
