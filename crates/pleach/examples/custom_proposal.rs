//! A proposal type of the application's own: a pinned topic that the group agrees on with its next Commit.

use pleach::crypto::Signer;
use pleach::wire::ProposalType;
use pleach::{Client, CustomProposalRule, Error, MemoryStorage, Received, rustcrypto};
use pleach_testkit::TrustEveryone;

/// From the range for private use (RFC 9420 §17.4).
const PIN_TOPIC: ProposalType = ProposalType(0xF0A1);

fn client(name: &str) -> Result<Client, Error> {
    let suite = &rustcrypto::SUITES[0];
    let keys = suite.signature.generate_key_pair(&rustcrypto::SystemRandom)?;
    let signer: Box<dyn Signer> = suite.signature.load_signer(&keys.private)?;
    Client::builder(rustcrypto::provider(), MemoryStorage::new())
        .basic(name, signer)
        .auth(TrustEveryone)
        // Listed in the capabilities of every leaf: all members must know it before one may commit it.
        .custom_proposal(PIN_TOPIC, CustomProposalRule { path_required: false, external: false })
        .build()
}

fn main() -> Result<(), Error> {
    let (alice, bob) = (client("alice")?, client("bob")?);
    let mut a = alice.create_group(b"tea party")?;
    let add = a.commit().add(bob.key_package()?).build()?;
    a.merge(&add)?;
    let mut b = bob.join(add.welcome().ok_or(Error::NotFound("welcome"))?)?.accept()?;

    // Bob proposes, Alice commits.
    let proposal = b.propose_custom(PIN_TOPIC, b"scones")?;
    let Received::Proposal(seen) = a.receive(&proposal)? else {
        return Err(Error::UnexpectedMessage("Proposal"));
    };
    assert_eq!(seen.proposal().proposal_type(), PIN_TOPIC);
    let commit = a.commit().build()?;
    let staged = b.receive(commit.message())?.into_commit().ok_or(Error::UnexpectedMessage("Commit"))?;

    // Both learn from the Commit what was agreed, and who proposed it.
    for changes in [b.merge(staged)?, a.merge(commit)?] {
        let [(kind, by, topic)] = &changes.custom[..] else { return Err(Error::NotFound("custom proposal")) };
        assert_eq!((*kind, *by, topic.as_bytes()), (PIN_TOPIC, Some(b.own_index()), &b"scones"[..]));
    }

    // Or in one step, by value.
    let commit = b.commit().custom(PIN_TOPIC, b"crumpets").build()?;
    let staged = a.receive(commit.message())?.into_commit().ok_or(Error::UnexpectedMessage("Commit"))?;
    let changes = a.merge(staged)?;
    assert_eq!(changes.custom.len(), 1);
    b.merge(commit)?;
    assert_eq!(a.epoch_authenticator()?, b.epoch_authenticator()?);
    println!("agreed on in epoch {}", a.epoch());
    Ok(())
}
