//! The same work through several MLS libraries, each in a process of its own, measured by the same code.
//!
//! A binary implements [`Library`], [`Party`] and [`Group`] for one library and calls [`main`] or [`run`]. What is done, in which order,
//! and what is counted, is in here: no library has a say in it. Everything crosses between members as wire bytes.
//! Results are printed as JSON lines ([`Line`]), each as soon as it is known.
//!
//! Deliberately not here: tables and verdicts (`cargo xtask report` makes them), and anything of Pleach.

mod clock;
mod counts;
mod heap;
mod library;
mod limit;
mod meter;
mod output;
mod perf;
mod run;
mod send;
mod storage;
mod synthetic;

pub use clock::{Clock, Spent};
pub use counts::{Counters, Counts};
pub use library::{Change, Commit, Failure, Group, Library, Party, Place, Result, TreeAt};
pub use output::{Line, PerfRow, Row, Temperature, Tree, Who};
pub use run::{Provider, Work, exit, main, run, stay_on_one_processor};
pub use synthetic::{Meta, write_messages};
