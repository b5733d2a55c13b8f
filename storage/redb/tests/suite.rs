//! The suite of `pleach-testkit`: on handles of one file, on clones, and under checksums and encryption.

use std::sync::Arc;
use std::time::Duration;

use pleach_crypto::Secret;
use pleach_storage::{Checked, Storage};
use pleach_storage_encrypted::{EncryptedStorage, KeyRing};
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

/// As the facade has it, encrypted.
#[test]
fn suite_encrypted() {
    let directory = tempfile::tempdir().unwrap();
    let count = std::cell::Cell::new(0);
    let provider = pleach_rustcrypto::provider();
    let ring = KeyRing::new(Secret::copy_from(&[7; 32]));
    storage_suite::run_shared(|| {
        count.set(count.get() + 1);
        let path = directory.path().join(format!("{}.redb", count.get()));
        let (provider, ring) = (&provider, &ring);
        move || {
            let store = RedbStorage::open(&path).unwrap();
            let random = Arc::clone(&provider.random);
            let store = EncryptedStorage::open(store, &provider.suites[0], random, ring).unwrap();
            Box::new(Checked::new(store)) as Box<dyn Storage>
        }
    });
}
