//! Resident memory of one member, in a process of its own.
//!
//! The member joins the synthetic group by an external Commit, with its records in an SQLite file, so that the store is not
//! counted. "heap" is what the resident set has grown by, from before the tree was read to after the join, when GroupInfo, tree
//! and Commit are dropped: what the allocator has not given back to the kernel is in it. "heap_peak" is what the peak has grown by,
//! the tree's encoding included.

use crate::limit::Limit;
use crate::output::{Line, PerfRow, Temperature, Tree, Who, print};
use crate::synthetic::Synthetic;
use crate::{Failure, Library, Place, Result};
use std::fs;
use std::path::Path;

/// Joins, and prints what it took.
pub(crate) fn run(library: &dyn Library, n: u32, directory: &Path, limit: &Limit) -> Result<()> {
    let synthetic = Synthetic::open(directory, n, library.suite())?;
    let place = tempfile::tempdir()?;
    let party = library.party(&library.identity("measured")?, Place::File(&place.path().join("store")))?;
    let before = Resident::now()?;
    let group = {
        let (group_info, tree) = (synthetic.group_info()?, synthetic.tree()?);
        let (mut group, _) = limit.step(n, "heap", || party.join_externally(&group_info, &tree))?;
        group.save()?;
        group
    };
    let after = Resident::now()?;
    for (operation, bytes) in
        [("heap", after.now.saturating_sub(before.now)), ("heap_peak", after.peak.saturating_sub(before.now))]
    {
        print(&Line::Perf(PerfRow {
            rss_bytes: bytes,
            ..PerfRow::new(library, n, operation, Tree::Populated, Temperature::Warm, 0)
        }));
    }
    // So that it is alive until here.
    if group.epoch() == 0 {
        return Err(Failure::from("an external Commit leads to the second epoch at least"));
    }
    print(&Line::Done { who: Some(Who::new(library)), n });
    Ok(())
}

struct Resident {
    now: u64,
    peak: u64,
}

impl Resident {
    fn now() -> Result<Self> {
        let status = fs::read_to_string("/proc/self/status")?;
        let field = |name: &str| -> Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib =
                line.and_then(|line| line.trim().strip_suffix("kB")).ok_or("no such field in status")?;
            Ok(kib.trim().parse::<u64>()? * 1024)
        };
        Ok(Self { now: field("VmRSS:")?, peak: field("VmHWM:")? })
    }
}
