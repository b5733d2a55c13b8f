//! The file of keys: a header, then slots of [`KEY_LEN`] bytes, each the key of one sealed value, or zeros.
//!
//! redb never overwrites a page, so a value that was erased stays in its file until that page is used again. Its key
//! does not: it is overwritten here, in place, before the batch that erased it returns.
//!
//! Which slots are in use is for redb to say (its table of free slots), so that it changes with the rows:
//!
//! 1. new keys are written into free slots, and flushed;
//! 2. redb commits the rows, with these slots no longer free, and those of erased and replaced values free;
//! 3. the slots that became free are overwritten with zeros, and flushed.
//!
//! After a crash between 1 and 2, or 2 and 3, some free slots hold keys: [`KeyFile::load`] overwrites them.
//!
//! A scan sees the rows of one moment, and what it has yet to read may have been erased since. For as long as such a scan
//! runs, the keys that it may need are kept in memory, and their slots are not used again.
//!
//! Invariants: a slot is free, or of one row; a free slot that no step above is at is all zeros in the file; a slot in
//! `retained` is free and not given out.
//!
//! Assumed, as SQLite does: writing a slot leaves its neighbours as they are, also if power fails meanwhile.
//!
//! Cost: 32 bytes a slot, never given back; opening reads the file once; an apply flushes it once if it adds secrets
//! and once if it removes some.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pleach_storage::{RecordKind, StorageError};
use zeroize::Zeroize;

use crate::disk::Disk;
use crate::error::{corrupt, io};
use crate::seal::{self, KEY_LEN, SlotKey};

/// Where the first slot lies; before it is the header.
pub(crate) const SLOTS_AT: u64 = 64;
/// How much is read or zeroed at a time.
const CHUNK: usize = 1 << 16;

#[derive(Debug)]
pub(crate) struct KeyFile {
    disk: Disk,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// As redb has it.
    free: BTreeSet<u64>,
    /// How many slots there are.
    end: u64,
    /// Readers by the moment that they began at.
    readers: BTreeMap<u64, usize>,
    /// Moves on when keys are retired.
    moment: u64,
    /// Keys that were retired while there were readers, and when.
    retained: BTreeMap<u64, (u64, SlotKey)>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("free", &self.free.len())
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

impl KeyFile {
    /// Takes over the file, given which slots redb says are free and how many there are. Zeroes what a crash left.
    pub(crate) fn load(disk: Disk, free: BTreeSet<u64>, end: u64) -> Result<Self, StorageError> {
        if free.last().is_some_and(|last| *last >= end) {
            return Err(corrupt("a free slot that does not exist"));
        }
        let (length, slots_end) = (disk.len().map_err(io)?, place(end)?);
        if length < slots_end {
            return Err(corrupt("the file of keys is too short"));
        }
        let mut wiped = false;
        let mut chunk = vec![0; CHUNK];
        let mut free_ones = free.iter().copied().peekable();
        while let Some(first) = free_ones.peek().copied() {
            // One read for all free slots that are near.
            let slots = (CHUNK / KEY_LEN) as u64;
            let count = slots.min(end - first);
            let chunk = chunk.get_mut(..count as usize * KEY_LEN).unwrap_or_default();
            disk.read(place(first)?, chunk).map_err(io)?;
            while let Some(slot) = free_ones.next_if(|slot| *slot < first + count) {
                let at = (slot - first) as usize * KEY_LEN;
                if chunk.get(at..at + KEY_LEN).is_some_and(|key| key.iter().any(|byte| *byte != 0)) {
                    disk.write(place(slot)?, &[0; KEY_LEN]).map_err(io)?;
                    wiped = true;
                }
            }
            chunk.zeroize();
        }
        // Slots that were appended by a batch that was not committed.
        let mut at = slots_end;
        while at < length {
            let step = (length - at).min(CHUNK as u64);
            disk.write(at, chunk.get(..step as usize).unwrap_or_default()).map_err(io)?;
            at += step;
            wiped = true;
        }
        if wiped {
            disk.sync().map_err(io)?;
            disk.file().set_len(slots_end).map_err(io)?;
        }
        Ok(Self { disk, state: Mutex::new(State { free, end, ..State::default() }) })
    }

    /// Registers a reader: from here on, keys that are retired stay within its reach.
    pub(crate) fn begin_reading(&self) -> u64 {
        let mut state = self.state();
        let moment = state.moment;
        *state.readers.entry(moment).or_default() += 1;
        moment
    }

    pub(crate) fn end_reading(&self, moment: u64) {
        let mut state = self.state();
        if let Some(count) = state.readers.get_mut(&moment) {
            *count -= 1;
            if *count == 0 {
                state.readers.remove(&moment);
            }
        }
        match state.readers.first_key_value() {
            // A reader that began at a moment may need what was retired at it or later.
            Some((&first, _)) => state.retained.retain(|_, (retired, _)| *retired >= first),
            None => state.retained.clear(),
        }
    }

    /// The key in a slot.
    pub(crate) fn key(&self, slot: u64, kind: RecordKind) -> Result<SlotKey, StorageError> {
        let state = self.state();
        if let Some((_, key)) = state.retained.get(&slot) {
            return Ok(key.clone());
        }
        if slot >= state.end {
            return Err(StorageError::corrupt(kind, "a sealed value names a slot that does not exist"));
        }
        let key = self.read(slot)?;
        if key.iter().all(|byte| *byte == 0) {
            return Err(StorageError::corrupt(kind, "the key of a sealed value is gone"));
        }
        Ok(key)
    }

    /// A change of slots, by the one writer that there is at a time.
    pub(crate) fn change(&self) -> Change<'_> {
        let end = self.state().end;
        Change {
            file: self,
            fresh: BTreeMap::new(),
            spare: Vec::new(),
            freed: BTreeSet::new(),
            after: None,
            end,
        }
    }

    fn read(&self, slot: u64) -> Result<SlotKey, StorageError> {
        let mut key = SlotKey::default();
        self.disk.read(place(slot)?, &mut *key).map_err(io)?;
        Ok(key)
    }

    // What panics while it holds this lock would be a mistake of ours; every step leaves a valid state.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(slot: u64) -> Result<u64, StorageError> {
    let offset = slot.checked_mul(KEY_LEN as u64).and_then(|offset| offset.checked_add(SLOTS_AT));
    offset.ok_or(corrupt("more slots than a file can hold"))
}

/// What a batch does to the slots. Dropped before [`write`](Self::write), it has changed nothing.
pub(crate) struct Change<'a> {
    file: &'a KeyFile,
    /// Slots taken, and their new keys.
    fresh: BTreeMap<u64, SlotKey>,
    /// Slots taken and given back by the same batch.
    spare: Vec<u64>,
    /// Slots of values that are there until the commit.
    freed: BTreeSet<u64>,
    /// The free slot taken last.
    after: Option<u64>,
    end: u64,
}

impl Change<'_> {
    /// Takes a free slot and draws a key for it.
    pub(crate) fn take(&mut self) -> Result<(u64, SlotKey), StorageError> {
        let slot = match self.spare.pop() {
            Some(slot) => slot,
            None => self.next_free(),
        };
        let key = seal::draw()?;
        self.fresh.insert(slot, key.clone());
        Ok((slot, key))
    }

    fn next_free(&mut self) -> u64 {
        let state = self.file.state();
        let from = self.after.map_or(0, |after| after + 1);
        let found = state.free.range(from..).copied().find(|slot| !state.retained.contains_key(slot));
        if let Some(slot) = found {
            self.after = Some(slot);
            return slot;
        }
        // None is left: not to search for one again.
        self.after = state.free.last().copied().or(self.after);
        self.end += 1;
        self.end - 1
    }

    /// Gives back the slot of a value that the batch erases or replaces.
    pub(crate) fn give_back(&mut self, slot: u64, kind: RecordKind) -> Result<(), StorageError> {
        if self.fresh.remove(&slot).is_some() {
            self.spare.push(slot);
            return Ok(());
        }
        let state = self.file.state();
        if slot >= state.end || state.free.contains(&slot) || !self.freed.insert(slot) {
            return Err(StorageError::corrupt(kind, "a sealed value names a slot that is not its own"));
        }
        Ok(())
    }

    /// How many slots there were before.
    pub(crate) fn old_end(&self) -> u64 {
        self.file.state().end
    }

    /// The slots that are no longer free, those that become free, and how many there are: for redb.
    pub(crate) fn for_redb(&self) -> (Vec<u64>, Vec<u64>, u64) {
        let old_end = self.file.state().end;
        let taken = self.fresh.keys().copied().filter(|slot| *slot < old_end).collect();
        let appended = self.spare.iter().copied().filter(|slot| *slot >= old_end);
        (taken, self.freed.iter().copied().chain(appended).collect(), self.end)
    }

    /// Writes the new keys, and flushes them: before redb commits. From then on they are there to be read.
    pub(crate) fn write(&self) -> Result<(), StorageError> {
        self.write_keys()?;
        // Not only in `retire`: who begins to read right after the commit finds rows whose slots were appended. If the
        // commit fails, the file is loaded anew.
        self.file.state().end = self.end;
        Ok(())
    }

    fn write_keys(&self) -> Result<(), StorageError> {
        for (slot, key) in &self.fresh {
            self.file.disk.write(place(*slot)?, &**key).map_err(io)?;
        }
        // A file that is shorter than `end` says would be refused.
        let end = place(self.end)?;
        if self.file.disk.len().map_err(io)? < end {
            self.file.disk.file().set_len(end).map_err(io)?;
        } else if self.fresh.is_empty() {
            return Ok(());
        }
        self.file.disk.sync().map_err(io)
    }

    /// Destroys the keys of what was erased: after redb committed.
    pub(crate) fn retire(self) -> Result<(), StorageError> {
        let mut state = self.file.state();
        let retired_at = state.moment;
        state.moment += 1;
        for slot in self.fresh.keys() {
            state.free.remove(slot);
        }
        state.free.extend(&self.spare);
        for &slot in &self.freed {
            state.free.insert(slot);
            if !state.readers.is_empty() {
                let key = self.file.read(slot)?;
                state.retained.insert(slot, (retired_at, key));
            }
            self.file.disk.write(place(slot)?, &[0; KEY_LEN]).map_err(io)?;
        }
        drop(state);
        if self.freed.is_empty() { Ok(()) } else { self.file.disk.sync().map_err(io) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: RecordKind = RecordKind::Ratchet;

    fn reopen(file: &std::fs::File, free: &[u64], end: u64) -> Result<KeyFile, StorageError> {
        KeyFile::load(Disk::new(file.try_clone().unwrap()), free.iter().copied().collect(), end)
    }

    fn slots(file: &std::fs::File) -> Vec<bool> {
        let disk = Disk::new(file.try_clone().unwrap());
        let count = (disk.len().unwrap() - SLOTS_AT) / 32;
        let mut key = [0; 32];
        (0..count)
            .map(|slot| {
                disk.read(SLOTS_AT + slot * 32, &mut key).unwrap();
                key != [0; 32]
            })
            .collect()
    }

    fn put(keys: &KeyFile, count: usize) -> Vec<u64> {
        let mut change = keys.change();
        let taken = (0..count).map(|_| change.take().unwrap().0).collect();
        change.write().unwrap();
        change.retire().unwrap();
        taken
    }

    fn erase(keys: &KeyFile, slot: u64) {
        let mut change = keys.change();
        change.give_back(slot, KIND).unwrap();
        change.retire().unwrap();
    }

    #[test]
    fn slots_come_and_go() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(SLOTS_AT).unwrap();
        let keys = reopen(&file, &[], 0).unwrap();
        assert_eq!(put(&keys, 3), [0, 1, 2]);
        erase(&keys, 1);
        assert_eq!(slots(&file), [true, false, true]);
        assert!(keys.key(1, KIND).is_err() && keys.key(3, KIND).is_err());
        keys.key(2, KIND).unwrap();
        assert_eq!(put(&keys, 3), [1, 3, 4]);
        let mut change = keys.change();
        assert!(change.give_back(5, KIND).is_err(), "not a slot");
        change.give_back(4, KIND).unwrap();
        assert!(change.give_back(4, KIND).is_err(), "of two rows");
        let (slot, _) = change.take().unwrap();
        change.give_back(slot, KIND).unwrap();
        assert_eq!(change.for_redb(), (vec![], vec![4, 5], 6));
    }

    /// What a crash leaves behind: new keys of a batch that was not committed, old ones of a batch that was.
    #[test]
    fn a_crash_leaves_no_key() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(SLOTS_AT).unwrap();
        let keys = reopen(&file, &[], 0).unwrap();
        put(&keys, 3000);
        assert_eq!(slots(&file), [true; 3000]);
        // Slots 5 and 2500 were erased, 2999 was new, and 2998 too.
        drop(reopen(&file, &[5, 2500], 2998).unwrap());
        let found = slots(&file);
        assert_eq!(found.len(), 2998);
        assert!(found.iter().enumerate().all(|(slot, used)| *used != [5, 2500].contains(&slot)));
        assert!(matches!(reopen(&file, &[], 2999), Err(StorageError::Corrupt { .. })), "too short");
        assert!(matches!(reopen(&file, &[9], 9), Err(StorageError::Corrupt { .. })), "no such slot");
    }

    /// Between redb's commit and [`Change::retire`], readers find the new rows already.
    #[test]
    fn a_new_key_is_there_before_the_commit() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(SLOTS_AT).unwrap();
        let keys = reopen(&file, &[], 0).unwrap();
        let mut change = keys.change();
        let taken: Vec<_> = (0..3).map(|_| change.take().unwrap()).collect();
        assert!(keys.key(2, KIND).is_err());
        change.write().unwrap();
        for (slot, key) in &taken {
            assert_eq!(&keys.key(*slot, KIND).unwrap(), key);
        }
        assert!(keys.key(3, KIND).is_err());
        change.retire().unwrap();
        assert_eq!(put(&keys, 1), [3]);
    }

    #[test]
    fn readers_keep_keys_in_memory_alone() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(SLOTS_AT).unwrap();
        let keys = reopen(&file, &[], 0).unwrap();
        put(&keys, 2);
        let before = keys.key(0, KIND).unwrap();
        let (first, second) = (keys.begin_reading(), keys.begin_reading());
        erase(&keys, 0);
        let third = keys.begin_reading();
        assert_eq!(slots(&file), [false, true]);
        keys.end_reading(first);
        assert_eq!(keys.key(0, KIND).unwrap(), before);
        assert_eq!(put(&keys, 1), [2], "not the slot that a reader may ask for");
        keys.end_reading(second);
        assert!(keys.key(0, KIND).is_err());
        assert_eq!(put(&keys, 1), [0]);
        keys.end_reading(third);
    }
}
