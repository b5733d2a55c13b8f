//! Every operation of a group's life, with a store that fails at each of its calls in turn: before, half-way, after, or
//! nobody knows; and goes on, or is dead until it is opened anew.
//!
//! What is shown: the rows are exactly those from before or those of success, byte by byte; a reopened group and the handle
//! that saw the error both go on, and talk and commit with the others. Secrets are drawn from the same seed each time, so
//! that rows can be compared; the suite is the one without security, so that there is time for all of it.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is a failed test")]

mod commits;
mod guard;
mod handles;
mod members;
mod messages;
mod outside;
mod play;
mod proposals;
mod scene;
mod secrets;
mod successors;
