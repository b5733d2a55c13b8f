//! Groups are listed, loaded and deleted; the application's records belong to them.

use super::scene::*;
use pleach::ApiMisuse;

pub(super) fn list_load_delete(world: &World) -> Result<(), Failure> {
    let alice = world.client("alice")?;
    for id in [&b"one"[..], b"three", b"two"] {
        alice.create_group(id)?;
    }
    let ids = |client: &Client| -> Result<Vec<Vec<u8>>, Failure> {
        Ok(client.groups()?.into_iter().map(|group| group.group_id).collect())
    };
    ensure_eq!(ids(&alice)?, [&b"one"[..], b"two", b"three"]);
    ensure_eq!(alice.groups()?[0].suite, world.suite());
    refuses!(alice.create_group(b"two"), misuse!(GroupExists));
    alice.load(b"two")?.delete()?;
    ensure_eq!(ids(&alice)?, [&b"one"[..], b"three"]);
    ensure!(!alice.has_group(b"two")? && alice.has_group(b"one")?);
    refuses!(alice.load(b"two"), Error::GroupDeleted { epoch: 0 });
    refuses!(alice.load(b""), Error::NotFound(_));
    // Deleting what is not there is no error; a deleted id can be used again.
    alice.delete_group(b"two")?;
    alice.create_group(b"two")?;
    // Another client sees none of them, and the same one after a restart all.
    ensure!(world.client("bob")?.groups()?.is_empty());
    ensure_eq!(ids(&world.client("alice")?)?.len(), 3);
    Ok(())
}

pub(super) fn inspect(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob", "carol"])?;
    let remove = members[0].commit().remove(LeafIndex(1)).build()?;
    deliver(&mut members, 0, &remove)?;
    let commit = members[0].commit().build()?;
    let report = members[0].report()?;
    ensure_eq!(
        (report.epoch, report.suite, report.status, report.own_index),
        (2, world.suite().0, "active", 0)
    );
    ensure_eq!((report.pending_proposals, report.pending_commits), (0, 1));
    let names: Vec<_> = report.members.iter().map(|member| (member.index, member.identity.clone())).collect();
    ensure_eq!(names, [(0, b"alice".to_vec()), (2, b"carol".to_vec())]);
    let carol = members[0].find_client(b"carol")?.ok_or("Carol is not found")?;
    ensure_eq!((carol.index, &carol.credential), (LeafIndex(2), &Credential::basic(b"carol")));
    ensure!(members[0].find_client(b"bob")?.is_none());
    refuses!(members[0].member(LeafIndex(1)), misuse!(NoSuchMember));
    refuses!(members[0].member(LeafIndex(1_000)), misuse!(NoSuchMember));
    let shown = format!("{:?} {commit:?}", members[0]);
    let secret = members[0].epoch_authenticator()?;
    let octets = format!("{:?}", &secret.as_bytes()[..8]);
    ensure!(!shown.contains(octets.trim_matches(['[', ']'])));
    Ok(())
}

pub(super) fn records(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob"])?;
    let record = |key: &[u8], value: &[u8]| vec![(key.to_vec(), Some(value.to_vec()))];
    let message = members[0].encrypt_with(b"hello", b"", record(b"out/1", b"hello"))?;
    let twice = [record(b"k", b"1"), record(b"k", b"2")].concat();
    refuses_unchanged!(
        members[0],
        members[0].encrypt_with(b"twice", b"", twice),
        Error::ApiMisuse(ApiMisuse::DuplicateRecord)
    );
    members[1].receive_with(&message, |received| match received {
        Received::Application(text) => vec![(b"in/1".to_vec(), Some(text.data().to_vec()))],
        _ => Vec::new(),
    })?;
    // What is refused writes nothing.
    let again = members[1].receive_with(&message, |_| vec![(b"in/2".to_vec(), Some(b"again".to_vec()))]);
    refuses!(again, Error::AlreadyReceived);
    ensure!(members[1].record(b"in/2")?.is_none());
    let id = members[1].id().to_vec();
    drop(members);
    let bob = world.client("bob")?;
    let group = bob.load(&id)?;
    ensure_eq!(group.record(b"in/1")?.map(|value| value.as_slice().to_vec()), Some(b"hello".to_vec()));
    ensure_eq!(group.records_from(b"in/")?.len(), 1);
    group.delete()?;
    bob.create_group(&id)?;
    ensure!(bob.load(&id)?.record(b"in/1")?.is_none());
    Ok(())
}
