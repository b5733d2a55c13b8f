//! Two handles on one store: while one is about to write, the other does. Each pair of operations, each way around.
//!
//! The slower one gets a conflict, and nothing that it computed is stored or leaves; or the two do not touch, and both are
//! done. After `reload` it goes on.

use crate::scene::{Rows, Scene, TEA, follow, go_on};
use pleach::storage::{Batch, Erasure, Key, KeyRange, Row, Storage, StorageError, Value};
use pleach::{ApiMisuse, Client, Error, Group, LeafUpdate, MisuseError, Received};
use pleach_testkit::faults::{Faults, FaultyStorage, Stage};
use std::collections::BTreeMap;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering::Relaxed},
};

type Notes = BTreeMap<&'static str, Vec<u8>>;
type Act = fn(&mut Group, &Notes) -> Result<(), Error>;

const ACTS: [(&str, Act); 11] = [
    ("send", |group, _| group.encrypt(b"hello").map(drop)),
    ("receive bob's", |group, notes| group.receive(&notes["bob's text"]).map(drop)),
    ("receive bob's next", |group, notes| group.receive(&notes["bob's next"]).map(drop)),
    ("receive carol's", |group, notes| group.receive(&notes["carol's text"]).map(drop)),
    ("receive proposal", |group, notes| group.receive(&notes["proposal"]).map(drop)),
    ("propose", |group, _| group.propose_update(&LeafUpdate::new()).map(drop)),
    ("build", |group, _| group.commit().build().map(drop)),
    ("merge own", |group, notes| {
        let commit = group.pending_commit(&notes["hash"])?;
        group.merge(commit).map(drop)
    }),
    ("merge received", |group, notes| match group.receive(&notes["bob's commit"])?.into_commit() {
        Some(staged) => group.merge(staged).map(drop),
        None => panic!("no Commit"),
    }),
    ("discard", |group, notes| group.discard(&notes["hash"])),
    ("clear proposals", |group, _| group.clear_proposals()),
];

/// Who of a pair cannot but lose: first the one that is faster, then the one that is not.
const CONFLICTS: [(&str, &str); 18] = [
    ("send", "send"),
    ("receive bob's", "receive bob's"),
    ("receive proposal", "receive proposal"),
    ("merge own", "send"),
    ("merge received", "send"),
    ("merge own", "receive bob's"),
    ("merge received", "propose"),
    ("merge received", "build"),
    ("merge own", "merge own"),
    ("merge own", "merge received"),
    ("merge received", "merge own"),
    ("merge received", "merge received"),
    ("build", "build"),
    ("propose", "propose"),
    ("propose", "build"),
    // R217: a proposal that the other one does not know of yet.
    ("propose", "send"),
    ("receive proposal", "send"),
    ("receive proposal", "build"),
];

/// Everything is there for every act: texts and a proposal to be received, an own Commit and one of bob to be merged.
fn scene() -> (Scene, Notes) {
    let mut scene = Scene::beginning();
    let mut notes = Notes::new();
    let mut bob = scene.group("bob");
    notes.insert("bob's text", bob.encrypt(b"from bob").unwrap());
    notes.insert("bob's next", bob.encrypt(b"from bob again").unwrap());
    notes.insert("carol's text", scene.group("carol").encrypt(b"from carol").unwrap());
    notes.insert("bob's commit", bob.commit().build().unwrap().message().to_vec());
    notes.insert("proposal", bob.propose_update(&LeafUpdate::new()).unwrap());
    let commit = scene.group("alice").commit().build().unwrap();
    notes.insert("hash", commit.hash().to_vec());
    notes.insert("own commit", commit.message().to_vec());
    (scene, notes)
}

/// Whatever alice has become, the others follow, and all go on.
fn settle(scene: &mut Scene, notes: &Notes) {
    let mut alice = scene.group("alice");
    if alice.epoch() == 2 {
        let mut own = scene.copy();
        own.follow(&["bob"], &notes["own commit"]);
        if own.group("bob").epoch_authenticator().unwrap() == alice.epoch_authenticator().unwrap() {
            scene.follow(&["bob", "carol"], &notes["own commit"]);
        } else {
            let mut bob = scene.group("bob");
            let Received::OwnCommit(commit) = bob.receive(&notes["bob's commit"]).unwrap() else { panic!() };
            bob.merge(commit).unwrap();
            scene.follow(&["carol"], &notes["bob's commit"]);
        }
    }
    let pending = alice.pending_proposals().unwrap();
    if pending.iter().all(|proposal| proposal.message.is_some()) {
        // Nobody heard of his: he gives it up.
        scene.group("bob").clear_proposals().unwrap();
    }
    for proposal in pending {
        match proposal.message {
            Some(message) => scene.hear(&["bob", "carol"], &message),
            None => scene.hear(&["carol"], &notes["proposal"]),
        }
    }
    let commit = scene.commit("carol");
    follow(&mut alice, commit.message());
    scene.follow(&["bob"], commit.message());
    let mut groups = scene.groups(&["bob", "carol"]);
    groups.insert(0, alice);
    go_on(&mut groups);
}

/// A second client of alice over her store; `faults` tells when it is about to write.
fn second(scene: &mut Scene, faults: &Faults) -> Client {
    let store = scene.store("alice");
    scene.client_over("alice", FaultyStorage::new(store, faults.clone()))
}

fn is_lost(error: &Error) -> bool {
    matches!(
        error,
        Error::Storage(StorageError::Conflict { .. })
            | Error::ApiMisuse(ApiMisuse::Group(MisuseError::NoSuchCommit | MisuseError::Stale))
    )
}

/// The second handle is about to write when the first does.
fn race(
    (_, first): (&str, Act),
    (_, slower): (&str, Act),
) -> (Result<(), Error>, Rows, Rows, Group, Scene, Notes) {
    let (mut scene, notes) = scene();
    let mut fast = scene.group("alice");
    let faults = Faults::new();
    let mut slow = second(&mut scene, &faults).load(TEA).unwrap();
    let store = scene.store("alice");
    let mut winner = Some((fast_rows(&store), notes.clone()));
    let (told, rows) = std::sync::mpsc::channel();
    faults.watch(move |point| {
        if point.stage == Stage::Before
            && let Some((rows, notes)) = winner.take()
        {
            first(&mut fast, &notes).unwrap();
            told.send(rows()).unwrap();
        }
    });
    let result = slower(&mut slow, &notes);
    let after_first = rows.try_recv().unwrap();
    let now = scene.rows("alice");
    (result, after_first, now, slow, scene, notes)
}

fn fast_rows(store: &pleach::MemoryStorage) -> impl Fn() -> Rows + Send + use<> {
    let store = store.clone();
    move || crate::scene::rows_of(&store)
}

#[test]
fn the_slower_of_two_loses_nothing_but_the_race() {
    let mut conflicts = 0;
    for first in ACTS {
        for slower in ACTS {
            let pair = format!("{} while {}", first.0, slower.0);
            let (result, after_first, now, mut slow, mut scene, notes) = race(first, slower);
            let must = CONFLICTS.contains(&(first.0, slower.0));
            match result {
                Ok(()) => assert!(!must, "{pair}: no conflict"),
                Err(error) => {
                    assert!(is_lost(&error), "{pair}: {error}");
                    assert!(now == after_first, "{pair}: something was stored");
                    conflicts += 1;
                    slow.reload().unwrap();
                    // Once more, now that it knows; or it is no use any more.
                    match slower.1(&mut slow, &notes) {
                        Ok(())
                        | Err(Error::AlreadyReceived | Error::WrongEpoch { .. } | Error::ApiMisuse(_)) => {}
                        Err(error) => panic!("{pair}, again: {error}"),
                    }
                }
            }
            drop(slow);
            settle(&mut scene, &notes);
        }
    }
    assert!(conflicts > CONFLICTS.len());
}

#[test]
fn the_second_of_two_knows_or_is_told() {
    for first in ACTS {
        for second in ACTS {
            let pair = format!("{}, then {}", first.0, second.0);
            let (mut scene, notes) = scene();
            let mut groups = scene.groups(&["alice", "alice"]);
            // Everything that a handle keeps in memory, both have.
            for group in &mut groups {
                group.members().unwrap();
                group.discard(b"nothing").unwrap();
            }
            first.1(&mut groups[0], &notes).unwrap();
            let before = scene.rows("alice");
            if let Err(error) = second.1(&mut groups[1], &notes) {
                assert!(before == scene.rows("alice"), "{pair}: something was stored");
                groups[1].reload().unwrap();
                match error {
                    Error::AlreadyReceived | Error::WrongEpoch { .. } => {}
                    Error::ApiMisuse(ApiMisuse::Group(MisuseError::PendingProposals)) => {}
                    error if is_lost(&error) => {
                        let again = second.1(&mut groups[1], &notes);
                        assert!(!matches!(again, Err(Error::Storage(_))), "{pair}, again: {again:?}");
                    }
                    error => panic!("{pair}: {error}"),
                }
            }
            drop(groups);
            settle(&mut scene, &notes);
        }
    }
}

/// A store in which something happens just before a call.
struct Interposed {
    inner: pleach::MemoryStorage,
    calls: AtomicU64,
    at: u64,
    event: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Interposed {
    fn call(&self) {
        if self.calls.fetch_add(1, Relaxed) == self.at
            && let Some(event) = self.event.lock().unwrap().take()
        {
            event();
        }
    }
}

impl std::fmt::Debug for Interposed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interposed").finish_non_exhaustive()
    }
}

impl Storage for Interposed {
    fn get(&self, key: &Key<'_>) -> Result<Option<Value>, StorageError> {
        self.call();
        self.inner.get(key)
    }

    fn scan(
        &self,
        range: &KeyRange<'_>,
        row: &mut dyn FnMut(Row<'_>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        self.call();
        self.inner.scan(range, row)
    }

    fn apply(&self, batch: &mut dyn Batch) -> Result<(), StorageError> {
        self.call();
        self.inner.apply(batch)
    }

    fn erasure(&self) -> Erasure {
        self.inner.erasure()
    }
}

/// Rows are read one after the other: whatever another handle does between two of them is a conflict at most, and never
/// damage, a message that seems to be read, or a fault of the sender.
#[test]
fn what_happens_between_two_reads_is_a_conflict_at_most() {
    let (mut beginning, notes) = scene();
    // Opening the group is not part of it.
    let counted = Arc::new(Interposed {
        inner: beginning.store("alice"),
        calls: AtomicU64::new(0),
        at: u64::MAX,
        event: Mutex::new(None),
    });
    beginning.client_over("alice", counted.clone()).load(TEA).unwrap();
    let opened = counted.calls.load(Relaxed);
    let mut interposed_at = 0;
    for first in ACTS {
        for slower in ACTS {
            for at in 0.. {
                let mut scene = beginning.copy();
                let mut fast = scene.group("alice");
                let (told, happened) = std::sync::mpsc::channel();
                let known = notes.clone();
                let event = move || {
                    // After the slower one's batch it is this one that is late.
                    match first.1(&mut fast, &known) {
                        Ok(()) | Err(Error::AlreadyReceived | Error::WrongEpoch { .. }) => {}
                        Err(error) => assert!(is_lost(&error), "{error}"),
                    }
                    told.send(()).unwrap();
                };
                let interposed = Interposed {
                    inner: scene.store("alice"),
                    calls: AtomicU64::new(0),
                    at: opened + at,
                    event: Mutex::new(Some(Box::new(event))),
                };
                let mut slow = scene.client_over("alice", interposed).load(TEA).unwrap();
                let result = slower.1(&mut slow, &notes);
                if happened.try_recv().is_err() {
                    result.unwrap();
                    break;
                }
                interposed_at += 1;
                let pair = format!("{} before call {at} of {}", first.0, slower.0);
                match result {
                    Ok(()) => {}
                    Err(Error::AlreadyReceived) => assert_eq!(first.0, slower.0, "{pair}"),
                    Err(Error::ApiMisuse(ApiMisuse::Group(MisuseError::PendingProposals))) => {}
                    Err(error) => assert!(is_lost(&error), "{pair}: {error}"),
                }
            }
        }
    }
    assert!(interposed_at > 4 * ACTS.len() * ACTS.len(), "{interposed_at}");
}

/// breaks: R217
#[test]
fn a_proposal_of_the_other_handle_stops_sending() {
    let mut scene = Scene::beginning();
    let mut groups = scene.groups(&["alice", "alice"]);
    groups[0].encrypt(b"it knows of no proposal").unwrap();
    let proposal = scene.group("bob").propose_update(&LeafUpdate::new()).unwrap();
    groups[1].receive(&proposal).unwrap();
    let refused = groups[0].encrypt(b"too late").unwrap_err();
    assert!(matches!(refused, Error::Storage(StorageError::Conflict { .. })), "{refused}");
    let refused = groups[0].encrypt(b"too late").unwrap_err();
    assert!(
        matches!(refused, Error::ApiMisuse(ApiMisuse::Group(MisuseError::PendingProposals))),
        "{refused}"
    );
    // Forgotten here, known there: the version tells them apart even if a new one came instead.
    groups[0].clear_proposals().unwrap();
    groups[0].encrypt(b"now").unwrap();
    groups[0].propose_update(&LeafUpdate::new()).unwrap();
    let stale = groups[1].commit().build().unwrap_err();
    assert!(matches!(stale, Error::Storage(StorageError::Conflict { .. })), "{stale}");
    let commit = groups[1].commit().build();
    assert!(commit.is_ok(), "{commit:?}");
}

#[test]
fn a_handle_on_a_group_that_the_other_deleted() {
    let mut scene = Scene::beginning();
    let mut groups = scene.groups(&["alice", "alice"]);
    groups.remove(0).delete().unwrap();
    let rows = scene.rows("alice");
    let group = &mut groups[0];
    assert!(group.encrypt(b"hello").is_err());
    assert!(group.commit().build().is_err());
    assert!(group.propose_update(&LeafUpdate::new()).is_err());
    assert!(group.reload().is_err());
    assert!(scene.rows("alice") == rows, "something came back");
}

/// Opening reads the head, then the epoch. If another handle leaves that epoch in between, the next one is opened.
#[test]
fn a_group_opens_while_another_handle_merges() {
    let merge = ACTS.into_iter().find(|(name, _)| *name == "merge own").unwrap().1;
    for past_epochs in [0, 3] {
        let mut opened = [0; 3];
        for at in 0..6 {
            let (mut scene, notes) = scene();
            let mut fast = scene.group("alice");
            let mut config = fast.config().clone();
            config.past_epochs = past_epochs;
            fast.set_config(config);
            let own = fast.pending_commit(&notes["hash"]).unwrap();
            fast.discard(own.hash()).unwrap();
            let own = fast.commit().build().unwrap();
            let notes = Notes::from([("hash", own.hash().to_vec())]);
            let done = Arc::new(Mutex::new(None));
            let merged = Arc::clone(&done);
            let store = Interposed {
                inner: scene.store("alice"),
                calls: AtomicU64::new(0),
                // Making the client reads its store's row.
                at: at + 1,
                event: Mutex::new(Some(Box::new(move || {
                    merge(&mut fast, &notes).unwrap();
                    *merged.lock().unwrap() = Some(fast.epoch_authenticator().unwrap());
                }))),
            };
            let client = scene.client_over("alice", store);
            let group = client.load(TEA).unwrap();
            opened[usize::try_from(group.epoch()).unwrap()] += 1;
            if let Some(authenticator) = done.lock().unwrap().take() {
                assert!(group.epoch() == 1 || group.epoch_authenticator().unwrap() == authenticator);
            }
        }
        assert!(opened[1] > 0 && opened[2] > 1, "{opened:?}");
    }
}
