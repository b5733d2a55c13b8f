//! One test for each operation that retires secrets, with the default journal.

use pleach::crypto::Secret;
use pleach::storage::{Key, RecordKind};
use pleach::wire::LeafIndex;
use pleach_testkit::recording::Fields;

use crate::watch::{Watch, deliver, follow, read, scene};

const GROUP_SECRETS: &[RecordKind] = &[
    RecordKind::Epoch,
    RecordKind::SecretNode,
    RecordKind::Ratchet,
    RecordKind::SkippedKey,
    RecordKind::PathKeys,
    RecordKind::OwnUpdateKey,
];

/// The application ratchets of this epoch.
fn application(epoch: u64) -> impl Fn(Key<'_>) -> bool {
    move |key| of_epoch(RecordKind::Ratchet, epoch)(key) && key.suffix.get(8) == Some(&1)
}

/// What pending Commits hold, and no row that is public or stays does: private keys and secrets, above all.
fn pending_keys(watch: &Watch, name: &str) -> Fields {
    let (store, history) = watch.of(name);
    Fields::whole(&store, |key| key.record == RecordKind::PendingCommit)
        .without(&Fields::whole(&store, |key| key.record != RecordKind::PendingCommit))
        .without(&history.open())
}

/// Whether a key is a row of this epoch (RFC 9420 §9) with this kind.
fn of_epoch(kind: RecordKind, epoch: u64) -> impl Fn(Key<'_>) -> bool {
    move |key| key.record == kind && key.suffix.starts_with(&epoch.to_be_bytes())
}

#[test]
fn the_sender_s_ratchet_advances() {
    let (watch, _world, mut members) = scene(&["alice", "bob"]);
    members[0].encrypt(b"the first makes the ratchet").unwrap();
    for _ in 0..3 {
        let ratchet = watch.kinds("alice", &[RecordKind::Ratchet]);
        // One of two: the handshake ratchet stays as it is.
        let application = watch.fields("alice", application(members[0].epoch()));
        assert!(!application.is_empty() && application.len() < ratchet.len());
        watch.retires("alice", &application, || members[0].encrypt(b"next").unwrap());
    }
}

#[test]
fn a_message_key_is_used() {
    let (watch, _world, mut members) = scene(&["alice", "bob"]);
    let messages: Vec<_> = (0..3_u8).map(|i| members[0].encrypt(&[i]).unwrap()).collect();
    assert_eq!(read(&mut members[1], &messages[0]), [0]);
    for (i, message) in messages.iter().enumerate().skip(1) {
        let ratchet = watch.fields("bob", application(members[0].epoch()));
        let data = watch.retires("bob", &ratchet, || read(&mut members[1], message));
        assert_eq!(data, [i as u8]);
    }
}

#[test]
fn secret_tree_nodes_are_consumed() {
    let (watch, _world, mut members) = scene(&["alice", "bob", "carol", "dave"]);
    // The root, then its child above bob's leaf, which carol's does not need.
    let message = members[2].encrypt(b"the first of carol").unwrap();
    let root = watch.kinds("alice", &[RecordKind::SecretNode]);
    watch.retires("alice", &root, || read(&mut members[0], &message));
    let beside = watch.kinds("alice", &[RecordKind::SecretNode]);
    let message = members[1].encrypt(b"the first of bob").unwrap();
    read(&mut members[0], &message);
    let consumed = beside.without(&watch.kinds("alice", &[RecordKind::SecretNode]));
    assert!(!consumed.is_empty());
    assert_eq!(consumed.found(&watch.directory("alice")), 0);
    watch.clean("alice");
}

#[test]
fn skipped_keys_are_used_and_age_out() {
    let (watch, _world, mut members) = scene(&["alice", "bob"]);
    let mut config = members[1].config().clone();
    config.ratchet.skipped_keys = 3;
    members[1].set_config(config);
    let messages: Vec<_> = (0..8_u8).map(|i| members[0].encrypt(&[i]).unwrap()).collect();
    read(&mut members[1], &messages[3]);
    let key = |generation: u32| {
        watch.fields("bob", |key| {
            key.record == RecordKind::SkippedKey && key.suffix.ends_with(&generation.to_be_bytes())
        })
    };
    let used = key(1);
    watch.retires("bob", &used, || read(&mut members[1], &messages[1]));
    // The two that are left, 0 and 2, give way to 5 and 6, one of them.
    let aged = key(0);
    watch.retires("bob", &aged, || read(&mut members[1], &messages[7]));
    assert!(members[1].receive(&messages[0]).is_err());
}

#[test]
fn an_epoch_is_over() {
    let (watch, _world, mut members) = scene(&["alice", "bob"]);
    for by in [0, 1] {
        let commit = members[by].commit().build().unwrap();
        let epoch = members[0].epoch();
        let before = watch.fields("alice", of_epoch(RecordKind::Epoch, epoch));
        // Of the epoch's secrets, two are kept for their purposes: see the sizes of rows before and after.
        let psk = watch.kinds("alice", &[RecordKind::ResumptionPsk]);
        let (left, right) = members.split_at_mut(1);
        let (alice, bob) = (&mut left[0], &mut right[0]);
        if by == 0 {
            alice.merge(&commit).unwrap();
        } else {
            follow(alice, commit.message());
        }
        let kept = watch.fields("alice", of_epoch(RecordKind::Epoch, epoch));
        let gone = before.clone().without(&kept).without(&psk);
        // Six secrets of 32 bytes are gone: 17 windows each, and those across.
        assert!(gone.len() >= 6 * 17, "{} of {}", gone.len(), before.len());
        assert_eq!(gone.found(&watch.directory("alice")), 0);
        watch.clean("alice");
        if by == 0 { follow(bob, commit.message()) } else { drop(bob.merge(&commit).unwrap()) }
    }
}

#[test]
fn past_epochs_leave_by_count() {
    let (watch, _world, mut members) = scene(&["alice", "bob"]);
    let mut config = members[1].config().clone();
    config.past_epochs = 1;
    members[1].set_config(config);
    let messages: Vec<_> = (0..4_u8).map(|i| members[0].encrypt(&[i]).unwrap()).collect();
    read(&mut members[1], &messages[2]);
    let epoch = members[1].epoch();
    let commit = members[0].commit().build().unwrap();
    deliver(&mut members, 0, &commit);
    assert_eq!(read(&mut members[1], &messages[0]), [0], "the epoch is past, and still read");
    let of_epoch = watch.fields("bob", |key| {
        let kinds = [RecordKind::Epoch, RecordKind::SecretNode, RecordKind::Ratchet, RecordKind::SkippedKey];
        kinds.iter().any(|kind| of_epoch(*kind, epoch)(key))
    });
    let commit = members[0].commit().build().unwrap();
    watch.retires("bob", &of_epoch, || follow(&mut members[1], commit.message()));
    assert!(members[1].receive(&messages[1]).is_err());
}

#[test]
fn past_epochs_leave_by_age() {
    let (watch, world, mut members) = scene(&["alice", "bob"]);
    let mut config = members[1].config().clone();
    config.past_epoch_age = 3_600;
    members[1].set_config(config);
    let messages: Vec<_> = (0..3_u8).map(|i| members[0].encrypt(&[i]).unwrap()).collect();
    read(&mut members[1], &messages[1]);
    let epoch = members[1].epoch();
    let commit = members[0].commit().build().unwrap();
    deliver(&mut members, 0, &commit);
    let of_epoch = watch.fields("bob", |key| {
        let kinds = [RecordKind::Epoch, RecordKind::SecretNode, RecordKind::Ratchet, RecordKind::SkippedKey];
        kinds.iter().any(|kind| of_epoch(*kind, epoch)(key))
    });
    world.clock().advance(3_601);
    let commit = members[0].commit().build().unwrap();
    watch.retires("bob", &of_epoch, || follow(&mut members[1], commit.message()));
}

#[test]
fn a_key_package_is_consumed() {
    let (watch, world, mut members) = scene(&["alice", "bob"]);
    let carol = world.client("carol").unwrap();
    let add = members[0].commit().add(carol.key_package().unwrap()).build().unwrap();
    deliver(&mut members, 0, &add);
    let [record] = &watch.key_packages("carol")[..] else { panic!("one key package") };
    let init = Fields::secret(record.init_private.as_bytes());
    watch.retires("carol", &init, || carol.join(add.welcome().unwrap()).unwrap().accept().unwrap());
    // The leaf's key lives on, until the first Commit.
    let leaf = Fields::secret(record.leaf_private.as_bytes());
    let mut joined = carol.load(members[0].id()).unwrap();
    let commit = joined.commit().build().unwrap();
    watch.retires("carol", &leaf, || joined.merge(&commit).unwrap());
}

#[test]
fn a_key_package_is_deleted() {
    let (watch, world, _members) = scene(&["alice", "bob"]);
    let carol = world.client("carol").unwrap();
    for _ in 0..3 {
        carol.key_package().unwrap();
    }
    for stored in carol.key_packages().unwrap() {
        let records = watch.key_packages("carol");
        carol.key_packages().unwrap();
        let record = records.iter().find(|record| {
            let message = record.message().unwrap();
            message == stored.message
        });
        for private in [&record.unwrap().init_private, &record.unwrap().leaf_private] {
            assert_eq!(Fields::secret(private.as_bytes()).found(&watch.directory("carol")), 17);
        }
        carol.delete_key_package(&stored.reference).unwrap();
        for private in [&record.unwrap().init_private, &record.unwrap().leaf_private] {
            assert_eq!(Fields::secret(private.as_bytes()).found(&watch.directory("carol")), 0);
        }
    }
    assert!(watch.key_packages("carol").is_empty());
}

#[test]
fn a_leaf_key_is_replaced_by_an_own_commit() {
    let (watch, _world, mut members) = scene(&["alice", "bob"]);
    for by in [0, 0, 1] {
        let keys = watch.kinds(["alice", "bob"][by], &[RecordKind::PathKeys]);
        let commit = members[by].commit().build().unwrap();
        watch.retires(["alice", "bob"][by], &keys, || members[by].merge(&commit).unwrap());
        follow(&mut members[1 - by], commit.message());
    }
}

#[test]
fn a_leaf_key_is_replaced_by_an_own_update() {
    let (watch, _world, mut members) = scene(&["alice", "bob"]);
    let commit = members[1].commit().build().unwrap();
    deliver(&mut members, 1, &commit);
    let update = members[1].propose_update(&pleach::LeafUpdate::new()).unwrap();
    members[0].receive(&update).unwrap();
    let keys = watch.kinds("bob", &[RecordKind::PathKeys]);
    let commit = members[0].commit().build().unwrap();
    watch.retires("bob", &keys, || follow(&mut members[1], commit.message()));
    assert!(watch.kinds("bob", &[RecordKind::OwnUpdateKey]).is_empty());
}

#[test]
fn an_own_update_is_not_committed() {
    let (watch, _world, mut members) = scene(&["alice", "bob"]);
    members[1].propose_update(&pleach::LeafUpdate::new()).unwrap();
    let key = watch.kinds("bob", &[RecordKind::OwnUpdateKey]);
    let commit = members[0].commit().build().unwrap();
    watch.retires("bob", &key, || follow(&mut members[1], commit.message()));
    // Nor when all proposals are dropped.
    members[1].propose_update(&pleach::LeafUpdate::new()).unwrap();
    let key = watch.kinds("bob", &[RecordKind::OwnUpdateKey]);
    watch.retires("bob", &key, || members[1].clear_proposals().unwrap());
}

#[test]
fn a_pending_commit_is_discarded() {
    let (watch, world, mut members) = scene(&["alice", "bob"]);
    let carol = world.client("carol").unwrap();
    let commit = members[0].commit().add(carol.key_package().unwrap()).force_path().build().unwrap();
    watch.retires_rows("alice", RecordKind::PendingCommit, || members[0].discard(commit.hash()).unwrap());
}

#[test]
fn pending_commits_end_with_the_epoch() {
    let (watch, _world, mut members) = scene(&["alice", "bob"]);
    for _ in 0..3 {
        members[0].commit().build().unwrap();
    }
    let commit = members[1].commit().build().unwrap();
    watch.retires_rows("alice", RecordKind::PendingCommit, || follow(&mut members[0], commit.message()));
}

#[test]
fn a_pending_commit_is_merged() {
    let (watch, _world, mut members) = scene(&["alice", "bob"]);
    let lost = members[0].commit().build().unwrap();
    let commit = members[0].commit().build().unwrap();
    watch.retires_rows("alice", RecordKind::PendingCommit, || members[0].merge(&commit).unwrap());
    assert!(members[0].merge(&lost).is_err());
}

#[test]
fn an_external_commit_is_discarded_or_accepted() {
    let (watch, world, mut members) = scene(&["alice", "bob"]);
    let carol = world.client("carol").unwrap();
    let info = members[1].group_info().unwrap();
    let lost = carol.external_join(&info).build().unwrap();
    watch.retires_rows("carol", RecordKind::PendingExternalCommit, || lost.discard().unwrap());

    let lost = carol.external_join(&info).build().unwrap();
    let commit = carol.external_join(&info).build().unwrap();
    members.iter_mut().for_each(|member| follow(member, commit.message()));
    // The one that lost goes with the one that won.
    watch.retires_rows("carol", RecordKind::PendingExternalCommit, || members.push(commit.accept().unwrap()));
    assert!(lost.accept().is_err());
}

#[test]
fn an_external_psk_is_deleted_or_replaced() {
    let (watch, _world, members) = scene(&["alice", "bob"]);
    let alice = members[0].client();
    let value = |seed: u8| (0..32_u8).map(|i| i.wrapping_mul(29) ^ seed).collect::<Vec<u8>>();
    alice.store_psk(b"word", &Secret::copy_from(&value(1))).unwrap();
    let first = Fields::secret(&value(1));
    watch.retires("alice", &first, || alice.store_psk(b"word", &Secret::copy_from(&value(2))).unwrap());
    let second = Fields::secret(&value(2));
    watch.retires("alice", &second, || alice.delete_psk(b"word").unwrap());
}

#[test]
fn resumption_psks_leave() {
    let (watch, _world, mut members) = scene(&["alice", "bob"]);
    let mut config = members[0].config().clone();
    config.resumption_psks = 2;
    members[0].set_config(config);
    // The first epochs count as well: they leave one by one.
    for _ in 0..2 {
        let commit = members[0].commit().build().unwrap();
        deliver(&mut members, 0, &commit);
    }
    let oldest = members[0].epoch() - 1;
    let psk = watch.fields("alice", |key| {
        key.record == RecordKind::ResumptionPsk && key.suffix.ends_with(&oldest.to_be_bytes())
    });
    let commit = members[0].commit().build().unwrap();
    watch.retires("alice", &psk, || members[0].merge(&commit).unwrap());
    follow(&mut members[1], commit.message());

    let id = members[0].id().to_vec();
    let own = watch.kinds("alice", &[RecordKind::ResumptionPsk]);
    let current = watch.kinds("alice", &[RecordKind::Epoch]);
    let all = own.without(&current);
    watch.retires("alice", &all, || members[0].client().delete_resumption_psks(&id).unwrap());
}

#[test]
fn a_group_is_deleted() {
    let (watch, _world, mut members) = scene(&["alice", "bob", "carol"]);
    let message = members[1].encrypt(b"a word").unwrap();
    read(&mut members[0], &message);
    members[0].encrypt(b"another").unwrap();
    members[0].propose_update(&pleach::LeafUpdate::new()).unwrap();
    members[0].commit().build().unwrap();
    let secrets =
        watch.kinds("alice", GROUP_SECRETS).without(&watch.kinds("alice", &[RecordKind::ResumptionPsk]));
    let pending = pending_keys(&watch, "alice");
    let (alice, directory) = (members.swap_remove(0), watch.directory("alice"));
    assert!(pending.found(&directory) > 0);
    watch.retires("alice", &secrets, || alice.delete().unwrap());
    assert_eq!(pending.found(&directory), 0);
}

#[test]
fn a_member_is_removed() {
    let (watch, _world, mut members) = scene(&["alice", "bob", "carol"]);
    let message = members[1].encrypt(b"a word").unwrap();
    read(&mut members[0], &message);
    members[0].commit().build().unwrap();
    let secrets =
        watch.kinds("alice", GROUP_SECRETS).without(&watch.kinds("alice", &[RecordKind::ResumptionPsk]));
    let pending = pending_keys(&watch, "alice");
    let directory = watch.directory("alice");
    assert!(pending.found(&directory) > 0);
    let commit = members[2].commit().remove(LeafIndex(0)).build().unwrap();
    watch.retires("alice", &secrets, || {
        let received = members[0].receive(commit.message()).unwrap();
        if let Some(staged) = received.into_commit() {
            members[0].merge(staged).unwrap();
        }
    });
    assert!(!members[0].is_active());
    // The row that says so speaks of the same group.
    let left = Fields::whole(&watch.of("alice").0, |_| true);
    assert!(left.len() * 2 < pending.len());
    assert_eq!(pending.without(&left).found(&directory), 0);
}
