//! The matrix: the behaviour suite over crypto backend x storage engine x suite x wire policy, and groups that mix them.
//!
//! Four kinds of names, which the filters of the binary `matrix` choose among:
//! - `aws-lc::sqlite::0x0001::private::external_join`: every case of [`CASES`](crate::behaviour::CASES) on every
//!   combination of two storage engines ([`Engine::EVERYWHERE`]) with all backends and suites, and of the others with some
//!   ([`REPRESENTATIVES`]);
//! - `mixed::aws-lc+ring::0x0001::private::commit_and_process`: for each ordered pair of backends and each suite that both
//!   have, the first commits and the second processes ([`MIXED`](crate::behaviour::mixed::MIXED));
//! - `parts::aws-lc+ring::0x0001::private::kem`: one client whose suite takes a part from the first and the rest from the
//!   second ([`PARTS`](crate::behaviour::mixed::PARTS));
//! - `mixed-storage::memory+sqlite::aws-lc::0x0001::private::commit_and_process`: likewise for storage engines.
//!
//! Invariants: what backends claim to have is what is run; a filter that chooses nothing is an error, so nothing is left
//! out silently. Cost: each case has worlds of its own, and none takes longer than a few seconds, so that the order does
//! not matter.

mod arguments;
mod backend;
mod plan;
mod report;
mod run;

pub use arguments::{Arguments, Wire};
pub use backend::{Backend, Engine, REPRESENTATIVES, Source};
pub use plan::{Combination, Job, Kind, plan};
pub use report::{json, print_table};
pub use run::{Outcome, run_all};
