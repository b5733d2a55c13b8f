//! A store that remembers every value ever put, and the search for what should be gone.
//!
//! [`Recording`] notes what a batch puts before the engine sees it, so that a batch that fails, or a process that is killed
//! half-way, is on record too (in another file, [`History::kept_in`]). Two questions can then be asked of the files in a
//! directory:
//!
//! - [`History::leftovers`]: is anything there of a Secret value that is stored no longer? All 16-byte windows of the whole
//!   value count, but for those that a live row, any Public or Index value ever put, or any key holds too: what is shared is
//!   no secret, or not retired. So nothing has to be known of the rows' formats.
//! - [`Fields::found`]: the secret fields of chosen rows, parsed, and searched for with no exception at all. That a key was
//!   taken out of one row is nothing if another has it.
//!
//! Windows with few different bytes are passed over: lengths, counters, zeros. So are those of which a few bytes at an end
//! happen to follow public ones, in the value as in the file: none of them lies within a secret.
//!
//! Invariants: nothing is taken from the engine on trust; what is live is what a scan finds. Cost: a hash per byte put, kept
//! forever, and one per byte searched. Not here: memory of the process, blocks that a file system has freed.
#![expect(clippy::expect_used, reason = "a test's own files; a panic is a failed test")]

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::hash::{BuildHasherDefault, Hasher};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pleach_storage::{
    Batch, Erasure, Guard, Key, KeyBuf, KeyRange, Op, RecordClass, RecordKind, Row, Storage, StorageError,
    Value,
};

/// The length of what is searched for.
pub const WINDOW: usize = 16;
/// How many bytes at the end of a window may be there by chance, if the others are known.
const BORDER: u32 = 4;
/// How many different bytes a window must have. Of random ones, all but one in a hundred thousand have ten.
const TELLING: usize = 10;

/// A store over another that remembers every value ever put into it.
#[derive(Debug, Clone)]
pub struct Recording<S> {
    inner: S,
    history: History,
}

impl<S: Storage> Recording<S> {
    /// Over this store, with a history of its own.
    pub fn new(inner: S) -> Self {
        Self::with(inner, History::default())
    }

    /// Over this store, going on with a history.
    pub const fn with(inner: S, history: History) -> Self {
        Self { inner, history }
    }

    /// What was put so far.
    pub const fn history(&self) -> &History {
        &self.history
    }
}

impl<S: Storage> Storage for Recording<S> {
    fn get(&self, key: &Key<'_>) -> Result<Option<Value>, StorageError> {
        self.inner.get(key)
    }

    fn scan(
        &self,
        range: &KeyRange<'_>,
        row: &mut dyn FnMut(Row<'_>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        self.inner.scan(range, row)
    }

    fn apply(&self, batch: &mut dyn Batch) -> Result<(), StorageError> {
        self.inner.apply(&mut Noting { batch, history: &self.history })
    }

    fn erasure(&self) -> Erasure {
        self.inner.erasure()
    }
}

struct Noting<'a> {
    batch: &'a mut dyn Batch,
    history: &'a History,
}

impl Batch for Noting<'_> {
    fn guards(&self) -> &[Guard] {
        self.batch.guards()
    }

    fn next(&mut self) -> Result<Option<Op<'_>>, StorageError> {
        let op = self.batch.next()?;
        if let Some(Op::Put { key, value }) = &op {
            self.history.note(*key, value);
        }
        Ok(op)
    }
}

/// Every value ever put.
#[derive(Clone, Default)]
pub struct History(Arc<Mutex<Noted>>);

#[derive(Default)]
struct Noted {
    /// Secret values in the order they came.
    values: Vec<(KeyBuf, Vec<u8>)>,
    secret: Windows,
    /// Of Public and Index values, and of keys.
    open: Windows,
    file: Option<File>,
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History").field("values", &self.lock().values.len()).finish_non_exhaustive()
    }
}

/// Something in a file that should be gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The file.
    pub file: PathBuf,
    /// Where in it.
    pub offset: usize,
    /// The row that held it.
    pub key: KeyBuf,
    /// Where in the value.
    pub at: usize,
}

impl History {
    /// A history that is also written to a file, before the engine gets what is put: for a process that will be killed.
    ///
    /// # Panics
    /// If the file cannot be made.
    #[must_use]
    pub fn kept_in(path: &Path) -> Self {
        let file = File::options().create(true).append(true).open(path).expect("a file for the history");
        let this = Self::default();
        this.lock().file = Some(file);
        this
    }

    /// Reads the file of a history. What was cut off at its end was not given to the engine either.
    ///
    /// # Panics
    /// If it cannot be read.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).expect("the file of a history");
        let this = Self::default();
        let mut rest = &bytes[..];
        while let (Some(key), Some(value)) = (take(&mut rest), take(&mut rest)) {
            this.note(Key::decode(key).expect("a key that was noted"), value);
        }
        this
    }

    /// How many Secret values were put.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().values.len()
    }

    /// Whether none was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is left in the files of a directory of Secret values that were put once and are not stored now.
    ///
    /// # Panics
    /// If store or files cannot be read.
    #[must_use]
    pub fn leftovers(&self, store: &dyn Storage, directory: &Path) -> Vec<Leftover> {
        let mut live = Windows::default();
        each_row(store, |row| live.add(row.value));
        let noted = self.lock();
        let mut found = Vec::new();
        each_file(directory, |file, bytes| {
            for (offset, window) in windows(bytes) {
                if noted.secret.has(window)
                    && !live.has(window)
                    && !noted.open.has(window)
                    && !live.borders(window)
                    && !noted.open.borders(window)
                {
                    let (key, at) = noted.origin(window);
                    found.push(Leftover { file: file.to_owned(), offset, key, at });
                }
            }
        });
        found
    }

    /// How many windows of what the store holds now in Secret rows its files show, and how many there are: nearly all, or
    /// the search is blind. (A long value is cut somewhere.)
    ///
    /// # Panics
    /// If store or files cannot be read.
    #[must_use]
    pub fn visible(&self, store: &dyn Storage, directory: &Path) -> (usize, usize) {
        let mut live = Windows::default();
        each_row(store, |row| {
            if row.key.record.class() == RecordClass::Secret {
                live.add(row.value);
            }
        });
        (live.found(directory).0.len(), live.0.len())
    }

    /// What was ever put into Public and Index rows, and all keys.
    #[must_use]
    pub fn open(&self) -> Fields {
        Fields(self.lock().open.clone())
    }

    fn note(&self, key: Key<'_>, value: &[u8]) {
        let mut noted = self.lock();
        let key = key.to_buf();
        // A value may repeat a part of its key, before a zero; and so may the engine.
        noted.open.add(&[key.as_bytes(), &[0; 8]].concat());
        match key.record().class() {
            RecordClass::Secret => noted.secret.add(value),
            RecordClass::Public | RecordClass::Index => noted.open.add(value),
        }
        if let Some(file) = &mut noted.file {
            let entry =
                [key.as_bytes(), value].map(|part| [&(part.len() as u64).to_be_bytes(), part].concat());
            file.write_all(&entry.concat()).expect("the history is written");
        }
        if key.record().class() == RecordClass::Secret {
            noted.values.push((key, value.to_vec()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Noted {
    fn origin(&self, wanted: u128) -> (KeyBuf, usize) {
        let at = |value: &[u8]| windows(value).find(|(_, window)| *window == wanted).map(|(at, _)| at);
        let found = self.values.iter().rev().find_map(|(key, value)| Some((key.clone(), at(value)?)));
        found.expect("a window of a noted value")
    }
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, tail) = rest.split_first_chunk()?;
    let (bytes, tail) = tail.split_at_checked(u64::from_be_bytes(*length) as usize)?;
    *rest = tail;
    Some(bytes)
}

/// The secret fields of some rows.
#[derive(Debug, Clone, Default)]
pub struct Fields(Windows);

impl Fields {
    /// Those of all rows of these kinds that are stored now.
    ///
    /// # Panics
    /// If the store cannot be read.
    #[must_use]
    pub fn stored(store: &dyn Storage, kinds: &[RecordKind]) -> Self {
        Self::of(store, |key| kinds.contains(&key.record))
    }

    /// Those of all rows that are stored now and whose key is wanted.
    ///
    /// # Panics
    /// If the store cannot be read.
    #[must_use]
    pub fn of(store: &dyn Storage, wanted: impl Fn(Key<'_>) -> bool) -> Self {
        let mut windows = Windows::default();
        each_row(store, |row| {
            if wanted(row.key) {
                secret_fields(row.key.record, row.value).into_iter().for_each(|field| windows.add(field));
            }
        });
        Self(windows)
    }

    /// All that the wanted rows hold now, public parts and structure too.
    ///
    /// # Panics
    /// If the store cannot be read.
    #[must_use]
    pub fn whole(store: &dyn Storage, wanted: impl Fn(Key<'_>) -> bool) -> Self {
        let mut windows = Windows::default();
        each_row(store, |row| {
            if wanted(row.key) {
                windows.add(row.value);
            }
        });
        Self(windows)
    }

    /// A secret by itself.
    #[must_use]
    pub fn secret(bytes: &[u8]) -> Self {
        let mut windows = Windows::default();
        windows.add(bytes);
        Self(windows)
    }

    /// Without those of `other`.
    #[must_use]
    pub fn without(mut self, other: &Self) -> Self {
        self.0.0.retain(|window| !other.0.has(*window));
        self
    }

    /// How many windows they have.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.0.len()
    }

    /// Whether there is nothing to search for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.0.is_empty()
    }

    /// How many of their windows are in any file of a directory.
    ///
    /// # Panics
    /// If a file cannot be read.
    #[must_use]
    pub fn found(&self, directory: &Path) -> usize {
        self.0.found(directory).0.len()
    }
}

/// The parts of a row's value that are secret, by the formats of `pleach-group`: a version of eight bytes, a format of one,
/// then fields. Parts that follow are none of it (a checksum).
///
/// # Panics
/// If the row has another format.
#[must_use]
pub fn secret_fields(kind: RecordKind, value: &[u8]) -> Vec<&[u8]> {
    let rest = value.get(9..).expect("a version and a format");
    let mut reader = rest;
    let mut field = || {
        let (length, tail) = reader.split_first_chunk().expect("a length");
        let (field, tail) = tail.split_at_checked(u32::from_be_bytes(*length) as usize).expect("a field");
        reader = tail;
        field
    };
    match kind {
        RecordKind::Ratchet
        | RecordKind::SkippedKey
        | RecordKind::SecretNode
        | RecordKind::ExternalPsk
        | RecordKind::ResumptionPsk
        | RecordKind::OwnUpdateKey
        | RecordKind::PathKeys => vec![field()],
        RecordKind::Epoch => {
            let _context = field();
            // A version of one byte, then secrets with lengths of two; none after a removal.
            let mut rest = field().get(1..).unwrap_or_default();
            core::iter::from_fn(|| {
                let (length, tail) = rest.split_first_chunk()?;
                let (secret, tail) = tail.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
                rest = tail;
                Some(secret)
            })
            .collect()
        }
        // Public parts come first and last, private keys among them.
        RecordKind::KeyPackage
        | RecordKind::UsedLastResort
        | RecordKind::PendingCommit
        | RecordKind::PendingExternalCommit
        | RecordKind::SignerReference
        | RecordKind::Application => vec![rest],
        _ => Vec::new(),
    }
}

/// A set of windows.
#[derive(Debug, Clone, Default)]
struct Windows(HashSet<u128, BuildHasherDefault<Fold>>);

impl Windows {
    fn add(&mut self, bytes: &[u8]) {
        self.0.extend(windows(bytes).map(|(_, window)| window));
    }

    fn has(&self, window: u128) -> bool {
        self.0.contains(&window)
    }

    /// Whether all but at most [`BORDER`] bytes at one end continue a window of these: there, what is known ends, and the
    /// next bytes are the same by chance. A window within a secret is not like that. Slow, and seldom asked.
    fn borders(&self, window: u128) -> bool {
        (1..=BORDER).map(|bytes| 8 * bytes).any(|bits| {
            let tail = u128::MAX >> bits;
            self.0.iter().any(|known| known & tail == window >> bits || known >> bits == window & tail)
        })
    }

    /// Those that are in any file of a directory.
    fn found(&self, directory: &Path) -> Self {
        let mut found = Self::default();
        each_file(directory, |_, bytes| {
            found.0.extend(windows(bytes).map(|(_, window)| window).filter(|window| self.has(*window)));
        });
        found
    }
}

/// Every 16 bytes in a row that tell something, with their offset.
fn windows(bytes: &[u8]) -> impl Iterator<Item = (usize, u128)> {
    let mut window = 0_u128;
    let mut counts = [0_u8; 256];
    let mut different = 0;
    bytes.iter().enumerate().filter_map(move |(at, byte)| {
        if at >= WINDOW {
            let count = &mut counts[(window >> 120) as usize];
            *count -= 1;
            different -= usize::from(*count == 0);
        }
        window = (window << 8) | u128::from(*byte);
        let count = &mut counts[usize::from(*byte)];
        different += usize::from(*count == 0);
        *count += 1;
        let start = (at + 1).checked_sub(WINDOW)?;
        (different >= TELLING).then_some((start, window))
    })
}

/// Most windows are random already.
#[derive(Default)]
struct Fold(u64);

impl Hasher for Fold {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u128(&mut self, window: u128) {
        let folded = (window as u64) ^ ((window >> 64) as u64).rotate_left(29);
        self.0 = folded.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 ^= self.0 >> 32;
    }
}

fn each_row(store: &dyn Storage, mut row: impl FnMut(Row<'_>)) {
    let scan = store.scan(&KeyRange::everything(), &mut |found| {
        row(found);
        Ok(())
    });
    scan.expect("the store can be read");
}

/// Every file below a directory.
fn each_file(directory: &Path, mut file: impl FnMut(&Path, &[u8])) {
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
            } else {
                file(&path, &std::fs::read(&path).expect("a file"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fields, History, Recording};
    use pleach_storage::{Key, RecordKind, Storage, VecBatch};
    use pleach_storage_memory::MemoryStorage;

    fn secret(seed: u8) -> Vec<u8> {
        (0..40_u8).map(|i| i.wrapping_mul(37) ^ seed.wrapping_mul(101)).collect()
    }

    fn key(record: RecordKind) -> Key<'static> {
        Key::of_group(b"client", b"group", record, b"suffix")
    }

    #[test]
    fn what_stays_behind_is_found_and_what_lives_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let log = tempfile::NamedTempFile::new().unwrap();
        let store = Recording::with(MemoryStorage::new(), History::kept_in(log.path()));
        let put = |kind, value: Vec<u8>| {
            let mut batch = VecBatch::new();
            batch.put(key(kind), value);
            store.apply(&mut batch).unwrap();
        };
        put(RecordKind::Ratchet, secret(1));
        let file = directory.path().join("file");
        std::fs::write(&file, [b"before", &secret(1)[..], b"after"].concat()).unwrap();
        assert!(store.history().leftovers(&store, directory.path()).is_empty(), "it is live");
        let (seen, all) = store.history().visible(&store, directory.path());
        assert!(seen == all && all == 25);

        put(RecordKind::Ratchet, secret(2));
        for history in [store.history(), &History::read(log.path())] {
            let left = history.leftovers(&store, directory.path());
            assert_eq!(left.len(), 25);
            assert_eq!((left[0].offset, left[0].at, left[0].key.record()), (6, 0, RecordKind::Ratchet));
        }
        assert_eq!(store.history().visible(&store, directory.path()).0, 0);
        // One byte less than a window tells nothing; what was public is no secret.
        std::fs::write(&file, &secret(1)[3..18]).unwrap();
        assert!(store.history().leftovers(&store, directory.path()).is_empty());
        std::fs::write(&file, &secret(1)[3..19]).unwrap();
        assert_eq!(store.history().leftovers(&store, directory.path()).len(), 1);
        put(RecordKind::TreeNode, secret(1));
        assert!(store.history().leftovers(&store, directory.path()).is_empty());
    }

    #[test]
    fn fields_are_found_wherever_they_are() {
        let directory = tempfile::tempdir().unwrap();
        let store = MemoryStorage::new();
        let row =
            [&[0; 8][..], &[1], &40_u32.to_be_bytes(), &secret(3), b"some checksum, which does not count"];
        let mut batch = VecBatch::new();
        batch.put(key(RecordKind::Ratchet), row.concat());
        store.apply(&mut batch).unwrap();
        let fields = Fields::stored(&store, &[RecordKind::Ratchet]);
        assert_eq!((fields.len(), fields.found(directory.path())), (25, 0));
        std::fs::create_dir(directory.path().join("deeper")).unwrap();
        std::fs::write(directory.path().join("deeper/file"), secret(3)).unwrap();
        assert_eq!(fields.found(directory.path()), 25);
        assert!(fields.clone().without(&fields).is_empty());
        assert!(Fields::stored(&store, &[RecordKind::Epoch]).is_empty());
    }
}
