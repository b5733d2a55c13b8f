//! The facade from outside: groups and their lives, restarts and races, trust, joining in other ways, and cost in rows.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod basics;
mod common;
#[cfg(feature = "export")]
mod export;
mod numbering;
mod outside;
mod restart;
mod retention;
mod rollback;
mod rows;
mod secrets;
mod trust;
