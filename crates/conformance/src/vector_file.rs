//! One file of vectors, and how its cases are run.

use crate::{Column, Failure, Fault, InPart, Reason, Report, Skip, fault::Checked};
use pleach_crypto::{CipherSuiteId, CryptoProvider, KemId};
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
    /// How many cases its publisher's file has.
    pub official_cases: usize,
    /// What its cases are of.
    pub by: By,
    pub(crate) check: fn(&CryptoProvider, &Value) -> Checked,
}

/// What the cases of a file are of, and counted by.
#[derive(Debug, Clone, Copy)]
pub enum By {
    /// Of no algorithm in particular.
    Nothing,
    /// Of the cipher suite in `cipher_suite`.
    Suite,
    /// Of the KEM in `kem_id`; the function says how much of a case concerns MLS.
    Kem(fn(&Value) -> Extent),
}

/// How much of a case can be run, whatever the backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// Some of it, and why no more.
    InPart(&'static str),
    /// Nothing, because its algorithms are no suite's: which one.
    UsedByNoSuite(&'static str),
}

/// A set or file that could not be run at all.
#[derive(Debug)]
pub enum Error {
    /// It cannot be read.
    Io(PathBuf, io::Error),
    /// It is no JSON array.
    Json(PathBuf, serde_json::Error),
    /// The directory holds no set of vectors that is known, or more than one.
    UnknownSet(PathBuf, Vec<&'static str>),
    /// A case of our own could not be made.
    Generate(Fault),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Json(path, error) => write!(f, "{}: {error}", path.display()),
            Self::UnknownSet(path, found) if found.is_empty() => {
                write!(f, "{}: no set of vectors that is known here", path.display())
            }
            Self::UnknownSet(path, found) => {
                write!(f, "{}: files of more than one set of vectors: {}", path.display(), found.join(", "))
            }
            Self::Generate(fault) => write!(f, "no case was made: {fault}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(_, error) => Some(error),
            Self::Json(_, error) => Some(error),
            Self::UnknownSet(..) | Self::Generate(_) => None,
        }
    }
}

/// Which cases to run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// Those of one suite, and those without.
    pub suite: Option<CipherSuiteId>,
    /// Whether what the provider lacks is to be expected, because one backend of several was asked for. Else it is an
    /// error.
    pub one_backend: bool,
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
            let column = self.column(value);
            if let (Some(only), Column::Suite(suite)) = (filter.suite, column)
                && only != suite
            {
                continue;
            }
            let tally = report.columns.entry(column).or_default();
            match self.why_not(provider, filter, column, value) {
                Some(reason) => {
                    *(if reason.is_excused() { &mut tally.excused } else { &mut tally.skipped }) += 1;
                    report.skipped.push(Skip { case, reason });
                }
                None => match self.check_case(provider, value) {
                    Ok(()) => {
                        tally.passed += 1;
                        if let Extent::InPart(why) = self.extent(value) {
                            report.in_part.push(InPart { case, why });
                        }
                    }
                    Err(fault) => {
                        tally.failed += 1;
                        report.failures.push(Failure { case, fault });
                    }
                },
            }
        }
        Ok(report)
    }

    /// Why a case is not run, if it is not.
    fn why_not(
        &self,
        provider: &CryptoProvider,
        filter: Filter,
        column: Column,
        case: &Value,
    ) -> Option<Reason> {
        if let Extent::UsedByNoSuite(which) = self.extent(case) {
            return Some(Reason::UsedByNoSuite(which));
        }
        let is_here = match column {
            Column::Nothing => true,
            Column::Suite(suite) => provider.suite(suite).is_ok(),
            Column::Kem(kem) => provider.suites.iter().any(|suite| suite.kem.id() == kem),
        };
        match (is_here, filter.one_backend) {
            (true, _) => None,
            (false, true) => Some(Reason::NotInBackend(column)),
            (false, false) => Some(Reason::NoImplementation(column)),
        }
    }

    fn extent(&self, case: &Value) -> Extent {
        match self.by {
            By::Kem(extent) => extent(case),
            By::Nothing | By::Suite => Extent::Whole,
        }
    }

    /// The column that a case is counted in.
    fn column(&self, case: &Value) -> Column {
        let number = |field| case.get(field)?.as_u64().and_then(|number| u16::try_from(number).ok());
        match self.by {
            By::Nothing => None,
            By::Suite => number("cipher_suite").map(CipherSuiteId).map(Column::Suite),
            By::Kem(_) => number("kem_id").map(KemId).map(Column::Kem),
        }
        .unwrap_or(Column::Nothing)
    }

    /// Runs one case.
    ///
    /// # Errors
    /// What is wrong with it; that its suite is unknown, too.
    pub fn check_case(&self, provider: &CryptoProvider, case: &Value) -> Result<(), Fault> {
        (self.check)(provider, case)
    }
}

/// The fields of a case.
pub(crate) fn fields<T: DeserializeOwned>(case: &Value) -> Checked<T> {
    T::deserialize(case).map_err(|error| Fault::new("case", error))
}
