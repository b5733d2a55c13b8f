//! Key packages (RFC 9420 §10): made here, published by the application, used up by a join.

use crate::trace::event;
use crate::{Client, Error};
use pleach_crypto::{CipherSuiteId, SuiteAlgorithms};
use pleach_group::{Changes, KeyPackageRecord, KeyPackageSpec, RecordKey, new_key_package};
use pleach_storage::{KeyRange, RecordKind, Scope, VecBatch};
use pleach_wire::{Extensions, KeyPackageRef, Lifetime};

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

/// A key package that this client keeps the private keys of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredKeyPackage {
    /// Its reference (RFC 9420 §5.2).
    pub reference: KeyPackageRef,
    /// Its suite.
    pub suite: CipherSuiteId,
    /// What the suite's number stood for when the keys were made.
    pub algorithms: SuiteAlgorithms,
    /// When it is valid; `None` if its leaf does not say.
    pub lifetime: Option<Lifetime>,
    /// Whether it stays after a join.
    pub last_resort: bool,
    /// The MLSMessage to publish.
    pub message: Vec<u8>,
}

impl Client {
    /// Makes a key package and returns it as an MLSMessage, to be published. Its private keys are stored.
    ///
    /// # Errors
    /// Those of the signer, the randomness and the store.
    pub fn key_package(&self) -> Result<Vec<u8>, Error> {
        self.key_package_with(KeyPackageOptions::default())
    }

    /// As [`Client::key_package`], with choices.
    ///
    /// # Errors
    /// [`Error::ApiMisuse`] if no identity goes with the suite; those of the signer, the randomness and the store.
    pub fn key_package_with(&self, options: KeyPackageOptions) -> Result<Vec<u8>, Error> {
        let KeyPackageOptions { suite, lifetime, last_resort, extensions, leaf_extensions } = options;
        let inner = &*self.0;
        let cipher_suite = suite.unwrap_or(inner.suite);
        let (leaf, identity) = inner.new_leaf(cipher_suite, leaf_extensions)?;
        let env = inner.env(&inner.config);
        let lifetime = lifetime.unwrap_or_else(|| default_lifetime(env.now));
        let spec = KeyPackageSpec { cipher_suite, leaf, lifetime, extensions, last_resort };
        let record = new_key_package(&env, &spec, &*identity.signer)?;
        let message = record.message()?;
        let name = RecordKey::KeyPackage(record.reference(inner.cipher_suite(cipher_suite)?)?);
        let mut batch = VecBatch::new();
        batch.put(inner.place(&[]).key(&name), record.to_row());
        inner.apply(&inner.place(&[]), &Changes::default(), batch)?;
        event!(debug, suite = cipher_suite.0, bytes = message.len(), last_resort, "key package made");
        Ok(message)
    }

    /// The key packages whose private keys are stored.
    ///
    /// # Errors
    /// Those of the store.
    pub fn key_packages(&self) -> Result<Vec<StoredKeyPackage>, Error> {
        let mut rows = Vec::new();
        let range = KeyRange::records(&self.0.id, Scope::Client, RecordKind::KeyPackage);
        self.0.storage.scan(&range, &mut |row| {
            rows.push((KeyPackageRef::from(row.key.suffix), pleach_storage::Value::from(row.value.to_vec())));
            Ok(())
        })?;
        rows.into_iter()
            .map(|(reference, row)| {
                let record = KeyPackageRecord::from_row(&row)?;
                Ok(StoredKeyPackage {
                    reference,
                    suite: record.key_package.cipher_suite,
                    algorithms: record.algorithms,
                    lifetime: match record.key_package.leaf_node.leaf_node_source {
                        pleach_wire::LeafNodeSource::KeyPackage(lifetime) => Some(lifetime),
                        _ => None,
                    },
                    last_resort: record.last_resort,
                    message: record.message()?,
                })
            })
            .collect()
    }

    /// Erases a key package's private keys: after it expired, or when it was withdrawn. That there is none is no error.
    ///
    /// # Errors
    /// Those of the store.
    pub fn delete_key_package(&self, reference: &[u8]) -> Result<(), Error> {
        let place = self.0.place(&[]);
        let mut batch = VecBatch::new();
        batch.erase(place.key(&RecordKey::KeyPackage(reference.to_vec())));
        self.0.apply(&place, &Changes::default(), batch)
    }

    /// Stores a key package that was made elsewhere, with its private keys.
    ///
    /// # Errors
    /// Those of the store; [`Error::PeerIncompatible`] if the provider lacks its suite;
    /// [`CryptoError::SuiteChanged`](pleach_crypto::CryptoError::SuiteChanged) if the suite's number stood for other algorithms
    /// when the record was made.
    pub fn import_key_package(&self, record: &KeyPackageRecord) -> Result<KeyPackageRef, Error> {
        let suite = self.0.cipher_suite(record.key_package.cipher_suite)?;
        suite.check_stored(record.algorithms)?;
        let reference = record.reference(suite)?;
        let place = self.0.place(&[]);
        let mut batch = VecBatch::new();
        batch.put(place.key(&RecordKey::KeyPackage(reference.clone())), record.to_row());
        self.0.apply(&place, &Changes::default(), batch)?;
        Ok(reference.into())
    }
}
