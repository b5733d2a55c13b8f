//! [`TreePrivate`]: the private keys that one member holds in the tree (RFC 9420 §4.2).
//!
//! Its own leaf's key, and those of ancestors whose path secret it learned. A value beside the tree: clones share keys,
//! a key that no clone holds any more is zeroized. Keys are parsed once.

use alloc::{boxed::Box, collections::BTreeMap, sync::Arc, vec::Vec};
use core::fmt;

use once_cell::race::OnceBox;
use pleach_crypto::{CipherSuite, CryptoError, KemKeyPair, KemPrivateKey, Secret};
use pleach_wire::{LeafIndex, NodeIndex, Reader};

use crate::{RatchetTree, TreeError};

/// The version of the encoding.
const VERSION: u8 = 1;

/// The private keys of one member.
#[derive(Clone)]
pub struct TreePrivate {
    own: LeafIndex,
    leaf: Arc<PrivateKey>,
    /// Of ancestors of the own leaf.
    path: BTreeMap<NodeIndex, Arc<PrivateKey>>,
}

struct PrivateKey {
    secret: Secret,
    parsed: OnceBox<Box<dyn KemPrivateKey>>,
}

impl PrivateKey {
    fn new(secret: Secret) -> Arc<Self> {
        Arc::new(Self { secret, parsed: OnceBox::new() })
    }

    fn parsed(&self, suite: &CipherSuite) -> Result<&dyn KemPrivateKey, CryptoError> {
        self.parsed.get_or_try_init(|| suite.kem.load_private(&self.secret).map(Box::new)).map(|key| &**key)
    }
}

impl TreePrivate {
    /// A member that knows the key of its leaf only: who was added without a path secret, and who creates a group
    /// (R246).
    #[must_use]
    pub fn new(own: LeafIndex, leaf_private: Secret) -> Self {
        Self { own, leaf: PrivateKey::new(leaf_private), path: BTreeMap::new() }
    }

    /// The private keys of a new member: its leaf's, and those that follow from the path secret in the Welcome along
    /// the direct path from the lowest common ancestor with `signer` up; blank nodes consume no path secret
    /// (RFC 9420 §12.4.3.1, R243).
    ///
    /// # Errors
    /// [`TreeError::PrivateKeyMismatch`] if one of them does not match the tree (R242, R244),
    /// [`TreeError::LeafOutOfRange`] or [`TreeError::BlankLeaf`] for a signer that is no member, [`TreeError::Need`].
    pub fn from_join(
        tree: &RatchetTree,
        own: LeafIndex,
        leaf_private: Secret,
        path_secret: Option<&Secret>,
        signer: LeafIndex,
    ) -> Result<Self, TreeError> {
        let suite = tree.suite();
        tree.member(signer)?;
        let mut private = Self::new(own, leaf_private);
        let expected = tree.member(own)?.encryption_key.as_bytes();
        if private.leaf.parsed(suite)?.public() != expected {
            return Err(TreeError::PrivateKeyMismatch(own.node())); // R242
        }
        let Some(path_secret) = path_secret else { return Ok(private) };
        let ancestor = own.node().common_ancestor(signer.node());
        let mut path_secret = path_secret.clone();
        let mut first = true;
        for node in core::iter::once(ancestor).chain(ancestor.direct_path(tree.size())) {
            let Some(parent) = tree.parent(node)? else {
                if first {
                    return Err(TreeError::PrivateKeyMismatch(node)); // a path secret for a blank node (R243)
                }
                continue;
            };
            if !first {
                path_secret = next_path_secret(suite, &path_secret)?;
            }
            first = false;
            let pair = node_key_pair(suite, &path_secret)?;
            if pair.public != parent.encryption_key() {
                return Err(TreeError::PrivateKeyMismatch(node)); // R244
            }
            private.insert(node, pair);
        }
        Ok(private)
    }

    /// The own leaf.
    #[must_use]
    pub const fn own(&self) -> LeafIndex {
        self.own
    }

    /// Replaces the key of the own leaf: when an own Update proposal is applied, before anything is decrypted.
    /// Keys of nodes that the Update blanks go with [`retain`](Self::retain).
    pub fn set_leaf_private(&mut self, leaf_private: Secret) {
        self.leaf = PrivateKey::new(leaf_private);
    }

    /// Takes in the path secret of one ancestor of the own leaf, and nothing above it (RFC 9420 §7.4): for a private
    /// state that was kept as path secrets, such as a test vector's.
    ///
    /// # Errors
    /// [`TreeError::PrivateKeyMismatch`] if it does not give the node's key in the tree (R244), [`TreeError::Need`], or
    /// those of the backend. Then nothing changed.
    pub fn import_path_secret(
        &mut self,
        tree: &RatchetTree,
        node: NodeIndex,
        path_secret: &Secret,
    ) -> Result<(), TreeError> {
        let pair = node_key_pair(tree.suite(), path_secret)?;
        let is_above = !node.is_leaf() && self.own.node().is_in_subtree(node);
        if !is_above || tree.encryption_key(node)? != Some(pair.public.as_slice()) {
            return Err(TreeError::PrivateKeyMismatch(node)); // R244
        }
        self.insert(node, pair);
        Ok(())
    }

    /// The nodes whose private key is held, the own leaf first.
    pub fn nodes(&self) -> impl Iterator<Item = NodeIndex> + '_ {
        core::iter::once(self.own.node()).chain(self.path.keys().copied())
    }

    /// The serialized private key of a node, if it is held.
    #[must_use]
    pub fn secret(&self, node: NodeIndex) -> Option<&Secret> {
        self.key(node).map(|key| &key.secret)
    }

    /// The parsed private key of a node, if it is held.
    ///
    /// # Errors
    /// [`CryptoError::InvalidPrivateKey`].
    pub fn parsed(
        &self,
        node: NodeIndex,
        suite: &CipherSuite,
    ) -> Result<Option<&dyn KemPrivateKey>, CryptoError> {
        self.key(node).map(|key| key.parsed(suite)).transpose()
    }

    /// Drops the keys of nodes that are blank in `tree` or are not in it (RFC 9420 §7.5, R099). O(log n).
    ///
    /// # Errors
    /// [`TreeError::Need`]; then nothing is dropped.
    pub fn retain(&mut self, tree: &RatchetTree) -> Result<(), TreeError> {
        let mut gone = Vec::new();
        for node in self.path.keys().copied() {
            if tree.parent(node)?.is_none() {
                gone.push(node);
            }
        }
        for node in gone {
            self.path.remove(&node);
        }
        Ok(())
    }

    /// That every private key belongs to the public key in the tree (R244). O(log n) key computations: for what was
    /// loaded from a store or another party, not for every Commit.
    ///
    /// # Errors
    /// [`TreeError::PrivateKeyMismatch`], [`TreeError::Need`].
    pub fn verify(&self, tree: &RatchetTree) -> Result<(), TreeError> {
        for node in self.nodes() {
            let public = tree.encryption_key(node)?;
            let private = self.parsed(node, tree.suite())?.map(KemPrivateKey::public);
            if public.is_none() || public != private {
                return Err(TreeError::PrivateKeyMismatch(node)); // R244
            }
        }
        Ok(())
    }

    /// One row for the store: version, own leaf, the leaf's key, and the others by node; all secret.
    #[must_use]
    pub fn encode(&self) -> Secret {
        let entry_len = |key: &PrivateKey| 2 + key.secret.len();
        let path_len: usize = self.path.values().map(|key| 4 + entry_len(key)).sum();
        Secret::from_fn(1 + 4 + entry_len(&self.leaf) + path_len, |out| {
            let mut out = Output(out);
            out.put(&[VERSION]);
            out.put(&self.own.0.to_be_bytes());
            out.put_key(&self.leaf);
            for (node, key) in &self.path {
                out.put(&node.0.to_be_bytes());
                out.put_key(key);
            }
        })
    }

    /// The inverse of [`encode`](Self::encode).
    ///
    /// # Errors
    /// [`TreeError::CorruptPrivate`], [`TreeError::NewerPrivate`].
    pub fn decode(row: &[u8]) -> Result<Self, TreeError> {
        let mut reader = Reader::new(row);
        match take(&mut reader)? {
            [VERSION] => {}
            [found] if found > VERSION => return Err(TreeError::NewerPrivate { found, known: VERSION }),
            _ => return Err(TreeError::CorruptPrivate),
        }
        let own = LeafIndex(u32::from_be_bytes(take(&mut reader)?));
        let mut private = Self::new(own, take_key(&mut reader)?);
        while !reader.remaining().is_empty() {
            let node = NodeIndex(u32::from_be_bytes(take(&mut reader)?));
            if node.is_leaf() || !own.node().is_in_subtree(node) {
                return Err(TreeError::CorruptPrivate);
            }
            private.path.insert(node, PrivateKey::new(take_key(&mut reader)?));
        }
        Ok(private)
    }

    pub(crate) fn insert(&mut self, node: NodeIndex, pair: KemKeyPair) {
        self.path.insert(node, PrivateKey::new(pair.private));
    }

    fn key(&self, node: NodeIndex) -> Option<&PrivateKey> {
        if node == self.own.node() { Some(&self.leaf) } else { self.path.get(&node).map(|key| &**key) }
    }
}

impl fmt::Debug for TreePrivate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes: Vec<u32> = self.path.keys().map(|node| node.0).collect();
        f.debug_struct("TreePrivate").field("own", &self.own.0).field("path", &nodes).finish_non_exhaustive()
    }
}

/// `path_secret[n+1]` (RFC 9420 §7.4, R089); behind the last one, the commit secret (R091).
pub(crate) fn next_path_secret(suite: &CipherSuite, path_secret: &Secret) -> Result<Secret, CryptoError> {
    suite.derive_secret(path_secret, b"path")
}

/// The key pair of the node with this path secret (RFC 9420 §7.4, R089).
pub(crate) fn node_key_pair(suite: &CipherSuite, path_secret: &Secret) -> Result<KemKeyPair, CryptoError> {
    suite.kem.derive_key_pair(&suite.derive_secret(path_secret, b"node")?)
}

/// Writes into a buffer of the right length.
struct Output<'a>(&'a mut [u8]);

impl Output<'_> {
    fn put(&mut self, bytes: &[u8]) {
        let rest = core::mem::take(&mut self.0);
        if let Some((place, rest)) = rest.split_at_mut_checked(bytes.len()) {
            place.copy_from_slice(bytes);
            self.0 = rest;
        }
    }

    fn put_key(&mut self, key: &PrivateKey) {
        // No KEM has a private key of 64 KiB.
        self.put(&(key.secret.len() as u16).to_be_bytes());
        self.put(key.secret.as_bytes());
    }
}

fn take<const N: usize>(reader: &mut Reader<'_>) -> Result<[u8; N], TreeError> {
    let bytes = reader.read_bytes(N).ok().and_then(|bytes| bytes.first_chunk());
    bytes.copied().ok_or(TreeError::CorruptPrivate)
}

fn take_key(reader: &mut Reader<'_>) -> Result<Secret, TreeError> {
    let len = u16::from_be_bytes(take(reader)?);
    reader.read_bytes(usize::from(len)).map(Secret::copy_from).map_err(|_| TreeError::CorruptPrivate)
}
