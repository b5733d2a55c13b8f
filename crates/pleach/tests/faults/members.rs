//! Creating, joining, adding, removing, leaving, deleting; key packages.

use crate::play::{End, operation, play};
use crate::scene::{Scene, TEA, follow};
use pleach::wire::LeafIndex;
use pleach::{Group, KeyPackageOptions};
use pleach_testkit::faults::{Fault, Faults, FaultyStorage, Place, Plan};

/// Bob's group of his own, to which he adds alice by this key package.
fn invited(scene: &mut Scene, key_package: &[u8]) -> (Group, Vec<u8>) {
    let mut group = scene.client("bob").create_group(b"bob's").unwrap();
    let add = group.commit().add(key_package).build().unwrap();
    group.merge(&add).unwrap();
    (group, add.welcome().unwrap().to_vec())
}

#[test]
fn entering() {
    play(&[
        operation(
            "create",
            |actor, _| {
                actor.group = Some(actor.client.create_group(b"new")?);
                Ok(())
            },
            |actor, scene, done| {
                let mut group =
                    if done { actor.client.load(b"new") } else { actor.client.create_group(b"new") }.unwrap();
                assert_eq!(actor.client.groups().unwrap().len(), 2);
                let bob = scene.client("bob");
                let add = group.commit().add(bob.key_package().unwrap()).build().unwrap();
                group.merge(&add).unwrap();
                actor.group = Some(group);
                End::GoOn(vec![bob.join(add.welcome().unwrap()).unwrap().accept().unwrap()])
            },
        ),
        operation(
            "key package",
            |actor, _| actor.client.key_package().map(drop),
            |actor, scene, done| {
                let stored = actor.client.key_packages().unwrap();
                assert_eq!(stored.len(), usize::from(done));
                let message = match stored.into_iter().next() {
                    Some(stored) => stored.message,
                    None => actor.client.key_package().unwrap(),
                };
                let (group, welcome) = invited(scene, &message);
                actor.group = Some(actor.client.join(&welcome).unwrap().accept().unwrap());
                assert!(actor.client.key_packages().unwrap().is_empty());
                End::GoOn(vec![group])
            },
        ),
        operation(
            "join",
            |actor, scene| {
                actor.group = Some(actor.client.join(&scene.noted("welcome"))?.accept()?);
                Ok(())
            },
            |actor, scene, done| {
                assert_eq!(actor.client.key_packages().unwrap().is_empty(), done);
                let group = if done {
                    actor.client.load(b"bob's")
                } else {
                    actor.client.join(&scene.noted("welcome")).unwrap().accept()
                };
                actor.group = Some(group.unwrap());
                End::GoOn(vec![scene.client("bob").load(b"bob's").unwrap()])
            },
        )
        .after(|scene| {
            let key_package = scene.client("alice").key_package().unwrap();
            let (_, welcome) = invited(scene, &key_package);
            scene.note("welcome", welcome);
        }),
        operation(
            "join by a last resort",
            |actor, scene| {
                actor.group = Some(actor.client.join(&scene.noted("welcome"))?.accept()?);
                Ok(())
            },
            |actor, scene, done| {
                assert_eq!(actor.client.key_packages().unwrap().len(), 1);
                let group = if done {
                    actor.client.load(b"bob's")
                } else {
                    actor.client.join(&scene.noted("welcome")).unwrap().accept()
                };
                actor.group = Some(group.unwrap());
                End::GoOn(vec![scene.client("bob").load(b"bob's").unwrap()])
            },
        )
        .after(|scene| {
            let options = KeyPackageOptions::default().last_resort();
            let key_package = scene.client("alice").key_package_with(options).unwrap();
            let (_, welcome) = invited(scene, &key_package);
            scene.note("welcome", welcome);
        }),
        operation(
            "open",
            |actor, _| {
                actor.group = Some(actor.client.load(TEA)?);
                actor.group().members()?;
                actor.group().pending()?;
                Ok(())
            },
            |actor, scene, _| {
                actor.group = Some(actor.client.load(TEA).unwrap());
                End::GoOn(scene.groups(&["bob", "carol"]))
            },
        ),
        operation(
            "reload",
            |actor, _| actor.group().reload(),
            |_, scene, _| End::GoOn(scene.groups(&["bob", "carol"])),
        ),
    ]);
}

/// The row that says what the store is: there or not, and then the same for good.
#[test]
fn the_first_client_of_a_store() {
    for fault in [Fault::Before, Fault::Halfway, Fault::After, Fault::Unknown { applied: false }] {
        for k in 0..8 {
            let (scene, faults) = (Scene::empty(), Faults::new());
            let store = FaultyStorage::new(scene.store("alice"), faults.clone());
            faults.arm(Plan { place: Place::Any(k), fault, dies: false });
            let first = scene.build("alice", store, 1);
            assert_eq!(first.is_err(), faults.hit().is_some(), "{fault:?} {k}");
            let rows = scene.rows("alice");
            assert!(rows.len() <= 1);
            let client = scene.build("alice", scene.store("alice"), 2).unwrap();
            assert!(rows.is_empty() || rows == scene.rows("alice"), "{fault:?} {k}");
            client.create_group(b"new").unwrap();
        }
    }
}

#[test]
fn leaving() {
    play(&[
        operation(
            "removed",
            |actor, scene| {
                let staged = actor.group().receive(&scene.noted("commit"))?.into_commit().expect("a Commit");
                actor.group().merge(staged).map(drop)
            },
            |actor, scene, done| {
                if !done {
                    follow(actor.group(), &scene.noted("commit"));
                }
                assert!(!actor.group().is_active());
                actor.group().encrypt(b"I am out").unwrap_err();
                End::Without(scene.groups(&["bob", "carol"]))
            },
        )
        .after(|scene| {
            let mut bob = scene.group("bob");
            let commit = bob.commit().remove(LeafIndex(0)).build().unwrap();
            bob.merge(&commit).unwrap();
            scene.follow(&["carol"], commit.message());
            scene.note("commit", commit.message());
        }),
        operation(
            "delete",
            |actor, _| {
                // Without the handle: what is left of it must be able to follow.
                actor.client.delete_group(TEA)
            },
            |actor, scene, done| {
                let mut group = actor.group.take();
                let known = group.as_mut().is_some_and(|group| group.reload().is_ok());
                assert_eq!(known, !done);
                actor.client.delete_group(TEA).unwrap();
                assert!(actor.client.groups().unwrap().is_empty());
                End::Without(scene.groups(&["bob", "carol"]))
            },
        ),
        operation(
            "delete resumption PSKs",
            |actor, _| actor.client.delete_resumption_psks(TEA),
            |actor, scene, _| {
                actor.client.delete_resumption_psks(TEA).unwrap();
                End::GoOn(scene.groups(&["bob", "carol"]))
            },
        ),
    ]);
}
