//! What every member below a node supports, and which credential types are in use there (RFC 9420 §7.2, §7.3).
//!
//! A leaf's set is made of its capabilities, a parent's of its children's: intersections, and a union for the credential
//! types in use. Equal sets share one allocation, so in an ordinary group there is one set for the whole tree.
//!
//! Left out: GREASE values, which must never match (R066, R266) and would make every leaf's set its own; versions and
//! cipher suites, about which the RFC has no receiver rule (R086).

use alloc::{collections::BTreeSet, sync::Arc, vec::Vec};

use pleach_wire::{CredentialType, ExtensionType, Kept, LeafNode, ProposalType, is_grease_value};

/// One thing that a member may or may not support.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// An extension type. The default types are supported by everybody (R062).
    Extension(ExtensionType),
    /// A proposal type. The default types are supported by everybody (R062).
    Proposal(ProposalType),
    /// A credential type. None is supported by default (R065).
    Credential(CredentialType),
}

/// Sorted sets, without GREASE.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Features {
    pub(crate) extensions: Vec<ExtensionType>,
    pub(crate) proposals: Vec<ProposalType>,
    pub(crate) credentials: Vec<CredentialType>,
    pub(crate) in_use: Vec<CredentialType>,
}

impl Features {
    pub(crate) fn of_leaf(leaf: &Kept<LeafNode>) -> Self {
        let view = leaf.view();
        // Every leaf's bytes decode; without capabilities a leaf passes no check.
        let capabilities = view.to_capabilities().unwrap_or_default();
        Self {
            extensions: set(&capabilities.extensions),
            proposals: set(&capabilities.proposals),
            credentials: set(&capabilities.credentials),
            in_use: Vec::from([view.credential_type]),
        }
    }

    pub(crate) fn supports(&self, capability: Capability) -> bool {
        match capability {
            Capability::Extension(t) => t.is_default() || self.extensions.binary_search(&t).is_ok(),
            Capability::Proposal(t) => t.is_default() || self.proposals.binary_search(&t).is_ok(),
            Capability::Credential(t) => self.credentials.binary_search(&t).is_ok(),
        }
    }

    /// The set of a node from those of its children. Cost: a pointer comparison where both sides share a set.
    pub(crate) fn merge(left: Option<&Arc<Self>>, right: Option<&Arc<Self>>) -> Option<Arc<Self>> {
        let (Some(l), Some(r)) = (left, right) else { return left.or(right).cloned() };
        if Arc::ptr_eq(l, r) || l == r {
            return Some(Arc::clone(l));
        }
        let merged = Self {
            extensions: intersection(&l.extensions, &r.extensions),
            proposals: intersection(&l.proposals, &r.proposals),
            credentials: intersection(&l.credentials, &r.credentials),
            in_use: union(&l.in_use, &r.in_use),
        };
        Some(if merged == **l {
            Arc::clone(l)
        } else if merged == **r {
            Arc::clone(r)
        } else {
            Arc::new(merged)
        })
    }
}

/// Makes equal sets one, while a tree is built.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    sets: BTreeSet<Arc<Features>>,
    /// The capabilities of the last leaf as they are encoded, and its set: most leaves are like their neighbour.
    last: Option<(Vec<u8>, Arc<Features>)>,
    /// The last set of another interner, and what it is here.
    shared: Option<(Arc<Features>, Arc<Features>)>,
}

impl Interner {
    pub(crate) fn intern(&mut self, features: Features) -> Arc<Features> {
        if let Some(known) = self.sets.get(&features) {
            return Arc::clone(known);
        }
        let new = Arc::new(features);
        self.sets.insert(Arc::clone(&new));
        new
    }

    /// As [`intern`](Self::intern), of a set that another interner made; quick where it is the same as before.
    pub(crate) fn share(&mut self, features: Arc<Features>) -> Arc<Features> {
        match &self.shared {
            Some((theirs, ours)) if Arc::ptr_eq(theirs, &features) => Arc::clone(ours),
            _ => {
                let ours = self.intern(Features::clone(&features));
                self.shared = Some((features, Arc::clone(&ours)));
                ours
            }
        }
    }

    /// The set of a leaf. Decodes its capabilities only if they are not those of the leaf before.
    pub(crate) fn of_leaf(&mut self, leaf: &Kept<LeafNode>) -> Arc<Features> {
        let view = leaf.view();
        if let Some((capabilities, features)) = &self.last
            && capabilities == view.capabilities
            && features.in_use == [view.credential_type]
        {
            return Arc::clone(features);
        }
        let features = self.intern(Features::of_leaf(leaf));
        self.last = Some((view.capabilities.to_vec(), Arc::clone(&features)));
        features
    }
}

fn set<T: Copy + Ord + Into<u16>>(values: &[T]) -> Vec<T> {
    let mut values: Vec<T> =
        values.iter().copied().filter(|value| !is_grease_value((*value).into())).collect();
    values.sort_unstable();
    values.dedup();
    values.shrink_to_fit();
    values
}

fn intersection<T: Copy + Ord>(left: &[T], right: &[T]) -> Vec<T> {
    left.iter().copied().filter(|value| right.binary_search(value).is_ok()).collect()
}

fn union<T: Copy + Ord>(left: &[T], right: &[T]) -> Vec<T> {
    let mut all = [left, right].concat();
    all.sort_unstable();
    all.dedup();
    all
}
