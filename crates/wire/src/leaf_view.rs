//! [`LeafView`]: the fields of a leaf as they stand in its bytes, for what is asked of every leaf of a large tree.
//!
//! Reading a view is a walk over the lengths: no allocation, some tens of nanoseconds. It accepts exactly what decoding
//! accepts; a test compares the two over damaged leaves.

use crate::{
    codec::{Reader, decode},
    credential::Credential,
    enums::LeafNodeSourceType,
    error::DecodeError,
    kept::{Checked, Keep, Kept, Lazy, sealed},
    leaf_node::{Capabilities, LeafNode, LeafNodeSource, Lifetime},
    registry::CredentialType,
};

/// A `LeafNode` that is not decoded (RFC 9420 §7.2).
#[derive(Clone, Copy, Debug)]
pub struct LeafView<'a> {
    /// The leaf's HPKE key.
    pub encryption_key: &'a [u8],
    /// The member's signature key.
    pub signature_key: &'a [u8],
    /// The type of the credential.
    pub credential_type: CredentialType,
    /// The credential, encoded.
    pub credential: &'a [u8],
    /// The capabilities, encoded.
    pub capabilities: &'a [u8],
    /// Where the leaf came from.
    pub source: LeafViewSource<'a>,
    /// The extensions, encoded one after the other.
    pub extensions: &'a [u8],
    /// The signature.
    pub signature: &'a [u8],
    /// Everything before the signature: what is signed, or its beginning (R070).
    pub before_signature: &'a [u8],
}

/// `leaf_node_source` and what comes with it (RFC 9420 §7.2, R072).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafViewSource<'a> {
    /// `key_package`, with its `lifetime`.
    KeyPackage(Lifetime),
    /// `update`.
    Update,
    /// `commit`, with its `parent_hash`.
    Commit(&'a [u8]),
}

impl<'a> LeafView<'a> {
    /// The leaf at the beginning of `bytes`, and what follows it.
    ///
    /// # Errors
    /// [`DecodeError`], as from decoding it, if not always the same one.
    pub fn read(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), DecodeError> {
        let mut reader = Reader::new(bytes);
        let encryption_key = reader.read_opaque()?;
        let signature_key = reader.read_opaque()?;
        let from_credential = reader.remaining();
        let credential_type: CredentialType = reader.read()?;
        let content = reader.read_opaque()?;
        if credential_type == CredentialType::X509 {
            let mut certificates = Reader::new(content);
            while !certificates.remaining().is_empty() {
                certificates.read_opaque()?;
            }
        }
        let credential = between(from_credential, &reader);
        let from_capabilities = reader.remaining();
        for _ in 0..5 {
            if !reader.read_opaque()?.len().is_multiple_of(2) {
                return Err(DecodeError::Truncated); // R006
            }
        }
        let capabilities = between(from_capabilities, &reader);
        let source = match reader.read()? {
            LeafNodeSourceType::KeyPackage => LeafViewSource::KeyPackage(reader.read()?),
            LeafNodeSourceType::Update => LeafViewSource::Update,
            LeafNodeSourceType::Commit => LeafViewSource::Commit(reader.read_opaque()?),
        };
        let extensions = reader.read_opaque()?;
        let mut each = Reader::new(extensions);
        while !each.remaining().is_empty() {
            each.read_bytes(2)?;
            each.read_opaque()?;
        }
        let before_signature = between(bytes, &reader);
        let signature = reader.read_opaque()?;
        let view = Self {
            encryption_key,
            signature_key,
            credential_type,
            credential,
            capabilities,
            source,
            extensions,
            signature,
            before_signature,
        };
        Ok((view, reader.remaining()))
    }

    /// The credential, decoded.
    ///
    /// # Errors
    /// None for a view that was read.
    pub fn to_credential(&self) -> Result<Credential, DecodeError> {
        decode(self.credential)
    }

    /// The capabilities, decoded.
    ///
    /// # Errors
    /// None for a view that was read.
    pub fn to_capabilities(&self) -> Result<Capabilities, DecodeError> {
        decode(self.capabilities)
    }
}

/// What `reader` has read since `from` was what remained.
fn between<'a>(from: &'a [u8], reader: &Reader<'a>) -> &'a [u8] {
    from.get(..from.len().saturating_sub(reader.remaining().len())).unwrap_or_default()
}

impl sealed::Sealed for LeafNode {}

impl Keep for LeafNode {
    type Cell = Lazy<Self>;
}

impl Checked for LeafNode {
    fn check(bytes: &[u8]) -> Option<&[u8]> {
        LeafView::read(bytes).ok().map(|(_, rest)| rest)
    }

    fn from_checked(bytes: &[u8]) -> Self {
        decode(bytes).unwrap_or_else(|_| Self {
            encryption_key: Default::default(),
            signature_key: Default::default(),
            credential: Credential::basic(b""),
            capabilities: Capabilities::default(),
            leaf_node_source: LeafNodeSource::Update,
            extensions: Default::default(),
            signature: Default::default(),
        })
    }
}

impl Kept<LeafNode> {
    /// The fields, without decoding the leaf.
    #[must_use]
    pub fn view(&self) -> LeafView<'_> {
        match LeafView::read(self.bytes()) {
            Ok((view, _)) => view,
            // The bytes of every leaf were checked, or written, as a leaf. An empty one passes no check.
            Err(_) => LeafView {
                encryption_key: &[],
                signature_key: &[],
                credential_type: CredentialType(0),
                credential: &[],
                capabilities: &[],
                source: LeafViewSource::Update,
                extensions: &[],
                signature: &[],
                before_signature: &[],
            },
        }
    }

    /// The value, decoded for the caller alone: for a pass over all leaves that should leave nothing behind.
    #[must_use]
    pub fn to_value(&self) -> LeafNode {
        LeafNode::from_checked(self.bytes())
    }
}
