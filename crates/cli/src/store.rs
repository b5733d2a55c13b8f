//! The identity's SQLite file: who it is, its signature keys, and the library's rows.
//!
//! The library never stores signature keys; they are this command's, in rows of its own beside the library's:
//!
//! | row | suffix | value |
//! |---|---|---|
//! | Application, of the whole store | `pleach-cli` | version, format 2, default suite, numbering after its length, name |
//! | SignerReference, of the client | scheme, public key | version, format, whether it is for new leaves, private key |
//!
//! An identity has a key for each signature scheme of the build, so that a group can move to any suite, and every choice of
//! backends finds its keys; a call sees those whose scheme its backends have. After a rotation the old key stays, for groups
//! that still know it. The numbering of post-quantum suites is fixed when the store is made.

use pleach::crypto::{CipherSuite, CipherSuiteId, CryptoProvider, Secret, Signer};
use pleach::storage::{Checked, Key, KeyRange, RecordKind, Scope, Storage, StorageError, Value, VecBatch};
use pleach::wire::Credential;
use pleach::{SigningIdentity, SqliteOptions, SqliteStorage};
use std::path::Path;
use std::sync::Arc;

use crate::backends::{Asked, Choice, Numbering};
use crate::exit::{Exit, Failure};

/// In front of every key: the row's version, and the format of what follows.
const HEADER: [u8; 9] = [0, 0, 0, 0, 0, 0, 0, 0, 1];

/// In front of the identity. Format 1 had no numbering, and keys for fewer schemes.
const IDENTITY_HEADER: [u8; 9] = [0, 0, 0, 0, 0, 0, 0, 0, IDENTITY_FORMAT];
const IDENTITY_FORMAT: u8 = 2;

/// An open store and who it belongs to.
#[derive(Debug)]
pub(crate) struct Store {
    /// The library puts a checksum behind every value, and so do the rows here.
    pub(crate) storage: Checked<Arc<SqliteStorage>>,
    pub(crate) name: Vec<u8>,
    pub(crate) suite: CipherSuiteId,
    pub(crate) choice: Choice,
    pub(crate) provider: CryptoProvider,
}

/// A signature key in the store.
#[derive(Debug)]
pub(crate) struct StoredKey {
    pub(crate) signer: Arc<dyn Signer>,
    /// Whether new key packages and groups use it.
    preferred: bool,
    private: Secret,
}

const IDENTITY: Key<'static> = Key::of_client(b"", RecordKind::Application, b"pleach-cli");

impl Store {
    /// Makes the store of a new identity, with fresh signature keys.
    pub(crate) fn create(
        path: &Path,
        name: &[u8],
        suite: CipherSuiteId,
        asked: &Asked,
    ) -> Result<Self, Failure> {
        let choice = asked.choose(asked.numbering.unwrap_or_default());
        let provider = choice.provider();
        provider.suite(suite)?;
        let exists = || {
            Failure::new(Exit::Store, "store", format!("{}: there is an identity already", path.display()))
        };
        let storage =
            Checked::new(Arc::new(SqliteStorage::open(path).map_err(|error| open_failure(path, error))?));
        if storage.get(&IDENTITY)?.is_some() {
            return Err(exists());
        }
        let everything = choice.everything().provider();
        let numbering = choice.numbering.name();
        let store = Self { storage, name: name.to_vec(), suite, choice, provider };
        let mut batch = VecBatch::new();
        batch.guard_absent(IDENTITY);
        let length = [numbering.len() as u8];
        let row = [&IDENTITY_HEADER[..], &suite.0.to_be_bytes(), &length, numbering.as_bytes(), name];
        batch.put(IDENTITY, row.concat());
        let mut schemes = Vec::new();
        for suite in everything.suites.iter() {
            let scheme = suite.signature.scheme();
            if !schemes.contains(&scheme) {
                schemes.push(scheme);
                store.put_key(&store.generate(suite, true)?, &mut batch);
            }
        }
        store.storage.apply(&mut batch).map_err(|error| match error {
            StorageError::Conflict { .. } => exists(),
            other => other.into(),
        })?;
        Ok(store)
    }

    /// Opens the store of an identity.
    pub(crate) fn open(path: &Path, asked: &Asked) -> Result<Self, Failure> {
        let missing = || {
            let message = format!("{}: no identity here; `pleach init` makes one", path.display());
            Failure::new(Exit::Store, "store-missing", message)
        };
        // SQLite takes an empty file for an empty database, and would make it a store.
        if !path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() > 0) {
            return Err(missing());
        }
        let options = SqliteOptions::new().create(false);
        let storage = SqliteStorage::open_with(path, &options).map_err(|error| open_failure(path, error))?;
        let storage = Checked::new(Arc::new(storage));
        let row = storage.get(&IDENTITY)?.ok_or_else(missing)?;
        if let Some(other) = format(&row).filter(|format| *format != IDENTITY_FORMAT) {
            let age = if other < IDENTITY_FORMAT { "an earlier" } else { "a later" };
            return Err(Failure::new(
                Exit::Store,
                "store-format",
                format!(
                    "{}: a store of {age} build of pleach (format {other}), which this one cannot read",
                    path.display()
                ),
            ));
        }
        let Some(Identity { suite, numbering, name }) = Identity::read(&row) else {
            return Err(StorageError::corrupt(RecordKind::Application, "the identity cannot be read").into());
        };
        if let Some(other) = asked.numbering.filter(|asked| *asked != numbering) {
            let (path, own, other) = (path.display(), numbering.name(), other.name());
            return Err(Failure::new(
                Exit::Usage,
                "numbering",
                format!(
                    "{path} was made with the numbering {own}, which cannot become {other}: leave it out, or `init` another"
                ),
            ));
        }
        let choice = asked.choose(numbering);
        let provider = choice.provider();
        Ok(Self { storage, name: name.to_vec(), suite, choice, provider })
    }

    pub(crate) fn credential(&self) -> Credential {
        Credential::basic(&self.name)
    }

    /// All signature keys whose scheme the backends have, those for new leaves first.
    pub(crate) fn keys(&self) -> Result<Vec<StoredKey>, Failure> {
        let mut rows: Vec<(Vec<u8>, Value)> = Vec::new();
        let range = KeyRange::records(&self.name, Scope::Client, RecordKind::SignerReference);
        self.storage.scan(&range, &mut |row| {
            rows.push((row.key.suffix.to_vec(), Value::from(row.value.to_vec())));
            Ok(())
        })?;
        let mut keys = rows
            .iter()
            .filter_map(|(suffix, value)| self.read_key(suffix, value).transpose())
            .collect::<Result<Vec<_>, _>>()?;
        keys.sort_by_key(|key| !key.preferred);
        Ok(keys)
    }

    /// A fresh key of a suite's scheme, stored before it is used; it is not for new leaves until [`Store::prefer`].
    pub(crate) fn add_key(&self, suite: CipherSuiteId) -> Result<SigningIdentity, Failure> {
        let key = self.generate(self.provider.suite(suite)?, false)?;
        let mut batch = VecBatch::new();
        self.put_key(&key, &mut batch);
        self.storage.apply(&mut batch)?;
        Ok(SigningIdentity::new(self.credential(), key.signer))
    }

    /// Uses the key with this public key for new leaves from now on.
    pub(crate) fn prefer(&self, public: &[u8]) -> Result<(), Failure> {
        let mut keys = self.keys()?;
        let chosen = keys.iter().find(|key| key.signer.public() == public);
        let Some(scheme) = chosen.filter(|key| !key.preferred).map(|key| key.signer.scheme()) else {
            return Ok(());
        };
        let mut batch = VecBatch::new();
        for key in keys.iter_mut().filter(|key| key.signer.scheme() == scheme) {
            key.preferred = key.signer.public() == public;
            self.put_key(key, &mut batch);
        }
        Ok(self.storage.apply(&mut batch)?)
    }

    /// Forgets a key that no leaf has.
    pub(crate) fn remove_key(&self, signer: &dyn Signer) -> Result<(), Failure> {
        let mut batch = VecBatch::new();
        batch.erase(Key::of_client(&self.name, RecordKind::SignerReference, &suffix(signer)));
        Ok(self.storage.apply(&mut batch)?)
    }

    fn generate(&self, suite: &CipherSuite, preferred: bool) -> Result<StoredKey, Failure> {
        let pair = suite.signature.generate_key_pair(&*self.provider.random)?;
        let signer = suite.signature.load_signer(&pair.private)?.into();
        Ok(StoredKey { signer, preferred, private: pair.private })
    }

    fn put_key(&self, key: &StoredKey, batch: &mut VecBatch) {
        let mut value = Value::from(Vec::with_capacity(HEADER.len() + 1 + key.private.len()));
        value.extend_from_slice(&HEADER);
        value.push(key.preferred.into());
        value.extend_from_slice(key.private.as_bytes());
        batch.put(Key::of_client(&self.name, RecordKind::SignerReference, &suffix(&*key.signer)), value);
    }

    /// None: no backend in use has the scheme.
    fn read_key(&self, suffix: &[u8], value: &[u8]) -> Result<Option<StoredKey>, Failure> {
        let corrupt = || StorageError::corrupt(RecordKind::SignerReference, "a signature key cannot be read");
        let (preferred, private) =
            value.strip_prefix(&HEADER[..]).and_then(<[u8]>::split_first).ok_or_else(corrupt)?;
        let scheme = suffix.get(..2).ok_or_else(corrupt)?;
        let of_scheme = |suite: &&CipherSuite| suite.signature.scheme().0.to_be_bytes() == *scheme;
        let Some(suite) = self.provider.suites.iter().find(of_scheme) else { return Ok(None) };
        let private = Secret::copy_from(private);
        let signer = suite.signature.load_signer(&private).map_err(|_| corrupt())?;
        Ok(Some(StoredKey { signer: signer.into(), preferred: *preferred != 0, private }))
    }
}

/// The row that says whose store this is.
struct Identity<'a> {
    suite: CipherSuiteId,
    numbering: Numbering,
    name: &'a [u8],
}

/// The format of the identity's row.
fn format(row: &[u8]) -> Option<u8> {
    row.strip_prefix(&[0; 8]).and_then(<[u8]>::first).copied()
}

impl<'a> Identity<'a> {
    fn read(row: &'a [u8]) -> Option<Self> {
        let rest = row.strip_prefix(&IDENTITY_HEADER[..])?;
        let (suite, rest) = rest.split_first_chunk::<2>()?;
        let (length, rest) = rest.split_first()?;
        let (numbering, name) = rest.split_at_checked(usize::from(*length))?;
        let numbering = Numbering::ALL.into_iter().find(|known| known.name().as_bytes() == numbering)?;
        Some(Self { suite: CipherSuiteId(u16::from_be_bytes(*suite)), numbering, name })
    }
}

fn suffix(signer: &dyn Signer) -> Vec<u8> {
    [&signer.scheme().0.to_be_bytes()[..], signer.public()].concat()
}

fn open_failure(path: &Path, error: StorageError) -> Failure {
    Failure::from(error).about(path.display())
}
