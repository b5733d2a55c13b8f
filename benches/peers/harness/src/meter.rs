//! Measures one operation: CPU, wall time, and what the process wrote to and read from files.
//!
//! Invariants: CPU is that of all threads of the process, user and system together (the kernel splits them by sampling, too
//! coarse for a millisecond). Bytes of files are what was passed to `write`
//! and `read` calls (`/proc/self/io`: `wchar`, `rchar`): database, journal and all; a page that SQLite has in its own cache
//! is not read again. Where `/proc/self/io` is missing, both are zero.

use crate::Counts;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use std::fs;
use std::time::{Duration, Instant};

/// The CPU time of this process so far.
pub(crate) fn cpu() -> Duration {
    let duration = |t: TimeVal| {
        let micros = i128::from(t.tv_sec()) * 1_000_000 + i128::from(t.tv_usec());
        Duration::from_micros(u64::try_from(micros).unwrap_or_default())
    };
    getrusage(UsageWho::RUSAGE_SELF)
        .map(|usage| duration(usage.user_time()) + duration(usage.system_time()))
        .unwrap_or_default()
}

/// Bytes passed to `read` and `write`.
#[derive(Clone, Copy, Debug, Default)]
struct FileBytes {
    read: u64,
    written: u64,
}

fn file_bytes() -> FileBytes {
    let text = fs::read_to_string("/proc/self/io").unwrap_or_default();
    let field = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name));
        value.and_then(|value| value.trim().parse().ok()).unwrap_or_default()
    };
    FileBytes { read: field("rchar:"), written: field("wchar:") }
}

/// What an operation took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    pub(crate) counts: Counts,
    pub(crate) file_read: u64,
    pub(crate) file_written: u64,
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
}

/// The state of all meters before an operation.
pub(crate) struct Meter {
    files: FileBytes,
    /// Bytes that reading the meter itself adds.
    own: u64,
    counts: Counts,
    cpu: Duration,
    start: Instant,
}

impl Meter {
    /// Starts; `counts` are those of the party, zero if it does not exist yet.
    pub(crate) fn start(counts: Counts) -> Self {
        let first = file_bytes();
        let files = file_bytes();
        Self { files, own: files.read.saturating_sub(first.read), counts, cpu: cpu(), start: Instant::now() }
    }

    /// Ends; `counts` are those of the same party.
    pub(crate) fn stop(&self, counts: Counts) -> Cost {
        let wall = self.start.elapsed();
        let now = cpu();
        let files = file_bytes();
        Cost {
            counts: counts - self.counts,
            file_read: files.read.saturating_sub(self.files.read + self.own),
            file_written: files.written.saturating_sub(self.files.written),
            cpu: now.saturating_sub(self.cpu),
            wall,
        }
    }
}
