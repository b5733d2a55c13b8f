//! Key packages: lifetimes, last resort, single use, suites.

use super::scene::*;
use pleach::{KeyPackageOptions, KeyPackageState, ManualClock};
use std::sync::Arc;

const DAY: u64 = 86_400;

fn now(world: &World) -> u64 {
    use pleach::Clock;
    world.clock().now()
}

/// breaks: R068, R077, R078
pub(super) fn lifetimes(world: &World) -> Result<(), Failure> {
    let start = now(world);
    // Bob's clock goes wrong later: it does not go by the world's.
    let own = Arc::new(ManualClock::new(start));
    let (alice, bob) = (world.client("alice")?, world.builder("bob")?.clock(own).build()?);
    let (carol, dave) = (world.client("carol")?, world.client("dave")?);
    let mut members = group_of(&[&alice, &bob])?;

    let for_a_day = || KeyPackageOptions::default().lifetime(start - 10, start + DAY);
    let in_time = carol.key_package_with(for_a_day())?;
    let too_late = dave.key_package_with(for_a_day())?;
    let add = members[0].commit().add(in_time).build()?;
    deliver(&mut members, 0, &add)?;
    members.push(join(&carol, &add)?);

    world.clock().advance(2 * DAY);
    refuses_unchanged!(members[0], members[0].commit().add(&too_late).build(), broke!(LifetimeExpired));
    refuses_unchanged!(members[0], members[0].propose_add(&too_late), broke!(LifetimeExpired));
    // Bob thinks that it is in time; the others do not.
    let late = members[1].propose_add(&too_late)?;
    refuses_unchanged!(members[0], members[0].receive(&late), broke!(LifetimeExpired));
    members[1].clear_proposals()?;
    // Neither is one valid yet that will be tomorrow, nor one that is valid for too long.
    let tomorrow = KeyPackageOptions::default().lifetime(now(world) + DAY, now(world) + 2 * DAY);
    refuses!(dave.key_package_with(tomorrow), broke!(LifetimeExpired));
    let forever = KeyPackageOptions::default().lifetime(start, u64::MAX);
    refuses!(dave.key_package_with(forever), broke!(LifetimeTooLong));
    // Leaves of members may expire: Carol's is.
    agree(&mut members)
}

/// breaks: R158
pub(super) fn last_resort(world: &World) -> Result<(), Failure> {
    let (alice, bob) = (world.client("alice")?, world.client("bob")?);
    let key_package = bob.key_package_with(KeyPackageOptions::default().last_resort())?;
    for id in [b"first", b"again"] {
        let mut group = alice.create_group(id)?;
        let add = group.commit().add(&key_package).build()?;
        group.merge(&add)?;
        agree(&mut [group, join(&bob, &add)?])?;
    }
    let left = bob.key_packages()?;
    ensure!(left.len() == 1 && left[0].last_resort && left[0].message == key_package);
    ensure_eq!(left[0].uses, 2);
    // Withdrawn, it opens no Welcome any more.
    bob.withdraw_key_package(&left[0].reference)?;
    let mut group = alice.create_group(b"third")?;
    let add = group.commit().add(&key_package).build()?;
    refuses!(bob.join(welcome(&add)?), Error::KeyPackageRetired(KeyPackageState::Withdrawn));
    bob.delete_key_package(&left[0].reference)?;
    refuses!(bob.join(welcome(&add)?), lacks!(NoKeyPackage));
    Ok(())
}

/// breaks: R234
pub(super) fn single_use(world: &World) -> Result<(), Failure> {
    let (alice, bob) = (world.client("alice")?, world.client("bob")?);
    let key_package = bob.key_package()?;
    let mut first = alice.create_group(b"first")?;
    let add = first.commit().add(&key_package).build()?;
    first.merge(&add)?;
    let staged = bob.join(welcome(&add)?)?;
    // Looking at a Welcome uses nothing up.
    drop(staged);
    ensure_eq!(bob.key_packages()?.len(), 1);
    agree(&mut [first, join(&bob, &add)?])?;
    ensure!(bob.key_packages()?.is_empty());

    let mut second = alice.create_group(b"second")?;
    let add = second.commit().add(&key_package).build()?;
    refuses!(bob.join(welcome(&add)?), Error::KeyPackageRetired(KeyPackageState::Consumed));
    ensure_eq!(bob.groups()?.len(), 1);
    Ok(())
}

/// breaks: R154, R156
pub(super) fn of_another_suite(world: &World) -> Result<(), Failure> {
    let (alice, other) = (world.client("alice")?, world.other_suite()?);
    let bob = SigningIdentity::basic("bob", world.signer("bob", other)?);
    let bob = world.builder("bob")?.signing_identity(bob).build()?;
    let mut group = alice.create_group(b"g")?;
    let of_other = bob.key_package_with(KeyPackageOptions::default().suite(other))?;
    refuses_unchanged!(group, group.commit().add(&of_other).build(), lacks!(KeyPackageSuite(_)));
    let good = bob.key_package()?;
    let tampered = flipped(&good, 1);
    let before = group.pending()?.len();
    ensure!(group.commit().add(&tampered).build().is_err_and(|error| error.is_peer_fault()));
    ensure_eq!(group.pending()?.len(), before);
    let add = group.commit().add(&good).build()?;
    group.merge(&add)?;
    agree(&mut [group, join(&bob, &add)?])
}
