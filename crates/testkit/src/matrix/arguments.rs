//! The arguments of the binary `matrix`.

use super::backend::word;
use super::{Backend, Engine};
use clap::{Parser, ValueEnum};
use pleach::WirePolicy;
use pleach::crypto::CipherSuiteId;
use std::fmt;

/// Runs the behaviour suite over every combination of backend, storage engine, suite and wire policy.
#[derive(Debug, Default, Parser)]
pub struct Arguments {
    /// Backends to run, mixed groups included if all of theirs are named; all by default.
    #[arg(long, value_enum)]
    pub crypto: Vec<Backend>,
    /// Storage engines to run; all by default.
    #[arg(long, value_enum)]
    pub storage: Vec<Engine>,
    /// Suites to run, as 0x0001 or 1; all that the backends have by default.
    #[arg(long)]
    pub suite: Vec<CipherSuiteId>,
    /// Wire policies to run; all by default.
    #[arg(long, value_enum)]
    pub wire: Vec<Wire>,
    /// Run only cases whose whole name contains this: `external_join`, `mixed::`, `aws-lc+ring`.
    #[arg(long)]
    pub case: Vec<String>,
    /// How many threads; as many as there are processors by default.
    #[arg(long)]
    pub threads: Option<usize>,
    /// Print the names of what would run, and run nothing.
    #[arg(long)]
    pub list: bool,
    /// Print the results as JSON.
    #[arg(long)]
    pub json: bool,
}

/// A wire policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Wire {
    /// Handshakes are private.
    Private,
    /// Handshakes are public.
    Public,
}

impl Wire {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Private, Self::Public];

    /// The policy.
    #[must_use]
    pub const fn policy(self) -> WirePolicy {
        match self {
            Self::Private => WirePolicy::PRIVATE,
            Self::Public => WirePolicy::PUBLIC,
        }
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        word(self, f)
    }
}
