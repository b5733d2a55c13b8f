//! The closed one-byte enumerations of RFC 9420: 0 is reserved, every other undefined value is malformed (R007).

use alloc::vec::Vec;

use crate::{
    codec::{Encode, Reader},
    error::{DecodeError, EncodeError, UnknownKind},
};

macro_rules! closed_enum {
    ($(#[$doc:meta])* $name:ident($kind:ident) { $($(#[$item_doc:meta])* $variant:ident = $value:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name {
            $($(#[$item_doc])* $variant = $value,)*
        }

        impl $name {
            fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                match reader.read::<u8>()? {
                    $($value => Ok(Self::$variant),)*
                    // R007
                    value => Err(DecodeError::UnknownValue { what: UnknownKind::$kind, value: value.into() }),
                }
            }
        }

        impl Encode for $name {
            fn encoded_len(&self) -> usize {
                1
            }

            fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
                out.push(*self as u8);
                Ok(())
            }
        }

        tls_encode!($name);
        tls_decode!($name);
    };
}

closed_enum! {
    /// `ContentType` (RFC 9420 §6).
    ContentType(ContentType) {
        /// Application data.
        Application = 1,
        /// A proposal.
        Proposal = 2,
        /// A Commit.
        Commit = 3,
    }
}

closed_enum! {
    /// `SenderType` (RFC 9420 §6).
    SenderType(SenderType) {
        /// A member of the group.
        Member = 1,
        /// An entry of `external_senders`.
        External = 2,
        /// A client that proposes to add itself.
        NewMemberProposal = 3,
        /// A client that joins by an external Commit.
        NewMemberCommit = 4,
    }
}

closed_enum! {
    /// `LeafNodeSource` on the wire (RFC 9420 §7.2); [`LeafNodeSource`](crate::LeafNodeSource) has the data too.
    LeafNodeSourceType(LeafNodeSource) {
        /// From a KeyPackage.
        KeyPackage = 1,
        /// From an Update proposal.
        Update = 2,
        /// From the UpdatePath of a Commit.
        Commit = 3,
    }
}

closed_enum! {
    /// `NodeType` (RFC 9420 §7.8, §12.4.3.3).
    NodeType(NodeType) {
        /// A leaf.
        Leaf = 1,
        /// A parent.
        Parent = 2,
    }
}

closed_enum! {
    /// `ProposalOrRefType` (RFC 9420 §12.4).
    ProposalOrRefType(ProposalOrRefType) {
        /// The proposal itself.
        Proposal = 1,
        /// The hash of a proposal sent before.
        Reference = 2,
    }
}

closed_enum! {
    /// `PSKType` (RFC 9420 §8.4).
    PskType(PskType) {
        /// A key from outside MLS.
        External = 1,
        /// The resumption PSK of a group's epoch.
        Resumption = 2,
    }
}

closed_enum! {
    /// `ResumptionPSKUsage` (RFC 9420 §8.4).
    ResumptionPskUsage(ResumptionPskUsage) {
        /// For the application's own purposes.
        Application = 1,
        /// To tie a reinitialised group to the old one (§11.2).
        Reinit = 2,
        /// To tie a subgroup to the group that it branched from (§11.3).
        Branch = 3,
    }
}
