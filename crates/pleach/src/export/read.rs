//! Importing: the file is opened while the engine writes, as one batch that fails where the file does.

use super::error::stop;
use super::header::{Accept, Opening};
use super::stream::Opener;
use super::{Content, ExportError, Manifest, belongs, stays};
use crate::instance::{self, STORE};
use crate::keys::Place;
use crate::rollback::{imported_row, restored_key};
use crate::{Clock as _, InstanceId, STORE_FORMAT, SystemClock};
use pleach_group::KeyPackageRecord;
use pleach_storage::{
    Batch, Checked, Guard, Key, KeyBuf, KeyRange, Op, RecordKind, Scope, Storage, StorageError, Value,
};
use std::io::Read;
use zeroize::Zeroize as _;

/// What was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// What the file held.
    pub content: Content,
    /// The store that it was of.
    pub origin: InstanceId,
    /// When it was made, in seconds since 1970.
    pub made: u64,
    /// How many rows were written.
    pub rows: u64,
    /// How many groups came with it. All are [restored](crate::Group::is_restored).
    pub groups: u64,
}

/// Imports a sealed file: a whole store into an empty one, a group into a store that does not have it. One batch: all of it is
/// there afterwards, or nothing. Rows of the group's own that are there without a group give way.
///
/// # Errors
/// Whatever is wrong with the file or the passphrase; [`ExportError::NotEmpty`], [`ExportError::GroupExists`]; those of the
/// store.
pub fn import(
    storage: &dyn Storage,
    with: &Opening<'_>,
    input: &mut dyn Read,
) -> Result<Imported, ExportError> {
    let storage = Checked::new(storage);
    let mut opener = Opener::new(with, input)?;
    let manifest = Manifest::read(&mut opener)?;
    match (with.accept, &manifest.content) {
        (Accept::Any, _) | (Accept::Store, Content::Store) => {}
        (Accept::GroupOf(own), Content::Group { client, .. }) if own == client => {}
        (Accept::GroupOf(_), Content::Group { .. }) => {
            return Err(ExportError::Unexpected("a group of another client"));
        }
        (Accept::GroupOf(_), Content::Store) => return Err(ExportError::Unexpected("a whole store")),
        (Accept::Store, Content::Group { .. }) => return Err(ExportError::Unexpected("one group")),
    }
    let mut last = None;
    let guard = match &manifest.content {
        Content::Store => {
            let mut empty = true;
            // Whatever is there, even if it is not this library's.
            storage.inner().scan(&KeyRange::everything().limit(1), &mut |_| {
                empty = false;
                Ok(())
            })?;
            if !empty {
                return Err(ExportError::NotEmpty);
            }
            last = Some(InstanceId::random(&*with.provider.random)?.row());
            Guard::Absent(STORE.to_buf())
        }
        Content::Group { client, group } => {
            instance::open(&storage, &*with.provider.random)?;
            Guard::Absent(Key::of_group(client, group, RecordKind::Head, &[]).to_buf())
        }
    };
    let mut batch = ImportBatch {
        opener,
        content: &manifest.content,
        guards: [guard],
        now: SystemClock.now(),
        flag: false,
        clear: matches!(manifest.content, Content::Group { .. }),
        last,
        ended: false,
        rows: 0,
        groups: 0,
        key: STORE.to_buf(),
        value: Value::default(),
    };
    match storage.apply(&mut batch) {
        Ok(()) => {}
        Err(error) => {
            return Err(match (&manifest.content, error) {
                (Content::Group { .. }, StorageError::Conflict { kind: RecordKind::Head }) => {
                    ExportError::GroupExists
                }
                (Content::Store, StorageError::Conflict { kind: RecordKind::Meta }) => ExportError::NotEmpty,
                (_, error) => error.into(),
            });
        }
    }
    let ImportBatch { rows, groups, .. } = batch;
    let Manifest { content, origin, made } = manifest;
    Ok(Imported { content, origin, made, rows, groups })
}

impl Manifest {
    fn read(opener: &mut Opener<'_>) -> Result<Self, ExportError> {
        let found = u32::from_be_bytes(opener.array()?);
        if found > STORE_FORMAT {
            return Err(StorageError::NewerFormat { found, known: STORE_FORMAT }.into());
        }
        let origin = InstanceId(opener.array()?);
        let made = u64::from_be_bytes(opener.array()?);
        let content = match opener.array()? {
            [0] => Content::Store,
            [1] => Content::Group { client: opener.vector()?.to_vec(), group: opener.vector()?.to_vec() },
            _ => return Err(ExportError::Content("what it holds")),
        };
        Ok(Self { content, origin, made })
    }
}

/// The rows of a file as a batch.
struct ImportBatch<'a> {
    opener: Opener<'a>,
    content: &'a Content,
    guards: [Guard; 1],
    now: u64,
    /// The group of the head that was handed out last is still to be marked as restored.
    flag: bool,
    /// What is left of a group without a head is still to be erased.
    clear: bool,
    /// The row that says what the store is, to be handed out last.
    last: Option<Vec<u8>>,
    ended: bool,
    rows: u64,
    groups: u64,
    key: KeyBuf,
    value: Value,
}

impl ImportBatch<'_> {
    /// Reads the next row into `key` and `value`; `false` after the last.
    fn read(&mut self) -> Result<bool, ExportError> {
        self.value.zeroize();
        match self.opener.array()? {
            [0] => {
                let rows = u64::from_be_bytes(self.opener.array()?);
                self.opener.end()?;
                return if rows == self.rows {
                    Ok(false)
                } else {
                    Err(ExportError::Content("the number of rows"))
                };
            }
            [1] => {}
            _ => return Err(ExportError::Content("a record of an unknown kind")),
        }
        let key = self.opener.vector()?;
        self.key = KeyBuf::decode(&key)?;
        self.value = self.opener.vector()?;
        let key = self.key.as_key();
        let wanted = match self.content {
            Content::Store => true,
            Content::Group { client, group } => belongs(&key, client, group),
        };
        if !wanted || stays(&key) {
            return Err(ExportError::Content("a row that does not belong to it"));
        }
        self.rows += 1;
        match (key.scope, key.record) {
            (Scope::Group(_), RecordKind::Head) => {
                self.flag = true;
                self.groups += 1;
            }
            (Scope::Client, RecordKind::KeyPackage) => {
                // It may be used up by now.
                let mut record = KeyPackageRecord::from_row(&self.value)?;
                record.imported = true;
                self.value = record.to_row();
            }
            _ => {}
        }
        Ok(true)
    }
}

impl Batch for ImportBatch<'_> {
    fn guards(&self) -> &[Guard] {
        &self.guards
    }

    fn next(&mut self) -> Result<Option<Op<'_>>, StorageError> {
        if self.clear
            && let Content::Group { client, group } = self.content
        {
            self.clear = false;
            return Ok(Some(Op::EraseRange(Place::new(client, group).whole())));
        }
        if self.flag {
            self.flag = false;
            let key = self.key.as_key();
            let place = Place::new(key.client, key.group().unwrap_or_default());
            let key = restored_key(&place).to_buf();
            self.key = key;
            self.value = Value::new(imported_row(self.now));
        } else if self.ended || !self.read().map_err(stop)? {
            self.ended = true;
            let Some(row) = self.last.take() else { return Ok(None) };
            self.key = STORE.to_buf();
            self.value = Value::new(row);
        }
        Ok(Some(Op::Put { key: self.key.as_key(), value: &self.value }))
    }
}
