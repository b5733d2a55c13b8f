//! The key row: which keys the store has, and the store's own secret.
//!
//! ```text
//! version (8) || format 1 (4) || fenced 0 or 1 (1) || AEAD (2) || KDF (2) || salt of the store (32)
//!   || number of keys (1) || their ids (4 each), the current first || store secret, sealed || checksum (8)
//! store secret, sealed: salt (16) || ciphertext || tag, as in `crate::seal`, under the current key,
//!   with all from `AEAD` to the last id as associated data
//! checksum: the first 8 bytes of the hash of all before it
//! ```
//!
//! The version counts changes of the current key, and fences. Every batch is guarded by it, so a handle that does not
//! know of a new key, or of a fence, writes nothing. The list holds every key by which a row may be sealed.
//!
//! Invariants: the row is written by guarded batches only. A wrong key is found by its id, damage by the checksum: one is
//! never taken for the other.

use alloc::vec::Vec;

use pleach_crypto::{AeadId, CipherSuite, CryptoError, KdfId, Secret, SecureRandom};
use pleach_storage::{RecordKind, Storage, StorageError, Value, VecBatch};

use crate::KeyId;
use crate::keys::{Keys, SealingKey};
use crate::names::KEY_ROW;
use crate::seal::SALT;

pub(crate) const STORE_SALT: usize = 32;
const FORMAT: u32 = 1;
const CHECKSUM: usize = 8;

/// What the key row says.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct KeyRow {
    pub(crate) version: u64,
    /// Nobody writes but who set the fence.
    pub(crate) fenced: bool,
    pub(crate) aead: AeadId,
    pub(crate) kdf: KdfId,
    pub(crate) salt: [u8; STORE_SALT],
    /// The current key first.
    pub(crate) ids: Vec<KeyId>,
    sealed: Vec<u8>,
}

impl KeyRow {
    /// The row of a new store, whose store secret is random.
    pub(crate) fn create(
        suite: &CipherSuite,
        random: &dyn SecureRandom,
        salt: [u8; STORE_SALT],
        keys: &Keys,
    ) -> Result<Self, CryptoError> {
        let secret = random.secret(suite.secret_len())?;
        let (aead, kdf) = (suite.aead.id(), suite.kdf.id());
        let mut row =
            Self { version: 0, fenced: false, aead, kdf, salt, ids: Vec::new(), sealed: Vec::new() };
        let current = keys.current().ok_or(CryptoError::WrongLength)?;
        row.set_keys(suite, random, current, &secret, [current.id].into())?;
        Ok(row)
    }

    /// This row with another version, with a fence or without.
    pub(crate) fn at(&self, version: u64, fenced: bool) -> Self {
        Self { version, fenced, ..self.clone() }
    }

    /// Replaces the list of keys, of which `current` must be the first.
    pub(crate) fn set_keys(
        &mut self,
        suite: &CipherSuite,
        random: &dyn SecureRandom,
        current: &SealingKey,
        store_secret: &Secret,
        ids: Vec<KeyId>,
    ) -> Result<(), CryptoError> {
        self.ids = ids;
        let mut salt = [0; SALT];
        random.fill(&mut salt)?;
        let mut sealed = Value::from(Vec::with_capacity(store_secret.len() + suite.aead.tag_len()));
        sealed.extend_from_slice(store_secret.as_bytes());
        let (key, nonce) = row_key(suite, current, &salt)?;
        suite.aead.seal(&key, nonce.as_bytes(), &self.bound(), &mut sealed)?;
        self.sealed = [&salt[..], &sealed].concat();
        Ok(())
    }

    /// The store secret; `current` must be the first of the list.
    pub(crate) fn store_secret(
        &self,
        suite: &CipherSuite,
        current: &SealingKey,
    ) -> Result<Secret, StorageError> {
        const BAD: StorageError = StorageError::corrupt(RecordKind::Meta, "the key row does not decrypt");
        let (salt, ciphertext) = self.sealed.split_at_checked(SALT).ok_or(BAD)?;
        let mut secret = ciphertext.to_vec();
        let (key, nonce) = row_key(suite, current, salt).map_err(|_| BAD)?;
        suite.aead.open(&key, nonce.as_bytes(), &self.bound(), &mut secret).map_err(|_| BAD)?;
        Ok(Secret::from(secret))
    }

    /// What the seal binds.
    fn bound(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&self.aead.0.to_be_bytes());
        out.extend_from_slice(&self.kdf.0.to_be_bytes());
        out.extend_from_slice(&self.salt);
        // A store has a few keys; one of more than 255 was refused when it was rotated.
        out.push(u8::try_from(self.ids.len()).unwrap_or(u8::MAX));
        self.ids.iter().for_each(|id| out.extend_from_slice(&id.0));
        out
    }

    fn encode(&self, suite: &CipherSuite) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&self.version.to_be_bytes());
        out.extend_from_slice(&FORMAT.to_be_bytes());
        out.push(self.fenced.into());
        out.extend_from_slice(&self.bound());
        out.extend_from_slice(&self.sealed);
        let checksum = suite.hash.hash(&[&out]);
        out.extend_from_slice(checksum.as_bytes().get(..CHECKSUM).unwrap_or_default());
        out
    }

    fn decode(suite: &CipherSuite, bytes: &[u8]) -> Result<Self, StorageError> {
        const BAD: StorageError = StorageError::corrupt(RecordKind::Meta, "the key row is damaged");
        let mut rest = bytes;
        let version = u64::from_be_bytes(take(&mut rest).ok_or(BAD)?);
        let format = u32::from_be_bytes(take(&mut rest).ok_or(BAD)?);
        let (body, checksum) = bytes.split_last_chunk::<CHECKSUM>().ok_or(BAD)?;
        let [fenced] = take(&mut rest).ok_or(BAD)?;
        let aead = AeadId(u16::from_be_bytes(take(&mut rest).ok_or(BAD)?));
        let kdf = KdfId(u16::from_be_bytes(take(&mut rest).ok_or(BAD)?));
        // With another hash the checksum cannot be checked: who reads on refuses other algorithms first.
        if kdf == suite.kdf.id() && !suite.hash.hash(&[body]).as_bytes().starts_with(checksum) {
            return Err(BAD);
        }
        if format != FORMAT {
            return Err(StorageError::NewerFormat { found: format, known: FORMAT });
        }
        let salt = take(&mut rest).ok_or(BAD)?;
        let [count] = take(&mut rest).ok_or(BAD)?;
        let ids = (0..count).map(|_| take(&mut rest).map(KeyId)).collect::<Option<Vec<_>>>().ok_or(BAD)?;
        let sealed = rest.get(..rest.len().saturating_sub(CHECKSUM)).unwrap_or_default().to_vec();
        if ids.is_empty() || fenced > 1 {
            return Err(BAD);
        }
        Ok(Self { version, fenced: fenced == 1, aead, kdf, salt, ids, sealed })
    }

    /// Reads the row; `None` if the store has none.
    pub(crate) fn read(suite: &CipherSuite, store: &dyn Storage) -> Result<Option<Self>, StorageError> {
        store.get(&KEY_ROW)?.map(|bytes| Self::decode(suite, &bytes)).transpose()
    }

    /// Adds this row to a batch, to be written if there is none yet.
    pub(crate) fn insert(&self, suite: &CipherSuite, batch: &mut VecBatch) {
        batch.guard_absent(KEY_ROW).put(KEY_ROW, self.encode(suite));
    }

    /// Adds this row to a batch, to replace the one of that version.
    pub(crate) fn replace(&self, suite: &CipherSuite, version: u64, batch: &mut VecBatch) {
        batch.guard_version(KEY_ROW, version).put(KEY_ROW, self.encode(suite));
    }
}

fn row_key(suite: &CipherSuite, key: &SealingKey, salt: &[u8]) -> Result<(Secret, Secret), CryptoError> {
    let CipherSuite { kdf, aead, .. } = suite;
    let info = [&b"pleach storage 1 key row"[..], salt];
    let expanded = kdf.expand(&key.seal, &info, aead.key_len() + aead.nonce_len())?;
    let (key, nonce) =
        expanded.as_bytes().split_at_checked(aead.key_len()).ok_or(CryptoError::WrongLength)?;
    Ok((Secret::copy_from(key), Secret::copy_from(nonce)))
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}
