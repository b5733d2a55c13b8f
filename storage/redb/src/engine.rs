//! The open database behind all handles on a file: opened when needed, given up after an error that may have left redb
//! in a state of no use, and opened anew by the next call.
//!
//! Invariants: at most one redb database is on the file at a time, and after it failed none is until it is dropped.
//! A batch changes nothing before its commit; from the commit on, redb says what is there, and opening follows it.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pleach_storage::{Batch, EncodedRange, Key, Op, RecordClass, RecordKind, Row, StorageError, Value};
use redb::{
    Database, ReadOnlyTable, ReadableDatabase, ReadableTable, Table, TableDefinition, WriteTransaction,
};

use crate::error::{corrupt, guarded, io, redb};
use crate::gate::Gate;
use crate::keys::{Change, KeyFile};
use crate::open::Files;
use crate::region::Region;
use crate::seal;

/// Encoded keys, and values; those of Secret rows are sealed.
const ROWS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("rows");
/// Slots of the file of keys that are of no row.
const FREE: TableDefinition<'_, u64, ()> = TableDefinition::new("free slots");
/// How many slots there are, under 0.
const COUNTS: TableDefinition<'_, u8, u64> = TableDefinition::new("counts");
const SLOTS: u8 = 0;
/// How many keys of a range that is being erased are held at a time.
const ERASED_AT_ONCE: usize = 1000;

/// A file, shared by all handles on it in this process.
#[derive(Debug)]
pub(crate) struct Engine {
    // Before the files, whose lock is to outlast the database.
    state: Mutex<State>,
    files: Files,
    gate: Gate,
    cache: usize,
}

#[derive(Debug)]
enum State {
    Open(Arc<Opened>),
    /// Given up; true when dropped.
    Failed(Arc<AtomicBool>),
}

/// A database in use.
#[derive(Debug)]
pub(crate) struct Opened {
    /// `None` only while it is being dropped.
    database: Option<Database>,
    keys: KeyFile,
    region: Region,
    dropped: Arc<AtomicBool>,
}

impl Drop for Opened {
    fn drop(&mut self) {
        let database = self.database.take();
        // redb flushes here, and may find the file malformed.
        if catch_unwind(AssertUnwindSafe(|| drop(database))).is_err() {
            self.region.fail();
        }
        self.dropped.store(true, Ordering::Release);
    }
}

impl Engine {
    pub(crate) fn new(files: Files, cache: usize) -> Result<Self, StorageError> {
        let opened = Opened::new(&files, cache)?;
        Ok(Self { state: Mutex::new(State::Open(Arc::new(opened))), files, gate: Gate::default(), cache })
    }

    fn opened(&self) -> Result<Arc<Opened>, StorageError> {
        let mut state = self.state();
        let opened = match &*state {
            State::Open(opened) => return Ok(Arc::clone(opened)),
            State::Failed(dropped) if dropped.load(Ordering::Acquire) => {
                Arc::new(Opened::new(&self.files, self.cache)?)
            }
            // Scans that began before the failure are still at it.
            State::Failed(_) => {
                return Err(StorageError::engine("the database is being closed after an error"));
            }
        };
        *state = State::Open(Arc::clone(&opened));
        Ok(opened)
    }

    /// Gives up a database that failed.
    fn fail(&self, failed: &Arc<Opened>) {
        failed.region.fail();
        let mut state = self.state();
        let given_up = match &*state {
            State::Open(opened) if Arc::ptr_eq(opened, failed) => {
                let dropped = Arc::clone(&opened.dropped);
                std::mem::replace(&mut *state, State::Failed(dropped))
            }
            _ => return,
        };
        drop(state);
        drop(given_up);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A view of the rows as they are now.
    pub(crate) fn view(&self) -> Result<View<'_>, StorageError> {
        let opened = self.opened()?;
        let reading = Reading { moment: opened.keys.begin_reading(), opened };
        let table = self.on(&reading.opened, || {
            let transaction = reading.opened.database()?.begin_read().map_err(redb)?;
            transaction.open_table(ROWS).map_err(redb)
        })?;
        Ok(View { table, reading, engine: self })
    }

    /// Calls redb; gives it up if it fails, rather than refuses what the caller wants.
    fn on<T>(
        &self,
        opened: &Arc<Opened>,
        call: impl FnOnce() -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        guarded(call).inspect_err(|error| {
            // The one thing that redb refuses, before it does anything: a row that is too large.
            if !matches!(error, StorageError::Unsupported(_)) {
                self.fail(opened);
            }
        })
    }

    pub(crate) fn apply(&self, batch: &mut dyn Batch, patience: Duration) -> Result<(), StorageError> {
        let _pass = self.gate.enter(patience)?;
        let opened = self.opened()?;
        let mut transaction = self.on(&opened, || opened.database()?.begin_write().map_err(redb))?;
        // A crash must not make the next opening walk through the whole file.
        transaction.set_quick_repair(true);
        let mut change = opened.keys.change();
        // What fails in here has changed nothing: the transaction is undone.
        let staged = catch_unwind(AssertUnwindSafe(|| self.stage(&opened, &transaction, batch, &mut change)));
        if !matches!(staged, Ok(Ok(()))) {
            // After an error of redb's own there is nothing to undo, nor a database to do it.
            let _ = self.on(&opened, || transaction.abort().map_err(redb));
            return staged.unwrap_or_else(|panic| resume_unwind(panic));
        }
        // A transaction that has been written in part is left to the next opening to sort out.
        if let Err(error) = change.write() {
            self.fail(&opened);
            drop(transaction);
            return Err(error);
        }
        self.on(&opened, || transaction.commit().map_err(StorageError::engine)).map_err(unknown)?;
        change.retire().inspect_err(|_| self.fail(&opened)).map_err(unknown)
    }

    /// Runs a batch within a transaction, and notes what it does to the slots.
    fn stage(
        &self,
        opened: &Arc<Opened>,
        transaction: &WriteTransaction,
        batch: &mut dyn Batch,
        change: &mut Change<'_>,
    ) -> Result<(), StorageError> {
        let mut rows = self.on(opened, || transaction.open_table(ROWS).map_err(redb))?;
        for guard in batch.guards() {
            let (row, kind) = (guard.key().as_bytes(), guard.key().record());
            let stored = self.on(opened, || copy(&rows, row))?;
            let value = stored.map(|stored| unseal(&opened.keys, row, stored, kind)).transpose()?;
            guard.check(value.as_ref().map(|value| value.as_slice()))?;
        }
        let mut row = Vec::new();
        while let Some(op) = batch.next()? {
            match op {
                Op::Put { key, value } => {
                    row.clear();
                    key.encode(&mut row);
                    let old = self.put(opened, &mut rows, &row, value, key.record, change)?;
                    give_back(change, old.as_deref(), key.record)?;
                }
                Op::Erase(key) => {
                    row.clear();
                    key.encode(&mut row);
                    let old = self.on(opened, || remove(&mut rows, &row))?;
                    give_back(change, old.as_deref(), key.record)?;
                }
                Op::EraseRange(range) => self.erase_range(opened, &mut rows, range.encoded(), change)?,
            }
        }
        let (taken, freed, end) = change.for_redb();
        if taken.is_empty() && freed.is_empty() && end == change.old_end() {
            return Ok(());
        }
        self.on(opened, || {
            let mut free = transaction.open_table(FREE).map_err(redb)?;
            for slot in taken {
                free.remove(slot).map_err(redb)?;
            }
            for slot in freed {
                free.insert(slot, ()).map_err(redb)?;
            }
            let mut counts = transaction.open_table(COUNTS).map_err(redb)?;
            counts.insert(SLOTS, end).map_err(redb)?;
            Ok(())
        })
    }

    /// Writes a row; what it replaces, if that was sealed.
    fn put(
        &self,
        opened: &Arc<Opened>,
        rows: &mut Table<'_, &'static [u8], &'static [u8]>,
        row: &[u8],
        value: &[u8],
        kind: RecordKind,
        change: &mut Change<'_>,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        let sealed;
        let stored = match kind.class() {
            RecordClass::Secret => {
                let (slot, key) = change.take()?;
                sealed = seal::seal(slot, &key, row, value)?;
                &sealed
            }
            RecordClass::Public | RecordClass::Index => value,
        };
        self.on(opened, || {
            let old = rows.insert(row, stored).map_err(redb)?;
            Ok(old.map(|old| head(old.value())))
        })
    }

    fn erase_range(
        &self,
        opened: &Arc<Opened>,
        rows: &mut Table<'_, &'static [u8], &'static [u8]>,
        range: EncodedRange,
        change: &mut Change<'_>,
    ) -> Result<(), StorageError> {
        let EncodedRange { mut lower, upper, limit } = range;
        let mut left = limit.unwrap_or(usize::MAX);
        loop {
            let at_once = left.min(ERASED_AT_ONCE);
            let found = self.on(opened, || {
                let Some(found) = in_range(rows, &lower, upper.as_deref())? else { return Ok(Vec::new()) };
                let keys = found.take(at_once).map(|row| Ok(row.map_err(redb)?.0.value().to_vec()));
                keys.collect::<Result<Vec<_>, StorageError>>()
            })?;
            for row in &found {
                let kind = Key::decode(row)?.record;
                let old = self.on(opened, || remove(rows, row))?;
                give_back(change, old.as_deref(), kind)?;
            }
            left -= found.len();
            if found.len() < ERASED_AT_ONCE || left == 0 {
                return Ok(());
            }
            lower = found.into_iter().next_back().unwrap_or(lower);
        }
    }
}

impl Opened {
    fn new(files: &Files, cache: usize) -> Result<Self, StorageError> {
        let region = Region::open(files.main()).map_err(io)?;
        let mut database = None;
        let opened = guarded(|| {
            let mut builder = Database::builder();
            let opened = builder.set_cache_size(cache).create_with_backend(region.clone()).map_err(redb)?;
            let opened = database.insert(opened);
            read_slots(opened)
        });
        let keys = opened.and_then(|(free, end)| KeyFile::load(files.keys()?, free, end));
        match keys {
            Ok(keys) => Ok(Self { database, keys, region, dropped: Arc::default() }),
            Err(error) => {
                region.fail();
                let _ = guarded(|| {
                    drop(database);
                    Ok(())
                });
                Err(error)
            }
        }
    }

    fn database(&self) -> Result<&Database, StorageError> {
        self.database.as_ref().ok_or_else(|| StorageError::engine("the database is closed"))
    }
}

/// Makes the tables of a new file.
pub(crate) fn make_tables(region: Region) -> Result<(), StorageError> {
    guarded(|| {
        let database = Database::builder().create_with_backend(region).map_err(redb)?;
        let transaction = database.begin_write().map_err(redb)?;
        transaction.open_table(ROWS).map_err(redb)?;
        transaction.open_table(FREE).map_err(redb)?;
        transaction.open_table(COUNTS).map_err(redb)?.insert(SLOTS, 0).map_err(redb)?;
        transaction.commit().map_err(redb)
    })
}

/// The free slots, and how many slots there are.
fn read_slots(database: &Database) -> Result<(BTreeSet<u64>, u64), StorageError> {
    let transaction = database.begin_read().map_err(redb)?;
    let counts = transaction.open_table(COUNTS).map_err(redb)?;
    let end = counts.get(SLOTS).map_err(redb)?.ok_or(corrupt("the number of slots is missing"))?.value();
    let mut free = BTreeSet::new();
    for slot in transaction.open_table(FREE).map_err(redb)?.iter().map_err(redb)? {
        free.insert(slot.map_err(redb)?.0.value());
    }
    // Its existence is checked too.
    transaction.open_table(ROWS).map_err(redb)?;
    Ok((free, end))
}

/// The rows as they were at one moment.
pub(crate) struct View<'a> {
    table: ReadOnlyTable<&'static [u8], &'static [u8]>,
    reading: Reading,
    engine: &'a Engine,
}

/// A registered reader.
struct Reading {
    opened: Arc<Opened>,
    moment: u64,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.opened.keys.end_reading(self.moment);
    }
}

impl View<'_> {
    pub(crate) fn get(&self, row: &[u8], kind: RecordKind) -> Result<Option<Value>, StorageError> {
        let stored = self.engine.on(&self.reading.opened, || copy(&self.table, row))?;
        stored.map(|stored| unseal(&self.reading.opened.keys, row, stored, kind)).transpose()
    }

    pub(crate) fn scan(
        &self,
        range: &EncodedRange,
        each: &mut dyn FnMut(Row<'_>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let opened = &self.reading.opened;
        let found = self.engine.on(opened, || in_range(&self.table, &range.lower, range.upper.as_deref()))?;
        let Some(mut found) = found else { return Ok(()) };
        for _ in 0..range.limit.unwrap_or(usize::MAX) {
            let next = self.engine.on(opened, || {
                let next = found.next().transpose().map_err(redb)?;
                Ok(next.map(|(row, stored)| (row.value().to_vec(), Value::new(stored.value().to_vec()))))
            });
            let Some((row, stored)) = next? else { break };
            let key = Key::decode(&row)?;
            // Not within the call above: the function may panic, and call the store.
            let value = unseal(&opened.keys, &row, stored, key.record)?;
            each(Row { key, value: &value })?;
        }
        Ok(())
    }
}

type Rows<'a> = redb::Range<'a, &'static [u8], &'static [u8]>;

/// The rows of a range; `None` if its bounds cross.
fn in_range<'a>(
    rows: &'a impl ReadableTable<&'static [u8], &'static [u8]>,
    lower: &[u8],
    upper: Option<&[u8]>,
) -> Result<Option<Rows<'a>>, StorageError> {
    if upper.is_some_and(|upper| upper <= lower) {
        return Ok(None);
    }
    let upper = upper.map_or(Bound::Unbounded, Bound::Excluded);
    rows.range::<&[u8]>((Bound::Included(lower), upper)).map(Some).map_err(redb)
}

fn copy(
    rows: &impl ReadableTable<&'static [u8], &'static [u8]>,
    row: &[u8],
) -> Result<Option<Value>, StorageError> {
    let stored = rows.get(row).map_err(redb)?;
    Ok(stored.map(|stored| Value::new(stored.value().to_vec())))
}

/// Removes a row; the beginning of what was stored.
fn remove(
    rows: &mut Table<'_, &'static [u8], &'static [u8]>,
    row: &[u8],
) -> Result<Option<Vec<u8>>, StorageError> {
    let old = rows.remove(row).map_err(redb)?;
    Ok(old.map(|old| head(old.value())))
}

/// As much of a stored value as says its slot.
fn head(stored: &[u8]) -> Vec<u8> {
    stored.get(..8).unwrap_or(stored).to_vec()
}

fn give_back(change: &mut Change<'_>, old: Option<&[u8]>, kind: RecordKind) -> Result<(), StorageError> {
    match old {
        Some(stored) if kind.class() == RecordClass::Secret => {
            change.give_back(seal::slot(stored, kind)?, kind)
        }
        _ => Ok(()),
    }
}

/// A stored value as it was put.
fn unseal(keys: &KeyFile, row: &[u8], stored: Value, kind: RecordKind) -> Result<Value, StorageError> {
    match kind.class() {
        RecordClass::Secret => seal::open(&keys.key(seal::slot(&stored, kind)?, kind)?, row, &stored, kind),
        RecordClass::Public | RecordClass::Index => Ok(stored),
    }
}

/// From the commit on, whether the batch was applied is known to the file alone.
fn unknown(error: StorageError) -> StorageError {
    match error {
        StorageError::Engine(_) => error,
        error => StorageError::engine(error),
    }
}
