//! One broken rule of a joiner's tree at a time (RFC 9420 §12.4.3.1, §7.9.2).

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use pleach_crypto::{Secret, Serial};
use pleach_tree::{RatchetTree, TreeError, TreePrivate};
use pleach_wire::{Kept, LeafIndex, Node, NodeIndex, Opaque, RatchetTreeNodes};

use crate::support::{Dice, GROUP_ID, World};

/// A full tree of eight in which 6 and 7 are unmerged at some nodes and all parents above 0..4 are set.
fn world() -> World {
    let mut world = World::with_members(60, 6, &[1, 3, 4]);
    for _ in 0..2 {
        let candidate = world.candidate();
        let index = world.tree.add_leaf(candidate.leaf).unwrap();
        let private = TreePrivate::new(index, candidate.private);
        world.members.insert(index, crate::support::Member { private, signature: candidate.signature });
    }
    world.commit(LeafIndex(6), &[], &[], 0);
    world.commit(LeafIndex(0), &[], &[7], 0);
    let candidate = world.candidate();
    let index = world.tree.add_leaf(candidate.leaf).unwrap();
    let private = TreePrivate::new(index, candidate.private);
    world.members.insert(index, crate::support::Member { private, signature: candidate.signature });
    world.check();
    world
}

fn changed(world: &World, change: impl FnOnce(&mut Vec<Option<Node>>)) -> Result<(), TreeError> {
    let mut nodes = world.tree.to_nodes().unwrap().into_vec();
    change(&mut nodes);
    let tree = RatchetTree::from_nodes(&world.suite, RatchetTreeNodes::new(nodes).unwrap())?;
    tree.verify(GROUP_ID, &Serial, &Dice::new(1))
}

fn parent(nodes: &mut [Option<Node>], at: usize) -> &mut pleach_wire::ParentNode {
    match &mut nodes[at] {
        Some(Node::Parent(parent)) => parent,
        other => panic!("{other:?}"),
    }
}

fn with_leaf(nodes: &mut [Option<Node>], at: usize, change: impl FnOnce(&mut pleach_wire::LeafNode)) {
    let Some(Node::Leaf(leaf)) = nodes[at].take() else { panic!("no leaf") };
    let mut leaf = leaf.into_value();
    change(&mut leaf);
    nodes[at] = Some(Node::Leaf(Kept::new(leaf).unwrap()));
}

// breaks: R241, R061
#[test]
fn unmerged_leaves_are_members_below_and_in_between() {
    let world = world();
    assert_eq!(changed(&world, |_| ()), Ok(()));
    let set = |at: usize, leaves: &[u32]| {
        let leaves: Vec<LeafIndex> = leaves.iter().copied().map(LeafIndex).collect();
        changed(&world, |nodes| parent(nodes, at).unmerged_leaves = leaves.into())
    };
    assert_eq!(set(7, &[7, 6]), Err(TreeError::UnmergedNotSorted(NodeIndex(7))));
    assert_eq!(set(7, &[7, 7]), Err(TreeError::UnmergedNotSorted(NodeIndex(7))));
    assert_eq!(set(3, &[7]), Err(TreeError::UnmergedNotDescendant(NodeIndex(3))));
    assert_eq!(set(3, &[u32::MAX]), Err(TreeError::UnmergedNotDescendant(NodeIndex(3))));
    assert_eq!(set(7, &[2, 7]), Err(TreeError::UnmergedMissing(NodeIndex(3))));
    let blanked = changed(&world, |nodes| {
        nodes[6] = None;
        parent(nodes, 3).unmerged_leaves = [LeafIndex(3)].into();
        parent(nodes, 5).unmerged_leaves = [LeafIndex(3)].into();
    });
    assert_eq!(blanked, Err(TreeError::UnmergedBlank(NodeIndex(5))));
}

// breaks: R083, R084, R241, R277
#[test]
fn keys_are_unique() {
    let world = world();
    let leaf = world.tree.leaf(LeafIndex(2)).unwrap().unwrap().clone();
    let twin = changed(&world, |nodes| with_leaf(nodes, 8, |l| l.signature_key = leaf.signature_key.clone()));
    assert_eq!(twin, Err(TreeError::DuplicateSignatureKey(LeafIndex(4))));
    let twin =
        changed(&world, |nodes| with_leaf(nodes, 8, |l| l.encryption_key = leaf.encryption_key.clone()));
    assert_eq!(twin, Err(TreeError::DuplicateEncryptionKey(NodeIndex(8))));
    let twin = changed(&world, |nodes| parent(nodes, 7).encryption_key = leaf.encryption_key.clone());
    assert_eq!(twin, Err(TreeError::DuplicateEncryptionKey(NodeIndex(7))));
}

// breaks: R109, R106, R107, R108, R240
#[test]
fn every_parent_is_covered_by_one_chain() {
    let world = world();
    for at in (1..15).step_by(2) {
        if world.tree.parent(NodeIndex(at as u32)).unwrap().is_none() {
            continue;
        }
        let key = changed(&world, |nodes| {
            let mut key = parent(nodes, at).encryption_key.to_vec();
            key[5] ^= 1;
            parent(nodes, at).encryption_key = key.into();
        });
        assert!(matches!(key, Err(TreeError::ParentHashInvalid(_))), "{at}: {key:?}");
        let above = changed(&world, |nodes| parent(nodes, at).parent_hash = Opaque::from(&[1; 32]));
        assert!(matches!(above, Err(TreeError::ParentHashInvalid(_))), "{at}: {above:?}");
    }
    // A leaf that its path did not cover: as if it had been merged, and as if it had never been.
    let merged = changed(&world, |nodes| parent(nodes, 7).unmerged_leaves = Vec::new().into());
    assert_eq!(merged, Err(TreeError::ParentHashInvalid(NodeIndex(7))));
    let unmerged = changed(&world, |nodes| {
        parent(nodes, 7).unmerged_leaves = [LeafIndex(5), LeafIndex(7)].into();
    });
    assert!(matches!(unmerged, Err(TreeError::ParentHashInvalid(_) | TreeError::UnmergedMissing(_))));
    // A parent that nobody's path made.
    let forged = changed(&world, |nodes| {
        let blank = (1..15).step_by(2).find(|at| nodes[*at].is_none()).unwrap();
        let mut copy = parent(nodes, 7).clone();
        copy.encryption_key = (&[7; 32]).into();
        nodes[blank] = Some(Node::Parent(Box::new(copy)));
    });
    assert!(matches!(forged, Err(TreeError::ParentHashInvalid(_))), "{forged:?}");
}

// breaks: R074, R070, R071
#[test]
fn every_leaf_is_signed_for_its_place_in_the_group() {
    let world = world();
    let other_group = world.tree.verify_leaf_signatures(b"another", &Serial, &world.dice);
    assert!(matches!(other_group, Err(TreeError::LeafSignature(_))));
    // Leaf 2 came from a key package: neither group nor place is signed.
    assert_eq!(world.tree.verify_leaf_signature(b"another", LeafIndex(2)), Ok(()));
    assert_eq!(
        world.tree.verify_leaf_signature(b"another", LeafIndex(0)),
        Err(TreeError::LeafSignature(LeafIndex(0)))
    );
    for at in [0, 2, 4] {
        let forged = changed(&world, |nodes| {
            with_leaf(nodes, 2 * at, |leaf| {
                let mut signature = leaf.signature.to_vec();
                signature[10] ^= 1;
                leaf.signature = signature.into();
            });
        });
        // The signature is part of the leaf, so a parent's chain may break first.
        assert!(
            matches!(forged, Err(TreeError::LeafSignature(LeafIndex(leaf))) if leaf as usize == at)
                || matches!(forged, Err(TreeError::ParentHashInvalid(_))),
            "{at}: {forged:?}"
        );
    }
    // Alone: only the signature is wrong.
    let mut tree = world.tree.clone();
    let mut leaf = world.update_leaf(LeafIndex(3)).0.into_value();
    leaf.credential = pleach_wire::Credential::basic(b"somebody else");
    tree.update_leaf(LeafIndex(3), Kept::new(leaf).unwrap()).unwrap();
    let found = tree.verify(GROUP_ID, &Serial, &world.dice);
    assert_eq!(found, Err(TreeError::LeafSignature(LeafIndex(3))));
    // For another place (R070).
    let mut tree = world.tree.clone();
    let moved = world.update_leaf(LeafIndex(3)).0;
    tree.remove_leaf(LeafIndex(3)).unwrap();
    tree.update_leaf(LeafIndex(2), moved).unwrap();
    assert_eq!(
        tree.verify_leaf_signature(GROUP_ID, LeafIndex(2)),
        Err(TreeError::LeafSignature(LeafIndex(2)))
    );
}

// breaks: R242, R243, R244
#[test]
fn private_keys_of_a_joiner_match_the_tree() {
    let world = World::with_members(61, 5, &[0]);
    let mut tree = world.tree.clone();
    let candidate = world.candidate();
    let own = tree.add_leaf(candidate.leaf).unwrap();
    let sent = world.send(LeafIndex(1), &tree, &[own]);
    let tree = sent.pending.tree();
    let join = |private: &Secret, path_secret: Option<&Secret>, signer: u32| {
        TreePrivate::from_join(tree, own, private.clone(), path_secret, LeafIndex(signer))
    };
    let path_secret = sent.pending.path_secret_for(own).unwrap();
    let private = join(&candidate.private, Some(path_secret), 1).unwrap();
    assert_eq!(private.nodes().map(|node| node.0).collect::<Vec<_>>(), [own.node().0, 7]);
    assert_eq!(private.verify(tree), Ok(()));
    assert!(join(&candidate.private, None, 1).unwrap().nodes().eq([own.node()]));
    let mismatch = |node| Err(TreeError::PrivateKeyMismatch(node));
    assert_eq!(join(&world.candidate().private, None, 1).map(drop), mismatch(own.node()));
    let wrong = Secret::zero(32);
    assert_eq!(join(&candidate.private, Some(&wrong), 1).map(drop), mismatch(NodeIndex(7)));
    // The common ancestor with leaf 4 is blank: there can be no path secret for it.
    assert_eq!(join(&candidate.private, Some(path_secret), 4).map(drop), mismatch(NodeIndex(9)));
    let blank = join(&candidate.private, Some(path_secret), 6).map(drop);
    assert_eq!(blank, Err(TreeError::BlankLeaf(LeafIndex(6))));
    // What came from a store is checked alike, and a damaged row does not decode.
    assert_eq!(TreePrivate::new(LeafIndex(4), candidate.private).verify(tree), mismatch(NodeIndex(8)));
    let row = private.encode();
    assert_eq!(TreePrivate::decode(row.as_bytes()).unwrap().encode(), row);
    for cut in 0..row.len() {
        let decoded = TreePrivate::decode(&row.as_bytes()[..cut]);
        assert!(decoded.is_err() || decoded.unwrap().nodes().count() == 1);
    }
}

// breaks: R252, R253, R100
#[test]
fn exported_trees_end_with_a_leaf() {
    let world = World::with_members(62, 5, &[0]);
    let nodes = world.tree.to_nodes().unwrap();
    assert_eq!((nodes.len(), world.tree.size().node_count()), (9, 15)); // R252
    let built = RatchetTree::from_nodes(&world.suite, nodes.clone()).unwrap(); // R253
    assert_eq!(built.size(), world.tree.size());
    let mut cut = nodes.into_vec();
    cut.truncate(8);
    let cut = RatchetTree::from_nodes(&world.suite, RatchetTreeNodes::new(cut).unwrap()).map(drop);
    assert_eq!(cut, Err(TreeError::TrailingParent));
}

/// Threads change nothing: hashes, checks and ciphertexts come out in the same order.
#[test]
fn an_executor_may_run_in_any_order() {
    #[derive(Debug)]
    struct Backwards;
    impl pleach_crypto::Executor for Backwards {
        fn for_each(&self, n: usize, work: &(dyn Fn(usize) + Sync)) {
            (0..n).rev().for_each(work);
        }

        fn width(&self) -> usize {
            4
        }
    }
    let world = world();
    let built = RatchetTree::from_nodes(&world.suite, world.tree.to_nodes().unwrap()).unwrap();
    assert_eq!(built.tree_hash_with(&Backwards), world.tree.tree_hash());
    assert_eq!(built.verify(GROUP_ID, &Backwards, &world.dice), Ok(()));
    let sent = world.send(LeafIndex(2), &world.tree, &[]);
    let path = sent.pending.encrypt(&sent.context, &[], &Backwards, &world.dice).unwrap();
    let tree = world.tree.apply_update_path(LeafIndex(2), &path, &[]).unwrap();
    let private = &world.members[&LeafIndex(5)].private;
    assert!(tree.decrypt_path(LeafIndex(2), private, &path, &sent.context, &[]).is_ok());
}

/// Waking a thread takes longer than the few ciphertexts of a full tree's path; those of a fresh tree are shared.
#[test]
fn threads_are_woken_for_many_ciphertexts_only() {
    #[derive(Debug, Default)]
    struct Counted(AtomicUsize);
    impl pleach_crypto::Executor for Counted {
        fn for_each(&self, n: usize, work: &(dyn Fn(usize) + Sync)) {
            self.0.fetch_add(1, Relaxed);
            (0..n).rev().for_each(work);
        }

        fn width(&self) -> usize {
            4
        }
    }
    let full = World::with_members(72, 16, &(0..16).collect::<Vec<_>>());
    let fresh = World::with_members(73, 90, &[]);
    for (world, wakes) in [(full, 0), (fresh, 1)] {
        let sent = world.send(LeafIndex(2), &world.tree, &[]);
        let executor = Counted::default();
        let path = sent.pending.encrypt(&sent.context, &[], &executor, &world.dice).unwrap();
        assert_eq!(executor.0.load(Relaxed), wakes);
        let tree = world.tree.apply_update_path(LeafIndex(2), &path, &[]).unwrap();
        for member in [1, 5, 15] {
            let private = &world.members[&LeafIndex(member)].private;
            assert!(tree.decrypt_path(LeafIndex(2), private, &path, &sent.context, &[]).is_ok());
        }
    }
}
