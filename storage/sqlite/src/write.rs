//! Writing a batch within its transaction: rows, slots of secret values, ranges.
//!
//! Cost: per Public or Index row one search in `rows`; per Secret row one more for its slots, and a write per slot.
//! Statements are prepared once per connection.

use pleach_storage::{Batch, EncodedRange, Op, RecordClass, RecordKind, StorageError};
use rusqlite::Transaction;

use crate::error::sql;
use crate::{blob, decode_key, limit_or_none, slots};

pub(crate) fn write(transaction: &Transaction<'_>, batch: &mut dyn Batch) -> Result<(), StorageError> {
    // Prepared once for the batch: a join writes a row per node.
    let replace = "REPLACE INTO rows (key, value) VALUES (?1, ?2)";
    let mut replace = transaction.prepare_cached(replace).map_err(sql)?;
    let mut encoded = Vec::new();
    while let Some(op) = batch.next()? {
        match op {
            Op::Put { key, value } => {
                encoded.clear();
                key.encode(&mut encoded);
                match key.record.class() {
                    RecordClass::Secret => put_secret(transaction, &encoded, value, key.record)?,
                    RecordClass::Public | RecordClass::Index => {
                        replace.execute((encoded.as_slice(), value)).map_err(sql)?;
                    }
                }
            }
            Op::Erase(key) => {
                encoded.clear();
                key.encode(&mut encoded);
                erase(transaction, &encoded, key.record)?;
            }
            Op::EraseRange(range) => erase_range(transaction, range.encoded())?,
        }
    }
    Ok(())
}

fn put_secret(
    transaction: &Transaction<'_>,
    key: &[u8],
    value: &[u8],
    kind: RecordKind,
) -> Result<(), StorageError> {
    let old = slots_of(transaction, key, kind)?;
    if let Some(new) = slots::write(transaction, value, old.as_deref(), kind)? {
        let replace = "REPLACE INTO rows (key, slots) VALUES (?1, ?2)";
        transaction.prepare_cached(replace).map_err(sql)?.execute((key, new)).map_err(sql)?;
    }
    Ok(())
}

fn erase(transaction: &Transaction<'_>, key: &[u8], kind: RecordKind) -> Result<(), StorageError> {
    if let Some(slots) = slots_of(transaction, key, kind)? {
        slots::erase(transaction, &slots, kind)?;
    }
    let delete = "DELETE FROM rows WHERE key = ?1";
    transaction.prepare_cached(delete).map_err(sql)?.execute([key]).map_err(sql)?;
    Ok(())
}

/// The slots of a row, if its class is Secret and it exists.
fn slots_of(
    transaction: &Transaction<'_>,
    key: &[u8],
    kind: RecordKind,
) -> Result<Option<Vec<u8>>, StorageError> {
    if kind.class() != RecordClass::Secret {
        return Ok(None);
    }
    let select = "SELECT slots FROM rows WHERE key = ?1";
    let mut statement = transaction.prepare_cached(select).map_err(sql)?;
    let mut rows = statement.query([key]).map_err(sql)?;
    let Some(row) = rows.next().map_err(sql)? else { return Ok(None) };
    Ok(Some(blob(row.get_ref(0).map_err(sql)?, kind)?.to_vec()))
}

fn erase_range(transaction: &Transaction<'_>, range: EncodedRange) -> Result<(), StorageError> {
    if range.is_empty() {
        return Ok(());
    }
    let EncodedRange { lower, upper, limit } = range;
    let bounds = (lower, upper, limit_or_none(limit));
    // Not `?2 IS NULL OR key < ?2`: SQLite would look at every row above the lower bound, whatever the upper one.
    let (select, delete) = match (&bounds.1, limit) {
        (Some(_), None) => (
            "SELECT key, slots FROM rows WHERE key >= ?1 AND key < ?2 AND ?3 AND slots NOT NULL",
            "DELETE FROM rows WHERE key >= ?1 AND key < ?2 AND ?3",
        ),
        (Some(_), Some(_)) => (
            "SELECT key, slots FROM (SELECT key, slots FROM rows WHERE key >= ?1 AND key < ?2 \
             ORDER BY key LIMIT ?3) WHERE slots NOT NULL",
            "DELETE FROM rows WHERE key IN (SELECT key FROM rows WHERE key >= ?1 AND key < ?2 \
             ORDER BY key LIMIT ?3)",
        ),
        (None, _) => (
            "SELECT key, slots FROM (SELECT key, slots FROM rows WHERE key >= ?1 AND ?2 IS NULL \
             ORDER BY key LIMIT ?3) WHERE slots NOT NULL",
            "DELETE FROM rows WHERE key IN (SELECT key FROM rows WHERE key >= ?1 AND ?2 IS NULL \
             ORDER BY key LIMIT ?3)",
        ),
    };
    {
        let mut statement = transaction.prepare_cached(select).map_err(sql)?;
        let mut rows = statement.query((&bounds.0, &bounds.1, bounds.2)).map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            let kind = decode_key(row.get_ref(0).map_err(sql)?)?.record;
            slots::erase(transaction, blob(row.get_ref(1).map_err(sql)?, kind)?, kind)?;
        }
    }
    transaction.prepare_cached(delete).map_err(sql)?.execute(bounds).map_err(sql)?;
    Ok(())
}
