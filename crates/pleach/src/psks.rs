//! External pre-shared keys (RFC 9420 §8.4): secrets from outside MLS, by a name that all members know them by.

use crate::{Client, Error};
use pleach_crypto::Secret;
use pleach_group::{Changes, RecordKey, psk_row};
use pleach_storage::{KeyRange, RecordKind, Scope, VecBatch};

impl Client {
    /// Stores an external PSK under its id, replacing one that has it. It should have as many random bytes as a secret of
    /// the suite (RFC 9420 §8.4).
    ///
    /// # Errors
    /// Those of the store.
    pub fn store_psk(&self, id: &[u8], psk: &Secret) -> Result<(), Error> {
        let place = self.0.place(&[]);
        let mut batch = VecBatch::new();
        batch.put(place.key(&RecordKey::ExternalPsk(id.to_vec())), psk_row(psk));
        self.0.apply(&place, &Changes::default(), batch)
    }

    /// Erases an external PSK. That there is none is no error.
    ///
    /// # Errors
    /// Those of the store.
    pub fn delete_psk(&self, id: &[u8]) -> Result<(), Error> {
        let place = self.0.place(&[]);
        let mut batch = VecBatch::new();
        batch.erase(place.key(&RecordKey::ExternalPsk(id.to_vec())));
        self.0.apply(&place, &Changes::default(), batch)
    }

    /// The ids of the external PSKs that are stored.
    ///
    /// # Errors
    /// Those of the store.
    pub fn psks(&self) -> Result<Vec<Vec<u8>>, Error> {
        let mut ids = Vec::new();
        let range = KeyRange::records(&self.0.id, Scope::Client, RecordKind::ExternalPsk);
        self.0.storage.scan(&range, &mut |row| {
            ids.push(row.key.suffix.to_vec());
            Ok(())
        })?;
        Ok(ids)
    }

    /// Erases the resumption PSKs of a group, which otherwise outlive it (RFC 9420 §8.6).
    ///
    /// # Errors
    /// Those of the store.
    pub fn delete_resumption_psks(&self, group_id: &[u8]) -> Result<(), Error> {
        let prefix = crate::keys::resumption_psks(&self.0.id, group_id);
        let mut batch = VecBatch::new();
        batch.erase_range(KeyRange::suffixes(prefix.as_key()));
        self.0.apply(&self.0.place(&[]), &Changes::default(), batch)
    }
}
