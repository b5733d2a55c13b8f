//! Which Welcomes were written to a file: a merge ends the commit, and its Welcome with it.
//!
//! A row of the group for each pending commit whose Welcome is in a file. It is written after the file, so that a crash in
//! between costs no more than writing the Welcome once more. Rows of commits that are gone are erased with the next one.

use pleach::storage::{Key, RecordKind, Storage as _, VecBatch};
use pleach::{Group, PendingCommit};

use crate::exit::Failure;
use crate::session::Session;

const WRITTEN: &[u8] = b"welcome";
/// The row's version, and its format; there is nothing to say.
const ROW: [u8; 9] = [0, 0, 0, 0, 0, 0, 0, 0, 1];

/// The Welcome of this commit is in a file.
pub(super) fn mark(session: &Session, group: &Group, commit: &PendingCommit) -> Result<(), Failure> {
    let mut batch = VecBatch::new();
    let pending = group.pending()?;
    let known = |suffix: &[u8]| {
        suffix.strip_prefix(WRITTEN).is_some_and(|hash| pending.iter().any(|other| other.hash() == hash))
    };
    for (suffix, _) in group.records_from(WRITTEN)? {
        if !known(&suffix) {
            batch.erase(row(session, group, &suffix));
        }
    }
    batch.put(row(session, group, &[WRITTEN, commit.hash()].concat()), ROW.to_vec());
    Ok(session.store.storage.apply(&mut batch)?)
}

/// Refuses a merge that would leave those who were added outside.
pub(super) fn check(group: &Group, commit: &PendingCommit) -> Result<(), Failure> {
    let written = group.record(&[WRITTEN, commit.hash()].concat())?.is_some();
    if commit.welcome().is_none() || written {
        return Ok(());
    }
    Err(Failure::not_now(
        "the Welcome was not written yet, and goes with the merge: `pleach merge --welcome FILE` writes it, `pleach merge --no-welcome` leaves it out",
    ))
}

fn row<'a>(session: &'a Session, group: &'a Group, suffix: &'a [u8]) -> Key<'a> {
    Key::of_group(&session.store.name, group.id(), RecordKind::Application, suffix)
}
