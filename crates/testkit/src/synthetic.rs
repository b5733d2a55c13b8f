//! Large trees without their history: full, valid, and made in O(n).
//!
//! Every leaf has a member and every parent a key. Parent hashes form one chain per parent, always through the left child:
//! a left leaf is from a Commit, a right one from a KeyPackage; a right parent's own parent hash is a stale one, as it is
//! in a group after some other member's Commit (RFC 9420 §7.9.2, R111). No leaf is unmerged, so all members hold all keys
//! above them. Cost: n signatures, 2n key pairs, 3n hashes.
#![expect(clippy::expect_used, reason = "a test's own values are valid; a panic is a failed test")]

use std::collections::BTreeMap;

use pleach_crypto::{CipherSuite, Digest, KemKeyPair, Secret};
use pleach_key_schedule::EpochSecret;
use pleach_wire::{
    Extension, Extensions, ExternalPub, GroupContext, GroupInfo, HpkePublicKey, Kept, LeafIndex,
    LeafNodeHashInput, LeafNodeSource, List, MlsMessage, MlsMessageBody, Node, NodeIndex, Opaque,
    ParentHashInput, ParentNode, ParentNodeHashInput, ProtocolVersion, RatchetTreeNodes, TreeHashInput,
    TreeSize, encode,
};

use crate::{
    members::{Member, always},
    random::SeededRandom,
};

/// A full tree with all its private keys.
#[derive(Debug)]
pub struct SyntheticTree {
    /// What a `ratchet_tree` extension would hold.
    pub nodes: RatchetTreeNodes,
    /// The tree hash of the root.
    pub tree_hash: Digest,
    /// The members, by leaf.
    pub members: Vec<Member>,
    /// The private keys, by node.
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
        path.map(|node| (node, self.private[node.0 as usize].clone())).collect()
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
    let size = TreeSize::from_leaf_count(leaves).expect("a power of two");
    let rng = SeededRandom::new(seed);
    let width = size.node_count() as usize;
    let members = (0..leaves).map(|i| Member::new(suite, format!("member {i}").as_bytes(), &rng)).collect();
    let mut pairs = Vec::with_capacity(width);
    for _ in 0..width {
        pairs.push(suite.kem.generate_key_pair(&rng).expect("a key pair"));
    }
    let mut build = Build { suite, group_id, members, pairs, nodes: vec![None; width] };
    let tree_hash = build.subtree(size.root(), Some(&[]));
    let Build { members, pairs, nodes, .. } = build;
    let private = pairs.into_iter().map(|KemKeyPair { private, .. }| private).collect();
    let nodes = RatchetTreeNodes::new(nodes).expect("leaves and parents alternate");
    SyntheticTree { nodes, tree_hash, members, private, group_id: group_id.to_vec() }
}

struct Build<'a> {
    suite: &'a CipherSuite,
    group_id: &'a [u8],
    members: Vec<Member>,
    pairs: Vec<KemKeyPair>,
    nodes: Vec<Option<Node>>,
}

impl Build<'_> {
    /// Fills in a subtree whose root holds `parent_hash`, or, if that is `None`, is no link of a chain.
    fn subtree(&mut self, node: NodeIndex, parent_hash: Option<&[u8]>) -> Digest {
        let suite = self.suite;
        let public = self.pairs[node.0 as usize].public.clone();
        let Some((left, right)) = node.children() else {
            let index = LeafIndex(node.0 / 2);
            let source = match parent_hash {
                Some(parent_hash) => LeafNodeSource::Commit { parent_hash: Opaque::from(parent_hash) },
                None => always(),
            };
            let leaf = self.members[index.0 as usize].leaf(suite, &public, source, self.group_id, index.0);
            let input = TreeHashInput::Leaf(LeafNodeHashInput { leaf_index: index, leaf_node: Some(&leaf) });
            let hash = suite.hash.hash(&[&encode(&input).expect("a leaf has an encoding")]);
            self.nodes[node.0 as usize] = Some(Node::Leaf(leaf));
            return hash;
        };
        let stale = suite.hash.hash(&[b"stale", &node.0.to_be_bytes()]);
        let parent_hash = parent_hash.unwrap_or(stale.as_bytes()).to_vec();
        let encryption_key = HpkePublicKey::from(public);
        let right_hash = self.subtree(right, None);
        let input = ParentHashInput {
            encryption_key: &encryption_key,
            parent_hash: &parent_hash,
            original_sibling_tree_hash: right_hash.as_bytes(),
        };
        let own = suite.hash.hash(&[&encode(&input).expect("a parent has an encoding")]);
        let left_hash = self.subtree(left, Some(own.as_bytes()));
        let parent =
            ParentNode { encryption_key, parent_hash: parent_hash.into(), unmerged_leaves: List::default() };
        let input = TreeHashInput::Parent(ParentNodeHashInput {
            parent_node: Some(&parent),
            left_hash: left_hash.as_bytes(),
            right_hash: right_hash.as_bytes(),
        });
        let hash = suite.hash.hash(&[&encode(&input).expect("a parent has an encoding")]);
        self.nodes[node.0 as usize] = Some(Node::Parent(Box::new(parent)));
        hash
    }
}
