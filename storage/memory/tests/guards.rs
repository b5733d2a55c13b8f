//! Guards when another batch comes in between, and names of any length.

use pleach_storage::{Batch, Guard, Key, Op, RecordKind, Storage, StorageError, VecBatch};
use pleach_storage_memory::MemoryStorage;

const KEY: Key<'static> = Key::of_client(b"alice", RecordKind::Application, b"note");

/// Wants its row to be absent; while it is read, somebody else writes that row.
struct Overtaken {
    store: MemoryStorage,
    guards: [Guard; 1],
    rows: u32,
}

impl Batch for Overtaken {
    fn guards(&self) -> &[Guard] {
        &self.guards
    }

    fn next(&mut self) -> Result<Option<Op<'_>>, StorageError> {
        self.rows += 1;
        if self.rows == 1 {
            let mut other = VecBatch::new();
            other.guard_absent(KEY).put(KEY, b"theirs".to_vec());
            self.store.apply(&mut other)?;
        }
        Ok((self.rows == 1).then_some(Op::Put { key: KEY, value: b"ours" }))
    }
}

#[test]
fn a_batch_that_was_overtaken_is_a_conflict_and_changes_nothing() {
    let store = MemoryStorage::new();
    let mut batch = Overtaken { store: store.clone(), guards: [Guard::Absent(KEY.to_buf())], rows: 0 };
    let result = store.apply(&mut batch);
    assert!(matches!(result, Err(StorageError::Conflict { kind: RecordKind::Application })), "{result:?}");
    assert_eq!(store.get(&KEY).unwrap().as_deref().map(Vec::as_slice), Some(&b"theirs"[..]));
}

#[test]
fn names_of_any_length() {
    let store = MemoryStorage::new();
    for length in [0, 1, 63, 64, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 200] {
        let client = vec![7; length];
        let key = Key::of_client(&client, RecordKind::Application, b"note");
        let mut batch = VecBatch::new();
        batch.guard_absent(key).put(key, vec![1; length]);
        store.apply(&mut batch).unwrap();
        assert_eq!(store.get(&key).unwrap().unwrap().len(), length);
        let mut again = VecBatch::new();
        again.guard_absent(key).put(key, Vec::new());
        assert!(store.apply(&mut again).is_err());
    }
}
