//! Trees that are loaded in part.

use std::collections::BTreeMap;

use pleach_tree::{KeyKind, KeyName, RatchetTree, TreeError};
use pleach_wire::{LeafIndex, NodeIndex, UpdatePath};

use crate::evolve::{all_rows, apply_changes, apply_key_changes};
use crate::support::World;

/// The rows of the nodes from the root to a leaf, and of the copath's children where a resolution is wanted.
fn load_needed<T>(
    tree: &mut RatchetTree,
    rows: &BTreeMap<NodeIndex, Vec<u8>>,
    mut step: impl FnMut(&mut RatchetTree) -> Result<T, TreeError>,
) -> (T, usize) {
    let mut loaded = 0;
    loop {
        match step(tree) {
            Ok(value) => return (value, loaded),
            Err(TreeError::Need(nodes)) => {
                let found: Vec<_> = nodes.iter().filter_map(|node| Some((*node, rows.get(node)?))).collect();
                assert!(!found.is_empty(), "{nodes:?}");
                loaded += found.len();
                tree.load(found).unwrap();
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_tree_loads_what_an_operation_needs() {
    let mut world = World::with_members(70, 40, &[1, 20, 33]);
    world.commit(LeafIndex(5), &[7], &[8, 9], 0);
    let rows = all_rows(&world.tree);
    let (size, hash) = (world.tree.size(), world.tree.tree_hash().unwrap());
    let none: [(NodeIndex, Vec<u8>); 0] = [];
    let absent = RatchetTree::from_rows(&world.suite, size, &hash, none).map(drop);
    assert_eq!(absent, Err(TreeError::Need(vec![size.root()])));
    let root = [(size.root(), &rows[&size.root()])];
    let stub = RatchetTree::from_rows(&world.suite, size, &hash, root).unwrap();
    assert!(stub.is_partial());
    // The summaries are there without any other row.
    assert_eq!((stub.member_count(), stub.tree_hash()), (world.tree.member_count(), Ok(hash)));
    assert_eq!(stub.credential_types_in_use(), world.tree.credential_types_in_use());
    let some_key = &world.tree.leaf(LeafIndex(3)).unwrap().unwrap().signature_key;
    let name = world.tree.key_name(KeyKind::Signature, some_key);
    assert_eq!(stub.leaf_with_signature_key(some_key), Err(TreeError::NeedKeys(vec![name])));
    let keys: BTreeMap<KeyName, NodeIndex> = world.tree.key_entries().into_iter().collect();

    // One leaf: one path.
    let mut tree = stub.clone();
    let (leaf, loaded) =
        load_needed(&mut tree, &rows, |tree| tree.leaf(LeafIndex(30)).map(|leaf| leaf.cloned()));
    assert_eq!(leaf.as_ref(), world.tree.leaf(LeafIndex(30)).unwrap());
    assert_eq!(loaded, 6);
    let key = leaf.unwrap().signature_key.clone();
    let name = world.tree.key_name(KeyKind::Signature, &key);
    // It is loaded, but another might have it, too: the stored index knows.
    assert_eq!(tree.leaf_with_signature_key(&key), Err(TreeError::NeedKeys(vec![name])));
    tree.answer_key(name, keys.get(&name).copied());
    assert_eq!(tree.leaf_with_signature_key(&key), Ok(Some(LeafIndex(30))));
    tree.forget_key_answers();
    assert!(tree.leaf_with_signature_key(&key).is_err());

    // Remove, update and add: the same tree, and the same rows, as from the whole tree.
    let mut whole = world.tree.clone();
    let candidate = world.candidate().leaf;
    let update = world.update_leaf(LeafIndex(12)).0;
    whole.remove_leaf(LeafIndex(30)).unwrap();
    whole.update_leaf(LeafIndex(12), update.clone()).unwrap();
    whole.add_leaf(candidate.clone()).unwrap();
    let mut partial = stub;
    // R083: the candidate's keys, in the index of the tree before it is changed.
    let twin = candidate.clone();
    for (kind, key) in [
        (KeyKind::Signature, twin.signature_key.as_bytes()),
        (KeyKind::Encryption, twin.encryption_key.as_bytes()),
    ] {
        let name = world.tree.key_name(kind, key);
        partial.answer_key(name, keys.get(&name).copied());
    }
    load_needed(&mut partial, &rows, |tree| tree.remove_leaf(LeafIndex(30)));
    load_needed(&mut partial, &rows, |tree| tree.update_leaf(LeafIndex(12), update.clone()));
    load_needed(&mut partial, &rows, |tree| tree.add_leaf(candidate.clone()));
    assert_eq!(partial.tree_hash(), whole.tree_hash());
    let (mut a, mut b) = (rows.clone(), rows.clone());
    apply_changes(&whole, Some(&world.tree), &mut a);
    let mut before = RatchetTree::from_rows(&world.suite, size, &hash, rows.clone()).unwrap();
    before.tree_hash().unwrap();
    apply_changes(&partial, Some(&before), &mut b);
    assert_eq!(a, b);
    assert_eq!(a, all_rows(&whole));
    let added = whole.leaf_with_signature_key(&candidate.signature_key).unwrap().unwrap();
    assert_eq!(partial.verify_unique_keys_of(added), Ok(()));
    let (mut a, mut b) = (keys.clone(), keys);
    apply_key_changes(&whole, Some(&world.tree), &mut a);
    apply_key_changes(&partial, Some(&before), &mut b);
    assert_eq!(a, b);
    assert_eq!(a, whole.key_entries().into_iter().collect());
    load_needed(&mut before, &rows, |tree| tree.to_nodes().map(drop));
}

#[test]
fn a_damaged_row_is_noticed() {
    let world = World::with_members(71, 9, &[2, 8]);
    let rows = all_rows(&world.tree);
    let (size, hash) = (world.tree.size(), world.tree.tree_hash().unwrap());
    for (node, row) in &rows {
        for at in 0..row.len() {
            let mut damaged = rows.clone();
            damaged.get_mut(node).unwrap()[at] ^= 0x10;
            let found = RatchetTree::from_rows(&world.suite, size, &hash, damaged);
            match found {
                Err(TreeError::Corrupt(_)) => {}
                // The first byte is the format.
                Err(TreeError::NewerRow { node: at_node, found: 0x11, known: 1 }) => {
                    assert_eq!((at, at_node), (0, *node));
                }
                Ok(tree) => {
                    // A blank child's hash in a row is under its parent's hash, everything else is compared.
                    panic!("byte {at} of node {node} does not matter to {tree:?}");
                }
                Err(error) => panic!("{error}"),
            }
        }
        let mut short = rows.clone();
        short.get_mut(node).unwrap().pop();
        assert!(matches!(
            RatchetTree::from_rows(&world.suite, size, &hash, short),
            Err(TreeError::Corrupt(_))
        ));
    }
    let other = world.suite.hash.hash(&[b"another tree"]);
    let found = RatchetTree::from_rows(&world.suite, size, &other, rows).map(drop);
    assert_eq!(found, Err(TreeError::Corrupt(size.root())));
}

/// Asking for the keys of a path costs a hash and a row for each of them: it is not done for one that nobody can have. Merging
/// it says what is wrong (R093).
#[test]
fn the_keys_of_a_path_that_is_too_long_are_not_asked_for() {
    let world = World::with_members(71, 16, &[]);
    let sent = world.send(LeafIndex(3), &world.tree.clone(), &[]);
    let rows = all_rows(&world.tree);
    let (size, hash) = (world.tree.size(), world.tree.tree_hash().unwrap());
    let root = [(size.root(), &rows[&size.root()])];
    let partial = RatchetTree::from_rows(&world.suite, size, &hash, root).unwrap();
    let asked = |nodes: usize| {
        let node = sent.path.nodes[0].clone();
        let path = UpdatePath { leaf_node: sent.path.leaf_node.clone(), nodes: vec![node; nodes].into() };
        match partial.need_keys_of_path(&path) {
            Err(TreeError::NeedKeys(names)) => names.len(),
            other => other.map(|()| 0).unwrap(),
        }
    };
    // Both keys of the leaf, and one for each level; one more if an external joiner doubles the tree.
    assert_eq!((asked(4), asked(5), asked(6), asked(100_000)), (6, 7, 0, 0));
}
