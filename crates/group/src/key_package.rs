//! Key packages (RFC 9420 §10): making them, validating them, and the row that keeps their private keys.

use crate::leaf::{LeafRules, Place, check_extensions, check_leaf, check_lifetime};
use crate::row::{Reader, Writer};
use crate::{Env, Grease, GroupError, IncompatibleError, LeafSpec, MisbehaviorError, MisuseError, RowKind};
use alloc::vec::Vec;
use pleach_crypto::{CipherSuite, CipherSuiteId, KemKeyPair, Secret, Signer, SuiteAlgorithms};
use pleach_wire::{
    Extensions, HpkePublicKey, Kept, KeyPackage, LeafIndex, LeafNodeSource, Lifetime, MlsMessage,
    MlsMessageBody, Opaque, ProtocolVersion, decode, encode,
};
use zeroize::Zeroizing;

const FORMAT: u8 = 1;

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
        key_package_ref(suite, &self.key_package)
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

/// The KeyPackageRef of a key package (§5.2, R019).
pub(crate) fn key_package_ref(
    suite: &CipherSuite,
    key_package: &Kept<KeyPackage>,
) -> Result<Vec<u8>, GroupError> {
    let digest = suite.ref_hash(b"MLS 1.0 KeyPackage Reference", key_package.bytes())?;
    Ok(digest.as_bytes().to_vec())
}

/// Makes a key package (§10). Two fresh KEM key pairs (R148, R157), two signatures.
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
        suite.sign_with_label(signer, b"KeyPackageTBS", &[key_package.bytes_before_signature()])?;
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
    validate_key_package(env, suite, &record.key_package, &LeafRules::default(), true)?;
    Ok(record)
}

/// Validates a key package (§10.1): on receiving one, and before adding it.
pub(crate) fn validate_key_package(
    env: &Env<'_>,
    suite: &CipherSuite,
    key_package: &Kept<KeyPackage>,
    rules: &LeafRules,
    check_now: bool,
) -> Result<(), GroupError> {
    if key_package.version != ProtocolVersion::MLS10 {
        return Err(MisbehaviorError::Version(key_package.version).into()); // R151, R154
    }
    if key_package.cipher_suite != suite.id {
        return Err(IncompatibleError::KeyPackageSuite(key_package.cipher_suite).into()); // R154
    }
    let leaf = &key_package.leaf_node;
    if key_package.init_key == leaf.encryption_key {
        return Err(MisbehaviorError::InitKeyReused.into()); // R157
    }
    check_extensions(&key_package.extensions, &[])?; // R187; unknown ones are ignored (R153, R259)
    suite.kem.load_public(&key_package.init_key).map_err(|_| MisbehaviorError::KeyPackageKey)?; // R148
    check_lifetime(leaf, &env.config.lifetime, env.now, check_now)?;
    check_leaf(suite, leaf, Place::KeyPackage, b"", rules, true)?; // R149, R155
    let verifier = suite
        .signature
        .load_verifier(&leaf.signature_key)
        .map_err(|_| MisbehaviorError::KeyPackageSignature)?;
    suite
        .verify_with_label(
            &*verifier,
            b"KeyPackageTBS",
            &[key_package.bytes_before_signature()],
            &key_package.signature,
        )
        .map_err(|_| MisbehaviorError::KeyPackageSignature)?; // R150, R156
    Ok(())
}

/// The suite, or the error that the group's user sees (R012).
pub(crate) fn suite<'a>(env: &Env<'a>, id: CipherSuiteId) -> Result<&'a CipherSuite, GroupError> {
    env.provider.suite(id).map_err(|error| IncompatibleError::CipherSuite(error).into())
}
