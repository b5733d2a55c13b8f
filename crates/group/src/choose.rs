//! Which pending proposals a Commit takes up (RFC 9420 §12.4, R218): as many as are valid together with those by value.
//!
//! One bad proposal must not keep anybody from committing. In the good case the list is applied once; each proposal that has
//! to be left out costs O(log k) more tries, k being the number of pending proposals.

use crate::apply::{Applied, Base, Committer, Resolved, check_members};
use crate::psk::psk_record;
use crate::{CommitSpec, GroupState, Interrupt, ProposalSpec, Rows, StepResult};
use alloc::vec::Vec;
use pleach_wire::{LeafIndex, Proposal, Sender};

/// Which pending proposals a Commit takes up (R218).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum PendingSelection {
    /// All that are valid together.
    #[default]
    All,
    /// None.
    None,
    /// These, by ProposalRef.
    Only(Vec<Vec<u8>>),
}

impl GroupState {
    /// Adds the pending proposals that are valid together with those by value, and applies the list.
    pub(crate) fn choose(
        &self,
        rows: &Rows,
        base: &Base<'_>,
        by_value: &[Resolved],
        selection: &PendingSelection,
    ) -> StepResult<(Vec<Resolved>, Applied)> {
        let committer = Committer::Member(self.head.own_leaf);
        let pending: Vec<Resolved> = self
            .need_proposals()?
            .in_order()
            .into_iter()
            .filter(|pending| match selection {
                PendingSelection::All => true,
                PendingSelection::None => false,
                PendingSelection::Only(wanted) => wanted.contains(&pending.reference),
            })
            .map(|pending| Resolved {
                proposal: pending.proposal.clone(),
                sender: pending.sender,
                reference: Some(pending.reference.clone()),
            })
            .collect();
        let pending = compatible(self.head.own_leaf, by_value, pending);
        let pending = self.with_known_psks(rows, pending)?;
        let with = |pending: &[Resolved]| {
            let list: Vec<Resolved> = pending.iter().chain(by_value).cloned().collect();
            let applied = base.apply(&list, committer)?;
            // What the finished Commit must satisfy, too: otherwise one proposal could make every Commit fail.
            check_members(&applied.tree, &applied.rules, applied.extensions_changed)?;
            if !pending.is_empty() {
                applied.rules.check(applied.tree.member(self.head.own_leaf)?)?;
            }
            Ok::<_, Interrupt>((list, applied))
        };
        // However many of them will have to be tried one by one, their rows are asked for once.
        let all: Vec<Resolved> = pending.iter().chain(by_value).cloned().collect();
        base.foresee(&all, committer)?;
        match with(&pending) {
            Ok(done) => return Ok(done),
            Err(need @ Interrupt::Need(_)) => return Err(need),
            Err(error) if pending.is_empty() => return Err(error),
            Err(Interrupt::Error(_)) => {}
        }
        // Something pending is not valid any more, or not with the rest. First goes what is invalid by itself; then, of
        // what is left, the first proposal that does not go with those before it, found by halving, and so on.
        let mut rest: Vec<Resolved> = Vec::with_capacity(pending.len());
        for candidate in pending {
            if is_valid(base.apply(core::slice::from_ref(&candidate), committer))? {
                rest.push(candidate);
            }
        }
        let mut taken: Vec<Resolved> = Vec::new();
        while !rest.is_empty() {
            let fits = |count: usize| {
                let trial: Vec<Resolved> = taken.iter().chain(rest.iter().take(count)).cloned().collect();
                is_valid(with(&trial))
            };
            let (mut good, mut bad) = (0, rest.len() + 1);
            while bad - good > 1 {
                let middle = good + (bad - good) / 2;
                if fits(middle)? { good = middle } else { bad = middle }
            }
            let mut behind = rest.split_off(good);
            taken.append(&mut rest);
            if !behind.is_empty() {
                behind.remove(0);
            }
            rest = behind;
        }
        with(&taken)
    }

    /// Whether a list for this Commit may hold an Add.
    pub(crate) fn may_add(&self, spec: &CommitSpec<'_>) -> StepResult<bool> {
        let pending = self.need_proposals()?;
        let by_value = spec.proposals.iter().any(|proposal| matches!(proposal, ProposalSpec::Add(_)));
        Ok(by_value || pending.in_order().iter().any(|pending| matches!(pending.proposal, Proposal::Add(_))))
    }

    /// Leaves out the PSKs that are not held here (R132).
    fn with_known_psks(&self, rows: &Rows, mut pending: Vec<Resolved>) -> StepResult<Vec<Resolved>> {
        let psk = |resolved: &Resolved| match &resolved.proposal {
            Proposal::PreSharedKey(proposal) => Some(psk_record(&proposal.psk.psk)),
            _ => None,
        };
        rows.require(pending.iter().filter_map(psk))?;
        // The row of this epoch's own resumption PSK is there as well.
        pending.retain(|resolved| psk(resolved).is_none_or(|key| matches!(rows.read(key), Ok(Some(_)))));
        Ok(pending)
    }
}

/// Whether a trial succeeded; that it needs more rows says nothing yet.
fn is_valid<T>(trial: StepResult<T>) -> StepResult<bool> {
    match trial {
        Ok(_) => Ok(true),
        Err(Interrupt::Error(_)) => Ok(false),
        Err(need @ Interrupt::Need(_)) => Err(need),
    }
}

/// Drops what §12.2 forbids the committer to take up: own Updates and Removes (R195, R196), all but one change of a leaf,
/// Remove before the latest Update (R197), all but one list of extensions (R200), ReInit beside others (R168).
fn compatible(own: LeafIndex, by_value: &[Resolved], pending: Vec<Resolved>) -> Vec<Resolved> {
    let leaf_of = |resolved: &Resolved| match (&resolved.proposal, resolved.sender) {
        (Proposal::Update(_), Sender::Member(leaf)) => Some((leaf, false)),
        (Proposal::Remove(remove), _) => Some((remove.removed, true)),
        _ => None,
    };
    let is_extensions =
        |resolved: &Resolved| matches!(resolved.proposal, Proposal::GroupContextExtensions(_));
    let is_reinit = |resolved: &Resolved| matches!(resolved.proposal, Proposal::ReInit(_));
    if by_value.iter().any(is_reinit) {
        return Vec::new();
    }
    let mut chosen: Vec<Resolved> = Vec::new();
    // From the latest to the earliest, so that the latest wins.
    for candidate in pending.into_iter().rev() {
        let keep = match leaf_of(&candidate) {
            Some((leaf, _)) if leaf == own => false,
            Some((leaf, remove)) => {
                let rival = by_value
                    .iter()
                    .chain(&chosen)
                    .find_map(|other| leaf_of(other).filter(|(of, _)| *of == leaf));
                match rival {
                    None => true,
                    Some((_, true)) => false,
                    Some((_, false)) if remove => {
                        chosen.retain(|other| leaf_of(other).is_none_or(|(of, _)| of != leaf));
                        true
                    }
                    Some((_, false)) => false,
                }
            }
            None if is_extensions(&candidate) => !by_value.iter().chain(&chosen).any(is_extensions),
            None => !matches!(candidate.proposal, Proposal::ExternalInit(_)),
        };
        if keep {
            chosen.push(candidate);
        }
    }
    chosen.reverse();
    let others = by_value.len() + chosen.iter().filter(|resolved| !is_reinit(resolved)).count();
    if others > 0 {
        chosen.retain(|resolved| !is_reinit(resolved));
    } else {
        chosen.truncate(1);
    }
    chosen
}
