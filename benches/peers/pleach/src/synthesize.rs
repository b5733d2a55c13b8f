//! A fully populated group of any size, for all libraries: the same members, keys and signatures for the same seed.

use crate::library::Pleach;
use peer_harness::{Library, Meta, Result, write_messages};
use pleach::wire::{LeafIndex, encode};
use pleach_testkit::random::SeededRandom;
use pleach_testkit::synthetic::populated;
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

const GROUP: &str = "synthetic";
const HOUR: u64 = 3_600;
/// The largest group that is created with one Commit, which needs a KeyPackage for each member: a million would take minutes to
/// make, and hours to add for others.
const LARGEST_CREATED: u32 = 200_000;
/// Of the strangers' KeyPackages: OpenMLS takes no more than twelve weeks.
const LIFETIME: u64 = 80 * 24 * HOUR;

/// Writes `tree`, `group_info`, `key_packages` and, last, `meta.json`.
pub(crate) fn run(library: &Pleach, n: u32, parties: u32, seed: u64, out: &Path) -> Result<()> {
    let suite = library.cipher_suite()?;
    fs::create_dir_all(out)?;
    if n >= 10 {
        let (blanks, pair, last) = blanks(n, parties, seed)?;
        let leaves: Vec<LeafIndex> = blanks.iter().copied().map(LeafIndex).collect();
        let members = n - u32::try_from(leaves.len())?;
        let tree = populated(&suite, members, &leaves, GROUP.as_bytes(), seed);
        fs::write(out.join("tree"), encode(&tree.nodes)?)?;
        fs::write(out.join("group_info"), tree.group_info(&suite, seed))?;
        let meta = Meta { n, suite: library.suite(), blanks, pair, last, group_id: GROUP.to_owned(), seed };
        drop(tree);
        write_key_packages(library, n, out)?;
        Ok(fs::write(out.join("meta.json"), serde_json::to_vec_pretty(&meta)?)?)
    } else {
        // All members of a small group are measured ones: only the KeyPackages are needed.
        write_key_packages(library, n, out)?;
        let (blanks, pair) = (Vec::new(), [0, 1]);
        let meta =
            Meta { n, suite: library.suite(), blanks, pair, last: n - 1, group_id: GROUP.to_owned(), seed };
        Ok(fs::write(out.join("meta.json"), serde_json::to_vec_pretty(&meta)?)?)
    }
}

/// Those who will join are at odd leaves, drawn uniformly, the last leaf among them; one of them has the leaf beside it, too.
fn blanks(n: u32, parties: u32, seed: u64) -> Result<(Vec<u32>, [u32; 2], u32)> {
    if !n.is_multiple_of(2) {
        return Err("the number of members must be even".into());
    }
    let random = SeededRandom::new(seed);
    let draw = |below: u32| u32::try_from(random.below(below as usize)).unwrap_or_default();
    let last = n - 1;
    // Not the first: leaf 0 signs the GroupInfo. Not the last, either.
    let even = 2 * (1 + draw(n / 2 - 2));
    let mut blanks = BTreeSet::from([even, even + 1, last]);
    let most = parties.clamp(3, n / 2 + 1) as usize;
    while blanks.len() < most {
        blanks.insert(2 * draw(n / 2) + 1);
    }
    Ok((blanks.into_iter().collect(), [even, even + 1], last))
}

fn write_key_packages(library: &Pleach, n: u32, out: &Path) -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let lifetime = (now - HOUR, now + LIFETIME);
    let strangers = if n > LARGEST_CREATED { 1..1 } else { 1..n };
    let made: Result<Vec<Vec<u8>>> = strangers
        .into_par_iter()
        .map(|leaf| library.stranger_for(&format!("stranger {leaf}"), lifetime))
        .collect();
    write_messages(&out.join("key_packages"), &made?)
}
