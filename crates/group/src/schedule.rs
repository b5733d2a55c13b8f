//! The key schedule of a Commit, for those who make one and those who process one (RFC 9420 §8, §12.4).

use crate::{GroupError, MisbehaviorError};
use alloc::vec::Vec;
use pleach_crypto::{CipherSuite, Digest, Secret};
use pleach_key_schedule::{
    EncryptionSecret, EpochSecrets, InitSecret, WelcomeSecret, confirmed_transcript_hash,
};
use pleach_wire::{AuthenticatedContent, Extensions, GroupContext, Opaque, encode};

/// The secrets of a new epoch, with what a Welcome needs of them.
pub(crate) struct Schedule {
    pub(crate) context: GroupContext,
    pub(crate) context_bytes: Vec<u8>,
    pub(crate) confirmed_transcript_hash: Digest,
    pub(crate) joiner_secret: Secret,
    pub(crate) welcome_secret: WelcomeSecret,
    pub(crate) secrets: EpochSecrets,
    pub(crate) encryption_secret: EncryptionSecret,
}

/// The GroupContext of the next epoch with the old transcript hash: the HPKE context of path secrets (R095, R117).
pub(crate) fn provisional_context(
    old: &GroupContext,
    tree_hash: Digest,
    extensions: &Extensions,
) -> Result<GroupContext, GroupError> {
    Ok(GroupContext {
        epoch: old.epoch.checked_add(1).ok_or(MisbehaviorError::EpochOverflow)?, // R117
        tree_hash: Opaque::from(tree_hash.as_bytes()),
        extensions: extensions.clone(),
        ..old.clone()
    })
}

impl Schedule {
    /// From the provisional context, the Commit and the secrets that enter (§8, R113, R114, R119).
    pub(crate) fn new(
        suite: &CipherSuite,
        mut context: GroupContext,
        interim_before: &[u8],
        commit: &AuthenticatedContent,
        (init_secret, commit_secret, psk_secret): (InitSecret, Secret, Secret),
    ) -> Result<Self, GroupError> {
        let confirmed = confirmed_transcript_hash(
            suite,
            interim_before,
            commit.wire_format,
            &commit.content,
            &commit.auth.signature,
        )?;
        context.confirmed_transcript_hash = Opaque::from(confirmed.as_bytes());
        let context_bytes = encode(&context)?;
        let joiner = init_secret.joiner_secret(suite, commit_secret, &context_bytes)?;
        let joiner_secret = joiner.secret().clone();
        let member = joiner.member_secret(suite, psk_secret);
        let welcome_secret = member.welcome_secret(suite)?;
        let (secrets, encryption_secret) = member.epoch_secret(suite, &context_bytes)?.derive(suite)?;
        Ok(Self {
            context,
            context_bytes,
            confirmed_transcript_hash: confirmed,
            joiner_secret,
            welcome_secret,
            secrets,
            encryption_secret,
        })
    }
}
