//! What an observer refuses (see `crate::Observer`): all that a member would, except for what only secrets can tell.

use super::{driver::*, evil::*};
use crate::{Observed, ObservedCommit, Observer};
use pleach_framing::FramingError;
use pleach_tree::TreeError;

fn observed(alice: &mut Client) -> Observer {
    let group_info = alice.group_info(false, TreeDelivery::Inline);
    Observer::new(&crate::verify_group_info(&alice.env(), &group_info, None).unwrap()).unwrap()
}

fn commit(
    observer: &Observer,
    client: &Client,
    message: &[u8],
) -> Result<(Observer, ObservedCommit), GroupError> {
    let mut observer = observer.clone();
    match observer.receive(&client.env(), message)? {
        Observed::Commit(staged) => Ok((observer, *staged)),
        other => panic!("{other:?}"),
    }
}

// breaks: R193, R195, R196, R197, R200, R201, R205, R220
#[test]
fn an_observer_refuses_the_lists_that_a_member_refuses() {
    let (mut alice, bob, _) = trio();
    let observer = observed(&mut alice);
    let update = Proposal::Update(alice.evil_update(|_| ()));
    let unknown = ProposalOrRef::Reference(pleach_wire::ProposalRef::from(&[1; 32]));
    let bad = [
        Evil::of([update]),
        Evil::of([remove(0)]),
        Evil::of([remove(2), remove(2)]),
        Evil::of([extensions(vec![]), extensions(vec![])]),
        Evil::of([external_init(vec![1; 32])]),
        Evil::of([remove(9)]),
        Evil::of([remove(2)]).without_path(),
        Evil { proposals: vec![unknown], ..Evil::default() },
    ];
    for evil in bad {
        let made = alice.clone().evil_commit(&evil);
        let refused = commit(&observer, &bob, &made.message).unwrap_err();
        assert_eq!(refused, bob.would_refuse(&made.message));
    }
    let made = alice.evil_commit(&Evil::of([remove(2)]));
    let (mut observer, staged) = commit(&observer, &bob, &made.message).unwrap();
    let mut bob = bob;
    assert_eq!(observer.merge(staged).unwrap(), bob.follow(&made.message));
    assert_eq!(observer.context(), bob.state().context());
}

// breaks: R039, R048, R080, R093, R110, R229
#[test]
fn an_observer_refuses_the_paths_and_senders_that_a_member_refuses() {
    let (mut alice, bob, mut carol) = trio();
    let observer = observed(&mut alice);
    let leaf = |change: fn(&mut LeafNode)| Evil { leaf: Box::new(change), ..Evil::default() };
    let bad: Vec<(Evil, GroupError)> = vec![
        (
            leaf(|leaf| leaf.leaf_node_source = LeafNodeSource::Update),
            MisbehaviorError::LeafNodeSource.into(),
        ),
        (
            leaf(|leaf| {
                leaf.leaf_node_source = LeafNodeSource::Commit { parent_hash: Opaque::default() };
            }),
            TreeError::ParentHashMismatch.into(),
        ),
        (
            Evil { update_path: Box::new(|path| path.nodes = vec![].into()), ..Evil::default() },
            TreeError::PathLength { expected: 2, found: 0 }.into(),
        ),
        (
            Evil {
                content: Box::new(|content| content.sender = Sender::Member(LeafIndex(3))),
                ..Evil::default()
            },
            MisbehaviorError::SenderNotMember.into(),
        ),
        (
            Evil { content: Box::new(|content| content.epoch = 2), ..Evil::default() },
            GroupError::WrongEpoch { current: 1, message: 2 },
        ),
        (
            Evil { content: Box::new(|content| content.group_id = b"other".into()), ..Evil::default() },
            GroupError::WrongGroup,
        ),
        (
            Evil { auth: Box::new(|auth| auth.signature = Opaque::from(&[0; 64])), ..Evil::default() },
            FramingError::InvalidSignature.into(),
        ),
    ];
    for (evil, error) in bad {
        let made = alice.clone().evil_commit(&evil);
        assert_eq!(commit(&observer, &bob, &made.message).unwrap_err(), error);
    }
    // A proposal by reference is known once it was seen.
    let (proposal, reference) = carol.own_proposal(remove(1));
    alice.notes(&proposal);
    let made = alice.evil_commit(&Evil { proposals: vec![reference], ..Evil::default() });
    assert_eq!(commit(&observer, &bob, &made.message).unwrap_err(), MisbehaviorError::UnknownProposal.into());
    let mut observer = observer;
    assert!(matches!(observer.receive(&bob.env(), &proposal), Ok(Observed::Proposal(_))));
    let (_, staged) = commit(&observer, &bob, &made.message).unwrap();
    assert_eq!(staged.summary().removed[0].0, LeafIndex(1));
}
