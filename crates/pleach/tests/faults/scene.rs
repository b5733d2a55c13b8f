//! Who there is, and what they have: stores that can be copied, so that one beginning has many continuations.

use pleach::crypto::{CryptoProvider, Serial};
use pleach::storage::{KeyRange, Storage};
use pleach::{
    Client, CustomProposalRule, Group, GroupOptions, ManualClock, MemoryStorage, PendingCommit,
    wire::ProposalType,
};
use pleach_testkit::{
    TrustEveryone,
    null_crypto::{NULL_SUITE, NullSuite},
    random::SeededRandom,
};
use std::collections::BTreeMap;

/// The id of the group that everyone is in from the beginning: alice, who created it, bob and carol.
pub(crate) const TEA: &[u8] = b"tea party";

/// A proposal type of the application's own.
pub(crate) const CUSTOM: ProposalType = ProposalType(0xF123);

/// The names of all there are. Dave and erin are in no group at first.
const NAMES: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];

/// The rows of a store: keys and values.
pub(crate) type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// Stores, and what was handed from one to the other.
#[derive(Debug)]
pub(crate) struct Scene {
    null: NullSuite,
    stores: BTreeMap<&'static str, MemoryStorage>,
    notes: BTreeMap<&'static str, Vec<u8>>,
    /// No two clients draw the same secrets; copies of a scene go on alike.
    seed: u64,
}

impl Scene {
    /// Nothing is in any store.
    pub(crate) fn empty() -> Self {
        let stores = NAMES.map(|name| (name, MemoryStorage::new())).into();
        Self { null: NullSuite::new(), stores, notes: BTreeMap::new(), seed: 1 }
    }

    /// The group of three.
    pub(crate) fn beginning() -> Self {
        let mut scene = Self::empty();
        // A store gets its name when its first client is built: here, once for all copies.
        let [alice, bob, carol, _, _] = NAMES.map(|name| scene.client(name));
        let mut group = alice.create_group_with(TEA, &GroupOptions::default()).unwrap();
        let add = group.commit().add(bob.key_package().unwrap()).add(carol.key_package().unwrap());
        let add = add.build().unwrap();
        group.merge(&add).unwrap();
        for client in [bob, carol] {
            client.join(add.welcome().unwrap()).unwrap().accept().unwrap();
        }
        scene
    }

    /// The same once more.
    pub(crate) fn copy(&self) -> Self {
        let stores = self.stores.iter().map(|(name, store)| (*name, store.snapshot())).collect();
        Self { null: self.null, stores, notes: self.notes.clone(), seed: self.seed }
    }

    pub(crate) fn store(&self, name: &str) -> MemoryStorage {
        self.stores[name].clone()
    }

    pub(crate) fn rows(&self, name: &str) -> Rows {
        rows_of(&self.stores[name])
    }

    /// The client of this name, over its own store.
    pub(crate) fn client(&mut self, name: &str) -> Client {
        let store = self.store(name);
        self.client_over(name, store)
    }

    pub(crate) fn client_over(&mut self, name: &str, storage: impl Storage + 'static) -> Client {
        self.seed += 1;
        self.build(name, storage, self.seed << 40).unwrap()
    }

    pub(crate) fn build(
        &self,
        name: &str,
        storage: impl Storage + 'static,
        seed: u64,
    ) -> Result<Client, pleach::Error> {
        self.builder(name, storage, seed).build()
    }

    /// The client of this name, with a rollback guard.
    pub(crate) fn guarded(&mut self, name: &str, guard: impl pleach::RollbackGuard + 'static) -> Client {
        self.seed += 1;
        self.builder(name, self.store(name), self.seed << 40).rollback_guard(guard).build().unwrap()
    }

    fn builder(&self, name: &str, storage: impl Storage + 'static, seed: u64) -> pleach::ClientBuilder {
        let provider = self.null.provider(seed);
        let signer = self.signer(&provider, name);
        Client::builder(provider, storage)
            .basic(name, signer)
            .auth(TrustEveryone)
            .clock(ManualClock::new(1_800_000_000))
            .executor(Serial)
            .custom_proposal(CUSTOM, CustomProposalRule { path_required: false, external: false })
    }

    /// The group of three, opened anew by one of its members.
    pub(crate) fn group(&mut self, name: &str) -> Group {
        self.client(name).load(TEA).unwrap()
    }

    pub(crate) fn groups(&mut self, names: &[&str]) -> Vec<Group> {
        names.iter().map(|name| self.group(name)).collect()
    }

    /// These members get a Commit that bob or somebody else sent, and merge it.
    pub(crate) fn follow(&mut self, names: &[&str], commit: &[u8]) {
        for name in names {
            follow(&mut self.group(name), commit);
        }
    }

    /// These members get a proposal.
    pub(crate) fn hear(&mut self, names: &[&str], proposal: &[u8]) {
        for name in names {
            self.group(name).receive(proposal).unwrap();
        }
    }

    /// This member commits and merges at once; returns the message.
    pub(crate) fn commit(&mut self, name: &str) -> PendingCommit {
        let mut group = self.group(name);
        let commit = group.commit().force_path().build().unwrap();
        group.merge(&commit).unwrap();
        commit
    }

    pub(crate) fn note(&mut self, what: &'static str, bytes: impl Into<Vec<u8>>) {
        self.notes.insert(what, bytes.into());
    }

    pub(crate) fn noted(&self, what: &str) -> Vec<u8> {
        self.notes[what].clone()
    }

    fn signer(&self, provider: &CryptoProvider, name: &str) -> Box<dyn pleach::crypto::Signer> {
        let algorithm = provider.suite(NULL_SUITE).unwrap().signature;
        let seed = name.bytes().fold(7, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
        let keys = algorithm.generate_key_pair(&SeededRandom::new(seed)).unwrap();
        algorithm.load_signer(&keys.private).unwrap()
    }
}

/// All rows of a store.
pub(crate) fn rows_of(store: &MemoryStorage) -> Rows {
    let mut rows = Rows::new();
    store
        .scan(&KeyRange::everything(), &mut |row| {
            rows.insert(row.key.to_bytes(), row.value.to_vec());
            Ok(())
        })
        .unwrap();
    rows
}

/// The group receives a Commit of somebody else and merges it.
pub(crate) fn follow(group: &mut Group, commit: &[u8]) {
    let staged = group.receive(commit).unwrap().into_commit().unwrap();
    group.merge(staged).unwrap();
}

/// All members agree on the epoch, hear each other, and follow a Commit of the first and of the last.
pub(crate) fn go_on(groups: &mut [Group]) {
    talk(groups);
    for by in [0, groups.len() - 1] {
        let commit = groups[by].commit().force_path().build().unwrap();
        for (i, group) in groups.iter_mut().enumerate() {
            if i == by {
                group.merge(&commit).unwrap();
            } else {
                follow(group, commit.message());
            }
        }
        talk(groups);
    }
}

fn talk(groups: &mut [Group]) {
    let authenticator = groups[0].epoch_authenticator().unwrap();
    for by in 0..groups.len() {
        assert_eq!(groups[by].epoch_authenticator().unwrap(), authenticator);
        let text = format!("from {by} in {}", groups[by].epoch());
        let message = groups[by].encrypt(text.as_bytes()).unwrap();
        for (_, group) in groups.iter_mut().enumerate().filter(|(i, _)| *i != by) {
            let heard = group.receive(&message).unwrap().into_application().unwrap();
            assert_eq!(heard.data(), text.as_bytes());
        }
    }
}
