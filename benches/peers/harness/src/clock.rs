//! CPU and wall time of one operation, in nanoseconds, and how fast the machine was then.
//!
//! A processor that is shared with other machines is now and then slower by half, for a moment or for a minute, and so is the floor
//! that was measured in another such moment. So before and after each operation a fixed piece of work is timed, the pace;
//! what is compared is how many paces an operation took.

use nix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::ops::{Add, AddAssign, Div, Sub};
use std::time::{Duration, Instant};

/// An allocation that takes longer found something to put in order.
const SETTLED: Duration = Duration::from_micros(20);
/// Products in each chain of a pace: some microseconds of work.
const PRODUCTS: u32 = 2_000;
/// An odd number.
const MULTIPLIER: u128 = 0x9E37_79B9_7F4A_7C15;
/// So often it is tried: for the rows of a group of a million, a few hundred are needed.
const SETTLE_TRIES: u32 = 2_000;

/// What an operation took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// CPU of all threads of the process, user and system.
    pub cpu_ns: u64,
    /// Wall time.
    pub wall_ns: u64,
    /// CPU time in units of the pace at that time.
    pub paces: f64,
}

impl Add for Spent {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            cpu_ns: self.cpu_ns + other.cpu_ns,
            wall_ns: self.wall_ns + other.wall_ns,
            paces: self.paces + other.paces,
        }
    }
}

impl AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Spent {
    type Output = Self;

    /// What is left, or nothing.
    fn sub(self, other: Self) -> Self {
        Self {
            cpu_ns: self.cpu_ns.saturating_sub(other.cpu_ns),
            wall_ns: self.wall_ns.saturating_sub(other.wall_ns),
            paces: (self.paces - other.paces).max(0.0),
        }
    }
}

impl Div<u32> for Spent {
    type Output = Self;

    fn div(self, by: u32) -> Self {
        let (by, paces) = (u64::from(by.max(1)), self.paces / f64::from(by.max(1)));
        Self { cpu_ns: self.cpu_ns / by, wall_ns: self.wall_ns / by, paces }
    }
}

/// A clock that runs.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: Instant,
    cpu_ns: u64,
    pace: f64,
}

impl Clock {
    /// Starts.
    #[must_use]
    pub fn start() -> Self {
        settle();
        let pace = pace();
        Self { wall: Instant::now(), cpu_ns: cpu_ns(), pace }
    }

    /// What was spent since.
    #[must_use]
    pub fn stop(&self) -> Spent {
        let wall_ns = u64::try_from(self.wall.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let cpu_ns = cpu_ns().saturating_sub(self.cpu_ns);
        // The mean of before and after.
        let paces = cpu_ns as f64 * 2.0 / (self.pace + pace());
        Spent { cpu_ns, wall_ns, paces }
    }
}

/// Nanoseconds of a fixed piece of work: products in five chains beside each other, which keep a processor about as busy as the
/// arithmetic of curves does: where this was written, both slowed down together, by up to twice, to within a tenth. The quickest of
/// three times: an interrupt may be in one.
fn pace() -> f64 {
    let once = || {
        let start = Instant::now();
        let mut chains = black_box([1_u64, 2, 3, 4, 5]);
        for _ in 0..PRODUCTS {
            for chain in &mut chains {
                let product = u128::from(*chain) * MULTIPLIER;
                *chain = product as u64 ^ ((product >> 64) as u64).rotate_left(17);
            }
        }
        black_box(chains);
        start.elapsed().as_nanos() as f64
    };
    (0..3).map(|_| once()).fold(f64::INFINITY, f64::min)
}

/// What was freed before is put in order by an allocator that has put it off, now, not in the operation that happens to allocate next: glibc joins
/// the small pieces that it has put aside when a large one is asked for, some ten thousand at a time, which is milliseconds after a
/// whole group was dropped.
fn settle() {
    let takes_long = || {
        let start = Instant::now();
        black_box(Vec::<u8>::with_capacity(64 << 10));
        start.elapsed() > SETTLED
    };
    let _ = (0..SETTLE_TRIES).take_while(|_| takes_long()).count();
}

fn cpu_ns() -> u64 {
    let Ok(time) = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID) else { return 0 };
    let (seconds, nanos) = (u64::try_from(time.tv_sec()), u64::try_from(time.tv_nsec()));
    seconds.unwrap_or_default() * 1_000_000_000 + nanos.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::Spent;

    #[test]
    fn paces_follow_the_times() {
        let all = Spent { cpu_ns: 300, wall_ns: 400, paces: 3.0 };
        let work = Spent { cpu_ns: 100, wall_ns: 150, paces: 1.0 };
        let save = all - work;
        assert_eq!((save.cpu_ns, save.wall_ns, save.paces), (200, 250, 2.0));
        assert_eq!(((save + work).paces, (all / 3).paces, (work - all).paces), (3.0, 1.0, 0.0));
    }
}
