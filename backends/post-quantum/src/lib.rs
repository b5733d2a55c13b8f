//! The post-quantum cipher suites of draft-ietf-mls-pq-ciphersuites-06: ML-KEM, its hybrids, ML-DSA, and the eleven suites made of
//! them over any other backend.
//!
//! ```
//! use pleach_post_quantum::{PostQuantumNumbering, PostQuantumSuite, X_WING, provider};
//! use pleach_crypto::{CipherSuite, CipherSuiteId};
//!
//! # fn example() -> Result<(), pleach_crypto::CryptoError> {
//! let numbering = PostQuantumNumbering::PLEACH;
//! let provider = provider(pleach_rustcrypto::provider(), &numbering);
//! assert_eq!(provider.suites.len(), 7 + 11);
//! let id = numbering.number(PostQuantumSuite::Mlkem768X25519Aes128GcmSha256Ed25519).unwrap();
//! let suite = provider.suite(id)?;
//! let pair = suite.kem.generate_key_pair(&*provider.random)?;
//! let (public, private) = (suite.kem.load_public(&pair.public)?, suite.kem.load_private(&pair.private)?);
//! let sealed = suite.encrypt_with_label(&*public, b"Example", b"context", b"text", &*provider.random)?;
//! let opened =
//!     suite.decrypt_with_label(&*private, b"Example", b"context", &sealed.kem_output, &sealed.ciphertext)?;
//! assert_eq!(opened.as_bytes(), b"text");
//!
//! // A suite of one's own, under a number for private use.
//! let classical = provider.suite(CipherSuiteId(5))?;
//! let mixed = CipherSuite { id: CipherSuiteId(0xF001), kem: &X_WING, ..*classical };
//! # Ok(())
//! # }
//! # example().unwrap();
//! ```
//!
//! # What is native and what is borrowed
//!
//! | part | [`portable`], the default | `fast`, by the feature of that name |
//! |---|---|---|
//! | ML-KEM-768, ML-KEM-1024: keys of seeds, encapsulation | `ml-kem` | `libcrux-ml-kem` |
//! | ML-KEM-768, ML-KEM-1024: decapsulation | `ml-kem` | AWS-LC, with the key expanded by libcrux |
//! | ML-DSA-44, ML-DSA-65, ML-DSA-87 | `ml-dsa` | AWS-LC |
//! | the hybrids: seeds, combiner, checks | [`HybridKem`], over `shake` and `sha3` | the same |
//! | X25519, P-256, P-384 in the hybrids | borrowed: `pleach-rustcrypto`'s groups | borrowed: `pleach-aws-lc`'s groups |
//! | AEAD, hash, KDF, classical signatures | borrowed: those of the base that [`provider`] is given | the same |
//! | randomness | the base's | the base's; AWS-LC's own to hedge signatures |
//!
//! The parts are found among the base's suites by their identifiers. All eleven need suites 1, 2, 3 and 7 of RFC 9420, or ones with the
//! same parts; [`left_out`] says what is missing for which. The numbers are the application's choice: [`PostQuantumNumbering`].
//!
//! # Decisions
//!
//! - **Seeds are private keys**: 64 bytes for ML-KEM, 32 for the hybrids and for ML-DSA. A loaded key is kept expanded.
//! - **`DeriveKeyPair` is HPKE's**, labelled (draft-ietf-hpke-pq-05), for X-Wing as well. Its own draft derives without labels, and
//!   so does the published OpenMLS 0.9: [`X_WING_UNLABELLED`] is there to talk to it, and in no suite unless an application puts it there.
//! - **Public keys are checked when they are loaded** (R013, R014): length and modulus (FIPS 203 §7.2), point form and curve. So a key
//!   package with a bad key is refused when it comes in, not when somebody first encrypts to it.
//! - **A small-order X25519 half is refused**, in public keys and in ciphertexts; see [`HybridKem`] for why, and what others do.
//! - **Rejection is implicit**: a changed ciphertext of the right length gives another secret, and fails at the AEAD. Only a wrong
//!   length or a bad point is an error of its own.
//! - **ML-DSA is pure with an empty context.** The portable signer is deterministic, since a signer is handed no randomness and
//!   there is no global generator here; AWS-LC's hedges. Every verifier takes both.
//!
//! # Cost
//!
//! Ratios on one x86-64 machine, by `cargo bench -p pleach-benches --bench post_quantum`, which prints them anew and fails above 1.5:
//!
//! - X-Wing of `fast` to the sum of its fastest parts (X25519 by AWS-LC and ML-KEM-768 by whichever library does that operation
//!   fastest): key generation 1.03, encapsulation 1.15, decapsulation 1.03. AWS-LC alone would generate ML-KEM keys faster, but not
//!   of a seed: to that, 1.3.
//! - The portable implementation to `fast`:
//!
//! | | key pair, or signing | encapsulation, or verification | decapsulation |
//! |---|---|---|---|
//! | ML-KEM-768 | 3.3 | 3.1 | 4.5 |
//! | ML-KEM-1024 | 3.6 | 3.6 | 4.9 |
//! | X-Wing | 2.7 | 2.4 | 3.2 |
//! | MLKEM768-P256 | 3.1 | 4.0 | 3.8 |
//! | MLKEM1024-P384 | 1.9 | 3.2 | 4.5 |
//! | ML-DSA-44 | 5.4 | 2.9 | |
//! | ML-DSA-65 | 5.7 | 2.4 | |
//! | ML-DSA-87 | 5.2 | 2.2 | |
//!
//! Loading a public key of a KEM costs a tenth of an encapsulation or less; loading a private key costs a key generation. Loading a
//! portable ML-DSA verifier costs about a verification, since it expands the matrix; a `fast` one expands it each time it verifies. In memory: a
//! loaded ML-KEM key is 2 to 6 KiB, a loaded ML-DSA verifier 24 to 72 KiB in the portable implementation and its encoding in
//! the fast one.
//!
//! Invariants: no `unsafe` in this crate; nothing that a peer sends can panic; secrets are zeroized where the crates underneath allow it
//! (libcrux does not: `fast/ml_kem.rs`). Secret-dependent code is constant-time by the claims of those crates; NIST seeds are sampled by
//! rejection, which shows, with a probability below 2^-32, that a seed was passed over, and nothing of the key.
//!
//! It deliberately has no authenticated modes (the KEMs have none), no ML-KEM-512, no SHAKE KDFs (revision 06 of the draft went
//! back to HKDF), no expanded private keys, and not the two suites that OpenMLS keeps of older revisions.

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

#[cfg(test)]
mod tests {
    use zeroize::ZeroizeOnDrop;

    fn wiped<T: ZeroizeOnDrop>() {}

    /// The crates underneath do this only with their `zeroize` feature, which this test holds on to.
    // breaks: R278
    #[test]
    fn what_holds_a_secret_wipes_it_on_drop() {
        wiped::<::ml_kem::DecapsulationKey<::ml_kem::MlKem768>>();
        wiped::<::ml_kem::DecapsulationKey<::ml_kem::MlKem1024>>();
        wiped::<::ml_dsa::SigningKey<::ml_dsa::MlDsa44>>();
        wiped::<::ml_dsa::SigningKey<::ml_dsa::MlDsa65>>();
        wiped::<::ml_dsa::SigningKey<::ml_dsa::MlDsa87>>();
        // Its reader wipes itself by the same feature, and says nothing of it.
        wiped::<shake::Shake256>();
        wiped::<sha3::Sha3_256>();
    }
}
