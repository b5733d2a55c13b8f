//! The MLS group as a state machine (RFC 9420 §11 to §14): it decides, and does no I/O.
//!
//! A *step* reads a [`GroupState`] and the rows it was given, and returns what would change: the rows to write, the
//! message to send or the text received, and the next state. The caller persists the rows in one atomic batch, swaps
//! the state, and only then releases the output. A step that fails has changed nothing.
//!
//! What a step lacks it asks for with [`Interrupt::Need`]; the caller reads those rows, synchronously or not, and
//! enters again. So a synchronous and an asynchronous facade drive the same machine.
//!
//! Cost: a Commit costs O(log n) time and rows beyond the cryptography that the RFC demands; a message costs O(1) rows.
//! The ratchet tree is attached to the state when a step first needs it.
//!
//! Not here: storage, threads, clocks, keys of signatures, and the authentication service: all come in from the caller.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod apply;
mod changes;
mod choose;
mod clients;
mod commit;
mod config;
mod create;
mod credentials;
mod env;
mod epoch;
mod error;
mod external;
mod grease;
mod group_info;
mod head;
mod join;
mod key_package;
mod leaf;
mod message;
mod observer;
mod pending;
mod pending_row;
mod process;
mod proposals;
mod psk;
mod receive;
mod received_proposal;
mod records;
mod retention;
mod row;
mod schedule;
mod state;
mod step;
#[cfg(test)]
mod tests;
mod x509;

pub use apply::Member;
pub use changes::{Change, Changes, FoundingIndex, Guard};
pub use choose::PendingSelection;
pub use commit::{CommitSpec, LeafChanges, WelcomePart};
pub use config::{GroupConfig, LifetimePolicy, WirePolicy};
pub use create::{NewGroup, create_group};
pub use credentials::{CredentialCheck, CredentialReason, MembershipChanges};
pub use env::{CustomProposalRule, Env, Identity, LoadEach, Rules, Verifiers};
pub use error::{GroupError, IncompatibleError, MisbehaviorError, MisuseError};
pub use external::{ExternalCommitSpec, external_commit, external_proposal, new_member_proposal};
pub use grease::Grease;
pub use group_info::{GroupInfoSpec, TreeDelivery, VerifiedGroupInfo, verify_group_info};
pub use head::{HeadSummary, Status};
pub use join::{JoinKind, OpenedWelcome, StagedJoin, open_welcome, read_welcome};
pub use key_package::{
    KeyPackageRecord, KeyPackageSpec, check_key_package, key_package_ref, new_key_package,
};
pub use leaf::LeafSpec;
pub use message::{ProposalSpec, Sent};
pub use observer::{Observed, ObservedCommit, Observer};
pub use pending::PendingCommit;
pub use pleach_framing::Padding;
pub use pleach_key_schedule::{RatchetKind, RatchetLimits};
pub use process::StagedCommit;
pub use proposals::{PendingProposal, ProposalCache};
pub use psk::{psk_from_row, psk_record, psk_row};
pub use receive::{ApplicationMessage, Incoming};
pub use received_proposal::ReceivedProposal;
pub use records::{RecordKey, RecordRange, RowKind};
pub use row::{RowError, RowProblem};
pub use state::GroupState;
pub use step::{Effect, Interrupt, Need, Rows, Step, StepResult};
