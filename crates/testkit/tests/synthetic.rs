//! The synthetic trees are what they say: valid by the naive oracle's rules and by a joiner's, and Pleach's clients join
//! them by external Commits.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use pleach::{Client, Group, SigningIdentity};
use pleach_crypto::{CipherSuiteId, CryptoProvider, Serial};
use pleach_storage_memory::MemoryStorage;
use pleach_testkit::{
    TrustEveryone, matrix::Backend, null_crypto::NullSuite, oracle::Oracle, random::SeededRandom,
    synthetic::populated,
};
use pleach_tree::RatchetTree;
use pleach_wire::{LeafIndex, encode};

const SUITE: CipherSuiteId = CipherSuiteId::X25519_AES128GCM_SHA256_ED25519;

fn leaves(indices: &[u32]) -> Vec<LeafIndex> {
    indices.iter().copied().map(LeafIndex).collect()
}

#[test]
fn any_number_of_members_and_blanks_is_valid() {
    let null = NullSuite::new();
    let blanks: [&[u32]; 6] = [&[], &[1], &[2, 3], &[1, 3, 5, 7], &[4, 5, 6, 7], &[7, 8, 100]];
    for members in (1..20).chain([31, 32, 33, 100]) {
        for blanks in blanks {
            let what = format!("{members} members, {blanks:?} blank");
            let made = populated(null.suite(), members, &leaves(blanks), b"group", 5);
            let tree = RatchetTree::from_nodes(null.suite(), made.nodes.clone()).unwrap();
            assert_eq!(tree.tree_hash().unwrap(), made.tree_hash, "{what}");
            assert_eq!(tree.verify(b"group", &Serial, &SeededRandom::new(1)), Ok(()), "{what}");
            assert_eq!(tree.member_count(), members, "{what}");
            for leaf in tree.leaves() {
                assert!(!blanks.contains(&leaf.unwrap().0.0), "{what}");
            }
            let oracle = Oracle::from_nodes(null.suite(), made.nodes.clone(), &BTreeMap::new());
            assert!(oracle.is_parent_hash_valid(), "{what}");
            assert_eq!(oracle.root_hash().as_bytes(), made.tree_hash.as_bytes(), "{what}");
            for node in tree.size().nodes().filter(|node| !node.is_leaf()) {
                let (left, right) = node.children().unwrap();
                let both = tree.resolution_len(left).unwrap() * tree.resolution_len(right).unwrap() > 0;
                assert_eq!(tree.parent(node).unwrap().is_some(), both, "{what}, node {node:?}");
            }
        }
    }
}

#[test]
fn the_same_arguments_give_the_same_tree() {
    let null = NullSuite::new();
    let make = |seed| populated(null.suite(), 300, &leaves(&[3, 5]), b"group", seed);
    assert_eq!(make(1).nodes, make(1).nodes);
    assert_ne!(make(1).tree_hash, make(2).tree_hash);
}

fn client(name: &str, provider: &CryptoProvider) -> Client {
    let signature = provider.suite(SUITE).unwrap().signature;
    let pair = signature.generate_key_pair(&*provider.random).unwrap();
    let identity = SigningIdentity::basic(name, signature.load_signer(&pair.private).unwrap());
    let builder = Client::builder(provider.clone(), MemoryStorage::new()).suite(SUITE);
    builder.auth(TrustEveryone).signing_identity(identity).build().unwrap()
}

fn join(name: &str, provider: &CryptoProvider, group_info: &[u8], tree: &[u8]) -> (Group, Vec<u8>) {
    let commit = client(name, provider).external_join(group_info).ratchet_tree(tree).build().unwrap();
    let message = commit.message().to_vec();
    (commit.accept().unwrap(), message)
}

#[test]
fn clients_join_one_after_the_other_and_fill_the_tree() {
    let provider = Backend::Rustcrypto.provider();
    let suite = provider.suite(SUITE).unwrap();
    let made = populated(suite, 40, &leaves(&[7, 21]), b"group", 3);
    let (mut first, _) = join("first", &provider, &made.group_info(suite, 4), &encode(&made.nodes).unwrap());
    assert_eq!(first.own_index(), LeafIndex(7));

    let group_info = first.group_info().unwrap();
    let (second, message) = join("second", &provider, &group_info, &first.ratchet_tree().unwrap());
    let staged = first.receive(&message).unwrap().into_commit().unwrap();
    first.merge(staged).unwrap();
    assert_eq!(second.own_index(), LeafIndex(21));
    assert!(first.epoch_authenticator().unwrap() == second.epoch_authenticator().unwrap());
    assert_eq!(first.members().unwrap().len(), 42);
}
