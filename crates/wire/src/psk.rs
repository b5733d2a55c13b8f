//! `PreSharedKeyID` and `PSKLabel` (RFC 9420 §8.4): names of pre-shared keys, never the keys.

use alloc::vec::Vec;

use crate::{
    codec::{Encode, Reader},
    enums::{PskType, ResumptionPskUsage},
    error::{DecodeError, EncodeError},
    vector::Opaque,
};

/// `PreSharedKeyID` (RFC 9420 §8.4). The nonce is part of the name (R131).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, tls_codec::TlsDeserializeBytes)]
pub struct PreSharedKeyId {
    /// Which key.
    pub psk: Psk,
    /// Fresh for each use, of the length of the suite's hash (R127, not checked here).
    pub psk_nonce: Opaque,
}

wire_struct!(PreSharedKeyId { psk, psk_nonce });

/// The part of [`PreSharedKeyId`] that depends on its `psktype` (RFC 9420 §8.4).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Psk {
    /// `external`.
    External {
        /// The application's name for the key.
        psk_id: Opaque,
    },
    /// `resumption`.
    Resumption {
        /// What for.
        usage: ResumptionPskUsage,
        /// The group whose resumption PSK it is.
        psk_group_id: Opaque,
        /// The epoch of that group.
        psk_epoch: u64,
    },
}

impl Psk {
    /// The value on the wire.
    #[must_use]
    pub const fn psktype(&self) -> PskType {
        match self {
            Self::External { .. } => PskType::External,
            Self::Resumption { .. } => PskType::Resumption,
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.read()? {
            PskType::External => Self::External { psk_id: reader.read()? },
            PskType::Resumption => Self::Resumption {
                usage: reader.read()?,
                psk_group_id: reader.read()?,
                psk_epoch: reader.read()?,
            },
        })
    }
}

impl Encode for Psk {
    fn encoded_len(&self) -> usize {
        match self {
            Self::External { psk_id } => psk_id.encoded_len().saturating_add(1),
            Self::Resumption { psk_group_id, .. } => psk_group_id.encoded_len().saturating_add(10),
        }
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.psktype().encode_into(out)?;
        match self {
            Self::External { psk_id } => psk_id.encode_into(out),
            Self::Resumption { usage, psk_group_id, psk_epoch } => {
                usage.encode_into(out)?;
                psk_group_id.encode_into(out)?;
                psk_epoch.encode_into(out)
            }
        }
    }
}

tls_encode!(Psk);
tls_decode!(Psk);

/// `PSKLabel`: the context of "derived psk" (RFC 9420 §8.4, R128); borrowed, encoded only.
#[derive(Clone, Copy, Debug)]
pub struct PskLabel<'a> {
    /// Which key.
    pub id: &'a PreSharedKeyId,
    /// Its place among the keys, from 0.
    pub index: u16,
    /// How many keys there are.
    pub count: u16,
}

impl Encode for PskLabel<'_> {
    fn encoded_len(&self) -> usize {
        self.id.encoded_len().saturating_add(4)
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let Self { id, index, count } = self;
        id.encode_into(out)?;
        index.encode_into(out)?;
        count.encode_into(out)
    }
}
