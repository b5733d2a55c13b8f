//! Messages: PublicMessage, PrivateMessage, Welcome, GroupInfo, and the proposals and paths in them (RFC 9420 §6,
//! §7.6, §12).

use pleach::wire::{
    Commit, Content, FramedContent, GroupContext, GroupInfo, PreSharedKeyId, PrivateMessage, Proposal,
    ProposalOrRef, Psk, PublicMessage, ResumptionPskUsage, Sender, UpdatePath, Welcome,
};

use super::keys::{cipher_suite, extensions, key_package, leaf_node};
use crate::output::Item;
use crate::text;

pub(super) fn public_message(message: &PublicMessage) -> Item {
    let item = framed_content(&message.content).with("signature", Item::bytes(&message.auth.signature));
    item.with("confirmation_tag", message.auth.confirmation_tag.as_deref())
        .with("membership_tag", message.membership_tag.as_deref())
}

fn framed_content(content: &FramedContent) -> Item {
    let item = Item::object()
        .with("group_id", Item::name(&content.group_id))
        .with("epoch", content.epoch)
        .with("sender", sender(content.sender))
        .with("authenticated_data", Item::bytes(&content.authenticated_data));
    match &content.content {
        Content::Application(data) => {
            item.with("content_type", "application").with("application_data", &**data)
        }
        Content::Proposal(body) => item.with("content_type", "proposal").with("proposal", proposal(body)),
        Content::Commit(body) => item.with("content_type", "commit").with("commit", commit(body)),
    }
}

fn sender(sender: Sender) -> String {
    match sender {
        Sender::Member(leaf) => format!("member, leaf {}", leaf.0),
        Sender::External(index) => format!("external, sender {index}"),
        Sender::NewMemberProposal => "new_member_proposal".to_owned(),
        Sender::NewMemberCommit => "new_member_commit".to_owned(),
    }
}

fn commit(commit: &Commit) -> Item {
    let proposals = commit.proposals.iter().map(|entry| match entry {
        ProposalOrRef::Proposal(body) => proposal(body),
        ProposalOrRef::Reference(reference) => Item::object().with("reference", Item::bytes(reference)),
    });
    Item::object()
        .with("proposals", Item::list(proposals))
        .with("path", commit.path.as_ref().map(update_path))
}

fn update_path(path: &UpdatePath) -> Item {
    let nodes = path.nodes.iter().map(|node| {
        let secrets = node.encrypted_path_secret.iter();
        let bytes: usize = secrets.map(|sealed| sealed.kem_output.len() + sealed.ciphertext.len()).sum();
        Item::object().with("encryption_key", Item::bytes(&node.encryption_key)).with(
            "encrypted_path_secret",
            format!("for {}, {bytes} bytes", text::count(node.encrypted_path_secret.len(), "node")),
        )
    });
    Item::object().with("leaf_node", leaf_node(&path.leaf_node)).with("nodes", Item::list(nodes))
}

/// A proposal, by its fields.
pub(super) fn proposal(proposal: &Proposal) -> Item {
    let item = Item::object().with("proposal_type", Item::text(&proposal.proposal_type()));
    match proposal {
        Proposal::Add(add) => item.with("key_package", key_package(&add.key_package)),
        Proposal::Update(update) => item.with("leaf_node", leaf_node(&update.leaf_node)),
        Proposal::Remove(remove) => item.with("removed", format!("leaf {}", remove.removed.0)),
        Proposal::PreSharedKey(psk) => item.with("psk", pre_shared_key_id(&psk.psk)),
        Proposal::ReInit(reinit) => {
            let item = item
                .with("group_id", Item::name(&reinit.group_id))
                .with("version", Item::text(&reinit.version));
            cipher_suite(item, reinit.cipher_suite).with("extensions", extensions(&reinit.extensions))
        }
        Proposal::ExternalInit(init) => item.with("kem_output", Item::bytes(&init.kem_output)),
        Proposal::GroupContextExtensions(body) => item.with("extensions", extensions(&body.extensions)),
        Proposal::Custom { data, .. } => item.with("data", Item::bytes(data)),
    }
}

/// A pre-shared key's name; the key itself is in no message.
fn pre_shared_key_id(id: &PreSharedKeyId) -> Item {
    let item = match &id.psk {
        Psk::External { psk_id } => {
            Item::object().with("psktype", "external").with("psk_id", Item::name(psk_id))
        }
        Psk::Resumption { usage, psk_group_id, psk_epoch } => Item::object()
            .with("psktype", "resumption")
            .with(
                "usage",
                match usage {
                    ResumptionPskUsage::Application => "application",
                    ResumptionPskUsage::Reinit => "reinit",
                    ResumptionPskUsage::Branch => "branch",
                },
            )
            .with("psk_group_id", Item::name(psk_group_id))
            .with("psk_epoch", *psk_epoch),
    };
    item.with("psk_nonce", Item::bytes(&id.psk_nonce))
}

pub(super) fn private_message(message: &PrivateMessage) -> Item {
    Item::object()
        .with("group_id", Item::name(&message.group_id))
        .with("epoch", message.epoch)
        .with(
            "content_type",
            match message.content_type {
                pleach::wire::ContentType::Application => "application",
                pleach::wire::ContentType::Proposal => "proposal",
                pleach::wire::ContentType::Commit => "commit",
            },
        )
        .with("authenticated_data", Item::bytes(&message.authenticated_data))
        .with("encrypted_sender_data", Item::bytes(&message.encrypted_sender_data))
        .with("ciphertext", Item::bytes(&message.ciphertext))
}

pub(super) fn welcome(welcome: &Welcome) -> Item {
    let secrets = welcome.secrets.iter().map(|secret| {
        let sealed = &secret.encrypted_group_secrets;
        Item::object()
            .with("new_member", Item::bytes(&secret.new_member))
            .with("kem_output", Item::bytes(&sealed.kem_output))
            .with("ciphertext", Item::bytes(&sealed.ciphertext))
    });
    cipher_suite(Item::object(), welcome.cipher_suite)
        .with("secrets", Item::list(secrets))
        .with("encrypted_group_info", Item::bytes(&welcome.encrypted_group_info))
}

pub(super) fn group_info(info: &GroupInfo) -> Item {
    Item::object()
        .with("group_context", group_context(&info.group_context))
        .with("extensions", extensions(&info.extensions))
        .with("confirmation_tag", Item::bytes(&info.confirmation_tag))
        .with("signer", format!("leaf {}", info.signer.0))
        .with("signature", Item::bytes(&info.signature))
}

fn group_context(context: &GroupContext) -> Item {
    cipher_suite(Item::object().with("version", Item::text(&context.version)), context.cipher_suite)
        .with("group_id", Item::name(&context.group_id))
        .with("epoch", context.epoch)
        .with("tree_hash", Item::bytes(&context.tree_hash))
        .with("confirmed_transcript_hash", Item::bytes(&context.confirmed_transcript_hash))
        .with("extensions", extensions(&context.extensions))
}
