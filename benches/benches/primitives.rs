//! The primitives of every cipher suite on RustCrypto: the floor that the operations of the library stand on.
//!
//! Inputs are of the sizes that MLS has: a GroupContext or a leaf is a few hundred bytes, a message 1 KiB.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run may stop")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use pleach_crypto::{CipherSuite, SecureRandom, Signed};
use std::hint::black_box;

const CONTENT: [u8; 300] = [7; 300];
const MESSAGE: [u8; 1024] = [9; 1024];
const BATCH: usize = 64;

fn signature(c: &mut Criterion, suite: &CipherSuite, rng: &dyn SecureRandom) {
    let pair = suite.signature.generate_key_pair(rng).unwrap();
    let signer = suite.signature.load_signer(&pair.private).unwrap();
    let verifier = suite.signature.load_verifier(&pair.public).unwrap();
    let content: &[&[u8]] = &[&CONTENT];
    let signature = signer.sign(content).unwrap();
    let batch = [Signed { public: &pair.public, message: content, signature: &signature }; BATCH];

    let id = |what| BenchmarkId::new(what, format!("{:?}", suite.id));
    let mut group = c.benchmark_group("signature");
    group.bench_function(id("sign"), |b| b.iter(|| signer.sign(black_box(content)).unwrap()));
    group.bench_function(id("verify"), |b| {
        b.iter(|| verifier.verify(black_box(content), &signature).unwrap());
    });
    group.throughput(Throughput::Elements(64));
    group.bench_function(id("verify a batch of 64"), |b| {
        b.iter(|| suite.signature.verify_batch(black_box(&batch), rng).unwrap());
    });
}

fn hpke(c: &mut Criterion, suite: &CipherSuite, rng: &dyn SecureRandom) {
    let pair = suite.kem.generate_key_pair(rng).unwrap();
    let (public, private) =
        (suite.kem.load_public(&pair.public).unwrap(), suite.kem.load_private(&pair.private).unwrap());
    let secret = rng.bytes(suite.kdf.extract_len()).unwrap();
    // As for an UpdatePath: one context for many recipients, so that its hash is not measured again each time.
    let encryption = suite.encryption_with_label(b"UpdatePathNode", &CONTENT).unwrap();
    let sealed = suite.encrypt_with_label(&*public, b"UpdatePathNode", &CONTENT, &secret, rng).unwrap();
    let parts: (&[u8], &[u8]) = (&sealed.kem_output, &sealed.ciphertext);

    let id = |what| BenchmarkId::new(what, format!("{:?}", suite.id));
    let mut group = c.benchmark_group("hpke");
    group.bench_function(id("derive a key pair"), |b| {
        b.iter(|| suite.kem.derive_key_pair(black_box(&pair.private)).unwrap());
    });
    group.bench_function(id("seal"), |b| {
        b.iter(|| encryption.seal(&*public, black_box(&secret), rng).unwrap());
    });
    group.bench_function(id("open"), |b| b.iter(|| encryption.open(&*private, black_box(parts)).unwrap()));
}

fn symmetric(c: &mut Criterion, suite: &CipherSuite, rng: &dyn SecureRandom) {
    let key = rng.secret(suite.aead.key_len()).unwrap();
    let nonce = rng.bytes(suite.aead.nonce_len()).unwrap();
    let secret = rng.secret(suite.kdf.extract_len()).unwrap();

    let id = |what| BenchmarkId::new(what, format!("{:?}", suite.id));
    let mut group = c.benchmark_group("symmetric");
    group.bench_function(id("DeriveSecret"), |b| {
        b.iter(|| suite.derive_secret(black_box(&secret), b"node").unwrap());
    });
    group.bench_function(id("hash 300 B"), |b| b.iter(|| suite.hash.hash(black_box(&[&CONTENT]))));
    group.throughput(Throughput::Bytes(1024));
    group.bench_function(id("AEAD seal 1 KiB"), |b| {
        b.iter(|| {
            let mut buffer = MESSAGE.to_vec();
            suite.aead.seal(&key, &nonce, &CONTENT, &mut buffer).unwrap();
            buffer
        });
    });
}

fn primitives(c: &mut Criterion) {
    let provider = pleach_rustcrypto::provider();
    for suite in provider.suites.iter() {
        signature(c, suite, &*provider.random);
        hpke(c, suite, &*provider.random);
        symmetric(c, suite, &*provider.random);
    }
}

criterion_group!(benches, primitives);
criterion_main!(benches);
