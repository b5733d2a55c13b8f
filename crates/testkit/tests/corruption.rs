//! Damaged rows: every row of the golden store, under every operation that reads it.
//!
//! Operations are run on the store as it is, and what each reads is noted. Then each row is damaged in turn, and the
//! operations that read it are run again, each on a fresh copy:
//!
//! - damaged as disks and engines damage: the checksum does not hold, and each of these operations says so and names the kind;
//! - damaged below the checksum, as by a fault of this library: an operation gives an error of some kind or what it gave before,
//!   or something else where nothing could tell; never a panic, nor an error that blames the library itself. Where a hash can
//!   tell (nodes of the tree), it gives what it gave before or an error.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use pleach::storage::{
    Batch, Checked, Erasure, Key, KeyRange, Op, RecordKind, Row, Storage, StorageError, Value,
};
use pleach::{Client, Error, Group, Received, Status};
use pleach_testkit::golden::Golden;
use pleach_testkit::random::SeededRandom;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex};

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

/// Rows that all copies share, those that one of them changed, and which were read.
#[derive(Debug)]
struct Copy {
    base: Arc<Map>,
    changed: Mutex<BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
    read: Mutex<BTreeSet<Vec<u8>>>,
}

impl Copy {
    fn of(base: &Arc<Map>) -> Arc<Self> {
        Arc::new(Self { base: base.clone(), changed: Mutex::default(), read: Mutex::default() })
    }

    /// With one row that is another, or none.
    fn with(base: &Arc<Map>, key: &[u8], value: Option<Vec<u8>>) -> Arc<Self> {
        let copy = Self::of(base);
        copy.changed.lock().unwrap().insert(key.to_vec(), value);
        copy
    }

    fn find(&self, key: &[u8]) -> Option<Vec<u8>> {
        match self.changed.lock().unwrap().get(key) {
            Some(changed) => changed.clone(),
            None => self.base.get(key).cloned(),
        }
    }

    fn within(&self, range: &KeyRange<'_>) -> Map {
        let changed = self.changed.lock().unwrap();
        let base = self.base.iter().filter(|(key, _)| range.contains(key) && !changed.contains_key(*key));
        let changed = changed.iter().filter(|(key, _)| range.contains(key));
        let changed = changed.filter_map(|(key, value)| Some((key, value.as_ref()?)));
        base.chain(changed).map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Notes that a row was read as it is in the store, and not as this copy has written it since.
    fn note(&self, key: Vec<u8>) {
        if !self.changed.lock().unwrap().contains_key(&key) {
            self.read.lock().unwrap().insert(key);
        }
    }
}

impl Storage for Copy {
    fn get(&self, key: &Key<'_>) -> Result<Option<Value>, StorageError> {
        let key = key.to_bytes();
        let found = self.find(&key);
        self.note(key);
        Ok(found.map(Value::new))
    }

    fn scan(
        &self,
        range: &KeyRange<'_>,
        row: &mut dyn FnMut(Row<'_>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        for (key, value) in self.within(range).into_iter().take(range.row_limit().unwrap_or(usize::MAX)) {
            self.note(key.clone());
            row(Row { key: Key::decode(&key)?, value: &value })?;
        }
        Ok(())
    }

    fn apply(&self, batch: &mut dyn Batch) -> Result<(), StorageError> {
        for guard in batch.guards() {
            guard.check(self.find(guard.key().as_bytes()).as_deref())?;
        }
        let mut changes = BTreeMap::new();
        while let Some(op) = batch.next()? {
            match op {
                Op::Put { key, value } => drop(changes.insert(key.to_bytes(), Some(value.to_vec()))),
                Op::Erase(key) => drop(changes.insert(key.to_bytes(), None)),
                Op::EraseRange(range) => {
                    changes.retain(|key, _| !range.contains(key));
                    changes.extend(self.within(&range).into_keys().map(|key| (key, None)));
                }
            }
        }
        self.changed.lock().unwrap().extend(changes);
        Ok(())
    }

    fn erasure(&self) -> Erasure {
        Erasure::InMemory
    }
}

struct Stage {
    golden: Golden,
    base: Arc<Map>,
    /// Alice's pending Commits in two groups, and bob's external one.
    tea: Vec<u8>,
    welcome: Vec<u8>,
    knock: Vec<u8>,
}

/// What an operation gives: a text that says what it did, the same each time.
type Outcome = Result<String, Error>;
type Operation = fn(&Stage, &dyn Fn(&str) -> Result<Client, Error>) -> Outcome;

const OPERATIONS: [(&str, Operation); 17] = [
    ("lists of alice", |_, client| lists(&client("alice")?)),
    ("lists of bob", |_, client| lists(&client("bob")?)),
    ("lists of dora", |_, client| lists(&client("dora")?)),
    ("groups of alice", |_, client| {
        looks(&client("alice")?, &["tea", "solo", "quantum", "old", "left", "gone", "open"])
    }),
    ("groups of bob", |_, client| looks(&client("bob")?, &["tea", "quantum", "old", "left"])),
    ("messages of before", |stage, client| {
        let mut group = client("alice")?.load(b"tea")?;
        let mut texts = String::new();
        for name in ["tea early 1", "tea early 0", "tea early 2", "tea late", "tea next"] {
            texts += &read(&mut group, stage.golden.message(name).unwrap())?;
        }
        Ok(texts)
    }),
    ("a late message", |stage, client| {
        read(&mut client("bob")?.load(b"tea")?, stage.golden.message("tea late").unwrap())
    }),
    ("a Commit of another", |stage, client| {
        let mut group = client("bob")?.load(b"tea")?;
        follow(&mut group, &stage.tea)?;
        state(&group)
    }),
    ("the own Commit", |_, client| {
        let mut group = client("alice")?.load(b"tea")?;
        for pending in group.pending()? {
            group.merge(&pending)?;
        }
        state(&group)
    }),
    ("a message", |_, client| {
        let message = client("alice")?.load(b"quantum")?.encrypt(b"text")?;
        read(&mut client("bob")?.load(b"quantum")?, &message)
    }),
    ("a new Commit", |_, client| exchange(&client("bob")?, &client("alice")?, b"tea")),
    ("a post-quantum Commit", |_, client| exchange(&client("alice")?, &client("bob")?, b"quantum")),
    ("a Welcome", |stage, client| {
        let group = client("bob")?.join(&stage.welcome)?.accept()?;
        state(&group)
    }),
    ("an external Commit", |_, client| {
        let mut groups = Vec::new();
        for pending in client("bob")?.pending_external()? {
            groups.push(state(&pending.accept()?)?);
        }
        Ok(groups.concat())
    }),
    ("an external Commit of another", |stage, client| {
        let mut group = client("alice")?.load(b"open")?;
        follow(&mut group, &stage.knock)?;
        state(&group)
    }),
    ("a successor", |_, client| {
        let invited = client("bob")?.key_package()?;
        let (mut group, commit) = client("alice")?.load(b"old")?.reinitialize(&[invited])?;
        group.merge(&commit)?;
        let joined = client("bob")?.join(commit.welcome().unwrap())?.accept()?;
        Ok(format!("{}", joined.epoch_authenticator()? == group.epoch_authenticator()?))
    }),
    ("expiry", |_, client| {
        // Of one group: that of all groups goes on past those that it cannot read.
        Ok(format!("{:?}", client("alice")?.load(b"tea")?.expire()?))
    }),
];

fn lists(client: &Client) -> Outcome {
    let packages: Vec<_> = client.key_packages()?;
    let external: Vec<_> = client.pending_external()?.iter().map(|pending| pending.hash().to_vec()).collect();
    Ok(format!(
        "{:?} {packages:?} {external:?} {:?} {:?} {:?}",
        client.groups()?,
        client.psks()?,
        client.deleted_groups()?,
        client.retired_key_packages()?
    ))
}

fn looks(client: &Client, groups: &[&str]) -> Outcome {
    let mut all = String::new();
    for id in groups {
        let group = client.load(id.as_bytes())?;
        all += &state(&group)?;
        let proposals = group.pending_proposals()?;
        let pending: Vec<_> = group.pending()?.iter().map(|pending| pending.hash().to_vec()).collect();
        let records = group.records_from(b"")?;
        all += &format!("{proposals:?} {pending:?} {}", records.len());
    }
    Ok(all)
}

/// What tells a group from another: its secrets, its context, its members.
fn state(group: &Group) -> Outcome {
    if matches!(group.status(), Status::Removed) {
        return Ok(format!("{:?} removed", group.context()));
    }
    let secrets = if group.is_active() {
        let exported = group.export(b"test", b"", 16)?;
        hex::encode([group.epoch_authenticator()?.as_bytes(), exported.as_bytes()].concat())
    } else {
        String::new()
    };
    let tree = hex::encode(group.ratchet_tree()?);
    Ok(format!("{:?} {:?} {secrets} {tree} {:?}", group.context(), group.status(), group.members()?))
}

fn read(group: &mut Group, message: &[u8]) -> Outcome {
    match group.receive(message)? {
        Received::Application(text) => Ok(String::from_utf8_lossy(text.data()).into_owned()),
        other => Ok(other.kind().into()),
    }
}

fn follow(group: &mut Group, message: &[u8]) -> Result<(), Error> {
    match group.receive(message)? {
        Received::Commit(staged) => group.merge(staged).map(drop),
        _ => Ok(()),
    }
}

/// One commits, the other follows, and they agree.
fn exchange(by: &Client, other: &Client, group: &[u8]) -> Outcome {
    let (mut by, mut other) = (by.load(group)?, other.load(group)?);
    let commit = by.commit().force_path().build()?;
    follow(&mut other, commit.message())?;
    by.merge(&commit)?;
    let message = by.encrypt(b"text")?;
    Ok(format!(
        "{} {}",
        by.epoch_authenticator()? == other.epoch_authenticator()?,
        read(&mut other, &message)?
    ))
}

impl Stage {
    fn new() -> Self {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../test-vectors/storage/v1.1");
        let golden = Golden::read(&directory).unwrap();
        let base = Arc::new(golden.rows.iter().cloned().collect());
        let mut stage = Self { golden, base, tea: Vec::new(), welcome: Vec::new(), knock: Vec::new() };
        let client = |name: &str| stage.golden.client(name, Copy::of(&stage.base)).unwrap();
        let pending = |id: &[u8]| client("alice").load(id).unwrap().pending().unwrap().pop().unwrap();
        let (tea, solo) = (pending(b"tea"), pending(b"solo"));
        let knock = client("bob").pending_external().unwrap().pop().unwrap();
        (stage.tea, stage.knock) = (tea.message().to_vec(), knock.message().to_vec());
        stage.welcome = solo.welcome().unwrap().to_vec();
        stage
    }

    fn run(&self, operation: Operation, copy: &Arc<Copy>) -> Outcome {
        let client = |name: &str| self.golden.builder(name, copy.clone()).unwrap().build();
        operation(self, &client)
    }

    /// What each operation gives, and the rows that it reads.
    fn plain(&self) -> Vec<(&'static str, Operation, String, BTreeSet<Vec<u8>>)> {
        let all = OPERATIONS.iter().map(|(name, operation)| {
            let copy = Copy::of(&self.base);
            let outcome = self.run(*operation, &copy).unwrap_or_else(|error| panic!("{name}: {error}"));
            let read = copy.read.lock().unwrap().clone();
            (*name, *operation, outcome, read)
        });
        all.collect()
    }
}

/// What became of an operation; a panic is a failed test that says where.
fn unharmed(stage: &Stage, name: &str, operation: Operation, copy: &Arc<Copy>, what: &str) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| stage.run(operation, copy)))
        .unwrap_or_else(|_| panic!("{name} panics over {what}"))
}

fn name_of(key: &[u8]) -> String {
    format!("{:?}", Key::decode(key).unwrap())
}

/// Each flipped bit of each byte, and more: the value is not believed, and the kind of the row is named.
#[test]
fn the_checksum_finds_every_flipped_bit() {
    let stage = Stage::new();
    for (key, value) in &*stage.base {
        let decoded = Key::decode(key).unwrap();
        let corrupt = |bad: Vec<u8>| {
            let store = Checked::new(Copy::with(&stage.base, key, Some(bad)));
            let named = |error| matches!(error, StorageError::Corrupt { kind: Some(kind), .. } if kind == decoded.record);
            let scanned = store.scan(&KeyRange::suffixes(decoded), &mut |_| Ok(()));
            assert!(named(store.get(&decoded).unwrap_err()), "{decoded:?}");
            assert!(named(scanned.unwrap_err()), "{decoded:?}");
        };
        // All bits of the short rows, one bit a byte of the long.
        let bits: &[u8] = if value.len() <= 32 { &[1, 2, 4, 8, 16, 32, 64, 128] } else { &[4] };
        for at in 0..value.len() {
            for bit in bits {
                let mut bad = value.clone();
                bad[at] ^= bit;
                corrupt(bad);
            }
        }
        for length in 0..value.len().min(64) {
            corrupt(value[..length].to_vec());
        }
        corrupt([&value[..], &[0]].concat());
        // Another row's value, of the same kind if there is one.
        let others = stage.base.iter().filter(|(other, _)| *other != key);
        let kind = |other: &[u8]| Key::decode(other).unwrap().record == decoded.record;
        for (_, other) in others.clone().filter(|(other, _)| kind(other)).chain(others.take(1)) {
            if other != value {
                corrupt(other.clone());
            }
        }
    }
}

/// An operation that reads a damaged row says which kind it is.
#[test]
fn damage_is_named() {
    let stage = Stage::new();
    let plain = stage.plain();
    let random = SeededRandom::new(11);
    let mut unread: BTreeSet<_> = stage.base.keys().cloned().collect();
    for (name, operation, _, read) in &plain {
        for key in read.iter().filter(|key| stage.base.contains_key(*key)) {
            unread.remove(key);
            let mut bad = stage.base[key].clone();
            let at = random.below(bad.len());
            bad[at] ^= 1 << random.below(8);
            let copy = Copy::with(&stage.base, key, Some(bad));
            let what = name_of(key);
            let error = unharmed(&stage, name, *operation, &copy, &what).err();
            let kind = Key::decode(key).unwrap().record;
            let named = matches!(&error, Some(Error::Storage(StorageError::Corrupt { kind: Some(found), .. })) if *found == kind);
            assert!(named, "{name} over {what} at {at}: {error:?}");
        }
    }
    // The rest is what nothing reads before it is erased, or that only groups of others would.
    let kinds: BTreeSet<_> = unread.iter().map(|key| Key::decode(key).unwrap().record).collect();
    assert!(!kinds.contains(&RecordKind::Head) && !kinds.contains(&RecordKind::KeyPackage), "{kinds:?}");
}

/// A row that is no more: an error or what was before, and never a panic.
#[test]
fn missing_rows_are_errors() {
    let stage = Stage::new();
    for (name, operation, _, read) in &stage.plain() {
        for key in read.iter().filter(|key| stage.base.contains_key(*key)) {
            let what = format!("the missing {}", name_of(key));
            let outcome = unharmed(&stage, name, *operation, &Copy::with(&stage.base, key, None), &what);
            assert!(!matches!(outcome, Err(Error::Internal(_))), "{name} over {what}: {outcome:?}");
        }
    }
}

/// Below the checksum: nothing panics, and what a hash binds is not believed.
#[test]
fn forged_rows_are_harmless() {
    let stage = Stage::new();
    let plain = stage.plain();
    let random = SeededRandom::new(12);
    let mut refused = 0;
    for (name, operation, before, read) in &plain {
        for key in read.iter().filter(|key| stage.base.contains_key(*key)) {
            let kind = Key::decode(key).unwrap().record;
            let stored = &stage.base[key];
            let value = &stored[..stored.len() - 4];
            for forged in forgeries(value, kind, &random) {
                let copy = Copy::of(&stage.base);
                put(&Checked::new(copy.clone()), key, &forged);
                let what = format!("a forged {}", name_of(key));
                let outcome = unharmed(&stage, name, *operation, &copy, &what);
                match &outcome {
                    Err(error @ Error::Internal(_)) => panic!("{name} over {what}: {error}"),
                    Err(_) => refused += 1,
                    Ok(after) => {
                        // The tree hash is in the context; and nobody's members may change under them.
                        assert!(kind != RecordKind::TreeNode || after == before, "{name} believes {what}");
                    }
                }
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}

fn put(store: &dyn Storage, key: &[u8], value: &[u8]) {
    let mut batch = pleach::storage::VecBatch::new();
    batch.put(Key::decode(key).unwrap(), value.to_vec());
    store.apply(&mut batch).unwrap();
}

/// Other values of a row: bytes flipped, cut, longer, and numbers at their limits.
fn forgeries(value: &[u8], kind: RecordKind, random: &SeededRandom) -> Vec<Vec<u8>> {
    let mut forged = vec![Vec::new(), [value, &[0]].concat()];
    if let Some(cut) = value.get(..random.below(value.len())) {
        forged.push(cut.to_vec());
    }
    let changes = if kind == RecordKind::TreeNode { 18 } else { 6 };
    for change in 0..changes {
        if value.is_empty() {
            break;
        }
        let mut other = value.to_vec();
        let at = random.below(value.len());
        match change % 3 {
            0 => other[at] ^= 1 << random.below(8),
            1 => other[at..].iter_mut().take(4).for_each(|byte| *byte = 0xff),
            _ => other[at..].iter_mut().take(4).for_each(|byte| *byte = 0),
        }
        forged.push(other);
    }
    forged
}
