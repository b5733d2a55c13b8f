//! Golden stores as files, one for each engine.

use super::{CLASSICAL, Golden, Outcome, STORE_KEY, provider, scene};
use crate::random::SeededRandom;
use pleach::crypto::Secret;
use pleach::storage::{Key, RecordKind, Storage, VecBatch};
use pleach_storage_encrypted::{EncryptedStorage, KeyRing};
use pleach_storage_redb::RedbStorage;
use pleach_storage_sqlite::SqliteStorage;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// The rows, for any engine, with the keys and messages that go with all of these stores.
pub const DUMP: &str = "store.json";
/// SQLite, with its default journal.
pub const SQLITE: &str = "store.sqlite";
/// redb; its keys lie in the file of this name with `-keys` behind it.
pub const REDB: &str = "store.redb";
/// SQLite under the encrypting layer, with [`STORE_KEY`].
pub const ENCRYPTED: &str = "encrypted.sqlite";

/// Writes all of them into a directory, which must not have them yet. The file names with their sizes.
///
/// # Errors
/// If a file is there already, or cannot be written.
pub fn generate(directory: &Path, seed: u64) -> Outcome<Vec<(String, u64)>> {
    fs::create_dir_all(directory)?;
    let keys = format!("{REDB}-keys");
    for name in [DUMP, SQLITE, REDB, &keys, ENCRYPTED] {
        if directory.join(name).exists() {
            return Err(format!("{name} is there already: a golden store is not made anew").into());
        }
    }
    let golden = scene::build(seed)?;
    fs::write(directory.join(DUMP), serde_json::to_string_pretty(&golden.to_json()?)? + "\n")?;
    lived_in(&golden, &SqliteStorage::open(directory.join(SQLITE))?)?;
    lived_in(&golden, &RedbStorage::open(directory.join(REDB))?)?;
    let engine = SqliteStorage::open(directory.join(ENCRYPTED))?;
    lived_in(&golden, &encrypted(engine, &KeyRing::new(Secret::copy_from(&STORE_KEY)), seed)?)?;
    // Empty between batches.
    for name in [SQLITE, ENCRYPTED] {
        fs::remove_file(directory.join(format!("{name}-journal")))?;
    }
    let mut sizes = Vec::new();
    for name in [DUMP, SQLITE, REDB, &keys, ENCRYPTED] {
        sizes.push((name.to_owned(), fs::metadata(directory.join(name))?.len()));
    }
    Ok(sizes)
}

/// The encrypting layer over an engine, as the golden store has it.
///
/// # Errors
/// Those of the layer.
pub fn encrypted<S: Storage>(engine: S, ring: &KeyRing, seed: u64) -> Outcome<EncryptedStorage<S>> {
    let provider = provider(seed);
    let suite = provider.suite(CLASSICAL).map_err(|error| error.to_string())?;
    Ok(EncryptedStorage::open(engine, suite, Arc::new(SeededRandom::new(seed)), ring)?)
}

/// The rows, in a store from which others were erased.
fn lived_in(golden: &Golden, storage: &dyn Storage) -> Outcome<()> {
    let mut before = VecBatch::new();
    let draft = |number: u8| {
        let mut key = Key::of_client(b"alice", RecordKind::Application, b"draft").to_buf();
        key.push_suffix(&[number]);
        key
    };
    for number in 0..4 {
        before.put(draft(number), vec![number; 100 * usize::from(number)]);
    }
    storage.apply(&mut before)?;
    golden.fill(storage)?;
    let mut after = VecBatch::new();
    for number in 0..4 {
        after.erase(draft(number));
    }
    Ok(storage.apply(&mut after)?)
}
