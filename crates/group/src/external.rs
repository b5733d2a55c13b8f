//! From outside the group: joining by an external Commit (RFC 9420 §12.4.3.2), and proposals of external senders and new
//! members (§12.1.8).

use crate::apply::{Base, Committer, Resolved, check_members};
use crate::clients::{Clients, client_key, client_key_of};
use crate::commit::begin_path;
use crate::epoch::NewEpoch;
use crate::join::{joined_credentials, unsupported_extension};
use crate::process::{path_sender, summary};
use crate::psk::{Usage, psk_secret_of};
use crate::schedule::{Schedule, provisional_context};
use crate::state::Attached;
use crate::{
    Changes, Env, GroupError, IncompatibleError, LeafSpec, MisbehaviorError, MisuseError, PendingCommit,
    RecordKey, Rows, Status, StepResult, VerifiedGroupInfo,
};
use crate::{Effect, Step};
use alloc::{boxed::Box, vec::Vec};
use pleach_crypto::{CipherSuite, Secret, Signer};
use pleach_framing::{EpochContext, protect_public, sign_content};
use pleach_key_schedule::{InitSecret, interim_transcript_hash};
use pleach_tree::{PendingPath, TreePrivate};
use pleach_wire::{
    Add, Commit, Content, ExternalInit, FramedContent, Kept, KeyPackage, LeafIndex, LeafNode, MlsMessage,
    Opaque, PreSharedKey, Proposal, ProposalOrRef, ProposalType, Psk, Remove, Sender, WireFormat, encode,
};

/// An external Commit to create.
#[derive(Debug)]
pub struct ExternalCommitSpec {
    /// The own leaf.
    pub leaf: LeafSpec,
    /// Whether to remove one's former leaf, if there is one (R208).
    pub resync: bool,
    /// PSKs to bring in, for instance to prove former membership.
    pub psks: Vec<Psk>,
    /// Authenticated data.
    pub authenticated_data: Vec<u8>,
}

/// Creates an external Commit. The batch keeps it as a pending Commit of a group that this client is not in yet; merging
/// is [`PendingCommit::join`].
///
/// Cost: as a Commit with a path.
///
/// # Errors
/// [`MisbehaviorError::MissingExternalPub`] (R250); [`IncompatibleError`] if the own leaf does not support what the group
/// asks for; the same that processing it would give (R193).
pub fn external_commit(
    env: &Env<'_>,
    rows: &Rows,
    group_info: &VerifiedGroupInfo,
    spec: &ExternalCommitSpec,
    signer: &dyn Signer,
) -> StepResult<Step<PendingCommit>> {
    let suite = &group_info.suite;
    if signer.scheme() != suite.signature.scheme() {
        return Err(MisuseError::WrongSigner.into()); // R015
    }
    let context = group_info.context();
    let external_pub =
        group_info.group_info.extensions.external_pub()?.ok_or(MisbehaviorError::MissingExternalPub)?; // R250
    let external_pub = suite.kem.load_public(&external_pub.external_pub)?;
    let (kem_output, init_secret) = suite.external_init_send(&*external_pub, &*env.provider.random)?; // R123

    let sender = Sender::NewMemberCommit;
    let by_value = |proposal| Resolved { proposal, sender, reference: None };
    let kem_output = Opaque::from(kem_output);
    let mut proposals = alloc::vec![by_value(Proposal::ExternalInit(ExternalInit { kem_output }))];
    let identity = identity_leaf(spec, signer)?;
    if spec.resync
        && let Some(removed) = former_leaf(env, suite, group_info, &identity)?
    {
        proposals.push(by_value(Proposal::Remove(Remove { removed })));
    }
    for psk in &spec.psks {
        let psk = crate::message::fresh_psk(env, suite, psk)?;
        proposals.push(by_value(Proposal::PreSharedKey(PreSharedKey { psk })));
    }
    let private = TreePrivate::new(LeafIndex(0), Secret::zero(0));
    let attached = Attached { tree: group_info.tree.clone(), private, clients: Clients::NotMade };
    let base = Base {
        env,
        rows,
        suite,
        context,
        attached: &attached,
        psk_usage: Usage::Application,
        check_lifetimes: true,
    };
    let committer = Committer::External(&identity);
    let applied = base.apply(&proposals, committer)?;
    let own_leaf = applied.tree.next_leaf_index(); // R213
    let place = (&*context.group_id, own_leaf);
    let path = begin_path(env, suite, &applied, place, &spec.leaf, signer)?;
    applied.rules.check(path.leaf_node())?;
    if let Some(unsupported) = unsupported_extension(path.leaf_node(), context) {
        return Err(IncompatibleError::OwnExtension(unsupported).into()); // R260
    }
    let path_sender = path_sender(committer, &applied, path.leaf_node())?;
    let tree = path.tree().clone();
    check_members(&tree, &applied.rules, false)?;
    let provisional = provisional_context(context, tree.tree_hash()?, &context.extensions)?;
    let update_path = path.encrypt(&encode(&provisional)?, &[], env.executor, &*env.provider.random)?;

    let commit = Commit {
        proposals: proposals.into_iter().map(|resolved| ProposalOrRef::Proposal(resolved.proposal)).collect(),
        path: Some(update_path), // R211
    };
    let content = FramedContent {
        group_id: context.group_id.clone(),
        epoch: context.epoch,
        sender,
        authenticated_data: spec.authenticated_data.as_slice().into(),
        content: Content::Commit(commit),
    };
    let context_bytes = encode(context)?;
    let epoch = outside(suite, &context.group_id, context.epoch, &context_bytes, &[]);
    let mut signed = sign_content(&epoch, signer, WireFormat::PUBLIC_MESSAGE, content)?; // R212
    let tag_before = &group_info.group_info.confirmation_tag;
    let interim_before = interim_transcript_hash(suite, &context.confirmed_transcript_hash, tag_before)?;
    let psk_secret = psk_secret_of(suite, rows, &applied.psks, None)?;
    let (_, private, commit_secret) = PendingPath::finish(path);
    let schedule = Schedule::new(
        suite,
        provisional,
        interim_before.as_bytes(),
        &signed,
        (InitSecret::external(init_secret), commit_secret, psk_secret),
    )?;
    let confirmed = schedule.confirmed_transcript_hash;
    let tag = schedule.secrets.confirmation_tag(suite, confirmed.as_bytes());
    let interim = interim_transcript_hash(suite, confirmed.as_bytes(), tag.as_bytes())?;
    signed.auth.confirmation_tag = Some(Opaque::from(tag.as_bytes()));
    let message = encode(&MlsMessage::from(protect_public(&epoch, None, signed)?))?;

    let authenticated_data = Opaque::from(spec.authenticated_data.as_slice());
    let summary =
        summary(&applied, schedule.context.epoch, committer, Some(&path_sender), &authenticated_data);
    let credentials = joined_credentials(suite, context, &tree, own_leaf)?;
    let (state, mut merge) = NewEpoch {
        suite: *suite,
        context: schedule.context,
        context_bytes: schedule.context_bytes,
        interim_transcript_hash: interim,
        confirmation_tag: tag.as_bytes().to_vec(),
        secrets: schedule.secrets,
        encryption_secret: schedule.encryption_secret,
        attached: Attached { tree, private, clients: Clients::Stored },
        index: Vec::new(),
        own_leaf,
        own_signature_key: signer.public().to_vec(),
        status: Status::Active,
    }
    .found(env)?;
    // A former state of this client in the group, removed or out of step, gives way; so do other pending Commits.
    merge.replace_group();
    let hash = suite.hash.hash(&[&message]).as_bytes().to_vec();
    let pending = PendingCommit {
        hash: hash.clone(),
        epoch: context.epoch,
        message,
        welcomes: Vec::new(),
        group_info: None,
        summary,
        credentials,
        merge,
        next: Some(Box::new(state)),
    };
    let mut changes = Changes::default();
    changes.put(RecordKey::PendingExternalCommit(hash), pending.to_row()?);
    Ok(Step { changes, effect: Effect::None, output: pending })
}

/// A leaf that stands for the joiner before its path exists: only its credential and key are looked at.
fn identity_leaf(spec: &ExternalCommitSpec, signer: &dyn Signer) -> Result<LeafNode, GroupError> {
    Ok(LeafNode {
        encryption_key: pleach_wire::HpkePublicKey::from(Vec::new()),
        signature_key: pleach_wire::SignaturePublicKey::from(signer.public()),
        credential: spec.leaf.credential.clone(),
        capabilities: spec.leaf.capabilities.clone(),
        leaf_node_source: pleach_wire::LeafNodeSource::Update,
        extensions: spec.leaf.extensions.clone(),
        signature: Opaque::default(),
    })
}

/// The leaf of the same client, if it is a member already. O(n).
fn former_leaf(
    env: &Env<'_>,
    suite: &CipherSuite,
    group_info: &VerifiedGroupInfo,
    identity: &LeafNode,
) -> Result<Option<LeafIndex>, GroupError> {
    let own = client_key(env, suite, identity);
    for member in group_info.tree.leaves() {
        let (index, leaf) = member?;
        if client_key_of(env, suite, leaf)? == own {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

fn outside<'a>(
    suite: &'a CipherSuite,
    group_id: &'a [u8],
    epoch: u64,
    group_context: &'a [u8],
    external_proposal_types: &'a [ProposalType],
) -> EpochContext<'a> {
    EpochContext { suite, group_id, epoch, group_context, external_proposal_types }
}

/// A proposal of the external sender at `sender_index` of the group's `external_senders` (§12.1.8, R040, R188).
///
/// # Errors
/// [`GroupError::Framing`] for a type that external senders may not propose; those of the signer.
pub fn external_proposal(
    suite: &CipherSuite,
    (group_id, epoch): (&[u8], u64),
    sender_index: u32,
    proposal: Proposal,
    signer: &dyn Signer,
    authenticated_data: &[u8],
) -> Result<Vec<u8>, GroupError> {
    let sender = Sender::External(sender_index);
    public_proposal(suite, (group_id, epoch), sender, proposal, signer, authenticated_data)
}

/// A proposal of a new member to be added (§12.1.8, R043).
///
/// # Errors
/// [`MisuseError::WrongSigner`] if the signer is not the key package's; those of the signer.
pub fn new_member_proposal(
    suite: &CipherSuite,
    (group_id, epoch): (&[u8], u64),
    key_package: Kept<KeyPackage>,
    signer: &dyn Signer,
    authenticated_data: &[u8],
) -> Result<Vec<u8>, GroupError> {
    if key_package.leaf_node.signature_key.as_bytes() != signer.public() {
        return Err(MisuseError::WrongSigner.into());
    }
    let proposal = Proposal::Add(Add { key_package });
    let sender = Sender::NewMemberProposal;
    public_proposal(suite, (group_id, epoch), sender, proposal, signer, authenticated_data)
}

fn public_proposal(
    suite: &CipherSuite,
    (group_id, epoch): (&[u8], u64),
    sender: Sender,
    proposal: Proposal,
    signer: &dyn Signer,
    authenticated_data: &[u8],
) -> Result<Vec<u8>, GroupError> {
    // R192: which types of the application's own are for outsiders, the receivers know.
    let custom: Vec<ProposalType> = match &proposal {
        Proposal::Custom { proposal_type, .. } => alloc::vec![*proposal_type],
        _ => Vec::new(),
    };
    let content = FramedContent {
        group_id: group_id.into(),
        epoch,
        sender,
        authenticated_data: authenticated_data.into(),
        content: Content::Proposal(proposal),
    };
    let context = outside(suite, group_id, epoch, b"", &custom);
    let signed = sign_content(&context, signer, WireFormat::PUBLIC_MESSAGE, content)?; // R188
    Ok(encode(&MlsMessage::from(protect_public(&context, None, signed)?))?)
}
