//! A suite number that is not registered can come to stand for other algorithms: what was stored before says so.

use super::driver::*;
use pleach_crypto::SuiteAlgorithms;

const PRIVATE_USE: CipherSuiteId = CipherSuiteId(0xF00D);

/// A provider in whose numbering a number of private use stands for the algorithms of another suite.
fn numbered(like: CipherSuiteId) -> CryptoProvider {
    let provider = pleach_rustcrypto::provider();
    let suite = CipherSuite { id: PRIVATE_USE, ..*provider.suite(like).unwrap() };
    CryptoProvider { suites: vec![suite].into(), ..provider }
}

fn client(name: &'static str, provider: &CryptoProvider) -> Client {
    let mut client = Client::new(name, SUITE_1, &in_public());
    client.suite = *provider.suite(PRIVATE_USE).unwrap();
    client.provider = provider.clone();
    client.leaf.capabilities.cipher_suites = [PRIVATE_USE].into();
    client
}

fn changed() -> GroupError {
    let algorithms = |id| SuiteAlgorithms::registered(id).unwrap();
    let (now, stored) = (algorithms(CipherSuiteId(3)), algorithms(SUITE_1));
    CryptoError::SuiteChanged { id: PRIVATE_USE, now, stored }.into()
}

#[test]
fn groups_and_key_packages_of_another_numbering_are_refused() {
    let (before, after) = (numbered(SUITE_1), numbered(CipherSuiteId(3)));
    let mut alice = client("alice", &before);
    let mut bob = client("bob", &before);
    alice.create(b"group", Extensions::default());
    let adds = vec![ProposalSpec::Add(bob.key_package())];
    let welcome = alice.commit_and_merge(&CommitSpec { proposals: adds, ..CommitSpec::default() });

    bob.provider = after.clone();
    assert_eq!(bob.refuses_welcome(&welcome), changed());
    bob.provider = before.clone();
    bob.join(&welcome).unwrap();

    let mut rows = Rows::new();
    let head = alice.rows.get(&RecordKey::Head).cloned();
    rows.insert(RecordKey::Head, head.clone());
    rows.insert(RecordKey::Epoch(1), alice.rows.get(&RecordKey::Epoch(1)).cloned());
    assert!(matches!(GroupState::open(&after, &rows), Err(Interrupt::Error(error)) if error == changed()));
    assert_eq!(GroupState::open(&before, &rows).unwrap().epoch(), 1);
    // The list of groups needs no provider.
    let summary = crate::HeadSummary::from_row(&head.unwrap()).unwrap();
    assert_eq!((summary.suite, summary.algorithms), (PRIVATE_USE, before.suites[0].algorithms()));
}
