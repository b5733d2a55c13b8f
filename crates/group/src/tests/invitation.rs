//! Welcomes that no honest client would make: opened, changed, and made consistent again with the keys of all involved.

use super::{driver::*, outsider::read_group_info};
use crate::RowKind;
use crate::key_package::KeyPackageRecord;
use crate::psk::{psk_from_row, psk_record};
use pleach_key_schedule::{JoinerSecret, WelcomeSecret, psk_secret};
use pleach_tree::RatchetTree;
use pleach_wire::{
    EncryptedGroupSecrets, GroupInfo, GroupSecrets, HpkeCiphertext, KeyPackageRef, MlsMessage,
    MlsMessageBody, Node, RatchetTreeNodes, Welcome,
};

/// What a Welcome says to one of its recipients.
#[derive(Clone)]
pub(super) struct Invitation {
    suite: CipherSuite,
    record: KeyPackageRecord,
    pub(super) new_member: KeyPackageRef,
    pub(super) cipher_suite: CipherSuiteId,
    pub(super) group_secrets: GroupSecrets,
    pub(super) group_info: GroupInfo,
    /// The value of all PSKs named.
    pub(super) psk_secret: Secret,
}

impl Invitation {
    /// Opens a Welcome as its recipient would.
    pub(super) fn open(invitee: &Client, message: &[u8]) -> Self {
        let welcome = crate::read_welcome(&invitee.env(), message).unwrap();
        let suite = invitee.suite;
        let (entry, record) = welcome
            .secrets
            .iter()
            .find_map(|entry| {
                let row = invitee.rows.get(&RecordKey::KeyPackage(entry.new_member.to_vec()))?;
                Some((entry, KeyPackageRecord::from_row(row).unwrap()))
            })
            .unwrap();
        let private = suite.kem.load_private(&record.init_private).unwrap();
        let HpkeCiphertext { kem_output, ciphertext } = &entry.encrypted_group_secrets;
        let opened = suite
            .decrypt_with_label(&*private, b"Welcome", &welcome.encrypted_group_info, kem_output, ciphertext)
            .unwrap();
        let group_secrets: GroupSecrets = decode(opened.as_bytes()).unwrap();
        let psk_secret = invitee.psk_secret_of(&group_secrets);
        let welcome_secret = welcome_secret(&suite, &group_secrets, &psk_secret);
        let group_info = welcome_secret.open_group_info(&suite, &welcome.encrypted_group_info).unwrap();
        Self {
            suite,
            record,
            new_member: entry.new_member.clone(),
            cipher_suite: welcome.cipher_suite,
            psk_secret,
            group_secrets,
            group_info: decode::<Kept<GroupInfo>>(&group_info).unwrap().into_value(),
        }
    }

    /// The tree in the GroupInfo.
    pub(super) fn nodes(&self) -> Vec<Option<Node>> {
        self.group_info.extensions.ratchet_tree().unwrap().unwrap().to_vec()
    }

    /// Another tree, whose hash the GroupContext has.
    pub(super) fn with_nodes(mut self, nodes: Vec<Option<Node>>) -> Self {
        let nodes = RatchetTreeNodes::new(nodes).unwrap();
        let tree = RatchetTree::from_nodes(&self.suite, nodes.clone()).unwrap();
        self.group_info.group_context.tree_hash = Opaque::from(tree.tree_hash().unwrap().as_bytes());
        self.set_extension(Extension::new(&nodes).unwrap());
        self
    }

    /// Puts an extension into the GroupInfo, in the place of one of its type.
    pub(super) fn set_extension(&mut self, extension: Extension) {
        let others = |other: &&Extension| other.extension_type != extension.extension_type;
        let mut extensions: Vec<_> = self.group_info.extensions.iter().filter(others).cloned().collect();
        extensions.push(extension);
        self.group_info.extensions = extensions.into();
    }

    pub(super) fn without_extension(mut self, extension_type: ExtensionType) -> Self {
        let others = |other: &&Extension| other.extension_type != extension_type;
        self.group_info.extensions = self.group_info.extensions.iter().filter(others).cloned().collect();
        self
    }

    pub(super) fn change(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// Computes the confirmation tag anew.
    pub(super) fn confirmed(mut self) -> Self {
        let Self { suite, group_secrets, group_info, psk_secret, .. } = &mut self;
        let context = encode(&group_info.group_context).unwrap();
        let joiner = JoinerSecret::from_welcome(group_secrets.joiner_secret.clone());
        let member = joiner.member_secret(suite, psk_secret.clone());
        let (secrets, _) = member.epoch_secret(suite, &context).unwrap().derive(suite).unwrap();
        let tag = secrets.confirmation_tag(suite, &group_info.group_context.confirmed_transcript_hash);
        group_info.confirmation_tag = Opaque::from(tag.as_bytes());
        self
    }

    /// Confirms, signs as this member, and encrypts.
    pub(super) fn seal(&self, inviter: &Client) -> Vec<u8> {
        self.clone().confirmed().seal_as_is(inviter, |_| (), b"Welcome")
    }

    /// Signs and encrypts. `spoil` changes what was encrypted for the group, `label` is that of the group secrets.
    pub(super) fn seal_as_is(
        &self,
        inviter: &Client,
        spoil: impl FnOnce(&mut Vec<u8>),
        label: &[u8],
    ) -> Vec<u8> {
        let group_info = inviter.sign_group_info(self.group_info.clone());
        let welcome_secret = welcome_secret(&self.suite, &self.group_secrets, &self.psk_secret);
        let mut encrypted_group_info =
            welcome_secret.seal_group_info(&self.suite, group_info.bytes().to_vec()).unwrap();
        spoil(&mut encrypted_group_info);
        let public = self.suite.kem.load_public(&self.record.key_package.init_key).unwrap();
        let secrets = self.group_secrets.encode().unwrap();
        let random = &*inviter.provider.random;
        let sealed = self
            .suite
            .encrypt_with_label(&*public, label, &encrypted_group_info, secrets.as_bytes(), random)
            .unwrap();
        let encrypted_group_secrets =
            HpkeCiphertext { kem_output: sealed.kem_output.into(), ciphertext: sealed.ciphertext.into() };
        let entry = EncryptedGroupSecrets { new_member: self.new_member.clone(), encrypted_group_secrets };
        encode(&MlsMessage::from(Welcome {
            cipher_suite: self.cipher_suite,
            secrets: vec![entry].into(),
            encrypted_group_info: encrypted_group_info.into(),
        }))
        .unwrap()
    }
}

impl Client {
    fn psk_secret_of(&self, group_secrets: &GroupSecrets) -> Secret {
        let values: Vec<_> = group_secrets
            .psks
            .iter()
            .map(|id| {
                (id.clone(), psk_from_row(RowKind::ExternalPsk, &self.rows[&psk_record(&id.psk)]).unwrap())
            })
            .collect();
        psk_secret(&self.suite, &values).unwrap()
    }

    pub(super) fn sign_group_info(&self, group_info: GroupInfo) -> Kept<GroupInfo> {
        let kept = Kept::new(group_info).unwrap();
        let tbs = kept.bytes_before_signature();
        let signature = self.suite.sign_with_label(&*self.signer, b"GroupInfoTBS", &[tbs]).unwrap();
        kept.with_signature(signature.into()).unwrap()
    }

    /// A published GroupInfo, changed and signed again by this member.
    pub(super) fn changed_group_info(&self, message: &[u8], change: impl FnOnce(&mut GroupInfo)) -> Vec<u8> {
        let mut group_info = read_group_info(message).into_value();
        change(&mut group_info);
        let group_info = self.sign_group_info(group_info);
        encode(&MlsMessage::from(MlsMessageBody::GroupInfo(group_info))).unwrap()
    }
}

fn welcome_secret(suite: &CipherSuite, secrets: &GroupSecrets, psk_secret: &Secret) -> WelcomeSecret {
    let joiner = JoinerSecret::from_welcome(secrets.joiner_secret.clone());
    joiner.member_secret(suite, psk_secret.clone()).welcome_secret(suite).unwrap()
}
