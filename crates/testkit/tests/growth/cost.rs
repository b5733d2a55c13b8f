//! What an operation costs, in numbers that do not depend on the machine.

use std::fmt::Write as _;

use pleach::storage::{CountingStorage, Counts as Rows};
use pleach_testkit::null_crypto::{Counts, NullSuite};

use crate::class::Slack;
use crate::engine::Engine;

pub(crate) type Store = CountingStorage<Engine>;

/// What is counted, in the order of a [`Cost`], and how exactly: buffers and hash maps grow by doubling, encodings with the
/// lengths of lengths.
pub(crate) const RESOURCES: [(&str, Slack); 14] = [
    // Calls of the hash.
    ("hashes", Slack(1.0, 0.0)),
    // Extractions, expansions and MACs.
    ("derived", Slack(2.0, 0.0)),
    // Key pairs of the KEM, encapsulations and decapsulations.
    ("KEM", Slack(1.0, 0.0)),
    // Keys parsed, of all kinds.
    ("keys", Slack(1.0, 0.0)),
    ("signed", Slack(0.0, 0.0)),
    ("verified", Slack(0.0, 0.0)),
    // Encryptions and decryptions of the AEAD.
    ("AEAD", Slack(1.0, 0.0)),
    // Bytes that went into any of these.
    ("bytes in", Slack(100.0, 0.02)),
    // Allocations, reallocations included, and their bytes.
    ("allocs", Slack(6.0, 0.15)),
    ("heap", Slack(600.0, 0.25)),
    // Rows of the store, looked up or found by a scan; written or erased.
    ("rows in", Slack(1.0, 0.0)),
    ("rows out", Slack(1.0, 0.0)),
    // Their keys and values, read and written.
    ("stored", Slack(100.0, 0.02)),
    // The message that was made.
    ("wire", Slack(64.0, 0.05)),
];

/// A number for each of [`RESOURCES`].
pub(crate) type Cost = [u64; RESOURCES.len()];

fn cost(crypto: Counts, heap: allocation_counter::AllocationInfo, rows: Rows) -> Cost {
    [
        crypto.hashes,
        crypto.kdf + crypto.macs,
        crypto.kem_operations(),
        crypto.keys(),
        crypto.signs,
        crypto.verifies,
        crypto.seals + crypto.opens,
        crypto.bytes,
        heap.count_total,
        heap.bytes_total,
        rows.rows_read.max(rows.gets + rows.scans) as u64,
        (rows.rows_written + rows.erases + rows.range_erases) as u64,
        (rows.bytes_read + rows.bytes_written) as u64,
        0,
    ]
}

/// Measures the operations of one size of group, one after the other, on one thread.
pub(crate) struct Meter {
    pub(crate) null: NullSuite,
    pub(crate) costs: Vec<(String, Cost)>,
}

impl Meter {
    /// What `work` does with the suite, the heap and this store. Dropping its result is not measured.
    pub(crate) fn measure<T>(&mut self, name: &str, store: &Store, work: impl FnOnce() -> T) -> T {
        let mut result = None;
        let (null, rows) = (&self.null, store);
        let mut counted = None;
        let heap = allocation_counter::measure(|| {
            let (crypto, rows) = rows.during(|| null.counted(|| result = Some(work())).1);
            counted = Some((crypto, rows));
        });
        let (crypto, rows) = counted.unwrap();
        self.costs.push((name.to_owned(), cost(crypto, heap, rows)));
        result.unwrap()
    }

    /// Notes the length of what the last operation made to be sent.
    pub(crate) fn sent(&mut self, message: &[u8]) {
        if let Some((_, cost)) = self.costs.last_mut() {
            cost[RESOURCES.len() - 1] = message.len() as u64;
        }
    }
}

/// The head of the table.
pub(crate) fn head() -> String {
    let mut line = format!("{:38}", "operation");
    for (resource, _) in RESOURCES {
        let _infallible = write!(line, " | {resource:>11}");
    }
    line
}
