//! `Commit` (RFC 9420 §12.4).

use alloc::vec::Vec;

use crate::{
    codec::{Encode, Reader},
    enums::ProposalOrRefType,
    error::{DecodeError, EncodeError},
    proposal::Proposal,
    update_path::UpdatePath,
    vector::{List, ProposalRef},
};

/// `Commit` (RFC 9420 §12.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash, tls_codec::TlsDeserializeBytes)]
pub struct Commit {
    /// What is committed; may be empty (R219).
    pub proposals: List<ProposalOrRef>,
    /// New keys for the committer.
    #[tls_codec(with = "crate::codec::optional")]
    pub path: Option<UpdatePath>,
}

wire_struct!(Commit { proposals, path });

/// `ProposalOrRef`: a proposal by value or by reference (RFC 9420 §12.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ProposalOrRef {
    /// The proposal itself; the committer is its sender (R206).
    Proposal(Proposal),
    /// The hash of a proposal sent before in this epoch.
    Reference(ProposalRef),
}

impl ProposalOrRef {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.read()? {
            ProposalOrRefType::Proposal => Self::Proposal(reader.read()?),
            ProposalOrRefType::Reference => Self::Reference(reader.read()?),
        })
    }
}

impl Encode for ProposalOrRef {
    fn encoded_len(&self) -> usize {
        let body = match self {
            Self::Proposal(proposal) => proposal.encoded_len(),
            Self::Reference(reference) => reference.encoded_len(),
        };
        body.saturating_add(1)
    }

    fn encode_into(&self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Proposal(proposal) => {
                ProposalOrRefType::Proposal.encode_into(out)?;
                proposal.encode_into(out)
            }
            Self::Reference(reference) => {
                ProposalOrRefType::Reference.encode_into(out)?;
                reference.encode_into(out)
            }
        }
    }
}

tls_encode!(ProposalOrRef);
tls_decode!(ProposalOrRef);
