//! What we promise about rows and bytes, compared with what was measured.
//!
//! Growth is compared between the smallest and the largest size: a + b log2 n with a, b >= 0 grows by at most the ratio of
//! logarithms. A quarter is left for what differs from run to run.

use super::measured::{Growth, Measured, OPERATIONS, Operation};
use crate::report::peers::Library;

/// Where our bytes per Commit are compared with those of others, and how many times fewer they must be.
const COMPARED_AT: u64 = 10_000;
const TIMES_FEWER: f64 = 100.0;
const SLACK: f64 = 1.25;
/// What is compared for growth.
const COUNTED: [&str; 4] = ["rows_read", "bytes_read", "rows_written", "bytes_written"];

/// A promise and whether it is kept.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) kept: bool,
    pub(crate) text: String,
}

/// Compares every promise about which enough was measured.
pub(crate) fn check(measured: &Measured) -> Vec<Verdict> {
    let mut verdicts = fewer_bytes(measured);
    verdicts.extend(OPERATIONS.iter().filter_map(|operation| growth(measured, operation)));
    verdicts
}

/// At 10^4 at least 100 times fewer bytes per Commit than either of the others.
fn fewer_bytes(measured: &Measured) -> Vec<Verdict> {
    let commits = OPERATIONS.iter().filter(|at| at.tree == "populated");
    let commits: Vec<_> = commits.filter(|at| matches!(at.name, "commit" | "process")).collect();
    let others = Library::ALL.into_iter().filter(|&library| library != Library::Pleach);
    others
        .filter_map(|library| {
            let ratio = |at: &&Operation| measured.ratio(library, COMPARED_AT, at, "bytes_written");
            let least = commits.iter().filter_map(ratio).reduce(f64::min)?;
            Some(Verdict {
                kept: least >= TIMES_FEWER,
                text: format!(
                    "at n = {COMPARED_AT}, a Commit (own or received, first or later) writes at least {TIMES_FEWER:.0} times \
                     fewer bytes than with {}: {least:.0} times or more",
                    library.title()
                ),
            })
        })
        .collect()
}

/// Constant or logarithmic growth of our rows and bytes.
fn growth(measured: &Measured, at: &Operation) -> Option<Verdict> {
    let sizes = measured.sizes().into_iter();
    let mut sizes = sizes.filter(|&n| measured.median(Library::Pleach, n, at, "rows_read").is_some());
    let (first, last) = (sizes.next()?, sizes.next_back()?);
    let (allowed, word) = match at.growth {
        Growth::Constant => (1.0, "constant"),
        Growth::Logarithmic => ((last as f64).log2() / (first as f64).log2(), "logarithmic"),
        Growth::Linear => return None,
    };
    let value =
        |n: u64, field: &str| measured.median(Library::Pleach, n, at, field).unwrap_or_default() as f64;
    let worst = COUNTED.map(|field| (value(last, field) / value(first, field).max(1.0), field));
    let (grown, field) = worst.into_iter().reduce(|a, b| if b.0 > a.0 { b } else { a })?;
    Some(Verdict {
        kept: grown <= allowed * SLACK,
        text: format!(
            "{}: {word} from n = {first} to {last}: at most {grown:.2} times ({}), {:.2} allowed",
            at.title,
            field.replace('_', " "),
            allowed * SLACK
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::super::measured::Measured;
    use super::check;
    use serde_json::{Value, json};

    fn row(library: &str, n: u64, written: u64) -> Value {
        json!({
            "line": "row", "library": library, "n": n, "operation": "commit", "tree": "populated", "temperature": "warm",
            "rows_read": 3, "bytes_read": 300, "rows_written": 10, "bytes_written": written,
        })
    }

    fn kept(ours: [u64; 2], theirs: u64) -> Vec<bool> {
        let lines =
            [row("pleach", 100, ours[0]), row("pleach", 10_000, ours[1]), row("openmls", 10_000, theirs)];
        check(&Measured::new(&lines)).iter().map(|verdict| verdict.kept).collect()
    }

    #[test]
    fn promises_can_be_broken() {
        assert_eq!(kept([1_000, 2_000], 200_000), [true, true]);
        assert_eq!(kept([1_000, 2_000], 199_000), [false, true]);
        // Twice the logarithm allows twice as much, and a quarter more.
        assert_eq!(kept([1_000, 2_600], 900_000), [true, false]);
        // Nothing is said about what was not measured.
        assert!(check(&Measured::new(&[])).is_empty());
    }
}
