//! The MLS key schedule, pre-shared keys, transcript hashes and the secret tree (RFC 9420 §8 and §9).
//!
//! - [`InitSecret`] → [`JoinerSecret`] → [`MemberSecret`] → [`EpochSecret`] → [`EpochSecrets`] and [`EncryptionSecret`]:
//!   one type per step of the key schedule (§8). A step consumes its input, so what the deletion schedule (§9.2, R142)
//!   says to delete is gone when the next value exists.
//! - [`psk_secret`] and [`check_psk_nonce`] (§8.4).
//! - [`confirmed_transcript_hash`] and [`interim_transcript_hash`] (§8.2).
//! - [`SecretTree`] (§9): sparse, loaded row by row, never O(n). Its steps are values: prepared on a scratch copy,
//!   persisted by the caller, and only then committed.
//!
//! Invariants: every secret is a [`Secret`](pleach_crypto::Secret), so zeroized, compared in constant time and redacted
//! in `Debug` (R278). Nothing a peer sends can panic, and a failed call changes nothing.
//!
//! It deliberately does no I/O: rows are bytes that the caller reads and writes. It does not know the ratchet tree; a
//! commit secret is an argument.
#![no_std]
#![warn(clippy::indexing_slicing)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod epoch;
mod error;
mod psk;
mod ratchet;
mod row;
mod schedule;
mod secret_tree;
mod step;
#[cfg(test)]
mod tests;
mod transcript;

pub use epoch::{EpochSecrets, PastEpochSecrets};
pub use error::{KeyScheduleError, RowError, SecretTreeError};
pub use psk::{check_psk_nonce, psk_secret};
pub use ratchet::{MessageKeys, RatchetKind, RatchetLimits};
pub use schedule::{EncryptionSecret, EpochSecret, InitSecret, JoinerSecret, MemberSecret, WelcomeSecret};
pub use secret_tree::SecretTree;
pub use step::{RatchetStep, SecretTreeKey, SecretTreeRow};
pub use transcript::{confirmed_transcript_hash, interim_transcript_hash};
