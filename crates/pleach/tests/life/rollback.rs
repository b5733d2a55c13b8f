//! Stores that are put back, copied and used twice: what a rollback guard notices, and the way out.

use crate::common::{builder, client, code, group_of, key};
use pleach::storage::{Checked, Key, KeyRange, RecordKind, Row, Storage, StorageError, VecBatch};
use pleach::{
    ApiMisuse, Client, Clock as _, Error, ExternalCommit, Group, GuardPlace, LeafUpdate, ManualClock,
    MarkExchange, MemoryRollbackGuard, MemoryStorage, Received, RollbackGuard, RollbackGuardError,
    RollbackMark, SystemClock,
};
use pleach_storage_sqlite::SqliteStorage;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// Something that happens in between, once.
#[derive(Default)]
struct Hook(Mutex<Option<(usize, Event)>>);

type Event = Box<dyn FnOnce() + Send>;

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hook")
    }
}

impl Hook {
    /// At the call after so many.
    fn set(&self, after: usize, run: impl FnOnce() + Send + 'static) {
        *self.0.lock().unwrap() = Some((after, Box::new(run)));
    }

    fn call(&self) {
        let mut hook = self.0.lock().unwrap();
        let due = match &mut *hook {
            Some((0, _)) => hook.take(),
            Some((left, _)) => {
                *left -= 1;
                None
            }
            None => None,
        };
        drop(hook);
        if let Some((_, run)) = due {
            run();
        }
    }

    fn is_over(&self) -> bool {
        self.0.lock().unwrap().is_none()
    }
}

/// A guard that can be out of reach, and lose what it keeps.
#[derive(Debug, Default)]
struct Guard {
    marks: MemoryRollbackGuard,
    unreachable: AtomicBool,
    after_read: Hook,
    before_set: Hook,
}

impl RollbackGuard for Guard {
    fn read(&self, place: &GuardPlace<'_>) -> Result<Option<RollbackMark>, RollbackGuardError> {
        let mark = self.marks.read(place);
        self.after_read.call();
        mark
    }

    fn compare_and_set(
        &self,
        place: &GuardPlace<'_>,
        expected: Option<RollbackMark>,
        mark: RollbackMark,
    ) -> Result<MarkExchange, RollbackGuardError> {
        if self.unreachable.load(Relaxed) {
            return Err(RollbackGuardError::new("out of reach"));
        }
        self.before_set.call();
        self.marks.compare_and_set(place, expected, mark)
    }
}

/// A deep copy.
fn copy_of(store: &MemoryStorage) -> MemoryStorage {
    let copy = MemoryStorage::new();
    let mut batch = VecBatch::new();
    store
        .scan(&KeyRange::everything(), &mut |Row { key, value, .. }| {
            batch.put(key, value.to_vec());
            Ok(())
        })
        .unwrap();
    copy.apply(&mut batch).unwrap();
    copy
}

struct Alice {
    private: pleach::crypto::Secret,
    guard: Arc<Guard>,
    store: MemoryStorage,
    clock: Arc<ManualClock>,
}

impl Alice {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        Self { private: key(), guard: Arc::default(), store: MemoryStorage::new(), clock }
    }

    /// The client, in this store.
    fn at(&self, store: &MemoryStorage) -> Client {
        self.builder(store).rollback_guard(self.guard.clone()).build().unwrap()
    }

    fn builder(&self, store: &MemoryStorage) -> pleach::ClientBuilder {
        builder("alice", &self.private, store.clone()).clock(self.clock.clone())
    }

    fn client(&self) -> Client {
        self.at(&self.store)
    }
}

fn is_restored<T: std::fmt::Debug>(result: Result<T, Error>) {
    let error = result.unwrap_err();
    assert!(matches!(error, Error::ApiMisuse(ApiMisuse::Restored)), "{error:?}");
}

/// What somebody else received: no key of anybody is used twice.
#[derive(Default)]
struct Seen(BTreeSet<(u64, u32, u32)>);

impl Seen {
    fn receive(&mut self, group: &mut Group, message: &[u8]) {
        let text = group.receive(message).unwrap().into_application().unwrap();
        assert!(self.0.insert((text.epoch(), text.sender().0, text.generation())));
    }
}

/// Joins anew by an external Commit that the other accepts.
fn rejoin(client: &Client, other: &mut Group) -> ExternalCommit {
    let commit = client.external_join(&other.group_info().unwrap()).resync(true).build().unwrap();
    let staged = other.receive(commit.message()).unwrap().into_commit().unwrap();
    other.merge(staged).unwrap();
    commit
}

/// A restored group receives, follows and sends nothing; then it joins anew, and is itself again.
fn receives_only_until_it_has_joined_anew(group: &mut Group, bob: &mut Group, seen: &mut Seen) {
    assert!(group.is_restored());
    is_restored(group.encrypt(b"again"));
    is_restored(group.propose_update(&LeafUpdate::new()));
    is_restored(group.leave());
    is_restored(group.commit().build());
    is_restored(group.branch::<&[u8]>(b"some of us", &[]));
    is_restored(group.reinitialize::<&[u8]>(&[]));
    is_restored(group.pending());
    assert!(group.pending_proposals().unwrap().iter().all(|proposal| proposal.message.is_none()));

    let text = bob.encrypt(b"are you there?").unwrap();
    assert!(matches!(group.receive(&text).unwrap(), Received::Application(_)));
    let commit = bob.commit().build().unwrap();
    bob.merge(&commit).unwrap();
    let staged = group.receive(commit.message()).unwrap().into_commit().unwrap();
    group.merge(staged).unwrap();
    assert_eq!(group.epoch_authenticator().unwrap(), bob.epoch_authenticator().unwrap());
    is_restored(group.encrypt(b"still not"));
    // Nor does a restart help.
    let client = group.client().clone();
    assert!(client.load(group.id()).unwrap().is_restored());
    assert!(client.groups().unwrap()[0].restored);

    let mut fresh = rejoin(&client, bob).accept().unwrap();
    assert!(!fresh.is_restored());
    for _ in 0..3 {
        let message = fresh.encrypt(b"here I am").unwrap();
        seen.receive(bob, &message);
    }
    fresh = client.load(group.id()).unwrap();
    assert!(!fresh.is_restored());
    seen.receive(bob, &fresh.encrypt(b"and after a restart").unwrap());
    let commit = fresh.commit().build().unwrap();
    fresh.merge(&commit).unwrap();
    let staged = bob.receive(commit.message()).unwrap().into_commit().unwrap();
    bob.merge(staged).unwrap();
    seen.receive(bob, &fresh.encrypt(b"in a new epoch").unwrap());
    assert_eq!(bob.members().unwrap().len(), 2);
}

#[test]
fn a_store_that_was_put_back_sends_nothing() {
    let alice = Alice::new();
    let [mut a, mut b] = <[Group; 2]>::try_from(group_of(&[&alice.client(), &client("bob")])).unwrap();
    let mut seen = Seen::default();
    seen.receive(&mut b, &a.encrypt(b"one").unwrap());
    let proposal = a.propose_update(&LeafUpdate::new()).unwrap();
    assert!(matches!(b.receive(&proposal).unwrap(), Received::Proposal(_)));
    b.clear_proposals().unwrap();
    a.clear_proposals().unwrap();
    let old = copy_of(&alice.store);
    seen.receive(&mut b, &a.encrypt(b"two").unwrap());
    let id = a.id().to_vec();
    drop(a);

    let mut a = alice.at(&old).load(&id).unwrap();
    receives_only_until_it_has_joined_anew(&mut a, &mut b, &mut seen);
}

#[test]
fn an_sqlite_file_that_was_put_back_sends_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let [path, backup] = ["alice.db", "backup.db"].map(|name| directory.path().join(name));
    let (private, guard) = (key(), Arc::new(pleach::FileRollbackGuard::new(directory.path().join("marks"))));
    let open = || {
        let store = SqliteStorage::open(&path).unwrap();
        builder("alice", &private, store).rollback_guard(guard.clone()).build().unwrap()
    };
    let alice = open();
    let [mut a, mut b] = <[Group; 2]>::try_from(group_of(&[&alice, &client("bob")])).unwrap();
    let mut seen = Seen::default();
    let pending = a.commit().build().unwrap();
    let id = a.id().to_vec();
    drop((a, alice));
    std::fs::copy(&path, &backup).unwrap();

    // The original goes on, and its pending Commit is accepted.
    let mut a = open().load(&id).unwrap();
    a.merge(a.pending_commit(pending.hash()).unwrap()).unwrap();
    let staged = b.receive(pending.message()).unwrap().into_commit().unwrap();
    b.merge(staged).unwrap();
    seen.receive(&mut b, &a.encrypt(b"one").unwrap());
    drop(a);

    std::fs::copy(&backup, &path).unwrap();
    let mut a = open().load(&id).unwrap();
    is_restored(a.pending());
    // What the delivery service accepted is followed.
    let Received::OwnCommit(own) = a.receive(pending.message()).unwrap() else { panic!("not its own") };
    a.merge(own).unwrap();
    receives_only_until_it_has_joined_anew(&mut a, &mut b, &mut seen);
}

#[test]
fn of_two_copies_one_sends() {
    let alice = Alice::new();
    let [mut a, mut b] = <[Group; 2]>::try_from(group_of(&[&alice.client(), &client("bob")])).unwrap();
    let mut seen = Seen::default();
    let copy = copy_of(&alice.store);
    let mut c = alice.at(&copy).load(a.id()).unwrap();
    assert!(!c.is_restored());
    assert_eq!(c.client().instance(), a.client().instance());
    // Whoever moves the guard first goes on. The other notices when it sends, at the latest.
    seen.receive(&mut b, &c.encrypt(b"the copy was faster").unwrap());
    is_restored(a.encrypt(b"too late"));
    assert!(a.is_restored());
    is_restored(a.commit().build());
    seen.receive(&mut b, &c.encrypt(b"and goes on").unwrap());
    receives_only_until_it_has_joined_anew(&mut a, &mut b, &mut seen);
    // Now it is the copy that is out of date.
    is_restored(c.encrypt(b"too late"));
    assert!(alice.at(&copy).load(c.id()).unwrap().is_restored());
}

#[test]
fn what_a_copy_built_too_late_is_not_given_out() {
    let alice = Alice::new();
    let mut members = group_of(&[&alice.client(), &client("bob")]);
    let copy = copy_of(&alice.store);
    let mut c = alice.at(&copy).load(members[0].id()).unwrap();
    members[0].encrypt(b"first").unwrap();
    is_restored(c.commit().build());
    is_restored(c.pending());
    is_restored(alice.at(&copy).load(c.id()).unwrap().pending());
    let mut d = alice.at(&copy_of(&copy)).load(c.id()).unwrap();
    is_restored(d.propose_update(&LeafUpdate::new()));
}

#[test]
fn a_guard_that_lost_its_marks_trusts_nobody() {
    let alice = Alice::new();
    let [a, mut b] = <[Group; 2]>::try_from(group_of(&[&alice.client(), &client("bob")])).unwrap();
    alice.guard.marks.clear();
    let mut a = alice.client().load(a.id()).unwrap();
    receives_only_until_it_has_joined_anew(&mut a, &mut b, &mut Seen::default());
}

#[test]
fn a_guard_that_is_behind_catches_up() {
    let alice = Alice::new();
    let [mut a, mut b] = <[Group; 2]>::try_from(group_of(&[&alice.client(), &client("bob")])).unwrap();
    let mut seen = Seen::default();
    for restart in [false, true, false] {
        seen.receive(&mut b, &a.encrypt(b"before").unwrap());
        alice.guard.unreachable.store(true, Relaxed);
        for _ in 0..2 {
            let error = a.encrypt(b"stored, and not sent").unwrap_err();
            assert_eq!((error.code(), error.is_retryable()), ("rollback-guard", true));
        }
        assert_eq!(code(a.commit().build()), "rollback-guard");
        assert_eq!(code(a.pending()), "rollback-guard");
        alice.guard.unreachable.store(false, Relaxed);
        if restart {
            a = alice.client().load(a.id()).unwrap();
        }
        assert!(!a.is_restored());
        seen.receive(&mut b, &a.encrypt(b"after").unwrap());
    }
    // A Commit that others made is followed all the same.
    let commit = b.commit().build().unwrap();
    let staged = a.receive(commit.message()).unwrap().into_commit().unwrap();
    alice.guard.unreachable.store(true, Relaxed);
    b.merge(&commit).unwrap();
    a.merge(staged).unwrap();
    assert_eq!(code(a.encrypt(b"not yet")), "rollback-guard");
    alice.guard.unreachable.store(false, Relaxed);
    seen.receive(&mut b, &a.encrypt(b"now").unwrap());
}

#[test]
fn joining_a_second_time_by_one_welcome_is_noticed() {
    let alice = Alice::new();
    let mut b = client("bob").create_group(b"tea").unwrap();
    let add = b.commit().add(alice.client().key_package().unwrap()).build().unwrap();
    b.merge(&add).unwrap();
    let old = copy_of(&alice.store);
    let mut seen = Seen::default();
    let mut a = alice.client().join(add.welcome().unwrap()).unwrap().accept().unwrap();
    seen.receive(&mut b, &a.encrypt(b"one").unwrap());

    let mut a = alice.at(&old).join(add.welcome().unwrap()).unwrap().accept().unwrap();
    receives_only_until_it_has_joined_anew(&mut a, &mut b, &mut seen);
}

#[test]
fn accepting_an_external_commit_a_second_time_is_noticed() {
    let alice = Alice::new();
    let mut b = client("bob").create_group(b"tea").unwrap();
    let commit = rejoin(&alice.client(), &mut b);
    let old = copy_of(&alice.store);
    let mut seen = Seen::default();
    seen.receive(&mut b, &commit.accept().unwrap().encrypt(b"one").unwrap());

    let again = alice.at(&old).pending_external().unwrap().remove(0);
    let mut a = again.accept().unwrap();
    receives_only_until_it_has_joined_anew(&mut a, &mut b, &mut seen);
}

#[test]
fn what_one_handle_finds_holds_for_all() {
    let alice = Alice::new();
    let [mut a, mut b] = <[Group; 2]>::try_from(group_of(&[&alice.client(), &client("bob")])).unwrap();
    let old = copy_of(&alice.store);
    b.receive(&a.encrypt(b"of the original").unwrap()).unwrap();
    // Processes without a guard had the copy open before.
    let unguarded = alice.builder(&old).build().unwrap();
    let open = || unguarded.load(a.id()).unwrap();
    let [mut c, mut d, mut e, f, g] = [open(), open(), open(), open(), open()];
    assert!(alice.at(&old).load(a.id()).unwrap().is_restored());
    is_restored(c.encrypt(b"the same generation"));
    assert!(c.is_restored());
    is_restored(d.propose_update(&LeafUpdate::new()));
    is_restored(e.commit().build());
    is_restored(f.branch::<&[u8]>(b"some of us", &[]));
    is_restored(g.pending());
}

#[test]
fn what_a_copy_encrypted_does_not_leave_when_the_group_was_joined_anew_meanwhile() {
    let alice = Alice::new();
    let [mut a, mut b] = <[Group; 2]>::try_from(group_of(&[&alice.client(), &client("bob")])).unwrap();
    let mut seen = Seen::default();
    let old = copy_of(&alice.store);
    let mut c = alice.at(&old).load(a.id()).unwrap();
    seen.receive(&mut b, &a.encrypt(b"of the original").unwrap());
    // Between the copy's batch and the guard, another handle on the copy joins anew.
    let commit = rejoin(&alice.at(&old), &mut b);
    alice.guard.before_set.set(0, move || assert!(!commit.accept().unwrap().is_restored()));
    assert_eq!(code(c.encrypt(b"the same generation")), "storage-conflict");
    assert!(alice.guard.before_set.is_over());
    // It goes on from there.
    assert!(!alice.at(&old).load(a.id()).unwrap().is_restored());
    seen.receive(&mut b, &c.encrypt(b"with new keys").unwrap());
    assert!(!c.is_restored());
}

#[test]
fn a_group_that_was_joined_anew_meanwhile_is_not_flagged() {
    let alice = Alice::new();
    let [mut a, mut b] = <[Group; 2]>::try_from(group_of(&[&alice.client(), &client("bob")])).unwrap();
    let mut seen = Seen::default();
    let old = copy_of(&alice.store);
    seen.receive(&mut b, &a.encrypt(b"of the original").unwrap());
    let commit = rejoin(&alice.at(&old), &mut b);
    // After it has looked for the last time, and before it writes what it found.
    alice.guard.after_read.set(1, move || assert!(!commit.accept().unwrap().is_restored()));
    let mut c = alice.at(&old).load(a.id()).unwrap();
    assert!(alice.guard.after_read.is_over());
    assert!(!c.is_restored());
    c.reload().unwrap();
    seen.receive(&mut b, &c.encrypt(b"with new keys").unwrap());
    assert!(!alice.at(&old).load(a.id()).unwrap().is_restored());
}

/// The other removes this client's leaf, and adds it by this key package; the groups here follow.
fn invited_again(groups: &mut [&mut Group], other: &mut Group, key_package: &[u8]) -> Vec<u8> {
    let remove = other.commit().remove(groups[0].own_index()).build().unwrap();
    for group in groups {
        let staged = group.receive(remove.message()).unwrap().into_commit().unwrap();
        group.merge(staged).unwrap();
    }
    other.merge(&remove).unwrap();
    invited(other, key_package)
}

fn invited(other: &mut Group, key_package: &[u8]) -> Vec<u8> {
    let add = other.commit().add(key_package).build().unwrap();
    other.merge(&add).unwrap();
    add.welcome().unwrap().to_vec()
}

#[test]
fn a_key_package_made_since_leads_back() {
    let alice = Alice::new();
    let [mut a, mut b] = <[Group; 2]>::try_from(group_of(&[&alice.client(), &client("bob")])).unwrap();
    let mut seen = Seen::default();
    alice.clock.advance(10);
    let of_then = alice.client().key_package().unwrap();
    let old = copy_of(&alice.store);
    seen.receive(&mut b, &a.encrypt(b"of the original").unwrap());

    let again = alice.at(&old);
    let mut c = again.load(a.id()).unwrap();
    assert!(c.is_restored());
    // The original may have joined by this one.
    let welcome = invited_again(&mut [&mut c], &mut b, &of_then);
    let mut c = again.join(&welcome).unwrap().accept().unwrap();
    is_restored(c.encrypt(b"no"));
    // By that one nobody has.
    alice.clock.advance(1);
    let fresh = again.key_package().unwrap();
    let another = alice.at(&copy_of(&old));
    let mut d = another.load(c.id()).unwrap();
    let welcome = invited_again(&mut [&mut c, &mut d], &mut b, &fresh);
    let mut c = again.join(&welcome).unwrap().accept().unwrap();
    assert!(!c.is_restored());
    seen.receive(&mut b, &c.encrypt(b"here I am").unwrap());
    assert!(!again.load(c.id()).unwrap().is_restored());

    // Unless a copy has joined by it.
    let mut d = another.join(&welcome).unwrap().accept().unwrap();
    is_restored(d.encrypt(b"the same generation"));
}

#[test]
fn a_deleted_group_that_was_forgotten_is_joined_anew() {
    let alice = Alice::new();
    let client_a = alice.client();
    let [a, mut b] = <[Group; 2]>::try_from(group_of(&[&client_a, &client("bob")])).unwrap();
    let id = a.id().to_vec();
    a.delete().unwrap();
    client_a.forget_deleted(&id).unwrap();
    let remove = b.commit().remove(pleach::wire::LeafIndex(0)).build().unwrap();
    b.merge(&remove).unwrap();
    // For all that the store knows, it is older than the group.
    let welcome = invited(&mut b, &client_a.key_package().unwrap());
    let mut a = client_a.join(&welcome).unwrap().accept().unwrap();
    is_restored(a.encrypt(b"no"));
    alice.clock.advance(1);
    let welcome = invited_again(&mut [&mut a], &mut b, &client_a.key_package().unwrap());
    let mut a = client_a.join(&welcome).unwrap().accept().unwrap();
    Seen::default().receive(&mut b, &a.encrypt(b"back").unwrap());
}

#[test]
fn records_stand_where_the_guard_could_not_follow() {
    let alice = Alice::new();
    let mut a = alice.client().create_group(b"tea").unwrap();
    let sent = |value: &[u8]| vec![(b"outbox".to_vec(), Some(value.to_vec()))];
    alice.guard.unreachable.store(true, Relaxed);
    assert_eq!(code(a.encrypt_with(b"1", b"", sent(b"1"))), "rollback-guard");
    assert_eq!(a.record(b"outbox").unwrap().unwrap().as_slice(), b"1");
    alice.guard.unreachable.store(false, Relaxed);
    a.encrypt_with(b"1", b"", sent(b"1, again")).unwrap();
    assert_eq!(a.record(b"outbox").unwrap().unwrap().as_slice(), b"1, again");
}

#[test]
fn leaving_and_coming_back_is_no_rollback() {
    let alice = Alice::new();
    let client_a = alice.client();
    let [a, mut b] = <[Group; 2]>::try_from(group_of(&[&client_a, &client("bob")])).unwrap();
    let id = a.id().to_vec();
    a.delete().unwrap();
    let leaf = pleach::wire::LeafIndex(0);
    let remove = b.commit().remove(leaf).build().unwrap();
    b.merge(&remove).unwrap();
    let add = b.commit().add(client_a.key_package().unwrap()).build().unwrap();
    b.merge(&add).unwrap();
    let mut a = client_a.join(add.welcome().unwrap()).unwrap().accept().unwrap();
    assert!(!a.is_restored());
    Seen::default().receive(&mut b, &a.encrypt(b"back").unwrap());
    // Nor is a group of one's own with an id that was used.
    a.delete().unwrap();
    let mut own = client_a.create_group(&id).unwrap();
    assert!(!own.is_restored());
    own.encrypt(b"alone").unwrap();
}

#[test]
fn removed_and_invited_again_is_no_rollback() {
    let alice = Alice::new();
    let [mut a, mut b] = <[Group; 2]>::try_from(group_of(&[&alice.client(), &client("bob")])).unwrap();
    let remove = b.commit().remove(pleach::wire::LeafIndex(0)).build().unwrap();
    let staged = a.receive(remove.message()).unwrap().into_commit().unwrap();
    a.merge(staged).unwrap();
    b.merge(&remove).unwrap();
    let add = b.commit().add(alice.client().key_package().unwrap()).build().unwrap();
    b.merge(&add).unwrap();
    let mut a = alice.client().join(add.welcome().unwrap()).unwrap().accept().unwrap();
    assert!(!a.is_restored());
    Seen::default().receive(&mut b, &a.encrypt(b"back").unwrap());
}

#[test]
fn a_guard_may_come_later() {
    let alice = Alice::new();
    let before = builder("alice", &alice.private, alice.store.clone()).build().unwrap();
    let [a, mut b] = <[Group; 2]>::try_from(group_of(&[&before, &client("bob")])).unwrap();
    let mut a = alice.client().load(a.id()).unwrap();
    assert!(!a.is_restored());
    let mut seen = Seen::default();
    let old = copy_of(&alice.store);
    seen.receive(&mut b, &a.encrypt(b"guarded from here").unwrap());
    assert!(!alice.client().load(a.id()).unwrap().is_restored());
    assert!(alice.at(&old).load(a.id()).unwrap().is_restored());
}

#[test]
fn handles_of_one_store_do_not_take_each_other_for_copies() {
    let alice = Alice::new();
    let [a, mut b] = <[Group; 2]>::try_from(group_of(&[&alice.client(), &client("bob")])).unwrap();
    let sent: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (alice, id) = (&alice, a.id());
                scope.spawn(move || {
                    let mut group = alice.client().load(id).unwrap();
                    let mut sent = Vec::new();
                    while sent.len() < 20 {
                        match group.encrypt(b"from one of four") {
                            Ok(message) => sent.push(message),
                            Err(error) => assert!(error.is_retryable(), "{error:?}"),
                        }
                    }
                    sent
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut seen = Seen::default();
    sent.iter().for_each(|message| seen.receive(&mut b, message));
    assert_eq!(seen.0.len(), 80);
    assert!(!alice.client().load(a.id()).unwrap().is_restored());
}

#[test]
fn a_store_says_what_it_is() {
    let store = MemoryStorage::new();
    let open = |store: &MemoryStorage| builder("alice", &key(), store.clone()).build();
    let instance = open(&store).unwrap().instance();
    assert_eq!(open(&store).unwrap().instance(), instance);
    assert_ne!(client("bob").instance(), instance);
    assert_eq!(open(&copy_of(&store)).unwrap().instance(), instance);

    let row = Key::of_client(b"", RecordKind::Meta, b"store");
    let good = Checked::new(&store).get(&row).unwrap().unwrap().to_vec();
    let with = |value: &[u8]| {
        let store = MemoryStorage::new();
        let mut batch = VecBatch::new();
        batch.put(row, value.to_vec());
        Checked::new(&store).apply(&mut batch).unwrap();
        open(&store).map(|client| client.instance())
    };
    assert_eq!(with(&good).unwrap(), instance);
    let mut newer = good.clone();
    newer[12] = 2;
    let error = with(&newer).unwrap_err();
    assert!(matches!(error, Error::Storage(StorageError::NewerFormat { found: 2, known: 1 })), "{error:?}");
    // Whatever else a later version changes in the row.
    newer[8] = 9;
    newer.truncate(20);
    assert!(matches!(with(&newer), Err(Error::Storage(StorageError::NewerFormat { .. }))));
    for len in 0..good.len() {
        assert_eq!(code(with(&good[..len])), "storage-corrupt", "{len}");
    }
    for at in [0, 7] {
        let mut bad = good.clone();
        bad[at] ^= 0x80;
        assert_eq!(code(with(&bad)), "storage-corrupt", "{at}");
    }
}
