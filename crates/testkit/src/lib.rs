//! Pleach: the naive oracle, malformed messages and the suites every backend must pass
//!
//! - [`oracle`]: a ratchet tree straight from the RFC's pseudo-code, to compare the library's with;
//! - [`malform`]: a member that forges messages which break one rule each;
//! - [`null_crypto`]: a cipher suite without security that counts what is done with it; [`counting`]: the same for any
//!   provider; [`random`]: randomness that can be repeated;
//! - [`behaviour`]: what a group does, seen through the facade; [`matrix`]: that over every backend, suite and engine;
//! - [`recording`]: a store that remembers what was put, and the search of files for what should be gone;
//! - [`crash`]: a member whose process is killed, and what must hold afterwards;
//! - [`faults`]: a store that fails or dies exactly where a test says;
//! - [`golden`]: stores in files that every later version must open;
//! - [`synthetic`]: large valid trees made in O(n); [`members`]: signed leaves;
//! - [`crypto_suite`]: what every crypto backend must pass; [`storage_suite`]: what every storage engine must pass; [`auth`]: the one permissive authentication service.
//!
//! For tests alone: nothing here protects anything, and much of it panics where a test is wrong.

pub mod auth;
pub mod behaviour;
pub mod counting;
pub mod crash;
pub mod crypto_suite;
pub mod faults;
pub mod golden;
pub mod malform;
pub mod matrix;
pub mod members;
pub mod null_crypto;
pub mod oracle;
pub mod random;
pub mod recording;
pub mod storage_suite;
pub mod synthetic;

pub use auth::TrustEveryone;

/// The guide's code is compiled and run, its engine against [`storage_suite`].
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guide/storage.md")]
pub struct StorageGuide;
