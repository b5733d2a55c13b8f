//! A persistent index from a key to the nodes that hold it: a trie of 16-way branches over 64-bit tags, with small buckets.
//!
//! A tag is the beginning of the key's hash under the suite's hash function, so nobody can choose keys that fill one
//! bucket. The index answers "which nodes may hold this key"; the caller compares the keys. Clones share everything;
//! an insertion copies one bucket and the branches above it. Several nodes may hold the same key for a while: within
//! one Commit a key may move from one leaf to another, and only the outcome has to be unique (R083, R084).
//!
//! Cost: O(log n) time and copies per change, about 20 bytes per entry.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::array;

use pleach_crypto::Hash;
use pleach_wire::NodeIndex;

/// The beginning of a key's hash.
pub(crate) type Tag = u64;

/// The tag of a key.
pub(crate) fn tag(hash: &dyn Hash, key: &[u8]) -> Tag {
    hash.hash(&[key]).as_bytes().first_chunk().map_or(0, |head| Tag::from_be_bytes(*head))
}

const BUCKET: usize = 32;
const LEVELS: u32 = Tag::BITS / 4;

/// The index.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeyIndex(Trie);

#[derive(Debug, Clone, Default)]
enum Trie {
    #[default]
    Empty,
    Bucket(Arc<Vec<(Tag, u32)>>),
    Branch(Arc<[Trie; 16]>),
}

impl KeyIndex {
    pub(crate) fn insert(&mut self, tag: Tag, node: NodeIndex) {
        self.0.insert(0, (tag, node.0));
    }

    pub(crate) fn remove(&mut self, tag: Tag, node: NodeIndex) {
        self.0.remove(0, (tag, node.0));
    }

    /// The nodes whose key has this tag.
    pub(crate) fn candidates(&self, tag: Tag) -> impl Iterator<Item = NodeIndex> {
        let mut trie = &self.0;
        let mut level = 0;
        while let Trie::Branch(branch) = trie {
            let Some(next) = branch.get(digit(tag, level)) else { break };
            trie = next;
            level += 1;
        }
        let bucket = if let Trie::Bucket(bucket) = trie { bucket.as_slice() } else { &[] };
        bucket.iter().filter(move |(found, _)| *found == tag).map(|(_, node)| NodeIndex(*node))
    }
}

impl Trie {
    fn insert(&mut self, level: u32, entry: (Tag, u32)) {
        match self {
            Self::Empty => *self = Self::Bucket(Arc::new(Vec::from([entry]))),
            Self::Bucket(bucket) if bucket.len() < BUCKET || level == LEVELS => {
                Arc::make_mut(bucket).push(entry);
            }
            Self::Bucket(bucket) => {
                let mut split: Box<[Self; 16]> = Box::new(array::from_fn(|_| Self::Empty));
                for &(tag, node) in bucket.iter().chain([&entry]) {
                    if let Some(child) = split.get_mut(digit(tag, level)) {
                        child.insert(level + 1, (tag, node));
                    }
                }
                *self = Self::Branch(Arc::from(split));
            }
            Self::Branch(branch) => {
                if let Some(child) = Arc::make_mut(branch).get_mut(digit(entry.0, level)) {
                    child.insert(level + 1, entry);
                }
            }
        }
    }

    fn remove(&mut self, level: u32, entry: (Tag, u32)) {
        match self {
            Self::Empty => {}
            Self::Bucket(bucket) => {
                if bucket.contains(&entry) {
                    Arc::make_mut(bucket).retain(|found| *found != entry);
                }
            }
            Self::Branch(branch) => {
                if let Some(child) = Arc::make_mut(branch).get_mut(digit(entry.0, level)) {
                    child.remove(level + 1, entry);
                }
            }
        }
    }
}

/// The `level`-th hexadecimal digit of the tag, from the most significant.
fn digit(tag: Tag, level: u32) -> usize {
    let shift = Tag::BITS.saturating_sub(4).saturating_sub(4 * level);
    ((tag >> shift) & 0xf) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_all_of_equal_tags_and_forgets_only_what_is_removed() {
        let mut index = KeyIndex::default();
        let spread = |i: u32| u64::from(i % 2_000).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for i in 0..4_000 {
            index.insert(spread(i), NodeIndex(i));
        }
        for i in 0..100 {
            index.insert(7, NodeIndex(10_000 + i));
        }
        let before = index.clone();
        index.remove(spread(5), NodeIndex(5));
        assert_eq!(index.candidates(spread(5)).map(|n| n.0).collect::<Vec<_>>(), [2_005]);
        assert_eq!(before.candidates(spread(5)).map(|n| n.0).collect::<Vec<_>>(), [5, 2_005]);
        assert_eq!(index.candidates(7).count(), 100);
        assert_eq!(index.candidates(8).count(), 0);
    }
}
