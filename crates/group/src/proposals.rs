//! The proposals of the current epoch, by reference (RFC 9420 §12.4, R178, R222): one row each.

use crate::row::{Reader, Writer};
use crate::{GroupConfig, GroupError, RowError};
use alloc::{collections::BTreeMap, vec::Vec};
use pleach_wire::{LeafIndex, Proposal, Sender, decode, encode};
use zeroize::Zeroizing;

const FORMAT: u8 = 1;

/// A proposal that was sent or received in this epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingProposal {
    /// Its ProposalRef.
    pub reference: Vec<u8>,
    /// Who proposed it, and whom it is attributed to (R206).
    pub sender: Sender,
    /// What it proposes.
    pub proposal: Proposal,
    /// Its place in the order of arrival.
    pub sequence: u64,
}

/// All pending proposals.
#[derive(Debug, Clone, Default)]
pub struct ProposalCache(BTreeMap<Vec<u8>, PendingProposal>);

impl ProposalCache {
    pub(crate) fn from_rows<'r>(
        rows: impl IntoIterator<Item = (Vec<u8>, &'r [u8])>,
    ) -> Result<Self, GroupError> {
        rows.into_iter()
            .map(|(reference, row)| {
                let proposal = PendingProposal::from_row(reference.clone(), row)?;
                Ok((reference, proposal))
            })
            .collect::<Result<_, RowError>>()
            .map(Self)
            .map_err(Into::into)
    }

    /// In the order of arrival.
    #[must_use]
    pub fn in_order(&self) -> Vec<&PendingProposal> {
        let mut all: Vec<_> = self.0.values().collect();
        all.sort_by_key(|proposal| proposal.sequence);
        all
    }

    /// The proposal with this reference.
    #[must_use]
    pub fn find(&self, reference: &[u8]) -> Option<&PendingProposal> {
        self.0.get(reference)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn insert(&mut self, proposal: PendingProposal) {
        self.0.insert(proposal.reference.clone(), proposal);
    }

    pub(crate) fn next_sequence(&self) -> u64 {
        self.0.values().map(|proposal| proposal.sequence).max().map_or(0, |last| last.saturating_add(1))
    }

    /// Whether one more proposal of this sender is too many. Counted by member, so that nobody can use up another's share;
    /// those who are no members share one.
    pub(crate) fn is_full_for(&self, sender: Sender, config: &GroupConfig) -> bool {
        let (quota, count) = match sender {
            Sender::Member(_) => {
                (config.member_proposals, self.0.values().filter(|other| other.sender == sender).count())
            }
            _ => {
                (config.external_proposals, self.0.values().filter(|other| other.member().is_none()).count())
            }
        };
        count >= quota
    }
}

impl PendingProposal {
    /// The leaf of the member that proposed it.
    #[must_use]
    pub fn member(&self) -> Option<LeafIndex> {
        match self.sender {
            Sender::Member(leaf) => Some(leaf),
            _ => None,
        }
    }

    pub(crate) fn to_row(&self) -> Result<Zeroizing<Vec<u8>>, GroupError> {
        let mut row = Writer::new(0, FORMAT);
        row.u64(self.sequence);
        row.bytes(&encode(&self.sender)?);
        row.bytes(&encode(&self.proposal)?);
        Ok(row.finish())
    }

    pub(crate) fn from_row(reference: Vec<u8>, row: &[u8]) -> Result<Self, RowError> {
        let (_, mut row) = Reader::new(row, FORMAT)?;
        let sequence = row.u64()?;
        let sender = decode(row.bytes()?).map_err(|_| RowError::Value)?;
        let proposal = decode(row.bytes()?).map_err(|_| RowError::Value)?;
        row.end()?;
        Ok(Self { reference, sender, proposal, sequence })
    }
}
