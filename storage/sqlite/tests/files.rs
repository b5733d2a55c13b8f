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

/// A file that somebody else made, empty, or a journal that lay there, is made as private as it should be.
#[cfg(unix)]
#[test]
fn files_that_were_there_become_private() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    };
    for journal in [Journal::Truncate, Journal::Wal] {
        let (directory, path) = file();
        std::fs::write(&path, b"").unwrap();
        let beside = directory.path().join("store.db-journal");
        std::fs::write(&beside, b"").unwrap();
        set(&path, 0o644);
        set(&beside, 0o666);
        let store = SqliteStorage::open_with(&path, &SqliteOptions::new().journal(journal)).unwrap();
        let mut batch = VecBatch::new();
        batch.put(secret(b"1"), b"secret".to_vec());
        store.apply(&mut batch).unwrap();
        for file in std::fs::read_dir(directory.path()).unwrap() {
            let path = file.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{path:?}");
        }
        drop(store);
        // Who shares a store with a group of users does so on purpose; its journals are not wider.
        set(&path, 0o660);
        std::fs::write(&beside, b"").unwrap();
        set(&beside, 0o666);
        let store = SqliteStorage::open_with(&path, &SqliteOptions::new().journal(journal)).unwrap();
        assert_eq!(mode(&path), 0o660);
        if beside.exists() {
            assert_eq!(mode(&beside), 0o660);
        }
        drop(store);
    }
}

/// No space: an error that says so, and the store is as it was.
#[test]
fn a_full_store_applies_nothing() {
    for journal in [Journal::Truncate, Journal::Wal] {
        let (_directory, path) = file();
        let store =
            SqliteStorage::open_with(&path, &SqliteOptions::new().journal(journal).max_bytes(200_000))
                .unwrap();
        let mut batch = VecBatch::new();
        batch.put(secret(b"kept"), vec![1; 1_000]).put(public(b"kept"), vec![2; 1_000]);
        store.apply(&mut batch).unwrap();
        let mut large = VecBatch::new();
        large.erase(secret(b"kept")).put(public(b"kept"), b"changed".to_vec());
        for row in 0..100_u8 {
            large.put(secret(&[row]), vec![row; 5_000]);
        }
        for _ in 0..2 {
            large.rewind();
            assert!(matches!(store.apply(&mut large), Err(StorageError::Full)));
            let mut rows = Vec::new();
            let scan = store.scan(&KeyRange::everything(), &mut |row| {
                rows.push((row.key.record, row.value.to_vec()));
                Ok(())
            });
            scan.unwrap();
            let expected = [(RecordKind::Ratchet, vec![1; 1_000]), (RecordKind::TreeNode, vec![2; 1_000])];
            assert_eq!(rows, expected);
        }
        // What fits is still taken, and with more room the rest.
        let mut small = VecBatch::new();
        small.put(secret(b"small"), vec![3; 1_000]);
        store.apply(&mut small).unwrap();
        drop(store);
        assert!(std::fs::metadata(&path).unwrap().len() <= 200_000);
        let store = SqliteStorage::open_with(&path, &SqliteOptions::new().journal(journal)).unwrap();
        large.rewind();
        store.apply(&mut large).unwrap();
        assert!(store.get(&secret(b"kept")).unwrap().is_none());
    }
}

/// SQLite would move pages, and leave copies of their contents.
#[test]
fn a_file_whose_pages_move_is_refused() {
    let (_directory, path) = file();
    tamper(&path, "PRAGMA auto_vacuum = FULL; VACUUM");
    assert!(std::fs::metadata(&path).unwrap().len() > 0);
    assert!(matches!(SqliteStorage::open(&path), Err(StorageError::Unsupported(_))));
    for mode in ["FULL", "INCREMENTAL"] {
        let (_directory, path) = file();
        drop(fill(&path));
        tamper(&path, &format!("PRAGMA auto_vacuum = {mode}; VACUUM"));
        let result = SqliteStorage::open(&path);
        assert!(matches!(result, Err(StorageError::Unsupported(_))), "{result:?}");
        tamper(&path, "PRAGMA auto_vacuum = NONE; VACUUM");
        let store = SqliteStorage::open(&path).unwrap();
        assert_eq!(store.get(&secret(&[3])).unwrap().unwrap().as_slice(), [3; 60]);
    }
}

/// A process that dies while it makes the file leaves an empty one, or one with a journal to be rolled back.
#[test]
fn a_crash_while_the_file_is_made_does_no_harm() {
    let (_directory, path) = file();
    std::fs::write(&path, b"").unwrap();
    drop(fill(&path));
    for beside in ["-journal", "-wal"] {
        let (_directory, path) = file();
        std::fs::write(&path, b"").unwrap();
        // Of a file that was here before.
        std::fs::write(path.with_file_name(format!("store.db{beside}")), [0xd9; 4_096]).unwrap();
        let store = fill(&path);
        assert_eq!(store.get(&secret(&[3])).unwrap().unwrap().as_slice(), [3; 60]);
        drop(store);
        SqliteStorage::open(&path).unwrap();
    }
}

/// Permissions stop root at nothing: as root, the test runs again as somebody else.
#[cfg(unix)]
#[test]
fn what_cannot_be_written_says_so() {
    use std::os::unix::{fs::PermissionsExt, process::CommandExt as _};
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    };
    let (directory, path) = file();
    drop(fill(&path));
    set(&path, 0o400);
    if std::fs::OpenOptions::new().append(true).open(&path).is_ok() {
        const NOBODY: u32 = 65_534;
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", "what_cannot_be_written_says_so"]).uid(NOBODY).gid(NOBODY);
        match again.current_dir("/").output() {
            // The program itself may be where nobody may read.
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied),
            Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout)),
        }
        return;
    }
    assert!(matches!(SqliteStorage::open(&path), Err(StorageError::ReadOnly)));
    set(&path, 0o600);
    // A directory in which no journal can be made.
    for journal in [Journal::Truncate, Journal::Wal] {
        let store = SqliteStorage::open(&path).unwrap();
        let held = store.get(&secret(&[3])).unwrap();
        std::fs::remove_file(directory.path().join("store.db-journal")).unwrap_or_default();
        set(directory.path(), 0o500);
        let mut batch = VecBatch::new();
        batch.put(secret(&[3]), b"x".to_vec());
        let result = store.apply(&mut batch);
        assert!(matches!(result, Err(StorageError::ReadOnly)), "{result:?}");
        assert_eq!(store.get(&secret(&[3])).unwrap(), held);
        drop(store);
        let result =
            SqliteStorage::open_with(&path, &SqliteOptions::new().journal(journal)).and_then(|store| {
                batch.rewind();
                store.apply(&mut batch)
            });
        assert!(matches!(result, Err(StorageError::ReadOnly)), "{journal:?}: {result:?}");
        assert!(SqliteStorage::open(directory.path().join("other.db")).is_err());
        set(directory.path(), 0o700);
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
