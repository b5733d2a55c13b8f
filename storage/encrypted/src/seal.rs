//! Values: sealed and opened.
//!
//! ```text
//! stored = version tag (8) || format 1 (1) || key id (4) || salt (16) || ciphertext || AEAD tag
//! plaintext = value; of an index row: length of the suffix (4, big-endian) || suffix || value
//! key, nonce = Expand(seal(key id), "pleach storage 1 row" || salt || version tag || encoded key, Nk + Nn)
//! associated data = all of stored before the ciphertext || encoded key
//! version tag = MAC(versions, 1 || encoded key || first 8 bytes of the value), cut to 8 bytes;
//!               of a value that is shorter, MAC(versions, 0 || encoded key)
//! ```
//!
//! The encoded key is that of the store within ([`crate::names`]).
//!
//! A guard compares the first 8 bytes of a row with a version. They cannot stay in clear: rows of the application have
//! no version, but the beginning of a message there. So the tag takes their place, and the tag of a version that of the
//! version in a guard. It is the same for the same row and version: who sees a row twice sees whether its first 8 bytes
//! changed, and nothing else of them.
//!
//! Invariants: no AEAD key is used twice unless a salt repeats for the same row and version (bound: see [`crate`]). What
//! was stored under another key, in another store, or by another layer does not open.
//!
//! Cost: one HMAC and one HKDF-Expand per row, one AEAD over the value, 45 bytes (with a tag of 16).

use alloc::vec::Vec;

use pleach_crypto::{CipherSuite, CryptoError, Secret, SecureRandom};
use pleach_storage::{RecordKind, StorageError, Value};
use zeroize::Zeroize;

use crate::KeyId;
use crate::keys::{Keys, SealingKey};

pub(crate) const SALT: usize = 16;
const TAG: usize = 8;
const FORMAT: u8 = 1;
const HEADER: usize = TAG + 1 + 4 + SALT;

/// The version tag of a value, as an engine sees it.
pub(crate) fn version_tag(suite: &CipherSuite, key: &Secret, encoded_key: &[u8], value: &[u8]) -> u64 {
    let mac = match value.first_chunk::<TAG>() {
        Some(version) => suite.hash.hmac(key, &[&[1], encoded_key, version]),
        None => suite.hash.hmac(key, &[&[0], encoded_key]),
    };
    mac.as_bytes().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// What can seal and open rows.
pub(crate) struct Sealer {
    pub(crate) suite: CipherSuite,
    pub(crate) keys: Keys,
    /// The key of version tags.
    pub(crate) versions: Secret,
}

impl Sealer {
    /// Encrypts `plain` (which must have room for the tag) in place and writes the row to `stored`.
    pub(crate) fn seal(
        &self,
        random: &dyn SecureRandom,
        encoded_key: &[u8],
        version: u64,
        plain: &mut Value,
        stored: &mut Vec<u8>,
    ) -> Result<(), StorageError> {
        let key = self.keys.current().ok_or(StorageError::Unsupported("a key ring without a key"))?;
        let mut salt = [0; SALT];
        random.fill(&mut salt).map_err(StorageError::aborted)?;
        stored.clear();
        stored.extend_from_slice(&version.to_be_bytes());
        stored.push(FORMAT);
        stored.extend_from_slice(&key.id.0);
        stored.extend_from_slice(&salt);
        let sealed = self
            .keyed(key, stored, encoded_key)
            .and_then(|row| self.suite.aead.seal(&row.key, row.nonce.as_bytes(), &row.aad, plain));
        sealed.map_err(StorageError::aborted)?;
        stored.extend_from_slice(plain);
        Ok(())
    }

    /// Decrypts a row into `plain`.
    pub(crate) fn open(
        &self,
        kind: RecordKind,
        encoded_key: &[u8],
        stored: &[u8],
        plain: &mut Value,
    ) -> Result<(), StorageError> {
        let (header, ciphertext) =
            stored.split_at_checked(HEADER).ok_or(StorageError::corrupt(kind, "too short to be sealed"))?;
        let id = key_id(kind, stored)?;
        let key =
            self.keys.find(id).ok_or(StorageError::Unsupported("a row is sealed by a key not given"))?;
        clear(plain, ciphertext.len());
        plain.extend_from_slice(ciphertext);
        let opened = self
            .keyed(key, header, encoded_key)
            .and_then(|row| self.suite.aead.open(&row.key, row.nonce.as_bytes(), &row.aad, plain));
        opened.map_err(|_| StorageError::corrupt(kind, "does not decrypt"))
    }

    fn keyed(&self, key: &SealingKey, header: &[u8], encoded_key: &[u8]) -> Result<RowKey, CryptoError> {
        let CipherSuite { kdf, aead, .. } = self.suite;
        let (tag, rest) = header.split_at_checked(TAG).ok_or(CryptoError::WrongLength)?;
        let salt = rest.get(rest.len().saturating_sub(SALT)..).unwrap_or_default();
        let info = [b"pleach storage 1 row", salt, tag, encoded_key];
        let expanded = kdf.expand(&key.seal, &info, aead.key_len() + aead.nonce_len())?;
        let (key, nonce) =
            expanded.as_bytes().split_at_checked(aead.key_len()).ok_or(CryptoError::WrongLength)?;
        Ok(RowKey {
            key: Secret::copy_from(key),
            nonce: Secret::copy_from(nonce),
            aad: [header, encoded_key].concat(),
        })
    }
}

struct RowKey {
    key: Secret,
    nonce: Secret,
    aad: Vec<u8>,
}

/// Which key sealed a row.
pub(crate) fn key_id(kind: RecordKind, stored: &[u8]) -> Result<KeyId, StorageError> {
    match stored.get(TAG..).and_then(<[u8]>::split_first) {
        Some((&FORMAT, rest)) => match rest.first_chunk() {
            Some(id) => Ok(KeyId(*id)),
            None => Err(StorageError::corrupt(kind, "too short to be sealed")),
        },
        Some(_) => Err(StorageError::corrupt(kind, "not a sealed value")),
        None => Err(StorageError::corrupt(kind, "too short to be sealed")),
    }
}

/// Empties a buffer, zeroizing what was in it, and makes room for `capacity` bytes without leaving a copy behind.
pub(crate) fn clear(buffer: &mut Value, capacity: usize) {
    // What lies behind the length was zeroized when it was cut off, or is ciphertext.
    buffer.as_mut_slice().zeroize();
    buffer.clear();
    if buffer.capacity() < capacity {
        *buffer = Vec::with_capacity(capacity.max(2 * buffer.capacity())).into();
    }
}
