//! Large trees without their history: valid, and made in O(n) on all cores.
//!
//! Every leaf has a member, but for those that are asked to be blank, and every parent with members on both sides a key;
//! the others are blank. All leaves are from Commits. Parent hashes form one chain per parent, always through the left
//! child, and pass over blank parents; those of right leaves and right parents are stale, as in a group after some other
//! member's Commit (RFC 9420 §7.9.2, R111). No leaf is unmerged, so all members hold all keys above them.
//! Cost: n signatures, 2n key pairs, 3n hashes; in suite 1 about a minute for a million on two cores.
#![expect(clippy::expect_used, reason = "a test's own values are valid; a panic is a failed test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use pleach_crypto::{CipherSuite, Digest, KemKeyPair, Secret};
use pleach_key_schedule::EpochSecret;
use pleach_wire::{
    Extension, Extensions, ExternalPub, GroupContext, GroupInfo, HpkePublicKey, Kept, LeafIndex,
    LeafNodeHashInput, LeafNodeSource, List, MlsMessage, MlsMessageBody, Node, NodeIndex, Opaque,
    ParentHashInput, ParentNode, ParentNodeHashInput, ProtocolVersion, RatchetTreeNodes, TreeHashInput,
    TreeSize, encode,
};

use crate::{members::Member, random::SeededRandom};

/// A valid tree with all its private keys.
#[derive(Debug)]
pub struct SyntheticTree {
    /// What a `ratchet_tree` extension would hold.
    pub nodes: RatchetTreeNodes,
    /// The tree hash of the root.
    pub tree_hash: Digest,
    /// The members, by leaf; also one for each leaf that is blank.
    pub members: Vec<Member>,
    /// The private keys, by node; also one for each node that is blank.
    pub private: Vec<Secret>,
    /// The group that the leaves are signed for.
    pub group_id: Vec<u8>,
}

impl SyntheticTree {
    /// The private keys that a member holds: of its leaf and of all its ancestors.
    #[must_use]
    pub fn private_keys_of(&self, leaf: u32) -> BTreeMap<NodeIndex, Secret> {
        let size = TreeSize::with_node(NodeIndex(self.nodes.len() as u32 - 1)).expect("the tree's own size");
        let node = LeafIndex(leaf).node();
        let path = core::iter::once(node).chain(node.direct_path(size));
        let held = path.filter(|node| matches!(self.nodes.get(node.0 as usize), Some(Some(_))));
        held.map(|node| (node, self.private[node.0 as usize].clone())).collect()
    }

    /// A GroupInfo of a group with this tree, signed by its first member, as an MLSMessage. With the `external_pub` of an
    /// epoch secret drawn from `seed`, so that anybody can join; without the tree, which travels beside it.
    ///
    /// # Panics
    /// If the suite fails.
    #[must_use]
    pub fn group_info(&self, suite: &CipherSuite, seed: u64) -> Vec<u8> {
        let group_context = GroupContext {
            version: ProtocolVersion::MLS10,
            cipher_suite: suite.id,
            group_id: Opaque::from(self.group_id.as_slice()),
            epoch: 1,
            tree_hash: Opaque::from(self.tree_hash.as_bytes()),
            confirmed_transcript_hash: Opaque::from(suite.hash.hash(&[b"a history"]).as_bytes()),
            extensions: Extensions::default(),
        };
        let secret = EpochSecret::random(suite, &SeededRandom::new(seed)).expect("an epoch secret");
        let (secrets, _) = secret.derive(suite).expect("the epoch's secrets");
        let external = secrets.external_key_pair(suite).expect("an external key pair");
        let external_pub = ExternalPub { external_pub: HpkePublicKey::from(external.public) };
        let tag = secrets.confirmation_tag(suite, &group_context.confirmed_transcript_hash);
        let info = Kept::new(GroupInfo {
            group_context,
            extensions: vec![Extension::new(&external_pub).expect("an extension")].into(),
            confirmation_tag: Opaque::from(tag.as_bytes()),
            signer: LeafIndex(0),
            signature: Opaque::default(),
        })
        .expect("a GroupInfo has an encoding");
        let tbs = info.bytes_before_signature();
        let signature = suite.sign_with_label(&*self.members[0].signer, b"GroupInfoTBS", &[tbs]);
        let info = info.with_signature(signature.expect("a signature").into()).expect("an encoding");
        encode(&MlsMessage::from(MlsMessageBody::GroupInfo(info))).expect("an encoding")
    }
}

/// A full tree of `leaves` members, a power of two, for the group `group_id`. The same arguments give the same tree.
///
/// # Panics
/// If `leaves` is no power of two.
#[must_use]
pub fn full_tree(suite: &CipherSuite, leaves: u32, group_id: &[u8], seed: u64) -> SyntheticTree {
    assert!(leaves.is_power_of_two(), "a full tree has a power of two of leaves");
    populated(suite, leaves, &[], group_id, seed)
}

/// A tree of any number of members for the group `group_id`: in the leaves from the left, without those in `blanks`, which
/// stay free for whoever joins next. The same arguments give the same tree, on however many cores.
///
/// # Panics
/// If there are no members, the first leaf is to be blank (its member signs the GroupInfo), or more than 2^30 leaves.
#[must_use]
pub fn populated(
    suite: &CipherSuite,
    members: u32,
    blanks: &[LeafIndex],
    group_id: &[u8],
    seed: u64,
) -> SyntheticTree {
    let blanks: BTreeSet<u32> = blanks.iter().map(|leaf| leaf.0).collect();
    assert!(members > 0 && !blanks.contains(&0), "the first leaf has a member");
    let mut places = (0..=u32::MAX).filter(|leaf| !blanks.contains(leaf));
    let last = places.nth(members as usize - 1).expect("a leaf for each");
    let size = TreeSize::with_leaf(LeafIndex(last)).expect("at most 2^30 leaves");
    let width = LeafIndex(last).node().0 as usize + 1;

    let leaves: Vec<u32> = (0..=last).collect();
    let members = on_all_cores(&leaves, |leaf| {
        let rng = stream(seed, 1, *leaf);
        Member::new(suite, format!("member {leaf}").as_bytes(), &rng)
    });
    let nodes: Vec<u32> = (0..width as u32).collect();
    let pairs = on_all_cores(&nodes, |node| {
        suite.kem.generate_key_pair(&stream(seed, 2, *node)).expect("a key pair")
    });
    let build = Build {
        suite,
        group_id,
        last,
        blanks,
        members,
        pairs,
        nodes: size.nodes().map(|_| OnceLock::new()).collect(),
        hashes: size.nodes().map(|_| OnceLock::new()).collect(),
    };
    // What hangs to the right of a node is hashed before the node; so from the lowest level up, each in parallel.
    for height in 0..size.height() {
        let tops: Vec<NodeIndex> = build.right_children(height, size).collect();
        on_all_cores(&tops, |top| build.hash_of(*top, None));
    }
    let tree_hash = build.subtree(size.root(), Some(&[]));
    let Build { members, pairs, nodes, .. } = build;
    let private = pairs.into_iter().map(|KemKeyPair { private, .. }| private).collect();
    let nodes: Vec<Option<Node>> = nodes.into_iter().take(width).map(OnceLock::into_inner).collect();
    let nodes = RatchetTreeNodes::new(nodes).expect("leaves and parents alternate");
    SyntheticTree { nodes, tree_hash, members, private, group_id: group_id.to_vec() }
}

/// The randomness of one thing: it does not matter who draws first.
fn stream(seed: u64, purpose: u64, index: u32) -> SeededRandom {
    let place = (purpose << 32) | u64::from(index);
    SeededRandom::new(SeededRandom::new(seed ^ SeededRandom::new(place).next_u64()).next_u64())
}

/// The results for all items in their order.
fn on_all_cores<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    if items.len() < 64 || threads == 1 {
        return items.iter().map(work).collect();
    }
    std::thread::scope(|scope| {
        let work = &work;
        let chunks = items.chunks(items.len().div_ceil(threads));
        let running: Vec<_> =
            chunks.map(|chunk| scope.spawn(move || chunk.iter().map(work).collect::<Vec<R>>())).collect();
        running.into_iter().flat_map(|thread| thread.join().expect("no thread panics")).collect()
    })
}

struct Build<'a> {
    suite: &'a CipherSuite,
    group_id: &'a [u8],
    /// The last leaf that has a member.
    last: u32,
    blanks: BTreeSet<u32>,
    members: Vec<Member>,
    pairs: Vec<KemKeyPair>,
    nodes: Vec<OnceLock<Node>>,
    /// Of right children, once they are known.
    hashes: Vec<OnceLock<Digest>>,
}

impl Build<'_> {
    /// The right children of this height that no chain goes through.
    fn right_children(&self, height: u32, size: TreeSize) -> impl Iterator<Item = NodeIndex> {
        let above = (2 << height) - 1;
        let parents = (above..size.node_count()).step_by(4 << height).map(NodeIndex);
        parents.filter_map(|parent| {
            parent.children().filter(|(left, _)| self.has_members(*left)).map(|(_, right)| right)
        })
    }

    fn has_members(&self, node: NodeIndex) -> bool {
        let (first, last) = (node.first_leaf().0, node.last_leaf().0.min(self.last));
        first <= last && self.blanks.range(first..=last).count() <= (last - first) as usize
    }

    /// The hash of a subtree, made at most once.
    fn hash_of(&self, node: NodeIndex, parent_hash: Option<&[u8]>) -> Digest {
        match self.hashes.get(node.0 as usize) {
            Some(hash) => *hash.get_or_init(|| self.subtree(node, parent_hash)),
            None => self.subtree(node, parent_hash),
        }
    }

    fn hash(&self, input: &TreeHashInput<'_>) -> Digest {
        self.suite.hash.hash(&[&encode(input).expect("a node has an encoding")])
    }

    fn keep(&self, node: NodeIndex, content: Node) {
        self.nodes[node.0 as usize].set(content).expect("each node is made once");
    }

    /// Fills in a subtree whose one topmost node holds `parent_hash`, or, if that is `None`, is no link of a chain.
    fn subtree(&self, node: NodeIndex, parent_hash: Option<&[u8]>) -> Digest {
        let suite = self.suite;
        let Some((left, right)) = node.children() else {
            let index = LeafIndex(node.0 / 2);
            if !self.has_members(node) {
                return self
                    .hash(&TreeHashInput::Leaf(LeafNodeHashInput { leaf_index: index, leaf_node: None }));
            }
            let stale = suite.hash.hash(&[b"stale leaf", &node.0.to_be_bytes()]);
            let parent_hash = Opaque::from(parent_hash.unwrap_or(stale.as_bytes()));
            let source = LeafNodeSource::Commit { parent_hash };
            let public = &self.pairs[node.0 as usize].public;
            let leaf = self.members[index.0 as usize].leaf(suite, public, source, self.group_id, index.0);
            let input = LeafNodeHashInput { leaf_index: index, leaf_node: Some(&leaf) };
            let hash = self.hash(&TreeHashInput::Leaf(input));
            self.keep(node, Node::Leaf(leaf));
            return hash;
        };
        if !self.has_members(left) || !self.has_members(right) {
            // Blank: whoever is below is next in the chain.
            let (left_hash, right_hash) = (self.hash_of(left, parent_hash), self.hash_of(right, parent_hash));
            let (left_hash, right_hash) = (left_hash.as_bytes(), right_hash.as_bytes());
            let input = ParentNodeHashInput { parent_node: None, left_hash, right_hash };
            return self.hash(&TreeHashInput::Parent(input));
        }
        let stale = suite.hash.hash(&[b"stale", &node.0.to_be_bytes()]);
        let parent_hash = parent_hash.unwrap_or(stale.as_bytes()).to_vec();
        let encryption_key = HpkePublicKey::from(self.pairs[node.0 as usize].public.clone());
        let right_hash = self.hash_of(right, None);
        let input = ParentHashInput {
            encryption_key: &encryption_key,
            parent_hash: &parent_hash,
            original_sibling_tree_hash: right_hash.as_bytes(),
        };
        let own = suite.hash.hash(&[&encode(&input).expect("a parent has an encoding")]);
        let left_hash = self.subtree(left, Some(own.as_bytes()));
        let parent =
            ParentNode { encryption_key, parent_hash: parent_hash.into(), unmerged_leaves: List::default() };
        let hash = self.hash(&TreeHashInput::Parent(ParentNodeHashInput {
            parent_node: Some(&parent),
            left_hash: left_hash.as_bytes(),
            right_hash: right_hash.as_bytes(),
        }));
        self.keep(node, Node::Parent(Box::new(parent)));
        hash
    }
}
