//! Opening a stored group and sending one message, in a process that does nothing else.

use crate::meter::Meter;
use crate::output::{Line, Row, Temperature, Tree, print};
use crate::storage::{GROUP, TEXT};
use crate::{Counts, Failure, Library, Place, Result};
use std::path::Path;
use std::process::{Command, Stdio};

/// The name of the operation.
pub(crate) const OPEN_SEND: &str = "open and send";

/// Starts this program again for the work, and waits. It prints its row itself.
pub(crate) fn spawn(store: &Path, identity: &Path, n: u32, sample: u32) -> Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("open-send").arg("--store").arg(store).arg("--identity").arg(identity);
    command.args(["--n", &n.to_string(), "--sample", &sample.to_string()]).stdin(Stdio::null());
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(Failure::from(format!("{OPEN_SEND}: {status}"))) }
}

/// Does the work.
pub(crate) fn run(library: &dyn Library, store: &Path, identity: &Path, n: u32, sample: u32) -> Result<()> {
    let identity = std::fs::read(identity)?;
    let meter = Meter::start(Counts::default());
    let party = library.party(&identity, Place::File(store))?;
    let message = party.load(GROUP)?.send(TEXT)?;
    let cost = meter.stop(party.counts());
    let mut row = Row::new(n, (OPEN_SEND, Tree::Populated, Temperature::Cold), sample, &cost);
    row.message_bytes = message.len();
    print(&Line::Row(row));
    Ok(())
}
