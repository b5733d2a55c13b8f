//! What the application decides about a group: bounds, retention, and how messages travel. Not stored: it is given anew
//! each time a group is opened.

use pleach_framing::Padding;
use pleach_key_schedule::RatchetLimits;
use pleach_wire::Limits;

/// How messages of one kind may travel (RFC 9420 §6, R036).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WirePolicy {
    /// Send handshake messages as PrivateMessage (the default) or as PublicMessage.
    pub send_private_handshake: bool,
    /// Accept handshake messages of members that come as PublicMessage.
    pub accept_public_handshake: bool,
    /// Accept handshake messages of members that come as PrivateMessage.
    pub accept_private_handshake: bool,
}

impl WirePolicy {
    /// Sends and accepts PrivateMessage alone. External commits and proposals, which cannot be private, have rules of
    /// their own.
    pub const PRIVATE: Self =
        Self { send_private_handshake: true, accept_public_handshake: false, accept_private_handshake: true };
    /// Sends and accepts PublicMessage alone, so that a delivery service can follow the group.
    pub const PUBLIC: Self = Self {
        send_private_handshake: false,
        accept_public_handshake: true,
        accept_private_handshake: false,
    };
    /// Sends PrivateMessage, accepts both.
    pub const MIXED: Self =
        Self { send_private_handshake: true, accept_public_handshake: true, accept_private_handshake: true };
    /// Sends PublicMessage, accepts both.
    pub const MIXED_SEND_PUBLIC: Self =
        Self { send_private_handshake: false, accept_public_handshake: true, accept_private_handshake: true };
}

/// What is asked of the lifetimes of key packages (RFC 9420 §7.2, §7.3: R068, R077, R078).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LifetimePolicy {
    /// The longest `not_after - not_before` accepted, in seconds; `None` for any.
    pub maximum_total: Option<u64>,
    /// Whether a key package that somebody else proposes must be valid now. (An own Add always checks.)
    pub check_received: bool,
    /// Whether a key package that somebody else commits must be valid now. It may have expired since, and then a member
    /// that catches up would be alone in refusing.
    pub check_committed: bool,
    /// Whether key-package leaves met in a joined tree must be valid now: they may have expired since they were added.
    pub check_joined_tree: bool,
    /// How far clocks may differ, in seconds.
    pub tolerance: u64,
}

impl Default for LifetimePolicy {
    fn default() -> Self {
        Self {
            maximum_total: Some(400 * 86_400),
            check_received: true,
            check_committed: false,
            check_joined_tree: false,
            tolerance: 3_600,
        }
    }
}

/// The configuration of a group.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct GroupConfig {
    /// How handshake messages travel.
    pub wire: WirePolicy,
    /// How PrivateMessages are padded (RFC 9420 §15.1, R271).
    pub padding: Padding,
    /// Bounds of the ratchets: forward distance and skipped keys (RFC 9420 §15.3, R144, R145).
    pub ratchet: RatchetLimits,
    /// How many past epochs stay readable. The keys of skipped messages are erased with their epoch.
    pub past_epochs: usize,
    /// How long a past epoch stays readable, in seconds. Its rows are erased by the next Commit that is merged, or by
    /// [`GroupState::expire`](crate::GroupState::expire), whichever comes first.
    pub past_epoch_age: u64,
    /// How many epochs' resumption PSKs are kept (RFC 9420 §8.6, R133).
    pub resumption_psks: usize,
    /// How many own Commits can be pending at a time. They end with their epoch.
    pub pending_commits: usize,
    /// How many proposals of one member are kept at a time.
    pub member_proposals: usize,
    /// How many proposals of external senders and new members, together, are kept at a time.
    pub external_proposals: usize,
    /// How many messages may be sent in one epoch (RFC 9420 §15.2, R056, R272).
    pub messages_per_epoch: u32,
    /// Lifetimes of key packages.
    pub lifetime: LifetimePolicy,
    /// A ratchet tree above this size in bytes is not put into a Welcome or GroupInfo unless asked for. Default: 1 MiB, the tree
    /// of some 4,000 members in suite 1, or of 100 with ML-KEM-1024 and ML-DSA-87.
    pub inline_tree_bytes: usize,
    /// Whether external commits are accepted at all (R214).
    pub accept_external_commits: bool,
    /// Bounds on what is decoded.
    pub limits: Limits,
    /// Whether GREASE values are sent (RFC 9420 §13.5, R262).
    pub grease: bool,
}

impl Default for GroupConfig {
    fn default() -> Self {
        Self {
            wire: WirePolicy::PRIVATE,
            padding: Padding::Padme,
            ratchet: RatchetLimits::default(),
            past_epochs: 3,
            past_epoch_age: 14 * 86_400,
            resumption_psks: 16,
            pending_commits: 32,
            member_proposals: 64,
            external_proposals: 64,
            messages_per_epoch: 1 << 24,
            lifetime: LifetimePolicy::default(),
            inline_tree_bytes: 1 << 20,
            accept_external_commits: true,
            limits: Limits::default(),
            grease: true,
        }
    }
}
