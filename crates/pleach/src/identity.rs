//! What a client signs with: credentials and signers, one or more.
//!
//! A client has one identity per signature scheme, or several while it rotates its key: a group goes on with the key of
//! its own leaf until a commit changes it, so that identity has to stay known until no group needs it.
//!
//! Private keys stay in the application's [`Signer`]; nothing here is stored. A signer may be wrong about its own key, and nobody
//! would hear of it here: so the first key package that it signs is checked as its recipients do, and it is known from then on.
//! Not each one: that would triple the price of a key package.

use crate::{ApiMisuse, Error};
use pleach_crypto::{SignatureScheme, Signer};
use pleach_wire::{Certificate, Credential};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

/// A credential and the signer of the key that it vouches for.
#[derive(Debug, Clone)]
pub struct SigningIdentity {
    /// Who the client says it is.
    pub credential: Credential,
    /// Signs for the credential's key.
    pub signer: Arc<dyn Signer>,
}

impl SigningIdentity {
    /// Any credential.
    pub fn new(credential: Credential, signer: impl Signer + 'static) -> Self {
        Self { credential, signer: Arc::new(signer) }
    }

    /// A basic credential: a bare name (RFC 9420 §5.3).
    pub fn basic(name: impl AsRef<[u8]>, signer: impl Signer + 'static) -> Self {
        Self::new(Credential::basic(name.as_ref()), signer)
    }

    /// A certificate chain in DER, the end entity's certificate first (RFC 9420 §5.3, R022).
    pub fn x509(chain: Vec<Vec<u8>>, signer: impl Signer + 'static) -> Self {
        let certificates = chain.into_iter().map(|der| Certificate { cert_data: der.into() }).collect();
        Self::new(Credential::X509 { certificates }, signer)
    }
}

/// An identity, and whether a key package that its signer signed was checked.
#[derive(Debug)]
struct Known {
    identity: SigningIdentity,
    tried: AtomicBool,
}

impl Known {
    fn new(identity: SigningIdentity) -> Self {
        Self { identity, tried: AtomicBool::new(false) }
    }

    fn has(&self, public: &[u8]) -> bool {
        self.identity.signer.public() == public
    }
}

/// All identities of a client, those for new key packages and groups first.
#[derive(Debug)]
pub(crate) struct Identities(RwLock<Vec<Known>>);

impl Identities {
    pub(crate) fn new(identities: Vec<SigningIdentity>) -> Self {
        Self(RwLock::new(identities.into_iter().map(Known::new).collect()))
    }

    /// The first identity of this scheme: for new leaves.
    pub(crate) fn of_scheme(&self, scheme: SignatureScheme) -> Result<SigningIdentity, Error> {
        self.find(|known| known.identity.signer.scheme() == scheme, |known| known.identity.clone())
            .ok_or_else(|| ApiMisuse::NoIdentity.into())
    }

    /// The identity with this public key: for a leaf that exists.
    pub(crate) fn of_key(&self, public: &[u8]) -> Result<SigningIdentity, Error> {
        self.find(|known| known.has(public), |known| known.identity.clone())
            .ok_or_else(|| ApiMisuse::NoSignerForLeaf.into())
    }

    /// Whether this signer, no other of the same key, has been [found good](Self::tried).
    pub(crate) fn is_tried(&self, signer: &Arc<dyn Signer>) -> bool {
        self.find(|known| Arc::ptr_eq(&known.identity.signer, signer), |known| known.tried.load(Relaxed))
            .unwrap_or_default()
    }

    /// A key package of this signer is good.
    pub(crate) fn tried(&self, signer: &Arc<dyn Signer>) {
        self.find(
            |known| Arc::ptr_eq(&known.identity.signer, signer),
            |known| known.tried.store(true, Relaxed),
        );
    }

    /// Makes an identity known, before all others or after them.
    pub(crate) fn add(&self, identity: SigningIdentity, preferred: bool) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let known = all.iter().position(|other| other.has(identity.signer.public()));
        let identity = Known::new(identity);
        match (known, preferred) {
            (Some(at), false) => {
                all.splice(at..=at, [identity]);
            }
            (known, _) => {
                if let Some(at) = known {
                    all.remove(at);
                }
                let at = if preferred { 0 } else { all.len() };
                all.insert(at, identity);
            }
        }
    }

    /// Forgets the identity with this public key.
    pub(crate) fn remove(&self, public: &[u8]) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).retain(|known| !known.has(public));
    }

    fn find<T>(&self, wanted: impl Fn(&Known) -> bool, found: impl FnOnce(&Known) -> T) -> Option<T> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|known| wanted(known)).map(found)
    }
}
