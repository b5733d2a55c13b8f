//! The state of a group at one epoch. Cheap to clone: everything that grows with the group is shared.

use crate::clients::{ClientEdits, Clients};
use crate::head::{Head, epoch_row, read_epoch, read_path_keys};
use crate::{
    Effect, GroupError, Guard, IncompatibleError, Interrupt, Member, MisuseError, Need, ProposalCache,
    RecordKey, RowError, RowKind, Rows, Status, StepResult,
};
use alloc::{sync::Arc, vec::Vec};
use core::fmt;
use pleach_crypto::{CipherSuite, CryptoProvider, Digest, Secret};
use pleach_key_schedule::EpochSecrets;
use pleach_tree::{RatchetTree, TreeError, TreePrivate};
use pleach_wire::{GroupContext, LeafIndex, LeafNode, NodeIndex, decode};
use zeroize::Zeroizing;

/// The ratchet tree with what belongs to it.
#[derive(Debug, Clone)]
pub(crate) struct Attached {
    pub(crate) tree: RatchetTree,
    pub(crate) private: TreePrivate,
    pub(crate) clients: Clients,
}

/// A group at one epoch.
#[derive(Clone)]
pub struct GroupState {
    pub(crate) suite: CipherSuite,
    pub(crate) context: Arc<GroupContext>,
    pub(crate) context_bytes: Arc<[u8]>,
    /// `None` once this client was removed.
    pub(crate) secrets: Option<Arc<EpochSecrets>>,
    pub(crate) head: Head,
    pub(crate) attached: Option<Attached>,
    pub(crate) proposals: Option<Arc<ProposalCache>>,
}

impl fmt::Debug for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupState")
            .field("group_id", &self.context.group_id)
            .field("epoch", &self.context.epoch)
            .field("suite", &self.suite.id)
            .field("own_leaf", &self.head.own_leaf)
            .field("status", &self.head.status)
            .finish_non_exhaustive()
    }
}

impl GroupState {
    /// Opens a group from its rows: two of them, whatever its size.
    ///
    /// # Errors
    /// [`RowProblem::Missing`](crate::RowProblem::Missing) if there is no such group; [`IncompatibleError::CipherSuite`];
    /// [`CryptoError::SuiteChanged`](pleach_crypto::CryptoError::SuiteChanged) if its suite number stood for other
    /// algorithms when the group was stored.
    pub fn open(provider: &CryptoProvider, rows: &Rows) -> StepResult<Self> {
        let head_row = rows.read(RecordKey::Head)?.ok_or(RowError::missing(RowKind::Head))?;
        let (suite_id, algorithms, epoch, head) = Head::from_row(head_row)?;
        let suite = *provider.suite(suite_id).map_err(IncompatibleError::CipherSuite)?;
        suite.check_stored(algorithms)?;
        let epoch_row = rows.read(RecordKey::Epoch(epoch))?.ok_or(RowError::missing(RowKind::Epoch))?;
        let (context_bytes, secrets) = read_epoch(epoch_row)?;
        let context: GroupContext =
            decode(context_bytes).map_err(|_| RowError::impossible(RowKind::Epoch))?;
        let secrets = match head.status {
            Status::Removed => None,
            _ => Some(Arc::new(
                EpochSecrets::from_row(secrets)
                    .map_err(|error| RowError::of_secrets(RowKind::Epoch, &error))?,
            )),
        };
        Ok(Self {
            suite,
            context: Arc::new(context),
            context_bytes: context_bytes.into(),
            secrets,
            head,
            attached: None,
            proposals: None,
        })
    }

    /// Gives the state nodes of its ratchet tree: those that a step asked for, without those that have no row; and the row of
    /// its private keys, which is used if the state has nothing of the tree yet.
    ///
    /// Cost: O(log n) per node; each is checked against the hash in its parent.
    ///
    /// # Errors
    /// [`RowError`] if rows do not fit together.
    pub fn attach_nodes<R: AsRef<[u8]>>(
        &mut self,
        nodes: impl IntoIterator<Item = (NodeIndex, R)>,
        path_keys: Option<&[u8]>,
    ) -> Result<(), GroupError> {
        if let Some(attached) = &mut self.attached {
            return Ok(attached.tree.load(nodes)?);
        }
        let tree_hash = Digest::new(&self.context.tree_hash).ok_or(RowError::impossible(RowKind::Epoch))?;
        let tree = match RatchetTree::from_rows(&self.suite, self.head.size, &tree_hash, nodes) {
            Err(TreeError::Need(_)) => return Err(RowError::missing(RowKind::TreeNode).into()),
            other => other?,
        };
        let private = read_path_keys(path_keys.ok_or(RowError::missing(RowKind::PathKeys))?)?;
        self.attached = Some(Attached { tree, private, clients: Clients::Stored });
        Ok(())
    }

    /// Whether some of the ratchet tree is attached.
    #[must_use]
    pub const fn has_tree(&self) -> bool {
        self.attached.is_some()
    }

    /// Gives the state its ratchet tree: all rows of it, and the row of its private keys.
    ///
    /// Cost: O(n); each node is checked against the hash in its parent.
    ///
    /// # Errors
    /// [`RowError`] if rows do not fit together.
    pub fn attach_tree(
        &mut self,
        nodes: impl IntoIterator<Item = (NodeIndex, Vec<u8>)>,
        path_keys: &[u8],
    ) -> Result<(), GroupError> {
        self.attach_nodes(nodes, Some(path_keys))?;
        // All rows were given: what is not there now is missing.
        if self.tree().is_none_or(RatchetTree::is_partial) {
            Err(RowError::missing(RowKind::TreeNode).into())
        } else {
            Ok(())
        }
    }

    /// Gives the state its pending proposals: all their rows.
    ///
    /// # Errors
    /// [`RowError`].
    pub fn attach_proposals<'r>(
        &mut self,
        rows: impl IntoIterator<Item = (Vec<u8>, &'r [u8])>,
    ) -> Result<(), GroupError> {
        self.proposals = Some(Arc::new(ProposalCache::from_rows(rows)?));
        Ok(())
    }

    /// Follows what was written. Never fails.
    pub fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::None | Effect::Reopen => {}
            Effect::Next(next) => *self = *next,
            Effect::NoProposals => {
                if let Some(cache) = &mut self.proposals {
                    Arc::make_mut(cache).clear();
                }
            }
            Effect::Proposal(proposal) => {
                if let Some(cache) = &mut self.proposals {
                    Arc::make_mut(cache).insert(*proposal);
                }
            }
        }
    }

    /// Puts the state in order after [`GroupState::apply`], when everything that speaks of the state before is dropped: the
    /// changes that were written, above all. What follows is cheaper then. As long as a pending Commit holds on to a tree,
    /// nothing happens. O(log n) for each Commit that waited, of which there are never more than some.
    pub fn settle(&mut self) {
        if let Some(attached) = &mut self.attached {
            attached.tree.settle();
        }
    }

    /// The group's id.
    #[must_use]
    pub fn group_id(&self) -> &[u8] {
        &self.context.group_id
    }

    /// The epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.context.epoch
    }

    /// The cipher suite.
    #[must_use]
    pub fn suite(&self) -> &CipherSuite {
        &self.suite
    }

    /// The GroupContext.
    #[must_use]
    pub fn context(&self) -> &GroupContext {
        &self.context
    }

    /// The own leaf's index.
    #[must_use]
    pub fn own_leaf(&self) -> LeafIndex {
        self.head.own_leaf
    }

    /// The own leaf's signature key: what finds the signer.
    #[must_use]
    pub fn own_signature_key(&self) -> &[u8] {
        &self.head.own_signature_key
    }

    /// Whether the group can be used.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.head.status
    }

    /// The version of the head row.
    #[must_use]
    pub fn head_version(&self) -> u64 {
        self.head.version
    }

    /// The confirmation tag of this epoch.
    #[must_use]
    pub fn confirmation_tag(&self) -> &[u8] {
        &self.head.confirmation_tag
    }

    /// The epoch authenticator (§8.7, R138).
    ///
    /// # Errors
    /// [`MisuseError::NotMember`] after this client was removed.
    pub fn epoch_authenticator(&self) -> Result<&Secret, GroupError> {
        Ok(self.secrets()?.epoch_authenticator())
    }

    pub(crate) fn secrets(&self) -> Result<&EpochSecrets, GroupError> {
        self.secrets.as_deref().ok_or(MisuseError::NotMember.into())
    }

    /// `MLS-Exporter(Label, Context, Length)` (§8.5, R136).
    ///
    /// # Errors
    /// Those of the KDF; [`MisuseError::NotMember`] after this client was removed.
    pub fn export(&self, label: &[u8], context: &[u8], len: usize) -> Result<Secret, GroupError> {
        Ok(self.secrets()?.export(&self.suite, label, context, len)?)
    }

    /// The ratchet tree, as far as it is attached.
    #[must_use]
    pub fn tree(&self) -> Option<&RatchetTree> {
        self.attached.as_ref().map(|attached| &attached.tree)
    }

    /// The pending proposals, if they are attached.
    #[must_use]
    pub fn proposals(&self) -> Option<&ProposalCache> {
        self.proposals.as_deref()
    }

    /// All members, in the order of their leaves. Cost: O(n).
    ///
    /// # Errors
    /// [`Need::Tree`].
    pub fn members(&self) -> StepResult<Vec<Member>> {
        Ok(Member::all(&self.whole_tree()?.tree)?)
    }

    /// One member. One row, unless its leaf is attached.
    ///
    /// # Errors
    /// [`Need::Rows`]; [`MisuseError::NoSuchMember`]; [`MisuseError::NotMember`] after this client was removed.
    pub fn member(&self, rows: &Rows, index: LeafIndex) -> StepResult<Member> {
        self.secrets()?;
        let leaf = self.leaf_node(rows, index)?.ok_or(MisuseError::NoSuchMember)?;
        Ok(Member::new(index, &leaf))
    }

    /// The leaves of a client, by its id ([`Identity::client_id`](crate::Identity::client_id)). One row.
    ///
    /// # Errors
    /// [`Need::Rows`]; [`MisuseError::NotMember`] after this client was removed.
    pub fn leaves_of(&self, rows: &Rows, client_id: &[u8]) -> StepResult<Vec<LeafIndex>> {
        self.secrets()?;
        let clients = self.attached.as_ref().map_or(Clients::Stored, |attached| attached.clients.clone());
        let edits = ClientEdits::new(clients);
        edits.leaves(rows, &self.suite.hash.hash(&[client_id])).map(Vec::from_iter)
    }

    /// Refuses what a group that is over cannot do (R169, R232).
    pub(crate) fn check_active(&self) -> Result<(), GroupError> {
        match self.head.status {
            Status::Active => Ok(()),
            Status::ReInitialized(_) => Err(MisuseError::ReInitialized.into()),
            Status::Removed => Err(MisuseError::NotMember.into()),
        }
    }

    pub(crate) fn check_signer(&self, signer: &dyn pleach_crypto::Signer) -> Result<(), GroupError> {
        if signer.public() == self.own_signature_key() && signer.scheme() == self.suite.signature.scheme() {
            Ok(())
        } else {
            Err(MisuseError::WrongSigner.into()) // R015
        }
    }

    /// The tree, loaded as far as it happens to be; to begin with, the own path.
    pub(crate) fn need_tree(&self) -> StepResult<&Attached> {
        self.need_tree_with(None)
    }

    /// The tree as of [`GroupState::need_tree`]; to begin with, this leaf's path too.
    pub(crate) fn need_tree_with(&self, leaf: Option<LeafIndex>) -> StepResult<&Attached> {
        if let Some(attached) = &self.attached {
            return Ok(attached);
        }
        self.secrets()?;
        let leaf = leaf.filter(|leaf| self.head.size.contains_leaf(*leaf));
        let leaves = [Some(self.head.own_leaf), leaf].into_iter().flatten().map(LeafIndex::node);
        let path = |leaf: NodeIndex| leaf.direct_path(self.head.size).chain([leaf]);
        let mut nodes: Vec<NodeIndex> = leaves.flat_map(path).collect();
        nodes.sort_unstable();
        nodes.dedup();
        Err(Interrupt::Need(Need::Nodes(nodes)))
    }

    /// The tree, all of it.
    pub(crate) fn whole_tree(&self) -> StepResult<&Attached> {
        match &self.attached {
            Some(attached) if !attached.tree.is_partial() => Ok(attached),
            _ => Err(Interrupt::Need(Need::Tree)),
        }
    }

    pub(crate) fn need_proposals(&self) -> StepResult<&ProposalCache> {
        self.proposals.as_deref().ok_or(Interrupt::Need(Need::Proposals))
    }

    /// A leaf of the current tree: from memory, or from its row alone.
    pub(crate) fn leaf_node(
        &self,
        rows: &Rows,
        index: LeafIndex,
    ) -> StepResult<Option<pleach_wire::Kept<LeafNode>>> {
        if let Some(attached) = &self.attached {
            match attached.tree.leaf(index) {
                Err(TreeError::Need(_)) => {}
                found => return Ok(found?.cloned()),
            }
        }
        if !self.head.size.contains_leaf(index) {
            return Ok(None);
        }
        match rows.read(RecordKey::TreeNode(index.node()))? {
            None => Ok(None),
            Some(row) => Ok(Some(RatchetTree::leaf_from_row(self.suite.hash, index, row)?)),
        }
    }

    /// The row that [`GroupState::leaf_node`] reads, if it reads one.
    pub(crate) fn leaf_row(&self, index: LeafIndex) -> Option<RecordKey> {
        let is_known = self
            .attached
            .as_ref()
            .is_some_and(|attached| !matches!(attached.tree.leaf(index), Err(TreeError::Need(_))));
        (!is_known && self.head.size.contains_leaf(index)).then(|| RecordKey::TreeNode(index.node()))
    }

    pub(crate) fn guard_head(&self) -> Guard {
        Guard::Version(RecordKey::Head, self.head.version)
    }

    pub(crate) fn head_row(&self) -> Result<Zeroizing<Vec<u8>>, GroupError> {
        self.head.to_row(&self.suite, self.context.epoch)
    }

    /// The row of this epoch: its context and its secrets, if there are any left.
    pub(crate) fn epoch_row(&self) -> Zeroizing<Vec<u8>> {
        let secrets = self.secrets.as_ref().map_or(Secret::zero(0), |secrets| secrets.to_row());
        epoch_row(&self.context_bytes, secrets.as_bytes())
    }

    /// The row of this epoch once it is past: its context and what reading its messages takes.
    pub(crate) fn past_epoch_row(&self) -> Result<Zeroizing<Vec<u8>>, GroupError> {
        let secrets = self.secrets()?.clone().into_past();
        Ok(epoch_row(&self.context_bytes, secrets.to_row().as_bytes()))
    }
}
