//! Two clients, one group, one message. Run with `cargo run --example hello_group`.

use pleach::crypto::{CipherSuite, CipherSuiteId, Signer};
use pleach::{Client, Error, MemoryStorage, rustcrypto};
use pleach_testkit::TrustEveryone;

const SUITE: CipherSuiteId = CipherSuiteId::X25519_AES128GCM_SHA256_ED25519;

fn client(name: &str) -> Result<Client, Error> {
    let provider = rustcrypto::provider();
    let signer = new_signer(provider.suite(SUITE)?)?;
    // A real program asks somebody whether credentials are genuine: see `own_auth.rs`.
    Client::builder(provider, MemoryStorage::new())
        .suite(SUITE)
        .basic(name, signer)
        .auth(TrustEveryone)
        .build()
}

fn new_signer(suite: &CipherSuite) -> Result<Box<dyn Signer>, Error> {
    let keys = suite.signature.generate_key_pair(&rustcrypto::SystemRandom)?;
    Ok(suite.signature.load_signer(&keys.private)?)
}

fn main() -> Result<(), Error> {
    let (alice, bob) = (client("alice")?, client("bob")?);

    let mut a = alice.create_group(b"tea party")?;
    let add = a.commit().add(bob.key_package()?).build()?;
    let welcome = add.welcome().ok_or(Error::NotFound("welcome"))?.to_vec();
    a.merge(add)?; // the delivery service accepted the Commit

    let mut b = bob.join(&welcome)?.accept()?;
    assert_eq!(b.epoch_authenticator()?, a.epoch_authenticator()?);

    let hello = a.encrypt(b"hello")?;
    let text = b.receive(&hello)?.into_application().ok_or(Error::NotFound("text"))?;
    assert_eq!(text.data(), b"hello");
    println!("{} members in epoch {}", b.members()?.len(), b.epoch());
    Ok(())
}
