//! Golden stores: files that every later version must open (docs/storage-format.md).
//!
//! A store in a rich state is made by [`scene`], with randomness that repeats; [`files`] writes it as each engine keeps it,
//! and as a [`Golden`] in JSON, which is the same for any engine. Files of a format that was released are never made anew: a
//! change of the format adds a directory beside them.
//!
//! Invariants: equal seeds give equal rows; files of engines differ where these draw randomness of their own.
//!
//! Not here: what a version must make of them, which is `tests/golden.rs`.

pub mod files;
pub mod scene;

use crate::TrustEveryone;
use crate::random::SeededRandom;
use pleach::crypto::{CipherSuiteId, CryptoProvider, Secret, Serial};
use pleach::storage::{KeyBuf, KeyRange, Storage, VecBatch};
use pleach::{Client, ClientBuilder, ManualClock, SigningIdentity};
use pleach_post_quantum::PostQuantumNumbering;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// What goes wrong is for a reader, not for a program.
pub type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Ed25519, in suite 1 and in the post-quantum one.
pub const CLASSICAL: CipherSuiteId = CipherSuiteId::X25519_AES128GCM_SHA256_ED25519;
/// ECDSA over P-256.
pub const OTHER: CipherSuiteId = CipherSuiteId::P256_AES128GCM_SHA256_P256;
/// MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519, under this project's number.
pub const POST_QUANTUM: CipherSuiteId = CipherSuiteId(0xF0A1);

/// The key of the encrypted store.
pub const STORE_KEY: [u8; 32] = [0x2a; 32];

/// A signature key of a client.
#[derive(Debug, Clone)]
pub struct SignerKey {
    /// Whose: its id, and the name in its basic credential.
    pub client: String,
    /// The suite whose scheme it is of.
    pub suite: CipherSuiteId,
    /// The private key.
    pub private: Secret,
}

/// A store, and what its clients need beside it.
#[derive(Debug, Clone, Default)]
pub struct Golden {
    /// What the clients take for the time.
    pub now: u64,
    /// The clients' signature keys, which are not in the store.
    pub signers: Vec<SignerKey>,
    /// Messages that were sent and have not arrived.
    pub messages: BTreeMap<String, Vec<u8>>,
    /// Encoded keys and values, as an engine is given them: with the checksum of `Checked`.
    pub rows: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Golden {
    /// A client over a store with these rows.
    ///
    /// # Errors
    /// Those of the provider.
    pub fn builder(&self, name: &str, storage: impl Storage + 'static) -> Outcome<ClientBuilder> {
        builder(&provider(7), &self.signers, name, storage, Arc::new(ManualClock::new(self.now)))
    }

    /// [`Golden::builder`], built.
    ///
    /// # Errors
    /// Those of provider and store.
    pub fn client(&self, name: &str, storage: impl Storage + 'static) -> Outcome<Client> {
        Ok(self.builder(name, storage)?.build()?)
    }

    /// A message that has not arrived.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn message(&self, name: &str) -> Outcome<&[u8]> {
        Ok(self.messages.get(name).ok_or_else(|| format!("no message {name}"))?)
    }

    /// Puts the rows into a store.
    ///
    /// # Errors
    /// Those of the store.
    pub fn fill(&self, storage: &dyn Storage) -> Outcome<()> {
        let mut batch = VecBatch::new();
        for (key, value) in &self.rows {
            batch.put(KeyBuf::decode(key)?, value.clone());
        }
        Ok(storage.apply(&mut batch)?)
    }

    /// Takes the rows of a store.
    ///
    /// # Errors
    /// Those of the store.
    pub fn take(&mut self, storage: &dyn Storage) -> Outcome<()> {
        self.rows.clear();
        storage.scan(&KeyRange::everything(), &mut |row| {
            self.rows.push((row.key.to_bytes(), row.value.to_vec()));
            Ok(())
        })?;
        Ok(())
    }

    /// As JSON, with a name for each row's kind that nobody reads but people.
    ///
    /// # Errors
    /// If a key is none.
    pub fn to_json(&self) -> Outcome<Json> {
        let signers = self.signers.iter().map(|SignerKey { client, suite, private }| {
            json!({ "client": client, "suite": suite.0, "private": hex::encode(private.as_bytes()) })
        });
        let signers: Vec<_> = signers.collect();
        let messages: BTreeMap<_, _> =
            self.messages.iter().map(|(name, message)| (name, hex::encode(message))).collect();
        let mut rows = Vec::new();
        for (key, value) in &self.rows {
            let kind = KeyBuf::decode(key)?.record().name();
            rows.push(json!({ "kind": kind, "key": hex::encode(key), "value": hex::encode(value) }));
        }
        Ok(json!({ "now": self.now, "signers": signers, "messages": messages, "rows": rows }))
    }

    /// Reads what [`Golden::to_json`] gave.
    ///
    /// # Errors
    /// If it is something else.
    pub fn from_json(json: &Json) -> Outcome<Self> {
        let list = |name: &str| json[name].as_array().ok_or_else(|| format!("{name} is no list"));
        let signers = list("signers")?.iter().map(|signer| {
            Ok(SignerKey {
                client: signer["client"].as_str().ok_or("no name")?.to_owned(),
                suite: CipherSuiteId(signer["suite"].as_u64().ok_or("no suite")?.try_into()?),
                private: Secret::copy_from(&bytes(&signer["private"])?),
            })
        });
        let messages = json["messages"].as_object().ok_or("no messages")?;
        Ok(Self {
            now: json["now"].as_u64().ok_or("no time")?,
            signers: signers.collect::<Outcome<_>>()?,
            messages: messages
                .iter()
                .map(|(name, message)| Ok((name.clone(), bytes(message)?)))
                .collect::<Outcome<_>>()?,
            rows: list("rows")?
                .iter()
                .map(|row| Ok((bytes(&row["key"])?, bytes(&row["value"])?)))
                .collect::<Outcome<_>>()?,
        })
    }

    /// Reads the dump in a directory of golden stores.
    ///
    /// # Errors
    /// If there is none.
    pub fn read(directory: &Path) -> Outcome<Self> {
        let text = std::fs::read(directory.join(files::DUMP))?;
        Self::from_json(&serde_json::from_slice(&text)?)
    }
}

fn bytes(json: &Json) -> Outcome<Vec<u8>> {
    Ok(hex::decode(json.as_str().ok_or("not a string")?).map_err(|error| error.to_string())?)
}

/// The three suites of the scene, with randomness that repeats.
#[must_use]
pub fn provider(seed: u64) -> CryptoProvider {
    let all =
        pleach_post_quantum::provider(pleach_rustcrypto::provider(), &PostQuantumNumbering::PLEACH).suites;
    let suites: Vec<_> =
        all.iter().filter(|suite| [CLASSICAL, OTHER, POST_QUANTUM].contains(&suite.id)).copied().collect();
    CryptoProvider { suites: suites.into(), random: Arc::new(SeededRandom::new(seed)) }
}

fn builder(
    provider: &CryptoProvider,
    signers: &[SignerKey],
    name: &str,
    storage: impl Storage + 'static,
    clock: Arc<ManualClock>,
) -> Outcome<ClientBuilder> {
    let mut builder = Client::builder(provider.clone(), storage)
        .id(name)
        .suite(CLASSICAL)
        .auth(TrustEveryone)
        .clock(clock)
        .executor(Serial);
    for SignerKey { suite, private, .. } in signers.iter().filter(|signer| signer.client == name) {
        let suite = provider.suite(*suite).map_err(|error| error.to_string())?;
        let signer = suite.signature.load_signer(private)?;
        builder = builder.signing_identity(SigningIdentity::basic(name, signer));
    }
    Ok(builder)
}
