//! What passes between a library and its storage.
//!
//! Invariants: bytes are those of keys and values as the storage engine is handed them; a row is one key with one value.

use std::ops::Sub;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Rows and bytes, counted where the library calls its storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Rows that were found and returned, those of lists included.
    pub rows_read: u64,
    /// Bytes of their keys and values.
    pub bytes_read: u64,
    /// Rows written.
    pub rows_written: u64,
    /// Bytes of their keys and values.
    pub bytes_written: u64,
    /// Calls that erase rows.
    pub erases: u64,
}

impl Sub for Counts {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            rows_read: self.rows_read - earlier.rows_read,
            bytes_read: self.bytes_read - earlier.bytes_read,
            rows_written: self.rows_written - earlier.rows_written,
            bytes_written: self.bytes_written - earlier.bytes_written,
            erases: self.erases - earlier.erases,
        }
    }
}

/// Counts that several storages of one party add to.
#[derive(Clone, Debug, Default)]
pub struct Counters(Arc<[AtomicU64; 5]>);

impl Counters {
    /// `rows` rows were found, `bytes` long together.
    pub fn read(&self, rows: u64, bytes: usize) {
        self.0[0].fetch_add(rows, Relaxed);
        self.0[1].fetch_add(bytes as u64, Relaxed);
    }

    /// A row of so many bytes was written.
    pub fn wrote(&self, bytes: usize) {
        self.0[2].fetch_add(1, Relaxed);
        self.0[3].fetch_add(bytes as u64, Relaxed);
    }

    /// Rows were erased by one call.
    pub fn erased(&self) {
        self.0[4].fetch_add(1, Relaxed);
    }

    /// The counts so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let [rows_read, bytes_read, rows_written, bytes_written, erases] =
            [0, 1, 2, 3, 4].map(|at: usize| self.0[at].load(Relaxed));
        Counts { rows_read, bytes_read, rows_written, bytes_written, erases }
    }
}
