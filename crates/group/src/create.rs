//! Creating a group (RFC 9420 §11): one member, epoch 0.

use crate::clients::Clients;
use crate::epoch::NewEpoch;
use crate::leaf::{LeafRules, Place, check_leaf, check_lifetime};
use crate::state::Attached;
use crate::{Effect, Step};
use crate::{Env, GroupError, GroupState, LeafSpec, MisuseError, Status, apply, key_package};
use alloc::vec::Vec;
use pleach_crypto::{CipherSuiteId, KemKeyPair, Signer};
use pleach_key_schedule::{EpochSecret, interim_transcript_hash};
use pleach_tree::{RatchetTree, TreePrivate};
use pleach_wire::{
    Extensions, GroupContext, LeafIndex, LeafNodeSource, Lifetime, Opaque, ProtocolVersion, encode,
};

/// A group to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGroup {
    /// Its id: unique, for instance `Nh` random bytes (R161).
    pub group_id: Vec<u8>,
    /// Its suite, which all invited clients must support (R160).
    pub cipher_suite: CipherSuiteId,
    /// The creator's leaf.
    pub leaf: LeafSpec,
    /// When the creator's leaf is valid, in seconds since 1970.
    pub lifetime: Lifetime,
    /// The extensions of the GroupContext.
    pub extensions: Extensions,
}

/// Creates a group (R162, R163).
///
/// # Errors
/// Those of the signer; [`crate::IncompatibleError`] if the own leaf does not support what the extensions ask for.
pub fn create_group(
    env: &Env<'_>,
    new: &NewGroup,
    signer: &dyn Signer,
) -> Result<Step<GroupState>, GroupError> {
    let suite = key_package::suite(env, new.cipher_suite)?;
    if signer.scheme() != suite.signature.scheme() {
        return Err(MisuseError::WrongSigner.into()); // R015
    }
    apply::check_group_extensions(&new.extensions)?;
    let KemKeyPair { private, public } = suite.kem.generate_key_pair(&*env.provider.random)?;
    let own_leaf = LeafIndex(0);
    let source = LeafNodeSource::KeyPackage(new.lifetime);
    let leaf = new.leaf.sign(env, suite, signer, &public, source, (&new.group_id, own_leaf))?;
    let rules = LeafRules::of(&new.extensions)?;
    check_lifetime(&leaf, &env.config.lifetime, env.now, true)?;
    check_leaf(suite, &leaf, Place::KeyPackage, &new.group_id, &rules, false)?;

    let tree = RatchetTree::new(suite, leaf);
    let context = GroupContext {
        version: ProtocolVersion::MLS10,
        cipher_suite: suite.id,
        group_id: Opaque::from(new.group_id.as_slice()),
        epoch: 0,
        tree_hash: Opaque::from(tree.tree_hash()?.as_bytes()),
        confirmed_transcript_hash: Opaque::default(), // R121
        extensions: new.extensions.clone(),
    };
    let epoch_secret = EpochSecret::random(suite, &*env.provider.random)?;
    let (secrets, encryption_secret) = epoch_secret.derive(suite)?;
    let confirmation_tag = secrets.confirmation_tag(suite, b"");
    let interim = interim_transcript_hash(suite, b"", confirmation_tag.as_bytes())?; // R121
    let (state, changes) = NewEpoch {
        suite: *suite,
        context_bytes: encode(&context)?,
        context,
        interim_transcript_hash: interim,
        confirmation_tag: confirmation_tag.as_bytes().to_vec(),
        secrets,
        encryption_secret,
        attached: Attached { tree, private: TreePrivate::new(own_leaf, private), clients: Clients::Stored },
        index: Vec::new(),
        own_leaf,
        own_signature_key: signer.public().to_vec(),
        status: Status::Active,
    }
    .found(env)?;
    Ok(Step { changes, effect: Effect::None, output: state })
}
