//! Files: whose they are, which format, who else has them open, and what happens if they are damaged.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pleach_storage::{Key, KeyRange, RecordKind, Storage, StorageError, StreamBatch, VecBatch};
use pleach_storage_redb::{RedbOptions, RedbStorage};
use tempfile::TempDir;

fn file() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.redb");
    (directory, path)
}

fn keys_of(path: &Path) -> PathBuf {
    path.with_file_name("store.redb-keys")
}

fn secret(suffix: &[u8]) -> Key<'_> {
    Key::of_group(b"alice", b"tea party", RecordKind::Ratchet, suffix)
}

fn public(suffix: &[u8]) -> Key<'_> {
    Key::of_group(b"alice", b"tea party", RecordKind::TreeNode, suffix)
}

fn fill(path: &Path) -> RedbStorage {
    let store = RedbStorage::open(path).unwrap();
    let mut batch = VecBatch::new();
    for i in 0..40_u8 {
        batch.put(secret(&[i]), vec![i; 20 * usize::from(i)]).put(public(&[i]), vec![i; 100]);
    }
    store.apply(&mut batch).unwrap();
    store
}

fn put(store: &RedbStorage, key: Key<'_>) -> Result<(), StorageError> {
    let mut batch = VecBatch::new();
    batch.put(key, b"x".to_vec());
    store.apply(&mut batch)
}

fn quick() -> RedbOptions {
    RedbOptions::new().busy_timeout(Duration::from_millis(20))
}

/// Overwrites bytes of a file.
fn patch(path: &Path, at: usize, new: &[u8]) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at..at + new.len()].copy_from_slice(new);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn other_files_are_refused_and_not_changed() {
    let other_redb = {
        let (_directory, path) = file();
        drop(redb::Database::create(&path).unwrap());
        std::fs::read(&path).unwrap()
    };
    let diary = b"Dear diary, this is a text of more than one hundred bytes. ".repeat(40);
    for content in [&diary[..], b"short", &other_redb, &[0; 5000]] {
        let (_directory, path) = file();
        std::fs::write(&path, content).unwrap();
        let result = RedbStorage::open(&path);
        assert!(matches!(result, Err(StorageError::Unsupported(_))), "{result:?}");
        assert_eq!(std::fs::read(&path).unwrap(), content);
        assert!(!keys_of(&path).exists());
    }
    // Nor is a file that has the name of a file of keys.
    let (_directory, path) = file();
    std::fs::write(keys_of(&path), &diary).unwrap();
    assert!(matches!(RedbStorage::open(&path), Err(StorageError::Unsupported(_))));
    assert_eq!(std::fs::read(keys_of(&path)).unwrap(), diary);
}

#[test]
fn a_newer_format_is_refused_and_not_changed() {
    for newer in [PathBuf::clone, |path: &PathBuf| keys_of(path)] {
        let (_directory, path) = file();
        drop(fill(&path));
        patch(&newer(&path), 16, &7_u32.to_be_bytes());
        let before = std::fs::read(&path).unwrap();
        let error = RedbStorage::open(&path).unwrap_err();
        assert!(matches!(error, StorageError::NewerFormat { found: 7, known: 1 }));
        assert_eq!(error.to_string(), "the store has format 7, this version knows formats up to 1");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }
}

#[test]
fn both_files_are_needed_and_belong_together() {
    let corrupt = |path: &Path| {
        let result = RedbStorage::open(path);
        assert!(matches!(result, Err(StorageError::Corrupt { .. })), "{result:?}");
    };
    let (_directory, path) = file();
    drop(fill(&path));
    let good = std::fs::read(keys_of(&path)).unwrap();
    std::fs::remove_file(keys_of(&path)).unwrap();
    corrupt(&path);
    std::fs::write(keys_of(&path), b"").unwrap();
    corrupt(&path);
    std::fs::write(keys_of(&path), &good[..good.len() - 1]).unwrap();
    corrupt(&path);
    let (_other_directory, other) = file();
    drop(fill(&other));
    std::fs::copy(keys_of(&other), keys_of(&path)).unwrap();
    corrupt(&path);
    std::fs::write(keys_of(&path), &good).unwrap();
    assert_eq!(RedbStorage::open(&path).unwrap().get(&secret(&[3])).unwrap().unwrap().as_slice(), [3; 60]);
}

/// An older copy of one file beside the other: rows that changed since are named, and nothing else is told of them.
#[test]
fn an_older_copy_of_one_file_is_found_out() {
    let (_directory, path) = file();
    drop(fill(&path));
    let older = std::fs::read(&path).unwrap();
    let store = RedbStorage::open(&path).unwrap();
    let mut batch = VecBatch::new();
    batch.put(secret(&[3]), vec![9; 60]).erase(secret(&[4]));
    store.apply(&mut batch).unwrap();
    drop(store);
    std::fs::write(&path, older).unwrap();
    let store = RedbStorage::open(&path);
    // Its file of keys is longer than it says, and has lost two.
    let store = store.unwrap();
    for gone in [3, 4] {
        let found = store.get(&secret(&[gone]));
        assert!(
            matches!(found, Err(StorageError::Corrupt { kind: Some(RecordKind::Ratchet), .. })),
            "{found:?}"
        );
    }
    assert_eq!(store.get(&secret(&[5])).unwrap().unwrap().as_slice(), [5; 100]);
}

#[test]
fn a_missing_file_is_made_only_if_wanted() {
    let (directory, path) = file();
    let options = RedbOptions::new().create(false);
    assert!(matches!(RedbStorage::open_with(&path, &options), Err(StorageError::Engine(_))));
    assert!(!path.exists());
    drop(RedbStorage::open(&path).unwrap());
    RedbStorage::open_with(&path, &options).unwrap();
    let nowhere = directory.path().join("no such directory").join("store.redb");
    assert!(matches!(RedbStorage::open(nowhere), Err(StorageError::Engine(_))));
    assert!(RedbStorage::open(directory.path()).is_err());
}

/// A process that died while it made a store leaves one that is made again.
#[test]
fn a_store_that_was_not_completed_is_made_anew() {
    let (_directory, path) = file();
    drop(fill(&path));
    let good = std::fs::read(&path).unwrap();
    for length in [0, 4096, 4097, 10_000, good.len()] {
        std::fs::write(&path, &good[..length]).unwrap();
        if length > 0 {
            patch(&path, 24, b"making..");
        }
        let store = RedbStorage::open(&path).unwrap();
        assert!(store.get(&secret(&[3])).unwrap().is_none());
        put(&store, secret(b"new")).unwrap();
    }
    // Neither one nor the other is damage, and no reason to begin again.
    patch(&path, 24, b"Making..");
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(RedbStorage::open(&path), Err(StorageError::Corrupt { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[cfg(unix)]
#[test]
fn files_are_readable_by_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (directory, path) = file();
    put(&RedbStorage::open(&path).unwrap(), secret(b"1")).unwrap();
    let files: Vec<_> = std::fs::read_dir(directory.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!(files.len(), 2, "the store and its keys");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_leads_to_the_same_store() {
    let (directory, path) = file();
    let store = fill(&path);
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let second = RedbStorage::open_with(&link, &quick()).unwrap();
    put(&second, public(b"new")).unwrap();
    assert!(store.get(&public(b"new")).unwrap().is_some());
    assert!(!directory.path().join("link-keys").exists());
}

const CHILD: &str = "PLEACH_REDB_TEST_STORE";

/// What the other process does: it has the store open until its input ends.
#[test]
#[ignore = "run by another_process_has_to_wait, in a process of its own"]
fn child() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let store = RedbStorage::open(path).unwrap();
    put(&store, secret(b"from the child")).unwrap();
    println!("open");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    // Killed rather than closed.
    std::process::abort();
}

#[test]
fn another_process_has_to_wait() {
    use std::io::{BufRead as _, BufReader};
    use std::process::{Command, Stdio};
    let (_directory, path) = file();
    drop(fill(&path));
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(CHILD, &path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map(Result::unwrap).any(|line| line.ends_with("open")), "the child opened the store");
    let began = Instant::now();
    assert!(matches!(RedbStorage::open_with(&path, &quick()), Err(StorageError::Busy)));
    assert!(began.elapsed() >= Duration::from_millis(20));
    drop(child.stdin.take());
    assert!(!child.wait().unwrap().success());
    // It died with the store open: what it stored is there.
    let store = RedbStorage::open_with(&path, &quick()).unwrap();
    assert_eq!(store.get(&secret(b"from the child")).unwrap().unwrap().as_slice(), b"x");
    assert_eq!(store.get(&secret(&[3])).unwrap().unwrap().as_slice(), [3; 60]);
}

/// Who waits too long is told so, nothing is applied, and the same batch can be applied later.
#[test]
fn a_writer_does_not_wait_forever() {
    let (_directory, path) = file();
    let first = fill(&path);
    let second = RedbStorage::open_with(&path, &quick()).unwrap();
    let mut waiting = VecBatch::new();
    waiting.guard_absent(secret(b"new")).put(secret(b"new"), b"x".to_vec());
    let mut tried = false;
    let mut slow = StreamBatch::new(VecBatch::new(), |_| {
        tried = true;
        std::thread::scope(|scope| {
            let result = scope.spawn(|| second.apply(&mut waiting)).join().unwrap();
            assert!(matches!(result, Err(StorageError::Busy)), "{result:?}");
            // Reading does not wait.
            assert!(scope.spawn(|| second.get(&secret(&[3]))).join().unwrap().unwrap().is_some());
        });
        Ok(false)
    });
    first.apply(&mut slow).unwrap();
    assert!(tried && second.get(&secret(b"new")).unwrap().is_none());
    waiting.rewind();
    second.apply(&mut waiting).unwrap();
    assert!(first.get(&secret(b"new")).unwrap().is_some());
}

/// A batch and a row function may read through any handle on the file; a batch may not apply another one.
#[test]
fn calls_from_within_find_the_same_store() {
    let (_directory, path) = file();
    let (first, second) = (fill(&path), RedbStorage::open(&path).unwrap());
    let mut inner = Vec::new();
    let mut outer = VecBatch::new();
    outer.put(secret(&[3]), b"new".to_vec());
    let mut outer = StreamBatch::new(outer, |_| {
        inner.push(put(&second, public(b"inner")));
        assert_eq!(second.get(&secret(&[3])).unwrap().unwrap().as_slice(), [3; 60], "as it was before");
        Ok(false)
    });
    first.apply(&mut outer).unwrap();
    assert!(matches!(*inner, [Err(StorageError::Reentrant)]), "{inner:?}");

    // What is erased while a scan goes on is seen by it nevertheless, and by nobody else.
    let mut seen = 0;
    let all = KeyRange::records(b"alice", pleach_storage::Scope::Group(b"tea party"), RecordKind::Ratchet);
    let scan = first.scan(&all, &mut |row| {
        if seen == 0 {
            let mut batch = VecBatch::new();
            batch.erase_range(all).put(secret(b"later"), b"y".to_vec());
            second.apply(&mut batch).unwrap();
            put(&second, secret(b"later still")).unwrap();
        }
        assert!(row.value.len() == 20 * seen || seen == 3);
        seen += 1;
        Ok(())
    });
    scan.unwrap();
    assert_eq!(seen, 40);
    assert!(first.get(&secret(&[5])).unwrap().is_none());
    assert_eq!(first.get(&secret(b"later")).unwrap().unwrap().as_slice(), b"y");
}

#[test]
fn a_batch_that_panics_changes_nothing_and_locks_nothing() {
    let (_directory, path) = file();
    let store = fill(&path);
    let mut first = VecBatch::new();
    first.erase(secret(&[3])).put(secret(b"new"), b"x".to_vec());
    let mut batch = StreamBatch::new(first, |_| panic!("on purpose"));
    let panicked =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| store.apply(&mut batch))).unwrap_err();
    assert_eq!(panicked.downcast_ref(), Some(&"on purpose"));
    assert!(store.get(&secret(b"new")).unwrap().is_none());
    put(&store, secret(b"new")).unwrap();
    assert_eq!(store.get(&secret(&[3])).unwrap().unwrap().as_slice(), [3; 60]);
}

/// Opened, closed and opened again from many threads at once.
#[test]
fn handles_come_and_go() {
    let (_directory, path) = file();
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let path = &path;
            scope.spawn(move || {
                for round in 0..25_u8 {
                    let store = RedbStorage::open(path).unwrap();
                    put(&store, secret(&[thread, round])).unwrap();
                }
            });
        }
    });
    let store = RedbStorage::open(&path).unwrap();
    let mut rows = 0;
    let scan = store.scan(&KeyRange::everything(), &mut |_| {
        rows += 1;
        Ok(())
    });
    scan.unwrap();
    assert_eq!(rows, 100);
}

/// Any byte of either file may be wrong: an error perhaps, never a panic.
#[test]
fn flipped_bytes_do_no_harm() {
    // Some thousand openings, each with its flushes: in memory, where the system has files there.
    let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let path = directory.path().join("store.redb");
    drop(fill(&path));
    let flipped = directory.path().join("flipped.redb");
    let names = [flipped.clone(), directory.path().join("flipped.redb-keys")];
    let good = [&path, &keys_of(&path)].map(|path| std::fs::read(path).unwrap());
    let (mut refused, mut served) = (0, 0);
    for which in [0, 1] {
        // Our header, redb's, and the beginnings of pages that are in use densely; the rest here and there.
        let in_use = |at: usize| good[which][at / 4096 * 4096..].iter().take(4096).any(|byte| *byte != 0);
        let dense = |at: usize| at < 48 || (4096..4096 + 320).contains(&at) || at % 4096 < 16;
        let places = (0..good[which].len()).filter(|at| at % 97 == 0 || dense(*at)).filter(|at| in_use(*at));
        for at in places {
            for (name, good) in names.iter().zip(&good) {
                std::fs::write(name, good).unwrap();
            }
            let mut bytes = good[which].clone();
            bytes[at] ^= 0x41;
            std::fs::write(&names[which], bytes).unwrap();
            let Ok(store) = RedbStorage::open_with(&flipped, &quick()) else {
                refused += 1;
                continue;
            };
            served += 1;
            let _ = store.scan(&KeyRange::everything(), &mut |_| Ok(()));
            let _ = store.get(&secret(&[3]));
            let mut batch = VecBatch::new();
            batch.put(secret(&[3]), vec![9; 3000]).erase(public(&[4])).put(public(&[99]), b"x".to_vec());
            batch.erase_range(KeyRange::everything().limit(7));
            let _ = store.apply(&mut batch);
            let _ = store.scan(&KeyRange::everything(), &mut |_| Ok(()));
        }
    }
    assert!(refused > 20 && served > 20, "{refused} refused, {served} served");
}

#[test]
fn truncated_files_do_no_harm() {
    let (_directory, path) = file();
    drop(fill(&path));
    let good = std::fs::read(&path).unwrap();
    for length in (1..good.len()).step_by(good.len() / 50) {
        std::fs::write(&path, &good[..length]).unwrap();
        let Ok(store) = RedbStorage::open_with(&path, &quick()) else { continue };
        let _ = store.scan(&KeyRange::everything(), &mut |_| Ok(()));
        let _ = put(&store, secret(b"new"));
    }
}
