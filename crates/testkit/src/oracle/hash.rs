//! Resolutions (§4.1.1), filtered direct paths (§4.1.2), tree hashes (§7.8), parent hashes (§7.9) and their validity
//! (§7.9.2).
#![expect(clippy::unwrap_used, reason = "what a test put into the tree has an encoding")]

use pleach_crypto::Digest;
use pleach_wire::{
    LeafIndex, LeafNodeHashInput, LeafNodeSource, ParentHashInput, ParentNodeHashInput, TreeHashInput, encode,
};

use super::{Oracle, OracleNode, Wrong, math};

impl Oracle {
    /// The resolution of a node.
    #[must_use]
    pub fn resolution(&self, node: usize) -> Vec<usize> {
        match &self.nodes[node] {
            Some(OracleNode::Leaf(_)) => vec![node],
            Some(OracleNode::Parent(parent)) => {
                let mut resolution = vec![node];
                if !self.is_wrong(Wrong::ResolutionWithoutUnmerged) {
                    resolution.extend(parent.unmerged_leaves.iter().map(|leaf| 2 * *leaf as usize));
                }
                resolution
            }
            None if math::level(node) == 0 => Vec::new(),
            None => {
                let mut children = [math::left(node), math::right(node)];
                if self.is_wrong(Wrong::ResolutionFromTheRight) {
                    children.reverse();
                }
                children.map(|child| self.resolution(child)).concat()
            }
        }
    }

    /// The filtered direct path of a leaf with its copath, from the leaf up.
    #[must_use]
    pub fn filtered_direct_path(&self, leaf: u32) -> Vec<(usize, usize)> {
        let (node, n) = (2 * leaf as usize, self.leaf_count());
        let path = math::direct_path(node, n).into_iter().zip(math::copath(node, n));
        let keep_all = self.is_wrong(Wrong::DoesNotFilter);
        path.filter(|(_, copath)| keep_all || !self.resolution(*copath).is_empty()).collect()
    }

    /// The tree hash of the root.
    #[must_use]
    pub fn root_hash(&self) -> Digest {
        self.tree_hash(math::root(self.leaf_count()))
    }

    /// The tree hash of a node.
    #[must_use]
    pub fn tree_hash(&self, node: usize) -> Digest {
        self.tree_hash_without(node, &[], &mut |_, _| ())
    }

    /// The tree hashes of all nodes.
    #[must_use]
    pub fn tree_hashes(&self) -> Vec<Digest> {
        let mut all = vec![Digest::from_fn(0, |_| ()); self.nodes.len()];
        let _root =
            self.tree_hash_without(math::root(self.leaf_count()), &[], &mut |node, hash| all[node] = hash);
        all
    }

    /// The tree hash of a node with some leaves blanked and taken out of all `unmerged_leaves`.
    fn tree_hash_without(&self, node: usize, without: &[u32], seen: &mut dyn FnMut(usize, Digest)) -> Digest {
        let input = if math::level(node) == 0 {
            let index = (node / 2) as u32;
            let leaf_node = if without.contains(&index) { None } else { self.leaf(index) };
            let blank_anywhere = leaf_node.is_none() && self.is_wrong(Wrong::BlankLeavesAlike);
            let leaf_index = LeafIndex(if blank_anywhere { 0 } else { index });
            encode(&TreeHashInput::Leaf(LeafNodeHashInput { leaf_index, leaf_node }))
        } else {
            let left = self.tree_hash_without(math::left(node), without, seen);
            let right = self.tree_hash_without(math::right(node), without, seen);
            let parent = self.parent(node).map(|parent| parent.to_wire(without));
            encode(&TreeHashInput::Parent(ParentNodeHashInput {
                parent_node: parent.as_ref(),
                left_hash: left.as_bytes(),
                right_hash: right.as_bytes(),
            }))
        };
        let hash = self.suite.hash.hash(&[&input.unwrap()]);
        seen(node, hash);
        hash
    }

    /// The parent hash of a parent node that is not blank, with this child as the sibling (§7.9).
    #[must_use]
    pub fn parent_hash(&self, node: usize, copath_child: usize) -> Digest {
        let parent = self.parent(node).unwrap();
        let sibling = if self.is_wrong(Wrong::WrongSiblingInParentHash) {
            math::sibling(copath_child, self.leaf_count())
        } else {
            copath_child
        };
        let removed: &[u32] =
            if self.is_wrong(Wrong::CurrentSiblingHash) { &[] } else { &parent.unmerged_leaves };
        let original = self.tree_hash_without(sibling, removed, &mut |_, _| ());
        let input = ParentHashInput {
            encryption_key: &parent.encryption_key,
            parent_hash: &parent.parent_hash,
            original_sibling_tree_hash: original.as_bytes(),
        };
        self.suite.hash.hash(&[&encode(&input).unwrap()])
    }

    /// The parent hash that a node holds, if it can hold one.
    fn held_parent_hash(&self, node: usize) -> Option<&[u8]> {
        match self.nodes[node].as_ref()? {
            OracleNode::Parent(parent) => Some(&parent.parent_hash),
            OracleNode::Leaf(leaf) => match &leaf.leaf_node_source {
                LeafNodeSource::Commit { parent_hash } => Some(parent_hash),
                _ => None,
            },
        }
    }

    /// Whether parent node `p` is parent-hash valid with respect to `d`, which is below its child `c` (§7.9.2).
    fn is_valid_link(&self, p: usize, c: usize, d: usize) -> bool {
        let Some(held) = self.held_parent_hash(d) else { return false };
        let parent = self.parent(p).unwrap();
        let below_c =
            parent.unmerged_leaves.iter().map(|leaf| 2 * *leaf as usize).filter(|x| math::is_below(*x, c));
        let mut unmerged: Vec<usize> = below_c.collect();
        let mut others = self.resolution(c);
        if !others.contains(&d) {
            return false;
        }
        others.retain(|node| *node != d);
        unmerged.sort_unstable();
        others.sort_unstable();
        unmerged == others && held == self.parent_hash(p, math::sibling(c, self.leaf_count())).as_bytes()
    }

    /// Whether every parent node that is not blank is in exactly one chain of valid parent hashes from a leaf (§7.9.2).
    #[must_use]
    pub fn is_parent_hash_valid(&self) -> bool {
        let mut parents: Vec<usize> =
            (0..self.nodes.len()).filter(|node| self.parent(*node).is_some()).collect();
        parents.sort_by_key(|node| math::level(*node));
        // How many chains end in a node. A leaf begins one.
        let mut chains: Vec<usize> = (0..self.nodes.len()).map(|node| 1 - node % 2).collect();
        for p in &parents {
            let mut covered = 0;
            for c in [math::left(*p), math::right(*p)] {
                for d in self.resolution(c) {
                    if self.is_valid_link(*p, c, d) {
                        covered += chains[d];
                    }
                }
            }
            chains[*p] = covered;
        }
        parents.iter().all(|p| chains[*p] == 1)
    }
}
