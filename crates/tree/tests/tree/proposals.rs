//! Adding, updating and removing leaves, and what is known of all members.

use pleach_crypto::Digest;
use pleach_tree::{Capability, RatchetTree, TreeError};
use pleach_wire::{CredentialType, ExtensionType, LeafIndex, NodeIndex, ProposalType, encode};

use crate::support::{World, candidate, suite};

fn unmerged(tree: &RatchetTree, node: u32) -> Option<Vec<u32>> {
    let parent = tree.parent(NodeIndex(node)).unwrap()?;
    Some(parent.unmerged_leaves().iter().map(|leaf| leaf.0).collect())
}

// breaks: R180
#[test]
fn add_takes_the_leftmost_blank_leaf_and_enters_it_above() {
    let world = World::with_members(30, 4, &[2]);
    let mut tree = world.tree.clone();
    tree.remove_leaf(LeafIndex(1)).unwrap();
    assert_eq!((unmerged(&tree, 1), unmerged(&tree, 3), unmerged(&tree, 5)), (None, None, Some(vec![])));
    assert_eq!(tree.add_leaf(world.candidate().leaf).unwrap(), LeafIndex(1));
    assert_eq!(tree.leftmost_blank_leaf(), None);
    assert_eq!(tree.add_leaf(world.candidate().leaf).unwrap(), LeafIndex(4)); // extended (R100)
    assert_eq!(tree.size().leaf_count(), 8);

    let mut tree = world.tree.clone();
    tree.add_leaf(world.candidate().leaf).unwrap();
    let mut world_with_gap = World::with_members(31, 8, &[0, 4]);
    world_with_gap.commit(LeafIndex(0), &[], &[7], 0);
    let mut tree = world_with_gap.tree.clone();
    assert_eq!(tree.add_leaf(world_with_gap.candidate().leaf).unwrap(), LeafIndex(7));
    // The path of the removed leaf was blanked, the root set again by the committer.
    assert_eq!((unmerged(&tree, 7), unmerged(&tree, 11), unmerged(&tree, 13)), (Some(vec![7]), None, None));
}

// breaks: R182, R081, R181
#[test]
fn update_blanks_the_direct_path_and_must_change_the_key() {
    let world = World::with_members(32, 4, &[2]);
    let mut tree = world.tree.clone();
    let same = tree.leaf(LeafIndex(3)).unwrap().unwrap().clone();
    assert_eq!(tree.update_leaf(LeafIndex(3), same), Err(TreeError::UnchangedEncryptionKey(LeafIndex(3))));
    let (leaf, _) = world.update_leaf(LeafIndex(3));
    assert_eq!(tree.update_leaf(LeafIndex(9), leaf.clone()), Err(TreeError::LeafOutOfRange(LeafIndex(9))));
    assert_eq!(tree.tree_hash(), world.tree.tree_hash());
    tree.update_leaf(LeafIndex(3), leaf).unwrap();
    assert_eq!((unmerged(&tree, 5), unmerged(&tree, 3), unmerged(&tree, 1)), (None, None, Some(vec![])));
}

// breaks: R183, R184, R100
#[test]
fn remove_blanks_and_truncates() {
    let world = World::with_members(33, 5, &[2, 4]);
    let mut tree = world.tree.clone();
    assert_eq!(tree.remove_leaf(LeafIndex(5)), Err(TreeError::BlankLeaf(LeafIndex(5))));
    assert_eq!(tree.remove_leaf(LeafIndex(8)), Err(TreeError::LeafOutOfRange(LeafIndex(8))));
    assert_eq!(tree.remove_leaf(LeafIndex(u32::MAX)), Err(TreeError::LeafOutOfRange(LeafIndex(u32::MAX))));
    assert_eq!(tree.tree_hash(), world.tree.tree_hash());
    tree.remove_leaf(LeafIndex(4)).unwrap();
    assert_eq!(tree.size().leaf_count(), 4);
    tree.remove_leaf(LeafIndex(1)).unwrap();
    assert_eq!(tree.size().leaf_count(), 4);
    tree.remove_leaf(LeafIndex(3)).unwrap();
    tree.remove_leaf(LeafIndex(2)).unwrap();
    assert_eq!((tree.size().leaf_count(), tree.to_nodes().unwrap().len()), (1, 1));
}

// breaks: R083, R084
#[test]
fn keys_of_new_leaves_are_unique() {
    let world = World::with_members(34, 3, &[]);
    let mut tree = world.tree.clone();
    let twin = tree.leaf(LeafIndex(1)).unwrap().unwrap().clone();
    let index = tree.add_leaf(twin.clone()).unwrap();
    assert_eq!(tree.verify_unique_keys_of(index), Err(TreeError::DuplicateSignatureKey(index)));
    // Within one Commit a key may pass to another leaf: only the outcome counts.
    tree.remove_leaf(LeafIndex(1)).unwrap();
    assert_eq!(tree.verify_unique_keys_of(index), Ok(()));

    let mut tree = world.tree.clone();
    let mut other = world.candidate().leaf.into_value();
    other.encryption_key = twin.encryption_key.clone();
    let index = tree.add_leaf(pleach_wire::Kept::new(other).unwrap()).unwrap();
    assert_eq!(tree.verify_unique_keys_of(index), Err(TreeError::DuplicateEncryptionKey(index.node())));
    // Also against a parent's key.
    let mut tree = world.tree.clone();
    let mut other = world.candidate().leaf.into_value();
    other.encryption_key = tree.parent(NodeIndex(3)).unwrap().unwrap().encryption_key().into();
    let index = tree.add_leaf(pleach_wire::Kept::new(other).unwrap()).unwrap();
    assert_eq!(tree.verify_unique_keys_of(index), Err(TreeError::DuplicateEncryptionKey(index.node())));
}

// breaks: R076, R202, R066
#[test]
fn what_every_member_supports_follows_each_change() {
    let world = World::new(35);
    let [odd, rare, grease] = [0xf001, 0xf002, 0x0a0a].map(ExtensionType);
    let with = |extensions: &[ExtensionType]| candidate(&world.suite, &world.dice, extensions).leaf;
    let mut tree = RatchetTree::new(&world.suite, with(&[odd, rare, grease]));
    tree.add_leaf(with(&[odd, rare, grease])).unwrap();
    tree.add_leaf(with(&[rare, odd, odd, grease])).unwrap();
    assert!(tree.every_member_supports_extension(odd) && tree.every_member_supports_extension(rare));
    assert!(!tree.every_member_supports_extension(grease), "GREASE never matches");
    let plain = tree.add_leaf(with(&[odd])).unwrap();
    assert!(tree.every_member_supports_extension(odd) && !tree.every_member_supports_extension(rare));
    assert_eq!(tree.first_without(Capability::Extension(rare), &[]), Ok(Some(plain)));
    assert_eq!(tree.first_without(Capability::Extension(rare), &[plain]), Ok(None));
    tree.remove_leaf(plain).unwrap();
    assert!(tree.every_member_supports_extension(rare));
    assert!(tree.every_member_supports_extension(ExtensionType::EXTERNAL_SENDERS), "a default type");
    assert!(tree.every_member_supports_proposal(ProposalType::REMOVE));
    assert!(!tree.every_member_supports_proposal(ProposalType(0xf001)));
    assert!(tree.every_member_supports_credential(CredentialType::BASIC));
    assert!(!tree.every_member_supports_credential(CredentialType::X509));
    assert_eq!(tree.credential_types_in_use(), [CredentialType::BASIC]);
}

/// R103, R104 (breaks: R103, R104): the hashes of a tree with blank nodes, from the definition.
#[test]
fn tree_hashes_follow_the_definition() {
    fn naive(tree: &RatchetTree, node: NodeIndex) -> Digest {
        let mut input = Vec::new();
        if let Some(leaf) = node.leaf() {
            input.push(1);
            input.extend(leaf.0.to_be_bytes());
            match tree.leaf(leaf).unwrap() {
                Some(leaf) => input.extend([&[1], leaf.bytes()].concat()),
                None => input.push(0),
            }
        } else {
            input.push(2);
            match tree.parent(node).unwrap() {
                Some(parent) => input.extend([vec![1], encode(&parent.to_wire()).unwrap()].concat()),
                None => input.push(0),
            }
            for child in [node.left().unwrap(), node.right().unwrap()] {
                input.push(32);
                input.extend(naive(tree, child).as_bytes());
            }
        }
        suite().hash.hash(&[&input])
    }
    let mut world = World::with_members(36, 19, &[3, 18]);
    for removed in [[1, 2, 9], [3, 6, 7]] {
        for node in world.tree.size().nodes() {
            assert_eq!(world.tree.node_hash(node).unwrap(), naive(&world.tree, node));
        }
        world.commit(LeafIndex(18), &[4, 5], &removed, 0);
    }
    // Whatever one leaf changes, the root's hash shows.
    let mut other = world.tree.clone();
    other.update_leaf(LeafIndex(5), world.update_leaf(LeafIndex(5)).0).unwrap();
    assert_ne!(other.tree_hash(), world.tree.tree_hash());
}
