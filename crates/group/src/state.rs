//! The state of a group at one epoch, the rows that it is opened from, and what a step returns.

use crate::row::{Reader, Writer};
use crate::{
    Changes, Env, GroupError, Guard, IncompatibleError, Member, MisuseError, ProposalCache, RecordKey,
    RowError,
};
use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use core::fmt;
use pleach_crypto::{CipherSuite, CipherSuiteId, CryptoProvider, Digest, Secret};
use pleach_key_schedule::EpochSecrets;
use pleach_tree::{RatchetTree, TreePrivate};
use pleach_wire::{GroupContext, LeafIndex, LeafNode, NodeIndex, ReInit, TreeSize, decode, encode};
use rpds::RedBlackTreeMapSync;
use zeroize::Zeroizing;

const HEAD: u8 = 1;
const EPOCH: u8 = 1;

/// What a step still has to be given.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// These rows, into [`Rows`].
    Rows(Vec<RecordKey>),
    /// The ratchet tree, by [`GroupState::attach_tree`].
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
    fn from(error: E) -> Self {
        Self::Error(error.into())
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
    Next(alloc::boxed::Box<GroupState>),
    /// A proposal is pending.
    Proposal(alloc::boxed::Box<crate::PendingProposal>),
    /// No proposal is pending any more.
    NoProposals,
    /// Open the group again from its rows.
    Reopen,
}

/// The rows that were read for a step.
#[derive(Debug, Clone, Default)]
pub struct Rows(BTreeMap<RecordKey, Option<Zeroizing<Vec<u8>>>>);

impl Rows {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A row that was read; `None` if there is none.
    pub fn insert(&mut self, key: RecordKey, value: Option<Zeroizing<Vec<u8>>>) {
        self.0.insert(key, value);
    }

    pub(crate) fn read(&self, key: RecordKey) -> StepResult<Option<&[u8]>> {
        match self.0.get(&key) {
            Some(row) => Ok(row.as_ref().map(|row| row.as_slice())),
            None => Err(Interrupt::Need(Need::Rows(alloc::vec![key]))),
        }
    }

    /// Asks for all of these at once, if any is missing.
    pub(crate) fn require(&self, keys: impl IntoIterator<Item = RecordKey>) -> StepResult<()> {
        let missing: Vec<_> = keys.into_iter().filter(|key| !self.0.contains_key(key)).collect();
        if missing.is_empty() { Ok(()) } else { Err(Interrupt::Need(Need::Rows(missing))) }
    }
}

/// Whether a group can still be used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// It can.
    Active,
    /// A ReInit was committed: it is frozen, and a successor with these parameters is to come (§11.2, R169).
    ReInitialized(ReInit),
    /// This client was removed (R232).
    Removed,
}

/// A past epoch whose application messages can still be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PastEpoch {
    pub(crate) epoch: u64,
    /// When it was left, in seconds since 1970.
    pub(crate) left: u64,
    pub(crate) size: TreeSize,
}

/// What the head row holds besides the epoch's own row.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) version: u64,
    pub(crate) interim_transcript_hash: Vec<u8>,
    pub(crate) confirmation_tag: Vec<u8>,
    pub(crate) own_leaf: LeafIndex,
    pub(crate) own_signature_key: Vec<u8>,
    pub(crate) size: TreeSize,
    pub(crate) status: Status,
    pub(crate) past: Vec<PastEpoch>,
    /// The oldest epoch whose resumption PSK is kept.
    pub(crate) first_psk: u64,
}

/// The clients that are members, by hash of their id: persistent, so that a commit copies O(log n) of it.
pub(crate) type Clients = RedBlackTreeMapSync<Vec<u8>, LeafIndex>;

/// The ratchet tree with what belongs to it.
#[derive(Debug, Clone)]
pub(crate) struct Attached {
    pub(crate) tree: RatchetTree,
    pub(crate) private: TreePrivate,
    /// Made when an Add or external Commit first asks.
    pub(crate) clients: Option<Clients>,
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
    /// [`RowError::Missing`] if there is no such group; [`IncompatibleError::CipherSuite`].
    pub fn open(provider: &CryptoProvider, rows: &Rows) -> StepResult<Self> {
        let head_row = rows.read(RecordKey::Head)?.ok_or(RowError::Missing)?;
        let (suite_id, epoch, head) = Head::from_row(head_row)?;
        let suite = *provider.suite(suite_id).map_err(|_| IncompatibleError::CipherSuite(suite_id))?;
        let epoch_row = rows.read(RecordKey::Epoch(epoch))?.ok_or(RowError::Missing)?;
        let (context_bytes, secrets) = read_epoch(epoch_row)?;
        let context: GroupContext = decode(context_bytes).map_err(|_| RowError::Value)?;
        let secrets = match head.status {
            Status::Removed => None,
            _ => Some(Arc::new(EpochSecrets::from_row(secrets).map_err(|_| RowError::Value)?)),
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
        let nodes: Vec<_> = nodes.into_iter().collect();
        let rows = nodes.iter().map(|(index, row)| (*index, row.as_slice()));
        let tree_hash = Digest::new(&self.context.tree_hash).ok_or(RowError::Value)?;
        let tree = RatchetTree::from_rows(&self.suite, self.head.size, &tree_hash, rows)?;
        let (_, mut row) = Reader::new(path_keys, HEAD)?;
        let private = TreePrivate::decode(row.bytes()?)?;
        self.attached = Some(Attached { tree, private, clients: None });
        Ok(())
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
            Effect::NoProposals => self.proposals = Some(Arc::default()),
            Effect::Proposal(proposal) => {
                if let Some(cache) = &mut self.proposals {
                    Arc::make_mut(cache).insert(*proposal);
                }
            }
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

    /// The ratchet tree, if it is attached.
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
        Ok(Member::all(&self.need_tree()?.tree)?)
    }

    /// One member.
    ///
    /// # Errors
    /// [`Need::Tree`]; [`MisuseError::NoSuchMember`].
    pub fn member(&self, index: LeafIndex) -> StepResult<Member> {
        let leaf = self.need_tree()?.tree.leaf(index)?.ok_or(MisuseError::NoSuchMember)?;
        Ok(Member::new(index, leaf))
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

    pub(crate) fn need_tree(&self) -> StepResult<&Attached> {
        self.attached.as_ref().ok_or(Interrupt::Need(Need::Tree))
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
            return Ok(attached.tree.leaf(index)?.cloned());
        }
        if !self.head.size.contains_leaf(index) {
            return Ok(None);
        }
        match rows.read(RecordKey::TreeNode(index.node()))? {
            None => Ok(None),
            Some(row) => Ok(Some(RatchetTree::leaf_from_row(self.suite.hash, index, row)?)),
        }
    }

    pub(crate) fn guard_head(&self) -> Guard {
        Guard::Version(RecordKey::Head, self.head.version)
    }

    pub(crate) fn head_row(&self) -> Result<Zeroizing<Vec<u8>>, GroupError> {
        self.head.to_row(self.suite.id, self.context.epoch)
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

/// The row of the private keys of the tree.
pub(crate) fn path_keys_row(private: &TreePrivate) -> Zeroizing<Vec<u8>> {
    let mut row = Writer::new(0, HEAD);
    row.bytes(private.encode().as_bytes());
    row.finish()
}

fn epoch_row(context: &[u8], secrets: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut row = Writer::new(0, EPOCH);
    row.bytes(context);
    row.bytes(secrets);
    row.finish()
}

/// The context and the secrets of an epoch's row.
pub(crate) fn read_epoch(row: &[u8]) -> Result<(&[u8], &[u8]), RowError> {
    let (_, mut row) = Reader::new(row, EPOCH)?;
    let parts = (row.bytes()?, row.bytes()?);
    row.end()?;
    Ok(parts)
}

impl Head {
    fn to_row(&self, suite: CipherSuiteId, epoch: u64) -> Result<Zeroizing<Vec<u8>>, GroupError> {
        let Self {
            version,
            interim_transcript_hash,
            confirmation_tag,
            own_leaf,
            own_signature_key,
            size,
            status,
            past,
            first_psk,
        } = self;
        let mut row = Writer::new(*version, HEAD);
        row.u16(suite.0);
        row.u64(epoch);
        row.u32(own_leaf.0);
        row.u32(size.height());
        row.bytes(interim_transcript_hash);
        row.bytes(confirmation_tag);
        row.bytes(own_signature_key);
        match status {
            Status::Active => row.u8(0),
            Status::Removed => row.u8(1),
            Status::ReInitialized(reinit) => {
                row.u8(2);
                row.bytes(&encode(reinit)?);
            }
        }
        row.u64(*first_psk);
        row.u32(past.len() as u32);
        for PastEpoch { epoch, left, size } in past {
            row.u64(*epoch);
            row.u64(*left);
            row.u32(size.height());
        }
        Ok(row.finish())
    }

    fn from_row(row: &[u8]) -> Result<(CipherSuiteId, u64, Self), RowError> {
        let (version, mut row) = Reader::new(row, HEAD)?;
        let suite = CipherSuiteId(row.u16()?);
        let epoch = row.u64()?;
        let own_leaf = LeafIndex(row.u32()?);
        let size = TreeSize::from_height(row.u32()?).ok_or(RowError::Value)?;
        let interim_transcript_hash = row.bytes()?.to_vec();
        let confirmation_tag = row.bytes()?.to_vec();
        let own_signature_key = row.bytes()?.to_vec();
        let status = match row.u8()? {
            0 => Status::Active,
            1 => Status::Removed,
            2 => Status::ReInitialized(decode(row.bytes()?).map_err(|_| RowError::Value)?),
            _ => return Err(RowError::Value),
        };
        let first_psk = row.u64()?;
        let mut past = Vec::new();
        for _ in 0..row.count(20)? {
            let (epoch, left) = (row.u64()?, row.u64()?);
            let size = TreeSize::from_height(row.u32()?).ok_or(RowError::Value)?;
            past.push(PastEpoch { epoch, left, size });
        }
        row.end()?;
        let head = Self {
            version,
            interim_transcript_hash,
            confirmation_tag,
            own_leaf,
            own_signature_key,
            size,
            status,
            past,
            first_psk,
        };
        Ok((suite, epoch, head))
    }
}

/// The hash under which a client is found among the members.
pub(crate) fn client_key(env: &Env<'_>, suite: &CipherSuite, leaf: &LeafNode) -> Vec<u8> {
    let id = env.identity.client_id(&leaf.credential, &leaf.signature_key);
    suite.hash.hash(&[&id]).as_bytes().to_vec()
}
