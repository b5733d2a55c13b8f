//! Variable-size vectors: [`Opaque`] is `opaque<V>`, [`List`] is `T<V>` (RFC 9420 §2.1.2).
//!
//! Both are immutable boxed slices (two words, no spare capacity) and build from a `Vec`. A declared length is
//! compared with the input before anything is allocated, so memory is at most a constant times the input;
//! a list ends exactly with its vector. Lengths are checked when encoding, not when building.
//!
//! The opaque types that the RFC names are newtypes over the same thing, so that they are not mixed up.

use alloc::{boxed::Box, vec::Vec};
use core::{fmt, ops::Deref};

use tls_codec::DeserializeBytes;

use crate::{
    codec::{Encode, Reader, opaque_len, write_length, write_opaque},
    error::{DecodeError, EncodeError},
};

/// Bytes as hexadecimal, for `Debug`.
struct Hex<'a>(&'a [u8]);

impl fmt::Debug for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

macro_rules! opaque {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<[u8]>);

        impl $name {
            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// The bytes, without copying.
            #[must_use]
            pub fn into_vec(self) -> Vec<u8> {
                self.0.into_vec()
            }
        }

        impl Deref for $name {
            type Target = [u8];

            fn deref(&self) -> &[u8] {
                &self.0
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl core::borrow::Borrow<[u8]> for $name {
            fn borrow(&self) -> &[u8] {
                &self.0
            }
        }

        impl From<Vec<u8>> for $name {
            fn from(bytes: Vec<u8>) -> Self {
                Self(bytes.into_boxed_slice())
            }
        }

        impl From<&[u8]> for $name {
            fn from(bytes: &[u8]) -> Self {
                Self(bytes.into())
            }
        }

        impl<const N: usize> From<&[u8; N]> for $name {
            fn from(bytes: &[u8; N]) -> Self {
                Self(bytes.as_slice().into())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&Hex(&self.0)).finish()
            }
        }

        impl Encode for $name {
            fn encoded_len(&self) -> usize {
                opaque_len(self.0.len())
            }

            fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
                write_opaque(&self.0, out)
            }
        }

        tls_encode!($name);

        impl DeserializeBytes for $name {
            fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), tls_codec::Error> {
                let mut reader = Reader::new(bytes);
                let value = reader.read_opaque()?;
                Ok((Self(value.into()), reader.remaining()))
            }
        }
    };
}

opaque! {
    /// `opaque<V>`: a byte string (RFC 9420 §2.1.2).
    ///
    /// Not for secrets: it prints its bytes and compares in variable time.
    Opaque
}
opaque! {
    /// `HPKEPublicKey`: a KEM public key as it is on the wire; not checked to be one (RFC 9420 §5.1.1).
    HpkePublicKey
}
opaque! {
    /// `SignaturePublicKey`: as it is on the wire; not checked to be one (RFC 9420 §5.1.1).
    SignaturePublicKey
}
opaque! {
    /// `KeyPackageRef`: the hash that names a KeyPackage (RFC 9420 §5.2).
    KeyPackageRef
}
opaque! {
    /// `ProposalRef`: the hash that names a proposal sent by itself (RFC 9420 §5.2).
    ProposalRef
}

/// `T<V>`: a vector of values (RFC 9420 §2.1.2).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct List<T>(Box<[T]>);

impl<T> List<T> {
    /// The elements, without copying.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.0.into_vec()
    }

    /// Decodes a list with `element`, which must advance the reader.
    pub(crate) fn read_with(
        reader: &mut Reader<'_>,
        mut element: impl FnMut(&mut Reader<'_>) -> Result<T, DecodeError>,
    ) -> Result<Self, DecodeError> {
        let mut content = Reader::new(reader.read_opaque()?);
        let mut elements = Vec::new();
        loop {
            let before = content.remaining().len();
            if before == 0 {
                return Ok(Self::from(elements));
            }
            let next = element(&mut content)?; // R006: the element ends within the vector
            let after = content.remaining().len();
            if after >= before {
                // An element of no bytes could repeat for ever; RFC 9420 has none.
                return Err(DecodeError::Malformed);
            }
            if elements.is_empty() {
                // Most are as long as the first. Room is made for all numbers, which are there, and for a few of what is more.
                let more = after.div_ceil(before.saturating_sub(after));
                let is_number = size_of::<T>() <= size_of::<u64>();
                elements.reserve_exact(1 + if is_number { more } else { more.min(ESTIMATED) });
            }
            elements.push(next);
        }
    }
}

/// So many elements are expected at most after a first one that is more than a number.
const ESTIMATED: usize = 63;

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Box::default())
    }
}

impl<T> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> From<Vec<T>> for List<T> {
    fn from(elements: Vec<T>) -> Self {
        Self(elements.into_boxed_slice())
    }
}

impl<T, const N: usize> From<[T; N]> for List<T> {
    fn from(elements: [T; N]) -> Self {
        Self(Box::new(elements))
    }
}

impl<T> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        Self(elements.into_iter().collect())
    }
}

impl<T> IntoIterator for List<T> {
    type Item = T;
    type IntoIter = alloc::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.into_vec().into_iter()
    }
}

impl<'a, T> IntoIterator for &'a List<T> {
    type Item = &'a T;
    type IntoIter = core::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: fmt::Debug> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Encode> List<T> {
    fn content_len(&self) -> usize {
        self.0.iter().fold(0, |len, element| len.saturating_add(element.encoded_len()))
    }
}

impl<T: Encode> Encode for List<T> {
    fn encoded_len(&self) -> usize {
        opaque_len(self.content_len())
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        write_length(self.content_len(), out)?;
        self.0.iter().try_for_each(|element| element.encode_into(out))
    }
}

tls_encode!(List<T>);

impl<T: Encode + DeserializeBytes> DeserializeBytes for List<T> {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), tls_codec::Error> {
        let mut reader = Reader::new(bytes);
        let list = Self::read_with(&mut reader, |content| content.read())?;
        Ok((list, reader.remaining()))
    }
}

/// `#[tls_codec(with = "..")]` for `CipherSuite cipher_suites<V>`.
pub(crate) mod cipher_suites {
    use pleach_crypto::CipherSuiteId;

    use super::{List, Reader};

    pub(crate) fn tls_deserialize_bytes(
        bytes: &[u8],
    ) -> Result<(List<CipherSuiteId>, &[u8]), tls_codec::Error> {
        let mut reader = Reader::new(bytes);
        let list = List::read_with(&mut reader, |content| content.read().map(CipherSuiteId))?;
        Ok((list, reader.remaining()))
    }
}
