//! The members of a counted group: real clients over counting stores, and key packages of others.

use std::sync::Arc;

use pleach::crypto::{Secret, Serial};
use pleach::{Client, Group, GroupConfig, ManualClock, MemoryRollbackGuard};
use pleach_crypto::{SecureRandom, Signer};
use pleach_testkit::{
    TrustEveryone,
    members::Member,
    null_crypto::{NULL_SUITE, NullSuite},
    random::SeededRandom,
};
use pleach_wire::{
    Extensions, HpkePublicKey, Kept, KeyPackage, MlsMessage, MlsMessageBody, Opaque, ProtocolVersion, encode,
};

use crate::cost::{Meter, Store};
use crate::engine::Engine;

pub(crate) const NOW: u64 = 1_700_000_000;
pub(crate) const PSK: &[u8] = b"a key that all have";

/// A client with a store and a clock of its own, on one thread.
pub(crate) struct Party {
    pub(crate) client: Client,
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
}

impl Party {
    pub(crate) fn new(null: &NullSuite, name: &[u8], signer: impl Signer + 'static, seed: u64) -> Self {
        let store = Store::new(Engine::default());
        let clock = Arc::new(ManualClock::new(NOW));
        let mut config = GroupConfig::default();
        config.limits.message_bytes = 1 << 30;
        config.lifetime.maximum_total = None;
        // What is drawn at random must not be what is counted.
        config.grease = false;
        let client = Client::builder(null.provider(seed), store.clone())
            .suite(NULL_SUITE)
            .basic(name, signer)
            .auth(TrustEveryone)
            .clock(clock.clone())
            .config(config)
            .executor(Serial)
            .rollback_guard(MemoryRollbackGuard::new())
            .build()
            .unwrap();
        client.store_psk(PSK, &Secret::copy_from(&[7; 32])).unwrap();
        Self { client, store, clock }
    }

    /// Somebody who is in no group yet.
    pub(crate) fn newcomer(null: &NullSuite, seed: u64) -> Self {
        let random = SeededRandom::new(seed);
        let keys = null.suite().signature.generate_key_pair(&random).unwrap();
        let signer = null.suite().signature.load_signer(&keys.private).unwrap();
        Self::new(null, format!("newcomer {seed}").as_bytes(), signer, seed)
    }

    pub(crate) fn in_group(self, group: Group) -> Seat {
        Seat { party: self, group }
    }
}

/// A party and its handle on the group.
pub(crate) struct Seat {
    pub(crate) party: Party,
    pub(crate) group: Group,
}

impl Seat {
    pub(crate) fn measure<T>(
        &mut self,
        meter: &mut Meter,
        name: &str,
        work: impl FnOnce(&mut Group) -> T,
    ) -> T {
        let group = &mut self.group;
        meter.measure(name, &self.party.store, || work(group))
    }

    /// The same with the group opened anew, so that nothing of it is in memory.
    pub(crate) fn cold<T>(&mut self, meter: &mut Meter, name: &str, work: impl FnOnce(&mut Group) -> T) -> T {
        let id = self.group.id().to_vec();
        let (client, group) = (&self.party.client, &mut self.group);
        meter.measure(name, &self.party.store, || {
            *group = client.load(&id).unwrap();
            work(group)
        })
    }

    /// Sends something, and notes its length.
    pub(crate) fn send(
        &mut self,
        meter: &mut Meter,
        name: &str,
        work: impl FnOnce(&mut Group) -> Vec<u8>,
    ) -> Vec<u8> {
        let message = self.measure(meter, name, work);
        meter.sent(&message);
        message
    }
}

/// Receives a Commit and merges it.
pub(crate) fn follow(group: &mut Group, message: &[u8]) {
    let staged = group.receive(message).unwrap().into_commit().unwrap();
    group.merge(staged).unwrap();
}

/// A key package, as an MLSMessage, of a member that nobody will be.
pub(crate) fn key_package(null: &NullSuite, name: &[u8], random: &dyn SecureRandom) -> Vec<u8> {
    let suite = null.suite();
    let member = Member::new(suite, name, random);
    let (leaf_node, _) = member.new_leaf(suite, random);
    let init_key = suite.kem.generate_key_pair(random).unwrap().public;
    let key_package = Kept::new(KeyPackage {
        version: ProtocolVersion::MLS10,
        cipher_suite: suite.id,
        init_key: HpkePublicKey::from(init_key),
        leaf_node,
        extensions: Extensions::default(),
        signature: Opaque::default(),
    })
    .unwrap();
    let tbs = key_package.bytes_before_signature();
    let signature = suite.sign_with_label(&*member.signer, b"KeyPackageTBS", &[tbs]).unwrap();
    let key_package = key_package.with_signature(signature.into()).unwrap();
    encode(&MlsMessage::from(MlsMessageBody::KeyPackage(key_package))).unwrap()
}
