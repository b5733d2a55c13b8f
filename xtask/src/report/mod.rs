//! `cargo xtask report`: the project in numbers, alone or beside other libraries.
//!
//! What measures is in `benches/peers`, one binary per library; in here are what all reports share (building and running
//! those binaries, the file of results) and one module per report.

mod machine;
mod peers;
mod results;
mod sizes;
mod storage;

use crate::Result;

/// Which report.
#[derive(clap::Subcommand)]
pub(crate) enum Report {
    /// Rows, bytes and CPU per operation over SQLite, beside OpenMLS and mls-rs
    Storage(storage::Options),
}

/// Makes a report; sizes if none is named.
pub(crate) fn run(what: Option<&Report>) -> Result<()> {
    match what {
        None => sizes::run(),
        Some(Report::Storage(options)) => storage::run(options),
    }
}
