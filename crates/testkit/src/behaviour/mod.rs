//! The behaviour suite: what a group does, and what it refuses, seen through the facade.
//!
//! One list, [`CASES`], run everywhere: as tests of the facade, and by the binary `matrix` over backends, storage engines,
//! suites and wire policies. A case gets a [`World`] of its own, makes fresh clients in it, and returns a [`Failure`] that
//! says where and why if anything is not as RFC 9420 has it. Each case holds its refusal: the typed error, and that nothing
//! changed.
//!
//! Invariants: a case depends on nothing but its world; no case depends on another, on the time of day or on threads.
//! Deliberately not here: messages that only a forger can make ([`crate::malform`]), crashes within a batch, and cost.

#[macro_use]
mod failure;
mod scene;
mod world;

mod credentials;
mod directory;
mod external;
mod invitation;
mod key_packages;
mod life;
mod messages;
mod observer;
mod outsiders;
mod proposals;
mod restart;
mod secrets;
mod successors;
mod x509;

pub use failure::Failure;
pub use world::{MemoryStores, SqliteStores, Stores, World};

/// One thing that a group does, with its refusal.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Its name: subject and what is shown.
    pub name: &'static str,
    /// What it shows, in a line.
    pub about: &'static str,
    /// Runs it.
    pub run: fn(&World) -> Result<(), Failure>,
}

/// Lists cases by path; a case's name is that of its function.
macro_rules! cases {
    ($($subject:ident { $($name:ident: $about:literal,)* })*) => {
        /// All cases.
        pub const CASES: &[Case] = &[$($(
            Case { name: stringify!($name), about: $about, run: $subject::$name },
        )*)*];

        /// Calls the macro `$test` with the names of all cases, as `$test! { name name .. }`: for one `#[test]` each.
        #[macro_export]
        macro_rules! for_each_behaviour {
            ($test:ident) => { $test! { $($($name)*)* } };
        }
    };
}
