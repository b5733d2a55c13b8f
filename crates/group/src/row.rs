//! The encoding of a row's value: big-endian integers and length-prefixed bytes, behind a row version and a format number.
//!
//! Every value begins with an 8-byte row version (what a storage guard compares) and one byte naming its format. Buffers
//! are zeroized: most rows hold secrets. Reading never panics; a short or unknown row is a [`RowError`].

use crate::RowKind;
use alloc::vec::Vec;
use pleach_crypto::{AeadId, KdfId, KemId, SignatureScheme, SuiteAlgorithms};
use zeroize::Zeroizing;

/// A stored row that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stored {row:?} row {problem}")]
#[non_exhaustive]
pub struct RowError {
    /// Which row.
    pub row: RowKind,
    /// What is wrong with it.
    pub problem: RowProblem,
}

/// What is wrong with a stored row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowProblem {
    /// It ends too early, or has bytes left over.
    #[error("has the wrong length")]
    Length,
    /// A later version of this library wrote it.
    #[error("has format {found}, formats up to {known} are known")]
    Newer {
        /// The format of the row.
        found: u8,
        /// The newest format that this version knows.
        known: u8,
    },
    /// A field holds a value that is never written.
    #[error("holds an impossible value")]
    Value,
    /// It is not there, though another row says so.
    #[error("is missing")]
    Missing,
}

impl RowError {
    /// The row is not there, though another row says so.
    #[must_use]
    pub const fn missing(row: RowKind) -> Self {
        Self { row, problem: RowProblem::Missing }
    }

    /// A field holds a value that is never written.
    pub(crate) const fn impossible(row: RowKind) -> Self {
        Self { row, problem: RowProblem::Value }
    }

    /// What the key schedule says of the secrets within a row.
    pub(crate) const fn of_secrets(row: RowKind, error: &pleach_key_schedule::RowError) -> Self {
        use pleach_key_schedule::RowError as Inner;
        Self {
            row,
            problem: match error {
                Inner::Version(found) => {
                    unknown(*found, if matches!(row, RowKind::SecretNode) { SECRET_NODES } else { SECRETS })
                }
                Inner::Length => RowProblem::Length,
                _ => RowProblem::Value,
            },
        }
    }
}

/// The newest version of what the key schedule writes into rows.
const SECRETS: u8 = pleach_key_schedule::ROW_VERSION;
const SECRET_NODES: u8 = pleach_key_schedule::NODE_ROW_VERSION;

/// Formats count from 1: what is not later is damage.
const fn unknown(found: u8, known: u8) -> RowProblem {
    if found > known { RowProblem::Newer { found, known } } else { RowProblem::Value }
}

/// Writes one row.
pub(crate) struct Writer(Zeroizing<Vec<u8>>);

impl Writer {
    pub(crate) fn new(version: u64, format: u8) -> Self {
        let mut out = Self(Zeroizing::new(Vec::with_capacity(128)));
        out.u64(version);
        out.u8(format);
        out
    }

    /// A row of an index: without a version, since nothing guards it.
    pub(crate) fn index(format: u8) -> Self {
        let mut out = Self(Zeroizing::new(Vec::with_capacity(8)));
        out.u8(format);
        out
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.reserve(1);
        self.0.push(value);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.raw(&value.to_be_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.raw(&value.to_be_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.raw(&value.to_be_bytes());
    }

    /// What a suite's number stands for.
    pub(crate) fn algorithms(&mut self, algorithms: SuiteAlgorithms) {
        let SuiteAlgorithms { kem, kdf, aead, signature } = algorithms;
        for number in [kem.0, kdf.0, aead.0, signature.0] {
            self.u16(number);
        }
    }

    /// A length of four bytes, then the bytes. Nothing in the protocol reaches 2^30 bytes.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.raw(bytes);
    }

    pub(crate) fn optional(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            None => self.u8(0),
            Some(bytes) => {
                self.u8(1);
                self.bytes(bytes);
            }
        }
    }

    pub(crate) fn finish(self) -> Zeroizing<Vec<u8>> {
        self.0
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// Growing a `Vec` would leave the old bytes behind unerased, so growth copies into a fresh one that is.
    fn reserve(&mut self, more: usize) {
        if self.0.capacity() - self.0.len() < more {
            let mut grown = Zeroizing::new(Vec::with_capacity((self.0.len() + more) * 2));
            grown.extend_from_slice(&self.0);
            self.0 = grown;
        }
    }
}

/// Reads one row.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    row: RowKind,
}

impl<'a> Reader<'a> {
    /// Checks the format and returns the row version with the reader of the rest.
    pub(crate) fn new(kind: RowKind, row: &'a [u8], format: u8) -> Result<(u64, Self), RowError> {
        let mut reader = Self { rest: row, row: kind };
        let version = reader.u64()?;
        reader.format(format)?;
        Ok((version, reader))
    }

    /// A row of an index.
    pub(crate) fn index(kind: RowKind, row: &'a [u8], format: u8) -> Result<Self, RowError> {
        let mut reader = Self { rest: row, row: kind };
        reader.format(format)?;
        Ok(reader)
    }

    fn format(&mut self, known: u8) -> Result<(), RowError> {
        match self.u8()? {
            found if found == known => Ok(()),
            found => Err(self.error(unknown(found, known))),
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// A field holds a value that is never written.
    pub(crate) const fn impossible(&self) -> RowError {
        self.error(RowProblem::Value)
    }

    pub(crate) const fn wrong_length(&self) -> RowError {
        self.error(RowProblem::Length)
    }

    const fn error(&self, problem: RowProblem) -> RowError {
        RowError { row: self.row, problem }
    }

    pub(crate) fn u8(&mut self) -> Result<u8, RowError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, RowError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn algorithms(&mut self) -> Result<SuiteAlgorithms, RowError> {
        let (kem, kdf) = (KemId(self.u16()?), KdfId(self.u16()?));
        let (aead, signature) = (AeadId(self.u16()?), SignatureScheme(self.u16()?));
        Ok(SuiteAlgorithms { kem, kdf, aead, signature })
    }

    pub(crate) fn u32(&mut self) -> Result<u32, RowError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, RowError> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], RowError> {
        let len = self.u32()? as usize;
        let (head, tail) = self.rest.split_at_checked(len).ok_or(self.wrong_length())?;
        self.rest = tail;
        Ok(head)
    }

    pub(crate) fn optional(&mut self) -> Result<Option<&'a [u8]>, RowError> {
        match self.u8()? {
            0 => Ok(None),
            1 => self.bytes().map(Some),
            _ => Err(self.impossible()),
        }
    }

    /// A count that the rest of the row can hold, at `least` bytes an element.
    pub(crate) fn count(&mut self, least: usize) -> Result<usize, RowError> {
        let count = self.u32()? as usize;
        if count.saturating_mul(least) > self.rest.len() { Err(self.wrong_length()) } else { Ok(count) }
    }

    pub(crate) fn end(self) -> Result<(), RowError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.wrong_length()) }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RowError> {
        let (head, tail) = self.rest.split_first_chunk::<N>().ok_or(self.wrong_length())?;
        self.rest = tail;
        Ok(*head)
    }
}
