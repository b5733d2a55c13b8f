//! The secrets that an epoch keeps (RFC 9420 §8, Table 4), what is computed with them, and their row.
//!
//! Row, version 1: the octet 1, then eight byte strings, each after a `u16` length, in the order of the fields of
//! [`EpochSecrets`]. A past epoch's row: the octet 1, then `sender_data_secret` alike.

use crate::row::{Reader, Writer, secret_len};
use crate::{InitSecret, KeyScheduleError, RowError};
use core::fmt;
use pleach_crypto::{CipherSuite, Digest, KemKeyPair, Secret};

const VERSION: u8 = crate::ROW_VERSION;

/// The secrets of one epoch, without the `encryption_secret`, which lives in the [`SecretTree`](crate::SecretTree).
#[derive(Clone, PartialEq, Eq)]
pub struct EpochSecrets {
    sender_data_secret: Secret,
    exporter_secret: Secret,
    epoch_authenticator: Secret,
    external_secret: Secret,
    confirmation_key: Secret,
    membership_key: Secret,
    resumption_psk: Secret,
    init_secret: InitSecret,
}

impl EpochSecrets {
    /// `DeriveSecret(epoch_secret, <label>)` for each (RFC 9420 §8, R115).
    pub(crate) fn derive(suite: &CipherSuite, epoch_secret: &Secret) -> Result<Self, KeyScheduleError> {
        let derive = |label: &[u8]| suite.derive_secret(epoch_secret, label);
        Ok(Self {
            sender_data_secret: derive(b"sender data")?,
            exporter_secret: derive(b"exporter")?,
            epoch_authenticator: derive(b"authentication")?,
            external_secret: derive(b"external")?,
            confirmation_key: derive(b"confirm")?,
            membership_key: derive(b"membership")?,
            resumption_psk: derive(b"resumption")?,
            init_secret: InitSecret::new(derive(b"init")?),
        })
    }

    /// `sender_data_secret`: encrypts who sent a PrivateMessage (RFC 9420 §6.3.2).
    #[must_use]
    pub fn sender_data_secret(&self) -> &Secret {
        &self.sender_data_secret
    }

    /// `exporter_secret` (RFC 9420 §8.5); see [`EpochSecrets::export`].
    #[must_use]
    pub fn exporter_secret(&self) -> &Secret {
        &self.exporter_secret
    }

    /// `epoch_authenticator`: equal at all members of the epoch (RFC 9420 §8.7, R138).
    #[must_use]
    pub fn epoch_authenticator(&self) -> &Secret {
        &self.epoch_authenticator
    }

    /// `external_secret`; see [`EpochSecrets::external_key_pair`].
    #[must_use]
    pub fn external_secret(&self) -> &Secret {
        &self.external_secret
    }

    /// `confirmation_key`; see [`EpochSecrets::confirmation_tag`].
    #[must_use]
    pub fn confirmation_key(&self) -> &Secret {
        &self.confirmation_key
    }

    /// `membership_key`: authenticates members' PublicMessages (RFC 9420 §6.2).
    #[must_use]
    pub fn membership_key(&self) -> &Secret {
        &self.membership_key
    }

    /// `resumption_psk`: the PSK that proves membership in this epoch (RFC 9420 §8.6, R129).
    #[must_use]
    pub fn resumption_psk(&self) -> &Secret {
        &self.resumption_psk
    }

    /// A copy of `init_secret`, for computing one successor epoch. The original dies with these secrets.
    #[must_use]
    pub fn init_secret(&self) -> InitSecret {
        self.init_secret.clone()
    }

    /// `confirmation_tag = MAC(confirmation_key, confirmed_transcript_hash)` (RFC 9420 §6.1, R045).
    #[must_use]
    pub fn confirmation_tag(&self, suite: &CipherSuite, confirmed_transcript_hash: &[u8]) -> Digest {
        suite.hash.hmac(&self.confirmation_key, &[confirmed_transcript_hash])
    }

    /// Verifies a `confirmation_tag` in constant time.
    ///
    /// # Errors
    /// [`KeyScheduleError::InvalidConfirmationTag`] (R045, R231, R245).
    pub fn verify_confirmation_tag(
        &self,
        suite: &CipherSuite,
        confirmed_transcript_hash: &[u8],
        confirmation_tag: &[u8],
    ) -> Result<(), KeyScheduleError> {
        if self.confirmation_tag(suite, confirmed_transcript_hash).ct_eq(confirmation_tag) {
            Ok(())
        } else {
            Err(KeyScheduleError::InvalidConfirmationTag) // R045, R231, R245
        }
    }

    /// `membership_tag = MAC(membership_key, AuthenticatedContentTBM)` (RFC 9420 §6.2, R046). The content is given in
    /// parts.
    #[must_use]
    pub fn membership_tag(&self, suite: &CipherSuite, authenticated_content_tbm: &[&[u8]]) -> Digest {
        suite.hash.hmac(&self.membership_key, authenticated_content_tbm)
    }

    /// Verifies a `membership_tag` in constant time.
    ///
    /// # Errors
    /// [`KeyScheduleError::InvalidMembershipTag`] (R047).
    pub fn verify_membership_tag(
        &self,
        suite: &CipherSuite,
        authenticated_content_tbm: &[&[u8]],
        membership_tag: &[u8],
    ) -> Result<(), KeyScheduleError> {
        if self.membership_tag(suite, authenticated_content_tbm).ct_eq(membership_tag) {
            Ok(())
        } else {
            Err(KeyScheduleError::InvalidMembershipTag) // R047
        }
    }

    /// `external_priv, external_pub = KEM.DeriveKeyPair(external_secret)` (RFC 9420 §8, R116).
    ///
    /// # Errors
    /// [`KeyScheduleError::Crypto`].
    pub fn external_key_pair(&self, suite: &CipherSuite) -> Result<KemKeyPair, KeyScheduleError> {
        Ok(suite.kem.derive_key_pair(&self.external_secret)?) // R116
    }

    /// `MLS-Exporter(Label, Context, Length)` (RFC 9420 §8.5, R136). Use one label per purpose (R137).
    ///
    /// # Errors
    /// [`KeyScheduleError::Crypto`] for more than `255 * Nh` bytes.
    pub fn export(
        &self,
        suite: &CipherSuite,
        label: &[u8],
        context: &[u8],
        len: usize,
    ) -> Result<Secret, KeyScheduleError> {
        let derived = suite.derive_secret(&self.exporter_secret, label)?;
        let context = suite.hash.hash(&[context]);
        Ok(suite.expand_with_label(&derived, b"exported", context.as_bytes(), len)?) // R136
    }

    /// The row in which a group persists them.
    #[must_use]
    pub fn to_row(&self) -> Secret {
        let all = self.all();
        let mut row = Writer::new(VERSION, all.iter().map(|secret| secret_len(secret)).sum());
        all.iter().for_each(|secret| row.secret(secret));
        row.finish()
    }

    /// Reads the row of [`EpochSecrets::to_row`].
    ///
    /// # Errors
    /// [`RowError`] if it is not one.
    pub fn from_row(row: &[u8]) -> Result<Self, RowError> {
        let mut row = Reader::new(VERSION, row)?;
        let secrets = Self {
            sender_data_secret: row.secret()?,
            exporter_secret: row.secret()?,
            epoch_authenticator: row.secret()?,
            external_secret: row.secret()?,
            confirmation_key: row.secret()?,
            membership_key: row.secret()?,
            resumption_psk: row.secret()?,
            init_secret: InitSecret::new(row.secret()?),
        };
        row.finish()?;
        // A key of no bytes would make a MAC that anybody can compute: a damaged row, not a key.
        if secrets.all().iter().any(|secret| secret.is_empty()) {
            return Err(RowError::Inconsistent);
        }
        Ok(secrets)
    }

    /// What is kept when the epoch is over: what it takes to read late application messages. Everything else is
    /// deleted; store the `resumption_psk` elsewhere before (R129, R133).
    #[must_use]
    pub fn into_past(self) -> PastEpochSecrets {
        PastEpochSecrets { sender_data_secret: self.sender_data_secret }
    }

    fn all(&self) -> [&Secret; 8] {
        let Self {
            sender_data_secret,
            exporter_secret,
            epoch_authenticator,
            external_secret,
            confirmation_key,
            membership_key,
            resumption_psk,
            init_secret,
        } = self;
        [
            sender_data_secret,
            exporter_secret,
            epoch_authenticator,
            external_secret,
            confirmation_key,
            membership_key,
            resumption_psk,
            init_secret.secret(),
        ]
    }
}

impl fmt::Debug for EpochSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpochSecrets").finish_non_exhaustive()
    }
}

/// What is kept of a past epoch's secrets beside its [`SecretTree`](crate::SecretTree) (RFC 9420 §9.2, R142, R143).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastEpochSecrets {
    sender_data_secret: Secret,
}

impl PastEpochSecrets {
    /// `sender_data_secret` (RFC 9420 §6.3.2).
    #[must_use]
    pub fn sender_data_secret(&self) -> &Secret {
        &self.sender_data_secret
    }

    /// The row in which a group persists them.
    #[must_use]
    pub fn to_row(&self) -> Secret {
        let mut row = Writer::new(VERSION, secret_len(&self.sender_data_secret));
        row.secret(&self.sender_data_secret);
        row.finish()
    }

    /// Reads the row of [`PastEpochSecrets::to_row`].
    ///
    /// # Errors
    /// [`RowError`] if it is not one.
    pub fn from_row(row: &[u8]) -> Result<Self, RowError> {
        let mut row = Reader::new(VERSION, row)?;
        let secrets = Self { sender_data_secret: row.secret()? };
        row.finish()?;
        if secrets.sender_data_secret.is_empty() {
            return Err(RowError::Inconsistent);
        }
        Ok(secrets)
    }
}
