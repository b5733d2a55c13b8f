//! How much padding a PrivateMessage gets (RFC 9420 §6.3.1, §15.1; R271). The padding itself is always zero octets.

use core::num::NonZeroU32;

/// A padding policy. It hides lengths better the more it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Padding {
    /// None: the length of the ciphertext tells the length of the content.
    #[default]
    None,
    /// Up to a multiple of so many octets.
    Block(NonZeroU32),
    /// Padmé: lengths of the form of a floating-point number, at most 12 % more; leaks O(log log n) bits of the length n.
    Padme,
}

impl Padding {
    /// How many octets are added to `len` octets of content and authentication.
    #[must_use]
    pub fn amount(self, len: usize) -> usize {
        let padded = match self {
            Self::None => Some(len),
            Self::Block(block) => {
                usize::try_from(block.get()).ok().and_then(|b| len.checked_next_multiple_of(b))
            }
            Self::Padme => padme(len),
        };
        padded.map_or(0, |padded| padded.saturating_sub(len))
    }
}

/// The next length whose mantissa is no longer than its exponent.
fn padme(len: usize) -> Option<usize> {
    let Some(exponent) = len.checked_ilog2() else { return Some(len) };
    let Some(bits) = exponent.checked_ilog2() else { return Some(len) };
    let mask = (1usize << exponent.saturating_sub(bits + 1)) - 1;
    Some(len.checked_add(mask)? & !mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_pads_to_the_multiple() {
        let block = Padding::Block(NonZeroU32::new(256).unwrap());
        assert_eq!([0, 1, 255, 256, 257].map(|len| len + block.amount(len)), [0, 256, 256, 256, 512]);
    }

    #[test]
    fn padme_costs_at_most_an_eighth_and_makes_few_lengths() {
        let mut lengths = alloc::collections::BTreeSet::new();
        for len in 0..100_000 {
            let amount = Padding::Padme.amount(len);
            assert!(amount * 8 <= len, "{len} {amount}");
            lengths.insert(len + amount);
        }
        assert!(lengths.len() < 200, "{}", lengths.len()); // of 100,000
        // Values of the algorithm's definition.
        assert_eq!(
            [9, 100, 1_000, 10_000].map(|len| len + Padding::Padme.amount(len)),
            [10, 104, 1_024, 10_240]
        );
    }

    #[test]
    fn none_and_overflow_add_nothing() {
        assert_eq!(Padding::None.amount(17), 0);
        assert_eq!(Padding::Block(NonZeroU32::new(256).unwrap()).amount(usize::MAX), 0);
        assert_eq!(Padding::Padme.amount(usize::MAX), 0);
    }
}
