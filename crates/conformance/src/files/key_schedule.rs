//! `key-schedule.json`: five epochs of one group (RFC 9420 §8, §8.5).

use super::{group_context, suite};
use crate::fault::{At, Bytes, Checked, Within, same_bytes};
use crate::vector_file::fields;
use crate::{By, VectorFile};
use pleach_crypto::{CipherSuite, CryptoProvider, SecureRandom};
use pleach_key_schedule::InitSecret;
use pleach_wire::encode;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `key-schedule.json`.
pub static FILE: VectorFile =
    VectorFile { name: "key-schedule.json", official_cases: 7, by: By::Suite, check };

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    cipher_suite: u16,
    group_id: Bytes,
    initial_init_secret: Bytes,
    epochs: Vec<Epoch>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Epoch {
    // Given:
    tree_hash: Bytes,
    commit_secret: Bytes,
    psk_secret: Bytes,
    confirmed_transcript_hash: Bytes,
    // Derived:
    group_context: Bytes,
    joiner_secret: Bytes,
    welcome_secret: Bytes,
    init_secret: Bytes,
    sender_data_secret: Bytes,
    encryption_secret: Bytes,
    exporter_secret: Bytes,
    epoch_authenticator: Bytes,
    external_secret: Bytes,
    confirmation_key: Bytes,
    membership_key: Bytes,
    resumption_psk: Bytes,
    external_pub: Bytes,
    exporter: Exporter,
}

/// Its label looks like hexadecimal, and is used as the string that it is.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exporter {
    label: String,
    context: Bytes,
    length: usize,
    secret: Bytes,
}

impl Epoch {
    /// The epoch again from what is given of it, and the next epoch's init secret.
    fn derive(
        &self,
        suite: &CipherSuite,
        group: (&[u8], u64),
        init_secret: InitSecret,
    ) -> Checked<(Self, InitSecret)> {
        let context = group_context(suite, group, &self.tree_hash, &self.confirmed_transcript_hash);
        let context = encode(&context).at("group_context")?;
        let joiner = init_secret.joiner_secret(suite, self.commit_secret.secret(), &context);
        let joiner = joiner.at("joiner_secret")?;
        let joiner_secret = joiner.secret().as_bytes().into();
        let member = joiner.member_secret(suite, self.psk_secret.secret());
        let welcome = member.welcome_secret(suite).at("welcome_secret")?;
        let epoch_secret = member.epoch_secret(suite, &context).at("epoch_secret")?;
        let (secrets, encryption) = epoch_secret.derive(suite).at("epoch_secret")?;
        let Exporter { label, context: exported, length, secret: _ } = &self.exporter;
        let secret = secrets.export(suite, label.as_bytes(), exported, *length).at("exporter")?;
        let derived = Self {
            tree_hash: self.tree_hash.clone(),
            commit_secret: self.commit_secret.clone(),
            psk_secret: self.psk_secret.clone(),
            confirmed_transcript_hash: self.confirmed_transcript_hash.clone(),
            group_context: context.into(),
            joiner_secret,
            welcome_secret: welcome.secret().as_bytes().into(),
            init_secret: secrets.init_secret().secret().as_bytes().into(),
            sender_data_secret: secrets.sender_data_secret().as_bytes().into(),
            encryption_secret: encryption.secret().as_bytes().into(),
            exporter_secret: secrets.exporter_secret().as_bytes().into(),
            epoch_authenticator: secrets.epoch_authenticator().as_bytes().into(),
            external_secret: secrets.external_secret().as_bytes().into(),
            confirmation_key: secrets.confirmation_key().as_bytes().into(),
            membership_key: secrets.membership_key().as_bytes().into(),
            resumption_psk: secrets.resumption_psk().as_bytes().into(),
            external_pub: secrets.external_key_pair(suite).at("external_pub")?.public.into(),
            exporter: Exporter {
                label: label.clone(),
                context: exported.clone(),
                length: *length,
                secret: secret.as_bytes().into(),
            },
        };
        Ok((derived, secrets.init_secret()))
    }

    fn compare(&self, ours: &Self) -> Checked {
        let fields = [
            ("group_context", &ours.group_context, &self.group_context),
            ("joiner_secret", &ours.joiner_secret, &self.joiner_secret),
            ("welcome_secret", &ours.welcome_secret, &self.welcome_secret),
            ("init_secret", &ours.init_secret, &self.init_secret),
            ("sender_data_secret", &ours.sender_data_secret, &self.sender_data_secret),
            ("encryption_secret", &ours.encryption_secret, &self.encryption_secret),
            ("exporter_secret", &ours.exporter_secret, &self.exporter_secret),
            ("epoch_authenticator", &ours.epoch_authenticator, &self.epoch_authenticator),
            ("external_secret", &ours.external_secret, &self.external_secret),
            ("confirmation_key", &ours.confirmation_key, &self.confirmation_key),
            ("membership_key", &ours.membership_key, &self.membership_key),
            ("resumption_psk", &ours.resumption_psk, &self.resumption_psk),
            ("external_pub", &ours.external_pub, &self.external_pub),
            ("exporter.secret", &ours.exporter.secret, &self.exporter.secret),
        ];
        fields.into_iter().try_for_each(|(field, ours, given)| same_bytes(field, &**ours, given))
    }
}

fn check(provider: &CryptoProvider, case: &Value) -> Checked {
    let Case { cipher_suite, group_id, initial_init_secret, epochs } = fields(case)?;
    let suite = suite(provider, cipher_suite)?;
    let mut init_secret = InitSecret::external(initial_init_secret.secret());
    for (number, epoch) in (0..).zip(&epochs) {
        let outer = format_args!("epochs[{number}]");
        let (ours, next) = epoch.derive(suite, (&group_id, number), init_secret).within(outer)?;
        epoch.compare(&ours).within(outer)?;
        init_secret = next;
    }
    Ok(())
}

/// Two epochs with random inputs.
pub(crate) fn generate(suite: &CipherSuite, random: &dyn SecureRandom) -> Checked<Case> {
    let bytes = |len| random.bytes(len).map(Bytes).at("random");
    let len = suite.secret_len();
    let (group_id, initial_init_secret) = (bytes(16)?, bytes(len)?);
    let mut init_secret = InitSecret::external(initial_init_secret.secret());
    let mut epochs = Vec::new();
    for number in 0..2 {
        let exporter = Exporter {
            label: format!("label {number}"),
            context: bytes(24)?,
            length: 40,
            ..Exporter::default()
        };
        let given = Epoch {
            tree_hash: bytes(len)?,
            commit_secret: bytes(len)?,
            psk_secret: bytes(len)?,
            confirmed_transcript_hash: bytes(len)?,
            exporter,
            ..Epoch::default()
        };
        let (epoch, next) = given.derive(suite, (&group_id, number), init_secret)?;
        init_secret = next;
        epochs.push(epoch);
    }
    Ok(Case { cipher_suite: suite.id.0, group_id, initial_init_secret, epochs })
}
