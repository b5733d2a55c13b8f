//! What a peer prints: one JSON object per line.

use crate::meter::Cost;
use crate::{Counts, Library};
use serde::Serialize;

/// The ratchet tree at the time of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tree {
    /// As one Commit made it: no member but the creator has a path, so a Commit has a ciphertext for half of the members or more.
    Fresh,
    /// One member of each subtree beside the two sides' paths has committed: their Commits have about log n ciphertexts.
    Populated,
}

/// Whether an operation is the first after opening the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Temperature {
    /// The first.
    Cold,
    /// A later one.
    Warm,
}

/// One operation, measured once.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// Members of the group.
    pub n: u32,
    /// What was done.
    pub operation: &'static str,
    /// On which tree.
    pub tree: Tree,
    /// First after opening or later.
    pub temperature: Temperature,
    /// Which repetition.
    pub sample: u32,
    /// Between the library and its storage.
    #[serde(flatten)]
    pub counts: Counts,
    /// Bytes of `read` calls.
    pub file_bytes_read: u64,
    /// Bytes of `write` calls.
    pub file_bytes_written: u64,
    /// CPU in microseconds, of the library and of the kernel on its behalf.
    pub cpu_us: u64,
    /// Wall time in microseconds, with waiting for the disk.
    pub wall_us: u64,
    /// Bytes of the message that was made or taken.
    pub message_bytes: usize,
}

impl Row {
    pub(crate) fn new(n: u32, what: (&'static str, Tree, Temperature), sample: u32, cost: &Cost) -> Self {
        let (operation, tree, temperature) = what;
        let micros = |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Self {
            n,
            operation,
            tree,
            temperature,
            sample,
            counts: cost.counts,
            file_bytes_read: cost.file_read,
            file_bytes_written: cost.file_written,
            cpu_us: micros(cost.cpu),
            wall_us: micros(cost.wall),
            message_bytes: 0,
        }
    }
}

/// Who was measured.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Who {
    /// The library.
    pub name: &'static str,
    /// Its crypto provider.
    pub provider: &'static str,
}

impl Who {
    pub(crate) fn new(library: &dyn Library) -> Self {
        Self { name: library.name(), provider: library.provider() }
    }
}

/// One operation of the `perf` work, measured once; or several times, and then everything is the mean.
#[derive(Clone, Debug, Serialize)]
pub struct PerfRow {
    /// Who was measured.
    #[serde(flatten)]
    pub who: Who,
    /// The number of the cipher suite.
    pub suite: u16,
    /// Members of the group.
    pub n: u32,
    /// What was done.
    pub operation: String,
    /// On which tree.
    pub tree: Tree,
    /// First after opening or later.
    pub temperature: Temperature,
    /// Which repetition.
    pub sample: u32,
    /// Processors that the process could run on: one, but where wall time is measured.
    pub processors: usize,
    /// CPU time of all threads, user and system.
    pub cpu_ns: u64,
    /// The same in paces ([`Spent`](crate::Spent)).
    pub paces: f64,
    /// Wall time.
    pub wall_ns: u64,
    /// Bytes of the message that was made or taken.
    pub wire_bytes: usize,
    /// Bytes of the Welcome made (the first, if it is split) or taken.
    pub welcome_bytes: usize,
    /// Rows that were written; 0 where nobody can tell.
    pub stored_rows: u64,
    /// Bytes of their keys and values.
    pub stored_bytes: u64,
    /// Only for the operations "heap", "heap_used" and "heap_peak".
    pub rss_bytes: u64,
    /// Parents above the common ancestor of sender and receiver.
    pub nodes_above: u32,
    /// Parents in the sender's filtered direct path; the depth of the tree for first messages.
    pub levels: u32,
    /// HPKE ciphertexts in the path of a Commit that was made.
    pub seals: u32,
    /// How many real operations this is the mean of.
    pub operations: u32,
}

impl PerfRow {
    /// A row with nothing in it yet.
    pub(crate) fn new(
        library: &dyn Library,
        n: u32,
        operation: &str,
        tree: Tree,
        temperature: Temperature,
        sample: u32,
    ) -> Self {
        Self {
            who: Who::new(library),
            suite: library.suite(),
            n,
            operation: operation.to_owned(),
            tree,
            temperature,
            sample,
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            cpu_ns: 0,
            paces: 0.0,
            wall_ns: 0,
            wire_bytes: 0,
            welcome_bytes: 0,
            stored_rows: 0,
            stored_bytes: 0,
            rss_bytes: 0,
            nodes_above: 0,
            levels: 0,
            seals: 0,
            operations: 1,
        }
    }
}

/// A line of output.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "line", rename_all = "lowercase")]
pub enum Line {
    /// What is measured.
    Library {
        /// Its name.
        name: &'static str,
        /// Crates and settings.
        versions: String,
        /// The crypto provider; not in the `storage` work.
        #[serde(skip_serializing_if = "Option::is_none")]
        provider: Option<&'static str>,
        /// The cipher suite; not in the `storage` work.
        #[serde(skip_serializing_if = "Option::is_none")]
        suite: Option<u16>,
    },
    /// A measurement of the `storage` work.
    Row(Row),
    /// A measurement of the `perf` work.
    Perf(PerfRow),
    /// A step took too much CPU time, and nothing follows.
    Stopped {
        /// Who; not in the `storage` work.
        #[serde(flatten)]
        who: Option<Who>,
        /// Members of the group.
        n: u32,
        /// The step.
        operation: String,
        /// The bound, in seconds of CPU.
        limit_s: u64,
    },
    /// Everything was measured for this size.
    Done {
        /// Who; not in the `storage` work.
        #[serde(flatten)]
        who: Option<Who>,
        /// Members of the group.
        n: u32,
    },
}

/// Prints a line at once.
pub(crate) fn print(line: &Line) {
    match serde_json::to_string(line) {
        Ok(text) => println!("{text}"),
        Err(error) => eprintln!("{error}"),
    }
}
