//! The last few marks of a group, as its row keeps them.
//!
//! | row | value |
//! |---|---|
//! | Meta, of the group, `rollback` | version: the newest mark's number; format 1; a count (1 byte); so many marks of 16 bytes, the newest first |

use super::RollbackMark;
use crate::Error;
use crate::keys::Place;
use crate::row::{Reader, Writer};
use pleach_crypto::SecureRandom;
use pleach_storage::{Key, RecordKind, StorageError};

/// How many marks are kept: as many handles can be between batch and guard at once, or be killed there, before a group is
/// held for restored.
const KEPT: usize = 32;

/// Where marks are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// In the row of the group.
    Group,
    /// In the tombstone of a group that was deleted.
    Tombstone,
}

/// The newest mark and those before it, newest first. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct History {
    newest: RollbackMark,
    earlier: Vec<RollbackMark>,
}

impl History {
    /// The mark before there is a group.
    pub(super) fn first(random: &dyn SecureRandom) -> Result<RollbackMark, Error> {
        Ok(RollbackMark { count: 0, tag: tag(random)? })
    }

    pub(crate) const fn of(mark: RollbackMark) -> Self {
        Self { newest: mark, earlier: Vec::new() }
    }

    pub(super) fn key<'a>(place: &Place<'a>) -> Key<'a> {
        Key::of_group(place.client, place.group, RecordKind::Meta, b"rollback")
    }

    pub(crate) const fn newest(&self) -> RollbackMark {
        self.newest
    }

    pub(crate) fn contains(&self, mark: RollbackMark) -> bool {
        self.newest == mark || self.earlier.contains(&mark)
    }

    /// One step on, to a number above this one, too.
    pub(super) fn next(mut self, above: u64, random: &dyn SecureRandom) -> Result<Self, Error> {
        let count = self.newest.count.max(above).saturating_add(1);
        let mark = RollbackMark { count, tag: tag(random)? };
        self.earlier.insert(0, self.newest);
        self.earlier.truncate(KEPT - 1);
        Ok(Self { newest: mark, earlier: self.earlier })
    }

    pub(crate) fn to_row(&self) -> Vec<u8> {
        let mut row = Writer::new(self.newest.count);
        self.write(&mut row);
        row.finish()
    }

    pub(crate) fn from_row(row: &[u8]) -> Result<Self, StorageError> {
        let (version, mut reader) = Reader::new(row, RecordKind::Meta)?;
        let history = Self::read(&mut reader)?;
        if history.as_ref().map(|history| history.newest.count) != Some(version) {
            return Err(reader.impossible());
        }
        reader.end()?;
        history.ok_or(StorageError::corrupt(RecordKind::Meta, "a row has no mark"))
    }

    /// As part of a row.
    pub(crate) fn write(&self, row: &mut Writer) {
        row.u8(u8::try_from(self.earlier.len() + 1).unwrap_or(u8::MAX)).raw(&self.newest.to_bytes());
        for mark in &self.earlier {
            row.raw(&mark.to_bytes());
        }
    }

    /// From a part of a row; `None` for no marks.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Option<Self>, StorageError> {
        let mut marks = Vec::new();
        let count = usize::from(reader.u8()?);
        if count > KEPT {
            return Err(reader.impossible());
        }
        for _ in 0..count {
            marks.push(RollbackMark::from_bytes(reader.array()?));
        }
        Ok(marks.split_first().map(|(newest, earlier)| Self { newest: *newest, earlier: earlier.to_vec() }))
    }
}

fn tag(random: &dyn SecureRandom) -> Result<[u8; 8], Error> {
    let mut tag = [0; 8];
    random.fill(&mut tag)?;
    Ok(tag)
}
