//! The command line of every peer.

use crate::limit::Limit;
use crate::output::{Line, print};
use crate::{Library, Result, send, storage};
use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Parser)]
#[command(about = "One MLS library at measured work; prints JSON lines")]
struct Arguments {
    #[command(subcommand)]
    work: Work,
}

#[derive(Subcommand)]
enum Work {
    /// Rows and bytes per operation with a group of n members in an SQLite file
    Storage {
        /// Members of the group
        #[arg(long)]
        n: u32,
        /// Only these operations, by name
        #[arg(long, value_delimiter = ',')]
        ops: Vec<String>,
        /// How often a later operation is repeated
        #[arg(long, default_value_t = 3)]
        samples: u32,
        /// Seconds of CPU after which one step ends the run; twice as many for creating the group, ten times for all
        #[arg(long, default_value_t = 60)]
        limit: u64,
    },
    /// Open a stored group and send one message, in this process
    OpenSend {
        /// The store
        #[arg(long)]
        store: PathBuf,
        /// What `identity` returned
        #[arg(long)]
        identity: PathBuf,
        /// Members of the group
        #[arg(long)]
        n: u32,
        /// Which repetition
        #[arg(long)]
        sample: u32,
    },
}

/// The `main` of a peer.
pub fn main(library: &dyn Library) -> ExitCode {
    match run(library, Arguments::parse().work) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", library.name());
            ExitCode::FAILURE
        }
    }
}

fn run(library: &dyn Library, work: Work) -> Result<()> {
    match work {
        Work::Storage { n, ops, samples, limit } => {
            print(&Line::Library { name: library.name(), versions: library.versions() });
            let limit = Limit::new(Duration::from_secs(limit));
            storage::run(library, &storage::Plan { n, ops, samples }, &limit)
        }
        Work::OpenSend { store, identity, n, sample } => send::run(library, &store, &identity, n, sample),
    }
}
