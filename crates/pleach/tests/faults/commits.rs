//! Commits: built, merged, received, discarded; and a Commit of another that applies the own Update.

use crate::play::{Actor, End, operation, play};
use crate::scene::{Scene, follow};
use pleach::wire::LeafIndex;
use pleach::{LeafUpdate, PendingCommit, Received};

/// The Commit was accepted: all others follow, and whom it adds joins.
fn accepted(actor: &mut Actor, scene: &mut Scene, commit: &PendingCommit) -> End {
    if actor.group().epoch() == commit.epoch() {
        actor.group().merge(commit).unwrap();
    }
    scene.follow(&["bob", "carol"], commit.message());
    let mut groups = scene.groups(&["bob", "carol"]);
    groups.retain(pleach::Group::is_active);
    if let Some(welcome) = commit.welcome() {
        groups.push(scene.client("dave").join(welcome).unwrap().accept().unwrap());
    }
    End::GoOn(groups)
}

#[test]
fn building() {
    let path = operation(
        "build",
        |actor, _| actor.group().commit().build().map(drop),
        |actor, scene, done| {
            let pending = actor.group().pending().unwrap();
            assert_eq!(pending.len(), usize::from(done));
            let commit = match pending.into_iter().next() {
                Some(commit) => commit,
                None => actor.group().commit().build().unwrap(),
            };
            accepted(actor, scene, &commit)
        },
    );
    let add = operation(
        "build add and remove",
        |actor, scene| {
            let commit = actor.group().commit().add(scene.noted("dave's")).remove(LeafIndex(2));
            commit.build().map(drop)
        },
        |actor, scene, done| {
            let commit = if done {
                actor.group().pending().unwrap().remove(0)
            } else {
                let key_package = scene.noted("dave's");
                actor.group().commit().add(key_package).remove(LeafIndex(2)).build().unwrap()
            };
            accepted(actor, scene, &commit)
        },
    )
    .after(|scene| {
        let key_package = scene.client("dave").key_package().unwrap();
        scene.note("dave's", key_package);
    });
    let of_proposals = operation(
        "build of proposals",
        |actor, _| actor.group().commit().build().map(drop),
        |actor, scene, done| {
            let commit = if done {
                actor.group().pending().unwrap().remove(0)
            } else {
                actor.group().commit().build().unwrap()
            };
            assert!(commit.changes().updated.contains(&LeafIndex(1)));
            accepted(actor, scene, &commit)
        },
    )
    .after(|scene| {
        let proposal = scene.group("bob").propose_update(&LeafUpdate::new()).unwrap();
        scene.hear(&["alice", "carol"], &proposal);
    });
    let discard = operation(
        "discard",
        |actor, scene| actor.group().discard(&scene.noted("hash")),
        |actor, scene, done| {
            assert_eq!(actor.group().pending().unwrap().is_empty(), done);
            actor.group().discard(&scene.noted("hash")).unwrap();
            assert!(actor.group().pending().unwrap().is_empty());
            End::GoOn(scene.groups(&["bob", "carol"]))
        },
    )
    .after(built);
    play(&[path, add, of_proposals, discard]);
}

fn built(scene: &mut Scene) {
    let key_package = scene.client("dave").key_package().unwrap();
    let commit = scene.group("alice").commit().add(key_package).build().unwrap();
    scene.note("hash", commit.hash());
    scene.note("commit", commit.message());
    scene.note("welcome", commit.welcome().unwrap());
}

fn dave_joins(actor: &mut Actor, scene: &mut Scene) -> End {
    // What it shows is true from its next use on.
    actor.group().reload().unwrap();
    assert_eq!(actor.group().epoch(), 2);
    scene.follow(&["bob", "carol"], &scene.noted("commit"));
    let mut groups = scene.groups(&["bob", "carol"]);
    groups.push(scene.client("dave").join(&scene.noted("welcome")).unwrap().accept().unwrap());
    End::GoOn(groups)
}

#[test]
fn merging_own() {
    let merge = operation(
        "merge own",
        |actor, scene| {
            let commit = actor.group().pending_commit(&scene.noted("hash"))?;
            actor.group().merge(commit).map(drop)
        },
        |actor, scene, done| {
            if !done {
                let commit = actor.group().pending_commit(&scene.noted("hash")).unwrap();
                actor.group().merge(commit).unwrap();
            }
            dave_joins(actor, scene)
        },
    )
    .after(built);
    let back = operation(
        "merge own that came back",
        |actor, scene| match actor.group().receive(&scene.noted("commit"))? {
            Received::OwnCommit(commit) => actor.group().merge(commit).map(drop),
            other => panic!("{other:?}"),
        },
        |actor, scene, done| {
            match actor.group().receive(&scene.noted("commit")) {
                Ok(Received::OwnCommit(commit)) => {
                    assert!(!done);
                    actor.group().merge(commit).unwrap();
                }
                Err(error) => assert!(done && error.code() == "wrong-epoch", "{error}"),
                other => panic!("{other:?}"),
            }
            dave_joins(actor, scene)
        },
    )
    .after(built);
    play(&[merge, back]);
}

#[test]
fn of_others() {
    let of_bob = |scene: &mut Scene| {
        let commit = scene.commit("bob");
        scene.follow(&["carol"], commit.message());
        scene.note("commit", commit.message());
    };
    let receive = operation(
        "receive commit",
        |actor, scene| actor.group().receive(&scene.noted("commit")).map(drop),
        |actor, scene, _| {
            follow(actor.group(), &scene.noted("commit"));
            End::GoOn(scene.groups(&["bob", "carol"]))
        },
    )
    .after(of_bob);
    let merging = |name| {
        operation(
            name,
            |actor, scene| {
                let staged = actor.group().receive(&scene.noted("commit"))?.into_commit().expect("a Commit");
                actor.group().merge(staged).map(drop)
            },
            |actor, scene, done| {
                if !done {
                    follow(actor.group(), &scene.noted("commit"));
                }
                assert_eq!(actor.group().epoch(), 2);
                End::GoOn(scene.groups(&["bob", "carol"]))
            },
        )
    };
    let merge = merging("merge received").after(of_bob);
    let update = merging("merge the own Update").after(|scene| {
        let proposal = scene.group("alice").propose_update(&LeafUpdate::new()).unwrap();
        scene.hear(&["bob", "carol"], &proposal);
        let commit = scene.commit("bob");
        scene.follow(&["carol"], commit.message());
        scene.note("commit", commit.message());
    });
    let losing = merging("merge the winner").after(|scene| {
        scene.group("alice").commit().build().unwrap();
        let commit = scene.commit("bob");
        scene.follow(&["carol"], commit.message());
        scene.note("commit", commit.message());
    });
    play(&[receive, merge, update, losing]);
}
