//! `matrix`: the behaviour suite over every combination, in one binary. What it runs is in `pleach_testkit::matrix`.
//!
//! One line for each failure, a table at the end; or everything as JSON. The exit code is 1 if a case fails, 2 if the
//! arguments are wrong.

use clap::Parser;
use pleach_testkit::matrix::{Arguments, json, plan, print_table, run_all};
use std::process::ExitCode;
use std::time::Instant;

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
        for job in &jobs {
            println!("{job}");
        }
        return ExitCode::SUCCESS;
    }
    let processors = || std::thread::available_parallelism().map_or(2, usize::from);
    let (threads, began) = (arguments.threads.unwrap_or_else(processors), Instant::now());
    let outcomes = run_all(&jobs, threads, &|outcome| {
        eprintln!("FAILED {}: {}", outcome.job, outcome.failure.as_deref().unwrap_or_default());
    });
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
