//! What a client signs with: credentials and signers, one or more.
//!
//! A client has one identity per signature scheme, or several while it rotates its key: a group goes on with the key of
//! its own leaf until a commit changes it, so that identity has to stay known until no group needs it.
//!
//! Private keys stay in the application's [`Signer`]; nothing here is stored.

use crate::{ApiMisuse, Error};
use pleach_crypto::{SignatureScheme, Signer};
use pleach_wire::{Certificate, Credential};
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

/// All identities of a client, those for new key packages and groups first.
#[derive(Debug)]
pub(crate) struct Identities(RwLock<Vec<SigningIdentity>>);

impl Identities {
    pub(crate) fn new(identities: Vec<SigningIdentity>) -> Self {
        Self(RwLock::new(identities))
    }

    /// The first identity of this scheme: for new leaves.
    pub(crate) fn of_scheme(&self, scheme: SignatureScheme) -> Result<SigningIdentity, Error> {
        self.find(|identity| identity.signer.scheme() == scheme).ok_or_else(|| ApiMisuse::NoIdentity.into())
    }

    /// The identity with this public key: for a leaf that exists.
    pub(crate) fn of_key(&self, public: &[u8]) -> Result<SigningIdentity, Error> {
        self.find(|identity| identity.signer.public() == public)
            .ok_or_else(|| ApiMisuse::NoSignerForLeaf.into())
    }

    /// Makes an identity known, before all others or after them.
    pub(crate) fn add(&self, identity: SigningIdentity, preferred: bool) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let known = all.iter().position(|other| other.signer.public() == identity.signer.public());
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
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|identity| identity.signer.public() != public);
    }

    fn find(&self, wanted: impl Fn(&SigningIdentity) -> bool) -> Option<SigningIdentity> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|identity| wanted(identity)).cloned()
    }
}
