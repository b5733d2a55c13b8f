//! The structures of MLS (RFC 9420), decoded and encoded strictly.
//!
//! This crate is the floor on which every other crate of Pleach stands. It knows what the bytes of a
//! message are and nothing about what they mean: it verifies no signature, holds no key, applies no
//! proposal. What it does promise:
//!
//! - **One encoding** ([`encode`], [`Encode`]) and **one decoding** ([`decode`]): what decodes encodes to
//!   the same bytes again (R008), and input with anything after its end is refused (R010).
//! - **Strictness**: lengths are minimal and at most 30 bits (R002 to R006), presence octets are 0 or 1
//!   (R001), unknown values of closed enumerations are errors (R007), values of IANA's registries are data.
//! - **Bounded work**: decoding never panics, never recurses (the deepest structure, a leaf in a proposal in
//!   a Commit in a message, has a fixed depth), and allocates at most a constant times the input.
//! - **Kept bytes**: a [`LeafNode`] and a [`KeyPackage`] travel as [`Kept`], with the bytes that they were
//!   decoded from, because those bytes are hashed, signed and stored again.
//!
//! The traits under the structures are those of `tls_codec`, so that an application's own structures can
//! use its derives and nest the ones from here; the vectors under the fields ([`Opaque`], [`List`]) are our
//! own.
//!
//! | RFC 9420 | module items |
//! |---|---|
//! | §2.1 | [`encode`], [`decode`], [`Opaque`], [`List`], [`Reader`], [`Limits`] |
//! | §4, Appendix C | [`NodeIndex`], [`LeafIndex`], [`TreeSize`] |
//! | §5.3 | [`Credential`], [`Certificate`] |
//! | §6 | [`MlsMessage`], [`FramedContent`], [`PublicMessage`], [`PrivateMessage`], .. |
//! | §7 | [`LeafNode`], [`ParentNode`], [`UpdatePath`], [`TreeHashInput`], [`ParentHashInput`] |
//! | §8 | [`GroupContext`], [`PreSharedKeyId`], [`PskLabel`], [`ConfirmedTranscriptHashInput`], .. |
//! | §10 to §13 | [`KeyPackage`], [`Proposal`], [`Commit`], [`GroupInfo`], [`Welcome`], [`Extensions`] |
//! | §17 | [`ProtocolVersion`], [`WireFormat`], [`ProposalType`], [`ExtensionType`], [`CredentialType`] |
//!
//! ```
//! use pleach_wire::{Credential, DecodeError, decode, encode};
//!
//! let credential = Credential::basic(b"alice");
//! let bytes = encode(&credential)?;
//! assert_eq!(bytes, b"\x00\x01\x05alice");
//! assert_eq!(decode::<Credential>(&bytes), Ok(credential));
//! assert_eq!(decode::<Credential>(b"\x00\x01\x06alice"), Err(DecodeError::Truncated));
//! # Ok::<(), pleach_wire::EncodeError>(())
//! ```
#![no_std]
#![warn(clippy::indexing_slicing)]

extern crate alloc;
#[cfg(test)]
extern crate std;

#[macro_use]
mod codec;

mod commit;
mod credential;
mod enums;
mod error;
mod extension;
mod framing;
mod group_context;
mod index;
mod kept;
mod key_package;
mod leaf_node;
mod leaf_view;
mod limits;
mod message;
mod node;
mod private_message;
mod proposal;
mod psk;
mod public_message;
mod registry;
mod transcript;
mod tree_math;
mod update_path;
mod vector;
mod welcome;
mod welcome_parts;

#[cfg(test)]
mod tests;

pub use codec::{
    Encode, MAX_VECTOR_LEN, Reader, decode, decode_length, encode, encoded_length_len, write_length,
    write_opaque,
};
pub use commit::{Commit, ProposalOrRef};
pub use credential::{Certificate, Credential};
pub use enums::{
    ContentType, LeafNodeSourceType, NodeType, ProposalOrRefType, PskType, ResumptionPskUsage, SenderType,
};
pub use error::{DecodeError, EncodeError, UnknownKind};
pub use extension::{
    ApplicationId, Extension, ExtensionBody, Extensions, ExternalPub, ExternalSender, ExternalSenders,
    RequiredCapabilities,
};
pub use framing::{
    AuthenticatedContent, AuthenticatedContentTbm, Content, FramedContent, FramedContentAuthData,
    FramedContentTbs, Sender,
};
pub use group_context::GroupContext;
pub use index::{LeafIndex, NodeIndex, TreeSize};
pub use kept::{Keep, Kept, SignatureLast};
pub use key_package::KeyPackage;
pub use leaf_node::{Capabilities, LeafNode, LeafNodeSource, Lifetime};
pub use leaf_view::{LeafView, LeafViewSource};
pub use limits::Limits;
pub use message::{MEDIA_TYPE, MEDIA_TYPE_VERSION, MlsMessage, MlsMessageBody};
pub use node::{
    LeafNodeHashInput, Node, ParentHashInput, ParentNode, ParentNodeHashInput, RatchetTreeNodes,
    TreeHashInput,
};
pub use pleach_crypto::CipherSuiteId;
pub use private_message::{
    PrivateContentAad, PrivateMessage, PrivateMessageContent, SenderData, SenderDataAad,
};
pub use proposal::{
    Add, ExternalInit, GroupContextExtensions, PreSharedKey, Proposal, ReInit, Remove, Update,
};
pub use psk::{PreSharedKeyId, Psk, PskLabel};
pub use public_message::PublicMessage;
pub use registry::{
    CredentialType, ExtensionType, GREASE, ProposalType, ProtocolVersion, WireFormat, is_grease_value,
};
pub use transcript::{ConfirmedTranscriptHashInput, InterimTranscriptHashInput};
pub use tree_math::{Copath, DirectPath};
pub use update_path::{HpkeCiphertext, UpdatePath, UpdatePathNode};
pub use vector::{HpkePublicKey, KeyPackageRef, List, Opaque, ProposalRef, SignaturePublicKey};
pub use welcome::{EncryptedGroupSecrets, GroupInfo, GroupSecrets, Welcome};
pub use welcome_parts::WelcomeParts;
