//! The keys: what the application gives, and what is derived from it.
//!
//! ```text
//! prk(key)   = Extract(salt of the store, key)
//! id(key)    = Expand(prk(key), "pleach storage 1 key id", 4)
//! seal(key)  = Expand(prk(key), "pleach storage 1 seal", Nh)       seals the values written while key is current
//! store secret: random, made with the store, kept in the key row, sealed under the current key
//! names      = Expand(store secret, "pleach storage 1 names", Nh)      MACs suffixes of index rows
//! versions   = Expand(store secret, "pleach storage 1 versions", Nh)   MACs versions
//! ```
//!
//! Invariants: one key of the application gives unrelated keys in two stores, for each store has a salt of its own.
//! The keys for names and versions are those of the store: they outlive a rotation, since rows are found by them.
//!
//! Not here: key stores of operating systems, and passphrases: a passphrase must be stretched first.

use alloc::vec::Vec;
use core::fmt;

use pleach_crypto::{CipherSuite, CryptoError, Secret};

use crate::OpenError;

/// The least length of a key, in bytes.
pub(crate) const MIN_KEY: usize = 32;
const ID: usize = 4;

/// Which key sealed a value: four bytes derived from the key and the store's salt. It says nothing about the key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub(crate) [u8; ID]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

/// The keys of a store: the one for what is written, and older ones for what was written before.
///
/// A key is at least 32 bytes that nobody can guess, such as 32 random bytes from the operating system's key store. A
/// passphrase is not a key.
#[derive(Clone)]
pub struct KeyRing {
    current: Secret,
    older: Vec<Secret>,
}

impl KeyRing {
    /// A ring of one key.
    #[must_use]
    pub const fn new(current: Secret) -> Self {
        Self { current, older: Vec::new() }
    }

    /// Adds a key that was current before.
    #[must_use]
    pub fn with_older(mut self, key: Secret) -> Self {
        self.older.push(key);
        self
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyRing(1 current, {} older)", self.older.len())
    }
}

/// A key of the ring in one store.
pub(crate) struct SealingKey {
    pub(crate) id: KeyId,
    pub(crate) seal: Secret,
}

impl SealingKey {
    fn derive(suite: &CipherSuite, salt: &[u8], key: &Secret) -> Result<Self, OpenError> {
        if key.len() < MIN_KEY {
            return Err(OpenError::WeakKey);
        }
        let prk = suite.kdf.extract(salt, &[key.as_bytes()]);
        let id = suite.kdf.expand(&prk, &[b"pleach storage 1 key id"], ID)?;
        let seal = suite.kdf.expand(&prk, &[b"pleach storage 1 seal"], suite.secret_len())?;
        let id = KeyId(id.as_bytes().try_into().map_err(|_| CryptoError::WrongLength)?);
        Ok(Self { id, seal })
    }
}

/// The ring in one store, the current key first.
pub(crate) struct Keys(Vec<SealingKey>);

impl Keys {
    pub(crate) fn derive(suite: &CipherSuite, salt: &[u8], ring: &KeyRing) -> Result<Self, OpenError> {
        let mut keys: Vec<SealingKey> = Vec::with_capacity(1 + ring.older.len());
        for key in core::iter::once(&ring.current).chain(&ring.older) {
            let key = SealingKey::derive(suite, salt, key)?;
            if keys.iter().any(|other| other.id == key.id) {
                return Err(OpenError::DuplicateKey);
            }
            keys.push(key);
        }
        Ok(Self(keys))
    }

    /// The key for what is written. `None` is not possible.
    pub(crate) fn current(&self) -> Option<&SealingKey> {
        self.0.first()
    }

    pub(crate) fn find(&self, id: KeyId) -> Option<&SealingKey> {
        self.0.iter().find(|key| key.id == id)
    }
}

/// The keys of the store itself.
pub(crate) struct StoreKeys {
    pub(crate) names: Secret,
    pub(crate) versions: Secret,
}

impl StoreKeys {
    pub(crate) fn derive(suite: &CipherSuite, store_secret: &Secret) -> Result<Self, CryptoError> {
        let expand = |label: &[u8]| suite.kdf.expand(store_secret, &[label], suite.secret_len());
        Ok(Self {
            names: expand(b"pleach storage 1 names")?,
            versions: expand(b"pleach storage 1 versions")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    const SUITE: CipherSuite = pleach_rustcrypto::SUITES[0];

    fn key(byte: u8) -> Secret {
        Secret::copy_from(&[byte; 32])
    }

    #[test]
    fn keys_differ_by_store_and_purpose() {
        let ring = KeyRing::new(key(1)).with_older(key(2));
        let keys = Keys::derive(&SUITE, b"salt", &ring).unwrap();
        let others = Keys::derive(&SUITE, b"another", &ring).unwrap();
        let mut all: Vec<_> =
            keys.0.iter().chain(&others.0).map(|key| (key.id, key.seal.as_bytes())).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 4);
        assert!(keys.find(others.0[0].id).is_none());
        assert_eq!(keys.find(keys.0[1].id).unwrap().seal, keys.0[1].seal);
        let store = StoreKeys::derive(&SUITE, &key(3)).unwrap();
        assert_ne!(store.names, store.versions);
    }

    #[test]
    fn bad_rings_are_refused_and_none_shows_its_keys() {
        let twice = KeyRing::new(key(1)).with_older(key(1));
        assert!(matches!(Keys::derive(&SUITE, b"", &twice), Err(OpenError::DuplicateKey)));
        let short = KeyRing::new(Secret::copy_from(&[1; 31]));
        assert!(matches!(Keys::derive(&SUITE, b"", &short), Err(OpenError::WeakKey)));
        assert_eq!(format!("{twice:?}"), "KeyRing(1 current, 1 older)");
    }
}
