//! Groups of members that differ in what they are built on: crypto backend, storage engine, or both.
//!
//! [`MIXED`]: two sides, each with a backend and an engine of its own; the first side commits and the second processes.
//! [`PARTS`]: one client whose suite is put together from several backends by struct update.
//!
//! Each case proves by counting that the work was done where it should have been: an operation of one side calls what it
//! must of that side's backend, and nothing at all of the other's.

use super::scene::*;
use super::{CountedStores, MemoryStores, Stores};
use crate::counting::{Counting, Primitive};
use pleach::crypto::{CipherSuite, CipherSuiteId, CryptoProvider};
use pleach::{LeafUpdate, WirePolicy};
use std::sync::Arc;

/// A backend and a storage engine that are counted, and the world on them.
#[derive(Debug)]
pub struct Side {
    world: World,
    crypto: Counting,
    stores: Arc<CountedStores<Box<dyn Stores>>>,
}

impl Side {
    /// One suite of a provider over these stores.
    ///
    /// # Errors
    /// If the provider lacks the suite.
    pub fn new(
        provider: &CryptoProvider,
        stores: Box<dyn Stores>,
        suite: CipherSuiteId,
        wire: WirePolicy,
    ) -> Result<Self, Failure> {
        let (crypto, stores) = (Counting::one(provider, suite)?, Arc::new(CountedStores::new(stores)));
        let world = World::new(crypto.provider().clone(), stores.clone(), suite, wire);
        Ok(Self { world, crypto, stores })
    }

    /// What this side does, and the other does not: its backend is called for each of these primitives, the other one for
    /// nothing.
    #[track_caller]
    fn does<T>(
        &self,
        primitives: &[Primitive],
        other: &Self,
        work: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let ((result, own), others) = {
            let before = other.crypto.counts();
            let done = self.crypto.counted(work);
            (done, other.crypto.counts().since(&before))
        };
        let result = result?;
        if let Some(missing) = primitives.iter().find(|primitive| own[**primitive] == 0) {
            return Err(Failure::new(format!("no {missing:?} was called, but {own:?}")));
        }
        if others.sum(Primitive::ALL) > 0 {
            return Err(Failure::new(format!("the other side was called: {others:?}")));
        }
        Ok(result)
    }

    /// That both its backend and its stores were used, for more than to check that the suites are consistent.
    pub(crate) fn check_used(&self) -> Result<(), Failure> {
        let counts = self.crypto.counts();
        ensure!(counts.sum(Primitive::ALL) > counts.sum(&[Hmac, Extract]));
        ensure!(self.stores.applies() > 0);
        Ok(())
    }
}

/// A case of two sides: the first commits, the second processes.
#[derive(Debug, Clone, Copy)]
pub struct MixedCase {
    /// Its name.
    pub name: &'static str,
    /// What it shows, in a line.
    pub about: &'static str,
    /// Runs it.
    pub run: fn(&Side, &Side) -> Result<(), Failure>,
}

macro_rules! mixed {
    ($($name:ident: $about:literal,)*) => {
        /// All cases of two sides.
        pub const MIXED: &[MixedCase] = &[$(MixedCase { name: stringify!($name), about: $about, run: $name },)*];
    };
}

mixed! {
    commit_and_process: "one adds, updates and removes; the other joins and processes",
    application_messages: "messages in both directions",
    proposals: "one commits what the other proposed",
    external_join: "one joins by external Commit, the other processes it",
    turns: "four members of both sides commit in turn",
    swapped: "after a restart, each goes on with the other's backend",
}

use Primitive::{
    Decap, DeriveKeyPair, Encap, Expand, Extract, Hash, Hmac, Open, Seal, Sign, Verify, VerifyBatch,
};

fn commit_and_process(first: &Side, second: &Side) -> Result<(), Failure> {
    let alice = first.world.client("alice")?;
    let (bob, carol) = (second.world.client("bob")?, second.world.client("carol")?);
    let mut own = first.does(&[DeriveKeyPair, Sign, Expand], second, || Ok(alice.create_group(b"mixed")?))?;
    let key_packages = second
        .does(&[DeriveKeyPair, Sign, Hash], first, || Ok([bob.key_package()?, carol.key_package()?]))?;
    let add = first.does(&[VerifyBatch, Encap, Seal, Sign, Hash, Hmac, Extract, Expand], second, || {
        let [bob, carol] = &key_packages;
        let add = own.commit().add(bob).add(carol).build()?;
        own.merge(&add)?;
        Ok(add)
    })?;
    let mut others = second.does(&[Decap, Open, Hash, Hmac, Extract, Expand], first, || {
        Ok(vec![join(&bob, &add)?, join(&carol, &add)?])
    })?;
    for removed in [None, Some(LeafIndex(2))] {
        let commit = first.does(&[DeriveKeyPair, Encap, Seal, Sign, Hash, Hmac], second, || {
            let build = own.commit();
            let commit = if let Some(leaf) = removed { build.remove(leaf) } else { build }.build()?;
            own.merge(&commit)?;
            Ok(commit)
        })?;
        second.does(&[Decap, Open, Verify, Hash, Hmac, Extract, Expand], first, || {
            for member in &mut others {
                follow(member, commit.message())?;
            }
            Ok(())
        })?;
    }
    ensure_eq!(*others[1].status(), Status::Removed);
    agree(&mut [own, others.remove(0)])
}

/// A group of one member of each side, which the first created.
fn pair(first: &Side, second: &Side) -> Result<Vec<Group>, Failure> {
    group_of(&[&first.world.client("alice")?, &second.world.client("bob")?])
}

fn application_messages(first: &Side, second: &Side) -> Result<(), Failure> {
    let mut members = pair(first, second)?;
    for (from, [sender, receiver]) in [[first, second], [second, first]].into_iter().enumerate() {
        for text in [b"".as_slice(), b"hello", &[7; 3000]] {
            let message =
                sender.does(&[Expand, Seal, Sign], receiver, || Ok(members[from].encrypt(text)?))?;
            let read =
                receiver.does(&[Expand, Open, Verify], sender, || read(&mut members[1 - from], &message))?;
            ensure_eq!(read, text);
            let tampered = flipped(&members[from].encrypt(text)?, 1);
            refuses_unchanged!(
                members[1 - from],
                members[1 - from].receive(&tampered),
                Error::PeerMisbehaved(_)
            );
        }
    }
    let exported = [members[0].export(b"label", b"", 64)?, members[1].export(b"label", b"", 64)?];
    ensure!(exported[0] == exported[1]);
    Ok(())
}

fn proposals(first: &Side, second: &Side) -> Result<(), Failure> {
    let mut members = pair(first, second)?;
    let carol = second.world.client("carol")?;
    let key_package = carol.key_package()?;
    let proposals = second.does(&[DeriveKeyPair, Sign], first, || {
        Ok([members[1].propose_update(&LeafUpdate::new())?, members[1].propose_add(&key_package)?])
    })?;
    first.does(&[Verify], second, || {
        proposals
            .iter()
            .try_for_each(|proposal| expect!(members[0].receive(proposal)?, Received::Proposal(_) => Ok(())))
    })?;
    let commit = first.does(&[DeriveKeyPair, Encap, Seal, Sign], second, || {
        let commit = members[0].commit().build()?;
        ensure_eq!(members[0].merge(&commit)?.added, [LeafIndex(2)]);
        Ok(commit)
    })?;
    second.does(&[Decap, Open, Verify], first, || {
        let changes = follow(&mut members[1], commit.message())?;
        ensure_eq!(changes.updated, [LeafIndex(1), LeafIndex(0)]);
        members.push(join(&carol, &commit)?);
        Ok(())
    })?;
    agree(&mut members)
}

fn external_join(first: &Side, second: &Side) -> Result<(), Failure> {
    let (alice, bob) = (first.world.client("alice")?, second.world.client("bob")?);
    let mut members = second.does(&[Sign], first, || Ok(vec![bob.create_group(b"mixed")?]))?;
    let info = second.does(&[DeriveKeyPair, Sign], first, || Ok(members[0].group_info()?))?;
    let commit = first
        .does(&[Encap, Sign, Verify, DeriveKeyPair], second, || Ok(alice.external_join(&info).build()?))?;
    second.does(&[Decap, Verify], first, || follow(&mut members[0], commit.message()))?;
    members.push(first.does(&[], second, || Ok(commit.accept()?))?);
    agree(&mut members)?;
    let update = members[1].commit().build()?;
    deliver(&mut members, 1, &update)?;
    Ok(())
}

fn turns(first: &Side, second: &Side) -> Result<(), Failure> {
    let sides = [first, second];
    let clients = ["alice", "bob", "carol", "dave"].into_iter().zip(sides.into_iter().cycle());
    let clients = clients.map(|(name, side)| side.world.client(name)).collect::<Result<Vec<_>, _>>()?;
    let mut members = group_of(&clients.iter().collect::<Vec<_>>())?;
    for by in 0..members.len() {
        let (own, other) = (sides[by % 2], sides[1 - by % 2]);
        let commit = own.does(&[Encap, Seal, Sign], other, || Ok(members[by].commit().build()?))?;
        deliver(&mut members, by, &commit)?;
    }
    Ok(())
}

fn swapped(first: &Side, second: &Side) -> Result<(), Failure> {
    let id = {
        let mut members = pair(first, second)?;
        let update = members[1].commit().build()?;
        deliver(&mut members, 1, &update)?;
        members[0].id().to_vec()
    };
    let alice = first.world.with_provider(second.world.provider().clone()).client("alice")?;
    let bob = second.world.with_provider(first.world.provider().clone()).client("bob")?;
    let mut alice = second.does(&[], first, || Ok(alice.load(&id)?))?;
    let mut bob = first.does(&[], second, || Ok(bob.load(&id)?))?;
    let update = second.does(&[Encap, Seal, Sign], first, || {
        let update = alice.commit().build()?;
        alice.merge(&update)?;
        Ok(update)
    })?;
    first.does(&[Decap, Open, Verify], second, || follow(&mut bob, update.message()))?;
    agree(&mut [alice, bob])
}

/// A part of a suite, taken from another backend.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// The field of the suite.
    pub name: &'static str,
    take: fn(CipherSuite, CipherSuite) -> CipherSuite,
    /// What it is called for.
    primitives: &'static [Primitive],
}

/// Each part of a suite.
pub const PARTS: &[Part] = &[
    Part { name: "hash", take: |a, b| CipherSuite { hash: a.hash, ..b }, primitives: &[Hash, Hmac] },
    Part { name: "kdf", take: |a, b| CipherSuite { kdf: a.kdf, ..b }, primitives: &[Extract, Expand] },
    Part { name: "aead", take: |a, b| CipherSuite { aead: a.aead, ..b }, primitives: &[Seal, Open] },
    Part {
        name: "kem",
        take: |a, b| CipherSuite { kem: a.kem, ..b },
        primitives: &[DeriveKeyPair, Primitive::LoadPublic, Primitive::LoadPrivate, Encap, Decap],
    },
    Part {
        name: "signature",
        take: |a, b| CipherSuite { signature: a.signature, ..b },
        primitives: &[
            Primitive::GenerateSigner,
            Primitive::LoadSigner,
            Sign,
            Primitive::LoadVerifier,
            Verify,
            VerifyBatch,
        ],
    },
];

impl Part {
    /// One client has this part of the suite from `first` and all else from `second`, another has all from `second`. They
    /// live in one group; of the client's two backends, each does its part and nothing else.
    ///
    /// # Errors
    /// If anything is refused, or done by the wrong backend.
    pub fn run(
        &self,
        first: &CryptoProvider,
        second: &CryptoProvider,
        suite: CipherSuiteId,
        wire: WirePolicy,
    ) -> Result<(), Failure> {
        let (one, rest) = (Counting::one(first, suite)?, Counting::one(second, suite)?);
        let mixed = (self.take)(*one.provider().suite(suite)?, *rest.provider().suite(suite)?);
        live_together(mixed, rest.provider(), second, suite, wire)?;
        let (one, rest) = (one.counts(), rest.counts());
        let others: Vec<_> =
            Primitive::ALL.iter().copied().filter(|primitive| !self.primitives.contains(primitive)).collect();
        for (what, [ours, theirs]) in [(self.primitives, [one, rest]), (&*others, [rest, one])] {
            ensure_eq!(theirs.sum(what), 0);
            if let Some(missing) = what.iter().find(|primitive| ours[**primitive] == 0) {
                return Err(Failure::new(format!("no {missing:?} was called, but {ours:?}")));
            }
        }
        Ok(())
    }
}

/// One client has the KEM of the first backend, the AEAD of the second and the signature scheme of the third.
///
/// # Errors
/// If anything is refused, or done by the wrong backend.
pub fn three_backends(
    backends: [&CryptoProvider; 3],
    suite: CipherSuiteId,
    wire: WirePolicy,
) -> Result<(), Failure> {
    let counting = backends.map(|provider| Counting::one(provider, suite));
    let [kem, aead, rest] = counting;
    let (kem, aead, rest) = (kem?, aead?, rest?);
    let mixed = CipherSuite {
        kem: kem.provider().suite(suite)?.kem,
        aead: aead.provider().suite(suite)?.aead,
        ..*rest.provider().suite(suite)?
    };
    live_together(mixed, rest.provider(), backends[0], suite, wire)?;
    for (counting, does, does_not) in [
        (&kem, [Encap, Decap], [Seal, Sign]),
        (&aead, [Seal, Open], [Encap, Sign]),
        (&rest, [Sign, Verify], [Encap, Seal]),
    ] {
        let counts = counting.counts();
        ensure!(does.iter().all(|primitive| counts[*primitive] > 0));
        ensure_eq!(counts.sum(&does_not), 0);
    }
    Ok(())
}

/// A client with this suite, and two with another provider's, live in one group.
fn live_together(
    mixed: CipherSuite,
    random: &CryptoProvider,
    plain: &CryptoProvider,
    suite: CipherSuiteId,
    wire: WirePolicy,
) -> Result<(), Failure> {
    let provider = CryptoProvider { suites: vec![mixed].into(), random: random.random.clone() };
    let (ours, theirs) = (
        World::new(provider, MemoryStores::default(), suite, wire),
        World::new(plain.clone(), MemoryStores::default(), suite, wire),
    );
    let (alice, carol) = (ours.client("alice")?, ours.client("carol")?);
    let mut members = group_of(&[&alice, &theirs.client("bob")?])?;
    // Carol joins a group that Bob speaks for; alone, the mixed client would see no Welcome.
    let add = members[1].commit().add(carol.key_package()?).build()?;
    deliver(&mut members, 1, &add)?;
    members.push(join(&carol, &add)?);
    for by in 0..members.len() {
        let update = members[by].commit().build()?;
        deliver(&mut members, by, &update)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: CipherSuiteId = CipherSuiteId::X25519_AES128GCM_SHA256_ED25519;

    fn side() -> Side {
        let stores = Box::new(MemoryStores::default());
        Side::new(&pleach_aws_lc::provider(), stores, ID, WirePolicy::PRIVATE).unwrap()
    }

    fn run(part: &Part) -> Result<(), Failure> {
        part.run(&pleach_aws_lc::provider(), &pleach_rustcrypto::provider(), ID, WirePolicy::PRIVATE)
    }

    #[test]
    fn each_side_must_do_its_part() {
        let (one, other) = (side(), side());
        let alice = one.world.client("alice").unwrap();
        let create = |id: &[u8]| Ok(alice.create_group(id)?);
        drop(one.does(&[DeriveKeyPair, Sign], &other, || create(b"1")).unwrap());
        assert!(one.does(&[Decap], &other, || create(b"2")).is_err(), "nothing to decapsulate");
        assert!(other.does(&[], &one, || create(b"3")).is_err(), "it is the other that works");
        assert!(one.check_used().is_ok() && other.check_used().is_err());
    }

    #[test]
    fn a_part_that_is_not_taken_is_found() {
        let kem = PARTS.iter().find(|part| part.name == "kem").unwrap();
        run(kem).unwrap();
        assert!(run(&Part { take: |_, b| b, ..*kem }).is_err(), "none of it");
        assert!(run(&Part { take: |a, _| a, ..*kem }).is_err(), "all of it");
        assert!(run(&Part { take: |a, b| CipherSuite { aead: a.aead, ..b }, ..*kem }).is_err(), "another");
    }
}
