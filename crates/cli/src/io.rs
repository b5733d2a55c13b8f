//! Files and streams: what is read is bounded and may be armoured; what is written appears whole or not at all.
//!
//! Input may be binary, hexadecimal or base64; an MLS message begins with a zero byte, so it is never mistaken for
//! text. `-` is standard input. An output file is opened before the operation that fills it, beside its final name,
//! and moved there at the end: a failed operation leaves no file, and a full disk is noticed early. An identity's store, or
//! its journal, is never written over.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::exit::{Exit, Failure};

/// The longest message that is read: that of the library's default limits.
const MAX_BYTES: u64 = 64 << 20;

fn file_failure(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::File, "file", format!("{}: {error}", path.display()))
}

/// Reads a file, or standard input for `-`, as it is.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    read_at_most(path, MAX_BYTES)
}

/// Opens a file, or standard input for `-`, to be read piece by piece.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(path).map_err(|error| file_failure(path, &error))?;
    Ok(Box::new(io::BufReader::new(file)))
}

/// Reads a message: binary, hexadecimal or base64.
pub(crate) fn read_message(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = unarmour(read_at_most(path, 2 * MAX_BYTES + 4096)?);
    if bytes.is_empty() {
        return Err(Failure::malformed(format!("{} is empty", path.display())));
    }
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_long(path, MAX_BYTES));
    }
    Ok(bytes)
}

fn too_long(path: &Path, limit: u64) -> Failure {
    Failure::malformed(format!("{} is longer than {} MiB", path.display(), limit >> 20))
}

fn read_at_most(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(limit + 1).read_to_end(&mut bytes)
    } else {
        let file = File::open(path).map_err(|error| file_failure(path, &error))?;
        if file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() > limit) {
            return Err(too_long(path, limit));
        }
        file.take(limit + 1).read_to_end(&mut bytes)
    };
    read.map_err(|error| file_failure(path, &error))?;
    if bytes.len() as u64 > limit { Err(too_long(path, limit)) } else { Ok(bytes) }
}

/// Decodes hexadecimal or base64; anything else is binary already.
pub(crate) fn unarmour(bytes: Vec<u8>) -> Vec<u8> {
    let is_text = |b: &u8| b.is_ascii_alphanumeric() || b.is_ascii_whitespace() || b"+/-_=".contains(b);
    if !bytes.iter().all(is_text) {
        return bytes;
    }
    let text: Vec<u8> = bytes.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    if let Ok(decoded) = hex::decode(&text) {
        return decoded;
    }
    let unpadded =
        text.trim_ascii_end().strip_suffix(b"==").or_else(|| text.strip_suffix(b"=")).unwrap_or(&text);
    STANDARD
        .decode(&text)
        .or_else(|_| STANDARD_NO_PAD.decode(unpadded))
        .or_else(|_| URL_SAFE_NO_PAD.decode(unpadded))
        .unwrap_or(bytes)
}

/// Base64, for terminals and JSON.
pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Whether there is an SQLite file, or what would be taken for the journal of one.
fn is_store(path: &Path) -> bool {
    const MAGIC: [u8; 16] = *b"SQLite format 3\0";
    belongs_to(path, |path| {
        let mut head = [0; 16];
        path.is_file()
            && File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok()
            && head == MAGIC
    })
}

/// Whether the path is a database, or what would be taken for the journal of one.
fn belongs_to(path: &Path, is_database: impl Fn(&Path) -> bool) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return is_database(path) };
    let of_journal = ["-journal", "-wal", "-shm"].iter().find_map(|end| name.strip_suffix(end));
    is_database(path) || of_journal.is_some_and(|database| is_database(&path.with_file_name(database)))
}

/// Refuses an output in the place of a store that is still to be made: [`Output::open`] sees those that are there.
pub(crate) fn not_the_store(path: &Path, store: &Path) -> Result<(), Failure> {
    let place = |path: &Path| {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = directory.unwrap_or_else(|| Path::new(".")).canonicalize().ok()?;
        Some(directory.join(path.file_name()?))
    };
    let store = place(store);
    if store.is_some() && belongs_to(path, |path| place(path) == store) {
        return Err(would_be_lost(path));
    }
    Ok(())
}

fn would_be_lost(path: &Path) -> Failure {
    Failure::usage(format!("{} is a store, and would be lost: name another file", path.display()))
}

/// A file to be written when all went well.
#[derive(Debug)]
pub(crate) struct Output {
    path: PathBuf,
    /// Beside `path`; `None` if that is a device or pipe, which is written directly.
    temporary: Option<PathBuf>,
    file: File,
}

impl Output {
    /// Opens what will be `path`. For no path, nothing.
    pub(crate) fn open(path: Option<&PathBuf>) -> Result<Option<Self>, Failure> {
        let Some(path) = path else { return Ok(None) };
        if is_store(path) {
            return Err(would_be_lost(path));
        }
        let open = || -> io::Result<Self> {
            if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
                let file = File::options().write(true).open(path)?;
                return Ok(Self { path: path.clone(), temporary: None, file });
            }
            let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
            let mut hidden = std::ffi::OsString::from(".");
            hidden.push(name);
            hidden.push(format!(".{}", std::process::id()));
            let temporary = path.with_file_name(hidden);
            // Never somebody else's file, and nobody else's to read: it may hold what was decrypted.
            let mut options = File::options();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = options.open(&temporary).map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => io::Error::other(format!(
                    "named for two outputs, or {} was left behind by a call that was killed",
                    temporary.display()
                )),
                _ => error,
            })?;
            Ok(Self { path: path.clone(), temporary: Some(temporary), file })
        };
        open().map(Some).map_err(|error| file_failure(path, &error))
    }

    /// Takes room for so many bytes: for what can be had only once, a full disk has to be noticed before.
    pub(crate) fn reserve(&mut self, bytes: usize) -> Result<(), Failure> {
        if self.temporary.is_none() {
            return Ok(());
        }
        // Written, since a file that is only lengthened has no blocks yet.
        let mut reserve = || {
            io::copy(&mut io::repeat(0).take(bytes as u64), &mut self.file)?;
            self.file.sync_all()?;
            self.file.rewind()
        };
        reserve().map_err(|error| file_failure(&self.path, &error))
    }

    /// Lets `work` write, and gives the file its name.
    pub(crate) fn fill<T>(
        mut self,
        work: impl FnOnce(&mut dyn Write) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut buffered = io::BufWriter::new(&mut self.file);
        let done = work(&mut buffered)?;
        let flushed = buffered.flush();
        drop(buffered);
        if is_store(&self.path) {
            return Err(would_be_lost(&self.path));
        }
        let finish = || match &self.temporary {
            Some(temporary) => {
                self.file.sync_all()?;
                std::fs::rename(temporary, &self.path)
            }
            None => Ok(()),
        };
        flushed.and_then(|()| finish()).map_err(|error| file_failure(&self.path, &error))?;
        self.temporary = None;
        Ok(done)
    }

    /// Writes the bytes and gives the file its name.
    pub(crate) fn write(mut self, bytes: &[u8]) -> Result<(), Failure> {
        // One may have come into being meanwhile.
        if is_store(&self.path) {
            return Err(would_be_lost(&self.path));
        }
        let mut write = || {
            self.file.write_all(bytes)?;
            match &self.temporary {
                Some(temporary) => {
                    self.file.set_len(bytes.len() as u64)?;
                    self.file.sync_all()?;
                    std::fs::rename(temporary, &self.path)
                }
                None => Ok(()),
            }
        };
        let written = write();
        if written.is_ok() {
            self.temporary = None;
        }
        written.map_err(|error| file_failure(&self.path, &error))
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            let _ = std::fs::remove_file(temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn armour_comes_off() {
        let message = b"\x00\x01\x00\x05\xff\x3e\x3f";
        for text in [
            hex::encode(message),
            hex::encode_upper(message),
            STANDARD.encode(message),
            STANDARD_NO_PAD.encode(message),
            URL_SAFE_NO_PAD.encode(message),
            format!("{}\n", STANDARD.encode(message)),
            "00 01 00 05\r\nff 3e 3f\n".to_owned(),
        ] {
            assert_eq!(unarmour(text.clone().into_bytes()), message, "{text}");
        }
        assert_eq!(unarmour(message.to_vec()), message);
        assert_eq!(unarmour(b"hello, world".to_vec()), b"hello, world");
        assert_eq!(unarmour(Vec::new()), b"");
    }

    #[test]
    fn an_output_that_is_not_written_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("message");
        drop(Output::open(Some(&path)).unwrap().unwrap());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        Output::open(Some(&path)).unwrap().unwrap().write(b"abc").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"abc");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        assert!(Output::open(Some(&directory.path().join("no/where"))).is_err());
        // Two outputs of one call cannot be one file.
        let first = Output::open(Some(&path)).unwrap();
        assert!(Output::open(Some(&path)).unwrap_err().to_string().contains("two outputs"));
        drop(first);
        // Room that was taken and is not needed is given back.
        let mut roomy = Output::open(Some(&path)).unwrap().unwrap();
        roomy.reserve(10_000).unwrap();
        roomy.write(b"abcd").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"abcd");
        // A store that came into being meanwhile stays.
        let late = Output::open(Some(&path)).unwrap().unwrap();
        std::fs::write(&path, b"SQLite format 3\0 and more").unwrap();
        late.write(b"abc").unwrap_err();
        assert!(std::fs::read(&path).unwrap().starts_with(b"SQLite"));
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_store_that_is_not_there_yet_is_known_by_its_place() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for name in ["a.db", "./a.db", "a.db-journal", "a.db-wal", "a.db-shm"] {
            assert!(not_the_store(&at(name), &at("a.db")).is_err(), "{name}");
        }
        for name in ["a.json", "b.db", "a.db-json"] {
            assert!(not_the_store(&at(name), &at("a.db")).is_ok(), "{name}");
        }
    }
}
