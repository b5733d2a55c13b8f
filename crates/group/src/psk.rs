//! Pre-shared keys (RFC 9420 §8.4): which may be named where, and where their values are.

use crate::row::{Reader, Writer};
use crate::{
    GroupError, GroupState, IncompatibleError, MisbehaviorError, RecordKey, RowKind, Rows, StepResult,
};
use alloc::{collections::BTreeSet, vec::Vec};
use pleach_crypto::{CipherSuite, Secret};
use pleach_key_schedule::{check_psk_nonce, psk_secret};
use pleach_wire::{PreSharedKeyId, Psk, ResumptionPskUsage};
use zeroize::Zeroizing;

const FORMAT: u8 = 1;

/// The row of a PSK's value, external or resumption.
#[must_use]
pub fn psk_row(value: &Secret) -> Zeroizing<Vec<u8>> {
    let mut row = Writer::new(0, FORMAT);
    row.bytes(value.as_bytes());
    row.finish()
}

/// Reads the row of a PSK, of the kind of its [`psk_record`].
///
/// # Errors
/// [`crate::RowError`].
pub fn psk_from_row(kind: RowKind, row: &[u8]) -> Result<Secret, GroupError> {
    let (_, mut row) = Reader::new(kind, row, FORMAT)?;
    let value = Secret::copy_from(row.bytes()?);
    row.end()?;
    Ok(value)
}

/// The row that holds the value of a PSK.
#[must_use]
pub fn psk_record(psk: &Psk) -> RecordKey {
    match psk {
        Psk::External { psk_id } => RecordKey::ExternalPsk(psk_id.to_vec()),
        Psk::Resumption { psk_group_id, psk_epoch, .. } => {
            RecordKey::ResumptionPsk(psk_group_id.to_vec(), *psk_epoch)
        }
    }
}

/// Which uses of resumption PSKs are allowed (R130, R135, R173, R177).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Usage {
    /// `application` alone: in proposals.
    Application,
    /// One of `reinit` or `branch`, too: in the first Commit of a successor, and its Welcome.
    Successor,
}

/// Checks form and usage of a list of PSKs (R127, R130, R131, R135).
pub(crate) fn check_psks<'p>(
    suite: &CipherSuite,
    psks: impl Iterator<Item = &'p PreSharedKeyId> + Clone,
    usage: Usage,
) -> Result<(), GroupError> {
    if psks.clone().count() > usize::from(u16::MAX) {
        return Err(MisbehaviorError::TooManyPsks.into()); // PSKLabel counts in 16 bits (§8.4)
    }
    let mut successors = 0;
    let mut seen = BTreeSet::new();
    for id in psks {
        check_psk_nonce(suite, id).map_err(|_| MisbehaviorError::PskNonce)?; // R127
        if let Psk::Resumption { usage: of, .. } = &id.psk
            && *of != ResumptionPskUsage::Application
        {
            if usage == Usage::Application {
                return Err(MisbehaviorError::PskUsage.into()); // R130, R173, R177
            }
            successors += 1;
        }
        if !seen.insert(id) {
            return Err(MisbehaviorError::DuplicatePsk.into()); // R131
        }
    }
    if successors > 1 {
        return Err(MisbehaviorError::SeveralResumptionPsks.into()); // R135
    }
    Ok(())
}

/// The `psk_secret` of a list of PSKs, whose values are in `rows` (R126, R128, R132, R134).
pub(crate) fn psk_secret_of(
    suite: &CipherSuite,
    rows: &Rows,
    psks: &[PreSharedKeyId],
    state: Option<&GroupState>,
) -> StepResult<Secret> {
    // The own epoch's resumption PSK is at hand; all others have rows.
    let here = |psk: &Psk| match (psk, state) {
        (Psk::Resumption { psk_group_id, psk_epoch, .. }, Some(state))
            if **psk_group_id == *state.group_id() && *psk_epoch == state.epoch() =>
        {
            state.secrets().ok().map(|secrets| secrets.resumption_psk().clone())
        }
        _ => None,
    };
    rows.require(psks.iter().filter(|id| here(&id.psk).is_none()).map(|id| psk_record(&id.psk)))?;
    let mut values = Vec::with_capacity(psks.len());
    for id in psks {
        let value = match here(&id.psk) {
            Some(value) => value,
            None => {
                let name = psk_record(&id.psk);
                let kind = name.kind();
                psk_from_row(kind, rows.read(name)?.ok_or(IncompatibleError::MissingPsk)?)? // R132, R134
            }
        };
        values.push((id.clone(), value));
    }
    Ok(psk_secret(suite, &values)?)
}
