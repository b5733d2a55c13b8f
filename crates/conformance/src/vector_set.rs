//! The sets of vector files: a directory holds one of them, and which is seen by its files.
//!
//! File names are not unique (`tree-operations.json` is in two sets, in two formats), so a file is looked up in its set.

use crate::{Error, Filter, Summary, VectorFile, files, hpke, partial};
use pleach_crypto::CryptoProvider;
use std::{fs, io, path::Path};

/// Vector files that are published together.
#[derive(Debug)]
pub struct VectorSet {
    /// The name, which is that of the directory in which the tests look for it.
    pub name: &'static str,
    /// The files.
    pub files: &'static [&'static VectorFile],
}

/// The sixteen files of the MLS working group, from the simplest to those that need most of the library.
pub static FILES: [&VectorFile; 16] = [
    &files::tree_math::FILE,
    &files::deserialization::FILE,
    &files::messages::FILE,
    &files::crypto_basics::FILE,
    &files::key_schedule::FILE,
    &files::psk_secret::FILE,
    &files::secret_tree::FILE,
    &files::transcript_hashes::FILE,
    &files::message_protection::FILE,
    &files::welcome::FILE,
    &files::tree_operations::FILE,
    &files::tree_validation::FILE,
    &files::treekem::FILE,
    &files::passive_client::WELCOME,
    &files::passive_client::HANDLING_COMMIT,
    &files::passive_client::RANDOM,
];

/// The working group's, of RFC 9420: github.com/mlswg/mls-implementations, commit cfd4502 of 23 April 2026.
pub static IMPLEMENTATIONS: VectorSet = VectorSet { name: "mls-implementations", files: &FILES };

/// The four files of the draft on partial clients that need no running client: github.com/mlswg/mls-partial, commit 7616202
/// of 7 May 2026. The only public ones with post-quantum suites.
pub static PARTIAL: VectorSet = VectorSet { name: "mls-partial", files: &partial::FILES };

/// HPKE with post-quantum KEMs: the vectors of draft-ietf-hpke-pq.
pub static HPKE: VectorSet = VectorSet { name: "hpke", files: &[&hpke::FILE] };

/// All sets.
pub static SETS: [&VectorSet; 3] = [&IMPLEMENTATIONS, &PARTIAL, &HPKE];

/// The file of the working group's set with this name, with or without `.json`.
#[must_use]
pub fn file(name: &str) -> Option<&'static VectorFile> {
    IMPLEMENTATIONS.file(name)
}

impl VectorSet {
    /// The set that a directory holds: the one whose files are there, those not counted that several sets have.
    ///
    /// # Errors
    /// [`Error::UnknownSet`] if there are files of none, or of more than one; [`Error::Io`].
    pub fn of(directory: &Path) -> Result<&'static Self, Error> {
        let present = json_files(directory)?;
        let is_here = |set: &&&Self| present.iter().any(|name| set.has_alone(name));
        match *SETS.iter().filter(is_here).collect::<Vec<_>>() {
            [set] => Ok(set),
            ref sets => {
                let found = sets.iter().map(|set| set.name).collect();
                Err(Error::UnknownSet(directory.to_owned(), found))
            }
        }
    }

    /// The file with this name, with or without `.json`.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&'static VectorFile> {
        let stem = name.strip_suffix(".json").unwrap_or(name);
        self.files.iter().copied().find(|file| file.name.strip_suffix(".json") == Some(stem))
    }

    /// Whether the file is one of this set and of no other.
    fn has_alone(&self, name: &str) -> bool {
        SETS.iter().all(|set| set.file(name).is_some() == (set.name == self.name))
    }

    /// Runs all files of the set in `directory`; one that is not there is [`missing`](Summary::missing), one that is there
    /// and not of the set is [`unknown`](Summary::unknown).
    ///
    /// # Errors
    /// [`Error`] for a file that is there and cannot be read.
    pub fn check(
        &self,
        directory: &Path,
        provider: &CryptoProvider,
        filter: Filter,
    ) -> Result<Summary, Error> {
        let mut summary = Summary { unknown: json_files(directory)?, ..Summary::default() };
        summary.unknown.retain(|name| self.file(name).is_none());
        for file in self.files {
            match file.check_some(directory, provider, filter) {
                Ok(report) => summary.reports.push(report),
                Err(Error::Io(_, error)) if error.kind() == io::ErrorKind::NotFound => {
                    summary.missing.push(file.name.to_owned());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(summary)
    }
}

/// Runs all files of the set that `directory` holds.
///
/// # Errors
/// [`Error`].
pub fn check_directory(
    directory: &Path,
    provider: &CryptoProvider,
    filter: Filter,
) -> Result<Summary, Error> {
    VectorSet::of(directory)?.check(directory, provider, filter)
}

/// The names of the JSON files of a directory, sorted.
fn json_files(directory: &Path) -> Result<Vec<String>, Error> {
    let error = |error| Error::Io(directory.to_owned(), error);
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(error)? {
        if let Ok(name) = entry.map_err(error)?.file_name().into_string()
            && Path::new(&name).extension().is_some_and(|extension| extension == "json")
        {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}
