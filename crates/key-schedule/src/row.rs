//! The rows in which secrets are persisted: a version octet, big-endian integers, byte strings after a `u16` length.
//!
//! Writing goes into a [`Secret`] that is sized beforehand, so no copy of a secret is left in freed memory. The lengths
//! are those of KDF outputs, which `ExpandWithLabel` bounds to 65,535 (RFC 9420 §8): 16 bits lose nothing.

use crate::RowError;
use alloc::vec::Vec;
use pleach_crypto::Secret;

/// The version octet of every row that this crate writes, but for some of nodes of the secret tree.
pub const ROW_VERSION: u8 = 1;
/// The version octet of the row of a node of the secret tree whose own secret was used.
pub const NODE_ROW_VERSION: u8 = 2;

/// Builds one row. Bytes are zeroized with the [`Secret`] that [`Writer::finish`] returns.
pub(crate) struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// A row of at most `capacity` bytes after the version octet; more would move, and so copy, what was written.
    pub(crate) fn new(version: u8, capacity: usize) -> Self {
        let mut out = Vec::with_capacity(1 + capacity);
        out.push(version);
        Self { out }
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn secret(&mut self, secret: &Secret) {
        self.u16(secret.len() as u16);
        self.out.extend_from_slice(secret.as_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    pub(crate) fn finish(self) -> Secret {
        Secret::from(self.out)
    }
}

/// Bytes that [`Writer::secret`] takes.
pub(crate) fn secret_len(secret: &Secret) -> usize {
    2 + secret.len()
}

/// Reads one row.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Checks the version octet.
    pub(crate) fn new(version: u8, row: &'a [u8]) -> Result<Self, RowError> {
        let mut reader = Self { rest: row };
        match reader.u8()? {
            found if found == version => Ok(reader),
            found => Err(RowError::Version(found)),
        }
    }

    pub(crate) fn u8(&mut self) -> Result<u8, RowError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, RowError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, RowError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn secret(&mut self) -> Result<Secret, RowError> {
        let len = self.u16()?.into();
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(RowError::Length)?;
        self.rest = rest;
        Ok(Secret::copy_from(bytes))
    }

    /// All that is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn finish(self) -> Result<(), RowError> {
        if self.rest.is_empty() { Ok(()) } else { Err(RowError::Length) }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RowError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(RowError::Length)?;
        self.rest = rest;
        Ok(*bytes)
    }
}
