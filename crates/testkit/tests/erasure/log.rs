//! The write-ahead log: what it keeps, and until when.

use std::time::Duration;

use pleach::storage::{Erasure, KeyRange, RecordKind, Storage, StorageError};
use pleach_storage_sqlite::SqliteStorage;

use crate::watch::{Watch, wal};

#[test]
fn a_log_lags_until_a_checkpoint_or_the_last_close() {
    let watch = Watch::new(wal().busy_timeout(Duration::from_millis(50)));
    let world = watch.world();
    let mut members = world.group(&["alice", "bob"]).unwrap();
    let directory = watch.directory("alice");
    let (store, history) = watch.of("alice");
    assert!(matches!(store.erasure(), Erasure::Lagging(_)));

    members[0].encrypt(b"the first").unwrap();
    let epoch = members[0].epoch();
    let ratchets = || {
        watch.fields("alice", |key| {
            key.record == RecordKind::Ratchet
                && key.suffix.starts_with(&epoch.to_be_bytes())
                && key.suffix[8] == 1
        })
    };
    let ratchet = ratchets();
    members[0].encrypt(b"the second").unwrap();
    assert_eq!(ratchet.found(&directory), ratchet.len(), "the lag that is documented");
    assert!(!history.leftovers(&store, &directory).is_empty());

    // A reader keeps the log from being emptied.
    let options = wal().busy_timeout(Duration::from_millis(50));
    let reader = SqliteStorage::open_with(directory.join("store.db"), &options).unwrap();
    members[0].encrypt(b"the third").unwrap();
    let mut asked = false;
    let scan = reader.scan(&KeyRange::everything(), &mut |_| {
        if !std::mem::replace(&mut asked, true) {
            members[0].encrypt(b"while it reads").unwrap();
            assert!(matches!(store.checkpoint(), Err(StorageError::Busy)));
        }
        Ok(())
    });
    scan.unwrap();
    assert!(asked);
    store.checkpoint().unwrap();
    assert_eq!(ratchet.found(&directory), 0);
    watch.clean("alice");

    let ratchet = ratchets();
    members[0].encrypt(b"the last").unwrap();
    assert_eq!(ratchet.found(&directory), ratchet.len());
    drop((members, world, reader));
    assert_eq!(ratchet.found(&directory), ratchet.len(), "a handle is open yet");
    drop(store);
    watch.reopen("alice");
    assert_eq!(ratchet.found(&directory), 0);
    watch.clean("alice");
}
