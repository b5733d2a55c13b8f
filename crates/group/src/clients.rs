//! Who is a member (RFC 9420 §12.2, R198, R199, R208): the index from a client to its leaves.
//!
//! A client is known by the hash of its id, which the authentication service gives
//! ([`Identity::client_id`](crate::Identity::client_id)). It may have several leaves, as after an external Commit without a
//! resync. The index is in the group's rows, one per client; only the founder of a group that is not stored yet, and an
//! observer, have it in memory.
//!
//! Cost: one row per client that a Commit adds, removes or changes. An observer makes its index once, in O(n).

use crate::row::{Reader, Writer};
use crate::{Change, Env, GroupError, RecordKey, RowError, RowKind, Rows, StepResult};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use pleach_crypto::{CipherSuite, Digest};
use pleach_tree::RatchetTree;
use pleach_wire::{Kept, LeafIndex, LeafNode};
use rpds::RedBlackTreeSetSync;
use zeroize::Zeroizing;

const FORMAT: u8 = 1;

/// Where the index is.
#[derive(Debug, Clone, Default)]
pub(crate) enum Clients {
    /// In the rows of the group.
    #[default]
    Stored,
    /// Nowhere yet: made from the tree when an Add first asks.
    NotMade,
    /// Here. Pairs, so that it is the same however it came about; persistent, so that a Commit copies O(log n) of it.
    Known(RedBlackTreeSetSync<(Digest, LeafIndex)>),
}

/// The hash under which a client is found among the members.
pub(crate) fn client_key(env: &Env<'_>, suite: &CipherSuite, leaf: &LeafNode) -> Digest {
    let id = env.identity.client_id(&leaf.credential, &leaf.signature_key);
    suite.hash.hash(&[&id])
}

/// The same, of one of many leaves: it is not decoded for that.
pub(crate) fn client_key_of(
    env: &Env<'_>,
    suite: &CipherSuite,
    leaf: &Kept<LeafNode>,
) -> Result<Digest, GroupError> {
    let view = leaf.view();
    let id = env.identity.client_id(&view.to_credential()?, view.signature_key);
    Ok(suite.hash.hash(&[&id]))
}

/// All clients of a tree with their leaves, in order. O(n log n).
pub(crate) fn clients_of(
    env: &Env<'_>,
    suite: &CipherSuite,
    tree: &RatchetTree,
) -> Result<Vec<(Digest, LeafIndex)>, GroupError> {
    let mut clients = Vec::with_capacity(tree.member_count() as usize);
    for member in tree.leaves() {
        let (index, leaf) = member?;
        clients.push((client_key_of(env, suite, leaf)?, index));
    }
    clients.sort_unstable();
    Ok(clients)
}

impl Clients {
    /// The index of this tree, in memory.
    pub(crate) fn known(env: &Env<'_>, suite: &CipherSuite, tree: &RatchetTree) -> Result<Self, GroupError> {
        Ok(Self::Known(clients_of(env, suite, tree)?.into_iter().collect()))
    }

    fn leaves(&self, rows: &Rows, client: &Digest) -> StepResult<BTreeSet<LeafIndex>> {
        match self {
            Self::Known(set) => {
                let from = set.range((*client, LeafIndex(0))..);
                Ok(from.take_while(|(found, _)| found == client).map(|(_, leaf)| *leaf).collect())
            }
            Self::NotMade => Ok(BTreeSet::new()),
            Self::Stored => match rows.read(record(client))? {
                Some(row) => Ok(from_row(row)?),
                None => Ok(BTreeSet::new()),
            },
        }
    }
}

/// The index while a list of proposals is applied.
#[derive(Debug, Clone)]
pub(crate) struct ClientEdits {
    base: Clients,
    /// A client, a leaf, and whether it has it now. Looked up for each Add, of which there may be n.
    edits: BTreeMap<(Digest, LeafIndex), bool>,
}

impl ClientEdits {
    pub(crate) const fn new(base: Clients) -> Self {
        Self { base, edits: BTreeMap::new() }
    }

    /// Asks at once for the rows of these clients.
    pub(crate) fn require(&self, rows: &Rows, clients: impl IntoIterator<Item = Digest>) -> StepResult<()> {
        match self.base {
            Clients::Stored => rows.require(clients.into_iter().map(|client| record(&client))),
            Clients::NotMade | Clients::Known(_) => Ok(()),
        }
    }

    /// The first leaf of a client, if it is a member now.
    pub(crate) fn first_leaf(&self, rows: &Rows, client: &Digest) -> StepResult<Option<LeafIndex>> {
        Ok(self.leaves(rows, client)?.first().copied())
    }

    /// Keeps the index in step with a leaf.
    pub(crate) fn replace(&mut self, index: LeafIndex, old: Option<Digest>, new: Option<Digest>) {
        if old == new {
            return;
        }
        self.edits.extend(old.map(|client| ((client, index), false)));
        self.edits.extend(new.map(|client| ((client, index), true)));
    }

    /// The index after the edits, and its rows that change.
    pub(crate) fn finish(self, rows: &Rows) -> StepResult<(Clients, Vec<Change>)> {
        if matches!(self.base, Clients::NotMade) {
            return Ok((self.base, Vec::new()));
        }
        let changed: BTreeSet<Digest> = self.edits.keys().map(|(client, _)| *client).collect();
        self.require(rows, changed.iter().copied())?;
        let mut changes = Vec::new();
        for client in &changed {
            let (before, after) = (self.base.leaves(rows, client)?, self.leaves(rows, client)?);
            if after.is_empty() && !before.is_empty() {
                changes.push(Change::Erase(record(client)));
            } else if after != before {
                changes.push(put(client, after.iter().copied()));
            }
        }
        let Self { mut base, edits } = self;
        if let Clients::Known(set) = &mut base {
            for (entry, has) in edits {
                if has {
                    set.insert_mut(entry);
                } else {
                    set.remove_mut(&entry);
                }
            }
        }
        Ok((base, changes))
    }

    pub(crate) fn leaves(&self, rows: &Rows, client: &Digest) -> StepResult<BTreeSet<LeafIndex>> {
        let mut leaves = self.base.leaves(rows, client)?;
        let edits = self.edits.range((*client, LeafIndex(0))..);
        for ((_, leaf), has) in edits.take_while(|((edited, _), _)| edited == client) {
            if *has {
                leaves.insert(*leaf);
            } else {
                leaves.remove(leaf);
            }
        }
        Ok(leaves)
    }
}

/// The rows of an index that is new to the store, from its entries in order.
pub(crate) fn rows_of(entries: &[(Digest, LeafIndex)]) -> impl Iterator<Item = Change> + '_ {
    let same = |(a, _): &(Digest, LeafIndex), (b, _): &(Digest, LeafIndex)| a == b;
    entries
        .chunk_by(same)
        .filter_map(|group| Some(put(&group.first()?.0, group.iter().map(|(_, leaf)| *leaf))))
}

fn record(client: &Digest) -> RecordKey {
    RecordKey::ClientIndex(client.as_bytes().to_vec())
}

fn put(client: &Digest, leaves: impl Iterator<Item = LeafIndex>) -> Change {
    let mut row = Writer::index(FORMAT);
    leaves.for_each(|leaf| row.u32(leaf.0));
    Change::Put(record(client), row.finish())
}

fn from_row(row: &[u8]) -> Result<BTreeSet<LeafIndex>, RowError> {
    let mut row = Reader::index(RowKind::ClientIndex, row, FORMAT)?;
    let mut leaves = BTreeSet::new();
    while !row.is_empty() {
        if !leaves.insert(LeafIndex(row.u32()?)) {
            return Err(row.impossible());
        }
    }
    if leaves.is_empty() { Err(row.wrong_length()) } else { Ok(leaves) }
}

/// The row of a key of the tree: its node.
pub(crate) fn key_row(node: pleach_wire::NodeIndex) -> Zeroizing<Vec<u8>> {
    let mut row = Writer::index(FORMAT);
    row.u32(node.0);
    row.finish()
}

/// The same, appended.
pub(crate) fn write_key_row(node: pleach_wire::NodeIndex, row: &mut Vec<u8>) {
    row.push(FORMAT);
    row.extend_from_slice(&node.0.to_be_bytes());
}

/// The row of the client whose entries stand first, appended; and its name. `None` if there are no entries.
pub(crate) fn write_client_row(entries: &mut &[(Digest, LeafIndex)], row: &mut Vec<u8>) -> Option<RecordKey> {
    let (client, _) = *entries.first()?;
    row.push(FORMAT);
    while let Some(((found, leaf), rest)) = entries.split_first()
        && *found == client
    {
        row.extend_from_slice(&leaf.0.to_be_bytes());
        *entries = rest;
    }
    Some(record(&client))
}

/// The node in the row of a key.
pub(crate) fn read_key_row(row: &[u8]) -> Result<pleach_wire::NodeIndex, RowError> {
    let mut row = Reader::index(RowKind::KeyIndex, row, FORMAT)?;
    let node = pleach_wire::NodeIndex(row.u32()?);
    row.end()?;
    Ok(node)
}
