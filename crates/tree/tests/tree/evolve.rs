//! Long random histories, in which every rule has its chance, and small ones that are known.

use std::collections::BTreeMap;

use pleach_crypto::{CipherSuiteId, Serial};
use pleach_tree::{Change, KeyChange, KeyName, RatchetTree, TreeError};
use pleach_wire::{LeafIndex, NodeIndex};

use crate::support::{World, candidate};

/// Members update, leave, join and commit at random; the rows follow by differences alone.
#[test]
fn random_histories_keep_every_invariant() {
    for seed in 0..4 {
        let mut world = World::new(seed);
        let mut rows: BTreeMap<NodeIndex, Vec<u8>> = BTreeMap::new();
        let mut stored: Option<RatchetTree> = None;
        let mut keys: BTreeMap<KeyName, NodeIndex> = BTreeMap::new();
        for _ in 0..60 {
            let mut others: Vec<u32> = world.members.keys().map(|index| index.0).collect();
            let sender = LeafIndex(others.swap_remove(world.dice.below(others.len())));
            let (mut updates, mut removes) = (Vec::new(), Vec::new());
            let shrink = usize::from(world.members.len() > 16) * 3;
            for _ in 0..world.dice.below(3 + shrink) {
                if others.is_empty() {
                    break;
                }
                let other = others.swap_remove(world.dice.below(others.len()));
                if world.dice.below(2 + shrink) == 0 { updates.push(other) } else { removes.push(other) }
            }
            let adds = world.dice.below(4);
            world.commit(sender, &updates, &removes, adds);
            world.check();
            apply_changes(&world.tree, stored.as_ref(), &mut rows);
            apply_key_changes(&world.tree, stored.as_ref(), &mut keys);
            stored = Some(world.tree.clone());
            let hash = world.tree.tree_hash().unwrap();
            let loaded =
                RatchetTree::from_rows(&world.suite, world.tree.size(), &hash, rows.clone()).unwrap();
            assert!(!loaded.is_partial());
            assert_eq!(loaded.to_nodes().unwrap(), world.tree.to_nodes().unwrap());
            assert_eq!(rows.len(), all_rows(&world.tree).len());
            assert_eq!(rows, all_rows(&world.tree));
            assert_eq!(keys, world.tree.key_entries().into_iter().collect());
        }
    }
}

pub(crate) fn apply_changes(
    new: &RatchetTree,
    old: Option<&RatchetTree>,
    rows: &mut BTreeMap<NodeIndex, Vec<u8>>,
) -> usize {
    let mut count = 0;
    new.changes_since(old, &mut |change| {
        count += 1;
        match change {
            Change::Put(node, row) => drop(rows.insert(node, row)),
            Change::Erase(node) => assert!(rows.remove(&node).is_some()),
            Change::EraseFrom(node) => drop(rows.split_off(&node)),
            _ => panic!("unknown change"),
        }
        Ok::<(), TreeError>(())
    })
    .unwrap();
    count
}

pub(crate) fn apply_key_changes(
    new: &RatchetTree,
    old: Option<&RatchetTree>,
    keys: &mut BTreeMap<KeyName, NodeIndex>,
) {
    let Some(old) = old else {
        keys.extend(new.key_entries());
        return;
    };
    for change in new.key_changes_since(old).unwrap() {
        match change {
            KeyChange::Put(name, node) => drop(keys.insert(name, node)),
            KeyChange::Erase(name) => assert!(keys.remove(&name).is_some()),
            _ => panic!("unknown change"),
        }
    }
}

pub(crate) fn all_rows(tree: &RatchetTree) -> BTreeMap<NodeIndex, Vec<u8>> {
    let rows = tree.size().nodes().filter_map(|node| Some((node, tree.node_row(node).unwrap()?)));
    rows.collect()
}

/// R091: a lone member commits, with an empty filtered direct path and a fresh commit secret; and with an Add, where the
/// root has a key but no ciphertext.
#[test]
fn a_lone_member_commits() {
    let mut world = World::new(10);
    let sent = world.send(LeafIndex(0), &world.tree.clone(), &[]);
    assert!(sent.path.nodes.is_empty());
    let other = world.send(LeafIndex(0), &world.tree.clone(), &[]);
    assert_ne!(sent.pending.commit_secret(), other.pending.commit_secret());
    world.receive(&sent);
    world.check();

    let mut tree = world.tree.clone();
    let joiner = tree.add_leaf(world.candidate().leaf).unwrap();
    let sent = world.send(LeafIndex(0), &tree, &[joiner]);
    assert_eq!(sent.path.nodes.len(), 1);
    assert!(sent.path.nodes[0].encrypted_path_secret.is_empty());
    assert!(
        sent.pending.path_secret_for(joiner).is_some()
            && sent.pending.path_secret_for(LeafIndex(0)).is_none()
    );
    world.commit(LeafIndex(0), &[], &[], 1);
    world.check();
}

/// R213: external joiners, into a gap, behind the end, and in place of themselves, alone in the group.
#[test]
fn external_joiners_take_the_leftmost_blank_leaf() {
    let mut world = World::with_members(11, 4, &[1]);
    for gap in [None, Some(2)] {
        let mut tree = world.tree.clone();
        if let Some(gap) = gap {
            tree.remove_leaf(LeafIndex(gap)).unwrap();
            world.members.remove(&LeafIndex(gap));
        }
        let joiner = tree.next_leaf_index();
        assert_eq!(joiner.0, gap.unwrap_or(4));
        let keys = world.candidate().signature;
        let sent = world.send_as(joiner, &keys, &tree, &[]);
        world.receive(&sent);
        let private = sent.pending.private().clone();
        world.members.insert(joiner, crate::support::Member { private, signature: keys });
        world.check();
    }

    let world = World::new(12);
    let mut tree = world.tree.clone();
    tree.remove_leaf(LeafIndex(0)).unwrap();
    assert_eq!((tree.member_count(), tree.size().leaf_count(), tree.next_leaf_index().0), (0, 1, 0));
    let sent = world.send(LeafIndex(0), &tree, &[]);
    assert_eq!(sent.provisional.apply_update_path(LeafIndex(0), &sent.path, &[]).unwrap().member_count(), 1);
}

/// R111: after A, B and C of four committed in turn, X' does not link to the root any more (Appendix B); still valid.
#[test]
fn stale_parent_hash_links_are_no_fault() {
    let world = World::with_members(13, 4, &[1, 2]);
    world.check();
    let left = world.tree.parent(NodeIndex(1)).unwrap().unwrap();
    let right = world.tree.parent(NodeIndex(5)).unwrap().unwrap();
    assert_ne!(left.parent_hash(), right.parent_hash());
}

/// R246: a member that was added without a path knows its leaf only, is unmerged above, and still receives.
#[test]
fn members_added_without_a_path_are_unmerged() {
    let mut world = World::with_members(14, 4, &[3]);
    let candidate = world.candidate();
    let index = world.tree.add_leaf(candidate.leaf.clone()).unwrap();
    assert_eq!(index.0, 4);
    let private = pleach_tree::TreePrivate::new(index, candidate.private);
    world.members.insert(index, crate::support::Member { private, signature: candidate.signature });
    world.check();
    world.commit(LeafIndex(0), &[], &[], 2);
    world.check();
    world.commit(LeafIndex(4), &[2], &[1], 0);
    world.check();
}

/// All suites of the backend, once through.
#[test]
fn every_suite_evolves() {
    for id in 1..=7 {
        let suite = *pleach_rustcrypto::provider().suite(CipherSuiteId(id)).unwrap();
        let mut world = World::new(u64::from(id) + 20);
        let first = candidate(&suite, &world.dice, &[]);
        world.tree = RatchetTree::new(&suite, first.leaf);
        world.suite = suite;
        let private = pleach_tree::TreePrivate::new(LeafIndex(0), first.private);
        world.members.insert(LeafIndex(0), crate::support::Member { private, signature: first.signature });
        world.commit(LeafIndex(0), &[], &[], 3);
        world.commit(LeafIndex(2), &[1], &[], 0);
        world.check();
        let context = b"context";
        let tree = world.tree.clone();
        let sent = world.send(LeafIndex(3), &tree, &[]);
        assert!(sent.pending.encrypt(context, &[], &Serial, &world.dice).is_ok());
    }
}
