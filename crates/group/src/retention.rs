//! Forgetting what was kept long enough, without a Commit: past epochs (RFC 9420 §9.2, §15.3, R144, R269).
//!
//! Merging a Commit forgets too, by the same rule. But a group in which nobody commits would keep old keys for ever, and
//! time passes without a message; so the application sweeps now and then.
//!
//! Invariant: the head stays as it is, so that pending Commits, which spell out the next head, can still be merged. It names
//! epochs whose rows are gone until then; their messages are refused as those of epochs that never were kept.
//!
//! Cost: one row read for each past epoch, one batch if there is anything to erase.

use crate::epoch::{first_psk, forget_epoch};
use crate::{Changes, Effect, Env, GroupState, RecordKey, Rows, Step, StepResult};
use alloc::vec::Vec;

impl GroupState {
    /// Erases what past epochs left, skipped keys among it, where they are too many or too old for the configuration. The
    /// output names them; if there are none, nothing is to be written.
    ///
    /// # Errors
    /// None but [`Need`](crate::Need).
    pub fn expire(&self, env: &Env<'_>, rows: &Rows) -> StepResult<Step<Vec<u64>>> {
        let past = &self.head.past;
        let surplus = past.len().saturating_sub(env.config.past_epochs);
        let old = past.iter().enumerate().filter(|(position, past)| {
            *position < surplus || env.now.saturating_sub(past.left) > env.config.past_epoch_age
        });
        let old: Vec<u64> = old.map(|(_, past)| past.epoch).collect();
        rows.require(old.iter().map(|epoch| RecordKey::Epoch(*epoch)))?;
        let mut changes = Changes::default();
        let mut gone = Vec::new();
        for epoch in old {
            if rows.read(RecordKey::Epoch(epoch))?.is_some() {
                forget_epoch(&mut changes, epoch);
                gone.push(epoch);
            }
        }
        if !gone.is_empty() {
            changes.guard(self.guard_head());
        }
        Ok(Step { changes, effect: Effect::None, output: gone })
    }

    /// The oldest epoch whose resumption PSK the configuration keeps now (RFC 9420 §8.6, R133).
    #[must_use]
    pub fn first_resumption_psk(&self, env: &Env<'_>) -> u64 {
        first_psk(env.config, self.epoch())
    }
}
