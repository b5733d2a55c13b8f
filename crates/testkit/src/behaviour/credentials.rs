//! Credentials: basic and x509, the authentication service, and what may follow on what.

use super::scene::*;
use super::x509::{Party, certificate};
use crate::malform::resign_key_package;
use pleach::crypto::Signer;
use pleach::wire::{Certificate, MlsMessage, MlsMessageBody, decode, encode};
use pleach::{AuthDecision, LeafUpdate};
use std::sync::Arc;

/// breaks: R199
pub(super) fn basic(world: &World) -> Result<(), Failure> {
    let mut members = world.group(&["alice", "bob"])?;
    let bob = members[0].member(LeafIndex(1))?;
    ensure_eq!(bob.credential, Credential::basic(b"bob"));
    ensure_eq!(bob.signature_key.as_bytes(), members[1].own_signature_key());
    // Another client of the same name is the same client to the authentication service.
    let double = world.bare("double")?;
    let double = double.basic("bob", world.fresh_signer(world.suite())?).build()?;
    refuses_unchanged!(
        members[0],
        members[0].commit().add(double.key_package()?).build(),
        broke!(AddOfMember)
    );
    agree(&mut members)
}

/// breaks: R015, R021, R022
pub(super) fn x509(world: &World) -> Result<(), Failure> {
    let fresh = || world.fresh_signer(world.suite());
    let (authority, leaf, other) = (fresh()?, fresh()?, fresh()?);
    let root = Party { name: "authority", signer: &*authority };
    let chain = |name: &str, signer: &dyn Signer| -> Result<Vec<Vec<u8>>, Failure> {
        Ok(vec![certificate(&Party { name, signer }, &root)?, certificate(&root, &root)?])
    };
    let good = chain("bob", &*leaf)?;
    let wrong_key = chain("bob", &*other)?;
    let bob = world.bare("bob")?.x509(good.clone(), leaf).build()?;
    let alice = world.client("alice")?;
    let mut members = group_of(&[&alice, &bob])?;
    let certified = expect!(members[0].member(LeafIndex(1))?.credential, Credential::X509 { certificates } => certificates);
    ensure!(certified.iter().map(|entry| entry.cert_data.to_vec()).eq(good.iter().cloned()));
    let update = members[1].commit().build()?;
    deliver(&mut members, 1, &update)?;

    // A chain for another key, one out of order, one that is empty, and one that is no certificate at all.
    let carol = world.client("carol")?;
    let signer = world.signer("carol", world.suite())?;
    let key_package = carol.key_package()?;
    let mine = chain("carol", &*signer)?;
    let key_package =
        expect!(decode::<MlsMessage>(&key_package)?.body, MlsMessageBody::KeyPackage(kept) => kept);
    let with_chain = |chain: &[Vec<u8>]| -> Result<Vec<u8>, Failure> {
        let certificates = chain.iter().map(|der| Certificate { cert_data: der.as_slice().into() }).collect();
        let suite = world.algorithms(world.suite())?;
        let changed = resign_key_package(
            suite,
            &*signer,
            &key_package,
            |leaf| leaf.credential = Credential::X509 { certificates },
            |_| (),
        );
        Ok(encode(&MlsMessage::from(changed))?)
    };
    let no_issuer = vec![mine[0].clone(), mine[0].clone()];
    for bad in [wrong_key, no_issuer, Vec::new(), vec![b"no certificate".to_vec()]] {
        let bad = with_chain(&bad)?;
        refuses_unchanged!(members[0], members[0].commit().add(&bad).build(), broke!(X509Credential));
        refuses_unchanged!(members[0], members[0].propose_add(&bad), broke!(X509Credential));
    }
    let add = members[0].commit().add(with_chain(&mine)?).build()?;
    deliver(&mut members, 0, &add)?;
    Ok(())
}

/// breaks: R025, R026, R027, R029
pub(super) fn auth_denies(world: &World) -> Result<(), Failure> {
    let told = Arc::new(Told::default());
    let alice = world.builder("alice")?.auth(told.clone()).build()?;
    let (bob, mallory) = (world.client("bob")?, world.client("mallory")?);
    let mut members = group_of(&[&alice, &bob])?;
    told.about("mallory", AuthDecision::deny("known to be bad"));
    let key_package = mallory.key_package()?;
    refuses_unchanged!(members[0], members[0].commit().add(&key_package).build(), Error::Denied(_));
    refuses_unchanged!(members[0], members[0].propose_add(&key_package), Error::Denied(_));

    // By a proposal of Bob's, by a Commit of his, and by an external Commit.
    let info = members[1].group_info()?;
    let external = mallory.external_join(&info).build()?;
    refuses_unchanged!(members[0], members[0].receive(external.message()), Error::Denied(_));
    let proposal = members[1].propose_add(&key_package)?;
    refuses_unchanged!(members[0], members[0].receive(&proposal), Error::Denied(_));
    members[1].clear_proposals()?;
    let commit = members[1].commit().add(&key_package).build()?;
    refuses_unchanged!(members[0], members[0].receive(commit.message()), Error::Denied(_));

    // Into a group with Mallory, Alice does not go.
    let mut theirs = mallory.create_group(b"theirs")?;
    let add = theirs.commit().add(alice.key_package()?).build()?;
    refuses!(alice.join(welcome(&add)?), Error::Denied(_));
    ensure!(!alice.has_group(b"theirs")?);

    // The Commit is good once the service thinks better of it.
    told.about("mallory", AuthDecision::Accept);
    deliver(&mut members, 1, &commit)?;
    Ok(())
}

/// breaks: R025, R026, R029
pub(super) fn auth_later(world: &World) -> Result<(), Failure> {
    let told = Arc::new(Told::default());
    let alice = world.builder("alice")?.auth(told.clone()).build()?;
    let (bob, carol) = (world.client("bob")?, world.client("carol")?);
    told.about("bob", AuthDecision::Later);
    told.about("carol", AuthDecision::Later);

    // What is made here waits.
    let mut own = alice.create_group(b"own")?;
    refuses_unchanged!(
        own,
        own.commit().add(bob.key_package()?).build(),
        Error::AwaitingAuthentication { credentials: 1 }
    );

    // A join waits for its answers.
    let mut theirs = bob.create_group(b"theirs")?;
    let add = theirs.commit().add(alice.key_package()?).build()?;
    theirs.merge(&add)?;
    refuses!(alice.join(welcome(&add)?)?.accept(), misuse!(CredentialsUnanswered));
    let mut staged_join = alice.join(welcome(&add)?)?;
    let open: Vec<usize> = staged_join.pending_credentials().map(|(i, _)| i).collect();
    ensure_eq!(open.len(), 1);
    refuses!(staged_join.answer(open[0], AuthDecision::deny("no")), Error::Denied(_));
    staged_join.answer(open[0], AuthDecision::Accept)?;
    let mut members = vec![theirs, staged_join.accept()?];

    // So does a Commit.
    let add = members[0].commit().add(carol.key_package()?).build()?;
    let early = staged(&mut members[1], add.message())?;
    refuses_unchanged!(members[1], members[1].merge(early), misuse!(CredentialsUnanswered));
    let mut answered = staged(&mut members[1], add.message())?;
    let open: Vec<usize> = answered.pending_credentials().map(|(i, _)| i).collect();
    for i in open {
        answered.answer(i, AuthDecision::Accept)?;
    }
    members[1].merge(answered)?;
    members[0].merge(&add)?;
    members.push(join(&carol, &add)?);
    agree(&mut members)
}

/// breaks: R028, R032
pub(super) fn rotation(world: &World) -> Result<(), Failure> {
    let told = Arc::new(Told::default());
    let alice = world.builder("alice")?.auth(told).build()?;
    let mut members = group_of(&[&alice, &world.client("bob")?, &world.client("carol")?])?;
    let identity = |name: &str| -> Result<SigningIdentity, Failure> {
        Ok(SigningIdentity::basic(name, world.fresh_signer(world.suite())?))
    };
    // By a Commit of one's own.
    let new = identity("bob")?;
    let key = new.signer.public().to_vec();
    let rotate = members[1].commit().rotate(new).build()?;
    deliver(&mut members, 1, &rotate)?;
    ensure_eq!(members[1].own_signature_key(), key);
    ensure_eq!(members[0].member(LeafIndex(1))?.signature_key.as_bytes(), key);
    // By an Update that somebody else commits.
    let new = identity("bob")?;
    let key = new.signer.public().to_vec();
    let proposal = members[1].propose_update(&LeafUpdate::new().identity(new))?;
    spread(&mut members, 1, &proposal)?;
    let commit = members[2].commit().build()?;
    deliver(&mut members, 2, &commit)?;
    ensure_eq!(members[1].own_signature_key(), key);

    // What is no successor is refused, proposed or committed.
    let proposal = members[1].propose_update(&LeafUpdate::new().identity(identity("mallory")?))?;
    refuses_unchanged!(members[0], members[0].receive(&proposal), Error::Denied(_));
    members[1].clear_proposals()?;
    let rotate = members[1].commit().rotate(identity("mallory")?).build()?;
    refuses_unchanged!(members[0], members[0].receive(rotate.message()), Error::Denied(_));
    // Nor can a key be taken that a member has.
    let taken = SigningIdentity::basic("bob", world.signer("carol", world.suite())?);
    refuses_unchanged!(
        members[1],
        members[1].commit().rotate(taken).build(),
        broke!(DuplicateSignatureKey) | Error::PeerMisbehaved(_)
    );
    members[1].discard(rotate.hash())?;
    agree(&mut members)
}
