//! No generation twice: every private message that left the child is opened as far as its sender data, which say leaf and
//! generation, with the sender data secret of the epoch from another member's store.
//!
//! So Commits that lost their race count, and messages that nobody ever read. A generation and its key are bound: one
//! generation, one ciphertext. (RFC 9420 §9.1, §6.3.2, R052)

use super::{GROUP, Outcome, at};
use pleach::framing::{EpochContext, open_sender_data};
use pleach::wire::{ContentType, MlsMessage, MlsMessageBody, decode};
use pleach_crypto::{CipherSuite, Secret};
use pleach_key_schedule::EpochSecrets;
use pleach_storage::{Checked, Key, RecordKind, Storage};
use std::collections::BTreeMap;

/// Remembers which generation which ciphertext used.
#[derive(Debug)]
pub struct Auditor {
    suite: CipherSuite,
    secrets: BTreeMap<u64, Secret>,
    used: BTreeMap<Use, Vec<u8>>,
}

/// Epoch, handshake or not, leaf, generation.
type Use = (u64, bool, u32, u32);

impl Auditor {
    /// Of groups of this suite.
    #[must_use]
    pub const fn new(suite: CipherSuite) -> Self {
        Self { suite, secrets: BTreeMap::new(), used: BTreeMap::new() }
    }

    /// A member is in this epoch: takes the epoch's sender data secret from the member's store.
    ///
    /// # Errors
    /// If its rows are not what they are known to be.
    pub fn epoch(&mut self, store: &dyn Storage, client: &[u8], epoch: u64) -> Outcome<()> {
        let suffix = epoch.to_be_bytes();
        let key = Key::of_group(client, GROUP, RecordKind::Epoch, &suffix);
        let row = Checked::new(store).get(&key).map_err(at("the row of the epoch"))?;
        let row = row.ok_or("there is no row of the epoch")?;
        // A version, a format, then context and secrets, each with its length.
        let rest = row.get(9..).ok_or("a short row")?;
        let (_, rest) = field(rest)?;
        let (secrets, _) = field(rest)?;
        let secrets = EpochSecrets::from_row(secrets).map_err(at("the secrets of the epoch"))?;
        self.secrets.insert(epoch, secrets.sender_data_secret().clone());
        Ok(())
    }

    /// A ciphertext left the child. The same bytes may do so again.
    ///
    /// # Errors
    /// If another ciphertext used its generation.
    pub fn left(&mut self, message: &[u8]) -> Outcome<()> {
        let decoded: MlsMessage = decode(message).map_err(at("a message of the child"))?;
        let MlsMessageBody::PrivateMessage(private) = decoded.body else { return Ok(()) };
        let secret = self.secrets.get(&private.epoch).ok_or("a message of an epoch that nobody is in")?;
        let context = EpochContext {
            suite: &self.suite,
            group_id: GROUP,
            epoch: private.epoch,
            group_context: &[],
            external_proposal_types: &[],
        };
        let data = open_sender_data(&context, secret, &private).map_err(at("its sender data"))?;
        let handshake = private.content_type != ContentType::Application;
        let of = (private.epoch, handshake, data.leaf_index.0, data.generation);
        match self.used.insert(of, private.ciphertext.to_vec()) {
            Some(other) if other != *private.ciphertext => {
                Err(format!("generation {} of epoch {} was used twice", data.generation, private.epoch))
            }
            _ => Ok(()),
        }
    }

    /// How many generations were used.
    #[must_use]
    pub fn generations(&self) -> usize {
        self.used.len()
    }
}

fn field(bytes: &[u8]) -> Outcome<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk().ok_or("a short row")?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or_else(|| "a short row".to_owned())
}
