//! Encoding and decoding: the two functions, the [`Encode`] trait, the [`Reader`] and vector lengths (RFC 9420 §2.1).
//!
//! Decoding goes through [`tls_codec::DeserializeBytes`], derived for plain structures. Encoding has a trait of
//! its own, because `tls_codec` without `std` allocates a vector per field: [`Encode::encode_into`] appends to one
//! buffer that [`Encode::encoded_len`] sized. The macro `wire_struct!` writes it, and `tls_codec`'s `Size` and
//! `SerializeBytes` on top of it, from a list of fields in wire order that the compiler checks for completeness.
//!
//! Cost: one pass to decode, two to encode. Nothing here trusts a declared length with memory.

use alloc::vec::Vec;

use pleach_crypto::CipherSuiteId;
use tls_codec::DeserializeBytes;

use crate::error::{DecodeError, EncodeError};

/// The longest vector, in bytes: lengths have 30 bits (RFC 9420 §2.1.2).
pub const MAX_VECTOR_LEN: usize = (1 << 30) - 1;

/// Encodes `value`: the inverse of [`decode`].
///
/// One allocation, of exactly the encoded length.
///
/// # Errors
/// [`EncodeError`] if a vector is too long for RFC 9420, or fields contradict each other.
pub fn encode<T: Encode + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::with_capacity(value.encoded_len());
    value.encode_into(&mut out)?;
    Ok(out)
}

/// Decodes all of `bytes` as one `T`.
///
/// # Errors
/// [`DecodeError`]: whatever is wrong with the bytes, among it anything after the value (R010).
pub fn decode<T: DeserializeBytes>(bytes: &[u8]) -> Result<T, DecodeError> {
    let (value, rest) = T::tls_deserialize_bytes(bytes)?;
    if rest.is_empty() { Ok(value) } else { Err(DecodeError::TrailingData) }
}

/// A value with an encoding (RFC 9420 §2.1). Call [`encode`]; implement this.
pub trait Encode {
    /// The number of bytes that [`encode_into`](Self::encode_into) will append.
    fn encoded_len(&self) -> usize;

    /// Appends the encoding to `out`. On an error, `out` may hold a part of it.
    ///
    /// # Errors
    /// [`EncodeError`] if the value has no encoding.
    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError>;
}

impl<T: Encode + ?Sized> Encode for &T {
    fn encoded_len(&self) -> usize {
        (**self).encoded_len()
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        (**self).encode_into(out)
    }
}

/// `optional<T>` (RFC 9420 §2.1.1).
impl<T: Encode> Encode for Option<T> {
    fn encoded_len(&self) -> usize {
        1 + self.as_ref().map_or(0, Encode::encoded_len)
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            None => {
                out.push(0);
                Ok(())
            }
            Some(value) => {
                out.push(1);
                value.encode_into(out)
            }
        }
    }
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl Encode for $integer {
            fn encoded_len(&self) -> usize {
                size_of::<$integer>()
            }

            fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
                out.extend_from_slice(&self.to_be_bytes());
                Ok(())
            }
        }
    )*};
}
integers!(u8, u16, u32, u64);

impl<const N: usize> Encode for [u8; N] {
    fn encoded_len(&self) -> usize {
        N
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(self);
        Ok(())
    }
}

impl Encode for CipherSuiteId {
    fn encoded_len(&self) -> usize {
        2
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.0.encode_into(out)
    }
}

/// The number of bytes that the length header of a vector of `len` bytes takes: 1, 2 or 4 (RFC 9420 §2.1.2).
#[must_use]
pub const fn encoded_length_len(len: usize) -> usize {
    match len {
        0..0x40 => 1,
        0x40..0x4000 => 2,
        _ => 4,
    }
}

/// Appends the length header of a vector of `len` bytes, in its shortest form (RFC 9420 §2.1.2, R002).
///
/// # Errors
/// [`EncodeError::TooLong`] above [`MAX_VECTOR_LEN`].
pub fn write_length(len: usize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if len > MAX_VECTOR_LEN {
        return Err(EncodeError::TooLong);
    }
    match encoded_length_len(len) {
        1 => out.push(len as u8),
        2 => out.extend_from_slice(&(len as u16 | 0x4000).to_be_bytes()),
        _ => out.extend_from_slice(&(len as u32 | 0x8000_0000).to_be_bytes()),
    }
    Ok(())
}

/// Reads the length header of a vector; returns the length, and what follows the header (RFC 9420 §2.1.2).
///
/// # Errors
/// [`DecodeError::ReservedLengthPrefix`] for the prefix 11 (R004), [`DecodeError::NonMinimalLength`] for a length
/// in more bytes than it needs (R003), [`DecodeError::Truncated`] if the header itself is cut.
pub fn decode_length(bytes: &[u8]) -> Result<(usize, &[u8]), DecodeError> {
    let (&first, _) = bytes.split_first().ok_or(DecodeError::Truncated)?;
    let (length, header, minimum) = match first >> 6 {
        0b00 => return Ok((usize::from(first), bytes.get(1..).unwrap_or_default())),
        0b01 => {
            let header = bytes.first_chunk::<2>().ok_or(DecodeError::Truncated)?;
            (u32::from(u16::from_be_bytes(*header) & 0x3fff), 2, 0x40)
        }
        0b10 => {
            let header = bytes.first_chunk::<4>().ok_or(DecodeError::Truncated)?;
            (u32::from_be_bytes(*header) & 0x3fff_ffff, 4, 0x4000)
        }
        _ => return Err(DecodeError::ReservedLengthPrefix), // R004
    };
    if length < minimum {
        return Err(DecodeError::NonMinimalLength); // R003
    }
    // 30 bits fit any usize that holds a message; on a 16-bit machine this is the distinct error of R005.
    let length = usize::try_from(length).map_err(|_| DecodeError::TooLong)?;
    Ok((length, bytes.get(header..).unwrap_or_default()))
}

/// Appends `opaque<V>` from borrowed bytes (RFC 9420 §2.1.2).
///
/// # Errors
/// [`EncodeError`] if they are longer than a vector may be.
pub fn write_opaque(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), EncodeError> {
    write_length(bytes.len(), out)?;
    out.extend_from_slice(bytes);
    Ok(())
}

/// The encoded length of an `opaque<V>` of `len` bytes.
pub(crate) const fn opaque_len(len: usize) -> usize {
    encoded_length_len(len).saturating_add(len)
}

/// A cursor over bytes being decoded. It never allocates by itself and never reads past the end.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the beginning of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Decodes the next value.
    ///
    /// # Errors
    /// [`DecodeError`] as of the value's decoder; the reader's position is then unspecified.
    pub fn read<T: DeserializeBytes>(&mut self) -> Result<T, DecodeError> {
        let (value, rest) = T::tls_deserialize_bytes(self.rest)?;
        self.rest = rest;
        Ok(value)
    }

    /// Decodes the next `optional<T>` (RFC 9420 §2.1.1).
    ///
    /// # Errors
    /// [`DecodeError::BadPresence`] if the presence octet is neither 0 nor 1 (R001), or as of [`read`](Self::read).
    pub fn read_optional<T: DeserializeBytes>(&mut self) -> Result<Option<T>, DecodeError> {
        match self.read_bytes(1)? {
            [0] => Ok(None),
            [1] => self.read().map(Some),
            _ => Err(DecodeError::BadPresence), // R001
        }
    }

    /// The content of the next `opaque<V>`, borrowed from the input.
    ///
    /// # Errors
    /// [`DecodeError`] as of [`decode_length`]; [`DecodeError::Truncated`] if the input is shorter than declared
    /// (R005, R006).
    pub fn read_opaque(&mut self) -> Result<&'a [u8], DecodeError> {
        let (length, rest) = decode_length(self.rest)?;
        self.rest = rest;
        self.read_bytes(length)
    }

    /// The next `n` bytes, borrowed from the input.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] if there are fewer (R006).
    pub fn read_bytes(&mut self, n: usize) -> Result<&'a [u8], DecodeError> {
        let (bytes, rest) = self.rest.split_at_checked(n).ok_or(DecodeError::Truncated)?; // R006
        self.rest = rest;
        Ok(bytes)
    }

    /// What has not been read yet.
    #[must_use]
    pub const fn remaining(&self) -> &'a [u8] {
        self.rest
    }

    /// Ends reading.
    ///
    /// # Errors
    /// [`DecodeError::TrailingData`] if anything is left (R010).
    pub const fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::TrailingData) }
    }
}

/// `tls_codec`'s `Size` and `SerializeBytes` on top of [`Encode`].
macro_rules! tls_encode {
    ($name:ident $(<$($generic:ident $(: $bound:path)?),+>)?) => {
        impl $(<$($generic: $crate::codec::Encode),+>)? tls_codec::Size for $name $(<$($generic),+>)? {
            fn tls_serialized_len(&self) -> usize {
                $crate::codec::Encode::encoded_len(self)
            }
        }

        impl $(<$($generic: $crate::codec::Encode),+>)? tls_codec::SerializeBytes for $name $(<$($generic),+>)? {
            fn tls_serialize_bytes(&self) -> Result<alloc::vec::Vec<u8>, tls_codec::Error> {
                Ok($crate::codec::encode(self)?)
            }
        }
    };
}

/// [`Encode`] and `tls_codec`'s encoding traits for a struct whose encoding is that of its fields in order.
macro_rules! wire_struct {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::codec::Encode for $name {
            fn encoded_len(&self) -> usize {
                let Self { $($field),* } = self;
                let mut len = 0usize;
                $(len = len.saturating_add($crate::codec::Encode::encoded_len($field));)*
                len
            }

            fn encode_into(&self, out: &mut alloc::vec::Vec<u8>) -> Result<(), $crate::error::EncodeError> {
                let Self { $($field),* } = self;
                $($crate::codec::Encode::encode_into($field, out)?;)*
                Ok(())
            }
        }

        tls_encode!($name);
    };
}

/// `tls_codec`'s decoding trait for a type with `fn read(&mut Reader) -> Result<Self, DecodeError>`.
macro_rules! tls_decode {
    ($name:ident) => {
        impl tls_codec::DeserializeBytes for $name {
            fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), tls_codec::Error> {
                let mut reader = $crate::codec::Reader::new(bytes);
                let value = Self::read(&mut reader)?;
                Ok((value, reader.remaining()))
            }
        }
    };
}

/// `#[tls_codec(with = "..")]` for fields of type [`CipherSuiteId`], which belongs to another crate.
pub(crate) mod cipher_suite {
    use super::{CipherSuiteId, DeserializeBytes};

    pub(crate) fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(CipherSuiteId, &[u8]), tls_codec::Error> {
        let (id, rest) = u16::tls_deserialize_bytes(bytes)?;
        Ok((CipherSuiteId(id), rest))
    }
}

/// `#[tls_codec(with = "..")]` for `optional<T>`: `tls_codec`'s own has no error for a bad presence octet.
pub(crate) mod optional {
    use super::{DeserializeBytes, Reader};

    pub(crate) fn tls_deserialize_bytes<T: DeserializeBytes>(
        bytes: &[u8],
    ) -> Result<(Option<T>, &[u8]), tls_codec::Error> {
        let mut reader = Reader::new(bytes);
        let value = reader.read_optional()?;
        Ok((value, reader.remaining()))
    }
}
