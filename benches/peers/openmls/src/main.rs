//! OpenMLS at measured work: its SQLite provider, its RustCrypto provider, its defaults.

mod store;

use openmls::prelude::tls_codec::{Deserialize as _, DeserializeBytes as _, Serialize as _};
use openmls::prelude::{
    BasicCredential, Ciphersuite, CredentialWithKey, GroupId, KeyPackage, KeyPackageIn, LeafNodeIndex,
    MlsGroup, MlsGroupJoinConfig, MlsMessageBodyIn, MlsMessageIn, MlsMessageOut, OpenMlsProvider,
    PURE_CIPHERTEXT_WIRE_FORMAT_POLICY, ProcessedMessageContent, ProtocolVersion, RatchetTreeIn,
    StagedWelcome,
};
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::{OpenMlsRustCrypto, RustCrypto};
use openmls_sqlite_storage::Connection;
use peer_harness::{Change, Commit, Counts, Failure, Group, Library, Party, Place, Result};
use std::process::ExitCode;
use std::rc::Rc;
use store::Store;

const SUITE: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;

fn main() -> ExitCode {
    peer_harness::main(&OpenMls)
}

struct OpenMls;

/// Crypto and storage of one party.
struct Provider {
    crypto: RustCrypto,
    store: Store,
}

impl OpenMlsProvider for Provider {
    type CryptoProvider = RustCrypto;
    type RandProvider = RustCrypto;
    type StorageProvider = Store;

    fn storage(&self) -> &Store {
        &self.store
    }

    fn crypto(&self) -> &RustCrypto {
        &self.crypto
    }

    fn rand(&self) -> &RustCrypto {
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

struct Client {
    provider: Provider,
    identity: Identity,
}

struct Handle(Rc<Client>);

struct Membership {
    client: Rc<Client>,
    group: MlsGroup,
}

impl Library for OpenMls {
    fn name(&self) -> &'static str {
        "openmls"
    }

    fn versions(&self) -> String {
        "openmls 0.9.2, openmls_sqlite_storage 0.3.0 (codec: CBOR; SQLite's default journal DELETE, synchronous FULL), \
         openmls_rust_crypto 0.6.0"
            .to_owned()
    }

    fn identity(&self, name: &str) -> Result<Vec<u8>> {
        Ok(serde_json::to_vec(&Identity::new(name)?)?)
    }

    fn party(&self, identity: &[u8], place: Place<'_>) -> Result<Box<dyn Party>> {
        let connection = match place {
            Place::Memory => Connection::open_in_memory()?,
            Place::File(path) => Connection::open(path)?,
        };
        let provider = Provider { crypto: RustCrypto::default(), store: Store::new(connection)? };
        Ok(Box::new(Handle(Rc::new(Client { provider, identity: serde_json::from_slice(identity)? }))))
    }

    fn stranger(&self, name: &str) -> Result<Vec<u8>> {
        Identity::new(name)?.key_package(&OpenMlsRustCrypto::default())
    }
}

impl Handle {
    fn membership(&self, group: MlsGroup) -> Box<dyn Group> {
        Box::new(Membership { client: Rc::clone(&self.0), group })
    }
}

impl Party for Handle {
    fn key_package(&self) -> Result<Vec<u8>> {
        self.0.identity.key_package(&self.0.provider)
    }

    fn create(&self, group_id: &[u8]) -> Result<Box<dyn Group>> {
        let Client { provider, identity } = &*self.0;
        let group = MlsGroup::builder()
            .with_group_id(GroupId::from_slice(group_id))
            .ciphersuite(SUITE)
            .with_wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
            .use_ratchet_tree_extension(false)
            .build(provider, &identity.signer, identity.credential())
            .map_err(debug)?;
        Ok(self.membership(group))
    }

    fn join(&self, welcome: &[u8], ratchet_tree: &[u8]) -> Result<Box<dyn Group>> {
        let provider = &self.0.provider;
        let config = MlsGroupJoinConfig::builder()
            .wire_format_policy(PURE_CIPHERTEXT_WIRE_FORMAT_POLICY)
            .use_ratchet_tree_extension(false)
            .build();
        let MlsMessageBodyIn::Welcome(welcome) = MlsMessageIn::tls_deserialize_exact(welcome)?.extract()
        else {
            return Err(Failure::from("not a Welcome"));
        };
        let tree = RatchetTreeIn::tls_deserialize_exact_bytes(ratchet_tree)?;
        let staged =
            StagedWelcome::new_from_welcome(provider, &config, welcome, Some(tree)).map_err(debug)?;
        Ok(self.membership(staged.into_group(provider).map_err(debug)?))
    }

    fn load(&self, group_id: &[u8]) -> Result<Box<dyn Group>> {
        let group = MlsGroup::load(self.0.provider.storage(), &GroupId::from_slice(group_id))?;
        Ok(self.membership(group.ok_or("there is no such group")?))
    }

    fn counts(&self) -> Counts {
        self.0.provider.store.counts()
    }
}

impl Group for Membership {
    fn encrypt(&mut self, data: &[u8]) -> Result<Vec<u8>> {
        let Client { provider, identity } = &*self.client;
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

    fn commit(&mut self, change: Change<'_>) -> Result<Commit> {
        let Client { provider, identity } = &*self.client;
        let builder = self.group.commit_builder().force_self_update(true);
        let builder = match change {
            Change::None => builder,
            Change::Remove(leaf) => builder.propose_removals([LeafNodeIndex::new(leaf)]),
            Change::Add(key_packages) => {
                let key_packages: Vec<KeyPackage> = key_packages
                    .iter()
                    .map(|bytes| read_key_package(bytes, provider))
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
        self.group.merge_pending_commit(provider).map_err(debug)?;
        Ok(Commit {
            message: message.to_bytes()?,
            welcome: welcome.map(|welcome| welcome.to_bytes()).transpose()?,
        })
    }

    fn ratchet_tree(&mut self) -> Result<Vec<u8>> {
        Ok(self.group.export_ratchet_tree().tls_serialize_detached()?)
    }

    fn epoch(&self) -> u64 {
        self.group.epoch().as_u64()
    }
}

fn read_key_package(bytes: &[u8], provider: &Provider) -> Result<KeyPackage> {
    let MlsMessageBodyIn::KeyPackage(key_package) = MlsMessageIn::tls_deserialize_exact(bytes)?.extract()
    else {
        return Err(Failure::from("not a KeyPackage"));
    };
    let key_package: KeyPackageIn = key_package;
    key_package.validate(provider.crypto(), ProtocolVersion::Mls10).map_err(debug)
}

/// Errors of OpenMLS are generic over the storage's: as text.
fn debug(error: impl std::fmt::Debug) -> Failure {
    Failure::from(format!("{error:?}"))
}
