//! Joining without being invited: by an external Commit to a published GroupInfo (RFC 9420 §12.4.3.2). The same way leads
//! back for a member that lost its state.

use pleach::crypto::{Secret, Signer};
use pleach::{Client, Error, MemoryStorage, rustcrypto};
use pleach_testkit::TrustEveryone;

fn client(name: &str, private: &Secret) -> Result<Client, Error> {
    let signer: Box<dyn Signer> = rustcrypto::SUITES[0].signature.load_signer(private)?;
    Client::builder(rustcrypto::provider(), MemoryStorage::new())
        .basic(name, signer)
        .auth(TrustEveryone)
        .build()
}

fn main() -> Result<(), Error> {
    let keys = || rustcrypto::SUITES[0].signature.generate_key_pair(&rustcrypto::SystemRandom);
    let (alice_key, bob_key) = (keys()?.private, keys()?.private);
    let alice = client("alice", &alice_key)?;
    let mut a = alice.create_group(b"tea party")?;

    // Alice publishes a GroupInfo; Bob commits himself into the group.
    let bob = client("bob", &bob_key)?;
    let commit = bob.external_join(&a.group_info()?).build()?;
    assert!(bob.groups()?.is_empty());
    let staged = a.receive(commit.message())?.into_commit().ok_or(Error::UnexpectedMessage("Commit"))?;
    let changes = a.merge(staged)?;
    let b = commit.accept()?; // the delivery service took it
    assert_eq!(changes.joined, Some(b.own_index()));
    assert_eq!(a.epoch_authenticator()?, b.epoch_authenticator()?);

    // Bob loses his device, and comes back with the same key: his former leaf goes, a new one comes, in one Commit.
    drop(b);
    let bob = client("bob", &bob_key)?;
    let commit = bob.external_join(&a.group_info()?).resync(true).build()?;
    let staged = a.receive(commit.message())?.into_commit().ok_or(Error::UnexpectedMessage("Commit"))?;
    let changes = a.merge(staged)?;
    assert_eq!(changes.removed.len(), 1);
    let mut b = commit.accept()?;
    assert_eq!(a.members()?.len(), 2);

    let hello = b.encrypt(b"back again")?;
    let text = a.receive(&hello)?.into_application().ok_or(Error::UnexpectedMessage("text"))?;
    assert_eq!(text.data(), b"back again");
    println!("{} members in epoch {}", a.members()?.len(), a.epoch());
    Ok(())
}
