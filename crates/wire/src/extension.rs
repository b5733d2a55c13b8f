//! Extensions: the generic list, and the bodies that RFC 9420 defines (§5.3.3, §11.1, §12.1.8.1, §12.4.3, §13.4).
//!
//! An extension is its type and its bytes; the bodies are decoded on demand by [`Extensions::get`]. That a type
//! occurs once (R187) is the reader's to check, with [`Extensions::first_duplicate`].

use alloc::vec::Vec;
use core::ops::Deref;

use tls_codec::DeserializeBytes;

use crate::{
    codec::{Encode, decode, encode},
    credential::Credential,
    error::{DecodeError, EncodeError},
    node::RatchetTreeNodes,
    registry::{CredentialType, ExtensionType, ProposalType},
    vector::{HpkePublicKey, List, Opaque, SignaturePublicKey},
};

/// `Extension` (RFC 9420 §7.2, §13.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct Extension {
    /// What it is.
    pub extension_type: ExtensionType,
    /// Its body, encoded.
    pub extension_data: Opaque,
}

wire_struct!(Extension { extension_type, extension_data });

impl Extension {
    /// An extension with a body that is known here.
    ///
    /// # Errors
    /// [`EncodeError`] if the body has no encoding.
    pub fn new<T: ExtensionBody>(body: &T) -> Result<Self, EncodeError> {
        Ok(Self { extension_type: T::TYPE, extension_data: encode(body)?.into() })
    }
}

/// A structure that is the body of one extension type.
pub trait ExtensionBody: Encode + DeserializeBytes {
    /// The type.
    const TYPE: ExtensionType;
}

/// `Extension extensions<V>`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct Extensions(List<Extension>);

impl Encode for Extensions {
    fn encoded_len(&self) -> usize {
        self.0.encoded_len()
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.0.encode_into(out)
    }
}

tls_encode!(Extensions);

impl Extensions {
    /// The extension of this type; the first one if there are several.
    #[must_use]
    pub fn find(&self, extension_type: ExtensionType) -> Option<&Extension> {
        self.iter().find(|extension| extension.extension_type == extension_type)
    }

    /// The decoded body of the extension of type `T::TYPE`.
    ///
    /// # Errors
    /// [`DecodeError`] if it is present and malformed.
    pub fn get<T: ExtensionBody>(&self) -> Result<Option<T>, DecodeError> {
        self.find(T::TYPE).map(|extension| decode(&extension.extension_data)).transpose()
    }

    /// A type that occurs more than once, which no list of extensions may have (RFC 9420 §13.4, R187).
    ///
    /// O(n log n) in the number of extensions.
    #[must_use]
    pub fn first_duplicate(&self) -> Option<ExtensionType> {
        if self.len() < 2 {
            return None;
        }
        let mut types: Vec<_> = self.iter().map(|extension| extension.extension_type).collect();
        types.sort_unstable();
        types.windows(2).find_map(|pair| match pair {
            [a, b] if a == b => Some(*a),
            _ => None,
        })
    }

    /// The extensions, without copying.
    #[must_use]
    pub fn into_vec(self) -> Vec<Extension> {
        self.0.into_vec()
    }

    /// The `application_id` (§5.3.3).
    ///
    /// # Errors
    /// [`DecodeError`] if it is present and malformed; so for the following ones.
    pub fn application_id(&self) -> Result<Option<ApplicationId>, DecodeError> {
        self.get()
    }

    /// The `ratchet_tree` (§12.4.3.3).
    #[expect(clippy::missing_errors_doc, reason = "as of application_id")]
    pub fn ratchet_tree(&self) -> Result<Option<RatchetTreeNodes>, DecodeError> {
        self.get()
    }

    /// The `required_capabilities` (§11.1).
    #[expect(clippy::missing_errors_doc, reason = "as of application_id")]
    pub fn required_capabilities(&self) -> Result<Option<RequiredCapabilities>, DecodeError> {
        self.get()
    }

    /// The `external_pub` (§12.4.3.2).
    #[expect(clippy::missing_errors_doc, reason = "as of application_id")]
    pub fn external_pub(&self) -> Result<Option<ExternalPub>, DecodeError> {
        self.get()
    }

    /// The `external_senders` (§12.1.8.1).
    #[expect(clippy::missing_errors_doc, reason = "as of application_id")]
    pub fn external_senders(&self) -> Result<Option<ExternalSenders>, DecodeError> {
        self.get()
    }
}

impl Deref for Extensions {
    type Target = [Extension];

    fn deref(&self) -> &[Extension] {
        &self.0
    }
}

impl From<Vec<Extension>> for Extensions {
    fn from(extensions: Vec<Extension>) -> Self {
        Self(extensions.into())
    }
}

impl FromIterator<Extension> for Extensions {
    fn from_iter<I: IntoIterator<Item = Extension>>(extensions: I) -> Self {
        Self(extensions.into_iter().collect())
    }
}

impl IntoIterator for Extensions {
    type Item = Extension;
    type IntoIter = alloc::vec::IntoIter<Extension>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Extensions {
    type Item = &'a Extension;
    type IntoIter = core::slice::Iter<'a, Extension>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// `application_id`, in a leaf: a name that the application gives it, authenticated by nobody (RFC 9420 §5.3.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct ApplicationId {
    /// In the application's own format.
    pub application_id: Opaque,
}

wire_struct!(ApplicationId { application_id });

impl ExtensionBody for ApplicationId {
    const TYPE: ExtensionType = ExtensionType::APPLICATION_ID;
}

impl ExtensionBody for RatchetTreeNodes {
    const TYPE: ExtensionType = ExtensionType::RATCHET_TREE;
}

/// `required_capabilities`, in a GroupContext: what every member must support (RFC 9420 §11.1, R164).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct RequiredCapabilities {
    /// Extension types; default ones need not be listed.
    pub extension_types: List<ExtensionType>,
    /// Proposal types; default ones need not be listed.
    pub proposal_types: List<ProposalType>,
    /// Credential types.
    pub credential_types: List<CredentialType>,
}

wire_struct!(RequiredCapabilities { extension_types, proposal_types, credential_types });

impl ExtensionBody for RequiredCapabilities {
    const TYPE: ExtensionType = ExtensionType::REQUIRED_CAPABILITIES;
}

/// `external_pub`, in a GroupInfo: the key of external Commits (RFC 9420 §12.4.3.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct ExternalPub {
    /// The HPKE key that `external_secret` gives (§8).
    pub external_pub: HpkePublicKey,
}

wire_struct!(ExternalPub { external_pub });

impl ExtensionBody for ExternalPub {
    const TYPE: ExtensionType = ExtensionType::EXTERNAL_PUB;
}

/// `external_senders`, in a GroupContext: who may propose from outside (RFC 9420 §12.1.8.1, R191).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct ExternalSenders {
    /// A `Sender`'s `sender_index` counts these.
    pub external_senders: List<ExternalSender>,
}

wire_struct!(ExternalSenders { external_senders });

impl ExtensionBody for ExternalSenders {
    const TYPE: ExtensionType = ExtensionType::EXTERNAL_SENDERS;
}

/// `ExternalSender` (RFC 9420 §12.1.8.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct ExternalSender {
    /// The key that the sender's signatures verify under.
    pub signature_key: SignaturePublicKey,
    /// Who the sender is.
    pub credential: Credential,
}

wire_struct!(ExternalSender { signature_key, credential });
