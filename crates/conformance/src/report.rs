//! What came of running vectors: counts by file and suite, failures and skips, and the table that shows them.

use crate::Fault;
use pleach_crypto::CipherSuiteId;
use std::{collections::BTreeMap, fmt};

/// The cases of one file.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The file's name.
    pub file: String,
    /// Counts by cipher suite; `None` for files that have no suites.
    pub suites: BTreeMap<Option<CipherSuiteId>, Tally>,
    /// The cases that failed.
    pub failures: Vec<Failure>,
    /// The cases that were not run.
    pub skipped: Vec<Skip>,
}

/// Counts of cases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
    /// Not run.
    pub skipped: usize,
}

/// A case that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its place in the file.
    pub case: usize,
    /// What is wrong with it.
    pub fault: Fault,
}

/// A case that was not run, because nobody here has its suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    /// Its place in the file.
    pub case: usize,
    /// Its suite.
    pub suite: CipherSuiteId,
}

impl Tally {
    /// All of them.
    #[must_use]
    pub const fn total(self) -> usize {
        self.passed + self.failed + self.skipped
    }
}

impl std::iter::Sum for Tally {
    fn sum<I: Iterator<Item = Self>>(tallies: I) -> Self {
        tallies.fold(Self::default(), |sum, one| Self {
            passed: sum.passed + one.passed,
            failed: sum.failed + one.failed,
            skipped: sum.skipped + one.skipped,
        })
    }
}

impl Report {
    /// The counts of all suites together.
    #[must_use]
    pub fn total(&self) -> Tally {
        self.suites.values().copied().sum()
    }
}

/// The reports of a directory's files.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// One for each file that was found.
    pub reports: Vec<Report>,
    /// The files that were not.
    pub missing: Vec<String>,
}

impl Summary {
    /// The counts of all files together.
    #[must_use]
    pub fn total(&self) -> Tally {
        self.reports.iter().map(Report::total).sum()
    }

    /// Whether there was something to run, all of it was run, and all of it passed.
    #[must_use]
    pub fn is_success(&self) -> bool {
        let total = self.total();
        self.missing.is_empty() && total.passed > 0 && total.passed == total.total()
    }
}

/// The width of the column of file names: the longest of them.
const NAME: usize = 36;

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut columns: Vec<Option<CipherSuiteId>> =
            self.reports.iter().flat_map(|report| report.suites.keys().copied()).collect();
        columns.sort_unstable();
        columns.dedup();

        write!(f, "{:NAME$}", "suite")?;
        for suite in &columns {
            write!(f, "{:>6}", suite.map_or_else(|| "none".to_owned(), |suite| suite.0.to_string()))?;
        }
        writeln!(f, "{:>14}", "passed")?;
        for report in &self.reports {
            write!(f, "{:NAME$}", report.file)?;
            for suite in &columns {
                write!(f, "{:>6}", report.suites.get(suite).map_or_else(String::new, |tally| cell(*tally)))?;
            }
            let total = report.total();
            writeln!(f, "{:>14}", format!("{} of {}", total.passed, total.total()))?;
        }
        for name in &self.missing {
            writeln!(f, "{name:NAME$} missing")?;
        }
        for report in &self.reports {
            for Failure { case, fault } in &report.failures {
                writeln!(f, "failed: {}[{case}].{fault}", report.file)?;
            }
            for Skip { case, suite } in &report.skipped {
                writeln!(f, "skipped: {}[{case}]: no implementation of suite {suite}", report.file)?;
            }
        }
        let total = self.total();
        write!(f, "{} of {} cases in {} files", total.passed, total.total(), self.reports.len())
    }
}

fn cell(tally: Tally) -> String {
    if tally.passed == tally.total() {
        tally.passed.to_string()
    } else {
        format!("{}/{}", tally.passed, tally.total())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(tally: Tally) -> Report {
        Report { file: "a.json".to_owned(), suites: [(None, tally)].into(), ..Report::default() }
    }

    #[test]
    fn success_is_something_run_and_all_of_it_passed() {
        let summary = |tally| Summary { reports: vec![report(tally)], missing: Vec::new() };
        assert!(summary(Tally { passed: 1, ..Tally::default() }).is_success());
        assert!(!summary(Tally::default()).is_success());
        assert!(!summary(Tally { passed: 1, failed: 1, skipped: 0 }).is_success());
        assert!(!summary(Tally { passed: 1, failed: 0, skipped: 1 }).is_success());
        let missing = vec!["b.json".to_owned()];
        assert!(!Summary { missing, ..summary(Tally { passed: 1, ..Tally::default() }) }.is_success());
    }

    #[test]
    fn the_table_names_what_is_wrong() {
        let mut bad = report(Tally { passed: 1, failed: 1, skipped: 1 });
        bad.failures.push(Failure { case: 1, fault: Fault::new("left[2]", "wrong") });
        bad.skipped.push(Skip { case: 2, suite: CipherSuiteId(8) });
        let text = Summary { reports: vec![bad], missing: vec!["b.json".to_owned()] }.to_string();
        for line in
            ["a.json[1].left[2]: wrong", "a.json[2]: no implementation of suite", "1 of 3 cases", "missing"]
        {
            assert!(text.contains(line), "{text}");
        }
    }
}
