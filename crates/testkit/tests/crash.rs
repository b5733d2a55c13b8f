//! Processes that are killed, and processes that meet: short runs. `cargo xtask crash` makes long ones.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a panic is a failed test")]

use pleach::{Client, Error};
use pleach_storage::{Storage, StorageError, StreamBatch, VecBatch};
use pleach_storage_sqlite::{SqliteOptions, SqliteStorage};
use pleach_testkit::crash::{
    Engine, Kill, Parent, Settings, World,
    frame::Tag,
    parent::{Death, Stop},
    run,
};
use pleach_testkit::{
    TrustEveryone,
    faults::Stage,
    null_crypto::{NULL_SUITE, NullSuite},
};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

fn settings(engine: Engine, kills: u64, seed: u64) -> Settings {
    let program = env!("CARGO_BIN_EXE_crash").into();
    Settings { program, engine, kills, seed, directory: None }
}

fn world(engine: Engine, joined: bool) -> World {
    World::new(settings(engine, 0, 7), joined).unwrap()
}

/// What is wrong, if anything is.
fn fine<T>(result: Result<T, Stop>) -> T {
    result.unwrap_or_else(|stop| panic!("{stop:?}"))
}

/// The child is killed in this.
fn killed<T: std::fmt::Debug>(result: Result<T, Stop>) -> Death {
    match result {
        Err(Stop::Killed(death)) => death,
        other => panic!("not killed: {other:?}"),
    }
}

/// Lives, and goes on with the others.
fn recovered(world: &mut World) -> Parent {
    let mut child = world.start(Kill::Never).unwrap();
    fine(world.recover(&mut child));
    child
}

fn kills(engine: Engine) {
    let report = run(settings(engine, 25, 1), &mut |_| {}).unwrap();
    assert_eq!(report.kills, 25);
    assert!(report.inside() >= 18, "{report}");
    println!("{report}");
}

#[test]
fn twenty_five_kills_with_a_rollback_journal() {
    kills(Engine::Sqlite);
}

#[test]
fn twenty_five_kills_with_a_write_ahead_log() {
    kills(Engine::SqliteWal);
}

#[test]
fn twenty_five_kills_with_redb() {
    kills(Engine::Redb);
}

/// The child commits, the others accept it, and it dies before it has merged: the Commit comes back and is found.
#[test]
fn killed_between_build_and_merge_with_the_commit_accepted() {
    for engine in Engine::ALL {
        for stage in [Stage::Before, Stage::Halfway, Stage::After] {
            let mut world = world(engine, true);
            let mut child = world.start(Kill::At("merge own", stage)).unwrap();
            fine(child.hello());
            fine(world.commit(&mut child, true));
            let epoch = world.service.epoch();
            let death = killed(world.deliver(&mut child, 0));
            assert_eq!(death.operation.as_deref(), Some("merge own"));
            let mut child = world.start(Kill::Never).unwrap();
            let said = fine(child.hello());
            let pending = said.iter().filter(|frame| frame.tag == Tag::Pending).count();
            assert_eq!(pending, usize::from(stage != Stage::After), "{stage:?}");
            fine(world.deliver(&mut child, 0));
            assert_eq!(world.service.epoch(), epoch);
            fine(world.check(&mut child));
            drop(child);
            recovered(&mut world);
        }
    }
}

/// The Commit was stored, and never left: it is listed after the restart, and can still be sent.
#[test]
fn killed_between_storing_a_commit_and_sending_it() {
    let mut world = world(Engine::Sqlite, true);
    let mut child = world.start(Kill::At("commit", Stage::After)).unwrap();
    fine(child.hello());
    let death = killed(world.commit(&mut child, false));
    assert!(death.released.is_empty());
    let epoch = world.service.epoch();
    recovered(&mut world);
    assert!(world.service.epoch() > epoch);
}

/// The Commit of another was received, and not merged: nothing had been written, and it is received again.
#[test]
fn killed_between_receiving_a_commit_and_merging_it() {
    for engine in Engine::ALL {
        for stage in [Stage::Before, Stage::Halfway, Stage::After] {
            let mut world = world(engine, true);
            world.service.say(0).unwrap();
            world.service.commit(1).unwrap();
            world.service.say(1).unwrap();
            let mut child = world.start(Kill::At("merge received", stage)).unwrap();
            fine(child.hello());
            killed(world.deliver(&mut child, 0));
            let mut child = world.start(Kill::Never).unwrap();
            fine(child.hello());
            // All of it once more, what was read before too.
            fine(world.deliver(&mut child, 0));
            fine(world.check(&mut child));
            drop(child);
            recovered(&mut world);
        }
    }
}

/// The new leaf key of an own Update outlives the process until a Commit of another applies it.
#[test]
fn killed_between_an_own_update_and_the_commit_that_applies_it() {
    for engine in Engine::ALL {
        let mut world = world(engine, true);
        let mut child = world.start(Kill::Never).unwrap();
        fine(child.hello());
        fine(world.propose(&mut child));
        killed::<()>(Err(child.kill_now()));
        world.service.commit(0).unwrap();
        recovered(&mut world);

        // Stored, and never sent: sent after the restart.
        let mut child = world.start(Kill::At("propose", Stage::After)).unwrap();
        fine(child.hello());
        let death = killed(world.propose(&mut child));
        assert!(death.released.is_empty());
        recovered(&mut world);
    }
}

/// An external Commit was sent, and accepted: the group is entered after the restart.
#[test]
fn killed_before_the_first_merge_of_an_external_commit() {
    for engine in Engine::ALL {
        for stage in [Stage::Before, Stage::Halfway, Stage::After] {
            let mut world = world(engine, false);
            let group_info = world.service.group_info().unwrap();
            let mut child = world.start(Kill::At("external accept", stage)).unwrap();
            fine(child.hello());
            let said = fine(child.order(Tag::ExternalBuild, &[&group_info]));
            let commit = said.iter().find(|frame| frame.tag == Tag::Outgoing).unwrap().bytes(1).to_vec();
            world.service.submit(&commit, b"").unwrap();
            let hash = pleach_rustcrypto::SUITES[0].hash.hash(&[&commit]);
            killed(child.order(Tag::ExternalAccept, &[hash.as_bytes()]));

            let mut child = world.start(Kill::Never).unwrap();
            fine(child.hello());
            fine(child.order(Tag::ExternalAccept, &[hash.as_bytes()]));
            fine(world.deliver(&mut child, 0));
            fine(world.check(&mut child));
            fine(world.send(&mut child, None));
            drop(child);
            recovered(&mut world);
        }
    }
}

/// Eight processes on one store: each message is sent once, with a generation of its own, and read once.
#[test]
fn eight_processes_hammer_one_store() {
    for engine in Engine::ALL {
        world(engine, true).hammer(8, 20, 80).unwrap();
    }
}

/// A store that somebody holds is waited for, as long as was said, and no longer; what was computed is not stored.
#[test]
fn a_busy_store_is_waited_for_so_long() {
    const TIMEOUT: Duration = Duration::from_millis(200);
    const HELD: Duration = Duration::from_secs(2);
    let directory = tempfile::tempdir().unwrap();
    let open = || {
        let options = SqliteOptions::new().busy_timeout(TIMEOUT);
        SqliteStorage::open_with(directory.path().join("store.pleach"), &options).unwrap()
    };
    let world = NullSuite::new();
    let provider = world.provider(1);
    let suite = *provider.suite(NULL_SUITE).unwrap();
    let keys = suite.signature.generate_key_pair(&*provider.random).unwrap();
    let signer = suite.signature.load_signer(&keys.private).unwrap();
    let alice = Client::builder(provider, open()).basic("alice", signer).auth(TrustEveryone).build().unwrap();
    let mut group = alice.create_group(b"busy").unwrap();

    let (holding, held) = channel();
    let other = open();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut batch = StreamBatch::new(VecBatch::new(), |_| {
                holding.send(()).unwrap();
                thread::sleep(HELD);
                Ok(false)
            });
            other.apply(&mut batch).unwrap();
        });
        held.recv().unwrap();
        let began = Instant::now();
        let error = group.encrypt(b"hello").unwrap_err();
        let waited = began.elapsed();
        assert!(matches!(error, Error::Storage(StorageError::Busy)) && error.is_retryable(), "{error}");
        assert!(waited >= TIMEOUT && waited < HELD, "{waited:?}");
    });
    group.encrypt(b"hello").unwrap();
}
