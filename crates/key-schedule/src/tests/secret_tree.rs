//! The secret tree (RFC 9420 §9) against one that is derived whole, and its rules.

use super::{storage::Store, suite};
use crate::RatchetKind::{Application, Handshake};
use crate::*;
use alloc::{vec, vec::Vec};
use pleach_crypto::{CipherSuite, CryptoError, Kdf, KdfId, Secret};
use pleach_wire::{LeafIndex, NodeIndex, TreeSize};

fn root_secret() -> Secret {
    Secret::from(vec![5; 32])
}

fn size(leaves: u32) -> TreeSize {
    TreeSize::from_leaf_count(leaves).unwrap()
}

fn tree(leaves: u32) -> SecretTree {
    tree_with(leaves, RatchetLimits::default())
}

fn tree_with(leaves: u32, limits: RatchetLimits) -> SecretTree {
    SecretTree::new(size(leaves), EncryptionSecret::from_secret(root_secret()), limits)
}

fn receive(
    tree: &mut SecretTree,
    leaf: u32,
    kind: RatchetKind,
    generation: u32,
) -> Result<MessageKeys, SecretTreeError> {
    let (keys, step) = tree.prepare(suite(), LeafIndex(leaf), kind, generation)?;
    tree.commit(step)?;
    Ok(keys)
}

/// The key and nonce by the definitions, from the root down.
fn naive(leaves: u32, leaf: u32, kind: RatchetKind, generation: u32) -> (Secret, Secret) {
    let suite = suite();
    let (mut low, mut high, mut secret) = (0, leaves, root_secret());
    while high - low > 1 {
        let middle = low.midpoint(high);
        let side: &[u8] = if leaf < middle { b"left" } else { b"right" };
        secret = suite.expand_with_label(&secret, b"tree", side, 32).unwrap();
        if leaf < middle { high = middle } else { low = middle }
    }
    let label: &[u8] = if kind == Handshake { b"handshake" } else { b"application" };
    secret = suite.expand_with_label(&secret, label, b"", 32).unwrap();
    for j in 0..generation {
        secret = suite.derive_tree_secret(&secret, b"secret", j, 32).unwrap();
    }
    let key = suite.derive_tree_secret(&secret, b"key", generation, 16).unwrap();
    (key, suite.derive_tree_secret(&secret, b"nonce", generation, 12).unwrap())
}

/// The secrets beside the path to a leaf, from the top down.
fn naive_copath(leaves: u32, leaf: u32) -> Vec<(NodeIndex, Secret)> {
    let (mut node, mut secret, mut copath) = (size(leaves).root(), root_secret(), Vec::new());
    while let Some((left, right)) = node.children() {
        let [of_left, of_right] = [&b"left"[..], b"right"]
            .map(|side| suite().expand_with_label(&secret, b"tree", side, 32).unwrap());
        if LeafIndex(leaf).node().is_in_subtree(left) {
            copath.push((right, of_right));
            (node, secret) = (left, of_left);
        } else {
            copath.push((left, of_left));
            (node, secret) = (right, of_right);
        }
    }
    copath
}

/// Until this version, each secret had a row of its own, and a node whose secret was consumed had none.
#[test]
fn rows_of_a_secret_each_are_read_and_go_on() {
    const LEAVES: u32 = 16;
    let legacy = |first: u32| {
        let mut store = Store::default();
        for (node, secret) in naive_copath(LEAVES, first) {
            let row = [&[1, 0, 32], secret.as_bytes()].concat();
            store.0.insert(SecretTreeKey::Node(node), row);
        }
        store
    };
    for first in [0, 6, 15] {
        let mut store = legacy(first);
        for i in 0..LEAVES {
            let leaf = LeafIndex((i * 5 + 3) % LEAVES);
            let mut tree = SecretTree::stored(size(LEAVES), RatchetLimits::default());
            store.load(&mut tree, |tree| tree.needs(leaf, Application, 0));
            let step = tree.prepare(suite(), leaf, Application, 0);
            if leaf.0 == first {
                // Its ratchets would have rows.
                assert_eq!(step.map(|_| ()), Err(SecretTreeError::NoSecret(leaf)));
                continue;
            }
            let (keys, step) = step.unwrap();
            assert_eq!((keys.key, keys.nonce), naive(LEAVES, leaf.0, Application, 0));
            store.apply(&step.rows());
            // Once more, it is not there.
            let mut tree = SecretTree::stored(size(LEAVES), RatchetLimits::default());
            store.0.retain(|key, _| *key != SecretTreeKey::Ratchet(leaf, Application));
            store.load(&mut tree, |tree| tree.needs(leaf, Application, 0));
            let again = tree.prepare(suite(), leaf, Application, 0).map(|_| ());
            assert_eq!(again, Err(SecretTreeError::NoSecret(leaf)));
        }
    }
}

// breaks: R142
#[test]
fn a_secret_beside_a_path_is_used_once_and_leaves_its_row() {
    const LEAVES: u32 = 32;
    let mut tree = tree(LEAVES);
    for i in 0..LEAVES {
        let leaf = LeafIndex((i * 13 + 7) % LEAVES);
        let (_, step) = tree.prepare(suite(), leaf, Handshake, 0).unwrap();
        let before = Store::with(&tree);
        let holder = SecretTreeKey::Node(step.holder().unwrap());
        tree.commit(step).unwrap();
        let after = Store::with(&tree);
        // The holder has one secret less; nothing else that was there changed, and two rows of nodes at most came or changed.
        assert!(i == 0 || before.0[&holder].len() - after.0[&holder].len() == 32);
        let changed = |key: &SecretTreeKey| before.0.get(key) != after.0.get(key);
        let nodes = after.nodes().filter(|node| changed(&SecretTreeKey::Node(*node)));
        assert!((1..=2).contains(&nodes.count()));
        assert!(before.0.keys().all(|key| !changed(key) || *key == holder));
        // No row has a secret of the path.
        let mut on_path = vec![root_secret()];
        let copath = naive_copath(LEAVES, leaf.0);
        for (node, _) in &copath {
            let parent = on_path.last().unwrap();
            let is_left = node.common_ancestor(leaf.node()).left() == Some(*node);
            let side: &[u8] = if is_left { b"right" } else { b"left" };
            on_path.push(suite().expand_with_label(parent, b"tree", side, 32).unwrap());
        }
        for row in after.0.values() {
            assert!(on_path.iter().all(|secret| row.windows(32).all(|window| window != secret.as_bytes())));
        }
    }
    // All were used.
    let nodes = Store::with(&tree);
    assert!(nodes.nodes().all(|node| nodes.0[&SecretTreeKey::Node(node)][5..] == [0; 6]));
}

// breaks: R139, R140
#[test]
fn keys_are_those_of_the_naive_tree() {
    for leaves in [1, 2, 8] {
        let mut tree = tree(leaves);
        // Leaves out of order, so that their paths meet secrets at every level.
        for i in 0..leaves {
            let leaf = (i * 5 + 3) % leaves;
            for (kind, generation) in
                [(Application, 2), (Handshake, 0), (Application, 0), (Application, 3), (Handshake, 9)]
            {
                let keys = receive(&mut tree, leaf, kind, generation).unwrap();
                assert_eq!((keys.key.clone(), keys.nonce.clone()), naive(leaves, leaf, kind, generation));
                assert_eq!(keys.generation(), generation);
            }
        }
    }
}

// breaks: R142
#[test]
fn what_is_consumed_is_gone() {
    let mut tree = tree(8);
    receive(&mut tree, 5, Application, 1).unwrap();
    let store = Store::with(&tree);
    // What is beside the path stands in the root's row: the levels 2, 1 and 0.
    assert!(store.nodes().eq([size(8).root()]));
    let root = &store.0[&SecretTreeKey::Node(size(8).root())];
    let beside: Vec<u8> =
        naive_copath(8, 5).iter().flat_map(|(_, secret)| secret.as_bytes().to_vec()).collect();
    assert_eq!(*root, [&[2, 0, 0, 0, 5, 0, 0, 0, 0b111, 0, 32], &beside[..]].concat());
    // Neither the secrets of the path, nor the ratchet secrets of generations 0 and 1, nor the used key are in any row.
    let mut secret = root_secret();
    let mut gone = vec![secret.clone()];
    for side in [&b"right"[..], b"left", b"right"] {
        secret = suite().expand_with_label(&secret, b"tree", side, 32).unwrap();
        gone.push(secret.clone());
    }
    secret = suite().expand_with_label(&secret, b"application", b"", 32).unwrap();
    gone.push(secret.clone());
    gone.push(suite().derive_tree_secret(&secret, b"secret", 0, 32).unwrap());
    gone.push(naive(8, 5, Application, 1).0);
    for row in store.0.values() {
        for secret in &gone {
            assert!(row.windows(secret.len()).all(|window| window != secret.as_bytes()));
        }
    }
    // Key 0, which was skipped, is.
    let kept = naive(8, 5, Application, 0).0;
    assert!(store.0.values().any(|row| row.windows(16).any(|window| window == kept.as_bytes())));
}

// breaks: R060
#[test]
fn a_generation_is_received_once() {
    let mut tree = tree(2);
    for generation in [0, 1, 5, 3] {
        receive(&mut tree, 0, Application, generation).unwrap();
    }
    for generation in [0, 1, 5, 3] {
        let replay = receive(&mut tree, 0, Application, generation);
        assert_eq!(replay, Err(SecretTreeError::AlreadyReceived { generation }));
        // The other ratchet and the other leaf have their own.
        receive(&mut tree, 0, Handshake, generation).unwrap();
        receive(&mut tree, 1, Application, generation).unwrap();
    }
    // Late ones still come in.
    assert!(receive(&mut tree, 0, Application, 2).is_ok());
    assert!(receive(&mut tree, 0, Application, 4).is_ok());
}

// breaks: R145
#[test]
fn too_far_ahead_is_refused_without_deriving() {
    let mut tree = tree(2);
    let far = |generation, next| Err(SecretTreeError::TooFarAhead { generation, next });
    for generation in [1_025, u32::MAX] {
        assert_eq!(receive(&mut tree, 0, Application, generation), far(generation, 0));
    }
    assert!(receive(&mut tree, 0, Application, 1_024).is_ok());
    assert_eq!(receive(&mut tree, 0, Application, 2_050), far(2_050, 1_025));
    assert_eq!(receive(&mut tree, 0, Application, u32::MAX), far(u32::MAX, 1_025));
    assert!(receive(&mut tree, 0, Application, 2_049).is_ok());
}

// breaks: R144
#[test]
fn the_oldest_skipped_keys_are_dropped() {
    let mut tree = tree_with(2, RatchetLimits { forward_distance: 100, skipped_keys: 3 });
    receive(&mut tree, 0, Application, 10).unwrap(); // keeps 7, 8, 9
    let dropped = receive(&mut tree, 0, Application, 6);
    assert_eq!(dropped, Err(SecretTreeError::AlreadyReceived { generation: 6 }));
    receive(&mut tree, 0, Application, 12).unwrap(); // 11 displaces 7
    assert!(receive(&mut tree, 0, Application, 7).is_err());
    for generation in [8, 9, 11] {
        let keys = receive(&mut tree, 0, Application, generation).unwrap();
        assert_eq!((keys.key, keys.nonce), naive(2, 0, Application, generation));
    }
    let mut none = tree_with(2, RatchetLimits { forward_distance: 100, skipped_keys: 0 });
    receive(&mut none, 0, Application, 4).unwrap();
    assert!(receive(&mut none, 0, Application, 3).is_err());
    assert!(receive(&mut none, 0, Application, 5).is_ok());
}

/// A dropped key is erased from storage in the step that drops it.
#[test]
fn dropped_keys_are_erased() {
    let mut tree = tree_with(2, RatchetLimits { forward_distance: 100, skipped_keys: 3 });
    let mut store = Store::with(&tree);
    for generation in [10, 12, 8, 20] {
        let (_, step) = tree.prepare(suite(), LeafIndex(0), Application, generation).unwrap();
        store.apply(&step.rows());
        tree.commit(step).unwrap();
        assert_eq!(store.0, Store::with(&tree).0);
    }
}

// breaks: R147
#[test]
fn a_step_that_is_not_committed_changes_nothing() {
    let mut tree = tree(4);
    let before = Store::with(&tree).0;
    let (keys, step) = tree.prepare(suite(), LeafIndex(2), Application, 7).unwrap();
    drop(step); // a forgery: AEAD, padding or signature failed
    assert_eq!(Store::with(&tree).0, before);
    assert_eq!(receive(&mut tree, 2, Application, 7).unwrap(), keys);
    // A forged message for a skipped generation does not consume it, either.
    let (keys, _) = tree.prepare(suite(), LeafIndex(2), Application, 3).unwrap();
    assert_eq!(receive(&mut tree, 2, Application, 3).unwrap(), keys);
}

// breaks: R141, R060
#[test]
fn a_late_step_is_refused_and_can_be_renewed() {
    let mut tree = tree(4);
    let (_, commit) = tree.prepare(suite(), LeafIndex(2), Handshake, 0).unwrap();
    let (_, same) = tree.prepare(suite(), LeafIndex(2), Handshake, 0).unwrap();
    receive(&mut tree, 2, Application, 0).unwrap();
    assert_eq!(tree.commit(commit.clone()), Err(SecretTreeError::StaleStep));
    let renewed = tree.renew(suite(), commit).unwrap();
    assert_eq!((renewed.leaf(), renewed.kind(), renewed.generation()), (LeafIndex(2), Handshake, 0));
    tree.commit(renewed).unwrap();
    // Generation 0 of the application ratchet stays used, and a second use of the same step is a replay.
    assert!(receive(&mut tree, 2, Application, 0).is_err());
    let again = tree.renew(suite(), same).map(|_| ());
    assert_eq!(again, Err(SecretTreeError::AlreadyReceived { generation: 0 }));
}

// breaks: R059
#[test]
fn leaves_outside_of_the_tree_are_refused() {
    let mut tree = tree(4);
    for leaf in [4, 5, 1 << 30, 1 << 31, u32::MAX] {
        let error = Err(SecretTreeError::LeafOutOfRange(LeafIndex(leaf)));
        assert_eq!(receive(&mut tree, leaf, Application, 0), error);
        assert_eq!(
            tree.prepare_next(suite(), LeafIndex(leaf), Handshake).map(|_| ()),
            error.map(|_: MessageKeys| ())
        );
        assert_eq!(tree.needs(LeafIndex(leaf), Application, 0), []);
    }
}

// breaks: R052, R141
#[test]
fn sending_uses_each_generation_once() {
    let mut tree = tree(4);
    for expected in 0..3 {
        let (keys, step) = tree.prepare_next(suite(), LeafIndex(1), Application).unwrap();
        assert_eq!((keys.generation(), step.generation()), (expected, expected));
        assert_eq!((keys.key, keys.nonce), naive(4, 1, Application, expected));
        tree.commit(step).unwrap();
    }
}

// breaks: R141
#[test]
fn the_last_generation_is_not_used() {
    let (leaf, kind) = (LeafIndex(0), Application);
    // A ratchet at its end: the row of one that counted there.
    let row = [&[1][..], &(u32::MAX - 1).to_be_bytes(), &[0, 32], &[7; 32]].concat();
    let mut tree = SecretTree::stored(size(2), RatchetLimits::default());
    tree.load(SecretTreeKey::Ratchet(leaf, kind), Some(&row)).unwrap();
    let (keys, step) = tree.prepare_next(suite(), leaf, kind).unwrap();
    assert_eq!(keys.generation(), u32::MAX - 1);
    tree.commit(step).unwrap();
    let exhausted = Err(SecretTreeError::GenerationsExhausted);
    assert_eq!(tree.prepare_next(suite(), leaf, kind).map(|_| ()), exhausted);
    assert_eq!(tree.prepare(suite(), leaf, kind, u32::MAX).map(|_| ()), exhausted);
}

// breaks: R142, R146
#[test]
fn a_past_epoch_receives_application_data_only() {
    let mut tree = tree(4);
    for kind in [Application, Handshake] {
        receive(&mut tree, 0, kind, 1).unwrap();
    }
    let mut store = Store::with(&tree);
    let mut tree = tree.into_past();
    store.0.retain(|key, _| {
        !matches!(key, SecretTreeKey::Ratchet(_, Handshake) | SecretTreeKey::Skipped(_, Handshake, _))
    });
    assert_eq!(Store::with(&tree).0, store.0);
    // A late message, a next one, and the first of another leaf.
    for (leaf, generation) in [(0, 0), (0, 2), (3, 0)] {
        let refused = receive(&mut tree, leaf, Handshake, generation);
        assert_eq!(refused, Err(SecretTreeError::HandshakeKeysDeleted));
        let keys = receive(&mut tree, leaf, Application, generation).unwrap();
        assert_eq!((keys.key.clone(), keys.nonce.clone()), naive(4, leaf, Application, generation));
        // Alike from storage.
        let mut stored = SecretTree::stored_past(size(4), RatchetLimits::default());
        let needs = |tree: &SecretTree| tree.needs(LeafIndex(leaf), Application, generation);
        store.load(&mut stored, needs);
        assert_eq!(stored.needs(LeafIndex(leaf), Handshake, 0), []);
        let (again, step) = stored.prepare(suite(), LeafIndex(leaf), Application, generation).unwrap();
        assert_eq!(again, keys);
        store.apply(&step.rows());
        assert_eq!(Store::with(&tree).0, store.0);
    }
    assert!(store.0.keys().all(|key| !matches!(key, SecretTreeKey::Ratchet(_, Handshake))));
}

#[test]
fn a_tree_without_its_rows_says_so() {
    let mut tree = SecretTree::stored(size(4), RatchetLimits::default());
    let empty = Store::default();
    empty.load(&mut tree, |tree| tree.needs(LeafIndex(1), Application, 0));
    assert_eq!(receive(&mut tree, 1, Application, 0), Err(SecretTreeError::NoSecret(LeafIndex(1))));
}

/// A KDF that must not be called.
#[derive(Debug)]
struct Forbidden;

impl Kdf for Forbidden {
    fn id(&self) -> KdfId {
        KdfId::HKDF_SHA256
    }

    fn extract_len(&self) -> usize {
        32
    }

    fn extract(&self, _: &[u8], _: &[&[u8]]) -> Secret {
        panic!("extract")
    }

    fn expand(&self, _: &Secret, _: &[&[u8]], _: usize) -> Result<Secret, CryptoError> {
        Err(CryptoError::Backend("called"))
    }
}

// breaks: R145, R060
#[test]
fn what_is_refused_is_refused_before_any_derivation() {
    let suite = CipherSuite { kdf: &Forbidden, ..*suite() };
    let prepare = |tree: &SecretTree, generation| {
        tree.prepare(&suite, LeafIndex(0), Application, generation).map(|_| ()).unwrap_err()
    };
    let mut tree = tree(2);
    assert_eq!(prepare(&tree, u32::MAX), SecretTreeError::TooFarAhead { generation: u32::MAX, next: 0 });
    assert_eq!(prepare(&tree, 0), SecretTreeError::Crypto(CryptoError::Backend("called")));
    receive(&mut tree, 0, Application, 0).unwrap();
    assert_eq!(prepare(&tree, u32::MAX), SecretTreeError::TooFarAhead { generation: u32::MAX, next: 1 });
    assert_eq!(prepare(&tree, 0), SecretTreeError::AlreadyReceived { generation: 0 });
}
