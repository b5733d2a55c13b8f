//! What creating a group of n members in one Commit costs, in floors: per member two signatures checked, in batches, and one
//! HPKE seal, of which the hash of `info` is computed once. These are measured in the same run, on one thread.
//!
//! The group is created, n - 1 key packages are given as bytes and added, the Commit is built with its Welcome, and merged.
//! CPU is that of all threads where `/proc` tells it, else the time that passed; the least of a few rounds, after one that
//! is not counted. Then the first Commit in the new tree, in which every other leaf gets a seal of its own.
//!
//! `cargo bench -p pleach-benches --bench creating`; `-- 1000 10000` for other sizes.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run may stop")]

use pleach::crypto::{CipherSuite, CryptoProvider, Executor, Serial, Signed};
use pleach::wire::{Credential, encode};
use pleach::{
    AuthDecision, AuthService, Client, CredentialRequest, Group, GroupConfig, MemoryStorage, Threads,
    TreeDelivery,
};
use std::borrow::Cow;
use std::time::{Duration, Instant};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let mut sizes: Vec<u32> = args.iter().filter_map(|arg| arg.parse().ok()).collect();
    // `cargo test --benches` runs this once, to see that it runs.
    let full = args.iter().any(|arg| arg == "--bench");
    if sizes.is_empty() {
        sizes = if full { vec![100, 1_000, 10_000, 100_000] } else { vec![10] };
    }
    let all = pleach_aws_lc::provider();
    let suite = all.suites[0];
    let provider = CryptoProvider { suites: Cow::Owned(vec![suite]), random: all.random };
    let floor = floor(&provider, &suite, if full { 20 } else { 1 });
    println!(
        "per member: a signature in a batch {:.1} us (alone {:.1}), a seal {:.1} us; floor {:.1} us",
        floor.batched,
        floor.alone,
        floor.seal,
        floor.create()
    );
    println!(
        "{:>8}{:>36}{:>36}{:>28}",
        "", "create, one thread", "create, threads", "first Commit, one thread"
    );
    println!(
        "{:>8}{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}{:>14}{:>14}",
        "members", "CPU ms", "us/member", "floors", "CPU ms", "wall ms", "floors", "us/member", "seals"
    );
    let most = sizes.iter().copied().max().unwrap_or(2);
    let packages: Vec<Vec<u8>> =
        (1..most).map(|number| client(&provider, number, Serial).key_package().unwrap()).collect();
    for members in sizes {
        let packages = &packages[..members.saturating_sub(1) as usize];
        let rounds = if full { (20_000 / members).clamp(2, 20) } else { 1 };
        let (serial, first) = measure(rounds, &provider, packages, Serial);
        let (threads, _) = measure(rounds, &provider, packages, Threads);
        let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(members - 1);
        println!(
            "{members:>8}{:>12.1}{:>12.1}{:>12.2}{:>12.1}{:>12.1}{:>12.2}{:>14.1}{:>14.2}",
            ms(serial.cpu),
            each(serial.cpu),
            each(serial.cpu) / floor.create(),
            ms(threads.cpu),
            ms(threads.wall),
            each(threads.cpu) / floor.create(),
            each(first.cpu),
            each(first.cpu) / floor.seal,
        );
    }
}

/// Microseconds.
struct Floor {
    batched: f64,
    alone: f64,
    seal: f64,
}

impl Floor {
    fn create(&self) -> f64 {
        2.0 * self.batched + self.seal
    }
}

fn floor(provider: &CryptoProvider, suite: &CipherSuite, rounds: u32) -> Floor {
    const BATCH: usize = 1024;
    let rng = &*provider.random;
    let content = [7; 300];
    let message: [&[u8]; 1] = [&content];
    let signed: Vec<(Vec<u8>, Vec<u8>)> = (0..BATCH)
        .map(|_| {
            let pair = suite.signature.generate_key_pair(rng).unwrap();
            (suite.signature.load_signer(&pair.private).unwrap().sign(&message).unwrap(), pair.public)
        })
        .collect();
    let items: Vec<Signed<'_>> =
        signed.iter().map(|(signature, public)| Signed { public, message: &message, signature }).collect();
    let keys: Vec<Vec<u8>> = (0..BATCH).map(|_| suite.kem.generate_key_pair(rng).unwrap().public).collect();
    let encryption = suite.encryption_with_label(b"Welcome", &content).unwrap();
    let mut floor = Floor { batched: f64::MAX, alone: f64::MAX, seal: f64::MAX };
    for _ in 0..rounds {
        let each = |run: &dyn Fn()| timed(run).1.cpu.as_secs_f64() * 1e6 / BATCH as f64;
        floor.batched = floor.batched.min(each(&|| suite.signature.verify_batch(&items, rng).unwrap()));
        floor.alone = floor.alone.min(each(&|| {
            for item in &items {
                suite
                    .signature
                    .load_verifier(item.public)
                    .unwrap()
                    .verify(item.message, item.signature)
                    .unwrap();
            }
        }));
        floor.seal = floor.seal.min(each(&|| {
            for key in &keys {
                let public = suite.kem.load_public(key).unwrap();
                encryption.seal(&*public, &content[..70], rng).unwrap();
            }
        }));
    }
    floor
}

/// The least of the rounds: creating and merging, and the first Commit afterwards.
fn measure(
    rounds: u32,
    provider: &CryptoProvider,
    packages: &[Vec<u8>],
    executor: impl Executor + Copy + 'static,
) -> (Cost, Cost) {
    let (mut create, mut first) = (Cost::MOST, Cost::MOST);
    for round in 0..=rounds {
        let creator = client(provider, 0, executor);
        let (mut group, cost) = timed(|| add_all(&creator, packages));
        let (_, commit) = timed(|| {
            let commit = group.commit().force_path().build().unwrap();
            group.merge(&commit).unwrap();
        });
        assert_eq!(group.members().unwrap().len(), packages.len() + 1);
        if round > 0 {
            (create, first) = (create.least(cost), first.least(commit));
        }
    }
    (create, first)
}

fn add_all(creator: &Client, packages: &[Vec<u8>]) -> Group {
    let mut group = creator.create_group(b"everybody").unwrap();
    let builder = group.commit().tree(TreeDelivery::OutOfBand);
    let commit = packages.iter().fold(builder, |builder, package| builder.add(package)).build().unwrap();
    group.merge(&commit).unwrap();
    group
}

fn client(provider: &CryptoProvider, number: u32, executor: impl Executor + 'static) -> Client {
    let suite = &provider.suites[0];
    let pair = suite.signature.generate_key_pair(&*provider.random).unwrap();
    let signer = suite.signature.load_signer(&pair.private).unwrap();
    let mut config = GroupConfig::default();
    config.limits.message_bytes = 1 << 30;
    Client::builder(provider.clone(), MemoryStorage::new())
        .basic(format!("member {number:07}"), signer)
        .auth(Everybody)
        .executor(executor)
        .config(config)
        .build()
        .unwrap()
}

/// All members here are made here.
struct Everybody;

impl AuthService for Everybody {
    fn validate(&self, _: &CredentialRequest<'_>) -> AuthDecision {
        AuthDecision::Accept
    }

    fn client_id(&self, credential: &Credential, _: &[u8]) -> Vec<u8> {
        encode(credential).unwrap()
    }
}

#[derive(Clone, Copy)]
struct Cost {
    cpu: Duration,
    wall: Duration,
}

impl Cost {
    const MOST: Self = Self { cpu: Duration::MAX, wall: Duration::MAX };

    fn least(self, other: Self) -> Self {
        Self { cpu: self.cpu.min(other.cpu), wall: self.wall.min(other.wall) }
    }
}

fn timed<T>(run: impl FnOnce() -> T) -> (T, Cost) {
    let (start, before) = (Instant::now(), cpu());
    let result = run();
    let wall = start.elapsed();
    let cpu = cpu().zip(before).map_or(wall, |(after, before)| after.saturating_sub(before));
    (result, Cost { cpu, wall })
}

/// The CPU time of all threads so far, to the nanosecond, on Linux. Threads of a pool stay.
fn cpu() -> Option<Duration> {
    let mut sum = 0;
    for task in std::fs::read_dir("/proc/self/task").ok()? {
        let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        sum += text.split(' ').next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(sum))
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
