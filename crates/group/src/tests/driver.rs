//! One client with its rows, which are a map: what a facade does, in its smallest form.

pub(super) use std::{boxed::Box, collections::BTreeMap, sync::Arc, vec, vec::Vec};

use crate::Member;
use crate::key_package::KeyPackageRecord;
use crate::leaf::sign_leaf;
pub(super) use crate::{
    Change, Changes, CommitSpec, Effect, Env, GroupConfig, GroupError, GroupInfoSpec, GroupState, Guard,
    Identity, Incoming, IncompatibleError, Interrupt, KeyPackageSpec, LeafSpec, MisbehaviorError,
    MisuseError, Need, NewGroup, PendingCommit, ProposalSpec, RecordKey, RecordRange, Rows, Rules,
    StagedJoin, Status, Step, StepResult, TreeDelivery, WirePolicy,
};
pub(super) use pleach_crypto::{
    CipherSuite, CipherSuiteId, CryptoError, CryptoProvider, Secret, Serial, Signer, UnsupportedCipherSuite,
};
use pleach_tree::RatchetTree;
pub(super) use pleach_wire::{
    Add, Capabilities, Credential, CredentialType, Extension, ExtensionType, Extensions, Kept, KeyPackage,
    LeafIndex, LeafNode, LeafNodeSource, Lifetime, NodeIndex, Opaque, Proposal, ProposalOrRef, ProposalType,
    ProtocolVersion, Remove, Sender, Update, decode, encode,
};
use zeroize::Zeroizing;

pub(super) const SUITE_1: CipherSuiteId = CipherSuiteId::X25519_AES128GCM_SHA256_ED25519;
pub(super) const SUITE_2: CipherSuiteId = CipherSuiteId::P256_AES128GCM_SHA256_P256;
pub(super) const NOW: u64 = 1_000_000;
/// An extension, a proposal and a credential type that no registry knows.
pub(super) const UNKNOWN: u16 = 0xF0F0;

/// The client is whoever the basic credential names.
#[derive(Debug)]
struct ByName;

impl Identity for ByName {
    fn client_id(&self, credential: &Credential, signature_key: &[u8]) -> Vec<u8> {
        match credential {
            Credential::Basic { identity } => identity.to_vec(),
            _ => signature_key.to_vec(),
        }
    }
}

/// What the provider says to a suite that it lacks.
pub(super) fn no_suite(wanted: CipherSuiteId) -> UnsupportedCipherSuite {
    pleach_rustcrypto::provider().suite(wanted).unwrap_err()
}

/// The rules of an application that has none.
pub(super) struct NoRules;

impl Rules for NoRules {}

/// A client; a clone of it is the same client before something happened.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) name: &'static str,
    pub(super) provider: CryptoProvider,
    pub(super) suite: CipherSuite,
    pub(super) config: GroupConfig,
    pub(super) rules: &'static (dyn Rules + Sync),
    pub(super) now: u64,
    pub(super) leaf: LeafSpec,
    pub(super) signer: Arc<dyn Signer>,
    pub(super) rows: BTreeMap<RecordKey, Zeroizing<Vec<u8>>>,
    pub(super) state: Option<GroupState>,
    /// How many steps were finished, and whether that makes it open the group anew now and then.
    pub(super) steps: usize,
    pub(super) reopens: bool,
}

/// A configuration that takes handshake messages either way and sends them in the open.
pub(super) fn in_public() -> GroupConfig {
    GroupConfig { wire: WirePolicy::MIXED_SEND_PUBLIC, ..GroupConfig::default() }
}

/// Alice, who created the group, with Bob and Carol, in epoch 1. Alice is leaf 0, Bob leaf 1, Carol leaf 2.
pub(super) fn trio() -> (Client, Client, Client) {
    trio_with(SUITE_1, &in_public(), Extensions::default(), &|_| ())
}

pub(super) fn trio_with(
    suite: CipherSuiteId,
    config: &GroupConfig,
    extensions: Extensions,
    change: &dyn Fn(&mut Client),
) -> (Client, Client, Client) {
    let [mut alice, mut bob, mut carol] = ["alice", "bob", "carol"].map(|name| {
        let mut client = Client::new(name, suite, config);
        change(&mut client);
        client
    });
    alice.create(b"group", extensions);
    let adds = vec![ProposalSpec::Add(bob.key_package()), ProposalSpec::Add(carol.key_package())];
    let welcome = alice.commit_and_merge(&CommitSpec { proposals: adds, ..CommitSpec::default() });
    bob.join(&welcome).unwrap();
    carol.join(&welcome).unwrap();
    (alice, bob, carol)
}

impl Client {
    pub(super) fn new(name: &'static str, suite: CipherSuiteId, config: &GroupConfig) -> Self {
        let provider = pleach_rustcrypto::provider();
        let suite = *provider.suite(suite).unwrap();
        let leaf = LeafSpec {
            credential: Credential::basic(name.as_bytes()),
            capabilities: Capabilities {
                versions: [ProtocolVersion::MLS10].into(),
                cipher_suites: [suite.id].into(),
                credentials: [CredentialType::BASIC].into(),
                ..Capabilities::default()
            },
            extensions: Extensions::default(),
        };
        Self {
            name,
            signer: new_signer(&provider, &suite),
            provider,
            suite,
            config: config.clone(),
            rules: &NoRules,
            now: NOW,
            leaf,
            rows: BTreeMap::new(),
            state: None,
            steps: 0,
            reopens: true,
        }
    }

    pub(super) fn env(&self) -> Env<'_> {
        Env {
            provider: &self.provider,
            identity: &ByName,
            rules: self.rules,
            executor: &Serial,
            config: &self.config,
            verifiers: &crate::LoadEach,
            now: self.now,
        }
    }

    pub(super) fn state(&self) -> &GroupState {
        self.state.as_ref().unwrap()
    }

    // Founding and joining.

    pub(super) fn create(&mut self, group_id: &[u8], extensions: Extensions) {
        let step = self.try_create(group_id, extensions).unwrap();
        self.write(&step.changes);
        self.state = Some(step.output);
    }

    pub(super) fn try_create(
        &self,
        group_id: &[u8],
        extensions: Extensions,
    ) -> Result<Step<GroupState>, GroupError> {
        let new = NewGroup {
            group_id: group_id.to_vec(),
            cipher_suite: self.suite.id,
            leaf: self.leaf.clone(),
            lifetime: Lifetime { not_before: 0, not_after: 2 * NOW },
            extensions,
        };
        crate::create_group(&self.env(), &new, &*self.signer)
    }

    pub(super) fn key_package(&mut self) -> Kept<KeyPackage> {
        let spec = self.key_package_spec();
        let record = crate::new_key_package(&self.env(), &spec, &*self.signer).unwrap();
        self.keep(&record)
    }

    pub(super) fn key_package_spec(&self) -> KeyPackageSpec {
        KeyPackageSpec {
            cipher_suite: self.suite.id,
            leaf: self.leaf.clone(),
            lifetime: Lifetime { not_before: 0, not_after: 2 * NOW },
            extensions: Extensions::default(),
            last_resort: false,
        }
    }

    /// Keeps a key package with its private keys.
    pub(super) fn keep(&mut self, record: &KeyPackageRecord) -> Kept<KeyPackage> {
        self.rows.insert(RecordKey::KeyPackage(record.reference(&self.suite).unwrap()), record.to_row());
        record.key_package.clone()
    }

    /// A key package whose leaf, and which itself, are changed and signed again.
    pub(super) fn changed_key_package(
        &mut self,
        leaf: impl FnOnce(&mut LeafNode),
        change: impl FnOnce(&mut KeyPackage),
    ) -> Kept<KeyPackage> {
        let spec = self.key_package_spec();
        let mut record = crate::new_key_package(&self.env(), &spec, &*self.signer).unwrap();
        let mut key_package = record.key_package.into_value();
        let mut leaf_node = key_package.leaf_node.into_value();
        leaf(&mut leaf_node);
        key_package.leaf_node = self.sign_leaf(leaf_node);
        change(&mut key_package);
        record.key_package = self.sign_key_package(key_package);
        self.keep(&record)
    }

    /// Signs a leaf for no place, as those in key packages are.
    pub(super) fn sign_leaf(&self, leaf: LeafNode) -> Kept<LeafNode> {
        sign_leaf(&self.suite, &*self.signer, leaf, (b"", LeafIndex(0))).unwrap()
    }

    pub(super) fn sign_key_package(&self, key_package: KeyPackage) -> Kept<KeyPackage> {
        let kept = Kept::new(key_package).unwrap();
        let tbs = kept.bytes_before_signature();
        let signature = self.suite.sign_with_label(&*self.signer, b"KeyPackageTBS", &[tbs]).unwrap();
        kept.with_signature(signature.into()).unwrap()
    }

    pub(super) fn join(&mut self, welcome: &[u8]) -> Result<(), GroupError> {
        let staged = self.stage_join(welcome, None, None)?;
        let step = staged.into_step(&self.env())?;
        self.write(&step.changes);
        self.state = Some(step.output);
        Ok(())
    }

    /// Everything of a join but writing it.
    pub(super) fn stage_join(
        &self,
        welcome: &[u8],
        ratchet_tree: Option<&[u8]>,
        predecessor: Option<&GroupState>,
    ) -> Result<StagedJoin, GroupError> {
        let env = self.env();
        let welcome = crate::read_welcome(&env, welcome)?;
        let mine = |reference: &[u8]| self.rows.get(&RecordKey::KeyPackage(reference.to_vec()));
        let row = welcome.secrets.iter().find_map(|entry| mine(&entry.new_member));
        let record = KeyPackageRecord::from_row(row.ok_or(IncompatibleError::NoKeyPackage)?)?;
        let opened = crate::open_welcome(&env, welcome, record)?;
        let mut rows = Rows::new();
        loop {
            match opened.stage(&env, &rows, ratchet_tree, predecessor) {
                Err(Interrupt::Need(Need::Rows(keys))) => self.read(&mut rows, keys),
                Err(Interrupt::Need(need)) => panic!("{need:?}"),
                Err(Interrupt::Error(error)) => return Err(error),
                Ok(staged) => return Ok(staged),
            }
        }
    }

    /// What a Welcome is refused with; nothing is written.
    pub(super) fn refuses_welcome(&self, welcome: &[u8]) -> GroupError {
        self.stage_join(welcome, None, None).unwrap_err()
    }

    // Running steps.

    pub(super) fn member(&self, index: LeafIndex) -> Member {
        let mut rows = Rows::new();
        loop {
            match self.state().member(&rows, index) {
                Err(Interrupt::Need(Need::Rows(keys))) => self.read(&mut rows, keys),
                found => return found.unwrap(),
            }
        }
    }

    pub(super) fn read(&self, rows: &mut Rows, keys: Vec<RecordKey>) {
        for key in keys {
            let value = self.rows.get(&key).cloned();
            rows.insert(key, value);
        }
    }

    /// Runs a step to its end, and then persists, applies and releases.
    pub(super) fn run<T>(
        &mut self,
        step: impl Fn(&GroupState, &Env<'_>, &Rows, &dyn Signer) -> StepResult<Step<T>>,
    ) -> Result<T, GroupError> {
        let signer = Arc::clone(&self.signer);
        let step = self.stage(|state, env, rows| step(state, env, rows, &*signer))?;
        Ok(self.finish(step))
    }

    /// Runs a step to its end, and does nothing with it.
    pub(super) fn stage<T>(
        &mut self,
        step: impl Fn(&GroupState, &Env<'_>, &Rows) -> StepResult<T>,
    ) -> Result<T, GroupError> {
        let mut rows = Rows::new();
        for _ in 0..20 {
            match step(self.state(), &self.env(), &rows) {
                Ok(step) => return Ok(step),
                Err(Interrupt::Error(error)) => return Err(error),
                Err(Interrupt::Need(Need::Rows(keys))) => self.read(&mut rows, keys),
                Err(Interrupt::Need(Need::Nodes(nodes))) => self.attach_nodes(nodes),
                Err(Interrupt::Need(Need::Proposals)) => self.attach_proposals(),
                Err(Interrupt::Need(_)) => self.attach(),
            }
        }
        panic!("a step asks for rows at most a few times");
    }

    /// Every other time the group is opened anew: what was in memory must be in the rows, too.
    pub(super) fn finish<T>(&mut self, step: Step<T>) -> T {
        self.write(&step.changes);
        self.steps += 1;
        self.check_indexes();
        match step.effect {
            Effect::Reopen => self.reopen(),
            _ if self.reopens && self.steps.is_multiple_of(2) => self.reopen(),
            effect => self.state.as_mut().unwrap().apply(effect),
        }
        step.output
    }

    fn attach_proposals(&mut self) {
        let mut state = self.state.clone().unwrap();
        let rows = self.rows.iter().filter_map(|(key, row)| match key {
            RecordKey::Proposal(reference) => Some((reference.clone(), row.as_slice())),
            _ => None,
        });
        state.attach_proposals(rows).unwrap();
        self.state = Some(state);
    }

    /// The stored indexes are those of the stored tree.
    fn check_indexes(&self) {
        let mut stored = self.clone();
        stored.reopen();
        if stored.state().secrets().is_err() {
            return;
        }
        stored.attach();
        let tree = &stored.state().attached.as_ref().unwrap().tree;
        let keys = tree.key_entries().into_iter();
        let mut expected: BTreeMap<_, _> =
            keys.map(|(name, node)| (RecordKey::KeyIndex(name), crate::clients::key_row(node))).collect();
        let clients = crate::clients::clients_of(&self.env(), tree.suite(), tree).unwrap();
        for change in crate::clients::rows_of(&clients) {
            let Change::Put(key, row) = change else { panic!("an index that is made holds rows") };
            expected.insert(key, row);
        }
        let is_index = |key: &RecordKey| matches!(key, RecordKey::KeyIndex(_) | RecordKey::ClientIndex(_));
        let found: BTreeMap<_, _> = self.rows.clone().into_iter().filter(|(key, _)| is_index(key)).collect();
        assert_eq!(found, expected, "{}", self.name);
    }

    fn attach_nodes(&mut self, nodes: Vec<NodeIndex>) {
        let mut state = self.state.clone().unwrap();
        let rows =
            nodes.into_iter().filter_map(|node| Some((node, self.rows.get(&RecordKey::TreeNode(node))?)));
        state.attach_nodes(rows, self.rows.get(&RecordKey::PathKeys).map(|row| row.as_slice())).unwrap();
        self.state = Some(state);
    }

    /// Attaches the tree and the proposals, as a step that needs them would have it.
    pub(super) fn attach(&mut self) {
        let mut state = self.state.clone().unwrap();
        if state.tree().is_none_or(RatchetTree::is_partial) {
            let nodes = self.rows.iter().filter_map(|(key, row)| match key {
                RecordKey::TreeNode(node) => Some((*node, row.to_vec())),
                _ => None,
            });
            state.attach_tree(nodes, &self.rows[&RecordKey::PathKeys]).unwrap();
        }
        if state.proposals.is_none() {
            let rows = self.rows.iter().filter_map(|(key, row)| match key {
                RecordKey::Proposal(reference) => Some((reference.clone(), row.as_slice())),
                _ => None,
            });
            state.attach_proposals(rows).unwrap();
        }
        self.state = Some(state);
    }

    pub(super) fn reopen(&mut self) {
        let mut rows = Rows::new();
        self.state = Some(loop {
            match GroupState::open(&self.provider, &rows) {
                Err(Interrupt::Need(Need::Rows(keys))) => self.read(&mut rows, keys),
                other => break other.unwrap(),
            }
        });
    }

    /// Whether a batch may be applied.
    pub(super) fn guards_hold(&self, changes: &Changes) -> bool {
        let version = |row: &Zeroizing<Vec<u8>>| u64::from_be_bytes(*row.first_chunk::<8>().unwrap());
        changes.guards.iter().all(|guard| match guard {
            Guard::Absent(key) => !self.rows.contains_key(key),
            Guard::Present(key) => self.rows.contains_key(key),
            Guard::Version(key, expected) => self.rows.get(key).map(version) == Some(*expected),
        })
    }

    pub(super) fn write(&mut self, changes: &Changes) {
        assert!(self.guards_hold(changes), "{}: {:?}", self.name, changes.guards);
        founding_rows_are_those_of_the_difference(changes);
        for change in changes.rows.iter().chain(&changes.tree_changes().unwrap()) {
            match change {
                Change::Put(key, value) => {
                    self.rows.insert(key.clone(), value.clone());
                }
                Change::Erase(key) => {
                    self.rows.remove(key);
                }
                Change::EraseRange(range) => self.rows.retain(|key, _| !within(range, key)),
            }
        }
    }

    // Messages.

    pub(super) fn receive(&mut self, bytes: &[u8]) -> Result<Incoming, GroupError> {
        self.run(|state, env, rows, _| state.receive(env, rows, bytes))
    }

    /// What a message is refused with. The client is what it was before, in memory and in its rows.
    pub(super) fn refuses(&mut self, message: &[u8]) -> GroupError {
        self.attach();
        let before = (self.rows.clone(), self.fingerprint());
        let error = self.receive(message).unwrap_err();
        assert_eq!(before, (self.rows.clone(), self.fingerprint()), "{} changed after {error}", self.name);
        error
    }

    /// What the state is, in bytes.
    pub(super) fn fingerprint(&self) -> Vec<Vec<u8>> {
        let state = self.state();
        let attached = state.attached.as_ref().unwrap();
        let mut parts = vec![
            state.head_row().unwrap().to_vec(),
            state.epoch_row().to_vec(),
            encode(&*state.context).unwrap(),
            attached.private.encode().as_bytes().to_vec(),
            attached.tree.tree_hash().unwrap().as_bytes().to_vec(),
        ];
        parts.extend(state.proposals().unwrap().in_order().iter().map(|p| p.to_row().unwrap().to_vec()));
        parts
    }

    /// Receives a Commit and merges it.
    pub(super) fn follow(&mut self, commit: &[u8]) -> crate::MembershipChanges {
        match self.receive(commit).unwrap() {
            Incoming::Commit(staged) => {
                let step = self.state().merge(*staged).unwrap();
                self.finish(step)
            }
            other => panic!("{other:?}"),
        }
    }

    /// That a proposal is taken up among the pending ones.
    pub(super) fn notes(&mut self, proposal: &[u8]) -> crate::ReceivedProposal {
        match self.receive(proposal).unwrap() {
            Incoming::Proposal(received) => received,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn commit(&mut self, spec: &CommitSpec<'_>) -> PendingCommit {
        self.try_commit(spec).unwrap()
    }

    pub(super) fn try_commit(&mut self, spec: &CommitSpec<'_>) -> Result<PendingCommit, GroupError> {
        self.run(|state, env, rows, signer| state.build_commit(env, rows, signer, spec))
    }

    pub(super) fn merge(&mut self, pending: &PendingCommit) {
        self.run(|state, _, _, _| Ok(state.merge_pending(pending.clone())?)).unwrap();
    }

    /// Commits, merges, and returns the Welcome if there is one, the Commit otherwise.
    pub(super) fn commit_and_merge(&mut self, spec: &CommitSpec<'_>) -> Vec<u8> {
        let pending = self.commit(spec);
        self.merge(&pending);
        pending.welcomes().first().map_or(pending.message(), |welcome| &welcome.message).to_vec()
    }

    pub(super) fn propose(&mut self, spec: &ProposalSpec<'_>) -> crate::Sent {
        self.try_propose(spec).unwrap()
    }

    pub(super) fn try_propose(&mut self, spec: &ProposalSpec<'_>) -> Result<crate::Sent, GroupError> {
        self.run(|state, env, rows, signer| state.propose(env, rows, signer, spec, b""))
    }

    pub(super) fn send(&mut self, text: &[u8]) -> Result<Vec<u8>, GroupError> {
        self.run(|state, env, rows, signer| state.send_application(env, rows, signer, text, b""))
            .map(|sent| sent.message)
    }

    pub(super) fn hears(&mut self, message: &[u8], text: &[u8]) {
        match self.receive(message).unwrap() {
            Incoming::Application(message) => assert_eq!(message.data, text),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn group_info(&mut self, external_pub: bool, tree: TreeDelivery) -> Vec<u8> {
        let signer = Arc::clone(&self.signer);
        self.stage(|state, env, _| state.group_info(env, &*signer, GroupInfoSpec { external_pub, tree }))
            .unwrap()
    }

    pub(super) fn authenticator(&self) -> Vec<u8> {
        self.state().epoch_authenticator().unwrap().as_bytes().to_vec()
    }
}

pub(super) fn new_signer(provider: &CryptoProvider, suite: &CipherSuite) -> Arc<dyn Signer> {
    let pair = suite.signature.generate_key_pair(&*provider.random).unwrap();
    suite.signature.load_signer(&pair.private).unwrap().into()
}

/// A list with one entry of this type and no data.
pub(super) fn unknown_extension(extension_type: u16) -> Extension {
    Extension { extension_type: ExtensionType(extension_type), extension_data: Opaque::default() }
}

/// Capabilities with more in them.
pub(super) fn supporting(
    capabilities: &Capabilities,
    extensions: &[u16],
    proposals: &[u16],
    credentials: &[u16],
) -> Capabilities {
    let mut more = capabilities.clone();
    more.extensions =
        more.extensions.iter().copied().chain(extensions.iter().map(|v| ExtensionType(*v))).collect();
    more.proposals =
        more.proposals.iter().copied().chain(proposals.iter().map(|v| ProposalType(*v))).collect();
    more.credentials =
        more.credentials.iter().copied().chain(credentials.iter().map(|v| CredentialType(*v))).collect();
    more
}

fn within(range: &RecordRange, key: &RecordKey) -> bool {
    match (range, key) {
        (RecordRange::Group, key) => !matches!(
            key,
            RecordKey::ResumptionPsk(..)
                | RecordKey::ExternalPsk(_)
                | RecordKey::KeyPackage(_)
                | RecordKey::PendingExternalCommit(_)
        ),
        (RecordRange::TreeNodes, RecordKey::TreeNode(_))
        | (RecordRange::Proposals, RecordKey::Proposal(_))
        | (RecordRange::OwnUpdateKeys, RecordKey::OwnUpdateKey(_))
        | (RecordRange::PendingCommits, RecordKey::PendingCommit(_)) => true,
        (RecordRange::TreeNodesFrom(first), RecordKey::TreeNode(node)) => node >= first,
        (RecordRange::EpochLeaves(epoch), RecordKey::EpochLeaf(of, _))
        | (RecordRange::SecretNodes(epoch), RecordKey::SecretNode(of, _)) => epoch == of,
        (RecordRange::Ratchets(epoch, kind), RecordKey::Ratchet(of, of_kind, _))
        | (RecordRange::SkippedKeys(epoch, kind), RecordKey::Skipped(of, of_kind, ..)) => {
            epoch == of && kind == of_kind
        }
        _ => false,
    }
}

/// The rows of a tree that is not stored yet come by another way than those of a change: in the order of the nodes, into one
/// buffer. They are the same.
fn founding_rows_are_those_of_the_difference(changes: &Changes) {
    let (Some(mut index), Some((None, tree))) = (changes.founding_index(), &changes.tree) else { return };
    let (mut nodes, mut found, mut row) = (tree.node_rows(), Vec::new(), Vec::new());
    while let Some(node) = nodes.next_row(&mut row).unwrap() {
        found.push((RecordKey::TreeNode(node), core::mem::take(&mut row)));
    }
    while let Some(key) = index.next_row(&mut row) {
        found.push((key, core::mem::take(&mut row)));
    }
    let puts = changes.tree_changes().unwrap().into_iter().map(|change| match change {
        Change::Put(key, value) => (key, value.to_vec()),
        other => panic!("nothing is there to be erased: {other:?}"),
    });
    let (mut expected, of_index): (Vec<_>, Vec<_>) =
        puts.partition(|(key, _)| matches!(key, RecordKey::TreeNode(_)));
    expected.sort();
    expected.extend(of_index);
    assert!(found == expected, "{found:?} instead of {expected:?}");
}
