//! `cargo xtask report storage`: what operations read and write, over SQLite, beside OpenMLS and mls-rs.
//!
//! The work is one program (`benches/peers/harness`), run once per library and size, in turn. Every line is kept as it is
//! measured; then a table is printed, the page written and the promises compared with what was measured.

mod measured;
mod page;
mod promises;

use super::machine;
use super::options::Common;
use super::peers;
use super::results::{Results, State};
use crate::Result;
use crate::metadata::Workspace;
use measured::Measured;
use std::collections::BTreeMap;
use std::fs;

/// The page that a whole run writes.
const PAGE: &str = "docs/storage-costs.md";
/// Sizes of a whole run, and of a quick one.
const SIZES: [u64; 4] = [100, 1_000, 10_000, 100_000];
const QUICK_SIZES: [u64; 2] = [100, 1_000];

#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    common: Common,
    /// Write the page, though not everything was measured
    #[arg(long)]
    page: bool,
}

/// Measures what is missing, prints, and writes the page if the run was a whole one.
pub(crate) fn run(options: &Options) -> Result<()> {
    let root = Workspace::load()?.root;
    let common = &options.common;
    let mut results = Results::open(&common.results(&root, "storage"), machine::commit(&root), common.fresh)?;
    let target = common.target(&root);
    let mut binaries = BTreeMap::new();
    for n in common.sizes(&QUICK_SIZES, &SIZES) {
        for library in common.libraries() {
            if results.state(library, n) != State::Missing {
                eprintln!("n = {n}, {}: measured before", library.name());
                continue;
            }
            if !binaries.contains_key(library.name()) {
                binaries.insert(library.name(), peers::build(&root, &target, library)?);
            }
            let binary = binaries.get(library.name()).ok_or("a binary is missing")?;
            eprintln!("n = {n}, {}", library.name());
            peers::run(&binary.system, &arguments(common, n), |line| results.add(library, line))?;
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
    if common.json {
        results.lines().iter().for_each(|line| println!("{line}"));
    } else {
        print!("{}", page::summary(&measured));
        print!("\n{}", page::promises(&verdicts));
    }
    if common.is_whole() || options.page {
        let text = page::whole(&measured, &results, &verdicts, &machine::commit(&root));
        fs::write(root.join(PAGE), text).map_err(|e| format!("{PAGE}: {e}"))?;
        eprintln!("{PAGE} is written");
    }
    let broken = verdicts.iter().filter(|verdict| !verdict.kept).count();
    if common.check && (broken > 0 || verdicts.is_empty()) {
        return Err(format!("{broken} of {} promises are not kept", verdicts.len()));
    }
    Ok(())
}

fn arguments(options: &Common, n: u64) -> Vec<String> {
    let samples = if options.quick { 1 } else { 3 };
    let mut arguments = vec!["storage".into(), "--n".into(), n.to_string()];
    arguments.extend(["--samples".into(), samples.to_string(), "--limit".into(), options.limit.to_string()]);
    if !options.ops.is_empty() {
        arguments.extend(["--ops".into(), options.ops.join(",")]);
    }
    arguments
}
