//! An authentication service of one's own: keys are pinned when a name is first seen, and a change of key has to be
//! confirmed by a person, which takes its time.

use pleach::crypto::Signer;
use pleach::wire::Credential;
use pleach::{
    AuthDecision, AuthService, Client, CredentialRequest, Error, MemoryStorage, Received, SigningIdentity,
    rustcrypto,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Trust on first use. A name that comes with another key than before waits for [`Pinning::confirm`].
#[derive(Default)]
struct Pinning(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Pinning {
    /// A person compared fingerprints: this key is that of `name` from now on.
    fn confirm(&self, name: &[u8], key: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_vec(), key.to_vec());
    }
}

impl AuthService for Pinning {
    fn validate(&self, request: &CredentialRequest<'_>) -> AuthDecision {
        let Credential::Basic { identity } = request.new else {
            return AuthDecision::deny("only names are known here");
        };
        // A successor must keep its name (RFC 9420 §5.3.1).
        if request.old.is_some_and(|(old, _)| old != request.new) {
            return AuthDecision::deny("a member changed its name");
        }
        let mut pinned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match pinned.get(&**identity) {
            Some(key) if key == request.signature_key => AuthDecision::Accept,
            Some(_) => AuthDecision::Later,
            None => {
                pinned.insert(identity.to_vec(), request.signature_key.to_vec());
                AuthDecision::Accept
            }
        }
    }

    /// One leaf per name: the key may change, the client is the same.
    fn client_id(&self, credential: &Credential, _: &[u8]) -> Vec<u8> {
        match credential {
            Credential::Basic { identity } => identity.to_vec(),
            _ => Vec::new(),
        }
    }
}

fn signer() -> Result<Box<dyn Signer>, Error> {
    let suite = &rustcrypto::SUITES[0];
    let keys = suite.signature.generate_key_pair(&rustcrypto::SystemRandom)?;
    Ok(suite.signature.load_signer(&keys.private)?)
}

fn client(name: &str, auth: Arc<Pinning>) -> Result<Client, Error> {
    Client::builder(rustcrypto::provider(), MemoryStorage::new()).basic(name, signer()?).auth(auth).build()
}

fn main() -> Result<(), Error> {
    let pins = Arc::new(Pinning::default());
    let alice = client("alice", pins.clone())?;
    let bob = client("bob", Arc::new(Pinning::default()))?;

    let mut a = alice.create_group(b"tea party")?;
    let add = a.commit().add(bob.key_package()?).build()?; // Bob's key is pinned here
    let welcome = add.welcome().ok_or(Error::NotFound("welcome"))?.to_vec();
    a.merge(add)?;
    let mut b = bob.join(&welcome)?.accept()?;

    // Bob replaces his key. Alice's service cannot say yet whether that is he.
    let new = signer()?;
    let new_key = new.public().to_vec();
    let commit = b.commit().rotate(SigningIdentity::basic("bob", new)).build()?;

    let Received::Commit(mut staged) = a.receive(commit.message())? else {
        return Err(Error::UnexpectedMessage("Commit"));
    };
    let open: Vec<usize> = staged.pending_credentials().map(|(index, _)| index).collect();
    assert_eq!(open.len(), 1);
    assert_eq!(staged.credentials()[open[0]].signature_key.as_bytes(), new_key);

    // Fingerprints were compared.
    pins.confirm(b"bob", &new_key);
    for index in open {
        staged.answer(index, AuthDecision::Accept)?;
    }
    let changes = a.merge(staged)?;
    b.merge(commit)?;
    assert_eq!(changes.updated, [b.own_index()]);
    assert_eq!(a.member(b.own_index())?.signature_key.as_bytes(), new_key);
    println!("Bob has a new key in epoch {}", a.epoch());
    Ok(())
}
