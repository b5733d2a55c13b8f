//! A cipher suite is a struct of references; a provider is a list of them (RFC 9420 §5.1, R012).

use crate::{Aead, CipherSuiteId, CryptoError, Hash, Kdf, Kem, SecureRandom, Signature};
use alloc::{borrow::Cow, sync::Arc};

/// The algorithms of one cipher suite. Struct update mixes backends: `CipherSuite { kem: &OTHER, ..BASE }`.
#[derive(Debug, Clone, Copy)]
pub struct CipherSuite {
    /// Its number on the wire.
    pub id: CipherSuiteId,
    /// The hash, and the MAC made of it.
    pub hash: &'static dyn Hash,
    /// The KDF.
    pub kdf: &'static dyn Kdf,
    /// The AEAD.
    pub aead: &'static dyn Aead,
    /// The KEM of HPKE.
    pub kem: &'static dyn Kem,
    /// The signature scheme.
    pub signature: &'static dyn Signature,
}

impl CipherSuite {
    /// `Nh`: the length of the secrets of the key schedule, in bytes.
    #[must_use]
    pub fn secret_len(&self) -> usize {
        self.kdf.extract_len()
    }
}

/// The cipher suites that a client can use, and its randomness.
#[derive(Debug, Clone)]
pub struct CryptoProvider {
    /// The suites, in order of preference.
    pub suites: Cow<'static, [CipherSuite]>,
    /// The randomness.
    pub random: Arc<dyn SecureRandom>,
}

impl CryptoProvider {
    /// The suite with this number.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedCipherSuite`] if the provider does not have it.
    pub fn suite(&self, id: CipherSuiteId) -> Result<&CipherSuite, CryptoError> {
        self.suites.iter().find(|suite| suite.id == id).ok_or(CryptoError::UnsupportedCipherSuite(id))
    }
}
