//! The end of a key, without memory of its own where it is short, as nearly all are.

use std::cmp::Ordering;

/// So many octets have room: those of a pointer and a length, and what padding leaves.
const INLINE: usize = 22;

/// A suffix. Ordered as its octets.
#[derive(Clone)]
#[cfg_attr(test, derive(Debug))]
pub(crate) enum Suffix {
    Short(Short),
    Long(Box<[u8]>),
}

/// The octets, zeros behind them, and their number.
#[derive(Clone, Copy)]
#[cfg_attr(test, derive(Debug))]
pub(crate) struct Short {
    octets: [u8; INLINE],
    length: u8,
}

impl Short {
    /// Two numbers that are in the order of the octets: these first, and what differs only by zeros behind by its length.
    /// A search compares some twenty suffixes.
    fn order(&self) -> (u128, u64) {
        let [first @ .., a, b, c, d, e, f] = self.octets;
        (u128::from_be_bytes(first), u64::from_be_bytes([a, b, c, d, e, f, 0, self.length]))
    }
}

impl Suffix {
    /// No octets: before every other one.
    pub(crate) const fn empty() -> Self {
        Self::Short(Short { octets: [0; INLINE], length: 0 })
    }

    /// An octet that tells most suffixes from each other.
    pub(crate) fn mark(&self) -> u8 {
        let mixed = match self {
            Self::Short(short) => {
                let (first, rest) = short.order();
                (first >> 64) as u64 ^ first as u64 ^ rest
            }
            // What differs is at the end, as a rule.
            Self::Long(octets) => octets.last_chunk().map_or(0, |last| u64::from_ne_bytes(*last)),
        };
        // The golden ratio's odd multiplier: the upper octet has something of all the others.
        mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes()[0]
    }

    /// A number that is in the order of the octets, as far as it goes: of those that begin alike it may be the same.
    pub(crate) const fn head(&self) -> u64 {
        let mut head = [0; 8];
        let octets: &[u8] = match self {
            Self::Short(short) => &short.octets,
            Self::Long(octets) => octets,
        };
        if let Some(first) = octets.first_chunk::<8>() {
            head = *first;
        }
        u64::from_be_bytes(head)
    }

    pub(crate) fn new(suffix: &[u8]) -> Self {
        let mut octets = [0; INLINE];
        match octets.get_mut(..suffix.len()) {
            Some(place) => {
                place.copy_from_slice(suffix);
                Self::Short(Short { octets, length: suffix.len() as u8 })
            }
            None => Self::Long(suffix.into()),
        }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Short(Short { octets, length }) => octets.get(..usize::from(*length)).unwrap_or_default(),
            Self::Long(octets) => octets,
        }
    }
}

impl Ord for Suffix {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Short(one), Self::Short(other)) => one.order().cmp(&other.order()),
            _ => self.as_slice().cmp(other.as_slice()),
        }
    }
}

impl PartialOrd for Suffix {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Suffix {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Suffix {}

#[cfg(test)]
mod tests {
    use super::Suffix;

    #[test]
    fn ordered_as_octets_whatever_the_length() {
        let mut all: Vec<Vec<u8>> = (0..60)
            .flat_map(|n| {
                [vec![0; n], vec![7; n], [vec![7; n], vec![9]].concat(), [vec![7; n], vec![0]].concat()]
            })
            .collect();
        let mut suffixes: Vec<Suffix> = all.iter().map(|octets| Suffix::new(octets)).collect();
        all.sort();
        suffixes.sort();
        assert!(suffixes.iter().map(Suffix::as_slice).eq(all.iter().map(Vec::as_slice)));
        assert!(suffixes.is_sorted_by_key(Suffix::head));
        assert_eq!(size_of::<Suffix>(), 24);
    }
}
