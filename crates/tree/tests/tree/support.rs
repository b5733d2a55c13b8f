//! A small group whose members keep only what this crate gives them, and a deterministic source of randomness.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use pleach_crypto::{
    CipherSuite, CipherSuiteId, CryptoError, Secret, SecureRandom, Serial, SignatureKeyPair,
};
use pleach_tree::{NewLeaf, PendingPath, RatchetTree, TreeError, TreePrivate};
use pleach_wire::{
    Capabilities, Credential, CredentialType, ExtensionType, HpkePublicKey, Kept, LeafIndex, LeafNode,
    LeafNodeSource, Lifetime, Opaque, ProtocolVersion, SignaturePublicKey, UpdatePath, decode, encode,
};

pub(crate) const GROUP_ID: &[u8] = b"a group";

/// SHA-256 of a counter.
#[derive(Debug, Default)]
pub(crate) struct Dice(AtomicU64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed << 32))
    }

    pub(crate) fn below(&self, n: usize) -> usize {
        let mut bytes = [0; 8];
        self.fill(&mut bytes).unwrap();
        (u64::from_be_bytes(bytes) % n as u64) as usize
    }
}

impl SecureRandom for Dice {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        for chunk in out.chunks_mut(32) {
            let count = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            chunk.copy_from_slice(&suite().hash.hash(&[&count]).as_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

pub(crate) fn suite() -> CipherSuite {
    let id = CipherSuiteId::X25519_AES128GCM_SHA256_ED25519;
    *pleach_rustcrypto::provider().suite(id).unwrap()
}

pub(crate) struct Member {
    pub(crate) private: TreePrivate,
    pub(crate) signature: SignatureKeyPair,
}

/// A leaf of a key package, its leaf private key, and its signature keys.
pub(crate) struct Candidate {
    pub(crate) leaf: Kept<LeafNode>,
    pub(crate) private: Secret,
    pub(crate) signature: SignatureKeyPair,
}

/// Everybody's view of one group; `tree` is what all agree on.
pub(crate) struct World {
    pub(crate) suite: CipherSuite,
    pub(crate) dice: Dice,
    pub(crate) tree: RatchetTree,
    pub(crate) members: BTreeMap<LeafIndex, Member>,
}

pub(crate) fn leaf_node(
    suite: &CipherSuite,
    source: LeafNodeSource,
    encryption_key: HpkePublicKey,
    signature_key: &[u8],
    extensions: &[ExtensionType],
) -> LeafNode {
    LeafNode {
        encryption_key,
        signature_key: SignaturePublicKey::from(signature_key),
        credential: Credential::basic(signature_key),
        capabilities: Capabilities {
            versions: [ProtocolVersion::MLS10].into(),
            cipher_suites: [suite.id].into(),
            extensions: extensions.to_vec().into(),
            proposals: Vec::new().into(),
            credentials: [CredentialType::BASIC].into(),
        },
        leaf_node_source: source,
        extensions: Default::default(),
        signature: Opaque::default(),
    }
}

pub(crate) fn sign(
    suite: &CipherSuite,
    leaf: LeafNode,
    index: LeafIndex,
    signature: &SignatureKeyPair,
) -> Kept<LeafNode> {
    let leaf = Kept::new(leaf).unwrap();
    let signer = suite.signature.load_signer(&signature.private).unwrap();
    let tbs = leaf.tbs(GROUP_ID, index).unwrap();
    let signature = suite.sign_with_label(&*signer, b"LeafNodeTBS", &[&tbs]).unwrap();
    leaf.with_signature(signature.into()).unwrap()
}

pub(crate) fn candidate(suite: &CipherSuite, dice: &Dice, extensions: &[ExtensionType]) -> Candidate {
    let signature = suite.signature.generate_key_pair(dice).unwrap();
    let pair = suite.kem.generate_key_pair(dice).unwrap();
    let source = LeafNodeSource::KeyPackage(Lifetime { not_before: 0, not_after: u64::MAX });
    let leaf = leaf_node(suite, source, pair.public.into(), &signature.public, extensions);
    Candidate { leaf: sign(suite, leaf, LeafIndex(0), &signature), private: pair.private, signature }
}

/// What the members see of a Commit.
pub(crate) struct Sent {
    pub(crate) sender: LeafIndex,
    /// The tree after the proposals.
    pub(crate) provisional: RatchetTree,
    pub(crate) added: Vec<LeafIndex>,
    pub(crate) path: UpdatePath,
    pub(crate) context: Vec<u8>,
    pub(crate) pending: PendingPath,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let (suite, dice) = (suite(), Dice::new(seed));
        let Candidate { leaf, private, signature } = candidate(&suite, &dice, &[]);
        let tree = RatchetTree::new(&suite, leaf);
        let private = TreePrivate::new(LeafIndex(0), private);
        let members = BTreeMap::from([(LeafIndex(0), Member { private, signature })]);
        Self { suite, dice, tree, members }
    }

    /// Of `n` members: the first adds the others at once, then `commits` members send a path.
    pub(crate) fn with_members(seed: u64, n: usize, commits: &[u32]) -> Self {
        let mut world = Self::new(seed);
        world.commit(LeafIndex(0), &[], &[], n - 1);
        for sender in commits {
            world.commit(LeafIndex(*sender), &[], &[], 0);
        }
        world
    }

    pub(crate) fn candidate(&self) -> Candidate {
        candidate(&self.suite, &self.dice, &[])
    }

    /// A signed leaf for an Update of `index`, and its private key.
    pub(crate) fn update_leaf(&self, index: LeafIndex) -> (Kept<LeafNode>, Secret) {
        let pair = self.suite.kem.generate_key_pair(&self.dice).unwrap();
        let keys = &self.members[&index].signature;
        let leaf = leaf_node(&self.suite, LeafNodeSource::Update, pair.public.into(), &keys.public, &[]);
        (sign(&self.suite, leaf, index, keys), pair.private)
    }

    pub(crate) fn signed(&self, new: NewLeaf, keys: &SignatureKeyPair) -> Kept<LeafNode> {
        let source = LeafNodeSource::Commit { parent_hash: new.parent_hash };
        let leaf = leaf_node(&self.suite, source, new.encryption_key, &keys.public, &[]);
        sign(&self.suite, leaf, new.leaf_index, keys)
    }

    /// A path by `sender` over `tree`, on which `added` are new.
    pub(crate) fn send(&self, sender: LeafIndex, tree: &RatchetTree, added: &[LeafIndex]) -> Sent {
        self.send_as(sender, &self.members[&sender].signature, tree, added)
    }

    pub(crate) fn send_as(
        &self,
        sender: LeafIndex,
        keys: &SignatureKeyPair,
        tree: &RatchetTree,
        added: &[LeafIndex],
    ) -> Sent {
        let signed = |new| Ok::<_, TreeError>(self.signed(new, keys));
        let pending = tree.begin_path(sender, &self.dice, signed).unwrap();
        let context = pending.tree().tree_hash().unwrap().as_bytes().to_vec();
        let path = pending.encrypt(&context, added, &Serial, &self.dice).unwrap();
        let path = decode(&encode(&path).unwrap()).unwrap();
        Sent { sender, provisional: tree.clone(), added: added.to_vec(), path, context, pending }
    }

    /// A Commit with Updates, Removes and `adds` Adds and a path; everybody processes it, the new members join, and all
    /// agree.
    pub(crate) fn commit(&mut self, sender: LeafIndex, updates: &[u32], removes: &[u32], adds: usize) {
        let mut tree = self.tree.clone();
        for index in updates.iter().copied().map(LeafIndex) {
            let (leaf, private) = self.update_leaf(index);
            tree.update_leaf(index, leaf).unwrap();
            self.members.get_mut(&index).unwrap().private.set_leaf_private(private);
        }
        for index in removes.iter().copied().map(LeafIndex) {
            tree.remove_leaf(index).unwrap();
            self.members.remove(&index);
        }
        let mut new = Vec::new();
        for _ in 0..adds {
            let candidate = self.candidate();
            new.push((tree.add_leaf(candidate.leaf.clone()).unwrap(), candidate));
        }
        let added: Vec<LeafIndex> = new.iter().map(|(index, _)| *index).collect();
        for index in &added {
            tree.verify_unique_keys_of(*index).unwrap();
        }
        let sent = self.send(sender, &tree, &added);
        self.receive(&sent);
        for (index, candidate) in new {
            let Candidate { private, signature, .. } = candidate;
            let path_secret = sent.pending.path_secret_for(index);
            assert!(path_secret.is_some());
            let private =
                TreePrivate::from_join(&self.tree, index, private, path_secret, sent.sender).unwrap();
            self.members.insert(index, Member { private, signature });
        }
    }

    pub(crate) fn receive(&mut self, sent: &Sent) {
        let tree = sent.provisional.apply_update_path(sent.sender, &sent.path, &sent.added).unwrap();
        assert_eq!(tree.tree_hash().unwrap(), sent.pending.tree().tree_hash().unwrap());
        for (index, member) in &mut self.members {
            if *index == sent.sender {
                continue;
            }
            let (commit_secret, private) = tree
                .decrypt_path(sent.sender, &member.private, &sent.path, &sent.context, &sent.added)
                .unwrap_or_else(|error| panic!("{index} from {}: {error}", sent.sender));
            assert_eq!(&commit_secret, sent.pending.commit_secret());
            member.private = private;
        }
        let own = TreePrivate::decode(sent.pending.private().encode().as_bytes()).unwrap();
        if let Some(sender) = self.members.get_mut(&sent.sender) {
            sender.private = own;
        }
        self.tree = tree;
    }

    /// What must hold of every tree, however it came about.
    pub(crate) fn check(&self) {
        self.tree.verify(GROUP_ID, &Serial, &self.dice).unwrap();
        for (index, member) in &self.members {
            member.private.verify(&self.tree).unwrap();
            // The tree invariant (§4.2): a member knows the keys of exactly those ancestors where it is merged.
            for node in index.node().direct_path(self.tree.size()) {
                let merged = self
                    .tree
                    .parent(node)
                    .unwrap()
                    .is_some_and(|parent| !parent.unmerged_leaves().contains(index));
                assert_eq!(member.private.secret(node).is_some(), merged, "{node} of {index}");
            }
        }
        let leaves: Vec<LeafIndex> = self.tree.leaves().map(|leaf| leaf.unwrap().0).collect();
        assert!(leaves.iter().eq(self.members.keys()));
        assert_eq!(self.tree.member_count() as usize, self.members.len());
        // A tree built anew from the nodes agrees with the one that evolved in everything that can be asked.
        let built = RatchetTree::from_nodes(&self.suite, self.tree.to_nodes().unwrap()).unwrap();
        assert_eq!(built.tree_hash().unwrap(), self.tree.tree_hash().unwrap());
        assert_eq!(built.leftmost_blank_leaf(), self.tree.leftmost_blank_leaf());
        let blank = self.tree.size().leaves().find(|leaf| !self.members.contains_key(leaf));
        assert_eq!(self.tree.leftmost_blank_leaf(), blank);
        for node in self.tree.size().nodes() {
            let resolution = self.tree.resolution(node).unwrap();
            assert_eq!(resolution.len() as u32, built.resolution_len(node).unwrap());
            assert_eq!(resolution.len() as u32, self.tree.resolution_len(node).unwrap());
            assert_eq!(built.node_hash(node).unwrap(), self.tree.node_hash(node).unwrap());
            if let Some(key) = self.tree.encryption_key(node).unwrap() {
                assert_eq!(self.tree.node_with_encryption_key(key).unwrap(), Some(node));
            }
        }
        for (index, leaf) in self.tree.leaves().map(Result::unwrap) {
            assert_eq!(self.tree.leaf_with_signature_key(&leaf.signature_key).unwrap(), Some(index));
        }
    }
}
