//! The stored form of one node: a row, keyed by its [`NodeIndex`](pleach_wire::NodeIndex).
//!
//! A row holds the node's content as it is on the wire, and of each child its hash and its summary, so that a path can be
//! worked on without the rest of the tree. A blank subtree has no rows. All integers are big endian; `<V>` has a length
//! in front as in RFC 9420 §2.1.2.
//!
//! ```text
//! leaf    u8 version = 1   u8 kind = 1   LeafNode
//! parent  u8 version = 1   u8 kind = 2   optional<ParentNode>   child left   child right
//! child   u8 form          opaque hash<V>           form 0: the subtree is blank, nothing follows
//!         u32 occupied     u32 resolution_len       leaves that are not blank, nodes of the resolution
//!         u32 first_blank                           the leftmost blank leaf, 2^32 - 1 if there is none
//!         features                                  absent for form 2 (right child only): those of the left child
//! features  uint16 extensions<V>  uint16 proposals<V>  uint16 credentials<V>  uint16 in_use<V>, each sorted
//! ```
//!
//! Cost: O(size of the row). Hashes of children must be known, which they are once the tree hash is.

use alloc::{sync::Arc, vec::Vec};

use pleach_crypto::{Digest, Hash};
use pleach_wire::{
    CredentialType, ExtensionType, Kept, LeafIndex, LeafNode, ParentNode, ProposalType, Reader, decode,
    write_length,
};

use crate::{
    Parent, TreeError,
    features::Features,
    hash::{Hasher, encode_parent, push_digest},
    position::Position,
    slot::{LeafSlot, ParentSlot, Stub, Subtree, Summary},
};

const VERSION: u8 = 1;
const KIND_LEAF: u8 = 1;
const KIND_PARENT: u8 = 2;

const NO_LEAF: u32 = u32::MAX;

const CHILD_BLANK: u8 = 0;
const CHILD: u8 = 1;
const CHILD_WITH_SAME_FEATURES: u8 = 2;

/// What a row says.
pub(crate) enum Row {
    Leaf(Kept<LeafNode>),
    Parent { node: Option<Arc<Parent>>, left: Child, right: Child },
}

/// What a parent's row says of a child.
pub(crate) enum Child {
    Blank(Digest),
    Stub(Digest, Summary),
}

/// The row of a leaf.
pub(crate) fn leaf_row(leaf: &LeafSlot) -> Vec<u8> {
    let mut out = Vec::with_capacity(2 + leaf.node.bytes().len());
    write_leaf_row(leaf, &mut out);
    out
}

/// The row of a parent, blank or not.
pub(crate) fn parent_row(slot: &ParentSlot, hasher: &mut Hasher<'_>) -> Result<Vec<u8>, TreeError> {
    let mut out = Vec::with_capacity(256);
    write_parent_row(slot, hasher, &mut out)?;
    Ok(out)
}

/// Appends the row of a leaf.
pub(crate) fn write_leaf_row(leaf: &LeafSlot, out: &mut Vec<u8>) {
    out.extend_from_slice(&[VERSION, KIND_LEAF]);
    out.extend_from_slice(leaf.node.bytes());
}

/// Appends the row of a parent.
pub(crate) fn write_parent_row(
    slot: &ParentSlot,
    hasher: &mut Hasher<'_>,
    out: &mut Vec<u8>,
) -> Result<(), TreeError> {
    out.extend_from_slice(&[VERSION, KIND_PARENT, u8::from(slot.node.is_some())]);
    if let Some(node) = &slot.node {
        encode_parent(node, &[], out)?;
    }
    write_child(&slot.left, None, hasher, out)?;
    write_child(&slot.right, slot.left.features(), hasher, out)
}

fn write_child(
    child: &Subtree,
    left: Option<&Arc<Features>>,
    hasher: &mut Hasher<'_>,
    out: &mut Vec<u8>,
) -> Result<(), TreeError> {
    let features = child.features();
    let same = left.is_some() && left == features;
    out.push(match child {
        Subtree::Blank(_) => CHILD_BLANK,
        _ if same => CHILD_WITH_SAME_FEATURES,
        _ => CHILD,
    });
    push_digest(out, &hasher.tree_hash(child)?);
    if matches!(child, Subtree::Blank(_)) {
        return Ok(());
    }
    out.extend_from_slice(&child.occupied().to_be_bytes());
    out.extend_from_slice(&child.resolution_len().to_be_bytes());
    out.extend_from_slice(&child.first_blank().map_or(NO_LEAF, |leaf| leaf.0).to_be_bytes());
    if !same {
        let none = Features::default(); // of a parent above blank leaves only, which no valid tree has
        let Features { extensions, proposals, credentials, in_use } =
            features.map_or(&none, |features| features);
        write_types(extensions, out)?;
        write_types(proposals, out)?;
        write_types(credentials, out)?;
        write_types(in_use, out)?;
    }
    Ok(())
}

fn write_types<T: Copy + Into<u16>>(types: &[T], out: &mut Vec<u8>) -> Result<(), TreeError> {
    write_length(types.len().saturating_mul(2), out)?;
    for value in types {
        out.extend_from_slice(&(*value).into().to_be_bytes());
    }
    Ok(())
}

impl Row {
    /// Decodes the row of the node at `position`; `hash` is the suite's.
    pub(crate) fn decode(row: &[u8], position: Position, hash: &dyn Hash) -> Result<Self, TreeError> {
        let corrupt = TreeError::Corrupt(position.node());
        if let Some(&found) = row.first().filter(|found| **found > VERSION) {
            return Err(TreeError::NewerRow { node: position.node(), found, known: VERSION });
        }
        Self::parse(row, position, hash).ok_or(corrupt)
    }

    fn parse(row: &[u8], position: Position, hash: &dyn Hash) -> Option<Self> {
        let (&[version, kind], content) = row.split_first_chunk()?;
        if version != VERSION || (kind == KIND_LEAF) != (position.height == 0) {
            return None;
        }
        if kind == KIND_LEAF {
            return Some(Self::Leaf(decode(content).ok()?));
        }
        if kind != KIND_PARENT {
            return None;
        }
        let mut reader = Reader::new(content);
        let node: Option<ParentNode> = reader.read_optional().ok()?;
        let left = read_child(&mut reader, None)?;
        let left_features = match &left {
            Child::Stub(_, summary) => summary.features.clone(),
            Child::Blank(_) => None,
        };
        let right = read_child(&mut reader, left_features)?;
        reader.finish().ok()?;
        Some(Self::Parent { node: node.map(|node| Arc::new(Parent::new(&node, hash))), left, right })
    }
}

impl Child {
    pub(crate) const fn hash(&self) -> &Digest {
        match self {
            Self::Blank(hash) | Self::Stub(hash, _) => hash,
        }
    }

    pub(crate) fn into_subtree(self, position: Position) -> Subtree {
        match self {
            Self::Blank(_) => Subtree::Blank(position),
            Self::Stub(hash, summary) => Subtree::Stub(Arc::new(Stub { position, hash, summary })),
        }
    }
}

fn read_child(reader: &mut Reader<'_>, left: Option<Arc<Features>>) -> Option<Child> {
    let &[form] = reader.read_bytes(1).ok()?.first_chunk()?;
    let hash = Digest::new(reader.read_opaque().ok()?)?;
    if form == CHILD_BLANK {
        return Some(Child::Blank(hash));
    }
    let occupied = reader.read().ok()?;
    let resolution_len = reader.read().ok()?;
    let first_blank = Some(reader.read().ok()?).filter(|leaf| *leaf != LeafIndex(NO_LEAF));
    let features = match form {
        CHILD => {
            let features = Features {
                extensions: read_types(reader, ExtensionType)?,
                proposals: read_types(reader, ProposalType)?,
                credentials: read_types(reader, CredentialType)?,
                in_use: read_types(reader, CredentialType)?,
            };
            // As deep as there are leaves: no leaves, no features.
            (occupied > 0).then(|| Arc::new(features))
        }
        CHILD_WITH_SAME_FEATURES => Some(left?),
        _ => return None,
    };
    Some(Child::Stub(hash, Summary { occupied, resolution_len, first_blank, features }))
}

fn read_types<T: Ord>(reader: &mut Reader<'_>, new: fn(u16) -> T) -> Option<Vec<T>> {
    let (pairs, rest) = reader.read_opaque().ok()?.as_chunks::<2>();
    let types: Vec<T> = pairs.iter().map(|pair| new(u16::from_be_bytes(*pair))).collect();
    (rest.is_empty() && types.is_sorted_by(|a, b| a < b)).then_some(types)
}
