//! Storing and loading: what changed between two trees, and a tree from rows (see `row.rs` for their bytes).
//!
//! Two trees of one group share all that did not change, so the difference is found by comparing pointers: O(log n) for a
//! Commit. A tree can be loaded in part; what is not loaded is a stub, known by its hash and summary, and
//! [`TreeError::Need`] says which rows an operation wants. A loaded node is checked against the hash in its parent.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};

use pleach_crypto::{CipherSuite, Digest};
use pleach_wire::{LeafIndex, NodeIndex, TreeSize};

use crate::{
    RatchetTree, TreeError,
    features::{Features, Interner},
    hash::Hasher,
    position::Position,
    row::{Child, Row, leaf_row, parent_row, write_leaf_row, write_parent_row},
    slot::{LeafSlot, ParentSlot, Stub, Subtree, Summary},
};

/// One difference between the stored rows of two trees.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Write this row.
    Put(NodeIndex, Vec<u8>),
    /// Erase this row.
    Erase(NodeIndex),
    /// Erase this row and all of higher index: the tree was truncated.
    EraseFrom(NodeIndex),
}

impl RatchetTree {
    /// Passes to `visit` what turns the rows of `old` into those of this tree; without `old`, all rows. In the order of
    /// a walk from the root, `EraseFrom` first. O(log n) for the trees before and after a Commit.
    ///
    /// # Errors
    /// What `visit` returns, which ends it; [`TreeError::Encode`] for a node that has no encoding.
    pub fn changes_since<E: From<TreeError>>(
        &self,
        old: Option<&Self>,
        visit: &mut dyn FnMut(Change) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(old) = old else { return self.put_changed(&self.root, None, visit) };
        if old.size > self.size {
            visit(Change::EraseFrom(NodeIndex(self.size.node_count())))?;
        }
        // The subtree of the old tree where the new one is, or the other way round.
        let smaller = self.size.min(old.size);
        let position = Position { height: smaller.height() as u8, first: 0 };
        self.put_changed(&self.root, old.locate(position)?, visit)
    }

    /// The row of a node; `None` if its whole subtree is blank.
    ///
    /// # Errors
    /// [`TreeError::NodeOutOfRange`], [`TreeError::Need`], [`TreeError::Encode`].
    pub fn node_row(&self, node: NodeIndex) -> Result<Option<Vec<u8>>, TreeError> {
        if !self.size.contains(node) {
            return Err(TreeError::NodeOutOfRange(node));
        }
        match self.locate(Position::of_node(node))? {
            None | Some(Subtree::Blank(_)) => Ok(None),
            Some(Subtree::Leaf(leaf)) => Ok(Some(leaf_row(leaf))),
            Some(Subtree::Parent(slot)) => parent_row(slot, &mut self.hasher()).map(Some),
            Some(Subtree::Stub(stub)) => Err(TreeError::Need(Vec::from([stub.position.node()]))),
        }
    }

    /// All rows, in the order of the nodes. O(1) for each.
    #[must_use]
    pub fn node_rows(&self) -> NodeRows<'_> {
        NodeRows { hasher: self.hasher(), stack: Vec::from([Step::Below(&self.root)]) }
    }

    /// The tree of this size and tree hash, from its rows. Rows may be missing, except the root's: those subtrees are
    /// not loaded. O(rows).
    ///
    /// # Errors
    /// [`TreeError::Need`] without the root's row; [`TreeError::Corrupt`] for a row that does not decode or does not fit
    /// the hash and summary in its parent.
    pub fn from_rows<R: AsRef<[u8]>>(
        suite: &CipherSuite,
        size: TreeSize,
        tree_hash: &Digest,
        rows: impl IntoIterator<Item = (NodeIndex, R)>,
    ) -> Result<Self, TreeError> {
        let position = Position { height: size.height() as u8, first: 0 };
        let mut tree = Self::blank(suite);
        tree.size = size;
        tree.stubs = 1;
        tree.encryption_keys.set_complete(false);
        tree.signature_keys.set_complete(false);
        let rows: BTreeMap<NodeIndex, R> = rows.into_iter().collect();
        // The row of the root says what its summary is.
        let summary = match rows.get(&position.node()) {
            None => return Err(TreeError::Need(Vec::from([position.node()]))),
            Some(row) => root_summary(row.as_ref(), position, suite)?,
        };
        tree.root = Subtree::Stub(Arc::new(Stub { position, hash: *tree_hash, summary }));
        tree.load_from(&rows)?;
        Ok(tree)
    }

    /// Loads what is missing from these rows; rows of nodes that are loaded already are ignored. O(rows log n).
    ///
    /// # Errors
    /// [`TreeError::Corrupt`], and then nothing is loaded.
    pub fn load<R: AsRef<[u8]>>(
        &mut self,
        rows: impl IntoIterator<Item = (NodeIndex, R)>,
    ) -> Result<(), TreeError> {
        self.load_from(&rows.into_iter().collect())
    }

    fn load_from<R: AsRef<[u8]>>(&mut self, rows: &BTreeMap<NodeIndex, R>) -> Result<(), TreeError> {
        let mut interner = Interner::default();
        let mut loaded = self.clone();
        let mut load = Load { tree: &mut loaded, rows, interner: &mut interner };
        let root = load.with_rows(&self.root)?;
        loaded.root = root;
        if self.stubs > 0 && loaded.stubs == 0 {
            loaded.encryption_keys.set_complete(true);
            loaded.signature_keys.set_complete(true);
        }
        *self = loaded;
        Ok(())
    }

    /// Puts every row of `new` that `old`, at the same place or at the lower left of it, does not have, and erases those
    /// that only `old` has.
    fn put_changed<E: From<TreeError>>(
        &self,
        new: &Subtree,
        old: Option<&Subtree>,
        visit: &mut dyn FnMut(Change) -> Result<(), E>,
    ) -> Result<(), E> {
        let position = new.position();
        // After an extension the old tree is the lower left part of the new one.
        let old_is_below = old.is_some_and(|old| old.position().height < position.height);
        let here = if old_is_below { None } else { old };
        if here.is_some_and(|here| here.is_same(new) || here.has_same_known_hash(new)) {
            return Ok(());
        }
        match new {
            Subtree::Blank(_) => old.map_or(Ok(()), |old| erase(old, visit)),
            Subtree::Stub(_) => Ok(()), // not loaded, so not changed
            Subtree::Leaf(leaf) => visit(Change::Put(leaf.index.node(), leaf_row(leaf))),
            Subtree::Parent(slot) => {
                visit(Change::Put(position.node(), parent_row(slot, &mut self.hasher())?))?;
                let (old_left, old_right) = match here {
                    Some(Subtree::Parent(old)) => (Some(&old.left), Some(&old.right)),
                    _ if old_is_below => (old, None),
                    _ => (None, None),
                };
                self.put_changed(&slot.left, old_left, visit)?;
                self.put_changed(&slot.right, old_right, visit)
            }
        }
    }
}

/// The rows of a tree one after the other: [`RatchetTree::node_rows`].
pub struct NodeRows<'a> {
    hasher: Hasher<'a>,
    stack: Vec<Step<'a>>,
}

/// What is still to be done.
enum Step<'a> {
    Below(&'a Subtree),
    Parent(&'a ParentSlot),
}

impl NodeRows<'_> {
    /// Appends the next row to `row`, and says whose it is; `None` after the last.
    ///
    /// # Errors
    /// [`TreeError::Need`], [`TreeError::Encode`].
    pub fn next_row(&mut self, row: &mut Vec<u8>) -> Result<Option<NodeIndex>, TreeError> {
        while let Some(step) = self.stack.pop() {
            match step {
                Step::Below(Subtree::Blank(_)) => {}
                Step::Below(Subtree::Leaf(leaf)) => {
                    write_leaf_row(leaf, row);
                    return Ok(Some(leaf.index.node()));
                }
                Step::Below(Subtree::Parent(slot)) => {
                    self.stack.extend([
                        Step::Below(&slot.right),
                        Step::Parent(slot),
                        Step::Below(&slot.left),
                    ]);
                }
                Step::Below(Subtree::Stub(stub)) => {
                    return Err(TreeError::Need(Vec::from([stub.position.node()])));
                }
                Step::Parent(slot) => {
                    write_parent_row(slot, &mut self.hasher, row)?;
                    return Ok(Some(slot.position.node()));
                }
            }
        }
        Ok(None)
    }
}

impl core::fmt::Debug for NodeRows<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("NodeRows").field("steps", &self.stack.len()).finish_non_exhaustive()
    }
}

fn erase<E: From<TreeError>>(old: &Subtree, visit: &mut dyn FnMut(Change) -> Result<(), E>) -> Result<(), E> {
    match old {
        Subtree::Blank(_) => Ok(()),
        Subtree::Leaf(leaf) => visit(Change::Erase(leaf.index.node())),
        Subtree::Parent(slot) => {
            visit(Change::Erase(slot.position.node()))?;
            erase(&slot.left, visit)?;
            erase(&slot.right, visit)
        }
        // To blank what is below it, it would have been loaded.
        Subtree::Stub(stub) => Err(TreeError::Need(Vec::from([stub.position.node()])).into()),
    }
}

fn root_summary(row: &[u8], position: Position, suite: &CipherSuite) -> Result<Summary, TreeError> {
    Ok(match Row::decode(row, position, suite.hash)? {
        Row::Leaf(leaf) => Summary {
            occupied: 1,
            resolution_len: 1,
            first_blank: None,
            features: Some(Arc::new(Features::of_leaf(&leaf))),
        },
        Row::Parent { node, left, right } => {
            let (left, right) = (left.into_subtree(position.left()), right.into_subtree(position.right()));
            ParentSlot::new(position, left, right, node).summary
        }
    })
}

struct Load<'a, R> {
    tree: &'a mut RatchetTree,
    rows: &'a BTreeMap<NodeIndex, R>,
    interner: &'a mut Interner,
}

impl<R: AsRef<[u8]>> Load<'_, R> {
    /// The subtree with its stubs replaced where there are rows.
    fn with_rows(&mut self, subtree: &Subtree) -> Result<Subtree, TreeError> {
        match subtree {
            Subtree::Blank(_) | Subtree::Leaf(_) => Ok(subtree.clone()),
            Subtree::Parent(slot) => {
                if !self.has_rows_below(slot.position) {
                    return Ok(subtree.clone());
                }
                let left = self.with_rows(&slot.left)?;
                let right = self.with_rows(&slot.right)?;
                if left.is_same(&slot.left) && right.is_same(&slot.right) {
                    return Ok(subtree.clone());
                }
                let new = ParentSlot::new(slot.position, left, right, slot.node.clone());
                // Loading changes no hash.
                if let Some(hash) = slot.hash.get() {
                    new.hash.set(&hash);
                }
                Ok(Subtree::Parent(Arc::new(new)))
            }
            Subtree::Stub(stub) => match self.rows.get(&stub.position.node()) {
                Some(row) => self.parse_row(stub, row.as_ref()),
                None => Ok(subtree.clone()),
            },
        }
    }

    fn has_rows_below(&self, position: Position) -> bool {
        let (first, end) = (NodeIndex(position.first << 1), NodeIndex(position.end() << 1));
        self.rows.range(first..end).next().is_some()
    }

    fn parse_row(&mut self, stub: &Stub, row: &[u8]) -> Result<Subtree, TreeError> {
        let position = stub.position;
        let hash = self.tree.hash_function();
        let subtree = match Row::decode(row, position, hash)? {
            Row::Leaf(leaf) => {
                let features = self.interner.of_leaf(&leaf);
                let index = LeafIndex(position.first);
                let slot = LeafSlot::new(index, leaf, features, hash);
                check(self.tree.hasher().leaf(index, slot.node.bytes()), stub)?;
                Subtree::Leaf(Arc::new(slot))
            }
            Row::Parent { node, left, right } => {
                let found = self.tree.hasher().parent(node.as_deref(), &[], left.hash(), right.hash())?;
                check(found, stub)?;
                let left = self.child(left, position.left())?;
                let right = self.child(right, position.right())?;
                let slot = ParentSlot::new(position, left, right, node);
                slot.hash.set(&stub.hash);
                Subtree::Parent(Arc::new(slot))
            }
        };
        if subtree.summary() != stub.summary {
            return Err(TreeError::Corrupt(position.node()));
        }
        // Its stub is gone; those below it were counted in `child`.
        self.tree.stubs = self.tree.stubs.saturating_sub(1);
        self.index(&subtree);
        Ok(subtree)
    }

    fn child(&mut self, child: Child, position: Position) -> Result<Subtree, TreeError> {
        match &child {
            Child::Blank(hash) => self.tree.shared.blank.learn(position, *hash),
            Child::Stub(..) => self.tree.stubs += 1,
        }
        let mut subtree = child.into_subtree(position);
        if let Subtree::Stub(stub) = &mut subtree
            && let Some(stub) = Arc::get_mut(stub)
            && let Some(features) = stub.summary.features.take()
        {
            stub.summary.features = Some(self.interner.intern(Arc::unwrap_or_clone(features)));
        }
        self.with_rows(&subtree)
    }

    /// The keys of this node alone: its children are in the index already.
    fn index(&mut self, subtree: &Subtree) {
        match subtree {
            Subtree::Leaf(_) => self.tree.index_keys(subtree),
            Subtree::Parent(slot) => {
                if let Some(node) = &slot.node {
                    self.tree.encryption_keys.insert(node.tag, slot.position.node());
                }
            }
            Subtree::Blank(_) | Subtree::Stub(_) => {}
        }
    }
}

fn check(found: Digest, stub: &Stub) -> Result<(), TreeError> {
    if found == stub.hash { Ok(()) } else { Err(TreeError::Corrupt(stub.position.node())) }
}
