//! Opening the two files of a store: make them private, see that they are ours and each other's, lock them.
//!
//! ```text
//! store        header page of 4096 bytes, then redb's file as `region.rs` lays it out:
//!              "pleach redb     " | format: u32 big-endian | u32 = 0 | state, 8 bytes | id, 16 bytes | zeros
//! store-keys   header of 64 bytes, then the slots:
//!              "pleach redb keys" | format: u32 big-endian | u32 = 0 | 8 zeros | id, 16 bytes | zeros
//! ```
//!
//! The id is random, and the same in both: keys of another store, or of none, are found out before anything is read.
//! The state says whether the store has been made completely: one that has not is begun again, since nobody can have
//! stored anything. So is a file that is empty, or all zeros and no longer than a new one: a process died, or power
//! failed, before the header was there.
//!
//! But never over a file of keys that has slots: then there was a store, whose first file is missing and may come back.
//!
//! Invariants: one process has the store, by a lock on the first file; within a process, one [`Engine`] does, found by
//! the file's canonical path. A file that is not ours or newer than us is not changed: redb sees the file only when the
//! header has been checked.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use pleach_storage::StorageError;

use crate::disk::Disk;
use crate::engine::{Engine, make_tables};
use crate::error::{corrupt, io};
use crate::keys::SLOTS_AT;
use crate::region::Region;

/// How a store is opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RedbOptions {
    /// How long to wait for another process or thread before [`StorageError::Busy`]; by default 5 seconds.
    pub busy_timeout: Duration,
    /// Whether to make a store if there is none; by default yes.
    pub create: bool,
    /// How much memory redb may use to keep pages in; by default 16 MiB. The first handle of a process decides.
    pub cache_bytes: usize,
}

impl Default for RedbOptions {
    fn default() -> Self {
        Self { busy_timeout: Duration::from_secs(5), create: true, cache_bytes: 16 << 20 }
    }
}

impl RedbOptions {
    /// The default options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Waiting at most so long for another process or thread.
    #[must_use]
    pub const fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// Whether to make a store if there is none.
    #[must_use]
    pub const fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// Keeping pages in at most so much memory.
    #[must_use]
    pub const fn cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = bytes;
        self
    }
}

/// The format that this version writes.
const FORMAT: u32 = 1;
const MAIN: &[u8; 16] = b"pleach redb     ";
const KEYS: &[u8; 16] = b"pleach redb keys";
/// States far apart, so that a flipped bit does not make a store of years a new one.
const MAKING: [u8; 8] = *b"making..";
const READY: [u8; 8] = *b"complete";
const HEADER_LEN: usize = 48;
/// How long to sleep between attempts to lock.
const PAUSE: Duration = Duration::from_millis(10);

/// The files of a store, locked.
#[derive(Debug)]
pub(crate) struct Files {
    main: Arc<Disk>,
    keys: File,
}

impl Files {
    pub(crate) fn main(&self) -> Arc<Disk> {
        Arc::clone(&self.main)
    }

    pub(crate) fn keys(&self) -> Result<Disk, StorageError> {
        Ok(Disk::new(self.keys.try_clone().map_err(io)?))
    }
}

type Slot = Arc<Mutex<Weak<Engine>>>;

/// The stores that this process has open. A place in it is locked while its file is being opened.
static OPEN: Mutex<BTreeMap<PathBuf, Slot>> = Mutex::new(BTreeMap::new());

/// The engine of a file: the one that this process has already, or a new one.
pub(crate) fn engine(path: &Path, options: &RedbOptions) -> Result<Arc<Engine>, StorageError> {
    if options.create {
        create_private(path)?;
    }
    let path = path.canonicalize().map_err(StorageError::engine)?;
    let slot = {
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that are closed, and that nobody is about to open.
        open.retain(|_, slot| {
            Arc::strong_count(slot) > 1 || slot.try_lock().is_ok_and(|e| e.strong_count() > 0)
        });
        Arc::clone(open.entry(path.clone()).or_default())
    };
    let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(engine) = slot.upgrade() {
        return Ok(engine);
    }
    let engine = Arc::new(Engine::new(files(&path, options)?, options.cache_bytes)?);
    *slot = Arc::downgrade(&engine);
    Ok(engine)
}

fn files(path: &Path, options: &RedbOptions) -> Result<Files, StorageError> {
    let main = OpenOptions::new().read(true).write(true).open(path).map_err(cannot_open)?;
    lock(&main, options.busy_timeout)?;
    let main = Arc::new(Disk::new(main));
    let id = match read_header(&main, MAIN, Region::START)? {
        Some(Header { id, state: READY }) => id,
        Some(Header { state: MAKING, .. }) | None => return make(path, main),
        Some(_) => {
            return Err(corrupt("the header says neither that the store is complete nor that it is not"));
        }
    };
    let keys = match OpenOptions::new().read(true).write(true).open(keys_path(path)) {
        Ok(keys) => Disk::new(keys),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(corrupt("the file of keys is missing"));
        }
        Err(error) => return Err(cannot_open(error)),
    };
    match read_header(&keys, KEYS, SLOTS_AT)? {
        Some(header) if header.id == id => Ok(Files { main, keys: keys.into_file() }),
        Some(_) => Err(corrupt("the file of keys is another store's")),
        None => Err(corrupt("the file of keys is empty")),
    }
}

/// Makes a store in an empty file, or in one that was being made when its process died. A crash at any point leaves
/// files that get here again.
fn make(path: &Path, main: Arc<Disk>) -> Result<Files, StorageError> {
    let keys_path = keys_path(path);
    create_private(&keys_path)?;
    let keys = OpenOptions::new().read(true).write(true).open(&keys_path).map_err(cannot_open)?;
    let keys = Disk::new(keys);
    // Left over from another attempt, or from a store that never held a secret; not anybody else's.
    read_header(&keys, KEYS, SLOTS_AT)?;
    // Slots come only after the store is complete, and without them its secrets are lost.
    if keys.len().map_err(io)? > SLOTS_AT {
        return Err(corrupt("the store's file is missing or empty, and beside it lie the keys of its rows"));
    }
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(StorageError::engine)?;

    main.file().set_len(0).map_err(io)?;
    main.write(0, &header(MAIN, MAKING, id)).map_err(io)?;
    main.file().set_len(Region::START).map_err(io)?;
    main.sync().map_err(io)?;
    keys.file().set_len(0).map_err(io)?;
    keys.write(0, &header(KEYS, [0; 8], id)).map_err(io)?;
    keys.file().set_len(SLOTS_AT).map_err(io)?;
    keys.sync().map_err(io)?;
    make_tables(Region::new(Arc::clone(&main)))?;
    sync_directory(path)?;
    main.write(0, &header(MAIN, READY, id)).map_err(io)?;
    main.sync().map_err(io)?;
    Ok(Files { main, keys: keys.into_file() })
}

struct Header {
    state: [u8; 8],
    id: [u8; 16],
}

fn header(magic: &[u8; 16], state: [u8; 8], id: [u8; 16]) -> Vec<u8> {
    [&magic[..], &FORMAT.to_be_bytes(), &[0; 4], &state, &id].concat()
}

/// Reads a header; `None` for a file that is empty, or has nothing but zeros and at most the length of a new one.
fn read_header(disk: &Disk, magic: &[u8; 16], new: u64) -> Result<Option<Header>, StorageError> {
    let length = disk.len().map_err(io)?;
    if length <= new {
        let mut all = vec![0; usize::try_from(length).map_err(|_| NOT_OURS)?];
        disk.read(0, &mut all).map_err(io)?;
        if all.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
    }
    if length < HEADER_LEN as u64 {
        return Err(NOT_OURS);
    }
    let mut bytes = [0; HEADER_LEN];
    disk.read(0, &mut bytes).map_err(io)?;
    let (found, rest) = bytes.split_first_chunk::<16>().ok_or(NOT_OURS)?;
    let (format, rest) = rest.split_first_chunk::<4>().ok_or(NOT_OURS)?;
    let (_, rest) = rest.split_first_chunk::<4>().ok_or(NOT_OURS)?;
    let (state, id) = rest.split_first_chunk::<8>().ok_or(NOT_OURS)?;
    let id = id.first_chunk::<16>().ok_or(NOT_OURS)?;
    if found != magic {
        return Err(NOT_OURS);
    }
    match u32::from_be_bytes(*format) {
        FORMAT => Ok(Some(Header { state: *state, id: *id })),
        0 => Err(corrupt("the header has no format")),
        found => Err(StorageError::NewerFormat { found, known: FORMAT }),
    }
}

const NOT_OURS: StorageError = StorageError::Unsupported("the file is not a redb store of this library");

fn keys_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push("-keys");
    name.into()
}

/// Makes an empty file that only its owner may read, if there is none.
fn create_private(path: &Path) -> Result<(), StorageError> {
    let mut options = OpenOptions::new();
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

fn cannot_open(error: std::io::Error) -> StorageError {
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => StorageError::ReadOnly,
        _ => StorageError::engine(error),
    }
}

fn lock(file: &File, patience: Duration) -> Result<(), StorageError> {
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if began.elapsed() < patience => thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Err(StorageError::Busy),
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
                return Err(StorageError::Unsupported("files cannot be locked here"));
            }
            Err(TryLockError::Error(error)) => return Err(StorageError::engine(error)),
        }
    }
}

/// The names of new files are in the directory, which is flushed by itself.
fn sync_directory(path: &Path) -> Result<(), StorageError> {
    #[cfg(unix)]
    if let Some(directory) = path.parent() {
        File::open(directory).and_then(|directory| directory.sync_all()).map_err(StorageError::engine)?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}
