//! How a step speaks with its caller: what it needs, what it changes, what it gives.

use crate::receive::{Opened, OpenedSender};
use crate::{Changes, GroupError, GroupState, PendingProposal, RecordKey, RowError, clients};
use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};
use core::fmt;
use once_cell::race::OnceBox;
use pleach_tree::{RatchetTree, TreeError};
use pleach_wire::NodeIndex;
use zeroize::Zeroizing;

/// What a step still has to be given.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// These rows, into [`Rows`].
    Rows(Vec<RecordKey>),
    /// These nodes of the ratchet tree, by [`GroupState::attach_nodes`]. One that has no row is blank.
    Nodes(Vec<NodeIndex>),
    /// The whole ratchet tree, by [`GroupState::attach_tree`].
    Tree,
    /// The pending proposals, by [`GroupState::attach_proposals`].
    Proposals,
}

/// Why a step did not finish.
#[derive(Debug, Clone, PartialEq)]
pub enum Interrupt {
    /// It needs more; enter again with it.
    Need(Need),
    /// It failed, and changed nothing.
    Error(GroupError),
}

impl<E: Into<GroupError>> From<E> for Interrupt {
    /// A tree that is loaded in part says what it lacks by an error.
    fn from(error: E) -> Self {
        match error.into() {
            GroupError::Tree(TreeError::Need(nodes)) => Self::Need(Need::Nodes(nodes)),
            GroupError::Tree(TreeError::NeedKeys(names)) => {
                Self::Need(Need::Rows(names.into_iter().map(RecordKey::KeyIndex).collect()))
            }
            error => Self::Error(error),
        }
    }
}

/// The result of a step.
pub type StepResult<T> = Result<T, Interrupt>;

/// What a finished step wants written, and what it gives.
#[derive(Debug)]
pub struct Step<T> {
    /// The batch. Apply it first.
    pub changes: Changes,
    /// Then hand this to [`GroupState::apply`].
    pub effect: Effect,
    /// Then release this.
    pub output: T,
}

/// How a state follows what was written.
#[derive(Debug)]
#[non_exhaustive]
pub enum Effect {
    /// Nothing in memory changes.
    None,
    /// The next epoch.
    Next(Box<GroupState>),
    /// A proposal is pending.
    Proposal(Box<PendingProposal>),
    /// No proposal is pending any more.
    NoProposals,
    /// Open the group again from its rows.
    Reopen,
}

/// The rows that were read for a step; and, so that a step that is entered again need not decrypt and verify again, the
/// message that it opened.
#[derive(Default)]
pub struct Rows {
    rows: BTreeMap<RecordKey, Option<Zeroizing<Vec<u8>>>>,
    sender: OnceBox<OpenedSender>,
    opened: OnceBox<Opened>,
}

impl Clone for Rows {
    /// The rows alone.
    fn clone(&self) -> Self {
        Self { rows: self.rows.clone(), ..Self::default() }
    }
}

impl fmt::Debug for Rows {
    /// Without values: some are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rows").field(&self.rows.len()).finish()
    }
}

impl Rows {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A row that was read; `None` if there is none.
    pub fn insert(&mut self, key: RecordKey, value: Option<Zeroizing<Vec<u8>>>) {
        self.rows.insert(key, value);
    }

    /// All that was read, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&RecordKey, Option<&[u8]>)> {
        self.rows.iter().map(|(name, row)| (name, row.as_ref().map(|row| row.as_slice())))
    }

    /// A clone of the tree as it is stored, with all that was read of its index of keys.
    pub(crate) fn indexed(&self, tree: &RatchetTree) -> Result<RatchetTree, RowError> {
        let mut tree = tree.clone();
        for (key, row) in &self.rows {
            if let RecordKey::KeyIndex(name) = key {
                let node = row.as_ref().map(|row| clients::read_key_row(row)).transpose()?;
                tree.answer_key(*name, node);
            }
        }
        Ok(tree)
    }

    /// Whether anything was read of the index of keys: of a path, all that it asks for comes at once.
    pub(crate) fn has_keys(&self) -> bool {
        self.rows.keys().any(|name| matches!(name, RecordKey::KeyIndex(_)))
    }

    /// The sender data that an earlier entry of the same step opened.
    pub(crate) fn sender(&self) -> Option<&OpenedSender> {
        self.sender.get()
    }

    /// Keeps the sender data for the next entry.
    pub(crate) fn keep_sender(&self, sender: OpenedSender) {
        let _is_first = self.sender.set(Box::new(sender));
    }

    /// What an earlier entry of the same step opened.
    pub(crate) fn opened(&self) -> Option<&Opened> {
        self.opened.get()
    }

    /// Keeps what was opened for the next entry. Only the first message counts: a step receives one.
    pub(crate) fn keep_opened(&self, opened: Opened) {
        let _is_first = self.opened.set(Box::new(opened));
    }

    pub(crate) fn read(&self, key: RecordKey) -> StepResult<Option<&[u8]>> {
        match self.rows.get(&key) {
            Some(row) => Ok(row.as_ref().map(|row| row.as_slice())),
            None => Err(Interrupt::Need(Need::Rows(alloc::vec![key]))),
        }
    }

    /// Asks for all of these at once, if any is missing.
    pub(crate) fn require(&self, keys: impl IntoIterator<Item = RecordKey>) -> StepResult<()> {
        let missing: Vec<_> = keys.into_iter().filter(|key| !self.rows.contains_key(key)).collect();
        if missing.is_empty() { Ok(()) } else { Err(Interrupt::Need(Need::Rows(missing))) }
    }
}
