//! ML-KEM, its hybrids and ML-DSA, and the eleven cipher suites made of them.

mod derive;
#[cfg(feature = "fast")]
pub mod fast;
mod hybrid;
mod ml_dsa;
mod ml_kem;
mod numbering;
pub mod portable;
mod provider;
mod suite;

pub use hybrid::HybridKem;
pub use ml_dsa::{MlDsa, ParameterSet};
pub use ml_kem::{MlKem, PureKem};
pub use numbering::{NumberingError, PostQuantumNumbering};
pub use portable::{
    ML_DSA_44, ML_DSA_65, ML_DSA_87, ML_KEM_768, ML_KEM_1024, MLKEM768_P256, MLKEM1024_P384, X_WING,
    X_WING_UNLABELLED,
};
pub use provider::{Lack, left_out, provider, suites};
pub use suite::PostQuantumSuite;
