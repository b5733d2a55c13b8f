//! Proposals: made, received, forgotten.

use crate::play::{End, Operation, operation, play};
use crate::scene::{CUSTOM, Scene, follow};
use pleach::wire::{Extensions, LeafIndex, ProtocolVersion, ReInit};
use pleach::{Error, Group, LeafUpdate, Received, crypto::Secret};
use pleach_testkit::null_crypto::NULL_SUITE;

type Propose = fn(&mut Group, &Scene) -> Result<Vec<u8>, Error>;

const KINDS: [(&str, Propose); 8] = [
    ("propose add", |group, scene| group.propose_add(&scene.noted("dave's key package"))),
    ("propose update", |group, _| group.propose_update(&LeafUpdate::new())),
    ("propose remove", |group, _| group.propose_remove(LeafIndex(2))),
    ("propose PSK", |group, _| group.propose_psk(b"shared")),
    ("propose resumption PSK", |group, _| group.propose_resumption_psk(crate::scene::TEA, 1)),
    ("propose extensions", |group, _| group.propose_extensions(Extensions::default())),
    ("propose custom", |group, _| group.propose_custom(CUSTOM, b"of our own")),
    ("propose reinit", |group, _| {
        group.propose_reinit(ReInit {
            group_id: b"successor".into(),
            version: ProtocolVersion::MLS10,
            cipher_suite: NULL_SUITE,
            extensions: Extensions::default(),
        })
    }),
];

fn ready(scene: &mut Scene) {
    let key_package = scene.client("dave").key_package().unwrap();
    scene.note("dave's key package", key_package);
    for name in ["alice", "bob", "carol"] {
        scene.client(name).store_psk(b"shared", &Secret::copy_from(&[7; 32])).unwrap();
    }
}

/// The proposal reaches bob, who commits it; then all are in the next epoch.
fn committed(alice: &mut Group, scene: &mut Scene, proposal: &[u8]) -> Vec<Group> {
    scene.hear(&["bob", "carol"], proposal);
    let commit = scene.commit("bob");
    follow(alice, commit.message());
    let mut groups = scene.groups(&["bob"]);
    let mut carol = scene.group("carol");
    follow(&mut carol, commit.message());
    if carol.is_active() {
        groups.push(carol);
    }
    if let Some(welcome) = commit.welcome() {
        groups.push(scene.client("dave").join(welcome).unwrap().accept().unwrap());
    }
    groups
}

fn proposing((name, propose): (&'static str, Propose)) -> Operation {
    operation(
        name,
        move |actor, scene| propose(actor.group(), scene).map(drop),
        move |actor, scene, done| {
            let pending = actor.group().pending_proposals().unwrap();
            assert_eq!(pending.len(), usize::from(done));
            // It may have been sent or not: what is stored is sent, once more perhaps.
            let message = match pending.into_iter().next() {
                Some(pending) => pending.message.unwrap(),
                None => propose(actor.group(), scene).unwrap(),
            };
            let groups = committed(actor.group(), scene, &message);
            match actor.group().status() {
                pleach::Status::Active => End::GoOn(groups),
                _ => End::Over,
            }
        },
    )
    .after(ready)
}

#[test]
fn making() {
    play(&KINDS.map(proposing));
}

#[test]
fn receiving() {
    let receive = operation(
        "receive proposal",
        |actor, scene| actor.group().receive(&scene.noted("proposal")).map(drop),
        |actor, scene, done| {
            let proposal = scene.noted("proposal");
            match actor.group().receive(&proposal) {
                Err(Error::AlreadyReceived) => assert!(done),
                Ok(Received::Proposal(_)) => assert!(!done),
                other => panic!("{other:?}"),
            }
            scene.hear(&["carol"], &proposal);
            let commit = scene.commit("carol");
            follow(actor.group(), commit.message());
            scene.follow(&["bob"], commit.message());
            End::GoOn(scene.groups(&["bob", "carol"]))
        },
    )
    .after(|scene| {
        let proposal = scene.group("bob").propose_update(&LeafUpdate::new()).unwrap();
        scene.note("proposal", proposal);
    });
    let clear = operation(
        "clear proposals",
        |actor, _| actor.group().clear_proposals(),
        |actor, scene, _| {
            actor.group().clear_proposals().unwrap();
            scene.group("bob").clear_proposals().unwrap();
            End::GoOn(scene.groups(&["bob", "carol"]))
        },
    )
    .after(|scene| {
        let proposal = scene.group("bob").propose_update(&LeafUpdate::new()).unwrap();
        scene.hear(&["alice"], &proposal);
    });
    let leave = operation(
        "leave",
        |actor, _| actor.group().leave().map(drop),
        |actor, scene, done| {
            let pending = actor.group().pending_proposals().unwrap();
            assert_eq!(pending.len(), usize::from(done));
            let message = match pending.into_iter().next() {
                Some(pending) => pending.message.unwrap(),
                None => actor.group().leave().unwrap(),
            };
            let others = committed(actor.group(), scene, &message);
            assert!(!actor.group().is_active());
            End::Without(others)
        },
    );
    play(&[receive, clear, leave]);
}
