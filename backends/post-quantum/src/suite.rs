//! The eleven cipher suites of draft-ietf-mls-pq-ciphersuites-06, by name and content. Their numbers are another matter: see
//! [`PostQuantumNumbering`](crate::PostQuantumNumbering).

use pleach_crypto::{AeadId, KdfId, KemId, SignatureScheme, SuiteAlgorithms};
use std::fmt;

/// One of the eleven post-quantum cipher suites of draft-ietf-mls-pq-ciphersuites-06.
///
/// Earlier revisions have suites of the same names with another KDF; they are not these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PostQuantumSuite {
    /// `MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519`.
    Mlkem768X25519Aes128GcmSha256Ed25519,
    /// `MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519`.
    Mlkem768X25519Aes256GcmSha384Ed25519,
    /// `MLS_128_MLKEM768P256_AES128GCM_SHA256_P256`.
    Mlkem768P256Aes128GcmSha256P256,
    /// `MLS_128_MLKEM768P256_AES256GCM_SHA384_P256`.
    Mlkem768P256Aes256GcmSha384P256,
    /// `MLS_192_MLKEM1024P384_AES256GCM_SHA384_P384`.
    Mlkem1024P384Aes256GcmSha384P384,
    /// `MLS_128_MLKEM768_AES256GCM_SHA384_Ed25519`.
    Mlkem768Aes256GcmSha384Ed25519,
    /// `MLS_128_MLKEM768_AES256GCM_SHA384_P256`.
    Mlkem768Aes256GcmSha384P256,
    /// `MLS_192_MLKEM1024_AES256GCM_SHA384_P384`.
    Mlkem1024Aes256GcmSha384P384,
    /// `MLS_128_MLKEM768X25519_CHACHA20POLY1305_SHA384_MLDSA44`.
    Mlkem768X25519Chacha20Poly1305Sha384Mldsa44,
    /// `MLS_192_MLKEM768_AES256GCM_SHA384_MLDSA65`.
    Mlkem768Aes256GcmSha384Mldsa65,
    /// `MLS_256_MLKEM1024_AES256GCM_SHA384_MLDSA87`.
    Mlkem1024Aes256GcmSha384Mldsa87,
}

impl PostQuantumSuite {
    /// All of them, in the order of the draft.
    pub const ALL: [Self; 11] = [
        Self::Mlkem768X25519Aes128GcmSha256Ed25519,
        Self::Mlkem768X25519Aes256GcmSha384Ed25519,
        Self::Mlkem768P256Aes128GcmSha256P256,
        Self::Mlkem768P256Aes256GcmSha384P256,
        Self::Mlkem1024P384Aes256GcmSha384P384,
        Self::Mlkem768Aes256GcmSha384Ed25519,
        Self::Mlkem768Aes256GcmSha384P256,
        Self::Mlkem1024Aes256GcmSha384P384,
        Self::Mlkem768X25519Chacha20Poly1305Sha384Mldsa44,
        Self::Mlkem768Aes256GcmSha384Mldsa65,
        Self::Mlkem1024Aes256GcmSha384Mldsa87,
    ];

    /// The `n` of the draft's placeholder `TBDn`: 1 to 11.
    #[must_use]
    pub const fn draft_id(self) -> u8 {
        self as u8 + 1
    }

    /// The name in the draft.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mlkem768X25519Aes128GcmSha256Ed25519 => "MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519",
            Self::Mlkem768X25519Aes256GcmSha384Ed25519 => "MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519",
            Self::Mlkem768P256Aes128GcmSha256P256 => "MLS_128_MLKEM768P256_AES128GCM_SHA256_P256",
            Self::Mlkem768P256Aes256GcmSha384P256 => "MLS_128_MLKEM768P256_AES256GCM_SHA384_P256",
            Self::Mlkem1024P384Aes256GcmSha384P384 => "MLS_192_MLKEM1024P384_AES256GCM_SHA384_P384",
            Self::Mlkem768Aes256GcmSha384Ed25519 => "MLS_128_MLKEM768_AES256GCM_SHA384_Ed25519",
            Self::Mlkem768Aes256GcmSha384P256 => "MLS_128_MLKEM768_AES256GCM_SHA384_P256",
            Self::Mlkem1024Aes256GcmSha384P384 => "MLS_192_MLKEM1024_AES256GCM_SHA384_P384",
            Self::Mlkem768X25519Chacha20Poly1305Sha384Mldsa44 => {
                "MLS_128_MLKEM768X25519_CHACHA20POLY1305_SHA384_MLDSA44"
            }
            Self::Mlkem768Aes256GcmSha384Mldsa65 => "MLS_192_MLKEM768_AES256GCM_SHA384_MLDSA65",
            Self::Mlkem1024Aes256GcmSha384Mldsa87 => "MLS_256_MLKEM1024_AES256GCM_SHA384_MLDSA87",
        }
    }

    /// What it is made of. The hash is that of the KDF.
    #[must_use]
    pub const fn algorithms(self) -> SuiteAlgorithms {
        let (kem, kdf, aead, signature) = match self {
            Self::Mlkem768X25519Aes128GcmSha256Ed25519 => {
                (KemId::MLKEM768_X25519, KdfId::HKDF_SHA256, AeadId::AES_128_GCM, SignatureScheme::ED25519)
            }
            Self::Mlkem768X25519Aes256GcmSha384Ed25519 => {
                (KemId::MLKEM768_X25519, KdfId::HKDF_SHA384, AeadId::AES_256_GCM, SignatureScheme::ED25519)
            }
            Self::Mlkem768P256Aes128GcmSha256P256 => (
                KemId::MLKEM768_P256,
                KdfId::HKDF_SHA256,
                AeadId::AES_128_GCM,
                SignatureScheme::ECDSA_SECP256R1_SHA256,
            ),
            Self::Mlkem768P256Aes256GcmSha384P256 => (
                KemId::MLKEM768_P256,
                KdfId::HKDF_SHA384,
                AeadId::AES_256_GCM,
                SignatureScheme::ECDSA_SECP256R1_SHA256,
            ),
            Self::Mlkem1024P384Aes256GcmSha384P384 => (
                KemId::MLKEM1024_P384,
                KdfId::HKDF_SHA384,
                AeadId::AES_256_GCM,
                SignatureScheme::ECDSA_SECP384R1_SHA384,
            ),
            Self::Mlkem768Aes256GcmSha384Ed25519 => {
                (KemId::ML_KEM_768, KdfId::HKDF_SHA384, AeadId::AES_256_GCM, SignatureScheme::ED25519)
            }
            Self::Mlkem768Aes256GcmSha384P256 => (
                KemId::ML_KEM_768,
                KdfId::HKDF_SHA384,
                AeadId::AES_256_GCM,
                SignatureScheme::ECDSA_SECP256R1_SHA256,
            ),
            Self::Mlkem1024Aes256GcmSha384P384 => (
                KemId::ML_KEM_1024,
                KdfId::HKDF_SHA384,
                AeadId::AES_256_GCM,
                SignatureScheme::ECDSA_SECP384R1_SHA384,
            ),
            Self::Mlkem768X25519Chacha20Poly1305Sha384Mldsa44 => (
                KemId::MLKEM768_X25519,
                KdfId::HKDF_SHA384,
                AeadId::CHACHA20_POLY1305,
                SignatureScheme::MLDSA44,
            ),
            Self::Mlkem768Aes256GcmSha384Mldsa65 => {
                (KemId::ML_KEM_768, KdfId::HKDF_SHA384, AeadId::AES_256_GCM, SignatureScheme::MLDSA65)
            }
            Self::Mlkem1024Aes256GcmSha384Mldsa87 => {
                (KemId::ML_KEM_1024, KdfId::HKDF_SHA384, AeadId::AES_256_GCM, SignatureScheme::MLDSA87)
            }
        };
        SuiteAlgorithms { kem, kdf, aead, signature }
    }
}

impl fmt::Display for PostQuantumSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
