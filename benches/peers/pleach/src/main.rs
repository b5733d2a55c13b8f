//! Pleach at measured work: its SQLite storage, its RustCrypto backend, its defaults.

use peer_harness::{Change, Commit, Counts, Failure, Group, Library, Party, Place, Result};
use pleach::crypto::{Secret, Signer};
use pleach::storage::CountingStorage;
use pleach::wire::{Credential, LeafIndex, encode};
use pleach::{
    AuthDecision, AuthService, CredentialRequest, MemoryStorage, Received, SqliteStorage, TreeDelivery,
    rustcrypto,
};
use std::process::ExitCode;
use std::sync::Arc;

/// Bytes of an Ed25519 private key, which an identity starts with; then comes the name.
const PRIVATE: usize = 32;

fn main() -> ExitCode {
    peer_harness::main(&Pleach)
}

struct Pleach;

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

struct Handle {
    client: pleach::Client,
    /// None if the party is not measured.
    storage: Option<CountingStorage<Arc<SqliteStorage>>>,
}

struct Membership(pleach::Group);

impl Library for Pleach {
    fn name(&self) -> &'static str {
        "pleach"
    }

    fn versions(&self) -> String {
        "pleach (this tree) with pleach-storage-sqlite (journal TRUNCATE, synchronous FULL, secure_delete ON) and \
         pleach-rustcrypto"
            .to_owned()
    }

    fn identity(&self, name: &str) -> Result<Vec<u8>> {
        let keys = rustcrypto::SUITES[0].signature.generate_key_pair(&rustcrypto::SystemRandom)?;
        Ok([keys.private.as_bytes(), name.as_bytes()].concat())
    }

    fn party(&self, identity: &[u8], place: Place<'_>) -> Result<Box<dyn Party>> {
        Ok(Box::new(match place {
            Place::Memory => Handle { client: client(identity, MemoryStorage::new())?, storage: None },
            Place::File(path) => {
                let storage = CountingStorage::new(Arc::new(SqliteStorage::open(path)?));
                Handle { client: client(identity, storage.clone())?, storage: Some(storage) }
            }
        }))
    }

    fn stranger(&self, name: &str) -> Result<Vec<u8>> {
        Ok(client(&self.identity(name)?, MemoryStorage::new())?.key_package()?)
    }
}

fn client(identity: &[u8], storage: impl pleach::storage::Storage + 'static) -> Result<pleach::Client> {
    let (private, name) = identity.split_at_checked(PRIVATE).ok_or("not an identity")?;
    let signer: Box<dyn Signer> = rustcrypto::SUITES[0].signature.load_signer(&Secret::copy_from(private))?;
    Ok(pleach::Client::builder(rustcrypto::provider(), storage).basic(name, signer).auth(Gullible).build()?)
}

impl Party for Handle {
    fn key_package(&self) -> Result<Vec<u8>> {
        Ok(self.client.key_package()?)
    }

    fn create(&self, group_id: &[u8]) -> Result<Box<dyn Group>> {
        Ok(Box::new(Membership(self.client.create_group(group_id)?)))
    }

    fn join(&self, welcome: &[u8], ratchet_tree: &[u8]) -> Result<Box<dyn Group>> {
        Ok(Box::new(Membership(self.client.join_with_tree(welcome, ratchet_tree)?.accept()?)))
    }

    fn load(&self, group_id: &[u8]) -> Result<Box<dyn Group>> {
        Ok(Box::new(Membership(self.client.load(group_id)?)))
    }

    fn counts(&self) -> Counts {
        let counts = self.storage.as_ref().map(CountingStorage::counts).unwrap_or_default();
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

    fn commit(&mut self, change: Change<'_>) -> Result<Commit> {
        let mut builder = self.0.commit().force_path().tree(TreeDelivery::OutOfBand);
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
        self.0.merge(&pending)?;
        Ok(Commit { message: pending.message().to_vec(), welcome: pending.welcome().map(<[u8]>::to_vec) })
    }

    fn ratchet_tree(&mut self) -> Result<Vec<u8>> {
        Ok(self.0.ratchet_tree()?)
    }

    fn epoch(&self) -> u64 {
        self.0.epoch()
    }
}
