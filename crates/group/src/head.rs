//! The rows that a group is opened from: the head, and the epoch that it names.

use crate::row::{Reader, Writer};
use crate::{GroupError, RowError, RowKind};
use alloc::vec::Vec;
use pleach_crypto::{CipherSuite, CipherSuiteId, SuiteAlgorithms};
use pleach_tree::TreePrivate;
use pleach_wire::{LeafIndex, ReInit, TreeSize, decode, encode};
use zeroize::Zeroizing;

const HEAD: u8 = 1;
const EPOCH: u8 = 1;
const PATH_KEYS: u8 = 1;

/// Whether a group can still be used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// It can.
    Active,
    /// A ReInit was committed: it is frozen, and a successor with these parameters is to come (§11.2, R169).
    ReInitialized(ReInit),
    /// This client was removed (R232).
    Removed,
}

/// A past epoch whose application messages can still be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PastEpoch {
    pub(crate) epoch: u64,
    /// When it was left, in seconds since 1970.
    pub(crate) left: u64,
    pub(crate) size: TreeSize,
}

/// What the head row holds besides the epoch's own row.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) version: u64,
    pub(crate) interim_transcript_hash: Vec<u8>,
    pub(crate) confirmation_tag: Vec<u8>,
    pub(crate) own_leaf: LeafIndex,
    pub(crate) own_signature_key: Vec<u8>,
    pub(crate) size: TreeSize,
    pub(crate) status: Status,
    pub(crate) past: Vec<PastEpoch>,
    /// The oldest epoch whose resumption PSK is kept.
    pub(crate) first_psk: u64,
}

/// What the head row alone says of a group: enough for a list, without the provider that opening it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeadSummary {
    /// The number of its cipher suite.
    pub suite: CipherSuiteId,
    /// What the number stood for when the group was stored.
    pub algorithms: SuiteAlgorithms,
    /// Its epoch.
    pub epoch: u64,
    /// The own leaf.
    pub own_leaf: LeafIndex,
    /// Whether it can be used.
    pub status: Status,
}

impl HeadSummary {
    /// Reads a head row.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn from_row(row: &[u8]) -> Result<Self, GroupError> {
        let (suite, algorithms, epoch, head) = Head::from_row(row)?;
        Ok(Self { suite, algorithms, epoch, own_leaf: head.own_leaf, status: head.status })
    }
}

impl Head {
    pub(crate) fn to_row(&self, suite: &CipherSuite, epoch: u64) -> Result<Zeroizing<Vec<u8>>, GroupError> {
        let Self {
            version,
            interim_transcript_hash,
            confirmation_tag,
            own_leaf,
            own_signature_key,
            size,
            status,
            past,
            first_psk,
        } = self;
        let mut row = Writer::new(*version, HEAD);
        row.u16(suite.id.0);
        row.algorithms(suite.algorithms());
        row.u64(epoch);
        row.u32(own_leaf.0);
        row.u32(size.height());
        row.bytes(interim_transcript_hash);
        row.bytes(confirmation_tag);
        row.bytes(own_signature_key);
        match status {
            Status::Active => row.u8(0),
            Status::Removed => row.u8(1),
            Status::ReInitialized(reinit) => {
                row.u8(2);
                row.bytes(&encode(reinit)?);
            }
        }
        row.u64(*first_psk);
        row.u32(past.len() as u32);
        for PastEpoch { epoch, left, size } in past {
            row.u64(*epoch);
            row.u64(*left);
            row.u32(size.height());
        }
        Ok(row.finish())
    }

    pub(crate) fn from_row(row: &[u8]) -> Result<(CipherSuiteId, SuiteAlgorithms, u64, Self), RowError> {
        let (version, mut row) = Reader::new(RowKind::Head, row, HEAD)?;
        let (suite, algorithms) = (CipherSuiteId(row.u16()?), row.algorithms()?);
        let epoch = row.u64()?;
        let own_leaf = LeafIndex(row.u32()?);
        let size = TreeSize::from_height(row.u32()?).ok_or(row.impossible())?;
        let interim_transcript_hash = row.bytes()?.to_vec();
        let confirmation_tag = row.bytes()?.to_vec();
        let own_signature_key = row.bytes()?.to_vec();
        let status = match row.u8()? {
            0 => Status::Active,
            1 => Status::Removed,
            2 => Status::ReInitialized(decode(row.bytes()?).map_err(|_| row.impossible())?),
            _ => return Err(row.impossible()),
        };
        let first_psk = row.u64()?;
        let mut past = Vec::new();
        for _ in 0..row.count(20)? {
            let (epoch, left) = (row.u64()?, row.u64()?);
            let size = TreeSize::from_height(row.u32()?).ok_or(row.impossible())?;
            past.push(PastEpoch { epoch, left, size });
        }
        row.end()?;
        let head = Self {
            version,
            interim_transcript_hash,
            confirmation_tag,
            own_leaf,
            own_signature_key,
            size,
            status,
            past,
            first_psk,
        };
        Ok((suite, algorithms, epoch, head))
    }
}

/// The row of the private keys of the tree.
pub(crate) fn path_keys_row(private: &TreePrivate) -> Zeroizing<Vec<u8>> {
    let mut row = Writer::new(0, PATH_KEYS);
    row.bytes(private.encode().as_bytes());
    row.finish()
}

/// The row of an epoch: its encoded context, and its secrets.
pub(crate) fn epoch_row(context: &[u8], secrets: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut row = Writer::new(0, EPOCH);
    row.bytes(context);
    row.bytes(secrets);
    row.finish()
}

/// The context and the secrets of an epoch's row.
pub(crate) fn read_epoch(row: &[u8]) -> Result<(&[u8], &[u8]), RowError> {
    let (_, mut row) = Reader::new(RowKind::Epoch, row, EPOCH)?;
    let parts = (row.bytes()?, row.bytes()?);
    row.end()?;
    Ok(parts)
}

/// The private keys of the tree in their row.
pub(crate) fn read_path_keys(row: &[u8]) -> Result<TreePrivate, GroupError> {
    let (_, mut row) = Reader::new(RowKind::PathKeys, row, PATH_KEYS)?;
    let private = TreePrivate::decode(row.bytes()?)?;
    row.end()?;
    Ok(private)
}
