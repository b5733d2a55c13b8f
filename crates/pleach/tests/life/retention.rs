//! Nothing is kept for ever: past epochs, key packages, Commits, and what is remembered of what is gone.

use crate::common::{builder, client, code, deliver_commit, group, group_of, key};
use pleach::storage::{KeyRange, RecordKind, Storage};
use pleach::{
    ApiMisuse, Client, ClientBuilder, ClientConfig, Clock as _, Error, GroupConfig, KeyPackageOptions,
    KeyPackageState, ManualClock, MemoryStorage, Received, SystemClock,
};
use std::sync::Arc;

const DAY: u64 = 86_400;

struct Timed {
    clock: Arc<ManualClock>,
    store: MemoryStorage,
}

impl Timed {
    fn new() -> Self {
        Self { clock: Arc::new(ManualClock::new(SystemClock.now())), store: MemoryStorage::new() }
    }

    fn builder(&self) -> ClientBuilder {
        builder("alice", &key(), self.store.clone()).clock(self.clock.clone())
    }

    fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    fn limited(&self, change: impl FnOnce(&mut ClientConfig)) -> Client {
        let mut config = ClientConfig::default();
        change(&mut config);
        self.builder().client_config(config).build().unwrap()
    }

    fn rows(&self, kind: RecordKind) -> usize {
        let mut rows = 0;
        self.store
            .scan(&KeyRange::everything(), &mut |row| {
                rows += usize::from(row.key.record == kind);
                Ok(())
            })
            .unwrap();
        rows
    }
}

/// breaks: R144, R269
#[test]
fn past_epochs_end_without_a_commit() {
    let alice = Timed::new();
    let client_a = alice.client();
    let mut members = group_of(&[&client_a, &client("bob")]);
    let late: Vec<_> = (0..2)
        .map(|_| {
            let late = [members[1].encrypt(b"skipped").unwrap(), members[1].encrypt(b"late").unwrap()];
            let read = members[0].receive(&late[1]).unwrap();
            assert!(matches!(read, Received::Application(_)));
            let commit = members[1].commit().build().unwrap();
            deliver_commit(&mut members, 1, &commit);
            alice.clock.advance(10 * DAY);
            late[0].clone()
        })
        .collect();
    // A Commit that waits is not disturbed.
    let pending = members[0].commit().build().unwrap();
    let before = alice.rows(RecordKind::Epoch);
    let skipped = alice.rows(RecordKind::SkippedKey);
    assert_eq!(members[0].expire().unwrap().past_epochs, 2, "the founding epoch and the first");
    assert!(members[0].expire().unwrap().is_nothing());
    assert_eq!(alice.rows(RecordKind::Epoch), before - 2);
    assert!(alice.rows(RecordKind::SkippedKey) < skipped);
    assert_eq!(code(members[0].receive(&late[0])), "wrong-epoch");
    // Even if the configuration allows more from now on.
    let mut generous = GroupConfig::default();
    generous.past_epoch_age = 1_000 * DAY;
    members[0].set_config(generous);
    assert_eq!(code(members[0].receive(&late[0])), "wrong-epoch");
    assert!(matches!(members[0].receive(&late[1]).unwrap(), Received::Application(_)));
    deliver_commit(&mut members, 0, &pending);
    // All groups of a client at once.
    alice.clock.advance(15 * DAY);
    let expired = client_a.expire().unwrap();
    assert_eq!(expired.past_epochs, 2);
    assert!(client_a.expire().unwrap().is_nothing());
    let commit = members[0].commit().build().unwrap();
    deliver_commit(&mut members, 0, &commit);
}

/// breaks: R133
#[test]
fn resumption_psks_are_bounded_by_number() {
    let alice = Timed::new();
    let mut config = GroupConfig::default();
    config.resumption_psks = 4;
    let client_a = alice.builder().config(config.clone()).build().unwrap();
    let mut members = group_of(&[&client_a, &client("bob")]);
    for _ in 0..8 {
        let commit = members[0].commit().build().unwrap();
        deliver_commit(&mut members, 0, &commit);
        assert!(alice.rows(RecordKind::ResumptionPsk) <= 4);
    }
    assert_eq!(alice.rows(RecordKind::ResumptionPsk), 4);
    // Those of an earlier stay count.
    let leaf = pleach::wire::LeafIndex(0);
    let remove = members[1].commit().remove(leaf).build().unwrap();
    deliver_commit(&mut members[1..], 0, &remove);
    let staged = members[0].receive(remove.message()).unwrap().into_commit().unwrap();
    members[0].merge(staged).unwrap();
    let add = members[1].commit().add(client_a.key_package().unwrap()).build().unwrap();
    deliver_commit(&mut members[1..], 0, &add);
    members[0] = client_a.join(add.welcome().unwrap()).unwrap().accept().unwrap();
    for _ in 0..6 {
        assert!(alice.rows(RecordKind::ResumptionPsk) <= 4);
        let commit = members[0].commit().build().unwrap();
        deliver_commit(&mut members, 0, &commit);
    }
    assert_eq!(alice.rows(RecordKind::ResumptionPsk), 4);
    // A narrower bound takes effect with the next Commit, or at once.
    config.resumption_psks = 1;
    members[0].set_config(config);
    assert_eq!(members[0].expire().unwrap().resumption_psks, 3);
    assert_eq!(alice.rows(RecordKind::ResumptionPsk), 1);
    let commit = members[0].commit().build().unwrap();
    deliver_commit(&mut members, 0, &commit);
    assert_eq!(alice.rows(RecordKind::ResumptionPsk), 1);
}

#[test]
fn pending_commits_are_bounded() {
    let mut members = group(&["alice", "bob"]);
    let mut config = GroupConfig::default();
    config.pending_commits = 3;
    members[0].set_config(config);
    let built: Vec<_> = (0..3).map(|_| members[0].commit().build().unwrap()).collect();
    let error = members[0].commit().build().unwrap_err();
    assert!(matches!(error, Error::ApiMisuse(ApiMisuse::TooManyPendingCommits { most: 3 })), "{error:?}");
    members[0].discard(built[1].hash()).unwrap();
    let fourth = members[0].commit().build().unwrap();
    assert_eq!(members[0].pending().unwrap().len(), 3);
    deliver_commit(&mut members, 0, &fourth);
    assert!(members[0].pending().unwrap().is_empty());
    members[0].commit().build().unwrap();
}

#[test]
fn external_commits_are_bounded_and_expire() {
    let alice = Timed::new();
    let client_a = alice.limited(|config| config.external_commits = 2);
    let mut bob = client("bob").create_group(b"tea").unwrap();
    let info = bob.group_info().unwrap();
    let build = || client_a.external_join(&info).build();
    let first = build().unwrap();
    alice.clock.advance(4 * DAY);
    build().unwrap();
    let error = build().unwrap_err();
    assert!(matches!(error, Error::ApiMisuse(ApiMisuse::TooManyPendingCommits { most: 2 })), "{error:?}");
    alice.clock.advance(4 * DAY);
    assert_eq!(client_a.expire().unwrap().external_commits, 1);
    assert_eq!(client_a.pending_external().unwrap().len(), 1);
    assert_eq!(code(first.accept()), "api-misuse");
    let third = build().unwrap();
    let staged = bob.receive(third.message()).unwrap().into_commit().unwrap();
    bob.merge(staged).unwrap();
    let mut a = third.accept().unwrap();
    assert!(client_a.pending_external().unwrap().is_empty());
    assert_eq!(alice.rows(RecordKind::Meta), 1, "nothing but what the store is");
    a.encrypt(b"in").unwrap();
    // Discarding makes room, too.
    let other = client("carol").create_group(b"other").unwrap().group_info().unwrap();
    for _ in 0..3 {
        client_a.external_join(&other).build().unwrap().discard().unwrap();
    }
}

/// breaks: R158, R234
#[test]
fn key_packages_have_states() {
    use KeyPackageState as State;
    let alice = Timed::new();
    let client_a = alice.client();
    let states =
        || client_a.key_packages().unwrap().into_iter().map(|stored| stored.state).collect::<Vec<_>>();
    let retired = || {
        let mut retired = client_a.retired_key_packages().unwrap();
        retired.sort_by_key(|retired| retired.state as u8);
        retired.into_iter().map(|retired| retired.state).collect::<Vec<_>>()
    };
    let stored = |message: &[u8]| {
        client_a.key_packages().unwrap().into_iter().find(|stored| stored.message == message).unwrap()
    };
    let invite = |key_package: &[u8]| {
        let mut group = client("bob").create_group(b"tea").unwrap();
        group.commit().add(key_package).build().unwrap().welcome().unwrap().to_vec()
    };
    let short = || KeyPackageOptions::default().lifetime(alice.clock.now(), alice.clock.now() + DAY);

    let one = client_a.key_package().unwrap();
    assert_eq!((states(), retired()), (vec![State::Published], vec![]));
    let reference = stored(&one).reference;
    assert_eq!(stored(&one).made, alice.clock.now());
    client_a.claim_key_package(&reference).unwrap();
    client_a.claim_key_package(&reference).unwrap();
    assert_eq!(states(), [State::Claimed]);
    let welcome = invite(&one);
    let staged = client_a.join(&welcome).unwrap();
    assert_eq!(staged.key_package(), &*reference);
    staged.accept().unwrap();
    assert_eq!((states(), retired()), (vec![], vec![State::Consumed]));
    assert_eq!(code(client_a.claim_key_package(&reference)), "not-found");
    // A second Welcome is told what happened.
    client_a.delete_group(b"tea").unwrap();
    client_a.forget_deleted(b"tea").unwrap();
    let error = client_a.join(&welcome).unwrap_err();
    assert!(matches!(error, Error::KeyPackageRetired(State::Consumed)), "{error:?}");

    let two = client_a.key_package().unwrap();
    client_a.withdraw_key_package(&stored(&two).reference).unwrap();
    assert_eq!((states(), retired()), (vec![], vec![State::Consumed, State::Withdrawn]));
    let error = client_a.join(&invite(&two)).unwrap_err();
    assert!(matches!(error, Error::KeyPackageRetired(State::Withdrawn)), "{error:?}");

    let three = client_a.key_package_with(short()).unwrap();
    let in_time = invite(&three);
    alice.clock.advance(2 * DAY);
    assert_eq!(states(), [State::Expired]);
    assert_eq!(client_a.expire().unwrap().key_packages, 0, "a Welcome may be on its way");
    client_a.join(&in_time).unwrap();
    alice.clock.advance(8 * DAY);
    assert_eq!(client_a.expire().unwrap().key_packages, 1);
    assert_eq!((states(), retired()), (vec![], vec![State::Consumed, State::Expired, State::Withdrawn]));
    assert_eq!(alice.rows(RecordKind::KeyPackage), 0);
    assert_eq!(code(client_a.join(&in_time)), "key-package-retired");

    // What is remembered is forgotten, too.
    alice.clock.advance(500 * DAY);
    assert_eq!(client_a.expire().unwrap().tombstones, 3);
    assert_eq!(retired(), []);
}

/// breaks: R158
#[test]
fn a_last_resort_counts_its_uses() {
    let alice = Timed::new();
    let client_a = alice.client();
    let last = client_a.key_package_with(KeyPackageOptions::default().last_resort()).unwrap();
    for uses in 1..=3_u32 {
        alice.clock.advance(60);
        let mut group = client("bob").create_group(&uses.to_be_bytes()).unwrap();
        let add = group.commit().add(&last).build().unwrap();
        client_a.join(add.welcome().unwrap()).unwrap().accept().unwrap();
        let stored = client_a.key_packages().unwrap().remove(0);
        assert_eq!((stored.uses, stored.last_used), (uses, Some(alice.clock.now())));
        assert_eq!(stored.state, KeyPackageState::Published);
    }
    let reference = client_a.key_packages().unwrap().remove(0).reference;
    client_a.withdraw_key_package(&reference).unwrap();
    assert_eq!((alice.rows(RecordKind::KeyPackage), alice.rows(RecordKind::UsedLastResort)), (0, 0));
    assert!(client_a.retired_key_packages().unwrap()[0].last_resort);
    // A join that was begun before does not get through.
    let last = client_a.key_package_with(KeyPackageOptions::default().last_resort()).unwrap();
    let mut group = client("bob").create_group(b"late").unwrap();
    let add = group.commit().add(&last).build().unwrap();
    let staged = client_a.join(add.welcome().unwrap()).unwrap();
    client_a.withdraw_key_package(staged.key_package()).unwrap();
    assert_eq!(code(staged.accept()), "storage-conflict");
    assert!(!client_a.has_group(b"late").unwrap());
}

#[test]
fn key_packages_are_bounded_and_replenished() {
    let alice = Timed::new();
    let client_a = alice.limited(|config| {
        config.key_packages = 5;
        config.retired_key_packages = 2;
    });
    let options = KeyPackageOptions::default();
    assert_eq!(client_a.replenish(3, DAY, &options).unwrap().len(), 3);
    assert!(client_a.replenish(3, DAY, &options).unwrap().is_empty());
    client_a.claim_key_package(&client_a.key_packages().unwrap()[0].reference).unwrap();
    assert_eq!(client_a.replenish(3, DAY, &options).unwrap().len(), 1);
    // Those that expire soon do not count; but there is a bound.
    assert_eq!(code(client_a.replenish(3, 200 * DAY, &options)), "api-misuse");
    client_a.key_package().unwrap();
    let error = client_a.key_package().unwrap_err();
    assert!(matches!(error, Error::ApiMisuse(ApiMisuse::TooManyKeyPackages { most: 5 })), "{error:?}");
    for stored in client_a.key_packages().unwrap() {
        alice.clock.advance(1);
        client_a.withdraw_key_package(&stored.reference).unwrap();
    }
    let retired = client_a.retired_key_packages().unwrap();
    assert_eq!(retired.len(), 2);
    // The oldest were forgotten.
    assert!(retired.iter().all(|retired| retired.since >= alice.clock.now() - 1));
}

/// breaks: R238
#[test]
fn deleted_groups_are_remembered() {
    let alice = Timed::new();
    let client_a = alice.limited(|config| config.deleted_groups = 2);
    let last = client_a.key_package_with(KeyPackageOptions::default().last_resort()).unwrap();
    let mut bob = client("bob").create_group(b"tea").unwrap();
    let add = bob.commit().add(&last).build().unwrap();
    bob.merge(&add).unwrap();
    let welcome = add.welcome().unwrap();
    let a = client_a.join(welcome).unwrap().accept().unwrap();
    let staged = client_a.join(welcome).unwrap();
    a.delete().unwrap();
    let deleted = |result: Result<pleach::Group, Error>| {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::GroupDeleted { epoch: 1 }), "{error:?}");
    };
    deleted(client_a.load(b"tea"));
    deleted(client_a.join(welcome).and_then(pleach::StagedJoin::accept));
    deleted(staged.accept());
    let remembered = client_a.deleted_groups().unwrap().remove(0);
    assert_eq!(
        (remembered.group_id, remembered.epoch, remembered.deleted),
        (b"tea".to_vec(), 1, alice.clock.now())
    );
    // A later invitation is none of that time.
    let remove = bob.commit().remove(pleach::wire::LeafIndex(1)).build().unwrap();
    bob.merge(&remove).unwrap();
    let add = bob.commit().add(&last).build().unwrap();
    bob.merge(&add).unwrap();
    client_a.join(add.welcome().unwrap()).unwrap().accept().unwrap();
    assert!(client_a.deleted_groups().unwrap().is_empty());
    // Or the application takes it back.
    client_a.delete_group(b"tea").unwrap();
    assert_eq!(code(client_a.join(welcome)), "group-deleted");
    client_a.forget_deleted(b"tea").unwrap();
    assert_eq!(code(client_a.load(b"tea")), "not-found");
    client_a.join(welcome).unwrap();
    // As many are remembered as are allowed.
    for id in [b"1", b"2", b"3"] {
        client_a.create_group(id).unwrap().delete().unwrap();
        alice.clock.advance(1);
    }
    let ids: Vec<_> = client_a.deleted_groups().unwrap().into_iter().map(|group| group.group_id).collect();
    assert_eq!(ids, [b"2", b"3"]);
    // An external Commit or a group of one's own needs no leave.
    client_a.create_group(b"2").unwrap();
    assert_eq!(client_a.deleted_groups().unwrap().len(), 1);
}

#[test]
fn one_group_that_fails_does_not_keep_the_others() {
    let alice = Timed::new();
    let client_a = alice.client();
    let mut members = group_of(&[&client_a, &client("bob")]);
    for id in [&b"a"[..], &[0xff; 40]] {
        client_a.create_group(id).unwrap();
        let key = pleach::storage::Key::of_group(client_a.id(), id, RecordKind::Head, b"");
        let mut batch = pleach::storage::VecBatch::new();
        batch.put(key, b"not a head".to_vec());
        alice.store.apply(&mut batch).unwrap();
    }
    let short = KeyPackageOptions::default().lifetime(alice.clock.now(), alice.clock.now() + DAY);
    client_a.key_package_with(short).unwrap();
    let commit = members[1].commit().build().unwrap();
    deliver_commit(&mut members, 1, &commit);
    alice.clock.advance(60 * DAY);
    let expired = client_a.expire().unwrap();
    assert_eq!((expired.past_epochs, expired.key_packages, expired.skipped), (2, 1, 0));
    let failed: Vec<_> = expired.failed.iter().map(|(id, error)| (&id[..], error.code())).collect();
    assert_eq!(failed, [(&b"a"[..], "storage-corrupt"), (&[0xff; 40][..], "storage-corrupt")]);
    // What cannot be read can be deleted, and does not keep a later group of that name away.
    client_a.delete_group(b"a").unwrap();
    assert_eq!(client_a.deleted_groups().unwrap()[0].epoch, u64::MAX);
    alice.clock.advance(1);
    let of_the_time = builder("bob", &key(), MemoryStorage::new()).clock(alice.clock).build().unwrap();
    let mut bob = of_the_time.create_group(b"a").unwrap();
    let add = bob
        .commit()
        .add(client_a.key_package_with(KeyPackageOptions::default().last_resort()).unwrap())
        .build()
        .unwrap();
    client_a.join(add.welcome().unwrap()).unwrap().accept().unwrap();
}

/// breaks: R238
#[test]
fn a_later_group_of_the_same_name_is_another() {
    let alice = Timed::new();
    let client_a = alice.client();
    let published = client_a.key_package().unwrap();
    let last = client_a.key_package_with(KeyPackageOptions::default().last_resort()).unwrap();
    let invite = |key_package: &[u8]| {
        let mut group = client("bob").create_group(b"tea").unwrap();
        let add = group.commit().add(key_package).build().unwrap();
        client_a.join(add.welcome().unwrap()).and_then(pleach::StagedJoin::accept)
    };
    let mut mine = client_a.create_group(b"tea").unwrap();
    for _ in 0..3 {
        let commit = mine.commit().build().unwrap();
        mine.merge(&commit).unwrap();
    }
    mine.delete().unwrap();
    // It may be the Welcome that led into the group that was deleted; those of the others cannot be.
    assert_eq!(code(invite(&last)), "group-deleted");
    assert_eq!(invite(&published).unwrap().epoch(), 1);
    client_a.delete_group(b"tea").unwrap();
    alice.clock.advance(1);
    let later = client_a.key_package_with(KeyPackageOptions::default().last_resort()).unwrap();
    assert_eq!(invite(&later).unwrap().epoch(), 1);
    assert_eq!(code(invite(&last)), "peer-misbehaved", "a group that is there is not joined");
}

#[test]
fn what_was_consumed_is_not_imported() {
    let (from, to) = (Timed::new(), Timed::new());
    let (one, other) = (from.client(), to.client());
    let message = one.key_package().unwrap();
    let mut row = Vec::new();
    pleach::storage::Checked::new(from.store)
        .scan(&KeyRange::everything(), &mut |found| {
            if found.key.record == RecordKind::KeyPackage {
                row = found.value.to_vec();
            }
            Ok(())
        })
        .unwrap();
    let record = pleach::KeyPackageRecord::from_row(&row).unwrap();
    let reference = other.import_key_package(&record).unwrap();
    assert_eq!(other.key_packages().unwrap()[0].made, 0, "it was made elsewhere");
    // What was withdrawn can come back.
    other.withdraw_key_package(&reference).unwrap();
    other.import_key_package(&record).unwrap();
    assert!(other.retired_key_packages().unwrap().is_empty());
    let mut bob = client("bob").create_group(b"tea").unwrap();
    let add = bob.commit().add(&message).build().unwrap();
    bob.merge(&add).unwrap();
    other.import_key_package(&record).unwrap();
    match other.join(add.welcome().unwrap()).and_then(pleach::StagedJoin::accept) {
        // The identity is another, and so is the store; only the key package counts here.
        Ok(_) => {}
        Err(error) => panic!("{error}"),
    }
    let error = other.import_key_package(&record).unwrap_err();
    assert!(matches!(error, Error::KeyPackageRetired(KeyPackageState::Consumed)), "{error:?}");
    assert!(other.key_packages().unwrap().is_empty());
}
