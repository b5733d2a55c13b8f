//! Every proposal type, by value and by reference; proposals of the application's own; GREASE.

use super::scene::*;
use pleach::crypto::Secret;
use pleach::wire::{ApplicationId, Extension, ExtensionType, Extensions, ProposalType};
use pleach::{CustomProposalRule, LeafUpdate};

const TOPIC: ProposalType = ProposalType(0xF0A1);
const COLOUR: ExtensionType = ExtensionType(0xF0C1);
const RULE: CustomProposalRule = CustomProposalRule { path_required: false, external: false };

/// A client that knows the proposal type [`TOPIC`], the extension [`COLOUR`], and the PSK "code word".
fn knowing(world: &World, name: &str) -> Result<Client, Failure> {
    let client = world.builder(name)?.custom_proposal(TOPIC, RULE).extension_type(COLOUR).build()?;
    client.store_psk(b"code word", &Secret::copy_from(&[7; 32]))?;
    Ok(client)
}

fn colour(data: &[u8]) -> Extensions {
    vec![Extension { extension_type: COLOUR, extension_data: data.into() }].into()
}

/// breaks: R085, R183, R202
pub(super) fn by_value(world: &World) -> Result<(), Failure> {
    let clients = ["alice", "bob", "carol"]
        .map(|name| knowing(world, name))
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    let mut members = group_of(&clients.iter().collect::<Vec<_>>())?;
    let (id, dave) = (members[0].id().to_vec(), knowing(world, "dave")?);
    let empty = members[0].commit().build()?;
    deliver(&mut members, 0, &empty)?;
    let commit = members[0]
        .commit()
        .add(dave.key_package()?)
        .remove(LeafIndex(2))
        .psk(b"code word")
        .resumption_psk(&id, 1)
        .extensions(colour(b"red"))
        .custom(TOPIC, b"what we talk about")
        .build();
    // Dave was not there in epoch 1: whoever joins must hold all PSKs (R132).
    let commit = commit?;
    for changes in deliver(&mut members, 0, &commit)? {
        ensure_eq!(changes.added, [LeafIndex(2)]);
        ensure_eq!(changes.removed.len(), 1);
        ensure_eq!(changes.psks.len(), 2);
        ensure!(changes.extensions_changed);
        ensure_eq!(changes.custom.len(), 1);
        ensure_eq!(changes.custom[0].2.as_bytes(), b"what we talk about");
    }
    ensure_eq!(*members[1].extensions(), colour(b"red"));
    refuses!(dave.join(welcome(&commit)?), lacks!(MissingPsk));

    let unknown: Extensions =
        vec![Extension { extension_type: ExtensionType(0xF0C2), extension_data: b"".as_slice().into() }]
            .into();
    refuses_unchanged!(
        members[0],
        members[0].commit().extensions(unknown).build(),
        lacks!(GroupContextExtension(_)) | lacks!(OwnExtension(_))
    );
    let nobody = LeafIndex(9);
    refuses_unchanged!(members[0], members[0].commit().remove(nobody).build(), misuse!(NoSuchMember));
    refuses_unchanged!(members[0], members[0].commit().psk(b"unheard of").build(), lacks!(MissingPsk));
    refuses_unchanged!(
        members[0],
        members[0].commit().custom(ProposalType(0xF0A2), b"").build(),
        lacks!(Proposal(_))
    );
    refuses_unchanged!(
        members[0],
        members[0].commit().remove(LeafIndex(1)).remove(LeafIndex(1)).build(),
        broke!(DuplicateLeafChange(_))
    );
    Ok(())
}

/// breaks: R205, R217, R222
pub(super) fn by_reference(world: &World) -> Result<(), Failure> {
    let names = ["alice", "bob", "carol", "dave"];
    let clients = names.map(|name| knowing(world, name)).into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut members = group_of(&clients.iter().collect::<Vec<_>>())?;
    let (id, erin) = (members[0].id().to_vec(), knowing(world, "erin")?);
    let own_id = Extension::new(&ApplicationId { application_id: b"bob's phone".into() })?;
    let proposals = [
        (1, members[1].propose_update(&LeafUpdate::new().extensions(vec![own_id].into()))?),
        (2, members[2].propose_remove(LeafIndex(3))?),
        (1, members[1].propose_add(&erin.key_package()?)?),
        (2, members[2].propose_psk(b"code word")?),
        (1, members[1].propose_resumption_psk(&id, 1)?),
        (2, members[2].propose_extensions(colour(b"blue"))?),
        (1, members[1].propose_custom(TOPIC, b"by reference")?),
    ];
    for (by, proposal) in &proposals {
        spread(&mut members, *by, proposal)?;
    }
    for member in &members {
        ensure_eq!(member.pending_proposals()?.len(), proposals.len());
    }
    // Data waits for the Commit; a proposal that comes twice is one.
    refuses_unchanged!(members[0], members[0].encrypt(b"too early"), misuse!(PendingProposals));
    let again = members[0].receive(&proposals[0].1);
    ensure!(matches!(again, Ok(Received::Duplicate) | Err(Error::AlreadyReceived)));

    let commit = members[0].commit().build()?;
    for changes in deliver(&mut members, 0, &commit)? {
        ensure_eq!(changes.updated, [LeafIndex(1), LeafIndex(0)]);
        ensure_eq!(changes.removed.len(), 1);
        ensure_eq!(changes.added, [LeafIndex(3)]);
        ensure_eq!(changes.psks.len(), 2);
        ensure!(changes.extensions_changed);
        ensure_eq!(changes.custom.len(), 1);
        ensure_eq!(changes.custom[0].1, Some(LeafIndex(1)));
    }
    ensure_eq!(*members[3].status(), Status::Removed);
    let bob = members[0].member(LeafIndex(1))?;
    ensure!(bob.leaf_node.extensions.iter().any(|e| e.extension_type == ExtensionType::APPLICATION_ID));
    for member in &members {
        ensure!(!member.is_active() || member.pending_proposals()?.is_empty());
    }
    members.remove(3);

    // Without the proposal, its Commit is refused; once it came, accepted.
    let proposal = members[1].propose_update(&LeafUpdate::new())?;
    members[0].receive(&proposal)?;
    let commit = members[0].commit().build()?;
    refuses_unchanged!(members[2], members[2].receive(commit.message()), broke!(UnknownProposal));
    expect!(members[2].receive(&proposal)?, Received::Proposal(_) => ());
    deliver(&mut members, 0, &commit)?;
    // A proposal of an epoch that is over is refused.
    refuses_unchanged!(members[2], members[2].receive(&proposal), Error::WrongEpoch { .. });
    Ok(())
}

/// breaks: R217
pub(super) fn selected(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob", "carol"])?;
    let update = members[1].propose_update(&LeafUpdate::new())?;
    spread(&mut members, 1, &update)?;
    let remove = members[1].propose_remove(LeafIndex(2))?;
    spread(&mut members, 1, &remove)?;
    let pending = members[0].pending_proposals()?;
    ensure_eq!(pending.len(), 2);
    let chosen = vec![pending[0].reference.clone()];
    let commit = members[0].commit().only_pending(chosen).build()?;
    let changes = deliver(&mut members, 0, &commit)?;
    ensure_eq!(changes[0].updated, [LeafIndex(1), LeafIndex(0)]);
    ensure!(changes[0].removed.is_empty());
    // What was left out ends with the epoch.
    ensure!(members[0].pending_proposals()?.is_empty());
    Ok(())
}

/// breaks: R202, R256, R280
pub(super) fn custom(world: &World) -> Result<(), Failure> {
    let (alice, bob) = (knowing(world, "alice")?, knowing(world, "bob")?);
    let mut members = group_of(&[&alice, &bob])?;
    let commit = members[0].commit().custom(TOPIC, b"weather").build()?;
    for changes in deliver(&mut members, 0, &commit)? {
        ensure_eq!(changes.custom.len(), 1);
        ensure_eq!((changes.custom[0].0, changes.custom[0].1), (TOPIC, Some(LeafIndex(0))));
        // Its rule asks for no path.
        ensure!(changes.updated.is_empty());
    }
    // With a member that lacks the type, it cannot be used.
    let plain = world.client("carol")?;
    let add = members[0].commit().add(plain.key_package()?).build()?;
    deliver(&mut members, 0, &add)?;
    members.push(join(&plain, &add)?);
    refuses_unchanged!(members[0], members[0].commit().custom(TOPIC, b"").build(), lacks!(Proposal(TOPIC)));
    refuses_unchanged!(
        members[0],
        members[0].commit().custom(ProposalType::REMOVE, b"").build(),
        misuse!(Grease)
    );
    // A group may require it of its members.
    let required = pleach::GroupOptions::default().require(&[], &[TOPIC], &[]);
    let mut picky = alice.create_group_with(b"picky", &required)?;
    refuses_unchanged!(picky, picky.commit().add(plain.key_package()?).build(), lacks!(RequiredCapability));
    refuses!(plain.create_group_with(b"picky", &required), lacks!(RequiredCapability));
    let add = picky.commit().add(bob.key_package()?).build()?;
    picky.merge(&add)?;
    agree(&mut [picky, join(&bob, &add)?])
}

/// Whether capabilities and extensions of a leaf hold GREASE: all, or none.
fn greased(group: &Group, leaf: LeafIndex) -> Result<[bool; 5], Failure> {
    let leaf = group.member(leaf)?.leaf_node;
    let capabilities = &leaf.capabilities;
    Ok([
        capabilities.cipher_suites.iter().any(|suite| pleach::wire::is_grease_value(suite.0)),
        capabilities.extensions.iter().any(|kind| kind.is_grease()),
        capabilities.proposals.iter().any(|kind| kind.is_grease()),
        capabilities.credentials.iter().any(|kind| kind.is_grease()),
        leaf.extensions.iter().any(|extension| extension.extension_type.is_grease()),
    ])
}

/// breaks: R262, R263, R264
pub(super) fn grease(world: &World) -> Result<(), Failure> {
    let mut config = world.config();
    config.grease = false;
    let plain = world.builder("plain")?.config(config).build()?;
    let mut members = group_of(&[&world.client("alice")?, &plain])?;
    ensure_eq!(greased(&members[0], LeafIndex(0))?, [true; 5]);
    ensure_eq!(greased(&members[0], LeafIndex(1))?, [false; 5]);
    for by in [0, 1] {
        let update = members[by].commit().build()?;
        deliver(&mut members, by, &update)?;
    }
    ensure_eq!(greased(&members[1], LeafIndex(0))?, [true; 5]);
    ensure_eq!(greased(&members[1], LeafIndex(1))?, [false; 5]);
    // GREASE stands where it is ignored; nobody can propose it.
    refuses_unchanged!(
        members[0],
        members[0].commit().custom(ProposalType(0x1A1A), b"").build(),
        misuse!(Grease)
    );
    refuses_unchanged!(members[1], members[1].propose_custom(ProposalType(0x0A0A), b""), misuse!(Grease));
    agree(&mut members)
}
