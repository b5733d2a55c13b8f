//! Costs by counting (hashes, rows, bytes) for trees of 2^6 to 2^12 members.

use std::sync::atomic::{AtomicUsize, Ordering};

use pleach_crypto::{CipherSuite, Digest, Hash, Secret, Serial};
use pleach_tree::{Change, RatchetTree, TreeError};
use pleach_wire::{Kept, LeafIndex, LeafNode, LeafNodeSource, Lifetime};

use crate::support::{Dice, leaf_node, suite};

#[derive(Debug)]
struct Counting {
    inner: &'static dyn Hash,
    count: AtomicUsize,
}

impl Hash for Counting {
    fn output_len(&self) -> usize {
        self.inner.output_len()
    }

    fn hash(&self, parts: &[&[u8]]) -> Digest {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.inner.hash(parts)
    }

    fn hmac(&self, key: &Secret, parts: &[&[u8]]) -> Digest {
        self.inner.hmac(key, parts)
    }
}

struct Bench {
    suite: CipherSuite,
    hash: &'static Counting,
    dice: Dice,
}

impl Bench {
    fn new() -> Self {
        let base = suite();
        let hash: &'static Counting =
            Box::leak(Box::new(Counting { inner: base.hash, count: AtomicUsize::new(0) }));
        Self { suite: CipherSuite { hash, ..base }, hash, dice: Dice::new(99) }
    }

    /// Leaves without a true signature, which nobody here checks; any 32 bytes are a key of X25519.
    fn leaf(&self, source: LeafNodeSource) -> LeafNode {
        let [key, signature] = [0, 1].map(|_| pleach_crypto::SecureRandom::bytes(&self.dice, 32).unwrap());
        leaf_node(&self.suite, source, key.into(), &signature, &[])
    }

    fn member(&self) -> Kept<LeafNode> {
        let source = LeafNodeSource::KeyPackage(Lifetime { not_before: 0, not_after: 1 });
        Kept::new(self.leaf(source)).unwrap()
    }

    /// A tree of `n` members in which every parent is set.
    fn full(&self, n: u32) -> RatchetTree {
        let mut tree = RatchetTree::new(&self.suite, self.member());
        for _ in 1..n {
            tree.add_leaf(self.member()).unwrap();
        }
        for sender in (0..n).step_by(2) {
            tree = self.path(&tree, sender).tree().clone();
        }
        tree
    }

    fn path(&self, tree: &RatchetTree, sender: u32) -> pleach_tree::PendingPath {
        tree.begin_path(LeafIndex(sender), &self.dice, |new| {
            let mut leaf = self.leaf(LeafNodeSource::Commit { parent_hash: new.parent_hash });
            leaf.encryption_key = new.encryption_key;
            Ok::<_, TreeError>(Kept::new(leaf)?)
        })
        .unwrap()
    }

    fn counted<T>(&self, work: impl FnOnce() -> T) -> (T, usize) {
        let before = self.hash.count.load(Ordering::Relaxed);
        let value = work();
        (value, self.hash.count.load(Ordering::Relaxed) - before)
    }
}

/// The most hashes for each operation, per level and besides. Of a path's three per level, one is the tree hash, one the
/// parent hash, and one names the new key in the index.
#[test]
fn a_change_hashes_its_path_only() {
    let bench = Bench::new();
    for levels in [6, 8, 10, 12] {
        let tree = bench.full(1 << levels);
        tree.tree_hash().unwrap();
        let at_most = |what: &str, count: usize, per_level: usize, besides: usize| {
            let bound = per_level * levels + besides;
            assert!(count <= bound, "{what} at {levels} levels: {count} hashes, not {bound}");
            // Tight, so that the bound stays what it says.
            assert!(
                bound <= count + count / 4,
                "{what} at {levels} levels: only {count} hashes, not {bound}"
            );
        };

        let (pending, count) = bench.counted(|| {
            let pending = bench.path(&tree, 5);
            pending.tree().tree_hash().unwrap();
            pending
        });
        at_most("create a path", count, 3, 5);

        let path = pending.encrypt(b"context", &[], &Serial, &bench.dice).unwrap();
        assert_eq!(path.nodes.iter().map(|node| node.encrypted_path_secret.len()).sum::<usize>(), levels);
        let (new, count) = bench.counted(|| {
            let new = tree.apply_update_path(LeafIndex(5), &path, &[]).unwrap();
            new.tree_hash().unwrap();
            new
        });
        at_most("apply a path", count, 3, 5);
        let (mut puts, mut bytes) = (0, 0);
        new.changes_since(Some(&tree), &mut |change| {
            if let Change::Put(_, row) = change {
                (puts, bytes) = (puts + 1, bytes + row.len());
            }
            Ok::<(), TreeError>(())
        })
        .unwrap();
        assert_eq!(puts, levels + 1);
        assert!(bytes <= 250 * levels + 300, "{bytes} bytes of rows");

        let ((), count) = bench.counted(|| {
            let mut tree = tree.clone();
            tree.update_leaf(LeafIndex(9), bench.member()).unwrap();
            tree.tree_hash().unwrap();
        });
        at_most("update", count, 1, 3);

        let (with_gap, count) = bench.counted(|| {
            let mut tree = tree.clone();
            tree.remove_leaf(LeafIndex(9)).unwrap();
            tree.tree_hash().unwrap();
            tree
        });
        at_most("remove", count, 1, 1);

        let ((), count) = bench.counted(|| {
            let mut tree = with_gap.clone();
            assert_eq!(tree.add_leaf(bench.member()), Ok(LeafIndex(9)));
            tree.tree_hash().unwrap();
        });
        at_most("add", count, 1, 3);
    }
}

/// Only the Add that doubles the tree pays for the new half; those that follow do not, truncation forgets nothing.
#[test]
fn blank_subtrees_are_hashed_once() {
    let bench = Bench::new();
    let n: usize = 1 << 10;
    let mut tree = RatchetTree::new(&bench.suite, bench.member());
    for _ in 1..n {
        tree.add_leaf(bench.member()).unwrap();
    }
    tree.tree_hash().unwrap();
    let add = |tree: &mut RatchetTree| {
        let leaf = bench.member();
        bench
            .counted(|| {
                tree.add_leaf(leaf).unwrap();
                tree.tree_hash().unwrap();
            })
            .1
    };
    let doubling = add(&mut tree);
    assert!((n..3 * n).contains(&doubling), "{doubling}");
    for _ in 0..n / 2 {
        let count = add(&mut tree);
        assert!(count <= 10 + 12, "{count}");
    }
    for _ in 0..=n / 2 {
        tree.remove_leaf(LeafIndex(tree.member_count() - 1)).unwrap();
    }
    assert_eq!(tree.size().leaf_count() as usize, n);
    tree.tree_hash().unwrap();
    let count = add(&mut tree);
    assert!(count <= 10 + 12, "{count}");
}

/// A join hashes each node once for the tree hash, and at most two parent hashes per parent.
#[test]
fn a_join_hashes_each_node_once() {
    let bench = Bench::new();
    let n = 1 << 8;
    let nodes = bench.full(n).to_nodes().unwrap();
    let (tree, count) = bench.counted(|| RatchetTree::from_nodes(&bench.suite, nodes).unwrap());
    assert_eq!(count, 3 * n as usize - 1); // index tags: two keys per leaf, one per parent
    let (_, count) = bench.counted(|| tree.tree_hash().unwrap());
    assert_eq!(count, 2 * n as usize - 1);
    let (found, count) = bench.counted(|| tree.verify_parent_hashes(&Serial));
    assert_eq!(found, Ok(()));
    assert!(count < 2 * n as usize, "{count}");
}
