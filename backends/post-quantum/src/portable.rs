//! The portable implementations: ML-KEM by `ml-kem`, ML-DSA by `ml-dsa`, the Diffie-Hellman groups by `pleach-rustcrypto`. Pure Rust.
//!
//! Encapsulation takes its randomness from the caller's [`SecureRandom`]. Signing is deterministic, see [`MlDsa`].

use crate::hybrid::HybridKem;
use crate::ml_dsa::MlDsa;
use crate::ml_kem::{MlKem, PureKem, SEED_LEN};
use crate::provider::Parts;
use ml_kem::{DecapsulationKey, EncapsulationKey, KeyExport, kem::Decapsulate};
use pleach_crypto::{CryptoError, KemId, Secret, SecureRandom};
use pleach_rustcrypto::{P256, P384, X25519};
use zeroize::{Zeroize, Zeroizing};

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

/// X-Wing with the `DeriveKeyPair` of its own draft, `SHAKE256(ikm, 32)`, instead of HPKE's labelled one. No suite here uses it.
///
/// Only to talk to programs that derive like that, such as the published OpenMLS 0.9: put it into the suites that they
/// share, `CipherSuite { kem: &X_WING_UNLABELLED, ..suite }`. Everything but `DeriveKeyPair` is the same, so a wrong choice
/// goes unnoticed until the first UpdatePath.
pub static X_WING_UNLABELLED: HybridKem<MlKem768, X25519> = HybridKem::x_wing_unlabelled(MlKem768, X25519);

/// ML-DSA-44.
pub static ML_DSA_44: MlDsa<ml_dsa::MlDsa44> = MlDsa::new();
/// ML-DSA-65.
pub static ML_DSA_65: MlDsa<ml_dsa::MlDsa65> = MlDsa::new();
/// ML-DSA-87.
pub static ML_DSA_87: MlDsa<ml_dsa::MlDsa87> = MlDsa::new();

pub(crate) static PARTS: Parts = Parts {
    ml_kem_768: &ML_KEM_768,
    ml_kem_1024: &ML_KEM_1024,
    x_wing: &X_WING,
    mlkem768_p256: &MLKEM768_P256,
    mlkem1024_p384: &MLKEM1024_P384,
    ml_dsa_44: &ML_DSA_44,
    ml_dsa_65: &ML_DSA_65,
    ml_dsa_87: &ML_DSA_87,
};

macro_rules! ml_kem {
    ($(#[$doc:meta])* $name:ident, $id:ident, public $public:literal, ciphertext $ciphertext:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl MlKem for $name {
            const ID: KemId = KemId::$id;
            const PUBLIC_LEN: usize = $public;
            const CIPHERTEXT_LEN: usize = $ciphertext;
            type Public = EncapsulationKey<ml_kem::$name>;
            type Private = DecapsulationKey<ml_kem::$name>;

            fn parse_public(&self, bytes: &[u8]) -> Result<Self::Public, CryptoError> {
                let bytes = bytes.try_into().map_err(|_| CryptoError::InvalidPublicKey)?;
                // R014: the crate compares the re-encoded key, which is the check of FIPS 203 §7.2.
                EncapsulationKey::new(&bytes).map_err(|_| CryptoError::InvalidPublicKey)
            }

            fn expand(&self, seed: &[u8]) -> Result<(Self::Private, Vec<u8>), CryptoError> {
                let seed = <[u8; SEED_LEN]>::try_from(seed).map_err(|_| CryptoError::InvalidPrivateKey)?;
                let seed = Zeroizing::new(seed);
                let key = Self::Private::from_seed((*seed).into());
                let public = key.encapsulation_key().to_bytes().to_vec();
                Ok((key, public))
            }

            fn encapsulate(
                &self,
                public: &Self::Public,
                rng: &dyn SecureRandom,
            ) -> Result<(Secret, Vec<u8>), CryptoError> {
                let mut message = Zeroizing::new([0; 32]);
                rng.fill(message.as_mut_slice())?;
                let (ciphertext, shared) = public.encapsulate_deterministic((&*message).into());
                Ok((take(shared), ciphertext.to_vec()))
            }

            fn decapsulate(&self, private: &Self::Private, ciphertext: &[u8]) -> Result<Secret, CryptoError> {
                let ciphertext = ciphertext.try_into().map_err(|_| CryptoError::InvalidEncapsulation)?;
                Ok(take(private.decapsulate(&ciphertext)))
            }
        }
    };
}

ml_kem! {
    /// ML-KEM-768 by `ml-kem`.
    MlKem768, ML_KEM_768, public 1184, ciphertext 1088
}
ml_kem! {
    /// ML-KEM-1024 by `ml-kem`.
    MlKem1024, ML_KEM_1024, public 1568, ciphertext 1568
}

/// The shared secret, its first place wiped.
fn take(mut shared: ml_kem::SharedKey) -> Secret {
    let secret = Secret::copy_from(&shared);
    shared.as_mut_slice().zeroize();
    secret
}
