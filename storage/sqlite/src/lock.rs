//! A mutex that notices when its own thread asks twice: a row function that calls the store gets an error, not a
//! deadlock.
//!
//! Invariant: `owner` is this thread's id exactly while this thread holds `inner`; what other threads read there is
//! not their own id, so a race does no harm.
//!
//! Poisoning: a panic in a row function unwinds through rusqlite, which resets the statement and rolls back, so the
//! connection is sound and the lock is taken over.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use pleach_storage::StorageError;

pub(crate) struct Lock<T> {
    inner: Mutex<T>,
    owner: Mutex<Option<ThreadId>>,
}

pub(crate) struct Locked<'a, T> {
    inner: MutexGuard<'a, T>,
    owner: &'a Mutex<Option<ThreadId>>,
}

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { inner: Mutex::new(value), owner: Mutex::new(None) }
    }

    pub(crate) fn lock(&self) -> Result<Locked<'_, T>, StorageError> {
        let this = thread::current().id();
        if *self.owner.lock().unwrap_or_else(PoisonError::into_inner) == Some(this) {
            return Err(StorageError::Reentrant);
        }
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        *self.owner.lock().unwrap_or_else(PoisonError::into_inner) = Some(this);
        Ok(Locked { inner, owner: &self.owner })
    }
}

impl<T> Deref for Locked<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> DerefMut for Locked<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

impl<T> Drop for Locked<'_, T> {
    fn drop(&mut self) {
        // Before `inner`, which unlocks when it is dropped after this.
        *self.owner.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
