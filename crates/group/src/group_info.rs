//! GroupInfo (RFC 9420 §12.4.3): making one, and verifying one together with its tree.

use crate::leaf::{GROUP_INFO, LeafRules, check_extensions, check_lifetime, check_tree_leaf};
use crate::{
    Env, Grease, GroupError, GroupState, IncompatibleError, MisbehaviorError, StepResult, apply, key_package,
};
use alloc::vec::Vec;
use pleach_crypto::{CipherSuite, Signer, in_chunks};
use pleach_tree::RatchetTree;
use pleach_wire::{
    Extension, ExternalPub, GroupContext, GroupInfo, HpkePublicKey, Kept, LeafIndex, LeafNode, MlsMessage,
    MlsMessageBody, Opaque, ProtocolVersion, RatchetTreeNodes, decode, encode,
};

/// Where the ratchet tree goes (R248).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TreeDelivery {
    /// Into the GroupInfo, unless it is larger than [`crate::GroupConfig::inline_tree_bytes`].
    #[default]
    Auto,
    /// Into the GroupInfo.
    Inline,
    /// To the new members by other means: [`GroupState::ratchet_tree`].
    OutOfBand,
}

/// What a GroupInfo holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupInfoSpec {
    /// The key for external Commits (R250).
    pub external_pub: bool,
    /// The tree.
    pub tree: TreeDelivery,
}

/// Makes and signs a GroupInfo (label `GroupInfoTBS`, R227).
pub(crate) fn make_group_info(
    env: &Env<'_>,
    state: &GroupState,
    signer: &dyn Signer,
    spec: GroupInfoSpec,
) -> StepResult<Kept<GroupInfo>> {
    let mut extensions: Vec<Extension> = Vec::new();
    if may_be_inline(env, state, spec.tree)? {
        let data = encode(&state.whole_tree()?.tree.to_nodes()?)?;
        if spec.tree == TreeDelivery::Inline || data.len() <= env.config.inline_tree_bytes {
            extensions.push(Extension {
                extension_type: pleach_wire::ExtensionType::RATCHET_TREE,
                extension_data: data.into(),
            });
        }
    }
    if spec.external_pub {
        let pair = state.secrets()?.external_key_pair(&state.suite)?; // R116
        let external_pub = ExternalPub { external_pub: HpkePublicKey::from(pair.public) };
        extensions.push(Extension::new(&external_pub)?);
    }
    Grease::new(env.config.grease, &*env.provider.random).extension(&mut extensions, None)?;
    let group_info = Kept::new(GroupInfo {
        group_context: state.context().clone(),
        extensions: extensions.into(),
        confirmation_tag: state.confirmation_tag().into(),
        signer: state.own_leaf(),
        signature: Opaque::default(),
    })?;
    let tbs = group_info.bytes_before_signature();
    let signature = state.suite.sign_with_label(signer, b"GroupInfoTBS", &[tbs])?;
    Ok(group_info.with_signature(signature.into())?)
}

/// Whether the tree may have to go into a GroupInfo. What is surely above the configured size need not be loaded to see
/// that: a leaf is at least as long as its keys and signature.
pub(crate) fn may_be_inline(env: &Env<'_>, state: &GroupState, delivery: TreeDelivery) -> StepResult<bool> {
    Ok(match delivery {
        TreeDelivery::OutOfBand => false,
        TreeDelivery::Inline => true,
        TreeDelivery::Auto => {
            let tree = &state.need_tree()?.tree;
            let own = tree.member(state.own_leaf())?;
            // Other members' keys are as long as the own ones; a signature in DER may be a few bytes shorter.
            let least =
                own.encryption_key.len() + own.signature_key.len() + own.signature.len().saturating_sub(16);
            (tree.member_count() as usize).saturating_mul(least) <= env.config.inline_tree_bytes
        }
    })
}

impl GroupState {
    /// A GroupInfo of this epoch, as an MLSMessage (§12.4.3). Cost: O(n) with the tree, O(1) without.
    ///
    /// # Errors
    /// [`crate::Need::Tree`]; those of the signer; as for sending.
    pub fn group_info(&self, env: &Env<'_>, signer: &dyn Signer, spec: GroupInfoSpec) -> StepResult<Vec<u8>> {
        self.check_active()?;
        self.check_signer(signer)?;
        let group_info = make_group_info(env, self, signer, spec)?;
        Ok(encode(&MlsMessage::from(MlsMessageBody::GroupInfo(group_info)))?)
    }

    /// The ratchet tree as `ratchet_tree` extension data, to deliver it out of band (§12.4.3.3). O(n).
    ///
    /// # Errors
    /// [`crate::Need::Tree`].
    pub fn ratchet_tree(&self) -> StepResult<Vec<u8>> {
        Ok(encode(&self.whole_tree()?.tree.to_nodes()?)?)
    }
}

/// A GroupInfo whose signature, tree and leaves were verified.
#[derive(Debug, Clone)]
pub struct VerifiedGroupInfo {
    pub(crate) suite: CipherSuite,
    pub(crate) group_info: Kept<GroupInfo>,
    pub(crate) tree: RatchetTree,
}

impl VerifiedGroupInfo {
    /// The GroupContext.
    #[must_use]
    pub fn context(&self) -> &GroupContext {
        &self.group_info.group_context
    }

    /// The leaf of the member that signed it.
    #[must_use]
    pub fn signer(&self) -> LeafIndex {
        self.group_info.signer
    }

    /// The tree.
    #[must_use]
    pub fn tree(&self) -> &RatchetTree {
        &self.tree
    }
}

/// Decodes a GroupInfo and verifies it with its tree, given apart or in its extensions (R251).
///
/// # Errors
/// As for joining; [`IncompatibleError::MissingRatchetTree`] if there is no tree.
pub fn verify_group_info(
    env: &Env<'_>,
    message: &[u8],
    ratchet_tree: Option<&[u8]>,
) -> Result<VerifiedGroupInfo, GroupError> {
    env.config.limits.check_message(message)?;
    let message: MlsMessage = decode(message)?;
    env.config.limits.check_decoded(&message)?;
    let MlsMessageBody::GroupInfo(group_info) = message.body else {
        return Err(MisbehaviorError::NotGroupInfo.into());
    };
    let suite = *key_package::suite(env, group_info.group_context.cipher_suite)?;
    let tree = read_tree(env, &suite, &group_info, ratchet_tree)?;
    verify(env, &suite, &group_info, &tree)?;
    Ok(VerifiedGroupInfo { suite, group_info, tree })
}

/// The tree of a GroupInfo: from its extension, or as given (R248, R252, R253).
pub(crate) fn read_tree(
    env: &Env<'_>,
    suite: &CipherSuite,
    group_info: &GroupInfo,
    given: Option<&[u8]>,
) -> Result<RatchetTree, GroupError> {
    check_extensions(&group_info.extensions, GROUP_INFO)?; // R187, R247, R261
    let nodes: RatchetTreeNodes = match given {
        Some(bytes) => decode(bytes)?,
        None => group_info.extensions.ratchet_tree()?.ok_or(IncompatibleError::MissingRatchetTree)?, // R248
    };
    env.config.limits.check_ratchet_tree(&nodes)?;
    Ok(RatchetTree::from_nodes_with(suite, nodes, env.executor)?)
}

/// The checks of a joiner (§12.4.3.1) that do not need its own keys.
///
/// Cost: O(n): each node is hashed once, and leaf signatures are checked in batches.
pub(crate) fn verify(
    env: &Env<'_>,
    suite: &CipherSuite,
    group_info: &Kept<GroupInfo>,
    tree: &RatchetTree,
) -> Result<(), GroupError> {
    let context = &group_info.group_context;
    if context.version != ProtocolVersion::MLS10 {
        return Err(MisbehaviorError::Version(context.version).into()); // R118
    }
    // R237
    let signer = match tree.leaf(group_info.signer) {
        Ok(Some(signer)) => signer,
        _ => return Err(MisbehaviorError::GroupInfoSignature.into()),
    };
    let verifier = suite
        .signature
        .load_verifier(&signer.signature_key)
        .map_err(|_| MisbehaviorError::GroupInfoSignature)?;
    let tbs = group_info.bytes_before_signature();
    suite
        .verify_with_label(&*verifier, b"GroupInfoTBS", &[tbs], &group_info.signature)
        .map_err(|_| MisbehaviorError::GroupInfoSignature)?; // R237
    if tree.tree_hash_with(env.executor)?.as_bytes() != &*context.tree_hash {
        return Err(MisbehaviorError::TreeHash.into()); // R105, R240, R254
    }
    apply::check_group_extensions(&context.extensions)?;
    let rules = LeafRules::of(&context.extensions)?;
    let leaves = tree.leaves().map(|member| Ok(member?.1)).collect::<Result<Vec<_>, GroupError>>()?;
    let (lifetime, now) = (&env.config.lifetime, env.now);
    let check = |leaf: &Kept<LeafNode>| {
        let leaf = leaf.to_value(); // for these checks alone: it is not kept
        check_lifetime(&leaf, lifetime, now, lifetime.check_joined_tree)?; // R078
        check_tree_leaf(suite, &leaf, &rules) // R240
    };
    in_chunks(env.executor, &leaves, 64..=4096, &|chunk| chunk.iter().copied().try_for_each(check))?;
    apply::check_members(tree, &rules, true)?; // R076
    tree.verify(&context.group_id, env.executor, &*env.provider.random).map_err(apply::unique_keys) // R083, R084, R109, R240, R241
}
