//! ReInit into another suite, and branches.

use super::scene::*;
use pleach::wire::{Extensions, ProtocolVersion, ReInit};
use pleach::{JoinKind, KeyPackageOptions};
use std::collections::BTreeSet;

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

/// Through three suites, each a successor of the one before: how a group moves to a post-quantum suite, and on when there
/// is a better one.
///
/// breaks: R168, R169
pub(super) fn migration(world: &World) -> Result<(), Failure> {
    let before = world.other_suite()?;
    let mut after = world.provider().suites.iter().map(|suite| suite.id);
    let after = after.rfind(|suite| ![before, world.suite()].contains(suite)).unwrap_or(before);
    let suites = [before, world.suite(), after];
    let client = |name: &str| -> Result<Client, Failure> {
        let mut builder = world.bare(name)?.suite(before);
        for suite in BTreeSet::from(suites) {
            builder = builder.signing_identity(SigningIdentity::basic(name, world.signer(name, suite)?));
        }
        Ok(builder.build()?)
    };
    let clients = [client("alice")?, client("bob")?, client("carol")?];
    let mut members = group_of(&clients.each_ref())?;
    for (to, id) in suites[1..].iter().zip([b"second", b"third_"]) {
        let from = members[0].suite();
        let successor = ReInit {
            group_id: id.as_slice().into(),
            version: ProtocolVersion::MLS10,
            cipher_suite: *to,
            extensions: Extensions::default(),
        };
        let commit = members[0].commit().reinit(successor).build()?;
        members[0].merge(&commit)?;
        for member in &mut members[1..] {
            follow(member, commit.message())?;
        }
        let options = || KeyPackageOptions::default().suite(*to);
        let key_packages = clients[1..].iter().map(|client| client.key_package_with(options()));
        let (mut group, first) = members[0].reinitialize(&key_packages.collect::<Result<Vec<_>, _>>()?)?;
        // Until the first Commit is merged, nobody is anywhere else.
        ensure_eq!(members[0].suite(), from);
        let mut joined = Vec::new();
        for client in &clients[1..] {
            joined.push(join(client, &first)?);
        }
        group.merge(&first)?;
        members = vec![group];
        members.extend(joined);
        ensure_eq!((members[1].suite(), members[1].id()), (*to, id.as_slice()));
        agree(&mut members)?;
        let update = members[2].commit().build()?;
        deliver(&mut members, 2, &update)?;
    }
    Ok(())
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
