//! The state machine driven by hand over a map of rows: what a facade does, in its smallest form.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test driver")]

use pleach_crypto::{CipherSuiteId, CryptoProvider, Serial, Signer};
use pleach_group::{
    Change, Changes, CommitSpec, Effect, Env, GroupConfig, GroupError, GroupInfoSpec, GroupState, Guard,
    Identity, Incoming, Interrupt, KeyPackageRecord, KeyPackageSpec, LeafSpec, Need, NewGroup, ProposalSpec,
    RecordKey, RecordRange, RowKind, Rows, Rules, Step, StepResult, TreeDelivery,
};
use pleach_wire::{
    Capabilities, Credential, CredentialType, Extensions, LeafIndex, Lifetime, MlsMessage, MlsMessageBody,
    ProtocolVersion, decode,
};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

#[derive(Debug)]
struct ByName;

impl Identity for ByName {
    fn client_id(&self, credential: &Credential, _: &[u8]) -> Vec<u8> {
        match credential {
            Credential::Basic { identity } => identity.to_vec(),
            _ => Vec::new(),
        }
    }
}

struct Allow;
impl Rules for Allow {}

/// One client with its rows.
struct Client {
    name: &'static str,
    provider: CryptoProvider,
    suite: CipherSuiteId,
    config: GroupConfig,
    signer: Box<dyn Signer>,
    rows: BTreeMap<RecordKey, Zeroizing<Vec<u8>>>,
    state: Option<GroupState>,
}

impl Client {
    fn new(name: &'static str, suite: CipherSuiteId, config: GroupConfig) -> Self {
        let provider = pleach_rustcrypto::provider();
        let algorithms = *provider.suite(suite).unwrap();
        let pair = algorithms.signature.generate_key_pair(&*provider.random).unwrap();
        let signer = algorithms.signature.load_signer(&pair.private).unwrap();
        Self { name, provider, suite, config, signer, rows: BTreeMap::new(), state: None }
    }

    fn env<'a>(provider: &'a CryptoProvider, config: &'a GroupConfig) -> Env<'a> {
        Env {
            provider,
            identity: &ByName,
            rules: &Allow,
            executor: &Serial,
            config,
            verifiers: &pleach_group::LoadEach,
            now: 1_000_000,
        }
    }

    fn leaf(&self) -> LeafSpec {
        LeafSpec {
            credential: Credential::basic(self.name.as_bytes()),
            capabilities: Capabilities {
                versions: [ProtocolVersion::MLS10].into(),
                cipher_suites: [self.suite].into(),
                credentials: [CredentialType::BASIC].into(),
                ..Capabilities::default()
            },
            extensions: Extensions::default(),
        }
    }

    fn key_package(&mut self) -> pleach_wire::Kept<pleach_wire::KeyPackage> {
        let spec = KeyPackageSpec {
            cipher_suite: self.suite,
            leaf: self.leaf(),
            lifetime: Lifetime { not_before: 0, not_after: 2_000_000 },
            extensions: Extensions::default(),
            last_resort: false,
        };
        let env = Self::env(&self.provider, &self.config);
        let record = pleach_group::new_key_package(&env, &spec, &*self.signer).unwrap();
        let suite = self.provider.suite(self.suite).unwrap();
        let reference = record.reference(suite).unwrap();
        self.rows.insert(RecordKey::KeyPackage(reference), record.to_row());
        record.key_package
    }

    fn create(&mut self) {
        let new = NewGroup {
            group_id: b"group".to_vec(),
            cipher_suite: self.suite,
            leaf: self.leaf(),
            lifetime: Lifetime { not_before: 0, not_after: 2_000_000 },
            extensions: Extensions::default(),
        };
        let env = Self::env(&self.provider, &self.config);
        let step = pleach_group::create_group(&env, &new, &*self.signer).unwrap();
        self.write(&step.changes);
        self.state = Some(step.output);
    }

    fn join(&mut self, welcome: &[u8]) {
        let provider = self.provider.clone();
        let config = self.config.clone();
        let env = Self::env(&provider, &config);
        let welcome = pleach_group::read_welcome(&env, welcome).unwrap();
        let row = welcome
            .secrets
            .iter()
            .find_map(|entry| self.rows.get(&RecordKey::KeyPackage(entry.new_member.to_vec())))
            .unwrap();
        let record = KeyPackageRecord::from_row(row).unwrap();
        let opened = pleach_group::open_welcome(&env, welcome, record).unwrap();
        let mut rows = Rows::new();
        let staged = loop {
            match opened.stage(&env, &rows, None, None) {
                Err(Interrupt::Need(Need::Rows(keys))) => self.read(&mut rows, keys),
                other => break other.unwrap(),
            }
        };
        let step = staged.into_step(&env).unwrap();
        self.write(&step.changes);
        self.state = Some(step.output);
    }

    fn read(&self, rows: &mut Rows, keys: Vec<RecordKey>) {
        for key in keys {
            let value = self.rows.get(&key).cloned();
            rows.insert(key, value);
        }
    }

    /// Runs a step to its end, and then persists, applies and releases.
    fn run<T>(
        &mut self,
        step: impl Fn(&GroupState, &Env<'_>, &Rows, &dyn Signer) -> StepResult<Step<T>>,
    ) -> Result<T, GroupError> {
        let mut rows = Rows::new();
        let mut rounds = 0;
        loop {
            rounds += 1;
            assert!(rounds <= 12, "a step asks for rows at most a few times");
            let env = Self::env(&self.provider, &self.config);
            match step(self.state.as_ref().unwrap(), &env, &rows, &*self.signer) {
                Ok(step) => {
                    self.write(&step.changes);
                    match step.effect {
                        Effect::Reopen => self.reopen(),
                        effect => self.state.as_mut().unwrap().apply(effect),
                    }
                    return Ok(step.output);
                }
                Err(Interrupt::Error(error)) => return Err(error),
                Err(Interrupt::Need(Need::Rows(keys))) => self.read(&mut rows, keys),
                Err(Interrupt::Need(Need::Nodes(nodes))) => {
                    let nodes: Vec<_> = nodes
                        .into_iter()
                        .filter_map(|node| Some((node, self.rows.get(&RecordKey::TreeNode(node))?)))
                        .collect();
                    let private = self.rows.get(&RecordKey::PathKeys).map(|row| row.as_slice());
                    self.state.as_mut().unwrap().attach_nodes(nodes, private).unwrap();
                }
                Err(Interrupt::Need(Need::Tree)) => {
                    let nodes = self.rows.iter().filter_map(|(key, row)| match key {
                        RecordKey::TreeNode(node) => Some((*node, row.to_vec())),
                        _ => None,
                    });
                    let private = &self.rows[&RecordKey::PathKeys];
                    self.state.as_mut().unwrap().attach_tree(nodes, private).unwrap();
                }
                Err(Interrupt::Need(Need::Proposals)) => {
                    let rows = self.rows.iter().filter_map(|(key, row)| match key {
                        RecordKey::Proposal(reference) => Some((reference.clone(), row.as_slice())),
                        _ => None,
                    });
                    self.state.as_mut().unwrap().attach_proposals(rows).unwrap();
                }
                Err(Interrupt::Need(_)) => panic!("unknown need"),
            }
        }
    }

    fn reopen(&mut self) {
        let mut rows = Rows::new();
        self.state = Some(loop {
            match GroupState::open(&self.provider, &rows) {
                Err(Interrupt::Need(Need::Rows(keys))) => self.read(&mut rows, keys),
                other => break other.unwrap(),
            }
        });
    }

    fn write(&mut self, changes: &Changes) {
        let version = |row: &Zeroizing<Vec<u8>>| u64::from_be_bytes(*row.first_chunk::<8>().unwrap());
        for guard in &changes.guards {
            match guard {
                Guard::Absent(key) => assert!(!self.rows.contains_key(key), "{}: {guard:?}", self.name),
                Guard::Present(key) => assert!(self.rows.contains_key(key), "{}: {guard:?}", self.name),
                Guard::Version(key, expected) => {
                    assert_eq!(self.rows.get(key).map(version), Some(*expected), "{guard:?}");
                }
                _ => panic!("unknown guard"),
            }
        }
        for change in changes.rows.iter().chain(&changes.tree_changes().unwrap()) {
            match change {
                Change::Put(key, value) => {
                    self.rows.insert(key.clone(), value.clone());
                }
                Change::Erase(key) => {
                    self.rows.remove(key);
                }
                Change::EraseRange(range) => self.rows.retain(|key, _| !within(range, key)),
                _ => panic!("unknown change"),
            }
        }
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<Incoming, GroupError> {
        self.run(|state, env, rows, _| state.receive(env, rows, bytes))
    }

    fn follow(&mut self, commit: &[u8]) {
        match self.receive(commit).unwrap() {
            Incoming::Commit(staged) => {
                let step = self.state.as_ref().unwrap().merge(*staged).unwrap();
                self.write(&step.changes);
                self.state.as_mut().unwrap().apply(step.effect);
            }
            other => panic!("{other:?}"),
        }
    }

    fn commit(&mut self, spec: &CommitSpec<'_>) -> pleach_group::PendingCommit {
        self.run(|state, env, rows, signer| state.build_commit(env, rows, signer, spec)).unwrap()
    }

    fn merge(&mut self, pending: &pleach_group::PendingCommit) {
        self.run(|state, _, _, _| Ok(state.merge_pending(pending.clone())?)).unwrap();
    }

    fn send(&mut self, text: &[u8]) -> Vec<u8> {
        self.run(|state, env, rows, signer| state.send_application(env, rows, signer, text, b""))
            .unwrap()
            .message
    }

    fn hears(&mut self, message: &[u8], text: &[u8]) {
        match self.receive(message).unwrap() {
            Incoming::Application(message) => assert_eq!(message.data, text),
            other => panic!("{other:?}"),
        }
    }

    fn authenticator(&self) -> Vec<u8> {
        self.state.as_ref().unwrap().epoch_authenticator().unwrap().as_bytes().to_vec()
    }
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

fn life(suite: CipherSuiteId, config: &GroupConfig) {
    let mut alice = Client::new("alice", suite, config.clone());
    let mut bob = Client::new("bob", suite, config.clone());
    let mut carol = Client::new("carol", suite, config.clone());
    alice.create();

    let adds = vec![ProposalSpec::Add(bob.key_package()), ProposalSpec::Add(carol.key_package())];
    let add = alice.commit(&CommitSpec { proposals: adds, ..CommitSpec::default() });
    alice.merge(&add);
    let welcome = add.welcomes()[0].message.clone();
    bob.join(&welcome);
    carol.join(&welcome);
    assert_eq!(alice.authenticator(), bob.authenticator());
    assert_eq!(alice.authenticator(), carol.authenticator());

    let hello = alice.send(b"hello");
    bob.hears(&hello, b"hello");
    carol.hears(&hello, b"hello");
    assert!(bob.receive(&hello).is_err(), "a message is read once");

    // An update by path, sent late messages included.
    let late = carol.send(b"late");
    let update = bob.commit(&CommitSpec { force_path: true, ..CommitSpec::default() });
    alice.follow(update.message());
    carol.follow(update.message());
    assert!(
        matches!(bob.receive(update.message()).unwrap(), Incoming::OwnCommit(hash) if hash == update.hash())
    );
    let from_row = pleach_group::PendingCommit::from_row(
        RowKind::PendingCommit,
        &bob.rows[&RecordKey::PendingCommit(update.hash().to_vec())],
    )
    .unwrap();
    bob.reopen();
    bob.merge(&from_row);
    bob.hears(&late, b"late");
    assert_eq!(alice.authenticator(), bob.authenticator());
    assert_eq!(alice.authenticator(), carol.authenticator());

    // By reference: an Update, and a Remove.
    let proposal = carol
        .run(|state, env, rows, signer| {
            state.propose(env, rows, signer, &ProposalSpec::Update(None, None), b"")
        })
        .unwrap();
    alice.receive(&proposal.message).unwrap();
    bob.receive(&proposal.message).unwrap();
    let commit = alice.commit(&CommitSpec::default());
    alice.merge(&commit);
    bob.follow(commit.message());
    carol.follow(commit.message());
    assert_eq!(alice.authenticator(), carol.authenticator());
    assert_eq!(commit.summary().updated, [LeafIndex(2), LeafIndex(0)]);

    let remove = ProposalSpec::Remove(LeafIndex(1));
    let remove = alice.commit(&CommitSpec { proposals: vec![remove], ..CommitSpec::default() });
    alice.merge(&remove);
    carol.follow(remove.message());
    bob.follow(remove.message());
    assert_eq!(bob.state.as_ref().unwrap().status(), &pleach_group::Status::Removed);
    let secret = carol.send(b"without bob");
    alice.hears(&secret, b"without bob");
    assert!(bob.receive(&secret).is_err());

    // Bob comes back by an external Commit.
    let spec = GroupInfoSpec { external_pub: true, tree: TreeDelivery::Inline };
    let group_info = alice
        .run(|state, env, _, signer| {
            let output = state.group_info(env, signer, spec)?;
            Ok(Step { changes: Changes::default(), effect: Effect::None, output })
        })
        .unwrap();
    let env = Client::env(&bob.provider, &bob.config);
    let verified = pleach_group::verify_group_info(&env, &group_info, None).unwrap();
    let spec = pleach_group::ExternalCommitSpec {
        leaf: bob.leaf(),
        resync: true,
        psks: Vec::new(),
        authenticated_data: Vec::new(),
    };
    let step = pleach_group::external_commit(&env, &Rows::new(), &verified, &spec, &*bob.signer).unwrap();
    bob.write(&step.changes);
    let external = step.output;
    let message: MlsMessage = decode(external.message()).unwrap();
    assert!(matches!(message.body, MlsMessageBody::PublicMessage(_)));
    alice.follow(external.message());
    carol.follow(external.message());
    let step = external.join();
    bob.write(&step.changes);
    bob.state = step.output;
    assert_eq!(alice.authenticator(), bob.authenticator());
    let back = bob.send(b"back");
    alice.hears(&back, b"back");
    carol.hears(&back, b"back");
}

// breaks: R011
#[test]
fn a_groups_life() {
    life(CipherSuiteId::X25519_AES128GCM_SHA256_ED25519, &GroupConfig::default());
}

#[test]
fn a_groups_life_in_public() {
    let mut config = GroupConfig::default();
    config.wire = pleach_group::WirePolicy::PUBLIC;
    life(CipherSuiteId::P256_AES128GCM_SHA256_P256, &config);
}
