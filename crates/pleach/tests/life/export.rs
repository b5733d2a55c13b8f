//! Sealed exports: what goes in comes out, restored; what is not whole does not come out at all.

use crate::common::{builder, client, code, group_of, key};
use pleach::crypto::{AeadId, Secret};
use pleach::export::{
    Content, ExportError, Opening, PassphraseCost, Sealing, export_group, export_store, import,
};
use pleach::storage::{Key, KeyRange, RecordKind, Storage, VecBatch};
use pleach::{ApiMisuse, Client, Error, Group, MemoryStorage, Received, rustcrypto};
use pleach_storage_sqlite::SqliteStorage;

const HEADER: usize = 56;
const CHUNK: usize = (1 << 16) + 16;

fn passphrase() -> Secret {
    Secret::copy_from(&[42; 32])
}

fn sealed(store: &dyn Storage) -> Vec<u8> {
    let (provider, passphrase) = (rustcrypto::provider(), passphrase());
    let mut file = Vec::new();
    export_store(store, &Sealing::by_random_key(&provider, &passphrase), &mut file).unwrap();
    file
}

fn sealed_group(store: &dyn Storage, client: &Client, group: &[u8]) -> Result<Vec<u8>, ExportError> {
    let (provider, passphrase) = (rustcrypto::provider(), passphrase());
    let mut file = Vec::new();
    let with = Sealing::by_random_key(&provider, &passphrase);
    export_group(store, client.id(), group, &with, &mut file)?;
    Ok(file)
}

fn opened(store: &dyn Storage, file: &[u8]) -> Result<pleach::export::Imported, ExportError> {
    let (provider, passphrase) = (rustcrypto::provider(), passphrase());
    import(store, &Opening::new(&provider, &passphrase), &mut &*file)
}

fn rows(store: &dyn Storage) -> usize {
    let mut rows = 0;
    store
        .scan(&KeyRange::everything(), &mut |_| {
            rows += 1;
            Ok(())
        })
        .unwrap();
    rows
}

fn is_restored<T: std::fmt::Debug>(result: Result<T, Error>) {
    assert!(matches!(result.unwrap_err(), Error::ApiMisuse(ApiMisuse::Restored)));
}

/// Joins anew and talks.
fn resyncs(client: &Client, bob: &mut Group) {
    let commit = client.external_join(&bob.group_info().unwrap()).resync(true).build().unwrap();
    let staged = bob.receive(commit.message()).unwrap().into_commit().unwrap();
    bob.merge(staged).unwrap();
    let mut group = commit.accept().unwrap();
    assert!(!group.is_restored());
    let message = group.encrypt(b"from the new device").unwrap();
    assert!(matches!(bob.receive(&message).unwrap(), Received::Application(_)));
}

#[test]
fn a_whole_store_moves() {
    let (store, private) = (MemoryStorage::new(), key());
    let alice = builder("alice", &private, store.clone()).build().unwrap();
    let mut members = group_of(&[&alice, &client("bob")]);
    members[0].encrypt_with(b"", b"", vec![(b"note".to_vec(), Some(vec![7; 200_000]))]).unwrap();
    let waiting = alice.key_package().unwrap();
    let outside = client("carol").create_group(b"outside").unwrap();
    alice.external_join(&outside.group_info().unwrap()).build().unwrap();
    let pending = members[0].commit().build().unwrap();
    let file = sealed(&store);
    assert!(file.len() > HEADER + 3 * CHUNK);
    for open in [members[0].id(), b"alice", &[7; 16]] {
        assert!(!file.windows(open.len()).any(|window| window == open));
    }

    // To another engine.
    let directory = tempfile::tempdir().unwrap();
    let target = std::sync::Arc::new(SqliteStorage::open(directory.path().join("alice.db")).unwrap());
    let imported = opened(&*target, &file).unwrap();
    assert_eq!((imported.content, imported.origin, imported.groups), (Content::Store, alice.instance(), 1));
    let moved = builder("alice", &private, target.clone()).build().unwrap();
    assert_ne!(moved.instance(), alice.instance());
    let summary = moved.groups().unwrap().remove(0);
    assert!(summary.restored && summary.group_id == members[0].id());
    let mut group = moved.load(members[0].id()).unwrap();
    assert_eq!(group.record(b"note").unwrap().unwrap().len(), 200_000);
    is_restored(group.encrypt(b"no"));
    is_restored(group.pending());
    assert!(moved.pending_external().unwrap().is_empty());
    // It receives; and a Commit that the original sent is its own.
    let text = members[1].encrypt(b"hello").unwrap();
    assert!(matches!(group.receive(&text).unwrap(), Received::Application(_)));
    let staged = members[1].receive(pending.message()).unwrap().into_commit().unwrap();
    members[1].merge(staged).unwrap();
    let Received::OwnCommit(own) = group.receive(pending.message()).unwrap() else { panic!("not its own") };
    group.merge(own).unwrap();
    is_restored(group.encrypt(b"still no"));
    resyncs(&moved, &mut members[1]);

    // The key package may have been used by the original.
    let stored = moved.key_packages().unwrap().remove(0);
    assert!(stored.imported && stored.message == waiting);
    let mut dave = client("dave").create_group(b"late").unwrap();
    let add = dave.commit().add(&waiting).build().unwrap();
    dave.merge(&add).unwrap();
    let mut joined = moved.join(add.welcome().unwrap()).unwrap().accept().unwrap();
    is_restored(joined.encrypt(b"no"));
    resyncs(&moved, &mut dave);
    // A fresh one was not.
    let mut erin = client("erin").create_group(b"later").unwrap();
    let add = erin.commit().add(moved.key_package().unwrap()).build().unwrap();
    erin.merge(&add).unwrap();
    moved.join(add.welcome().unwrap()).unwrap().accept().unwrap().encrypt(b"yes").unwrap();

    // Nothing is imported over what is there.
    let before = rows(&*target);
    assert!(matches!(opened(&*target, &file), Err(ExportError::NotEmpty)));
    assert_eq!(rows(&*target), before);
}

#[test]
fn one_group_moves() {
    let (store, private) = (MemoryStorage::new(), key());
    let alice = builder("alice", &private, store.clone()).build().unwrap();
    let mut members = group_of(&[&alice, &client("bob")]);
    let id = members[0].id().to_vec();
    alice.create_group(b"another").unwrap();
    alice.store_psk(b"gate", &Secret::copy_from(&[9; 32])).unwrap();
    let file = sealed_group(&store, &alice, &id).unwrap();
    assert!(matches!(sealed_group(&store, &alice, b"nowhere"), Err(ExportError::NoSuchGroup)));

    assert!(matches!(opened(&store, &file), Err(ExportError::GroupExists)));
    let target = MemoryStorage::new();
    let other = builder("alice", &private, target.clone()).build().unwrap();
    other.create_group(b"there already").unwrap();
    let imported = opened(&target, &file).unwrap();
    let content = Content::Group { client: alice.id().to_vec(), group: id.clone() };
    assert_eq!((imported.content, imported.groups), (content, 1));
    assert_eq!(other.groups().unwrap().len(), 2);
    assert!(other.psks().unwrap().is_empty());
    assert_eq!(other.groups().unwrap().iter().filter(|group| group.restored).count(), 1);
    let mut group = other.load(&id).unwrap();
    is_restored(group.commit().build());
    let text = members[1].encrypt(b"hello").unwrap();
    assert!(matches!(group.receive(&text).unwrap(), Received::Application(_)));
    resyncs(&other, &mut members[1]);

    // Back into the store that it was deleted from, and into one without a client. What is left there gives way.
    alice.delete_group(&id).unwrap();
    let mut batch = VecBatch::new();
    let left = Key::of_group(alice.id(), &id, RecordKind::Application, b"left behind");
    let of_another = Key::of_group(alice.id(), b"another", RecordKind::Application, b"mine");
    batch.put(left, b"1".to_vec()).put(of_another, b"2".to_vec());
    store.apply(&mut batch).unwrap();
    opened(&store, &file).unwrap();
    assert!(alice.load(&id).unwrap().is_restored());
    assert!(store.get(&left).unwrap().is_none() && store.get(&of_another).unwrap().is_some());
    let bare = MemoryStorage::new();
    opened(&bare, &file).unwrap();
    assert!(builder("alice", &private, bare).build().unwrap().load(&id).unwrap().is_restored());
}

#[test]
fn what_is_not_whole_is_not_imported() {
    let store = MemoryStorage::new();
    let alice = builder("alice", &key(), store.clone()).build().unwrap();
    let mut group = alice.create_group(b"tea").unwrap();
    group
        .encrypt_with(b"", b"", vec![(b"note".to_vec(), Some((0..200_000).map(|i| i as u8).collect()))])
        .unwrap();
    let good = sealed(&store);
    let refused = |file: &[u8]| {
        let target = MemoryStorage::new();
        let error = opened(&target, file).unwrap_err();
        assert_eq!(rows(&target), 0);
        error
    };
    // Any byte altered.
    let spread = (0..good.len()).filter(|at| at < &(HEADER + 64) || at % 1_501 == 0 || good.len() - at < 20);
    for at in spread {
        let mut bad = good.clone();
        bad[at] ^= 1;
        refused(&bad);
    }
    // Cut short anywhere, at the ends of chunks above all, or lengthened.
    let ends =
        (1..4).flat_map(|chunk| (-2..=2).map(move |by| HEADER as isize + (chunk * CHUNK) as isize + by));
    let lengths = (0..HEADER + 20).chain(ends.map(|at| at as usize)).chain([good.len() - 1]);
    for length in lengths.filter(|length| *length < good.len()) {
        refused(&good[..length]);
    }
    assert!(matches!(refused(&[&good[..], b"x"].concat()), ExportError::Altered));
    assert!(matches!(refused(&[&good[..], &good[HEADER..]].concat()), ExportError::Altered));
    // Chunks swapped, repeated, left out, or of another file.
    let (header, body) = good.split_at(HEADER);
    let chunks: Vec<&[u8]> = body.chunks(CHUNK).collect();
    assert!(chunks.len() >= 4);
    let other = sealed(&store);
    let foreign = &other[HEADER + CHUNK..HEADER + 2 * CHUNK];
    for order in [
        vec![chunks[1], chunks[0], chunks[2], chunks[3]],
        vec![chunks[0], chunks[2], chunks[1], chunks[3]],
        vec![chunks[0], chunks[1], chunks[1], chunks[3]],
        vec![chunks[0], chunks[2], chunks[3]],
        vec![chunks[0], foreign, chunks[2], chunks[3]],
        vec![chunks[3]],
        vec![],
    ] {
        refused(&[header, &order.concat()].concat());
    }
    assert!(matches!(refused(b""), ExportError::NotAnExport));
    assert!(matches!(refused(b"SQLite format 3\0"), ExportError::NotAnExport));
    assert_eq!(opened(&MemoryStorage::new(), &good).unwrap().groups, 1);

    // Another passphrase.
    let provider = rustcrypto::provider();
    let wrong = Secret::copy_from(b"open says me");
    let target = MemoryStorage::new();
    let error = import(&target, &Opening::new(&provider, &wrong), &mut &*good).unwrap_err();
    assert!(matches!(error, ExportError::Passphrase));
    assert_eq!(rows(&target), 0);
}

#[test]
fn a_file_cannot_ask_for_too_much() {
    let store = MemoryStorage::new();
    builder("alice", &key(), store.clone()).build().unwrap();
    let good = sealed(&store);
    let with = |at: usize, bytes: &[u8]| {
        let mut file = good.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        opened(&MemoryStorage::new(), &file).unwrap_err()
    };
    for (memory, passes, lanes) in [
        (u32::MAX, 1, 1),
        ((1 << 20) + 1, 1, 1),
        (1 << 20, 9, 1),
        (8, u32::MAX, 1),
        (u32::MAX, u32::MAX, u32::MAX),
        (1 << 10, 1, 17),
        (8, 1, 2),
        (0, 1, 1),
        (8, 0, 1),
        (8, 1, 0),
    ] {
        let cost: Vec<u8> = [memory, passes, lanes].into_iter().flat_map(u32::to_be_bytes).collect();
        assert!(matches!(with(10, &cost), ExportError::Cost), "{memory} {passes} {lanes}");
    }
    assert!(matches!(with(8, &[2]), ExportError::NewerFormat { found: 2, known: 1 }));
    assert!(matches!(with(9, &[2]), ExportError::NewerFormat { .. }));
    assert!(matches!(with(54, &[0xff, 0xff]), ExportError::Aead(AeadId(0xffff))));
    // The caller may allow less, or choose.
    let (provider, passphrase) = (rustcrypto::provider(), passphrase());
    let less = Opening::new(&provider, &passphrase).limits(PassphraseCost::new(7, 1, 1));
    assert!(matches!(import(&MemoryStorage::new(), &less, &mut &*good), Err(ExportError::Cost)));
    let mut file = Vec::new();
    let sealing = Sealing::by_random_key(&provider, &passphrase);
    export_store(&store, &sealing.aead(AeadId(1)), &mut file).unwrap();
    assert_eq!(file[54..56], [0, 1]);
    opened(&MemoryStorage::new(), &file).unwrap();
    let none = export_store(&store, &sealing.aead(AeadId(0xfffe)), &mut Vec::new());
    assert!(matches!(none, Err(ExportError::Aead(_))));
    let free = export_store(&store, &sealing.cost(PassphraseCost::new(0, 0, 0)), &mut Vec::new());
    assert!(matches!(free, Err(ExportError::Cost)));
    // What a human chose must not be too cheap to try.
    let (short, empty) = (Secret::copy_from(b"open sesame"), Secret::copy_from(b""));
    let human = Sealing::new(&provider, &short);
    let PassphraseCost { memory_kib, passes, lanes } = PassphraseCost::FLOOR;
    for (memory_kib, passes) in [(memory_kib - 1, 2 * passes), (memory_kib, passes - 1), (8, 1), (8, 1 << 20)]
    {
        let cheap = human.cost(PassphraseCost::new(memory_kib, passes, lanes));
        assert!(matches!(export_store(&store, &cheap, &mut Vec::new()), Err(ExportError::Cost)));
    }
    for too_short in [Sealing::new(&provider, &empty), Sealing::by_random_key(&provider, &short)] {
        let mut out = Vec::new();
        assert!(matches!(export_store(&store, &too_short, &mut out), Err(ExportError::TooShort)));
        assert!(out.is_empty());
    }
    let mut file = Vec::new();
    export_store(&store, &human.cost(PassphraseCost::FLOOR), &mut file).unwrap();
    import(&MemoryStorage::new(), &Opening::new(&provider, &short), &mut &*file).unwrap();
}

#[test]
fn a_device_without_room_keeps_nothing() {
    /// A file that is full after so many bytes, or ends in an error.
    struct Full(usize);
    impl std::io::Write for Full {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            if taken == 0 { Err(std::io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    struct Broken<'a>(&'a [u8]);
    impl std::io::Read for Broken<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            match self.0.read(into)? {
                0 => Err(std::io::ErrorKind::ConnectionReset.into()),
                // In crumbs.
                read => Ok(read),
            }
        }
    }
    let store = MemoryStorage::new();
    let alice = builder("alice", &key(), store.clone()).build().unwrap();
    alice.create_group(b"tea").unwrap();
    let (provider, passphrase) = (rustcrypto::provider(), passphrase());
    let sealing = Sealing::by_random_key(&provider, &passphrase);
    let file = sealed(&store);
    for room in [0, 10, HEADER, file.len() - 1] {
        assert!(matches!(export_store(&store, &sealing, &mut Full(room)), Err(ExportError::Io(_))), "{room}");
    }
    let target = MemoryStorage::new();
    let broken = import(&target, &Opening::new(&provider, &passphrase), &mut Broken(&file[..file.len() - 5]));
    assert!(matches!(broken, Err(ExportError::Io(_))));
    assert_eq!(rows(&target), 0);
    assert_eq!(code(alice.load(b"nowhere")), "not-found");
    assert_eq!(store_kinds(&store, RecordKind::Head), 1);
}

fn store_kinds(store: &dyn Storage, kind: RecordKind) -> usize {
    let mut found = 0;
    store
        .scan(&KeyRange::everything(), &mut |row| {
            found += usize::from(row.key.record == kind);
            Ok(())
        })
        .unwrap();
    found
}
