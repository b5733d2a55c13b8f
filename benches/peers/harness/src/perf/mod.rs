//! CPU and wall time of every operation, everything in memory and everything crossing as wire bytes.
//!
//! Three parts, each only if one of its operations is wanted: key packages; a populated tree ([`populated`]); a tree as one
//! Commit made it ([`fresh`]). The last comes last, since creating a large group is what takes others longest. Each part ends with
//! all members asked for the epoch's authenticator: the run fails if they differ.
//!
//! A sample of something short is the mean of many: `operations` says of how many.

mod cast;
mod fresh;
mod messages;
mod populated;

use crate::clock::{Clock, Spent};
use crate::limit::Limit;
use crate::output::{Line, PerfRow, Temperature, Tree, Who, print};
use crate::synthetic::Synthetic;
use crate::{Change, Commit, Counts, Failure, Group, Library, Party, Place, Result, TreeAt};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How many key packages one sample is the mean of.
const KEY_PACKAGES: u32 = 20;

/// What to measure.
pub(crate) struct Plan {
    /// Members of the group.
    pub(crate) n: u32,
    /// Names of operations; empty for all.
    pub(crate) ops: Vec<String>,
    /// How often each is repeated at most.
    pub(crate) samples: u32,
    /// After how long nothing in a part is repeated.
    pub(crate) patience: Duration,
    /// Where the synthetic group is.
    pub(crate) synthetic: Option<PathBuf>,
}

/// Measures everything for one size.
pub(crate) fn run(library: &dyn Library, plan: &Plan, limit: &Limit) -> Result<()> {
    if plan.n < 2 {
        return Err(Failure::from("a group that is measured has two members at least"));
    }
    let synthetic = match &plan.synthetic {
        Some(directory) => Some(Synthetic::open(directory, plan.n, library.suite())?),
        None => None,
    };
    let began = Cell::new(Instant::now());
    let bench = Bench { library, plan, limit, began, synthetic, samples: RefCell::default() };
    if bench.wanted("key_package") {
        bench.key_packages()?;
    }
    if populated::OPERATIONS.iter().any(|operation| bench.wanted(operation)) {
        populated::run(&bench)?;
    }
    if fresh::OPERATIONS.iter().any(|operation| bench.wanted(operation)) {
        fresh::run(&bench)?;
    }
    print(&Line::Done { who: Some(Who::new(library)), n: plan.n });
    Ok(())
}

struct Bench<'a> {
    library: &'a dyn Library,
    plan: &'a Plan,
    limit: &'a Limit,
    /// When the part of the work began.
    began: Cell<Instant>,
    synthetic: Option<Synthetic>,
    /// How many rows an operation has already.
    samples: RefCell<HashMap<(String, Tree), u32>>,
}

/// A party and its group.
struct Member {
    party: Box<dyn Party>,
    group: Box<dyn Group>,
    leaf: u32,
}

/// What a step took: the work, and what storing took where that is a step of its own.
#[derive(Clone, Copy, Default)]
struct Cost {
    work: Spent,
    save: Spent,
    rows: u64,
    bytes: u64,
}

impl Cost {
    fn and(self, other: Self) -> Self {
        Self {
            work: self.work + other.work,
            save: self.save + other.save,
            rows: self.rows + other.rows,
            bytes: self.bytes + other.bytes,
        }
    }

    fn stored(self, counts: Counts) -> Self {
        Self { rows: counts.rows_written, bytes: counts.bytes_written, ..self }
    }

    /// The mean, if this is the sum of so many.
    fn each(self, count: u32) -> Self {
        let by = u64::from(count.max(1));
        Self {
            work: self.work / count,
            save: self.save / count,
            rows: self.rows / by,
            bytes: self.bytes / by,
        }
    }
}

/// A measured operation: its name, on which tree, first or later.
type What<'a> = (&'a str, Tree, Temperature);

/// What a row says besides what the operation took.
#[derive(Clone, Copy, Default)]
struct Note {
    wire: usize,
    welcome: usize,
    nodes_above: u32,
    levels: u32,
    seals: u32,
    operations: u32,
}

impl Bench<'_> {
    fn wanted(&self, operation: &str) -> bool {
        self.plan.ops.is_empty() || self.plan.ops.iter().any(|wanted| wanted == operation)
    }

    /// A part begins: what came before takes none of its time.
    fn begin(&self) {
        self.began.set(Instant::now());
    }

    /// Whether there is time to do something once more.
    fn goes_on(&self, turn: u32) -> bool {
        turn == 0 || (turn < self.plan.samples && !self.is_late())
    }

    fn is_late(&self) -> bool {
        self.began.get().elapsed() > self.plan.patience
    }

    fn party(&self, name: &str) -> Result<Box<dyn Party>> {
        self.library.party(&self.library.identity(name)?, Place::Memory)
    }

    /// Prints a row, and, where storing is apart, a second one without it.
    fn row(&self, what: What<'_>, cost: Cost, note: Note) {
        let (operation, tree, temperature) = what;
        if !self.wanted(operation) {
            return;
        }
        let sample = {
            let mut samples = self.samples.borrow_mut();
            let next = samples.entry((operation.to_owned(), tree)).or_default();
            *next += 1;
            *next - 1
        };
        let mut row = PerfRow::new(self.library, self.plan.n, operation, tree, temperature, sample);
        let all = cost.work + cost.save;
        (row.cpu_ns, row.paces, row.wall_ns) = (all.cpu_ns, all.paces, all.wall_ns);
        (row.stored_rows, row.stored_bytes) = (cost.rows, cost.bytes);
        let Note { wire, welcome, nodes_above, levels, seals, operations } = note;
        (row.wire_bytes, row.welcome_bytes) = (wire, welcome);
        (row.nodes_above, row.levels) = (nodes_above, levels);
        (row.seals, row.operations) = (seals, operations.max(1));
        print(&Line::Perf(row.clone()));
        if self.library.saves_apart() && cost.save.wall_ns > 0 {
            row.operation.push_str("_unstored");
            (row.cpu_ns, row.paces, row.wall_ns) = (cost.work.cpu_ns, cost.work.paces, cost.work.wall_ns);
            (row.stored_rows, row.stored_bytes) = (0, 0);
            print(&Line::Perf(row));
        }
    }

    /// Does something with a member's group, and stores it.
    fn step<T>(
        &self,
        name: &'static str,
        member: &mut Member,
        work: impl FnOnce(&mut dyn Group) -> Result<T>,
    ) -> Result<(T, Cost)> {
        let Member { party, group, .. } = member;
        self.limit.step(self.plan.n, name, || {
            let before = party.counts();
            let clock = Clock::start();
            let result = work(&mut **group)?;
            let worked = clock.stop();
            let clock = Clock::start();
            group.save()?;
            let cost = Cost { work: worked, save: clock.stop(), ..Cost::default() };
            Ok((result, cost.stored(party.counts() - before)))
        })
    }

    /// Joins with a party's own means, and stores the group.
    fn join<T>(
        &self,
        name: &'static str,
        party: &dyn Party,
        join: impl FnOnce() -> Result<(Box<dyn Group>, T)>,
    ) -> Result<(Box<dyn Group>, T, Cost)> {
        self.limit.step(self.plan.n, name, || {
            let before = party.counts();
            let clock = Clock::start();
            let (mut group, more) = join()?;
            let worked = clock.stop();
            let clock = Clock::start();
            group.save()?;
            let cost = Cost { work: worked, save: clock.stop(), ..Cost::default() };
            Ok((group, more, cost.stored(party.counts() - before)))
        })
    }

    /// Builds and merges a Commit. Returns what both took.
    fn commit(
        &self,
        name: &'static str,
        member: &mut Member,
        change: Change<'_>,
        tree: TreeAt,
    ) -> Result<(Commit, Cost, Cost)> {
        let (commit, built) = self.step(name, member, |group| group.build(change, tree))?;
        let ((), merged) = self.step(name, member, |group| group.merge())?;
        Ok((commit, built, merged))
    }

    fn key_packages(&self) -> Result<()> {
        self.begin();
        let party = self.party("packer")?;
        party.key_package()?;
        for _ in (0..).take_while(|&turn| self.goes_on(turn)) {
            let before = party.counts();
            let clock = Clock::start();
            let mut wire = 0;
            for _ in 0..KEY_PACKAGES {
                wire = self.limit.step(self.plan.n, "key_package", || party.key_package())?.len();
            }
            let cost = Cost { work: clock.stop(), ..Cost::default() }.stored(party.counts() - before);
            let note = Note { wire, operations: KEY_PACKAGES, ..Note::default() };
            self.row(("key_package", Tree::Fresh, Temperature::Warm), cost.each(KEY_PACKAGES), note);
        }
        Ok(())
    }
}

/// Fails unless all of them are in the same epoch with the same secrets.
fn agree<'a>(members: impl IntoIterator<Item = &'a Member>) -> Result<()> {
    let mut common = None;
    for member in members {
        let own = (member.group.epoch(), member.group.authenticator()?);
        if *common.get_or_insert_with(|| own.clone()) != own {
            return Err(Failure::from("the members do not agree on the epoch's authenticator"));
        }
    }
    Ok(())
}

/// The levels of parents above the leaves in a group of so many.
const fn depth(n: u32) -> u32 {
    n.next_power_of_two().trailing_zeros()
}

/// Of the parents in the sender's filtered direct path, with all leaves from 0 to n taken: those above the common ancestor with
/// the receiver, and all.
fn path(n: u32, sender: u32, receiver: u32) -> (u32, u32) {
    let common = u32::BITS - (sender ^ receiver).leading_zeros();
    let in_path = |level: u32| (((sender >> (level - 1)) ^ 1) << (level - 1)) < n;
    let count =
        |levels: std::ops::RangeInclusive<u32>| levels.filter(|&level| in_path(level)).map(|_| 1).sum();
    (count(common + 1..=depth(n)), count(1..=depth(n)))
}

/// HPKE ciphertexts in the path of a Commit that removes the member at leaf n, which comes last in a group that was full of keys: the
/// parents above that leaf are blank, but for those in the sender's path.
fn seals_of_remove(n: u32, sender: u32) -> u32 {
    let common = u32::BITS - (sender ^ n).leading_zeros();
    let beside = |level: u32| (((n >> (level - 1)) ^ 1) << (level - 1)) < n;
    let (_, levels) = path(n, sender, sender);
    let instead = (1..common).filter(|&level| beside(level)).map(|_| 1).sum::<u32>();
    // One subtree of the sender's copath has that leaf in it, unless there is nobody else in it.
    if instead > 0 { levels - 1 + instead } else { levels }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_skip_subtrees_without_members() {
        assert_eq!(path(8, 0, 1), (2, 3));
        assert_eq!(path(8, 0, 7), (0, 3));
        // Leaves 8 and 9 of ten: nobody is below the right children of their grandparent and its parent.
        assert_eq!(path(10, 9, 8), (1, 2));
        assert_eq!(path(10, 0, 9), (0, 4));
        // The sender's copath: leaf 1, two subtrees with keys, and one that is blank above the parent of leaves 8 and 9.
        assert_eq!(seals_of_remove(10, 0), 4);
        assert_eq!(seals_of_remove(8, 0), 3);
        assert_eq!((depth(2), depth(10), depth(1_000_000)), (1, 4, 20));
    }
}
