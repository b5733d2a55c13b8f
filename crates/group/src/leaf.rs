//! Leaf nodes: making them (RFC 9420 §7.2) and validating them (§7.3).

use crate::x509;
use crate::{Env, Grease, GroupError, IncompatibleError, LifetimePolicy, MisbehaviorError};
use alloc::vec::Vec;
use pleach_crypto::{CipherSuite, Signer, Verifier};
use pleach_wire::{
    Capabilities, Credential, Extension, ExtensionType, Extensions, HpkePublicKey, Kept, LeafIndex, LeafNode,
    LeafNodeSource, Lifetime, Opaque, RequiredCapabilities, SignaturePublicKey,
};

/// The label of a leaf's signature (§7.2).
pub(crate) const LEAF_NODE_TBS: &[u8] = b"LeafNodeTBS";

/// What the owner of a leaf chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafSpec {
    /// Its credential.
    pub credential: Credential,
    /// Its capabilities, without default types (R062) and without GREASE.
    pub capabilities: Capabilities,
    /// Its extensions.
    pub extensions: Extensions,
}

impl LeafSpec {
    /// Makes and signs a leaf node. `place` is the group and index that an update or commit leaf is signed for (R070).
    pub(crate) fn sign(
        &self,
        env: &Env<'_>,
        suite: &CipherSuite,
        signer: &dyn Signer,
        encryption_key: &[u8],
        source: LeafNodeSource,
        place: (&[u8], LeafIndex),
    ) -> Result<Kept<LeafNode>, GroupError> {
        let mut capabilities = self.capabilities.clone();
        let mut extensions: Vec<Extension> = self.extensions.to_vec();
        Grease::new(env.config.grease, &*env.provider.random).leaf(&mut capabilities, &mut extensions)?;
        let leaf = LeafNode {
            encryption_key: HpkePublicKey::from(encryption_key),
            signature_key: SignaturePublicKey::from(signer.public()),
            credential: self.credential.clone(),
            capabilities,
            leaf_node_source: source,
            extensions: extensions.into(),
            signature: Opaque::default(),
        };
        sign_leaf(suite, signer, leaf, place)
    }

    /// The choices behind an existing leaf, without its GREASE.
    pub(crate) fn of(leaf: &LeafNode) -> Self {
        let Capabilities { versions, cipher_suites, extensions, proposals, credentials } = &leaf.capabilities;
        Self {
            credential: leaf.credential.clone(),
            capabilities: Capabilities {
                versions: versions.clone(),
                cipher_suites: cipher_suites
                    .iter()
                    .copied()
                    .filter(|suite| !pleach_wire::is_grease_value(suite.0))
                    .collect(),
                extensions: extensions.iter().copied().filter(|value| !value.is_grease()).collect(),
                proposals: proposals.iter().copied().filter(|value| !value.is_grease()).collect(),
                credentials: credentials.iter().copied().filter(|value| !value.is_grease()).collect(),
            },
            extensions: leaf
                .extensions
                .iter()
                .filter(|extension| !extension.extension_type.is_grease())
                .cloned()
                .collect(),
        }
    }
}

/// Signs a leaf (label `LeafNodeTBS`, R070).
pub(crate) fn sign_leaf(
    suite: &CipherSuite,
    signer: &dyn Signer,
    leaf: LeafNode,
    (group_id, index): (&[u8], LeafIndex),
) -> Result<Kept<LeafNode>, GroupError> {
    let leaf = Kept::new(leaf)?;
    let tbs = leaf.tbs(group_id, index)?;
    let signature = suite.sign_with_label(signer, LEAF_NODE_TBS, &[&tbs])?;
    Ok(leaf.with_signature(signature.into())?)
}

/// Where a leaf was met; its source must fit (R080).
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    /// In a key package.
    KeyPackage,
    /// In an Update of this leaf.
    Update(&'a LeafNode, LeafIndex),
    /// In the path of a Commit of the member with this leaf, or of a client that joins there.
    Commit(Option<&'a LeafNode>, LeafIndex),
}

/// What the group asks of every leaf, parsed once for a list of proposals.
#[derive(Debug, Clone, Default)]
pub(crate) struct LeafRules {
    pub(crate) required: Option<RequiredCapabilities>,
    pub(crate) extension_types: Vec<ExtensionType>,
}

impl LeafRules {
    pub(crate) fn of(extensions: &Extensions) -> Result<Self, GroupError> {
        Ok(Self {
            required: extensions.required_capabilities()?,
            extension_types: extensions
                .iter()
                .map(|extension| extension.extension_type)
                .filter(|extension| !extension.is_default())
                .collect(),
        })
    }

    /// R075, R085, R165, R166: what one leaf must support.
    pub(crate) fn check(&self, leaf: &LeafNode) -> Result<(), GroupError> {
        let capabilities = &leaf.capabilities;
        for extension in &self.extension_types {
            if !capabilities.extensions.contains(extension) {
                return Err(IncompatibleError::GroupContextExtension(*extension).into()); // R085
            }
        }
        let Some(required) = &self.required else { return Ok(()) };
        let extensions = required.extension_types.iter().filter(|value| !value.is_default());
        let proposals = required.proposal_types.iter().filter(|value| !value.is_default());
        if extensions.clone().all(|value| capabilities.extensions.contains(value))
            && proposals.clone().all(|value| capabilities.proposals.contains(value))
            && required.credential_types.iter().all(|value| capabilities.credentials.contains(value))
        {
            Ok(())
        } else {
            Err(IncompatibleError::RequiredCapability.into()) // R075
        }
    }
}

/// The checks of §7.3 that concern one leaf alone. `signature` is checked unless the caller does it in a batch.
pub(crate) fn check_leaf(
    suite: &CipherSuite,
    leaf: &Kept<LeafNode>,
    place: Place<'_>,
    group_id: &[u8],
    rules: &LeafRules,
    check_signature: bool,
) -> Result<(), GroupError> {
    // R080
    let (index, replaced) = match (place, &leaf.leaf_node_source) {
        (Place::KeyPackage, LeafNodeSource::KeyPackage(_)) => (LeafIndex(0), None),
        (Place::Update(old, index), LeafNodeSource::Update) => (index, Some(old)),
        (Place::Commit(old, index), LeafNodeSource::Commit { .. }) => (index, old),
        _ => return Err(MisbehaviorError::LeafNodeSource.into()),
    };
    // R081, R082
    if replaced.is_some_and(|old| old.encryption_key == leaf.encryption_key) {
        return Err(MisbehaviorError::EncryptionKeyUnchanged.into());
    }
    check_tree_leaf(suite, leaf, rules)?;
    suite.kem.check_public(&leaf.encryption_key).map_err(|_| MisbehaviorError::KeyPackageKey)?; // R149
    if check_signature {
        let verifier = suite
            .signature
            .load_verifier(&leaf.signature_key)
            .map_err(|_| MisbehaviorError::LeafNodeSignature)?;
        check_leaf_signature(suite, &*verifier, leaf, group_id, index)?;
    }
    Ok(())
}

/// Those of them that concern any leaf, wherever it came from. For the leaves of a tree that is joined there are no others:
/// keys and signatures are checked for all of them at once, by the tree.
pub(crate) fn check_tree_leaf(
    suite: &CipherSuite,
    leaf: &LeafNode,
    rules: &LeafRules,
) -> Result<(), GroupError> {
    check_extensions(&leaf.extensions, &[ExtensionType::APPLICATION_ID])?;
    for extension in leaf.extensions.iter().map(|extension| extension.extension_type) {
        if !extension.is_default() && !leaf.capabilities.extensions.contains(&extension) {
            return Err(MisbehaviorError::LeafExtensionNotListed(extension).into()); // R064, R079
        }
    }
    let credential = leaf.credential.credential_type();
    if !leaf.capabilities.credentials.contains(&credential) {
        return Err(MisbehaviorError::LeafCredentialNotListed(credential).into()); // R065
    }
    check_credential(suite, &leaf.credential, &leaf.signature_key)?;
    rules.check(leaf)
}

/// The signature of a leaf, under its own key.
pub(crate) fn check_leaf_signature(
    suite: &CipherSuite,
    verifier: &dyn Verifier,
    leaf: &Kept<LeafNode>,
    group_id: &[u8],
    index: LeafIndex,
) -> Result<(), GroupError> {
    let tbs = leaf.tbs(group_id, index)?;
    let verified = suite.verify_with_label(verifier, LEAF_NODE_TBS, &[&tbs], &leaf.signature);
    Ok(verified.map_err(|_| MisbehaviorError::LeafNodeSignature)?) // R070, R071, R074
}

/// The form of a credential and that it fits its key (R015, R021, R022, R024).
pub(crate) fn check_credential(
    suite: &CipherSuite,
    credential: &Credential,
    signature_key: &[u8],
) -> Result<(), GroupError> {
    match credential {
        Credential::X509 { certificates } => {
            Ok(x509::check_chain(certificates, signature_key, suite.signature.scheme())?)
        }
        _ => Ok(()),
    }
}

/// R068, R077, R078: the lifetime of a key-package leaf.
pub(crate) fn check_lifetime(
    leaf: &LeafNode,
    policy: &LifetimePolicy,
    now: u64,
    check_now: bool,
) -> Result<(), GroupError> {
    let LeafNodeSource::KeyPackage(Lifetime { not_before, not_after }) = leaf.leaf_node_source else {
        return Ok(());
    };
    if policy.maximum_total.is_some_and(|maximum| not_after.saturating_sub(not_before) > maximum) {
        return Err(MisbehaviorError::LifetimeTooLong.into()); // R068
    }
    let earliest = now.saturating_add(policy.tolerance);
    let latest = now.saturating_sub(policy.tolerance);
    if check_now && (earliest < not_before || not_after < latest) {
        return Err(MisbehaviorError::LifetimeExpired.into()); // R077, R078
    }
    Ok(())
}

/// R187: no type twice. R255, R261: no default type outside `allowed`; unknown types may stand anywhere (R259).
pub(crate) fn check_extensions(extensions: &Extensions, allowed: &[ExtensionType]) -> Result<(), GroupError> {
    if let Some(duplicate) = extensions.first_duplicate() {
        return Err(MisbehaviorError::DuplicateExtension(duplicate).into());
    }
    match extensions
        .iter()
        .map(|extension| extension.extension_type)
        .find(|extension| extension.is_default() && !allowed.contains(extension))
    {
        Some(misplaced) => Err(MisbehaviorError::MisplacedExtension(misplaced).into()),
        None => Ok(()),
    }
}

/// The extensions that a GroupContext may hold among the default ones.
pub(crate) const GROUP_CONTEXT: &[ExtensionType] =
    &[ExtensionType::REQUIRED_CAPABILITIES, ExtensionType::EXTERNAL_SENDERS];
/// The extensions that a GroupInfo may hold among the default ones.
pub(crate) const GROUP_INFO: &[ExtensionType] = &[ExtensionType::RATCHET_TREE, ExtensionType::EXTERNAL_PUB];
