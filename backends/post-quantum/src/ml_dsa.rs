//! ML-DSA (FIPS 204) by `ml-dsa`: pure, with an empty context (Algorithms 2 and 3), as draft-ietf-mls-pq-ciphersuites has it.
//!
//! Public keys and signatures are raw, private keys are the seeds of 32 bytes that Algorithm 6 starts from. A loaded signer
//! holds the expanded key, of 64 to 175 KiB; a loaded verifier the expanded matrix, 24 to 72 KiB.
//!
//! Invariants: lengths are exact (R013, R016); every string of the right length is a public key; a message in parts is hashed in parts,
//! never copied together. Expanded keys are zeroized on drop.

use ml_dsa::signature::{Keypair, MultipartSigner, MultipartVerifier, SignatureEncoding};
use ml_dsa::{MlDsa44, MlDsa65, MlDsa87, MlDsaParams, SigningKey, VerifyingKey};
use pleach_crypto::{
    CryptoError, Secret, SecureRandom, Signature, SignatureKeyPair, SignatureScheme, Signer, Verifier,
};
use std::fmt;
use std::marker::PhantomData;
use zeroize::Zeroizing;

/// The length of a private key, which is a seed, in bytes.
pub(crate) const SEED_LEN: usize = 32;

/// A parameter set and its number.
pub trait ParameterSet: MlDsaParams + fmt::Debug + Send + Sync + 'static {
    /// The signature scheme.
    const SCHEME: SignatureScheme;
}

impl ParameterSet for MlDsa44 {
    const SCHEME: SignatureScheme = SignatureScheme::MLDSA44;
}

impl ParameterSet for MlDsa65 {
    const SCHEME: SignatureScheme = SignatureScheme::MLDSA65;
}

impl ParameterSet for MlDsa87 {
    const SCHEME: SignatureScheme = SignatureScheme::MLDSA87;
}

/// ML-DSA by `ml-dsa`.
///
/// Signing is the deterministic variant: a [`Signer`] is handed no randomness, and there is no global generator here that it could
/// turn to. Who fears faults in the signing hardware hedges, as FIPS 204 §3.4 advises: the `fast` implementation does, and an
/// application's own [`Signer`] can.
#[derive(Debug, Clone, Copy)]
pub struct MlDsa<P>(PhantomData<P>);

impl<P: ParameterSet> MlDsa<P> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<P: ParameterSet> Signature for MlDsa<P> {
    fn scheme(&self) -> SignatureScheme {
        P::SCHEME
    }

    fn generate_key_pair(&self, rng: &dyn SecureRandom) -> Result<SignatureKeyPair, CryptoError> {
        let private = rng.secret(SEED_LEN)?;
        let public = MlDsaSigner::<P>::new(&private)?.public;
        Ok(SignatureKeyPair { private, public })
    }

    fn load_signer(&self, private: &Secret) -> Result<Box<dyn Signer>, CryptoError> {
        Ok(Box::new(MlDsaSigner::<P>::new(private)?))
    }

    fn load_verifier(&self, public: &[u8]) -> Result<Box<dyn Verifier>, CryptoError> {
        let public = public.try_into().map_err(|_| CryptoError::InvalidPublicKey)?; // R013
        Ok(Box::new(MlDsaVerifier(VerifyingKey::<P>::decode(&public))))
    }
}

struct MlDsaSigner<P: ParameterSet> {
    key: SigningKey<P>,
    public: Vec<u8>,
}

impl<P: ParameterSet> MlDsaSigner<P> {
    fn new(private: &Secret) -> Result<Self, CryptoError> {
        let seed =
            <[u8; SEED_LEN]>::try_from(private.as_bytes()).map_err(|_| CryptoError::InvalidPrivateKey)?;
        let seed = Zeroizing::new(seed);
        let key = SigningKey::from_seed((&*seed).into());
        let public = key.verifying_key().encode().to_vec();
        Ok(Self { key, public })
    }
}

impl<P: ParameterSet> Signer for MlDsaSigner<P> {
    fn scheme(&self) -> SignatureScheme {
        P::SCHEME
    }

    fn public(&self) -> &[u8] {
        &self.public
    }

    fn sign(&self, message: &[&[u8]]) -> Result<Vec<u8>, CryptoError> {
        let signature =
            self.key.try_multipart_sign(message).map_err(|_| CryptoError::Backend("ML-DSA signing"))?;
        Ok(signature.to_bytes().to_vec())
    }
}

impl<P: ParameterSet> fmt::Debug for MlDsaSigner<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MlDsaSigner({}, redacted)", P::SCHEME)
    }
}

struct MlDsaVerifier<P: ParameterSet>(VerifyingKey<P>);

impl<P: ParameterSet> Verifier for MlDsaVerifier<P> {
    fn verify(&self, message: &[&[u8]], signature: &[u8]) -> Result<(), CryptoError> {
        let signature = ml_dsa::Signature::try_from(signature).map_err(|_| CryptoError::InvalidSignature)?; // R016
        self.0.multipart_verify(message, &signature).map_err(|_| CryptoError::InvalidSignature)
    }
}

impl<P: ParameterSet> fmt::Debug for MlDsaVerifier<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MlDsaVerifier({})", P::SCHEME)
    }
}
