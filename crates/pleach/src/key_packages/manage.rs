//! The key packages of a client, with the state that each is in.

use crate::client::Inner;
use crate::row::{Reader, Writer};
use crate::{Client, Error};
use pleach_crypto::{CipherSuiteId, SuiteAlgorithms};
use pleach_group::{Changes, KeyPackageRecord, RecordKey};
use pleach_storage::{
    Key, KeyBuf, KeyRange, RecordKind, Scope, Storage as _, StorageError, Value, VecBatch, row_version,
};
use pleach_wire::{KeyPackageRef, LeafNodeSource, Lifetime};

/// What became of a key package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum KeyPackageState {
    /// It was made, and can be handed out.
    Published = 0,
    /// The delivery service handed it out: a Welcome may come.
    Claimed = 1,
    /// A group was joined by it. Its private keys are gone.
    Consumed = 2,
    /// Its lifetime is over. Its private keys stay for a while for a Welcome that was on its way, then
    /// [`Client::expire`] erases them.
    Expired = 3,
    /// The application withdrew it. Its private keys are gone.
    Withdrawn = 4,
}

impl KeyPackageState {
    /// The state without private keys that has this number.
    pub(crate) const fn retired(number: u8) -> Option<Self> {
        match number {
            2 => Some(Self::Consumed),
            3 => Some(Self::Expired),
            4 => Some(Self::Withdrawn),
            _ => None,
        }
    }
}

impl std::fmt::Display for KeyPackageState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Published => "published",
            Self::Claimed => "claimed",
            Self::Consumed => "consumed",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        })
    }
}

/// A key package that this client keeps the private keys of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredKeyPackage {
    /// Its reference (RFC 9420 §5.2).
    pub reference: KeyPackageRef,
    /// Published, claimed or expired.
    pub state: KeyPackageState,
    /// Its suite.
    pub suite: CipherSuiteId,
    /// What the suite's number stood for when the keys were made.
    pub algorithms: SuiteAlgorithms,
    /// When it is valid; `None` if its leaf does not say.
    pub lifetime: Option<Lifetime>,
    /// When it was made, in seconds since 1970; 0 if it was made elsewhere.
    pub made: u64,
    /// Whether it stays after a join.
    pub last_resort: bool,
    /// How many groups were joined by it: more than 0 only for a last resort.
    pub uses: u32,
    /// When a group was last joined by it, in seconds since 1970.
    pub last_used: Option<u64>,
    /// Whether it came with an import: a group that is joined by it is restored, since the key package may have been used
    /// elsewhere.
    pub imported: bool,
    /// The MLSMessage to publish.
    pub message: Vec<u8>,
}

impl Client {
    /// The key packages whose private keys are stored, by their references. For those that are gone, see
    /// [`Client::retired_key_packages`].
    ///
    /// # Errors
    /// Those of the store.
    pub fn key_packages(&self) -> Result<Vec<StoredKeyPackage>, Error> {
        let inner = &*self.0;
        let now = inner.clock.now();
        let mut stored = Vec::new();
        for (reference, record) in inner.key_package_records()? {
            let (uses, last_used) = inner.uses(&reference)?;
            let lifetime = lifetime(&record);
            stored.push(StoredKeyPackage {
                reference: KeyPackageRef::from(&*reference),
                state: match (lifetime, record.claimed) {
                    (Some(lifetime), _) if lifetime.not_after < now => KeyPackageState::Expired,
                    (_, Some(_)) => KeyPackageState::Claimed,
                    (_, None) => KeyPackageState::Published,
                },
                suite: record.key_package.cipher_suite,
                algorithms: record.algorithms,
                lifetime,
                made: record.made,
                last_resort: record.last_resort,
                uses,
                last_used,
                imported: record.imported,
                message: record.message()?,
            });
        }
        Ok(stored)
    }

    /// Notes that the delivery service handed a key package out.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none with private keys; those of the store.
    pub fn claim_key_package(&self, reference: &[u8]) -> Result<(), Error> {
        let inner = &*self.0;
        let place = inner.place(&[]);
        let name = RecordKey::KeyPackage(reference.to_vec());
        let row = inner.read(&place, &name)?.ok_or(Error::NotFound("key package"))?;
        let mut record = KeyPackageRecord::from_row(&row)?;
        if record.claimed.is_some() {
            return Ok(());
        }
        record.claimed = Some(inner.clock.now());
        let mut batch = VecBatch::new();
        // Not one that a join consumes meanwhile.
        batch.guard_present(place.key(&name)).put(place.key(&name), record.to_row());
        inner.apply(&place, &Changes::default(), batch)
    }

    /// Withdraws a key package: its private keys are erased, and a Welcome for it is refused. Tell the delivery service
    /// before. That there is none is no error.
    ///
    /// # Errors
    /// Those of the store: [`StorageError::Conflict`] if a join consumes it meanwhile.
    pub fn withdraw_key_package(&self, reference: &[u8]) -> Result<(), Error> {
        let inner = &*self.0;
        let place = inner.place(&[]);
        let name = RecordKey::KeyPackage(reference.to_vec());
        let Some(row) = inner.read(&place, &name)? else { return Ok(()) };
        // What cannot be read must still be erasable.
        let last_resort = KeyPackageRecord::from_row(&row).is_ok_and(|record| record.last_resort);
        let mut batch = VecBatch::new();
        // Or what a join consumed would be remembered as withdrawn.
        batch.guard_present(place.key(&name));
        inner.erase_key_package(reference, &mut batch);
        inner.bury_key_packages(&[(reference, KeyPackageState::Withdrawn, last_resort)], &mut batch)?;
        inner.apply(&place, &Changes::default(), batch)
    }

    /// Erases everything about a key package: as [`Client::withdraw_key_package`], but nothing is remembered. That there is
    /// none is no error.
    ///
    /// # Errors
    /// Those of the store.
    pub fn delete_key_package(&self, reference: &[u8]) -> Result<(), Error> {
        let mut batch = VecBatch::new();
        self.0.erase_key_package(reference, &mut batch);
        batch.erase(crate::tombstones::key_package_key(&self.0.id, reference));
        self.0.apply(&self.0.place(&[]), &Changes::default(), batch)
    }
}

/// The lifetime of a key package's leaf (RFC 9420 §7.2).
fn lifetime(record: &KeyPackageRecord) -> Option<Lifetime> {
    match record.key_package.leaf_node.leaf_node_source {
        LeafNodeSource::KeyPackage(lifetime) => Some(lifetime),
        _ => None,
    }
}

impl Inner {
    /// All key packages with their private keys.
    pub(crate) const fn key_package_rows(&self) -> KeyRange<'_> {
        KeyRange::records(self.id.as_slice(), Scope::Client, RecordKind::KeyPackage)
    }

    fn key_package_records(&self) -> Result<Vec<(Vec<u8>, KeyPackageRecord)>, Error> {
        let mut rows = Vec::new();
        self.storage.scan(&self.key_package_rows(), &mut |row| {
            rows.push((row.key.suffix.to_vec(), Value::from(row.value.to_vec())));
            Ok(())
        })?;
        rows.into_iter().map(|(reference, row)| Ok((reference, KeyPackageRecord::from_row(&row)?))).collect()
    }

    fn erase_key_package(&self, reference: &[u8], batch: &mut VecBatch) {
        batch.erase(self.place(&[]).key(&RecordKey::KeyPackage(reference.to_vec())));
        batch.erase(self.use_key(reference));
    }

    /// Notes that a last resort is used (RFC 9420 §16.8): how often, and when.
    pub(crate) fn use_last_resort(&self, reference: &[u8], batch: &mut VecBatch) -> Result<(), Error> {
        let key = self.use_key(reference);
        let before = self.storage.get(&key.as_key())?;
        match before.as_ref().and_then(|row| row_version(row)) {
            Some(version) => batch.guard_version(key.clone(), version),
            None => batch.guard_absent(key.clone()),
        };
        let (uses, _) = read_uses(before.as_ref().map(|row| row.as_slice()))?;
        let uses = uses.saturating_add(1);
        batch.put(key, Writer::new(uses.into()).u32(uses).u64(self.clock.now()).finish());
        Ok(())
    }

    /// How often a last resort was used, and when last.
    fn uses(&self, reference: &[u8]) -> Result<(u32, Option<u64>), Error> {
        let row = self.storage.get(&self.use_key(reference).as_key())?;
        Ok(read_uses(row.as_ref().map(|row| row.as_slice()))?)
    }

    /// Erases the private keys of key packages that expired, and are not waited for any more; how many.
    pub(crate) fn expire_key_packages(&self, now: u64, batch: &mut VecBatch) -> Result<usize, Error> {
        let grace = self.limits.key_package_grace;
        let mut expired = self.key_package_records()?;
        expired.retain(|(_, record)| {
            lifetime(record).is_some_and(|lifetime| lifetime.not_after.saturating_add(grace) < now)
        });
        for (reference, _) in &expired {
            batch.guard_present(self.place(&[]).key(&RecordKey::KeyPackage(reference.clone())));
            self.erase_key_package(reference, batch);
        }
        let gone = expired
            .iter()
            .map(|(reference, record)| (reference.as_slice(), KeyPackageState::Expired, record.last_resort));
        self.bury_key_packages(&gone.collect::<Vec<_>>(), batch)?;
        Ok(expired.len())
    }

    fn use_key(&self, reference: &[u8]) -> KeyBuf {
        Key::of_client(&self.id, RecordKind::UsedLastResort, reference).to_buf()
    }
}

fn read_uses(row: Option<&[u8]>) -> Result<(u32, Option<u64>), StorageError> {
    let Some(row) = row else { return Ok((0, None)) };
    let (_, mut reader) = Reader::new(row, RecordKind::UsedLastResort)?;
    let uses = (reader.u32()?, Some(reader.u64()?));
    reader.end()?;
    Ok(uses)
}
