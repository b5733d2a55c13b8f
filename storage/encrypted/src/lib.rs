//! Encryption at rest: a [`Storage`](pleach_storage::Storage) over any other, whose values only the holder of a key reads.
//!
//! ```
//! use std::sync::Arc;
//! use pleach_crypto::Secret;
//! use pleach_storage::{Key, RecordKind, Storage, VecBatch};
//! use pleach_storage_encrypted::{EncryptedStorage, KeyRing, OpenError};
//! use pleach_storage_memory::MemoryStorage;
//!
//! # fn main() -> Result<(), OpenError> {
//! # let key_from_the_keychain = Secret::copy_from(&[7; 32]);
//! let engine = MemoryStorage::new();
//! let provider = pleach_rustcrypto::provider();
//! let suite = &provider.suites[0];
//! let ring = KeyRing::new(key_from_the_keychain);
//! let store = EncryptedStorage::open(engine.clone(), suite, Arc::clone(&provider.random), &ring)?;
//!
//! let key = Key::of_client(b"alice", RecordKind::Application, b"draft");
//! let mut batch = VecBatch::new();
//! batch.put(key, b"see you at nine".to_vec());
//! store.apply(&mut batch)?;
//! assert_eq!(store.get(&key)?.as_deref().map(Vec::as_slice), Some(&b"see you at nine"[..]));
//! assert!(!engine.get(&key)?.unwrap().windows(4).any(|bytes| bytes == b"nine"));
//!
//! let other = KeyRing::new(Secret::copy_from(&[8; 32]));
//! let refused = EncryptedStorage::open(engine, suite, provider.random, &other);
//! assert!(matches!(refused, Err(OpenError::WrongKey)));
//! # Ok(())
//! # }
//! ```
//!
//! # What it does
//!
//! Every value is sealed by the AEAD of a cipher suite that the caller gives, with the row's key as associated data: a value
//! that was changed, or lies under another key or in another store, is [`Corrupt`](pleach_storage::StorageError::Corrupt).
//! The suffixes of index rows are replaced by a MAC. [`KeyRing`] and [`EncryptedStorage::rewrap`] replace keys. A store that
//! is not encrypted, or by another key, is refused before anything is written.
//!
//! # What it does not hide
//!
//! - **Keys of rows** stay in clear but for suffixes of index rows: client ids, group ids, kinds, and suffixes (epochs,
//!   leaf and node indices, generations, ids of PSKs, refs of key packages and proposals). So who sees the file knows which
//!   groups there are, by the rows of kind TreeNode how many members they have about, and by Ratchet rows which leaves have
//!   sent something. Choose ids that tell nothing, or encrypt the file system, if that matters.
//! - **Sizes**: that of a value is that of the row less 45 bytes and a tag.
//! - **Changes**: who sees the file twice sees which rows changed, and whether their first 8 bytes (the version) did.
//! - **Age**: who can write the file can put back an earlier value of the same row, or the whole file of yesterday.
//!   A rollback guard kept elsewhere finds that; no encryption does.
//! - **Absence**: who can write the file can also remove rows, and nothing here notices: each row is sealed by itself. Most rows
//!   are missed by the library when it needs them, but not those whose absence means something: without the row that says that
//!   a group was put back or imported (Meta `restored`), the group sends again, with message keys that may be used; without a
//!   tombstone, an old Welcome is taken again. Where a thief may write and give the file back, only a guard that is kept
//!   elsewhere helps: with it, a copy that was put back is found again at the next look (an import is not).
//!
//! Erasure is that of the store within: what it leaves behind is ciphertext, until the key is known.
//!
//! # Bounds
//!
//! Each row is sealed by an AEAD key and nonce of its own, derived from the sealing key, a random salt of 128 bits, the row's
//! key, and its version. They repeat only if the salt does for the same row and version. After 2^40 writes of one row without
//! a version that has a probability below 2^-48; after 2^32, of a million such rows, below 2^-44. The bound of 2^32 messages
//! for random nonces of 96 bits (NIST SP 800-38D §8.3) is for one key, and each key here seals one message.
//!
//! # Differences to the store within
//!
//! - The order of index rows of one group is that of their MACs. A range that is a part of their suffix is
//!   [`Unsupported`](pleach_storage::StorageError::Unsupported); all index rows of a group, and pages of a scan, are not.
//! - Every batch has one guard more: the key row's version. A handle that does not know of a new key can therefore write
//!   nothing; its reads of what the new key sealed are `Unsupported`.
//!
//! Files: `keys` derives, `names` places rows, `seal` seals values, `key_row` says which keys there are, `batch` and `store`
//! are the layer, `rewrap` rotates. Not here: engines, key stores of operating systems, passphrases.

#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod batch;
mod error;
mod key_row;
mod keys;
mod names;
mod rewrap;
mod seal;
mod store;

pub use error::OpenError;
pub use keys::{KeyId, KeyRing};
pub use rewrap::Rewrapped;
pub use store::EncryptedStorage;
