//! External commits: built, accepted, discarded; by a stranger and by a member that lost its state.

use crate::play::{Actor, End, Operation, operation, play};
use crate::scene::Scene;
use pleach::ExternalCommit;

fn published(scene: &mut Scene) {
    let group_info = scene.group("bob").group_info().unwrap();
    scene.note("group info", group_info);
}

fn build(actor: &Actor, scene: &Scene, resync: bool) -> Result<ExternalCommit, pleach::Error> {
    actor.client.external_join(&scene.noted("group info")).resync(resync).build()
}

fn others(by: &str) -> Vec<&'static str> {
    ["alice", "bob", "carol"].into_iter().filter(|name| *name != by).collect()
}

fn building(name: &'static str, by: &'static str) -> Operation {
    let resync = by == "alice";
    operation(
        name,
        move |actor, scene| build(actor, scene, resync).map(drop),
        move |actor, scene, done| {
            let pending = actor.client.pending_external().unwrap();
            assert_eq!(pending.len(), usize::from(done));
            let commit = match pending.into_iter().next() {
                Some(commit) => commit,
                None => build(actor, scene, resync).unwrap(),
            };
            scene.follow(&others(by), commit.message());
            actor.group = Some(commit.accept().unwrap());
            End::GoOn(scene.groups(&others(by)))
        },
    )
    .after(published)
    .by(by)
}

fn accepting(name: &'static str, by: &'static str) -> Operation {
    operation(
        name,
        |actor, _| {
            let commit = actor.client.pending_external()?.remove(0);
            actor.group = Some(commit.accept()?);
            Ok(())
        },
        move |actor, scene, done| {
            let group = if done {
                assert!(actor.client.pending_external().unwrap().is_empty());
                actor.client.load(crate::scene::TEA)
            } else {
                actor.client.pending_external().unwrap().remove(0).accept()
            };
            match &mut actor.group {
                // The handle from before follows, too.
                Some(old) => old.reload().unwrap(),
                none => *none = Some(group.unwrap()),
            }
            scene.follow(&others(by), &scene.noted("commit"));
            End::GoOn(scene.groups(&others(by)))
        },
    )
    .after(move |scene| {
        published(scene);
        let client = scene.client(by);
        let commit = client.external_join(&scene.noted("group info")).resync(by == "alice").build().unwrap();
        scene.note("commit", commit.message());
    })
    .by(by)
}

#[test]
fn external_commits() {
    let discard = operation(
        "discard an external commit",
        |actor, _| actor.client.pending_external()?.remove(0).discard(),
        |actor, scene, done| {
            let mut pending = actor.client.pending_external().unwrap();
            assert_eq!(pending.is_empty(), done);
            if let Some(commit) = pending.pop() {
                commit.discard().unwrap();
            }
            assert!(actor.client.pending_external().unwrap().is_empty());
            End::Without(scene.groups(&["alice", "bob", "carol"]))
        },
    )
    .after(|scene| {
        published(scene);
        let dave = scene.client("dave");
        dave.external_join(&scene.noted("group info")).build().unwrap();
    })
    .by("dave");
    play(&[building("external commit", "dave"), accepting("accept", "dave"), discard]);
}

#[test]
fn resync() {
    play(&[building("resync", "alice"), accepting("accept the resync", "alice")]);
}
