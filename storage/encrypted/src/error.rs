//! Why a store cannot be opened. After that, errors are those of [`StorageError`]: this layer adds no kind.
//!
//! Invariant: no variant holds a byte of a key or a value; key ids are public.

use pleach_crypto::{AeadId, CryptoError, KdfId};
use pleach_storage::StorageError;

use crate::KeyId;

/// A store that cannot be opened with these keys. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The store was made with another key: none of the ring's is one of its keys.
    #[error("none of the keys is a key of this store")]
    WrongKey,
    /// Rows may still be sealed by this key, which the ring does not have.
    #[error("rows may be sealed by the key {id}, which is not among the keys given")]
    MissingKey {
        /// Which key.
        id: KeyId,
    },
    /// The ring's current key is an older key of this store: another handle has moved on to a newer one, which is in the
    /// ring too.
    #[error("the store has moved on to the key {current}, which must be the current one of the ring")]
    Superseded {
        /// The store's current key.
        current: KeyId,
    },
    /// A key has fewer than 32 bytes.
    #[error("a key must have at least 32 bytes")]
    WeakKey,
    /// Two keys of the ring are the same, or (1 in 2^32) cannot be told apart by their ids in this store.
    #[error("two of the keys have the same id")]
    DuplicateKey,
    /// The store has rows, and none of this layer: it is not encrypted.
    #[error("the store holds rows that are not encrypted")]
    NotEncrypted,
    /// The store was made with other algorithms.
    #[error("the store was made with {aead} and {kdf}")]
    OtherAlgorithms {
        /// The AEAD of the store.
        aead: AeadId,
        /// The KDF of the store.
        kdf: KdfId,
    },
    /// The keys could not be derived, or there was no randomness.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The store could not be read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
