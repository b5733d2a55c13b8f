//! The two ways to fail: [`DecodeError`] for bytes that came in, [`EncodeError`] for values that cannot go out.
//!
//! Decoding runs through `tls_codec`'s traits, whose error type has no room for ours. So each error has a
//! translation into [`tls_codec::Error`] and back that loses nothing ([`DecodeError`]'s two `From`s); the text or
//! number that it travels as is an internal matter.
//!
//! Neither error holds any byte of the input: they can be logged.

use alloc::string::ToString;

/// Why bytes are not the encoding of the structure that was asked for.
///
/// Everything here is the sender's fault; nothing was changed by reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The input, or the vector around this value, ended too early (RFC 9420 §2.1.2, R006).
    #[error("the input ends before the value does")]
    Truncated,
    /// Bytes follow the value (R010).
    #[error("bytes follow the end of the value")]
    TrailingData,
    /// A vector's length was written in more bytes than it needs (RFC 9420 §2.1.2, R003).
    #[error("a vector length is not in its shortest form")]
    NonMinimalLength,
    /// A vector's length starts with the bits 11 (RFC 9420 §2.1.2, R004).
    #[error("a vector length has the reserved prefix 11")]
    ReservedLengthPrefix,
    /// Longer than a limit of the reader allows (R005); nothing was read.
    #[error("longer than the limit")]
    TooLong,
    /// More of `what` than a limit of the reader allows.
    #[error("too many {what}")]
    TooMany {
        /// What there are too many of: "extensions", "proposals", ..
        what: &'static str,
    },
    /// The presence octet of an `optional<T>` is neither 0 nor 1 (RFC 9420 §2.1.1, R001).
    #[error("a presence octet is neither 0 nor 1")]
    BadPresence,
    /// A closed enumeration has a value that the RFC does not define (R007).
    #[error("unknown {what} {value}")]
    UnknownValue {
        /// The enumeration.
        what: UnknownKind,
        /// The value that was read.
        value: u32,
    },
    /// An `MLSMessage` of another protocol version than mls10 (RFC 9420 §6, R009).
    #[error("unsupported protocol version {0:#06x}")]
    UnsupportedVersion(u16),
    /// An `MLSMessage` of a wire format that is not known here: ignore the message (RFC 9420 §6, R009).
    #[error("unknown wire format {0:#06x}")]
    UnknownWireFormat(u16),
    /// A `ParentNode`'s `unmerged_leaves` are not strictly increasing (RFC 9420 §7.1, R061).
    #[error("unmerged_leaves is not strictly increasing")]
    UnsortedUnmergedLeaves,
    /// The padding of a `PrivateMessageContent` has a non-zero octet (RFC 9420 §6.3.1, R049).
    #[error("padding is not all zero")]
    NonZeroPadding,
    /// A ratchet tree without nodes (RFC 9420 §12.4.3.3, R252).
    #[error("the ratchet tree is empty")]
    EmptyRatchetTree,
    /// A ratchet tree whose last node is blank (RFC 9420 §12.4.3.3, R252).
    #[error("the last node of the ratchet tree is blank")]
    TrailingBlankNode,
    /// A leaf at an odd position of a ratchet tree, or a parent at an even one (RFC 9420 §12.4.3.3, R253).
    #[error("a node of the ratchet tree is of the wrong kind for its position")]
    MisplacedNode,
    /// A structure of the application refused the input; its own text is not kept.
    #[error("malformed")]
    Malformed,
}

/// The closed enumerations of RFC 9420, for [`DecodeError::UnknownValue`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnknownKind {
    /// An enumeration that is not one of ours.
    Other = 0,
    /// `ContentType` (§6).
    ContentType = 1,
    /// `SenderType` (§6).
    SenderType = 2,
    /// `LeafNodeSource` (§7.2).
    LeafNodeSource = 3,
    /// `NodeType` (§7.8, §12.4.3.3).
    NodeType = 4,
    /// `ProposalOrRefType` (§12.4).
    ProposalOrRefType = 5,
    /// `PSKType` (§8.4).
    PskType = 6,
    /// `ResumptionPSKUsage` (§8.4).
    ResumptionPskUsage = 7,
}

impl UnknownKind {
    const ALL: [Self; 8] = [
        Self::Other,
        Self::ContentType,
        Self::SenderType,
        Self::LeafNodeSource,
        Self::NodeType,
        Self::ProposalOrRefType,
        Self::PskType,
        Self::ResumptionPskUsage,
    ];
}

impl core::fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Other => "value",
            Self::ContentType => "ContentType",
            Self::SenderType => "SenderType",
            Self::LeafNodeSource => "LeafNodeSource",
            Self::NodeType => "NodeType",
            Self::ProposalOrRefType => "ProposalOrRefType",
            Self::PskType => "PSKType",
            Self::ResumptionPskUsage => "ResumptionPSKUsage",
        })
    }
}

/// Why a value has no encoding. Never caused by received bytes: what was decoded encodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A vector is longer than 2^30 - 1 bytes (RFC 9420 §2.1.2).
    #[error("a vector is longer than 2^30 - 1 bytes")]
    TooLong,
    /// A field is present that must be absent, or absent that must be present, or out of order.
    #[error("{0} contradicts the rest of the structure")]
    Inconsistent(&'static str),
}

/// The high half of [`tls_codec::Error::UnknownValue`] says what is unknown; these two follow [`UnknownKind`].
const VERSION: u64 = 0x100;
const WIRE_FORMAT: u64 = 0x101;

/// The errors that travel as a text.
const BY_TEXT: [DecodeError; 9] = [
    DecodeError::NonMinimalLength,
    DecodeError::ReservedLengthPrefix,
    DecodeError::BadPresence,
    DecodeError::UnsortedUnmergedLeaves,
    DecodeError::NonZeroPadding,
    DecodeError::EmptyRatchetTree,
    DecodeError::TrailingBlankNode,
    DecodeError::MisplacedNode,
    DecodeError::Malformed,
];

impl From<DecodeError> for tls_codec::Error {
    #[cold]
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Truncated => Self::EndOfStream,
            DecodeError::TrailingData => Self::TrailingData,
            DecodeError::TooLong => Self::InvalidVectorLength,
            DecodeError::UnknownValue { what, value } => {
                Self::UnknownValue((what as u64) << 32 | u64::from(value))
            }
            DecodeError::UnsupportedVersion(value) => Self::UnknownValue(VERSION << 32 | u64::from(value)),
            DecodeError::UnknownWireFormat(value) => Self::UnknownValue(WIRE_FORMAT << 32 | u64::from(value)),
            other => Self::DecodingError(other.to_string()),
        }
    }
}

impl From<tls_codec::Error> for DecodeError {
    #[cold]
    fn from(error: tls_codec::Error) -> Self {
        match error {
            tls_codec::Error::EndOfStream => Self::Truncated,
            tls_codec::Error::TrailingData => Self::TrailingData,
            tls_codec::Error::InvalidVectorLength => Self::TooLong,
            tls_codec::Error::UnknownValue(packed) => {
                let low = packed as u32;
                match packed >> 32 {
                    VERSION => Self::UnsupportedVersion(low as u16),
                    WIRE_FORMAT => Self::UnknownWireFormat(low as u16),
                    kind => {
                        let what = UnknownKind::ALL.into_iter().find(|what| *what as u64 == kind);
                        Self::UnknownValue { what: what.unwrap_or(UnknownKind::Other), value: low }
                    }
                }
            }
            tls_codec::Error::DecodingError(text) => {
                BY_TEXT.into_iter().find(|error| error.to_string() == text).unwrap_or(Self::Malformed)
            }
            _ => Self::Malformed,
        }
    }
}

impl From<EncodeError> for tls_codec::Error {
    #[cold]
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::TooLong => Self::InvalidVectorLength,
            EncodeError::Inconsistent(_) => Self::EncodingError(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decode_errors_survive_tls_codec() {
        let unknown = UnknownKind::ALL.map(|what| DecodeError::UnknownValue { what, value: 255 });
        let others = [
            DecodeError::Truncated,
            DecodeError::TrailingData,
            DecodeError::TooLong,
            DecodeError::UnsupportedVersion(0xffff),
            DecodeError::UnknownWireFormat(9),
        ];
        for error in unknown.into_iter().chain(BY_TEXT).chain(others) {
            assert_eq!(DecodeError::from(tls_codec::Error::from(error)), error);
        }
    }
}
