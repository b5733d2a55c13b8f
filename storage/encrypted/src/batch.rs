//! The caller's batch as the store within sees it: names replaced, values sealed, one row at a time.
//!
//! Invariants: the batch is guarded by the version of the key row, so it is applied only if the store's current key is the
//! one that seals here. Buffers that held values are zeroized.

use alloc::vec::Vec;

use pleach_crypto::SecureRandom;
use pleach_storage::{Batch, Guard, KeyBuf, Op, StorageError, Value};

use crate::names::{KEY_ROW, Names, RangeBuf, is_index};
use crate::seal::{Sealer, clear, version_tag};

pub(crate) struct SealedBatch<'a> {
    sealer: &'a Sealer,
    names: &'a Names,
    random: &'a dyn SecureRandom,
    batch: &'a mut dyn Batch,
    guards: Vec<Guard>,
    key: KeyBuf,
    plain: Value,
    stored: Vec<u8>,
    range: RangeBuf,
    /// Whether a change was asked for: then the batch cannot be given to the store again.
    pub(crate) started: bool,
}

impl<'a> SealedBatch<'a> {
    pub(crate) fn new(
        sealer: &'a Sealer,
        names: &'a Names,
        random: &'a dyn SecureRandom,
        key_row: u64,
        batch: &'a mut dyn Batch,
    ) -> Self {
        let mut guards = Vec::with_capacity(1 + batch.guards().len());
        guards.push(Guard::Version(KEY_ROW.to_buf(), key_row));
        for guard in batch.guards() {
            let mut key = KEY_ROW.to_buf();
            names.inner(guard.key().as_key(), &mut key);
            guards.push(match guard {
                Guard::Absent(_) => Guard::Absent(key),
                Guard::Present(_) => Guard::Present(key),
                Guard::Version(_, version) => {
                    let tag =
                        version_tag(&sealer.suite, &sealer.versions, key.as_bytes(), &version.to_be_bytes());
                    Guard::Version(key, tag)
                }
            });
        }
        let key = KEY_ROW.to_buf();
        let (plain, stored, range) = (Value::default(), Vec::new(), RangeBuf::default());
        Self { sealer, names, random, batch, guards, key, plain, stored, range, started: false }
    }
}

impl Batch for SealedBatch<'_> {
    fn guards(&self) -> &[Guard] {
        &self.guards
    }

    fn next(&mut self) -> Result<Option<Op<'_>>, StorageError> {
        self.started = true;
        let Self { sealer, names, random, batch, key: inner, plain, stored, range: buf, .. } = self;
        Ok(match batch.next()? {
            Some(Op::Put { key, value }) => {
                names.inner(key, inner);
                let hidden = if is_index(key) { 4 + key.suffix.len() } else { 0 };
                clear(plain, hidden + value.len() + sealer.suite.aead.tag_len());
                if is_index(key) {
                    let length = u32::try_from(key.suffix.len());
                    let length = length.map_err(|_| StorageError::Unsupported("a suffix of 4 GB"))?;
                    plain.extend_from_slice(&length.to_be_bytes());
                    plain.extend_from_slice(key.suffix);
                }
                plain.extend_from_slice(value);
                let version = version_tag(&sealer.suite, &sealer.versions, inner.as_bytes(), value);
                sealer.seal(*random, inner.as_bytes(), version, plain, stored)?;
                Some(Op::Put { key: inner.as_key(), value: stored })
            }
            Some(Op::Erase(key)) => {
                names.inner(key, inner);
                Some(Op::Erase(inner.as_key()))
            }
            Some(Op::EraseRange(range)) => Some(Op::EraseRange(names.range(&range, buf)?)),
            None => None,
        })
    }
}
