//! [`HashCell`]: a node's hash, computed at most once for all who share the node, without an allocation for 32 bytes.
//!
//! Whoever comes first writes. Two may write at the same time, and then write the same: a node has one hash. The length is
//! written last and read first, so whoever sees it sees the words.

use alloc::boxed::Box;
use core::sync::atomic::{
    AtomicU8, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

use once_cell::race::OnceBox;
use pleach_crypto::Digest;

/// Bytes in place.
const INLINE: usize = 32;

/// A hash that is there or not yet.
#[derive(Debug, Default)]
pub(crate) struct HashCell {
    words: [AtomicU64; INLINE / 8],
    /// A hash that is longer.
    long: OnceBox<Digest>,
    /// 0 as long as there is none; otherwise one more than the length in `words`, which is 0 for a longer hash.
    state: AtomicU8,
}

impl HashCell {
    pub(crate) fn get(&self) -> Option<Digest> {
        match self.state.load(Acquire) {
            0 => None,
            1 => self.long.get().copied(),
            more => Some(Digest::from_fn(usize::from(more - 1), |out| {
                for (part, word) in out.chunks_mut(8).zip(&self.words) {
                    let bytes = word.load(Relaxed).to_le_bytes();
                    part.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
                }
            })),
        }
    }

    /// Notes the node's hash.
    pub(crate) fn set(&self, hash: &Digest) {
        let bytes = hash.as_bytes();
        if bytes.is_empty() || bytes.len() > INLINE {
            let _is_first = self.long.set(Box::new(*hash));
            return self.state.store(1, Release);
        }
        for (part, word) in bytes.chunks(8).zip(&self.words) {
            let mut word_bytes = [0; 8];
            word_bytes.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
            word.store(u64::from_le_bytes(word_bytes), Relaxed);
        }
        self.state.store(bytes.len() as u8 + 1, Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_of_every_length_come_back() {
        for len in 0..=64 {
            let cell = HashCell::default();
            assert_eq!(cell.get(), None);
            let hash = Digest::from_fn(len, |out| out.iter_mut().zip(1..).for_each(|(byte, i)| *byte = i));
            cell.set(&hash);
            assert_eq!(cell.get(), Some(hash));
            cell.set(&hash);
            assert_eq!(cell.get(), Some(hash));
        }
    }
}
