//! How the row of a pending Commit spells out what merging does: the summary, and the batch with the names of its rows.

use crate::row::{Reader, Writer};
use crate::{
    Change, Changes, GroupError, Guard, MembershipChanges, RatchetKind, RecordKey, RecordRange, RowError,
};
use alloc::vec::Vec;
use pleach_tree::{KeyKind, KeyName, KeyTag};
use pleach_wire::{LeafIndex, NodeIndex, Opaque, ProposalType, decode, encode};
use zeroize::Zeroizing;

/// What the Commit changes, for the application.
pub(crate) fn write_summary(row: &mut Writer, summary: &MembershipChanges) -> Result<(), GroupError> {
    let MembershipChanges {
        epoch,
        committer,
        added,
        removed,
        updated,
        joined,
        extensions_changed,
        psks,
        reinit,
        custom,
        removed_us,
        authenticated_data,
    } = summary;
    row.u64(*epoch);
    row.optional(committer.map(|leaf| leaf.0.to_be_bytes()).as_ref().map(|bytes| &bytes[..]));
    row.u32(added.len() as u32);
    added.iter().for_each(|leaf| row.u32(leaf.0));
    row.u32(removed.len() as u32);
    for (leaf, credential) in removed {
        row.u32(leaf.0);
        row.bytes(&encode(credential)?);
    }
    row.u32(updated.len() as u32);
    updated.iter().for_each(|leaf| row.u32(leaf.0));
    row.optional(joined.map(|leaf| leaf.0.to_be_bytes()).as_ref().map(|bytes| &bytes[..]));
    row.u8(u8::from(*extensions_changed));
    row.u32(psks.len() as u32);
    for psk in psks {
        row.bytes(&encode(psk)?);
    }
    match reinit {
        None => row.optional(None),
        Some(reinit) => row.optional(Some(&encode(reinit)?)),
    }
    row.u32(custom.len() as u32);
    for (proposal_type, sender, data) in custom {
        row.u16(proposal_type.0);
        row.optional(sender.map(|leaf| leaf.0.to_be_bytes()).as_ref().map(|bytes| &bytes[..]));
        row.bytes(data);
    }
    row.u8(u8::from(*removed_us));
    row.bytes(authenticated_data);
    Ok(())
}

pub(crate) fn read_summary(row: &mut Reader<'_>) -> Result<MembershipChanges, RowError> {
    let epoch = row.u64()?;
    let committer = read_leaf(row)?;
    let added = read_leaves(row)?;
    let mut removed = Vec::new();
    for _ in 0..row.count(8)? {
        let leaf = LeafIndex(row.u32()?);
        removed.push((leaf, decode(row.bytes()?).map_err(|_| row.impossible())?));
    }
    let updated = read_leaves(row)?;
    let joined = read_leaf(row)?;
    let extensions_changed = row.u8()? == 1;
    let mut psks = Vec::new();
    for _ in 0..row.count(4)? {
        psks.push(decode(row.bytes()?).map_err(|_| row.impossible())?);
    }
    let reinit = row.optional()?.map(decode).transpose().map_err(|_| row.impossible())?;
    let mut custom = Vec::new();
    for _ in 0..row.count(7)? {
        custom.push((ProposalType(row.u16()?), read_leaf(row)?, Opaque::from(row.bytes()?)));
    }
    Ok(MembershipChanges {
        epoch,
        committer,
        added,
        removed,
        updated,
        joined,
        extensions_changed,
        psks,
        reinit,
        custom,
        removed_us: row.u8()? == 1,
        authenticated_data: Opaque::from(row.bytes()?),
    })
}

fn read_leaf(row: &mut Reader<'_>) -> Result<Option<LeafIndex>, RowError> {
    let Some(bytes) = row.optional()? else { return Ok(None) };
    let bytes = bytes.try_into().map_err(|_| row.wrong_length())?;
    Ok(Some(LeafIndex(u32::from_be_bytes(bytes))))
}

fn read_leaves(row: &mut Reader<'_>) -> Result<Vec<LeafIndex>, RowError> {
    let count = row.count(4)?;
    (0..count).map(|_| row.u32().map(LeafIndex)).collect()
}

/// The batch, with the tree's difference spelled out.
pub(crate) fn write_changes(row: &mut Writer, changes: &Changes) -> Result<(), GroupError> {
    row.u32(changes.guards.len() as u32);
    for guard in &changes.guards {
        match guard {
            Guard::Absent(key) => {
                row.u8(0);
                write_key(row, key);
            }
            Guard::Present(key) => {
                row.u8(1);
                write_key(row, key);
            }
            Guard::Version(key, version) => {
                row.u8(2);
                write_key(row, key);
                row.u64(*version);
            }
        }
    }
    let tree = changes.tree_changes()?;
    row.u32((changes.rows.len() + tree.len()) as u32);
    for change in changes.rows.iter().chain(&tree) {
        match change {
            Change::Put(key, value) => {
                row.u8(0);
                write_key(row, key);
                row.bytes(value);
            }
            Change::Erase(key) => {
                row.u8(1);
                write_key(row, key);
            }
            Change::EraseRange(range) => {
                row.u8(2);
                write_range(row, range);
            }
        }
    }
    Ok(())
}

pub(crate) fn read_changes(row: &mut Reader<'_>) -> Result<Changes, RowError> {
    let mut changes = Changes::default();
    for _ in 0..row.count(2)? {
        changes.guards.push(match row.u8()? {
            0 => Guard::Absent(read_key(row)?),
            1 => Guard::Present(read_key(row)?),
            2 => Guard::Version(read_key(row)?, row.u64()?),
            _ => return Err(row.impossible()),
        });
    }
    for _ in 0..row.count(2)? {
        changes.rows.push(match row.u8()? {
            0 => Change::Put(read_key(row)?, Zeroizing::new(row.bytes()?.to_vec())),
            1 => Change::Erase(read_key(row)?),
            2 => Change::EraseRange(read_range(row)?),
            _ => return Err(row.impossible()),
        });
    }
    Ok(changes)
}

fn write_key(row: &mut Writer, key: &RecordKey) {
    match key {
        RecordKey::Head => row.u8(0),
        RecordKey::TreeNode(node) => {
            row.u8(1);
            row.u32(node.0);
        }
        RecordKey::PathKeys => row.u8(2),
        RecordKey::Epoch(epoch) => {
            row.u8(3);
            row.u64(*epoch);
        }
        RecordKey::EpochLeaf(epoch, leaf) => {
            row.u8(4);
            row.u64(*epoch);
            row.u32(leaf.0);
        }
        RecordKey::SecretNode(epoch, node) => {
            row.u8(5);
            row.u64(*epoch);
            row.u32(node.0);
        }
        RecordKey::Ratchet(epoch, kind, leaf) => {
            row.u8(6);
            row.u64(*epoch);
            row.u8(kind_number(*kind));
            row.u32(leaf.0);
        }
        RecordKey::Skipped(epoch, kind, leaf, generation) => {
            row.u8(7);
            row.u64(*epoch);
            row.u8(kind_number(*kind));
            row.u32(leaf.0);
            row.u32(*generation);
        }
        RecordKey::Proposal(reference) => {
            row.u8(8);
            row.bytes(reference);
        }
        RecordKey::OwnUpdateKey(reference) => {
            row.u8(9);
            row.bytes(reference);
        }
        RecordKey::PendingCommit(hash) => {
            row.u8(10);
            row.bytes(hash);
        }
        RecordKey::ResumptionPsk(group_id, epoch) => {
            row.u8(11);
            row.bytes(group_id);
            row.u64(*epoch);
        }
        RecordKey::ExternalPsk(id) => {
            row.u8(12);
            row.bytes(id);
        }
        RecordKey::KeyPackage(reference) => {
            row.u8(13);
            row.bytes(reference);
        }
        RecordKey::PendingExternalCommit(hash) => {
            row.u8(14);
            row.bytes(hash);
        }
        RecordKey::KeyIndex(KeyName { kind, tag: KeyTag(tag) }) => {
            row.u8(match kind {
                KeyKind::Encryption => 15,
                KeyKind::Signature => 16,
            });
            row.bytes(tag);
        }
        RecordKey::ClientIndex(client) => {
            row.u8(17);
            row.bytes(client);
        }
    }
}

fn read_key(row: &mut Reader<'_>) -> Result<RecordKey, RowError> {
    Ok(match row.u8()? {
        0 => RecordKey::Head,
        1 => RecordKey::TreeNode(NodeIndex(row.u32()?)),
        2 => RecordKey::PathKeys,
        3 => RecordKey::Epoch(row.u64()?),
        4 => RecordKey::EpochLeaf(row.u64()?, LeafIndex(row.u32()?)),
        5 => RecordKey::SecretNode(row.u64()?, NodeIndex(row.u32()?)),
        6 => RecordKey::Ratchet(row.u64()?, read_kind(row)?, LeafIndex(row.u32()?)),
        7 => RecordKey::Skipped(row.u64()?, read_kind(row)?, LeafIndex(row.u32()?), row.u32()?),
        8 => RecordKey::Proposal(row.bytes()?.to_vec()),
        9 => RecordKey::OwnUpdateKey(row.bytes()?.to_vec()),
        10 => RecordKey::PendingCommit(row.bytes()?.to_vec()),
        11 => RecordKey::ResumptionPsk(row.bytes()?.to_vec(), row.u64()?),
        12 => RecordKey::ExternalPsk(row.bytes()?.to_vec()),
        13 => RecordKey::KeyPackage(row.bytes()?.to_vec()),
        14 => RecordKey::PendingExternalCommit(row.bytes()?.to_vec()),
        15 => read_key_name(row, KeyKind::Encryption)?,
        16 => read_key_name(row, KeyKind::Signature)?,
        17 => RecordKey::ClientIndex(row.bytes()?.to_vec()),
        _ => return Err(row.impossible()),
    })
}

fn read_key_name(row: &mut Reader<'_>, kind: KeyKind) -> Result<RecordKey, RowError> {
    let tag = row.bytes()?.try_into().map_err(|_| row.wrong_length())?;
    Ok(RecordKey::KeyIndex(KeyName { kind, tag: KeyTag(tag) }))
}

fn write_range(row: &mut Writer, range: &RecordRange) {
    match range {
        RecordRange::TreeNodes => row.u8(0),
        RecordRange::TreeNodesFrom(node) => {
            row.u8(1);
            row.u32(node.0);
        }
        RecordRange::Proposals => row.u8(2),
        RecordRange::OwnUpdateKeys => row.u8(3),
        RecordRange::PendingCommits => row.u8(4),
        RecordRange::EpochLeaves(epoch) => {
            row.u8(5);
            row.u64(*epoch);
        }
        RecordRange::SecretNodes(epoch) => {
            row.u8(6);
            row.u64(*epoch);
        }
        RecordRange::Ratchets(epoch, kind) => {
            row.u8(7);
            row.u64(*epoch);
            row.u8(kind_number(*kind));
        }
        RecordRange::SkippedKeys(epoch, kind) => {
            row.u8(8);
            row.u64(*epoch);
            row.u8(kind_number(*kind));
        }
        RecordRange::Group => row.u8(9),
    }
}

fn read_range(row: &mut Reader<'_>) -> Result<RecordRange, RowError> {
    Ok(match row.u8()? {
        0 => RecordRange::TreeNodes,
        1 => RecordRange::TreeNodesFrom(NodeIndex(row.u32()?)),
        2 => RecordRange::Proposals,
        3 => RecordRange::OwnUpdateKeys,
        4 => RecordRange::PendingCommits,
        5 => RecordRange::EpochLeaves(row.u64()?),
        6 => RecordRange::SecretNodes(row.u64()?),
        7 => RecordRange::Ratchets(row.u64()?, read_kind(row)?),
        8 => RecordRange::SkippedKeys(row.u64()?, read_kind(row)?),
        9 => RecordRange::Group,
        _ => return Err(row.impossible()),
    })
}

fn kind_number(kind: RatchetKind) -> u8 {
    match kind {
        RatchetKind::Handshake => 0,
        RatchetKind::Application => 1,
    }
}

fn read_kind(row: &mut Reader<'_>) -> Result<RatchetKind, RowError> {
    match row.u8()? {
        0 => Ok(RatchetKind::Handshake),
        1 => Ok(RatchetKind::Application),
        _ => Err(row.impossible()),
    }
}
