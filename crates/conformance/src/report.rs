//! What came of running vectors: counts by file and suite, failures and skips, and the table that shows them.

use crate::Fault;
use pleach_crypto::{CipherSuiteId, KemId};
use std::{collections::BTreeMap, fmt};

/// The cases of one file.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The file's name.
    pub file: String,
    /// Counts by what the cases are of.
    pub columns: BTreeMap<Column, Tally>,
    /// The cases that failed.
    pub failures: Vec<Failure>,
    /// The cases that were not run.
    pub skipped: Vec<Skip>,
    /// The cases that passed and of which something could not be run.
    pub in_part: Vec<InPart>,
}

/// What a case is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// No algorithm in particular.
    Nothing,
    /// A cipher suite.
    Suite(CipherSuiteId),
    /// An HPKE KEM.
    Kem(KemId),
}

impl Column {
    /// Its head in the table.
    fn head(self) -> String {
        match self {
            Self::Nothing => "none".to_owned(),
            Self::Suite(suite) if suite.0 < 0x100 => suite.0.to_string(),
            Self::Suite(CipherSuiteId(number)) | Self::Kem(KemId(number)) => format!("{number:#06x}"),
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("no suite"),
            Self::Suite(suite) => write!(f, "suite {suite}"),
            Self::Kem(kem) => write!(f, "KEM {kem}"),
        }
    }
}

/// Counts of cases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
    /// Not run, which is an error.
    pub skipped: usize,
    /// Not run, and for a good reason.
    pub excused: usize,
}

/// A case that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its place in the file.
    pub case: usize,
    /// What is wrong with it.
    pub fault: Fault,
}

/// A case that was not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    /// Its place in the file.
    pub case: usize,
    /// Why.
    pub reason: Reason,
}

/// A case that was run in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InPart {
    /// Its place in the file.
    pub case: usize,
    /// What was run, and why no more.
    pub why: &'static str,
}

/// Why a case was not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Nobody here has its algorithms: an error.
    NoImplementation(Column),
    /// The one backend that was asked for does not have them.
    NotInBackend(Column),
    /// Its algorithms are of no cipher suite: which one.
    UsedByNoSuite(&'static str),
}

impl Reason {
    /// Whether it is no error.
    #[must_use]
    pub const fn is_excused(self) -> bool {
        !matches!(self, Self::NoImplementation(_))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoImplementation(column) => write!(f, "no implementation of {column}"),
            Self::NotInBackend(column) => write!(f, "not in this backend: {column}"),
            Self::UsedByNoSuite(which) => write!(f, "used by no suite: {which}"),
        }
    }
}

impl Tally {
    /// All of them.
    #[must_use]
    pub const fn total(self) -> usize {
        self.passed + self.failed + self.skipped + self.excused
    }
}

impl std::iter::Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), |sum, one| Self {
            passed: sum.passed + one.passed,
            failed: sum.failed + one.failed,
            skipped: sum.skipped + one.skipped,
            excused: sum.excused + one.excused,
        })
    }
}

impl Report {
    /// The counts of all columns together.
    #[must_use]
    pub fn total(&self) -> Tally {
        self.columns.values().copied().sum()
    }

    /// The counts of a column, as the table has them.
    fn cell(&self, column: Column) -> String {
        match self.columns.get(&column) {
            None => String::new(),
            Some(tally) if tally.passed == tally.total() => tally.passed.to_string(),
            Some(tally) => format!("{}/{}", tally.passed, tally.total()),
        }
    }
}

/// The reports of a directory's files.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// One for each file that was found.
    pub reports: Vec<Report>,
    /// The files that were not.
    pub missing: Vec<String>,
    /// The files beside them that are not of the set.
    pub unknown: Vec<String>,
}

impl Summary {
    /// The counts of all files together.
    #[must_use]
    pub fn total(&self) -> Tally {
        self.reports.iter().map(Report::total).sum()
    }

    /// Whether there was something to run, all of it was run that must be, and all that was run passed.
    #[must_use]
    pub fn is_success(&self) -> bool {
        let total = self.total();
        self.missing.is_empty() && total.passed > 0 && total.failed + total.skipped == 0
    }
}

/// The width of the column of file names: the longest of them.
const NAME: usize = 36;

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut columns: Vec<Column> =
            self.reports.iter().flat_map(|report| report.columns.keys().copied()).collect();
        columns.sort_unstable();
        columns.dedup();
        let width = |column: &Column| {
            let cells = self.reports.iter().map(|report| report.cell(*column).len());
            cells.chain([column.head().len()]).max().unwrap_or_default() + 2
        };
        let columns: Vec<(Column, usize)> =
            columns.into_iter().map(|column| (column, width(&column))).collect();

        let is_kem = columns.iter().any(|(column, _)| matches!(column, Column::Kem(_)));
        write!(f, "{:NAME$}", if is_kem { "KEM" } else { "suite" })?;
        for (column, width) in &columns {
            write!(f, "{:>width$}", column.head())?;
        }
        writeln!(f, "{:>14}", "passed")?;
        for report in &self.reports {
            write!(f, "{:NAME$}", report.file)?;
            for (column, width) in &columns {
                write!(f, "{:>width$}", report.cell(*column))?;
            }
            let total = report.total();
            writeln!(f, "{:>14}", format!("{} of {}", total.passed, total.total()))?;
        }
        for name in &self.missing {
            writeln!(f, "{name:NAME$} missing")?;
        }
        for name in &self.unknown {
            writeln!(f, "unknown: {name} is no file of this set, and was not looked at")?;
        }
        self.remarks(f)?;
        let total = self.total();
        let files = if self.reports.len() == 1 { "file" } else { "files" };
        write!(f, "{} of {} cases in {} {files}", total.passed, total.total(), self.reports.len())?;
        if total.excused > 0 {
            write!(f, ", {} not run for the reasons above", total.excused)?;
        }
        Ok(())
    }
}

impl Summary {
    /// What was not run, or not as a whole, and what failed.
    fn remarks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lacking: BTreeMap<Reason, usize> = BTreeMap::new();
        for Report { file, skipped, in_part, .. } in &self.reports {
            for InPart { case, why } in in_part {
                writeln!(f, "in part: {file}[{case}]: {why}")?;
            }
            for Skip { case, reason } in skipped {
                match reason {
                    Reason::NotInBackend(_) => *lacking.entry(*reason).or_default() += 1,
                    _ => writeln!(f, "skipped: {file}[{case}]: {reason}")?,
                }
            }
        }
        for (reason, cases) in lacking {
            writeln!(f, "{reason}: {cases} cases")?;
        }
        for report in &self.reports {
            for Failure { case, fault } in &report.failures {
                writeln!(f, "failed: {}[{case}].{fault}", report.file)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(tally: Tally) -> Report {
        Report { file: "a.json".to_owned(), columns: [(Column::Nothing, tally)].into(), ..Report::default() }
    }

    fn summary(tally: Tally) -> Summary {
        Summary { reports: vec![report(tally)], ..Summary::default() }
    }

    #[test]
    fn success_is_something_run_and_all_of_it_passed() {
        let one = Tally { passed: 1, ..Tally::default() };
        assert!(summary(one).is_success());
        assert!(summary(Tally { excused: 1, ..one }).is_success());
        assert!(!summary(Tally { excused: 1, ..Tally::default() }).is_success());
        assert!(!summary(Tally::default()).is_success());
        assert!(!summary(Tally { failed: 1, ..one }).is_success());
        assert!(!summary(Tally { skipped: 1, ..one }).is_success());
        assert!(!Summary { missing: vec!["b.json".to_owned()], ..summary(one) }.is_success());
        assert!(Summary { unknown: vec!["b.json".to_owned()], ..summary(one) }.is_success());
    }

    #[test]
    fn the_table_names_what_is_wrong() {
        let suite = |number| Column::Suite(CipherSuiteId(number));
        let mut bad = report(Tally { passed: 1, failed: 1, skipped: 1, excused: 3 });
        bad.failures.push(Failure { case: 1, fault: Fault::new("left[2]", "wrong") });
        let reasons = [
            Reason::NoImplementation(suite(8)),
            Reason::UsedByNoSuite("a KEM"),
            Reason::NotInBackend(suite(9)),
            Reason::NotInBackend(suite(9)),
        ];
        bad.skipped.extend((2..).zip(reasons).map(|(case, reason)| Skip { case, reason }));
        bad.in_part.push(InPart { case: 0, why: "half of it" });
        let (missing, unknown) = (vec!["b.json".to_owned()], vec!["c.json".to_owned()]);
        let text = Summary { reports: vec![bad], missing, unknown }.to_string();
        for line in [
            "a.json[1].left[2]: wrong",
            "skipped: a.json[2]: no implementation of suite 0x0008",
            "skipped: a.json[3]: used by no suite: a KEM",
            "not in this backend: suite 0x0009: 2 cases",
            "in part: a.json[0]: half of it",
            "1 of 6 cases in 1 file, 3 not run",
            "missing",
            "unknown: c.json",
        ] {
            assert!(text.contains(line), "{text}");
        }
    }
}
