//! [`World`]: fresh clients for one backend, storage engine, suite and wire policy.

use super::{Failure, Stores};
use crate::TrustEveryone;
use pleach::crypto::{CipherSuite, CipherSuiteId, CryptoError, CryptoProvider, Secret, Signer};
use pleach::{Client, ClientBuilder, Group, GroupConfig, ManualClock, SigningIdentity, WirePolicy};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// When a world begins: any time will do that leaves room before it.
const BEGINNING: u64 = 1_800_000_000;

/// The number of a provider's second suite, if it has only one: for private use.
const SECOND_NUMBER: CipherSuiteId = CipherSuiteId(0xFE01);

/// Where a case happens. Its clock stands still until the case moves it.
#[derive(Debug)]
pub struct World {
    provider: CryptoProvider,
    stores: Arc<dyn Stores>,
    suite: CipherSuiteId,
    wire: WirePolicy,
    clock: Arc<ManualClock>,
    /// Signature keys by owner and suite, so that a client is the same after a restart.
    keys: Arc<Mutex<BTreeMap<(String, CipherSuiteId), Secret>>>,
}

impl World {
    /// An empty world. A provider with one suite gets the same algorithms under a second number, for the cases that need
    /// another suite.
    #[must_use]
    pub fn new(
        mut provider: CryptoProvider,
        stores: impl Stores + 'static,
        suite: CipherSuiteId,
        wire: WirePolicy,
    ) -> Self {
        if let [only] = *provider.suites {
            provider.suites = vec![only, CipherSuite { id: SECOND_NUMBER, ..only }].into();
        }
        let clock = Arc::new(ManualClock::new(BEGINNING));
        Self { provider, stores: Arc::new(stores), suite, wire, clock, keys: Arc::default() }
    }

    /// The same stores, keys and clock, with another provider: for clients that change it from one start to the next.
    #[must_use]
    pub fn with_provider(&self, provider: CryptoProvider) -> Self {
        Self {
            provider,
            stores: self.stores.clone(),
            suite: self.suite,
            wire: self.wire,
            clock: self.clock.clone(),
            keys: self.keys.clone(),
        }
    }

    /// The provider.
    #[must_use]
    pub const fn provider(&self) -> &CryptoProvider {
        &self.provider
    }

    /// The suite of all groups, unless a case says otherwise.
    #[must_use]
    pub const fn suite(&self) -> CipherSuiteId {
        self.suite
    }

    /// Another suite, for the successor of a group: one that the provider has, preferably of another signature scheme.
    ///
    /// # Errors
    /// If the provider has no other, which a world sees to.
    pub fn other_suite(&self) -> Result<CipherSuiteId, Failure> {
        let scheme = self.algorithms(self.suite)?.signature.scheme();
        let others = || self.provider.suites.iter().filter(|suite| suite.id != self.suite);
        let found = others().find(|suite| suite.signature.scheme() != scheme).or_else(|| others().next());
        found.map(|suite| suite.id).ok_or_else(|| Failure::new("the provider has one suite only"))
    }

    /// The algorithms of a suite.
    ///
    /// # Errors
    /// If the provider lacks it.
    pub fn algorithms(&self, suite: CipherSuiteId) -> Result<&CipherSuite, Failure> {
        self.provider.suite(suite).map_err(|error| CryptoError::from(error).into())
    }

    /// The clock that all clients go by.
    #[must_use]
    pub const fn clock(&self) -> &Arc<ManualClock> {
        &self.clock
    }

    /// The configuration of the clients.
    #[must_use]
    pub fn config(&self) -> GroupConfig {
        let mut config = GroupConfig::default();
        config.wire = self.wire;
        config
    }

    /// A new signature key for a suite.
    ///
    /// # Errors
    /// Those of the provider.
    pub fn fresh_signer(&self, suite: CipherSuiteId) -> Result<Box<dyn Signer>, Failure> {
        let algorithm = self.algorithms(suite)?.signature;
        let pair = algorithm.generate_key_pair(&*self.provider.random)?;
        Ok(algorithm.load_signer(&pair.private)?)
    }

    /// The signer of this name for a suite: made at first, the same from then on.
    ///
    /// # Errors
    /// Those of the provider.
    pub fn signer(&self, name: &str, suite: CipherSuiteId) -> Result<Box<dyn Signer>, Failure> {
        let algorithm = self.algorithms(suite)?.signature;
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let private = match keys.get(&(name.to_owned(), suite)) {
            Some(private) => private.clone(),
            None => {
                let pair = algorithm.generate_key_pair(&*self.provider.random)?;
                keys.insert((name.to_owned(), suite), pair.private.clone());
                pair.private
            }
        };
        Ok(algorithm.load_signer(&private)?)
    }

    /// A client without identity: everything else as the world has it.
    ///
    /// # Errors
    /// Those of the store.
    pub fn bare(&self, name: &str) -> Result<ClientBuilder, Failure> {
        Ok(Client::builder(self.provider.clone(), self.stores.open(name)?)
            .id(name)
            .suite(self.suite)
            .auth(TrustEveryone)
            .clock(self.clock.clone())
            .config(self.config()))
    }

    /// A client with a basic credential of this name, over the store of this name.
    ///
    /// # Errors
    /// Those of store and provider.
    pub fn builder(&self, name: &str) -> Result<ClientBuilder, Failure> {
        Ok(self.bare(name)?.signing_identity(SigningIdentity::basic(name, self.signer(name, self.suite)?)))
    }

    /// [`World::builder`], built. Once more with the same name, it is the same client after a restart.
    ///
    /// # Errors
    /// Those of store and provider.
    pub fn client(&self, name: &str) -> Result<Client, Failure> {
        Ok(self.builder(name)?.build()?)
    }

    /// A group of clients with these names: the first creates it and adds the others in one Commit.
    ///
    /// # Errors
    /// If anything is refused.
    pub fn group(&self, names: &[&str]) -> Result<Vec<Group>, Failure> {
        let clients = names.iter().map(|name| self.client(name)).collect::<Result<Vec<_>, _>>()?;
        super::scene::group_of(&clients.iter().collect::<Vec<_>>())
    }
}
