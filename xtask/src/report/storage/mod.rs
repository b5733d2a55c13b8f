//! `cargo xtask report storage`: what operations read and write, over SQLite, beside OpenMLS and mls-rs.
//!
//! The work is one program (`benches/peers/harness`), run once per library and size, in turn. Every line is kept as it is
//! measured; then a table is printed, the page written and the promises compared with what was measured.

mod measured;
mod page;
mod promises;

use super::machine;
use super::peers::{self, Library};
use super::results::{Results, State};
use crate::Result;
use crate::metadata::Workspace;
use measured::Measured;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// The page that a whole run writes.
const PAGE: &str = "docs/storage-costs.md";
/// Sizes of a whole run, and of a quick one.
const SIZES: [u64; 4] = [100, 1_000, 10_000, 100_000];
const QUICK_SIZES: [u64; 2] = [100, 1_000];

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Small groups only, fewer repetitions; writes no page
    #[arg(long)]
    quick: bool,
    /// Print all measured lines instead of a table
    #[arg(long)]
    json: bool,
    /// Members of the groups
    #[arg(long, value_delimiter = ',')]
    n: Vec<u64>,
    /// Only these libraries
    #[arg(long, value_delimiter = ',')]
    only: Vec<Library>,
    /// Only these operations, by name
    #[arg(long, value_delimiter = ',')]
    ops: Vec<String>,
    /// Forget earlier results
    #[arg(long)]
    fresh: bool,
    /// Write the page, though not everything was measured
    #[arg(long)]
    page: bool,
    /// Fail if a promise about rows and bytes is not kept
    #[arg(long)]
    check: bool,
    /// Seconds of CPU for one step after which a library's series ends; twice as many for creating the group, ten times for all
    #[arg(long, default_value_t = 60)]
    limit: u64,
    /// Where results are kept [default: target/report/storage.jsonl]
    #[arg(long)]
    results: Option<PathBuf>,
    /// Where the libraries are built [default: target/peers]
    #[arg(long)]
    target_dir: Option<PathBuf>,
}

impl Options {
    fn sizes(&self) -> Vec<u64> {
        match (self.n.is_empty(), self.quick) {
            (false, _) => self.n.clone(),
            (true, true) => QUICK_SIZES.to_vec(),
            (true, false) => SIZES.to_vec(),
        }
    }

    /// Whether this run measures everything that the page is about.
    fn is_whole(&self) -> bool {
        !self.quick && self.n.is_empty() && self.only.is_empty() && self.ops.is_empty()
    }

    fn libraries(&self) -> Vec<Library> {
        Library::ALL
            .into_iter()
            .filter(|library| self.only.is_empty() || self.only.contains(library))
            .collect()
    }
}

/// Measures what is missing, prints, and writes the page if the run was a whole one.
pub(crate) fn run(options: &Options) -> Result<()> {
    let root = Workspace::load()?.root;
    let name = if options.quick { "storage-quick.jsonl" } else { "storage.jsonl" };
    let path = options.results.clone().unwrap_or_else(|| root.join("target/report").join(name));
    let mut results = Results::open(&path, machine::commit(&root), options.fresh)?;
    let target = options.target_dir.clone().unwrap_or_else(|| root.join("target/peers"));
    let mut binaries = BTreeMap::new();
    for n in options.sizes() {
        for library in options.libraries() {
            if results.state(library, n) != State::Missing {
                eprintln!("n = {n}, {}: measured before", library.name());
                continue;
            }
            if !binaries.contains_key(library.name()) {
                binaries.insert(library.name(), peers::build(&root, &target, library)?);
            }
            let binary = binaries.get(library.name()).ok_or("a binary is missing")?;
            eprintln!("n = {n}, {}", library.name());
            peers::run(binary, &arguments(options, n), |line| results.add(library, line))?;
            if let State::Stopped(stop) = results.state(library, n) {
                eprintln!(
                    "n = {n}, {}: {} took more than {} s",
                    library.name(),
                    stop.operation,
                    stop.limit_s
                );
            }
        }
    }

    let measured = Measured::new(results.lines());
    let verdicts = promises::check(&measured);
    if options.json {
        results.lines().iter().for_each(|line| println!("{line}"));
    } else {
        print!("{}", page::summary(&measured));
        print!("\n{}", page::promises(&verdicts));
    }
    if options.is_whole() || options.page {
        let text = page::whole(&measured, &results, &verdicts, &machine::commit(&root));
        fs::write(root.join(PAGE), text).map_err(|e| format!("{PAGE}: {e}"))?;
        eprintln!("{PAGE} is written");
    }
    let broken = verdicts.iter().filter(|verdict| !verdict.kept).count();
    if options.check && (broken > 0 || verdicts.is_empty()) {
        return Err(format!("{broken} of {} promises are not kept", verdicts.len()));
    }
    Ok(())
}

fn arguments(options: &Options, n: u64) -> Vec<String> {
    let samples = if options.quick { 1 } else { 3 };
    let mut arguments = vec!["storage".into(), "--n".into(), n.to_string()];
    arguments.extend(["--samples".into(), samples.to_string(), "--limit".into(), options.limit.to_string()]);
    if !options.ops.is_empty() {
        arguments.extend(["--ops".into(), options.ops.join(",")]);
    }
    arguments
}
