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

/// A table that is empty is filled without a search for each row, as long as rows come in order: whatever comes, the same as
/// one by one.
#[test]
fn an_empty_table_is_filled_by_whatever_comes() {
    let key = |kind: RecordKind, suffix: &'static [u8]| Key::of_client(b"c", kind, suffix);
    let (application, meta) = (RecordKind::Application, RecordKind::KeyIndex);
    let put = |kind, suffix: &'static [u8]| (key(kind, suffix), true);
    let erase = |kind, suffix: &'static [u8]| (key(kind, suffix), false);
    for batch in [
        vec![put(application, b"1"), put(application, b"2"), put(application, b"3")],
        vec![put(application, b"1"), put(application, b"3"), put(application, b"2"), put(application, b"4")],
        vec![put(application, b"2"), put(application, b"2"), put(application, b"1")],
        vec![erase(application, b"1"), put(application, b"1"), put(application, b"2")],
        vec![put(application, b"1"), erase(application, b"1"), put(application, b"0")],
        vec![put(application, b"1"), put(meta, b"1"), put(application, b"0"), put(meta, b"0")],
        vec![put(application, b"1"), erase(application, b"1")],
    ] {
        let (together, single) = (MemoryStorage::new(), MemoryStorage::new());
        let mut all = VecBatch::new();
        for (at, (key, is_put)) in batch.iter().enumerate() {
            let mut one = VecBatch::new();
            for batch in [&mut all, &mut one] {
                match is_put {
                    true => batch.put(*key, vec![at as u8; 30]),
                    false => batch.erase(*key),
                };
            }
            single.apply(&mut one).unwrap();
        }
        together.apply(&mut all).unwrap();
        let rows = |store: &MemoryStorage| {
            let mut rows = Vec::new();
            let everything = KeyRange::everything();
            store
                .scan(&everything, &mut |row| {
                    rows.push((row.key.to_bytes(), row.value.to_vec()));
                    Ok(())
                })
                .unwrap();
            rows
        };
        assert_eq!(rows(&together), rows(&single));
        assert_eq!(together.len(), single.len());
    }
}
