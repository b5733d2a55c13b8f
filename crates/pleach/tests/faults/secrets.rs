//! External PSKs, and key packages that are withdrawn.

use crate::play::{End, operation, play};
use crate::scene::{Scene, follow};
use pleach::crypto::Secret;

fn psk() -> Secret {
    Secret::copy_from(&[9; 32])
}

/// A Commit of bob that brings in the PSK.
fn used(scene: &mut Scene) -> Vec<u8> {
    for name in ["bob", "carol"] {
        scene.client(name).store_psk(b"id", &psk()).unwrap();
    }
    let mut bob = scene.group("bob");
    let commit = bob.commit().psk(b"id").build().unwrap();
    bob.merge(&commit).unwrap();
    scene.follow(&["carol"], commit.message());
    commit.message().to_vec()
}

#[test]
fn psks_and_key_packages() {
    let store = operation(
        "store a PSK",
        |actor, _| actor.client.store_psk(b"id", &psk()),
        |actor, scene, done| {
            assert_eq!(actor.client.psks().unwrap().len(), usize::from(done));
            actor.client.store_psk(b"id", &psk()).unwrap();
            let commit = used(scene);
            follow(actor.group(), &commit);
            End::GoOn(scene.groups(&["bob", "carol"]))
        },
    );
    let delete = operation(
        "delete a PSK",
        |actor, _| actor.client.delete_psk(b"id"),
        |actor, scene, done| {
            assert_eq!(actor.client.psks().unwrap().is_empty(), done);
            actor.client.delete_psk(b"id").unwrap();
            assert!(actor.client.psks().unwrap().is_empty());
            End::GoOn(scene.groups(&["bob", "carol"]))
        },
    )
    .after(|scene| scene.client("alice").store_psk(b"id", &psk()).unwrap());
    let merge = operation(
        "merge with a PSK",
        |actor, scene| {
            let staged = actor.group().receive(&scene.noted("commit"))?.into_commit().expect("a Commit");
            actor.group().merge(staged).map(drop)
        },
        |actor, scene, done| {
            if !done {
                follow(actor.group(), &scene.noted("commit"));
            }
            End::GoOn(scene.groups(&["bob", "carol"]))
        },
    )
    .after(|scene| {
        scene.client("alice").store_psk(b"id", &psk()).unwrap();
        let commit = used(scene);
        scene.note("commit", commit);
    });
    let withdraw = operation(
        "delete a key package",
        |actor, scene| actor.client.delete_key_package(&scene.noted("reference")),
        |actor, scene, done| {
            assert_eq!(actor.client.key_packages().unwrap().is_empty(), done);
            actor.client.delete_key_package(&scene.noted("reference")).unwrap();
            assert!(actor.client.key_packages().unwrap().is_empty());
            End::GoOn(scene.groups(&["bob", "carol"]))
        },
    )
    .after(|scene| {
        let alice = scene.client("alice");
        alice.key_package().unwrap();
        let reference = alice.key_packages().unwrap().remove(0).reference.to_vec();
        scene.note("reference", reference);
    });
    play(&[store, delete, merge, withdraw]);
}
