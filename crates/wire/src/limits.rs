//! [`Limits`]: how much of anything a reader accepts.
//!
//! RFC 9420 bounds nothing but a vector's 30 bits. The decoder by itself is linear in its input, so the limit that
//! matters is the first, checked before a byte is read; the others bound work that comes after decoding.

use crate::{
    commit::ProposalOrRef,
    error::DecodeError,
    extension::Extensions,
    framing::Content,
    leaf_node::LeafNode,
    message::{MlsMessage, MlsMessageBody},
    node::RatchetTreeNodes,
    proposal::Proposal,
    registry::ExtensionType,
};

/// Upper bounds on received objects. Build from [`Limits::default`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of an encoded message. Default: 64 MiB, enough for a GroupInfo with the tree of 200,000 members in suite 1, or of
    /// 6,000 with ML-KEM-1024 and ML-DSA-87.
    pub message_bytes: usize,
    /// Extensions in one list. Default: 64.
    pub extensions: usize,
    /// Bytes of one extension's data, `ratchet_tree` excepted, which `leaves` bounds. Default: 64 KiB, which two dozen external
    /// senders with ML-DSA-87 keys fill.
    pub extension_bytes: usize,
    /// Proposals in one Commit. Default: 2^17.
    pub proposals_per_commit: usize,
    /// Leaves of a ratchet tree. Default: 2^22, more than fit into a ratchet_tree extension.
    pub leaves: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 64 << 20,
            extensions: 64,
            extension_bytes: 64 << 10,
            proposals_per_commit: 1 << 17,
            leaves: 1 << 22,
        }
    }
}

impl Limits {
    /// Checks an encoded message before it is decoded. O(1).
    ///
    /// # Errors
    /// [`DecodeError::TooLong`] (R005).
    pub const fn check_message(&self, bytes: &[u8]) -> Result<(), DecodeError> {
        if bytes.len() > self.message_bytes { Err(DecodeError::TooLong) } else { Ok(()) }
    }

    /// Checks what is in the clear in a decoded message. O(number of proposals and extensions).
    ///
    /// # Errors
    /// [`DecodeError::TooMany`] or [`DecodeError::TooLong`].
    pub fn check_decoded(&self, message: &MlsMessage) -> Result<(), DecodeError> {
        match &message.body {
            MlsMessageBody::PublicMessage(message) => self.check_content(&message.content.content),
            MlsMessageBody::GroupInfo(group_info) => {
                self.check_extensions(&group_info.group_context.extensions)?;
                self.check_extensions(&group_info.extensions)
            }
            MlsMessageBody::KeyPackage(key_package) => {
                self.check_extensions(&key_package.extensions)?;
                self.check_leaf(&key_package.leaf_node)
            }
            MlsMessageBody::PrivateMessage(_) | MlsMessageBody::Welcome(_) => Ok(()),
        }
    }

    /// Checks a content: of a `PublicMessage`, or of a `PrivateMessage` after decryption.
    ///
    /// # Errors
    /// [`DecodeError::TooMany`] or [`DecodeError::TooLong`].
    pub fn check_content(&self, content: &Content) -> Result<(), DecodeError> {
        match content {
            Content::Application(_) => Ok(()),
            Content::Proposal(proposal) => self.check_proposal(proposal),
            Content::Commit(commit) => {
                if commit.proposals.len() > self.proposals_per_commit {
                    return Err(DecodeError::TooMany { what: "proposals" });
                }
                for proposal in &commit.proposals {
                    if let ProposalOrRef::Proposal(proposal) = proposal {
                        self.check_proposal(proposal)?;
                    }
                }
                commit.path.as_ref().map_or(Ok(()), |path| self.check_leaf(&path.leaf_node))
            }
        }
    }

    /// Checks one list of extensions.
    ///
    /// # Errors
    /// [`DecodeError::TooMany`] or [`DecodeError::TooLong`].
    pub fn check_extensions(&self, extensions: &Extensions) -> Result<(), DecodeError> {
        if extensions.len() > self.extensions {
            return Err(DecodeError::TooMany { what: "extensions" });
        }
        let too_long = extensions.iter().any(|extension| {
            extension.extension_data.len() > self.extension_bytes
                && extension.extension_type != ExtensionType::RATCHET_TREE
        });
        if too_long { Err(DecodeError::TooLong) } else { Ok(()) }
    }

    /// Checks a decoded ratchet tree: the number of its leaves, blank ones included, and every leaf.
    ///
    /// # Errors
    /// [`DecodeError::TooMany`] or [`DecodeError::TooLong`].
    pub fn check_ratchet_tree(&self, nodes: &RatchetTreeNodes) -> Result<(), DecodeError> {
        if nodes.len().div_ceil(2) > self.leaves as usize {
            return Err(DecodeError::TooMany { what: "leaves" });
        }
        nodes.iter().flatten().try_for_each(|node| match node {
            // Nothing to check in a leaf without extensions, so it need not be decoded.
            crate::Node::Leaf(leaf) if leaf.view().extensions.is_empty() => Ok(()),
            crate::Node::Leaf(leaf) => self.check_leaf(&leaf.to_value()),
            crate::Node::Parent(_) => Ok(()),
        })
    }

    fn check_proposal(&self, proposal: &Proposal) -> Result<(), DecodeError> {
        match proposal {
            Proposal::Add(add) => {
                self.check_extensions(&add.key_package.extensions)?;
                self.check_leaf(&add.key_package.leaf_node)
            }
            Proposal::Update(update) => self.check_leaf(&update.leaf_node),
            Proposal::ReInit(reinit) => self.check_extensions(&reinit.extensions),
            Proposal::GroupContextExtensions(proposal) => self.check_extensions(&proposal.extensions),
            Proposal::Remove(_)
            | Proposal::PreSharedKey(_)
            | Proposal::ExternalInit(_)
            | Proposal::Custom { .. } => Ok(()),
        }
    }

    fn check_leaf(&self, leaf: &LeafNode) -> Result<(), DecodeError> {
        self.check_extensions(&leaf.extensions)
    }
}
