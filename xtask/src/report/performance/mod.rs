//! `cargo xtask report`: what operations cost, beside the floor of their cryptography and beside OpenMLS and mls-rs.
//!
//! The work is one program (`benches/peers/harness`), run once per library, provider, size and round, in turn. Every line is kept
//! as it is measured; then the budget and tables are printed, and the page and its plots written.

mod budget;
#[cfg(test)]
mod example;
mod floor;
mod kept;
mod measured;
mod operations;
mod page;
mod plan;
mod plot;
mod runs;
mod statistics;
mod tables;
mod units;

use super::machine;
use super::options::Common;
use super::peers::{self, Binaries, End, Library};
use crate::Result;
use crate::metadata::Workspace;
use budget::Verdict;
use measured::Measured;
use operations::Part;
use plan::{Choice, QUICK_SIZES, Run, SIZES, Subject, runs};
use runs::{Commits, Runs};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The page that a whole run writes.
const PAGE: &str = "docs/performance.md";
const PLOTS: &str = "docs/performance";
/// The provider that says which suite everybody has.
const COMMON: &str = "aws-lc";
/// What does the work with every library.
const HARNESS: &str = "benches/peers/harness";
/// What makes the synthetic groups: others are made when it changes.
const GROUP_MAKERS: [&str; 2] = ["benches/peers/pleach", "crates/testkit/src/synthetic.rs"];
/// KeyPackages in the synthetic groups end some day: older groups are made anew.
const GROUPS_LAST: Duration = Duration::from_secs(30 * 24 * 3_600);

#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// Only these providers of cryptography, by name
    #[arg(long, value_delimiter = ',')]
    provider: Vec<String>,
    /// Measure nothing; write the page from what is there
    #[arg(long)]
    page: bool,
}

impl Options {
    /// Whether this run measures everything that the page is about.
    fn is_whole(&self) -> bool {
        self.common.is_whole() && self.provider.is_empty()
    }
}

/// Measures what is missing, prints, and writes the page if the run was a whole one.
pub(crate) fn run(options: &Options) -> Result<()> {
    let root = Workspace::load()?.root;
    let path = options.common.results(&root, "performance");
    let machine = format!("{}; {}", machine::processors(), machine::compiler());
    let results = match options.page {
        true => Runs::read(&path)?,
        false => Runs::open(&path, commits(&root), machine, options.common.fresh)?,
    };
    let target = options.common.target(&root);
    let groups = root.join("target/report/groups").join(machine::commit_of(&root, &GROUP_MAKERS));
    let mut report = Report { options, results, groups, binaries: BTreeMap::new(), failed: Vec::new() };
    if !options.page {
        report.measure(&root, &target)?;
    }

    let measured = Measured::new(report.results.lines());
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let verdicts = budget::verdicts(&measured, processors);
    if options.common.json {
        report.results.lines().iter().for_each(|line| println!("{line}"));
        verdicts.iter().for_each(|verdict| println!("{}", line(verdict)));
    } else {
        print!("{}", page::summary(&measured, &verdicts));
    }
    if options.is_whole() || options.page {
        write(&root, &measured, &verdicts, &report.results.commits())?;
    }
    if !report.failed.is_empty() {
        return Err(report.failed.join("\n"));
    }
    if options.common.check { check(&verdicts, options.is_whole()) } else { Ok(()) }
}

/// The commits that lines depend on: of another library, only what measures it.
fn commits(root: &Path) -> Commits {
    let commit = |library: Library| match library {
        Library::Pleach => machine::commit(root),
        other => machine::commit_of(root, &[HARNESS, &format!("benches/peers/{}", other.name())]),
    };
    Library::ALL.into_iter().map(|library| (library, commit(library))).collect()
}

/// A verdict as a line of JSON.
fn line(verdict: &Verdict) -> serde_json::Value {
    json!({
        "line": "budget", "title": verdict.line.title, "operation": verdict.line.operation, "n": verdict.n,
        "floor": verdict.floor, "measured": verdict.measured, "ratio": verdict.ratio, "allowed": verdict.allowed,
        "verdict": verdict.verdict().trim_matches('*'),
    })
}

/// Writes the page and its plots; plots of operations that are no more are removed.
fn write(root: &Path, measured: &Measured, verdicts: &[Verdict], commit: &str) -> Result<()> {
    fn failed(path: &Path) -> impl Fn(std::io::Error) -> String + '_ {
        move |e| format!("{}: {e}", path.display())
    }
    let (page, plots) = (root.join(PAGE), root.join(PLOTS));
    let before = fs::read_to_string(&page).unwrap_or_default();
    let text = page::whole(measured, verdicts, commit, &before);
    fs::create_dir_all(&plots).map_err(failed(&plots))?;
    for entry in fs::read_dir(&plots).map_err(failed(&plots))?.filter_map(std::result::Result::ok) {
        if entry.path().extension().is_some_and(|extension| extension == "svg") {
            fs::remove_file(entry.path()).map_err(failed(&entry.path()))?;
        }
    }
    for (name, text) in page::plots(measured) {
        let path = plots.join(name).with_extension("svg");
        fs::write(&path, text).map_err(failed(&path))?;
    }
    fs::write(&page, text).map_err(failed(&page))?;
    eprintln!("{PAGE} is written");
    Ok(())
}

/// Fails if a line is not met.
fn check(verdicts: &[Verdict], whole: bool) -> Result<()> {
    let judged = |verdict: &&Verdict| whole || verdict.measured.is_some();
    let judged: Vec<&Verdict> = verdicts.iter().filter(judged).collect();
    let broken = judged.iter().filter(|verdict| !verdict.met).count();
    if broken > 0 || judged.is_empty() {
        return Err(format!("{broken} of {} lines of the budget are not met", judged.len()));
    }
    Ok(())
}

/// A report in the making.
struct Report<'o> {
    options: &'o Options,
    results: Runs,
    /// Where the synthetic groups are.
    groups: PathBuf,
    binaries: BTreeMap<&'static str, Binaries>,
    failed: Vec<String>,
}

impl Report<'_> {
    fn measure(&mut self, root: &Path, target: &Path) -> Result<()> {
        let common = &self.options.common;
        let (sizes, quick) = (common.sizes(&QUICK_SIZES, &SIZES), common.quick);
        let libraries = common.libraries();
        let choice =
            Choice { sizes: &sizes, libraries: &libraries, providers: &self.options.provider, quick };
        let wanted = |run: &Run| {
            !self.results.has(run, &self.options.common.ops)
                && (self.options.common.ops.is_empty() || !self.parts(run).is_empty())
        };
        let runs: Vec<Run> = runs(&choice).into_iter().filter(wanted).collect();
        // Ours makes the groups that everybody joins.
        for library in Library::ALL {
            let needed = runs.iter().any(|run| run.what.library() == library)
                || (library == Library::Pleach && !runs.is_empty());
            if needed {
                self.binaries.insert(library.name(), peers::build(root, target, library)?);
            }
        }
        let start = Instant::now();
        for (at, run) in runs.iter().enumerate() {
            let Run { what, provider, n, round } = run;
            let (at, of, after) = (at + 1, runs.len(), start.elapsed().as_secs());
            eprintln!("[{at}/{of}, {after} s] n = {n}, round {}: {} ({provider})", round + 1, what.name());
            let began = Instant::now();
            // A failure of one library does not keep the others from being measured; its run counts as not done.
            match self.once(run) {
                Ok(outcome) => self.ran(run, outcome, began.elapsed())?,
                Err(error) => {
                    eprintln!("{error}");
                    self.failed.push(error);
                }
            }
        }
        Ok(())
    }

    fn ran(&mut self, run: &Run, outcome: &str, time: Duration) -> Result<()> {
        self.results.ran(run, &self.options.common.ops, outcome, time.as_secs_f64())
    }

    /// One run: again without the parts that were stopped, if one was.
    fn once(&mut self, run: &Run) -> Result<&'static str> {
        match run.what {
            Subject::Floor => {
                return self.start(run, &["floor", "--provider", run.provider].map(str::to_owned));
            }
            Subject::Heap(_) => {
                let group = self.group(run)?.display().to_string();
                let limit = self.limit(run).to_string();
                let arguments =
                    ["heap", "--n", &run.n.to_string(), "--provider", run.provider, "--limit", &limit];
                let arguments = arguments.into_iter().chain(["--synthetic", &group]).map(str::to_owned);
                return self.start(run, &arguments.collect::<Vec<_>>());
            }
            Subject::Library(_) | Subject::Threads | Subject::System => {}
        }
        let group = self.group(run)?;
        let mut left = self.parts(run);
        let mut outcome = "stopped";
        while !left.is_empty() {
            outcome = self.start(run, &self.arguments(run, &left, &group))?;
            let stopped = self.results.stopped(run);
            // What comes after the last part that was stopped has not been measured.
            let Some(last) = left.iter().rposition(|part| stopped.contains(part)) else { break };
            left.drain(..=last);
        }
        Ok(outcome)
    }

    /// The parts that a run is about: those that were not stopped at a smaller size.
    fn parts(&self, run: &Run) -> Vec<Part> {
        let stopped = self.results.stopped(run);
        let wanted = |part: &Part| part.operations().any(|operation| self.is_wanted(operation, run));
        Part::ALL.into_iter().filter(|part| !stopped.contains(part)).filter(wanted).collect()
    }

    /// Whether a run is to measure an operation.
    fn is_wanted(&self, operation: &str, run: &Run) -> bool {
        let ops = &self.options.common.ops;
        plan::possible(operation, run) && (ops.is_empty() || ops.iter().any(|op| op == operation))
    }

    fn limit(&self, run: &Run) -> u64 {
        plan::limit(run.what.library(), self.options.common.limit)
    }

    fn arguments(&self, run: &Run, parts: &[Part], group: &Path) -> Vec<String> {
        let quick = self.options.common.quick;
        let mut arguments: Vec<String> = ["perf", "--provider", run.provider].map(str::to_owned).to_vec();
        let numbers = [
            ("--n", run.n),
            ("--samples", u64::from(plan::samples(run.n, quick))),
            ("--limit", self.limit(run)),
            ("--patience", plan::patience(run, quick).as_secs()),
        ];
        arguments.extend(numbers.into_iter().flat_map(|(name, value)| [name.to_owned(), value.to_string()]));
        arguments.extend(["--synthetic".to_owned(), group.display().to_string()]);
        if run.what == Subject::Threads {
            arguments.push("--all-processors".to_owned());
        }
        let operations = parts.iter().flat_map(|part| part.operations());
        let operations: Vec<&str> = operations.filter(|operation| self.is_wanted(operation, run)).collect();
        arguments.extend(["--ops".to_owned(), operations.join(",")]);
        arguments
    }

    /// Starts a binary, and keeps what it prints.
    fn start(&mut self, run: &Run, arguments: &[String]) -> Result<&'static str> {
        let binaries = self.binaries.get(run.what.library().name()).ok_or("a binary is missing")?;
        let binary = if run.what.has_system_allocator() { &binaries.system } else { &binaries.measured };
        let most = plan::most(run, self.options.common.quick);
        let end = peers::run_within(binary, arguments, Some(most), |line| self.results.add(run, line))?;
        Ok(match end {
            End::Finished => "finished",
            End::OutOfTime => {
                eprintln!("ended after {} s", most.as_secs());
                "out of time"
            }
        })
    }

    /// The synthetic group for a run, made if it is not there.
    fn group(&self, run: &Run) -> Result<PathBuf> {
        let provider = if run.provider.starts_with("post-quantum") { run.provider } else { COMMON };
        let directory = self.groups.join(format!("{provider}-{}", run.n));
        let made = fs::metadata(directory.join("meta.json")).and_then(|made| made.modified());
        if made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age < GROUPS_LAST)) {
            return Ok(directory);
        }
        eprintln!("making a group of {} ({provider})", run.n);
        let binary = self.binaries.get(Library::Pleach.name()).ok_or("a binary is missing")?;
        let (n, parties) = (run.n.to_string(), plan::parties(run.n).to_string());
        let out = directory.display().to_string();
        let arguments =
            ["synthesize", "--n", &n, "--provider", provider, "--parties", &parties, "--out", &out];
        peers::run(&binary.measured, &arguments.map(str::to_owned), |_| Ok(()))?;
        Ok(directory)
    }
}
