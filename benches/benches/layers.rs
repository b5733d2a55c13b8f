//! What the layers over a store cost: checksums, and encryption with two backends, over memory and SQLite.
//!
//! Prints ratios to the bare engine, of the first decile of interleaved rounds, so that what else the machine does slows both
//! sides of a ratio alike and is mostly left out. SQLite writes with its default journal, flushed to disk.
//!
//! `cargo bench -p pleach-benches --bench layers`

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run may stop")]

use pleach_crypto::{CryptoProvider, Secret};
use pleach_storage::{Checked, Key, RecordKind, Storage, VecBatch};
use pleach_storage_encrypted::{EncryptedStorage, KeyRing};
use pleach_storage_memory::MemoryStorage;
use pleach_storage_sqlite::SqliteStorage;
use std::hint::black_box;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

const ROWS: u32 = 1000;
const BATCH: u32 = 50;
const NAMES: [&str; 4] =
    ["checked", "encrypted (rustcrypto)", "encrypted (aws-lc)", "checked and encrypted (aws-lc)"];

type Store = Box<dyn Storage>;

fn main() {
    // `cargo test --benches` runs this once, to see that it runs.
    let rounds = if std::env::args().any(|arg| arg == "--bench") { 301 } else { 3 };
    let directory = tempfile::tempdir().unwrap();
    println!("{:34}{}", "", NAMES.map(|name| format!("{name:>32}")).concat());
    for size in [100, 300] {
        measure("memory", size, rounds, &|_| Box::new(MemoryStorage::new()));
        measure("SQLite", size, rounds, &|number| {
            Box::new(SqliteStorage::open(directory.path().join(format!("{size}-{number}.db"))).unwrap())
        });
    }
}

/// The bare engine, then as in [`NAMES`].
fn stores(engine: &dyn Fn(usize) -> Store) -> [Store; 5] {
    [
        engine(0),
        Box::new(Checked::new(engine(1))),
        Box::new(encrypted(engine(2), &pleach_rustcrypto::provider())),
        Box::new(encrypted(engine(3), &pleach_aws_lc::provider())),
        Box::new(Checked::new(encrypted(engine(4), &pleach_aws_lc::provider()))),
    ]
}

/// AES-128-GCM and SHA-256.
fn encrypted(inner: Store, provider: &CryptoProvider) -> EncryptedStorage<Store> {
    let ring = KeyRing::new(Secret::copy_from(&[7; 32]));
    EncryptedStorage::open(inner, &provider.suites[0], provider.random.clone(), &ring).unwrap()
}

fn measure(engine: &str, size: usize, rounds: usize, make: &dyn Fn(usize) -> Store) {
    let stores = stores(make);
    stores.iter().for_each(|store| put(&**store, 0..ROWS, size));
    let mut next = 0_u32;
    let mut line = |what: &str, repeat: u32, run: &dyn Fn(&dyn Storage, u32)| {
        let mut times = [(); 5].map(|()| Vec::with_capacity(rounds));
        for _ in 0..rounds {
            next = (next + 7) % (ROWS - BATCH);
            for (store, times) in stores.iter().zip(&mut times) {
                let start = Instant::now();
                (0..repeat).for_each(|_| run(&**store, next));
                times.push(start.elapsed());
            }
        }
        let [bare, layers @ ..] = times.map(|mut times| {
            times.sort_unstable();
            times.get(rounds / 10).map_or(0.0, Duration::as_secs_f64)
        });
        let ratios = layers.map(|time| format!("{:>32.2}", time / bare)).concat();
        println!("{:34}{ratios}", format!("{engine}, {size} bytes: {what}"));
    };
    line("get", 64, &|store, at| {
        black_box(store.get(&key(&at.to_be_bytes())).unwrap().unwrap());
    });
    line("put one row", if engine == "memory" { 64 } else { 1 }, &|store, at| put(store, at..at + 1, size));
    line("put 50 rows", if engine == "memory" { 8 } else { 1 }, &|store, at| {
        put(store, at..at + BATCH, size);
    });
}

fn key(suffix: &[u8]) -> Key<'_> {
    Key::of_group(b"alice@example.org", &[0x61; 16], RecordKind::TreeNode, suffix)
}

fn put(store: &dyn Storage, numbers: std::ops::Range<u32>, size: usize) {
    // SQLite writes nothing if a row stays as it is.
    static TURN: AtomicU8 = AtomicU8::new(0);
    let turn = TURN.fetch_add(1, Ordering::Relaxed);
    let mut batch = VecBatch::new();
    for number in numbers {
        batch.put(key(&number.to_be_bytes()), vec![turn; size]);
    }
    store.apply(&mut batch).unwrap();
}
