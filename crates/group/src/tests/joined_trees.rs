//! The tree of a group that is joined (RFC 9420 §7.3, §7.9.2, §12.4.3.1, §12.4.3.3).

use super::evil::*;
use super::{
    driver::*,
    invitation::Invitation,
    welcome::{invited, refuses},
};
use pleach_tree::TreeError;
use pleach_wire::{Node, NodeIndex, ParentNode, RatchetTreeNodes};

/// As [`invited`], in a tree that has leaves only, so that one can be changed without a parent hash being wrong.
fn invited_to_leaves() -> (Client, Client, Client, Invitation) {
    let (mut alice, _, carol) = trio();
    let mut dave = Client::new("dave", SUITE_1, &in_public());
    let proposals = vec![ProposalSpec::Add(dave.key_package())];
    let welcome = alice.commit_and_merge(&CommitSpec { proposals, ..CommitSpec::default() });
    let invitation = Invitation::open(&dave, &welcome);
    (alice, carol, dave, invitation)
}

fn leaf_of(nodes: &[Option<Node>], leaf: usize) -> LeafNode {
    match &nodes[2 * leaf] {
        Some(Node::Leaf(leaf)) => leaf.clone().into_value(),
        other => panic!("{other:?}"),
    }
}

fn change_parent(nodes: &mut [Option<Node>], node: usize, change: impl FnOnce(&mut ParentNode)) {
    match &mut nodes[node] {
        Some(Node::Parent(parent)) => change(parent),
        other => panic!("{other:?}"),
    }
}

/// Changes a leaf of the tree and has its owner sign it.
fn resigned(
    owner: &Client,
    invitation: Invitation,
    index: usize,
    change: impl FnOnce(&mut LeafNode),
) -> Invitation {
    let mut nodes = invitation.nodes();
    let mut leaf = leaf_of(&nodes, index);
    change(&mut leaf);
    let place = (&b"group"[..], LeafIndex(index as u32));
    let leaf = crate::leaf::sign_leaf(&owner.suite, &*owner.signer, leaf, place).unwrap();
    nodes[2 * index] = Some(Node::Leaf(leaf));
    invitation.with_nodes(nodes)
}

// breaks: R105, R240, R254
#[test]
fn refuses_a_tree_with_another_hash() {
    let swapped = |it: Invitation| {
        let mut nodes = it.nodes();
        nodes.swap(2, 4);
        let tree = RatchetTreeNodes::new(nodes).unwrap();
        it.change(|it| it.set_extension(Extension::new(&tree).unwrap()))
    };
    refuses(swapped, MisbehaviorError::TreeHash);
    let hash =
        |it: Invitation| it.change(|it| it.group_info.group_context.tree_hash = Opaque::from(&[0; 32]));
    refuses(hash, MisbehaviorError::TreeHash);
}

// breaks: R240, R109
#[test]
fn refuses_a_tree_with_a_parent_hash_that_is_wrong() {
    let wrong = |it: Invitation| {
        let mut nodes = it.nodes();
        change_parent(&mut nodes, 1, |parent| parent.parent_hash = Opaque::from(&[1; 32]));
        it.with_nodes(nodes)
    };
    refuses(wrong, TreeError::ParentHashInvalid(NodeIndex(3)));
}

// breaks: R240, R071, R074
#[test]
fn refuses_a_tree_with_a_leaf_that_its_owner_did_not_sign() {
    let (alice, _, dave, invitation) = invited_to_leaves();
    let longer = |leaf: &mut LeafNode| {
        leaf.leaf_node_source = LeafNodeSource::KeyPackage(Lifetime { not_before: 0, not_after: 3 * NOW });
    };
    let changes: [fn(&mut LeafNode); 4] = [
        |leaf| leaf.signature = Opaque::from(&[0; 64]),
        |leaf| leaf.credential = Credential::basic(b"mallory"),
        |leaf| leaf.capabilities.cipher_suites = [SUITE_2].into(),
        longer,
    ];
    for change in changes {
        let mut nodes = invitation.nodes();
        let mut leaf = leaf_of(&nodes, 2);
        change(&mut leaf);
        nodes[4] = Some(Node::Leaf(Kept::new(leaf).unwrap()));
        let refused = dave.refuses_welcome(&invitation.clone().with_nodes(nodes).seal(&alice));
        assert_eq!(refused, TreeError::LeafSignature(LeafIndex(2)).into());
    }
    dave.stage_join(&invitation.seal(&alice), None, None).unwrap();
}

// breaks: R240, R064, R065, R075, R079, R085
#[test]
fn refuses_a_tree_with_a_leaf_that_is_not_valid() {
    let (alice, carol, dave, invitation) = invited_to_leaves();
    let cases: [LeafCase<GroupError>; 3] = [
        leaf_case(
            |leaf| leaf.extensions = vec![unknown_extension(UNKNOWN)].into(),
            MisbehaviorError::LeafExtensionNotListed(ExtensionType(UNKNOWN)).into(),
        ),
        leaf_case(
            |leaf| leaf.capabilities.credentials = [CredentialType::X509].into(),
            MisbehaviorError::LeafCredentialNotListed(CredentialType::BASIC).into(),
        ),
        leaf_case(
            |leaf| leaf.extensions = vec![unknown_extension(2)].into(),
            MisbehaviorError::MisplacedExtension(ExtensionType::RATCHET_TREE).into(),
        ),
    ];
    for (change, error) in cases {
        let changed = resigned(&carol, invitation.clone(), 2, change);
        assert_eq!(dave.refuses_welcome(&changed.seal(&alice)), error);
    }
    // Changed in a way that is allowed, and signed, it is welcome.
    let changed = resigned(&carol, invitation.clone(), 2, |leaf| {
        leaf.capabilities = supporting(&leaf.capabilities, &[UNKNOWN], &[], &[]);
    });
    dave.would_join(&changed.seal(&alice)).unwrap();
    // What the GroupContext demands, Carol lacks.
    let required = pleach_wire::RequiredCapabilities {
        proposal_types: [ProposalType(UNKNOWN)].into(),
        ..Default::default()
    };
    let demanding = invitation.change(|it| {
        it.group_info.group_context.extensions = vec![Extension::new(&required).unwrap()].into();
    });
    assert_eq!(dave.refuses_welcome(&demanding.seal(&alice)), IncompatibleError::RequiredCapability.into());
}

// breaks: R068, R078
#[test]
fn lifetimes_in_a_joined_tree_follow_policy() {
    let (alice, carol, mut dave, invitation) = invited_to_leaves();
    let lifetime = |not_after| {
        resigned(&carol, invitation.clone(), 2, |leaf| {
            leaf.leaf_node_source = LeafNodeSource::KeyPackage(Lifetime { not_before: 0, not_after });
        })
        .seal(&alice)
    };
    let (expired, long) = (lifetime(NOW / 2), lifetime(u64::MAX));
    assert_eq!(dave.refuses_welcome(&long), MisbehaviorError::LifetimeTooLong.into());
    dave.stage_join(&expired, None, None).unwrap();
    dave.config.lifetime.check_joined_tree = true;
    assert_eq!(dave.refuses_welcome(&expired), MisbehaviorError::LifetimeExpired.into());
    dave.stage_join(&invitation.seal(&alice), None, None).unwrap();
    dave.config.lifetime.maximum_total = None;
    dave.stage_join(&long, None, None).unwrap();
}

// breaks: R241
#[test]
fn refuses_a_tree_with_unmerged_leaves_that_cannot_be() {
    let (mut alice, _, mut carol) = trio();
    // Bob goes, and Dave is added in his place, below a root that is not blank: leaf 3 stays blank.
    let removal = alice.commit_and_merge(&CommitSpec {
        proposals: vec![ProposalSpec::Remove(LeafIndex(1))],
        ..CommitSpec::default()
    });
    carol.follow(&removal);
    let mut dave = Client::new("dave", SUITE_1, &in_public());
    let proposals = vec![ProposalSpec::Add(dave.key_package())];
    let welcome = alice.commit_and_merge(&CommitSpec { proposals, ..CommitSpec::default() });
    let invitation = Invitation::open(&dave, &welcome);
    let unmerged = |leaves: &[u32]| {
        let mut nodes = invitation.nodes();
        let leaves: Vec<_> = leaves.iter().map(|leaf| LeafIndex(*leaf)).collect();
        change_parent(&mut nodes, 3, |root| root.unmerged_leaves = leaves.into());
        invitation.clone().with_nodes(nodes).seal(&alice)
    };
    let root = NodeIndex(3);
    let cases: [(&[u32], TreeError); 2] =
        [(&[1, 4], TreeError::UnmergedNotDescendant(root)), (&[1, 3], TreeError::UnmergedBlank(root))];
    for (leaves, error) in cases {
        assert_eq!(dave.refuses_welcome(&unmerged(leaves)), error.into(), "{leaves:?}");
    }
    dave.join(&unmerged(&[1])).unwrap();
}

// breaks: R083, R084, R241, R277
#[test]
fn refuses_a_tree_with_a_key_twice() {
    let (alice, _, carol, dave, welcome) = invited(true);
    let invitation = Invitation::open(&dave, &welcome);
    let nodes = invitation.nodes();
    let encryption_key = leaf_of(&nodes, 1).encryption_key;
    let twice = resigned(&carol, invitation.clone(), 2, |leaf| leaf.encryption_key = encryption_key.clone());
    let refused = dave.refuses_welcome(&twice.seal(&alice));
    assert_eq!(refused, MisbehaviorError::DuplicateEncryptionKey.into());
    let mut nodes = invitation.nodes();
    change_parent(&mut nodes, 1, |parent| parent.encryption_key = encryption_key);
    let refused = dave.refuses_welcome(&invitation.clone().with_nodes(nodes).seal(&alice));
    assert_eq!(refused, MisbehaviorError::DuplicateEncryptionKey.into());
    let signature_key = leaf_of(&invitation.nodes(), 1).signature_key;
    let twice = resigned(&carol, invitation.clone(), 2, |leaf| leaf.signature_key = signature_key);
    let refused = dave.refuses_welcome(&twice.seal(&alice));
    assert_eq!(refused, MisbehaviorError::DuplicateSignatureKey.into());
    dave.stage_join(&invitation.seal(&alice), None, None).unwrap();
}

// breaks: R242
#[test]
fn refuses_a_tree_without_the_own_leaf() {
    let (alice, ..) = invited(false);
    let changed = |change: fn(&mut Client, Invitation) -> Invitation| {
        let (alice, _, _, mut dave, welcome) = invited(false);
        let invitation = Invitation::open(&dave, &welcome);
        let changed = change(&mut dave, invitation);
        dave.refuses_welcome(&changed.seal(&alice))
    };
    // Another leaf of the same client, with the same key.
    let other = changed(|dave, invitation| {
        let mut nodes = invitation.nodes();
        nodes[6] = Some(Node::Leaf(dave.key_package().leaf_node.clone()));
        invitation.with_nodes(nodes)
    });
    assert_eq!(other, MisbehaviorError::OwnLeafMissing.into());
    // No leaf at all.
    let none = changed(|_, invitation| {
        let mut nodes = invitation.nodes();
        nodes.truncate(5);
        change_parent(&mut nodes, 3, |root| root.unmerged_leaves = vec![].into());
        invitation.with_nodes(nodes)
    });
    assert_eq!(none, MisbehaviorError::OwnLeafMissing.into());
    assert_eq!(alice.state().epoch(), 3);
}

// breaks: R248, R254
#[test]
fn a_tree_that_is_not_in_the_welcome_must_be_given() {
    let (mut alice, _, _, dave, welcome) = invited(true);
    alice.attach();
    let invitation = Invitation::open(&dave, &welcome).without_extension(ExtensionType::RATCHET_TREE);
    let bare = invitation.seal(&alice);
    assert_eq!(dave.refuses_welcome(&bare), IncompatibleError::MissingRatchetTree.into());
    let tree = alice.state().ratchet_tree().unwrap();
    dave.stage_join(&bare, Some(&tree), None).unwrap();
    let (mut other, ..) = trio();
    other.attach();
    let other = other.state().ratchet_tree().unwrap();
    let refused = dave.stage_join(&bare, Some(&other), None).unwrap_err();
    assert_eq!(refused, MisbehaviorError::GroupInfoSignature.into());
    let mut nodes = decode::<RatchetTreeNodes>(&tree).unwrap().to_vec();
    nodes[1] = None;
    let blanked = encode(&RatchetTreeNodes::new(nodes).unwrap()).unwrap();
    let refused = dave.stage_join(&bare, Some(&blanked), None).unwrap_err();
    assert_eq!(refused, MisbehaviorError::TreeHash.into());
}
