//! OpenMLS at measured work: its storage and crypto providers, its defaults.

mod store;

use openmls::prelude::tls_codec::{Deserialize as _, DeserializeBytes as _, Serialize as _};
use openmls::prelude::{
    BasicCredential, Ciphersuite, CredentialWithKey, GroupId, KeyPackage, KeyPackageIn, LeafNodeIndex,
    LeafNodeParameters, MIXED_CIPHERTEXT_WIRE_FORMAT_POLICY, MIXED_PLAINTEXT_WIRE_FORMAT_POLICY, MlsGroup,
    MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn, MlsMessageOut, OpenMlsCrypto, OpenMlsProvider,
    OpenMlsRand, ProcessedMessageContent, ProtocolVersion, RatchetTreeIn, StagedWelcome, WireFormatPolicy,
};
use openmls_basic_credential::SignatureKeyPair;
use openmls_memory_storage::MemoryStorage;
use openmls_rust_crypto::RustCrypto;
use openmls_sqlite_storage::Connection;
use openmls_traits::storage::{CURRENT_VERSION, StorageProvider};
use peer_harness::{Change, Commit, Counts, Failure, Group, Library, Party, Place, Provider, Result, TreeAt};
use std::process::ExitCode;
use std::rc::Rc;
use store::Store;

const SUITE: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;

/// The default of the `storage` work first.
const PROVIDERS: [Provider; 2] = [
    ("rustcrypto", || {
        Box::new(OpenMls {
            provider: "rustcrypto",
            versions: "openmls_rust_crypto 0.6.0",
            crypto: || Ok(RustCrypto::default()),
        })
    }),
    ("libcrux", || {
        Box::new(OpenMls {
            provider: "libcrux",
            versions: "openmls_libcrux_crypto 0.4.0",
            crypto: || openmls_libcrux_crypto::CryptoProvider::new().map_err(debug),
        })
    }),
];

/// The command line.
#[must_use]
pub fn main() -> ExitCode {
    peer_harness::main(&PROVIDERS)
}

struct OpenMls<C> {
    provider: &'static str,
    versions: &'static str,
    crypto: fn() -> Result<C>,
}

/// The traits that a crypto provider of OpenMLS has.
trait Crypto: OpenMlsCrypto + OpenMlsRand + 'static {}

impl<C: OpenMlsCrypto + OpenMlsRand + 'static> Crypto for C {}

/// A storage provider that may count.
trait Storage: StorageProvider<CURRENT_VERSION> + 'static {
    fn counts(&self) -> Counts;
}

impl Storage for Store {
    fn counts(&self) -> Counts {
        Self::counts(self)
    }
}

/// It takes values, not bytes, so that there is nothing to count at its border.
impl Storage for MemoryStorage {
    fn counts(&self) -> Counts {
        Counts::default()
    }
}

/// Crypto and storage of one party.
struct Parts<C, S> {
    crypto: C,
    store: Rc<S>,
}

impl<C: Crypto, S: Storage> OpenMlsProvider for Parts<C, S> {
    type CryptoProvider = C;
    type RandProvider = C;
    type StorageProvider = S;

    fn storage(&self) -> &S {
        &self.store
    }

    fn crypto(&self) -> &C {
        &self.crypto
    }

    fn rand(&self) -> &C {
        &self.crypto
    }
}

/// A name and its signature key.
#[derive(serde::Serialize, serde::Deserialize)]
struct Identity {
    name: String,
    signer: SignatureKeyPair,
}

impl Identity {
    fn new(name: &str) -> Result<Self> {
        let signer = SignatureKeyPair::new(SUITE.signature_algorithm()).map_err(debug)?;
        Ok(Self { name: name.to_owned(), signer })
    }

    fn credential(&self) -> CredentialWithKey {
        CredentialWithKey {
            credential: BasicCredential::new(self.name.as_bytes().to_vec()).into(),
            signature_key: self.signer.to_public_vec().into(),
        }
    }

    fn key_package(&self, provider: &impl OpenMlsProvider) -> Result<Vec<u8>> {
        let bundle =
            KeyPackage::builder().build(SUITE, provider, &self.signer, self.credential()).map_err(debug)?;
        Ok(MlsMessageOut::from(bundle.key_package().clone()).tls_serialize_detached()?)
    }
}

struct Client<C, S> {
    new_crypto: fn() -> Result<C>,
    provider: Parts<C, S>,
    identity: Identity,
}

struct Handle<C, S>(Rc<Client<C, S>>);

struct Membership<C, S> {
    client: Rc<Client<C, S>>,
    group: MlsGroup,
}

impl<C: Crypto> OpenMls<C> {
    fn open<S: Storage>(&self, identity: &[u8], store: S) -> Result<Box<dyn Party>> {
        let provider = Parts { crypto: (self.crypto)()?, store: Rc::new(store) };
        let identity = serde_json::from_slice(identity)?;
        Ok(Box::new(Handle(Rc::new(Client { new_crypto: self.crypto, provider, identity }))))
    }
}

impl<C: Crypto> Library for OpenMls<C> {
    fn name(&self) -> &'static str {
        "openmls"
    }

    fn provider(&self) -> &'static str {
        self.provider
    }

    fn versions(&self) -> String {
        format!(
            "openmls 0.9.2, openmls_sqlite_storage 0.3.0 (codec: CBOR; SQLite's default journal DELETE, synchronous FULL) or \
             openmls_memory_storage 0.6.0, {}",
            self.versions
        )
    }

    fn identity(&self, name: &str) -> Result<Vec<u8>> {
        Ok(serde_json::to_vec(&Identity::new(name)?)?)
    }

    fn party(&self, identity: &[u8], place: Place<'_>) -> Result<Box<dyn Party>> {
        match place {
            Place::Memory => self.open(identity, MemoryStorage::default()),
            Place::File(path) => self.open(identity, Store::new(Connection::open(path)?)?),
        }
    }

    fn stranger(&self, name: &str) -> Result<Vec<u8>> {
        let provider = Parts { crypto: (self.crypto)()?, store: Rc::new(MemoryStorage::default()) };
        Identity::new(name)?.key_package(&provider)
    }
}

impl<C: Crypto, S: Storage> Handle<C, S> {
    fn membership(&self, group: MlsGroup) -> Box<dyn Group> {
        Box::new(Membership { client: Rc::clone(&self.0), group })
    }

    fn open(&self, group_id: &[u8]) -> Result<MlsGroup> {
        let group = MlsGroup::load(self.0.provider.storage(), &GroupId::from_slice(group_id));
        Ok(group.map_err(debug)?.ok_or("there is no such group")?)
    }
}

/// PrivateMessages are sent, PublicMessages accepted.
const PRIVATE: WireFormatPolicy = MIXED_CIPHERTEXT_WIRE_FORMAT_POLICY;
const PUBLIC: WireFormatPolicy = MIXED_PLAINTEXT_WIRE_FORMAT_POLICY;

fn join_config(tree_inside: bool, policy: WireFormatPolicy) -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder().wire_format_policy(policy).use_ratchet_tree_extension(tree_inside).build()
}

impl<C: Crypto, S: Storage> Party for Handle<C, S> {
    fn key_package(&self) -> Result<Vec<u8>> {
        self.0.identity.key_package(&self.0.provider)
    }

    fn create(&self, group_id: &[u8]) -> Result<Box<dyn Group>> {
        let Client { provider, identity, .. } = &*self.0;
        let group = MlsGroup::builder()
            .with_group_id(GroupId::from_slice(group_id))
            .ciphersuite(SUITE)
            .with_wire_format_policy(PRIVATE)
            .use_ratchet_tree_extension(false)
            .build(provider, &identity.signer, identity.credential())
            .map_err(debug)?;
        Ok(self.membership(group))
    }

    fn join(&self, welcome: &[u8], ratchet_tree: Option<&[u8]>) -> Result<Box<dyn Group>> {
        let provider = &self.0.provider;
        let MlsMessageBodyIn::Welcome(welcome) = MlsMessageIn::tls_deserialize_exact(welcome)?.extract()
        else {
            return Err(Failure::from("not a Welcome"));
        };
        let tree = ratchet_tree.map(RatchetTreeIn::tls_deserialize_exact_bytes).transpose()?;
        let staged = StagedWelcome::new_from_welcome(provider, &join_config(false, PRIVATE), welcome, tree);
        Ok(self.membership(staged.map_err(debug)?.into_group(provider).map_err(debug)?))
    }

    fn join_externally(&self, group_info: &[u8], ratchet_tree: &[u8]) -> Result<(Box<dyn Group>, Vec<u8>)> {
        let Client { provider, identity, .. } = &*self.0;
        let MlsMessageBodyIn::GroupInfo(group_info) =
            MlsMessageIn::tls_deserialize_exact(group_info)?.extract()
        else {
            return Err(Failure::from("not a GroupInfo"));
        };
        let tree = RatchetTreeIn::tls_deserialize_exact_bytes(ratchet_tree)?;
        let (group, bundle) = MlsGroup::external_commit_builder()
            .with_ratchet_tree(tree)
            .with_config(join_config(false, PRIVATE))
            .build_group(provider, group_info, identity.credential())
            .map_err(debug)?
            .leaf_node_parameters(LeafNodeParameters::default())
            .load_psks(provider.storage())
            .map_err(debug)?
            .build(provider.rand(), provider.crypto(), &identity.signer, |_| true)
            .map_err(debug)?
            .finalize(provider)
            .map_err(debug)?;
        let (message, ..) = bundle.into_messages();
        Ok((self.membership(group), message.to_bytes()?))
    }

    fn load(&self, group_id: &[u8]) -> Result<Box<dyn Group>> {
        let mut group = self.open(group_id)?;
        if group.configuration().wire_format_policy() != PRIVATE {
            group
                .set_configuration(self.0.provider.storage(), &join_config(false, PRIVATE))
                .map_err(debug)?;
        }
        Ok(self.membership(group))
    }

    fn load_public(&self, group_id: &[u8]) -> Result<Box<dyn Group>> {
        let mut group = self.open(group_id)?;
        group.set_configuration(self.0.provider.storage(), &join_config(false, PUBLIC)).map_err(debug)?;
        Ok(self.membership(group))
    }

    fn reopen(&self) -> Result<Box<dyn Party>> {
        let Client { new_crypto, provider, identity } = &*self.0;
        let provider = Parts { crypto: new_crypto()?, store: Rc::clone(&provider.store) };
        let identity = serde_json::from_slice(&serde_json::to_vec(identity)?)?;
        Ok(Box::new(Self(Rc::new(Client { new_crypto: *new_crypto, provider, identity }))))
    }

    fn counts(&self) -> Counts {
        self.0.provider.store.counts()
    }
}

impl<C: Crypto, S: Storage> Group for Membership<C, S> {
    fn encrypt(&mut self, data: &[u8]) -> Result<Vec<u8>> {
        let Client { provider, identity, .. } = &*self.client;
        Ok(self.group.create_message(provider, &identity.signer, data).map_err(debug)?.to_bytes()?)
    }

    fn receive(&mut self, message: &[u8]) -> Result<()> {
        let provider = &self.client.provider;
        let message =
            MlsMessageIn::tls_deserialize_exact(message)?.try_into_protocol_message().map_err(debug)?;
        match self.group.process_message(provider, message).map_err(debug)?.into_content() {
            ProcessedMessageContent::ApplicationMessage(_) => Ok(()),
            ProcessedMessageContent::StagedCommitMessage(commit) => {
                Ok(self.group.merge_staged_commit(provider, *commit).map_err(debug)?)
            }
            _ => Err(Failure::from("neither an application message nor a Commit")),
        }
    }

    fn build(&mut self, change: Change<'_>, tree: TreeAt) -> Result<Commit> {
        let Client { provider, identity, .. } = &*self.client;
        let inside = tree == TreeAt::Inside;
        // Where the tree goes is the group's configuration, which is written only if it changes.
        let config = join_config(inside, self.group.configuration().wire_format_policy());
        if *self.group.configuration() != config {
            self.group.set_configuration(provider.storage(), &config).map_err(debug)?;
        }
        let builder = self.group.commit_builder().force_self_update(true);
        let mut added = 0;
        let builder = match change {
            Change::None => builder,
            Change::Remove(leaf) => builder.propose_removals([LeafNodeIndex::new(leaf)]),
            Change::Add(key_packages) => {
                added = key_packages.len();
                let key_packages: Vec<KeyPackage> = key_packages
                    .iter()
                    .map(|bytes| read_key_package(bytes, provider.crypto()))
                    .collect::<Result<_>>()?;
                builder.propose_adds(key_packages)
            }
        };
        let bundle = builder
            .load_psks(provider.storage())
            .map_err(debug)?
            .build(provider.rand(), provider.crypto(), &identity.signer, |_| true)
            .map_err(debug)?
            .stage_commit(provider)
            .map_err(debug)?;
        let (message, welcome, _) = bundle.into_messages();
        let welcomes =
            welcome.iter().map(|welcome| Ok((added, welcome.to_bytes()?))).collect::<Result<_>>()?;
        Ok(Commit { message: message.to_bytes()?, welcomes })
    }

    fn merge(&mut self) -> Result<()> {
        self.group.merge_pending_commit(&self.client.provider).map_err(debug)
    }

    fn ratchet_tree(&mut self) -> Result<Vec<u8>> {
        Ok(self.group.export_ratchet_tree().tls_serialize_detached()?)
    }

    fn group_info(&mut self) -> Result<Vec<u8>> {
        let Client { provider, identity, .. } = &*self.client;
        let info = self.group.export_group_info(provider.crypto(), &identity.signer, false).map_err(debug)?;
        Ok(info.to_bytes()?)
    }

    fn epoch(&self) -> u64 {
        self.group.epoch().as_u64()
    }

    fn authenticator(&self) -> Result<Vec<u8>> {
        Ok(self.group.epoch_authenticator().as_slice().to_vec())
    }
}

fn read_key_package(bytes: &[u8], crypto: &impl OpenMlsCrypto) -> Result<KeyPackage> {
    let MlsMessageBodyIn::KeyPackage(key_package) = MlsMessageIn::tls_deserialize_exact(bytes)?.extract()
    else {
        return Err(Failure::from("not a KeyPackage"));
    };
    let key_package: KeyPackageIn = key_package;
    key_package.validate(crypto, ProtocolVersion::Mls10).map_err(debug)
}

/// Errors of OpenMLS are generic over the storage's: as text.
fn debug(error: impl std::fmt::Debug) -> Failure {
    Failure::from(format!("{error:?}"))
}
