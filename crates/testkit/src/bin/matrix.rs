//! `matrix`: the behaviour suite over crypto x storage x suite x wire policy, in one binary.
//!
//! Cases are named `rustcrypto::sqlite::0x0001::private::external_join`; the filters choose among them, and a filter that
//! nothing matches is an error, so that nothing is left out silently. One line for each failure, a table at the end; or
//! everything as JSON. The exit code is 1 if a case fails, 2 if the arguments are wrong.
//!
//! Cost: each case has a world of its own; two threads by default.

use clap::{Parser, ValueEnum};
use pleach::WirePolicy;
use pleach::crypto::{CipherSuiteId, CryptoProvider};
use pleach_testkit::behaviour::{CASES, Case, Failure, MemoryStores, SqliteStores, World};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Runs the behaviour suite over every combination of backend, storage engine, suite and wire policy.
#[derive(Debug, Parser)]
struct Arguments {
    /// Backends to run; all by default.
    #[arg(long, value_enum)]
    crypto: Vec<Crypto>,
    /// Storage engines to run; all by default.
    #[arg(long, value_enum)]
    storage: Vec<Storage>,
    /// Suites to run, as 0x0001 or 1; all that the backend has by default.
    #[arg(long, value_parser = suite)]
    suite: Vec<CipherSuiteId>,
    /// Wire policies to run; all by default.
    #[arg(long, value_enum)]
    wire: Vec<Wire>,
    /// Run only cases whose name contains this.
    #[arg(long)]
    case: Vec<String>,
    /// How many threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Print the names of what would run, and run nothing.
    #[arg(long)]
    list: bool,
    /// Print the results as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Crypto {
    Rustcrypto,
}

impl Crypto {
    fn provider(self) -> CryptoProvider {
        match self {
            Self::Rustcrypto => pleach_rustcrypto::provider(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Storage {
    Memory,
    Sqlite,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Wire {
    Private,
    Public,
}

impl Wire {
    const fn policy(self) -> WirePolicy {
        match self {
            Self::Private => WirePolicy::PRIVATE,
            Self::Public => WirePolicy::PUBLIC,
        }
    }
}

fn suite(text: &str) -> Result<CipherSuiteId, String> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u16::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map(CipherSuiteId).map_err(|error| error.to_string())
}

/// The name of a value as on the command line.
fn word(value: &impl ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

/// What a case runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Combination {
    crypto: Crypto,
    storage: Storage,
    suite: CipherSuiteId,
    wire: Wire,
}

impl Combination {
    fn name(&self) -> String {
        let Self { crypto, storage, suite, wire } = self;
        format!("{}::{}::{:#06x}::{}", word(crypto), word(storage), suite.0, word(wire))
    }

    fn world(&self) -> Result<World, Failure> {
        let (provider, policy) = (self.crypto.provider(), self.wire.policy());
        Ok(match self.storage {
            Storage::Memory => World::new(provider, MemoryStores::default(), self.suite, policy),
            Storage::Sqlite => World::new(provider, SqliteStores::new()?, self.suite, policy),
        })
    }
}

struct Outcome {
    combination: Combination,
    case: &'static Case,
    took: Duration,
    failure: Option<String>,
}

impl Outcome {
    fn name(&self) -> String {
        format!("{}::{}", self.combination.name(), self.case.name)
    }
}

fn or_all<T: ValueEnum + Clone>(chosen: &[T]) -> Vec<T> {
    if chosen.is_empty() { T::value_variants().to_vec() } else { chosen.to_vec() }
}

fn plan(arguments: &Arguments) -> Result<Vec<(Combination, &'static Case)>, String> {
    for wanted in &arguments.case {
        if !CASES.iter().any(|case| case.name.contains(wanted.as_str())) {
            return Err(format!("no case is named like {wanted}"));
        }
    }
    let chosen = |case: &&Case| {
        arguments.case.is_empty() || arguments.case.iter().any(|part| case.name.contains(part.as_str()))
    };
    let mut jobs = Vec::new();
    for crypto in or_all(&arguments.crypto) {
        let suites: Vec<_> = crypto.provider().suites.iter().map(|suite| suite.id).collect();
        if let Some(missing) = arguments.suite.iter().find(|suite| !suites.contains(suite)) {
            return Err(format!("{} has no suite {missing}", word(&crypto)));
        }
        let suites = if arguments.suite.is_empty() { suites } else { arguments.suite.clone() };
        for storage in or_all(&arguments.storage) {
            for &suite in &suites {
                for wire in or_all(&arguments.wire) {
                    let combination = Combination { crypto, storage, suite, wire };
                    jobs.extend(CASES.iter().filter(chosen).map(|case| (combination, case)));
                }
            }
        }
    }
    Ok(jobs)
}

fn run(combination: Combination, case: &'static Case) -> Outcome {
    let began = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| (case.run)(&combination.world()?)));
    let failure = match result {
        Ok(Ok(())) => None,
        Ok(Err(failure)) => Some(failure.to_string()),
        Err(_) => Some("it panicked".to_owned()),
    };
    Outcome { combination, case, took: began.elapsed(), failure }
}

fn run_all(jobs: &[(Combination, &'static Case)], threads: usize) -> Vec<Outcome> {
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(jobs.len())));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while let Some(&(combination, case)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = run(combination, case);
                    if let Some(failure) = &outcome.failure {
                        eprintln!("FAILED {}: {failure}", outcome.name());
                    }
                    outcomes.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by_key(|outcome| (outcome.combination, outcome.case.name));
    outcomes
}

fn print_table(outcomes: &[Outcome], wall: Duration) {
    let mut rows: BTreeMap<Combination, (usize, usize, Duration, Duration)> = BTreeMap::new();
    for outcome in outcomes {
        let (passed, failed, total, longest) = rows.entry(outcome.combination).or_default();
        *(if outcome.failure.is_none() { passed } else { failed }) += 1;
        *total += outcome.took;
        *longest = (*longest).max(outcome.took);
    }
    println!("{:<40} {:>6} {:>6} {:>9} {:>9}", "combination", "passed", "failed", "time", "longest");
    for (combination, (passed, failed, total, longest)) in &rows {
        let (total, longest) = (total.as_secs_f64(), longest.as_secs_f64());
        println!("{:<40} {passed:>6} {failed:>6} {total:>8.2}s {longest:>8.2}s", combination.name());
    }
    let failed = outcomes.iter().filter(|outcome| outcome.failure.is_some()).count();
    println!("{} of {} passed, in {:.1} s", outcomes.len() - failed, outcomes.len(), wall.as_secs_f64());
}

fn json(outcomes: &[Outcome], wall: Duration) -> serde_json::Value {
    let cases: Vec<_> = outcomes
        .iter()
        .map(|outcome| {
            serde_json::json!({
                "name": outcome.name(),
                "about": outcome.case.about,
                "passed": outcome.failure.is_none(),
                "failure": outcome.failure,
                "seconds": outcome.took.as_secs_f64(),
            })
        })
        .collect();
    let failed = outcomes.iter().filter(|outcome| outcome.failure.is_some()).count();
    serde_json::json!({
        "passed": outcomes.len() - failed,
        "failed": failed,
        "seconds": wall.as_secs_f64(),
        "cases": cases,
    })
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let jobs = match plan(&arguments) {
        Ok(jobs) => jobs,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    if arguments.list {
        for (combination, case) in &jobs {
            println!("{}::{}", combination.name(), case.name);
        }
        return ExitCode::SUCCESS;
    }
    let began = Instant::now();
    let outcomes = run_all(&jobs, arguments.threads);
    if arguments.json {
        println!("{:#}", json(&outcomes, began.elapsed()));
    } else {
        print_table(&outcomes, began.elapsed());
    }
    if outcomes.iter().any(|outcome| outcome.failure.is_some()) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}
