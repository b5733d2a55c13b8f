//! A large group's life with real cryptography: joined from a GroupInfo with the tree beside it, committed in, talked in,
//! with a member removed, stored and opened again, in memory and in SQLite.
//!
//! 100,000 members; `PLEACH_MEMBERS=1000000` for as many as that (see CONTRIBUTING.md). Prints how long each step took.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::{env, time::Instant};

use pleach::{Client, Group, Received, SigningIdentity};
use pleach_crypto::{CipherSuiteId, CryptoProvider, Secret};
use pleach_storage::Storage;
use pleach_storage_memory::MemoryStorage;
use pleach_storage_sqlite::SqliteStorage;
use pleach_testkit::{TrustEveryone, matrix::Backend, synthetic::populated};
use pleach_wire::{LeafIndex, encode};

const SUITE: CipherSuiteId = CipherSuiteId::X25519_AES128GCM_SHA256_ED25519;

struct Clock(Instant);

impl Clock {
    fn step(&mut self, what: &str) {
        println!("{what:50} {:9.3} ms", self.0.elapsed().as_secs_f64() * 1e3);
        self.0 = Instant::now();
    }
}

fn client(
    name: &str,
    private: &Secret,
    provider: &CryptoProvider,
    storage: impl Storage + 'static,
) -> Client {
    let signature = provider.suite(SUITE).unwrap().signature;
    let identity = SigningIdentity::basic(name, signature.load_signer(private).unwrap());
    let builder = Client::builder(provider.clone(), storage).suite(SUITE);
    builder.auth(TrustEveryone).signing_identity(identity).build().unwrap()
}

fn join(client: &Client, group_info: &[u8], tree: &[u8]) -> (Group, Vec<u8>) {
    let commit = client.external_join(group_info).ratchet_tree(tree).build().unwrap();
    let message = commit.message().to_vec();
    (commit.accept().unwrap(), message)
}

fn follow(group: &mut Group, message: &[u8]) {
    let staged = group.receive(message).unwrap().into_commit().unwrap();
    group.merge(staged).unwrap();
}

fn says(from: &mut Group, to: &mut Group, text: &[u8]) {
    let message = from.encrypt(text).unwrap();
    match to.receive(&message).unwrap() {
        Received::Application(received) => assert_eq!(received.data(), text),
        other => panic!("{other:?}"),
    }
}

fn same_epoch(a: &Group, b: &Group) {
    assert_eq!(a.epoch(), b.epoch());
    assert!(a.epoch_authenticator().unwrap() == b.epoch_authenticator().unwrap());
}

#[test]
fn a_hundred_thousand_members() {
    let n: u32 = env::var("PLEACH_MEMBERS").map_or(100_000, |n| n.parse().unwrap());
    let provider = Backend::AwsLc.provider();
    let suite = provider.suite(SUITE).unwrap();
    let mut clock = Clock(Instant::now());
    let (group_info, tree) = {
        let made = populated(suite, n, &[LeafIndex(3), LeafIndex(n / 2 + 1)], b"group", 9);
        (made.group_info(suite, 10), encode(&made.nodes).unwrap())
    };
    clock.step("make the tree");

    let key = || suite.signature.generate_key_pair(&*provider.random).unwrap().private;
    let (alices_key, bobs_key) = (key(), key());
    let memory = MemoryStorage::new();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bob.pleach");
    let alice_client = client("alice", &alices_key, &provider, memory.clone());
    let bob_client = client("bob", &bobs_key, &provider, SqliteStorage::open(&file).unwrap());
    clock.step("two clients");

    let (mut alice, _) = join(&alice_client, &group_info, &tree);
    drop((group_info, tree));
    clock.step("the first joins, into memory");
    let (group_info, tree) = (alice.group_info().unwrap(), alice.ratchet_tree().unwrap());
    clock.step("GroupInfo and tree");
    let (mut bob, message) = join(&bob_client, &group_info, &tree);
    drop((group_info, tree));
    clock.step("the second joins, into SQLite");
    follow(&mut alice, &message);
    clock.step("the first processes the join");
    same_epoch(&alice, &bob);
    assert_eq!((alice.own_index(), bob.own_index()), (LeafIndex(3), LeafIndex(n / 2 + 1)));
    assert_eq!(alice.members().unwrap().len(), n as usize + 2);
    clock.step("all members are listed");

    let commit = bob.commit().build().unwrap();
    clock.step("the second commits");
    follow(&mut alice, commit.message());
    clock.step("the first processes it");
    bob.merge(&commit).unwrap();
    clock.step("the second merges");
    same_epoch(&alice, &bob);
    says(&mut alice, &mut bob, b"hello");
    says(&mut bob, &mut alice, b"hello to you");
    clock.step("a message each way");

    let commit = alice.commit().remove(LeafIndex(n - 1)).build().unwrap();
    follow(&mut bob, commit.message());
    alice.merge(&commit).unwrap();
    clock.step("a member is removed");
    same_epoch(&alice, &bob);
    assert!(alice.member(LeafIndex(n - 1)).is_err());

    // Opened again: with new clients, as after a restart.
    drop((alice, bob, alice_client, bob_client));
    clock.step("everything is dropped");
    let alice_client = client("alice", &alices_key, &provider, memory);
    let bob_client = client("bob", &bobs_key, &provider, SqliteStorage::open(&file).unwrap());
    let (mut alice, mut bob) = (alice_client.load(b"group").unwrap(), bob_client.load(b"group").unwrap());
    clock.step("both are opened again");
    same_epoch(&alice, &bob);
    says(&mut alice, &mut bob, b"still here");
    says(&mut bob, &mut alice, b"so am I");
    clock.step("a message each way");
    let commit = alice.commit().build().unwrap();
    follow(&mut bob, commit.message());
    alice.merge(&commit).unwrap();
    clock.step("a Commit");
    same_epoch(&alice, &bob);
    assert_eq!(bob.members().unwrap().len(), n as usize + 1);
    clock.step("all members are listed");
}
