//! The stored index of keys: which node has a key, so that a tree that is loaded in part can tell that nobody has it
//! (RFC 9420 §7.3, §12.4.2; R083, R084, R101).
//!
//! Keys are unique in a tree, each kind by itself, so an entry is one node. Like the rows of nodes, those of keys are
//! found as the difference of two trees.

use alloc::vec::Vec;

use pleach_wire::NodeIndex;

use crate::{KeyKind, KeyName, RatchetTree, TreeError, slot::Subtree};

/// One difference between the stored key indexes of two trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyChange {
    /// This node has the key now.
    Put(KeyName, NodeIndex),
    /// No node has the key any more.
    Erase(KeyName),
}

impl RatchetTree {
    /// What turns the key index of `old` into that of this tree, in the order of the names. O(log n) for the trees before
    /// and after a Commit.
    ///
    /// # Errors
    /// [`TreeError::Need`], if `old` is not loaded where this tree is another.
    pub fn key_changes_since(&self, old: &Self) -> Result<Vec<KeyChange>, TreeError> {
        let mut difference = Difference::default();
        difference.compare(Some(&self.root), Some(&old.root))?;
        let Difference { mut gone, mut new } = difference;
        gone.sort_unstable();
        new.sort_unstable();
        // Both in the order of the names; a name is in each once.
        let mut changes = Vec::with_capacity(gone.len() + new.len());
        let mut gone = gone.into_iter().peekable();
        for (name, node) in new {
            while let Some((other, _)) = gone.next_if(|(other, _)| *other < name) {
                changes.push(KeyChange::Erase(other));
            }
            match gone.next_if(|(other, _)| *other == name) {
                Some((_, old)) if old == node => {}
                _ => changes.push(KeyChange::Put(name, node)),
            }
        }
        changes.extend(gone.map(|(name, _)| KeyChange::Erase(name)));
        Ok(changes)
    }

    /// The whole key index, in the order of the names. O(n log n).
    #[must_use]
    pub fn key_entries(&self) -> Vec<(KeyName, NodeIndex)> {
        let mut entries = Vec::new();
        collect(&self.root, &mut |name, node| entries.push((name, node)));
        entries.sort_unstable();
        entries
    }
}

#[derive(Default)]
struct Difference {
    gone: Vec<(KeyName, NodeIndex)>,
    new: Vec<(KeyName, NodeIndex)>,
}

impl Difference {
    /// Both subtrees begin at the same leaf. If one is higher, a tree was extended or truncated, and the other lies at its
    /// lower left.
    fn compare(&mut self, new: Option<&Subtree>, old: Option<&Subtree>) -> Result<(), TreeError> {
        let height = |subtree: Option<&Subtree>| subtree.map(|subtree| subtree.position().height);
        match (new, old) {
            (None, None) => Ok(()),
            (Some(new), Some(old)) if new.is_same(old) || new.has_same_known_hash(old) => Ok(()),
            (_, Some(old)) if height(Some(old)) > height(new) && new.is_some() => {
                self.leave(old)?;
                let (left, right) = children(old);
                self.compare(new, left)?;
                self.compare(None, right)
            }
            (Some(new), Some(_)) if height(old) < height(Some(new)) => {
                self.enter(new);
                let (left, right) = children(new);
                self.compare(left, old)?;
                self.compare(right, None)
            }
            (Some(Subtree::Stub(_)), _) => Ok(()), // not loaded, so not changed
            (new, old) => {
                if let Some(new) = new {
                    self.enter(new);
                }
                if let Some(old) = old {
                    self.leave(old)?;
                }
                let ((new_left, new_right), (old_left, old_right)) =
                    (new.map_or((None, None), children), old.map_or((None, None), children));
                self.compare(new_left, old_left)?;
                self.compare(new_right, old_right)
            }
        }
    }

    fn enter(&mut self, subtree: &Subtree) {
        keys(subtree, &mut |name, node| {
            self.new.push((name, node));
        });
    }

    fn leave(&mut self, subtree: &Subtree) -> Result<(), TreeError> {
        if let Subtree::Stub(stub) = subtree {
            return Err(TreeError::Need(Vec::from([stub.position.node()])));
        }
        keys(subtree, &mut |name, node| {
            self.gone.push((name, node));
        });
        Ok(())
    }
}

fn children(subtree: &Subtree) -> (Option<&Subtree>, Option<&Subtree>) {
    match subtree {
        Subtree::Parent(slot) => (Some(&slot.left), Some(&slot.right)),
        _ => (None, None),
    }
}

/// The keys of this node alone.
fn keys(subtree: &Subtree, visit: &mut dyn FnMut(KeyName, NodeIndex)) {
    match subtree {
        Subtree::Blank(_) | Subtree::Stub(_) => {}
        Subtree::Leaf(leaf) => {
            leaf.key_names().into_iter().for_each(|name| visit(name, leaf.index.node()));
        }
        Subtree::Parent(slot) => {
            if let Some(node) = &slot.node {
                visit(KeyName { kind: KeyKind::Encryption, tag: node.tag }, slot.position.node());
            }
        }
    }
}

fn collect(subtree: &Subtree, visit: &mut dyn FnMut(KeyName, NodeIndex)) {
    keys(subtree, visit);
    if let (Some(left), Some(right)) = children(subtree) {
        collect(left, visit);
        collect(right, visit);
    }
}
