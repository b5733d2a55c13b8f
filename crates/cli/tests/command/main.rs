//! The command as people run it: a process for each step, and what it leaves behind.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod bench;
mod export;
mod faults;
mod guide;
mod inspect;
mod life;
mod stage;
mod suites;
