//! Files: whose they are, which format, who else has them open, and what happens if they are damaged.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pleach_storage::{
    Batch, Guard, Key, KeyRange, Op, RecordKind, Storage, StorageError, StreamBatch, VecBatch,
};
use pleach_storage_redb::{RedbOptions, RedbStorage};
use tempfile::TempDir;

fn file() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.redb");
    (directory, path)
}

/// Where flushes are quick: in memory, if the system has files there.
fn in_memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
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
    for content in [&diary[..], b"short", &other_redb, &[0; 20_000]] {
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
    let directory = in_memory();
    let path = directory.path().join("store.redb");
    drop(RedbStorage::open(&path).unwrap());
    patch(&path, 24, b"making..");
    let (making, keys) = (std::fs::read(&path).unwrap(), std::fs::read(keys_of(&path)).unwrap());
    assert_eq!(keys.len(), 64);
    // Of the store's file: nothing, a length, a header, or more; the same of the keys', or no file at all.
    let mains = [0, 48, 4096, 12_288].map(|length| vec![0; length]).into_iter();
    let mains = mains.chain([48, 4096, 4097, 12_288, 20_000, making.len()].map(|at| making[..at].to_vec()));
    let all_keys = [None, Some(vec![]), Some(vec![0; 48]), Some(vec![0; 64])].into_iter();
    let all_keys: Vec<_> = all_keys.chain([Some(keys[..48].to_vec()), Some(keys)]).collect();
    for main in mains {
        for keys in &all_keys {
            std::fs::write(&path, &main).unwrap();
            match keys {
                Some(keys) => std::fs::write(keys_of(&path), keys).unwrap(),
                None => std::fs::remove_file(keys_of(&path)).unwrap(),
            }
            let store = RedbStorage::open(&path).unwrap();
            put(&store, secret(b"new")).unwrap();
            drop(store);
            let store = RedbStorage::open(&path).unwrap();
            assert_eq!(store.get(&secret(b"new")).unwrap().unwrap().as_slice(), b"x");
        }
    }
    // Neither one nor the other is damage, and no reason to begin again.
    patch(&path, 24, b"Making..");
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(RedbStorage::open(&path), Err(StorageError::Corrupt { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

/// Keys without the file whose rows they open: it may come back, and they would be lost.
#[test]
fn keys_outlive_a_store_that_is_missing() {
    let (_directory, path) = file();
    drop(fill(&path));
    let (main, keys) = (std::fs::read(&path).unwrap(), std::fs::read(keys_of(&path)).unwrap());
    let mut making = main.clone();
    making[24..32].copy_from_slice(b"making..");
    std::fs::remove_file(&path).unwrap();
    for left in [None, Some(&[][..]), Some(&[0; 48]), Some(&[0; 12_288]), Some(&making)] {
        if let Some(left) = left {
            std::fs::write(&path, left).unwrap();
        }
        let error = RedbStorage::open(&path).unwrap_err();
        assert!(error.to_string().contains("the store's file is missing"), "{error}");
        assert_eq!(std::fs::read(keys_of(&path)).unwrap(), keys);
        assert_eq!(std::fs::read(&path).unwrap(), left.unwrap_or_default());
    }
    std::fs::write(&path, &main).unwrap();
    assert_eq!(RedbStorage::open(&path).unwrap().get(&secret(&[3])).unwrap().unwrap().as_slice(), [3; 60]);
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

/// A row that is too large is the caller's mistake: who else uses the store does not notice.
#[cfg(target_pointer_width = "64")]
#[test]
fn a_row_that_is_too_large_closes_nothing() {
    struct One<'a>(Option<&'a [u8]>);
    impl Batch for One<'_> {
        fn guards(&self) -> &[Guard] {
            &[]
        }
        fn next(&mut self) -> Result<Option<Op<'_>>, StorageError> {
            Ok(self.0.take().map(|value| Op::Put { key: public(b"large"), value }))
        }
    }
    let (_directory, path) = file();
    let store = fill(&path);
    // Never touched, so that no memory is behind it.
    let large = vec![0; (3 << 30) + 1];
    let mut seen = 0;
    let scan = store.scan(&KeyRange::everything(), &mut |_| {
        if seen == 0 {
            let result = store.apply(&mut One(Some(&large)));
            assert!(matches!(result, Err(StorageError::Unsupported(_))), "{result:?}");
            put(&store, public(b"small"))?;
        }
        seen += 1;
        Ok(())
    });
    scan.unwrap();
    assert_eq!(seen, 80);
    assert!(store.get(&public(b"large")).unwrap().is_none());
    assert!(store.get(&public(b"small")).unwrap().is_some());
}

/// A new Secret row can be read as soon as it is seen, also while the `apply` that put it has yet to return.
#[test]
fn new_secrets_are_read_at_once() {
    const ROWS: u32 = 300;
    // More happens at once there.
    let directory = in_memory();
    let store = RedbStorage::open(directory.path().join("store.redb")).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for row in 0..ROWS {
                    while store.get(&secret(&row.to_be_bytes())).unwrap().is_none() {}
                }
            });
        }
        scope.spawn(|| {
            let mut seen = 0;
            while seen < ROWS {
                let before = std::mem::take(&mut seen);
                let scan = store.scan(&KeyRange::everything(), &mut |_| {
                    seen += 1;
                    Ok(())
                });
                scan.unwrap();
                assert!(seen >= before);
            }
        });
        for row in 0..ROWS {
            put(&store, secret(&row.to_be_bytes())).unwrap();
        }
    });
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

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// What `fill` wrote.
fn filled() -> Rows {
    let rows = (0..40_u8).flat_map(|i| {
        let secret = (secret(&[i]).to_bytes(), vec![i; 20 * usize::from(i)]);
        [secret, (public(&[i]).to_bytes(), vec![i; 100])]
    });
    rows.collect()
}

/// Reads everything there is: whatever a damaged store serves must be what was put, in one of these states.
#[track_caller]
fn serves_the_truth(store: &RedbStorage, states: &[&Rows]) {
    let mut seen = Vec::new();
    let scan = store.scan(&KeyRange::everything(), &mut |row| {
        seen.push((row.key.to_bytes(), row.value.to_vec()));
        Ok(())
    });
    let seen_in = |rows: &Rows| {
        let pairs = rows.iter().map(|(key, value)| (key.clone(), value.clone()));
        (scan.is_err() || seen.len() == rows.len()) && pairs.take(seen.len()).eq(seen.iter().cloned())
    };
    assert!(states.iter().any(|rows| seen_in(rows)), "{} rows, then {scan:?}", seen.len());
    for key in states.iter().flat_map(|rows| rows.keys()) {
        let Ok(found) = store.get(&Key::decode(key).unwrap()) else { continue };
        let found = found.as_ref().map(|value| value.as_slice());
        assert!(states.iter().any(|rows| rows.get(key).map(Vec::as_slice) == found), "{key:?}");
    }
}

/// Uses a damaged store, of which an error is fine, and a wrong answer is not.
#[track_caller]
fn does_no_harm(store: &RedbStorage) {
    let before = filled();
    serves_the_truth(store, &[&before]);
    let mut batch = VecBatch::new();
    batch.put(secret(&[3]), vec![9; 3000]).erase(public(&[4])).put(public(&[99]), b"x".to_vec());
    batch.erase_range(KeyRange::everything().limit(7));
    let mut after = before.clone();
    after.insert(secret(&[3]).to_bytes(), vec![9; 3000]);
    after.remove(&public(&[4]).to_bytes());
    after.insert(public(&[99]).to_bytes(), b"x".to_vec());
    for _ in 0..7 {
        after.pop_first();
    }
    match store.apply(&mut batch) {
        Ok(()) => serves_the_truth(store, &[&after]),
        // It is not known which.
        Err(StorageError::Engine(_)) => serves_the_truth(store, &[&before, &after]),
        Err(_) => serves_the_truth(store, &[&before]),
    }
}

/// Any byte of either file may be wrong: an error perhaps, never a panic, and never another row than was put.
#[test]
fn flipped_bytes_do_no_harm() {
    // Some thousand openings.
    let directory = in_memory();
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
            does_no_harm(&store);
        }
    }
    assert!(refused > 20 && served > 20, "{refused} refused, {served} served");
}

#[test]
fn truncated_files_do_no_harm() {
    let (_directory, path) = file();
    drop(fill(&path));
    let names = [path.clone(), keys_of(&path)];
    let good = [0, 1].map(|which| std::fs::read(&names[which]).unwrap());
    for which in [0, 1] {
        let step = good[which].len() / 50;
        // To nothing, and by one byte, among others.
        for cut in (1..good[which].len()).step_by(step).chain([good[which].len()]) {
            for (name, good) in names.iter().zip(&good) {
                std::fs::write(name, good).unwrap();
            }
            std::fs::write(&names[which], &good[which][..good[which].len() - cut]).unwrap();
            match RedbStorage::open_with(&path, &quick()) {
                Ok(store) => {
                    assert_eq!(which, 0, "every slot is in use");
                    does_no_harm(&store);
                }
                // redb may have begun to repair its own; no key may be lost over it.
                Err(error) if which == 0 => {
                    assert!(std::fs::read(&names[1]).unwrap() == good[1], "cut by {cut}: {error}");
                }
                Err(_) => {}
            }
        }
    }
}
