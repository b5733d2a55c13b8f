//! The secret tree (RFC 9420 §9): from the `encryption_secret` to the ratchets of the leaves, of which only what is
//! needed ever exists.
//!
//! A new epoch has one secret, that of the root. The first message of a leaf consumes the nearest secret above it: it is
//! replaced by the secrets beside the path to the leaf and by the leaf's two ratchets. So of the nodes on a leaf's path
//! at most one has a secret, and none once the leaf has its ratchets (R142). Memory and rows: O(speakers × log n).
//!
//! A tree may be new, and then wholly in memory, or stored, and then loaded row by row: [`SecretTree::needs`] names the
//! rows to read, [`SecretTree::load`] takes them. In order, a message needs one row; a leaf's first one O(log n).
//!
//! Invariants: a generation is used once (R060, R141); deriving changes nothing, only [`SecretTree::commit`] does (R147).
//! Not here: whether a leaf is blank, when a past epoch is deleted, and any I/O.

use crate::ratchet::{Moved, Ratchet, RatchetKind, RatchetLimits};
use crate::step::{FirstUse, RatchetStep, SecretTreeKey, SecretTreeRow, node_from_row, node_row};
use crate::{EncryptionSecret, MessageKeys, RowError, SecretTreeError};
use alloc::{boxed::Box, collections::BTreeMap, vec, vec::Vec};
use pleach_crypto::{CipherSuite, CryptoError, Secret};
use pleach_wire::{LeafIndex, NodeIndex, TreeSize};

/// The secret tree of one epoch.
#[derive(Debug, Clone)]
pub struct SecretTree {
    size: TreeSize,
    limits: RatchetLimits,
    /// Past epochs keep application ratchets only.
    past: bool,
    /// What is not in the maps may be stored. Otherwise, it does not exist.
    stored: bool,
    /// `None`: known to have no secret.
    nodes: BTreeMap<NodeIndex, Option<Secret>>,
    /// `None`: known not to exist. Boxed: a node of the map has room for eleven.
    ratchets: BTreeMap<(LeafIndex, RatchetKind), Option<Box<Ratchet>>>,
    /// Counts commits, so that a step finds out that it is late.
    revision: u64,
}

impl SecretTree {
    /// The tree of a new epoch: the secret of the root and nothing else. `size` is that of the ratchet tree (R139).
    #[must_use]
    pub fn new(size: TreeSize, encryption_secret: EncryptionSecret, limits: RatchetLimits) -> Self {
        let nodes = [(size.root(), Some(encryption_secret.0))].into();
        Self { size, limits, past: false, stored: false, nodes, ratchets: BTreeMap::new(), revision: 0 }
    }

    /// A tree whose rows are in storage: all of them are named by [`SecretTree::needs`] when they are needed.
    #[must_use]
    pub fn stored(size: TreeSize, limits: RatchetLimits) -> Self {
        let (nodes, ratchets) = (BTreeMap::new(), BTreeMap::new());
        Self { size, limits, past: false, stored: true, nodes, ratchets, revision: 0 }
    }

    /// As [`SecretTree::stored`], of a past epoch.
    #[must_use]
    pub fn stored_past(size: TreeSize, limits: RatchetLimits) -> Self {
        Self { past: true, ..Self::stored(size, limits) }
    }

    /// The tree once its epoch is over: handshake ratchets are dropped, and none are made any more. Erase their rows
    /// too, all of [`RatchetKind::Handshake`]: not all of them need to be loaded here.
    #[must_use]
    pub fn into_past(mut self) -> Self {
        self.ratchets.retain(|(_, kind), _| *kind == RatchetKind::Application);
        Self { past: true, revision: self.revision.wrapping_add(1), ..self }
    }

    /// The number of leaves, as of the ratchet tree of the epoch.
    #[must_use]
    pub fn size(&self) -> TreeSize {
        self.size
    }

    /// The rows to read before the keys of `generation` can be prepared; empty if nothing is missing. Ask again after
    /// loading: what the ratchet's row says, or that there is none, may call for others, once. For sending, see [`SecretTree::needs_to_send`].
    #[must_use]
    pub fn needs(&self, leaf: LeafIndex, kind: RatchetKind, generation: u32) -> Vec<SecretTreeKey> {
        self.missing(leaf, kind, Some(generation))
    }

    /// The rows to read before [`SecretTree::prepare_next`]; as [`SecretTree::needs`].
    #[must_use]
    pub fn needs_to_send(&self, leaf: LeafIndex, kind: RatchetKind) -> Vec<SecretTreeKey> {
        self.missing(leaf, kind, None)
    }

    /// Takes in a row that was read, or that there is none. What is in memory already is newer and stays.
    ///
    /// # Errors
    /// [`RowError`] if the row is not one of this key; the tree is unchanged.
    pub fn load(&mut self, key: SecretTreeKey, row: Option<&[u8]>) -> Result<(), RowError> {
        match key {
            SecretTreeKey::Node(node) if !self.nodes.contains_key(&node) => {
                self.nodes.insert(node, row.map(node_from_row).transpose()?);
            }
            SecretTreeKey::Ratchet(leaf, kind) if !self.ratchets.contains_key(&(leaf, kind)) => {
                self.ratchets.insert((leaf, kind), row.map(Ratchet::from_row).transpose()?.map(Box::new));
            }
            SecretTreeKey::Skipped(leaf, kind, generation) => {
                if let Some(Some(ratchet)) = self.ratchets.get_mut(&(leaf, kind)) {
                    ratchet.load_skipped(generation, row)?;
                }
            }
            SecretTreeKey::Node(_) | SecretTreeKey::Ratchet(..) => {}
        }
        Ok(())
    }

    /// The keys of a received message, and the step that uses them up. Commit the step only when the message has passed
    /// every check (R147).
    ///
    /// Cost: three derivations per generation moved, and two per level of the tree at a leaf's first message.
    ///
    /// # Errors
    /// [`SecretTreeError::AlreadyReceived`] (R060), [`SecretTreeError::TooFarAhead`] (R145),
    /// [`SecretTreeError::LeafOutOfRange`] (R059), [`SecretTreeError::HandshakeKeysDeleted`],
    /// [`SecretTreeError::NotLoaded`] if rows are missing. The tree is unchanged.
    pub fn prepare(
        &self,
        suite: &CipherSuite,
        leaf: LeafIndex,
        kind: RatchetKind,
        generation: u32,
    ) -> Result<(MessageKeys, RatchetStep), SecretTreeError> {
        self.step(suite, leaf, kind, Some(generation))
    }

    /// The keys of the next message to send, and the step that uses them up. Persist the step before the ciphertext
    /// leaves, and then commit it (R052).
    ///
    /// # Errors
    /// [`SecretTreeError::GenerationsExhausted`] after 2^32 - 1 messages (R141); otherwise as
    /// [`SecretTree::prepare`].
    pub fn prepare_next(
        &self,
        suite: &CipherSuite,
        leaf: LeafIndex,
        kind: RatchetKind,
    ) -> Result<(MessageKeys, RatchetStep), SecretTreeError> {
        self.step(suite, leaf, kind, None)
    }

    /// Prepares the same step again, if another one was committed in between.
    ///
    /// # Errors
    /// As [`SecretTree::prepare`]; [`SecretTreeError::AlreadyReceived`] if that other one used the same generation.
    pub fn renew(&self, suite: &CipherSuite, step: RatchetStep) -> Result<RatchetStep, SecretTreeError> {
        if step.revision == self.revision {
            return Ok(step);
        }
        self.prepare(suite, step.leaf, step.kind, step.generation).map(|(_, step)| step)
    }

    /// Makes the step: the secrets that it consumed are gone.
    ///
    /// # Errors
    /// [`SecretTreeError::StaleStep`] if another step was committed since it was prepared: see [`SecretTree::renew`].
    pub fn commit(&mut self, step: RatchetStep) -> Result<(), SecretTreeError> {
        if step.revision != self.revision {
            return Err(SecretTreeError::StaleStep);
        }
        self.revision = self.revision.wrapping_add(1);
        if let Some(FirstUse { other, consumed, copath }) = step.first_use {
            self.nodes.extend(copath.into_iter().map(|(node, secret)| (node, Some(secret))));
            if self.stored {
                self.nodes.insert(consumed, None);
            } else {
                self.nodes.remove(&consumed);
            }
            if let Some((kind, ratchet)) = other {
                self.ratchets.insert((step.leaf, kind), Some(Box::new(ratchet)));
            }
        }
        self.ratchets.insert((step.leaf, step.kind), Some(Box::new(step.ratchet)));
        Ok(())
    }

    /// All rows that are in memory: what to write to store a tree that was made by [`SecretTree::new`].
    #[must_use]
    pub fn rows(&self) -> Vec<SecretTreeRow> {
        let nodes = self.nodes.iter().filter_map(|(node, secret)| {
            let value = Some(node_row(secret.as_ref()?));
            Some(SecretTreeRow { key: SecretTreeKey::Node(*node), value })
        });
        let ratchets = self.ratchets.iter().filter_map(|(&(leaf, kind), ratchet)| {
            let value = Some(ratchet.as_ref()?.to_row());
            Some(SecretTreeRow { key: SecretTreeKey::Ratchet(leaf, kind), value })
        });
        let skipped = self.ratchets.iter().flat_map(|(&(leaf, kind), ratchet)| {
            ratchet.iter().flat_map(move |ratchet| {
                ratchet.skipped().filter_map(move |generation| {
                    let value = Some(ratchet.skipped_row(generation)?);
                    Some(SecretTreeRow { key: SecretTreeKey::Skipped(leaf, kind, generation), value })
                })
            })
        });
        nodes.chain(ratchets).chain(skipped).collect()
    }

    fn missing(&self, leaf: LeafIndex, kind: RatchetKind, generation: Option<u32>) -> Vec<SecretTreeKey> {
        if !self.stored || !self.size.contains_leaf(leaf) || self.refuses(kind) {
            return Vec::new(); // nothing to read, or nothing that would help
        }
        match self.ratchets.get(&(leaf, kind)) {
            None => vec![SecretTreeKey::Ratchet(leaf, kind)],
            Some(Some(ratchet)) => generation
                .filter(|generation| ratchet.needs_skipped(*generation))
                .map(|generation| SecretTreeKey::Skipped(leaf, kind, generation))
                .into_iter()
                .collect(),
            Some(None) => {
                let path = self.path_to_root(leaf);
                if path.iter().any(|node| matches!(self.nodes.get(node), Some(Some(_)))) {
                    return Vec::new(); // at most one node of the path has a secret
                }
                path.into_iter()
                    .filter(|node| !self.nodes.contains_key(node))
                    .map(SecretTreeKey::Node)
                    .collect()
            }
        }
    }

    fn refuses(&self, kind: RatchetKind) -> bool {
        self.past && kind == RatchetKind::Handshake
    }

    fn step(
        &self,
        suite: &CipherSuite,
        leaf: LeafIndex,
        kind: RatchetKind,
        generation: Option<u32>,
    ) -> Result<(MessageKeys, RatchetStep), SecretTreeError> {
        if !self.size.contains_leaf(leaf) {
            return Err(SecretTreeError::LeafOutOfRange(leaf)); // R059
        }
        if self.refuses(kind) {
            return Err(SecretTreeError::HandshakeKeysDeleted); // R142
        }
        if !self.missing(leaf, kind, generation).is_empty() {
            return Err(SecretTreeError::NotLoaded);
        }
        let created;
        let (ratchet, first_use) = match self.ratchets.get(&(leaf, kind)) {
            Some(Some(ratchet)) => (&**ratchet, None),
            _ => {
                // A far-off generation is refused before anything is derived (R145).
                if let Some(generation) = generation
                    && generation > self.limits.forward_distance
                {
                    return Err(SecretTreeError::TooFarAhead { generation, next: 0 });
                }
                let (ratchet, first_use) = self.first_use(suite, leaf, kind)?;
                created = ratchet;
                (&created, Some(first_use))
            }
        };
        let generation = generation.unwrap_or(ratchet.next());
        let (keys, Moved { ratchet, skipped_changed }) = ratchet.take(suite, self.limits, generation)?;
        let revision = self.revision;
        let step = RatchetStep { leaf, kind, generation, revision, ratchet, skipped_changed, first_use };
        Ok((keys, step))
    }

    /// Derives from the nearest secret above the leaf down to its ratchets (RFC 9420 §9, R139).
    fn first_use(
        &self,
        suite: &CipherSuite,
        leaf: LeafIndex,
        kind: RatchetKind,
    ) -> Result<(Ratchet, FirstUse), SecretTreeError> {
        let mut path = self.path_to_root(leaf);
        let (depth, secret) = path
            .iter()
            .enumerate()
            .find_map(|(depth, node)| Some((depth, self.nodes.get(node)?.as_ref()?)))
            .ok_or(SecretTreeError::NoSecret(leaf))?;
        let mut secret = secret.clone();
        path.truncate(depth + 1);
        let consumed = path.pop().ok_or(SecretTreeError::NoSecret(leaf))?;

        let mut copath = Vec::with_capacity(depth);
        let mut parent = consumed;
        while let (Some(child), Some((left, right))) = (path.pop(), parent.children()) {
            let left_secret = child_secret(suite, &secret, b"left")?;
            let right_secret = child_secret(suite, &secret, b"right")?;
            if child == left {
                secret = left_secret;
                copath.push((right, right_secret));
            } else {
                secret = right_secret;
                copath.push((left, left_secret));
            }
            parent = child;
        }

        let ratchet = Ratchet::first(suite, &secret, kind)?;
        let other_kind = match kind {
            RatchetKind::Handshake => RatchetKind::Application,
            RatchetKind::Application => RatchetKind::Handshake,
        };
        let other = if self.refuses(other_kind) {
            None
        } else {
            Some((other_kind, Ratchet::first(suite, &secret, other_kind)?))
        };
        Ok((ratchet, FirstUse { other, consumed, copath }))
    }

    /// The leaf's node and its ancestors, up to the root.
    fn path_to_root(&self, leaf: LeafIndex) -> Vec<NodeIndex> {
        let node = leaf.node();
        core::iter::once(node).chain(node.direct_path(self.size)).collect()
    }
}

/// `ExpandWithLabel(tree_node_[N]_secret, "tree", "left" or "right", Nh)` (RFC 9420 §9, R139).
fn child_secret(suite: &CipherSuite, secret: &Secret, side: &[u8]) -> Result<Secret, CryptoError> {
    suite.expand_with_label(secret, b"tree", side, suite.secret_len())
}
