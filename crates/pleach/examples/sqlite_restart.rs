//! A program that is stopped at the worst moments and goes on from its SQLite file.

use pleach::crypto::{Secret, Signer};
use pleach::{Client, Error, MemoryStorage, Received, SqliteStorage, rustcrypto};
use pleach_testkit::TrustEveryone;
use std::path::Path;

/// The application keeps the private signature key; here, in a variable.
fn signer(private: &Secret) -> Result<Box<dyn Signer>, Error> {
    Ok(rustcrypto::SUITES[0].signature.load_signer(private)?)
}

/// Starts the program: the same file, the same identity, a new `Client`.
fn start(file: &Path, private: &Secret) -> Result<Client, Error> {
    let storage = SqliteStorage::open(file)?;
    Client::builder(rustcrypto::provider(), storage)
        .basic("alice", signer(private)?)
        .auth(TrustEveryone)
        .build()
}

fn main() -> Result<(), Error> {
    let directory = tempfile::tempdir().map_err(pleach::storage::StorageError::engine)?;
    let file = directory.path().join("alice.pleach");
    let keys = || rustcrypto::SUITES[0].signature.generate_key_pair(&rustcrypto::SystemRandom);
    let (alice_key, bob_key) = (keys()?.private, keys()?.private);
    let bob = Client::builder(rustcrypto::provider(), MemoryStorage::new())
        .basic("bob", signer(&bob_key)?)
        .auth(TrustEveryone)
        .build()?;

    // A Commit is built and sent; the program dies before the delivery service answers.
    let welcome = {
        let alice = start(&file, &alice_key)?;
        let mut group = alice.create_group(b"tea party")?;
        let add = group.commit().add(bob.key_package()?).build()?;
        add.welcome().ok_or(Error::NotFound("welcome"))?.to_vec()
    };
    let mut b = bob.join(&welcome)?.accept()?;

    // Started again: the Commit is still pending, with everything that merging it takes.
    let hello = {
        let alice = start(&file, &alice_key)?;
        let mut group = alice.load(b"tea party")?;
        assert_eq!(group.epoch(), 0);
        let [pending] =
            <[_; 1]>::try_from(group.pending()?).map_err(|_| Error::NotFound("pending commit"))?;
        group.merge(pending)?;
        assert_eq!(group.epoch_authenticator()?, b.epoch_authenticator()?);
        group.encrypt(b"hello again")?
    };
    let Received::Application(text) = b.receive(&hello)? else {
        return Err(Error::UnexpectedMessage("text"));
    };
    assert_eq!(text.data(), b"hello again");

    // A message is read once, even if the program dies right after: ratchet and text land in one batch.
    let answer = b.encrypt(b"good day")?;
    {
        let alice = start(&file, &alice_key)?;
        let mut group = alice.load(b"tea party")?;
        group.receive_with(&answer, |received| match received {
            Received::Application(text) => vec![(b"inbox/1".to_vec(), Some(text.data().to_vec()))],
            _ => Vec::new(),
        })?;
    }
    let alice = start(&file, &alice_key)?;
    let mut group = alice.load(b"tea party")?;
    assert_eq!(group.record(b"inbox/1")?.as_deref().map(Vec::as_slice), Some(&b"good day"[..]));
    assert_eq!(group.receive(&answer).err().map(|error| error.code()), Some("already-received"));
    println!("{} group, epoch {}", alice.groups()?.len(), group.epoch());
    Ok(())
}
