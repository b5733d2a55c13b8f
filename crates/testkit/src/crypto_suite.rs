//! What every crypto backend must do, as one call: [`run`], over every algorithm and every suite of its provider.
//!
//! ```no_run
//! pleach_testkit::crypto_suite::run("rustcrypto", &pleach_rustcrypto::provider());
//! ```
//!
//! - published vectors: FIPS 180, RFC 4231, 5869, 6979, 7748, 8032, 8439, 9180, and every Wycheproof file that covers an algorithm, with
//!   the cases that were run and skipped pinned in one table ([`WYCHEPROOF`]);
//! - HPKE in both directions against the crate `hpke`;
//! - everything that can be wrong with an input: lengths, points, encodings, tags, scalars, counters;
//! - the acceptance rule of EdDSA at its edges, single and in batches;
//! - no secret in a `Debug` text.
//!
//! [`agree`] compares two backends on random inputs. [`report`] is [`run`] without the panic.
//!
//! The checks are those that the traits of `pleach-crypto` promise, with the errors that they name. Algorithms without a
//! registered number (there are none in MLS) are only checked for what is common to their kind.
//!
//! Cost: seconds for a backend of all suites. Not here: timing, and whether randomness is random.

mod aead;
mod agree;
mod ecdsa;
mod ed25519;
mod ed448;
mod hash;
mod hpke_context;
mod hpke_oracle;
mod inputs;
mod kdf;
mod kem;
mod ml;
mod nist;
mod report;
mod signature;
mod spki;
mod suites;
mod wycheproof;

use std::fmt::Debug;

use pleach_crypto::{Aead, CipherSuite, CryptoProvider, Hash, Kdf, KdfId, Kem, SecureRandom, Signature};

pub use agree::agree;
pub use report::{Failure, FileCount, Report};
pub use wycheproof::{Pinned, WYCHEPROOF};

use report::Checks;

/// Runs all checks and prints what was run.
///
/// # Panics
/// If the backend breaks a promise, with all that it breaks.
pub fn run(name: &str, provider: &CryptoProvider) -> Report {
    let report = report(name, provider);
    assert!(report.failures().is_empty(), "{report}");
    assert!(report.checks() > 0, "{name} has no suite, so nothing was checked");
    println!("{report}");
    report
}

/// Runs all checks and says what was found.
pub fn report(name: &str, provider: &CryptoProvider) -> Report {
    let rng = &*provider.random;
    let algorithms = Algorithms::of(&provider.suites);
    let mut checks = Checks::new(name);
    let c = &mut checks;
    for (id, hash) in &algorithms.hashes {
        c.area("hash", &hash_name(*id), |c| hash::check(c, *id, *hash));
        c.area("wycheproof", &hash_name(*id), |c| wycheproof::hmac(c, *id, *hash));
    }
    for kdf in &algorithms.kdfs {
        c.area("kdf", &kdf.id(), |c| kdf::check(c, *kdf));
        c.area("wycheproof", &kdf.id(), |c| wycheproof::hkdf(c, *kdf));
    }
    for aead in &algorithms.aeads {
        c.area("aead", &aead.id(), |c| aead::check(c, *aead));
        c.area("wycheproof", &aead.id(), |c| wycheproof::aead(c, *aead));
    }
    for kem in &algorithms.kems {
        c.area("kem", &kem.id(), |c| kem::check(c, *kem, rng));
        c.area("kem keys", &kem.id(), |c| kem::keys(c, *kem, rng));
        c.area("ml-kem", &kem.id(), |c| ml::kem(c, *kem, rng));
        c.area("wycheproof", &kem.id(), |c| wycheproof::kem(c, *kem));
    }
    for signature in &algorithms.signatures {
        let scheme = signature.scheme();
        c.area("signature", &scheme, |c| signature::check(c, *signature, rng));
        c.area("ecdsa", &scheme, |c| ecdsa::check(c, *signature, rng));
        c.area("ed25519", &scheme, |c| ed25519::check(c, *signature, rng));
        c.area("ed448", &scheme, |c| ed448::check(c, *signature, rng));
        c.area("wycheproof", &scheme, |c| wycheproof::signature(c, *signature, rng));
    }
    for suite in &*provider.suites {
        c.area("suite", &suite.id, |c| suites::check(c, suite, provider));
        c.area("hpke", &suite.id, |c| hpke_context::check(c, suite, rng));
        c.area("hpke oracle", &suite.id, |c| hpke_oracle::check(c, suite, rng));
    }
    checks.finish()
}

/// The distinct algorithms of some suites.
struct Algorithms {
    hashes: Vec<(KdfId, &'static dyn Hash)>,
    kdfs: Vec<&'static dyn Kdf>,
    aeads: Vec<&'static dyn Aead>,
    kems: Vec<&'static dyn Kem>,
    signatures: Vec<&'static dyn Signature>,
}

impl Algorithms {
    fn of(suites: &[CipherSuite]) -> Self {
        Self {
            // A hash has no number of its own: it is that of the KDF.
            hashes: distinct(
                suites,
                |suite| (suite.kdf.id(), suite.hash),
                |(id, hash)| identity(id.0, *hash),
            ),
            kdfs: distinct(suites, |suite| suite.kdf, |kdf| identity(kdf.id().0, *kdf)),
            aeads: distinct(suites, |suite| suite.aead, |aead| identity(aead.id().0, *aead)),
            kems: distinct(suites, |suite| suite.kem, |kem| identity(kem.id().0, *kem)),
            signatures: distinct(
                suites,
                |suite| suite.signature,
                |scheme| identity(scheme.scheme().0, *scheme),
            ),
        }
    }
}

/// Number, address and text: a suite may have another implementation of an algorithm than its neighbour, and values
/// without a size can share an address.
fn identity<T: ?Sized + Debug>(id: u16, algorithm: &'static T) -> (u16, *const (), String) {
    (id, std::ptr::from_ref(algorithm).cast(), format!("{algorithm:?}"))
}

fn distinct<T, K: PartialEq>(
    suites: &[CipherSuite],
    of: impl Fn(&CipherSuite) -> T,
    key: impl Fn(&T) -> K,
) -> Vec<T> {
    let mut found: Vec<(K, T)> = Vec::new();
    for algorithm in suites.iter().map(of) {
        let key = key(&algorithm);
        if found.iter().all(|(other, _)| *other != key) {
            found.push((key, algorithm));
        }
    }
    found.into_iter().map(|(_, algorithm)| algorithm).collect()
}

fn hash_name(id: KdfId) -> &'static str {
    match id {
        KdfId::HKDF_SHA256 => "SHA-256",
        KdfId::HKDF_SHA384 => "SHA-384",
        KdfId::HKDF_SHA512 => "SHA-512",
        _ => "a hash without a number",
    }
}

/// Randomness of the backend, which the checks draw fresh keys from.
type Random<'r> = &'r dyn SecureRandom;
