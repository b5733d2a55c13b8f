//! [`RollbackGuard`]: what notices that a store was put back, or is used twice.
//!
//! Guards within a store keep two handles apart. They cannot see that the whole store is an old copy: it is as consistent
//! as it was then. A member that goes on from it would use message keys a second time, which gives its plaintexts away
//! (RFC 9420 §9.1). So an application that cannot rule copies out keeps a mark for each group outside of the store: in the
//! keychain, on a server, or at least in a file that no backup takes along.
//!
//! Each batch that uses up an own generation or enters an epoch writes a new mark, random and with a number, into the
//! group's rows; when it was applied, the guard is moved from the old mark to the new, and only then the output leaves.
//! The row holds the last few marks. Where the guard's mark is none of them, the store is not the one that the guard
//! was last moved by: the group is *restored*. It receives, follows commits, and sends nothing, until it has joined anew by
//! an external Commit (RFC 9420 §12.4.3.2); or, where the other members removed it, by a Welcome for a key package that
//! was made after all that the store had when this was found.
//!
//! Invariants: nothing is sent whose mark the guard does not have, or while the store says that the group is restored,
//! whoever found that. A guard that is one step behind (a crash between batch
//! and guard) catches up; one that is ahead, or has lost its record, makes the group restored. Two copies of one store
//! that are used side by side both move the guard from the same mark, and only one of them can.
//!
//! Cost: one row read and one written per operation, and what the guard costs.
//!
//! Not here: key packages. Those of a store that was put back may be used up; a join by one of them is noticed, since the
//! guard knows the group. So is the first join after everything about a group was forgotten, tombstone included: the store
//! cannot tell then that it is not older than the group.

mod guards;
mod history;
mod restored;

pub use guards::{FileRollbackGuard, MemoryRollbackGuard};

pub(crate) use history::{History, Source};
pub(crate) use restored::{imported_row, restored_key};

use crate::client::Inner;
use crate::keys::Place;
use crate::{Error, InstanceId};
use pleach_group::RecordKey;
use pleach_storage::{RecordKind, Storage as _, StorageError, VecBatch};
use std::fmt;

/// Keeps one mark for each group of each client of each store, outside of the store.
///
/// # What it is for
///
/// A store that was copied, or put back from a backup, has message keys that were used since. With a guard this is noticed
/// when the group is opened or sends, and the group is then [restored](crate::Group::is_restored): it does not send before
/// it has joined anew by an external Commit.
///
/// # What it promises
///
/// [`compare_and_set`](Self::compare_and_set) is atomic for all that use the guard, also in other processes and on other
/// machines, and durable when it returns. The record is not part of what a backup of the store brings back.
pub trait RollbackGuard: fmt::Debug + Send + Sync {
    /// The mark that was last set here; `None` if there was none, or it was lost.
    ///
    /// # Errors
    /// The guard cannot be reached.
    fn read(&self, place: &GuardPlace<'_>) -> Result<Option<RollbackMark>, RollbackGuardError>;

    /// Sets the mark if it is `expected` now.
    ///
    /// # Errors
    /// The guard cannot be reached. Whether the mark was set may be unknown then.
    fn compare_and_set(
        &self,
        place: &GuardPlace<'_>,
        expected: Option<RollbackMark>,
        mark: RollbackMark,
    ) -> Result<MarkExchange, RollbackGuardError>;
}

impl<G: RollbackGuard + ?Sized> RollbackGuard for std::sync::Arc<G> {
    fn read(&self, place: &GuardPlace<'_>) -> Result<Option<RollbackMark>, RollbackGuardError> {
        (**self).read(place)
    }

    fn compare_and_set(
        &self,
        place: &GuardPlace<'_>,
        expected: Option<RollbackMark>,
        mark: RollbackMark,
    ) -> Result<MarkExchange, RollbackGuardError> {
        (**self).compare_and_set(place, expected, mark)
    }
}

/// What became of [`RollbackGuard::compare_and_set`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum MarkExchange {
    /// The mark was set.
    Done,
    /// It was another than expected, and stayed.
    Found(Option<RollbackMark>),
}

/// Which mark is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardPlace<'a> {
    /// The store.
    pub instance: InstanceId,
    /// The client.
    pub client: &'a [u8],
    /// The group.
    pub group: &'a [u8],
}

impl GuardPlace<'_> {
    /// One name for all three parts, different for different places.
    #[must_use]
    pub fn name(&self) -> Vec<u8> {
        let client = u32::try_from(self.client.len()).unwrap_or(u32::MAX);
        [&self.instance.0[..], &client.to_be_bytes(), self.client, self.group].concat()
    }
}

/// Where a group stands: a number that only grows, and random bytes, so that two copies of a store never come to the same
/// mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RollbackMark {
    /// How often the group moved on.
    pub count: u64,
    /// Random.
    pub tag: [u8; 8],
}

impl RollbackMark {
    /// 16 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        let (count, tag) = bytes.split_at_mut(8);
        count.copy_from_slice(&self.count.to_be_bytes());
        tag.copy_from_slice(&self.tag);
        bytes
    }

    /// From 16 bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let [a, b, c, d, e, f, g, h, tag @ ..] = bytes;
        Self { count: u64::from_be_bytes([a, b, c, d, e, f, g, h]), tag }
    }
}

/// The guard could not be asked or moved.
#[derive(Debug, thiserror::Error)]
#[error("the rollback guard failed: {0}")]
pub struct RollbackGuardError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl RollbackGuardError {
    /// With the guard's own reason. It holds no secret.
    pub fn new(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(reason.into())
    }
}

/// How often is looked again while other handles move store and guard on.
const ATTEMPTS: usize = 32;

/// What a batch writes so that the guard can follow it.
#[derive(Debug)]
pub(crate) struct Move {
    /// The guard's mark before; its record may be missing in a store that had no guard yet.
    from: Option<RollbackMark>,
    history: History,
}

/// Whether the guard followed a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// It did, or there is none.
    Followed,
    /// It is elsewhere: the group is marked as restored now.
    Restored,
    /// The group was replaced in the store since, as by a join: what belonged to its former state must not leave.
    Replaced,
}

/// How old the keys are by which a group is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    /// They were made just now, so that no older state of this client can have used them.
    Fresh,
    /// They were made when the guard had this mark.
    SinceMark(Option<RollbackMark>),
    /// Those of a key package that was made at this time; 0 if that is not known.
    KeyPackage(u64),
}

/// What entering a group means to the guard.
#[derive(Debug)]
pub(crate) enum Entry {
    /// There is no guard.
    Unguarded,
    /// The group is new, or its past is known.
    Known(Move),
    /// The guard has seen this client in this group, and the store has not.
    Restored,
}

impl Inner {
    fn guard_place<'a>(&self, place: &Place<'a>) -> GuardPlace<'a> {
        GuardPlace { instance: self.instance, client: place.client, group: place.group }
    }

    /// Whether the group is restored: it was imported, or the guard knows another state of it. A guard that is behind
    /// catches up.
    pub(crate) fn is_restored(&self, place: &Place<'_>) -> Result<bool, Error> {
        if self.storage.get(&restored_key(place))?.is_some() {
            return Ok(true);
        }
        let Some(guard) = &self.guard else { return Ok(false) };
        let at = self.guard_place(place);
        // First the guard: a store that is read later knows every mark that was set before.
        let mut known = guard.read(&at)?;
        for _ in 0..ATTEMPTS {
            let history = self.history(place)?;
            let next = match (known, &history) {
                (None, None) => return Ok(false),
                // Older than the guard, whose first mark came to nothing.
                (Some(known), None) if known.count == 0 => return Ok(false),
                (Some(known), Some(history)) if known == history.newest() => return Ok(false),
                (Some(known), Some(history)) if history.contains(known) => {
                    match guard.compare_and_set(&at, Some(known), history.newest())? {
                        MarkExchange::Done => return Ok(false),
                        MarkExchange::Found(other) => other,
                    }
                }
                _ => guard.read(&at)?,
            };
            if next == known && self.restore(place, history.as_ref(), known)? {
                return Ok(true);
            }
            known = next;
        }
        Err(StorageError::Busy.into())
    }

    /// Marks the group as restored, because the guard has a mark that is not in its history. `false`: the history is not
    /// this one any more, as when the group was joined anew meanwhile.
    fn restore(
        &self,
        place: &Place<'_>,
        history: Option<&History>,
        guard: Option<RollbackMark>,
    ) -> Result<bool, Error> {
        let mut batch = VecBatch::new();
        batch.guard_present(place.key(&RecordKey::Head));
        // In one store its number only grows, so a version stands for one state.
        match history {
            Some(history) => batch.guard_version(History::key(place), history.newest().count),
            None => batch.guard_absent(History::key(place)),
        };
        batch.put(restored_key(place), self.rolled_back_row(guard)?);
        match self.storage.apply(&mut batch) {
            Ok(()) => Ok(true),
            Err(StorageError::Conflict { kind: RecordKind::Meta }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Adds the group's next mark to a batch; nothing without a guard.
    pub(crate) fn next_mark(&self, place: &Place<'_>, batch: &mut VecBatch) -> Result<Option<Move>, Error> {
        let Some(guard) = &self.guard else { return Ok(None) };
        let at = self.guard_place(place);
        let key = History::key(place);
        let before = match self.history(place)? {
            Some(history) => {
                batch.guard_version(key, history.newest().count);
                history
            }
            None => {
                // A store that had no guard yet.
                batch.guard_absent(key);
                self.first_mark(&**guard, &at)?
            }
        };
        let from = Some(before.newest());
        let history = before.next(0, &*self.provider.random)?;
        batch.put(key, history.to_row());
        Ok(Some(Move { from, history }))
    }

    /// The mark with which a group begins that the guard has not seen: it is set before there is a row, so that a missing
    /// record always means a lost one.
    fn first_mark(&self, guard: &dyn RollbackGuard, at: &GuardPlace<'_>) -> Result<History, Error> {
        let mark = History::first(&*self.provider.random)?;
        match guard.read(at)? {
            // Begun before, and not finished.
            Some(begun) if begun.count == 0 => Ok(History::of(begun)),
            Some(_) => Err(crate::ApiMisuse::Restored.into()),
            None => match guard.compare_and_set(at, None, mark)? {
                MarkExchange::Done => Ok(History::of(mark)),
                MarkExchange::Found(_) => Err(StorageError::Busy.into()),
            },
        }
    }

    /// Moves the guard after a batch. Only what [`Settled::Followed`] allows may leave.
    pub(crate) fn settle(&self, place: &Place<'_>, moved: Option<Move>) -> Result<Settled, Error> {
        let (Some(guard), Some(Move { from, history })) = (&self.guard, moved) else {
            return Ok(Settled::Followed);
        };
        let own = history.newest();
        let at = self.guard_place(place);
        let mut expected = from;
        for _ in 0..ATTEMPTS {
            let found = match guard.compare_and_set(&at, expected, own)? {
                MarkExchange::Done => return Ok(Settled::Followed),
                MarkExchange::Found(found) => found,
            };
            let known = match found {
                Some(mark) if mark == own => return Ok(Settled::Followed),
                // A handle on this store that is not done yet, or was killed.
                Some(mark) if history.contains(mark) => {
                    expected = found;
                    continue;
                }
                mark => mark,
            };
            match self.history(place)? {
                // Another lineage: the group was deleted, or joined anew from what may be a copy. (Or so many others
                // wrote since that nobody can tell.)
                None => return Ok(Settled::Replaced),
                Some(later) if !later.contains(own) => return Ok(Settled::Replaced),
                // One that went on from here and was faster.
                Some(later) if known.is_some_and(|mark| later.contains(mark)) => {
                    return Ok(Settled::Followed);
                }
                Some(later) => {
                    if self.restore(place, Some(&later), known)? {
                        return Ok(Settled::Restored);
                    }
                }
            }
        }
        Err(StorageError::Busy.into())
    }

    /// What the batch that creates or joins a group adds.
    pub(crate) fn enter_marked(
        &self,
        place: &Place<'_>,
        keys: Keys,
        batch: &mut VecBatch,
    ) -> Result<Entry, Error> {
        let Some(guard) = &self.guard else { return Ok(Entry::Unguarded) };
        let at = self.guard_place(place);
        let key = History::key(place);
        let known = guard.read(&at)?;
        let before = self.history(place)?;
        // What another handle writes now is neither lost from the history nor taken for this entry.
        match &before {
            Some(before) => batch.guard_version(key, before.newest().count),
            None => batch.guard_absent(key),
        };
        let count = before.as_ref().map_or(0, |before| before.newest().count);
        let begun = match (known, before) {
            (None, None) => self.first_mark(&**guard, &at)?,
            (Some(mark), _) if mark.count == 0 => History::of(mark),
            // The store is the one that the guard was last moved by.
            (Some(mark), Some(before)) if before.contains(mark) => before,
            (known, _) if self.are_new(place, keys, known)? => match known {
                Some(mark) => History::of(mark),
                None => self.first_mark(&**guard, &at)?,
            },
            (known, _) => {
                batch.put(restored_key(place), self.rolled_back_row(known)?);
                return Ok(Entry::Restored);
            }
        };
        let from = Some(known.unwrap_or(begun.newest()));
        let history = begun.next(count, &*self.provider.random)?;
        batch.put(key, history.to_row());
        Ok(Entry::Known(Move { from, history }))
    }

    /// Whether no copy of this store can have entered the group by these keys, though the guard has a mark that the group's
    /// rows do not know.
    fn are_new(&self, place: &Place<'_>, keys: Keys, guard: Option<RollbackMark>) -> Result<bool, Error> {
        if let Some(mark) = guard
            && self.history_in(place, Source::Tombstone)?.is_some_and(|history| history.contains(mark))
        {
            return Ok(true);
        }
        Ok(match keys {
            Keys::Fresh => true,
            Keys::SinceMark(mark) => mark == guard,
            Keys::KeyPackage(made) => {
                self.found(place)?.is_some_and(|found| made > found.newest_key_package && found.mark == guard)
            }
        })
    }

    /// Moves the guard after a group was created or joined; whether the group is restored.
    pub(crate) fn entered(&self, place: &Place<'_>, entry: Entry) -> Result<bool, Error> {
        match entry {
            Entry::Unguarded => Ok(false),
            Entry::Restored => Ok(true),
            Entry::Known(moved) => match self.settle(place, Some(moved))? {
                Settled::Followed => Ok(false),
                Settled::Restored => Ok(true),
                Settled::Replaced => Err(StorageError::Conflict { kind: RecordKind::Head }.into()),
            },
        }
    }

    /// The guard's mark now, to be kept with an external Commit that is built.
    pub(crate) fn guard_mark(&self, place: &Place<'_>) -> Result<Option<RollbackMark>, Error> {
        match &self.guard {
            Some(guard) => Ok(guard.read(&self.guard_place(place))?),
            None => Ok(None),
        }
    }

    fn history(&self, place: &Place<'_>) -> Result<Option<History>, Error> {
        self.history_in(place, Source::Group)
    }

    /// The marks that a group's row, or its tombstone, has.
    pub(crate) fn history_in(&self, place: &Place<'_>, source: Source) -> Result<Option<History>, Error> {
        match source {
            Source::Group => {
                let row = self.storage.get(&History::key(place))?;
                Ok(row.map(|row| History::from_row(&row)).transpose()?)
            }
            Source::Tombstone => Ok(self.tombstone(place.group)?.and_then(|tombstone| tombstone.history)),
        }
    }
}
