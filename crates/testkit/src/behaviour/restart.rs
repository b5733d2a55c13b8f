//! Restarts, lost races and Commits that are given up: everything is found again in the store, and nothing is used twice.

use super::scene::*;
use pleach::LeafUpdate;

/// Drops all handles, and opens clients and groups anew.
fn restarted(world: &World, members: Vec<Group>) -> Result<Vec<Group>, Failure> {
    let names: Vec<_> = members
        .iter()
        .map(|group| (String::from_utf8_lossy(group.client().id()).into_owned(), group.id().to_vec()))
        .collect();
    drop(members);
    names.iter().map(|(name, id)| Ok(world.client(name)?.load(id)?)).collect()
}

/// breaks: R222
pub(super) fn restart_at_any_point(world: &World) -> Result<(), Failure> {
    let mut members = restarted(world, world.group(&["alice", "bob", "carol"])?)?;
    let late = members[0].encrypt(b"read after a restart")?;
    let proposal = members[1].propose_update(&LeafUpdate::new())?;
    spread(&mut members, 1, &proposal)?;
    let mut members = restarted(world, members)?;
    ensure_eq!(read(&mut members[2], &late)?, b"read after a restart");
    ensure_eq!(members[0].pending_proposals()?.len(), 1);
    refuses_unchanged!(members[0], members[0].encrypt(b"too early"), misuse!(PendingProposals));

    let commit = members[0].commit().build()?;
    let mut members = restarted(world, members)?;
    let found = members[0].pending()?;
    ensure_eq!(found.len(), 1);
    ensure_eq!((found[0].hash(), found[0].message()), (commit.hash(), commit.message()));
    // Received and not merged before the restart, it is received again.
    drop(staged(&mut members[1], commit.message())?);
    let mut members = restarted(world, members)?;
    deliver(&mut members, 0, &found[0])?;
    let mut members = restarted(world, members)?;
    agree(&mut members)?;
    // What was read stays read.
    refuses_unchanged!(members[2], members[2].receive(&late), Error::AlreadyReceived);
    refuses_unchanged!(members[0], members[0].merge(&found[0]), misuse!(Stale) | misuse!(NoSuchCommit));
    let update = members[2].commit().build()?;
    deliver(&mut members, 2, &update)?;
    Ok(())
}

/// breaks: R228
pub(super) fn restart_before_merge(world: &World) -> Result<(), Failure> {
    let (id, hash) = {
        let mut group = world.client("alice")?.create_group(b"g")?;
        let add = group.commit().add(world.client("bob")?.key_package()?).build()?;
        (group.id().to_vec(), add.hash().to_vec())
    };
    let mut group = world.client("alice")?.load(&id)?;
    ensure_eq!(group.epoch(), 0);
    refuses_unchanged!(group, group.pending_commit(b"another hash"), misuse!(NoSuchCommit));
    let add = group.pending_commit(&hash)?;
    let changes = group.merge(&add)?;
    ensure_eq!((changes.added, group.epoch()), (vec![LeafIndex(1)], 1));
    let mut members = vec![group, join(&world.client("bob")?, &add)?];
    agree(&mut members)?;

    // An external Commit, too, is found again; and whoever gave it up cannot take it back.
    let info = members[0].group_info()?;
    let kept = world.client("carol")?.external_join(&info).build()?.hash().to_vec();
    world.client("carol")?.external_join(&info).build()?.discard()?;
    let carol = world.client("carol")?;
    let pending = carol.pending_external()?;
    ensure!(pending.len() == 1 && pending[0].hash() == kept);
    for commit in pending {
        deliver_external(&mut members, commit)?;
    }
    ensure!(carol.pending_external()?.is_empty());
    Ok(())
}

/// breaks: R229
pub(super) fn lost_race(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob", "carol"])?;
    let of_alice = members[0].commit().build()?;
    let of_bob = members[1].commit().remove(LeafIndex(2)).build()?;
    deliver(&mut members, 1, &of_bob)?;
    ensure!(members[0].pending()?.is_empty());
    refuses_unchanged!(members[0], members[0].merge(&of_alice), misuse!(Stale));
    refuses_unchanged!(members[1], members[1].receive(of_alice.message()), Error::WrongEpoch { .. });
    let again = members[0].commit().build()?;
    deliver(&mut members, 0, &again)?;
    Ok(())
}

pub(super) fn discard(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob"])?;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(members[0].commit().build()?);
    }
    ensure_eq!(members[0].pending()?.len(), 3);
    let hash = made[0].hash().to_vec();
    members[0].discard(&hash)?;
    members[0].discard(&hash)?;
    ensure_eq!(members[0].pending()?.len(), 2);
    refuses_unchanged!(members[0], members[0].merge(&made[0]), misuse!(NoSuchCommit));
    refuses!(members[0].pending_commit(&hash), misuse!(NoSuchCommit));
    ensure_eq!(members[0].epoch(), 1);
    deliver(&mut members, 0, &made[2])?;
    ensure!(members[0].pending()?.is_empty());
    refuses_unchanged!(members[0], members[0].merge(&made[1]), misuse!(Stale));
    Ok(())
}

/// breaks: R229
pub(super) fn own_commit_comes_back(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob"])?;
    let losing = members[0].commit().build()?;
    let winning = members[0].commit().build()?;
    let own = expect!(members[0].receive(winning.message())?, Received::OwnCommit(own) => own);
    ensure_eq!(own.hash(), winning.hash());
    follow(&mut members[1], winning.message())?;
    members[0].merge(own)?;
    ensure!(members[0].pending()?.is_empty());
    agree(&mut members)?;
    refuses_unchanged!(members[0], members[0].receive(losing.message()), Error::WrongEpoch { .. });
    Ok(())
}

pub(super) fn two_handles(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob"])?;
    let mut second = members[0].client().load(members[0].id())?;
    let messages = [members[0].encrypt(b"first")?, second.encrypt(b"second")?];
    for (message, generation) in messages.iter().zip(0..) {
        let text = members[1].receive(message)?.into_application().ok_or("no application message")?;
        ensure_eq!(text.generation(), generation);
    }
    let update = members[0].commit().build()?;
    deliver(&mut members, 0, &update)?;
    // The slower handle is told once, and follows.
    let slow = second.encrypt(b"of an old epoch");
    ensure!(slow.is_err_and(|error| error.is_retryable()));
    let message = second.encrypt(b"of the new epoch")?;
    ensure_eq!(second.epoch(), 2);
    ensure_eq!(read(&mut members[1], &message)?, b"of the new epoch");
    second.delete()?;
    refuses!(members[0].reload(), Error::GroupDeleted { .. });
    Ok(())
}
