//! What a peer prints: one JSON object per line.

use crate::Counts;
use crate::meter::Cost;
use serde::Serialize;

/// The ratchet tree at the time of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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
    },
    /// A measurement.
    Row(Row),
    /// A step took too much CPU time, and nothing follows.
    Stopped {
        /// Members of the group.
        n: u32,
        /// The step.
        operation: String,
        /// The bound, in seconds of CPU.
        limit_s: u64,
    },
    /// Everything was measured for this size.
    Done {
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
