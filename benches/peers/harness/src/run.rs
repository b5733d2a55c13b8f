//! The command line of every peer.

use crate::limit::{Bounds, Limit};
use crate::output::{Line, Who, print};
use crate::{Failure, Library, Result, heap, perf, send, storage};
use clap::{Parser, Subcommand};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// A crypto provider of a library, by name: the first is the default of the `storage` work.
pub type Provider = (&'static str, fn() -> Box<dyn Library>);

#[derive(Parser)]
#[command(about = "One MLS library at measured work; prints JSON lines")]
struct Arguments {
    #[command(subcommand)]
    work: Work,
}

/// The work that every peer can do.
#[derive(Debug, Subcommand)]
pub enum Work {
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
    /// CPU and wall time per operation with a group of n members, everything in memory
    Perf {
        /// Members of the group
        #[arg(long)]
        n: u32,
        /// The crypto provider
        #[arg(long)]
        provider: String,
        /// Only these operations, by name
        #[arg(long, value_delimiter = ',')]
        ops: Vec<String>,
        /// How often an operation is repeated, where there is nothing to make it fewer
        #[arg(long, default_value_t = 5)]
        samples: u32,
        /// Seconds of CPU after which one step ends the run; ten times as many for all
        #[arg(long, default_value_t = 60)]
        limit: u64,
        /// Seconds after which nothing is repeated any more
        #[arg(long, visible_alias = "budget", default_value_t = 20)]
        patience: u64,
        /// A directory that `pleach-peer synthesize` wrote for this n and suite; without it all members are real
        #[arg(long, visible_alias = "group")]
        synthetic: Option<PathBuf>,
        /// On all processors, for wall time; without it on one
        #[arg(long)]
        all_processors: bool,
    },
    /// Resident memory that one member of a group of n needs, in a process that does nothing else
    Heap {
        /// Members of the group
        #[arg(long)]
        n: u32,
        /// The crypto provider
        #[arg(long)]
        provider: String,
        /// A directory that `pleach-peer synthesize` wrote for this n and suite
        #[arg(long, visible_alias = "group")]
        synthetic: PathBuf,
        /// Seconds of CPU after which the run ends
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

/// The `main` of a peer without work of its own.
#[must_use]
pub fn main(providers: &[Provider]) -> ExitCode {
    exit(run(providers, Arguments::parse().work))
}

/// Says what failed.
#[must_use]
pub fn exit(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Does the work.
///
/// # Errors
/// Whatever failed.
pub fn run(providers: &[Provider], work: Work) -> Result<()> {
    let (_, default) = providers.first().ok_or("no provider")?;
    let find = |name: &str| {
        let found = providers.iter().find(|(provider, _)| *provider == name);
        found.map(|(_, make)| make()).ok_or_else(|| {
            let names: Vec<_> = providers.iter().map(|(name, _)| *name).collect();
            Failure::from(format!("no provider {name}; there are {}", names.join(", ")))
        })
    };
    match work {
        Work::Storage { n, ops, samples, limit } => {
            let library = default();
            print(&Line::Library {
                name: library.name(),
                versions: library.versions(),
                provider: None,
                suite: None,
            });
            let limit = Limit::new(Duration::from_secs(limit), Bounds::Storage);
            storage::run(&*library, &storage::Plan { n, ops, samples }, &limit)
        }
        Work::OpenSend { store, identity, n, sample } => send::run(&*default(), &store, &identity, n, sample),
        Work::Perf { n, provider, ops, samples, limit, patience, synthetic, all_processors } => {
            if !all_processors {
                stay_on_one_processor()?;
            }
            let library = find(&provider)?;
            let limit = start(&*library, limit);
            let patience = Duration::from_secs(patience);
            let plan = perf::Plan { n, ops, samples: samples.max(1), patience, synthetic };
            perf::run(&*library, &plan, &limit)
        }
        Work::Heap { n, provider, synthetic, limit } => {
            stay_on_one_processor()?;
            let library = find(&provider)?;
            let limit = start(&*library, limit);
            heap::run(&*library, n, &synthetic, &limit)
        }
    }
}

/// Keeps this process on the first processor that it may run on: what is measured is CPU time on one. To be called while it has
/// but one thread: those that start later stay there too.
///
/// # Errors
/// Those of the system.
pub fn stay_on_one_processor() -> Result<()> {
    let this = Pid::from_raw(0);
    let allowed = sched_getaffinity(this)?;
    let mut one = CpuSet::new();
    let first = (0..CpuSet::count()).find(|&cpu| allowed.is_set(cpu).unwrap_or(false));
    one.set(first.ok_or("no processor to run on")?)?;
    Ok(sched_setaffinity(this, &one)?)
}

fn start(library: &dyn Library, limit: u64) -> Limit {
    print(&Line::Library {
        name: library.name(),
        versions: library.versions(),
        provider: Some(library.provider()),
        suite: Some(library.suite()),
    });
    Limit::new(Duration::from_secs(limit), Bounds::Perf(Who::new(library)))
}
