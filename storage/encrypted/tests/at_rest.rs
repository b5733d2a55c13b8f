//! What the store within holds: nothing that can be read, nothing that can be changed or moved unseen.

#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::collections::HashSet;
use std::path::Path;

use common::{open, put, rows, samples};
use pleach_crypto::AeadId;
use pleach_storage::{
    Checked, Key, KeyBuf, KeyRange, RecordClass, RecordKind, Storage, StorageError, VecBatch,
};
use pleach_storage_encrypted::{EncryptedStorage, OpenError};
use pleach_storage_memory::MemoryStorage;
use pleach_storage_sqlite::{Journal, SqliteOptions, SqliteStorage};

/// Every 16 bytes of a value, and the suffixes of index rows; of short values and beginnings, 8.
fn windows() -> (HashSet<Vec<u8>>, HashSet<Vec<u8>>) {
    let (mut long, mut short) = (HashSet::new(), HashSet::new());
    for (key, value) in samples() {
        long.extend(value.windows(16).map(<[u8]>::to_vec));
        short.extend(value.get(..8).map(<[u8]>::to_vec));
        if key.record().class() == RecordClass::Index {
            long.extend(key.as_key().suffix.windows(16).map(<[u8]>::to_vec));
        }
    }
    (long, short)
}

/// How many windows are in any file of a directory.
fn found(directory: &Path) -> usize {
    let (long, short) = windows();
    let mut found = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        found += bytes.windows(16).filter(|window| long.contains(*window)).count();
        found += bytes.windows(8).filter(|window| short.contains(*window)).count();
    }
    found
}

#[test]
fn no_file_holds_a_value_or_an_index_suffix() {
    for journal in [Journal::Truncate, Journal::Wal] {
        let directory = tempfile::tempdir().unwrap();
        let options = SqliteOptions::new().journal(journal);
        let engine = || SqliteStorage::open_with(directory.path().join("a.db"), &options).unwrap();
        let store = open(engine(), &[1]).unwrap();
        put(&store, &samples());
        assert_eq!(found(directory.path()), 0);
        // Rows that are replaced, and rewritten by another key, leave nothing either.
        put(&store, &samples());
        drop(store);
        let store = open(engine(), &[2, 1]).unwrap();
        assert_eq!(store.rewrap(7).unwrap().rows, samples().len());
        assert_eq!(found(directory.path()), 0);
        // The search does find them where they are.
        let plain = tempfile::tempdir().unwrap();
        put(&SqliteStorage::open_with(plain.path().join("a.db"), &options).unwrap(), &samples());
        assert!(found(plain.path()) > 100_000);
    }
}

#[test]
fn keys_stay_in_clear_but_for_index_suffixes() {
    let engine = MemoryStorage::new();
    put(&open(engine.clone(), &[1]).unwrap(), &samples());
    for (key, _) in samples() {
        let stays = key.record().class() != RecordClass::Index;
        assert_eq!(engine.get(&key.as_key()).unwrap().is_some(), stays, "{key:?}");
    }
    assert_eq!(engine.len(), samples().len() + 1);
}

fn raw(engine: &MemoryStorage) -> Vec<(KeyBuf, Vec<u8>)> {
    rows(engine).into_iter().filter(|(key, _)| key.record() != RecordKind::Meta).collect()
}

#[test]
fn every_flipped_or_missing_byte_is_found() {
    let engine = MemoryStorage::new();
    let store = open(engine.clone(), &[1]).unwrap();
    let few: Vec<_> = samples().into_iter().filter(|(_, value)| value.len() < 100).collect();
    put(&store, &few);
    let corrupt = |result: Result<(), StorageError>, kind| {
        assert!(matches!(result, Err(StorageError::Corrupt { kind: Some(found), .. }) if found == kind));
    };
    let read = || store.scan(&KeyRange::everything(), &mut |_| Ok(()));
    for (key, value) in raw(&engine) {
        for at in 0..value.len() {
            let mut bad = value.clone();
            bad[at] ^= 0x55;
            put(&engine, &[(key.clone(), bad)]);
            corrupt(read(), key.record());
            put(&engine, &[(key.clone(), value[..at].to_vec())]);
            corrupt(read(), key.record());
        }
        put(&engine, &[(key, value)]);
    }
    assert_eq!(rows(&store).len(), few.len());
}

#[test]
fn a_row_of_another_place_is_found() {
    let (engine, other) = (MemoryStorage::new(), MemoryStorage::new());
    let store = open(engine.clone(), &[1]).unwrap();
    put(&store, &samples());
    put(&open(other.clone(), &[1]).unwrap(), &samples());
    let all = raw(&engine);
    let stored = |store: &MemoryStorage, key: &KeyBuf| store.get(&key.as_key()).unwrap().map(|v| v.to_vec());
    for (at, (key, value)) in all.iter().enumerate() {
        // Of another row of the store.
        put(&engine, &[(key.clone(), all[(at + 1) % all.len()].1.clone())]);
        let scan = store.scan(&KeyRange::everything(), &mut |_| Ok(()));
        assert!(matches!(scan, Err(StorageError::Corrupt { .. })), "{key:?}");
        // Of the same row in another store of the same key. (Index rows have other names there.)
        if let Some(theirs) = stored(&other, key) {
            put(&engine, &[(key.clone(), theirs)]);
            assert!(matches!(store.get(&key.as_key()), Err(StorageError::Corrupt { .. })), "{key:?}");
        }
        put(&engine, &[(key.clone(), value.clone())]);
    }
    // Nor has any index row of one store the name of one of the other.
    let names = |engine: &MemoryStorage| -> HashSet<KeyBuf> {
        raw(engine)
            .into_iter()
            .map(|(key, _)| key)
            .filter(|key| key.record().class() == RecordClass::Index)
            .collect()
    };
    assert!(names(&engine).is_disjoint(&names(&other)));
}

#[test]
fn the_same_value_is_never_sealed_alike() {
    let engine = MemoryStorage::new();
    let store = open(engine.clone(), &[1]).unwrap();
    let mut seen = HashSet::new();
    for _ in 0..50 {
        put(&store, &samples()[5..6]);
        let [(_, stored)] = &raw(&engine)[..] else { panic!("one row") };
        // But for the tag of its first 8 bytes, the format and the key's id.
        assert!(seen.insert(stored[13..].to_vec()));
        assert!(seen.len() == 1 || seen.iter().all(|other| other.len() == stored.len() - 13));
    }
}

fn refused(engine: &MemoryStorage, keys: &[u8]) -> OpenError {
    let before = rows(engine);
    let error = open(engine.clone(), keys).unwrap_err();
    assert_eq!(rows(engine), before, "{error}: nothing is changed");
    error
}

#[test]
fn a_wrong_key_is_refused_before_anything_is_changed() {
    let engine = MemoryStorage::new();
    let store = open(engine.clone(), &[1]).unwrap();
    put(&store, &samples());
    assert!(matches!(refused(&engine, &[2]), OpenError::WrongKey));
    assert!(matches!(refused(&engine, &[2, 3]), OpenError::WrongKey));
    assert!(matches!(refused(&engine, &[1, 1]), OpenError::DuplicateKey));
    let first = store.keys_in_use().unwrap()[0];
    let rotated = open(engine.clone(), &[2, 1]).unwrap();
    let [second, older] = rotated.keys_in_use().unwrap()[..] else { panic!("two keys") };
    assert_eq!(older, first);
    assert!(matches!(refused(&engine, &[1]), OpenError::MissingKey { id } if id == second));
    assert!(matches!(refused(&engine, &[2]), OpenError::MissingKey { id } if id == first));
    assert!(matches!(refused(&engine, &[3, 1]), OpenError::MissingKey { id } if id == second));
    assert!(matches!(refused(&engine, &[1, 2]), OpenError::Superseded { current } if current == second));
    assert!(matches!(refused(&engine, &[3]), OpenError::WrongKey));
}

#[test]
fn other_stores_are_refused() {
    let plain = MemoryStorage::new();
    put(&plain, &samples());
    assert!(matches!(refused(&plain, &[1]), OpenError::NotEncrypted));

    let engine = MemoryStorage::new();
    put(&open(engine.clone(), &[1]).unwrap(), &samples());
    let provider = pleach_rustcrypto::provider();
    let other = EncryptedStorage::open(
        engine.clone(),
        &provider.suites[2],
        provider.random.clone(),
        &common::ring(&[1]),
    );
    assert!(matches!(other, Err(OpenError::OtherAlgorithms { aead: AeadId::AES_128_GCM, .. })));
    // Who forgets the layer is told, too.
    for (key, value) in raw(&engine) {
        assert!(Checked::new(&engine).get(&key.as_key()).is_err(), "{} bytes", value.len());
    }
}

#[test]
fn every_flipped_byte_of_the_key_row_is_found() {
    let engine = MemoryStorage::new();
    drop(open(engine.clone(), &[1]).unwrap());
    let [(key, value)] = &rows(&engine)[..] else { panic!("the key row") };
    for at in 0..value.len() {
        let mut bad = value.clone();
        bad[at] ^= 0x55;
        put(&engine, &[(key.clone(), bad)]);
        let error = refused(&engine, &[1]);
        let kind = RecordKind::Meta;
        assert!(
            matches!(error, OpenError::Storage(StorageError::Corrupt { kind: Some(found), .. }) if found == kind),
            "byte {at}: {error}"
        );
    }
    put(&engine, &[(key.clone(), value.clone())]);
    // Without it nothing is written.
    let store = open(engine.clone(), &[1]).unwrap();
    let mut wipe = VecBatch::new();
    wipe.erase_range(KeyRange::everything());
    engine.apply(&mut wipe).unwrap();
    let mut batch = VecBatch::new();
    batch.put(Key::of_client(b"c", RecordKind::Application, b""), Vec::new());
    assert!(matches!(store.apply(&mut batch), Err(StorageError::Corrupt { .. })));
    assert!(engine.is_empty());
}

#[test]
fn nothing_shows_a_key() {
    let store = open(MemoryStorage::new(), &[1]).unwrap();
    let shown = format!("{store:?} {:?} {}", common::ring(&[1, 2]), refused(store.inner(), &[9]));
    assert!(shown.contains("KeyId(") && shown.contains("1 older"), "{shown}");
    assert!(!shown.contains("010101") && !shown.contains("[1,"), "{shown}");
}
