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
