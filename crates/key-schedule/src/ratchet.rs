//! One hash ratchet of one leaf (RFC 9420 §9.1): where it stands, and the keys that it passed and still keeps.
//!
//! A ratchet is a value. Moving it makes a new one, so a message that turns out to be a forgery leaves nothing behind
//! (R147). The kept keys are shared between the two until they differ.
//!
//! Rows: the ratchet (the octet 1, `u32` next generation, secret, then a `u32` for each generation whose key is kept,
//! increasing), and one for each kept key (the octet 1, key, nonce); byte strings after a `u16` length. So a message in
//! order writes a few dozen octets, a late one reads and erases one key, and a replay is found out without reading any.

use crate::row::{Reader, Writer, secret_len};
use crate::{RowError, SecretTreeError};
use alloc::{collections::BTreeMap, sync::Arc, vec, vec::Vec};
use pleach_crypto::{CipherSuite, CryptoError, Secret};

const VERSION: u8 = crate::ROW_VERSION;

/// Which of the two ratchets of a leaf (RFC 9420 §9, R051).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RatchetKind {
    /// For proposals and Commits.
    Handshake,
    /// For application data.
    Application,
}

impl RatchetKind {
    /// The label that derives the ratchet's first secret from its leaf's (RFC 9420 §9, R139).
    pub(crate) fn label(self) -> &'static [u8] {
        match self {
            Self::Handshake => b"handshake",
            Self::Application => b"application",
        }
    }
}

/// Bounds on what a sender can make a receiver derive and keep, per ratchet (RFC 9420 §15.3, R144, R145).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RatchetLimits {
    /// How many generations a message may be ahead of the next expected one; 1,024 by default.
    pub forward_distance: u32,
    /// How many keys of messages not yet received are kept, the latest; 256 by default.
    pub skipped_keys: u32,
}

impl Default for RatchetLimits {
    fn default() -> Self {
        Self { forward_distance: 1_024, skipped_keys: 256 }
    }
}

/// The key and nonce for one message (RFC 9420 §9.1). The nonce is the ratchet's, before the reuse guard (R053).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageKeys {
    pub(crate) generation: u32,
    pub(crate) key: Secret,
    pub(crate) nonce: Secret,
}

impl MessageKeys {
    /// The generation of the ratchet.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// The AEAD key.
    #[must_use]
    pub fn key(&self) -> &Secret {
        &self.key
    }

    /// The nonce of the key schedule, before the reuse guard.
    #[must_use]
    pub fn nonce(&self) -> &Secret {
        &self.nonce
    }
}

/// The keys of passed generations that are kept: `None` while a key is in storage only. Shared until changed.
type SkippedKeys = Arc<BTreeMap<u32, Option<MessageKeys>>>;

/// A ratchet: `ratchet_secret_[N]_[next]` and the keys it passed.
#[derive(Debug, Clone)]
pub(crate) struct Ratchet {
    next: u32,
    secret: Secret,
    skipped: SkippedKeys,
}

/// A ratchet after a use, and the generations whose skipped keys came or went. The ratchet's own row always changes.
pub(crate) struct Moved {
    pub(crate) ratchet: Ratchet,
    pub(crate) skipped_changed: Vec<u32>,
}

impl Ratchet {
    /// The first secret of a leaf's ratchet (RFC 9420 §9, R139).
    pub(crate) fn first(
        suite: &CipherSuite,
        leaf_secret: &Secret,
        kind: RatchetKind,
    ) -> Result<Self, CryptoError> {
        let secret = suite.expand_with_label(leaf_secret, kind.label(), b"", suite.secret_len())?; // R139
        Ok(Self { next: 0, secret, skipped: SkippedKeys::default() })
    }

    /// The next generation: of the next own message, or the next expected one.
    pub(crate) fn next(&self) -> u32 {
        self.next
    }

    /// Whether the key of `generation` is kept, and must be read from storage first.
    pub(crate) fn needs_skipped(&self, generation: u32) -> bool {
        matches!(self.skipped.get(&generation), Some(None))
    }

    /// The keys of `generation`, and the ratchet after their use.
    pub(crate) fn take(
        &self,
        suite: &CipherSuite,
        limits: RatchetLimits,
        generation: u32,
    ) -> Result<(MessageKeys, Moved), SecretTreeError> {
        match generation.checked_sub(self.next) {
            None => self.take_skipped(generation),
            Some(distance) if distance > limits.forward_distance => {
                Err(SecretTreeError::TooFarAhead { generation, next: self.next }) // R145: before any derivation
            }
            Some(_) => self.take_ahead(suite, limits, generation),
        }
    }

    fn take_skipped(&self, generation: u32) -> Result<(MessageKeys, Moved), SecretTreeError> {
        let keys = match self.skipped.get(&generation) {
            Some(Some(keys)) => keys.clone(),
            Some(None) => return Err(SecretTreeError::NotLoaded),
            None => return Err(SecretTreeError::AlreadyReceived { generation }), // R060
        };
        let mut ratchet = self.clone();
        Arc::make_mut(&mut ratchet.skipped).remove(&generation);
        Ok((keys, Moved { ratchet, skipped_changed: vec![generation] }))
    }

    fn take_ahead(
        &self,
        suite: &CipherSuite,
        limits: RatchetLimits,
        generation: u32,
    ) -> Result<(MessageKeys, Moved), SecretTreeError> {
        let next = generation.checked_add(1).ok_or(SecretTreeError::GenerationsExhausted)?; // R141
        let mut secret = self.secret.clone();
        let mut skipped = self.skipped.clone();
        let mut skipped_changed = Vec::new();
        if generation != self.next {
            let map = Arc::make_mut(&mut skipped);
            // Keys that would be dropped at once are not derived.
            let kept_from = generation.saturating_sub(limits.skipped_keys);
            for passed in self.next..generation {
                if passed >= kept_from {
                    map.insert(passed, Some(message_keys(suite, &secret, passed)?));
                    skipped_changed.push(passed);
                }
                secret = next_secret(suite, &secret, passed)?;
            }
            while map.len() > limits.skipped_keys as usize {
                let Some((oldest, _)) = map.pop_first() else { break }; // R144
                skipped_changed.push(oldest);
            }
        }
        let keys = message_keys(suite, &secret, generation)?;
        let secret = next_secret(suite, &secret, generation)?;
        Ok((keys, Moved { ratchet: Self { next, secret, skipped }, skipped_changed }))
    }

    pub(crate) fn to_row(&self) -> Secret {
        let mut row = Writer::new(VERSION, 4 + secret_len(&self.secret) + 4 * self.skipped.len());
        row.u32(self.next);
        row.secret(&self.secret);
        self.skipped.keys().for_each(|generation| row.u32(*generation));
        row.finish()
    }

    pub(crate) fn from_row(row: &[u8]) -> Result<Self, RowError> {
        let mut row = Reader::new(VERSION, row)?;
        let next = row.u32()?;
        let secret = row.secret()?;
        let mut skipped = BTreeMap::new();
        let mut from = 0;
        while !row.is_empty() {
            let generation = row.u32()?;
            if !(from..next).contains(&generation) {
                return Err(RowError::Inconsistent); // increasing, and passed
            }
            skipped.insert(generation, None);
            from = generation.saturating_add(1);
        }
        if secret.is_empty() {
            return Err(RowError::Inconsistent);
        }
        Ok(Self { next, secret, skipped: Arc::new(skipped) })
    }

    /// The generations whose keys are kept.
    pub(crate) fn skipped(&self) -> impl Iterator<Item = u32> {
        self.skipped.keys().copied()
    }

    /// The row of a skipped key, if it is kept and in memory.
    pub(crate) fn skipped_row(&self, generation: u32) -> Option<Secret> {
        let keys = self.skipped.get(&generation)?.as_ref()?;
        let mut row = Writer::new(VERSION, secret_len(&keys.key) + secret_len(&keys.nonce));
        row.secret(&keys.key);
        row.secret(&keys.nonce);
        Some(row.finish())
    }

    /// Takes the row of a skipped key in, if it is missing here.
    pub(crate) fn load_skipped(&mut self, generation: u32, row: Option<&[u8]>) -> Result<(), RowError> {
        if !self.needs_skipped(generation) {
            return Ok(());
        }
        let mut row = Reader::new(VERSION, row.ok_or(RowError::Inconsistent)?)?;
        let keys = MessageKeys { generation, key: row.secret()?, nonce: row.secret()? };
        row.finish()?;
        Arc::make_mut(&mut self.skipped).insert(generation, Some(keys));
        Ok(())
    }
}

/// `ratchet_key_[N]_[j]` and `ratchet_nonce_[N]_[j]` (RFC 9420 §9.1, R140).
fn message_keys(suite: &CipherSuite, secret: &Secret, generation: u32) -> Result<MessageKeys, CryptoError> {
    let key = suite.derive_tree_secret(secret, b"key", generation, suite.aead.key_len())?;
    let nonce = suite.derive_tree_secret(secret, b"nonce", generation, suite.aead.nonce_len())?;
    Ok(MessageKeys { generation, key, nonce })
}

/// `ratchet_secret_[N]_[j+1]` (RFC 9420 §9.1, R140).
fn next_secret(suite: &CipherSuite, secret: &Secret, generation: u32) -> Result<Secret, CryptoError> {
    suite.derive_tree_secret(secret, b"secret", generation, suite.secret_len())
}
