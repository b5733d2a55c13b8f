//! One broken rule of an UpdatePath at a time (RFC 9420 §7.5, §7.6, §12.4.2).

use pleach_tree::{NewLeaf, TreeError, TreePrivate};
use pleach_wire::{HpkeCiphertext, LeafIndex, LeafNodeSource, NodeIndex, UpdatePath};

use crate::support::{Sent, World, leaf_node, sign};

fn apply(sent: &Sent, path: &UpdatePath) -> Result<(), TreeError> {
    sent.provisional.apply_update_path(sent.sender, path, &sent.added).map(drop)
}

/// A world of six, with blank nodes and an unmerged leaf, and a path from leaf 1 in it that adds a member.
fn world_and_path(seed: u64) -> (World, Sent) {
    let mut world = World::with_members(seed, 6, &[1, 4]);
    world.commit(LeafIndex(0), &[2], &[], 0);
    let mut tree = world.tree.clone();
    let added = tree.add_leaf(world.candidate().leaf).unwrap();
    let sent = world.send(LeafIndex(1), &tree, &[added]);
    assert_eq!(apply(&sent, &sent.path), Ok(()));
    (world, sent)
}

// breaks: R093, R088
#[test]
fn a_path_has_a_node_per_node_of_the_filtered_direct_path() {
    let (_, sent) = world_and_path(40);
    let filtered = sent.provisional.filtered_direct_path(LeafIndex(1)).unwrap();
    assert_eq!(filtered.len(), sent.path.nodes.len());
    let mut nodes = sent.path.nodes.to_vec();
    let last = nodes.pop().unwrap();
    let short = UpdatePath { leaf_node: sent.path.leaf_node.clone(), nodes: nodes.clone().into() };
    assert_eq!(apply(&sent, &short), Err(TreeError::PathLength { expected: 3, found: 2 }));
    nodes.extend([last.clone(), last]);
    let long = UpdatePath { leaf_node: sent.path.leaf_node.clone(), nodes: nodes.into() };
    assert_eq!(apply(&sent, &long), Err(TreeError::PathLength { expected: 3, found: 4 }));

    // A blank sibling is skipped: in a tree of five, leaf 4 has only the root above it.
    let world = World::with_members(41, 5, &[]);
    let steps = world.tree.filtered_direct_path(LeafIndex(4)).unwrap();
    assert_eq!(steps.iter().map(|step| (step.node.0, step.copath.0)).collect::<Vec<_>>(), [(7, 3)]);
}

// breaks: R094, R092
#[test]
fn every_node_has_a_ciphertext_per_recipient() {
    let (_, sent) = world_and_path(42);
    for at in 0..sent.path.nodes.len() {
        for change in [-1, 1] {
            let mut nodes = sent.path.nodes.to_vec();
            let mut list = nodes[at].encrypted_path_secret.to_vec();
            if change < 0 {
                drop(list.pop());
            } else {
                list.push(list[0].clone());
            }
            nodes[at].encrypted_path_secret = list.into();
            let path = UpdatePath { leaf_node: sent.path.leaf_node.clone(), nodes: nodes.into() };
            assert!(matches!(apply(&sent, &path), Err(TreeError::CiphertextCount { .. })), "{at} {change}");
        }
    }
    // Who does not know that the new leaf is excluded expects one more.
    let with_new = sent.provisional.apply_update_path(sent.sender, &sent.path, &[]);
    assert!(matches!(with_new, Err(TreeError::CiphertextCount { .. })));
}

fn resigned(world: &World, sent: &Sent, change: impl FnOnce(&mut pleach_wire::LeafNode)) -> UpdatePath {
    let mut leaf = sent.path.leaf_node.clone().into_value();
    change(&mut leaf);
    let leaf_node = sign(&world.suite, leaf, sent.sender, &world.members[&sent.sender].signature);
    UpdatePath { leaf_node, nodes: sent.path.nodes.clone() }
}

// breaks: R080, R110, R090
#[test]
fn the_leaf_of_a_path_is_of_a_commit_with_the_right_parent_hash() {
    let (world, sent) = world_and_path(43);
    let update = resigned(&world, &sent, |leaf| leaf.leaf_node_source = LeafNodeSource::Update);
    assert_eq!(apply(&sent, &update), Err(TreeError::WrongLeafSource));
    for wrong in [&b""[..], &[0; 32]] {
        let source = LeafNodeSource::Commit { parent_hash: wrong.into() };
        let path = resigned(&world, &sent, |leaf| leaf.leaf_node_source = source);
        assert_eq!(apply(&sent, &path), Err(TreeError::ParentHashMismatch));
    }
    // The parent hash covers every key of the path.
    for at in 0..sent.path.nodes.len() {
        let mut nodes = sent.path.nodes.to_vec();
        let mut key = nodes[at].encryption_key.to_vec();
        key[0] ^= 1;
        nodes[at].encryption_key = key.into();
        let path = UpdatePath { leaf_node: sent.path.leaf_node.clone(), nodes: nodes.into() };
        assert_eq!(apply(&sent, &path), Err(TreeError::ParentHashMismatch));
    }
}

// breaks: R082, R083, R084, R101
#[test]
fn keys_of_a_path_are_new() {
    let (world, sent) = world_and_path(44);
    let tree = &sent.provisional;
    let own = tree.leaf(sent.sender).unwrap().unwrap().encryption_key.clone();
    let path = resigned(&world, &sent, |leaf| leaf.encryption_key = own);
    assert_eq!(apply(&sent, &path), Err(TreeError::UnchangedEncryptionKey(sent.sender)));

    let other = tree.leaf(LeafIndex(4)).unwrap().unwrap();
    let path = resigned(&world, &sent, |leaf| leaf.encryption_key = other.encryption_key.clone());
    assert_eq!(apply(&sent, &path), Err(TreeError::PathKeyReused));
    let path = resigned(&world, &sent, |leaf| leaf.signature_key = other.signature_key.clone());
    assert_eq!(apply(&sent, &path), Err(TreeError::DuplicateSignatureKey(LeafIndex(4))));

    let in_tree = [NodeIndex(8), NodeIndex(7), NodeIndex(9)].map(|node| tree.encryption_key(node).unwrap());
    assert!(in_tree.iter().flatten().count() >= 2);
    for key in in_tree.into_iter().flatten() {
        for at in 0..sent.path.nodes.len() {
            let mut nodes = sent.path.nodes.to_vec();
            nodes[at].encryption_key = key.into();
            let path = UpdatePath { leaf_node: sent.path.leaf_node.clone(), nodes: nodes.into() };
            assert_eq!(apply(&sent, &path), Err(TreeError::PathKeyReused));
        }
    }
    let mut nodes = sent.path.nodes.to_vec();
    nodes[2].encryption_key = nodes[0].encryption_key.clone();
    let path = UpdatePath { leaf_node: sent.path.leaf_node.clone(), nodes: nodes.into() };
    assert_eq!(apply(&sent, &path), Err(TreeError::PathKeyReused));
}

// breaks: R096, R095, R099
#[test]
fn a_path_secret_opens_for_its_recipient_only() {
    let (world, sent) = world_and_path(45);
    let tree = sent.provisional.apply_update_path(sent.sender, &sent.path, &sent.added).unwrap();
    let decrypt = |private: &TreePrivate, path: &UpdatePath, context: &[u8]| {
        tree.decrypt_path(sent.sender, private, path, context, &sent.added).map(drop)
    };
    for (index, member) in &world.members {
        let private = &member.private;
        if *index == sent.sender {
            assert_eq!(decrypt(private, &sent.path, &sent.context), Err(TreeError::OwnPath));
            continue;
        }
        assert_eq!(decrypt(private, &sent.path, &sent.context), Ok(()));
        // R095: another GroupContext opens nothing.
        assert_eq!(decrypt(private, &sent.path, b"other"), Err(TreeError::PathSecretDecryption));
        let mut nodes = sent.path.nodes.to_vec();
        for node in &mut nodes {
            let flip = |sealed: &HpkeCiphertext| {
                let mut ciphertext = sealed.ciphertext.to_vec();
                ciphertext[3] ^= 1;
                HpkeCiphertext { kem_output: sealed.kem_output.clone(), ciphertext: ciphertext.into() }
            };
            node.encrypted_path_secret = node.encrypted_path_secret.iter().map(flip).collect();
        }
        let path = UpdatePath { leaf_node: sent.path.leaf_node.clone(), nodes: nodes.into() };
        assert_eq!(decrypt(private, &path, &sent.context), Err(TreeError::PathSecretDecryption));
        // Somebody else's keys at this place.
        let foreign = TreePrivate::new(*index, world.candidate().private);
        let found = decrypt(&foreign, &sent.path, &sent.context);
        assert!(
            matches!(found, Err(TreeError::PathSecretDecryption | TreeError::NoDecryptionKey)),
            "{index}"
        );
        // R099: what the path replaced is gone.
        let (_, new) =
            tree.decrypt_path(sent.sender, private, &sent.path, &sent.context, &sent.added).unwrap();
        let row = new.encode();
        for node in private.nodes().filter(|node| new.secret(*node) != private.secret(*node)) {
            let old = private.secret(node).unwrap().as_bytes();
            assert!(!row.as_bytes().windows(old.len()).any(|window| window == old));
        }
    }
    // The new member has nothing in the path.
    let joiner = TreePrivate::new(sent.added[0], world.candidate().private);
    assert_eq!(decrypt(&joiner, &sent.path, &sent.context), Err(TreeError::NoDecryptionKey));
}

// breaks: R097
#[test]
fn a_path_secret_gives_the_keys_of_the_path() {
    let (world, sent) = world_and_path(46);
    let tree = sent.provisional.apply_update_path(sent.sender, &sent.path, &sent.added).unwrap();
    // The ciphertexts of another path, well encrypted for this one's context.
    let other = world.send(sent.sender, &sent.provisional, &sent.added);
    let dice = &world.dice;
    let foreign = other.pending.encrypt(&sent.context, &sent.added, &pleach_crypto::Serial, dice).unwrap();
    let mut nodes = sent.path.nodes.to_vec();
    for (node, foreign) in nodes.iter_mut().zip(&foreign.nodes) {
        node.encrypted_path_secret = foreign.encrypted_path_secret.clone();
    }
    let path = UpdatePath { leaf_node: sent.path.leaf_node.clone(), nodes: nodes.into() };
    assert_eq!(apply(&sent, &path), Ok(()));
    for (index, member) in &world.members {
        if *index != sent.sender {
            let found = tree.decrypt_path(sent.sender, &member.private, &path, &sent.context, &sent.added);
            assert!(matches!(found, Err(TreeError::PathKeyMismatch(_))), "{index}");
        }
    }
}

// breaks: R213
#[test]
fn a_path_from_a_blank_leaf_is_the_leftmost() {
    let mut world = World::with_members(47, 6, &[1]);
    world.commit(LeafIndex(0), &[], &[2], 0);
    let keys = world.candidate().signature;
    for wrong in [6, 7, 8, 9, u32::MAX] {
        let index = LeafIndex(wrong);
        let signed = |new: NewLeaf| Ok::<_, TreeError>(world.signed(new, &keys));
        let found = world.tree.begin_path(index, &world.dice, signed).map(drop);
        assert_eq!(found, Err(TreeError::NotLeftmostBlank(index)));
    }
    let sent = world.send_as(LeafIndex(2), &keys, &world.tree, &[]);
    for wrong in [6, 7, 8] {
        let found = world.tree.apply_update_path(LeafIndex(wrong), &sent.path, &[]).map(drop);
        assert_eq!(found, Err(TreeError::NotLeftmostBlank(LeafIndex(wrong))));
    }
}

// breaks: R014
#[test]
fn keys_of_a_path_are_keys() {
    // On P-256, where not every string is a point: signed and hashed as it should be, but the leaf's key is none.
    let mut world = World::new(48);
    let id = pleach_crypto::CipherSuiteId(2);
    world.suite = *pleach_rustcrypto::provider().suite(id).unwrap();
    let first = world.candidate();
    world.tree = pleach_tree::RatchetTree::new(&world.suite, first.leaf);
    let private = TreePrivate::new(LeafIndex(0), first.private);
    world.members.insert(LeafIndex(0), crate::support::Member { private, signature: first.signature });
    world.commit(LeafIndex(0), &[], &[], 1);
    let sent = world.send(LeafIndex(0), &world.tree.clone(), &[]);
    let path = resigned(&world, &sent, |leaf| leaf.encryption_key = (&[4; 65]).into());
    assert_eq!(apply(&sent, &path), Err(TreeError::Crypto(pleach_crypto::CryptoError::InvalidPublicKey)));
}

/// A callback that signs something else is told so, and nothing has changed.
#[test]
fn the_signed_leaf_is_what_was_asked_for() {
    let world = World::with_members(49, 3, &[]);
    let keys = &world.members[&LeafIndex(0)].signature;
    let other_key = |new: NewLeaf| {
        let source = LeafNodeSource::Commit { parent_hash: new.parent_hash };
        let leaf = leaf_node(&world.suite, source, (&[9; 32]).into(), &keys.public, &[]);
        Ok::<_, TreeError>(sign(&world.suite, leaf, new.leaf_index, keys))
    };
    let found = world.tree.begin_path(LeafIndex(0), &world.dice, other_key).map(drop);
    assert!(matches!(found, Err(TreeError::Misuse(_))));
}
