//! Pleach at measured work: each of its backends, its defaults.
//!
//! Besides the work of every peer: `synthesize` writes the group that all libraries join, `floor` measures the primitives.

mod floor;
mod library;
mod native;
mod synthesize;

use clap::{Parser, Subcommand};
use library::PROVIDERS;
use peer_harness::{Result, Work};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "Pleach at measured work; prints JSON lines")]
struct Arguments {
    #[command(subcommand)]
    work: Own,
}

#[derive(Subcommand)]
enum Own {
    #[command(flatten)]
    Common(Work),
    /// Write a fully populated group for all libraries: tree, GroupInfo, and KeyPackages of strangers
    Synthesize {
        /// Members of the group, those who will join included
        #[arg(long)]
        n: u32,
        /// The crypto provider, which says which suite
        #[arg(long, default_value = "aws-lc")]
        provider: String,
        /// How many will join by external Commits: 7 if not given, 4 in a group of more than 200,000, to save memory
        #[arg(long)]
        parties: Option<u32>,
        /// From which everything is made
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// The directory
        #[arg(long)]
        out: PathBuf,
    },
    /// Measure the primitives alone
    Floor {
        /// The crypto provider
        #[arg(long)]
        provider: String,
        /// How often each is measured; the median is printed
        #[arg(long, default_value_t = 15)]
        samples: usize,
    },
}

/// The command line.
#[must_use]
pub fn main() -> ExitCode {
    peer_harness::exit(run(Arguments::parse().work))
}

fn run(work: Own) -> Result<()> {
    match work {
        Own::Common(work) => peer_harness::run(&PROVIDERS, work),
        Own::Synthesize { n, provider, parties, seed, out } => {
            let parties = parties.unwrap_or(if n > 200_000 { 4 } else { 7 });
            synthesize::run(&library::find(&provider)?, n, parties, seed, &out)
        }
        Own::Floor { provider, samples } => {
            peer_harness::stay_on_one_processor()?;
            floor::run(&library::find(&provider)?, samples.max(1))
        }
    }
}
