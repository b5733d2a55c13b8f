//! Two guards: in memory, for tests and for processes that outlive their stores; and in a file.

use super::{GuardPlace, MarkExchange, RollbackGuard, RollbackGuardError, RollbackMark};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Marks in memory. Share it by [`Arc`](std::sync::Arc).
#[derive(Debug, Default)]
pub struct MemoryRollbackGuard(Mutex<BTreeMap<Vec<u8>, RollbackMark>>);

impl MemoryRollbackGuard {
    /// Without marks.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// Loses all marks.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl RollbackGuard for MemoryRollbackGuard {
    fn read(&self, place: &GuardPlace<'_>) -> Result<Option<RollbackMark>, RollbackGuardError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&place.name()).copied())
    }

    fn compare_and_set(
        &self,
        place: &GuardPlace<'_>,
        expected: Option<RollbackMark>,
        mark: RollbackMark,
    ) -> Result<MarkExchange, RollbackGuardError> {
        let mut marks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(exchange(&mut marks, place, expected, mark))
    }
}

/// Marks in one small text file, for stores on a machine whose backups can be told to leave it out. Several processes
/// may use it.
///
/// Each change writes the file anew beside the old one, flushes it and puts it into its place; a file `NAME.lock` keeps
/// others away meanwhile. O(number of groups) per change. On Unix, only the owner can read and write the files.
#[derive(Debug)]
pub struct FileRollbackGuard {
    path: PathBuf,
    /// A lock on a file is the process's on some systems.
    turn: Mutex<()>,
}

const HEADER: &str = "pleach rollback guard 1";

impl FileRollbackGuard {
    /// Uses this file, which need not be there yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), turn: Mutex::new(()) }
    }

    /// Forgets the mark of a group, for one that was deleted and is never to be joined again.
    ///
    /// A group of which there is still something in the store is [restored](crate::Group::is_restored) then. And if a store is
    /// put back that is older than the group, nothing notices any more that it is joined for the second time.
    ///
    /// # Errors
    /// Those of the file.
    pub fn forget(&self, place: &GuardPlace<'_>) -> Result<(), RollbackGuardError> {
        self.locked(|marks| if marks.remove(&place.name()).is_some() { self.store(marks) } else { Ok(()) })
    }

    fn locked<T>(
        &self,
        work: impl FnOnce(&mut BTreeMap<Vec<u8>, RollbackMark>) -> io::Result<T>,
    ) -> Result<T, RollbackGuardError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let run = || {
            let lock = private().create(true).truncate(false).write(true).open(self.beside("lock"))?;
            lock.lock()?;
            let mut marks = self.load()?;
            work(&mut marks)
            // Closing the file ends the lock.
        };
        run().map_err(|error: io::Error| RollbackGuardError::new(format!("{}: {error}", self.path.display())))
    }

    fn load(&self) -> io::Result<BTreeMap<Vec<u8>, RollbackMark>> {
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(error),
        };
        let mut lines = text.lines();
        if lines.next() != Some(HEADER) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a file of rollback marks"));
        }
        lines.map(|line| parse(line).ok_or_else(damaged)).collect()
    }

    fn store(&self, marks: &BTreeMap<Vec<u8>, RollbackMark>) -> io::Result<()> {
        let fresh = self.beside("new");
        // One that was left behind may have other permissions.
        match std::fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = private().create_new(true).write(true).open(&fresh)?;
        let mut text = format!("{HEADER}\n");
        for (name, mark) in marks {
            text.push_str(&format!("{} {}\n", hex(name), hex(&mark.to_bytes())));
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        drop(file);
        std::fs::rename(&fresh, &self.path)?;
        // The name, too, has to outlast a crash. Only Unix can flush a directory.
        #[cfg(unix)]
        File::open(
            self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")),
        )?
        .sync_all()?;
        Ok(())
    }

    fn beside(&self, end: &str) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".");
        name.push(end);
        self.path.with_file_name(name)
    }
}

impl RollbackGuard for FileRollbackGuard {
    fn read(&self, place: &GuardPlace<'_>) -> Result<Option<RollbackMark>, RollbackGuardError> {
        self.locked(|marks| Ok(marks.get(&place.name()).copied()))
    }

    fn compare_and_set(
        &self,
        place: &GuardPlace<'_>,
        expected: Option<RollbackMark>,
        mark: RollbackMark,
    ) -> Result<MarkExchange, RollbackGuardError> {
        self.locked(|marks| {
            let exchanged = exchange(marks, place, expected, mark);
            if exchanged == MarkExchange::Done {
                self.store(marks)?;
            }
            Ok(exchanged)
        })
    }
}

/// For files of the owner alone.
fn private() -> OpenOptions {
    let options = OpenOptions::new();
    #[cfg(unix)]
    let options = {
        use std::os::unix::fs::OpenOptionsExt as _;
        let mut options = options;
        options.mode(0o600);
        options
    };
    options
}

fn exchange(
    marks: &mut BTreeMap<Vec<u8>, RollbackMark>,
    place: &GuardPlace<'_>,
    expected: Option<RollbackMark>,
    mark: RollbackMark,
) -> MarkExchange {
    let name = place.name();
    let found = marks.get(&name).copied();
    if found == expected {
        marks.insert(name, mark);
        MarkExchange::Done
    } else {
        MarkExchange::Found(found)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn parse(line: &str) -> Option<(Vec<u8>, RollbackMark)> {
    let (name, mark) = line.split_once(' ')?;
    let mark: [u8; 16] = unhex(mark)?.try_into().ok()?;
    Some((unhex(name)?, RollbackMark::from_bytes(mark)))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text.chars().map(|c| c.to_digit(16)).collect::<Option<_>>()?;
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| u8::try_from(high * 16 + low).ok()).collect()
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "damaged")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::InstanceId;

    const PLACE: GuardPlace<'static> =
        GuardPlace { instance: InstanceId([7; 16]), client: b"alice", group: b"tea" };

    fn mark(count: u64) -> RollbackMark {
        RollbackMark { count, tag: [count as u8; 8] }
    }

    fn keeps(guard: &dyn RollbackGuard) {
        assert_eq!(guard.read(&PLACE).unwrap(), None);
        assert_eq!(guard.compare_and_set(&PLACE, Some(mark(1)), mark(2)).unwrap(), MarkExchange::Found(None));
        assert_eq!(guard.compare_and_set(&PLACE, None, mark(1)).unwrap(), MarkExchange::Done);
        assert_eq!(guard.compare_and_set(&PLACE, Some(mark(1)), mark(2)).unwrap(), MarkExchange::Done);
        let found = MarkExchange::Found(Some(mark(2)));
        assert_eq!(guard.compare_and_set(&PLACE, Some(mark(1)), mark(3)).unwrap(), found);
        assert_eq!(guard.read(&PLACE).unwrap(), Some(mark(2)));
        // Neither part of a place runs into the next.
        for other in [
            GuardPlace { client: b"alicet", group: b"ea", ..PLACE },
            GuardPlace { instance: InstanceId([8; 16]), ..PLACE },
        ] {
            assert_eq!(guard.read(&other).unwrap(), None);
        }
    }

    #[test]
    fn guards_keep_marks() {
        keeps(&MemoryRollbackGuard::new());
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("marks");
        keeps(&FileRollbackGuard::new(&path));
        assert_eq!(FileRollbackGuard::new(&path).read(&PLACE).unwrap(), Some(mark(2)));
        for damage in
            ["", "something else\n", "pleach rollback guard 1\nabc 00\n", "pleach rollback guard 1\nzz"]
        {
            std::fs::write(&path, damage).unwrap();
            FileRollbackGuard::new(&path).read(&PLACE).unwrap_err();
        }
    }

    #[test]
    fn a_file_is_its_owners_and_forgets() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("marks");
        // What a crash left.
        std::fs::write(directory.path().join("marks.new"), "half").unwrap();
        let guard = FileRollbackGuard::new(&path);
        let other = GuardPlace { group: b"cake", ..PLACE };
        for place in [PLACE, other] {
            assert_eq!(guard.compare_and_set(&place, None, mark(1)).unwrap(), MarkExchange::Done);
        }
        #[cfg(unix)]
        for file in std::fs::read_dir(directory.path()).unwrap() {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        guard.forget(&PLACE).unwrap();
        guard.forget(&PLACE).unwrap();
        assert_eq!(guard.read(&PLACE).unwrap(), None);
        assert_eq!(guard.read(&other).unwrap(), Some(mark(1)));
    }

    #[test]
    fn many_move_one_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("marks");
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    let guard = FileRollbackGuard::new(path);
                    let mut done = 0;
                    while done < 5 {
                        let now = guard.read(&PLACE).unwrap();
                        let next = now.map_or(0, |mark| mark.count) + 1;
                        let next = RollbackMark { count: next, tag: [thread; 8] };
                        if guard.compare_and_set(&PLACE, now, next).unwrap() == MarkExchange::Done {
                            done += 1;
                        }
                    }
                });
            }
        });
        assert_eq!(FileRollbackGuard::new(&path).read(&PLACE).unwrap().map(|mark| mark.count), Some(20));
    }
}
