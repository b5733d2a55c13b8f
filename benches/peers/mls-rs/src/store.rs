//! The storage traits of mls-rs with every call counted.
//!
//! A group's state is one row (id and data); a prior epoch is one row (group id, epoch and data); a key package is one.

use mls_rs::mls_rs_codec::MlsSize;
use mls_rs_core::group::{EpochRecord, GroupState, GroupStateStorage};
use mls_rs_core::key_package::{KeyPackageData, KeyPackageStorage};
use peer_harness::Counters;
use zeroize::Zeroizing;

/// Bytes of the number of an epoch.
const EPOCH: usize = size_of::<u64>();

/// A storage that counts.
#[derive(Clone, Debug)]
pub(crate) struct Counted<S> {
    pub(crate) inner: S,
    pub(crate) counters: Counters,
}

impl<S: GroupStateStorage> GroupStateStorage for Counted<S> {
    type Error = S::Error;

    fn state(&self, group_id: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, Self::Error> {
        let found = self.inner.state(group_id)?;
        if let Some(data) = &found {
            self.counters.read(1, group_id.len() + data.len());
        }
        Ok(found)
    }

    fn epoch(&self, group_id: &[u8], epoch_id: u64) -> Result<Option<Zeroizing<Vec<u8>>>, Self::Error> {
        let found = self.inner.epoch(group_id, epoch_id)?;
        if let Some(data) = &found {
            self.counters.read(1, group_id.len() + EPOCH + data.len());
        }
        Ok(found)
    }

    fn write(
        &mut self,
        state: GroupState,
        epoch_inserts: Vec<EpochRecord>,
        epoch_updates: Vec<EpochRecord>,
    ) -> Result<(), Self::Error> {
        self.counters.wrote(state.id.len() + state.data.len());
        for epoch in epoch_inserts.iter().chain(&epoch_updates) {
            self.counters.wrote(state.id.len() + EPOCH + epoch.data.len());
        }
        self.inner.write(state, epoch_inserts, epoch_updates)
    }

    fn max_epoch_id(&self, group_id: &[u8]) -> Result<Option<u64>, Self::Error> {
        let found = self.inner.max_epoch_id(group_id)?;
        if found.is_some() {
            self.counters.read(1, group_id.len() + EPOCH);
        }
        Ok(found)
    }
}

impl<S: KeyPackageStorage> KeyPackageStorage for Counted<S> {
    type Error = S::Error;

    fn delete(&mut self, id: &[u8]) -> Result<(), Self::Error> {
        self.counters.erased();
        self.inner.delete(id)
    }

    fn insert(&mut self, id: Vec<u8>, package: KeyPackageData) -> Result<(), Self::Error> {
        self.counters.wrote(id.len() + package.mls_encoded_len());
        self.inner.insert(id, package)
    }

    fn get(&self, id: &[u8]) -> Result<Option<KeyPackageData>, Self::Error> {
        let found = self.inner.get(id)?;
        if let Some(package) = &found {
            self.counters.read(1, id.len() + package.mls_encoded_len());
        }
        Ok(found)
    }
}
