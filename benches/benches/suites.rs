//! Commits in every cipher suite, the post-quantum ones above all: time beside the suite's own floor, keys parsed, and bytes.
//!
//! For suite 1 and each suite of draft-ietf-mls-pq-ciphersuites with the fastest backend: in a group with a key at each node of
//! its tree, creating and merging a Commit that has nothing but a path, processing it at a member in the other half and at the
//! sibling; and adding as many new members in one Commit. The floor of each is the sum of the primitives that RFC 9420
//! asks for, measured in the same run; keys that a member can have parsed before count in neither, except the committer's own
//! new ones. Then the keys that processing a Commit parses, and the bytes of what is sent: a Commit, a key package, and a
//! Welcome for one member, cut out of that for all, with the tree beside it.
//!
//! Times are the first decile of the rounds, on one thread, in microseconds.
//!
//! `cargo bench -p pleach-benches --bench suites`; `-- 10` for groups of 2^10 members instead of 2^6.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run may stop")]

use pleach::crypto::{CipherSuite, CryptoProvider, Serial, Signed};
use pleach::{Client, Group, GroupConfig, MemoryStorage, TreeDelivery};
use pleach_post_quantum::{PostQuantumNumbering, fast};
use pleach_testkit::TrustEveryone;
use pleach_testkit::counting::{Counting, Primitive};
use pleach_testkit::synthetic::{SyntheticTree, full_tree};
use std::borrow::Cow;
use std::hint::black_box;
use std::time::{Duration, Instant};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let full = args.iter().any(|arg| arg == "--bench");
    // `cargo test --benches` runs this once, to see that it runs.
    let rounds = if full { 31 } else { 1 };
    let height = args.iter().find_map(|arg| arg.parse().ok()).unwrap_or(if full { 6 } else { 2 });
    let base = pleach_aws_lc::provider();
    let mut suites = vec![base.suites[0]];
    suites.extend(fast::suites(&base.suites, &PostQuantumNumbering::default()));
    println!("groups of 2^{height}: us, and floors");
    println!(
        "{:<34}{:>18}{:>18}{:>18}{:>18}{:>9}{:>9}{:>9}{:>9}",
        "",
        "commit, merge",
        "process, far",
        "process, near",
        "add, each",
        "parsed",
        "Commit",
        "Welcome",
        "package"
    );
    for suite in suites {
        let provider = CryptoProvider { suites: Cow::Owned(vec![suite]), random: base.random.clone() };
        let floor = Floor::measure(&provider, &suite, rounds);
        let tree = full_tree(&suite, 1 << height, b"measured", 7);
        let mut parties = Parties::new(&provider, &tree);
        let mut times = [(); 4].map(|()| Vec::new());
        let mut bytes = Bytes::default();
        for _ in 0..rounds {
            parties.round(&mut times[..3], &mut bytes);
        }
        for _ in 0..rounds.min(5) {
            times[3].push(add(&provider, &suite, 1 << height, &mut bytes));
        }
        let levels = f64::from(height);
        let floors = [floor.commit(levels), floor.process(1.0), floor.process(levels), floor.add()];
        let name = format!("{:#06x} {} {}", suite.id.0, suite.kem.id(), suite.signature.scheme());
        print!("{name:<34}");
        for (times, floor) in times.iter_mut().zip(floors) {
            let time = decile(times);
            print!("{time:>12.1}{:>6.2}", time / floor);
        }
        println!(
            "{:>9}{:>9}{:>9}{:>9}",
            parsed(&provider, &suite, &tree),
            bytes.commit,
            bytes.welcome,
            bytes.package
        );
    }
}

/// The first decile, in microseconds.
fn decile(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 10).map_or(0.0, Duration::as_secs_f64) * 1e6
}

#[derive(Default)]
struct Bytes {
    commit: usize,
    welcome: usize,
    package: usize,
}

/// One that commits, one in the other half of the tree, and its sibling.
struct Parties {
    sender: Group,
    far: Group,
    near: Group,
}

impl Parties {
    fn new(provider: &CryptoProvider, tree: &SyntheticTree) -> Self {
        let suite = &provider.suites[0];
        let nodes = pleach::wire::encode(&tree.nodes).unwrap();
        let (mut sender, _) = rejoin(provider, tree, 1, &tree.group_info(suite, 7), &nodes);
        let mut others: Vec<Group> = Vec::new();
        for leaf in [tree.members.len() - 1, 0] {
            let (info, nodes) = (sender.group_info().unwrap(), sender.ratchet_tree().unwrap());
            let (group, message) = rejoin(provider, tree, leaf, &info, &nodes);
            follow(&mut sender, &message);
            others.iter_mut().for_each(|other| follow(other, &message));
            others.push(group);
        }
        let (near, far) = (others.pop().unwrap(), others.pop().unwrap());
        Self { sender, far, near }
    }

    fn round(&mut self, times: &mut [Vec<Duration>], bytes: &mut Bytes) {
        let [commit, far, near] = times else { return };
        let start = Instant::now();
        let pending = self.sender.commit().build().unwrap();
        let message = pending.message().to_vec();
        self.sender.merge(pending).unwrap();
        commit.push(start.elapsed());
        bytes.commit = message.len();
        for (group, times) in [(&mut self.far, far), (&mut self.near, near)] {
            let start = Instant::now();
            follow(group, &message);
            times.push(start.elapsed());
        }
    }
}

/// A member of the tree, which takes its own place anew by an external Commit.
fn rejoin(
    provider: &CryptoProvider,
    tree: &SyntheticTree,
    leaf: usize,
    info: &[u8],
    nodes: &[u8],
) -> (Group, Vec<u8>) {
    let member = &tree.members[leaf];
    let signer = provider.suites[0].signature.load_signer(&member.private).unwrap();
    let client = client(provider, &member.name, signer);
    let join = client.external_join(info).ratchet_tree(nodes).resync(true).build().unwrap();
    let message = join.message().to_vec();
    (join.accept().unwrap(), message)
}

fn client(provider: &CryptoProvider, name: &[u8], signer: impl pleach::crypto::Signer + 'static) -> Client {
    let mut config = GroupConfig::default();
    config.limits.message_bytes = 1 << 30;
    config.lifetime.maximum_total = None;
    // Random values, of random length, that make the same message longer or shorter.
    config.grease = false;
    Client::builder(provider.clone(), MemoryStorage::new())
        .basic(name, signer)
        .auth(TrustEveryone)
        .executor(Serial)
        .config(config)
        .build()
        .unwrap()
}

fn follow(group: &mut Group, message: &[u8]) {
    let staged = group.receive(message).unwrap().into_commit().unwrap();
    group.merge(staged).unwrap();
}

/// A new group of so many members in one Commit, merged: the time for each.
fn add(provider: &CryptoProvider, suite: &CipherSuite, members: u32, bytes: &mut Bytes) -> Duration {
    let one = |number: u32| {
        let pair = suite.signature.generate_key_pair(&*provider.random).unwrap();
        client(
            provider,
            format!("member {number:05}").as_bytes(),
            suite.signature.load_signer(&pair.private).unwrap(),
        )
    };
    let packages: Vec<_> = (1..members).map(|number| one(number).key_package().unwrap()).collect();
    let creator = one(0);
    let start = Instant::now();
    let mut group = creator.create_group(b"everybody").unwrap();
    let builder = group.commit().tree(TreeDelivery::OutOfBand);
    let commit = packages.iter().fold(builder, |builder, package| builder.add(package)).build().unwrap();
    group.merge(&commit).unwrap();
    let time = start.elapsed() / (members - 1);
    bytes.package = packages[0].len();
    bytes.welcome = commit.split_welcomes(1).unwrap().next().unwrap().message.len();
    time
}

/// How many keys processing a Commit parses: public KEM keys, private ones, signature keys.
fn parsed(provider: &CryptoProvider, suite: &CipherSuite, tree: &SyntheticTree) -> String {
    let counting = Counting::one(provider, suite.id).unwrap();
    let Parties { mut sender, mut far, .. } = Parties::new(counting.provider(), tree);
    let mut keys = String::new();
    // Not the first: then all that is parsed once is parsed.
    for _ in 0..3 {
        let commit = sender.commit().build().unwrap();
        let message = commit.message().to_vec();
        sender.merge(commit).unwrap();
        let ((), counts) = counting.counted(|| follow(&mut far, &message));
        let of = [Primitive::LoadPublic, Primitive::LoadPrivate, Primitive::LoadVerifier];
        keys = of.map(|primitive| counts[primitive].to_string()).join("+");
    }
    keys
}

/// Microseconds of each primitive.
struct Floor {
    sign: f64,
    verify: f64,
    key_pair: f64,
    load_public: f64,
    seal: f64,
    open: f64,
    /// One node of a path: two secrets and a key pair.
    derive_step: f64,
    /// All secrets of an epoch.
    key_schedule: f64,
    /// Two signatures of one key, among many.
    package: f64,
}

impl Floor {
    fn measure(provider: &CryptoProvider, suite: &CipherSuite, rounds: usize) -> Self {
        const BATCH: usize = 64;
        let rng = &*provider.random;
        let content: &[&[u8]] = &[&[7; 300]];
        let pairs: Vec<_> = (0..BATCH).map(|_| suite.signature.generate_key_pair(rng).unwrap()).collect();
        let signer = suite.signature.load_signer(&pairs[0].private).unwrap();
        let verifier = suite.signature.load_verifier(&pairs[0].public).unwrap();
        let signature = signer.sign(content).unwrap();
        let signatures: Vec<_> = pairs
            .iter()
            .map(|pair| suite.signature.load_signer(&pair.private).unwrap().sign(content).unwrap())
            .collect();
        let signed = pairs
            .iter()
            .zip(&signatures)
            .flat_map(|(pair, signature)| [Signed { public: &pair.public, message: content, signature }; 2]);
        let signed: Vec<_> = signed.collect();
        let pair = suite.kem.generate_key_pair(rng).unwrap();
        let public = suite.kem.load_public(&pair.public).unwrap();
        let private = suite.kem.load_private(&pair.private).unwrap();
        let encryption = suite.encryption_with_label(b"UpdatePathNode", &[7; 200]).unwrap();
        let secret = rng.secret(suite.secret_len()).unwrap();
        let sealed = encryption.seal(&*public, secret.as_bytes(), rng).unwrap();
        let sealed = (sealed.kem_output.as_slice(), sealed.ciphertext.as_slice());
        let time = |work: &mut dyn FnMut()| {
            let mut times = Vec::new();
            for _ in 0..rounds {
                let start = Instant::now();
                (0..8).for_each(|_| work());
                times.push(start.elapsed() / 8);
            }
            decile(&mut times)
        };
        let expand = || black_box(suite.derive_secret(&secret, b"node").unwrap());
        Self {
            sign: time(&mut || drop(black_box(signer.sign(content).unwrap()))),
            verify: time(&mut || verifier.verify(content, &signature).unwrap()),
            key_pair: time(&mut || drop(black_box(suite.kem.generate_key_pair(rng).unwrap()))),
            load_public: time(&mut || drop(suite.kem.load_public(&pair.public).unwrap())),
            seal: time(&mut || drop(black_box(encryption.seal(&*public, secret.as_bytes(), rng).unwrap()))),
            open: time(&mut || drop(black_box(encryption.open(&*private, sealed).unwrap()))),
            derive_step: time(&mut || {
                drop(black_box((expand(), suite.kem.derive_key_pair(&expand()).unwrap())));
            }),
            key_schedule: time(&mut || {
                // joiner, member, epoch; nine secrets, the welcome secret; the tag; three hashes.
                let extract = || black_box(suite.kdf.extract(secret.as_bytes(), &[secret.as_bytes()]));
                (0..2).for_each(|_| drop(extract()));
                (0..12).for_each(|_| drop(expand()));
                black_box(suite.hash.hmac(&secret, &[secret.as_bytes()]));
                (0..3).for_each(|_| _ = black_box(suite.hash.hash(content)));
            }),
            package: time(&mut || suite.signature.verify_batch(&signed, rng).unwrap()) / BATCH as f64,
        }
    }

    fn commit(&self, levels: f64) -> f64 {
        2.0 * self.sign + self.key_pair + levels * (self.seal + self.derive_step) + self.key_schedule
    }

    /// The committer's new leaf is signed by a key that is known.
    fn process(&self, nodes: f64) -> f64 {
        2.0 * self.verify + self.open + nodes * self.derive_step + self.key_schedule
    }

    fn add(&self) -> f64 {
        self.package + self.load_public + self.seal
    }
}
