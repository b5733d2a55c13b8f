//! A persistent index from a key to the nodes that hold it: a trie of 16-way branches over 64-bit prefixes of tags, with
//! small buckets.
//!
//! A tag is the beginning of the key's hash under the suite's hash function, so nobody can choose keys that fill one
//! bucket. The index answers "which nodes may hold this key"; the caller compares the keys. Several nodes may hold the same
//! key for a while: within one Commit a key may move from one leaf to another, and only the outcome has to be unique
//! (R083, R084).
//!
//! Clones share the trie. What changed since stands beside it, a short sorted list, until [`KeyIndex::settle`] takes it in:
//! when the tree of the epoch before is gone, nobody shares the trie any more, and it changes in place. As long as somebody
//! does, a pending Commit for one, it waits, unless there is more than some Commits' worth. Copying a branch instead means
//! counting the references of all its sixteen children, each of which is a cache line of its own.
//!
//! The index of a tree that is loaded in part knows the keys of loaded nodes, and what the stored index answered for
//! those that were asked for. An answer speaks of the tree as it is stored: it is to be given before anything changes.
//!
//! Cost: O(log n) time per change, and as many copies if the trie is shared; about 16 bytes per entry. An index is made from
//! all entries by sorting them.

use alloc::{sync::Arc, vec::Vec};
use core::{array, hint::black_box, iter::repeat_n, mem::replace, slice};

use pleach_crypto::Hash;
use pleach_wire::NodeIndex;
use rpds::RedBlackTreeSetSync;

/// What a key is for. A key of one kind may equal one of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// The HPKE key of a leaf or a parent.
    Encryption,
    /// The signature key of a leaf.
    Signature,
}

/// The beginning of a key's hash: its name in an index. Long enough that nobody finds two keys with the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyTag(pub [u8; 16]);

impl KeyTag {
    /// The tag of a key.
    #[must_use]
    pub fn of(hash: &dyn Hash, key: &[u8]) -> Self {
        // Every hash function of the protocol is longer.
        Self(hash.hash(&[key]).as_bytes().first_chunk().copied().unwrap_or_default())
    }

    fn prefix(self) -> Prefix {
        self.0.first_chunk().map_or(0, |head| Prefix::from_be_bytes(*head))
    }
}

/// The name of a key in the stored index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName {
    /// What it is for.
    pub kind: KeyKind,
    /// Its tag.
    pub tag: KeyTag,
}

type Prefix = u64;

const BUCKET: usize = 32;
/// Free slots of a bucket that was copied for an entry more or less, so that the next one changes it in place.
const ROOM: usize = 2;
/// With more free slots it is copied.
const MOST_FREE: usize = 4;
const LEVELS: u32 = Prefix::BITS / 4;

/// The index.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeyIndex {
    trie: Trie,
    /// What differs from the trie, in ascending order; no entry twice.
    changes: Vec<Change>,
    /// `None`: all nodes are in the index. Otherwise the keys that the stored index was asked for.
    answered: Option<RedBlackTreeSetSync<KeyTag>>,
}

#[derive(Debug, Clone, Default)]
enum Trie {
    #[default]
    Empty,
    /// In ascending order; slots that are free stand at the end.
    Bucket(Arc<[Entry]>),
    Branch(Arc<[Trie; 16]>),
}

/// A prefix and a node, packed: there are 3n of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    high: u32,
    low: u32,
    node: u32,
}

impl Entry {
    /// A free slot: no node has this index, and none is above it.
    const FREE: Self = Self { high: u32::MAX, low: u32::MAX, node: u32::MAX };

    const fn new(prefix: Prefix, node: NodeIndex) -> Self {
        Self { high: (prefix >> 32) as u32, low: prefix as u32, node: node.0 }
    }

    const fn prefix(self) -> Prefix {
        ((self.high as u64) << 32) | self.low as u64
    }
}

/// Whether an entry is in the index, whatever the trie says.
#[derive(Debug, Clone, Copy)]
struct Change {
    entry: Entry,
    is_in: bool,
}

/// So many changes stand beside a trie at most: some Commits' worth.
const MOST_CHANGES: usize = 256;

/// Entries on their way into an index.
#[derive(Debug, Default)]
pub(crate) struct Entries(Vec<Entry>);

impl Entries {
    pub(crate) fn with_capacity(entries: usize) -> Self {
        Self(Vec::with_capacity(entries))
    }

    pub(crate) fn push(&mut self, tag: KeyTag, node: NodeIndex) {
        self.0.push(Entry::new(tag.prefix(), node));
    }
}

impl From<Entries> for KeyIndex {
    /// The index of a tree with all its nodes. O(n log n), and quick.
    fn from(Entries(mut entries): Entries) -> Self {
        entries.sort_unstable();
        entries.dedup();
        Self { trie: Trie::of_sorted(&entries, 0), ..Self::default() }
    }
}

impl KeyIndex {
    /// Calls `visit` with the nodes of every prefix that more than one node has, in ascending order.
    pub(crate) fn shared_prefixes<E>(
        &self,
        visit: &mut dyn FnMut(&[NodeIndex]) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.changes.is_empty() {
            return self.trie.shared_prefixes(visit);
        }
        let mut settled = self.clone();
        settled.take_in();
        settled.trie.shared_prefixes(visit)
    }

    /// Notes that a node has this key; that it is known already changes nothing.
    pub(crate) fn insert(&mut self, tag: KeyTag, node: NodeIndex) {
        self.change(Change { entry: Entry::new(tag.prefix(), node), is_in: true });
    }

    pub(crate) fn remove(&mut self, tag: KeyTag, node: NodeIndex) {
        self.change(Change { entry: Entry::new(tag.prefix(), node), is_in: false });
    }

    fn change(&mut self, change: Change) {
        match self.changes.binary_search_by_key(&change.entry, |known| known.entry) {
            Ok(at) => self.changes.get_mut(at).into_iter().for_each(|known| *known = change),
            Err(at) => self.changes.insert(at, change),
        }
        if self.changes.len() > MOST_CHANGES {
            self.take_in();
        }
    }

    /// Takes what changed into the trie, in place, unless a clone shares it: then it waits.
    pub(crate) fn settle(&mut self) {
        if !self.trie.is_shared() {
            self.take_in();
        }
    }

    /// Takes what changed into the trie; what a clone shares is copied.
    fn take_in(&mut self) {
        self.trie.look(self.changes.iter().map(|change| change.entry.prefix()));
        for Change { entry, is_in } in self.changes.drain(..) {
            if is_in {
                self.trie.insert(0, entry);
            } else {
                self.trie.remove(0, entry);
            }
        }
    }

    /// The nodes whose key may have this tag, in no order. Some may be missing unless it [`is_known`](Self::is_known).
    pub(crate) fn candidates(&self, tag: KeyTag) -> impl Iterator<Item = NodeIndex> {
        let prefix = tag.prefix();
        let bucket = self.trie.bucket(prefix, |_| {}).map_or(&[][..], |bucket| taken(bucket));
        let first = self.changes.partition_point(|change| change.entry.prefix() < prefix);
        let changes = self.changes.get(first..).unwrap_or_default();
        let end = changes.partition_point(|change| change.entry.prefix() == prefix);
        let changes = changes.get(..end).unwrap_or_default();
        let kept = bucket.iter().filter(move |found| {
            found.prefix() == prefix && !changes.iter().any(|change| change.entry == **found)
        });
        let new = changes.iter().filter(|change| change.is_in).map(|change| &change.entry);
        kept.chain(new).map(|found| NodeIndex(found.node))
    }

    /// Reads into the caches what [`candidates`](Self::candidates) will read for some tags.
    pub(crate) fn look(&self, tags: impl Iterator<Item = KeyTag>) {
        self.trie.look(tags.map(KeyTag::prefix));
    }

    /// Whether the index can tell all nodes with this key.
    pub(crate) fn is_known(&self, tag: KeyTag) -> bool {
        self.answered.as_ref().is_none_or(|answered| answered.contains(&tag))
    }

    /// Takes in what the stored index says.
    pub(crate) fn answer(&mut self, tag: KeyTag, node: Option<NodeIndex>) {
        if let Some(answered) = &mut self.answered {
            answered.insert_mut(tag);
            if let Some(node) = node {
                self.insert(tag, node);
            }
        }
    }

    /// Whether all nodes are in the index.
    pub(crate) fn set_complete(&mut self, complete: bool) {
        self.answered = (!complete).then(RedBlackTreeSetSync::new_sync);
    }

    /// What was answered spoke of another epoch.
    pub(crate) fn forget_answers(&mut self) {
        if let Some(answered) = &mut self.answered {
            *answered = RedBlackTreeSetSync::new_sync();
        }
    }
}

impl Trie {
    /// Whether another index has the same root, as a clone does until one of them changes.
    fn is_shared(&self) -> bool {
        match self {
            Self::Empty => false,
            Self::Bucket(bucket) => Arc::strong_count(bucket) > 1,
            Self::Branch(branch) => Arc::strong_count(branch) > 1,
        }
    }

    /// The bucket for a prefix, if there is one; `visit` is given the branches above it.
    fn bucket(&self, prefix: Prefix, mut visit: impl FnMut(&Arc<[Self; 16]>)) -> Option<&Arc<[Entry]>> {
        let (mut trie, mut level) = (self, 0);
        while let Self::Branch(branch) = trie {
            visit(branch);
            trie = branch.get(digit(prefix, level))?;
            level += 1;
        }
        if let Self::Bucket(bucket) = trie { Some(bucket) } else { None }
    }

    /// Reads into the caches what is kept for some prefixes. Nothing waits for what is found, so a processor reads what is far away
    /// for several of them at once, where a search waits for each.
    fn look(&self, prefixes: impl Iterator<Item = Prefix>) {
        let look = |prefix| {
            let mut seen = 0;
            // Whoever changes it looks at the count.
            if let Some(bucket) = self.bucket(prefix, |branch| seen ^= Arc::strong_count(branch)) {
                let entry = |at: usize| bucket.get(at).map_or(0, |entry| entry.low as usize);
                seen ^= Arc::strong_count(bucket)
                    ^ entry(bucket.len() / 2)
                    ^ entry(bucket.len().saturating_sub(1));
            }
            seen
        };
        black_box(prefixes.map(look).fold(0, |all, seen| all ^ seen));
    }

    /// The trie of sorted entries whose prefixes agree in the first `level` digits.
    fn of_sorted(entries: &[Entry], level: u32) -> Self {
        if entries.is_empty() {
            return Self::Empty;
        }
        if entries.len() <= BUCKET || level == LEVELS {
            return Self::Bucket(entries.into());
        }
        let mut rest = entries;
        Self::Branch(Arc::new(array::from_fn(|this| {
            let end = rest.partition_point(|entry| digit(entry.prefix(), level) <= this);
            let (part, others) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            rest = others;
            Self::of_sorted(part, level + 1)
        })))
    }

    fn shared_prefixes<E>(&self, visit: &mut dyn FnMut(&[NodeIndex]) -> Result<(), E>) -> Result<(), E> {
        match self {
            Self::Empty => Ok(()),
            Self::Branch(branch) => branch.iter().try_for_each(|child| child.shared_prefixes(visit)),
            Self::Bucket(bucket) => {
                let same = |a: &Entry, b: &Entry| a.prefix() == b.prefix();
                for group in taken(bucket).chunk_by(same).filter(|group| group.len() > 1) {
                    let nodes: Vec<NodeIndex> = group.iter().map(|entry| NodeIndex(entry.node)).collect();
                    visit(&nodes)?;
                }
                Ok(())
            }
        }
    }

    fn insert(&mut self, level: u32, entry: Entry) {
        match self {
            Self::Empty => *self = Self::Bucket(Arc::new([entry])),
            Self::Bucket(bucket) => {
                let count = taken(bucket).len();
                let Err(at) = taken(bucket).binary_search(&entry) else { return };
                if let Some([slot, rest @ ..]) =
                    Arc::get_mut(bucket).and_then(|slots| slots.get_mut(at..=count))
                {
                    let mut moved = replace(slot, entry);
                    rest.iter_mut().for_each(|slot| moved = replace(slot, moved));
                    return;
                }
                let (before, after) = taken(bucket).split_at_checked(at).unwrap_or_default();
                // Of known length, so collected in one allocation.
                let entries = before.iter().chain(slice::from_ref(&entry)).chain(after).copied();
                let room = BUCKET.saturating_sub(count + 1).min(ROOM);
                *self = match count < BUCKET {
                    true => Self::Bucket(entries.chain(repeat_n(Entry::FREE, room)).collect()),
                    false => Self::of_sorted(&entries.collect::<Vec<_>>(), level),
                };
            }
            Self::Branch(branch) => {
                if let Some(child) = Arc::make_mut(branch).get_mut(digit(entry.prefix(), level)) {
                    child.insert(level + 1, entry);
                }
            }
        }
    }

    fn remove(&mut self, level: u32, entry: Entry) {
        match self {
            Self::Empty => {}
            Self::Bucket(bucket) => {
                let count = taken(bucket).len();
                let Ok(at) = taken(bucket).binary_search(&entry) else { return };
                let has_room = bucket.len() - count < MOST_FREE;
                if has_room
                    && let Some(slots) = Arc::get_mut(bucket).and_then(|slots| slots.get_mut(at..count))
                {
                    let mut moved = Entry::FREE;
                    slots.iter_mut().rev().for_each(|slot| moved = replace(slot, moved));
                    return;
                }
                let (before, after) = taken(bucket).split_at_checked(at).unwrap_or_default();
                let entries = before.iter().chain(after.get(1..).unwrap_or_default()).copied();
                let room = (BUCKET + 1).saturating_sub(count).min(ROOM);
                *bucket = entries.chain(repeat_n(Entry::FREE, room)).collect();
            }
            Self::Branch(branch) => {
                if let Some(child) = Arc::make_mut(branch).get_mut(digit(entry.prefix(), level)) {
                    child.remove(level + 1, entry);
                }
            }
        }
    }
}

/// The entries of a bucket.
fn taken(bucket: &[Entry]) -> &[Entry] {
    let free = bucket.iter().rev().take_while(|entry| **entry == Entry::FREE).count();
    bucket.get(..bucket.len() - free).unwrap_or_default()
}

/// The `level`-th hexadecimal digit, from the most significant.
fn digit(prefix: Prefix, level: u32) -> usize {
    let shift = Prefix::BITS.saturating_sub(4).saturating_sub(4 * level);
    ((prefix >> shift) & 0xf) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(prefix: u64) -> KeyTag {
        let mut tag = [0; 16];
        tag[..8].copy_from_slice(&prefix.to_be_bytes());
        KeyTag(tag)
    }

    #[test]
    fn what_changed_waits_until_nobody_shares_the_trie() {
        let spread = |i: u32| tag(u64::from(i).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut index = KeyIndex::default();
        (0..1_000).for_each(|i| index.insert(spread(i), NodeIndex(i)));
        index.settle();
        assert!(index.changes.is_empty());
        let clone = index.clone();
        index.insert(spread(1_000), NodeIndex(1_000));
        index.settle();
        assert_eq!(index.changes.len(), 1);
        // Only for so long.
        (2_000..2_000 + MOST_CHANGES as u32).for_each(|i| index.insert(spread(i), NodeIndex(i)));
        assert!(index.changes.is_empty());
        index.remove(spread(3), NodeIndex(3));
        drop(clone);
        index.settle();
        assert!(index.changes.is_empty());
        assert_eq!(index.candidates(spread(3)).count(), 0);
    }

    #[test]
    fn finds_all_of_equal_tags_and_forgets_only_what_is_removed() {
        let mut index = KeyIndex::default();
        let spread = |i: u32| tag(u64::from(i % 2_000).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        for i in 0..4_000 {
            index.insert(spread(i), NodeIndex(i));
            index.insert(spread(i), NodeIndex(i));
        }
        for i in 0..100 {
            index.insert(tag(7), NodeIndex(10_000 + i));
        }
        let before = index.clone();
        index.remove(spread(5), NodeIndex(5));
        index.insert(spread(6), NodeIndex(6));
        index.remove(spread(7), NodeIndex(8));
        assert_eq!(before.candidates(spread(5)).map(|n| n.0).collect::<Vec<_>>(), [5, 2_005]);
        for settled in [false, true] {
            if settled {
                index.take_in();
                assert!(index.changes.is_empty());
            }
            let found = |i| {
                let mut found: Vec<u32> = index.candidates(spread(i)).map(|n| n.0).collect();
                found.sort_unstable();
                found
            };
            assert_eq!(
                [found(5), found(6), found(7)],
                [Vec::from([2_005]), Vec::from([6, 2_006]), Vec::from([7, 2_007])]
            );
            assert_eq!(index.candidates(tag(7)).count(), 100);
            assert_eq!(index.candidates(tag(8)).count(), 0);
        }
    }

    #[test]
    fn what_nobody_shares_changes_in_place() {
        let entries =
            (0..4_000_u32).map(|i| (tag(u64::from(i).wrapping_mul(0x9e37_79b9_7f4a_7c15)), NodeIndex(i)));
        let mut index = KeyIndex::default();
        entries.clone().for_each(|(tag, node)| index.insert(tag, node));
        index.settle();
        let root = |index: &KeyIndex| match &index.trie {
            Trie::Branch(branch) => Arc::as_ptr(branch),
            _ => panic!("4,000 entries are several buckets"),
        };
        let place = root(&index);
        for (tag, node) in entries.take(100) {
            let before = index.clone();
            index.remove(tag, node);
            // As long as the one before is there, only the list differs.
            assert_eq!(root(&index), root(&before));
            drop(before);
            index.settle();
            assert_eq!(root(&index), place);
            assert_eq!(index.candidates(tag).count(), 0);
        }
        // Many changes at once do not stay beside the trie.
        (0..1_000).for_each(|i| index.insert(tag(i), NodeIndex(i as u32)));
        assert!(index.changes.len() <= MOST_CHANGES);
    }

    #[test]
    fn made_at_once_or_one_by_one_it_is_the_same() {
        let tags =
            || (0..3_000_u32).map(|i| (tag(u64::from(i % 2_900).wrapping_mul(0x9e37_79b9_7f4a_7c15)), i));
        let mut entries = Entries::with_capacity(3_000);
        let mut grown = KeyIndex::default();
        for (tag, node) in tags() {
            entries.push(tag, NodeIndex(node));
            grown.insert(tag, NodeIndex(node));
        }
        let made = KeyIndex::from(entries);
        for (tag, _) in tags() {
            assert!(made.candidates(tag).eq(grown.candidates(tag)));
        }
        for index in [made, grown] {
            let mut shared = Vec::new();
            index
                .shared_prefixes(&mut |nodes| {
                    shared.push(nodes.iter().map(|node| node.0).collect::<Vec<_>>());
                    Ok::<_, ()>(())
                })
                .unwrap();
            shared.sort();
            assert_eq!(shared, (0..100).map(|i| Vec::from([i, i + 2_900])).collect::<Vec<_>>());
        }
    }

    /// How many entries there are, in buckets that are as they should be.
    fn entries(trie: &Trie) -> usize {
        match trie {
            Trie::Empty => 0,
            Trie::Branch(branch) => branch.iter().map(entries).sum(),
            Trie::Bucket(bucket) => {
                let (entries, free) = bucket.split_at(taken(bucket).len());
                assert!(bucket.len() <= BUCKET && free.len() <= MOST_FREE);
                assert!(entries.is_sorted() && !entries.contains(&Entry::FREE));
                assert!(free.iter().all(|entry| *entry == Entry::FREE));
                entries.len()
            }
        }
    }

    #[test]
    fn buckets_have_a_few_free_slots_and_lose_nothing() {
        let mut known = alloc::collections::BTreeSet::new();
        let mut index = KeyIndex::default();
        let mut before = index.clone();
        let mut state = 1_u64;
        for round in 0..30_000_u32 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // The last of all prefixes among them, which a free slot has too.
            let spread = (state >> 40).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let (prefix, node) = (if round % 16 == 0 { u64::MAX } else { spread }, (state >> 32) as u32 % 4);
            // It grows to thousands, stays, and shrinks.
            let share = [14, 8, 3][round as usize / 10_000];
            if state >> 60 < share {
                known.insert((prefix, node));
                index.insert(tag(prefix), NodeIndex(node));
            } else if let Some((prefix, node)) = known.range((prefix, node)..).next().copied() {
                known.remove(&(prefix, node));
                index.remove(tag(prefix), NodeIndex(node));
            }
            match round % 100 {
                // In place for a while, copied for another.
                0 => before = index.clone(),
                50 => before = KeyIndex::default(),
                _ if round % 3 == 0 => index.take_in(),
                _ => {}
            }
            if round % 1_000 == 999 {
                index.take_in();
                assert_eq!(entries(&index.trie), known.len());
                for (prefix, _) in &known {
                    let mut found: Vec<u32> = index.candidates(tag(*prefix)).map(|node| node.0).collect();
                    found.sort_unstable();
                    let expected = known.range((*prefix, 0)..=(*prefix, u32::MAX)).map(|(_, node)| *node);
                    assert!(found.into_iter().eq(expected));
                }
            }
        }
        drop(before);
        for (prefix, node) in known {
            index.remove(tag(prefix), NodeIndex(node));
        }
        index.take_in();
        assert_eq!(entries(&index.trie), 0);
    }

    #[test]
    fn a_full_bucket_that_is_shared_stays_within_its_size() {
        let mut index = KeyIndex::default();
        (0..BUCKET as u32).for_each(|node| index.insert(tag(7), NodeIndex(node)));
        index.take_in();
        for node in 0..10 {
            let before = index.clone();
            index.remove(tag(7), NodeIndex(node));
            index.take_in();
            drop(before);
            index.insert(tag(7), NodeIndex(100 + node));
            index.take_in();
            assert_eq!(entries(&index.trie), BUCKET);
        }
    }

    #[test]
    fn a_partial_index_knows_what_it_asked_for() {
        let mut index = KeyIndex::default();
        assert!(index.is_known(tag(1)));
        index.set_complete(false);
        index.insert(tag(1), NodeIndex(1));
        assert!(!index.is_known(tag(1)));
        index.answer(tag(1), None);
        index.answer(tag(2), Some(NodeIndex(4)));
        assert!(index.is_known(tag(1)) && index.is_known(tag(2)));
        assert_eq!(index.candidates(tag(2)).map(|n| n.0).collect::<Vec<_>>(), [4]);
        index.forget_answers();
        assert!(!index.is_known(tag(2)));
    }
}
