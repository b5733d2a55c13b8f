//! `messages.json`: every structure that travels, decoded and encoded again to the same bytes (R008).
//!
//! The values are random: no key is valid and no signature verifies, so nothing but the codec can be checked.

use crate::fault::{At, Bytes, Checked, ensure, same_bytes};
use crate::vector_file::fields;
use crate::{By, VectorFile};
use pleach_crypto::CryptoProvider;
use pleach_wire::{
    Add, Commit, ContentType, Encode, ExternalInit, GroupContextExtensions, GroupSecrets, MlsMessage,
    MlsMessageBody, PreSharedKey, RatchetTreeNodes, ReInit, Remove, Update, WireFormat, decode, encode,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tls_codec::DeserializeBytes;

/// `messages.json`.
pub static FILE: VectorFile =
    VectorFile { name: "messages.json", official_cases: 300, by: By::Nothing, check };

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) mls_welcome: Bytes,
    pub(crate) mls_group_info: Bytes,
    pub(crate) mls_key_package: Bytes,
    pub(crate) ratchet_tree: Bytes,
    pub(crate) group_secrets: Bytes,
    pub(crate) add_proposal: Bytes,
    pub(crate) update_proposal: Bytes,
    pub(crate) remove_proposal: Bytes,
    pub(crate) pre_shared_key_proposal: Bytes,
    pub(crate) re_init_proposal: Bytes,
    pub(crate) external_init_proposal: Bytes,
    pub(crate) group_context_extensions_proposal: Bytes,
    pub(crate) commit: Bytes,
    pub(crate) public_message_application: Bytes,
    pub(crate) public_message_proposal: Bytes,
    pub(crate) public_message_commit: Bytes,
    pub(crate) private_message: Bytes,
}

fn check(_: &CryptoProvider, case: &Value) -> Checked {
    let case: Case = fields(case)?;
    message("mls_welcome", &case.mls_welcome, WireFormat::WELCOME, None)?;
    message("mls_group_info", &case.mls_group_info, WireFormat::GROUP_INFO, None)?;
    message("mls_key_package", &case.mls_key_package, WireFormat::KEY_PACKAGE, None)?;
    let public =
        |field, bytes: &Bytes, content| message(field, bytes, WireFormat::PUBLIC_MESSAGE, Some(content));
    public("public_message_application", &case.public_message_application, ContentType::Application)?;
    public("public_message_proposal", &case.public_message_proposal, ContentType::Proposal)?;
    public("public_message_commit", &case.public_message_commit, ContentType::Commit)?;
    message("private_message", &case.private_message, WireFormat::PRIVATE_MESSAGE, None)?;

    same_again::<RatchetTreeNodes>("ratchet_tree", &case.ratchet_tree)?;
    let secrets: GroupSecrets = decode(&case.group_secrets).at("group_secrets")?;
    same_bytes("group_secrets", secrets.encode().at("group_secrets")?.as_bytes(), &case.group_secrets)?;
    same_again::<Add>("add_proposal", &case.add_proposal)?;
    same_again::<Update>("update_proposal", &case.update_proposal)?;
    same_again::<Remove>("remove_proposal", &case.remove_proposal)?;
    same_again::<PreSharedKey>("pre_shared_key_proposal", &case.pre_shared_key_proposal)?;
    same_again::<ReInit>("re_init_proposal", &case.re_init_proposal)?;
    same_again::<ExternalInit>("external_init_proposal", &case.external_init_proposal)?;
    let extensions = &case.group_context_extensions_proposal;
    same_again::<GroupContextExtensions>("group_context_extensions_proposal", extensions)?;
    same_again::<Commit>("commit", &case.commit)
}

fn same_again<T: DeserializeBytes + Encode>(field: &str, bytes: &[u8]) -> Checked {
    let value: T = decode(bytes).at(field)?;
    same_bytes(field, encode(&value).at(field)?, bytes)
}

fn message(field: &str, bytes: &[u8], format: WireFormat, content: Option<ContentType>) -> Checked {
    same_again::<MlsMessage>(field, bytes)?;
    let message: MlsMessage = decode(bytes).at(field)?;
    ensure(message.wire_format() == format, field, "another kind of message")?;
    if let MlsMessageBody::PublicMessage(message) = &message.body {
        let found = message.content.content.content_type();
        ensure(content.is_none_or(|wanted| wanted == found), field, "another kind of content")?;
    }
    Ok(())
}
