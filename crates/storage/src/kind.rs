//! The kinds of record, their stable numbers and their classes.
//!
//! Invariants: a number, once published, never changes its meaning and is never reused (a test pins them). A kind's
//! class is as lasting (engines may lay rows out by it), and errs towards [`RecordClass::Secret`]: an engine or layer that treats Secret rows well treats all rows well.
//!
//! Not here: the layout of any value.

/// What a row holds, as far as erasing and encrypting layers must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordClass {
    /// Key material, or data as sensitive: when erased or replaced, the old bytes must be gone (see
    /// [`Erasure`](crate::Erasure)).
    Secret,
    /// Handshake data that every member of the group holds too. Confidential perhaps, but not needed by anyone who
    /// wants to read past messages.
    Public,
    /// Found by exact key only, and derived from other rows. An encrypting layer may replace its suffix by a MAC.
    Index,
}

macro_rules! record_kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $class:ident;)*) => {
        /// What kind of row a key names.
        ///
        /// The suffix shapes named below are the facade's; engines treat suffixes as opaque. Integers in suffixes
        /// are big-endian, so that bytewise order is numeric order. A suffix never holds a secret.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum RecordKind {
            $($(#[$doc])* $name = $number,)*
        }

        impl RecordKind {
            /// Every kind, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The kind with this number, if this version knows it.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Whether rows of this kind hold secrets, public data or an index.
            #[must_use]
            pub const fn class(self) -> RecordClass {
                match self {
                    $(Self::$name => RecordClass::$class,)*
                }
            }

            /// The kind's name, as it appears in errors.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

record_kinds! {
    // Rows of a client. Those that speak of a group outlive its rows, so they live in the client's scope.
    /// Either scope: format and instance of the store (a row of the whole store has an empty client id), when an external
    /// Commit was built, what a rollback guard follows, and whether a group is restored.
    Meta = 0x01, Public;
    /// Client scope, by KeyPackageRef: a key package and its private keys (RFC 9420 §10).
    KeyPackage = 0x02, Secret;
    /// Client scope, by KeyPackageRef: how often a last-resort key package was used, and when (RFC 9420 §16.8).
    UsedLastResort = 0x03, Secret;
    /// Client scope, by PSK id: an external pre-shared key (RFC 9420 §8.4).
    ExternalPsk = 0x04, Secret;
    /// Client scope: where the application finds its signature key.
    SignerReference = 0x05, Secret;
    /// Client scope, by group id and epoch: a resumption PSK, which outlives its group (RFC 9420 §8.6).
    ResumptionPsk = 0x06, Secret;
    /// Client scope, by group id: the state of a ReInit and the group that succeeds this one (RFC 9420 §11.2).
    Successor = 0x07, Public;
    /// Client scope, by 0 and group id or 1 and KeyPackageRef: this client deleted the group; the key package's private keys
    /// are gone.
    Tombstone = 0x08, Public;
    /// Client scope, by group id: the groups that exist, to list them.
    GroupDirectory = 0x09, Public;
    /// Client scope, by message hash: an external Commit that is sent and not yet merged, so without a group
    /// (RFC 9420 §12.4.3.2).
    PendingExternalCommit = 0x0a, Secret;

    // Rows of a group.
    /// Group scope, one row: the group's current state, guarded by its version on every write.
    Head = 0x10, Secret;
    /// Group scope, by epoch: the secrets of an epoch that are still needed (RFC 9420 §8).
    Epoch = 0x11, Secret;
    /// Group scope, by epoch and leaf: a leaf since replaced, kept to verify messages of its past epoch.
    EpochLeaf = 0x12, Public;
    /// Group scope, by epoch and node: secrets of the secret tree not yet consumed, the node's or those beside a path below it (RFC 9420 §9).
    SecretNode = 0x13, Secret;
    /// Group scope, by epoch, leaf and content: a ratchet's current secret and generation (RFC 9420 §9.1).
    Ratchet = 0x14, Secret;
    /// Group scope, by epoch, leaf, content and generation: the key of a message that has not arrived.
    SkippedKey = 0x15, Secret;
    /// Group scope, by ProposalRef: a proposal waiting for a Commit (RFC 9420 §12.1).
    Proposal = 0x16, Public;
    /// Group scope, by ProposalRef: the private key of an own Update proposal (RFC 9420 §12.1.2).
    OwnUpdateKey = 0x17, Secret;
    /// Group scope, by message hash: an own Commit not yet merged, with all that merging needs.
    PendingCommit = 0x18, Secret;
    /// Group scope, by message hash: the Welcome messages of a pending Commit.
    PendingWelcome = 0x19, Public;
    /// Group scope, one row: the private keys of the own leaf and direct path (RFC 9420 §7).
    PathKeys = 0x1a, Secret;
    /// Group scope, by node index: a node of the ratchet tree with its summary (RFC 9420 §7.1).
    TreeNode = 0x20, Public;
    /// Group scope, by public key: which leaf has this encryption or signature key.
    KeyIndex = 0x21, Index;
    /// Group scope, by client id of the member: which leaf a client has.
    ClientIndex = 0x22, Index;
    /// Group scope, one row: an observer's view of a group that it is not a member of.
    ObserverHead = 0x28, Public;

    /// Either scope: the application's own rows, put into the same batch as the library's.
    Application = 0xf0, Secret;
}

impl RecordKind {
    /// The kind's number, as encoded in keys.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl core::fmt::Display for RecordKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::{RecordClass, RecordKind};

    /// Numbers are in files: a change here is a change of the storage format.
    #[test]
    fn numbers_are_pinned() {
        let pinned = [
            (0x01, "Meta"),
            (0x02, "KeyPackage"),
            (0x03, "UsedLastResort"),
            (0x04, "ExternalPsk"),
            (0x05, "SignerReference"),
            (0x06, "ResumptionPsk"),
            (0x07, "Successor"),
            (0x08, "Tombstone"),
            (0x09, "GroupDirectory"),
            (0x0a, "PendingExternalCommit"),
            (0x10, "Head"),
            (0x11, "Epoch"),
            (0x12, "EpochLeaf"),
            (0x13, "SecretNode"),
            (0x14, "Ratchet"),
            (0x15, "SkippedKey"),
            (0x16, "Proposal"),
            (0x17, "OwnUpdateKey"),
            (0x18, "PendingCommit"),
            (0x19, "PendingWelcome"),
            (0x1a, "PathKeys"),
            (0x20, "TreeNode"),
            (0x21, "KeyIndex"),
            (0x22, "ClientIndex"),
            (0x28, "ObserverHead"),
            (0xf0, "Application"),
        ];
        let of_class = |class| RecordKind::ALL.iter().filter(|kind| kind.class() == class).count();
        assert_eq!([RecordClass::Secret, RecordClass::Public, RecordClass::Index].map(of_class), [15, 9, 2]);
        let actual: std::vec::Vec<_> = RecordKind::ALL.iter().map(|k| (k.number(), k.name())).collect();
        assert_eq!(actual, pinned);
        for kind in RecordKind::ALL {
            assert_eq!(RecordKind::from_number(kind.number()), Some(*kind));
        }
        assert_eq!((0..=255).filter_map(RecordKind::from_number).count(), pinned.len());
    }

    #[test]
    fn key_material_is_secret() {
        use RecordKind as K;
        for kind in
            [K::KeyPackage, K::ResumptionPsk, K::Epoch, K::SecretNode, K::Ratchet, K::SkippedKey, K::PathKeys]
        {
            assert_eq!(kind.class(), RecordClass::Secret);
        }
        assert_eq!(K::TreeNode.class(), RecordClass::Public);
        assert_eq!(K::KeyIndex.class(), RecordClass::Index);
    }
}
