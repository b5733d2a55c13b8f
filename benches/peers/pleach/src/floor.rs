//! The primitives alone, with keys parsed: of their sums the floors are made.
//!
//! Those of the backend `aws-lc` are called in `aws-lc-rs` itself ([`native`]); where there is no such thing, as for a batch of
//! signatures, and for the other backends, they are what the suite calls. Each primitive is run for some milliseconds at a time, all
//! of them in turns, on one thread; the median of the CPU times is printed, and that of the paces that they took.

use crate::library::Pleach;
use crate::native;
use peer_harness::{Clock, Library, Result};
use pleach::crypto::{CipherSuite, CryptoProvider, Secret, SecureRandom, Signed};
use pleach::wire::{
    Kept, LeafNode, LeafNodeSource, List, ParentHashInput, ParentNode, ParentNodeHashInput, TreeHashInput,
    decode, encode,
};
use pleach_testkit::members::Member;
use serde_json::json;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

/// A primitive is run for about so long at a time.
const SLICE: Duration = Duration::from_millis(4);
/// Signatures in one batch.
pub(crate) const BATCH: usize = 1024;
/// Bytes that are signed: about as many as of a LeafNode or a GroupInfo.
pub(crate) const SIGNED: usize = 256;
/// About as many as of a Commit with a path in a group of 100; in larger groups they are more.
pub(crate) const COMMIT: usize = 1024;
/// Bytes of the AAD of an application message.
pub(crate) const AAD: usize = 32;
/// Bytes of the info of an expansion: a label and a short context.
pub(crate) const INFO: usize = 24;
/// Bytes of a GroupContext.
pub(crate) const CONTEXT: usize = 120;

/// Something that is measured.
pub(crate) struct Primitive {
    pub(crate) name: &'static str,
    /// How many of them one run is.
    pub(crate) count: usize,
    pub(crate) run: Box<dyn FnMut() -> Result<()>>,
}

impl Primitive {
    pub(crate) fn new(name: &'static str, run: impl FnMut() -> Result<()> + 'static) -> Self {
        Self { name, count: 1, run: Box::new(run) }
    }

    /// The CPU time of one, over so many runs.
    fn time(&mut self, runs: u32) -> Result<Time> {
        let clock = Clock::start();
        for _ in 0..runs {
            (self.run)()?;
        }
        let spent = clock.stop();
        let each = |sum: f64| sum / f64::from(runs) / self.count as f64;
        Ok(Time { ns: each(spent.cpu_ns as f64), paces: each(spent.paces) })
    }
}

/// CPU time of one run, in nanoseconds and in paces ([`peer_harness::Spent`]).
#[derive(Clone, Copy)]
struct Time {
    ns: f64,
    paces: f64,
}

impl Time {
    /// Nanoseconds of a pace.
    fn pace(&self) -> f64 {
        self.ns / self.paces
    }
}

/// The result is wanted, as far as the compiler knows.
pub(crate) fn done<T>(result: T) -> Result<()> {
    black_box(result);
    Ok(())
}

/// Measures, and prints a line for each.
pub(crate) fn run(library: &Pleach, samples: usize) -> Result<()> {
    let suite: &'static CipherSuite = Box::leak(Box::new(library.cipher_suite()?));
    let mut primitives = of_suite(suite, (library.crypto)())?;
    if library.provider == "aws-lc" {
        for native in native::primitives()? {
            if let Some(own) = primitives.iter_mut().find(|own| own.name == native.name) {
                *own = native;
            }
        }
    }
    let mut runs = Vec::new();
    for primitive in &mut primitives {
        let once = primitive.time(1)?.ns.max(primitive.time(2)?.ns) * primitive.count as f64;
        let fit = SLICE.as_nanos() as f64 / once.max(1.0);
        runs.push((fit as u32).clamp(1, 100_000));
    }
    let mut times = vec![Vec::with_capacity(samples); primitives.len()];
    for _ in 0..samples {
        for ((primitive, &runs), times) in primitives.iter_mut().zip(&runs).zip(&mut times) {
            times.push(primitive.time(runs)?);
        }
    }
    for (primitive, mut times) in primitives.iter().zip(times) {
        // The half in which the machine had the best pace: what else it does slows memory down more than the pace.
        times.sort_by(|one, other| one.pace().total_cmp(&other.pace()));
        times.truncate(times.len().div_ceil(2));
        let quartiles = |of: fn(&Time) -> f64| {
            let mut sorted: Vec<f64> = times.iter().map(of).collect();
            sorted.sort_by(f64::total_cmp);
            [1, 2, 3].map(|part| sorted.get(sorted.len() * part / 4).copied().unwrap_or_default())
        };
        let ([p25, ns, p75], [_, paces, _]) = (quartiles(|time| time.ns), quartiles(|time| time.paces));
        let line = json!({
            "line": "floor", "provider": library.provider, "suite": library.suite(), "primitive": primitive.name,
            "ns": ns, "paces": paces, "p25": p25, "p75": p75, "samples": samples,
        });
        println!("{line}");
    }
    Ok(())
}

/// What is hashed of a parent with a key that everybody below knows: its ParentHashInput (§7.9), its TreeHashInput (§7.8).
pub(crate) fn parent_inputs(key_len: usize, hash_len: usize) -> Result<[Vec<u8>; 2]> {
    let (key, hash) = (vec![7; key_len], vec![7; hash_len]);
    let of_path =
        ParentHashInput { encryption_key: &key, parent_hash: &hash, original_sibling_tree_hash: &hash };
    let node = ParentNode {
        encryption_key: key.as_slice().into(),
        parent_hash: hash.as_slice().into(),
        unmerged_leaves: List::default(),
    };
    let of_tree = ParentNodeHashInput { parent_node: Some(&node), left_hash: &hash, right_hash: &hash };
    Ok([encode(&of_path)?, encode(&TreeHashInput::Parent(of_tree))?])
}

/// All of them through the suite.
fn of_suite(suite: &'static CipherSuite, crypto: CryptoProvider) -> Result<Vec<Primitive>> {
    let random = crypto.random;
    let member = Member::new(suite, b"member 123456", &*random);
    let public = member.signer.public().to_vec();

    let pair = suite.kem.generate_key_pair(&*random)?;
    let (recipient, private) = (suite.kem.load_public(&pair.public)?, suite.kem.load_private(&pair.private)?);
    let sealing = suite.encryption_with_label(b"UpdatePathNode", &[7; CONTEXT])?;
    let opening = suite.encryption_with_label(b"UpdatePathNode", &[7; CONTEXT])?;
    let secret = [9; 32];
    let sealed = sealing.seal(&*recipient, &secret, &*random)?;

    let source = LeafNodeSource::Commit { parent_hash: suite.hash.hash(&[b"parent"]).as_bytes().into() };
    let leaf = encode(&member.leaf(suite, &pair.public, source, b"synthetic", 1))?;
    let parent = parent_inputs(pair.public.len(), suite.hash.output_len())?;
    let leafs_parent = parent.clone();

    let prk = Secret::copy_from(&suite.hash.hash(&[b"prk"]).as_bytes()[..suite.secret_len()]);
    let (path_secret, prk_too, salt) = (prk.clone(), prk.clone(), prk.clone());
    let confirmed = vec![7; suite.hash.output_len()];
    let seal_random = random.clone();
    let step_public = pair.public.clone();
    let mut primitives = vec![
        batch(suite, random.clone())?,
        Primitive::new("load_verifier", move || done(suite.signature.load_verifier(&public)?)),
        Primitive::new("hpke_seal", move || done(sealing.seal(&*recipient, &secret, &*seal_random)?)),
        Primitive::new("hpke_open", move || {
            done(opening.open(&*private, (&sealed.kem_output, &sealed.ciphertext))?)
        }),
        Primitive::new("derive_step", move || {
            black_box(suite.derive_secret(&path_secret, b"path")?);
            let node = suite.derive_secret(&path_secret, b"node")?;
            let pair = suite.kem.derive_key_pair(&node)?;
            black_box(pair.public == step_public);
            Ok(())
        }),
        Primitive::new("expand", move || done(suite.kdf.expand(&prk, &[&[7; INFO]], suite.secret_len())?)),
        Primitive::new("extract", move || done(suite.kdf.extract(salt.as_bytes(), &[&[7; 32]]))),
        Primitive::new("key_pair", move || done(suite.kem.generate_key_pair(&*random)?)),
        Primitive::new("key_schedule", move || {
            let secret_len = suite.secret_len();
            let context = [7; CONTEXT];
            let joined = suite.kdf.extract(prk_too.as_bytes(), &[&[7; 32]]);
            let joiner = suite.kdf.expand(&joined, &[&[7; INFO], &context], secret_len)?;
            let member = suite.kdf.extract(joiner.as_bytes(), &[&[0; 32]]);
            let epoch = suite.kdf.expand(&member, &[&[7; INFO], &context], secret_len)?;
            // The nine secrets of an epoch.
            for label in 0..9_u8 {
                black_box(suite.kdf.expand(&epoch, &[&[label; INFO]], secret_len)?);
            }
            // Confirmation tag and interim transcript hash. The confirmed one is of the Commit's bytes, which are counted apart.
            let tag = suite.hash.hmac(&epoch, &[&confirmed]);
            black_box(suite.hash.hash(&[&confirmed, tag.as_bytes()]));
            Ok(())
        }),
        Primitive::new("leaf_hash_decode", move || {
            let node: Kept<LeafNode> = decode(&leaf)?;
            black_box(suite.hash.hash(&[&[1, 0, 0, 0, 1, 1], node.bytes()]));
            // Its share of the parents is one.
            for input in &leafs_parent {
                black_box(suite.hash.hash(&[input]));
            }
            Ok(())
        }),
        Primitive::new("hash_parent", move || {
            for input in &parent {
                black_box(suite.hash.hash(&[input]));
            }
            Ok(())
        }),
    ];
    for (sign, verify, len) in [("sign", "verify", SIGNED), ("sign_1k", "verify_1k", COMMIT)] {
        let text = vec![7; len];
        let signature = member.signer.sign(&[&text])?;
        let verifier = suite.signature.load_verifier(member.signer.public())?;
        let (signer, signed) = (member.signer.clone(), text.clone());
        primitives.push(Primitive::new(sign, move || done(signer.sign(&[&text])?)));
        primitives.push(Primitive::new(verify, move || Ok(verifier.verify(&[&signed], &signature)?)));
    }
    for (name, len) in [("hash_64", 64), ("hash_1k", 1024)] {
        let data = vec![7; len];
        primitives.push(Primitive::new(name, move || done(suite.hash.hash(&[&data]))));
    }
    let names = [("aead_seal_100", "aead_open_100", 100), ("aead_seal_1k", "aead_open_1k", 1024)];
    for (seal, open, len) in names {
        let key = Secret::copy_from(&vec![7; suite.aead.key_len()]);
        let nonce = vec![7; suite.aead.nonce_len()];
        let mut sealed = vec![7; len];
        suite.aead.seal(&key, &nonce, &[7; AAD], &mut sealed)?;
        let (open_key, open_nonce) = (key.clone(), nonce.clone());
        primitives.push(Primitive::new(seal, move || {
            let mut text = Vec::with_capacity(len + suite.aead.tag_len());
            text.resize(len, 7);
            suite.aead.seal(&key, &nonce, &[7; AAD], &mut text)?;
            black_box(text);
            Ok(())
        }));
        primitives.push(Primitive::new(open, move || {
            let mut text = sealed.clone();
            suite.aead.open(&open_key, &open_nonce, &[7; AAD], &mut text)?;
            black_box(text);
            Ok(())
        }));
    }
    Ok(primitives)
}

/// Signatures of different signers together.
fn batch(suite: &'static CipherSuite, random: Arc<dyn SecureRandom>) -> Result<Primitive> {
    let mut signed = Vec::with_capacity(BATCH);
    for i in 0..BATCH {
        let keys = suite.signature.generate_key_pair(&*random)?;
        let mut text = [7; SIGNED];
        text[..8].copy_from_slice(&i.to_be_bytes());
        let signature = suite.signature.load_signer(&keys.private)?.sign(&[&text])?;
        signed.push((keys.public, text, signature));
    }
    let run = move || {
        let texts: Vec<[&[u8]; 1]> = signed.iter().map(|(_, text, _)| [text.as_slice()]).collect();
        let items: Vec<Signed<'_>> = signed
            .iter()
            .zip(&texts)
            .map(|((public, _, signature), message)| Signed { public, message, signature })
            .collect();
        Ok(suite.signature.verify_batch(&items, &*random)?)
    };
    Ok(Primitive { name: "verify_batched", count: BATCH, run: Box::new(run) })
}
