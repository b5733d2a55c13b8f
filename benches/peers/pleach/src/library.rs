//! The traits of the harness, for Pleach.

use peer_harness::{Change, Commit, Counts, Failure, Group, Library, Party, Place, Provider, Result, TreeAt};
use pleach::crypto::{CipherSuite, CipherSuiteId, CryptoProvider, Secret, Signer};
use pleach::post_quantum::{self, PostQuantumNumbering, PostQuantumSuite};
use pleach::storage::{CountingStorage, Storage};
use pleach::wire::{Credential, LeafIndex, encode};
use pleach::{
    AuthDecision, AuthService, CredentialRequest, GroupConfig, GroupInfoSpec, KeyPackageOptions,
    MemoryStorage, PendingCommit, Received, SqliteStorage, TreeDelivery, WirePolicy, aws_lc, ring,
    rustcrypto,
};
use std::sync::Arc;

/// The suite that all libraries have.
const COMMON_SUITE: CipherSuiteId = CipherSuiteId::X25519_AES128GCM_SHA256_ED25519;
/// Bytes of an Ed25519 private key, or the seed of one of ML-DSA, which an identity starts with; then comes the name.
const PRIVATE: usize = 32;

/// The default of the `storage` work first, then by speed.
pub(crate) const PROVIDERS: [Provider; 5] = [
    ("rustcrypto", || Box::new(Pleach { provider: "rustcrypto", crypto: rustcrypto::provider })),
    ("aws-lc", || Box::new(Pleach { provider: "aws-lc", crypto: aws_lc::provider })),
    ("ring", || Box::new(Pleach { provider: "ring", crypto: ring::provider })),
    ("post-quantum", || Box::new(Pleach { provider: "post-quantum", crypto: x_wing })),
    ("post-quantum-ml-dsa", || Box::new(Pleach { provider: "post-quantum-ml-dsa", crypto: ml_dsa })),
];

/// The provider of this name.
pub(crate) fn find(provider: &str) -> Result<Pleach> {
    let crypto = match provider {
        "rustcrypto" => rustcrypto::provider,
        "aws-lc" => aws_lc::provider,
        "ring" => ring::provider,
        "post-quantum" => x_wing,
        "post-quantum-ml-dsa" => ml_dsa,
        _ => return Err(Failure::from(format!("no provider {provider}"))),
    };
    let names = PROVIDERS.into_iter().map(|(name, _)| name);
    let provider = names.into_iter().find(|name| *name == provider).ok_or("a provider has a name")?;
    Ok(Pleach { provider, crypto })
}

/// X-Wing, AES-128-GCM, SHA-256 and Ed25519: the quickest of the post-quantum suites, with the fast implementations.
fn x_wing() -> CryptoProvider {
    post_quantum(PostQuantumSuite::Mlkem768X25519Aes128GcmSha256Ed25519)
}

/// X-Wing, ChaCha20-Poly1305, SHA-384 and ML-DSA-44: signatures are post-quantum, too.
fn ml_dsa() -> CryptoProvider {
    post_quantum(PostQuantumSuite::Mlkem768X25519Chacha20Poly1305Sha384Mldsa44)
}

/// One suite, with the fast implementations.
fn post_quantum(suite: PostQuantumSuite) -> CryptoProvider {
    let base = aws_lc::provider();
    let suites = post_quantum::fast::suites(&base.suites, &PostQuantumNumbering::PLEACH);
    let number = PostQuantumNumbering::PLEACH.number(suite);
    let suites: Vec<_> = suites.into_iter().filter(|suite| Some(suite.id) == number).collect();
    CryptoProvider { suites: suites.into(), random: base.random }
}

/// Pleach with one crypto provider, of which the first suite is used.
#[derive(Clone, Copy)]
pub(crate) struct Pleach {
    pub(crate) provider: &'static str,
    pub(crate) crypto: fn() -> CryptoProvider,
}

impl Pleach {
    /// The suite that is measured.
    pub(crate) fn cipher_suite(&self) -> Result<CipherSuite> {
        Ok(*(self.crypto)().suites.first().ok_or("a provider has suites")?)
    }

    /// A KeyPackage of somebody who will never join, with a lifetime. Without GREASE: OpenMLS refuses extensions that it does not know.
    pub(crate) fn stranger_for(&self, name: &str, lifetime: (u64, u64)) -> Result<Vec<u8>> {
        let mut config = GroupConfig::default();
        config.grease = false;
        let client = self.client(&self.identity(name)?, MemoryStorage::new(), config)?;
        Ok(client.key_package_with(KeyPackageOptions::default().lifetime(lifetime.0, lifetime.1))?)
    }

    fn client(
        &self,
        identity: &[u8],
        storage: impl Storage + 'static,
        config: GroupConfig,
    ) -> Result<pleach::Client> {
        let suite = self.cipher_suite()?;
        let (private, name) = identity.split_at_checked(PRIVATE).ok_or("not an identity")?;
        let signer: Box<dyn Signer> = suite.signature.load_signer(&Secret::copy_from(private))?;
        let builder = pleach::Client::builder((self.crypto)(), storage).suite(suite.id);
        Ok(builder.basic(name, signer).auth(Gullible).config(config).build()?)
    }
}

/// Nobody's name is checked here.
struct Gullible;

impl AuthService for Gullible {
    fn validate(&self, _: &CredentialRequest<'_>) -> AuthDecision {
        AuthDecision::Accept
    }

    fn client_id(&self, credential: &Credential, _: &[u8]) -> Vec<u8> {
        encode(credential).unwrap_or_default()
    }
}

#[derive(Clone)]
enum Store {
    Memory(CountingStorage<Arc<MemoryStorage>>),
    File(CountingStorage<Arc<SqliteStorage>>),
}

struct Handle {
    library: Pleach,
    client: pleach::Client,
    identity: Vec<u8>,
    store: Store,
}

impl Handle {
    fn new(library: Pleach, identity: &[u8], store: Store) -> Result<Self> {
        let client = Self::client(library, identity, &store, WirePolicy::MIXED)?;
        Ok(Self { library, client, identity: identity.to_vec(), store })
    }

    fn client(library: Pleach, identity: &[u8], store: &Store, wire: WirePolicy) -> Result<pleach::Client> {
        let mut config = GroupConfig::default();
        config.wire = wire;
        match store.clone() {
            Store::Memory(storage) => library.client(identity, storage, config),
            Store::File(storage) => library.client(identity, storage, config),
        }
    }
}

/// A group, and the Commit that was built last.
struct Membership(pleach::Group, Option<PendingCommit>);

impl Membership {
    fn of(group: pleach::Group) -> Box<dyn Group> {
        Box::new(Self(group, None))
    }
}

impl Library for Pleach {
    fn name(&self) -> &'static str {
        "pleach"
    }

    fn provider(&self) -> &'static str {
        self.provider
    }

    fn suite(&self) -> u16 {
        self.cipher_suite().map_or(CipherSuiteId(0), |suite| suite.id).0
    }

    fn versions(&self) -> String {
        format!(
            "pleach (this tree), backend {}, storage/memory; where files are meant, pleach-storage-sqlite (journal TRUNCATE, \
             synchronous FULL, secure_delete ON)",
            self.provider
        )
    }

    fn identity(&self, name: &str) -> Result<Vec<u8>> {
        let crypto = (self.crypto)();
        let keys = self.cipher_suite()?.signature.generate_key_pair(&*crypto.random)?;
        Ok([keys.private.as_bytes(), name.as_bytes()].concat())
    }

    fn party(&self, identity: &[u8], place: Place<'_>) -> Result<Box<dyn Party>> {
        let store = match place {
            Place::Memory => Store::Memory(CountingStorage::new(Arc::new(MemoryStorage::new()))),
            Place::File(path) => Store::File(CountingStorage::new(Arc::new(SqliteStorage::open(path)?))),
        };
        Ok(Box::new(Handle::new(*self, identity, store)?))
    }

    fn stranger(&self, name: &str) -> Result<Vec<u8>> {
        Ok(self.client(&self.identity(name)?, MemoryStorage::new(), GroupConfig::default())?.key_package()?)
    }
}

impl Party for Handle {
    fn key_package(&self) -> Result<Vec<u8>> {
        Ok(self.client.key_package()?)
    }

    fn create(&self, group_id: &[u8]) -> Result<Box<dyn Group>> {
        Ok(Membership::of(self.client.create_group(group_id)?))
    }

    fn join(&self, welcome: &[u8], ratchet_tree: Option<&[u8]>) -> Result<Box<dyn Group>> {
        let staged = match ratchet_tree {
            Some(tree) => self.client.join_with_tree(welcome, tree)?,
            None => self.client.join(welcome)?,
        };
        Ok(Membership::of(staged.accept()?))
    }

    fn join_externally(&self, group_info: &[u8], ratchet_tree: &[u8]) -> Result<(Box<dyn Group>, Vec<u8>)> {
        let commit = self.client.external_join(group_info).ratchet_tree(ratchet_tree).build()?;
        let message = commit.message().to_vec();
        Ok((Membership::of(commit.accept()?), message))
    }

    fn load(&self, group_id: &[u8]) -> Result<Box<dyn Group>> {
        Ok(Membership::of(self.client.load(group_id)?))
    }

    fn load_public(&self, group_id: &[u8]) -> Result<Box<dyn Group>> {
        let client = Self::client(self.library, &self.identity, &self.store, WirePolicy::MIXED_SEND_PUBLIC)?;
        Ok(Membership::of(client.load(group_id)?))
    }

    fn reopen(&self) -> Result<Box<dyn Party>> {
        Ok(Box::new(Self::new(self.library, &self.identity, self.store.clone())?))
    }

    fn counts(&self) -> Counts {
        let counts = match &self.store {
            Store::Memory(storage) => storage.counts(),
            Store::File(storage) => storage.counts(),
        };
        Counts {
            rows_read: counts.rows_read as u64,
            bytes_read: counts.bytes_read as u64,
            rows_written: counts.rows_written as u64,
            bytes_written: counts.bytes_written as u64,
            erases: (counts.erases + counts.range_erases) as u64,
        }
    }
}

impl Group for Membership {
    fn encrypt(&mut self, data: &[u8]) -> Result<Vec<u8>> {
        Ok(self.0.encrypt(data)?)
    }

    fn receive(&mut self, message: &[u8]) -> Result<()> {
        match self.0.receive(message)? {
            Received::Application(_) => Ok(()),
            Received::Commit(commit) => self.0.merge(commit).map(drop).map_err(Failure::from),
            other => {
                Err(Failure::from(format!("neither an application message nor a Commit: {}", other.kind())))
            }
        }
    }

    fn build(&mut self, change: Change<'_>, tree: TreeAt) -> Result<Commit> {
        let delivery = match tree {
            TreeAt::Beside => TreeDelivery::OutOfBand,
            TreeAt::Inside => TreeDelivery::Inline,
        };
        let mut builder = self.0.commit().force_path().tree(delivery);
        match change {
            Change::None => {}
            Change::Remove(leaf) => builder = builder.remove(LeafIndex(leaf)),
            Change::Add(key_packages) => {
                for key_package in key_packages {
                    builder = builder.add(key_package);
                }
            }
        }
        let pending = builder.build()?;
        // Others have one Welcome for all; but with keys of more than a kilobyte, nobody wants to download those of everybody.
        let parts = match self.0.suite() {
            COMMON_SUITE => pending.welcomes().to_vec(),
            _ => pending.split_welcomes(1)?.collect(),
        };
        let welcomes = parts.into_iter().map(|part| (part.recipients.len(), part.message)).collect();
        let commit = Commit { message: pending.message().to_vec(), welcomes };
        self.1 = Some(pending);
        Ok(commit)
    }

    fn merge(&mut self) -> Result<()> {
        let pending = self.1.take().ok_or("nothing was built")?;
        self.0.merge(&pending)?;
        Ok(())
    }

    fn ratchet_tree(&mut self) -> Result<Vec<u8>> {
        Ok(self.0.ratchet_tree()?)
    }

    fn group_info(&mut self) -> Result<Vec<u8>> {
        let spec = GroupInfoSpec { external_pub: true, tree: TreeDelivery::OutOfBand };
        Ok(self.0.group_info_with(spec)?)
    }

    fn epoch(&self) -> u64 {
        self.0.epoch()
    }

    fn authenticator(&self) -> Result<Vec<u8>> {
        Ok(self.0.epoch_authenticator()?.as_bytes().to_vec())
    }
}
