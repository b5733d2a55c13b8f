//! The encoding of the rows that are the facade's own: as the group's rows, a row version in 8 bytes, the number of the
//! format in one, then big-endian integers and bytes behind their length.
//!
//! Invariants: reading never panics, and takes nothing but what was written. No secret is in these rows.

use pleach_storage::{RecordKind, StorageError};

/// The format of every row written here.
const FORMAT: u8 = 1;

/// Writes one row.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn new(version: u64) -> Self {
        let mut row = Self(Vec::with_capacity(64));
        row.u64(version).u8(FORMAT);
        row
    }

    pub(crate) fn u8(&mut self, value: u8) -> &mut Self {
        self.raw(&[value])
    }

    pub(crate) fn u32(&mut self, value: u32) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    pub(crate) fn u64(&mut self, value: u64) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

/// Reads one row of a kind.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    kind: RecordKind,
}

impl<'a> Reader<'a> {
    /// Checks the format, and returns the row version with the reader of the rest.
    pub(crate) fn new(row: &'a [u8], kind: RecordKind) -> Result<(u64, Self), StorageError> {
        let mut reader = Self { rest: row, kind };
        let version = reader.u64()?;
        match reader.u8()? {
            FORMAT => Ok((version, reader)),
            found if found > FORMAT => Err(StorageError::NewerRow { kind, found, known: FORMAT }),
            _ => Err(reader.impossible()),
        }
    }

    pub(crate) fn u8(&mut self) -> Result<u8, StorageError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, StorageError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, StorageError> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], StorageError> {
        let (head, tail) = self.rest.split_first_chunk::<N>().ok_or_else(|| self.wrong_length())?;
        self.rest = tail;
        Ok(*head)
    }

    pub(crate) fn end(self) -> Result<(), StorageError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.wrong_length()) }
    }

    pub(crate) const fn impossible(&self) -> StorageError {
        StorageError::corrupt(self.kind, "a row holds an impossible value")
    }

    const fn wrong_length(&self) -> StorageError {
        StorageError::corrupt(self.kind, "a row has the wrong length")
    }
}
