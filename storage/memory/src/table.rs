//! The rows of one table, by suffix.
//!
//! Rows stand in pages of a few tens. The pages are in order; the rows of a page are in none, so that a row is added and
//! taken away at its end, and found by a mark of one octet: whoever reads or writes one row of a million looks at a short
//! directory, the marks of one page and the row. A scan sorts the pages that it passes.
//!
//! Invariants: a row is in the page with the greatest key that is not above its suffix; the key of the first page is the empty
//! suffix; no page but the first is empty; marks and rows of a page go together.
//!
//! Cost: O(log rows) for one row, and a page sorted for one in sixteen that are added, for one in some hundreds what `directory.rs` says; O(1) for rows that come in order into
//! an empty table; a scan is linear in its rows, and a page more at each end. About 70 bytes a row, the value apart, and a
//! kilobyte for a table of few rows.

use crate::directory::{At, Directory, Keyed};
use crate::suffix::Suffix;
use crate::value::Kept;
use std::mem::{replace, take};

/// Rows of a page at most.
const MOST: usize = 32;
/// Rows of a page that was filled in order: some more have room before it is split.
const FILLED: usize = 24;
/// A page with fewer joins one beside it that has room.
const FEW: usize = 4;

#[derive(Clone, Default)]
pub(crate) struct Table {
    pages: Directory<Page>,
    rows: usize,
}

#[derive(Clone)]
pub(crate) struct Page {
    /// Not above any row.
    key: Suffix,
    marks: [u8; MOST],
    rows: Vec<(Suffix, Kept)>,
}

impl Keyed for Page {
    fn key(&self) -> &Suffix {
        &self.key
    }
}

impl Page {
    /// Looks at the page's own memory, and returns something of it.
    pub(crate) fn look(&self) -> usize {
        usize::from(self.marks[0]) ^ usize::from(self.marks[MOST - 1]) ^ self.rows.len()
    }

    /// Looks at what changes with a row: its value, and the last row, beside which one is added and which takes the place of one
    /// that is removed.
    pub(crate) fn look_at_row(&self, suffix: &Suffix) -> usize {
        let last = self.rows.last().map_or(0, |(last, _)| last.head() as usize);
        let row = self.position(suffix).and_then(|at| self.rows.get(at));
        last ^ row.map_or(0, |(_, value)| value.as_slice().first().copied().unwrap_or_default().into())
    }

    fn position(&self, suffix: &Suffix) -> Option<usize> {
        let mark = suffix.mark();
        let rows = self.marks.iter().zip(&self.rows);
        rows.enumerate().find(|(_, (found, row))| **found == mark && row.0 == *suffix).map(|(at, _)| at)
    }

    fn push(&mut self, row: (Suffix, Kept)) {
        if let Some(mark) = self.marks.get_mut(self.rows.len()) {
            *mark = row.0.mark();
        }
        if self.rows.len() == self.rows.capacity() {
            let more = if self.rows.len() < FEW { FEW } else { MOST.saturating_sub(self.rows.len()) };
            self.rows.reserve_exact(more);
        }
        self.rows.push(row);
    }

    fn swap_remove(&mut self, at: usize) -> Option<Kept> {
        let last = self.rows.len().checked_sub(1)?;
        self.marks.swap(at, last);
        Some(self.rows.swap_remove(at).1)
    }

    fn of(key: Suffix, rows: Vec<(Suffix, Kept)>) -> Self {
        let mut page = Self { key, marks: [0; MOST], rows };
        page.mark();
        page
    }

    fn mark(&mut self) {
        self.marks.iter_mut().zip(&self.rows).for_each(|(mark, row)| *mark = row.0.mark());
    }

    /// Adds a row to a full page, and takes its upper half away; only the row, if it is behind all others of the last page,
    /// as where suffixes count upwards.
    fn split(&mut self, row: (Suffix, Kept), is_last_page: bool) -> Self {
        self.rows.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        let is_last = is_last_page && self.rows.last().is_some_and(|(last, _)| *last < row.0);
        let mut upper = self.rows.split_off(if is_last { self.rows.len() } else { self.rows.len() / 2 });
        let first = upper.first().map_or_else(|| row.0.clone(), |(suffix, _)| suffix.clone());
        let half = if row.0 < first { &mut self.rows } else { &mut upper };
        half.push(row);
        self.mark();
        Self::of(first, upper)
    }
}

impl Table {
    pub(crate) const fn len(&self) -> usize {
        self.rows
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub(crate) fn get(&self, suffix: &Suffix) -> Option<&Kept> {
        let page = self.page(suffix)?;
        page.rows.get(page.position(suffix)?).map(|(_, value)| value)
    }

    /// The page that a row is in or would be in.
    pub(crate) fn page(&self, suffix: &Suffix) -> Option<&Page> {
        self.pages.get(self.pages.find(suffix)?)
    }

    /// Writes a row, and returns what it replaces.
    pub(crate) fn insert(&mut self, suffix: Suffix, value: Kept) -> Option<Kept> {
        let at = self.pages.find(&suffix);
        let Some((at, page)) = at.and_then(|at| Some((at, self.pages.get_mut(at)?))) else {
            self.pages.insert_behind(None, Page::of(Suffix::empty(), vec![(suffix, value)]));
            self.rows = 1;
            return None;
        };
        if let Some(at) = page.position(&suffix)
            && let Some((_, before)) = page.rows.get_mut(at)
        {
            return Some(replace(before, value));
        }
        self.rows += 1;
        if page.rows.len() < MOST {
            page.push((suffix, value));
            return None;
        }
        let is_last_page = self.pages.behind(at).is_none();
        let upper = self.pages.get_mut(at).map(|page| page.split((suffix, value), is_last_page));
        upper.into_iter().for_each(|upper| self.pages.insert_behind(Some(at), upper));
        None
    }

    pub(crate) fn remove(&mut self, suffix: &Suffix) -> Option<Kept> {
        let at = self.pages.find(suffix)?;
        let page = self.pages.get_mut(at)?;
        let value = page.swap_remove(page.position(suffix)?);
        self.rows = self.rows.saturating_sub(1);
        if page.rows.len() < FEW
            && !self.join(at)
            && let Some(next) = self.pages.behind(at)
        {
            self.join(next);
        }
        value
    }

    /// Puts the rows of a page into the one before it, if they have room.
    fn join(&mut self, at: At) -> bool {
        let rows = |at: At| self.pages.get(at).map_or(0, |page| page.rows.len());
        let few = rows(at);
        let Some(before) = self.pages.before(at) else { return false };
        if few > 0 && rows(before) + few > MOST / 2 {
            return false;
        }
        let rows = self.pages.get_mut(at).map(|page| take(&mut page.rows)).unwrap_or_default();
        if let Some(before) = self.pages.get_mut(before) {
            rows.into_iter().for_each(|row| before.push(row));
        }
        self.pages.remove(at);
        true
    }

    /// Fills an empty table with rows that come in order.
    pub(crate) fn fill(&mut self, rows: impl Iterator<Item = (Suffix, Kept)>) {
        let mut rows = rows.peekable();
        let mut key = Suffix::empty();
        let mut total = 0;
        let pages = std::iter::from_fn(|| {
            // With the room of a page that is added to later: growing each would cost more than adding. But for the first,
            // which is all of most tables.
            let mut page = Vec::with_capacity(if total == 0 { 0 } else { MOST });
            page.extend(rows.by_ref().take(FILLED));
            if page.is_empty() {
                return None;
            }
            total += page.len();
            let next = rows.peek().map_or_else(Suffix::empty, |(suffix, _)| suffix.clone());
            Some(Page::of(replace(&mut key, next), page))
        });
        self.pages = Directory::of(pages);
        self.rows = total;
    }

    /// The rows from one suffix to before another, or to the end, in order.
    pub(crate) fn range<'t>(
        &'t self,
        from: &[u8],
        to: Option<&'t [u8]>,
    ) -> impl Iterator<Item = (&'t Suffix, &'t Kept)> {
        let from = Suffix::new(from);
        let is_before_end = move |suffix: &Suffix| to.is_none_or(|to| suffix.as_slice() < to);
        let pages = self.pages.find(&from).into_iter().flat_map(|first| self.pages.from(first));
        let pages = pages.take_while(move |page| is_before_end(&page.key));
        pages.flat_map(move |page| {
            let mut rows: Vec<_> = page.rows.iter().map(|(suffix, value)| (suffix, value)).collect();
            rows.retain(|(suffix, _)| **suffix >= from && is_before_end(suffix));
            rows.sort_unstable_by(|one, other| one.0.cmp(other.0));
            rows
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pleach_storage::RecordClass;
    use std::collections::BTreeMap;

    fn kept(value: u64) -> Kept {
        Kept::new(RecordClass::Index, &value.to_be_bytes())
    }

    /// SplitMix64.
    fn random(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (*state ^ (*state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z ^ (z >> 27)
    }

    fn check(table: &Table, model: &BTreeMap<Vec<u8>, u64>) {
        assert_eq!(table.len(), model.len());
        let all: Vec<_> =
            table.range(&[], None).map(|(suffix, value)| (suffix.as_slice(), value.as_slice())).collect();
        assert!(all.iter().map(|row| row.0).eq(model.keys().map(Vec::as_slice)));
        assert!(all.iter().zip(model.values()).all(|(row, value)| row.1 == value.to_be_bytes()));
        let mut counted = 0;
        for (at, page) in table.pages.pages().enumerate() {
            let key = &page.key;
            assert!(page.rows.len() <= MOST && (at == 0) == key.as_slice().is_empty());
            assert!(at == 0 || !page.rows.is_empty(), "an empty page");
            assert!(page.rows.iter().all(|(suffix, _)| suffix >= key));
            assert!(page.rows.iter().zip(page.marks).all(|(row, mark)| row.0.mark() == mark));
            counted += page.rows.len();
        }
        assert_eq!(counted, table.len());
    }

    #[test]
    fn as_an_ordered_map_whatever_comes() {
        let suffixes: [fn(u64) -> Vec<u8>; 4] = [
            |n| (n % 600).to_be_bytes()[4..].to_vec(),
            |n| (n % 600).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes().to_vec(),
            |n| vec![7; (n % 40) as usize],
            |n| [&[0; 30][..], &(n % 300).to_be_bytes()].concat(),
        ];
        for (which, suffix) in suffixes.into_iter().enumerate() {
            let (mut table, mut model) = (Table::default(), BTreeMap::new());
            let mut state = which as u64;
            for step in 0..6000_u64 {
                let key = suffix(random(&mut state));
                // It grows, it stays, it shrinks to nothing.
                let puts = [9, 5, 1, 0][(step / 1500) as usize];
                let known = Suffix::new(&key);
                assert_eq!(table.get(&known).is_some(), model.contains_key(&key));
                if random(&mut state) % 10 < puts {
                    let before = table.insert(known, kept(step)).map(|kept| kept.as_slice().to_vec());
                    assert_eq!(before, model.insert(key, step).map(|value| value.to_be_bytes().to_vec()));
                } else {
                    let before = table.remove(&known).map(|kept| kept.as_slice().to_vec());
                    assert_eq!(before, model.remove(&key).map(|value| value.to_be_bytes().to_vec()));
                }
                if step % 100 == 0 {
                    check(&table, &model);
                    let (from, to) = (suffix(random(&mut state)), suffix(random(&mut state)));
                    let expected = model
                        .iter()
                        .filter(|(key, _)| **key >= from && **key < to)
                        .map(|(key, _)| key.as_slice());
                    let found = table.range(&from, Some(&to)).map(|(suffix, _)| suffix.as_slice());
                    assert!(found.eq(expected), "{from:?} to {to:?}");
                    let expected = model.keys().filter(|key| **key < to).map(Vec::as_slice);
                    let found = table.range(&[], Some(&to)).map(|(suffix, _)| suffix.as_slice());
                    assert!(found.eq(expected));
                }
            }
            for key in model.keys() {
                assert!(table.remove(&Suffix::new(key)).is_some());
            }
            assert!(table.is_empty() && table.range(&[], None).next().is_none());
        }
    }

    fn row(n: u64) -> (Suffix, Kept) {
        (Suffix::new(&n.to_be_bytes()), kept(n))
    }

    #[test]
    fn filled_in_order_and_counted_upwards_there_are_few_pages() {
        let mut model: BTreeMap<Vec<u8>, u64> =
            (0..1000).map(|n: u64| (n.to_be_bytes().to_vec(), n)).collect();
        let mut table = Table::default();
        table.fill((0..1000).map(row));
        check(&table, &model);
        assert_eq!(table.pages.pages().count(), 1000_usize.div_ceil(FILLED));
        for n in 1000..2000 {
            let (suffix, value) = row(n);
            assert!(table.insert(suffix, value).is_none());
            model.insert(n.to_be_bytes().to_vec(), n);
        }
        check(&table, &model);
        assert!(table.pages.pages().count() < 1000_usize.div_ceil(FILLED) + 1000_usize.div_ceil(MOST) + 2);
    }

    #[test]
    fn downwards_into_a_gap_there_are_few_pages() {
        let mut table = Table::default();
        table.fill((0..100).chain(10_000..10_100).map(row));
        for n in (1000..5000).rev() {
            let (suffix, value) = row(n);
            assert!(table.insert(suffix, value).is_none());
        }
        let rows = (0..100).chain(1000..5000).chain(10_000..10_100);
        check(&table, &rows.map(|n: u64| (n.to_be_bytes().to_vec(), n)).collect());
        assert!(
            table.pages.pages().count() <= 4200 / (MOST / 2) + 10,
            "{} pages",
            table.pages.pages().count()
        );
    }

    #[test]
    fn filled_then_changed_it_is_as_an_ordered_map() {
        let mut state = 5;
        for rows in [0, 1, 3, FILLED as u64, 100, 1000, 10_000] {
            let mut table = Table::default();
            table.fill((0..rows).map(|n| row(2 * n)));
            // And a copy, whose pages have no room.
            for mut table in [table.clone(), table] {
                let mut model: BTreeMap<Vec<u8>, u64> =
                    (0..rows).map(|n| ((2 * n).to_be_bytes().to_vec(), 2 * n)).collect();
                check(&table, &model);
                for _ in 0..2000 {
                    let n = random(&mut state) % (2 * rows + 1);
                    if random(&mut state).is_multiple_of(2) {
                        let (suffix, value) = row(n);
                        assert_eq!(
                            table.insert(suffix, value).is_some(),
                            model.contains_key(&n.to_be_bytes()[..])
                        );
                        model.insert(n.to_be_bytes().to_vec(), n);
                    } else {
                        let removed = table.remove(&row(n).0);
                        assert_eq!(removed.is_some(), model.remove(&n.to_be_bytes()[..]).is_some());
                    }
                }
                check(&table, &model);
                let (from, to) = (rows.to_be_bytes(), (rows + rows / 2).to_be_bytes());
                let expected = model.range(from.to_vec()..to.to_vec()).map(|(key, _)| key.as_slice());
                assert!(table.range(&from, Some(&to)).map(|(suffix, _)| suffix.as_slice()).eq(expected));
            }
        }
    }

    #[test]
    fn a_table_of_few_rows_is_small() {
        let mut table = Table::default();
        table.fill((0..1).map(row));
        assert!(table.pages.capacity() <= FEW);
        table.fill((0..1000).map(row));
        assert!(table.pages.capacity() > 1000 / MOST);
    }

    #[test]
    fn what_is_left_of_many_rows_stands_in_few_pages() {
        let upwards: Vec<u64> = (0..10_000).collect();
        let downwards: Vec<u64> = (0..10_000).rev().collect();
        for order in [upwards, downwards] {
            let mut table = Table::default();
            table.fill((0..10_000).map(row));
            for n in order.into_iter().filter(|n| n % 50 != 0) {
                assert!(table.remove(&row(n).0).is_some());
            }
            check(&table, &(0..10_000).step_by(50).map(|n: u64| (n.to_be_bytes().to_vec(), n)).collect());
            assert!(table.pages.pages().count() <= 200 / FEW + 1, "{} pages", table.pages.pages().count());
        }
    }
}
