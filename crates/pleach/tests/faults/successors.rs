//! A ReInit and its successor, under another id or the same; branches.

use crate::play::{End, Operation, operation, play};
use crate::scene::{Scene, TEA, follow};
use pleach::wire::{Extensions, ProtocolVersion, ReInit};
use pleach_testkit::null_crypto::NULL_SUITE;

fn agreed(scene: &mut Scene, id: &[u8]) {
    let mut alice = scene.group("alice");
    let commit = alice.commit().reinit(ReInit {
        group_id: id.into(),
        version: ProtocolVersion::MLS10,
        cipher_suite: NULL_SUITE,
        extensions: Extensions::default(),
    });
    let commit = commit.build().unwrap();
    alice.merge(&commit).unwrap();
    scene.follow(&["bob", "carol"], commit.message());
    key_packages(scene);
}

fn key_packages(scene: &mut Scene) {
    for (name, what) in [("bob", "bob's"), ("carol", "carol's")] {
        let key_package = scene.client(name).key_package().unwrap();
        scene.note(what, key_package);
    }
}

/// Founds a group that follows on this one; its first Commit is pending.
fn following(name: &'static str, id: &'static [u8], branch: bool) -> Operation {
    let found = move |group: &pleach::Group, scene: &Scene| {
        let key_packages = [scene.noted("bob's"), scene.noted("carol's")];
        if branch { group.branch(id, &key_packages) } else { group.reinitialize(&key_packages) }
    };
    operation(
        name,
        move |actor, scene| found(actor.group(), scene).map(drop),
        move |actor, scene, done| {
            let (mut group, commit) = if done {
                let group = actor.client.load(id).unwrap();
                let commit = group.pending().unwrap().remove(0);
                (group, commit)
            } else {
                found(actor.group(), scene).unwrap()
            };
            group.merge(&commit).unwrap();
            actor.group = Some(group);
            let mut groups = Vec::new();
            for name in ["bob", "carol"] {
                groups.push(scene.client(name).join(commit.welcome().unwrap()).unwrap().accept().unwrap());
            }
            End::GoOn(groups)
        },
    )
    .after(move |scene| if branch { key_packages(scene) } else { agreed(scene, id) })
}

#[test]
fn reinit_and_branch() {
    let merge = operation(
        "merge a ReInit",
        |actor, scene| {
            let staged = actor.group().receive(&scene.noted("commit"))?.into_commit().expect("a Commit");
            actor.group().merge(staged).map(drop)
        },
        |actor, scene, done| {
            if !done {
                follow(actor.group(), &scene.noted("commit"));
            }
            assert!(matches!(actor.group().status(), pleach::Status::ReInitialized(_)));
            End::Over
        },
    )
    .after(|scene| {
        let mut bob = scene.group("bob");
        let commit = bob.commit().reinit(ReInit {
            group_id: b"successor".into(),
            version: ProtocolVersion::MLS10,
            cipher_suite: NULL_SUITE,
            extensions: Extensions::default(),
        });
        let commit = commit.build().unwrap();
        scene.note("commit", commit.message());
    });
    play(&[
        merge,
        following("reinitialize", b"successor", false),
        following("reinitialize under the same id", TEA, false),
        following("branch", b"branch", true),
    ]);
}
