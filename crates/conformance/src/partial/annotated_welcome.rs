//! `annotated-welcome.json`: joining without the tree.
//!
//! As RFC 9420 §12.4.3.1 says, but that two membership proofs take the place of the tree and its checks.

use super::path::{climb, common_ancestor};
use super::{AnnotatedWelcome, SenderAuthenticatedMessage};
use crate::Fault;
use crate::fault::{At, Bytes, Checked, Within, ensure, same, same_bytes};
use crate::files::passive_client::ExternalPsk;
use crate::files::welcome::{epoch_of, group_secrets, verify_group_info};
use crate::files::{kem_private, key_package, signer, suite};
use crate::vector_file::fields;
use crate::{By, VectorFile};
use pleach_crypto::{CryptoProvider, Secret};
use pleach_key_schedule::{JoinerSecret, check_psk_nonce, psk_secret};
use pleach_wire::{GroupInfo, GroupSecrets, Kept, PreSharedKeyId, Psk, decode, encode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `annotated-welcome.json`.
pub static FILE: VectorFile =
    VectorFile { name: "annotated-welcome.json", official_cases: 10, by: By::Suite, check };

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) cipher_suite: u16,
    pub(crate) key_package: Bytes,
    pub(crate) signature_priv: Bytes,
    pub(crate) encryption_priv: Bytes,
    pub(crate) init_priv: Bytes,
    pub(crate) external_psks: Vec<ExternalPsk>,
    pub(crate) annotated_welcome: Bytes,
    pub(crate) joiner_leaf_index: u32,
    pub(crate) epoch_authenticator: Bytes,
}

fn check(provider: &CryptoProvider, case: &Value) -> Checked {
    let case: Case = fields(case)?;
    let suite = suite(provider, case.cipher_suite)?;
    let key_package = key_package(suite, "key_package", &case.key_package)?;
    let leaf = &key_package.leaf_node;
    same("key_package", &key_package.cipher_suite, &suite.id)?;
    signer(suite, &case.signature_priv, ("signature_priv", &leaf.signature_key))?;
    kem_private(suite, &case.encryption_priv, ("encryption_priv", &leaf.encryption_key))?;

    let field = "annotated_welcome";
    let annotated: AnnotatedWelcome = decode(&case.annotated_welcome).at(field)?;
    same_bytes(field, encode(&annotated).at(field)?, &case.annotated_welcome)?;
    let AnnotatedWelcome { welcome, joiner_membership_proof: joiner } = &annotated;
    let SenderAuthenticatedMessage { message: welcome, sender_membership_proof: sender } = welcome;
    same(field, &welcome.cipher_suite, &suite.id)?; // R234

    let secrets = group_secrets(suite, welcome, &key_package, &case.init_priv)?;
    let GroupSecrets { joiner_secret, path_secret, psks } = secrets;
    let psks: Vec<_> =
        psks.into_iter().map(|id| find_psk(&case.external_psks, id)).collect::<Checked<_>>()?;
    for (id, _) in &psks {
        check_psk_nonce(suite, id).at("external_psks")?; // R127
    }
    same("external_psks", &psks.len(), &case.external_psks.len())?;
    let psk_secret = psk_secret(suite, &psks).at("external_psks")?;
    let member = JoinerSecret::from_welcome(joiner_secret).member_secret(suite, psk_secret);
    let welcome_secret = member.welcome_secret(suite).at(field)?;
    let group_info = welcome_secret.open_group_info(suite, &welcome.encrypted_group_info).at(field)?;
    let group_info: Kept<GroupInfo> = decode(&group_info).at(field)?;
    let context = &group_info.group_context;
    same(field, &context.cipher_suite, &suite.id)?; // R239

    let sender = sender.path_in(suite, &context.tree_hash).within("sender_membership_proof")?;
    let joiner = joiner.path_in(suite, &context.tree_hash).within("joiner_membership_proof")?;
    ensure(sender.size == joiner.size, "joiner_membership_proof", "a tree of another size")?;
    same(field, &sender.leaf_index(), &group_info.signer)?;
    let signer = suite.signature.load_verifier(&sender.leaf().signature_key).at(field)?;
    verify_group_info(suite, &group_info, &*signer).at(field)?; // R237
    same("joiner_leaf_index", &joiner.leaf_index().0, &case.joiner_leaf_index)?;
    ensure(joiner.leaf() == leaf, "joiner_membership_proof", "not the key package's leaf")?; // R242
    if let Some(path_secret) = path_secret {
        climb(suite, &joiner, common_ancestor(&sender, &joiner), path_secret)?; // R243, R244
    }
    let secrets = epoch_of(suite, member, &group_info).at(field)?; // R245
    same_bytes("epoch_authenticator", secrets.epoch_authenticator().as_bytes(), &case.epoch_authenticator)
}

/// The key with this name.
fn find_psk(psks: &[ExternalPsk], id: PreSharedKeyId) -> Checked<(PreSharedKeyId, Secret)> {
    let Psk::External { psk_id } = &id.psk else {
        return Err(Fault::new("external_psks", "the Welcome wants a resumption PSK"));
    };
    let psk = psks.iter().find(|psk| *psk.psk_id == **psk_id).at("external_psks")?.psk.secret();
    Ok((id, psk))
}
