//! [`ClientBuilder`]: what a client is made of.

use crate::auth::ClientIds;
use crate::client::{Client, Inner};
use crate::executor::default_executor;
use crate::identity::Identities;
use crate::rules::AppRules;
use crate::verifiers::RecentVerifiers;
use crate::{
    ApiMisuse, AuthService, ClientConfig, Clock, Error, RollbackGuard, SigningIdentity, SystemClock,
};
use pleach_crypto::{CipherSuite, CipherSuiteId, CryptoProvider, Executor, Signer};
use pleach_group::{CustomProposalRule, GroupConfig, Rules};
use pleach_storage::{Checked, Storage};
use pleach_wire::{Capabilities, Credential, CredentialType, ExtensionType, ProposalType, ProtocolVersion};
use std::sync::Arc;

/// Builds a [`Client`]. An identity and an [`AuthService`] are required; the rest has defaults.
#[must_use]
pub struct ClientBuilder {
    provider: CryptoProvider,
    storage: Arc<dyn Storage>,
    id: Option<Vec<u8>>,
    suite: Option<CipherSuiteId>,
    identities: Vec<SigningIdentity>,
    auth: Option<Arc<dyn AuthService>>,
    rules: AppRules,
    clock: Arc<dyn Clock>,
    executor: Arc<dyn Executor>,
    config: GroupConfig,
    limits: ClientConfig,
    guard: Option<Arc<dyn RollbackGuard>>,
    capabilities: Option<Capabilities>,
    extensions: Vec<ExtensionType>,
    credentials: Vec<CredentialType>,
}

impl ClientBuilder {
    pub(crate) fn new(provider: CryptoProvider, storage: Arc<dyn Storage>) -> Self {
        Self {
            provider,
            storage,
            id: None,
            suite: None,
            identities: Vec::new(),
            auth: None,
            rules: AppRules::default(),
            clock: Arc::new(SystemClock),
            executor: default_executor(),
            config: GroupConfig::default(),
            limits: ClientConfig::default(),
            guard: None,
            capabilities: None,
            extensions: Vec::new(),
            credentials: vec![CredentialType::BASIC, CredentialType::X509],
        }
    }

    /// The name under which the client's rows stand in the store. It must be the same after a restart, and no two
    /// clients of a store may share it.
    ///
    /// The default is what [`AuthService::client_id`] says of the first identity.
    pub fn id(mut self, id: impl Into<Vec<u8>>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The cipher suite of new groups and key packages. The default is the first suite of the provider that goes with
    /// an identity.
    pub const fn suite(mut self, suite: CipherSuiteId) -> Self {
        self.suite = Some(suite);
        self
    }

    /// Adds an identity with a basic credential: a bare name.
    pub fn basic(self, name: impl AsRef<[u8]>, signer: impl Signer + 'static) -> Self {
        self.signing_identity(SigningIdentity::basic(name, signer))
    }

    /// Adds an identity with a certificate chain in DER, the end entity's certificate first.
    pub fn x509(self, chain: Vec<Vec<u8>>, signer: impl Signer + 'static) -> Self {
        self.signing_identity(SigningIdentity::x509(chain, signer))
    }

    /// Adds an identity with any credential.
    pub fn identity(self, credential: Credential, signer: impl Signer + 'static) -> Self {
        self.signing_identity(SigningIdentity::new(credential, signer))
    }

    /// Adds an identity. Of several with one signature scheme, the first is used for new groups and key packages; the
    /// others are known to groups that still have their keys.
    pub fn signing_identity(mut self, identity: SigningIdentity) -> Self {
        self.identities.push(identity);
        self
    }

    /// Who decides whether credentials are genuine (RFC 9420 §5.3.1). Required.
    pub fn auth(mut self, auth: impl AuthService + 'static) -> Self {
        self.auth = Some(Arc::new(auth));
        self
    }

    /// The application's rules on proposals and external commits (R190, R204, R214).
    pub fn rules(mut self, rules: impl Rules + Send + Sync + 'static) -> Self {
        self.rules.set(rules);
        self
    }

    /// Supports a proposal type of the application's own (RFC 9420 §12.1, R280). It is listed in the capabilities.
    pub fn custom_proposal(mut self, proposal_type: ProposalType, rule: CustomProposalRule) -> Self {
        self.rules.add_custom(proposal_type, rule);
        self
    }

    /// Supports an extension type beyond those of RFC 9420. It is listed in the capabilities.
    pub fn extension_type(mut self, extension_type: ExtensionType) -> Self {
        self.extensions.push(extension_type);
        self
    }

    /// Supports a credential type beside `basic` and `x509`. It is listed in the capabilities.
    pub fn credential_type(mut self, credential_type: CredentialType) -> Self {
        if !self.credentials.contains(&credential_type) {
            self.credentials.push(credential_type);
        }
        self
    }

    /// Replaces the capabilities that are worked out from the rest by these (RFC 9420 §7.2).
    pub fn capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = Some(capabilities);
        self
    }

    /// What time it is. The default is the operating system's clock.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Where work that splits is done. The default is rayon's thread pool with the feature `parallel`, else the calling
    /// thread.
    pub fn executor(mut self, executor: impl Executor + 'static) -> Self {
        self.executor = Arc::new(executor);
        self
    }

    /// The configuration of groups; a [`Group`](crate::Group) can have its own.
    pub fn config(mut self, config: GroupConfig) -> Self {
        self.config = config;
        self
    }

    /// What the client keeps beside its groups, and for how long.
    pub fn client_config(mut self, config: ClientConfig) -> Self {
        self.limits = config;
        self
    }

    /// Notices when the store was put back or is used twice; a [restored](crate::Group::is_restored) group does not send before
    /// it has joined anew. By default nothing does.
    ///
    /// All that use the store should have the same guard. A group that was made without one is guarded from its next
    /// message on.
    pub fn rollback_guard(mut self, guard: impl RollbackGuard + 'static) -> Self {
        self.guard = Some(Arc::new(guard));
        self
    }

    /// Builds the client. Reads one row, which says what the store is, and writes it if the store is new.
    ///
    /// # Errors
    /// [`StorageError::NewerFormat`](pleach_storage::StorageError::NewerFormat) if a later version made the store; those of the
    /// store;
    /// [`Error::ApiMisuse`] if the authentication service, an identity, or a suite that goes with one is missing;
    /// [`CryptoError::InconsistentSuite`](pleach_crypto::CryptoError::InconsistentSuite) if a suite of the provider does not fit
    /// together.
    pub fn build(self) -> Result<Client, Error> {
        let Self {
            provider,
            storage,
            id,
            suite,
            identities,
            auth,
            rules,
            clock,
            executor,
            config,
            limits,
            guard,
            capabilities,
            extensions,
            credentials,
        } = self;
        provider.suites.iter().try_for_each(CipherSuite::check)?;
        let auth = auth.ok_or(ApiMisuse::NoAuthService)?;
        let first = identities.first().ok_or(ApiMisuse::NoIdentity)?;
        let id = id.unwrap_or_else(|| auth.client_id(&first.credential, first.signer.public()));
        let signs =
            |scheme| identities.iter().any(|identity: &SigningIdentity| identity.signer.scheme() == scheme);
        let usable: Vec<CipherSuiteId> = provider
            .suites
            .iter()
            .filter(|suite| signs(suite.signature.scheme()))
            .map(|suite| suite.id)
            .collect();
        let suite = match suite {
            Some(chosen) => {
                provider.suite(chosen).map_err(ApiMisuse::CipherSuite)?;
                if usable.contains(&chosen) { chosen } else { return Err(ApiMisuse::NoIdentity.into()) }
            }
            None => *usable.first().ok_or(ApiMisuse::NoCipherSuite)?,
        };
        let mut credentials = credentials;
        for identity in &identities {
            let own = identity.credential.credential_type();
            if !credentials.contains(&own) {
                credentials.push(own);
            }
        }
        let capabilities = capabilities.unwrap_or_else(|| Capabilities {
            versions: [ProtocolVersion::MLS10].into(),
            cipher_suites: usable.into(),
            extensions: extensions.into(),
            proposals: rules.custom_types().collect(),
            credentials: credentials.into(),
        });
        let storage = Arc::new(Checked::new(storage));
        let instance = crate::instance::open(&*storage, &*provider.random)?;
        Ok(Client::new(Inner {
            id,
            provider,
            storage,
            suite,
            identities: Identities::new(identities),
            client_ids: ClientIds(auth),
            rules,
            clock,
            executor,
            config,
            limits,
            instance,
            guard,
            capabilities,
            verifiers: RecentVerifiers::default(),
            key_package_room: std::sync::atomic::AtomicUsize::new(0),
        }))
    }
}

impl std::fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("storage", &self.storage)
            .field("suite", &self.suite)
            .field("identities", &self.identities)
            .finish_non_exhaustive()
    }
}
