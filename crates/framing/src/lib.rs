//! Message framing: sign, protect, unprotect, verify (RFC 9420 §6).
//!
//! Sending: [`sign_content`] makes an [`AuthenticatedContent`], [`protect_public`] or [`protect_private`] a message of it.
//! Receiving goes the other way, and each type says what has been checked:
//!
//! ```text
//! PublicMessage  ─ unprotect_public: membership tag ───────────────┐
//! PrivateMessage ─ open_sender_data ─ keys of the leaf ─ open_private ─┴─> Unverified ─ verify: signature ─> Verified
//! ```
//!
//! A PrivateMessage is opened in two phases because the ratchet of its sender is known only after the first, and may
//! have to be read from storage. Only when `verify` has passed does the caller commit the ratchet step (R147).
//!
//! ```
//! use pleach_crypto::Secret;
//! use pleach_framing::*;
//! use pleach_key_schedule::{EncryptionSecret, RatchetLimits, SecretTree};
//! use pleach_wire::{Content, FramedContent, LeafIndex, Opaque, Sender, TreeSize, WireFormat};
//!
//! let provider = pleach_rustcrypto::provider();
//! let suite = &provider.suites[0];
//! let key_pair = suite.signature.generate_key_pair(&*provider.random)?;
//! let signer = suite.signature.load_signer(&key_pair.private)?;
//! let verifier = suite.signature.load_verifier(&key_pair.public)?;
//! # let (group_id, group_context) = (b"tea party", b"the encoded GroupContext");
//! # let sender_data_secret = provider.random.secret(32)?;
//! # let encryption_secret = || EncryptionSecret::from_secret(Secret::from(vec![7; 32]));
//! # let tree = || SecretTree::new(TreeSize::from_leaf_count(2).unwrap(), encryption_secret(), RatchetLimits::default());
//! # let (mut alices_tree, mut bobs_tree) = (tree(), tree());
//! let epoch = EpochContext { suite, group_id, epoch: 3, group_context, external_proposal_types: &[] };
//!
//! // Alice, in leaf 0, sends.
//! let content = FramedContent {
//!     group_id: group_id.into(),
//!     epoch: 3,
//!     sender: Sender::Member(LeafIndex(0)),
//!     authenticated_data: Opaque::default(),
//!     content: Content::Application(Opaque::from(b"hello")),
//! };
//! let content = sign_content(&epoch, &*signer, WireFormat::PRIVATE_MESSAGE, content)?;
//! let kind = ratchet_kind(content.content.content.content_type());
//! let (keys, step) = alices_tree.prepare_next(suite, LeafIndex(0), kind)?;
//! let message =
//!     protect_private(&epoch, &sender_data_secret, keys, &content, Padding::Padme, &*provider.random)?;
//! alices_tree.commit(step)?; // persisted before the message leaves
//!
//! // Bob receives.
//! let sender_data = open_sender_data(&epoch, &sender_data_secret, &message)?;
//! let kind = ratchet_kind(message.content_type);
//! let (keys, step) = bobs_tree.prepare(suite, sender_data.leaf_index, kind, sender_data.generation)?;
//! let unverified = open_private(&epoch, &message, &sender_data, keys)?;
//! assert_eq!(unverified.signature_key()?, SignatureKey::Member(LeafIndex(0)));
//! let verified = unverified.verify(&epoch, &*verifier)?;
//! bobs_tree.commit(step)?; // only now
//! assert_eq!(verified.into_inner(), content);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Invariants: what arrives here cannot panic and changes nothing; MACs are compared in constant time; every rule about
//! who may send what (§6.1) is checked before anything is handed out, by one function, [`check_sender`].
//!
//! It deliberately holds no state. It looks up no key: which key a signature must verify under is an answer
//! ([`signature_key`]), whose verifier the caller supplies. The `confirmation_tag` is not checked here, because its key
//! belongs to the epoch that the Commit starts (R045, R231).
//!
//! Cost: linear in the message, one encoding of the content per signature; nothing depends on the group's size.
#![no_std]
#![warn(clippy::indexing_slicing)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod epoch;
mod error;
mod padding;
mod private;
mod public;
mod reference;
mod sender;
mod signing;
#[cfg(test)]
mod tests;
mod usage;
mod verified;

pub use epoch::EpochContext;
pub use error::FramingError;
pub use padding::Padding;
pub use pleach_wire::AuthenticatedContent;
pub use private::{open_private, open_sender_data, protect_private, ratchet_kind, sender_data_key_and_nonce};
pub use public::{observe_public, protect_public, unprotect_public};
pub use reference::proposal_ref;
pub use sender::{SignatureKey, check_sender, signature_key};
pub use signing::{sign_content, verify_signature};
pub use usage::{AeadLimit, AeadUsage};
pub use verified::{Observed, SignatureVerified, Unverified, Verified};
