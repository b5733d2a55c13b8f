//! Pre-shared keys, the exporter, and the epoch authenticator.

use super::scene::*;
use pleach::crypto::Secret;
use std::collections::BTreeSet;

/// breaks: R132
pub(super) fn external_psk(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob"])?;
    let (alice, bob) = (members[0].client().clone(), members[1].client().clone());
    let psk = Secret::copy_from(&[7; 32]);
    refuses_unchanged!(members[0], members[0].commit().psk(b"word").build(), lacks!(MissingPsk));
    alice.store_psk(b"word", &psk)?;
    let commit = members[0].commit().psk(b"word").build()?;
    refuses_unchanged!(members[1], members[1].receive(commit.message()), lacks!(MissingPsk));
    // With another value, the Commit does not confirm.
    bob.store_psk(b"word", &Secret::copy_from(&[8; 32]))?;
    refuses_unchanged!(members[1], members[1].receive(commit.message()), Error::PeerMisbehaved(_));
    bob.store_psk(b"word", &psk)?;
    ensure_eq!(bob.psks()?, [b"word"]);
    let changes = deliver(&mut members, 0, &commit)?;
    ensure!(changes.iter().all(|changes| changes.psks.len() == 1));

    let carol = world.client("carol")?;
    let add = members[1].commit().add(carol.key_package()?).psk(b"word").build()?;
    deliver(&mut members, 1, &add)?;
    refuses!(carol.join(welcome(&add)?), lacks!(MissingPsk));
    carol.store_psk(b"word", &psk)?;
    members.push(join(&carol, &add)?);
    carol.delete_psk(b"word")?;
    ensure!(carol.psks()?.is_empty());
    let commit = members[0].commit().psk(b"word").build()?;
    refuses_unchanged!(members[2], members[2].receive(commit.message()), lacks!(MissingPsk));
    agree(&mut members)
}

/// breaks: R132, R133
pub(super) fn resumption_psk(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob"])?;
    let id = members[0].id().to_vec();
    for _ in 0..2 {
        let update = members[0].commit().build()?;
        deliver(&mut members, 0, &update)?;
    }
    let proposal = members[1].propose_resumption_psk(&id, 1)?;
    spread(&mut members, 1, &proposal)?;
    let commit = members[0].commit().resumption_psk(&id, 2).build()?;
    let changes = deliver(&mut members, 0, &commit)?;
    ensure!(changes.iter().all(|changes| changes.psks.len() == 2));
    refuses_unchanged!(members[0], members[0].commit().resumption_psk(&id, 99).build(), lacks!(MissingPsk));
    refuses_unchanged!(
        members[0],
        members[0].commit().resumption_psk(b"no such group", 1).build(),
        lacks!(MissingPsk)
    );
    // Into another group of theirs.
    let (alice, bob) = (members[0].client().clone(), members[1].client().clone());
    let mut other = group_of(&[&alice, &bob])?;
    let commit = other[0].commit().resumption_psk(&id, 3).build()?;
    deliver(&mut other, 0, &commit)?;
    bob.delete_resumption_psks(&id)?;
    let commit = other[0].commit().resumption_psk(&id, 3).build()?;
    refuses_unchanged!(other[1], other[1].receive(commit.message()), lacks!(MissingPsk));
    agree(&mut members)
}

/// breaks: R136
pub(super) fn exporter(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob", "carol"])?;
    let mut seen = BTreeSet::new();
    for round in 0..3 {
        for (label, context) in [(&b"one"[..], &b""[..]), (b"two", b""), (b"one", b"context")] {
            let secrets = members
                .iter()
                .filter(|group| group.is_active())
                .map(|group| Ok(group.export(label, context, 48)?.as_bytes().to_vec()))
                .collect::<Result<BTreeSet<Vec<u8>>, Failure>>()?;
            ensure_eq!(secrets.len(), 1);
            ensure!(secrets.iter().all(|secret| secret.len() == 48));
            seen.extend(secrets);
        }
        if round < 2 {
            let commit = if round == 0 {
                members[1].commit().build()?
            } else {
                members[1].commit().remove(LeafIndex(2)).build()?
            };
            deliver(&mut members, 1, &commit)?;
        }
    }
    // Nine asked for, nine different ones.
    ensure_eq!(seen.len(), 9);
    refuses!(members[2].export(b"one", b"", 48), misuse!(NotMember));
    // The KDF gives at most 255 times its hash.
    refuses!(members[0].export(b"one", b"", 1 << 16), Error::Crypto(_) | misuse!(TooLong));
    Ok(())
}

/// breaks: R138
pub(super) fn epoch_authenticator(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob", "carol"])?;
    let mut seen = BTreeSet::new();
    for round in 0..3 {
        let mut here = BTreeSet::new();
        for member in &members {
            here.insert(member.epoch_authenticator()?.as_bytes().to_vec());
        }
        ensure_eq!(here.len(), 1);
        seen.extend(here);
        let update = members[round].commit().build()?;
        deliver(&mut members, round, &update)?;
    }
    ensure_eq!(seen.len(), 3);
    // Two groups in the same epoch differ, and so does one that a removed member is left with.
    let other = world.group(&["alice", "dave"])?;
    ensure!(other[0].epoch_authenticator()? != members[0].epoch_authenticator()?);
    let remove = members[0].commit().remove(LeafIndex(2)).build()?;
    deliver(&mut members, 0, &remove)?;
    refuses!(members[2].epoch_authenticator(), misuse!(NotMember));
    Ok(())
}
