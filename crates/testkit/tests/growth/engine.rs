//! The store under the counted group: in memory, its own memory left out of what is counted.
//!
//! What a row function or a batch allocates while the engine runs is the library's, and counted.

use pleach::storage::{
    Batch, Erasure, Key, KeyBuf, KeyRange, Op, Row, Storage, StorageError, Value, VecBatch,
};
use pleach_storage_memory::MemoryStorage;

#[derive(Debug, Clone, Default)]
pub(crate) struct Engine(MemoryStorage);

/// Does something whose allocations are not counted.
fn uncounted<T>(work: impl FnOnce() -> T) -> T {
    let mut result = None;
    allocation_counter::opt_out(|| result = Some(work()));
    result.unwrap()
}

impl Storage for Engine {
    fn get(&self, key: &Key<'_>) -> Result<Option<Value>, StorageError> {
        uncounted(|| self.0.get(key))
    }

    fn scan(
        &self,
        range: &KeyRange<'_>,
        row: &mut dyn FnMut(Row<'_>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let rows = uncounted(|| {
            let mut rows: Vec<(KeyBuf, Value)> = Vec::new();
            let scanned = self.0.scan(range, &mut |row| {
                rows.push((row.key.to_buf(), Value::new(row.value.to_vec())));
                Ok(())
            });
            scanned.map(|()| rows)
        })?;
        let passed = rows.iter().try_for_each(|(key, value)| row(Row { key: key.as_key(), value }));
        uncounted(|| drop(rows));
        passed
    }

    fn apply(&self, batch: &mut dyn Batch) -> Result<(), StorageError> {
        let mut copy = uncounted(VecBatch::new);
        for guard in batch.guards() {
            uncounted(|| copy.guard(guard.clone()));
        }
        while let Some(op) = batch.next()? {
            uncounted(|| match op {
                Op::Put { key, value } => copy.put(key, value.to_vec()),
                Op::Erase(key) => copy.erase(key),
                Op::EraseRange(range) => copy.erase_range(range),
            });
        }
        uncounted(|| self.0.apply(&mut copy))?;
        uncounted(|| drop(copy));
        Ok(())
    }

    fn erasure(&self) -> Erasure {
        self.0.erasure()
    }
}
