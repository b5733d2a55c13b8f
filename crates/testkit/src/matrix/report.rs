//! The results: a table for people, JSON for machines. Both come from the same sums.

use super::{Kind, Outcome};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a row sums up.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    passed: usize,
    failed: usize,
    total: Duration,
    longest: Duration,
}

impl Sum {
    fn of<'o>(outcomes: impl IntoIterator<Item = &'o Outcome>) -> Self {
        let mut sum = Self::default();
        outcomes.into_iter().for_each(|outcome| sum.add(outcome));
        sum
    }

    fn add(&mut self, outcome: &Outcome) {
        *(if outcome.failure.is_none() { &mut self.passed } else { &mut self.failed }) += 1;
        self.total += outcome.took;
        self.longest = self.longest.max(outcome.took);
    }

    fn json(&self, name: &str) -> Value {
        let Self { passed, failed, total, longest } = self;
        json!({
            "name": name,
            "passed": passed,
            "failed": failed,
            "seconds": total.as_secs_f64(),
            "longest": longest.as_secs_f64(),
        })
    }
}

/// Rows in the order of their first outcomes.
fn rows(outcomes: &[Outcome], names: impl Fn(&Outcome) -> Vec<String>) -> Vec<(String, Sum)> {
    let (mut order, mut sums) = (Vec::new(), BTreeMap::<String, Sum>::new());
    for outcome in outcomes {
        for name in names(outcome) {
            if !sums.contains_key(&name) {
                order.push(name.clone());
            }
            sums.entry(name).or_default().add(outcome);
        }
    }
    order.into_iter().map(|name| (name.clone(), sums.remove(&name).unwrap_or_default())).collect()
}

fn combinations(outcomes: &[Outcome]) -> Vec<(String, Sum)> {
    rows(outcomes, |outcome| vec![outcome.job.combination.to_string()])
}

/// A row for each plain combination; mixed groups by what is mixed.
fn groups(outcomes: &[Outcome]) -> Vec<(String, Sum)> {
    rows(outcomes, |outcome| {
        let combination = &outcome.job.combination;
        vec![if combination.kind == Kind::Plain { combination.to_string() } else { combination.group() }]
    })
}

/// A mixed group counts for each of its backends.
fn backends(outcomes: &[Outcome]) -> Vec<(String, Sum)> {
    rows(outcomes, |outcome| outcome.job.combination.backends().iter().map(ToString::to_string).collect())
}

fn suites(outcomes: &[Outcome]) -> Vec<(String, Sum)> {
    let mut rows = rows(outcomes, |outcome| vec![format!("{:#06x}", outcome.job.combination.suite.0)]);
    rows.sort_by(|(a, _), (b, _)| a.cmp(b));
    rows
}

/// Prints a table of counts and times. The times are of single cases, added up over all threads.
pub fn print_table(outcomes: &[Outcome], wall: Duration) {
    for (title, rows) in [
        ("combination", groups(outcomes)),
        ("backend (mixed groups count for each)", backends(outcomes)),
        ("suite", suites(outcomes)),
    ] {
        println!("{title:<64} {:>6} {:>6} {:>9} {:>9}", "passed", "failed", "time", "longest");
        for (name, Sum { passed, failed, total, longest }) in rows {
            let (total, longest) = (total.as_secs_f64(), longest.as_secs_f64());
            println!("{name:<64} {passed:>6} {failed:>6} {total:>8.2}s {longest:>8.2}s");
        }
        println!();
    }
    let sum = Sum::of(outcomes);
    let combinations = combinations(outcomes).len();
    println!(
        "{} of {} cases passed, on {combinations} combinations, in {:.1} s",
        sum.passed,
        outcomes.len(),
        wall.as_secs_f64()
    );
}

/// The same, and each case.
#[must_use]
pub fn json(outcomes: &[Outcome], wall: Duration) -> Value {
    let list = |rows: Vec<(String, Sum)>| rows.iter().map(|(name, sum)| sum.json(name)).collect::<Vec<_>>();
    let case = |outcome: &Outcome| {
        json!({
            "name": outcome.job.to_string(),
            "about": outcome.job.about(),
            "passed": outcome.failure.is_none(),
            "failure": outcome.failure,
            "seconds": outcome.took.as_secs_f64(),
        })
    };
    let sum = Sum::of(outcomes);
    json!({
        "passed": sum.passed,
        "failed": sum.failed,
        "seconds": wall.as_secs_f64(),
        "combinations": list(combinations(outcomes)),
        "backends": list(backends(outcomes)),
        "suites": list(suites(outcomes)),
        "cases": outcomes.iter().map(case).collect::<Vec<_>>(),
    })
}
