//! An observer follows a group from its public handshakes, and is told nothing else.

use super::scene::*;
use pleach::{AuthDecision, LeafUpdate, Observed, WirePolicy};
use std::sync::Arc;

fn public_group(world: &World) -> Result<Vec<Group>, Failure> {
    let mut members = world.group(&["alice", "bob"])?;
    for member in &mut members {
        configure(member, |config| config.wire = WirePolicy::PUBLIC);
    }
    Ok(members)
}

/// breaks: R228
pub(super) fn observer_follows(world: &World) -> Result<(), Failure> {
    let mut members = public_group(world)?;
    let (server, carol) = (world.client("server")?, world.client("carol")?);
    let mut observer = server.observe(&members[0].group_info()?, None)?;
    let proposal = members[1].propose_update(&LeafUpdate::new())?;
    spread(&mut members, 1, &proposal)?;
    expect!(observer.receive(&proposal)?, Observed::Proposal(_) => ());
    let commit = members[0].commit().add(carol.key_package()?).build()?;
    let seen = expect!(observer.receive(commit.message())?, Observed::Commit(seen) => seen);
    ensure_eq!(seen.changes().added, [LeafIndex(2)]);
    ensure_eq!(observer.epoch(), 1);
    deliver(&mut members, 0, &commit)?;
    ensure_eq!(observer.merge(seen)?.epoch, 2);
    ensure_eq!(observer.context(), members[0].context());
    members.push(join(&carol, &commit)?);
    configure(&mut members[2], |config| config.wire = WirePolicy::PUBLIC);

    // External Commits are public by nature; a member that is removed is seen to go.
    let external = world.client("dave")?.external_join(&members[0].group_info()?).build()?;
    let seen = expect!(observer.receive(external.message())?, Observed::Commit(seen) => seen);
    ensure_eq!(seen.changes().joined, Some(LeafIndex(3)));
    deliver_external(&mut members, external)?;
    observer.merge(seen)?;
    configure(&mut members[3], |config| config.wire = WirePolicy::PUBLIC);
    let remove = members[2].commit().remove(LeafIndex(0)).build()?;
    let seen = expect!(observer.receive(remove.message())?, Observed::Commit(seen) => seen);
    deliver(&mut members, 2, &remove)?;
    observer.merge(seen)?;
    ensure_eq!(observer.context(), members[1].context());
    ensure_eq!(observer.tree().member_count(), 3);
    Ok(())
}

/// breaks: R047, R230
pub(super) fn observer_refuses(world: &World) -> Result<(), Failure> {
    let mut members = public_group(world)?;
    let told = Arc::new(Told::default());
    let server = world.builder("server")?.auth(told.clone()).build()?;
    let info = members[0].group_info()?;
    told.about("bob", AuthDecision::deny("not him"));
    refuses!(server.observe(&info, None), Error::Denied(_));
    told.about("bob", AuthDecision::Accept);
    let mut observer = server.observe(&info, None)?;
    let text = members[0].encrypt(b"hidden")?;
    expect!(observer.receive(&text)?, Observed::Private { epoch: 1 } => ());

    // A private Commit it cannot follow, nor what comes after it.
    configure(&mut members[0], |config| config.wire = WirePolicy::PRIVATE);
    configure(&mut members[1], |config| config.wire = WirePolicy::MIXED_SEND_PUBLIC);
    let hidden = members[0].commit().build()?;
    expect!(observer.receive(hidden.message())?, Observed::Private { epoch: 1 } => ());
    // Before the two tags, which an observer cannot check, all is signed.
    let update = members[1].commit().build()?;
    for at in [180, update.message().len() / 2] {
        ensure!(observer.receive(&flipped(update.message(), at)).is_err_and(|error| error.is_peer_fault()));
    }
    ensure_eq!(observer.epoch(), 1);
    deliver(&mut members, 0, &hidden)?;
    let after = members[1].commit().build()?;
    refuses!(observer.receive(after.message()), Error::WrongEpoch { .. });
    // Of two Commits, one counts.
    let mut other = server.observe(&members[0].group_info()?, None)?;
    let rival = members[1].commit().remove(LeafIndex(0)).build()?;
    let first = expect!(other.receive(after.message())?, Observed::Commit(seen) => seen);
    let second = expect!(other.receive(rival.message())?, Observed::Commit(seen) => seen);
    other.merge(first)?;
    refuses!(other.merge(second), misuse!(Stale));
    Ok(())
}
