//! Messaging Layer Security (RFC 9420): end-to-end encrypted groups with pluggable cryptography and storage.
//!
//! A [`Client`] is one identity on one device. It makes key packages, and creates and joins [`Group`]s. A group sends and
//! receives; [`Group::commit`] changes it. Messages are bytes: how they travel is the application's affair.
//!
//! ```
//! use pleach::{AuthDecision, AuthService, Client, CredentialRequest, MemoryStorage, Received, rustcrypto};
//! use pleach::wire::{Credential, encode};
//!
//! /// Whose key is whose is for the application to say: here, everybody is believed. Do not do this.
//! struct Gullible;
//! impl AuthService for Gullible {
//!     fn validate(&self, _: &CredentialRequest<'_>) -> AuthDecision {
//!         AuthDecision::Accept
//!     }
//!     fn client_id(&self, credential: &Credential, _: &[u8]) -> Vec<u8> {
//!         encode(credential).unwrap_or_default()
//!     }
//! }
//!
//! # fn main() -> Result<(), pleach::Error> {
//! let client = |name: &str| {
//!     let suite = &rustcrypto::SUITES[0];
//!     let keys = suite.signature.generate_key_pair(&rustcrypto::SystemRandom)?;
//!     let signer = suite.signature.load_signer(&keys.private)?;
//!     Client::builder(rustcrypto::provider(), MemoryStorage::new()).basic(name, signer).auth(Gullible).build()
//! };
//! let (alice, bob) = (client("alice")?, client("bob")?);
//!
//! let mut a = alice.create_group(b"tea party")?;
//! let add = a.commit().add(bob.key_package()?).build()?;
//! a.merge(&add)?; // the delivery service accepted the Commit
//!
//! let welcome = add.welcome().expect("an Add makes a Welcome");
//! let mut b = bob.join(welcome)?.accept()?; // the roster can be looked at before
//! match b.receive(&a.encrypt(b"hello")?)? {
//!     Received::Application(text) => assert_eq!(text.data(), b"hello"),
//!     other => unreachable!("{other:?}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What to know
//!
//! - **Persist, then release.** What a method returns was stored before, in one atomic batch. A method that failed changed
//!   nothing. A generation of a ratchet is never used twice, whatever crashes.
//! - **Commits are values.** [`CommitBuilder::build`] stores a Commit without entering its epoch; [`Group::merge`] enters
//!   it. A lost race needs no undoing: merge the winner.
//! - **Nothing is kept for ever.** [`GroupConfig`] and [`ClientConfig`] bound what is kept; [`Client::expire`], called now and
//!   then, erases what got too old.
//! - **A copy of a store must not send.** Where stores can be copied or put back, give the client a [`RollbackGuard`].
//! - **Nobody is believed by default.** An [`AuthService`] decides about credentials, at once or later.
//! - **Suites, backends and stores are values**, mixed at run time: see [`crypto`] and [`storage`].
//! - **Errors say whose fault it is**: [`Error`].
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `rustcrypto` (default) | [`rustcrypto`], the seven suites of RFC 9420 in pure Rust |
//! | `aws-lc` | [`aws_lc`], suites 1, 2, 3, 5 and 7 on AWS-LC: the fastest |
//! | `ring` | [`ring`], suites 1, 2, 3 and 7 on ring |
//! | `post-quantum` | [`post_quantum`], eleven suites with ML-KEM, its hybrids and ML-DSA, over any of the others |
//! | `post-quantum-fast` | their faster implementations, in `post_quantum::fast` |
//! | `memory` (default) | [`MemoryStorage`] |
//! | `parallel` (default) | [`Threads`]: large joins and commits use all cores |
//! | `sqlite` | `SqliteStorage` |
//! | `redb` | `RedbStorage`: files too, without C |
//! | `encrypted` | `encrypted::EncryptedStorage`: encryption at rest over any of them |
//! | `export` | [`export`], sealed exports of stores and groups |
//! | `tracing` | events with ids, epochs and sizes |
//! | `serde` | serialization of [`GroupReport`] |

mod auth;
mod batch;
mod builder;
mod client;
mod clock;
mod config;
mod create;
mod decode;
mod directory;
mod error;
mod executor;
#[cfg(feature = "export")]
pub mod export;
mod external;
mod external_sender;
mod group;
mod identity;
mod instance;
mod join;
mod key_packages;
mod keys;
mod observer;
mod psks;
mod retention;
mod rollback;
mod row;
mod rules;
mod store;
mod tombstones;
mod trace;
mod verifiers;

pub use auth::{AuthDecision, AuthService, CredentialRequest};
pub use builder::ClientBuilder;
pub use client::Client;
pub use clock::{Clock, ManualClock, SystemClock};
pub use config::ClientConfig;
pub use create::GroupOptions;
pub use directory::GroupSummary;
pub use error::{ApiMisuse, Error, PeerMisbehavior};
#[cfg(feature = "parallel")]
pub use executor::Threads;
pub use external::{ExternalCommit, ExternalJoin};
pub use external_sender::{ExternalSender, Outside};
pub use group::{
    ApplicationMessage, CommitBuilder, Group, GroupReport, LeafUpdate, MemberReport, Mergeable,
    PendingCommit, Received, ReceivedProposal, Records, StagedCommit,
};
pub use identity::SigningIdentity;
pub use instance::{InstanceId, STORE_FORMAT};
pub use join::StagedJoin;
pub use key_packages::{KeyPackageOptions, KeyPackageState, StoredKeyPackage};
pub use observer::{Observed, ObservedCommit, Observer};
pub use retention::Expired;
pub use rollback::{
    FileRollbackGuard, GuardPlace, MarkExchange, MemoryRollbackGuard, RollbackGuard, RollbackGuardError,
    RollbackMark,
};
pub use tombstones::{DeletedGroup, RetiredKeyPackage};

pub use pleach_crypto as crypto;
pub use pleach_framing as framing;
pub use pleach_group as state;
pub use pleach_group::{
    CredentialCheck, CredentialReason, CustomProposalRule, GroupConfig, GroupInfoSpec, IncompatibleError,
    JoinKind, KeyPackageRecord, LifetimePolicy, Member, MembershipChanges, MisbehaviorError, MisuseError,
    PendingProposal, ProposalSpec, Rules, Status, TreeDelivery, WelcomePart, WirePolicy,
};
pub use pleach_storage as storage;
pub use pleach_tree as tree;
pub use pleach_wire as wire;

#[cfg(feature = "aws-lc")]
pub use pleach_aws_lc as aws_lc;
#[cfg(feature = "post-quantum")]
pub use pleach_post_quantum as post_quantum;
#[cfg(feature = "ring")]
pub use pleach_ring as ring;
#[cfg(feature = "rustcrypto")]
pub use pleach_rustcrypto as rustcrypto;
#[cfg(feature = "encrypted")]
pub use pleach_storage_encrypted as encrypted;
#[cfg(feature = "memory")]
pub use pleach_storage_memory::MemoryStorage;
#[cfg(feature = "redb")]
pub use pleach_storage_redb::{RedbOptions, RedbStorage};
#[cfg(feature = "sqlite")]
pub use pleach_storage_sqlite::{SqliteOptions, SqliteStorage};
