//! The faulty store itself: it fails where and how it is told, and leaves alone what it is not.

use super::*;
use pleach_storage::{RecordKind, VecBatch};
use pleach_storage_memory::MemoryStorage;
use std::sync::{Arc, Mutex};

fn key(n: u8) -> KeyBuf {
    Key::of_client(b"c", RecordKind::Application, &[n]).to_buf()
}

fn four() -> VecBatch {
    let mut batch = VecBatch::new();
    (0..4).for_each(|n| {
        batch.put(key(n), vec![n]);
    });
    batch
}

fn store() -> (FaultyStorage<MemoryStorage>, Faults) {
    let faults = Faults::new();
    (FaultyStorage::new(MemoryStorage::new(), faults.clone()), faults)
}

#[test]
fn a_batch_fails_as_planned() {
    let cases = [
        (Fault::Before, 0),
        (Fault::Halfway, 0),
        (Fault::After, 4),
        (Fault::Unknown { applied: false }, 0),
        (Fault::Unknown { applied: true }, 4),
    ];
    for (fault, rows) in cases {
        for dies in [false, true] {
            let (store, faults) = store();
            assert!(store.get(&key(0).as_key()).unwrap().is_none());
            faults.arm(Plan { place: Place::Nth(Call::Apply, 1), fault, dies });
            store.apply(&mut VecBatch::new()).unwrap();
            let error = store.apply(&mut four()).unwrap_err();
            assert!(is_injected(&error), "{error}");
            assert_eq!(error.outcome_unknown(), matches!(fault, Fault::After | Fault::Unknown { .. }));
            assert_eq!(store.inner().len(), rows);
            assert_eq!(faults.hit(), Some(Hit { call: Call::Apply, fault }));
            assert_eq!(store.get(&key(0).as_key()).is_err(), dies);
            faults.disarm();
            store.apply(&mut four()).unwrap();
        }
    }
}

#[test]
fn reads_fail_as_planned() {
    let (store, faults) = store();
    store.apply(&mut four()).unwrap();
    let scan = |fault| {
        faults.arm(Plan { place: Place::Any(0), fault, dies: false });
        let mut rows = 0;
        let result = store.scan(&KeyRange::everything(), &mut |_| {
            rows += 1;
            Ok(())
        });
        assert!(is_injected(&result.unwrap_err()));
        rows
    };
    assert_eq!([scan(Fault::Before), scan(Fault::Halfway), scan(Fault::After)], [0, 2, 4]);
    faults.arm(Plan { place: Place::Nth(Call::Get, 0), fault: Fault::After, dies: false });
    assert!(store.get(&key(0).as_key()).is_err());
    assert!(store.get(&key(0).as_key()).is_ok());
    assert_eq!(faults.calls(), Calls { gets: 2, scans: 0, applies: 0 });
}

#[test]
fn operations_have_names_and_points() {
    let (store, faults) = store();
    faults.arm(Plan { place: Place::In("merge", Call::Apply), fault: Fault::Before, dies: false });
    faults.operation("encrypt");
    store.apply(&mut four()).unwrap();
    faults.operation("merge");
    store.apply(&mut four()).unwrap_err();
    store.apply(&mut four()).unwrap();

    let seen = Arc::new(Mutex::new(Vec::new()));
    let points = seen.clone();
    faults.watch(move |point| points.lock().unwrap().push(point));
    store.apply(&mut four()).unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(
        seen.iter().map(|point| point.stage).collect::<Vec<_>>(),
        [Stage::Before, Stage::Halfway, Stage::After]
    );
    assert!(seen.iter().all(|point| point.operation == "merge"));
}
