//! What the tests of this crate share: keys, opening, rows of every class.

use std::sync::Arc;

use pleach_crypto::Secret;
use pleach_storage::{Key, KeyBuf, KeyRange, RecordKind, Storage, VecBatch};
use pleach_storage_encrypted::{EncryptedStorage, KeyRing, OpenError};

pub(crate) fn key(byte: u8) -> Secret {
    Secret::copy_from(&[byte; 32])
}

/// The first key is the current one.
pub(crate) fn ring(keys: &[u8]) -> KeyRing {
    let (current, older) = keys.split_first().unwrap();
    older.iter().fold(KeyRing::new(key(*current)), |ring, byte| ring.with_older(key(*byte)))
}

pub(crate) fn open<S: Storage>(inner: S, keys: &[u8]) -> Result<EncryptedStorage<S>, OpenError> {
    let provider = pleach_rustcrypto::provider();
    EncryptedStorage::open(inner, &provider.suites[0], Arc::clone(&provider.random), &ring(keys))
}

/// Distinct bytes that do not occur by chance.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    (0..length).map(|_| byte()).collect()
}

/// Rows of every class, of many sizes.
pub(crate) fn samples() -> Vec<(KeyBuf, Vec<u8>)> {
    let kinds = [
        RecordKind::Head,
        RecordKind::TreeNode,
        RecordKind::KeyIndex,
        RecordKind::ClientIndex,
        RecordKind::Application,
    ];
    let sizes = [0, 1, 7, 8, 9, 20, 64, 300, 3000, 20_000];
    let mut rows = Vec::new();
    for (i, kind) in kinds.iter().enumerate() {
        for (j, size) in sizes.iter().enumerate() {
            let seed = (i * sizes.len() + j) as u64;
            let key = Key::of_group(b"alice", b"tea party", *kind, &noise(seed + 1000, 32)).to_buf();
            rows.push((key, noise(seed, *size)));
        }
    }
    rows
}

pub(crate) fn put(store: &dyn Storage, rows: &[(KeyBuf, Vec<u8>)]) {
    let mut batch = VecBatch::new();
    for (key, value) in rows {
        batch.put(key.clone(), value.clone());
    }
    store.apply(&mut batch).unwrap();
}

/// All rows, sorted by their keys.
pub(crate) fn rows(store: &dyn Storage) -> Vec<(KeyBuf, Vec<u8>)> {
    let mut rows = Vec::new();
    store
        .scan(&KeyRange::everything(), &mut |row| {
            rows.push((row.key.to_buf(), row.value.to_vec()));
            Ok(())
        })
        .unwrap();
    rows.sort();
    rows
}
