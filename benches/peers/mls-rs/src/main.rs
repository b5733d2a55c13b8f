//! mls-rs at measured work: its SQLite provider, its RustCrypto provider, its defaults.
//!
//! mls-rs stores nothing unless told to, so after every operation the group is written: before a message or a Commit leaves,
//! and after a Commit is applied. Anything less often loses keys or uses them twice when the process ends.

mod store;

use mls_rs::client_builder::MlsConfig;
use mls_rs::group::ExportedTree;
use mls_rs::group::ReceivedMessage;
use mls_rs::identity::SigningIdentity;
use mls_rs::identity::basic::{BasicCredential, BasicIdentityProvider};
use mls_rs::mls_rules::{CommitOptions, DefaultMlsRules, EncryptionOptions};
use mls_rs::{CipherSuite, CipherSuiteProvider, Client, CryptoProvider, MlsMessage};
use mls_rs_core::crypto::{SignaturePublicKey, SignatureSecretKey};
use mls_rs_crypto_rustcrypto::RustCryptoProvider;
use mls_rs_provider_sqlite::SqLiteDataStorageEngine;
use mls_rs_provider_sqlite::connection_strategy::{
    ConnectionStrategy, FileConnectionStrategy, MemoryStrategy,
};
use peer_harness::{Change, Commit, Counters, Counts, Failure, Group, Library, Party, Place, Result};
use std::process::ExitCode;
use store::Counted;

const SUITE: CipherSuite = CipherSuite::CURVE25519_AES128;
/// Bytes of an Ed25519 public key, which an identity starts with; then come the length of the private key, it, and the name.
const PUBLIC: usize = 32;

fn main() -> ExitCode {
    peer_harness::main(&MlsRs)
}

struct MlsRs;

struct Handle<C: MlsConfig> {
    client: Client<C>,
    counters: Counters,
}

struct Membership<C: MlsConfig>(mls_rs::Group<C>);

impl Library for MlsRs {
    fn name(&self) -> &'static str {
        "mls-rs"
    }

    fn versions(&self) -> String {
        "mls-rs 0.57.0, mls-rs-provider-sqlite 0.23.0 (SQLite's default journal DELETE, synchronous FULL; \
         write_to_storage after every step), mls-rs-crypto-rustcrypto 0.23.0"
            .to_owned()
    }

    fn identity(&self, name: &str) -> Result<Vec<u8>> {
        let suite = RustCryptoProvider::new().cipher_suite_provider(SUITE).ok_or("no such suite")?;
        let (private, public) = suite.signature_key_generate()?;
        let private = private.as_bytes();
        let mut bytes = public.as_bytes().to_vec();
        bytes.push(u8::try_from(private.len())?);
        bytes.extend_from_slice(private);
        bytes.extend_from_slice(name.as_bytes());
        Ok(bytes)
    }

    fn party(&self, identity: &[u8], place: Place<'_>) -> Result<Box<dyn Party>> {
        match place {
            Place::Memory => open(identity, MemoryStrategy),
            Place::File(path) => open(identity, FileConnectionStrategy::new(path)),
        }
    }

    fn stranger(&self, name: &str) -> Result<Vec<u8>> {
        let (identity, private) = read_identity(&self.identity(name)?)?;
        let client = Client::builder()
            .crypto_provider(RustCryptoProvider::new())
            .identity_provider(BasicIdentityProvider)
            .signing_identity(identity, private, SUITE)
            .build();
        key_package(&client)
    }
}

fn open(identity: &[u8], strategy: impl ConnectionStrategy) -> Result<Box<dyn Party>> {
    let (identity, private) = read_identity(identity)?;
    let engine = SqLiteDataStorageEngine::new(strategy)?;
    let counters = Counters::default();
    let rules = DefaultMlsRules::new()
        .with_commit_options(CommitOptions::new().with_path_required(true).with_ratchet_tree_extension(false))
        .with_encryption_options(EncryptionOptions::new(true, Default::default()));
    let client = Client::builder()
        .crypto_provider(RustCryptoProvider::new())
        .identity_provider(BasicIdentityProvider)
        .group_state_storage(Counted { inner: engine.group_state_storage()?, counters: counters.clone() })
        .key_package_repo(Counted { inner: engine.key_package_storage()?, counters: counters.clone() })
        .psk_store(engine.pre_shared_key_storage()?)
        .mls_rules(rules)
        .signing_identity(identity, private, SUITE)
        .build();
    Ok(Box::new(Handle { client, counters }))
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

impl<C: MlsConfig + 'static> Party for Handle<C> {
    fn key_package(&self) -> Result<Vec<u8>> {
        key_package(&self.client)
    }

    fn create(&self, group_id: &[u8]) -> Result<Box<dyn Group>> {
        let group = self.client.create_group_with_id(
            group_id.to_vec(),
            Default::default(),
            Default::default(),
            None,
        )?;
        let mut membership = Membership(group);
        membership.0.write_to_storage()?;
        Ok(Box::new(membership))
    }

    fn join(&self, welcome: &[u8], ratchet_tree: &[u8]) -> Result<Box<dyn Group>> {
        let tree = ExportedTree::from_bytes(ratchet_tree)?;
        let welcome = MlsMessage::from_bytes(welcome)?;
        let (mut group, _) = self.client.join_group(Some(tree), &welcome, None)?;
        group.write_to_storage()?;
        Ok(Box::new(Membership(group)))
    }

    fn load(&self, group_id: &[u8]) -> Result<Box<dyn Group>> {
        Ok(Box::new(Membership(self.client.load_group(group_id)?)))
    }

    fn counts(&self) -> Counts {
        self.counters.counts()
    }
}

impl<C: MlsConfig> Group for Membership<C> {
    fn encrypt(&mut self, data: &[u8]) -> Result<Vec<u8>> {
        let message = self.0.encrypt_application_message(data, Vec::new())?;
        self.0.write_to_storage()?;
        Ok(message.to_bytes()?)
    }

    fn receive(&mut self, message: &[u8]) -> Result<()> {
        match self.0.process_incoming_message(MlsMessage::from_bytes(message)?)? {
            ReceivedMessage::ApplicationMessage(_) | ReceivedMessage::Commit(_) => {
                Ok(self.0.write_to_storage()?)
            }
            _ => Err(Failure::from("neither an application message nor a Commit")),
        }
    }

    fn commit(&mut self, change: Change<'_>) -> Result<Commit> {
        let mut builder = self.0.commit_builder();
        match change {
            Change::None => {}
            Change::Remove(leaf) => builder = builder.remove_member(leaf)?,
            Change::Add(key_packages) => {
                for bytes in key_packages {
                    builder = builder.add_member(MlsMessage::from_bytes(bytes)?)?;
                }
            }
        }
        let output = builder.build()?;
        self.0.write_to_storage()?;
        self.0.apply_pending_commit()?;
        self.0.write_to_storage()?;
        Ok(Commit {
            message: output.commit_message.to_bytes()?,
            welcome: output.welcome_messages.first().map(MlsMessage::to_bytes).transpose()?,
        })
    }

    fn ratchet_tree(&mut self) -> Result<Vec<u8>> {
        Ok(self.0.export_tree().to_bytes()?)
    }

    fn epoch(&self) -> u64 {
        self.0.current_epoch()
    }
}
