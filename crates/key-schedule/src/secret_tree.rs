//! The secret tree (RFC 9420 §9): from the `encryption_secret` to the ratchets of the leaves, of which only what is
//! needed ever exists.
//!
//! A new epoch has one secret, that of the root. The first message of a leaf consumes the nearest secret above it: it is
//! replaced by the secrets beside the path to the leaf, all of them in the consumed node's row, and by the leaf's two ratchets.
//! So of the nodes on a leaf's path at most one has a secret, and none once the leaf has its ratchets (R142). To find it, go
//! down from the root: a node's row has it, or says where the path to this leaf leaves the path of the first use, and if the
//! secret there is gone too, that node has a row. Memory: O(speakers × log n); rows: a few for each speaker.
//!
//! Stores of earlier versions have a row for each secret, and none for a node whose secret was consumed: then all of the path is
//! read.
//!
//! A tree may be new, and then wholly in memory, or stored, and then loaded row by row: [`SecretTree::needs`] names the
//! rows to read, [`SecretTree::load`] takes them. In order, a message needs one row; the first one of an epoch two, a leaf's
//! first one O(log n).
//!
//! Invariants: a generation is used once (R060, R141); deriving changes nothing, only [`SecretTree::commit`] does (R147).
//! Not here: whether a leaf is blank, when a past epoch is deleted, and any I/O.

use crate::node_secrets::{Beside, NodeSecrets};
use crate::ratchet::{Moved, Ratchet, RatchetKind, RatchetLimits};
use crate::step::{FirstUse, RatchetStep, SecretTreeKey, SecretTreeRow};
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
    /// `None`: known to have no row.
    nodes: BTreeMap<NodeIndex, Option<NodeSecrets>>,
    /// `None`: known not to exist. Boxed: a node of the map has room for eleven.
    ratchets: BTreeMap<(LeafIndex, RatchetKind), Option<Box<Ratchet>>>,
    /// Counts commits, so that a step finds out that it is late.
    revision: u64,
}

impl SecretTree {
    /// The tree of a new epoch: the secret of the root and nothing else. `size` is that of the ratchet tree (R139).
    #[must_use]
    pub fn new(size: TreeSize, encryption_secret: EncryptionSecret, limits: RatchetLimits) -> Self {
        let nodes = [(size.root(), Some(NodeSecrets::Own(encryption_secret.0)))].into();
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
    /// loading: what the ratchet's row says, or that there is none, may call for another, and that one for others: three rounds at
    /// most. For sending, see [`SecretTree::needs_to_send`].
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
                let secrets = row.map(|row| NodeSecrets::from_row(node, row)).transpose()?;
                self.nodes.insert(node, secrets);
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
        if let Some(FirstUse { other, nodes }) = step.first_use {
            self.nodes.extend(nodes);
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
        let nodes = self.nodes.iter().filter_map(|(node, secrets)| {
            let value = Some(secrets.as_ref()?.to_row());
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
            Some(None) => match self.nearest(leaf) {
                Nearest::Unknown(nodes) => nodes.into_iter().map(SecretTreeKey::Node).collect(),
                Nearest::Found { .. } | Nearest::None => Vec::new(),
            },
        }
    }

    /// Looks for the nearest secret above a leaf, from the root down.
    fn nearest(&self, leaf: LeafIndex) -> Nearest<'_> {
        let mut level = self.size.height();
        loop {
            let node = ancestor(leaf, level);
            match self.nodes.get(&node) {
                Some(Some(NodeSecrets::Own(secret))) => {
                    return Nearest::Found { node, beside: None, secret: secret.as_bytes() };
                }
                Some(Some(NodeSecrets::Beside(beside))) => {
                    let Some(below) = beside.level_of(leaf) else { return Nearest::None };
                    if let Some(secret) = beside.at(below) {
                        let node = ancestor(leaf, below);
                        return Nearest::Found {
                            node,
                            beside: Some((ancestor(leaf, level), beside)),
                            secret,
                        };
                    }
                    if below == 0 {
                        return Nearest::None; // it was the leaf's own
                    }
                    level = below;
                    continue;
                }
                // The root tells most. Where it tells nothing, all that is below may have to be asked, at once.
                None if self.stored && level == self.size.height() => return Nearest::Unknown(vec![node]),
                None if self.stored => {
                    let path = (0..=level).map(|level| ancestor(leaf, level));
                    return Nearest::Unknown(path.filter(|node| !self.nodes.contains_key(node)).collect());
                }
                None | Some(None) => {}
            }
            let Some(below) = level.checked_sub(1) else { return Nearest::None };
            level = below;
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
        let Nearest::Found { node, beside, secret } = self.nearest(leaf) else {
            return Err(SecretTreeError::NoSecret(leaf));
        };
        let mut secret = Secret::copy_from(secret);
        let secret_len = suite.secret_len();
        let left = Beside::new(leaf, node.level(), secret_len, |out| {
            let places = out.chunks_exact_mut(secret_len);
            for (level, place) in (0..node.level()).rev().zip(places) {
                let left = child_secret(suite, &secret, b"left")?;
                let right = child_secret(suite, &secret, b"right")?;
                let goes_right = (leaf.0 >> level) & 1 == 1;
                let (on_path, beside) = if goes_right { (right, left) } else { (left, right) };
                place.copy_from_slice(beside.as_bytes());
                secret = on_path;
            }
            Ok::<_, CryptoError>(())
        })?;
        // A leaf has nothing below it.
        let left = (node.level() > 0).then_some(NodeSecrets::Beside(left));
        let nodes = match beside {
            None => vec![(node, left)],
            Some((holder, beside)) => {
                let rest = NodeSecrets::Beside(beside.without(node.level()));
                let own = left.map(|left| (node, Some(left)));
                core::iter::once((holder, Some(rest))).chain(own).collect()
            }
        };

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
        Ok((ratchet, FirstUse { other, nodes }))
    }
}

/// Where the nearest secret above a leaf is.
enum Nearest<'t> {
    /// The node's own secret, in its row or among those beside a path, in another node's.
    Found { node: NodeIndex, beside: Option<(NodeIndex, &'t Beside)>, secret: &'t [u8] },
    /// Rows of these nodes are to be read first.
    Unknown(Vec<NodeIndex>),
    /// Nowhere.
    None,
}

/// The node at a level that is the leaf's, or has it below.
fn ancestor(leaf: LeafIndex, level: u32) -> NodeIndex {
    // Its place among the nodes of its level, and as many ones behind it as there are levels below. A tree has 31 levels at most.
    let level = level.min(TreeSize::MAX.height());
    NodeIndex(((leaf.0 >> level) << (level + 1)) | ((1 << level) - 1))
}

/// `ExpandWithLabel(tree_node_[N]_secret, "tree", "left" or "right", Nh)` (RFC 9420 §9, R139).
fn child_secret(suite: &CipherSuite, secret: &Secret, side: &[u8]) -> Result<Secret, CryptoError> {
    suite.expand_with_label(secret, b"tree", side, suite.secret_len())
}
