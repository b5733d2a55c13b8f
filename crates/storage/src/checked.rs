//! [`Checked`]: a checksum behind every value, so that damage is found and named instead of believed.
//!
//! ```text
//! stored value = value || CRC-32 (4 bytes, big-endian) of (encoded key || value)
//! ```
//!
//! The CRC is that of IEEE 802.3. It finds every error of a burst of up to 32 bits, so every flipped byte; the key is
//! in it, so a row that an engine hands out under another key is found too. It is no defence against a thief: see the
//! encrypting layer for that.
//!
//! Invariants: what was put is what is read, or [`Corrupt`](StorageError::Corrupt) names the kind of row. Keys, order,
//! guards, all-or-nothing and [`Erasure`] are those of the store within. The version of a guarded row stays in front.
//! Buffers that held values are zeroized.
//!
//! Cost: 4 bytes per row, one pass over key and value, and one copy of a value that is written. A batch is still a
//! stream: one row is held at a time.
//!
//! Not here: repair; rows that are missing as a whole.

use alloc::vec::Vec;

use crc32fast::Hasher;
use zeroize::Zeroize;

use crate::{
    Batch, Erasure, Guard, Key, KeyBuf, KeyRange, Op, RecordKind, Row, Storage, StorageError, Value,
    row_version,
};

const LENGTH: usize = 4;

/// A store whose every value has a checksum behind it. The facade wraps every store in it: whoever reads or writes rows
/// of such a store beside the facade does so through `Checked` too.
///
/// ```
/// # use pleach_storage::{Checked, Key, RecordKind, Storage, StorageError};
/// # fn demo(engine: impl Storage) -> Result<(), StorageError> {
/// let store = Checked::new(&engine);
/// let draft = store.get(&Key::of_client(b"alice", RecordKind::Application, b"draft"))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Checked<S> {
    inner: S,
}

impl<S> Checked<S> {
    /// Puts a checksum behind every value that goes to `inner`, and expects one behind every value that comes from it.
    pub const fn new(inner: S) -> Self {
        Self { inner }
    }

    /// The store within, where values have their checksums.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    /// The store within.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: Storage> Storage for Checked<S> {
    fn get(&self, key: &Key<'_>) -> Result<Option<Value>, StorageError> {
        let Some(mut stored) = self.inner.get(key)? else { return Ok(None) };
        let length = check(key, &stored)?.len();
        stored.truncate(length);
        Ok(Some(stored))
    }

    fn scan(
        &self,
        range: &KeyRange<'_>,
        row: &mut dyn FnMut(Row<'_>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        self.inner.scan(range, &mut |Row { key, value }| row(Row { key, value: check(&key, value)? }))
    }

    fn apply(&self, batch: &mut dyn Batch) -> Result<(), StorageError> {
        let mut batch = CheckedBatch { inner: batch, value: Value::default(), head: None };
        match self.inner.apply(&mut batch) {
            Err(StorageError::Conflict { kind }) => Err(self.conflict(kind, batch.inner.guards())),
            result => result,
        }
    }

    fn erasure(&self) -> Erasure {
        self.inner.erasure()
    }
}

impl<S: Storage> Checked<S> {
    /// A value too short to have a version may be long enough with its checksum behind it: the engine then finds a
    /// version, though not the one expected. Nothing was applied, so there is time to see which it was.
    fn conflict(&self, kind: RecordKind, guards: &[Guard]) -> StorageError {
        for guard in guards {
            let Guard::Version(key, _) = guard else { continue };
            if let Ok(Some(value)) = self.get(&key.as_key())
                && row_version(&value).is_none()
            {
                return StorageError::corrupt(key.record(), "a guarded row has no version");
            }
        }
        StorageError::Conflict { kind }
    }
}

/// The value without its checksum.
fn check<'a>(key: &Key<'_>, stored: &'a [u8]) -> Result<&'a [u8], StorageError> {
    match stored.split_last_chunk::<LENGTH>() {
        Some((value, found)) if *found == checksum(key, value) => Ok(value),
        _ => Err(StorageError::corrupt(key.record, "the checksum does not match")),
    }
}

fn checksum(key: &Key<'_>, value: &[u8]) -> [u8; LENGTH] {
    let mut hasher = Hasher::new();
    key.with_encoded(|encoded| hasher.update(encoded));
    hasher.update(value);
    hasher.finalize().to_be_bytes()
}

/// The batch of the caller, with a checksum behind each value.
struct CheckedBatch<'a> {
    inner: &'a mut dyn Batch,
    value: Value,
    /// A key without its suffix, and the checksum of that: rows of one kind come one after the other.
    head: Option<(KeyBuf, Hasher)>,
}

/// The checksum of all of a key but its suffix, from the last row if that began as this one.
fn begin<'h>(head: &'h mut Option<(KeyBuf, Hasher)>, key: &Key<'_>) -> &'h Hasher {
    let is_same =
        |known: Key<'_>| (known.client, known.scope, known.record) == (key.client, key.scope, key.record);
    let begins_anew = !head.as_ref().is_some_and(|(known, _)| is_same(known.as_key()));
    let beginning = Key { suffix: &[], ..*key };
    let (known, hasher) = head.get_or_insert_with(|| (beginning.to_buf(), Hasher::new()));
    if begins_anew {
        known.set(beginning);
        *hasher = Hasher::new();
        hasher.update(known.as_bytes());
    }
    hasher
}

impl Batch for CheckedBatch<'_> {
    fn guards(&self) -> &[Guard] {
        self.inner.guards()
    }

    fn next(&mut self) -> Result<Option<Op<'_>>, StorageError> {
        // Only what was written: zeroizing a vector as a whole costs its capacity, row for row.
        self.value.as_mut_slice().zeroize();
        self.value.clear();
        let Some(op) = self.inner.next()? else { return Ok(None) };
        let Op::Put { key, value } = op else { return Ok(Some(op)) };
        let length = value.len() + LENGTH;
        if self.value.capacity() < length {
            // Growing in place could leave a copy behind; the replaced vector is empty and clean.
            self.value = Vec::with_capacity(length.max(2 * self.value.capacity())).into();
        }
        self.value.extend_from_slice(value);
        let mut hasher = begin(&mut self.head, &key).clone();
        hasher.update(key.suffix);
        hasher.update(value);
        self.value.extend_from_slice(&hasher.finalize().to_be_bytes());
        Ok(Some(Op::Put { key, value: &self.value }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::VecBatch;
    use alloc::boxed::Box;
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    /// The smallest engine that can hold what the layer gives it.
    #[derive(Debug, Default)]
    struct Map(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);

    impl Storage for Map {
        fn get(&self, key: &Key<'_>) -> Result<Option<Value>, StorageError> {
            Ok(self.0.lock().unwrap().get(&key.to_bytes()).cloned().map(Value::new))
        }

        fn scan(
            &self,
            range: &KeyRange<'_>,
            row: &mut dyn FnMut(Row<'_>) -> Result<(), StorageError>,
        ) -> Result<(), StorageError> {
            let rows = self.0.lock().unwrap();
            rows.iter()
                .filter(|(key, _)| range.contains(key))
                .try_for_each(|(key, value)| row(Row { key: Key::decode(key)?, value }))
        }

        fn apply(&self, batch: &mut dyn Batch) -> Result<(), StorageError> {
            let mut rows = self.0.lock().unwrap();
            for guard in batch.guards() {
                guard.check(rows.get(guard.key().as_bytes()).map(Vec::as_slice))?;
            }
            while let Some(op) = batch.next()? {
                match op {
                    Op::Put { key, value } => drop(rows.insert(key.to_bytes(), value.to_vec())),
                    Op::Erase(key) => drop(rows.remove(&key.to_bytes())),
                    Op::EraseRange(range) => rows.retain(|key, _| !range.contains(key)),
                }
            }
            Ok(())
        }

        fn erasure(&self) -> Erasure {
            Erasure::Lagging("as the store within says")
        }
    }

    const ONE: Key<'static> = Key::of_group(b"c", b"g", RecordKind::Head, b"1");
    const TWO: Key<'static> = Key::of_group(b"c", b"g", RecordKind::Head, b"2");

    fn store(value: &[u8]) -> Checked<Map> {
        let store = Checked::new(Map::default());
        let mut batch = VecBatch::new();
        batch.put(ONE, value.to_vec());
        store.apply(&mut batch).unwrap();
        store
    }

    fn is_corrupt(result: &Result<Option<Value>, StorageError>) -> bool {
        matches!(
            result,
            Err(StorageError::Corrupt { kind: Some(RecordKind::Head), what: "the checksum does not match" })
        )
    }

    fn scan(store: &dyn Storage) -> Result<Vec<Vec<u8>>, StorageError> {
        let mut values = Vec::new();
        store.scan(&KeyRange::everything(), &mut |row| {
            values.push(row.value.to_vec());
            Ok(())
        })?;
        Ok(values)
    }

    #[test]
    fn the_format_is_pinned() {
        // CRC-32 of "123456789", its known answer, with the key in front: here of the bytes that follow.
        let store = store(b"value");
        let raw = store.inner().get(&ONE).unwrap().unwrap();
        assert_eq!(ONE.to_bytes(), b"\x01c\x01\x01g\x101");
        assert_eq!(
            raw.as_slice(),
            [&b"value"[..], &crc32(b"\x01c\x01\x01g\x101value").to_be_bytes()].concat()
        );
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(store.get(&ONE).unwrap().unwrap().as_slice(), b"value");
        assert_eq!(scan(&store).unwrap(), [b"value"]);
        assert_eq!(store.erasure(), Erasure::Lagging("as the store within says"));
    }

    /// Bit by bit, as the standard describes it.
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0_u32, |crc, byte| {
            (0..8)
                .fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
        })
    }

    #[test]
    fn every_flipped_byte_is_found() {
        for value in [&b""[..], b"x", b"eight by", &[0; 300]] {
            let store = store(value);
            let raw = store.inner().get(&ONE).unwrap().unwrap().to_vec();
            for at in 0..raw.len() {
                for flip in [1, 0x80, 0xff] {
                    let mut bad = raw.clone();
                    bad[at] ^= flip;
                    store.inner().0.lock().unwrap().insert(ONE.to_bytes(), bad);
                    assert!(is_corrupt(&store.get(&ONE)), "byte {at} of {}", raw.len());
                    assert!(scan(&store).is_err());
                }
            }
            for length in 0..raw.len() {
                store.inner().0.lock().unwrap().insert(ONE.to_bytes(), raw[..length].to_vec());
                assert!(is_corrupt(&store.get(&ONE)), "{length} bytes of {}", raw.len());
            }
        }
    }

    #[test]
    fn a_row_under_another_key_is_found() {
        let store = store(b"one");
        let raw = store.inner().get(&ONE).unwrap().unwrap().to_vec();
        store.inner().0.lock().unwrap().insert(TWO.to_bytes(), raw);
        assert!(is_corrupt(&store.get(&TWO)));
        assert!(scan(&store).is_err());
        assert!(store.get(&ONE).is_ok());
    }

    #[test]
    fn guards_see_the_version_and_miss_none() {
        let store = store(&[&7_u64.to_be_bytes()[..], b"state"].concat());
        let mut batch = VecBatch::new();
        batch.guard_version(ONE, 7).put(TWO, b"seven b".to_vec());
        store.apply(&mut batch).unwrap();
        let mut stale = VecBatch::new();
        stale.guard_version(ONE, 6);
        assert!(matches!(store.apply(&mut stale), Err(StorageError::Conflict { .. })));
        let mut none = VecBatch::new();
        none.guard_version(TWO, 7);
        assert!(matches!(store.apply(&mut none), Err(StorageError::Corrupt { .. })));
    }

    #[test]
    fn rows_of_many_kinds_have_each_its_own_checksum() {
        let keys = [
            ONE,
            TWO,
            Key::of_group(b"c", b"g", RecordKind::TreeNode, b"1"),
            Key::of_group(b"c", b"h", RecordKind::TreeNode, b"1"),
            Key::of_group(b"d", b"h", RecordKind::TreeNode, b"1"),
            Key::of_client(b"d", RecordKind::Application, b"1"),
        ];
        let store = Checked::new(Map::default());
        let mut batch = VecBatch::new();
        for key in keys.iter().chain(&keys).chain(keys.iter().rev()) {
            batch.put(*key, b"value".to_vec());
            batch.erase(Key { suffix: b"none", ..*key });
        }
        store.apply(&mut batch).unwrap();
        for key in keys {
            let raw = store.inner().get(&key).unwrap().unwrap();
            let expected = crc32(&[&key.to_bytes()[..], b"value"].concat());
            assert_eq!(raw.as_slice(), [&b"value"[..], &expected.to_be_bytes()].concat(), "{key:?}");
        }
    }

    #[test]
    fn a_batch_stays_a_stream() {
        let mut left = 3_u8;
        let source = move |row: &mut crate::RowBuf| {
            left -= 1;
            row.key.set(ONE);
            row.key.push_suffix(&[left]);
            row.value.resize(100 * usize::from(3 - left), left);
            Ok(left > 0)
        };
        let mut stream = crate::StreamBatch::new(VecBatch::new(), source);
        let mut batch = CheckedBatch { inner: &mut stream, value: Value::default(), head: None };
        for (length, byte) in [(100, 2), (200, 1)] {
            let Ok(Some(Op::Put { key, value })) = batch.next() else { panic!("a row") };
            assert_eq!(check(&key, value).unwrap(), std::vec![byte; length]);
        }
        assert!(matches!(batch.next(), Ok(None)));
        assert!(batch.value.is_empty());
        let boxed: Box<dyn Storage> = Box::new(store(b"").into_inner());
        assert!(boxed.get(&ONE).unwrap().is_some());
    }
}
