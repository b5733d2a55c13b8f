//! The sixteen files, and how one of them is run.

use crate::{Failure, Fault, Report, Skip, Summary, fault::Checked, files};
use pleach_crypto::{CipherSuiteId, CryptoProvider};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// A kind of vector file.
#[derive(Debug)]
pub struct VectorFile {
    /// The file's name.
    pub name: &'static str,
    /// How many cases the working group's file has (commit cfd4502 of 23 April 2026).
    pub official_cases: usize,
    /// Whether its cases have cipher suites.
    pub has_suites: bool,
    pub(crate) check: fn(&CryptoProvider, &Value) -> Checked,
}

/// All of them, from the simplest to those that need most of the library.
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

/// The file of this name, with or without `.json`.
#[must_use]
pub fn file(name: &str) -> Option<&'static VectorFile> {
    let stem = name.strip_suffix(".json").unwrap_or(name);
    FILES.into_iter().find(|file| file.name.strip_suffix(".json") == Some(stem))
}

/// A file that could not be run at all.
#[derive(Debug)]
pub enum Error {
    /// It cannot be read.
    Io(PathBuf, io::Error),
    /// It is no JSON array.
    Json(PathBuf, serde_json::Error),
    /// A case of our own could not be made.
    Generate(Fault),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Json(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Generate(fault) => write!(f, "no case was made: {fault}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(_, error) => Some(error),
            Self::Json(_, error) => Some(error),
            Self::Generate(_) => None,
        }
    }
}

/// Which cases to run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// Those of one suite, and those without.
    pub suite: Option<CipherSuiteId>,
}

impl VectorFile {
    /// The cases of the file in `directory`.
    ///
    /// # Errors
    /// [`Error`].
    pub fn read(&self, directory: &Path) -> Result<Vec<Value>, Error> {
        let path = directory.join(self.name);
        let bytes = fs::read(&path).map_err(|error| Error::Io(path.clone(), error))?;
        serde_json::from_slice(&bytes).map_err(|error| Error::Json(path, error))
    }

    /// Runs all cases of the file in `directory`.
    ///
    /// # Errors
    /// [`Error`]; a case that fails is in the report.
    pub fn check(&self, directory: &Path, provider: &CryptoProvider) -> Result<Report, Error> {
        self.check_some(directory, provider, Filter::default())
    }

    /// As [`check`](Self::check), of some cases.
    ///
    /// # Errors
    /// As of [`check`](Self::check).
    pub fn check_some(
        &self,
        directory: &Path,
        provider: &CryptoProvider,
        filter: Filter,
    ) -> Result<Report, Error> {
        let mut report = Report { file: self.name.to_owned(), ..Report::default() };
        for (case, value) in self.read(directory)?.iter().enumerate() {
            let suite = if self.has_suites { suite_of(value) } else { None };
            if filter.suite.is_some_and(|only| suite.is_some_and(|suite| suite != only)) {
                continue;
            }
            let tally = report.suites.entry(suite).or_default();
            if let Some(suite) = suite.filter(|suite| provider.suite(*suite).is_err()) {
                tally.skipped += 1;
                report.skipped.push(Skip { case, suite });
                continue;
            }
            match self.check_case(provider, value) {
                Ok(()) => tally.passed += 1,
                Err(fault) => {
                    tally.failed += 1;
                    report.failures.push(Failure { case, fault });
                }
            }
        }
        Ok(report)
    }

    /// Runs one case.
    ///
    /// # Errors
    /// What is wrong with it; that its suite is unknown, too.
    pub fn check_case(&self, provider: &CryptoProvider, case: &Value) -> Result<(), Fault> {
        (self.check)(provider, case)
    }
}

fn suite_of(case: &Value) -> Option<CipherSuiteId> {
    let suite = case.get("cipher_suite")?.as_u64()?;
    u16::try_from(suite).ok().map(CipherSuiteId)
}

/// Runs all files in `directory`; one that is not there is [`missing`](Summary::missing).
///
/// # Errors
/// [`Error`] for a file that is there and cannot be read.
pub fn check_directory(
    directory: &Path,
    provider: &CryptoProvider,
    filter: Filter,
) -> Result<Summary, Error> {
    let mut summary = Summary::default();
    for file in FILES {
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

/// The fields of a case.
pub(crate) fn fields<T: DeserializeOwned>(case: &Value) -> Checked<T> {
    T::deserialize(case).map_err(|error| Fault::new("case", error))
}
