//! A value as it is kept: its octets, zeroized when dropped if they may be secret.

use pleach_storage::RecordClass;
use zeroize::Zeroize;

/// So many octets have room: an index row with its checksum, and then some.
const INLINE: usize = 22;

/// A value of exactly its size, without memory of its own where it is a row of an index, of which there are several for
/// each member.
#[derive(Clone)]
pub(crate) enum Kept {
    /// Of an index, so no secret: it is copied about where its table moves it.
    Short {
        length: u8,
        octets: [u8; INLINE],
    },
    /// No secret.
    Plain(Box<[u8]>),
    Secret(Octets),
}

/// Zeroized as one slice, which is many times faster than octet for octet, as [`Zeroizing`](zeroize::Zeroizing) does it for
/// vectors.
#[derive(Clone)]
pub(crate) struct Octets(Box<[u8]>);

impl Octets {
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Octets {
    /// Without a copy if the vector is full: what has no room to spare stays where it is.
    fn from(octets: Vec<u8>) -> Self {
        Self(octets.into_boxed_slice())
    }
}

impl Kept {
    pub(crate) fn new(class: RecordClass, value: &[u8]) -> Self {
        match class {
            RecordClass::Index if value.len() <= INLINE => {
                let mut octets = [0; INLINE];
                if let Some(place) = octets.get_mut(..value.len()) {
                    place.copy_from_slice(value);
                }
                Self::Short { length: value.len() as u8, octets }
            }
            RecordClass::Index | RecordClass::Public => Self::Plain(value.into()),
            // And what a later version may bring.
            _ => Self::Secret(Octets(value.into())),
        }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Short { length, octets } => octets.get(..usize::from(*length)).unwrap_or_default(),
            Self::Plain(octets) | Self::Secret(Octets(octets)) => octets,
        }
    }
}

impl Drop for Octets {
    fn drop(&mut self) {
        (*self.0).zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_rows_of_an_index_stand_in_the_table_and_secrets_are_zeroized() {
        for length in [0, 5, 22, 23, 300] {
            let value = vec![7; length];
            for class in [RecordClass::Secret, RecordClass::Public, RecordClass::Index] {
                let kept = Kept::new(class, &value);
                assert_eq!(kept.as_slice(), value);
                let short = class == RecordClass::Index && length <= INLINE;
                assert_eq!(matches!(kept, Kept::Short { .. }), short);
                assert_eq!(matches!(kept, Kept::Secret(_)), class == RecordClass::Secret);
            }
        }
        assert_eq!(size_of::<Kept>(), 24);
    }
}
