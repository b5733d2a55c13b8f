//! Crashes, races, several handles, and stores that fail: memory follows what is stored, and nothing is lost or used twice.

use crate::common::{assert_in_agreement, builder, client, code, deliver_commit, group, group_of, key};
use pleach::storage::{Batch, Erasure, Key, KeyRange, Row, Storage, StorageError, Value};
use pleach::wire::LeafIndex;
use pleach::{Error, Group, MemoryStorage, MisuseError, Received};
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering::Relaxed},
};

/// Drops the handle and opens the group again, as after a restart.
fn restarted(group: Group) -> Group {
    let (client, id) = (group.client().clone(), group.id().to_vec());
    drop(group);
    client.load(&id).unwrap()
}

#[test]
fn everything_survives_a_restart_at_any_point() {
    let mut members: Vec<Group> = group(&["alice", "bob", "carol"]).into_iter().map(restarted).collect();
    assert_in_agreement(&mut members);
    let proposal = members[1].propose_update(&pleach::LeafUpdate::new()).unwrap();
    for by in [0, 2] {
        members[by].receive(&proposal).unwrap();
    }
    let mut members: Vec<Group> = members.into_iter().map(restarted).collect();
    assert_eq!(members[0].pending_proposals().unwrap().len(), 1);

    let commit = members[0].commit().build().unwrap();
    let mut members: Vec<Group> = members.into_iter().map(restarted).collect();
    let again = members[0].pending().unwrap();
    assert_eq!(again.len(), 1);
    assert_eq!((again[0].hash(), again[0].message()), (commit.hash(), commit.message()));
    // The value from before the restart and the one from the store lead to the same epoch.
    deliver_commit(&mut members, 0, &again[0]);
    let mut members: Vec<Group> = members.into_iter().map(restarted).collect();
    assert_in_agreement(&mut members);
    let update = members[2].commit().build().unwrap();
    deliver_commit(&mut members, 2, &update);
}

#[test]
fn a_commit_merged_after_a_crash_brings_in_new_members() {
    let (alice, bob) = (client("alice"), client("bob"));
    let mut a = alice.create_group(b"crash").unwrap();
    let add = a.commit().add(bob.key_package().unwrap()).build().unwrap();
    let hash = add.hash().to_vec();
    drop((a, add));

    let mut a = alice.load(b"crash").unwrap();
    assert_eq!(a.epoch(), 0);
    let pending = a.pending_commit(&hash).unwrap();
    let changes = a.merge(&pending).unwrap();
    assert_eq!((changes.added, a.epoch()), (vec![LeafIndex(1)], 1));
    let b = bob.join(pending.welcome().unwrap()).unwrap().accept().unwrap();
    assert_in_agreement(&mut [a, b]);
}

#[test]
fn the_own_commit_comes_back_from_the_delivery_service() {
    for public in [false, true] {
        let mut members = group(&["alice", "bob"]);
        if public {
            for member in &mut members {
                let mut config = member.config().clone();
                config.wire = pleach::WirePolicy::PUBLIC;
                member.set_config(config);
            }
        }
        let losing = members[0].commit().build().unwrap();
        let winning = members[0].commit().build().unwrap();
        assert_ne!(losing.hash(), winning.hash());
        let Received::OwnCommit(own) = members[0].receive(winning.message()).unwrap() else {
            panic!("not found")
        };
        assert_eq!(own.hash(), winning.hash());
        let staged = members[1].receive(winning.message()).unwrap().into_commit().unwrap();
        members[1].merge(staged).unwrap();
        members[0].merge(own).unwrap();
        assert!(members[0].pending().unwrap().is_empty());
        assert_in_agreement(&mut members);
        assert_eq!(code(members[0].receive(losing.message())), "wrong-epoch");
    }
}

#[test]
fn a_lost_race_needs_no_undoing() {
    let mut members = group(&["alice", "bob", "carol"]);
    let of_alice = members[0].commit().build().unwrap();
    let of_bob = members[1].commit().remove(LeafIndex(2)).build().unwrap();
    deliver_commit(&mut members, 1, &of_bob);
    assert!(members[0].pending().unwrap().is_empty());
    assert!(matches!(
        members[0].merge(of_alice),
        Err(Error::ApiMisuse(pleach::ApiMisuse::Group(MisuseError::Stale)))
    ));
    let again = members[0].commit().build().unwrap();
    deliver_commit(&mut members, 0, &again);
}

#[test]
fn a_staged_commit_that_was_dropped_is_received_again() {
    let mut members = group(&["alice", "bob"]);
    let update = members[0].commit().build().unwrap();
    for _ in 0..3 {
        drop(members[1].receive(update.message()).unwrap());
        let bob = members.remove(1);
        members.push(restarted(bob));
        assert_eq!(members[1].epoch(), 1);
    }
    let staged = members[1].receive(update.message()).unwrap().into_commit().unwrap();
    let second = members[1].receive(update.message()).unwrap().into_commit().unwrap();
    members[1].merge(staged).unwrap();
    assert!(matches!(
        members[1].merge(second),
        Err(Error::ApiMisuse(pleach::ApiMisuse::Group(MisuseError::Stale)))
    ));
    members[0].merge(update).unwrap();
    assert_in_agreement(&mut members);
}

#[test]
fn the_slower_of_two_handles_is_told_and_goes_on() {
    let (alice, bob) = (client("alice"), client("bob"));
    let mut members = group_of(&[&alice, &bob]);
    let mut second = alice.load(members[0].id()).unwrap();
    // Both prepare from the same ratchet: one wins, and no generation is used twice.
    let first_message = members[0].encrypt(b"first").unwrap();
    let second_message = second.encrypt(b"second").unwrap();
    for (message, generation) in [(first_message, 0), (second_message, 1)] {
        let text = members[1].receive(&message).unwrap().into_application().unwrap();
        assert_eq!(text.generation(), generation);
    }

    let update = members[0].commit().build().unwrap();
    members[0].merge(&update).unwrap();
    let staged = members[1].receive(update.message()).unwrap().into_commit().unwrap();
    members[1].merge(staged).unwrap();
    let stale = second.encrypt(b"of an old epoch").unwrap_err();
    assert!(matches!(stale, Error::Storage(StorageError::Conflict { .. })) && stale.is_retryable());
    let fresh = second.encrypt(b"of the new epoch").unwrap();
    assert_eq!(second.epoch(), 2);
    assert_eq!(members[1].receive(&fresh).unwrap().into_application().unwrap().data(), b"of the new epoch");

    // A commit that the other handle made is pending here, too.
    let pending = members[0].commit().build().unwrap();
    assert_eq!(second.pending().unwrap()[0].hash(), pending.hash());
    second.merge(pending).unwrap();
    members[0].reload().unwrap();
    assert_eq!(members[0].epoch(), 3);
    second.delete().unwrap();
    assert_eq!(code(members[0].reload()), "group-deleted");
}

/// A store whose next `apply` calls fail: before anything is written, or after all of it was.
#[derive(Debug, Clone, Default)]
struct Faulty {
    inner: MemoryStorage,
    failures: Arc<AtomicU32>,
    written: bool,
}

impl Storage for Faulty {
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
        if self.failures.load(Relaxed) == 0 {
            return self.inner.apply(batch);
        }
        self.failures.fetch_sub(1, Relaxed);
        if self.written {
            self.inner.apply(batch)?;
        }
        Err(StorageError::engine("pulled the plug"))
    }

    fn erasure(&self) -> Erasure {
        self.inner.erasure()
    }
}

#[test]
fn after_a_storage_error_the_handle_follows_the_store() {
    for written in [false, true] {
        let store = Faulty { written, ..Faulty::default() };
        let failures = store.failures.clone();
        let alice = builder("alice", &key(), store).build().unwrap();
        let bob = client("bob");
        let mut members = group_of(&[&alice, &bob]);
        assert_in_agreement(&mut members);
        let fail = || failures.store(1, Relaxed);

        // Sending: a ciphertext that was not released may have used up its generation; the next one is another.
        fail();
        assert_eq!(code(members[0].encrypt(b"lost")), "storage");
        let message = members[0].encrypt(b"sent").unwrap();
        let text = members[1].receive(&message).unwrap().into_application().unwrap();
        assert_eq!((text.data(), text.generation()), (&b"sent"[..], if written { 2 } else { 1 }));

        // Receiving: if the ratchet moved, the text is lost, which is why `receive_with` exists.
        let message = members[1].encrypt(b"to alice").unwrap();
        let inbox = |received: &Received| match received {
            Received::Application(text) => vec![(b"inbox".to_vec(), Some(text.data().to_vec()))],
            _ => Vec::new(),
        };
        fail();
        assert_eq!(code(members[0].receive_with(&message, inbox)), "storage");
        if written {
            assert_eq!(code(members[0].receive(&message)), "already-received");
            assert_eq!(members[0].record(b"inbox").unwrap().unwrap().as_slice(), b"to alice");
        } else {
            assert!(members[0].record(b"inbox").unwrap().is_none());
            assert!(members[0].receive(&message).unwrap().into_application().is_some());
        }

        // Committing.
        fail();
        assert_eq!(code(members[0].commit().build()), "storage");
        assert_eq!(members[0].pending().unwrap().len(), usize::from(written));
        let commit = members[0].commit().build().unwrap();
        let staged = members[1].receive(commit.message()).unwrap().into_commit().unwrap();
        members[1].merge(staged).unwrap();
        fail();
        assert_eq!(code(members[0].merge(&commit)), "storage");
        if !written {
            members[0].merge(&commit).unwrap();
        }
        assert_in_agreement(&mut members);

        // Joining: the key package is used up exactly if the group is there.
        let welcome = {
            let mut other = bob.create_group(b"other").unwrap();
            let add = other.commit().add(alice.key_package().unwrap()).build().unwrap();
            add.welcome().unwrap().to_vec()
        };
        fail();
        assert_eq!(code(alice.join(&welcome).unwrap().accept()), "storage");
        assert_eq!(alice.has_group(b"other").unwrap(), written);
        assert_eq!(alice.key_packages().unwrap().is_empty(), written);
        bob.delete_group(b"other").unwrap();
    }
}

#[test]
fn records_land_with_the_ratchet() {
    let mut members = group(&["alice", "bob"]);
    let outbox = |n: u8| vec![(vec![b'o', n], Some(vec![n; 3])), (b"last".to_vec(), Some(vec![n]))];
    let one = members[0].encrypt_with(b"one", b"shown to all", outbox(1)).unwrap();
    members[0].encrypt_with(b"two", b"", outbox(2)).unwrap();
    assert_eq!(members[0].record(b"last").unwrap().unwrap().as_slice(), [2]);
    assert_eq!(members[0].records_from(b"o").unwrap().len(), 2);
    members[0].encrypt_with(b"three", b"", vec![(vec![b'o', 1], None)]).unwrap();
    assert_eq!(members[0].records_from(b"o").unwrap().len(), 1);
    let twice = vec![(b"k".to_vec(), None), (b"k".to_vec(), Some(Vec::new()))];
    assert!(matches!(
        members[0].encrypt_with(b"four", b"", twice),
        Err(Error::ApiMisuse(pleach::ApiMisuse::DuplicateRecord))
    ));
    let received = members[1].receive(&one).unwrap().into_application().unwrap();
    assert_eq!(received.authenticated_data(), b"shown to all");
    let store_of_bob = members[1].client().load(members[1].id()).unwrap();
    assert!(store_of_bob.record(b"last").unwrap().is_none());
}

#[cfg(feature = "sqlite")]
#[test]
fn a_group_lives_on_in_an_sqlite_file() {
    let directory = tempfile::tempdir().unwrap();
    let private = key();
    let open = || -> pleach::Client {
        let storage = pleach::SqliteStorage::open(directory.path().join("alice.pleach")).unwrap();
        builder("alice", &private, storage).build().unwrap()
    };
    let bob = client("bob");
    let (welcome, hash) = {
        let alice = open();
        let mut group = alice.create_group(b"file").unwrap();
        let add = group.commit().add(bob.key_package().unwrap()).build().unwrap();
        (add.welcome().unwrap().to_vec(), add.hash().to_vec())
    };
    let mut b = bob.join(&welcome).unwrap().accept().unwrap();
    for round in 0..3_u64 {
        let alice = open();
        let mut a = alice.load(b"file").unwrap();
        if round == 0 {
            let pending = a.pending_commit(&hash).unwrap();
            a.merge(pending).unwrap();
        }
        let mut both = [a, b];
        assert_in_agreement(&mut both);
        let update = both[0].commit().build().unwrap();
        deliver_commit(&mut both, 0, &update);
        let update = both[1].commit().build().unwrap();
        deliver_commit(&mut both, 1, &update);
        assert_eq!(both[0].epoch(), 2 * round + 3);
        let [_, last] = both;
        b = last;
    }
    assert_eq!(open().groups().unwrap().len(), 1);
}
