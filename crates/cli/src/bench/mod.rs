//! `bench`: what each suite costs with each backend, for somebody who has to choose one.
//!
//! Cases (a backend with a suite) take turns: all are set up, and then each round measures every one once, so that whatever slows
//! the machine down for a while slows all down alike; the first round is thrown away. Groups of more than [`TOGETHER`] members
//! would not fit into the memory at once: then the backends of one suite take turns, and suite follows suite. Wall-clock time,
//! monotonic; stores in memory, so that it is the cryptography and the protocol that are measured, not a disk. Large joins and
//! Commits use all threads, as they do in an application.
//!
//! Not here: benchmarks of single primitives, which are in the workspace's `benches`.

mod case;
mod figures;
mod machine;
mod page;
mod results;
mod spread;
mod table;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pleach::crypto::{CipherSuite, CryptoProvider};
use pleach::{Clock as _, SystemClock};
use std::time::Instant;

use crate::args::{BenchArgs, Global};
use crate::backends::{Asked, Backend, Choice};
use crate::exit::Failure;
use crate::inspect::time;
use crate::io::Output;
use crate::output::Report;
use case::{Case, Repeats};
use machine::Machine;
use results::{Measured, Results};

/// In larger groups only the backends of one suite take turns: a case holds a few kilobytes for each member.
const TOGETHER: u32 = 128;

/// What is to be measured.
type Planned = (Backend, CryptoProvider, CipherSuite);

pub(crate) fn bench(global: &Global, args: &BenchArgs) -> Result<Report, Failure> {
    let choice = Asked::read(global)?.compare();
    for suite in &args.suite {
        choice.provider().suite(*suite)?;
    }
    // Before minutes are spent on it.
    let page = Output::open(args.html.as_ref())?;
    let results = measure(&choice, args)?;

    let mut report = Report::new(results.json()).more(table::lines(&results));
    if !results.machine.optimised {
        let warning = "This build is not optimised: build with `--release`, or these numbers mean little.";
        report = report.line(String::new()).line(warning);
    }
    if let (Some(page), Some(path)) = (page, &args.html) {
        page.write(page::page(&results).as_bytes())?;
        report = report.line(String::new()).line(format!("the page is in {}", path.display()));
    }
    Ok(report)
}

fn measure(choice: &Choice, args: &BenchArgs) -> Result<Results, Failure> {
    let (members, rounds, repeats) = match args.quick {
        true => (8, 5, Repeats { key_packages: 2, commits: 2, messages: 8 }),
        false => (32, 15, Repeats { key_packages: 4, commits: 4, messages: 16 }),
    };
    let (members, rounds) = (args.members.unwrap_or(members), args.rounds.unwrap_or(rounds));
    let mut plan: Vec<Planned> = Vec::new();
    for backend in &choice.backends {
        let provider = backend.provider(choice.numbering);
        for suite in provider.suites.iter() {
            let wanted = args.suite.is_empty() || args.suite.contains(&suite.id);
            let planned = plan.iter().any(|(by, _, other)| by == backend && other.id == suite.id);
            if wanted && !planned {
                plan.push((*backend, provider.clone(), *suite));
            }
        }
    }
    let (date, start) = (time(SystemClock.now()), Instant::now());
    let progress = progress(plan.len() as u64 * (u64::from(rounds) + 2));
    let mut measured = Vec::new();
    let turns = take_turns(plan, members);
    let together = turns.len() <= 1;
    for turn in turns {
        let mut cases = Vec::new();
        for (backend, provider, suite) in turn {
            let name = format!("{}, suite {}", backend.name(), crate::text::suite_number(suite.id));
            progress.set_message(format!("setting up {name}"));
            cases.push(Case::new(backend, &provider, suite, members).map_err(|failure| failure.about(name))?);
            progress.inc(1);
        }
        for round in 0..=rounds {
            progress.set_message(match round {
                0 => "warming up".to_owned(),
                round => format!("round {round} of {rounds}"),
            });
            for case in &mut cases {
                let done = case.round(round, repeats);
                done.map_err(|failure| {
                    let suite = crate::text::suite_number(case.suite.id);
                    failure.about(format!("{}, suite {suite}", case.backend.name()))
                })?;
                if round == 0 {
                    case.samples.warm();
                }
                progress.inc(1);
            }
        }
        measured.extend(
            cases.iter().map(|case| {
                Measured::new(case.backend, case.suite.id, case.suite.algorithms(), &case.samples)
            }),
        );
    }
    progress.finish_and_clear();
    measured.sort_by_key(|case| (case.kind, case.suite));
    Ok(Results {
        machine: Machine::this(),
        numbering: choice.numbering,
        members,
        rounds,
        date,
        together,
        seconds: start.elapsed().as_secs(),
        cases: measured,
    })
}

/// Those that are in memory, and take turns, at the same time.
fn take_turns(mut plan: Vec<Planned>, members: u32) -> Vec<Vec<Planned>> {
    if members <= TOGETHER {
        return vec![plan];
    }
    plan.sort_by_key(|(_, _, suite)| suite.id);
    plan.chunk_by(|(_, _, one), (_, _, other)| one.id == other.id).map(<[Planned]>::to_vec).collect()
}

/// A bar on standard error, if that is a terminal.
fn progress(steps: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr());
    match ProgressStyle::with_template("{bar:32} {percent:>3}% {eta:>4} left  {msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backends::Numbering;

    #[test]
    fn large_groups_are_measured_suite_by_suite() {
        let mut plan = Vec::new();
        for backend in Backend::ALL {
            let provider = backend.provider(Numbering::default());
            plan.extend(provider.suites.iter().map(|suite| (backend, provider.clone(), *suite)));
        }
        let cases = plan.len();
        assert_eq!(take_turns(plan.clone(), TOGETHER).iter().map(Vec::len).collect::<Vec<_>>(), [cases]);
        let turns = take_turns(plan, TOGETHER + 1);
        assert_eq!(turns.iter().map(Vec::len).sum::<usize>(), cases);
        let mut suites = Vec::new();
        for turn in &turns {
            let (_, _, suite) = turn.first().unwrap();
            assert!(turn.len() <= 3 && turn.iter().all(|(_, _, other)| other.id == suite.id));
            suites.push(suite.id);
        }
        assert!(suites.is_sorted_by(|a, b| a < b) && suites.len() == 18, "{suites:?}");
    }
}
