//! Real messages, in the form of the files that only decode them or open them: `messages.json` and `welcome.json`.

use super::{Seeded, passive};
use crate::fault::{At, Bytes, Checked};
use crate::files::{messages, welcome};
use pleach::{Group, LeafUpdate};
use pleach_wire::{
    Add, Commit, Content, Encode, ExternalInit, FramedContentAuthData, GroupContextExtensions, GroupSecrets,
    Kept, KeyPackage, LeafIndex, MlsMessage, MlsMessageBody, Opaque, PreSharedKey, PreSharedKeyId, Proposal,
    ProtocolVersion, Psk, PublicMessage, ReInit, Remove, ResumptionPskUsage, decode, encode,
};

/// One of everything.
pub(super) fn messages(seeded: &Seeded<'static>) -> Checked<messages::Case> {
    let random = &*seeded.provider.random;
    let (joined, mut group) = passive::joined(seeded, passive::PLAIN)?;
    let key_package = match decode::<MlsMessage>(&joined.key_package).at("key_package")?.body {
        MlsMessageBody::KeyPackage(key_package) => key_package,
        _ => return Err(crate::Fault::new("key_package", "another message")),
    };
    let nonce = Opaque::from(random.bytes(seeded.suite.secret_len()).at("random")?);
    let resumption = Psk::Resumption {
        usage: ResumptionPskUsage::Application,
        psk_group_id: b"group".into(),
        psk_epoch: 1,
    };
    let psk = PreSharedKeyId { psk: resumption, psk_nonce: nonce };
    let secrets = GroupSecrets {
        joiner_secret: random.secret(seeded.suite.secret_len()).at("random")?,
        path_secret: Some(random.secret(seeded.suite.secret_len()).at("random")?),
        psks: vec![psk.clone()].into(),
    };
    let re_init = ReInit {
        group_id: b"the next group".into(),
        version: ProtocolVersion::MLS10,
        cipher_suite: seeded.suite.id,
        extensions: group.extensions().clone(),
    };
    let kem_output = Opaque::from(random.bytes(seeded.suite.kem.enc_len()).at("random")?);
    let extensions = GroupContextExtensions { extensions: group.extensions().clone() };

    let private_message = group.encrypt(b"a secret").at("encrypt")?;
    let group_info = group.group_info().at("group_info")?;
    let ratchet_tree = group.ratchet_tree().at("tree")?;
    let update = group.propose_update(&LeafUpdate::new()).at("propose")?;
    let (update_proposal, proposal) = update_of(&update)?;
    group.clear_proposals().at("propose")?;
    let (commit, public_message_commit) = commit_of(&mut group)?;
    Ok(messages::Case {
        mls_welcome: joined.welcome,
        mls_group_info: group_info.into(),
        mls_key_package: joined.key_package,
        ratchet_tree: ratchet_tree.into(),
        group_secrets: secrets.encode().at("group_secrets")?.as_bytes().into(),
        add_proposal: bytes(&add(key_package))?,
        update_proposal,
        remove_proposal: bytes(&Remove { removed: LeafIndex(2) })?,
        pre_shared_key_proposal: bytes(&PreSharedKey { psk })?,
        re_init_proposal: bytes(&re_init)?,
        external_init_proposal: bytes(&ExternalInit { kem_output })?,
        group_context_extensions_proposal: bytes(&extensions)?,
        commit,
        public_message_application: application(&proposal)?,
        public_message_proposal: update.into(),
        public_message_commit,
        private_message: private_message.into(),
    })
}

fn add(key_package: Kept<KeyPackage>) -> Add {
    Add { key_package }
}

/// The body of an Update in a PublicMessage, and the message.
fn update_of(message: &[u8]) -> Checked<(Bytes, PublicMessage)> {
    let message = public_message(message)?;
    match &message.content.content {
        Content::Proposal(Proposal::Update(update)) => Ok((bytes(update)?, message)),
        _ => Err(crate::Fault::new("update", "another proposal")),
    }
}

/// A Commit of the group by itself, and in its PublicMessage.
fn commit_of(group: &mut Group) -> Checked<(Bytes, Bytes)> {
    let pending = group.commit().remove(LeafIndex(1)).build().at("commit")?;
    let message = public_message(pending.message())?;
    let Content::Commit(commit) = &message.content.content else {
        return Err(crate::Fault::new("commit", "another content"));
    };
    let commit: &Commit = commit;
    Ok((bytes(commit)?, pending.message().into()))
}

/// Application data in a PublicMessage: a form that no member accepts, and the codec must (R035).
fn application(like: &PublicMessage) -> Checked<Bytes> {
    let mut message = like.clone();
    message.content.content = Content::Application(b"text".into());
    message.auth = FramedContentAuthData { confirmation_tag: None, ..message.auth };
    bytes(&MlsMessage::from(message))
}

fn public_message(message: &[u8]) -> Checked<PublicMessage> {
    match decode::<MlsMessage>(message).at("message")?.body {
        MlsMessageBody::PublicMessage(message) => Ok(message),
        _ => Err(crate::Fault::new("message", "not a PublicMessage")),
    }
}

fn bytes(value: &impl Encode) -> Checked<Bytes> {
    Ok(Bytes(encode(value).at("encode")?))
}

/// The Welcome of the passive client.
pub(super) fn welcome(seeded: &Seeded<'static>) -> Checked<welcome::Case> {
    let (joined, group) = passive::joined(seeded, passive::PLAIN)?;
    Ok(welcome::Case {
        cipher_suite: joined.cipher_suite,
        init_priv: joined.init_priv,
        signer_pub: group.own_signature_key().into(),
        key_package: joined.key_package,
        welcome: joined.welcome,
    })
}
