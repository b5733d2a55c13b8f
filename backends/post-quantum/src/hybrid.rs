//! The hybrids of ML-KEM and a Diffie-Hellman group (draft-irtf-cfrg-concrete-hybrid-kems-04, as KEMs of HPKE by
//! draft-ietf-hpke-pq-05 §4), written once over an implementation of each half.
//!
//! The private key is a seed of 32 bytes. SHAKE256 makes of it the seed of ML-KEM and that of the group; a loaded private key
//! keeps both halves expanded. Public keys and ciphertexts are those of the halves, ML-KEM first, NIST points uncompressed.
//!
//! Cost over the two halves: three SHAKE256 permutations for a key, two SHA3-256 permutations for a secret.

use crate::derive::{combine, labeled_seed, shake256};
use crate::ml_kem::{self, MlKem};
use pleach_crypto::dhkem::{Curve, DhGroup};
use pleach_crypto::{CryptoError, Kem, KemId, KemKeyPair, KemPrivateKey, KemPublicKey, Secret, SecureRandom};
use std::fmt;
use subtle::ConstantTimeEq;

/// The length of a hybrid's seed in bytes.
const SEED_LEN: u16 = 32;

/// Of which two halves a hybrid is, and what is fixed with them.
#[derive(Debug)]
struct Combination {
    id: KemId,
    ml_kem: KemId,
    curve: Curve,
    /// The combiner's label.
    label: &'static [u8],
    /// `Nseed` of the group: the length of what a scalar is made of, in bytes.
    group_seed_len: usize,
}

static X_WING: Combination = Combination {
    id: KemId::MLKEM768_X25519,
    ml_kem: KemId::ML_KEM_768,
    curve: Curve::X25519,
    label: br"\.//^\",
    group_seed_len: 32,
};

static MLKEM768_P256: Combination = Combination {
    id: KemId::MLKEM768_P256,
    ml_kem: KemId::ML_KEM_768,
    curve: Curve::P256,
    label: b"MLKEM768-P256",
    group_seed_len: 128,
};

static MLKEM1024_P384: Combination = Combination {
    id: KemId::MLKEM1024_P384,
    ml_kem: KemId::ML_KEM_1024,
    curve: Curve::P384,
    label: b"MLKEM1024-P384",
    group_seed_len: 48,
};

/// How `DeriveKeyPair` makes a seed of input keying material.
#[derive(Debug, Clone, Copy)]
enum Derivation {
    /// With the labels of HPKE (draft-ietf-hpke-pq).
    Labeled,
    /// `SHAKE256(ikm, 32)`, as draft-connolly-cfrg-xwing-kem has it.
    Unlabeled,
}

/// A hybrid of ML-KEM and a Diffie-Hellman group, as a KEM of HPKE.
///
/// # Degenerate X25519 keys
/// The drafts take X25519 as RFC 7748 §6.1 has it, where the check for an all-zero result is a MAY; the CFRG has said that it will settle
/// on one behaviour, and has not yet published which. Until then they are refused here, as DHKEM(X25519) must refuse them
/// (RFC 9180 §7.1.4, R014): a small-order X25519 half of a public key when it is parsed, one of a ciphertext in decapsulation, and
/// an all-zero result wherever it came from. That is what the X25519 does that other stacks build on (OpenSSL, AWS-LC,
/// Go's `crypto/ecdh`, libcrux), so a member who accepted them would go on where those stop. The crate `x-wing` accepts them unless it is
/// told otherwise. Nobody makes one by accident: its probability is below 2^-250.
#[derive(Debug, Clone, Copy)]
pub struct HybridKem<M, G> {
    ml_kem: M,
    group: G,
    of: &'static Combination,
    derivation: Derivation,
}

impl<M: MlKem, G: DhGroup> HybridKem<M, G> {
    const fn new(ml_kem: M, group: G, of: &'static Combination, derivation: Derivation) -> Self {
        assert!(
            M::ID.0 == of.ml_kem.0 && G::CURVE.kem_id().0 == of.curve.kem_id().0,
            "not the halves of this hybrid"
        );
        Self { ml_kem, group, of, derivation }
    }

    /// MLKEM768-X25519, which is X-Wing (0x647A).
    ///
    /// # Panics
    /// If the halves are not those; at compile time in a `static`. So do the other constructors.
    pub const fn x_wing(ml_kem: M, group: G) -> Self {
        Self::new(ml_kem, group, &X_WING, Derivation::Labeled)
    }

    /// X-Wing with the `DeriveKeyPair` of its own draft, without HPKE's labels.
    ///
    /// # Panics
    /// As [`HybridKem::x_wing`].
    pub const fn x_wing_unlabelled(ml_kem: M, group: G) -> Self {
        Self::new(ml_kem, group, &X_WING, Derivation::Unlabeled)
    }

    /// MLKEM768-P256 (0x0050).
    ///
    /// # Panics
    /// As [`HybridKem::x_wing`].
    pub const fn mlkem768_p256(ml_kem: M, group: G) -> Self {
        Self::new(ml_kem, group, &MLKEM768_P256, Derivation::Labeled)
    }

    /// MLKEM1024-P384 (0x0051).
    ///
    /// # Panics
    /// As [`HybridKem::x_wing`].
    pub const fn mlkem1024_p384(ml_kem: M, group: G) -> Self {
        Self::new(ml_kem, group, &MLKEM1024_P384, Derivation::Labeled)
    }

    /// `RandomScalar(seed)`: the seed itself on Curve25519, the first valid scalar among the chunks of it on a NIST curve.
    fn scalar(&self, seed: &[u8]) -> Result<G::Private, CryptoError> {
        seed.chunks_exact(G::CURVE.private_len())
            .find_map(|chunk| self.group.parse_private(&Secret::copy_from(chunk)).ok())
            .ok_or(CryptoError::DeriveKeyPair)
    }

    fn expand(&self, seed: &Secret) -> Result<PrivateKey<M, G>, CryptoError> {
        let expanded = shake256(&[seed.as_bytes()], ml_kem::SEED_LEN + self.of.group_seed_len);
        let (pq_seed, group_seed) = expanded.as_bytes().split_at(ml_kem::SEED_LEN);
        let (pq, mut public) = self.ml_kem.expand(pq_seed)?;
        let traditional = self.scalar(group_seed)?;
        public.extend(self.group.public(&traditional)?);
        Ok(PrivateKey { kem: *self, pq, traditional, public })
    }

    fn key_pair(&self, seed: Secret) -> Result<KemKeyPair, CryptoError> {
        let public = self.expand(&seed)?.public;
        Ok(KemKeyPair { private: seed, public })
    }

    fn parse_group_key(&self, bytes: &[u8]) -> Result<G::Public, CryptoError> {
        G::CURVE.check_public(bytes)?; // R013, R014
        self.group.parse_public(bytes)
    }

    /// The Diffie-Hellman result; `None` if it is all zero (R014).
    fn diffie_hellman(
        &self,
        private: &G::Private,
        public: &G::Public,
    ) -> Result<Option<Secret>, CryptoError> {
        let shared = self.group.diffie_hellman(private, public)?;
        let degenerate =
            matches!(G::CURVE, Curve::X25519) && bool::from(shared.ct_eq(&Secret::zero(shared.len())));
        Ok((!degenerate).then_some(shared))
    }
}

impl<M: MlKem, G: DhGroup> Kem for HybridKem<M, G> {
    fn id(&self) -> KemId {
        self.of.id
    }

    fn public_len(&self) -> usize {
        M::PUBLIC_LEN + G::CURVE.public_len()
    }

    fn private_len(&self) -> usize {
        usize::from(SEED_LEN)
    }

    fn enc_len(&self) -> usize {
        M::CIPHERTEXT_LEN + G::CURVE.public_len()
    }

    fn derive_key_pair(&self, ikm: &Secret) -> Result<KemKeyPair, CryptoError> {
        self.key_pair(match self.derivation {
            Derivation::Labeled => labeled_seed(self.of.id, ikm, SEED_LEN),
            Derivation::Unlabeled => shake256(&[ikm.as_bytes()], usize::from(SEED_LEN)),
        })
    }

    fn generate_key_pair(&self, rng: &dyn SecureRandom) -> Result<KemKeyPair, CryptoError> {
        self.key_pair(rng.secret(usize::from(SEED_LEN))?)
    }

    fn load_public(&self, bytes: &[u8]) -> Result<Box<dyn KemPublicKey>, CryptoError> {
        let (pq, traditional) = bytes.split_at_checked(M::PUBLIC_LEN).ok_or(CryptoError::InvalidPublicKey)?;
        Ok(Box::new(PublicKey {
            kem: *self,
            // The cheap half first.
            traditional: self.parse_group_key(traditional)?,
            pq: self.ml_kem.parse_public(pq)?,
            traditional_bytes: traditional.into(),
        }))
    }

    fn check_public(&self, bytes: &[u8]) -> Result<(), CryptoError> {
        let (pq, traditional) = bytes.split_at_checked(M::PUBLIC_LEN).ok_or(CryptoError::InvalidPublicKey)?;
        self.parse_group_key(traditional)?;
        self.ml_kem.check_public(pq)
    }

    fn load_private(&self, bytes: &Secret) -> Result<Box<dyn KemPrivateKey>, CryptoError> {
        if bytes.len() != usize::from(SEED_LEN) {
            return Err(CryptoError::InvalidPrivateKey);
        }
        Ok(Box::new(self.expand(bytes)?))
    }
}

struct PublicKey<M: MlKem, G: DhGroup> {
    kem: HybridKem<M, G>,
    pq: M::Public,
    traditional: G::Public,
    traditional_bytes: Box<[u8]>,
}

impl<M: MlKem, G: DhGroup> KemPublicKey for PublicKey<M, G> {
    fn encap(&self, rng: &dyn SecureRandom) -> Result<(Secret, Vec<u8>), CryptoError> {
        let HybridKem { ml_kem, group, of, .. } = &self.kem;
        let (pq, mut enc) = ml_kem.encapsulate(&self.pq, rng)?;
        // That no candidate is a scalar would be the randomness's doing, not the key's.
        let seed = rng.secret(of.group_seed_len)?;
        let ephemeral = self.kem.scalar(seed.as_bytes()).map_err(|_| CryptoError::RandomUnavailable)?;
        let ct = group.public(&ephemeral)?;
        let shared =
            self.kem.diffie_hellman(&ephemeral, &self.traditional)?.ok_or(CryptoError::InvalidPublicKey)?;
        let secret = combine(&pq, &shared, &ct, &self.traditional_bytes, of.label);
        enc.extend(ct);
        Ok((secret, enc))
    }
}

impl<M: MlKem, G: DhGroup> fmt::Debug for PublicKey<M, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.kem.of.id)
    }
}

struct PrivateKey<M: MlKem, G: DhGroup> {
    kem: HybridKem<M, G>,
    pq: M::Private,
    traditional: G::Private,
    public: Vec<u8>,
}

impl<M: MlKem, G: DhGroup> KemPrivateKey for PrivateKey<M, G> {
    fn public(&self) -> &[u8] {
        &self.public
    }

    fn decap(&self, enc: &[u8]) -> Result<Secret, CryptoError> {
        let invalid = CryptoError::InvalidEncapsulation;
        let (ct_pq, ct) = enc.split_at_checked(M::CIPHERTEXT_LEN).ok_or(invalid.clone())?;
        let (_, ek) =
            self.public.split_at_checked(M::PUBLIC_LEN).ok_or(CryptoError::Backend("key length"))?;
        let ephemeral = self.kem.parse_group_key(ct).map_err(|_| invalid.clone())?;
        let shared = self.kem.diffie_hellman(&self.traditional, &ephemeral)?.ok_or(invalid)?;
        let pq = self.kem.ml_kem.decapsulate(&self.pq, ct_pq)?;
        Ok(combine(&pq, &shared, ct, ek, self.kem.of.label))
    }
}

impl<M: MlKem, G: DhGroup> fmt::Debug for PrivateKey<M, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({}, redacted)", self.kem.of.id)
    }
}
