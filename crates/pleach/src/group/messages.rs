//! Application messages, and everything that is received.

use super::{Group, Received};
use crate::trace::event;
use crate::{ApiMisuse, Error};
use pleach_group::RatchetKind;
use pleach_storage::{Key, KeyRange, RecordKind, Scope, Value, VecBatch};

/// The application's own rows, to be written in the same batch as the library's: a key, and a value or `None` to erase.
///
/// They belong to the group: `delete` erases them, a removal does not.
pub type Records = Vec<(Vec<u8>, Option<Vec<u8>>)>;

impl Group {
    /// Encrypts application data for the group (RFC 9420 §6.3, §15). The ratchet is advanced in the store before the
    /// ciphertext is returned: a generation is never used twice.
    ///
    /// # Errors
    /// [`Error::ApiMisuse`] if proposals are pending (R217), the group is over, or the epoch's messages are used up; those
    /// of the signer and the store. [`ApiMisuse::Restored`] if this is an old copy of the group.
    pub fn encrypt(&mut self, data: &[u8]) -> Result<Vec<u8>, Error> {
        self.encrypt_with(data, &[], Records::new())
    }

    /// As [`Group::encrypt`], with authenticated data, which travels in the clear, and records that are written in the same
    /// batch.
    ///
    /// # Errors
    /// As of [`Group::encrypt`]. With a [`RollbackGuard`](crate::RollbackGuard) that is out of reach after the batch, the records
    /// are written and there is no message ([`Error::RollbackGuard`]): a record that says "sent" should be written again
    /// with the next attempt, under the same key.
    pub fn encrypt_with(
        &mut self,
        data: &[u8],
        authenticated_data: &[u8],
        records: Records,
    ) -> Result<Vec<u8>, Error> {
        self.may_send()?;
        let signer = self.identity()?.signer;
        let first = self.state.row_to_send(RatchetKind::Application);
        let step =
            self.client.0.run_with(&self.config, &mut self.state, Some(first), |state, env, rows| {
                state.send_application(env, rows, &*signer, data, authenticated_data)
            })?;
        let more = self.records(records)?;
        let sent = self.persist_sent(step, more)?;
        event!(
            debug,
            group = %crate::trace::Id(self.id()),
            epoch = self.epoch(),
            bytes = sent.message.len(),
            "application message encrypted"
        );
        Ok(sent.message)
    }

    /// Receives a message for this group: application data, a proposal, or a Commit (RFC 9420 §6, §12.4).
    ///
    /// Plaintext is returned after the ratchet has advanced in the store: a message is read once. A Commit changes nothing
    /// until it is given to [`Group::merge`]; until then the same bytes can be received again.
    ///
    /// # Errors
    /// Whatever is wrong with the message ([`Error::is_peer_fault`]); [`Error::AlreadyReceived`], [`Error::WrongEpoch`];
    /// [`Error::Denied`] by the authentication service; those of the store.
    pub fn receive(&mut self, message: &[u8]) -> Result<Received, Error> {
        self.receive_with(message, |_| Records::new())
    }

    /// As [`Group::receive`], with records that are written in the same batch as the ratchet, so that plaintext and ratchet
    /// land together. `records` sees what was received before it is persisted; it must not act on it.
    ///
    /// # Errors
    /// As of [`Group::receive`].
    pub fn receive_with(
        &mut self,
        message: &[u8],
        records: impl FnOnce(&Received) -> Records,
    ) -> Result<Received, Error> {
        let step = self.step(|state, env, rows| state.receive(env, rows, message))?;
        let pleach_group::Step { changes, effect, output } = step;
        let received = Received::new(self, output)?;
        let records = records(&received);
        let mut more = VecBatch::new();
        if !records.is_empty() {
            // A Commit writes nothing yet; the records still belong to the epoch in which it was received.
            let head = self.client.0.place(self.state.group_id()).key(&pleach_group::RecordKey::Head);
            more.guard_version(head, self.state.head_version());
            more.append(self.records(records)?);
        }
        let step = pleach_group::Step { changes, effect, output: received };
        let received = self.persist(step, more)?;
        event!(
            debug,
            group = %crate::trace::Id(self.id()),
            epoch = self.epoch(),
            bytes = message.len(),
            kind = received.kind(),
            "message received"
        );
        Ok(received)
    }

    /// An application record of this group.
    ///
    /// # Errors
    /// Those of the store.
    pub fn record(&self, key: &[u8]) -> Result<Option<Value>, Error> {
        let key = Key::of_group(self.client.id(), self.id(), RecordKind::Application, key);
        Ok(self.client.0.storage.get(&key)?)
    }

    /// The application records of this group whose keys begin with `prefix`, in the order of their keys.
    ///
    /// # Errors
    /// Those of the store.
    pub fn records_from(&self, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Value)>, Error> {
        let key = Key::of_group(self.client.id(), self.id(), RecordKind::Application, prefix);
        let mut found = Vec::new();
        self.client.0.storage.scan(&KeyRange::suffixes(key), &mut |row| {
            found.push((row.key.suffix.to_vec(), Value::from(row.value.to_vec())));
            Ok(())
        })?;
        Ok(found)
    }

    fn records(&self, records: Records) -> Result<VecBatch, Error> {
        let mut batch = VecBatch::new();
        let mut seen = std::collections::BTreeSet::new();
        for (suffix, value) in records {
            if !seen.insert(suffix.clone()) {
                return Err(ApiMisuse::DuplicateRecord.into());
            }
            let client = self.client.id();
            let scope = Scope::Group(self.id());
            let key = Key { client, scope, record: RecordKind::Application, suffix: &suffix };
            match value {
                Some(value) => batch.put(key, value),
                None => batch.erase(key),
            };
        }
        Ok(batch)
    }
}
