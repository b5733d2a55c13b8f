//! A cipher suite is a struct of references; a provider is a list of them (RFC 9420 §5.1, R012).

use crate::{
    Aead, AeadId, CipherSuiteId, CryptoError, Hash, Kdf, KdfId, Kem, KemId, Secret, SecureRandom, Signature,
    SignatureScheme, UnsupportedCipherSuite,
};
use alloc::{borrow::Cow, sync::Arc};
use core::fmt;

/// What a cipher suite number stands for: its algorithms by number. The hash is that of the KDF.
///
/// Numbers that are not registered mean different things to different programs, so this goes into what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SuiteAlgorithms {
    /// The KEM of HPKE.
    pub kem: KemId,
    /// The KDF.
    pub kdf: KdfId,
    /// The AEAD.
    pub aead: AeadId,
    /// The signature scheme.
    pub signature: SignatureScheme,
}

impl SuiteAlgorithms {
    /// The algorithms of a suite of RFC 9420 §17.1; `None` for every other number (R012).
    #[must_use]
    pub const fn registered(id: CipherSuiteId) -> Option<Self> {
        let (kem, kdf, aead, signature) = match id.0 {
            1 => (KemId::DHKEM_X25519, KdfId::HKDF_SHA256, AeadId::AES_128_GCM, SignatureScheme::ED25519),
            2 => (
                KemId::DHKEM_P256,
                KdfId::HKDF_SHA256,
                AeadId::AES_128_GCM,
                SignatureScheme::ECDSA_SECP256R1_SHA256,
            ),
            3 => {
                (KemId::DHKEM_X25519, KdfId::HKDF_SHA256, AeadId::CHACHA20_POLY1305, SignatureScheme::ED25519)
            }
            4 => (KemId::DHKEM_X448, KdfId::HKDF_SHA512, AeadId::AES_256_GCM, SignatureScheme::ED448),
            5 => (
                KemId::DHKEM_P521,
                KdfId::HKDF_SHA512,
                AeadId::AES_256_GCM,
                SignatureScheme::ECDSA_SECP521R1_SHA512,
            ),
            6 => (KemId::DHKEM_X448, KdfId::HKDF_SHA512, AeadId::CHACHA20_POLY1305, SignatureScheme::ED448),
            7 => (
                KemId::DHKEM_P384,
                KdfId::HKDF_SHA384,
                AeadId::AES_256_GCM,
                SignatureScheme::ECDSA_SECP384R1_SHA384,
            ),
            _ => return None,
        };
        Some(Self { kem, kdf, aead, signature })
    }
}

impl fmt::Display for SuiteAlgorithms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kem, kdf, aead, signature } = self;
        write!(f, "{kem}, {kdf}, {aead}, {signature}")
    }
}

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

    /// What its number stands for here.
    #[must_use]
    pub fn algorithms(&self) -> SuiteAlgorithms {
        SuiteAlgorithms {
            kem: self.kem.id(),
            kdf: self.kdf.id(),
            aead: self.aead.id(),
            signature: self.signature.scheme(),
        }
    }

    /// Checks that what is stored under this suite's number was made with its algorithms: that nobody has changed the numbering of
    /// unregistered suites in between.
    ///
    /// # Errors
    /// [`CryptoError::SuiteChanged`].
    pub fn check_stored(&self, stored: SuiteAlgorithms) -> Result<(), CryptoError> {
        let now = self.algorithms();
        if now == stored { Ok(()) } else { Err(CryptoError::SuiteChanged { id: self.id, now, stored }) }
    }

    /// Checks what struct update cannot: that the hash is the KDF's, and that a number of RFC 9420 has the algorithms that
    /// it stands for (R012).
    ///
    /// # Errors
    /// [`CryptoError::InconsistentSuite`].
    pub fn check(&self) -> Result<(), CryptoError> {
        let algorithms = self.algorithms();
        let as_registered =
            SuiteAlgorithms::registered(self.id).is_none_or(|registered| registered == algorithms);
        // HKDF-Extract is HMAC of the salt, which tells one hash from another of the same length as well.
        let is_hkdf = [KdfId::HKDF_SHA256, KdfId::HKDF_SHA384, KdfId::HKDF_SHA512].contains(&algorithms.kdf);
        let one_hash = self.hash.output_len() == self.kdf.extract_len()
            && (!is_hkdf || {
                let mac = self.hash.hmac(&Secret::copy_from(b"salt"), &[b"ikm"]);
                mac.as_bytes() == self.kdf.extract(b"salt", &[b"ikm"]).as_bytes()
            });
        if as_registered && one_hash {
            Ok(())
        } else {
            Err(CryptoError::InconsistentSuite { id: self.id, algorithms })
        }
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
    /// [`UnsupportedCipherSuite`] if the provider does not have it, with those that it has.
    pub fn suite(&self, id: CipherSuiteId) -> Result<&CipherSuite, UnsupportedCipherSuite> {
        self.suites.iter().find(|suite| suite.id == id).ok_or_else(|| UnsupportedCipherSuite {
            wanted: id,
            available: self.suites.iter().map(|suite| suite.id).collect(),
        })
    }
}
