//! Where the values of Secret rows live, so that erasing them leaves no copy in the file.
//!
//! `secure_delete` zeroes what SQLite deletes. It does not zero what SQLite moves: when a B-tree page is rebalanced,
//! cells that went to a neighbour stay behind in the unused middle of the page, and deleting the row later zeroes
//! only where it went. So secret values are never moved. They lie in `slots`, a table by ascending id of blobs of a
//! few fixed sizes:
//!
//! - a new slot is appended, for which SQLite starts a new page and moves nothing;
//! - a slot in use is overwritten in place, since a blob of equal size fits where the old one was;
//! - a slot no longer needed is overwritten with zeros and noted in `free_slots`, never deleted.
//!
//! A slot holds `length: u32 big-endian, data, zeros`. A value is the data of one slot or, if it is long, of several;
//! its row in `rows` lists their ids, 8 bytes big-endian each. Keys move, and may stay behind: they hold no secrets.
//!
//! Invariants: every slot belongs to one row or to `free_slots`; a free slot is all zeros; no slot changes its size.
//!
//! Cost: a lookup and a write per slot; padding below a third, for values over 60 bytes. The table never shrinks:
//! it is as large as the most that was stored at one time.

use pleach_storage::{RecordKind, StorageError, Value};
use rusqlite::{Connection, Transaction};
use zeroize::{Zeroize, Zeroizing};

use crate::blob;
use crate::error::sql;

pub(crate) const TABLE: &str = "CREATE TABLE slots (id INTEGER PRIMARY KEY NOT NULL, value BLOB NOT NULL)";
pub(crate) const FREE_TABLE: &str = "CREATE TABLE free_slots (size INTEGER NOT NULL, id INTEGER NOT NULL, \
                                     PRIMARY KEY (size, id)) WITHOUT ROWID";

/// The sizes of slots, chosen to divide a page of 4096 bytes well. A change of this list changes no file that exists.
const SIZES: [usize; 14] = [64, 128, 192, 256, 320, 384, 448, 512, 640, 768, 1000, 1328, 2000, 4000];
const LARGEST: usize = 4000;
const LENGTH: usize = 4;

/// Reads the value in these slots; what the first slot has of it, if `first_only`.
pub(crate) fn read(
    connection: &Connection,
    slots: &[u8],
    kind: RecordKind,
    first_only: bool,
) -> Result<Value, StorageError> {
    let mut select = connection.prepare_cached("SELECT value FROM slots WHERE id = ?1").map_err(sql)?;
    let ids = ids(slots, kind)?;
    let wanted = if first_only { 1 } else { ids.len() };
    let mut value = Value::default();
    for id in ids.iter().take(wanted) {
        let mut rows = select.query([id]).map_err(sql)?;
        let row = rows.next().map_err(sql)?.ok_or(StorageError::corrupt(kind, "a slot is missing"))?;
        let slot = blob(row.get_ref(0).map_err(sql)?, kind)?;
        let data = slot
            .split_first_chunk()
            .and_then(|(length, rest)| rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?));
        let data = data.ok_or(StorageError::corrupt(kind, "a slot is too short"))?;
        if value.is_empty() {
            // All at once, since a vector that grows leaves copies behind.
            let rest = (wanted - 1).saturating_mul(LARGEST);
            let reserved = value.try_reserve_exact(data.len().saturating_add(rest));
            reserved.map_err(|_| StorageError::corrupt(kind, "too many slots"))?;
        }
        value.extend_from_slice(data);
    }
    Ok(value)
}

/// Stores a value, in place of the one in `old` if there is one. The list of slots, if it is not still `old`.
pub(crate) fn write(
    transaction: &Transaction<'_>,
    value: &[u8],
    old: Option<&[u8]>,
    kind: RecordKind,
) -> Result<Option<Vec<u8>>, StorageError> {
    let old = old.map_or(Ok(Vec::new()), |old| ids(old, kind))?;
    let mut reusable = old.iter().copied();
    let mut used = Vec::with_capacity(old.len());
    let mut slot = Zeroizing::new(Vec::with_capacity(LARGEST));
    for data in chunks(value) {
        fill(&mut slot, data);
        let id = match reusable.next() {
            Some(id) if overwrite(transaction, id, &slot)? => id,
            Some(id) => {
                free(transaction, id, kind)?;
                place(transaction, &slot)?
            }
            None => place(transaction, &slot)?,
        };
        used.push(id);
    }
    reusable.try_for_each(|id| free(transaction, id, kind))?;
    Ok((used != old).then(|| used.into_iter().flat_map(i64::to_be_bytes).collect()))
}

/// Zeroes and frees the slots of a row.
pub(crate) fn erase(
    transaction: &Transaction<'_>,
    slots: &[u8],
    kind: RecordKind,
) -> Result<(), StorageError> {
    ids(slots, kind)?.into_iter().try_for_each(|id| free(transaction, id, kind))
}

fn ids(slots: &[u8], kind: RecordKind) -> Result<Vec<i64>, StorageError> {
    let (ids, rest) = slots.as_chunks();
    if ids.is_empty() || !rest.is_empty() {
        return Err(StorageError::corrupt(kind, "a malformed list of slots"));
    }
    Ok(ids.iter().copied().map(i64::from_be_bytes).collect())
}

/// The data of each slot; an empty value has one slot too.
fn chunks(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let empty = value.is_empty().then_some(value);
    empty.into_iter().chain(value.chunks(LARGEST - LENGTH))
}

fn fill(slot: &mut Vec<u8>, data: &[u8]) {
    let needed = LENGTH + data.len();
    let size = SIZES.into_iter().find(|size| *size >= needed).unwrap_or(LARGEST);
    // Also empties it, and keeps its memory.
    slot.zeroize();
    // A chunk is at most LARGEST bytes.
    slot.extend_from_slice(&(data.len() as u32).to_be_bytes());
    slot.extend_from_slice(data);
    slot.resize(size, 0);
}

/// Overwrites a slot if it has the right size.
fn overwrite(transaction: &Transaction<'_>, id: i64, slot: &[u8]) -> Result<bool, StorageError> {
    let update = "UPDATE slots SET value = ?2 WHERE id = ?1 AND length(value) = ?3";
    let mut update = transaction.prepare_cached(update).map_err(sql)?;
    Ok(update.execute((id, slot, sql_size(slot.len()))).map_err(sql)? == 1)
}

/// Stores a slot in a free one of its size, or appends it.
fn place(transaction: &Transaction<'_>, slot: &[u8]) -> Result<i64, StorageError> {
    let take = "DELETE FROM free_slots WHERE size = ?1 AND id = \
                (SELECT min(id) FROM free_slots WHERE size = ?1) RETURNING id";
    let mut take = transaction.prepare_cached(take).map_err(sql)?;
    let mut rows = take.query([sql_size(slot.len())]).map_err(sql)?;
    if let Some(row) = rows.next().map_err(sql)? {
        let id = row.get(0).map_err(sql)?;
        drop(rows);
        return if overwrite(transaction, id, slot)? {
            Ok(id)
        } else {
            Err(StorageError::Corrupt { kind: None, what: "a free slot is missing" })
        };
    }
    let mut insert = transaction.prepare_cached("INSERT INTO slots (value) VALUES (?1)").map_err(sql)?;
    insert.insert([slot]).map_err(sql)
}

fn free(transaction: &Transaction<'_>, id: i64, kind: RecordKind) -> Result<(), StorageError> {
    let note = "INSERT INTO free_slots (size, id) SELECT length(value), id FROM slots WHERE id = ?1";
    let zero = "UPDATE slots SET value = zeroblob(length(value)) WHERE id = ?1";
    for step in [note, zero] {
        let changed = transaction.prepare_cached(step).map_err(sql)?.execute([id]).map_err(sql)?;
        if changed != 1 {
            return Err(StorageError::corrupt(kind, "a slot is missing"));
        }
    }
    Ok(())
}

/// Sizes are at most [`LARGEST`].
const fn sql_size(size: usize) -> i64 {
    size as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_fits_its_slots() {
        let mut slot = Vec::new();
        for length in (0..9000).chain([100_000]) {
            let value = vec![7; length];
            let mut total = 0;
            for data in chunks(&value) {
                fill(&mut slot, data);
                assert!(SIZES.contains(&slot.len()) && slot.len() >= data.len() + LENGTH);
                total += data.len();
            }
            assert_eq!(total, length);
        }
        assert_eq!(chunks(&[]).count(), 1);
        assert!(SIZES.is_sorted() && SIZES.last() == Some(&LARGEST));
    }
}
