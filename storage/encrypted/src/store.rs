//! [`EncryptedStorage`]: opening, and the [`Storage`] that it is.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pleach_crypto::{CipherSuite, Secret, SecureRandom};
use pleach_storage::{
    Batch, Erasure, Guard, Key, KeyRange, Row, Storage, StorageError, Value, VecBatch, row_version,
};

use crate::batch::SealedBatch;
use crate::key_row::{KeyRow, STORE_SALT};
use crate::keys::{Keys, StoreKeys};
use crate::names::{KEY_ROW, Names, RangeBuf, is_index, outer};
use crate::seal::{Sealer, clear};
use crate::{KeyId, KeyRing, OpenError};

/// How often a batch that was not yet begun is given to the store again because the key row changed.
const ATTEMPTS: usize = 64;
/// How long another handle may rewrap one batch before it is taken for dead. If it is not, it starts that batch anew.
const PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(2);

/// A store whose rows are encrypted in the store within. See the [crate's documentation](crate).
pub struct EncryptedStorage<S> {
    pub(crate) inner: S,
    pub(crate) sealer: Sealer,
    pub(crate) names: Names,
    pub(crate) random: Arc<dyn SecureRandom>,
    pub(crate) store_secret: Secret,
    /// The version of the key row under which this handle writes.
    pub(crate) version: AtomicU64,
}

impl<S: Storage> EncryptedStorage<S> {
    /// Opens the encrypted store in `inner`, or makes one if `inner` has no rows. Of `suite` the AEAD, the KDF and the hash
    /// are used.
    ///
    /// If the ring's current key is new to the store, it is the store's current key from here on: other handles that do not
    /// have it read what it did not seal, and write nothing. [`rewrap`](Self::rewrap) is then to be called.
    ///
    /// # Errors
    /// See [`OpenError`]. All keys are checked before anything is written.
    pub fn open(
        inner: S,
        suite: &CipherSuite,
        random: Arc<dyn SecureRandom>,
        ring: &KeyRing,
    ) -> Result<Self, OpenError> {
        let mut rounds = 0..ATTEMPTS;
        loop {
            // A lost race: the other handle has written the key row, which is now read as it is.
            match Self::attempt(&inner, suite, &*random, ring) {
                Err(OpenError::Storage(StorageError::Conflict { .. })) if rounds.next().is_some() => {}
                Err(error) => return Err(error),
                Ok((keys, row, store_secret)) => {
                    let StoreKeys { names, versions } = StoreKeys::derive(suite, &store_secret)?;
                    // Under a fence this handle must not write: a version that does not hold makes it look again.
                    let version = row.version.wrapping_sub(row.fenced.into());
                    return Ok(Self {
                        inner,
                        sealer: Sealer { suite: *suite, keys, versions },
                        names: Names { hash: suite.hash, key: names },
                        random,
                        store_secret,
                        version: AtomicU64::new(version),
                    });
                }
            }
        }
    }

    fn attempt(
        inner: &S,
        suite: &CipherSuite,
        random: &dyn SecureRandom,
        ring: &KeyRing,
    ) -> Result<(Keys, KeyRow, Secret), OpenError> {
        let Some(mut row) = KeyRow::read(suite, inner)? else {
            return create(inner, suite, random, ring);
        };
        if (row.aead, row.kdf) != (suite.aead.id(), suite.kdf.id()) {
            return Err(OpenError::OtherAlgorithms { aead: row.aead, kdf: row.kdf });
        }
        let keys = Keys::derive(suite, &row.salt, ring)?;
        if row.ids.iter().all(|id| keys.find(*id).is_none()) {
            return Err(OpenError::WrongKey);
        }
        if let Some(&id) = row.ids.iter().find(|id| keys.find(**id).is_none()) {
            return Err(OpenError::MissingKey { id });
        }
        let (Some(current), Some(&sealed_by)) = (keys.current(), row.ids.first()) else {
            return Err(OpenError::WrongKey);
        };
        let sealing = keys.find(sealed_by).ok_or(OpenError::MissingKey { id: sealed_by })?;
        let store_secret = row.store_secret(suite, sealing)?;
        if current.id != sealed_by {
            if row.ids.contains(&current.id) {
                return Err(OpenError::Superseded { current: sealed_by });
            }
            let mut ids: Vec<KeyId> = [current.id].into();
            ids.extend(&row.ids);
            if ids.len() > usize::from(u8::MAX) {
                return Err(StorageError::Unsupported("more than 255 keys: rewrap first").into());
            }
            row.set_keys(suite, random, current, &store_secret, ids)?;
            // A fence of another handle falls with the version that it was set for.
            let version = row.version;
            (row.version, row.fenced) = (version + 1, false);
            let mut batch = VecBatch::new();
            row.replace(suite, version, &mut batch);
            inner.apply(&mut batch)?;
        }
        Ok((keys, row, store_secret))
    }

    /// The store within.
    pub const fn inner(&self) -> &S {
        &self.inner
    }

    /// The keys by which rows may be sealed, the current one first. Others may be forgotten when it is the only one.
    ///
    /// # Errors
    /// Those of the store.
    pub fn keys_in_use(&self) -> Result<Vec<KeyId>, StorageError> {
        Ok(self.key_row()?.ids)
    }

    pub(crate) fn key_row(&self) -> Result<KeyRow, StorageError> {
        KeyRow::read(&self.sealer.suite, &self.inner)?
            .ok_or(StorageError::corrupt(KEY_ROW.record, "the key row is missing"))
    }

    /// The key row once no other handle has a fence, and this handle's version with it.
    pub(crate) fn settle(&self) -> Result<KeyRow, StorageError> {
        let mut row = self.key_row()?;
        let mut since = Instant::now();
        while row.fenced {
            if since.elapsed() < PATIENCE {
                std::thread::sleep(PAUSE);
            } else {
                let mut batch = VecBatch::new();
                row.at(row.version + 1, false).replace(&self.sealer.suite, row.version, &mut batch);
                match self.inner.apply(&mut batch) {
                    Ok(()) | Err(StorageError::Conflict { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            let next = self.key_row()?;
            if next.version != row.version {
                since = Instant::now();
            }
            row = next;
        }
        if row.ids.first() != self.sealer.keys.current().map(|key| &key.id) {
            return Err(StorageError::Unsupported("another handle has moved the store on to another key"));
        }
        self.version.store(row.version, Ordering::Release);
        Ok(row)
    }

    /// Whether a row that should have a version has none: its tag is then no version's.
    fn without_version(&self, guards: &[Guard]) -> Option<StorageError> {
        guards.iter().find_map(|guard| {
            let Guard::Version(key, _) = guard else { return None };
            let value = self.get(&key.as_key()).ok().flatten()?;
            let short = row_version(&value).is_none();
            short.then_some(StorageError::corrupt(key.record(), "a guarded row has no version"))
        })
    }
}

/// Makes the store, unless it has rows.
fn create(
    inner: &dyn Storage,
    suite: &CipherSuite,
    random: &dyn SecureRandom,
    ring: &KeyRing,
) -> Result<(Keys, KeyRow, Secret), OpenError> {
    let mut salt = [0; STORE_SALT];
    random.fill(&mut salt)?;
    let keys = Keys::derive(suite, &salt, ring)?;
    let mut rows = 0;
    inner.scan(&KeyRange::everything().limit(1), &mut |_| {
        rows += 1;
        Ok(())
    })?;
    if rows > 0 {
        // Unless another handle has just made the store: then there is a key row now.
        return match KeyRow::read(suite, inner)? {
            Some(_) => Err(StorageError::Conflict { kind: KEY_ROW.record }.into()),
            None => Err(OpenError::NotEncrypted),
        };
    }
    let row = KeyRow::create(suite, random, salt, &keys)?;
    let store_secret = row.store_secret(suite, keys.current().ok_or(OpenError::WrongKey)?)?;
    let mut batch = VecBatch::new();
    row.insert(suite, &mut batch);
    inner.apply(&mut batch)?;
    Ok((keys, row, store_secret))
}

impl<S: Storage> Storage for EncryptedStorage<S> {
    fn get(&self, key: &Key<'_>) -> Result<Option<Value>, StorageError> {
        let mut inner = KEY_ROW.to_buf();
        self.names.inner(*key, &mut inner);
        let Some(stored) = self.inner.get(&inner.as_key())? else { return Ok(None) };
        let mut plain = Value::default();
        self.sealer.open(key.record, inner.as_bytes(), &stored, &mut plain)?;
        if is_index(*key) {
            let (suffix, value) = split_index(inner.as_key(), &plain)?;
            if suffix != key.suffix {
                return Err(StorageError::corrupt(key.record, "an index row of another suffix"));
            }
            plain = value.to_vec().into();
        }
        Ok(Some(plain))
    }

    fn scan(
        &self,
        range: &KeyRange<'_>,
        row: &mut dyn FnMut(Row<'_>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let mut buf = RangeBuf::default();
        let (mut encoded, mut plain) = (Vec::new(), Value::default());
        self.inner.scan(&self.names.range(range, &mut buf)?, &mut |Row { key, value }| {
            encoded.clear();
            key.encode(&mut encoded);
            self.sealer.open(key.record, &encoded, value, &mut plain)?;
            let (suffix, value) = split_index(key, &plain)?;
            row(Row { key: outer(key, suffix), value })?;
            clear(&mut plain, 0);
            Ok(())
        })
    }

    fn apply(&self, batch: &mut dyn Batch) -> Result<(), StorageError> {
        for _ in 0..ATTEMPTS {
            let version = self.version.load(Ordering::Acquire);
            let mut sealed = SealedBatch::new(&self.sealer, &self.names, &*self.random, version, batch);
            let kind = match self.inner.apply(&mut sealed) {
                Err(StorageError::Conflict { kind }) => kind,
                result => return result,
            };
            let started = sealed.started;
            // Which of the guards was it? The key row's is ours to explain.
            if self.key_row()?.version == version {
                return Err(self.without_version(batch.guards()).unwrap_or(StorageError::Conflict { kind }));
            }
            self.settle()?;
            if started {
                return Err(StorageError::Conflict { kind });
            }
        }
        Err(StorageError::Busy)
    }

    fn erasure(&self) -> Erasure {
        self.inner.erasure()
    }
}

/// The suffix that an index row keeps, and its value; of other rows, nothing and the value.
fn split_index<'a>(key: Key<'_>, plain: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), StorageError> {
    if !is_index(key) {
        return Ok((&[], plain));
    }
    let split = || {
        let (length, rest) = plain.split_first_chunk()?;
        rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
    };
    split().ok_or(StorageError::corrupt(key.record, "an index row without its suffix"))
}

impl<S: fmt::Debug> fmt::Debug for EncryptedStorage<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptedStorage")
            .field("inner", &self.inner)
            .field("key", &self.sealer.keys.current().map(|key| key.id))
            .finish_non_exhaustive()
    }
}
