//! Storage that fails, or dies, exactly where a test says.
//!
//! A [`FaultyStorage`] passes every call on to a real engine, counts it, and at one call does what its [`Plan`] says: fails
//! before, half-way (the engine gets half of the batch and must undo it), after it was applied, or with an outcome that
//! nobody knows; and it may be dead from then on, until the store is opened anew. A [`Point`] names the same places for
//! whoever wants to be there: a process that waits to be killed.
//!
//! Invariants: what is not planned is passed on unchanged. The number of a call and its stage decide, nothing else, so the
//! same test fails at the same place each time. All clones of a [`Faults`] share one plan and one count.
//!
//! Cost: a batch is copied if somebody waits at its middle; otherwise a lock per call.
//!
//! Not here: what must hold afterwards. The tests of the facade have that.

mod batch;
mod plan;

pub use plan::{Call, Calls, Fault, Faults, Hit, Place, Plan, Point, Stage};

use batch::{Half, copied};
use plan::Order;
use pleach_storage::{Batch, Erasure, Key, KeyBuf, KeyRange, Row, Storage, StorageError, Value};

/// What an injected failure says.
#[derive(Debug, Clone, Copy)]
pub struct Injected(pub &'static str);

impl std::fmt::Display for Injected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "injected: {}", self.0)
    }
}

impl std::error::Error for Injected {}

/// Whether an error, or what caused it, was injected.
#[must_use]
pub fn is_injected(error: &StorageError) -> bool {
    match error {
        StorageError::Engine(source) | StorageError::Aborted(source) => source.is::<Injected>(),
        StorageError::Full => true,
        _ => false,
    }
}

/// A store that fails as planned. See the [module](self).
#[derive(Debug, Clone)]
pub struct FaultyStorage<S> {
    inner: S,
    faults: Faults,
}

impl<S: Storage> FaultyStorage<S> {
    /// Over an engine.
    pub const fn new(inner: S, faults: Faults) -> Self {
        Self { inner, faults }
    }

    /// The engine.
    pub const fn inner(&self) -> &S {
        &self.inner
    }
}

impl<S: Storage> Storage for FaultyStorage<S> {
    fn get(&self, key: &Key<'_>) -> Result<Option<Value>, StorageError> {
        match self.faults.begin(Call::Get)? {
            Order::Go => self.inner.get(key),
            Order::Fail(Fault::After) => {
                self.inner.get(key)?;
                Err(self.faults.strike(Fault::After))
            }
            // A row is read or not: there is no half of it, and nothing that could have been done.
            Order::Fail(_) => Err(StorageError::engine(self.faults.struck("the row was not read"))),
        }
    }

    fn scan(
        &self,
        range: &KeyRange<'_>,
        row: &mut dyn FnMut(Row<'_>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let rows_of = match self.faults.begin(Call::Scan)? {
            Order::Go => return self.inner.scan(range, row),
            Order::Fail(Fault::Before | Fault::Unknown { applied: false }) => {
                return Err(StorageError::engine(self.faults.struck("no row was read")));
            }
            Order::Fail(Fault::Halfway) => |rows: usize| rows / 2,
            Order::Fail(_) => |rows: usize| rows,
        };
        let mut found = Vec::new();
        self.inner.scan(range, &mut |row| {
            found.push((KeyBuf::new(row.key), Value::new(row.value.to_vec())));
            Ok(())
        })?;
        for (key, value) in found.iter().take(rows_of(found.len())) {
            row(Row { key: key.as_key(), value })?;
        }
        Err(StorageError::engine(self.faults.struck("the scan broke off")))
    }

    fn apply(&self, batch: &mut dyn Batch) -> Result<(), StorageError> {
        match self.faults.begin(Call::Apply)? {
            Order::Go if !self.faults.is_watched() => self.inner.apply(batch),
            Order::Go => {
                let mut batch = copied(batch)?;
                self.faults.at(Stage::Before);
                let mut watched = Half::watching(&mut batch, || self.faults.at(Stage::Halfway));
                self.inner.apply(&mut watched)?;
                self.faults.at(Stage::After);
                Ok(())
            }
            Order::Fail(Fault::Before) => Err(self.faults.strike(Fault::Before)),
            Order::Fail(Fault::Halfway) => {
                let mut batch = copied(batch)?;
                let error = self.faults.strike(Fault::Halfway);
                let mut half = Half::failing(&mut batch, error);
                match self.inner.apply(&mut half) {
                    Err(error) => Err(error),
                    Ok(()) => Err(StorageError::engine(Injected("the engine applied half of a batch"))),
                }
            }
            Order::Fail(Fault::Unknown { applied: false }) => {
                Err(self.faults.strike(Fault::Unknown { applied: false }))
            }
            Order::Fail(fault @ (Fault::After | Fault::Unknown { applied: true })) => {
                // What fails by itself, as a guard that does not hold, is no fault of ours.
                self.inner.apply(batch)?;
                Err(self.faults.strike(fault))
            }
        }
    }

    fn erasure(&self) -> Erasure {
        self.inner.erasure()
    }
}

#[cfg(test)]
mod tests;
