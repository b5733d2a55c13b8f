//! Files: whose they are, which format, who else has them open, and what happens if they are damaged.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use pleach_storage::{Key, KeyRange, RecordKind, Storage, StorageError, VecBatch};
use pleach_storage_sqlite::{Journal, SqliteOptions, SqliteStorage};
use rusqlite::Connection;
use tempfile::TempDir;

fn file() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    (directory, path)
}

fn secret(suffix: &[u8]) -> Key<'_> {
    Key::of_group(b"alice", b"tea party", RecordKind::Ratchet, suffix)
}

fn public(suffix: &[u8]) -> Key<'_> {
    Key::of_group(b"alice", b"tea party", RecordKind::TreeNode, suffix)
}

fn fill(path: &Path) -> SqliteStorage {
    let store = SqliteStorage::open(path).unwrap();
    let mut batch = VecBatch::new();
    for i in 0..40_u8 {
        batch.put(secret(&[i]), vec![i; 20 * usize::from(i)]).put(public(&[i]), vec![i; 100]);
    }
    store.apply(&mut batch).unwrap();
    store
}

/// Runs SQL on the file, past the engine.
fn tamper(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn other_files_are_refused_and_not_changed() {
    let (_directory, path) = file();
    std::fs::write(&path, b"Dear diary, this is a text of more than one hundred bytes. ".repeat(40)).unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(SqliteStorage::open(&path), Err(StorageError::Unsupported(_))));
    assert_eq!(std::fs::read(&path).unwrap(), before);

    for sql in ["CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)", "PRAGMA user_version = 1"] {
        let (_directory, path) = file();
        tamper(&path, sql);
        let before = std::fs::read(&path).unwrap();
        let result = SqliteStorage::open(&path);
        assert!(matches!(result, Err(StorageError::Unsupported(_))), "{result:?}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

#[test]
fn a_newer_format_is_refused_and_not_changed() {
    let (_directory, path) = file();
    drop(fill(&path));
    tamper(&path, "PRAGMA user_version = 7; ALTER TABLE rows ADD COLUMN later");
    let before = std::fs::read(&path).unwrap();
    let error = SqliteStorage::open(&path).unwrap_err();
    assert!(matches!(error, StorageError::NewerFormat { found: 7, known: 1 }));
    assert_eq!(error.to_string(), "the store has format 7, this version knows formats up to 1");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn other_tables_are_refused() {
    for sql in [
        "DROP TABLE rows",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TRIGGER t AFTER INSERT ON rows BEGIN DELETE FROM rows; END",
        "PRAGMA user_version = 0",
    ] {
        let (_directory, path) = file();
        drop(fill(&path));
        tamper(&path, sql);
        let result = SqliteStorage::open(&path);
        assert!(matches!(result, Err(StorageError::Corrupt { .. })), "{sql}: {result:?}");
    }
}

#[test]
fn a_missing_file_is_made_only_if_wanted() {
    let (directory, path) = file();
    let options = SqliteOptions::new().create(false);
    assert!(matches!(SqliteStorage::open_with(&path, &options), Err(StorageError::Engine(_))));
    assert!(!path.exists());
    drop(SqliteStorage::open(&path).unwrap());
    SqliteStorage::open_with(&path, &options).unwrap();
    let nowhere = directory.path().join("no such directory").join("store.db");
    assert!(matches!(SqliteStorage::open(nowhere), Err(StorageError::Engine(_))));
    assert!(SqliteStorage::open(directory.path()).is_err());
}

#[cfg(unix)]
#[test]
fn files_are_readable_by_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    for journal in [Journal::Truncate, Journal::Wal] {
        let (directory, path) = file();
        let store = SqliteStorage::open_with(&path, &SqliteOptions::new().journal(journal)).unwrap();
        let mut batch = VecBatch::new();
        batch.put(secret(b"1"), b"secret".to_vec());
        store.apply(&mut batch).unwrap();
        let files: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(Result::unwrap).collect();
        assert!(files.len() > 1, "the store and its journal");
        for file in files {
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
        }
    }
}

#[test]
fn the_journal_can_be_changed() {
    let (_directory, path) = file();
    drop(fill(&path));
    for journal in [Journal::Wal, Journal::Truncate, Journal::Wal, Journal::Truncate] {
        let store = SqliteStorage::open_with(&path, &SqliteOptions::new().journal(journal)).unwrap();
        assert_eq!(store.get(&secret(&[3])).unwrap().unwrap().as_slice(), [3; 60]);
        store.checkpoint().unwrap();
    }
}

/// Who waits too long is told so, nothing is applied, and the same batch can be applied later.
#[test]
fn a_writer_does_not_wait_forever() {
    let (_directory, path) = file();
    let reader = fill(&path);
    let options = SqliteOptions::new().busy_timeout(Duration::from_millis(20));
    let writer = SqliteStorage::open_with(&path, &options).unwrap();
    let mut batch = VecBatch::new();
    batch.guard_absent(secret(b"new")).put(secret(b"new"), b"x".to_vec());
    let mut tried = false;
    let scan = reader.scan(&KeyRange::everything(), &mut |_| {
        if !std::mem::replace(&mut tried, true) {
            assert!(matches!(writer.apply(&mut batch), Err(StorageError::Busy)));
        }
        Ok(())
    });
    scan.unwrap();
    assert!(tried && writer.get(&secret(b"new")).unwrap().is_none());
    batch.rewind();
    writer.apply(&mut batch).unwrap();
    assert!(reader.get(&secret(b"new")).unwrap().is_some());
}

#[test]
fn rows_that_nobody_wrote_are_named() {
    let corrupt = |sql: &str| {
        let (_directory, path) = file();
        let store = fill(&path);
        tamper(&path, sql);
        let scan = store.scan(&KeyRange::everything(), &mut |_| Ok(()));
        assert!(matches!(scan, Err(StorageError::Corrupt { .. })), "{sql}: {scan:?}");
        let mut results = vec![store.get(&secret(&[3])).map(drop), store.get(&public(&[3])).map(drop)];
        let mut batch = VecBatch::new();
        batch.put(secret(&[3]), b"x".to_vec()).erase_range(KeyRange::everything());
        results.push(store.apply(&mut batch));
        for result in results {
            assert!(matches!(result, Ok(()) | Err(StorageError::Corrupt { .. })), "{sql}: {result:?}");
        }
    };
    corrupt("INSERT INTO rows (key, value) VALUES (x'ffff', x'00')");
    corrupt("UPDATE rows SET value = 'text' WHERE slots IS NULL");
    corrupt("UPDATE rows SET value = NULL WHERE slots IS NULL");
    corrupt("UPDATE rows SET slots = x'00000000000000' WHERE slots NOT NULL");
    corrupt("UPDATE rows SET slots = x'' WHERE slots NOT NULL");
    corrupt("UPDATE rows SET slots = 7 WHERE slots NOT NULL");
    corrupt("UPDATE rows SET slots = NULL WHERE slots NOT NULL");
    corrupt("DELETE FROM slots");
    corrupt("UPDATE slots SET value = x'ffffffff00'");
    corrupt("UPDATE slots SET value = 'text'");
}

/// Any byte of the file may be wrong: an error perhaps, never a panic.
#[test]
fn flipped_bytes_do_no_harm() {
    let (directory, path) = file();
    drop(fill(&path));
    let good = std::fs::read(&path).unwrap();
    let flipped_path = directory.path().join("flipped.db");
    // The header and the starts of pages densely, the rest here and there.
    let places = (0..good.len()).filter(|at| at % 4096 < 24 || at % 211 == 0);
    for at in places {
        let mut bytes = good.clone();
        bytes[at] ^= 0x41;
        std::fs::write(&flipped_path, bytes).unwrap();
        let Ok(store) = SqliteStorage::open(&flipped_path) else { continue };
        let _ = store.scan(&KeyRange::everything(), &mut |_| Ok(()));
        let _ = store.get(&secret(&[3]));
        let mut batch = VecBatch::new();
        batch.put(secret(&[3]), vec![9; 3000]).erase(public(&[4])).put(public(&[99]), b"x".to_vec());
        let _ = store.apply(&mut batch);
    }
}
