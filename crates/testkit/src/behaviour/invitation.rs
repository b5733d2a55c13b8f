//! Welcomes: with the tree and without, in one piece and in several.

use super::scene::*;
use pleach::{KeyPackageState, TreeDelivery};

/// breaks: R234, R238
pub(super) fn welcome_with_tree(world: &World) -> Result<(), Failure> {
    let (alice, bob, eve) = (world.client("alice")?, world.client("bob")?, world.client("eve")?);
    let mut group = alice.create_group(b"g")?;
    let add = group.commit().add(bob.key_package()?).tree(TreeDelivery::Inline).build()?;
    group.merge(&add)?;
    let message = welcome(&add)?;
    eve.key_package()?;
    refuses!(eve.join(message), lacks!(NoKeyPackage));
    for at in [1, message.len() / 3] {
        ensure!(bob.join(&flipped(message, at)).is_err());
    }
    refuses!(bob.join(&message[..message.len() - 1]), Error::Malformed(_));
    refuses!(bob.join(&group.group_info()?), Error::UnexpectedMessage(_) | broke!(NotWelcome));
    ensure!(!bob.has_group(b"g")? && bob.key_packages()?.len() == 1);

    let staged = bob.join(message)?;
    ensure_eq!((staged.group_id(), staged.epoch(), staged.inviter()), (&b"g"[..], 1, LeafIndex(0)));
    ensure_eq!((staged.own_index(), staged.members()?.len()), (LeafIndex(1), 2));
    ensure_eq!(staged.suite(), world.suite());
    let joined = staged.accept()?;
    refuses!(bob.join(message), Error::KeyPackageRetired(KeyPackageState::Consumed));
    let mut again = alice.create_group(b"h")?;
    let other = again.commit().add(bob.key_package()?).build()?;
    drop(join(&bob, &other)?);
    agree(&mut [group, joined])
}

/// breaks: R240, R248
pub(super) fn welcome_without_tree(world: &World) -> Result<(), Failure> {
    let (alice, bob) = (world.client("alice")?, world.client("bob")?);
    let mut group = alice.create_group(b"g")?;
    let old_tree = group.ratchet_tree()?;
    let add = group.commit().add(bob.key_package()?).tree(TreeDelivery::OutOfBand).build()?;
    group.merge(&add)?;
    refuses!(bob.join(welcome(&add)?), lacks!(MissingRatchetTree));
    refuses!(bob.join_with_tree(welcome(&add)?, &old_tree), broke!(TreeHash));
    let tree = group.ratchet_tree()?;
    refuses!(bob.join_with_tree(welcome(&add)?, &tree[..tree.len() - 1]), Error::Malformed(_));
    ensure!(!bob.has_group(b"g")?);
    let joined = bob.join_with_tree(welcome(&add)?, &tree)?.accept()?;
    agree(&mut [group, joined])?;

    // Above a size, the tree travels apart by itself.
    let mut large = alice.create_group(b"large")?;
    configure(&mut large, |config| config.inline_tree_bytes = 10);
    let add = large.commit().add(bob.key_package()?).build()?;
    large.merge(&add)?;
    refuses!(bob.join(welcome(&add)?), lacks!(MissingRatchetTree));
    let joined = bob.join_with_tree(welcome(&add)?, &large.ratchet_tree()?)?.accept()?;
    agree(&mut [large, joined])
}

/// breaks: R234
pub(super) fn welcome_in_parts(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob"])?;
    let names = ["carol", "dave", "erin"];
    let new = names.map(|name| world.client(name)).into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut add = members[0].commit().welcome_size(2);
    for client in &new {
        add = add.add(client.key_package()?);
    }
    let add = add.build()?;
    deliver(&mut members, 0, &add)?;
    ensure_eq!(add.welcomes().iter().map(|part| part.recipients.len()).collect::<Vec<_>>(), [2, 1]);
    // The part for others is not for oneself.
    refuses!(new[2].join(&add.welcomes()[0].message), lacks!(NoKeyPackage));
    for (i, client) in new.iter().enumerate() {
        members.push(client.join(&add.welcomes()[i / 2].message)?.accept()?);
    }
    agree(&mut members)?;
    let update = members[4].commit().build()?;
    deliver(&mut members, 4, &update)?;

    // One Welcome, cut up when it is sent: each opens its own, and no other.
    let names = ["frank", "grace", "heidi"];
    let new = names.map(|name| world.client(name)).into_iter().collect::<Result<Vec<_>, _>>()?;
    let packages = new.iter().map(|client| client.key_package()).collect::<Result<Vec<_>, _>>()?;
    let add = packages.iter().fold(members[0].commit(), |add, package| add.add(package)).build()?;
    deliver(&mut members, 0, &add)?;
    let parts: Vec<_> = add.split_welcomes(1)?.collect();
    ensure_eq!(parts.len(), 3);
    for (i, client) in new.iter().enumerate() {
        let own = add.welcome_for(&client.key_package_ref(&packages[i])?)?;
        ensure_eq!(own.as_ref(), Some(&parts[i].message));
        refuses!(client.join(&parts[(i + 1) % 3].message), lacks!(NoKeyPackage));
        members.push(client.join(&parts[i].message)?.accept()?);
    }
    agree(&mut members)
}
