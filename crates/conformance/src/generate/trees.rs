//! Trees with all of their members' keys, grown by the library: for tree-operations, tree-validation and treekem.

use super::Seeded;
use crate::fault::{At, Bytes, Checked};
use crate::files::treekem::{GivenPath, LeafPrivate, PathSecret, begin_path, provisional_context};
use crate::files::{tree_operations, tree_validation, treekem};
use pleach_crypto::{CipherSuite, Secret, SecureRandom, Serial};
use pleach_testkit::members::Member;
use pleach_tree::{PendingPath, RatchetTree};
use pleach_wire::{
    Add, Extensions, Kept, KeyPackage, LeafIndex, LeafNode, NodeIndex, Opaque, Proposal, ProtocolVersion,
    Remove, Update, encode,
};
use std::collections::BTreeMap;

/// A tree and what its members know.
pub(super) struct Grown<'a> {
    pub(super) suite: &'a CipherSuite,
    pub(super) random: &'a dyn SecureRandom,
    group_id: Vec<u8>,
    pub(super) tree: RatchetTree,
    pub(super) keys: BTreeMap<LeafIndex, Keys>,
}

pub(super) struct Keys {
    member: Member,
    pub(super) leaf_private: Secret,
    pub(super) path_secrets: BTreeMap<NodeIndex, Secret>,
}

impl Keys {
    fn new(suite: &CipherSuite, random: &dyn SecureRandom, name: usize) -> (Self, Kept<LeafNode>) {
        let member = Member::new(suite, format!("member {name}").as_bytes(), random);
        let (leaf, leaf_private) = member.new_leaf(suite, random);
        (Self { member, leaf_private, path_secrets: BTreeMap::new() }, leaf)
    }
}

impl<'a> Grown<'a> {
    /// So many members, the first of whom has sent a path; if `worn`, with blank nodes and unmerged leaves.
    pub(super) fn new(seeded: &'a Seeded<'_>, members: usize, worn: bool) -> Checked<Self> {
        let (suite, random) = (seeded.suite, &*seeded.provider.random);
        let (keys, leaf) = Keys::new(suite, random, 0);
        let mut grown = Self {
            suite,
            random,
            group_id: random.bytes(16).at("random")?,
            tree: RatchetTree::new(suite, leaf),
            keys: [(LeafIndex(0), keys)].into(),
        };
        for _ in 1..members {
            grown.add()?;
        }
        for sender in grown.tree.size().leaves().collect::<Vec<_>>() {
            if grown.keys.contains_key(&sender) {
                grown.send_path(sender)?;
            }
        }
        if worn {
            grown.remove(LeafIndex(1))?;
            grown.add()?;
            grown.remove(LeafIndex(2))?;
        }
        Ok(grown)
    }

    pub(super) fn add(&mut self) -> Checked<LeafIndex> {
        let (keys, leaf) = Keys::new(self.suite, self.random, self.keys.len());
        let index = self.tree.add_leaf(leaf).at("add")?;
        self.keys.insert(index, keys);
        Ok(index)
    }

    fn remove(&mut self, leaf: LeafIndex) -> Checked {
        self.tree.remove_leaf(leaf).at("remove")?;
        self.keys.remove(&leaf);
        let tree = &self.tree;
        for keys in self.keys.values_mut() {
            keys.path_secrets.retain(|node, _| matches!(tree.parent(*node), Ok(Some(_))));
        }
        Ok(())
    }

    pub(super) fn path_of(&self, sender: LeafIndex) -> Checked<PendingPath> {
        let keys = self.keys.get(&sender).at("sender")?;
        begin_path(&self.tree, &self.group_id, sender, &*keys.member.signer, self.random).at("path")
    }

    /// A member's path, merged by everybody.
    fn send_path(&mut self, sender: LeafIndex) -> Checked {
        let path = self.path_of(sender)?;
        let secrets = path_secrets(self.suite, &path, sender)?;
        let (tree, private, _) = path.finish();
        self.tree = tree;
        for (leaf, keys) in &mut self.keys {
            keys.path_secrets
                .retain(|node, _| !sender.node().is_in_subtree(*node) || !leaf.node().is_in_subtree(*node));
            let learned = secrets.iter().filter(|(node, _)| leaf.node().is_in_subtree(*node));
            keys.path_secrets.extend(learned.cloned());
        }
        let leaf_private = private.secret(sender.node()).at("path")?.clone();
        self.keys.get_mut(&sender).at("sender")?.leaf_private = leaf_private;
        Ok(())
    }
}

/// The path secrets of a path, with their nodes, from the bottom up.
fn path_secrets(
    suite: &CipherSuite,
    path: &PendingPath,
    sender: LeafIndex,
) -> Checked<Vec<(NodeIndex, Secret)>> {
    let mut all: Vec<(NodeIndex, Secret)> = Vec::new();
    for step in path.tree().filtered_direct_path(sender).at("path")? {
        let secret = match all.last() {
            Some((_, below)) => suite.derive_secret(below, b"path").at("path")?,
            None => path.path_secret_for(step.copath.first_leaf()).at("path")?.clone(),
        };
        all.push((step.node, secret));
    }
    Ok(all)
}

/// Add, Add behind the last leaf, Update, Remove, and a Remove that truncates.
pub(super) fn operations(seeded: &Seeded<'_>) -> Checked<Vec<tree_operations::Case>> {
    let (suite, random) = (seeded.suite, &*seeded.provider.random);
    let worn = Grown::new(seeded, 4, true)?;
    let full = Grown::new(seeded, 2, false)?;
    let sender = LeafIndex(0);
    let update = full.keys.get(&sender).at("sender")?.member.update_leaf(suite, &full.group_id, 0, random).0;
    let add = || Ok(Proposal::Add(Add { key_package: key_package(suite, random)?.0 }));
    let remove = |leaf| Proposal::Remove(Remove { removed: LeafIndex(leaf) });
    Ok(vec![
        tree_operations::generate(&worn.tree, sender, &add()?)?,
        tree_operations::generate(&full.tree, sender, &add()?)?,
        tree_operations::generate(&full.tree, sender, &Proposal::Update(Update { leaf_node: update }))?,
        tree_operations::generate(&worn.tree, sender, &remove(1))?,
        tree_operations::generate(&worn.tree, sender, &remove(3))?,
    ])
}

/// A tree of one, full trees, and worn ones.
pub(super) fn validation(seeded: &Seeded<'_>) -> Checked<Vec<tree_validation::Case>> {
    let trees = [(1, false), (2, false), (5, false), (4, true), (6, true)];
    let case = |(members, worn)| {
        let grown = Grown::new(seeded, members, worn)?;
        tree_validation::generate(&grown.tree, &grown.group_id)
    };
    trees.into_iter().map(case).collect()
}

/// A path from every member of a tree; the smallest tree is enough for suites whose keys are large.
pub(super) fn treekem(seeded: &Seeded<'_>) -> Checked<Vec<treekem::Case>> {
    let trees = [(2, false), (3, false), (5, true)];
    let trees = if seeded.is_post_quantum { &trees[..1] } else { &trees[..] };
    trees.iter().map(|(members, worn)| paths(&Grown::new(seeded, *members, *worn)?)).collect()
}

fn paths(grown: &Grown<'_>) -> Checked<treekem::Case> {
    let mut case = treekem::Case {
        cipher_suite: grown.suite.id.0,
        group_id: Bytes(grown.group_id.clone()),
        epoch: 0x0001_0203,
        confirmed_transcript_hash: grown.random.bytes(grown.suite.secret_len()).at("random")?.into(),
        ratchet_tree: encode(&grown.tree.to_nodes().at("tree")?).at("tree")?.into(),
        leaves_private: grown.keys.iter().map(|(index, keys)| leaf_private(*index, keys)).collect(),
        update_paths: Vec::new(),
    };
    for sender in grown.keys.keys().copied() {
        let path = grown.path_of(sender)?;
        let context = provisional_context(&case, path.tree())?;
        let update_path = path.encrypt(&context, &[], &Serial, grown.random).at("path")?;
        let secret = |leaf| {
            let is_receiver = leaf != sender && grown.keys.contains_key(&leaf);
            path.path_secret_for(leaf).filter(|_| is_receiver).map(|secret| secret.as_bytes().into())
        };
        case.update_paths.push(GivenPath {
            sender: sender.0,
            update_path: encode(&update_path).at("path")?.into(),
            path_secrets: grown.tree.size().leaves().map(secret).collect(),
            commit_secret: path.commit_secret().as_bytes().into(),
            tree_hash_after: path.tree().tree_hash().at("path")?.into(),
        });
    }
    Ok(case)
}

fn leaf_private(index: LeafIndex, keys: &Keys) -> LeafPrivate {
    let path_secret = |(node, secret): (&NodeIndex, &Secret)| PathSecret {
        node: node.0,
        path_secret: secret.as_bytes().into(),
    };
    LeafPrivate {
        index: index.0,
        encryption_priv: keys.leaf_private.as_bytes().into(),
        signature_priv: keys.member.private.as_bytes().into(),
        path_secrets: keys.path_secrets.iter().map(path_secret).collect(),
    }
}

/// A new member's key package and its private keys: of the init key, of the leaf, and for signatures.
pub(super) fn key_package(
    suite: &CipherSuite,
    random: &dyn SecureRandom,
) -> Checked<(Kept<KeyPackage>, [Secret; 3])> {
    let member = Member::new(suite, b"a new member", random);
    let (leaf_node, leaf_private) = member.new_leaf(suite, random);
    let init = suite.kem.generate_key_pair(random).at("key_package")?;
    let key_package = Kept::new(KeyPackage {
        version: ProtocolVersion::MLS10,
        cipher_suite: suite.id,
        init_key: init.public.into(),
        leaf_node,
        extensions: Extensions::default(),
        signature: Opaque::default(),
    })
    .at("key_package")?;
    let tbs = key_package.bytes_before_signature();
    let signature = suite.sign_with_label(&*member.signer, b"KeyPackageTBS", &[tbs]).at("key_package")?;
    let key_package = key_package.with_signature(signature.into()).at("key_package")?;
    Ok((key_package, [init.private, leaf_private, member.private]))
}
