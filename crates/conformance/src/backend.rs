//! The crypto backends that vectors can be run on.

use clap::ValueEnum;
use pleach_crypto::CryptoProvider;
use pleach_post_quantum::PostQuantumNumbering;

/// A backend, by the name that it has everywhere in the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// `pleach-rustcrypto`: suites 1 to 7.
    #[value(name = "rustcrypto")]
    RustCrypto,
    /// `pleach-aws-lc`: suites 1, 2, 3, 5 and 7.
    AwsLc,
    /// `pleach-ring`: suites 1, 2, 3 and 7.
    Ring,
    /// `pleach-post-quantum`, portable, over `pleach-rustcrypto`: its eleven suites.
    PostQuantum,
    /// `pleach-post-quantum`, fast, over `pleach-aws-lc`: its eleven suites.
    PostQuantumFast,
}

impl Backend {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::RustCrypto, Self::AwsLc, Self::Ring, Self::PostQuantum, Self::PostQuantumFast];

    /// Its suites and its randomness; post-quantum suites under the numbers that the vectors have, and under ours.
    #[must_use]
    pub fn provider(self) -> CryptoProvider {
        match self {
            Self::RustCrypto => pleach_rustcrypto::provider(),
            Self::AwsLc => pleach_aws_lc::provider(),
            Self::Ring => pleach_ring::provider(),
            Self::PostQuantum => added(pleach_rustcrypto::provider(), pleach_post_quantum::provider),
            Self::PostQuantumFast => added(pleach_aws_lc::provider(), pleach_post_quantum::fast::provider),
        }
    }
}

/// The suites of all portable backends together: those of RFC 9420, and the post-quantum ones under the numbers that the
/// vectors have, and under ours.
#[must_use]
pub fn every_suite() -> CryptoProvider {
    numbered(pleach_rustcrypto::provider(), pleach_post_quantum::provider)
}

type Add = fn(CryptoProvider, &PostQuantumNumbering) -> CryptoProvider;

/// A provider with the post-quantum suites under both numberings, which have no number in common.
fn numbered(base: CryptoProvider, add: Add) -> CryptoProvider {
    [PostQuantumNumbering::MLSPP, PostQuantumNumbering::PLEACH].iter().fold(base, add)
}

/// As [`numbered`], without the suites that were there before.
fn added(base: CryptoProvider, add: Add) -> CryptoProvider {
    let before: Vec<_> = base.suites.iter().map(|suite| suite.id).collect();
    let mut provider = numbered(base, add);
    provider.suites.to_mut().retain(|suite| !before.contains(&suite.id));
    provider
}
