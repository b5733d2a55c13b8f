//! Names of rows to keys of the store: the layout of suffixes.
//!
//! Integers are big-endian, so that bytewise order is numeric order; an id that is followed by something else is
//! preceded by its length, so that no id is the beginning of another.
//!
//! | record | scope | suffix |
//! |---|---|---|
//! | Head, PathKeys | group | none |
//! | TreeNode | group | node index, 4 bytes |
//! | Epoch | group | epoch, 8 |
//! | EpochLeaf, SecretNode | group | epoch, 8; leaf or node index, 4 |
//! | Ratchet | group | epoch, 8; 0 handshake or 1 application, 1; leaf index, 4 |
//! | SkippedKey | group | as Ratchet; generation, 4 |
//! | Proposal, OwnUpdateKey | group | ProposalRef; for the version of the set of proposals, none |
//! | PendingCommit | group | hash of the message |
//! | PendingExternalCommit | client | length and group id; hash of the message |
//! | ResumptionPsk | client | length and group id; epoch, 8 |
//! | ExternalPsk | client | the PSK's id |
//! | KeyPackage | client | KeyPackageRef |
//! | KeyIndex | group | 0 encryption or 1 signature, 1; the first 16 bytes of the key's hash |
//! | ClientIndex | group | hash of the client id |
//! | GroupDirectory | client | group id |
//! | UsedLastResort | client | KeyPackageRef |
//! | Tombstone | client | 0, 1; group id. Or 1, 1; KeyPackageRef |
//! | Meta | the store | `store` |
//! | Meta | client | `external`; length and group id; hash of the message |
//! | Meta | group | `rollback`, or `restored` |
//! | Application | group | the application's own |
//!
//! Not here: values.

use pleach_group::{RatchetKind, RecordKey, RecordRange, RowKind};
use pleach_storage::{Key, KeyBuf, KeyRange, KeyRangeBuf, RecordKind, Scope};
use pleach_tree::{KeyKind, KeyName, KeyTag};
use pleach_wire::NodeIndex;

/// Whose rows: a client's, in one group. Names of rows that belong to the client as a whole ignore the group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The client id.
    pub(crate) client: &'a [u8],
    /// The group id.
    pub(crate) group: &'a [u8],
}

impl<'a> Place<'a> {
    pub(crate) const fn new(client: &'a [u8], group: &'a [u8]) -> Self {
        Self { client, group }
    }

    /// The key of this row.
    pub(crate) fn key(&self, name: &RecordKey) -> KeyBuf {
        self.with_key(name, |key| key.to_buf())
    }

    /// Passes on the key of this row; made without memory of its own for all that a group reads and writes often.
    pub(crate) fn with_key<T>(&self, name: &RecordKey, then: impl FnOnce(Key<'_>) -> T) -> T {
        let Self { client, group } = *self;
        let (record, suffix) = match name {
            RecordKey::Head => return then(Key::of_group(client, group, RecordKind::Head, &[])),
            RecordKey::PathKeys => return then(Key::of_group(client, group, RecordKind::PathKeys, &[])),
            RecordKey::TreeNode(node) => {
                return then(Key::of_group(client, group, RecordKind::TreeNode, &node.0.to_be_bytes()));
            }
            RecordKey::Epoch(epoch) => {
                return then(Key::of_group(client, group, RecordKind::Epoch, &epoch.to_be_bytes()));
            }
            RecordKey::ClientIndex(hash) => {
                return then(Key::of_group(client, group, RecordKind::ClientIndex, hash));
            }
            RecordKey::Proposal(reference) => {
                return then(Key::of_group(client, group, RecordKind::Proposal, reference));
            }
            RecordKey::OwnUpdateKey(reference) => {
                return then(Key::of_group(client, group, RecordKind::OwnUpdateKey, reference));
            }
            RecordKey::PendingCommit(hash) => {
                return then(Key::of_group(client, group, RecordKind::PendingCommit, hash));
            }
            RecordKey::ExternalPsk(id) => {
                return then(Key::of_client(client, RecordKind::ExternalPsk, id));
            }
            RecordKey::KeyPackage(reference) => {
                return then(Key::of_client(client, RecordKind::KeyPackage, reference));
            }
            RecordKey::PendingExternalCommit(hash) => {
                let mut key = pending_external(client, group);
                key.push_suffix(hash);
                return then(key.as_key());
            }
            RecordKey::ResumptionPsk(earlier, epoch) => {
                let mut key = resumption_psks(client, earlier);
                key.push_suffix(&epoch.to_be_bytes());
                return then(key.as_key());
            }
            RecordKey::EpochLeaf(epoch, leaf) => {
                (RecordKind::EpochLeaf, Suffix::of(&[&in_epoch(*epoch, leaf.0)]))
            }
            RecordKey::SecretNode(epoch, node) => {
                (RecordKind::SecretNode, Suffix::of(&[&in_epoch(*epoch, node.0)]))
            }
            RecordKey::Ratchet(epoch, kind, leaf) => {
                (RecordKind::Ratchet, Suffix::of(&[&of_kind(*epoch, *kind), &leaf.0.to_be_bytes()]))
            }
            RecordKey::Skipped(epoch, kind, leaf, generation) => {
                let parts: [&[u8]; 3] =
                    [&of_kind(*epoch, *kind), &leaf.0.to_be_bytes(), &generation.to_be_bytes()];
                (RecordKind::SkippedKey, Suffix::of(&parts))
            }
            RecordKey::KeyIndex(KeyName { kind, tag: KeyTag(tag) }) => {
                let kind = match kind {
                    KeyKind::Encryption => 0,
                    KeyKind::Signature => 1,
                };
                (RecordKind::KeyIndex, Suffix::of(&[&[kind], tag]))
            }
            // `RecordKey` can grow; a name that this version does not know is never produced by its own group crate.
            _ => (RecordKind::Meta, Suffix::of(&[b"unknown"])),
        };
        then(Key::of_group(client, group, record, suffix.as_slice()))
    }

    /// The keys of these rows. "All of a group" leaves out those of the application, which outlast a removal.
    pub(crate) fn range(&self, range: &RecordRange) -> KeyRangeBuf {
        let scope = Scope::Group(self.group);
        let all = |record| KeyRange::records(self.client, scope, record).to_buf();
        let starting = |record, suffix: &[u8]| {
            KeyRange::suffixes(Key { client: self.client, scope, record, suffix }).to_buf()
        };
        match range {
            RecordRange::TreeNodes => all(RecordKind::TreeNode),
            RecordRange::TreeNodesFrom(NodeIndex(from)) => {
                let suffix = from.to_be_bytes();
                let first = Key::of_group(self.client, self.group, RecordKind::TreeNode, &suffix);
                KeyRange::records(self.client, scope, RecordKind::TreeNode).starting_at(first).to_buf()
            }
            RecordRange::Proposals => all(RecordKind::Proposal),
            RecordRange::OwnUpdateKeys => all(RecordKind::OwnUpdateKey),
            RecordRange::PendingCommits => all(RecordKind::PendingCommit),
            RecordRange::EpochLeaves(epoch) => starting(RecordKind::EpochLeaf, &epoch.to_be_bytes()),
            RecordRange::SecretNodes(epoch) => starting(RecordKind::SecretNode, &epoch.to_be_bytes()),
            RecordRange::Ratchets(epoch, kind) => starting(RecordKind::Ratchet, &of_kind(*epoch, *kind)),
            RecordRange::SkippedKeys(epoch, kind) => {
                starting(RecordKind::SkippedKey, &of_kind(*epoch, *kind))
            }
            RecordRange::Group => {
                let application = Key::of_group(self.client, self.group, RecordKind::Application, &[]);
                KeyRange::scope(self.client, scope).before(application).to_buf()
            }
            _ => KeyRange::records(self.client, scope, RecordKind::Meta).limit(0).to_buf(),
        }
    }

    /// All rows of the group, those of the application among them.
    pub(crate) fn whole(&self) -> KeyRange<'a> {
        KeyRange::scope(self.client, Scope::Group(self.group))
    }
}

/// A suffix of numbers and tags, put together without memory of its own.
struct Suffix {
    octets: [u8; Self::ROOM],
    length: usize,
}

impl Suffix {
    /// A kind and the tag of a key; an epoch, a kind, a leaf and a generation.
    const ROOM: usize = 17;

    /// What goes beyond the room is left out; nothing does.
    fn of(parts: &[&[u8]]) -> Self {
        let mut suffix = Self { octets: [0; Self::ROOM], length: 0 };
        for part in parts {
            let end = suffix.length + part.len();
            debug_assert!(end <= Self::ROOM, "a suffix that is cut short names another row");
            if let Some(place) = suffix.octets.get_mut(suffix.length..end) {
                place.copy_from_slice(part);
                suffix.length = end;
            }
        }
        suffix
    }

    fn as_slice(&self) -> &[u8] {
        self.octets.get(..self.length).unwrap_or_default()
    }
}

/// The kind of record that holds rows of this kind.
pub(crate) const fn record_kind(row: RowKind) -> RecordKind {
    match row {
        RowKind::Head => RecordKind::Head,
        RowKind::TreeNode => RecordKind::TreeNode,
        RowKind::KeyIndex => RecordKind::KeyIndex,
        RowKind::ClientIndex => RecordKind::ClientIndex,
        RowKind::PathKeys => RecordKind::PathKeys,
        RowKind::Epoch => RecordKind::Epoch,
        RowKind::EpochLeaf => RecordKind::EpochLeaf,
        RowKind::SecretNode => RecordKind::SecretNode,
        RowKind::Ratchet => RecordKind::Ratchet,
        RowKind::SkippedKey => RecordKind::SkippedKey,
        RowKind::Proposal => RecordKind::Proposal,
        RowKind::OwnUpdateKey => RecordKind::OwnUpdateKey,
        RowKind::PendingCommit => RecordKind::PendingCommit,
        RowKind::PendingExternalCommit => RecordKind::PendingExternalCommit,
        RowKind::ResumptionPsk => RecordKind::ResumptionPsk,
        RowKind::ExternalPsk => RecordKind::ExternalPsk,
        RowKind::KeyPackage => RecordKind::KeyPackage,
        // `RowKind` can grow, as `RecordKey` can.
        _ => RecordKind::Meta,
    }
}

/// The beginning of the keys of a group's pending external commits.
pub(crate) fn pending_external(client: &[u8], group: &[u8]) -> KeyBuf {
    Key::of_client(client, RecordKind::PendingExternalCommit, &with_length(group)).to_buf()
}

/// The beginning of the keys of a group's resumption PSKs.
pub(crate) fn resumption_psks(client: &[u8], group: &[u8]) -> KeyBuf {
    Key::of_client(client, RecordKind::ResumptionPsk, &with_length(group)).to_buf()
}

/// The group id at the beginning of a suffix written by [`with_length`], and what follows it.
pub(crate) fn split_length(suffix: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = suffix.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// The id behind its length in 4 bytes. A group id is shorter than 2^30 bytes (RFC 9420 §2.1.2).
fn with_length(id: &[u8]) -> Vec<u8> {
    let length = u32::try_from(id.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), id].concat()
}

fn of_kind(epoch: u64, kind: RatchetKind) -> [u8; 9] {
    let mut suffix = [0; 9];
    let (head, tail) = suffix.split_at_mut(8);
    head.copy_from_slice(&epoch.to_be_bytes());
    tail.fill(match kind {
        RatchetKind::Handshake => 0,
        RatchetKind::Application => 1,
    });
    suffix
}

fn in_epoch(epoch: u64, index: u32) -> [u8; 12] {
    let mut suffix = [0; 12];
    let (head, tail) = suffix.split_at_mut(8);
    head.copy_from_slice(&epoch.to_be_bytes());
    tail.copy_from_slice(&index.to_be_bytes());
    suffix
}

#[cfg(test)]
mod tests {
    use super::*;
    use pleach_wire::LeafIndex;

    const PLACE: Place<'static> = Place::new(b"client", b"group");

    #[test]
    fn ranges_hold_their_rows_and_no_others() {
        let names = [
            RecordKey::Head,
            RecordKey::PathKeys,
            RecordKey::TreeNode(NodeIndex(3)),
            RecordKey::TreeNode(NodeIndex(4)),
            RecordKey::Epoch(1),
            RecordKey::EpochLeaf(1, LeafIndex(0)),
            RecordKey::EpochLeaf(256, LeafIndex(0)),
            RecordKey::SecretNode(1, NodeIndex(9)),
            RecordKey::Ratchet(1, RatchetKind::Handshake, LeafIndex(0)),
            RecordKey::Ratchet(1, RatchetKind::Application, LeafIndex(0)),
            RecordKey::Skipped(1, RatchetKind::Application, LeafIndex(0), 7),
            RecordKey::Proposal(vec![1; 32]),
            RecordKey::OwnUpdateKey(vec![1; 32]),
            RecordKey::PendingCommit(vec![1; 32]),
            RecordKey::KeyIndex(KeyName { kind: KeyKind::Signature, tag: KeyTag([1; 16]) }),
            RecordKey::ClientIndex(vec![1; 32]),
        ];
        let holds = |range: RecordRange| -> Vec<usize> {
            let range = PLACE.range(&range);
            let held = |name: &RecordKey| range.as_range().contains(PLACE.key(name).as_bytes());
            (0..names.len()).filter(|i| held(&names[*i])).collect()
        };
        assert_eq!(holds(RecordRange::TreeNodes), [2, 3]);
        assert_eq!(holds(RecordRange::TreeNodesFrom(NodeIndex(4))), [3]);
        assert_eq!(holds(RecordRange::EpochLeaves(1)), [5]);
        assert_eq!(holds(RecordRange::SecretNodes(1)), [7]);
        assert_eq!(holds(RecordRange::Ratchets(1, RatchetKind::Handshake)), [8]);
        assert_eq!(holds(RecordRange::Ratchets(1, RatchetKind::Application)), [9]);
        assert_eq!(holds(RecordRange::SkippedKeys(1, RatchetKind::Application)), [10]);
        assert_eq!(holds(RecordRange::Proposals), [11]);
        assert_eq!(holds(RecordRange::OwnUpdateKeys), [12]);
        assert_eq!(holds(RecordRange::PendingCommits), [13]);
        assert_eq!(holds(RecordRange::Group).len(), names.len());
        let application =
            Key::of_group(PLACE.client, PLACE.group, RecordKind::Application, b"note").to_bytes();
        assert!(!PLACE.range(&RecordRange::Group).as_range().contains(&application));
        assert!(PLACE.whole().contains(&application));
    }

    #[test]
    fn rows_of_the_client_do_not_die_with_the_group() {
        let group = PLACE.range(&RecordRange::Group);
        for name in [
            RecordKey::ResumptionPsk(b"group".to_vec(), 3),
            RecordKey::ExternalPsk(b"id".to_vec()),
            RecordKey::KeyPackage(vec![7; 32]),
        ] {
            assert!(!group.as_range().contains(PLACE.key(&name).as_bytes()));
        }
        let key = PLACE.key(&RecordKey::PendingExternalCommit(b"hash".to_vec()));
        assert!(!group.as_range().contains(key.as_bytes()));
        assert_eq!(split_length(key.as_key().suffix), Some((&b"group"[..], &b"hash"[..])));
        assert_eq!(split_length(b"\0\0\0\x05grou"), None);
    }
}
