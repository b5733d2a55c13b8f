//! What joining a large group costs: CPU time per leaf, and bytes of memory per leaf.
//!
//! `cargo run --release -p pleach-testkit --example join -- 100000 [join | heap | batches]`: all sections of a join, or the
//! join alone, on all threads; or what is allocated by a join, on one; or signatures, by the size of a batch.
#![expect(clippy::unwrap_used, reason = "a tool for whoever works on this")]

use std::{env, fs, time::Instant};

use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use pleach::{Client, SigningIdentity};
use pleach_crypto::{CipherSuite, CipherSuiteId, CryptoProvider, Executor, Serial, Signed};
use pleach_storage::Storage;
use pleach_storage_memory::MemoryStorage;
use pleach_storage_sqlite::SqliteStorage;
use pleach_testkit::{TrustEveryone, matrix::Backend, synthetic::populated};
use pleach_tree::RatchetTree;
use pleach_wire::{LeafIndex, RatchetTreeNodes, decode, encode};

const SUITE: CipherSuiteId = CipherSuiteId::X25519_AES128GCM_SHA256_ED25519;

/// As the facade's feature `parallel`, which the tests here do without.
#[derive(Debug, Clone, Copy)]
struct Threads;

impl Executor for Threads {
    fn for_each(&self, n: usize, work: &(dyn Fn(usize) + Sync)) {
        (0..n).into_par_iter().for_each(work);
    }

    fn width(&self) -> usize {
        rayon::current_num_threads()
    }
}

/// CPU time of all threads in seconds, from the kernel's accounts.
fn cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<i64> =
        stat.rsplit(')').next().unwrap().split_whitespace().filter_map(|field| field.parse().ok()).collect();
    // utime and stime, in hundredths; the state, a letter, is left out.
    (fields[10] + fields[11]) as f64 / 100.0
}

fn resident() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

struct Report {
    n: u32,
    cpu: f64,
    wall: Instant,
    rss: u64,
}

impl Report {
    fn new(n: u32) -> Self {
        Self { n, cpu: cpu(), wall: Instant::now(), rss: resident() }
    }

    fn step(&mut self, what: &str) {
        let (cpu, wall, rss) = (cpu() - self.cpu, self.wall.elapsed(), resident());
        let per = |x: f64| x * 1e6 / f64::from(self.n);
        println!(
            "{what:32} CPU {:7.2} us, wall {:7.2} us, memory {:+8.1} bytes, per leaf",
            per(cpu),
            per(wall.as_secs_f64()),
            (rss as f64 - self.rss as f64) / f64::from(self.n)
        );
        *self = Self::new(self.n);
    }
}

fn client(
    name: &str,
    provider: &CryptoProvider,
    storage: impl Storage + 'static,
    executor: impl Executor + 'static,
) -> Client {
    let signature = provider.suite(SUITE).unwrap().signature;
    let pair = signature.generate_key_pair(&*provider.random).unwrap();
    let identity = SigningIdentity::basic(name, signature.load_signer(&pair.private).unwrap());
    let builder = Client::builder(provider.clone(), storage).suite(SUITE).executor(executor);
    builder.auth(TrustEveryone).signing_identity(identity).build().unwrap()
}

/// The layers below, one by one.
fn sections(suite: &CipherSuite, provider: &CryptoProvider, tree: &[u8], report: &mut Report) {
    let nodes: RatchetTreeNodes = decode(tree).unwrap();
    report.step("decode");
    let tree = RatchetTree::from_nodes(suite, nodes).unwrap();
    report.step("from_nodes");
    tree.tree_hash().unwrap();
    report.step("tree_hash");
    tree.verify_unique_keys().unwrap();
    report.step("verify_unique_keys");
    tree.verify_unmerged_leaves().unwrap();
    report.step("verify_unmerged_leaves");
    tree.verify_parent_hashes(&Serial).unwrap();
    report.step("verify_parent_hashes");
    tree.verify_encryption_keys(&Serial).unwrap();
    report.step("verify_encryption_keys");
    tree.verify_leaf_signatures(b"group", &Serial, &*provider.random).unwrap();
    report.step("verify_leaf_signatures");
    println!("{} key entries", tree.key_entries().len());
    report.step("key_entries");
    let mut bytes = 0;
    tree.changes_since(None, &mut |change| {
        bytes += format!("{change:?}").len().min(1);
        Ok::<_, pleach_tree::TreeError>(())
    })
    .unwrap();
    report.step("rows of nodes, with debug output");
    drop(tree);
    report.step("drop");
}

/// Signatures by the size of a batch.
fn batches(suite: &CipherSuite, provider: &CryptoProvider) {
    let message: &[&[u8]] = &[&[7; 250]];
    let signer = |_| {
        let pair = suite.signature.generate_key_pair(&*provider.random).unwrap();
        suite.signature.load_signer(&pair.private).unwrap()
    };
    let signers: Vec<_> = (0..8192).map(signer).collect();
    let signatures: Vec<_> = signers.iter().map(|signer| signer.sign(message).unwrap()).collect();
    let signed = signers.iter().zip(&signatures);
    let signed: Vec<Signed<'_>> =
        signed.map(|(signer, signature)| Signed { public: signer.public(), message, signature }).collect();
    for size in [64, 128, 250, 500, 1000, 1024, 2048, 4096, 8192] {
        let mut best = f64::MAX;
        for _ in 0..5 {
            let start = Instant::now();
            signed.chunks_exact(size).for_each(|chunk| {
                suite.signature.verify_batch(chunk, &*provider.random).unwrap();
            });
            best = best.min(start.elapsed().as_secs_f64() / (signed.len() / size * size) as f64);
        }
        println!("{size:6} signatures in a batch: {:6.2} us each", best * 1e6);
    }
}

/// What a join allocates, by either way, and what of that stays.
fn heap(n: u32, provider: &CryptoProvider, group_info: &[u8], tree: &[u8]) {
    let report = |what: &str, info: allocation_counter::AllocationInfo| {
        let per = |x: f64| x / f64::from(n);
        println!(
            "{what:32} {:6.1} bytes stay in {:5.2} pieces, at most {:6.1} bytes, {:5.1} allocations, per leaf",
            per(info.bytes_current as f64),
            per(info.count_current as f64),
            per(info.bytes_max as f64),
            per(info.count_total as f64),
        );
    };
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStorage::open(directory.path().join("store")).unwrap();
    let carol = client("carol", provider, store, Serial);
    let mut group = None;
    let info = allocation_counter::measure(|| {
        group = Some(carol.external_join(group_info).ratchet_tree(tree).build().unwrap().accept().unwrap());
    });
    report("external join, rows in a file", info);
    let alice = client("alice", provider, MemoryStorage::new(), Serial);
    let mut commit = None;
    let info = allocation_counter::measure(|| {
        commit = Some(alice.external_join(group_info).ratchet_tree(tree).build().unwrap());
    });
    report("external_join", info);
    let mut joined = None;
    let info = allocation_counter::measure(|| joined = commit.take().map(|commit| commit.accept().unwrap()));
    report("accept", info);
    let mut alice = joined.unwrap();
    let bob = client("bob", provider, MemoryStorage::new(), Serial);
    let add = alice.commit().add(bob.key_package().unwrap()).build().unwrap();
    alice.merge(&add).unwrap();
    let tree = alice.ratchet_tree().unwrap();
    let mut staged = None;
    let info = allocation_counter::measure(|| {
        staged = Some(bob.join_with_tree(add.welcome().unwrap(), &tree).unwrap());
    });
    report("join_with_tree", info);
    let mut joined = None;
    let info = allocation_counter::measure(|| joined = staged.take().map(|staged| staged.accept().unwrap()));
    report("accept", info);
    drop((group, joined));
}

fn main() {
    let n: u32 = env::args().nth(1).map_or(10_000, |n| n.parse().unwrap());
    let only = env::args().nth(2);
    let provider = Backend::AwsLc.provider();
    let suite = provider.suite(SUITE).unwrap();
    if only.as_deref() == Some("batches") {
        return batches(suite, &provider);
    }
    let mut report = Report::new(n);
    let (group_info, tree) = {
        let made = populated(suite, n, &[LeafIndex(1), LeafIndex(n / 2 + 1)], b"group", 1);
        (made.group_info(suite, 2), encode(&made.nodes).unwrap())
    };
    report.step("populated");
    println!("{} bytes of tree per leaf", tree.len() / n as usize);
    if only.as_deref() == Some("heap") {
        return heap(n, &provider, &group_info, &tree);
    }
    if only.as_deref() != Some("join") {
        sections(suite, &provider, &tree, &mut report);
    }
    let alice = client("alice", &provider, MemoryStorage::new(), Threads);
    report.step("-");
    let commit = alice.external_join(&group_info).ratchet_tree(&tree).build().unwrap();
    report.step("external_join");
    let mut alice = commit.accept().unwrap();
    report.step("accept");
    let bob = client("bob", &provider, MemoryStorage::new(), Threads);
    let add = alice.commit().add(bob.key_package().unwrap()).build().unwrap();
    alice.merge(&add).unwrap();
    let tree = alice.ratchet_tree().unwrap();
    report.step("-");
    let staged = bob.join_with_tree(add.welcome().unwrap(), &tree).unwrap();
    report.step("join_with_tree");
    let bob_in_group = staged.accept().unwrap();
    report.step("accept");
    drop((tree, add));
    report.step("drop the bytes");
    drop(bob);
    report.step("drop the client");
    drop(bob_in_group);
    report.step("drop the group and its store");
}
