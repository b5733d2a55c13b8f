//! The authentication service: asked for every new credential, at once or later; and the application's rules.

use crate::common::{SUITE, builder, client, code, deliver_proposal, group_of, key, signer};
use pleach::wire::{Credential, GroupContext, LeafIndex, LeafNode, Proposal, Sender};
use pleach::{
    AuthDecision, AuthService, Client, CredentialReason, CredentialRequest, Error, ExternalSender,
    GroupOptions, MemoryStorage, MisuseError, Outside, Received, Rules, SigningIdentity, rustcrypto,
    state::GroupError,
};
use std::sync::{Arc, Mutex};

/// Answers as told, by name, and writes down what it was asked.
#[derive(Default)]
struct Strict {
    denied: Mutex<Vec<&'static [u8]>>,
    later: Mutex<Vec<&'static [u8]>>,
    asked: Mutex<Vec<(CredentialReason, Vec<u8>, bool)>>,
}

impl AuthService for Strict {
    fn validate(&self, request: &CredentialRequest<'_>) -> AuthDecision {
        let name = self.client_id(request.new, request.signature_key);
        self.asked.lock().unwrap().push((request.reason, name.clone(), request.old.is_some()));
        if self.denied.lock().unwrap().contains(&&name[..]) {
            AuthDecision::deny("blocked")
        } else if self.later.lock().unwrap().contains(&&name[..]) {
            AuthDecision::Later
        } else {
            AuthDecision::Accept
        }
    }

    fn client_id(&self, credential: &Credential, _: &[u8]) -> Vec<u8> {
        match credential {
            Credential::Basic { identity } => identity.to_vec(),
            _ => Vec::new(),
        }
    }
}

fn strict(name: &str) -> (Client, Arc<Strict>) {
    let auth = Arc::new(Strict::default());
    (builder(name, &key(), MemoryStorage::new()).auth(auth.clone()).build().unwrap(), auth)
}

fn asked(auth: &Strict) -> Vec<(CredentialReason, Vec<u8>, bool)> {
    std::mem::take(&mut *auth.asked.lock().unwrap())
}

/// breaks: R025
#[test]
fn an_add_asks_first() {
    let (alice, auth) = strict("alice");
    let bob = client("bob");
    let mut group = alice.create_group(b"g").unwrap();
    auth.later.lock().unwrap().push(b"bob");
    let waiting = group.commit().add(bob.key_package().unwrap()).build().unwrap_err();
    assert!(matches!(waiting, Error::AwaitingAuthentication { credentials: 1 }) && waiting.is_retryable());
    assert_eq!(code(group.propose_add(&bob.key_package().unwrap())), "awaiting-authentication");
    auth.later.lock().unwrap().clear();
    auth.denied.lock().unwrap().push(b"bob");
    assert_eq!(code(group.commit().add(bob.key_package().unwrap()).build()), "denied");
    assert_eq!(code(group.propose_add(&bob.key_package().unwrap())), "denied");
    assert!(group.pending().unwrap().is_empty() && group.pending_proposals().unwrap().is_empty());
    auth.denied.lock().unwrap().clear();
    asked(&auth);
    let add = group.commit().add(bob.key_package().unwrap()).build().unwrap();
    assert_eq!(asked(&auth), [(CredentialReason::Add, b"bob".to_vec(), false)]);
    group.merge(add).unwrap();
}

/// breaks: R026
#[test]
fn a_join_asks_about_all_others() {
    let (alice, carol) = (client("alice"), client("carol"));
    let (bob, auth) = strict("bob");
    let mut group = alice.create_group(b"g").unwrap();
    let add =
        group.commit().add(bob.key_package().unwrap()).add(carol.key_package().unwrap()).build().unwrap();
    let welcome = add.welcome().unwrap();

    auth.denied.lock().unwrap().push(b"carol");
    assert_eq!(code(bob.join(welcome)), "denied");
    auth.denied.lock().unwrap().clear();
    auth.later.lock().unwrap().push(b"alice");
    asked(&auth);
    assert!(matches!(
        bob.join(welcome).unwrap().accept(),
        Err(Error::ApiMisuse(pleach::ApiMisuse::Group(MisuseError::CredentialsUnanswered)))
    ));
    let reason = CredentialReason::JoinedTree;
    assert_eq!(asked(&auth), [(reason, b"alice".to_vec(), false), (reason, b"carol".to_vec(), false)]);

    let mut staged = bob.join(welcome).unwrap();
    let open: Vec<_> = staged.pending_credentials().map(|(i, check)| (i, check.leaf)).collect();
    assert_eq!(open, [(0, Some(LeafIndex(0)))]);
    assert_eq!(
        (staged.members().unwrap().len(), staged.inviter(), staged.group_id()),
        (3, LeafIndex(0), &b"g"[..])
    );
    assert_eq!(code(staged.answer(0, AuthDecision::deny("no"))), "denied");
    assert_eq!(code(staged.answer(7, AuthDecision::Accept)), "not-found");
    assert!(staged.pending_credentials().count() == 1);
    staged.answer(0, AuthDecision::Later).unwrap();
    staged.answer(0, AuthDecision::Accept).unwrap();
    staged.accept().unwrap();
}

/// breaks: R027, R028, R029
#[test]
fn proposals_and_commits_ask() {
    let (alice, auth) = strict("alice");
    let (bob, dave) = (client("bob"), client("dave"));
    let mut members = group_of(&[&alice, &bob]);
    asked(&auth);

    // R027: a refused proposal is not kept.
    auth.denied.lock().unwrap().push(b"dave");
    let add = members[1].propose_add(&dave.key_package().unwrap()).unwrap();
    assert_eq!(code(members[0].receive(&add)), "denied");
    assert!(members[0].pending_proposals().unwrap().is_empty());
    assert_eq!(asked(&auth), [(CredentialReason::Add, b"dave".to_vec(), false)]);
    // Nor is a Commit that holds it by value; and it can be received again once the service thinks better of it.
    members[1].clear_proposals().unwrap();
    let commit = members[1].commit().add(dave.key_package().unwrap()).build().unwrap();
    assert_eq!(code(members[0].receive(commit.message())), "denied");
    auth.denied.lock().unwrap().clear();
    let staged = members[0].receive(commit.message()).unwrap().into_commit().unwrap();
    members[0].merge(staged).unwrap();
    members[1].merge(commit).unwrap();
    asked(&auth);

    // R028, R029: a new key is a new question, with what it replaces; the same key is none.
    let same = members[1].commit().build().unwrap();
    let staged = members[0].receive(same.message()).unwrap().into_commit().unwrap();
    members[0].merge(staged).unwrap();
    members[1].merge(same).unwrap();
    assert!(asked(&auth).is_empty());
    let rotate = members[1].commit().rotate(SigningIdentity::basic("bob", signer(&key()))).build().unwrap();
    auth.later.lock().unwrap().push(b"bob");
    let mut staged = members[0].receive(rotate.message()).unwrap().into_commit().unwrap();
    assert_eq!(asked(&auth), [(CredentialReason::Commit, b"bob".to_vec(), true)]);
    let open: Vec<usize> = staged.pending_credentials().map(|(i, _)| i).collect();
    let early = members[0].receive(rotate.message()).unwrap().into_commit().unwrap();
    assert!(matches!(
        members[0].merge(early),
        Err(Error::ApiMisuse(pleach::ApiMisuse::Group(MisuseError::CredentialsUnanswered)))
    ));
    for i in open {
        staged.answer(i, AuthDecision::Accept).unwrap();
    }
    members[0].merge(staged).unwrap();
    assert_eq!(members[0].epoch(), 4);
}

/// The application's rules: new members may propose themselves, nobody removes Alice, and Mallory's groups are not joined.
struct House;

impl Rules for House {
    fn allow_proposal(
        &self,
        _: &GroupContext,
        sender: &Sender,
        proposal: &Proposal,
    ) -> Result<(), GroupError> {
        match (sender, proposal) {
            (_, Proposal::Remove(remove)) if remove.removed == LeafIndex(0) => {
                Err(GroupError::Denied("not Alice"))
            }
            _ => Ok(()),
        }
    }

    fn allow_join(
        &self,
        context: &GroupContext,
        _: u32,
        inviter: Option<&LeafNode>,
    ) -> Result<(), GroupError> {
        let mallory = Credential::basic(b"mallory");
        if inviter.is_some_and(|leaf| leaf.credential == mallory)
            || context.group_id.as_bytes() == b"forbidden"
        {
            return Err(GroupError::Denied("not with Mallory"));
        }
        Ok(())
    }
}

/// breaks: R190, R204
#[test]
fn the_application_has_rules() {
    let ruled = |name: &str| builder(name, &key(), MemoryStorage::new()).rules(House).build().unwrap();
    let (alice, bob) = (ruled("alice"), ruled("bob"));
    let mut members = group_of(&[&alice, &bob]);
    assert_eq!(code(members[1].propose_remove(LeafIndex(0))), "denied");
    assert_eq!(code(members[1].commit().remove(LeafIndex(0)).build()), "denied");

    // A new member proposes itself, where the rules allow it.
    let carol = client("carol");
    let proposal = carol.propose_join(&members[0].group_info().unwrap()).unwrap();
    for member in &mut members {
        assert!(
            matches!(member.receive(&proposal).unwrap(), Received::Proposal(p) if p.sender() == Sender::NewMemberProposal)
        );
    }
    let commit = members[0].commit().build().unwrap();
    crate::common::deliver_commit(&mut members, 0, &commit);
    members.push(carol.join(commit.welcome().unwrap()).unwrap().accept().unwrap());
    crate::common::assert_in_agreement(&mut members);
    // Without such rules they do not (R190).
    let proposal = client("dave").propose_join(&members[0].group_info().unwrap()).unwrap();
    assert_eq!(code(members[2].receive(&proposal)), "denied");

    let mallory = client("mallory");
    let mut group = mallory.create_group(b"nice group").unwrap();
    let add = group.commit().add(bob.key_package().unwrap()).build().unwrap();
    assert_eq!(code(bob.join(add.welcome().unwrap())), "denied");
}

/// breaks: R040, R041
#[test]
fn external_senders_propose() {
    let (alice, bob, carol) = (client("alice"), client("bob"), client("carol"));
    let credential = Credential::basic(b"server");
    let server = ExternalSender::new(rustcrypto::provider(), SUITE, credential, signer(&key())).unwrap();
    let options = GroupOptions::default().external_sender(server.entry());
    let mut a = alice.create_group_with(b"g", &options).unwrap();
    let add = a.commit().add(bob.key_package().unwrap()).build().unwrap();
    a.merge(&add).unwrap();
    let b = bob.join(add.welcome().unwrap()).unwrap().accept().unwrap();
    let mut members = vec![a, b];

    let at = Outside { group_id: b"g", epoch: 1, sender_index: 0 };
    let proposals =
        [server.add(at, &carol.key_package().unwrap()).unwrap(), server.remove(at, LeafIndex(1)).unwrap()];
    for proposal in &proposals {
        for member in &mut members {
            assert!(
                matches!(member.receive(proposal).unwrap(), Received::Proposal(p) if p.sender() == Sender::External(0))
            );
        }
    }
    let other = Outside { sender_index: 1, ..at };
    assert_eq!(code(members[0].receive(&server.remove(other, LeafIndex(1)).unwrap())), "peer-misbehaved");
    let update = Proposal::ExternalInit(pleach::wire::ExternalInit { kem_output: b"".into() });
    assert_eq!(code(server.propose(at, update)), "peer-misbehaved");

    let commit = members[0].commit().build().unwrap();
    crate::common::deliver_commit(&mut members, 0, &commit);
    assert!(!members[1].is_active());
    members[1] = carol.join(commit.welcome().unwrap()).unwrap().accept().unwrap();
    crate::common::assert_in_agreement(&mut members);
    let stale = server.remove(at, LeafIndex(1)).unwrap();
    assert_eq!(code(members[0].receive(&stale)), "wrong-epoch");
    let leave = members[1].leave().unwrap();
    deliver_proposal(&mut members, 1, &leave);
}
