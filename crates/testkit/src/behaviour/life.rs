//! A group's life: create, add, talk, update, remove, leave.

use super::scene::*;

/// breaks: R199, R238
pub(super) fn create_add_talk(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob", "carol"])?;
    agree(&mut members)?;
    let (dave, erin) = (world.client("dave")?, world.client("erin")?);
    let add = members[1].commit().add(dave.key_package()?).add(erin.key_package()?).build()?;
    for changes in deliver(&mut members, 1, &add)? {
        ensure_eq!(changes.added, [LeafIndex(3), LeafIndex(4)]);
        ensure_eq!(changes.committer, Some(LeafIndex(1)));
    }
    members.push(join(&dave, &add)?);
    members.push(join(&erin, &add)?);
    agree(&mut members)?;
    ensure_eq!(members[0].members()?.len(), 5);

    refuses_unchanged!(members[0], members[0].commit().add(dave.key_package()?).build(), broke!(AddOfMember));
    let twice = world.client("frank")?;
    let (one, two) = (twice.key_package()?, twice.key_package()?);
    refuses_unchanged!(members[0], members[0].commit().add(one).add(two).build(), broke!(DuplicateAdd));
    let id = members[0].id().to_vec();
    refuses!(dave.create_group(&id), misuse!(GroupExists));
    let mut other = dave.create_group(b"another group")?;
    let message = members[0].encrypt(b"not for that group")?;
    refuses_unchanged!(other, other.receive(&message), Error::WrongGroup);
    Ok(())
}

/// breaks: R221
pub(super) fn commit_with_path(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob", "carol"])?;
    for by in 0..3 {
        let own = members[by].own_index();
        let old = members[by].own_leaf()?.leaf_node.encryption_key.clone();
        let update = members[by].commit().build()?;
        for changes in deliver(&mut members, by, &update)? {
            ensure_eq!(changes.updated, [own]);
        }
        ensure!(members[0].member(own)?.leaf_node.encryption_key != old);
    }
    // Tampered with on the way, it changes nothing; as it was sent, it is good.
    let update = members[0].commit().build()?;
    for at in [1, update.message().len() / 2] {
        let tampered = flipped(update.message(), at);
        let before = (members[1].epoch(), members[1].epoch_authenticator()?);
        let refusal = members[1].receive(&tampered);
        ensure!(refusal.is_err_and(|error| error.is_peer_fault()));
        ensure!(before == (members[1].epoch(), members[1].epoch_authenticator()?));
    }
    let cut = &update.message()[..update.message().len() - 1];
    refuses_unchanged!(members[1], members[1].receive(cut), Error::Malformed(_));
    deliver(&mut members, 0, &update)?;
    Ok(())
}

/// breaks: R220, R221
pub(super) fn commit_without_path(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob"])?;
    let old = members[0].own_leaf()?;
    let carol = world.client("carol")?;
    let add = members[0].commit().add(carol.key_package()?).build()?;
    for changes in deliver(&mut members, 0, &add)? {
        ensure!(changes.updated.is_empty());
    }
    ensure_eq!(members[1].member(old.index)?, old);
    members.push(join(&carol, &add)?);

    let dave = world.client("dave")?;
    let forced = members[0].commit().add(dave.key_package()?).force_path().build()?;
    for changes in deliver(&mut members, 0, &forced)? {
        ensure_eq!(changes.updated, [old.index]);
    }
    ensure!(members[1].member(old.index)? != old);
    members.push(join(&dave, &forced)?);

    // A removal needs a path, asked for or not.
    let remove = members[0].commit().remove(LeafIndex(3)).build()?;
    let changes = deliver(&mut members, 0, &remove)?;
    ensure!(changes.iter().all(|changes| changes.updated == [old.index]));
    // A Commit of the epoch that is over is refused.
    refuses_unchanged!(members[1], members[1].receive(forced.message()), Error::WrongEpoch { .. });
    refuses_unchanged!(members[0], members[0].merge(&forced), misuse!(Stale));
    Ok(())
}

/// breaks: R183, R232
pub(super) fn remove(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob", "carol"])?;
    let gone = LeafIndex(1);
    let commit = members[2].commit().remove(gone).build()?;
    expect!(members[1].receive(commit.message())?, Received::Removed(_) => ());
    for changes in deliver(&mut members, 2, &commit)? {
        ensure_eq!(changes.removed, [(gone, Credential::basic(b"bob"))]);
    }
    ensure_eq!(*members[1].status(), Status::Removed);
    ensure_eq!(members[0].members()?.len(), 2);

    let message = members[0].encrypt(b"without bob")?;
    ensure!(members[1].receive(&message).is_err());
    refuses_unchanged!(members[1], members[1].encrypt(b"still here"), misuse!(NotMember));
    refuses_unchanged!(members[1], members[1].commit().build(), misuse!(NotMember));
    refuses!(members[1].export(b"label", b"", 16), misuse!(NotMember));
    refuses_unchanged!(members[0], members[0].commit().remove(gone).build(), misuse!(NoSuchMember));

    // One who was removed can be added again.
    let bob = members[1].client().clone();
    let add = members[0].commit().add(bob.key_package()?).build()?;
    deliver(&mut members, 0, &add)?;
    members[1] = join(&bob, &add)?;
    agree(&mut members)
}

/// breaks: R196
pub(super) fn leave(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob", "carol"])?;
    let own = members[2].own_index();
    refuses_unchanged!(members[2], members[2].commit().remove(own).build(), misuse!(SelfRemove));
    let proposal = members[2].leave()?;
    spread(&mut members, 2, &proposal)?;
    ensure!(members[2].is_active());
    // The leaver's own Commit leaves its proposal out.
    let own = members[2].commit().build()?;
    ensure!(own.changes().removed.is_empty());
    members[2].discard(own.hash())?;
    let commit = members[0].commit().build()?;
    deliver(&mut members, 0, &commit)?;
    ensure_eq!(*members[2].status(), Status::Removed);
    ensure_eq!(members[0].members()?.len(), 2);
    Ok(())
}
