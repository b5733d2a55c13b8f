//! Ends the process when one step, or all of them together, take too much CPU time.
//!
//! A step cannot be interrupted from outside of a library, so a thread watches the clock and ends the process, having printed
//! which step it was.

use crate::meter::cpu;
use crate::output::{Line, Who, print};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Creating the group may take so many times the bound: without it nothing can be measured.
const CREATING: u32 = 2;
/// All steps at one size together: libraries whose every step is O(n) pass each bound and would take hours.
const TOGETHER: u32 = 10;

/// What the bounds are for.
#[derive(Clone, Copy)]
pub(crate) enum Bounds {
    /// The `storage` work, in which creating may take longer.
    Storage,
    /// The `perf` work.
    Perf(Who),
}

/// A bound on the CPU time of every step.
#[derive(Clone)]
pub(crate) struct Limit {
    step: Arc<Mutex<Option<Step>>>,
}

struct Step {
    members: u32,
    name: &'static str,
    start: Duration,
}

impl Limit {
    /// Starts to watch.
    pub(crate) fn new(most: Duration, bounds: Bounds) -> Self {
        let (creating, who) = match bounds {
            Bounds::Storage => (CREATING, None),
            Bounds::Perf(who) => (1, Some(who)),
        };
        let step = Arc::new(Mutex::new(None::<Step>));
        let watched = Arc::clone(&step);
        thread::spawn(move || {
            loop {
                thread::sleep(LOOK_EVERY);
                let step = watched.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(step) = &*step else { continue };
                let now = cpu();
                let times = if step.name == "create" { creating } else { 1 };
                let (operation, bound) = if now.saturating_sub(step.start) > most * times {
                    (step.name, most * times)
                } else if now > most * TOGETHER {
                    ("all steps together", most * TOGETHER)
                } else {
                    continue;
                };
                let (n, operation) = (step.members, operation.to_owned());
                print(&Line::Stopped { who, n, operation, limit_s: bound.as_secs() });
                std::process::exit(0);
            }
        });
        Self { step }
    }

    /// Runs one step of the work with a group of so many members.
    pub(crate) fn step<T>(&self, members: u32, name: &'static str, work: impl FnOnce() -> T) -> T {
        let set = |step| *self.step.lock().unwrap_or_else(PoisonError::into_inner) = step;
        set(Some(Step { members, name, start: cpu() }));
        let result = work();
        set(None);
        result
    }
}
