//! The proposals of the current epoch, by reference (RFC 9420 §12.4, R178, R222): one row each.
//!
//! Beside them, under the empty reference, a row with nothing but a version, which every change of the set moves on. What
//! depends on the set guards it: a handle that does not know of a proposal that another handle stored neither sends
//! application data (R217) nor commits without it, but gets a conflict. One row, whatever the number of proposals.

use crate::row::{Reader, Writer};
use crate::{Changes, GroupConfig, GroupError, Guard, RecordKey, RowError, RowKind};
use alloc::{collections::BTreeMap, vec::Vec};
use pleach_wire::{LeafIndex, Proposal, Sender, decode, encode};
use zeroize::Zeroizing;

const FORMAT: u8 = 1;

/// The row with the version of the set: no proposal has an empty reference.
const SET: RecordKey = RecordKey::Proposal(Vec::new());

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
    /// Of an own proposal, the MLSMessage: to be sent again by whoever was interrupted before it was sent for sure. That
    /// others get it twice does no harm.
    pub message: Option<Vec<u8>>,
}

/// All pending proposals.
#[derive(Debug, Clone, Default)]
pub struct ProposalCache {
    /// That of the row of the set; `None` if the epoch has had no proposal yet.
    version: Option<u64>,
    by_reference: BTreeMap<Vec<u8>, PendingProposal>,
}

impl ProposalCache {
    pub(crate) fn from_rows<'r>(
        rows: impl IntoIterator<Item = (Vec<u8>, &'r [u8])>,
    ) -> Result<Self, GroupError> {
        let mut cache = Self::default();
        for (reference, row) in rows {
            if reference.is_empty() {
                let (version, row) = Reader::new(RowKind::Proposal, row, FORMAT)?;
                row.end()?;
                cache.version = Some(version);
            } else {
                let proposal = PendingProposal::from_row(reference.clone(), row)?;
                cache.by_reference.insert(reference, proposal);
            }
        }
        Ok(cache)
    }

    /// Lets the batch conflict if another handle changed the set meanwhile.
    pub(crate) fn guard(&self, changes: &mut Changes) {
        changes.guard(match self.version {
            None => Guard::Absent(SET),
            Some(version) => Guard::Version(SET, version),
        });
    }

    /// Guards the set and moves its version on: the batch changes it.
    pub(crate) fn change(&self, changes: &mut Changes) {
        self.guard(changes);
        changes.put(SET, Writer::new(self.next_version(), FORMAT).finish());
    }

    fn next_version(&self) -> u64 {
        self.version.map_or(0, |version| version.saturating_add(1))
    }

    /// In the order of arrival.
    #[must_use]
    pub fn in_order(&self) -> Vec<&PendingProposal> {
        let mut all: Vec<_> = self.by_reference.values().collect();
        all.sort_by_key(|proposal| proposal.sequence);
        all
    }

    /// The proposal with this reference.
    #[must_use]
    pub fn find(&self, reference: &[u8]) -> Option<&PendingProposal> {
        self.by_reference.get(reference)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_reference.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_reference.is_empty()
    }

    pub(crate) fn insert(&mut self, proposal: PendingProposal) {
        self.version = Some(self.next_version());
        self.by_reference.insert(proposal.reference.clone(), proposal);
    }

    /// All of them were discarded.
    pub(crate) fn clear(&mut self) {
        self.version = Some(self.next_version());
        self.by_reference.clear();
    }

    pub(crate) fn next_sequence(&self) -> u64 {
        let all = self.by_reference.values();
        all.map(|proposal| proposal.sequence).max().map_or(0, |last| last.saturating_add(1))
    }

    /// Whether one more proposal of this sender is too many. Counted by member, so that nobody can use up another's share;
    /// those who are no members share one.
    pub(crate) fn is_full_for(&self, sender: Sender, config: &GroupConfig) -> bool {
        let all = self.by_reference.values();
        let (quota, count) = match sender {
            Sender::Member(_) => {
                (config.member_proposals, all.filter(|other| other.sender == sender).count())
            }
            _ => (config.external_proposals, all.filter(|other| other.member().is_none()).count()),
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
        row.optional(self.message.as_deref());
        Ok(row.finish())
    }

    pub(crate) fn from_row(reference: Vec<u8>, row: &[u8]) -> Result<Self, RowError> {
        let (_, mut row) = Reader::new(RowKind::Proposal, row, FORMAT)?;
        let sequence = row.u64()?;
        let sender = decode(row.bytes()?).map_err(|_| row.impossible())?;
        let proposal = decode(row.bytes()?).map_err(|_| row.impossible())?;
        let message = row.optional()?.map(<[u8]>::to_vec);
        row.end()?;
        Ok(Self { reference, sender, proposal, sequence, message })
    }
}
