//! Our own vectors, small, for every suite of RFC 9420 and in three files for the post-quantum ones, in the working group's format.
//!
//! Everything is derived from a seed: equal seeds give equal files, byte for byte, as long as the library makes the same
//! choices in the same order. The files are a test of tomorrow's library against today's, and of others against ours; they
//! are no proof of conformance, because the same code makes and checks them.

mod partial;
mod passive;
mod trees;
mod wire;

use crate::fault::{At, Checked};
use crate::files::{
    crypto_basics, deserialization, key_schedule, message_protection, psk_secret, secret_tree,
    transcript_hashes, tree_math,
};
use crate::{Error, FILES};
use pleach_crypto::{CipherSuite, CipherSuiteId, CryptoProvider};
use pleach_post_quantum::PostQuantumNumbering;
use pleach_rustcrypto::SUITES;
use pleach_testkit::random::SeededRandom;
use serde::Serialize;
use serde_json::Value;
use std::{
    borrow::Cow,
    fs,
    path::Path,
    sync::{Arc, LazyLock},
};

/// The algorithms, with randomness that the seed, the file and the suite determine.
struct Seeded<'a> {
    suite: &'a CipherSuite,
    provider: CryptoProvider,
    is_post_quantum: bool,
}

/// The post-quantum suites, under our numbers.
static POST_QUANTUM: LazyLock<Vec<CipherSuite>> =
    LazyLock::new(|| pleach_post_quantum::suites(&SUITES, &PostQuantumNumbering::PLEACH));

/// The files that have cases of the post-quantum suites: those suites are about KEMs and signatures, and large.
const POST_QUANTUM_FILES: [&str; 3] = ["crypto-basics.json", "treekem.json", "passive-client-welcome.json"];

impl Seeded<'static> {
    /// One for each suite of RFC 9420, and one for each post-quantum suite if the file has them.
    fn all(seed: u64, number: u64, file: &str) -> impl Iterator<Item = Self> {
        let post_quantum: &[CipherSuite] =
            if POST_QUANTUM_FILES.contains(&file) { &POST_QUANTUM } else { &[] };
        SUITES.iter().chain(post_quantum).map(move |suite| Self::new(seed, number, suite))
    }

    fn new(seed: u64, number: u64, suite: &'static CipherSuite) -> Self {
        let random = SeededRandom::new(seed ^ (number << 32) ^ (u64::from(suite.id.0) << 48));
        let is_post_quantum = SUITES.iter().all(|classical| classical.id != suite.id);
        let suites: &[CipherSuite] = if is_post_quantum { &POST_QUANTUM } else { &SUITES };
        let provider = CryptoProvider { suites: Cow::Borrowed(suites), random: Arc::new(random) };
        Self { suite, provider, is_post_quantum }
    }
}

/// Cases of our own for the files of `mls-partial`, of one suite: by file.
///
/// # Errors
/// [`Error::Generate`] if there is no such suite, or the library refuses something.
pub fn partial(suite: CipherSuiteId, seed: u64) -> Result<Vec<(&'static str, Vec<Value>)>, Error> {
    let mut suites = SUITES.iter().chain(&*POST_QUANTUM);
    let suite = suites.find(|known| known.id == suite).at("cipher_suite");
    suite.and_then(|suite| partial::all(&Seeded::new(seed, 0, suite))).map_err(Error::Generate)
}

/// Writes all files into `directory`, and returns their names and sizes.
///
/// # Errors
/// [`Error`]; [`Error::Generate`] if the library refuses something, which is a bug in it or here.
pub fn write_all(directory: &Path, seed: u64) -> Result<Vec<(&'static str, usize)>, Error> {
    fs::create_dir_all(directory).map_err(|error| Error::Io(directory.to_owned(), error))?;
    let mut written = Vec::new();
    for (number, file) in (0..).zip(FILES) {
        let json = cases(file.name, Seeded::all(seed, number, file.name)).map_err(Error::Generate)?;
        let path = directory.join(file.name);
        fs::write(&path, &json).map_err(|error| Error::Io(path, error))?;
        written.push((file.name, json.len()));
    }
    Ok(written)
}

fn cases(file: &str, suites: impl Iterator<Item = Seeded<'static>>) -> Checked<String> {
    match file {
        "tree-math.json" => array(tree_math::generate()),
        "deserialization.json" => array(deserialization::generate().at(file)?),
        "messages.json" => each(suites, |seeded| Ok([wire::messages(seeded)?])),
        "crypto-basics.json" => each(suites, |Seeded { suite, provider, .. }| {
            Ok([crypto_basics::generate(suite, &*provider.random).at(file)?])
        }),
        "key-schedule.json" => each(suites, |Seeded { suite, provider, .. }| {
            Ok([key_schedule::generate(suite, &*provider.random)?])
        }),
        "psk_secret.json" => each(suites, |Seeded { suite, provider, .. }| {
            [0, 1, 3]
                .into_iter()
                .map(|n| psk_secret::generate(suite, &*provider.random, n))
                .collect::<Checked<Vec<_>>>()
        }),
        "secret-tree.json" => each(suites, |Seeded { suite, provider, .. }| {
            [1, 4]
                .into_iter()
                .map(|n| secret_tree::generate(suite, &*provider.random, n))
                .collect::<Checked<Vec<_>>>()
        }),
        "transcript-hashes.json" => each(suites, |Seeded { suite, provider, .. }| {
            Ok([transcript_hashes::generate(suite, &*provider.random)?])
        }),
        "message-protection.json" => each(suites, |Seeded { suite, provider, .. }| {
            Ok([message_protection::generate(provider, suite)?])
        }),
        "welcome.json" => each(suites, |seeded| Ok([wire::welcome(seeded)?])),
        "tree-operations.json" => each(suites, trees::operations),
        "tree-validation.json" => each(suites, trees::validation),
        "treekem.json" => each(suites, trees::treekem),
        "passive-client-welcome.json" => each(suites, passive::welcome),
        "passive-client-handling-commit.json" => each(suites, passive::handling_commit),
        _ => each(suites, |seeded| Ok([passive::random(seeded)?])),
    }
}

/// The cases of each suite, one after the other.
fn each<C: Serialize, I: IntoIterator<Item = C>>(
    suites: impl Iterator<Item = Seeded<'static>>,
    cases: impl Fn(&Seeded<'static>) -> Checked<I>,
) -> Checked<String> {
    let mut all = Vec::new();
    for seeded in suites {
        all.extend(cases(&seeded)?);
    }
    array(all)
}

/// A JSON array, one case per line.
fn array<C: Serialize>(cases: impl IntoIterator<Item = C>) -> Checked<String> {
    let lines: Vec<String> =
        cases.into_iter().map(|case| serde_json::to_string(&case)).collect::<Result<_, _>>().at("json")?;
    Ok(format!("[\n{}\n]\n", lines.join(",\n")))
}
