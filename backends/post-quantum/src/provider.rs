//! Cipher suites put together: a KEM (and perhaps a signature scheme) of this crate, all the rest of any other backend.
//!
//! The rest is found among the suites of the base by its identifier: the AEAD, the KDF with the hash of the suite that has it, the classical
//! signature scheme. A suite that the base cannot complete is left out, and [`left_out`] says why.

use crate::{PostQuantumNumbering, PostQuantumSuite};
use pleach_crypto::{
    AeadId, CipherSuite, CipherSuiteId, CryptoProvider, KdfId, Kem, KemId, Signature, SignatureScheme,
};
use std::borrow::Cow;

/// One implementation of everything that this crate has.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) ml_kem_768: &'static dyn Kem,
    pub(crate) ml_kem_1024: &'static dyn Kem,
    pub(crate) x_wing: &'static dyn Kem,
    pub(crate) mlkem768_p256: &'static dyn Kem,
    pub(crate) mlkem1024_p384: &'static dyn Kem,
    pub(crate) ml_dsa_44: &'static dyn Signature,
    pub(crate) ml_dsa_65: &'static dyn Signature,
    pub(crate) ml_dsa_87: &'static dyn Signature,
}

/// What a post-quantum suite lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Lack {
    /// The numbering has no number for it.
    #[error("no number")]
    Number,
    /// The base has a suite with its number already.
    #[error("its number {0}, which the base uses")]
    FreeNumber(CipherSuiteId),
    /// There is no such KEM here. None of the eleven lacks it.
    #[error("{0}")]
    Kem(KemId),
    /// No suite of the base has its KDF.
    #[error("{0}")]
    Kdf(KdfId),
    /// No suite of the base has its AEAD.
    #[error("{0}")]
    Aead(AeadId),
    /// No suite of the base has its signature scheme.
    #[error("{0}")]
    Signature(SignatureScheme),
}

impl Parts {
    fn kem(&self, id: KemId) -> Option<&'static dyn Kem> {
        [self.ml_kem_768, self.ml_kem_1024, self.x_wing, self.mlkem768_p256, self.mlkem1024_p384]
            .into_iter()
            .find(|kem| kem.id() == id)
    }

    fn signature(&self, base: &[CipherSuite], scheme: SignatureScheme) -> Option<&'static dyn Signature> {
        [self.ml_dsa_44, self.ml_dsa_65, self.ml_dsa_87]
            .into_iter()
            .chain(base.iter().map(|suite| suite.signature))
            .find(|signature| signature.scheme() == scheme)
    }

    /// The suite, or the first thing that it lacks.
    fn complete(
        &self,
        base: &[CipherSuite],
        numbering: &PostQuantumNumbering,
        suite: PostQuantumSuite,
    ) -> Result<CipherSuite, Lack> {
        let algorithms = suite.algorithms();
        let id = numbering.number(suite).ok_or(Lack::Number)?;
        if base.iter().any(|other| other.id == id) {
            return Err(Lack::FreeNumber(id));
        }
        let with_kdf =
            base.iter().find(|other| other.kdf.id() == algorithms.kdf).ok_or(Lack::Kdf(algorithms.kdf))?;
        let aead = base.iter().map(|other| other.aead).find(|aead| aead.id() == algorithms.aead);
        let signature = self.signature(base, algorithms.signature);
        Ok(CipherSuite {
            id,
            aead: aead.ok_or(Lack::Aead(algorithms.aead))?,
            kem: self.kem(algorithms.kem).ok_or(Lack::Kem(algorithms.kem))?,
            signature: signature.ok_or(Lack::Signature(algorithms.signature))?,
            ..*with_kdf
        })
    }

    pub(crate) fn suites(&self, base: &[CipherSuite], numbering: &PostQuantumNumbering) -> Vec<CipherSuite> {
        PostQuantumSuite::ALL
            .into_iter()
            .filter_map(|suite| self.complete(base, numbering, suite).ok())
            .collect()
    }

    pub(crate) fn provider(&self, base: CryptoProvider, numbering: &PostQuantumNumbering) -> CryptoProvider {
        let more = self.suites(&base.suites, numbering);
        let suites = base.suites.iter().copied().chain(more).collect();
        CryptoProvider { suites: Cow::Owned(suites), random: base.random }
    }

    pub(crate) fn left_out(
        &self,
        base: &[CipherSuite],
        numbering: &PostQuantumNumbering,
    ) -> Vec<(PostQuantumSuite, Lack)> {
        PostQuantumSuite::ALL
            .into_iter()
            .filter_map(|suite| Some((suite, self.complete(base, numbering, suite).err()?)))
            .collect()
    }
}

/// The base's suites, and after them each post-quantum suite that has a number and whose other parts some suite of the base has.
///
/// The randomness is the base's. To prefer the post-quantum suites, put them first: [`suites`] gives them alone.
#[must_use]
pub fn provider(base: CryptoProvider, numbering: &PostQuantumNumbering) -> CryptoProvider {
    crate::portable::PARTS.provider(base, numbering)
}

/// The post-quantum suites that the suites of a base complete, in the order of the draft.
#[must_use]
pub fn suites(base: &[CipherSuite], numbering: &PostQuantumNumbering) -> Vec<CipherSuite> {
    crate::portable::PARTS.suites(base, numbering)
}

/// The post-quantum suites that [`suites`] leaves out, each with the first thing that it lacks. The same for the `fast` implementation.
#[must_use]
pub fn left_out(base: &[CipherSuite], numbering: &PostQuantumNumbering) -> Vec<(PostQuantumSuite, Lack)> {
    crate::portable::PARTS.left_out(base, numbering)
}
