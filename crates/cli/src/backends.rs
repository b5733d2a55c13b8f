//! The backends of this build, which of them a call uses, and how post-quantum suites are numbered.
//!
//! A backend is a name and a list of suites. What a call uses is a merge: each suite comes from the first backend of the
//! choice that has it. Without a choice that is AWS-LC, then rustcrypto for the suites that AWS-LC lacks, then the faster
//! post-quantum suites: all suites of the build, each as fast as it can be. Backends give equal results, so the choice is not
//! stored; the numbering gives numbers their meaning, so it is.
//!
//! Invariant: the numberings that are known here share no number, so that a number alone says which suite it is.

use clap::ValueEnum;
use pleach::crypto::{
    CipherSuite, CipherSuiteId, CryptoProvider, KemId, SignatureScheme, SuiteAlgorithms,
    UnsupportedCipherSuite,
};
use pleach::post_quantum::{self, PostQuantumNumbering, PostQuantumSuite};
use pleach::{aws_lc, ring, rustcrypto};
use std::borrow::Cow;

use crate::args::Global;
use crate::exit::Failure;
use crate::text;

/// An implementation of cipher suites, by the name that the matrix and the benchmark also use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    /// Suites 1, 2, 3, 5 and 7 on AWS-LC
    AwsLc,
    /// Suites 1 to 7 in pure Rust
    Rustcrypto,
    /// Suites 1, 2, 3 and 7 on ring
    Ring,
    /// The post-quantum suites, on libcrux and AWS-LC
    PostQuantumFast,
    /// The post-quantum suites in pure Rust
    PostQuantum,
}

impl Backend {
    /// All, in the order in which one would choose.
    pub(crate) const ALL: [Self; 5] =
        [Self::AwsLc, Self::Rustcrypto, Self::Ring, Self::PostQuantumFast, Self::PostQuantum];

    /// What is used if nothing is said: every suite of the build, by its fastest backend.
    const DEFAULT: [Self; 3] = [Self::AwsLc, Self::Rustcrypto, Self::PostQuantumFast];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AwsLc => "aws-lc",
            Self::Rustcrypto => "rustcrypto",
            Self::Ring => "ring",
            Self::PostQuantumFast => "post-quantum-fast",
            Self::PostQuantum => "post-quantum",
        }
    }

    /// What it is, in a few words.
    pub(crate) const fn about(self) -> &'static str {
        match self {
            Self::AwsLc => "AWS-LC, a C library with assembly: the fastest; needs a C compiler to build",
            Self::Rustcrypto => "pure Rust: builds everywhere, and the only one with X448 and Ed448",
            Self::Ring => "ring, C and assembly, with Diffie-Hellman groups borrowed from rustcrypto",
            Self::PostQuantumFast => "post-quantum parts by libcrux and AWS-LC, the classical ones by aws-lc",
            Self::PostQuantum => "post-quantum parts in pure Rust, the classical ones by rustcrypto",
        }
    }

    /// Its suites, and its randomness. Of a post-quantum backend these are the post-quantum suites alone.
    pub(crate) fn provider(self, numbering: Numbering) -> CryptoProvider {
        let table = numbering.table();
        let only =
            |base: CryptoProvider, suites: fn(&[CipherSuite], &PostQuantumNumbering) -> Vec<CipherSuite>| {
                CryptoProvider { suites: Cow::Owned(suites(&base.suites, &table)), random: base.random }
            };
        match self {
            Self::AwsLc => aws_lc::provider(),
            Self::Rustcrypto => rustcrypto::provider(),
            Self::Ring => ring::provider(),
            Self::PostQuantumFast => only(aws_lc::provider(), post_quantum::fast::suites),
            Self::PostQuantum => only(rustcrypto::provider(), post_quantum::suites),
        }
    }

    pub(crate) fn has(self, suite: CipherSuiteId, numbering: Numbering) -> bool {
        self.provider(numbering).suites.iter().any(|own| own.id == suite)
    }
}

/// Whose numbers the post-quantum suites have; none is registered yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Numbering {
    /// 0xf0a1 to 0xf0ab, of the range for private use
    #[default]
    Pleach,
    /// Those of OpenMLS
    Openmls,
    /// Those of mlspp: 0x0008 to 0x000a, three suites
    Mlspp,
}

impl Numbering {
    pub(crate) const ALL: [Self; 3] = [Self::Pleach, Self::Openmls, Self::Mlspp];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pleach => "pleach",
            Self::Openmls => "openmls",
            Self::Mlspp => "mlspp",
        }
    }

    fn table(self) -> PostQuantumNumbering {
        match self {
            Self::Pleach => PostQuantumNumbering::PLEACH,
            Self::Openmls => PostQuantumNumbering::OPENMLS,
            Self::Mlspp => PostQuantumNumbering::MLSPP,
        }
    }
}

/// What the command line and the environment ask for.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// None: the default.
    pub(crate) backends: Vec<Backend>,
    /// None: that of the store, or the default.
    pub(crate) numbering: Option<Numbering>,
}

impl Asked {
    /// The options, otherwise PLEACH_CRYPTO and PLEACH_NUMBERING.
    pub(crate) fn read(global: &Global) -> Result<Self, Failure> {
        let mut backends = global.crypto.clone();
        if backends.is_empty()
            && let Some(list) = variable("PLEACH_CRYPTO")?
        {
            backends = list.split(',').map(|name| value("PLEACH_CRYPTO", name)).collect::<Result<_, _>>()?;
        }
        let mut numbering = global.numbering;
        if numbering.is_none()
            && let Some(name) = variable("PLEACH_NUMBERING")?
        {
            numbering = Some(value("PLEACH_NUMBERING", &name)?);
        }
        Ok(Self { backends, numbering })
    }

    /// With the numbering of a store.
    pub(crate) fn choose(&self, stored: Numbering) -> Choice {
        let backends =
            if self.backends.is_empty() { Backend::DEFAULT.to_vec() } else { self.backends.clone() };
        Choice { backends, numbering: stored }
    }

    /// For what compares backends, and uses no store: every backend of the build, unless some are named.
    pub(crate) fn compare(self) -> Choice {
        let backends = if self.backends.is_empty() { Backend::ALL.to_vec() } else { self.backends };
        Choice { backends, numbering: self.numbering.unwrap_or_default() }
    }
}

/// An environment variable that is not empty.
fn variable(name: &str) -> Result<Option<String>, Failure> {
    match std::env::var(name) {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => Ok(Some(text)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(Failure::usage(format!("{name}: {error}"))),
    }
}

fn value<T: ValueEnum>(variable: &str, name: &str) -> Result<T, Failure> {
    T::from_str(name.trim(), true).map_err(|_| {
        let names: Vec<String> = T::value_variants()
            .iter()
            .filter_map(ValueEnum::to_possible_value)
            .map(|value| value.get_name().to_owned())
            .collect();
        Failure::usage(format!("{variable}: there is no {name:?}; there are {}", text::list(&names)))
    })
}

/// The backends that a call uses, the preferred first, and what the numbers mean to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) backends: Vec<Backend>,
    pub(crate) numbering: Numbering,
}

impl Choice {
    /// Each suite of the first backend that has it, in the order of the numbers; the randomness of the first.
    pub(crate) fn provider(&self) -> CryptoProvider {
        let mut providers = self.backends.iter().map(|backend| backend.provider(self.numbering));
        let mut merged = providers.next().unwrap_or_else(rustcrypto::provider);
        let suites = merged.suites.to_mut();
        for provider in providers {
            for suite in provider.suites.iter() {
                if !suites.iter().any(|own| own.id == suite.id) {
                    suites.push(*suite);
                }
            }
        }
        suites.sort_by_key(|suite| suite.id);
        merged
    }

    /// The same, with every suite of the build behind those of the choice.
    pub(crate) fn everything(&self) -> Self {
        let mut all = self.clone();
        all.backends.extend(Backend::ALL);
        all
    }

    fn names(&self) -> Vec<String> {
        self.backends.iter().map(|backend| backend.name().to_owned()).collect()
    }

    /// Why there is no such suite, which there are, and what would help: other backends, or another numbering.
    pub(crate) fn explain(&self, missing: &UnsupportedCipherSuite) -> String {
        let UnsupportedCipherSuite { wanted, available } = missing;
        let available: Vec<String> = available.iter().map(|id| text::suite_number(*id)).collect();
        let others: Vec<String> = Backend::ALL
            .into_iter()
            .filter(|backend| !self.backends.contains(backend) && backend.has(*wanted, self.numbering))
            .map(|backend| backend.name().to_owned())
            .collect();
        let elsewhere = facts(*wanted).and_then(|facts| facts.numbering);
        let help = match (others.as_slice(), elsewhere) {
            ([_, ..], _) => format!("with --crypto it is there by {}", text::list(&others)),
            ([], Some(numbering)) if numbering != self.numbering => format!(
                "it is a number of {}, but post-quantum suites are numbered as by {} here: `--numbering` decides, for a store when `init` makes it",
                numbering.name(),
                self.numbering.name()
            ),
            _ => "no backend of this build has it".to_owned(),
        };
        format!(
            "no cipher suite {} by {}; there are {}; {help}",
            text::suite(*wanted),
            text::list(&self.names()),
            text::list(&available)
        )
    }
}

/// What a suite number stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SuiteFacts {
    pub(crate) name: &'static str,
    pub(crate) algorithms: SuiteAlgorithms,
    /// Whose number it is, if it is not registered.
    pub(crate) numbering: Option<Numbering>,
}

/// What a number of RFC 9420 or of any known numbering stands for.
pub(crate) fn facts(id: CipherSuiteId) -> Option<SuiteFacts> {
    if let (Some(name), Some(algorithms)) = (id.name(), SuiteAlgorithms::registered(id)) {
        return Some(SuiteFacts { name, algorithms, numbering: None });
    }
    Numbering::ALL.into_iter().find_map(|numbering| {
        let suite: PostQuantumSuite = numbering.table().suite(id)?;
        Some(SuiteFacts { name: suite.name(), algorithms: suite.algorithms(), numbering: Some(numbering) })
    })
}

/// What a suite withstands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Classical,
    Hybrid,
    PostQuantum,
    PostQuantumSignatures,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] =
        [Self::Classical, Self::Hybrid, Self::PostQuantum, Self::PostQuantumSignatures];

    pub(crate) fn of(algorithms: &SuiteAlgorithms) -> Self {
        let signs = matches!(
            algorithms.signature,
            SignatureScheme::MLDSA44 | SignatureScheme::MLDSA65 | SignatureScheme::MLDSA87
        );
        match algorithms.kem {
            _ if signs => Self::PostQuantumSignatures,
            KemId::ML_KEM_768 | KemId::ML_KEM_1024 => Self::PostQuantum,
            KemId::MLKEM768_X25519 | KemId::MLKEM768_P256 | KemId::MLKEM1024_P384 => Self::Hybrid,
            _ => Self::Classical,
        }
    }

    /// A stable name for programs.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Classical => "classical",
            Self::Hybrid => "hybrid",
            Self::PostQuantum => "pure-post-quantum",
            Self::PostQuantumSignatures => "post-quantum-signatures",
        }
    }

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Classical => "Classical",
            Self::Hybrid => "Hybrid",
            Self::PostQuantum => "Pure post-quantum",
            Self::PostQuantumSignatures => "Post-quantum signatures",
        }
    }
}

/// The security level in bits that a suite's name states.
pub(crate) fn level(name: &str) -> Option<u64> {
    name.strip_prefix("MLS_")?.split_once('_')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_says_which_suite_it_is() {
        let mut seen = Vec::new();
        for numbering in Numbering::ALL {
            assert_eq!(numbering.table().name(), numbering.name());
            for suite in PostQuantumSuite::ALL {
                if let Some(id) = numbering.table().number(suite) {
                    assert!(!seen.contains(&id) && SuiteAlgorithms::registered(id).is_none(), "{id}");
                    seen.push(id);
                    let facts = facts(id).unwrap();
                    assert_eq!((facts.name, facts.numbering), (suite.name(), Some(numbering)));
                    assert!(level(facts.name).is_some_and(|bits| [128, 192, 256].contains(&bits)));
                }
            }
        }
        assert!(seen.len() > 20);
        assert_eq!(facts(CipherSuiteId(0x1234)), None);
    }

    #[test]
    fn the_default_has_every_suite_of_the_build() {
        for numbering in Numbering::ALL {
            let choice = Asked { backends: Vec::new(), numbering: None }.choose(numbering);
            let (chosen, all) = (choice.provider(), choice.everything().provider());
            let ids = |provider: &CryptoProvider| provider.suites.iter().map(|s| s.id).collect::<Vec<_>>();
            assert_eq!(ids(&chosen), ids(&all));
            assert!(chosen.suites.iter().all(|suite| suite.check().is_ok() && facts(suite.id).is_some()));
        }
    }

    #[test]
    fn kinds() {
        let of = |number| Kind::of(&facts(CipherSuiteId(number)).unwrap().algorithms);
        assert!((1..=7).all(|number| of(number) == Kind::Classical));
        assert!((0xf0a1..=0xf0a5).all(|number| of(number) == Kind::Hybrid));
        assert!((0xf0a6..=0xf0a8).all(|number| of(number) == Kind::PostQuantum));
        assert!((0xf0a9..=0xf0ab).all(|number| of(number) == Kind::PostQuantumSignatures));
    }
}
