//! The primitives of every backend: the floor that the operations of the library stand on.
//!
//! One group of measurements for each algorithm and operation, one line in it for each backend that has the algorithm, so
//! that what stands together can be compared. Inputs are of the sizes that MLS has: a GroupContext or a leaf is a few hundred
//! bytes, a message 1 KiB. A backend takes each algorithm from the first of its suites that has it.
//!
//! `cargo bench -p pleach-benches --bench primitives -- ed25519` measures what has a name like that.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run may stop")]

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use pleach_crypto::{CipherSuite, CryptoProvider, SecureRandom, Signed};
use pleach_post_quantum::PostQuantumNumbering;
use std::collections::BTreeSet;
use std::hint::black_box;

const CONTENT: [u8; 300] = [7; 300];
const MESSAGE: [u8; 1024] = [9; 1024];
const BATCH: usize = 64;

fn backends() -> Vec<(&'static str, CryptoProvider)> {
    let (rustcrypto, aws_lc) = (pleach_rustcrypto::provider(), pleach_aws_lc::provider());
    let numbering = &PostQuantumNumbering::PLEACH;
    vec![
        ("post-quantum", pleach_post_quantum::provider(rustcrypto.clone(), numbering)),
        ("post-quantum-fast", pleach_post_quantum::fast::provider(aws_lc.clone(), numbering)),
        ("rustcrypto", rustcrypto),
        ("aws-lc", aws_lc),
        ("ring", pleach_ring::provider()),
    ]
}

/// What is measured of one algorithm: a suite that has it, in a backend of this name.
struct Subject<'a> {
    backend: &'static str,
    suite: &'a CipherSuite,
    rng: &'a dyn SecureRandom,
}

impl Subject<'_> {
    fn measure<'c>(&self, c: &'c mut Criterion, what: &str, algorithm: &str) -> BenchmarkGroup<'c, WallTime> {
        c.benchmark_group(format!("{algorithm} {what}"))
    }
}

fn signature(c: &mut Criterion, subject: &Subject<'_>) {
    let Subject { backend, suite, rng } = *subject;
    let name = format!("{}", suite.signature.scheme());
    let pair = suite.signature.generate_key_pair(rng).unwrap();
    let signer = suite.signature.load_signer(&pair.private).unwrap();
    let verifier = suite.signature.load_verifier(&pair.public).unwrap();
    let content: &[&[u8]] = &[&CONTENT];
    let signature = signer.sign(content).unwrap();
    let batch = [Signed { public: &pair.public, message: content, signature: &signature }; BATCH];

    let mut measure = |what: &str, run: &mut dyn FnMut()| {
        subject.measure(c, what, &name).bench_function(backend, |b| b.iter(&mut *run));
    };
    measure("load a key", &mut || drop(black_box(suite.signature.load_verifier(&pair.public).unwrap())));
    measure("sign", &mut || drop(black_box(signer.sign(black_box(content)).unwrap())));
    measure("verify", &mut || verifier.verify(black_box(content), &signature).unwrap());
    let mut group = subject.measure(c, "verify a batch of 64", &name);
    group.throughput(Throughput::Elements(BATCH as u64));
    group.bench_function(backend, |b| {
        b.iter(|| suite.signature.verify_batch(black_box(&batch), rng).unwrap());
    });
}

fn kem(c: &mut Criterion, subject: &Subject<'_>) {
    let Subject { backend, suite, rng } = *subject;
    let name = format!("{}", suite.kem.id());
    let pair = suite.kem.generate_key_pair(rng).unwrap();
    let (public, private) =
        (suite.kem.load_public(&pair.public).unwrap(), suite.kem.load_private(&pair.private).unwrap());
    let (_, enc) = public.encap(rng).unwrap();

    let mut measure = |what: &str, run: &mut dyn FnMut()| {
        subject.measure(c, what, &name).bench_function(backend, |b| b.iter(&mut *run));
    };
    measure("derive a key pair", &mut || drop(black_box(suite.kem.derive_key_pair(&pair.private).unwrap())));
    measure("load a public key", &mut || drop(black_box(suite.kem.load_public(&pair.public).unwrap())));
    measure("load a private key", &mut || drop(black_box(suite.kem.load_private(&pair.private).unwrap())));
    measure("encapsulate", &mut || drop(black_box(public.encap(rng).unwrap())));
    measure("decapsulate", &mut || drop(black_box(private.decap(&enc).unwrap())));
}

/// As for an UpdatePath: one context for many recipients, so that its hash is not measured again each time.
fn hpke(c: &mut Criterion, subject: &Subject<'_>) {
    let Subject { backend, suite, rng } = *subject;
    let pair = suite.kem.generate_key_pair(rng).unwrap();
    let (public, private) =
        (suite.kem.load_public(&pair.public).unwrap(), suite.kem.load_private(&pair.private).unwrap());
    let secret = rng.bytes(suite.kdf.extract_len()).unwrap();
    let encryption = suite.encryption_with_label(b"UpdatePathNode", &CONTENT).unwrap();
    let sealed = encryption.seal(&*public, &secret, rng).unwrap();
    let parts: (&[u8], &[u8]) = (&sealed.kem_output, &sealed.ciphertext);
    let name = format!("HPKE {}", suite.id);
    let mut group = subject.measure(c, "seal", &name);
    group.bench_function(backend, |b| {
        b.iter(|| encryption.seal(&*public, black_box(&secret), rng).unwrap());
    });
    drop(group);
    let mut group = subject.measure(c, "open", &name);
    group.bench_function(backend, |b| b.iter(|| encryption.open(&*private, black_box(parts)).unwrap()));
}

fn kdf(c: &mut Criterion, subject: &Subject<'_>) {
    let Subject { backend, suite, rng } = *subject;
    let name = format!("{}", suite.kdf.id());
    let secret = rng.secret(suite.kdf.extract_len()).unwrap();
    let mut measure = |what: &str, run: &mut dyn FnMut()| {
        subject.measure(c, what, &name).bench_function(backend, |b| b.iter(&mut *run));
    };
    measure("DeriveSecret", &mut || drop(black_box(suite.derive_secret(&secret, b"node").unwrap())));
    measure("hash of 300 B", &mut || _ = black_box(suite.hash.hash(black_box(&[&CONTENT]))));
}

fn aead(c: &mut Criterion, subject: &Subject<'_>) {
    let Subject { backend, suite, rng } = *subject;
    let name = format!("{}", suite.aead.id());
    let key = rng.secret(suite.aead.key_len()).unwrap();
    let nonce = rng.bytes(suite.aead.nonce_len()).unwrap();
    let mut sealed = MESSAGE.to_vec();
    suite.aead.seal(&key, &nonce, &CONTENT, &mut sealed).unwrap();
    for (what, text, seal) in [("seal 1 KiB", MESSAGE.to_vec(), true), ("open 1 KiB", sealed, false)] {
        let mut group = subject.measure(c, what, &name);
        group.throughput(Throughput::Bytes(MESSAGE.len() as u64));
        group.bench_function(backend, |b| {
            b.iter_batched_ref(
                || {
                    let mut buffer = Vec::with_capacity(MESSAGE.len() + suite.aead.tag_len());
                    buffer.extend_from_slice(&text);
                    buffer
                },
                |buffer| {
                    if seal {
                        suite.aead.seal(&key, &nonce, &CONTENT, buffer).unwrap();
                    } else {
                        suite.aead.open(&key, &nonce, &CONTENT, buffer).unwrap();
                    }
                },
                BatchSize::SmallInput,
            );
        });
    }
}

/// Whether this is the first time that a backend has something of this kind and number.
type Seen = BTreeSet<(&'static str, &'static str, u16)>;

fn primitives(c: &mut Criterion) {
    let backends = backends();
    let mut seen = Seen::new();
    // Over the suites first, so that the backends of one algorithm are measured one after the other.
    let ids: BTreeSet<_> =
        backends.iter().flat_map(|(_, provider)| provider.suites.iter().map(|suite| suite.id)).collect();
    for id in ids {
        for (backend, provider) in &backends {
            let Ok(suite) = provider.suite(id) else { continue };
            // The classical suites are those of the backends themselves.
            if backend.starts_with("post-quantum") && id.name().is_some() {
                continue;
            }
            let subject = Subject { backend, suite, rng: &*provider.random };
            hpke(c, &subject);
            if seen.insert((backend, "signature", suite.signature.scheme().0)) {
                signature(c, &subject);
            }
            if seen.insert((backend, "kem", suite.kem.id().0)) {
                kem(c, &subject);
            }
            let classical = !backend.starts_with("post-quantum");
            if classical && seen.insert((backend, "kdf", suite.kdf.id().0)) {
                kdf(c, &subject);
            }
            if classical && seen.insert((backend, "aead", suite.aead.id().0)) {
                aead(c, &subject);
            }
        }
    }
}

criterion_group!(benches, primitives);
criterion_main!(benches);
