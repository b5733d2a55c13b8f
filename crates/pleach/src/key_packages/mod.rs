//! Key packages (RFC 9420 §10): made here, published by the application, used up by a join.
//!
//! A key package is [published](KeyPackageState::Published) when it is made; [claimed](KeyPackageState::Claimed) when the
//! delivery service has handed it out; and then [consumed](KeyPackageState::Consumed) by a join,
//! [expired](KeyPackageState::Expired) or [withdrawn](KeyPackageState::Withdrawn). In the last three its private keys are
//! gone; that it was there is remembered for a while, so that a Welcome for it gets an answer that says why.
//!
//! Not here: publishing, which is the application's.

mod manage;

pub use manage::{KeyPackageState, StoredKeyPackage};

use crate::decode;
use crate::trace::event;
use crate::{ApiMisuse, Client, Error};
use pleach_crypto::{CipherSuiteId, CryptoError};
use pleach_group::{
    Changes, KeyPackageRecord, KeyPackageSpec, RecordKey, check_key_package, key_package_ref, new_key_package,
};
use pleach_storage::{Storage as _, VecBatch};
use pleach_wire::{Extensions, KeyPackageRef, Lifetime};
use std::sync::atomic::Ordering::Relaxed;

/// How many key packages are made before they are counted again: counting reads them all.
const COUNT_EVERY: usize = 64;

/// What is wrong with a signer whose first key package nobody would accept.
const MISTAKEN: &str = "its signatures do not verify with its public key";

/// The validity of a key package when nothing else is said: from an hour ago, so that clocks may differ, for 90 days.
const BACKDATE: u64 = 3_600;
const VALIDITY: u64 = 90 * 86_400;

/// The lifetime of a leaf that is made now.
pub(crate) const fn default_lifetime(now: u64) -> Lifetime {
    Lifetime { not_before: now.saturating_sub(BACKDATE), not_after: now.saturating_add(VALIDITY) }
}

/// What can be chosen about a key package. Build from [`Default`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct KeyPackageOptions {
    /// The suite; the client's own if not given.
    pub suite: Option<CipherSuiteId>,
    /// When it is valid; from an hour ago for 90 days if not given.
    pub lifetime: Option<Lifetime>,
    /// Whether it may be used for more than one join, because none else is left (RFC 9420 §16.8, R158). Its private
    /// keys stay until it is deleted.
    pub last_resort: bool,
    /// Extensions of the key package.
    pub extensions: Extensions,
    /// Extensions of its leaf node.
    pub leaf_extensions: Extensions,
}

impl KeyPackageOptions {
    /// The suite.
    #[must_use]
    pub const fn suite(mut self, suite: CipherSuiteId) -> Self {
        self.suite = Some(suite);
        self
    }

    /// When it is valid, in seconds since 1970.
    #[must_use]
    pub const fn lifetime(mut self, not_before: u64, not_after: u64) -> Self {
        self.lifetime = Some(Lifetime { not_before, not_after });
        self
    }

    /// Stays after a join.
    #[must_use]
    pub const fn last_resort(mut self) -> Self {
        self.last_resort = true;
        self
    }

    /// Extensions of the key package.
    #[must_use]
    pub fn extensions(mut self, extensions: Extensions) -> Self {
        self.extensions = extensions;
        self
    }

    /// Extensions of its leaf node.
    #[must_use]
    pub fn leaf_extensions(mut self, extensions: Extensions) -> Self {
        self.leaf_extensions = extensions;
        self
    }
}

impl Client {
    /// The KeyPackageRef of a key package (RFC 9420 §5.2, R019), of whomever, given as an MLSMessage: the name under which a
    /// Welcome holds the secrets of its owner.
    ///
    /// # Errors
    /// If it is no key package, or of a suite that is not here.
    pub fn key_package_ref(&self, key_package: &[u8]) -> Result<Vec<u8>, Error> {
        let key_package = decode::key_package(&self.0.config.limits, key_package)?;
        Ok(key_package_ref(&self.0.provider, &key_package)?)
    }

    /// Makes a key package and returns it as an MLSMessage, to be published. Its private keys are stored.
    ///
    /// The first one of each signer is checked as those who receive it will: a signer that is wrong about its key is found out.
    ///
    /// # Errors
    /// [`ApiMisuse::TooManyKeyPackages`] if as many wait as [`ClientConfig`](crate::ClientConfig) allows; those of the
    /// signer, the randomness and the store.
    pub fn key_package(&self) -> Result<Vec<u8>, Error> {
        self.key_package_with(KeyPackageOptions::default())
    }

    /// As [`Client::key_package`], with choices.
    ///
    /// # Errors
    /// [`Error::ApiMisuse`] if no identity goes with the suite; those of the signer, the randomness and the store.
    pub fn key_package_with(&self, options: KeyPackageOptions) -> Result<Vec<u8>, Error> {
        self.check_room(1)?;
        let mut batch = VecBatch::new();
        let message = self.make_key_package(options, &mut batch)?;
        self.0.apply(&self.0.place(&[]), &Changes::default(), batch)?;
        Ok(message)
    }

    /// Makes as many key packages as are missing for `target` published ones of this suite that are valid for at least
    /// `for_seconds` more, in one batch. They are returned as MLSMessages, to be published: none if there are enough.
    ///
    /// Claimed ones and last resorts do not count.
    ///
    /// # Errors
    /// As of [`Client::key_package_with`].
    pub fn replenish(
        &self,
        target: usize,
        for_seconds: u64,
        options: &KeyPackageOptions,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let suite = options.suite.unwrap_or(self.0.suite);
        let until = self.0.clock.now().saturating_add(for_seconds);
        let stored = self.key_packages()?;
        let good = stored.iter().filter(|stored| {
            stored.suite == suite
                && stored.state == KeyPackageState::Published
                && !stored.last_resort
                && stored.lifetime.is_none_or(|lifetime| lifetime.not_after >= until)
        });
        let missing = target.saturating_sub(good.count());
        if missing == 0 {
            return Ok(Vec::new());
        }
        self.check_room(missing)?;
        let mut batch = VecBatch::new();
        let made = (0..missing).map(|_| self.make_key_package(options.clone(), &mut batch));
        let made = made.collect::<Result<Vec<_>, _>>()?;
        self.0.apply(&self.0.place(&[]), &Changes::default(), batch)?;
        Ok(made)
    }

    fn make_key_package(&self, options: KeyPackageOptions, batch: &mut VecBatch) -> Result<Vec<u8>, Error> {
        let KeyPackageOptions { suite, lifetime, last_resort, extensions, leaf_extensions } = options;
        let inner = &*self.0;
        let cipher_suite = suite.unwrap_or(inner.suite);
        let (leaf, identity) = inner.new_leaf(cipher_suite, leaf_extensions)?;
        let env = inner.env(&inner.config);
        let lifetime = lifetime.unwrap_or_else(|| default_lifetime(env.now));
        let spec = KeyPackageSpec { cipher_suite, leaf, lifetime, extensions, last_resort };
        let record = new_key_package(&env, &spec, &*identity.signer)?;
        if !inner.identities.is_tried(&identity.signer) {
            // All but the signatures was checked.
            check_key_package(&env, &record.key_package).map_err(|_| CryptoError::SignerFailed(MISTAKEN))?;
            inner.identities.tried(&identity.signer);
        }
        let message = record.message()?;
        let name = RecordKey::KeyPackage(record.reference(inner.cipher_suite(cipher_suite)?)?);
        batch.put(inner.place(&[]).key(&name), record.to_row());
        event!(debug, suite = cipher_suite.0, bytes = message.len(), last_resort, "key package made");
        Ok(message)
    }

    /// Stores a key package that was made elsewhere, with its private keys. When it was made is not believed:
    /// [`StoredKeyPackage::made`] is 0.
    ///
    /// # Errors
    /// As of [`Client::key_package`]; [`Error::KeyPackageRetired`] if this client remembers that it was consumed; [`Error::PeerIncompatible`] if the provider lacks its suite;
    /// [`CryptoError::SuiteChanged`](pleach_crypto::CryptoError::SuiteChanged) if the suite's number stood for other algorithms
    /// when the record was made.
    pub fn import_key_package(&self, record: &KeyPackageRecord) -> Result<KeyPackageRef, Error> {
        let suite = self.0.cipher_suite(record.key_package.cipher_suite)?;
        suite.check_stored(record.algorithms)?;
        self.check_room(1)?;
        let reference = record.reference(suite)?;
        let place = self.0.place(&[]);
        let mut batch = VecBatch::new();
        let tombstone = crate::tombstones::key_package_key(&self.0.id, &reference);
        match self.0.retired(&reference)? {
            Some(retired) if retired.state == KeyPackageState::Consumed => {
                return Err(Error::KeyPackageRetired(retired.state));
            }
            Some(retired) => batch.guard_version(tombstone.clone(), retired.since),
            None => batch.guard_absent(tombstone.clone()),
        };
        let record = KeyPackageRecord { made: 0, ..record.clone() };
        batch.put(place.key(&RecordKey::KeyPackage(reference.clone())), record.to_row());
        batch.erase(tombstone);
        self.0.apply(&place, &Changes::default(), batch)?;
        Ok(reference.into())
    }

    /// Refuses what would be more key packages than the configuration allows.
    fn check_room(&self, more: usize) -> Result<(), Error> {
        let room = &self.0.key_package_room;
        let take = |room: usize| room.checked_sub(more);
        if room.fetch_update(Relaxed, Relaxed, take).is_ok() {
            return Ok(());
        }
        let most = self.0.limits.key_packages;
        let mut waiting = 0;
        self.0.storage.scan(&self.0.key_package_rows().limit(most.saturating_add(1)), &mut |_| {
            waiting += 1;
            Ok(())
        })?;
        let left = most.saturating_sub(waiting);
        let left = left.checked_sub(more).ok_or(ApiMisuse::TooManyKeyPackages { most })?;
        room.store(left.min(COUNT_EVERY), Relaxed);
        Ok(())
    }
}
