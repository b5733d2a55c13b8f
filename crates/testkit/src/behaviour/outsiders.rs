//! Proposals from outside: external senders, new members, and how many are kept.

use super::scene::*;
use crate::malform::{reframe_public, sign_public};
use pleach::crypto::Secret;
use pleach::framing::FramingError;
use pleach::state::GroupError;
use pleach::wire::{
    Content, ExternalInit, FramedContent, GroupContext, Proposal, ProposalType, Sender, Update, encode,
};
use pleach::{CustomProposalRule, ExternalSender, GroupOptions, LeafUpdate, Outside, PeerMisbehavior, Rules};

const NOTICE: ProposalType = ProposalType(0xF0B1);
const SECRET: ProposalType = ProposalType(0xF0B2);

fn server(world: &World, name: &str) -> Result<ExternalSender, Failure> {
    let credential = Credential::basic(name.as_bytes());
    let signer = world.signer(name, world.suite())?;
    Ok(ExternalSender::new(world.provider().clone(), world.suite(), credential, signer)?)
}

/// breaks: R040, R041, R188, R189, R192
pub(super) fn external_senders(world: &World) -> Result<(), Failure> {
    let (first, second) = (server(world, "first")?, server(world, "second")?);
    let client = |name| -> Result<Client, Failure> {
        let rule = |external| CustomProposalRule { path_required: false, external };
        let builder =
            world.builder(name)?.custom_proposal(NOTICE, rule(true)).custom_proposal(SECRET, rule(false));
        Ok(builder.build()?)
    };
    let (alice, bob, carol) = (client("alice")?, client("bob")?, client("carol")?);
    let options = GroupOptions::default().external_sender(first.entry()).external_sender(second.entry());
    let mut group = alice.create_group_with(b"g", &options)?;
    let add = group.commit().add(bob.key_package()?).build()?;
    group.merge(&add)?;
    let mut members = vec![group, join(&bob, &add)?];

    let at = Outside { group_id: b"g", epoch: 1, sender_index: 0 };
    let second_at = Outside { sender_index: 1, ..at };
    let custom = |proposal_type| Proposal::Custom { proposal_type, data: b"from outside".as_slice().into() };
    let proposals = [
        first.add(at, &carol.key_package()?)?,
        second.remove(second_at, LeafIndex(1))?,
        first.propose(at, custom(NOTICE))?,
    ];

    // Refused: an index that nobody has, the key of another index, a type that is not for outsiders.
    let nobody = first.remove(Outside { sender_index: 2, ..at }, LeafIndex(1))?;
    refuses_unchanged!(
        members[0],
        members[0].receive(&nobody),
        broke!(UnknownExternalSender) | Error::PeerMisbehaved(PeerMisbehavior::Framing(_))
    );
    let disguised = first.remove(second_at, LeafIndex(1))?;
    refuses_unchanged!(members[0], members[0].receive(&disguised), Error::PeerMisbehaved(_));
    let hidden = first.propose(at, custom(SECRET))?;
    let wrong_type = |result: Result<_, Error>| {
        matches!(
            result,
            Err(Error::PeerMisbehaved(PeerMisbehavior::Framing(FramingError::ExternalSenderProposalType)))
                | Err(broke!(ExternalProposalType(_)))
        )
    };
    ensure!(wrong_type(members[0].receive(&hidden).map(|_| ())));
    let leaf = members[0].own_leaf()?.leaf_node;
    for proposal in [
        Proposal::Update(Update { leaf_node: leaf }),
        Proposal::ExternalInit(ExternalInit { kem_output: b"".as_slice().into() }),
    ] {
        ensure!(wrong_type(first.propose(at, proposal.clone()).map(|_| ())));
        let forged = forged(world, members[0].context(), proposal)?;
        let before = members[0].pending_proposals()?.len();
        ensure!(wrong_type(members[0].receive(&forged).map(|_| ())));
        ensure_eq!(members[0].pending_proposals()?.len(), before);
    }

    for proposal in &proposals {
        for member in &mut members {
            expect!(member.receive(proposal)?, Received::Proposal(p) => ensure!(matches!(p.sender(), Sender::External(_))));
        }
    }
    let commit = members[0].commit().build()?;
    let changes = deliver(&mut members, 0, &commit)?.remove(0);
    ensure_eq!((changes.added.len(), changes.removed.len(), changes.custom.len()), (1, 1, 1));
    ensure_eq!(changes.custom[0].1, None);
    members[1] = join(&carol, &commit)?;
    agree(&mut members)?;
    refuses_unchanged!(members[0], members[0].receive(&proposals[1]), Error::WrongEpoch { .. });
    let elsewhere = first.remove(Outside { group_id: b"h", epoch: 2, ..at }, LeafIndex(1))?;
    refuses_unchanged!(members[0], members[0].receive(&elsewhere), Error::WrongGroup);
    Ok(())
}

/// A proposal of the first external sender that no sender of the library would make.
fn forged(world: &World, context: &GroupContext, proposal: Proposal) -> Result<Vec<u8>, Failure> {
    let suite = world.algorithms(world.suite())?;
    let content = FramedContent {
        group_id: context.group_id.clone(),
        epoch: context.epoch,
        sender: Sender::External(0),
        authenticated_data: b"".as_slice().into(),
        content: Content::Proposal(proposal),
    };
    let context = encode(context)?;
    let signed = sign_public(suite, &*world.signer("first", world.suite())?, content, &context);
    Ok(reframe_public(suite, &Secret::zero(0), signed, &context))
}

/// Lets new members propose themselves.
struct OpenDoor;

impl Rules for OpenDoor {
    fn allow_proposal(&self, _: &GroupContext, _: &Sender, _: &Proposal) -> Result<(), GroupError> {
        Ok(())
    }
}

/// breaks: R043, R190
pub(super) fn new_members(world: &World) -> Result<(), Failure> {
    let alice = world.builder("alice")?.rules(OpenDoor).build()?;
    let (bob, carol) = (world.builder("bob")?.rules(OpenDoor).build()?, world.client("carol")?);
    let mut members = group_of(&[&alice, &bob])?;
    let proposal = carol.propose_join(&members[0].group_info()?)?;
    for member in &mut members {
        expect!(member.receive(&proposal)?, Received::Proposal(p) => ensure_eq!(p.sender(), Sender::NewMemberProposal));
    }
    let commit = members[0].commit().build()?;
    deliver(&mut members, 0, &commit)?;
    members.push(join(&carol, &commit)?);
    agree(&mut members)?;
    // Carol has no such rules: by default, nobody proposes itself.
    let proposal = world.client("dave")?.propose_join(&members[0].group_info()?)?;
    refuses_unchanged!(members[2], members[2].receive(&proposal), Error::Denied(_));
    let tampered = flipped(&proposal, 1);
    let pending = members[0].pending_proposals()?.len();
    ensure!(members[0].receive(&tampered).is_err_and(|error| error.is_peer_fault()));
    ensure_eq!(members[0].pending_proposals()?.len(), pending);
    Ok(())
}

/// breaks: R190
pub(super) fn quotas(world: &World) -> Result<(), Failure> {
    let mut config = world.config();
    (config.member_proposals, config.external_proposals) = (2, 1);
    let alice = world.builder("alice")?.rules(OpenDoor).config(config).build()?;
    let mut members = group_of(&[&alice, &world.client("bob")?])?;
    let info = members[0].group_info()?;
    members[0].receive(&world.client("carol")?.propose_join(&info)?)?;
    let second = world.client("dave")?.propose_join(&info)?;
    refuses_unchanged!(members[0], members[0].receive(&second), broke!(TooManyProposals));
    for _ in 0..2 {
        let proposal = members[1].propose_update(&LeafUpdate::new())?;
        members[0].receive(&proposal)?;
    }
    let third = members[1].propose_update(&LeafUpdate::new())?;
    refuses_unchanged!(members[0], members[0].receive(&third), broke!(TooManyProposals));
    ensure_eq!(members[0].pending_proposals()?.len(), 3);
    // The Commit makes room.
    members[0].clear_proposals()?;
    let commit = members[0].commit().build()?;
    members[0].merge(&commit)?;
    let proposal = world.client("erin")?.propose_join(&members[0].group_info()?)?;
    members[0].receive(&proposal)?;
    Ok(())
}
