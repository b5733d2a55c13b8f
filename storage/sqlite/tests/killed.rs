//! A process that writes is killed at any moment, again and again: what the next one finds is a state that was, and in the
//! files nothing but it.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pleach_storage::{Key, KeyRange, RecordKind, Scope, Storage, VecBatch};
use pleach_storage_sqlite::{Journal, SqliteOptions, SqliteStorage};
use pleach_testkit::recording::{History, Recording};

/// Tells the child what to do: journal, directory of the store, file of the history.
const TASK: &str = "PLEACH_KILLED_TASK";
const ROWS: u64 = 40;
const KILLS: u32 = 30;

fn key(suffix: &[u8]) -> Key<'_> {
    Key::of_group(b"alice", b"tea party", RecordKind::Ratchet, suffix)
}

fn open(directory: &Path, journal: Journal) -> SqliteStorage {
    SqliteStorage::open_with(directory.join("store.db"), &SqliteOptions::new().journal(journal)).unwrap()
}

/// Every row of a round has the round's number in front, and bytes that no other has.
fn value(round: u64, row: u64) -> Vec<u8> {
    let mut state = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (row << 32) ^ 0x5555;
    let mut value = round.to_be_bytes().to_vec();
    for _ in 0..(row * 37) % 700 + 20 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        value.push((state >> 16) as u8);
    }
    value
}

fn round(store: &dyn Storage) -> Option<u64> {
    let row = store.get(&key(&0_u64.to_be_bytes())).unwrap()?;
    Some(u64::from_be_bytes(*row.first_chunk().unwrap()))
}

/// The child: rounds that replace half of the rows and move the others, until it is killed.
#[test]
#[ignore = "the child of the test below"]
fn child() {
    let task = std::env::var(TASK).unwrap();
    let [journal, directory, history] = task.split('\n').collect::<Vec<_>>()[..] else { panic!("{task}") };
    let journal = if journal == "wal" { Journal::Wal } else { Journal::Truncate };
    let store = Recording::with(open(Path::new(directory), journal), History::kept_in(Path::new(history)));
    println!("begin");
    for round in round(&store).map_or(0, |round| round + 1).. {
        let mut batch = VecBatch::new();
        batch.erase_range(KeyRange::scope(b"alice", Scope::Group(b"tea party")).starting_at(
            // All but the first half, which is overwritten.
            key(&(ROWS / 2).to_be_bytes()),
        ));
        for row in 0..ROWS {
            batch.put(key(&row.to_be_bytes()), value(round, row));
        }
        store.apply(&mut batch).unwrap();
        println!("round");
    }
}

fn kill(journal: Journal) {
    let directory = tempfile::tempdir().unwrap();
    let log = tempfile::NamedTempFile::new().unwrap();
    let (mut interrupted, mut rounds) = (0, 0);
    let started = Instant::now();
    for attempt in 0..KILLS {
        let name = if journal == Journal::Wal { "wal" } else { "truncate" };
        let task = format!("{name}\n{}\n{}", directory.path().display(), log.path().display());
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture"])
            .env(TASK, task)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // After so many rounds, and a part of one: the clock's last digits say which. How long one takes, the disk says.
        let mut output = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        assert!(output.any(|line| line.ends_with("begin")), "the child never began");
        let begun = Instant::now();
        assert!(output.by_ref().take(1 + attempt as usize % 3).all(|line| line.ends_with("round")));
        let took = begun.elapsed().as_micros() as u64 / u64::from(1 + attempt % 3);
        std::thread::sleep(Duration::from_micros(u64::from(started.elapsed().subsec_nanos()) % took.max(1)));
        child.kill().unwrap();
        child.wait().unwrap();

        let beside =
            directory.path().join(if journal == Journal::Wal { "store.db-wal" } else { "store.db-journal" });
        interrupted += u32::from(std::fs::metadata(beside).is_ok_and(|file| file.len() > 0));
        let store = open(directory.path(), journal);
        let history = History::read(log.path());
        let left = history.leftovers(&store, directory.path());
        assert!(left.is_empty(), "{journal:?}, kill {attempt}: {} windows: {:?}", left.len(), left.first());
        // All rows are of one round, and not of an earlier one than before.
        if let Some(round) = round(&store) {
            assert!(round >= rounds);
            rounds = round;
            for row in 0..ROWS {
                assert_eq!(
                    store.get(&key(&row.to_be_bytes())).unwrap().unwrap().as_slice(),
                    value(round, row)
                );
            }
        }
        // The history need not grow for ever: what was put and is gone was searched for.
        std::fs::write(log.path(), b"").unwrap();
        let again = Recording::with(store, History::kept_in(log.path()));
        let mut live = VecBatch::new();
        let scan = again.scan(&KeyRange::everything(), &mut |row| {
            live.put(row.key, row.value.to_vec());
            Ok(())
        });
        scan.unwrap();
        again.apply(&mut live).unwrap();
    }
    println!("{journal:?}: {interrupted} of {KILLS} kills left a journal; {rounds} rounds");
    assert!(rounds > 0, "no round was ever finished");
}

#[test]
fn nothing_is_left_after_a_kill_with_a_truncated_journal() {
    kill(Journal::Truncate);
}

#[test]
fn nothing_is_left_after_a_kill_with_a_write_ahead_log() {
    kill(Journal::Wal);
}
