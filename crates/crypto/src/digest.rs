//! A hash or MAC value, inline. Public bytes: not zeroized. `ct_eq` for the values that are secret-dependent.

use core::fmt;
use subtle::ConstantTimeEq;

/// The output of a [`Hash`](crate::Hash): at most 64 bytes, without heap.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    len: u8,
    bytes: [u8; 64],
}

impl Digest {
    /// The longest digest that fits, in bytes.
    pub const MAX: usize = 64;

    /// Takes the digest's bytes; `None` if there are more than [`Digest::MAX`].
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut out = [0; Self::MAX];
        out.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self { len: u8::try_from(bytes.len()).ok()?, bytes: out })
    }

    /// Fills a digest of `len` bytes (cut to [`Digest::MAX`]).
    #[must_use]
    pub fn from_fn(len: usize, fill: impl FnOnce(&mut [u8])) -> Self {
        let len = len.min(Self::MAX);
        let mut bytes = [0; Self::MAX];
        let (used, _) = bytes.split_at_mut(len);
        fill(used);
        Self { len: len as u8, bytes }
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.split_at(usize::from(self.len)).0
    }

    /// Compares in constant time for equal lengths: for MACs.
    #[must_use]
    pub fn ct_eq(&self, other: &[u8]) -> bool {
        self.as_bytes().ct_eq(other).into()
    }
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.as_bytes() {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_to_64_bytes_fit() {
        for len in 0..=64 {
            let bytes = [7; 64].split_at(len).0.to_vec();
            let digest = Digest::new(&bytes).unwrap();
            assert_eq!(digest.as_bytes(), bytes);
            assert_eq!(digest, Digest::from_fn(len, |out| out.fill(7)));
            assert!(digest.ct_eq(&bytes));
        }
        assert_eq!(Digest::new(&[7; 65]), None);
    }

    #[test]
    fn equality_is_of_bytes_and_length() {
        let digest = Digest::from_fn(32, |_| ());
        assert_ne!(digest, Digest::from_fn(48, |_| ()));
        assert!(!digest.ct_eq(&[0; 31]) && !digest.ct_eq(&[0; 33]) && !digest.ct_eq(&[1; 32]));
        assert_eq!(alloc::format!("{:?}", Digest::from_fn(2, |out| out[0] = 0xAB)), "ab00");
    }
}
