//! Rotation: rewriting what older keys sealed.
//!
//! A batch of rows is rewritten in three moves: *fence* (the key row's version goes up, and says so), *read*, *write*
//! (guarded by the fence, which it takes away). Between fence and write no handle writes, this one included: their guard
//! on the key row fails, and they wait for a moment. So no row can change between its being read and being written back,
//! though rows have no version of their own. A handle that dies within leaves a fence that the next writer takes away; if
//! it was not dead, the guard of its write fails, and nothing of it is applied.
//!
//! Invariants: at every moment every row opens with the keys that the key row lists. A key leaves the list when a scan of
//! all rows, begun after it was last current, has found none of it.
//!
//! Cost: two scans of the store, in pages; memory for one batch, of at most the rows asked for and about 1 MiB; two
//! applies per batch of rows that are rewritten.

use alloc::vec::Vec;
use std::sync::atomic::Ordering;

use pleach_storage::{KeyBuf, KeyRange, Row, Storage, StorageError, Value, VecBatch};

use crate::names::KEY_ROW;
use crate::seal::key_id;
use crate::{EncryptedStorage, KeyId};

const MAX_BYTES: usize = 1 << 20;
/// How often a batch is begun anew because another handle took the fence away.
const ATTEMPTS: usize = 16;

/// What [`EncryptedStorage::rewrap`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// Rows rewritten.
    pub rows: usize,
    /// Batches in which they were.
    pub batches: usize,
}

impl<S: Storage> EncryptedStorage<S> {
    /// Rewrites every row that an older key sealed with the current key, `batch` rows at a time, then drops the older keys
    /// from the store: from its return on the store opens without them.
    ///
    /// It may be interrupted at any moment, also by the end of the process, and is called again to go on. Other handles
    /// and threads may write meanwhile; a write that meets a batch waits for it, or gets
    /// [`Conflict`](StorageError::Conflict), which is retried as ever.
    ///
    /// # Errors
    /// Those of the store; [`Corrupt`](StorageError::Corrupt) if a row does not open: then the older keys stay.
    pub fn rewrap(&self, batch: usize) -> Result<Rewrapped, StorageError> {
        let batch = batch.max(1);
        let current = self.current()?;
        let mut done = Rewrapped::default();
        let mut position = KEY_ROW.to_buf();
        while self.first_old(&mut position, batch, current)? {
            // What was seen may have changed: the rows are read again under the fence.
            let rows = self.rewrap_after(&position, batch, current)?;
            done.rows += rows;
            done.batches += usize::from(rows > 0);
        }
        self.forget(batch, current)?;
        Ok(done)
    }

    fn current(&self) -> Result<KeyId, StorageError> {
        let key = self.sealer.keys.current().ok_or(StorageError::Unsupported("a key ring without a key"))?;
        Ok(key.id)
    }

    /// Moves `position` on to just before the first row of an older key; `false` if there is none.
    fn first_old(&self, position: &mut KeyBuf, page: usize, current: KeyId) -> Result<bool, StorageError> {
        loop {
            let (mut before, mut rows, mut found) = (position.clone(), 0, false);
            let range = KeyRange::everything().after(position.as_key()).limit(page);
            self.inner.scan(&range, &mut |Row { key, value }| {
                rows += 1;
                found = found || key_id(key.record, value)? != current;
                if !found {
                    before.set(key);
                }
                Ok(())
            })?;
            *position = before;
            match (found, rows) {
                (true, _) => return Ok(true),
                (false, 0) => return Ok(false),
                _ => {}
            }
        }
    }

    /// Rewrites the rows after `position`.
    fn rewrap_after(&self, position: &KeyBuf, batch: usize, current: KeyId) -> Result<usize, StorageError> {
        for _ in 0..ATTEMPTS {
            match self.rewrap_once(position, batch, current) {
                Err(StorageError::Conflict { .. }) => {}
                result => return result,
            }
        }
        Err(StorageError::Conflict { kind: KEY_ROW.record })
    }

    fn rewrap_once(&self, position: &KeyBuf, batch: usize, current: KeyId) -> Result<usize, StorageError> {
        let suite = &self.sealer.suite;
        let open = self.settle()?;
        let fence = open.at(open.version + 1, true);
        let lifted = open.at(open.version + 2, false);
        let mut fencing = VecBatch::new();
        fence.replace(suite, open.version, &mut fencing);
        self.inner.apply(&mut fencing)?;
        let mut writing = VecBatch::new();
        lifted.replace(suite, fence.version, &mut writing);
        let written = self.page(position, batch, current).and_then(|rows| {
            let count = rows.len();
            for (key, stored) in rows {
                writing.put(key, stored);
            }
            self.inner.apply(&mut writing)?;
            Ok(count)
        });
        if written.is_err() {
            // So that nobody waits. If this fails too, they wait for a moment.
            let mut lifting = VecBatch::new();
            lifted.replace(suite, fence.version, &mut lifting);
            self.inner.apply(&mut lifting).ok();
        }
        self.version.store(lifted.version, Ordering::Release);
        written
    }

    /// Reads rows and seals those of older keys anew.
    fn page(
        &self,
        position: &KeyBuf,
        batch: usize,
        current: KeyId,
    ) -> Result<Vec<(KeyBuf, Vec<u8>)>, StorageError> {
        let (mut encoded, mut plain) = (Vec::new(), Value::default());
        let (mut rows, mut bytes) = (Vec::new(), 0);
        let range = KeyRange::everything().after(position.as_key()).limit(batch);
        self.inner.scan(&range, &mut |Row { key, value }| {
            if bytes >= MAX_BYTES || key_id(key.record, value)? == current {
                return Ok(());
            }
            encoded.clear();
            key.encode(&mut encoded);
            self.sealer.open(key.record, &encoded, value, &mut plain)?;
            // Names and versions outlive keys: the tag in front stays.
            let tag = pleach_storage::row_version(value).unwrap_or_default();
            let mut stored = Vec::new();
            self.sealer.seal(&*self.random, &encoded, tag, &mut plain, &mut stored)?;
            bytes += stored.len();
            rows.push((key.to_buf(), stored));
            Ok(())
        })?;
        Ok(rows)
    }

    /// Drops the older keys from the key row, once no row has them.
    fn forget(&self, page: usize, current: KeyId) -> Result<(), StorageError> {
        for _ in 0..ATTEMPTS {
            // The version from before the look at the rows: if the store has been rotated since, nothing is dropped.
            let mut row = self.settle()?;
            if row.ids == [current] {
                return Ok(());
            }
            let mut position = KEY_ROW.to_buf();
            if self.first_old(&mut position, page, current)? {
                return Err(StorageError::Conflict { kind: KEY_ROW.record });
            }
            let key =
                self.sealer.keys.current().ok_or(StorageError::Unsupported("a key ring without a key"))?;
            row.set_keys(&self.sealer.suite, &*self.random, key, &self.store_secret, [current].into())
                .map_err(StorageError::aborted)?;
            let mut batch = VecBatch::new();
            row.replace(&self.sealer.suite, row.version, &mut batch);
            match self.inner.apply(&mut batch) {
                Err(StorageError::Conflict { .. }) => {}
                result => return result,
            }
        }
        Err(StorageError::Conflict { kind: KEY_ROW.record })
    }
}
