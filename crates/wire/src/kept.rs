//! [`Kept`]: a decoded value together with the bytes that it was decoded from.
//!
//! Leaves and key packages are hashed, verified, stored and sent on as the bytes that their owner signed. Keeping
//! those bytes makes all of that a copy, and makes "the same leaf" a comparison of bytes.
//!
//! Invariant: the bytes are the one encoding of the value. So the value is immutable; [`Kept::new`] encodes,
//! decoding keeps the slice that it read. A clone is a reference count.
//!
//! A leaf is checked when it is read, and decoded when somebody looks at it: of a million leaves that a member holds, it
//! looks at few ([`Keep`]). What is asked of every leaf, [`LeafView`](crate::LeafView) answers from the bytes.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::{
    fmt,
    hash::{Hash, Hasher},
    ops::Deref,
};

use once_cell::race::OnceBox;
use tls_codec::DeserializeBytes;

use crate::{
    codec::{Encode, encode, opaque_len, write_opaque},
    error::EncodeError,
    vector::Opaque,
};

/// How a structure is held in a [`Kept`]. For the structures of this crate.
pub trait Keep: Sized + sealed::Sealed {
    /// Where the value is.
    #[doc(hidden)]
    type Cell: Cell<Self>;
}

pub(crate) mod sealed {
    /// What others cannot implement.
    pub trait Sealed {}
}

/// The place of a value.
#[doc(hidden)]
pub trait Cell<T>: Sized {
    fn full(value: T) -> Self;
    fn get(&self, bytes: &[u8]) -> &T;
    fn take(self, bytes: &[u8]) -> T;
    fn read(bytes: &[u8]) -> Result<(Self, &[u8]), tls_codec::Error>;
}

/// The value is there from the beginning.
#[derive(Debug)]
#[doc(hidden)]
pub struct Decoded<T>(T);

impl<T: DeserializeBytes> Cell<T> for Decoded<T> {
    fn full(value: T) -> Self {
        Self(value)
    }

    fn get(&self, _bytes: &[u8]) -> &T {
        &self.0
    }

    fn take(self, _bytes: &[u8]) -> T {
        self.0
    }

    fn read(bytes: &[u8]) -> Result<(Self, &[u8]), tls_codec::Error> {
        T::tls_deserialize_bytes(bytes).map(|(value, rest)| (Self(value), rest))
    }
}

/// A structure that can be checked without being decoded.
#[doc(hidden)]
pub trait Checked: DeserializeBytes {
    /// What follows the structure at the beginning of `bytes`; `None` unless it is there.
    fn check(bytes: &[u8]) -> Option<&[u8]>;
    /// The value of bytes that passed; in the place of those that, against all promises, do not decode, one that no check
    /// accepts.
    fn from_checked(bytes: &[u8]) -> Self;
}

/// The value is decoded when it is first asked for.
#[derive(Debug)]
#[doc(hidden)]
pub struct Lazy<T>(OnceBox<T>);

impl<T: Checked> Cell<T> for Lazy<T> {
    fn full(value: T) -> Self {
        Self(OnceBox::with_value(Box::new(value)))
    }

    fn get(&self, bytes: &[u8]) -> &T {
        self.0.get_or_init(|| Box::new(T::from_checked(bytes)))
    }

    fn take(self, bytes: &[u8]) -> T {
        T::from_checked(bytes)
    }

    fn read(bytes: &[u8]) -> Result<(Self, &[u8]), tls_codec::Error> {
        if let Some(rest) = T::check(bytes) {
            return Ok((Self(OnceBox::new()), rest));
        }
        // The decoder says what is wrong.
        T::tls_deserialize_bytes(bytes).map(|(value, rest)| (Self::full(value), rest))
    }
}

/// A value and its encoding. Equality, order and hash are those of the bytes.
pub struct Kept<T: Keep>(Arc<Inner<T>>);

struct Inner<T: Keep> {
    value: T::Cell,
    bytes: Box<[u8]>,
}

impl<T: Keep> Kept<T> {
    /// The value; also by `Deref`. Decoded at the first call, and then held.
    #[must_use]
    pub fn value(&self) -> &T {
        self.0.value.get(&self.0.bytes)
    }

    /// The encoding of the value.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// The value by itself; cloned only if others hold it.
    #[must_use]
    pub fn into_value(self) -> T
    where
        T: Clone,
    {
        match Arc::try_unwrap(self.0) {
            Ok(Inner { value, bytes }) => value.take(&bytes),
            Err(shared) => shared.value.get(&shared.bytes).clone(),
        }
    }
}

impl<T: Encode + Keep> Kept<T> {
    /// Encodes `value` and keeps both.
    ///
    /// # Errors
    /// [`EncodeError`] if the value has no encoding.
    pub fn new(value: T) -> Result<Self, EncodeError> {
        let bytes = encode(&value)?.into_boxed_slice();
        Ok(Self(Arc::new(Inner { value: T::Cell::full(value), bytes })))
    }
}

/// A structure that ends with a signature over everything before it (and sometimes more).
pub trait SignatureLast {
    /// The last field.
    fn signature(&self) -> &Opaque;

    /// Replaces the last field.
    fn set_signature(&mut self, signature: Opaque);
}

impl<T: SignatureLast + Keep> Kept<T> {
    /// The encoding up to the signature: the `..TBS` structure, or its beginning. Nothing is encoded again.
    #[must_use]
    pub fn bytes_before_signature(&self) -> &[u8] {
        let tail = opaque_len(self.value().signature().len());
        self.bytes().len().checked_sub(tail).and_then(|end| self.bytes().get(..end)).unwrap_or_default()
    }

    /// The same value with `signature` in place of the present one (when building: an empty one).
    ///
    /// # Errors
    /// [`EncodeError::TooLong`] if the signature is no vector.
    pub fn with_signature(self, signature: Opaque) -> Result<Self, EncodeError>
    where
        T: Clone,
    {
        let before = self.bytes_before_signature();
        let mut bytes = Vec::with_capacity(before.len().saturating_add(opaque_len(signature.len())));
        bytes.extend_from_slice(before);
        write_opaque(&signature, &mut bytes)?;
        let mut value = self.into_value();
        value.set_signature(signature);
        Ok(Self(Arc::new(Inner { value: T::Cell::full(value), bytes: bytes.into_boxed_slice() })))
    }
}

impl<T: Keep> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Keep> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value()
    }
}

impl<T: Keep> PartialEq for Kept<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.bytes() == other.bytes()
    }
}

impl<T: Keep> Eq for Kept<T> {}

impl<T: Keep> PartialOrd for Kept<T> {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Keep> Ord for Kept<T> {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.bytes().cmp(other.bytes())
    }
}

impl<T: Keep> Hash for Kept<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.bytes().hash(state);
    }
}

impl<T: Keep + fmt::Debug> fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}

impl<T: Keep> Encode for Kept<T> {
    fn encoded_len(&self) -> usize {
        self.bytes().len()
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        out.extend_from_slice(self.bytes());
        Ok(())
    }
}

impl<T: Keep> tls_codec::Size for Kept<T> {
    fn tls_serialized_len(&self) -> usize {
        self.encoded_len()
    }
}

impl<T: Keep> tls_codec::SerializeBytes for Kept<T> {
    fn tls_serialize_bytes(&self) -> Result<Vec<u8>, tls_codec::Error> {
        Ok(self.bytes().to_vec())
    }
}

impl<T: Keep> DeserializeBytes for Kept<T> {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), tls_codec::Error> {
        let (value, rest) = T::Cell::read(bytes)?;
        // What was read is what is not left; decoding is strict, so it is the encoding of the value (R008).
        let read = bytes.len().saturating_sub(rest.len());
        let bytes = bytes.get(..read).unwrap_or_default().into();
        Ok((Self(Arc::new(Inner { value, bytes })), rest))
    }
}
