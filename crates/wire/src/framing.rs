//! `FramedContent` and what authenticates it (RFC 9420 §6, §6.1).
//!
//! Who may send what is not decided here (R035 to R043): anything well-formed decodes, an Application content
//! in a `PublicMessage` too. The two MAC fields are optional on the wire without an octet that says so: the
//! content type and the sender type say it (R045, R046), and encoding a contradiction fails.

use alloc::vec::Vec;

use crate::{
    codec::{Encode, Reader},
    commit::Commit,
    enums::{ContentType, SenderType},
    error::{DecodeError, EncodeError},
    index::LeafIndex,
    proposal::Proposal,
    registry::{ProtocolVersion, WireFormat},
    vector::Opaque,
};

/// `Sender` (RFC 9420 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sender {
    /// A member, by its leaf; any 32 bits.
    Member(LeafIndex),
    /// An entry of `external_senders`, by its index; any 32 bits.
    External(u32),
    /// A client that proposes to add itself.
    NewMemberProposal,
    /// A client that joins by an external Commit.
    NewMemberCommit,
}

impl Sender {
    /// The value on the wire.
    #[must_use]
    pub const fn sender_type(self) -> SenderType {
        match self {
            Self::Member(_) => SenderType::Member,
            Self::External(_) => SenderType::External,
            Self::NewMemberProposal => SenderType::NewMemberProposal,
            Self::NewMemberCommit => SenderType::NewMemberCommit,
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.read()? {
            SenderType::Member => Self::Member(reader.read()?),
            SenderType::External => Self::External(reader.read()?),
            SenderType::NewMemberProposal => Self::NewMemberProposal,
            SenderType::NewMemberCommit => Self::NewMemberCommit,
        })
    }
}

impl Encode for Sender {
    fn encoded_len(&self) -> usize {
        match self {
            Self::Member(_) | Self::External(_) => 5,
            Self::NewMemberProposal | Self::NewMemberCommit => 1,
        }
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.sender_type().encode_into(out)?;
        match self {
            Self::Member(leaf_index) => leaf_index.encode_into(out),
            Self::External(sender_index) => sender_index.encode_into(out),
            Self::NewMemberProposal | Self::NewMemberCommit => Ok(()),
        }
    }
}

tls_encode!(Sender);
tls_decode!(Sender);

/// The part of `FramedContent` that depends on its `content_type` (RFC 9420 §6).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Content {
    /// `application_data`.
    Application(Opaque),
    /// `proposal`.
    Proposal(Proposal),
    /// `commit`.
    Commit(Commit),
}

impl Content {
    /// The value on the wire.
    #[must_use]
    pub const fn content_type(&self) -> ContentType {
        match self {
            Self::Application(_) => ContentType::Application,
            Self::Proposal(_) => ContentType::Proposal,
            Self::Commit(_) => ContentType::Commit,
        }
    }

    /// Reads the body alone, without its type.
    pub(crate) fn read_body(content_type: ContentType, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match content_type {
            ContentType::Application => Self::Application(reader.read()?),
            ContentType::Proposal => Self::Proposal(reader.read()?),
            ContentType::Commit => Self::Commit(reader.read()?),
        })
    }

    /// The body alone, without its type.
    pub(crate) fn body(&self) -> &dyn Encode {
        match self {
            Self::Application(body) => body,
            Self::Proposal(body) => body,
            Self::Commit(body) => body,
        }
    }
}

/// `FramedContent` (RFC 9420 §6).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FramedContent {
    /// The group that it is for.
    pub group_id: Opaque,
    /// The epoch that it is for.
    pub epoch: u64,
    /// Who sent it.
    pub sender: Sender,
    /// Authenticated with the content, never encrypted.
    pub authenticated_data: Opaque,
    /// The content, with its type.
    pub content: Content,
}

impl FramedContent {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            group_id: reader.read()?,
            epoch: reader.read()?,
            sender: reader.read()?,
            authenticated_data: reader.read()?,
            content: Content::read_body(reader.read()?, reader)?,
        })
    }
}

impl Encode for FramedContent {
    fn encoded_len(&self) -> usize {
        let Self { group_id, epoch, sender, authenticated_data, content } = self;
        let header = group_id.encoded_len().saturating_add(epoch.encoded_len() + sender.encoded_len() + 1);
        header.saturating_add(authenticated_data.encoded_len()).saturating_add(content.body().encoded_len())
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let Self { group_id, epoch, sender, authenticated_data, content } = self;
        group_id.encode_into(out)?;
        epoch.encode_into(out)?;
        sender.encode_into(out)?;
        authenticated_data.encode_into(out)?;
        content.content_type().encode_into(out)?;
        content.body().encode_into(out)
    }
}

tls_encode!(FramedContent);
tls_decode!(FramedContent);

/// `FramedContentTBS`: what a message's signature is over (RFC 9420 §6.1, R038); borrowed, encoded only.
#[derive(Clone, Copy, Debug)]
pub struct FramedContentTbs<'a> {
    /// How the content travels.
    pub wire_format: WireFormat,
    /// The content.
    pub content: &'a FramedContent,
    /// The encoded `GroupContext`. Needed for the senders member and new_member_commit; not used for the others.
    pub group_context: Option<&'a [u8]>,
}

impl<'a> FramedContentTbs<'a> {
    /// The context as the sender type wants it.
    fn context(&self) -> Result<&'a [u8], EncodeError> {
        match self.content.sender {
            Sender::Member(_) | Sender::NewMemberCommit => {
                self.group_context.ok_or(EncodeError::Inconsistent("group_context"))
            }
            Sender::External(_) | Sender::NewMemberProposal => Ok(&[]),
        }
    }
}

impl Encode for FramedContentTbs<'_> {
    fn encoded_len(&self) -> usize {
        self.content.encoded_len().saturating_add(self.context().map_or(0, <[u8]>::len)).saturating_add(4)
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        ProtocolVersion::MLS10.encode_into(out)?;
        self.wire_format.encode_into(out)?;
        self.content.encode_into(out)?;
        out.extend_from_slice(self.context()?);
        Ok(())
    }
}

/// `FramedContentAuthData` (RFC 9420 §6.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FramedContentAuthData {
    /// `SignWithLabel(., "FramedContentTBS", FramedContentTBS)`.
    pub signature: Opaque,
    /// Present iff the content is a Commit (R045).
    pub confirmation_tag: Option<Opaque>,
}

impl FramedContentAuthData {
    /// Reads the data of a content of this type.
    pub(crate) fn read(content_type: ContentType, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let signature = reader.read()?;
        let confirmation_tag = match content_type {
            ContentType::Commit => Some(reader.read()?), // R045
            ContentType::Application | ContentType::Proposal => None,
        };
        Ok(Self { signature, confirmation_tag })
    }

    /// An error if the confirmation tag is present without a Commit, or the other way round.
    pub(crate) fn check(&self, content_type: ContentType) -> Result<(), EncodeError> {
        if self.confirmation_tag.is_some() == (content_type == ContentType::Commit) {
            Ok(())
        } else {
            Err(EncodeError::Inconsistent("confirmation_tag")) // R045
        }
    }
}

impl Encode for FramedContentAuthData {
    fn encoded_len(&self) -> usize {
        let Self { signature, confirmation_tag } = self;
        signature.encoded_len().saturating_add(confirmation_tag.as_ref().map_or(0, Encode::encoded_len))
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let Self { signature, confirmation_tag } = self;
        signature.encode_into(out)?;
        confirmation_tag.as_ref().map_or(Ok(()), |tag| tag.encode_into(out))
    }
}

/// `AuthenticatedContentTBM`: what a `membership_tag` is over (RFC 9420 §6.2, R046); borrowed, encoded only.
#[derive(Clone, Copy, Debug)]
pub struct AuthenticatedContentTbm<'a> {
    /// What the signature is over.
    pub content_tbs: FramedContentTbs<'a>,
    /// The signature, and the confirmation tag.
    pub auth: &'a FramedContentAuthData,
}

impl Encode for AuthenticatedContentTbm<'_> {
    fn encoded_len(&self) -> usize {
        self.content_tbs.encoded_len().saturating_add(self.auth.encoded_len())
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.auth.check(self.content_tbs.content.content.content_type())?;
        self.content_tbs.encode_into(out)?;
        self.auth.encode_into(out)
    }
}

/// `AuthenticatedContent` (RFC 9420 §6): what `ProposalRef` is the hash of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AuthenticatedContent {
    /// How the content travels.
    pub wire_format: WireFormat,
    /// The content.
    pub content: FramedContent,
    /// What authenticates it.
    pub auth: FramedContentAuthData,
}

impl AuthenticatedContent {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let wire_format = reader.read()?;
        let content: FramedContent = reader.read()?;
        let auth = FramedContentAuthData::read(content.content.content_type(), reader)?;
        Ok(Self { wire_format, content, auth })
    }
}

impl Encode for AuthenticatedContent {
    fn encoded_len(&self) -> usize {
        let Self { wire_format, content, auth } = self;
        content.encoded_len().saturating_add(auth.encoded_len()).saturating_add(wire_format.encoded_len())
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let Self { wire_format, content, auth } = self;
        auth.check(content.content.content_type())?;
        wire_format.encode_into(out)?;
        content.encode_into(out)?;
        auth.encode_into(out)
    }
}

tls_encode!(AuthenticatedContent);
tls_decode!(AuthenticatedContent);
