//! What every storage engine must do, as one call: [`run`] for any engine, [`run_shared`] for engines that can open
//! a store twice, at once or after a restart.
//!
//! ```no_run
//! # use pleach_storage::Storage;
//! # fn engine() -> Box<dyn Storage> { loop {} }
//! pleach_testkit::storage_suite::run(engine);
//! ```
//!
//! Every check starts on a store of its own and panics, naming what is wrong. The promises are those on
//! [`Storage`].
//!
//! Cost: a few seconds for an engine that flushes to disk. Not here: crashes and what is left in files; both need
//! to know the engine.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a suite reports by panicking")]

mod shared;

use std::collections::BTreeMap;

use pleach_storage::{
    Batch, CountingStorage, Guard, Key, KeyRange, Op, RecordKind, Row, Scope, Storage, StorageError,
    StreamBatch, VecBatch,
};

/// Runs all checks that need one handle. `make` returns an empty store each time.
///
/// # Panics
/// If the engine breaks a promise.
pub fn run(make: impl Fn() -> Box<dyn Storage>) {
    put_get_erase(&*make());
    empty_and_big_values(&*make());
    order(&*make());
    ranges(&*make());
    bounds_and_limits(&*make());
    erase_ranges(&*make());
    later_changes_win(&*make());
    guards(&*make());
    a_guard_that_fails_changes_nothing(&*make());
    a_batch_that_fails_changes_nothing(&*make());
    a_scan_stops_with_its_function(&*make());
    calls_from_within(&*make());
    streams(&*make());
    random_histories(&*make());
    counts(make());
    pointers(make());
}

/// Runs [`run`], and the checks that need several handles on one store. `fresh` makes an empty store and returns a
/// function that opens it, any number of times.
///
/// # Panics
/// If the engine breaks a promise.
pub fn run_shared<Open>(fresh: impl Fn() -> Open)
where
    Open: Fn() -> Box<dyn Storage> + Sync,
{
    run(|| fresh()());
    shared::handles_see_each_other(&fresh());
    shared::reopening_finds_everything(&fresh());
    shared::one_of_two_writers_conflicts(&fresh());
    shared::hammering_loses_nothing(&fresh());
    shared::readers_see_whole_batches(&fresh(), RecordKind::TreeNode);
    shared::readers_see_whole_batches(&fresh(), RecordKind::Ratchet);
}

const CLIENT: &[u8] = b"alice";
const GROUP: &[u8] = b"tea party";

fn key(suffix: &[u8]) -> Key<'_> {
    Key::of_group(CLIENT, GROUP, RecordKind::TreeNode, suffix)
}

fn versioned(version: u64, rest: &[u8]) -> Vec<u8> {
    [&version.to_be_bytes(), rest].concat()
}

fn put(store: &dyn Storage, key: Key<'_>, value: &[u8]) {
    let mut batch = VecBatch::new();
    batch.put(key, value.to_vec());
    store.apply(&mut batch).unwrap();
}

#[track_caller]
fn expect(store: &dyn Storage, key: Key<'_>, value: Option<&[u8]>) {
    assert_eq!(store.get(&key).unwrap().as_ref().map(|value| value.as_slice()), value, "{key:?}");
}

/// Keys and values of a range, in the order of the scan.
fn rows(store: &dyn Storage, range: KeyRange<'_>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    let scan = store.scan(&range, &mut |Row { key, value }| {
        found.push((key.to_bytes(), value.to_vec()));
        Ok(())
    });
    scan.unwrap();
    found
}

fn keys(store: &dyn Storage, range: KeyRange<'_>) -> Vec<Vec<u8>> {
    rows(store, range).into_iter().map(|(key, _)| key).collect()
}

fn put_get_erase(store: &dyn Storage) {
    expect(store, key(b"1"), None);
    put(store, key(b"1"), b"one");
    put(store, key(b"2"), b"two");
    expect(store, key(b"1"), Some(b"one"));
    put(store, key(b"1"), b"another, longer one");
    expect(store, key(b"1"), Some(b"another, longer one"));
    let mut batch = VecBatch::new();
    batch.erase(key(b"1")).erase(key(b"there is none"));
    store.apply(&mut batch).unwrap();
    expect(store, key(b"1"), None);
    expect(store, key(b"2"), Some(b"two"));
    store.apply(&mut VecBatch::new()).unwrap();
    assert_eq!(rows(store, KeyRange::everything()).len(), 1);
    // Neither a prefix nor a neighbour of a key is the key.
    for other in [&b""[..], b"2\0", b"20", b"3"] {
        expect(store, key(other), None);
    }
}

fn empty_and_big_values(store: &dyn Storage) {
    put(store, key(b""), b"");
    expect(store, key(b""), Some(b""));
    let sizes = [1_usize, 511, 512, 1000, 1001, 1002, 4095, 4096, 4097, 65_535, 65_536, 5_000_000];
    let value = |size: usize| (0..size).map(|i| (i % 251) as u8).collect::<Vec<_>>();
    let mut batch = VecBatch::new();
    for size in sizes {
        batch.put(key(&size.to_be_bytes()), value(size));
    }
    store.apply(&mut batch).unwrap();
    for size in sizes {
        expect(store, key(&size.to_be_bytes()), Some(&value(size)));
    }
    put(store, key(&5_000_000_usize.to_be_bytes()), b"small again");
    expect(store, key(&5_000_000_usize.to_be_bytes()), Some(b"small again"));
    let long = vec![0xff; 3000];
    put(store, Key::of_group(&long, &long, RecordKind::Head, &long), b"long key");
    expect(store, Key::of_group(&long, &long, RecordKind::Head, &long), Some(b"long key"));
    expect(store, Key::of_group(&long, &long, RecordKind::Head, &long[1..]), None);
}

/// Ids and suffixes at the edges of prefix arithmetic.
const EDGES: [&[u8]; 8] = [b"", b"\0", b"\0\0", b"a", b"a\xff", b"b", b"\xff", b"\xff\xff"];

fn edge_keys() -> Vec<Key<'static>> {
    let scopes: Vec<Scope<'_>> = std::iter::once(Scope::Client).chain(EDGES.map(Scope::Group)).collect();
    let mut all = Vec::new();
    for client in EDGES {
        for &scope in &scopes {
            for record in [RecordKind::Meta, RecordKind::TreeNode, RecordKind::Application] {
                all.extend(EDGES.map(|suffix| Key { client, scope, record, suffix }));
            }
        }
    }
    all
}

fn put_edges(store: &dyn Storage) -> Vec<Key<'static>> {
    let all = edge_keys();
    let mut batch = VecBatch::new();
    for key in all.iter().rev() {
        batch.put(*key, key.to_bytes());
    }
    store.apply(&mut batch).unwrap();
    all
}

fn order(store: &dyn Storage) {
    let mut expected: Vec<Vec<u8>> = put_edges(store).iter().map(Key::to_bytes).collect();
    expected.sort();
    let found = rows(store, KeyRange::everything());
    assert!(found.iter().all(|(key, value)| key == value), "a scan must pair keys with their values");
    assert_eq!(found.into_iter().map(|(key, _)| key).collect::<Vec<_>>(), expected);
}

fn ranges(store: &dyn Storage) {
    let all = put_edges(store);
    let select = |test: &dyn Fn(&Key<'_>) -> bool| {
        let mut keys: Vec<_> = all.iter().filter(|key| test(key)).map(Key::to_bytes).collect();
        keys.sort();
        keys
    };
    for of @ Key { client, scope, record, suffix } in all.iter().copied().step_by(7) {
        let in_scope = |key: &Key<'_>| key.client == client && key.scope == scope;
        let of_kind = |key: &Key<'_>| in_scope(key) && key.record == record;
        let expected = select(&|key| key.client == client);
        assert_eq!(keys(store, KeyRange::client(client)), expected, "client of {of:?}");
        assert_eq!(keys(store, KeyRange::scope(client, scope)), select(&in_scope), "scope of {of:?}");
        let expected = select(&of_kind);
        assert_eq!(keys(store, KeyRange::records(client, scope, record)), expected, "kind of {of:?}");
        let expected = select(&|key| of_kind(key) && key.suffix.starts_with(suffix));
        assert_eq!(keys(store, KeyRange::suffixes(of)), expected, "prefix {of:?}");
    }
    assert!(keys(store, KeyRange::client(b"nobody")).is_empty());
}

fn numbered(store: &dyn Storage, count: u32) {
    let mut batch = VecBatch::new();
    for i in 0..count {
        batch.put(key(&i.to_be_bytes()), i.to_be_bytes().to_vec());
    }
    batch.put(Key::of_group(CLIENT, GROUP, RecordKind::PathKeys, b""), b"before".to_vec());
    batch.put(Key::of_group(CLIENT, GROUP, RecordKind::KeyIndex, b""), b"after".to_vec());
    store.apply(&mut batch).unwrap();
}

fn numbers(store: &dyn Storage, range: KeyRange<'_>) -> Vec<u32> {
    let number = |(_, value): (Vec<u8>, Vec<u8>)| u32::from_be_bytes(value.try_into().unwrap());
    rows(store, range).into_iter().map(number).collect()
}

fn bounds_and_limits(store: &dyn Storage) {
    numbered(store, 300);
    let nodes = KeyRange::records(CLIENT, Scope::Group(GROUP), RecordKind::TreeNode);
    let (ten, twenty) = (10_u32.to_be_bytes(), 20_u32.to_be_bytes());
    let (ten, twenty) = (key(&ten), key(&twenty));
    assert_eq!(numbers(store, nodes), (0..300).collect::<Vec<_>>());
    assert_eq!(numbers(store, nodes.starting_at(ten).before(twenty)), (10..20).collect::<Vec<_>>());
    assert_eq!(numbers(store, nodes.after(ten).up_to(twenty)), (11..21).collect::<Vec<_>>());
    assert_eq!(numbers(store, nodes.starting_at(ten).limit(3)), [10, 11, 12]);
    assert_eq!(numbers(store, nodes.limit(1)), [0]);
    assert_eq!(numbers(store, nodes.before(ten).limit(usize::MAX)).len(), 10);
    let empty: [u32; 0] = [];
    assert_eq!(numbers(store, nodes.limit(0)), empty);
    assert_eq!(numbers(store, nodes.starting_at(twenty).before(ten)), empty, "bounds that cross");
    assert_eq!(numbers(store, nodes.after(ten).before(ten)), empty);
    // Bounds outside the prefix do not widen the range.
    let before = Key::of_group(CLIENT, GROUP, RecordKind::PathKeys, b"");
    let after = Key::of_group(CLIENT, GROUP, RecordKind::KeyIndex, b"");
    assert_eq!(numbers(store, nodes.starting_at(before).up_to(after)).len(), 300);
}

fn erase_ranges(store: &dyn Storage) {
    numbered(store, 100);
    let nodes = KeyRange::records(CLIENT, Scope::Group(GROUP), RecordKind::TreeNode);
    let (ten, twenty) = (10_u32.to_be_bytes(), 20_u32.to_be_bytes());
    let erase = |range: KeyRange<'_>| {
        let mut batch = VecBatch::new();
        batch.erase_range(range);
        store.apply(&mut batch).unwrap();
    };
    erase(nodes.starting_at(key(&ten)).before(key(&twenty)));
    assert_eq!(numbers(store, nodes), (0..10).chain(20..100).collect::<Vec<_>>());
    erase(nodes.limit(5));
    assert_eq!(
        numbers(store, nodes),
        (5..10).chain(20..100).collect::<Vec<_>>(),
        "a limit holds for erasing too"
    );
    erase(nodes.limit(0));
    erase(nodes.starting_at(key(&twenty)).before(key(&ten)));
    assert_eq!(numbers(store, nodes).len(), 85);
    erase(KeyRange::suffixes(key(&[0, 0, 0])));
    assert!(numbers(store, nodes).is_empty());
    let others = keys(store, KeyRange::everything());
    assert_eq!(others.len(), 2, "neighbouring kinds stay");

    let all = put_edges(store);
    erase(KeyRange::scope(b"a", Scope::Group(b"\xff")));
    let expected: Vec<_> =
        all.iter().filter(|key| !(key.client == b"a" && key.scope == Scope::Group(b"\xff"))).collect();
    assert_eq!(keys(store, KeyRange::everything()).len(), expected.len() + others.len());
    for key in expected {
        expect(store, *key, Some(&key.to_bytes()));
    }
    erase(KeyRange::everything());
    assert!(keys(store, KeyRange::everything()).is_empty());
}

fn later_changes_win(store: &dyn Storage) {
    put(store, key(b"old"), b"old");
    let nodes = KeyRange::records(CLIENT, Scope::Group(GROUP), RecordKind::TreeNode);
    let mut batch = VecBatch::new();
    batch.put(key(b"1"), b"first".to_vec()).erase_range(nodes).put(key(b"1"), b"second".to_vec());
    batch.put(key(b"2"), b"x".to_vec()).erase(key(b"2")).put(key(b"3"), b"x".to_vec());
    batch.put(key(b"3"), b"y".to_vec());
    store.apply(&mut batch).unwrap();
    expect(store, key(b"old"), None);
    expect(store, key(b"1"), Some(b"second"));
    expect(store, key(b"2"), None);
    expect(store, key(b"3"), Some(b"y"));
}

fn guards(store: &dyn Storage) {
    let head = Key::of_group(CLIENT, GROUP, RecordKind::Head, b"");
    let (there, short, missing) = (key(b"there"), key(b"short"), key(b"missing"));
    put(store, head, &versioned(7, b"state"));
    put(store, there, b"");
    put(store, short, b"seven b");
    let attempt = |guards: &[Guard]| {
        let mut batch = VecBatch::new();
        for guard in guards {
            batch.guard(guard.clone());
        }
        batch.put(key(b"written"), b"x".to_vec());
        let result = store.apply(&mut batch);
        expect(store, key(b"written"), result.is_ok().then_some(b"x".as_slice()));
        let mut undo = VecBatch::new();
        undo.erase(key(b"written"));
        store.apply(&mut undo).unwrap();
        result
    };
    let absent = |key: Key<'_>| Guard::Absent(key.to_buf());
    let present = |key: Key<'_>| Guard::Present(key.to_buf());
    let version = |key: Key<'_>, version| Guard::Version(key.to_buf(), version);

    attempt(&[absent(missing), present(there), version(head, 7), present(head)]).unwrap();
    attempt(&[present(short), absent(key(b"written"))]).unwrap();
    for fails in [absent(there), present(missing), version(head, 6), version(head, 8), version(missing, 0)] {
        let kind = fails.key().record();
        for guards in [vec![fails.clone()], vec![present(there), fails.clone(), absent(missing)]] {
            match attempt(&guards) {
                Err(StorageError::Conflict { kind: found }) => assert_eq!(found, kind, "{fails:?}"),
                other => panic!("{fails:?} must be a conflict, was {other:?}"),
            }
        }
    }
    let result = attempt(&[version(short, 7)]);
    assert!(matches!(result, Err(StorageError::Corrupt { .. })), "a row without a version: {result:?}");

    // Guards see the store before the batch, not its own changes; and the whole of 64 bits counts.
    let mut batch = VecBatch::new();
    batch.guard(version(head, 7)).put(head, versioned(u64::MAX, b"")).put(head, versioned(u64::MAX - 1, b""));
    store.apply(&mut batch).unwrap();
    attempt(&[version(head, u64::MAX - 1)]).unwrap();
    assert!(attempt(&[version(head, 7)]).is_err());
    // Guards alone are a question.
    let mut ask = VecBatch::new();
    ask.guard(absent(head));
    assert!(matches!(store.apply(&mut ask), Err(StorageError::Conflict { .. })));
}

/// A batch that writes, erases, then fails.
fn failing(guards: Vec<Guard>) -> impl Batch {
    struct Failing(Vec<Guard>, usize);
    impl Batch for Failing {
        fn guards(&self) -> &[Guard] {
            &self.0
        }
        fn next(&mut self) -> Result<Option<Op<'_>>, StorageError> {
            self.1 += 1;
            match self.1 {
                1 => Ok(Some(Op::Put { key: key(b"1"), value: b"torn" })),
                2 => Ok(Some(Op::Put { key: key(b"new"), value: b"torn" })),
                3 => Ok(Some(Op::Erase(key(b"2")))),
                4 => Ok(Some(Op::EraseRange(KeyRange::everything()))),
                5 => Ok(Some(Op::Put { key: key(b"2"), value: &[0x55; 100_000] })),
                6 => Err(StorageError::aborted("on purpose")),
                _ => panic!("asked again after it failed"),
            }
        }
    }
    Failing(guards, 0)
}

fn a_guard_that_fails_changes_nothing(store: &dyn Storage) {
    put(store, key(b"1"), b"one");
    put(store, key(b"2"), b"two");
    let before = rows(store, KeyRange::everything());
    let mut batch = VecBatch::new();
    batch.guard_present(key(b"1")).guard_absent(key(b"2"));
    batch.put(key(b"1"), b"torn".to_vec()).erase(key(b"2")).erase_range(KeyRange::everything());
    assert!(matches!(store.apply(&mut batch), Err(StorageError::Conflict { kind: RecordKind::TreeNode })));
    assert_eq!(rows(store, KeyRange::everything()), before);
    put(store, key(b"3"), b"goes on");
}

fn a_batch_that_fails_changes_nothing(store: &dyn Storage) {
    put(store, key(b"1"), b"one");
    put(store, key(b"2"), b"two");
    let before = rows(store, KeyRange::everything());
    let error = store.apply(&mut failing(vec![Guard::Present(key(b"1").to_buf())]));
    assert!(
        matches!(&error, Err(StorageError::Aborted(why)) if why.to_string() == "on purpose"),
        "{error:?}"
    );
    assert_eq!(rows(store, KeyRange::everything()), before);
    put(store, key(b"3"), b"goes on");
    expect(store, key(b"3"), Some(b"goes on"));
}

fn a_scan_stops_with_its_function(store: &dyn Storage) {
    numbered(store, 50);
    let mut calls = 0;
    let result = store.scan(&KeyRange::everything(), &mut |_| {
        calls += 1;
        if calls == 3 { Err(StorageError::aborted("enough")) } else { Ok(()) }
    });
    assert!(matches!(&result, Err(StorageError::Aborted(why)) if why.to_string() == "enough"), "{result:?}");
    assert_eq!(calls, 3);
    put(store, key(b"later"), b"goes on");
    assert_eq!(rows(store, KeyRange::everything()).len(), 53);
}

/// Served or refused, but neither stuck nor torn.
fn calls_from_within(store: &dyn Storage) {
    struct Nested<'a>(&'a dyn Storage, bool);
    impl Batch for Nested<'_> {
        fn guards(&self) -> &[Guard] {
            &[]
        }
        fn next(&mut self) -> Result<Option<Op<'_>>, StorageError> {
            if std::mem::replace(&mut self.1, true) {
                return Ok(None);
            }
            self.0.get(&key(b"1"))?;
            Ok(Some(Op::Put { key: key(b"nested"), value: b"x" }))
        }
    }
    put(store, key(b"1"), b"one");
    let scan = store.scan(&KeyRange::everything(), &mut |row| store.get(&row.key).map(|_| ()));
    assert!(matches!(scan, Ok(()) | Err(StorageError::Reentrant)), "{scan:?}");
    match store.apply(&mut Nested(store, false)) {
        Ok(()) => expect(store, key(b"nested"), Some(b"x")),
        Err(StorageError::Reentrant) => expect(store, key(b"nested"), None),
        other => panic!("a call from within a batch: {other:?}"),
    }
    put(store, key(b"2"), b"goes on");
    expect(store, key(b"2"), Some(b"goes on"));
}

fn streams(store: &dyn Storage) {
    const ROWS: u32 = 20_000;
    let mut first = VecBatch::new();
    first.guard_absent(key(b"first")).put(key(b"first"), b"1".to_vec());
    let mut next = 0;
    let mut batch = StreamBatch::new(first, |row| {
        if next == ROWS {
            return Ok(false);
        }
        // Neither ascending nor dense.
        row.key.set(key(&next.wrapping_mul(0x9e37_79b1).to_be_bytes()));
        row.value.extend_from_slice(&[next as u8; 40]);
        next += 1;
        Ok(true)
    });
    store.apply(&mut batch).unwrap();
    assert_eq!(rows(store, KeyRange::everything()).len(), ROWS as usize + 1);
    let probe = 777_u32;
    expect(store, key(&probe.wrapping_mul(0x9e37_79b1).to_be_bytes()), Some(&[probe as u8; 40]));
}

/// 300 batches of random changes, beside a map that does the same.
fn random_histories(store: &dyn Storage) {
    let mut model: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut random = Random(0x0123_4567_89ab_cdef);
    for step in 0..300 {
        let mut batch = VecBatch::new();
        let mut after = model.clone();
        for _ in 0..random.below(12) {
            let number = (random.below(200) as u16).to_be_bytes();
            match random.below(10) {
                0..6 => {
                    let value = vec![random.below(256) as u8; random.below(1500)];
                    batch.put(key(&number), value.clone());
                    after.insert(key(&number).to_bytes(), value);
                }
                6..9 => {
                    batch.erase(key(&number));
                    after.remove(&key(&number).to_bytes());
                }
                _ => {
                    let range = KeyRange::records(CLIENT, Scope::Group(GROUP), RecordKind::TreeNode);
                    let range = range.starting_at(key(&number)).limit(random.below(9));
                    batch.erase_range(range);
                    let encoded = range.encoded();
                    let gone: Vec<_> = after
                        .keys()
                        .filter(|key| encoded.contains(key))
                        .take(encoded.limit.unwrap())
                        .cloned()
                        .collect();
                    gone.iter().for_each(|key| drop(after.remove(key)));
                }
            }
        }
        if random.below(4) == 0 {
            batch.guard_present(key(b"never written"));
            assert!(store.apply(&mut batch).is_err());
        } else {
            store.apply(&mut batch).unwrap();
            model = after;
        }
        let expected: Vec<_> = model.clone().into_iter().collect();
        assert_eq!(rows(store, KeyRange::everything()), expected, "after step {step}");
    }
}

fn counts(store: Box<dyn Storage>) {
    let store = CountingStorage::new(store);
    let bytes = key(b"1").to_bytes().len() + 3;
    put(&store, key(b"1"), b"one");
    let ((), counts) = store.during(|| {
        expect(&store, key(b"1"), Some(b"one"));
        expect(&store, key(b"none"), None);
        assert_eq!(rows(&store, KeyRange::everything()).len(), 1);
        assert!(store.apply(&mut failing(Vec::new())).is_err());
    });
    assert_eq!((counts.gets, counts.scans, counts.rows_read, counts.bytes_read), (2, 1, 2, 2 * bytes));
    assert_eq!((counts.applies, counts.failed_applies, counts.rows_written), (0, 1, 0));
    let mut batch = VecBatch::new();
    batch.guard_present(key(b"1")).erase(key(b"1")).erase_range(KeyRange::everything());
    batch.put(key(b"2"), b"two".to_vec());
    let (result, counts) = store.during(|| store.apply(&mut batch));
    result.unwrap();
    assert_eq!((counts.applies, counts.guards, counts.erases, counts.range_erases), (1, 1, 1, 1));
    assert_eq!((counts.rows_written, counts.bytes_written), (1, bytes));
    assert_eq!(store.counts_of(RecordKind::TreeNode).rows_written, 2);
    assert_eq!(store.counts_of(RecordKind::Head).rows_written, 0);
}

fn pointers(store: Box<dyn Storage>) {
    let store = std::sync::Arc::new(store);
    put(&store, key(b"1"), b"one");
    expect(&&store, key(b"1"), Some(b"one"));
    assert_eq!(store.erasure(), (**store).erasure());
}

/// xorshift: the same histories on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}
