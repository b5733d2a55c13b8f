//! What `pleach-storage-sqlite` costs: a join's batch beside a bare loop of inserts, and small batches with each journal.
//!
//! The join: all rows of a group of [`LEAVES`] members, tree and indexes, in one batch as the facade applies it (checksums
//! included), against a bare rusqlite loop that inserts the same keys and values in one transaction of a new file, with the
//! same settings. Fails if the batch runs at less than [`LEAST`] of the loop's rate. Then the time of small batches, as
//! ratios to the default journal's; PERSIST, which keeps what was erased in the journal and so is not offered, by bare SQL.
//!
//! Times are the least of interleaved rounds; a flush costs what the disk under the temporary directory takes.
//!
//! `cargo bench -p pleach-benches --bench storage`. With `-- send-truncate 1000` or the like, that batch alone, so many
//! times, to count the flushes from outside (`strace -c -e trace=fsync,fdatasync`).

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run may stop")]

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use pleach_storage::{Checked, Key, KeyBuf, RecordKind, Storage, StreamBatch, VecBatch};
use pleach_storage_sqlite::{Journal, SqliteOptions, SqliteStorage};
use rusqlite::{Connection, TransactionBehavior};

/// Members of the group that is joined.
const LEAVES: u32 = 100_000;
/// The part of a bare loop's rate that a join must reach.
const LEAST: f64 = 0.5;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    if let [_, name, count, ..] = &args[..]
        && let (Some(batch), Ok(count)) = (small(name), count.parse())
    {
        let directory = tempfile::tempdir().unwrap();
        let mut run = batch(directory.path());
        (0..count).for_each(|_| run());
        return ExitCode::SUCCESS;
    }
    // `cargo test --benches` runs this once, to see that it runs.
    let full = args.iter().any(|arg| arg == "--bench");
    let rate = join(if full { LEAVES } else { 1_000 }, if full { 5 } else { 1 });
    journals(if full { 300 } else { 3 });
    if rate >= LEAST || !full { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Bytes that look like keys and signatures.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()
    });
    words.flatten().take(length).collect()
}

fn group(record: RecordKind, suffix: &[u8]) -> KeyBuf {
    Key::of_group(b"alice@example.org", b"a group id of thirty-two bytes..", record, suffix).to_buf()
}

/// The rows of a group in ascending order of keys: nodes, and three index rows per member.
fn rows(leaves: u32) -> Vec<(KeyBuf, Vec<u8>)> {
    let node = |index: u32| {
        let length = if index.is_multiple_of(2) { 320 } else { 120 };
        (group(RecordKind::TreeNode, &index.to_be_bytes()), noise(u64::from(index), length))
    };
    let mut rows: Vec<_> = (0..2 * leaves - 1).map(node).collect();
    for leaf in 0..leaves {
        for (tag, kind, length) in
            [(0, RecordKind::KeyIndex, 16), (1, RecordKind::KeyIndex, 16), (2, RecordKind::ClientIndex, 32)]
        {
            let suffix = [vec![tag], noise(u64::from(leaf) << 8 | u64::from(tag), length)].concat();
            rows.push((group(kind, &suffix), leaf.to_be_bytes().to_vec()));
        }
    }
    rows.sort();
    rows
}

/// The rate of a join's batch, as a part of a bare loop's.
fn join(leaves: u32, rounds: usize) -> f64 {
    let rows = rows(leaves);
    let bytes: usize = rows.iter().map(|(key, value)| key.as_bytes().len() + value.len()).sum();
    let [mut ours, mut bare] = [Duration::MAX; 2];
    for _ in 0..rounds {
        let directory = tempfile::tempdir().unwrap();
        ours = ours.min(stream(&directory.path().join("store.db"), &rows));
        bare = bare.min(insert(&directory.path().join("bare.db"), &rows));
    }
    let rate = |time: Duration| rows.len() as f64 / time.as_secs_f64() / 1e3;
    let ratio = bare.as_secs_f64() / ours.as_secs_f64();
    println!("join, {leaves} members: {} rows, {} MB", rows.len(), bytes / 1_000_000);
    println!("  batch      {:8.0} rows/ms", rate(ours) / 1e0);
    println!("  bare loop  {:8.0} rows/ms", rate(bare) / 1e0);
    println!("  ratio      {ratio:8.2}   (at least {LEAST})");
    ratio
}

fn stream(path: &Path, rows: &[(KeyBuf, Vec<u8>)]) -> Duration {
    let store = Checked::new(SqliteStorage::open(path).unwrap());
    let start = Instant::now();
    let mut rows = rows.iter();
    let mut batch = StreamBatch::new(VecBatch::new(), |row| {
        let Some((key, value)) = rows.next() else { return Ok(false) };
        row.key.set(key.as_key());
        row.value.extend_from_slice(value);
        Ok(true)
    });
    store.apply(&mut batch).unwrap();
    start.elapsed()
}

/// The settings of `pleach-storage-sqlite`, with a journal of one's choice.
fn bare(path: &Path, journal: &str) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(
            "PRAGMA secure_delete = ON;
             PRAGMA temp_store = MEMORY;
             PRAGMA synchronous = FULL;
             PRAGMA fullfsync = ON;
             PRAGMA checkpoint_fullfsync = ON;
             PRAGMA cell_size_check = ON;
             CREATE TABLE rows (key BLOB PRIMARY KEY NOT NULL, value BLOB) WITHOUT ROWID;",
        )
        .unwrap();
    connection.query_row(&format!("PRAGMA journal_mode = {journal}"), [], |_| Ok(())).unwrap();
    connection
}

fn insert(path: &Path, rows: &[(KeyBuf, Vec<u8>)]) -> Duration {
    let mut connection = bare(path, "TRUNCATE");
    let start = Instant::now();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    {
        let mut insert = transaction.prepare("INSERT INTO rows (key, value) VALUES (?1, ?2)").unwrap();
        for (key, value) in rows {
            insert.execute((key.as_bytes(), value)).unwrap();
        }
    }
    transaction.commit().unwrap();
    start.elapsed()
}

/// A batch to be applied again and again, in a store of its own.
type Run = Box<dyn FnMut()>;

/// Small batches by name: the size, then the journal.
const SMALL: [&str; 8] = [
    "send-truncate",
    "send-wal",
    "commit-truncate",
    "commit-wal",
    "send-bare-truncate",
    "send-bare-persist",
    "commit-bare-truncate",
    "commit-bare-persist",
];

fn small(name: &str) -> Option<impl Fn(&Path) -> Run> {
    SMALL.contains(&name).then_some(())?;
    let name = name.to_owned();
    Some(move |directory: &Path| {
        let path = directory.join(&name);
        let (send, journal) = (name.starts_with("send"), name.rsplit('-').next().unwrap_or_default());
        if name.contains("bare") { bare_batch(&path, journal, send) } else { batch(&path, journal, send) }
    })
}

/// As sending does, or a Commit in a large group: one replaces two secret rows; the other some more, with as many nodes as
/// there are levels and indexes that change, and erases what an epoch leaves behind.
fn changed(send: bool, round: u64) -> VecBatch {
    let mut batch = VecBatch::new();
    let ratchet = noise(round, 60);
    batch.guard_present(group(RecordKind::Head, b"").as_key());
    batch.put(group(RecordKind::Head, b""), noise(round, 400));
    batch.put(group(RecordKind::Ratchet, &round.to_be_bytes()[..7]), ratchet);
    if send {
        return batch;
    }
    batch.put(group(RecordKind::PathKeys, b""), noise(round, 1_000));
    batch.put(group(RecordKind::Epoch, &round.to_be_bytes()), noise(round, 700));
    batch.erase(group(RecordKind::Epoch, &round.saturating_sub(3).to_be_bytes()));
    for level in 0..17_u64 {
        let at = (round.wrapping_mul(level + 1) * 7_919) % 20_000;
        batch.put(group(RecordKind::TreeNode, &(at as u32).to_be_bytes()), noise(round + level, 120));
        batch.put(group(RecordKind::KeyIndex, &noise(round + level, 17)), at.to_be_bytes().to_vec());
        batch.erase(group(RecordKind::KeyIndex, &noise(round.saturating_sub(5) + level, 17)));
    }
    for generation in 0..4_u64 {
        batch.erase(group(RecordKind::SkippedKey, &(round + generation).to_be_bytes()));
    }
    batch
}

fn batch(path: &Path, journal: &str, send: bool) -> Run {
    let journal = if journal == "wal" { Journal::Wal } else { Journal::Truncate };
    let store = SqliteStorage::open_with(path, &SqliteOptions::new().journal(journal)).unwrap();
    fill(&store);
    let mut round = 0;
    Box::new(move || {
        round += 1;
        store.apply(&mut changed(send, round)).unwrap();
    })
}

fn fill(store: &dyn Storage) {
    let mut rows = rows(10_000).into_iter();
    let mut first = VecBatch::new();
    first.put(group(RecordKind::Head, b""), noise(1, 400));
    let mut batch = StreamBatch::new(first, |row| {
        let Some((key, value)) = rows.next() else { return Ok(false) };
        row.key.set(key.as_key());
        row.value.extend(value);
        Ok(true)
    });
    store.apply(&mut batch).unwrap();
}

/// As many rows written by bare SQL.
fn bare_batch(path: &Path, journal: &str, send: bool) -> Run {
    let mut connection = bare(path, journal);
    let rows = rows(10_000);
    let transaction = connection.transaction().unwrap();
    for (key, value) in &rows {
        transaction
            .execute("INSERT INTO rows (key, value) VALUES (?1, ?2)", (key.as_bytes(), value))
            .unwrap();
    }
    transaction.commit().unwrap();
    let mut round = 0_usize;
    Box::new(move || {
        round += 1;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        for row in 0..if send { 2 } else { 60 } {
            let (key, value) = &rows[(round * (row + 1) * 7_919) % rows.len()];
            let value = noise(round as u64, value.len());
            let mut update = transaction.prepare_cached("UPDATE rows SET value = ?2 WHERE key = ?1").unwrap();
            update.execute((key.as_bytes(), value)).unwrap();
        }
        transaction.commit().unwrap();
    })
}

fn journals(rounds: usize) {
    let directory = tempfile::tempdir().unwrap();
    let mut runs: Vec<_> =
        SMALL.iter().map(|name| (small(name).unwrap()(directory.path()), Vec::new())).collect();
    for _ in 0..rounds {
        for (run, times) in &mut runs {
            let start = Instant::now();
            run();
            times.push(start.elapsed());
        }
    }
    let medians: Vec<f64> = runs
        .into_iter()
        .map(|(_, mut times)| {
            times.sort_unstable();
            times.get(rounds / 2).map_or(0.0, Duration::as_secs_f64) * 1e6
        })
        .collect();
    println!("\nbatches, median of {rounds}: us, and as a ratio to the truncated journal");
    for pair in [0, 2, 4, 6] {
        for at in [pair, pair + 1] {
            println!("  {:22} {:8.0} {:6.2}", SMALL[at], medians[at], medians[at] / medians[pair]);
        }
    }
}
