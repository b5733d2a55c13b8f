//! Opening a file: create it private, see that it is ours, bring it to this version's format, set it up.
//!
//! Invariants: a file is ours if `application_id` says so; `user_version` is its format. Both, and the schema, are
//! written in one transaction, so a file is never half made, even by two processes at once. A file that is not ours
//! or newer than us is not changed: the settings that touch a file come after the check. No file beside the store can be
//! read by more people than the store. SQLite moves no pages (`auto_vacuum`), since it would leave copies behind.
//!
//! After a crash: the first read of [`migrate`] rolls a hot journal back, and SQLite deletes it; a journal or log that
//! stays for another reason is emptied at the end of [`file`], unless another handle is using it.
//!
//! Formats: 0 an empty database; 1 the tables below. A later format adds a step to [`migrate`].

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pleach_storage::StorageError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::error::sql;
use crate::slots;

/// How SQLite keeps a batch atomic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Journal {
    /// A rollback journal that is truncated at each commit. What was erased is gone from all files when `apply`
    /// returns. If another handle turns the file to a write-ahead log, this one turns it back when it writes, or gets
    /// [`StorageError::Busy`] while that log is in use.
    #[default]
    Truncate,
    /// A write-ahead log: fewer flushes, readers and a writer at once. What was erased stays in the `-wal` file
    /// until [`checkpoint`](crate::SqliteStorage::checkpoint) or the last handle closes.
    Wal,
}

/// How a file is opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SqliteOptions {
    /// The journal; by default [`Journal::Truncate`].
    pub journal: Journal,
    /// How long to wait for another handle before [`StorageError::Busy`]; by default 5 seconds.
    pub busy_timeout: Duration,
    /// Whether to make a store if there is no file; by default yes.
    pub create: bool,
    /// How large the file may grow, in bytes, before a batch gets [`StorageError::Full`]; by default as large as SQLite
    /// can. A file that is larger already grows no more. Journals come on top.
    pub max_bytes: Option<u64>,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            journal: Journal::default(),
            busy_timeout: Duration::from_secs(5),
            create: true,
            max_bytes: None,
        }
    }
}

impl SqliteOptions {
    /// The default options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With this journal.
    #[must_use]
    pub const fn journal(mut self, journal: Journal) -> Self {
        self.journal = journal;
        self
    }

    /// Waiting at most so long for another handle.
    #[must_use]
    pub const fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// Whether to make a store if there is no file.
    #[must_use]
    pub const fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// Growing no larger than this.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }
}

/// "PLCH".
pub(crate) const APPLICATION_ID: u32 = 0x504c_4348;
/// The format that this version writes.
pub(crate) const FORMAT: u32 = 1;

/// SQLite's own bound on the number of pages.
const MOST_PAGES: u32 = 0xffff_fffe;

/// A row has a value, or if its class is Secret a list of slots.
const ROWS: &str = "CREATE TABLE rows (key BLOB PRIMARY KEY NOT NULL, value BLOB, slots BLOB) WITHOUT ROWID";
/// By name, as [`schema`] lists them.
const TABLES: [&str; 3] = [slots::FREE_TABLE, ROWS, slots::TABLE];

pub(crate) fn file(path: &Path, options: &SqliteOptions) -> Result<Connection, StorageError> {
    if options.create {
        create_private(path)?;
    }
    make_private(path)?;
    // Without CREATE: the file exists by now, with the mode it should have. Without URI: a path is a path.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(sql)?;
    // SQLite opens what it may not write for reading only, and says so at the first write.
    if connection.is_readonly("main").map_err(sql)? {
        return Err(StorageError::ReadOnly);
    }
    connection.busy_timeout(options.busy_timeout).map_err(sql)?;
    set_up_connection(&connection)?;
    migrate(&mut connection)?;
    set_up_journal(&connection, options.journal)?;
    if let Some(bytes) = options.max_bytes {
        limit_size(&connection, bytes)?;
    }
    sweep(&connection, path, options.journal)?;
    Ok(connection)
}

/// What a crash may have left in a log, or another journal mode in a journal, goes.
fn sweep(connection: &Connection, path: &Path, journal: Journal) -> Result<(), StorageError> {
    match journal {
        Journal::Wal => match checkpoint(connection) {
            // Others are at it, and the lag is documented.
            Ok(()) | Err(StorageError::Busy) => Ok(()),
            Err(error) => Err(error),
        },
        Journal::Truncate if std::fs::metadata(beside(path, "-journal")).is_ok_and(|file| file.len() > 0) => {
            // On this way out of TRUNCATE, SQLite deletes the file, if it can have the lock of a writer.
            connection.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(())).map_err(sql)?;
            set_up_journal(connection, journal)
        }
        Journal::Truncate => Ok(()),
    }
}

/// Copies the write-ahead log into the file and empties it, if there is one.
pub(crate) fn checkpoint(connection: &Connection) -> Result<(), StorageError> {
    let busy: i64 =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).map_err(sql)?;
    if busy == 0 { Ok(()) } else { Err(StorageError::Busy) }
}

/// Whether there is a write-ahead log, as of the last transaction of this connection.
pub(crate) fn has_log(connection: &Connection) -> Result<bool, StorageError> {
    let mut statement = connection.prepare_cached("PRAGMA journal_mode").map_err(sql)?;
    statement.query_row([], |row| Ok(row.get_ref(0)?.as_bytes()? == b"wal")).map_err(sql)
}

/// Reads the file, so that SQLite learns what other handles did to it.
pub(crate) fn touch(connection: &Connection) -> Result<(), StorageError> {
    let mut statement = connection.prepare_cached("SELECT count(*) FROM sqlite_schema").map_err(sql)?;
    statement.query_row([], |_| Ok(())).map_err(sql)
}

fn limit_size(connection: &Connection, bytes: u64) -> Result<(), StorageError> {
    let page: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0)).map_err(sql)?;
    // SQLite takes less than there are as what there are.
    let pages = u32::try_from(bytes / u64::from(page.max(1))).unwrap_or(u32::MAX).clamp(1, MOST_PAGES);
    let limit = format!("PRAGMA max_page_count = {pages}");
    connection.query_row(&limit, [], |_| Ok(())).map_err(sql)
}

/// The file that SQLite has beside this one.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

pub(crate) fn memory() -> Result<Connection, StorageError> {
    let mut connection = Connection::open_in_memory().map_err(sql)?;
    set_up_connection(&connection)?;
    migrate(&mut connection)?;
    Ok(connection)
}

/// Makes an empty file that only its owner may read; SQLite gives its journals the same mode. An existing file is
/// not even opened: closing it again would release the locks that other handles of this process have on it.
fn create_private(path: &Path) -> Result<(), StorageError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    match options.open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(StorageError::engine(error)),
        _ => Ok(()),
    }
}

/// An empty file becomes a store, so only its owner may read it, whoever made it. What lies beside a store may not be
/// read by more people than the store.
#[cfg(unix)]
fn make_private(path: &Path) -> Result<(), StorageError> {
    use std::os::unix::fs::PermissionsExt;
    // By name: opening and closing the file would release locks.
    let Ok(file) = std::fs::metadata(path) else { return Ok(()) };
    let mut allowed = file.permissions().mode() & 0o777;
    let restrict = |path: &Path, mode| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).map_err(StorageError::engine)
    };
    if file.is_file() && file.len() == 0 && allowed & 0o077 != 0 {
        allowed &= 0o700;
        restrict(path, allowed)?;
    }
    for suffix in ["-journal", "-wal", "-shm"] {
        let path = beside(path, suffix);
        let Ok(file) = std::fs::metadata(&path) else { continue };
        let mode = file.permissions().mode() & 0o777;
        if file.is_file() && mode & !allowed != 0 {
            restrict(&path, mode & allowed)?;
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn make_private(_: &Path) -> Result<(), StorageError> {
    Ok(())
}

/// Settings of this connection, which leave the file as it is.
fn set_up_connection(connection: &Connection) -> Result<(), StorageError> {
    // Nothing in a file that somebody hands us runs.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true).map_err(sql)?;
    // All our statements fit.
    connection.set_prepared_statement_cache_capacity(32);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false).map_err(sql)?;
    connection
        .execute_batch(
            "PRAGMA secure_delete = ON;
             PRAGMA temp_store = MEMORY;
             PRAGMA synchronous = FULL;
             PRAGMA fullfsync = ON;
             PRAGMA checkpoint_fullfsync = ON;
             PRAGMA cell_size_check = ON;",
        )
        .map_err(sql)
}

pub(crate) fn set_up_journal(connection: &Connection, journal: Journal) -> Result<(), StorageError> {
    let (statement, expected) = match journal {
        Journal::Truncate => ("PRAGMA journal_mode = TRUNCATE", "truncate"),
        Journal::Wal => ("PRAGMA journal_mode = WAL", "wal"),
    };
    let mode: String = connection.query_row(statement, [], |row| row.get(0)).map_err(sql)?;
    match mode.as_str() {
        mode if mode == expected => Ok(()),
        "wal" => Err(StorageError::Busy),
        _ => Err(StorageError::Unsupported("SQLite refuses this journal mode here")),
    }
}

fn migrate(connection: &mut Connection) -> Result<(), StorageError> {
    if format(connection)? == FORMAT {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
    // Again, now that nobody else can be at it.
    if format(&transaction)? == 0 {
        TABLES.iter().try_for_each(|table| transaction.execute_batch(table)).map_err(sql)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(sql)?;
        transaction.pragma_update(None, "user_version", FORMAT).map_err(sql)?;
    }
    transaction.commit().map_err(sql)
}

/// The format of a file that is ours; 0 for an empty one.
fn format(connection: &Connection) -> Result<u32, StorageError> {
    let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i32>(0));
    let application = pragma("application_id").map_err(sql)?.cast_unsigned();
    let version = pragma("user_version").map_err(sql)?.cast_unsigned();
    let moves_pages = pragma("auto_vacuum").map_err(sql)? != 0;
    let schema = schema(connection)?;
    let unmoved = if moves_pages {
        Err(StorageError::Unsupported("the file has auto_vacuum, which leaves copies of what was erased"))
    } else {
        Ok(())
    };
    if application == 0 && version == 0 && schema.is_empty() {
        return unmoved.map(|()| 0);
    }
    if application != APPLICATION_ID {
        return Err(StorageError::Unsupported("the file is an SQLite database of another application"));
    }
    match version {
        FORMAT if schema == TABLES => unmoved.map(|()| FORMAT),
        0 | FORMAT => {
            Err(StorageError::Corrupt { kind: None, what: "the tables are not those of the format" })
        }
        found => Err(StorageError::NewerFormat { found, known: FORMAT }),
    }
}

fn schema(connection: &Connection) -> Result<Vec<String>, StorageError> {
    let mut statement =
        connection.prepare("SELECT coalesce(sql, '') FROM sqlite_schema ORDER BY name").map_err(sql)?;
    let rows = statement.query_map([], |row| row.get(0)).map_err(sql)?;
    rows.collect::<Result<_, _>>().map_err(sql)
}
