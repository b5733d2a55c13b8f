//! The checks that need several handles on one store: at once, after a restart, from several threads.

use std::thread;

use pleach_storage::{Key, KeyRange, RecordKind, Scope, Storage, StorageError, VecBatch, row_version};

use super::{CLIENT, GROUP, expect, key, put, put_edges, rows, versioned};

pub(super) fn handles_see_each_other(open: &(impl Fn() -> Box<dyn Storage> + Sync)) {
    let (first, second) = (open(), open());
    put(&*first, key(b"1"), b"one");
    expect(&*second, key(b"1"), Some(b"one"));
    put(&*second, key(b"1"), b"two");
    expect(&*first, key(b"1"), Some(b"two"));
    assert_eq!(rows(&*first, KeyRange::everything()), rows(&*second, KeyRange::everything()));
}

pub(super) fn reopening_finds_everything(open: &(impl Fn() -> Box<dyn Storage> + Sync)) {
    let store = open();
    put_edges(&*store);
    put(&*store, key(b"big"), &[0xab; 100_000]);
    let mut batch = VecBatch::new();
    batch.erase(Key::of_client(b"a", RecordKind::Meta, b""));
    store.apply(&mut batch).unwrap();
    let before = rows(&*store, KeyRange::everything());
    drop(store);
    assert_eq!(rows(&*open(), KeyRange::everything()), before);
}

pub(super) fn one_of_two_writers_conflicts(open: &(impl Fn() -> Box<dyn Storage> + Sync)) {
    let (first, second) = (open(), open());
    let head = Key::of_group(CLIENT, GROUP, RecordKind::Head, b"");
    put(&*first, head, &versioned(1, b""));
    let mut batches = [VecBatch::new(), VecBatch::new()];
    for batch in &mut batches {
        batch.guard_version(head, 1).put(head, versioned(2, b""));
    }
    let [one, two] = &mut batches;
    two.put(key(b"the loser's"), b"x".to_vec());
    first.apply(one).unwrap();
    assert!(matches!(second.apply(two), Err(StorageError::Conflict { kind: RecordKind::Head })));
    expect(&*first, key(b"the loser's"), None);
    // What the winner wrote is what the loser now reads.
    assert_eq!(row_version(&second.get(&head).unwrap().unwrap()), Some(2));
    let mut again = VecBatch::new();
    again.guard_version(head, 2).put(head, versioned(3, b""));
    second.apply(&mut again).unwrap();
}

/// Threads with a handle each move one counter on, and note each number that they won: none twice, none lost.
pub(super) fn hammering_loses_nothing(open: &(impl Fn() -> Box<dyn Storage> + Sync)) {
    const THREADS: u64 = 4;
    const WINS: u64 = 25;
    let counter = Key::of_group(CLIENT, GROUP, RecordKind::Head, b"");
    put(&*open(), counter, &versioned(0, b""));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                let store = open();
                let mut wins = 0;
                while wins < WINS {
                    let value = match store.get(&counter) {
                        Err(StorageError::Busy) => continue,
                        value => value.unwrap().unwrap(),
                    };
                    let version = row_version(&value).unwrap();
                    let won = (version + 1).to_be_bytes();
                    let mut batch = VecBatch::new();
                    batch.guard_version(counter, version).guard_absent(key(&won));
                    batch
                        .put(key(&won), thread.to_be_bytes().to_vec())
                        .put(counter, versioned(version + 1, b""));
                    match store.apply(&mut batch) {
                        Ok(()) => wins += 1,
                        Err(StorageError::Conflict { .. } | StorageError::Busy) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    let store = open();
    assert_eq!(row_version(&store.get(&counter).unwrap().unwrap()), Some(THREADS * WINS));
    let nodes = KeyRange::records(CLIENT, Scope::Group(GROUP), RecordKind::TreeNode);
    assert_eq!(rows(&*store, nodes).len() as u64, THREADS * WINS);
}

/// A writer replaces all rows at once, and adds some; readers must never see rows of two batches, nor a row that cannot
/// be read yet. Secret rows too: engines keep them in another way.
pub(super) fn readers_see_whole_batches(open: &(impl Fn() -> Box<dyn Storage> + Sync), kind: RecordKind) {
    const ROUNDS: u8 = 30;
    let count = |round: u8| 50 + 3 * u16::from(round);
    let store = open();
    let write = |round: u8| {
        let mut batch = VecBatch::new();
        for i in 0..count(round) {
            batch.put(Key::of_group(CLIENT, GROUP, kind, &i.to_be_bytes()), vec![round; 200]);
        }
        while let Err(error) = store.apply(&mut batch) {
            assert!(matches!(error, StorageError::Busy), "{error}");
            batch.rewind();
        }
    };
    write(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            let reader = open();
            loop {
                let mut seen = Vec::new();
                let scan = reader.scan(&KeyRange::everything(), &mut |row| {
                    seen.push(row.value.to_vec());
                    Ok(())
                });
                match scan {
                    Err(StorageError::Busy) => continue,
                    scan => scan.unwrap(),
                }
                let round = seen[0][0];
                assert_eq!(seen.len(), usize::from(count(round)));
                assert!(seen.iter().all(|value| *value == [round; 200]), "a torn batch");
                if round == ROUNDS {
                    break;
                }
            }
        });
        // Asks for the newest row of the next batch until it is there.
        scope.spawn(|| {
            let reader = open();
            for round in 1..=ROUNDS {
                let newest = (count(round) - 1).to_be_bytes();
                let newest = Key::of_group(CLIENT, GROUP, kind, &newest);
                loop {
                    match reader.get(&newest) {
                        Ok(None) | Err(StorageError::Busy) => thread::yield_now(),
                        found => break assert!(found.unwrap().unwrap()[0] >= round),
                    }
                }
            }
        });
        for round in 1..=ROUNDS {
            write(round);
        }
    });
}
