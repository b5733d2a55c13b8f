//! How messages travel: wire policies, padding, authenticated data; out of order, late, and too late.

use super::scene::*;
use pleach::framing::Padding;
use pleach::wire::{MlsMessage, MlsMessageBody, decode};
use pleach::{Error, LeafUpdate, PeerMisbehavior, WirePolicy};
use std::num::NonZeroU32;

fn with_policy(world: &World, policies: [WirePolicy; 2]) -> Result<Vec<Group>, Failure> {
    let mut members = world.group(&["alice", "bob"])?;
    for (member, policy) in members.iter_mut().zip(policies) {
        configure(member, |config| config.wire = policy);
    }
    Ok(members)
}

fn is_private(message: &[u8]) -> Result<bool, Failure> {
    Ok(matches!(decode::<MlsMessage>(message)?.body, MlsMessageBody::PrivateMessage(_)))
}

/// Handshakes of `members[0]`, as it sends them, are refused by `members[1]`; and the other way round.
fn refuse_each_other(members: &mut [Group]) -> Result<(), Failure> {
    for (from, to) in [(0, 1), (1, 0)] {
        let proposal = members[from].propose_update(&LeafUpdate::new())?;
        refuses_unchanged!(members[to], members[to].receive(&proposal), broke!(WireFormatRefused));
        let commit = members[from].commit().skip_pending().build()?;
        refuses_unchanged!(members[to], members[to].receive(commit.message()), broke!(WireFormatRefused));
        members[from].clear_proposals()?;
        members[from].discard(commit.hash())?;
    }
    agree(members)
}

/// breaks: R036
pub(super) fn private_handshakes(world: &World) -> Result<(), Failure> {
    let mut members = with_policy(world, [WirePolicy::PRIVATE; 2])?;
    let proposal = members[1].propose_update(&LeafUpdate::new())?;
    spread(&mut members, 1, &proposal)?;
    let commit = members[0].commit().build()?;
    ensure!(is_private(&proposal)? && is_private(commit.message())?);
    deliver(&mut members, 0, &commit)?;
    configure(&mut members[0], |config| config.wire = WirePolicy::PUBLIC);
    refuse_each_other(&mut members)
}

/// breaks: R035, R036
pub(super) fn public_handshakes(world: &World) -> Result<(), Failure> {
    let mut members = with_policy(world, [WirePolicy::PUBLIC; 2])?;
    let proposal = members[1].propose_update(&LeafUpdate::new())?;
    spread(&mut members, 1, &proposal)?;
    let commit = members[0].commit().build()?;
    ensure!(!is_private(&proposal)? && !is_private(commit.message())?);
    deliver(&mut members, 0, &commit)?;
    // Application data is private whatever the policy.
    ensure!(is_private(&members[0].encrypt(b"private")?)?);
    configure(&mut members[1], |config| config.wire = WirePolicy::PRIVATE);
    refuse_each_other(&mut members)
}

/// breaks: R036, R047
pub(super) fn mixed_handshakes(world: &World) -> Result<(), Failure> {
    let mut members = with_policy(world, [WirePolicy::MIXED, WirePolicy::MIXED_SEND_PUBLIC])?;
    for by in [0, 1] {
        let update = members[by].commit().build()?;
        ensure_eq!(is_private(update.message())?, by == 0);
        // The membership tag, or the AEAD's, is the last thing in the message.
        let tampered = flipped(update.message(), 1);
        let other = 1 - by;
        refuses_unchanged!(members[other], members[other].receive(&tampered), Error::PeerMisbehaved(_));
        deliver(&mut members, by, &update)?;
    }
    Ok(())
}

/// breaks: R049, R271
pub(super) fn padding(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob"])?;
    let block = NonZeroU32::new(256).ok_or("256 is not 0")?;
    let lengths = [0_usize, 1, 100, 101, 300, 1_000, 1_001];
    let mut sizes = Vec::new();
    for padding in [Padding::None, Padding::Block(block), Padding::Padme] {
        configure(&mut members[0], |config| config.padding = padding);
        let mut of_this = Vec::new();
        for length in lengths {
            let text = vec![b'x'; length];
            let message = members[0].encrypt(&text)?;
            let body = decode::<MlsMessage>(&message)?.body;
            let ciphertext = expect!(body, MlsMessageBody::PrivateMessage(private) => private.ciphertext);
            of_this.push(ciphertext.len());
            ensure_eq!(read(&mut members[1], &message)?, text);
        }
        sizes.push(of_this);
    }
    let (none, blocks, padme) = (&sizes[0], &sizes[1], &sizes[2]);
    // ECDSA signatures differ in length by a few octets.
    ensure!((880..=920).contains(&(none[5] - none[2])) && (180..=220).contains(&(none[4] - none[2])));
    // The AEAD's tag of 16 octets comes on top.
    ensure!(blocks.iter().all(|size| (size - 16) % 256 == 0));
    ensure_eq!(blocks[2], blocks[3]);
    // Padmé: of a length between 2^10 and 2^11, the last 10 - 4 bits are 0; and never more than 12 % are added.
    ensure!((padme[5] - 16) % 64 == 0 && (padme[6] - 16) % 64 == 0);
    ensure!(
        none.iter().zip(padme).all(|(none, padme)| none - 8 <= *padme && padme * 100 <= (none + 8) * 112)
    );
    // What was padded cannot be shortened on the way.
    let message = members[0].encrypt(b"short")?;
    refuses_unchanged!(members[1], members[1].receive(&message[..message.len() - 1]), Error::Malformed(_));
    Ok(())
}

/// breaks: R052
pub(super) fn authenticated_data(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob"])?;
    let shown = b"shown to everybody";
    let message = members[0].encrypt_with(b"hidden", shown, Vec::new())?;
    let at = message.windows(shown.len()).position(|window| window == shown).ok_or("not in the clear")?;
    ensure!(!message.windows(6).any(|window| window == b"hidden"));
    let tampered = flipped(&message, message.len() - at);
    ensure!(tampered != message);
    refuses_unchanged!(
        members[1],
        members[1].receive(&tampered),
        Error::PeerMisbehaved(PeerMisbehavior::Framing(_))
    );
    let received = members[1].receive(&message)?.into_application().ok_or("no application message")?;
    ensure_eq!((received.data(), received.authenticated_data()), (&b"hidden"[..], &shown[..]));

    let commit = members[0].commit().authenticated_data(shown).build()?;
    let changes = deliver(&mut members, 0, &commit)?;
    ensure!(changes.iter().all(|changes| changes.authenticated_data.as_bytes() == shown));
    let proposal = members[1].propose_with(&pleach::ProposalSpec::Remove(LeafIndex(1)), shown)?;
    expect!(members[0].receive(&proposal)?, Received::Proposal(p) => ensure_eq!(p.authenticated_data().as_bytes(), shown));
    Ok(())
}

/// breaks: R060, R144
pub(super) fn out_of_order(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob"])?;
    let messages = (0..6_u8).map(|i| members[0].encrypt(&[i])).collect::<Result<Vec<_>, _>>()?;
    for i in [5_u8, 0, 3, 1] {
        let received = members[1].receive(&messages[usize::from(i)])?;
        let text = received.into_application().ok_or("no application message")?;
        ensure_eq!((text.data(), text.generation(), text.sender()), (&[i][..], u32::from(i), LeafIndex(0)));
    }
    // Each is read once.
    for i in [5, 0, 3, 1] {
        refuses_unchanged!(members[1], members[1].receive(&messages[i]), Error::AlreadyReceived);
    }
    ensure!(matches!(members[0].receive(&messages[0])?, Received::OwnMessage));
    ensure_eq!(read(&mut members[1], &messages[2])?, [2]);
    // A Commit of the next epoch comes before the one that leads there.
    let update = members[1].commit().build()?;
    members[1].merge(&update)?;
    let early = members[1].encrypt(b"early")?;
    ensure!(matches!(members[0].receive(&early)?, Received::Future { epoch: 2 }));
    follow(&mut members[0], update.message())?;
    ensure_eq!(read(&mut members[0], &early)?, b"early");
    Ok(())
}

/// breaks: R144, R145
pub(super) fn windows(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob"])?;
    configure(&mut members[1], |config| {
        config.ratchet.forward_distance = 4;
        config.ratchet.skipped_keys = 2;
    });
    let messages = (0..10_u8).map(|i| members[0].encrypt(&[i])).collect::<Result<Vec<_>, _>>()?;
    refuses_unchanged!(
        members[1],
        members[1].receive(&messages[9]),
        Error::PeerMisbehaved(PeerMisbehavior::SecretTree(_))
    );
    ensure_eq!(read(&mut members[1], &messages[4])?, [4]);
    // Of the four that were skipped, the keys of the last two are kept.
    refuses_unchanged!(members[1], members[1].receive(&messages[0]), Error::AlreadyReceived);
    refuses_unchanged!(members[1], members[1].receive(&messages[1]), Error::AlreadyReceived);
    ensure_eq!(read(&mut members[1], &messages[2])?, [2]);
    ensure_eq!(read(&mut members[1], &messages[3])?, [3]);
    // From there, the last one is near enough.
    ensure_eq!(read(&mut members[1], &messages[9])?, [9]);
    Ok(())
}

/// breaks: R056, R272
pub(super) fn message_limit(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob"])?;
    configure(&mut members[0], |config| config.messages_per_epoch = 2);
    for _ in 0..2 {
        let message = members[0].encrypt(b"counted")?;
        ensure_eq!(read(&mut members[1], &message)?, b"counted");
    }
    refuses_unchanged!(members[0], members[0].encrypt(b"one too many"), misuse!(MessageLimit));
    // A new epoch begins to count anew.
    let update = members[1].commit().build()?;
    deliver(&mut members, 1, &update)?;
    Ok(())
}

/// breaks: R144, R229, R269
pub(super) fn past_epochs(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob"])?;
    configure(&mut members[1], |config| config.past_epochs = 2);
    let mut late = Vec::new();
    for epoch in 1..=4_u8 {
        late.push([members[0].encrypt(&[epoch])?, members[0].encrypt(&[epoch, epoch])?]);
        let update = members[0].commit().build()?;
        deliver(&mut members, 0, &update)?;
    }
    // In epoch 5, the last two are readable: out of order, and each message once.
    for epoch in [4_u8, 3] {
        let [first, second] = &late[usize::from(epoch) - 1];
        let received = members[1].receive(second)?.into_application().ok_or("no application message")?;
        ensure_eq!((received.data(), received.epoch()), (&[epoch, epoch][..], u64::from(epoch)));
        ensure_eq!(read(&mut members[1], first)?, [epoch]);
        refuses_unchanged!(members[1], members[1].receive(first), Error::AlreadyReceived);
    }
    for [first, _] in &late[..2] {
        refuses_unchanged!(members[1], members[1].receive(first), Error::WrongEpoch { current: 5, .. });
    }
    Ok(())
}

/// breaks: R144, R269
pub(super) fn past_epoch_age(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob"])?;
    configure(&mut members[1], |config| config.past_epoch_age = 3_600);
    let late = [members[0].encrypt(b"in time")?, members[0].encrypt(b"too late")?];
    let update = members[0].commit().build()?;
    deliver(&mut members, 0, &update)?;
    world.clock().advance(3_600);
    ensure_eq!(read(&mut members[1], &late[0])?, b"in time");
    world.clock().advance(1);
    refuses_unchanged!(
        members[1],
        members[1].receive(&late[1]),
        Error::WrongEpoch { current: 2, message: 1 }
    );
    agree(&mut members)
}
