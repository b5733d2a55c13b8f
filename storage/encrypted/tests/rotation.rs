//! Keys are replaced: interrupted anywhere, and while others write.

#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;

use common::{open, put, rows, samples};
use pleach_storage::{
    Batch, Erasure, Key, KeyRange, RecordKind, Row, Storage, StorageError, Value, VecBatch, row_version,
};
use pleach_storage_encrypted::OpenError;
use pleach_storage_memory::MemoryStorage;

/// Does something of the test's before or after each `apply`, which it counts from 0.
struct Hooked<F> {
    inner: MemoryStorage,
    applies: AtomicUsize,
    hook: F,
}

impl<F> std::fmt::Debug for Hooked<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

impl<F: Fn(usize, bool) -> Result<(), StorageError> + Send + Sync> Storage for Hooked<F> {
    fn get(&self, key: &Key<'_>) -> Result<Option<Value>, StorageError> {
        self.inner.get(key)
    }

    fn scan(
        &self,
        range: &KeyRange<'_>,
        row: &mut dyn FnMut(Row<'_>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        self.inner.scan(range, row)
    }

    fn apply(&self, batch: &mut dyn Batch) -> Result<(), StorageError> {
        let number = self.applies.fetch_add(1, SeqCst);
        (self.hook)(number, false)?;
        self.inner.apply(batch)?;
        (self.hook)(number, true)
    }

    fn erasure(&self) -> Erasure {
        self.inner.erasure()
    }
}

fn hooked<F>(inner: &MemoryStorage, hook: F) -> Hooked<F> {
    Hooked { inner: inner.clone(), applies: AtomicUsize::new(0), hook }
}

fn filled() -> MemoryStorage {
    let engine = MemoryStorage::new();
    put(&open(engine.clone(), &[1]).unwrap(), &samples());
    engine
}

fn sorted() -> Vec<(pleach_storage::KeyBuf, Vec<u8>)> {
    let mut all = samples();
    all.sort();
    all
}

#[test]
fn a_rewrap_that_is_interrupted_goes_on() {
    // From the `stop`-th apply on nothing works: before that apply, or after it was done.
    let run = |stop: usize, after: bool| {
        let engine = filled();
        let dead = move |number: usize, done: bool| match number < stop || (number == stop && after && !done)
        {
            true => Ok(()),
            false => Err(StorageError::engine("pulled the plug")),
        };
        let interrupted = open(hooked(&engine, dead), &[2, 1])
            .map_err(|error| matches!(error, OpenError::Storage(StorageError::Engine(_))))
            .map(|store| store.rewrap(12));
        let finished = match interrupted {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => {
                assert!(matches!(error, StorageError::Engine(_)), "{error}");
                false
            }
            Err(engine_failed) => {
                assert!(engine_failed);
                false
            }
        };
        if !finished {
            // Another process finds all rows, and can write.
            let store = open(engine.clone(), &[2, 1]).unwrap();
            assert_eq!(rows(&store), sorted());
            put(&store, &samples()[3..5]);
            store.rewrap(12).unwrap();
        }
        let store = open(engine.clone(), &[2]).unwrap();
        assert_eq!(rows(&store), sorted());
        assert_eq!(store.keys_in_use().unwrap().len(), 1);
        assert!(matches!(open(engine, &[1]), Err(OpenError::WrongKey)));
        finished
    };
    // Rotation, a fence and a write for each of five batches, the end.
    let steps = 12;
    thread::scope(|scope| {
        for stop in 0..=steps {
            scope.spawn(move || {
                for after in [false, true] {
                    assert_eq!(run(stop, after), stop == steps, "at {stop}");
                }
            });
        }
    });
}

#[test]
fn one_key_after_another() {
    let engine = filled();
    for newer in 2..6 {
        let store = open(engine.clone(), &[newer, newer - 1]).unwrap();
        assert_eq!(store.keys_in_use().unwrap().len(), 2);
        assert_eq!(store.rewrap(usize::MAX).unwrap().rows, samples().len());
        assert_eq!(store.rewrap(5).unwrap(), Default::default());
        assert_eq!(store.keys_in_use().unwrap().len(), 1);
    }
    // Several rotations without a rewrap in between: all keys are needed, until there is one.
    drop(open(engine.clone(), &[6, 5]).unwrap());
    let store = open(engine.clone(), &[7, 6, 5]).unwrap();
    put(&store, &samples()[..1]);
    assert_eq!(store.keys_in_use().unwrap().len(), 3);
    assert!(matches!(open(engine.clone(), &[7, 5]), Err(OpenError::MissingKey { .. })));
    assert_eq!(store.rewrap(1).unwrap(), {
        let mut expected = pleach_storage_encrypted::Rewrapped::default();
        (expected.rows, expected.batches) = (samples().len() - 1, samples().len() - 1);
        expected
    });
    assert_eq!(rows(&open(engine, &[7]).unwrap()), sorted());
}

#[test]
fn a_batch_is_bounded_in_bytes() {
    let engine = MemoryStorage::new();
    let store = open(engine.clone(), &[1]).unwrap();
    for i in 0..10_u8 {
        let key = Key::of_client(b"c", RecordKind::Application, &[i]).to_buf();
        put(&store, &[(key, vec![i; 400_000])]);
    }
    let done = open(engine, &[2, 1]).unwrap().rewrap(1000).unwrap();
    assert_eq!((done.rows, done.batches), (10, 4));
}

#[test]
fn a_handle_that_missed_the_rotation_writes_nothing() {
    let engine = filled();
    let old = open(engine.clone(), &[1]).unwrap();
    let new = open(engine.clone(), &[2, 1]).unwrap();
    let [(first, value), (second, other), ..] = &samples()[..] else { panic!("rows") };
    put(&new, &[(first.clone(), other.clone())]);
    let before = rows(&engine);
    let mut batch = VecBatch::new();
    batch.put(second.clone(), value.clone());
    assert!(matches!(old.apply(&mut batch), Err(StorageError::Unsupported(_))));
    assert_eq!(rows(&engine), before);
    // It reads what it can, and does not take the rest for damage.
    assert!(old.get(&second.as_key()).unwrap().is_some());
    assert!(matches!(old.get(&first.as_key()), Err(StorageError::Unsupported(_))));
    assert!(matches!(old.rewrap(1), Err(StorageError::Unsupported(_))));
}

#[test]
fn a_row_that_does_not_open_keeps_the_older_key() {
    let engine = filled();
    let store = open(engine.clone(), &[2, 1]).unwrap();
    let (key, mut stored) = rows(&engine).into_iter().nth(20).unwrap();
    *stored.last_mut().unwrap() ^= 1;
    put(&engine, &[(key, stored)]);
    assert!(matches!(store.rewrap(7), Err(StorageError::Corrupt { .. })));
    assert_eq!(store.keys_in_use().unwrap().len(), 2);
    // The store goes on, at once.
    put(&store, &samples()[..1]);
    let mut batch = VecBatch::new();
    batch.erase_range(KeyRange::everything());
    store.apply(&mut batch).unwrap();
    assert_eq!(store.rewrap(7).unwrap().rows, 0);
    assert_eq!(store.keys_in_use().unwrap().len(), 1);
}

/// Two rows that only ever count up, one with a version and one without.
fn count_up(store: &dyn Storage, stop: &AtomicBool) -> u64 {
    let (head, bare) = (
        Key::of_group(b"c", b"g", RecordKind::Head, b""),
        Key::of_group(b"c", b"g", RecordKind::Ratchet, b""),
    );
    let mut won = 0_u64;
    while !stop.load(SeqCst) || won < 20 {
        let version = store.get(&head).unwrap().map(|value| row_version(&value).unwrap());
        let mut batch = VecBatch::new();
        match version {
            Some(version) => batch.guard_version(head, version),
            None => batch.guard_absent(head),
        };
        let next = version.map_or(0, |version| version + 1);
        batch.put(head, next.to_be_bytes().to_vec());
        // Its first 8 bytes never change: no version of its own could save it.
        batch.put(bare, [[0; 8], next.to_be_bytes()].concat());
        let least = match store.apply(&mut batch) {
            Ok(()) => {
                won += 1;
                next
            }
            // It need not be the other writer who was first: the rotation may have been.
            Err(error) => {
                assert!(error.is_retryable(), "{error}");
                version.unwrap_or(0)
            }
        };
        let value = store.get(&bare).unwrap().unwrap();
        assert!(u64::from_be_bytes(value[8..].try_into().unwrap()) >= least);
    }
    won
}

#[test]
fn others_write_meanwhile_and_lose_nothing() {
    for same_handle in [true, false] {
        let engine = filled();
        put(
            &open(engine.clone(), &[1]).unwrap(),
            &[(Key::of_group(b"c", b"g", RecordKind::Ratchet, b"").to_buf(), vec![0; 16])],
        );
        let store = open(engine.clone(), &[2, 1]).unwrap();
        let other = open(engine.clone(), &[2, 1]).unwrap();
        let stop = AtomicBool::new(false);
        let won: u64 = thread::scope(|scope| {
            let writers: Vec<_> = [&store, if same_handle { &store } else { &other }]
                .map(|store| scope.spawn(|| count_up(store, &stop)))
                .into();
            while let Err(error) = store.rewrap(2) {
                assert!(error.is_retryable(), "{error}");
            }
            stop.store(true, SeqCst);
            writers.into_iter().map(|writer| writer.join().unwrap()).sum()
        });
        let last = |kind, at: usize| {
            let value = store.get(&Key::of_group(b"c", b"g", kind, b"")).unwrap().unwrap();
            u64::from_be_bytes(value[at..at + 8].try_into().unwrap())
        };
        assert_eq!((last(RecordKind::Head, 0), last(RecordKind::Ratchet, 8)), (won - 1, won - 1));
        assert_eq!(store.keys_in_use().unwrap().len(), 1);
    }
}

#[test]
fn a_batch_whose_fence_was_taken_away_is_begun_anew() {
    // The second apply after the rotation writes the first batch. Until then another handle has lost its patience, and
    // written a row that was read already; one that knew the store before the fence, or one that met it with the fence.
    for opened_before in [true, false] {
        let engine = filled();
        let (key, _) = rows(&open(engine.clone(), &[1]).unwrap()).swap_remove(0);
        let reopen = || open(engine.clone(), &[2, 1]).unwrap();
        let other = Mutex::new(None);
        let hook = |number: usize, done: bool| {
            if (number, done) == (2, false) {
                let opened = other.lock().unwrap().take();
                put(&opened.unwrap_or_else(reopen), &[(key.clone(), b"meanwhile".to_vec())]);
            }
            Ok(())
        };
        let store = open(hooked(&engine, hook), &[2, 1]).unwrap();
        *other.lock().unwrap() = opened_before.then(reopen);
        let done = store.rewrap(usize::MAX).unwrap();
        assert_eq!((done.rows, done.batches), (samples().len() - 1, 1));
        let found = open(engine.clone(), &[2]).unwrap().get(&key.as_key()).unwrap().unwrap();
        assert_eq!(found.as_slice(), b"meanwhile");
    }
}
