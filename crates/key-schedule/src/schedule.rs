//! The chain of secrets from one epoch to the next (RFC 9420 §8), one type per step, each step consuming its input.
//!
//! ```text
//! InitSecret ─ commit_secret, GroupContext ─> JoinerSecret ─ psk_secret ─> MemberSecret ─ GroupContext ─> EpochSecret
//!                                                                           └─> WelcomeSecret              │
//!                                                                   EpochSecrets and EncryptionSecret <────┘
//! ```
//!
//! A commit is computed before it is known whether it takes effect, so [`InitSecret`] is cloned out of the current
//! [`EpochSecrets`] and the clone is consumed; the original dies with its epoch. Nothing here keeps a secret of an
//! earlier step (§9.2, R142). Cost: two extractions and about a dozen expansions per epoch, whatever the group's size.

use crate::{EpochSecrets, KeyScheduleError};
use alloc::vec::Vec;
use pleach_crypto::{CipherSuite, CryptoError, Secret, SecureRandom};

/// `init_secret_[n]`: what one epoch hands to the next (RFC 9420 §8), or what an external Commit exchanges (§8.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitSecret(Secret);

impl InitSecret {
    /// The `init_secret` of an external Commit, exchanged by HPKE (RFC 9420 §8.3, R123, R124).
    #[must_use]
    pub fn external(secret: Secret) -> Self {
        Self(secret)
    }

    pub(crate) fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// The secret.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.0
    }

    /// `joiner_secret = ExpandWithLabel(Extract(init_secret, commit_secret), "joiner", GroupContext_[n], Nh)`
    /// (RFC 9420 §8, R113). `group_context` is the encoded GroupContext of the *new* epoch.
    ///
    /// `commit_secret` is [`Secret::zero`] of `Nh` bytes for a Commit without a path (R224).
    ///
    /// # Errors
    /// [`KeyScheduleError::Crypto`].
    #[expect(clippy::needless_pass_by_value, reason = "the commit secret is consumed (RFC 9420 §9.2)")]
    pub fn joiner_secret(
        self,
        suite: &CipherSuite,
        commit_secret: Secret,
        group_context: &[u8],
    ) -> Result<JoinerSecret, KeyScheduleError> {
        let extracted = suite.kdf.extract(self.0.as_bytes(), &[commit_secret.as_bytes()]); // R113
        Ok(JoinerSecret(suite.expand_with_label(&extracted, b"joiner", group_context, suite.secret_len())?))
    }
}

/// `joiner_secret`: what a Welcome gives to a new member (RFC 9420 §8, §12.4.3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinerSecret(Secret);

impl JoinerSecret {
    /// The `joiner_secret` of a received `GroupSecrets`.
    #[must_use]
    pub fn from_welcome(secret: Secret) -> Self {
        Self(secret)
    }

    /// The secret, for the `GroupSecrets` of a Welcome.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.0
    }

    /// `Extract(joiner_secret, psk_secret)` (RFC 9420 §8, R114). `psk_secret` comes from [`psk_secret`](crate::psk_secret).
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "the PSK secret is consumed (RFC 9420 §9.2)")]
    pub fn member_secret(self, suite: &CipherSuite, psk_secret: Secret) -> MemberSecret {
        MemberSecret(suite.kdf.extract(self.0.as_bytes(), &[psk_secret.as_bytes()])) // R114
    }
}

/// The secret from which `welcome_secret` and `epoch_secret` are derived (RFC 9420 §8; it has no name there).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberSecret(Secret);

impl MemberSecret {
    /// `welcome_secret = DeriveSecret(., "welcome")` (RFC 9420 §8, R114).
    ///
    /// # Errors
    /// [`KeyScheduleError::Crypto`].
    pub fn welcome_secret(&self, suite: &CipherSuite) -> Result<WelcomeSecret, KeyScheduleError> {
        Ok(WelcomeSecret(suite.derive_secret(&self.0, b"welcome")?))
    }

    /// `epoch_secret = ExpandWithLabel(., "epoch", GroupContext_[n], Nh)` (RFC 9420 §8, R114).
    ///
    /// # Errors
    /// [`KeyScheduleError::Crypto`].
    pub fn epoch_secret(
        self,
        suite: &CipherSuite,
        group_context: &[u8],
    ) -> Result<EpochSecret, KeyScheduleError> {
        Ok(EpochSecret(suite.expand_with_label(&self.0, b"epoch", group_context, suite.secret_len())?))
    }
}

/// `welcome_secret`: encrypts the GroupInfo of a Welcome (RFC 9420 §12.4.3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WelcomeSecret(Secret);

impl WelcomeSecret {
    /// The secret.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.0
    }

    /// `welcome_key` and `welcome_nonce` (RFC 9420 §12.4.3.1, R236).
    ///
    /// # Errors
    /// [`KeyScheduleError::Crypto`].
    pub fn key_and_nonce(&self, suite: &CipherSuite) -> Result<(Secret, Secret), KeyScheduleError> {
        let key = suite.expand_with_label(&self.0, b"key", b"", suite.aead.key_len())?;
        let nonce = suite.expand_with_label(&self.0, b"nonce", b"", suite.aead.nonce_len())?;
        Ok((key, nonce))
    }

    /// Encrypts an encoded GroupInfo, with empty AAD (RFC 9420 §12.4.3.1, R236).
    ///
    /// # Errors
    /// [`KeyScheduleError::Crypto`].
    pub fn seal_group_info(
        &self,
        suite: &CipherSuite,
        mut group_info: Vec<u8>,
    ) -> Result<Vec<u8>, KeyScheduleError> {
        let (key, nonce) = self.key_and_nonce(suite)?;
        suite.aead.seal(&key, nonce.as_bytes(), b"", &mut group_info)?;
        Ok(group_info)
    }

    /// Decrypts `encrypted_group_info` to an encoded GroupInfo (RFC 9420 §12.4.3.1, R236).
    ///
    /// # Errors
    /// [`KeyScheduleError::GroupInfoDecryption`] if it does not authenticate: a wrong joiner secret or PSK, or a
    /// Welcome that was tampered with.
    pub fn open_group_info(
        &self,
        suite: &CipherSuite,
        encrypted_group_info: &[u8],
    ) -> Result<Vec<u8>, KeyScheduleError> {
        let (key, nonce) = self.key_and_nonce(suite)?;
        let mut text = encrypted_group_info.to_vec();
        suite.aead.open(&key, nonce.as_bytes(), b"", &mut text).map_err(|error| match error {
            CryptoError::DecryptionFailed => KeyScheduleError::GroupInfoDecryption, // R236
            other => other.into(),
        })?;
        Ok(text)
    }
}

/// `epoch_secret` (RFC 9420 §8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpochSecret(Secret);

impl EpochSecret {
    /// A fresh one: epoch 0 of a new group (RFC 9420 §11, R162).
    ///
    /// # Errors
    /// Those of the randomness.
    pub fn random(suite: &CipherSuite, rng: &dyn SecureRandom) -> Result<Self, KeyScheduleError> {
        Ok(Self(rng.secret(suite.secret_len())?)) // R162
    }

    /// All secrets of the epoch (RFC 9420 §8, R115). The encryption secret comes apart from the others because it moves
    /// into the [`SecretTree`](crate::SecretTree).
    ///
    /// # Errors
    /// [`KeyScheduleError::Crypto`].
    pub fn derive(self, suite: &CipherSuite) -> Result<(EpochSecrets, EncryptionSecret), KeyScheduleError> {
        let encryption = EncryptionSecret(suite.derive_secret(&self.0, b"encryption")?);
        Ok((EpochSecrets::derive(suite, &self.0)?, encryption))
    }
}

/// `encryption_secret`: the root of the secret tree (RFC 9420 §9). It is moved there and lives nowhere else.
#[derive(Debug, PartialEq, Eq)]
pub struct EncryptionSecret(pub(crate) Secret);

impl EncryptionSecret {
    /// An encryption secret from elsewhere: test vectors, or a state that another implementation exported.
    #[must_use]
    pub fn from_secret(secret: Secret) -> Self {
        Self(secret)
    }

    /// The secret.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.0
    }
}
