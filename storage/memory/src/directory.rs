//! The pages of a table, in the order of their keys.
//!
//! Two levels: pages stand in chunks of a few tens, and of each page the head of its key, a number, stands beside its neighbours'. So
//! one page among a hundred thousand is found with two searches of short arrays of numbers, of which the first is in a cache
//! as a rule; a search reads fewer lines of memory than that of a B-tree, and the next search need not wait for it. In a table
//! whose suffixes begin alike, as those of one epoch do, heads are equal and the keys themselves are searched; such a table has
//! few pages.
//!
//! Invariants: keys ascend, over all chunks; no chunk is empty; heads are those of the keys of the same places.
//!
//! Cost: O(log pages) to find one; adding or removing one moves the others of its chunk, and, one in some tens of times, what stands
//! for each chunk: 56 octets for each thousand rows or so.

use crate::suffix::Suffix;

/// Pages of a chunk at most.
const MOST: usize = 64;
/// A chunk with fewer joins one beside it that has room.
const FEW: usize = 8;

/// What has a key, by which it is found: it is looked for from this key on, up to that of the next.
pub(crate) trait Keyed {
    fn key(&self) -> &Suffix;
}

#[derive(Clone)]
pub(crate) struct Directory<P> {
    /// Of the first page of each chunk.
    heads: Vec<u64>,
    chunks: Vec<Chunk<P>>,
}

#[derive(Clone)]
struct Chunk<P> {
    heads: Vec<u64>,
    pages: Vec<P>,
}

/// The place of a page: until pages are added or removed.
#[derive(Clone, Copy)]
pub(crate) struct At {
    chunk: usize,
    page: usize,
}

impl<P> Default for Directory<P> {
    fn default() -> Self {
        Self { heads: Vec::new(), chunks: Vec::new() }
    }
}

/// The last place whose key is not above a suffix; `key` says the key of a place.
fn last_not_above<'d>(
    heads: &[u64],
    key: impl Fn(usize) -> Option<&'d Suffix>,
    suffix: &Suffix,
) -> Option<usize> {
    let head = suffix.head();
    let mut low = heads.partition_point(|other| *other < head);
    // Where heads are equal, as where a table's suffixes begin alike, the keys decide.
    if heads.get(low) == Some(&head) {
        let mut high = heads.partition_point(|other| *other <= head);
        while low < high {
            let middle = low.midpoint(high);
            if key(middle).is_some_and(|key| key <= suffix) { low = middle + 1 } else { high = middle }
        }
    }
    low.checked_sub(1)
}

impl<P: Keyed> Chunk<P> {
    fn new(pages: Vec<P>) -> Self {
        Self { heads: pages.iter().map(|page| page.key().head()).collect(), pages }
    }

    fn key(&self) -> Option<&Suffix> {
        self.pages.first().map(P::key)
    }

    fn insert(&mut self, at: usize, page: P) {
        self.heads.insert(at, page.key().head());
        self.pages.insert(at, page);
    }

    fn split_off(&mut self, at: usize) -> Self {
        Self { heads: self.heads.split_off(at), pages: self.pages.split_off(at) }
    }
}

impl<P: Keyed> Directory<P> {
    /// Of pages that come in order.
    pub(crate) fn of(pages: impl Iterator<Item = P>) -> Self {
        let mut pages = pages.peekable();
        let mut directory = Self::default();
        while pages.peek().is_some() {
            let mut chunk: Vec<P> = pages.by_ref().take(MOST - MOST / 4).collect();
            // Some more have room before it is split; but most tables are one page.
            if pages.peek().is_some() {
                chunk.reserve_exact(MOST - chunk.len());
            }
            directory.put_chunk(directory.chunks.len(), Chunk::new(chunk));
        }
        directory
    }

    /// The page for a suffix: the last whose key is not above it.
    pub(crate) fn find(&self, suffix: &Suffix) -> Option<At> {
        let key = |chunk: usize| self.chunks.get(chunk)?.key();
        let chunk = last_not_above(&self.heads, key, suffix)?;
        let Chunk { heads, pages } = self.chunks.get(chunk)?;
        let page = last_not_above(heads, |page| pages.get(page).map(P::key), suffix)?;
        Some(At { chunk, page })
    }

    pub(crate) fn get(&self, at: At) -> Option<&P> {
        self.chunks.get(at.chunk)?.pages.get(at.page)
    }

    /// To change a page, but for its key.
    pub(crate) fn get_mut(&mut self, at: At) -> Option<&mut P> {
        self.chunks.get_mut(at.chunk)?.pages.get_mut(at.page)
    }

    /// The page before another.
    pub(crate) fn before(&self, at: At) -> Option<At> {
        if let Some(page) = at.page.checked_sub(1) {
            return Some(At { page, ..at });
        }
        let chunk = at.chunk.checked_sub(1)?;
        let page = self.chunks.get(chunk)?.pages.len().checked_sub(1)?;
        Some(At { chunk, page })
    }

    /// The page behind another.
    pub(crate) fn behind(&self, at: At) -> Option<At> {
        let next = [At { page: at.page + 1, ..at }, At { chunk: at.chunk + 1, page: 0 }];
        next.into_iter().find(|at| self.get(*at).is_some())
    }

    /// Adds a page, whose key is between those of the page that is there and the next; the first if there is none.
    pub(crate) fn insert_behind(&mut self, at: Option<At>, page: P) {
        let place = at.and_then(|at| Some((at, self.chunks.get_mut(at.chunk)?)));
        let Some((At { chunk: number, page: before }, chunk)) = place else {
            self.put_chunk(0, Chunk::new(vec![page]));
            return;
        };
        if chunk.pages.len() < MOST {
            chunk.insert(before + 1, page);
            return;
        }
        // Split, but for the last chunk that grows at its end, as where suffixes count upwards: that stays full.
        let is_at_end = before + 1 == MOST && number + 1 == self.heads.len();
        let half = if is_at_end { MOST } else { MOST / 2 };
        let mut upper = chunk.split_off(half);
        match (before + 1).checked_sub(half) {
            Some(place) if place > 0 || is_at_end => upper.insert(place, page),
            _ => chunk.insert(before + 1, page),
        }
        self.put_chunk(number + 1, upper);
    }

    /// Takes a page out.
    pub(crate) fn remove(&mut self, at: At) -> Option<P> {
        self.get(at)?;
        let chunk = self.chunks.get_mut(at.chunk)?;
        chunk.heads.remove(at.page);
        let page = chunk.pages.remove(at.page);
        let left = chunk.pages.len();
        match (chunk.heads.first(), self.heads.get_mut(at.chunk)) {
            (Some(first), Some(head)) => *head = *first,
            _ => self.take_chunk(at.chunk),
        }
        if (1..FEW).contains(&left) && !self.join(at.chunk) {
            self.join(at.chunk + 1);
        }
        Some(page)
    }

    /// Puts the pages of a chunk behind those of the one before it, if they have room.
    fn join(&mut self, number: usize) -> bool {
        let length = |number: usize| self.chunks.get(number).map(|chunk| chunk.pages.len());
        let before = number.checked_sub(1);
        let (Some(before), Some(few), Some(many)) = (before, length(number), before.and_then(length)) else {
            return false;
        };
        if few + many > MOST / 2 {
            return false;
        }
        let pages =
            self.chunks.get_mut(number).map(|chunk| std::mem::take(&mut chunk.pages)).unwrap_or_default();
        self.take_chunk(number);
        if let Some(chunk) = self.chunks.get_mut(before) {
            chunk.heads.extend(pages.iter().map(|page| page.key().head()));
            chunk.pages.extend(pages);
        }
        true
    }

    fn put_chunk(&mut self, number: usize, chunk: Chunk<P>) {
        self.heads.insert(number, chunk.key().map_or(0, Suffix::head));
        self.chunks.insert(number, chunk);
    }

    fn take_chunk(&mut self, number: usize) {
        self.heads.remove(number);
        self.chunks.remove(number);
    }

    /// The pages from a place on.
    pub(crate) fn from(&self, at: At) -> impl Iterator<Item = &P> {
        let chunks = self.chunks.get(at.chunk..).unwrap_or_default();
        chunks.iter().flat_map(|chunk| &chunk.pages).skip(at.page)
    }

    /// So many pages have room.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.chunks.iter().map(|chunk| chunk.pages.capacity()).sum()
    }

    /// All pages.
    #[cfg(test)]
    pub(crate) fn pages(&self) -> impl Iterator<Item = &P> {
        self.from(At { chunk: 0, page: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Keyed for Suffix {
        fn key(&self) -> &Suffix {
            self
        }
    }

    fn check(directory: &Directory<Suffix>, model: &[Suffix]) {
        assert!(directory.pages().eq(model));
        assert!(directory.heads.len() == directory.chunks.len());
        for (head, chunk) in directory.heads.iter().zip(&directory.chunks) {
            assert!((1..=MOST).contains(&chunk.pages.len()) && chunk.heads.first() == Some(head));
            assert!(chunk.heads.iter().copied().eq(chunk.pages.iter().map(Suffix::head)));
        }
    }

    /// Keys that differ in their heads, that do not, and that do in part.
    fn key(kind: u64, n: u64) -> Suffix {
        let beginning = [n, 7, n / 50][kind as usize % 3];
        Suffix::new(&[beginning.to_be_bytes(), n.to_be_bytes()].concat())
    }

    #[test]
    fn pages_are_found_whatever_was_added_and_removed() {
        for kind in 0..3 {
            for filled in [0, 1, 40, 1000] {
                let mut model: Vec<Suffix> = (0..filled).map(|n| key(kind, 3 * n)).collect();
                let mut directory = Directory::of(model.iter().cloned());
                check(&directory, &model);
                let mut state = kind + filled;
                for step in 0..6000_u64 {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let suffix = key(kind, (state >> 33) % 3000);
                    let below = model.partition_point(|key| *key <= suffix);
                    let at = directory.find(&suffix);
                    assert_eq!(
                        at.and_then(|at| directory.get(at)),
                        below.checked_sub(1).map(|at| &model[at])
                    );
                    if let Some(at) = at {
                        assert!(directory.from(at).eq(&model[below - 1..]));
                        let beside = [directory.before(at), directory.behind(at)];
                        let beside = beside.map(|at| at.and_then(|at| directory.get(at)));
                        assert_eq!(beside, [below.checked_sub(2).map(|at| &model[at]), model.get(below)]);
                    }
                    // It grows, then it shrinks to nothing.
                    let is_there = below.checked_sub(1).is_some_and(|at| model[at] == suffix);
                    if step < 3000 && !is_there {
                        // The first is the empty key of a table: nothing is added before it.
                        if let (None, false) = (at, model.is_empty()) {
                            continue;
                        }
                        directory.insert_behind(at, suffix.clone());
                        model.insert(below, suffix);
                    } else if let (true, Some(at)) = (step >= 3000, at) {
                        assert_eq!(directory.remove(at), Some(model.remove(below - 1)));
                    }
                    if step % 50 == 0 {
                        check(&directory, &model);
                    }
                }
                while !model.is_empty() {
                    let at = directory.find(&model[0]).unwrap();
                    assert_eq!(directory.remove(at), Some(model.remove(0)));
                    check(&directory, &model);
                }
                assert!(directory.chunks.is_empty() && directory.find(&key(kind, 1)).is_none());
            }
        }
    }

    #[test]
    fn counted_upwards_or_thinned_out_there_are_few_chunks() {
        let mut directory = Directory::default();
        let mut at = None;
        for n in 0..10_000 {
            directory.insert_behind(at, key(0, n));
            at = directory.find(&key(0, n));
        }
        assert_eq!(directory.chunks.len(), 10_000_usize.div_ceil(MOST));
        for n in (0..10_000).filter(|n| n % 50 != 0) {
            let at = directory.find(&key(0, n)).unwrap();
            assert_eq!(directory.remove(at), Some(key(0, n)));
        }
        assert_eq!(directory.pages().count(), 200);
        assert!(directory.chunks.len() <= 200 / FEW + 1, "{} chunks", directory.chunks.len());
    }
}
