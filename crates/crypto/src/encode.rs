//! The one piece of encoding this floor needs: the `opaque<V>` of the labelled structures (RFC 9420 §2.1.2).

use crate::CryptoError;
use alloc::vec::Vec;

/// Appends `bytes` as an `opaque<V>`: a length of one, two or four bytes, the shortest that fits, then the bytes (R002).
///
/// # Errors
/// [`CryptoError::WrongLength`] from 2^30 bytes on.
pub fn write_vector(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), CryptoError> {
    write_length(out, bytes.len())?;
    out.extend_from_slice(bytes);
    Ok(())
}

/// Appends the length header alone, for bytes that follow as a part of their own.
pub(crate) fn write_length(out: &mut Vec<u8>, len: usize) -> Result<(), CryptoError> {
    out.extend_from_slice(LengthHeader::new(len)?.as_bytes());
    Ok(())
}

/// A length header by itself, without a heap.
pub(crate) struct LengthHeader {
    bytes: [u8; 4],
    unused: usize,
}

impl LengthHeader {
    pub(crate) fn new(len: usize) -> Result<Self, CryptoError> {
        let (header, unused) = match u32::try_from(len).map_err(|_| CryptoError::WrongLength)? {
            len @ 0..0x40 => (len, 3),
            len @ 0x40..0x4000 => (len | 0x4000, 2),
            len @ 0x4000..0x4000_0000 => (len | 0x8000_0000, 0),
            _ => return Err(CryptoError::WrongLength),
        };
        Ok(Self { bytes: header.to_be_bytes(), unused })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(self.unused..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // breaks: R002
    #[test]
    fn lengths_are_the_shortest_that_fit() {
        let cases: [(usize, &[u8]); 8] = [
            (0, &[0]),
            (0x3F, &[0x3F]),
            (0x40, &[0x40, 0x40]),
            (0x3FFF, &[0x7F, 0xFF]),
            (0x4000, &[0x80, 0, 0x40, 0]),
            (0x0102_0304, &[0x81, 2, 3, 4]),
            (0x3FFF_FFFE, &[0xBF, 0xFF, 0xFF, 0xFE]),
            (0x3FFF_FFFF, &[0xBF, 0xFF, 0xFF, 0xFF]),
        ];
        for (len, expected) in cases {
            let mut out = Vec::new();
            write_length(&mut out, len).unwrap();
            assert_eq!(out, expected);
        }
        for len in [0x4000_0000, 0xFFFF_FFFF, usize::MAX] {
            let mut out = Vec::new();
            assert_eq!(write_length(&mut out, len), Err(CryptoError::WrongLength));
            assert_eq!(out, []);
        }
    }

    #[test]
    fn a_vector_is_its_length_and_its_bytes() {
        let mut out = alloc::vec![9];
        write_vector(&mut out, b"abc").unwrap();
        assert_eq!(out, [9, 3, b'a', b'b', b'c']);
    }
}
