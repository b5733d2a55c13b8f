//! A file read and written at offsets.
//!
//! Cost: one system call for each; two where a file has but one position.

use std::fs::File;
use std::io::Result;

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
        (&self.file).seek(std::io::SeekFrom::Start(at))?;
        (&self.file).read_exact(out)
    }

    #[cfg(not(unix))]
    pub(crate) fn write(&self, at: u64, data: &[u8]) -> Result<()> {
        use std::io::{Seek as _, Write as _};
        let _position = self.position.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        (&self.file).seek(std::io::SeekFrom::Start(at))?;
        (&self.file).write_all(data)
    }

    /// Flushes content, and of the metadata what is needed to read it.
    pub(crate) fn sync(&self) -> Result<()> {
        self.file.sync_data()
    }
}
