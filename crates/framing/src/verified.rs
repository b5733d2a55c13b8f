//! What has been checked of a message, as types. Only this crate makes them, each in one place.

use crate::{EpochContext, FramingError, SignatureKey, signature_key, verify_signature};
use core::ops::Deref;
use pleach_crypto::Verifier;
use pleach_wire::{AuthenticatedContent, ContentType, Sender};

/// Content whose membership (membership tag or encryption) is proven where its sender is a member, but whose signature
/// is not verified yet. It can be asked who should have signed it, and nothing else without saying so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unverified<T>(T);

/// Content that passed every check of RFC 9420 §6: it is authentic. The confirmation tag of a Commit is checked later,
/// with the key of the next epoch (R045, R231).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<T>(T);

/// Content as [`Unverified`], but received by an observer, who does not know the membership key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed<T>(T);

/// Content whose signature is verified, and whose sender may have been removed: an observer cannot check the membership
/// tag (RFC 9420 §6.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureVerified<T>(T);

macro_rules! unverified {
    ($name:ident => $verified:ident) => {
        impl<T> $name<T> {
            pub(crate) fn new(content: T) -> Self {
                Self(content)
            }

            /// The content, unverified.
            #[must_use]
            pub fn unverified(&self) -> &T {
                &self.0
            }
        }

        impl $name<AuthenticatedContent> {
            /// Who claims to have sent it.
            #[must_use]
            pub fn sender(&self) -> Sender {
                self.0.content.sender
            }

            /// What it claims to be.
            #[must_use]
            pub fn content_type(&self) -> ContentType {
                self.0.content.content.content_type()
            }

            /// The key that its signature must verify under (RFC 9420 §6.1).
            ///
            /// # Errors
            /// None after the checks that made this value.
            pub fn signature_key(&self) -> Result<SignatureKey<'_>, FramingError> {
                signature_key(&self.0.content)
            }

            /// Verifies the signature under the sender's key (RFC 9420 §6.1, R044, R047, R055).
            ///
            /// # Errors
            /// [`FramingError::InvalidSignature`].
            pub fn verify(
                self,
                epoch: &EpochContext<'_>,
                verifier: &dyn Verifier,
            ) -> Result<$verified<AuthenticatedContent>, FramingError> {
                verify_signature(epoch, verifier, &self.0)?;
                Ok($verified(self.0))
            }
        }

        impl<T> $verified<T> {
            /// The content.
            #[must_use]
            pub fn into_inner(self) -> T {
                self.0
            }
        }

        impl<T> Deref for $verified<T> {
            type Target = T;

            fn deref(&self) -> &T {
                &self.0
            }
        }
    };
}

unverified!(Unverified => Verified);
unverified!(Observed => SignatureVerified);

impl Verified<AuthenticatedContent> {
    /// Content that this client signed itself, and so need not verify.
    #[must_use]
    pub fn own(content: AuthenticatedContent) -> Self {
        Self(content)
    }
}
