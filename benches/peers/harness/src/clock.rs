//! CPU and wall time of one operation, in nanoseconds.

use nix::time::{ClockId, clock_gettime};
use std::ops::{Add, AddAssign, Div};
use std::time::{Duration, Instant};

/// An allocation that takes longer found something to put in order.
const SETTLED: Duration = Duration::from_micros(20);
/// So often it is tried: for the rows of a group of a million, a few hundred are needed.
const SETTLE_TRIES: u32 = 2_000;

/// What an operation took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// CPU of all threads of the process, user and system.
    pub cpu_ns: u64,
    /// Wall time.
    pub wall_ns: u64,
}

impl Add for Spent {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { cpu_ns: self.cpu_ns + other.cpu_ns, wall_ns: self.wall_ns + other.wall_ns }
    }
}

impl AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Div<u32> for Spent {
    type Output = Self;

    fn div(self, by: u32) -> Self {
        let by = u64::from(by.max(1));
        Self { cpu_ns: self.cpu_ns / by, wall_ns: self.wall_ns / by }
    }
}

/// A clock that runs.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: Instant,
    cpu_ns: u64,
}

impl Clock {
    /// Starts.
    #[must_use]
    pub fn start() -> Self {
        settle();
        let wall = Instant::now();
        Self { wall, cpu_ns: cpu_ns() }
    }

    /// What was spent since.
    #[must_use]
    pub fn stop(&self) -> Spent {
        let cpu_ns = cpu_ns().saturating_sub(self.cpu_ns);
        Spent { cpu_ns, wall_ns: u64::try_from(self.wall.elapsed().as_nanos()).unwrap_or(u64::MAX) }
    }
}

/// What was freed before is put in order by the allocator now, not in the operation that happens to allocate next: glibc joins
/// the small pieces that it has put aside when a large one is asked for, some ten thousand at a time, which is milliseconds after a
/// whole group was dropped.
fn settle() {
    let takes_long = || {
        let start = Instant::now();
        std::hint::black_box(Vec::<u8>::with_capacity(64 << 10));
        start.elapsed() > SETTLED
    };
    let _ = (0..SETTLE_TRIES).take_while(|_| takes_long()).count();
}

fn cpu_ns() -> u64 {
    let Ok(time) = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID) else { return 0 };
    let (seconds, nanos) = (u64::try_from(time.tv_sec()), u64::try_from(time.tv_nsec()));
    seconds.unwrap_or_default() * 1_000_000_000 + nanos.unwrap_or_default()
}
