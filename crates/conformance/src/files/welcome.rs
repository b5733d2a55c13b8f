//! `welcome.json`: opening a Welcome up to the GroupInfo (RFC 9420 §12.4.3.1). No PSKs and no tree: joining is the passive
//! client's business.

use super::{kem_private, key_package, suite};
use crate::fault::{At, Bytes, Checked, ensure, same};
use crate::vector_file::fields;
use crate::{By, Fault, VectorFile};
use pleach_crypto::{CipherSuite, CryptoError, CryptoProvider, Verifier};
use pleach_key_schedule::{EpochSecrets, JoinerSecret, KeyScheduleError, MemberSecret, psk_secret};
use pleach_wire::{
    EncryptedGroupSecrets, GroupInfo, GroupSecrets, Kept, KeyPackage, MlsMessage, MlsMessageBody, Welcome,
    decode, encode,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `welcome.json`.
pub static FILE: VectorFile = VectorFile { name: "welcome.json", official_cases: 7, by: By::Suite, check };

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) cipher_suite: u16,
    pub(crate) init_priv: Bytes,
    pub(crate) signer_pub: Bytes,
    pub(crate) key_package: Bytes,
    pub(crate) welcome: Bytes,
}

fn check(provider: &CryptoProvider, case: &Value) -> Checked {
    let case: Case = fields(case)?;
    let suite = suite(provider, case.cipher_suite)?;
    let message: MlsMessage = decode(&case.welcome).at("welcome")?;
    let MlsMessageBody::Welcome(welcome) = message.body else {
        return Err(Fault::new("welcome", "not a Welcome"));
    };
    same("welcome", &welcome.cipher_suite, &suite.id)?;

    let key_package = key_package(suite, "key_package", &case.key_package)?;
    let GroupSecrets { joiner_secret, path_secret: _, psks } =
        group_secrets(suite, &welcome, &key_package, &case.init_priv)?;
    ensure(psks.is_empty(), "welcome", "it wants a PSK")?;
    let no_psks = psk_secret(suite, &[]).at("welcome")?;
    let member = JoinerSecret::from_welcome(joiner_secret).member_secret(suite, no_psks);
    let welcome_secret = member.welcome_secret(suite).at("welcome")?;
    let group_info = welcome_secret.open_group_info(suite, &welcome.encrypted_group_info).at("welcome")?;
    let group_info: Kept<GroupInfo> = decode(&group_info).at("welcome")?;

    let verifier = suite.signature.load_verifier(&case.signer_pub).at("signer_pub")?;
    verify_group_info(suite, &group_info, &*verifier).at("signer_pub")?;
    epoch_of(suite, member, &group_info).map(drop).at("welcome")
}

/// The signature of a GroupInfo (R237).
pub(crate) fn verify_group_info(
    suite: &CipherSuite,
    group_info: &Kept<GroupInfo>,
    signer: &dyn Verifier,
) -> Result<(), CryptoError> {
    let tbs = group_info.bytes_before_signature();
    suite.verify_with_label(signer, b"GroupInfoTBS", &[tbs], &group_info.signature)
}

/// The secrets of the epoch that a GroupInfo tells of, if they match its confirmation tag (R245).
pub(crate) fn epoch_of(
    suite: &CipherSuite,
    member: MemberSecret,
    group_info: &GroupInfo,
) -> Result<EpochSecrets, KeyScheduleError> {
    let context = &group_info.group_context;
    let (secrets, _) = member.epoch_secret(suite, &encode(context)?)?.derive(suite)?;
    let transcript = &context.confirmed_transcript_hash;
    secrets.verify_confirmation_tag(suite, transcript, &group_info.confirmation_tag)?;
    Ok(secrets)
}

/// The entry for the key package, decrypted (R234, R235).
pub(crate) fn group_secrets(
    suite: &CipherSuite,
    welcome: &Welcome,
    key_package: &Kept<KeyPackage>,
    init_priv: &[u8],
) -> Checked<GroupSecrets> {
    let private = kem_private(suite, init_priv, ("init_priv", &key_package.init_key))?;
    let private = suite.kem.load_private(&private).at("init_priv")?;
    let reference = suite.ref_hash(b"MLS 1.0 KeyPackage Reference", key_package.bytes()).at("key_package")?;
    let entry = welcome.secrets.iter().find(|entry| *entry.new_member == *reference.as_bytes());
    let EncryptedGroupSecrets { encrypted_group_secrets: sealed, .. } = entry.at("key_package")?;
    let context = &welcome.encrypted_group_info;
    let opened =
        suite.decrypt_with_label(&*private, b"Welcome", context, &sealed.kem_output, &sealed.ciphertext);
    decode(opened.at("welcome")?.as_bytes()).at("welcome")
}
