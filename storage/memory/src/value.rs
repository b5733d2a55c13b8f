//! A value as it is kept: its octets, zeroized when dropped.

use zeroize::Zeroize;

/// A value of exactly its size. Zeroized as one slice, which is many times faster than octet for octet, as
/// [`Zeroizing`](zeroize::Zeroizing) does it for vectors.
#[derive(Clone)]
pub(crate) struct Kept(Box<[u8]>);

impl Kept {
    pub(crate) fn new(value: &[u8]) -> Self {
        Self(value.into())
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        (*self.0).zeroize();
    }
}
