//! A Commit made here and not merged yet: as a value, and as the row that outlives a crash.
//!
//! The row holds the very batch that merging applies, so merging after a restart needs nothing else: no tree, no key.

use crate::commit::WelcomePart;
use crate::pending_row::{read_changes, read_summary, write_changes, write_summary};
use crate::row::{Reader, Writer};
use crate::{
    Change, Changes, CredentialCheck, Effect, GroupError, GroupState, HeadSummary, IncompatibleError,
    MembershipChanges, MisuseError, RecordKey, RowError, RowKind, Step,
};
use alloc::{boxed::Box, vec::Vec};
use core::fmt;
use pleach_crypto::CryptoProvider;
use pleach_wire::WelcomeParts;
use zeroize::Zeroizing;

const FORMAT: u8 = 1;

/// A Commit made by this client.
#[derive(Clone)]
pub struct PendingCommit {
    pub(crate) hash: Vec<u8>,
    pub(crate) epoch: u64,
    pub(crate) message: Vec<u8>,
    pub(crate) welcomes: Vec<WelcomePart>,
    pub(crate) group_info: Option<Vec<u8>>,
    pub(crate) summary: MembershipChanges,
    pub(crate) credentials: Vec<CredentialCheck>,
    pub(crate) merge: Changes,
    /// The state that merging leads to; `None` after a restart.
    pub(crate) next: Option<Box<GroupState>>,
}

impl fmt::Debug for PendingCommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingCommit")
            .field("epoch", &self.epoch)
            .field("message", &self.message.len())
            .field("welcomes", &self.welcomes.len())
            .finish_non_exhaustive()
    }
}

impl PendingCommit {
    /// The hash of its message: its name.
    #[must_use]
    pub fn hash(&self) -> &[u8] {
        &self.hash
    }

    /// The epoch it was made in.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The MLSMessage to send.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// The Welcomes, to be sent once the Commit is accepted (R228).
    #[must_use]
    pub fn welcomes(&self) -> &[WelcomePart] {
        &self.welcomes
    }

    /// The Welcome for one new member alone, by its KeyPackageRef (R249): `None` if the Commit adds no such member. A copy of
    /// its secrets and of the encrypted GroupInfo; O(n) to find it, so who delivers to all uses
    /// [`PendingCommit::split_welcomes`].
    ///
    /// # Errors
    /// [`crate::RowError`] if what was stored is no Welcome.
    pub fn welcome_for(&self, key_package_ref: &[u8]) -> Result<Option<Vec<u8>>, GroupError> {
        for welcome in &self.welcomes {
            if let Some(at) = welcome.recipients.iter().position(|recipient| recipient == key_package_ref) {
                return Ok(parts(welcome)?.message(at..at.saturating_add(1)));
            }
        }
        Ok(None)
    }

    /// The Welcomes, each for at most so many new members (R249), in the order of the Adds. Each is made when it is asked for:
    /// nothing is encrypted anew.
    ///
    /// # Errors
    /// [`crate::RowError`] if what was stored is no Welcome.
    pub fn split_welcomes(
        &self,
        members: usize,
    ) -> Result<impl Iterator<Item = WelcomePart> + '_, GroupError> {
        let members = members.max(1);
        let all = self.welcomes.iter().map(|welcome| Ok((welcome, parts(welcome)?)));
        let all: Vec<_> = all.collect::<Result<_, GroupError>>()?;
        Ok(all.into_iter().flat_map(move |(welcome, parts)| {
            let groups = welcome.recipients.chunks(members).enumerate();
            groups.filter_map(move |(group, recipients)| {
                let first = group.saturating_mul(members);
                let message = parts.message(first..first.saturating_add(recipients.len()))?;
                Some(WelcomePart { message, recipients: recipients.to_vec() })
            })
        }))
    }

    /// The GroupInfo of the new epoch, if it was asked for.
    #[must_use]
    pub fn group_info(&self) -> Option<&[u8]> {
        self.group_info.as_deref()
    }

    /// What merging it will change.
    #[must_use]
    pub fn summary(&self) -> &MembershipChanges {
        &self.summary
    }

    /// The credentials to be answered for before it is sent (R025). None after a restart: they were answered.
    #[must_use]
    pub fn credentials(&self) -> &[CredentialCheck] {
        &self.credentials
    }

    /// The row.
    ///
    /// # Errors
    /// [`MisuseError::TooLong`].
    pub fn to_row(&self) -> Result<Zeroizing<Vec<u8>>, GroupError> {
        let Self { hash, epoch, message, welcomes, group_info, summary, credentials: _, merge, next: _ } =
            self;
        let mut row = Writer::new(0, FORMAT);
        row.bytes(hash);
        row.u64(*epoch);
        row.bytes(message);
        row.u32(welcomes.len() as u32);
        for WelcomePart { message, recipients } in welcomes {
            row.bytes(message);
            row.u32(recipients.len() as u32);
            recipients.iter().for_each(|recipient| row.bytes(recipient));
        }
        row.optional(group_info.as_deref());
        write_summary(&mut row, summary)?;
        write_changes(&mut row, merge)?;
        Ok(row.finish())
    }

    /// Reads the row, which is of this kind: [`RowKind::PendingCommit`] or [`RowKind::PendingExternalCommit`].
    ///
    /// # Errors
    /// [`crate::RowError`].
    pub fn from_row(kind: RowKind, row: &[u8]) -> Result<Self, GroupError> {
        let (_, mut row) = Reader::new(kind, row, FORMAT)?;
        let hash = row.bytes()?.to_vec();
        let epoch = row.u64()?;
        let message = row.bytes()?.to_vec();
        let mut welcomes = Vec::new();
        for _ in 0..row.count(8)? {
            let message = row.bytes()?.to_vec();
            let mut recipients = Vec::new();
            for _ in 0..row.count(4)? {
                recipients.push(row.bytes()?.to_vec());
            }
            welcomes.push(WelcomePart { message, recipients });
        }
        let group_info = row.optional()?.map(<[u8]>::to_vec);
        let summary = read_summary(&mut row)?;
        let merge = read_changes(&mut row)?;
        row.end()?;
        Ok(Self {
            hash,
            epoch,
            message,
            welcomes,
            group_info,
            summary,
            credentials: Vec::new(),
            merge,
            next: None,
        })
    }

    /// Checks that the group which an external Commit joins can be opened: that its suite is there, and what it was.
    ///
    /// # Errors
    /// [`IncompatibleError::CipherSuite`]; [`CryptoError::SuiteChanged`](pleach_crypto::CryptoError::SuiteChanged).
    pub fn check_suite(&self, provider: &CryptoProvider) -> Result<(), GroupError> {
        let head = self.merge.rows.iter().find_map(|change| match change {
            Change::Put(RecordKey::Head, row) => Some(row),
            _ => None,
        });
        let head = HeadSummary::from_row(head.ok_or(RowError::impossible(RowKind::PendingExternalCommit))?)?;
        let suite = provider.suite(head.suite).map_err(IncompatibleError::CipherSuite)?;
        Ok(suite.check_stored(head.algorithms)?)
    }

    /// The batch of an external Commit, which no state precedes.
    #[must_use]
    pub fn join(self) -> Step<Option<GroupState>> {
        Step { changes: self.merge, effect: Effect::None, output: self.next.map(|next| *next) }
    }
}

fn parts(welcome: &WelcomePart) -> Result<WelcomeParts<'_>, GroupError> {
    Ok(WelcomeParts::new(&welcome.message).map_err(|_| RowError::impossible(RowKind::PendingCommit))?)
}

impl GroupState {
    /// Merges a Commit made here. The effect is [`Effect::Reopen`] if it was read from its row.
    ///
    /// # Errors
    /// [`MisuseError::Stale`] if it was made in another epoch.
    pub fn merge_pending(&self, pending: PendingCommit) -> Result<Step<MembershipChanges>, GroupError> {
        if pending.epoch != self.epoch() {
            return Err(MisuseError::Stale.into());
        }
        let effect = match pending.next {
            Some(next) if next.head.version == self.head.version.saturating_add(1) => Effect::Next(next),
            _ => Effect::Reopen,
        };
        Ok(Step { changes: pending.merge, effect, output: pending.summary })
    }

    /// Discards a Commit made here: its keys are erased.
    #[must_use]
    pub fn discard_pending(&self, hash: &[u8]) -> Step<()> {
        let mut changes = Changes::default();
        changes.guard(self.guard_head());
        changes.erase(RecordKey::PendingCommit(hash.to_vec()));
        Step { changes, effect: Effect::None, output: () }
    }
}
