//! The same work through several MLS libraries, each in a process of its own, measured by the same code.
//!
//! A binary implements [`Library`], [`Party`] and [`Group`] for one library and calls [`main`]. What is done, in which order,
//! and what is counted, is in here: no library has a say in it. Everything crosses between members as wire bytes.
//! Results are printed as JSON lines ([`Line`]), each as soon as it is known.
//!
//! Deliberately not here: tables and verdicts (`cargo xtask report` makes them), and anything of Pleach.

mod counts;
mod library;
mod limit;
mod meter;
mod output;
mod run;
mod send;
mod storage;

pub use counts::{Counters, Counts};
pub use library::{Change, Commit, Failure, Group, Library, Party, Place, Result};
pub use output::{Line, Row, Temperature, Tree};
pub use run::main;
