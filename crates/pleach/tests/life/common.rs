//! What the tests of the facade share: clients, groups of them, and a delivery service that delivers to all.

use pleach::crypto::{CipherSuiteId, Secret, Signer};
use pleach::storage::Storage;
use pleach::{
    Client, ClientBuilder, Group, MembershipChanges, MemoryStorage, PendingCommit, Received, rustcrypto,
};
use pleach_testkit::TrustEveryone;

pub(crate) const SUITE: CipherSuiteId = CipherSuiteId::X25519_AES128GCM_SHA256_ED25519;

/// A fresh private signature key of [`SUITE`].
pub(crate) fn key() -> Secret {
    let suite = &rustcrypto::SUITES[0];
    suite.signature.generate_key_pair(&rustcrypto::SystemRandom).unwrap().private
}

pub(crate) fn signer(private: &Secret) -> Box<dyn Signer> {
    rustcrypto::SUITES[0].signature.load_signer(private).unwrap()
}

/// A builder with everything but what a test is about.
pub(crate) fn builder(name: &str, private: &Secret, storage: impl Storage + 'static) -> ClientBuilder {
    Client::builder(rustcrypto::provider(), storage)
        .suite(SUITE)
        .basic(name, signer(private))
        .auth(TrustEveryone)
}

/// A client with a store of its own.
pub(crate) fn client(name: &str) -> Client {
    builder(name, &key(), MemoryStorage::new()).build().unwrap()
}

/// A group of these clients; the first created it and added the others in one Commit.
pub(crate) fn group_of(clients: &[&Client]) -> Vec<Group> {
    let (first, others) = clients.split_first().unwrap();
    let mut creator = first.create_group(&first.random_group_id().unwrap()).unwrap();
    if others.is_empty() {
        return vec![creator];
    }
    let add = others.iter().fold(creator.commit(), |add, other| add.add(other.key_package().unwrap()));
    let add = add.build().unwrap();
    creator.merge(&add).unwrap();
    let welcome = add.welcome().unwrap();
    let joined = others.iter().map(|other| other.join(welcome).unwrap().accept().unwrap());
    std::iter::once(creator).chain(joined.collect::<Vec<_>>()).collect()
}

/// A group of fresh clients with these names.
pub(crate) fn group(names: &[&str]) -> Vec<Group> {
    let clients: Vec<_> = names.iter().map(|name| client(name)).collect();
    group_of(&clients.iter().collect::<Vec<_>>())
}

/// The delivery service accepted the Commit of `members[by]`: all merge it. Returns what changed, as each saw it.
pub(crate) fn deliver_commit(
    members: &mut [Group],
    by: usize,
    commit: &PendingCommit,
) -> Vec<MembershipChanges> {
    let changes: Vec<_> = members
        .iter_mut()
        .enumerate()
        .filter(|(_, group)| group.is_active())
        .map(|(i, group)| {
            if i == by {
                group.merge(commit).unwrap()
            } else {
                let staged = group.receive(commit.message()).unwrap().into_commit().unwrap();
                group.merge(staged).unwrap()
            }
        })
        .collect();
    assert_in_agreement(members);
    changes
}

/// All other members receive a proposal.
pub(crate) fn deliver_proposal(members: &mut [Group], by: usize, proposal: &[u8]) {
    for (i, group) in members.iter_mut().enumerate() {
        let received = group.receive(proposal).unwrap();
        if i == by {
            assert!(matches!(received, Received::OwnMessage | Received::Duplicate), "{received:?}");
        } else {
            assert!(matches!(received, Received::Proposal(_)), "{received:?}");
        }
    }
}

/// All members are in one epoch, agree on it and on the roster, and can talk.
pub(crate) fn assert_in_agreement(members: &mut [Group]) {
    let active: Vec<usize> = (0..members.len()).filter(|i| members[*i].is_active()).collect();
    let first = &members[active[0]];
    let (epoch, authenticator, roster) =
        (first.epoch(), first.epoch_authenticator().unwrap(), first.members().unwrap());
    for i in &active {
        assert_eq!(members[*i].epoch(), epoch);
        assert_eq!(members[*i].epoch_authenticator().unwrap(), authenticator);
        assert_eq!(members[*i].members().unwrap(), roster);
    }
    for from in &active {
        let text = format!("from {from}");
        let message = members[*from].encrypt(text.as_bytes()).unwrap();
        for to in &active {
            let received = members[*to].receive(&message).unwrap();
            if from == to {
                assert!(matches!(received, Received::OwnMessage));
            } else {
                assert_eq!(received.into_application().unwrap().data(), text.as_bytes());
            }
        }
    }
}

/// The code of the error.
pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, pleach::Error>) -> &'static str {
    result.unwrap_err().code()
}
