//! Tests of `pleach-tree` through its public interface: groups that evolve, one broken rule at a time, and costs.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests say what must hold by failing"
)]

mod cost;
mod evolve;
mod join;
mod path;
mod proposals;
mod rows;
mod support;
