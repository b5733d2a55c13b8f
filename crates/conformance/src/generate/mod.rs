//! Our own vectors, small, for every suite, in the working group's format.
//!
//! Everything is derived from a seed: equal seeds give equal files, byte for byte, as long as the library makes the same
//! choices in the same order. The files are a test of tomorrow's library against today's, and of others against ours; they
//! are no proof of conformance, because the same code makes and checks them.

mod passive;
mod trees;
mod wire;

use crate::fault::{At, Checked};
use crate::files::{
    crypto_basics, deserialization, key_schedule, message_protection, psk_secret, secret_tree,
    transcript_hashes, tree_math,
};
use crate::{Error, FILES};
use pleach_crypto::{CipherSuite, CryptoProvider};
use pleach_rustcrypto::SUITES;
use pleach_testkit::random::SeededRandom;
use serde::Serialize;
use std::{borrow::Cow, fs, path::Path, sync::Arc};

/// The algorithms, with randomness that the seed, the file and the suite determine.
struct Seeded<'a> {
    suite: &'a CipherSuite,
    provider: CryptoProvider,
}

impl Seeded<'static> {
    /// One for each suite.
    fn all(seed: u64, file: u64) -> impl Iterator<Item = Self> {
        SUITES.iter().map(move |suite| {
            let random = SeededRandom::new(seed ^ (file << 32) ^ (u64::from(suite.id.0) << 48));
            let provider = CryptoProvider { suites: Cow::Borrowed(&SUITES), random: Arc::new(random) };
            Self { suite, provider }
        })
    }
}

/// Writes all files into `directory`, and returns their names and sizes.
///
/// # Errors
/// [`Error`]; [`Error::Generate`] if the library refuses something, which is a bug in it or here.
pub fn write_all(directory: &Path, seed: u64) -> Result<Vec<(&'static str, usize)>, Error> {
    fs::create_dir_all(directory).map_err(|error| Error::Io(directory.to_owned(), error))?;
    let mut written = Vec::new();
    for (number, file) in (0..).zip(FILES) {
        let json = cases(file.name, Seeded::all(seed, number)).map_err(Error::Generate)?;
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
        "crypto-basics.json" => each(suites, |Seeded { suite, provider }| {
            Ok([crypto_basics::generate(suite, &*provider.random).at(file)?])
        }),
        "key-schedule.json" => {
            each(suites, |Seeded { suite, provider }| Ok([key_schedule::generate(suite, &*provider.random)?]))
        }
        "psk_secret.json" => each(suites, |Seeded { suite, provider }| {
            [0, 1, 3]
                .into_iter()
                .map(|n| psk_secret::generate(suite, &*provider.random, n))
                .collect::<Checked<Vec<_>>>()
        }),
        "secret-tree.json" => each(suites, |Seeded { suite, provider }| {
            [1, 4]
                .into_iter()
                .map(|n| secret_tree::generate(suite, &*provider.random, n))
                .collect::<Checked<Vec<_>>>()
        }),
        "transcript-hashes.json" => each(suites, |Seeded { suite, provider }| {
            Ok([transcript_hashes::generate(suite, &*provider.random)?])
        }),
        "message-protection.json" => {
            each(suites, |Seeded { suite, provider }| Ok([message_protection::generate(provider, suite)?]))
        }
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
