//! The gate through which one batch at a time goes: bounded waiting, and a thread that already is inside is told so.
//!
//! Invariant: exactly while a [`Pass`] lives, `inside` is the thread that got it. Cost: a lock for each batch.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use pleach_storage::StorageError;

#[derive(Debug, Default)]
pub(crate) struct Gate {
    inside: Mutex<Option<ThreadId>>,
    left: Condvar,
}

pub(crate) struct Pass<'a>(&'a Gate);

impl Gate {
    pub(crate) fn enter(&self, patience: Duration) -> Result<Pass<'_>, StorageError> {
        let this = thread::current().id();
        let inside = self.lock();
        if *inside == Some(this) {
            return Err(StorageError::Reentrant);
        }
        let waited = self.left.wait_timeout_while(inside, patience, |inside| inside.is_some());
        let (mut inside, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if inside.is_some() {
            return Err(StorageError::Busy);
        }
        *inside = Some(this);
        Ok(Pass(self))
    }

    // Nothing panics while it holds this lock.
    fn lock(&self) -> MutexGuard<'_, Option<ThreadId>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        *self.0.lock() = None;
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let gate = Gate::default();
        let pass = gate.enter(Duration::ZERO).unwrap();
        assert!(matches!(gate.enter(Duration::MAX), Err(StorageError::Reentrant)));
        thread::scope(|scope| {
            let busy = scope.spawn(|| gate.enter(Duration::from_millis(5)).map(drop)).join().unwrap();
            assert!(matches!(busy, Err(StorageError::Busy)));
            let waiting = scope.spawn(|| gate.enter(Duration::from_secs(60)).map(drop));
            drop(pass);
            waiting.join().unwrap().unwrap();
        });
        gate.enter(Duration::ZERO).unwrap();
    }
}
