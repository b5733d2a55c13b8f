//! ReInit into another suite, and branches.

use super::scene::*;
use pleach::wire::{Extensions, ProtocolVersion, ReInit};
use pleach::{JoinKind, KeyPackageOptions};

/// A client with identities for the world's suite and the other.
fn both(world: &World, name: &str) -> Result<Client, Failure> {
    let second = SigningIdentity::basic(name, world.signer(name, world.other_suite()?)?);
    Ok(world.builder(name)?.signing_identity(second).build()?)
}

fn agreed(world: &World, id: &[u8]) -> Result<ReInit, Failure> {
    Ok(ReInit {
        group_id: id.into(),
        version: ProtocolVersion::MLS10,
        cipher_suite: world.other_suite()?,
        extensions: Extensions::default(),
    })
}

fn fresh(world: &World, client: &Client) -> Result<Vec<u8>, Failure> {
    Ok(client.key_package_with(KeyPackageOptions::default().suite(world.other_suite()?))?)
}

/// breaks: R168, R169
pub(super) fn reinit(world: &World) -> Result<(), Failure> {
    let (alice, bob) = (both(world, "alice")?, both(world, "bob")?);
    let mut members = group_of(&[&alice, &bob])?;
    let successor = agreed(world, b"successor")?;
    refuses!(members[0].reinitialize(&[fresh(world, &bob)?]), misuse!(NotReInitialized));
    let mixed = members[0].commit().reinit(successor.clone()).remove(LeafIndex(1)).build();
    refuses!(mixed, broke!(ReInitNotAlone) | misuse!(Proposal));

    let commit = members[0].commit().reinit(successor.clone()).build()?;
    ensure_eq!(staged(&mut members[1], commit.message())?.reinit(), Some(&successor));
    members[0].merge(&commit)?;
    follow(&mut members[1], commit.message())?;
    ensure!(members[0].epoch_authenticator()? == members[1].epoch_authenticator()?);
    for member in &mut members {
        ensure_eq!(*member.status(), Status::ReInitialized(successor.clone()));
        refuses_unchanged!(*member, member.commit().build(), misuse!(ReInitialized));
        refuses_unchanged!(*member, member.encrypt(b"frozen"), misuse!(ReInitialized));
        refuses_unchanged!(*member, member.leave(), misuse!(ReInitialized));
    }
    let (mut group, first) = members[0].reinitialize(&[fresh(world, &bob)?])?;
    let staged_join = bob.join(welcome(&first)?)?;
    ensure!(matches!(staged_join.kind(), JoinKind::ReInit(old, _) if old == members[0].id()));
    let joined = staged_join.accept()?;
    group.merge(&first)?;
    ensure_eq!((group.suite(), group.id()), (world.other_suite()?, &b"successor"[..]));
    agree(&mut [group, joined])
}

/// breaks: R174
pub(super) fn reinit_by_reference(world: &World) -> Result<(), Failure> {
    let (alice, bob) = (both(world, "alice")?, both(world, "bob")?);
    let mut members = group_of(&[&alice, &bob])?;
    let id = members[0].id().to_vec();
    // The successor takes the place of the old group, under its id.
    let proposal = members[1].propose_reinit(agreed(world, &id)?)?;
    spread(&mut members, 1, &proposal)?;
    // It stands alone, or is left out.
    let without = members[0].commit().force_path().remove(LeafIndex(1)).build()?;
    ensure!(without.changes().reinit.is_none());
    members[0].discard(without.hash())?;
    let commit = members[0].commit().build()?;
    members[0].merge(&commit)?;
    follow(&mut members[1], commit.message())?;
    let (mut group, first) = members[0].reinitialize(&[fresh(world, &bob)?])?;
    let joined = join(&bob, &first)?;
    group.merge(&first)?;
    ensure_eq!((group.suite(), group.id()), (world.other_suite()?, &id[..]));
    agree(&mut [group, joined])?;
    ensure_eq!(alice.groups()?.len(), 1);
    Ok(())
}

/// breaks: R171
pub(super) fn reinit_members(world: &World) -> Result<(), Failure> {
    let (alice, bob) = (both(world, "alice")?, both(world, "bob")?);
    let (carol, dave) = (both(world, "carol")?, both(world, "dave")?);
    let mut members = group_of(&[&alice, &bob, &carol])?;
    let commit = members[0].commit().reinit(agreed(world, b"successor")?).build()?;
    members[0].merge(&commit)?;
    for member in &mut members[1..] {
        follow(member, commit.message())?;
    }
    // One too few, one too many, one instead of another, one of the wrong suite.
    let key_package = |client| fresh(world, client);
    refuses!(members[0].reinitialize(&[key_package(&bob)?]), misuse!(NotReInitialized));
    let more = [key_package(&bob)?, key_package(&carol)?, key_package(&dave)?];
    refuses!(members[0].reinitialize(&more), misuse!(NotReInitialized));
    let other = [key_package(&bob)?, key_package(&dave)?];
    refuses!(members[0].reinitialize(&other), misuse!(NotReInitialized));
    let old = [bob.key_package()?, carol.key_package()?];
    refuses!(members[0].reinitialize(&old), lacks!(KeyPackageSuite(_)));
    for member in &members {
        ensure!(matches!(member.status(), Status::ReInitialized(_)));
    }
    Ok(())
}

/// breaks: R176, R177
pub(super) fn branch(world: &World) -> Result<(), Failure> {
    let clients = ["alice", "bob", "carol"]
        .map(|name| world.client(name))
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    let mut members = group_of(&clients.iter().collect::<Vec<_>>())?;
    let bob = &clients[1];
    let (mut group, first) = members[0].branch(b"two of us", &[bob.key_package()?])?;
    let staged_join = bob.join(welcome(&first)?)?;
    ensure!(matches!(staged_join.kind(), JoinKind::Branch(old, 1) if old == members[0].id()));
    let joined = staged_join.accept()?;
    group.merge(&first)?;
    agree(&mut [group, joined])?;
    agree(&mut members)?;

    // Not with a stranger.
    let stranger = world.client("stranger")?;
    let both = [bob.key_package()?, stranger.key_package()?];
    refuses!(members[0].branch(b"with strangers", &both), misuse!(NoSuchMember));
    ensure!(!members[0].client().has_group(b"with strangers")?);
    agree(&mut members)
}
