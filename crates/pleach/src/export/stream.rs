//! The body of a file: plaintext in chunks of 64 KiB, each sealed by itself, so that neither side needs more memory than that.
//!
//! The nonce of a chunk is zeros, then its number in 4 bytes, then 1 for the last and 0 for all others (the STREAM
//! construction of Hoang, Reyhanitabar, Rogaway and Vizár, CRYPTO 2015): chunks cannot be reordered, repeated, left out or
//! cut off unnoticed. The key is derived with a fresh salt, so no nonce is used twice under it. The associated data is the
//! header.
//!
//! Every chunk but the last is full; the last has at least one byte, since the plaintext is never empty.

use super::ExportError;
use super::header::{Header, LENGTH, Opening, Sealed};
use std::io::{Read, Write};
use zeroize::{Zeroize, Zeroizing};

/// The plaintext of a chunk that is not the last.
const CHUNK: usize = 1 << 16;

/// Header, key and the number of the next chunk.
struct Chunks {
    header: Vec<u8>,
    sealed: Sealed,
    next: u32,
}

impl Chunks {
    /// The nonce of the next chunk.
    fn nonce(&mut self, last: bool) -> Result<Vec<u8>, ExportError> {
        let number = self.next;
        self.next = number.checked_add(1).ok_or(ExportError::Content("more chunks than can be numbered"))?;
        let zeros = self.sealed.aead.nonce_len().saturating_sub(5);
        Ok([&vec![0; zeros][..], &number.to_be_bytes(), &[u8::from(last)]].concat())
    }
}

/// Seals what is written to it.
pub(super) struct Sealer<'a> {
    chunks: Chunks,
    out: &'a mut dyn Write,
    /// Kept until more comes: it may be the last.
    plain: Zeroizing<Vec<u8>>,
}

impl<'a> Sealer<'a> {
    /// Writes the header.
    pub(super) fn new(header: &Header, sealed: Sealed, out: &'a mut dyn Write) -> Result<Self, ExportError> {
        let header = header.to_bytes();
        out.write_all(&header)?;
        // With room for the tag: growing would leave plaintext behind.
        let plain = Zeroizing::new(Vec::with_capacity(CHUNK + sealed.aead.tag_len()));
        Ok(Self { chunks: Chunks { header, sealed, next: 0 }, out, plain })
    }

    pub(super) fn write(&mut self, mut bytes: &[u8]) -> Result<(), ExportError> {
        while !bytes.is_empty() {
            if self.plain.len() == CHUNK {
                self.seal(false)?;
            }
            let (now, later) = bytes.split_at(bytes.len().min(CHUNK - self.plain.len()));
            self.plain.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// A length in 4 bytes, then the bytes.
    pub(super) fn write_vector(&mut self, bytes: &[u8]) -> Result<(), ExportError> {
        let length = u32::try_from(bytes.len()).map_err(|_| ExportError::Content("a row of 4 GiB"))?;
        self.write(&length.to_be_bytes())?;
        self.write(bytes)
    }

    /// Seals the last chunk.
    pub(super) fn finish(mut self) -> Result<(), ExportError> {
        self.seal(true)?;
        Ok(self.out.flush()?)
    }

    fn seal(&mut self, last: bool) -> Result<(), ExportError> {
        let nonce = self.chunks.nonce(last)?;
        let Chunks { header, sealed, .. } = &self.chunks;
        sealed.aead.seal(&sealed.key, &nonce, header, &mut self.plain)?;
        self.out.write_all(&self.plain)?;
        self.plain.zeroize();
        Ok(())
    }
}

/// Opens what is read from it.
pub(super) struct Opener<'a> {
    chunks: Chunks,
    input: &'a mut dyn Read,
    /// The sealed bytes that were read beyond the chunk: one, if there is another chunk.
    ahead: Vec<u8>,
    plain: Zeroizing<Vec<u8>>,
    at: usize,
    last: bool,
}

impl<'a> Opener<'a> {
    /// Reads the header and the first chunk.
    pub(super) fn new(with: &Opening<'_>, input: &'a mut dyn Read) -> Result<Self, ExportError> {
        let mut header = Vec::with_capacity(LENGTH);
        Read::take(&mut *input, LENGTH as u64).read_to_end(&mut header)?;
        let sealed = with.key(&Header::from_bytes(&header)?)?;
        let chunks = Chunks { header, sealed, next: 0 };
        let mut opener =
            Self { chunks, input, ahead: Vec::new(), plain: Zeroizing::default(), at: 0, last: false };
        opener.open().map_err(|error| match error {
            ExportError::Altered => ExportError::Passphrase,
            other => other,
        })?;
        Ok(opener)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], ExportError> {
        let bytes = self.bytes(N)?;
        bytes.as_slice().try_into().map_err(|_| ExportError::Altered)
    }

    /// A length in 4 bytes, then the bytes. What is allocated is bounded by what is there.
    pub(super) fn vector(&mut self) -> Result<Zeroizing<Vec<u8>>, ExportError> {
        let length = u32::from_be_bytes(self.array()?);
        self.bytes(length as usize)
    }

    /// Checks that nothing is left over.
    pub(super) fn end(&self) -> Result<(), ExportError> {
        if self.last && self.at == self.plain.len() { Ok(()) } else { Err(ExportError::Altered) }
    }

    fn bytes(&mut self, length: usize) -> Result<Zeroizing<Vec<u8>>, ExportError> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(length.min(CHUNK)));
        while bytes.len() < length {
            if self.at == self.plain.len() {
                if self.last {
                    return Err(ExportError::Content("a record that is cut short"));
                }
                self.open()?;
            }
            let rest = self.plain.get(self.at..).unwrap_or_default();
            let now = rest.get(..rest.len().min(length - bytes.len())).unwrap_or_default();
            if bytes.capacity() - bytes.len() < now.len() {
                // Growing would leave the old bytes behind.
                let room = (bytes.len() + now.len()).saturating_mul(2).min(length);
                let mut grown = Zeroizing::new(Vec::with_capacity(room));
                grown.extend_from_slice(&bytes);
                bytes = grown;
            }
            bytes.extend_from_slice(now);
            self.at += now.len();
        }
        Ok(bytes)
    }

    /// Opens the next chunk.
    fn open(&mut self) -> Result<(), ExportError> {
        let full = CHUNK + self.chunks.sealed.aead.tag_len();
        let mut chunk = Zeroizing::new(Vec::with_capacity(full + 1));
        chunk.append(&mut self.ahead);
        let more = (full + 1).saturating_sub(chunk.len());
        Read::take(&mut *self.input, more as u64).read_to_end(&mut chunk)?;
        self.last = chunk.len() <= full;
        if let Some(byte) = chunk.get(full) {
            self.ahead.push(*byte);
            chunk.truncate(full);
        }
        let nonce = self.chunks.nonce(self.last)?;
        let Chunks { header, sealed, .. } = &self.chunks;
        sealed.aead.open(&sealed.key, &nonce, header, &mut chunk).map_err(|_| ExportError::Altered)?;
        if chunk.is_empty() {
            return Err(ExportError::Altered);
        }
        self.plain = chunk;
        self.at = 0;
        Ok(())
    }
}
