//! [`Secret`]: bytes that must not leak (R278). Short ones (every key and secret of RFC 9420's suites) live inline.

use alloc::vec::Vec;
use core::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

const INLINE: usize = 66;

/// Secret bytes: zeroized on drop, compared in constant time, redacted in `Debug`.
pub struct Secret(Repr);

enum Repr {
    Inline { len: u8, bytes: [u8; INLINE] },
    Heap(Vec<u8>),
}

impl Secret {
    /// Copies the bytes; the caller still owns, and should zeroize, the original.
    #[must_use]
    pub fn copy_from(bytes: &[u8]) -> Self {
        Self::from_fn(bytes.len(), |out| out.copy_from_slice(bytes))
    }

    /// `len` zero bytes, as RFC 9420 §8 wants where a commit secret or PSK secret is absent.
    #[must_use]
    pub fn zero(len: usize) -> Self {
        Self::from_fn(len, |_| ())
    }

    /// Makes `len` zero bytes and lets `fill` write them in place, so that no copy is left behind.
    #[must_use]
    pub fn from_fn(len: usize, fill: impl FnOnce(&mut [u8])) -> Self {
        let mut secret = if len <= INLINE {
            Self(Repr::Inline { len: len as u8, bytes: [0; INLINE] })
        } else {
            Self(Repr::Heap(alloc::vec![0; len]))
        };
        fill(secret.as_mut_bytes());
        secret
    }

    /// As [`Secret::from_fn`], for a `fill` that can fail.
    ///
    /// # Errors
    /// What `fill` returns; the bytes written so far are zeroized.
    pub fn try_from_fn<E>(len: usize, fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut secret = Self::zero(len);
        fill(secret.as_mut_bytes())?;
        Ok(secret)
    }

    /// The bytes. Whoever copies them owns the copy's fate.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => bytes.split_at(usize::from(*len)).0,
            Repr::Heap(bytes) => bytes,
        }
    }

    /// The bytes, to be written in place.
    pub fn as_mut_bytes(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Repr::Inline { len, bytes } => bytes.split_at_mut(usize::from(*len)).0,
            Repr::Heap(bytes) => bytes,
        }
    }

    /// The number of bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        match &mut self.0 {
            // A slice is zeroized at once, an array or a vector octet for octet.
            Repr::Inline { bytes, .. } => bytes.as_mut_slice().zeroize(),
            Repr::Heap(bytes) => {
                bytes.as_mut_slice().zeroize();
                bytes.spare_capacity_mut().zeroize();
            }
        }
    }
}

impl Clone for Secret {
    fn clone(&self) -> Self {
        Self::copy_from(self.as_bytes())
    }
}

impl ConstantTimeEq for Secret {
    fn ct_eq(&self, other: &Self) -> subtle::Choice {
        self.as_bytes().ct_eq(other.as_bytes())
    }
}

impl PartialEq for Secret {
    /// Constant time for equal lengths.
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for Secret {}

impl From<Vec<u8>> for Secret {
    /// Takes the vector over; it is zeroized, not copied and forgotten.
    fn from(mut bytes: Vec<u8>) -> Self {
        if bytes.len() <= INLINE {
            let secret = Self::copy_from(&bytes);
            bytes.as_mut_slice().zeroize();
            bytes.spare_capacity_mut().zeroize();
            secret
        } else {
            Self(Repr::Heap(bytes))
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, vec};

    // breaks: R278
    #[test]
    fn debug_shows_no_byte_inline_or_on_the_heap() {
        for len in [0, 32, 66, 67, 500] {
            let secret = Secret::from(vec![0xAB; len]);
            assert_eq!(format!("{secret:?}"), format!("Secret({len} bytes)"));
            assert_eq!(secret.as_bytes(), vec![0xAB; len]);
            assert_eq!(secret, secret.clone());
        }
    }

    #[test]
    fn equality_is_of_bytes_and_length() {
        assert_ne!(Secret::zero(32), Secret::zero(33));
        assert_ne!(Secret::copy_from(b"a"), Secret::copy_from(b"b"));
        assert_eq!(Secret::copy_from(b"a"), Secret::copy_from(b"a"));
    }
}
