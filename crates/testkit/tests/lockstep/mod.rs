//! The library's tree and the oracle side by side: every change is made to both, and what they say is compared.
//!
//! The randomness of both is the same stream, so that keys, path secrets and ciphertexts must be equal, too. A few members
//! (the watchers) keep their private keys the way a member does; they must hold what §4.2 says, no more and no less.

use std::collections::BTreeMap;

use pleach_crypto::{CipherSuite, Secret, Serial};
use pleach_testkit::{
    members::Member,
    oracle::{Oracle, Wrong},
    random::SeededRandom,
    synthetic::full_tree,
};
use pleach_tree::{NewLeaf, RatchetTree, TreeError, TreePrivate};
use pleach_wire::{Kept, LeafIndex, LeafNode, LeafNodeSource, Node, NodeIndex, ParentNode, RatchetTreeNodes};

const GROUP_ID: &[u8] = b"lockstep";
const MAX_MEMBERS: u32 = 300;
const WATCHERS: usize = 4;
/// Everything is compared in every so many steps, and at the end; the root's hash in every step.
const FULL_COMPARISON: usize = 20;

type Check = Result<(), String>;

macro_rules! same {
    ($library:expr, $oracle:expr, $($what:tt)*) => {
        if $library != $oracle {
            return Err(format!("{} differ", format_args!($($what)*)));
        }
    };
}

fn fails<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> String {
    move |error| format!("{what}: {error}")
}

/// A sequence of `steps` random changes; the error says where library and oracle part.
pub(crate) fn run(suite: &CipherSuite, seed: u64, steps: usize, wrong: Option<Wrong>) -> Check {
    let mut world = World::new(suite, seed, wrong);
    for step in 0..steps {
        let what = world.step().map_err(|error| format!("step {step}: {error}"))?;
        let context = |error| format!("step {step}, {what}: {error}");
        world.compare_root().map_err(context)?;
        if step % FULL_COMPARISON == FULL_COMPARISON - 1 || step + 1 == steps {
            world.compare_all().map_err(context)?;
        }
    }
    world.compare_copies().map_err(|error| format!("at the end: {error}"))
}

struct World {
    suite: CipherSuite,
    rng: SeededRandom,
    library: RatchetTree,
    oracle: Oracle,
    members: BTreeMap<u32, Member>,
    /// The private keys of some members, as they keep them.
    watchers: BTreeMap<u32, TreePrivate>,
    /// An older tree, which shares nodes with this one, and what was in it.
    older: Option<(RatchetTree, RatchetTreeNodes)>,
    count: u64,
}

/// The new members of a Commit: where, and their leaves' private keys.
type Added = Vec<(u32, Secret)>;

impl World {
    fn new(suite: &CipherSuite, seed: u64, wrong: Option<Wrong>) -> Self {
        let rng = SeededRandom::new(seed);
        let mut world = if rng.below(2) == 0 {
            // Full, with a key in every parent.
            let leaves = 1 << rng.below(9);
            let tree = full_tree(suite, leaves, GROUP_ID, rng.next_u64());
            let keys =
                tree.private.iter().cloned().enumerate().map(|(node, key)| (node as u32, key)).collect();
            let oracle = Oracle::from_nodes(suite, tree.nodes.clone(), &keys);
            let library = RatchetTree::from_nodes(suite, tree.nodes.clone()).unwrap();
            let members = (0..leaves).zip(tree.members).collect();
            Self {
                suite: *suite,
                rng,
                library,
                oracle,
                members,
                watchers: BTreeMap::new(),
                older: None,
                count: 0,
            }
        } else {
            // Without any.
            let member = Member::new(suite, b"creator", &rng);
            let (leaf, private) = member.new_leaf(suite, &rng);
            let library = RatchetTree::new(suite, leaf.clone());
            let oracle = Oracle::new(suite, leaf, private.clone());
            let members = BTreeMap::from([(0, member)]);
            let watchers = BTreeMap::from([(0, TreePrivate::new(LeafIndex(0), private))]);
            let mut world =
                Self { suite: *suite, rng, library, oracle, members, watchers, older: None, count: 0 };
            for _ in 0..1 << world.rng.below(9) {
                let _same_so_far = world.add();
            }
            world
        };
        world.oracle = world.oracle.with_mistake(wrong);
        world
    }

    fn step(&mut self) -> Result<&'static str, String> {
        let alone = self.members.len() == 1;
        let full = self.members.len() as u32 >= MAX_MEMBERS;
        match self.rng.below(20) {
            0..5 if !full => self.add().map(|_| "add"),
            5..8 => self.update().map(|()| "update"),
            8..12 if !alone => self.remove().map(|()| "remove"),
            12..14 if !full => self.external_commit().map(|()| "external commit"),
            14 if self.members.len() > 8 => self.remove_a_range().map(|()| "remove many"),
            _ => self.commit().map(|()| "commit"),
        }
    }

    fn some_member(&self) -> u32 {
        let nth = self.rng.below(self.members.len());
        *self.members.keys().nth(nth).unwrap()
    }

    fn some_member_but(&self, not: &[u32]) -> Option<u32> {
        let others: Vec<u32> = self.members.keys().copied().filter(|leaf| !not.contains(leaf)).collect();
        self.rng.pick(&others)
    }

    fn new_member(&mut self) -> Member {
        self.count += 1;
        Member::new(&self.suite, format!("new {}", self.count).as_bytes(), &self.rng)
    }

    fn add(&mut self) -> Result<(u32, Secret), String> {
        let member = self.new_member();
        let (leaf, private) = member.new_leaf(&self.suite, &self.rng);
        same!(self.library.next_leaf_index().0, self.oracle.next_leaf(), "places for a new member");
        let index = self.library.add_leaf(leaf.clone()).map_err(fails("add"))?.0;
        same!(index, self.oracle.add(leaf, private.clone()), "places of a new member");
        self.members.insert(index, member);
        if self.watchers.len() < WATCHERS {
            self.watchers.insert(index, TreePrivate::new(LeafIndex(index), private.clone()));
        }
        self.forget_blanked_keys()?;
        Ok((index, private))
    }

    fn update(&mut self) -> Check {
        let index = self.some_member();
        self.update_of(index)
    }

    fn update_of(&mut self, index: u32) -> Check {
        let (leaf, private) = self.members[&index].update_leaf(&self.suite, GROUP_ID, index, &self.rng);
        self.library.update_leaf(LeafIndex(index), leaf.clone()).map_err(fails("update"))?;
        self.oracle.update(index, leaf, private.clone());
        if let Some(watcher) = self.watchers.get_mut(&index) {
            watcher.set_leaf_private(private);
        }
        self.forget_blanked_keys()
    }

    fn remove(&mut self) -> Check {
        let index = self.some_member();
        self.remove_of(index)
    }

    fn remove_of(&mut self, index: u32) -> Check {
        self.library.remove_leaf(LeafIndex(index)).map_err(fails("remove"))?;
        self.oracle.remove(index);
        self.members.remove(&index);
        self.watchers.remove(&index);
        self.forget_blanked_keys()
    }

    /// All members behind some leaf, so that the tree is truncated by several levels.
    fn remove_a_range(&mut self) -> Check {
        let from = self.some_member().max(1);
        let gone: Vec<u32> = self.members.keys().copied().filter(|leaf| *leaf >= from).collect();
        let last = gone.last().copied();
        // The last one last: then the tree shrinks at once.
        for index in gone.iter().copied().filter(|leaf| Some(*leaf) != last).chain(last) {
            if self.members.len() > 1 {
                self.remove_of(index)?;
            }
        }
        Ok(())
    }

    /// Some Updates, Removes and Adds, then the path of a member that was there before.
    fn commit(&mut self) -> Check {
        let committer = self.some_member();
        let mut touched = vec![committer];
        for _ in 0..self.rng.below(3) {
            if let Some(index) = self.some_member_but(&touched) {
                touched.push(index);
                self.update_of(index)?;
            }
        }
        for _ in 0..self.rng.below(3) {
            if let Some(index) = self.some_member_but(&touched) {
                self.remove_of(index)?;
            }
        }
        let mut added = Added::new();
        for _ in 0..self.rng.below(4) {
            if self.members.len() < MAX_MEMBERS as usize {
                added.push(self.add()?);
            }
        }
        self.path(committer, &added)
    }

    /// A joiner's path, perhaps in the place of an old instance of it (§12.4.3.2).
    fn external_commit(&mut self) -> Check {
        let old = (self.rng.below(3) == 0).then(|| self.some_member());
        let member = self.new_member();
        if let Some(old) = old {
            self.remove_of(old)?;
        }
        let joiner = self.oracle.next_leaf();
        same!(self.library.next_leaf_index().0, joiner, "places for a joiner");
        self.members.insert(joiner, member);
        self.path(joiner, &Added::new())
    }

    fn path(&mut self, committer: u32, added: &Added) -> Check {
        let suite = self.suite;
        let member = &self.members[&committer];
        let excluded: Vec<u32> = added.iter().map(|(index, _)| *index).collect();
        let excluded_leaves: Vec<LeafIndex> = excluded.iter().copied().map(LeafIndex).collect();
        let leaf = |key: &[u8], parent_hash: &[u8]| {
            let source = LeafNodeSource::Commit { parent_hash: parent_hash.into() };
            member.leaf(&suite, key, source, GROUP_ID, committer)
        };

        // Created.
        let shared = self.rng.fork();
        let pending = self.library.begin_path(LeafIndex(committer), &self.rng, |new: NewLeaf| {
            Ok::<Kept<LeafNode>, TreeError>(leaf(&new.encryption_key, &new.parent_hash))
        });
        let pending = pending.map_err(fails("begin_path"))?;
        let expected = self.oracle.create_path(committer, &shared, leaf);
        same!(*pending.leaf_node(), expected.leaf_node, "new leaves");
        same!(*pending.commit_secret(), expected.commit_secret, "commit secrets");
        same!(pending.tree().tree_hash().unwrap(), expected.tree.root_hash(), "trees with a path");

        // Encrypted.
        let context = expected.tree.root_hash();
        let context = context.as_bytes();
        let shared = self.rng.fork();
        let path =
            pending.encrypt(context, &excluded_leaves, &Serial, &self.rng).map_err(fails("encrypt"))?;
        same!(path, expected.encrypt(context, &excluded, &shared), "UpdatePaths");

        // Received.
        let sender = LeafIndex(committer);
        let merged =
            self.library.apply_update_path(sender, &path, &excluded_leaves).map_err(fails("apply"))?;
        same!(merged.tree_hash().unwrap(), expected.tree.root_hash(), "merged trees");
        let naive = self.oracle.merge_path(committer, &path);
        same!(naive.root_hash(), expected.tree.root_hash(), "the oracle's own merged trees");
        let mut watchers = BTreeMap::new();
        for (index, private) in &self.watchers {
            if *index == committer || excluded.contains(index) {
                continue;
            }
            let opened = merged.decrypt_path(sender, private, &path, context, &excluded_leaves);
            let (secret, private) = opened.map_err(fails("decrypt_path"))?;
            same!(secret, expected.commit_secret, "commit secrets of leaf {index}");
            let opened = naive.decrypt_path(&self.oracle, *index, committer, &path, context, &excluded);
            same!(secret, opened.map_err(fails("the oracle's decrypt_path"))?, "commit secrets of {index}");
            watchers.insert(*index, private);
        }
        for (index, leaf_private) in added {
            let secret = pending.path_secret_for(LeafIndex(*index));
            same!(secret, expected.path_secret_for(*index), "path secrets of new member {index}");
            let joined =
                TreePrivate::from_join(&merged, LeafIndex(*index), leaf_private.clone(), secret, sender);
            let joined = joined.map_err(fails("from_join"))?;
            compare_private(&joined, &expected.tree)?;
            if self.watchers.contains_key(index) {
                watchers.insert(*index, joined);
            }
        }
        let (_, own, _) = pending.finish();
        compare_private(&own, &expected.tree)?;
        if self.watchers.contains_key(&committer) || watchers.len() < WATCHERS {
            watchers.insert(committer, own);
        }
        self.watchers = watchers;
        self.library = merged;
        self.oracle = expected.tree;
        Ok(())
    }

    fn forget_blanked_keys(&mut self) -> Check {
        let library = &self.library;
        self.watchers.values_mut().try_for_each(|private| private.retain(library)).map_err(fails("retain"))
    }

    fn compare_root(&self) -> Check {
        same!(self.library.size().leaf_count() as usize, self.oracle.leaf_count(), "sizes");
        same!(self.library.tree_hash().unwrap(), self.oracle.root_hash(), "tree hashes");
        Ok(())
    }

    fn compare_all(&mut self) -> Check {
        let (library, oracle) = (&self.library, &self.oracle);
        same!(library.member_count() as usize, oracle.members().len(), "member counts");
        let hashes = oracle.tree_hashes();
        for (node, hash) in hashes.iter().enumerate() {
            let index = NodeIndex(node as u32);
            same!(library.node_hash(index).unwrap(), *hash, "tree hashes of node {node}");
            let resolution: Vec<usize> =
                library.resolution(index).unwrap().iter().map(|node| node.0 as usize).collect();
            same!(library.resolution_len(index).unwrap() as usize, resolution.len(), "lengths at {node}");
            same!(resolution, oracle.resolution(node), "resolutions of node {node}");
            same!(library.encryption_key(index).unwrap(), oracle.encryption_key(node), "keys of node {node}");
            if let Some(leaf) = index.leaf() {
                same!(library.leaf(leaf).unwrap(), oracle.leaf(leaf.0), "leaves {leaf}");
                let filtered = library.filtered_direct_path(leaf).unwrap();
                let filtered: Vec<_> =
                    filtered.iter().map(|step| (step.node.0 as usize, step.copath.0 as usize)).collect();
                same!(filtered, oracle.filtered_direct_path(leaf.0), "filtered direct paths of {leaf}");
                continue;
            }
            let parent = library.parent(index).unwrap();
            same!(parent.is_some(), oracle.parent(node).is_some(), "blanks at {node}");
            if let Some((library, oracle)) = parent.zip(oracle.parent(node)) {
                same!(library.parent_hash(), oracle.parent_hash, "parent hashes of {node}");
                let unmerged: Vec<u32> = library.unmerged_leaves().iter().map(|leaf| leaf.0).collect();
                same!(unmerged, oracle.unmerged_leaves, "unmerged leaves of {node}");
            }
        }
        if !oracle.is_parent_hash_valid() {
            return Err("the oracle's parent hashes are not valid".into());
        }
        library.verify(GROUP_ID, &Serial, &self.rng).map_err(fails("verify"))?;
        for private in self.watchers.values() {
            private.verify(library).map_err(fails("private keys"))?;
            compare_private(private, oracle)?;
        }
        let nodes = library.to_nodes().map_err(fails("to_nodes"))?;
        if let Some((older, content)) = self.older.replace((self.library.clone(), nodes)) {
            same!(older.to_nodes().unwrap(), content, "an older tree and what was in it");
        }
        Ok(())
    }

    /// What is computed anew from the nodes is the same, and both find the same parent hashes invalid when something in
    /// the tree is changed.
    fn compare_copies(&self) -> Check {
        let nodes = self.library.to_nodes().map_err(fails("to_nodes"))?;
        let copy = RatchetTree::from_nodes(&self.suite, nodes.clone()).map_err(fails("from_nodes"))?;
        same!(copy.tree_hash().unwrap(), self.oracle.root_hash(), "hashes of a copy");
        for _ in 0..4 {
            let changed = self.changed(nodes.clone().into_vec());
            let library =
                RatchetTree::from_nodes(&self.suite, changed.clone()).map_err(fails("from_nodes"))?;
            let oracle = Oracle::from_nodes(&self.suite, changed, &BTreeMap::new());
            let (library, oracle) =
                (library.verify_parent_hashes(&Serial).is_ok(), oracle.is_parent_hash_valid());
            same!(library, oracle, "verdicts on a changed tree ({library}, {oracle})");
        }
        Ok(())
    }

    /// One node changed, perhaps.
    fn changed(&self, mut nodes: Vec<Option<Node>>) -> RatchetTreeNodes {
        let last = nodes.len() - 1;
        let at = self.rng.below(nodes.len());
        let kind = self.rng.below(4);
        match &mut nodes[at] {
            Some(Node::Parent(parent)) => {
                let ParentNode { encryption_key, parent_hash, unmerged_leaves } = (**parent).clone();
                let mut hash = parent_hash.into_vec();
                let mut unmerged = unmerged_leaves.into_vec();
                match kind {
                    0 => hash.iter_mut().take(1).for_each(|byte| *byte ^= 1),
                    1 => drop(unmerged.pop()),
                    2 => hash.clear(),
                    _ => {}
                }
                let parent_hash = hash.into();
                let changed = ParentNode { encryption_key, parent_hash, unmerged_leaves: unmerged.into() };
                nodes[at] = (kind != 3).then(|| Node::Parent(Box::new(changed)));
            }
            Some(Node::Leaf(_)) if at != last => nodes[at] = None,
            _ => {}
        }
        RatchetTreeNodes::new(nodes).unwrap()
    }
}

/// A member holds the keys that §4.2 says.
fn compare_private(private: &TreePrivate, oracle: &Oracle) -> Check {
    let expected = oracle.private_keys_of(private.own().0);
    let held: BTreeMap<usize, Secret> =
        private.nodes().map(|node| (node.0 as usize, private.secret(node).unwrap().clone())).collect();
    same!(held, expected, "private keys of leaf {}", private.own());
    Ok(())
}
