//! What a member of a large group does, beside the primitives that it cannot do without.
//!
//! For full trees of 2^10 and 2^14 members (or the heights that are given as arguments): creating and merging a Commit,
//! processing one, encrypting and decrypting 100 bytes; warm, and cold, which is right after opening the group from the
//! store. Each line shows the time, its floor and the ratio. A floor is the sum of the primitives that RFC 9420 asks for,
//! measured in the same run: its parts are printed first. Three members are real clients with stores of their own; one
//! thread, aws-lc, the suite X25519, AES-128-GCM, SHA-256, Ed25519.
//!
//! Times are the first decile of the rounds, so that what else the machine does is mostly left out.
//!
//! - `cargo bench -p pleach-benches --bench operations -- 10 14 17` for these heights
//! - `.. -- 14 --count` prints how often each primitive is called instead
//! - `.. -- 14 --only "process, near"` does everything for some seconds, this in a frame of its own, for a profiler;
//!   `--only receive` receives each Commit a thousand times

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark that cannot run may stop")]

use pleach::crypto::{CipherSuite, CipherSuiteId, CryptoProvider, Secret, Serial};
use pleach::{Client, Group, GroupConfig};
use pleach_storage_memory::MemoryStorage;
use pleach_testkit::TrustEveryone;
use pleach_testkit::counting::Counting;
use pleach_testkit::synthetic::{SyntheticTree, full_tree};
use pleach_wire::encode;
use std::hint::black_box;
use std::time::{Duration, Instant};

const SUITE: CipherSuiteId = CipherSuiteId::X25519_AES128GCM_SHA256_ED25519;
const TEXT: [u8; 100] = [7; 100];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let benching = arguments.iter().any(|argument| argument == "--bench");
    let only = arguments.iter().position(|argument| argument == "--only");
    let only = only.and_then(|at| arguments.get(at + 1)).cloned();
    let mut heights: Vec<u32> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    if heights.is_empty() {
        heights = if benching { vec![10, 14] } else { vec![4] };
    }
    let provider = pleach_aws_lc::provider();
    if arguments.iter().any(|argument| argument == "--count") {
        let counting = Counting::one(&provider, SUITE).unwrap();
        for height in heights {
            let mut parties = Parties::new(&provider, counting.provider(), height);
            parties.round(&mut Sink::Counts(&counting));
        }
        return;
    }
    let rounds = if benching { 200 } else { 3 };
    let floor = Floor::measure(provider.suite(SUITE).unwrap(), &provider, rounds);
    println!("{floor:#?}");
    for height in heights {
        let mut parties = Parties::new(&provider, &provider, height);
        let mut times = Times::default();
        if let Some(only) = &only {
            let start = Instant::now();
            while start.elapsed() < Duration::from_secs(8) {
                parties.round(&mut Sink::Only(only));
            }
            continue;
        }
        for _ in 0..rounds {
            parties.round(&mut Sink::Times(&mut times));
        }
        println!("\n2^{height} members{:>36}{:>12}{:>10}", "µs", "floor", "ratio");
        for (name, times) in &mut times.0 {
            let (time, floor) = (decile(times), floor.of(name, f64::from(height)));
            println!("{name:36}{time:>12.1}{floor:>12.1}{:>10.2}", time / floor);
        }
    }
}

/// Three members: one that commits and sends, one far from it in the tree, and its sibling.
struct Parties {
    sender: Group,
    far: Group,
    near: Group,
}

impl Parties {
    /// The tree is made with one provider, the members use the other.
    fn new(provider: &CryptoProvider, used: &CryptoProvider, height: u32) -> Self {
        let suite = provider.suite(SUITE).unwrap();
        let tree = full_tree(suite, 1 << height, b"measured", 7);
        let (info, nodes) = (tree.group_info(suite, 7), encode(&tree.nodes).unwrap());
        let (mut sender, _) = join(used, &tree, 1, &info, &nodes);
        let mut others: Vec<Group> = Vec::new();
        for leaf in [(1 << height) - 2, 0] {
            let (info, nodes) = (sender.group_info().unwrap(), sender.ratchet_tree().unwrap());
            let (group, message) = join(used, &tree, leaf, &info, &nodes);
            follow(&mut sender, &message);
            others.iter_mut().for_each(|other| follow(other, &message));
            others.push(group);
        }
        let (near, far) = (others.pop().unwrap(), others.pop().unwrap());
        Self { sender, far, near }
    }

    /// Everything that is measured, once.
    fn round(&mut self, sink: &mut Sink<'_>) {
        let Self { sender, far, near } = self;
        let commit = sink.run("create and merge", || {
            let commit = sender.commit().build().unwrap();
            let message = commit.message().to_vec();
            sender.merge(commit).unwrap();
            message
        });
        if let Sink::Only("receive") = sink {
            // A Commit that is not merged can be received again.
            (0..1000).for_each(|_| drop(black_box(far.receive(&commit).unwrap())));
        }
        sink.run("process, far", || follow(far, &commit));
        sink.run("process, near", || follow(near, &commit));
        let first = sink.run("encrypt, first", || sender.encrypt(&TEXT).unwrap());
        sink.run("decrypt, first", || far.receive(&first).unwrap().into_application().unwrap());
        near.receive(&first).unwrap();
        for _ in 0..4 {
            let text = sink.run("encrypt", || sender.encrypt(&TEXT).unwrap());
            sink.run("decrypt", || far.receive(&text).unwrap().into_application().unwrap());
            near.receive(&text).unwrap();
        }
        sink.run("open, send", || {
            *sender = sender.client().load(sender.id()).unwrap();
            sender.encrypt(&TEXT).unwrap()
        });
        for group in [&mut *sender, &mut *far, &mut *near] {
            *group = group.client().load(group.id()).unwrap();
        }
        let commit = sink.run("create and merge, cold", || {
            let commit = sender.commit().build().unwrap();
            let message = commit.message().to_vec();
            sender.merge(commit).unwrap();
            message
        });
        sink.run("process, far, cold", || follow(far, &commit));
        sink.run("process, near, cold", || follow(near, &commit));
    }
}

fn join(
    provider: &CryptoProvider,
    tree: &SyntheticTree,
    leaf: u32,
    info: &[u8],
    nodes: &[u8],
) -> (Group, Vec<u8>) {
    let member = &tree.members[leaf as usize];
    let suite = provider.suite(SUITE).unwrap();
    let mut config = GroupConfig::default();
    config.accept_external_commits = true;
    config.limits.message_bytes = 1 << 30;
    config.lifetime.maximum_total = None;
    let client = Client::builder(provider.clone(), MemoryStorage::new())
        .suite(SUITE)
        .basic(&member.name, suite.signature.load_signer(&member.private).unwrap())
        .auth(TrustEveryone)
        .executor(Serial)
        .config(config)
        .build()
        .unwrap();
    let join = client.external_join(info).ratchet_tree(nodes).resync(true).build().unwrap();
    let message = join.message().to_vec();
    (join.accept().unwrap(), message)
}

fn follow(group: &mut Group, message: &[u8]) {
    let staged = group.receive(message).unwrap().into_commit().unwrap();
    group.merge(staged).unwrap();
}

/// What becomes of one operation.
enum Sink<'a> {
    Times(&'a mut Times),
    Counts(&'a Counting),
    /// Does this one often; for operations that can be repeated, the rest once.
    Only(&'a str),
}

impl Sink<'_> {
    fn run<T>(&mut self, name: &'static str, mut work: impl FnMut() -> T) -> T {
        match self {
            Self::Times(times) => {
                let start = Instant::now();
                let result = black_box(work());
                times.note(name, start.elapsed());
                result
            }
            Self::Counts(counting) => {
                let (result, counts) = counting.counted(work);
                println!("{name}: {counts:?}");
                result
            }
            Self::Only(only) if *only == name => measured(&mut work),
            Self::Only(_) => work(),
        }
    }
}

/// A frame of its own, for profilers.
#[inline(never)]
fn measured<T>(work: &mut impl FnMut() -> T) -> T {
    black_box(work())
}

#[derive(Default)]
struct Times(Vec<(&'static str, Vec<Duration>)>);

impl Times {
    fn note(&mut self, name: &'static str, time: Duration) {
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, times)) => times.push(time),
            None => self.0.push((name, vec![time])),
        }
    }
}

/// The first decile, in microseconds.
fn decile(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 10).map_or(0.0, |time| time.as_secs_f64() * 1e6)
}

/// Microseconds of each primitive.
#[derive(Debug)]
struct Floor {
    sign: f64,
    verify: f64,
    key_pair: f64,
    hpke_seal: f64,
    hpke_open: f64,
    /// One node of a path: two secrets and a key pair.
    derive_step: f64,
    expand: f64,
    aead_seal_100: f64,
    aead_open_100: f64,
    /// All secrets of an epoch.
    key_schedule: f64,
}

impl Floor {
    fn measure(suite: &CipherSuite, provider: &CryptoProvider, rounds: usize) -> Self {
        let rng = &*provider.random;
        let keys = suite.signature.generate_key_pair(rng).unwrap();
        let signer = suite.signature.load_signer(&keys.private).unwrap();
        let verifier = suite.signature.load_verifier(&keys.public).unwrap();
        let content: &[&[u8]] = &[&[7; 300]];
        let signature = signer.sign(content).unwrap();
        let pair = suite.kem.generate_key_pair(rng).unwrap();
        let (public, private) =
            (suite.kem.load_public(&pair.public).unwrap(), suite.kem.load_private(&pair.private).unwrap());
        let encryption = suite.encryption_with_label(b"UpdatePathNode", &[7; 200]).unwrap();
        let secret = rng.secret(suite.secret_len()).unwrap();
        let sealed = encryption.seal(&*public, secret.as_bytes(), rng).unwrap();
        let sealed = (sealed.kem_output.as_slice(), sealed.ciphertext.as_slice());
        let key = rng.secret(suite.aead.key_len()).unwrap();
        let mut ciphertext = TEXT.to_vec();
        suite.aead.seal(&key, &[0; 12], b"", &mut ciphertext).unwrap();
        let expand = |secret: &Secret| suite.derive_secret(secret, b"node").unwrap();
        let extract = |secret: &Secret| suite.kdf.extract(secret.as_bytes(), &[secret.as_bytes()]);
        let time = |work: &mut dyn FnMut()| {
            let mut times = Vec::new();
            for _ in 0..rounds {
                let start = Instant::now();
                (0..10).for_each(|_| work());
                times.push(start.elapsed() / 10);
            }
            decile(&mut times)
        };
        Self {
            sign: time(&mut || drop(black_box(signer.sign(content).unwrap()))),
            verify: time(&mut || verifier.verify(content, &signature).unwrap()),
            key_pair: time(&mut || drop(black_box(suite.kem.generate_key_pair(rng).unwrap()))),
            hpke_seal: time(&mut || {
                drop(black_box(encryption.seal(&*public, secret.as_bytes(), rng).unwrap()));
            }),
            hpke_open: time(&mut || drop(black_box(encryption.open(&*private, sealed).unwrap()))),
            derive_step: time(&mut || {
                black_box(expand(&secret));
                drop(black_box(suite.kem.derive_key_pair(&expand(&secret)).unwrap()));
            }),
            expand: time(&mut || drop(black_box(expand(&secret)))),
            aead_seal_100: time(&mut || {
                let mut text = TEXT.to_vec();
                suite.aead.seal(&key, &[0; 12], b"", &mut text).unwrap();
            }),
            aead_open_100: time(&mut || {
                let mut text = ciphertext.clone();
                suite.aead.open(&key, &[0; 12], b"", &mut text).unwrap();
            }),
            key_schedule: time(&mut || {
                // joiner, member, epoch; then 9 secrets, the welcome secret, the tag; three hashes of about 64 bytes.
                black_box(extract(&extract(&expand(&secret))));
                (0..11).for_each(|_| drop(black_box(expand(&secret))));
                black_box(suite.hash.hmac(&secret, &[secret.as_bytes()]));
                (0..3).for_each(|_| _ = black_box(suite.hash.hash(content)));
            }),
        }
    }

    /// The floor of an operation in a full tree.
    fn of(&self, operation: &str, levels: f64) -> f64 {
        let process =
            |nodes: f64| 2.0 * self.verify + self.hpke_open + nodes * self.derive_step + self.key_schedule;
        // Two keys for the sender data; key, nonce and next secret of the ratchet.
        let message = 5.0 * self.expand;
        // Of the secret tree: two secrets per level, and the leaf's two ratchets.
        let first = 2.0 * (levels + 1.0) * self.expand;
        match operation.trim_end_matches(", cold") {
            "create and merge" => {
                2.0 * self.sign
                    + self.key_pair
                    + levels * (self.hpke_seal + self.derive_step)
                    + self.key_schedule
            }
            "process, far" => process(1.0),
            "process, near" => process(levels),
            "encrypt" | "open, send" => self.sign + 2.0 * self.aead_seal_100 + message,
            "encrypt, first" => self.sign + 2.0 * self.aead_seal_100 + message + first,
            "decrypt" => self.verify + 2.0 * self.aead_open_100 + message,
            "decrypt, first" => self.verify + 2.0 * self.aead_open_100 + message + first,
            other => unreachable!("{other}"),
        }
    }
}
