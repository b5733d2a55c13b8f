//! Storage records, atomic batches and the [`Storage`] trait: what Pleach asks of a database.
//!
//! A store is one ordered map from keys to values. A [`Key`] says whose row it is (client, then group), which
//! [`RecordKind`] it is, and which one of that kind (the suffix). Everything a public operation changes goes to the
//! engine as one [`Batch`]: [`Guard`]s, then a stream of [`Op`]s, all or nothing.
//!
//! ```
//! use pleach_storage::{Key, KeyRange, RecordKind, Scope};
//!
//! let group = Scope::Group(b"tea party");
//! let head = Key { client: b"alice", scope: group, record: RecordKind::Head, suffix: b"" };
//! assert!(KeyRange::scope(b"alice", group).contains(&head.to_bytes()));
//! assert!(!KeyRange::scope(b"bob", group).contains(&head.to_bytes()));
//! ```
//!
//! # Writing an engine
//!
//! An engine is four methods over encoded keys ([`Key::encode`], [`KeyRange::encoded`]), which compare as plain
//! bytes. The promises it makes are on [`Storage`]; `pleach-testkit`'s `storage_suite` checks them in one call.
//!
//! Invariants: keys encode injectively, and bytewise order of the encodings keeps every client, scope, record kind
//! and suffix prefix contiguous. No error, `Debug` or counter holds a value.
//!
//! [`Checked`] puts a checksum behind every value. The facade wraps every store in it.
//!
//! Cost: encoding a key is one copy of it; nothing here grows with the store.
//!
//! Not here: what the values mean (the facade's codecs), encryption at rest, retention. No I/O.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod batch;
mod checked;
mod counting;
mod error;
mod key;
mod kind;
mod range;
mod traits;

pub use batch::{Batch, Guard, Op, RowBuf, StreamBatch, VecBatch, row_version};
pub use checked::Checked;
pub use counting::{CountingStorage, Counts};
pub use error::StorageError;
pub use key::{Key, KeyBuf, Scope};
pub use kind::{RecordClass, RecordKind};
pub use range::{EncodedRange, KeyRange, KeyRangeBuf, Prefix};
pub use traits::{Erasure, Row, Storage};

/// A value read from a store: zeroized when dropped.
pub type Value = zeroize::Zeroizing<alloc::vec::Vec<u8>>;
