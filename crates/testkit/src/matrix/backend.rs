//! The crypto backends and storage engines of the matrix.

use crate::behaviour::{EncryptedStores, Failure, MemoryStores, RedbStores, SqliteStores, Stores};
use clap::ValueEnum;
use pleach::crypto::{CipherSuiteId, CryptoProvider};
use pleach_post_quantum::PostQuantumNumbering;
use pleach_storage_sqlite::Journal;
use std::fmt;

/// A crypto backend, by the name that it has in the matrix, in the benchmark and in the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Backend {
    /// RustCrypto's, dalek's and `crrl`.
    Rustcrypto,
    /// AWS-LC.
    AwsLc,
    /// ring.
    Ring,
    /// Portable post-quantum algorithms, over `rustcrypto`.
    PostQuantum,
    /// Fast post-quantum algorithms, over `aws-lc`.
    PostQuantumFast,
}

impl Backend {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Rustcrypto, Self::AwsLc, Self::Ring, Self::PostQuantum, Self::PostQuantumFast];

    /// All that it brings with it: for the post-quantum ones, the suites of the backend below as well.
    #[must_use]
    pub fn provider(self) -> CryptoProvider {
        let numbering = &PostQuantumNumbering::PLEACH;
        match self {
            Self::Rustcrypto => pleach_rustcrypto::provider(),
            Self::AwsLc => pleach_aws_lc::provider(),
            Self::Ring => pleach_ring::provider(),
            Self::PostQuantum => pleach_post_quantum::provider(pleach_rustcrypto::provider(), numbering),
            Self::PostQuantumFast => {
                pleach_post_quantum::fast::provider(pleach_aws_lc::provider(), numbering)
            }
        }
    }

    /// The suites that it claims: for the post-quantum ones, only those that are.
    #[must_use]
    pub fn suites(self) -> Vec<CipherSuiteId> {
        let numbering = PostQuantumNumbering::PLEACH;
        let is_claimed = |suite: &CipherSuiteId| !self.is_post_quantum() || numbering.suite(*suite).is_some();
        self.provider().suites.iter().map(|suite| suite.id).filter(is_claimed).collect()
    }

    /// Whether it only adds to another backend.
    #[must_use]
    pub const fn is_post_quantum(self) -> bool {
        matches!(self, Self::PostQuantum | Self::PostQuantumFast)
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        word(self, f)
    }
}

/// A backend as it stands in a mixed group: by itself, or over another than usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// By itself.
    Plain(Backend),
    /// The portable post-quantum algorithms, with AEAD, hash and classical signatures of this backend.
    PostQuantumOver(Backend),
}

impl Source {
    /// Its provider.
    #[must_use]
    pub fn provider(self) -> CryptoProvider {
        match self {
            Self::Plain(backend) => backend.provider(),
            Self::PostQuantumOver(base) => {
                pleach_post_quantum::provider(base.provider(), &PostQuantumNumbering::PLEACH)
            }
        }
    }

    /// The suites that it claims.
    #[must_use]
    pub fn suites(self) -> Vec<CipherSuiteId> {
        match self {
            Self::Plain(backend) => backend.suites(),
            Self::PostQuantumOver(_) => {
                let suites = self.provider();
                let all = suites.suites.iter().map(|suite| suite.id);
                all.filter(|suite| PostQuantumNumbering::PLEACH.suite(*suite).is_some()).collect()
            }
        }
    }

    /// The backends that it is made of.
    #[must_use]
    pub fn backends(self) -> Vec<Backend> {
        match self {
            Self::Plain(backend) => vec![backend],
            Self::PostQuantumOver(base) => vec![Backend::PostQuantum, base],
        }
    }

    /// The ordered pairs that meet in mixed groups: all backends with each other, and the post-quantum suites over other
    /// backends than usual with those over the usual one. Pairs without a common suite are among them.
    #[must_use]
    pub fn pairs() -> Vec<[Self; 2]> {
        let all = Backend::ALL.map(Self::Plain);
        let mut pairs: Vec<_> = all.iter().flat_map(|a| all.iter().map(|b| [*a, *b])).collect();
        pairs.retain(|[a, b]| a != b);
        let usual = Self::Plain(Backend::PostQuantum);
        for unusual in [Backend::AwsLc, Backend::Ring].map(Self::PostQuantumOver) {
            pairs.extend([[unusual, usual], [usual, unusual]]);
        }
        pairs
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(backend) => backend.fmt(f),
            Self::PostQuantumOver(base) => write!(f, "{}-over-{base}", Backend::PostQuantum),
        }
    }
}

/// A storage engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Engine {
    /// In memory.
    Memory,
    /// SQLite files, with the default journal.
    Sqlite,
    /// SQLite files with a write-ahead log.
    SqliteWal,
    /// redb files.
    Redb,
    /// In memory, encrypted.
    EncryptedMemory,
    /// SQLite files, encrypted.
    EncryptedSqlite,
    /// SQLite files with a write-ahead log, encrypted.
    EncryptedSqliteWal,
    /// redb files, encrypted.
    EncryptedRedb,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Memory,
        Self::Sqlite,
        Self::SqliteWal,
        Self::Redb,
        Self::EncryptedMemory,
        Self::EncryptedSqlite,
        Self::EncryptedSqliteWal,
        Self::EncryptedRedb,
    ];

    /// Those that are run with everything that there is; the others with [`REPRESENTATIVES`].
    pub const EVERYWHERE: [Self; 2] = [Self::Memory, Self::Sqlite];

    /// New stores.
    ///
    /// # Errors
    /// If they cannot be made.
    pub fn stores(self) -> Result<Box<dyn Stores>, Failure> {
        Ok(match self {
            Self::Memory => Box::new(MemoryStores::default()),
            Self::Sqlite => Box::new(SqliteStores::new(Journal::Truncate)?),
            Self::SqliteWal => Box::new(SqliteStores::new(Journal::Wal)?),
            Self::Redb => Box::new(RedbStores::new()?),
            Self::EncryptedMemory => Box::new(EncryptedStores::new(Self::Memory.stores()?)?),
            Self::EncryptedSqlite => Box::new(EncryptedStores::new(Self::Sqlite.stores()?)?),
            Self::EncryptedSqliteWal => Box::new(EncryptedStores::new(Self::SqliteWal.stores()?)?),
            Self::EncryptedRedb => Box::new(EncryptedStores::new(Self::Redb.stores()?)?),
        })
    }
}

/// Backends and suites that stand for all where every combination would take too long: what is stored depends on a suite by
/// the sizes of its keys and hashes, which differ most between these.
pub const REPRESENTATIVES: [(Backend, CipherSuiteId); 3] = [
    (Backend::Rustcrypto, CipherSuiteId(1)),
    (Backend::AwsLc, CipherSuiteId(5)),
    (Backend::PostQuantumFast, CipherSuiteId(0xF0AB)),
];

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        word(self, f)
    }
}

/// A value as it is written on the command line.
pub(super) fn word(value: &impl ValueEnum, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    value.to_possible_value().map_or(Ok(()), |value| f.write_str(value.get_name()))
}
