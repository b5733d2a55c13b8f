//! What the suite did and what it found: counts by area, Wycheproof files with run and skipped cases, failures.
//!
//! A check has a fixed name that says what must hold, so that a test of the suite can ask for exactly that check. A check that
//! cannot go on ends its area with [`Stop`]; the next area runs all the same, and a panic of the backend is a failure of the area that it
//! happened in.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};

use pleach_crypto::CryptoError;

/// One check that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What should have held.
    pub check: &'static str,
    /// The algorithm or suite.
    pub subject: String,
    /// The input, and what came out.
    pub detail: String,
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}: {}", self.subject, self.check, self.detail)
    }
}

/// The cases of one Wycheproof file for one algorithm.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileCount {
    /// Cases that were run.
    pub run: usize,
    /// Of those, the ones where the rules of MLS want another verdict than the file, by reason.
    pub differ: BTreeMap<&'static str, usize>,
    /// Cases that were not run, by reason.
    pub skipped: BTreeMap<&'static str, usize>,
}

/// The result of a run.
#[derive(Debug, Clone, Default)]
pub struct Report {
    name: String,
    areas: BTreeMap<(&'static str, String), usize>,
    files: BTreeMap<(&'static str, String), FileCount>,
    notes: Vec<String>,
    failures: Vec<Failure>,
}

impl Report {
    /// The name of the backend.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many checks were made, by area and algorithm or suite.
    pub fn areas(&self) -> impl Iterator<Item = (&'static str, &str, usize)> {
        self.areas.iter().map(|((area, subject), count)| (*area, &**subject, *count))
    }

    /// How many checks were made.
    #[must_use]
    pub fn checks(&self) -> usize {
        self.areas.values().sum()
    }

    /// The Wycheproof cases, by file and algorithm.
    pub fn files(&self) -> impl Iterator<Item = (&'static str, &str, &FileCount)> {
        self.files.iter().map(|((file, subject), count)| (*file, &**subject, count))
    }

    /// What the backend may do either way, and does.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What did not hold.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// Whether a check of this name failed.
    #[must_use]
    pub fn failed(&self, check: &str) -> bool {
        self.failures.iter().any(|failure| failure.check == check)
    }
}

/// At most this many failures of one check are shown in full.
const SHOWN: usize = 4;

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "crypto suite for {}: {} checks", self.name, self.checks())?;
        for (area, subject, count) in self.areas() {
            writeln!(f, "  {count:>6}  {area:<12} {subject}")?;
        }
        writeln!(f, "Wycheproof cases")?;
        for (file, subject, FileCount { run, differ, skipped }) in self.files() {
            writeln!(f, "  {run:>6} run  {file:<22} {subject}")?;
            for (reason, count) in differ {
                writeln!(f, "  {count:>6}   of them with another verdict: {reason}")?;
            }
            for (reason, count) in skipped {
                writeln!(f, "  {count:>6}   skipped: {reason}")?;
            }
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        let mut by_check = BTreeMap::<_, Vec<_>>::new();
        for failure in &self.failures {
            by_check.entry((failure.check, &failure.subject)).or_default().push(failure);
        }
        for failures in by_check.into_values() {
            for failure in failures.iter().take(SHOWN) {
                writeln!(f, "FAILED {failure}")?;
            }
            if let Some(more @ 1..) = failures.len().checked_sub(SHOWN) {
                writeln!(f, "       and {more} more of this kind")?;
            }
        }
        Ok(())
    }
}

/// An area cannot go on; why has been recorded.
#[derive(Debug)]
pub(super) struct Stop;

/// The report in the making.
pub(super) struct Checks {
    report: Report,
    area: &'static str,
    subject: String,
}

impl Checks {
    pub(super) fn new(name: &str) -> Self {
        let report = Report { name: name.to_owned(), ..Report::default() };
        Self { report, area: "", subject: String::new() }
    }

    pub(super) fn finish(self) -> Report {
        self.report
    }

    /// Runs the checks of one area for one algorithm or suite.
    pub(super) fn area(
        &mut self,
        area: &'static str,
        subject: &dyn Display,
        run: impl FnOnce(&mut Self) -> Result<(), Stop>,
    ) {
        self.area = area;
        self.subject = subject.to_string();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(self))) {
            let message = panic.downcast_ref::<String>().map(String::as_str);
            let message = message.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
            let detail = format!("in {area}: {message}");
            self.fail("nothing panics", detail);
        }
    }

    /// Runs a part of an area; what comes after it runs even if it cannot go on.
    pub(super) fn part(&mut self, run: impl FnOnce(&mut Self) -> Result<(), Stop>) {
        // A stop has been recorded where it came from.
        if let Err(Stop) = run(self) {}
    }

    fn fail(&mut self, check: &'static str, detail: String) {
        self.report.failures.push(Failure { check, subject: self.subject.clone(), detail });
    }

    fn count(&mut self) {
        *self.report.areas.entry((self.area, self.subject.clone())).or_default() += 1;
    }

    /// The check holds, or `detail` says with what input it does not.
    pub(super) fn holds(&mut self, check: &'static str, holds: bool, detail: impl FnOnce() -> String) {
        self.count();
        if !holds {
            self.fail(check, detail());
        }
    }

    /// Both are equal.
    #[expect(clippy::needless_pass_by_value, reason = "what is compared is mostly made for it")]
    pub(super) fn equal<T: PartialEq + Debug>(&mut self, check: &'static str, got: T, expected: T) {
        self.holds(check, got == expected, || format!("got {got:02x?}, not {expected:02x?}"));
    }

    /// Byte strings are equal.
    pub(super) fn bytes(&mut self, check: &'static str, got: &[u8], expected: &[u8]) {
        self.holds(check, got == expected, || {
            format!("got {}, not {}", hex::encode(got), hex::encode(expected))
        });
    }

    /// The operation succeeds; the area ends here if not.
    pub(super) fn ok<T>(&mut self, check: &'static str, result: Result<T, CryptoError>) -> Result<T, Stop> {
        self.count();
        result.map_err(|error| {
            self.fail(check, format!("{error}"));
            Stop
        })
    }

    /// The operation fails with one of these errors, on this input.
    pub(super) fn refused<T>(
        &mut self,
        check: &'static str,
        result: Result<T, CryptoError>,
        expected: &[CryptoError],
        input: impl FnOnce() -> String,
    ) {
        let got = result.err();
        let holds = got.as_ref().is_some_and(|error| expected.contains(error));
        self.holds(check, holds, || match got {
            None => format!("accepted {}", input()),
            Some(error) => format!("`{error}` for {}", input()),
        });
    }

    /// The algorithm or suite at hand.
    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    /// Counts of a Wycheproof file for the algorithm at hand.
    pub(super) fn file(&mut self, file: &'static str, count: FileCount) {
        self.report.files.insert((file, self.subject.clone()), count);
    }

    /// Says what the backend does where both are right.
    pub(super) fn note(&mut self, note: &str) {
        self.report.notes.push(format!("{}: {note}", self.subject));
    }
}
