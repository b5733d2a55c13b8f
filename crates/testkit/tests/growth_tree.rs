//! How the cost of tree operations grows with the size of the group, by counting what is done with the cipher suite.
//!
//! In full trees of 2^4 to 2^12 members every operation must cost a * log2 n + b, with the a and b below: a quarter more
//! fails, and so does a quarter less, so that the numbers stay true. What is counted includes the new tree hash.
//!
//! Not here: what is linear by its nature (a tree that was received), and time.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use pleach_crypto::{Secret, Serial};
use pleach_testkit::{
    members::Member,
    null_crypto::{Counts, NullSuite},
    random::SeededRandom,
    synthetic::{SyntheticTree, full_tree},
};
use pleach_tree::{NewLeaf, RatchetTree, TreeError, TreePrivate};
use pleach_wire::{Kept, LeafIndex, LeafNode, LeafNodeSource, UpdatePath};

const GROUP_ID: &[u8] = b"growth";
const CONTEXT: &[u8] = b"a provisional GroupContext";
const HEIGHTS: std::ops::RangeInclusive<u32> = 4..=12;

/// A group of 2^height members, hashed.
struct Group {
    null: NullSuite,
    rng: SeededRandom,
    tree: RatchetTree,
    synthetic: SyntheticTree,
}

impl Group {
    fn new(height: u32) -> Self {
        let null = NullSuite::new();
        let synthetic = full_tree(null.suite(), 1 << height, GROUP_ID, u64::from(height));
        let tree = RatchetTree::from_nodes(null.suite(), synthetic.nodes.clone()).unwrap();
        assert_eq!(tree.tree_hash().unwrap(), synthetic.tree_hash);
        Self { null, rng: SeededRandom::new(7), tree, synthetic }
    }

    fn last(&self) -> LeafIndex {
        LeafIndex(self.tree.size().leaf_count() - 1)
    }

    /// A member's private keys, as they lie in a store.
    fn private(&self, leaf: LeafIndex) -> TreePrivate {
        let keys = self.synthetic.private_keys_of(leaf.0);
        let mut row = vec![1];
        row.extend(leaf.0.to_be_bytes());
        let put = |row: &mut Vec<u8>, key: &Secret| {
            row.extend((key.len() as u16).to_be_bytes());
            row.extend(key.as_bytes());
        };
        put(&mut row, &keys[&leaf.node()]);
        for (node, key) in keys.iter().filter(|(node, _)| **node != leaf.node()) {
            row.extend(node.0.to_be_bytes());
            put(&mut row, key);
        }
        let private = TreePrivate::decode(&row).unwrap();
        private.verify(&self.tree).unwrap();
        private
    }

    fn path_of(&self, sender: LeafIndex) -> (RatchetTree, UpdatePath) {
        let member = &self.synthetic.members[sender.0 as usize];
        let sign = |new: NewLeaf| {
            let source = LeafNodeSource::Commit { parent_hash: new.parent_hash };
            Ok::<Kept<LeafNode>, TreeError>(member.leaf(
                self.null.suite(),
                &new.encryption_key,
                source,
                GROUP_ID,
                sender.0,
            ))
        };
        let pending = self.tree.begin_path(sender, &self.rng, sign).unwrap();
        let path = pending.encrypt(CONTEXT, &[], &Serial, &self.rng).unwrap();
        (pending.finish().0, path)
    }
}

/// What one size costs.
fn costs(operation: &dyn Fn(&Group) -> Counts) -> Vec<(u32, Counts)> {
    HEIGHTS.map(|height| (height, operation(&Group::new(height)))).collect()
}

/// Whether the counts lie on the line a * height + b, give or take a quarter.
fn fits(points: &[(u32, u64)], a: f64, b: f64) -> Result<(), String> {
    for (height, count) in points {
        let expected = a * f64::from(*height) + b;
        if (*count as f64 - expected).abs() > 0.25 * expected {
            return Err(format!("2^{height} members: {count}, not about {expected}; all: {points:?}"));
        }
    }
    Ok(())
}

/// A kind of cost, and its a and b.
type Line = (&'static str, fn(&Counts) -> u64, f64, f64);

const fn hashes(counts: &Counts) -> u64 {
    counts.hashes
}

const fn kem(counts: &Counts) -> u64 {
    counts.kem_operations()
}

const fn signatures(counts: &Counts) -> u64 {
    counts.signs + counts.verifies
}

fn assert_growth(operation: &dyn Fn(&Group) -> Counts, lines: &[Line]) {
    let costs = costs(operation);
    for (kind, of, a, b) in lines {
        let points: Vec<(u32, u64)> = costs.iter().map(|(height, counts)| (*height, of(counts))).collect();
        if let Err(error) = fits(&points, *a, *b) {
            panic!("{kind}: {error}");
        }
    }
}

#[test]
fn adding_a_member() {
    let operation = |group: &Group| {
        let mut tree = group.tree.clone();
        tree.remove_leaf(LeafIndex(5)).unwrap();
        let _known = tree.tree_hash().unwrap();
        let member = Member::new(group.null.suite(), b"new", &group.rng);
        let (leaf, _) = member.new_leaf(group.null.suite(), &group.rng);
        let add = || {
            assert_eq!(tree.add_leaf(leaf), Ok(LeafIndex(5)));
            tree.tree_hash().unwrap()
        };
        group.null.counted(add).1
    };
    assert_growth(
        &operation,
        &[("hashes", hashes, 1.0, 3.0), ("kem", kem, 0.0, 0.0), ("signatures", signatures, 0.0, 0.0)],
    );
}

#[test]
fn updating_a_member() {
    let operation = |group: &Group| {
        let mut tree = group.tree.clone();
        let member = &group.synthetic.members[5];
        let (leaf, _) = member.update_leaf(group.null.suite(), GROUP_ID, 5, &group.rng);
        let update = || {
            tree.update_leaf(LeafIndex(5), leaf).unwrap();
            tree.tree_hash().unwrap()
        };
        group.null.counted(update).1
    };
    assert_growth(
        &operation,
        &[("hashes", hashes, 1.0, 3.0), ("kem", kem, 0.0, 0.0), ("signatures", signatures, 0.0, 0.0)],
    );
}

#[test]
fn removing_a_member() {
    let operation = |group: &Group| {
        let mut tree = group.tree.clone();
        let remove = || {
            tree.remove_leaf(LeafIndex(5)).unwrap();
            tree.tree_hash().unwrap()
        };
        group.null.counted(remove).1
    };
    assert_growth(
        &operation,
        &[("hashes", hashes, 1.0, 1.0), ("kem", kem, 0.0, 0.0), ("signatures", signatures, 0.0, 0.0)],
    );
}

#[test]
fn creating_a_path() {
    let operation = |group: &Group| {
        let create = || group.path_of(LeafIndex(5)).0.tree_hash().unwrap();
        group.null.counted(create).1
    };
    assert_growth(
        &operation,
        &[("hashes", hashes, 3.0, 4.0), ("kem", kem, 2.0, 1.0), ("signatures", signatures, 0.0, 1.0)],
    );
}

/// By the member for whom most of the path is new: the other half of the tree gets the whole of it, a sibling nothing
/// but what is above, so the cost is that of the levels above the common ancestor.
#[test]
fn applying_a_path() {
    let sender = LeafIndex(5);
    let apply = |group: &Group, receiver: LeafIndex| {
        let (expected, path) = group.path_of(sender);
        let private = group.private(receiver);
        let apply = || {
            let tree = group.tree.apply_update_path(sender, &path, &[]).unwrap();
            tree.verify_leaf_signature(GROUP_ID, sender).unwrap();
            let _opened = tree.decrypt_path(sender, &private, &path, CONTEXT, &[]).unwrap();
            tree.tree_hash().unwrap()
        };
        let (hash, counts) = group.null.counted(apply);
        assert_eq!(hash, expected.tree_hash().unwrap());
        counts
    };
    let sibling = |group: &Group| apply(group, LeafIndex(4));
    assert_growth(
        &sibling,
        &[("hashes", hashes, 3.0, 4.0), ("kem", kem, 1.0, 1.0), ("signatures", signatures, 0.0, 1.0)],
    );
    let far = |group: &Group| apply(group, group.last());
    assert_growth(
        &far,
        &[("hashes", hashes, 3.0, 4.0), ("kem", kem, 0.0, 2.0), ("signatures", signatures, 0.0, 1.0)],
    );
}

/// The measure itself: what costs O(n) must not pass for a * log n + b, whatever a and b.
#[test]
fn linear_costs_do_not_fit() {
    let operation = |group: &Group| {
        let hash = || {
            let tree = RatchetTree::from_nodes(group.null.suite(), group.synthetic.nodes.clone()).unwrap();
            tree.tree_hash().unwrap()
        };
        group.null.counted(hash).1
    };
    let points: Vec<(u32, u64)> =
        costs(&operation).iter().map(|(height, counts)| (*height, counts.hashes)).collect();
    for a in 0..2000 {
        for b in [-1000.0, -100.0, 0.0, 10.0, 100.0, 1000.0] {
            assert!(fits(&points, f64::from(a) * 4.0, b).is_err());
        }
    }
    assert!(points.iter().all(|(height, hashes)| *hashes >= 2 << height));
}
