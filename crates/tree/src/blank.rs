//! The tree hashes of blank subtrees (RFC 9420 §7.8).
//!
//! They depend on the first leaf, because a blank leaf is hashed with its index, and they never change. A memo that all
//! clones of a tree share remembers them through extension and truncation: only the Add that doubles the tree pays for
//! the new half, once. Subtrees of up to two leaves are not kept: they cost three hashes.

use alloc::{boxed::Box, vec::Vec};

use once_cell::race::OnceBox;
use pleach_crypto::{Digest, Hash};

use crate::{
    hash::{NODE_TYPE_LEAF, NODE_TYPE_PARENT, push_digest},
    position::{MAX_HEIGHT, Position},
};

const MIN_KEPT_HEIGHT: u8 = 2;

/// The memo, a lazily grown binary tree. Its root stands for the largest tree there can be.
#[derive(Debug, Default)]
pub(crate) struct BlankHashes {
    hash: OnceBox<Digest>,
    halves: OnceBox<[BlankHashes; 2]>,
}

impl BlankHashes {
    /// The hash of the blank subtree at `position`.
    pub(crate) fn of(&self, hash: &dyn Hash, position: Position) -> Digest {
        match self.memo(position) {
            Some(memo) => memo.compute(hash, position),
            None => direct(hash, position),
        }
    }

    /// Remembers a hash that a checked row carries.
    pub(crate) fn learn(&self, position: Position, digest: Digest) {
        if let Some(memo) = self.memo(position) {
            let _known_already = memo.hash.set(Box::new(digest));
        }
    }

    fn memo(&self, position: Position) -> Option<&Self> {
        let mut memo = self;
        for height in (position.height.max(MIN_KEPT_HEIGHT)..MAX_HEIGHT).rev() {
            let [left, right] = memo.halves();
            memo = if (position.first >> height) & 1 == 0 { left } else { right };
        }
        (position.height >= MIN_KEPT_HEIGHT).then_some(memo)
    }

    fn halves(&self) -> &[Self; 2] {
        self.halves.get_or_init(Box::default)
    }

    fn compute(&self, hash: &dyn Hash, position: Position) -> Digest {
        if let Some(known) = self.hash.get() {
            return *known;
        }
        let (left, right) = if position.height > MIN_KEPT_HEIGHT {
            let [left, right] = self.halves();
            (left.compute(hash, position.left()), right.compute(hash, position.right()))
        } else {
            (direct(hash, position.left()), direct(hash, position.right()))
        };
        *self.hash.get_or_init(|| Box::new(parent(hash, &left, &right)))
    }
}

fn direct(hash: &dyn Hash, position: Position) -> Digest {
    if position.height == 0 {
        // TreeHashInput{leaf(1), LeafNodeHashInput{leaf_index, absent}} (R103, R104)
        return hash.hash(&[&[NODE_TYPE_LEAF], &position.first.to_be_bytes(), &[0]]);
    }
    parent(hash, &direct(hash, position.left()), &direct(hash, position.right()))
}

fn parent(hash: &dyn Hash, left: &Digest, right: &Digest) -> Digest {
    let mut input = Vec::from([NODE_TYPE_PARENT, 0]);
    push_digest(&mut input, left);
    push_digest(&mut input, right);
    hash.hash(&[&input])
}
