//! Key packages (RFC 9420 §10): making them, validating them, and the row that keeps their private keys.

use crate::leaf::{LEAF_NODE_TBS, LeafRules, Place, check_extensions, check_leaf, check_lifetime};
use crate::row::{Reader, Writer};
use crate::{
    Env, Grease, GroupError, IncompatibleError, LeafSpec, LifetimePolicy, MisbehaviorError, MisuseError,
    RowKind,
};
use alloc::vec::Vec;
use pleach_crypto::{
    CipherSuite, CipherSuiteId, CryptoError, CryptoProvider, Executor, KemKeyPair, Secret, SecureRandom,
    Signed, Signer, SuiteAlgorithms, in_chunks,
};
use pleach_wire::{
    Extensions, HpkePublicKey, Kept, KeyPackage, LeafIndex, LeafNodeSource, Lifetime, MlsMessage,
    MlsMessageBody, Opaque, ProtocolVersion, decode, encode,
};
use zeroize::Zeroizing;

const FORMAT: u8 = 1;

/// The label of a key package's signature (§10).
const KEY_PACKAGE_TBS: &[u8] = b"KeyPackageTBS";

/// What the owner of a key package chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPackageSpec {
    /// The suite.
    pub cipher_suite: CipherSuiteId,
    /// The leaf.
    pub leaf: LeafSpec,
    /// When it is valid, in seconds since 1970.
    pub lifetime: Lifetime,
    /// Extensions of the key package itself.
    pub extensions: Extensions,
    /// Whether it may be used more than once (R158).
    pub last_resort: bool,
}

/// A key package with its private keys.
#[derive(Debug, Clone)]
pub struct KeyPackageRecord {
    /// The key package.
    pub key_package: Kept<KeyPackage>,
    /// The private key of `init_key`.
    pub init_private: Secret,
    /// The private key of the leaf's `encryption_key`.
    pub leaf_private: Secret,
    /// Whether it stays after a join.
    pub last_resort: bool,
    /// What the suite's number stood for when the keys were made.
    pub algorithms: SuiteAlgorithms,
    /// When it was made, in seconds since 1970; 0 if it was made elsewhere.
    pub made: u64,
    /// When the delivery service handed it out, if the application said so.
    pub claimed: Option<u64>,
    /// Whether it came with an import: the original may have been used since.
    pub imported: bool,
}

impl KeyPackageRecord {
    /// A record from a key package and private keys made elsewhere.
    ///
    /// # Errors
    /// [`MisuseError::KeyMismatch`] if a private key does not fit.
    pub fn import(
        suite: &CipherSuite,
        key_package: Kept<KeyPackage>,
        init_private: Secret,
        leaf_private: Secret,
        last_resort: bool,
    ) -> Result<Self, GroupError> {
        let fits = |private: &Secret, public: &[u8]| {
            suite.kem.load_private(private).is_ok_and(|loaded| loaded.public() == public)
        };
        if fits(&init_private, &key_package.init_key)
            && fits(&leaf_private, &key_package.leaf_node.encryption_key)
        {
            Ok(Self {
                key_package,
                init_private,
                leaf_private,
                last_resort,
                algorithms: suite.algorithms(),
                made: 0,
                claimed: None,
                imported: false,
            })
        } else {
            Err(MisuseError::KeyMismatch.into())
        }
    }

    /// The MLSMessage to publish.
    ///
    /// # Errors
    /// [`MisuseError::TooLong`].
    pub fn message(&self) -> Result<Vec<u8>, GroupError> {
        Ok(encode(&MlsMessage::from(MlsMessageBody::KeyPackage(self.key_package.clone())))?)
    }

    /// The KeyPackageRef (§5.2, R019), over the bare KeyPackage.
    ///
    /// # Errors
    /// Those of the hash.
    pub fn reference(&self, suite: &CipherSuite) -> Result<Vec<u8>, GroupError> {
        reference(suite, &self.key_package)
    }

    /// The row.
    #[must_use]
    pub fn to_row(&self) -> Zeroizing<Vec<u8>> {
        let mut row = Writer::new(0, FORMAT);
        row.u8(u8::from(self.last_resort) | u8::from(self.imported) << 1);
        row.u64(self.made);
        // A key package is not handed out before 1970.
        row.u64(self.claimed.unwrap_or(0));
        row.algorithms(self.algorithms);
        row.bytes(self.key_package.bytes());
        row.bytes(self.init_private.as_bytes());
        row.bytes(self.leaf_private.as_bytes());
        row.finish()
    }

    /// Reads the row.
    ///
    /// # Errors
    /// [`crate::RowError`].
    pub fn from_row(row: &[u8]) -> Result<Self, GroupError> {
        let (_, mut row) = Reader::new(RowKind::KeyPackage, row, FORMAT)?;
        let flags = row.u8()?;
        if flags > 3 {
            return Err(row.impossible().into());
        }
        let made = row.u64()?;
        let claimed = Some(row.u64()?).filter(|at| *at != 0);
        let algorithms = row.algorithms()?;
        let key_package = decode(row.bytes()?).map_err(|_| row.impossible())?;
        let init_private = Secret::copy_from(row.bytes()?);
        let leaf_private = Secret::copy_from(row.bytes()?);
        row.end()?;
        let (last_resort, imported) = (flags & 1 != 0, flags & 2 != 0);
        Ok(Self { key_package, init_private, leaf_private, last_resort, algorithms, made, claimed, imported })
    }
}

/// The KeyPackageRef of a key package (§5.2, R019), whose suite is one of the provider's.
///
/// # Errors
/// [`IncompatibleError::CipherSuite`].
pub fn key_package_ref(
    provider: &CryptoProvider,
    key_package: &Kept<KeyPackage>,
) -> Result<Vec<u8>, GroupError> {
    let suite = provider.suite(key_package.cipher_suite).map_err(IncompatibleError::CipherSuite)?;
    reference(suite, key_package)
}

/// The KeyPackageRef, of a key package of this suite.
pub(crate) fn reference(suite: &CipherSuite, key_package: &Kept<KeyPackage>) -> Result<Vec<u8>, GroupError> {
    let digest = suite.ref_hash(b"MLS 1.0 KeyPackage Reference", key_package.bytes())?;
    Ok(digest.as_bytes().to_vec())
}

/// Makes a key package (§10). Two fresh KEM key pairs (R148, R157), two signatures.
///
/// It is held against the rules that a recipient has, but for its signatures, which are taken as the signer made them: to check
/// them would take twice as long as all the rest. [`check_key_package`] does that, for a signer that was not tried yet.
///
/// # Errors
/// Those of the signer and the randomness; [`IncompatibleError::CipherSuite`].
pub fn new_key_package(
    env: &Env<'_>,
    spec: &KeyPackageSpec,
    signer: &dyn Signer,
) -> Result<KeyPackageRecord, GroupError> {
    let suite = suite(env, spec.cipher_suite)?;
    let KemKeyPair { private: init_private, public: init_key } =
        suite.kem.generate_key_pair(&*env.provider.random)?;
    let KemKeyPair { private: leaf_private, public: encryption_key } =
        suite.kem.generate_key_pair(&*env.provider.random)?;
    let source = LeafNodeSource::KeyPackage(spec.lifetime);
    let leaf_node = spec.leaf.sign(env, suite, signer, &encryption_key, source, (b"", LeafIndex(0)))?;
    let mut extensions = spec.extensions.to_vec();
    // R152: the GREASE value is one that the leaf lists.
    Grease::new(env.config.grease, &*env.provider.random)
        .extension(&mut extensions, Some(&leaf_node.capabilities.extensions))?;
    let key_package = Kept::new(KeyPackage {
        version: ProtocolVersion::MLS10,
        cipher_suite: suite.id,
        init_key: HpkePublicKey::from(init_key),
        leaf_node,
        extensions: extensions.into(),
        signature: Opaque::default(),
    })?;
    let signature =
        suite.sign_with_label(signer, KEY_PACKAGE_TBS, &[key_package.bytes_before_signature()])?;
    let key_package = key_package.with_signature(signature.into())?;
    let algorithms = suite.algorithms();
    let last_resort = spec.last_resort;
    let record = KeyPackageRecord {
        key_package,
        init_private,
        leaf_private,
        last_resort,
        algorithms,
        made: env.now,
        claimed: None,
        imported: false,
    };
    Validation::new(env, suite, &LeafRules::default(), true).check(&record.key_package)?;
    Ok(record)
}

/// Validates a key package as who gets it from a delivery service does (§10.1), with no group in mind.
///
/// # Errors
/// [`MisbehaviorError`]; [`IncompatibleError::CipherSuite`].
pub fn check_key_package(env: &Env<'_>, key_package: &Kept<KeyPackage>) -> Result<(), GroupError> {
    let suite = suite(env, key_package.cipher_suite)?;
    validate_key_package(env, suite, key_package, &LeafRules::default(), true)
}

/// Validates a key package (§10.1): on receiving one, and before adding it.
pub(crate) fn validate_key_package(
    env: &Env<'_>,
    suite: &CipherSuite,
    key_package: &Kept<KeyPackage>,
    rules: &LeafRules,
    check_now: bool,
) -> Result<(), GroupError> {
    Validation::new(env, suite, rules, check_now).validate(key_package)
}

/// What key packages are validated against. Not [`Env`], so that threads can share it.
pub(crate) struct Validation<'a> {
    suite: &'a CipherSuite,
    rules: &'a LeafRules,
    lifetime: &'a LifetimePolicy,
    now: u64,
    check_now: bool,
    random: &'a dyn SecureRandom,
}

/// Key packages that are validated together: two signatures each, in one batch.
const SHARE: core::ops::RangeInclusive<usize> = 8..=2048;

impl<'a> Validation<'a> {
    pub(crate) fn new(env: &Env<'a>, suite: &'a CipherSuite, rules: &'a LeafRules, check_now: bool) -> Self {
        let random = &*env.provider.random;
        Self { suite, rules, lifetime: &env.config.lifetime, now: env.now, check_now, random }
    }

    /// Validates many key packages as if one after the other, their signatures in batches on the executor's threads.
    pub(crate) fn validate_all(
        &self,
        executor: &dyn Executor,
        key_packages: &[&Kept<KeyPackage>],
    ) -> Result<(), GroupError> {
        in_chunks(executor, key_packages, SHARE, &|chunk| self.validate_batch(chunk)).map(drop)
    }

    /// The signatures of all at once; if that fails, the first key package that is to blame says so.
    fn validate_batch(&self, key_packages: &[&Kept<KeyPackage>]) -> Result<(), GroupError> {
        if let [one] = key_packages {
            return self.validate(one);
        }
        let all_but_signatures = key_packages.iter().try_for_each(|key_package| self.check(key_package));
        if all_but_signatures.is_ok() && self.verify_together(key_packages).is_ok() {
            return Ok(());
        }
        key_packages.iter().try_for_each(|key_package| self.validate(key_package))
    }

    fn validate(&self, key_package: &Kept<KeyPackage>) -> Result<(), GroupError> {
        self.check(key_package)?;
        let leaf = &key_package.leaf_node;
        // Both are of one key: parsed once.
        let verifier = self
            .suite
            .signature
            .load_verifier(&leaf.signature_key)
            .map_err(|_| MisbehaviorError::LeafNodeSignature)?;
        self.suite
            .verify_with_label(&*verifier, LEAF_NODE_TBS, &[leaf.bytes_before_signature()], &leaf.signature)
            .map_err(|_| MisbehaviorError::LeafNodeSignature)?; // R070, R074
        let signed = key_package.bytes_before_signature();
        self.suite
            .verify_with_label(&*verifier, KEY_PACKAGE_TBS, &[signed], &key_package.signature)
            .map_err(|_| MisbehaviorError::KeyPackageSignature)?; // R150, R156
        Ok(())
    }

    /// All but the signatures.
    fn check(&self, key_package: &Kept<KeyPackage>) -> Result<(), GroupError> {
        if key_package.version != ProtocolVersion::MLS10 {
            return Err(MisbehaviorError::Version(key_package.version).into()); // R151, R154
        }
        if key_package.cipher_suite != self.suite.id {
            return Err(IncompatibleError::KeyPackageSuite(key_package.cipher_suite).into()); // R154
        }
        let leaf = &key_package.leaf_node;
        if key_package.init_key == leaf.encryption_key {
            return Err(MisbehaviorError::InitKeyReused.into()); // R157
        }
        check_extensions(&key_package.extensions, &[])?; // R187; unknown ones are ignored (R153, R259)
        self.suite.kem.check_public(&key_package.init_key).map_err(|_| MisbehaviorError::KeyPackageKey)?; // R148
        check_lifetime(leaf, self.lifetime, self.now, self.check_now)?;
        check_leaf(self.suite, leaf, Place::KeyPackage, b"", self.rules, false) // R149, R155
    }

    /// Both signatures of each. That the leaf's source is a key package, so that its content is all that it signs, was
    /// checked before.
    fn verify_together(&self, key_packages: &[&Kept<KeyPackage>]) -> Result<(), CryptoError> {
        let mut heads = Vec::with_capacity(key_packages.len());
        for key_package in key_packages {
            let (leaf, whole) =
                (key_package.leaf_node.bytes_before_signature(), key_package.bytes_before_signature());
            heads.push((
                self.suite.sign_content_head(LEAF_NODE_TBS, leaf.len())?,
                self.suite.sign_content_head(KEY_PACKAGE_TBS, whole.len())?,
            ));
        }
        let parts: Vec<[[&[u8]; 2]; 2]> = key_packages
            .iter()
            .zip(&heads)
            .map(|(key_package, (leaf, whole))| {
                [
                    [leaf, key_package.leaf_node.bytes_before_signature()],
                    [whole, key_package.bytes_before_signature()],
                ]
            })
            .collect();
        let mut signed = Vec::with_capacity(2 * key_packages.len());
        for (key_package, [leaf, whole]) in key_packages.iter().zip(&parts) {
            let public = key_package.leaf_node.signature_key.as_bytes();
            // Side by side: then the key of both is parsed once.
            signed.push(Signed { public, message: leaf, signature: &key_package.leaf_node.signature });
            signed.push(Signed { public, message: whole, signature: &key_package.signature });
        }
        self.suite.signature.verify_batch(&signed, self.random) // R070, R074, R150, R156
    }
}

/// The suite, or the error that the group's user sees (R012).
pub(crate) fn suite<'a>(env: &Env<'a>, id: CipherSuiteId) -> Result<&'a CipherSuite, GroupError> {
    env.provider.suite(id).map_err(|error| IncompatibleError::CipherSuite(error).into())
}
