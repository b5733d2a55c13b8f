//! A provider that counts its calls: proof of which backend did what, and that a suite of several backends uses each.
//!
//! [`Counting`] wraps the suites of a provider; every primitive goes to the algorithm underneath, and counts. Keys that an
//! algorithm loads are wrapped as well, so encapsulations and signatures count where they happen. Each `Counting` counts
//! apart from all others, two of one backend too.
//!
//! Cost: one atomic increment a call. The wrappers are leaked on purpose (some hundred bytes for each suite), because
//! algorithms are `'static`: make one per test, not one per message.

use std::fmt;
use std::ops::Index;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pleach_crypto::{
    Aead, AeadId, CipherSuite, CipherSuiteId, CryptoError, CryptoProvider, Digest, Hash, Kdf, KdfId, Kem,
    KemId, KemKeyPair, KemPrivateKey, KemPublicKey, Secret, SecureRandom, Signature, SignatureKeyPair,
    SignatureScheme, Signed, Signer, Verifier,
};

macro_rules! primitives {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What an algorithm is called for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Primitive { $($(#[$doc])* $name,)* }

        impl Primitive {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

primitives! {
    /// The hash.
    Hash,
    /// HMAC with the hash.
    Hmac,
    /// Extraction by the KDF.
    Extract,
    /// Expansion by the KDF.
    Expand,
    /// Encryption by the AEAD.
    Seal,
    /// Decryption by the AEAD.
    Open,
    /// A KEM key pair derived or generated.
    DeriveKeyPair,
    /// A public key of the KEM parsed.
    LoadPublic,
    /// A private key of the KEM parsed.
    LoadPrivate,
    /// Encapsulation.
    Encap,
    /// Decapsulation.
    Decap,
    /// A signature key pair generated.
    GenerateSigner,
    /// A private signature key parsed.
    LoadSigner,
    /// A signature made.
    Sign,
    /// A public signature key parsed.
    LoadVerifier,
    /// A signature verified alone.
    Verify,
    /// Signatures verified together: one for each batch, however many are in it.
    VerifyBatch,
    /// Randomness asked of the provider.
    Random,
}

/// How often each [`Primitive`] was called: at one time, or between two ([`Counts::since`]).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Counts([u64; Primitive::ALL.len()]);

impl Index<Primitive> for Counts {
    type Output = u64;

    fn index(&self, primitive: Primitive) -> &u64 {
        &self.0[primitive as usize]
    }
}

impl Counts {
    /// What happened since `before`.
    #[must_use]
    pub fn since(mut self, before: &Self) -> Self {
        for (now, then) in self.0.iter_mut().zip(before.0) {
            *now -= then;
        }
        self
    }

    /// All calls of these primitives.
    #[must_use]
    pub fn sum(&self, of: &[Primitive]) -> u64 {
        of.iter().map(|primitive| self[*primitive]).sum()
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let called = Primitive::ALL.iter().map(|primitive| (primitive, self[*primitive]));
        f.debug_map().entries(called.filter(|(_, calls)| *calls > 0)).finish()
    }
}

#[derive(Default)]
struct Counters([AtomicU64; Primitive::ALL.len()]);

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.read(), f)
    }
}

impl Counters {
    fn count(&self, primitive: Primitive) {
        self.0[primitive as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> Counts {
        Counts(std::array::from_fn(|i| self.0[i].load(Ordering::Relaxed)))
    }
}

/// A provider whose calls are counted.
#[derive(Debug, Clone)]
pub struct Counting {
    provider: CryptoProvider,
    counters: &'static Counters,
}

impl Counting {
    /// Counts the calls of this provider's suites and of its randomness.
    #[must_use]
    pub fn new(provider: &CryptoProvider) -> Self {
        let counters: &'static Counters = Box::leak(Box::default());
        let suites = provider.suites.iter().map(|suite| counted(suite, counters)).collect();
        let random = Arc::new(Counted { inner: provider.random.clone(), counters });
        Self { provider: CryptoProvider { suites, random }, counters }
    }

    /// The same for one suite of the provider, which is then the only one.
    ///
    /// # Errors
    /// [`CryptoError::UnsupportedCipherSuite`].
    pub fn one(provider: &CryptoProvider, suite: CipherSuiteId) -> Result<Self, CryptoError> {
        let suite = *provider.suite(suite)?;
        Ok(Self::new(&CryptoProvider { suites: vec![suite].into(), random: provider.random.clone() }))
    }

    /// The provider to use.
    #[must_use]
    pub const fn provider(&self) -> &CryptoProvider {
        &self.provider
    }

    /// What was called so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counters.read()
    }

    /// What `work` calls, if nothing else uses the provider meanwhile.
    pub fn counted<T>(&self, work: impl FnOnce() -> T) -> (T, Counts) {
        let before = self.counts();
        let result = work();
        (result, self.counts().since(&before))
    }
}

/// Something that counts into `counters` and passes on to `inner`.
#[derive(Debug, Clone, Copy)]
struct Counted<T> {
    inner: T,
    counters: &'static Counters,
}

fn counted(suite: &CipherSuite, counters: &'static Counters) -> CipherSuite {
    let CipherSuite { id, hash, kdf, aead, kem, signature } = *suite;
    CipherSuite {
        id,
        hash: leaked(hash, counters),
        kdf: leaked(kdf, counters),
        aead: leaked(aead, counters),
        kem: leaked(kem, counters),
        signature: leaked(signature, counters),
    }
}

fn leaked<T>(inner: T, counters: &'static Counters) -> &'static Counted<T> {
    Box::leak(Box::new(Counted { inner, counters }))
}

impl<T> Counted<T> {
    fn with<U>(&self, inner: U) -> Counted<U> {
        Counted { inner, counters: self.counters }
    }

    fn count(&self, primitive: Primitive) -> &T {
        self.counters.count(primitive);
        &self.inner
    }
}

impl Hash for Counted<&'static dyn Hash> {
    fn output_len(&self) -> usize {
        self.inner.output_len()
    }

    fn hash(&self, parts: &[&[u8]]) -> Digest {
        self.count(Primitive::Hash).hash(parts)
    }

    fn hmac(&self, key: &Secret, parts: &[&[u8]]) -> Digest {
        self.count(Primitive::Hmac).hmac(key, parts)
    }
}

impl Kdf for Counted<&'static dyn Kdf> {
    fn id(&self) -> KdfId {
        self.inner.id()
    }

    fn extract_len(&self) -> usize {
        self.inner.extract_len()
    }

    fn extract(&self, salt: &[u8], ikm: &[&[u8]]) -> Secret {
        self.count(Primitive::Extract).extract(salt, ikm)
    }

    fn expand(&self, prk: &Secret, info: &[&[u8]], len: usize) -> Result<Secret, CryptoError> {
        self.count(Primitive::Expand).expand(prk, info, len)
    }
}

impl Aead for Counted<&'static dyn Aead> {
    fn id(&self) -> AeadId {
        self.inner.id()
    }

    fn key_len(&self) -> usize {
        self.inner.key_len()
    }

    fn nonce_len(&self) -> usize {
        self.inner.nonce_len()
    }

    fn tag_len(&self) -> usize {
        self.inner.tag_len()
    }

    fn seal(&self, key: &Secret, nonce: &[u8], aad: &[u8], in_out: &mut Vec<u8>) -> Result<(), CryptoError> {
        self.count(Primitive::Seal).seal(key, nonce, aad, in_out)
    }

    fn open(&self, key: &Secret, nonce: &[u8], aad: &[u8], in_out: &mut Vec<u8>) -> Result<(), CryptoError> {
        self.count(Primitive::Open).open(key, nonce, aad, in_out)
    }
}

impl Kem for Counted<&'static dyn Kem> {
    fn id(&self) -> KemId {
        self.inner.id()
    }

    fn public_len(&self) -> usize {
        self.inner.public_len()
    }

    fn private_len(&self) -> usize {
        self.inner.private_len()
    }

    fn enc_len(&self) -> usize {
        self.inner.enc_len()
    }

    fn derive_key_pair(&self, ikm: &Secret) -> Result<KemKeyPair, CryptoError> {
        self.count(Primitive::DeriveKeyPair).derive_key_pair(ikm)
    }

    fn generate_key_pair(&self, rng: &dyn SecureRandom) -> Result<KemKeyPair, CryptoError> {
        self.count(Primitive::DeriveKeyPair).generate_key_pair(rng)
    }

    fn load_public(&self, bytes: &[u8]) -> Result<Box<dyn KemPublicKey>, CryptoError> {
        Ok(Box::new(self.with(self.count(Primitive::LoadPublic).load_public(bytes)?)))
    }

    fn check_public(&self, bytes: &[u8]) -> Result<(), CryptoError> {
        self.count(Primitive::LoadPublic).check_public(bytes)
    }

    fn load_private(&self, bytes: &Secret) -> Result<Box<dyn KemPrivateKey>, CryptoError> {
        Ok(Box::new(self.with(self.count(Primitive::LoadPrivate).load_private(bytes)?)))
    }
}

impl KemPublicKey for Counted<Box<dyn KemPublicKey>> {
    fn encap(&self, rng: &dyn SecureRandom) -> Result<(Secret, Vec<u8>), CryptoError> {
        self.count(Primitive::Encap).encap(rng)
    }
}

impl KemPrivateKey for Counted<Box<dyn KemPrivateKey>> {
    fn public(&self) -> &[u8] {
        self.inner.public()
    }

    fn decap(&self, enc: &[u8]) -> Result<Secret, CryptoError> {
        self.count(Primitive::Decap).decap(enc)
    }
}

impl Signature for Counted<&'static dyn Signature> {
    fn scheme(&self) -> SignatureScheme {
        self.inner.scheme()
    }

    fn generate_key_pair(&self, rng: &dyn SecureRandom) -> Result<SignatureKeyPair, CryptoError> {
        self.count(Primitive::GenerateSigner).generate_key_pair(rng)
    }

    fn load_signer(&self, private: &Secret) -> Result<Box<dyn Signer>, CryptoError> {
        Ok(Box::new(self.with(self.count(Primitive::LoadSigner).load_signer(private)?)))
    }

    fn load_verifier(&self, public: &[u8]) -> Result<Box<dyn Verifier>, CryptoError> {
        Ok(Box::new(self.with(self.count(Primitive::LoadVerifier).load_verifier(public)?)))
    }

    fn verify_batch(&self, items: &[Signed<'_>], rng: &dyn SecureRandom) -> Result<(), CryptoError> {
        self.count(Primitive::VerifyBatch).verify_batch(items, rng)
    }
}

impl Signer for Counted<Box<dyn Signer>> {
    fn scheme(&self) -> SignatureScheme {
        self.inner.scheme()
    }

    fn public(&self) -> &[u8] {
        self.inner.public()
    }

    fn sign(&self, message: &[&[u8]]) -> Result<Vec<u8>, CryptoError> {
        self.count(Primitive::Sign).sign(message)
    }
}

impl Verifier for Counted<Box<dyn Verifier>> {
    fn verify(&self, message: &[&[u8]], signature: &[u8]) -> Result<(), CryptoError> {
        self.count(Primitive::Verify).verify(message, signature)
    }
}

impl SecureRandom for Counted<Arc<dyn SecureRandom>> {
    fn fill(&self, out: &mut [u8]) -> Result<(), CryptoError> {
        self.count(Primitive::Random).fill(out)
    }

    fn secret(&self, len: usize) -> Result<Secret, CryptoError> {
        self.count(Primitive::Random).secret(len)
    }

    fn bytes(&self, len: usize) -> Result<Vec<u8>, CryptoError> {
        self.count(Primitive::Random).bytes(len)
    }
}

#[cfg(test)]
mod tests {
    use super::{Counting, Primitive};
    use pleach_crypto::{CipherSuite, CipherSuiteId, Signed};

    const ID: CipherSuiteId = CipherSuiteId::X25519_AES128GCM_SHA256_ED25519;

    fn counting() -> Counting {
        Counting::one(&pleach_rustcrypto::provider(), ID).unwrap()
    }

    /// Everything that a suite can do.
    fn use_all(suite: &CipherSuite, random: &dyn pleach_crypto::SecureRandom) {
        let pair = suite.kem.generate_key_pair(random).unwrap();
        let (secret, enc) = suite.kem.load_public(&pair.public).unwrap().encap(random).unwrap();
        assert_eq!(suite.kem.load_private(&pair.private).unwrap().decap(&enc).unwrap(), secret);
        let keys = suite.signature.generate_key_pair(random).unwrap();
        let signature = suite.signature.load_signer(&keys.private).unwrap().sign(&[b"text"]).unwrap();
        suite.signature.load_verifier(&keys.public).unwrap().verify(&[b"text"], &signature).unwrap();
        let signed = Signed { public: &keys.public, message: &[b"text"], signature: &signature };
        suite.signature.verify_batch(&[signed; 3], random).unwrap();
        let key = suite.kdf.extract(b"", &[secret.as_bytes()]);
        let key = suite.kdf.expand(&key, &[b"key"], suite.aead.key_len()).unwrap();
        let mut text = b"text".to_vec();
        suite.aead.seal(&key, &[0; 12], b"", &mut text).unwrap();
        suite.aead.open(&key, &[0; 12], b"", &mut text).unwrap();
        assert_eq!(text, b"text");
        suite.hash.hash(&[b"text"]);
        suite.hash.hmac(&key, &[b"text"]);
    }

    #[test]
    fn every_primitive_counts() {
        let counting = counting();
        use_all(counting.provider().suite(ID).unwrap(), &*counting.provider().random);
        let counts = counting.counts();
        for &primitive in Primitive::ALL {
            // Randomness as often as the backend likes.
            let expected = if primitive == Primitive::Random { counts[primitive].max(1) } else { 1 };
            assert_eq!(counts[primitive], expected, "{primitive:?}");
        }
    }

    #[test]
    fn each_counts_for_itself_in_a_suite_of_two() {
        let (one, other) = (counting(), counting());
        let (a, b) = (one.provider().suite(ID).unwrap(), other.provider().suite(ID).unwrap());
        let mixed = CipherSuite { kem: a.kem, ..*b };
        let ((), of_one) = one.counted(|| use_all(&mixed, &*other.provider().random));
        assert_eq!((of_one[Primitive::Encap], of_one[Primitive::Decap]), (1, 1));
        assert_eq!(of_one.sum(&[Primitive::Seal, Primitive::Sign, Primitive::Hash, Primitive::Random]), 0);
        let of_other = other.counts();
        assert_eq!((of_other[Primitive::Encap], of_other[Primitive::Seal]), (0, 1));
        assert_eq!(format!("{:?}", one.counts().since(&one.counts())), "{}");
    }
}
