//! Welcomes of a [`ForgedCommit`] (§12.4.3.1).
#![expect(clippy::expect_used, reason = "a test's own values are valid; a panic is a failed test")]

use pleach_wire::{
    EncryptedGroupSecrets, GroupSecrets, HpkeCiphertext, KeyPackageRef, MlsMessage, Opaque, Welcome, encode,
};

use super::{ForgedCommit, Tamper, forger::apply};

impl ForgedCommit {
    /// The Welcome for all that the Commit adds, as an MLSMessage.
    ///
    /// # Panics
    /// If something has no encoding.
    #[must_use]
    pub fn welcome(&self, mut tamper: Tamper<'_>) -> Vec<u8> {
        let suite = &self.next.suite;
        let group_info = self.next.group_info(&mut tamper);
        let sealed = self.welcome_secret.seal_group_info(suite, group_info.bytes().to_vec());
        let encrypted_group_info = sealed.expect("a sealed group info");
        let mut secrets = Vec::new();
        for ((_, key_package), path_secret) in self.added.iter().zip(&self.path_secrets) {
            let mut group_secrets = GroupSecrets {
                joiner_secret: self.joiner_secret.clone(),
                path_secret: path_secret.clone(),
                psks: self.psk_ids.clone().into(),
            };
            if let Some(change) = tamper.group_secrets {
                change(&mut group_secrets);
            }
            let text = group_secrets.encode().expect("group secrets have an encoding");
            let public = suite.kem.load_public(&key_package.init_key).expect("an init key");
            let sealed = suite.encrypt_with_label(
                &*public,
                b"Welcome",
                &encrypted_group_info,
                text.as_bytes(),
                &*self.next.rng,
            );
            let sealed = sealed.expect("sealed group secrets");
            let reference = suite.ref_hash(b"MLS 1.0 KeyPackage Reference", key_package.bytes());
            secrets.push(EncryptedGroupSecrets {
                new_member: KeyPackageRef::from(reference.expect("a reference").as_bytes()),
                encrypted_group_secrets: HpkeCiphertext {
                    kem_output: sealed.kem_output.into(),
                    ciphertext: sealed.ciphertext.into(),
                },
            });
        }
        let mut welcome = Welcome {
            cipher_suite: suite.id,
            secrets: secrets.into(),
            encrypted_group_info: Opaque::from(encrypted_group_info),
        };
        apply(&mut tamper.welcome, &mut welcome);
        encode(&MlsMessage::from(welcome)).expect("the message has an encoding")
    }
}
