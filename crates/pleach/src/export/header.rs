//! The beginning of a file, in the clear: how the key is derived from the passphrase, and what seals the rest.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `pleachEX` |
//! | 1 | format: 1 |
//! | 1 | derivation: 1, Argon2id, version 0x13 |
//! | 4 | memory in KiB |
//! | 4 | passes |
//! | 4 | lanes |
//! | 32 | salt |
//! | 2 | AEAD, by its HPKE number (RFC 9180 §7.3) |
//!
//! All of it is the associated data of every chunk, so that none of it can be altered.

use super::ExportError;
use argon2::{Algorithm, Argon2, Params, Version};
use pleach_crypto::{Aead, AeadId, CryptoProvider, Secret};
use zeroize::Zeroizing;

const MAGIC: [u8; 8] = *b"pleachEX";
const FORMAT: u8 = 1;
const ARGON2ID: u8 = 1;
const SALT: usize = 32;
/// The least length of a random key.
const RANDOM_KEY: usize = 32;

/// The length of the header.
pub(super) const LENGTH: usize = 8 + 1 + 1 + 12 + SALT + 2;

/// What deriving a key from a passphrase costs: Argon2id (RFC 9106).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassphraseCost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes: how parallel an attacker can be, too.
    pub lanes: u32,
}

impl PassphraseCost {
    /// So much memory, in KiB, so many passes and lanes.
    #[must_use]
    pub const fn new(memory_kib: u32, passes: u32, lanes: u32) -> Self {
        Self { memory_kib, passes, lanes }
    }

    /// The least that a passphrase is sealed by: 7 MiB, and five passes over as much, or as many fewer over more. Anything less
    /// would let an attacker try passphrases too fast.
    pub const FLOOR: Self = Self::new(7 << 10, 5, 1);

    fn is_within(&self, limit: &Self) -> bool {
        self.memory_kib <= limit.memory_kib && self.lanes <= limit.lanes && self.work() <= limit.work()
    }

    /// KiB that are written.
    const fn work(&self) -> u64 {
        self.memory_kib as u64 * self.passes as u64
    }

    const fn is_enough(&self) -> bool {
        self.memory_kib >= Self::FLOOR.memory_kib && self.work() >= Self::FLOOR.work()
    }
}

impl Default for PassphraseCost {
    /// 64 MiB, three passes, four lanes: the second recommendation of RFC 9106 §4.
    fn default() -> Self {
        Self::new(1 << 16, 3, 4)
    }
}

/// How an export is sealed.
#[derive(Debug, Clone, Copy)]
pub struct Sealing<'a> {
    pub(super) provider: &'a CryptoProvider,
    passphrase: &'a Secret,
    cost: PassphraseCost,
    /// The passphrase is a random key.
    random: bool,
    aead: Option<AeadId>,
}

impl<'a> Sealing<'a> {
    /// Under a passphrase, which must not be empty, by the provider's AEAD with the longest key.
    #[must_use]
    pub fn new(provider: &'a CryptoProvider, passphrase: &'a Secret) -> Self {
        Self { provider, passphrase, cost: PassphraseCost::default(), random: false, aead: None }
    }

    /// Under a key of at least 32 random bytes, which nobody can guess: deriving from it costs next to nothing. It is opened as
    /// a passphrase is. Never for what a human chose.
    #[must_use]
    pub fn by_random_key(provider: &'a CryptoProvider, key: &'a Secret) -> Self {
        Self { cost: PassphraseCost::new(8, 1, 1), random: true, ..Self::new(provider, key) }
    }

    /// What deriving the key costs: at least [`PassphraseCost::FLOOR`], unless the key is random.
    #[must_use]
    pub const fn cost(mut self, cost: PassphraseCost) -> Self {
        self.cost = cost;
        self
    }

    /// By this AEAD, which a suite of the provider must have.
    #[must_use]
    pub const fn aead(mut self, aead: AeadId) -> Self {
        self.aead = Some(aead);
        self
    }

    /// A fresh header, and the key.
    pub(super) fn begin(&self) -> Result<(Header, Sealed), ExportError> {
        if self.passphrase.as_bytes().len() < if self.random { RANDOM_KEY } else { 1 } {
            return Err(ExportError::TooShort);
        }
        if !self.random && !self.cost.is_enough() {
            return Err(ExportError::Cost);
        }
        let aead = match self.aead {
            Some(id) => find(self.provider, id)?,
            None => {
                let all = self.provider.suites.iter().map(|suite| suite.aead);
                all.max_by_key(|aead| aead.key_len()).ok_or(ExportError::Aead(AeadId(0)))?
            }
        };
        let mut salt = [0; SALT];
        self.provider.random.fill(&mut salt)?;
        let header = Header { cost: self.cost, salt, aead: aead.id() };
        let key = header.derive(self.passphrase, aead)?;
        Ok((header, key))
    }
}

/// Which exports are taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Accept<'a> {
    /// Any.
    #[default]
    Any,
    /// Whole stores.
    Store,
    /// Groups of this client.
    GroupOf(&'a [u8]),
}

/// How an export is opened.
#[derive(Debug, Clone, Copy)]
pub struct Opening<'a> {
    pub(super) provider: &'a CryptoProvider,
    passphrase: &'a Secret,
    limits: PassphraseCost,
    pub(super) accept: Accept<'a>,
}

impl<'a> Opening<'a> {
    /// Under a passphrase.
    #[must_use]
    pub const fn new(provider: &'a CryptoProvider, passphrase: &'a Secret) -> Self {
        Self { provider, passphrase, limits: PassphraseCost::new(1 << 20, 8, 16), accept: Accept::Any }
    }

    /// The most that a file may ask for: memory, lanes, and the product of memory and passes. Default: 1 GiB, 16 lanes, 8 passes
    /// over as much.
    #[must_use]
    pub const fn limits(mut self, limits: PassphraseCost) -> Self {
        self.limits = limits;
        self
    }

    /// Takes these exports only.
    #[must_use]
    pub const fn accept(mut self, accept: Accept<'a>) -> Self {
        self.accept = accept;
        self
    }

    /// The key of a file with this header.
    pub(super) fn key(&self, header: &Header) -> Result<Sealed, ExportError> {
        if !header.cost.is_within(&self.limits) {
            return Err(ExportError::Cost);
        }
        header.derive(self.passphrase, find(self.provider, header.aead)?)
    }
}

/// A key with what uses it.
pub(super) struct Sealed {
    pub(super) aead: &'static dyn Aead,
    pub(super) key: Secret,
}

/// The beginning of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    cost: PassphraseCost,
    salt: [u8; SALT],
    aead: AeadId,
}

impl Header {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let PassphraseCost { memory_kib, passes, lanes } = self.cost;
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&[FORMAT, ARGON2ID]);
        for number in [memory_kib, passes, lanes] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(&self.salt);
        bytes.extend_from_slice(&self.aead.0.to_be_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, ExportError> {
        let rest = bytes.strip_prefix(&MAGIC).ok_or(ExportError::NotAnExport)?;
        let (&[format, derivation], rest) = rest.split_first_chunk::<2>().ok_or(ExportError::NotAnExport)?;
        if format != FORMAT || derivation != ARGON2ID {
            return Err(ExportError::NewerFormat { found: format, known: FORMAT });
        }
        let (numbers, rest) = rest.split_first_chunk::<12>().ok_or(ExportError::NotAnExport)?;
        let (numbers, _) = numbers.as_chunks::<4>();
        let (salt, rest) = rest.split_first_chunk::<SALT>().ok_or(ExportError::NotAnExport)?;
        let aead: [u8; 2] = rest.try_into().map_err(|_| ExportError::NotAnExport)?;
        let [memory_kib, passes, lanes] = numbers else { return Err(ExportError::NotAnExport) };
        Ok(Self {
            cost: PassphraseCost {
                memory_kib: u32::from_be_bytes(*memory_kib),
                passes: u32::from_be_bytes(*passes),
                lanes: u32::from_be_bytes(*lanes),
            },
            salt: *salt,
            aead: AeadId(u16::from_be_bytes(aead)),
        })
    }

    fn derive(&self, passphrase: &Secret, aead: &'static dyn Aead) -> Result<Sealed, ExportError> {
        let PassphraseCost { memory_kib, passes, lanes } = self.cost;
        let params =
            Params::new(memory_kib, passes, lanes, Some(aead.key_len())).map_err(|_| ExportError::Cost)?;
        let mut key = Zeroizing::new(vec![0; aead.key_len()]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), &self.salt, &mut key)
            .map_err(|_| ExportError::Cost)?;
        Ok(Sealed { aead, key: Secret::copy_from(&key) })
    }
}

fn find(provider: &CryptoProvider, id: AeadId) -> Result<&'static dyn Aead, ExportError> {
    let mut all = provider.suites.iter().map(|suite| suite.aead);
    all.find(|aead| aead.id() == id).ok_or(ExportError::Aead(id))
}
