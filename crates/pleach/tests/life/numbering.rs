//! Suite numbers that come to stand for something else, and suites that do not fit together.

use crate::common::{code, key, signer};
use pleach::crypto::{CipherSuite, CipherSuiteId, CryptoError, CryptoProvider, Secret};
use pleach::storage::{Checked, KeyRange, RecordKind, Scope, Storage};
use pleach::{Client, Error, KeyPackageRecord, MemoryStorage, rustcrypto};
use pleach_testkit::TrustEveryone;

const PRIVATE_USE: CipherSuiteId = CipherSuiteId(0xF00D);

/// A provider in whose numbering a number of private use stands for the algorithms of one of RFC 9420's suites.
fn numbered(like: usize) -> CryptoProvider {
    let suite = CipherSuite { id: PRIVATE_USE, ..rustcrypto::SUITES[like - 1] };
    CryptoProvider { suites: vec![suite].into(), ..rustcrypto::provider() }
}

/// Suites 1 and 3, which are in use here, have one signature scheme.
fn client(name: &str, private: &Secret, store: &MemoryStorage, provider: CryptoProvider) -> Client {
    let builder = Client::builder(provider, store.clone()).basic(name, signer(private));
    builder.suite(PRIVATE_USE).auth(TrustEveryone).build().unwrap()
}

fn is_changed<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Crypto(CryptoError::SuiteChanged { id: PRIVATE_USE, .. })))
}

#[test]
fn what_was_stored_under_another_numbering_is_refused_and_kept() {
    let (before, after) = (numbered(1), numbered(3));
    let (alice_key, bob_key) = (key(), key());
    let (alice_store, bob_store) = (MemoryStorage::new(), MemoryStorage::new());
    let alice = client("alice", &alice_key, &alice_store, before.clone());
    let bob = client("bob", &bob_key, &bob_store, before.clone());
    let mut group = alice.create_group(b"group").unwrap();
    let invited = group.commit().add(bob.key_package().unwrap()).build().unwrap();
    group.merge(&invited).unwrap();

    let renumbered = client("alice", &alice_key, &alice_store, after.clone());
    assert!(is_changed(&renumbered.load(b"group")));
    let listed = renumbered.groups().unwrap();
    assert_eq!((listed.len(), listed[0].algorithms), (1, before.suites[0].algorithms()));
    let renumbered = client("bob", &bob_key, &bob_store, after);
    assert!(is_changed(&renumbered.join(invited.welcome().unwrap()).and_then(|staged| staged.accept())));
    assert_eq!(renumbered.key_packages().unwrap()[0].algorithms, before.suites[0].algorithms());

    // Under the numbering of before, all is as it was.
    let mut joined = bob.join(invited.welcome().unwrap()).unwrap().accept().unwrap();
    let text = alice.load(b"group").unwrap().encrypt(b"still here").unwrap();
    assert_eq!(joined.receive(&text).unwrap().into_application().unwrap().data(), b"still here");
}

#[test]
fn an_external_commit_of_another_numbering_joins_nothing() {
    let (before, after) = (numbered(1), numbered(3));
    let carol_key = key();
    let carol_store = MemoryStorage::new();
    let mut group =
        client("alice", &key(), &MemoryStorage::new(), before.clone()).create_group(b"group").unwrap();
    let info = group.group_info().unwrap();
    let carol = client("carol", &carol_key, &carol_store, before);
    let message = carol.external_join(&info).build().unwrap().message().to_vec();

    let renumbered = client("carol", &carol_key, &carol_store, after);
    let pending = renumbered.pending_external().unwrap().remove(0);
    assert!(is_changed(&pending.accept()));
    assert!(!renumbered.has_group(b"group").unwrap());
    assert_eq!(renumbered.pending_external().unwrap().len(), 1);

    let staged = group.receive(&message).unwrap().into_commit().unwrap();
    group.merge(staged).unwrap();
    let joined = carol.pending_external().unwrap().remove(0).accept().unwrap();
    assert_eq!(joined.epoch_authenticator().unwrap(), group.epoch_authenticator().unwrap());
}

#[test]
fn a_key_package_of_another_numbering_is_not_imported() {
    let (before, after) = (numbered(1), numbered(3));
    let (private, store) = (key(), MemoryStorage::new());
    let alice = client("alice", &private, &store, before);
    alice.key_package().unwrap();
    let mut found = None;
    let range = KeyRange::records(alice.id(), Scope::Client, RecordKind::KeyPackage);
    Checked::new(&store)
        .scan(&range, &mut |row| {
            found = Some(KeyPackageRecord::from_row(row.value).unwrap());
            Ok(())
        })
        .unwrap();
    let renumbered = client("alice", &private, &MemoryStorage::new(), after);
    assert!(is_changed(&renumbered.import_key_package(&found.unwrap())));
    assert!(renumbered.key_packages().unwrap().is_empty());
}

// breaks: R012
#[test]
fn suites_that_do_not_fit_together_are_refused() {
    let [one, two, _, four, .., seven] = rustcrypto::SUITES;
    let wrong = [
        // Not what the number stands for.
        CipherSuite { aead: four.aead, ..one },
        CipherSuite { kem: two.kem, ..one },
        CipherSuite { signature: two.signature, ..one },
        // Not one hash.
        CipherSuite { id: PRIVATE_USE, hash: seven.hash, ..one },
        CipherSuite { id: PRIVATE_USE, kdf: four.kdf, ..one },
    ];
    for suite in wrong {
        let provider = CryptoProvider { suites: vec![two, suite].into(), ..rustcrypto::provider() };
        let builder = Client::builder(provider, MemoryStorage::new()).basic("alice", signer(&key()));
        let refused = builder.auth(TrustEveryone).build();
        assert!(
            matches!(&refused, Err(Error::Crypto(CryptoError::InconsistentSuite { id, .. })) if *id == suite.id),
            "{refused:?}"
        );
        assert_eq!(code(refused), "crypto");
    }
    CipherSuite { id: PRIVATE_USE, kem: two.kem, ..one }.check().unwrap();
}
