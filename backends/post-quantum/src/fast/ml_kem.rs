//! ML-KEM by two libraries, each for what it alone can do or does best: `libcrux-ml-kem` makes keys of seeds, which
//! `aws-lc-rs` cannot, and encapsulates with the caller's randomness, which `aws-lc-rs` does not take; AWS-LC decapsulates.
//!
//! So each key pair is made by one implementation and used by another: an error in either would show in the first exchange.
//!
//! AWS-LC wipes the expanded key when it frees it. libcrux wipes nothing: its key pair is overwritten here as soon as it has been
//! handed over, through an optimization barrier since this crate has no `unsafe`; what it leaves on the stack is out of reach.

use crate::ml_kem::{MlKem, SEED_LEN};
use aws_lc_rs::kem::{self, DecapsulationKey};
use libcrux_ml_kem::{MlKemKeyPair, mlkem768, mlkem1024};
use pleach_crypto::{CryptoError, KemId, Secret, SecureRandom};
use std::hint::black_box;
use zeroize::{Zeroize, Zeroizing};

macro_rules! ml_kem {
    ($(#[$doc:meta])* $name:ident, $id:ident, $krate:ident, $key:ident, public $public:literal, ciphertext $ciphertext:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl MlKem for $name {
            const ID: KemId = KemId::$id;
            const PUBLIC_LEN: usize = $public;
            const CIPHERTEXT_LEN: usize = $ciphertext;
            type Public = $krate::$key;
            type Private = DecapsulationKey;

            fn parse_public(&self, bytes: &[u8]) -> Result<Self::Public, CryptoError> {
                let key = Self::Public::try_from(bytes).map_err(|_| CryptoError::InvalidPublicKey)?;
                // R014: the encapsulation key check of FIPS 203 §7.2, which libcrux makes nowhere else.
                if $krate::validate_public_key(&key) { Ok(key) } else { Err(CryptoError::InvalidPublicKey) }
            }

            fn expand(&self, seed: &[u8]) -> Result<(Self::Private, Vec<u8>), CryptoError> {
                let mut seed = <[u8; SEED_LEN]>::try_from(seed).map_err(|_| CryptoError::InvalidPrivateKey)?;
                let mut pair = $krate::generate_key_pair(seed);
                seed.zeroize();
                let private = DecapsulationKey::new(&kem::$id, pair.sk());
                let public = pair.pk().to_vec();
                pair = MlKemKeyPair::from(Default::default(), Default::default());
                black_box(&pair);
                Ok((private.map_err(|_| CryptoError::Backend("ML-KEM key"))?, public))
            }

            fn encapsulate(
                &self,
                public: &Self::Public,
                rng: &dyn SecureRandom,
            ) -> Result<(Secret, Vec<u8>), CryptoError> {
                let mut message = Zeroizing::new([0; 32]);
                rng.fill(message.as_mut_slice())?;
                let (ciphertext, mut shared) = $krate::encapsulate(public, *message);
                let secret = Secret::copy_from(&shared);
                shared.zeroize();
                Ok((secret, ciphertext.as_slice().to_vec()))
            }

            fn decapsulate(&self, private: &Self::Private, ciphertext: &[u8]) -> Result<Secret, CryptoError> {
                if ciphertext.len() != Self::CIPHERTEXT_LEN {
                    return Err(CryptoError::InvalidEncapsulation);
                }
                let shared =
                    private.decapsulate(ciphertext.into()).map_err(|_| CryptoError::Backend("ML-KEM"))?;
                Ok(Secret::copy_from(shared.as_ref()))
            }
        }
    };
}

ml_kem! {
    /// ML-KEM-768 by `libcrux-ml-kem` and AWS-LC.
    MlKem768, ML_KEM_768, mlkem768, MlKem768PublicKey, public 1184, ciphertext 1088
}
ml_kem! {
    /// ML-KEM-1024 by `libcrux-ml-kem` and AWS-LC.
    MlKem1024, ML_KEM_1024, mlkem1024, MlKem1024PublicKey, public 1568, ciphertext 1568
}
