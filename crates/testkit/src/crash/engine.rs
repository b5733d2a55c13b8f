//! The engines whose stores a killed process leaves behind.

use super::{Outcome, at};
use pleach_storage::Storage;
use pleach_storage_redb::RedbStorage;
use pleach_storage_sqlite::{Journal, SqliteOptions, SqliteStorage};
use std::{fmt, path::Path, str::FromStr, sync::Arc};

/// A storage engine over a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// SQLite with the rollback journal.
    Sqlite,
    /// SQLite with the write-ahead log.
    SqliteWal,
    /// redb.
    Redb,
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::SqliteWal, Self::Redb];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::SqliteWal => "sqlite-wal",
            Self::Redb => "redb",
        }
    }

    /// Opens the store in this directory, or makes it.
    ///
    /// # Errors
    /// Those of the engine.
    pub fn open(self, directory: &Path) -> Outcome<Arc<dyn Storage>> {
        let journal = match self {
            Self::Sqlite => Journal::Truncate,
            Self::SqliteWal => Journal::Wal,
            Self::Redb => {
                let store = RedbStorage::open(directory.join("store.redb"));
                return Ok(Arc::new(store.map_err(at("opening the store"))?));
            }
        };
        let options = SqliteOptions::new().journal(journal);
        let store = SqliteStorage::open_with(directory.join("store.pleach"), &options);
        Ok(Arc::new(store.map_err(at("opening the store"))?))
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Engine {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|engine| engine.name() == name).ok_or(format!("no engine {name}"))
    }
}
