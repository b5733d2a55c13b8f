//! A client of the library that is given malformed messages, and a group of a forger around it.
//!
//! Each refusal is checked to be that of the rule that was broken, to have written nothing, and to have left the group in
//! its epoch; the same message without the change is accepted, so nothing else was wrong with it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use pleach::{
    Client, ClientBuilder, Error, Group, GroupConfig, ManualClock, PeerMisbehavior, Received, StagedJoin,
    WirePolicy,
    storage::{Batch, Erasure, Key, KeyRange, Row, Storage, StorageError, Value},
};
use pleach_crypto::{CipherSuite, CipherSuiteId, CryptoProvider, Secret};
use pleach_storage_memory::MemoryStorage;
use pleach_testkit::{
    TrustEveryone,
    malform::{ForgedCommit, Forger, Listed, Tamper},
    members::Member,
    null_crypto::{NULL_SUITE, NullSuite},
    random::SeededRandom,
};
use pleach_wire::{
    Add, Extensions, Kept, KeyPackage, LeafIndex, MlsMessage, MlsMessageBody, Proposal, Sender, decode,
    encode,
};

pub(crate) const NOW: u64 = 1_000_000_000;
pub(crate) const GROUP_ID: &[u8] = b"forged group";
/// A second suite of the victim's, which works as the first one does.
pub(crate) const OTHER_SUITE: CipherSuiteId = CipherSuiteId(0xFFF1);

/// A store that counts how often it is written to.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spy(MemoryStorage, Arc<AtomicUsize>);

impl Spy {
    fn writes(&self) -> usize {
        self.1.load(Ordering::Relaxed)
    }
}

impl Storage for Spy {
    fn get(&self, key: &Key<'_>) -> Result<Option<Value>, StorageError> {
        self.0.get(key)
    }

    fn scan(
        &self,
        range: &KeyRange<'_>,
        row: &mut dyn FnMut(Row<'_>) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        self.0.scan(range, row)
    }

    fn apply(&self, batch: &mut dyn Batch) -> Result<(), StorageError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.apply(batch)
    }

    fn erasure(&self) -> Erasure {
        self.0.erasure()
    }
}

/// A client of the library, whose signature key the test knows.
pub(crate) struct Victim {
    pub(crate) client: Client,
    pub(crate) store: Spy,
    pub(crate) member: Member,
}

fn provider(seed: u64) -> CryptoProvider {
    let suites = vec![*NullSuite::new().suite(), *NullSuite::with_id(OTHER_SUITE).suite()];
    CryptoProvider { suites: suites.into(), random: Arc::new(SeededRandom::new(seed)) }
}

impl Victim {
    pub(crate) fn new(name: &[u8]) -> Self {
        Self::with(name, |builder| builder)
    }

    pub(crate) fn with(name: &[u8], options: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Self {
        let provider = provider(name.iter().map(|byte| u64::from(*byte)).sum());
        let suite = *provider.suite(NULL_SUITE).unwrap();
        let member = Member::new(&suite, name, &*provider.random);
        let store = Spy::default();
        let mut config = GroupConfig::default();
        config.wire = WirePolicy::MIXED;
        // The strictest: an Add is refused the same way wherever it comes.
        config.lifetime.check_committed = true;
        let builder = Client::builder(provider, store.clone())
            .suite(NULL_SUITE)
            .basic(name, member.signer.clone())
            .auth(TrustEveryone)
            .clock(ManualClock::new(NOW))
            .config(config);
        Self { client: options(builder).build().unwrap(), store, member }
    }

    pub(crate) fn key_package(&self) -> Kept<KeyPackage> {
        key_package(&self.client.key_package().unwrap())
    }

    /// The joiner of this Welcome refuses it, and writes nothing.
    pub(crate) fn join_error(&self, welcome: &[u8]) -> Error {
        let before = self.store.writes();
        let error = self.client.join(welcome).map(drop).expect_err("the welcome was accepted");
        assert_eq!(self.store.writes(), before, "a refused join wrote something");
        error
    }

    pub(crate) fn join(&self, welcome: &[u8]) -> StagedJoin {
        self.client.join(welcome).expect("the welcome is well-formed")
    }
}

pub(crate) fn key_package(message: &[u8]) -> Kept<KeyPackage> {
    match decode::<MlsMessage>(message).unwrap().body {
        MlsMessageBody::KeyPackage(key_package) => key_package,
        other => panic!("no key package: {other:?}"),
    }
}

pub(crate) fn key_package_message(key_package: &Kept<KeyPackage>) -> Vec<u8> {
    encode(&MlsMessage::from(key_package.clone())).unwrap()
}

pub(crate) fn add(key_package: &Kept<KeyPackage>) -> Proposal {
    Proposal::Add(Add { key_package: key_package.clone() })
}

pub(crate) fn by_value(proposals: impl IntoIterator<Item = Proposal>) -> Vec<Listed> {
    proposals.into_iter().map(Listed::Value).collect()
}

/// The forger at leaf 0, with two members of its own at leaves 1 and 2.
pub(crate) struct Forged {
    pub(crate) forger: Forger,
    pub(crate) carol: Member,
    pub(crate) dave: Member,
}

impl Forged {
    pub(crate) fn new() -> Self {
        Self::with_extensions(Extensions::default())
    }

    pub(crate) fn with_extensions(extensions: Extensions) -> Self {
        let suite: CipherSuite = *NullSuite::new().suite();
        let mut forger = Forger::create(&suite, GROUP_ID, extensions, NOW, 5);
        forger.psks.insert(b"shared".to_vec(), Secret::copy_from(&[7; 32]));
        let (carol, carols, _) = forger.client(b"carol", NOW);
        let (dave, daves, _) = forger.client(b"dave", NOW);
        let commit = forger.commit(&by_value([add(&carols), add(&daves)]), true, Tamper::default());
        Self { forger: commit.next, carol, dave }
    }

    /// A Commit that adds the victim.
    pub(crate) fn invite(&self, victim: &Victim) -> ForgedCommit {
        self.forger.commit(&by_value([add(&victim.key_package())]), true, Tamper::default())
    }

    /// The victim as a member, at leaf 3.
    pub(crate) fn with_victim(self) -> InGroup {
        self.with_this_victim(Victim::new(b"victim"))
    }

    pub(crate) fn with_this_victim(self, victim: Victim) -> InGroup {
        let commit = self.invite(&victim);
        let group = victim.join(&commit.welcome(Tamper::default())).accept().unwrap();
        let forged = Self { forger: commit.next, ..self };
        InGroup { forged, victim, group }
    }
}

/// The victim in the forger's group.
pub(crate) struct InGroup {
    pub(crate) forged: Forged,
    pub(crate) victim: Victim,
    pub(crate) group: Group,
}

impl InGroup {
    pub(crate) fn new() -> Self {
        Forged::new().with_victim()
    }

    pub(crate) fn forger(&self) -> &Forger {
        &self.forged.forger
    }

    /// The victim refuses the message, writes nothing, stays where it is, and accepts a well-formed Commit afterwards.
    pub(crate) fn error(&mut self, message: &[u8]) -> Error {
        let before =
            (self.victim.store.writes(), self.group.epoch(), self.group.epoch_authenticator().unwrap());
        let error = self.group.receive(message).map(drop).expect_err("the message was accepted");
        let after =
            (self.victim.store.writes(), self.group.epoch(), self.group.epoch_authenticator().unwrap());
        assert!(before == after, "a refused message changed something");
        let good = self.forger().commit(&[], true, Tamper::default());
        let staged = self.group.receive(&good.message).expect("a well-formed commit");
        assert!(matches!(staged, Received::Commit(_)));
        error
    }

    /// The error for a Commit of the forger with this list.
    pub(crate) fn commit_error(&mut self, list: &[Listed]) -> Error {
        let message = self.forger().commit(list, true, Tamper::default()).message;
        self.error(&message)
    }

    /// The victim accepts a Commit and is in its epoch, with the forger.
    pub(crate) fn accept(&mut self, commit: ForgedCommit) {
        let received = self.group.receive(&commit.message).expect("a well-formed commit");
        let staged = received.into_commit().expect("a commit");
        self.group.merge(staged).unwrap();
        let theirs = commit.next.secrets.epoch_authenticator();
        assert_eq!(self.group.epoch_authenticator().unwrap(), *theirs);
        self.forged.forger = commit.next;
    }

    /// The victim receives a proposal of a member of the forger's.
    pub(crate) fn proposed(&mut self, from: u32, proposal: Proposal) -> Listed {
        let sender = Sender::Member(LeafIndex(from));
        let signer = match from {
            1 => self.forged.carol.clone(),
            2 => self.forged.dave.clone(),
            _ => self.forger().member.clone(),
        };
        let (message, reference) =
            self.forger().propose(sender, &signer, proposal.clone(), Tamper::default());
        let received = self.group.receive(&message).expect("a well-formed proposal");
        assert!(matches!(received, Received::Proposal(_)));
        Listed::Reference(reference, sender, proposal)
    }
}

/// The rule of the group that an error names.
#[track_caller]
pub(crate) fn rule(error: Error) -> pleach::MisbehaviorError {
    match error {
        Error::PeerMisbehaved(PeerMisbehavior::Group(rule)) => rule,
        other => panic!("another kind of error: {other:?}"),
    }
}

/// What an error says is missing.
#[track_caller]
pub(crate) fn incompatible(error: Error) -> pleach::IncompatibleError {
    match error {
        Error::PeerIncompatible(what) => what,
        other => panic!("another kind of error: {other:?}"),
    }
}
