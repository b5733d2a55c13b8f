//! Post-quantum objects are large: what a group of a thousand sends stays within the default limits, in the suite with the
//! largest keys and signatures (ML-KEM-1024 and ML-DSA-87).
#![expect(clippy::unwrap_used, reason = "tests")]

use pleach::crypto::{CipherSuiteId, CryptoProvider};
use pleach::wire::Limits;
use pleach::{Client, Group, GroupConfig, SigningIdentity, TreeDelivery};
use pleach_storage_memory::MemoryStorage;
use pleach_testkit::TrustEveryone;
use pleach_testkit::matrix::Backend;

const LARGEST: CipherSuiteId = CipherSuiteId(0xF0AB);
const MEMBERS: usize = 1000;

fn client(name: &str, provider: &CryptoProvider) -> Client {
    let signature = provider.suite(LARGEST).unwrap().signature;
    let pair = signature.generate_key_pair(&*provider.random).unwrap();
    let identity = SigningIdentity::basic(name, signature.load_signer(&pair.private).unwrap());
    let builder = Client::builder(provider.clone(), MemoryStorage::new()).suite(LARGEST);
    builder.auth(TrustEveryone).signing_identity(identity).build().unwrap()
}

fn talk(members: &mut [Group; 2]) {
    let [alice, bob] = members;
    let update = bob.commit().build().unwrap();
    let staged = alice.receive(update.message()).unwrap().into_commit().unwrap();
    alice.merge(staged).unwrap();
    bob.merge(&update).unwrap();
    assert!(alice.epoch_authenticator().unwrap() == bob.epoch_authenticator().unwrap());
    assert!(update.message().len() < Limits::default().message_bytes / 10);
}

#[test]
fn a_thousand_members_fit_the_default_limits() {
    let provider = Backend::PostQuantumFast.provider();
    let (alice, bob) = (client("alice", &provider), client("bob", &provider));
    let others = (2..MEMBERS).map(|i| client(&i.to_string(), &provider).key_package().unwrap());
    let mut key_packages: Vec<_> = others.collect();
    let limits = Limits::default();

    // A commit that welcomes all of them, with the tree apart, as it goes by itself above a size.
    key_packages.push(bob.key_package().unwrap());
    let mut group = alice.create_group(b"apart").unwrap();
    let add = key_packages.iter().fold(group.commit(), |commit, key_package| commit.add(key_package));
    let add = add.build().unwrap();
    group.merge(&add).unwrap();
    let (welcome, tree) = (add.welcome().unwrap(), group.ratchet_tree().unwrap());
    assert!(tree.len() > GroupConfig::default().inline_tree_bytes);
    println!("commit {}, Welcome {}, tree {} bytes", add.message().len(), welcome.len(), tree.len());
    for size in [add.message().len(), welcome.len(), tree.len()] {
        assert!(size < limits.message_bytes, "{size}");
    }
    let joined = bob.join_with_tree(welcome, &tree).unwrap().accept().unwrap();
    assert_eq!(joined.members().unwrap().len(), MEMBERS);
    talk(&mut [group, joined]);

    // And with the tree in it.
    *key_packages.last_mut().unwrap() = bob.key_package().unwrap();
    let mut group = alice.create_group(b"inside").unwrap();
    let add = key_packages.iter().fold(group.commit(), |commit, key_package| commit.add(key_package));
    let add = add.tree(TreeDelivery::Inline).build().unwrap();
    group.merge(&add).unwrap();
    let welcome = add.welcome().unwrap();
    println!("Welcome with the tree {} bytes", welcome.len());
    assert!(welcome.len() > tree.len() && welcome.len() < limits.message_bytes);
    let joined = bob.join(welcome).unwrap().accept().unwrap();
    talk(&mut [group, joined]);
}
