//! mls-rs at measured work: its storage and crypto providers, its defaults.
//!
//! mls-rs stores nothing unless told to, so after every operation the group is written: before a message or a Commit leaves,
//! and after a Commit is applied. Anything less often loses keys or uses them twice when the process ends.

mod rules;
mod store;

use mls_rs::client_builder::MlsConfig;
use mls_rs::group::ExportedTree;
use mls_rs::group::ReceivedMessage;
use mls_rs::identity::SigningIdentity;
use mls_rs::identity::basic::{BasicCredential, BasicIdentityProvider};
use mls_rs::storage_provider::in_memory::{
    InMemoryGroupStateStorage, InMemoryKeyPackageStorage, InMemoryPreSharedKeyStorage,
};
use mls_rs::{CipherSuite, CipherSuiteProvider, Client, CryptoProvider, MlsMessage};
use mls_rs_core::crypto::{SignaturePublicKey, SignatureSecretKey};
use mls_rs_core::group::GroupStateStorage;
use mls_rs_core::key_package::KeyPackageStorage;
use mls_rs_core::psk::PreSharedKeyStorage;
use mls_rs_crypto_awslc::AwsLcCryptoProvider;
use mls_rs_crypto_rustcrypto::RustCryptoProvider;
use mls_rs_provider_sqlite::SqLiteDataStorageEngine;
use mls_rs_provider_sqlite::connection_strategy::FileConnectionStrategy;
use peer_harness::{
    Change, Commit, Counters, Counts, Failure, Group, Library, Party, Place, Provider, Result, TreeAt,
};
use rules::Rules;
use std::process::ExitCode;
use store::Counted;

const SUITE: CipherSuite = CipherSuite::CURVE25519_AES128;
/// Bytes of an Ed25519 public key, which an identity starts with; then come the length of the private key, it, and the name.
const PUBLIC: usize = 32;

/// The default of the `storage` work first.
const PROVIDERS: [Provider; 2] = [
    ("rustcrypto", || {
        Box::new(MlsRs {
            provider: "rustcrypto",
            versions: "mls-rs-crypto-rustcrypto 0.23.0",
            crypto: RustCryptoProvider::new,
        })
    }),
    ("aws-lc", || {
        Box::new(MlsRs {
            provider: "aws-lc",
            versions: "mls-rs-crypto-awslc 0.27.0",
            crypto: AwsLcCryptoProvider::new,
        })
    }),
];

/// The command line.
#[must_use]
pub fn main() -> ExitCode {
    peer_harness::main(&PROVIDERS)
}

struct MlsRs<P> {
    provider: &'static str,
    versions: &'static str,
    crypto: fn() -> P,
}

/// Makes the same client anew over the same storage.
type Reopen = Box<dyn Fn() -> Result<Box<dyn Party>>>;

struct Handle<C: MlsConfig> {
    client: Client<C>,
    rules: Rules,
    counters: Counters,
    reopen: Reopen,
}

struct Membership<C: MlsConfig> {
    group: mls_rs::Group<C>,
    rules: Rules,
}

impl<P: CryptoProvider + Clone + 'static> Library for MlsRs<P> {
    fn name(&self) -> &'static str {
        "mls-rs"
    }

    fn provider(&self) -> &'static str {
        self.provider
    }

    fn versions(&self) -> String {
        format!(
            "mls-rs 0.57.0, mls-rs-provider-sqlite 0.23.0 (SQLite's default journal DELETE, synchronous FULL; \
             write_to_storage after every step) or its in-memory storage, {}",
            self.versions
        )
    }

    fn saves_apart(&self) -> bool {
        true
    }

    fn identity(&self, name: &str) -> Result<Vec<u8>> {
        let crypto = (self.crypto)();
        let suite = crypto.cipher_suite_provider(SUITE).ok_or("no such suite")?;
        let (private, public) = suite.signature_key_generate().map_err(debug)?;
        let private = private.as_bytes();
        let mut bytes = public.as_bytes().to_vec();
        bytes.push(u8::try_from(private.len())?);
        bytes.extend_from_slice(private);
        bytes.extend_from_slice(name.as_bytes());
        Ok(bytes)
    }

    fn party(&self, identity: &[u8], place: Place<'_>) -> Result<Box<dyn Party>> {
        let crypto = (self.crypto)();
        let counters = Counters::default();
        match place {
            Place::Memory => open(Parts {
                crypto,
                identity: identity.to_vec(),
                groups: InMemoryGroupStateStorage::new(),
                key_packages: InMemoryKeyPackageStorage::new(),
                psks: InMemoryPreSharedKeyStorage::default(),
                counters,
            }),
            Place::File(path) => {
                let engine = SqLiteDataStorageEngine::new(FileConnectionStrategy::new(path))?;
                open(Parts {
                    crypto,
                    identity: identity.to_vec(),
                    groups: engine.group_state_storage()?,
                    key_packages: engine.key_package_storage()?,
                    psks: engine.pre_shared_key_storage()?,
                    counters,
                })
            }
        }
    }

    fn stranger(&self, name: &str) -> Result<Vec<u8>> {
        let (identity, private) = read_identity(&self.identity(name)?)?;
        let client = Client::builder()
            .crypto_provider((self.crypto)())
            .identity_provider(BasicIdentityProvider)
            .signing_identity(identity, private, SUITE)
            .build();
        key_package(&client)
    }
}

/// What a client is made of.
#[derive(Clone)]
struct Parts<P, G, K, S> {
    crypto: P,
    identity: Vec<u8>,
    groups: G,
    key_packages: K,
    psks: S,
    counters: Counters,
}

fn open<P, G, K, S>(parts: Parts<P, G, K, S>) -> Result<Box<dyn Party>>
where
    P: CryptoProvider + Clone + 'static,
    G: GroupStateStorage + Clone + 'static,
    K: KeyPackageStorage + Clone + 'static,
    S: PreSharedKeyStorage + Clone + 'static,
{
    let Parts { crypto, identity, groups, key_packages, psks, counters } = parts.clone();
    let (identity, private) = read_identity(&identity)?;
    let rules = Rules::default();
    let client = Client::builder()
        .crypto_provider(crypto)
        .identity_provider(BasicIdentityProvider)
        .group_state_storage(Counted { inner: groups, counters: counters.clone() })
        .key_package_repo(Counted { inner: key_packages, counters: counters.clone() })
        .psk_store(psks)
        .mls_rules(rules.clone())
        .signing_identity(identity, private, SUITE)
        .build();
    Ok(Box::new(Handle { client, rules, counters, reopen: Box::new(move || open(parts.clone())) }))
}

fn read_identity(bytes: &[u8]) -> Result<(SigningIdentity, SignatureSecretKey)> {
    let short = || Failure::from("not an identity");
    let (public, rest) = bytes.split_at_checked(PUBLIC).ok_or_else(short)?;
    let (&len, rest) = rest.split_first().ok_or_else(short)?;
    let (private, name) = rest.split_at_checked(len.into()).ok_or_else(short)?;
    let credential = BasicCredential::new(name.to_vec()).into_credential();
    let public = SignaturePublicKey::new_slice(public);
    Ok((SigningIdentity::new(credential, public), SignatureSecretKey::new_slice(private)))
}

fn key_package<C: MlsConfig>(client: &Client<C>) -> Result<Vec<u8>> {
    Ok(client.generate_key_package_message(Default::default(), Default::default(), None)?.to_bytes()?)
}

/// Errors of mls-rs's crypto providers: as text.
fn debug(error: impl std::fmt::Debug) -> Failure {
    Failure::from(format!("{error:?}"))
}

impl<C: MlsConfig + 'static> Handle<C> {
    fn membership(&self, group: mls_rs::Group<C>) -> Box<dyn Group> {
        Box::new(Membership { group, rules: self.rules.clone() })
    }
}

impl<C: MlsConfig + 'static> Party for Handle<C> {
    fn key_package(&self) -> Result<Vec<u8>> {
        key_package(&self.client)
    }

    fn create(&self, group_id: &[u8]) -> Result<Box<dyn Group>> {
        let mut group = self.client.create_group_with_id(
            group_id.to_vec(),
            Default::default(),
            Default::default(),
            None,
        )?;
        group.write_to_storage()?;
        Ok(self.membership(group))
    }

    fn join(&self, welcome: &[u8], ratchet_tree: Option<&[u8]>) -> Result<Box<dyn Group>> {
        let tree = ratchet_tree.map(ExportedTree::from_bytes).transpose()?;
        let welcome = MlsMessage::from_bytes(welcome)?;
        let (group, _) = self.client.join_group(tree, &welcome, None)?;
        Ok(self.membership(group))
    }

    fn join_externally(&self, group_info: &[u8], ratchet_tree: &[u8]) -> Result<(Box<dyn Group>, Vec<u8>)> {
        let builder = self.client.external_commit_builder()?;
        let (group, commit) = builder
            .with_tree_data(ExportedTree::from_bytes(ratchet_tree)?)
            .build(MlsMessage::from_bytes(group_info)?)?;
        Ok((self.membership(group), commit.to_bytes()?))
    }

    fn load(&self, group_id: &[u8]) -> Result<Box<dyn Group>> {
        self.rules.set_public(false);
        Ok(self.membership(self.client.load_group(group_id)?))
    }

    fn load_public(&self, group_id: &[u8]) -> Result<Box<dyn Group>> {
        self.rules.set_public(true);
        Ok(self.membership(self.client.load_group(group_id)?))
    }

    fn reopen(&self) -> Result<Box<dyn Party>> {
        (self.reopen)()
    }

    fn counts(&self) -> Counts {
        self.counters.counts()
    }
}

impl<C: MlsConfig> Group for Membership<C> {
    fn encrypt(&mut self, data: &[u8]) -> Result<Vec<u8>> {
        Ok(self.group.encrypt_application_message(data, Vec::new())?.to_bytes()?)
    }

    fn receive(&mut self, message: &[u8]) -> Result<()> {
        match self.group.process_incoming_message(MlsMessage::from_bytes(message)?)? {
            ReceivedMessage::ApplicationMessage(_) | ReceivedMessage::Commit(_) => Ok(()),
            _ => Err(Failure::from("neither an application message nor a Commit")),
        }
    }

    fn build(&mut self, change: Change<'_>, tree: TreeAt) -> Result<Commit> {
        self.rules.set_tree(tree);
        let mut builder = self.group.commit_builder();
        let mut added = 0;
        match change {
            Change::None => {}
            Change::Remove(leaf) => builder = builder.remove_member(leaf)?,
            Change::Add(key_packages) => {
                added = key_packages.len();
                for bytes in key_packages {
                    builder = builder.add_member(MlsMessage::from_bytes(bytes)?)?;
                }
            }
        }
        let output = builder.build()?;
        // One Welcome for all, by default.
        let welcomes = output.welcome_messages.iter().map(|welcome| Ok((added, welcome.to_bytes()?)));
        let welcomes = welcomes.collect::<Result<_>>()?;
        Ok(Commit { message: output.commit_message.to_bytes()?, welcomes })
    }

    fn merge(&mut self) -> Result<()> {
        self.group.apply_pending_commit()?;
        Ok(())
    }

    fn save(&mut self) -> Result<()> {
        Ok(self.group.write_to_storage()?)
    }

    fn ratchet_tree(&mut self) -> Result<Vec<u8>> {
        Ok(self.group.export_tree().to_bytes()?)
    }

    fn group_info(&mut self) -> Result<Vec<u8>> {
        Ok(self.group.group_info_message_allowing_ext_commit(false)?.to_bytes()?)
    }

    fn epoch(&self) -> u64 {
        self.group.current_epoch()
    }

    fn authenticator(&self) -> Result<Vec<u8>> {
        Ok(self.group.epoch_authenticator()?.as_bytes().to_vec())
    }
}
