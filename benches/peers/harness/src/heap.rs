//! Resident memory of one member, in a process of its own.
//!
//! The member joins the synthetic group by an external Commit, with its records in an SQLite file, so that the store is not
//! counted. "heap" is what the resident set has grown by, from before the tree was read to after the join, when GroupInfo, tree
//! and Commit are dropped: what the allocator has not given back to the kernel is in it. "heap_used" is what dropping the group
//! frees, as glibc counts it: without what SQLite keeps of the file, some 2 MB. "heap_peak" is what the peak has grown by, the
//! tree's encoding included. To be run with the allocator of the system, glibc's, which "heap_used" asks.

use crate::limit::Limit;
use crate::output::{Line, PerfRow, Temperature, Tree, Who, print};
use crate::synthetic::Synthetic;
use crate::{Failure, Library, Place, Result};
use malloc_info::info::{SystemType, TotalType};
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
    if group.epoch() == 0 {
        return Err(Failure::from("an external Commit leads to the second epoch at least"));
    }
    let with_group = used()?;
    drop(group);
    let without_group = used()?;
    for (operation, bytes) in [
        ("heap", after.now.saturating_sub(before.now)),
        ("heap_used", with_group.saturating_sub(without_group)),
        ("heap_peak", after.peak.saturating_sub(before.now)),
    ] {
        print(&Line::Perf(PerfRow {
            rss_bytes: bytes,
            ..PerfRow::new(library, n, operation, Tree::Populated, Temperature::Warm, 0)
        }));
    }
    print(&Line::Done { who: Some(Who::new(library)), n });
    Ok(())
}

/// Bytes that are allocated: all that the allocator has, without what is free in it.
fn used() -> Result<u64> {
    let info = malloc_info::malloc_info()?;
    let of = |wanted: TotalType| -> usize {
        info.total.iter().filter(|total| total.r#type == wanted).map(|total| total.size).sum()
    };
    let current = info.system.iter().filter(|system| system.r#type == SystemType::Current);
    let all = current.map(|system| system.size).sum::<usize>() + of(TotalType::Mmap);
    Ok(u64::try_from(all.saturating_sub(of(TotalType::Fast) + of(TotalType::Rest)))?)
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
