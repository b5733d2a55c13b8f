//! A store of rows, and a tree that lives in it: each use loads what it needs and nothing else.

use super::suite;
use crate::*;
use alloc::{collections::BTreeMap, vec::Vec};
use pleach_wire::{LeafIndex, NodeIndex, TreeSize};

/// What a group would keep in its storage.
#[derive(Default)]
pub(super) struct Store(pub(super) BTreeMap<SecretTreeKey, Vec<u8>>);

impl Store {
    pub(super) fn with(tree: &SecretTree) -> Self {
        let mut store = Self::default();
        store.apply(&tree.rows());
        store
    }

    pub(super) fn apply(&mut self, rows: &[SecretTreeRow]) {
        for row in rows {
            match &row.value {
                Some(value) => self.0.insert(row.key, value.as_bytes().to_vec()),
                None => self.0.remove(&row.key),
            };
        }
    }

    /// Loads what `needs` asks for until it asks for nothing; the number of rows read, and of rounds.
    pub(super) fn load(
        &self,
        tree: &mut SecretTree,
        needs: impl Fn(&SecretTree) -> Vec<SecretTreeKey>,
    ) -> (usize, usize) {
        let (mut read, mut rounds) = (0, 0);
        loop {
            let keys = needs(tree);
            if keys.is_empty() {
                return (read, rounds);
            }
            read += keys.len();
            rounds += 1;
            for key in keys {
                tree.load(key, self.0.get(&key).map(Vec::as_slice)).unwrap();
            }
        }
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeIndex> {
        self.0.keys().filter_map(|key| match key {
            SecretTreeKey::Node(node) => Some(*node),
            _ => None,
        })
    }
}

fn new_tree(height: u32) -> SecretTree {
    let size = TreeSize::from_height(height).unwrap();
    let secret = EncryptionSecret::from_secret(pleach_crypto::Secret::from(alloc::vec![5; 32]));
    SecretTree::new(size, secret, RatchetLimits::default())
}

/// One receipt by a tree that was just opened: what it reads and writes.
fn receive(store: &mut Store, height: u32, leaf: u32, generation: u32) -> (MessageKeys, usize, usize, usize) {
    let (leaf, kind) = (LeafIndex(leaf), RatchetKind::Application);
    let mut tree = SecretTree::stored(TreeSize::from_height(height).unwrap(), RatchetLimits::default());
    assert_eq!(
        tree.prepare(suite(), leaf, kind, generation).map(|(keys, _)| keys),
        Err(SecretTreeError::NotLoaded)
    );
    let (read, rounds) = store.load(&mut tree, |tree| tree.needs(leaf, kind, generation));
    let (keys, step) = tree.prepare(suite(), leaf, kind, generation).unwrap();
    let rows = step.rows();
    store.apply(&rows);
    (keys, read, rounds, rows.len())
}

/// Rows are counted for trees up to a million leaves: two at an epoch's first message, O(log n) read at a leaf's, then one.
#[test]
fn rows_per_message_grow_as_promised() {
    for height in 0..=20 {
        let mut store = Store::with(&new_tree(height));
        assert_eq!(store.0.len(), 1);
        let leaf = 0x5_5555 & ((1 << height) - 1);
        let (_, read, rounds, written) = receive(&mut store, height, leaf, 0);
        assert_eq!((read, rounds), (2, 2)); // the ratchet, then the root
        assert_eq!(written, 2 + 1); // two ratchets, and what is beside the path in the root's place; of one leaf, nothing
        let stored = 2 + usize::from(height > 0);
        assert_eq!(store.0.len(), stored);
        let (_, read, rounds, written) = receive(&mut store, height, leaf, 1);
        assert_eq!((read, rounds, written), (1, 1, 1));
        // Generations 2 and 3 are skipped.
        let (_, read, rounds, written) = receive(&mut store, height, leaf, 4);
        assert_eq!((read, rounds, written), (1, 1, 3));
        let (_, read, rounds, written) = receive(&mut store, height, leaf, 2);
        assert_eq!((read, rounds, written), (2, 2, 2)); // the ratchet and the key, rewritten and erased
        assert_eq!(store.0.len(), stored + 1);
        // Another leaf's first one asks for the path below that which the root does not tell, at once.
        if height > 2 {
            let (_, read, rounds, written) = receive(&mut store, height, leaf ^ 4, 0);
            assert_eq!((read, rounds, written), (2, 2, 2 + 2));
            let (_, read, rounds, written) = receive(&mut store, height, leaf ^ 5, 0);
            assert_eq!((read, rounds, written), (2 + 3, 3, 2 + 1)); // it took a leaf's own secret
        }
    }
}

/// A tree that is opened anew for each message gives the keys of one that stays in memory.
#[test]
fn a_stored_tree_is_the_tree() {
    let height = 3;
    let mut memory = new_tree(height);
    let mut store = Store::with(&memory);
    let order =
        [(0, 0), (7, 3), (0, 2), (3, 0), (7, 1), (0, 1), (7, 0), (4, 9), (7, 2), (4, 10), (4, 8), (0, 3)];
    for (leaf, generation) in order {
        let kind = RatchetKind::Application;
        let (expected, step) = memory.prepare(suite(), LeafIndex(leaf), kind, generation).unwrap();
        memory.commit(step).unwrap();
        let (keys, ..) = receive(&mut store, height, leaf, generation);
        assert_eq!(keys, expected);
        // And every row in memory is what is stored.
        assert_eq!(Store::with(&memory).0, store.0);
    }
}

// breaks: R060
#[test]
fn a_replay_is_found_out_after_a_restart_without_reading_keys() {
    let mut store = Store::with(&new_tree(2));
    for generation in [0, 3, 1] {
        receive(&mut store, 2, 1, generation);
    }
    for generation in [0, 1, 3] {
        let (leaf, kind) = (LeafIndex(1), RatchetKind::Application);
        let mut tree = SecretTree::stored(TreeSize::from_height(2).unwrap(), RatchetLimits::default());
        assert_eq!(store.load(&mut tree, |tree| tree.needs(leaf, kind, generation)), (1, 1));
        let replay = tree.prepare(suite(), leaf, kind, generation).map(|_| ());
        assert_eq!(replay, Err(SecretTreeError::AlreadyReceived { generation }));
    }
}

// breaks: R052, R141
#[test]
fn a_generation_never_returns_after_a_restart() {
    let (leaf, kind) = (LeafIndex(2), RatchetKind::Handshake);
    let mut store = Store::with(&new_tree(2));
    let mut all: Vec<MessageKeys> = Vec::new();
    for expected in 0..4 {
        // A crash: only the store is left.
        let mut tree = SecretTree::stored(TreeSize::from_height(2).unwrap(), RatchetLimits::default());
        store.load(&mut tree, |tree| tree.needs_to_send(leaf, kind));
        let (keys, step) = tree.prepare_next(suite(), leaf, kind).unwrap();
        store.apply(&step.rows());
        assert_eq!(keys.generation(), expected);
        assert!(all.iter().all(|used| used.key() != keys.key() && used.nonce() != keys.nonce()));
        all.push(keys);
    }
}

#[test]
fn damaged_rows_are_refused_and_change_nothing() {
    let mut store = Store::with(&new_tree(1));
    receive(&mut store, 1, 0, 2);
    let keys: Vec<_> = store.0.keys().copied().collect();
    for (key, row) in keys.iter().map(|key| (*key, &store.0[key])) {
        let mut tree = SecretTree::stored(TreeSize::from_height(1).unwrap(), RatchetLimits::default());
        if let SecretTreeKey::Skipped(leaf, kind, _) = key {
            let ratchet = SecretTreeKey::Ratchet(leaf, kind);
            tree.load(ratchet, Some(&store.0[&ratchet])).unwrap();
        }
        let before = tree.rows();
        for cut in 0..row.len() {
            // A ratchet's list of skipped generations has no count: cut between two, it is a shorter list.
            let shorter_list = matches!(key, SecretTreeKey::Ratchet(..)) && [39, 43].contains(&cut);
            assert!(tree.clone().load(key, Some(&row[..cut])).is_err() || shorter_list, "{key:?} {cut}");
        }
        assert_eq!(tree.load(key, Some(&[&[9], &row[1..]].concat())), Err(RowError::Version(9)));
        assert!(tree.load(key, Some(&[row.as_slice(), &[0]].concat())).is_err());
        assert_eq!(tree.rows(), before);
        tree.load(key, Some(row)).unwrap();
        assert_eq!(
            tree.rows().iter().find(|found| found.key == key).unwrap().value.as_ref().unwrap().as_bytes(),
            row
        );
    }
    // A leaf that is not below, a secret at a level that is not, a length without secrets and secrets without a length.
    let beside = |leaf: u8, left: u8, length: u8, secrets: usize| {
        [&[2, 0, 0, 0, leaf, 0, 0, 0, left, 0, length], &[7; 64][..secrets]].concat()
    };
    let rows = [
        (beside(0, 1, 32, 32), Ok(())),
        (beside(1, 0, 0, 0), Ok(())),
        (beside(2, 1, 32, 32), Err(RowError::Inconsistent)),
        (beside(0, 2, 32, 32), Err(RowError::Inconsistent)),
        (beside(0, 0, 32, 0), Err(RowError::Inconsistent)),
        (beside(0, 1, 0, 0), Err(RowError::Inconsistent)),
        (beside(0, 1, 32, 64), Err(RowError::Length)),
        (beside(0, 0, 0, 32), Err(RowError::Length)),
    ];
    for (row, expected) in rows {
        let size = TreeSize::from_height(1).unwrap();
        let mut tree = SecretTree::stored(size, RatchetLimits::default());
        assert_eq!(tree.load(SecretTreeKey::Node(size.root()), Some(&row)), expected, "{row:?}");
    }
    // A kept key that is named and missing is damage, too.
    let (leaf, kind) = (LeafIndex(0), RatchetKind::Application);
    let mut tree = SecretTree::stored(TreeSize::from_height(1).unwrap(), RatchetLimits::default());
    let ratchet = SecretTreeKey::Ratchet(leaf, kind);
    tree.load(ratchet, Some(&store.0[&ratchet])).unwrap();
    assert_eq!(tree.load(SecretTreeKey::Skipped(leaf, kind, 0), None), Err(RowError::Inconsistent));
}

/// What is in memory is newer than what is read.
#[test]
fn loading_never_goes_back() {
    let (leaf, kind) = (LeafIndex(0), RatchetKind::Application);
    let mut tree = new_tree(1);
    let (_, step) = tree.prepare(suite(), leaf, kind, 2).unwrap();
    let old = Store::with(&{
        let mut tree = tree.clone();
        tree.commit(step.clone()).unwrap();
        tree
    });
    tree.commit(step).unwrap();
    let (_, step) = tree.prepare(suite(), leaf, kind, 5).unwrap();
    tree.commit(step).unwrap();
    let before = tree.rows();
    for (key, row) in &old.0 {
        tree.load(*key, Some(row)).unwrap();
    }
    assert_eq!(tree.rows(), before);
}
