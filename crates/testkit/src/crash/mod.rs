//! Processes that are killed: a member whose process dies by SIGKILL, at chosen points inside its operations or at any
//! moment, while it sends, receives and commits with others that live on.
//!
//! The [`child`] is a member over a store in a file. It does what its parent orders, one thing at a time, and says when it
//! comes to a [`Point`](crate::faults::Point) of a batch. The [`parent`] is the delivery service and the other members: it
//! kills the child, starts it anew, and checks
//!
//! - that no message which the child's own records confirm is lost, and none is handed out twice ([`child`], [`parent`]);
//! - that no two ciphertexts that ever left a child used one generation of a ratchet ([`audit`]);
//! - that all come to the same epoch and go on: everyone sends, the child commits, another commits.
//!
//! Beside that, [`hammer`]: several processes on one store at once.
//!
//! What the child released is what came through its pipe: like a network, the pipe keeps what was written before the kill.
//!
//! Invariants: a seed decides what is done and at which point a child is killed; only when a kill at "any moment" falls is
//! up to the machine. Every wait is bounded: a child that says nothing for a minute is an error.
//!
//! Deliberately not here: power failures, which no process can stage; what SQLite promises of them is SQLite's.

pub mod audit;
pub mod child;
pub mod engine;
pub mod frame;
pub mod hammer;
pub mod parent;
pub mod run;
pub mod service;

pub use engine::Engine;
pub use parent::{Kill, Parent};
pub use run::{Report, Settings, World, run};

/// What went wrong, for a reader.
pub type Outcome<T> = Result<T, String>;

/// An error as text, with what was being done.
pub(crate) fn at<E: std::fmt::Display>(what: &str) -> impl Fn(E) -> String + '_ {
    move |error| format!("{what}: {error}")
}

/// The group that it all happens in.
pub(crate) const GROUP: &[u8] = b"crash";

/// The member whose process dies.
pub(crate) const VICTIM: &str = "victim";
