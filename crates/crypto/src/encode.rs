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
    match u32::try_from(len).map_err(|_| CryptoError::WrongLength)? {
        len @ 0..0x40 => out.push(len as u8),
        len @ 0x40..0x4000 => out.extend_from_slice(&(len as u16 | 0x4000).to_be_bytes()),
        len @ 0x4000..0x4000_0000 => out.extend_from_slice(&(len | 0x8000_0000).to_be_bytes()),
        _ => return Err(CryptoError::WrongLength),
    }
    Ok(())
}
