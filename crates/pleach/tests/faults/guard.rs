//! A rollback guard that fails in the middle of sending: before it moves its mark, and after it.

use crate::scene::{Scene, TEA, go_on};
use pleach::{
    Error, Group, GuardPlace, MarkExchange, MemoryRollbackGuard, RollbackGuard, RollbackGuardError,
    RollbackMark,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};

const WORKS: u8 = 0;
const BEFORE: u8 = 1;
const AFTER: u8 = 2;

/// A guard that fails once: the next time that it is to move a mark.
#[derive(Debug, Default)]
struct Guard {
    marks: MemoryRollbackGuard,
    fails: AtomicU8,
}

impl RollbackGuard for Guard {
    fn read(&self, place: &GuardPlace<'_>) -> Result<Option<RollbackMark>, RollbackGuardError> {
        self.marks.read(place)
    }

    fn compare_and_set(
        &self,
        place: &GuardPlace<'_>,
        expected: Option<RollbackMark>,
        mark: RollbackMark,
    ) -> Result<MarkExchange, RollbackGuardError> {
        let fails = self.fails.swap(WORKS, SeqCst);
        if fails == BEFORE {
            return Err(RollbackGuardError::new("out of reach"));
        }
        let exchanged = self.marks.compare_and_set(place, expected, mark)?;
        if fails == AFTER { Err(RollbackGuardError::new("no answer")) } else { Ok(exchanged) }
    }
}

/// What is done, and how many pending Commits there are after it, though nothing was returned.
type Operation = (&'static str, fn(&mut Group) -> Result<(), Error>, usize);

const OPERATIONS: [Operation; 4] = [
    ("encrypt", |group| group.encrypt(b"hello").map(drop), 0),
    (
        "encrypt with records",
        |group| {
            group.encrypt_with(b"hello", b"", vec![(b"outbox".to_vec(), Some(b"hello".to_vec()))]).map(drop)
        },
        0,
    ),
    ("build", |group| group.commit().force_path().build().map(drop), 1),
    ("propose", |group| group.propose_psk(b"gate").map(drop), 0),
];

#[test]
fn a_guard_that_fails_while_something_is_sent() {
    let mut beginning = Scene::beginning();
    let secret = pleach::crypto::Secret::copy_from(&[7; 32]);
    for name in ["alice", "bob", "carol"] {
        beginning.client(name).store_psk(b"gate", &secret).unwrap();
    }
    for (name, run, pending) in OPERATIONS {
        for fails in [BEFORE, AFTER] {
            for dies in [false, true] {
                let case = format!("{name}, {fails}, {dies}");
                let mut scene = beginning.copy();
                let guard = Arc::new(Guard::default());
                let mut alice = scene.guarded("alice", guard.clone()).load(TEA).unwrap();
                alice.encrypt(b"guarded from here").unwrap();
                let before = scene.rows("alice");
                guard.fails.store(fails, SeqCst);
                let error = run(&mut alice).unwrap_err();
                assert!(matches!(error, Error::RollbackGuard(_)), "{case}: {error}");
                assert!(error.is_retryable(), "{case}");
                // The batch stands, and its records; nothing left.
                assert!(scene.rows("alice") != before, "{case}");
                let record = alice.record(b"outbox").unwrap();
                assert_eq!(record.is_some(), name == "encrypt with records", "{case}");
                if dies {
                    alice = scene.guarded("alice", guard.clone()).load(TEA).unwrap();
                }
                assert!(!alice.is_restored(), "{case}");
                assert_eq!(alice.pending().unwrap().len(), pending, "{case}");
                alice.clear_proposals().unwrap();
                let mut groups = vec![alice];
                groups.extend(scene.groups(&["bob", "carol"]));
                go_on(&mut groups);
                assert!(!groups[0].is_restored(), "{case}");
            }
        }
    }
}

#[test]
fn a_guard_that_fails_while_a_commit_is_merged() {
    let beginning = Scene::beginning();
    for fails in [BEFORE, AFTER] {
        for dies in [false, true] {
            let mut scene = beginning.copy();
            let guard = Arc::new(Guard::default());
            let mut alice = scene.guarded("alice", guard.clone()).load(TEA).unwrap();
            let commit = alice.commit().force_path().build().unwrap();
            guard.fails.store(fails, SeqCst);
            // The epoch is entered all the same: the others do so, too.
            alice.merge(&commit).unwrap();
            if dies {
                alice = scene.guarded("alice", guard.clone()).load(TEA).unwrap();
            }
            assert!(!alice.is_restored());
            scene.follow(&["bob", "carol"], commit.message());
            let mut groups = vec![alice];
            groups.extend(scene.groups(&["bob", "carol"]));
            go_on(&mut groups);
        }
    }
}
