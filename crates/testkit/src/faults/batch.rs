//! Half of a batch: to fail in its middle, or to be told when the engine is there.

use pleach_storage::{Batch, Guard, Op, StorageError, VecBatch};

/// A copy of a batch, so that its length is known.
pub(super) fn copied(batch: &mut dyn Batch) -> Result<VecBatch, StorageError> {
    let mut copy = VecBatch::new();
    for guard in batch.guards() {
        copy.guard(guard.clone());
    }
    while let Some(op) = batch.next()? {
        match op {
            Op::Put { key, value } => copy.put(key, value.to_vec()),
            Op::Erase(key) => copy.erase(key),
            Op::EraseRange(range) => copy.erase_range(range),
        };
    }
    Ok(copy)
}

/// A batch at whose middle something happens, once.
pub(super) struct Half<'a> {
    batch: &'a mut VecBatch,
    /// How many changes are left when it happens.
    middle: usize,
    event: Option<Event<'a>>,
}

enum Event<'a> {
    Fail(StorageError),
    Tell(Box<dyn FnOnce() + 'a>),
}

impl<'a> Half<'a> {
    /// The batch fails there.
    pub(super) fn failing(batch: &'a mut VecBatch, error: StorageError) -> Self {
        Self { middle: batch.remaining() / 2, batch, event: Some(Event::Fail(error)) }
    }

    /// Somebody is told.
    pub(super) fn watching(batch: &'a mut VecBatch, tell: impl FnOnce() + 'a) -> Self {
        Self { middle: batch.remaining() / 2, batch, event: Some(Event::Tell(Box::new(tell))) }
    }
}

impl Batch for Half<'_> {
    fn guards(&self) -> &[Guard] {
        self.batch.guards()
    }

    fn next(&mut self) -> Result<Option<Op<'_>>, StorageError> {
        if self.batch.remaining() <= self.middle {
            match self.event.take() {
                Some(Event::Fail(error)) => return Err(error),
                Some(Event::Tell(tell)) => tell(),
                None => {}
            }
        }
        self.batch.next()
    }
}
