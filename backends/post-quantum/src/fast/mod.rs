//! Faster implementations of the same algorithms, in the same shapes: ML-KEM by `libcrux-ml-kem` and AWS-LC, ML-DSA and the Diffie-Hellman
//! groups by AWS-LC. They need a C compiler to build, and run on what AWS-LC runs on.
//!
//! Keys, ciphertexts and signatures are those of the portable implementations: groups, stores and members mix freely.
//!
//! Per key pair, [`provider`] here and [`crate::provider`] agree byte for byte, which the tests check; signatures differ, since AWS-LC
//! hedges them (see [`MlDsa`]).

mod ml_dsa;
mod ml_kem;

pub use ml_dsa::{ML_DSA_44, ML_DSA_65, ML_DSA_87, MlDsa};
pub use ml_kem::{MlKem768, MlKem1024};

use crate::provider::Parts;
use crate::{HybridKem, PostQuantumNumbering, PureKem};
use pleach_aws_lc::{P256, P384, X25519};
use pleach_crypto::{CipherSuite, CryptoProvider};

/// ML-KEM-768.
pub static ML_KEM_768: PureKem<MlKem768> = PureKem::new(MlKem768);
/// ML-KEM-1024.
pub static ML_KEM_1024: PureKem<MlKem1024> = PureKem::new(MlKem1024);
/// MLKEM768-X25519, which is X-Wing, with the `DeriveKeyPair` of HPKE.
pub static X_WING: HybridKem<MlKem768, X25519> = HybridKem::x_wing(MlKem768, X25519);
/// MLKEM768-P256.
pub static MLKEM768_P256: HybridKem<MlKem768, P256> = HybridKem::mlkem768_p256(MlKem768, P256);
/// MLKEM1024-P384.
pub static MLKEM1024_P384: HybridKem<MlKem1024, P384> = HybridKem::mlkem1024_p384(MlKem1024, P384);

/// X-Wing with the `DeriveKeyPair` of its own draft; see [the portable one](crate::X_WING_UNLABELLED) for when to use it.
pub static X_WING_UNLABELLED: HybridKem<MlKem768, X25519> = HybridKem::x_wing_unlabelled(MlKem768, X25519);

static PARTS: Parts = Parts {
    ml_kem_768: &ML_KEM_768,
    ml_kem_1024: &ML_KEM_1024,
    x_wing: &X_WING,
    mlkem768_p256: &MLKEM768_P256,
    mlkem1024_p384: &MLKEM1024_P384,
    ml_dsa_44: &ML_DSA_44,
    ml_dsa_65: &ML_DSA_65,
    ml_dsa_87: &ML_DSA_87,
};

/// As [`crate::provider`], with these implementations.
#[must_use]
pub fn provider(base: CryptoProvider, numbering: &PostQuantumNumbering) -> CryptoProvider {
    PARTS.provider(base, numbering)
}

/// As [`crate::suites`], with these implementations.
#[must_use]
pub fn suites(base: &[CipherSuite], numbering: &PostQuantumNumbering) -> Vec<CipherSuite> {
    PARTS.suites(base, numbering)
}
