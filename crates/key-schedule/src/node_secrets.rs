//! What the row of a node of the secret tree holds (RFC 9420 §9, §9.2).
//!
//! The root of a new epoch holds its own secret: the octet 1, and the secret after a `u16` length. The first use of
//! a leaf below consumes it, and leaves in its place the secrets beside the path to that leaf, all in one row: the octet 2,
//! `u32` leaf, `u32` of which bit k is set if the secret at level k is still there, `u16` length of a secret, and the
//! secrets from the top down. A node below that has not been used has its secret there, and no row before that is consumed in
//! turn. So a leaf's first use writes one or two rows, whatever the size of the tree.

use crate::RowError;
use crate::row::{Reader, Writer, secret_len};
use pleach_crypto::Secret;
use pleach_wire::{LeafIndex, NodeIndex};

const BESIDE: u8 = crate::NODE_ROW_VERSION;
const OWN: u8 = crate::ROW_VERSION;

/// The secrets in a node's row.
#[derive(Debug, Clone)]
pub(crate) enum NodeSecrets {
    /// Its own.
    Own(Secret),
    /// Its own was consumed.
    Beside(Beside),
}

/// What is left of the secrets beside the path from a node to a leaf.
#[derive(Debug, Clone)]
pub(crate) struct Beside {
    leaf: LeafIndex,
    /// Bit k: that of the node at level k is there.
    left: u32,
    /// From the top down, all of one length.
    secrets: Secret,
}

impl Beside {
    /// Those beside the path from a node at `level` to the leaf, of `secret_len` bytes each: `fill` writes them, from the top
    /// down.
    pub(crate) fn new<E>(
        leaf: LeafIndex,
        level: u32,
        secret_len: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let left = below(level);
        let secrets = Secret::try_from_fn(secret_len.saturating_mul(level as usize), fill)?;
        Ok(Self { leaf, left, secrets })
    }

    /// The level at which the path to another leaf leaves the path to this one.
    pub(crate) fn level_of(&self, other: LeafIndex) -> Option<u32> {
        (self.leaf.0 ^ other.0).checked_ilog2()
    }

    /// The secret at a level, if nobody has used it.
    pub(crate) fn at(&self, level: u32) -> Option<&[u8]> {
        let at = self.place(level)?;
        self.secrets.as_bytes().get(at)
    }

    /// The rest, once the secret at a level is used.
    pub(crate) fn without(&self, level: u32) -> Self {
        let Some(at) = self.place(level) else { return self.clone() };
        let octets = self.secrets.as_bytes().iter().enumerate();
        let kept = octets.filter(|(place, _)| !at.contains(place)).map(|(_, octet)| octet);
        let secrets = Secret::from_fn(self.secrets.len().saturating_sub(at.len()), |out| {
            out.iter_mut().zip(kept).for_each(|(place, octet)| *place = *octet);
        });
        Self { leaf: self.leaf, left: self.left & !(1 << level), secrets }
    }

    /// Where the secret at a level stands.
    fn place(&self, level: u32) -> Option<core::ops::Range<usize>> {
        let above = self.left.checked_shr(level)?;
        let length = self.secrets.len().checked_div(self.left.count_ones() as usize)?;
        let at = length.checked_mul((above >> 1).count_ones() as usize)?;
        (above & 1 == 1).then_some(at..at.checked_add(length)?)
    }
}

impl NodeSecrets {
    pub(crate) fn to_row(&self) -> Secret {
        match self {
            Self::Own(secret) => {
                let mut row = Writer::new(OWN, secret_len(secret));
                row.secret(secret);
                row.finish()
            }
            Self::Beside(Beside { leaf, left, secrets }) => {
                let mut row = Writer::new(BESIDE, 4 + 4 + 2 + secrets.len());
                row.u32(leaf.0);
                row.u32(*left);
                row.u16(secrets.len().checked_div(left.count_ones() as usize).unwrap_or_default() as u16);
                row.bytes(secrets.as_bytes());
                row.finish()
            }
        }
    }

    /// The row of this node.
    pub(crate) fn from_row(node: NodeIndex, row: &[u8]) -> Result<Self, RowError> {
        if row.first() != Some(&BESIDE) {
            let mut row = Reader::new(OWN, row)?;
            let secret = row.secret()?;
            row.finish()?;
            return if secret.is_empty() { Err(RowError::Inconsistent) } else { Ok(Self::Own(secret)) };
        }
        let mut row = Reader::new(BESIDE, row)?;
        let (leaf, left, length) = (LeafIndex(row.u32()?), row.u32()?, usize::from(row.u16()?));
        let secrets = row.rest();
        let is_below = leaf.node().is_in_subtree(node);
        if !is_below || left & !below(node.level()) != 0 || (length == 0) != (left == 0) {
            return Err(RowError::Inconsistent);
        }
        if secrets.len() != length.saturating_mul(left.count_ones() as usize) {
            return Err(RowError::Length);
        }
        Ok(Self::Beside(Beside { leaf, left, secrets: Secret::copy_from(secrets) }))
    }
}

/// The bits of all levels below one.
const fn below(level: u32) -> u32 {
    match 1_u32.checked_shl(level) {
        Some(bit) => bit - 1,
        None => u32::MAX,
    }
}
