//! Stores that are watched: where their files are, what was put, and what of it should be gone.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use pleach::storage::{Checked, Key, KeyRange, RecordKind, Scope, Storage};
use pleach::{Group, KeyPackageRecord, PendingCommit, WirePolicy, crypto::CipherSuiteId};
use pleach_storage_sqlite::{Journal, SqliteOptions, SqliteStorage};
use pleach_testkit::behaviour::{Failure, Stores, World};
use pleach_testkit::recording::{Fields, History, Recording};
use tempfile::TempDir;

pub(crate) const SUITE: CipherSuiteId = CipherSuiteId::X25519_AES128GCM_SHA256_ED25519;

/// Stores by name, each in a directory of its own.
#[derive(Debug)]
pub(crate) struct Watch {
    root: TempDir,
    options: SqliteOptions,
    open: Mutex<BTreeMap<String, (Arc<SqliteStorage>, History)>>,
}

impl Stores for Watch {
    fn open(&self, name: &str) -> Result<Arc<dyn Storage>, Failure> {
        let (store, history) = self.of(name);
        Ok(Arc::new(Recording::with(store, history)))
    }
}

impl Watch {
    pub(crate) fn new(options: SqliteOptions) -> Arc<Self> {
        // In memory, where there is such a directory: files are searched here, not disks.
        let root = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        Arc::new(Self { root, options, open: Mutex::default() })
    }

    /// A world over these stores.
    pub(crate) fn world(self: &Arc<Self>) -> World {
        World::new(pleach_rustcrypto::provider(), self.clone(), SUITE, WirePolicy::PRIVATE)
    }

    /// The one handle on this store, and its history.
    pub(crate) fn of(&self, name: &str) -> (Arc<SqliteStorage>, History) {
        let mut open = self.open.lock().unwrap();
        let handle = open.entry(name.to_owned()).or_insert_with(|| {
            std::fs::create_dir_all(self.directory(name)).unwrap();
            let store = SqliteStorage::open_with(self.directory(name).join("store.db"), &self.options);
            (Arc::new(store.unwrap()), History::default())
        });
        handle.clone()
    }

    pub(crate) fn directory(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Closes the handle on this store, once its clients are gone, and opens another.
    pub(crate) fn reopen(&self, name: &str) {
        let mut open = self.open.lock().unwrap();
        let (store, history) = open.remove(name).unwrap();
        assert_eq!(Arc::strong_count(&store), 1, "a client still has it");
        drop(store);
        let store = SqliteStorage::open_with(self.directory(name).join("store.db"), &self.options).unwrap();
        open.insert(name.to_owned(), (Arc::new(store), history));
    }

    /// The secret fields of the rows that are wanted.
    pub(crate) fn fields(&self, name: &str, wanted: impl Fn(Key<'_>) -> bool) -> Fields {
        Fields::of(&self.of(name).0, wanted)
    }

    /// The secret fields of all rows of these kinds.
    pub(crate) fn kinds(&self, name: &str, kinds: &[RecordKind]) -> Fields {
        Fields::stored(&self.of(name).0, kinds)
    }

    /// The private keys of the key packages.
    pub(crate) fn key_packages(&self, name: &str) -> Vec<KeyPackageRecord> {
        let mut records = Vec::new();
        let range = KeyRange::records(name.as_bytes(), Scope::Client, RecordKind::KeyPackage);
        let scan = Checked::new(self.of(name).0).scan(&range, &mut |row| {
            records.push(KeyPackageRecord::from_row(row.value).unwrap());
            Ok(())
        });
        scan.unwrap();
        records
    }

    /// Runs an operation that retires secrets: before it, they are in the files, and after it neither they nor anything
    /// else that is not stored any more.
    #[track_caller]
    pub(crate) fn retires<T>(&self, name: &str, secrets: &Fields, operation: impl FnOnce() -> T) -> T {
        let directory = self.directory(name);
        assert!(!secrets.is_empty(), "nothing to retire");
        // A value of several slots is cut.
        let found = secrets.found(&directory);
        assert!(found * 100 >= secrets.len() * 95, "of {} windows, the search finds {found}", secrets.len());
        let output = operation();
        assert_eq!(secrets.found(&directory), 0, "of {} windows", secrets.len());
        self.clean(name);
        output
    }

    /// As [`Watch::retires`], for whole rows of this kind, of which parts are public or live on in others. Most of them
    /// must not.
    #[track_caller]
    pub(crate) fn retires_rows<T>(&self, name: &str, kind: RecordKind, operation: impl FnOnce() -> T) -> T {
        let ((store, history), directory) = (self.of(name), self.directory(name));
        let rows = Fields::whole(&store, |key| key.record == kind);
        let found = rows.found(&directory);
        assert!(!rows.is_empty() && found * 100 >= rows.len() * 95, "of {}, {found} are found", rows.len());
        let output = operation();
        let gone = rows.clone().without(&Fields::whole(&store, |_| true)).without(&history.open());
        assert!(gone.len() * 2 > rows.len(), "of {} windows, only {} are retired", rows.len(), gone.len());
        assert_eq!(gone.found(&directory), 0);
        self.clean(name);
        output
    }

    /// Nothing is left of what is not stored any more; what is stored can be seen.
    #[track_caller]
    pub(crate) fn clean(&self, name: &str) {
        let (store, history) = self.of(name);
        let left = history.leftovers(&store, &self.directory(name));
        assert!(left.is_empty(), "{name}: {} windows are left: {:?}", left.len(), &left[..left.len().min(5)]);
        let (seen, all) = history.visible(&store, &self.directory(name));
        assert!(seen * 100 >= all * 95, "{name}: the search is blind: {seen} of {all}");
    }
}

/// A group of these members: alice's store and all others are watched.
pub(crate) fn scene(names: &[&str]) -> (Arc<Watch>, World, Vec<Group>) {
    let watch = Watch::new(SqliteOptions::new());
    let world = watch.world();
    let members = world.group(names).unwrap();
    (watch, world, members)
}

pub(crate) fn wal() -> SqliteOptions {
    SqliteOptions::new().journal(Journal::Wal)
}

/// The delivery service accepted the Commit of `members[by]`: all active members merge it.
pub(crate) fn deliver(members: &mut [Group], by: usize, commit: &PendingCommit) {
    for (i, group) in members.iter_mut().enumerate().filter(|(_, group)| group.is_active()) {
        if i == by { drop(group.merge(commit).unwrap()) } else { follow(group, commit.message()) }
    }
}

/// Receives and merges a Commit.
pub(crate) fn follow(group: &mut Group, message: &[u8]) {
    let staged = group.receive(message).unwrap().into_commit().unwrap();
    group.merge(staged).unwrap();
}

/// Receives an application message.
pub(crate) fn read(group: &mut Group, message: &[u8]) -> Vec<u8> {
    group.receive(message).unwrap().into_application().unwrap().into_data()
}
