//! `cargo xtask report`: the project in numbers, alone or beside other libraries.
//!
//! What measures is in `benches/peers`, one binary per library; in here are what all reports share (building and running
//! those binaries, the file of results) and one module per report.

mod machine;
mod options;
mod peers;
mod performance;
mod results;
mod sizes;
mod storage;
mod tables;

use crate::Result;

/// Which report; what operations cost if none is named.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: Option<Report>,
    #[command(flatten)]
    performance: performance::Options,
}

#[derive(clap::Subcommand)]
enum Report {
    /// Sizes, tests and requirement totals
    Sizes,
    /// Rows, bytes and CPU per operation over SQLite, beside OpenMLS and mls-rs
    Storage(storage::Options),
}

/// Makes a report.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    match &arguments.what {
        None => performance::run(&arguments.performance),
        Some(Report::Sizes) => sizes::run(),
        Some(Report::Storage(options)) => storage::run(options),
    }
}
