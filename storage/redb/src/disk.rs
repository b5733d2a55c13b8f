//! A file read and written at offsets, and the part of it that redb is given.
//!
//! Invariant: after [`Region::fail`], redb neither reads nor writes the file, not even while it is dropped: what lies
//! there is what a crash would leave.

use std::fs::File;
use std::io::{self, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A file, by offsets.
#[derive(Debug)]
pub(crate) struct Disk {
    file: File,
    /// Elsewhere than on Unix, a read or write moves the file's one position first.
    #[cfg(not(unix))]
    position: std::sync::Mutex<()>,
}

impl Disk {
    pub(crate) const fn new(file: File) -> Self {
        Self {
            file,
            #[cfg(not(unix))]
            position: std::sync::Mutex::new(()),
        }
    }

    pub(crate) const fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn into_file(self) -> File {
        self.file
    }

    pub(crate) fn len(&self) -> Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    #[cfg(unix)]
    pub(crate) fn read(&self, at: u64, out: &mut [u8]) -> Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, out, at)
    }

    #[cfg(unix)]
    pub(crate) fn write(&self, at: u64, data: &[u8]) -> Result<()> {
        std::os::unix::fs::FileExt::write_all_at(&self.file, data, at)
    }

    #[cfg(not(unix))]
    pub(crate) fn read(&self, at: u64, out: &mut [u8]) -> Result<()> {
        use std::io::{Read as _, Seek as _};
        let _position = self.position.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        (&self.file).seek(io::SeekFrom::Start(at))?;
        (&self.file).read_exact(out)
    }

    #[cfg(not(unix))]
    pub(crate) fn write(&self, at: u64, data: &[u8]) -> Result<()> {
        use std::io::{Seek as _, Write as _};
        let _position = self.position.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        (&self.file).seek(io::SeekFrom::Start(at))?;
        (&self.file).write_all(data)
    }

    /// Flushes content, and of the metadata what is needed to read it.
    pub(crate) fn sync(&self) -> Result<()> {
        self.file.sync_data()
    }
}

/// The file from [`Region::START`] on, as redb's own.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    disk: Arc<Disk>,
    failed: Arc<AtomicBool>,
}

impl Region {
    /// Before it lies our header, in a page of its own.
    pub(crate) const START: u64 = 4096;

    pub(crate) fn new(disk: Arc<Disk>) -> Self {
        Self { disk, failed: Arc::default() }
    }

    pub(crate) fn fail(&self) {
        self.failed.store(true, Ordering::Release);
    }

    fn disk(&self) -> Result<&Disk> {
        if self.failed.load(Ordering::Acquire) {
            return Err(io::Error::other("the database was given up after an error"));
        }
        Ok(&self.disk)
    }

    fn place(offset: u64) -> Result<u64> {
        offset.checked_add(Self::START).ok_or_else(|| io::ErrorKind::InvalidInput.into())
    }
}

impl redb::StorageBackend for Region {
    fn len(&self) -> Result<u64> {
        Ok(self.disk()?.len()?.saturating_sub(Self::START))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        self.disk()?.read(Self::place(offset)?, out)
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.disk()?.file().set_len(Self::place(len)?)
    }

    fn sync_data(&self) -> Result<()> {
        self.disk()?.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.disk()?.write(Self::place(offset)?, data)
    }
}
