//! The suite of `pleach-testkit`, and what is particular to memory: snapshots, and calls from within.

#![expect(clippy::unwrap_used, reason = "tests")]

use pleach_storage::{Checked, CountingStorage, Key, KeyRange, RecordKind, Storage, VecBatch};
use pleach_storage_memory::MemoryStorage;
use pleach_testkit::storage_suite;

#[test]
fn suite() {
    storage_suite::run(|| Box::new(MemoryStorage::new()));
}

#[test]
fn suite_with_several_handles() {
    storage_suite::run_shared(|| {
        let store = MemoryStorage::new();
        move || Box::new(store.clone()) as Box<dyn Storage>
    });
}

#[test]
fn suite_while_counting() {
    storage_suite::run(|| Box::new(CountingStorage::new(MemoryStorage::new())));
}

#[test]
fn suite_under_checksums() {
    storage_suite::run_shared(|| {
        let store = MemoryStorage::new();
        move || Box::new(Checked::new(store.clone())) as Box<dyn Storage>
    });
}

fn put(store: &dyn Storage, suffix: &[u8]) {
    let mut batch = VecBatch::new();
    batch.put(Key::of_client(b"c", RecordKind::Application, suffix), b"value".to_vec());
    store.apply(&mut batch).unwrap();
}

#[test]
fn a_snapshot_goes_its_own_way() {
    let store = MemoryStorage::new();
    put(&store, b"1");
    let snapshot = store.snapshot();
    let shared = store.clone();
    put(&store, b"2");
    assert_eq!((store.len(), shared.len(), snapshot.len()), (2, 2, 1));
    put(&snapshot, b"3");
    put(&snapshot, b"4");
    assert_eq!((store.len(), snapshot.len()), (2, 3));
}

#[test]
fn a_scan_sees_one_moment_and_may_write() {
    let store = MemoryStorage::new();
    put(&store, b"1");
    put(&store, b"2");
    let mut seen = 0;
    let scan = store.scan(&KeyRange::everything(), &mut |_| {
        seen += 1;
        put(&store, &[b'9', seen]);
        Ok(())
    });
    scan.unwrap();
    assert_eq!((seen, store.len()), (2, 4));
}

#[test]
fn debug_shows_no_rows() {
    let store = MemoryStorage::new();
    put(&store, b"1");
    assert_eq!(format!("{store:?}"), "MemoryStorage { rows: 1 }");
}
