//! A group's life: create, add, join, talk, update, remove, leave; by Commits of one's own and of others.

use crate::common::{
    assert_in_agreement, builder, client, code, deliver_commit, deliver_proposal, group, group_of, key,
    signer,
};
use pleach::crypto::{CryptoError, Secret, SignatureScheme, Signer};
use pleach::wire::LeafIndex;
use pleach::{
    Error, GroupOptions, KeyPackageOptions, MemoryStorage, MisuseError, PendingCommit, Received,
    SigningIdentity, Status, TreeDelivery,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

#[test]
fn create_add_talk_update_remove() {
    let mut members = group(&["alice", "bob", "carol"]);
    assert_in_agreement(&mut members);
    assert_eq!(members[0].members().unwrap().len(), 3);

    for by in 0..3 {
        let update = members[by].commit().build().unwrap();
        for changes in deliver_commit(&mut members, by, &update) {
            assert_eq!(changes.updated, [LeafIndex(by as u32)]);
            assert_eq!(changes.committer, Some(LeafIndex(by as u32)));
        }
    }
    assert_eq!(members[0].epoch(), 4);

    let dave = client("dave");
    let add = members[1].commit().add(dave.key_package().unwrap()).build().unwrap();
    deliver_commit(&mut members, 1, &add);
    members.push(dave.join(add.welcome().unwrap()).unwrap().accept().unwrap());
    assert_in_agreement(&mut members);

    let remove = members[3].commit().remove(LeafIndex(0)).build().unwrap();
    assert!(
        matches!(members[0].receive(remove.message()).unwrap(), Received::Removed(staged) if staged.removes_us())
    );
    for changes in deliver_commit(&mut members, 3, &remove) {
        assert_eq!(changes.removed.len(), 1);
        assert_eq!(changes.removed[0].0, LeafIndex(0));
    }
    assert_eq!(*members[0].status(), Status::Removed);
    assert_eq!(members[1].members().unwrap().len(), 3);
    // R232: nothing can be sent any more.
    assert_eq!(code(members[0].encrypt(b"still here")), "api-misuse");
    assert_eq!(code(members[0].commit().build()), "api-misuse");
    assert_eq!(code(members[0].export(b"label", b"", 16)), "api-misuse");
}

#[test]
fn proposals_of_one_are_committed_by_another() {
    let mut members = group(&["alice", "bob", "carol", "dave"]);
    let eve = client("eve");
    let proposals = [
        (1, members[1].propose_update(&pleach::LeafUpdate::new()).unwrap()),
        (2, members[2].propose_remove(LeafIndex(3)).unwrap()),
        (1, members[1].propose_add(&eve.key_package().unwrap()).unwrap()),
    ];
    for (by, proposal) in &proposals {
        deliver_proposal(&mut members, *by, proposal);
    }
    assert_eq!(members[0].pending_proposals().unwrap().len(), 3);
    // R217: application data waits for the Commit.
    assert_eq!(code(members[0].encrypt(b"too early")), "api-misuse");

    let commit = members[0].commit().build().unwrap();
    let changes = deliver_commit(&mut members, 0, &commit).remove(0);
    assert_eq!(changes.updated, [LeafIndex(1), LeafIndex(0)]);
    assert_eq!(changes.removed[0].0, LeafIndex(3));
    assert_eq!(changes.added, [LeafIndex(3)]);
    assert_eq!(*members[3].status(), Status::Removed);
    assert!(members[0].pending_proposals().unwrap().is_empty());
    members[3] = eve.join(commit.welcome().unwrap()).unwrap().accept().unwrap();
    assert_in_agreement(&mut members);
}

#[test]
fn leaving_takes_another_member() {
    let mut members = group(&["alice", "bob", "carol"]);
    // R196
    let own = members[2].own_index();
    assert!(matches!(
        members[2].commit().remove(own).build(),
        Err(Error::ApiMisuse(pleach::ApiMisuse::Group(MisuseError::SelfRemove)))
    ));
    let leave = members[2].leave().unwrap();
    deliver_proposal(&mut members, 2, &leave);
    let commit = members[0].commit().build().unwrap();
    deliver_commit(&mut members, 0, &commit);
    assert_eq!(*members[2].status(), Status::Removed);
}

#[test]
fn one_who_was_removed_can_come_back() {
    let (alice, bob) = (client("alice"), client("bob"));
    let mut members = group_of(&[&alice, &bob]);
    members[1].receive_with(&[], |_| Vec::new()).unwrap_err();
    let hello = members[0].encrypt(b"hello").unwrap();
    members[1].receive_with(&hello, |_| vec![(b"note".to_vec(), Some(b"kept".to_vec()))]).unwrap();
    let remove = members[0].commit().remove(LeafIndex(1)).build().unwrap();
    deliver_commit(&mut members, 0, &remove);
    assert_eq!(members[1].record(b"note").unwrap().unwrap().as_slice(), b"kept");

    let add = members[0].commit().add(bob.key_package().unwrap()).build().unwrap();
    members[0].merge(&add).unwrap();
    members[1] = bob.join(add.welcome().unwrap()).unwrap().accept().unwrap();
    assert_in_agreement(&mut members);
    assert_eq!(bob.groups().unwrap().len(), 1);
    assert_eq!(members[1].record(b"note").unwrap().unwrap().as_slice(), b"kept");

    // R238: but nobody joins a group that it is in.
    let again = bob.key_package().unwrap();
    let other = client("mallory");
    let mut same_id = other.create_group(members[0].id()).unwrap();
    let add = same_id.commit().add(again).build().unwrap();
    assert_eq!(code(bob.join(add.welcome().unwrap()).unwrap().accept()), "peer-misbehaved");
    assert_eq!(code(bob.create_group(members[0].id())), "api-misuse");
}

#[test]
fn rotation_changes_key_and_credential() {
    let mut members = group(&["alice", "bob", "carol"]);
    let old = members[1].own_signature_key().to_vec();
    let new = signer(&key());
    let public = new.public().to_vec();
    let rotate = members[1].commit().rotate(SigningIdentity::basic("bob", new)).build().unwrap();
    deliver_commit(&mut members, 1, &rotate);
    assert_eq!(members[1].own_signature_key(), public);
    assert_eq!(members[0].member(LeafIndex(1)).unwrap().signature_key.as_bytes(), public);

    // By an Update that somebody else commits.
    let new = signer(&key());
    let third = new.public().to_vec();
    let update = pleach::LeafUpdate::new().identity(SigningIdentity::basic("bob", new));
    let proposal = members[1].propose_update(&update).unwrap();
    deliver_proposal(&mut members, 1, &proposal);
    let commit = members[2].commit().build().unwrap();
    deliver_commit(&mut members, 2, &commit);
    assert_eq!(members[1].own_signature_key(), third);

    // Without the signer of the leaf, nothing can be signed.
    members[1].client().remove_identity(&third);
    assert!(matches!(
        members[1].encrypt(b"unsigned"),
        Err(Error::ApiMisuse(pleach::ApiMisuse::NoSignerForLeaf))
    ));
    assert_ne!(old, third);
}

#[test]
fn late_early_and_repeated_messages() {
    let mut members = group(&["alice", "bob"]);
    let messages: Vec<_> = (0..5_u8).map(|i| members[0].encrypt(&[i]).unwrap()).collect();
    for i in [4_u8, 0, 2] {
        let text = members[1].receive(&messages[usize::from(i)]).unwrap().into_application().unwrap();
        assert_eq!((text.data(), text.generation(), text.sender()), (&[i][..], u32::from(i), LeafIndex(0)));
    }
    assert_eq!(code(members[1].receive(&messages[2])), "already-received");

    let update = members[1].commit().build().unwrap();
    members[1].merge(&update).unwrap();
    let early = members[1].encrypt(b"early").unwrap();
    assert!(matches!(members[0].receive(&early).unwrap(), Received::Future { epoch: 2 }));
    let staged = members[0].receive(update.message()).unwrap().into_commit().unwrap();
    members[0].merge(staged).unwrap();
    assert_eq!(members[0].receive(&early).unwrap().into_application().unwrap().data(), b"early");

    // Of the epoch that is over, what was on its way can still be read; once.
    let late = members[1].receive(&messages[1]).unwrap().into_application().unwrap();
    assert_eq!((late.data(), late.epoch()), (&[1][..], 1));
    assert_eq!(code(members[1].receive(&messages[1])), "already-received");
    assert_eq!(code(members[0].receive(update.message())), "wrong-epoch");
}

#[test]
fn a_tree_can_travel_apart() {
    let (alice, bob) = (client("alice"), client("bob"));
    let mut a = alice.create_group(b"apart").unwrap();
    let add = a.commit().add(bob.key_package().unwrap()).tree(TreeDelivery::OutOfBand).build().unwrap();
    a.merge(&add).unwrap();
    assert_eq!(code(bob.join(add.welcome().unwrap())), "peer-incompatible");
    let b = bob.join_with_tree(add.welcome().unwrap(), &a.ratchet_tree().unwrap()).unwrap().accept().unwrap();
    assert_in_agreement(&mut [a, b]);
}

#[test]
fn key_packages_are_used_up() {
    let (alice, bob) = (client("alice"), client("bob"));
    let once = bob.key_package().unwrap();
    let last = bob.key_package_with(KeyPackageOptions::default().last_resort()).unwrap();
    assert_eq!(bob.key_packages().unwrap().len(), 2);
    for (id, key_package) in [(b"1", &once), (b"2", &last)] {
        let mut group = alice.create_group(id).unwrap();
        let add = group.commit().add(key_package).build().unwrap();
        bob.join(add.welcome().unwrap()).unwrap().accept().unwrap();
        // R234: gone with the join, unless it is the last resort (R158).
        let left = bob.key_packages().unwrap();
        assert!(left.len() == 1 && left[0].last_resort && left[0].message == last);
    }
    let mut third = alice.create_group(b"3").unwrap();
    let add = third.commit().add(&once).build().unwrap();
    assert_eq!(code(bob.join(add.welcome().unwrap())), "key-package-retired");
    bob.delete_key_package(&bob.key_packages().unwrap()[0].reference).unwrap();
    assert!(bob.key_packages().unwrap().is_empty());
    assert_eq!(code(bob.join(&once)), "unexpected-message");
    assert_eq!(code(alice.load(b"nowhere")), "not-found");
}

/// Signs with one key and shows another.
#[derive(Debug)]
struct Mistaken {
    signs: Box<dyn Signer>,
    shows: Box<dyn Signer>,
    signed: Arc<AtomicUsize>,
}

impl Signer for Mistaken {
    fn scheme(&self) -> SignatureScheme {
        self.signs.scheme()
    }

    fn public(&self) -> &[u8] {
        self.shows.public()
    }

    fn sign(&self, message: &[&[u8]]) -> Result<Vec<u8>, CryptoError> {
        self.signed.fetch_add(1, Relaxed);
        self.signs.sign(message)
    }
}

#[test]
fn a_signer_that_is_wrong_about_its_key_makes_no_key_package() {
    let (signs, shows, signed) = (key(), key(), Arc::new(AtomicUsize::new(0)));
    let mistaken = |shows: &Secret| {
        let (signs, shows) = (signer(&signs), signer(shows));
        SigningIdentity::basic("bob", Mistaken { signs, shows, signed: Arc::clone(&signed) })
    };
    let bob = builder("bob", &key(), MemoryStorage::new()).build().unwrap();
    bob.key_package().unwrap();
    bob.add_identity(mistaken(&shows));
    for _ in 0..2 {
        assert_eq!(code(bob.key_package()), "crypto");
    }
    assert_eq!((bob.key_packages().unwrap().len(), signed.load(Relaxed)), (1, 4));
    // The right one for this key in its place, and afterwards the wrong one again.
    bob.add_identity(SigningIdentity::basic("bob", signer(&shows)));
    bob.key_package().unwrap();
    bob.add_identity(mistaken(&shows));
    assert_eq!(code(bob.key_package()), "crypto");
    bob.add_identity(mistaken(&signs));
    bob.key_package().unwrap();
    assert_eq!(bob.key_packages().unwrap().len(), 3);
}

#[test]
fn groups_are_listed_and_deleted() {
    let alice = client("alice");
    for id in [&b"one"[..], b"three", b"two"] {
        alice.create_group(id).unwrap();
    }
    let ids = || alice.groups().unwrap().into_iter().map(|group| group.group_id).collect::<Vec<_>>();
    assert_eq!(ids(), [&b"one"[..], b"two", b"three"]);
    alice.load(b"two").unwrap().delete().unwrap();
    assert_eq!(ids(), [&b"one"[..], b"three"]);
    assert!(!alice.has_group(b"two").unwrap());
    assert_eq!(code(alice.load(b"two")), "group-deleted");
    alice.create_group(b"two").unwrap();
}

#[test]
fn clients_share_a_store() {
    let store = MemoryStorage::new();
    let alice = builder("alice", &key(), store.clone()).build().unwrap();
    let bob = builder("bob", &key(), store).build().unwrap();
    let mut members = group_of(&[&alice, &bob]);
    assert_in_agreement(&mut members);
    assert_eq!((alice.groups().unwrap().len(), bob.groups().unwrap().len()), (1, 1));
    members.remove(1).delete().unwrap();
    assert_eq!((alice.groups().unwrap().len(), bob.groups().unwrap().len()), (1, 0));
    members[0].encrypt(b"alone").unwrap();
}

#[test]
fn a_group_asks_capabilities_of_its_members() {
    let (alice, bob) = (client("alice"), client("bob"));
    let topic = pleach::wire::ProposalType(0xF0A1);
    let options = GroupOptions::default().require(&[], &[topic], &[]);
    // The creator itself lacks it.
    assert_eq!(code(alice.create_group_with(b"picky", &options)), "peer-incompatible");
    let rule = pleach::CustomProposalRule { path_required: false, external: false };
    let carol = builder("carol", &key(), MemoryStorage::new()).custom_proposal(topic, rule).build().unwrap();
    let mut group = carol.create_group_with(b"picky", &options).unwrap();
    assert_eq!(code(group.commit().add(bob.key_package().unwrap()).build()), "peer-incompatible");
    assert!(group.pending().unwrap().is_empty());
}

#[test]
fn a_client_says_what_it_lacks() {
    let store = MemoryStorage::new;
    let provider = pleach::rustcrypto::provider;
    let bare = || pleach::Client::builder(provider(), store());
    assert!(matches!(bare().build(), Err(Error::ApiMisuse(pleach::ApiMisuse::NoAuthService))));
    assert!(matches!(
        bare().auth(pleach_testkit::TrustEveryone).build(),
        Err(Error::ApiMisuse(pleach::ApiMisuse::NoIdentity))
    ));
    let p256 = pleach::crypto::CipherSuiteId::P256_AES128GCM_SHA256_P256;
    assert!(matches!(
        builder("alice", &key(), store()).suite(p256).build(),
        Err(Error::ApiMisuse(pleach::ApiMisuse::NoIdentity))
    ));
    let unknown = pleach::crypto::CipherSuiteId(0x7777);
    assert!(matches!(
        builder("alice", &key(), store()).suite(unknown).build(),
        Err(Error::ApiMisuse(pleach::ApiMisuse::CipherSuite(_)))
    ));
}

#[test]
fn a_commit_that_nobody_wants_changes_nothing() {
    let mut members = group(&["alice", "bob"]);
    let unwanted: Vec<PendingCommit> = (0..3).map(|_| members[0].commit().build().unwrap()).collect();
    assert_eq!(members[0].pending().unwrap().len(), 3);
    members[0].discard(unwanted[0].hash()).unwrap();
    members[0].discard(unwanted[0].hash()).unwrap();
    assert_eq!(members[0].pending().unwrap().len(), 2);
    // Discarded is discarded, though the value is still there.
    assert!(matches!(
        members[0].merge(&unwanted[0]),
        Err(Error::ApiMisuse(pleach::ApiMisuse::Group(MisuseError::NoSuchCommit)))
    ));
    assert_eq!(members[0].epoch(), 1);
    deliver_commit(&mut members, 0, &unwanted[2]);
    assert!(members[0].pending().unwrap().is_empty());
    assert!(matches!(
        members[0].merge(&unwanted[1]),
        Err(Error::ApiMisuse(pleach::ApiMisuse::Group(MisuseError::Stale)))
    ));
}

#[test]
fn handles_go_where_threads_go() {
    fn send_and_sync<T: Send + Sync>() {}
    fn send<T: Send>() {}
    send_and_sync::<pleach::Client>();
    send_and_sync::<pleach::ExternalCommit>();
    send_and_sync::<PendingCommit>();
    send_and_sync::<Error>();
    send::<pleach::Group>();
    send::<pleach::StagedJoin>();
    send::<pleach::StagedCommit>();

    let mut members = group(&["alice", "bob"]);
    let message = members[0].encrypt(b"across").unwrap();
    let mut bob = members.remove(1);
    let text = std::thread::spawn(move || bob.receive(&message).unwrap().into_application().unwrap())
        .join()
        .unwrap();
    assert_eq!(text.data(), b"across");
}
