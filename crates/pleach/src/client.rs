//! [`Client`]: one identity on one device, with a provider of cryptography, a store, and an authentication service.
//!
//! Cheap to clone; all clones are the same client. Everything that it keeps is in the store, under its client id: several
//! clients can share a store.

use crate::auth::ClientIds;
use crate::identity::Identities;
use crate::keys::Place;
use crate::rules::AppRules;
use crate::verifiers::RecentVerifiers;
use crate::{
    AuthService, ClientBuilder, ClientConfig, Clock, Error, InstanceId, RollbackGuard, SigningIdentity,
};
use pleach_crypto::{CipherSuite, CipherSuiteId, CryptoProvider, Executor};
use pleach_group::{Env, GroupConfig, IncompatibleError, LeafSpec};
use pleach_storage::Storage;
use pleach_wire::{Capabilities, Extensions};
use std::{
    fmt,
    sync::{Arc, atomic::AtomicUsize},
};

/// A client (RFC 9420 §2): the party that makes key packages, and creates and joins groups.
#[derive(Clone)]
pub struct Client(pub(crate) Arc<Inner>);

/// What all clones and groups of a client share.
pub(crate) struct Inner {
    pub(crate) id: Vec<u8>,
    pub(crate) provider: CryptoProvider,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) suite: CipherSuiteId,
    pub(crate) identities: Identities,
    pub(crate) client_ids: ClientIds,
    pub(crate) rules: AppRules,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) executor: Arc<dyn Executor>,
    pub(crate) config: GroupConfig,
    pub(crate) limits: ClientConfig,
    pub(crate) instance: InstanceId,
    pub(crate) guard: Option<Arc<dyn RollbackGuard>>,
    pub(crate) capabilities: Capabilities,
    /// How many key packages can be made before they are counted again.
    pub(crate) key_package_room: AtomicUsize,
    /// The signature keys of the last senders.
    pub(crate) verifiers: RecentVerifiers,
}

impl Client {
    /// Begins to build a client.
    ///
    /// Every value that it stores has a checksum behind it: read and write rows of `storage` beside the client through
    /// [`Checked`](pleach_storage::Checked).
    pub fn builder(provider: CryptoProvider, storage: impl Storage + 'static) -> ClientBuilder {
        ClientBuilder::new(provider, Arc::new(storage))
    }

    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// The name under which the client's rows stand in the store.
    #[must_use]
    pub fn id(&self) -> &[u8] {
        &self.0.id
    }

    /// The cipher suite of new groups and key packages.
    #[must_use]
    pub fn suite(&self) -> CipherSuiteId {
        self.0.suite
    }

    /// The cipher suites that the client tells others it supports.
    #[must_use]
    pub fn suites(&self) -> &[CipherSuiteId] {
        &self.0.capabilities.cipher_suites
    }

    /// What the client tells others it supports (RFC 9420 §7.2).
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        &self.0.capabilities
    }

    /// The configuration of groups that have none of their own.
    #[must_use]
    pub fn config(&self) -> &GroupConfig {
        &self.0.config
    }

    /// What the client keeps beside its groups, and for how long.
    #[must_use]
    pub fn client_config(&self) -> &ClientConfig {
        &self.0.limits
    }

    /// Which store the client lives in: the same in every copy of it, another after an import.
    #[must_use]
    pub fn instance(&self) -> InstanceId {
        self.0.instance
    }

    /// The provider of cryptography.
    #[must_use]
    pub fn provider(&self) -> &CryptoProvider {
        &self.0.provider
    }

    /// Makes an identity known, and uses it for new groups and key packages of its signature scheme. Groups that exist
    /// go on with theirs: see [`CommitBuilder::rotate`](crate::CommitBuilder::rotate).
    pub fn add_identity(&self, identity: SigningIdentity) {
        self.0.identities.add(identity, true);
    }

    /// Forgets the identity with this signature key. Groups whose own leaf has the key can then no longer send.
    pub fn remove_identity(&self, signature_key: &[u8]) {
        self.0.identities.remove(signature_key);
    }
}

impl Inner {
    /// What a step borrows.
    pub(crate) fn env<'a>(&'a self, config: &'a GroupConfig) -> Env<'a> {
        Env {
            provider: &self.provider,
            identity: &self.client_ids,
            rules: &self.rules,
            executor: &*self.executor,
            config,
            verifiers: &self.verifiers,
            now: self.clock.now(),
        }
    }

    pub(crate) fn auth(&self) -> &dyn AuthService {
        &*self.client_ids.0
    }

    /// Where the rows of a group are.
    pub(crate) fn place<'a>(&'a self, group_id: &'a [u8]) -> Place<'a> {
        Place::new(&self.id, group_id)
    }

    pub(crate) fn cipher_suite(&self, id: CipherSuiteId) -> Result<&CipherSuite, Error> {
        self.provider.suite(id).map_err(|error| IncompatibleError::CipherSuite(error).into())
    }

    /// What a new leaf says, and who signs it.
    pub(crate) fn new_leaf(
        &self,
        suite: CipherSuiteId,
        extensions: Extensions,
    ) -> Result<(LeafSpec, SigningIdentity), Error> {
        let identity = self.identities.of_scheme(self.cipher_suite(suite)?.signature.scheme())?;
        let capabilities = self.capabilities.clone();
        Ok((LeafSpec { credential: identity.credential.clone(), capabilities, extensions }, identity))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.0.id)
            .field("suite", &self.0.suite)
            .field("identities", &self.0.identities)
            .field("storage", &self.0.storage)
            .finish_non_exhaustive()
    }
}
