//! The suite of `pleach-testkit`, on handles that share a file, and again with the file opened anew for each.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use pleach_storage::Storage;
use pleach_storage_redb::{RedbOptions, RedbStorage};
use pleach_testkit::storage_suite;

#[test]
fn suite() {
    let directory = tempfile::tempdir().unwrap();
    let count = std::cell::Cell::new(0);
    let options = RedbOptions::new().busy_timeout(Duration::from_secs(30));
    storage_suite::run_shared(|| {
        count.set(count.get() + 1);
        let path = directory.path().join(format!("{}.redb", count.get()));
        let options = options.clone();
        move || Box::new(RedbStorage::open_with(&path, &options).unwrap()) as Box<dyn Storage>
    });
}

#[test]
fn suite_with_clones() {
    let directory = tempfile::tempdir().unwrap();
    let count = std::cell::Cell::new(0);
    storage_suite::run_shared(|| {
        count.set(count.get() + 1);
        let store = RedbStorage::open(directory.path().join(format!("{}.redb", count.get()))).unwrap();
        move || Box::new(store.clone()) as Box<dyn Storage>
    });
}
