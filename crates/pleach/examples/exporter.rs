//! Secrets for other uses, from the group's key schedule (RFC 9420 §8.5): here, a key for files.

use pleach::crypto::Signer;
use pleach::{Client, Error, MemoryStorage, rustcrypto};
use pleach_testkit::TrustEveryone;

fn client(name: &str) -> Result<Client, Error> {
    let suite = &rustcrypto::SUITES[0];
    let keys = suite.signature.generate_key_pair(&rustcrypto::SystemRandom)?;
    let signer: Box<dyn Signer> = suite.signature.load_signer(&keys.private)?;
    Client::builder(rustcrypto::provider(), MemoryStorage::new())
        .basic(name, signer)
        .auth(TrustEveryone)
        .build()
}

fn main() -> Result<(), Error> {
    let (alice, bob) = (client("alice")?, client("bob")?);
    let mut a = alice.create_group(b"files")?;
    let add = a.commit().add(bob.key_package()?).build()?;
    a.merge(&add)?;
    let mut b = bob.join(add.welcome().ok_or(Error::NotFound("welcome"))?)?.accept()?;

    // The label names the use, the context what it is used for; members of the epoch agree on the result.
    let key = a.export(b"example file key", b"report.pdf", 32)?;
    assert_eq!(key, b.export(b"example file key", b"report.pdf", 32)?);
    assert_eq!(key.len(), 32);
    assert_ne!(key, b.export(b"example file key", b"photo.jpg", 32)?);
    assert_ne!(key, b.export(b"another use", b"report.pdf", 32)?);

    // It belongs to its epoch.
    let update = a.commit().build()?;
    let staged = b.receive(update.message())?.into_commit().ok_or(Error::UnexpectedMessage("Commit"))?;
    b.merge(staged)?;
    a.merge(update)?;
    let next = b.export(b"example file key", b"report.pdf", 32)?;
    assert_ne!(key, next);
    assert_eq!(next, a.export(b"example file key", b"report.pdf", 32)?);

    // What was agreed can be compared aloud: equal authenticators mean the same epoch of the same group.
    assert_eq!(a.epoch_authenticator()?, b.epoch_authenticator()?);
    println!("a key of {} bytes in epoch {}", next.len(), a.epoch());
    Ok(())
}
