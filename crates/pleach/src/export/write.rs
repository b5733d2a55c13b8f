//! Exporting: one scan, so that the file holds the rows as they were at one moment.

use super::error::stop;
use super::header::Sealing;
use super::stream::Sealer;
use super::{Content, ExportError, Manifest, belongs, stays};
use crate::{Clock as _, InstanceId, STORE_FORMAT, SystemClock, instance};
use pleach_storage::{Checked, Key, KeyRange, RecordKind, Storage};
use std::io::Write;

/// What was exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exported {
    /// How many rows.
    pub rows: u64,
    /// How many groups.
    pub groups: u64,
}

/// Writes all rows of a store to a sealed file. The store is the one that clients are built with.
///
/// # Errors
/// Those of the store, the file and the randomness; [`ExportError::Cost`] for a cost that Argon2 does not
/// have, or below [`PassphraseCost::FLOOR`](super::PassphraseCost::FLOOR); [`ExportError::TooShort`].
pub fn export_store(
    storage: &dyn Storage,
    with: &Sealing<'_>,
    out: &mut dyn Write,
) -> Result<Exported, ExportError> {
    let storage = Checked::new(storage);
    let origin = instance::open(&storage, &*with.provider.random)?;
    write(&storage, &Content::Store, origin, KeyRange::everything(), with, out)
}

/// Writes the rows of one group of one client to a sealed file: the group's own, those of the application among them, and its
/// resumption PSKs. O(rows of the client).
///
/// # Errors
/// As of [`export_store`]; [`ExportError::NoSuchGroup`].
pub fn export_group(
    storage: &dyn Storage,
    client: &[u8],
    group: &[u8],
    with: &Sealing<'_>,
    out: &mut dyn Write,
) -> Result<Exported, ExportError> {
    let storage = Checked::new(storage);
    let origin = instance::open(&storage, &*with.provider.random)?;
    if storage.get(&Key::of_group(client, group, RecordKind::Head, &[]))?.is_none() {
        return Err(ExportError::NoSuchGroup);
    }
    let content = Content::Group { client: client.to_vec(), group: group.to_vec() };
    write(&storage, &content, origin, KeyRange::client(client), with, out)
}

fn write(
    storage: &dyn Storage,
    content: &Content,
    origin: InstanceId,
    range: KeyRange<'_>,
    with: &Sealing<'_>,
    out: &mut dyn Write,
) -> Result<Exported, ExportError> {
    let (header, key) = with.begin()?;
    let mut sealer = Sealer::new(&header, key, out)?;
    Manifest { content: content.clone(), origin, made: SystemClock.now() }.write(&mut sealer)?;
    let mut exported = Exported { rows: 0, groups: 0 };
    let mut encoded = Vec::new();
    storage.scan(&range, &mut |row| {
        let wanted = match content {
            Content::Store => true,
            Content::Group { client, group } => belongs(&row.key, client, group),
        };
        if !wanted || stays(&row.key) {
            return Ok(());
        }
        encoded.clear();
        row.key.encode(&mut encoded);
        let mut record = || {
            sealer.write(&[1])?;
            sealer.write_vector(&encoded)?;
            sealer.write_vector(row.value)
        };
        record().map_err(stop)?;
        exported.rows += 1;
        exported.groups += u64::from(row.key.record == RecordKind::Head);
        Ok(())
    })?;
    sealer.write(&[0])?;
    sealer.write(&exported.rows.to_be_bytes())?;
    sealer.finish()?;
    Ok(exported)
}

impl Manifest {
    fn write(&self, sealer: &mut Sealer<'_>) -> Result<(), ExportError> {
        let Self { content, origin, made } = self;
        sealer.write(&STORE_FORMAT.to_be_bytes())?;
        sealer.write(&origin.0)?;
        sealer.write(&made.to_be_bytes())?;
        match content {
            Content::Store => sealer.write(&[0]),
            Content::Group { client, group } => {
                sealer.write(&[1])?;
                sealer.write_vector(client)?;
                sealer.write_vector(group)
            }
        }
    }
}
