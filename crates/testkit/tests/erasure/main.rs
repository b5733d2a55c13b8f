//! What is retired is gone from the files, seen through the facade: stores in SQLite, one directory each, with every
//! value ever put on record.

#![expect(clippy::unwrap_used, reason = "tests")]

mod life;
mod log;
mod operations;
mod watch;
