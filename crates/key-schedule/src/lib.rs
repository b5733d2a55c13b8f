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
//! ```
//! use pleach_key_schedule::{EpochSecret, InitSecret, RatchetKind, RatchetLimits, SecretTree, psk_secret};
//! use pleach_wire::{LeafIndex, TreeSize};
//!
//! let provider = pleach_rustcrypto::provider();
//! let suite = &provider.suites[0];
//! // Epoch 0 is fresh; the next follows from it, from a commit secret and from the new GroupContext.
//! let (epoch_0, _) = EpochSecret::random(suite, &*provider.random)?.derive(suite)?;
//! let commit_secret = provider.random.secret(suite.secret_len())?;
//! let group_context = b"the encoded GroupContext of epoch 1";
//! let joiner_secret = epoch_0.init_secret().joiner_secret(suite, commit_secret, group_context)?;
//! let member_secret = joiner_secret.member_secret(suite, psk_secret(suite, &[])?);
//! let (epoch_1, encryption_secret) = member_secret.epoch_secret(suite, group_context)?.derive(suite)?;
//! assert_ne!(epoch_0.epoch_authenticator(), epoch_1.epoch_authenticator());
//!
//! // The keys of leaf 2's next message: prepared, persisted, committed.
//! let mut tree = SecretTree::new(TreeSize::from_leaf_count(4).unwrap(), encryption_secret, RatchetLimits::default());
//! let (keys, step) = tree.prepare_next(suite, LeafIndex(2), RatchetKind::Application)?;
//! assert_eq!(step.rows().len(), 2 + 1); // ratchets, and the secrets beside the path in the place of the root's own
//! tree.commit(step)?;
//! assert_eq!(keys.generation(), 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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
mod node_secrets;
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
pub use row::{NODE_ROW_VERSION, ROW_VERSION};
pub use schedule::{EncryptionSecret, EpochSecret, InitSecret, JoinerSecret, MemberSecret, WelcomeSecret};
pub use secret_tree::SecretTree;
pub use step::{RatchetStep, SecretTreeKey, SecretTreeRow};
pub use transcript::{confirmed_transcript_hash, interim_transcript_hash};
