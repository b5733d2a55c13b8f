//! A group moves to a post-quantum suite, and its members have different backends.
//!
//! Run with `cargo run --example post_quantum --features post-quantum`.

use pleach::crypto::{CipherSuiteId, CryptoProvider};
use pleach::post_quantum::{self, PostQuantumNumbering, PostQuantumSuite};
use pleach::wire::{Extensions, ProtocolVersion, ReInit};
use pleach::{Client, Error, KeyPackageOptions, MemoryStorage, Received, Status, rustcrypto};
use pleach_testkit::TrustEveryone;

/// Where the groups are now, and where they are to go: both sign with Ed25519, so signature keys can stay.
const NOW: CipherSuiteId = CipherSuiteId::X25519_AES128GCM_SHA256_ED25519;
const THEN: PostQuantumSuite = PostQuantumSuite::Mlkem768X25519Aes256GcmSha384Ed25519;

/// No numbers are registered yet. All members of a group must mean the same ones.
const NUMBERING: PostQuantumNumbering = PostQuantumNumbering::PLEACH;

fn client(name: &str, provider: CryptoProvider) -> Result<Client, Error> {
    let suite = provider.suite(NOW)?;
    let keys = suite.signature.generate_key_pair(&*provider.random)?;
    let signer = suite.signature.load_signer(&keys.private)?;
    // The capabilities of the client's leaf list all suites of its provider that its signer can sign for.
    Client::builder(provider, MemoryStorage::new()).suite(NOW).basic(name, signer).auth(TrustEveryone).build()
}

fn main() -> Result<(), Error> {
    let then = NUMBERING.number(THEN).ok_or(Error::NotFound("number"))?;
    let alice = client("alice", post_quantum::provider(rustcrypto::provider(), &NUMBERING))?;
    // The suites are values: this one lists the one that it wants, and nothing else.
    let mut provider = post_quantum::provider(rustcrypto::provider(), &NUMBERING);
    provider.suites.to_mut().retain(|suite| [NOW, then].contains(&suite.id));
    let bob = client("bob", provider)?;

    let mut a = alice.create_group(b"tea party")?;
    let add = a.commit().add(bob.key_package()?).build()?;
    let welcome = add.welcome().ok_or(Error::NotFound("welcome"))?.to_vec();
    a.merge(add)?;
    let mut b = bob.join(&welcome)?.accept()?;

    // Who can move? Everybody must list the suite.
    assert!(a.members()?.iter().all(|member| member.leaf_node.capabilities.cipher_suites.contains(&then)));

    // The group is closed, and all agree on its successor (RFC 9420 §11.2).
    let successor = ReInit {
        group_id: b"tea party, post-quantum".as_slice().into(),
        version: ProtocolVersion::MLS10,
        cipher_suite: then,
        extensions: Extensions::default(),
    };
    let close = a.commit().reinit(successor).build()?;
    let Received::Commit(staged) = b.receive(close.message())? else {
        return Err(Error::UnexpectedMessage("Commit"));
    };
    b.merge(staged)?;
    a.merge(close)?;
    assert!(matches!(a.status(), Status::ReInitialized(_)));

    // One of them makes it, from fresh key packages of the others.
    let fresh = bob.key_package_with(KeyPackageOptions::default().suite(then))?;
    let (mut a, first) = a.reinitialize(&[fresh])?;
    let mut b = bob.join(first.welcome().ok_or(Error::NotFound("welcome"))?)?.accept()?;
    a.merge(first)?;

    let hello = a.encrypt(b"hello, whoever records this")?;
    let text = b.receive(&hello)?.into_application().ok_or(Error::NotFound("text"))?;
    assert_eq!(text.data(), b"hello, whoever records this");
    println!("from {NOW} to {} ({})", THEN.name(), b.report()?.algorithms);
    Ok(())
}
