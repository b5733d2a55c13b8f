//! Sending and receiving application messages, with and without records of the application.

use crate::play::{Actor, End, Operation, operation, play};
use crate::scene::Scene;
use pleach::{Error, Received};

fn sent(name: &str, text: &[u8], scene: &mut Scene) -> Vec<u8> {
    scene.group(name).encrypt(text).unwrap()
}

fn records(received: &Received) -> pleach::Records {
    match received {
        Received::Application(text) => vec![(b"inbox".to_vec(), Some(text.data().to_vec()))],
        _ => Vec::new(),
    }
}

/// What was received is received once: now, or before.
fn again(actor: &mut Actor, scene: &mut Scene, done: bool) -> End {
    match actor.group().receive(&scene.noted("message")) {
        Err(Error::AlreadyReceived) => assert!(done),
        Ok(Received::Application(text)) => assert!(!done && text.data() == b"to alice"),
        other => panic!("{other:?}"),
    }
    End::GoOn(scene.groups(&["bob", "carol"]))
}

fn receive(name: &'static str) -> Operation {
    operation(name, |actor, scene| actor.group().receive(&scene.noted("message")).map(drop), again)
}

#[test]
fn sending() {
    let encrypt = operation(
        "encrypt",
        |actor, _| actor.group().encrypt(b"hello").map(drop),
        |actor, scene, done| {
            // What did not leave used up its generation, if it got that far. It never returns.
            let message = actor.group().encrypt(b"again").unwrap();
            let mut bob = scene.group("bob");
            let heard = bob.receive(&message).unwrap().into_application().unwrap();
            assert_eq!(heard.generation(), u32::from(done));
            End::GoOn(vec![bob, {
                let mut carol = scene.group("carol");
                carol.receive(&message).unwrap();
                carol
            }])
        },
    );
    let encrypt_with = operation(
        "encrypt with records",
        |actor, _| {
            let records = vec![(b"outbox".to_vec(), Some(b"hello".to_vec())), (b"draft".to_vec(), None)];
            actor.group().encrypt_with(b"hello", b"", records).map(drop)
        },
        |actor, scene, done| {
            assert_eq!(actor.group().record(b"outbox").unwrap().is_some(), done);
            assert_eq!(actor.group().record(b"draft").unwrap().is_some(), !done);
            End::GoOn(scene.groups(&["bob", "carol"]))
        },
    )
    .after(|scene| {
        let draft = vec![(b"draft".to_vec(), Some(b"hel".to_vec()))];
        scene.group("alice").encrypt_with(b"before", b"", draft).unwrap();
    });
    play(&[encrypt, encrypt_with]);
}

#[test]
fn receiving() {
    let first = receive("receive").after(|scene| {
        let message = sent("bob", b"to alice", scene);
        scene.note("message", message);
    });
    let with = operation(
        "receive with records",
        |actor, scene| actor.group().receive_with(&scene.noted("message"), records).map(drop),
        |actor, scene, done| {
            let found = actor.group().record(b"inbox").unwrap();
            assert_eq!(found.is_some(), done, "the record is there exactly if the ratchet moved");
            match actor.group().receive_with(&scene.noted("message"), records) {
                Err(Error::AlreadyReceived) => assert!(done),
                Ok(_) => assert!(!done),
                Err(error) => panic!("{error}"),
            }
            assert_eq!(actor.group().record(b"inbox").unwrap().unwrap().as_slice(), b"to alice");
            End::GoOn(scene.groups(&["bob", "carol"]))
        },
    )
    .after(|scene| {
        let message = sent("bob", b"to alice", scene);
        scene.note("message", message);
    });
    let skipping = receive("receive the third first").after(|scene| {
        (0..2).for_each(|_| drop(sent("bob", b"late", scene)));
        let message = sent("bob", b"to alice", scene);
        scene.note("message", message);
    });
    let skipped = receive("receive a skipped one").after(|scene| {
        let message = sent("bob", b"to alice", scene);
        let next = sent("bob", b"next", scene);
        scene.group("alice").receive(&next).unwrap();
        scene.note("message", message);
    });
    let past = receive("receive from a past epoch").after(|scene| {
        let message = sent("bob", b"to alice", scene);
        let commit = scene.commit("carol");
        scene.follow(&["alice", "bob"], commit.message());
        scene.note("message", message);
    });
    play(&[first, with, skipping, skipped, past]);
}
