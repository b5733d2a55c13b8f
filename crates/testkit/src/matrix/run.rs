//! Running jobs on threads.

use super::plan::{Job, Kind, Task};
use super::{Combination, Engine};
use crate::behaviour::mixed::{MixedCase, Side, three_backends};
use crate::behaviour::{Failure, World};
use pleach::crypto::CryptoProvider;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What became of a job.
#[derive(Debug)]
pub struct Outcome {
    /// The job.
    pub job: Job,
    /// How long it took.
    pub took: Duration,
    /// Why it failed, if it did.
    pub failure: Option<String>,
}

/// Runs the jobs, and tells `failed` of each failure at once. The outcomes are in the order of the jobs.
pub fn run_all(jobs: &[Job], threads: usize, failed: &(dyn Fn(&Outcome) + Sync)) -> Vec<Outcome> {
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(jobs.len())));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(job) = jobs.get(index) else { break };
                    let outcome = run(job);
                    if outcome.failure.is_some() {
                        failed(&outcome);
                    }
                    outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((index, outcome));
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by_key(|(index, _)| *index);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

fn run(job: &Job) -> Outcome {
    let began = Instant::now();
    let failure = match catch_unwind(AssertUnwindSafe(|| work(job))) {
        Ok(Ok(())) => None,
        Ok(Err(failure)) => Some(failure.to_string()),
        Err(_) => Some("it panicked".to_owned()),
    };
    Outcome { job: job.clone(), took: began.elapsed(), failure }
}

fn work(job: &Job) -> Result<(), Failure> {
    let Combination { kind, crypto, storage, suite, wire } = &*job.combination;
    let (suite, wire) = (*suite, wire.policy());
    let providers: Vec<CryptoProvider> = crypto.iter().map(|source| source.provider()).collect();
    match (job.task, &*providers, &**storage) {
        (Task::Case(case), [provider], [engine]) => {
            (case.run)(&World::new(provider.clone(), engine.stores()?, suite, wire))
        }
        (Task::Mixed(case), [first, others @ ..], [engine, engines @ ..]) => {
            // The kind says what is mixed: the other is the same on both sides.
            let sides = match kind {
                Kind::Mixed => (others.first(), Some(engine)),
                _ => (Some(first), engines.first()),
            };
            let (Some(second), Some(second_engine)) = sides else { return Err("half a mixture".into()) };
            let side = |provider: &CryptoProvider, engine: &Engine| {
                Side::new(provider, engine.stores()?, suite, wire)
            };
            two_sides(case, &side(first, engine)?, &side(second, second_engine)?)
        }
        (Task::Part(part), [first, second], _) => part.run(first, second, suite, wire),
        (Task::ThreeBackends, [a, b, c], _) => three_backends([a, b, c], suite, wire),
        _ => Err("no such combination".into()),
    }
}

fn two_sides(case: &MixedCase, first: &Side, second: &Side) -> Result<(), Failure> {
    (case.run)(first, second)?;
    first.check_used()?;
    second.check_used()
}
