//! Where a store fails, and how: [`Plan`], and the [`Faults`] that a test holds on to.

use super::Injected;
use pleach_storage::StorageError;
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// `Storage::get`.
    Get,
    /// `Storage::scan`.
    Scan,
    /// `Storage::apply`.
    Apply,
}

/// How many calls there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Calls {
    /// Of `get`.
    pub gets: u64,
    /// Of `scan`.
    pub scans: u64,
    /// Of `apply`.
    pub applies: u64,
}

impl Calls {
    /// Of all kinds.
    #[must_use]
    pub const fn all(self) -> u64 {
        self.gets + self.scans + self.applies
    }

    /// Of one kind.
    #[must_use]
    pub const fn of(self, call: Call) -> u64 {
        match call {
            Call::Get => self.gets,
            Call::Scan => self.scans,
            Call::Apply => self.applies,
        }
    }
}

/// Where within a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Before anything is done.
    Before,
    /// The engine has half of the batch.
    Halfway,
    /// It is applied, and the caller does not know yet.
    After,
}

/// Which call fails. Numbers begin with 0 where the plan was armed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The k-th call of any kind.
    Any(u64),
    /// The k-th call of one kind.
    Nth(Call, u64),
    /// The first call of one kind in an operation that the test has named ([`Faults::operation`]).
    In(&'static str, Call),
}

/// How it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing was done, and the store says so.
    Before,
    /// Half of the batch was handed on, or half of the rows handed out.
    Halfway,
    /// Everything was done, and an error is reported nonetheless.
    After,
    /// The engine does not know ([`StorageError::Engine`]); the test does.
    Unknown {
        /// Whether it was applied.
        applied: bool,
    },
}

impl Fault {
    /// Whether the batch was applied.
    #[must_use]
    pub const fn applies(self) -> bool {
        matches!(self, Self::After | Self::Unknown { applied: true })
    }
}

/// One failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Which call.
    pub place: Place,
    /// How.
    pub fault: Fault,
    /// Whether all later calls fail too.
    pub dies: bool,
}

/// The failure that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// What kind of call it struck.
    pub call: Call,
    /// How.
    pub fault: Fault,
}

/// A place that an operation has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// The operation that the test named, or "".
    pub operation: &'static str,
    /// Where in its batch.
    pub stage: Stage,
}

/// The plan and the count of a [`FaultyStorage`](super::FaultyStorage).
#[derive(Clone, Default)]
pub struct Faults(Arc<Shared>);

type Watcher = Box<dyn FnMut(Point) + Send>;

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    watcher: Mutex<Option<Watcher>>,
}

#[derive(Debug, Default)]
struct State {
    plan: Option<Plan>,
    calls: Calls,
    operation: &'static str,
    current: Option<Call>,
    hit: Option<Hit>,
    dead: bool,
    watched: bool,
}

pub(super) enum Order {
    Go,
    Fail(Fault),
}

impl Faults {
    /// Without a plan.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From here on: counts begin anew.
    pub fn arm(&self, plan: Plan) {
        let mut state = self.state();
        *state = State {
            plan: Some(plan),
            operation: state.operation,
            watched: state.watched,
            ..State::default()
        };
    }

    /// Fails no more, and counts anew.
    pub fn disarm(&self) {
        let mut state = self.state();
        *state = State { operation: state.operation, watched: state.watched, ..State::default() };
    }

    /// The operation that begins now.
    pub fn operation(&self, name: &'static str) {
        self.state().operation = name;
    }

    /// The calls since the plan was armed.
    #[must_use]
    pub fn calls(&self) -> Calls {
        self.state().calls
    }

    /// The failure, if it has happened.
    #[must_use]
    pub fn hit(&self) -> Option<Hit> {
        self.state().hit
    }

    /// Calls `watcher` at each [`Point`] that an `apply` passes: before, in the middle, after. What it does holds the store
    /// up; it must not call it.
    pub fn watch(&self, watcher: impl FnMut(Point) + Send + 'static) {
        *self.0.watcher.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(watcher));
        self.state().watched = true;
    }

    pub(super) fn is_watched(&self) -> bool {
        self.state().watched
    }

    pub(super) fn at(&self, stage: Stage) {
        let point = Point { operation: self.state().operation, stage };
        if let Some(watcher) = &mut *self.0.watcher.lock().unwrap_or_else(PoisonError::into_inner) {
            watcher(point);
        }
    }

    /// A call begins.
    pub(super) fn begin(&self, call: Call) -> Result<Order, StorageError> {
        let mut state = self.state();
        if state.dead {
            return Err(StorageError::engine(Injected("the store is dead")));
        }
        let (all, nth) = (state.calls.all(), state.calls.of(call));
        match call {
            Call::Get => state.calls.gets += 1,
            Call::Scan => state.calls.scans += 1,
            Call::Apply => state.calls.applies += 1,
        }
        state.current = Some(call);
        let Some(plan) = state.plan else { return Ok(Order::Go) };
        let here = match plan.place {
            Place::Any(k) => k == all,
            Place::Nth(kind, k) => kind == call && k == nth,
            Place::In(operation, kind) => kind == call && operation == state.operation && state.hit.is_none(),
        };
        Ok(if here { Order::Fail(plan.fault) } else { Order::Go })
    }

    /// The failure happens: what `apply` reports.
    pub(super) fn strike(&self, fault: Fault) -> StorageError {
        match fault {
            Fault::Before => {
                let _noted = self.struck("");
                StorageError::Full
            }
            Fault::Halfway => StorageError::aborted(self.struck("the batch broke off")),
            Fault::After => StorageError::engine(self.struck("it was done")),
            Fault::Unknown { .. } => StorageError::engine(self.struck("nobody knows whether it was done")),
        }
    }

    pub(super) fn struck(&self, what: &'static str) -> Injected {
        let mut state = self.state();
        if let (Some(plan), Some(call)) = (state.plan, state.current) {
            state.hit = Some(Hit { call, fault: plan.fault });
            state.dead = plan.dies;
        }
        Injected(what)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Faults").field(&*self.state()).finish()
    }
}
