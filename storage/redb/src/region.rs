//! What redb takes for its file: blocks with checksums within ours, so that it never sees a byte that it did not write.
//!
//! redb trusts its pages. One wrong byte in a pointer and it asks for terabytes of memory, which ends the process, or
//! runs in a circle. So every block is checked before redb gets it.
//!
//! ```text
//! page 0       our header (`open.rs`)
//! pages 1, 2   two copies of redb's header, each: number: u64 big-endian | 496 bytes | CRC-32
//! from page 3  groups: a page of 1024 CRC-32s, then that many pages of redb's, from its second page on
//! ```
//!
//! A CRC of 0 is that of a page that was never written, which is all zeros; one that comes out as 0 is written as 1.
//!
//! redb writes no page twice between two flushes and reads none that it has not flushed, so a page and its checksum need
//! not be written at once. Its header alone is overwritten in place. Of that the copy that was flushed last stays as it
//! is until the other one is flushed; closing makes both the same.
//!
//! Invariant: after [`Region::fail`], redb neither reads nor writes the file, not even while it is dropped: what lies
//! there is what a crash would leave.
//!
//! Cost: 4 bytes of memory a page, read when the file is opened; a second, small write for each write. Not here: forged
//! files. Who can write the file can make checksums.

use std::io::{Error, ErrorKind, Result};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::Disk;

const PAGE: u64 = 4096;
const PAGE_LEN: usize = 4096;
/// Pages in a group, beside that of their checksums.
const GROUP: u64 = 1024;
const SUM: usize = 4;
/// How much of redb's header is kept; it has 320 bytes.
const HEADER: usize = 496;
const COPY: usize = 8 + HEADER + SUM;

/// redb's file.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    disk: Arc<Disk>,
    failed: Arc<AtomicBool>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Of each of redb's pages but the first.
    sums: Vec<u32>,
    header: Option<Vec<u8>>,
    /// The number of the copy written last.
    number: u64,
    /// The copy that is not to be overwritten.
    flushed: u64,
    /// Whether the other copy was written since the last flush.
    written: bool,
}

impl Region {
    /// How long a file without any page of redb's is.
    pub(crate) const START: u64 = 3 * PAGE;

    /// redb's file within an empty one.
    pub(crate) fn new(disk: Arc<Disk>) -> Self {
        Self { disk, failed: Arc::default(), state: Arc::default() }
    }

    /// redb's file within one that has been completed.
    pub(crate) fn open(disk: Arc<Disk>) -> Result<Self> {
        let copies = [read_copy(&disk, 0), read_copy(&disk, 1)];
        // A copy that is not whole was being written when its process died, or is damaged; then there is the other.
        let newest = match copies {
            [Ok(a), Ok(b)] => {
                if a.0 >= b.0 {
                    (a, 0)
                } else {
                    (b, 1)
                }
            }
            [Ok(a), Err(_)] => (a, 0),
            [Err(_), Ok(b)] => (b, 1),
            [Err(error), Err(_)] => return Err(error),
        };
        let ((number, header), flushed) = newest;
        let pages = pages(disk.len()?);
        let mut sums = Vec::new();
        let mut table = vec![0; PAGE_LEN];
        for group in 0..pages.div_ceil(GROUP) {
            disk.read(table_at(group), &mut table)?;
            let (found, _) = table.as_chunks::<SUM>();
            sums.extend(found.iter().map(|sum| u32::from_be_bytes(*sum)));
        }
        sums.truncate(usize::try_from(pages).map_err(|_| damaged())?);
        let state = State { sums, header: Some(header), number, flushed, written: false };
        Ok(Self { disk, failed: Arc::default(), state: Arc::new(Mutex::new(state)) })
    }

    pub(crate) fn fail(&self) {
        self.failed.store(true, Ordering::Release);
    }

    fn disk(&self) -> Result<&Disk> {
        if self.failed.load(Ordering::Acquire) {
            return Err(Error::other("the database was given up after an error"));
        }
        Ok(&self.disk)
    }

    // Nothing panics while it holds this lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the header to the copy that may be overwritten.
    fn write_header(&self, state: &mut State, data: &[u8]) -> Result<()> {
        let header = state.header.get_or_insert_with(|| vec![0; HEADER]);
        header.get_mut(..data.len()).ok_or_else(unexpected)?.copy_from_slice(data);
        state.number += 1;
        state.written = true;
        self.disk()?.write(copy_at(1 - state.flushed), &copy(state.number, header))
    }
}

impl redb::StorageBackend for Region {
    fn len(&self) -> Result<u64> {
        self.disk()?;
        let state = self.state();
        let pages = state.sums.len() as u64;
        Ok(if state.header.is_none() && pages == 0 { 0 } else { (pages + 1) * PAGE })
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        if offset < PAGE {
            let state = self.state();
            let from = usize::try_from(offset).map_err(|_| unexpected())?;
            // A header that has not been written yet is read as zeros.
            let zeros = [0; HEADER];
            let header = state.header.as_deref().unwrap_or(&zeros);
            let found = header.get(from..from + out.len()).ok_or(ErrorKind::UnexpectedEof)?;
            out.copy_from_slice(found);
            return Ok(());
        }
        let disk = self.disk()?;
        let mut page = first_page(offset, out.len())?;
        let mut rest = out;
        while !rest.is_empty() {
            let length = rest.len().min(run_len(page));
            let (run, after) = rest.split_at_mut(length);
            disk.read(page_at(page), run)?;
            for data in run.chunks(PAGE_LEN) {
                let sum = usize::try_from(page).ok().and_then(|page| self.state().sums.get(page).copied());
                if sum.ok_or(ErrorKind::UnexpectedEof)? != sum_of(data) {
                    return Err(damaged());
                }
                page += 1;
            }
            rest = after;
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let disk = self.disk()?;
        let mut state = self.state();
        let old = state.sums.len() as u64;
        let new = (len / PAGE).saturating_sub(1);
        // What is cut off comes back as zeros.
        let group_end = new.next_multiple_of(GROUP).min(old);
        if new < group_end {
            let zeros = vec![0; usize::try_from(group_end - new).map_err(|_| unexpected())? * SUM];
            disk.write(sum_at(new), &zeros)?;
        }
        state.sums.resize(usize::try_from(new).map_err(|_| unexpected())?, 0);
        disk.file().set_len(Self::START + (new + new.div_ceil(GROUP)) * PAGE)
    }

    fn sync_data(&self) -> Result<()> {
        let disk = self.disk()?;
        // Nobody writes meanwhile: redb has one writer, and it is here.
        disk.sync()?;
        let mut state = self.state();
        if std::mem::take(&mut state.written) {
            state.flushed = 1 - state.flushed;
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        if offset == 0 && data.len() <= HEADER {
            return self.write_header(&mut self.state(), data);
        }
        let disk = self.disk()?;
        let mut page = first_page(offset, data.len())?;
        let mut rest = data;
        while !rest.is_empty() {
            let (run, after) = rest.split_at(rest.len().min(run_len(page)));
            let sums: Vec<u32> = run.chunks(PAGE_LEN).map(sum_of).collect();
            let (first, count) = (usize::try_from(page).map_err(|_| unexpected())?, sums.len());
            let mut state = self.state();
            state.sums.get_mut(first..first + count).ok_or_else(unexpected)?.copy_from_slice(&sums);
            drop(state);
            disk.write(page_at(page), run)?;
            let sums: Vec<u8> = sums.into_iter().flat_map(u32::to_be_bytes).collect();
            disk.write(sum_at(page), &sums)?;
            page += count as u64;
            rest = after;
        }
        Ok(())
    }

    fn close(&self) -> Result<()> {
        let mut state = self.state();
        // The other copy becomes the same, so that either may be damaged.
        if let Some(header) = &state.header {
            self.disk()?.write(copy_at(1 - state.flushed), &copy(state.number, header))?;
            state.written = false;
            self.disk()?.sync()?;
        }
        Ok(())
    }
}

/// redb's second page is our first.
fn first_page(offset: u64, length: usize) -> Result<u64> {
    match (offset / PAGE, offset % PAGE, length % PAGE_LEN) {
        (page @ 1.., 0, 0) => Ok(page - 1),
        _ => Err(unexpected()),
    }
}

/// How many bytes from this page on lie together.
fn run_len(page: u64) -> usize {
    // At most a group.
    ((GROUP - page % GROUP) * PAGE) as usize
}

fn table_at(group: u64) -> u64 {
    Region::START + group * (GROUP + 1) * PAGE
}

fn sum_at(page: u64) -> u64 {
    table_at(page / GROUP) + page % GROUP * SUM as u64
}

fn page_at(page: u64) -> u64 {
    table_at(page / GROUP) + (1 + page % GROUP) * PAGE
}

/// How many pages a file of this length has.
fn pages(length: u64) -> u64 {
    let all = length.saturating_sub(Region::START) / PAGE;
    all - all.div_ceil(GROUP + 1)
}

fn sum_of(page: &[u8]) -> u32 {
    // Quicker than a checksum, and most of a young file.
    if page.iter().all(|byte| *byte == 0) { 0 } else { crc32fast::hash(page).max(1) }
}

fn copy_at(which: u64) -> u64 {
    (1 + which) * PAGE
}

fn copy(number: u64, header: &[u8]) -> Vec<u8> {
    let mut copy = [&number.to_be_bytes(), header].concat();
    copy.extend_from_slice(&crc32fast::hash(&copy).to_be_bytes());
    copy
}

fn read_copy(disk: &Disk, which: u64) -> Result<(u64, Vec<u8>)> {
    let mut bytes = [0; COPY];
    disk.read(copy_at(which), &mut bytes)?;
    let (copy, sum) = bytes.split_last_chunk::<SUM>().ok_or_else(damaged)?;
    let (number, header) = copy.split_first_chunk::<8>().ok_or_else(damaged)?;
    if crc32fast::hash(copy) != u32::from_be_bytes(*sum) {
        return Err(damaged());
    }
    Ok((u64::from_be_bytes(*number), header.to_vec()))
}

/// Understood as a damaged file, see `error.rs`.
fn damaged() -> Error {
    Error::new(ErrorKind::InvalidData, "a page of the database is not as it was written")
}

/// Nothing that redb does.
fn unexpected() -> Error {
    Error::new(ErrorKind::InvalidInput, "not a page of the database")
}

#[cfg(test)]
mod tests {
    use super::*;
    use redb::StorageBackend as _;

    fn disk() -> Arc<Disk> {
        let file = tempfile::tempfile().unwrap();
        file.set_len(Region::START).unwrap();
        Arc::new(Disk::new(file))
    }

    fn page(byte: u8) -> Vec<u8> {
        vec![byte; PAGE_LEN]
    }

    #[test]
    fn pages_lie_where_they_should() {
        for count in [0, 1, 2, 1023, 1024, 1025, 2048, 2049, 5000_u64] {
            let length = Region::START + (count + count.div_ceil(GROUP)) * PAGE;
            assert_eq!(pages(length), count);
            if count > 0 {
                assert_eq!(page_at(count - 1) + PAGE, length, "the last page ends the file");
            }
        }
    }

    #[test]
    fn what_is_written_is_read_after_opening() {
        let disk = disk();
        let region = Region::new(Arc::clone(&disk));
        assert_eq!(region.len().unwrap(), 0);
        region.set_len(3000 * PAGE).unwrap();
        region.write(0, b"header").unwrap();
        // Across the end of a group.
        let data: Vec<u8> = (0..4).flat_map(page).collect();
        region.write(1023 * PAGE, &data).unwrap();
        region.sync_data().unwrap();
        for region in [region, Region::open(disk).unwrap()] {
            assert_eq!(region.len().unwrap(), 3000 * PAGE);
            let mut found = vec![9; data.len() + PAGE_LEN];
            region.read(1023 * PAGE, &mut found).unwrap();
            assert_eq!(found, [data.clone(), page(0)].concat());
            let mut header = [0; 6];
            region.read(0, &mut header).unwrap();
            assert_eq!(&header, b"header");
            assert!(region.read(2999 * PAGE, &mut vec![0; 2 * PAGE_LEN]).is_err(), "past the end");
            assert!(region.read(PAGE + 1, &mut [0; 5]).is_err(), "not a page");
        }
    }

    #[test]
    fn what_is_cut_off_comes_back_as_zeros() {
        let region = Region::new(disk());
        region.set_len(10 * PAGE).unwrap();
        region.write(8 * PAGE, &page(7)).unwrap();
        region.set_len(5 * PAGE).unwrap();
        region.set_len(10 * PAGE).unwrap();
        let mut found = page(1);
        region.read(8 * PAGE, &mut found).unwrap();
        assert_eq!(found, page(0));
    }

    /// Every byte of pages, checksums and header.
    #[test]
    fn a_wrong_byte_is_found() {
        let disk = disk();
        let region = Region::new(Arc::clone(&disk));
        region.set_len(3 * PAGE).unwrap();
        region.write(0, b"older").unwrap();
        region.sync_data().unwrap();
        region.write(0, b"newer").unwrap();
        region.write(PAGE, &page(7)).unwrap();
        region.sync_data().unwrap();
        let flip = |at: u64| {
            let mut byte = [0];
            disk.read(at, &mut byte).unwrap();
            disk.write(at, &[byte[0] ^ 0x41]).unwrap();
        };
        for at in (0..2 * PAGE).step_by(31).map(|at| page_at(0) + at).chain(sum_at(0)..sum_at(2)) {
            flip(at);
            let region = Region::open(Arc::clone(&disk)).unwrap();
            assert!(region.read(PAGE, &mut vec![0; 2 * PAGE_LEN]).is_err(), "byte {at}");
            flip(at);
        }
        let header = || {
            let mut header = [0; 5];
            Region::open(Arc::clone(&disk)).and_then(|region| region.read(0, &mut header)).map(|()| header)
        };
        // As after a crash while it was being written: the one before.
        assert_eq!(&header().unwrap(), b"newer");
        flip(copy_at(region.state().flushed) + 9);
        assert_eq!(&header().unwrap(), b"older");
        flip(copy_at(region.state().flushed) + 9);
        // When it has been closed, it does not matter which one is damaged.
        region.close().unwrap();
        for copy in [0, 1] {
            flip(copy_at(copy) + 9);
            assert_eq!(&header().unwrap(), b"newer");
            flip(copy_at(copy) + 9);
        }
        flip(copy_at(0));
        flip(copy_at(1));
        assert!(header().is_err());
    }
}
