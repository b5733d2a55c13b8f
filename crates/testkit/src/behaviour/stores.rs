//! [`Stores`]: the storage engines that a [`World`](super::World) can be in.
//!
//! Files are made in memory where the system offers a directory for that: what is tested here is what is written, not that
//! a disk keeps it, and the flushes of some thousand small transactions would take longer than all cryptography.

use super::Failure;
use pleach::crypto::{CipherSuiteId, CryptoError, CryptoProvider, Secret};
use pleach::storage::{CountingStorage, Storage};
use pleach_storage_encrypted::{EncryptedStorage, KeyRing};
use pleach_storage_memory::MemoryStorage;
use pleach_storage_redb::RedbStorage;
use pleach_storage_sqlite::{Journal, SqliteOptions, SqliteStorage};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};
use tempfile::TempDir;

/// Where Linux keeps files in memory.
const FILES_IN_MEMORY: &str = "/dev/shm";

/// The suite whose algorithms encrypt at rest.
const SUITE_AT_REST: CipherSuiteId = CipherSuiteId(1);

/// Stores by name: the same name opens the same store again, as after a restart.
pub trait Stores: fmt::Debug + Send + Sync {
    /// Opens the store with this name.
    ///
    /// # Errors
    /// If it cannot be opened.
    fn open(&self, name: &str) -> Result<Arc<dyn Storage>, Failure>;
}

/// Stores in memory.
#[derive(Debug, Default)]
pub struct MemoryStores(Mutex<BTreeMap<String, MemoryStorage>>);

impl Stores for MemoryStores {
    fn open(&self, name: &str) -> Result<Arc<dyn Storage>, Failure> {
        let mut stores = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::new(stores.entry(name.to_owned()).or_default().clone()))
    }
}

/// SQLite files in a temporary directory; each opening is a connection of its own.
#[derive(Debug)]
pub struct SqliteStores(TempDir, Journal);

impl SqliteStores {
    /// In a new directory, with this journal.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new(journal: Journal) -> Result<Self, Failure> {
        Ok(Self(directory()?, journal))
    }
}

impl Stores for SqliteStores {
    fn open(&self, name: &str) -> Result<Arc<dyn Storage>, Failure> {
        let options = SqliteOptions::new().journal(self.1);
        Ok(Arc::new(SqliteStorage::open_with(self.0.path().join(format!("{name}.pleach")), &options)?))
    }
}

/// redb files in a temporary directory; each opening is a handle of its own.
#[derive(Debug)]
pub struct RedbStores(TempDir);

impl RedbStores {
    /// In a new directory.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn new() -> Result<Self, Failure> {
        Ok(Self(directory()?))
    }
}

impl Stores for RedbStores {
    fn open(&self, name: &str) -> Result<Arc<dyn Storage>, Failure> {
        Ok(Arc::new(RedbStorage::open(self.0.path().join(format!("{name}.redb")))?))
    }
}

fn directory() -> Result<TempDir, Failure> {
    Ok(tempfile::tempdir_in(FILES_IN_MEMORY).or_else(|_| tempfile::tempdir())?)
}

/// Stores within, encrypted under one key by AES-128-GCM and SHA-256 of the default backend, whichever backend the groups
/// are on.
#[derive(Debug)]
pub struct EncryptedStores<S> {
    inner: S,
    provider: CryptoProvider,
    ring: KeyRing,
}

impl<S> EncryptedStores<S> {
    /// Encrypts what these stores keep, under a new key.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn new(inner: S) -> Result<Self, Failure> {
        let provider = pleach_rustcrypto::provider();
        let mut key = [0; 32];
        provider.random.fill(&mut key)?;
        Ok(Self { inner, provider, ring: KeyRing::new(Secret::copy_from(&key)) })
    }
}

impl<S: Stores> Stores for EncryptedStores<S> {
    fn open(&self, name: &str) -> Result<Arc<dyn Storage>, Failure> {
        let suite = self.provider.suite(SUITE_AT_REST).map_err(CryptoError::from)?;
        let random = Arc::clone(&self.provider.random);
        Ok(Arc::new(EncryptedStorage::open(self.inner.open(name)?, suite, random, &self.ring)?))
    }
}

/// Stores that count what they write.
#[derive(Debug)]
pub struct CountedStores<S> {
    inner: S,
    opened: Mutex<Vec<CountingStorage<Arc<dyn Storage>>>>,
}

impl<S> CountedStores<S> {
    /// Counts what these stores write.
    pub const fn new(inner: S) -> Self {
        Self { inner, opened: Mutex::new(Vec::new()) }
    }

    /// How many batches were applied, to all of them together.
    pub fn applies(&self) -> usize {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.iter().map(|store| store.counts().applies).sum()
    }
}

impl<S: Stores> Stores for CountedStores<S> {
    fn open(&self, name: &str) -> Result<Arc<dyn Storage>, Failure> {
        let store = CountingStorage::new(self.inner.open(name)?);
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).push(store.clone());
        Ok(Arc::new(store))
    }
}

impl<S: Stores + ?Sized> Stores for Arc<S> {
    fn open(&self, name: &str) -> Result<Arc<dyn Storage>, Failure> {
        (**self).open(name)
    }
}

impl<S: Stores + ?Sized> Stores for Box<S> {
    fn open(&self, name: &str) -> Result<Arc<dyn Storage>, Failure> {
        (**self).open(name)
    }
}
